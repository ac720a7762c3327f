//! Labelled pages and cleaners in, accuracy per source, site or language out.
//!
//! [`GoldReader`] reads labelled pages, [`index_pages`] counts them as a corpus, [`evaluate`]
//! runs cleaners over them, [`Evaluation`] holds the figures. What each figure means stands
//! with its function:
//! - line precision, recall and F1 for body lines, and the same weighted by words:
//!   [`metrics::line_counts`] over [`metrics::counted_lines`], micro over a row's lines;
//! - what was removed, and rightly so: [`metrics::Counts::removal_precision`] and the two
//!   behind it, over the same lines;
//! - calibration error of the likelihoods, per line: [`metrics::Calibration`];
//! - `ngram_f1`: [`metrics::NgramMean`], over 4-grams of [`tokens::tokens`];
//! - `word_f1`: [`metrics::word_f1`], mean over a row's pages;
//! - intervals of three F1s, and of their differences between cleaners: [`bootstrap`].
//!
//! A page is its gold lines joined by LF; its output text is its kept lines joined by LF. A
//! blank gold line counts as removed and has no likelihood. A line's words are its tokens,
//! so that pages without spaces between words weigh by their clauses and a line of marks
//! weighs nothing.
//!
//! ```
//! use std::sync::Arc;
//!
//! use dechaff::eval::{EvalOptions, GoldError, GoldPage, GoldReader, evaluate, index_pages};
//! use dechaff::{Cleaner, Config};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rows = ["It rained.", "It snowed.", "It cleared."].map(|day| {
//!     format!(
//!         r#"{{"id":"{day}","domain":"wells.example","lines":["{day}","Log in","Terms"],"labels":[1,0,0]}}"#
//!     )
//! });
//! let pages = GoldReader::new("wells.jsonl", std::io::Cursor::new(rows.join("\n")))?;
//! let pages = pages.collect::<Result<Vec<GoldPage>, GoldError>>()?;
//!
//! let config = Config { score: false, ..Config::default() };
//! let page_only = Cleaner::new(config.clone())?;
//! let index = index_pages(&pages, &config);
//! let with_site = Cleaner::new(config)?.with_index(Arc::new(index));
//! let cleaners = [("page only", &page_only), ("with site", &with_site)];
//! let evaluation = evaluate(&cleaners, &pages, EvalOptions::default());
//! let [page_only, with_site] = [0, 1].map(|table| &evaluation.tables[table].rows[0]);
//! assert_eq!((&*with_site.name, with_site.pages), ("wells", 3));
//! assert_eq!(page_only.figures.removal_recall, 0.0);
//! assert_eq!(with_site.figures.removal_recall, 1.0);
//! assert_eq!(with_site.figures.body_lost, 0.0);
//! # Ok(())
//! # }
//! ```

pub mod bootstrap;
pub mod gold;
pub mod html;
pub mod metrics;
pub mod report;
pub mod templates;
pub mod tokens;
pub mod worst;

pub use bootstrap::{F1s, Interval};
pub use gold::{GoldError, GoldPage, GoldReader, Label};
pub use report::{Difference, Evaluation, Figures, RowField, RowFigures, Table};
pub use templates::{TemplateLine, frequent_templates};
pub use worst::{Mistake, PageFigures, WorstPage, WrongLine};

use rayon::prelude::*;

use crate::cleaner::{Cleaner, Workspace};
use crate::collect::CorpusBuilder;
use crate::config::Config;
use crate::index::{CorpusIndex, Names, Sites};
use metrics::Calibration;
use report::{Measured, PageResult, Tally};
use tokens::{Bag, TokenIds};

/// What [`evaluate`] counts and lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvalOptions {
    /// Lines equal to the page's title or main heading count in the line figures and the
    /// calibration error too. Golds disagree whether such a line is body. The figures over
    /// text take the gold text as it is, with or without.
    pub include_headlines: bool,
    /// What makes the rows of a table.
    pub by: RowField,
    /// How many pages are listed in [`Evaluation::worst`].
    pub worst: usize,
    /// Whether every page is listed in [`Table::page_results`].
    pub pages: bool,
}

