//! One page's labels, decisions and texts in, the counts behind every accuracy figure out.
//!
//! Pure functions. Ratios with nothing below the line, where not said: where nothing was asked
//! for and nothing was given the answer is right, 1; otherwise 0.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::gold::{GoldPage, Label};
use super::tokens::Bag;

/// Bins of the calibration error, equally wide from 0 to 1.
pub const CALIBRATION_BINS: usize = 15;

/// How an answer compares with the gold; in lines, words or grams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Kept, and body.
    pub true_positive: u64,
    /// Kept, and not body.
    pub false_positive: u64,
    /// Removed, and body.
    pub false_negative: u64,
    /// Removed, and not body. Always 0 for the members of bags.
    pub true_negative: u64,
}

impl Counts {
    /// Counts one line with a weight. A line of [`Label::Either`] counts nowhere.
    pub fn add_line(&mut self, label: Label, is_kept: bool, weight: u64) {
        match (label, is_kept) {
            (Label::Body, true) => self.true_positive += weight,
            (Label::Boilerplate, true) => self.false_positive += weight,
            (Label::Body, false) => self.false_negative += weight,
            (Label::Boilerplate, false) => self.true_negative += weight,
            (Label::Either, _) => {}
        }
    }

    /// The share of what was kept that is body, from 0 to 1.
    pub fn precision(&self) -> f64 {
        self.share(self.true_positive + self.false_positive)
    }

    /// The share of the body that was kept, from 0 to 1.
    pub fn recall(&self) -> f64 {
        self.share(self.true_positive + self.false_negative)
    }

    /// The harmonic mean of precision and recall, from 0 to 1.
    pub fn f1(&self) -> f64 {
        harmonic_mean(self.precision(), self.recall())
    }

    /// The share of what was removed that is not body, from 0 to 1; 1 where nothing was.
    pub fn removal_precision(&self) -> f64 {
        let removed = self.true_negative + self.false_negative;
        ratio(self.true_negative, removed).unwrap_or(1.0)
    }

    /// The share of what is not body that was removed, from 0 to 1; 1 where all is body.
    pub fn removal_recall(&self) -> f64 {
        let not_body = self.true_negative + self.false_positive;
        ratio(self.true_negative, not_body).unwrap_or(1.0)
    }

    /// The share of the body that was removed, from 0 to 1; 0 where there is none.
    pub fn body_lost(&self) -> f64 {
        let body = self.true_positive + self.false_negative;
        ratio(self.false_negative, body).unwrap_or(0.0)
    }

    fn share(&self, whole: u64) -> f64 {
        if self.true_positive + self.false_positive + self.false_negative == 0 {
            1.0
        } else {
            ratio(self.true_positive, whole).unwrap_or(0.0)
        }
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.true_positive += other.true_positive;
        self.false_positive += other.false_positive;
        self.false_negative += other.false_negative;
        self.true_negative += other.true_negative;
    }
}

/// F1 of a precision and a recall; 0 where both are 0.
pub fn harmonic_mean(precision: f64, recall: f64) -> f64 {
    if precision + recall == 0.0 {
        0.0
    } else {
        2.0 * precision * recall / (precision + recall)
    }
}

/// Which lines of a page count: all but those of [`Label::Either`] and, unless asked for,
/// headlines. Golds disagree whether a title is body.
pub fn counted_lines(page: &GoldPage, include_headlines: bool) -> Vec<bool> {
    let mut is_counted: Vec<bool> = page
        .labels
        .iter()
        .map(|&label| label != Label::Either)
        .collect();
    if !include_headlines {
        for &line in &page.headline {
            is_counted[line] = false;
        }
    }
    is_counted
}

