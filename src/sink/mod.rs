//! Where cleaned pages go: names and bytes in, whole files out. Knows nothing of scoring.

pub mod archive;
pub mod atomic;
pub mod digested;
pub mod discard;
pub mod ledger;
pub mod records;
pub mod render;
pub mod single;
#[cfg(feature = "parquet")]
pub mod table;
pub mod tree;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::RunError;
use atomic::Partial;

/// Which of a page's files is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The page.
    Text,
    /// The file beside it that [`render::Mode::Spans`] writes.
    Spans,
}

/// Takes cleaned pages.
///
/// Implementations: [`tree::Tree`] mirrors a directory, [`single::Single`] writes one file or
/// standard output, [`discard::Discard`] is a dry run; [`digested::Digested`] goes around one.
pub trait Sink: Send + Sync {
    /// Whether files may be put by any thread in any order; else they come in source order,
    /// one at a time.
    fn takes_any_order(&self) -> bool;

    /// Writes a file whole. `name` is the page's.
    ///
    /// # Errors
    ///
    /// The output cannot be written; the run stops.
    fn put(&self, name: &Path, part: Part, content: &[u8]) -> Result<(), RunError> {
        let mut output = self.create(name, part)?;
        output.write(content)?;
        output.finish()
    }

    /// Begins a file that comes in stretches.
    ///
    /// # Errors
    ///
    /// As [`Sink::put`].
    fn create(&self, name: &Path, part: Part) -> Result<Box<dyn Output + '_>, RunError>;

    /// Returns when all files that were put are sure to outlive a failure of the system.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    fn sync(&self) -> Result<(), RunError> {
        Ok(())
    }
}

/// A file that is being written. Dropped before it is finished, it leaves nothing behind,
/// unless it is a stream.
pub trait Output: Send {
    /// Writes the next bytes.
    ///
    /// # Errors
    ///
    /// The output cannot be written; the run stops.
    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError>;

    /// Makes sure that what was written outlives a failure of the system, and this process;
    /// None for what nobody can go on with.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    fn checkpoint(&mut self) -> Result<Option<Partial>, RunError> {
        Ok(None)
    }

    /// Leaves nothing behind, even of a file that was to outlive the process.
    ///
    /// # Errors
    ///
    /// The file cannot be deleted.
    fn discard(self: Box<Self>) -> Result<(), RunError> {
        Ok(())
    }

    /// Puts the file under its name.
    ///
    /// # Errors
    ///
    /// As [`Output::write`]; failures of the last flush included.
    fn finish(self: Box<Self>) -> Result<(), RunError>;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
