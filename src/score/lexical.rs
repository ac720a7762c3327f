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
//!
//! A table may weigh the line's letters besides, three at a time (Cavnar 1994): what a word is like
//! whose weight is not known.

use super::letters::LetterTable;
use crate::simd::masks::{BLOCK_BYTES, WordMasks, with_block, word_masks};

/// Longest part of a word that is looked at, in bytes.
const MAX_WORD_BYTES: usize = 32;
/// A word of ASCII that is no longer is short.
const MAX_SHORT_BYTES: usize = 3;
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
pub(super) const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number in, a gram's hash out.
#[inline]
pub(super) fn spread(value: u64) -> u32 {
    (value.wrapping_mul(FACTOR) >> 32) as u32
}

#[inline]
fn mix(hash: u64, kind: Kind) -> u32 {
    spread(hash ^ (kind as u64) << 40)
}

#[inline]
fn stir(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(FACTOR).rotate_left(29)
}

/// A line of which eight bytes are read from any place on; behind its end stand zeros.
struct Eights<'l> {
    line: &'l [u8],
    /// The last eight bytes, the last on top.
    tail: u64,
}

impl<'l> Eights<'l> {
    #[inline]
    fn new(line: &'l [u8]) -> Self {
        let push = |tail: u64, &byte: &u8| tail >> 8 | u64::from(byte) << 56;
        let tail = match line.last_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => line.iter().fold(0, push),
        };
        Eights { line, tail }
    }

    /// The bytes from `at` on, the first lowest; `at` lies in the line.
    #[inline]
    fn at(&self, at: usize) -> u64 {
        let rest = &self.line[at..];
        match rest.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => self.tail >> (64 - 8 * rest.len()),
        }
    }
}

/// A word: its hash, its length, whether there is a digit in it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Word {
    hash: u64,
    chars: u32,
    has_digit: bool,
}

impl Word {
    /// Reads the word of `length` bytes, at least one, at `start`; eight bytes at a time, digits
    /// masked.
    #[inline]
    fn read(eights: &Eights<'_>, start: usize, length: usize) -> Self {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let looked_at = length.min(MAX_WORD_BYTES);
        let mut word = Word {
            hash: length as u64,
            chars: looked_at as u32,
            has_digit: false,
        };
        let mut at = 0;
        loop {
            let own = u64::MAX >> (64 - 8 * (length - at).min(8));
            let mut eight = eights.at(start + at) & own;
            // Bytes of 0x40 to 0x7f are letters of ASCII: nothing to mask, one character each.
            if eight & (0xc0 * ONES) != own & (0x40 * ONES) {
                // One in the lowest bit of each byte that is a digit, or continues a character.
                let from_zero = eight ^ (0x30 * ONES);
                let past_nine = (from_zero & (0x7f * ONES)) + 0x76 * ONES;
                let digits = !(past_nine | from_zero) >> 7 & ONES;
                let inner = eight >> 7 & !(eight >> 6) & ONES;
                word.chars -= (inner.wrapping_mul(ONES) >> 56) as u32;
                word.has_digit |= digits != 0;
                eight &= !(digits * 0x0f);
            }
            word.hash = stir(word.hash, eight);
            at += 8;
            if at >= looked_at {
                return word;
            }
        }
    }
}

/// What a gram is the hash of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gram {
    /// A word that many lines hold, whatever they say: up to three letters of ASCII.
    ShortWord,
    /// Any other word.
    Word,
    /// A mark, words side by side, a place in the line.
    Other,
}

/// Takes in the grams of a line.
trait Sink {
    /// A gram's hash, and what it is of.
    fn gram(&mut self, hash: u32, of: Gram);

    /// A block begins; none has more than [`MAX_BLOCK_GRAMS`].
    fn block(&mut self) {}
}

impl<F: FnMut(u32, Gram)> Sink for F {
    #[inline]
    fn gram(&mut self, hash: u32, of: Gram) {
        self(hash, of);
    }
}

/// Two for each token that ends in the block, and those of the line's end.
pub(super) const MAX_BLOCK_GRAMS: usize = 2 * BLOCK_BYTES + 3;

/// Takes the lowest bit out and tells its place; [`BLOCK_BYTES`] if there is none.
#[inline]
fn pop(bits: &mut u64) -> usize {
    let at = bits.trailing_zeros();
    *bits &= bits.wrapping_sub(1);
    at as usize
}

