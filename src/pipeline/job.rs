//! One thread's work: a job in, its outcome out.

use std::borrow::Cow;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::memory::Shares;
use super::meter::{Clock, Pass};
use super::ordered::{Turn, Weight};
use super::outcome::{ChunkOutcome, Outcome, RowsSeen, Writer, Written, put};
use super::unpack::{
    self, FieldText, MemberPage, Page, RecordPage, RecordText, RowBytes, RowStretch, TextCharset,
};
use super::{Likeness, RunOptions};
use crate::cleaner::{Cleaned, CleanedLine, Cleaner, PageText, Workspace};
use crate::error::{Problem, ProblemKind, RunError, io_at};
use crate::evidence::PageAddress;
use crate::html::Structure;
use crate::index::{Names, Place, page_name};
use crate::record::Stage;
use crate::report::Counts;
use crate::sink::Sink;
use crate::sink::archive::Stretch;
use crate::sink::ledger::{self, Address};
use crate::sink::records::{self, RecordFormat};
use crate::sink::render::{self, Mode};
#[cfg(feature = "parquet")]
use crate::sink::table::{Layout, TableStretch};
use crate::source::archive::{Archive, Member, MemberRows};
use crate::source::content::TextFormat;
use crate::source::inputs::read_file;
use crate::source::packed::Packing;
#[cfg(feature = "parquet")]
use crate::source::table::{self, TableRows};
use crate::source::warc::{self, Batch, Batches, Fields, Item};
use crate::source::{Chunk, ChunkContent, FileEntry, Job, rows, site};

type WriterTurn<'l, 'r> = Turn<'l, Outcome, Writer<'r>>;

/// Works on jobs in memory of its own.
pub struct Worker<'r> {
    cleaner: &'r Cleaner,
    sink: &'r dyn Sink,
    options: &'r RunOptions,
    shares: Shares,
    wants_ledger: bool,
    workspace: Workspace,
    bytes: Vec<u8>,
    clock: Clock<'r>,
}

impl<'r> Worker<'r> {
    pub fn new(
        cleaner: &'r Cleaner,
        sink: &'r dyn Sink,
        options: &'r RunOptions,
        shares: Shares,
        wants_ledger: bool,
    ) -> Self {
        Worker {
            cleaner,
            sink,
            options,
            shares,
            wants_ledger,
            workspace: Workspace::default(),
            bytes: Vec::new(),
            clock: Clock::of_worker(options.meter.as_ref(), Pass::Two),
        }
    }

    /// Whether decisions can still be trusted; see [`crate::index::CorpusIndex::failure`].
    fn check_index(&self) -> Result<(), RunError> {
        let failure = self.cleaner.index().and_then(|index| index.failure());
        failure.map_or(Ok(()), |failure| {
            Err(RunError::Io {
                path: "the index's temporary file".into(),
                error: std::io::Error::new(failure.kind(), failure.to_string()),
            })
        })
    }

    pub fn work(&mut self, job: Job, turn: &WriterTurn<'_, 'r>) -> Result<Outcome, RunError> {
        self.clock.begin_job();
        let mut run = JobRun {
            worker: self,
            outcome: Outcome::default(),
            turn,
            holds_room: false,
        };
        match job {
            Job::Files(files) => {
                for file in files {
                    run.file(file)?;
                }
            }
            Job::Chunk(chunk) => run.chunk(*chunk)?,
            Job::Skipped(file, kind) => run.outcome.tell(&file, kind),
            Job::OtherFile(bytes) => {
                run.outcome.counts.other_files += 1;
                run.outcome.counts.other_bytes += bytes;
            }
            Job::Link => run.outcome.counts.links += 1,
        }
        let JobRun { outcome, .. } = run;
        self.clock.end_job(&outcome.counts);
        Ok(outcome)
    }

    /// Cleans one part; None where dechaff itself fails.
    fn clean<'p>(&mut self, part: PageText<'p>, address: &PageAddress<'_>) -> Option<Cleaned<'p>> {
        let (workspace, clock) = (&mut self.workspace, &mut self.clock);
        let cleaner = self.cleaner;
        clock.text(part.bytes.len());
        let cleaned = catch_unwind(AssertUnwindSafe(|| {
            cleaner.clean_page_watched(part, address, workspace, &mut |step| clock.step(step))
        }));
        if cleaned.is_err() {
            self.workspace = Workspace::default();
        }
        cleaned.ok()
    }

    /// The names that addresses in the output are given by.
    fn names(&self) -> Option<&'r Names> {
        self.cleaner.index().map(|index| &index.names)
    }

    /// The number of a file in the index.
    fn number_of(&self, file: &FileEntry) -> Option<u32> {
        self.names()
            .and_then(|names| unpack::number_in(names, file))
    }

    /// How what is written of a file is packed.
    fn packing(&self, file: &FileEntry) -> Option<Packing> {
        let is_zip = file.archive == Some(Archive::Zip);
        let named = self.options.output_packing.filter(|_| !is_zip);
        named.or(file.packing)
    }

    fn written(&self, text: Vec<u8>) -> Written {
        Written {
            text,
            spans: (self.options.mode == Mode::Spans).then(Vec::new),
            ..Written::default()
        }
    }
}

/// One job at work.
struct JobRun<'w, 'l, 'r> {
    worker: &'w mut Worker<'r>,
    outcome: Outcome,
    turn: &'w WriterTurn<'l, 'r>,
    /// The page at work takes so much memory that it had to be asked for.
    holds_room: bool,
}

