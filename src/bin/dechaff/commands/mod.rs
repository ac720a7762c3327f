//! One file a command: arguments in, exit code out.

pub mod bench;
pub mod clean;
pub mod compare;
pub mod eval;
pub mod explain;
pub mod index;
pub mod repeats;
pub mod train;

use std::path::Path;

use dechaff::error::RunError;
use dechaff::sink::Output;
use dechaff::sink::atomic::{AtomicFile, TEMPORARY_PREFIX};
use dechaff::visible::visible;

/// Finished, nothing to tell.
pub const CLEAN: u8 = 0;
/// Stopped by an error.
pub const FATAL: u8 = 1;
/// The command cannot be carried out as it was given.
pub const USAGE: u8 = 2;
/// Finished, but input was rejected, skipped or damaged, or a gate of `compare` failed.
pub const INCOMPLETE: u8 = 3;
/// The reader of the output went away.
pub const CLOSED_PIPE: u8 = 141;

/// The exit code of a run that told of so many problems.
pub fn exit_code(problems: u64) -> u8 {
    match problems {
        0 => CLEAN,
        _ => INCOMPLETE,
    }
}

/// Says something to the user on standard error; a closed one is nobody to tell.
pub fn tell(message: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

/// Tells why a command is not carried out; the exit code.
pub fn refused(why: &dyn std::fmt::Display) -> u8 {
    tell(&format!("dechaff: {}", visible(why.to_string().as_bytes())));
    USAGE
}

/// Writes a file that is there whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let mut file = Box::new(AtomicFile::at(path, TEMPORARY_PREFIX)?);
    file.write(bytes)?;
    file.finish()
}
