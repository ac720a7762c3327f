//! Scores of a page in, the score from which its lines go out.
//!
//! A score says how likely a line is boilerplate; with scores that are right, the text that a cut
//! leaves has an expected precision and recall. [`PageSteps::best_expected_f1`] takes them at their word.
//! A model's forest knows better (`docs/scoring.md`): it is asked of each of [`CUTS`] what F1 it
//! would come to, and the cut of the best answer is taken. Linear time.

use super::Score;
use super::codes::{count, fraction};
use super::forest::{BLOCK_LINES, Columns, Forest};

/// Steps in which scores are counted.
const STEPS: usize = 256;
/// One in sums of likelihoods, which are whole numbers so that their order means nothing.
const ONE: u64 = 1 << 16;
/// Lines at or above this score go however little there is on the page, so that a page
/// without a body comes out empty.
pub const HIGHEST_CUT: f32 = 0.75;

/// A line this likely to be the headline is taken for one where the page is cut: golds disagree
/// on it, users do not, and of the other lines few are as likely.
pub const MAY_BE_HEADLINE: f32 = 0.1;

/// Cuts that a forest knows of: as many as it answers at once.
pub const CUTS: usize = BLOCK_LINES;
/// The step of likelihood of body from which lines stay at the first of them; the highest cut.
const FIRST_CUT: usize = STEPS / 4;
/// Steps from one of them to the next.
const CUT_STEPS: usize = 6;

/// The scores from which the lines of a page go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// For most lines.
    pub at: f32,
    /// For those that may be the page's headline.
    pub headline: f32,
}

impl Cut {
    /// The same for all lines.
    pub const fn at(at: f32) -> Self {
        Cut { at, headline: at }
    }

    /// The one for a line; what the page says twice as a headline is one.
    pub fn of(&self, score: &Score, is_doubled_headline: bool) -> f32 {
        match is_doubled_headline || score.headline >= MAY_BE_HEADLINE {
            true => self.headline,
            false => self.at,
        }
    }
}

/// A line as it is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CutLine {
    /// How likely it goes, in `[0,1]`.
    pub score: f32,
    /// Its words.
    pub words: u32,
    /// Whether it is a copy of an earlier line.
    pub is_copy: bool,
}

/// What the lines of a step come to, or those of a step and of all above it.
#[derive(Clone, Copy, Debug)]
struct Sums {
    lines: u64,
    words: u64,
    /// Words that are body, in parts of [`ONE`].
    body: u64,
    /// Runs of lines that stay, less those that a line of the step joins.
    runs: i64,
    /// Body before the first line, and up to the last.
    before: u64,
    until: u64,
}

impl Sums {
    const NONE: Sums = Sums {
        lines: 0,
        words: 0,
        body: 0,
        runs: 0,
        before: u64::MAX,
        until: 0,
    };

    fn with(self, other: &Sums) -> Sums {
        Sums {
            lines: self.lines + other.lines,
            words: self.words + other.words,
            body: self.body + other.body,
            runs: self.runs + other.runs,
            before: self.before.min(other.before),
            until: self.until.max(other.until),
        }
    }

    /// The F1 that is expected of the text of these lines, `all_body` being the page's.
    fn expected_f1(&self, all_body: u64) -> f64 {
        2.0 * self.body as f64 / (self.words * ONE + all_body).max(1) as f64
    }
}

/// The step of a line, by its likelihood of body.
fn step(score: f32) -> usize {
    ((1.0 - score) * (STEPS - 1) as f32) as usize
}

/// A page's lines by their scores. Kept from page to page for its memory.
#[derive(Debug)]
pub struct PageSteps {
    /// Of each step the lines in it and above.
    from: Vec<Sums>,
    copies: u64,
    /// Body words by how sure they are, in parts of [`ONE`]: what a step's likelihood leaves open.
    doubt: u64,
    /// The best F1 that can be expected.
    best_f1: f64,
}

impl Default for PageSteps {
    fn default() -> Self {
        PageSteps {
            from: vec![Sums::NONE; STEPS + 1],
            copies: 0,
            doubt: 0,
            best_f1: 0.0,
        }
    }
}

