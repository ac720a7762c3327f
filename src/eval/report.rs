//! Page results in, figures per row, their means and intervals out, as values and as tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::bootstrap::{F1Sums, F1s, Interval, Resamples};
use super::gold::GoldPage;
use super::metrics::{Calibration, Counts, Reliability};
use super::worst::{PageFigures, WorstPage};
use crate::visible::visible;

/// The fewest pages of a row that counts in [`Table::mean20`].
pub const MEAN20_PAGES: u64 = 20;

/// Which field of a page makes the rows of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowField {
    /// The set that the page comes from.
    #[default]
    Source,
    /// The site.
    Domain,
    /// The language.
    Lang,
}

impl RowField {
    /// The row of a page; `-` for pages without the field.
    pub fn of(self, page: &GoldPage) -> &str {
        let value = match self {
            RowField::Source => Some(&page.source),
            RowField::Domain => page.domain.as_ref(),
            RowField::Lang => page.lang.as_ref(),
        };
        value.map_or("-", String::as_str)
    }

    fn word(self) -> &'static str {
        match self {
            RowField::Source => "source",
            RowField::Domain => "domain",
            RowField::Lang => "lang",
        }
    }
}

/// What one page adds to its row's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PageResult {
    /// Decisions against labels, each line once.
    pub lines: Counts,
    /// The same, each line as often as it has words.
    pub words: Counts,
    /// Likelihoods against labels; None where nothing was scored.
    pub calibration: Option<Calibration>,
    /// The output's n-grams against the gold's.
    pub ngrams: Counts,
    /// F1 of the output's words, from 0 to 1.
    pub word_f1: f64,
}

/// Accuracy over one row, or the mean over several. All from 0 to 1; higher is better but for
/// the calibration error and the body lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The share of kept lines that are body.
    pub line_precision: f64,
    /// The share of body lines that were kept.
    pub line_recall: f64,
    /// Their harmonic mean.
    pub line_f1: f64,
    /// The share of removed lines that are boilerplate; 1 where none was removed.
    pub removal_precision: f64,
    /// The share of boilerplate lines that were removed; 1 where there are none.
    pub removal_recall: f64,
    /// The share of body lines that were removed; 0 where there are none.
    pub body_lost: f64,
    /// The share of kept words that stand in body lines.
    pub weighted_precision: f64,
    /// The share of the body lines' words that were kept.
    pub weighted_recall: f64,
    /// Their harmonic mean.
    pub weighted_f1: f64,
    /// Calibration error of the likelihoods; None where no line was scored.
    pub calibration_error: Option<f64>,
    /// Mean over pages of the share of the output's 4-grams that stand in the gold.
    pub ngram_precision: f64,
    /// Mean over pages of the share of the gold's 4-grams that stand in the output.
    pub ngram_recall: f64,
    /// Harmonic mean of these two means.
    pub ngram_f1: f64,
    /// Mean over pages of the F1 of words.
    pub word_f1: f64,
    /// Where the three F1s of the row's pages, or their mean, would lie with other pages like
    /// these; None where that is not known, see [`Resamples::intervals`].
    pub intervals: Option<F1s<Interval>>,
}

impl Figures {
    /// The three F1s that have intervals.
    pub fn f1s(&self) -> F1s<f64> {
        F1s {
            line_f1: self.line_f1,
            ngram_f1: self.ngram_f1,
            word_f1: self.word_f1,
        }
    }

