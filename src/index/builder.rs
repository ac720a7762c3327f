//! Entries of all pages in, from all threads; what occurs often enough out, frozen.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::{Entry, Figures, Key};
use super::runs::{self, Run, RunStore, STRETCHES, Stretch};
use super::table::Table;

/// Entries for one stretch that a thread gathers before it takes the stretch's lock.
const BATCH_ENTRIES: usize = 128;
/// Runs that are merged at a time; past it they are merged into one first.
const MAX_RUNS: usize = 1024;
/// A builder writes runs when it holds at least one part in this many of the budget.
const SPILL_PART: usize = 8;

/// A thread that merges runs reads them through one part in this many of the budget.
const MERGE_PART: usize = 128;

/// Memory that several builders may hold together.
#[derive(Debug)]
pub struct Budget {
    max_bytes: usize,
    used_bytes: AtomicUsize,
}

impl Budget {
    /// A budget of `max_bytes` bytes.
    pub fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Budget {
            max_bytes,
            used_bytes: AtomicUsize::new(0),
        })
    }

    /// Memory in use, in bytes.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }
}

/// Counts keys. Shared by threads; each fills it through a [`Collector`] of its own.
///
/// Memory: 1 to 2 entries for each key, until the budget is spent; then all entries are
/// written out as a sorted run and the memory is given back.
#[derive(Debug)]
pub struct Builder<F> {
    partitions: Vec<Mutex<Table<F>>>,
    bytes: AtomicUsize,
    budget: Arc<Budget>,
    store: Arc<dyn RunStore>,
    runs: Mutex<Vec<Run>>,
    is_spilling: Mutex<()>,
}

