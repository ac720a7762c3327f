//! Model files: read, checked and written.

use std::io::Read;
use std::path::Path;

use crate::error::{RunError, io_at};
use crate::score::model::{MAX_BYTES, Model};
use crate::sink::Output;
use crate::sink::atomic::{AtomicFile, TEMPORARY_PREFIX};
use crate::source::inputs::open_file;

/// Reads a model file.
///
/// # Errors
///
/// It cannot be read, or is no model of this version.
pub fn read(path: &Path) -> Result<Model, RunError> {
    let file = open_file(path).map_err(io_at(path))?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
    read.map_err(io_at(path))?;
    Model::read(&bytes).map_err(|error| RunError::Model {
        path: path.to_path_buf(),
        error,
    })
}

/// Writes a model file.
///
/// # Errors
///
/// It cannot be written.
pub fn write(model: &Model, path: &Path) -> Result<(), RunError> {
    let mut file = Box::new(AtomicFile::at(path, TEMPORARY_PREFIX)?);
    file.write(&model.to_bytes())?;
    file.finish()
}
