//! A zip archive on disk in, its members out, in the order of its directory.
//!
//! Read by the `zip` crate, from the central directory: what an archive's local headers say
//! otherwise does not count.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use zip::read::ZipFileEntry;
use zip::result::{ZipError, ZipResult};
use zip::{CompressionMethod, ZipArchive};

use super::{Attributes, MAX_NAME_BYTES, Member, MemberKind, Step, TEXT_ENDING, is_below};
use crate::error::{PackedProblem, ProblemKind};
use crate::source::packed::is_bomb;

/// Members of an archive: its directory is held in memory, with about 500 bytes for each.
const MAX_MEMBERS: u64 = 1_000_000;
/// Bytes at the end of an archive in which its end record stands.
const END_BYTES: u64 = (64 << 10) + 256;
/// Bytes of a member's record in the directory, without its name.
const RECORD_BYTES: u64 = 46;

const FORMAT: &str = "zip";

/// Whether bytes begin as zip does: with a member, or the end of an archive that holds none.
pub(super) fn is_zip(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// Reads members one by one.
pub struct ZipReader {
    archive: ZipArchive<File>,
    archive_bytes: u64,
    /// Names of members that `.txt` follows in another's.
    text_names: HashSet<Vec<u8>, ahash::RandomState>,
    /// Members read.
    count: usize,
    /// Bytes read of the archive, the directory's included.
    position: u64,
    unpacked_bytes: u64,
}

impl ZipReader {
    /// Over an archive.
    ///
    /// # Errors
    ///
    /// It has no directory that can be read, or too large a one.
    pub fn new(mut file: File) -> Result<Self, ProblemKind> {
        let unreadable = |error: io::Error| ProblemKind::of_read(&error);
        let archive_bytes = file.metadata().map_err(unreadable)?.len();
        if declared_members(&mut file, archive_bytes).map_err(unreadable)? > MAX_MEMBERS {
            return Err(ProblemKind::ManyMembers(MAX_MEMBERS));
        }
        let archive = ZipArchive::new(file).map_err(|error| damaged(archive_bytes, &error))?;
        let text_names = (0..archive.len())
            .filter_map(|index| name_of(&archive.by_index_data(index).ok()?))
            .filter_map(|name| {
                let stem = name.strip_suffix(TEXT_ENDING.as_bytes())?;
                Some(stem.strip_suffix(b".")?.to_vec())
            })
            .collect();
        Ok(ZipReader {
            archive,
            archive_bytes,
            text_names,
            count: 0,
            position: 0,
            unpacked_bytes: 0,
        })
    }

    /// Whether members have one name. The last of them stands for all.
    pub fn has_name_twice(&self) -> bool {
        self.archive.has_duplicate_names()
    }

    /// Bytes read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next member; its bytes are appended to `bytes`.
    pub(super) fn step(&mut self, max_bytes: usize, bytes: &mut Vec<u8>) -> Step {
        let index = self.count;
        if index == self.archive.len() {
            return Step::End;
        }
        let entry = match self.archive.by_index_data(index) {
            Ok(entry) => entry,
            Err(error) => return Step::Failed(damaged(self.archive_bytes, &error)),
        };
        let name = name_of(&entry).unwrap_or_else(|| entry.name_raw().to_vec());
        let offset = entry.header_start();
        let attributes = Attributes {
            mode: entry.unix_mode().map_or(0o644, |mode| mode & 0o7777),
            modified_in_zip: entry.last_modified(),
            method_in_zip: Some(entry.compression()),
            ..Attributes::default()
        };
        let packed_bytes = entry.compressed_size();
        let told = told(&entry, &name, max_bytes);
        let kind = match told {
            Some(kind) => kind,
            None => self.content(index, offset, max_bytes, bytes),
        };
        if is_bomb(self.archive_bytes, self.unpacked_bytes) {
            if let MemberKind::File(range) = kind {
                bytes.truncate(range.start);
            }
            return Step::Cut(PackedProblem::Bomb {
                format: FORMAT,
                at: offset,
            });
        }
        self.count += 1;
        self.position += RECORD_BYTES + name.len() as u64 + packed_bytes;
        Step::Member(Member {
            number: self.count as u64,
            offset,
            is_text_name_taken: self.text_names.contains(&name),
            name,
            kind,
            attributes,
        })
    }

    fn content(
        &mut self,
        index: usize,
        offset: u64,
        max_bytes: usize,
        bytes: &mut Vec<u8>,
    ) -> MemberKind {
        let start = bytes.len();
        let read = self.read(index, max_bytes, bytes);
        let length = bytes.len() - start;
        self.unpacked_bytes += length as u64;
        let problem = match read {
            Ok(()) if length <= max_bytes => return MemberKind::File(start..bytes.len()),
            Ok(()) => ProblemKind::LongMember(max_bytes as u64),
            Err(error) => damaged(offset, &error),
        };
        bytes.truncate(start);
        MemberKind::Skipped(problem)
    }

    /// Appends what a member holds, one byte more than it may at most.
    fn read(&mut self, index: usize, max_bytes: usize, bytes: &mut Vec<u8>) -> ZipResult<()> {
        let member = self.archive.by_index(index)?;
        member.take(max_bytes as u64 + 1).read_to_end(bytes)?;
        Ok(())
    }
}

/// What a member is by the directory alone; None for a file that is to be read.
fn told(entry: &ZipFileEntry<'_>, name: &[u8], max_bytes: usize) -> Option<MemberKind> {
    if name.len() > MAX_NAME_BYTES {
        let problem = ProblemKind::LongMemberName(MAX_NAME_BYTES as u64);
        Some(MemberKind::Skipped(problem))
    } else if entry.is_symlink() {
        Some(MemberKind::Link)
    } else if !is_below(name) {
        Some(MemberKind::Skipped(ProblemKind::MemberOutside))
    } else if entry.is_dir() {
        Some(MemberKind::Directory)
    } else if entry.encrypted() {
        Some(MemberKind::Skipped(ProblemKind::UnreadMember("encrypted")))
    } else if !is_read(entry.compression()) {
        let why = "packed in a way that is not read";
        Some(MemberKind::Skipped(ProblemKind::UnreadMember(why)))
    } else if entry.size() > max_bytes as u64 {
        let problem = ProblemKind::LongMember(max_bytes as u64);
        Some(MemberKind::Skipped(problem))
    } else {
        None
    }
}

fn is_read(method: CompressionMethod) -> bool {
    use CompressionMethod::{Deflated, Stored, Zstd};
    matches!(method, Stored | Deflated | Zstd)
}

/// How many members an archive says that it has: the most of all end records in its last bytes.
fn declared_members(file: &mut File, archive_bytes: u64) -> io::Result<u64> {
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(archive_bytes.saturating_sub(END_BYTES)))?;
    file.take(END_BYTES).read_to_end(&mut tail)?;
    file.rewind()?;
    let all = |magic: &'static [u8]| memchr::memmem::find_iter(&tail, magic);
    let short = all(b"PK\x05\x06").filter_map(|at| {
        let count = tail.get(at + 10..at + 12)?;
        Some(count.try_into().map_or(0, u16::from_le_bytes).into())
    });
    let long = all(b"PK\x06\x06").filter_map(|at| {
        let count = tail.get(at + 32..at + 40)?;
        Some(count.try_into().map_or(0, u64::from_le_bytes))
    });
    Ok(short.chain(long).max().unwrap_or(0))
}

/// A member's name as UTF-8, if that can be told.
fn name_of(entry: &ZipFileEntry<'_>) -> Option<Vec<u8>> {
    Some(entry.name().ok()?.into_owned().into_bytes())
}

fn damaged(at: u64, error: &ZipError) -> ProblemKind {
    let why = match error {
        ZipError::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    ProblemKind::Packed(PackedProblem::Damaged {
        format: FORMAT,
        at,
        why,
    })
}
