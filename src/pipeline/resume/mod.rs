//! What a run leaves for the one that goes on with it: settings, inputs, index and how far it
//! came. All of it lies in one directory, which is gone when a run ends well. See ADR 19.
//!
//! A run that is killed is gone on with at its last checkpoint: outputs that grow are cut back
//! to what they were then, and what came after is done again. The jobs of a source are the
//! same for the same inputs, so a checkpoint is a number of jobs, and what they came to.

mod ended;
mod listing;
mod log;

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::{RunOptions, SideFiles, index_files};
use crate::error::{RunError, io_at};
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::index::{CorpusIndex, Settings};
use crate::sink::Output;
use crate::sink::atomic::{AtomicFile, TEMPORARY_PREFIX};
use crate::sink::tree;
use crate::source::inputs::{Input, Inputs};
use crate::source::{Job, warc};

use ended::Ended;
pub use listing::Listed;
use listing::Listing;
use log::Done;
pub(crate) use log::Log;
pub(super) use log::{OpenRecord, Record, sync_folder};

/// The directory of a run's state, inside an output directory; beside an output file a number
/// made of the file's name stands behind it.
pub const STATE_NAME: &str = ".dechaff-resume";

/// The form of the state; others are not gone on with.
const FORM: u32 = 1;

/// What the run is, written first.
const RUN: &str = "run.json";
/// The files that were read.
const INPUTS: &str = "inputs";
/// How far the run came.
const CHECKPOINT: &str = "checkpoint.json";
/// An index that serves these pages only, and one that serves any.
const INDEXES: [(&str, bool); 2] = [("index-own", false), ("index", true)];

/// A setting: its name, and its value as it is shown.
pub type Setting = (String, String);

/// What a run is: whoever goes on with it must be the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    form: u32,
    program: String,
    /// Tells its temporary files from those of others.
    number: String,
    settings: Vec<Setting>,
    /// Directories with temporary files, beside the output.
    folders: Vec<PathBuf>,
}

/// Where a run's state lies.
#[derive(Clone, Debug)]
pub struct Place {
    state: PathBuf,
    /// The output: a directory, or a file.
    output: PathBuf,
    is_tree: bool,
}

/// A run that has not ended well.
#[derive(Clone, Debug)]
pub struct Stopped {
    header: Header,
    /// It came so far that going on saves work.
    pub has_progress: bool,
}

impl Place {
    /// For an output directory, which need not exist.
    pub fn in_tree(root: &Path) -> Self {
        Place {
            state: root.join(STATE_NAME),
            output: root.to_path_buf(),
            is_tree: true,
        }
    }

    /// For an output file, with symbolic links followed.
    pub fn beside(file: &Path) -> Self {
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        let name = format!("{STATE_NAME}-{:016x}", Fingerprint::of(name).0 as u64);
        Place {
            state: file.with_file_name(name),
            output: file.to_path_buf(),
            is_tree: false,
        }
    }

    /// The stopped run to this output, if there is one.
    ///
    /// # Errors
    ///
    /// [`RunError::Locked`]: a run is at work there. Or the state cannot be read.
    pub fn look(&self) -> Result<Option<Stopped>, RunError> {
        let locked = if self.is_tree {
            &self.output
        } else {
            &self.state
        };
        if tree::is_locked(locked) {
            return Err(RunError::Locked(self.output.clone()));
        }
        self.read()
    }

