//! Lines and targets in, the weights of their words and letters out: logistic regression by AdaGrad
//! (Duchi 2011) over hashed grams, both kinds fitted together, all that they speak of side by side.

use std::num::NonZeroU32;

use crate::score::codes::likelihood;
use crate::score::hints::{HINTS, HintTable, LETTER_SLOTS};
use crate::score::letters::{LetterTable, SLOTS, each_run};
use crate::score::lexical::{KNOWN_WORDS, LexicalTable, SPEAKS_OF, Scale, Slot, training};
use crate::simd::widest;

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
pub struct LexicalExample<const N: usize = SPEAKS_OF> {
    /// Hashes of its grams.
    pub grams: Vec<u32>,
    /// For each of its words the bit by which it is known.
    pub words: Vec<u32>,
    /// Slots of its runs of letters; none where they are not learned from.
    pub letters: Vec<u16>,
    /// For each of [`crate::score::lexical::Of`], or of the hints, the share that is so; None where
    /// that is not known.
    pub targets: [Option<f32>; N],
    /// What it counts.
    pub weight: f32,
}

impl<const N: usize> LexicalExample<N> {
    /// One without grams.
    pub fn new(targets: [Option<f32>; N], weight: f32) -> Self {
        LexicalExample {
            grams: Vec::new(),
            words: Vec::new(),
            letters: Vec::new(),
            targets,
            weight,
        }
    }

    /// The grams of a normalised line.
    pub fn of(line: &[u8], table: TableOptions, targets: [Option<f32>; N], weight: f32) -> Self {
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
    let letter_slots = if options.letters { SLOTS } else { 0 };
    let fit = fit_all(examples, 1 << options.word_bits, letter_slots);
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
        front_bytes: options.front_bytes,
        scales: fit.scales,
        weights: fit.words,
        known: counts.chunks_exact(64).map(bits_of).collect(),
        letters: LetterTable {
            steps: fit.letter_steps,
            slots: fit.letters,
        },
    }
}

/// Fits a table of hints; as [`fit`].
pub fn fit_hints(examples: &[&LexicalExample<HINTS>], options: TableOptions) -> HintTable {
    let fit = fit_all(examples, 1 << options.word_bits, LETTER_SLOTS);
    HintTable {
        scales: fit.scales,
        weights: fit.words,
        letters: LetterTable {
            steps: fit.letter_steps,
            slots: fit.letters,
        },
    }
}

/// The weights for all that grams speak of, in steps.
struct Fit<const N: usize> {
    /// Those of words.
    scales: [Scale; N],
    words: Vec<Slot<N>>,
    letter_steps: [f32; N],
    letters: Vec<Slot<N>>,
}

/// Weights while they are fitted.
struct Weights<const N: usize> {
    weights: Vec<[f32; N]>,
    /// Sums of their gradients' squares.
    squares: Vec<[f32; N]>,
}

impl<const N: usize> Weights<N> {
    /// Room for as many slots: a power of two, or none.
    fn new(slots: usize) -> Self {
        Weights {
            weights: vec![[0.0; N]; slots],
            squares: vec![[LEAST_SQUARES; N]; slots],
        }
    }

    fn slot(&self, hash: usize) -> usize {
        hash & (self.weights.len() - 1)
    }

    /// The sums of some weights over the root of their number.
    #[inline(always)]
    fn say(&self, hashes: impl ExactSizeIterator<Item = usize>) -> [f32; N] {
        let scale = scale(hashes.len());
        let mut sums = [0.0; N];
        for hash in hashes {
            for (sum, weight) in sums.iter_mut().zip(&self.weights[self.slot(hash)]) {
                *sum += weight;
            }
        }
        sums.map(|sum| sum * scale)
    }

    /// Moves these weights against the errors that they shared in.
    #[inline(always)]
    fn learn(&mut self, hashes: impl ExactSizeIterator<Item = usize>, errors: &Errors<N>) {
        let scale = scale(hashes.len());
        for hash in hashes {
            let slot = self.slot(hash);
            let (weights, squares) = (&mut self.weights[slot], &mut self.squares[slot]);
            for of in 0..N {
                let pull = RIDGE * errors.weight * weights[of];
                let gradient = errors.known[of] * (errors.errors[of] * scale + pull);
                squares[of] += gradient * gradient;
                weights[of] -= LEARNING_RATE * gradient / squares[of].sqrt();
            }
        }
    }

