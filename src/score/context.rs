//! Later steps: the scores of all lines in, each line's codes among its neighbours out.
//!
//! The observations it rests on: running text comes in runs (boilerplate stays boilerplate
//! from one line to the next in 97 % of cases, content stays content in 89 %); a short line
//! between two paragraphs belongs to them, one between two menu entries does not (Pomikálek
//! 2011); the best run of the page is mostly its body (Finn 2001); what stands before the
//! first and behind the last sure paragraph is mostly furniture.

use super::codes::{count, distance, fraction, likelihood, logit, share, whole};
use super::features::{Asked, FeatureGroup};
use super::forest::Columns;
use super::lexical::SPEAKS_OF;
use super::line;
use super::{KINDS, PageFacts};
use crate::repeats::Rule;
use crate::shape::{CharClass, LineShape};
use crate::simd::widest;

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
const SITE_RADIUS: isize = 3;

/// Lines beyond the page's edges that a window reaches at most.
const EDGE: usize = 20;
/// Lines before and behind a line that are looked at one by one.
const NEIGHBOURS: usize = 3;

/// Sums of a page's numbers before each line, so that any window costs two lookups; [`EDGE`]
/// lines beyond either edge of the page are summed up with them.
///
/// Sums wrap around: a window's is the difference of two, and fits.
#[derive(Debug, Default)]
pub(super) struct Windows {
    sums: Vec<i32>,
    /// The sum of the page's lines.
    pub(super) all: i64,
}

impl Windows {
    /// Sums up the values of the page's lines; those beyond its edges are `missing` each.
    #[inline(always)]
    pub(super) fn fill(&mut self, missing: i32, values: impl Iterator<Item = i32>) {
        let (mut sum, mut all) = (0_i32, 0_i64);
        let beyond = |sum: &mut i32| {
            *sum = sum.wrapping_add(missing);
            *sum
        };
        self.sums.clear();
        self.sums.push(sum);
        self.sums.extend((0..EDGE).map(|_| beyond(&mut sum)));
        // Values first, as many at a time as fit into a vector.
        self.sums.extend(values);
        for value in &mut self.sums[1 + EDGE..] {
            all += i64::from(*value);
            sum = sum.wrapping_add(*value);
            *value = sum;
        }
        self.sums.extend((0..EDGE).map(|_| beyond(&mut sum)));
        self.all = all;
    }

    /// For each line the sum of the lines `from` to before `to`, counted from it.
    #[inline(always)]
    fn of(&self, from: isize, to: isize) -> impl Iterator<Item = i32> {
        let lines = self.sums.len().saturating_sub(2 * EDGE + 1);
        let at = |offset: isize| {
            let from = EDGE.wrapping_add_signed(offset);
            self.sums.get(from..from + lines).unwrap_or_default()
        };
        let ends = at(to).iter().zip(at(from));
        ends.map(|(to, from)| to.wrapping_sub(*from))
    }

    /// For each line the mean, in parts of [`ONE`], of the lines `from` to before `to`.
    #[inline(always)]
    fn means(&self, from: isize, to: isize) -> impl Iterator<Item = f32> {
        let lines = (to - from) as f32;
        let sums = self.of(from, to);
        sums.map(move |sum| sum as f32 / ONE as f32 / lines)
    }

    /// For each line the mean over the lines up to `radius` away, the line itself with them.
    #[inline(always)]
    pub(super) fn around(&self, radius: isize) -> impl Iterator<Item = f32> {
        self.means(-radius, radius + 1)
    }
}

/// Sums of a page's numbers before each line, of any size; [`EDGE`] lines beyond either edge of the
/// page count nothing.
#[derive(Debug, Default)]
pub(super) struct Sums(Vec<i64>);

impl Sums {
    #[inline(always)]
    pub(super) fn fill(&mut self, values: impl Iterator<Item = i64>) {
        let mut sum = 0;
        self.0.clear();
        self.0.extend([0; EDGE + 1]);
        self.0.extend(values.map(|value| {
            sum += value;
            sum
        }));
        self.0.extend([sum; EDGE]);
    }

    #[inline]
    pub(super) fn of(&self, from: usize, to: usize) -> i64 {
        self.0[EDGE + to] - self.0[EDGE + from]
    }

    pub(super) fn all(&self) -> i64 {
        self.0.last().copied().unwrap_or_default()
    }

