//! A stream of bytes in, chunks of whole lines or whole rows out, in bounded memory.

use std::io::{self, Read};
use std::num::NonZeroU64;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::{memchr, memchr2, memrchr, memrchr2};

use super::content::{self, Content, UTF8_MARK};
use super::packed::{self, Packing};
use super::{Chunk, ChunkContent, Conversion, FileEntry};
use crate::charset::{self, Charset, Converted, Transcoder};
use crate::error::{PackedProblem, ProblemKind};
use crate::page::count_lines;

/// Bytes read before rows are handed out.
const ROW_CHUNK_BYTES: usize = 2 << 20;

/// Bytes of a part of text that is too large to be one page. A page of the largest size takes nine
/// times its bytes while it is cleaned; parts need not.
const PART_BYTES: usize = 8 << 20;

/// The smallest chunk: room for a CR, an LF and a byte on each side.
const MIN_CHUNK_BYTES: usize = 4;

/// How a stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// At line ends, into parts of a text page.
    Lines {
        /// Look first whether it is text.
        is_told: bool,
    },
    /// At LF, into JSON rows.
    Rows,
    /// Nowhere: HTML that is too large is rejected.
    Whole,
}

/// What a file holds, and how much of the file was read for it.
pub struct FileBytes {
    /// Gives what the file holds, unpacked where it is packed.
    pub reader: Box<dyn Read + Send>,
    /// Bytes taken from the file since this was last set to 0, packed ones where it is packed.
    pub taken: Arc<AtomicU64>,
}

impl FileBytes {
    /// Over a reader that gives the file's bytes as they lie there.
    pub fn new(packing: Option<Packing>, reader: Box<dyn Read + Send>) -> Self {
        let taken = Arc::<AtomicU64>::default();
        let counted = Counted {
            reader,
            taken: Arc::clone(&taken),
        };
        FileBytes {
            reader: packed::unpacked(packing, Box::new(counted)),
            taken,
        }
    }
}

/// Where a stream's bytes come from.
enum Bytes {
    Plain(Box<dyn Read + Send>),
    /// As UTF-8.
    Converted(Box<Transcoder<Box<dyn Read + Send>>>),
}

impl Read for Bytes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Bytes::Plain(reader) => reader.read(out),
            Bytes::Converted(transcoder) => transcoder.read(out),
        }
    }
}

/// Cuts one file.
///
/// Memory: at most twice `max_bytes` and what the chunks handed out hold; where text is to be
/// converted, five times for a moment. A line longer than `max_bytes` comes in pieces that are
/// kept unread, a row longer than that in pieces that are rejected. Text of more than one chunk
/// that is not UTF-8 is converted here.
pub struct Stream {
    file: Arc<FileEntry>,
    bytes: Bytes,
    /// Bytes taken from the file since the last chunk.
    taken: Arc<AtomicU64>,
    cut: Cut,
    max_bytes: usize,
    /// What the user says that text is in.
    charset: Option<Charset>,
    /// Read, but not handed out.
    rest: Rest,
    /// Offset of `rest` in the file.
    offset: u64,
    /// Bytes of the byte-order mark that the file begins with.
    mark_bytes: u64,
    /// Lines or rows handed out.
    count: u64,
    /// Inside a line or row that is too long.
    is_in_long: bool,
    /// All of the file is kept without being looked at; why, until that was told.
    unread: Option<Option<ProblemKind>>,
    /// The text is not UTF-8: what it is converted from, and up to where in the file that was
    /// done.
    converted: Option<(Option<Charset>, u64)>,
    /// A fault in the text was told.
    is_fault_told: bool,
    /// The file is a page that is too large to be cut: all of it is rejected.
    is_rejected: bool,
    /// A chunk was handed out.
    is_begun: bool,
    is_at_end: bool,
    /// Why the end came, where it came too soon.
    cut_by: Option<PackedProblem>,
    is_done: bool,
}

impl Stream {
    /// A stream over `reader`, which stands at the file's start and gives its bytes as they lie
    /// there, packed or not.
    pub fn new(file: FileEntry, reader: Box<dyn Read + Send>, cut: Cut, max_bytes: usize) -> Self {
        let bytes = FileBytes::new(file.packing, reader);
        Stream::over(file, bytes, cut, max_bytes)
    }

