//! The scorer that the program uses: what words weigh, then forests, every line alone, then
//! in its neighbourhood.
//!
//! See `docs/scoring.md` for what it rests on and how well it does, `src/train/` for how a
//! model is fitted.

use std::sync::Arc;

use super::codes::likelihood;
use super::context::{Fill, Neighbourhood};
use super::cut::{Cut, PageSteps};
use super::features::{Asked, Features};
use super::forest::{BLOCK_LINES, Columns};
use super::hints::{HintTable, NO_HINTS};
use super::lexical::{Front, Grams, Lexical, LexicalTable, SPEAKS_OF};
use super::model::Model;
use super::network::States;
use super::place::{self, Surroundings};
use super::vocabulary::Vocabulary;
use super::{Contribution, KINDS, Kind, MAX_CONTRIBUTIONS, PageFacts, Score, Scorer, Step};
use super::{Reads, Wanted, line};
use crate::shape::LineShape;
use crate::simd::widest;

/// Scores with a [`Model`], and pages whose markup is known with another, if there is one.
#[derive(Clone, Debug)]
pub struct LearnedScorer {
    of_text: ModelInUse,
    of_html: Option<ModelInUse>,
}

/// A model, and what of it is run.
#[derive(Clone, Debug)]
struct ModelInUse {
    model: Arc<Model>,
    plan: Vec<PlannedStep>,
}

/// What of a step is run.
#[derive(Clone, Debug)]
struct PlannedStep {
    /// Whether the forest of each kind is.
    forests: [bool; KINDS],
    /// What these forests, and the networks, ask.
    asked: Asked,
}

/// The least of a model that tells what is wanted.
fn plan(model: &Model, wanted: Wanted) -> Vec<PlannedStep> {
    // Where a forest cuts the page, what may be the headline is cut by itself.
    let cuts_headline = wanted.cut && model.cut.trees() > 0;
    let mut forests = [true, wanted.comment, wanted.headline || cuts_headline];
    let mut plan = Vec::new();
    for (step, of_step) in model.steps.iter().enumerate().rev() {
        let is_last = step + 1 == model.steps.len();
        let run = of_step.iter().zip(forests).filter(|(_, is_run)| *is_run);
        let of_forests = run.flat_map(|(forest, _)| forest.features());
        let networks = model.networks.iter().filter(|_| is_last);
        let of_networks = networks
            .flat_map(|network| (0..network.features()).filter(|&feature| network.asks(feature)));
        let asked = Asked::about(model.reads(), of_forests.chain(of_networks));
        // What a step says of headlines, no later one asks.
        let of_step_before = [true, asked.comments(), false];
        plan.push(PlannedStep { forests, asked });
        forests = of_step_before;
    }
    plan.reverse();
    plan
}

impl ModelInUse {
    fn new(model: Arc<Model>) -> Self {
        let has_weights = model.lexical.weights.len().is_power_of_two();
        assert!(
            !model.steps.is_empty() && has_weights,
            "a model that was fitted"
        );
        ModelInUse {
            plan: plan(&model, Wanted::ALL),
            model,
        }
    }
}

impl Default for LearnedScorer {
    fn default() -> Self {
        let fast = |reads| Model::built_in("fast", reads).expect("it comes with the program");
        LearnedScorer::new(fast(Reads::Text)).with_html(fast(Reads::Html))
    }
}

/// What the networks added, among the features that added something.
const NETWORKS: &str = "the networks";

/// Working memory of a scorer, kept from page to page; its content means nothing in between.
#[derive(Debug, Default)]
pub struct Scratch {
    grams: Box<Grams>,
    words: Vec<Lexical>,
    /// What the words of each line say; zeros where the page's words are unknown.
    words_say: [Vec<f32>; SPEAKS_OF],
    /// Codes of the page's lines.
    pub(crate) columns: Columns,
    neighbourhood: Neighbourhood,
    surroundings: Surroundings,
    vocabulary: Vocabulary,
    log_odds: [Vec<f32>; KINDS],
    states: States,
    answers: [Vec<f32>; KINDS],
    /// The page's lines by their scores; what its cuts are, and what they promise.
    pub(super) steps: PageSteps,
    cuts: Columns,
    promises: Vec<f32>,
}

/// What a model's words and places weigh.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables<'t> {
    pub lexical: &'t LexicalTable,
    /// Only where the model reads HTML.
    pub places: Option<&'t LexicalTable>,
    /// Only where the model reads text, and not in all of these.
    pub hints: Option<&'t HintTable>,
}

impl Tables<'_> {
    pub(crate) fn reads(&self) -> Reads {
        match self.places {
            None => Reads::Text,
            Some(_) => Reads::Html,
        }
    }
}