/// Compares decisions with labels over the lines that count, each line with a weight: 1, or
/// its words.
///
/// # Panics
///
/// Where the slices are shorter than `labels`.
pub fn line_counts(
    labels: &[Label],
    is_counted: &[bool],
    is_kept: &[bool],
    weight: impl Fn(usize) -> u64,
) -> Counts {
    let mut counts = Counts::default();
    for (line, &label) in labels.iter().enumerate() {
        if is_counted[line] {
            counts.add_line(label, is_kept[line], weight(line));
        }
    }
    counts
}

/// Compares an output's bag with the gold's: members in both are true positives, the
/// output's others false positives, the gold's others false negatives.
pub fn bag_counts(output: &Bag, gold: &Bag) -> Counts {
    let shared = output.shared_with(gold);
    Counts {
        true_positive: shared as u64,
        false_positive: (output.len() - shared) as u64,
        false_negative: (gold.len() - shared) as u64,
        true_negative: 0,
    }
}

/// F1 of a page's words as multisets, from 0 to 1. A gold without words scores 1 for an output
/// without words, else 0.
pub fn word_f1(output: &Bag, gold: &Bag) -> f64 {
    bag_counts(output, gold).f1()
}

/// Mean n-gram precision and recall over pages, and their F1: the rule of the public
/// article-extraction benchmark (Scrapinghub 2019).
///
/// A page counts in the mean precision where its output has grams, in the mean recall where
/// its gold has; so a page emptied in error costs recall only.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NgramMean {
    precision_sum: f64,
    precision_pages: u64,
    recall_sum: f64,
    recall_pages: u64,
}

impl NgramMean {
    /// Counts one page.
    pub fn add_page(&mut self, counts: Counts) {
        if counts.true_positive + counts.false_positive > 0 {
            self.precision_sum += counts.precision();
            self.precision_pages += 1;
        }
        if counts.true_positive + counts.false_negative > 0 {
            self.recall_sum += counts.recall();
            self.recall_pages += 1;
        }
    }

    /// The mean precision, from 0 to 1.
    pub fn precision(&self) -> f64 {
        self.mean(self.precision_sum, self.precision_pages)
    }

    /// The mean recall, from 0 to 1.
    pub fn recall(&self) -> f64 {
        self.mean(self.recall_sum, self.recall_pages)
    }

    /// F1 of the mean precision and the mean recall, from 0 to 1.
    pub fn f1(&self) -> f64 {
        harmonic_mean(self.precision(), self.recall())
    }

    fn mean(&self, sum: f64, pages: u64) -> f64 {
        if self.precision_pages + self.recall_pages == 0 {
            1.0
        } else if pages == 0 {
            0.0
        } else {
            sum / pages as f64
        }
    }
}

impl AddAssign for NgramMean {
    fn add_assign(&mut self, other: NgramMean) {
        self.precision_sum += other.precision_sum;
        self.precision_pages += other.precision_pages;
        self.recall_sum += other.recall_sum;
        self.recall_pages += other.recall_pages;
    }
}

/// How far the likelihoods of boilerplate are from its frequency, over [`CALIBRATION_BINS`]
/// bins of equal width (Naeini 2015; Guo 2017).
///
/// Bin `i` holds the scores in `[i/15, (i+1)/15)`, the last one 1.0 too.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Calibration {
    bins: [Bin; CALIBRATION_BINS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    lines: u64,
    boilerplate_lines: u64,
    score_sum: f64,
}

/// How well likelihoods of boilerplate agree with its frequency, for looking at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// See [`Calibration::error`].
    pub error: f64,
    /// [`CALIBRATION_BINS`] of them, lowest scores first.
    pub bins: Vec<ReliabilityBin>,
}

/// The lines with a score in `[from, to)`; in the last bin, up to and with 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// The lowest score, from 0 to 1.
    pub from: f64,
    /// Where the next bin begins.
    pub to: f64,
    /// Lines.
    pub lines: u64,
    /// The mean of their scores, from 0 to 1; None without lines.
    pub mean_score: Option<f64>,
    /// The share of them that is boilerplate, from 0 to 1; None without lines.
    pub boilerplate_share: Option<f64>,
}

