//! The frame of index files: a header that says what the file is, then checked blocks.
//!
//! See `docs/index-format.md`. A reader trusts no length: a block's bytes are read as they
//! come, and memory grows with what is there, not with what the file says.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use thiserror::Error;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::settings::{self, Settings};
use crate::visible::visible;

/// The first bytes of every index file.
pub const MAGIC: [u8; 8] = *b"dechaff\x1a";
/// The version of the frame and of what stands in it.
pub const VERSION: u32 = 1;
/// The tag of the last block.
pub const END: u32 = 0;
/// Bytes that stand before a block's body.
const FRAME_BYTES: usize = 28;
/// Most bytes of settings.
const MAX_SETTINGS_BYTES: u32 = 1 << 16;

/// What an index file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All pages with their fingerprints: can be merged.
    Part,
    /// What occurs more than once: can be looked up.
    Frozen,
}

impl Kind {
    fn number(self) -> u32 {
        match self {
            Kind::Part => 1,
            Kind::Frozen => 2,
        }
    }

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Part => "part",
            Kind::Frozen => "frozen index",
        }
    }
}

/// Why an index file is refused.
#[derive(Debug, Error)]
pub enum IndexError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("not an index of dechaff: begins with {found}, expected {}", hex(&MAGIC))]
    Foreign {
        /// Its first bytes.
        found: String,
    },
    /// Another version wrote it.
    #[error("index version {found}; this dechaff reads version {VERSION}: build it again")]
    Version {
        /// The file's.
        found: u32,
    },
    /// It is an index of the other kind.
    #[error("a {found}, expected a {expected}")]
    Kind {
        /// The file's.
        found: &'static str,
        /// What would do.
        expected: &'static str,
    },
    /// Its fingerprints were made with another key.
    #[error("made with {}, expected {}", named_key(.found), named_key(.expected))]
    Key {
        /// The name of the file's; None for the public one.
        found: Option<String>,
        /// The name of that which would do.
        expected: Option<String>,
    },
    /// It was made with other settings.
    #[error("made with [{}], expected [{}]", visible(.found.as_bytes()), visible(.expected.as_bytes()))]
    Settings {
        /// The file's.
        found: String,
        /// What would do.
        expected: String,
    },
    /// Its settings are not such as this version writes.
    #[error("made with [{}]; this dechaff reads [{} ...]: build it again", visible(.found.as_bytes()), settings::scheme())]
    ForeignSettings {
        /// The file's.
        found: String,
    },
    /// It ends before its end.
    #[error("cut short at byte {at}")]
    Cut {
        /// Where, in bytes.
        at: u64,
    },
    /// Its bytes are not those that were written.
    #[error("damaged at byte {at}: {what}")]
    Damaged {
        /// Where the block begins, in bytes.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Two parts hold the same page.
    #[error("page {} stands in two parts", visible(.page.as_bytes()))]
    Twice {
        /// Its name.
        page: String,
    },
}

