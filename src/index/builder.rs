//! Entries of all pages in, from all threads; what occurs often enough out, frozen.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::entry::{Entry, Figures, Key};
use super::runs::{self, Run, RunStore, STRETCHES, Stretch};
use super::table::Table;

/// Entries for one stretch that a thread gathers before it takes the stretch's lock.
const BATCH_ENTRIES: usize = 128;
/// Entries past which it waits for the lock.
const MAX_ENTRIES: usize = 4 * BATCH_ENTRIES;
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

    /// Takes in entries of one partition; returns false if another thread is about it and
    /// `may_wait` is not set.
    fn merge(&self, partition: usize, entries: &[Entry<F>], may_wait: bool) -> io::Result<bool> {
        let table = &self.partitions[partition];
        let mut table = match table.try_lock() {
            Ok(table) => table,
            Err(TryLockError::WouldBlock) if !may_wait => return Ok(false),
            Err(_) => lock(table),
        };
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
        Ok(true)
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
    gathered: Vec<Gathered<F>>,
    /// Pages that ended.
    pages: u64,
    /// Partitions whose entries fill a batch.
    full: Vec<u8>,
    /// Those of which a page holds more entries than were looked through.
    unsure: Vec<u8>,
}

/// What was gathered for one partition.
#[derive(Clone, Debug)]
struct Gathered<F> {
    entries: Vec<Entry<F>>,
    /// Where the entries of this page begin.
    start: usize,
    page: u64,
}

impl<'b, F: Figures> Collector<'b, F> {
    /// An empty collector.
    pub fn new(builder: &'b Builder<F>) -> Self {
        let nothing = Gathered {
            entries: Vec::new(),
            start: 0,
            page: 0,
        };
        Collector {
            builder,
            gathered: vec![nothing; STRETCHES],
            pages: 0,
            full: Vec::new(),
            unsure: Vec::new(),
        }
    }

    /// Takes in an occurrence.
    #[inline]
    pub fn add(&mut self, key: Key, figures: F) {
        let partition = (key.high >> 56) as u8;
        let entries = &mut self.gathered[usize::from(partition)].entries;
        entries.push(Entry { key, figures });
        if entries.len() == BATCH_ENTRIES {
            self.full.push(partition);
        }
    }

    /// Takes in an occurrence on the page at hand, once for each key of the page.
    #[inline]
    pub fn add_once(&mut self, key: Key, figures: F) {
        /// Occurrences of a page that are looked through; later ones are sorted out at the
        /// page's end.
        const LOOKED_THROUGH: usize = 16;
        let partition = (key.high >> 56) as u8;
        let gathered = &mut self.gathered[usize::from(partition)];
        if gathered.page != self.pages {
            gathered.page = self.pages;
            gathered.start = gathered.entries.len();
        }
        let page = &gathered.entries[gathered.start..];
        let mut looked_through = page.iter().take(LOOKED_THROUGH);
        if looked_through.any(|entry| entry.key == key) {
            return;
        }
        if page.len() == LOOKED_THROUGH {
            self.unsure.push(partition);
        }
        self.add(key, figures);
    }

    /// Ends a page whose keys were added once each.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn end_page(&mut self) -> io::Result<()> {
        for partition in self.unsure.drain(..) {
            let Gathered { entries, start, .. } = &mut self.gathered[usize::from(partition)];
            entries[*start..].sort_unstable_by_key(|entry| entry.key);
            let mut kept = *start + 1;
            for at in *start + 1..entries.len() {
                if entries[at].key != entries[kept - 1].key {
                    entries[kept] = entries[at];
                    kept += 1;
                }
            }
            entries.truncate(kept);
        }
        self.pages += 1;
        self.flush_full()
    }

    /// Hands over what fills a batch; later, where another thread is about the same partition.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn flush_full(&mut self) -> io::Result<()> {
        let mut waiting = 0;
        for at in 0..self.full.len() {
            let partition = self.full[at];
            if !self.hand_over(partition.into(), false)? {
                self.full[waiting] = partition;
                waiting += 1;
            }
        }
        self.full.truncate(waiting);
        Ok(())
    }

    /// Hands over everything.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.full.clear();
        for partition in 0..STRETCHES {
            self.hand_over(partition, true)?;
        }
        Ok(())
    }

    /// Whether nothing waits any more for the partition.
    fn hand_over(&mut self, partition: usize, may_wait: bool) -> io::Result<bool> {
        let Gathered { entries, start, .. } = &mut self.gathered[partition];
        let may_wait = may_wait || entries.len() > MAX_ENTRIES;
        let is_done = entries.is_empty() || self.builder.merge(partition, entries, may_wait)?;
        if is_done {
            entries.clear();
            *start = 0;
        }
        Ok(is_done)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::SiteFigures;
    use super::super::runs::MemoryStore;
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn a_page_counts_once_for_each_key_however_many_fall_into_one_partition() {
        let budget = Budget::new(usize::MAX);
        let builder = Builder::new(budget, Arc::<MemoryStore>::default());
        let mut collector = Collector::new(&builder);
        let mut expected = BTreeMap::<Key, u32>::new();
        for page in 0..90_u64 {
            // Up to 178 keys, each twice or more, in one partition, in three and in all.
            let partitions = [1, 3, 256][page as usize % 3];
            let keys = (0..page * 2).map(|at| Key {
                high: ((at % partitions) << 56) | (at * at % (page + 7) / 3),
                low: 7,
            });
            let keys: Vec<Key> = keys.collect();
            for &key in keys.iter().chain(&keys) {
                collector.add_once(key, SiteFigures { pages: 1 });
            }
            collector.end_page().expect("memory");
            for key in keys.into_iter().collect::<BTreeSet<Key>>() {
                *expected.entry(key).or_default() += 1;
            }
        }
        collector.flush().expect("memory");
        let found = (0..STRETCHES).flat_map(|at| builder.stretch(at, 1).expect("memory"));
        let found: BTreeMap<Key, u32> = found
            .map(|entry| (entry.key, entry.figures.pages))
            .collect();
        assert_eq!(found, expected);
    }
}
