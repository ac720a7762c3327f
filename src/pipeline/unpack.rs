//! What a job holds in, the texts of its pages out. What tells a page, a row or a record is shared by all
//! passes, so that they see the same ones; [`Walk`] goes over a job of which nothing is written, `job.rs`
//! over one that is.

use std::borrow::Cow;
#[cfg(feature = "parquet")]
use std::ops::Range;
use std::sync::Arc;

use super::{BYTES_A_LINE, RunOptions};
use crate::charset::{self, Charset, Converted, Faults};
use crate::error::{Problem, ProblemKind, RunError};
use crate::html::{self, MAX_PLACES, Rendered, Structure};
use crate::index::{Names, Place};
use crate::page::{LineCursor, count_lines};
#[cfg(feature = "parquet")]
use crate::sink::ledger;
use crate::sink::records;
use crate::sink::render::{self, Mode};
use crate::source::archive::{Member, MemberKind, MemberRows};
use crate::source::content::{self, Content, TextFormat, UTF8_MARK};
use crate::source::inputs::read_file;
use crate::source::rows::{self, Row};
#[cfg(feature = "parquet")]
use crate::source::table::{RowId, TableRows};
use crate::source::warc::{self, Batch, Fields, Item, Payload, Said};
use crate::source::{Chunk, ChunkContent, Conversion, FileEntry, Job, site};

/// What a job holds, in order.
pub enum Found<'f> {
    /// A file whose pages come.
    Begin(&'f Arc<FileEntry>),
    /// The bytes of a small file, read whole.
    Whole(&'f Arc<FileEntry>, &'f [u8]),
    /// Text of a page.
    Text(Text<'f>),
    /// A file that is no page, its bytes as text.
    Other(Text<'f>),
    /// A large file that is no page, of this many bytes; it was not read.
    LargeOther(u64),
    /// A symbolic link.
    Link,
    /// A row, before its text.
    Row(&'f Row<'f>),
    /// The end of a file that comes in chunks.
    End(&'f Arc<FileEntry>),
    /// A page of so many bytes, unpacked and not yet rendered: the time to ask for its memory.
    Unpacked(usize),
    /// Something that cannot be read.
    Problem(Problem),
    /// Something that cleaning copies through or skips, and says so.
    Unread(Problem),
    /// Something in the text before that stays as it is, though it should not be there.
    Fault(Problem),
}

/// A page's text, or a stretch of it.
pub struct Text<'f> {
    /// The file that it lies in.
    pub file: &'f Arc<FileEntry>,
    /// Number of the row, record or member, from 1; 0 where the file is one page.
    pub record: u32,
    /// The row's or record's URL.
    pub url: Option<&'f str>,
    /// The text.
    pub bytes: &'f [u8],
    /// Lines of the page before the stretch.
    pub lines_before: u64,
    /// The page begins here.
    pub is_start: bool,
    /// The member of the archive that it is, or that it is a row of, which says what site it is of.
    pub member: Option<&'f FileEntry>,
    /// It is a row or record.
    pub is_row: bool,
}

impl<'f> Text<'f> {
    /// A file that is one page.
    pub fn of_file(file: &'f Arc<FileEntry>, bytes: &'f [u8]) -> Self {
        Text {
            file,
            record: 0,
            url: None,
            bytes,
            lines_before: 0,
            is_start: true,
            member: None,
            is_row: false,
        }
    }

    /// The name of the page's site.
    pub fn site(&self, options: &RunOptions) -> Option<Cow<'_, [u8]>> {
        let file = self.member.unwrap_or(self.file);
        match self.is_row {
            true => site::of_record(file, self.url, options.site_by),
            false => site::of_file(file, options.site_by),
        }
    }
}

/// What is done with each thing that a job holds.
pub type Take<'t> = dyn FnMut(Found<'_>) -> Result<(), RunError> + 't;

/// Walks over jobs.
pub struct Walk<'w> {
    pub options: &'w RunOptions,
    /// Whether a page is wanted, by its file and the number of its row; 0 for a file that is
    /// one page.
    pub is_wanted: &'w dyn Fn(&FileEntry, u64) -> bool,
}

