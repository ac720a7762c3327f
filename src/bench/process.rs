//! A job in, one run of it as a process out, with what it cost and wrote.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wait4::{ResUse, Wait4};

use super::{BenchError, Job, Runner, cold, output};
use crate::record::{Cache, Files, Machine, RunRecord, SCHEMA_VERSION};
use crate::visible::visible;

/// What temporary directories are called.
pub const TEMPORARY_PREFIX: &str = "dechaff-bench-";
/// Outputs that are kept while runs go on. To delete many files makes the next run slower that
/// makes some (`benches/README.md`), so it is done now and then, not behind every run.
const MAX_KEPT_BYTES: u64 = 1 << 30;
/// What is shown of what a failed run said, at most.
const MAX_SAID_BYTES: usize = 2000;
/// Exit code of `dechaff clean` where some of the input was rejected or damaged.
const INCOMPLETE: i32 = 3;
/// How soon a run is ended when the user stops it all.
const STOP_AFTER: Duration = Duration::from_millis(50);

/// A job and what it is called.
#[derive(Clone, Debug)]
pub struct Side {
    /// For messages.
    pub name: String,
    /// What is run.
    pub job: Job,
}

/// What `dechaff clean` says of the inputs.
#[derive(Clone, Debug)]
struct Known {
    input: Option<Files>,
    text_bytes: u64,
}

/// Runs jobs as processes, each with an output of its own in a directory that goes.
pub struct Processes {
    sides: Vec<Side>,
    inputs: Vec<PathBuf>,
    /// What they hold, where a job is a program that does not say it.
    known: Option<Known>,
    /// This program.
    program: PathBuf,
    machine: Machine,
    temp_dir: PathBuf,
    stop: Arc<AtomicBool>,
    kept: Vec<TempDir>,
    kept_bytes: u64,
    /// Whether a run ended with input rejected or damaged.
    pub is_incomplete: bool,
}

