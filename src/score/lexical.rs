//! A normalised line in, what its words say out: hashed words and pairs of words, each with a
//! weight in a small table (Weinberger 2009).
//!
//! Words are runs of letters and digits, bytes outside ASCII among them; of Han and Kana every
//! character is a word, its marks too, and so is every mark of ASCII. (Thai and its like, written
//! without spaces, are long words.) Digits are masked. Besides words and pairs the first, the
//! last, the last that is no mark, and the whole of a short line have weights of their own.
//!
//! Which words training met is kept too: where most are unknown the weights mean nothing, and
//! nothing is said.

use crate::simd::masks::{BLOCK_BYTES, WordMasks, word_masks};

/// Longest part of a word that is looked at, in bytes.
const MAX_WORD_BYTES: usize = 32;
/// A line of more words has no weight as a whole.
const MAX_WHOLE_WORDS: u32 = 12;
/// Bits of the hash by which known words are told: one bit of memory each.
const KNOWN_BITS: u32 = 19;

/// 64-bit words of [`LexicalTable::known`].
pub const KNOWN_WORDS: usize = 1 << (KNOWN_BITS - 6);

/// Counts over the words of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WordFacts {
    /// Words.
    pub words: u32,
    /// Characters of the longest word, as far as its first 32 bytes show.
    pub longest: u32,
    /// Words of up to three characters.
    pub short: u32,
    /// Words that hold a digit, in their first 32 bytes.
    pub with_digit: u32,
    /// Words that stand earlier in the line, as far as 64 bits can tell.
    pub again: u32,
}

/// What a gram is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word = 1,
    Pair = 2,
    First = 3,
    Last = 4,
    Whole = 5,
    End = 6,
}

/// An odd factor by which hashes are spread.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
fn mix(hash: u64, kind: Kind) -> u32 {
    ((hash ^ (kind as u64) << 40).wrapping_mul(FACTOR) >> 32) as u32
}

/// A word: its hash, its length, whether there is a digit in it.
#[derive(Clone, Copy)]
struct Word {
    hash: u64,
    chars: u32,
    has_digit: bool,
}

impl Word {
    /// Reads the word that is the first `length` of `bytes`; eight bytes at a time, digits masked.
    #[inline]
    fn read(bytes: &[u8], length: usize) -> Self {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const ZEROS: u64 = b'0' as u64 * ONES;
        let mut word = Word {
            hash: length as u64,
            chars: 0,
            has_digit: false,
        };
        let mut at = 0;
        while at < length.min(MAX_WORD_BYTES) {
            let left = length - at;
            let eight = match bytes[at..].first_chunk() {
                Some(eight) => u64::from_le_bytes(*eight),
                None => {
                    let mut eight = [0; 8];
                    let rest = &bytes[at..];
                    eight[..rest.len()].copy_from_slice(rest);
                    u64::from_le_bytes(eight)
                }
            };
            let eight = if left < 8 {
                eight & !(u64::MAX << (left * 8))
            } else {
                eight
            };
            // One in the lowest bit of each byte that is a digit; bytes outside ASCII are none.
            let from_zero = eight ^ ZEROS;
            let past_nine = (from_zero & !(0x80 * ONES)) + 0x76 * ONES;
            let digits = !(past_nine | from_zero) >> 7 & ONES;
            let digits_whole = digits * 0xff;
            let inner = eight >> 7 & !(eight >> 6) & ONES;
            word.chars += left.min(8) as u32 - inner.count_ones();
            word.has_digit |= digits != 0;
            let masked = eight & !digits_whole | ZEROS & digits_whole;
            word.hash = (word.hash ^ masked).wrapping_mul(FACTOR).rotate_left(29);
            at += 8;
        }
        word
    }
}