    /// The plain mean of each figure; None of nothing. Where a figure is missing, the mean is
    /// over those that have it. It has no intervals.
    pub fn mean<'a>(all: impl Iterator<Item = &'a Figures>) -> Option<Figures> {
        let all: Vec<&Figures> = all.collect();
        if all.is_empty() {
            return None;
        }
        let mean = |figure: fn(&Figures) -> f64| {
            all.iter().map(|figures| figure(figures)).sum::<f64>() / all.len() as f64
        };
        let errors: Vec<f64> = all
            .iter()
            .filter_map(|figures| figures.calibration_error)
            .collect();
        Some(Figures {
            line_precision: mean(|figures| figures.line_precision),
            line_recall: mean(|figures| figures.line_recall),
            line_f1: mean(|figures| figures.line_f1),
            removal_precision: mean(|figures| figures.removal_precision),
            removal_recall: mean(|figures| figures.removal_recall),
            body_lost: mean(|figures| figures.body_lost),
            weighted_precision: mean(|figures| figures.weighted_precision),
            weighted_recall: mean(|figures| figures.weighted_recall),
            weighted_f1: mean(|figures| figures.weighted_f1),
            calibration_error: (!errors.is_empty())
                .then(|| errors.iter().sum::<f64>() / errors.len() as f64),
            ngram_precision: mean(|figures| figures.ngram_precision),
            ngram_recall: mean(|figures| figures.ngram_recall),
            ngram_f1: mean(|figures| figures.ngram_f1),
            word_f1: mean(|figures| figures.word_f1),
            intervals: None,
        })
    }
}

/// Figures over the pages of one row.
///
/// Line figures are micro: over the row's lines together, so a page counts by its length.
/// n-gram and word figures are over its pages, each page alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowFigures {
    /// The row's name, see [`RowField::of`].
    pub name: String,
    /// Its pages.
    pub pages: u64,
    /// Their body lines that count.
    pub body: u64,
    /// Their boilerplate lines that count.
    pub boilerplate: u64,
    /// Of the body lines, those that were removed.
    pub removed_body: u64,
    /// Of the boilerplate lines, those that were removed.
    pub removed_boilerplate: u64,
    /// How accurate the cleaner is on them.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One cleaner's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The cleaner's name.
    pub name: String,
    /// Figures of each row, in order of name.
    pub rows: Vec<RowFigures>,
    /// Plain mean over the rows, each alike; F1 is a mean of F1s. None without pages.
    pub mean: Option<Figures>,
    /// The same over rows of at least [`MEAN20_PAGES`] pages; None if there is none.
    pub mean20: Option<Figures>,
    /// Scores against labels, the lines of all rows together; None where none was scored.
    pub reliability: Option<Reliability>,
    /// Each page by itself, where that was asked for: what two evaluations are compared by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub page_results: Vec<PageFigures>,
}

/// How much better one cleaner is than another on the same pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The cleaner.
    pub name: String,
    /// The one that it is compared with.
    pub to: String,
    /// Its [`Table::mean`] less the other's, each from -1 to 1; above 0 is better.
    #[serde(flatten)]
    pub f1s: F1s<f64>,
    /// Where these differences would lie with other pages like these, both cleaners being
    /// given the same; None as in [`Figures::intervals`]. One that holds 0 may be chance.
    pub intervals: Option<F1s<Interval>>,
}

/// What [`super::evaluate`] found: one table for each cleaner, over the same pages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// All pages.
    pub pages: u64,
    /// What makes the rows.
    pub by: RowField,
    /// Whether lines equal to the page's headline counted in the line figures.
    pub include_headlines: bool,
    /// What was set of the first cleaner, by name, as in run records; empty where nobody said it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, serde_json::Value>,
    /// In the order in which the cleaners were given.
    pub tables: Vec<Table>,
    /// Each cleaner but the first, in the same order, compared with the first. Empty without
    /// pages.
    pub differences: Vec<Difference>,
    /// The pages on which the first cleaner did worst, as many as were asked for.
    pub worst: Vec<WorstPage>,
}

#[derive(Debug, Default)]
struct RowTally {
    pages: Vec<F1Sums>,
    total: F1Sums,
    words: Counts,
    calibration: Calibration,
}