impl Walk<'_> {
    /// Gives what a job holds to `take`; returns the bytes taken from files, packed ones where they
    /// are packed. `bytes` is memory to use.
    ///
    /// # Errors
    ///
    /// Those of `take`.
    pub fn each(
        &self,
        job: Job,
        bytes: &mut Vec<u8>,
        take: &mut Take<'_>,
    ) -> Result<u64, RunError> {
        match job {
            Job::Files(files) => {
                let mut bytes_read = 0;
                for file in files.into_iter().filter(|file| (self.is_wanted)(file, 0)) {
                    let file = Arc::new(file);
                    if let Some(kind) = not_read(&file, self.options) {
                        take(Found::Problem(file.problem(None, None, kind)))?;
                        continue;
                    }
                    take(Found::Begin(&file))?;
                    match read_file(&file.path, bytes) {
                        Ok(()) => {
                            bytes_read += bytes.len() as u64;
                            take(Found::Whole(&file, bytes))?;
                            self.page(&file, bytes, take)?;
                        }
                        Err(kind) => take(Found::Problem(file.problem(None, None, kind)))?,
                    }
                }
                Ok(bytes_read)
            }
            Job::Chunk(mut chunk) => {
                match warc::open(&mut chunk) {
                    Some(batches) => self.records(&chunk, batches, take)?,
                    None => self.chunk(&chunk, take)?,
                }
                if chunk.is_last {
                    take(Found::End(&chunk.file))?;
                }
                Ok(chunk.file_bytes)
            }
            Job::Skipped(file, kind) => {
                take(Found::Problem(file.problem(None, None, kind)))?;
                Ok(0)
            }
            Job::OtherFile(bytes) => {
                take(Found::LargeOther(bytes))?;
                Ok(0)
            }
            Job::Link => {
                take(Found::Link)?;
                Ok(0)
            }
        }
    }

    fn page(
        &self,
        file: &Arc<FileEntry>,
        bytes: &[u8],
        take: &mut Take<'_>,
    ) -> Result<(), RunError> {
        let page = page(file, bytes, self.options, false);
        let problem = |byte, kind| file.problem(None, byte, kind);
        self.told_page(Text::of_file(file, bytes), page, problem, take)
    }

    /// Gives a page of which it is told what it is. `whole` is all that was read of it.
    fn told_page(
        &self,
        whole: Text<'_>,
        page: Page<'_>,
        problem: impl Fn(Option<u64>, ProblemKind) -> Problem,
        take: &mut Take<'_>,
    ) -> Result<(), RunError> {
        match page {
            Page::Text { text, charset, .. } => {
                take(Found::Text(Text {
                    bytes: &text,
                    ..whole
                }))?;
                self.fault(charset.problem(), problem, take)
            }
            Page::Other => take(Found::Other(whole)),
            Page::Skipped(kind) | Page::Unread(kind) => take(Found::Unread(problem(None, kind))),
        }
    }

    /// Gives the problem that text has with its character set.
    fn fault(
        &self,
        fault: Option<(u64, ProblemKind)>,
        problem: impl Fn(Option<u64>, ProblemKind) -> Problem,
        take: &mut Take<'_>,
    ) -> Result<(), RunError> {
        match fault {
            Some((byte, kind)) => take(Found::Fault(problem(Some(byte), kind))),
            None => Ok(()),
        }
    }

    /// Begins a chunk; false where its file is not read, for the reason given, or by name.
    fn begin(
        &self,
        chunk: &Chunk,
        not_read: Option<ProblemKind>,
        take: &mut Take<'_>,
    ) -> Result<bool, RunError> {
        let file = &chunk.file;
        let is_read = not_read.is_none();
        if chunk.is_first {
            take(match not_read {
                Some(kind) => Found::Problem(file.problem(None, None, kind)),
                None => Found::Begin(file),
            })?;
        }
        Ok(is_read)
    }

    fn chunk(&self, chunk: &Chunk, take: &mut Take<'_>) -> Result<(), RunError> {
        if !self.begin(chunk, not_read(&chunk.file, self.options), take)? {
            return Ok(());
        }
        let file = &chunk.file;
        let is_start = chunk.is_first;
        let is_page = match chunk.content {
            ChunkContent::Rows { .. } | ChunkContent::Members { .. } => false,
            #[cfg(feature = "parquet")]
            ChunkContent::Table(_) => false,
            _ => true,
        };
        if is_page && !(self.is_wanted)(file, 0) {
            return Ok(());
        }
        let problem =
            |record, kind: &ProblemKind| file.problem(record, Some(chunk.offset), kind.clone());
        take(match &chunk.content {
            ChunkContent::Text { is_whole: true, .. } => {
                return self.page(file, &chunk.bytes, take);
            }
            ChunkContent::Text { .. } if has_nul(&chunk.bytes, self.options) => {
                Found::Unread(problem(None, &ProblemKind::Nul))
            }
            ChunkContent::Text { lines_before, .. } => {
                take(Found::Text(Text {
                    lines_before: *lines_before,
                    is_start,
                    ..Text::of_file(file, split_mark_at(chunk.offset, &chunk.bytes).1)
                }))?;
                let fault = chunk.conversion.as_deref().and_then(fault_of);
                return self.fault(fault, |byte, kind| file.problem(None, byte, kind), take);
            }
            ChunkContent::Members { members, .. } => {
                for member in members {
                    self.member(file, member, &chunk.bytes, take)?;
                }
                return Ok(());
            }
            ChunkContent::Rows { rows_before } => {
                return self.rows(RowStretch::of_chunk(chunk, *rows_before), take);
            }
            #[cfg(feature = "parquet")]
            ChunkContent::Table(rows) => return self.table(chunk, rows, take),
            ChunkContent::Cut(kind) => {
                Found::Problem(problem(None, &ProblemKind::Packed(kind.clone())))
            }
            ChunkContent::Unread(Some(kind)) | ChunkContent::Failed(kind) => {
                Found::Unread(problem(None, kind))
            }
            ChunkContent::Rejected {
                row,
                problem: Some(kind),
            } => Found::Problem(problem(row.map(u64::from), kind)),
            ChunkContent::Records(_)
            | ChunkContent::Unread(None)
            | ChunkContent::Rejected { problem: None, .. } => {
                return Ok(());
            }
        })
    }

    /// Gives a member of an archive.
    fn member(
        &self,
        file: &Arc<FileEntry>,
        member: &Member,
        bytes: &[u8],
        take: &mut Take<'_>,
    ) -> Result<(), RunError> {
        let is_rows = matches!(member.kind, MemberKind::Rows(_));
        if !is_rows && !(self.is_wanted)(file, member.number) {
            return Ok(());
        }
        let problem = |byte, kind| member_problem(file, member, byte, kind);
        let (entry, bytes, page) = match member_page(file, member, bytes, self.options, false) {
            MemberPage::Directory => return Ok(()),
            MemberPage::Link => return take(Found::Link),
            MemberPage::Skipped(kind) => return take(Found::Problem(problem(None, kind))),
            MemberPage::Rows(entry, rows) => {
                self.rows(
                    RowStretch::of_member(file, member, &entry, rows, bytes),
                    take,
                )?;
                let told = rows.told(file, member);
                return told.map_or(Ok(()), |told| take(Found::Problem(told)));
            }
            MemberPage::Page(entry, bytes, page) => (entry, bytes, page),
        };
        let whole = Text {
            record: row_record(member.number),
            member: Some(&entry),
            ..Text::of_file(file, bytes)
        };
        self.told_page(whole, page, problem, take)
    }

    fn rows(&self, stretch: RowStretch<'_>, take: &mut Take<'_>) -> Result<(), RunError> {
        let file = stretch.file;
        for row in stretch.rows() {
            if row.is_blank() || !(self.is_wanted)(file, row.number) {
                continue;
            }
            let problem = |byte, kind| stretch.problem(row.number, Some(byte), kind);
            let apart = match rows::take_apart(row.bytes.trim_ascii_end(), &self.options.fields) {
                Ok(apart) => apart,
                Err(error) => {
                    let byte = row.offset + error.byte as u64;
                    take(Found::Problem(problem(
                        byte,
                        ProblemKind::BadRow(error.what),
                    )))?;
                    continue;
                }
            };
            take(Found::Row(&apart))?;
            let Some(text) = &apart.text else {
                continue;
            };
            let text = &field_text(text, self.options, false).text;
            if let Some(kind) = too_many_lines(text, self.options) {
                take(Found::Unread(problem(row.offset, kind)))?;
                continue;
            }
            take(Found::Text(Text {
                record: row_record(row.number),
                url: apart.url.as_deref(),
                member: stretch.member.map(|(_, entry)| entry),
                is_row: true,
                ..Text::of_file(file, text)
            }))?;
        }
        Ok(())
    }

    /// The texts of a stretch of Parquet.
    #[cfg(feature = "parquet")]
    fn table(&self, chunk: &Chunk, rows: &TableRows, take: &mut Take<'_>) -> Result<(), RunError> {
        let file = &chunk.file;
        for row in table_rows(chunk, rows) {
            let Some(value) = row.text.filter(|_| (self.is_wanted)(file, row.number)) else {
                continue;
            };
            let text = value_text(value, rows.table.is_utf8(), self.options, false);
            let text = text.and_then(|text| match too_many_lines(&text.text, self.options) {
                Some(kind) => Err(kind),
                None => Ok(text),
            });
            take(match &text {
                Ok(text) => Found::Text(Text {
                    record: row_record(row.number),
                    url: row.url.as_deref(),
                    is_row: true,
                    ..Text::of_file(file, &text.text)
                }),
                Err(kind) => Found::Unread(file.problem(Some(row.number), None, kind.clone())),
            })?;
        }
        Ok(())
    }

    /// The pages of a stretch of WARC.
    fn records(
        &self,
        chunk: &Chunk,
        mut batches: warc::Batches,
        take: &mut Take<'_>,
    ) -> Result<(), RunError> {
        let file = &chunk.file;
        let is_read = self.begin(chunk, records_not_written(file, self.options), take)?;
        while let Some(batch) = batches.next_batch() {
            for item in batch.items.iter().filter(|_| is_read) {
                self.item(file, &batch, item, take)?;
            }
        }
        Ok(())
    }

    fn item(
        &self,
        file: &Arc<FileEntry>,
        batch: &Batch,
        item: &Item,
        take: &mut Take<'_>,
    ) -> Result<(), RunError> {
        let (number, offset, kind) = match item {
            Item::Record {
                number,
                offset,
                head,
                block,
            } => {
                if !(self.is_wanted)(file, *number) {
                    return Ok(());
                }
                let fields = Fields::read(&batch.buffer[head.clone()]);
                let block = &batch.buffer[block.clone()];
                let ask = |bytes| take(Found::Unpacked(bytes));
                match record_page(&fields, block, self.options, false, ask)? {
                    RecordPage::Other => return Ok(()),
                    RecordPage::Rejected(kind) => (Some(*number), offset, kind),
                    RecordPage::Page(page) => {
                        if let Some(kind) = too_many_lines(page.text.as_bytes(), self.options) {
                            let problem = file.problem(Some(*number), Some(*offset), kind);
                            return take(Found::Unread(problem));
                        }
                        return take(Found::Text(Text {
                            record: row_record(*number),
                            url: records::url(&fields).as_deref(),
                            is_row: true,
                            ..Text::of_file(file, page.text.as_bytes())
                        }));
                    }
                }
            }
            Item::Rejected {
                number,
                offset,
                problem: Some(kind),
                ..
            } => (*number, offset, kind.clone()),
            Item::Failed { offset, problem } => {
                let problem = file.problem(None, Some(*offset), problem.clone());
                return take(Found::Unread(problem));
            }
            Item::Rejected { problem: None, .. } | Item::Other => return Ok(()),
        };
        take(Found::Problem(file.problem(number, Some(*offset), kind)))
    }
}