    /// A stream over a file's bytes, from its start.
    pub fn over(file: FileEntry, bytes: FileBytes, cut: Cut, max_bytes: usize) -> Self {
        Stream {
            bytes: Bytes::Plain(bytes.reader),
            file: Arc::new(file),
            taken: bytes.taken,
            cut,
            charset: None,
            max_bytes: max_bytes.max(MIN_CHUNK_BYTES),
            rest: Rest::default(),
            offset: 0,
            mark_bytes: 0,
            count: 0,
            is_in_long: false,
            unread: None,
            converted: None,
            is_fault_told: false,
            is_rejected: false,
            is_begun: false,
            is_at_end: false,
            cut_by: None,
            is_done: false,
        }
    }

    /// The same, where the user says which character set text is in.
    pub fn with_charset(self, charset: Option<Charset>) -> Self {
        Stream { charset, ..self }
    }

    /// The next chunk; None behind the last.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        if self.is_done {
            return None;
        }
        let target = match self.cut {
            Cut::Lines { .. } if self.is_begun => self.part_bytes(),
            Cut::Lines { .. } | Cut::Whole => self.max_bytes,
            Cut::Rows => self.max_bytes.min(ROW_CHUNK_BYTES),
        };
        if let Err(problem) = self.fill(target) {
            return Some(self.failed(problem));
        }
        let is_whole = self.is_at_end && self.cut_by.is_none() && self.rest.len() <= self.max_bytes;
        if !self.is_begun && !is_whole && matches!(self.cut, Cut::Lines { .. }) {
            let told = self.tell_text().and_then(|()| self.fill(target));
            if let Err(problem) = told {
                return Some(self.failed(problem));
            }
        }
        let is_too_large =
            self.cut == Cut::Whole && !(self.is_at_end && self.rest.len() <= self.max_bytes);
        let is_cut_here = self.rest.is_empty() && self.cut_by.is_some();
        if (self.is_rejected || is_too_large) && !is_cut_here {
            return Some(self.rejected_page());
        }
        if let Some(chunk) = self.before_cut() {
            return Some(chunk);
        }
        if let Some(chunk) = self.unread_piece() {
            return Some(chunk);
        }
        let mut end = self.last_end();
        if end.is_none() && !self.is_in_long && target < self.max_bytes {
            if let Err(problem) = self.fill(self.max_bytes) {
                return Some(self.failed(problem));
            }
            end = self.last_end();
        }
        let chunk = if self.is_in_long {
            self.long_piece(false)
        } else if let Some(end) = end {
            self.whole(end)
        } else {
            self.is_in_long = true;
            self.long_piece(true)
        };
        Some(chunk)
    }

    fn fill(&mut self, target: usize) -> Result<(), ProblemKind> {
        if self.rest.len() < target && !self.is_at_end {
            let end = fill(&mut self.bytes, self.rest.as_vec(), target)?;
            self.is_at_end = end.is_some();
            self.cut_by = end.flatten();
        }
        Ok(())
    }

    /// What a part of text may have.
    fn part_bytes(&self) -> usize {
        self.max_bytes.min(PART_BYTES)
    }

    /// Where the last whole line or row of `rest` ends, or in text that goes in parts the last line
    /// of the part; None if it holds none.
    fn last_end(&self) -> Option<usize> {
        let goes_in_parts = matches!(self.cut, Cut::Lines { .. })
            && (self.is_begun || !self.is_at_end || self.cut_by.is_some());
        let part = match self.rest.get(..self.part_bytes()) {
            Some(part) if goes_in_parts => part,
            _ => &self.rest,
        };
        let is_last = self.is_at_end && self.rest.len() <= self.max_bytes;
        if is_last && part.len() == self.rest.len() {
            return Some(self.rest.len());
        }
        // A CR at the very end may be the first half of CRLF.
        let sure = |bytes: &[u8]| bytes.strip_suffix(b"\r").map_or(bytes.len(), <[u8]>::len);
        let end = match self.cut {
            Cut::Rows => memrchr(b'\n', &self.rest),
            Cut::Lines { .. } | Cut::Whole => memrchr2(b'\n', b'\r', &part[..sure(part)]),
        };
        if let Some(at) = end {
            return Some(at + 1);
        }
        // A line that is longer than a part is one.
        let behind = &self.rest[sure(part)..sure(&self.rest)];
        let end = memchr2(b'\n', b'\r', behind).map(|at| sure(part) + at);
        match end {
            Some(at) if self.rest[at..].starts_with(b"\r\n") => Some(at + 2),
            Some(at) => Some(at + 1),
            None => is_last.then_some(self.rest.len()),
        }
    }

    /// The last whole lines or rows before the end of a file that ends too soon; then the rest.
    fn before_cut(&mut self) -> Option<Chunk> {
        let problem = self.cut_by.as_ref()?;
        let is_split =
            self.unread.is_none() && !self.is_in_long && self.rest.len() <= self.max_bytes;
        if !self.rest.is_empty() && !is_split {
            return None;
        }
        let is_all_whole = matches!(problem, PackedProblem::Trailing { .. })
            || match self.cut {
                Cut::Rows | Cut::Lines { is_told: false } => false,
                Cut::Whole => true,
                Cut::Lines { is_told: true } => {
                    !self.is_begun
                        && matches!(
                            content::tell(self.file.content_name(), &self.rest),
                            Content::Html | Content::Other | Content::Unread(_)
                        )
                }
            };
        let end = match self.cut {
            _ if is_all_whole => self.rest.len(),
            Cut::Rows => memrchr(b'\n', &self.rest).map_or(0, |at| at + 1),
            Cut::Lines { .. } | Cut::Whole => {
                memrchr2(b'\n', b'\r', &self.rest).map_or(0, |at| at + 1)
            }
        };
        if end > 0 || !self.is_begun {
            return Some(self.whole(end));
        }
        let problem = self.cut_by.take()?;
        let end = self.rest.len();
        Some(self.take(end, ChunkContent::Cut(problem)))
    }

    /// Tells from its first bytes what a file is that comes in several chunks, and what its text
    /// is in.
    ///
    /// # Errors
    ///
    /// It is not read.
    fn tell_text(&mut self) -> Result<(), ProblemKind> {
        let is_told = self.cut == Cut::Lines { is_told: true };
        let name = self.file.content_name();
        let told = match is_told {
            true => content::tell_in(name, &self.rest, self.charset),
            false => Content::Text,
        };
        match told {
            Content::Text | Content::Utf16 | Content::Utf16WithoutMark => {}
            Content::TextWithNul => return Ok(()),
            // What is cut may be a page all the same.
            _ if self.cut_by.is_some() => return Ok(()),
            Content::Html => {
                self.cut = Cut::Whole;
                return Ok(());
            }
            Content::Unread(format) => return Err(self.file.unread_format(format)),
            Content::Other => return Err(ProblemKind::UnreadFormat("binary data")),
        }
        match charset::convert(&self.rest, self.charset) {
            Converted::Utf8 => {}
            Converted::Unknown => self.converted = Some((None, 0)),
            Converted::Faulty(charset) => {
                self.unread = Some(Some(ProblemKind::FaultyCharset(charset.name())));
            }
            Converted::Text {
                charset,
                mark_bytes,
                decoded,
            } => {
                if is_told && content::tell(name, &decoded.text) == Content::Html {
                    if self.cut_by.is_none() {
                        self.cut = Cut::Whole;
                    }
                    return Ok(());
                }
                let behind =
                    std::mem::replace(&mut self.bytes, Bytes::Plain(Box::new(io::empty())));
                let read = std::mem::take(self.rest.as_vec()).split_off(mark_bytes);
                let read = io::Cursor::new(read);
                let reader: Box<dyn Read + Send> = Box::new(read.chain(behind));
                let transcoder = Transcoder::new(reader, charset, mark_bytes as u64);
                self.bytes = Bytes::Converted(Box::new(transcoder));
                self.is_at_end = false;
                self.converted = Some((Some(charset), 0));
            }
        }
        Ok(())
    }

    /// A piece of a file that is kept without being looked at, up to its end.
    fn unread_piece(&mut self) -> Option<Chunk> {
        let problem = self.unread.as_mut()?.take();
        let end = self.rest.len();
        Some(self.take(end, ChunkContent::Unread(problem)))
    }

    /// A piece of a page that is rejected.
    fn rejected_page(&mut self) -> Chunk {
        let is_first = !std::mem::replace(&mut self.is_rejected, true);
        let problem = is_first.then_some(ProblemKind::LongHtml(self.max_bytes as u64));
        let end = self.rest.len();
        self.take(end, ChunkContent::Rejected { row: None, problem })
    }

    fn whole(&mut self, end: usize) -> Chunk {
        let is_rest = end == self.rest.len() || self.cut_by.is_some();
        let is_whole = self.offset == 0 && self.is_at_end && is_rest && self.converted.is_none();
        let before = self.count;
        if self.offset == 0 && self.rest.starts_with(UTF8_MARK) {
            self.mark_bytes = UTF8_MARK.len() as u64;
        }
        let content = match self.cut {
            Cut::Lines { .. } | Cut::Whole => ChunkContent::Text {
                lines_before: before,
                bytes_before: self.offset.saturating_sub(self.mark_bytes),
                is_whole,
            },
            Cut::Rows => ChunkContent::Rows {
                rows_before: before,
            },
        };
        let chunk = self.take(end, content);
        // The last chunk's lines are counted by nobody.
        if !chunk.is_last {
            self.count += match self.cut {
                Cut::Lines { .. } | Cut::Whole => count_lines(&chunk.bytes),
                Cut::Rows => memchr::memchr_iter(b'\n', &chunk.bytes).count(),
            } as u64;
        }
        chunk
    }

    /// A piece of a line or row that is too long: up to its end, or all there is.
    fn long_piece(&mut self, is_first: bool) -> Chunk {
        let end = match self.cut {
            Cut::Rows => memchr(b'\n', &self.rest).map(|at| at + 1),
            Cut::Lines { .. } | Cut::Whole => memchr2(b'\n', b'\r', &self.rest).and_then(|at| {
                let next = self.rest.get(at + 1);
                match (self.rest[at], next) {
                    (b'\r', Some(b'\n')) => Some(at + 2),
                    (b'\r', None) if !self.is_at_end => None,
                    _ => Some(at + 1),
                }
            }),
        };
        let limit = self.max_bytes as u64;
        let content = match self.cut {
            Cut::Lines { .. } | Cut::Whole => {
                ChunkContent::Unread(is_first.then_some(ProblemKind::LongLine(limit)))
            }
            Cut::Rows => ChunkContent::Rejected {
                row: NonZeroU64::new(self.count + 1),
                problem: is_first.then_some(ProblemKind::LongRow(limit)),
            },
        };
        // Without an end, a CR at the very end waits for what comes behind it.
        let open_end = if self.rest.ends_with(b"\r") && !self.is_at_end {
            self.rest.len() - 1
        } else {
            self.rest.len()
        };
        self.is_in_long = end.is_none() && !self.is_at_end;
        self.count += u64::from(!self.is_in_long);
        self.take(end.unwrap_or(open_end), content)
    }

    fn take(&mut self, end: usize, content: ChunkContent) -> Chunk {
        let bytes = self.rest.take(end);
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        let conversion = self.conversion(&bytes);
        self.is_done = self.is_at_end && self.rest.is_empty() && self.cut_by.is_none();
        Chunk {
            file: Arc::clone(&self.file),
            offset,
            content,
            bytes,
            file_bytes: self.taken.swap(0, Ordering::Relaxed),
            is_first: !std::mem::replace(&mut self.is_begun, true),
            is_last: self.is_done,
            conversion,
        }
    }

    /// What is to be said of the character set of a chunk of these bytes.
    fn conversion(&mut self, bytes: &[u8]) -> Option<Box<Conversion>> {
        let (charset, done) = self.converted.as_mut()?;
        let (position, faults) = match &self.bytes {
            Bytes::Converted(transcoder) => (transcoder.position(), transcoder.faults()),
            Bytes::Plain(_) => (*done + bytes.len() as u64, None),
        };
        let bytes_read = position - std::mem::replace(done, position);
        let faults = faults.filter(|_| !std::mem::replace(&mut self.is_fault_told, true));
        Some(Box::new(Conversion {
            charset: *charset,
            bytes_read,
            fault: faults.map(|faults| faults.first_byte),
        }))
    }

    fn failed(&mut self, problem: ProblemKind) -> Chunk {
        self.is_done = true;
        Chunk {
            file: Arc::clone(&self.file),
            offset: self.offset + self.rest.len() as u64,
            content: ChunkContent::Failed(problem),
            bytes: Vec::new(),
            file_bytes: self.taken.swap(0, Ordering::Relaxed),
            is_first: !std::mem::replace(&mut self.is_begun, true),
            is_last: true,
            conversion: None,
        }
    }
}

