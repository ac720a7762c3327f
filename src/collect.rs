//! Pages and their addresses in, the corpus index out: pass one without files or threads.
//!
//! A [`CorpusBuilder`] is shared by threads; each counts pages in a [`PageCounter`] of its own.
//!
//! ```
//! use std::sync::Arc;
//!
//! use dechaff::collect::CorpusBuilder;
//! use dechaff::evidence::PageAddress;
//! use dechaff::index::keys::SiteKey;
//! use dechaff::index::{Names, Sites};
//! use dechaff::{Cleaner, Config, Reason, Workspace};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pages = ["otters", "herons", "ferries", "tides"].map(|what| {
//!     format!("The Wells Gazette\nNews\nSport\nWhat we know of {what} is written here.\n")
//! });
//! let config = Config { score: false, ..Config::default() };
//! let address = PageAddress { site: Some(SiteKey::of(b"wells.example")), place: None };
//!
//! let builder = CorpusBuilder::in_memory(&config);
//! let mut sites = Sites::default();
//! let mut counter = builder.counter();
//! for page in &pages {
//!     counter.add_page(page.as_bytes(), &address)?;
//!     counter.settle(&mut sites);
//! }
//! counter.end()?;
//! let index = builder.freeze(sites.into_sizes(), Names::default())?;
//!
//! let cleaner = Cleaner::new(config)?.with_index(Arc::new(index));
//! let mut workspace = Workspace::default();
//! let cleaned = cleaner.clean_page_at(pages[0].as_bytes(), &address, &mut workspace);
//! assert_eq!(cleaned.verdicts()[1].reason, Reason::Template { pages: 4, of_pages: 4 });
//! assert_eq!(cleaned.body(), b"What we know of otters is written here.\n");
//! # Ok(())
//! # }
//! ```

use std::io;
use std::sync::Arc;

use crate::config::{Config, CorpusRule};
use crate::evidence::{Evidence, Needs, PageAddress};
use crate::index::builder::{Budget, Builder, Collector};
use crate::index::keys::{self, PageClass, SiteKey};
use crate::index::runs::{NoStore, RunStore, STRETCHES};
use crate::index::{CorpusIndex, Frozen, Key, Names, PlaceFigures, SiteFigures, SiteSizes, Sites};

/// What occurs less often is of no use in pass two.
pub const LEAST_COUNT: u32 = 2;

/// Counts a corpus. Shared by threads.
#[derive(Debug)]
pub struct CorpusBuilder {
    needs: Needs,
    rule: Option<CorpusRule>,
    sites: Builder<SiteFigures>,
    places: Builder<PlaceFigures>,
}

impl CorpusBuilder {
    /// A builder for what `config` asks of an index. What is counted may hold `max_bytes` of
    /// memory; past it runs go to stores that `new_store` makes.
    pub fn new(
        config: &Config,
        max_bytes: usize,
        new_store: impl Fn() -> Arc<dyn RunStore>,
    ) -> Self {
        let budget = Budget::new(max_bytes);
        CorpusBuilder {
            needs: Needs {
                page: false,
                site: config.needs_site(),
                corpus: config.corpus_duplicates.map(|rule| rule.normalize),
            },
            rule: config.corpus_duplicates,
            sites: Builder::new(Arc::clone(&budget), new_store()),
            places: Builder::new(budget, new_store()),
        }
    }

    /// As [`CorpusBuilder::new`] without a limit.
    pub fn in_memory(config: &Config) -> Self {
        CorpusBuilder::new(config, usize::MAX, || Arc::new(NoStore))
    }

    /// A counter for one thread.
    pub fn counter(&self) -> PageCounter<'_> {
        PageCounter {
            builder: self,
            evidence: Evidence::default(),
            sites: Collector::new(&self.sites),
            places: Collector::new(&self.places),
            pending: Vec::new(),
            pending_keys: Vec::new(),
            settled: 0,
        }
    }

    /// What is counted of sites.
    pub fn sites(&self) -> &Builder<SiteFigures> {
        &self.sites
    }

    /// What is counted of places.
    pub fn places(&self) -> &Builder<PlaceFigures> {
        &self.places
    }

    /// The index, when all counters have ended. Nothing is left in the builder.
    ///
    /// # Errors
    ///
    /// Runs cannot be written or read.
    pub fn freeze(&self, site_sizes: SiteSizes, names: Names) -> io::Result<CorpusIndex> {
        let stretches = 0..STRETCHES;
        self.sites.close()?;
        self.places.close()?;
        let sites = stretches
            .clone()
            .map(|at| self.sites.stretch(at, LEAST_COUNT));
        let places = stretches.map(|at| self.places.stretch(at, LEAST_COUNT));
        Ok(CorpusIndex {
            sites: Frozen::new(sites.collect::<io::Result<_>>()?),
            places: Frozen::new(places.collect::<io::Result<_>>()?),
            site_sizes,
            names,
        })
    }
}

