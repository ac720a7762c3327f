//! Entries in, one for each key out: a sorted list in memory, and behind it what came since it was
//! last sorted.
//!
//! Entries are appended, sorted when there are half as many new ones as old ones, and merged into the
//! old: memory is gone through from end to end, where a hash table waits for it at every key. Whoever
//! chooses keys cannot make it dearer than any sort.

use super::entry::{Entry, Figures};

/// New entries that are not worth a sort.
const MIN_NEW: usize = 1024;

/// A set of keys with figures.
#[derive(Debug)]
pub(super) struct Table<F> {
    /// By key, each once.
    sorted: Vec<Entry<F>>,
    /// In the order in which they came.
    new: Vec<Entry<F>>,
}

impl<F> Default for Table<F> {
    fn default() -> Self {
        Table {
            sorted: Vec::new(),
            new: Vec::new(),
        }
    }
}

impl<F: Figures> Table<F> {
    /// Memory of the entries, in bytes.
    pub fn bytes(&self) -> usize {
        (self.sorted.capacity() + self.new.capacity()) * size_of::<Entry<F>>()
    }

    /// New entries that are sorted together.
    fn most_new(&self) -> usize {
        (self.sorted.len() / 2).max(MIN_NEW)
    }

    /// Takes in entries.
    pub fn merge(&mut self, entries: &[Entry<F>]) {
        if self.new.is_empty() {
            self.new.reserve_exact(self.most_new() + entries.len());
        }
        self.new.extend_from_slice(entries);
        if self.new.len() >= self.most_new() {
            self.sort();
        }
    }

    /// Takes the new entries in among the sorted ones.
    fn sort(&mut self) {
        self.new.sort_unstable_by_key(|entry| entry.key);
        self.new.dedup_by(|later, first| {
            let is_same = later.key == first.key;
            if is_same {
                first.figures.merge(&later.figures);
            }
            is_same
        });
        if self.sorted.is_empty() {
            self.sorted = std::mem::take(&mut self.new);
            return;
        }
        let mut merged = Vec::with_capacity(self.sorted.len() + self.new.len());
        let mut old = self.sorted.iter().peekable();
        for mut entry in self.new.drain(..) {
            while let Some(before) = old.next_if(|old| old.key < entry.key) {
                merged.push(*before);
            }
            if let Some(same) = old.next_if(|old| old.key == entry.key) {
                entry.figures.merge(&same.figures);
            }
            merged.push(entry);
        }
        merged.extend(old);
        self.sorted = merged;
    }

    /// Empties the table; its entries by key. Needs at most as much memory again as the entries.
    pub fn drain_sorted(&mut self, least_count: u32) -> Vec<Entry<F>> {
        self.sort();
        self.new = Vec::new();
        let mut entries = std::mem::take(&mut self.sorted);
        entries.retain(|entry| entry.figures.count() >= least_count.max(1));
        entries.shrink_to_fit();
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Key, SiteFigures};
    use super::*;
    use std::collections::BTreeMap;

    /// Pseudo-random numbers (an MMIX generator's high bits).
    fn numbers() -> impl Iterator<Item = u64> {
        let step = |state: &u64| {
            let next = state.wrapping_mul(6_364_136_223_846_793_005);
            Some(next.wrapping_add(1_442_695_040_888_963_407))
        };
        std::iter::successors(Some(7_u64), step).map(|state| state >> 33)
    }

    #[test]
    fn each_key_comes_out_once_with_all_its_figures() {
        for (keys, met) in [(1, 5_000), (40, 9_000), (3_000, 30_000), (u64::MAX, 20_000)] {
            let mut table = Table::default();
            let mut expected = BTreeMap::<Key, u32>::new();
            let mut batch = Vec::new();
            for number in numbers().take(met) {
                let key = Key {
                    high: number % keys / 3,
                    low: (number % keys % 3) as u32,
                };
                *expected.entry(key).or_default() += 2;
                batch.push(Entry {
                    key,
                    figures: SiteFigures { pages: 2 },
                });
                if number % 50 == 0 {
                    table.merge(&batch);
                    batch.clear();
                    assert!(table.bytes() > 0);
                }
            }
            table.merge(&batch);
            for least_count in [5, 0] {
                let mut table = Table {
                    sorted: table.sorted.clone(),
                    new: table.new.clone(),
                };
                let entries = table.drain_sorted(least_count);
                let entries = entries.iter().map(|entry| (entry.key, entry.figures.pages));
                let expected = expected.iter().filter(|(_, pages)| **pages >= least_count);
                assert!(
                    entries.eq(expected.map(|(key, pages)| (*key, *pages))),
                    "{keys}"
                );
                assert_eq!(table.bytes(), 0);
                assert!(table.drain_sorted(0).is_empty());
            }
        }
    }
}
