//! Page results in, the pages that came out worst and their wrong lines out: for reading by
//! eye what a cleaner does not know.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::gold::{GoldPage, Label};
use super::metrics::Counts;
use super::report::PageResult;
use super::{EvalOptions, metrics};
use crate::cleaner::{Cleaner, Workspace};
use crate::decide::Reason;

/// A page that came out badly. F1s are the page's own, from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstPage {
    /// The set that the page comes from.
    pub source: String,
    /// The page's name within its source.
    pub id: String,
    /// F1 of its body lines.
    pub line_f1: f64,
    /// F1 of its 4-grams.
    pub ngram_f1: f64,
    /// F1 of its words.
    pub word_f1: f64,
    /// Words of body lines that were removed.
    pub body_words_lost: u64,
    /// Words of boilerplate lines that were kept.
    pub chaff_words_kept: u64,
    /// The lines behind these two, in the page's order.
    pub wrong_lines: Vec<WrongLine>,
}

/// What came of one page, enough to compare two evaluations page by page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageFigures {
    /// The row that the page counts in.
    pub row: String,
    /// The set that the page comes from.
    pub source: String,
    /// The page's name within its source.
    pub id: String,
    /// Decisions against labels.
    pub lines: Counts,
    /// The output's n-grams against the gold's.
    pub ngrams: Counts,
    /// F1 of its words, from 0 to 1.
    pub word_f1: f64,
    /// The lines that count and were decided against their labels, in the page's order.
    pub wrong_lines: Vec<WrongLine>,
}

/// Every page of an evaluation, in order; `results` as in [`worst_pages`]. Pages are cleaned once
/// more.
pub(super) fn all_pages(
    cleaner: &Cleaner,
    pages: &[GoldPage],
    results: &[&PageResult],
    options: EvalOptions,
) -> Vec<PageFigures> {
    let page = |workspace: &mut Workspace, (page, result): (&GoldPage, &&PageResult)| PageFigures {
        row: options.by.of(page).to_owned(),
        source: page.source.clone(),
        id: page.id.clone(),
        lines: result.lines,
        ngrams: result.ngrams,
        word_f1: result.word_f1,
        wrong_lines: wrong_lines(cleaner, page, options, workspace),
    };
    let all = pages.par_iter().zip(results);
    all.map_init(Workspace::default, page).collect()
}

/// A line that counts and was decided against its label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrongLine {
    /// Its number on the page, from 1.
    pub line: u64,
    /// What went wrong.
    pub mistake: Mistake,
    /// Its boilerplate score in context, from 0 to 1; None where it was not scored.
    pub score: Option<f32>,
    /// Why it was removed or stayed, see [`crate::decide::Reason::word`].
    pub reason: String,
    /// The line.
    pub text: String,
}

/// How a decision can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mistake {
    /// Body, and removed.
    Lost,
    /// Boilerplate, and kept.
    Kept,
}

impl Mistake {
    /// `lost` or `kept`.
    pub fn word(self) -> &'static str {
        match self {
            Mistake::Lost => "lost",
            Mistake::Kept => "kept",
        }
    }
}

/// The `options.worst` pages with the lowest F1 of words, lowest first; on ties the lower id,
/// then the lower source, then the earlier page.
///
/// `results` runs parallel to `pages` and is what `cleaner` made of them; the pages that are
/// listed are cleaned once more.
pub(super) fn worst_pages(
    cleaner: &Cleaner,
    pages: &[GoldPage],
    results: &[&PageResult],
    options: EvalOptions,
) -> Vec<WorstPage> {
    let mut order: Vec<usize> = (0..pages.len()).collect();
    order.sort_by(|&a, &b| {
        let by_f1 = results[a].word_f1.total_cmp(&results[b].word_f1);
        let name = |at: usize| (&pages[at].id, &pages[at].source);
        by_f1.then_with(|| name(a).cmp(&name(b)))
    });
    let mut workspace = Workspace::default();
    let worst = order.into_iter().take(options.worst);
    worst
        .map(|at| {
            let (page, result) = (&pages[at], results[at]);
            WorstPage {
                source: page.source.clone(),
                id: page.id.clone(),
                line_f1: result.lines.f1(),
                ngram_f1: result.ngrams.f1(),
                word_f1: result.word_f1,
                body_words_lost: result.words.false_negative,
                chaff_words_kept: result.words.false_positive,
                wrong_lines: wrong_lines(cleaner, page, options, &mut workspace),
            }
        })
        .collect()
}

fn wrong_lines(
    cleaner: &Cleaner,
    page: &GoldPage,
    options: EvalOptions,
    workspace: &mut Workspace,
) -> Vec<WrongLine> {
    let text = page.text();
    let cleaned = cleaner.clean_page_at(page.page(&text), &page.address(), workspace);
    // Blank lines have no verdict: they go, and nobody scored them.
    let mut verdicts = vec![None; page.lines.len()];
    for (line, verdict) in cleaned.lines().iter().zip(cleaned.verdicts()) {
        verdicts[line.number - 1] = Some(*verdict);
    }
    workspace.reclaim(cleaned);
    let is_scored = cleaner.config().score;
    let is_counted = metrics::counted_lines(page, options.include_headlines);
    let mistake = |at: usize| {
        let is_kept = verdicts[at].is_some_and(|verdict| verdict.is_kept);
        match (page.labels[at], is_kept) {
            (Label::Body, false) => Some(Mistake::Lost),
            (Label::Boilerplate, true) => Some(Mistake::Kept),
            _ => None,
        }
    };
    let counted = (0..page.lines.len()).filter(|&at| is_counted[at]);
    counted
        .filter_map(|at| {
            let verdict = verdicts[at];
            Some(WrongLine {
                line: at as u64 + 1,
                mistake: mistake(at)?,
                score: verdict
                    .filter(|_| is_scored)
                    .map(|verdict| verdict.score.context),
                reason: verdict
                    .map_or(Reason::Blank, |verdict| verdict.reason)
                    .word()
                    .to_owned(),
                text: page.lines[at].clone(),
            })
        })
        .collect()
}
