//! The corpus index against a plain count of the same pages, and both sides of the thresholds
//! of what is decided by it: templates of a site, duplicates in a corpus.
//!
//! The plain count is written from the documentation and takes quadratic time. Its lines are
//! ASCII, so that folding is a few words of the standard library.

#[path = "support/letters.rs"]
mod letters;

use std::collections::HashSet;
use std::fmt::{self, Write};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dechaff::collect::{self, CorpusBuilder, LEAST_PAGES, PageCounter, ServedPages};
use dechaff::config::{CorpusNormalize, CorpusRule};
use dechaff::duplicates::Duplicates;
use dechaff::evidence::{Evidence, Needs, PageAddress};
use dechaff::fingerprint::Fingerprint;
use dechaff::index::builder::{Budget, Builder, Collector};
use dechaff::index::runs::{RunStore, STRETCHES};
use dechaff::index::{
    CorpusIndex, Figures, Frozen, Key, Names, Place, PlaceFigures, Shelf, SiteFigures, Sites,
};
use dechaff::templates::Templates;
use dechaff::{Cleaned, Cleaner, Config, Reason, Workspace};
use letters::letters;
use proptest::prelude::*;

/// A page with its address.
#[derive(Clone, PartialEq)]
struct Page {
    site: Option<&'static str>,
    place: Place,
    text: String,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, record, .. } = self.place;
        write!(f, "{:?} {file}#{record} {:?}", self.site, self.text)
    }
}

impl Page {
    fn address(&self) -> PageAddress<'_> {
        PageAddress {
            site: self.site.map(str::as_bytes),
            place: Some(self.place),
        }
    }
}

/// Pages of one site, a file each.
fn pages_of(site: &'static str, texts: impl IntoIterator<Item = String>) -> Vec<Page> {
    let page = |(file, text)| Page {
        site: Some(site),
        place: Place {
            file,
            ..Place::default()
        },
        text,
    };
    (0..).zip(texts).map(page).collect()
}

/// What looks for templates and duplicates, and for nothing else.
fn config(rule: CorpusRule) -> Config {
    Config {
        page_repeats: false,
        site_templates: true,
        corpus_duplicates: Some(rule),
        score: false,
        ..Config::default()
    }
}

/// The rule by which every line that stands elsewhere goes, whatever its length.
const EVERY_LINE: CorpusRule = CorpusRule {
    more_than_places: 1,
    min_lines: 1,
    min_chars: 1,
    normalize: CorpusNormalize::None,
};

fn index(config: &Config, pages: &[Page]) -> CorpusIndex {
    counted(&CorpusBuilder::in_memory(config), pages, 1, 1)
}

/// As [`index`], with little memory for what is counted and for what is looked up.
fn index_in_memory_of(
    max_bytes: usize,
    config: &Config,
    pages: &[Page],
    counters: usize,
    job_pages: usize,
) -> (CorpusIndex, Vec<Arc<MemoryStore>>) {
    let (builder, mut stores) = bounded(config, max_bytes);
    let sites = count(&builder, pages, counters, job_pages);
    let store = Arc::new(MemoryStore::default());
    let shelf = Shelf::new(max_bytes / 2, store.clone());
    stores.push(store);
    let serves = ServedPages::Any;
    let on_sites = frozen(builder.on_sites(), LEAST_PAGES, &shelf);
    let in_corpus = frozen(builder.in_corpus(), serves.least_places(), &shelf);
    let index = builder.index(on_sites, in_corpus, serves, sites, Names::default());
    (index, stores)
}

/// Counts pages with several counters, as threads do: each has a job of `job_pages` at a time;
/// what is added last is settled first.
fn counted(
    builder: &CorpusBuilder,
    pages: &[Page],
    counters: usize,
    job_pages: usize,
) -> CorpusIndex {
    let sites = count(builder, pages, counters, job_pages);
    let frozen = builder.freeze(sites, Names::default());
    frozen.expect("nothing is written")
}

fn count(builder: &CorpusBuilder, pages: &[Page], counters: usize, job_pages: usize) -> Sites {
    let mut sites = Sites::default();
    let mut counters: Vec<PageCounter<'_>> = (0..counters).map(|_| builder.counter()).collect();
    for round in pages.chunks(counters.len() * job_pages) {
        for (counter, job) in counters.iter_mut().zip(round.chunks(job_pages)).rev() {
            for page in job {
                let added = counter.add_page(page.text.as_bytes(), &page.address());
                assert_eq!(added.expect("runs are kept"), page.text.lines().count());
            }
        }
        for counter in &mut counters {
            counter.settle(&mut sites);
        }
    }
    for counter in counters {
        counter.end().expect("runs are kept");
    }
    sites
}

fn bytes_of(index: &CorpusIndex) -> Vec<u8> {
    let mut bytes = Vec::new();
    index
        .write(&mut bytes)
        .expect("an index goes into a vector");
    bytes
}

/// Runs kept in memory.
#[derive(Debug, Default)]
struct MemoryStore {
    kept: Mutex<Vec<u8>>,
    bytes_read: AtomicUsize,
}

impl MemoryStore {
    fn bytes_kept(&self) -> usize {
        self.kept.lock().expect("nobody panicked").len()
    }

    fn bytes_read(&self) -> usize {
        self.bytes_read.load(Ordering::Relaxed)
    }
}

impl RunStore for MemoryStore {
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut kept = self.kept.lock().expect("nobody panicked");
        let at = kept.len() as u64;
        kept.extend_from_slice(bytes);
        Ok(at)
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let kept = self.kept.lock().expect("nobody panicked");
        let found = kept.get(at as usize..at as usize + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        self.bytes_read.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(())
    }
}

/// What was counted often enough; what `shelf` has no room for is kept in its store.
fn frozen<F: Figures>(builder: &Builder<F>, least_count: u32, shelf: &Shelf) -> Frozen<F> {
    builder.close().expect("runs are kept");
    let stretches = (0..STRETCHES).map(|at| shelf.stretch(builder.stretch(at, least_count)?));
    let stretches: io::Result<_> = stretches.collect();
    Frozen::new(stretches.expect("runs are read back"))
}

/// A builder that may hold `max_bytes`, and where its two tables go past it.
fn bounded(config: &Config, max_bytes: usize) -> (CorpusBuilder, Vec<Arc<MemoryStore>>) {
    let stores = Mutex::new(Vec::new());
    let settings = collect::settings(config, "caller", u64::MAX);
    let builder = CorpusBuilder::new(settings, &config.key, max_bytes, || {
        let store = Arc::new(MemoryStore::default());
        stores
            .lock()
            .expect("nobody panicked")
            .push(Arc::clone(&store));
        store
    });
    (builder, stores.into_inner().expect("nobody panicked"))
}

/// The plain count.
mod plain {
    use super::*;

    /// A line of a page: its number, and its text folded in the ways that are counted.
    #[derive(Debug)]
    pub struct Line {
        pub number: usize,
        pub chars: usize,
        /// Letter case, white space and quotes folded.
        pub full: String,
        /// The same with numbers masked.
        pub masked: String,
        /// As the corpus compares.
        pub corpus: String,
    }

    fn folded(text: &str, normalize: CorpusNormalize) -> String {
        let words = || text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        match normalize {
            CorpusNormalize::None => text.to_owned(),
            CorpusNormalize::Space => words(),
            CorpusNormalize::Full => words().to_lowercase().replace('"', "'"),
        }
    }

