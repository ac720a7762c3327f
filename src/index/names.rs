//! The files of a corpus: their names in source order.

use ahash::AHashMap;

use super::part::FileRecord;
use crate::fingerprint::Fingerprint;

/// The name of a page: that of its file, and `#RECORD` behind it for a row; record 0 is a file
/// that is one page.
pub fn page_name(file: &[u8], record: u64) -> Vec<u8> {
    let mut name = file.to_vec();
    if record > 0 {
        name.extend_from_slice(format!("#{record}").as_bytes());
    }
    name
}

/// Names of files, numbered in source order from 0.
#[derive(Clone, Debug, Default)]
pub struct Names {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    arguments: Vec<u32>,
    numbers: AHashMap<Fingerprint, u32>,
}

impl Names {
    /// Adds a file. Numbers grow; those that are left out have no name.
    pub fn put(&mut self, number: u32, argument: u32, name: &[u8]) {
        while self.ends.len() < number as usize {
            self.ends.push(self.bytes.len());
            self.arguments.push(argument);
        }
        self.numbers.insert(Fingerprint::of(name), number);
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len());
        self.arguments.push(argument);
    }

    /// All files, in order.
    pub fn files(&self) -> impl Iterator<Item = FileRecord> {
        (0..self.ends.len()).map(|number| FileRecord {
            argument: self.arguments[number],
            name: self.name(number as u32).to_vec(),
        })
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name of a file; empty for a number that no file has.
    pub fn name(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let Some(&end) = self.ends.get(number) else {
            return &[];
        };
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..end]
    }

    /// The number of a file.
    pub fn number(&self, name: &[u8]) -> Option<u32> {
        let number = *self.numbers.get(&Fingerprint::of(name))?;
        (self.name(number) == name).then_some(number)
    }
}
