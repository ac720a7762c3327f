//! What a job came to, and the one place where outcomes are written, in source order.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::meter::{Clock, Pass};
use super::notes::Notes;
use super::ordered::Weight;
use super::resume::{OpenRecord, Record, sync_folder};
use super::{PAGES_BEFORE_LIMIT, Progress, RunOptions, SideFiles};
use crate::charset::Charset;
use crate::error::{ProblemKind, RunError};
use crate::record::{SiteTally, Stage};
use crate::report::Counts;
use crate::sink::archive::OutputArchive;
use crate::sink::atomic::AtomicFile;
#[cfg(feature = "parquet")]
use crate::sink::table::{Layout, OutputTable};
use crate::sink::{Output, Part, Sink, render};
use crate::source::FileEntry;
use crate::source::archive::Archive;
use crate::source::rows::Row;

/// What one job came to, in memory.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Its part of the report.
    pub counts: Counts,
    /// Bytes taken from files, packed ones where they are packed.
    pub file_bytes: u64,
    /// The same by site, where that is wanted.
    pub sites: SiteTally,
    /// Rows for the ledger.
    pub ledger: Vec<u8>,
    /// Rejected rows, byte for byte.
    pub rejects: Vec<u8>,
    /// What is told.
    pub notes: Notes,
    /// Whole files for a sink that takes them in order.
    pub files: Vec<(FileEntry, Written)>,
    /// A stretch of a file that comes in chunks.
    pub chunk: Option<ChunkOutcome>,
}

/// What is written of a page or stretch.
#[derive(Debug, Default)]
pub struct Written {
    /// The text, tagged text or rows.
    pub text: Vec<u8>,
    /// The companion file, where the mode has one.
    pub spans: Option<Vec<u8>>,
    /// It has another form than its file, whose name gets this ending.
    pub ending: Option<&'static str>,
    /// The text is a stretch of a file of Parquet that is to be so.
    #[cfg(feature = "parquet")]
    pub table: Option<Box<Layout>>,
}

impl Written {
    /// Memory that it holds, in bytes.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.spans.as_ref().map_or(0, Vec::len)
    }

    /// The name of the output of a file.
    fn name<'f>(&self, file: &'f FileEntry) -> Cow<'f, Path> {
        match self.ending {
            Some(ending) => Cow::Owned(render::made_name(&file.name, ending)),
            None => Cow::Borrowed(&file.name),
        }
    }
}

/// What a chunk came to.
#[derive(Debug)]
pub struct ChunkOutcome {
    pub file: Arc<FileEntry>,
    pub written: Written,
    /// What the file's rows hold, if it has rows.
    pub rows: RowsSeen,
    pub is_last: bool,
    /// The file ended too soon: this chunk says so, and alone makes no output.
    pub is_cut: bool,
    /// The file could not be read to its end: nothing of it is written.
    pub has_failed: bool,
}

impl ChunkOutcome {
    /// What was written of a chunk, or of a part of one, of which nothing else is to be said.
    pub fn new(file: &Arc<FileEntry>, written: Written, is_last: bool) -> Self {
        ChunkOutcome {
            file: Arc::clone(file),
            written,
            rows: RowsSeen::default(),
            is_last,
            is_cut: false,
            has_failed: false,
        }
    }
}

/// Whether the text field was there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RowsSeen {
    pub rows: u64,
    pub with_text: u64,
    /// The fields of the first row.
    pub fields: Vec<String>,
    /// The text field that was looked for.
    pub text_field: String,
}

impl Outcome {
    /// A problem with a whole file.
    pub fn tell(&mut self, file: &FileEntry, kind: ProblemKind) {
        self.notes.problem(file.problem(None, None, kind));
    }

    /// A problem at a place in a file: number of the record, offset in bytes.
    pub fn tell_at(&mut self, file: &FileEntry, record: Option<u64>, byte: u64, kind: ProblemKind) {
        self.notes.problem(file.problem(record, Some(byte), kind));
    }

