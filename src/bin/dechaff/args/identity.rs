//! What a run is: the options that `--resume` compares.

use std::any::TypeId;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use clap::ArgMatches;
use dechaff::pipeline::resume::Setting;

use super::corpus::KeyFile;

/// Options on which no output depends.
pub(super) const NEUTRAL: &[&str] = &[
    "threads",
    "max_memory",
    // What it comes to is among the settings.
    "max_page_bytes",
    "temp_dir",
    "overwrite",
    "resume",
    "checkpoint",
    "quiet",
];
/// Options that name a file to be read, whose size and time of change count.
pub(super) const READ_FILES: &[&str] = &["model", "html_model", "index"];

/// The option whose file is read when the command line is.
pub(super) const KEY_FILE: &str = "key_file";

/// What is set of a command, by its options' names.
pub(super) fn settings(command: &clap::Command, matches: &ArgMatches) -> Vec<Setting> {
    let arguments = command.get_arguments();
    let arguments = arguments.filter(|argument| !NEUTRAL.contains(&argument.get_id().as_str()));
    arguments
        .filter_map(|argument| {
            let id = argument.get_id().as_str();
            let values = matches.try_get_raw(id).ok()??;
            if id == KEY_FILE {
                // Where the file lies means nothing.
                let key = matches.get_one::<KeyFile>(id)?.key.name()?.to_owned();
                return Some((format!("--{}", argument.get_long()?), key));
            }
            let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
            let shown = values.map(|value| {
                let path = Path::new(value);
                let is_file = READ_FILES.contains(&id);
                match std::path::absolute(path) {
                    Ok(path) if is_file && path.exists() => stamped(&path),
                    Ok(path) if is_path && !is_file => format!("{path:?}"),
                    _ => format!("{value:?}"),
                }
            });
            let name = match argument.get_long() {
                Some(long) => format!("--{long}"),
                None => id.to_owned(),
            };
            Some((name, shown.collect::<Vec<_>>().join(" ")))
        })
        .collect()
}

/// A file with its size and time of change.
pub(super) fn stamped(path: &Path) -> String {
    let metadata = std::fs::metadata(path).ok();
    let bytes = metadata.as_ref().map_or(0, std::fs::Metadata::len);
    let changed = metadata.and_then(|found| found.modified().ok());
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let seconds = changed.unwrap_or_default().as_secs_f64();
    format!("{path:?} ({bytes} bytes, changed at {seconds:.3})")
}
