//! How much memory may be held.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use dechaff::pipeline::{RunOptions, memory};

use crate::machine::{address_space_bytes, free_memory_bytes};

/// The most memory that is taken unasked: counting 10 GB of pages takes no less time with more.
pub(super) const DEFAULT_MEMORY: Size = Size(4 << 30);

/// How much memory a run takes, and what becomes of the rest.
#[derive(Args, Clone, Debug)]
pub struct MemoryArgs {
    /// Memory that the run may hold, 128MiB at least; what is counted of the corpus goes to disk
    /// past it [default: three quarters of what is free, 4GiB at most; half of what ulimit -v
    /// leaves]
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub max_memory: Option<Size>,

    /// Where that is kept meanwhile [default: the system's directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub temp_dir: Option<PathBuf>,
}

impl MemoryArgs {
    /// The largest page that is held in memory, where nobody named another: what fits into the
    /// memory that was asked for. What is free does not count, for the output depends on it.
    pub fn largest_page_bytes(&self) -> usize {
        let asked = self.asked_bytes();
        asked.map_or(memory::LARGEST_PAGE_BYTES, memory::largest_page_bytes)
    }

    /// The memory that the user lets be held: by the option, or by a limit on address space, half
    /// of which is for what is never touched.
    pub(super) fn asked_bytes(&self) -> Option<usize> {
        let of_limit = address_space_bytes().map(|bytes| bytes / 2);
        let asked = [self.max_memory.map(|size| size.0), of_limit];
        asked.into_iter().flatten().min()
    }

    /// The library's settings, with those that come from elsewhere as they are by default.
    pub fn options(&self) -> RunOptions {
        let unasked = || {
            let free = free_memory_bytes().unwrap_or(DEFAULT_MEMORY.0);
            DEFAULT_MEMORY.0.min(free / 4 * 3)
        };
        RunOptions {
            max_memory_bytes: self.asked_bytes().unwrap_or_else(unasked),
            temp_dir: self.temp_dir.clone(),
            ..RunOptions::default()
        }
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let factor: usize = match &text[digits.len()..] {
            "" | "B" => 1,
            "K" | "KB" => 1_000,
            "M" | "MB" => 1_000_000,
            "G" | "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            unit => {
                return Err(format!(
                    "unknown unit '{unit}'; use K, M, G, KiB, MiB or GiB"
                ));
            }
        };
        digits
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .map(Size)
            .ok_or_else(|| format!("'{text}' is not a size such as 64MiB"))
    }
}

/// The smallest `--max-memory`: below it the pages at work have no room.
pub(super) const MIN_MEMORY: Size = Size(128 << 20);

pub(super) fn memory_size(text: &str) -> Result<Size, String> {
    match text.parse()? {
        size if size < MIN_MEMORY => Err("below the workable minimum of 128MiB".to_owned()),
        size => Ok(size),
    }
}
