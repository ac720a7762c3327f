//! Page results in, figures per source and their means out, as values and as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::metrics::{Calibration, Counts, NgramMean};

/// The fewest pages of a source that counts in [`Table::mean20`].
pub const MEAN20_PAGES: u64 = 20;

/// What one page adds to its source's figures.
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

/// Accuracy over one source, or the mean over several. All from 0 to 1; higher is better but
/// for the calibration error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The share of kept lines that are body.
    pub line_precision: f64,
    /// The share of body lines that were kept.
    pub line_recall: f64,
    /// Their harmonic mean.
    pub line_f1: f64,
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

/// Figures over the pages of one source.
///
/// Line figures are micro: over the source's lines together, so a page counts by its length.
/// n-gram and word figures are over its pages, each page alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceFigures {
    /// The source's name.
    pub source: String,
    /// Its pages.
    pub pages: u64,
    /// How accurate the cleaner is on them.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One cleaner's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The cleaner's name.
    pub name: String,
    /// Figures of each source, in order of name.
    pub sources: Vec<SourceFigures>,
    /// Plain mean over the sources, each alike; F1 is a mean of F1s. None without pages.
    pub mean: Option<Figures>,
    /// The same over sources of at least [`MEAN20_PAGES`] pages; None if there is none.
    pub mean20: Option<Figures>,
}

/// What [`super::evaluate`] found: one table for each cleaner, over the same pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// All pages.
    pub pages: u64,
    /// Whether lines equal to the page's headline counted in the line figures.
    pub include_headlines: bool,
    /// In the order in which the cleaners were given.
    pub tables: Vec<Table>,
}

#[derive(Debug, Default)]
struct SourceTally {
    pages: u64,
    lines: Counts,
    words: Counts,
    calibration: Calibration,
    ngrams: NgramMean,
    word_f1_sum: f64,
}

impl SourceTally {
    fn add_page(&mut self, page: &PageResult) {
        self.pages += 1;
        self.lines += page.lines;
        self.words += page.words;
        self.calibration += page.calibration.unwrap_or_default();
        self.ngrams.add_page(page.ngrams);
        self.word_f1_sum += page.word_f1;
    }