/// The same stretch of each run.
fn stretches_at(runs: &[Run], index: usize) -> Vec<Stretch> {
    runs.iter().map(|run| run.stretches[index]).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F: Figures> Builder<F> {
    /// An empty builder.
    pub fn new(budget: Arc<Budget>, store: Arc<dyn RunStore>) -> Self {
        Builder {
            partitions: (0..STRETCHES).map(|_| Mutex::default()).collect(),
            bytes: AtomicUsize::new(0),
            budget,
            store,
            runs: Mutex::default(),
            is_spilling: Mutex::default(),
        }
    }

    /// Takes in entries of one partition.
    fn merge(&self, partition: usize, entries: &[Entry<F>]) -> io::Result<()> {
        let mut table = lock(&self.partitions[partition]);
        let before = table.bytes();
        table.merge(entries);
        let after = table.bytes();
        // Under the lock, so that who empties the table finds its bytes in the account.
        let account = |bytes: &AtomicUsize| match after.checked_sub(before) {
            Some(grown) => bytes.fetch_add(grown, Ordering::Relaxed) + grown,
            None => bytes.fetch_sub(before - after, Ordering::Relaxed),
        };
        let (bytes, used) = (account(&self.bytes), account(&self.budget.used_bytes));
        drop(table);
        let max_bytes = self.budget.max_bytes;
        if after > before && used > max_bytes && bytes > max_bytes / SPILL_PART {
            self.spill()?;
        }
        Ok(())
    }

    /// Writes everything out as one run, unless another thread is about it.
    fn spill(&self) -> io::Result<()> {
        let Ok(_guard) = self.is_spilling.try_lock() else {
            return Ok(());
        };
        let mut stretches = Vec::with_capacity(STRETCHES);
        for partition in &self.partitions {
            let mut table = lock(partition);
            let bytes = table.bytes();
            let entries = table.drain_sorted(1);
            drop(table);
            stretches.push(runs::write_stretch(&*self.store, &entries)?);
            drop(entries);
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.budget.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        let mut runs = lock(&self.runs);
        runs.push(Run { stretches });
        if runs.len() >= MAX_RUNS {
            let merged = self.merge_runs(&runs)?;
            *runs = vec![merged];
        }
        Ok(())
    }

    /// Merges runs into one.
    fn merge_runs(&self, runs: &[Run]) -> io::Result<Run> {
        const CHUNK_ENTRIES: usize = 1 << 15;
        let mut merged = Vec::with_capacity(STRETCHES);
        for index in 0..STRETCHES {
            let mut chunk: Vec<Entry<F>> = Vec::new();
            let mut whole: Option<Stretch> = None;
            let mut flush = |chunk: &mut Vec<Entry<F>>| -> io::Result<()> {
                let part = runs::write_stretch(&*self.store, chunk)?;
                chunk.clear();
                match &mut whole {
                    Some(whole) => whole.entries += part.entries,
                    None => whole = Some(part),
                }
                Ok(())
            };
            self.each_merged(&stretches_at(runs, index), |entry| {
                chunk.push(entry);
                if chunk.len() < CHUNK_ENTRIES {
                    return Ok(());
                }
                flush(&mut chunk)
            })?;
            flush(&mut chunk)?;
            merged.push(whole.unwrap_or_default());
        }
        Ok(Run { stretches: merged })
    }

    fn each_merged(
        &self,
        stretches: &[Stretch],
        take: impl FnMut(Entry<F>) -> io::Result<()>,
    ) -> io::Result<()> {
        let buffer_bytes = self.budget.max_bytes / MERGE_PART;
        runs::merge_stretches(&*self.store, stretches, buffer_bytes, take)
    }

    /// Ends the building: takes what is left to the runs, if there are any.
    ///
    /// # Errors
    ///
    /// As [`RunStore::append`].
    pub fn close(&self) -> io::Result<()> {
        if lock(&self.runs).is_empty() {
            return Ok(());
        }
        self.spill()
    }

    /// The entries whose keys begin with byte `index` and that were met at least
    /// `least_count` times, by key. Call it once for each byte, from any thread, when all
    /// collectors are done and the builder is closed.
    ///
    /// # Errors
    ///
    /// As [`RunStore::read_at`].
    pub fn stretch(&self, index: usize, least_count: u32) -> io::Result<Vec<Entry<F>>> {
        let stretches = stretches_at(&lock(&self.runs), index);
        if stretches.is_empty() {
            return Ok(lock(&self.partitions[index]).drain_sorted(least_count));
        }
        let mut entries = Vec::new();
        self.each_merged(&stretches, |entry| {
            if entry.figures.count() >= least_count {
                entries.push(entry);
            }
            Ok(())
        })?;
        Ok(entries)
    }
}

/// Gathers the entries of one thread's pages for a [`Builder`].
#[derive(Debug)]
pub struct Collector<'b, F> {
    builder: &'b Builder<F>,
    buffers: Vec<Vec<Entry<F>>>,
    /// Lengths of the buffers before the page at hand.
    starts: Vec<usize>,
}

impl<'b, F: Figures> Collector<'b, F> {
    /// An empty collector.
    pub fn new(builder: &'b Builder<F>) -> Self {
        Collector {
            builder,
            buffers: vec![Vec::new(); STRETCHES],
            starts: vec![0; STRETCHES],
        }
    }

    /// Takes in an occurrence.
    #[inline]
    pub fn add(&mut self, key: Key, figures: F) {
        self.buffers[(key.high >> 56) as usize].push(Entry { key, figures });
    }

    /// Takes in an occurrence on the page at hand, once for each key of the page.
    #[inline]
    pub fn add_once(&mut self, key: Key, figures: F) {
        /// Occurrences of a page that are looked through; later ones are sorted out at the
        /// page's end.
        const LOOKED_THROUGH: usize = 16;
        let partition = (key.high >> 56) as usize;
        let buffer = &mut self.buffers[partition];
        let page = &buffer[self.starts[partition]..];
        let is_known = page
            .iter()
            .take(LOOKED_THROUGH)
            .any(|entry| entry.key == key);
        if !is_known {
            buffer.push(Entry { key, figures });
        }
    }

    /// Ends a page whose keys were added once each.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn end_page(&mut self) -> io::Result<()> {
        for (buffer, &start) in self.buffers.iter_mut().zip(&self.starts) {
            let page = &mut buffer[start..];
            if page.len() > 1 {
                page.sort_unstable_by_key(|entry| entry.key);
                let mut kept = start + 1;
                for at in start + 1..buffer.len() {
                    if buffer[at].key != buffer[kept - 1].key {
                        buffer[kept] = buffer[at];
                        kept += 1;
                    }
                }
                buffer.truncate(kept);
            }
        }
        self.flush_full()
    }

    /// Hands over the buffers that are full.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn flush_full(&mut self) -> io::Result<()> {
        self.flush(BATCH_ENTRIES)
    }

    /// Hands over the buffers that hold at least `least_entries`.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn flush(&mut self, least_entries: usize) -> io::Result<()> {
        for (partition, buffer) in self.buffers.iter_mut().enumerate() {
            if buffer.len() >= least_entries.max(1) {
                self.builder.merge(partition, buffer)?;
                buffer.clear();
            }
            self.starts[partition] = buffer.len();
        }
        Ok(())
    }
}
