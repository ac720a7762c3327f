//! A page in, a decision for every line out: the whole engine in one call.

use std::fmt;
use std::sync::Arc;

use crate::config::{Config, Threshold, Treatment};
use crate::decide::{self, PageFindings, Reason, Verdict};
use crate::duplicates::Duplicates;
use crate::error::ConfigError;
use crate::evidence::{Evidence, Needs, PageAddress};
use crate::html::{Rendered, Structure};
use crate::index::{CorpusIndex, Place, PlaceFigures, keys};
use crate::page::{Line, LineCursor, RawLine};
use crate::repeats::Repeats;
use crate::score::cut::Cut;
use crate::score::{Contribution, LearnedScorer, PageFacts, Score, Scorer, Scratch, Wanted};
use crate::step::{Step, Watch};
use crate::templates::Templates;

/// Cleans pages. Made once from a [`Config`], shared by all threads.
///
/// A page's decisions are a pure function of its bytes, its address, the index and the config.
pub struct Cleaner {
    config: Config,
    scorer: Box<dyn Scorer>,
    index: Option<Arc<CorpusIndex>>,
}

impl fmt::Debug for Cleaner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleaner")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Memory that [`Cleaner::clean_page_with`] works in. One a thread; it grows to the largest
/// page met and is reused from page to page.
#[derive(Debug, Default)]
pub struct Workspace {
    evidence: Evidence,
    repeats: Repeats,
    templates: Templates,
    duplicates: Duplicates,
    scores: Vec<Score>,
    scratch: Scratch,
    /// What is cut, a score a line.
    cut_scores: Vec<f32>,
    verdicts: Vec<Verdict>,
}

/// A page's text, and what its markup tells beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageText<'p> {
    /// The text. It may be any bytes.
    pub bytes: &'p [u8],
    /// As [`crate::html::Rendered`] has it, with a place for each line of the text; None for plain
    /// text. If there are more or fewer, the page counts as plain text.
    pub structure: Option<&'p Structure>,
}

impl<'p, T: AsRef<[u8]> + ?Sized> From<&'p T> for PageText<'p> {
    fn from(bytes: &'p T) -> Self {
        PageText {
            bytes: bytes.as_ref(),
            structure: None,
        }
    }
}

impl<'p> From<&'p Rendered> for PageText<'p> {
    fn from(rendered: &'p Rendered) -> Self {
        PageText {
            bytes: &rendered.text,
            structure: Some(&rendered.structure),
        }
    }
}

