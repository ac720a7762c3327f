//! Labelled pages in, a [`Model`] out.
//!
//! Every step learns from what the step before it says of pages that it was not fitted on: pages
//! are dealt into [`FOLDS`] by domain, each fold is scored by a fit on the others (Wolpert 1992).
//! (What that fit learned from was scored in the same way, by fits that saw the fold: a leak of
//! second order.) The features are those of [`crate::score`], so training and use cannot differ.

pub mod boost;
pub mod lexical;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::config::Config;
use crate::eval::{GoldPage, Label, index_pages};
use crate::evidence::{Evidence, Needs};
use crate::index::CorpusIndex;
use crate::repeats::Repeats;
use crate::score::forest::Forest;
use crate::score::learned::WordsOf;
use crate::score::lexical::LexicalTable;
use crate::score::{LINE_FEATURES, Model, PageFacts, Scratch, feature_names};
use boost::{Examples, ForestOptions};
use lexical::LexicalExample;

/// Parts that pages are dealt into.
pub const FOLDS: usize = 4;
/// Words above this add no weight to a line.
const MAX_WORDS: u32 = 60;
/// Of the pages whose site has several one in this many learns with its site's evidence.
const WITH_SITE: u64 = 2;
/// Lines behind and before a line that its words speak of.
const SPOKEN_OF: usize = 8;
/// Percent of the pages that learn without their words, so that trees know what to do then.
const WITHOUT_WORDS: u64 = 30;

/// How a model is fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// The model's name.
    pub name: String,
    /// Weights of words: two to the power of this many.
    pub table_bits: u32,
    /// A forest for each step: the line alone, then its neighbourhood, once or several times.
    pub steps: Vec<ForestOptions>,
    /// Where less than this share of a page's words is known, words say nothing.
    pub least_known: f32,
    /// Starts the pseudo-random choices.
    pub seed: u64,
}

impl TrainOptions {
    /// Small and fast.
    pub fn fast() -> Self {
        let forest = ForestOptions {
            trees: 60,
            depth: 5,
            learning_rate: 0.15,
            ridge: 20.0,
            sample_percent: 50,
            feature_percent: 50,
        };
        TrainOptions {
            name: "fast".to_owned(),
            table_bits: 16,
            steps: vec![
                forest,
                ForestOptions {
                    trees: 100,
                    depth: 6,
                    ..forest
                },
            ],
            least_known: 0.6,
            seed: 1,
        }
    }

    /// Larger, slower, more accurate.
    pub fn accurate() -> Self {
        let forest = ForestOptions {
            trees: 250,
            depth: 6,
            learning_rate: 0.1,
            ridge: 20.0,
            sample_percent: 50,
            feature_percent: 50,
        };
        TrainOptions {
            name: "accurate".to_owned(),
            table_bits: 20,
            steps: [150, 250, 250]
                .map(|trees| ForestOptions { trees, ..forest })
                .into(),
            ..TrainOptions::fast()
        }
    }
}

/// A labelled page with all that is known of it.
struct TrainingPage {
    text: String,
    evidence: Evidence,
    repeats: Repeats,
    /// For each line that is not blank: 1 boilerplate, 0 body, None not learned from.
    targets: Vec<Option<f32>>,
    weights: Vec<f32>,
    fold: usize,
    knows_words: bool,
    /// Log-odds so far, by fits on other pages.
    log_odds: Vec<f32>,
}

impl TrainingPage {
    fn new(gold: &GoldPage, index: &CorpusIndex, seed: u64) -> Self {
        let text = gold.text();
        let draw = |what: &str, sides: u64| {
            xxh3_64(format!("{seed} {what} {}", gold.id).as_bytes()) % sides
        };
        let knows_site = draw("site", WITH_SITE) == 0;
        let mut evidence = Evidence::default();
        let needs = Needs {
            site: knows_site,
            ..Needs::PAGE
        };
        evidence.gather(text.as_bytes(), needs);
        if knows_site {
            evidence.look_up(index, &gold.address(), 0);
        }
        let mut repeats = Repeats::default();
        repeats.find(&evidence);
        let lines = &evidence.lines;
        let label = |line: usize| gold.labels[lines[line].number - 1];
        let mut targets: Vec<Option<f32>> = (0..lines.len())
            .map(|line| match label(line) {
                Label::Body => Some(0.0),
                Label::Boilerplate => Some(1.0),
                Label::Either => None,
            })
            .collect();
        // The line that stays for its copies is body where any of them is.
        for line in 0..lines.len() {
            if let Some(of) = repeats.of(line) {
                if label(line) == Label::Body {
                    targets[of] = Some(0.0);
                }
                targets[line] = None;
            }
        }
        // Golds disagree on headlines; to us the first copy is body.
        for &headline in &gold.headline {
            let at = lines.iter().position(|line| line.number == headline + 1);
            if let Some(line) = at {
                targets[repeats.of(line).unwrap_or(line)] = Some(0.0);
            }
        }
        let page_weight = 1.0 / (lines.len().max(1) as f32).sqrt();
        let weight = |words: u32| words.clamp(1, MAX_WORDS) as f32 * page_weight;
        let domain = gold.domain.as_deref().unwrap_or(&gold.id);
        TrainingPage {
            fold: (xxh3_64(domain.as_bytes()) % FOLDS as u64) as usize,
            knows_words: draw("words", 100) >= WITHOUT_WORDS,
            weights: evidence
                .shapes
                .iter()
                .map(|shape| weight(shape.words))
                .collect(),
            text,
            evidence,
            repeats,
            targets,
            log_odds: Vec::new(),
        }
    }

