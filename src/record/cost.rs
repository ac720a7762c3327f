//! What a stage of a run cost.

use serde::{Deserialize, Serialize};

/// A stage of the work, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Finding files.
    Walk,
    /// Reading, and unpacking what is packed.
    Read,
    /// Telling what a file is, charsets, HTML to lines, rows taken apart.
    Decode,
    /// Pages to lines, and their shapes.
    Split,
    /// Lines normalised, and their fingerprints.
    Fingerprint,
    /// Counting for the index (pass one).
    Count,
    /// Freezing what was counted (pass one).
    Merge,
    /// Looking for repeats, on the page and in the index.
    Repeats,
    /// Scoring lines.
    Score,
    /// Deciding on lines.
    Decide,
    /// Writing pages and ledger.
    Write,
    /// Threads that waited, and what no clock covers.
    Idle,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Stage; 12] = [
        Stage::Walk,
        Stage::Read,
        Stage::Decode,
        Stage::Split,
        Stage::Fingerprint,
        Stage::Count,
        Stage::Merge,
        Stage::Repeats,
        Stage::Score,
        Stage::Decide,
        Stage::Write,
        Stage::Idle,
    ];

    /// The word for it in a run record.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Walk => "walk",
            Stage::Read => "read",
            Stage::Decode => "decode",
            Stage::Split => "split",
            Stage::Fingerprint => "fingerprint",
            Stage::Count => "count",
            Stage::Merge => "merge",
            Stage::Repeats => "repeats",
            Stage::Score => "score",
            Stage::Decide => "decide",
            Stage::Write => "write",
            Stage::Idle => "idle",
        }
    }
}

/// What one stage cost, over all threads: over all stages of all passes the wall seconds come
/// to the passes' wall seconds times the threads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageCost {
    /// [`Stage::word`].
    pub stage: String,
    /// 1 for pass one, 2 for pass two.
    pub pass: u32,
    /// Seconds that threads were at it, together.
    pub wall_seconds: f64,
    /// Processor seconds of it, from a sample of the pages; None where there is no such clock.
    pub cpu_seconds: Option<f64>,
    /// Bytes that it took in.
    pub bytes: u64,
}

impl StageCost {
    /// A stage that cost nothing yet.
    pub fn of(stage: Stage, pass: u32) -> Self {
        StageCost {
            stage: stage.word().to_owned(),
            pass,
            ..StageCost::default()
        }
    }
}