impl Cleaner {
    /// A cleaner with the built-in scorer.
    ///
    /// # Errors
    ///
    /// A config that cannot be worked with; see [`Config::check`].
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Cleaner::with_scorer(config, Box::new(LearnedScorer::default()))
    }

    /// A cleaner with a scorer of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Cleaner::new`].
    pub fn with_scorer(config: Config, mut scorer: Box<dyn Scorer>) -> Result<Self, ConfigError> {
        config.check()?;
        scorer.limit_to(wanted(&config));
        Ok(Cleaner {
            config,
            scorer,
            index: None,
        })
    }

    /// The same cleaner with what pass one found in the pages' corpus, counted with the key of the
    /// cleaner's config.
    pub fn with_index(self, index: Arc<CorpusIndex>) -> Self {
        Cleaner {
            index: Some(index),
            ..self
        }
    }

    /// The corpus index, if there is one.
    pub fn index(&self) -> Option<&CorpusIndex> {
        self.index.as_deref()
    }

    /// The settings the cleaner was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Decides on every line of a page.
    ///
    /// The page may be any bytes; it need not be UTF-8. Linear time. Memory: about twice the
    /// page's bytes and 550 bytes a line (800 with `accurate`), and 30 KiB. A page holds fewer than 2^32 lines.
    pub fn clean_page<'p>(&self, page: impl Into<PageText<'p>>) -> Cleaned<'p> {
        let mut workspace = Workspace::default();
        self.clean_page_with(page, &mut workspace)
    }

    /// As [`Cleaner::clean_page`], in memory that is reused from page to page.
    ///
    /// Hand the result back with [`Workspace::reclaim`] and no page allocates once the
    /// workspace has grown to the largest.
    pub fn clean_page_with<'p>(
        &self,
        page: impl Into<PageText<'p>>,
        workspace: &mut Workspace,
    ) -> Cleaned<'p> {
        self.clean_page_at(page, &PageAddress::default(), workspace)
    }

    /// As [`Cleaner::clean_page_with`], for a page that stands at a place in the corpus of the
    /// index. Without an index the address means nothing.
    pub fn clean_page_at<'p>(
        &self,
        page: impl Into<PageText<'p>>,
        address: &PageAddress<'_>,
        workspace: &mut Workspace,
    ) -> Cleaned<'p> {
        self.clean_page_watched(page, address, workspace, &mut |_| ())
    }

    /// As [`Cleaner::clean_page_at`], and says when a step is done: for clocks.
    pub fn clean_page_watched<'p>(
        &self,
        page: impl Into<PageText<'p>>,
        address: &PageAddress<'_>,
        workspace: &mut Workspace,
        watch: &mut Watch<'_>,
    ) -> Cleaned<'p> {
        self.clean_text(page.into(), address, workspace, watch)
    }

    /// Whether the places of lines are read where they are given.
    pub fn reads_structure(&self) -> bool {
        self.config.score && self.scorer.reads_structure()
    }

    /// About the memory that a line of a page takes while it is cleaned, in bytes; the page's own
    /// come besides.
    pub fn bytes_a_line(&self) -> usize {
        const WITHOUT_SCORE: usize = 300;
        match self.config.score {
            true => WITHOUT_SCORE + self.scorer.bytes_a_line(),
            false => WITHOUT_SCORE,
        }
    }

    fn clean_text<'p>(
        &self,
        text: PageText<'p>,
        address: &PageAddress<'_>,
        workspace: &mut Workspace,
        watch: &mut Watch<'_>,
    ) -> Cleaned<'p> {
        let page = text.bytes;
        let in_corpus = self.in_corpus(page, address);
        self.gather(text, &in_corpus.address, workspace, watch);
        let copy_of = self.copy_of(&in_corpus, &workspace.evidence);
        watch(Step::Repeats);
        let Workspace {
            evidence,
            repeats,
            templates,
            duplicates,
            scores,
            scratch,
            cut_scores,
            verdicts,
        } = workspace;
        // Where nothing is scored, nothing is as high.
        let mut cut = Cut::at(f32::INFINITY);
        if self.config.score {
            let facts = PageFacts {
                page,
                evidence,
                repeats,
            };
            self.scorer.score(&facts, scratch, scores);
            cut = match self.config.threshold {
                Threshold::At(cut) => Cut::at(cut),
                Threshold::Auto => {
                    cut_scores.clear();
                    let to_cut = |score| decide::likelihood_of_going(&self.config, score);
                    cut_scores.extend(scores.iter().map(to_cut));
                    self.scorer.cut(&facts, cut_scores, scratch)
                }
            };
        } else {
            scores.clear();
            scores.resize(evidence.lines.len(), Score::default());
        }
        watch(Step::Score);
        let goes_as_copy = |copy: &PageCopy| self.config.page_duplicates.then_some(copy.of);
        let findings = PageFindings {
            evidence,
            repeats,
            templates,
            duplicates,
            duplicate_of: copy_of.as_ref().and_then(goes_as_copy),
            scores,
            cut,
        };
        decide::decide_page(&self.config, &findings, verdicts);
        watch(Step::Decide);
        Cleaned {
            page,
            line_count: evidence.line_count,
            lines: std::mem::take(&mut evidence.lines),
            verdicts: std::mem::take(verdicts),
            copy_of,
        }
    }

    /// What the config and the index ask to know of a page.
    fn needs(&self) -> Needs {
        let has_index = self.index.is_some();
        Needs {
            page: self.config.page_repeats || self.config.score,
            site: has_index && self.config.needs_site(),
            sketch: has_index && self.config.needs_classes(),
            corpus: self
                .config
                .corpus_duplicates
                .filter(|_| has_index)
                .map(|rule| rule.normalize),
        }
    }

    fn gather(
        &self,
        text: PageText<'_>,
        address: &PageAddress<'_>,
        workspace: &mut Workspace,
        watch: &mut Watch<'_>,
    ) {
        let Workspace {
            evidence,
            repeats,
            templates,
            duplicates,
            ..
        } = workspace;
        let needs = self.needs();
        evidence.gather_watched(text.bytes, needs, &self.config.key, watch);
        evidence.stand(text.structure);
        repeats.clear();
        if needs.page {
            repeats.find(evidence);
        }
        templates.clear();
        duplicates.clear();
        let Some(index) = &self.index else {
            return;
        };
        let rule = self.config.corpus_duplicates;
        let shingle_lines = rule.map_or(0, |rule| rule.shingle_lines());
        evidence.look_up(index, address, shingle_lines);
        if self.config.site_templates {
            templates.find(evidence);
        }
        if let Some(rule) = rule {
            duplicates.find(&rule, text.bytes, evidence, address);
        }
    }

    /// What the index knows of a page as a whole.
    fn in_corpus<'a>(&self, page: &[u8], address: &PageAddress<'a>) -> PageInCorpus<'a> {
        let mut address = *address;
        let index = self.index.as_ref();
        let equal = index.map(|index| index.in_corpus.get(keys::page_key(page, &self.config.key)));
        let equal = equal.unwrap_or_default();
        // A place is a name and a number: another crawl's page may bear it too.
        let stands_elsewhere = equal.places == 1 && address.place != Some(equal.first);
        if (equal.places == 0 || stands_elsewhere) && index.is_some_and(|index| index.is_whole) {
            address.place = None;
        }
        PageInCorpus { address, equal }
    }

    /// The earlier page of the corpus that this one is a copy of.
    fn copy_of(&self, page: &PageInCorpus<'_>, evidence: &Evidence) -> Option<PageCopy> {
        let index = self.index.as_ref()?;
        if evidence.lines.is_empty() {
            return None;
        }
        let own = page.address.place;
        let exact =
            Some(page.equal.first).filter(|&first| page.equal.places > 0 && own != Some(first));
        let may_be_near = self.config.needs_classes() && page.address.begins_page();
        let sketch = may_be_near.then(|| evidence.sketch()).flatten();
        let near = sketch.and_then(|sketch| {
            let figures = index.in_corpus.get(keys::class_key(sketch.class));
            let (first, cells) = keys::of_class_place(figures.first);
            let is_own = own.is_some_and(|own| Place { line: 0, ..own } == first);
            let is_near = figures.places > 0 && !is_own && cells.are_alike(sketch.cells);
            is_near.then_some(first)
        });
        // A class's first page is never a copy; the first page of equal bytes may be a near copy of it.
        let of = near.or(exact)?;
        Some(PageCopy {
            of,
            is_exact: exact.is_some(),
        })
    }

    /// What weighed on each line's score, and what the index knows of it; one entry a line that
    /// is not blank.
    ///
    /// For showing: slower than cleaning, and it allocates.
    pub fn explain_page<'p>(
        &self,
        page: impl Into<PageText<'p>>,
        address: &PageAddress<'_>,
    ) -> Vec<LineFacts> {
        let text = page.into();
        let page = text.bytes;
        let mut workspace = Workspace::default();
        let address = self.in_corpus(page, address).address;
        self.gather(text, &address, &mut workspace, &mut |_| ());
        let evidence = &workspace.evidence;
        let facts = PageFacts {
            page,
            evidence,
            repeats: &workspace.repeats,
        };
        let mut contributions = if self.config.score {
            self.scorer.explain(&facts)
        } else {
            Vec::new()
        }
        .into_iter();
        let corpus = &evidence.corpus;
        let places = |line: usize| corpus.lines.get(line).map(|figures| figures.places.max(1));
        (0..evidence.lines.len())
            .map(|line| LineFacts {
                contributions: contributions.next().unwrap_or_default(),
                site_pages: corpus.site_pages,
                pages: corpus
                    .line_pages(line)
                    .max(u32::from(corpus.site_pages > 0)),
                places: places(line),
            })
            .collect()
    }
}

