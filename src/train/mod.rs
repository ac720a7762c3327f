//! Labelled pages in, a [`Model`] out.
//!
//! Every step learns from what the step before it says of pages that it was not fitted on: pages
//! are dealt into [`FOLDS`] by domain, each fold is scored by a fit on the others (Wolpert 1992).
//! (What that fit learned from was scored in the same way, by fits that saw the fold: a leak of
//! second order.) The features are those of [`crate::score`], so training and use cannot differ.

pub mod boost;
mod cut;
pub mod lexical;
pub mod network;
mod page;
pub mod teach;

use std::collections::HashSet;
use std::num::NonZeroU32;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::config::Config;
use crate::eval::{GoldPage, index_pages};
use crate::score::forest::Forest;
use crate::score::hints::HintTable;
use crate::score::learned::Tables;
use crate::score::lexical::LexicalTable;
use crate::score::model::Step;
use crate::score::{Asked, FeatureGroup, Features, KINDS, Kind, Model, Reads, Scratch, place};
use boost::{Examples, ForestOptions};
use lexical::{LexicalExample, TableOptions};
use network::{NetworkOptions, NetworkPage};
use page::TrainingPage;

/// Parts that pages are dealt into.
pub const FOLDS: usize = 4;
/// Most lines of a stretch of a page that a network learns from at once.
const STRETCH_LINES: usize = 512;
/// Pages with fewer than which no forest learns where to cut: of 151 pages one learned worse than
/// the cut by expected F1, of 533 as good, of 1,290 better.
const LEAST_PAGES_OF_CUTS: usize = 500;
/// Lines behind and before a line that its words speak of.
const SPOKEN_OF: usize = 8;

/// How a model is fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// The model's name.
    pub name: String,
    /// Weights of words: two to the power of this many.
    pub table_bits: u32,
    /// Whether runs of letters have weights.
    pub letters: bool,
    /// Bytes at a line's front that are read for its words and letters; None for all of it. What a
    /// long line says is said early (ADR 29).
    pub front_bytes: Option<NonZeroU32>,
    /// Whether it is learned from where lines stood in the markup too; all pages must tell.
    pub reads: Reads,
    /// Weights of places in the markup: two to the power of this many.
    pub place_bits: u32,
    /// Weights of what words of text hint of places in the markup: two to the power of this many; None
    /// for none. They are learned from pages whose places are known, if there are any.
    pub hint_bits: Option<u32>,
    /// For each step, the line alone, then its neighbourhood, once or several times, a forest for
    /// each [`Kind`]; one without trees is not fitted.
    pub steps: Vec<[ForestOptions; KINDS]>,
    /// The forest that chooses a page's cut; without trees it is cut by its expected F1.
    pub cut: ForestOptions,
    /// Networks for the last step, which differ in what they begin with.
    pub networks: usize,
    /// How they are fitted.
    pub network: NetworkOptions,
    /// Where less than this share of a page's words is known, words say nothing.
    pub least_known: f32,
    /// What nothing is learned from.
    pub without: Vec<FeatureGroup>,
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
            table_bits: 17,
            letters: true,
            front_bytes: NonZeroU32::new(64),
            reads: Reads::Text,
            place_bits: 15,
            hint_bits: None,
            steps: vec![
                forests(forest, [60, 20, 0]),
                forests(ForestOptions { depth: 6, ..forest }, [100, 30, 20]),
            ],
            cut: ForestOptions {
                trees: 100,
                depth: 6,
                learning_rate: 0.1,
                ..forest
            },
            networks: 0,
            network: NetworkOptions {
                epochs: 5,
                learning_rate: 2e-3,
                dropout: 0.1,
                batch_lines: 4096,
            },
            least_known: 0.6,
            without: Vec::new(),
            seed: 1,
        }
    }

    /// Larger, slower, more accurate.
    pub fn accurate() -> Self {
        let fast = TrainOptions::fast();
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
            letters: true,
            front_bytes: None,
            place_bits: 17,
            hint_bits: Some(16),
            steps: [[150, 60, 0], [250, 100, 0], [250, 60, 60]]
                .map(|trees| forests(forest, trees))
                .into(),
            cut: ForestOptions { trees: 0, ..forest },
            networks: 2,
            network: NetworkOptions {
                epochs: 10,
                ..fast.network
            },
            ..fast
        }
    }

    /// The same with the first steps only, so many; the last of them looks for headlines as the last
    /// of all did.
    ///
    /// # Panics
    ///
    /// There are none, or not so many.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        assert!((1..=self.steps.len()).contains(&steps), "of these steps");
        let headline = Kind::Headline as usize;
        let of_headlines = self.steps[self.steps.len() - 1][headline];
        self.steps.truncate(steps);
        self.steps[steps - 1][headline] = of_headlines;
        self
    }

    /// Whether boilerplate and headlines, or comments, are learned from a feature.
    fn learns_from(&self, feature: usize, kind: Kind) -> bool {
        let group = Features::of(self.reads).groups[feature];
        let is_of_kind = group != FeatureGroup::Comments || kind == Kind::Comment;
        let is_there = group != FeatureGroup::Hints || self.hint_bits.is_some();
        is_of_kind && is_there && !self.without.contains(&group)
    }

    /// The same for pages whose markup is known. Their scores are so sure that the cut by expected
    /// F1 is better than what a forest chooses (ADR 23); of their places there need be no hints.
    #[must_use]
    pub fn for_html(self) -> Self {
        TrainOptions {
            name: self.name + "-html",
            reads: Reads::Html,
            hint_bits: None,
            network: TrainOptions::fast().network,
            cut: ForestOptions {
                trees: 0,
                ..self.cut
            },
            ..self
        }
    }
}