/// What a WARC record holds.
pub enum RecordPage<'b> {
    Page(RecordText<'b>),
    /// A page that cannot be read safely.
    Rejected(ProblemKind),
    /// No page.
    Other,
}

/// The text of a WARC record: UTF-8 without a byte-order mark.
pub struct RecordText<'b> {
    pub text: Cow<'b, str>,
    /// It is not the bytes that were there.
    pub is_converted: bool,
    /// It was the text of a page already.
    pub is_conversion: bool,
    /// Bytes of the HTML that it was made of; None for text.
    pub html_bytes: Option<u64>,
    /// What the markup tells beside it, if that is known and wanted.
    pub structure: Structure,
}

/// The text of a WARC record; of HTML where its lines stood, if that is wanted. In a page of HTML
/// that is not wholly UTF-8, and in text, what is no character becomes U+FFFD: rows and WET files
/// are UTF-8.
///
/// Before the page is rendered `ask` hears how many bytes it has.
pub fn record_page<'b>(
    fields: &Fields<'_>,
    block: &'b [u8],
    options: &RunOptions,
    wants_structure: bool,
    ask: impl FnOnce(usize) -> Result<(), RunError>,
) -> Result<RecordPage<'b>, RunError> {
    let (bytes, said, charset) = match warc::payload(fields, block, options.max_page_bytes) {
        Payload::Other => return Ok(RecordPage::Other),
        Payload::Bad(kind) => return Ok(RecordPage::Rejected(kind)),
        Payload::Text(bytes) => (Cow::Borrowed(bytes), None, None),
        Payload::Page {
            bytes,
            said,
            charset,
        } => (bytes, Some(said), charset),
    };
    ask(bytes.len())?;
    let max_places = max_places(options, wants_structure);
    let page = match bytes {
        Cow::Borrowed(bytes) => record_text(bytes, said, charset.as_deref(), max_places),
        Cow::Owned(bytes) => {
            record_text(&bytes, said, charset.as_deref(), max_places).map(|page| RecordText {
                text: Cow::Owned(page.text.into_owned()),
                ..page
            })
        }
    };
    Ok(match page {
        Ok(page) => RecordPage::Page(page),
        Err(html::Undecodable) => {
            RecordPage::Rejected(ProblemKind::BadRecord("in an encoding that cannot be read"))
        }
    })
}

