//! Keys and the figures that are kept of them.

use crate::fingerprint::Fingerprint;

/// The first 96 bits of a fingerprint. Ordered as the fingerprint is.
///
/// Packed into 12 bytes, so that with what is counted of a site it fills 16: a quarter of a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C, packed(4))]
pub struct Key {
    /// The first 64 bits.
    pub high: u64,
    /// The next 32 bits.
    pub low: u32,
}

impl From<Fingerprint> for Key {
    #[inline]
    fn from(fingerprint: Fingerprint) -> Self {
        Key {
            high: (fingerprint.0 >> 64) as u64,
            low: (fingerprint.0 >> 32) as u32,
        }
    }
}

/// What is kept of a key. Merging is associative and commutative.
pub trait Figures: Copy + Default + Send + Sync + std::fmt::Debug + PartialEq {
    /// Bytes of the figures in a run.
    const BYTES: usize;

    /// How often the key was met: pages or places. 0 stands for no key.
    fn count(&self) -> u32;

    /// Takes in figures of the same key; counts stop at their greatest value.
    fn merge(&mut self, other: &Self);

    /// Appends [`Figures::BYTES`] bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads what [`Figures::write`] wrote; `bytes` has [`Figures::BYTES`].
    fn read(bytes: &[u8]) -> Self;
}

/// On how many pages of a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteFigures {
    /// Pages of different classes.
    pub pages: u32,
}

impl Figures for SiteFigures {
    const BYTES: usize = 4;

    #[inline]
    fn count(&self) -> u32 {
        self.pages
    }

    #[inline]
    fn merge(&mut self, other: &Self) {
        self.pages = self.pages.saturating_add(other.pages);
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.pages.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        SiteFigures {
            pages: read_u32(bytes, 0),
        }
    }
}

/// A place in the corpus. Ordered as the source order is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the file in source order, from 0.
    pub file: u32,
    /// Number of the record in it, from 1; 0 where the file is one page.
    pub record: u32,
    /// Number of the line on the page, from 1; 0 for the page itself.
    pub line: u32,
}

impl Place {
    /// The place this many lines behind.
    #[inline]
    pub fn behind(self, lines: usize) -> Place {
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        Place {
            line: self.line.saturating_add(lines),
            ..self
        }
    }
}

/// In how many places of the corpus, and in which first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaceFigures {
    /// Places.
    pub places: u32,
    /// The first of them in source order.
    pub first: Place,
}

impl Figures for PlaceFigures {
    const BYTES: usize = 16;

    #[inline]
    fn count(&self) -> u32 {
        self.places
    }

    #[inline]
    fn merge(&mut self, other: &Self) {
        self.places = self.places.saturating_add(other.places);
        self.first = self.first.min(other.first);
    }

    fn write(&self, out: &mut Vec<u8>) {
        let Place { file, record, line } = self.first;
        for value in [self.places, file, record, line] {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn read(bytes: &[u8]) -> Self {
        PlaceFigures {
            places: read_u32(bytes, 0),
            first: Place {
                file: read_u32(bytes, 4),
                record: read_u32(bytes, 8),
                line: read_u32(bytes, 12),
            },
        }
    }
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    let bytes: [u8; 4] = bytes[at..at + 4].try_into().expect("four bytes");
    u32::from_le_bytes(bytes)
}

/// A key with its figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Entry<F> {
    /// The key.
    pub key: Key,
    /// What is kept of it.
    pub figures: F,
}

impl<F: Figures> Entry<F> {
    /// Bytes of an entry in a run.
    pub const BYTES: usize = 12 + F::BYTES;

    /// Appends [`Entry::BYTES`] bytes, the same on every machine.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.high.to_le_bytes());
        out.extend_from_slice(&self.key.low.to_le_bytes());
        self.figures.write(out);
    }

    /// Reads what [`Entry::write`] wrote.
    pub fn read(bytes: &[u8]) -> Self {
        let high: [u8; 8] = bytes[..8].try_into().expect("eight bytes");
        Entry {
            key: Key {
                high: u64::from_le_bytes(high),
                low: read_u32(bytes, 8),
            },
            figures: F::read(&bytes[12..]),
        }
    }
}
