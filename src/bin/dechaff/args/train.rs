//! `dechaff train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Args, Debug)]
pub struct TrainArgs {
    /// Labelled pages: JSON lines, plain or gzipped
    #[arg(required = true, value_name = "GOLD")]
    pub gold: Vec<PathBuf>,

    /// Where the model is written
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Replace an existing file
    #[arg(long)]
    pub overwrite: bool,

    /// How large a model. `accurate` learns besides what words hint of markup, from the HTML that lies
    /// beside NAME.jsonl.gz as html/NAME.jsonl.zst, if there is any
    #[arg(long, default_value = "fast")]
    pub preset: Preset,

    /// Fit a model for HTML: learn from the pages' HTML, see `dechaff eval --help`
    #[arg(long)]
    pub html: bool,

    /// Sources whose pages are left out
    #[arg(long, value_delimiter = ',', value_name = "SOURCES")]
    pub leave_out: Vec<String>,

    /// Pages without labels to learn from besides, labelled by --teacher: JSON lines, plain or gzipped,
    /// with id, and lines (texts), html (text) or both; strings of the page (texts) that are
    /// known to be body in `with`, to be boilerplate in `without`
    #[arg(long, num_args = 1.., value_name = "PAGES")]
    pub unlabelled: Vec<PathBuf>,

    /// What labels the lines of --unlabelled that it is sure of: fast, accurate or a model file
    #[arg(
        long,
        default_value = "accurate",
        value_name = "MODEL",
        requires = "unlabelled"
    )]
    pub teacher: PathBuf,

    /// The same for pages that have HTML; that of --teacher unless given
    #[arg(long, value_name = "MODEL", requires = "unlabelled")]
    pub html_teacher: Option<PathBuf>,

    /// Trees of each step; those of the preset unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub trees: Option<u32>,

    /// The first N steps only: 1 is the line alone; all of the preset unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub steps: Option<u8>,

    /// Parts that the model goes without, to see what they add
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    pub without: Vec<Part>,

    /// Learn from N pages only, drawn by --seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub pages: Option<u32>,

    /// First fit a model without the pages of PERCENT of the sites, and show how it does on these
    /// beside the model of the preset that comes with dechaff, which may have seen them. The model
    /// that is written is fitted on all pages
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=90))]
    pub aside: Option<u32>,

    /// The model's name; that of the preset unless given
    #[arg(long)]
    pub name: Option<String>,

    /// Starts the pseudo-random choices; the same pages and seed give the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Small and fast
    Fast,
    /// Larger, slower, more accurate
    Accurate,
}

impl Preset {
    /// The name of the model that comes with dechaff.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Fast => "fast",
            Preset::Accurate => "accurate",
        }
    }
}

/// A part of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Features of the line's own shape
    Shape,
    /// What words say, of the line itself and of those around it
    Words,
    /// Which words come back on the page
    Vocabulary,
    /// The line so far, and those before and behind one by one
    Neighbours,
    /// Sums over lines around
    Windows,
    /// The best run of lines, how much body is before and behind, sure paragraphs
    Runs,
    /// The page as a whole
    Page,
    /// The line's place on the page
    Position,
    /// What stands twice on the page
    Repeats,
    /// What the site says again
    Site,
    /// What tells of comments, which are learned from nothing else
    Comments,
    /// Where the line stood in the markup, for --html
    Markup,
    /// What words of text hint of markup, learned from the HTML beside the labelled pages
    Hints,
    /// The networks of the last step
    Networks,
    /// The forest that chooses where a page is cut
    Cut,
}
