//! A command at work: signals that stop it, what is shown meanwhile, its exit code.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context;
use dechaff::charset::Charset;
use dechaff::error::{Problem, RunError};
use dechaff::pipeline::plan::STANDARD_STREAM;
use dechaff::pipeline::{Likeness, Progress};
use dechaff::visible::visible;
use indicatif::{ProgressBar, ProgressStyle};

use crate::commands::{CLOSED_PIPE, FATAL, tell};

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
        Err(error @ RunError::Refused(_)) => Err(error.into()),
        Err(RunError::Io { error, .. }) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Ok(CLOSED_PIPE)
        }
        Err(error) => {
            tell(&format!("dechaff: {error}"));
            Ok(FATAL)
        }
    }
}

/// What went wrong when something was written to standard output.
pub fn at_stdout(error: std::io::Error) -> RunError {
    RunError::Io {
        path: "standard output".into(),
        error,
    }
}

/// Problems as lines; a bar on a terminal.
pub struct Shown {
    bar: ProgressBar,
    is_quiet: bool,
    /// Problems told so far.
    pub problems: u64,
}

impl Shown {
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
        Shown {
            bar,
            is_quiet,
            problems: 0,
        }
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

impl Progress for Shown {
    fn done(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn problem(&mut self, problem: &Problem) {
        self.problems += 1;
        self.say(&problem.to_string());
    }

    fn emptied(&mut self, page: &[u8]) {
        if !self.is_quiet {
            self.say(&format!("{}: note: no line of it stays", visible(page)));
        }
    }

    fn charset(&mut self, page: &[u8], charset: Option<Charset>) {
        if !self.is_quiet {
            let note = match charset {
                Some(charset) => format!("charset converted from {} to UTF-8", charset.name()),
                None => "not UTF-8, in no charset that can be told; bytes kept (see --encoding)"
                    .to_owned(),
            };
            self.say(&format!("{}: note: {note}", visible(page)));
        }
    }

    fn likeness(&mut self, page: &[u8], likeness: Likeness) {
        if !self.is_quiet {
            let note = match likeness {
                Likeness::Rows => {
                    "looks like JSON lines, was read as text; --format jsonl reads rows"
                }
                Likeness::Table => "named Parquet, but is none; was read as text",
            };
            self.say(&format!("{}: note: {note}", visible(page)));
        }
    }
}

/// Where no memory is left the standard library says so and aborts; nothing can be done then but
/// to end as other fatal errors do. What was written stays as a kill would leave it.
pub fn end_aborts_with_code() {
    use signal_hook::consts::SIGABRT;
    let always = Arc::new(AtomicBool::new(true));
    let _ = signal_hook::flag::register_conditional_shutdown(SIGABRT, FATAL.into(), always);
}

/// What signals do to a command.
pub struct Signals {
    /// Whether it is to stop.
    pub stop: Arc<AtomicBool>,
    number: Arc<AtomicUsize>,
}

impl Signals {
    /// The exit code of a command that a signal stopped.
    pub fn exit_code(&self) -> u8 {
        u8::try_from(128 + self.number.load(Ordering::Relaxed)).unwrap_or(FATAL)
    }
}

/// The first SIGINT, SIGTERM or SIGHUP stops the run in good order, the second ends it at once.
pub fn watch_signals() -> std::io::Result<Signals> {
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
