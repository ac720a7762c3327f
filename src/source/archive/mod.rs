//! An archive in, its members as chunks out, read by one thread and never unpacked to disk.
//!
//! A member's name is only ever a name: it goes into the output archive, into messages, and says
//! which site its page is of; nothing on disk is opened or made by it. What is no page, and what
//! is no plain file, does not come out; see [`MemberKind`].

mod tar;
mod zip;

use std::io::{Cursor, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::content;
use super::inputs::are_rows;
use super::packed::{self, Packing, split_name};
use super::{Chunk, ChunkContent, FileEntry};
use crate::error::{PackedProblem, ProblemKind};

pub use tar::TarReader;
pub use zip::ZipReader;

/// Bytes of members that are handed out together.
const CHUNK_BYTES: usize = 2 << 20;
/// Members that are handed out together.
const CHUNK_MEMBERS: usize = 4096;
/// Bytes of a member's name.
const MAX_NAME_BYTES: usize = 64 << 10;

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archive {
    /// tar: ustar, GNU or pax.
    Tar,
    /// zip, with members stored or packed by deflate or zstd. It is read from a file, not from a
    /// pipe: its directory stands at its end.
    Zip,
}

impl Archive {
    /// Told by a file's first bytes.
    pub fn told(start: &[u8]) -> Option<Archive> {
        if tar::is_tar(start) {
            Some(Archive::Tar)
        } else if zip::is_zip(start) {
            Some(Archive::Zip)
        } else {
            None
        }
    }

    /// What a file's name says, that of a packing left out.
    pub fn named(name: &Path) -> Option<Archive> {
        let all = [Archive::Tar, Archive::Zip];
        all.into_iter()
            .find(|archive| content::has_extension(name, &[archive.word()]))
    }

    /// The format's name.
    pub fn word(self) -> &'static str {
        match self {
            Archive::Tar => "tar",
            Archive::Zip => "zip",
        }
    }
}

/// Bytes by which an archive is told.
pub const START_BYTES: u64 = 512;

/// One member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// From 1, all members counted, and of JSON lines each row; this is its first one's.
    pub number: u64,
    /// Where it begins in the archive, in bytes.
    pub offset: u64,
    /// Any bytes, as they stand in the archive.
    pub name: Vec<u8>,
    /// Another member has the name that the text of a page of HTML gets. Told of zip, in which no
    /// two members have one name.
    pub is_text_name_taken: bool,
    /// What it is.
    pub kind: MemberKind,
    /// Who may do what, and when it was changed.
    pub attributes: Attributes,
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// A file, and where its bytes stand in the chunk's.
    File(Range<usize>),
    /// JSON lines.
    Rows(MemberRows),
    /// A directory.
    Directory,
    /// A link, not followed.
    Link,
    /// Not read.
    Skipped(ProblemKind),
}

/// A member that is JSON lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRows {
    /// Where its whole rows stand in the chunk's bytes, unpacked.
    pub rows: Range<usize>,
    /// How it is packed in the archive.
    pub packing: Option<Packing>,
    /// Where it ends too soon: what stands of half a row behind its rows, and why it is no more.
    pub cut: Option<(Range<usize>, PackedProblem)>,
}

/// What an archive says of a member beside its name and bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permissions, twelve bits.
    pub mode: u32,
    /// Seconds since 1970.
    pub modified: u64,
    /// Numbers of user and group.
    pub owner: (u64, u64),
    /// Names of user and group.
    pub owner_names: (Vec<u8>, Vec<u8>),
    /// When it was changed, as zip has it.
    pub modified_in_zip: Option<::zip::DateTime>,
    /// How a member of zip is packed.
    pub method_in_zip: Option<::zip::CompressionMethod>,
}

/// The ending of the text of an HTML page.
pub const TEXT_ENDING: &str = "txt";

/// Whether a name stays below the place where the archive is unpacked, on any system.
fn is_below(name: &[u8]) -> bool {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    let is_drive = name.first().is_some_and(u8::is_ascii_alphabetic) && name.get(1) == Some(&b':');
    !name.first().is_some_and(is_separator)
        && !is_drive
        && !name.contains(&0)
        && name.split(is_separator).all(|part| part != b"..")
}