fn record_text<'b>(
    bytes: &'b [u8],
    said: Option<Said>,
    charset: Option<&str>,
    max_places: usize,
) -> Result<RecordText<'b>, html::Undecodable> {
    let is_html = match said {
        None => false,
        Some(Said::Html) => true,
        Some(Said::Text | Said::Nothing) => content::begins_as_html(bytes),
    };
    if !is_html && let Ok(text) = simdutf8::basic::from_utf8(split_mark(bytes).1) {
        return Ok(RecordText {
            text: Cow::Borrowed(text),
            is_converted: false,
            is_conversion: said.is_none(),
            html_bytes: None,
            structure: Structure::default(),
        });
    }
    let decoded = html::decode(bytes, charset)?;
    let is_converted = decoded.is_converted();
    let Rendered { text, structure } = match is_html {
        true => html::render_for(&decoded.html, max_places),
        false => Rendered {
            text: decoded.html.into_owned(),
            structure: Structure::default(),
        },
    };
    let (text, is_patched) = match String::from_utf8(text) {
        Ok(text) => (text, false),
        Err(bad) => (String::from_utf8_lossy(bad.as_bytes()).into_owned(), true),
    };
    Ok(RecordText {
        text: Cow::Owned(text),
        is_converted: is_converted || is_patched,
        is_conversion: said.is_none(),
        html_bytes: is_html.then_some(bytes.len() as u64),
        structure,
    })
}

