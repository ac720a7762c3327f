//! A normalised line in, what its words say out: grams, each with a weight in a small table
//! (Weinberger 2009).
//!
//! Which words training met is kept too: where most are unknown the weights mean nothing, and
//! nothing is said.
//!
//! A table may weigh the line's letters besides, three at a time (Cavnar 1994): what a word is like
//! whose weight is not known. It may read the front of a line alone (ADR 29).

use std::num::NonZeroU32;

use super::grams::{self, LineGrams, MAX_TOKENS};
pub use super::grams::{Front, Grams, WordFacts};
use super::letters::LetterTable;

/// Bits of the hash by which known words are told: one bit of memory each.
const KNOWN_BITS: u32 = 19;

/// 64-bit words of [`LexicalTable::known`].
pub const KNOWN_WORDS: usize = 1 << (KNOWN_BITS - 6);

/// Of which lines the words of a line speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Of the line itself.
    Itself = 0,
    /// Of the lines behind it: "Related articles", "Leave a comment".
    Behind = 1,
    /// Of the lines before it.
    Before = 2,
    /// Of the line as a reader's comment: "John says:", "Reply".
    Comment = 3,
}

/// Lines of which words speak; see [`Of`].
pub const SPEAKS_OF: usize = 4;

/// How a table's weights are read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scale {
    /// Log-odds a line starts from.
    pub bias: f32,
    /// Log-odds of one step of a weight.
    pub step: f32,
}

/// Weights of grams, and which words are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LexicalTable {
    /// Bytes at a line's front that are read; None for all of it.
    pub front_bytes: Option<NonZeroU32>,
    /// One for each of [`Of`].
    pub scales: [Scale; SPEAKS_OF],
    /// A slot holds one weight for each of [`Of`]; a power of two of them.
    pub weights: Vec<Slot>,
    /// One bit for each known word's slot.
    pub known: Vec<u64>,
    /// What the line's letters weigh besides.
    pub letters: LetterTable,
}

/// What the words of a line say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lexical {
    /// Log-odds of boilerplate, or of a comment, one for each of [`Of`].
    pub log_odds: [f32; SPEAKS_OF],
    /// Words that training met.
    pub known: u32,
    /// Counts over the words.
    pub facts: WordFacts,
}

/// What a gram weighs, one weight for each of [`Of`], or of as many other things.
pub type Slot<const N: usize = SPEAKS_OF> = [i8; N];

/// Sums of weights side by side, each of so few that 32 bits hold them.
pub(super) type Lanes<const N: usize = SPEAKS_OF> = [i32; N];
/// Most weights of a sum in 32 bits.
pub(super) const MAX_LANE_WEIGHTS: usize = 1 << 20;

/// Adds the weights of a slot.
#[inline(always)]
pub(super) fn add<const N: usize>(lanes: &mut Lanes<N>, slot: &Slot<N>) {
    for (lane, &weight) in lanes.iter_mut().zip(slot) {
        *lane = lane.wrapping_add(i32::from(weight));
    }
}

/// Sums of weights, however many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums<const N: usize = SPEAKS_OF> {
    /// Whole numbers: as floats they become log-odds side by side.
    sums: [f64; N],
    count: u32,
}

impl<const N: usize> Sums<N> {
    pub(super) const NONE: Self = Sums {
        sums: [0.0; N],
        count: 0,
    };

    /// Adds sums of so many weights.
    #[inline(always)]
    pub(super) fn add(&mut self, lanes: &Lanes<N>, count: usize) {
        for (sum, &lane) in self.sums.iter_mut().zip(lanes) {
            *sum += f64::from(lane);
        }
        self.count += count as u32;
    }

    /// The sums over the root of their number, in log-odds, a weight being so many steps.
    #[inline(always)]
    pub(super) fn say(&self, steps: [f32; N]) -> [f32; N] {
        let share = 1.0 / (self.count.max(1) as f32).sqrt();
        let mut says = [0.0; N];
        for ((says, step), sum) in says.iter_mut().zip(steps).zip(self.sums) {
            *says = sum as f32 * (step * share);
        }
        says
    }
}

/// Adds up what the grams of lines weigh.
struct Weighed<'t, const N: usize = SPEAKS_OF> {
    weights: &'t [Slot<N>],
    /// Sums up to each token, in front of the first and behind each.
    sums: [Lanes<N>; MAX_TOKENS + 1],
    /// Of a line that goes on, what was summed up before.
    open: Sums<N>,
}

