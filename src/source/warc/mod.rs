//! WARC and WET: the bytes of a file in, records and the pages in them out.
//!
//! A file is cut into stretches anywhere ([`Stretch`]), and each is taken apart by the thread
//! that works on it. What is open at a stretch's end (half a gzip member, half a record, the
//! number of records so far) is handed on to the thread that has the next one. Where a gzip
//! member seems to begin at the start of a stretch, its thread unpacks ahead and keeps that if
//! the stretch before bears it out; so what comes out is what one thread would find, and the
//! members are unpacked by all of them. Without files; see docs/adr/0013-warc.md.

mod frame;
mod head;
mod members;
mod payload;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use memchr::memmem;

use super::packed::{self, Packing};
use super::stream::{Counted, fill};
use super::{Chunk, ChunkContent, FileEntry};
use crate::error::{PackedProblem, ProblemKind};

use frame::Framer;
use members::Members;

pub use frame::Item;
pub use head::{Fields, text};
pub use payload::{Payload, Said, payload};

/// Packed bytes of a stretch of gzip.
const GZIP_STRETCH_BYTES: usize = 512 << 10;
/// Bytes of any other stretch.
const STRETCH_BYTES: usize = 2 << 20;
/// Unpacked bytes that are gathered before records are handed out.
const BATCH_BYTES: usize = 8 << 20;

/// Takes a file apart: stretches in, items out.
#[derive(Debug)]
struct Reader {
    framer: Framer,
    /// Of a gzip file.
    members: Option<Members>,
    /// Unpacked bytes that were told of.
    told_bytes: u64,
    /// Nothing of the file can be trusted.
    has_failed: bool,
}

impl Reader {
    fn new(is_gzip: bool, max_record_bytes: usize) -> Self {
        Reader {
            framer: Framer::new(max_record_bytes),
            members: is_gzip.then(|| Members::new(max_record_bytes)),
            told_bytes: 0,
            has_failed: false,
        }
    }

    /// What was read from a fresh start stands behind what another reader has read.
    fn go_on_behind(&mut self, before: &Reader, items: &mut [Item]) {
        let (records, bytes) = (before.framer.number, before.framer.end_offset());
        self.framer.number += records;
        self.framer.offset += bytes;
        self.told_bytes += bytes;
        for item in items {
            item.shift(records, bytes);
        }
    }

    fn newly_read(&mut self) -> u64 {
        let read = self.framer.end_offset();
        let told = self.told_bytes;
        self.told_bytes = read.max(told);
        self.told_bytes - told
    }

    /// Nothing of what was read matters for what comes, but the counts.
    fn is_idle(&self) -> bool {
        let is_between = self.members.as_ref().is_none_or(Members::is_idle);
        is_between && self.framer.is_idle() && !self.has_failed
    }

    fn add(&mut self, offset: u64, bytes: Vec<u8>) {
        match &mut self.members {
            _ if self.has_failed => {}
            Some(members) => members.add(offset, bytes),
            None if self.framer.buffer.is_empty() => self.framer.buffer = bytes,
            None => self.framer.buffer.extend_from_slice(&bytes),
        }
    }

    /// Reads on until something is found or everything that was added is read: then true.
    fn read(&mut self, end: Option<&frame::End>, items: &mut Vec<Item>) -> bool {
        let mut limit_bytes = BATCH_BYTES;
        loop {
            let is_read = match &mut self.members {
                _ if self.has_failed => true,
                Some(members) => {
                    members.unpack(&mut self.framer, limit_bytes, end.is_some(), items)
                }
                None => true,
            };
            self.has_failed |= matches!(items.last(), Some(Item::Failed { .. }));
            if self.has_failed {
                return true;
            }
            self.framer.frame(None, items);
            if let Some(end) = end.filter(|_| is_read) {
                self.framer.end(end.clone(), items);
            }
            if is_read || !items.is_empty() {
                return is_read;
            }
            limit_bytes += BATCH_BYTES;
        }
    }
}

/// What one stretch leaves to the next; None where a thread gave up.
type Open = Option<Box<Reader>>;

/// One stretch of a WARC file, plain or packed with gzip; its bytes come apart.
#[derive(Debug)]
pub struct Stretch {
    is_gzip: bool,
    max_record_bytes: usize,
    /// No stretch comes behind; and what ended the file, if it ended too soon.
    end: Option<frame::End>,
    /// None for the first.
    before: Option<Receiver<Open>>,
    behind: SyncSender<Open>,
}

