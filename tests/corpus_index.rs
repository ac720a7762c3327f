//! The corpus index against a plain count of the same pages, and both sides of the thresholds
//! of what is decided by it: templates of a site, duplicates in a corpus.
//!
//! The plain count is written from the documentation and takes quadratic time. Its lines are
//! ASCII, so that folding is a few words of the standard library.

use std::collections::HashSet;
use std::fmt::{self, Write};
use std::io;
use std::sync::{Arc, Mutex};

use dechaff::collect::{self, CorpusBuilder, LEAST_COUNT, PageCounter};
use dechaff::config::{CorpusNormalize, CorpusRule};
use dechaff::duplicates::Duplicates;
use dechaff::evidence::{Evidence, Needs, PageAddress};
use dechaff::fingerprint::Fingerprint;
use dechaff::index::builder::{Budget, Builder, Collector};
use dechaff::index::runs::{RunStore, STRETCHES};
use dechaff::index::{
    CorpusIndex, Entry, Figures, Frozen, Key, Names, Place, PlaceFigures, SiteFigures, Sites,
};
use dechaff::templates::Templates;
use dechaff::{Cleaned, Cleaner, Config, Reason, Workspace};
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

/// Counts pages with several counters, as threads do: each has a job of `job_pages` at a time;
/// what is added last is settled first.
fn counted(
    builder: &CorpusBuilder,
    pages: &[Page],
    counters: usize,
    job_pages: usize,
) -> CorpusIndex {
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
    let frozen = builder.freeze(sites, Names::default());
    frozen.expect("runs are read back")
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
struct MemoryStore(Mutex<Vec<u8>>);

impl MemoryStore {
    fn is_empty(&self) -> bool {
        self.0.lock().expect("nobody panicked").is_empty()
    }
}

impl RunStore for MemoryStore {
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut store = self.0.lock().expect("nobody panicked");
        let at = store.len() as u64;
        store.extend_from_slice(bytes);
        Ok(at)
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let store = self.0.lock().expect("nobody panicked");
        let kept = store.get(at as usize..at as usize + bytes.len());
        bytes.copy_from_slice(kept.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A builder that may hold `max_bytes`, and where its two tables go past it.
fn bounded(config: &Config, max_bytes: usize) -> (CorpusBuilder, Vec<Arc<MemoryStore>>) {
    let stores = Mutex::new(Vec::new());
    let settings = collect::settings(config, "caller", u64::MAX);
    let builder = CorpusBuilder::new(settings, max_bytes, || {
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

    /// Every number becomes one 0, with single separators between its digits.
    fn masked(text: &str) -> String {
        let mut out = String::new();
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

    /// A corpus as it is counted.
    pub struct Corpus {
        /// Site, place and lines of every page.
        pub pages: Vec<(Option<&'static str>, Place, Vec<Line>)>,
        /// Whether the page is the first of its class on its site.
        pub counts: Vec<bool>,
    }

    impl Corpus {
        pub fn new(pages: &[Page], normalize: CorpusNormalize) -> Self {
            let pages: Vec<_> = pages
                .iter()
                .map(|page| (page.site, page.place, lines(&page.text, normalize)))
                .collect();
            let mut met = Vec::new();
            let counts = pages.iter().map(|(site, _, lines)| {
                let class = (*site, class(lines));
                let is_first = site.is_some() && !lines.is_empty() && !met.contains(&class);
                met.push(class);
                is_first
            });
            let counts = counts.collect();
            Corpus { pages, counts }
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
            for (_, place, lines) in &self.pages {
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
            figures.places > rule.more_than_places && Some(figures.first) != own
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

fn places_or_none(figures: &PlaceFigures) -> PlaceFigures {
    match figures.places {
        0 | 1 => PlaceFigures::default(),
        _ => *figures,
    }
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
    "x",
];

const LONG_LINES: &[&str] = &[
    "The ferry was taken out of the water in November, long before the ice.",
    "The ferry was taken out of the water in  November, long before the ice.",
    "Nobody had asked the herons what they thought of the new weir and its lock.",
    "All 12 rights reserved by the paper, its heirs and the harbour master.",
    "All 13 rights reserved by the paper, its heirs and the harbour master.",
    "Sign in to comment on what the paper says of the boat and of its crew.",
    "Forty bytes is what a long line begins at",
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
        place_pages: match corpus.site_pages {
            0 | 1 => vec![0; count],
            _ => each(&|line| corpus.place_pages(line)),
        },
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
        lines: facts.lines.iter().map(places_or_none).collect(),
        shingles: facts.shingles.iter().map(places_or_none).collect(),
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

proptest! {
    #[test]
    fn the_index_tells_what_a_plain_count_tells(pages in corpus(), rule in rule()) {
        let index = index(&config(rule), &pages);
        let corpus = plain::Corpus::new(&pages, rule.normalize);
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
    fn neither_memory_nor_counters_change_a_count(
        pages in corpus(),
        rule in rule(),
        max_bytes in 0..200_000_usize,
        counters in 1..5_usize,
        job_pages in 1..4_usize,
    ) {
        let without_shown_lines = |mut index: CorpusIndex| {
            index.sites.values_mut().for_each(|site| site.templates.clear());
            bytes_of(&index)
        };
        let config = config(rule);
        let expected = without_shown_lines(index(&config, &pages));
        let (builder, _) = bounded(&config, max_bytes);
        let index = counted(&builder, &pages, counters, job_pages);
        prop_assert!(without_shown_lines(index) == expected);
    }

    #[test]
    fn memory_changes_no_byte(
        pages in corpus(),
        rule in rule(),
        max_bytes in 0..200_000_usize,
        job_pages in 1..4_usize,
    ) {
        let config = config(rule);
        let expected = bytes_of(&index(&config, &pages));
        let (builder, _) = bounded(&config, max_bytes);
        let bytes = bytes_of(&counted(&builder, &pages, 1, job_pages));
        prop_assert!(bytes == expected);
    }
}