    /// Every number becomes one 0, with single separators between its digits; a line without a
    /// letter keeps its numbers.
    fn masked(text: &str) -> String {
        let mut out = String::new();
        if !text.contains(|c: char| c.is_ascii_alphabetic()) {
            return text.to_owned();
        }
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if !first.is_ascii_digit() {
                out.push(first);
                rest = &rest[1..];
                continue;
            }
            out.push('0');
            loop {
                rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                let behind = rest.strip_prefix(['.', ',', ':', '/', '-']);
                match behind {
                    Some(behind) if behind.starts_with(|c: char| c.is_ascii_digit()) => {
                        rest = behind;
                    }
                    _ => break,
                }
            }
        }
        out
    }

    /// The lines of a page that are not blank.
    pub fn lines(text: &str, normalize: CorpusNormalize) -> Vec<Line> {
        let numbered = (1..).zip(text.lines());
        let visible = numbered.filter(|(_, line)| !line.trim().is_empty());
        let lines = visible.map(|(number, line)| {
            let full = folded(line, CorpusNormalize::Full);
            Line {
                number,
                chars: line.chars().count(),
                masked: masked(&full),
                full,
                corpus: folded(line, normalize),
            }
        });
        lines.collect()
    }

    /// What near-duplicates share: the four longest different lines of 40 bytes or more, else
    /// all lines. Of lines of one length the greater fingerprint counts as the longer.
    fn class(lines: &[Line]) -> Vec<String> {
        let mut long: Vec<&String> = lines.iter().map(|line| &line.full).collect();
        long.retain(|line| line.len() >= 40);
        long.sort_by_key(|line| (line.len(), Fingerprint::of(line.as_bytes())));
        long.dedup();
        if long.len() >= 4 {
            return long.into_iter().rev().take(4).cloned().collect();
        }
        let whole = lines.iter().map(|line| line.full.clone());
        std::iter::once("whole".to_owned()).chain(whole).collect()
    }

    /// One of fifteen values of the longest line in each of the eight cells that lines fall into.
    fn cells(lines: &[Line]) -> Vec<Option<u64>> {
        let fingerprint = |line: &&Line| Fingerprint::of(line.full.as_bytes()).0;
        let cell = |cell: u128| {
            let held = lines.iter().filter(|line| fingerprint(line) % 8 == cell);
            let longest = held.max_by_key(|line| (line.full.len(), fingerprint(line)));
            longest.map(|line| u64::from((fingerprint(&line) >> 64) as u32 % 15))
        };
        (0..8).map(cell).collect()
    }

    /// Whether two thirds of the cells that either page fills are the same.
    fn are_alike(left: &[Line], right: &[Line]) -> bool {
        let (left, right) = (cells(left), cells(right));
        let pairs = left.iter().zip(&right);
        let filled = pairs.filter(|(left, right)| left.is_some() || right.is_some());
        let (same, differing): (Vec<_>, Vec<_>) = filled.partition(|(left, right)| left == right);
        differing.len() * 2 <= same.len()
    }

    /// A corpus as it is counted.
    pub struct Corpus {
        /// Site, place and lines of every page.
        pub pages: Vec<(Option<&'static str>, Place, Vec<Line>)>,
        /// Whether the page counts for its site: the first of each class does, and one in ten
        /// of those that are neither like it nor like one another.
        pub counts: Vec<bool>,
        /// Whether the page's lines count for the corpus.
        pub has_places: Vec<bool>,
    }

    impl Corpus {
        /// A page is a copy of the first of its class where their cells are alike, else of one
        /// of the same bytes. Where copies of pages go they have no places.
        pub fn new(pages: &[Page], normalize: CorpusNormalize, copies_go: bool) -> Self {
            let texts: Vec<&str> = pages.iter().map(|page| &page.text[..]).collect();
            let pages: Vec<_> = pages
                .iter()
                .map(|page| (page.site, page.place, lines(&page.text, normalize)))
                .collect();
            let lines = |page: usize| &pages[page].2;
            let classes: Vec<_> = pages.iter().map(|(.., lines)| class(lines)).collect();
            let counts = |page: usize| {
                let site = pages[page].0;
                let met = (0..=page).filter(|&other| pages[other].0 == site);
                let of_class: Vec<usize> = met
                    .filter(|&other| classes[other] == classes[page])
                    .collect();
                let first = of_class[0];
                let mut unlike: Vec<_> = of_class
                    .into_iter()
                    .filter(|&other| !are_alike(lines(first), lines(other)))
                    .map(|other| cells(lines(other)))
                    .collect();
                let own = cells(lines(page));
                let is_new = unlike.iter().filter(|other| **other == own).count() == 1;
                unlike.sort();
                unlike.dedup();
                let is_tenth = is_new && unlike.len() % 10 == 0;
                site.is_some() && !lines(page).is_empty() && (first == page || is_tenth)
            };
            let is_copy = |page: usize| {
                let mut of_class = (0..page).filter(|&other| classes[other] == classes[page]);
                let Some(first) = of_class.next() else {
                    return false;
                };
                let is_unlike = |other: usize| !are_alike(lines(first), lines(other));
                !is_unlike(page)
                    || of_class.any(|other| is_unlike(other) && texts[other] == texts[page])
            };
            let has_places = |page: usize| !copies_go || lines(page).is_empty() || !is_copy(page);
            Corpus {
                has_places: (0..pages.len()).map(has_places).collect(),
                counts: (0..pages.len()).map(counts).collect(),
                pages,
            }
        }

        /// Pages of a site that count.
        fn site(&self, site: &'static str) -> Vec<&[Line]> {
            let pages = self.pages.iter().zip(&self.counts);
            pages
                .filter(|((its_site, ..), counts)| *its_site == Some(site) && **counts)
                .map(|((.., lines), _)| &lines[..])
                .collect()
        }

        /// In how many places of the corpus these lines stand one behind the other, and where
        /// first.
        fn places(&self, run: &[Line]) -> PlaceFigures {
            let mut places = Vec::new();
            let pages = self.pages.iter().zip(&self.has_places);
            for ((_, place, lines), _) in pages.filter(|(_, has_places)| **has_places) {
                for there in lines.windows(run.len()) {
                    let pairs = there.iter().zip(run);
                    if pairs.into_iter().all(|(a, b)| a.corpus == b.corpus) {
                        places.push(place.behind(there[0].number));
                    }
                }
            }
            PlaceFigures {
                places: places.len() as u32,
                first: places.into_iter().min().unwrap_or_default(),
            }
        }
    }

    /// What is known of a page.
    #[derive(Debug, Default, PartialEq)]
    pub struct Facts {
        pub site_pages: u32,
        pub line_pages: Vec<u32>,
        pub pair_pages: Vec<u32>,
        pub place_pages: Vec<u32>,
        pub lines: Vec<PlaceFigures>,
        pub shingles: Vec<PlaceFigures>,
    }

    pub fn facts(
        corpus: &Corpus,
        site: Option<&'static str>,
        lines: &[Line],
        width: usize,
    ) -> Facts {
        let site = site.filter(|_| !lines.is_empty());
        let site = site.map_or_else(Vec::new, |site| corpus.site(site));
        let pages = |has: &dyn Fn(&[Line]) -> bool| {
            let holding = site.iter().filter(|page| has(page));
            holding.count() as u32
        };
        let mut facts = Facts {
            site_pages: site.len() as u32,
            ..Facts::default()
        };
        let count = lines.len();
        for (at, line) in lines.iter().enumerate() {
            let is_same = |other: &Line| other.masked == line.masked;
            facts
                .line_pages
                .push(pages(&|page| page.iter().any(is_same)));
            facts.pair_pages.push(match lines.get(at + 1) {
                None => 0,
                Some(next) => pages(&|page| {
                    let mut pairs = page.windows(2);
                    pairs.any(|pair| is_same(&pair[0]) && pair[1].masked == next.masked)
                }),
            });
            let from_end = count - 1 - at;
            let top = pages(&|page| at < 8 && page.get(at).is_some_and(is_same));
            let end =
                pages(&|page| from_end < 8 && page.iter().rev().nth(from_end).is_some_and(is_same));
            facts.place_pages.push(top.max(end));
            facts.lines.push(corpus.places(&lines[at..=at]));
        }
        if width > 0 {
            let runs = lines.windows(width).map(|run| corpus.places(run));
            facts.shingles.extend(runs);
        }
        facts
    }

    fn least(site_pages: u32, percent: u32) -> u32 {
        (3..)
            .find(|pages| pages * 100 >= site_pages * percent)
            .expect("some number is large enough")
    }

    /// Whether each line is its site's template.
    pub fn templates(facts: &Facts) -> Vec<bool> {
        let count = facts.line_pages.len();
        let candidates: Vec<bool> = (0..count)
            .map(|line| {
                let least = least(facts.site_pages, 40);
                let before = line > 0 && facts.pair_pages[line - 1] >= least;
                before || facts.pair_pages[line] >= least || facts.place_pages[line] >= least
            })
            .collect();
        let is_free_of_own_pairs =
            |lines: &[bool]| !lines.windows(2).any(|pair| pair == [false, false]);
        let shares = |line: &usize| facts.pair_pages[*line] >= least(facts.site_pages, 50);
        (0..count)
            .map(|line| {
                let is_frame = candidates[line]
                    && (is_free_of_own_pairs(&candidates[..line])
                        || is_free_of_own_pairs(&candidates[line + 1..]));
                let pairs_before = (0..line).rev().take_while(shares).count();
                let pairs_behind = (line..count).take_while(shares).count();
                facts.site_pages >= 3 && (is_frame || pairs_before + 1 + pairs_behind >= 8)
            })
            .collect()
    }

    /// For each line the place of its first copy, if it goes as a duplicate: if any run of lines
    /// that is a block and long enough holds it.
    pub fn duplicates(
        facts: &Facts,
        lines: &[Line],
        place: Option<Place>,
        rule: &CorpusRule,
    ) -> Vec<Option<Place>> {
        let is_later = |figures: &PlaceFigures, line: usize| {
            let own = place.map(|place| place.behind(lines[line].number));
            let places = figures.places + u32::from(place.is_none());
            figures.places > 0 && places > rule.more_than_places && Some(figures.first) != own
        };
        let width = rule.shingle_lines();
        let mut goes = vec![false; lines.len()];
        for from in 0..lines.len() {
            for to in from + 1..=lines.len() {
                let is_block = if to - from == 1 {
                    rule.min_lines <= 1 && is_later(&facts.lines[from], from)
                } else {
                    width > 0
                        && to - from >= width
                        && (from..=to - width).all(|run| is_later(&facts.shingles[run], run))
                };
                let chars: usize = lines[from..to].iter().map(|line| line.chars).sum();
                if is_block && chars >= rule.min_chars {
                    goes[from..to].fill(true);
                }
            }
        }
        let of = goes.iter().zip(&facts.lines);
        of.map(|(goes, figures)| goes.then_some(figures.first))
            .collect()
    }
}

