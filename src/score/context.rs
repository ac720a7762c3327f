//! Later steps: the scores of all lines in, each line's codes among its neighbours out.
//!
//! The observations it rests on: running text comes in runs (boilerplate stays boilerplate
//! from one line to the next in 97 % of cases, content stays content in 89 %); a short line
//! between two paragraphs belongs to them, one between two menu entries does not (Pomikálek
//! 2011); the best run of the page is mostly its body (Finn 2001); what stands before the
//! first and behind the last sure paragraph is mostly furniture.

use super::codes::{count, distance, fraction, likelihood, logit, share};
use super::features::Asked;
use super::forest::Columns;
use super::lexical::SPEAKS_OF;
use super::line;
use super::{KINDS, PageFacts};
use crate::repeats::Rule;

/// A line at or below this likelihood, with [`SURE_WORDS`], is a sure paragraph.
const SURE_LIKELIHOOD: f32 = 0.25;
/// Least words of a sure paragraph.
const SURE_WORDS: u32 = 10;
/// Least words of a line that is not short.
const LONG_WORDS: u32 = 8;
/// One in sums of likelihoods, which are whole numbers so that their order means nothing.
pub(super) const ONE: i64 = 1 << 12;
/// Log-odds are cut off here.
const MAX_LOG_ODDS: f32 = 8.0;
/// Lines before and behind of which it is asked whether the site says them again.
const SITE_RADIUS: usize = 3;

/// Lines beyond the page's edges that a window reaches at most.
const EDGE: usize = 20;

/// Sums of the lines before each line, so that any window costs two lookups; [`EDGE`] lines
/// beyond either edge of the page are summed up with them.
#[derive(Debug, Default)]
pub(super) struct Sums(Vec<i64>);

impl Sums {
    /// Sums up the values of the page's lines; those beyond its edges are `missing` each.
    pub(super) fn fill(&mut self, missing: i64, values: impl Iterator<Item = i64>) {
        let beyond = || std::iter::repeat_n(missing, EDGE);
        let mut sum = -missing * EDGE as i64;
        self.0.clear();
        self.0.push(sum);
        self.0
            .extend(beyond().chain(values).chain(beyond()).map(|value| {
                sum += value;
                sum
            }));
    }

    #[inline]
    pub(super) fn of(&self, from: usize, to: usize) -> i64 {
        self.0[to + EDGE] - self.0[from + EDGE]
    }

    /// Mean, in parts of [`ONE`], of the lines `from` to before `to`, counted from `line`.
    #[inline]
    fn mean(&self, line: usize, from: isize, to: isize) -> f32 {
        let at = |offset: isize| self.0[(line + EDGE).wrapping_add_signed(offset)];
        (at(to) - at(from)) as f32 / ONE as f32 / (to - from) as f32
    }

    /// Mean over the lines up to `radius` away, the line itself with them.
    #[inline]
    pub(super) fn around(&self, line: usize, radius: isize) -> f32 {
        self.mean(line, -radius, radius + 1)
    }

    pub(super) fn all(&self) -> i64 {
        let end = self.0.len().checked_sub(EDGE + 1);
        end.map_or(0, |end| self.0[end])
    }
}

/// A page's scores so far, summed up. Kept from page to page for its memory.
#[derive(Debug, Default)]
pub(super) struct Neighbourhood {
    pub(super) log_odds: Vec<f32>,
    words_say: Vec<f32>,
    /// What words before say of the lines behind them, and words behind of those before:
    /// carried along, fading.
    said_before: Vec<f32>,
    said_behind: Vec<f32>,
    loudest_before: Vec<f32>,
    loudest_behind: Vec<f32>,
    likelihoods: Vec<f32>,
    chaff: Sums,
    comments: Sums,
    comment_words: Sums,
    words_say_comment: Sums,
    log_odds_sums: Sums,
    words_say_sums: Sums,
    pub(super) words: Sums,
    pub(super) body_words: Sums,
    stops: Sums,
    site_lines: Sums,
    /// How far the lengths of a line and the next lie apart.
    steps: Sums,
    /// The long line before a line, and that behind it; page edges are long.
    long_before: Vec<usize>,
    long_behind: Vec<usize>,
    /// The sure paragraph at or before a line, and at or behind it; the line count is none.
    sure_before: Vec<usize>,
    sure_behind: Vec<usize>,
    best_runs: [std::ops::Range<usize>; 2],
}

