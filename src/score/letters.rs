//! A normalised line in, what its letters say out: hashed runs of three characters, each with a
//! weight in a small table (Cavnar 1994). They know what a word is like that training did not meet.
//!
//! Digits are masked; a space stands before the first character and behind the last.

use super::grams::FACTOR;
use super::lexical::{Lanes, MAX_LANE_WEIGHTS, SPEAKS_OF, Slot, Sums, add};
use crate::normalize::{ascii_length, decode};

/// Slots of a table: two to the power of this many.
const SLOT_BITS: u32 = 16;
/// Slots of a table.
pub const SLOTS: usize = 1 << SLOT_BITS;
/// Bits of a character that count; below the last character of a run as many stay empty.
const CHAR_BITS: u32 = 16;

/// Weights of runs of letters; one without slots says nothing.
///
/// `SIZE` is a power of two, [`SLOTS`] at most.
#[derive(Clone, Debug, PartialEq)]
pub struct LetterTable<const N: usize = SPEAKS_OF, const SIZE: usize = SLOTS> {
    /// Log-odds of one step of a weight, one for each of [`super::lexical::Of`], or of what else
    /// letters speak of.
    pub steps: [f32; N],
    /// None, or `SIZE`.
    pub slots: Vec<Slot<N>>,
}

impl<const N: usize, const SIZE: usize> Default for LetterTable<N, SIZE> {
    fn default() -> Self {
        LetterTable {
            steps: [0.0; N],
            slots: Vec::new(),
        }
    }
}

/// The last three characters, as a product: of their codes side by side, the last lowest, and of
/// [`FACTOR`]. So a character is moved in by one addition.
#[derive(Clone, Copy)]
struct Window(u64);

impl Window {
    fn new() -> Self {
        Window(Window::product(b' ' as u16))
    }

    const fn product(character: u16) -> u64 {
        ((character as u64) << CHAR_BITS).wrapping_mul(FACTOR)
    }

    /// The slot of the run that ends in this character, by its product.
    #[inline(always)]
    fn push(&mut self, product: u64) -> u16 {
        self.0 = (self.0 << CHAR_BITS).wrapping_add(product);
        // The upper bits depend on all characters.
        (self.0 >> (u64::BITS - SLOT_BITS)) as u16
    }

    /// Digits are masked.
    #[inline(always)]
    fn push_ascii(&mut self, byte: u8) -> u16 {
        const PRODUCTS: [u64; 256] = {
            let mut products = [0; 256];
            let mut byte = 0;
            while byte < 256 {
                let masked = if (byte as u8).is_ascii_digit() {
                    b'0'
                } else {
                    byte as u8
                };
                products[byte] = Window::product(masked as u16);
                byte += 1;
            }
            products
        };
        self.push(PRODUCTS[usize::from(byte)])
    }
}

/// Takes in the slots of a line's runs.
trait Sink {
    fn run(&mut self, slot: u16);

    /// A stretch ends; none has more than [`MAX_LANE_WEIGHTS`], and one.
    fn end_stretch(&mut self) {}
}

impl<F: FnMut(u16)> Sink for F {
    fn run(&mut self, slot: u16) {
        self(slot);
    }
}

#[inline(always)]
fn give_runs(line: &[u8], sink: &mut impl Sink) {
    let mut window = Window::new();
    let mut rest = line;
    let mut room = MAX_LANE_WEIGHTS;
    while !rest.is_empty() {
        let (ascii, behind) = rest.split_at(ascii_length(rest));
        for bytes in ascii.chunks(MAX_LANE_WEIGHTS) {
            if bytes.len() > room {
                sink.end_stretch();
                room = MAX_LANE_WEIGHTS;
            }
            room -= bytes.len();
            for &byte in bytes {
                sink.run(window.push_ascii(byte));
            }
        }
        rest = behind;
        while rest.first().is_some_and(|byte| !byte.is_ascii()) {
            if room == 0 {
                sink.end_stretch();
                room = MAX_LANE_WEIGHTS;
            }
            room -= 1;
            let (decoded, length_bytes) = decode(rest);
            let character = decoded.map_or(rest[0].into(), u32::from);
            sink.run(window.push(Window::product(character as u16)));
            rest = &rest[length_bytes..];
        }
    }
    sink.run(window.push_ascii(b' '));
    sink.end_stretch();
}