    /// For each line the sum before the line so far behind it, or before it.
    #[inline(always)]
    fn at(&self, offset: isize) -> impl Iterator<Item = i64> {
        let lines = self.0.len().saturating_sub(2 * EDGE + 1);
        let from = EDGE.wrapping_add_signed(offset);
        let sums = self.0.get(from..from + lines).unwrap_or_default();
        sums.iter().copied()
    }

    /// For each line the sum of the lines up to `radius` away, the line itself with them.
    #[inline(always)]
    fn around(&self, radius: isize) -> impl Iterator<Item = i64> {
        let ends = self.at(radius + 1).zip(self.at(-radius));
        ends.map(|(to, from)| to - from)
    }
}

/// Codes of a page's lines, and of [`NEIGHBOURS`] lines beyond its edges.
#[derive(Debug, Default)]
pub(super) struct Codes(Vec<u8>);

impl Codes {
    #[inline(always)]
    pub(super) fn fill(&mut self, missing: u8, codes: impl Iterator<Item = u8>) {
        self.0.clear();
        self.0.extend([missing; NEIGHBOURS]);
        self.0.extend(codes);
        self.0.extend([missing; NEIGHBOURS]);
    }

    /// For each line the code of the line so far behind it, or before it.
    #[inline(always)]
    pub(super) fn at(&self, offset: isize) -> impl Iterator<Item = u8> {
        let lines = self.0.len().saturating_sub(2 * NEIGHBOURS);
        let from = NEIGHBOURS.wrapping_add_signed(offset);
        let codes = self.0.get(from..from + lines).unwrap_or_default();
        codes.iter().copied()
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
    pub(super) likelihoods: Vec<f32>,
    /// Codes of what lines come to so far, of what their words say, of their lengths and ends.
    so_far: Codes,
    said: Codes,
    lengths: Codes,
    endings: Codes,
    chaff: Windows,
    comments: Windows,
    /// The likelihood of a comment, over the words of the page; in parts of [`ONE`].
    comment_words: i64,
    words_say_comment: Windows,
    log_odds_sums: Windows,
    words_say_sums: Windows,
    pub(super) words: Sums,
    pub(super) body_words: Sums,
    stops: Windows,
    site_lines: Windows,
    /// How far the lengths of a line and the next lie apart.
    steps: Windows,
    /// How far the long line before a line is, and that behind it; page edges are long.
    long_before: Vec<u32>,
    long_behind: Vec<u32>,
    /// How far the sure paragraph before a line is, and that behind it; [`u32::MAX`] is none.
    sure_before: Vec<u32>,
    sure_behind: Vec<u32>,
    /// The first sure paragraph of the page, and the last.
    first_sure: Option<u32>,
    last_sure: Option<u32>,
    best_runs: [std::ops::Range<usize>; 2],
}

/// Takes in the features of a page one by one.
pub(super) trait Sink {
    /// The group of the features that come.
    fn group(&mut self, _: FeatureGroup) {}

    /// A feature's name, and its codes, one a line.
    fn codes(&mut self, name: &'static str, codes: impl Iterator<Item = u8>);

    /// A feature that is one for the whole page.
    fn page(&mut self, name: &'static str, code: u8);
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
    #[inline(always)]
    fn codes(&mut self, _: &'static str, codes: impl Iterator<Item = u8>) {
        if self.asked.has(self.next) {
            self.columns.fill(self.next, codes);
        }
        self.next += 1;
    }

    fn page(&mut self, _: &'static str, code: u8) {
        if self.asked.has(self.next) {
            self.columns.fill_with(self.next, code);
        }
        self.next += 1;
    }
}

/// Takes in the names of features, and their groups.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) names: Vec<&'static str>,
    pub(super) groups: Vec<FeatureGroup>,
    group: FeatureGroup,
}

impl Names {
    pub(super) fn new() -> Self {
        Names {
            names: Vec::new(),
            groups: Vec::new(),
            group: FeatureGroup::Shape,
        }
    }

    /// Features of the line alone, which are written in a list: those of comments are told by
    /// their names.
    pub(super) fn of_line(&mut self, features: &[&'static str], group: FeatureGroup) {
        for &feature in features {
            self.group = match feature.ends_with("of comments") {
                true => FeatureGroup::Comments,
                false => group,
            };
            self.page(feature, 0);
        }
    }
}

impl Sink for Names {
    fn group(&mut self, group: FeatureGroup) {
        self.group = group;
    }

    fn codes(&mut self, name: &'static str, _: impl Iterator<Item = u8>) {
        self.page(name, 0);
    }

