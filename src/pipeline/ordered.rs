//! Jobs in source order in, worked on by many threads, results taken in the same order.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rayon::ThreadPool;

use crate::error::RunError;

/// Results may wait for their turn up to this many for each thread.
const MAX_WAITING_RESULTS: usize = 16;

/// A result that waits for its turn.
pub trait Weight {
    /// Memory it holds, in bytes.
    fn bytes(&self) -> usize;
}

/// What a run of jobs may take. Nothing that comes out depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Threads, at least one.
    pub threads: usize,
    /// Results may wait for their turn up to this many bytes together.
    pub waiting_bytes: usize,
    /// Memory that jobs may hold together, as [`Turn::hold`] counts it; the job whose turn it is
    /// may hold more.
    pub held_bytes: usize,
}

/// A pool of so many threads, at least one, or of fewer where the system gives fewer; None where it
/// gives none.
pub fn pool(mut threads: usize) -> Option<ThreadPool> {
    let build = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("dechaff-{index}"))
            .build()
            .ok()
    };
    loop {
        match build(threads) {
            Some(pool) => return Some(pool),
            None if threads <= 1 => return None,
            None => threads /= 2,
        }
    }
}

/// Runs jobs on as many threads as `bounds` say, fewer where the system gives fewer, and gives each
/// result to `take`, one at a time, in the order of the jobs. Returns `state` when all are taken.
///
/// `next_job` is called by one thread at a time. Each thread makes a worker for itself. A
/// thread whose result must wait goes on with other jobs while the results that wait are
/// small enough; the thread whose turn it is never waits, so there is no deadlock. A job holds
/// what `weight` says of it before the next one is asked for. A worker is given to `end` when
/// there are no more jobs for it, or the run has failed.
///
/// # Errors
///
/// The first error of `next_job`, `work`, `take` or `end`; jobs begun by then are still ended.
///
/// # Panics
///
/// Passes on a panic of `work` or `take`, once all threads have ended.
#[expect(clippy::too_many_arguments, reason = "each says another part of a run")]
pub fn run<J, R, S, W>(
    bounds: Bounds,
    next_job: impl FnMut() -> Result<Option<J>, RunError> + Send,
    weight: impl Fn(&J) -> usize + Sync,
    state: S,
    new_worker: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, J, &Turn<'_, R, S>) -> Result<R, RunError> + Sync,
    take: impl Fn(&mut S, R) -> Result<(), RunError> + Sync,
    end: impl Fn(W) -> Result<(), RunError> + Sync,
) -> Result<S, RunError>
where
    R: Weight + Send,
    S: Send,
{
    let pool = pool(bounds.threads);
    let line = Line {
        queue: Mutex::new(Queue {
            state,
            next: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            held_bytes: 0,
            error: None,
        }),
        moved: Condvar::new(),
        max_waiting: pool.as_ref().map_or(1, ThreadPool::current_num_threads) * MAX_WAITING_RESULTS,
        bounds,
    };
    let claim = Mutex::new((0_u64, next_job));
    let work_on = || {
        let _alarm = Alarm(&line);
        let mut worker = new_worker();
        while !line.has_failed() {
            let (turn, job) = {
                let mut claim = claim.lock().unwrap_or_else(PoisonError::into_inner);
                let (number, next_job) = &mut *claim;
                match next_job() {
                    Ok(Some(job)) => {
                        *number += 1;
                        let mut turn = Turn {
                            line: &line,
                            number: *number - 1,
                            held_bytes: Cell::new(0),
                            own_bytes: 0,
                        };
                        turn.own_bytes = weight(&job);
                        if turn.hold(0).is_err() {
                            break;
                        }
                        (turn, job)
                    }
                    Ok(None) => break,
                    Err(error) => {
                        line.fail(error);
                        break;
                    }
                }
            };
            let done = work(&mut worker, job, &turn)
                .and_then(|result| line.hand_in(turn.number, result, &take));
            if let Err(error) = done {
                line.fail(error);
            }
        }
        if let Err(error) = end(worker) {
            line.fail(error);
        }
    };
    match &pool {
        Some(pool) => drop(pool.broadcast(|_| work_on())),
        None => work_on(),
    }
    let queue = line
        .queue
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match queue.error {
        Some(error) => Err(error),
        None => Ok(queue.state),
    }
}