/// Counts of 0 and 1 say the same: nothing else is like it.
fn pages_or_none(pages: u32) -> u32 {
    if pages < 2 { 0 } else { pages }
}

const SITES: &[Option<&str>] = &[
    Some("a.example"),
    Some("b.example"),
    Some(""),
    Some("d.example"),
    None,
];

const SHORT_LINES: &[&str] = &[
    "Menu",
    "menu",
    "Home  News",
    "Home News",
    "See also",
    "page 1 of 3",
    "page 2 of 3",
    "page 2 of 12",
    "4 March 2031, 12:30",
    "5 March 2031, 9:05",
    "\"Yes,\" she said.",
    "'Yes,' she said.",
    "1-2--3",
    "at 7",
    "at 12:30",
    "at 1,000.5",
    "at 3-4/5",
    "x",
];

const LONG_LINES: &[&str] = &[
    "The ferry was taken out of the water in November, long before the ice.",
    "The ferry was taken out of the water in  November, long before the ice.",
    "Nobody had asked the herons what they thought of the new weir and its lock.",
    "All 12 rights reserved by the paper, its heirs and the harbour master.",
    "All 13 rights reserved by the paper, its heirs and the harbour master.",
    "Sign in to comment on what the paper says of the boat and of its crew.",
    "Forty bytes is where a long line begins.",
    "One byte less does not make a line long",
    "She crossed at eight, with ninety passengers and two dogs below the mast.",
];

/// Lines of a page, each with its end.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        5 => prop::sample::select(SHORT_LINES).prop_map(str::to_owned),
        4 => prop::sample::select(LONG_LINES).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["", " ", "\t "]).prop_map(str::to_owned),
        2 => (0..40_u32).prop_map(|number| format!("Of {number} things this one is told once.")),
        1 => "[a-e]{1,3}",
    ];
    prop::collection::vec(line, 0..14)
}

/// How a page comes about.
#[derive(Clone, Debug)]
enum Making {
    Own,
    /// The same bytes as an earlier page.
    Copy(prop::sample::Index),
    /// An earlier page with other short lines around it.
    NearCopy(prop::sample::Index),
}

/// Three to thirty pages; pages of a site often have its first and last lines.
fn corpus() -> impl Strategy<Value = Vec<Page>> {
    let making = prop_oneof![
        8 => Just(Making::Own),
        1 => any::<prop::sample::Index>().prop_map(Making::Copy),
        2 => any::<prop::sample::Index>().prop_map(Making::NearCopy),
    ];
    let page = (lines(), 0..SITES.len(), 0..4_u32, making);
    let frames = prop::collection::vec((lines(), lines()), SITES.len());
    let block = lines();
    let sites = 1..=SITES.len();
    (sites, prop::collection::vec(page, 3..30), frames, block).prop_map(
        |(sites, makings, frames, block)| {
            let mut made: Vec<Page> = Vec::new();
            for (number, (own, site, shape, making)) in makings.into_iter().enumerate() {
                let site = site % sites;
                let (top, end) = &frames[site];
                let mut lines = match shape {
                    0 => own.clone(),
                    1 => [&own[..], &block, &own].concat(),
                    _ => [&top[..], &own, end].concat(),
                };
                if let (Making::NearCopy(of), false) = (&making, made.is_empty()) {
                    let of = made[of.index(made.len())].text.lines().map(str::to_owned);
                    lines = own.iter().filter(|line| line.len() < 40).cloned().collect();
                    lines.extend(of);
                }
                let mut text = lines.join("\n");
                if shape < 3 {
                    text.push('\n');
                }
                if let (Making::Copy(of), false) = (&making, made.is_empty()) {
                    text = made[of.index(made.len())].text.clone();
                }
                made.push(Page {
                    site: SITES[site],
                    place: Place {
                        file: number as u32 / 3,
                        record: number as u32 % 3 + 1,
                        line: 0,
                    },
                    text,
                });
            }
            made
        },
    )
}

