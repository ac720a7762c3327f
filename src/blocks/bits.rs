//! A set of small numbers, asked for ranges at a time.

use std::ops::Range;

const WORD_BITS: usize = u64::BITS as usize;

/// A set of the numbers below a length given once.
#[derive(Clone, Debug)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// The empty set of numbers below `length`.
    pub fn none(length: usize) -> Self {
        Bits {
            words: vec![0; length.div_ceil(WORD_BITS)],
        }
    }

    pub fn has(&self, number: usize) -> bool {
        self.words[number / WORD_BITS] >> (number % WORD_BITS) & 1 == 1
    }

    pub fn insert(&mut self, number: usize) {
        self.words[number / WORD_BITS] |= 1 << (number % WORD_BITS);
    }

    /// Takes the numbers of the range out of the set, and adds them to `to`.
    pub fn move_range(&mut self, range: Range<usize>, mut to: Option<&mut Bits>) {
        for (word, mask) in masks(range) {
            let moved = self.words[word] & mask;
            self.words[word] &= !mask;
            if let Some(to) = &mut to {
                to.words[word] |= moved;
            }
        }
    }

    /// Whether every number of the range is in the set.
    pub fn has_all(&self, range: Range<usize>) -> bool {
        masks(range).all(|(word, mask)| self.words[word] & mask == mask)
    }

    /// The numbers of the range that are in the set, rising.
    pub fn each_in(&self, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        masks(range).flat_map(|(word, mask)| {
            let mut rest = self.words[word] & mask;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(word * WORD_BITS + bit)
            })
        })
    }
}

/// The words that hold a range, and which of their bits lie in it.
fn masks(range: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    let words = if range.is_empty() {
        0..0
    } else {
        range.start / WORD_BITS..(range.end - 1) / WORD_BITS + 1
    };
    words.map(move |word| {
        let first = word * WORD_BITS;
        let below = |number: usize| match number.saturating_sub(first) {
            bits if bits >= WORD_BITS => u64::MAX,
            bits => (1 << bits) - 1,
        };
        (word, below(range.end) & !below(range.start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_asked_as_their_numbers_are() {
        let numbers = [0, 1, 63, 64, 65, 127, 128, 190, 191];
        let mut bits = Bits::none(200);
        numbers.iter().for_each(|&number| bits.insert(number));
        bits.insert(100);
        let mut moved = Bits::none(200);
        bits.move_range(99..127, Some(&mut moved));
        bits.move_range(101..127, None);
        assert!(moved.each_in(0..200).eq([100]));
        for start in 0..200 {
            for end in start..200 {
                let expected = numbers.into_iter().filter(|at| (start..end).contains(at));
                assert!(bits.each_in(start..end).eq(expected), "{start}..{end}");
                let all = (start..end).all(|number| bits.has(number));
                assert_eq!(bits.has_all(start..end), all, "{start}..{end}");
            }
        }
    }
}
