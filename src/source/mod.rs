//! Where pages come from: inputs in, jobs out in source order. Knows nothing of scoring.
//!
//! Source order is the order of the arguments, and within a directory the raw bytes of the
//! relative path; a job is what one thread takes at a time.

pub mod archive;
pub mod content;
mod digested;
pub mod inputs;
mod json;
pub mod packed;
pub mod rows;
pub mod site;
pub mod stream;
#[cfg(feature = "parquet")]
pub mod table;
pub mod warc;

use std::num::NonZeroU64;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use archive::{Archive, Member};

use crate::charset::Charset;
use crate::error::{PackedProblem, Problem, ProblemKind, RunError};
use packed::Packing;

/// Hands out work in source order.
///
/// Implementations: [`inputs::Inputs`] for files and standard input, and lists of jobs in
/// tests.
pub trait Source: Send {
    /// The next job; None when there is no more.
    ///
    /// # Errors
    ///
    /// Only what must stop the run. What concerns one file comes as a job.
    fn next_job(&mut self) -> Result<Option<Job>, RunError>;
}

/// A file to read: where it is, and what it is called in the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where to open it.
    pub path: PathBuf,
    /// Its name in the output and in ledgers: the path below the input directory.
    pub name: PathBuf,
    /// How many components of `name` stand for the input itself.
    pub root_components: usize,
    /// Number of the input that it lies in, from 0.
    pub argument: u32,
    /// Its number in source order, from 0, among the files of the run.
    pub number: u32,
    /// It comes from a directory, so what is written of its neighbours lies beside its output.
    pub has_neighbours: bool,
    /// How it is packed. What is written of it is packed the same way; all offsets are those of
    /// the bytes that it holds.
    pub packing: Option<Packing>,
    /// The archive that it is, whose members are pages.
    pub archive: Option<Archive>,
    /// It is a member of this archive: nothing on disk, and its name no path there.
    pub member_of: Option<Archive>,
}

impl FileEntry {
    /// A file that is an input by itself.
    pub fn new(path: PathBuf, name: PathBuf) -> Self {
        FileEntry {
            path,
            name,
            root_components: 0,
            argument: 0,
            number: 0,
            has_neighbours: false,
            packing: None,
            archive: None,
            member_of: None,
        }
    }

    /// A member of this archive. Only what its name says of content and site is taken from it:
    /// what leads out of the archive is left out.
    pub fn member(&self, name: &[u8]) -> FileEntry {
        let inside = String::from_utf8_lossy(name);
        let inside = Path::new(&*inside);
        let inside = inside
            .components()
            .filter(|part| matches!(part, Component::Normal(_)));
        FileEntry {
            path: self.path.clone(),
            name: self.name.components().chain(inside).collect(),
            root_components: self.name.components().count(),
            argument: self.argument,
            number: self.number,
            has_neighbours: false,
            packing: None,
            archive: None,
            member_of: self.archive,
        }
    }

    /// What the file is called in a digest of the input: its name, where it comes from a
    /// directory, and the number of the input.
    pub fn digest_name(&self) -> (&[u8], u32) {
        let name = match self.has_neighbours {
            true => self.name.as_os_str().as_encoded_bytes(),
            false => b"",
        };
        (name, self.argument)
    }

    /// The name that says what the file holds: without the ending of its packing.
    pub fn content_name(&self) -> &Path {
        match self.packing {
            Some(_) => packed::split_name(&self.name).0,
            None => &self.name,
        }
    }

    /// Why a file that is, or holds, a format is not read.
    pub fn unread_format(&self, format: &'static str) -> ProblemKind {
        let is_packing = [Packing::Gzip, Packing::Zstd]
            .iter()
            .any(|packing| packing.word() == format);
        let is_archive = [Archive::Tar, Archive::Zip]
            .iter()
            .any(|archive| archive.word() == format);
        let extension = self.name.extension();
        match self.packing {
            _ if format == "WARC" => ProblemKind::UnnamedWarc,
            None if format == "Parquet" && self.member_of.is_none() => ProblemKind::UnnamedParquet,
            Some(outer) => ProblemKind::NestedFormat {
                outer: outer.word(),
                inner: format,
            },
            None if let Some(archive) = self.member_of => ProblemKind::NestedFormat {
                outer: archive.word(),
                inner: format,
            },
            None if is_archive
                && extension.is_some_and(|found| found.eq_ignore_ascii_case(format)) =>
            {
                ProblemKind::Packed(PackedProblem::Damaged {
                    format,
                    at: 0,
                    why: "its first header is not whole".to_owned(),
                })
            }
            None if is_packing || is_archive => ProblemKind::UnnamedPacking(format),
            None => ProblemKind::UnreadFormat(format),
        }
    }

