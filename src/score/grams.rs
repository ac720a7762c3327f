//! Normalised lines in, their grams out: hashed words, pairs of words, and places in the line.
//!
//! Words are runs of letters and digits, bytes outside ASCII among them; of Han and Kana every
//! character is a word, its marks too, and so is every mark of ASCII. (Thai and its like, written
//! without spaces, are long words.) Digits are masked. Besides words and pairs the first, the
//! last, the last that is no mark, and the whole of a short line are grams.
//!
//! Lines are short, and where a loop through one of them ends is guessed wrong. So the tokens of many
//! lines are read, a block of bytes at a time, before one loop makes the grams of all; and no loop has
//! branches that depend on the text, but for words of more than eight bytes.

use std::num::NonZeroU32;
use std::ops::Range;

use crate::simd::masks::{BLOCK_BYTES, WordMasks, block_in, first_bits, word_masks};

/// Longest part of a word that is looked at, in bytes.
const MAX_WORD_BYTES: usize = 32;
/// A word of ASCII that is no longer is short.
const MAX_SHORT_BYTES: usize = 3;
/// A line of more words has no gram as a whole.
const MAX_WHOLE_WORDS: u32 = 12;
/// Most tokens whose grams are made at a time.
pub(super) const MAX_TOKENS: usize = 256;
/// So many are made at once: there is room for those of one block more.
const ENOUGH_TOKENS: usize = MAX_TOKENS - BLOCK_BYTES;
/// Most lines that end among them.
const MAX_LINES: usize = 256;

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

impl Kind {
    const fn bits(self) -> u64 {
        (self as u64) << 40
    }
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
    spread(hash ^ kind.bits())
}

#[inline]
fn stir(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(FACTOR).rotate_left(29)
}

/// A line, and whatever stands behind it in memory: it changes nothing, but spares a copy.
#[derive(Clone, Copy, Debug)]
pub struct Front<'l> {
    bytes: &'l [u8],
    length: usize,
}

impl<'l> Front<'l> {
    /// The first bytes of these.
    pub fn of(bytes: &'l [u8], length: usize) -> Self {
        debug_assert!(length <= bytes.len(), "a line that ends behind its text");
        Front { bytes, length }
    }

    /// As much of it as is read.
    #[inline(always)]
    pub(super) fn front(self, front_bytes: Option<NonZeroU32>) -> Self {
        let most = front_bytes.map_or(usize::MAX, |most| most.get() as usize);
        Front {
            length: self.length.min(most),
            ..self
        }
    }

    /// The line.
    pub(super) fn line(self) -> &'l [u8] {
        &self.bytes[..self.length]
    }

    /// The block that begins here, in the line, and the classes of those of its bytes that are
    /// the line's. What stands behind the line means nothing.
    #[inline(always)]
    fn block<'b>(&'b self, at: usize, room: &'b mut Block) -> (&'b Block, WordMasks) {
        let block = block_in(room, &self.bytes[at..]);
        let bytes = block.first_chunk().expect("a block and more");
        (block, word_masks(bytes, self.length - at))
    }
}

impl<'l> From<&'l [u8]> for Front<'l> {
    fn from(line: &'l [u8]) -> Self {
        Front::of(line, line.len())
    }
}

/// A block, and what is read with its last bytes.
type Block = [u8; BLOCK_BYTES + 8];