/// What a config asks to know of lines besides their boilerplate score.
fn wanted(config: &Config) -> Wanted {
    let is_asked = |treatment| config.tell_kinds || treatment != Treatment::Scored;
    Wanted {
        comment: is_asked(config.comments),
        headline: is_asked(config.headline),
        cut: config.threshold == Threshold::Auto,
    }
}

/// What an index knows of a page as a whole.
#[derive(Clone, Copy, Debug)]
struct PageInCorpus<'a> {
    /// The page's address; without a place where the index does not know the page.
    address: PageAddress<'a>,
    /// Pages of the same bytes.
    equal: PlaceFigures,
}

/// What is shown of a line beside its decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineFacts {
    /// What weighed on its score, heaviest first; empty where nothing is scored.
    pub contributions: Vec<Contribution>,
    /// Pages of the page's site, near-duplicates counted once; 0 without site or index.
    pub site_pages: u32,
    /// Pages of the site that hold the line, digits masked.
    pub pages: u32,
    /// Places of the corpus that hold the line; None where they are not counted.
    pub places: Option<u32>,
}

impl Workspace {
    /// Takes back the memory of a result that is no longer needed.
    pub fn reclaim(&mut self, cleaned: Cleaned<'_>) {
        self.evidence.lines = cleaned.lines;
        self.verdicts = cleaned.verdicts;
    }
}

