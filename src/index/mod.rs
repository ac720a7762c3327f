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
pub mod file;
pub mod format;
pub mod frozen;
pub mod keys;
pub mod names;
pub mod part;
pub mod runs;
pub mod settings;
mod table;

use crate::fingerprint::FingerprintKey;
use keys::SiteKey;

pub use classes::{Site, SiteLine, SiteMap, Sites};
pub use entry::{Entry, Figures, Key, Place, PlaceFigures, SiteFigures};
pub use format::IndexError;
pub use frozen::{Frozen, Shelf};
pub use names::{Names, page_name};
pub use settings::Settings;

/// What pass one found, read-only; shared by all threads of pass two.
#[derive(Debug, Default)]
pub struct CorpusIndex {
    /// What it was made with.
    pub settings: Settings,
    /// The key of its fingerprints.
    pub key: FingerprintKey,
    /// Pages of all sites, near-duplicates of one site counted once.
    pub pages: u64,
    /// The sites.
    pub sites: SiteMap,
    /// Keys that stand on two or more pages of a site.
    pub on_sites: Frozen<SiteFigures>,
    /// Keys that stand in two or more places of the corpus; in one, where the index is whole.
    pub in_corpus: Frozen<PlaceFigures>,
    /// Whether what stands in one place is in it too. So it knows its own pages from others, and
    /// what others repeat of it.
    pub is_whole: bool,
    /// The files that places count.
    pub names: Names,
}

impl CorpusIndex {
    /// A site by its name.
    pub fn site(&self, name: &[u8]) -> Option<&Site> {
        self.sites.get(&SiteKey::of(name, &self.key))
    }

    /// The first failure that a lookup met where entries do not lie in memory. What was
    /// decided since may be wrong.
    pub fn failure(&self) -> Option<&std::io::Error> {
        self.on_sites.failure().or(self.in_corpus.failure())
    }
}