/// The hash of the word of `length` bytes, at least one, that begins here in the block; digits are
/// masked, if there may be any.
#[inline(always)]
fn word_hash<const HAS_DIGITS: bool>(block: &Block, start: usize, length: usize) -> u64 {
    let eight = |at: usize| {
        let begin = (start + at).min(BLOCK_BYTES);
        let eight = *block[begin..].first_chunk().expect("within the block");
        let eight = u64::from_le_bytes(eight);
        if HAS_DIGITS {
            mask_digits(eight)
        } else {
            eight
        }
    };
    /// The lowest bytes, by how many.
    const OWN: [u64; 9] = {
        let mut own = [u64::MAX; 9];
        let mut bytes = 0;
        while bytes < 8 {
            own[bytes] = (1 << (8 * bytes)) - 1;
            bytes += 1;
        }
        own
    };
    let hash = length as u64;
    if length <= 8 {
        return stir(hash, eight(0) & OWN[length]);
    }
    let looked_at = length.min(MAX_WORD_BYTES);
    let mut hash = stir(hash, eight(0));
    let mut at = 8;
    while at < looked_at {
        hash = stir(hash, eight(at) & OWN[(looked_at - at).min(8)]);
        at += 8;
    }
    hash
}

/// Eight bytes, digits of ASCII all the same.
#[inline(always)]
fn mask_digits(eight: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // One in the lowest bit of each byte that is a digit.
    let from_zero = eight ^ (0x30 * ONES);
    let past_nine = (from_zero & (0x7f * ONES)) + 0x76 * ONES;
    let digits = !(past_nine | from_zero) >> 7 & ONES;
    eight & !(digits * 0x0f)
}

/// Takes the lowest bit out and tells its place; [`BLOCK_BYTES`] if there is none.
#[inline(always)]
fn pop(bits: &mut u64) -> usize {
    let at = bits.trailing_zeros();
    *bits &= bits.wrapping_sub(1);
    at as usize
}

/// What a token is: a word, be it short, or a word that is not short, or neither.
const IS_WORD: u8 = 1;
/// Such a word.
const IS_LONG_WORD: u8 = 2;

/// The tokens of a block, by bits where they begin and end; one that has no end there ends with it.
#[derive(Clone, Copy)]
struct BlockTokens {
    starts: u64,
    ends: u64,
    /// Which of those that begin are words, and which of these are not short.
    words: u64,
    long_words: u64,
}

/// What is known of a line so far.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// Tokens, those too whose grams were given before.
    tokens: u32,
    facts: WordFacts,
    /// A bit for the words of a hash.
    seen: u64,
    /// The hash of all tokens.
    whole: u64,
    /// Tokens of all lines that are read up to its end.
    to: usize,
    /// And up to its last word; if that is not among them, its hash.
    to_last_word: usize,
    last_word_before: u64,
}

impl Line {
    /// Takes in the token of `length` bytes that begins here; its hash and kind. Of ASCII, the block is
    /// asked at once how long words are, and which have digits.
    #[inline(always)]
    fn push<const IS_ASCII: bool, const HAS_DIGITS: bool>(
        &mut self,
        block: &Block,
        masks: &WordMasks,
        tokens: &BlockTokens,
        start: usize,
        length: usize,
    ) -> (u64, u8) {
        let is_word = tokens.words >> start & 1;
        let is_long_word = tokens.long_words >> start & 1;
        let facts = &mut self.facts;
        if IS_ASCII {
            facts.longest = facts.longest.max(length as u32);
        } else {
            let looked_at = length.min(MAX_WORD_BYTES);
            let own = u64::MAX >> (64 - looked_at);
            let chars = looked_at as u32 - (masks.inner >> start & own).count_ones();
            facts.longest = facts.longest.max(chars);
            facts.short += is_word as u32 & u32::from(chars <= 3);
            facts.with_digit += u32::from(HAS_DIGITS && masks.digit >> start & own != 0);
        }
        let hash = word_hash::<HAS_DIGITS>(block, start, length);
        self.seen |= is_word << (hash >> 58);
        self.whole = stir(self.whole, hash);
        let kind = is_word as u8 * IS_WORD + is_long_word as u8 * IS_LONG_WORD;
        (hash, kind)
    }
}

