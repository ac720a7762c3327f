//! One file, or a stream such as standard output: pages come one behind the other.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::atomic::AtomicFile;
use super::{Output, Part, Sink, render};
use crate::error::{RunError, io_at};

/// Writes all pages, in order, to one place.
pub struct Single {
    place: Place,
}

enum Place {
    /// A file to be, and what names of temporary files begin with; pages go there atomically.
    /// Only one page or container is given.
    File(PathBuf, String),
    /// A stream, and what it is called in messages.
    Stream(PathBuf, Mutex<Stream>),
}

struct Stream {
    writer: Box<dyn Write + Send>,
    line_end: LineEnd,
}

/// Keeps the last line of one page and the first of the next apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineEnd {
    /// The last byte written stands in the middle of a line.
    is_in_line: bool,
}

impl LineEnd {
    /// Whether a line end is to be written before the next page.
    pub(super) fn is_due(self) -> bool {
        self.is_in_line
    }

    /// Notes what was written.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        if let Some(&last) = bytes.last() {
            self.is_in_line = last != b'\n';
        }
    }
}

impl Single {
    /// One output file, which appears when it is whole. In `spans` mode its companion goes
    /// beside it. Names of temporary files begin with `prefix`.
    pub fn file(path: &Path, prefix: &str) -> Self {
        Single {
            place: Place::File(path.to_path_buf(), prefix.to_owned()),
        }
    }

    /// A stream that pages are written to as they come; `name` is for messages.
    pub fn stream(name: &Path, writer: Box<dyn Write + Send>) -> Self {
        let stream = Stream {
            writer,
            line_end: LineEnd::default(),
        };
        Single {
            place: Place::Stream(name.to_path_buf(), Mutex::new(stream)),
        }
    }
}

impl Sink for Single {
    fn takes_any_order(&self) -> bool {
        false
    }

    fn create(&self, _name: &Path, part: Part) -> Result<Box<dyn Output + '_>, RunError> {
        match (&self.place, part) {
            (Place::File(path, prefix), Part::Text) => Ok(Box::new(AtomicFile::at(path, prefix)?)),
            (Place::File(path, prefix), Part::Spans) => {
                let path = render::spans_name(path);
                Ok(Box::new(AtomicFile::at(&path, prefix)?))
            }
            (Place::Stream(name, stream), _) => {
                let mut output = StreamOutput { name, stream };
                output.end_line()?;
                Ok(Box::new(output))
            }
        }
    }
}

struct StreamOutput<'s> {
    name: &'s Path,
    stream: &'s Mutex<Stream>,
}

impl StreamOutput<'_> {
    fn with(&self, work: impl FnOnce(&mut Stream) -> std::io::Result<()>) -> Result<(), RunError> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut stream).map_err(io_at(self.name))
    }

    fn end_line(&mut self) -> Result<(), RunError> {
        self.with(|stream| {
            if stream.line_end.is_due() {
                stream.line_end.note(b"\n");
                stream.writer.write_all(b"\n")?;
            }
            Ok(())
        })
    }
}

impl Output for StreamOutput<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.with(|stream| {
            stream.line_end.note(bytes);
            stream.writer.write_all(bytes)
        })
    }

    fn finish(self: Box<Self>) -> Result<(), RunError> {
        self.with(|stream| stream.writer.flush())
    }
}