impl RowTally {
    fn add_page(&mut self, page: &PageResult) {
        let sums = F1Sums::of_page(page.lines, page.ngrams, page.word_f1);
        self.pages.push(sums);
        self.total += sums;
        self.words += page.words;
        self.calibration += page.calibration.unwrap_or_default();
    }

    fn row(&self, name: &str, resamples: &Resamples) -> RowFigures {
        let lines = self.total.lines;
        RowFigures {
            name: name.to_owned(),
            pages: self.total.pages,
            body: lines.true_positive + lines.false_negative,
            boilerplate: lines.false_positive + lines.true_negative,
            removed_body: lines.false_negative,
            removed_boilerplate: lines.true_negative,
            figures: Figures {
                intervals: resamples.intervals(),
                ..self.figures()
            },
        }
    }

    fn figures(&self) -> Figures {
        let F1Sums { lines, ngrams, .. } = self.total;
        let F1s {
            line_f1,
            ngram_f1,
            word_f1,
        } = self.total.f1s();
        Figures {
            line_precision: lines.precision(),
            line_recall: lines.recall(),
            line_f1,
            removal_precision: lines.removal_precision(),
            removal_recall: lines.removal_recall(),
            body_lost: lines.body_lost(),
            weighted_precision: self.words.precision(),
            weighted_recall: self.words.recall(),
            weighted_f1: self.words.f1(),
            calibration_error: self.calibration.error(),
            ngram_precision: ngrams.precision(),
            ngram_recall: ngrams.recall(),
            ngram_f1,
            word_f1,
            intervals: None,
        }
    }
}

/// Adds up one cleaner's page results. The same pages in the same order give the same bits.
#[derive(Debug, Default)]
pub struct Tally {
    rows: BTreeMap<String, RowTally>,
}

impl Tally {
    /// Counts one page of a row.
    pub fn add_page(&mut self, row: &str, page: &PageResult) {
        match self.rows.get_mut(row) {
            Some(tally) => tally.add_page(page),
            None => {
                let tally = self.rows.entry(row.to_owned()).or_default();
                tally.add_page(page);
            }
        }
    }

    /// The figures so far, under the cleaner's name.
    pub fn measure(&self, name: &str) -> Measured {
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut calibration = Calibration::default();
        let (mut resamples, mut resamples20) = (Resamples::default(), Resamples::default());
        for (name, tally) in &self.rows {
            let of_row = Resamples::of_row(name, &tally.pages);
            let row = tally.row(name, &of_row);
            calibration += tally.calibration;
            resamples.add_row(&of_row);
            if row.pages >= MEAN20_PAGES {
                resamples20.add_row(&of_row);
            }
            rows.push(row);
        }
        let large = rows.iter().filter(|row| row.pages >= MEAN20_PAGES);
        let table = Table {
            name: name.to_owned(),
            mean: mean_of(rows.iter(), &resamples),
            mean20: mean_of(large, &resamples20),
            reliability: calibration.reliability(),
            page_results: Vec::new(),
            rows,
        };
        Measured { table, resamples }
    }
}

/// The mean of rows with its intervals.
fn mean_of<'a>(
    rows: impl Iterator<Item = &'a RowFigures>,
    resamples: &Resamples,
) -> Option<Figures> {
    let mean = Figures::mean(rows.map(|row| &row.figures))?;
    Some(Figures {
        intervals: resamples.intervals(),
        ..mean
    })
}

/// One cleaner's figures, and what it takes to compare them with another's.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The figures.
    pub table: Table,
    /// The means of the rows' F1s, with pages drawn anew inside each row.
    resamples: Resamples,
}

impl Measured {
    /// This cleaner compared with another that was given the same pages in the same rows. None
    /// without pages.
    pub fn difference_to(&self, other: &Measured) -> Option<Difference> {
        let (own, others) = (self.table.mean?, other.table.mean?);
        Some(Difference {
            name: self.table.name.clone(),
            to: other.table.name.clone(),
            f1s: own.f1s().less(&others.f1s()),
            intervals: self.resamples.intervals_less(&other.resamples),
        })
    }
}

