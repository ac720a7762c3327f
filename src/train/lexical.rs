//! Lines and targets in, the weights of their words and letters out: logistic regression by AdaGrad
//! (Duchi 2011) over hashed grams, both kinds fitted together.

use crate::score::codes::likelihood;
use std::num::NonZeroU32;

use crate::score::letters::{LetterTable, SLOTS, each_run};
use crate::score::lexical::{KNOWN_WORDS, LexicalTable, SPEAKS_OF, Scale, Slot, training};

/// A word is known that stands this many times in the training lines.
const MIN_TIMES: u32 = 5;
const EPOCHS: usize = 3;
const LEARNING_RATE: f32 = 0.1;
/// Where sums of squares begin.
const LEAST_SQUARES: f32 = 1e-4;
/// Pull towards zero, per unit of weight seen.
const RIDGE: f32 = 1e-4;

/// A line to learn from.
#[derive(Clone, Debug)]
pub struct LexicalExample {
    /// Hashes of its grams.
    pub grams: Vec<u32>,
    /// For each of its words the bit by which it is known.
    pub words: Vec<u32>,
    /// Slots of its runs of letters; none where they are not learned from.
    pub letters: Vec<u16>,
    /// For each of [`crate::score::lexical::Of`] the share of its lines that is so; None where
    /// that is not known.
    pub targets: [Option<f32>; SPEAKS_OF],
    /// What it counts.
    pub weight: f32,
}

impl LexicalExample {
    /// One without grams.
    pub fn new(targets: [Option<f32>; SPEAKS_OF], weight: f32) -> Self {
        LexicalExample {
            grams: Vec::new(),
            words: Vec::new(),
            letters: Vec::new(),
            targets,
            weight,
        }
    }

    /// The grams of a normalised line.
    pub fn of(
        line: &[u8],
        table: TableOptions,
        targets: [Option<f32>; SPEAKS_OF],
        weight: f32,
    ) -> Self {
        let mut example = LexicalExample::new(targets, weight);
        let line = training::front(line, table.front_bytes);
        training::each_gram(line, |hash, known_bit| {
            example.grams.push(hash);
            example.words.extend(known_bit);
        });
        if table.letters {
            each_run(line, |run| example.letters.push(run));
        }
        example
    }
}

/// What weights a table has.
#[derive(Clone, Copy, Debug)]
pub struct TableOptions {
    /// Of words: two to the power of so many.
    pub word_bits: u32,
    /// Whether there are any of letters.
    pub letters: bool,
    /// Bytes at a line's front that are read; None for all of it.
    pub front_bytes: Option<NonZeroU32>,
}

/// Fits a table. Examples are gone through in the order in which they come,
/// which should be a shuffled one; the same order gives the same table.
pub fn fit(examples: &[&LexicalExample], options: TableOptions) -> LexicalTable {
    let fits: [_; SPEAKS_OF] = std::array::from_fn(|of| fit_one(examples, options, of));
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
    let slots_of = |weights: [&[i8]; SPEAKS_OF]| -> Vec<Slot> {
        let slots = 0..weights[0].len();
        slots.map(|slot| weights.map(|of| of[slot])).collect()
    };
    LexicalTable {
        front_bytes: options.front_bytes,
        scales: fits.each_ref().map(|fit| Scale {
            bias: fit.bias,
            step: fit.words.0,
        }),
        weights: slots_of(fits.each_ref().map(|fit| &*fit.words.1)),
        known: counts.chunks_exact(64).map(bits_of).collect(),
        letters: LetterTable {
            steps: fits.each_ref().map(|fit| fit.letters.0),
            slots: slots_of(fits.each_ref().map(|fit| &*fit.letters.1)),
        },
    }
}

/// The weights for one of [`crate::score::lexical::Of`]; those of words and of letters in steps.
struct Fit {
    bias: f32,
    words: (f32, Vec<i8>),
    letters: (f32, Vec<i8>),
}

/// Weights while they are fitted.
struct Weights {
    weights: Vec<f32>,
    /// Sums of their gradients' squares.
    squares: Vec<f32>,
}