impl JobRun<'_, '_, '_> {
    /// Waits until there is room for a page, or a part of one, to be cleaned.
    fn make_room(&mut self, page: &[u8]) -> Result<(), RunError> {
        self.hold(self.worker.shares.cost_of_page(page))
    }

    fn hold(&mut self, bytes: usize) -> Result<(), RunError> {
        self.holds_room |= self.worker.shares.hold(self.turn, bytes)?;
        Ok(())
    }

    /// Gives back the room of a page, and the memory that it was cleaned in.
    fn end_page(&mut self, cleaned: Cleaned<'_>) {
        if std::mem::take(&mut self.holds_room) {
            drop(cleaned);
            self.worker.workspace = Workspace::default();
            self.turn.let_go();
        } else {
            self.worker.workspace.reclaim(cleaned);
        }
    }

    /// Reads, cleans and writes one small file.
    fn file(&mut self, file: FileEntry) -> Result<(), RunError> {
        if let Some(kind) = unpack::not_read(&file, self.worker.options) {
            self.outcome.tell(&file, kind);
            return Ok(());
        }
        self.worker.clock.begin_page();
        let mut bytes = std::mem::take(&mut self.worker.bytes);
        let read = read_file(&file.path, &mut bytes);
        let written = match read {
            Ok(()) => {
                self.outcome.counts.bytes_read += bytes.len() as u64;
                self.outcome.file_bytes += bytes.len() as u64;
                self.worker.clock.read_whole(&file, &bytes);
                self.page(&file, &bytes, None)?
            }
            Err(kind) => {
                self.outcome.tell(&file, kind);
                None
            }
        };
        self.worker.bytes = bytes;
        let written = match (written, self.worker.packing(&file)) {
            (Some(written), Some(packing)) => Some(Written {
                text: pack(packing, &written.text, &file)?,
                ..written
            }),
            (written, _) => written,
        };
        let done = match written {
            Some(written) if self.worker.sink.takes_any_order() => {
                put(self.worker.sink, &file, &written)
            }
            Some(written) => {
                self.outcome.files.push((file, written));
                Ok(())
            }
            None => Ok(()),
        };
        self.worker.clock.lap(Stage::Write);
        done
    }

    /// Notes what was done with text of a site: all that was counted since `before`.
    fn note_site(&mut self, site: Option<&[u8]>, before: &Counts) {
        if let Some(site) = site.filter(|_| self.worker.clock.is_on()) {
            let Outcome { counts, sites, .. } = &mut self.outcome;
            sites.add_page(site, before, counts);
        }
    }

    /// Cleans a whole page of any content; None where nothing is to be written. Much of it is written
    /// ahead, if there is a file to write it to.
    fn page(
        &mut self,
        file: &FileEntry,
        bytes: &[u8],
        ahead: Option<&Arc<FileEntry>>,
    ) -> Result<Option<Written>, RunError> {
        let wants_structure = self.worker.cleaner.reads_structure();
        self.hold(self.worker.shares.cost.of(bytes.len(), 0))?;
        let page = unpack::page(file, bytes, self.worker.options, wants_structure);
        self.told_page(&PageFile::of(file), bytes, page, ahead)
    }

    /// Cleans a whole page of which it is told what it is.
    fn told_page(
        &mut self,
        file: &PageFile<'_>,
        bytes: &[u8],
        page: Page<'_>,
        ahead: Option<&Arc<FileEntry>>,
    ) -> Result<Option<Written>, RunError> {
        let ending;
        let (mark, text, structure) = match page {
            Page::Other => {
                self.outcome.counts.other_files += 1;
                self.outcome.counts.other_bytes += bytes.len() as u64;
                return Ok(None);
            }
            Page::Skipped(kind) => {
                self.outcome.notes.problem(file.problem(None, kind));
                return Ok(None);
            }
            Page::Unread(kind) => return Ok(Some(self.unread(file, bytes, kind))),
            Page::Text {
                mark,
                text,
                charset,
                html_bytes,
                structure,
            } => {
                match charset {
                    TextCharset::Utf8 => {}
                    TextCharset::OfHtml => self.outcome.counts.converted += 1,
                    TextCharset::Converted(charset, _) => {
                        self.outcome.note_charset(&file.name, Some(charset));
                    }
                    TextCharset::Unknown => self.outcome.note_charset(&file.name, None),
                }
                if let Some((byte, kind)) = charset.problem() {
                    self.outcome.notes.problem(file.problem(Some(byte), kind));
                }
                self.outcome.note_html(html_bytes);
                if html_bytes.is_none() {
                    self.note_likeness(&file.name, &text);
                }
                ending = html_bytes.map(|_| render::TEXT_ENDING);
                (mark, text, structure)
            }
        };
        let page = PageText {
            bytes: &text,
            structure: Some(&structure),
        };
        let address = Address::of_page(&file.name);
        let written = Written {
            ending,
            ..self.worker.written(mark.to_vec())
        };
        let written = self.text(file, page, address, written, true, ahead)?;
        Ok(Some(written))
    }

    /// Notes text that the user may have meant as something else: rows, or Parquet by its name.
    fn note_likeness(&mut self, page: &[u8], text: &[u8]) {
        let options = self.worker.options;
        if options.page_format != TextFormat::Auto {
            return;
        }
        if rows::look_like_rows(text, &options.fields) {
            self.outcome.notes.likeness(page, Likeness::Rows);
        }
        #[cfg(feature = "parquet")]
        if table::is_named(std::path::Path::new(&*String::from_utf8_lossy(page))) {
            self.outcome.notes.likeness(page, Likeness::Table);
        }
    }

    /// What stands in the output for bytes that are not looked at: themselves.
    fn unread(&mut self, file: &PageFile<'_>, bytes: &[u8], kind: ProblemKind) -> Written {
        self.outcome.notes.problem(file.problem(None, kind));
        self.outcome.keep_unread(bytes);
        self.worker.written(bytes.to_vec())
    }

    /// Cleans text: a page, or a stretch of one that begins at `address`.
    fn text(
        &mut self,
        file: &PageFile<'_>,
        text: PageText<'_>,
        mut address: Address<'_>,
        mut written: Written,
        is_page: bool,
        ahead: Option<&Arc<FileEntry>>,
    ) -> Result<Written, RunError> {
        let PageText {
            bytes: text,
            structure,
        } = text;
        let mode = self.worker.options.mode;
        written.text.reserve(text.len());
        let mut is_emptied = is_page && !text.is_empty();
        let options = self.worker.options;
        let site = site::of_file(file.entry, options.site_by);
        let mut before = self.outcome.counts;
        self.outcome.counts.pages += u64::from(is_page);
        let place = self.worker.number_of(file.file);
        let record = file
            .member
            .map_or(0, |member| unpack::row_record(member.number));
        let place = place.map(|number| unpack::page_place(number, record));
        let max_lines = unpack::max_lines(options);
        for part in unpack::parts(text, max_lines) {
            let lines_before = address.lines_before as usize;
            let in_corpus = PageAddress {
                site: site.as_deref(),
                place: place.map(|place| place.behind(lines_before)),
            };
            let page = PageText {
                bytes: part,
                // Of a page in parts there is none.
                structure,
            };
            self.make_room(part)?;
            let Some(cleaned) = self.worker.clean(page, &in_corpus) else {
                let problem = file.problem(None, ProblemKind::Internal);
                self.outcome.notes.problem(problem);
                self.outcome.keep_unread(part);
                written.text.extend_from_slice(part);
                is_emptied = false;
                continue;
            };
            is_emptied &= cleaned.is_empty();
            self.write(mode, &cleaned, address, &mut written)?;
            address.lines_before += cleaned.line_count() as u64;
            address.bytes_before += part.len() as u64;
            self.end_page(cleaned);
            if let Some(file) = ahead.filter(|_| self.is_much(&written)) {
                self.note_site(site.as_deref(), &before);
                self.write_ahead(file, &mut written, self.worker.packing(file))?;
                before = self.outcome.counts;
            }
        }
        self.note_site(site.as_deref(), &before);
        if is_emptied {
            self.outcome.empty(address.page);
        }
        Ok(written)
    }

    /// Writes a cleaned text, its spans, its ledger rows and its part of the report.
    fn write(
        &mut self,
        mode: Mode,
        cleaned: &Cleaned<'_>,
        address: Address<'_>,
        written: &mut Written,
    ) -> Result<(), RunError> {
        let Written { text, spans, .. } = written;
        self.write_rest(cleaned, address, spans.as_mut(), |line| {
            render::write_line(mode, line, text);
        })
    }

    /// Writes the spans of a cleaned text, its ledger rows and its part of the report; its lines go
    /// to `put`.
    // Profiles tell it by its name.
    #[inline(never)]
    fn write_rest(
        &mut self,
        cleaned: &Cleaned<'_>,
        address: Address<'_>,
        mut spans: Option<&mut Vec<u8>>,
        mut put: impl FnMut(&CleanedLine<'_>),
    ) -> Result<(), RunError> {
        self.worker.check_index()?;
        self.outcome.counts.add_page(cleaned);
        let names = self.worker.names();
        for line in cleaned.each_line() {
            self.outcome.counts.add_line(&line);
            put(&line);
            if line.verdict.is_kept {
                continue;
            }
            if let Some(spans) = &mut spans {
                ledger::write_row(address, &line, names, spans);
            }
            if self.worker.wants_ledger {
                ledger::write_row(address, &line, names, &mut self.outcome.ledger);
                if self.outcome.ledger.len() > self.worker.shares.ahead_bytes {
                    self.turn
                        .with_state(|writer| writer.write_ledger_ahead(&self.outcome.ledger))?;
                    self.outcome.ledger.clear();
                }
            }
        }
        Ok(())
    }

    /// Tells what is to be told so far, if it is much: rows of a few bytes may each be a problem.
    fn tell_ahead(&mut self) -> Result<(), RunError> {
        let notes = &mut self.outcome.notes;
        if notes.bytes() <= self.worker.shares.ahead_bytes {
            return Ok(());
        }
        self.turn.with_state(|writer| {
            writer.tell(notes);
            Ok(())
        })
    }

    fn chunk(&mut self, mut chunk: Chunk) -> Result<(), RunError> {
        self.outcome.file_bytes += chunk.file_bytes;
        if let Some(batches) = warc::open(&mut chunk) {
            return self.stretch_of_records(&chunk, batches);
        }
        let file = &chunk.file;
        self.outcome.counts.bytes_read += chunk.bytes_read();
        let mut rows = RowsSeen::default();
        let mut has_failed = false;
        let not_read = unpack::not_read(file, self.worker.options);
        let written = match &chunk.content {
            _ if let Some(kind) = not_read => {
                if chunk.is_first {
                    self.outcome.tell(file, kind);
                }
                has_failed = true;
                Written::default()
            }
            ChunkContent::Text { is_whole: true, .. } => {
                match self.page(file, &chunk.bytes, Some(file))? {
                    Some(written) => written,
                    None => return Ok(()),
                }
            }
            ChunkContent::Text {
                lines_before,
                bytes_before,
                ..
            } => self.stretch(&chunk, *lines_before, *bytes_before)?,
            ChunkContent::Unread(problem) => {
                if let Some(kind) = problem {
                    self.outcome.tell_at(file, None, chunk.offset, kind.clone());
                    self.outcome.counts.copied_unchanged += 1;
                }
                self.outcome.counts.pages += u64::from(chunk.is_first);
                self.outcome.keep_bytes(&chunk.bytes);
                self.worker.written(chunk.bytes.clone())
            }
            ChunkContent::Rows { rows_before } => {
                let stretch = RowStretch::of_chunk(&chunk, *rows_before);
                Written {
                    text: self.rows(stretch, &mut rows)?,
                    ..Written::default()
                }
            }
            ChunkContent::Members { members, .. } => self.members(&chunk, members)?,
            #[cfg(feature = "parquet")]
            ChunkContent::Table(rows) => match self.table(&chunk, rows)? {
                Ok(written) => written,
                Err(kind) => {
                    if chunk.is_first {
                        self.outcome.tell(file, kind);
                    }
                    has_failed = true;
                    Written::default()
                }
            },
            ChunkContent::Rejected { row, problem } => {
                if let Some(kind) = problem {
                    self.outcome
                        .tell_at(file, row.map(u64::from), chunk.offset, kind.clone());
                    self.outcome.counts.rows_rejected += u64::from(row.is_some());
                }
                has_failed = row.is_none();
                match chunk.is_last {
                    true => self.outcome.reject_line(&chunk.bytes),
                    false => self.outcome.reject(&chunk.bytes),
                }
                Written::default()
            }
            // Opened above; one that is not holds nothing.
            ChunkContent::Records(_) => Written::default(),
            ChunkContent::Cut(problem) => {
                let kind = ProblemKind::Packed(problem.clone());
                self.outcome.tell_at(file, None, chunk.offset, kind);
                self.outcome.reject(&chunk.bytes);
                if !chunk.bytes.is_empty() {
                    self.outcome.rejects.push(b'\n');
                }
                Written::default()
            }
            ChunkContent::Failed(kind) => {
                self.outcome.tell_at(file, None, chunk.offset, kind.clone());
                has_failed = true;
                Written::default()
            }
        };
        let written = match (file.archive, &chunk.content) {
            (Some(archive), ChunkContent::Cut(_)) => Written {
                text: ended(file, Stretch::new(archive), chunk.is_last)?,
                ..written
            },
            _ => written,
        };
        let done = ChunkOutcome {
            rows,
            is_cut: matches!(chunk.content, ChunkContent::Cut(_)),
            has_failed,
            ..ChunkOutcome::new(file, written, chunk.is_last)
        };
        self.end_chunk(done, self.worker.packing(file))
    }

    /// Packs what was written of a chunk, or of a part of one, and puts it into the outcome.
    fn end_chunk(
        &mut self,
        mut chunk: ChunkOutcome,
        packing: Option<Packing>,
    ) -> Result<(), RunError> {
        let text = &mut chunk.written.text;
        if let Some(packing) = packing.filter(|_| chunk.is_last || !text.is_empty()) {
            *text = pack(packing, text, &chunk.file)?;
        }
        self.outcome.chunk = Some(chunk);
        Ok(())
    }

    /// Whether what is done so far takes so much memory that it is not held until the job's end.
    fn is_much(&self, written: &Written) -> bool {
        self.outcome.bytes() + written.bytes() > self.worker.shares.ahead_bytes
    }

    /// Writes what is done so far of a file that comes in chunks, at the job's turn.
    fn write_ahead(
        &mut self,
        file: &Arc<FileEntry>,
        written: &mut Written,
        packing: Option<Packing>,
    ) -> Result<(), RunError> {
        let part = Written {
            text: std::mem::take(&mut written.text),
            spans: written.spans.as_mut().map(std::mem::take),
            ending: written.ending,
            ..Written::default()
        };
        self.end_chunk(ChunkOutcome::new(file, part, false), packing)?;
        let outcome = std::mem::take(&mut self.outcome);
        self.worker.clock.end_job(&outcome.counts);
        self.turn.with_state(|writer| writer.take_part(outcome))?;
        self.worker.clock.begin_job();
        Ok(())
    }

    /// Cleans the members of a stretch of an archive.
    fn members(&mut self, chunk: &Chunk, members: &[Member]) -> Result<Written, RunError> {
        let file = &*chunk.file;
        let name = file.name.as_os_str().as_encoded_bytes();
        let mut all = self.worker.written(Vec::new());
        let Some(archive) = file.archive else {
            return Ok(all);
        };
        let mut stretch = Stretch::new(archive);
        let mut add = |member: &Member, ending: Option<&str>, content: &[u8]| {
            stretch
                .add(member, ending, content)
                .map_err(io_at(&file.name))
        };
        for member in members {
            let options = self.worker.options;
            let wants_structure = self.worker.cleaner.reads_structure();
            match unpack::member_page(file, member, &chunk.bytes, options, wants_structure) {
                MemberPage::Directory => {
                    add(member, None, b"")?;
                }
                MemberPage::Link => self.outcome.counts.links += 1,
                MemberPage::Skipped(kind) => {
                    let problem = unpack::member_problem(file, member, None, kind);
                    self.outcome.notes.problem(problem);
                }
                MemberPage::Rows(entry, rows) => {
                    let content = self.member_rows(chunk, member, &entry, rows)?;
                    add(member, None, &content)?;
                }
                MemberPage::Page(entry, bytes, page) => {
                    let place = PageFile {
                        file,
                        entry: &entry,
                        member: Some(member),
                        name: Cow::Owned(page_name(name, member.number)),
                    };
                    let Some(written) = self.told_page(&place, bytes, page, None)? else {
                        continue;
                    };
                    add(member, written.ending, &written.text)?;
                    if let (Some(all), Some(spans)) = (&mut all.spans, &written.spans) {
                        all.extend_from_slice(spans);
                    }
                }
            }
            if self.is_much(&all) {
                self.write_ahead(&chunk.file, &mut all, None)?;
            }
        }
        all.text = ended(file, stretch, chunk.is_last)?;
        Ok(all)
    }

    /// Cleans a stretch of a page that is larger than one chunk.
    fn stretch(
        &mut self,
        chunk: &Chunk,
        lines_before: u64,
        bytes_before: u64,
    ) -> Result<Written, RunError> {
        let file = &chunk.file;
        self.outcome.counts.pages += u64::from(chunk.is_first);
        if let Some(conversion) = &chunk.conversion {
            if chunk.is_first {
                let name = file.name.as_os_str().as_encoded_bytes();
                self.outcome.note_charset(name, conversion.charset);
            }
            if let Some((byte, kind)) = unpack::fault_of(conversion) {
                self.outcome.tell_at(file, None, byte, kind);
            }
        }
        if unpack::has_nul(&chunk.bytes, self.worker.options) {
            self.outcome
                .tell_at(file, None, chunk.offset, ProblemKind::Nul);
            self.outcome.keep_unread(&chunk.bytes);
            return Ok(self.worker.written(chunk.bytes.clone()));
        }
        let (mark, text) = unpack::split_mark_at(chunk.offset, &chunk.bytes);
        let name = file.name.as_os_str().as_encoded_bytes();
        if chunk.is_first {
            self.note_likeness(name, text);
        }
        let address = Address {
            page: name,
            id: None,
            lines_before,
            bytes_before,
        };
        let written = self.worker.written(mark.to_vec());
        let page = &PageFile::of(file);
        self.text(page, text.into(), address, written, false, Some(file))
    }

    /// Cleans the records of a stretch of WARC.
    fn stretch_of_records(&mut self, chunk: &Chunk, mut batches: Batches) -> Result<(), RunError> {
        let options = self.worker.options;
        let file = &chunk.file;
        let not_written = unpack::records_not_written(file, options);
        let is_read = not_written.is_none();
        let mut has_failed = !is_read;
        if let Some(kind) = not_written.filter(|_| chunk.is_first) {
            self.outcome.tell(file, kind);
        }
        let in_index = self.worker.number_of(file);
        // WET records are packed one by one.
        let has_rows = options.record_format == RecordFormat::Jsonl;
        let packing = self.worker.packing(file).filter(|_| has_rows);
        let mut written = self.written_of_records(file);
        while let Some(batch) = batches.next_batch() {
            self.outcome.counts.bytes_read += batch.read_bytes;
            has_failed |= batch.has_failed;
            for item in batch.items.iter().filter(|_| is_read) {
                self.record_item(file, in_index, &batch, item, &mut written)?;
            }
            // What is written of a file that fails goes at the job's end.
            if !has_failed && self.is_much(&written) {
                self.write_ahead(file, &mut written, packing)?;
            }
        }
        let done = ChunkOutcome {
            has_failed,
            ..ChunkOutcome::new(file, written, chunk.is_last)
        };
        self.end_chunk(done, packing)
    }

    /// Where what is written of records goes.
    fn written_of_records(&self, file: &FileEntry) -> Written {
        let options = self.worker.options;
        let is_wet = options.record_format == RecordFormat::Wet;
        Written {
            spans: (is_wet && options.mode == Mode::Spans).then(Vec::new),
            ending: unpack::records_ending(file, options),
            ..Written::default()
        }
    }

    /// Does with an item of WARC what is to be done.
    fn record_item(
        &mut self,
        file: &FileEntry,
        in_index: Option<u32>,
        batch: &Batch,
        item: &Item,
        written: &mut Written,
    ) -> Result<(), RunError> {
        let (number, offset, bytes, problem) = match item {
            Item::Other => {
                self.outcome.counts.other_records += 1;
                return Ok(());
            }
            Item::Failed { offset, problem } => {
                self.outcome.tell_at(file, None, *offset, problem.clone());
                return Ok(());
            }
            Item::Rejected {
                number,
                offset,
                bytes,
                problem,
            } => (*number, *offset, &bytes[..], problem.clone()),
            Item::Record {
                number,
                offset,
                head,
                block,
            } => {
                let fields = Fields::read(&batch.buffer[head.clone()]);
                let options = self.worker.options;
                let wants_structure = self.worker.cleaner.reads_structure();
                let block = &batch.buffer[block.clone()];
                let cost = self.worker.shares.cost;
                let ask = |bytes| self.hold(cost.of(bytes, 0));
                match unpack::record_page(&fields, block, options, wants_structure, ask)? {
                    RecordPage::Other => {
                        self.outcome.counts.other_records += 1;
                        return Ok(());
                    }
                    RecordPage::Page(page) => {
                        let record = unpack::row_record(*number);
                        let place = RowPlace {
                            file,
                            entry: file,
                            name: file.name.as_os_str().as_encoded_bytes(),
                            in_index: in_index.map(|file| unpack::page_place(file, record)),
                            number: *number,
                        };
                        return self.record(&fields, &page, &place, *offset, written);
                    }
                    RecordPage::Rejected(kind) => {
                        let bytes = &batch.buffer[head.start..head.end + block.len()];
                        (Some(*number), *offset, bytes, Some(kind))
                    }
                }
            }
        };
        if let Some(kind) = problem {
            self.outcome.tell_at(file, number, offset, kind);
            self.outcome.counts.rows_rejected += 1;
        }
        self.outcome.reject(bytes);
        Ok(())
    }

    /// Cleans the page of a WARC record and appends what is written of it.
    fn record(
        &mut self,
        fields: &Fields<'_>,
        page: &RecordText<'_>,
        place: &RowPlace<'_>,
        offset: u64,
        written: &mut Written,
    ) -> Result<(), RunError> {
        let options = self.worker.options;
        let is_wet = options.record_format == RecordFormat::Wet;
        self.worker.clock.begin_page();
        let before = self.outcome.counts;
        let name = page_name(place.name, place.number);
        let mut body = Written {
            text: Vec::with_capacity(page.text.len()),
            spans: written.spans.as_ref().map(|_| Vec::new()),
            ..Written::default()
        };
        let url = records::url(fields);
        let id = options.fields.id.as_ref().and(records::id(fields));
        self.make_room(page.text.as_bytes())?;
        let cleaned =
            self.clean_record(page.text.as_bytes(), &page.structure, url.as_deref(), place);
        let cleaned = match cleaned {
            Ok(cleaned) => {
                let mode = if is_wet { options.mode } else { Mode::Drop };
                let address = Address::of_page(&name).with_id(id.as_deref());
                self.write(mode, &cleaned, address, &mut body)?;
                Some(cleaned)
            }
            Err(kind) => {
                self.outcome
                    .tell_at(place.file, Some(place.number), offset, kind);
                self.outcome.keep_unread(page.text.as_bytes());
                body.text.extend_from_slice(page.text.as_bytes());
                None
            }
        };
        if is_wet {
            let mut record = Vec::with_capacity(body.text.len() + 512);
            records::write_conversion(fields, page.is_conversion, &body.text, &mut record);
            if let Some(packing) = self.worker.packing(place.file) {
                record = pack(packing, &record, place.file)?;
            }
            written.text.extend_from_slice(&record);
        } else {
            let out = &mut written.text;
            records::begin_row(fields, out);
            let text = match options.mode {
                Mode::Drop => &body.text,
                Mode::Tag | Mode::Spans => page.text.as_bytes(),
            };
            let text = simdutf8::basic::from_utf8(text);
            let text = text.expect("lines of UTF-8 text are UTF-8");
            ledger::write_string([text], out);
            if let Some(cleaned) = cleaned.as_ref().filter(|_| options.mode != Mode::Drop) {
                self.write_decisions(cleaned, out);
            }
            out.extend_from_slice(b"}\n");
        }
        if let (Some(all), Some(own)) = (&mut written.spans, &body.spans) {
            all.extend_from_slice(own);
        }
        if let Some(cleaned) = cleaned {
            self.outcome.counts.converted += u64::from(page.is_converted);
            self.outcome.note_html(page.html_bytes);
            self.end_record(
                cleaned,
                page.text.as_bytes(),
                url.as_deref(),
                place,
                &before,
            );
        }
        Ok(())
    }

    /// Counts a row or record whose text was cleaned and written.
    fn end_record(
        &mut self,
        cleaned: Cleaned<'_>,
        text: &[u8],
        url: Option<&str>,
        place: &RowPlace<'_>,
        before: &Counts,
    ) {
        self.outcome.counts.pages += 1;
        self.note_record(url, place, before);
        if cleaned.is_empty() && !text.is_empty() {
            self.outcome.empty(&page_name(place.name, place.number));
        }
        self.end_page(cleaned);
        self.worker.clock.lap(Stage::Write);
    }

    /// Writes the decisions on a text as one field more of its row.
    fn write_decisions(&self, cleaned: &Cleaned<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(format!(",\"{}\":", render::FIELD).as_bytes());
        render::write_field(self.worker.options.mode, cleaned, self.worker.names(), out);
    }

    /// As [`JobRun::note_site`], for a row or record.
    fn note_record(&mut self, url: Option<&str>, place: &RowPlace<'_>, before: &Counts) {
        if self.worker.clock.is_on() {
            let site = site::of_record(place.entry, url, self.worker.options.site_by);
            self.note_site(site.as_deref(), before);
        }
    }

    /// Cleans the text of a row or record.
    fn clean_record<'t>(
        &mut self,
        text: &'t [u8],
        structure: &'t Structure,
        url: Option<&str>,
        place: &RowPlace<'_>,
    ) -> Result<Cleaned<'t>, ProblemKind> {
        let options = self.worker.options;
        if let Some(kind) = unpack::too_many_lines(text, options) {
            return Err(kind);
        }
        let site = site::of_record(place.entry, url, options.site_by);
        let in_corpus = PageAddress {
            site: site.as_deref(),
            place: place.in_index,
        };
        let page = PageText {
            bytes: text,
            structure: Some(structure),
        };
        let cleaned = self.worker.clean(page, &in_corpus);
        cleaned.ok_or(ProblemKind::Internal)
    }

    /// Cleans rows.
    fn rows(&mut self, stretch: RowStretch<'_>, seen: &mut RowsSeen) -> Result<Vec<u8>, RunError> {
        let name = stretch.file.name.as_os_str().as_encoded_bytes();
        let in_index = self.worker.number_of(stretch.file);
        let mut out = Vec::new();
        for row in stretch.rows() {
            out.extend_from_slice(row.mark);
            if row.is_blank() {
                out.extend_from_slice(row.bytes);
                continue;
            }
            let record = unpack::row_record(row.number);
            let place = RowPlace {
                file: stretch.file,
                entry: stretch.member.map_or(stretch.file, |(_, entry)| entry),
                name,
                in_index: in_index.map(|file| unpack::page_place(file, record)),
                number: row.number,
            };
            self.row(&stretch, &row, &place, seen, &mut out)?;
            self.tell_ahead()?;
        }
        Ok(out)
    }

    /// Cleans the rows of a member of an archive, and packs them as they were.
    fn member_rows(
        &mut self,
        chunk: &Chunk,
        member: &Member,
        entry: &FileEntry,
        rows: &MemberRows,
    ) -> Result<Vec<u8>, RunError> {
        let (file, bytes) = (&chunk.file, &chunk.bytes);
        let mut seen = RowsSeen::default();
        let stretch = RowStretch::of_member(file, member, entry, rows, bytes);
        let out = self.rows(stretch, &mut seen)?;
        if let Some(problem) = rows.told(file, member) {
            self.outcome.notes.problem(problem);
        }
        if let Some((half, _)) = rows.cut.as_ref().filter(|(half, _)| !half.is_empty()) {
            self.outcome.reject_line(&bytes[half.clone()]);
        }
        if let Some(kind) = seen.no_text_field() {
            let problem = unpack::member_problem(file, member, None, kind);
            self.outcome.notes.problem(problem);
        }
        match rows.packing {
            Some(packing) => pack(packing, &out, file),
            None => Ok(out),
        }
    }

    /// Cleans the rows of a stretch of Parquet; or why nothing is written of the file.
    #[cfg(feature = "parquet")]
    fn table(
        &mut self,
        chunk: &Chunk,
        rows: &TableRows,
    ) -> Result<Result<Written, ProblemKind>, RunError> {
        let has_field = self.worker.options.mode != Mode::Drop;
        let layout = match Layout::new(&rows.table, has_field) {
            Ok(layout) => layout,
            Err(kind) => return Ok(Err(kind)),
        };
        let name = chunk.file.name.as_os_str().as_encoded_bytes();
        let in_index = self.worker.number_of(&chunk.file);
        let mut stretch = TableStretch::default();
        for row in unpack::table_rows(chunk, rows) {
            let record = unpack::row_record(row.number);
            let place = RowPlace {
                file: &chunk.file,
                entry: &chunk.file,
                name,
                in_index: in_index.map(|file| unpack::page_place(file, record)),
                number: row.number,
            };
            let (text, field) = match row.text {
                Some(value) => self.table_row(value, &row, &place, rows.table.is_utf8())?,
                None => {
                    self.outcome.counts.rows_without_text += 1;
                    (None, None)
                }
            };
            stretch.add(text, field);
            self.tell_ahead()?;
        }
        let ended = stretch.end(&layout, rows.group);
        Ok(ended
            .map_err(table::refused(chunk.offset))
            .map(|text| Written {
                text,
                table: Some(Box::new(layout)),
                ..Written::default()
            }))
    }

    /// Cleans the text of a row of Parquet: what takes its place, and what stands in the column
    /// that is added.
    #[cfg(feature = "parquet")]
    fn table_row(
        &mut self,
        value: &[u8],
        row: &unpack::TableText<'_>,
        place: &RowPlace<'_>,
        is_utf8: bool,
    ) -> Result<TableValues, RunError> {
        self.worker.clock.begin_page();
        let before = self.outcome.counts;
        let options = self.worker.options;
        let wants_structure = self.worker.cleaner.reads_structure();
        let url = row.url.as_deref();
        let told = unpack::value_text(value, is_utf8, options, wants_structure);
        let FieldText {
            text,
            html_bytes,
            structure,
        } = match &told {
            Ok(told) => told,
            Err(kind) => {
                self.keep_value(value, kind.clone(), place);
                return Ok((Some(value.to_vec()), None));
            }
        };
        self.make_room(text)?;
        let cleaned = match self.clean_record(text, structure, url, place) {
            Ok(cleaned) => cleaned,
            Err(kind) => {
                self.keep_value(text, kind, place);
                return Ok((Some(value.to_vec()), None));
            }
        };
        let page = page_name(place.name, place.number);
        let mut body = Written {
            text: Vec::with_capacity(text.len()),
            ..Written::default()
        };
        let address = Address::of_page(&page).with_id(row.id.as_deref());
        self.write(Mode::Drop, &cleaned, address, &mut body)?;
        let (text_out, field) = match options.mode {
            Mode::Drop => (body.text, None),
            Mode::Tag | Mode::Spans => {
                let mut field = Vec::new();
                render::write_field(options.mode, &cleaned, self.worker.names(), &mut field);
                (text.to_vec(), Some(field))
            }
        };
        self.outcome.note_html(*html_bytes);
        self.end_record(cleaned, text, url, place, &before);
        Ok((Some(text_out), field))
    }

    /// Counts a value of Parquet that stays as it is.
    #[cfg(feature = "parquet")]
    fn keep_value(&mut self, text: &[u8], kind: ProblemKind, place: &RowPlace<'_>) {
        let problem = place.file.problem(Some(place.number), None, kind);
        self.outcome.notes.problem(problem);
        self.outcome.keep_unread(text);
    }

    fn row(
        &mut self,
        stretch: &RowStretch<'_>,
        row: &RowBytes<'_>,
        place: &RowPlace<'_>,
        seen: &mut RowsSeen,
        out: &mut Vec<u8>,
    ) -> Result<(), RunError> {
        self.worker.clock.begin_page();
        let before = self.outcome.counts;
        let options = self.worker.options;
        let line = row.bytes;
        let problem =
            |byte: usize, kind| stretch.problem(row.number, Some(row.offset + byte as u64), kind);
        let row = match rows::take_apart(line.trim_ascii_end(), &options.fields) {
            Ok(row) => row,
            Err(error) => {
                let problem = problem(error.byte, ProblemKind::BadRow(error.what));
                self.outcome.notes.problem(problem);
                self.outcome.counts.rows_rejected += 1;
                self.outcome.reject_line(line);
                return Ok(());
            }
        };
        seen.note(&row, &options.fields.text);
        let Some(field) = &row.text else {
            self.outcome.counts.rows_without_text += 1;
            out.extend_from_slice(line);
            return Ok(());
        };
        self.hold(self.worker.shares.cost.of(field.len(), 0))?;
        let wants_structure = self.worker.cleaner.reads_structure();
        let FieldText {
            text,
            html_bytes,
            structure,
        } = &unpack::field_text(field, options, wants_structure);
        let mode = options.mode;
        let is_taken = mode != Mode::Drop && row.fields.iter().any(|name| name == render::FIELD);
        self.make_room(text)?;
        let cleaned = if is_taken {
            Err(ProblemKind::FieldTaken(render::FIELD))
        } else {
            self.clean_record(text, structure, row.url.as_deref(), place)
        };
        let cleaned = match cleaned {
            Ok(cleaned) => cleaned,
            Err(kind) => {
                self.outcome.notes.problem(problem(0, kind));
                self.outcome.keep_unread(text);
                out.extend_from_slice(line);
                return Ok(());
            }
        };
        let page = page_name(place.name, place.number);
        let address = Address::of_page(&page).with_id(row.id);
        let mut kept = Kept::default();
        self.write_rest(&cleaned, address, None, |line| kept.add(line))?;
        if mode != Mode::Drop {
            kept = Kept::all(text);
        }
        let mut copied = 0;
        if kept.bytes < text.len() || html_bytes.is_some() {
            let text = match html_bytes {
                None => field,
                Some(_) => simdutf8::basic::from_utf8(text).expect("rendered text is UTF-8"),
            };
            out.extend_from_slice(&line[..row.value.start]);
            ledger::write_string(kept.texts(text), out);
            copied = row.value.end;
        }
        if mode != Mode::Drop {
            out.extend_from_slice(&line[copied..row.close]);
            self.write_decisions(&cleaned, out);
            copied = row.close;
        }
        out.extend_from_slice(&line[copied..]);
        self.outcome.note_html(*html_bytes);
        self.end_record(cleaned, text, row.url.as_deref(), place, &before);
        Ok(())
    }
}

