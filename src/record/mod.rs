//! The run record: what a run of `dechaff clean` was given, what it cost and what it did, as one
//! JSON object. Read again by [`crate::compare`]; `docs/run-record.md` describes every field.
//!
//! Types only: nothing here reads a clock, a file or the machine.

mod cost;
mod repeat;
mod sites;

pub use cost::{Stage, StageCost};
pub use repeat::{Cache, Repeat};
pub use sites::{MAX_LISTED_SITES, MAX_SITES, SiteCounts, SiteTable, SiteTally};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest;
use crate::report::Counts;

/// The version of the record's form. Older ones are read; see [`RunRecord::parse`].
pub const SCHEMA_VERSION: u32 = 3;

/// What stands in [`RunRecord::program`] of a run of this program; of another one its name.
pub const PROGRAM: &str = "dechaff";

/// One run. Fields that an older version did not write are as their defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// [`PROGRAM`], or the name of another program that was measured beside it.
    pub program: String,
    /// The program's version.
    pub version: String,
    /// How the program was built; since version 2.
    pub build: Option<Build>,
    /// Every setting that decides what comes out, by name.
    pub settings: BTreeMap<String, Value>,
    /// Digest of `settings`; since version 2.
    pub settings_digest: Option<String>,
    /// Where it ran; since version 2.
    pub machine: Option<Machine>,
    /// What was read; since version 2.
    pub input: Option<Files>,
    /// What was written; since version 2.
    pub output: Option<Files>,
    /// Worker threads; 0 in version 1: one for each core.
    pub threads: u64,
    /// Seconds from the first check of the arguments to the last byte.
    pub wall_seconds: f64,
    /// Processor seconds of all threads; since version 2.
    pub cpu_seconds: Option<f64>,
    /// Bytes of text (`counts.bytes_in`) by 10^6, by wall seconds.
    pub mb_per_second: f64,
    /// Largest resident size, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// What each of several runs cost, in their order; empty of one run. Since version 3.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<Repeat>,
    /// What each stage cost, in the order of the work; since version 2.
    pub stages: Vec<StageCost>,
    /// Pages, lines and bytes: in, kept, removed by reason, rejected.
    pub counts: Counts,
    /// The same by site; since version 2.
    pub sites: SiteTable,
    /// The ledger's name, where it lies beside the record; since version 2.
    pub ledger: Option<String>,
    /// Accuracy on labelled pages, where these were given; since version 2.
    #[cfg(feature = "eval")]
    pub accuracy: Option<crate::eval::Evaluation>,
}

/// How a program was built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Build {
    /// `release` or `debug`.
    pub profile: String,
    /// Target triple.
    pub target: String,
    /// Cargo features, in order.
    pub features: Vec<String>,
    /// Instructions that the compiler was allowed, in order.
    pub target_features: Vec<String>,
    /// The compiler.
    pub rustc: String,
    /// Digest of a sample of the program's file: what tells two builds of one version apart.
    pub program_digest: Option<String>,
}

/// A machine, without anything that names it or its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Model of the processor, as the system gives it.
    pub cpu: Option<String>,
    /// Cores that the process may use.
    pub cores: u64,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Architecture.
    pub arch: String,
    /// Operating system.
    pub system: String,
    /// Version of its kernel.
    pub kernel: Option<String>,
}

impl Machine {
    /// Whether speeds on both can be compared: the same processor, as many cores, and as much
    /// memory within a twentieth. The kernel may differ.
    pub fn is_like(&self, other: &Machine) -> bool {
        let memory = match (self.memory_bytes, other.memory_bytes) {
            (Some(own), Some(others)) => own.abs_diff(others) <= own.max(others) / 20,
            (own, others) => own == others,
        };
        let of = |machine: &Machine| {
            let Machine {
                cpu,
                cores,
                arch,
                system,
                ..
            } = machine;
            (cpu.clone(), *cores, arch.clone(), system.clone())
        };
        memory && of(self) == of(other)
    }
}

