//! The bytes of a WARC file in, whole records out: finds where each ends, and the next one
//! behind damage.

use std::ops::Range;

use super::head::{Fields, MAX_HEAD_BYTES, begins_record, end_of_head};
use super::payload;
use crate::error::ProblemKind;

/// What stands behind a record.
const LINE_ENDS: &[u8] = b"\r\n\r\n";
/// Unpacked bytes of a gzip member that are held until its checksum is there.
const HELD_BYTES: usize = 16 << 20;

/// A stretch of a WARC file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A whole record: number from 1, offset in bytes, head and block within the buffer.
    Record {
        /// Its number in the file, from 1.
        number: u64,
        /// Where it begins in the file, unpacked.
        offset: u64,
        /// Its head, empty line included.
        head: Range<usize>,
        /// Its block.
        block: Range<usize>,
    },
    /// A record that is no page and too large to be held.
    Other,
    /// Bytes that are rejected: unpacked ones, or those of a damaged gzip member.
    Rejected {
        /// Of the record, if it has a number.
        number: Option<u64>,
        /// Where they begin in the file, unpacked.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
        /// Why, on the first stretch.
        problem: Option<ProblemKind>,
    },
    /// Nothing of the file can be trusted.
    Failed {
        /// Where that showed, unpacked.
        offset: u64,
        /// Why.
        problem: ProblemKind,
    },
}

impl Item {
    /// Counts from a stretch's own start become counts from the file's.
    pub fn shift(&mut self, records: u64, bytes: u64) {
        match self {
            Item::Record { number, offset, .. } => {
                *number += records;
                *offset += bytes;
            }
            Item::Rejected { number, offset, .. } => {
                *number = number.map(|number| number + records);
                *offset += bytes;
            }
            Item::Failed { offset, .. } => *offset += bytes,
            Item::Other => {}
        }
    }
}

/// Finds records.
///
/// A record is whole where its `Content-Length` leads to a record's end: two CRLF; or any line
/// ends and then the next record, the end of a gzip member, or the end of the file. Where it does not, everything
/// up to the next line that begins a record is rejected.
///
/// Memory: `buffer` holds what is not framed: a record up to `max_bytes`, and what was added
/// last. A longer record passes through.
#[derive(Debug)]
pub struct Framer {
    /// Bytes of the file; those before `at` are framed.
    pub buffer: Vec<u8>,
    /// Where the first byte that is not framed stands in `buffer`.
    pub at: usize,
    /// Records so far.
    pub number: u64,
    /// Offset of the buffer in the file.
    pub offset: u64,
    /// How far `buffer` may be framed.
    limit: usize,
    /// Where gzip members begin and end within `buffer`, in order.
    bounds: Vec<usize>,
    /// Where the member at work begins in `buffer`; None once a part of it is framed.
    member: Option<usize>,
    state: State,
    /// Up to here in the file no head ends that begins at `at` or behind it: a file of nothing but
    /// first lines of records is looked through once.
    head_lines: u64,
    max_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Before a record.
    Between,
    Passing(Passing),
    /// Behind damage, before the next record.
    Seeking,
}

/// In a record that is too long to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passing {
    /// Bytes to go.
    left: u64,
    is_rejected: bool,
    /// It began where a gzip member does, so the next one does too.
    is_in_member: bool,
}

impl Framer {
    /// Before the first record.
    pub fn new(max_bytes: usize) -> Self {
        Framer {
            buffer: Vec::new(),
            at: 0,
            number: 0,
            offset: 0,
            limit: 0,
            bounds: Vec::new(),
            member: None,
            state: State::Between,
            head_lines: 0,
            max_bytes: max_bytes as u64,
        }
    }

    /// Everything that was added is framed, and nothing is known of what comes.
    pub fn is_idle(&self) -> bool {
        self.at == self.buffer.len() && self.state == State::Between
    }

    /// A gzip member begins.
    pub fn begin_member(&mut self) {
        let start = self.buffer.len();
        self.member = Some(start);
        if self.bounds.last() != Some(&start) {
            self.bounds.push(start);
        }
    }

    /// A gzip member ends.
    pub fn end_member(&mut self) {
        self.member = None;
        self.bounds.push(self.buffer.len());
    }

    /// Takes back what came of the member at work; what stood before it, and was not framed, is
    /// cut off there. False where a part of the member is framed.
    pub fn take_back_member(&mut self, items: &mut Vec<Item>) -> bool {
        let Some(start) = self.member.take().filter(|&start| start >= self.at) else {
            return false;
        };
        self.buffer.truncate(start);
        self.head_lines = 0;
        self.frame(Some(&None), items);
        self.bounds.push(start);
        true
    }

