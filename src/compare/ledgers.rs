//! Two ledgers in, the lines that only one of them removes out, in bounded memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use ahash::AHashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::CompareError;
use crate::report::Removed;

/// Bytes of the first ledger whose rows are held at a time; larger ones are gone over several
/// times, a share of the lines each time.
const SHARE_BYTES: u64 = 1 << 30;
/// Longest row that is read, in bytes.
const MAX_ROW_BYTES: u64 = 512 << 20;
/// Examples for each reason.
pub const MAX_EXAMPLES: usize = 5;
/// Characters of an example that are kept.
const MAX_TEXT_CHARS: usize = 200;
/// Reasons that are told apart.
const MAX_REASONS: usize = 32;

/// What only one of two ledgers removes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LedgerDiff {
    /// Removed now, and was not: by the reason now.
    pub now: BTreeMap<String, Changed>,
    /// Was removed, and is not now: by the reason before.
    pub back: BTreeMap<String, Changed>,
    /// Removed by both, for another reason.
    pub other_reason: u64,
}

/// Lines that changed for one reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changed {
    /// How many, and their bytes.
    #[serde(flatten)]
    pub removed: Removed,
    /// The first [`MAX_EXAMPLES`].
    pub examples: Vec<Example>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// The page.
    pub page: String,
    /// The line, from 1.
    pub line: u64,
    /// Its text, cut; empty where it is not UTF-8.
    pub text: String,
}

#[derive(Deserialize)]
struct Row {
    page: String,
    #[serde(default)]
    page_b64: Option<String>,
    line: u64,
    start: u64,
    end: u64,
    reason: String,
    #[serde(default)]
    text: String,
}

impl Row {
    fn key(&self) -> u128 {
        let page = self.page_b64.as_ref().unwrap_or(&self.page);
        let mut bytes = page.as_bytes().to_vec();
        bytes.push(u8::from(self.page_b64.is_some()));
        bytes.extend_from_slice(&self.line.to_le_bytes());
        xxh3_128(&bytes)
    }
}

impl LedgerDiff {
    /// Compares two ledgers of one corpus.
    ///
    /// Memory: about 50 bytes for each row of a gigabyte of the first ledger.
    ///
    /// # Errors
    ///
    /// One cannot be read, or is no ledger.
    pub fn of(a: &Path, b: &Path) -> Result<Self, CompareError> {
        let mut diff = LedgerDiff::default();
        let bytes = std::fs::metadata(a).map_or(0, |found| found.len());
        let shares = u128::from(bytes / SHARE_BYTES + 1);
        for share in 0..shares {
            let is_of_share = |key: u128| key % shares == share;
            let mut before: AHashMap<u128, u8> = AHashMap::new();
            let mut reasons: Vec<String> = Vec::new();
            each_row(a, |row| {
                let key = row.key();
                if is_of_share(key) {
                    let at = number_of(&mut reasons, &row.reason);
                    before.insert(key, at);
                }
            })?;
            each_row(b, |row| {
                let key = row.key();
                if !is_of_share(key) {
                    return;
                }
                match before.remove(&key) {
                    None => add(&mut diff.now, &row),
                    Some(at) => {
                        diff.other_reason += u64::from(reasons[usize::from(at)] != row.reason);
                    }
                }
            })?;
            if !before.is_empty() {
                each_row(a, |row| {
                    if before.remove(&row.key()).is_some() {
                        add(&mut diff.back, &row);
                    }
                })?;
            }
        }
        Ok(diff)
    }

    /// Whether both remove the same lines for the same reasons.
    pub fn is_empty(&self) -> bool {
        *self == LedgerDiff::default()
    }
}

fn number_of(reasons: &mut Vec<String>, reason: &str) -> u8 {
    let at = reasons.iter().position(|known| known == reason);
    let at = at.unwrap_or_else(|| {
        if reasons.len() < MAX_REASONS {
            reasons.push(reason.to_owned());
        }
        reasons.len() - 1
    });
    at as u8
}

fn add(changed: &mut BTreeMap<String, Changed>, row: &Row) {
    let is_new = !changed.contains_key(&row.reason);
    let reason = match is_new && changed.len() >= MAX_REASONS {
        true => "other",
        false => &row.reason,
    };
    let of_reason = changed.entry(reason.to_owned()).or_default();
    of_reason.removed.lines += 1;
    let bytes = row.end.saturating_sub(row.start);
    of_reason.removed.bytes = of_reason.removed.bytes.saturating_add(bytes);
    if of_reason.examples.len() < MAX_EXAMPLES && row.reason != "blank" {
        of_reason.examples.push(Example {
            page: row.page.clone(),
            line: row.line,
            text: row.text.trim_end().chars().take(MAX_TEXT_CHARS).collect(),
        });
    }
}

fn each_row(path: &Path, mut take: impl FnMut(Row)) -> Result<(), CompareError> {
    let failed = |row: u64, why: String| CompareError::Input {
        path: path.display().to_string(),
        why: format!("row {row}: {why}"),
    };
    let file = File::open(path).map_err(|error| failed(0, error.to_string()))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = (&mut reader)
            .take(MAX_ROW_BYTES)
            .read_until(b'\n', &mut bytes);
        if read.map_err(|error| failed(number, error.to_string()))? == 0 {
            break;
        }
        let row = serde_json::from_slice(&bytes);
        take(row.map_err(|error| failed(number, format!("no row of a ledger: {error}")))?);
    }
    Ok(())
}