fn rule() -> impl Strategy<Value = CorpusRule> {
    let normalize = prop::sample::select(vec![
        CorpusNormalize::None,
        CorpusNormalize::Space,
        CorpusNormalize::Full,
    ]);
    let min_chars = prop::sample::select(vec![0, 1, 2, 10, 40, 75, 76, 200]);
    (1..4_u32, 0..5_usize, min_chars, normalize).prop_map(
        |(more_than_places, min_lines, min_chars, normalize)| CorpusRule {
            more_than_places,
            min_lines,
            min_chars,
            normalize,
        },
    )
}

/// What the index tells of a page, and what goes by it.
struct LookedUp {
    evidence: Evidence,
    templates: Templates,
    duplicates: Duplicates,
}

fn look_up(
    index: &CorpusIndex,
    rule: &CorpusRule,
    text: &str,
    address: &PageAddress<'_>,
) -> LookedUp {
    let mut looked_up = LookedUp {
        evidence: Evidence::default(),
        templates: Templates::default(),
        duplicates: Duplicates::default(),
    };
    let needs = Needs {
        sketch: true,
        page: false,
        site: true,
        corpus: Some(rule.normalize),
    };
    let evidence = &mut looked_up.evidence;
    evidence.gather(text.as_bytes(), needs);
    evidence.look_up(index, address, rule.shingle_lines());
    looked_up.templates.find(evidence);
    let duplicates = &mut looked_up.duplicates;
    duplicates.find(rule, text.as_bytes(), evidence, address);
    looked_up
}

fn facts_of(evidence: &Evidence) -> plain::Facts {
    let corpus = &evidence.corpus;
    let count = evidence.lines.len();
    let each = |pages: &dyn Fn(usize) -> u32| (0..count).map(pages).map(pages_or_none).collect();
    plain::Facts {
        site_pages: pages_or_none(corpus.site_pages),
        line_pages: each(&|line| corpus.line_pages(line)),
        pair_pages: each(&|line| corpus.pair_pages(line)),
        place_pages: each(&|line| corpus.place_pages(line)),
        lines: corpus.lines.clone(),
        shingles: corpus.shingles.clone(),
    }
}

fn without_ones(facts: &plain::Facts) -> plain::Facts {
    let pages = |pages: &[u32]| pages.iter().copied().map(pages_or_none).collect();
    let site_pages = pages_or_none(facts.site_pages);
    plain::Facts {
        site_pages,
        line_pages: pages(&facts.line_pages),
        pair_pages: pages(&facts.pair_pages),
        place_pages: pages(&facts.place_pages),
        lines: facts.lines.clone(),
        shingles: facts.shingles.clone(),
    }
}

/// Checks all that the index tells of a page, at its place in the corpus or without one.
fn check_page(
    corpus: &plain::Corpus,
    index: &CorpusIndex,
    rule: &CorpusRule,
    page: &Page,
    address: &PageAddress<'_>,
) -> Result<(), TestCaseError> {
    let lines = plain::lines(&page.text, rule.normalize);
    let facts = plain::facts(corpus, page.site, &lines, rule.shingle_lines());
    let found = look_up(index, rule, &page.text, address);
    prop_assert_eq!(
        facts_of(&found.evidence),
        without_ones(&facts),
        "{:?}",
        page
    );
    let templates: Vec<bool> = (0..lines.len())
        .map(|line| found.templates.has(line))
        .collect();
    prop_assert_eq!(templates, plain::templates(&facts), "{:?}", page);
    let of: Vec<_> = (0..lines.len())
        .map(|line| found.duplicates.of(line))
        .collect();
    let expected = plain::duplicates(&facts, &lines, address.place, rule);
    prop_assert_eq!(of, expected, "{:?}", page);
    Ok(())
}

/// A case builds some corpora and counts each in quadratic time.
const CASES: u32 = 40;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn the_index_tells_what_a_plain_count_tells(
        pages in corpus(),
        rule in rule(),
        page_duplicates in any::<bool>(),
    ) {
        let config = Config { page_duplicates, ..config(rule) };
        let index = index(&config, &pages);
        let corpus = plain::Corpus::new(&pages, rule.normalize, page_duplicates);
        prop_assert_eq!(index.pages, corpus.counts.iter().filter(|&&counts| counts).count() as u64);
        for page in &pages {
            check_page(&corpus, &index, &rule, page, &page.address())?;
            let unknown = PageAddress { place: None, ..page.address() };
            check_page(&corpus, &index, &rule, page, &unknown)?;
        }
    }

    #[test]
    fn of_every_duplicate_the_first_copy_is_none(pages in corpus(), rule in rule()) {
        let index = index(&config(rule), &pages);
        let mut going = Vec::new();
        let mut staying = HashSet::new();
        for page in &pages {
            let lines = plain::lines(&page.text, rule.normalize);
            let found = look_up(&index, &rule, &page.text, &page.address());
            for (at, line) in lines.into_iter().enumerate() {
                match found.duplicates.of(at) {
                    Some(of) => going.push((of, line.corpus)),
                    None => {
                        staying.insert((page.place.behind(line.number), line.corpus));
                    }
                }
            }
        }
        for first in &going {
            prop_assert!(staying.contains(first), "{:?}", first);
        }
    }

    #[test]
    fn what_goes_as_a_copy_names_what_does_not(pages in corpus(), rule in rule()) {
        let config = Config { page_duplicates: true, site_templates: false, ..config(rule) };
        let mut named_lines = Vec::new();
        let mut staying_lines = HashSet::new();
        let mut named_pages = HashSet::new();
        let mut going_pages = HashSet::new();
        for (page, reasons) in pages.iter().zip(verdicts(&config, &pages)) {
            let lines = plain::lines(&page.text, rule.normalize);
            for (line, (_, reason)) in lines.into_iter().zip(reasons) {
                match reason {
                    Reason::Duplicate { of } if of.line == 0 => {
                        named_pages.insert(of);
                        going_pages.insert(page.place);
                    }
                    Reason::Duplicate { of } => named_lines.push((of, line.corpus)),
                    _ => {
                        staying_lines.insert((page.place.behind(line.number), line.corpus));
                    }
                }
            }
        }
        for first in &named_lines {
            prop_assert!(staying_lines.contains(first), "{:?}", first);
        }
        prop_assert!(named_pages.is_disjoint(&going_pages), "{:?}", going_pages);
    }

    #[test]
    fn single_lines_go_as_awk_lets_them(pages in corpus(), more_than_places in 1..4_u32) {
        let rule = CorpusRule { more_than_places, ..EVERY_LINE };
        let config = Config { site_templates: false, ..config(rule) };
        let index = Arc::new(index(&config, &pages));
        let cleaner = Cleaner::new(config).expect("the config is good").with_index(index);
        // awk: NR == FNR { count[$0]++; next } count[$0] <= N || !seen[$0]++
        let all = || pages.iter().flat_map(|page| page.text.lines());
        let count = |line: &str| all().filter(|other| *other == line).count();
        let mut seen = HashSet::new();
        for page in &pages {
            let mut workspace = Workspace::default();
            let cleaned = cleaner.clean_page_at(page.text.as_bytes(), &page.address(), &mut workspace);
            let kept: Vec<&str> = cleaned
                .each_line()
                .filter(|line| line.verdict.is_kept && line.verdict.reason != Reason::Blank)
                .map(|line| std::str::from_utf8(line.text).expect("pages are text"))
                .collect();
            let expected: Vec<&str> = page
                .text
                .lines()
                .filter(|line| !line.trim().is_empty())
                .filter(|line| count(line) <= more_than_places as usize || seen.insert(*line))
                .collect();
            prop_assert_eq!(kept, expected);
        }
    }

    #[test]
    fn neither_memory_nor_counters_change_a_byte(
        pages in corpus(),
        rule in rule(),
        max_bytes in 0..200_000_usize,
        counters in 1..5_usize,
        job_pages in 1..4_usize,
        page_duplicates in any::<bool>(),
    ) {
        let config = Config { page_duplicates, ..config(rule) };
        let expected = bytes_of(&index(&config, &pages));
        let (index, _) = index_in_memory_of(max_bytes, &config, &pages, counters, job_pages);
        prop_assert!(bytes_of(&index) == expected);
    }
}