/// The place of one job in the line.
pub struct Turn<'l, R, S> {
    line: &'l Line<R, S>,
    number: u64,
    /// Memory that the job holds now.
    held_bytes: Cell<usize>,
    /// What it holds from its beginning to its end.
    own_bytes: usize,
}

impl<R, S> Turn<'_, R, S> {
    /// Waits until all earlier results are taken, then works on the state before the own
    /// result is handed in: for what is too large to hold.
    ///
    /// # Errors
    ///
    /// The error of `work`; [`RunError::Stopped`] when another thread failed meanwhile.
    pub fn with_state(
        &self,
        work: impl FnOnce(&mut S) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        let mut queue = self.line.lock();
        while queue.next != self.number {
            if queue.error.is_some() {
                return Err(RunError::Stopped);
            }
            queue = self.line.wait(queue);
        }
        work(&mut queue.state)
    }

    /// Says that the job is going to hold `bytes`, what it began with among them, and waits until
    /// there is room for them; not at the job's own turn.
    ///
    /// # Errors
    ///
    /// [`RunError::Stopped`] when another thread failed meanwhile.
    pub fn hold(&self, bytes: usize) -> Result<(), RunError> {
        let wanted = self.own_bytes.max(bytes);
        let more = wanted.saturating_sub(self.held_bytes.get());
        if more == 0 {
            return Ok(());
        }
        let mut queue = self.line.lock();
        while queue.next != self.number
            && queue.held_bytes.saturating_add(more) > self.line.bounds.held_bytes
        {
            if queue.error.is_some() {
                return Err(RunError::Stopped);
            }
            queue = self.line.wait(queue);
        }
        queue.held_bytes = queue.held_bytes.saturating_add(more);
        self.held_bytes.set(wanted);
        Ok(())
    }

    /// Says that the job holds no more than it began with.
    pub fn let_go(&self) {
        self.give_back(self.own_bytes);
    }

    fn give_back(&self, rest_bytes: usize) {
        let held = self.held_bytes.get();
        if held > rest_bytes {
            let mut queue = self.line.lock();
            queue.held_bytes = queue.held_bytes.saturating_sub(held - rest_bytes);
            self.held_bytes.set(rest_bytes);
            self.line.moved.notify_all();
        }
    }
}

impl<R, S> Drop for Turn<'_, R, S> {
    fn drop(&mut self) {
        self.give_back(0);
    }
}

/// Wakes the other threads where this one panics, so that none waits for its result.
struct Alarm<'l, R, S>(&'l Line<R, S>);

impl<R, S> Drop for Alarm<'_, R, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(RunError::Stopped);
        }
    }
}

struct Line<R, S> {
    queue: Mutex<Queue<R, S>>,
    moved: Condvar,
    max_waiting: usize,
    bounds: Bounds,
}

struct Queue<R, S> {
    state: S,
    /// The job whose result is taken next.
    next: u64,
    waiting: BTreeMap<u64, R>,
    waiting_bytes: usize,
    /// Memory that jobs hold.
    held_bytes: usize,
    error: Option<RunError>,
}