/// Gives the grams of a normalised line to `sink`.
///
/// Linear time.
#[inline(always)]
fn each_gram(line: &[u8], sink: &mut impl Sink) -> WordFacts {
    let eights = Eights::new(line);
    let mut facts = WordFacts::default();
    let (mut before, mut last_word, mut whole, mut seen) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut is_first = true;
    let mut start = 0;
    let (mut was_token, mut was_mark, mut past_single) = (0, 0, 0);
    // A line of whole blocks has an empty one behind them, where its last token ends.
    for block in 0..=line.len() / BLOCK_BYTES {
        sink.block();
        let from = block * BLOCK_BYTES;
        let WordMasks { word, single, mark } = with_block(&line[from..], word_masks);
        // A token begins or ends; before and behind a character that is one, tokens begin.
        let token = word | mark;
        let behind_token = token << 1 | was_token;
        let behind_mark = mark << 1 | was_mark;
        let apart = single | single << 3 | past_single | mark | behind_mark;
        let edges = token ^ behind_token | token & apart;
        let (mut starts, mut ends) = (edges & token, edges & behind_token);
        if was_token == 0 {
            start = from + pop(&mut starts);
        }
        while ends != 0 {
            let at = pop(&mut ends);
            let is_mark = behind_mark >> at & 1 != 0;
            let (hash, of) = if is_mark {
                (stir(1, u64::from(line[start])), Gram::Other)
            } else {
                let length_bytes = from + at - start;
                let is_short = length_bytes <= MAX_SHORT_BYTES && line[start].is_ascii();
                let word = Word::read(&eights, start, length_bytes);
                last_word = word.hash;
                facts.words += 1;
                facts.longest = facts.longest.max(word.chars);
                facts.short += u32::from(word.chars <= 3);
                facts.with_digit += u32::from(word.has_digit);
                let place = word.hash >> 58;
                facts.again += (seen >> place & 1) as u32;
                seen |= 1 << place;
                let of = if is_short {
                    Gram::ShortWord
                } else {
                    Gram::Word
                };
                (word.hash, of)
            };
            sink.gram(mix(hash, Kind::Word), of);
            let second = if is_first {
                mix(hash, Kind::First)
            } else {
                mix(before ^ hash.rotate_left(23), Kind::Pair)
            };
            sink.gram(second, Gram::Other);
            is_first = false;
            before = hash;
            whole = stir(whole, hash);
            start = from + pop(&mut starts);
        }
        was_token = token >> 63;
        was_mark = mark >> 63;
        past_single = single >> 61;
    }
    if !is_first {
        sink.gram(mix(last_word, Kind::Last), Gram::Other);
        sink.gram(mix(before, Kind::End), Gram::Other);
        if facts.words <= MAX_WHOLE_WORDS {
            sink.gram(mix(whole, Kind::Whole), Gram::Other);
        }
    }
    facts
}

/// Gives the hash of each word of a normalised line, short ones left out.
#[inline(always)]
pub(super) fn each_word(line: &[u8], mut give: impl FnMut(u32)) {
    each_gram(line, &mut |hash, of| {
        if of == Gram::Word {
            give(hash);
        }
    });
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
    /// One for each of [`Of`].
    pub scales: [Scale; SPEAKS_OF],
    /// A slot holds one weight for each of [`Of`]; a power of two of them.
    pub weights: Vec<[i8; SPEAKS_OF]>,
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

/// Weights of a slot, each 128 more than it is, in the lanes in which they are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u64);

impl Slot {
    /// A slot of these weights.
    pub fn of(weights: [i8; SPEAKS_OF]) -> Self {
        let slot = u64::from(u32::from_le_bytes(weights.map(i8::cast_unsigned)) ^ 0x8080_8080);
        Slot((slot | slot << 24) & 0x00ff_00ff_00ff_00ff)
    }

    /// Its weights.
    pub fn weights(self) -> [i8; SPEAKS_OF] {
        let slot = (self.0 | self.0 >> 24) as u32 ^ 0x8080_8080;
        slot.to_le_bytes().map(u8::cast_signed)
    }
}

/// Sums of weights.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// Of a block, each weight 128 more than it is: 16 bits for each of [`Of`].
    lanes: u64,
    sums: [u64; SPEAKS_OF],
    count: u32,
}

impl Sums {
    /// Adds a slot's weights, of which no block has more than [`MAX_BLOCK_GRAMS`].
    #[inline]
    pub(super) fn add(&mut self, slot: Slot) {
        self.lanes += slot.0;
        self.count += 1;
    }