/// Takes in the features of a page one by one.
pub(super) trait Sink {
    /// A feature's name, and its code for each line.
    fn feature(&mut self, name: &'static str, code: impl Fn(usize) -> u8);
}

/// Fills the columns of features that are asked about; others keep what they held.
pub(super) struct Fill<'c> {
    columns: &'c mut Columns,
    asked: &'c Asked,
    next: usize,
}

impl<'c> Fill<'c> {
    pub(super) fn new(columns: &'c mut Columns, asked: &'c Asked, from: usize) -> Self {
        Fill {
            columns,
            asked,
            next: from,
        }
    }
}

impl Sink for Fill<'_> {
    #[inline]
    fn feature(&mut self, _: &'static str, code: impl Fn(usize) -> u8) {
        if self.asked.has(self.next) {
            self.columns.fill(self.next, code);
        }
        self.next += 1;
    }
}

/// Takes in the names of features.
#[derive(Debug, Default)]
pub(super) struct Names(pub(super) Vec<&'static str>);

impl Sink for Names {
    fn feature(&mut self, name: &'static str, _: impl Fn(usize) -> u8) {
        self.0.push(name);
    }
}

impl Neighbourhood {
    /// Sums up the page from the log-odds of each line so far and what its words say; what is
    /// said of comments, if that is asked for.
    ///
    /// Linear time; about 130 bytes a line.
    pub(super) fn sum_up(
        &mut self,
        facts: &PageFacts<'_>,
        log_odds: &[Vec<f32>; KINDS],
        words_say: [&[f32]; SPEAKS_OF],
        comments_are_asked: bool,
    ) {
        let [log_odds, comment, _] = log_odds;
        let lines = log_odds.len();
        let shapes = &facts.evidence.shapes;
        let cut = |log_odds: f32| log_odds.clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS);
        self.log_odds.clear();
        self.log_odds
            .extend(log_odds.iter().map(|&value| cut(value)));
        self.words_say.clear();
        let [itself, of_behind, of_before, of_comment] = words_say;
        self.words_say
            .extend(itself.iter().map(|&value| cut(value)));
        carry(
            of_behind.iter(),
            &mut self.said_before,
            &mut self.loudest_before,
        );
        carry(
            of_before.iter().rev(),
            &mut self.said_behind,
            &mut self.loudest_behind,
        );
        self.said_behind.reverse();
        self.loudest_behind.reverse();
        self.likelihoods.clear();
        self.likelihoods
            .extend(self.log_odds.iter().map(|&value| likelihood(value)));
        let whole = |value: f32| (value * ONE as f32) as i64;
        self.chaff
            .fill(ONE, self.likelihoods.iter().map(|&value| whole(value)));
        self.log_odds_sums
            .fill(3 * ONE, self.log_odds.iter().map(|&value| whole(value)));
        self.words_say_sums
            .fill(0, self.words_say.iter().map(|&value| whole(value)));
        if comments_are_asked {
            self.comments
                .fill(0, comment.iter().map(|&value| whole(likelihood(value))));
            self.words_say_comment
                .fill(0, of_comment.iter().map(|&value| whole(likelihood(value))));
            let comments = &self.comments;
            let words = shapes.iter().enumerate();
            let comment_words =
                words.map(|(line, shape)| i64::from(shape.words) * comments.of(line, line + 1));
            self.comment_words.fill(0, comment_words);
        }
        self.words
            .fill(0, shapes.iter().map(|shape| i64::from(shape.words)));
        let body = shapes.iter().zip(&self.likelihoods);
        self.body_words.fill(
            0,
            body.map(|(shape, &likelihood)| i64::from(shape.words) * (ONE - whole(likelihood))),
        );
        let is_stop = |last| matches!(last, crate::shape::CharClass::Stop);
        self.stops
            .fill(0, shapes.iter().map(|shape| i64::from(is_stop(shape.last))));
        let corpus = &facts.evidence.corpus;
        let on_site = |line| corpus.site_pages > 1 && corpus.line_pages(line) > 1;
        self.site_lines
            .fill(0, (0..lines).map(|line| i64::from(on_site(line))));

        let length = |line: usize| i64::from(count(shapes[line].words));
        let steps =
            (0..lines.saturating_sub(1)).map(|line| (length(line) - length(line + 1)).abs());
        self.steps.fill(0, steps);
        self.long_before.clear();
        self.long_behind.clear();
        self.long_behind.resize(lines, lines);
        let is_long = |line: usize| shapes[line].words >= LONG_WORDS;
        let mut long = 0;
        for line in 0..lines {
            self.long_before.push(long);
            if is_long(line) {
                long = line;
            }
        }
        let mut long = lines;
        for line in (0..lines).rev() {
            self.long_behind[line] = long;
            if is_long(line) {
                long = line;
            }
        }

        self.sure_before.clear();
        self.sure_behind.clear();
        self.sure_behind.resize(lines, lines);
        let mut runs = [BestRun::default(), BestRun::default()];
        let mut sure = lines;
        for (line, shape) in shapes.iter().enumerate() {
            let likelihood = self.likelihoods[line];
            if likelihood <= SURE_LIKELIHOOD && shape.words >= SURE_WORDS {
                sure = line;
            }
            self.sure_before.push(sure);
            let words = shape.words.max(1) as f32;
            runs[0].add(line, whole(words * (0.5 - likelihood)));
            runs[1].add(
                line,
                whole(words.sqrt() * (-self.log_odds[line]).clamp(-3.0, 3.0)),
            );
        }
        let mut sure = lines;
        for line in (0..lines).rev() {
            if self.sure_before[line] == line {
                sure = line;
            }
            self.sure_behind[line] = sure;
        }
        self.best_runs = runs.map(|run| run.best);
    }

    /// Log-odds of a neighbour; beyond the page's edges stands sure boilerplate.
    #[inline]
    fn neighbour(values: &[f32], line: usize, offset: isize) -> u8 {
        let value = line
            .checked_add_signed(offset)
            .and_then(|line| values.get(line));
        value.map_or(255, |&value| logit(value).min(254))
    }

    /// Gives the features of a page's lines to `sink`.
    pub(super) fn features(&self, facts: &PageFacts<'_>, sink: &mut impl Sink) {
        let lines = self.log_odds.len();
        let shapes = &facts.evidence.shapes;
        let corpus = &facts.evidence.corpus;
        let repeats = facts.repeats;
        let log_odds = &self.log_odds[..];
        let words_say = &self.words_say[..];
        let clip = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let whole = |sum: i64| u32::try_from(sum / ONE).unwrap_or(u32::MAX);

        sink.feature("the line so far", |line| logit(log_odds[line]));
        sink.feature("line before", |line| Self::neighbour(log_odds, line, -1));
        sink.feature("line behind", |line| Self::neighbour(log_odds, line, 1));
        sink.feature("second line before", |line| {
            Self::neighbour(log_odds, line, -2)
        });
        sink.feature("second line behind", |line| {
            Self::neighbour(log_odds, line, 2)
        });
        sink.feature("third line before", |line| {
            Self::neighbour(log_odds, line, -3)
        });
        sink.feature("third line behind", |line| {
            Self::neighbour(log_odds, line, 3)
        });
        sink.feature("what the words before say", |line| {
            Self::neighbour(words_say, line, -1)
        });
        sink.feature("what the words behind say", |line| {
            Self::neighbour(words_say, line, 1)
        });
        let length = |line: usize, offset: isize| {
            let line = line.checked_add_signed(offset);
            let shape = line.and_then(|line| shapes.get(line));
            shape.map_or(0, |shape| count(shape.words))
        };
        sink.feature("length of the line before", |line| length(line, -1));
        sink.feature("length of the line behind", |line| length(line, 1));

        let ending = |line: usize, offset: isize| {
            let line = line.checked_add_signed(offset);
            let shape = line.and_then(|line| shapes.get(line));
            shape.map_or(255, |shape| line::class_code(shape.last))
        };
        sink.feature("ending of the line before", |line| ending(line, -1));
        sink.feature("ending of the line behind", |line| ending(line, 1));
        sink.feature("short lines before", |line| {
            count(clip(line - self.long_before[line]))
        });
        sink.feature("short lines behind", |line| {
            count(clip(self.long_behind[line] - line))
        });
        let uneven = |line: usize, radius: usize| {
            let (from, to) = (line.saturating_sub(radius), (line + radius).min(lines - 1));
            let steps = (to - from).max(1) as f32;
            fraction(self.steps.of(from, to) as f32 / (steps * 96.0))
        };
        sink.feature("lengths of 7 lines", |line| uneven(line, 3));
        sink.feature("lengths of 17 lines", |line| uneven(line, 8));

        let chaff = |line: usize, from: isize, to: isize| fraction(self.chaff.mean(line, from, to));
        sink.feature("three lines before", |line| chaff(line, -3, 0));
        sink.feature("three lines behind", |line| chaff(line, 1, 4));
        sink.feature("eight lines before", |line| chaff(line, -8, 0));
        sink.feature("eight lines behind", |line| chaff(line, 1, 9));
        sink.feature("20 lines before", |line| chaff(line, -20, 0));
        sink.feature("20 lines behind", |line| chaff(line, 1, 21));
        sink.feature("7 lines around", |line| chaff(line, -3, 4));
        sink.feature("17 lines around", |line| chaff(line, -8, 9));
        sink.feature("41 lines around", |line| chaff(line, -20, 21));
        for (name, radius) in [("log-odds of 7 lines", 3), ("log-odds of 17 lines", 8)] {
            sink.feature(name, |line| logit(self.log_odds_sums.around(line, radius)));
        }
        for (name, radius) in [
            ("what the words of 7 lines say", 3),
            ("what the words of 17 lines say", 8),
        ] {
            sink.feature(name, |line| logit(self.words_say_sums.around(line, radius)));
        }
        sink.feature("said before of lines behind", |line| {
            logit(self.said_before[line])
        });
        sink.feature("said behind of lines before", |line| {
            logit(self.said_behind[line])
        });
        sink.feature("loudest before", |line| logit(self.loudest_before[line]));
        sink.feature("loudest behind", |line| logit(self.loudest_behind[line]));
        sink.feature("comment so far", |line| {
            fraction(self.comments.of(line, line + 1) as f32 / ONE as f32)
        });
        let comments =
            |line: usize, from: isize, to: isize| fraction(self.comments.mean(line, from, to));
        sink.feature("comments of 7 lines", |line| comments(line, -3, 4));
        sink.feature("comments of 17 lines", |line| comments(line, -8, 9));
        sink.feature("comments of 20 lines before", |line| comments(line, -20, 0));
        sink.feature("comments of 20 lines behind", |line| comments(line, 1, 21));
        for (name, radius) in [
            ("what the words of 7 lines say of comments", 3),
            ("what the words of 17 lines say of comments", 8),
        ] {
            sink.feature(name, |line| {
                fraction(self.words_say_comment.around(line, radius))
            });
        }
        let page = self.comment_words.all() as f32 / (self.words.all().max(1) as f32 * ONE as f32);
        sink.feature("comments of the page", |_| fraction(page));
        let body_share = |line: usize, radius: usize| {
            let (from, to) = (line.saturating_sub(radius), (line + radius + 1).min(lines));
            let words = self.words.of(from, to).max(1) as f32;
            fraction(self.body_words.of(from, to) as f32 / (words * ONE as f32))
        };
        sink.feature("body words of 9 lines", |line| body_share(line, 4));
        sink.feature("body words of 33 lines", |line| body_share(line, 16));
        sink.feature("stops of 17 lines", |line| {
            let (from, to) = (line.saturating_sub(8), (line + 9).min(lines));
            share(self.stops.of(from, to) as u32, clip(to - from))
        });

        let runs = [
            ("best run", "words of the best run"),
            ("best run by log-odds", "words of the best run by log-odds"),
        ];
        for ((name, words_name), run) in runs.into_iter().zip(&self.best_runs) {
            sink.feature(name, |line| {
                let far = if line < run.start {
                    line as i64 - run.start as i64
                } else {
                    (line as i64 - run.end as i64 + 1).max(0)
                };
                distance(far)
            });
            let all = self.body_words.all().max(1) as f32;
            let inside = self.body_words.of(run.start, run.end) as f32;
            sink.feature(words_name, |_| fraction(inside / all));
        }
        let all_body = self.body_words.all().max(1) as f32;
        sink.feature("body words before", |line| {
            fraction(self.body_words.of(0, line) as f32 / all_body)
        });
        sink.feature("body words behind, counted", |line| {
            count(whole(self.body_words.of(line + 1, lines)))
        });
        sink.feature("body words before, counted", |line| {
            count(whole(self.body_words.of(0, line)))
        });
        let before = |line: usize| match line.checked_sub(1).map(|line| self.sure_before[line]) {
            Some(sure) if sure < lines => line - sure,
            _ => usize::MAX,
        };
        let behind = |line: usize| match self.sure_behind.get(line + 1) {
            Some(&sure) if sure < lines => sure - line,
            _ => usize::MAX,
        };
        sink.feature("sure paragraph before", |line| count(clip(before(line))));
        sink.feature("sure paragraph behind", |line| count(clip(behind(line))));
        sink.feature("gap between sure paragraphs", |line| {
            count(clip(before(line).saturating_add(behind(line))))
        });
        let first = self.sure_behind.first().copied().unwrap_or(lines);
        let last = self.sure_before.last().copied().unwrap_or(lines);
        let place = |line: usize, sure: usize| match sure {
            sure if sure < lines => distance(line as i64 - sure as i64),
            _ => 0,
        };
        sink.feature("behind the first sure paragraph", |line| place(line, first));
        sink.feature("behind the last sure paragraph", |line| place(line, last));

        let mean = |sums: &Sums| sums.all() as f32 / ONE as f32 / lines.max(1) as f32;
        let page = logit(mean(&self.log_odds_sums));
        sink.feature("log-odds of the page", |_| page);
        let page = logit(mean(&self.words_say_sums));
        sink.feature("what the words of the page say", |_| page);
        let page = fraction(mean(&self.chaff));
        sink.feature("page as a whole", |_| page);
        let page = count(whole(self.body_words.all()));
        sink.feature("body words of the page", |_| page);
        let page = count(u32::try_from(self.words.all()).unwrap_or(u32::MAX));
        sink.feature("length of the page", |_| page);
        let page = count(clip(lines));
        sink.feature("lines of the page", |_| page);
        let page = share(self.stops.all() as u32, clip(lines));
        sink.feature("stops of the page", |_| page);
        sink.feature("place from the top", |line| count(clip(line)));
        sink.feature("place from the end", |line| count(clip(lines - 1 - line)));
        sink.feature("place on the page", |line| share(clip(line), clip(lines)));

        let shingles = &facts.evidence.shingles;
        sink.feature("copies on the page", |line| count(shingles.copies(line)));
        sink.feature("rule of its copy", |line| match repeats.copied_by(line) {
            None => 0,
            Some(Rule::Headline) => 1,
            Some(Rule::Caption) => 2,
            Some(Rule::DoubledPage) => 3,
        });

        let site_pages = corpus.site_pages;
        let site_share = |pages: u32| match site_pages {
            0 | 1 => 0,
            _ => share(pages.max(1), site_pages).max(1),
        };
        sink.feature("pages of its site", |_| {
            if site_pages < 2 { 0 } else { count(site_pages) }
        });
        sink.feature("pages that hold it", |line| {
            if site_pages < 2 {
                0
            } else {
                count(corpus.line_pages(line).max(1))
            }
        });
        sink.feature("share of pages that hold it", |line| match site_pages {
            0 | 1 => 0,
            _ => site_share(corpus.line_pages(line)),
        });
        sink.feature(
            "pages that hold it with a neighbour",
            |line| match site_pages {
                0 | 1 => 0,
                _ => {
                    let before = line
                        .checked_sub(1)
                        .map_or(0, |line| corpus.pair_pages(line));
                    count(before.max(corpus.pair_pages(line)).max(1))
                }
            },
        );
        sink.feature("site's lines around", |line| {
            let from = line.saturating_sub(SITE_RADIUS);
            let to = (line + SITE_RADIUS + 1).min(lines);
            if site_pages < 2 {
                0
            } else {
                1 + self.site_lines.of(from, to) as u8
            }
        });
    }
}