    fn read(&self) -> Result<Option<Stopped>, RunError> {
        let path = self.state.join(RUN);
        let header = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(io_at(&path)(error)),
        };
        let header = serde_json::from_slice(&header).map_err(|error| damaged(&path, error))?;
        let has = |name: &str| self.state.join(name).exists();
        Ok(Some(Stopped {
            header,
            has_progress: has(CHECKPOINT) || INDEXES.iter().any(|(name, _)| has(name)),
        }))
    }

    /// Whether an entry of the output directory is the state.
    pub fn is_state(&self, name: &std::ffi::OsStr) -> bool {
        self.is_tree && name == STATE_NAME
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn damaged(path: &Path, error: serde_json::Error) -> RunError {
    refused(format!(
        "{}: the state of the stopped run is damaged ({error}); begin anew with --overwrite",
        path.display()
    ))
}

fn refused(why: String) -> RunError {
    RunError::Refused(why)
}

/// The jobs that were not done before.
///
/// # Errors
///
/// Those of `next_job`, and [`RunError::Refused`] where what was done was others.
pub(super) fn jobs_left<N>(
    log: Option<&Log>,
    mut next_job: N,
) -> impl FnMut() -> Result<Option<Job>, RunError> + Send + use<N>
where
    N: FnMut() -> Result<Option<Job>, RunError> + Send,
{
    let mut trail = log.map(Log::trail);
    let mut done = log.and_then(Log::done_before);
    move || {
        let Some(trail) = &mut trail else {
            return next_job();
        };
        if done.as_ref().is_some_and(Done::is_all) {
            return Ok(None);
        }
        while let Some(before) = done.as_mut().filter(|done| !done.has_passed()) {
            let job = next_job()?;
            before.leave_out(job.as_ref(), trail)?;
            if let Some(Job::Chunk(mut chunk)) = job {
                warc::pass_over(&mut chunk);
            }
        }
        let job = next_job()?;
        if let Some(job) = &job {
            trail.note(job);
        }
        Ok(job)
    }
}

/// What a run asks for that can be gone on with.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// All that its output depends on, but for the inputs.
    pub settings: Vec<Setting>,
    /// Its inputs.
    pub inputs: &'a [Input],
    /// Files that it writes beside the pages.
    pub side_files: &'a [&'a Path],
    /// Time between two checkpoints.
    pub every: Duration,
}

/// A run at work that can be gone on with.
///
/// Dropped before [`Run::end`], it leaves its state, unless nothing is worth it.
#[derive(Debug)]
pub struct Run {
    place: Place,
    header: Header,
    every: Duration,
    record: Option<Record>,
    /// What is listed of the inputs; None where all were listed.
    listing: Option<Listing>,
    /// Standard input cannot be read again: whoever goes on with it begins at its start.
    is_stream: bool,
    /// Of the state's directory, beside an output file.
    _lock: Option<File>,
    /// The output was there before.
    has_output: bool,
    has_ended: bool,
}

/// A run to be begun: its number is known, nothing is written.
#[derive(Debug)]
pub struct Planned {
    place: Place,
    /// What was found.
    found: Option<Stopped>,
    /// To go on with it.
    goes_on: bool,
    /// What ended here, where that is asked for.
    ended: Option<Ended>,
    number: String,
    /// The output was there before.
    has_output: bool,
}

impl Planned {
    /// Plans a run at a place where `found` was found. Where that is a run and `goes_on`, it is
    /// gone on with; else what it left is swept away.
    pub fn new(place: Place, found: Option<Stopped>, goes_on: bool) -> Self {
        let goes_on = goes_on && found.is_some();
        let number = match &found {
            Some(stopped) if goes_on => stopped.header.number.clone(),
            _ => format!("{:016x}", RandomState::new().hash_one(std::process::id())),
        };
        Planned {
            has_output: place.output.exists(),
            place,
            found,
            goes_on,
            ended: None,
            number,
        }
    }

    /// Notes whether a run has ended here.
    pub fn look_for_end(&mut self) {
        self.ended = Ended::read(&self.place.output);
    }

    /// Whether a run has ended here, be it this one or another.
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// The exit code of this very run, if it has ended already and nobody heard of it.
    ///
    /// # Errors
    ///
    /// [`RunError::Refused`]: another run has ended here.
    pub fn code(&self, wanted: &Wanted<'_>) -> Result<Option<u8>, RunError> {
        let Some(ended) = self.ended else {
            return Ok(None);
        };
        let settings = settings_bytes(&wanted.settings);
        let this = Ended::new(&settings, &listing::list_again(wanted.inputs), ended.code);
        if this != ended && self.goes_on {
            return Ok(None);
        }
        if this != ended {
            return Err(refused(format!(
                "{}: the run to it has ended, with other settings or inputs; name another or give --overwrite",
                self.place.output.display()
            )));
        }
        // It may have been killed before all of its state was gone.
        if self.place.state.exists() {
            self.place.remove()?;
        }
        Ok(Some(ended.code))
    }

