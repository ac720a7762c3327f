//! Sorted entries in, lookups out; never changes.
//!
//! Entries lie in memory, or, past a limit, in a [`RunStore`]: then one byte an entry stays in
//! memory, by which nearly all keys that are not in are told without reading.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::entry::{Entry, Figures, Key};
use super::runs::{self, MemoryStore, RunStore, STRETCHES};

/// Entries in memory that share a slot of the directory, on average.
const ENTRIES_A_SLOT: usize = 4;
/// The same for entries in a store.
const STORED_ENTRIES_A_SLOT: usize = 16;
/// Tags of one slot that are looked through; of more the key is searched for by halves.
const MAX_TAGS_READ: usize = 8 * STORED_ENTRIES_A_SLOT;
/// Keys that are looked up side by side, so that the misses of the cache overlap.
const BATCH: usize = 16;
/// Entries that are read from a store at a time when all are wanted.
const READ_ENTRIES: usize = 1 << 14;

/// Decides whether entries stay in memory.
#[derive(Debug)]
pub struct Shelf {
    max_bytes: usize,
    used_bytes: AtomicUsize,
    store: Arc<dyn RunStore>,
}

impl Shelf {
    /// Entries of up to `max_bytes` together stay in memory; the rest goes to `store`.
    pub fn new(max_bytes: usize, store: Arc<dyn RunStore>) -> Self {
        Shelf {
            max_bytes,
            used_bytes: AtomicUsize::new(0),
            store,
        }
    }

    /// All entries stay in memory.
    pub fn in_memory() -> Self {
        Shelf::new(usize::MAX, Arc::<MemoryStore>::default())
    }

    /// Takes in the entries of one first byte, sorted by key.
    ///
    /// # Errors
    ///
    /// As [`RunStore::append`].
    ///
    /// # Panics
    ///
    /// There are 2^32 entries.
    pub fn stretch<F: Figures>(&self, entries: Vec<Entry<F>>) -> io::Result<Stretch<F>> {
        assert!(
            u32::try_from(entries.len()).is_ok(),
            "a stretch holds fewer than 2^32 entries"
        );
        let bytes = entries.len() * size_of::<Entry<F>>();
        let used = self.used_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let is_stored = used > self.max_bytes;
        let entries_a_slot = if is_stored {
            STORED_ENTRIES_A_SLOT
        } else {
            ENTRIES_A_SLOT
        };
        let slots = (entries.len() / entries_a_slot).next_power_of_two();
        let shift = u64::BITS - 8 - slots.trailing_zeros();
        let mut directory = vec![Slot::default(); slots + 1];
        for entry in &entries {
            let slot = slot_of(entry.key, shift);
            directory[slot].marks |= mark(entry.key);
            directory[slot + 1].start += 1;
        }
        let mut sum = 0;
        for slot in &mut directory {
            sum += slot.start;
            slot.start = sum;
        }
        let entries = if is_stored {
            self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
            Entries::Stored {
                run: runs::write_stretch(&*self.store, &entries)?,
                tags: entries.iter().map(|entry| tag(entry.key)).collect(),
                store: Arc::clone(&self.store),
            }
        } else {
            Entries::Memory(entries)
        };
        Ok(Stretch {
            entries,
            directory,
            shift,
        })
    }
}

/// Entries whose keys share their first byte.
#[derive(Debug)]
pub struct Stretch<F> {
    entries: Entries<F>,
    /// Slot i: the entries whose keys' next bits are i. They end where those of the next begin.
    directory: Vec<Slot>,
    shift: u32,
}

/// Entries whose keys begin with the same bits.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    start: u32,
    /// The [`mark`]s of their keys: most keys that are not in are told by them, without a look at
    /// the entries, which fill no cache.
    marks: u32,
}

#[derive(Debug)]
enum Entries<F> {
    Memory(Vec<Entry<F>>),
    Stored {
        run: runs::Stretch,
        /// Of each entry, [`tag`] of its key.
        tags: Vec<u8>,
        store: Arc<dyn RunStore>,
    },
}

/// A byte of the key that no order goes by.
#[inline]
fn tag(key: Key) -> u8 {
    key.low as u8
}

