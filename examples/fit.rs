//! Fits the tables of the additive scorer from labelled pages and prints `src/score/weights.rs`.
//!
//! ```text
//! cargo run --release --example fit -- GOLD.jsonl.gz... > src/score/weights.rs
//! ```
//!
//! Logistic regression on one-hot bins by AdaGrad (Duchi 2011), a fixed number of epochs in a
//! fixed pseudo-random order, so the same pages give the same file. Step one is fitted first;
//! step two sees the log-odds that step one gives. What other pages of the site say is fitted
//! last, with everything else held, on the pages of sites that have several: so a page that
//! stands alone is scored as if there were no such features. A line weighs its words over the square root
//! of its page's lines times its source's pages, so that neither long pages nor large sources
//! drown the others. Lines that the page-scope rule removes are left out, and the line that
//! stays for them is body where any of its copies is.
#![allow(clippy::print_stderr)]

use std::error::Error;
use std::io::Write;
use std::path::Path;

use dechaff::Config;
use dechaff::eval::{GoldPage, GoldReader, Label, index_pages};
use dechaff::evidence::{Evidence, Needs};
use dechaff::index::CorpusIndex;
use dechaff::index::keys::SiteKey;
use dechaff::repeats::Repeats;
use dechaff::score::PageFacts;
use dechaff::score::additive::training;
use dechaff::score::bins::Feature;

const EPOCHS: usize = 12;
const LEARNING_RATE: f64 = 0.2;
/// Pull towards zero, per unit of weight seen.
const RIDGE: f64 = 2e-6;
/// Words above this add no weight to a line.
const MAX_WORDS: u32 = 60;

struct TrainingPage {
    gold: GoldPage,
    text: String,
    /// For each line that is not blank: 1 boilerplate, 0 body, None not learned from.
    targets: Vec<Option<f64>>,
    weights: Vec<f64>,
    /// Whether the other pages of its site are known.
    knows_site: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        return Err("usage: fit GOLD.jsonl.gz... > src/score/weights.rs".into());
    }
    let mut golds = Vec::new();
    for path in &paths {
        for page in GoldReader::open(Path::new(path))? {
            golds.push(page?);
        }
    }
    let index = index_pages(&golds, &Config::default());
    let mut pages = Vec::new();
    for gold in golds {
        let has_others = gold.domain.as_ref().is_some_and(|domain| {
            let site = index.sites.get(&SiteKey::of(domain.as_bytes()));
            site.is_some_and(|site| site.pages > 1)
        });
        if has_others {
            pages.push(training_page(gold.clone(), &index, true));
        }
        pages.push(training_page(gold, &index, false));
    }
    weigh_by_source(&mut pages);
    eprintln!("{} pages", pages.len());

    let (with_site, without_site): (Vec<_>, Vec<_>) =
        pages.into_iter().partition(|page| page.knows_site);
    let alone_features = &training::ALONE_FEATURES;
    let mut alone = Model::new(alone_features);
    let lines = examples(&without_site, &index, &alone, training::bins_alone);
    alone.fit(lines, alone_features, |_| true);

    let features = &training::CONTEXT_FEATURES;
    let in_context = |facts: &PageFacts<'_>| {
        let log_odds: Vec<f32> = training::bins_alone(facts)
            .iter()
            .map(|bins| alone.log_odds(bins) as f32)
            .collect();
        training::bins_in_context(facts, &log_odds)
    };
    let mut context = Model::new(features);
    let is_of_site = |feature: &Feature| training::SITE_FEATURES.contains(&feature.name);
    let alone_pages = examples(&without_site, &index, &context, in_context);
    context.fit(alone_pages, features, |feature| !is_of_site(feature));
    let site_pages = examples(&with_site, &index, &context, in_context);
    context.fit(site_pages, features, is_of_site);

    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "//! The weights of the additive scorer, written by `examples/fit.rs`."
    )?;
    writeln!(out, "//!")?;
    writeln!(
        out,
        "//! One table a feature, one weight a bin, in log-odds: above 0 speaks for boilerplate."
    )?;
    writeln!(
        out,
        "//! The bins are defined in `alone.rs` and `context.rs`."
    )?;
    writeln!(out, "#![allow(clippy::approx_constant)]")?;
    alone.write(&mut out, "ALONE", &training::ALONE_FEATURES)?;
    context.write(&mut out, "CONTEXT", &training::CONTEXT_FEATURES)?;
    Ok(())
}