/// An earlier page of the corpus that says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageCopy {
    /// The first such page in source order; the line is 0.
    pub of: Place,
    /// Whether it is the same byte for byte; else it is a near-duplicate, by
    /// [`keys::page_sketch`].
    pub is_exact: bool,
}

/// A cleaned page: its lines, and what was decided on each.
#[derive(Clone, Debug)]
pub struct Cleaned<'p> {
    page: &'p [u8],
    line_count: usize,
    lines: Vec<Line>,
    verdicts: Vec<Verdict>,
    copy_of: Option<PageCopy>,
}

/// One line of a cleaned page, blank or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CleanedLine<'p> {
    /// Number on the page, from 1, blank lines counted.
    pub number: usize,
    /// Offset in bytes of the line's first byte.
    pub start: usize,
    /// Offset in bytes behind the line's terminator.
    pub end: usize,
    /// The line's bytes without its terminator.
    pub text: &'p [u8],
    /// The line's bytes with its terminator.
    pub bytes: &'p [u8],
    /// What was decided.
    pub verdict: Verdict,
}

impl<'p> Cleaned<'p> {
    /// The page that was cleaned.
    pub fn page(&self) -> &'p [u8] {
        self.page
    }

    /// All lines of the page, blank ones counted.
    pub fn line_count(&self) -> usize {
        self.line_count
    }

    /// The lines that are not blank; runs parallel to [`Cleaned::verdicts`].
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What was decided on each line that is not blank.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The earlier page of the corpus that this one is a copy of, whether it goes for that or
    /// not. Always None without an index.
    pub fn copy_of(&self) -> Option<PageCopy> {
        self.copy_of
    }

    /// Whether no line of the page stays.
    pub fn is_empty(&self) -> bool {
        !self.verdicts.iter().any(|verdict| verdict.is_kept)
    }

    /// Every line in page order, blank ones with their decision too. The lines tile the page.
    pub fn each_line(&self) -> EachLine<'_, 'p> {
        EachLine {
            cleaned: self,
            at: 0,
            number: 0,
            next: 0,
            last_kept: self.verdicts.iter().rposition(|verdict| verdict.is_kept),
            blank_may_stay: false,
        }
    }

    /// The page's body: its kept lines with their own terminators, byte for byte.
    pub fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for line in self.each_line().filter(|line| line.verdict.is_kept) {
            body.extend_from_slice(line.bytes);
        }
        body
    }
}

/// Iterator of [`Cleaned::each_line`].
#[derive(Clone, Debug)]
pub struct EachLine<'c, 'p> {
    cleaned: &'c Cleaned<'p>,
    /// Offset of the next line.
    at: usize,
    number: usize,
    /// Index of the next line that is not blank.
    next: usize,
    last_kept: Option<usize>,
    /// A kept line stands before, and no blank line behind it stayed yet.
    blank_may_stay: bool,
}

impl<'p> Iterator for EachLine<'_, 'p> {
    type Item = CleanedLine<'p>;

    fn next(&mut self) -> Option<CleanedLine<'p>> {
        let cleaned = self.cleaned;
        let visible = cleaned
            .lines
            .get(self.next)
            .filter(|line| line.start == self.at);
        let raw = match visible {
            Some(line) => RawLine {
                start: line.start,
                end: line.end,
                next: line.end_with_terminator(cleaned.page),
            },
            None => LineCursor::between(cleaned.page, self.at, cleaned.page.len()).next()?,
        };
        self.at = raw.next;
        self.number += 1;
        let is_visible = visible.is_some();
        let verdict = if is_visible {
            let verdict = cleaned.verdicts[self.next];
            self.next += 1;
            self.blank_may_stay |= verdict.is_kept;
            verdict
        } else {
            let body_follows = self.last_kept.is_some_and(|last| self.next <= last);
            let is_kept = std::mem::take(&mut self.blank_may_stay) && body_follows;
            Verdict {
                is_kept,
                reason: Reason::Blank,
                score: Score::default(),
            }
        };
        Some(CleanedLine {
            number: self.number,
            start: raw.start,
            end: raw.next,
            text: &cleaned.page[raw.start..raw.end],
            bytes: &cleaned.page[raw.start..raw.next],
            verdict,
        })
    }
}