impl Calibration {
    /// Counts one line with its likelihood of boilerplate, from 0 to 1.
    pub fn add_line(&mut self, score: f32, is_boilerplate: bool) {
        let score = f64::from(score);
        let at = (score * CALIBRATION_BINS as f64) as usize;
        let bin = &mut self.bins[at.min(CALIBRATION_BINS - 1)];
        bin.lines += 1;
        bin.boilerplate_lines += u64::from(is_boilerplate);
        bin.score_sum += score;
    }

    /// The sum over the bins of |mean score - share of boilerplate|, each weighted by its
    /// share of the lines; from 0 to 1, lower is better. None without lines.
    pub fn error(&self) -> Option<f64> {
        let lines: u64 = self.bins.iter().map(|bin| bin.lines).sum();
        let gaps = self
            .bins
            .iter()
            .map(|bin| (bin.score_sum - bin.boilerplate_lines as f64).abs());
        (lines > 0).then(|| gaps.sum::<f64>() / lines as f64)
    }

    /// The bins one by one. None without lines.
    pub fn reliability(&self) -> Option<Reliability> {
        let edge = |at: usize| at as f64 / CALIBRATION_BINS as f64;
        let bins = self.bins.iter().enumerate().map(|(at, bin)| {
            let mean = |sum: f64| (bin.lines > 0).then(|| sum / bin.lines as f64);
            ReliabilityBin {
                from: edge(at),
                to: edge(at + 1),
                lines: bin.lines,
                mean_score: mean(bin.score_sum),
                boilerplate_share: mean(bin.boilerplate_lines as f64),
            }
        });
        Some(Reliability {
            error: self.error()?,
            bins: bins.collect(),
        })
    }
}

