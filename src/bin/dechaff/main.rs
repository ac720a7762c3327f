//! The program `dechaff`: flags in, exit code out. The only place that prints and exits.
#![allow(missing_docs)]

mod args;
mod commands;
mod json;
mod machine;
mod running;
mod standard;
mod summary;
mod terminal;

use std::io;
use std::process::ExitCode;

use args::{Cli, Command};
use dechaff::error::RunError;

/// Address space with less than which nothing can be done.
const LEAST_MEMORY_BYTES: usize = 64 << 20;

fn main() -> ExitCode {
    running::end_aborts_with_code();
    if let Some(bytes) = machine::address_space_bytes().filter(|&bytes| bytes < LEAST_MEMORY_BYTES)
    {
        commands::tell(&format!(
            "dechaff: address space is limited to {bytes} bytes; {LEAST_MEMORY_BYTES} is the least \
             that it takes (ulimit -v)"
        ));
        return ExitCode::from(commands::FATAL);
    }
    hush_caught_panics();
    let cli = Cli::read();
    if cli.command.asks_for_memory() {
        machine::take_memory_as_one();
    }
    let done = match &cli.command {
        Command::Clean(args) => commands::clean::run(args),
        Command::Explain(args) => commands::explain::run(args),
        Command::Eval(args) => commands::eval::run(args),
        Command::Bench(args) => commands::bench::run(args),
        Command::Compare(args) => commands::compare::run(args),
        Command::Repeats(args) => commands::repeats::run(args),
        Command::Index(command) => commands::index::run(command),
        Command::Train(args) => commands::train::run(args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::from(commands::CLOSED_PIPE),
        Err(error) => {
            let message = dechaff::visible::visible(whole_message(&error).as_bytes());
            commands::tell(&format!("dechaff: {message}"));
            ExitCode::from(match error.downcast_ref::<RunError>() {
                Some(RunError::Refused(_)) => commands::USAGE,
                _ => commands::FATAL,
            })
        }
    }
}

/// Says nothing of panics that are caught and told as a problem of a file.
fn hush_caught_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !dechaff::source::table::is_reading() {
            usual(panic);
        }
    }));
}

/// What an error says and what its causes say; what a message holds already is not said again.
fn whole_message(error: &anyhow::Error) -> String {
    let mut message = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !message.contains(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    message
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