impl<'t, const N: usize> Weighed<'t, N> {
    #[inline(always)]
    fn by(weights: &'t [Slot<N>]) -> Self {
        assert!(!weights.is_empty(), "a table that was fitted");
        Weighed {
            weights,
            sums: [[0; N]; _],
            open: Sums::NONE,
        }
    }

    #[inline(always)]
    fn slot(&self, gram: u32) -> &'t Slot<N> {
        let last = self.weights.len() - 1;
        &self.weights[gram as usize & last]
    }

    /// Sums up the grams of tokens.
    #[inline(always)]
    fn sum_up(&mut self, grams: &Grams) {
        let mut sums = [0; N];
        for (at, token) in grams.tokens().enumerate() {
            add(&mut sums, self.slot(token.word));
            add(&mut sums, self.slot(token.other));
            self.sums[at + 1] = sums;
        }
    }

    /// Takes in the tokens of the line that is open.
    #[inline(always)]
    fn take(&mut self, tokens: std::ops::Range<usize>) {
        let mut lanes = self.sums[tokens.end];
        for (lane, before) in lanes.iter_mut().zip(self.sums[tokens.start]) {
            *lane = lane.wrapping_sub(before);
        }
        self.open.add(&lanes, 2 * tokens.len());
    }

    /// The line ends.
    #[inline(always)]
    fn end(&mut self, line: &LineGrams) -> Sums<N> {
        self.take(line.tokens.clone());
        let mut lanes = [0; N];
        for &gram in line.ends() {
            add(&mut lanes, self.slot(gram));
        }
        let mut sums = std::mem::replace(&mut self.open, Sums::NONE);
        sums.add(&lanes, line.ends().len());
        sums
    }
}

/// Who is told what the grams of lines come to.
trait Told<const N: usize> {
    /// These grams come.
    fn take(&mut self, _: &Grams) {}

    /// A line ends among them; its log-odds.
    fn end(&mut self, line: &LineGrams, log_odds: [f32; N]);
}

/// Looks up the grams and letters of lines; `scales` are those of grams.
#[inline(always)]
fn look_up_all<'l, const N: usize, const SIZE: usize>(
    lines: impl Iterator<Item = Front<'l>> + Clone,
    grams: &mut Grams,
    (scales, weights): (&[Scale; N], &[Slot<N>]),
    letters: &LetterTable<N, SIZE>,
    told: &mut impl Told<N>,
) {
    let mut weighed = Weighed::by(weights);
    let mut fronts = lines.clone();
    grams.read(
        lines,
        #[inline(always)]
        |grams| {
            weighed.sum_up(grams);
            told.take(grams);
            let mut behind = 0;
            for line in grams.ended() {
                let sums = weighed.end(&line);
                let front = fronts.next().expect("a line that ends was read");
                let letters = letters.look_up(front.line());
                let mut log_odds = log_odds(&sums, scales);
                for (log_odds, letters) in log_odds.iter_mut().zip(letters) {
                    *log_odds += letters;
                }
                behind = line.tokens.end;
                told.end(&line, log_odds);
            }
            weighed.take(behind..grams.count());
        },
    );
}

/// Keeps what lines say, and gives their words, short ones left out, to somebody else.
struct Said<'s, G> {
    known_bits: &'s [u64; KNOWN_WORDS],
    /// Known words up to each token, in front of the first and behind each; and up to the line's first.
    known: [u32; MAX_TOKENS + 1],
    known_before: u32,
    said: &'s mut Vec<Lexical>,
    give: G,
}

impl<G: FnMut(&[u16], &[u32])> Told<SPEAKS_OF> for Said<'_, G> {
    #[inline(always)]
    fn take(&mut self, grams: &Grams) {
        let first = self.said.len() as u32;
        let (mut words, mut lines, mut count) = ([0; MAX_TOKENS], [0; MAX_TOKENS], 0);
        let mut known = self.known[0];
        for (at, token) in grams.tokens().enumerate() {
            let bit = token.word >> (32 - KNOWN_BITS);
            let is_known = (self.known_bits[bit as usize / 64] >> (bit % 64)) as u32;
            known = known.wrapping_add(is_known & u32::from(token.is_word()));
            self.known[at + 1] = known;
            words[count % MAX_TOKENS] = (token.word >> 16) as u16;
            lines[count % MAX_TOKENS] = first + u32::from(token.line);
            count += usize::from(token.is_long_word());
        }
        self.known[0] = known;
        let count = count.min(MAX_TOKENS);
        (self.give)(&words[..count], &lines[..count]);
    }

    #[inline(always)]
    fn end(&mut self, line: &LineGrams, log_odds: [f32; SPEAKS_OF]) {
        let known = self.known[line.tokens.end];
        self.said.push(Lexical {
            log_odds,
            known: known.wrapping_sub(std::mem::replace(&mut self.known_before, known)),
            facts: line.facts,
        });
    }
}

