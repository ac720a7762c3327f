//! One file, or a stream such as standard output: pages come one behind the other.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::atomic::AtomicFile;
use super::{Output, Sink, render};
use crate::error::{RunError, io_at};

/// Writes all pages, in order, to one place.
pub struct Single {
    place: Place,
}

enum Place {
    /// A file to be; pages go there atomically. Only one page or container is given.
    File(PathBuf),
    /// A stream, and what it is called in messages.
    Stream(PathBuf, Mutex<Box<dyn Write + Send>>),
}

impl Single {
    /// One output file, which appears when it is whole. In `spans` mode its companion goes
    /// beside it.
    pub fn file(path: &Path) -> Self {
        Single {
            place: Place::File(path.to_path_buf()),
        }
    }

    /// A stream that pages are written to as they come; `name` is for messages.
    pub fn stream(name: &Path, stream: Box<dyn Write + Send>) -> Self {
        Single {
            place: Place::Stream(name.to_path_buf(), Mutex::new(stream)),
        }
    }
}

impl Sink for Single {
    fn takes_any_order(&self) -> bool {
        false
    }

    fn put(&self, name: &Path, content: &[u8]) -> Result<(), RunError> {
        let mut output = self.create(name)?;
        output.write(content)?;
        output.finish()
    }

    fn create(&self, name: &Path) -> Result<Box<dyn Output + '_>, RunError> {
        match &self.place {
            Place::File(path) if render::is_spans_name(name) => {
                Ok(Box::new(AtomicFile::create(&render::spans_name(path))?))
            }
            Place::File(path) => Ok(Box::new(AtomicFile::create(path)?)),
            Place::Stream(name, stream) => Ok(Box::new(StreamOutput { name, stream })),
        }
    }
}

struct StreamOutput<'s> {
    name: &'s Path,
    stream: &'s Mutex<Box<dyn Write + Send>>,
}

impl StreamOutput<'_> {
    fn with(
        &self,
        work: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), RunError> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut **stream).map_err(io_at(self.name))
    }
}

impl Output for StreamOutput<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.with(|stream| stream.write_all(bytes))
    }

    fn finish(self: Box<Self>) -> Result<(), RunError> {
        self.with(|stream| stream.flush())
    }
}