/// The ending of the name of what is written of a WARC file; None for WET made of WET.
pub fn records_ending(file: &FileEntry, options: &RunOptions) -> Option<&'static str> {
    let ending = options.record_format.word();
    let own = file.content_name().extension();
    let is_own = own.is_some_and(|own| own.eq_ignore_ascii_case(ending));
    (!is_own).then_some(ending)
}

/// Why what is written of a WARC file finds no place.
pub fn records_not_written(file: &FileEntry, options: &RunOptions) -> Option<ProblemKind> {
    match records_ending(file, options) {
        Some(ending) => not_written(file, ending, options),
        None => not_read(file, options),
    }
}

/// The problem that a stretch of text has with its character set: where, in bytes, and what.
pub fn fault_of(conversion: &Conversion) -> Option<(u64, ProblemKind)> {
    let kind = ProblemKind::CharsetFaults(conversion.charset?.name());
    Some((conversion.fault?, kind))
}

/// Why no page of a file is read: what the mode writes beside it would find no place.
pub fn not_read(file: &FileEntry, options: &RunOptions) -> Option<ProblemKind> {
    let has_room = options.mode != Mode::Spans || render::has_room_for_spans(&file.name);
    (!has_room).then_some(ProblemKind::NoRoomForSpans)
}

/// What a whole file that is no container holds.
pub enum Page<'b> {
    /// A page: its byte-order mark, and its text.
    Text {
        mark: &'b [u8],
        text: Cow<'b, [u8]>,
        charset: TextCharset,
        /// Bytes of the HTML that the text was made of; None for text.
        html_bytes: Option<u64>,
        /// What the markup tells beside it, if that is known and wanted.
        structure: Structure,
    },
    /// A page that is kept as it is.
    Unread(ProblemKind),
    /// Nothing that is written.
    Skipped(ProblemKind),
    /// No page.
    Other,
}

/// What a text was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextCharset {
    Utf8,
    /// HTML, converted as it says itself.
    OfHtml,
    /// Text, converted; and what in it was no character.
    Converted(Charset, Option<Faults>),
    /// What it is cannot be told: the bytes are as they were.
    Unknown,
}

impl TextCharset {
    /// The problem that a page has with it: where, in bytes, and what.
    pub fn problem(self) -> Option<(u64, ProblemKind)> {
        match self {
            TextCharset::Converted(charset, Some(faults)) => {
                let kind = ProblemKind::CharsetFaults(charset.name());
                Some((faults.first_byte, kind))
            }
            _ => None,
        }
    }
}

/// What a member of an archive is.
pub enum MemberPage<'b> {
    Directory,
    Link,
    Skipped(ProblemKind),
    /// JSON lines.
    Rows(FileEntry, &'b MemberRows),
    /// A file: the member as a file of its own, its bytes, and what they are.
    Page(FileEntry, &'b [u8], Page<'b>),
}

/// Tells what a member of an archive is; `bytes` are those of its chunk.
pub fn member_page<'b>(
    file: &FileEntry,
    member: &'b Member,
    bytes: &'b [u8],
    options: &RunOptions,
    wants_structure: bool,
) -> MemberPage<'b> {
    match &member.kind {
        MemberKind::Directory => MemberPage::Directory,
        MemberKind::Link => MemberPage::Link,
        MemberKind::Skipped(kind) => MemberPage::Skipped(kind.clone()),
        MemberKind::Rows(rows) => MemberPage::Rows(file.member(&member.name), rows),
        MemberKind::File(range) => {
            let entry = file.member(&member.name);
            let bytes = &bytes[range.clone()];
            let page = match page(&entry, bytes, options, wants_structure) {
                Page::Text {
                    html_bytes: Some(_),
                    ..
                } if member.is_text_name_taken => {
                    Page::Skipped(ProblemKind::NoRoomForText(render::TEXT_ENDING))
                }
                page => page,
            };
            MemberPage::Page(entry, bytes, page)
        }
    }
}