/// Cuts one file into stretches.
///
/// Memory: one stretch, and those handed out.
pub struct Cutter {
    file: Arc<FileEntry>,
    reader: Box<dyn Read + Send>,
    /// Bytes taken from the file since the last chunk.
    taken: Arc<AtomicU64>,
    is_gzip: bool,
    stretch_bytes: usize,
    max_record_bytes: usize,
    /// Read, but not handed out.
    rest: Vec<u8>,
    /// Offset of `rest` in the file.
    offset: u64,
    /// A chunk was handed out.
    is_begun: bool,
    is_done: bool,
    last: Option<Receiver<Open>>,
}

impl Cutter {
    /// Over `reader`, which stands at the file's start and gives its bytes as they lie there,
    /// packed or not. gzip is left packed: the threads that have the stretches unpack it.
    /// Records longer than `max_record_bytes` are not held.
    pub fn new(file: FileEntry, reader: Box<dyn Read + Send>, max_record_bytes: usize) -> Self {
        let is_gzip = file.packing == Some(Packing::Gzip);
        let taken = Arc::<AtomicU64>::default();
        let counted = Box::new(Counted {
            reader,
            taken: Arc::clone(&taken),
        });
        Cutter {
            is_gzip,
            stretch_bytes: if is_gzip {
                GZIP_STRETCH_BYTES
            } else {
                STRETCH_BYTES
            },
            reader: packed::unpacked(file.packing.filter(|_| !is_gzip), counted),
            file: Arc::new(file),
            taken,
            max_record_bytes,
            rest: Vec::new(),
            offset: 0,
            is_begun: false,
            is_done: false,
            last: None,
        }
    }

    /// The next stretch; None behind the last.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        if self.is_done {
            return None;
        }
        let filled = fill(&mut *self.reader, &mut self.rest, self.stretch_bytes);
        let (bytes, content) = match filled {
            Ok(end) => {
                self.is_done = end.is_some();
                let is_cut_by_member = self.is_gzip && !self.is_done;
                let member = is_cut_by_member.then(|| last_member(&self.rest)).flatten();
                let at = member.unwrap_or(self.rest.len());
                let behind = self.rest.split_off(at);
                let bytes = std::mem::replace(&mut self.rest, behind);
                (bytes, ChunkContent::Records(Some(Box::new(self.link(end)))))
            }
            Err(problem) => {
                self.is_done = true;
                (Vec::new(), ChunkContent::Failed(problem))
            }
        };
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        Some(Chunk {
            conversion: None,
            file: Arc::clone(&self.file),
            offset,
            content,
            bytes,
            file_bytes: self.taken.swap(0, Ordering::Relaxed),
            is_first: !std::mem::replace(&mut self.is_begun, true),
            is_last: self.is_done,
        })
    }

    fn link(&mut self, end: Option<Option<PackedProblem>>) -> Stretch {
        let (behind, last) = sync_channel(1);
        Stretch {
            is_gzip: self.is_gzip,
            max_record_bytes: self.max_record_bytes,
            end: end.map(|problem| problem.map(ProblemKind::Packed)),
            before: self.last.replace(last),
            behind,
        }
    }
}

/// Where packed bytes are best cut: before the last ones, behind the first byte, that look like
/// the start of a member.
fn last_member(packed: &[u8]) -> Option<usize> {
    let finder = memmem::FinderRev::new(members::MAGIC);
    finder.rfind_iter(packed).filter(|&at| at > 0).find(|&at| {
        // Flags, and what compressors write behind the time.
        matches!(packed.get(at..at + 10), Some([.., _, flags, _, _, _, _, level, _])
            if flags & 0xe0 == 0 && matches!(level, 0 | 2 | 4))
    })
}

/// Whether bytes are the start of a WARC file.
pub fn begins_file(bytes: &[u8]) -> bool {
    head::begins_record(bytes.trim_ascii_start()) == Some(true)
}

/// Whether a record begins at the start of one of the lines.
pub fn has_record(bytes: &[u8]) -> bool {
    let starts = memchr::memchr_iter(b'\n', bytes).map(|at| at + 1);
    std::iter::once(0)
        .chain(starts)
        .any(|start| head::begins_record(&bytes[start..]) == Some(true))
}

impl Stretch {
    /// Takes the stretch apart. `bytes` begin at `offset` in the file.
    fn open(self, offset: u64, bytes: Vec<u8>) -> Batches {
        Batches {
            stretch: self,
            bytes: Some((offset, bytes)),
            reader: None,
        }
    }

    fn reader(&self) -> Box<Reader> {
        Box::new(Reader::new(self.is_gzip, self.max_record_bytes))
    }

    /// What the stretch before left; None where its thread gave up.
    fn left(&self) -> Open {
        match &self.before {
            None => Some(self.reader()),
            Some(before) => before.recv().ok().flatten(),
        }
    }
}

