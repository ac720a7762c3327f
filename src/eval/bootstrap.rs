//! Pages' counts in, how far the F1s over them would move with other pages like these out.
//!
//! The bootstrap of Efron 1979: a row's pages are drawn anew from the row, with replacement,
//! as many as it has, [`RESAMPLES`] times; the figures of these sets spread as the figure
//! itself would over samples of that size. Draws depend on the row's name and number of pages
//! alone, so two cleaners are compared over the same draws, and a row's interval does not
//! depend on the rows beside it.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::metrics::{Counts, NgramMean};

/// How often pages are drawn anew.
pub const RESAMPLES: usize = 1000;

/// Figures left out at each end of an interval; the 95 % between them stay.
const OUTSIDE: usize = RESAMPLES / 40;

/// Where the generator starts; with a row's name it gives the row's draws.
const SEED: u64 = 0x6465_6368_6166_6600;

/// Something of each of the F1s that pages are drawn anew for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct F1s<T> {
    /// Of body lines: [`super::Figures::line_f1`].
    pub line_f1: T,
    /// Of 4-grams: [`super::Figures::ngram_f1`].
    pub ngram_f1: T,
    /// Of words: [`super::Figures::word_f1`].
    pub word_f1: T,
}

impl<T> F1s<T> {
    /// The same of each.
    pub fn each<U>(&self, of: impl Fn(&T) -> U) -> F1s<U> {
        F1s {
            line_f1: of(&self.line_f1),
            ngram_f1: of(&self.ngram_f1),
            word_f1: of(&self.word_f1),
        }
    }
}

impl F1s<f64> {
    /// How much higher these are than others.
    pub fn less(&self, other: &F1s<f64>) -> F1s<f64> {
        F1s {
            line_f1: self.line_f1 - other.line_f1,
            ngram_f1: self.ngram_f1 - other.ngram_f1,
            word_f1: self.word_f1 - other.word_f1,
        }
    }
}

impl AddAssign for F1s<f64> {
    fn add_assign(&mut self, other: F1s<f64>) {
        self.line_f1 += other.line_f1;
        self.ngram_f1 += other.ngram_f1;
        self.word_f1 += other.word_f1;
    }
}

/// What the F1s of a set of pages are made of; adds up over pages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct F1Sums {
    /// Decisions against labels, each line once.
    pub lines: Counts,
    /// n-grams against the gold's.
    pub ngrams: NgramMean,
    /// The sum of the pages' F1s of words.
    pub word_f1_sum: f64,
    /// Pages.
    pub pages: u64,
}

impl F1Sums {
    /// Of one page: its lines, its n-grams, its F1 of words.
    pub fn of_page(lines: Counts, ngrams: Counts, word_f1: f64) -> Self {
        let mut mean = NgramMean::default();
        mean.add_page(ngrams);
        F1Sums {
            lines,
            ngrams: mean,
            word_f1_sum: word_f1,
            pages: 1,
        }
    }

    /// The F1s over the pages, each from 0 to 1; there is at least one page.
    pub fn f1s(&self) -> F1s<f64> {
        F1s {
            line_f1: self.lines.f1(),
            ngram_f1: self.ngrams.f1(),
            word_f1: self.word_f1_sum / self.pages as f64,
        }
    }
}

impl AddAssign for F1Sums {
    fn add_assign(&mut self, other: F1Sums) {
        self.lines += other.lines;
        self.ngrams += other.ngrams;
        self.word_f1_sum += other.word_f1_sum;
        self.pages += other.pages;
    }
}

/// The middle 95 % of the [`RESAMPLES`] figures of pages drawn anew, ends included: a
/// percentile interval. In the figure's unit, so from 0 to 1, or -1 to 1 for a difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end; `low <= high`.
    pub high: f64,
}

impl Interval {
    /// Of one figure for each of [`RESAMPLES`], in any order.
    pub fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_unstable_by(f64::total_cmp);
        Interval {
            low: figures[OUTSIDE],
            high: figures[figures.len() - 1 - OUTSIDE],
        }
    }
}