/// The normalised lines of a page.
fn fronts<'f>(facts: &PageFacts<'f>) -> impl Iterator<Item = Front<'f>> + Clone {
    let evidence = facts.evidence;
    (0..facts.line_count()).map(move |line| {
        let (bytes, length) = evidence.normalized_front(line);
        Front::of(bytes, length)
    })
}

impl Scratch {
    /// Looks up the words and the places of a page and fills the columns of the line alone;
    /// there is room for all others.
    pub(crate) fn fill_lines(
        &mut self,
        facts: &PageFacts<'_>,
        tables: Tables<'_>,
        least_known: f32,
        reads_vocabulary: bool,
    ) {
        let Tables {
            lexical: table,
            places,
            hints,
        } = tables;
        let lines = facts.line_count();
        widest(
            #[inline(always)]
            || self.look_up_lines(facts, table, reads_vocabulary),
        );
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
        let features = Features::of(tables.reads());
        self.columns.reset(features.count(), lines);
        widest(
            #[inline(always)]
            || self.take_lines(&facts.evidence.shapes, is_known),
        );
        if let Some(hints) = hints {
            widest(
                #[inline(always)]
                || self.take_hints(facts, hints, is_known, features.hints.start),
            );
        }
        let Some(places) = places else {
            return;
        };
        let places_of_lines = &facts.evidence.structure.lines;
        self.surroundings.stand(facts, places);
        for (line, place) in places_of_lines.iter().enumerate() {
            let codes = place::codes(place, self.surroundings.says(line));
            self.columns.set(line, features.place.start, &codes);
        }
    }

    /// What the words of each line say, and which these are.
    #[inline(always)]
    fn look_up_lines(
        &mut self,
        facts: &PageFacts<'_>,
        table: &LexicalTable,
        reads_vocabulary: bool,
    ) {
        self.words.clear();
        self.vocabulary.clear();
        let fronts = fronts(facts);
        table.look_up(
            fronts,
            &mut self.grams,
            &mut self.words,
            #[inline(always)]
            |words, lines| {
                if reads_vocabulary {
                    self.vocabulary.add(words, lines);
                }
            },
        );
    }

    /// Fills the columns of the line alone, from its shape and what is known of its words.
    #[inline(always)]
    fn take_lines(&mut self, shapes: &[LineShape], is_known: bool) {
        for (of, say) in self.words_say.iter_mut().enumerate() {
            let log_odds = self.words.iter().map(|words| words.log_odds[of]);
            say.clear();
            say.extend(log_odds.map(|log_odds| if is_known { log_odds } else { 0.0 }));
        }
        let shapes = shapes.chunks(BLOCK_LINES);
        let lines = shapes.zip(self.words.chunks(BLOCK_LINES));
        for (rows, (shapes, words)) in self.columns.blocks_mut().zip(lines) {
            line::fill(rows, shapes, words, is_known);
        }
    }

    /// Fills the columns, from `first` on, of what the words of each line hint of its place.
    #[inline(always)]
    fn take_hints(
        &mut self,
        facts: &PageFacts<'_>,
        hints: &HintTable,
        is_known: bool,
        first: usize,
    ) {
        if !is_known {
            for feature in first..first + NO_HINTS.len() {
                self.columns.fill_with(feature, NO_HINTS[0]);
            }
            return;
        }
        let mut line = 0;
        hints.each(
            fronts(facts),
            &mut self.grams,
            #[inline(always)]
            |codes| {
                self.columns.set(line, first, &codes);
                line += 1;
            },
        );
    }

    /// Fills the columns of the neighbourhood that are asked for from the log-odds of the lines
    /// so far. Of a kind that is not asked for there need be none.
    pub(crate) fn fill_neighbourhood(
        &mut self,
        facts: &PageFacts<'_>,
        reads: Reads,
        log_odds: &[Vec<f32>; KINDS],
        asked: &Asked,
    ) {
        let words_say = self.words_say.each_ref().map(Vec::as_slice);
        self.neighbourhood
            .sum_up(facts, log_odds, words_say, asked.comments());
        let mut fill = Fill::new(&mut self.columns, asked, Features::NEIGHBOURHOOD);
        self.neighbourhood.features(facts, &mut fill);
        if asked.vocabulary() {
            self.vocabulary
                .sum_up(facts, &self.neighbourhood.likelihoods);
        }
        self.vocabulary.features(&mut fill);
        if reads == Reads::Html {
            self.surroundings.sum_up(facts, &self.neighbourhood);
            let first = Features::of(reads).place.end;
            let mut fill = Fill::new(&mut self.columns, asked, first);
            self.surroundings
                .features(facts, &self.neighbourhood, &mut fill);
        }
    }
}