/// The records of a chunk; none but of one of WARC that was not opened yet.
pub fn open(chunk: &mut Chunk) -> Option<Batches> {
    let ChunkContent::Records(stretch) = &mut chunk.content else {
        return None;
    };
    let bytes = std::mem::take(&mut chunk.bytes);
    stretch
        .take()
        .map(|stretch| stretch.open(chunk.offset, bytes))
}

/// Takes a chunk apart of which nothing is wanted but what it leaves to the stretch behind it: where a
/// record is open there, and how many there were.
pub fn pass_over(chunk: &mut Chunk) {
    if let Some(mut batches) = open(chunk) {
        while batches.next_batch().is_some() {}
    }
}

/// The records of a stretch, some at a time.
///
/// Threading: [`Batches::next_batch`] waits for the thread that has the stretch before until
/// that one has unpacked it; so stretches are begun in order, and before other work is waited
/// for. Where it is dropped before its end, the stretches behind hold nothing.
#[derive(Debug)]
pub struct Batches {
    stretch: Stretch,
    /// Until they are added to the reader.
    bytes: Option<(u64, Vec<u8>)>,
    reader: Open,
}

/// Some of what a stretch holds.
#[derive(Debug, Default)]
pub struct Batch {
    /// The bytes that items point into.
    pub buffer: Vec<u8>,
    /// What was found, in order.
    pub items: Vec<Item>,
    /// Unpacked bytes that were read for it.
    pub read_bytes: u64,
    /// Nothing of the file can be trusted.
    pub has_failed: bool,
}

impl Batches {
    /// The next batch; None behind the last.
    pub fn next_batch(&mut self) -> Option<Batch> {
        let mut items = Vec::new();
        let (mut reader, is_read) = match self.bytes.take() {
            Some((offset, bytes)) => self.begin(offset, bytes, &mut items)?,
            None => {
                let mut reader = self.reader.take()?;
                let is_read = reader.read(self.stretch.end.as_ref(), &mut items);
                (reader, is_read)
            }
        };
        let batch = Batch {
            read_bytes: reader.newly_read(),
            buffer: reader.framer.take_framed(),
            items,
            has_failed: reader.has_failed,
        };
        match is_read {
            // Nobody may be there to take it: the stretch was the last, or the run has failed.
            true => drop(self.stretch.behind.send(Some(reader))),
            false => self.reader = Some(reader),
        }
        Some(batch)
    }