/// Gives the hash of each gram of a normalised line, and whether it is a single word.
///
/// Linear time.
#[inline]
fn each_gram(line: &[u8], mut give: impl FnMut(u32, bool)) -> WordFacts {
    let mut facts = WordFacts::default();
    let mut before = 0;
    let mut last_word = 0;
    let mut tokens = 0_u32;
    let mut whole = 0_u64;
    let mut seen = 0_u64;
    let mut take = |start: usize, end: usize| {
        let word = Word::read(&line[start..], end - start);
        let hash = word.hash;
        let is_mark = line[start].is_ascii_punctuation();
        give(mix(hash, Kind::Word), !is_mark);
        if tokens == 0 {
            give(mix(hash, Kind::First), false);
        } else {
            give(mix(before ^ hash.rotate_left(23), Kind::Pair), false);
        }
        tokens += 1;
        before = hash;
        whole = (whole ^ hash).wrapping_mul(FACTOR).rotate_left(29);
        if is_mark {
            return;
        }
        last_word = hash;
        facts.words += 1;
        facts.longest = facts.longest.max(word.chars);
        facts.short += u32::from(word.chars <= 3);
        facts.with_digit += u32::from(word.has_digit);
        let bit = 1 << (hash >> 58);
        facts.again += u32::from(seen & bit != 0);
        seen |= bit;
    };
    let mut start = None;
    let (mut was_token, mut past_apart) = (0, 0);
    for (block, bytes) in line.chunks(BLOCK_BYTES).enumerate() {
        let mut padded = [0; BLOCK_BYTES];
        let masks = word_masks(bytes.try_into().unwrap_or_else(|_| {
            padded[..bytes.len()].copy_from_slice(bytes);
            &padded
        }));
        let WordMasks { word, single, mark } = masks;
        // A token begins or ends; before and behind a character that is one, tokens begin.
        let token = word | mark;
        let apart = single | single << 3 | mark | mark << 1 | past_apart;
        let mut edges = token ^ (token << 1 | was_token) | token & apart;
        while edges != 0 {
            let at = edges.trailing_zeros();
            edges &= edges - 1;
            let place = block * BLOCK_BYTES + at as usize;
            if let Some(start) = start {
                take(start, place);
            }
            start = (token >> at & 1 != 0).then_some(place);
        }
        was_token = token >> 63;
        past_apart = single >> 61 | mark >> 63;
    }
    if let Some(start) = start {
        take(start, line.len());
    }
    if tokens > 0 {
        give(mix(last_word, Kind::Last), false);
        give(mix(before, Kind::End), false);
        if facts.words <= MAX_WHOLE_WORDS {
            give(mix(whole, Kind::Whole), false);
        }
    }
    facts
}

/// Of which lines the words of a line speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Of the line itself.
    Itself = 0,
    /// Of the lines behind it: "Related articles", "Leave a comment".
    Behind = 1,
    /// Of the lines before it.
    Before = 2,
}

/// Lines of which words speak; see [`Of`].
pub const SPEAKS_OF: usize = 3;

/// How a table's weights are read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scale {
    /// Log-odds of boilerplate a line starts from.
    pub bias: f32,
    /// Log-odds of one step of a weight.
    pub step: f32,
}

/// Weights of grams, and which words are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LexicalTable {
    /// One for each of [`Of`].
    pub scales: [Scale; SPEAKS_OF],
    /// A slot holds one weight for each of [`Of`]; a power of two of them.
    pub weights: Vec<[i8; SPEAKS_OF]>,
    /// One bit for each known word's slot.
    pub known: Vec<u64>,
}

/// What the words of a line say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lexical {
    /// Log-odds of boilerplate, one for each of [`Of`].
    pub log_odds: [f32; SPEAKS_OF],
    /// Words that training met.
    pub known: u32,
    /// Counts over the words.
    pub facts: WordFacts,
}

impl LexicalTable {
    /// Log-odds and counts of a normalised line.
    pub fn look_up(&self, line: &[u8]) -> Lexical {
        let mask = self.weights.len().wrapping_sub(1);
        // A line of millions of words leaves 32 bits.
        let mut sums = [0_i64; SPEAKS_OF];
        let mut grams = 0_u32;
        let mut known = 0;
        let facts = each_gram(line, |hash, is_word| {
            grams += 1;
            for (sum, &weight) in sums.iter_mut().zip(&self.weights[hash as usize & mask]) {
                *sum += i64::from(weight);
            }
            if is_word {
                let bit = hash >> (32 - KNOWN_BITS);
                known += (self.known[bit as usize / 64] >> (bit % 64) & 1) as u32;
            }
        });
        let share = 1.0 / (grams.max(1) as f32).sqrt();
        let mut log_odds = [0.0; SPEAKS_OF];
        for ((log_odds, scale), sum) in log_odds.iter_mut().zip(&self.scales).zip(sums) {
            *log_odds = scale.bias + sum as f32 * (scale.step * share);
        }
        Lexical {
            log_odds,
            known,
            facts,
        }
    }
}

