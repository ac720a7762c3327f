//! `dechaff clean`: inputs in, cleaned pages out, with a table of what was done.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Context;
use dechaff::error::{Problem, RunError};
use dechaff::index::CorpusIndex;
use dechaff::index::format::Kind;
use dechaff::pipeline::index_files::{self, PartFile};
use dechaff::pipeline::plan::{self, Request, STANDARD_STREAM, Streams};
use dechaff::pipeline::{self, PassOne, Progress, RunOptions, SideFiles};
use dechaff::sink::Output;
use dechaff::sink::atomic::AtomicFile;
use dechaff::source::inputs::{Input, Inputs};
use dechaff::source::site::SiteBy;
use dechaff::visible::visible;
use dechaff::{Cleaner, Config, sink};
use indicatif::{ProgressBar, ProgressStyle};

use super::{CLEAN, CLOSED_PIPE, FATAL, INCOMPLETE, USAGE, tell};
use crate::args::{CleanArgs, Format, Mode};
use crate::standard;
use crate::summary::{RunRecord, Summary};

/// The smallest `--max-page-bytes`: below it ordinary pages would be cut.
const MIN_PAGE_BYTES: usize = 64 << 10;

pub fn run(args: &CleanArgs) -> anyhow::Result<u8> {
    if args.reading.max_page_bytes.0 < MIN_PAGE_BYTES {
        tell("dechaff: --max-page-bytes is below the workable minimum of 64KiB");
        return Ok(USAGE);
    }
    run_to_code(|stop| clean(args, stop))
}

/// Runs a command that signals can stop; its exit code, with what went wrong told.
pub fn run_to_code(
    command: impl FnOnce(Arc<AtomicBool>) -> Result<u8, RunError>,
) -> anyhow::Result<u8> {
    let signal = watch_signals().context("cannot watch for signals")?;
    match command(Arc::clone(&signal.stop)) {
        Ok(code) => Ok(code),
        Err(RunError::Stopped) => {
            tell("dechaff: stopped; files written so far are whole");
            Ok(signal.exit_code())
        }
        Err(error @ RunError::Refused(_)) => {
            tell(&format!(
                "dechaff: {}",
                visible(error.to_string().as_bytes())
            ));
            Ok(USAGE)
        }
        Err(RunError::Io { error, .. }) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Ok(CLOSED_PIPE)
        }
        Err(error) => {
            tell(&format!("dechaff: {error}"));
            Ok(FATAL)
        }
    }
}

fn clean(args: &CleanArgs, stop: Arc<AtomicBool>) -> Result<u8, RunError> {
    let started = Instant::now();
    let config = args.corpus.config(&args.engine);
    let cleaner = Cleaner::new(config.clone())?;
    let mode = match args.mode {
        Mode::Drop => sink::render::Mode::Drop,
        Mode::Tag => sink::render::Mode::Tag,
        Mode::Spans => sink::render::Mode::Spans,
    };
    let options = RunOptions {
        mode,
        max_removed_percent: args.max_removed,
        stop,
        ..args.reading.options(&args.corpus)
    };
    let side_files: Vec<&Path> = [&args.removed, &args.rejects, &args.stats, &args.write_index]
        .into_iter()
        .flatten()
        .map(AsRef::as_ref)
        .collect();
    let request = Request {
        inputs: &args.inputs,
        output: output(args)?,
        side_files: &side_files,
        overwrite: args.overwrite,
        has_companions: args.mode == Mode::Spans && args.reading.format != Format::Jsonl,
    };
    let streams = Streams {
        input: Box::new(standard::Input::new(Arc::clone(&options.stop))),
        output: Box::new(std::io::stdout()),
    };
    let loaded = loaded_index(args, &config, &options)?;
    let (inputs, open_sink) = plan::plan(&request, streams)?;
    let files = SideFiles::create(args.removed.as_deref(), args.rejects.as_deref())?;
    let stats = args.stats.as_deref().map(AtomicFile::at).transpose()?;
    let format = args.reading.format();
    let again = inputs_of_pass_one(args, &config, &inputs, options.site_by)?;
    let mut progress = Terminal::new(
        &args.inputs,
        if again.is_some() { 2 } else { 1 },
        args.quiet,
    );
    let index = match again {
        Some(inputs) => Some(pass_one(args, &config, inputs, &mut progress, &options)?),
        None => loaded,
    };
    let cleaner = match index {
        Some(index) => cleaner.with_index(Arc::new(index)),
        None => cleaner,
    };
    let sink = open_sink()?;
    let mut source = Inputs::new(inputs, format, options.max_page_bytes);
    let done = pipeline::clean(
        &cleaner,
        &mut source,
        &*sink,
        files,
        &mut progress,
        &options,
    );
    progress.finish();
    let counts = done?;

    let summary = Summary::new(counts, started.elapsed());
    if let Some(stats) = stats {
        let record = RunRecord::new(&summary, &cleaner, &options);
        let mut stats = Box::new(stats);
        stats.write(record.to_json().as_bytes())?;
        stats.finish()?;
    }
    if !args.quiet {
        tell(summary.to_text().trim_end());
    }
    assert!(counts.adds_up(), "bytes in = kept + removed + rejected");
    Ok(if counts.problems > 0 {
        INCOMPLETE
    } else {
        CLEAN
    })
}

