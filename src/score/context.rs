//! Step two: the scores of all lines alone in, each line's bins among its neighbours out.
//!
//! The observations it rests on: running text comes in runs (boilerplate stays boilerplate
//! from one line to the next in 97 % of cases, content stays content in 89 %); a short line
//! between two paragraphs belongs to them, one between two menu entries does not (Pomikálek
//! 2011); the best run of the page is mostly its body (Finn 2001); what stands before the
//! first and behind the last sure paragraph is mostly furniture.

use super::PageFacts;
use super::alone;
use super::bins::{Feature, bin, likelihood};
use crate::repeats::Rule;

/// Number of features.
pub(super) const COUNT: usize = 21;

/// A line alone at or below this likelihood, with [`SURE_WORDS`], is a sure paragraph.
const SURE_LIKELIHOOD: f32 = 0.25;
/// Least words of a sure paragraph.
const SURE_WORDS: u32 = 10;

const LOGIT_EDGES: [f32; 13] = [
    -4.0, -3.0, -2.2, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.2, 3.0, 4.0,
];
const COARSE_EDGES: [f32; 4] = [-2.0, -0.7, 0.7, 2.0];
const SHARE_EDGES: [f32; 11] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.87, 0.93, 0.97];
const BODY_WORD_EDGES: [f32; 9] = [2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 150.0, 300.0, 600.0];
const PAGE_WORD_EDGES: [f32; 8] = [20.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0];
const PLACE_EDGES: [f32; 9] = [1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 250.0];
const RELATIVE_EDGES: [f32; 9] = [0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.88, 0.96];
const BEFORE_EDGES: [f32; 11] = [
    0.001, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.999,
];
const DISTANCE_EDGES: [f32; 8] = [2.0, 3.0, 4.0, 6.0, 9.0, 15.0, 30.0, 80.0];
/// Pages of a site on which a line stands that stands on more than one.
const SITE_PAGE_EDGES: [f32; 2] = [3.0, 5.0];
/// Pages of a site of which the line stands on one only.
const SITE_SIZE_EDGES: [f32; 2] = [5.0, 20.0];
const SITE_SHARE_EDGES: [f32; 3] = [0.15, 0.4, 0.7];
/// Lines before and behind of which it is asked whether the site says them again.
const SITE_RADIUS: usize = 3;
const COPY_EDGES: [f32; 4] = [2.0, 3.0, 5.0, 10.0];

const LOGIT_BINS: usize = LOGIT_EDGES.len() + 1;
const COARSE_BINS: usize = COARSE_EDGES.len() + 1;
const SHARE_BINS: usize = SHARE_EDGES.len() + 1;
const DISTANCE_BINS: usize = DISTANCE_EDGES.len() + 1;
/// Alone on a site of some size; on several pages: how many, what share, with a
/// neighbour or without.
const SITE_BINS: usize =
    (SITE_SIZE_EDGES.len() + 1) + (SITE_PAGE_EDGES.len() + 1) * (SITE_SHARE_EDGES.len() + 1) * 2;
const ENDINGS: usize = 3;
/// Counts of copies, then the rules by which a copy goes.
const COPY_BINS: usize = COPY_EDGES.len() + 1 + 3;

/// The features that know other pages of the site. Their first bin is that of a page without
/// a site, or of one that stands alone on it, and weighs nothing.
pub const SITE_FEATURES: [&str; 2] = ["pages of its site", "site's lines around"];

