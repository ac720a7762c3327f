//! A page in, a decision for every line out: the whole engine in one call.

use std::fmt;

use crate::config::Config;
use crate::decide::{self, Reason, Verdict};
use crate::error::ConfigError;
use crate::evidence::Evidence;
use crate::page::{Line, LineCursor, RawLine};
use crate::repeats::Repeats;
use crate::score::additive::AdditiveScorer;
use crate::score::{Contribution, PageFacts, Score, Scorer};

/// Cleans pages. Made once from a [`Config`], shared by all threads.
///
/// A page's decisions are a pure function of its bytes and the config.
pub struct Cleaner {
    config: Config,
    scorer: Box<dyn Scorer>,
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
    scores: Vec<Score>,
    scratch: Vec<f64>,
    verdicts: Vec<Verdict>,
}

impl Cleaner {
    /// A cleaner with the built-in scorer.
    ///
    /// # Errors
    ///
    /// A config that cannot be worked with; see [`Config::check`].
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Cleaner::with_scorer(config, Box::new(AdditiveScorer))
    }

    /// A cleaner with a scorer of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Cleaner::new`].
    pub fn with_scorer(config: Config, scorer: Box<dyn Scorer>) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Cleaner { config, scorer })
    }

    /// The settings the cleaner was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Decides on every line of a page.
    ///
    /// The page may be any bytes; it need not be UTF-8. Linear time. Memory: about twice the
    /// page's bytes and 250 bytes a line. A page holds fewer than 2^32 lines.
    pub fn clean_page<'p>(&self, page: &'p [u8]) -> Cleaned<'p> {
        let mut workspace = Workspace::default();
        self.clean_page_with(page, &mut workspace)
    }

    /// As [`Cleaner::clean_page`], in memory that is reused from page to page.
    ///
    /// Hand the result back with [`Workspace::reclaim`] and no page allocates once the
    /// workspace has grown to the largest.
    pub fn clean_page_with<'p>(&self, page: &'p [u8], workspace: &mut Workspace) -> Cleaned<'p> {
        workspace.gather(page);
        let Workspace {
            evidence,
            repeats,
            scores,
            scratch,
            verdicts,
        } = workspace;
        if self.config.score {
            let facts = PageFacts {
                page,
                evidence,
                repeats,
            };
            self.scorer.score(&facts, scratch, scores);
        } else {
            scores.clear();
            scores.resize(evidence.lines.len(), Score::default());
        }
        decide::decide_page(&self.config, evidence, repeats, scores, verdicts);
        Cleaned {
            page,
            line_count: evidence.line_count,
            lines: std::mem::take(&mut evidence.lines),
            verdicts: std::mem::take(verdicts),
        }
    }

    /// What weighed on each line's score, heaviest first; one entry a line that is not blank.
    ///
    /// For showing: slower than cleaning, and it allocates.
    pub fn explain_page(&self, page: &[u8]) -> Vec<Vec<Contribution>> {
        let mut workspace = Workspace::default();
        workspace.gather(page);
        let facts = PageFacts {
            page,
            evidence: &workspace.evidence,
            repeats: &workspace.repeats,
        };
        self.scorer.explain(&facts)
    }
}

impl Workspace {
    fn gather(&mut self, page: &[u8]) {
        self.evidence.gather(page);
        self.repeats.find(&self.evidence);
    }

    /// Takes back the memory of a result that is no longer needed.
    pub fn reclaim(&mut self, cleaned: Cleaned<'_>) {
        self.evidence.lines = cleaned.lines;
        self.verdicts = cleaned.verdicts;
    }
}

/// A cleaned page: its lines, and what was decided on each.
#[derive(Clone, Debug)]
pub struct Cleaned<'p> {
    page: &'p [u8],
    line_count: usize,
    lines: Vec<Line>,
    verdicts: Vec<Verdict>,
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
