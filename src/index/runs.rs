//! Sorted entries in, kept outside memory, and merged out again in bounded memory.
//!
//! All runs lie behind one another in one store, so the merge holds one file open however
//! many there are. A run is cut where the first byte of its keys changes, so that threads
//! merge different stretches at the same time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::entry::{Entry, Figures};

/// Stretches that a run is cut into, by the first byte of the key.
pub const STRETCHES: usize = 256;

/// Where runs are kept. Shared by threads.
pub trait RunStore: Send + Sync + std::fmt::Debug {
    /// Appends bytes and returns where they begin.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    fn append(&self, bytes: &[u8]) -> io::Result<u64>;

    /// Fills `bytes` from offset `at`.
    ///
    /// # Errors
    ///
    /// The store fails, or ends before.
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// Keeps runs in memory: for builders whose memory has no limit, and for tests.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Vec<u8>>);

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunStore for MemoryStore {
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut all = self.lock();
        all.extend_from_slice(bytes);
        Ok((all.len() - bytes.len()) as u64)
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let all = self.lock();
        let found = usize::try_from(at)
            .ok()
            .and_then(|at| all.get(at..)?.get(..bytes.len()));
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Where one stretch of a run lies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stretch {
    /// Offset in the store.
    pub at: u64,
    /// Entries.
    pub entries: u64,
}

/// Entries that are sorted by key, each key once, in a store.
#[derive(Clone, Debug)]
pub struct Run {
    /// One for each first byte of a key.
    pub stretches: Vec<Stretch>,
}

/// Writes one stretch.
///
/// # Errors
///
/// As [`RunStore::append`].
pub fn write_stretch<F: Figures>(
    store: &dyn RunStore,
    entries: &[Entry<F>],
) -> io::Result<Stretch> {
    let mut bytes = Vec::with_capacity(entries.len() * Entry::<F>::BYTES);
    entries.iter().for_each(|entry| entry.write(&mut bytes));
    Ok(Stretch {
        at: store.append(&bytes)?,
        entries: entries.len() as u64,
    })
}

/// A stretch that is read from its front.
struct Cursor<'s, F> {
    store: &'s dyn RunStore,
    rest: Stretch,
    buffer: Vec<u8>,
    next: usize,
    buffer_entries: usize,
    figures: std::marker::PhantomData<F>,
}

impl<F: Figures> Cursor<'_, F> {
    fn next(&mut self) -> io::Result<Option<Entry<F>>> {
        if self.next == self.buffer.len() {
            let entries = self.rest.entries.min(self.buffer_entries as u64);
            if entries == 0 {
                return Ok(None);
            }
            self.buffer.resize(entries as usize * Entry::<F>::BYTES, 0);
            self.store.read_at(self.rest.at, &mut self.buffer)?;
            self.rest.at += self.buffer.len() as u64;
            self.rest.entries -= entries;
            self.next = 0;
        }
        let entry = Entry::read(&self.buffer[self.next..self.next + Entry::<F>::BYTES]);
        self.next += Entry::<F>::BYTES;
        Ok(Some(entry))
    }
}

/// Merges sorted stretches; gives each key once to `take`, in order.
///
/// Memory: `buffer_bytes`, shared by the stretches, at least 4 KiB for each.
///
/// # Errors
///
/// Those of the store and of `take`.
pub fn merge_stretches<F: Figures>(
    store: &dyn RunStore,
    stretches: &[Stretch],
    buffer_bytes: usize,
    mut take: impl FnMut(Entry<F>) -> io::Result<()>,
) -> io::Result<()> {
    let each = (buffer_bytes / stretches.len().max(1)).clamp(4 << 10, 1 << 20);
    let mut cursors: Vec<Cursor<'_, F>> = stretches
        .iter()
        .map(|&rest| Cursor {
            store,
            rest,
            buffer: Vec::new(),
            next: 0,
            buffer_entries: each / Entry::<F>::BYTES,
            figures: std::marker::PhantomData,
        })
        .collect();
    let mut heads = Vec::with_capacity(cursors.len());
    let mut order = BinaryHeap::with_capacity(cursors.len());
    for (index, cursor) in cursors.iter_mut().enumerate() {
        let head = cursor.next()?;
        if let Some(entry) = head {
            order.push(Reverse((entry.key, index)));
        }
        heads.push(head.unwrap_or_default());
    }
    let mut open: Option<Entry<F>> = None;
    while let Some(mut top) = order.peek_mut() {
        let Reverse((key, index)) = *top;
        let figures = heads[index].figures;
        match cursors[index].next()? {
            Some(entry) => {
                heads[index] = entry;
                *top = Reverse((entry.key, index));
                drop(top);
            }
            None => {
                std::collections::binary_heap::PeekMut::pop(top);
            }
        }
        match &mut open {
            Some(entry) if entry.key == key => entry.figures.merge(&figures),
            _ => {
                let done = open.replace(Entry { key, figures });
                done.map_or(Ok(()), &mut take)?;
            }
        }
    }
    open.map_or(Ok(()), take)
}