    /// A page, part or row that is kept without being looked at.
    pub fn keep_unread(&mut self, text: &[u8]) {
        self.counts.copied_unchanged += 1;
        self.keep_bytes(text);
    }

    /// Text that is kept without being looked at.
    pub fn keep_bytes(&mut self, text: &[u8]) {
        self.counts.bytes_in += text.len() as u64;
        self.counts.bytes_kept += text.len() as u64;
    }

    /// Bytes that are not written.
    pub fn reject(&mut self, bytes: &[u8]) {
        self.counts.bytes_in += bytes.len() as u64;
        self.counts.bytes_rejected += bytes.len() as u64;
        self.rejects.extend_from_slice(bytes);
    }

    /// As [`Outcome::reject`], for a line that may be its file's last.
    pub fn reject_line(&mut self, line: &[u8]) {
        self.reject(line);
        if !line.ends_with(b"\n") {
            self.rejects.push(b'\n');
        }
    }

    /// A page, if it was made of HTML of so many bytes.
    pub fn note_html(&mut self, html_bytes: Option<u64>) {
        self.counts.html_pages += u64::from(html_bytes.is_some());
        self.counts.html_bytes += html_bytes.unwrap_or(0);
    }

    /// A page of text that was not in UTF-8, and what it was converted from.
    pub fn note_charset(&mut self, page: &[u8], charset: Option<Charset>) {
        match charset {
            Some(_) => self.counts.converted += 1,
            None => self.counts.charset_unknown += 1,
        }
        self.notes.charset(page, charset);
    }

    /// A page of which no line stays.
    pub fn empty(&mut self, page: &[u8]) {
        self.counts.pages_emptied += 1;
        self.notes.emptied(page);
    }
}

impl Weight for Outcome {
    fn bytes(&self) -> usize {
        let files: usize = self.files.iter().map(|(_, file)| file.bytes()).sum();
        let chunk = self.chunk.as_ref().map_or(0, |chunk| chunk.written.bytes());
        let own = self.ledger.len() + self.rejects.len() + self.notes.bytes();
        own + self.sites.bytes() + files + chunk
    }
}

/// Writes outcomes, adds up the report, tells of problems.
pub struct Writer<'r> {
    sink: &'r dyn Sink,
    side_files: SideFiles,
    progress: &'r mut dyn Progress,
    options: &'r RunOptions,
    clock: Clock<'r>,
    counts: Counts,
    sites: SiteTally,
    open: Option<OpenFile<'r>>,
    /// Length of the ledger before rows that were written ahead of the job at hand.
    rows_ahead_from: Option<u64>,
    /// Bytes of the files read so far, as they lie on disk.
    file_bytes: u64,
    /// Whole outputs that a checkpoint has named as begun: they get their names at the next.
    pending: Vec<Box<dyn Output + 'r>>,
}

fn length(file: &Option<AtomicFile>) -> u64 {
    file.as_ref().map_or(0, AtomicFile::length)
}

/// A file that comes in chunks.
struct OpenFile<'r> {
    text: Box<dyn Output + 'r>,
    spans: Option<Box<dyn Output + 'r>>,
    rows: RowsSeen,
    /// What the file came to so far.
    counts: Counts,
    sites: SiteTally,
    /// Lengths of ledger and rejects before it.
    ledger_length: u64,
    rejects_length: u64,
    /// A checkpoint names it, so that a later one must say what became of it.
    is_logged: bool,
}

