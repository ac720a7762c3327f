//! `dechaff eval`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dechaff::eval::RowField;

use super::engine::EngineArgs;

#[derive(Args, Debug)]
pub struct EvalArgs {
    /// Labelled pages: JSON lines, plain or gzipped. All are held in memory; those of one
    /// domain, else of one URL's host, are a site
    #[arg(required = true, value_name = "GOLD")]
    pub gold: Vec<PathBuf>,

    /// What is measured, side by side; the others are compared with the first
    #[arg(
        long = "scorer",
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "model,terminal-punctuation,best-run"
    )]
    pub scorers: Vec<EvalScorer>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Measure this model too: as --model, with --html as --html-model; may be given several times
    #[arg(long, value_name = "NAME|FILE")]
    pub beside: Vec<PathBuf>,

    /// Measure on the pages' HTML, which lies beside NAME.jsonl.gz as html/NAME.jsonl.zst: JSON
    /// lines with `id` and `html`. Labels go by the text; pages without HTML are left out
    #[arg(long)]
    pub html: bool,

    /// Which field of a page makes the rows of the tables
    #[arg(long, default_value = "source", value_name = "FIELD")]
    pub by: By,

    /// Count lines that equal the page's headline too
    #[arg(long)]
    pub headlines: bool,

    /// List the N lines of each site that go as its template on most pages, with their labels
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub templates: Option<u32>,

    /// List the N pages with the lowest word F1 of the first scorer, and their lines that were
    /// lost (body, removed) or kept (boilerplate)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub worst: Option<u32>,

    /// With --json, list every page with its figures and its wrong lines: what `dechaff compare`
    /// needs for intervals and for the lines that changed sides
    #[arg(long, requires = "json")]
    pub pages: bool,

    /// Show how the scores of all lines compare with their labels, in 15 equal bins; --json
    /// always has it
    #[arg(long)]
    pub calibration: bool,

    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

impl EvalArgs {
    pub fn row_field(&self) -> RowField {
        match self.by {
            By::Source => RowField::Source,
            By::Domain => RowField::Domain,
            By::Lang => RowField::Lang,
        }
    }
}

/// What `eval` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EvalScorer {
    /// dechaff with --model; --threshold, --no-score and --scopes are for this one and --beside
    Model,
    /// Keep lines that end like a sentence (C4, Raffel 2020); no repeats are removed
    TerminalPunctuation,
    /// Keep the best run of lines (BTE, Finn 2001); no repeats are removed
    BestRun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The set that the page comes from
    Source,
    /// The site
    Domain,
    /// The language
    Lang,
}