impl Processes {
    /// Checks the jobs. `program` is this one, `machine` the one it runs on, `stop` what signals set.
    ///
    /// # Errors
    ///
    /// [`BenchError::Refused`]: there are no inputs and a job, or one of `caches`, wants some.
    pub fn new(
        sides: Vec<Side>,
        inputs: Vec<PathBuf>,
        caches: &[Cache],
        program: PathBuf,
        machine: Machine,
        temp_dir: PathBuf,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, BenchError> {
        if inputs.is_empty() {
            let needy = sides.iter().find(|side| side.job.reads_inputs());
            let why = match needy {
                Some(side) => Some(format!("{}: name an INPUT, or --generate one", side.name)),
                None => caches
                    .contains(&Cache::Cold)
                    .then(|| "cold runs: name the INPUT that the system is to forget".to_owned()),
            };
            if let Some(why) = why {
                return Err(BenchError::Refused(why));
            }
        }
        for path in &inputs {
            std::fs::metadata(path)
                .map_err(|error| BenchError::Refused(format!("{}: {error}", path.display())))?;
        }
        Ok(Processes {
            sides,
            inputs,
            known: None,
            program,
            machine,
            temp_dir,
            stop,
            kept: Vec::new(),
            kept_bytes: 0,
            is_incomplete: false,
        })
    }

    /// How many jobs there are.
    pub fn jobs(&self) -> usize {
        self.sides.len()
    }

    /// What is read, and how much text that is: asked of this program once, for jobs that do not
    /// say it.
    fn known(&mut self) -> Result<Known, BenchError> {
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        let side = Side {
            name: "a look at the input".to_owned(),
            job: Job::Settings(["--no-score", "--scopes", "none"].map(str::to_owned).into()),
        };
        let record = self.process(&side, None)?;
        let known = Known {
            input: record.input,
            text_bytes: record.counts.bytes_in,
        };
        Ok(self.known.insert(known).clone())
    }

    fn process(&mut self, side: &Side, cache: Option<Cache>) -> Result<RunRecord, BenchError> {
        if cache == Some(Cache::Cold) {
            cold::drop_cached(&self.inputs).map_err(|(path, error)| io_at(&path)(error))?;
        }
        let place = temporary_directory(&self.temp_dir)?;
        let [out, stats, stdout, stderr] =
            ["out", "stats.json", "stdout", "stderr"].map(|name| place.path().join(name));
        let words = side.job.words(&self.program, &self.inputs, &out, &stats);
        let create = |path: &Path| File::create(path).map_err(io_at(path));
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(create(&stdout)?)
            .stderr(create(&stderr)?);
        let failed = |why: String| BenchError::Run {
            name: side.name.clone(),
            why,
        };
        let begun = Instant::now();
        let child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let used = wait(child, &self.stop).map_err(|error| failed(error.to_string()))?;
        let wall = begun.elapsed();
        if self.stop.load(Ordering::Relaxed) {
            return Err(BenchError::Stopped);
        }
        let record = read_record(&stats).map_err(failed)?;
        let is_incomplete = used.status.code() == Some(INCOMPLETE) && record.is_some();
        if !used.status.success() && !is_incomplete {
            return Err(failed(format!("{}{}", ended(used.status), said(&stderr))));
        }
        self.is_incomplete |= is_incomplete;
        let mut record = match record {
            Some(record) => record,
            None => self.record_of_another(side, if out.exists() { &out } else { &stdout })?,
        };
        record.schema_version = SCHEMA_VERSION;
        record.ledger = None;
        record.wall_seconds = wall.as_secs_f64();
        let cpu = used.rusage.utime + used.rusage.stime;
        record.cpu_seconds = Some(cpu.as_secs_f64());
        record.mb_per_second = record.counts.bytes_in as f64 / 1e6 / wall.as_secs_f64().max(1e-9);
        let most = Some(used.rusage.maxrss).filter(|bytes| *bytes > 0);
        record.peak_memory_bytes = record.peak_memory_bytes.or(most);
        record.machine.get_or_insert_with(|| self.machine.clone());
        self.keep(
            place,
            record.output.as_ref().map_or(0, |output| output.bytes),
        );
        Ok(record)
    }

    /// The record of a program that writes none.
    fn record_of_another(&mut self, side: &Side, wrote: &Path) -> Result<RunRecord, BenchError> {
        let mut record = RunRecord {
            program: side.job.program_name().unwrap_or_default(),
            output: Some(Files::from(&output::digest(wrote).map_err(io_at(wrote))?)),
            ..RunRecord::default()
        };
        if side.job.reads_inputs() {
            let known = self.known()?;
            record.input = known.input;
            record.counts.bytes_in = known.text_bytes;
        }
        Ok(record)
    }

    fn keep(&mut self, place: TempDir, bytes: u64) {
        self.kept.push(place);
        self.kept_bytes += bytes;
        if self.kept_bytes > MAX_KEPT_BYTES {
            self.kept.clear();
            self.kept_bytes = 0;
        }
    }
}

impl Runner for Processes {
    fn run(&mut self, job: usize, cache: Option<Cache>) -> Result<RunRecord, BenchError> {
        let side = self.sides[job].clone();
        self.process(&side, cache)
    }
}

/// A new directory for what a measurement writes.
///
/// # Errors
///
/// It cannot be made.
pub fn temporary_directory(temp_dir: &Path) -> Result<TempDir, BenchError> {
    let mut builder = tempfile::Builder::new();
    let made = builder.prefix(TEMPORARY_PREFIX).tempdir_in(temp_dir);
    made.map_err(io_at(temp_dir))
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> BenchError {
    let path = path.display().to_string();
    move |error| BenchError::Io {
        path: path.clone(),
        error,
    }
}

/// Waits for a process, and ends it when the user wants that.
fn wait(child: Child, stop: &AtomicBool) -> io::Result<ResUse> {
    let pid = child.id();
    let has_ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !has_ended.load(Ordering::Acquire) {
                if stop.load(Ordering::Relaxed) {
                    end(pid);
                    return;
                }
                std::thread::park_timeout(STOP_AFTER);
            }
        });
        let used = child.wait4();
        has_ended.store(true, Ordering::Release);
        watch.thread().unpark();
        used
    })
}

#[cfg(unix)]
fn end(pid: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // One that has ended meanwhile needs no end.
        let _ = kill_process(pid, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn end(_pid: u32) {}

/// The run record that a run wrote; None where it wrote none.
fn read_record(path: &Path) -> Result<Option<RunRecord>, String> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("its run record: {error}")),
    };
    let value = serde_json::from_slice(&bytes).map_err(|error| error.to_string());
    let record = value.and_then(|value| RunRecord::parse(value).map_err(|error| error.to_string()));
    let record = record.map_err(|why| format!("its run record: {why}"))?;
    Ok(Some(record))
}

fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with {code}"),
        None => format!("ended by {status}"),
    }
}

/// The end of what a run said.
fn said(stderr: &Path) -> String {
    let bytes = std::fs::read(stderr).unwrap_or_default();
    let end = &bytes[bytes.len().saturating_sub(MAX_SAID_BYTES)..];
    match end.trim_ascii() {
        [] => String::new(),
        end => format!(": {}", visible(end)),
    }
}