impl Weights {
    fn new(slots: usize) -> Self {
        Weights {
            weights: vec![0.0; slots],
            squares: vec![LEAST_SQUARES; slots],
        }
    }

    /// The sum of some weights over the root of their number.
    fn say(&self, slots: impl ExactSizeIterator<Item = usize>) -> f32 {
        let scale = scale(slots.len());
        slots.map(|slot| self.weights[slot]).sum::<f32>() * scale
    }

    /// Moves these weights against an error that they shared in.
    fn learn(&mut self, slots: impl ExactSizeIterator<Item = usize>, error: f32, weight: f32) {
        let scale = scale(slots.len());
        for slot in slots {
            let gradient = error * scale + RIDGE * weight * self.weights[slot];
            self.squares[slot] += gradient * gradient;
            self.weights[slot] -= LEARNING_RATE * gradient / self.squares[slot].sqrt();
        }
    }

    /// The weights as whole numbers, and what one of these is.
    fn in_steps(&self) -> (f32, Vec<i8>) {
        let sizes = self.weights.iter().map(|weight| weight.abs());
        let step = sizes.fold(0.0, f32::max).max(1e-6) / 127.0;
        let steps = self.weights.iter();
        (
            step,
            steps.map(|weight| (weight / step).round() as i8).collect(),
        )
    }
}

/// What a gram counts among so many.
fn scale(grams: usize) -> f32 {
    1.0 / (grams.max(1) as f32).sqrt()
}

fn fit_one(examples: &[&LexicalExample], options: TableOptions, of: usize) -> Fit {
    let word_slots = 1 << options.word_bits;
    let mut words = Weights::new(word_slots);
    let mut letters = Weights::new(if options.letters { SLOTS } else { 0 });
    let (mut bias, mut bias_squares) = (0.0_f32, LEAST_SQUARES);
    for _ in 0..EPOCHS {
        let known = examples
            .iter()
            .filter_map(|example| Some((example, example.targets[of]?)));
        for (example, target) in known {
            let grams = || {
                let grams = example.grams.iter();
                grams.map(|&hash| hash as usize & (word_slots - 1))
            };
            let runs = || example.letters.iter().copied().map(usize::from);
            let log_odds = bias + words.say(grams()) + letters.say(runs());
            let error = (likelihood(log_odds) - target) * example.weight;
            bias_squares += error * error;
            bias -= LEARNING_RATE * error / bias_squares.sqrt();
            words.learn(grams(), error, example.weight);
            letters.learn(runs(), error, example.weight);
        }
    }
    Fit {
        bias,
        words: words.in_steps(),
        letters: letters.in_steps(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::lexical::LineRoom;

    #[test]
    fn words_that_stand_in_furniture_are_learned() {
        let lines = ["log in", "read more", "the ferry left", "the tide came in"];
        let options = TableOptions {
            word_bits: 12,
            letters: true,
            front_bytes: None,
        };
        let examples: Vec<LexicalExample> = (0..400)
            .map(|at| {
                LexicalExample::of(
                    lines[at % 4].as_bytes(),
                    options,
                    [Some([1.0, 1.0, 0.0, 0.0][at % 4]); SPEAKS_OF],
                    1.0,
                )
            })
            .collect();
        let table = fit(&examples.iter().collect::<Vec<_>>(), options);
        let look_up = |table: &LexicalTable, line: &str| {
            table.look_up(line.as_bytes(), &mut LineRoom::default(), |_| ())
        };
        assert!(look_up(&table, "log in now").log_odds[0] > 1.0);
        assert!(look_up(&table, "the ferry came").log_odds[0] < -1.0);
        assert_eq!(look_up(&table, "the ferry, honestly").known, 2);
        // Letters of no word that was met.
        let misspelt = look_up(&table, "logg inn");
        assert!(misspelt.known == 0 && misspelt.log_odds[0] > 0.0);
        assert_eq!(look_up(&fit(&[], options), "a").log_odds[0], 0.0);
    }
}