/// Counts pages as one corpus, for [`Cleaner::with_index`]: what `config` asks of an index, a
/// page's site being its domain.
///
/// Of near-duplicates the first in the order of `pages` counts. Memory: some 100 bytes a line.
pub fn index_pages<'p>(
    pages: impl IntoIterator<Item = &'p GoldPage>,
    config: &Config,
) -> CorpusIndex {
    const NO_LIMIT: &str = "memory has no limit, so nothing is written out";
    let builder = CorpusBuilder::in_memory(config);
    let mut sites = Sites::default();
    let mut counter = builder.counter();
    for page in pages {
        let text = page.text();
        let added = counter.add_page(text.as_bytes(), &page.address());
        added.expect(NO_LIMIT);
        counter.settle(&mut sites);
    }
    counter.end().expect(NO_LIMIT);
    let index = builder.freeze(sites, Names::default());
    index.expect(NO_LIMIT)
}

/// Runs named cleaners over the same labelled pages.
///
/// A cleaner that has an index knows each page's site, see [`GoldPage::address`].
///
/// # Output
///
/// One table for each cleaner, in the order given, and what sets each apart from the first;
/// see [`Evaluation`].
///
/// # Threading
///
/// Pages are cleaned by rayon's current pool. Results are added up in page order, so the
/// figures are the same to the last bit for any number of threads.
pub fn evaluate(
    cleaners: &[(&str, &Cleaner)],
    pages: &[GoldPage],
    options: EvalOptions,
) -> Evaluation {
    let results: Vec<Vec<PageResult>> = pages
        .par_iter()
        .map_init(Workspace::default, |workspace, page| {
            let prepared = PreparedPage::new(page, options);
            cleaners
                .iter()
                .map(|(_, cleaner)| prepared.clean_with(cleaner, workspace))
                .collect()
        })
        .collect();
    let mut tallies: Vec<Tally> = cleaners.iter().map(|_| Tally::default()).collect();
    for (page, results) in pages.iter().zip(&results) {
        for (tally, result) in tallies.iter_mut().zip(results) {
            tally.add_page(options.by.of(page), result);
        }
    }
    let named = cleaners.par_iter().zip(&tallies);
    let measured: Vec<Measured> = named
        .map(|((name, _), tally)| tally.measure(name))
        .collect();
    let differences = measured.first().map_or_else(Vec::new, |first| {
        let others = measured[1..].iter();
        others
            .filter_map(|other| other.difference_to(first))
            .collect()
    });
    let worst = cleaners.first().map_or_else(Vec::new, |(_, cleaner)| {
        let results: Vec<&PageResult> = results.iter().map(|results| &results[0]).collect();
        worst::worst_pages(cleaner, pages, &results, options)
    });
    let mut tables: Vec<Table> = measured
        .into_iter()
        .map(|measured| measured.table)
        .collect();
    for (at, (table, (_, cleaner))) in tables.iter_mut().zip(cleaners).enumerate() {
        if options.pages {
            let results: Vec<&PageResult> = results.iter().map(|results| &results[at]).collect();
            table.page_results = worst::all_pages(cleaner, pages, &results, options);
        }
    }
    Evaluation {
        pages: pages.len() as u64,
        by: options.by,
        include_headlines: options.include_headlines,
        settings: std::collections::BTreeMap::new(),
        tables,
        differences,
        worst,
    }
}

/// A page's lines and its gold text as tokens.
pub(crate) struct TokenPage {
    tokens: TokenIds,
    /// Parallel to the gold lines: where each line's tokens end.
    token_ends: Vec<usize>,
    gold_ngrams: Bag,
    gold_words: Bag,
}

impl TokenPage {
    pub(crate) fn new(gold: &GoldPage) -> Self {
        let mut tokens = TokenIds::default();
        let mut token_ends = Vec::with_capacity(gold.lines.len());
        for line in &gold.lines {
            tokens.push_text(line);
            token_ends.push(tokens.len());
        }
        let gold_tokens = TokenIds::of(&gold.gold);
        TokenPage {
            tokens,
            token_ends,
            gold_ngrams: Bag::of_ngrams(&gold_tokens.exact),
            gold_words: Bag::of_tokens(&gold_tokens.folded),
        }
    }

    /// The tokens of a line, as a range of `tokens`.
    fn tokens_of(&self, line: usize) -> std::ops::Range<usize> {
        let from = line
            .checked_sub(1)
            .map_or(0, |before| self.token_ends[before]);
        from..self.token_ends[line]
    }

