//! The scorer that the program uses: an additive model, every line alone, then in context.
//!
//! Each feature has a table with one weight a bin; a line's log-odds of being boilerplate
//! are a bias plus one weight from each table (a generalised additive model). So every score
//! can be taken apart by hand: see `docs/scoring.md`, and `weights.rs` beside this file for the tables,
//! fitted by `examples/fit.rs`.

use super::bins::{self, Feature};
use super::context::Neighbourhood;
use super::{Contribution, PageFacts, Score, Scorer, Step, alone, context, weights};

/// Scores with the tables of `weights.rs`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdditiveScorer;

fn log_odds_alone(facts: &PageFacts<'_>, line: usize) -> f32 {
    let bins = alone::bins(&facts.evidence.shapes[line]);
    bins::log_odds(weights::ALONE_BIAS, &weights::ALONE, &bins)
}

impl Scorer for AdditiveScorer {
    fn score(&self, facts: &PageFacts<'_>, scratch: &mut Vec<f64>, scores: &mut Vec<Score>) {
        scores.clear();
        let lines = 0..facts.line_count();
        let alone = lines.clone().map(|line| log_odds_alone(facts, line));
        let neighbourhood = Neighbourhood::new(facts, alone, scratch);
        scores.extend(lines.map(|line| {
            let bins = neighbourhood.bins(line);
            let log_odds = bins::log_odds(weights::CONTEXT_BIAS, &weights::CONTEXT, &bins);
            Score {
                alone: neighbourhood.likelihood_alone(line),
                context: bins::likelihood(log_odds),
            }
        }));
    }

    fn explain(&self, facts: &PageFacts<'_>) -> Vec<Vec<Contribution>> {
        let mut scratch = Vec::new();
        let lines = 0..facts.line_count();
        let alone = lines.clone().map(|line| log_odds_alone(facts, line));
        let neighbourhood = Neighbourhood::new(facts, alone, &mut scratch);
        lines
            .map(|line| {
                let bins = neighbourhood.bins(line);
                let in_context = weigh(Step::Context, &context::FEATURES, &weights::CONTEXT, &bins);
                let shape = &facts.evidence.shapes[line];
                let bins = alone::bins(shape);
                let alone = weigh(Step::Alone, &alone::FEATURES, &weights::ALONE, &bins);
                let mut all: Vec<Contribution> = in_context.chain(alone).collect();
                all.sort_by(|left, right| right.log_odds.abs().total_cmp(&left.log_odds.abs()));
                all
            })
            .collect()
    }
}

fn weigh<'a, const N: usize>(
    step: Step,
    features: &'a [Feature; N],
    tables: &'a [&[f32]; N],
    bins: &[usize; N],
) -> impl Iterator<Item = Contribution> + use<'a, N> {
    let bins = *bins;
    features
        .iter()
        .zip(tables)
        .enumerate()
        .map(move |(index, (feature, table))| Contribution {
            step,
            feature: feature.name,
            log_odds: table[bins[index]],
        })
}

/// What `examples/fit.rs` fits the tables from: the bins of both steps.
///
/// The bins of a line alone depend on the line; those in context on the weights of step one.
pub mod training {
    use super::*;

    pub use super::alone::FEATURES as ALONE_FEATURES;
    pub use super::context::{FEATURES as CONTEXT_FEATURES, SITE_FEATURES};

    /// For each line of a page, one bin for each of [`ALONE_FEATURES`].
    pub fn bins_alone(facts: &PageFacts<'_>) -> Vec<Vec<usize>> {
        facts
            .evidence
            .shapes
            .iter()
            .map(|shape| alone::bins(shape).to_vec())
            .collect()
    }

    /// For each line of a page, one bin for each of [`CONTEXT_FEATURES`], given the log-odds
    /// of each line alone.
    pub fn bins_in_context(facts: &PageFacts<'_>, alone: &[f32]) -> Vec<Vec<usize>> {
        let mut scratch = Vec::new();
        let neighbourhood = Neighbourhood::new(facts, alone.iter().copied(), &mut scratch);
        (0..facts.line_count())
            .map(|line| neighbourhood.bins(line).to_vec())
            .collect()
    }
}
