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
    _lock: File,
}

impl Tree {
    /// Makes the root directory if need be and locks it.
    ///
    /// # Errors
    ///
    /// The directory cannot be made or opened; another run holds it.
    pub fn new(root: &Path) -> Result<Self, RunError> {
        std::fs::create_dir_all(root).map_err(io_at(root))?;
        let lock = File::open(root).map_err(io_at(root))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(RunError::Locked(root.to_path_buf()));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(io_at(root)(error)),
        }
        Ok(Tree {
            root: root.to_path_buf(),
            folders: RwLock::default(),
            _lock: lock,
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
        Ok(Box::new(AtomicFile::create(&place)?))
    }
}
