//! Inputs and outputs as the user named them in, checked work out. Everything that is refused
//! is refused here, before anything is written.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use super::RunOptions;
use super::resume::{self, STATE_NAME};
use crate::error::RunError;
use crate::sink::Sink;
use crate::sink::atomic::without_temporary_name;
use crate::sink::discard::Discard;
use crate::sink::records::RecordFormat;
use crate::sink::render;
use crate::sink::single::Single;
use crate::sink::tree::Tree;
use crate::source::FileEntry;
use crate::source::content;
#[cfg(feature = "parquet")]
use crate::source::inputs::InputFormat;
use crate::source::inputs::{Input, Links, StreamReader};
use crate::source::packed::split_name;

/// What stands for standard input and standard output.
pub const STANDARD_STREAM: &str = "-";

/// What the user named.
#[derive(Debug)]
pub struct Request<'a> {
    /// Files, directories, or `-` alone.
    pub inputs: &'a [PathBuf],
    /// Other files that are read, if there are such: nothing is written over them.
    pub reads: &'a [&'a Path],
    /// Where pages go; None writes nothing.
    pub output: Option<&'a Path>,
    /// Other files that the run writes.
    pub side_files: &'a [&'a Path],
    /// Whether symbolic links in directories are followed.
    pub follow: bool,
    /// Whether outputs that hold something may be written to.
    pub overwrite: bool,
    /// What is written of WARC.
    pub record_format: RecordFormat,
    /// Whether a run to this output that did not end is gone on with, if there is one.
    pub resume: bool,
    /// Whether pages may have a file beside them ([`render::Mode::Spans`] on text).
    pub has_companions: bool,
}

/// The process's standard streams, so that nothing here opens them.
pub struct Streams {
    /// Standard input.
    pub input: Box<dyn Read + Send>,
    /// Standard output.
    pub output: Box<dyn Write + Send>,
}

/// Opens the sink of a request that was checked: the first thing of a run that is written.
pub type OpenSink = Box<dyn FnOnce() -> Result<Box<dyn Sink>, RunError>>;

/// A request that was checked.
pub struct Plan {
    /// What is read.
    pub inputs: Vec<Input>,
    /// Where pages go.
    pub open_sink: OpenSink,
    /// The run as one that can be gone on with; None where nothing is written, or to a stream or
    /// device only. To be begun when the sink is open.
    pub run: Option<resume::Planned>,
}

/// Checks a request and turns it into inputs and a sink to be opened.
///
/// With one input, names in the output are paths below it; with several, each input's own
/// last name stands in front.
///
/// # Errors
///
/// [`RunError::Refused`] for what does not go together; nothing was written then.
/// [`RunError::Locked`] where another run writes to the output.
pub fn plan(request: &Request<'_>, streams: Streams) -> Result<Plan, RunError> {
    let Streams { input, output } = streams;
    let inputs = if request.inputs.iter().any(|path| is_stream(path)) {
        if request.inputs.len() > 1 {
            return Err(refused("- (standard input) goes alone"));
        }
        let stream = PathBuf::from(STANDARD_STREAM);
        let file = FileEntry::new(stream.clone(), stream);
        vec![Input::Stream(file, StreamReader(input))]
    } else {
        files(request)?
    };
    let is_tree = inputs.len() != 1 || matches!(inputs[0], Input::Directory { .. });
    let run = planned_run(request, is_tree)?;
    let goes_on = run
        .as_ref()
        .is_some_and(|run| run.goes_on() || run.has_ended());
    let request = &Request {
        overwrite: request.overwrite || goes_on,
        ..*request
    };
    check_side_files(request)?;
    let prefix = run.as_ref().map_or(String::new(), resume::Planned::prefix);
    let open_sink: OpenSink = match request.output {
        Some(path) if !is_stream(path) && is_tree => {
            check_tree(request, path)?;
            let path = path.to_path_buf();
            Box::new(move || Ok(Box::new(Tree::new(&path, &prefix)?)))
        }
        _ => {
            let sink = single_sink(request, output, &prefix)?;
            Box::new(|| Ok(sink))
        }
    };
    Ok(Plan {
        inputs,
        open_sink,
        run,
    })
}

fn is_stream(path: &Path) -> bool {
    path == Path::new(STANDARD_STREAM)
}

/// The run to an output that somebody can go on with, and whether it is gone on with.
fn planned_run(request: &Request<'_>, is_tree: bool) -> Result<Option<resume::Planned>, RunError> {
    let is_device = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
    };
    let output = request
        .output
        .filter(|path| !is_stream(path) && !is_device(path));
    let Some(output) = output else {
        return match request.resume {
            true => Err(refused(
                "--resume goes on with an output file or directory; none is written here",
            )),
            false => Ok(None),
        };
    };
    let place = if is_tree {
        resume::Place::in_tree(output)
    } else {
        resume::Place::beside(&place_of(output)?)
    };
    let found = place.look()?;
    let has_progress = found.as_ref().is_some_and(|found| found.has_progress);
    if has_progress && !request.resume && !request.overwrite {
        let output = output.display();
        return Err(refused(format!(
            "a run to {output} was stopped; go on with it by --resume, or begin anew by --overwrite"
        )));
    }
    let mut run = resume::Planned::new(place, found, request.resume);
    if request.resume && !request.overwrite {
        run.look_for_end();
    }
    Ok(Some(run))
}