impl OpenFile<'_> {
    /// What a checkpoint says of it; None for what nobody can go on with.
    fn record(&mut self) -> Result<Option<OpenRecord>, RunError> {
        let Some(text) = self.text.checkpoint()? else {
            return Ok(None);
        };
        let spans = self.spans.as_mut().map(|spans| spans.checkpoint());
        self.is_logged = true;
        Ok(Some(OpenRecord {
            text,
            spans: spans.transpose()?.flatten(),
            rows: self.rows.clone(),
            counts: self.counts,
            ledger_length: self.ledger_length,
            rejects_length: self.rejects_length,
        }))
    }

    fn resume(record: &OpenRecord) -> Result<Self, RunError> {
        let output = |partial| -> Result<Box<dyn Output>, RunError> {
            Ok(Box::new(AtomicFile::resume(partial)?))
        };
        Ok(OpenFile {
            text: output(&record.text)?,
            spans: record.spans.as_ref().map(output).transpose()?,
            rows: record.rows.clone(),
            counts: record.counts,
            sites: SiteTally::default(),
            ledger_length: record.ledger_length,
            rejects_length: record.rejects_length,
            is_logged: true,
        })
    }
}

impl<'r> Writer<'r> {
    /// A writer that goes on where the log of the side files says.
    ///
    /// # Errors
    ///
    /// What was left in the middle is not as it was left.
    pub fn new(
        sink: &'r dyn Sink,
        mut side_files: SideFiles,
        progress: &'r mut dyn Progress,
        options: &'r RunOptions,
    ) -> Result<Self, RunError> {
        let before = side_files.log.as_mut().and_then(|log| log.take_before());
        let before = before.unwrap_or_default();
        let open = before.open.as_ref().map(OpenFile::resume).transpose()?;
        progress.done(before.file_bytes);
        Ok(Writer {
            sink,
            side_files,
            progress,
            options,
            clock: Clock::of_turns(options.meter.as_ref(), Pass::Two),
            sites: SiteTally::default(),
            counts: before.counts,
            open,
            rows_ahead_from: None,
            file_bytes: before.file_bytes,
            pending: Vec::new(),
        })
    }

    /// Writes what a job came to, or the last of it; a checkpoint may follow.
    pub fn take(&mut self, outcome: Outcome) -> Result<(), RunError> {
        if let Some(log) = &mut self.side_files.log {
            log.pass();
        }
        self.take_part(outcome)?;
        if self.side_files.log.as_ref().is_some_and(|log| log.is_due()) {
            self.checkpoint(false, None)?;
            self.clock.lap(Stage::Write);
        }
        Ok(())
    }

    /// Writes a part of what a job came to, of a file that can be read so far. A checkpoint counts
    /// whole jobs, so there is none before the job's end.
    pub fn take_part(&mut self, mut outcome: Outcome) -> Result<(), RunError> {
        self.clock.begin_job();
        let file_bytes = outcome.file_bytes;
        self.file_bytes += file_bytes;
        if let Some(chunk) = &outcome.chunk {
            self.open(chunk)?;
        }
        self.write_ledger(&outcome.ledger)?;
        if let Some(rejects) = &mut self.side_files.rejects {
            rejects.write(&outcome.rejects)?;
        }
        self.tell(&mut outcome.notes);
        for (file, written) in &outcome.files {
            put(self.sink, file, written)?;
        }
        self.rows_ahead_from = None;
        match outcome.chunk {
            Some(chunk) => self.take_chunk(chunk, &outcome.counts, &outcome.sites)?,
            None => self.add(&outcome.counts, &outcome.sites),
        }
        self.clock.lap(Stage::Write);
        self.progress.done(file_bytes);
        if self.counts.pages >= PAGES_BEFORE_LIMIT {
            self.check_limits()?;
        }
        Ok(())
    }

    /// Writes ledger rows ahead of their outcome. Where this is a file's first, it remembers
    /// where its rows begin.
    pub fn write_ledger_ahead(&mut self, rows: &[u8]) -> Result<(), RunError> {
        if self.open.is_none() {
            let length = length(&self.side_files.ledger);
            self.rows_ahead_from.get_or_insert(length);
        }
        self.write_ledger(rows)
    }

    fn write_ledger(&mut self, rows: &[u8]) -> Result<(), RunError> {
        match &mut self.side_files.ledger {
            Some(ledger) => ledger.write(rows),
            None => Ok(()),
        }
    }

    /// Tells notes, be it ahead of their outcome.
    pub fn tell(&mut self, notes: &mut Notes) {
        self.counts.problems += notes.tell(self.progress);
    }

