//! Files in; the system has forgotten what they hold.

use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::source::inputs::open_file;

/// Asks the system to drop the pages of all files below some paths from its cache. File systems in
/// memory keep them, and others may; links are not followed, as no run follows them.
///
/// # Errors
///
/// A file cannot be opened, or the system has no such request.
pub fn drop_cached(paths: &[PathBuf]) -> Result<(), (PathBuf, io::Error)> {
    for path in paths {
        for entry in WalkDir::new(path) {
            let entry = entry.map_err(|error| (path.clone(), error.into()))?;
            if entry.file_type().is_file() {
                drop_file(entry.path()).map_err(|error| (entry.path().to_owned(), error))?;
            }
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn drop_file(path: &Path) -> io::Result<()> {
    use rustix::fs::{Advice, fadvise, fdatasync};
    let file = open_file(path)?;
    // What is not on disk yet is not dropped.
    fdatasync(&file)?;
    fadvise(&file, 0, None, Advice::DontNeed)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn drop_file(path: &Path) -> io::Result<()> {
    open_file(path)?;
    Err(io::Error::other("no cold runs on this system; see --cache"))
}
