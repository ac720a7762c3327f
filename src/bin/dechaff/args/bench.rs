//! `dechaff bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use dechaff::bench::{Job, MIN_REPEATS};
use dechaff::compare::gate::Gate;
use dechaff::generate::corpus;
use dechaff::record::Cache;

use super::Size;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    pub command: Option<BenchCommand>,

    #[command(flatten)]
    pub corpus: BenchCorpusArgs,

    /// Options of `dechaff clean`
    #[arg(last = true, value_name = "SETTINGS", allow_hyphen_values = true)]
    pub settings: Vec<String>,

    #[command(flatten)]
    pub runs: RunsArgs,

    /// Where the input is when a run begins: `warm`, in memory; `cold`, on the disk, the system being
    /// asked to forget it (Linux; not on file systems in memory)
    #[arg(
        long,
        value_name = "WHERE",
        value_delimiter = ',',
        default_value = "warm,cold"
    )]
    pub cache: Vec<BenchCache>,

    /// Write the run record to FILE
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Replace a FILE that holds something
    #[arg(long)]
    pub overwrite: bool,

    /// Write the run record to standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Run two jobs by turns and compare them
    ///
    /// A and B are each one argument. One that begins with `-`, or is empty, holds options of `dechaff
    /// clean`, run on the inputs. Any other is a command: split into words as a shell does, run
    /// without a shell. In it {in} stands for the inputs, {out} for where the output goes (without it:
    /// standard output), {stats} for where a dechaff writes its run record, from which stages and
    /// counts are taken: 'old/dechaff clean {in} -o {out} --stats {stats}'.
    ///
    /// Order: A B, B A, A B, and so on. What is said of speed is what `dechaff compare` says.
    Ab(Box<AbArgs>),
}

#[derive(Args, Debug)]
pub struct AbArgs {
    /// Settings, or a command
    #[arg(value_name = "A", allow_hyphen_values = true)]
    pub a: Job,

    /// Settings, or a command
    #[arg(value_name = "B", allow_hyphen_values = true)]
    pub b: Job,

    #[command(flatten)]
    pub corpus: BenchCorpusArgs,

    #[command(flatten)]
    pub runs: RunsArgs,

    /// Where the input is when a run begins: `warm`, `cold` or both; see `dechaff bench --help`
    #[arg(
        long,
        value_name = "WHERE",
        value_delimiter = ',',
        default_value = "warm"
    )]
    pub cache: Vec<BenchCache>,

    /// End with 3 when RULE is broken; as in `dechaff compare`
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub fail_on: Vec<Gate>,

    /// Write the run records to DIR: a.json and b.json
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Write a page with tables and drawings to FILE too; it needs no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Replace files that hold something
    #[arg(long)]
    pub overwrite: bool,

    /// Write JSON: the comparison, and both run records
    #[arg(long)]
    pub json: bool,
}

/// What is read.
#[derive(Args, Debug)]
pub struct BenchCorpusArgs {
    /// Files or directories
    #[arg(value_name = "INPUT", required_unless_present = "generate")]
    pub inputs: Vec<PathBuf>,

    /// Make up pages with SIZE bytes of text instead, the same for the same seed everywhere
    #[arg(long, value_name = "SIZE")]
    pub generate: Option<Size>,

    /// Which made-up pages
    #[arg(long, value_name = "N", default_value_t = 1, requires = "generate")]
    pub seed: u64,

    /// What made-up pages are written as: `files`, one each, or `jsonl`
    #[arg(
        long = "as",
        value_name = "FORMAT",
        default_value = "files",
        requires = "generate"
    )]
    pub format: CorpusFormat,
}

#[derive(Args, Debug)]
pub struct RunsArgs {
    /// Runs that are measured, of each job and cache; 5 at least
    #[arg(long, value_name = "N", default_value_t = MIN_REPEATS, value_parser = clap::value_parser!(u32).range(i64::from(MIN_REPEATS)..=1000))]
    pub repeats: u32,

    /// Where outputs and made-up pages lie meanwhile [default: the system's directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub temp_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchCache {
    Warm,
    Cold,
}

impl BenchCache {
    /// What is asked for, once each, cold runs first.
    pub fn all(asked: &[BenchCache]) -> Vec<Cache> {
        let both = [
            (BenchCache::Cold, Cache::Cold),
            (BenchCache::Warm, Cache::Warm),
        ];
        let both = both.into_iter();
        both.filter_map(|(own, cache)| asked.contains(&own).then_some(cache))
            .collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CorpusFormat {
    Files,
    Jsonl,
}

impl CorpusFormat {
    pub fn format(self) -> corpus::Format {
        match self {
            CorpusFormat::Files => corpus::Format::Files,
            CorpusFormat::Jsonl => corpus::Format::Jsonl,
        }
    }
}