impl MemberRows {
    /// The problem of a member that ends too soon.
    pub fn told(&self, file: &FileEntry, member: &Member) -> Option<Problem> {
        let (half, problem) = self.cut.as_ref()?;
        let byte = (half.start - self.rows.start) as u64;
        let kind = ProblemKind::Packed(problem.clone());
        Some(member_problem(file, member, Some(byte), kind))
    }
}

/// JSON rows, of a stretch of a file or of a member of an archive.
#[derive(Clone, Copy)]
pub struct RowStretch<'c> {
    pub file: &'c Arc<FileEntry>,
    /// The member, also as a file of its own.
    pub member: Option<(&'c Member, &'c FileEntry)>,
    bytes: &'c [u8],
    offset: u64,
    rows_before: u64,
}

impl<'c> RowStretch<'c> {
    pub fn of_chunk(chunk: &'c Chunk, rows_before: u64) -> Self {
        RowStretch {
            file: &chunk.file,
            member: None,
            bytes: &chunk.bytes,
            offset: chunk.offset,
            rows_before,
        }
    }

    /// Of a member, also as a file of its own; `bytes` are those of its chunk.
    pub fn of_member(
        file: &'c Arc<FileEntry>,
        member: &'c Member,
        entry: &'c FileEntry,
        rows: &MemberRows,
        bytes: &'c [u8],
    ) -> Self {
        RowStretch {
            file,
            member: Some((member, entry)),
            bytes: &bytes[rows.rows.clone()],
            offset: 0,
            rows_before: member.number - 1,
        }
    }

    /// All rows, blank ones included.
    pub fn rows(&self) -> impl Iterator<Item = RowBytes<'c>> + use<'c> {
        rows(self.bytes, self.offset, self.rows_before)
    }

    /// A problem with a row.
    pub fn problem(&self, row: u64, byte: Option<u64>, kind: ProblemKind) -> Problem {
        let Some((member, _)) = self.member else {
            return self.file.problem(Some(row), byte, kind);
        };
        let in_member = row + 1 - member.number;
        let name = [&member.name[..], format!("#{in_member}").as_bytes()].concat();
        let kind = Box::new(kind);
        let kind = ProblemKind::Member { name, kind };
        self.file.problem(Some(row), byte, kind)
    }
}

/// A problem with a member of an archive: at an offset in the member, in bytes.
pub fn member_problem(
    file: &FileEntry,
    member: &Member,
    byte: Option<u64>,
    kind: ProblemKind,
) -> Problem {
    let name = member.name.clone();
    let kind = Box::new(kind);
    file.problem(
        Some(member.number),
        byte,
        ProblemKind::Member { name, kind },
    )
}

/// Tells what a file that is no container holds; of HTML where its lines stood, if that is wanted.
pub fn page<'b>(
    file: &FileEntry,
    bytes: &'b [u8],
    options: &RunOptions,
    wants_structure: bool,
) -> Page<'b> {
    let given = options.charset;
    let told = match content::tell_in(file.content_name(), bytes, given) {
        told @ (Content::Utf16 | Content::Utf16WithoutMark) => told,
        told => match options.page_format {
            TextFormat::Auto => told,
            TextFormat::Text => Content::Text,
            TextFormat::Html => Content::Html,
        },
    };
    match told {
        Content::Other => Page::Other,
        Content::Unread(format) => Page::Skipped(file.unread_format(format)),
        Content::Html => html_page(file, bytes, given, options, wants_structure),
        Content::TextWithNul => Page::Unread(ProblemKind::Nul),
        Content::Utf16 | Content::Utf16WithoutMark | Content::Text => {
            text_page(file, bytes, options, wants_structure)
        }
    }
}

/// A page of text, or of HTML in UTF-16.
fn text_page<'b>(
    file: &FileEntry,
    bytes: &'b [u8],
    options: &RunOptions,
    wants_structure: bool,
) -> Page<'b> {
    let text = |mark, text, charset| Page::Text {
        mark,
        text,
        charset,
        html_bytes: None,
        structure: Structure::default(),
    };
    match charset::convert(bytes, options.charset) {
        Converted::Utf8 => {
            let (mark, rest) = split_mark(bytes);
            text(mark, Cow::Borrowed(rest), TextCharset::Utf8)
        }
        Converted::Unknown => text(b"", Cow::Borrowed(bytes), TextCharset::Unknown),
        Converted::Faulty(charset) => Page::Unread(ProblemKind::FaultyCharset(charset.name())),
        Converted::Text {
            charset, decoded, ..
        } => {
            if charset.is_utf16() {
                if is_html(file, &decoded.text, options) {
                    return html_page(file, bytes, Some(charset), options, wants_structure);
                }
                if has_nul(&decoded.text, options) {
                    return Page::Unread(ProblemKind::Nul);
                }
            }
            let is_in = TextCharset::Converted(charset, decoded.faults);
            text(b"", Cow::Owned(decoded.text), is_in)
        }
    }
}