impl LexicalTable {
    /// Adds to `said` the log-odds and counts of normalised lines.
    ///
    /// `give` gets, some at a time, the upper half of the hashes of their words, short ones left out,
    /// and for each of these the place in `said` of its line.
    #[inline(always)]
    pub fn look_up<'l>(
        &self,
        lines: impl Iterator<Item = Front<'l>> + Clone,
        grams: &mut Grams,
        said: &mut Vec<Lexical>,
        give: impl FnMut(&[u16], &[u32]),
    ) {
        let mut said = Said {
            known_bits: self.known.first_chunk().expect("a bit for each word"),
            known: [0; _],
            known_before: 0,
            said,
            give,
        };
        let lines = lines.map(|line| line.front(self.front_bytes));
        let weights = (&self.scales, &*self.weights);
        look_up_all(lines, grams, weights, &self.letters, &mut said);
    }

    /// Log-odds of the grams that `each` gives.
    pub(super) fn look_up_grams(&self, each: impl FnOnce(&mut dyn FnMut(u32))) -> [f32; SPEAKS_OF] {
        let (mut lanes, mut count) = ([0; SPEAKS_OF], 0);
        let last = self.weights.len() - 1;
        each(&mut |gram| {
            add(&mut lanes, &self.weights[gram as usize & last]);
            count += 1;
        });
        debug_assert!(count <= MAX_LANE_WEIGHTS, "a sum overflows");
        let mut sums = Sums::NONE;
        sums.add(&lanes, count);
        log_odds(&sums, &self.scales)
    }
}

/// Sums in log-odds, and what lines start from.
#[inline(always)]
fn log_odds<const N: usize>(sums: &Sums<N>, scales: &[Scale; N]) -> [f32; N] {
    let mut log_odds = sums.say(scales.map(|scale| scale.step));
    for (log_odds, scale) in log_odds.iter_mut().zip(scales) {
        *log_odds += scale.bias;
    }
    log_odds
}

/// Gives the log-odds of each line by its grams and letters; `scales` are those of grams.
#[inline(always)]
pub(super) fn each_log_odds<'l, const N: usize, const SIZE: usize>(
    lines: impl Iterator<Item = Front<'l>> + Clone,
    grams: &mut Grams,
    weights: (&[Scale; N], &[Slot<N>]),
    letters: &LetterTable<N, SIZE>,
    give: impl FnMut([f32; N]),
) {
    struct To<G>(G);
    impl<const N: usize, G: FnMut([f32; N])> Told<N> for To<G> {
        #[inline(always)]
        fn end(&mut self, _: &LineGrams, log_odds: [f32; N]) {
            self.0(log_odds);
        }
    }
    look_up_all(lines, grams, weights, letters, &mut To(give));
}

/// For fitting: the grams of lines.
pub mod training {
    use super::*;

    /// The part of a normalised line that is read.
    pub fn front(line: &[u8], front_bytes: Option<NonZeroU32>) -> &[u8] {
        Front::from(line).front(front_bytes).line()
    }

    /// Gives the hash of each gram of a normalised line, and for a word the bit of
    /// [`LexicalTable::known`].
    pub fn each_gram(line: &[u8], mut give: impl FnMut(u32, Option<u32>)) -> WordFacts {
        grams::each_gram(line, &mut Grams::default(), |hash, is_word| {
            give(hash, is_word.then_some(hash >> (32 - KNOWN_BITS)));
        })
    }
}

/// Words as [`LexicalTable::look_up`] gives them: of each line the upper half of their hashes.
#[cfg(test)]
pub(super) fn long_words(line: &[u8]) -> Vec<u16> {
    let table = LexicalTable {
        weights: vec![[0; SPEAKS_OF]],
        known: vec![0; KNOWN_WORDS],
        ..LexicalTable::default()
    };
    let mut given = Vec::new();
    let line = std::iter::once(line.into());
    table.look_up(line, &mut Grams::default(), &mut Vec::new(), |words, _| {
        given.extend(words);
    });
    given
}

#[cfg(test)]
mod tests {
    use super::super::letters;
    use super::*;