#[test]
fn facts_of_a_page_that_no_index_knows_are_zeros() {
    let index = index(&config(EVERY_LINE), &[]);
    let address = PageAddress {
        site: Some(b"a.example"),
        place: None,
    };
    let found = look_up(&index, &EVERY_LINE, "one\ntwo\n", &address);
    let corpus = &found.evidence.corpus;
    for line in 0..2 {
        let pages = [
            corpus.line_pages(line),
            corpus.pair_pages(line),
            corpus.place_pages(line),
        ];
        assert_eq!(pages, [0; 3], "line {line}");
    }
}

#[test]
fn the_lines_shown_of_a_site_are_those_of_its_first_pages_whoever_counts() {
    let pages = pages_of(
        "a.example",
        ["Top 1", "Top 1", "Top 2", "Top 3"].map(|top| format!("{top}\nMenu\nNews\n")),
    );
    let config = config(EVERY_LINE);
    let shown = |counters| {
        let builder = CorpusBuilder::in_memory(&config);
        let index = counted(&builder, &pages, counters, 1);
        let sites = index.sites.values();
        sites
            .flat_map(|site| site.templates.clone())
            .map(|line| String::from_utf8_lossy(&line.text).into_owned())
            .collect::<Vec<_>>()
    };
    let by_one = shown(1);
    assert!(
        by_one.starts_with(&["Menu".to_owned(), "News".to_owned()]),
        "{by_one:?}"
    );
    for counters in 2..=4 {
        assert_eq!(shown(counters), by_one, "{counters} counters");
    }
}

/// Pages with lines that many of them share: enough keys that little memory spills.
fn varied_pages() -> Vec<Page> {
    let page = |number: usize| {
        let site = number % 5;
        let mut text = format!("Site {}\nMenu\n\nNews of {number} March\n", letters(site));
        for line in 0..8 {
            let shared = (number * 7 + line * 3) % 40;
            let own = letters(number * 8 + line);
            match line % 3 {
                0 => writeln!(
                    text,
                    "Everybody says {} one time or another",
                    letters(shared)
                ),
                _ => writeln!(text, "Only this page says {own}"),
            }
            .expect("a string takes any text");
        }
        text.push_str("About\nImprint\n");
        Page {
            site: SITES[site],
            place: Place {
                file: number as u32,
                ..Place::default()
            },
            text,
        }
    };
    (0..120).map(page).collect()
}

