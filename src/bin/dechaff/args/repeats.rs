//! `dechaff repeats`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use dechaff::pipeline::RunOptions;

use super::corpus::{KeyFile, Normalize, Site, key_file};
use super::reading::ReadingArgs;

#[derive(Args, Debug)]
pub struct RepeatsArgs {
    /// Files or directories; - is standard input, which is copied to a temporary file
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Which places of a block count together
    #[arg(long, default_value = "corpus")]
    pub scope: RepeatsScope,

    /// What makes pages one site; `auto` is the host of a record's URL, and for files the first
    /// directory below the input
    #[arg(long, default_value = "auto", value_name = "BY")]
    pub site: Site,

    /// Least lines of a block, blank ones not counted
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub min_lines: u32,

    /// Least characters of a block as it is compared, line ends not counted
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub min_chars: u64,

    /// Least pages that a block stands on [default: 2; 1 for --scope page]
    #[arg(long, value_name = "N")]
    pub min_pages: Option<usize>,

    /// Blocks listed; 0 for all
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub top: usize,

    /// Places listed of each block
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub places: u32,

    /// What is folded away before lines are compared: nothing, white space, or all that is
    /// folded within a page (letter case, quotes, dashes, width)
    #[arg(long, value_name = "WHAT", default_value = "space")]
    pub normalize: Normalize,

    /// Compare lines by a key of your own: the bytes of FILE, 16 to 65536, whatever they are. So
    /// nobody who does not have it can write lines that differ and count as one
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(key_file))]
    pub key_file: Option<KeyFile>,

    #[command(flatten)]
    pub reading: ReadingArgs,

    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

impl RepeatsArgs {
    pub fn options(&self, stop: Arc<AtomicBool>) -> RunOptions {
        RunOptions {
            site_by: self.site.by(),
            stop,
            ..self.reading.options_from(RunOptions::default())
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RepeatsScope {
    /// Those on one page
    Page,
    /// Those on the pages of one site
    Site,
    /// All
    Corpus,
}