    fn page(&mut self, name: &'static str, _: u8) {
        self.names.push(name);
        self.groups.push(self.group);
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
        widest(
            #[inline(always)]
            || self.sum_up_wide(facts, log_odds, words_say, comments_are_asked),
        );
    }

    #[inline(always)]
    fn sum_up_wide(
        &mut self,
        facts: &PageFacts<'_>,
        log_odds: &[Vec<f32>; KINDS],
        words_say: [&[f32]; SPEAKS_OF],
        comments_are_asked: bool,
    ) {
        let [log_odds, comment, _] = log_odds;
        let lines = log_odds.len();
        let shapes = &facts.evidence.shapes[..];
        let cut = |&log_odds: &f32| log_odds.clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS);
        let whole = |value: f32| whole(value * ONE as f32);
        let [itself, of_behind, of_before, of_comment] = words_say;
        self.log_odds.clear();
        self.log_odds.extend(log_odds.iter().map(cut));
        self.words_say.clear();
        self.words_say.extend(itself.iter().map(cut));
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
        // Beyond the page's edges stands sure boilerplate.
        let neighbour = |&log_odds: &f32| logit(log_odds).min(254);
        self.so_far.fill(255, self.log_odds.iter().map(neighbour));
        self.said.fill(255, self.words_say.iter().map(neighbour));
        self.lengths
            .fill(0, shapes.iter().map(|shape| count(shape.words)));
        let ending = |shape: &LineShape| line::class_code(shape.last);
        self.endings.fill(255, shapes.iter().map(ending));

        self.chaff.fill(
            ONE as i32,
            self.likelihoods.iter().map(|&value| whole(value)),
        );
        self.log_odds_sums.fill(
            3 * ONE as i32,
            self.log_odds.iter().map(|&value| whole(value)),
        );
        self.words_say_sums
            .fill(0, self.words_say.iter().map(|&value| whole(value)));
        if comments_are_asked {
            let is_comment = |&log_odds: &f32| whole(likelihood(log_odds));
            self.comments.fill(0, comment.iter().map(is_comment));
            self.words_say_comment
                .fill(0, of_comment.iter().map(is_comment));
            let comments = shapes.iter().zip(self.comments.of(0, 1));
            self.comment_words = comments
                .map(|(shape, comment)| i64::from(shape.words) * i64::from(comment))
                .sum();
        }
        let words = |shape: &LineShape| i64::from(shape.words);
        self.words.fill(shapes.iter().map(words));
        let body = shapes.iter().zip(&self.likelihoods);
        self.body_words.fill(
            body.map(|(shape, &value)| i64::from(shape.words) * (ONE - i64::from(whole(value)))),
        );
        let is_stop = |shape: &LineShape| i32::from(shape.last == CharClass::Stop);
        self.stops.fill(0, shapes.iter().map(is_stop));
        let corpus = &facts.evidence.corpus;
        if corpus.site_pages > 1 {
            let on_site = |line: usize| i32::from(corpus.line_pages(line) > 1);
            self.site_lines.fill(0, (0..lines).map(on_site));
        }
        let lengths = self.lengths.at(0).zip(self.lengths.at(1));
        let steps = lengths.map(|(own, next)| i32::from(own.abs_diff(next)));
        // The last line has no next.
        let steps = steps.take(lines.saturating_sub(1)).chain([0]);
        self.steps.fill(0, steps.take(lines));
        self.find_long_lines(shapes);
        self.find_sure_paragraphs(shapes);

        let mut runs = [BestRun::default(), BestRun::default()];
        for (line, shape) in shapes.iter().enumerate() {
            let whole = |value: f32| (value * ONE as f32) as i64;
            let words = shape.words.max(1) as f32;
            runs[0].add(line, whole(words * (0.5 - self.likelihoods[line])));
            runs[1].add(
                line,
                whole(words.sqrt() * (-self.log_odds[line]).clamp(-3.0, 3.0)),
            );
        }
        self.best_runs = runs.map(|run| run.best);
    }

    #[inline(always)]
    fn find_long_lines(&mut self, shapes: &[LineShape]) {
        let mut short = 0;
        let mut add = |shape: &LineShape| {
            let before = short;
            short = if shape.words >= LONG_WORDS {
                1
            } else {
                short + 1
            };
            before
        };
        self.long_before.clear();
        self.long_before.extend(shapes.iter().map(&mut add));
        short = 1;
        let mut add = |shape: &LineShape| {
            let behind = short;
            short = if shape.words >= LONG_WORDS {
                1
            } else {
                short + 1
            };
            behind
        };
        self.long_behind.clear();
        self.long_behind.extend(shapes.iter().rev().map(&mut add));
        self.long_behind.reverse();
    }