/// For fitting: the grams of lines.
pub mod training {
    use super::*;

    /// Gives the hash of each gram of a normalised line, and for a word the bit of
    /// [`LexicalTable::known`].
    pub fn each_gram(line: &[u8], mut give: impl FnMut(u32, Option<u32>)) {
        super::each_gram(line, |hash, is_word| {
            give(hash, is_word.then_some(hash >> (32 - KNOWN_BITS)));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(line: &str) -> WordFacts {
        each_gram(line.as_bytes(), |_, _| {})
    }

    fn grams(line: &str) -> Vec<u32> {
        let mut grams = Vec::new();
        each_gram(line.as_bytes(), |hash, _| grams.push(hash));
        grams
    }

    #[test]
    fn words_are_counted() {
        let expected = WordFacts {
            words: 6,
            longest: 8,
            short: 4,
            with_digit: 1,
            again: 0,
        };
        // Two words may share a bit.
        let got = WordFacts {
            again: 0,
            ..facts("the 3 ferries, in no harbours!")
        };
        assert_eq!(got, expected);
        assert_eq!(facts("今天天气").words, 4);
        assert_eq!(facts("сегодня дождь").words, 2);
        assert_eq!(facts(" -- ").words, 0);
        assert!(facts("log in log in").again >= 2);
    }

    #[test]
    fn numbers_change_no_gram_and_marks_no_count() {
        assert_eq!(grams("page 3 of 12"), grams("page 7 of 99"));
        assert_ne!(grams("page 3 of 12"), grams("page 3 of 12."));
        assert_ne!(grams("page 3 of 12"), grams("page 3 of 123"));
        assert_ne!(grams("log in"), grams("in log"));
        assert_eq!(grams("a b").len(), 7);
        assert_eq!(facts("a, b!"), facts("a b"));
    }

    #[test]
    fn every_length_of_word_has_a_hash_of_its_own() {
        let word = "a".repeat(80);
        let hash = |length| Word::read(word.as_bytes(), length).hash;
        let hashes: std::collections::HashSet<u64> = (1..=80).map(hash).collect();
        assert_eq!(hashes.len(), 80);
    }

    #[test]
    fn a_line_of_millions_of_words_keeps_its_sign() {
        let table = LexicalTable {
            scales: [Scale {
                bias: 0.0,
                step: 0.01,
            }; SPEAKS_OF],
            weights: vec![[127, -127, 1]; 2],
            known: vec![0; KNOWN_WORDS],
        };
        let said = table.look_up(&b"a ".repeat(9_000_000));
        assert!(said.log_odds[0] > 5000.0 && said.log_odds[1] < -5000.0);
        assert!(said.log_odds.iter().all(|log_odds| log_odds.is_finite()));
    }

    /// What is read by blocks, byte by byte.
    fn naive_words(line: &[u8]) -> Vec<&[u8]> {
        let is_mark = |byte: u8| byte.is_ascii_punctuation();
        let is_word = |byte: u8| byte != b' ';
        let is_single = |byte: u8| (0xe3..=0xe9).contains(&byte);
        let mut words = Vec::new();
        let mut start = None;
        for at in 0..=line.len() {
            let here = line.get(at).copied().filter(|&byte| is_word(byte));
            let breaks = here.is_none_or(|byte| is_single(byte) || is_mark(byte))
                || at >= 3 && is_single(line[at - 3])
                || at >= 1 && is_mark(line[at - 1]);
            if breaks && let Some(start) = start.take() {
                words.push(&line[start..at]);
            }
            if here.is_some() && start.is_none() {
                start = Some(at);
            }
        }
        words
    }

    #[test]
    fn blocks_make_the_words_that_bytes_make() {
        let text = "the 3 ferries, über naïve 今天x天气 はい12 сегодня-дождь __ a ".repeat(6);
        let text = text.as_bytes();
        for start in 0..80 {
            for end in (start..text.len()).step_by(7) {
                let line = &text[start..end];
                let mut words = Vec::new();
                each_gram(line, |hash, is_word| {
                    if is_word {
                        words.push(hash);
                    }
                });
                let mut naive = naive_words(line);
                naive.retain(|word| !word[0].is_ascii_punctuation());
                let hashes = naive
                    .iter()
                    .map(|word| mix(Word::read(word, word.len()).hash, Kind::Word));
                assert!(words.into_iter().eq(hashes), "{start}..{end}");
            }
        }
    }
}
