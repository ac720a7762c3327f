//! `dechaff clean`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dechaff::pipeline::resume::Setting;
use dechaff::sink::records::RecordFormat;

use super::corpus::CorpusArgs;
use super::engine::EngineArgs;
use super::reading::ReadingArgs;

#[derive(Args, Debug)]
pub struct CleanArgs {
    /// Files or directories; - is standard input
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Where the cleaned pages go: a directory for a directory, a file for a file, - for
    /// standard output (which is where standard input goes without it)
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub engine: EngineArgs,

    #[command(flatten)]
    pub corpus: CorpusArgs,

    /// Do not read the pages twice: take what they say again and again from an index or part
    #[arg(long, value_name = "FILE")]
    pub index: Option<PathBuf>,

    /// Write a part with these pages to FILE, and with those of --index, which then must be a
    /// part; see `dechaff index`
    #[arg(long, value_name = "FILE")]
    pub write_index: Option<PathBuf>,

    #[command(flatten)]
    pub reading: ReadingArgs,

    /// What is written: the kept lines; every line tagged with its decision; or the text
    /// unchanged with the decisions beside it
    #[arg(long, default_value = "drop")]
    pub mode: Mode,

    /// What is written of WARC: a row a page (id, url, date, text), or a WET file
    #[arg(long, default_value = "jsonl", value_name = "WHAT")]
    pub output_format: OutputFormat,

    /// Write every removed line with its reason to FILE (JSON lines): the ledger
    #[arg(long, value_name = "FILE")]
    pub removed: Option<PathBuf>,

    /// The field of a JSON row, or the column of Parquet, that names it: rows of the ledger and of
    /// spans tell it as `id`, where it is a string of at most 1 KiB or a whole number. Of WARC they
    /// tell the record's id
    #[arg(long, default_value = "id", value_name = "NAME")]
    pub id_field: String,

    /// Write rows and records that could not be read safely to FILE, byte for byte
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,

    /// Write the run record (JSON) to FILE
    #[arg(long, value_name = "FILE")]
    pub stats: Option<PathBuf>,

    /// Labelled pages: after the run, put the accuracy of these settings on them into the run
    /// record, as `dechaff eval --pages` has it
    #[arg(long, value_name = "GOLD", requires = "stats")]
    pub gold: Vec<PathBuf>,

    /// Stop with 1 when more than PERCENT of the text was removed, once 1,000 pages or all
    /// are seen
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub max_removed: Option<f64>,

    /// Read and decide, write no pages
    #[arg(long)]
    pub dry_run: bool,

    /// Write into an output that is not empty; files that are not outputs are left alone
    #[arg(long)]
    pub overwrite: bool,

    /// Go on with a run of the same command that was stopped or killed, from its last checkpoint;
    /// without one, begin. Refused where settings or inputs are others
    #[arg(long)]
    pub resume: bool,

    /// Time between two checkpoints, in seconds: what a killed run may have to do again
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub checkpoint: u32,

    /// No progress, no table at the end
    #[arg(short, long)]
    pub quiet: bool,

    /// All that the output depends on, but for the inputs' content
    #[arg(skip)]
    pub settings: Vec<Setting>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// JSON lines
    Jsonl,
    /// WARC conversion records
    Wet,
}

impl OutputFormat {
    pub fn of_records(self) -> RecordFormat {
        match self {
            OutputFormat::Jsonl => RecordFormat::Jsonl,
            OutputFormat::Wet => RecordFormat::Wet,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Kept lines only
    Drop,
    /// Every line: decision, score, reason, line, separated by tabs
    Tag,
    /// Text unchanged; decisions in NAME.spans.jsonl, or in one more field of the row, in dolma's
    /// attribute form
    Spans,
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number from 0 to 100".to_owned()),
    }
}