/// Reads members one by one.
pub enum ArchiveReader {
    /// Of tar.
    Tar(TarReader),
    /// Of zip.
    Zip(Box<ZipReader>),
}

impl ArchiveReader {
    fn position(&self) -> u64 {
        match self {
            ArchiveReader::Tar(reader) => reader.position(),
            ArchiveReader::Zip(reader) => reader.position(),
        }
    }

    /// Bytes taken from the file for so many that were read of the archive since the last call.
    fn take_file_bytes(&self, bytes_read: u64) -> u64 {
        match self {
            ArchiveReader::Tar(reader) => reader.take_file_bytes(),
            ArchiveReader::Zip(_) => bytes_read,
        }
    }

    fn step(&mut self, max_bytes: usize, bytes: &mut Vec<u8>) -> Step {
        match self {
            ArchiveReader::Tar(reader) => reader.step(max_bytes, bytes),
            ArchiveReader::Zip(reader) => reader.step(max_bytes, bytes),
        }
    }
}

/// The next step of reading an archive.
enum Step {
    /// A member; the bytes of a file were appended.
    Member(Member),
    /// The end, as it should be.
    End,
    /// The end, too soon; the bytes of half a member were appended.
    Cut(PackedProblem),
    /// It cannot be read.
    Failed(ProblemKind),
}

/// The members of an archive as chunks.
///
/// Memory: 2 MiB, or one member, of at most `max_bytes`; a larger one is not read.
pub struct ArchiveStream {
    file: Arc<FileEntry>,
    reader: ArchiveReader,
    max_bytes: usize,
    /// Members may be JSON lines.
    reads_rows: bool,
    /// By how much rows put the numbers of members forward.
    more_numbers: u64,
    /// Offset behind the last chunk.
    offset: u64,
    /// A chunk was handed out.
    is_begun: bool,
    /// How the archive ended, where that is to be told in a chunk of its own.
    end: Option<Chunk>,
    is_done: bool,
}

impl ArchiveStream {
    /// Over an archive at its start.
    pub fn new(file: FileEntry, reader: ArchiveReader, max_bytes: usize, reads_rows: bool) -> Self {
        ArchiveStream {
            file: Arc::new(file),
            reader,
            max_bytes,
            reads_rows,
            more_numbers: 0,
            offset: 0,
            is_begun: false,
            end: None,
            is_done: false,
        }
    }