/// What stays of a text.
#[derive(Default)]
struct Kept {
    /// In order; no two touch.
    stretches: Vec<Range<usize>>,
    /// Bytes of all.
    bytes: usize,
}

impl Kept {
    fn all(text: &[u8]) -> Self {
        Kept {
            stretches: std::iter::once(0..text.len()).collect(),
            bytes: text.len(),
        }
    }

    fn add(&mut self, line: &CleanedLine<'_>) {
        if !line.verdict.is_kept {
            return;
        }
        self.bytes += line.bytes.len();
        match self.stretches.last_mut() {
            Some(last) if last.end == line.start => last.end = line.end,
            _ => self.stretches.push(line.start..line.end),
        }
    }

    fn texts<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let stretches = self.stretches.iter();
        stretches.map(|stretch| &text[stretch.clone()])
    }
}

/// What is written of a packed file: a member or frame of its own.
fn pack(packing: Packing, bytes: &[u8], file: &FileEntry) -> Result<Vec<u8>, RunError> {
    packing.pack(bytes).map_err(io_at(&file.name))
}

/// What is written of a stretch of an archive.
fn ended(file: &FileEntry, stretch: Stretch, is_last: bool) -> Result<Vec<u8>, RunError> {
    stretch.end(is_last).map_err(io_at(&file.name))
}

