//! Keeps the body text of scraped pages: a page in, a decision for every line out.
//!
//! ```text
//! page -> lines -> evidence -> repeats, templates, duplicates -> score -> decision -> body
//! ```
//!
//! What goes: what a page says twice (doubled headlines and captions, a whole article printed
//! twice), lines that read like page furniture, by a likelihood in `[0,1]` for every line, and,
//! with what a first pass found in the corpus ([`collect`], [`Cleaner::with_index`]), what a
//! site prints on page after page and what stands elsewhere already. Every removal has a
//! reason; kept lines stay byte for byte.
//!
//! # Example
//!
//! ```
//! use dechaff::{Cleaner, Config, Reason};
//!
//! # fn main() -> Result<(), dechaff::error::ConfigError> {
//! let page = b"\
//! Home > Local > Port
//! Night ferry returns after a five-month refit
//! Night ferry returns after a five-month refit
//! The ferry sailed at eight on Monday evening with ninety passengers, two dogs and a new \
//! engine, which the harbour master called the quietest she had ever heard.
//! It will cross every night until October, she said, unless the ice comes early again.
//! Log in to comment
//! ";
//! let cleaner = Cleaner::new(Config::default())?;
//! let cleaned = cleaner.clean_page(page);
//! let second_headline = cleaned.each_line().nth(2).expect("a third line");
//! assert_eq!(second_headline.verdict.reason, Reason::Repeat { of: 2 });
//! assert!(cleaned.body().starts_with(b"Night ferry returns after a five-month refit\n"));
//! # Ok(())
//! # }
//! ```
//!
//! [`Cleaner`] is `Send + Sync`: make one, share it, and give each thread a [`Workspace`]
//! ([`Cleaner::clean_page_with`]) so that no page allocates.
//!
//! # Features
//!
//! The core needs neither files, threads nor a command line
//! (`default-features = false`). `html` adds what makes lines of HTML pages, `files` sources,
//! sinks and the parallel pipeline over directories and JSON lines, `parquet` Parquet there, `eval` labelled pages and
//! accuracy figures, `compare` runs side by side, `generate` made-up pages, `bench` repeated runs, `train` models from labelled pages, `cli` (default) the program.

#[cfg(feature = "bench")]
pub mod bench;
pub mod blocks;
#[cfg(feature = "html")]
pub mod charset;
pub mod cleaner;
pub mod collect;
#[cfg(feature = "compare")]
pub mod compare;
pub mod config;
pub mod decide;
#[cfg(feature = "files")]
pub mod digest;
pub mod duplicates;
pub mod error;
#[cfg(feature = "eval")]
pub mod eval;
pub mod evidence;
pub mod fingerprint;
#[cfg(feature = "generate")]
pub mod generate;
pub mod html;
pub mod index;
pub mod normalize;
mod normalized;
pub mod page;
#[cfg(feature = "files")]
pub mod pipeline;
#[cfg(feature = "files")]
pub mod record;
pub mod repeats;
pub mod report;
pub mod score;
pub mod shape;
pub mod shingle;
mod simd;
#[cfg(feature = "files")]
pub mod sink;
#[cfg(feature = "files")]
pub mod source;
pub mod step;
pub mod templates;
#[cfg(feature = "train")]
pub mod train;
pub mod url;
pub mod visible;

pub use cleaner::{Cleaned, CleanedLine, Cleaner, Workspace};
pub use config::{Config, Threshold, Treatment};
pub use decide::{Reason, Verdict};