    /// The weights as whole numbers, and what one of these is.
    fn in_steps(&self) -> ([f32; N], Vec<Slot<N>>) {
        let mut largest = [0.0_f32; N];
        for weights in &self.weights {
            for (largest, weight) in largest.iter_mut().zip(weights) {
                *largest = largest.max(weight.abs());
            }
        }
        let steps = largest.map(|largest| largest.max(1e-6) / 127.0);
        let in_steps = |weights: &[f32; N]| -> Slot<N> {
            std::array::from_fn(|of| (weights[of] / steps[of]).round() as i8)
        };
        (steps, self.weights.iter().map(in_steps).collect())
    }
}

/// How far what was said of an example is from what is so.
struct Errors<const N: usize> {
    errors: [f32; N],
    /// 1, or 0 where it is not known what is so.
    known: [f32; N],
    /// What the example counts.
    weight: f32,
}

/// What a gram counts among so many.
fn scale(grams: usize) -> f32 {
    1.0 / (grams.max(1) as f32).sqrt()
}

fn fit_all<const N: usize>(
    examples: &[&LexicalExample<N>],
    word_slots: usize,
    letter_slots: usize,
) -> Fit<N> {
    let mut words = Weights::<N>::new(word_slots);
    let mut letters = Weights::<N>::new(letter_slots);
    let mut biases = Weights::<N>::new(1);
    for example in (0..EPOCHS).flat_map(|_| examples) {
        widest(
            #[inline(always)]
            || learn(example, &mut biases, &mut words, &mut letters),
        );
    }
    let (word_steps, words) = words.in_steps();
    let (letter_steps, letters) = letters.in_steps();
    Fit {
        scales: std::array::from_fn(|of| Scale {
            bias: biases.weights[0][of],
            step: word_steps[of],
        }),
        words,
        letter_steps,
        letters,
    }
}

#[inline(always)]
fn learn<const N: usize>(
    example: &LexicalExample<N>,
    biases: &mut Weights<N>,
    words: &mut Weights<N>,
    letters: &mut Weights<N>,
) {
    let grams = || example.grams.iter().map(|&hash| hash as usize);
    let runs = || example.letters.iter().copied().map(usize::from);
    let (of_words, of_letters) = (words.say(grams()), letters.say(runs()));
    let log_odds = |of: usize| biases.weights[0][of] + of_words[of] + of_letters[of];
    let errors = Errors {
        errors: std::array::from_fn(|of| {
            let target = example.targets[of].unwrap_or_default();
            (likelihood(log_odds(of)) - target) * example.weight
        }),
        known: example
            .targets
            .map(|target| f32::from(u8::from(target.is_some()))),
        weight: example.weight,
    };
    // What all lines start from is not pulled towards zero.
    let of_bias = Errors {
        weight: 0.0,
        ..errors
    };
    biases.learn(std::iter::once(0), &of_bias);
    words.learn(grams(), &errors);
    letters.learn(runs(), &errors);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::lexical::Grams;

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
            let mut said = Vec::new();
            let line = std::iter::once(line.as_bytes().into());
            table.look_up(line, &mut Grams::default(), &mut said, |_, _| ());
            said[0]
        };
        assert!(look_up(&table, "log in now").log_odds[0] > 1.0);
        assert!(look_up(&table, "the ferry came").log_odds[0] < -1.0);
        assert_eq!(look_up(&table, "the ferry, honestly").known, 2);
        // Letters of no word that was met.
        let misspelt = look_up(&table, "logg inn");
        assert!(misspelt.known == 0 && misspelt.log_odds[0] > 0.0);
        assert_eq!(look_up(&fit(&[], options), "a").log_odds[0], 0.0);
    }

    #[test]
    fn hints_are_learned_side_by_side_and_from_what_is_known() {
        let options = TableOptions {
            word_bits: 12,
            letters: true,
            front_bytes: None,
        };
        // Of every second line only the first hint is known.
        let examples: Vec<LexicalExample<HINTS>> = (0..400)
            .map(|at| {
                let is_menu = at % 4 < 2;
                let line = if is_menu {
                    "share on"
                } else {
                    "the tide came in"
                };
                let mut targets = [None; HINTS];
                targets[0] = Some(f32::from(u8::from(is_menu)));
                targets[9] = Some(f32::from(u8::from(!is_menu))).filter(|_| at % 2 == 0);
                LexicalExample::of(line.as_bytes(), options, targets, 1.0)
            })
            .collect();
        let table = fit_hints(&examples.iter().collect::<Vec<_>>(), options);
        let mut codes = [0; HINTS];
        let line = std::iter::once(b"share this".as_slice().into());
        table.each(line, &mut Grams::default(), |of_line| codes = of_line);
        let even = crate::score::codes::EVEN;
        assert!(codes[0] > even + 20 && codes[9] < even - 20, "{codes:?}");
        let mut others = codes.into_iter().enumerate();
        assert!(others.all(|(at, code)| [0, 9].contains(&at) || code == even));
    }
}