    /// How the text of some lines compares with the gold text: its n-grams, and its word F1.
    pub(crate) fn compare(&self, kept: impl Iterator<Item = usize>) -> (metrics::Counts, f64) {
        let mut output = TokenIds::default();
        for line in kept {
            let tokens = self.tokens_of(line);
            output.exact.extend(&self.tokens.exact[tokens.clone()]);
            output.folded.extend(&self.tokens.folded[tokens]);
        }
        let ngrams = metrics::bag_counts(&Bag::of_ngrams(&output.exact), &self.gold_ngrams);
        let word_f1 = metrics::word_f1(&Bag::of_tokens(&output.folded), &self.gold_words);
        (ngrams, word_f1)
    }
}

/// What is the same of a page for every cleaner.
struct PreparedPage<'g> {
    gold: &'g GoldPage,
    text: String,
    is_counted: Vec<bool>,
    tokens: TokenPage,
}

impl<'g> PreparedPage<'g> {
    fn new(gold: &'g GoldPage, options: EvalOptions) -> Self {
        PreparedPage {
            gold,
            text: gold.text(),
            is_counted: metrics::counted_lines(gold, options.include_headlines),
            tokens: TokenPage::new(gold),
        }
    }

    fn clean_with(&self, cleaner: &Cleaner, workspace: &mut Workspace) -> PageResult {
        let address = self.gold.address();
        let page = self.gold.page(&self.text);
        let cleaned = cleaner.clean_page_at(page, &address, workspace);
        let mut is_kept = vec![false; self.gold.lines.len()];
        let mut calibration = Calibration::default();
        for (line, verdict) in cleaned.lines().iter().zip(cleaned.verdicts()) {
            let at = line.number - 1;
            if self.is_counted[at] {
                let is_boilerplate = self.gold.labels[at] == Label::Boilerplate;
                calibration.add_line(verdict.score.context, is_boilerplate);
            }
            if verdict.is_kept {
                is_kept[at] = true;
            }
        }
        workspace.reclaim(cleaned);
        let labels = &self.gold.labels;
        let words = |line| self.tokens.tokens_of(line).len() as u64;
        let kept = (0..is_kept.len()).filter(|&line| is_kept[line]);
        let (ngrams, word_f1) = self.tokens.compare(kept);
        PageResult {
            lines: metrics::line_counts(labels, &self.is_counted, &is_kept, |_| 1),
            words: metrics::line_counts(labels, &self.is_counted, &is_kept, words),
            calibration: cleaner.config().score.then_some(calibration),
            ngrams,
            word_f1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::score::{Contribution, PageFacts, Score, Scorer, Scratch};

    /// Boilerplate is what holds a `#`.
    struct Marked;

    impl Scorer for Marked {
        fn score(&self, facts: &PageFacts<'_>, _: &mut Scratch, scores: &mut Vec<Score>) {
            scores.clear();
            scores.extend((0..facts.line_count()).map(|line| {
                let context = if facts.text(line).contains(&b'#') {
                    0.75
                } else {
                    0.25
                };
                Score::of_boilerplate(1.0 - context, context)
            }));
        }

        fn explain(&self, facts: &PageFacts<'_>) -> Vec<Vec<Contribution>> {
            vec![Vec::new(); facts.line_count()]
        }
    }

    fn config(score: bool) -> Config {
        Config {
            page_repeats: false,
            score,
            threshold: crate::Threshold::At(0.5),
            ..Config::default()
        }
    }

    fn marked() -> Cleaner {
        Cleaner::with_scorer(config(true), Box::new(Marked)).unwrap()
    }

    fn keep_all() -> Cleaner {
        Cleaner::new(config(false)).unwrap()
    }

    fn pages(rows: &str) -> Vec<GoldPage> {
        let reader = GoldReader::new("wells.jsonl", std::io::Cursor::new(rows.to_owned()));
        reader.unwrap().map(Result::unwrap).collect()
    }

    fn figures(cleaner: &Cleaner, rows: &str, options: EvalOptions) -> Figures {
        let evaluation = evaluate(&[("x", cleaner)], &pages(rows), options);
        evaluation.tables[0].rows[0].figures
    }

    /// Title; body, kept; body, removed; furniture, kept; furniture, removed; either; blank.
    const ROW: &str = r##"{"id":"1","lines":["The well","a b\r\nc d e","f g #","# #","menu #","h","i j"," "],
        "labels":[1,1,1,0,0,0,-1,1],"headline":[0],"gold":"a b c d e f g"}"##;

    fn one_row() -> String {
        ROW.replace("\n        ", "")
    }

    #[track_caller]
    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
    }

