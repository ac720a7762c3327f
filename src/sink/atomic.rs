//! A file that appears under its name only when it is whole.

use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Output;
use crate::error::{RunError, io_at};

/// What temporary files are called until they are whole.
const TEMPORARY_PREFIX: &str = ".dechaff-";
/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// A file in the making: a temporary file beside its place, renamed when whole. Dropped
/// before that, it is deleted. A device or pipe that stands in the place is written to.
#[derive(Debug)]
pub struct AtomicFile {
    target: Target,
    path: PathBuf,
    buffer: Vec<u8>,
    /// Bytes handed to the system.
    written: u64,
}

#[derive(Debug)]
enum Target {
    Temporary(NamedTempFile),
    /// What cannot be replaced by a file.
    Device(File),
}

impl AtomicFile {
    /// Begins a file at a place that the user named: symbolic links are followed, devices and
    /// pipes are written to.
    ///
    /// # Errors
    ///
    /// The temporary file cannot be made, the device cannot be opened.
    pub fn at(path: &Path) -> Result<Self, RunError> {
        match std::fs::metadata(path) {
            Ok(found) if found.is_file() => {
                Self::create(&path.canonicalize().map_err(io_at(path))?)
            }
            Ok(found) if !found.is_dir() => {
                let device = OpenOptions::new().write(true).open(path);
                Ok(AtomicFile {
                    target: Target::Device(device.map_err(io_at(path))?),
                    path: path.to_path_buf(),
                    buffer: Vec::new(),
                    written: 0,
                })
            }
            _ => Self::create(path),
        }
    }

    /// Begins a file in a directory that exists. What stands in its place is replaced, a
    /// symbolic link included.
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
            target: Target::Temporary(file),
            path: path.to_path_buf(),
            buffer: Vec::new(),
            written: 0,
        })
    }

    /// Bytes written so far; see [`AtomicFile::roll_back`].
    pub fn length(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Takes back what was written behind `length` bytes. What a device got is gone.
    ///
    /// # Errors
    ///
    /// The temporary file cannot be shortened.
    pub fn roll_back(&mut self, length: u64) -> Result<(), RunError> {
        self.flush()?;
        if let Target::Temporary(file) = &mut self.target {
            let file = file.as_file_mut();
            file.set_len(length).map_err(io_at(&self.path))?;
            file.seek(std::io::SeekFrom::Start(length))
                .map_err(io_at(&self.path))?;
            self.written = length;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RunError> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.write_through(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        written
    }

    fn write_through(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        let file = match &mut self.target {
            Target::Temporary(file) => file.as_file_mut(),
            Target::Device(device) => device,
        };
        file.write_all(bytes).map_err(io_at(&self.path))?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

impl Output for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() > BUFFER_BYTES {
            return self.write_through(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), RunError> {
        self.flush()?;
        let path = self.path;
        match self.target {
            Target::Temporary(file) => file
                .persist(&path)
                .map(drop)
                .map_err(|error| io_at(&path)(error.error)),
            Target::Device(_) => Ok(()),
        }
    }
}
