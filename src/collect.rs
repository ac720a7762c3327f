//! Pages and their addresses in, the corpus index out: pass one without files or threads.
//!
//! A [`CorpusBuilder`] is shared by threads; each counts pages in a [`PageCounter`] of its own.
//!
//! ```
//! use std::sync::Arc;
//!
//! use dechaff::collect::CorpusBuilder;
//! use dechaff::evidence::PageAddress;
//! use dechaff::index::{Names, Sites};
//! use dechaff::{Cleaner, Config, Reason, Workspace};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pages = ["otters", "herons", "ferries", "tides"].map(|what| {
//!     format!("The Wells Gazette\nNews\nSport\nWhat we know of {what} is written here.\n")
//! });
//! let config = Config { score: false, ..Config::default() };
//! let address = PageAddress { site: Some(b"wells.example"), place: None };
//!
//! let builder = CorpusBuilder::in_memory(&config);
//! let mut sites = Sites::default();
//! let mut counter = builder.counter();
//! for page in &pages {
//!     counter.add_page(page.as_bytes(), &address)?;
//!     counter.settle(&mut sites);
//! }
//! counter.end()?;
//! let index = builder.freeze(sites, Names::default())?;
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

use ahash::AHashMap;

use crate::config::{Config, CorpusNormalize, CorpusRule};
use crate::evidence::{Evidence, Needs, PageAddress};
use crate::fingerprint::FingerprintKey;
use crate::index::builder::{Budget, Builder, Collector};
use crate::index::classes::{Noted, SAMPLE_PAGES};
use crate::index::keys::{self, PageClass, PageSketch, SiteKey, SiteKeys};
use crate::index::part::{self, PageRecord};
use crate::index::runs::{MemoryStore, RunStore, STRETCHES};
use crate::index::settings::{CorpusSettings, Settings};
use crate::index::{
    CorpusIndex, Entry, Figures, Frozen, Key, Names, PlaceFigures, Shelf, SiteFigures, SiteLine,
    SiteMap, Sites,
};
use crate::step::{Step, Watch};
use crate::templates;

/// Longer lines are not kept to show a site's templates, in bytes.
const MAX_SAMPLE_LINE_BYTES: usize = 200;
/// Lines of a site that are kept to show its templates.
const SHOWN_LINES: usize = 50;

/// Whose pages an index is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServedPages {
    /// Those that were counted, and no others.
    #[default]
    Own,
    /// Any: it is a whole index; see [`CorpusIndex::is_whole`].
    Any,
}

impl ServedPages {
    /// What stands in fewer places of the corpus is of no use.
    pub fn least_places(self) -> u32 {
        match self {
            ServedPages::Own => 2,
            ServedPages::Any => 1,
        }
    }
}

/// What stands on fewer pages of a site is of no use.
pub const LEAST_PAGES: u32 = 2;

/// What an index for `config` is made with. `site` says what makes pages one site.
pub fn settings(config: &Config, site: &str, max_page_bytes: u64) -> Settings {
    let corpus = |rule: CorpusRule| CorpusSettings {
        normalize: rule.normalize.word().to_owned(),
        shingle_lines: rule.shingle_lines() as u32,
    };
    Settings {
        key: config.key.name().map(str::to_owned),
        site: config.needs_site().then(|| site.to_owned()),
        corpus: config.corpus_duplicates.map(corpus),
        classes: config.needs_classes(),
        copies_go: config.page_duplicates,
        max_page_bytes,
    }
}

/// Counts a corpus. Shared by threads.
#[derive(Debug)]
pub struct CorpusBuilder {
    settings: Settings,
    key: FingerprintKey,
    needs: Needs,
    shingle_lines: usize,
    on_sites: Builder<SiteFigures>,
    in_corpus: Builder<PlaceFigures>,
}

impl CorpusBuilder {
    /// A builder for an index with these settings, whose fingerprints are made with `key`; records
    /// that are taken in are to be made with it too. What is counted may hold `max_bytes` of memory;
    /// past it runs go to stores that `new_store` makes.
    pub fn new(
        settings: Settings,
        key: &FingerprintKey,
        max_bytes: usize,
        new_store: impl Fn() -> Arc<dyn RunStore>,
    ) -> Self {
        let budget = Budget::new(max_bytes);
        let corpus = settings.corpus.as_ref();
        CorpusBuilder {
            needs: Needs {
                page: false,
                site: settings.site.is_some(),
                sketch: settings.classes,
                corpus: corpus.and_then(|corpus| CorpusNormalize::of_word(&corpus.normalize)),
            },
            shingle_lines: corpus.map_or(0, |corpus| corpus.shingle_lines as usize),
            settings: Settings {
                key: key.name().map(str::to_owned),
                ..settings
            },
            key: key.clone(),
            on_sites: Builder::new(Arc::clone(&budget), new_store()),
            in_corpus: Builder::new(budget, new_store()),
        }
    }