/// How many words have a digit in their first bytes: of runs of word bytes, each of which ends at one of
/// `ends`, or with the block.
#[inline(always)]
fn words_with(digits: u64, words: u64, ends: u64) -> u32 {
    // The last bytes of so many that are words.
    let mut behind = words;
    for shift in [1, 2, 4, 8, 16] {
        behind &= behind << shift;
    }
    let digits = digits & words & !(behind << 1);
    // From its first digit on the sum carries through a run, once, to where it ends.
    let (sum, is_at_end) = words.overflowing_add(digits);
    (sum & ends & !words).count_ones() + u32::from(is_at_end)
}

/// The grams of some tokens, and room to make them, kept from lines to lines.
#[derive(Debug)]
pub struct Grams {
    /// Tokens that are read.
    count: usize,
    /// The hash of each, behind that of the last one whose grams were given before.
    hashes: [u64; MAX_TOKENS + 1],
    kinds: [u8; MAX_TOKENS],
    /// The line of each, counted from the line of the first.
    lines: [u16; MAX_TOKENS],
    /// The gram of each token alone; and of each with the one before it, or as the first of its line.
    words: [u32; MAX_TOKENS],
    others: [u32; MAX_TOKENS],
    /// Lines that were read to their end, so many, and that which is being read.
    of_lines: [Line; MAX_LINES + 1],
    ended: usize,
}

impl Default for Grams {
    fn default() -> Self {
        Grams {
            count: 0,
            hashes: [0; _],
            kinds: [0; _],
            lines: [0; _],
            words: [0; _],
            others: [0; _],
            of_lines: [Line::default(); _],
            ended: 0,
        }
    }
}

/// A token, as it is given.
pub(super) struct Token {
    /// Its gram, and that with the token before it, or as the first of its line.
    pub word: u32,
    pub other: u32,
    kind: u8,
    /// Its line, counted from that of the first token.
    pub line: u16,
}

impl Token {
    /// Whether it is a word.
    #[inline(always)]
    pub(super) fn is_word(&self) -> bool {
        self.kind & IS_WORD != 0
    }

    /// Whether it is a word, and no short one.
    #[inline(always)]
    pub(super) fn is_long_word(&self) -> bool {
        self.kind & IS_LONG_WORD != 0
    }
}

/// A line that ends among some tokens.
pub(super) struct LineGrams {
    /// Its tokens; those whose grams were given before are left out.
    pub tokens: Range<usize>,
    ends: [u32; 3],
    ends_count: usize,
    pub facts: WordFacts,
}

impl LineGrams {
    /// The grams of its end.
    #[inline(always)]
    pub(super) fn ends(&self) -> &[u32] {
        &self.ends[..self.ends_count.min(3)]
    }
}