/// Some files, by their sum; see [`crate::digest::DigestSum`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Files {
    /// 32 hexadecimal digits; the same only for the same names and bytes.
    pub digest: String,
    /// Files.
    pub files: u64,
    /// Bytes of them all.
    pub bytes: u64,
}

impl From<&digest::DigestSum> for Files {
    fn from(sum: &digest::DigestSum) -> Self {
        Files {
            digest: sum.hex(),
            files: sum.files,
            bytes: sum.bytes,
        }
    }
}

/// Why a run record was refused.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is no run record.
    #[error("no run record: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A later program wrote it.
    #[error("a run record of version {found}; this dechaff reads up to {SCHEMA_VERSION}")]
    Version {
        /// The record's.
        found: u64,
    },
}

impl RunRecord {
    /// Whether it is of this program, whose counts and settings are known.
    pub fn is_own(&self) -> bool {
        self.program == PROGRAM
    }

    /// Whether a JSON value says that it is a run record.
    pub fn is_record(value: &Value) -> bool {
        value["program"].is_string() && value["schema_version"].is_u64()
    }

    /// Reads a record of any version up to [`SCHEMA_VERSION`].
    ///
    /// # Errors
    ///
    /// A later version; fields that are not of the right kind.
    pub fn parse(value: Value) -> Result<Self, RecordError> {
        match value["schema_version"].as_u64() {
            Some(found) if found > u64::from(SCHEMA_VERSION) => Err(RecordError::Version { found }),
            _ => Ok(serde_json::from_value(value)?),
        }
    }

    /// The digest of settings: 32 hexadecimal digits, whatever order they were given in.
    pub fn digest_of(settings: &BTreeMap<String, Value>) -> String {
        let all = serde_json::to_vec(settings);
        digest::hex(&all.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_of_version_1_is_read() {
        let value = json!({
            "schema_version": 1, "program": "dechaff", "version": "0.1.0",
            "settings": {"model": "fast"}, "threads": 0, "wall_seconds": 1.5,
            "mb_per_second": 2.0, "peak_memory_bytes": 7,
            "counts": {"pages": 3, "repeat": {"lines": 1, "bytes": 9}},
        });
        assert!(RunRecord::is_record(&value));
        let record = RunRecord::parse(value).expect("version 1 is read");
        assert_eq!((record.counts.pages, record.counts.repeat.bytes), (3, 9));
        assert_eq!((record.input, record.stages.len()), (None, 0));
    }

    #[test]
    fn a_later_version_is_refused() {
        for (version, is_read) in [(SCHEMA_VERSION, true), (SCHEMA_VERSION + 1, false)] {
            let value = json!({"schema_version": version, "program": "dechaff"});
            assert_eq!(RunRecord::parse(value).is_ok(), is_read);
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let record = RunRecord {
            schema_version: SCHEMA_VERSION,
            program: PROGRAM.to_owned(),
            machine: Some(Machine::default()),
            stages: vec![StageCost::of(Stage::Score, 2)],
            ..RunRecord::default()
        };
        let value = serde_json::to_value(&record).expect("JSON");
        assert_eq!(RunRecord::parse(value).expect("a record"), record);
    }

    #[test]
    fn machines_are_alike_up_to_a_twentieth_of_memory() {
        let machine = |memory| Machine {
            cpu: Some("X".to_owned()),
            cores: 2,
            memory_bytes: memory,
            kernel: memory.map(|memory| memory.to_string()),
            ..Machine::default()
        };
        let own = machine(Some(2000));
        assert!(own.is_like(&machine(Some(1900))));
        assert!(!own.is_like(&machine(Some(1899))));
        assert!(!own.is_like(&machine(None)));
        let other = Machine {
            cores: 3,
            ..own.clone()
        };
        assert!(!own.is_like(&other));
    }
}