    fn facts(&self) -> PageFacts<'_> {
        PageFacts {
            page: self.text.as_bytes(),
            evidence: &self.evidence,
            repeats: &self.repeats,
        }
    }
}

fn weigh_by_source(pages: &mut [TrainingPage], golds: &[GoldPage]) {
    let mut counts = std::collections::BTreeMap::<&str, f32>::new();
    for gold in golds {
        *counts.entry(&gold.source).or_default() += 1.0;
    }
    let mut total = 0.0;
    let mut lines = 0.0;
    for (page, gold) in pages.iter_mut().zip(golds) {
        let source_weight = 1.0 / counts[&*gold.source].sqrt();
        for (weight, target) in page.weights.iter_mut().zip(&page.targets) {
            *weight *= source_weight;
            if target.is_some() {
                total += f64::from(*weight);
                lines += 1.0;
            }
        }
    }
    let scale = (lines / total.max(1e-9)) as f32;
    for page in pages {
        page.weights.iter_mut().for_each(|weight| *weight *= scale);
    }
}

/// What is told while a model is fitted.
pub type Tell<'t> = &'t mut dyn FnMut(&str);

/// Fits a model.
///
/// The same pages in the same order, options and seed give the same model on one platform, for
/// any number of threads (rayon's current pool); another's logarithms may differ in their last
/// bit. Memory: about 1.5 KB a line.
pub fn train(golds: &[GoldPage], options: &TrainOptions, tell: Tell<'_>) -> Model {
    let index = index_pages(golds, &Config::default());
    let mut pages: Vec<TrainingPage> = golds
        .par_iter()
        .map(|gold| TrainingPage::new(gold, &index, options.seed))
        .collect();
    weigh_by_source(&mut pages, golds);
    let lines: usize = pages.iter().map(|page| page.targets.len()).sum();
    tell(&format!("{} pages, {lines} lines", pages.len()));

    let (lexical, fold_lexicals) = fit_words(&pages, options);
    tell("words are weighed");
    let mut model = Model {
        name: options.name.clone(),
        least_known: options.least_known,
        lexical,
        steps: Vec::new(),
    };
    for (step, forest_options) in options.steps.iter().enumerate() {
        let is_last = step + 1 == options.steps.len();
        let examples = examples(&pages, &fold_lexicals, step, options);
        let seed = options.seed << 8 | step as u64;
        let all = |_: usize| true;
        let forest = boost::fit(&choose(&examples, all), forest_options, seed);
        tell(&format!("step {step}: {} trees", forest.trees()));
        if !is_last {
            let folds: Vec<Forest> = (0..FOLDS)
                .map(|fold| {
                    let others = choose(&examples, |other| other != fold);
                    boost::fit(&others, forest_options, seed)
                })
                .collect();
            pages
                .par_iter_mut()
                .for_each_init(Scratch::default, |scratch, page| {
                    fill(page, &fold_lexicals, step, options, scratch);
                    folds[page.fold].sums(&scratch.columns, &mut page.log_odds);
                });
        }
        model.steps.push(forest);
    }
    model
}

/// The share of some lines that is boilerplate; page edges are.
fn share_of(targets: &[Option<f32>]) -> f32 {
    let known: Vec<f32> = targets.iter().flatten().copied().collect();
    match known.len() {
        0 => 1.0,
        count => known.iter().sum::<f32>() / count as f32,
    }
}