/// Parts pages in two, those of one site together: the others, and about `percent` of a hundred
/// sites set aside to measure on. The same pages and seed give the same parts.
pub fn set_aside(pages: Vec<GoldPage>, percent: u32, seed: u64) -> (Vec<GoldPage>, Vec<GoldPage>) {
    let is_aside = |page: &GoldPage| {
        let place = format!("{seed} aside {}", page::site_of(page));
        xxh3_64(place.as_bytes()) % 100 < u64::from(percent)
    };
    let (aside, others) = pages.into_iter().partition(is_aside);
    (others, aside)
}

/// Forests alike but for their number of trees.
fn forests(forest: ForestOptions, trees: [usize; KINDS]) -> [ForestOptions; KINDS] {
    trees.map(|trees| ForestOptions { trees, ..forest })
}

/// What each page counts, so that large sources do not drown small ones. Of HTML, which tells what
/// kind of page it is, the articles of a source do not drown its shops and forums either; what text
/// alone tells of that is too little, and news was worse for it (ADR 31).
fn source_weights(golds: &[&GoldPage], reads: Reads) -> Vec<f32> {
    let part_of = |gold: &&GoldPage| -> (String, Option<String>) {
        let page_type = gold.page_type.clone().filter(|_| reads == Reads::Html);
        (gold.source.clone(), page_type)
    };
    let parts: Vec<_> = golds.iter().map(part_of).collect();
    let mut counts = std::collections::BTreeMap::<_, f32>::new();
    for part in &parts {
        *counts.entry(part).or_default() += 1.0;
    }
    parts.iter().map(|part| 1.0 / counts[part].sqrt()).collect()
}

