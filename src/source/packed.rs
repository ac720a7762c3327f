//! Packed bytes in, the bytes they hold out: gzip members or zstd frames, as many as there are,
//! in bounded memory. And the way back.

use std::ffi::OsStr;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use zstd::stream::raw::{DParameter, Decoder, Operation};

use crate::error::PackedProblem;

/// Bytes read from the file at a time.
const FEED_BYTES: usize = 128 << 10;
/// The largest window of a zstd frame, which must be held in memory: 128 MiB.
const MAX_WINDOW_LOG: u32 = 27;
/// What is unpacked to more than this many bytes ...
const BOMB_BYTES: u64 = 1 << 30;
/// ... and to this many times its size is no dump.
const BOMB_TIMES: u64 = 10_000;

const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Members of gzip.
    Gzip,
    /// Frames of zstd.
    Zstd,
}

impl Packing {
    /// Told by a file's first bytes.
    pub fn told(start: &[u8]) -> Option<Packing> {
        if start.starts_with(GZIP_MAGIC) {
            Some(Packing::Gzip)
        } else if start.starts_with(ZSTD_MAGIC) || is_skippable(start) {
            Some(Packing::Zstd)
        } else {
            None
        }
    }

    /// What a file's name says.
    pub fn named(name: &Path) -> Option<Packing> {
        let extension = name.extension()?.to_ascii_lowercase();
        match extension.to_str()? {
            "gz" | "tgz" => Some(Packing::Gzip),
            "zst" | "zstd" | "tzst" => Some(Packing::Zstd),
            _ => None,
        }
    }

    /// The format's name.
    pub fn word(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }

    /// Packs bytes: one member or frame.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn pack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Packing::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Packing::Zstd => zstd::bulk::compress(bytes, zstd::DEFAULT_COMPRESSION_LEVEL),
        }
    }
}

/// What a file holds, unpacked where it is packed.
pub fn unpacked(packing: Option<Packing>, reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    match packing {
        Some(packing) => Box::new(Unpacker::new(packing, reader)),
        None => reader,
    }
}

/// The name without the ending that says how the file is packed, and that ending.
pub fn split_name(name: &Path) -> (&Path, Option<&OsStr>) {
    match (Packing::named(name), name.to_str()) {
        (Some(_), Some(whole)) => {
            let ending = name.extension();
            let length = ending.map_or(0, |ending| ending.len() + 1);
            (Path::new(&whole[..whole.len() - length]), ending)
        }
        _ => (name, None),
    }
}

/// Whether so many bytes unpack to more than a dump does.
pub fn is_bomb(packed_bytes: u64, unpacked_bytes: u64) -> bool {
    unpacked_bytes > BOMB_BYTES.max(packed_bytes.saturating_mul(BOMB_TIMES))
}

/// A frame without content of its own.
fn is_skippable(start: &[u8]) -> bool {
    start.len() >= 4 && start[0] & 0xf0 == 0x50 && start[1..4] == [0x2a, 0x4d, 0x18]
}

/// Reads what packed bytes hold. Padding of zeros behind a member or frame is left out.
///
/// Errors of the packed bytes carry a [`PackedProblem`]; whoever reads on behind one is at the
/// end.
pub struct Unpacker {
    packing: Packing,
    state: State,
    unpacked_bytes: u64,
}

enum State {
    /// Before a member or frame, or the end.
    Between(Feed),
    Gzip(Box<GzDecoder<Feed>>),
    Zstd(Decoder<'static>, Feed),
    Ended,
}

impl Unpacker {
    /// Over a file that begins as one packed so does.
    pub fn new(packing: Packing, reader: Box<dyn Read + Send>) -> Self {
        let feed = Feed {
            reader,
            buffer: Vec::new(),
            at: 0,
            read_bytes: 0,
        };
        Unpacker {
            packing,
            state: State::Between(feed),
            unpacked_bytes: 0,
        }
    }

    fn next(&self, mut feed: Feed) -> io::Result<State> {
        while let Some(zeros) = feed.zeros()? {
            feed.consume(zeros);
        }
        let start = feed.peek(18)?;
        if start.is_empty() {
            return Ok(State::Ended);
        }
        let format = self.packing.word();
        let peeked_bytes = start.len() as u64;
        let is_cut = ZSTD_MAGIC.starts_with(start) || GZIP_MAGIC.starts_with(start);
        if Packing::told(start) != Some(self.packing) {
            let at = feed.position();
            return Err(match is_cut {
                true => PackedProblem::Cut {
                    format,
                    at: at + peeked_bytes,
                },
                false => PackedProblem::Trailing { format, at },
            }
            .into());
        }
        if self.packing == Packing::Gzip {
            return Ok(State::Gzip(Box::new(GzDecoder::new(feed))));
        }
        if let Some(window_bytes) = window_bytes(start).filter(|&bytes| bytes > 1 << MAX_WINDOW_LOG)
        {
            return Err(PackedProblem::Window { window_bytes }.into());
        }
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        Ok(State::Zstd(decoder, feed))
    }

