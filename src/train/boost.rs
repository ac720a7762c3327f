//! Codes and targets in, a forest out: gradient boosting of oblivious trees.
//!
//! Logistic loss, second-order gains with a ridge (Chen 2016), histograms over the 256 codes,
//! one question a level that is best for all its leaves together (Prokhorenkova 2018), a
//! share of the lines a tree (Friedman 2002).

use rayon::prelude::*;

use crate::score::forest::{Forest, Grown, Split};

/// How a forest is grown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForestOptions {
    /// Trees.
    pub trees: usize,
    /// Questions of a tree.
    pub depth: usize,
    /// How much of a leaf's value is taken.
    pub learning_rate: f64,
    /// Pull of leaves towards zero, in weight of lines.
    pub ridge: f64,
    /// Share of the lines that a tree is grown from, in percent.
    pub sample_percent: u32,
    /// Share of the features that a tree may ask about, in percent.
    pub feature_percent: u32,
}

/// Lines to learn from: one column a feature, and for each line target and weight.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// One column a feature, one code a line.
    pub columns: Vec<Vec<u8>>,
    /// 1 boilerplate, 0 body.
    pub targets: Vec<f32>,
    /// What a line counts.
    pub weights: Vec<f32>,
}

/// Gradient and curvature of the loss.
#[derive(Clone, Copy, Default)]
struct Slope {
    gradient: f64,
    curvature: f64,
}

impl Slope {
    fn plus(self, other: Slope) -> Slope {
        Slope {
            gradient: self.gradient + other.gradient,
            curvature: self.curvature + other.curvature,
        }
    }

    fn minus(self, other: Slope) -> Slope {
        Slope {
            gradient: self.gradient - other.gradient,
            curvature: self.curvature - other.curvature,
        }
    }

    fn gain(self, ridge: f64) -> f64 {
        self.gradient * self.gradient / (self.curvature + ridge)
    }
}

/// splitmix64, as a hash.
pub(super) fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The lines of a tree's sample, each in its leaf so far.
struct Sample {
    lines: Vec<u32>,
    slopes: Vec<Slope>,
    leaves: Vec<u8>,
}

/// The gain of every question about a feature, and the best of them.
fn best_question(column: &[u8], sample: &Sample, leaves: usize, ridge: f64) -> (f64, u8) {
    let mut histogram = vec![Slope::default(); leaves * 256];
    let parts = sample.lines.iter().zip(&sample.slopes).zip(&sample.leaves);
    for ((&line, slope), &leaf) in parts {
        let code = column[line as usize];
        let bin = &mut histogram[usize::from(leaf) << 8 | usize::from(code)];
        bin.gradient += slope.gradient;
        bin.curvature += slope.curvature;
    }
    let mut gains = [0.0; 255];
    for bins in histogram.chunks_exact(256) {
        let all = bins
            .iter()
            .fold(Slope::default(), |sum, bin| sum.plus(*bin));
        if all.curvature == 0.0 {
            continue;
        }
        let mut below = Slope::default();
        for (gain, bin) in gains.iter_mut().zip(bins) {
            below = below.plus(*bin);
            *gain += below.gain(ridge) + all.minus(below).gain(ridge);
        }
    }
    let mut best = (f64::MIN, 0);
    for (above, &gain) in gains.iter().enumerate() {
        if gain > best.0 {
            best = (gain, above as u8);
        }
    }
    best
}