fn named_key(name: &Option<String>) -> String {
    match name {
        Some(name) => format!("the key {}", visible(name.as_bytes())),
        None => "the public key".to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The header of a file.
pub fn header(kind: Kind, settings: &Settings) -> Vec<u8> {
    let settings = settings.to_text();
    let mut out = MAGIC.to_vec();
    for number in [VERSION, kind.number(), settings.len() as u32] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(settings.as_bytes());
    let check = xxh3_128_with_seed(&out, 0);
    out.extend_from_slice(&check.to_le_bytes());
    out
}

/// Makes the blocks of a file, in order.
#[derive(Debug, Default)]
pub struct BlockWriter {
    blocks: u64,
}

impl BlockWriter {
    /// The bytes that stand before a block's body.
    pub fn frame(&mut self, tag: u32, body: &[u8]) -> [u8; FRAME_BYTES] {
        self.blocks += 1;
        let mut frame = [0; FRAME_BYTES];
        frame[..4].copy_from_slice(&tag.to_le_bytes());
        frame[4..12].copy_from_slice(&(body.len() as u64).to_le_bytes());
        let check = check(tag, self.blocks, body);
        frame[12..].copy_from_slice(&check.to_le_bytes());
        frame
    }
}

/// Over the body and, by the seed, the block's tag and place in the file.
fn check(tag: u32, number: u64, body: &[u8]) -> u128 {
    xxh3_128_with_seed(body, number << 8 | u64::from(tag))
}

/// Reads a file block by block.
#[derive(Debug)]
pub struct BlockReader<R> {
    reader: R,
    /// What the file is.
    pub kind: Kind,
    /// What it was made with.
    pub settings: Settings,
    at: u64,
    blocks: u64,
    body: Vec<u8>,
}

/// Reads exactly; a file that ends is cut.
fn read_exact(reader: &mut impl Read, bytes: &mut [u8], at: &mut u64) -> Result<(), IndexError> {
    reader
        .read_exact(bytes)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => IndexError::Cut { at: *at },
            _ => IndexError::Read(error),
        })?;
    *at += bytes.len() as u64;
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn tag_and_length(frame: &[u8; FRAME_BYTES]) -> (u32, u64) {
    let length = frame[4..12].try_into().expect("eight bytes");
    (u32_at(frame, 0), u64::from_le_bytes(length))
}

impl<R: Read + Seek> BlockReader<BufReader<R>> {
    /// Bytes of the longest body of the blocks to come, by their frames alone and never more than
    /// the file holds. What is cut or damaged is told when it is read.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn longest_body(&mut self) -> Result<u64, IndexError> {
        let end = self.reader.seek(SeekFrom::End(0))?;
        self.reader.seek(SeekFrom::Start(self.at))?;
        let mut left = end.saturating_sub(self.at);
        let mut longest = 0;
        while left >= FRAME_BYTES as u64 {
            let mut frame = [0; FRAME_BYTES];
            self.reader.read_exact(&mut frame)?;
            left -= FRAME_BYTES as u64;
            let (tag, length) = tag_and_length(&frame);
            longest = longest.max(length.min(left));
            if tag == END || length > left {
                break;
            }
            self.reader.seek_relative(length as i64)?;
            left -= length;
        }
        self.reader.seek(SeekFrom::Start(self.at))?;
        Ok(longest)
    }
}