impl Grams {
    /// Reads lines; `take` gets the grams of some tokens at a time, each once.
    ///
    /// Linear time.
    #[inline(always)]
    pub(super) fn read<'l>(
        &mut self,
        lines: impl Iterator<Item = Front<'l>>,
        mut take: impl FnMut(&Grams),
    ) {
        let mut padded = [0; _];
        self.start(false);
        for line in lines {
            // Bits of the block where a token begins behind a character that is one.
            let mut behind_single = 0;
            let mut from = 0;
            // A block begins with a token, or with none.
            while from < line.length {
                if self.count >= ENOUGH_TOKENS {
                    self.make();
                    take(self);
                    self.start(true);
                }
                from += self.read_block(line, from, &mut padded, &mut behind_single);
            }
            self.line().to = self.count;
            self.ended += 1;
            *self.line() = Line::default();
            if self.ended == MAX_LINES {
                self.make();
                take(self);
                self.start(false);
            }
        }
        self.make();
        take(self);
    }

    /// The line that is being read.
    #[inline(always)]
    fn line(&mut self) -> &mut Line {
        &mut self.of_lines[self.ended.min(MAX_LINES)]
    }

    /// Other tokens come, of the line that is being read, or of others.
    #[inline(always)]
    fn start(&mut self, goes_on: bool) {
        let mut line = match goes_on {
            true => *self.line(),
            false => Line::default(),
        };
        let to_last_word = std::mem::take(&mut line.to_last_word);
        if to_last_word > 0 {
            line.last_word_before = self.hashes[to_last_word.min(MAX_TOKENS)];
        }
        self.of_lines[0] = line;
        self.hashes[0] = self.hashes[self.count()];
        (self.count, self.ended) = (0, 0);
    }

    /// Reads the tokens of the block that begins here in the line; how far behind it the next one
    /// begins.
    #[inline(always)]
    fn read_block(
        &mut self,
        line: Front<'_>,
        from: usize,
        padded: &mut Block,
        behind_single: &mut u64,
    ) -> usize {
        let (block, masks) = line.block(from, padded);
        // A token begins or ends; before and behind a character that is one, tokens begin.
        let token = masks.word | masks.mark;
        let behind_token = token << 1;
        *behind_single |= masks.single << 3;
        let apart = masks.single | *behind_single | masks.mark | masks.mark << 1;
        let edges = token ^ behind_token | token & apart;
        let (mut starts, ends) = (edges & token, edges & behind_token);
        // Where the last one does not end in the block, it ends with the line or begins the next block.
        let is_open = starts.count_ones() > ends.count_ones();
        let mut length = BLOCK_BYTES;
        if is_open && line.length - from > BLOCK_BYTES {
            length = BLOCK_BYTES - 1 - starts.leading_zeros() as usize;
            starts &= !(1 << length);
        }
        // Short is what ends so near, be it with the block.
        let short = ends >> 1 | ends >> 2 | ends >> 3 | 7 << (BLOCK_BYTES - MAX_SHORT_BYTES);
        let words = starts & !masks.mark;
        let tokens = BlockTokens {
            starts,
            ends,
            words,
            long_words: words & (!short | masks.wide),
        };
        if masks.wide & token != 0 {
            match masks.digit & token {
                0 => self.push_all::<false, false>(block, &masks, tokens),
                _ => self.push_all::<false, true>(block, &masks, tokens),
            }
        } else {
            self.line().facts.short += (short & words).count_ones();
            let inside = first_bits(length);
            let digits = masks.digit & inside;
            if digits == 0 {
                self.push_all::<true, false>(block, &masks, tokens);
            } else {
                self.line().facts.with_digit += words_with(digits, masks.word & inside, ends);
                self.push_all::<true, true>(block, &masks, tokens);
            }
        }
        if length == 0 {
            length = self.push_long(line, from, block, &masks);
        }
        *behind_single = match length {
            0..BLOCK_BYTES => *behind_single >> length | (masks.single >> 61) << (64 - length),
            BLOCK_BYTES => masks.single >> 61,
            _ => 0,
        };
        length
    }

    /// Takes in the tokens of a block.
    #[inline(always)]
    fn push_all<const IS_ASCII: bool, const HAS_DIGITS: bool>(
        &mut self,
        block: &Block,
        masks: &WordMasks,
        mut tokens: BlockTokens,
    ) {
        let BlockTokens { starts, words, .. } = tokens;
        let (mut line, mut count) = (*self.line(), self.count);
        line.tokens += starts.count_ones();
        line.facts.words += words.count_ones();
        if words != 0 {
            let to_last = u64::MAX >> words.leading_zeros();
            line.to_last_word = count + (starts & to_last).count_ones() as usize;
        }
        let number = self.ended as u16;
        while tokens.starts != 0 {
            let (start, end) = (pop(&mut tokens.starts), pop(&mut tokens.ends));
            let at = count % MAX_TOKENS;
            let (hash, kind) =
                line.push::<IS_ASCII, HAS_DIGITS>(block, masks, &tokens, start, end - start);
            self.put(at, hash, kind, number);
            count += 1;
        }
        *self.line() = line;
        self.count = count;
    }

    /// Takes in the token that fills the block and more; its length.
    #[cold]
    fn push_long(
        &mut self,
        line: Front<'_>,
        from: usize,
        block: &Block,
        masks: &WordMasks,
    ) -> usize {
        let length = long_token(line, from);
        let token = BlockTokens {
            starts: 1,
            ends: 0,
            words: 1,
            long_words: 1,
        };
        let at = self.count % MAX_TOKENS;
        let line = self.line();
        line.tokens += 1;
        line.facts.words += 1;
        line.to_last_word = at + 1;
        let (hash, kind) = line.push::<false, true>(block, masks, &token, 0, length);
        self.put(at, hash, kind, self.ended as u16);
        self.count += 1;
        length
    }

    #[inline(always)]
    fn put(&mut self, at: usize, hash: u64, kind: u8, line: u16) {
        self.hashes[at + 1] = hash;
        self.kinds[at] = kind;
        self.lines[at] = line;
    }

    /// Makes the grams of the tokens that were read.
    #[inline(always)]
    fn make(&mut self) {
        let count = self.count();
        for at in 0..count {
            let (before, hash) = (self.hashes[at], self.hashes[at + 1]);
            self.words[at] = mix(hash, Kind::Word);
            self.others[at] = mix(before ^ hash.rotate_left(23), Kind::Pair);
        }
        self.line().to = self.count;
        let mut first = 0;
        for line in &self.of_lines[..=self.ended.min(MAX_LINES)] {
            let is_first_here = line.tokens as usize == line.to - first;
            if is_first_here && first < count {
                self.others[first] = mix(self.hashes[first + 1], Kind::First);
            }
            first = line.to;
        }
    }

    /// How many tokens there are.
    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.count.min(MAX_TOKENS)
    }

    /// The tokens, in their order.
    #[inline(always)]
    pub(super) fn tokens(&self) -> impl Iterator<Item = Token> {
        let grams = self.words.iter().zip(&self.others);
        let tokens = grams.zip(self.kinds.iter().zip(&self.lines));
        let token = |((&word, &other), (&kind, &line))| Token {
            word,
            other,
            kind,
            line,
        };
        tokens.map(token).take(self.count())
    }

    /// The lines that end among the tokens. Tokens behind the last of them are of a line that goes on.
    #[inline(always)]
    pub(super) fn ended(&self) -> impl Iterator<Item = LineGrams> {
        let mut from = 0;
        self.of_lines[..self.ended.min(MAX_LINES)].iter().map(
            #[inline(always)]
            move |line| {
                let to = line.to.min(MAX_TOKENS);
                let tokens = std::mem::replace(&mut from, to)..to;
                let mut facts = line.facts;
                facts.again = facts.words - line.seen.count_ones();
                // A mark is no word.
                facts.longest =
                    facts.longest.min(MAX_WORD_BYTES as u32) * u32::from(facts.words > 0);
                let last_word = match line.to_last_word {
                    0 => line.last_word_before,
                    to => self.hashes[to.min(MAX_TOKENS)],
                };
                let is_whole = facts.words <= MAX_WHOLE_WORDS;
                LineGrams {
                    tokens,
                    ends: [
                        mix(last_word, Kind::Last),
                        mix(self.hashes[to], Kind::End),
                        mix(line.whole, Kind::Whole),
                    ],
                    ends_count: if line.tokens == 0 {
                        0
                    } else {
                        2 + usize::from(is_whole)
                    },
                    facts,
                }
            },
        )
    }
}

