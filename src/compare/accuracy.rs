//! Two evaluations in, how far their F1s differ on the same pages, and the lines that changed sides
//! out.

use std::collections::BTreeMap;

use serde::Serialize;

use super::verdict::{Better, Figure, Why};
use crate::eval::bootstrap::{F1Sums, Resamples};
use crate::eval::{Evaluation, Mistake, PageFigures, Table, WrongLine};

/// Lines that are listed of those that changed sides.
pub const MAX_LISTED: usize = 200;

/// What two evaluations come to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub figures: Vec<Figure>,
    pub notes: Vec<String>,
    pub flips: Option<Flips>,
}

/// Lines of labelled pages that one side had right and the other had not.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Flips {
    /// Pages that both evaluated.
    pub pages: u64,
    /// Lines that are wrong now and were right.
    pub worse: u64,
    /// Lines that are right now and were wrong.
    pub better: u64,
    /// The first [`MAX_LISTED`] of both, in order of pages.
    pub listed: Vec<Flip>,
}

/// One such line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flip {
    /// The set that the page comes from.
    pub source: String,
    /// The page.
    pub id: String,
    /// The line, from 1.
    pub line: u64,
    /// Whether it is right now.
    pub is_better: bool,
    /// Whether it is body.
    pub is_body: bool,
    /// The line.
    pub text: String,
}

type PageKey<'e> = (&'e str, &'e str, &'e str, usize);

/// Compares the first tables of two evaluations: page by page where both list their pages, else
/// their means only.
pub(super) fn compare(a: &Evaluation, b: &Evaluation) -> Compared {
    let mut compared = Compared::default();
    let (Some(own), Some(others)) = (a.tables.first(), b.tables.first()) else {
        return compared;
    };
    let (Some(mean_a), Some(mean_b)) = (own.mean, others.mean) else {
        return compared;
    };
    if own.name != others.name {
        compared
            .notes
            .push(format!("accuracy of {} and {}", own.name, others.name));
    }
    let figure = |name: &str| Figure::new(name, "", "", "F1", Better::Higher);
    if own.page_results.is_empty() || others.page_results.is_empty() {
        for (name, a, b) in [
            ("line_f1", mean_a.line_f1, mean_b.line_f1),
            ("ngram_f1", mean_a.ngram_f1, mean_b.ngram_f1),
            ("word_f1", mean_a.word_f1, mean_b.word_f1),
        ] {
            let why = Why("no pages: eval --json --pages".to_owned());
            compared
                .figures
                .push(figure(name).difference(a, b, Err(why)));
        }
        return compared;
    }
    let (pages_a, pages_b) = (by_key(own), by_key(others));
    let both: Vec<(&PageFigures, &PageFigures)> = pages_a
        .iter()
        .filter_map(|(key, page)| Some((*page, *pages_b.get(key)?)))
        .collect();
    if both.len() < pages_a.len() || both.len() < pages_b.len() {
        compared.notes.push(format!(
            "{} pages are in both evaluations, of {} and {}; these are compared",
            both.len(),
            pages_a.len(),
            pages_b.len()
        ));
    }
    let mut rows: BTreeMap<&str, [Vec<F1Sums>; 2]> = BTreeMap::new();
    for (page_a, page_b) in &both {
        let [own, others] = rows.entry(&page_a.row).or_default();
        own.push(sums(page_a));
        others.push(sums(page_b));
    }
    let mut resamples: [Resamples; 2] = Default::default();
    let mut means = [[0.0; 3]; 2];
    for (name, pages) in &rows {
        for side in 0..2 {
            resamples[side].add_row(&Resamples::of_row(name, &pages[side]));
            let mut all = F1Sums::default();
            pages[side].iter().for_each(|page| all += *page);
            let f1s = all.f1s();
            for (mean, f1) in means[side]
                .iter_mut()
                .zip([f1s.line_f1, f1s.ngram_f1, f1s.word_f1])
            {
                *mean += f1 / rows.len() as f64;
            }
        }
    }
    let intervals = resamples[1].intervals_less(&resamples[0]);
    let intervals = intervals.map(|all| [all.line_f1, all.ngram_f1, all.word_f1]);
    for (at, name) in ["line_f1", "ngram_f1", "word_f1"].into_iter().enumerate() {
        let interval = intervals.map(|all| all[at]);
        let interval = interval.ok_or(Why("one page a row".to_owned()));
        let (a, b) = (means[0][at], means[1][at]);
        if !rows.is_empty() {
            compared
                .figures
                .push(figure(name).difference(a, b, interval));
        }
    }
    compared.flips = Some(flips(&both));
    compared
}

/// Pages by row, source, name, and how many of that name come before.
fn by_key(table: &Table) -> BTreeMap<PageKey<'_>, &PageFigures> {
    let mut all = BTreeMap::new();
    let mut seen: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for page in &table.page_results {
        let name = (&*page.row, &*page.source, &*page.id);
        let before = seen.entry(name).or_default();
        all.insert((name.0, name.1, name.2, *before), page);
        *before += 1;
    }
    all
}

fn sums(page: &PageFigures) -> F1Sums {
    F1Sums::of_page(page.lines, page.ngrams, page.word_f1)
}

fn flips(both: &[(&PageFigures, &PageFigures)]) -> Flips {
    let mut flips = Flips {
        pages: both.len() as u64,
        ..Flips::default()
    };
    for (a, b) in both {
        let wrong = |page: &PageFigures| -> BTreeMap<u64, WrongLine> {
            let lines = page.wrong_lines.iter();
            lines.map(|line| (line.line, line.clone())).collect()
        };
        let (wrong_a, wrong_b) = (wrong(a), wrong(b));
        let lines: std::collections::BTreeSet<u64> =
            wrong_a.keys().chain(wrong_b.keys()).copied().collect();
        for line in lines {
            let (before, now) = (wrong_a.get(&line), wrong_b.get(&line));
            let (is_better, wrong) = match (before, now) {
                (Some(before), None) => (true, before),
                (None, Some(now)) => (false, now),
                _ => continue,
            };
            flips.better += u64::from(is_better);
            flips.worse += u64::from(!is_better);
            if flips.listed.len() < MAX_LISTED {
                flips.listed.push(Flip {
                    source: a.source.clone(),
                    id: a.id.clone(),
                    line,
                    is_better,
                    is_body: wrong.mistake == Mistake::Lost,
                    text: wrong.text.clone(),
                });
            }
        }
    }
    flips
}
