//! Pages in, the blocks of lines that they say again and again out, with their text.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::memory::Shares;
use super::meter::Pass;
use super::notes::Notes;
use super::ordered::{self, Turn, Weight};
use super::outcome::RowsSeen;
use super::unpack::{self, Found, Text, Walk};
use super::{Progress, RunOptions, until_stopped};
use crate::blocks::{
    BlockFinder, BlockRule, Extent, LineReader, PageLine, Repeats, Scope, TooManyLines,
};
use crate::config::CorpusNormalize;
use crate::error::{Problem, ProblemKind, RunError, io_at};
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::index::page_name;
use crate::page::{Line, split_lines};
use crate::source::inputs::{Input, InputFormat, StreamReader};
use crate::source::{FileEntry, Job, Source};

/// Of a block's text at most this many bytes are given.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

/// What was read of a job that is not ended yet goes ahead at its turn past so many bytes.
const MAX_BATCH_BYTES: usize = 32 << 20;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct RepeatsRequest {
    /// Which places count together; sites are told by [`RunOptions::site_by`].
    pub scope: Scope,
    /// What is folded away before lines are compared.
    pub normalize: CorpusNormalize,
    /// What lines are compared by.
    pub key: FingerprintKey,
    /// Which blocks, and how many.
    pub rule: BlockRule,
    /// Lines of each block's text that are given.
    pub max_text_lines: usize,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepeatsCounts {
    /// Pages.
    pub pages: u64,
    /// Their lines, blank ones counted.
    pub lines: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Files that are no pages.
    pub other_files: u64,
    /// Symbolic links, not followed.
    pub links: u64,
    /// Rows without the text field.
    pub rows_without_text: u64,
    /// What was not read; each was told to [`Progress`].
    pub problems: u64,
}

/// The text of a block as it stands in its first place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockText {
    /// Its lines, blank ones left out, with an LF between them; any bytes.
    pub bytes: Vec<u8>,
    /// More of it was left out: [`RepeatsRequest::max_text_lines`] or [`MAX_TEXT_BYTES`].
    pub is_cut: bool,
    /// Lines seen.
    lines: u32,
}

/// What was found, and where.
#[derive(Debug)]
pub struct RepeatsReport {
    /// What was read.
    pub counts: RepeatsCounts,
    /// The blocks.
    pub repeats: Repeats,
    /// Their texts, one for each of [`Repeats::blocks`].
    pub texts: Vec<BlockText>,
    places: Places,
}

impl RepeatsReport {
    /// The name of the page that a place lies on: the relative path, with `#RECORD` for a row.
    pub fn page_name(&self, extent: &Extent) -> Vec<u8> {
        let page = self.places.pages[extent.page as usize];
        let file = &self.places.files[page.file as usize];
        page_name(file.name.as_os_str().as_encoded_bytes(), page.record.into())
    }
}

/// Finds the blocks that the pages of `inputs` repeat.
///
/// # Output
///
/// The same for any number of threads. `progress` has heard of every problem by then; what
/// was read of a file before a problem counts. Scripts and style sheets are read as text here.
///
/// # Errors
///
/// What stops a run: more lines than [`crate::blocks::MAX_LINES`], a temporary file that
/// cannot be made, or [`RunError::Stopped`].
///
/// # Threading
///
/// As [`super::clean`] while pages are read; blocks are found by one thread.
///
/// # Memory
///
/// About 40 bytes for each line that is not blank, 12 for each page and 200 for each file;
/// besides, for each thread as [`super::clean`]. Texts are not held: the files with the first
/// places of the blocks told of are read once more. What comes as a stream is kept on disk
/// for that, in [`RunOptions::temp_dir`].
pub fn find_repeats(
    mut inputs: Vec<Input>,
    format: InputFormat,
    request: &RepeatsRequest,
    progress: &mut dyn Progress,
    options: &RunOptions,
) -> Result<RepeatsReport, RunError> {
    let copy = copy_streams(&mut inputs, options)?;
    let mut source = options.source(inputs, format);
    let next_job = until_stopped(&mut source, options, Pass::One);
    let gathered = Gathered {
        finder: BlockFinder::new(request.scope),
        counts: RepeatsCounts::default(),
        places: Places::default(),
        rows: RowsSeen::default(),
        progress,
    };
    let shares = Shares::of_counting(options);
    let gathered = ordered::run(
        shares.bounds,
        next_job,
        |job| shares.cost.of(job.bytes(), 0),
        gathered,
        || PageReader {
            options,
            request,
            bytes: Vec::new(),
            lines: LineReader::new(request.normalize).with_key(request.key.clone()),
        },
        |reader, job, turn| reader.work(job, turn),
        Gathered::take,
        |_| Ok(()),
    )?;
    let Gathered {
        finder,
        mut counts,
        places,
        progress,
        ..
    } = gathered;
    let repeats = finder.find(&request.rule);
    let mut texts = TextReader {
        request,
        options,
        format,
        places: &places,
        copy,
        wanted: wanted_by_page(&repeats),
        texts: vec![BlockText::default(); repeats.blocks.len()],
    };
    texts.read_all()?;
    let TextReader { texts, .. } = texts;
    for (block, text) in repeats.blocks.iter().zip(&texts) {
        if !text.is_cut && text.lines < block.lines {
            let page = places.pages[block.first[0].page as usize];
            let file = &places.files[page.file as usize];
            let why = "it changed before its text was shown".to_owned();
            progress.problem(&file.problem(None, None, ProblemKind::Unreadable(why)));
            counts.problems += 1;
        }
    }
    Ok(RepeatsReport {
        counts,
        repeats,
        texts,
        places,
    })
}