    /// Whether the member at work could be taken back.
    pub fn holds_member(&self) -> bool {
        self.member.is_some_and(|start| start >= self.at)
    }

    /// Hands over the buffer of what was framed and keeps the rest.
    pub fn take_framed(&mut self) -> Vec<u8> {
        if self.at == 0 {
            return Vec::new();
        }
        let rest = self.buffer.split_off(self.at);
        let framed = std::mem::replace(&mut self.buffer, rest);
        let from = self.bounds.partition_point(|&bound| bound < self.at);
        self.bounds.drain(..from);
        for bound in &mut self.bounds {
            *bound -= self.at;
        }
        self.member = self.member.and_then(|start| start.checked_sub(self.at));
        self.offset += self.at as u64;
        self.at = 0;
        framed
    }

    /// Frames what is left where no more bytes come.
    pub fn end(&mut self, end: End, items: &mut Vec<Item>) {
        let before = items.len();
        self.frame(Some(&end), items);
        let is_told = items[before..].iter().any(|item| match item {
            Item::Rejected { problem, .. } => *problem == end,
            _ => false,
        });
        if end.is_some() && !is_told {
            items.push(Item::Rejected {
                number: None,
                offset: self.end_offset(),
                bytes: Vec::new(),
                problem: end,
            });
        }
    }

