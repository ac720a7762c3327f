//! Jobs in, one run record of each with all its runs out: what `dechaff compare` reads.
//!
//! Runs are processes, so that each begins as a user's does. Two jobs take turns, and every second
//! round the other one is first (ABBA): a machine whose speed drifts is as slow for both.

mod cold;
mod job;
mod output;
mod process;

use thiserror::Error;

use crate::record::{Cache, RunRecord};
pub use job::Job;
pub use process::{Processes, Side, temporary_directory};

/// The fewest measured runs of a job: `compare` says nothing of fewer than 4.
pub const MIN_REPEATS: u32 = 5;

/// Why there is no record.
#[derive(Debug, Error)]
pub enum BenchError {
    /// A job that cannot be carried out.
    #[error("{0}")]
    Refused(String),
    /// A file of the measurement itself cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which one.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// A run did not come to its end.
    #[error("{name}: {why}")]
    Run {
        /// The job.
        name: String,
        /// How it ended, and what it said.
        why: String,
    },
    /// The user stopped it.
    #[error("stopped")]
    Stopped,
}

/// How often, and how the input is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Measured runs of each job and cache.
    pub repeats: u32,
    /// One set of runs after the other.
    pub caches: Vec<Cache>,
}

/// Runs a job once.
pub trait Runner {
    /// A run of the job with this number, and its own record. `cache` is None for a run
    /// that is not measured.
    ///
    /// # Errors
    ///
    /// It did not come to its end.
    fn run(&mut self, job: usize, cache: Option<Cache>) -> Result<RunRecord, BenchError>;
}

/// Runs jobs by turns; a record of each, in their order. Before anything is measured every job runs
/// once.
///
/// # Errors
///
/// As the runner's.
pub fn by_turns(
    jobs: usize,
    plan: &Plan,
    runner: &mut dyn Runner,
) -> Result<Vec<RunRecord>, BenchError> {
    for job in 0..jobs {
        runner.run(job, None)?;
    }
    let mut runs = vec![Vec::new(); jobs];
    for &cache in &plan.caches {
        for round in 0..plan.repeats {
            let mut order: Vec<usize> = (0..jobs).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for job in order {
                runs[job].push((cache, runner.run(job, Some(cache))?));
            }
        }
    }
    let records = runs.into_iter().filter_map(RunRecord::of_runs);
    Ok(records.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes no time and writes down who ran.
    #[derive(Default)]
    struct Noted(String);

    impl Runner for Noted {
        fn run(&mut self, job: usize, cache: Option<Cache>) -> Result<RunRecord, BenchError> {
            self.0.push(char::from(b'a' + job as u8));
            self.0.push_str(match cache {
                None => "? ",
                Some(Cache::Warm) => "w ",
                Some(Cache::Cold) => "c ",
            });
            Ok(RunRecord {
                wall_seconds: self.0.len() as f64,
                threads: job as u64,
                ..RunRecord::default()
            })
        }
    }

    #[test]
    fn two_jobs_take_turns_and_change_places() {
        let plan = Plan {
            repeats: 3,
            caches: vec![Cache::Cold, Cache::Warm],
        };
        let mut noted = Noted::default();
        let records = by_turns(2, &plan, &mut noted).expect("records");
        assert_eq!(noted.0, "a? b? ac bc bc ac ac bc aw bw bw aw aw bw ");
        assert_eq!(records.len(), 2);
        for (job, record) in records.iter().enumerate() {
            assert_eq!(record.threads, job as u64);
            assert_eq!(record.repeats.len(), 6);
        }
    }

    #[test]
    fn what_a_runner_cannot_do_ends_it() {
        struct Broken;
        impl Runner for Broken {
            fn run(&mut self, _: usize, cache: Option<Cache>) -> Result<RunRecord, BenchError> {
                match cache {
                    None => Ok(RunRecord::default()),
                    Some(_) => Err(BenchError::Stopped),
                }
            }
        }
        let plan = Plan {
            repeats: 5,
            caches: vec![Cache::Warm],
        };
        let stopped = by_turns(1, &plan, &mut Broken);
        assert!(matches!(stopped, Err(BenchError::Stopped)));
    }
}
