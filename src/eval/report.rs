//! Page results in, figures per row and their means out, as values and as tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::gold::GoldPage;
use super::metrics::{Calibration, Counts, NgramMean};
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
}

impl Figures {
    /// The plain mean of each figure; None of nothing. Where a figure is missing, the mean is
    /// over those that have it.
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
}

/// What [`super::evaluate`] found: one table for each cleaner, over the same pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// All pages.
    pub pages: u64,
    /// What makes the rows.
    pub by: RowField,
    /// Whether lines equal to the page's headline counted in the line figures.
    pub include_headlines: bool,
    /// In the order in which the cleaners were given.
    pub tables: Vec<Table>,
}

#[derive(Debug, Default)]
struct RowTally {
    pages: u64,
    lines: Counts,
    words: Counts,
    calibration: Calibration,
    ngrams: NgramMean,
    word_f1_sum: f64,
}

impl RowTally {
    fn add_page(&mut self, page: &PageResult) {
        self.pages += 1;
        self.lines += page.lines;
        self.words += page.words;
        self.calibration += page.calibration.unwrap_or_default();
        self.ngrams.add_page(page.ngrams);
        self.word_f1_sum += page.word_f1;
    }

    fn row(&self, name: &str) -> RowFigures {
        let lines = self.lines;
        RowFigures {
            name: name.to_owned(),
            pages: self.pages,
            body: lines.true_positive + lines.false_negative,
            boilerplate: lines.false_positive + lines.true_negative,
            removed_body: lines.false_negative,
            removed_boilerplate: lines.true_negative,
            figures: self.figures(),
        }
    }

    fn figures(&self) -> Figures {
        Figures {
            line_precision: self.lines.precision(),
            line_recall: self.lines.recall(),
            line_f1: self.lines.f1(),
            removal_precision: self.lines.removal_precision(),
            removal_recall: self.lines.removal_recall(),
            body_lost: self.lines.body_lost(),
            weighted_precision: self.words.precision(),
            weighted_recall: self.words.recall(),
            weighted_f1: self.words.f1(),
            calibration_error: self.calibration.error(),
            ngram_precision: self.ngrams.precision(),
            ngram_recall: self.ngrams.recall(),
            ngram_f1: self.ngrams.f1(),
            word_f1: self.word_f1_sum / self.pages as f64,
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
    pub fn table(&self, name: &str) -> Table {
        let rows = self.rows.iter();
        let rows: Vec<RowFigures> = rows.map(|(name, tally)| tally.row(name)).collect();
        let large = rows.iter().filter(|row| row.pages >= MEAN20_PAGES);
        let mean20 = Figures::mean(large.map(|row| &row.figures));
        Table {
            name: name.to_owned(),
            mean: Figures::mean(rows.iter().map(|row| &row.figures)),
            mean20,
            rows,
        }
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

impl Table {
    /// The table as text for people: the cleaner's name, a table of accuracy, a blank line, a
    /// table of what was removed. Each has a head, a row a row, the means; columns aligned,
    /// four decimals, `-` for what is missing, every line ended by LF.
    ///
    /// "wtd P, R, F1" are the line figures weighted by words, "cal err" the calibration
    /// error, "word F1" is `word_f1`. Names show as [`visible`] has them.
    pub fn to_text(&self, by: RowField) -> String {
        let accuracy = self.to_aligned(by, ACCURACY_HEAD, accuracy_cells);
        let removal = self.to_aligned(by, REMOVAL_HEAD, removal_cells);
        format!("{}\n{accuracy}\n{removal}", visible(self.name.as_bytes()))
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
        let mut name_width = 0;
        let mut widths = [0; COLUMNS];
        for (name, cells) in &rows {
            name_width = name_width.max(name.chars().count());
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.len());
            }
        }
        let mut text = String::new();
        for (name, cells) in &rows {
            let _ = write!(text, "{name:<name_width$}");
            for (cell, width) in cells.iter().zip(widths) {
                let _ = write!(text, "  {cell:>width$}");
            }
            text.push('\n');
        }
        text
    }
}

impl Evaluation {
    /// The tables as text (see [`Table::to_text`]), a blank line between them.
    pub fn to_text(&self) -> String {
        let tables = self.tables.iter().map(|table| table.to_text(self.by));
        tables.collect::<Vec<String>>().join("\n")
    }
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
        let figures = tally.table("x").rows[0].figures;
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
        let table = tally.table("x");
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
        let table = tally.table("x");
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
        let text = tally.table("ours").to_text(RowField::Domain);
        let (name, tables) = text.split_once('\n').unwrap();
        assert_eq!(name, "ours");
        for table in tables.split("\n\n") {
            assert!(table.starts_with("domain "), "{text}");
            let widths: Vec<usize> = table.lines().map(|line| line.chars().count()).collect();
            assert_eq!(widths.len(), 4);
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
    fn json_has_flat_rows_and_reads_back() {
        let mut tally = Tally::default();
        tally.add_page("wells", &page(counts(3, 1, 3), counts(1, 0, 0), 0.3));
        let evaluation = Evaluation {
            pages: 1,
            by: RowField::Lang,
            include_headlines: false,
            tables: vec![tally.table("ours")],
        };
        let json = serde_json::to_string(&evaluation).unwrap();
        assert!(json.contains(r#""by":"lang""#));
        assert!(json.contains(r#""name":"wells","pages":1,"body":6,"boilerplate":1,"#));
        assert!(json.contains(r#""removed_body":3,"removed_boilerplate":0,"line_precision":0.75"#));
        assert!(json.contains(r#""calibration_error":null"#));
        assert!(json.contains(r#""mean20":null"#));
        let back: Evaluation = serde_json::from_str(&json).unwrap();
        assert_eq!(back, evaluation);
    }
}