#[test]
fn runs_are_written_when_memory_is_short_and_change_no_byte() {
    let rule = CorpusRule {
        min_lines: 3,
        ..EVERY_LINE
    };
    let config = config(rule);
    let pages = varied_pages();
    let expected = bytes_of(&index(&config, &pages));
    let address = pages[7].address();
    let mut evidence = Vec::new();
    for (max_bytes, counters) in [
        (0, 1),
        (1_000, 3),
        (50_000, 1),
        (200_000, 4),
        (100 << 20, 2),
    ] {
        let (index, stores) = index_in_memory_of(max_bytes, &config, &pages, counters, 2);
        let is_short = max_bytes < 100 << 20;
        let is_frozen_on_disk = max_bytes < 100_000;
        let [.., shelf] = &stores[..] else {
            panic!("three stores");
        };
        assert_eq!(shelf.bytes_kept() > 0, is_frozen_on_disk, "{max_bytes}");
        for store in &stores[..2] {
            assert_eq!(store.bytes_kept() > 10_000, is_short, "{max_bytes}");
            assert_eq!(store.bytes_read(), store.bytes_kept());
        }
        evidence.push(facts_of(
            &look_up(&index, &rule, &pages[7].text, &address).evidence,
        ));
        assert!(
            bytes_of(&index) == expected,
            "{max_bytes} bytes, {counters} counters"
        );
    }
    assert!(evidence.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_store_that_fails_ends_the_counting_with_its_error() {
    #[derive(Debug)]
    struct Full;

    impl RunStore for Full {
        fn append(&self, _: &[u8]) -> io::Result<u64> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
            Err(io::ErrorKind::NotFound.into())
        }
    }
    let config = config(EVERY_LINE);
    let settings = collect::settings(&config, "caller", u64::MAX);
    let builder = CorpusBuilder::new(settings, &config.key, 0, || Arc::new(Full));
    let mut counter = builder.counter();
    let mut sites = Sites::default();
    let page = &varied_pages()[0];
    let added = counter.add_page(page.text.as_bytes(), &page.address());
    counter.settle(&mut sites);
    let ended = added.map(drop).and_then(|()| counter.end());
    let error = ended.expect_err("nothing can be kept");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

fn key(high: u64, low: u32) -> Key {
    Key { high, low }
}

#[test]
fn thousands_of_runs_are_merged_on_the_way() {
    const RUNS: u32 = 1_100;
    /// New keys of a run; those of all runs are more than are merged at a time.
    const KEYS: u32 = 40;
    let store = Arc::new(MemoryStore::default());
    let builder: Builder<PlaceFigures> = Builder::new(Budget::new(0), store.clone());
    let mut collector = Collector::new(&builder);
    // All in one partition. A key stands in two runs, the second of them earlier in the corpus.
    let own_key = |number: u32| key(7 << 56 | u64::from(number.reverse_bits()), number);
    for run in 0..RUNS {
        let first = Place {
            file: RUNS - run,
            ..Place::default()
        };
        for number in run * KEYS..(run + 2) * KEYS {
            collector.add(own_key(number), PlaceFigures { places: 1, first });
        }
        collector.flush().expect("runs are kept");
    }
    assert!(
        store.bytes_read() > 0,
        "some runs were merged before the end"
    );
    let frozen = frozen(&builder, 2, &Shelf::in_memory());
    assert_eq!(frozen.len() as u32, (RUNS - 1) * KEYS);
    for number in 0..(RUNS + 1) * KEYS {
        let figures = frozen.get(own_key(number));
        let run = number / KEYS;
        let expected = match run {
            0 | RUNS => (0, 0),
            run => (2, RUNS - run),
        };
        assert_eq!((figures.places, figures.first.file), expected, "{number}");
    }
}

/// Counts keys on one page, two or three, by what their numbers leave when divided by three,
/// and looks all of them up, with some that are not in.
fn check_close_keys(own_key: impl Fn(u32) -> Key, count: u32, max_bytes: usize) {
    let store = Arc::new(MemoryStore::default());
    let builder = Builder::new(Budget::new(max_bytes), store.clone());
    let mut collector = Collector::new(&builder);
    for page in 0..3 {
        for number in (0..count).filter(|number| number % 3 >= page) {
            collector.add_once(own_key(number), SiteFigures { pages: 1 });
            collector.add_once(own_key(number), SiteFigures { pages: 1 });
        }
        collector.end_page().expect("runs are kept");
    }
    collector.flush().expect("runs are kept");
    assert_eq!(store.bytes_kept() > 0, max_bytes < usize::MAX);
    let frozen = frozen(&builder, 2, &Shelf::new(max_bytes, store));
    assert_eq!(frozen.len() as u32, count / 3 * 2);
    let keys: Vec<Key> = (0..count + 10).map(own_key).collect();
    let mut found = Vec::new();
    frozen.get_all(&keys, &mut found);
    for (number, figures) in (0..).zip(&found) {
        let pages = match number % 3 {
            0 => 0,
            _ if number >= count => 0,
            rest => rest + 1,
        };
        assert_eq!(figures.pages, pages, "{number}");
        assert_eq!(frozen.get(keys[number as usize]), *figures);
    }
    assert!(frozen.failure().is_none());
}

#[test]
fn keys_that_share_their_first_bits_are_counted_apart() {
    // One partition, and one slot of its directory. The bits behind look random, or are few.
    let spread = |number: u32| u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let of_40_bits = |number: u32| {
        let bits = spread(number);
        key(0x5a5a_5a5a_5a00_0000 | bits >> 40, bits as u32)
    };
    let of_64_bits = |number: u32| key(0x5a5a_5a5a_5a5a_5a5a, number);
    let of_all_but_the_low_bits = |number: u32| key(0x5a5a_5a5a_5a00_0000 + u64::from(number), 7);
    check_close_keys(of_40_bits, 30_000, usize::MAX);
    check_close_keys(of_40_bits, 6_000, 50_000);
    for max_bytes in [usize::MAX, 10_000] {
        check_close_keys(of_64_bits, 1_500, max_bytes);
        check_close_keys(of_all_but_the_low_bits, 1_500, max_bytes);
    }
}

/// The verdicts on all lines of all pages, blank ones left out.
fn verdicts(config: &Config, pages: &[Page]) -> Vec<Vec<(String, Reason)>> {
    let index = Arc::new(index(config, pages));
    let cleaner = Cleaner::new(config.clone()).expect("the config is good");
    let cleaner = cleaner.with_index(index);
    let verdict = |page: &Page| {
        let mut workspace = Workspace::default();
        let text = page.text.as_bytes();
        let cleaned: Cleaned<'_> = cleaner.clean_page_at(text, &page.address(), &mut workspace);
        let lines = cleaned.each_line();
        lines
            .filter(|line| line.verdict.reason != Reason::Blank)
            .map(|line| {
                let text = String::from_utf8_lossy(line.text).into_owned();
                (text, line.verdict.reason)
            })
            .collect()
    };
    pages.iter().map(verdict).collect()
}

#[test]
fn a_page_of_equal_lines_is_one_page_and_as_many_places() {
    const LINES: usize = 200_000;
    let texts = ["first", "second"].map(|own| format!("{own}\n{}", "the same\n".repeat(LINES)));
    let pages = pages_of("a.example", texts);
    let rule = CorpusRule {
        min_chars: 2,
        ..EVERY_LINE
    };
    let index = index(&config(rule), &pages);
    let found = look_up(&index, &rule, &pages[1].text, &pages[1].address());
    let corpus = &found.evidence.corpus;
    let first = pages[0].place.behind(2);
    let places = 2 * LINES as u32;
    assert_eq!(corpus.site_pages, 2);
    for line in [1, 2, 7, 8, 100_000, LINES] {
        assert_eq!(corpus.line_pages(line), 2);
        assert_eq!(corpus.lines[line], PlaceFigures { places, first });
    }
    for line in [1, 100_000, LINES - 1] {
        assert_eq!(corpus.pair_pages(line), 2);
        let places = places - 2;
        assert_eq!(corpus.shingles[line], PlaceFigures { places, first });
    }
    assert_eq!(corpus.line_pages(0), 0);
    assert_eq!(corpus.place_pages(7), 2);
    assert_eq!(corpus.place_pages(100_000), 0);
    assert!((1..=LINES).all(|line| found.duplicates.of(line) == Some(first)));
    assert_eq!(found.duplicates.of(0), None);
}

#[test]
fn a_page_of_two_lines_in_turn_is_counted_right() {
    const PAIRS: usize = 50_000;
    let texts = ["first", "second"].map(|own| format!("{own}\n{}", "a\nb\n".repeat(PAIRS)));
    let pages = pages_of("a.example", texts);
    let rule = CorpusRule {
        min_lines: 4,
        ..EVERY_LINE
    };
    let index = index(&config(rule), &pages);
    let found = look_up(&index, &rule, &pages[0].text, &pages[0].address());
    let corpus = &found.evidence.corpus;
    let figures = |places: usize, line| PlaceFigures {
        places: places as u32,
        first: pages[0].place.behind(line),
    };
    for line in [1, 3, PAIRS + 1] {
        assert_eq!(corpus.lines[line], figures(2 * PAIRS, 2));
        assert_eq!(corpus.lines[line + 1], figures(2 * PAIRS, 3));
        // abab begins with every a but the last, baba with every b but the last two.
        assert_eq!(corpus.shingles[line], figures(2 * (PAIRS - 1), 2));
        assert_eq!(corpus.shingles[line + 1], figures(2 * (PAIRS - 2), 3));
        assert_eq!(corpus.pair_pages(line), 2);
        assert_eq!(corpus.pair_pages(line + 1), 2);
    }
    let going = (0..=2 * PAIRS).filter(|&line| found.duplicates.of(line).is_some());
    assert_eq!(going.count(), 2 * PAIRS - 2, "one a and one b stay");
}

/// A line that no other page has.
fn own(page: usize, line: usize) -> String {
    format!("own {} {}", letters(page), letters(line))
}

/// A site of `all` pages; the first `holding` of them are made by `page`, the others have
/// nothing in common. Returns the lines of the first page that go as template, each with its
/// pages and those of the site.
fn templates(
    holding: usize,
    all: usize,
    page: impl Fn(usize) -> Vec<String>,
) -> Vec<(String, u32, u32)> {
    let texts = (0..all).map(|number| match number < holding {
        true => page(number).join("\n"),
        false => (0..12)
            .map(|line| own(number, line))
            .collect::<Vec<_>>()
            .join("\n"),
    });
    templates_of(&pages_of("a.example", texts))
}

/// The lines of the first page that go as template.
fn templates_of(pages: &[Page]) -> Vec<(String, u32, u32)> {
    let config = Config {
        corpus_duplicates: None,
        ..config(EVERY_LINE)
    };
    let first = verdicts(&config, pages).swap_remove(0);
    first
        .into_iter()
        .filter_map(|(text, reason)| match reason {
            Reason::Template { pages, of_pages } => Some((text, pages, of_pages)),
            _ => None,
        })
        .collect()
}

fn texts_of(templates: &[(String, u32, u32)]) -> Vec<&str> {
    templates.iter().map(|(text, ..)| text.as_str()).collect()
}

/// A page made of what `shape` says: `.` is a line of its own, a letter a line that all pages
/// made so share.
fn shaped(shape: &str) -> impl Fn(usize) -> Vec<String> {
    move |page| {
        let line = |(number, sign): (usize, char)| match sign {
            '.' => own(page, number),
            letter => format!("Shared {letter}"),
        };
        shape.chars().enumerate().map(line).collect()
    }
}

/// What goes of such a page, by the letters, on a site of `holding` such pages of `all`.
fn letters_that_go(shape: &str, holding: usize, all: usize) -> String {
    let templates = templates(holding, all, shaped(shape));
    assert!(
        templates
            .iter()
            .all(|&(_, pages, of)| (pages, of) == (holding as u32, all as u32))
    );
    let letters = templates.iter().map(|(text, ..)| {
        let letter = text.strip_prefix("Shared ");
        letter.expect("a line of the page's own stays")
    });
    letters.collect()
}

#[test]
fn a_frame_stands_on_three_pages_and_two_fifths_of_the_site() {
    for (holding, all, goes) in [
        (1, 1, false),
        (2, 2, false),
        (2, 3, false),
        (3, 3, true),
        (3, 7, true),
        (3, 8, false),
        (4, 10, true),
        (4, 11, false),
        (5, 12, true),
        (40, 100, true),
        (40, 101, false),
    ] {
        let expected = if goes { "abyz" } else { "" };
        let found = letters_that_go("ab......yz", holding, all);
        assert_eq!(found, expected, "{holding} pages of {all}");
    }
}

#[test]
fn a_frame_is_reached_over_one_line_of_the_pages_own() {
    for (shape, expected) in [
        // From the top, from the end.
        ("ab......", "ab"),
        ("......yz", "yz"),
        (".ab.....", "ab"),
        ("..ab....", ""),
        (".....yz.", "yz"),
        ("....yz..", ""),
        ("ab.cd.ef......", "abcdef"),
        ("ab..cd........", "ab"),
        ("......uv.wx.yz", "uvwxyz"),
        ("........wx..yz", "yz"),
        // A candidate by its place alone.
        ("a.b.c......x.y.z", "abcxyz"),
        // The body between two frames is one line.
        ("ab.yz", "abyz"),
        ("ab..yz", "abyz"),
        // A page that is all template, but for one line.
        ("abc.def", "abcdef"),
        (".abcdef", "abcdef"),
    ] {
        assert_eq!(letters_that_go(shape, 4, 4), expected, "{shape}");
    }
}

#[test]
fn eight_places_from_the_top_and_the_end_are_counted() {
    // Neither line has a neighbour that the pages share, so only their places speak for them.
    for (shape, expected) in [
        ("a.b.c.d..............", "abcd"),
        ("a.b.c.d.e............", "abcd"),
        (".a.b.c.d.............", "abcd"),
        ("..............w.x.y.z", "wxyz"),
        ("............v.w.x.y.z", "wxyz"),
        (".............w.x.y.z.", "wxyz"),
    ] {
        assert_eq!(letters_that_go(shape, 4, 4), expected, "{shape}");
    }
}

#[test]
fn a_block_inside_the_body_goes_from_eight_lines_on() {
    for (shape, expected) in [
        ("....abcdefg....", ""),
        ("....abcdefgh....", "abcdefgh"),
        ("....abcdefghi....", "abcdefghi"),
        ("....abcd.efgh....", ""),
        ("....abcdefgh..stuvwxyz....", "abcdefghstuvwxyz"),
        ("....abcdefgh..stuvwxy....", "abcdefgh"),
    ] {
        assert_eq!(letters_that_go(shape, 4, 4), expected, "{shape}");
    }
}

#[test]
fn a_block_inside_the_body_stands_on_three_pages_and_half_of_the_site() {
    for (holding, all, goes) in [
        (2, 2, false),
        (2, 3, false),
        (3, 3, true),
        (3, 6, true),
        (3, 7, false),
        (4, 9, false),
        (5, 9, true),
        (5, 10, true),
        (5, 11, false),
        (50, 100, true),
        (50, 101, false),
    ] {
        let expected = if goes { "abcdefgh" } else { "" };
        let found = letters_that_go("....abcdefgh....", holding, all);
        assert_eq!(found, expected, "{holding} pages of {all}");
    }
}

#[test]
fn a_line_that_stands_alone_between_the_pages_own_stays() {
    // At one place on every page; at another on each.
    assert_eq!(letters_that_go("....s....", 5, 5), "");
    let wandering = |page: usize| {
        let mut lines: Vec<String> = (0..20).map(|line| own(page, line)).collect();
        lines.insert(3 + 2 * page, "See also".to_owned());
        lines.insert(12, "Parameters".to_owned());
        lines
    };
    assert_eq!(templates(5, 5, wandering), []);
}

#[test]
fn numbers_do_not_tell_template_lines_apart() {
    let dated = |page: usize| {
        let mut lines = vec![
            format!("{page} March 2031, {page}:30"),
            format!("Page {}", page * 11),
        ];
        lines.extend((0..6).map(|line| own(page, line)));
        lines
    };
    let found = templates(4, 4, dated);
    assert_eq!(texts_of(&found), ["0 March 2031, 0:30", "Page 0"]);
}

/// Ten lines, the first `long` of them long enough for a sketch.
fn article(long: usize) -> Vec<String> {
    let line = |number: usize| {
        let mut line = format!("Paragraph {}", letters(number));
        if number < long {
            line += " tells at some length how the otters came back";
        }
        line
    };
    (0..10).map(line).collect()
}

#[test]
fn a_mirrored_article_is_one_page_and_no_template() {
    // Under three menus, beside two other pages. With three long lines the sketch is of all
    // lines, so the menus tell the pages apart.
    for (long, expected) in [(4, 0), (10, 0), (3, 10)] {
        let mirrored = |page: usize| {
            let menu = (0..3).map(|line| own(page, line));
            menu.chain(article(long))
                .chain([own(page, 3), own(page, 4)])
                .collect()
        };
        let found = templates(3, 5, mirrored);
        assert_eq!(found.len(), expected, "{long} long lines: {found:?}");
    }
}

#[test]
fn a_syndicated_article_is_no_template_of_three_sites() {
    let mut pages = Vec::new();
    for site in ["a.example", "b.example", "c.example"] {
        let texts = (0..4).map(|page| {
            let mut lines = vec![format!("The {site} herald"), "Menu".to_owned()];
            match page {
                0 => lines.extend(article(10)),
                _ => lines.extend((0..6).map(|line| own(page, line))),
            }
            lines.push(format!("Imprint of {site}"));
            lines.push("About".to_owned());
            lines.join("\n")
        });
        pages.push(pages_of(site, texts));
    }
    let found = templates_of(&pages.concat());
    let expected = [
        "The a.example herald",
        "Menu",
        "Imprint of a.example",
        "About",
    ];
    assert_eq!(texts_of(&found), expected);
}

#[test]
fn pages_without_a_site_have_no_template() {
    let mut pages = pages_of(
        "a.example",
        (0..5).map(|page| shaped("ab....yz")(page).join("\n")),
    );
    assert_eq!(templates_of(&pages).len(), 4);
    pages.iter_mut().for_each(|page| page.site = None);
    assert_eq!(templates_of(&pages), []);
}

/// The lines that go as duplicates by page, each with file and line of its first copy.
fn duplicates(rule: CorpusRule, texts: &[&str]) -> Vec<Vec<(String, (u32, u32))>> {
    let config = Config {
        site_templates: false,
        ..config(rule)
    };
    let pages = pages_of("a.example", texts.iter().map(|&text| text.to_owned()));
    let going = |lines: Vec<(String, Reason)>| {
        let duplicates = lines.into_iter().filter_map(|(text, reason)| match reason {
            Reason::Duplicate { of } => Some((text, (of.file, of.line))),
            _ => None,
        });
        duplicates.collect()
    };
    verdicts(&config, &pages).into_iter().map(going).collect()
}

/// How many lines of each page go.
fn duplicate_counts(rule: CorpusRule, texts: &[&str]) -> Vec<usize> {
    duplicates(rule, texts).iter().map(Vec::len).collect()
}

#[test]
fn a_line_goes_from_the_second_copy_on_where_it_stands_in_more_than_n_places() {
    let page = "\na line\n";
    for (more_than_places, copies, expected) in [
        (1, 1, &[0][..]),
        (1, 2, &[0, 1]),
        (1, 3, &[0, 1, 1]),
        (2, 2, &[0, 0]),
        (2, 3, &[0, 1, 1]),
        (3, 3, &[0, 0, 0]),
        (3, 4, &[0, 1, 1, 1]),
    ] {
        let rule = CorpusRule {
            more_than_places,
            ..EVERY_LINE
        };
        let found = duplicates(rule, &vec![page; copies]);
        let counts: Vec<usize> = found.iter().map(Vec::len).collect();
        assert_eq!(
            counts, expected,
            "{copies} copies, {more_than_places} allowed"
        );
        let mut of = found.iter().flatten().map(|(_, of)| of);
        assert!(of.all(|of| *of == (0, 2)), "{found:?}");
    }
}

#[test]
fn places_on_one_page_count_each() {
    let found = duplicates(EVERY_LINE, &["b\na\nb\n", "c\n\na\nb\n"]);
    let line = |text: &str, of| (text.to_owned(), of);
    assert_eq!(
        found,
        [
            vec![line("b", (0, 1))],
            vec![line("a", (0, 2)), line("b", (0, 1))]
        ]
    );
}

#[test]
fn a_block_goes_from_its_least_lines_on() {
    let pages = |lines: usize| {
        let block: String = (0..lines)
            .map(|line| format!("line {}\n", letters(line)))
            .collect();
        [
            format!("one\n{block}two\n"),
            format!("three\n{block}\nfour\n"),
        ]
    };
    for min_lines in 1..6 {
        let rule = CorpusRule {
            min_lines,
            ..EVERY_LINE
        };
        for lines in 1..8 {
            let [first, second] = pages(lines);
            let goes = if lines >= min_lines { lines } else { 0 };
            let counts = duplicate_counts(rule, &[&first, &second]);
            assert_eq!(counts, [0, goes], "{lines} lines, at least {min_lines}");
        }
    }
}

#[test]
fn lines_that_never_stood_together_are_no_block() {
    let rule = CorpusRule {
        min_lines: 2,
        ..EVERY_LINE
    };
    let counts = duplicate_counts(rule, &["a\nx\nb\n", "b\na\n", "y\na\nb\n"]);
    assert_eq!(counts, [0, 0, 0]);
    // Two blocks may share lines; blank lines do not count.
    let counts = duplicate_counts(rule, &["a\nb\n", "b\nc\n", "a\n\nb\n \nc\n"]);
    assert_eq!(counts, [0, 0, 3]);
    let rule = CorpusRule {
        min_lines: 3,
        ..EVERY_LINE
    };
    let texts = ["a\nb\nc\n", "c\nd\ne\n", "x\na\nb\nc\nd\ne\ny\n"];
    assert_eq!(duplicate_counts(rule, &texts), [0, 0, 5]);
}

#[test]
fn a_block_goes_from_its_least_characters_on() {
    for (block, chars) in [
        ("twelve chars\n", 12),
        ("twelve\n\n chars\n", 12),
        ("一二三\n四五六\n七八九\nééé\n", 12),
        ("twelve chars\r\n", 12),
        ("twelve char\u{200b}s\n", 13),
    ] {
        for (min_chars, goes) in [(chars - 1, true), (chars, true), (chars + 1, false)] {
            let rule = CorpusRule {
                min_chars,
                ..EVERY_LINE
            };
            let [first, second] = ["one", "two"].map(|own| format!("{block}{own}\n"));
            let lines = block.lines().filter(|line| !line.is_empty()).count();
            let counts = duplicate_counts(rule, &[&first, &second]);
            let expected = if goes { lines } else { 0 };
            assert_eq!(counts, [0, expected], "{block:?}, at least {min_chars}");
        }
    }
}

#[test]
fn what_is_folded_away_makes_lines_equal() {
    use CorpusNormalize::{Full, None, Space};
    for (left, right, equal_by) in [
        (
            "The ferry sails",
            "The ferry sails",
            &[None, Space, Full][..],
        ),
        (
            "The ferry sails",
            " The\tferry \u{a0} sails ",
            &[Space, Full],
        ),
        ("The ferry sails", "THE FERRY SAILS", &[Full]),
        ("“The ferry” – sails…", "\"The ferry\" - sails...", &[Full]),
        ("The ferry sails", "Ｔｈｅ ｆｅｒｒｙ ｓａｉｌｓ", &[Full]),
        ("Ferry 12", "Ferry 13", &[]),
        ("The ferry sails", "The ferry sailed", &[]),
    ] {
        for normalize in [None, Space, Full] {
            let rule = CorpusRule {
                normalize,
                ..EVERY_LINE
            };
            let goes = usize::from(equal_by.contains(&normalize));
            let counts = duplicate_counts(rule, &[left, right]);
            assert_eq!(counts, [0, goes], "{left:?}, {right:?}, {normalize:?}");
        }
    }
}

#[test]
fn threads_that_write_runs_at_once_lose_nothing() {
    const THREADS: u64 = 16;
    const KEYS: u64 = 4_000;
    let budget = Budget::new(2_000);
    let builder = Builder::new(Arc::clone(&budget), Arc::new(MemoryStore::default()));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (builder, budget) = (&builder, &budget);
            scope.spawn(move || {
                let mut collector = Collector::new(builder);
                for number in 0..KEYS {
                    // The last partition, which is the last one that a run takes.
                    let own_key = key(255 << 56 | number, 0);
                    let first = Place {
                        file: (KEYS * thread + number) as u32,
                        ..Place::default()
                    };
                    collector.add(own_key, PlaceFigures { places: 1, first });
                    collector.flush().expect("runs are kept");
                    assert!(budget.used_bytes() < 1 << 40, "below zero");
                }
            });
        }
    });
    let frozen = frozen(&builder, 2, &Shelf::in_memory());
    assert_eq!(frozen.len() as u64, KEYS);
    for number in 0..KEYS {
        let figures = frozen.get(key(255 << 56 | number, 0));
        assert_eq!(u64::from(figures.places), THREADS);
        assert_eq!(u64::from(figures.first.file), number);
    }
}