impl AddAssign for Calibration {
    fn add_assign(&mut self, other: Calibration) {
        for (bin, more) in self.bins.iter_mut().zip(other.bins) {
            bin.lines += more.lines;
            bin.boilerplate_lines += more.boilerplate_lines;
            bin.score_sum += more.score_sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::tokens::TokenIds;
    use Label::{Body, Boilerplate, Either};

    fn counts(true_positive: u64, false_positive: u64, false_negative: u64) -> Counts {
        Counts {
            true_positive,
            false_positive,
            false_negative,
            true_negative: 0,
        }
    }

    fn with_removed(true_negative: u64, counts: Counts) -> Counts {
        Counts {
            true_negative,
            ..counts
        }
    }

    #[track_caller]
    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
    }

    #[test]
    fn precision_recall_and_f1_by_hand() {
        for (counts, precision, recall, f1) in [
            (counts(3, 1, 3), 0.75, 0.5, 0.6),
            (counts(2, 0, 0), 1.0, 1.0, 1.0),
            (counts(0, 0, 0), 1.0, 1.0, 1.0),
            (counts(0, 0, 5), 0.0, 0.0, 0.0),
            (counts(0, 5, 0), 0.0, 0.0, 0.0),
            (counts(0, 1, 1), 0.0, 0.0, 0.0),
        ] {
            close(counts.precision(), precision);
            close(counts.recall(), recall);
            close(counts.f1(), f1);
            let removed = with_removed(9, counts);
            close(removed.precision(), precision);
            close(removed.recall(), recall);
        }
    }

    #[test]
    fn removal_by_hand() {
        for (counts, precision, recall, lost) in [
            (with_removed(3, counts(3, 9, 1)), 0.75, 0.25, 0.25),
            (with_removed(3, counts(0, 0, 0)), 1.0, 1.0, 0.0),
            (counts(2, 2, 0), 1.0, 0.0, 0.0),
            (counts(2, 0, 0), 1.0, 1.0, 0.0),
            (counts(0, 0, 2), 0.0, 1.0, 1.0),
            (counts(0, 2, 0), 1.0, 0.0, 0.0),
            (counts(0, 0, 0), 1.0, 1.0, 0.0),
        ] {
            close(counts.removal_precision(), precision);
            close(counts.removal_recall(), recall);
            close(counts.body_lost(), lost);
        }
    }

    const LABELS: [Label; 7] = [
        Body,
        Body,
        Body,
        Boilerplate,
        Boilerplate,
        Boilerplate,
        Either,
    ];
    const KEPT: [bool; 7] = [true, true, false, true, false, false, true];

    #[test]
    fn lines_are_counted_once_or_by_their_words() {
        let all = [true, true, true, true, true, true, false];
        let once = line_counts(&LABELS, &all, &KEPT, |_| 1);
        assert_eq!(once, with_removed(2, counts(2, 1, 1)));
        let words = [10, 4, 2, 3, 50, 60, 70];
        let weighted = line_counts(&LABELS, &all, &KEPT, |line| words[line]);
        assert_eq!(weighted, with_removed(110, counts(14, 3, 2)));
    }

    #[test]
    fn headlines_and_either_lines_are_left_out() {
        let page = GoldPage {
            id: String::new(),
            source: String::new(),
            domain: None,
            lang: None,
            tier: None,
            page_type: None,
            url: None,
            found: None,
            omitted: None,
            lines: vec![String::new(); LABELS.len()],
            labels: LABELS.to_vec(),
            headline: vec![0, 3, 6],
            gold: String::new(),
            comments: None,
            places: Vec::new(),
            structure: crate::html::Structure::default(),
        };
        let without = counted_lines(&page, false);
        assert_eq!(without, [false, true, true, false, true, true, false]);
        assert_eq!(
            line_counts(&LABELS, &without, &KEPT, |_| 1),
            with_removed(2, counts(1, 0, 1))
        );
        let with = counted_lines(&page, true);
        assert_eq!(with, [true, true, true, true, true, true, false]);
        let all_either = line_counts(&[Either], &[true], &[true], |_| 1);
        assert_eq!(all_either, counts(0, 0, 0));
    }

    fn ngrams(output: &str, gold: &str) -> Counts {
        let bag = |text| Bag::of_ngrams(&TokenIds::of(text).exact);
        bag_counts(&bag(output), &bag(gold))
    }

    #[test]
    fn ngrams_are_compared_as_multisets() {
        for (output, gold, expected) in [
            ("a b c d e", "a b c d e", counts(2, 0, 0)),
            ("a b c d e", "b c d e f", counts(1, 1, 1)),
            ("a a a a a a", "a a a a", counts(1, 2, 0)),
            ("a b c", "a b c", counts(1, 0, 0)),
            ("a b c", "a b c d", counts(0, 1, 1)),
            ("A b c d", "a b c d", counts(0, 1, 1)),
            ("", "a b c d e", counts(0, 0, 2)),
            ("a", "", counts(0, 1, 0)),
            ("", "", counts(0, 0, 0)),
        ] {
            assert_eq!(ngrams(output, gold), expected, "{output:?} {gold:?}");
        }
    }

    #[test]
    fn ngram_f1_is_of_the_mean_precision_and_the_mean_recall() {
        let mut mean = NgramMean::default();
        mean.add_page(counts(1, 1, 3));
        mean.add_page(counts(3, 1, 0));
        close(mean.precision(), (0.5 + 0.75) / 2.0);
        close(mean.recall(), (0.25 + 1.0) / 2.0);
        close(mean.f1(), 0.625);
    }

    #[test]
    fn sides_without_grams_are_left_out_of_the_means() {
        let mut mean = NgramMean::default();
        mean.add_page(counts(1, 1, 0));
        mean.add_page(counts(0, 0, 4));
        mean.add_page(counts(0, 6, 0));
        mean.add_page(counts(0, 0, 0));
        close(mean.precision(), (0.5 + 0.0) / 2.0);
        close(mean.recall(), (1.0 + 0.0) / 2.0);
        let mut all_empty = NgramMean::default();
        all_empty.add_page(counts(0, 0, 4));
        close(all_empty.f1(), 0.0);
        close(NgramMean::default().f1(), 1.0);
    }

    #[test]
    fn word_f1_by_hand() {
        let bag = |text| Bag::of_tokens(&TokenIds::of(text).folded);
        for (output, gold, expected) in [
            ("The cat sat", "the CAT sat", 1.0),
            ("the cat", "the cat sat down", 2.0 * 1.0 * 0.5 / 1.5),
            (
                "a a a b",
                "a a c",
                2.0 * 0.5 * (2.0 / 3.0) / (0.5 + 2.0 / 3.0),
            ),
            ("a", "b", 0.0),
            ("", "b", 0.0),
            ("a", "", 0.0),
            ("", "", 1.0),
            ("...", "!", 1.0),
        ] {
            close(word_f1(&bag(output), &bag(gold)), expected);
        }
    }

    #[test]
    fn calibration_error_by_hand() {
        let mut calibration = Calibration::default();
        assert_eq!(calibration.error(), None);
        for (score, is_boilerplate) in [
            (0.0, false),
            (0.0625, true),
            (0.5, true),
            (0.5, false),
            (0.53125, false),
            (1.0, true),
        ] {
            calibration.add_line(score, is_boilerplate);
        }
        let first = (0.0625_f64 / 2.0 - 0.5).abs() * 2.0 / 6.0;
        let middle = (1.53125_f64 / 3.0 - 1.0 / 3.0).abs() * 3.0 / 6.0;
        close(calibration.error().unwrap(), first + middle);
    }

    #[test]
    fn bins_are_a_fifteenth_wide_and_the_last_holds_one() {
        for (a, b, expected) in [
            (0.125, 0.0, (0.875 + 0.0) / 2.0),
            (0.0625, 0.0, (1.0 - 0.0625) / 2.0),
            (0.25, 0.21875, (1.0 - 0.46875) / 2.0),
            (0.25, 0.375, (0.75 + 0.375) / 2.0),
            (0.9375, 1.0, (1.9375 - 1.0) / 2.0),
            (0.875, 1.0, (0.125 + 1.0) / 2.0),
        ] {
            let mut calibration = Calibration::default();
            calibration.add_line(a, true);
            calibration.add_line(b, false);
            close(calibration.error().unwrap(), expected);
        }
    }

    #[test]
    fn reliability_by_hand() {
        let mut calibration = Calibration::default();
        assert_eq!(calibration.reliability(), None);
        for (score, is_boilerplate) in [(0.5, true), (0.53125, false), (1.0, true)] {
            calibration.add_line(score, is_boilerplate);
        }
        let reliability = calibration.reliability().unwrap();
        close(reliability.error, (0.03125 + 0.0) / 3.0);
        let bins = &reliability.bins;
        assert_eq!(bins.len(), CALIBRATION_BINS);
        assert!(bins.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!((bins[0].from, bins[14].to), (0.0, 1.0));
        let figures = |at: usize| {
            (
                bins[at].lines,
                bins[at].mean_score,
                bins[at].boilerplate_share,
            )
        };
        assert_eq!(figures(0), (0, None, None));
        assert_eq!(figures(7), (2, Some(0.515625), Some(0.5)));
        assert_eq!(figures(14), (1, Some(1.0), Some(1.0)));
    }

    #[test]
    fn calibrations_add_up() {
        let lines = [(0.1, false), (0.4, true), (0.45, false), (0.9, true)];
        let mut whole = Calibration::default();
        let mut halves = [Calibration::default(); 2];
        for (at, (score, is_boilerplate)) in lines.into_iter().enumerate() {
            whole.add_line(score, is_boilerplate);
            halves[at % 2].add_line(score, is_boilerplate);
        }
        let [mut sum, other] = halves;
        sum += other;
        close(sum.error().unwrap(), whole.error().unwrap());
    }
}