    #[test]
    fn one_page_by_hand() {
        let got = figures(&marked(), &one_row(), EvalOptions::default());
        // Counted: kept body 1 (5 words), kept furniture 1 (1 word), removed body 2 (2 and 0).
        close(got.line_precision, 1.0 / 2.0);
        close(got.line_recall, 1.0 / 3.0);
        close(got.line_f1, 0.4);
        close(got.weighted_precision, 5.0 / 6.0);
        close(got.weighted_recall, 5.0 / 7.0);
        // Removed: 2 of 3 body lines, 2 of 3 furniture lines.
        close(got.removal_precision, 2.0 / 4.0);
        close(got.removal_recall, 2.0 / 3.0);
        close(got.body_lost, 2.0 / 3.0);
        // Output: The well a b c d e h i j, 7 grams; gold: 4 grams; 2 shared.
        close(got.ngram_precision, 2.0 / 7.0);
        close(got.ngram_recall, 2.0 / 4.0);
        close(got.word_f1, 2.0 * 5.0 / (10.0 + 7.0));
        // 0.25: body, furniture. 0.75: body, furniture, furniture.
        let gaps = (2.0_f64 * 0.25 - 1.0).abs() + (3.0_f64 * 0.75 - 2.0).abs();
        close(got.calibration_error.unwrap(), gaps / 5.0);
    }

    #[test]
    fn headlines_count_when_asked() {
        let options = EvalOptions {
            include_headlines: true,
            ..EvalOptions::default()
        };
        let got = figures(&marked(), &one_row(), options);
        close(got.line_precision, 2.0 / 3.0);
        close(got.line_recall, 2.0 / 4.0);
        close(got.weighted_recall, 7.0 / 9.0);
    }

    #[test]
    fn a_cleaner_that_scores_nothing_has_no_calibration_error() {
        let got = figures(&keep_all(), &one_row(), EvalOptions::default());
        assert_eq!(got.calibration_error, None);
        close(got.line_recall, 2.0 / 3.0);
    }

    #[test]
    fn each_cleaner_has_its_table_over_the_same_pages() {
        let (marked, keep_all) = (marked(), keep_all());
        let cleaners = [("marked", &marked), ("all", &keep_all)];
        let pages = pages(&one_row());
        let both = evaluate(&cleaners, &pages, EvalOptions::default());
        for (at, (name, cleaner)) in cleaners.into_iter().enumerate() {
            let alone = evaluate(&[(name, cleaner)], &pages, EvalOptions::default());
            assert_eq!(alone.tables[0], both.tables[at]);
        }
    }

    #[test]
    fn rows_are_by_source_site_or_language() {
        let row = r#"{"id":"1","source":"s","domain":"a.example","lines":[],"labels":[]}"#;
        let pages = pages(row);
        for (by, name) in [
            (RowField::Source, "s"),
            (RowField::Domain, "a.example"),
            (RowField::Lang, "-"),
        ] {
            let options = EvalOptions {
                by,
                ..EvalOptions::default()
            };
            let evaluation = evaluate(&[("x", &keep_all())], &pages, options);
            assert_eq!(evaluation.by, by);
            assert_eq!(evaluation.tables[0].rows[0].name, name);
        }
    }

    /// Pages of two sites and of none, each with its own first line, the menu, and a footer
    /// that is body on one page.
    fn site_rows() -> String {
        let page = |at: usize| {
            let site = ["a.example", "b.example", ""][at % 3];
            let label = usize::from(at == 0);
            format!(
                r#"{{"id":"{at}","domain":"{site}","lines":["What {0} {0} is","Home {site}"," Home {site}","Foot {site}"],"labels":[1,0,-1,{label}]}}"#,
                "x".repeat(at)
            )
        };
        (0..15).map(page).collect::<Vec<String>>().join("\n")
    }

    fn with_site(pages: &[GoldPage]) -> Cleaner {
        let index = index_pages(pages, &config(false));
        keep_all().with_index(Arc::new(index))
    }

    #[test]
    fn templates_of_a_site_go_on_its_pages_only() {
        let pages = pages(&site_rows());
        let options = EvalOptions {
            by: RowField::Domain,
            ..EvalOptions::default()
        };
        let evaluation = evaluate(&[("x", &with_site(&pages))], &pages, options);
        let counts: Vec<_> = evaluation.tables[0]
            .rows
            .iter()
            .map(|row| {
                (
                    &*row.name,
                    row.removed_boilerplate,
                    row.boilerplate,
                    row.removed_body,
                )
            })
            .collect();
        let expected = [
            ("-", 0, 10, 0),
            ("a.example", 9, 9, 1),
            ("b.example", 10, 10, 0),
        ];
        assert_eq!(counts, expected);
    }