/// One bit, by bits of the key that neither its slot nor its tag goes by.
#[inline]
fn mark(key: Key) -> u32 {
    1 << (key.low >> 8 & 31)
}

/// The bits behind the first byte.
#[inline]
fn slot_of(key: Key, shift: u32) -> usize {
    ((key.high & (u64::MAX >> 8)) >> shift) as usize
}

impl<F: Figures> Stretch<F> {
    fn len(&self) -> usize {
        match &self.entries {
            Entries::Memory(entries) => entries.len(),
            Entries::Stored { tags, .. } => tags.len(),
        }
    }

    /// Whether a key may be in.
    #[inline]
    fn may_have(&self, key: Key) -> bool {
        self.directory[slot_of(key, self.shift)].marks & mark(key) != 0
    }

    #[inline]
    fn get(&self, key: Key) -> io::Result<F> {
        let slot = slot_of(key, self.shift);
        let [from, to] = [slot, slot + 1].map(|slot| self.directory[slot].start);
        let range = from as usize..to as usize;
        let entries = match &self.entries {
            Entries::Memory(entries) => &entries[range],
            Entries::Stored { run, tags, store } => {
                return get_stored(&**store, run, tags, key, range);
            }
        };
        let found = if entries.len() <= BATCH {
            entries.iter().find(|entry| entry.key == key)
        } else {
            let place = entries.binary_search_by_key(&key, |entry| entry.key);
            place.ok().map(|place| &entries[place])
        };
        Ok(found.map_or_else(F::default, |entry| entry.figures))
    }

    /// Gives all entries to `take`, by key.
    fn each(&self, mut take: impl FnMut(Entry<F>) -> io::Result<()>) -> io::Result<()> {
        match &self.entries {
            Entries::Memory(entries) => entries.iter().try_for_each(|&entry| take(entry)),
            Entries::Stored { run, store, .. } => {
                let bytes = READ_ENTRIES * Entry::<F>::BYTES;
                runs::merge_stretches(&**store, &[*run], bytes, take)
            }
        }
    }
}

fn get_stored<F: Figures>(
    store: &dyn RunStore,
    run: &runs::Stretch,
    tags: &[u8],
    key: Key,
    range: std::ops::Range<usize>,
) -> io::Result<F> {
    /// Bytes of the largest entry.
    const MAX_BYTES: usize = 64;
    let read = |at: usize| {
        let mut bytes = [0; MAX_BYTES];
        let bytes = &mut bytes[..Entry::<F>::BYTES];
        store.read_at(run.at + (at * bytes.len()) as u64, bytes)?;
        Ok::<_, io::Error>(Entry::<F>::read(bytes))
    };
    let (mut from, mut to) = (range.start, range.end);
    // Chance fills a slot with few entries; only keys made by hand fill one with many.
    while to - from > MAX_TAGS_READ {
        let middle = from.midpoint(to);
        if read(middle)?.key <= key {
            from = middle;
        } else {
            to = middle;
        }
    }
    for at in (from..to).filter(|&at| tags[at] == tag(key)) {
        let entry = read(at)?;
        if entry.key == key {
            return Ok(entry.figures);
        }
    }
    Ok(F::default())
}

/// A map from keys to figures.
#[derive(Debug)]
pub struct Frozen<F> {
    /// One for each first byte of a key; none where the map is empty.
    stretches: Vec<Stretch<F>>,
    failure: OnceLock<io::Error>,
}

impl<F: Figures> Default for Frozen<F> {
    fn default() -> Self {
        Frozen {
            stretches: Vec::new(),
            failure: OnceLock::new(),
        }
    }
}

impl<F: Figures> Frozen<F> {
    /// A map over entries by the first byte of their keys.
    ///
    /// # Panics
    ///
    /// There are not [`STRETCHES`] of them.
    pub fn new(stretches: Vec<Stretch<F>>) -> Self {
        assert_eq!(stretches.len(), STRETCHES);
        if stretches.iter().all(|stretch| stretch.len() == 0) {
            return Frozen::default();
        }
        Frozen {
            stretches,
            failure: OnceLock::new(),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.stretches.iter().map(Stretch::len).sum()
    }

    /// Gives all entries to `take`, by key.
    ///
    /// # Errors
    ///
    /// Those of the store and of `take`.
    pub fn each(&self, mut take: impl FnMut(Entry<F>) -> io::Result<()>) -> io::Result<()> {
        let mut stretches = self.stretches.iter();
        stretches.try_for_each(|stretch| stretch.each(&mut take))
    }

    /// The first failure of the store that a lookup met. From then on figures may be zeros
    /// that are none.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failure.get()
    }