/// The features, in the order of a line's bins.
pub const FEATURES: [Feature; COUNT] = [
    Feature {
        name: "the line alone",
        bins: LOGIT_BINS * 3,
    },
    Feature {
        name: "line before",
        bins: LOGIT_BINS + 1,
    },
    Feature {
        name: "line behind",
        bins: LOGIT_BINS + 1,
    },
    Feature {
        name: "second line before",
        bins: LOGIT_BINS + 1,
    },
    Feature {
        name: "second line behind",
        bins: LOGIT_BINS + 1,
    },
    Feature {
        name: "six lines around",
        bins: COARSE_BINS * SHARE_BINS,
    },
    Feature {
        name: "16 lines around",
        bins: SHARE_BINS,
    },
    Feature {
        name: "40 lines around",
        bins: SHARE_BINS,
    },
    Feature {
        name: "body words around",
        bins: (BODY_WORD_EDGES.len() + 1) * 3,
    },
    Feature {
        name: "place from the top",
        bins: PLACE_EDGES.len() + 1,
    },
    Feature {
        name: "place from the end",
        bins: PLACE_EDGES.len() + 1,
    },
    Feature {
        name: "place on the page",
        bins: RELATIVE_EDGES.len() + 1,
    },
    Feature {
        name: "body words before",
        bins: (BEFORE_EDGES.len() + 1) * 2,
    },
    Feature {
        name: "page as a whole",
        bins: SHARE_BINS,
    },
    Feature {
        name: "body words of the page",
        bins: PAGE_WORD_EDGES.len() + 1,
    },
    Feature {
        name: "sure paragraphs around",
        bins: DISTANCE_BINS * DISTANCE_BINS,
    },
    Feature {
        name: "heading over text",
        bins: 3 * ENDINGS * COARSE_BINS,
    },
    Feature {
        name: "copies on the page",
        bins: 3 * COPY_BINS,
    },
    Feature {
        name: SITE_FEATURES[0],
        bins: 1 + 3 * SITE_BINS,
    },
    Feature {
        name: SITE_FEATURES[1],
        bins: 2 * SITE_RADIUS + 2,
    },
    Feature {
        name: "best run",
        bins: (DISTANCE_EDGES.len() + 2) * 2 + 3,
    },
];

/// A page's scores alone, summed up so that any window costs two lookups.
pub(super) struct Neighbourhood<'a> {
    facts: &'a PageFacts<'a>,
    /// Log-odds of each line alone.
    logits: &'a [f64],
    /// Likelihood of each line alone.
    likelihoods: &'a [f64],
    /// `chaff[i]`: sum of likelihoods of the lines before line i.
    chaff: &'a [f64],
    /// `words[i]`: sum of words times likelihood of body of the lines before line i.
    words: &'a [f64],
    /// The sure paragraph at or before a line, and at or behind it; the line count is none.
    sure_before: &'a [f64],
    sure_behind: &'a [f64],
    best_run: std::ops::Range<usize>,
    /// Bins that are the same for all lines: likelihood and body words of the page.
    page_bins: [usize; 2],
}

/// Doubles of working memory for each line.
const DOUBLES_A_LINE: usize = 6;

impl<'a> Neighbourhood<'a> {
    /// Sums up the page from the log-odds of each line alone.
    ///
    /// Linear time; `scratch` grows to 48 bytes a line.
    pub(super) fn new(
        facts: &'a PageFacts<'a>,
        log_odds: impl Iterator<Item = f32>,
        scratch: &'a mut Vec<f64>,
    ) -> Self {
        let count = facts.line_count();
        scratch.clear();
        scratch.resize(count * DOUBLES_A_LINE + 2, 0.0);
        let (logits, rest) = scratch.split_at_mut(count);
        let (likelihoods, rest) = rest.split_at_mut(count);
        let (sure_before, rest) = rest.split_at_mut(count);
        let (sure_behind, rest) = rest.split_at_mut(count);
        let (chaff, words) = rest.split_at_mut(count + 1);

        let shapes = &facts.evidence.shapes;
        let mut sure = count;
        let mut best = BestRun::default();
        for (line, log_odds) in log_odds.enumerate() {
            let shape = &shapes[line];
            let likelihood = likelihood(log_odds);
            logits[line] = f64::from(log_odds);
            likelihoods[line] = f64::from(likelihood);
            chaff[line + 1] = chaff[line] + f64::from(likelihood);
            words[line + 1] = words[line] + f64::from(shape.words) * f64::from(1.0 - likelihood);
            if likelihood <= SURE_LIKELIHOOD && shape.words >= SURE_WORDS {
                sure = line;
            }
            sure_before[line] = sure as f64;
            best.add(
                line,
                f64::from(shape.words.max(1)) * f64::from(0.5 - likelihood),
            );
        }
        let mut sure = count;
        for line in (0..count).rev() {
            if sure_before[line] == line as f64 {
                sure = line;
            }
            sure_behind[line] = sure as f64;
        }
        Neighbourhood {
            facts,
            page_bins: [
                bin((chaff[count] / count.max(1) as f64) as f32, &SHARE_EDGES),
                bin(words[count] as f32, &PAGE_WORD_EDGES),
            ],
            logits,
            likelihoods,
            chaff,
            words,
            sure_before,
            sure_behind,
            best_run: best.best,
        }
    }

