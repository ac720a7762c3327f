//! Fits the tables of the additive scorer from labelled pages and prints `src/score/weights.rs`.
//!
//! ```text
//! cargo run --release --example fit -- GOLD.jsonl.gz... > src/score/weights.rs
//! ```
//!
//! Logistic regression on one-hot bins by AdaGrad (Duchi 2011), a fixed number of epochs in a
//! fixed pseudo-random order, so the same pages give the same file. Step one is fitted first;
//! step two sees the log-odds that step one gives. A line weighs its words over the square root
//! of its page's lines times its source's pages, so that neither long pages nor large sources
//! drown the others. Lines that the page-scope rule removes are left out, and the line that
//! stays for them is body where any of its copies is.
#![allow(clippy::print_stderr)]

use std::error::Error;
use std::io::Write;
use std::path::Path;

use dechaff::eval::{GoldPage, GoldReader, Label};
use dechaff::evidence::{Evidence, Needs};
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
    text: String,
    /// For each line that is not blank: 1 boilerplate, 0 body, None not learned from.
    targets: Vec<Option<f64>>,
    weights: Vec<f64>,
    source: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        return Err("usage: fit GOLD.jsonl.gz... > src/score/weights.rs".into());
    }
    let mut pages = Vec::new();
    for path in &paths {
        for page in GoldReader::open(Path::new(path))? {
            pages.push(training_page(&page?));
        }
    }
    weigh_by_source(&mut pages);
    eprintln!("{} pages", pages.len());

    let alone = fit(&pages, &training::ALONE_FEATURES, |facts| {
        training::bins_alone(facts)
    });
    let context = fit(&pages, &training::CONTEXT_FEATURES, |facts| {
        let log_odds: Vec<f32> = training::bins_alone(facts)
            .iter()
            .map(|bins| alone.log_odds(bins) as f32)
            .collect();
        training::bins_in_context(facts, &log_odds)
    });

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

fn facts_of<T>(text: &str, use_facts: impl FnOnce(&PageFacts<'_>) -> T) -> T {
    let mut evidence = Evidence::default();
    let mut repeats = Repeats::default();
    evidence.gather(text.as_bytes(), Needs::PAGE);
    repeats.find(&evidence);
    use_facts(&PageFacts {
        page: text.as_bytes(),
        evidence: &evidence,
        repeats: &repeats,
    })
}

fn training_page(page: &GoldPage) -> TrainingPage {
    let text = page.text();
    let (targets, weights) = facts_of(&text, |facts| {
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
        text,
        targets,
        weights,
        source: page.source.clone(),
    }
}

fn weigh_by_source(pages: &mut [TrainingPage]) {
    let mut counts = std::collections::BTreeMap::<String, f64>::new();
    for page in pages.iter() {
        *counts.entry(page.source.clone()).or_default() += 1.0;
    }
    let mut total = 0.0;
    let mut lines = 0.0;
    for page in pages.iter_mut() {
        let source_weight = 1.0 / counts[&page.source].sqrt();
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

fn fit(
    pages: &[TrainingPage],
    features: &[Feature],
    bins_of: impl Fn(&PageFacts<'_>) -> Vec<Vec<usize>>,
) -> Model {
    let offsets: Vec<usize> = features
        .iter()
        .scan(0, |next, feature| {
            Some(std::mem::replace(next, *next + feature.bins))
        })
        .collect();
    let size: usize = features.iter().map(|feature| feature.bins).sum();
    let mut examples = Vec::new();
    for page in pages {
        let bins = facts_of(&page.text, &bins_of);
        for ((bins, target), weight) in bins.iter().zip(&page.targets).zip(&page.weights) {
            if let Some(target) = *target {
                let slots = offsets
                    .iter()
                    .zip(bins)
                    .map(|(offset, bin)| (offset + bin) as u16);
                examples.push(Example {
                    target,
                    weight: *weight,
                    slots: slots.collect(),
                });
            }
        }
    }

    let mut model = Model {
        bias: 0.0,
        weights: vec![0.0; size],
        offsets,
    };
    let mut squares = vec![1e-6; size + 1];
    let mut average = vec![0.0; size + 1];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for epoch in 0..EPOCHS {
        shuffle(&mut examples, &mut state);
        let mut loss = 0.0;
        for example in &examples {
            let log_odds = example.slots.iter().fold(model.bias, |sum, slot| {
                sum + model.weights[usize::from(*slot)]
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
            step(&mut model.bias, size, 0.0);
            for slot in &example.slots {
                let slot = usize::from(*slot);
                step(&mut model.weights[slot], slot, RIDGE * example.weight);
            }
        }
        if epoch >= EPOCHS / 2 {
            let rounds = (EPOCHS - EPOCHS / 2) as f64;
            let values = model.weights.iter().chain([&model.bias]);
            average
                .iter_mut()
                .zip(values)
                .for_each(|(sum, value)| *sum += value / rounds);
        }
        eprintln!("epoch {epoch}: loss {:.5}", loss / examples.len() as f64);
    }
    model.bias = average[size];
    average.truncate(size);
    model.weights = average;
    model.centre(&examples, features);
    model
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
