//! What pass one remembers of a corpus: on how many pages of a site a line, a pair of lines
//! and a line's place stand; in how many places of the corpus a line stands, and where first.
//!
//! ```text
//! page -> keys -> collector (one a thread) -> builder (shared) -> frozen, never changes again
//! ```
//!
//! Figures are exact. A key is the first 96 bits of a 128-bit fingerprint, so that 10^11 keys
//! expect 10^-7 colliding pairs (n²/2^97); no filter decides anything. Figures are merged by
//! sums and minima, so neither threads nor order matter. When memory runs out the builder
//! writes sorted runs to a [`runs::RunStore`] and merges them at the end.
//!
//! Nothing here opens files or makes threads.

pub mod builder;
pub mod classes;
pub mod entry;
pub mod frozen;
pub mod keys;
pub mod names;
pub mod runs;
mod table;

pub use classes::{SiteSizes, Sites};
pub use entry::{Entry, Figures, Key, Place, PlaceFigures, SiteFigures};
pub use frozen::Frozen;
pub use names::Names;

/// What pass one found, read-only; shared by all threads of pass two.
#[derive(Debug, Default)]
pub struct CorpusIndex {
    /// Keys that stand on two or more pages of a site.
    pub sites: Frozen<SiteFigures>,
    /// How many pages each site has.
    pub site_sizes: SiteSizes,
    /// Keys that stand in two or more places of the corpus.
    pub places: Frozen<PlaceFigures>,
    /// The files that places count.
    pub names: Names,
}