    /// A builder for what `config` asks of an index, without a limit.
    pub fn in_memory(config: &Config) -> Self {
        let settings = settings(config, "caller", u64::MAX);
        CorpusBuilder::new(settings, &config.key, usize::MAX, || {
            Arc::<MemoryStore>::default()
        })
    }

    /// What the index is made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A counter for one thread.
    pub fn counter(&self) -> PageCounter<'_> {
        PageCounter {
            builder: self,
            evidence: Evidence::default(),
            numbers: Vec::new(),
            sample: Vec::new(),
            first_classes: AHashMap::new(),
            records: None,
            open_records: Vec::new(),
            counts: true,
            on_sites: Collector::new(&self.on_sites),
            in_corpus: Collector::new(&self.in_corpus),
            pending: Vec::new(),
            pending_keys: Vec::new(),
            pending_places: Vec::new(),
            settled: 0,
        }
    }

    /// What is counted of sites.
    pub fn on_sites(&self) -> &Builder<SiteFigures> {
        &self.on_sites
    }

    /// What is counted of places.
    pub fn in_corpus(&self) -> &Builder<PlaceFigures> {
        &self.in_corpus
    }

    /// The whole index, when all counters have ended. Nothing is left in the builder.
    ///
    /// # Errors
    ///
    /// Runs cannot be written or read.
    pub fn freeze(&self, sites: Sites, names: Names) -> io::Result<CorpusIndex> {
        fn frozen<F: Figures>(builder: &Builder<F>, least_count: u32) -> io::Result<Frozen<F>> {
            builder.close()?;
            let shelf = Shelf::in_memory();
            let stretches =
                (0..STRETCHES).map(|at| shelf.stretch(builder.stretch(at, least_count)?));
            Ok(Frozen::new(stretches.collect::<io::Result<_>>()?))
        }
        let serves = ServedPages::Any;
        let on_sites = frozen(&self.on_sites, LEAST_PAGES)?;
        let in_corpus = frozen(&self.in_corpus, serves.least_places())?;
        Ok(self.index(on_sites, in_corpus, serves, sites, names))
    }

    /// The index from what was frozen of the two tables.
    pub fn index(
        &self,
        on_sites: Frozen<SiteFigures>,
        in_corpus: Frozen<PlaceFigures>,
        serves: ServedPages,
        sites: Sites,
        names: Names,
    ) -> CorpusIndex {
        let pages = sites.pages();
        let (mut sites, samples) = sites.into_parts();
        for (key, lines) in &samples {
            show_templates(*key, lines, &self.key, &on_sites, &mut sites);
        }
        CorpusIndex {
            settings: self.settings.clone(),
            key: self.key.clone(),
            pages,
            sites,
            on_sites,
            in_corpus,
            is_whole: serves == ServedPages::Any,
            names,
        }
    }
}

/// Adds the template lines among `lines` to those that are shown of a site.
fn show_templates(
    key: SiteKey,
    lines: &[u8],
    made_with: &FingerprintKey,
    on_sites: &Frozen<SiteFigures>,
    sites: &mut SiteMap,
) {
    let Some(site) = sites.get_mut(&key) else {
        return;
    };
    let least = templates::least_pages(site.pages, templates::MIN_SHARE_PERCENT);
    let mut evidence = Evidence::default();
    let needs = Needs {
        page: false,
        site: true,
        sketch: false,
        corpus: None,
    };
    evidence.gather_watched(lines, needs, made_with, &mut |_| ());
    let keys = SiteKeys::of(key);
    for (line, &masked) in evidence.lines.iter().zip(&evidence.masked) {
        let pages = on_sites.get(keys.line(masked)).pages;
        let text = line.text(lines);
        if pages >= least && !site.templates.iter().any(|shown| *shown.text == *text) {
            site.templates.push(SiteLine {
                pages,
                text: text.into(),
            });
        }
    }
    let by_pages = |line: &SiteLine| (std::cmp::Reverse(line.pages), line.text.clone());
    site.templates.sort_by_key(by_pages);
    site.templates.truncate(SHOWN_LINES);
}