impl<R, S> Line<R, S> {
    fn lock(&self) -> MutexGuard<'_, Queue<R, S>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'q>(&self, queue: MutexGuard<'q, Queue<R, S>>) -> MutexGuard<'q, Queue<R, S>> {
        self.moved
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn has_failed(&self) -> bool {
        self.lock().error.is_some()
    }

    /// Keeps the first error. An error that follows from another thread's is none.
    fn fail(&self, error: RunError) {
        self.lock().error.get_or_insert(error);
        self.moved.notify_all();
    }

    fn hand_in(
        &self,
        number: u64,
        result: R,
        take: impl Fn(&mut S, R) -> Result<(), RunError>,
    ) -> Result<(), RunError>
    where
        R: Weight,
    {
        let bytes = result.bytes();
        let mut queue = self.lock();
        while queue.next != number
            && (queue.waiting_bytes + bytes > self.bounds.waiting_bytes
                || queue.waiting.len() >= self.max_waiting)
        {
            if queue.error.is_some() {
                return Ok(());
            }
            queue = self.wait(queue);
        }
        queue.waiting_bytes += bytes;
        queue.waiting.insert(number, result);
        while queue.error.is_none() {
            let next = queue.next;
            let Some(result) = queue.waiting.remove(&next) else {
                break;
            };
            queue.waiting_bytes -= result.bytes();
            take(&mut queue.state, result)?;
            queue.next += 1;
        }
        self.moved.notify_all();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const WAITING_BYTES: usize = 30;

    impl Weight for u64 {
        fn bytes(&self) -> usize {
            WAITING_BYTES / 3
        }
    }

    fn bounds(threads: usize) -> Bounds {
        Bounds {
            threads,
            waiting_bytes: WAITING_BYTES,
            held_bytes: 100,
        }
    }

    fn squares(threads: usize, fail_at: Option<u64>) -> Result<Vec<u64>, RunError> {
        let mut next = 0_u64;
        run(
            bounds(threads),
            || {
                next += 1;
                Ok((next <= 500).then_some(next - 1))
            },
            |job| *job as usize % 5,
            Vec::new(),
            || (),
            |(), job, turn| {
                if Some(job) == fail_at {
                    return Err(RunError::Stopped);
                }
                if job % 7 == 0 {
                    // Its own state, at its turn: all earlier results are there.
                    turn.with_state(|state: &mut Vec<u64>| {
                        assert_eq!(state.len() as u64, job);
                        Ok(())
                    })?;
                }
                Ok(job * job)
            },
            |state, square| {
                state.push(square);
                Ok(())
            },
            |()| Ok(()),
        )
    }

    #[test]
    fn results_come_in_job_order_on_any_number_of_threads() {
        let expected: Vec<u64> = (0..500).map(|job| job * job).collect();
        for threads in [1, 2, 8] {
            assert_eq!(squares(threads, None).expect("no error"), expected);
        }
    }

    #[test]
    fn jobs_hold_no_more_together_than_they_may_but_for_the_one_whose_turn_it_is() {
        for threads in [1, 2, 8] {
            let mut next = 0_u64;
            let held = AtomicUsize::new(0);
            let most = AtomicUsize::new(0);
            run(
                bounds(threads),
                || {
                    next += 1;
                    Ok((next <= 300).then_some(next - 1))
                },
                |_| 10,
                (),
                || (),
                |(), job, turn: &Turn<'_, u64, ()>| {
                    // Some want more than there is, and wait for their turn with it.
                    let wanted = 40 + job as usize % 3 * 40;
                    turn.hold(wanted / 2)?;
                    turn.hold(wanted)?;
                    let now = held.fetch_add(wanted, Ordering::SeqCst) + wanted;
                    most.fetch_max(now, Ordering::SeqCst);
                    if job % 5 == 0 {
                        turn.with_state(|()| Ok(()))?;
                    }
                    held.fetch_sub(wanted, Ordering::SeqCst);
                    turn.let_go();
                    Ok(job)
                },
                |(), _| Ok(()),
                |()| Ok(()),
            )
            .expect("no error");
            let most = most.into_inner();
            assert!((120..=100 + 120).contains(&most), "{most}");
        }
    }

    #[test]
    fn a_panic_ends_the_run_and_all_threads() {
        let mut next = 0_u64;
        let next_job = || {
            next += 1;
            Ok((next <= 500).then_some(next - 1))
        };
        let work = |(): &mut (), job: u64, _: &Turn<'_, u64, ()>| {
            assert_ne!(job, 250, "a fault in a worker");
            Ok(job)
        };
        let run = std::panic::AssertUnwindSafe(|| {
            let take = |(): &mut (), _| Ok(());
            run(
                bounds(4),
                next_job,
                |_| 0,
                (),
                || (),
                work,
                take,
                |()| Ok(()),
            )
            .map(drop)
        });
        assert!(std::panic::catch_unwind(run).is_err());
    }

    #[test]
    fn an_error_ends_the_run_and_all_threads() {
        for threads in [1, 2, 8] {
            assert!(matches!(
                squares(threads, Some(250)),
                Err(RunError::Stopped)
            ));
        }
    }
}
