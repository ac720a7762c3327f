//! The bytes of a tar archive in, its members out.
//!
//! Headers are read by the `tar` crate; its iterator over members is not used, because it holds a
//! long name of any declared length in memory, unpacks sparse files, and stops without a word
//! where an archive is cut between two members.

use std::io::{self, Read};
use std::sync::atomic::Ordering;

use tar::{EntryType, Header, PaxExtensions};

use super::{Attributes, MAX_NAME_BYTES, Member, MemberKind, Step, is_below};
use crate::error::{PackedProblem, ProblemKind};
use crate::source::stream::FileBytes;

/// Bytes of a block: headers are one, contents are filled up to whole ones.
const BLOCK_BYTES: usize = 512;
/// Bytes of a pax header's records.
const MAX_PAX_BYTES: u64 = 1 << 20;

const FORMAT: &str = "tar";

/// Whether bytes begin as tar does: a header whose checksum is right, or the end of an archive
/// that holds nothing.
pub(super) fn is_tar(start: &[u8]) -> bool {
    let Some(block) = start.first_chunk::<BLOCK_BYTES>() else {
        return false;
    };
    let header = Header::from_byte_slice(block);
    let is_named = header.as_ustar().is_some() || header.as_gnu().is_some();
    is_named && has_right_sum(header)
}

fn has_right_sum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum = |byte: &dyn Fn(u8) -> i64| {
        let rest = bytes[..148].iter().chain(&bytes[156..]);
        rest.map(|&each| byte(each)).sum::<i64>() + 8 * i64::from(b' ')
    };
    // Old programs added up signed bytes.
    let sums = [sum(&|byte| byte.into()), sum(&|byte| (byte as i8).into())];
    header
        .cksum()
        .is_ok_and(|found| sums.contains(&found.into()))
}

/// Reads members one by one.
pub struct TarReader {
    bytes: FileBytes,
    position: u64,
    /// Members seen.
    count: u64,
}

/// What stands before a member's own header.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
    /// A name or a header that is too long.
    is_long: bool,
}

enum Block {
    Whole(Box<[u8; BLOCK_BYTES]>),
    End,
    Cut,
}

impl TarReader {
    /// Over an archive, from its start.
    pub fn new(bytes: FileBytes) -> Self {
        TarReader {
            bytes,
            position: 0,
            count: 0,
        }
    }

    /// Bytes taken from the file since the last call.
    pub(super) fn take_file_bytes(&self) -> u64 {
        self.bytes.taken.swap(0, Ordering::Relaxed)
    }

    /// Bytes read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next member; its bytes are appended to `bytes`.
    pub(super) fn step(&mut self, max_bytes: usize, bytes: &mut Vec<u8>) -> Step {
        match self.next_member(max_bytes, bytes) {
            Ok(step) => step,
            Err(error) => match PackedProblem::of_read(&error) {
                Some(problem) if problem.keeps_what_is_before() => Step::Cut(problem.clone()),
                _ => Step::Failed(ProblemKind::of_read(&error)),
            },
        }
    }

    fn cut(&self) -> Step {
        Step::Cut(PackedProblem::Cut {
            format: FORMAT,
            at: self.position,
        })
    }

    fn trailing(&self, at: u64) -> Step {
        Step::Cut(PackedProblem::Trailing { format: FORMAT, at })
    }

    fn next_member(&mut self, max_bytes: usize, bytes: &mut Vec<u8>) -> io::Result<Step> {
        let mut extensions = Extensions::default();
        let offset = self.position;
        loop {
            let at = self.position;
            let block = match self.block()? {
                Block::Whole(block) => block,
                Block::End | Block::Cut => return Ok(self.cut()),
            };
            if block.iter().all(|byte| *byte == 0) {
                return self.end();
            }
            let header = Header::from_byte_slice(&*block);
            let size = header.entry_size();
            let (true, Ok(size)) = (has_right_sum(header), size) else {
                return Ok(self.trailing(at));
            };
            let kind = header.entry_type();
            if kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions() {
                let mut content = Vec::new();
                let limit = match kind.is_pax_local_extensions() {
                    true => MAX_PAX_BYTES,
                    false => MAX_NAME_BYTES as u64,
                };
                extensions.is_long |= size > limit;
                if size > limit {
                    if !self.skip(size)? {
                        return Ok(self.cut());
                    }
                } else if !self.content(size, &mut content)? {
                    return Ok(self.cut());
                }
                if kind.is_gnu_longname() {
                    let end = memchr::memchr(0, &content).unwrap_or(content.len());
                    content.truncate(end);
                    extensions.name = Some(content);
                } else if kind.is_pax_local_extensions() {
                    extensions.read_pax(&content);
                }
                continue;
            }
            if kind.is_pax_global_extensions() {
                if !self.skip(size)? {
                    return Ok(self.cut());
                }
                continue;
            }
            return self.member(offset, header, extensions, size, max_bytes, bytes);
        }
    }

