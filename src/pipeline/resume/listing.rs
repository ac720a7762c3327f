//! The files that a run reads, in source order, each as a number made of its name, size and
//! time of change: whether inputs are still the same.

use std::fs::{File, Metadata};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::error::{RunError, io_at};
use crate::fingerprint::Fingerprint;
use crate::source::inputs::{Input, InputFormat, Inputs};
use crate::source::{FileEntry, Job, Source};

/// A file's mark.
type Mark = u64;

/// Stands behind the last file. A cut or zeroed tail never looks like it.
const END: Mark = 1;

/// Writes marks down.
#[derive(Debug)]
pub struct Listing {
    file: File,
    path: PathBuf,
    marks: Arc<Mutex<Vec<Mark>>>,
}

fn mark(file: &FileEntry, metadata: &Metadata) -> Mark {
    let changed = metadata.modified().ok();
    let changed = changed.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let mut bytes = file.name.as_os_str().as_encoded_bytes().to_vec();
    bytes.extend_from_slice(&metadata.len().to_le_bytes());
    bytes.extend_from_slice(&changed.map_or(0, |time| time.as_nanos()).to_le_bytes());
    (Fingerprint::of(&bytes).0 as Mark).max(END + 1)
}

fn lock(marks: &Mutex<Vec<Mark>>) -> MutexGuard<'_, Vec<Mark>> {
    marks.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listing {
    pub fn create(path: &Path) -> Result<Self, RunError> {
        Ok(Listing {
            file: File::create(path).map_err(io_at(path))?,
            path: path.to_path_buf(),
            marks: Arc::default(),
        })
    }

    /// Hands to the system what was seen.
    fn flush(&mut self) -> Result<(), RunError> {
        let mut marks = lock(&self.marks);
        if marks.is_empty() {
            return Ok(());
        }
        let bytes: Vec<u8> = marks.iter().flat_map(|mark| mark.to_le_bytes()).collect();
        marks.clear();
        self.file.write_all(&bytes).map_err(io_at(&self.path))
    }
}

/// A source whose files are written down before they are worked on.
pub struct Listed {
    inputs: Inputs,
    listing: Option<Listing>,
}

impl Listed {
    pub(super) fn new(inputs: Inputs, listing: Option<Listing>) -> Self {
        let inputs = match &listing {
            Some(listing) => {
                let marks = Arc::clone(&listing.marks);
                inputs.with_witness(Box::new(move |file, metadata| {
                    lock(&marks).push(mark(file, metadata));
                }))
            }
            None => inputs,
        };
        Listed { inputs, listing }
    }
}

impl Source for Listed {
    fn next_job(&mut self) -> Result<Option<Job>, RunError> {
        let job = self.inputs.next_job()?;
        if let Some(listing) = &mut self.listing {
            if job.is_none() {
                lock(&listing.marks).push(END);
            }
            listing.flush()?;
        }
        if job.is_none() {
            self.listing = None;
        }
        Ok(job)
    }
}

/// The list of inputs as it is now, as a whole listing has it.
pub fn list_again(inputs: &[Input]) -> Vec<u8> {
    let marks: Arc<Mutex<Vec<Mark>>> = Arc::default();
    let seen = Arc::clone(&marks);
    show_all(inputs, move |file, metadata| {
        lock(&seen).push(mark(file, metadata));
    });
    let marks = lock(&marks);
    let all = marks.iter().chain([&END]);
    all.flat_map(|mark| mark.to_le_bytes()).collect()
}

fn show_all(inputs: &[Input], witness: impl FnMut(&FileEntry, &Metadata) + Send + 'static) {
    let again = inputs.iter().filter_map(Input::again).collect();
    Inputs::new(again, InputFormat::Auto, 0)
        .with_witness(Box::new(witness))
        .show_all();
}

/// Checks that the inputs still are what was listed, and lists those that were not.
///
/// # Errors
///
/// [`RunError::Refused`] names the first file that differs.
pub fn check(path: &Path, inputs: &[Input]) -> Result<(), RunError> {
    let before = match std::fs::read(path) {
        // Killed before the list was begun.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        before => before.map_err(io_at(path))?,
    };
    let before = before.chunks_exact(size_of::<Mark>());
    let before = before.filter_map(|bytes| bytes.try_into().ok().map(Mark::from_le_bytes));
    let before: Vec<Mark> = before.take_while(|mark| *mark != 0).collect();
    let (before, is_whole) = match before.split_last() {
        Some((&END, files)) => (files, true),
        _ => (&before[..], false),
    };
    let now: Arc<Mutex<Vec<Mark>>> = Arc::default();
    let first_other: Arc<Mutex<Option<PathBuf>>> = Arc::default();
    let (expected, seen, other) = (before.to_vec(), Arc::clone(&now), Arc::clone(&first_other));
    let witness = move |file: &FileEntry, metadata: &Metadata| {
        let mark = mark(file, metadata);
        let mut seen = lock(&seen);
        let differs = match expected.get(seen.len()) {
            Some(before) => *before != mark,
            None => is_whole,
        };
        if differs {
            let mut other = other.lock().unwrap_or_else(PoisonError::into_inner);
            other.get_or_insert_with(|| file.path.clone());
        }
        seen.push(mark);
    };
    show_all(inputs, witness);
    let now = lock(&now);
    let other = first_other.lock().unwrap_or_else(PoisonError::into_inner);
    let why = match &*other {
        Some(file) => format!(
            "{} is new or changed, or a file before it is gone",
            file.display()
        ),
        None if now.len() < before.len() => {
            format!("{} files were read, {} are left", before.len(), now.len())
        }
        None => {
            let all = now.iter().chain([&END]);
            let bytes: Vec<u8> = all.flat_map(|mark| mark.to_le_bytes()).collect();
            return std::fs::write(path, bytes).map_err(io_at(path));
        }
    };
    Err(RunError::Refused(format!(
        "the inputs are not those of the stopped run: {why}; begin anew with --overwrite"
    )))
}