fn is_html(file: &FileEntry, text: &[u8], options: &RunOptions) -> bool {
    options
        .page_format
        .is_html(|| content::tell(file.content_name(), text) == Content::Html)
}

/// The lines of a page of HTML, in a character set where it is known.
fn html_page(
    file: &FileEntry,
    bytes: &[u8],
    charset: Option<Charset>,
    options: &RunOptions,
    wants_structure: bool,
) -> Page<'static> {
    if let Some(kind) = not_written(file, render::TEXT_ENDING, options) {
        return Page::Skipped(kind);
    }
    let decoded = match charset {
        Some(charset) => Ok(html::decode_in(bytes, charset)),
        None => html::decode(bytes, None),
    };
    match decoded {
        Ok(decoded) => {
            let max_places = max_places(options, wants_structure);
            let Rendered { text, structure } = html::render_for(&decoded.html, max_places);
            Page::Text {
                mark: b"",
                text: Cow::Owned(text),
                charset: match decoded.is_converted() {
                    true => TextCharset::OfHtml,
                    false => TextCharset::Utf8,
                },
                html_bytes: Some(bytes.len() as u64),
                structure,
            }
        }
        Err(html::Undecodable) => Page::Unread(ProblemKind::UnreadEncoding),
    }
}

/// Why what is made of a file, and named with an ending of its own, finds no place.
fn not_written(
    file: &FileEntry,
    ending: &'static str,
    options: &RunOptions,
) -> Option<ProblemKind> {
    let name = render::made_name(&file.name, ending);
    if !render::has_room(&name) {
        return Some(ProblemKind::NoRoomForText(ending));
    }
    let beside = render::made_name(&file.path, ending);
    if file.has_neighbours && std::fs::symlink_metadata(beside).is_ok() {
        return Some(ProblemKind::NoRoomForText(ending));
    }
    let has_room = options.mode != Mode::Spans || render::has_room_for_spans(&name);
    (!has_room).then_some(ProblemKind::NoRoomForSpans)
}

/// The text of a row's field.
pub struct FieldText<'r> {
    /// UTF-8, unless it is a value of Parquet that is not said to be.
    pub text: Cow<'r, [u8]>,
    /// Bytes of the HTML that it was made of; None for text.
    pub html_bytes: Option<u64>,
    /// What the markup tells beside it, if that is known and wanted.
    pub structure: Structure,
}

/// The text of a row's field, rendered where it is HTML; where its lines stood, if that is
/// wanted.
pub fn field_text<'r>(
    field: &'r str,
    options: &RunOptions,
    wants_structure: bool,
) -> FieldText<'r> {
    if !options.field_format.is_html(|| content::is_html(field)) {
        return FieldText {
            text: Cow::Borrowed(field.as_bytes()),
            html_bytes: None,
            structure: Structure::default(),
        };
    }
    let max_places = max_places(options, wants_structure);
    rendered(field.as_bytes(), field.len(), max_places)
}

/// HTML, made of a field of so many bytes, as text.
fn rendered(html: &[u8], field_bytes: usize, max_places: usize) -> FieldText<'static> {
    let Rendered { text, structure } = html::render_for(html, max_places);
    let text = match simdutf8::basic::from_utf8(&text) {
        Ok(_) => text,
        Err(_) => String::from_utf8_lossy(&text).into_owned().into_bytes(),
    };
    FieldText {
        text: Cow::Owned(text),
        html_bytes: Some(field_bytes as u64),
        structure,
    }
}

/// The text of a value of Parquet, as [`field_text`]. Of a column of any bytes it may be HTML in
/// another character set.
///
/// # Errors
///
/// Why the value stays as it is.
#[cfg(feature = "parquet")]
pub fn value_text<'r>(
    value: &'r [u8],
    is_utf8: bool,
    options: &RunOptions,
    wants_structure: bool,
) -> Result<FieldText<'r>, ProblemKind> {
    if value.len() > options.max_page_bytes {
        return Err(ProblemKind::LongText(options.max_page_bytes as u64));
    }
    if let Ok(text) = simdutf8::basic::from_utf8(value) {
        return Ok(field_text(text, options, wants_structure));
    }
    if is_utf8 {
        return Err(ProblemKind::FaultyText);
    }
    let looks_so = || content::begins_as_html(value);
    if options.field_format.is_html(looks_so) {
        let decoded = html::decode(value, None).map_err(|_| ProblemKind::UnreadEncoding)?;
        let max_places = max_places(options, wants_structure);
        return Ok(rendered(&decoded.html, value.len(), max_places));
    }
    if memchr::memchr(0, value).is_some() {
        return Err(ProblemKind::Nul);
    }
    Ok(FieldText {
        text: Cow::Borrowed(value),
        html_bytes: None,
        structure: Structure::default(),
    })
}