    /// Whether a stopped run is gone on with.
    pub fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// What the names of the run's temporary files begin with.
    pub fn prefix(&self) -> String {
        prefix(&self.number)
    }

    /// Begins the run, or goes on with it. The directory of an output tree is there and locked.
    ///
    /// # Errors
    ///
    /// [`RunError::Refused`]: settings or inputs are not those of the stopped run; nothing was
    /// written then. [`RunError::Locked`]: another run came first. Or the state cannot be
    /// written.
    pub fn begin(self, wanted: Wanted<'_>) -> Result<Run, RunError> {
        let Planned {
            place,
            found,
            goes_on,
            number,
            has_output,
            ..
        } = self;
        let program = format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let header = Header {
            form: FORM,
            program,
            number,
            settings: wanted.settings,
            folders: folders(wanted.side_files)?,
        };
        let stopped = found.filter(|_| goes_on);
        if let Some(stopped) = &stopped {
            let differences = stopped.header.differences(&header);
            if !differences.is_empty() {
                return Err(refused(format!(
                    "{}: the stopped run cannot be gone on with: {}; give the same command, or begin anew with --overwrite",
                    place.output.display(),
                    differences.join("; ")
                )));
            }
        }
        let lock = place.lock()?;
        let now = place.read()?;
        if now.as_ref().map(|now| &now.header.number)
            != stopped.as_ref().map(|stopped| &stopped.header.number)
            && stopped.is_some()
        {
            return Err(RunError::Locked(place.output));
        }
        let mut run = Run {
            place,
            header,
            every: wanted.every,
            record: None,
            listing: None,
            is_stream: wanted.inputs.iter().any(Input::is_stream),
            _lock: lock,
            has_output,
            has_ended: false,
        };
        if stopped.is_some() {
            run.go_on(wanted.inputs)?;
        } else {
            run.begin_anew(now)?;
        }
        Ok(run)
    }
}

fn settings_bytes(settings: &[Setting]) -> Vec<u8> {
    let settings = settings.iter();
    settings
        .flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes())
        .collect()
}

fn prefix(number: &str) -> String {
    format!("{TEMPORARY_PREFIX}{number}-")
}

/// The directories that files lie in.
fn folders(files: &[&Path]) -> Result<Vec<PathBuf>, RunError> {
    let mut folders = Vec::new();
    for file in files {
        let place = match file.canonicalize() {
            Ok(place) => place,
            Err(_) => std::path::absolute(file).map_err(io_at(file))?,
        };
        folders.extend(place.parent().map(Path::to_path_buf));
    }
    folders.sort();
    folders.dedup();
    Ok(folders)
}

impl Header {
    /// What is not the same, in words.
    fn differences(&self, other: &Header) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |name: &str, before: Option<&String>, now: Option<&String>| {
            if before != now {
                let shown = |value: Option<&String>| value.cloned().unwrap_or("not set".to_owned());
                differences.push(format!("{name} was {}, is {}", shown(before), shown(now)));
            }
        };
        compare("the program", Some(&self.program), Some(&other.program));
        let forms = [self, other].map(|header| header.form.to_string());
        compare("the form of its state", Some(&forms[0]), Some(&forms[1]));
        let value = |header: &Header, name: &str| {
            let mut settings = header.settings.iter();
            let found = settings.find(|(other, _)| other == name);
            found.map(|(_, value)| value.clone())
        };
        let mut names: Vec<&String> = [self, other]
            .iter()
            .flat_map(|header| header.settings.iter().map(|(name, _)| name))
            .collect();
        names.sort();
        names.dedup();
        for name in names {
            compare(
                name,
                value(self, name).as_ref(),
                value(other, name).as_ref(),
            );
        }
        differences
    }
}

