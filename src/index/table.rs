//! Entries in, one for each key out: a hash table in memory that is filled in batches.

use ahash::RandomState;

use super::entry::{Entry, Figures};

/// Slots of a table that holds something.
const MIN_SLOTS: usize = 64;
/// Entries whose slots are looked up before the first of them is changed, so that the misses
/// of the cache overlap.
const BATCH: usize = 16;

/// A set of keys with figures. Open addressing, linear probing, at most four fifths full.
///
/// ahash with a random seed spreads whole keys, so nobody can write lines that collide here; the
/// order of the slots never reaches a result.
#[derive(Debug)]
pub(super) struct Table<F> {
    slots: Vec<Entry<F>>,
    used: usize,
    state: RandomState,
}

impl<F: Figures> Table<F> {
    pub fn new(state: RandomState) -> Self {
        Table {
            slots: Vec::new(),
            used: 0,
            state,
        }
    }

    /// Memory of the slots, in bytes.
    pub fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Entry<F>>()
    }

    /// Takes in a batch.
    pub fn merge(&mut self, entries: &[Entry<F>]) {
        for batch in entries.chunks(BATCH) {
            while (self.used + batch.len()) * 5 > self.slots.len() * 4 {
                self.grow();
            }
            let mask = self.slots.len() - 1;
            let mut starts = [0; BATCH];
            let mut seen = 0;
            for (start, entry) in starts.iter_mut().zip(batch) {
                *start = self.state.hash_one(entry.key) as usize & mask;
                seen |= self.slots[*start].key.high;
            }
            std::hint::black_box(seen);
            for (&start, entry) in starts.iter().zip(batch) {
                self.merge_one(start, entry);
            }
        }
    }

    #[inline]
    fn merge_one(&mut self, start: usize, entry: &Entry<F>) {
        let mask = self.slots.len() - 1;
        let mut slot = start;
        loop {
            let found = &mut self.slots[slot];
            if found.figures.count() == 0 {
                *found = *entry;
                self.used += 1;
                return;
            }
            if found.key == entry.key {
                found.figures.merge(&entry.figures);
                return;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(MIN_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![Entry::default(); slots]);
        self.used = 0;
        for entry in old.iter().filter(|entry| entry.figures.count() > 0) {
            let start = self.state.hash_one(entry.key) as usize & (slots - 1);
            self.merge_one(start, entry);
        }
    }

    /// Empties the table; its entries by key. Needs at most as much memory again as the entries.
    pub fn drain_sorted(&mut self, least_count: u32) -> Vec<Entry<F>> {
        let mut entries = std::mem::take(&mut self.slots);
        self.used = 0;
        entries.retain(|entry| entry.figures.count() >= least_count.max(1));
        entries.shrink_to_fit();
        entries.sort_unstable_by_key(|entry| entry.key);
        entries
    }
}
