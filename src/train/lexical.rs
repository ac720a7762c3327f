//! Lines and targets in, the weights of their words out: logistic regression by AdaGrad (Duchi
//! 2011) over hashed grams.

use crate::score::codes::likelihood;
use crate::score::lexical::{KNOWN_WORDS, LexicalTable, SPEAKS_OF, Scale, training::each_gram};

/// A word is known that stands this many times in the training lines.
const MIN_TIMES: u32 = 5;
const EPOCHS: usize = 3;
const LEARNING_RATE: f32 = 0.1;
/// Pull towards zero, per unit of weight seen.
const RIDGE: f32 = 1e-4;

/// A line to learn from.
#[derive(Clone, Debug)]
pub struct LexicalExample {
    /// Hashes of its grams.
    pub grams: Vec<u32>,
    /// For each of its words the bit by which it is known.
    pub words: Vec<u32>,
    /// For each of [`crate::score::lexical::Of`] the share of its lines that is so; None where
    /// that is not known.
    pub targets: [Option<f32>; SPEAKS_OF],
    /// What it counts.
    pub weight: f32,
}

impl LexicalExample {
    /// The grams of a normalised line.
    pub fn of(line: &[u8], targets: [Option<f32>; SPEAKS_OF], weight: f32) -> Self {
        let mut example = LexicalExample {
            grams: Vec::new(),
            words: Vec::new(),
            targets,
            weight,
        };
        each_gram(line, |hash, known_bit| {
            example.grams.push(hash);
            example.words.extend(known_bit);
        });
        example
    }
}

/// Fits a table of `2^bits` weights. Examples are gone through in the order in which they come,
/// which should be a shuffled one; the same order gives the same table.
pub fn fit(examples: &[&LexicalExample], bits: u32) -> LexicalTable {
    let fits: [_; SPEAKS_OF] = std::array::from_fn(|of| fit_one(examples, bits, of));
    let mut counts = vec![0_u32; KNOWN_WORDS * 64];
    for &bit in examples.iter().flat_map(|example| &example.words) {
        counts[bit as usize] += 1;
    }
    let bits_of = |counts: &[u32]| {
        let is_known = counts.iter().map(|&count| u64::from(count >= MIN_TIMES));
        is_known
            .rev()
            .fold(0, |bits, is_known| bits << 1 | is_known)
    };
    LexicalTable {
        scales: fits.each_ref().map(|fit| fit.0),
        weights: (0..1 << bits)
            .map(|slot| fits.each_ref().map(|fit| fit.1[slot]))
            .collect(),
        known: counts.chunks_exact(64).map(bits_of).collect(),
    }
}

/// Fits the weights for one of [`crate::score::lexical::Of`].
fn fit_one(examples: &[&LexicalExample], bits: u32, of: usize) -> (Scale, Vec<i8>) {
    let slots = 1_usize << bits;
    let mut weights = vec![0.0_f32; slots];
    let mut squares = vec![1e-4_f32; slots];
    let (mut bias, mut bias_squares) = (0.0_f32, 1e-4_f32);
    for _ in 0..EPOCHS {
        let known = examples
            .iter()
            .filter_map(|example| Some((example, example.targets[of]?)));
        for (example, target) in known {
            let scale = 1.0 / (example.grams.len().max(1) as f32).sqrt();
            let slot = |hash: u32| hash as usize & (slots - 1);
            let sum: f32 = example.grams.iter().map(|&hash| weights[slot(hash)]).sum();
            let error = (likelihood(bias + sum * scale) - target) * example.weight;
            bias_squares += error * error;
            bias -= LEARNING_RATE * error / bias_squares.sqrt();
            for &hash in &example.grams {
                let slot = slot(hash);
                let gradient = error * scale + RIDGE * example.weight * weights[slot];
                squares[slot] += gradient * gradient;
                weights[slot] -= LEARNING_RATE * gradient / squares[slot].sqrt();
            }
        }
    }
    let largest = weights
        .iter()
        .fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    let step = largest.max(1e-6) / 127.0;
    let steps = weights.iter().map(|weight| (weight / step).round() as i8);
    (Scale { bias, step }, steps.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_stand_in_furniture_are_learned() {
        let lines = ["log in", "read more", "the ferry left", "the tide came in"];
        let examples: Vec<LexicalExample> = (0..400)
            .map(|at| {
                LexicalExample::of(
                    lines[at % 4].as_bytes(),
                    [Some([1.0, 1.0, 0.0, 0.0][at % 4]); SPEAKS_OF],
                    1.0,
                )
            })
            .collect();
        let table = fit(&examples.iter().collect::<Vec<_>>(), 12);
        assert!(table.look_up(b"log in now", |_| ()).log_odds[0] > 1.0);
        assert!(table.look_up(b"the ferry came", |_| ()).log_odds[0] < -1.0);
        assert_eq!(table.look_up(b"the ferry, honestly", |_| ()).known, 2);
        assert_eq!(fit(&[], 4).look_up(b"a", |_| ()).log_odds[0], 0.0);
    }
}