    /// The figures of a key; zeros where it is not in.
    pub fn get(&self, key: Key) -> F {
        match self.stretches.get((key.high >> 56) as usize) {
            Some(stretch) if stretch.may_have(key) => self.noted(stretch.get(key)),
            _ => F::default(),
        }
    }

    /// Replaces `found` by the figures of each key.
    pub fn get_all(&self, keys: &[Key], found: &mut Vec<F>) {
        found.clear();
        found.resize(keys.len(), F::default());
        if self.is_empty() {
            return;
        }
        for (batch, found) in keys.chunks(BATCH).zip(found.chunks_mut(BATCH)) {
            let mut asked = [0; BATCH];
            let mut count = 0;
            for (at, &key) in batch.iter().enumerate() {
                asked[count] = at;
                count += usize::from(self.stretch(key).may_have(key));
            }
            for &at in &asked[..count] {
                found[at] = self.noted(self.stretch(batch[at]).get(batch[at]));
            }
        }
    }

    #[inline]
    fn stretch(&self, key: Key) -> &Stretch<F> {
        &self.stretches[(key.high >> 56) as usize]
    }

    #[inline]
    fn noted(&self, found: io::Result<F>) -> F {
        found.unwrap_or_else(|error| {
            self.failure.get_or_init(|| error);
            F::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::SiteFigures;
    use super::*;

    fn frozen(stretches: &[Vec<Entry<SiteFigures>>], max_bytes: usize) -> Frozen<SiteFigures> {
        let shelf = Shelf::new(max_bytes, Arc::<MemoryStore>::default());
        let stretches = stretches
            .iter()
            .map(|entries| shelf.stretch(entries.clone()));
        Frozen::new(stretches.collect::<io::Result<_>>().unwrap())
    }

    #[test]
    fn a_store_that_fails_is_told_of() {
        #[derive(Debug, Default)]
        struct Broken(MemoryStore);
        impl RunStore for Broken {
            fn append(&self, bytes: &[u8]) -> io::Result<u64> {
                self.0.append(bytes)
            }

            fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
                Err(io::Error::other("broken"))
            }
        }
        let shelf = Shelf::new(0, Arc::<Broken>::default());
        let key = Key { high: 0, low: 7 };
        let figures = SiteFigures { pages: 2 };
        let mut stretches = vec![shelf.stretch(vec![Entry { key, figures }]).unwrap()];
        for _ in 1..STRETCHES {
            stretches.push(shelf.stretch(Vec::new()).unwrap());
        }
        let frozen = Frozen::new(stretches);
        assert_eq!(frozen.get(Key { high: 0, low: 8 }).pages, 0);
        assert!(frozen.failure().is_none(), "no entry has this tag");
        assert_eq!(frozen.get(key).pages, 0);
        assert!(frozen.failure().is_some());
    }

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
            for max_bytes in [usize::MAX, 5000, 0] {
                let frozen = frozen(&stretches, max_bytes);
                assert_eq!(frozen.len() as u64, count);
                let keys: Vec<Key> = (0..count + 100).map(key).collect();
                let mut found = Vec::new();
                frozen.get_all(&keys, &mut found);
                for (number, figures) in (0..).zip(&found) {
                    let expected = if number < count { number + 1 } else { 0 };
                    assert_eq!(u64::from(figures.pages), expected);
                    assert_eq!(frozen.get(keys[number as usize]), *figures);
                }
                let mut entries = Vec::new();
                let each = frozen.each(|entry| {
                    entries.push(entry);
                    Ok(())
                });
                each.expect("memory does not fail");
                assert_eq!(entries, stretches.concat());
                assert!(frozen.failure().is_none());
            }
        }
    }
}
