//! How far a run came, written down at checkpoints.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{RunError, io_at};
use crate::fingerprint::Fingerprint;
use crate::pipeline::outcome::RowsSeen;
use crate::report::Counts;
use crate::sink::Output;
use crate::sink::atomic::{AtomicFile, Partial, TEMPORARY_PREFIX};
use crate::source::Job;

/// What a run came to after a number of jobs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// Jobs whose results are written.
    pub jobs: u64,
    /// Tells these jobs from any others.
    pub trail: u64,
    /// There are no more jobs.
    pub is_done: bool,
    /// What all whole files came to.
    pub counts: Counts,
    /// Bytes of the files read, as they lie on disk.
    pub file_bytes: u64,
    /// The file that comes in chunks, if one is begun.
    pub open: Option<OpenRecord>,
    /// Whole files that get their names now.
    pub pending: Vec<Partial>,
    pub ledger: Option<Partial>,
    pub rejects: Option<Partial>,
}

/// A file that comes in chunks, in the middle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenRecord {
    pub text: Partial,
    pub spans: Option<Partial>,
    pub rows: RowsSeen,
    pub counts: Counts,
    pub ledger_length: u64,
    pub rejects_length: u64,
}

impl Record {
    /// The files in the making that it names.
    pub fn files(&self) -> Vec<PathBuf> {
        let open = self.open.iter();
        let open = open.flat_map(|open| std::iter::once(&open.text).chain(&open.spans));
        open.chain(&self.pending)
            .chain(&self.ledger)
            .chain(&self.rejects)
            .map(|partial| partial.path().to_path_buf())
            .collect()
    }
}

/// Numbers made of the jobs handed out: the one after each job says which came up to it.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// Of jobs whose results are not taken yet.
    marks: Arc<Mutex<VecDeque<u64>>>,
    last: u64,
}

impl Trail {
    /// Adds a job to those before.
    fn follow(&mut self, job: &Job) {
        let mut bytes = self.last.to_le_bytes().to_vec();
        let mut name = |name: &Path| {
            bytes.extend_from_slice(name.as_os_str().as_encoded_bytes());
            bytes.push(0);
        };
        match job {
            Job::Files(files) => files.iter().for_each(|file| name(&file.name)),
            Job::Chunk(chunk) => {
                name(&chunk.file.name);
                bytes.extend_from_slice(&chunk.offset.to_le_bytes());
                bytes.extend_from_slice(&chunk.bytes.len().to_le_bytes());
                bytes.push(u8::from(chunk.is_last));
            }
            Job::Skipped(file, _) => name(&file.name),
            Job::OtherFile(size_bytes) => bytes.extend_from_slice(&size_bytes.to_le_bytes()),
            Job::Link => {}
        }
        self.last = Fingerprint::of(&bytes).0 as u64;
    }

    /// Notes a job that is worked on.
    pub fn note(&mut self, job: &Job) {
        self.follow(job);
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.push_back(self.last);
    }

    /// What stands after the job whose result is taken now.
    pub fn take(&self) -> u64 {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.pop_front().unwrap_or_default()
    }
}

/// Jobs that were done before, to be left out.
#[derive(Debug)]
pub struct Done {
    jobs: u64,
    trail: u64,
    is_all: bool,
}

impl Done {
    /// Whether there is nothing left to do.
    pub fn is_all(&self) -> bool {
        self.is_all
    }

    /// Takes one job that was done; whether more are to come.
    ///
    /// # Errors
    ///
    /// [`RunError::Refused`]: the jobs are others.
    pub fn leave_out(&mut self, job: Option<&Job>, trail: &mut Trail) -> Result<(), RunError> {
        if let Some(job) = job {
            trail.follow(job);
            self.jobs -= 1;
        }
        if job.is_none() || self.jobs == 0 && trail.last != self.trail {
            return Err(RunError::Refused(
                "what is read of the inputs is not what the stopped run read; begin anew with --overwrite"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Whether no job is left to leave out.
    pub fn has_passed(&self) -> bool {
        self.jobs == 0
    }
}

/// Writes checkpoints.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    every: Duration,
    last: Instant,
    trail: Trail,
    /// Jobs whose results were taken, those of the stopped run included.
    jobs: u64,
    /// What stands after the last of them.
    passed: u64,
    before: Option<Record>,
}

impl Log {
    pub fn new(path: PathBuf, every: Duration, before: Option<Record>) -> Self {
        Log {
            path,
            every,
            last: Instant::now(),
            trail: Trail::default(),
            jobs: before.as_ref().map_or(0, |record| record.jobs),
            passed: before.as_ref().map_or(0, |record| record.trail),
            before,
        }
    }

    /// The trail of the jobs, shared with this log.
    pub fn trail(&self) -> Trail {
        self.trail.clone()
    }

    /// What was done before this run.
    pub fn done_before(&self) -> Option<Done> {
        self.before.as_ref().map(|record| Done {
            jobs: record.jobs,
            trail: record.trail,
            is_all: record.is_done,
        })
    }

    /// The record that the run goes on from; given once.
    pub fn take_before(&mut self) -> Option<Record> {
        self.before.take()
    }

    /// Whether the run goes on from a record.
    pub fn goes_on(&self) -> bool {
        self.before.is_some()
    }

    /// Notes that the result of one more job is taken.
    pub fn pass(&mut self) {
        self.jobs += 1;
        self.passed = self.trail.take();
    }

    /// Jobs whose results were taken.
    pub fn jobs(&self) -> u64 {
        self.jobs
    }

    /// Tells these jobs from any others.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Whether it is time for a checkpoint.
    pub fn is_due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    /// Writes a record in the place of the one before. Returns when it is sure to be on disk.
    pub fn write(&mut self, record: &Record) -> Result<(), RunError> {
        let bytes = serde_json::to_vec(record).map_err(|error| RunError::Io {
            path: self.path.clone(),
            error: error.into(),
        })?;
        let mut file = Box::new(AtomicFile::create(&self.path, TEMPORARY_PREFIX)?);
        file.write(&bytes)?;
        file.checkpoint()?;
        file.finish()?;
        sync_folder(&self.path)?;
        self.last = Instant::now();
        Ok(())
    }
}

/// Makes sure of the names in a file's directory.
pub fn sync_folder(file: &Path) -> Result<(), RunError> {
    #[cfg(unix)]
    if let Some(folder) = file.parent() {
        let opened = std::fs::File::open(folder).map_err(io_at(folder))?;
        opened.sync_all().map_err(io_at(folder))?;
    }
    Ok(())
}