/// The F1s of [`RESAMPLES`] sets of pages drawn from a row, or their means over several rows.
///
/// Sets of the same rows run parallel: the i-th drew the same pages, whatever was counted on
/// them. Default is the mean over no row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resamples {
    /// Sums over the rows; empty while there is none.
    sums: Vec<F1s<f64>>,
    rows: usize,
    /// Whether a row has pages to choose from.
    has_choice: bool,
}

impl Resamples {
    /// Draws from the pages of one row, at least one. Time is [`RESAMPLES`] times theirs.
    pub fn of_row(name: &str, pages: &[F1Sums]) -> Self {
        let mut draws = SplitMix64::of(name);
        let resample = |_| {
            let mut sums = F1Sums::default();
            for _ in pages {
                sums += pages[draws.below(pages.len())];
            }
            sums.f1s()
        };
        Resamples {
            sums: (0..RESAMPLES).map(resample).collect(),
            rows: 1,
            has_choice: pages.len() > 1,
        }
    }

    /// Takes one more row into the mean; all rows weigh alike.
    pub fn add_row(&mut self, row: &Resamples) {
        self.sums.resize(RESAMPLES, F1s::default());
        for (sum, more) in self.sums.iter_mut().zip(&row.sums) {
            *sum += *more;
        }
        self.rows += row.rows;
        self.has_choice |= row.has_choice;
    }

    /// The interval of each figure. None where nothing can be said: without rows, and where
    /// every row is one page, which can only be drawn again.
    ///
    /// In a mean such rows count as if their figures were certain, so that a mean over many
    /// rows of one page has too narrow an interval.
    pub fn intervals(&self) -> Option<F1s<Interval>> {
        self.intervals_of((0..self.sums.len()).map(|at| self.mean(at)))
    }

    /// The interval of how much higher each figure is than in `other`, which is of the same
    /// rows; None where [`Resamples::intervals`] is.
    pub fn intervals_less(&self, other: &Resamples) -> Option<F1s<Interval>> {
        self.intervals_of((0..self.sums.len()).map(|at| self.mean(at).less(&other.mean(at))))
    }

    fn intervals_of(&self, all: impl Iterator<Item = F1s<f64>>) -> Option<F1s<Interval>> {
        self.has_choice.then(|| {
            let mut columns: F1s<Vec<f64>> = F1s::default();
            for f1s in all {
                columns.line_f1.push(f1s.line_f1);
                columns.ngram_f1.push(f1s.ngram_f1);
                columns.word_f1.push(f1s.word_f1);
            }
            columns.each(|figures| Interval::of(figures.clone()))
        })
    }

    fn mean(&self, at: usize) -> F1s<f64> {
        self.sums[at].each(|sum| sum / self.rows as f64)
    }
}