/// A page whose keys wait to be counted until it is known whether an earlier page of its site
/// is of its class.
#[derive(Debug)]
struct Pending {
    site: SiteKey,
    class: PageClass,
    keys: usize,
    counts: bool,
}

/// Counts the pages of one thread.
///
/// Of near-duplicate pages of a site only the first in source order counts for the site. So
/// pages wait when they are added; [`PageCounter::settle`] is called in source order, and what
/// it let through is counted with the next page, or at the end.
#[derive(Debug)]
pub struct PageCounter<'b> {
    builder: &'b CorpusBuilder,
    evidence: Evidence,
    sites: Collector<'b, SiteFigures>,
    places: Collector<'b, PlaceFigures>,
    pending: Vec<Pending>,
    pending_keys: Vec<Key>,
    /// Pages of `pending` that are settled.
    settled: usize,
}

impl PageCounter<'_> {
    /// Takes in a page, or a part of one; returns its lines, blank ones counted.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn add_page(&mut self, page: &[u8], address: &PageAddress) -> io::Result<usize> {
        self.count_settled()?;
        self.evidence.gather(page, self.builder.needs);
        if self.evidence.lines.is_empty() {
            return Ok(self.evidence.line_count);
        }
        let class = self.evidence.class();
        self.count_places(page, class, address)?;
        if let (Some(site), Some(class)) = (address.site, class) {
            let before = self.pending_keys.len();
            let keys = &mut self.pending_keys;
            keys::site_keys(site, &self.evidence.masked, |key| keys.push(key));
            self.pending.push(Pending {
                site,
                class,
                keys: self.pending_keys.len() - before,
                counts: false,
            });
        }
        Ok(self.evidence.line_count)
    }

    /// Keys that wait; 16 bytes each.
    pub fn pending_keys(&self) -> usize {
        self.pending_keys.len()
    }

    /// Decides on the pages that wait. Call it in source order of the pages.
    pub fn settle(&mut self, sites: &mut Sites) {
        for page in &mut self.pending[self.settled..] {
            page.counts = sites.note(page.site, page.class);
        }
        self.settled = self.pending.len();
    }

    /// Counts the pages that were settled.
    fn count_settled(&mut self) -> io::Result<()> {
        if self.settled == 0 {
            return Ok(());
        }
        let mut keys = &self.pending_keys[..];
        for page in &self.pending[..self.settled] {
            let (own, behind) = keys.split_at(page.keys);
            keys = behind;
            if page.counts {
                let once = SiteFigures { pages: 1 };
                own.iter().for_each(|&key| self.sites.add_once(key, once));
                self.sites.end_page()?;
            }
        }
        let counted = self.pending_keys.len() - keys.len();
        self.pending_keys.drain(..counted);
        self.pending.drain(..self.settled);
        self.settled = 0;
        Ok(())
    }

    /// Ends the counting of this thread; pages that were not settled do not count for sites.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn end(mut self) -> io::Result<()> {
        self.count_settled()?;
        self.sites.flush(1)?;
        self.places.flush(1)
    }

    /// Counts the page, its class, and for the corpus scope its lines.
    fn count_places(
        &mut self,
        page: &[u8],
        class: Option<PageClass>,
        address: &PageAddress,
    ) -> io::Result<()> {
        let Some(place) = address.place else {
            return Ok(());
        };
        let figures = |first| PlaceFigures { places: 1, first };
        let places = &mut self.places;
        places.add(keys::page_key(page), figures(place));
        if let Some(class) = class {
            places.add(keys::class_key(class), figures(place));
        }
        if let Some(rule) = self.builder.rule {
            let lines = &self.evidence.lines;
            let fingerprints = &self.evidence.corpus_lines;
            let at = |line: usize| figures(place.behind(lines[line].number));
            for (line, &fingerprint) in fingerprints.iter().enumerate() {
                places.add(keys::line_key(fingerprint), at(line));
            }
            if rule.shingle_lines() > 0 {
                let mut line = 0;
                keys::shingle_keys(fingerprints, rule.shingle_lines(), |key| {
                    places.add(key, at(line));
                    line += 1;
                });
            }
        }
        places.flush_full()
    }
}