    /// The next chunk; None behind the last.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        if let Some(end) = self.end.take() {
            return Some(self.begun(end));
        }
        if self.is_done {
            return None;
        }
        let mut bytes = Vec::new();
        let mut members = Vec::new();
        while bytes.len() < CHUNK_BYTES && members.len() < CHUNK_MEMBERS {
            let before = bytes.len();
            match self.reader.step(self.max_bytes, &mut bytes) {
                Step::Member(member) => members.push(self.numbered(member, &mut bytes)),
                Step::End => {
                    self.is_done = true;
                    break;
                }
                Step::Cut(problem) => {
                    let half = bytes.split_off(before);
                    self.end = Some(self.chunk(ChunkContent::Cut(problem), half, true));
                    break;
                }
                Step::Failed(problem) => {
                    self.end = Some(self.chunk(ChunkContent::Failed(problem), Vec::new(), true));
                    break;
                }
            }
        }
        if self.end.is_some() {
            self.is_done = true;
            // Of an archive that is cut before its first member an empty one is written.
            let has_failed = |end: &Chunk| matches!(end.content, ChunkContent::Failed(_));
            let is_alone = self.is_begun || self.end.as_ref().is_some_and(has_failed);
            if members.is_empty() && is_alone {
                let end = self.end.take()?;
                return Some(self.begun(end));
            }
        }
        let position = self.reader.position();
        let bytes_read = position - self.offset - self.end.as_ref().map_or(0, Chunk::bytes_read);
        let is_last = self.is_done && self.end.is_none();
        let content = ChunkContent::Members {
            members,
            bytes_read,
        };
        let chunk = self.chunk(content, bytes, is_last);
        self.offset = position;
        Some(self.begun(chunk))
    }

    /// A member with its number; told whether it is JSON lines, and unpacked if it is.
    fn numbered(&mut self, member: Member, bytes: &mut Vec<u8>) -> Member {
        let number = member.number + self.more_numbers;
        let kind = match member.kind {
            MemberKind::File(range) if self.reads_rows => {
                let name = String::from_utf8_lossy(&member.name);
                match unpack_rows(Path::new(&*name), range.start, bytes, self.max_bytes) {
                    Ok(Some(rows)) => {
                        let rest = &bytes[rows.rows.clone()];
                        let ends = memchr::memchr_iter(b'\n', rest).count() as u64;
                        let is_open = !rest.is_empty() && !rest.ends_with(b"\n");
                        self.more_numbers += (ends + u64::from(is_open)).saturating_sub(1);
                        MemberKind::Rows(rows)
                    }
                    Ok(None) => MemberKind::File(range),
                    Err(problem) => {
                        bytes.truncate(range.start);
                        MemberKind::Skipped(problem)
                    }
                }
            }
            kind => kind,
        };
        Member {
            number,
            kind,
            ..member
        }
    }

    /// A chunk that is handed out now.
    fn begun(&mut self, chunk: Chunk) -> Chunk {
        Chunk {
            file_bytes: self.reader.take_file_bytes(chunk.bytes_read()),
            is_first: !std::mem::replace(&mut self.is_begun, true),
            ..chunk
        }
    }

    fn chunk(&self, content: ChunkContent, bytes: Vec<u8>, is_last: bool) -> Chunk {
        let offset = match content {
            ChunkContent::Members { .. } => self.offset,
            _ => self.reader.position() - bytes.len() as u64,
        };
        Chunk {
            file: Arc::clone(&self.file),
            offset,
            content,
            bytes,
            file_bytes: 0,
            is_first: false,
            is_last,
            conversion: None,
        }
    }
}

/// Unpacks a member that is JSON lines, whose bytes are the last of `bytes`, where it is packed; None
/// where it is none, and nothing is changed.
///
/// # Errors
///
/// It is damaged, or longer than `max_bytes` when unpacked.
fn unpack_rows(
    name: &Path,
    start: usize,
    bytes: &mut Vec<u8>,
    max_bytes: usize,
) -> Result<Option<MemberRows>, ProblemKind> {
    let packing = Packing::named(name);
    let packing = packing.filter(|&named| Packing::told(&bytes[start..]) == Some(named));
    if packing.is_none() {
        let is_rows = are_rows(name, &bytes[start..]);
        return Ok(is_rows.then_some(MemberRows {
            rows: start..bytes.len(),
            packing,
            cut: None,
        }));
    }
    let name = split_name(name).0;
    if !are_rows(name, b"{}") {
        return Ok(None);
    }
    let mut plain = Vec::new();
    let read = packed::unpacked(packing, Box::new(Cursor::new(bytes[start..].to_vec())))
        .take(max_bytes as u64 + 1)
        .read_to_end(&mut plain);
    let cut = match read {
        Ok(_) if plain.len() > max_bytes => return Err(ProblemKind::LongMember(max_bytes as u64)),
        Ok(_) => None,
        Err(error) => match PackedProblem::of_read(&error) {
            Some(problem) if problem.keeps_what_is_before() => Some(problem.clone()),
            _ => return Err(ProblemKind::of_read(&error)),
        },
    };
    if !are_rows(name, &plain) {
        return Ok(None);
    }
    bytes.truncate(start);
    bytes.extend_from_slice(&plain);
    let end = match cut {
        Some(_) => memchr::memrchr(b'\n', &plain).map_or(0, |at| at + 1),
        None => plain.len(),
    };
    Ok(Some(MemberRows {
        rows: start..start + end,
        packing,
        cut: cut.map(|problem| (start + end..bytes.len(), problem)),
    }))
}