impl Place {
    /// Makes the state's directory; beside an output file, locks it.
    fn lock(&self) -> Result<Option<File>, RunError> {
        loop {
            match std::fs::create_dir(&self.state) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    // Users know the output by its own name.
                    return Err(io_at(&self.output)(error));
                }
                _ => {}
            }
            if self.is_tree {
                return Ok(None);
            }
            let lock = match tree::lock(&self.state) {
                Err(RunError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => continue,
                Err(RunError::Locked(_)) => return Err(RunError::Locked(self.output.clone())),
                lock => lock?,
            };
            // The run before may have deleted the directory that was locked here.
            if is_at(&lock, &self.state) {
                return Ok(Some(lock));
            }
        }
    }

    /// Deletes the temporary files of a dead run, whose names are its own, but for those spared.
    fn sweep(&self, header: &Header, spared: &[PathBuf]) -> Result<(), RunError> {
        let prefix = prefix(&header.number);
        let depth = if self.is_tree { usize::MAX } else { 1 };
        let output = match self.is_tree {
            true => self.output.clone(),
            false => self.output.parent().unwrap_or(Path::new(".")).to_path_buf(),
        };
        let folders = header.folders.iter().map(|folder| (folder, 1));
        for (folder, depth) in std::iter::once((&output, depth)).chain(folders) {
            for entry in WalkDir::new(folder).max_depth(depth).into_iter().flatten() {
                let name = entry.file_name().as_encoded_bytes();
                let is_stale = name.starts_with(prefix.as_bytes()) && entry.file_type().is_file();
                let mut spared = spared.iter().filter_map(|spared| spared.file_name());
                if is_stale && !spared.any(|spared| spared == entry.file_name()) {
                    std::fs::remove_file(entry.path()).map_err(io_at(entry.path()))?;
                }
            }
        }
        Ok(())
    }

    fn remove(&self) -> Result<(), RunError> {
        self.clear()?;
        std::fs::remove_dir(&self.state).map_err(io_at(&self.state))
    }

    /// Deletes the state, what says most of the run last.
    fn clear(&self) -> Result<(), RunError> {
        let indexes = INDEXES.iter().map(|(name, _)| *name);
        let names = indexes.chain([CHECKPOINT, INPUTS, RUN]);
        let mut names: Vec<PathBuf> = names.map(|name| self.state.join(name)).collect();
        // Whatever else a dead process left while it wrote these.
        for entry in WalkDir::new(&self.state).max_depth(1).into_iter().flatten() {
            if entry.file_type().is_file() && !names.iter().any(|name| name == entry.path()) {
                names.insert(0, entry.into_path());
            }
        }
        for path in names {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(io_at(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether an open directory stands at a path.
#[cfg(unix)]
fn is_at(directory: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(here), Ok(there)) = (directory.metadata(), std::fs::metadata(path)) else {
        return false;
    };
    (here.dev(), here.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.is_dir()
}

impl Run {
    fn path(&self, name: &str) -> PathBuf {
        self.place.state.join(name)
    }

    /// What the names of its temporary files begin with.
    pub fn prefix(&self) -> String {
        prefix(&self.header.number)
    }

    fn begin_anew(&mut self, before: Option<Stopped>) -> Result<(), RunError> {
        if let Some(before) = before {
            self.place.sweep(&before.header, &[])?;
        }
        self.place.clear()?;
        Ended::clear(&self.place.output);
        let header = serde_json::to_vec_pretty(&self.header).map_err(|error| RunError::Io {
            path: self.path(RUN),
            error: error.into(),
        })?;
        self.write(RUN, &header)?;
        if !self.is_stream {
            self.listing = Some(Listing::create(&self.path(INPUTS))?);
        }
        Ok(())
    }

    fn go_on(&mut self, inputs: &[Input]) -> Result<(), RunError> {
        if !self.is_stream {
            listing::check(&self.path(INPUTS), inputs)?;
            let path = self.path(CHECKPOINT);
            self.record = match std::fs::read(&path) {
                Ok(bytes) => {
                    Some(serde_json::from_slice(&bytes).map_err(|error| damaged(&path, error))?)
                }
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(io_at(&path)(error)),
            };
        }
        let spared = self.record.as_ref().map(Record::files).unwrap_or_default();
        self.place.sweep(&self.header, &spared)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let mut file = Box::new(AtomicFile::create(&self.path(name), TEMPORARY_PREFIX)?);
        file.write(bytes)?;
        file.finish()
    }

    /// The first source over all inputs of the run, so that they are noted; others need not go
    /// through this.
    pub fn list(&mut self, inputs: Inputs) -> Listed {
        Listed::new(inputs, self.listing.take())
    }

    /// The index of the run that was stopped, if it was kept and is as it was written.
    pub fn index(
        &self,
        settings: &Settings,
        key: &FingerprintKey,
        options: &RunOptions,
    ) -> Option<CorpusIndex> {
        INDEXES.iter().find_map(|(name, is_whole)| {
            let path = self.path(name);
            path.exists().then_some(())?;
            let index = index_files::load(&path, settings, key, options).ok()?;
            Some(CorpusIndex {
                is_whole: *is_whole,
                ..index
            })
        })
    }

    /// Keeps the index for whoever goes on with the run, unless counting again is as cheap:
    /// it `took` less than the time between two checkpoints.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn keep_index(&self, index: &CorpusIndex, took: Duration) -> Result<(), RunError> {
        if took < self.every {
            return Ok(());
        }
        let named = INDEXES
            .iter()
            .find(|(_, is_whole)| *is_whole == index.is_whole);
        named.map_or(Ok(()), |(name, _)| {
            index_files::write_as_it_is(index, &self.path(name))
        })
    }

    /// The files beside the pages, begun or gone on with, and what the run came to before.
    ///
    /// # Errors
    ///
    /// A file cannot be made, or is not as it was left.
    pub fn side_files(
        &mut self,
        ledger: Option<&Path>,
        rejects: Option<&Path>,
    ) -> Result<SideFiles, RunError> {
        let record = self.record.take();
        let mut files = match &record {
            Some(record) if record.is_done => SideFiles::default(),
            _ => SideFiles::create(ledger, rejects, &self.prefix())?,
        };
        if let Some(record) = &record {
            for pending in &record.pending {
                pending.put()?;
            }
            for (file, partial) in [
                (&mut files.ledger, &record.ledger),
                (&mut files.rejects, &record.rejects),
            ] {
                if let Some(partial) = partial {
                    *file = Some(AtomicFile::resume(partial)?);
                }
            }
        }
        files.log = (!self.is_stream).then(|| Log::new(self.path(CHECKPOINT), self.every, record));
        Ok(files)
    }

    /// Ends a run that ended well, with this exit code: its state goes.
    ///
    /// # Errors
    ///
    /// It cannot be deleted.
    pub fn end(mut self, code: u8) -> Result<(), RunError> {
        self.has_ended = true;
        if let Ok(listing) = std::fs::read(self.path(INPUTS)) {
            let settings = settings_bytes(&self.header.settings);
            Ended::new(&settings, &listing, code).write(&self.place.output);
        }
        self.place.remove()
    }

    /// Ends a run that nobody can go on with: its state goes.
    ///
    /// # Errors
    ///
    /// As [`Run::end`].
    pub fn abandon(mut self) -> Result<(), RunError> {
        self.has_ended = true;
        self.place.remove()
    }

    /// Whether there is something that going on with it would save, or needs.
    pub fn is_of_use(&self) -> bool {
        let has_pages = || {
            let entries = std::fs::read_dir(&self.place.output);
            entries.is_ok_and(|mut entries| {
                entries
                    .any(|entry| entry.is_ok_and(|entry| !self.place.is_state(&entry.file_name())))
            })
        };
        let stopped = self.place.read();
        stopped.is_ok_and(|stopped| stopped.is_some_and(|stopped| stopped.has_progress))
            || self.place.is_tree && has_pages()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.has_ended && !self.is_of_use() {
            // There is nobody to tell; the next run sweeps it.
            let _ = self.place.remove();
            if self.place.is_tree && !self.has_output {
                let _ = std::fs::remove_dir(&self.place.output);
            }
        }
    }
}