/// The same problem where nothing is written: what cannot be read is skipped.
fn skipped(kind: &ProblemKind) -> ProblemKind {
    let told = kind.to_string();
    let what = told.rsplit_once("; ").map_or(&told[..], |(what, _)| what);
    ProblemKind::Unreadable(what.to_owned())
}

/// Where pages stand.
#[derive(Debug, Default)]
struct Places {
    files: Vec<Arc<FileEntry>>,
    /// In source order.
    pages: Vec<PagePlace>,
}

#[derive(Clone, Copy, Debug)]
struct PagePlace {
    /// In `files`.
    file: u32,
    /// Number of the row, from 1; 0 for a file that is one page.
    record: u32,
}

/// Walks over a job as cleaning does, but what cleaning leaves unread is a problem, and a script,
/// style sheet or drawing is text.
fn each(
    job: Job,
    options: &RunOptions,
    bytes: &mut Vec<u8>,
    take: &mut unpack::Take<'_>,
) -> Result<u64, RunError> {
    let walk = Walk {
        options,
        is_wanted: &|_, _| true,
    };
    walk.each(job, bytes, &mut |found| {
        take(match found {
            Found::Other(other) if is_script(other.bytes) => Found::Text(Text {
                bytes: unpack::split_mark(other.bytes).1,
                ..other
            }),
            Found::Unread(problem) => Found::Problem(Problem {
                kind: skipped(&problem.kind),
                ..problem
            }),
            found => found,
        })
    })
}

/// Whether a file that is no page is text all the same: a script, style sheet or drawing.
fn is_script(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_none() && !bytes.starts_with(b"%PDF-")
}

/// What one thread read, in memory until its turn.
#[derive(Default)]
struct Batch {
    pieces: Vec<Piece>,
    /// The lines of all pieces.
    lines: Vec<PageLine>,
    notes: Notes,
    rows: RowsSeen,
    /// The file that ends with the job.
    ended: Option<Arc<FileEntry>>,
    counts: RepeatsCounts,
    bytes_read: u64,
}

/// A page, or a stretch of one.
struct Piece {
    /// None goes on with the page before.
    page: Option<(Arc<FileEntry>, u32, Option<Fingerprint>)>,
    /// Lines of it that are not blank.
    lines: usize,
    lines_before: u64,
}

impl Weight for Batch {
    fn bytes(&self) -> usize {
        size_of_val(&self.lines[..]) + size_of_val(&self.pieces[..]) + self.notes.bytes()
    }
}

type GatheredTurn<'l, 'p> = Turn<'l, Batch, Gathered<'p>>;

/// Reads the pages of one thread.
struct PageReader<'r> {
    options: &'r RunOptions,
    request: &'r RepeatsRequest,
    bytes: Vec<u8>,
    lines: LineReader,
}