impl<R: Read> BlockReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// The file is no index, of another version, or damaged.
    pub fn new(mut reader: R) -> Result<Self, IndexError> {
        let mut at = 0;
        let mut head = [0; 20];
        let mut have = 0;
        while have < head.len() {
            match reader.read(&mut head[have..]) {
                Ok(0) => break,
                Ok(read) => have += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let start = &head[..have.min(MAGIC.len())];
        if start != &MAGIC[..start.len()] || have == 0 {
            let found = if have == 0 {
                "nothing".to_owned()
            } else {
                hex(start)
            };
            return Err(IndexError::Foreign { found });
        }
        if have < head.len() {
            return Err(IndexError::Cut { at: have as u64 });
        }
        at += have as u64;
        let (version, kind, length) = (u32_at(&head, 8), u32_at(&head, 12), u32_at(&head, 16));
        if version != VERSION {
            return Err(IndexError::Version { found: version });
        }
        let damaged = |what| IndexError::Damaged { at: 0, what };
        if length > MAX_SETTINGS_BYTES {
            return Err(damaged("settings are too long"));
        }
        let mut settings = vec![0; length as usize];
        read_exact(&mut reader, &mut settings, &mut at)?;
        let mut found = [0; 16];
        read_exact(&mut reader, &mut found, &mut at)?;
        let whole = [&head[..], &settings].concat();
        if xxh3_128_with_seed(&whole, 0) != u128::from_le_bytes(found) {
            return Err(damaged("the header is not the one that was written"));
        }
        let kind = match kind {
            1 => Kind::Part,
            2 => Kind::Frozen,
            _ => return Err(damaged("the kind is not known")),
        };
        let text = String::from_utf8_lossy(&settings).into_owned();
        let settings = Settings::parse(&text).ok_or(IndexError::ForeignSettings { found: text })?;
        Ok(BlockReader {
            reader,
            kind,
            settings,
            at,
            blocks: 0,
            body: Vec::new(),
        })
    }

    /// Refuses a file of another kind or other settings.
    ///
    /// # Errors
    ///
    /// [`IndexError::Kind`], [`IndexError::Key`], [`IndexError::Settings`].
    pub fn expect(&self, kind: Kind, wanted: &Settings) -> Result<(), IndexError> {
        if self.kind != kind {
            return Err(IndexError::Kind {
                found: self.kind.word(),
                expected: kind.word(),
            });
        }
        self.expect_key(wanted.key.as_deref())?;
        if !self.settings.serves(wanted) {
            return Err(IndexError::Settings {
                found: self.settings.to_text(),
                expected: wanted.to_text(),
            });
        }
        Ok(())
    }

    /// Refuses a file that was made with another key, by its name.
    ///
    /// # Errors
    ///
    /// [`IndexError::Key`].
    pub fn expect_key(&self, name: Option<&str>) -> Result<(), IndexError> {
        if self.settings.key.as_deref() != name {
            return Err(IndexError::Key {
                found: self.settings.key.clone(),
                expected: name.map(str::to_owned),
            });
        }
        Ok(())
    }

    /// The body of the block at hand.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Where the next block's frame begins, in bytes.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next block: tag and body; None at the file's end.
    ///
    /// # Errors
    ///
    /// The file is cut or damaged, or something stands behind its end.
    pub fn next_block(&mut self) -> Result<Option<(u32, &[u8])>, IndexError> {
        let start = self.at;
        let mut frame = [0; FRAME_BYTES];
        read_exact(&mut self.reader, &mut frame, &mut self.at)?;
        let (tag, length) = tag_and_length(&frame);
        let expected = u128::from_le_bytes(frame[12..].try_into().expect("16 bytes"));
        self.body.clear();
        let read = (&mut self.reader)
            .take(length)
            .read_to_end(&mut self.body)?;
        self.at += read as u64;
        if (read as u64) < length {
            return Err(IndexError::Cut { at: self.at });
        }
        self.blocks += 1;
        let damaged = |what| IndexError::Damaged { at: start, what };
        if check(tag, self.blocks, &self.body) != expected {
            return Err(damaged("the checksum is another"));
        }
        if tag != END {
            return Ok(Some((tag, &self.body)));
        }
        if length > 0 {
            return Err(damaged("the end is not empty"));
        }
        if self.reader.read(&mut [0])? != 0 {
            return Err(damaged("something stands behind the end"));
        }
        Ok(None)
    }
}

/// Takes fields off the front of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'b>(pub &'b [u8]);

impl<'b> Fields<'b> {
    pub fn bytes(&mut self, length: usize) -> Option<&'b [u8]> {
        let (front, behind) = self.0.split_at_checked(length)?;
        self.0 = behind;
        Some(front)
    }

    pub fn u8(&mut self) -> Option<u8> {
        Some(self.bytes(1)?[0])
    }

    pub fn u32(&mut self) -> Option<u32> {
        Some(u32_at(self.bytes(4)?, 0))
    }

    pub fn u128(&mut self) -> Option<u128> {
        let bytes = self.bytes(16)?.try_into().ok()?;
        Some(u128::from_le_bytes(bytes))
    }

    /// Bytes with their length before them.
    pub fn string(&mut self) -> Option<&'b [u8]> {
        let length = self.u32()? as usize;
        self.bytes(length)
    }
}

/// Appends bytes with their length before them.
pub(super) fn put_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}