    /// One step: bytes, or none where a member or frame has ended.
    fn step(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let format = self.packing.word();
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => Ok(0),
            State::Between(feed) => {
                self.state = self.next(feed)?;
                Ok(0)
            }
            State::Gzip(mut decoder) => {
                let read = match decoder.read(out) {
                    Ok(read) => read,
                    Err(error) => {
                        let at = decoder.get_ref().position();
                        return Err(told_of_gzip(error, at));
                    }
                };
                self.state = match read {
                    0 => State::Between(decoder.into_inner()),
                    _ => State::Gzip(decoder),
                };
                Ok(read)
            }
            State::Zstd(mut decoder, mut feed) => {
                let input = feed.fill_buf()?;
                let is_at_end = input.is_empty();
                let status = match decoder.run_on_buffers(input, out) {
                    Ok(status) => status,
                    Err(error) => {
                        let (at, why) = (feed.position(), error.to_string());
                        return Err(PackedProblem::Damaged { format, at, why }.into());
                    }
                };
                feed.consume(status.bytes_read);
                if is_at_end && status.bytes_written == 0 && status.remaining > 0 {
                    let at = feed.position();
                    return Err(PackedProblem::Cut { format, at }.into());
                }
                self.state = match status.remaining {
                    0 => State::Between(feed),
                    _ => State::Zstd(decoder, feed),
                };
                Ok(status.bytes_written)
            }
        }
    }

    fn packed_bytes(&self) -> u64 {
        match &self.state {
            State::Between(feed) | State::Zstd(_, feed) => feed.position(),
            State::Gzip(decoder) => decoder.get_ref().position(),
            State::Ended => u64::MAX,
        }
    }
}

impl Read for Unpacker {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() && !matches!(self.state, State::Ended) {
            let read = self.step(out)?;
            self.unpacked_bytes += read as u64;
            let at = self.packed_bytes();
            if is_bomb(at, self.unpacked_bytes) {
                self.state = State::Ended;
                let format = self.packing.word();
                return Err(PackedProblem::Bomb { format, at }.into());
            }
            if read > 0 {
                return Ok(read);
            }
        }
        Ok(0)
    }
}

fn told_of_gzip(error: io::Error, at: u64) -> io::Error {
    let format = Packing::Gzip.word();
    match error.kind() {
        io::ErrorKind::UnexpectedEof => PackedProblem::Cut { format, at }.into(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            let why = error.to_string();
            PackedProblem::Damaged { format, at, why }.into()
        }
        _ => error,
    }
}