    #[inline]
    pub(super) fn end_block(&mut self) {
        for (sum, place) in self.sums.iter_mut().zip([0, 32, 16, 48]) {
            *sum += self.lanes >> place & 0xffff;
        }
        self.lanes = 0;
    }

    /// Slots that were added.
    #[inline]
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The sums over the root of their number, in log-odds, a weight being so many steps.
    #[inline]
    pub(super) fn say(&self, steps: [f32; SPEAKS_OF]) -> [f32; SPEAKS_OF] {
        let share = 1.0 / (self.count.max(1) as f32).sqrt();
        let mut says = [0.0; SPEAKS_OF];
        for ((says, step), sum) in says.iter_mut().zip(steps).zip(self.sums) {
            let sum = sum as i64 - 128 * i64::from(self.count);
            *says = sum as f32 * (step * share);
        }
        says
    }
}

const _: () = assert!(
    MAX_BLOCK_GRAMS * 255 < 1 << 16,
    "a block overflows its lanes"
);

/// Looks up the grams of a line, and sums up.
struct LookUp<'t> {
    weights: &'t [[i8; SPEAKS_OF]],
    known_bits: &'t [u64],
    sums: Sums,
    known: u32,
}

impl Sink for LookUp<'_> {
    #[inline]
    fn gram(&mut self, hash: u32, of: Gram) {
        let last = self.weights.len().wrapping_sub(1);
        self.sums.add(Slot::of(self.weights[hash as usize & last]));
        if of != Gram::Other {
            let bit = hash >> (32 - KNOWN_BITS);
            self.known += (self.known_bits[bit as usize / 64] >> (bit % 64) & 1) as u32;
        }
    }

    #[inline]
    fn block(&mut self) {
        self.sums.end_block();
    }
}

/// Looks up the grams of a line, and gives its words, short ones left out, to somebody else.
struct Listened<'t, G> {
    said: LookUp<'t>,
    give: G,
}

impl<G: FnMut(u32)> Sink for Listened<'_, G> {
    #[inline]
    fn gram(&mut self, hash: u32, of: Gram) {
        self.said.gram(hash, of);
        if of == Gram::Word {
            (self.give)(hash);
        }
    }

    #[inline]
    fn block(&mut self) {
        self.said.block();
    }
}

impl LexicalTable {
    /// Log-odds and counts of a normalised line.
    ///
    /// `give` gets the hash of each word, short ones left out.
    #[inline(always)]
    pub fn look_up(&self, line: &[u8], give: impl FnMut(u32)) -> Lexical {
        let mut said = Listened {
            said: self.begin(),
            give,
        };
        let facts = each_gram(line, &mut said);
        let LookUp {
            mut sums, known, ..
        } = said.said;
        sums.end_block();
        let letters = self.letters.look_up(line);
        let mut log_odds = self.log_odds(&sums);
        for (log_odds, letters) in log_odds.iter_mut().zip(letters) {
            *log_odds += letters;
        }
        Lexical {
            log_odds,
            known,
            facts,
        }
    }

    /// Log-odds of the grams that `each` gives: at most [`MAX_BLOCK_GRAMS`].
    pub(super) fn look_up_grams(&self, each: impl FnOnce(&mut dyn FnMut(u32))) -> [f32; SPEAKS_OF] {
        let mut said = self.begin();
        each(&mut |gram| said.gram(gram, Gram::Other));
        let sums = &mut said.sums;
        debug_assert!(
            sums.count() as usize <= MAX_BLOCK_GRAMS,
            "a block overflows"
        );
        sums.end_block();
        self.log_odds(sums)
    }

    fn begin(&self) -> LookUp<'_> {
        LookUp {
            weights: &self.weights,
            known_bits: &self.known,
            sums: Sums::default(),
            known: 0,
        }
    }

    fn log_odds(&self, sums: &Sums) -> [f32; SPEAKS_OF] {
        let mut log_odds = sums.say(self.scales.map(|scale| scale.step));
        for (log_odds, scale) in log_odds.iter_mut().zip(&self.scales) {
            *log_odds += scale.bias;
        }
        log_odds
    }
}

/// For fitting: the grams of lines.
pub mod training {
    use super::*;