/// Grows a forest.
///
/// The same examples, options and seed give the same forest for any number of threads.
/// Threads: rayon's current pool. Memory: 40 bytes a line besides the examples.
pub fn fit(examples: &Examples, options: &ForestOptions, seed: u64) -> Forest {
    let Examples {
        columns,
        targets,
        weights,
    } = examples;
    let lines = targets.len();
    let sum = |value: &dyn Fn(usize) -> f64| (0..lines).map(value).sum::<f64>();
    let weight = sum(&|line| f64::from(weights[line])).max(1e-9);
    let chaff = sum(&|line| f64::from(weights[line] * targets[line])) / weight;
    let chaff = chaff.clamp(1e-4, 1.0 - 1e-4);
    let bias = (chaff / (1.0 - chaff)).ln() as f32;
    let mut log_odds = vec![bias; lines];
    let mut forest = Grown {
        bias,
        depth: options.depth,
        ..Grown::default()
    };
    let ridge = options.ridge * weight / lines.max(1) as f64;
    // A feature that is the same of all lines tells nothing, and may be one that is not known yet.
    let varies = |column: &Vec<u8>| column.windows(2).any(|codes| codes[0] != codes[1]);
    let varies: Vec<bool> = columns.par_iter().map(varies).collect();
    for tree in 0..options.trees {
        let slopes: Vec<Slope> = (0..lines)
            .into_par_iter()
            .map(|line| {
                let likelihood = 1.0 / (1.0 + f64::from(-log_odds[line]).exp());
                let weight = f64::from(weights[line]);
                Slope {
                    gradient: weight * (likelihood - f64::from(targets[line])),
                    curvature: weight * likelihood * (1.0 - likelihood),
                }
            })
            .collect();
        let is_in = |line: &u32| {
            let place = mix(seed ^ (tree as u64) << 40 ^ u64::from(*line)) % 100;
            place < u64::from(options.sample_percent)
        };
        let chosen: Vec<u32> = (0..lines as u32).filter(is_in).collect();
        let mut sample = Sample {
            slopes: chosen.iter().map(|&line| slopes[line as usize]).collect(),
            leaves: vec![0; chosen.len()],
            lines: chosen,
        };
        let is_asked = |feature: usize| {
            let place = mix(!seed ^ (tree as u64) << 40 ^ feature as u64) % 100;
            varies[feature] && place < u64::from(options.feature_percent)
        };
        for level in 0..options.depth {
            let found: Vec<(f64, u8)> = columns
                .par_iter()
                .enumerate()
                .map(|(feature, column)| match is_asked(feature) {
                    true => best_question(column, &sample, 1 << level, ridge),
                    false => (f64::MIN, u8::MAX),
                })
                .collect();
            let mut best = 0;
            for (feature, question) in found.iter().enumerate() {
                if question.0 > found[best].0 {
                    best = feature;
                }
            }
            let above = found[best].1;
            let column = &columns[best];
            for (leaf, &line) in sample.leaves.iter_mut().zip(&sample.lines) {
                *leaf |= u8::from(column[line as usize] > above) << level;
            }
            forest.splits.push(Split {
                feature: best as u8,
                above,
            });
        }
        // Leaves are valued by all lines.
        let splits = &forest.splits[tree * options.depth..];
        let leaf_of: Vec<u8> = (0..lines)
            .into_par_iter()
            .map(|line| {
                splits.iter().enumerate().fold(0, |leaf, (bit, split)| {
                    let code = columns[usize::from(split.feature)][line];
                    leaf | u8::from(code > split.above) << bit
                })
            })
            .collect();
        let mut sums = vec![Slope::default(); 1 << options.depth];
        for (&leaf, &slope) in leaf_of.iter().zip(&slopes) {
            let sum = &mut sums[usize::from(leaf)];
            *sum = sum.plus(slope);
        }
        let value = |sum: &Slope| {
            -options.learning_rate * sum.gradient / (sum.curvature + ridge).max(1e-12)
        };
        let values: Vec<f32> = sums.iter().map(|sum| value(sum) as f32).collect();
        for (log_odds, &leaf) in log_odds.iter_mut().zip(&leaf_of) {
            *log_odds += values[usize::from(leaf)];
        }
        forest.leaves.extend(values);
    }
    forest.rounded()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::forest::Columns;

    fn columns(codes: &[[u8; 3]]) -> Columns {
        let mut columns = Columns::default();
        columns.reset(3, codes.len());
        for (line, codes) in codes.iter().enumerate() {
            columns.set(line, 0, codes);
        }
        columns
    }

    #[test]
    fn a_forest_learns_what_takes_two_features() {
        let codes: Vec<[u8; 3]> = (0..4000_u64)
            .map(|line| {
                mix(line).to_le_bytes()[..3]
                    .try_into()
                    .expect("three bytes")
            })
            .collect();
        let is_chaff = |codes: &[u8; 3]| (codes[0] > 100) != (codes[2] > 180);
        let examples = Examples {
            columns: (0..3)
                .map(|at| codes.iter().map(|codes| codes[at]).collect())
                .collect(),
            targets: codes
                .iter()
                .map(|codes| f32::from(u8::from(is_chaff(codes))))
                .collect(),
            weights: vec![1.0; codes.len()],
        };
        let options = ForestOptions {
            trees: 60,
            depth: 3,
            learning_rate: 0.3,
            ridge: 1.0,
            sample_percent: 70,
            feature_percent: 100,
        };
        let forest = fit(&examples, &options, 7);
        assert_eq!(forest, fit(&examples, &options, 7));
        assert_ne!(forest, fit(&examples, &options, 8));
        assert_eq!(forest.trees(), 60);
        let fresh: Vec<[u8; 3]> = (5000..6000_u64)
            .map(|line| {
                mix(line).to_le_bytes()[..3]
                    .try_into()
                    .expect("three bytes")
            })
            .collect();
        let mut sums = Vec::new();
        forest.sums(&columns(&fresh), &mut sums);
        let right = fresh.iter().zip(&sums);
        let right = right
            .filter(|(codes, sum)| is_chaff(codes) == (**sum > 0.0))
            .count();
        assert!(right > 950, "{right} of 1000");
    }

    #[test]
    fn no_lines_make_an_idle_forest() {
        let examples = Examples {
            columns: vec![Vec::new(); 2],
            ..Examples::default()
        };
        let options = ForestOptions {
            trees: 2,
            depth: 2,
            learning_rate: 0.1,
            ridge: 1.0,
            sample_percent: 100,
            feature_percent: 100,
        };
        let forest = fit(&examples, &options, 1);
        assert!(forest.each_tree().all(|(_, leaves)| leaves == [0; 4]));
    }
}