/// The length of a token that fills a block and more.
#[cold]
fn long_token(line: Front<'_>, start: usize) -> usize {
    let mut room = [0; _];
    let mut end = start + BLOCK_BYTES;
    while end < line.length {
        let (_, masks) = line.block(end, &mut room);
        let stop = !masks.word | masks.single;
        if stop != 0 {
            end += stop.trailing_zeros() as usize;
            break;
        }
        end += BLOCK_BYTES;
    }
    end - start
}

/// Gives each gram of a line, and whether it is a word, to somebody else.
pub(super) fn each_gram<'l>(
    line: impl Into<Front<'l>>,
    grams: &mut Grams,
    mut give: impl FnMut(u32, bool),
) -> WordFacts {
    let mut facts = WordFacts::default();
    grams.read(std::iter::once(line.into()), |grams| {
        for token in grams.tokens() {
            give(token.word, token.is_word());
            give(token.other, false);
        }
        for line in grams.ended() {
            line.ends().iter().for_each(|&gram| give(gram, false));
            facts = line.facts;
        }
    });
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(line: &str) -> WordFacts {
        each_gram(line.as_bytes(), &mut Grams::default(), |_, _| {})
    }

    fn grams(line: &str) -> Vec<u32> {
        let mut grams = Vec::new();
        each_gram(line.as_bytes(), &mut Grams::default(), |hash, _| {
            grams.push(hash)
        });
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
        let word = |length| grams(&"a".repeat(length))[0];
        let hashes: std::collections::HashSet<u32> = (1..=300).map(word).collect();
        assert_eq!(hashes.len(), 300);
    }

    /// What is read by blocks, byte by byte.
    fn naive_tokens(line: &[u8]) -> Vec<&[u8]> {
        let is_mark = |byte: u8| byte.is_ascii_punctuation();
        let is_token = |byte: u8| byte != b' ';
        let is_single = |byte: u8| (0xe3..=0xe9).contains(&byte);
        let mut tokens = Vec::new();
        let mut start = None;
        for at in 0..=line.len() {
            let here = line.get(at).copied().filter(|&byte| is_token(byte));
            let breaks = here.is_none_or(|byte| is_single(byte) || is_mark(byte))
                || at >= 3 && is_single(line[at - 3])
                || at >= 1 && is_mark(line[at - 1]);
            if breaks && let Some(start) = start.take() {
                tokens.push(&line[start..at]);
            }
            if here.is_some() && start.is_none() {
                start = Some(at);
            }
        }
        tokens
    }

    /// The part of a word that is looked at.
    fn shown(word: &[u8]) -> &[u8] {
        &word[..word.len().min(MAX_WORD_BYTES)]
    }

    /// What is read by eights, byte by byte.
    fn naive_hash(word: &[u8]) -> u64 {
        let masked = |&byte: &u8| if byte.is_ascii_digit() { b'0' } else { byte };
        let eight_of = |eight: &[u8]| {
            let bytes = eight.iter().rev().map(masked);
            bytes.fold(0, |value, byte| value << 8 | u64::from(byte))
        };
        let eights = shown(word).chunks(8);
        eights.fold(word.len() as u64, |hash, eight| stir(hash, eight_of(eight)))
    }

    /// The grams of a line, which of them are words, and the facts; a token at a time.
    fn naive(line: &[u8]) -> (Vec<(u32, bool)>, WordFacts) {
        let tokens = naive_tokens(line);
        let hashes: Vec<u64> = tokens.iter().map(|token| naive_hash(token)).collect();
        let words: Vec<usize> = (0..tokens.len())
            .filter(|&at| !tokens[at][0].is_ascii_punctuation())
            .collect();
        let chars = |token: &[u8]| {
            let firsts = shown(token).iter().filter(|&byte| byte & 0xc0 != 0x80);
            firsts.count() as u32
        };
        let has_digit = |&&at: &&usize| shown(tokens[at]).iter().any(u8::is_ascii_digit);
        let mut seen = std::collections::HashSet::new();
        let facts = WordFacts {
            words: words.len() as u32,
            longest: words.iter().map(|&at| chars(tokens[at])).max().unwrap_or(0),
            short: words.iter().filter(|&&at| chars(tokens[at]) <= 3).count() as u32,
            with_digit: words.iter().filter(has_digit).count() as u32,
            again: words
                .iter()
                .filter(|&&at| !seen.insert(hashes[at] >> 58))
                .count() as u32,
        };
        let mut grams = Vec::new();
        let mut give = |hash: u32, is_word| grams.push((hash, is_word));
        for (at, &hash) in hashes.iter().enumerate() {
            give(mix(hash, Kind::Word), words.contains(&at));
            match at.checked_sub(1) {
                None => give(mix(hash, Kind::First), false),
                Some(before) => {
                    let pair = hashes[before] ^ hash.rotate_left(23);
                    give(mix(pair, Kind::Pair), false);
                }
            }
        }
        if let Some(&last) = hashes.last() {
            let last_word = words.last().map_or(0, |&at| hashes[at]);
            give(mix(last_word, Kind::Last), false);
            give(mix(last, Kind::End), false);
            if words.len() <= MAX_WHOLE_WORDS as usize {
                let whole = hashes.iter().fold(0, |whole, &hash| stir(whole, hash));
                give(mix(whole, Kind::Whole), false);
            }
        }
        (grams, facts)
    }

    #[test]
    fn blocks_make_the_grams_that_bytes_make() {
        let text = format!(
            "the 3 ferries, über naïve 今天x天气 はい12 сегодня-дождь __ a {} in the {}9 end {}",
            "long0word".repeat(9),
            "ä".repeat(40),
            "straße9/:`{x@0123456789 今1天 of 7 it ".repeat(4),
        );
        let mut broken = text.clone().into_bytes();
        for at in (5..broken.len()).step_by(11) {
            broken[at] = [0xe3, 0xff, b'.', 0xc3][at % 4];
        }
        let mut room = Grams::default();
        for text in [text.as_bytes(), &broken] {
            for start in 0..text.len() {
                for end in (start..=text.len())
                    .step_by(7)
                    .chain([start + 1, start + 64])
                {
                    let end = end.min(text.len());
                    // With more behind it, and with nothing.
                    let apart = text[start..end].to_vec();
                    for line in [Front::of(&text[start..], end - start), (&*apart).into()] {
                        let mut grams = Vec::new();
                        let facts = each_gram(line, &mut room, |hash, is_word| {
                            grams.push((hash, is_word));
                        });
                        assert_eq!((grams, facts), naive(&apart), "{start}..{end}");
                    }
                }
            }
        }
    }

    /// What lines make that are read with others; tokens of a line may be given in parts.
    #[test]
    fn lines_make_the_same_grams_among_others_as_alone() {
        let long = "the 3rd ferry, über 今天 -- ".repeat(80);
        let short = ["", "a", "log in", "--", "今天天气", "page 3 of 12!", "ä"];
        let mut lines: Vec<&str> = short.repeat(90);
        for at in [0, 5, 6, 300, 301] {
            lines.insert(at, &long);
        }
        let mut together: Vec<(Vec<(u32, bool)>, WordFacts)> = Vec::new();
        let (mut open, mut parts) = (Vec::new(), 0);
        let mut room = Grams::default();
        let fronts = lines.iter().map(|line| Front::from(line.as_bytes()));
        room.read(fronts, |grams| {
            parts += 1;
            let tokens: Vec<Token> = grams.tokens().collect();
            let token = |at: usize| {
                let token = &tokens[at];
                [(token.word, token.is_word()), (token.other, false)]
            };
            let first = together.len();
            let mut behind = 0;
            for line in grams.ended() {
                let of_line = line.tokens.clone();
                for at in of_line.clone() {
                    assert_eq!(usize::from(tokens[at].line), together.len() - first);
                }
                let mut own = std::mem::take(&mut open);
                own.extend(of_line.flat_map(token));
                own.extend(line.ends().iter().map(|&gram| (gram, false)));
                together.push((own, line.facts));
                behind = line.tokens.end;
            }
            open.extend((behind..grams.count()).flat_map(token));
        });
        assert!(parts > 10 && open.is_empty());
        let alone: Vec<_> = lines.iter().map(|line| naive(line.as_bytes())).collect();
        assert_eq!(together, alone);
    }
}
