//! Facts on a page's lines in, the likelihood of boilerplate for each line out.
//!
//! The seam is [`Scorer`]: [`learned::LearnedScorer`] is what the program uses, the rules of
//! [`mod@reference`] are what it is compared with.

pub(crate) mod codes;
mod context;
pub mod cut;
mod features;
pub mod forest;
mod grams;
pub mod hints;
pub mod learned;
pub mod letters;
pub mod lexical;
mod line;
pub mod model;
pub mod network;
pub mod place;
pub mod reference;
mod vocabulary;

#[cfg(feature = "train")]
pub(crate) use features::Asked;
pub use features::{FeatureGroup, Features};
pub use learned::{LearnedScorer, Scratch};
pub use model::Model;

use crate::evidence::Evidence;
use crate::repeats::Repeats;
use cut::{Cut, CutLine};

/// A line's likelihood of being boilerplate, before and after its neighbours were asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// From the line alone, in `[0,1]`.
    pub alone: f32,
    /// Among its neighbours, at its place on the page, in `[0,1]`; decisions use this one.
    pub context: f32,
    /// The likelihood that the line belongs to readers' comments, in `[0,1]`; 0 where nobody
    /// wants to know.
    pub comment: f32,
    /// The likelihood that the line is the page's headline, in `[0,1]`; 0 where nobody wants to
    /// know.
    pub headline: f32,
}

impl Score {
    /// The score of a scorer that knows boilerplate only.
    pub const fn of_boilerplate(alone: f32, context: f32) -> Self {
        Score {
            alone,
            context,
            comment: 0.0,
            headline: 0.0,
        }
    }
}

/// What a line is said to be, each with a likelihood of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Page furniture.
    Boilerplate = 0,
    /// A reader's comment on the page's text, its author and date with it.
    Comment = 1,
    /// The page's title.
    Headline = 2,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Kind; KINDS] = [Kind::Boilerplate, Kind::Comment, Kind::Headline];
}

/// Number of [`Kind`]s.
pub const KINDS: usize = 3;

/// What a model reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// Lines of text.
    #[default]
    Text,
    /// Lines whose place in the markup is known too.
    Html,
}

/// What a scorer is to tell of lines besides how likely they are boilerplate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How likely they are comments.
    pub comment: bool,
    /// How likely they are the headline.
    pub headline: bool,
    /// Where pages are cut, and of the other things what that takes.
    pub cut: bool,
}

impl Wanted {
    /// All that there is to tell.
    pub const ALL: Wanted = Wanted {
        comment: true,
        headline: true,
        cut: true,
    };
}

/// A page and everything known of it before it is scored.
#[derive(Clone, Copy, Debug)]
pub struct PageFacts<'a> {
    /// The page's bytes.
    pub page: &'a [u8],
    /// Facts on its lines.
    pub evidence: &'a Evidence,
    /// Which lines are later copies of others.
    pub repeats: &'a Repeats,
}

impl<'a> PageFacts<'a> {
    /// The number of lines, blank ones not counted; scores run parallel to them.
    pub fn line_count(&self) -> usize {
        self.evidence.lines.len()
    }

    /// The lines as they are cut by these scores, one a line.
    pub fn cut_lines(&self, scores: &[f32]) -> impl Iterator<Item = CutLine> {
        let lines = self.evidence.shapes.iter().zip(scores).enumerate();
        lines.map(|(line, (shape, &score))| CutLine {
            score,
            words: shape.words,
            is_copy: self.repeats.of(line).is_some(),
        })
    }

    /// The bytes of a line, without its terminator.
    pub fn text(&self, line: usize) -> &'a [u8] {
        self.evidence.lines[line].text(self.page)
    }
}

/// The two steps of scoring a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The line alone.
    Alone,
    /// The line among its neighbours.
    Context,
}

/// Contributions that are told of a line, at most.
pub const MAX_CONTRIBUTIONS: usize = 16;

/// What one feature did to a line's score.
///
/// All contributions of a step, and a bias that is the same for all lines, add up to the
/// log-odds of that step; the heaviest [`MAX_CONTRIBUTIONS`] of a line are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The step that the feature belongs to.
    pub step: Step,
    /// The feature's name.
    pub feature: &'static str,
    /// What it added to the log-odds of boilerplate; below 0 speaks for body.
    pub log_odds: f32,
}

/// Scores every line of a page.
///
/// A scorer is a pure function of the facts: no state, no randomness, no clock; threads
/// share it.
pub trait Scorer: Send + Sync {
    /// Says what is wanted, once and ahead of all pages. The rest need not be found out, and is
    /// 0 in every [`Score`].
    ///
    /// A scorer that was told nothing tells all it can; so does one that is as fast either way.
    fn limit_to(&mut self, _wanted: Wanted) {}

    /// Replaces `scores` by one [`Score`] for each line of the page.
    ///
    /// `scratch` is working memory that the caller keeps between pages; its content means
    /// nothing before and after.
    fn score(&self, facts: &PageFacts<'_>, scratch: &mut Scratch, scores: &mut Vec<Score>);

    /// The score from which lines of the page go where that is left to the page.
    ///
    /// `scores` are those of its lines, but 0 where a line stays for what it is and 1 where it
    /// goes for that. Unless a scorer knows better, the cut of the best expected F1:
    /// [`cut::PageSteps::best_expected_f1`].
    fn cut(&self, facts: &PageFacts<'_>, scores: &[f32], scratch: &mut Scratch) -> Cut {
        scratch.steps.fill(facts.cut_lines(scores));
        Cut::at(scratch.steps.best_expected_f1())
    }

    /// For each line of the page what weighed on its score in context, heaviest first. A
    /// line's list may be empty.
    ///
    /// Slower than [`Scorer::score`]; meant for showing, not for runs over a corpus.
    fn explain(&self, facts: &PageFacts<'_>) -> Vec<Vec<Contribution>>;

    /// Whether scores depend on where in the markup lines stood, where that is known.
    fn reads_structure(&self) -> bool {
        false
    }

    /// About the memory that a line takes while its page is scored, in bytes.
    fn bytes_a_line(&self) -> usize {
        350
    }
}