    /// Gives the hash of each gram of a normalised line, and for a word the bit of
    /// [`LexicalTable::known`].
    pub fn each_gram(line: &[u8], mut give: impl FnMut(u32, Option<u32>)) {
        super::each_gram(line, &mut |hash, of| {
            let is_word = of != Gram::Other;
            give(hash, is_word.then_some(hash >> (32 - KNOWN_BITS)));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(line: &str) -> WordFacts {
        each_gram(line.as_bytes(), &mut |_, _| {})
    }

    fn grams(line: &str) -> Vec<u32> {
        let mut grams = Vec::new();
        each_gram(line.as_bytes(), &mut |hash, _| grams.push(hash));
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
        let hash = |length| Word::read(&Eights::new(word.as_bytes()), 0, length).hash;
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
            weights: vec![[127, -127, 1, 0]; 2],
            known: vec![0; KNOWN_WORDS],
            letters: LetterTable::default(),
        };
        let said = table.look_up(&b"a ".repeat(9_000_000), |_| ());
        assert!(said.log_odds[0] > 5000.0 && said.log_odds[1] < -5000.0);
        assert!(said.log_odds.iter().all(|log_odds| log_odds.is_finite()));
    }

    #[test]
    fn slots_hold_their_weights() {
        for weights in [[0; SPEAKS_OF], [-128, 127, -1, 1], [5, -5, 100, -100]] {
            assert_eq!(Slot::of(weights).weights(), weights);
        }
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

    /// What is read by eights, byte by byte.
    fn naive_word(bytes: &[u8]) -> Word {
        let shown = &bytes[..bytes.len().min(MAX_WORD_BYTES)];
        let masked = |&byte: &u8| if byte.is_ascii_digit() { b'0' } else { byte };
        let mut hash = bytes.len() as u64;
        for eight in shown.chunks(8) {
            let value = eight.iter().rev().map(masked);
            hash = stir(
                hash,
                value.fold(0, |value, byte| value << 8 | u64::from(byte)),
            );
        }
        Word {
            hash,
            chars: shown.iter().filter(|&byte| byte & 0xc0 != 0x80).count() as u32,
            has_digit: shown.iter().any(u8::is_ascii_digit),
        }
    }

    #[test]
    fn eights_make_the_word_that_bytes_make() {
        let line = "straße9/:`{x@0123456789 naïveabcdefghijklmnopqrstuvwxyz今1天".as_bytes();
        for end in 1..=line.len() {
            let eights = Eights::new(&line[..end]);
            for start in 0..end {
                for to in start + 1..=end {
                    let word = Word::read(&eights, start, to - start);
                    assert_eq!(word, naive_word(&line[start..to]), "{start}..{to}");
                }
            }
        }
    }

    #[test]
    fn lanes_make_the_sums_that_single_weights_make() {
        let random = |slot: u64| (stir(slot, 7) as u32).to_le_bytes().map(|byte| byte as i8);
        let mut weights: Vec<[i8; SPEAKS_OF]> = (0..1024).map(random).collect();
        for extreme in [-128, 127, 0] {
            let table = LexicalTable {
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
                let facts = each_gram(line.as_bytes(), &mut |hash: u32, of| {
                    grams += 1;
                    for (sum, weight) in sums.iter_mut().zip(table.weights[hash as usize % 1024]) {
                        *sum += i64::from(weight);
                    }
                    let bit = hash as usize >> (32 - KNOWN_BITS);
                    let is_word = of != Gram::Other;
                    known += u32::from(is_word && table.known[bit / 64] >> (bit % 64) & 1 != 0);
                });
                let share = 1.0 / (grams.max(1) as f32).sqrt();
                let expected = Lexical {
                    log_odds: sums.map(|sum| 0.5 + sum as f32 * (0.25 * share)),
                    known,
                    facts,
                };
                assert_eq!(table.look_up(line.as_bytes(), |_| ()), expected, "{line}");
            }
            weights.fill([extreme; SPEAKS_OF]);
        }
    }

    #[test]
    fn blocks_make_the_words_that_bytes_make() {
        let text = "the 3 ferries, über naïve 今天x天气 はい12 сегодня-дождь __ a ".repeat(6);
        let text = text.as_bytes();
        for start in 0..80 {
            for end in (start..text.len()).step_by(7) {
                let line = &text[start..end];
                let mut words = Vec::new();
                each_gram(line, &mut |hash, of| {
                    if of != Gram::Other {
                        words.push(hash);
                    }
                });
                let mut naive = naive_words(line);
                naive.retain(|word| !word[0].is_ascii_punctuation());
                let hashes = naive
                    .iter()
                    .map(|word| mix(naive_word(word).hash, Kind::Word));
                assert!(words.into_iter().eq(hashes), "{start}..{end}");
            }
        }
    }
}