impl PageReader<'_> {
    fn work(&mut self, job: Job, turn: &GatheredTurn<'_, '_>) -> Result<Batch, RunError> {
        let mut batch = Batch::default();
        let options = self.options;
        let mut bytes = std::mem::take(&mut self.bytes);
        let mut unread_bytes = 0;
        let read = each(job, options, &mut bytes, &mut |found| {
            match found {
                Found::Text(text) => return self.text(&text, &mut batch, turn),
                Found::Other(..) => batch.counts.other_files += 1,
                Found::LargeOther(bytes) => {
                    batch.counts.other_files += 1;
                    unread_bytes += bytes;
                }
                Found::Link => batch.counts.links += 1,
                Found::Row(row) => {
                    batch.rows.note(row, &options.fields.text);
                    batch.counts.rows_without_text += u64::from(row.text.is_none());
                }
                Found::End(file) => batch.ended = Some(Arc::clone(file)),
                Found::Problem(problem) | Found::Unread(problem) | Found::Fault(problem) => {
                    batch.notes.problem(problem);
                    return hand_over_much(&mut batch, turn);
                }
                Found::Begin(_) | Found::Whole(..) | Found::Unpacked(_) => {}
            }
            Ok(())
        });
        self.bytes = bytes;
        batch.bytes_read = read? + unread_bytes;
        Ok(batch)
    }

    fn text(
        &mut self,
        text: &Text<'_>,
        batch: &mut Batch,
        turn: &GatheredTurn<'_, '_>,
    ) -> Result<(), RunError> {
        let mut page = text.is_start.then(|| {
            let site = match self.request.scope {
                Scope::Site => {
                    let site = text.site(self.options);
                    site.map(|name| self.request.key.fingerprint(&name))
                }
                Scope::Page | Scope::Corpus => None,
            };
            (Arc::clone(text.file), text.record, site)
        });
        let mut lines_before = text.lines_before;
        batch.counts.pages += u64::from(text.is_start);
        batch.counts.bytes += text.bytes.len() as u64;
        let mut rest = unpack::parts(text.bytes, unpack::max_lines(self.options));
        loop {
            // A page without text is a page too.
            let part = rest.next();
            if part.is_none() && page.is_none() {
                return Ok(());
            }
            let before = batch.lines.len();
            let lines = self.lines.read(part.unwrap_or_default(), &mut batch.lines) as u64;
            batch.pieces.push(Piece {
                page: page.take(),
                lines: batch.lines.len() - before,
                lines_before,
            });
            batch.counts.lines += lines;
            lines_before += lines;
            hand_over_much(batch, turn)?;
        }
    }
}

/// Hands over what was read of a job so far, if it is much.
fn hand_over_much(batch: &mut Batch, turn: &GatheredTurn<'_, '_>) -> Result<(), RunError> {
    if batch.bytes() <= MAX_BATCH_BYTES {
        return Ok(());
    }
    turn.with_state(|gathered| gathered.take(std::mem::take(batch)))
}

/// Everything read so far, in source order.
struct Gathered<'p> {
    finder: BlockFinder,
    counts: RepeatsCounts,
    places: Places,
    /// Of the file at hand.
    rows: RowsSeen,
    progress: &'p mut dyn Progress,
}

impl Gathered<'_> {
    fn take(&mut self, mut batch: Batch) -> Result<(), RunError> {
        let mut lines = &batch.lines[..];
        for piece in batch.pieces {
            let (own, behind) = lines.split_at(piece.lines);
            lines = behind;
            let taken = match piece.page {
                Some((file, record, site)) => self.begin_page(file, record, site),
                None => Ok(()),
            };
            taken
                .and_then(|()| self.finder.add_lines(own, piece.lines_before))
                .map_err(|error| RunError::Refused(format!("{error}; name fewer inputs")))?;
        }
        self.tell(&mut batch.notes);
        self.rows.add(batch.rows);
        if let Some(file) = batch.ended {
            self.end_rows(&file);
        }
        let (counts, more) = (&mut self.counts, batch.counts);
        counts.pages += more.pages;
        counts.lines += more.lines;
        counts.bytes += more.bytes;
        counts.other_files += more.other_files;
        counts.links += more.links;
        counts.rows_without_text += more.rows_without_text;
        self.progress.done(batch.bytes_read);
        Ok(())
    }

    fn begin_page(
        &mut self,
        file: Arc<FileEntry>,
        record: u32,
        site: Option<Fingerprint>,
    ) -> Result<(), TooManyLines> {
        self.finder.begin_page(site)?;
        let files = &mut self.places.files;
        if files.last().is_none_or(|last| last.name != file.name) {
            files.push(file);
        }
        self.places.pages.push(PagePlace {
            file: files.len() as u32 - 1,
            record,
        });
        Ok(())
    }

    fn end_rows(&mut self, file: &FileEntry) {
        if let Some(kind) = std::mem::take(&mut self.rows).no_text_field() {
            self.counts.problems += 1;
            self.progress
                .problem(&file.problem(None, None, skipped(&kind)));
        }
    }

    fn tell(&mut self, notes: &mut Notes) {
        self.counts.problems += notes.tell(self.progress);
    }
}

/// Copies streams to a temporary file while they are read; the copy, where there is one.
fn copy_streams(inputs: &mut [Input], options: &RunOptions) -> Result<Option<File>, RunError> {
    let directory = options.temp_directory();
    let mut copy = None;
    for input in inputs {
        if let Input::Stream(_, reader) = input {
            let file = tempfile::tempfile_in(&directory).map_err(io_at(&directory))?;
            let into = file.try_clone().map_err(io_at(&directory))?;
            let stream = std::mem::replace(reader, StreamReader(Box::new(io::empty())));
            *reader = StreamReader(Box::new(Copied {
                stream: stream.0,
                into,
            }));
            copy = Some(file);
        }
    }
    Ok(copy)
}