    /// Mean likelihood of boilerplate of the lines up to `radius` away, the line itself left
    /// out; 1 where there are none (page edges count as boilerplate, as in jusText).
    fn mean_around(&self, line: usize, radius: usize) -> f32 {
        let from = line.saturating_sub(radius);
        let to = (line + radius + 1).min(self.logits.len());
        let own = self.likelihoods[line];
        let missing = (2 * radius + 1) - (to - from);
        let sum = self.chaff[to] - self.chaff[from] - own + missing as f64;
        (sum / (2 * radius) as f64) as f32
    }

    /// The likelihood of a line alone.
    pub(super) fn likelihood_alone(&self, line: usize) -> f32 {
        self.likelihoods[line] as f32
    }

    fn logit(&self, line: Option<usize>) -> Option<f32> {
        line.and_then(|line| self.logits.get(line))
            .map(|&logit| logit as f32)
    }

    /// Bin of a neighbour's log-odds; the last bin where there is no neighbour.
    fn neighbour(&self, line: Option<usize>) -> usize {
        self.logit(line)
            .map_or(LOGIT_BINS, |logit| bin(logit, &LOGIT_EDGES))
    }

    fn distance(&self, line: usize, sure: &[f64]) -> usize {
        let sure = sure
            .get(line)
            .map_or(self.logits.len(), |&sure| sure as usize);
        if sure >= self.logits.len() {
            return DISTANCE_BINS - 1;
        }
        bin(sure.abs_diff(line) as f32, &DISTANCE_EDGES).min(DISTANCE_BINS - 2)
    }

    /// One bin for each feature of a line.
    pub(super) fn bins(&self, line: usize) -> [usize; COUNT] {
        let count = self.logits.len();
        let shape = &self.facts.evidence.shapes[line];
        let length = alone::length_class(shape);
        let own = self.logits[line] as f32;
        let own_coarse = bin(own, &COARSE_EDGES);
        let before = line.checked_sub(1);
        let behind = Some(line + 1);

        let window = line.saturating_sub(4)..(line + 5).min(count);
        let own_words = self.words[line + 1] - self.words[line];
        let words_around = self.words[window.end] - self.words[window.start] - own_words;
        let page_words = self.words[count];
        let [page_share, page_size] = self.page_bins;
        let words_before = (self.words[line] / page_words.max(1e-9)) as f32;
        let around = self.mean_around(line, 3);

        let from_before = before.map_or(DISTANCE_BINS - 1, |before| {
            self.distance(before, self.sure_before)
        });
        let to_behind = self.distance(line + 1, self.sure_behind);
        let next = self
            .logit(behind)
            .map_or(COARSE_BINS - 1, |logit| bin(logit, &COARSE_EDGES));
        let ending = match shape.last {
            crate::shape::CharClass::Stop => 0,
            crate::shape::CharClass::Colon => 1,
            _ => 2,
        };
        [
            length * LOGIT_BINS + bin(own, &LOGIT_EDGES),
            self.neighbour(before),
            self.neighbour(behind),
            self.neighbour(line.checked_sub(2)),
            self.neighbour(Some(line + 2)),
            own_coarse * SHARE_BINS + bin(around, &SHARE_EDGES),
            bin(self.mean_around(line, 8), &SHARE_EDGES),
            bin(self.mean_around(line, 20), &SHARE_EDGES),
            length * (BODY_WORD_EDGES.len() + 1) + bin(words_around as f32, &BODY_WORD_EDGES),
            bin(line as f32, &PLACE_EDGES),
            bin((count - 1 - line) as f32, &PLACE_EDGES),
            bin(line as f32 / count as f32, &RELATIVE_EDGES),
            usize::from(length == 2) * (BEFORE_EDGES.len() + 1) + bin(words_before, &BEFORE_EDGES),
            page_share,
            page_size,
            from_before * DISTANCE_BINS + to_behind,
            (length * ENDINGS + ending) * COARSE_BINS + next,
            length * COPY_BINS + self.copy_bin(line),
            self.site_bin(line, length),
            self.site_lines_around(line),
            self.run_bin(line, around),
        ]
    }

