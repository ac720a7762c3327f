//! Runs of the corpus index on disk: one temporary file without a name, gone with the process.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::index::runs::RunStore;

/// A store that makes its file when something is first written.
#[derive(Debug)]
pub struct SpillFile {
    directory: PathBuf,
    file: OnceLock<File>,
    end: Mutex<u64>,
}

impl SpillFile {
    pub fn new(directory: PathBuf) -> Self {
        SpillFile {
            directory,
            file: OnceLock::new(),
            end: Mutex::new(0),
        }
    }
}

impl RunStore for SpillFile {
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        if self.file.get().is_none() {
            let _ = self.file.set(tempfile::tempfile_in(&self.directory)?);
        }
        let mut file = self.file.get().ok_or(io::ErrorKind::NotFound)?;
        let at = *end;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        *end += bytes.len() as u64;
        Ok(at)
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let file = self.file.get().ok_or(io::ErrorKind::NotFound)?;
        #[cfg(unix)]
        {
            std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
        }
        #[cfg(not(unix))]
        {
            use std::io::Read;
            let _end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            let mut file = file;
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(bytes)
        }
    }
}