fn facts_of<T>(
    gold: &GoldPage,
    text: &str,
    index: Option<&CorpusIndex>,
    use_facts: impl FnOnce(&PageFacts<'_>) -> T,
) -> T {
    let mut evidence = Evidence::default();
    let mut repeats = Repeats::default();
    let needs = Needs {
        site: index.is_some(),
        ..Needs::PAGE
    };
    evidence.gather(text.as_bytes(), needs);
    if let Some(index) = index {
        evidence.look_up(index, &gold.address(), 0);
    }
    repeats.find(&evidence);
    use_facts(&PageFacts {
        page: text.as_bytes(),
        evidence: &evidence,
        repeats: &repeats,
    })
}

fn training_page(page: GoldPage, index: &CorpusIndex, knows_site: bool) -> TrainingPage {
    let text = page.text();
    let known = Some(index).filter(|_| knows_site);
    let (targets, weights) = facts_of(&page, &text, known, |facts| {
        let lines = &facts.evidence.lines;
        let label = |line: usize| page.labels[lines[line].number - 1];
        let mut targets: Vec<Option<f64>> = (0..lines.len())
            .map(|line| match label(line) {
                Label::Body => Some(0.0),
                Label::Boilerplate => Some(1.0),
                Label::Either => None,
            })
            .collect();
        for line in 0..lines.len() {
            if let Some(of) = facts.repeats.of(line) {
                if label(line) == Label::Body {
                    targets[of] = Some(0.0);
                }
                targets[line] = None;
            }
        }
        for &headline in &page.headline {
            let at = lines.iter().position(|line| line.number == headline + 1);
            if let Some(line) = at {
                targets[facts.repeats.of(line).unwrap_or(line)] = Some(0.0);
            }
        }
        let page_weight = 1.0 / (lines.len() as f64).sqrt();
        let weights = facts
            .evidence
            .shapes
            .iter()
            .map(|shape| f64::from(shape.words.clamp(1, MAX_WORDS)) * page_weight)
            .collect();
        (targets, weights)
    });
    TrainingPage {
        gold: page,
        text,
        targets,
        weights,
        knows_site,
    }
}

fn weigh_by_source(pages: &mut [TrainingPage]) {
    let mut counts = std::collections::BTreeMap::<String, f64>::new();
    for page in pages.iter() {
        *counts.entry(page.gold.source.clone()).or_default() += 1.0;
    }
    let mut total = 0.0;
    let mut lines = 0.0;
    for page in pages.iter_mut() {
        let source_weight = 1.0 / counts[&page.gold.source].sqrt();
        for (weight, target) in page.weights.iter_mut().zip(&page.targets) {
            *weight *= source_weight;
            if target.is_some() {
                total += *weight;
                lines += 1.0;
            }
        }
    }
    for page in pages {
        page.weights
            .iter_mut()
            .for_each(|weight| *weight *= lines / total);
    }
}

struct Model {
    bias: f64,
    weights: Vec<f64>,
    offsets: Vec<usize>,
}

impl Model {
    fn new(features: &[Feature]) -> Self {
        let offsets = features.iter().scan(0, |next, feature| {
            Some(std::mem::replace(next, *next + feature.bins))
        });
        Model {
            bias: 0.0,
            weights: vec![0.0; features.iter().map(|feature| feature.bins).sum()],
            offsets: offsets.collect(),
        }
    }

    fn log_odds(&self, bins: &[usize]) -> f64 {
        self.offsets
            .iter()
            .zip(bins)
            .fold(self.bias, |sum, (offset, bin)| {
                sum + self.weights[offset + bin]
            })
    }

    /// Moves each table's mean over the examples into the bias, so that a weight says how a
    /// line differs from the usual one.
    fn centre(&mut self, examples: &[Example], features: &[Feature]) {
        let total: f64 = examples.iter().map(|example| example.weight).sum();
        for (index, feature) in features.iter().enumerate() {
            let sum: f64 = examples
                .iter()
                .map(|example| example.weight * self.weights[usize::from(example.slots[index])])
                .sum();
            let mean = sum / total;
            self.bias += mean;
            let table = self.offsets[index]..self.offsets[index] + feature.bins;
            self.weights[table]
                .iter_mut()
                .for_each(|weight| *weight -= mean);
        }
    }

    fn write(&self, out: &mut impl Write, name: &str, features: &[Feature]) -> std::io::Result<()> {
        writeln!(
            out,
            "\npub(super) const {name}_BIAS: f32 = {:.3};\n",
            self.bias
        )?;
        writeln!(out, "#[rustfmt::skip]")?;
        writeln!(
            out,
            "pub(super) static {name}: [&[f32]; {}] = [",
            features.len()
        )?;
        for (feature, offset) in features.iter().zip(&self.offsets) {
            writeln!(out, "    // {}", feature.name)?;
            write!(out, "    &[")?;
            for (bin, weight) in self.weights[*offset..offset + feature.bins]
                .iter()
                .enumerate()
            {
                let separator = if bin % 12 == 0 { "\n        " } else { " " };
                write!(out, "{separator}{weight:.2},")?;
            }
            writeln!(out, "\n    ],")?;
        }
        writeln!(out, "];")
    }
}

/// One line that is learned from: target, weight, and where its weights lie.
struct Example {
    target: f64,
    weight: f64,
    slots: Vec<u16>,
}

fn examples(
    pages: &[TrainingPage],
    index: &CorpusIndex,
    model: &Model,
    bins_of: impl Fn(&PageFacts<'_>) -> Vec<Vec<usize>>,
) -> Vec<Example> {
    let mut examples = Vec::new();
    for page in pages {
        let known = Some(index).filter(|_| page.knows_site);
        let bins = facts_of(&page.gold, &page.text, known, &bins_of);
        for ((bins, target), weight) in bins.iter().zip(&page.targets).zip(&page.weights) {
            if let Some(target) = *target {
                let slots = model.offsets.iter().zip(bins);
                examples.push(Example {
                    target,
                    weight: *weight,
                    slots: slots.map(|(offset, bin)| (offset + bin) as u16).collect(),
                });
            }
        }
    }
    examples
}

impl Model {
    /// Fits the tables of the features that are learned; the others stay as they are, and so
    /// does the bias unless it is 0.
    fn fit(
        &mut self,
        mut examples: Vec<Example>,
        features: &[Feature],
        is_learned: impl Fn(&Feature) -> bool,
    ) {
        let size = self.weights.len();
        let learned: Vec<bool> = features.iter().map(is_learned).collect();
        let learns_bias = self.bias == 0.0;
        let mut squares = vec![1e-6; size + 1];
        let mut average = vec![0.0; size + 1];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for epoch in 0..EPOCHS {
            shuffle(&mut examples, &mut state);
            let mut loss = 0.0;
            for example in &examples {
                let log_odds = example.slots.iter().fold(self.bias, |sum, slot| {
                    sum + self.weights[usize::from(*slot)]
                });
                let likelihood = 1.0 / (1.0 + (-log_odds).exp());
                let error = (likelihood - example.target) * example.weight;
                let own = if example.target > 0.5 {
                    likelihood
                } else {
                    1.0 - likelihood
                };
                loss -= example.weight * own.max(1e-9).ln();
                let mut step = |value: &mut f64, slot: usize, ridge: f64| {
                    let gradient = error + ridge * *value;
                    squares[slot] += gradient * gradient;
                    *value -= LEARNING_RATE * gradient / squares[slot].sqrt();
                };
                if learns_bias {
                    step(&mut self.bias, size, 0.0);
                }
                for (slot, _) in example
                    .slots
                    .iter()
                    .zip(&learned)
                    .filter(|(_, learned)| **learned)
                {
                    let slot = usize::from(*slot);
                    step(&mut self.weights[slot], slot, RIDGE * example.weight);
                }
            }
            if epoch >= EPOCHS / 2 {
                let rounds = (EPOCHS - EPOCHS / 2) as f64;
                let values = self.weights.iter().chain([&self.bias]);
                average
                    .iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum += value / rounds);
            }
            eprintln!("epoch {epoch}: loss {:.5}", loss / examples.len() as f64);
        }
        self.bias = average[size];
        average.truncate(size);
        self.weights = average;
        if learns_bias {
            self.centre(&examples, features);
        }
    }
}

/// Fisher and Yates, driven by splitmix64.
fn shuffle<T>(items: &mut [T], state: &mut u64) {
    for last in (1..items.len()).rev() {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        items.swap(last, (mixed % (last as u64 + 1)) as usize);
    }
}