    /// How much of the file was added, unpacked.
    pub fn end_offset(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    fn offset_here(&self) -> u64 {
        self.offset + self.at as u64
    }

    fn reject(&mut self, end: usize, number: Option<u64>, problem: Option<ProblemKind>) -> Item {
        let offset = self.offset_here();
        let bytes = self.buffer[self.at..end].to_vec();
        self.at = end;
        Item::Rejected {
            number,
            offset,
            bytes,
            problem,
        }
    }

    /// Frames what can be. `ends_with` says that no more bytes come, and why, where they should.
    ///
    /// A gzip member that is not unpacked to its end, where its checksum stands, is left alone
    /// while it is small enough to be held.
    pub fn frame(&mut self, ends_with: Option<&End>, items: &mut Vec<Item>) {
        let is_held = |start: &usize| {
            ends_with.is_none() && *start >= self.at && self.buffer.len() - start < HELD_BYTES
        };
        self.limit = self.member.filter(is_held).unwrap_or(self.buffer.len());
        while self.step(ends_with, items) {}
    }

    /// One step; false where more bytes are needed, or none are left.
    fn step(&mut self, ends_with: Option<&End>, items: &mut Vec<Item>) -> bool {
        match self.state {
            State::Between => self.between(ends_with, items),
            State::Seeking => self.seek(ends_with.is_some(), items),
            State::Passing(passing) => self.pass(passing, ends_with, items),
        }
    }

    fn between(&mut self, ends_with: Option<&End>, items: &mut Vec<Item>) -> bool {
        self.at = self.behind_line_ends(self.at);
        let is_at_end = ends_with.is_some();
        let rest = &self.buffer[self.at..self.limit];
        if rest.is_empty() {
            return false;
        }
        match begins_record(rest) {
            None if !is_at_end => return false,
            Some(true) => {}
            told => {
                let why = match told {
                    None => "cut off",
                    _ => "no record begins here",
                };
                self.state = State::Seeking;
                let problem = problem(why, ends_with.filter(|_| told.is_none()));
                let item = self.reject(self.at, None, Some(problem));
                items.push(item);
                return true;
            }
        }
        let looked_at = &rest[..rest.len().min(MAX_HEAD_BYTES)];
        let known_lines = self.head_lines.saturating_sub(self.offset_here()) as usize;
        let head_bytes = match end_of_head(looked_at, known_lines.min(looked_at.len())) {
            Ok(bytes) => bytes,
            Err(lines) => {
                self.head_lines = self.offset_here() + lines as u64;
                if rest.len() < MAX_HEAD_BYTES && !is_at_end {
                    return false;
                }
                let (why, end) = match rest.len() < MAX_HEAD_BYTES {
                    true => ("cut off in its head", ends_with),
                    false => ("its head does not end", None),
                };
                return self.damaged(self.at + 1, problem(why, end), items);
            }
        };
        let head_end = self.at + head_bytes;
        let fields = Fields::read(&rest[..head_bytes]);
        let length = match content_length(&fields) {
            Ok(length) => length,
            Err(why) => return self.damaged(head_end, problem(why, None), items),
        };
        let block = &rest[head_bytes..];
        if length > self.max_bytes.saturating_sub(head_bytes as u64) {
            let is_clear = block.len() >= MAX_HEAD_BYTES || is_at_end;
            if !is_clear {
                return false;
            }
            let is_rejected = payload::may_be_page(&fields, block);
            return self.begin_passing(length, head_bytes, is_rejected, items);
        }
        // No longer than memory allows, so the sum is in range.
        let end = head_end + length as usize;
        if end > self.limit {
            if !is_at_end {
                return false;
            }
            let why = "ends before its Content-Length";
            return self.damaged(head_end, problem(why, ends_with), items);
        }
        let behind = self.behind_line_ends(end);
        let line_ends = &self.buffer[end..behind];
        let is_sure = line_ends.starts_with(LINE_ENDS) || line_ends.len() >= MAX_HEAD_BYTES;
        let is_end = match begins_record(&self.buffer[behind..self.limit]) {
            _ if is_sure || self.has_bound(end, behind) => true,
            None if behind == self.limit && is_at_end => true,
            None if !is_at_end => return false,
            told => told == Some(true),
        };
        if !is_end {
            let why = "its Content-Length does not lead to its end";
            return self.damaged(head_end, problem(why, None), items);
        }
        self.number += 1;
        items.push(Item::Record {
            number: self.number,
            offset: self.offset_here(),
            head: self.at..head_end,
            block: head_end..end,
        });
        self.at = end;
        true
    }

    /// A record that is rejected from here on; the next one stands at `from` or behind it.
    fn damaged(&mut self, from: usize, problem: ProblemKind, items: &mut Vec<Item>) -> bool {
        self.number += 1;
        self.state = State::Seeking;
        let item = self.reject(from, Some(self.number), Some(problem));
        items.push(item);
        true
    }

    fn begin_passing(
        &mut self,
        length: u64,
        head_bytes: usize,
        is_rejected: bool,
        items: &mut Vec<Item>,
    ) -> bool {
        self.number += 1;
        let is_in_member = self.is_bound(self.at);
        self.state = State::Passing(Passing {
            left: length,
            is_rejected,
            is_in_member,
        });
        if is_rejected {
            let problem = ProblemKind::LongRecord(self.max_bytes);
            let head_end = self.at + head_bytes;
            let item = self.reject(head_end, Some(self.number), Some(problem));
            items.push(item);
        } else {
            items.push(Item::Other);
            self.at += head_bytes;
        }
        true
    }

    fn pass(&mut self, passing: Passing, ends_with: Option<&End>, items: &mut Vec<Item>) -> bool {
        let Passing {
            left, is_rejected, ..
        } = passing;
        let is_at_end = ends_with.is_some();
        let here = self.limit - self.at;
        let own = usize::try_from(left).map_or(here, |left| left.min(here));
        let next = self.next_record(self.at, is_at_end, passing.is_in_member);
        let (end, is_cut) = match next {
            Next::At(start) if start < self.at + own => (start, true),
            Next::Unsure(from) => (from.min(self.at + own), false),
            _ => (self.at + own, false),
        };
        let left = left - (end - self.at) as u64;
        let is_over = is_cut || left == 0;
        if !is_over && end == self.at {
            let is_short = is_at_end && !is_rejected;
            if is_short {
                let why = problem("ends before its Content-Length", ends_with);
                let item = self.reject(self.at, Some(self.number), Some(why));
                items.push(item);
                self.state = State::Between;
            }
            return false;
        }
        if is_cut && !is_rejected {
            let why = problem("its Content-Length does not lead to its end", None);
            self.at = end;
            let item = self.reject(end, Some(self.number), Some(why));
            items.push(item);
        }
        if is_rejected {
            let item = self.reject(end, Some(self.number), None);
            items.push(item);
        }
        self.at = end;
        self.state = match is_over {
            true => State::Between,
            false => State::Passing(Passing { left, ..passing }),
        };
        true
    }

    fn seek(&mut self, is_at_end: bool, items: &mut Vec<Item>) -> bool {
        let (end, is_found) = match self.next_record(self.at, is_at_end, false) {
            Next::At(start) => (start, true),
            Next::Unsure(from) => (from, false),
            Next::None => (self.limit, false),
        };
        if end > self.at {
            let item = self.reject(end, None, None);
            items.push(item);
        }
        if is_found {
            self.state = State::Between;
        }
        is_found
    }

    /// The next place, from `from` on, where a record begins: a line's start, or the start of a
    /// gzip member.
    fn next_record(&self, from: usize, is_at_end: bool, only_members: bool) -> Next {
        const WORD: &[u8] = b"WARC/";
        let rest = &self.buffer[from..self.limit];
        for found in memchr::memmem::find_iter(rest, WORD).map(|at| from + at) {
            let is_line = found > 0 && self.buffer[found - 1] == b'\n' && !only_members;
            if !is_line && !self.is_bound(found) {
                continue;
            }
            match begins_record(&self.buffer[found..self.limit]) {
                Some(true) => return Next::At(found),
                None if !is_at_end => return Next::Unsure(found.saturating_sub(1).max(from)),
                _ => {}
            }
        }
        // The word may go on in what comes next, and the line end before it must be seen then.
        let open = (1..=WORD.len()).rev().find(|&count| {
            rest.ends_with(&WORD[..count - 1]) && (count > 1 || rest.ends_with(b"\n"))
        });
        match open {
            Some(count) if !is_at_end && rest.len() >= count => Next::Unsure(self.limit - count),
            _ => Next::None,
        }
    }

    fn behind_line_ends(&self, from: usize) -> usize {
        let rest = self.buffer[from..self.limit].iter();
        from + rest
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count()
    }

    fn is_bound(&self, at: usize) -> bool {
        self.bounds.binary_search(&at).is_ok()
    }

    /// Whether a gzip member begins or ends within these places, both included.
    fn has_bound(&self, first: usize, last: usize) -> bool {
        let from = self.bounds.partition_point(|&bound| bound < first);
        self.bounds.get(from).is_some_and(|&bound| bound <= last)
    }
}

/// Where the next record begins.
enum Next {
    At(usize),
    /// Here, if what comes bears it out.
    Unsure(usize),
    None,
}

/// Why no more bytes come: None is the end of the file.
pub type End = Option<ProblemKind>;

/// What is wrong with a record; the end of the bytes goes before it where that is the reason.
fn problem(why: &'static str, end: Option<&End>) -> ProblemKind {
    let by_end = end.and_then(|end| end.clone());
    by_end.unwrap_or(ProblemKind::BadRecord(why))
}

/// The length of a record's block.
fn content_length(fields: &Fields<'_>) -> Result<u64, &'static str> {
    let value = fields.get("Content-Length").ok_or("no Content-Length")?;
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| is_number);
    let number = number.ok_or("its Content-Length is no number")?;
    Ok(number.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MAX_BYTES, WHOLE, gzip, record, shown};
    use super::*;

    fn both(bytes: &[u8]) -> Vec<String> {
        let whole = shown(bytes, WHOLE);
        let stretch_bytes = if bytes.len() < 1000 { 1 } else { 997 };
        assert_eq!(shown(bytes, stretch_bytes), whole, "however the bytes come");
        whole
    }

    #[test]
    fn records_end_where_the_next_begins_or_the_file_ends() {
        for (bytes, expected) in [
            (&b""[..], &[][..]),
            (b"\r\n\n", &[]),
            (b"WARC/1.0\nContent-Length: 2\n\nab", &["1@0 ab"]),
            (b"WARC/0.17\r\ncontent-length:2\r\n\r\nab\n", &["1@0 ab"]),
            (
                b"\n\nWARC/1.1\nContent-Length: 0\n\nWARC/1.0\nContent-Length:\n 1\n\na\r\n\r\n",
                &["1@2 ", "2@30 a"],
            ),
        ] {
            assert_eq!(both(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_wrong_length_costs_its_record_and_no_other() {
        let good = String::from_utf8(record("Good.\n")).expect("UTF-8");
        for (length, why) in [
            (
                "Content-Length: 3\n",
                "its Content-Length does not lead to its end",
            ),
            (
                "Content-Length: 30\n",
                "its Content-Length does not lead to its end",
            ),
            ("Content-Length: 200000\n", "ends before its Content-Length"),
            ("Content-Length: -6\n", "its Content-Length is no number"),
            ("Content-Length: 6x\n", "its Content-Length is no number"),
            ("Content-Length: \n", "its Content-Length is no number"),
            ("Content-Size: 6\n", "no Content-Length"),
        ] {
            let bad = format!("WARC/1.0\n{length}\na long line\nb\r\n\r\n");
            let bytes = [&good, &bad, &good].map(|record| &record[..]).concat();
            let first = good.len();
            let second = first + bad.len();
            assert_eq!(
                both(bytes.as_bytes()),
                [
                    "1@0 Good.\n".to_owned(),
                    format!("2@{first} bad WARC record: {why}; rejected: {bad}"),
                    format!("3@{second} Good.\n"),
                ],
            );
        }
    }

    #[test]
    fn a_record_too_long_passes_through_up_to_the_next() {
        let good = String::from_utf8(record("Good.\n")).expect("UTF-8");
        for (kind, length) in [
            ("conversion", "10000000000"),
            ("conversion", "100000000000000000000"),
            ("request", "10000000000"),
        ] {
            let bad = format!(
                "WARC/1.0\nWARC-Type: {kind}\nContent-Length: {length}\n\n{}\r\n\r\n",
                "x".repeat(100_000)
            );
            let bytes = [&bad, &good].map(|record| &record[..]).concat();
            let found = both(bytes.as_bytes());
            let last = format!("2@{} Good.\n", bad.len());
            assert_eq!(found.last(), Some(&last), "{kind}");
            match kind {
                "conversion" => {
                    let problem = format!(
                        "1@0 WARC record longer than --max-page-bytes ({MAX_BYTES}); rejected"
                    );
                    assert_eq!(found[0], format!("{problem}: {bad}"));
                }
                _ => assert_eq!(found[0], "other"),
            }
        }
    }

    #[test]
    fn a_long_record_that_is_what_it_says_hides_what_it_holds_in_gzip() {
        let inner = String::from_utf8(record("Inside.\n")).expect("UTF-8");
        let block = format!("{}\r\n\r\n{inner}", "x".repeat(MAX_BYTES));
        let long = String::from_utf8(record(&block)).expect("UTF-8");
        let good = record("Good.\n");
        let bytes = [gzip(long.as_bytes()), gzip(&good)].concat();
        let found = shown(&bytes, 100);
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with(&block) && found[1].ends_with("Good.\n"));
    }

    #[test]
    fn what_is_no_record_is_rejected_with_one_problem() {
        let good = String::from_utf8(record("Good.\n")).expect("UTF-8");
        let long_head = format!("WARC/1.0\n{}", "a".repeat(100_000));
        for (bad, problem) in [
            (
                "no record WARC/1.0\nWARC/x\n",
                "@{} bad WARC record: no record begins here; rejected",
            ),
            (
                "WARC/1.0 \n",
                "@{} bad WARC record: no record begins here; rejected",
            ),
            (
                &format!("{long_head}\n"),
                "2@{} bad WARC record: its head does not end; rejected",
            ),
        ] {
            let bytes = [&good, bad, &good].concat();
            let problem = problem.replace("{}", &good.len().to_string());
            let found = both(bytes.as_bytes());
            assert_eq!(found.len(), 3, "{found:?}");
            assert_eq!(found[1], format!("{problem}: {bad}"));
            let bytes = [&good, bad].concat();
            assert_eq!(both(bytes.as_bytes())[1], format!("{problem}: {bad}"));
        }
    }

    #[test]
    fn heads_that_do_not_end_are_looked_through_once() {
        let line = "WARC/1.0\n";
        let bytes = line.repeat(2 * MAX_HEAD_BYTES / line.len());
        let mut framer = Framer::new(MAX_BYTES);
        framer.buffer = bytes.clone().into_bytes();
        let mut items = Vec::new();
        framer.frame(None, &mut items);
        let rejected = items.len() / 2;
        assert!(rejected > 1000);
        // Of what each looked at, one line was new.
        let seen = framer.head_lines as usize;
        assert_eq!(seen, bytes.len() / line.len() * line.len());
        // A record behind them is found whatever was known of its head.
        let found = both(&[bytes.as_bytes(), &record("Good.\n")].concat());
        assert!(found.last().is_some_and(|last| last.ends_with(" Good.\n")));
    }

    #[test]
    fn every_cut_of_a_plain_file_is_told() {
        let bytes = [record("First.\n"), record("Second.\n")].concat();
        let first = record("First.\n").len();
        for end in first + 1..bytes.len() {
            let found = both(&bytes[..end]);
            assert_eq!(found[0], "1@0 First.\n");
            let is_whole = end >= bytes.len() - 4;
            assert_eq!(found.len(), 2);
            assert_eq!(
                found[1] == format!("2@{first} Second.\n"),
                is_whole,
                "{end}"
            );
            assert!(is_whole || found[1].contains("rejected: W"), "{}", found[1]);
        }
    }
}
