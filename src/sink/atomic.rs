//! A file that appears under its name only when it is whole.

use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempPath};

use super::Output;
use crate::error::{RunError, io_at};

/// What the names of temporary files begin with. A run that can be gone on with puts its
/// number behind it.
pub const TEMPORARY_PREFIX: &str = ".dechaff-";
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

/// A file in the making that outlives its process: where it lies, where it will be, and how
/// much of it is sure to be on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    #[serde(with = "path_bytes")]
    path: PathBuf,
    #[serde(with = "path_bytes")]
    place: PathBuf,
    bytes: u64,
}

impl Partial {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it will be.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// The same file with at most so many bytes.
    pub fn shortened(self, bytes: u64) -> Self {
        Partial {
            bytes: self.bytes.min(bytes),
            ..self
        }
    }

    /// Puts a file that is whole under its name, if that was not done yet.
    ///
    /// # Errors
    ///
    /// It is gone, or cannot be renamed.
    pub fn put(&self) -> Result<(), RunError> {
        match std::fs::rename(&self.path, &self.place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let found = std::fs::metadata(&self.place).map_err(io_at(&self.place))?;
                if found.len() == self.bytes {
                    return Ok(());
                }
                Err(io_at(&self.path)(error))
            }
            renamed => renamed.map_err(io_at(&self.place)),
        }
    }
}

impl AtomicFile {
    /// Begins a file at a place that the user named: symbolic links are followed, devices and
    /// pipes are written to. The temporary file's name begins with `prefix`.
    ///
    /// # Errors
    ///
    /// The temporary file cannot be made, the device cannot be opened.
    pub fn at(path: &Path, prefix: &str) -> Result<Self, RunError> {
        match std::fs::metadata(path) {
            Ok(found) if found.is_file() => {
                Self::create(&path.canonicalize().map_err(io_at(path))?, prefix)
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
            _ => Self::create(path, prefix),
        }
    }

    /// Goes on with a file where it was sure to be on disk; what is behind is cut off.
    ///
    /// # Errors
    ///
    /// It is gone, or shorter than it should be.
    pub fn resume(partial: &Partial) -> Result<Self, RunError> {
        let Partial { path, place, bytes } = partial;
        let file = OpenOptions::new().write(true).open(path);
        let file = file.map_err(io_at(path))?;
        let length = file.metadata().map_err(io_at(path))?.len();
        if length < *bytes {
            let error = std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                format!("holds {length} of the {bytes} bytes that were written"),
            );
            return Err(io_at(path)(error));
        }
        let mut path = TempPath::try_from_path(path).map_err(io_at(path))?;
        path.disable_cleanup(true);
        let mut resumed = AtomicFile {
            target: Target::Temporary(NamedTempFile::from_parts(file, path)),
            path: place.clone(),
            buffer: Vec::new(),
            written: 0,
        };
        resumed.roll_back(*bytes)?;
        Ok(resumed)
    }

    /// Begins a file in a directory that exists. What stands in its place is replaced, a
    /// symbolic link included.
    ///
    /// # Errors
    ///
    /// The temporary file cannot be made.
    pub fn create(path: &Path, prefix: &str) -> Result<Self, RunError> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new file: what the user's mask leaves of it.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder
            .tempfile_in(folder)
            .map_err(|error| io_at(path)(without_temporary_name(error)))?;
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
        file.write_all(bytes)
            .map_err(|error| io_at(&self.path)(without_temporary_name(error)))?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// What the system said, without the name of the temporary file that it was said of: users know
/// the file by its own.
pub(crate) fn without_temporary_name(error: std::io::Error) -> std::io::Error {
    match error.to_string().split_once(" at path ") {
        Some((what, _)) => std::io::Error::new(error.kind(), what),
        None => error,
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

    fn checkpoint(&mut self) -> Result<Option<Partial>, RunError> {
        self.flush()?;
        let Target::Temporary(file) = &mut self.target else {
            return Ok(None);
        };
        file.as_file().sync_data().map_err(io_at(&self.path))?;
        file.disable_cleanup(true);
        let absolute = |path: &Path| std::path::absolute(path).map_err(io_at(path));
        Ok(Some(Partial {
            path: absolute(file.path())?,
            place: absolute(&self.path)?,
            bytes: self.written,
        }))
    }

    fn discard(self: Box<Self>) -> Result<(), RunError> {
        match self.target {
            Target::Temporary(file) => file
                .close()
                .map_err(|error| io_at(&self.path)(without_temporary_name(error))),
            Target::Device(_) => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<(), RunError> {
        self.flush()?;
        let path = self.path;
        match self.target {
            Target::Temporary(file) => file
                .persist(&path)
                .map(drop)
                .map_err(|error| io_at(&path)(without_temporary_name(error.error))),
            Target::Device(_) => Ok(()),
        }
    }
}

/// Paths in JSON: as text where they are UTF-8, else as the numbers of their bytes.
mod path_bytes {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Bytes {
        Text(String),
        Raw(Vec<u8>),
    }

    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => Bytes::Text(text.to_owned()),
            None => Bytes::Raw(path.as_os_str().as_encoded_bytes().to_vec()),
        }
        .serialize(serializer)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<PathBuf, D::Error> {
        match Bytes::deserialize(deserializer)? {
            Bytes::Text(text) => Ok(PathBuf::from(text)),
            Bytes::Raw(bytes) => raw(bytes)
                .map(PathBuf::from)
                .ok_or_else(|| D::Error::custom("a path of bytes that are none here")),
        }
    }

    #[cfg(unix)]
    fn raw(bytes: Vec<u8>) -> Option<OsString> {
        use std::os::unix::ffi::OsStringExt;
        Some(OsString::from_vec(bytes))
    }

    #[cfg(not(unix))]
    fn raw(_: Vec<u8>) -> Option<OsString> {
        None
    }
}