/// What is to be read before anything is cleaned; None where one pass will do.
fn inputs_of_pass_one(
    args: &CleanArgs,
    config: &Config,
    inputs: &[Input],
    site_by: SiteBy,
) -> Result<Option<Vec<Input>>, RunError> {
    if args.index.is_some() && args.write_index.is_none() {
        return Ok(None);
    }
    let is_asked_for =
        config.corpus_duplicates.is_some() || config.page_duplicates || args.write_index.is_some();
    let again: Option<Vec<Input>> = inputs.iter().map(Input::again).collect();
    if again.is_none() && is_asked_for {
        return Err(RunError::Refused(
            "standard input can be read once: duplicates across pages are found in files, or \
             with --index"
                .to_owned(),
        ));
    }
    let format = args.reading.format();
    let has_sites = config.needs_site() && site_by != SiteBy::None;
    let has_pages = inputs.len() > 1 || inputs.iter().any(|input| input.may_hold_pages(format));
    Ok(again.filter(|_| is_asked_for || has_sites && has_pages))
}

/// The index that replaces pass one. It is looked at before anything is written.
fn loaded_index(
    args: &CleanArgs,
    config: &Config,
    options: &RunOptions,
) -> Result<Option<CorpusIndex>, RunError> {
    let Some(path) = &args.index else {
        return Ok(None);
    };
    let settings = pipeline::settings(config, options);
    if args.write_index.is_none() {
        return index_files::load(path, &settings, options).map(Some);
    }
    let kind = index_files::check(path, &settings)?;
    if kind != Kind::Part {
        return Err(RunError::Refused(format!(
            "{} is a {}: pages can be added to a part only",
            path.display(),
            kind.word()
        )));
    }
    Ok(None)
}

/// The corpus index of the inputs, and of the part that --index names.
fn pass_one(
    args: &CleanArgs,
    config: &Config,
    inputs: Vec<Input>,
    progress: &mut Terminal,
    options: &RunOptions,
) -> Result<CorpusIndex, RunError> {
    let settings = pipeline::settings(config, options);
    let mut source = Inputs::new(inputs, args.reading.format(), options.max_page_bytes);
    let Some(written) = &args.write_index else {
        let pass = PassOne::default();
        return pipeline::index_corpus(config, &mut source, pass, progress, options);
    };
    let mut count = |path: &Path, is_part_only| {
        let mut part = PartFile::create(path, &settings)?;
        let pass = PassOne {
            part: Some(&mut part),
            is_part_only,
            ..PassOne::default()
        };
        let index = pipeline::index_corpus(config, &mut source, pass, progress, options)?;
        part.finish()?;
        Ok(index)
    };
    let Some(before) = &args.index else {
        return count(written, false);
    };
    let own = index_files::temporary(&options.temp_directory())?;
    count(&own, true)?;
    index_files::merge(&[before.as_path(), &own], written, options)?;
    index_files::freeze(&[written], options)
}

/// Where pages go; None in a dry run. Standard input goes to standard output unless the user
/// names another place.
fn output(args: &CleanArgs) -> Result<Option<&Path>, RunError> {
    let stream = Path::new(STANDARD_STREAM);
    match &args.output {
        _ if args.dry_run => Ok(None),
        Some(output) => Ok(Some(output)),
        None if args.inputs.iter().all(|input| input == stream) => Ok(Some(stream)),
        None => Err(RunError::Refused(
            "name the output with -o, or give --dry-run".to_owned(),
        )),
    }
}

/// Problems as lines; a bar on a terminal.
pub struct Terminal {
    bar: ProgressBar,
    is_quiet: bool,
}

impl Terminal {
    pub fn new(inputs: &[PathBuf], passes: u64, is_quiet: bool) -> Self {
        let is_shown = !is_quiet && std::io::stderr().is_terminal();
        let bar = if is_shown {
            let total_bytes = total_bytes(inputs).map(|bytes| bytes * passes);
            let template = if total_bytes.is_some() {
                "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left"
            } else {
                "{spinner} {bytes} {bytes_per_sec}"
            };
            let style = ProgressStyle::with_template(template);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total_bytes.unwrap_or(0)).with_style(style)
        } else {
            ProgressBar::hidden()
        };
        Terminal { bar, is_quiet }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, message: &str) {
        self.bar.suspend(|| tell(message));
    }
}

/// Bytes to read where that is known without walking: files named one by one.
fn total_bytes(inputs: &[PathBuf]) -> Option<u64> {
    inputs
        .iter()
        .map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            let is_known = path != Path::new(STANDARD_STREAM) && metadata.is_file();
            is_known.then_some(metadata.len())
        })
        .sum()
}

impl Progress for Terminal {
    fn done(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn problem(&mut self, problem: &Problem) {
        self.say(&problem.to_string());
    }

    fn emptied(&mut self, page: &[u8]) {
        if !self.is_quiet {
            self.say(&format!("{}: note: no line of it stays", visible(page)));
        }
    }
}

struct Signals {
    stop: Arc<AtomicBool>,
    number: Arc<AtomicUsize>,
}

impl Signals {
    fn exit_code(&self) -> u8 {
        u8::try_from(128 + self.number.load(Ordering::Relaxed)).unwrap_or(FATAL)
    }
}

/// The first SIGINT, SIGTERM or SIGHUP stops the run in good order, the second ends it at once.
fn watch_signals() -> std::io::Result<Signals> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    // A write past the file size limit is to fail like one to a full disk, not to kill.
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    let stop = Arc::new(AtomicBool::new(false));
    let number = Arc::new(AtomicUsize::new(0));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
        signal_hook::flag::register_usize(signal, Arc::clone(&number), signal as usize)?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(Signals { stop, number })
}
