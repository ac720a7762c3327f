//! One thread's work: a job in, its outcome out.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::ordered::Turn;
use super::outcome::{ChunkOutcome, Outcome, RowsSeen, Writer, Written, put};
use super::{BYTES_A_LINE, RunOptions};
use crate::cleaner::{Cleaned, Cleaner, Workspace};
use crate::error::{ProblemKind, RunError};
use crate::page::LineCursor;
use crate::sink::Sink;
use crate::sink::ledger::{self, Address};
use crate::sink::render::{self, Mode};
use crate::source::content::{self, Content, UTF8_MARK};
use crate::source::inputs::read_file;
use crate::source::{Chunk, ChunkContent, FileEntry, Job, rows, utf16};

/// Ledger rows are written ahead of their outcome past this many bytes, at the job's turn.
const MAX_LEDGER_BYTES: usize = 8 << 20;

type WriterTurn<'l, 'r> = Turn<'l, Outcome, Writer<'r>>;

/// Works on jobs in memory of its own.
pub struct Worker<'r> {
    cleaner: &'r Cleaner,
    sink: &'r dyn Sink,
    options: &'r RunOptions,
    wants_ledger: bool,
    workspace: Workspace,
    bytes: Vec<u8>,
}

impl<'r> Worker<'r> {
    pub fn new(
        cleaner: &'r Cleaner,
        sink: &'r dyn Sink,
        options: &'r RunOptions,
        wants_ledger: bool,
    ) -> Self {
        Worker {
            cleaner,
            sink,
            options,
            wants_ledger,
            workspace: Workspace::default(),
            bytes: Vec::new(),
        }
    }

    pub fn work(&mut self, job: Job, turn: &WriterTurn<'_, 'r>) -> Result<Outcome, RunError> {
        let mut run = JobRun {
            worker: self,
            outcome: Outcome::default(),
            turn,
        };
        match job {
            Job::Files(files) => {
                for file in files {
                    run.file(file)?;
                }
            }
            Job::Chunk(chunk) => run.chunk(chunk)?,
            Job::Skipped(file, kind) => run.outcome.tell(&file, kind),
            Job::OtherFile(bytes) => {
                run.outcome.counts.other_files += 1;
                run.outcome.counts.other_bytes += bytes;
            }
            Job::Link => run.outcome.counts.links += 1,
        }
        Ok(run.outcome)
    }

    /// Cleans one part; None where dechaff itself fails.
    fn clean<'p>(&mut self, part: &'p [u8]) -> Option<Cleaned<'p>> {
        let workspace = &mut self.workspace;
        let cleaner = self.cleaner;
        let cleaned = catch_unwind(AssertUnwindSafe(|| {
            cleaner.clean_page_with(part, workspace)
        }));
        if cleaned.is_err() {
            self.workspace = Workspace::default();
        }
        cleaned.ok()
    }

    /// Lines that a page, or a part of one, may have.
    fn max_lines(&self) -> usize {
        (self.options.max_page_bytes / BYTES_A_LINE).max(1)
    }

    /// Cuts text that has more lines than a part may have. Ordinary pages are one part.
    fn parts<'p>(&self, text: &'p [u8]) -> impl Iterator<Item = &'p [u8]> + use<'p> {
        let max_lines = self.max_lines();
        let mut rest = text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = if rest.len() <= max_lines {
                rest.len()
            } else {
                let last = LineCursor::new(rest).take(max_lines).last();
                last.map_or(rest.len(), |line| line.next)
            };
            let (part, behind) = rest.split_at(end);
            rest = behind;
            Some(part)
        })
    }

    fn has_too_many_lines(&self, text: &str) -> bool {
        text.len() > self.max_lines()
            && LineCursor::new(text.as_bytes())
                .nth(self.max_lines())
                .is_some()
    }

    /// Whether what the mode writes beside a file finds a place.
    fn has_room_for(&self, file: &FileEntry) -> bool {
        self.options.mode != Mode::Spans || render::has_room_for_spans(&file.name)
    }

    fn written(&self, text: Vec<u8>) -> Written {
        Written {
            text,
            spans: (self.options.mode == Mode::Spans).then(Vec::new),
        }
    }
}

