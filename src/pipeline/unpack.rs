//! What a job holds in, the texts of its pages out: shared by both passes, so that they see the
//! same pages.

use std::borrow::Cow;

use super::{BYTES_A_LINE, RunOptions};
use crate::error::ProblemKind;
use crate::index::{Names, Place};
use crate::page::LineCursor;
use crate::source::content::{self, Content, UTF8_MARK};
use crate::source::{FileEntry, utf16};

/// What a whole file that is no container holds.
pub enum Page<'b> {
    /// A page: its byte-order mark, and its text.
    Text {
        mark: &'b [u8],
        text: Cow<'b, [u8]>,
        is_converted: bool,
    },
    /// A page that is kept as it is.
    Unread(ProblemKind),
    /// Nothing that is written.
    Skipped(ProblemKind),
    /// No page.
    Other,
}

/// Tells what a file that is no container holds.
pub fn page<'b>(file: &FileEntry, bytes: &'b [u8], options: &RunOptions) -> Page<'b> {
    let told = match content::tell(&file.name, bytes) {
        Content::Utf16 => Content::Utf16,
        _ if options.is_text_forced => Content::Text,
        told => told,
    };
    match told {
        Content::Other => Page::Other,
        Content::Unread(format) => Page::Skipped(ProblemKind::UnreadFormat(format)),
        Content::TextWithNul => Page::Unread(ProblemKind::Nul),
        Content::Utf16WithoutMark => Page::Unread(ProblemKind::Utf16WithoutMark),
        Content::Utf16 => match utf16::decode(bytes) {
            Some(text) => Page::Text {
                mark: b"",
                text: Cow::Owned(text.into_bytes()),
                is_converted: true,
            },
            None => Page::Unread(ProblemKind::BadUtf16),
        },
        Content::Text => {
            let (mark, text) = split_mark(bytes);
            Page::Text {
                mark,
                text: Cow::Borrowed(text),
                is_converted: false,
            }
        }
    }
}

/// The byte-order mark, and what stands behind it.
pub fn split_mark(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mark = bytes.strip_prefix(UTF8_MARK).map_or(0, |_| UTF8_MARK.len());
    bytes.split_at(mark)
}

/// Whether a stretch of text is kept without being looked at.
pub fn has_nul(text: &[u8], options: &RunOptions) -> bool {
    !options.is_text_forced && memchr::memchr(0, text).is_some()
}

/// Lines that a page, or a part of one, may have.
pub fn max_lines(options: &RunOptions) -> usize {
    (options.max_page_bytes / BYTES_A_LINE).max(1)
}

/// Cuts text that has more lines than a part may have. Ordinary pages are one part.
pub fn parts<'p>(text: &'p [u8], max_lines: usize) -> impl Iterator<Item = &'p [u8]> + use<'p> {
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

/// Whether a row's text has more lines than a page may have.
pub fn has_too_many_lines(text: &str, max_lines: usize) -> bool {
    text.len() > max_lines && LineCursor::new(text.as_bytes()).nth(max_lines).is_some()
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
pub fn rows(chunk: &[u8], offset: u64, rows_before: u64) -> impl Iterator<Item = RowBytes<'_>> {
    let open_end = (!chunk.is_empty() && !chunk.ends_with(b"\n")).then_some(chunk.len());
    let ends = memchr::memchr_iter(b'\n', chunk).map(|at| at + 1);
    ends.chain(open_end)
        .scan(0, |at, end| Some((std::mem::replace(at, end), end)))
        .zip(rows_before + 1..)
        .map(move |((start, end), number)| {
            let bytes = &chunk[start..end];
            let is_first = offset == 0 && start == 0;
            let (mark, bytes) = if is_first {
                split_mark(bytes)
            } else {
                bytes.split_at(0)
            };
            RowBytes {
                mark,
                bytes,
                number,
                offset: offset + (start + mark.len()) as u64,
            }
        })
}

/// Where a file that is one page stands.
pub fn file_place(number: u32) -> Place {
    Place {
        file: number,
        record: 0,
        line: 0,
    }
}

/// Where a row's page stands.
pub fn row_place(number: u32, row_number: u64) -> Place {
    Place {
        file: number,
        record: u32::try_from(row_number).unwrap_or(u32::MAX),
        line: 0,
    }
}

/// The number of a file in an index.
pub fn number_in(names: &Names, file: &FileEntry) -> Option<u32> {
    names.number(file.name.as_os_str().as_encoded_bytes())
}