/// The window that a zstd frame asks for, by its header.
fn window_bytes(frame: &[u8]) -> Option<u64> {
    let rest = frame.strip_prefix(ZSTD_MAGIC)?;
    let (&descriptor, rest) = rest.split_first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = *rest.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    let id_bytes = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = rest.get(id_bytes..)?;
    let little = |bytes: usize| {
        let size = size.get(..bytes)?;
        Some(
            size.iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    };
    match descriptor >> 6 {
        0 => little(1),
        1 => little(2).map(|size| size + 256),
        2 => little(4),
        _ => little(8),
    }
}

/// A reader whose next bytes can be looked at, and that knows how many were taken.
struct Feed {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    at: usize,
    /// Bytes that came from the reader.
    read_bytes: u64,
}

impl Feed {
    /// Bytes taken.
    fn position(&self) -> u64 {
        self.read_bytes - (self.buffer.len() - self.at) as u64
    }

    /// The next bytes, `count` of them unless the end comes before.
    fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.at < count && self.more()? {}
        let end = self.buffer.len().min(self.at + count);
        Ok(&self.buffer[self.at..end])
    }

    /// How many of the bytes at hand are zeros from here on; None where the next is none.
    fn zeros(&mut self) -> io::Result<Option<usize>> {
        let bytes = self.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Ok((zeros > 0).then_some(zeros))
    }

    /// Reads more; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + FEED_BYTES, 0);
        let read = loop {
            match self.reader.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
        let read = read?;
        self.read_bytes += read as u64;
        Ok(read > 0)
    }
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(out.len());
        out[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.buffer.len() {
            self.more()?;
        }
        Ok(&self.buffer[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at = self.buffer.len().min(self.at + count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &[u8] = b"The tide came in at noon.\nIt went out again.\n";
    const SKIPPABLE: &[u8] = b"\x53\x2a\x4d\x18\x03\0\0\0abc";

    /// Gives one byte at a time.
    struct Drip(io::Cursor<Vec<u8>>);

    impl Read for Drip {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let one = out.len().min(1);
            self.0.read(&mut out[..one])
        }
    }

    fn read_all(packing: Packing, bytes: &[u8]) -> (Vec<u8>, Option<PackedProblem>) {
        let read = |reader: Box<dyn Read + Send>| {
            let mut out = Vec::new();
            let problem = Unpacker::new(packing, reader)
                .read_to_end(&mut out)
                .err()
                .map(|error| PackedProblem::of_read(&error).cloned().expect("told"));
            (out, problem)
        };
        let whole = read(Box::new(io::Cursor::new(bytes.to_vec())));
        let drip = read(Box::new(Drip(io::Cursor::new(bytes.to_vec()))));
        let is_kept = PackedProblem::keeps_what_is_before;
        if whole.1.as_ref().is_none_or(is_kept) {
            assert_eq!(whole, drip, "however the bytes come");
        }
        whole
    }

    fn packed(packing: Packing) -> Vec<u8> {
        packing.pack(PAGE).expect("memory")
    }

    #[test]
    fn members_frames_and_padding_are_read_to_the_end() {
        let gzip = packed(Packing::Gzip);
        let zstd = packed(Packing::Zstd);
        let empty = Packing::Gzip.pack(b"").expect("memory");
        for (packing, bytes) in [
            (Packing::Gzip, [&gzip[..], &empty, &gzip].concat()),
            (
                Packing::Gzip,
                [&gzip[..], &[0; 7], &gzip, &[0; 512]].concat(),
            ),
            (Packing::Zstd, [SKIPPABLE, &zstd, SKIPPABLE, &zstd].concat()),
            (
                Packing::Zstd,
                [&zstd[..], &zstd, SKIPPABLE, &[0; 9]].concat(),
            ),
        ] {
            assert_eq!(Packing::told(&bytes), Some(packing));
            assert_eq!(read_all(packing, &bytes), ([PAGE, PAGE].concat(), None));
        }
    }

    #[test]
    fn every_cut_is_told_and_loses_nothing_before_it() {
        for packing in [Packing::Gzip, Packing::Zstd] {
            let bytes = [packed(packing), packed(packing)].concat();
            let first = bytes.len() / 2;
            for end in 4..bytes.len() {
                let (out, problem) = read_all(packing, &bytes[..end]);
                assert!([PAGE, PAGE].concat().starts_with(&out));
                assert!(end < first || out.len() >= PAGE.len());
                let (format, at) = (packing.word(), end as u64);
                let cut = (end != first).then_some(PackedProblem::Cut { format, at });
                assert_eq!(problem, cut, "{format} {end}");
            }
        }
    }

    #[test]
    fn what_stands_behind_is_told() {
        for packing in [Packing::Gzip, Packing::Zstd] {
            let bytes = packed(packing);
            let problem = PackedProblem::Trailing {
                format: packing.word(),
                at: bytes.len() as u64,
            };
            let (out, told) = read_all(packing, &[&bytes[..], b"and more"].concat());
            assert_eq!((&out[..], told), (PAGE, Some(problem)));
        }
    }

    #[test]
    fn any_changed_byte_is_told_or_does_no_harm() {
        for packing in [Packing::Gzip, Packing::Zstd] {
            let bytes = packed(packing);
            for at in 4..bytes.len() {
                let mut bytes = bytes.clone();
                bytes[at] ^= 0x55;
                let (out, problem) = read_all(packing, &bytes);
                assert!(out.len() <= 1 << 20);
                // Only zstd's own checksum, which short frames lack, would tell of literals.
                let is_told = problem.is_some() || out == PAGE;
                assert!(is_told || packing == Packing::Zstd, "gzip {at}");
            }
        }
    }

    #[test]
    fn a_window_larger_than_128_mib_is_refused_with_its_size() {
        let frame = [ZSTD_MAGIC, &[0x00, 0xa8, 0x01, 0, 0]].concat();
        let window_bytes = 1 << 31;
        let problem = PackedProblem::Window { window_bytes };
        assert_eq!(read_all(Packing::Zstd, &frame).1, Some(problem));
        let frame = [ZSTD_MAGIC, &[0xe0], &(1_u64 << 40).to_le_bytes()].concat();
        assert_eq!(window_bytes_of(&frame), Some(1 << 40));
        assert_eq!(
            window_bytes_of(&packed(Packing::Zstd)),
            Some(PAGE.len() as u64)
        );
    }

    fn window_bytes_of(frame: &[u8]) -> Option<u64> {
        super::window_bytes(frame)
    }

    #[test]
    fn zeros_without_end_are_stopped() {
        let zeros = vec![0; 64 << 20];
        let frame = Packing::Zstd.pack(&zeros).expect("memory");
        let frames = frame.repeat(17);
        assert!((frames.len() as u64) < BOMB_BYTES / BOMB_TIMES);
        let reader = Box::new(io::Cursor::new(frames));
        let read = io::copy(&mut Unpacker::new(Packing::Zstd, reader), &mut io::sink());
        let error = read.expect_err("more than a GiB");
        let problem = PackedProblem::of_read(&error);
        assert!(
            matches!(problem, Some(PackedProblem::Bomb { .. })),
            "{error}"
        );
    }

    #[test]
    fn names_tell_of_packings() {
        for (name, content, packing) in [
            ("a/b.jsonl.gz", "a/b.jsonl", Some(Packing::Gzip)),
            ("b.txt.ZST", "b.txt", Some(Packing::Zstd)),
            ("b.zstd", "b", Some(Packing::Zstd)),
            ("b.txt", "b.txt", None),
            ("gz", "gz", None),
        ] {
            assert_eq!(Packing::named(Path::new(name)), packing, "{name}");
            assert_eq!(split_name(Path::new(name)).0, Path::new(content), "{name}");
        }
    }
}