    fn look_up(table: &LexicalTable, line: &[u8]) -> Lexical {
        let mut said = Vec::new();
        let line = std::iter::once(line.into());
        table.look_up(line, &mut Grams::default(), &mut said, |_, _| ());
        said[0]
    }

    #[test]
    fn a_line_of_millions_of_words_keeps_its_sign() {
        let table = LexicalTable {
            front_bytes: None,
            scales: [Scale {
                bias: 0.0,
                step: 0.01,
            }; SPEAKS_OF],
            weights: vec![[127, -127, 1, 0]; 2],
            known: vec![0; KNOWN_WORDS],
            letters: LetterTable::default(),
        };
        let said = look_up(&table, &b"a ".repeat(9_000_000));
        assert!(said.log_odds[0] > 5000.0 && said.log_odds[1] < -5000.0);
        assert!(said.log_odds.iter().all(|log_odds| log_odds.is_finite()));
    }

    #[test]
    fn a_line_is_read_as_far_as_the_table_says() {
        let weights = (0..1024).map(|slot| [slot as u8 as i8, (slot >> 8) as i8, 1, 0]);
        let letters = (0..letters::SLOTS).map(|slot| [slot as i8, 3, -1, 1]);
        let whole = LexicalTable {
            weights: weights.collect(),
            known: vec![0x5555_0f0f_3333_00ff; KNOWN_WORDS],
            letters: LetterTable {
                steps: [0.25; SPEAKS_OF],
                slots: letters.collect(),
            },
            scales: [Scale {
                bias: 0.0,
                step: 1.0,
            }; SPEAKS_OF],
            front_bytes: None,
        };
        let front = LexicalTable {
            front_bytes: NonZeroU32::new(70),
            ..whole.clone()
        };
        let line = "the ferry left the yard on monday, ".repeat(4);
        let line = line.as_bytes();
        assert_eq!(training::front(line, front.front_bytes), &line[..70]);
        assert_eq!(look_up(&front, line), look_up(&whole, &line[..70]));
        assert_ne!(look_up(&front, line), look_up(&whole, line));
        assert_eq!(look_up(&front, &line[..9]), look_up(&whole, &line[..9]));
    }

    #[test]
    fn words_that_are_long_are_given_to_others() {
        let line = "on the 3rd of maí, 今天 -- ferries ";
        let given = long_words(line.repeat(90).as_bytes());
        let upper_half = |word: &str| {
            let mut first = None;
            training::each_gram(word.as_bytes(), |gram, _| {
                first.get_or_insert((gram >> 16) as u16);
            });
            first.expect("a word has a gram")
        };
        let long = ["maí", "今", "天", "ferries"].map(upper_half);
        assert_eq!(given, long.repeat(90));
    }

    #[test]
    fn lanes_make_the_sums_that_single_weights_make() {
        let random = |slot: u64| grams::spread(slot).to_le_bytes().map(|byte| byte as i8);
        let mut weights: Vec<Slot> = (0..1024).map(random).collect();
        for extreme in [-128, 127, 0] {
            let table = LexicalTable {
                front_bytes: None,
                scales: [Scale {
                    bias: 0.5,
                    step: 0.25,
                }; SPEAKS_OF],
                weights: weights.clone(),
                known: vec![0x0f0f_3355_5533_f0f0; KNOWN_WORDS],
                letters: LetterTable::default(),
            };
            for line in [
                "",
                "a",
                "on the 3rd, am 3. mai",
                &"!".repeat(640),
                &"a b, ".repeat(99),
            ] {
                let (mut sums, mut grams, mut known) = ([0_i64; SPEAKS_OF], 0, 0);
                let facts = training::each_gram(line.as_bytes(), |hash, known_bit| {
                    grams += 1;
                    for (sum, weight) in sums.iter_mut().zip(table.weights[hash as usize % 1024]) {
                        *sum += i64::from(weight);
                    }
                    let is_known = |bit| table.known[bit as usize / 64] >> (bit % 64) & 1 != 0;
                    known += u32::from(known_bit.is_some_and(is_known));
                });
                let share = 1.0 / (grams.max(1) as f32).sqrt();
                let expected = Lexical {
                    log_odds: sums.map(|sum| 0.5 + sum as f32 * (0.25 * share)),
                    known,
                    facts,
                };
                assert_eq!(look_up(&table, line.as_bytes()), expected, "{line}");
            }
            weights.fill([extreme; SPEAKS_OF]);
        }
    }
}