impl PageSteps {
    /// Counts the lines of a page.
    pub fn fill(&mut self, lines: impl Iterator<Item = CutLine>) {
        self.from.fill(Sums::NONE);
        self.copies = 0;
        self.doubt = 0;
        let mut body_so_far = 0;
        // Beyond the page's edges nothing stays.
        let mut step_before = None;
        for line in lines {
            let step = step(line.score);
            let body = 1.0 - line.score;
            let line_body = (f64::from(line.words) * f64::from(body) * ONE as f64) as u64;
            self.doubt += (line_body as f32 * line.score) as u64;
            self.copies += u64::from(line.is_copy);
            // A run begins at each cut that the line stays at and the line before does not.
            self.from[step].runs += 1;
            if let Some(before) = step_before {
                self.from[step.min(before)].runs -= 1;
            }
            step_before = Some(step);
            let sums = &mut self.from[step];
            sums.lines += 1;
            sums.words += u64::from(line.words);
            sums.body += line_body;
            sums.before = sums.before.min(body_so_far);
            body_so_far += line_body;
            sums.until = sums.until.max(body_so_far);
        }
        self.best_f1 = 0.0;
        for step in (0..STEPS).rev() {
            let has_lines = self.from[step].lines > 0;
            self.from[step] = self.from[step].with(&self.from[step + 1]);
            if has_lines {
                let f1 = self.from[step].expected_f1(body_so_far);
                self.best_f1 = self.best_f1.max(f1);
            }
        }
    }

    fn all(&self) -> &Sums {
        &self.from[0]
    }

    /// The score from which lines go, so that the expected F1 of the page's words is largest.
    ///
    /// Keeping the lines of least scores up to some k makes a text of which the share that is
    /// body and the share of the body that it holds can be expected. The best such F1 is F*, and
    /// a line is worth keeping while its likelihood of body is above F*/2 (Lewis 1995; Ye 2012).
    pub fn best_expected_f1(&self) -> f32 {
        (1.0 - self.best_f1 as f32 / 2.0).min(HIGHEST_CUT)
    }

    /// The cut of which `forest` promises most; the highest such where there are several. What may
    /// be the headline goes from there only if it would by expected F1 too: a few words weigh
    /// little in what is promised. A page without words is cut at [`HIGHEST_CUT`].
    pub fn best_of(&self, forest: &Forest, columns: &mut Columns, answers: &mut Vec<f32>) -> Cut {
        if self.all().words == 0 {
            return Cut::at(HIGHEST_CUT);
        }
        self.features(columns);
        forest.sums(columns, answers);
        let mut best = 0;
        for (at, answer) in answers.iter().enumerate() {
            if *answer > answers[best] {
                best = at;
            }
        }
        let at = cut(best);
        Cut {
            at,
            headline: at.max(self.best_expected_f1()),
        }
    }

    /// Fills the columns with the codes of [`FEATURES`], a line for each cut.
    pub fn features(&self, columns: &mut Columns) {
        columns.reset(FEATURES.len(), CUTS);
        let all = self.all();
        let clip = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let whole = |body: u64| clip(body / ONE);
        let best_f1 = self.best_f1;
        let expected = (best_f1 / 2.0 * (STEPS - 1) as f64) as usize + 1;
        let expected = &self.from[expected.clamp(FIRST_CUT, STEPS)];
        let sure = |from: usize| part(self.from[from].words, all.words);
        let page = [
            count(clip(all.words)),
            count(clip(all.lines)),
            count(whole(all.body)),
            part(all.body, all.words * ONE),
            part(self.doubt, all.body),
            sure(STEPS * 9 / 10),
            sure(STEPS / 2),
            sure(STEPS / 10),
            part(self.copies, all.lines),
            fraction(best_f1 as f32),
            part(expected.words, all.words),
        ];
        let kept_at = |cut: usize| &self.from[first_step(cut.min(CUTS - 1))];
        let words: [f32; CUTS] = std::array::from_fn(|cut| kept_at(cut).words as f32);
        let mut alike = [0.0_f32; CUTS];
        for other in words {
            for (alike, words) in alike.iter_mut().zip(words) {
                *alike += words.min(other) / (words + other).max(1.0);
            }
        }
        for (at, alike) in alike.into_iter().enumerate() {
            let kept = kept_at(at);
            let between = |more: &Sums, less: &Sums| {
                let (body, words) = (more.body - less.body, more.words - less.words);
                part(body, words * ONE)
            };
            let (more, less) = if kept.words > expected.words {
                (kept, expected)
            } else {
                (expected, kept)
            };
            let looser = kept_at(at.saturating_sub(2));
            let stricter = kept_at(at + 2);
            let unsure = kept.words.saturating_sub(self.from[STEPS / 2].words);
            let codes = [
                at as u8,
                fraction(kept.expected_f1(all.body) as f32),
                part(kept.body, kept.words * ONE),
                part(kept.body, all.body),
                part(kept.words, all.words),
                part(kept.lines, all.lines),
                count(clip(kept.runs.unsigned_abs())),
                part(kept.runs.unsigned_abs(), kept.lines),
                count(clip(kept.words)),
                count(clip(kept.words / kept.lines.max(1))),
                part(all.body - kept.until.min(all.body), all.body),
                part(kept.before.min(all.body), all.body),
                part(unsure, kept.words),
                part(kept.words, kept.words + expected.words),
                between(more, less),
                fraction(2.0 * alike / CUTS as f32),
                part(looser.words - kept.words, all.words),
                part(kept.words - stricter.words, all.words),
            ];
            columns.set(at, 0, &codes);
            columns.set(at, codes.len(), &page);
        }
    }
}