    /// The rule by which a copy of the line goes, or else how often it stands on the page.
    fn copy_bin(&self, line: usize) -> usize {
        let counts = COPY_EDGES.len() + 1;
        match self.facts.repeats.copied_by(line) {
            Some(Rule::Headline) => counts,
            Some(Rule::Caption) => counts + 1,
            Some(Rule::DoubledPage) => counts + 2,
            None => {
                let copies = self.facts.evidence.shingles.copies(line);
                bin(copies as f32, &COPY_EDGES)
            }
        }
    }

    /// Whether the site's other pages hold the line, and how many of them; 0 without a site.
    fn site_bin(&self, line: usize, length: usize) -> usize {
        let corpus = &self.facts.evidence.corpus;
        if corpus.site_pages < 2 {
            return 0;
        }
        let first = 1 + length * SITE_BINS;
        let pages = corpus.line_pages(line);
        if pages < 2 {
            return first + bin(corpus.site_pages as f32, &SITE_SIZE_EDGES);
        }
        let before = line
            .checked_sub(1)
            .map_or(0, |line| corpus.pair_pages(line));
        let is_paired = before.max(corpus.pair_pages(line)) > 1;
        let share = pages as f32 / corpus.site_pages as f32;
        let shares = SITE_SHARE_EDGES.len() + 1;
        let count = bin(pages as f32, &SITE_PAGE_EDGES) * shares + bin(share, &SITE_SHARE_EDGES);
        first + 1 + SITE_SIZE_EDGES.len() + count * 2 + usize::from(is_paired)
    }

    /// How many of the lines around stand on other pages of the site too; 0 without a site.
    fn site_lines_around(&self, line: usize) -> usize {
        let corpus = &self.facts.evidence.corpus;
        if corpus.site_pages < 2 {
            return 0;
        }
        let from = line.saturating_sub(SITE_RADIUS);
        let to = (line + SITE_RADIUS + 1).min(self.logits.len());
        let lines = (from..to).filter(|&other| other != line && corpus.line_pages(other) > 1);
        1 + lines.count()
    }

    /// Inside the best run, or how far before or behind it.
    fn run_bin(&self, line: usize, around: f32) -> usize {
        let side = DISTANCE_EDGES.len() + 2;
        if line < self.best_run.start {
            bin((self.best_run.start - line) as f32, &DISTANCE_EDGES) + 1
        } else if line >= self.best_run.end {
            side + bin((line + 1 - self.best_run.end) as f32, &DISTANCE_EDGES) + 1
        } else {
            2 * side + bin(around, &[0.35, 0.6])
        }
    }
}

/// The run of lines with the largest sum (Kadane), the earliest on ties.
#[derive(Default)]
struct BestRun {
    best: std::ops::Range<usize>,
    best_sum: f64,
    start: usize,
    sum: f64,
}

impl BestRun {
    fn add(&mut self, line: usize, value: f64) {
        if self.sum <= 0.0 {
            self.sum = 0.0;
            self.start = line;
        }
        self.sum += value;
        if self.sum > self.best_sum {
            self.best_sum = self.sum;
            self.best = self.start..line + 1;
        }
    }
}
