//! `dechaff index`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dechaff::pipeline::Shard;
use dechaff::pipeline::index_files::parse_shard;

use super::engine::EngineArgs;
use super::reading::ReadingArgs;
use super::{CorpusArgs, KeyArgs, MemoryArgs};

#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Read pages into an index, or with --part into a part
    Build(Box<IndexBuildArgs>),
    /// Join parts to one part
    Merge(IndexJoinArgs),
    /// Make an index from parts
    Freeze(IndexFreezeArgs),
    /// Show what is in an index or part
    Info(IndexInfoArgs),
}

#[derive(Args, Debug)]
pub struct IndexBuildArgs {
    /// Files or directories
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Where the index goes
    #[arg(short, long, value_name = "FILE", required = true)]
    pub output: PathBuf,

    /// Write a part with share i of n of the pages, instead of an index; 1/1 is all of them
    #[arg(long, value_name = "i/n", value_parser = parse_shard)]
    pub part: Option<Shard>,

    #[command(flatten)]
    pub engine: EngineArgs,

    #[command(flatten)]
    pub corpus: CorpusArgs,

    #[command(flatten)]
    pub reading: ReadingArgs,

    /// Replace an output that exists
    #[arg(long)]
    pub overwrite: bool,

    /// No progress, no summary at the end
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Args, Debug)]
pub struct IndexJoinArgs {
    /// Parts, in any order. Each takes memory for its longest page: where that is more than
    /// --max-memory, nothing is written
    #[arg(required = true, value_name = "PART")]
    pub parts: Vec<PathBuf>,

    /// Where the result goes
    #[arg(short, long, value_name = "FILE", required = true)]
    pub output: PathBuf,

    #[command(flatten)]
    pub memory: MemoryArgs,

    /// Replace an output that exists
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Args, Debug)]
pub struct IndexFreezeArgs {
    #[command(flatten)]
    pub join: IndexJoinArgs,

    #[command(flatten)]
    pub key: KeyArgs,
}

#[derive(Args, Debug)]
pub struct IndexInfoArgs {
    /// An index or part
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Sites shown, largest first; 0 for all
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub sites: usize,

    /// Template lines shown of each site, 50 at most
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub lines: usize,

    #[command(flatten)]
    pub key: KeyArgs,

    /// Write JSON
    #[arg(long)]
    pub json: bool,
}