/// Heads of the columns behind a row's name, by table.
const ACCURACY_HEAD: [&str; 12] = [
    "pages", "line P", "line R", "line F1", "wtd P", "wtd R", "wtd F1", "cal err", "4gram P",
    "4gram R", "4gram F1", "word F1",
];
const REMOVAL_HEAD: [&str; 7] = [
    "body",
    "removed",
    "body lost",
    "boilerplate",
    "removed",
    "removal P",
    "removal R",
];
const INTERVALS_HEAD: [&str; 6] = [
    "line F1",
    "95 % interval",
    "4gram F1",
    "95 % interval",
    "word F1",
    "95 % interval",
];
const RELIABILITY_HEAD: [&str; 3] = ["lines", "mean score", "boilerplate"];

impl Table {
    /// The table as text for people: the cleaner's name, then tables of accuracy, of its
    /// intervals and of what was removed, a blank line between them. Each has a head, a row a
    /// row, the means; columns aligned, four decimals, `-` for what is missing, every line
    /// ended by LF.
    ///
    /// "wtd P, R, F1" are the line figures weighted by words, "cal err" the calibration
    /// error, "word F1" is `word_f1`. Names show as [`visible`] has them.
    pub fn to_text(&self, by: RowField) -> String {
        let accuracy = self.to_aligned(by, ACCURACY_HEAD, accuracy_cells);
        let intervals = self.to_aligned(by, INTERVALS_HEAD, |_, figures| {
            interval_cells(figures.f1s(), figures.intervals)
        });
        let removal = self.to_aligned(by, REMOVAL_HEAD, removal_cells);
        let name = visible(self.name.as_bytes());
        format!("{name}\n{accuracy}\n{intervals}\n{removal}")
    }

    /// Scores against labels as text for people: a line with the cleaner's name and the
    /// calibration error over all lines, a head, a row for each bin of scores. None where
    /// nothing was scored.
    pub fn reliability_text(&self) -> Option<String> {
        let reliability = self.reliability.as_ref()?;
        let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), decimals);
        let mut rows = vec![("score".to_owned(), RELIABILITY_HEAD.map(str::to_owned))];
        for bin in &reliability.bins {
            rows.push((
                format!("{:.4} to {:.4}", bin.from, bin.to),
                [
                    bin.lines.to_string(),
                    share(bin.mean_score),
                    share(bin.boilerplate_share),
                ],
            ));
        }
        Some(format!(
            "calibration of {}, all lines together: error {}\n{}",
            visible(self.name.as_bytes()),
            decimals(reliability.error),
            aligned(&rows)
        ))
    }

    fn to_aligned<const COLUMNS: usize>(
        &self,
        by: RowField,
        head: [&str; COLUMNS],
        cells: impl Fn(Option<&RowFigures>, &Figures) -> [String; COLUMNS],
    ) -> String {
        let mut rows = vec![(by.word().to_owned(), head.map(str::to_owned))];
        for row in &self.rows {
            rows.push((visible(row.name.as_bytes()), cells(Some(row), &row.figures)));
        }
        let means = [("mean", &self.mean), ("mean20", &self.mean20)];
        for (name, figures) in means {
            if let Some(figures) = figures {
                rows.push((name.to_owned(), cells(None, figures)));
            }
        }
        aligned(&rows)
    }
}

impl Evaluation {
    /// The tables as text (see [`Table::to_text`]), a blank line between them.
    pub fn to_text(&self) -> String {
        let tables = self.tables.iter().map(|table| table.to_text(self.by));
        tables.collect::<Vec<String>>().join("\n")
    }

    /// [`Table::reliability_text`] of each cleaner that scores, a blank line between them.
    pub fn reliability_text(&self) -> String {
        let tables = self.tables.iter().filter_map(Table::reliability_text);
        tables.collect::<Vec<String>>().join("\n")
    }

