//! `dechaff explain`.

use std::path::PathBuf;

use clap::Args;

use super::corpus::CorpusArgs;
use super::engine::EngineArgs;
use super::reading::{EncodingArgs, FieldArgs};

#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A page of text or HTML; FILE#3 is the third row of JSON lines, - is standard input
    #[arg(value_name = "PAGE")]
    pub page: PathBuf,

    #[command(flatten)]
    pub encoding: EncodingArgs,

    #[command(flatten)]
    pub fields: FieldArgs,

    #[command(flatten)]
    pub engine: EngineArgs,

    #[command(flatten)]
    pub corpus: CorpusArgs,

    /// Show what an index or part knows of the lines too
    #[arg(long, value_name = "FILE")]
    pub index: Option<PathBuf>,

    /// The page's site in the index [default: of a row that of its URL, where the index goes by these;
    /// else the nearest directory above PAGE that is one]
    #[arg(long, value_name = "NAME", requires = "index")]
    pub site_name: Option<String>,

    /// The page's own name in the index (FILE, or FILE#ROW), so that its first copies stay
    #[arg(long, value_name = "NAME", requires = "index")]
    pub page_name: Option<String>,

    /// Write JSON
    #[arg(long)]
    pub json: bool,

    /// Colour the lines
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    pub color: clap::ColorChoice,
}
