//! Sorted entries in, lookups out; never changes.

use super::entry::{Entry, Figures, Key};
use super::runs::STRETCHES;

/// Entries that share a slot of the directory, on average.
const ENTRIES_A_SLOT: usize = 4;
/// Keys that are looked up side by side, so that the misses of the cache overlap.
const BATCH: usize = 16;

/// A map from keys to figures.
#[derive(Debug)]
pub struct Frozen<F> {
    /// One for each first byte of a key.
    stretches: Vec<Stretch<F>>,
}

#[derive(Debug)]
struct Stretch<F> {
    entries: Vec<Entry<F>>,
    /// `directory[i]..directory[i + 1]`: the entries whose keys' next bits are i.
    directory: Vec<u32>,
    shift: u32,
}

impl<F: Figures> Default for Frozen<F> {
    fn default() -> Self {
        Frozen {
            stretches: Vec::new(),
        }
    }
}

impl<F: Figures> Stretch<F> {
    fn new(entries: Vec<Entry<F>>) -> Self {
        assert!(
            u32::try_from(entries.len()).is_ok(),
            "a stretch holds fewer than 2^32 entries"
        );
        let slots = (entries.len() / ENTRIES_A_SLOT).next_power_of_two();
        let shift = u64::BITS - 8 - slots.trailing_zeros();
        let mut directory = vec![0; slots + 1];
        for entry in &entries {
            directory[slot_of(entry.key, shift) + 1] += 1;
        }
        let mut sum = 0;
        for end in &mut directory {
            sum += *end;
            *end = sum;
        }
        Stretch {
            entries,
            directory,
            shift,
        }
    }

    #[inline]
    fn bounds(&self, key: Key) -> (u32, u32) {
        let slot = slot_of(key, self.shift);
        (self.directory[slot], self.directory[slot + 1])
    }

    #[inline]
    fn get(&self, key: Key, (from, to): (u32, u32)) -> F {
        let entries = &self.entries[from as usize..to as usize];
        let found = if entries.len() <= BATCH {
            entries.iter().find(|entry| entry.key == key)
        } else {
            let place = entries.binary_search_by_key(&key, |entry| entry.key);
            place.ok().map(|place| &entries[place])
        };
        found.map_or_else(F::default, |entry| entry.figures)
    }
}

/// The bits behind the first byte.
#[inline]
fn slot_of(key: Key, shift: u32) -> usize {
    ((key.high & (u64::MAX >> 8)) >> shift) as usize
}

impl<F: Figures> Frozen<F> {
    /// A map over entries by the first byte of their keys, each sorted by key.
    ///
    /// # Panics
    ///
    /// There are not [`STRETCHES`] of them, or one has 2^32 entries.
    pub fn new(stretches: Vec<Vec<Entry<F>>>) -> Self {
        assert_eq!(stretches.len(), STRETCHES);
        if stretches.iter().all(Vec::is_empty) {
            return Frozen::default();
        }
        Frozen {
            stretches: stretches.into_iter().map(Stretch::new).collect(),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        let lengths = self.stretches.iter().map(|stretch| stretch.entries.len());
        lengths.sum()
    }

    /// The entries by the first byte of their keys; nothing where there are none.
    pub fn stretches(&self) -> impl Iterator<Item = &[Entry<F>]> {
        self.stretches.iter().map(|stretch| &stretch.entries[..])
    }

    /// All entries, by key.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<F>> {
        self.stretches.iter().flat_map(|stretch| &stretch.entries)
    }

    /// The figures of a key; zeros where it is not in.
    pub fn get(&self, key: Key) -> F {
        match self.stretches.get((key.high >> 56) as usize) {
            Some(stretch) => stretch.get(key, stretch.bounds(key)),
            None => F::default(),
        }
    }

    /// Replaces `found` by the figures of each key.
    pub fn get_all(&self, keys: &[Key], found: &mut Vec<F>) {
        found.clear();
        if self.is_empty() {
            found.resize(keys.len(), F::default());
            return;
        }
        for batch in keys.chunks(BATCH) {
            let mut bounds = [(0, 0); BATCH];
            for (bounds, &key) in bounds.iter_mut().zip(batch) {
                *bounds = self.stretch(key).bounds(key);
            }
            for (&bounds, &key) in bounds.iter().zip(batch) {
                found.push(self.stretch(key).get(key, bounds));
            }
        }
    }

    #[inline]
    fn stretch(&self, key: Key) -> &Stretch<F> {
        &self.stretches[(key.high >> 56) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::SiteFigures;
    use super::*;

    #[test]
    fn finds_what_is_in_and_nothing_else() {
        for count in [0_u64, 1, 5, 1000, 40_000] {
            let mut stretches = vec![Vec::new(); STRETCHES];
            let key = |number: u64| Key {
                high: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
                low: number as u32,
            };
            for number in 0..count {
                let key = key(number);
                let figures = SiteFigures {
                    pages: number as u32 + 1,
                };
                stretches[(key.high >> 56) as usize].push(Entry { key, figures });
            }
            for stretch in &mut stretches {
                stretch.sort_by_key(|entry| entry.key);
            }
            let frozen = Frozen::new(stretches);
            assert_eq!(frozen.len() as u64, count);
            let keys: Vec<Key> = (0..count + 100).map(key).collect();
            let mut found = Vec::new();
            frozen.get_all(&keys, &mut found);
            for (number, figures) in (0..).zip(&found) {
                let expected = if number < count { number + 1 } else { 0 };
                assert_eq!(u64::from(figures.pages), expected);
                assert_eq!(frozen.get(keys[number as usize]), *figures);
            }
        }
    }

    #[test]
    fn keys_that_share_their_first_bits_are_told_apart() {
        let mut stretches = vec![Vec::new(); STRETCHES];
        stretches[7] = (0..1000)
            .map(|low| Entry {
                key: Key { high: 7 << 56, low },
                figures: SiteFigures { pages: low + 1 },
            })
            .collect();
        let frozen = Frozen::new(stretches);
        for low in 0..1000 {
            let key = Key { high: 7 << 56, low };
            assert_eq!(frozen.get(key).pages, low + 1);
        }
    }
}