fn weigh_by_source(pages: &mut [TrainingPage], source_weights: &[f32]) {
    let mut total = 0.0;
    let mut lines = 0.0;
    for (page, source_weight) in pages.iter_mut().zip(source_weights) {
        for (weight, target) in page.weights.iter_mut().zip(&page.targets) {
            *weight *= source_weight;
            if target[Kind::Boilerplate as usize].is_some() {
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
/// `taught` are pages that a teacher labelled, see [`teach`]: where a page is cut is not learned from
/// them, as they do not tell their whole body.
///
/// The same pages in the same order, options and seed give the same model on one platform, for
/// any number of threads (rayon's current pool); another's logarithms may differ in their last
/// bit. Memory: about 1.5 KB a line.
pub fn train(
    golds: &[GoldPage],
    taught: &[GoldPage],
    options: &TrainOptions,
    tell: Tell<'_>,
) -> Model {
    let all: Vec<&GoldPage> = golds.iter().chain(taught).collect();
    let has_places = all.iter().any(|gold| !gold.places.is_empty());
    let options = &TrainOptions {
        hint_bits: options.hint_bits.filter(|_| has_places),
        ..options.clone()
    };
    let index = index_pages(all.iter().copied(), &Config::default());
    let with_comments = all.iter().filter(|gold| gold.comments.is_some());
    let tell_comments: HashSet<&str> = with_comments.map(|gold| &*gold.source).collect();
    let (mut pages, without_words): (Vec<TrainingPage>, Vec<Option<TrainingPage>>) = all
        .par_iter()
        .map(|gold| {
            let knows_comments = tell_comments.contains(&*gold.source);
            TrainingPage::of(gold, &index, knows_comments, options.seed)
        })
        .unzip();
    let mut source_weights = source_weights(&all, options.reads);
    // Those without words stand behind all others.
    for (number, page) in without_words.into_iter().enumerate() {
        if let Some(page) = page {
            source_weights.push(source_weights[number]);
            pages.push(page);
        }
    }
    weigh_by_source(&mut pages, &source_weights);
    let lines: usize = pages.iter().map(|page| page.targets.len()).sum();
    let twice = pages.len() - all.len();
    tell(&format!(
        "{} pages, {twice} of them twice: {lines} lines",
        all.len()
    ));

    let table = TableOptions {
        word_bits: options.table_bits,
        letters: options.letters,
        front_bytes: options.front_bytes,
    };
    let words = |page: &TrainingPage, line: usize| {
        let line_weight = page.weights[line];
        let text = page.evidence.normalized(line);
        Some(LexicalExample::of(
            text,
            table,
            page.words_say(line)?,
            line_weight,
        ))
    };
    let (lexical, fold_lexicals) = fit_table(&pages, options.seed, table, words, lexical::fit);
    tell("words are weighed");
    let (hints, fold_hints) = match options.hint_bits {
        None => (None, Vec::new()),
        Some(word_bits) => {
            let table = TableOptions { word_bits, ..table };
            let hints = |page: &TrainingPage, line: usize| {
                let truths = page.hints(line)?;
                // Short lines are to be known too.
                let weight = page.weights[line].sqrt();
                let text = page.evidence.normalized(line);
                Some(LexicalExample::of(text, table, truths, weight))
            };
            let (hints, folds) = fit_table(&pages, options.seed, table, hints, lexical::fit_hints);
            tell("hints are weighed");
            (Some(hints), folds)
        }
    };
    let place = |page: &TrainingPage, line: usize| {
        let targets = page.words_say(line)?;
        let mut example = LexicalExample::new(targets, page.weights[line]);
        let structure = &page.evidence.structure;
        place::each_gram(&structure.lines[line], &structure.page, |gram| {
            example.grams.push(gram);
        });
        Some(example)
    };
    let (places, fold_places) = match options.reads {
        Reads::Text => (None, Vec::new()),
        Reads::Html => {
            let table = TableOptions {
                word_bits: options.place_bits,
                letters: false,
                front_bytes: None,
            };
            let (places, folds) = fit_table(&pages, options.seed, table, place, lexical::fit);
            tell("places are weighed");
            (Some(places), folds)
        }
    };
    let folds = FoldTables {
        lexicals: &fold_lexicals,
        places: &fold_places,
        hints: &fold_hints,
    };
    let features = Features::of(options.reads);
    let learns_cut = options.cut.trees > 0 && golds.len() >= LEAST_PAGES_OF_CUTS;
    let mut model = Model {
        name: options.name.clone(),
        least_known: options.least_known,
        lexical,
        places,
        hints,
        steps: Vec::new(),
        networks: Vec::new(),
        cut: Forest::default(),
    };
    for (step, forest_options) in options.steps.iter().enumerate() {
        let is_last = step + 1 == options.steps.len();
        let lines = Lines::of(&pages, folds, step, options);
        let fit = |kind: usize, left_out: Option<usize>| {
            let seed = options.seed << 8 | (step * KINDS + kind) as u64;
            let examples = lines.examples(kind, left_out, options);
            boost::fit(&examples, &forest_options[kind], seed)
        };
        let forests: Step = std::array::from_fn(|kind| fit(kind, None));
        let trees = forests.each_ref().map(Forest::trees);
        tell(&format!("step {step}: {trees:?} trees"));
        // Of what the last step says of other pages, the cut alone learns.
        let kinds = match is_last {
            false => 0..KINDS,
            true => 0..usize::from(learns_cut),
        };
        let says_on = !kinds.is_empty();
        let of_fold = |fold| -> Vec<Forest> {
            let kinds = kinds.clone();
            kinds.map(|kind| fit(kind, Some(fold))).collect()
        };
        let of_folds: Vec<Vec<Forest>> = (0..FOLDS).map(of_fold).collect();
        drop(lines);
        model.steps.push(forests);
        if is_last && options.networks > 0 {
            let pages = network_pages(&pages, folds, step, options);
            for number in 0..options.networks {
                let seed = options.seed << 8 | number as u64;
                let network = network::fit(&pages, features.count(), &options.network, seed);
                tell(&format!("network {number} is fitted"));
                model.networks.push(network);
            }
        }
        if !says_on {
            continue;
        }
        pages
            .par_iter_mut()
            .for_each_init(Scratch::default, |scratch, page| {
                fill(page, folds, step, options, scratch);
                for (forest, log_odds) in of_folds[page.fold].iter().zip(&mut page.log_odds) {
                    forest.sums(&scratch.columns, log_odds);
                }
            });
    }
    if learns_cut {
        let weights = &source_weights[..golds.len()];
        model.cut = cut::fit(golds, &pages, weights, &options.cut, options.seed);
        tell(&format!("cut: {} trees", model.cut.trees()));
    }
    model
}

/// What words and places weigh in the fits that leave out each fold.
#[derive(Clone, Copy)]
struct FoldTables<'t> {
    lexicals: &'t [LexicalTable],
    places: &'t [LexicalTable],
    hints: &'t [HintTable],
}

impl<'t> FoldTables<'t> {
    fn of(self, fold: usize) -> Tables<'t> {
        Tables {
            lexical: &self.lexicals[fold],
            places: self.places.get(fold),
            hints: self.hints.get(fold),
        }
    }
}

/// The table fitted on the examples of all pages, and for each fold the one fitted on the others.
fn fit_table<const N: usize, T: Send>(
    pages: &[TrainingPage],
    seed: u64,
    table: TableOptions,
    example: impl Fn(&TrainingPage, usize) -> Option<LexicalExample<N>> + Sync,
    fit: fn(&[&LexicalExample<N>], TableOptions) -> T,
) -> (T, Vec<T>) {
    let example = &example;
    let mut examples: Vec<(u64, usize, LexicalExample<N>)> = pages
        .par_iter()
        .enumerate()
        .flat_map_iter(|(number, page)| {
            let known = page.targets.len() * usize::from(page.knows_words);
            (0..known).filter_map(move |line| {
                let example = example(page, line)?;
                let place = format!("{seed} {number} {line}");
                let place = xxh3_64(place.as_bytes());
                Some((place, page.fold, example))
            })
        })
        .collect();
    examples.par_sort_by_key(|(place, ..)| *place);
    let fit = |left_out: Option<usize>| {
        let others = examples
            .iter()
            .filter(|(_, fold, _)| Some(*fold) != left_out);
        let others: Vec<_> = others.map(|(.., example)| example).collect();
        fit(&others, table)
    };
    let mut tables: Vec<T> = (0..=FOLDS)
        .into_par_iter()
        .map(|fold| fit((fold < FOLDS).then_some(fold)))
        .collect();
    let all = tables.pop().expect("one more than folds");
    (all, tables)
}

/// Fills the columns of a page for a step.
fn fill(
    page: &TrainingPage,
    folds: FoldTables<'_>,
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
    let tables = folds.of(page.fold);
    scratch.fill_lines(&facts, tables, least_known, step > 0);
    if step > 0 {
        let reads = tables.reads();
        scratch.fill_neighbourhood(&facts, reads, &page.log_odds, &Asked::all(reads));
    }
}

/// Pages with their codes for the last step; long ones in stretches.
fn network_pages(
    pages: &[TrainingPage],
    folds: FoldTables<'_>,
    step: usize,
    options: &TrainOptions,
) -> Vec<NetworkPage> {
    let features = Features::of(options.reads);
    let is_left_out = |feature: &usize| !options.learns_from(*feature, Kind::Boilerplate);
    let parts = pages
        .par_iter()
        .map_init(Scratch::default, |scratch, page| {
            fill(page, folds, step, options, scratch);
            for feature in (0..features.count()).filter(is_left_out) {
                scratch.columns.fill_with(feature, 0);
            }
            let lines = 0..page.targets.len();
            let starts = lines.clone().step_by(STRETCH_LINES);
            let stretch = |from: usize| {
                let to = (from + STRETCH_LINES).min(lines.end);
                NetworkPage {
                    columns: scratch.columns.stretch(from..to),
                    targets: page.targets[from..to].to_vec(),
                    weights: page.weights[from..to].to_vec(),
                }
            };
            starts.map(stretch).collect::<Vec<NetworkPage>>()
        });
    parts.flatten_iter().collect()
}

/// All lines of all pages.
struct Lines {
    columns: Vec<Vec<u8>>,
    targets: Vec<[Option<f32>; KINDS]>,
    weights: Vec<f32>,
    folds: Vec<u8>,
}

impl Lines {
    /// The lines with their codes for a step.
    fn of(
        pages: &[TrainingPage],
        folds: FoldTables<'_>,
        step: usize,
        options: &TrainOptions,
    ) -> Self {
        let features = Features::of(options.reads);
        let is_known = |feature| step > 0 || features.is_of_line(feature);
        let parts: Vec<Vec<Vec<u8>>> = pages
            .par_iter()
            .map_init(Scratch::default, |scratch, page| {
                fill(page, folds, step, options, scratch);
                let lines = 0..page.targets.len();
                let code = |feature, line| scratch.columns.code(feature, line);
                let column = |feature| match is_known(feature) {
                    true => lines.clone().map(|line| code(feature, line)).collect(),
                    false => vec![0; lines.len()],
                };
                (0..features.count()).map(column).collect()
            })
            .collect();
        let column = |feature: usize| {
            let parts = parts.iter().map(|part| &*part[feature]);
            parts.collect::<Vec<&[u8]>>().concat()
        };
        let folds = pages.iter();
        let folds = folds.flat_map(|page| std::iter::repeat_n(page.fold as u8, page.targets.len()));
        let lines = |page: &TrainingPage| page.targets.clone();
        Lines {
            columns: (0..features.count()).into_par_iter().map(column).collect(),
            targets: pages.iter().flat_map(lines).collect(),
            weights: pages.iter().flat_map(|page| page.weights.clone()).collect(),
            folds: folds.collect(),
        }
    }

    /// The lines of which it is known whether they are of a [`Kind`], those of one fold left
    /// out.
    fn examples(&self, kind: usize, left_out: Option<usize>, options: &TrainOptions) -> Examples {
        let is_wanted = |line: &usize| {
            let is_left_out = left_out == Some(usize::from(self.folds[*line]));
            !is_left_out && self.targets[*line][kind].is_some()
        };
        let wanted: Vec<usize> = (0..self.targets.len()).filter(is_wanted).collect();
        let is_asked = |feature| options.learns_from(feature, Kind::ALL[kind]);
        let columns = self.columns.par_iter().enumerate();
        Examples {
            columns: columns
                .map(|(feature, column)| match is_asked(feature) {
                    true => wanted.iter().map(|&line| column[line]).collect(),
                    false => vec![0; wanted.len()],
                })
                .collect(),
            targets: wanted
                .iter()
                .filter_map(|&line| self.targets[line][kind])
                .collect(),
            weights: wanted.iter().map(|&line| self.weights[line]).collect(),
        }
    }
}