    /// Opens the file of a chunk, if it is the first.
    fn open(&mut self, chunk: &ChunkOutcome) -> Result<(), RunError> {
        if self.open.is_some() || chunk.has_failed || chunk.is_cut {
            return Ok(());
        }
        let name = chunk.written.name(&chunk.file);
        let spans = chunk
            .written
            .spans
            .as_ref()
            .map(|_| self.sink.create(&name, Part::Spans))
            .transpose()?;
        let text = self.sink.create(&name, Part::Text)?;
        self.open = Some(OpenFile {
            text: match chunk.file.archive {
                #[cfg(feature = "parquet")]
                None if let Some(layout) = &chunk.written.table => {
                    let (layout, name) = (Layout::clone(layout), name.into_owned());
                    Box::new(OutputTable::new(
                        text,
                        layout,
                        name,
                        self.options.temp_directory(),
                    ))
                }
                Some(Archive::Zip) => Box::new(OutputArchive::new(text, name.into_owned())),
                Some(Archive::Tar) | None => text,
            },
            spans,
            rows: RowsSeen::default(),
            counts: Counts::default(),
            sites: SiteTally::default(),
            ledger_length: self
                .rows_ahead_from
                .unwrap_or_else(|| length(&self.side_files.ledger)),
            rejects_length: length(&self.side_files.rejects),
            is_logged: false,
        });
        Ok(())
    }

    fn add(&mut self, counts: &Counts, sites: &SiteTally) {
        self.counts.merge(counts);
        self.sites.merge(sites);
    }

    fn take_chunk(
        &mut self,
        chunk: ChunkOutcome,
        counts: &Counts,
        sites: &SiteTally,
    ) -> Result<(), RunError> {
        let Some(mut open) = self.open.take() else {
            self.add(counts, sites);
            return Ok(());
        };
        open.counts.merge(counts);
        open.sites.merge(sites);
        if chunk.has_failed {
            return self.withhold(open);
        }
        open.text.write(&chunk.written.text)?;
        if let (Some(output), Some(spans)) = (&mut open.spans, &chunk.written.spans) {
            output.write(spans)?;
        }
        open.rows.add(chunk.rows);
        if !chunk.is_last {
            self.open = Some(open);
            return Ok(());
        }
        self.add(&open.counts, &open.sites);
        for output in std::iter::once(open.text).chain(open.spans) {
            if open.is_logged {
                self.pending.push(output);
            } else {
                output.finish()?;
            }
        }
        if let Some(kind) = open.rows.no_text_field() {
            self.counts.problems += 1;
            self.progress.problem(&chunk.file.problem(None, None, kind));
        }
        Ok(())
    }

    /// Takes back all that was written of a file that could not be read to its end; its text
    /// counts as rejected.
    fn withhold(&mut self, open: OpenFile<'r>) -> Result<(), RunError> {
        let OpenFile { text, spans, .. } = open;
        let counts = &open.counts;
        self.counts.merge(&Counts {
            bytes_read: counts.bytes_read,
            bytes_in: counts.bytes_in,
            bytes_rejected: counts.bytes_in,
            ..Counts::default()
        });
        let lengths = (open.ledger_length, open.rejects_length);
        if open.is_logged {
            // The last checkpoint counts on bytes that go now, and on the file.
            self.checkpoint(false, Some(lengths))?;
        }
        if let Some(ledger) = &mut self.side_files.ledger {
            ledger.roll_back(lengths.0)?;
        }
        if let Some(rejects) = &mut self.side_files.rejects {
            rejects.roll_back(lengths.1)?;
        }
        std::iter::once(text)
            .chain(spans)
            .try_for_each(|output| output.discard())
    }