/// A page whose keys wait to be counted until it is known whether an earlier page of its site
/// is of its class.
#[derive(Debug)]
struct Pending {
    site: Option<(Box<[u8]>, PageSketch)>,
    sample: Box<[u8]>,
    sketch: Option<PageSketch>,
    page: Key,
    keys: usize,
    /// Lines and runs of lines in the corpus that wait with it.
    places: usize,
    /// Where its record ends among those that are not settled.
    record_end: usize,
    counts: bool,
    is_copy: bool,
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
    numbers: Vec<u32>,
    sample: Vec<u8>,
    /// The classes of each site's first pages that this counter met.
    first_classes: AHashMap<SiteKey, Vec<PageClass>>,
    /// What a part is to hold of the pages that are settled, if it is asked for.
    records: Option<Vec<u8>>,
    /// The same of those that wait.
    open_records: Vec<u8>,
    counts: bool,
    on_sites: Collector<'b, SiteFigures>,
    in_corpus: Collector<'b, PlaceFigures>,
    pending: Vec<Pending>,
    pending_keys: Vec<Key>,
    /// What is counted of the corpus's lines only where the page does not go as a copy.
    pending_places: Vec<Entry<PlaceFigures>>,
    /// Pages of `pending` that are settled.
    settled: usize,
}

