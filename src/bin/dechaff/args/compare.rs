//! `dechaff compare`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dechaff::compare::gate::Gate;

#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Run records, results of eval, exports of hyperfine, directories of criterion
    #[arg(required = true, num_args = 2.., value_name = "SIDE")]
    pub sides: Vec<PathBuf>,

    /// End with 3 when RULE is broken beyond doubt, the whole 95 % interval lying past it: NAME<LIMIT
    /// or NAME>LIMIT, as 'speed<-5%' or 'f1<-0.2'. May be given several times. LIMIT is a change in
    /// percent for speed (of records, else of every timing), cold_speed, speed:NAME (a timing), cpu, memory,
    /// stage:NAME (of the last pass that has it); a difference in points of 100 for removed (share of the text),
    /// line_f1 (or f1), ngram_f1, word_f1
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub fail_on: Vec<Gate>,

    /// Compare what should not be: runs over other corpora; speeds of other machines
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub allow: Vec<Allow>,

    /// The ledgers of the first two sides, for lines that only one of them removed [default: those
    /// beside the records, if they are there]
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    pub removed: Vec<PathBuf>,

    /// Write JSON
    #[arg(long)]
    pub json: bool,

    /// Write Markdown
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,

    /// Write a page with tables and drawings to FILE too; it needs no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Replace a FILE that holds something
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Allow {
    /// Runs over other corpora
    Corpus,
    /// Speeds of other machines
    Machine,
}