    fn figures(&self) -> Figures {
        Figures {
            line_precision: self.lines.precision(),
            line_recall: self.lines.recall(),
            line_f1: self.lines.f1(),
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
    sources: BTreeMap<String, SourceTally>,
}

impl Tally {
    /// Counts one page of a source.
    pub fn add_page(&mut self, source: &str, page: &PageResult) {
        match self.sources.get_mut(source) {
            Some(tally) => tally.add_page(page),
            None => {
                let tally = self.sources.entry(source.to_owned()).or_default();
                tally.add_page(page);
            }
        }
    }

    /// The figures so far, under the cleaner's name.
    pub fn table(&self, name: &str) -> Table {
        let sources: Vec<SourceFigures> = self
            .sources
            .iter()
            .map(|(source, tally)| SourceFigures {
                source: source.clone(),
                pages: tally.pages,
                figures: tally.figures(),
            })
            .collect();
        let large = sources.iter().filter(|row| row.pages >= MEAN20_PAGES);
        let mean20 = Figures::mean(large.map(|row| &row.figures));
        Table {
            name: name.to_owned(),
            mean: Figures::mean(sources.iter().map(|row| &row.figures)),
            mean20,
            sources,
        }
    }
}

const HEAD: [&str; 13] = [
    "source", "pages", "line P", "line R", "line F1", "wtd P", "wtd R", "wtd F1", "cal err",
    "4gram P", "4gram R", "4gram F1", "word F1",
];

impl Table {
    /// The table as text for people: the cleaner's name, a head, a row a source, the means;
    /// columns aligned, four decimals, `-` for what is missing, every line ended by LF.
    ///
    /// "word P, R, F1" are the line figures weighted by words, "cal err" the calibration
    /// error, "word F1" is `word_f1`. Control characters in names show as U+FFFD.
    pub fn to_text(&self) -> String {
        let mut rows = vec![HEAD.map(str::to_owned)];
        for row in &self.sources {
            rows.push(cells(&row.source, Some(row.pages), &row.figures));
        }
        let means = [("mean", &self.mean), ("mean20", &self.mean20)];
        for (name, figures) in means {
            if let Some(figures) = figures {
                rows.push(cells(name, None, figures));
            }
        }
        let mut widths = [0; HEAD.len()];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = visible(&self.name);
        text.push('\n');
        for row in &rows {
            let _ = write!(text, "{:<width$}", row[0], width = widths[0]);
            for (cell, width) in row.iter().zip(widths).skip(1) {
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
        let tables: Vec<String> = self.tables.iter().map(Table::to_text).collect();
        tables.join("\n")
    }
}

fn cells(name: &str, pages: Option<u64>, figures: &Figures) -> [String; HEAD.len()] {
    let decimals = |figure: f64| format!("{figure:.4}");
    [
        visible(name),
        pages.map_or_else(String::new, |pages| pages.to_string()),
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

fn visible(name: &str) -> String {
    name.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(true_positive: u64, false_positive: u64, false_negative: u64) -> Counts {
        Counts {
            true_positive,
            false_positive,
            false_negative,
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
    fn a_source_is_micro_over_lines_and_macro_over_pages() {
        let mut tally = Tally::default();
        tally.add_page("a", &page(counts(9, 1, 0), counts(1, 1, 0), 0.5));
        tally.add_page("a", &page(counts(0, 2, 3), counts(1, 0, 3), 0.25));
        let figures = tally.table("x").sources[0].figures;
        assert_eq!(figures.line_precision, 9.0 / 12.0);
        assert_eq!(figures.line_recall, 9.0 / 12.0);
        assert_eq!(figures.ngram_precision, (0.5 + 1.0) / 2.0);
        assert_eq!(figures.ngram_recall, (1.0 + 0.25) / 2.0);
        assert_eq!(figures.word_f1, 0.375);
        assert_eq!(figures.calibration_error, None);
    }

    #[test]
    fn means_are_plain_means_over_sources() {
        let mut tally = Tally::default();
        for pages in [("big", 20, 1.0), ("middle", 19, 0.5), ("small", 1, 0.0)] {
            for _ in 0..pages.1 {
                tally.add_page(pages.0, &page(counts(1, 0, 0), counts(1, 0, 0), pages.2));
            }
        }
        let table = tally.table("x");
        assert_eq!(table.mean.unwrap().word_f1, 0.5);
        assert_eq!(table.mean20.unwrap().word_f1, 1.0);
        let names: Vec<&str> = table.sources.iter().map(|row| &*row.source).collect();
        assert_eq!(names, ["big", "middle", "small"]);
    }

    #[test]
    fn a_mean_skips_sources_without_likelihoods() {
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
    fn a_table_is_aligned_and_shows_no_control_characters() {
        let mut tally = Tally::default();
        tally.add_page("wells", &page(counts(3, 1, 3), counts(1, 0, 0), 1.0));
        tally.add_page(
            "한국\u{1b}[2J",
            &page(counts(1, 0, 0), counts(1, 0, 0), 1.0),
        );
        let text = tally.table("ours").to_text();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("ours"));
        let widths: Vec<usize> = lines.map(|line| line.chars().count()).collect();
        assert_eq!(widths.len(), 4);
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
        assert!(text.contains("0.7500  0.5000   0.6000"), "{text}");
        assert!(!text.contains('\u{1b}'));
        assert!(!text.contains("mean20"));
    }

    #[test]
    fn json_has_flat_rows_and_reads_back() {
        let mut tally = Tally::default();
        tally.add_page("wells", &page(counts(3, 1, 3), counts(1, 0, 0), 0.3));
        let evaluation = Evaluation {
            pages: 1,
            include_headlines: false,
            tables: vec![tally.table("ours")],
        };
        let json = serde_json::to_string(&evaluation).unwrap();
        assert!(json.contains(r#""source":"wells","pages":1,"line_precision":0.75"#));
        assert!(json.contains(r#""calibration_error":null"#));
        assert!(json.contains(r#""mean20":null"#));
        let back: Evaluation = serde_json::from_str(&json).unwrap();
        assert_eq!(back, evaluation);
    }
}