    fn member(
        &mut self,
        offset: u64,
        header: &Header,
        extensions: Extensions,
        size: u64,
        max_bytes: usize,
        bytes: &mut Vec<u8>,
    ) -> io::Result<Step> {
        let size = extensions.size.unwrap_or(size);
        let name = extensions.name;
        let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
        // Before there was a type for it, a directory was a file whose name ends so.
        let kind = match header.entry_type() {
            EntryType::Regular if name.ends_with(b"/") => EntryType::Directory,
            kind => kind,
        };
        let has_content = !matches!(
            kind,
            EntryType::Link
                | EntryType::Symlink
                | EntryType::Char
                | EntryType::Block
                | EntryType::Directory
                | EntryType::Fifo
        );
        let kind = if extensions.is_long || name.len() > MAX_NAME_BYTES {
            MemberKind::Skipped(ProblemKind::LongMemberName(MAX_NAME_BYTES as u64))
        } else if extensions.is_sparse || kind == EntryType::GNUSparse {
            MemberKind::Skipped(ProblemKind::SparseMember)
        } else {
            match kind {
                EntryType::Link | EntryType::Symlink => MemberKind::Link,
                _ if !is_below(&name) => MemberKind::Skipped(ProblemKind::MemberOutside),
                EntryType::Directory => MemberKind::Directory,
                EntryType::Regular | EntryType::Continuous if size > max_bytes as u64 => {
                    MemberKind::Skipped(ProblemKind::LongMember(max_bytes as u64))
                }
                EntryType::Regular | EntryType::Continuous => {
                    let start = bytes.len();
                    if !self.content(size, bytes)? {
                        return Ok(self.cut());
                    }
                    MemberKind::File(start..start + size as usize)
                }
                _ => MemberKind::Skipped(ProblemKind::NotAFile),
            }
        };
        let is_passed_over = !matches!(kind, MemberKind::File(_)) && has_content;
        if is_passed_over && !self.skip(size)? {
            return Ok(self.cut());
        }
        self.count += 1;
        let owner_name = |name: Option<&[u8]>| name.unwrap_or_default().to_vec();
        Ok(Step::Member(Member {
            number: self.count,
            offset,
            name,
            is_text_name_taken: false,
            kind,
            attributes: Attributes {
                mode: header.mode().unwrap_or(0o644) & 0o7777,
                modified: header.mtime().unwrap_or(0),
                owner: (header.uid().unwrap_or(0), header.gid().unwrap_or(0)),
                owner_names: (
                    owner_name(header.username_bytes()),
                    owner_name(header.groupname_bytes()),
                ),
                ..Attributes::default()
            },
        }))
    }

    /// Reads on behind the first block of zeros.
    fn end(&mut self) -> io::Result<Step> {
        loop {
            let at = self.position;
            match self.block()? {
                Block::Whole(block) if block.iter().all(|byte| *byte == 0) => {}
                Block::Whole(_) => return Ok(self.trailing(at)),
                Block::End => return Ok(Step::End),
                Block::Cut => return Ok(self.trailing(at)),
            }
        }
    }

    fn block(&mut self) -> io::Result<Block> {
        let mut block = Box::new([0; BLOCK_BYTES]);
        let mut filled = 0;
        while filled < BLOCK_BYTES {
            match self.bytes.reader.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(Block::End),
                Ok(0) => {
                    self.position += filled as u64;
                    return Ok(Block::Cut);
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
        }
        self.position += BLOCK_BYTES as u64;
        Ok(Block::Whole(block))
    }

    /// Appends so many bytes, and passes over what fills up their last block; false where the
    /// end comes before.
    fn content(&mut self, size: u64, bytes: &mut Vec<u8>) -> io::Result<bool> {
        let before = bytes.len();
        let read = (&mut self.bytes.reader).take(size).read_to_end(bytes);
        let read_bytes = (bytes.len() - before) as u64;
        self.position += read_bytes;
        read?;
        Ok(read_bytes == size && self.pass(padding(size))?)
    }

    /// Passes over so many bytes, and what fills up their last block.
    fn skip(&mut self, size: u64) -> io::Result<bool> {
        Ok(self.pass(size)? && self.pass(padding(size))?)
    }

    fn pass(&mut self, size: u64) -> io::Result<bool> {
        let passed = io::copy(&mut (&mut self.bytes.reader).take(size), &mut io::sink())?;
        self.position += passed;
        Ok(passed == size)
    }
}

fn padding(size: u64) -> u64 {
    let block = BLOCK_BYTES as u64;
    (block - size % block) % block
}

impl Extensions {
    fn read_pax(&mut self, content: &[u8]) {
        for record in PaxExtensions::new(content).flatten() {
            let Ok(key) = record.key() else {
                continue;
            };
            let value = record.value_bytes();
            match key {
                "path" => self.name = Some(value.to_vec()),
                "size" => {
                    let size = std::str::from_utf8(value).ok();
                    self.size = size.and_then(|size| size.parse().ok()).or(self.size);
                }
                _ => self.is_sparse |= key.starts_with("GNU.sparse."),
            }
        }
    }
}