    fn begin(
        &mut self,
        offset: u64,
        bytes: Vec<u8>,
        items: &mut Vec<Item>,
    ) -> Option<(Box<Reader>, bool)> {
        let stretch = &self.stretch;
        let end = stretch.end.as_ref();
        let mut reader = match &stretch.before {
            Some(_) if stretch.is_gzip && bytes.starts_with(members::MAGIC) => {
                let mut ahead = stretch.reader();
                ahead.add(offset, bytes.clone());
                let is_read = ahead.read(end, items);
                let left = stretch.left()?;
                if left.is_idle() {
                    ahead.go_on_behind(&left, items);
                    return Some((ahead, is_read));
                }
                items.clear();
                left
            }
            _ => stretch.left()?,
        };
        reader.add(offset, bytes);
        let is_read = reader.read(end, items);
        Some((reader, is_read))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;
    use std::path::PathBuf;

    use super::*;

    /// A stretch that holds any file of these tests.
    pub const WHOLE: usize = 16 << 20;
    pub const MAX_BYTES: usize = 256 << 10;

    /// What a file holds, a string an item; stretches of rejected bytes joined.
    pub fn shown(bytes: &[u8], stretch_bytes: usize) -> Vec<String> {
        let file = FileEntry {
            packing: Packing::told(bytes),
            ..FileEntry::new(PathBuf::new(), PathBuf::from("a"))
        };
        let mut cutter = Cutter::new(file, Box::new(Cursor::new(bytes.to_vec())), MAX_BYTES);
        cutter.stretch_bytes = stretch_bytes;
        let mut shown: Vec<String> = Vec::new();
        let mut rejected = None;
        let mut read_bytes = 0;
        let mut has_failed = false;
        while let Some(mut chunk) = cutter.next_chunk() {
            let mut batches = open(&mut chunk).expect("a stretch");
            while let Some(batch) = batches.next_batch() {
                read_bytes += batch.read_bytes;
                has_failed |= batch.has_failed;
                for item in batch.items {
                    show(&batch.buffer, item, &mut rejected, &mut shown);
                }
            }
            assert!(chunk.is_last == batches.stretch.end.is_some());
        }
        if let Some((line, bytes)) = rejected {
            shown.push(format!("{line} {}", text(&bytes)));
        }
        if file_is_plain(bytes) {
            assert_eq!(read_bytes, bytes.len() as u64);
        }
        assert_eq!(
            has_failed,
            shown.iter().any(|line| line.starts_with("failed"))
        );
        shown
    }

    fn file_is_plain(bytes: &[u8]) -> bool {
        Packing::told(bytes).is_none()
    }

    fn show(
        buffer: &[u8],
        item: Item,
        rejected: &mut Option<(String, Vec<u8>)>,
        shown: &mut Vec<String>,
    ) {
        if let Item::Rejected {
            bytes,
            problem: None,
            ..
        } = &item
        {
            let (_, all) = rejected.as_mut().expect("a problem comes before");
            all.extend_from_slice(bytes);
            return;
        }
        if let Some((line, bytes)) = rejected.take() {
            shown.push(format!("{line} {}", text(&bytes)));
        }
        match item {
            Item::Record {
                number,
                offset,
                head,
                block,
            } => {
                assert!(buffer[head].ends_with(b"\n"));
                shown.push(format!("{number}@{offset} {}", text(&buffer[block])));
            }
            Item::Other => shown.push("other".to_owned()),
            Item::Failed { offset, problem } => shown.push(format!("failed@{offset} {problem}")),
            Item::Rejected {
                number,
                offset,
                bytes,
                problem: Some(kind),
            } => {
                let number = number.map_or(String::new(), |number| number.to_string());
                *rejected = Some((format!("{number}@{offset} {kind}:"), bytes));
            }
            Item::Rejected { .. } => {}
        }
    }

    /// A record of text.
    pub fn record(text: &str) -> Vec<u8> {
        let head = "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: ";
        format!("{head}{}\r\n\r\n{text}\r\n\r\n", text.len()).into_bytes()
    }

    pub fn gzip(bytes: &[u8]) -> Vec<u8> {
        Packing::Gzip.pack(bytes).expect("memory")
    }

    /// Some records of several sizes.
    fn texts() -> Vec<String> {
        let mut text = String::new();
        (0..40)
            .map(|number| {
                text.push_str(&format!(
                    "Line {number} of a page, {}.\n",
                    number * 7919 % 1000
                ));
                text[text.len() / 3..].to_owned()
            })
            .map(|text| text[text.find('\n').map_or(0, |at| at + 1)..].to_owned())
            .collect()
    }

    #[test]
    fn stretches_do_not_show() {
        let records: Vec<Vec<u8>> = texts().iter().map(|text| record(text)).collect();
        let plain = records.concat();
        let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
        let pieces: Vec<u8> = plain.chunks(700).flat_map(gzip).collect();
        let expected = shown(&plain, WHOLE);
        assert_eq!(expected.len(), records.len());
        for bytes in [&plain, &members, &pieces, &gzip(&plain)] {
            for stretch_bytes in [1, 7, 100, 1000, 5000, WHOLE] {
                assert_eq!(shown(bytes, stretch_bytes), expected, "{stretch_bytes}");
            }
        }
    }

    #[test]
    fn stretches_of_damaged_files_do_not_show() {
        let records: Vec<Vec<u8>> = texts()[..8].iter().map(|text| record(text)).collect();
        let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
        for bytes in [records.concat(), members] {
            for at in (0..bytes.len()).step_by(3) {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << (at % 8);
                if file_is_plain(&bytes) != (at > 1 && bytes.starts_with(b"WARC")) && at < 5 {
                    continue;
                }
                let expected = shown(&bytes, WHOLE);
                for stretch_bytes in [50, 333] {
                    assert_eq!(
                        shown(&bytes, stretch_bytes),
                        expected,
                        "{at} {stretch_bytes}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_member_that_only_seems_to_begin_does_not_show() {
        // Packed bytes that stand in a record as they are: gzip stores what it cannot shrink.
        let inner = gzip(&record("A record inside a record.\n"));
        let mut block = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
        for number in 0_u32..400 {
            block.extend_from_slice(&inner);
            block.extend_from_slice(&number.wrapping_mul(2_654_435_761).to_le_bytes());
        }
        let head = format!("WARC/1.0\nContent-Length: {}\n\n", block.len());
        let nested = [head.as_bytes(), &block, b"\n\n"].concat();
        let mut stored = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        std::io::Write::write_all(&mut stored, &nested).expect("memory");
        let stored = stored.finish().expect("memory");
        assert!(memmem::find(&stored, &inner).is_some(), "stored as it is");
        let bytes = [stored, gzip(&record("Behind.\n"))].concat();
        let expected = shown(&bytes, WHOLE);
        assert_eq!(expected.len(), 2);
        for stretch_bytes in [100, 1000, 30_000] {
            assert_eq!(shown(&bytes, stretch_bytes), expected, "{stretch_bytes}");
        }
    }
}
