//! The scorer that the program uses: what words weigh, then forests, every line alone, then
//! in its neighbourhood.
//!
//! See `docs/scoring.md` for what it rests on and how well it does, `src/train/` for how a
//! model is fitted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;

use super::codes::likelihood;
use super::context::{Fill, Neighbourhood, feature_names};
use super::forest::Columns;
use super::lexical::{Lexical, LexicalTable, SPEAKS_OF};
use super::line;
use super::model::Model;
use super::{Contribution, MAX_CONTRIBUTIONS, PageFacts, Score, Scorer, Step};
use crate::fingerprint::Fingerprint;

/// Scores with a [`Model`].
#[derive(Clone, Debug)]
pub struct LearnedScorer {
    model: Arc<Model>,
    words_of: WordsOf,
}

impl Default for LearnedScorer {
    fn default() -> Self {
        LearnedScorer::new(Model::built_in("fast").expect("it comes with the program"))
    }
}

/// Tells one table of words from another, so that none is asked for what another said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WordsOf(u64);

impl WordsOf {
    /// A mark that no other table has.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        WordsOf(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A line that was met, and what its words say.
#[derive(Clone, Copy, Debug)]
struct Met {
    fingerprint: Fingerprint,
    key: u64,
    words: Lexical,
}

/// Lines of which a thread remembers what their words say.
const LINES_MET: usize = 1 << 12;

/// Working memory of a scorer, kept from page to page; its content means nothing in between.
#[derive(Debug, Default)]
pub struct Scratch {
    words: Vec<Lexical>,
    /// What words say of lines that were met, each in the place that its fingerprint chooses:
    /// furniture comes back on page after page.
    met: Vec<Option<Met>>,
    /// Tells apart lines that were made to have one fingerprint: only the same line may be taken
    /// for a line, or scores would depend on what a thread met before.
    keys: RandomState,
    /// Whose words they are.
    words_of: Option<WordsOf>,
    /// What the words of each line say; zeros where the page's words are unknown.
    words_say: [Vec<f32>; SPEAKS_OF],
    /// Codes of the page's lines.
    pub(crate) columns: Columns,
    neighbourhood: Neighbourhood,
    log_odds: Vec<f32>,
}

impl Scratch {
    /// Looks up the words of a page and fills the columns of the line alone; there is room for
    /// all others.
    pub(crate) fn fill_lines(
        &mut self,
        facts: &PageFacts<'_>,
        lexical: &LexicalTable,
        least_known: f32,
        words_of: WordsOf,
    ) {
        let lines = facts.line_count();
        self.words.clear();
        if self.words_of != Some(words_of) {
            self.met.clear();
            self.words_of = Some(words_of);
        }
        self.met.resize(LINES_MET, None);
        for (line, &fingerprint) in facts.evidence.fingerprints.iter().enumerate() {
            let text = facts.evidence.normalized(line);
            let key = self.keys.hash_one(text);
            let place = &mut self.met[fingerprint.0 as usize % LINES_MET];
            let met = place.filter(|met| met.fingerprint == fingerprint && met.key == key);
            let words = met.map_or_else(|| lexical.look_up(text), |met| met.words);
            *place = Some(Met {
                fingerprint,
                key,
                words,
            });
            self.words.push(words);
        }
        let (known, all) = self
            .words
            .iter()
            .fold((0_u64, 0_u64), |(known, all), words| {
                (
                    known + u64::from(words.known),
                    all + u64::from(words.facts.words),
                )
            });
        let is_known = known as f32 >= all as f32 * least_known;
        self.words_say.iter_mut().for_each(Vec::clear);
        self.columns.reset(feature_names().len(), lines);
        for (line, words) in self.words.iter().enumerate() {
            let mut codes = line::codes(&facts.evidence.shapes[line], words);
            if !is_known {
                line::forget_words(&mut codes);
            }
            for (say, &log_odds) in self.words_say.iter_mut().zip(&words.log_odds) {
                say.push(if is_known { log_odds } else { 0.0 });
            }
            self.columns.set(line, &codes);
        }
    }

    /// Fills the columns of the neighbourhood from the log-odds of the lines so far.
    pub(crate) fn fill_neighbourhood(&mut self, facts: &PageFacts<'_>, log_odds: &[f32]) {
        let words_say = self.words_say.each_ref().map(Vec::as_slice);
        self.neighbourhood.sum_up(facts, log_odds, words_say);
        let mut fill = Fill::new(&mut self.columns, line::COUNT);
        self.neighbourhood.features(facts, &mut fill);
    }
}

impl LearnedScorer {
    /// A scorer with this model: one that [`Model::read`] or training gave.
    ///
    /// # Panics
    ///
    /// The model has no steps, or no weights.
    pub fn new(model: Arc<Model>) -> Self {
        let has_weights = model.lexical.weights.len().is_power_of_two();
        assert!(
            !model.steps.is_empty() && has_weights,
            "a model that was fitted"
        );
        LearnedScorer {
            model,
            words_of: WordsOf::new(),
        }
    }

    /// Runs the steps; `after` sees the columns and log-odds of each.
    fn run(
        &self,
        facts: &PageFacts<'_>,
        scratch: &mut Scratch,
        mut after: impl FnMut(usize, &Columns, &[f32]),
    ) {
        let Model {
            lexical,
            least_known,
            ..
        } = &*self.model;
        scratch.fill_lines(facts, lexical, *least_known, self.words_of);
        let mut log_odds = std::mem::take(&mut scratch.log_odds);
        for (step, forest) in self.model.steps.iter().enumerate() {
            if step > 0 {
                scratch.fill_neighbourhood(facts, &log_odds);
            }
            forest.sums(&scratch.columns, &mut log_odds);
            after(step, &scratch.columns, &log_odds);
        }
        scratch.log_odds = log_odds;
    }
}

impl Scorer for LearnedScorer {
    fn score(&self, facts: &PageFacts<'_>, scratch: &mut Scratch, scores: &mut Vec<Score>) {
        scores.clear();
        scores.resize(facts.line_count(), Score::default());
        let last = self.model.steps.len() - 1;
        self.run(facts, scratch, |step, _, log_odds| {
            for (score, &log_odds) in scores.iter_mut().zip(log_odds) {
                if step == 0 {
                    score.alone = likelihood(log_odds);
                }
                if step == last {
                    score.context = likelihood(log_odds);
                }
            }
        });
    }

    fn explain(&self, facts: &PageFacts<'_>) -> Vec<Vec<Contribution>> {
        let names = feature_names();
        let last = self.model.steps.len() - 1;
        let mut explained = vec![Vec::new(); facts.line_count()];
        self.run(facts, &mut Scratch::default(), |step, columns, _| {
            if step != 0 && step != last {
                return;
            }
            for (line, contributions) in explained.iter_mut().enumerate() {
                let mut added = vec![0.0_f32; names.len()];
                let code = |feature: usize| columns.code(feature, line);
                self.model.steps[step].explain(code, |feature, value| added[feature] += value);
                let step = if step == last {
                    Step::Context
                } else {
                    Step::Alone
                };
                let weighed = added.iter().zip(names).filter(|(value, _)| **value != 0.0);
                contributions.extend(weighed.map(|(&log_odds, &feature)| Contribution {
                    step,
                    feature,
                    log_odds,
                }));
                contributions.sort_by(|left: &Contribution, right| {
                    right.log_odds.abs().total_cmp(&left.log_odds.abs())
                });
                contributions.truncate(MAX_CONTRIBUTIONS);
                contributions.shrink_to_fit();
            }
        });
        explained
    }
}