/// The generator of Steele 2014: small, and the same numbers everywhere.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// Draws that depend on the name alone.
    pub fn of(name: &str) -> Self {
        SplitMix64(xxh3_64_with_seed(name.as_bytes(), SEED))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end - 1`, each as likely but for 1 in 2^64 / `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(true_positive: u64, false_positive: u64, word_f1: f64) -> F1Sums {
        let counts = Counts {
            true_positive,
            false_positive,
            ..Counts::default()
        };
        let mut ngrams = NgramMean::default();
        ngrams.add_page(counts);
        F1Sums {
            lines: counts,
            ngrams,
            word_f1_sum: word_f1,
            pages: 1,
        }
    }

    /// Pages with a word F1 of 0 and 1 in turn, and lines that go with it.
    fn mixed(pages: usize) -> Vec<F1Sums> {
        let page = |at: usize| page(1, (at % 2) as u64, 1.0 - (at % 2) as f64);
        (0..pages).map(page).collect()
    }

    #[test]
    fn the_generator_gives_the_published_numbers() {
        let mut draws = SplitMix64(0);
        let first = [draws.next(), draws.next(), draws.next()];
        let published = [
            0xe220_a839_7b1d_cdaf,
            0x6e78_9e6a_a1b9_65f4,
            0x06c4_5d18_8009_454f,
        ];
        assert_eq!(first, published);
    }

    #[test]
    fn draws_reach_every_page_about_as_often() {
        let mut draws = SplitMix64(SEED);
        let mut drawn = [0; 7];
        for _ in 0..7000 {
            drawn[draws.below(7)] += 1;
        }
        assert!(drawn.iter().all(|n| (850..1150).contains(n)), "{drawn:?}");
    }

    #[test]
    fn an_interval_leaves_out_25_figures_at_each_end() {
        let figures = (0..RESAMPLES).rev().map(|figure| figure as f64);
        let interval = Interval::of(figures.collect());
        assert_eq!((interval.low, interval.high), (25.0, 974.0));
    }

    #[test]
    fn equal_pages_have_an_interval_without_width() {
        let pages = [page(3, 1, 0.3); 9];
        let mut mean = Resamples::of_row("a", &pages);
        mean.add_row(&Resamples::of_row("b", &[page(1, 2, 0.7); 4]));
        for resamples in [Resamples::of_row("a", &pages), mean] {
            let intervals = resamples.intervals().unwrap();
            assert!(resamples.sums.iter().all(|sum| *sum == resamples.sums[0]));
            let widths = intervals.each(|interval| interval.high - interval.low);
            assert_eq!(widths, F1s::default());
        }
    }

    #[test]
    fn one_page_has_no_interval() {
        let one = Resamples::of_row("a", &mixed(1));
        assert_eq!(one.intervals(), None);
        assert_eq!(Resamples::default().intervals(), None);
        let mut mean = Resamples::default();
        mean.add_row(&one);
        assert_eq!(mean.intervals(), None);
        mean.add_row(&Resamples::of_row("b", &mixed(2)));
        assert!(mean.intervals().is_some());
    }

    #[test]
    fn an_interval_is_as_wide_as_the_binomial_one() {
        for pages in [100, 400] {
            let intervals = Resamples::of_row("a", &mixed(pages)).intervals().unwrap();
            let half_width = 1.96 * 0.5 / (pages as f64).sqrt();
            let Interval { low, high } = intervals.word_f1;
            assert!((low - (0.5 - half_width)).abs() < 0.015, "{low}");
            assert!((high - (0.5 + half_width)).abs() < 0.015, "{high}");
        }
    }

    #[test]
    fn a_mean_over_rows_draws_inside_each() {
        let [a, b] = ["a", "b"].map(|name| Resamples::of_row(name, &mixed(100)));
        let mut mean = Resamples::default();
        mean.add_row(&a);
        mean.add_row(&b);
        assert_eq!(
            mean.mean(7).word_f1,
            (a.mean(7).word_f1 + b.mean(7).word_f1) / 2.0
        );
        let width = |resamples: &Resamples| {
            let interval = resamples.intervals().unwrap().word_f1;
            interval.high - interval.low
        };
        // Two independent rows: narrower by the root of 2.
        let ratio = width(&a) / width(&mean);
        assert!((1.25..1.6).contains(&ratio), "{ratio}");
    }

    #[test]
    fn nothing_differs_from_itself() {
        let resamples = Resamples::of_row("a", &mixed(30));
        let zero = Interval {
            low: 0.0,
            high: 0.0,
        };
        let expected = F1s {
            line_f1: zero,
            ngram_f1: zero,
            word_f1: zero,
        };
        assert_eq!(resamples.intervals_less(&resamples), Some(expected));
    }

    #[test]
    fn differences_are_taken_over_the_same_draws() {
        let worse: Vec<F1Sums> = mixed(50)
            .into_iter()
            .map(|mut page| {
                page.word_f1_sum -= 0.25;
                page
            })
            .collect();
        let [worse, better] = [worse, mixed(50)].map(|pages| Resamples::of_row("a", &pages));
        let interval = worse.intervals_less(&better).unwrap().word_f1;
        assert!((interval.low + 0.25).abs() < 1e-12, "{interval:?}");
        assert!((interval.high + 0.25).abs() < 1e-12, "{interval:?}");
    }

    #[test]
    fn the_same_pages_have_the_same_interval_again() {
        let [first, again] = [0; 2].map(|_| Resamples::of_row("a", &mixed(31)));
        assert_eq!(first, again);
    }
}
