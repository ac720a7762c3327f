//! A file that appears under its name only when it is whole.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Output;
use crate::error::{RunError, io_at};

/// What temporary files are called until they are whole.
const TEMPORARY_PREFIX: &str = ".dechaff-";
/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// A file in the making: a temporary file beside its place, renamed when whole. Dropped
/// before that, it is deleted.
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile,
    path: PathBuf,
    buffer: Vec<u8>,
}

impl AtomicFile {
    /// Begins a file in a directory that exists.
    ///
    /// # Errors
    ///
    /// The temporary file cannot be made.
    pub fn create(path: &Path) -> Result<Self, RunError> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new file: what the user's mask leaves of it.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder).map_err(io_at(path))?;
        Ok(AtomicFile {
            file,
            path: path.to_path_buf(),
            buffer: Vec::new(),
        })
    }

    fn flush(&mut self) -> Result<(), RunError> {
        let written = self.file.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(io_at(&self.path))
    }
}

impl Output for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() > BUFFER_BYTES {
            return self.file.write_all(bytes).map_err(io_at(&self.path));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), RunError> {
        self.flush()?;
        let path = self.path;
        self.file
            .persist(&path)
            .map(drop)
            .map_err(|error| io_at(&path)(error.error))
    }
}