/// One job at work.
struct JobRun<'w, 'l, 'r> {
    worker: &'w mut Worker<'r>,
    outcome: Outcome,
    turn: &'w WriterTurn<'l, 'r>,
}

impl JobRun<'_, '_, '_> {
    /// Reads, cleans and writes one small file.
    fn file(&mut self, file: FileEntry) -> Result<(), RunError> {
        if !self.worker.has_room_for(&file) {
            self.outcome.tell(&file, ProblemKind::NoRoomForSpans);
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.worker.bytes);
        let read = read_file(&file.path, &mut bytes);
        let written = match read {
            Ok(()) => {
                self.outcome.counts.bytes_read += bytes.len() as u64;
                self.page(&file, &bytes)?
            }
            Err(kind) => {
                self.outcome.tell(&file, kind);
                None
            }
        };
        self.worker.bytes = bytes;
        match written {
            Some(written) if self.worker.sink.takes_any_order() => {
                put(self.worker.sink, &file.name, &written)
            }
            Some(written) => {
                self.outcome.files.push((file, written));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Cleans a whole page of any content; None where nothing is to be written.
    fn page(&mut self, file: &FileEntry, bytes: &[u8]) -> Result<Option<Written>, RunError> {
        let told = match content::tell(&file.name, bytes) {
            Content::Utf16 => Content::Utf16,
            _ if self.worker.options.is_text_forced => Content::Text,
            told => told,
        };
        let (mark, text) = match told {
            Content::Other => {
                self.outcome.counts.other_files += 1;
                self.outcome.counts.other_bytes += bytes.len() as u64;
                return Ok(None);
            }
            Content::Unread(format) => {
                self.outcome.tell(file, ProblemKind::UnreadFormat(format));
                return Ok(None);
            }
            Content::TextWithNul => {
                return Ok(Some(self.unread(file, bytes, ProblemKind::Nul)));
            }
            Content::Utf16WithoutMark => {
                let kind = ProblemKind::Utf16WithoutMark;
                return Ok(Some(self.unread(file, bytes, kind)));
            }
            Content::Utf16 => match utf16::decode(bytes) {
                Some(text) => {
                    self.outcome.counts.converted += 1;
                    (&b""[..], Cow::Owned(text.into_bytes()))
                }
                None => {
                    let kind = ProblemKind::BadUtf16;
                    return Ok(Some(self.unread(file, bytes, kind)));
                }
            },
            Content::Text => {
                let mark = bytes.strip_prefix(UTF8_MARK).map_or(0, |_| UTF8_MARK.len());
                let (mark, text) = bytes.split_at(mark);
                (mark, Cow::Borrowed(text))
            }
        };
        let name = file.name.as_os_str().as_encoded_bytes();
        let written = self.text(file, mark, &text, Address::of_page(name), true)?;
        Ok(Some(written))
    }

    /// What stands in the output for bytes that are not looked at: themselves.
    fn unread(&mut self, file: &FileEntry, bytes: &[u8], kind: ProblemKind) -> Written {
        self.outcome.tell(file, kind);
        self.outcome.keep_unread(bytes);
        self.worker.written(bytes.to_vec())
    }

    /// Cleans text: a page, or a stretch of one that begins at `address`.
    fn text(
        &mut self,
        file: &FileEntry,
        mark: &[u8],
        text: &[u8],
        mut address: Address<'_>,
        is_page: bool,
    ) -> Result<Written, RunError> {
        let mode = self.worker.options.mode;
        let mut written = self
            .worker
            .written(Vec::with_capacity(mark.len() + text.len()));
        written.text.extend_from_slice(mark);
        let mut is_emptied = is_page && !text.is_empty();
        for part in self.worker.parts(text) {
            let Some(cleaned) = self.worker.clean(part) else {
                self.outcome.tell(file, ProblemKind::Internal);
                self.outcome.keep_unread(part);
                written.text.extend_from_slice(part);
                is_emptied = false;
                continue;
            };
            is_emptied &= cleaned.is_empty();
            self.write(mode, &cleaned, address, &mut written)?;
            address.lines_before += cleaned.line_count() as u64;
            address.bytes_before += part.len() as u64;
            self.worker.workspace.reclaim(cleaned);
        }
        self.outcome.counts.pages += u64::from(is_page);
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
        for line in cleaned.each_line() {
            self.outcome.counts.add_line(&line);
            render::write_line(mode, &line, &mut written.text);
            if line.verdict.is_kept {
                continue;
            }
            if let Some(spans) = &mut written.spans {
                ledger::write_row(address, &line, spans);
            }
            if self.worker.wants_ledger {
                ledger::write_row(address, &line, &mut self.outcome.ledger);
                if self.outcome.ledger.len() > MAX_LEDGER_BYTES {
                    self.turn
                        .with_state(|writer| writer.write_ledger_ahead(&self.outcome.ledger))?;
                    self.outcome.ledger.clear();
                }
            }
        }
        Ok(())
    }

    fn chunk(&mut self, chunk: Chunk) -> Result<(), RunError> {
        let file = &chunk.file;
        self.outcome.counts.bytes_read += chunk.bytes.len() as u64;
        let mut rows = RowsSeen::default();
        let mut has_failed = false;
        let written = match &chunk.content {
            _ if !self.worker.has_room_for(file) => {
                if chunk.offset == 0 {
                    self.outcome.tell(file, ProblemKind::NoRoomForSpans);
                }
                has_failed = true;
                Written::default()
            }
            ChunkContent::Text { is_whole: true, .. } => match self.page(file, &chunk.bytes)? {
                Some(written) => written,
                None => return Ok(()),
            },
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
                self.outcome.counts.pages += u64::from(chunk.offset == 0);
                self.outcome.keep_bytes(&chunk.bytes);
                self.worker.written(chunk.bytes.clone())
            }
            ChunkContent::Rows { rows_before } => self.rows(&chunk, *rows_before, &mut rows)?,
            ChunkContent::Rejected { row, problem } => {
                if let Some(kind) = problem {
                    self.outcome
                        .tell_at(file, Some(*row), chunk.offset, kind.clone());
                    self.outcome.counts.rows_rejected += 1;
                }
                self.outcome.reject(&chunk.bytes);
                if chunk.is_last && !chunk.bytes.ends_with(b"\n") {
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
        self.outcome.chunk = Some(ChunkOutcome {
            is_last: chunk.is_last,
            file: chunk.file,
            written,
            rows,
            has_failed,
        });
        Ok(())
    }

    /// Cleans a stretch of a page that is larger than one chunk.
    fn stretch(
        &mut self,
        chunk: &Chunk,
        lines_before: u64,
        bytes_before: u64,
    ) -> Result<Written, RunError> {
        let file = &chunk.file;
        let is_first = chunk.offset == 0;
        self.outcome.counts.pages += u64::from(is_first);
        let has_nul = memchr::memchr(0, &chunk.bytes).is_some();
        if has_nul && !self.worker.options.is_text_forced {
            self.outcome
                .tell_at(file, None, chunk.offset, ProblemKind::Nul);
            self.outcome.keep_unread(&chunk.bytes);
            return Ok(self.worker.written(chunk.bytes.clone()));
        }
        let has_mark = is_first && chunk.bytes.starts_with(UTF8_MARK);
        let (mark, text) = chunk
            .bytes
            .split_at(if has_mark { UTF8_MARK.len() } else { 0 });
        let name = file.name.as_os_str().as_encoded_bytes();
        let address = Address {
            page: name,
            lines_before,
            bytes_before,
        };
        self.text(file, mark, text, address, false)
    }

    /// Cleans the rows of a chunk.
    fn rows(
        &mut self,
        chunk: &Chunk,
        rows_before: u64,
        seen: &mut RowsSeen,
    ) -> Result<Written, RunError> {
        let name = chunk.file.name.as_os_str().as_encoded_bytes();
        let mut out = Vec::with_capacity(chunk.bytes.len());
        let mut at = 0;
        for (index, end) in row_ends(&chunk.bytes).enumerate() {
            let line = &chunk.bytes[at..end];
            let mark = if chunk.offset == 0 && at == 0 && line.starts_with(UTF8_MARK) {
                UTF8_MARK.len()
            } else {
                0
            };
            let (mark, line) = line.split_at(mark);
            out.extend_from_slice(mark);
            let place = RowPlace {
                file: &chunk.file,
                name,
                number: rows_before + index as u64 + 1,
                offset: chunk.offset + (at + mark.len()) as u64,
            };
            if line.trim_ascii().is_empty() {
                out.extend_from_slice(line);
            } else {
                self.row(line, &place, seen, &mut out)?;
            }
            at = end;
        }
        Ok(Written {
            text: out,
            spans: None,
        })
    }

    fn row(
        &mut self,
        line: &[u8],
        place: &RowPlace<'_>,
        seen: &mut RowsSeen,
        out: &mut Vec<u8>,
    ) -> Result<(), RunError> {
        let row = match rows::take_apart(line.trim_ascii_end(), &self.worker.options.text_field) {
            Ok(row) => row,
            Err(error) => {
                let byte = place.offset + error.byte as u64;
                let kind = ProblemKind::BadRow(error.what);
                self.outcome
                    .tell_at(place.file, Some(place.number), byte, kind);
                self.outcome.counts.rows_rejected += 1;
                self.outcome.reject(line);
                if !line.ends_with(b"\n") {
                    self.outcome.rejects.push(b'\n');
                }
                return Ok(());
            }
        };
        seen.note(&row, &self.worker.options.text_field);
        let Some(text) = &row.text else {
            self.outcome.counts.rows_without_text += 1;
            out.extend_from_slice(line);
            return Ok(());
        };
        let mode = self.worker.options.mode;
        let is_taken = mode != Mode::Drop && row.fields.iter().any(|name| name == render::FIELD);
        let cleaned = if is_taken {
            Err(ProblemKind::FieldTaken(render::FIELD))
        } else if self.worker.has_too_many_lines(text) {
            Err(ProblemKind::TooManyLines(self.worker.max_lines() as u64))
        } else {
            self.worker
                .clean(text.as_bytes())
                .ok_or(ProblemKind::Internal)
        };
        let cleaned = match cleaned {
            Ok(cleaned) => cleaned,
            Err(kind) => {
                self.outcome
                    .tell_at(place.file, Some(place.number), place.offset, kind);
                self.outcome.keep_unread(text.as_bytes());
                out.extend_from_slice(line);
                return Ok(());
            }
        };
        let page = [place.name, format!("#{}", place.number).as_bytes()].concat();
        let mut body = Written {
            text: Vec::with_capacity(text.len()),
            spans: None,
        };
        self.write(Mode::Drop, &cleaned, Address::of_page(&page), &mut body)?;
        if mode != Mode::Drop {
            out.extend_from_slice(&line[..row.close]);
            out.extend_from_slice(format!(",\"{}\":", render::FIELD).as_bytes());
            render::write_field(mode, &cleaned, out);
            out.extend_from_slice(&line[row.close..]);
        } else if body.text.len() == text.len() {
            out.extend_from_slice(line);
        } else {
            let body = simdutf8::basic::from_utf8(&body.text);
            let body = body.expect("lines of UTF-8 text are UTF-8");
            out.extend_from_slice(&line[..row.value.start]);
            ledger::write_string(body, out);
            out.extend_from_slice(&line[row.value.end..]);
        }
        self.outcome.counts.pages += 1;
        if cleaned.is_empty() && !text.is_empty() {
            self.outcome.empty(&page);
        }
        self.worker.workspace.reclaim(cleaned);
        Ok(())
    }
}

struct RowPlace<'a> {
    file: &'a FileEntry,
    name: &'a [u8],
    /// From 1.
    number: u64,
    /// In the file, in bytes.
    offset: u64,
}

/// Where each row of whole rows ends, its LF included.
fn row_ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let open_end = (!bytes.is_empty() && !bytes.ends_with(b"\n")).then_some(bytes.len());
    memchr::memchr_iter(b'\n', bytes)
        .map(|at| at + 1)
        .chain(open_end)
}