/// Refuses inputs that are Parquet without the column of texts, all of them, and Parquet from a
/// stream. Of what is no Parquet only first bytes are read.
///
/// # Errors
///
/// [`RunError::Refused`] names the columns of the first.
#[cfg(feature = "parquet")]
pub fn check_tables(
    inputs: &[Input],
    format: InputFormat,
    options: &RunOptions,
) -> Result<(), RunError> {
    if !matches!(format, InputFormat::Auto | InputFormat::Parquet) {
        return Ok(());
    }
    if format == InputFormat::Parquet && inputs.iter().any(Input::is_stream) {
        let why = "Parquet is read from a file: its directory stands at its end";
        return Err(refused(why));
    }
    let again = inputs.iter().filter_map(Input::again).collect();
    match options.source(again, format).all_lack_text() {
        Some(problem) => Err(refused(problem.to_string())),
        None => Ok(()),
    }
}

/// Checks a request that writes side files only.
///
/// # Errors
///
/// As [`plan`]; standard input is refused.
pub fn plan_files(request: &Request<'_>) -> Result<Vec<Input>, RunError> {
    if request.inputs.iter().any(|path| is_stream(path)) {
        return Err(refused("- (standard input) is no file or directory"));
    }
    let inputs = files(request)?;
    check_side_files(request)?;
    Ok(inputs)
}

/// Refuses a directory for temporary files in which none can be made.
///
/// # Errors
///
/// [`RunError::Refused`].
pub fn check_temp_dir(options: &RunOptions) -> Result<(), RunError> {
    let Some(directory) = &options.temp_dir else {
        return Ok(());
    };
    let made = tempfile::tempfile_in(directory);
    made.map(drop).map_err(|error| {
        let error = without_temporary_name(error);
        refused(format!("--temp-dir {}: {error}", directory.display()))
    })
}

/// Refuses an output file that holds something, unless it may be replaced; and one that is among
/// `inputs`, or lies in one of these.
///
/// # Errors
///
/// [`RunError::Refused`].
pub fn check_output(path: &Path, inputs: &[PathBuf], overwrite: bool) -> Result<(), RunError> {
    check_side_files(&Request {
        inputs,
        reads: &[],
        output: None,
        side_files: &[path],
        follow: false,
        overwrite,
        record_format: RecordFormat::default(),
        resume: false,
        has_companions: false,
    })
}

/// The files and directories of a request.
fn files(request: &Request<'_>) -> Result<Vec<Input>, RunError> {
    let mut inputs = Vec::new();
    let mut names = BTreeSet::new();
    let is_single = request.inputs.len() == 1;
    let links = links(request)?;
    for path in request.inputs {
        let metadata = std::fs::metadata(path)
            .map_err(|error| refused(format!("{}: {error}", path.display())))?;
        let own_name = PathBuf::from(own_name(path)?);
        let content_name = split_name(&own_name).0;
        let ending = match metadata.is_file() && !is_single {
            true if content::is_named_html(content_name) => Some(render::TEXT_ENDING),
            true if content::is_named_warc(content_name) => Some(request.record_format.word()),
            _ => None,
        };
        let made_name = ending.map(|ending| render::made_name(&own_name, ending));
        for name in std::iter::once(own_name.clone()).chain(made_name) {
            if !names.insert(name.clone()) {
                let name = name.display();
                return Err(refused(format!(
                    "two inputs are called {name}; take one at a time"
                )));
            }
        }
        if metadata.is_dir() && path.join(STATE_NAME).symlink_metadata().is_ok() {
            return Err(refused(format!(
                "{} is the output of a run that was stopped; go on with that first",
                path.display()
            )));
        }
        inputs.push(if metadata.is_dir() {
            let name = if is_single { PathBuf::new() } else { own_name };
            Input::Directory {
                path: path.clone(),
                name,
                links: links.clone(),
            }
        } else {
            Input::File(FileEntry::new(path.clone(), own_name))
        });
    }
    Ok(inputs)
}

/// What is done with symbolic links: where they are followed, none leads to what is written, as
/// nothing is written into an input directory.
fn links(request: &Request<'_>) -> Result<Links, RunError> {
    if !request.follow {
        return Ok(Links::Stay);
    }
    let output = request.output.filter(|path| !is_stream(path));
    let written = output.iter().chain(request.side_files);
    let places: Result<Vec<PathBuf>, RunError> = written.map(|path| place_of(path)).collect();
    Ok(Links::Follow(places?.into()))
}

fn refused(why: impl Into<String>) -> RunError {
    RunError::Refused(why.into())
}

/// The last name of an input, with `.` and `..` followed.
fn own_name(path: &Path) -> Result<std::ffi::OsString, RunError> {
    let real;
    let name = match path.components().next_back() {
        Some(Component::Normal(name)) => Some(name),
        _ => {
            real = place_of(path)?;
            real.file_name()
        }
    };
    Ok(name.unwrap_or("root".as_ref()).to_owned())
}