/// The text, URL and name of a row of Parquet.
#[cfg(feature = "parquet")]
pub struct TableText<'c> {
    /// From 1, over the file.
    pub number: u64,
    /// None for null.
    pub text: Option<&'c [u8]>,
    pub url: Option<Cow<'c, str>>,
    /// As JSON.
    pub id: Option<String>,
}

/// The rows of a stretch of Parquet.
#[cfg(feature = "parquet")]
pub fn table_rows<'c>(
    chunk: &'c Chunk,
    rows: &'c TableRows,
) -> impl Iterator<Item = TableText<'c>> {
    let value = |range: &Option<Range<usize>>| chunk.bytes.get(range.clone()?);
    let texts = rows.rows.iter().zip(rows.rows_before + 1..);
    texts.map(move |(row, number)| TableText {
        number,
        text: value(&row.text),
        url: value(&row.url).map(String::from_utf8_lossy),
        id: match &row.id {
            Some(RowId::Number(id)) => Some(id.to_string()),
            Some(RowId::Text(id)) => chunk.bytes.get(id.clone()).and_then(ledger::id_of),
            None => None,
        },
    })
}

/// The byte-order mark, and what stands behind it.
pub fn split_mark(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mark = bytes.strip_prefix(UTF8_MARK).map_or(0, |_| UTF8_MARK.len());
    bytes.split_at(mark)
}

/// As [`split_mark`] for the start of a file; a stretch at another offset has none.
pub fn split_mark_at(offset: u64, bytes: &[u8]) -> (&[u8], &[u8]) {
    match offset {
        0 => split_mark(bytes),
        _ => bytes.split_at(0),
    }
}

/// Whether a stretch of text is kept without being looked at.
pub fn has_nul(text: &[u8], options: &RunOptions) -> bool {
    options.page_format != TextFormat::Text && memchr::memchr(0, text).is_some()
}

/// Lines that a page, or a part of one, may have.
pub fn max_lines(options: &RunOptions) -> usize {
    (options.max_page_bytes / BYTES_A_LINE).max(1)
}

/// Lines of a page of HTML of which it is told where they stood: a page that is cleaned in parts is
/// cleaned as text.
fn max_places(options: &RunOptions, wants_structure: bool) -> usize {
    match wants_structure {
        true => max_lines(options).min(MAX_PLACES),
        false => 0,
    }
}

/// Cuts text that has more lines than a part may have. Ordinary pages are one part.
pub fn parts<'p>(text: &'p [u8], max_lines: usize) -> impl Iterator<Item = &'p [u8]> + use<'p> {
    let is_one = !has_more_lines(text, max_lines);
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = if is_one {
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

fn has_more_lines(text: &[u8], max_lines: usize) -> bool {
    text.len() > max_lines && count_lines(text) > max_lines
}

/// Why a row's or record's text is not cleaned: it has more lines than a page may have.
pub fn too_many_lines(text: &[u8], options: &RunOptions) -> Option<ProblemKind> {
    let max_lines = max_lines(options);
    has_more_lines(text, max_lines).then_some(ProblemKind::TooManyLines(max_lines as u64))
}

/// One row of a chunk of whole rows.
pub struct RowBytes<'c> {
    /// The byte-order mark before it.
    pub mark: &'c [u8],
    /// The row, its LF included.
    pub bytes: &'c [u8],
    /// From 1.
    pub number: u64,
    /// In the file, in bytes.
    pub offset: u64,
}

impl RowBytes<'_> {
    /// Nothing stands on it.
    pub fn is_blank(&self) -> bool {
        self.bytes.trim_ascii().is_empty()
    }
}

/// The rows of a chunk that begins at `offset`, behind `rows_before` rows.
fn rows(chunk: &[u8], offset: u64, rows_before: u64) -> impl Iterator<Item = RowBytes<'_>> {
    let open_end = (!chunk.is_empty() && !chunk.ends_with(b"\n")).then_some(chunk.len());
    let ends = memchr::memchr_iter(b'\n', chunk).map(|at| at + 1);
    ends.chain(open_end)
        .scan(0, |at, end| Some((std::mem::replace(at, end), end)))
        .zip(rows_before + 1..)
        .map(move |((start, end), number)| {
            let bytes = &chunk[start..end];
            let offset = offset + start as u64;
            let (mark, bytes) = split_mark_at(offset, bytes);
            RowBytes {
                mark,
                bytes,
                number,
                offset: offset + mark.len() as u64,
            }
        })
}

/// The number of a row as places have it.
pub fn row_record(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Where a page stands: number of its file, and of its row; 0 for a file that is one page.
pub fn page_place(file: u32, record: u32) -> Place {
    Place {
        file,
        record,
        line: 0,
    }
}

/// The number of a file in an index.
pub fn number_in(names: &Names, file: &FileEntry) -> Option<u32> {
    names.number(file.name.as_os_str().as_encoded_bytes())
}
