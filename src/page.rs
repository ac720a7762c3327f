//! The shared vocabulary: a page's bytes in, its lines out, nothing copied.
//!
//! One line rule holds everywhere: LF, CRLF and lone CR end a line. A page's
//! *lines* are those with something visible in them; blank lines are never
//! evidence, so they are not stored but stay implicit in the gaps between lines
//! (ten million blank lines cost no memory). [`LineCursor`] walks both.

use crate::normalize;
use crate::simd::masks::{either, places};
use crate::simd::widest;

/// A line with something visible in it, as a span of its page.
///
/// Invariants: `start < end <= page.len()`; spans are in page order and do not overlap;
/// `number` counts every line of the page, blank ones included, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Offset in bytes of the first byte.
    pub start: usize,
    /// Offset in bytes of the terminator, or of the page's end.
    pub end: usize,
    /// Line number on the page, from 1, blank lines counted.
    pub number: usize,
}

impl Line {
    /// The line's bytes without its terminator.
    pub fn text<'p>(&self, page: &'p [u8]) -> &'p [u8] {
        &page[self.start..self.end]
    }

    /// Offset in bytes behind the line's terminator.
    pub fn end_with_terminator(&self, page: &[u8]) -> usize {
        terminator_end(page, self.end)
    }
}

/// Offset behind the terminator that begins at `end`; `end` itself at the page's end.
fn terminator_end(page: &[u8], end: usize) -> usize {
    match page.get(end) {
        Some(b'\r') if page.get(end + 1) == Some(&b'\n') => end + 2,
        Some(_) => end + 1,
        None => end,
    }
}

/// One line as [`LineCursor`] meets it, blank or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLine {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset of the terminator, or the page's end.
    pub end: usize,
    /// Offset behind the terminator.
    pub next: usize,
}

/// Walks every line of a stretch of bytes, blank ones too, by the one line rule.
///
/// Linear time, no allocation.
#[derive(Clone, Debug)]
pub struct LineCursor<'p> {
    page: &'p [u8],
    at: usize,
    to: usize,
}

impl<'p> LineCursor<'p> {
    /// Walks the whole page.
    pub fn new(page: &'p [u8]) -> Self {
        Self::between(page, 0, page.len())
    }

    /// Walks the lines from `from` (the start of a line) up to `to` (the end of one).
    pub fn between(page: &'p [u8], from: usize, to: usize) -> Self {
        LineCursor { page, at: from, to }
    }
}

impl Iterator for LineCursor<'_> {
    type Item = RawLine;

    #[inline]
    fn next(&mut self) -> Option<RawLine> {
        if self.at >= self.to {
            return None;
        }
        let start = self.at;
        let end = memchr::memchr2(b'\n', b'\r', &self.page[start..self.to])
            .map_or(self.to, |length_bytes| start + length_bytes);
        self.at = terminator_end(self.page, end).min(self.to);
        Some(RawLine {
            start,
            end,
            next: self.at,
        })
    }
}

/// How many lines a stretch of bytes has, blank ones counted: as many as [`LineCursor`] meets, but told
/// faster where no line ends in CR.
pub fn count_lines(bytes: &[u8]) -> usize {
    if memchr::memchr(b'\r', bytes).is_some() {
        return LineCursor::new(bytes).count();
    }
    let is_open = bytes.last().is_some_and(|&last| last != b'\n');
    memchr::memchr_iter(b'\n', bytes).count() + usize::from(is_open)
}

/// Splits a page into its lines (see [`Line`]), appending to `lines`.
///
/// Returns the number of all lines, blank ones counted: [`LineCursor`] meets the same.
pub fn split_lines(page: &[u8], lines: &mut Vec<Line>) -> usize {
    widest(
        #[inline(always)]
        || split_wide(page, lines),
    )
}

/// A search for each line's end costs more than all ends of a block at once.
#[inline(always)]
fn split_wide(page: &[u8], lines: &mut Vec<Line>) -> usize {
    let (mut number, mut start) = (0, 0);
    let mut add = |start: usize, end: usize| {
        number += 1;
        if !normalize::is_blank(&page[start..end]) {
            lines.push(Line { start, end, number });
        }
    };
    let ends = places(
        page,
        #[inline(always)]
        |block| either(block, b'\n', b'\r'),
    );
    for end in ends {
        // The LF of a CR ends no line.
        if end >= start {
            add(start, end);
            start = terminator_end(page, end);
        }
    }
    if start < page.len() {
        add(start, page.len());
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(page: &[u8]) -> Vec<(usize, &[u8])> {
        let mut lines = Vec::new();
        split_lines(page, &mut lines);
        lines
            .iter()
            .map(|line| (line.number, line.text(page)))
            .collect()
    }

    #[test]
    fn lines_are_counted_as_they_are_met() {
        for page in [
            "",
            "a",
            "a\n",
            "\n\nb",
            "a\nb",
            "a\r\nb\r\n",
            "\r\r\n\n",
            "a\rb",
            "\r",
        ] {
            let expected = LineCursor::new(page.as_bytes()).count();
            assert_eq!(count_lines(page.as_bytes()), expected, "{page:?}");
        }
    }

    #[test]
    fn blocks_end_lines_where_the_cursor_does() {
        let text = "a\r\nbc\n\n \rdef\r\r\n\u{a0}\n".repeat(12) + &"x".repeat(70) + "\r\n\ny";
        let text = text.as_bytes();
        for from in 0..text.len() {
            for to in from..=text.len() {
                let page = &text[from..to];
                let mut lines = Vec::new();
                let count = split_lines(page, &mut lines);
                let all: Vec<RawLine> = LineCursor::new(page).collect();
                assert_eq!(count, all.len(), "{from}..{to}");
                let expected = all.iter().zip(1..).filter(|(raw, _)| {
                    let is_blank = normalize::is_blank(&page[raw.start..raw.end]);
                    !is_blank
                });
                let expected = expected.map(|(raw, number)| (raw.start, raw.end, number));
                let got = lines.iter().map(|line| (line.start, line.end, line.number));
                assert!(got.eq(expected), "{from}..{to}");
            }
        }
    }

    #[test]
    fn lf_crlf_and_lone_cr_end_a_line() {
        let expected: Vec<(usize, &[u8])> = vec![(1, b"a"), (2, b"b"), (3, b"c"), (5, b"d")];
        assert_eq!(texts(b"a\nb\r\nc\r\rd"), expected);
    }

    #[test]
    fn line_separator_and_form_feed_do_not_end_a_line() {
        let page = "a\u{2028}b\u{c}c\u{85}d".as_bytes();
        assert_eq!(texts(page), vec![(1, page)]);
    }

    #[test]
    fn blank_lines_are_counted_but_not_stored() {
        let page = "\n \u{a0}\t\n\u{3000}\r\nx\n\n".as_bytes();
        let mut lines = Vec::new();
        assert_eq!(split_lines(page, &mut lines), 5);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].number, 4);
        assert_eq!(lines[0].end_with_terminator(page), lines[0].end + 1);
    }

    #[test]
    fn cursor_spans_tile_the_page() {
        for page in [&b""[..], b"\n", b"\r\n\r", b"a\r\nb\n\rc", b"no end"] {
            let mut at = 0;
            for raw in LineCursor::new(page) {
                assert_eq!(raw.start, at);
                assert!(raw.start <= raw.end && raw.end <= raw.next);
                at = raw.next;
            }
            assert_eq!(at, page.len());
        }
    }
}