    #[inline(always)]
    fn find_sure_paragraphs(&mut self, shapes: &[LineShape]) {
        let is_sure = |line: usize| {
            self.likelihoods[line] <= SURE_LIKELIHOOD && shapes[line].words >= SURE_WORDS
        };
        let far = |line: u32, sure: Option<u32>| sure.map_or(u32::MAX, |sure| line.abs_diff(sure));
        let lines = shapes.len();
        self.sure_before.clear();
        self.last_sure = None;
        for line in 0..lines {
            self.sure_before.push(far(line as u32, self.last_sure));
            if is_sure(line) {
                self.last_sure = Some(line as u32);
            }
        }
        self.sure_behind.clear();
        self.first_sure = None;
        for line in (0..lines).rev() {
            self.sure_behind.push(far(line as u32, self.first_sure));
            if is_sure(line) {
                self.first_sure = Some(line as u32);
            }
        }
        self.sure_behind.reverse();
    }

    /// Gives the features of a page's lines to `sink`.
    pub(super) fn features(&self, facts: &PageFacts<'_>, sink: &mut impl Sink) {
        widest(
            #[inline(always)]
            || self.features_wide(facts, sink),
        );
    }

    #[inline(always)]
    fn features_wide(&self, facts: &PageFacts<'_>, sink: &mut impl Sink) {
        let lines = self.log_odds.len();
        let clip = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let numbers = 0..clip(lines);
        let last = clip(lines).saturating_sub(1);
        let corpus = &facts.evidence.corpus;
        let repeats = facts.repeats;
        let whole = |sum: i64| u32::try_from(sum / ONE).unwrap_or(u32::MAX);

        sink.group(FeatureGroup::Neighbours);
        sink.codes("the line so far", logits(&self.log_odds));
        sink.codes("line before", self.so_far.at(-1));
        sink.codes("line behind", self.so_far.at(1));
        sink.codes("second line before", self.so_far.at(-2));
        sink.codes("second line behind", self.so_far.at(2));
        sink.codes("third line before", self.so_far.at(-3));
        sink.codes("third line behind", self.so_far.at(3));
        sink.group(FeatureGroup::Words);
        sink.codes("what the words before say", self.said.at(-1));
        sink.codes("what the words behind say", self.said.at(1));
        sink.group(FeatureGroup::Neighbours);
        sink.codes("length of the line before", self.lengths.at(-1));
        sink.codes("length of the line behind", self.lengths.at(1));
        sink.codes("ending of the line before", self.endings.at(-1));
        sink.codes("ending of the line behind", self.endings.at(1));
        sink.codes("short lines before", counts(&self.long_before));
        sink.codes("short lines behind", counts(&self.long_behind));
        // Steps from a line to the next, among the lines up to so far away.
        let uneven = |radius: u32| {
            let reach = radius as isize;
            let steps = numbers.clone().zip(self.steps.of(-reach, reach));
            steps.map(move |(line, sum)| {
                let (from, to) = (line.saturating_sub(radius), (line + radius).min(last));
                fraction(sum as f32 / ((to - from).max(1) as f32 * 96.0))
            })
        };
        sink.group(FeatureGroup::Windows);
        sink.codes("lengths of 7 lines", uneven(3));
        sink.codes("lengths of 17 lines", uneven(8));

        let chaff = |from: isize, to: isize| self.chaff.means(from, to).map(fraction);
        sink.codes("three lines before", chaff(-3, 0));
        sink.codes("three lines behind", chaff(1, 4));
        sink.codes("eight lines before", chaff(-8, 0));
        sink.codes("eight lines behind", chaff(1, 9));
        sink.codes("20 lines before", chaff(-20, 0));
        sink.codes("20 lines behind", chaff(1, 21));
        sink.codes("7 lines around", chaff(-3, 4));
        sink.codes("17 lines around", chaff(-8, 9));
        sink.codes("41 lines around", chaff(-20, 21));
        for (name, radius) in [("log-odds of 7 lines", 3), ("log-odds of 17 lines", 8)] {
            sink.codes(name, self.log_odds_sums.around(radius).map(logit));
        }
        sink.group(FeatureGroup::Words);
        for (name, radius) in [
            ("what the words of 7 lines say", 3),
            ("what the words of 17 lines say", 8),
        ] {
            sink.codes(name, self.words_say_sums.around(radius).map(logit));
        }
        sink.codes("said before of lines behind", logits(&self.said_before));
        sink.codes("said behind of lines before", logits(&self.said_behind));
        sink.codes("loudest before", logits(&self.loudest_before));
        sink.codes("loudest behind", logits(&self.loudest_behind));
        sink.group(FeatureGroup::Comments);
        let comments = |from: isize, to: isize| self.comments.means(from, to).map(fraction);
        sink.codes("comment so far", comments(0, 1));
        sink.codes("comments of 7 lines", comments(-3, 4));
        sink.codes("comments of 17 lines", comments(-8, 9));
        sink.codes("comments of 20 lines before", comments(-20, 0));
        sink.codes("comments of 20 lines behind", comments(1, 21));
        for (name, radius) in [
            ("what the words of 7 lines say of comments", 3),
            ("what the words of 17 lines say of comments", 8),
        ] {
            sink.codes(name, self.words_say_comment.around(radius).map(fraction));
        }
        let words = self.words.all().max(1) as f32 * ONE as f32;
        sink.page(
            "comments of the page",
            fraction(self.comment_words as f32 / words),
        );
        let body_share = |radius: isize| {
            let words = self.words.around(radius);
            words
                .zip(self.body_words.around(radius))
                .map(|(words, body)| fraction(body as f32 / (words.max(1) as f32 * ONE as f32)))
        };
        sink.group(FeatureGroup::Windows);
        sink.codes("body words of 9 lines", body_share(4));
        sink.codes("body words of 33 lines", body_share(16));
        let stops = numbers.clone().zip(self.stops.of(-8, 9));
        let stops = stops.map(|(line, stops)| {
            let (from, to) = (line.saturating_sub(8), (line + 9).min(last + 1));
            share(stops.cast_unsigned(), to - from)
        });
        sink.codes("stops of 17 lines", stops);

        sink.group(FeatureGroup::Runs);
        let runs = [
            ("best run", "words of the best run"),
            ("best run by log-odds", "words of the best run by log-odds"),
        ];
        let all_body = self.body_words.all().max(1) as f32;
        for ((name, words_name), run) in runs.into_iter().zip(&self.best_runs) {
            let (start, end) = (clip(run.start), clip(run.end));
            let far = move |line: u32| match line < start {
                true => distance(line, start),
                false => distance((line + 1).max(end), end),
            };
            sink.codes(name, numbers.clone().map(far));
            let inside = self.body_words.of(run.start, run.end) as f32;
            sink.page(words_name, fraction(inside / all_body));
        }
        let before = || self.body_words.at(0);
        sink.codes(
            "body words before",
            before().map(|words| fraction(words as f32 / all_body)),
        );
        let all = self.body_words.all();
        let behind = self.body_words.at(1);
        sink.codes(
            "body words behind, counted",
            behind.map(|words| count(whole(all - words))),
        );
        sink.codes(
            "body words before, counted",
            before().map(|words| count(whole(words))),
        );
        sink.codes("sure paragraph before", counts(&self.sure_before));
        sink.codes("sure paragraph behind", counts(&self.sure_behind));
        let gaps = self.sure_before.iter().zip(&self.sure_behind);
        sink.codes(
            "gap between sure paragraphs",
            gaps.map(|(before, &behind)| count(before.saturating_add(behind))),
        );
        for (name, sure) in [
            ("behind the first sure paragraph", self.first_sure),
            ("behind the last sure paragraph", self.last_sure),
        ] {
            match sure {
                Some(sure) => sink.codes(name, numbers.clone().map(|line| distance(line, sure))),
                None => sink.page(name, 0),
            }
        }

        let mean = |sums: &Windows| sums.all as f32 / ONE as f32 / lines.max(1) as f32;
        sink.group(FeatureGroup::Page);
        sink.page("log-odds of the page", logit(mean(&self.log_odds_sums)));
        sink.group(FeatureGroup::Words);
        sink.page(
            "what the words of the page say",
            logit(mean(&self.words_say_sums)),
        );
        sink.group(FeatureGroup::Page);
        sink.page("page as a whole", fraction(mean(&self.chaff)));
        sink.page("body words of the page", count(whole(all)));
        let words = u32::try_from(self.words.all()).unwrap_or(u32::MAX);
        sink.page("length of the page", count(words));
        sink.page("lines of the page", count(clip(lines)));
        sink.page(
            "stops of the page",
            share(self.stops.all as u32, clip(lines)),
        );
        sink.group(FeatureGroup::Position);
        sink.codes("place from the top", numbers.clone().map(count));
        sink.codes(
            "place from the end",
            numbers.clone().map(|line| count(last - line)),
        );
        sink.codes(
            "place on the page",
            numbers.clone().map(|line| share(line, clip(lines))),
        );

        let shingles = &facts.evidence.shingles;
        sink.group(FeatureGroup::Repeats);
        sink.codes(
            "copies on the page",
            (0..lines).map(|line| count(shingles.copies(line))),
        );
        let rule = |line: usize| match repeats.copied_by(line) {
            None => 0,
            Some(Rule::Headline) => 1,
            Some(Rule::Caption) => 2,
            Some(Rule::DoubledPage) => 3,
        };
        sink.codes("rule of its copy", (0..lines).map(rule));

        // On a site of one page nothing is known of it.
        let site_pages = Some(corpus.site_pages).filter(|&pages| pages > 1);
        let on_site = |line: usize| corpus.line_pages(line).max(1);
        sink.group(FeatureGroup::Site);
        sink.page("pages of its site", site_pages.map_or(0, count));
        let Some(site_pages) = site_pages else {
            sink.page("pages that hold it", 0);
            sink.page("share of pages that hold it", 0);
            sink.page("pages that hold it with a neighbour", 0);
            sink.page("site's lines around", 0);
            return;
        };
        sink.codes(
            "pages that hold it",
            (0..lines).map(|line| count(on_site(line))),
        );
        sink.codes(
            "share of pages that hold it",
            (0..lines).map(|line| share(on_site(line), site_pages).max(1)),
        );
        let with_neighbour = |line: usize| {
            let before = line
                .checked_sub(1)
                .map_or(0, |line| corpus.pair_pages(line));
            count(before.max(corpus.pair_pages(line)).max(1))
        };
        sink.codes(
            "pages that hold it with a neighbour",
            (0..lines).map(with_neighbour),
        );
        let around = self.site_lines.of(-SITE_RADIUS, SITE_RADIUS + 1);
        sink.codes("site's lines around", around.map(|lines| 1 + lines as u8));
    }
}

#[inline(always)]
fn logits(values: &[f32]) -> impl Iterator<Item = u8> {
    values.iter().map(|&log_odds| logit(log_odds))
}

#[inline(always)]
fn counts(numbers: &[u32]) -> impl Iterator<Item = u8> {
    numbers.iter().map(|&number| count(number))
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
            let values: Vec<i32> = (0..lines).map(|line| line * line % 97 * 31 - 500).collect();
            let mut windows = Windows::default();
            windows.fill(3 * ONE as i32, values.iter().copied());
            assert_eq!(windows.all, i64::from(values.iter().sum::<i32>()));
            for (from, to) in [(-20, 21), (-20, 0), (1, 21), (-3, 4), (0, 1)] {
                let means: Vec<f32> = windows.means(from, to).collect();
                assert_eq!(means.len(), values.len());
                for (line, mean) in means.into_iter().enumerate() {
                    let (mut inside, mut outside) = (0, 0.0);
                    for other in line as isize + from..line as isize + to {
                        let value = usize::try_from(other).ok().and_then(|at| values.get(at));
                        match value {
                            Some(value) => inside += value,
                            None => outside += 3.0,
                        }
                    }
                    let expected = (inside as f32 / ONE as f32 + outside) / (to - from) as f32;
                    assert_eq!(mean, expected);
                }
            }
        }
    }

    #[test]
    fn windows_hold_when_sums_wrap_around() {
        let mut windows = Windows::default();
        windows.fill(7, std::iter::repeat_n(1 << 24, 1000));
        assert_eq!(windows.all, 1000 << 24);
        let sums: Vec<i32> = windows.of(-1, 2).collect();
        assert!(sums[1..999].iter().all(|&sum| sum == 3 << 24));
        assert_eq!([sums[0], sums[999]], [(2 << 24) + 7; 2]);
    }

    #[test]
    fn neighbours_reach_beyond_the_page() {
        for lines in [0, 1, 5] {
            let mut codes = Codes::default();
            codes.fill(9, 0..lines);
            for offset in -3..=3 {
                let expected = (0..lines).map(|line| {
                    let at = line as isize + offset;
                    if (0..lines as isize).contains(&at) {
                        at as u8
                    } else {
                        9
                    }
                });
                assert!(codes.at(offset).eq(expected), "{lines} {offset}");
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