    #[test]
    fn near_duplicates_count_once_for_their_site() {
        let row =
            r#"{"id":"1","domain":"a.example","lines":["One","Two","Three"],"labels":[1,1,1]}"#;
        let pages = pages(&[row; 5].join("\n"));
        let index = index_pages(&pages, &config(false));
        assert_eq!(index.pages, 1);
        assert_eq!(
            figures(&with_site(&pages), row, EvalOptions::default()).body_lost,
            0.0
        );
    }

    #[test]
    fn frequent_templates_stand_by_site_and_pages() {
        let pages = pages(&site_rows());
        let templates = frequent_templates(&with_site(&pages), &pages, 1);
        let line = |site: &str, line: &str, body, boilerplate, either| TemplateLine {
            site: site.to_owned(),
            line: line.to_owned(),
            removed: 5,
            labels: templates::LabelCounts {
                body,
                boilerplate,
                either,
            },
        };
        let expected = [
            line("a.example", "Foot a.example", 1, 4, 0),
            line("b.example", "Foot b.example", 0, 5, 0),
        ];
        assert_eq!(templates, expected);
        let all = frequent_templates(&with_site(&pages), &pages, 9);
        assert_eq!(all[1], line("a.example", "Home a.example", 0, 5, 5));
        assert_eq!(all.len(), 4);
        assert_eq!(frequent_templates(&keep_all(), &pages, 9), []);
    }

    /// Id, source, kept line, gold; with a word F1 of 0.5, 0, 1, 0 and 0.
    fn rows_to_rank() -> String {
        let rows = [
            ("d", "a", "a c", "a b"),
            ("c", "b", "", "a"),
            ("e", "a", "a b", "a b"),
            ("b", "b", "", "a"),
            ("b", "a", "", "a"),
        ];
        let row = |(id, source, kept, gold)| {
            format!(
                r##"{{"id":"{id}","source":"{source}","lines":["{kept}","a #"],"labels":[0,1],"gold":"{gold}"}}"##
            )
        };
        rows.map(row).join("\n")
    }

    #[test]
    fn the_worst_pages_stand_by_word_f1_then_id_then_source() {
        let pages = pages(&rows_to_rank());
        for (worst, expected) in [
            (0, &[][..]),
            (2, &["a/b", "b/b"]),
            (9, &["a/b", "b/b", "b/c", "a/d", "a/e"]),
        ] {
            let options = EvalOptions {
                worst,
                ..EvalOptions::default()
            };
            let evaluation = evaluate(&[("x", &marked())], &pages, options);
            let listed = evaluation.worst.iter();
            let names = listed.map(|page| format!("{}/{}", page.source, page.id));
            assert_eq!(names.collect::<Vec<String>>(), expected);
        }
    }