/// For each line what those before it say: their fading mean, and the loudest, fading too.
pub(super) fn carry<'s>(
    said: impl Iterator<Item = &'s f32>,
    mean: &mut Vec<f32>,
    loudest: &mut Vec<f32>,
) {
    const FADES_TO: f32 = 0.8;
    const LOUDEST_FADES_TO: f32 = 0.97;
    mean.clear();
    loudest.clear();
    let (mut own_mean, mut own_loudest) = (0.0_f32, 0.0_f32);
    for &said in said {
        mean.push(own_mean);
        loudest.push(own_loudest);
        let said = said.clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS);
        own_mean = own_mean * FADES_TO + said * (1.0 - FADES_TO);
        own_loudest = (own_loudest * LOUDEST_FADES_TO).max(said);
    }
}

/// The run of lines with the largest sum (Kadane), the earliest on ties.
#[derive(Default)]
struct BestRun {
    best: std::ops::Range<usize>,
    best_sum: i64,
    start: usize,
    sum: i64,
}

impl BestRun {
    fn add(&mut self, line: usize, value: i64) {
        if self.sum <= 0 {
            self.sum = 0;
            self.start = line;
        }
        self.sum += value;
        if self.sum > self.best_sum {
            self.best_sum = self.sum;
            self.best = self.start..line + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_reach_beyond_the_page() {
        for lines in [0, 1, 7, 50] {
            let values: Vec<i64> = (0..lines).map(|line| line * line % 97 * 31 - 500).collect();
            let mut sums = Sums::default();
            sums.fill(3 * ONE, values.iter().copied());
            assert_eq!(sums.all(), values.iter().sum::<i64>());
            for line in 0..lines as isize {
                for (from, to) in [(-20, 21), (-20, 0), (1, 21), (-3, 4), (0, 1)] {
                    let (mut inside, mut outside) = (0, 0.0);
                    for other in line + from..line + to {
                        let value = usize::try_from(other).ok().and_then(|at| values.get(at));
                        match value {
                            Some(value) => inside += value,
                            None => outside += 3.0,
                        }
                    }
                    let mean = (inside as f32 / ONE as f32 + outside) / (to - from) as f32;
                    assert_eq!(sums.mean(line as usize, from, to), mean);
                }
            }
        }
    }

    #[test]
    fn the_loudest_voice_fades() {
        let said = [0.0, 4.0, 0.0, 0.0, -9.0];
        let (mut mean, mut loudest) = (Vec::new(), Vec::new());
        carry(said.iter(), &mut mean, &mut loudest);
        assert_eq!(mean[..2], [0.0, 0.0]);
        assert!(mean[2] > mean[3] && mean[3] > mean[4]);
        assert_eq!(loudest[..3], [0.0, 0.0, 4.0]);
        assert!(loudest[4] < 4.0);
    }
}