    /// Makes sure of all that is written and writes down how far the run came; then whole files
    /// that the checkpoint before knew as begun get their names. Of ledger and rejects only
    /// `lengths` count, where they are given.
    fn checkpoint(&mut self, is_done: bool, lengths: Option<(u64, u64)>) -> Result<(), RunError> {
        let SideFiles {
            ledger,
            rejects,
            log: Some(log),
        } = &mut self.side_files
        else {
            return Ok(());
        };
        let partial = |file: &mut Option<AtomicFile>, length: Option<u64>| {
            let partial = file.as_mut().map(|file| file.checkpoint()).transpose()?;
            let length = length.unwrap_or(u64::MAX);
            Ok::<_, RunError>(partial.flatten().map(|partial| partial.shortened(length)))
        };
        let pending = self.pending.iter_mut().map(|output| output.checkpoint());
        let pending = pending.collect::<Result<Vec<_>, _>>()?;
        let record = Record {
            jobs: log.jobs(),
            trail: log.passed(),
            is_done,
            counts: self.counts,
            file_bytes: self.file_bytes,
            open: match &mut self.open {
                Some(open) => match open.record()? {
                    Some(record) => Some(record),
                    // Nobody could go on in the middle of it: what was before still counts.
                    None => return Ok(()),
                },
                None => None,
            },
            pending: pending.into_iter().flatten().collect(),
            ledger: partial(ledger, lengths.map(|lengths| lengths.0))?,
            rejects: partial(rejects, lengths.map(|lengths| lengths.1))?,
        };
        self.sink.sync()?;
        log.write(&record)?;
        for output in self.pending.drain(..) {
            output.finish()?;
        }
        record
            .pending
            .iter()
            .try_for_each(|partial| sync_folder(partial.place()))
    }

    fn check_limits(&self) -> Result<(), RunError> {
        let removed_percent =
            self.counts.bytes_removed() as f64 * 100.0 / self.counts.bytes_in.max(1) as f64;
        match self.options.max_removed_percent {
            Some(max_percent) if removed_percent > max_percent => Err(RunError::TooMuchRemoved {
                removed_percent,
                max_percent,
                pages: self.counts.pages,
            }),
            _ => Ok(()),
        }
    }

    /// Ends the run: checks the limits once more and puts the side files under their names.
    pub fn finish(mut self) -> Result<Counts, RunError> {
        self.check_limits()?;
        if let Some(meter) = &self.options.meter {
            meter.set_sites(&self.sites);
        }
        let side_files = [
            self.side_files.ledger.take(),
            self.side_files.rejects.take(),
        ];
        let side_files = side_files.into_iter().flatten();
        if self.side_files.log.is_some() {
            for file in side_files {
                self.pending.push(Box::new(file));
            }
            self.checkpoint(true, None)?;
            return Ok(self.counts);
        }
        for file in side_files {
            Box::new(file).finish()?;
        }
        Ok(self.counts)
    }
}

impl RowsSeen {
    /// Notes a row, and the fields of the first.
    pub fn note(&mut self, row: &Row<'_>, text_field: &str) {
        if self.rows == 0 {
            self.fields = row.fields.iter().map(|name| name.to_string()).collect();
            self.text_field = text_field.to_owned();
        }
        self.rows += 1;
        self.with_text += u64::from(row.text.is_some());
    }

    /// Adds the rows of another stretch of the file.
    pub fn add(&mut self, more: RowsSeen) {
        if self.rows == 0 {
            self.fields = more.fields;
            self.text_field = more.text_field;
        }
        self.rows += more.rows;
        self.with_text += more.with_text;
    }

    /// The problem of a file of which no row has text.
    pub fn no_text_field(self) -> Option<ProblemKind> {
        (self.rows > 0 && self.with_text == 0).then_some(ProblemKind::NoTextField {
            field: self.text_field,
            seen: self.fields,
        })
    }
}

/// Writes a page and its companion.
pub fn put(sink: &dyn Sink, file: &FileEntry, written: &Written) -> Result<(), RunError> {
    let name = written.name(file);
    sink.put(&name, Part::Text, &written.text)?;
    match &written.spans {
        Some(spans) => sink.put(&name, Part::Spans, spans),
        None => Ok(()),
    }
}
