//! What a run costs by stage, and what it read: gathered by all threads while it goes on.
//!
//! Each thread has a `Clock` and notes at the end of each stretch of work which stage it was
//! of. Wall time is read for every page. The processor's clock is a system call: it is read on
//! one unit of work in `SAMPLED`, and a stage's share of processor in wall time is taken from
//! these. Without a [`Meter`] no clock is read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::digest::DigestSum;
use crate::record::{SiteTable, SiteTally, Stage, StageCost};
use crate::report::Counts;
use crate::source::{FileEntry, Job};
use crate::step::Step;

/// Of so many pages one has its processor time measured.
const SAMPLED: u64 = 64;

const STAGES: usize = Stage::ALL.len();

/// A pass over the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// What repeats is counted.
    One,
    /// Pages are cleaned.
    Two,
}

/// Gathers what a run costs. Shared by its threads; see [`super::RunOptions::meter`].
#[derive(Debug, Default)]
pub struct Meter {
    gathered: Mutex<Gathered>,
    inputs: Arc<Mutex<DigestSum>>,
}

#[derive(Debug, Default)]
struct Gathered {
    passes: [PassCost; 2],
    sites: SiteTable,
}

#[derive(Clone, Copy, Debug, Default)]
struct PassCost {
    stages: [Cost; STAGES],
    wall: Duration,
    threads: u32,
    text_bytes: u64,
    read_bytes: u64,
    written_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    wall: Duration,
    /// Of the stretches of which the processor time is known.
    sampled_wall: Duration,
    sampled_cpu: Duration,
}

/// What a [`Meter`] gathered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// What each stage cost, in the order of the work.
    pub stages: Vec<StageCost>,
    /// What pass two read.
    pub inputs: DigestSum,
    /// What was removed by site.
    pub sites: SiteTable,
    /// Threads that worked.
    pub threads: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meter {
    /// Where the digest of what is read as a stream goes, for
    /// [`crate::source::inputs::Inputs::digested`].
    pub fn inputs(&self) -> Arc<Mutex<DigestSum>> {
        Arc::clone(&self.inputs)
    }

    /// What was gathered so far.
    pub fn measured(&self) -> Measured {
        let gathered = lock(&self.gathered);
        let stages = gathered.passes.iter().zip(1..);
        Measured {
            stages: stages.flat_map(|(cost, pass)| cost.stages(pass)).collect(),
            inputs: *lock(&self.inputs),
            sites: gathered.sites.clone(),
            threads: gathered.passes[Pass::Two as usize].threads,
        }
    }

    pub(super) fn end_pass(&self, pass: Pass, begun: Instant) {
        lock(&self.gathered).passes[pass as usize].wall += begun.elapsed();
    }

    /// Adds a stage on which all threads worked together from `begun` on.
    pub(super) fn add_joint(&self, pass: Pass, stage: Stage, begun: &Joint) {
        let mut gathered = lock(&self.gathered);
        let cost = &mut gathered.passes[pass as usize];
        let wall = begun.wall.elapsed() * cost.threads.max(1);
        let own = &mut cost.stages[stage as usize];
        own.wall += wall;
        if let (Some(before), Some(now)) = (begun.cpu, cpu_time(Whose::Process)) {
            own.sampled_wall += wall;
            own.sampled_cpu += now.saturating_sub(before);
        }
    }

    pub(super) fn set_sites(&self, sites: &SiteTally) {
        lock(&self.gathered).sites = sites.table();
    }
}

impl PassCost {
    fn stages(&self, pass: u32) -> Vec<StageCost> {
        let known = self.stages.iter().map(|cost| cost.wall).sum::<Duration>();
        let all = self.wall * self.threads.max(1);
        let stage = |stage: Stage| {
            let cost = self.stages[stage as usize];
            let wall = match stage {
                Stage::Idle => all.saturating_sub(known),
                _ => cost.wall,
            };
            let share = cost.sampled_cpu.as_secs_f64() / cost.sampled_wall.as_secs_f64();
            let cpu_seconds = wall.as_secs_f64() * share;
            StageCost {
                wall_seconds: wall.as_secs_f64(),
                cpu_seconds: (cpu_seconds.is_finite() && stage != Stage::Idle)
                    .then_some(cpu_seconds),
                bytes: match stage {
                    Stage::Walk | Stage::Merge | Stage::Idle => 0,
                    Stage::Read | Stage::Decode => self.read_bytes,
                    Stage::Write => self.written_bytes,
                    _ => self.text_bytes,
                },
                ..StageCost::of(stage, pass)
            }
        };
        let all = Stage::ALL.map(stage).into_iter();
        all.filter(|cost| cost.wall_seconds > 0.0).collect()
    }
}

/// When a stage began on which all threads work together.
pub(super) struct Joint {
    wall: Instant,
    cpu: Option<Duration>,
}

impl Joint {
    pub(super) fn begin() -> Self {
        Joint {
            wall: Instant::now(),
            cpu: cpu_time(Whose::Process),
        }
    }
}

/// One thread's clock. What it measured goes to the meter when it is dropped.
pub(super) struct Clock<'m> {
    meter: Option<&'m Meter>,
    pass: Pass,
    is_worker: bool,
    cost: PassCost,
    inputs: DigestSum,
    units: u64,
    last: Option<Instant>,
    /// The processor time at `last`, where this unit is sampled.
    last_cpu: Option<Duration>,
}