/// The table fitted on all pages, and for each fold the one fitted on the others.
fn fit_words(pages: &[TrainingPage], options: &TrainOptions) -> (LexicalTable, Vec<LexicalTable>) {
    let mut examples: Vec<(u64, usize, LexicalExample)> = pages
        .par_iter()
        .enumerate()
        .flat_map_iter(|(number, page)| {
            let targets = page.targets.iter().enumerate();
            targets.filter_map(move |(line, target)| {
                let text = page.evidence.normalized(line);
                let target = (*target)?;
                let before = &page.targets[line.saturating_sub(SPOKEN_OF)..line];
                let behind =
                    &page.targets[line + 1..][..SPOKEN_OF.min(page.targets.len() - line - 1)];
                let targets = [target, share_of(behind), share_of(before)];
                let example = LexicalExample::of(text, targets, page.weights[line]);
                let place = format!("{} {number} {line}", options.seed);
                Some((xxh3_64(place.as_bytes()), page.fold, example))
            })
        })
        .collect();
    examples.par_sort_by_key(|(place, ..)| *place);
    let fit = |left_out: Option<usize>| {
        let others = examples
            .iter()
            .filter(|(_, fold, _)| Some(*fold) != left_out);
        let others: Vec<&LexicalExample> = others.map(|(.., example)| example).collect();
        lexical::fit(&others, options.table_bits)
    };
    let mut tables: Vec<LexicalTable> = (0..=FOLDS)
        .into_par_iter()
        .map(|fold| fit((fold < FOLDS).then_some(fold)))
        .collect();
    let all = tables.pop().unwrap_or_default();
    (all, tables)
}

/// Fills the columns of a page for a step.
fn fill(
    page: &TrainingPage,
    lexicals: &[LexicalTable],
    step: usize,
    options: &TrainOptions,
    scratch: &mut Scratch,
) {
    let facts = page.facts();
    // Above 1 no page's words are known.
    let least_known = if page.knows_words {
        options.least_known
    } else {
        2.0
    };
    let lexical = &lexicals[page.fold];
    scratch.fill_lines(&facts, lexical, least_known, WordsOf::new());
    if step > 0 {
        scratch.fill_neighbourhood(&facts, &page.log_odds);
    }
}

/// The lines that are learned from, and the fold of each.
fn examples(
    pages: &[TrainingPage],
    lexicals: &[LexicalTable],
    step: usize,
    options: &TrainOptions,
) -> (Examples, Vec<u8>) {
    let features = if step == 0 {
        LINE_FEATURES
    } else {
        feature_names().len()
    };
    let parts: Vec<(Examples, Vec<u8>)> = pages
        .par_iter()
        .map_init(Scratch::default, |scratch, page| {
            fill(page, lexicals, step, options, scratch);
            let learned = || {
                let targets = page.targets.iter().enumerate();
                targets.filter_map(|(line, target)| Some((line, (*target)?)))
            };
            let column = |feature: usize| {
                let code = |line| scratch.columns.code(feature, line);
                learned().map(|(line, _)| code(line)).collect()
            };
            let examples = Examples {
                columns: (0..features).map(column).collect(),
                targets: learned().map(|(_, target)| target).collect(),
                weights: learned().map(|(line, _)| page.weights[line]).collect(),
            };
            let folds = vec![page.fold as u8; examples.targets.len()];
            (examples, folds)
        })
        .collect();
    let mut all = (
        Examples {
            columns: vec![Vec::new(); features],
            ..Examples::default()
        },
        Vec::new(),
    );
    for (part, folds) in parts {
        for (column, codes) in all.0.columns.iter_mut().zip(part.columns) {
            column.extend(codes);
        }
        all.0.targets.extend(part.targets);
        all.0.weights.extend(part.weights);
        all.1.extend(folds);
    }
    all
}

/// The examples of some folds.
fn choose(
    (examples, folds): &(Examples, Vec<u8>),
    is_wanted: impl Fn(usize) -> bool + Sync,
) -> Examples {
    fn keep<T: Copy>(values: &[T], folds: &[u8], is_wanted: impl Fn(usize) -> bool) -> Vec<T> {
        let pairs = values.iter().zip(folds);
        let wanted = pairs.filter(|(_, fold)| is_wanted(usize::from(**fold)));
        wanted.map(|(value, _)| *value).collect()
    }
    let columns = examples.columns.par_iter();
    Examples {
        columns: columns
            .map(|column| keep(column, folds, &is_wanted))
            .collect(),
        targets: keep(&examples.targets, folds, &is_wanted),
        weights: keep(&examples.weights, folds, &is_wanted),
    }
}