/// The names of what a forest knows of a cut, and of the page; in the order of their columns.
pub const FEATURES: [&str; 29] = [
    "the cut",
    "expected F1",
    "expected precision",
    "expected recall",
    "words kept",
    "lines kept",
    "runs kept",
    "runs kept, a line",
    "words kept, counted",
    "length of lines kept",
    "body behind what is kept",
    "body before what is kept",
    "unlikely words kept",
    "words kept beside the expected cut",
    "body between it and the expected cut",
    "likeness to other cuts",
    "words at a looser cut",
    "words at a stricter cut",
    "words of the page, counted",
    "lines of the page, counted",
    "body words of the page, counted",
    "body of the page",
    "doubt of the page",
    "sure words of the page",
    "likely words of the page",
    "possible words of the page",
    "copies of the page",
    "best expected F1",
    "words at the expected cut",
];

/// The step of likelihood of body from which lines stay at a cut.
fn first_step(cut: usize) -> usize {
    FIRST_CUT + cut * CUT_STEPS
}

/// The score from which lines go at one of the [`CUTS`].
pub fn cut(cut: usize) -> f32 {
    1.0 - first_step(cut) as f32 / (STEPS - 1) as f32
}

/// A share; 0 of nothing.
fn part(part: u64, whole: u64) -> u8 {
    fraction(part as f32 / whole.max(1) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::forest::{Grown, Split};

    fn steps(lines: &[(f32, u32)]) -> PageSteps {
        let mut steps = PageSteps::default();
        steps.fill(lines.iter().map(|&(score, words)| CutLine {
            score,
            words,
            is_copy: false,
        }));
        steps
    }

    fn expected_cut(lines: &[(f32, u32)]) -> f32 {
        steps(lines).best_expected_f1()
    }

    #[test]
    fn sure_pages_are_cut_in_the_middle() {
        assert!((expected_cut(&[(0.0, 10), (1.0, 10)]) - 0.5).abs() < 0.01);
    }

    #[test]
    fn unsure_pages_keep_more() {
        // Keeping all: 2 * 8 / (20 + 8).
        let unsure = expected_cut(&[(0.6, 10), (0.6, 10)]);
        assert!((unsure - (1.0 - 8.0 / 28.0)).abs() < 0.01, "{unsure}");
    }

    #[test]
    fn pages_without_a_body_come_out_empty() {
        assert_eq!(expected_cut(&[(0.97, 10), (0.99, 5)]), HIGHEST_CUT);
        assert_eq!(expected_cut(&[]), HIGHEST_CUT);
        assert_eq!(expected_cut(&[(0.2, 0)]), HIGHEST_CUT);
    }

    /// A forest of one question about one feature.
    fn forest(feature: usize, above: u8, leaves: [f32; 2]) -> Forest {
        let feature = feature as u8;
        let grown = Grown {
            bias: 0.0,
            depth: 1,
            splits: vec![Split { feature, above }],
            leaves: leaves.into(),
        };
        grown.rounded()
    }

    fn chosen(forest: &Forest, lines: &[(f32, u32)]) -> Cut {
        steps(lines).best_of(forest, &mut Columns::default(), &mut Vec::new())
    }

    #[test]
    fn the_cut_of_most_promise_is_taken() {
        let page = [(0.1, 10), (0.4, 20), (0.9, 70)];
        // Feature 0 is the cut itself.
        for at in [0, 7, 13, 30] {
            assert_eq!(
                chosen(&forest(0, at, [0.0, 1.0]), &page).at,
                cut(usize::from(at) + 1)
            );
        }
        // Alike promise: the highest cut, and so most text.
        assert_eq!(chosen(&forest(0, 0, [1.0, 1.0]), &page).at, cut(0));
        let without_words = chosen(&forest(0, 7, [0.0, 1.0]), &[(0.2, 0)]);
        assert_eq!(without_words, Cut::at(HIGHEST_CUT));
    }

    #[test]
    fn a_headline_goes_only_if_it_would_by_expected_f1() {
        let page = [(0.1, 10), (0.4, 20), (0.9, 70)];
        let expected = expected_cut(&page);
        let low = chosen(&forest(0, 30, [0.0, 1.0]), &page);
        let high = chosen(&forest(0, 0, [1.0, 1.0]), &page);
        assert!(low.at < expected && expected < high.at);
        let score = |headline: f32| Score {
            headline,
            ..Score::default()
        };
        let of = |cut: &Cut, headline: f32| cut.of(&score(headline), false);
        assert_eq!(low.of(&score(0.0), true), expected);
        assert_eq!(of(&low, MAY_BE_HEADLINE), expected);
        assert_eq!(of(&low, MAY_BE_HEADLINE - 0.01), low.at);
        assert_eq!(of(&high, 1.0), high.at);
    }

    #[test]
    fn cuts_go_from_the_highest_down() {
        assert!(cut(0) <= HIGHEST_CUT && cut(0) > HIGHEST_CUT - 0.01);
        assert!((1..CUTS).all(|at| cut(at) < cut(at - 1)));
        assert!(cut(CUTS - 1) > 0.0);
    }

    fn codes(lines: &[(f32, u32)], at: usize) -> Vec<u8> {
        let mut columns = Columns::default();
        steps(lines).features(&mut columns);
        let features = 0..FEATURES.len();
        features.map(|feature| columns.code(feature, at)).collect()
    }

    #[test]
    fn features_tell_what_a_cut_leaves() {
        // Two runs of body, between menus; the second is doubtful.
        let page = [
            (0.99, 2),
            (0.02, 40),
            (0.03, 40),
            (0.97, 3),
            (0.35, 15),
            (0.99, 100),
        ];
        let feature = |name: &str| FEATURES.iter().position(|other| *other == name).unwrap();
        let loose = codes(&page, 10);
        let strict = codes(&page, 25);
        let of = |codes: &[u8], name: &str| codes[feature(name)];
        assert_eq!(of(&loose, "runs kept"), count(2));
        assert_eq!(of(&strict, "runs kept"), count(1));
        assert_eq!(of(&loose, "words kept"), fraction(95.0 / 200.0));
        assert_eq!(of(&strict, "words kept"), fraction(80.0 / 200.0));
        assert_eq!(of(&loose, "lines kept"), fraction(3.0 / 6.0));
        assert_eq!(of(&strict, "words kept, counted"), count(80));
        assert!(of(&strict, "body behind what is kept") > of(&loose, "body behind what is kept"));
        assert!(of(&loose, "expected precision") < of(&strict, "expected precision"));
        assert!(of(&loose, "expected recall") > of(&strict, "expected recall"));
        for name in FEATURES.iter().skip(feature("words of the page, counted")) {
            assert_eq!(of(&loose, name), of(&strict, name), "{name}");
        }
    }

    #[test]
    fn no_page_is_too_large_or_too_small() {
        for lines in [vec![], vec![(f32::NAN, 3)], vec![(0.5, u32::MAX); 1000]] {
            (0..CUTS).for_each(|at| drop(codes(&lines, at)));
        }
    }
}