impl<'m> Clock<'m> {
    /// The clock of a worker thread.
    pub(super) fn of_worker(meter: Option<&'m Arc<Meter>>, pass: Pass) -> Self {
        Clock::new(meter, pass, true)
    }

    /// A clock for what workers do in turn.
    pub(super) fn of_turns(meter: Option<&'m Arc<Meter>>, pass: Pass) -> Self {
        Clock::new(meter, pass, false)
    }

    fn new(meter: Option<&'m Arc<Meter>>, pass: Pass, is_worker: bool) -> Self {
        Clock {
            meter: meter.map(AsRef::as_ref),
            pass,
            is_worker,
            cost: PassCost::default(),
            inputs: DigestSum::default(),
            units: 0,
            last: None,
            last_cpu: None,
        }
    }

    /// Begins a job: the time before it is nobody's.
    pub(super) fn begin_job(&mut self) {
        if self.meter.is_some() {
            self.last_cpu = cpu_time(Whose::Thread);
            self.last = Some(Instant::now());
        }
    }

    /// Begins a page: one in [`SAMPLED`] has its processor time measured.
    pub(super) fn begin_page(&mut self) {
        if self.meter.is_some() {
            let is_sampled = self.units.is_multiple_of(SAMPLED);
            self.units += 1;
            if !is_sampled {
                self.last_cpu = None;
            } else if self.last_cpu.is_none() {
                self.last_cpu = cpu_time(Whose::Thread);
            }
        }
    }

    /// The time since the last lap was of this stage.
    pub(super) fn lap(&mut self, stage: Stage) {
        let Some(last) = self.last else {
            return;
        };
        let now = Instant::now();
        let cost = &mut self.cost.stages[stage as usize];
        cost.wall += now - last;
        self.last = Some(now);
        if let Some(last_cpu) = self.last_cpu {
            let cpu = cpu_time(Whose::Thread);
            cost.sampled_wall += now - last;
            cost.sampled_cpu += cpu.map_or(Duration::ZERO, |cpu| cpu.saturating_sub(last_cpu));
            self.last_cpu = cpu;
        }
    }

    /// The time since the last lap was of the stage that a step is.
    pub(super) fn step(&mut self, step: Step) {
        self.lap(match step {
            Step::Split => Stage::Split,
            Step::Fingerprint => Stage::Fingerprint,
            Step::Repeats => Stage::Repeats,
            Step::Count => Stage::Count,
            Step::Score => Stage::Score,
            Step::Decide => Stage::Decide,
        });
    }

    /// The time since the last lap went into finding, or reading, a job.
    pub(super) fn job_came(&mut self, job: Option<&Job>) {
        self.lap(match job {
            Some(Job::Chunk(_)) => Stage::Read,
            _ => Stage::Walk,
        });
    }

    /// A small file was read whole.
    pub(super) fn read_whole(&mut self, file: &FileEntry, bytes: &[u8]) {
        if self.meter.is_some() {
            self.lap(Stage::Read);
            if self.pass == Pass::Two {
                let (name, part) = file.digest_name();
                self.inputs.add(name, part, bytes);
            }
        }
    }

    /// Text that goes to the engine.
    pub(super) fn text(&mut self, bytes: usize) {
        self.lap(Stage::Decode);
        self.cost.text_bytes += bytes as u64;
    }

    /// Ends a job, with what was counted of it: the time up to its next is nobody's.
    pub(super) fn end_job(&mut self, counts: &Counts) {
        self.lap(match self.pass {
            Pass::One => Stage::Count,
            Pass::Two => Stage::Write,
        });
        self.cost.read_bytes += counts.bytes_read;
        self.cost.written_bytes += counts.bytes_kept;
        self.last = None;
        self.last_cpu = None;
    }

    /// Whether anything is measured.
    pub(super) fn is_on(&self) -> bool {
        self.meter.is_some()
    }
}

impl Drop for Clock<'_> {
    fn drop(&mut self) {
        let Some(meter) = self.meter else {
            return;
        };
        lock(&meter.inputs).merge(&self.inputs);
        let mut gathered = lock(&meter.gathered);
        let sum = &mut gathered.passes[self.pass as usize];
        for (sum, cost) in sum.stages.iter_mut().zip(&self.cost.stages) {
            sum.wall += cost.wall;
            sum.sampled_wall += cost.sampled_wall;
            sum.sampled_cpu += cost.sampled_cpu;
        }
        sum.text_bytes += self.cost.text_bytes;
        sum.read_bytes += self.cost.read_bytes;
        sum.written_bytes += self.cost.written_bytes;
        sum.threads += u32::from(self.is_worker);
    }
}

#[derive(Clone, Copy)]
enum Whose {
    Thread,
    Process,
}

/// Processor time so far; None where the system does not tell.
fn cpu_time(whose: Whose) -> Option<Duration> {
    #[cfg(unix)]
    {
        use rustix::time::{ClockId, clock_gettime};
        let time = clock_gettime(match whose {
            Whose::Thread => ClockId::ThreadCPUTime,
            Whose::Process => ClockId::ProcessCPUTime,
        });
        Duration::try_from(time).ok()
    }
    #[cfg(not(unix))]
    {
        let _ = whose;
        None
    }
}

/// Processor time of all threads so far; None where the system does not tell.
pub fn process_cpu_time() -> Option<Duration> {
    cpu_time(Whose::Process)
}
