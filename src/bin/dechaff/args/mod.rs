//! The command line: flags in, checked values out. A file a command, and what several share.

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod bench;
mod clean;
mod compare;
mod corpus;
mod engine;
mod eval;
mod explain;
mod identity;
mod index;
mod memory;
mod models;
mod reading;
mod repeats;
mod train;

pub use bench::*;
pub use clean::*;
pub use compare::*;
pub use corpus::*;
pub use engine::*;
pub use eval::*;
pub use explain::*;
use identity::settings;
pub use index::*;
pub use memory::*;
pub use models::*;
pub use reading::*;
pub use repeats::*;
pub use train::*;

/// Keeps the body text of scraped pages: removes repeats and boilerplate, line by line, with
/// a reason for each.
///
/// Exit codes: 0 clean; 1 fatal; 2 usage; 3 finished, but input was rejected, skipped or
/// damaged, or a gate of `compare` or `bench ab` failed; 130/143 stopped by a signal; 141 closed pipe.
#[derive(Debug, Parser)]
#[command(name = "dechaff", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

impl Command {
    /// Whether the user says how much memory may be held.
    pub fn asks_for_memory(&self) -> bool {
        let memory = match self {
            Command::Clean(args) => &args.corpus.memory,
            Command::Index(IndexCommand::Build(args)) => &args.corpus.memory,
            Command::Index(IndexCommand::Merge(args)) => &args.memory,
            Command::Index(IndexCommand::Freeze(args)) => &args.join.memory,
            _ => return false,
        };
        memory.asked_bytes().is_some()
    }
}

impl Cli {
    /// Reads the command line. Ends the program where it cannot be followed.
    pub fn read() -> Self {
        let matches = Cli::command().get_matches();
        let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if let (Command::Clean(args), Some((name, matches))) =
            (&mut cli.command, matches.subcommand())
        {
            let command = Cli::command();
            let command = command.find_subcommand(name);
            args.settings = command.map_or(Vec::new(), |command| settings(command, matches));
        }
        if let Some(why) = cli.contradiction() {
            Cli::command()
                .error(ErrorKind::ArgumentConflict, why)
                .exit();
        }
        cli
    }

    fn contradiction(&self) -> Option<String> {
        let engine = match &self.command {
            Command::Clean(args) => &args.engine,
            Command::Explain(args) => &args.engine,
            Command::Eval(args) => &args.engine,
            Command::Index(IndexCommand::Build(args)) => &args.engine,
            Command::Bench(_)
            | Command::Compare(_)
            | Command::Index(_)
            | Command::Repeats(_)
            | Command::Train(_) => {
                return None;
            }
        };
        engine.contradiction()
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Clean files, directories or standard input
    Clean(Box<CleanArgs>),
    /// Show every line of a page with score, decision and reason
    Explain(ExplainArgs),
    /// Measure accuracy on labelled pages
    ///
    /// A table for each scorer: figures by source, site or language, and their means. Three F1s
    /// have 95 % intervals: the middle of 1000 figures over pages drawn anew from each row, as
    /// many as it has. A mean draws inside each row; rows of one page add no width to it.
    ///
    /// Several scorers stand side by side at the end, with their differences to the first over
    /// the same draws: an interval that holds 0 may be chance.
    Eval(EvalArgs),
    /// Set runs side by side: speed, cost, what each removed, accuracy
    ///
    /// A side is a file or a directory of files: run records (`clean --stats`), one or an array or
    /// lines of them, all of one thing over one corpus, or that of several runs (`dechaff bench`); what `eval --json` wrote (with --pages for
    /// intervals and for the lines that changed sides); what `hyperfine --export-json` wrote; what
    /// criterion saved: its directory (DIR:NAME where that holds several baselines), a
    /// benchmark's, `sample.json` or `estimates.json`. Every side is compared with the first.
    ///
    /// Speed is a ratio of medians with its 95 % interval by bootstrap over the runs. `faster` and
    /// `slower` are said when the interval lies on one side of equal, and both sides have 4 runs
    /// or more; else it is `no evidence`. Runs over other corpora are refused (exit code 2), runs
    /// on another machine have no verdict on speed. Accuracy is compared page by page, drawing the same
    /// pages for both sides 1000 times.
    Compare(CompareArgs),
    /// Run a job again and again, or two by turns, and say what they cost
    ///
    /// The job is `dechaff clean` on the inputs, with the settings behind `--`; its output goes to
    /// a temporary directory, which goes too. Each run is a process of its own; one that is not
    /// measured comes first. What each run cost is kept in one run record, which `dechaff compare` reads.
    Bench(Box<BenchArgs>),
    /// Show the blocks of lines that pages say again and again
    ///
    /// A block is a run of lines that stands in two or more places which do not overlap, and
    /// that no equal line before or behind it in every place makes longer; blank lines do not
    /// count. A block that overlaps itself by half or more is left out: the shorter block that it repeats is shown.
    ///
    /// The block that saves most bytes comes first: those of all its places but one, lines
    /// covered by blocks above it not counted. Lines of PAGE:FIRST-LAST count from 1.
    ///
    /// Memory: about 40 bytes for each line that is not blank, and the pages at work. Files
    /// with blocks that are shown are read twice.
    Repeats(RepeatsArgs),
    /// Make, merge and show indexes: what a corpus says again and again
    #[command(subcommand)]
    Index(IndexCommand),
    /// Fit a model to labelled pages
    Train(TrainArgs),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        for (text, bytes) in [
            ("1", 1),
            ("2K", 2_000),
            ("2KiB", 2_048),
            ("3M", 3_000_000),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "M", "-1", "1.5M", "9T", "99999999999999999999G"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
