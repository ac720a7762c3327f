//! A normalised line in, what its letters say out: hashed runs of three characters, each with a
//! weight in a small table (Cavnar 1994). They know what a word is like that training did not meet.
//!
//! Digits are masked; a space stands before the first character and behind the last.

use super::lexical::{FACTOR, MAX_BLOCK_GRAMS, SPEAKS_OF, Slot, Sums};
use crate::normalize::{ascii_length, decode};

/// Bits of a character that count; below the last character of a run as many stay empty.
const CHAR_BITS: u32 = 16;

/// Weights of runs of letters; one without slots says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LetterTable {
    /// Log-odds of one step of a weight, one for each of [`super::lexical::Of`].
    pub steps: [f32; SPEAKS_OF],
    /// None, or a power of two of them.
    pub slots: Vec<Slot>,
}

/// The slot of a run in a table of two to the power of so many, from 1 on.
#[inline]
pub(crate) fn slot(run: u64, bits: u32) -> usize {
    // The upper bits of the product depend on all characters.
    (run.wrapping_mul(FACTOR) >> (u64::BITS - bits)) as usize
}

/// The last three characters, the last lowest.
#[derive(Clone, Copy)]
struct Window(u64);

impl Window {
    fn new() -> Self {
        Window(Window::code(b' '))
    }

    const fn code(byte: u8) -> u64 {
        let masked = if byte.is_ascii_digit() { b'0' } else { byte };
        (masked as u64) << CHAR_BITS
    }

    /// The run that ends in this code.
    #[inline]
    fn push(&mut self, code: u64) -> u64 {
        self.0 = self.0 << CHAR_BITS | code;
        self.0
    }

    #[inline]
    fn push_ascii(&mut self, byte: u8) -> u64 {
        const CODES: [u64; 128] = {
            let mut codes = [0; 128];
            let mut byte = 0;
            while byte < 128 {
                codes[byte] = Window::code(byte as u8);
                byte += 1;
            }
            codes
        };
        self.push(CODES[usize::from(byte & 0x7f)])
    }
}

/// Takes in the runs of a line.
trait Sink {
    fn run(&mut self, run: u64);

    /// A block ends; none has more than [`MAX_BLOCK_GRAMS`].
    fn end_block(&mut self) {}
}

impl<F: FnMut(u64)> Sink for F {
    fn run(&mut self, run: u64) {
        self(run);
    }
}

#[inline(always)]
fn give_runs(line: &[u8], sink: &mut impl Sink) {
    let mut window = Window::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (ascii, behind) = rest.split_at(ascii_length(rest));
        for bytes in ascii.chunks(MAX_BLOCK_GRAMS) {
            for &byte in bytes {
                sink.run(window.push_ascii(byte));
            }
            sink.end_block();
        }
        rest = behind;
        let mut chars = 0;
        while rest.first().is_some_and(|byte| !byte.is_ascii()) && chars < MAX_BLOCK_GRAMS {
            let (decoded, length_bytes) = decode(rest);
            let character = decoded.map_or(rest[0].into(), u32::from);
            sink.run(window.push(u64::from(character as u16) << CHAR_BITS));
            rest = &rest[length_bytes..];
            chars += 1;
        }
        sink.end_block();
    }
    sink.run(window.push_ascii(b' '));
    sink.end_block();
}

/// Gives each run of a normalised line, one for each character and one for the line's end.
///
/// Linear time.
pub fn each_run(line: &[u8], mut give: impl FnMut(u64)) {
    give_runs(line, &mut |run| give(run));
}

/// Adds up what the runs of a line weigh.
struct LookUp<'t> {
    slots: &'t [Slot],
    bits: u32,
    sums: Sums,
}

impl Sink for LookUp<'_> {
    #[inline]
    fn run(&mut self, run: u64) {
        let at = slot(run, self.bits) & (self.slots.len() - 1);
        self.sums.add(self.slots[at]);
    }

    #[inline]
    fn end_block(&mut self) {
        self.sums.end_block();
    }
}

impl LetterTable {
    /// What a normalised line's letters add to its log-odds.
    #[inline(always)]
    pub(super) fn look_up(&self, line: &[u8]) -> [f32; SPEAKS_OF] {
        if self.slots.is_empty() {
            return [0.0; SPEAKS_OF];
        }
        let mut said = LookUp {
            slots: &self.slots,
            bits: self.slots.len().ilog2(),
            sums: Sums::default(),
        };
        give_runs(line, &mut said);
        said.sums.say(self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(line: &str) -> Vec<u64> {
        let mut runs = Vec::new();
        each_run(line.as_bytes(), |run| runs.push(run));
        runs
    }

    fn run(characters: &str) -> u64 {
        let push = |run: u64, character| run << CHAR_BITS | u64::from(character as u32 as u16);
        characters.chars().fold(0, push) << CHAR_BITS
    }

    #[test]
    fn a_run_ends_in_each_character_and_behind_the_last() {
        let expected = [" n", " ná", "náv", "áv0", "v0 "].map(run);
        assert_eq!(runs("náv7"), expected);
        assert_eq!(runs("náv3"), expected);
        assert_eq!(runs(""), [run("  ")]);
        let mut broken = 0;
        each_run(b"a\xe4\xbd b", |_| broken += 1);
        assert_eq!(broken, 5);
    }

    #[test]
    fn every_run_has_a_slot() {
        for bits in [1, 16] {
            assert!(
                runs("naïve 今天 straße")
                    .into_iter()
                    .all(|run| slot(run, bits) < 1 << bits)
            );
        }
        let of = |run| slot(run, 16);
        assert_ne!(of(run("abc")), of(run("bbc")));
        assert_ne!(of(run("abc")), of(run("abd")));
    }

    #[test]
    fn weights_add_up_over_the_root_of_their_number() {
        let table = LetterTable {
            steps: [0.5, 0.25, 1.0, 2.0],
            slots: vec![Slot::of([100, -100, 127, -128]); 1 << 4],
        };
        for line in [
            "",
            "a",
            &"ab ".repeat(1000),
            &"für ".repeat(99),
            &"今天".repeat(500),
        ] {
            let root = (runs(line).len() as f32).sqrt();
            let expected = [50.0, -25.0, 127.0, -256.0].map(|weight| weight * root);
            let got = table.look_up(line.as_bytes());
            for (got, expected) in got.into_iter().zip(expected) {
                assert!((got / expected - 1.0).abs() < 1e-5, "{got} {expected}");
            }
        }
        assert_eq!(LetterTable::default().look_up(b"abc"), [0.0; SPEAKS_OF]);
    }
}
