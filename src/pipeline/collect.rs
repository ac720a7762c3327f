//! Pass one: every page of a source in, the corpus index out.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::ordered::{self, Turn, Weight};
use super::spill::SpillFile;
use super::unpack::{self, Page};
use super::{Progress, RunOptions};
use crate::collect::{CorpusBuilder, LEAST_COUNT, PageCounter};
use crate::config::Config;
use crate::error::RunError;
use crate::evidence::PageAddress;
use crate::index::builder::Builder;
use crate::index::runs::STRETCHES;
use crate::index::{CorpusIndex, Figures, Frozen, Names, Sites};
use crate::source::inputs::read_file;
use crate::source::{Chunk, ChunkContent, FileEntry, Job, Source, rows};

/// Pages whose keys wait for their turn hold at most about this many keys together.
const MAX_PENDING_KEYS: usize = 1 << 20;

/// Pass one over everything that `source` gives. `progress` hears of bytes done, not of
/// problems: pass two meets them again.
///
/// # Errors
///
/// What stops a run: memory that cannot be written out to disk, or [`RunError::Stopped`].
///
/// # Threading
///
/// As [`super::clean`]. The index does not depend on the number of threads.
///
/// # Memory
///
/// Half of [`RunOptions::max_memory_bytes`] for what is counted; past it sorted runs go to
/// [`RunOptions::temp_dir`]. Besides, about 20 bytes a page for its class and 40 bytes and
/// the name for each file.
pub fn index_corpus(
    config: &Config,
    source: &mut dyn Source,
    progress: &mut dyn Progress,
    options: &RunOptions,
) -> Result<CorpusIndex, RunError> {
    let directory = options.temp_dir.clone();
    let directory = directory.unwrap_or_else(std::env::temp_dir);
    let failed = |error| RunError::Io {
        path: directory.clone(),
        error,
    };
    let builder = CorpusBuilder::new(config, options.max_memory_bytes / 2, || {
        Arc::new(SpillFile::new(directory.clone()))
    });
    let next_job = || {
        if options.stop.load(Ordering::Relaxed) {
            return Err(RunError::Stopped);
        }
        source.next_job()
    };
    let state = Seen {
        sites: Sites::default(),
        names: Names::default(),
        progress,
    };
    let seen = ordered::run(
        options.threads,
        next_job,
        state,
        || Counter {
            options,
            directory: &directory,
            bytes: Vec::new(),
            pages: builder.counter(),
            files: Vec::new(),
        },
        |counter, job, turn| counter.work(job, turn),
        |seen, done: Done| {
            seen.progress.done(done.0);
            Ok(())
        },
        Counter::end,
    )?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()
        .map_err(|error| failed(std::io::Error::other(error)))?;
    let (sites, places) = pool.install(|| (freeze(builder.sites()), freeze(builder.places())));
    Ok(CorpusIndex {
        sites: sites.map_err(failed)?,
        places: places.map_err(failed)?,
        site_sizes: seen.sites.into_sizes(),
        names: seen.names,
    })
}

fn freeze<F: Figures>(builder: &Builder<F>) -> io::Result<Frozen<F>> {
    builder.close()?;
    let stretches: io::Result<Vec<_>> = (0..STRETCHES)
        .into_par_iter()
        .map(|index| builder.stretch(index, LEAST_COUNT))
        .collect();
    Ok(Frozen::new(stretches?))
}

/// What is noted in source order.
struct Seen<'p> {
    sites: Sites,
    names: Names,
    progress: &'p mut dyn Progress,
}

/// Bytes read.
struct Done(u64);

impl Weight for Done {
    fn bytes(&self) -> usize {
        0
    }
}

/// One thread of pass one.
struct Counter<'r> {
    options: &'r RunOptions,
    directory: &'r PathBuf,
    bytes: Vec<u8>,
    pages: PageCounter<'r>,
    /// Files of the job at hand.
    files: Vec<FileEntry>,
}

type SeenTurn<'l, 'p> = Turn<'l, Done, Seen<'p>>;