impl LearnedScorer {
    /// A scorer with this model: one that [`Model::read`] or training gave.
    ///
    /// # Panics
    ///
    /// The model has no steps, or no weights, or reads HTML.
    pub fn new(model: Arc<Model>) -> Self {
        assert_eq!(model.reads(), Reads::Text, "a model of text");
        LearnedScorer {
            of_text: ModelInUse::new(model),
            of_html: None,
        }
    }

    /// The same scorer; pages whose markup is known are scored with this model.
    ///
    /// # Panics
    ///
    /// As [`LearnedScorer::new`]; and the model does not read HTML.
    #[must_use]
    pub fn with_html(self, model: Arc<Model>) -> Self {
        assert_eq!(model.reads(), Reads::Html, "a model of HTML");
        LearnedScorer {
            of_html: Some(ModelInUse::new(model)),
            ..self
        }
    }

    /// The model for a page: of HTML where the place of its lines is known.
    fn model_for(&self, facts: &PageFacts<'_>) -> &ModelInUse {
        let of_html = self.of_html.as_ref();
        of_html
            .filter(|_| !facts.evidence.structure.lines.is_empty())
            .unwrap_or(&self.of_text)
    }
}

impl ModelInUse {
    /// Runs the steps as planned; `after` sees the columns and log-odds of each. Of a kind whose
    /// forest is not run there are no log-odds.
    fn run(
        &self,
        facts: &PageFacts<'_>,
        scratch: &mut Scratch,
        mut after: impl FnMut(usize, &Columns, &[Vec<f32>; KINDS]),
    ) {
        let model = &*self.model;
        let tables = model.tables();
        let reads_vocabulary = self.plan.iter().any(|planned| planned.asked.vocabulary());
        scratch.fill_lines(facts, tables, model.least_known, reads_vocabulary);
        let last = self.model.steps.len() - 1;
        let mut log_odds = std::mem::take(&mut scratch.log_odds);
        for (step, (forests, planned)) in self.model.steps.iter().zip(&self.plan).enumerate() {
            if step > 0 {
                scratch.fill_neighbourhood(facts, tables.reads(), &log_odds, &planned.asked);
            }
            let kinds = forests.iter().zip(&mut log_odds).zip(planned.forests);
            for ((forest, log_odds), is_run) in kinds {
                if is_run {
                    forest.sums(&scratch.columns, log_odds);
                } else {
                    log_odds.clear();
                }
            }
            if step == last {
                self.ask_networks(scratch, &mut log_odds);
            }
            after(step, &scratch.columns, &log_odds);
        }
        scratch.log_odds = log_odds;
    }

    /// What the last forest counts beside the networks.
    fn forest_share(&self) -> f32 {
        1.0 / (1 + self.model.networks.len()) as f32
    }

    /// The mean of a forest's answers and of the networks' takes the place of the former.
    fn ask_networks(&self, scratch: &mut Scratch, log_odds: &mut [Vec<f32>; KINDS]) {
        let share = self.forest_share();
        let Scratch {
            columns,
            states,
            answers,
            ..
        } = scratch;
        for (asked, network) in self.model.networks.iter().enumerate() {
            network.log_odds(columns, states, answers);
            let forest_share = if asked == 0 { share } else { 1.0 };
            for kind in Kind::ALL {
                let answers = &answers[kind as usize];
                for (log_odds, answer) in log_odds[kind as usize].iter_mut().zip(answers) {
                    *log_odds = *log_odds * forest_share + answer * share;
                }
            }
        }
    }
}

/// Puts the likelihood of each line in its place; of a kind without log-odds it stays 0.
fn put(scores: &mut [Score], log_odds: &[f32], place: impl Fn(&mut Score) -> &mut f32) {
    widest(
        #[inline(always)]
        || {
            for (score, &log_odds) in scores.iter_mut().zip(log_odds) {
                *place(score) = likelihood(log_odds);
            }
        },
    );
}

impl Scorer for LearnedScorer {
    fn limit_to(&mut self, wanted: Wanted) {
        for in_use in std::iter::once(&mut self.of_text).chain(&mut self.of_html) {
            in_use.plan = plan(&in_use.model, wanted);
        }
    }