/// One output file, standard output, or nothing.
fn single_sink(
    request: &Request<'_>,
    standard_output: Box<dyn Write + Send>,
    prefix: &str,
) -> Result<Box<dyn Sink>, RunError> {
    let Some(path) = request.output else {
        return Ok(Box::new(Discard));
    };
    if is_stream(path) {
        if request.has_companions {
            return Err(refused(
                "--mode spans writes a second file; name an output file",
            ));
        }
        return Ok(Box::new(Single::stream(
            Path::new("standard output"),
            standard_output,
        )));
    }
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            let path = path.display();
            return Err(refused(format!(
                "{path} is a directory, but the input is one page"
            )));
        }
        Ok(_) => {
            let place = place_of(path)?;
            for input in request.inputs {
                if place_of(input)? == place {
                    let path = path.display();
                    return Err(refused(format!("{path} is input and output")));
                }
            }
            check_file(request, path)?;
        }
        Err(_) => check_file(request, path)?,
    }
    if request.has_companions {
        check_file(request, &render::spans_name(path))?;
    }
    Ok(Box::new(Single::file(path, prefix)))
}

/// A file that holds something is not written over unasked.
fn check_file(request: &Request<'_>, path: &Path) -> Result<(), RunError> {
    if let Ok(found) = std::fs::metadata(path) {
        let is_full = found.is_file() && found.len() > 0;
        if found.is_dir() || is_full && !request.overwrite {
            let path = path.display();
            return Err(refused(format!(
                "{path} exists; name another or give --overwrite"
            )));
        }
    }
    let place = place_of(path)?;
    if !place.parent().is_some_and(Path::is_dir) {
        let path = path.display();
        return Err(refused(format!("{path}: no such directory")));
    }
    check_outside(request.inputs, path)
}

/// Refuses an output that lies in an input directory.
///
/// # Errors
///
/// [`RunError::Refused`].
pub fn check_outside(inputs: &[PathBuf], path: &Path) -> Result<(), RunError> {
    let place = place_of(path)?;
    for input in inputs.iter().filter(|input| input.is_dir()) {
        if place.starts_with(place_of(input)?) {
            let (path, input) = (path.display(), input.display());
            return Err(refused(format!("{path} lies in the input {input}")));
        }
    }
    Ok(())
}

fn check_tree(request: &Request<'_>, path: &Path) -> Result<(), RunError> {
    let place = place_of(path)?;
    check_outside(request.inputs, path)?;
    for input in request.inputs {
        if place_of(input)?.starts_with(&place) {
            let (path, input) = (path.display(), input.display());
            return Err(refused(format!("the input {input} lies in {path}")));
        }
    }
    let is_page = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.map_or(true, |entry| entry.file_name() != STATE_NAME)
    };
    match std::fs::read_dir(path).map(|mut entries| !entries.any(is_page)) {
        Ok(is_empty) if is_empty || request.overwrite => Ok(()),
        Ok(_) => {
            let path = path.display();
            let nothing = match request.resume {
                true => " and holds no stopped run",
                false => "",
            };
            Err(refused(format!(
                "{path} is not empty{nothing}; name another or give --overwrite"
            )))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refused(format!("{}: {error}", path.display()))),
    }
}

fn check_side_files(request: &Request<'_>) -> Result<(), RunError> {
    let mut places = BTreeSet::new();
    for path in request.inputs.iter().filter(|path| !is_stream(path)) {
        places.insert(place_of(path)?);
    }
    for path in request.reads {
        places.insert(place_of(path)?);
    }
    let output = request.output.filter(|path| !is_stream(path));
    if let Some(path) = output {
        let written = [place_of(path)?, place_of(&render::spans_name(path))?];
        for read in request.reads {
            if written.contains(&place_of(read)?) {
                let read = read.display();
                return Err(refused(format!("{read} is read: it cannot be written too")));
            }
        }
        places.extend(written);
    }
    for path in request.side_files {
        if is_stream(path) {
            return Err(refused("- is for pages; give the file a name"));
        }
        check_file(request, path)?;
        let place = place_of(path)?;
        let is_in_tree = output
            .map(place_of)
            .transpose()?
            .is_some_and(|output| place.starts_with(output));
        let is_device = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
        if !is_device && (is_in_tree || !places.insert(place)) {
            let path = path.display();
            return Err(refused(format!("{path} is used otherwise already")));
        }
    }
    Ok(())
}

/// Where a path leads, symbolic links followed; the last parts need not exist.
fn place_of(path: &Path) -> Result<PathBuf, RunError> {
    let mut behind = Vec::new();
    let mut front = std::path::absolute(path).map_err(crate::error::io_at(path))?;
    loop {
        if let Ok(real) = front.canonicalize() {
            return Ok(behind
                .iter()
                .rev()
                .fold(real, |place, name| place.join(name)));
        }
        match (
            front.file_name().map(|name| name.to_owned()),
            front.parent(),
        ) {
            (Some(name), Some(parent)) => {
                behind.push(name);
                front = parent.to_path_buf();
            }
            _ => return Ok(front),
        }
    }
}