impl Counter<'_> {
    fn work(&mut self, job: Job, turn: &SeenTurn<'_, '_>) -> Result<Done, RunError> {
        let mut bytes_read = 0;
        match job {
            Job::Files(files) => {
                let mut bytes = std::mem::take(&mut self.bytes);
                for file in files {
                    if read_file(&file.path, &mut bytes).is_ok() {
                        bytes_read += bytes.len() as u64;
                        self.file(&file, &bytes, turn)?;
                    }
                    self.files.push(file);
                }
                self.bytes = bytes;
            }
            Job::Chunk(chunk) => {
                bytes_read = chunk.bytes.len() as u64;
                self.chunk(&chunk, turn)?;
            }
            Job::Skipped(..) | Job::OtherFile(_) | Job::Link => {}
        }
        self.settle(turn)?;
        Ok(Done(bytes_read))
    }

    /// Decides at the job's turn which of the pages that wait count.
    fn settle(&mut self, turn: &SeenTurn<'_, '_>) -> Result<(), RunError> {
        let (pages, files) = (&mut self.pages, &mut self.files);
        turn.with_state(|seen| {
            pages.settle(&mut seen.sites);
            for file in files.drain(..) {
                let name = file.name.as_os_str().as_encoded_bytes();
                seen.names.put(file.number, name);
            }
            Ok(())
        })
    }

    fn failed(&self, error: io::Error) -> RunError {
        RunError::Io {
            path: self.directory.clone(),
            error,
        }
    }

    fn end(self) -> Result<(), RunError> {
        let directory = self.directory;
        self.pages.end().map_err(|error| RunError::Io {
            path: directory.clone(),
            error,
        })
    }

    fn file(
        &mut self,
        file: &FileEntry,
        bytes: &[u8],
        turn: &SeenTurn<'_, '_>,
    ) -> Result<(), RunError> {
        match unpack::page(file, bytes, self.options) {
            Page::Text { text, .. } => self.text(file, &text, 0, turn),
            Page::Unread(_) | Page::Skipped(_) | Page::Other => Ok(()),
        }
    }

    /// Counts text: a page, or a stretch of one behind `lines_before` lines.
    fn text(
        &mut self,
        file: &FileEntry,
        text: &[u8],
        mut lines_before: u64,
        turn: &SeenTurn<'_, '_>,
    ) -> Result<(), RunError> {
        let address = unpack::file_address(file, Some(file.number), self.options);
        for part in unpack::parts(text, unpack::max_lines(self.options)) {
            let address = unpack::behind(address, lines_before);
            lines_before += self.page(part, &address, turn)? as u64;
        }
        Ok(())
    }

    fn chunk(&mut self, chunk: &Chunk, turn: &SeenTurn<'_, '_>) -> Result<(), RunError> {
        let file = &chunk.file;
        if chunk.offset == 0 {
            self.files.push(FileEntry::clone(file));
        }
        match &chunk.content {
            ChunkContent::Text { is_whole: true, .. } => self.file(file, &chunk.bytes, turn),
            ChunkContent::Text { lines_before, .. } => {
                if unpack::has_nul(&chunk.bytes, self.options) {
                    return Ok(());
                }
                let (_, text) = if chunk.offset == 0 {
                    unpack::split_mark(&chunk.bytes)
                } else {
                    chunk.bytes.split_at(0)
                };
                self.text(file, text, *lines_before, turn)
            }
            ChunkContent::Rows { rows_before } => self.rows(chunk, *rows_before, turn),
            ChunkContent::Unread(_) | ChunkContent::Rejected { .. } | ChunkContent::Failed(_) => {
                Ok(())
            }
        }
    }

    fn rows(
        &mut self,
        chunk: &Chunk,
        rows_before: u64,
        turn: &SeenTurn<'_, '_>,
    ) -> Result<(), RunError> {
        let max_lines = unpack::max_lines(self.options);
        for row in unpack::rows(&chunk.bytes, chunk.offset, rows_before) {
            if row.is_blank() {
                continue;
            }
            let Ok(apart) = rows::take_apart(row.bytes.trim_ascii_end(), &self.options.fields)
            else {
                continue;
            };
            let Some(text) = &apart.text else {
                continue;
            };
            if unpack::has_too_many_lines(text, max_lines) {
                continue;
            }
            let file = &chunk.file;
            let number = Some(file.number);
            let address = unpack::row_address(file, number, &apart, row.number, self.options);
            self.page(text.as_bytes(), &address, turn)?;
        }
        Ok(())
    }

    /// Counts a page, or a part of one; returns its lines.
    fn page(
        &mut self,
        page: &[u8],
        address: &PageAddress,
        turn: &SeenTurn<'_, '_>,
    ) -> Result<usize, RunError> {
        let added = self.pages.add_page(page, address);
        let lines = added.map_err(|error| self.failed(error))?;
        if self.pages.pending_keys() > MAX_PENDING_KEYS {
            self.settle(turn)?;
        }
        Ok(lines)
    }
}