    /// A problem with the file: at a record, from 1, and at an offset in bytes, where it has
    /// them.
    pub fn problem(&self, record: Option<u64>, byte: Option<u64>, kind: ProblemKind) -> Problem {
        Problem {
            file: self.name.as_os_str().as_encoded_bytes().to_vec(),
            record,
            byte,
            kind,
        }
    }
}

/// Work for one thread.
#[derive(Debug)]
pub enum Job {
    /// Small files of any kind, to be read, told apart and cleaned one by one.
    Files(Vec<FileEntry>),
    /// A stretch of a file that is read as a stream.
    Chunk(Box<Chunk>),
    /// A file that is not read.
    Skipped(Box<FileEntry>, ProblemKind),
    /// A large file that is no page, of this many bytes.
    OtherFile(u64),
    /// A symbolic link, not followed.
    Link,
}

/// A chunk of fewer bytes counts as none.
const SMALL_CHUNK_BYTES: usize = 2 << 20;

impl Job {
    /// Memory that it holds before it is worked on; 0 where that is little.
    pub fn bytes(&self) -> usize {
        match self {
            Job::Chunk(chunk) if chunk.bytes.len() > SMALL_CHUNK_BYTES => chunk.bytes.len(),
            _ => 0,
        }
    }
}

/// A stretch of one file. The chunks of a file come one behind the other, without others
/// between; the last one says so.
#[derive(Debug)]
pub struct Chunk {
    /// The file.
    pub file: Arc<FileEntry>,
    /// Offset of the chunk in the file, in bytes.
    pub offset: u64,
    /// What it holds.
    pub content: ChunkContent,
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Bytes that were taken from the file since the chunk before, packed ones where it is packed.
    pub file_bytes: u64,
    /// No chunk of this file comes before this one.
    pub is_first: bool,
    /// No chunk of this file comes behind this one.
    pub is_last: bool,
    /// Where the file's text is not UTF-8 and too large to be converted as a whole; the chunk's
    /// offset is then one in the text.
    pub conversion: Option<Box<Conversion>>,
}

impl Chunk {
    /// Bytes of the file, unpacked ones of what is packed, that were read for it.
    pub fn bytes_read(&self) -> u64 {
        match &self.content {
            ChunkContent::Members { bytes_read, .. } => return *bytes_read,
            #[cfg(feature = "parquet")]
            ChunkContent::Table(rows) => return rows.bytes_read,
            _ => {}
        }
        self.conversion
            .as_ref()
            .map_or(self.bytes.len() as u64, |conversion| conversion.bytes_read)
    }
}

/// What is known of the character set of a stretch of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// What the text was converted from; None where that cannot be told, and the bytes are the
    /// file's.
    pub charset: Option<Charset>,
    /// Bytes of the file that were read for it.
    pub bytes_read: u64,
    /// Offset in the file, in bytes, of the first sequence that is no character; set once.
    pub fault: Option<u64>,
}

/// What the bytes of a chunk are.
#[derive(Debug)]
pub enum ChunkContent {
    /// Whole lines of a text page, and how many lines of the page come before.
    Text {
        /// Lines before this chunk.
        lines_before: u64,
        /// Bytes of the page's text before this chunk; a byte-order mark is not counted.
        bytes_before: u64,
        /// The chunk is the whole file.
        is_whole: bool,
    },
    /// A stretch of a line that is kept without being looked at; the problem stands on its
    /// first chunk.
    Unread(Option<ProblemKind>),
    /// Whole JSON rows, and how many rows come before.
    Rows {
        /// Rows before this chunk.
        rows_before: u64,
    },
    /// A stretch of a row, or of a whole page, that is rejected; the problem stands on its first
    /// chunk.
    Rejected {
        /// Number of the row, from 1; None for a page.
        row: Option<NonZeroU64>,
        /// Set on the first chunk of the row or page.
        problem: Option<ProblemKind>,
    },
    /// A stretch of WARC, which says how it goes on; until it is opened.
    Records(Option<Box<warc::Stretch>>),
    /// Members of an archive; their bytes stand in the chunk's one behind the other.
    Members {
        /// In the archive's order.
        members: Vec<Member>,
        /// Bytes of the archive that were read for them.
        bytes_read: u64,
    },
    /// Rows of Parquet; their texts and URLs stand in the chunk's bytes.
    #[cfg(feature = "parquet")]
    Table(Box<table::TableRows>),
    /// The bytes of a packed file end before their time; these, the half line or row before
    /// that, are rejected. The last chunk of its file.
    Cut(PackedProblem),
    /// Reading the file failed; nothing of it is written. The last chunk of its file.
    Failed(ProblemKind),
}