/// Gives the slot of each run of a normalised line, one for each character and one for the line's
/// end.
///
/// Linear time.
pub fn each_run(line: &[u8], mut give: impl FnMut(u16)) {
    give_runs(line, &mut |slot| give(slot));
}

/// Adds up what the runs of a line weigh.
struct LookUp<'t, const N: usize, const SIZE: usize> {
    slots: &'t [Slot<N>; SIZE],
    lanes: Lanes<N>,
    count: usize,
    sums: Sums<N>,
}

impl<const N: usize, const SIZE: usize> Sink for LookUp<'_, N, SIZE> {
    #[inline(always)]
    fn run(&mut self, slot: u16) {
        add(&mut self.lanes, &self.slots[usize::from(slot) % SIZE]);
        self.count += 1;
    }

    #[inline(always)]
    fn end_stretch(&mut self) {
        self.sums.add(&self.lanes, self.count);
        (self.lanes, self.count) = ([0; N], 0);
    }
}

impl<const N: usize, const SIZE: usize> LetterTable<N, SIZE> {
    /// What a normalised line's letters add to its log-odds.
    #[inline(always)]
    pub(super) fn look_up(&self, line: &[u8]) -> [f32; N] {
        let Some(slots) = self.slots.first_chunk::<SIZE>() else {
            return [0.0; N];
        };
        let mut said = LookUp {
            slots,
            lanes: [0; N],
            count: 0,
            sums: Sums::NONE,
        };
        give_runs(line, &mut said);
        said.sums.say(self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(line: &str) -> Vec<u16> {
        let mut slots = Vec::new();
        each_run(line.as_bytes(), |slot| slots.push(slot));
        slots
    }

    /// Of the characters side by side, all at once.
    fn slot(characters: &str) -> u16 {
        let push = |run: u64, character| run << CHAR_BITS | u64::from(character as u32 as u16);
        let run = characters.chars().fold(0, push) << CHAR_BITS;
        (run.wrapping_mul(FACTOR) >> (u64::BITS - SLOT_BITS)) as u16
    }

    #[test]
    fn a_run_ends_in_each_character_and_behind_the_last() {
        let expected = [" n", " ná", "náv", "áv0", "v0 "].map(slot);
        assert_eq!(slots("náv7"), expected);
        assert_eq!(slots("náv3"), expected);
        assert_eq!(slots("今天"), [" 今", " 今天", "今天 "].map(slot));
        assert_eq!(slots(""), [slot("  ")]);
        let mut broken = 0;
        each_run(b"a\xe4\xbd b", |_| broken += 1);
        assert_eq!(broken, 5);
    }

    #[test]
    fn all_characters_of_a_run_choose_its_slot() {
        assert_ne!(slot("abc"), slot("bbc"));
        assert_ne!(slot("abc"), slot("acc"));
        assert_ne!(slot("abc"), slot("abd"));
    }

    #[test]
    fn weights_add_up_over_the_root_of_their_number() {
        let table: LetterTable = LetterTable {
            steps: [0.5, 0.25, 1.0, 2.0],
            slots: vec![[100, -100, 127, -128]; SLOTS],
        };
        for line in [
            "",
            "a",
            &"ab ".repeat(1000),
            &"für ".repeat(99),
            &"今天".repeat(500),
        ] {
            let root = (slots(line).len() as f32).sqrt();
            let expected = [50.0, -25.0, 127.0, -256.0].map(|weight| weight * root);
            let got = table.look_up(line.as_bytes());
            for (got, expected) in got.into_iter().zip(expected) {
                assert!((got / expected - 1.0).abs() < 1e-5, "{got} {expected}");
            }
        }
        assert_eq!(<LetterTable>::default().look_up(b"abc"), [0.0; SPEAKS_OF]);
    }
}