impl PageCounter<'_> {
    /// Keeps from now on what a part is to hold of the pages; see
    /// [`PageCounter::take_records`].
    pub fn keep_records(&mut self) {
        self.records.get_or_insert_default();
    }

    /// Counts nothing from now on: only what a part is to hold is wanted.
    pub fn count_nothing(&mut self) {
        self.counts = false;
    }

    /// Gives back the memory that pages were taken in with: after a large one.
    pub fn shrink(&mut self) {
        self.evidence = Evidence::default();
        self.numbers = Vec::new();
        self.sample = Vec::new();
    }

    /// Adds a file's record to what a part is to hold.
    pub fn add_file(&mut self, argument: u32, name: &[u8]) {
        if self.records.is_some() {
            part::put_file(argument, name, &mut self.open_records);
        }
    }

    /// What a part is to hold of the files and pages settled since the last call.
    pub fn take_records(&mut self) -> Vec<u8> {
        self.records
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Takes in a page, or a part of one; returns its lines, blank ones counted.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn add_page(&mut self, page: &[u8], address: &PageAddress<'_>) -> io::Result<usize> {
        self.add_page_watched(page, address, &mut |_| ())
    }

    /// As [`PageCounter::add_page`], and says when a step is done: for clocks.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn add_page_watched(
        &mut self,
        page: &[u8],
        address: &PageAddress<'_>,
        watch: &mut Watch<'_>,
    ) -> io::Result<usize> {
        let mut evidence = std::mem::take(&mut self.evidence);
        evidence.gather_watched(page, self.builder.needs, &self.builder.key, watch);
        let added = if evidence.lines.is_empty() {
            Ok(())
        } else {
            self.add_evidence(page, &evidence, address)
        };
        watch(Step::Count);
        self.evidence = evidence;
        added.map(|()| self.evidence.line_count)
    }

    fn add_evidence(
        &mut self,
        page: &[u8],
        evidence: &Evidence,
        address: &PageAddress<'_>,
    ) -> io::Result<()> {
        let mut numbers = std::mem::take(&mut self.numbers);
        let mut sample = std::mem::take(&mut self.sample);
        numbers.clear();
        if !evidence.corpus_lines.is_empty() {
            numbers.extend(evidence.lines.iter().map(|line| line.number as u32));
        }
        sample.clear();
        let wants_sketch = self.builder.needs.sketch && address.begins_page();
        let sketch = wants_sketch.then(|| evidence.sketch()).flatten();
        let on_site = address.site.zip(sketch);
        if on_site.is_some_and(|(site, sketch)| self.wants_sample(site, sketch.class)) {
            for line in &evidence.lines {
                let text = line.text(page);
                if text.len() <= MAX_SAMPLE_LINE_BYTES {
                    sample.extend_from_slice(text);
                    sample.push(b'\n');
                }
            }
        }
        let record = PageRecord {
            place: address.place,
            site: address.site.filter(|_| self.builder.needs.site),
            sketch,
            page: keys::page_key(page, &self.builder.key),
            masked: &evidence.masked,
            corpus: &evidence.corpus_lines,
            numbers: &numbers,
            sample: &sample,
        };
        if self.records.is_some() {
            part::put_page(&record, &mut self.open_records);
        }
        let added = self.add_record(&record);
        self.numbers = numbers;
        self.sample = sample;
        added
    }

    /// Whether a page may be one of the first that count of its site. Pages come in source
    /// order, so those of other counters can only make it a later one.
    fn wants_sample(&mut self, site: &[u8], class: PageClass) -> bool {
        let site = SiteKey::of(site, &self.builder.key);
        let classes = self.first_classes.entry(site).or_default();
        let is_first = classes.len() < SAMPLE_PAGES as usize && !classes.contains(&class);
        if is_first {
            classes.push(class);
        }
        is_first
    }

    /// Takes in what a part holds of a page, its place counted in the whole corpus.
    ///
    /// # Errors
    ///
    /// A run cannot be written.
    pub fn add_record(&mut self, page: &PageRecord<'_>) -> io::Result<()> {
        self.count_settled()?;
        let before = self.pending_keys.len();
        let places_before = self.pending_places.len();
        if self.counts {
            self.count_places(page)?;
            if let Some(site) = page.site {
                let keys = &mut self.pending_keys;
                let site = SiteKey::of(site, &self.builder.key);
                SiteKeys::of(site).each(page.masked, |key| keys.push(key));
            }
        }
        self.pending.push(Pending {
            site: page.site.map(Box::from).zip(page.sketch),
            sample: page.sample.into(),
            sketch: page.sketch,
            page: page.page,
            keys: self.pending_keys.len() - before,
            places: self.pending_places.len() - places_before,
            record_end: self.open_records.len(),
            counts: false,
            is_copy: false,
        });
        Ok(())
    }

    /// Keys that wait; 16 to 32 bytes each.
    pub fn pending_keys(&self) -> usize {
        self.pending_keys.len() + self.pending_places.len()
    }

    /// Decides on the pages that wait. Call it in source order of the pages.
    pub fn settle(&mut self, sites: &mut Sites) {
        let mut written = 0;
        for page in &mut self.pending[self.settled..] {
            let noted = match &page.site {
                Some((site, sketch)) => {
                    let key = SiteKey::of(site, &self.builder.key);
                    sites.note(key, site, *sketch, &page.sample)
                }
                None => Noted::default(),
            };
            page.counts = noted.counts;
            if self.builder.settings.copies_go {
                let sketch = page.sketch;
                page.is_copy = sketch.is_some_and(|sketch| sites.is_copy(sketch, page.page));
            }
            if let Some(records) = &mut self.records {
                records.extend_from_slice(&self.open_records[written..page.record_end]);
                written = page.record_end;
                let sample = if noted.is_sampled {
                    &page.sample[..]
                } else {
                    &[]
                };
                part::put_sample(sample, records);
            }
        }
        if let Some(records) = &mut self.records {
            records.extend_from_slice(&self.open_records[written..]);
            self.open_records.clear();
        }
        self.settled = self.pending.len();
    }

    /// Counts the pages that were settled.
    fn count_settled(&mut self) -> io::Result<()> {
        if self.settled == 0 {
            return Ok(());
        }
        let mut keys = &self.pending_keys[..];
        let mut places = &self.pending_places[..];
        for page in &self.pending[..self.settled] {
            let (own, behind) = places.split_at(page.places);
            places = behind;
            if !page.is_copy {
                own.iter()
                    .for_each(|entry| self.in_corpus.add(entry.key, entry.figures));
                self.in_corpus.flush_full()?;
            }
            let (own, behind) = keys.split_at(page.keys);
            keys = behind;
            if page.counts {
                let once = SiteFigures { pages: 1 };
                own.iter()
                    .for_each(|&key| self.on_sites.add_once(key, once));
                self.on_sites.end_page()?;
            }
        }
        let counted = self.pending_keys.len() - keys.len();
        self.pending_keys.drain(..counted);
        let counted = self.pending_places.len() - places.len();
        self.pending_places.drain(..counted);
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
        self.on_sites.flush()?;
        self.in_corpus.flush()
    }

    /// Counts the page, its class, and for the corpus scope its lines.
    fn count_places(&mut self, page: &PageRecord<'_>) -> io::Result<()> {
        let Some(place) = page.place else {
            return Ok(());
        };
        let figures = |first| PlaceFigures { places: 1, first };
        let counted = &mut self.in_corpus;
        counted.add(page.page, figures(place));
        if let Some(sketch) = page.sketch {
            let place = keys::class_place(place, sketch.cells);
            counted.add(keys::class_key(sketch.class), figures(place));
        }
        let at = |line: usize| figures(place.behind(page.numbers[line] as usize));
        let pending = &mut self.pending_places;
        let copies_go = self.builder.settings.copies_go;
        let mut add = |key, figures| {
            if copies_go {
                pending.push(Entry { key, figures });
            } else {
                counted.add(key, figures);
            }
        };
        for (line, &fingerprint) in page.corpus.iter().enumerate() {
            add(keys::line_key(fingerprint), at(line));
        }
        if self.builder.shingle_lines > 0 {
            let mut line = 0;
            keys::shingle_keys(page.corpus, self.builder.shingle_lines, |key| {
                add(key, at(line));
                line += 1;
            });
        }
        self.in_corpus.flush_full()
    }
}
