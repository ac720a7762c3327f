//! The chunks of files in, the digest of each file out when its last chunk comes.

use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::Xxh3;

use super::archive::MemberKind;
use super::{Chunk, ChunkContent};
use crate::digest::DigestSum;

/// Adds what is handed out of files to a sum. How they are cut into chunks changes nothing.
pub struct Digested {
    sum: Arc<Mutex<DigestSum>>,
    hasher: Box<Xxh3>,
    bytes: u64,
}

impl Digested {
    pub fn new(sum: Arc<Mutex<DigestSum>>) -> Self {
        Digested {
            sum,
            hasher: Box::default(),
            bytes: 0,
        }
    }

    /// Takes in the next chunk of the file at hand.
    pub fn take(&mut self, chunk: &Chunk) {
        match &chunk.content {
            ChunkContent::Members { members, .. } => {
                for member in members {
                    self.hasher.update(&member.name);
                    let content = match &member.kind {
                        MemberKind::File(range) => chunk.bytes.get(range.clone()),
                        MemberKind::Rows(rows) => chunk.bytes.get(rows.rows.clone()),
                        _ => None,
                    };
                    let content = content.unwrap_or_default();
                    self.hasher.update(&(content.len() as u64).to_le_bytes());
                    self.hasher.update(content);
                }
            }
            // Their texts and URLs: the other columns are not read here.
            #[cfg(feature = "parquet")]
            ChunkContent::Table(rows) => {
                for value in rows.rows.iter().flat_map(|row| [&row.text, &row.url]) {
                    let value = value.clone().and_then(|range| chunk.bytes.get(range));
                    let length = value.map_or(u64::MAX, |value| value.len() as u64);
                    self.hasher.update(&length.to_le_bytes());
                    self.hasher.update(value.unwrap_or_default());
                }
            }
            _ => self.hasher.update(&chunk.bytes),
        }
        self.bytes += chunk.bytes.len() as u64;
        if chunk.is_last {
            let (name, part) = chunk.file.digest_name();
            let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
            sum.add_hashed(name, part, self.hasher.digest128(), self.bytes);
            drop(sum);
            self.hasher.reset();
            self.bytes = 0;
        }
    }
}
