//! One of several runs of one job.

use serde::{Deserialize, Serialize};

use super::{Files, RunRecord, StageCost};

/// Where the input was when a run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// In memory, as far as it fits: it was read shortly before. Also where nothing was done
    /// about it.
    #[default]
    Warm,
    /// On the disk: the system was asked to forget it.
    Cold,
}

impl Cache {
    /// The word for it in a run record.
    pub fn word(self) -> &'static str {
        match self {
            Cache::Warm => "warm",
            Cache::Cold => "cold",
        }
    }
}

/// What one run cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Repeat {
    /// Where the input was.
    pub cache: Cache,
    /// Seconds, the start and end of the process included.
    pub wall_seconds: f64,
    /// Processor seconds of all threads.
    pub cpu_seconds: Option<f64>,
    /// Largest resident size, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Bytes of text that were taken in; 0 where that is not known.
    pub bytes: u64,
    /// Digest of what was written.
    pub output_digest: Option<String>,
    /// As in [`RunRecord::stages`].
    pub stages: Vec<StageCost>,
}

impl Repeat {
    /// What a run's own record says of it.
    pub fn of(record: &RunRecord, cache: Cache) -> Self {
        let digest = |output: &Files| output.digest.clone();
        Repeat {
            cache,
            wall_seconds: record.wall_seconds,
            cpu_seconds: record.cpu_seconds,
            peak_memory_bytes: record.peak_memory_bytes,
            bytes: record.counts.bytes_in,
            output_digest: record.output.as_ref().map(digest),
            stages: record.stages.clone(),
        }
    }

    /// Text taken in by the second, in MB; None where its size is not known.
    pub fn mb_per_second(&self) -> Option<f64> {
        (self.bytes > 0).then(|| self.bytes as f64 / 1e6 / self.wall_seconds.max(1e-9))
    }
}

impl RunRecord {
    /// One record of several runs of one job: what each cost stands in
    /// [`RunRecord::repeats`], all else is as the run with the middle wall time has it; of warm
    /// runs, where there are any. None of no runs.
    pub fn of_runs(runs: Vec<(Cache, RunRecord)>) -> Option<Self> {
        let repeats = runs.iter();
        let repeats = repeats.map(|(cache, record)| Repeat::of(record, *cache));
        let repeats: Vec<Repeat> = repeats.collect();
        let told = runs.iter().map(|(cache, _)| *cache).min()?;
        let mut alike: Vec<RunRecord> = runs
            .into_iter()
            .filter_map(|(cache, record)| (cache == told).then_some(record))
            .collect();
        alike.sort_by(|a, b| a.wall_seconds.total_cmp(&b.wall_seconds));
        let middle = alike.swap_remove((alike.len() - 1) / 2);
        Some(RunRecord { repeats, ..middle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_warm_run_speaks_for_all() {
        let run = |seconds, threads| RunRecord {
            wall_seconds: seconds,
            threads,
            ..RunRecord::default()
        };
        let runs = vec![
            (Cache::Cold, run(9.0, 1)),
            (Cache::Warm, run(3.0, 2)),
            (Cache::Warm, run(1.0, 3)),
            (Cache::Warm, run(2.0, 4)),
            (Cache::Warm, run(4.0, 5)),
        ];
        let record = RunRecord::of_runs(runs.clone()).expect("runs");
        assert_eq!((record.wall_seconds, record.threads), (2.0, 4));
        let raw: Vec<f64> = record.repeats.iter().map(|r| r.wall_seconds).collect();
        assert_eq!(raw, [9.0, 3.0, 1.0, 2.0, 4.0]);
        let cold = RunRecord::of_runs(runs[..1].to_vec()).expect("a run");
        assert_eq!((cold.wall_seconds, cold.repeats.len()), (9.0, 1));
        assert_eq!(RunRecord::of_runs(Vec::new()), None);
    }

    #[test]
    fn a_size_that_is_not_known_is_no_speed() {
        let repeat = |bytes| Repeat {
            bytes,
            wall_seconds: 2.0,
            ..Repeat::default()
        };
        assert_eq!(repeat(4_000_000).mb_per_second(), Some(2.0));
        assert_eq!(repeat(0).mb_per_second(), None);
    }
}