    /// The cleaners side by side as text: a table of their means, a blank line, a table of
    /// their differences to the first. Empty unless there are pages and several cleaners.
    pub fn side_by_side_text(&self) -> String {
        let Some(Difference { to, .. }) = self.differences.first() else {
            return String::new();
        };
        let name = |name: &str| visible(name.as_bytes());
        let head = |title| (title, INTERVALS_HEAD.map(str::to_owned));
        let mut means = vec![head(format!("mean by {}", self.by.word()))];
        for table in &self.tables {
            if let Some(mean) = &table.mean {
                means.push((
                    name(&table.name),
                    interval_cells(mean.f1s(), mean.intervals),
                ));
            }
        }
        let mut differences = vec![head(format!("less {}", name(to)))];
        for difference in &self.differences {
            differences.push((
                name(&difference.name),
                interval_cells(difference.f1s, difference.intervals),
            ));
        }
        format!("{}\n{}", aligned(&means), aligned(&differences))
    }
}

/// Rows of a name and cells, in columns: names to the left, cells to the right.
fn aligned<const COLUMNS: usize>(rows: &[(String, [String; COLUMNS])]) -> String {
    let mut name_width = 0;
    let mut widths = [0; COLUMNS];
    for (name, cells) in rows {
        name_width = name_width.max(name.chars().count());
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.len());
        }
    }
    let mut text = String::new();
    for (name, cells) in rows {
        let _ = write!(text, "{name:<name_width$}");
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

/// The cells of a row, a mean or a difference.
fn interval_cells(
    f1s: F1s<f64>,
    intervals: Option<F1s<Interval>>,
) -> [String; INTERVALS_HEAD.len()] {
    let ends = |Interval { low, high }: &Interval| format!("[{low:.4}, {high:.4}]");
    let intervals = intervals.map(|intervals| intervals.each(ends));
    let intervals = intervals.unwrap_or_else(|| F1s::default().each(|()| "-".to_owned()));
    [
        decimals(f1s.line_f1),
        intervals.line_f1,
        decimals(f1s.ngram_f1),
        intervals.ngram_f1,
        decimals(f1s.word_f1),
        intervals.word_f1,
    ]
}

/// The cells of a row, or of a mean.
fn accuracy_cells(row: Option<&RowFigures>, figures: &Figures) -> [String; ACCURACY_HEAD.len()] {
    [
        number(row.map(|row| row.pages)),
        decimals(figures.line_precision),
        decimals(figures.line_recall),
        decimals(figures.line_f1),
        decimals(figures.weighted_precision),
        decimals(figures.weighted_recall),
        decimals(figures.weighted_f1),
        figures
            .calibration_error
            .map_or_else(|| "-".to_owned(), decimals),
        decimals(figures.ngram_precision),
        decimals(figures.ngram_recall),
        decimals(figures.ngram_f1),
        decimals(figures.word_f1),
    ]
}

/// The cells of a row, or of a mean.
fn removal_cells(row: Option<&RowFigures>, figures: &Figures) -> [String; REMOVAL_HEAD.len()] {
    [
        number(row.map(|row| row.body)),
        number(row.map(|row| row.removed_body)),
        decimals(figures.body_lost),
        number(row.map(|row| row.boilerplate)),
        number(row.map(|row| row.removed_boilerplate)),
        decimals(figures.removal_precision),
        decimals(figures.removal_recall),
    ]
}

fn decimals(figure: f64) -> String {
    format!("{figure:.4}")
}

fn number(count: Option<u64>) -> String {
    count.map_or_else(String::new, |count| count.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(true_positive: u64, false_positive: u64, false_negative: u64) -> Counts {
        Counts {
            true_positive,
            false_positive,
            false_negative,
            true_negative: 0,
        }
    }

    fn page(lines: Counts, ngrams: Counts, word_f1: f64) -> PageResult {
        PageResult {
            lines,
            words: lines,
            calibration: None,
            ngrams,
            word_f1,
        }
    }

    #[test]
    fn a_row_is_micro_over_lines_and_macro_over_pages() {
        let mut tally = Tally::default();
        tally.add_page("a", &page(counts(9, 1, 0), counts(1, 1, 0), 0.5));
        tally.add_page("a", &page(counts(0, 2, 3), counts(1, 0, 3), 0.25));
        let figures = tally.measure("x").table.rows[0].figures;
        assert_eq!(figures.line_precision, 9.0 / 12.0);
        assert_eq!(figures.line_recall, 9.0 / 12.0);
        assert_eq!(figures.ngram_precision, (0.5 + 1.0) / 2.0);
        assert_eq!(figures.ngram_recall, (1.0 + 0.25) / 2.0);
        assert_eq!(figures.word_f1, 0.375);
        assert_eq!(figures.calibration_error, None);
    }

    #[test]
    fn means_are_plain_means_over_rows() {
        let mut tally = Tally::default();
        for pages in [("big", 20, 1.0), ("middle", 19, 0.5), ("small", 1, 0.0)] {
            for _ in 0..pages.1 {
                tally.add_page(pages.0, &page(counts(1, 0, 0), counts(1, 0, 0), pages.2));
            }
        }
        let table = tally.measure("x").table;
        assert_eq!(table.mean.unwrap().word_f1, 0.5);
        assert_eq!(table.mean20.unwrap().word_f1, 1.0);
        let names: Vec<&str> = table.rows.iter().map(|row| &*row.name).collect();
        assert_eq!(names, ["big", "middle", "small"]);
    }

    #[test]
    fn a_mean_skips_rows_without_likelihoods() {
        let with = |calibration_error| Figures {
            calibration_error,
            ..Figures::default()
        };
        let all = [with(Some(0.25)), with(None), with(Some(0.75))];
        let mean = Figures::mean(all.iter()).unwrap();
        assert_eq!(mean.calibration_error, Some(0.5));
        assert_eq!(Figures::mean([].iter()), None);
    }

    #[test]
    fn removed_lines_are_counted_and_their_shares_have_means() {
        let mut tally = Tally::default();
        for (row, kept, removed) in [
            ("a", counts(3, 1, 1), 3),
            ("a", counts(4, 0, 0), 0),
            ("b", counts(1, 1, 0), 0),
        ] {
            let lines = Counts {
                true_negative: removed,
                ..kept
            };
            tally.add_page(row, &page(lines, lines, 1.0));
        }
        let table = tally.measure("x").table;
        let row = &table.rows[0];
        assert_eq!((row.body, row.removed_body), (8, 1));
        assert_eq!((row.boilerplate, row.removed_boilerplate), (4, 3));
        let mean = table.mean.unwrap();
        assert_eq!(mean.removal_precision, (3.0 / 4.0 + 1.0) / 2.0);
        assert_eq!(mean.removal_recall, (3.0 / 4.0 + 0.0) / 2.0);
        assert_eq!(mean.body_lost, (1.0 / 8.0 + 0.0) / 2.0);
    }

    #[test]
    fn tables_are_aligned_and_show_no_control_characters() {
        let mut tally = Tally::default();
        tally.add_page("wells", &page(counts(3, 1, 3), counts(1, 0, 0), 1.0));
        tally.add_page(
            "한국\u{1b}[2J",
            &page(counts(1, 0, 0), counts(1, 0, 0), 1.0),
        );
        let text = tally.measure("ours").table.to_text(RowField::Domain);
        let (name, tables) = text.split_once('\n').unwrap();
        assert_eq!(name, "ours");
        for table in tables.split("\n\n") {
            assert!(table.starts_with("domain "), "{text}");
            let widths: Vec<usize> = table.lines().map(|line| line.chars().count()).collect();
            assert_eq!(widths.len(), 4);
            assert!(widths[0] <= 120, "{text}");
            assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
        }
        assert!(text.contains("0.7500  0.5000   0.6000"), "{text}");
        assert!(
            text.contains("6        3     0.5000            1        0     0.0000     0.0000"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
        assert!(!text.contains("mean20"));
    }

    #[test]
    fn intervals_stand_beside_their_figures() {
        let mut tally = Tally::default();
        for word_f1 in [0.25, 0.75] {
            tally.add_page("wells", &page(counts(1, 0, 0), counts(1, 0, 0), word_f1));
        }
        tally.add_page("one", &page(counts(1, 0, 0), counts(1, 0, 0), 1.0));
        let table = tally.measure("ours").table;
        let text = table.to_text(RowField::Source);
        let intervals = text.split("\n\n").nth(1).unwrap();
        for (row, expected) in intervals.lines().zip([
            "word F1     95 % interval",
            " 1.0000                 -",
            " 0.5000  [0.2500, 0.7500]",
            " 0.7500  [0.6250, 0.8750]",
        ]) {
            assert!(row.ends_with(expected), "{text}");
        }
        assert!(
            intervals.contains("\nwells    1.0000  [1.0000, 1.0000]"),
            "{text}"
        );
        assert_eq!(table.mean20, None);
    }

    #[test]
    fn cleaners_stand_side_by_side_with_their_differences() {
        let measured = [("ours", 1.0), ("theirs\u{1b}", 0.5)].map(|(name, word_f1)| {
            let mut tally = Tally::default();
            for _ in 0..2 {
                tally.add_page("wells", &page(counts(1, 0, 0), counts(1, 0, 0), word_f1));
            }
            tally.measure(name)
        });
        let evaluation = Evaluation {
            differences: vec![measured[1].difference_to(&measured[0]).unwrap()],
            tables: measured.map(|measured| measured.table).into(),
            ..Evaluation::default()
        };
        let text = evaluation.side_by_side_text();
        let expected = [
            "mean by source  line F1     95 % interval  4gram F1     95 % interval  word F1     95 % interval",
            "ours             1.0000  [1.0000, 1.0000]    1.0000  [1.0000, 1.0000]   1.0000  [1.0000, 1.0000]",
            "theirs\\x1b       1.0000  [1.0000, 1.0000]    1.0000  [1.0000, 1.0000]   0.5000  [0.5000, 0.5000]",
            "",
            "less ours   line F1     95 % interval  4gram F1     95 % interval  word F1       95 % interval",
            "theirs\\x1b   0.0000  [0.0000, 0.0000]    0.0000  [0.0000, 0.0000]  -0.5000  [-0.5000, -0.5000]",
            "",
        ];
        assert_eq!(text, expected.join("\n"));
    }

    #[test]
    fn json_has_flat_rows_and_reads_back() {
        let mut tally = Tally::default();
        tally.add_page("wells", &page(counts(3, 1, 3), counts(1, 0, 0), 0.3));
        let evaluation = Evaluation {
            pages: 1,
            by: RowField::Lang,
            include_headlines: false,
            tables: vec![tally.measure("ours").table],
            ..Evaluation::default()
        };
        let json = serde_json::to_string(&evaluation).unwrap();
        assert!(json.contains(r#""by":"lang""#));
        assert!(json.contains(r#""name":"wells","pages":1,"body":6,"boilerplate":1,"#));
        assert!(json.contains(r#""removed_body":3,"removed_boilerplate":0,"line_precision":0.75"#));
        assert!(json.contains(r#""calibration_error":null"#));
        assert!(json.contains(r#""mean20":null"#));
        assert!(json.contains(r#""word_f1":0.3,"intervals":null}"#));
        let back: Evaluation = serde_json::from_str(&json).unwrap();
        assert_eq!(back, evaluation);
    }
}