    #[test]
    fn a_worst_page_shows_the_lines_that_count_and_are_wrong() {
        let wrong = |cleaner: &Cleaner, include_headlines| {
            let options = EvalOptions {
                include_headlines,
                worst: 1,
                ..EvalOptions::default()
            };
            let evaluation = evaluate(&[("x", cleaner)], &pages(&one_row()), options);
            let [page] = &evaluation.worst[..] else {
                panic!("{evaluation:?}")
            };
            let lines = page.wrong_lines.iter().map(|wrong| {
                let (mistake, score) = (wrong.mistake.word(), wrong.score);
                format!("{} {mistake} {score:?} {}", wrong.line, wrong.reason)
            });
            let lines: Vec<String> = lines.collect();
            let f1s = [page.line_f1, page.ngram_f1, page.word_f1];
            (page.body_words_lost, page.chaff_words_kept, f1s, lines)
        };
        let (lost, kept, [line_f1, ngram_f1, word_f1], lines) = wrong(&marked(), false);
        assert_eq!((lost, kept), (2, 1));
        close(line_f1, 0.4);
        close(ngram_f1, 2.0 * (2.0 / 7.0) * 0.5 / (2.0 / 7.0 + 0.5));
        close(word_f1, 10.0 / 17.0);
        let expected = [
            "3 lost Some(0.75) boilerplate",
            "6 kept Some(0.25) body",
            "8 lost None blank",
        ];
        assert_eq!(lines, expected);
        let (.., lines) = wrong(&keep_all(), true);
        let expected = [
            "4 kept None body",
            "5 kept None body",
            "6 kept None body",
            "8 lost None blank",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn differences_are_to_the_first_cleaner() {
        let (marked, keep_all) = (marked(), keep_all());
        let cleaners = [("marked", &marked), ("all", &keep_all), ("again", &marked)];
        let pages = pages(&rows_to_rank());
        let evaluation = evaluate(&cleaners, &pages, EvalOptions::default());
        let [all, again] = &evaluation.differences[..] else {
            panic!("{evaluation:?}")
        };
        assert_eq!((&*all.name, &*all.to), ("all", "marked"));
        let mean = |table: usize| evaluation.tables[table].mean.unwrap();
        assert_eq!(all.f1s.word_f1, mean(1).word_f1 - mean(0).word_f1);
        let Interval { low, high } = all.intervals.unwrap().word_f1;
        assert!(low < all.f1s.word_f1 && all.f1s.word_f1 < high, "{all:?}");
        assert_eq!(&*again.name, "again");
        assert_eq!(again.f1s, F1s::default());
        let ends = again
            .intervals
            .unwrap()
            .each(|interval| interval.low.max(interval.high));
        assert_eq!(ends, F1s::default());
        let none = evaluate(&cleaners, &[], EvalOptions::default());
        assert_eq!(none.differences, []);
        assert_eq!(none.side_by_side_text(), "");
    }

    #[test]
    fn reliability_is_over_the_lines_of_all_rows() {
        let rows = ["a", "b"].map(|source| {
            format!(r##"{{"id":"1","source":"{source}","lines":["x","y #"],"labels":[1,0]}}"##)
        });
        let (marked, keep_all) = (marked(), keep_all());
        let cleaners = [("marked", &marked), ("all", &keep_all)];
        let evaluation = evaluate(&cleaners, &pages(&rows.join("\n")), EvalOptions::default());
        let reliability = evaluation.tables[0].reliability.as_ref().unwrap();
        let filled = reliability.bins.iter().filter(|bin| bin.lines > 0);
        let filled: Vec<_> = filled
            .map(|bin| (bin.lines, bin.mean_score, bin.boilerplate_share))
            .collect();
        let expected = [(2, Some(0.25), Some(0.0)), (2, Some(0.75), Some(1.0))];
        assert_eq!(filled, expected);
        assert_eq!(evaluation.tables[1].reliability, None);
        let text = evaluation.reliability_text();
        assert!(text.starts_with("calibration of marked, all lines together: error 0.2500\nscore"));
        assert_eq!(text.lines().count(), 17, "{text}");
    }

    #[test]
    fn threads_change_no_bit() {
        let rows: Vec<String> = (0..600)
            .map(|page| {
                let lines: Vec<String> = (0..page % 7)
                    .map(|line| format!("\"w{} {}{}\"", page * line, line, ["", "#"][line % 2]))
                    .collect();
                let labels: Vec<String> = (0..page % 7).map(|line| (line % 2).to_string()).collect();
                format!(
                    r#"{{"id":"{page}","source":"s{}","lines":[{}],"labels":[{}],"gold":"w0 0 w3 3"}}"#,
                    page % 3,
                    lines.join(","),
                    labels.join(",")
                )
            })
            .collect();
        let pages = pages(&rows.join("\n"));
        let cleaner = marked();
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let run = || evaluate(&[("x", &cleaner)], &pages, EvalOptions::default());
            pool.build().unwrap().install(run)
        };
        let one = with_threads(1);
        assert_eq!(one.pages, 600);
        assert_eq!(one.tables[0].rows.len(), 3);
        assert_eq!(with_threads(4), one);
    }

    #[test]
    fn no_pages_have_no_mean() {
        let none = evaluate(&[("x", &keep_all())], &[], EvalOptions::default());
        assert_eq!((none.pages, none.tables[0].mean), (0, None));
    }

    #[test]
    fn a_page_without_lines_is_evaluated() {
        let row = r#"{"id":"1","lines":[],"labels":[],"gold":""}"#;
        let got = figures(&keep_all(), row, EvalOptions::default());
        assert_eq!((got.line_f1, got.ngram_f1, got.word_f1), (1.0, 1.0, 1.0));
    }
}