    fn score(&self, facts: &PageFacts<'_>, scratch: &mut Scratch, scores: &mut Vec<Score>) {
        scores.clear();
        scores.resize(facts.line_count(), Score::default());
        let model = self.model_for(facts);
        let last = model.model.steps.len() - 1;
        model.run(facts, scratch, |step, _, log_odds| {
            let of = |kind: Kind| &log_odds[kind as usize][..];
            if step == 0 {
                put(scores, of(Kind::Boilerplate), |score| &mut score.alone);
            }
            if step == last {
                put(scores, of(Kind::Boilerplate), |score| &mut score.context);
                put(scores, of(Kind::Comment), |score| &mut score.comment);
                put(scores, of(Kind::Headline), |score| &mut score.headline);
            }
        });
    }

    fn cut(&self, facts: &PageFacts<'_>, scores: &[f32], scratch: &mut Scratch) -> Cut {
        let Scratch {
            steps,
            cuts,
            promises,
            ..
        } = scratch;
        steps.fill(facts.cut_lines(scores));
        let forest = &self.model_for(facts).model.cut;
        if forest.trees() == 0 {
            return Cut::at(steps.best_expected_f1());
        }
        steps.best_of(forest, cuts, promises)
    }

    fn explain(&self, facts: &PageFacts<'_>) -> Vec<Vec<Contribution>> {
        let in_use = self.model_for(facts);
        let model = &*in_use.model;
        let names = &Features::of(model.reads()).names;
        let last = model.steps.len() - 1;
        let mut explained = vec![Vec::new(); facts.line_count()];
        in_use.run(facts, &mut Scratch::default(), |step, columns, log_odds| {
            if step != 0 && step != last {
                return;
            }
            let forest = &model.steps[step][Kind::Boilerplate as usize];
            let share = if step == last {
                in_use.forest_share()
            } else {
                1.0
            };
            let mut of_forest = Vec::new();
            forest.sums(columns, &mut of_forest);
            for (line, contributions) in explained.iter_mut().enumerate() {
                let mut added = vec![0.0_f32; names.len()];
                let code = |feature: usize| columns.code(feature, line);
                forest.explain(code, |feature, value| added[feature] += value * share);
                let all = log_odds[Kind::Boilerplate as usize][line];
                let of_networks = (share < 1.0).then(|| all - of_forest[line] * share);
                let step = if step == last {
                    Step::Context
                } else {
                    Step::Alone
                };
                let of_networks = of_networks.iter().zip(&[NETWORKS]);
                let weighed = added.iter().zip(names).chain(of_networks);
                let weighed = weighed.filter(|(value, _)| **value != 0.0);
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

    fn reads_structure(&self) -> bool {
        self.of_html.is_some()
    }

    fn bytes_a_line(&self) -> usize {
        let mut models = std::iter::once(&self.of_text).chain(&self.of_html);
        match models.any(|in_use| !in_use.model.networks.is_empty()) {
            true => 640,
            false => 350,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Evidence, Needs};
    use crate::repeats::Repeats;

    fn scores(model: &str, wanted: Option<Wanted>) -> Vec<Score> {
        let page = "Birk ferry is back in the water\nMenu\nBy Ida Holm\n\
                    The ferry left the yard on Monday, five months late, and nobody minded.\n\
                    2 comments\nAnn says:\nAt last! I had to row to work all winter.\nReply\n"
            .repeat(5);
        let mut evidence = Evidence::default();
        evidence.gather(page.as_bytes(), Needs::PAGE);
        let mut repeats = Repeats::default();
        repeats.find(&evidence);
        let facts = PageFacts {
            page: page.as_bytes(),
            evidence: &evidence,
            repeats: &repeats,
        };
        let mut scorer =
            LearnedScorer::new(Model::built_in(model, Reads::Text).expect("it is built in"));
        if let Some(wanted) = wanted {
            scorer.limit_to(wanted);
        }
        let mut scores = Vec::new();
        scorer.score(&facts, &mut Scratch::default(), &mut scores);
        scores
    }

    #[test]
    fn what_is_not_wanted_is_zero_and_changes_nothing_else() {
        for model in ["fast", "accurate"] {
            let all = scores(model, None);
            assert_eq!(all.len(), 40);
            for kind in [
                |score: &Score| score.comment,
                |score: &Score| score.headline,
            ] {
                assert!(all.iter().any(|score| kind(score) > 0.0));
            }
            for (comment, headline) in [(true, true), (true, false), (false, true), (false, false)]
            {
                let expected = all.iter().map(|score| Score {
                    comment: if comment { score.comment } else { 0.0 },
                    headline: if headline { score.headline } else { 0.0 },
                    ..*score
                });
                let limited = scores(
                    model,
                    Some(Wanted {
                        comment,
                        headline,
                        cut: false,
                    }),
                );
                assert!(limited.into_iter().eq(expected), "{comment} {headline}");
            }
        }
    }
}