/// A stream that is written down while it is read.
struct Copied {
    stream: Box<dyn Read + Send>,
    into: File,
}

impl Read for Copied {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(bytes)?;
        self.into.write_all(&bytes[..read])?;
        Ok(read)
    }
}

/// A stretch of a page that is shown: the first place of a block.
#[derive(Clone, Copy)]
struct Wanted {
    /// Number of the block.
    block: usize,
    extent: Extent,
}

/// Reads the texts of blocks.
struct TextReader<'r> {
    request: &'r RepeatsRequest,
    options: &'r RunOptions,
    format: InputFormat,
    places: &'r Places,
    /// What a stream held.
    copy: Option<File>,
    /// In source order.
    wanted: Vec<Wanted>,
    texts: Vec<BlockText>,
}

impl TextReader<'_> {
    /// Reads each file in which a block is wanted up to the last of them.
    fn read_all(&mut self) -> Result<(), RunError> {
        let places = self.places;
        let wanted = std::mem::take(&mut self.wanted);
        let file_of = |wanted: &Wanted| places.pages[wanted.extent.page as usize].file;
        for wanted in wanted.chunk_by(|left, right| file_of(left) == file_of(right)) {
            self.read(&places.files[file_of(&wanted[0]) as usize], wanted)?;
        }
        Ok(())
    }

    fn read(&mut self, file: &FileEntry, wanted: &[Wanted]) -> Result<(), RunError> {
        let input = match self.copy.take() {
            Some(mut copy) => {
                copy.rewind().map_err(io_at(&file.path))?;
                Input::Stream(file.clone(), StreamReader(Box::new(copy)))
            }
            None => Input::File(file.clone()),
        };
        let mut source = self.options.source(vec![input], self.format);
        let mut bytes = Vec::new();
        let (places, options) = (self.places, self.options);
        let record_of = |wanted: &Wanted| places.pages[wanted.extent.page as usize].record;
        let last = wanted.last().map_or(0, record_of);
        let mut is_behind = false;
        while !is_behind {
            let Some(job) = source.next_job()? else {
                break;
            };
            if options.stop.load(Ordering::Relaxed) {
                return Err(RunError::Stopped);
            }
            each(job, options, &mut bytes, &mut |found| {
                if let Found::Text(text) = found {
                    is_behind = text.record > last;
                    let from = wanted.partition_point(|wanted| record_of(wanted) < text.record);
                    let own = &wanted[from..];
                    let own = &own[..own.partition_point(|at| record_of(at) == text.record)];
                    self.page(&text, own);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Takes from a page, or a stretch of one, what is wanted of it.
    fn page(&mut self, text: &Text<'_>, wanted: &[Wanted]) {
        if wanted.is_empty() {
            return;
        }
        let mut lines = Vec::new();
        split_lines(text.bytes, &mut lines);
        let number = |line: &Line| text.lines_before + line.number as u64;
        for wanted in wanted {
            let from = lines.partition_point(|line| number(line) < wanted.extent.first_line.into());
            let told = &mut self.texts[wanted.block];
            let own = lines[from..].iter();
            let last = u64::from(wanted.extent.last_line);
            for line in own.take_while(|line| number(line) <= last) {
                told.push(line.text(text.bytes), self.request.max_text_lines);
                if told.is_cut {
                    break;
                }
            }
        }
    }
}

impl BlockText {
    fn push(&mut self, line: &[u8], max_lines: usize) {
        let room = MAX_TEXT_BYTES.saturating_sub(self.bytes.len() + 1);
        if self.lines as usize == max_lines || room == 0 {
            self.is_cut = true;
            return;
        }
        if self.lines > 0 {
            self.bytes.push(b'\n');
        }
        self.lines += 1;
        let mut end = line.len();
        if end > room {
            // Not inside a character.
            let begins = |at: &usize| line[*at] & 0xc0 != 0x80;
            end = (room.saturating_sub(3)..=room)
                .rev()
                .find(begins)
                .unwrap_or(room);
            self.is_cut = true;
        }
        self.bytes.extend_from_slice(&line[..end]);
    }
}

/// The first places of blocks, in source order.
fn wanted_by_page(repeats: &Repeats) -> Vec<Wanted> {
    let blocks = repeats.blocks.iter().enumerate();
    let mut wanted: Vec<Wanted> = blocks
        .filter_map(|(block, found)| {
            let &extent = found.first.first()?;
            Some(Wanted { block, extent })
        })
        .collect();
    wanted.sort_unstable_by_key(|wanted| (wanted.extent.page, wanted.block));
    wanted
}
