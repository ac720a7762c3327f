//! A directory that mirrors the input.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::RwLock;

use super::atomic::AtomicFile;
use super::{Output, Part, Sink, render};
use crate::error::{RunError, io_at};

/// Writes files below a root directory, each atomically, and holds the root's lock, so that
/// no other run writes there at the same time.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// Directories below the root that are known to be real.
    folders: RwLock<BTreeSet<PathBuf>>,
    /// What names of temporary files begin with.
    prefix: String,
    /// The root, locked.
    lock: File,
}

impl Tree {
    /// Makes the root directory if need be and locks it. Names of temporary files begin with
    /// `prefix`.
    ///
    /// # Errors
    ///
    /// The directory cannot be made or opened; another run holds it.
    pub fn new(root: &Path, prefix: &str) -> Result<Self, RunError> {
        std::fs::create_dir_all(root).map_err(io_at(root))?;
        let lock = lock(root)?;
        Ok(Tree {
            root: root.to_path_buf(),
            folders: RwLock::default(),
            prefix: prefix.to_owned(),
            lock,
        })
    }

    /// The place of a file, its directory made.
    fn place(&self, name: &Path) -> Result<PathBuf, RunError> {
        let place = self.root.join(name);
        let is_below = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_below {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "leads out of the output");
            return Err(io_at(&place)(error));
        }
        if let Some(folder) = name
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            self.make_folder(folder)?;
        }
        Ok(place)
    }

    /// Makes a directory below the root, through directories only: a symbolic link planted in
    /// the output leads nowhere.
    fn make_folder(&self, folder: &Path) -> Result<(), RunError> {
        let is_known = |folder: &Path| {
            let folders = self.folders.read();
            folders.is_ok_and(|folders| folders.contains(folder))
        };
        if is_known(folder) {
            return Ok(());
        }
        let mut path = self.root.clone();
        for part in folder.components() {
            path.push(part);
            match std::fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let found = std::fs::symlink_metadata(&path).map_err(io_at(&path))?;
                    if !found.is_dir() {
                        let error = io::Error::new(
                            io::ErrorKind::NotADirectory,
                            "stands where an output directory should be",
                        );
                        return Err(io_at(&path)(error));
                    }
                }
                made => made.map_err(io_at(&path))?,
            }
        }
        if let Ok(mut folders) = self.folders.write() {
            folders.insert(folder.to_path_buf());
        }
        Ok(())
    }
}

impl Sink for Tree {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn create(&self, name: &Path, part: Part) -> Result<Box<dyn Output + '_>, RunError> {
        let place = match part {
            Part::Text => self.place(name)?,
            Part::Spans => self.place(&render::spans_name(name))?,
        };
        Ok(Box::new(AtomicFile::create(&place, &self.prefix)?))
    }

    fn sync(&self) -> Result<(), RunError> {
        sync_all_at(&self.lock).map_err(io_at(&self.root))
    }
}

/// Locks a directory until the file that is returned is closed, or its process ends in
/// whatever way.
///
/// # Errors
///
/// [`RunError::Locked`]: another run holds it. Or it cannot be opened.
pub fn lock(directory: &Path) -> Result<File, RunError> {
    let lock = File::open(directory).map_err(io_at(directory))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(RunError::Locked(directory.to_path_buf())),
        Err(std::fs::TryLockError::Error(error)) => Err(io_at(directory)(error)),
    }
}

/// Whether another run holds a directory's [`lock`].
pub fn is_locked(directory: &Path) -> bool {
    let is_held = |file: File| {
        let probed = file.try_lock_shared();
        matches!(probed, Err(std::fs::TryLockError::WouldBlock))
    };
    File::open(directory).is_ok_and(is_held)
}

/// Writes to disk all that the system holds back for the file system of a file: for many small
/// files much cheaper than one by one.
#[cfg(target_os = "linux")]
fn sync_all_at(file: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(file)?)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn sync_all_at(_: &File) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

#[cfg(not(unix))]
fn sync_all_at(_: &File) -> io::Result<()> {
    Ok(())
}