/// What is written of a row of Parquet: its text, and the value of the column that is added.
#[cfg(feature = "parquet")]
type TableValues = (Option<Vec<u8>>, Option<Vec<u8>>);

/// A file that is one page, or a member of an archive.
struct PageFile<'a> {
    /// The file on disk.
    file: &'a FileEntry,
    /// What says the page's site: the file, or the member as a file of its own.
    entry: &'a FileEntry,
    member: Option<&'a Member>,
    /// The page's name.
    name: Cow<'a, [u8]>,
}

impl<'a> PageFile<'a> {
    fn of(file: &'a FileEntry) -> Self {
        PageFile {
            file,
            entry: file,
            member: None,
            name: Cow::Borrowed(file.name.as_os_str().as_encoded_bytes()),
        }
    }

    /// A problem with the page, at an offset in its file or member, in bytes.
    fn problem(&self, byte: Option<u64>, kind: ProblemKind) -> Problem {
        match self.member {
            Some(member) => unpack::member_problem(self.file, member, byte, kind),
            None => self.file.problem(None, byte, kind),
        }
    }
}

/// A row or record.
struct RowPlace<'a> {
    file: &'a FileEntry,
    /// What says its site where no URL does: the file, or the member that it is in.
    entry: &'a FileEntry,
    /// What stands before its number in its page's name.
    name: &'a [u8],
    in_index: Option<Place>,
    /// From 1.
    number: u64,
}