/// What is read and not handed out yet.
#[derive(Default)]
struct Rest {
    bytes: Vec<u8>,
    /// Bytes at the front that were handed out.
    taken: usize,
}

impl Deref for Rest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }
}

impl Rest {
    /// All of it, and nothing that was handed out.
    fn as_vec(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        &mut self.bytes
    }

    /// Hands out the first bytes, in memory that holds no more than them. What is moved for that is
    /// linear in what is handed out.
    fn take(&mut self, end: usize) -> Vec<u8> {
        if end < self.len() / 2 {
            let taken = self[..end].to_vec();
            self.taken += end;
            if self.taken > self.len() {
                self.as_vec().shrink_to_fit();
            }
            taken
        } else {
            let bytes = self.as_vec();
            let behind = bytes.split_off(end);
            std::mem::replace(bytes, behind)
        }
    }
}

/// Counts the bytes of a file that are taken.
pub(super) struct Counted {
    pub reader: Box<dyn Read + Send>,
    pub taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(out)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads until `rest` has `target` bytes. At the end of what there is, says so, and why it came
/// where it came too soon.
///
/// # Errors
///
/// What was read cannot be trusted, or reading failed.
pub(super) fn fill(
    reader: &mut dyn Read,
    rest: &mut Vec<u8>,
    target: usize,
) -> Result<Option<Option<PackedProblem>>, ProblemKind> {
    // No more memory is touched than there are bytes: what is reserved is not written before.
    let wanted = target.saturating_sub(rest.len());
    rest.reserve_exact(wanted);
    let read = reader.take(wanted as u64).read_to_end(rest);
    let end = read.map(|read| (read < wanted).then_some(None));
    end.or_else(|error| match PackedProblem::of_read(&error) {
        Some(problem) if problem.keeps_what_is_before() => Ok(Some(Some(problem.clone()))),
        _ => Err(ProblemKind::of_read(&error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: Cut = Cut::Lines { is_told: true };
    use std::io;
    use std::path::PathBuf;

    fn chunks(cut: Cut, max_bytes: usize, bytes: &'static [u8]) -> Vec<Chunk> {
        let file = FileEntry::new(PathBuf::new(), PathBuf::from("a"));
        let mut stream = Stream::new(file, Box::new(bytes), cut, max_bytes);
        std::iter::from_fn(|| stream.next_chunk()).collect()
    }

    fn shown(cut: Cut, max_bytes: usize, bytes: &'static [u8]) -> Vec<String> {
        let chunks = chunks(cut, max_bytes, bytes);
        assert_eq!(
            chunks
                .iter()
                .flat_map(|chunk| chunk.bytes.clone())
                .collect::<Vec<u8>>(),
            bytes,
            "chunks tile the file"
        );
        let last: Vec<bool> = chunks.iter().map(|chunk| chunk.is_last).collect();
        assert_eq!(last.iter().filter(|&&is_last| is_last).count(), 1);
        assert_eq!(last.last(), Some(&true));
        let mut first = chunks.iter().map(|chunk| chunk.is_first);
        assert!(first.next() == Some(true) && !first.any(|is_first| is_first));
        chunks
            .iter()
            .map(|chunk| {
                let kind = match &chunk.content {
                    ChunkContent::Text { lines_before, .. } => format!("text {lines_before}"),
                    ChunkContent::Rows { rows_before } => format!("rows {rows_before}"),
                    ChunkContent::Unread(problem) => format!("unread {}", problem.is_some()),
                    ChunkContent::Rejected { row, problem } => {
                        let row = row.map_or("page".to_owned(), |row| row.to_string());
                        format!("rejected {row} {}", problem.is_some())
                    }
                    ChunkContent::Records(_) => "records".to_owned(),
                    ChunkContent::Members { .. } => "members".to_owned(),
                    #[cfg(feature = "parquet")]
                    ChunkContent::Table(_) => "table".to_owned(),
                    ChunkContent::Cut(_) => "cut".to_owned(),
                    ChunkContent::Failed(_) => "failed".to_owned(),
                };
                format!("{kind} {:?}", String::from_utf8_lossy(&chunk.bytes))
            })
            .collect()
    }

    #[test]
    fn text_is_cut_at_line_ends() {
        assert_eq!(
            shown(LINES, 8, b"ab\ncd\nefgh\nij"),
            ["text 0 \"ab\\ncd\\n\"", "text 2 \"efgh\\nij\""]
        );
    }

    #[test]
    fn text_that_is_too_large_for_a_page_comes_in_smaller_parts() {
        const LIMIT: usize = PART_BYTES + (1 << 20);
        let lengths = |lines: &[(usize, &str)]| {
            let text: String = lines
                .iter()
                .map(|(bytes, end)| "a".repeat(bytes - end.len()) + end)
                .collect();
            let file = FileEntry::new(PathBuf::new(), PathBuf::from("a"));
            let reader = Box::new(io::Cursor::new(text.into_bytes()));
            let mut stream = Stream::new(file, reader, LINES, LIMIT);
            let chunks = std::iter::from_fn(|| stream.next_chunk());
            let shown = chunks.map(|chunk| {
                let is_text = matches!(chunk.content, ChunkContent::Text { .. });
                assert!(is_text && chunk.bytes.capacity() <= LIMIT);
                chunk.bytes.len()
            });
            shown.collect::<Vec<_>>()
        };
        let half = PART_BYTES / 2;
        assert_eq!(
            lengths(&[(half, "\n"), (LIMIT - half - 1, "\n")]),
            [LIMIT - 1]
        );
        assert_eq!(
            lengths(&[(half, "\n"), (half, "\n"), (half, "\r\n"), (9, "")]),
            [PART_BYTES, half + 9]
        );
        assert_eq!(
            lengths(&[(half, "\r\n"), (half + 1, "\r\n"), (half, "\n")]),
            [half, half + 1, half]
        );
        // Lines that are longer than a part, but not than a page.
        for end in ["\n", "\r", "\r\n"] {
            let long = PART_BYTES + 5;
            assert_eq!(
                lengths(&[(long, end), (half, "\n"), (long, "")]),
                [long, half, long]
            );
        }
    }

    #[test]
    fn crlf_is_never_cut_in_half() {
        assert_eq!(
            shown(LINES, 4, b"ab\r\ncd\r\ne"),
            ["text 0 \"ab\\r\\n\"", "text 1 \"cd\\r\\n\"", "text 2 \"e\""]
        );
        assert_eq!(
            shown(LINES, 3, b"a\rb\r\nc"),
            ["text 0 \"a\\r\"", "text 1 \"b\\r\\n\"", "text 2 \"c\""]
        );
    }

    #[test]
    fn a_long_line_is_kept_unread_and_counted_once() {
        assert_eq!(
            shown(LINES, 4, b"a\nbbbbbbbbbb\r\nc\n"),
            [
                "text 0 \"a\\n\"",
                "unread true \"bbbb\"",
                "unread false \"bbbb\"",
                "unread false \"bb\\r\\n\"",
                "text 2 \"c\\n\""
            ]
        );
    }

    #[test]
    fn a_long_row_is_rejected_with_one_problem() {
        assert_eq!(
            shown(Cut::Rows, 4, b"a\nbbbbbbbbbb\nc\n"),
            [
                "rows 0 \"a\\n\"",
                "rejected 2 true \"bbbb\"",
                "rejected 2 false \"bbbb\"",
                "rejected 2 false \"bb\\n\"",
                "rows 2 \"c\\n\""
            ]
        );
    }

    #[test]
    fn what_is_no_text_is_told_once_by_the_first_chunk() {
        assert_eq!(
            shown(LINES, 4, b"\xff\xfe\0\xd8\n\0b\0\n\0"),
            [
                "unread true \"\u{fffd}\u{fffd}\\0\u{fffd}\"",
                "unread false \"\\n\\0b\\0\"",
                "unread false \"\\n\\0\""
            ],
            "half a surrogate pair, and nothing else"
        );
        let told = chunks(LINES, 16, b"\x1f\x8b\x08, which is gzip, not text");
        assert!(matches!(told[0].content, ChunkContent::Failed(_)) && told.len() == 1);
        let forced = Cut::Lines { is_told: false };
        assert_eq!(
            shown(forced, 20, b"<html> is a tag.\nSo is <b>.\n").len(),
            2
        );
        assert_eq!(
            shown(LINES, 20, b"Look: a long one\n<html> is a tag\n").len(),
            2
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_converted_on_the_way() {
        let page = "가나다\n라마\n".repeat(300);
        let units = page.encode_utf16().flat_map(u16::to_le_bytes);
        let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(units).chain([7]).collect();
        let read = |bytes: &[u8], max_bytes| {
            let file = FileEntry::new(PathBuf::new(), PathBuf::from("a"));
            let reader = Box::new(io::Cursor::new(bytes.to_vec()));
            let mut stream = Stream::new(file, reader, LINES, max_bytes);
            std::iter::from_fn(|| stream.next_chunk()).collect::<Vec<Chunk>>()
        };
        let chunks = read(&bytes, 1000);
        assert!(chunks.len() > 3);
        let text: Vec<u8> = chunks
            .iter()
            .flat_map(|chunk| chunk.bytes.clone())
            .collect();
        assert_eq!(text, [page.as_bytes(), &[7]].concat());
        let mut lines = 0;
        for chunk in &chunks {
            let ChunkContent::Text { lines_before, .. } = chunk.content else {
                panic!("text");
            };
            assert_eq!(lines_before, lines);
            lines += memchr::memchr_iter(b'\n', &chunk.bytes).count() as u64;
        }
        let conversions = chunks
            .iter()
            .filter_map(|chunk| chunk.conversion.as_deref());
        let conversions: Vec<&Conversion> = conversions.collect();
        assert_eq!(conversions.len(), chunks.len());
        let bytes_read: u64 = conversions.iter().map(|stretch| stretch.bytes_read).sum();
        assert_eq!(bytes_read, bytes.len() as u64);
        let faults: Vec<u64> = conversions
            .iter()
            .filter_map(|stretch| stretch.fault)
            .collect();
        assert_eq!(faults, [bytes.len() as u64 - 1], "told once");
        // What fits in one chunk is for whoever reads the page.
        let whole = read(&bytes, bytes.len() + 1);
        assert!(whole.len() == 1 && whole[0].conversion.is_none() && whole[0].bytes == bytes);
    }

    #[test]
    fn an_empty_file_is_one_empty_chunk() {
        assert_eq!(shown(LINES, 4, b""), ["text 0 \"\""]);
        assert_eq!(shown(Cut::Rows, 4, b""), ["rows 0 \"\""]);
    }

    #[test]
    fn a_failing_read_ends_the_file() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let file = FileEntry::new(PathBuf::new(), PathBuf::from("a"));
        let reader = Box::new((&b"ab\ncd\n"[..]).chain(Broken));
        let mut stream = Stream::new(file, reader, LINES, 64);
        let chunk = stream.next_chunk().expect("a chunk tells of the failure");
        assert!(matches!(chunk.content, ChunkContent::Failed(_)));
        assert!(chunk.is_last && stream.next_chunk().is_none());
    }
}
