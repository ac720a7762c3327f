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
//! whose weight is not known. It may read the front of a line alone (ADR 29).
//!
//! A block of bytes gives up all its tokens before the first is looked up, so that neither loop has
//! branches that depend on the text, but for words of more than eight bytes.

use std::num::NonZeroU32;

use super::letters::LetterTable;
use crate::simd::masks::{BLOCK_BYTES, WordMasks, block_in, word_masks};

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

/// A number in, a gram's hash out: 32 bits.
#[inline]
pub(super) fn spread(value: u64) -> u64 {
    value.wrapping_mul(FACTOR) >> 32
}

#[inline]
fn mix(hash: u64, kind: Kind) -> u64 {
    spread(hash ^ (kind as u64) << 40)
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
    fn front(self, front_bytes: Option<NonZeroU32>) -> Self {
        let most = front_bytes.map_or(usize::MAX, |most| most.get() as usize);
        Front {
            length: self.length.min(most),
            ..self
        }
    }

    fn line(self) -> &'l [u8] {
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

/// The hash of the word of `length` bytes, at least one, that begins here in the block; digits
/// masked, if it has one.
#[inline(always)]
fn word_hash(block: &Block, start: usize, length: usize, has_digit: bool) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let looked_at = length.min(MAX_WORD_BYTES);
    let mut hash = length as u64;
    let mut at = 0;
    loop {
        let own = u64::MAX >> (64 - 8 * (looked_at - at).min(8));
        let begin = (start + at).min(BLOCK_BYTES);
        let eight = *block[begin..].first_chunk().expect("within the block");
        let mut eight = u64::from_le_bytes(eight) & own;
        if has_digit {
            // One in the lowest bit of each byte that is a digit.
            let from_zero = eight ^ (0x30 * ONES);
            let past_nine = (from_zero & (0x7f * ONES)) + 0x76 * ONES;
            let digits = !(past_nine | from_zero) >> 7 & ONES;
            eight &= !(digits * 0x0f);
        }
        hash = stir(hash, eight);
        at += 8;
        if at >= looked_at {
            return hash;
        }
    }
}

/// Takes in the grams of a line.
trait Sink {
    /// The gram of a token alone, and its kind.
    fn token(&mut self, hash: u64, kind: u8);

    /// Another gram: tokens side by side, or a place in the line.
    fn other(&mut self, hash: u64);

    /// A block ends; none has more than [`MAX_BLOCK_GRAMS`].
    fn end_block(&mut self) {}
}

/// Two for each token that begins in the block.
pub(super) const MAX_BLOCK_GRAMS: usize = 2 * BLOCK_BYTES;

/// Takes the lowest bit out and tells its place; [`BLOCK_BYTES`] if there is none.
#[inline(always)]
fn pop(bits: &mut u64) -> usize {
    let at = bits.trailing_zeros();
    *bits &= bits.wrapping_sub(1);
    at as usize
}

/// The tokens of a block, as far as they end in it.
struct BlockTokens {
    count: usize,
    hashes: [u64; BLOCK_BYTES],
    kinds: [u8; BLOCK_BYTES],
    /// The block's share of the line's.
    facts: WordFacts,
}

/// Bits of a token's kind.
const IS_WORD: u8 = 1;
/// It is longer than a short word, be it a word.
const IS_LONG: u8 = 2;

/// Room for what is read of a line, kept from line to line.
pub struct LineRoom {
    padded: Block,
    tokens: BlockTokens,
}

impl Default for LineRoom {
    fn default() -> Self {
        let tokens = BlockTokens {
            count: 0,
            hashes: [0; BLOCK_BYTES],
            kinds: [0; BLOCK_BYTES],
            facts: WordFacts::default(),
        };
        LineRoom {
            padded: [0; _],
            tokens,
        }
    }
}

impl BlockTokens {
    /// Takes in the token of `length` bytes that begins here. A block is plain where no word holds
    /// a digit or anything outside ASCII.
    #[inline(always)]
    fn push<const IS_PLAIN: bool>(
        &mut self,
        block: &Block,
        masks: &WordMasks,
        start: usize,
        length: usize,
    ) {
        let looked_at = length.min(MAX_WORD_BYTES);
        let is_word = masks.mark >> start & 1 == 0;
        let (mut chars, mut has_digit, mut is_wide) = (looked_at as u32, false, false);
        let facts = &mut self.facts;
        if !IS_PLAIN {
            let own = u64::MAX >> (64 - looked_at);
            has_digit = masks.digit >> start & own != 0;
            chars -= (masks.inner >> start & own).count_ones();
            is_wide = masks.wide >> start & 1 != 0;
            facts.short += u32::from(is_word & (chars <= 3));
            facts.with_digit += u32::from(has_digit);
        }
        facts.longest = facts.longest.max(chars);
        let at = self.count % BLOCK_BYTES;
        self.hashes[at] = word_hash(block, start, length, has_digit);
        let is_long = (length > MAX_SHORT_BYTES) | is_wide;
        self.kinds[at] = (u8::from(is_word) * IS_WORD) | (u8::from(is_long) * IS_LONG);
        self.count += 1;
    }

    #[inline(always)]
    fn push_all<const IS_PLAIN: bool>(
        &mut self,
        block: &Block,
        masks: &WordMasks,
        (starts, ends): (&mut u64, &mut u64),
    ) {
        if IS_PLAIN {
            let short = (*ends >> 1 | *ends >> 2 | *ends >> 3) & *starts & !masks.mark;
            self.facts.short += short.count_ones();
        }
        while *ends != 0 {
            let (start, end) = (pop(starts), pop(ends));
            self.push::<IS_PLAIN>(block, masks, start, end - start);
        }
    }
}

/// What is known of a line's tokens so far.
#[derive(Default)]
struct Tokens {
    facts: WordFacts,
    count: usize,
    before: u64,
    last_word: u64,
    whole: u64,
    /// A bit for the words of a hash.
    seen: u64,
}

impl Tokens {
    /// Takes in the tokens of the next block.
    #[inline(always)]
    fn take(&mut self, block: &BlockTokens, sink: &mut impl Sink) {
        let count = block.count.min(BLOCK_BYTES);
        let facts = &mut self.facts;
        facts.longest = facts.longest.max(block.facts.longest);
        facts.short += block.facts.short;
        facts.with_digit += block.facts.with_digit;
        let (mut before, mut last_word, mut whole) = (self.before, self.last_word, self.whole);
        let (mut words, mut again, mut seen) = (0, 0, self.seen);
        let mut is_behind_first = self.count > 0;
        for (&hash, &kind) in block.hashes[..count].iter().zip(&block.kinds) {
            let is_word = kind & IS_WORD;
            sink.token(mix(hash, Kind::Word), kind);
            sink.other(if is_behind_first {
                mix(before ^ hash.rotate_left(23), Kind::Pair)
            } else {
                mix(hash, Kind::First)
            });
            is_behind_first = true;
            before = hash;
            let place = hash >> 58;
            words += u32::from(is_word);
            again += (seen >> place) as u32 & u32::from(is_word);
            seen |= u64::from(is_word) << place;
            last_word = if is_word != 0 { hash } else { last_word };
            whole = stir(whole, hash);
        }
        facts.words += words;
        facts.again += again;
        self.count += count;
        self.before = before;
        self.last_word = last_word;
        self.whole = whole;
        self.seen = seen;
    }

    /// Gives the grams of the line's end.
    #[inline(always)]
    fn end(mut self, sink: &mut impl Sink) -> WordFacts {
        // A mark is no word.
        self.facts.longest *= u32::from(self.facts.words > 0);
        if self.count > 0 {
            sink.other(mix(self.last_word, Kind::Last));
            sink.other(mix(self.before, Kind::End));
            if self.facts.words <= MAX_WHOLE_WORDS {
                sink.other(mix(self.whole, Kind::Whole));
            }
        }
        self.facts
    }
}

/// Gives the grams of a normalised line to `sink`.
///
/// Linear time.
#[inline(always)]
fn each_gram<'l>(
    line: impl Into<Front<'l>>,
    room: &mut LineRoom,
    sink: &mut impl Sink,
) -> WordFacts {
    let line = line.into();
    let LineRoom {
        padded,
        tokens: of_block,
    } = room;
    let mut tokens = Tokens::default();
    let mut from = 0;
    // Bits of the block where a token begins behind a character that is one.
    let mut behind_single = 0;
    // A block begins with a token, or with none.
    while from < line.length {
        let (block, masks) = line.block(from, padded);
        of_block.count = 0;
        of_block.facts = WordFacts::default();
        // A token begins or ends; before and behind a character that is one, tokens begin.
        let token = masks.word | masks.mark;
        let behind_token = token << 1;
        behind_single |= masks.single << 3;
        let apart = masks.single | behind_single | masks.mark | masks.mark << 1;
        let edges = token ^ behind_token | token & apart;
        let (mut starts, mut ends) = (edges & token, edges & behind_token);
        let open = (&mut starts, &mut ends);
        if (masks.digit | masks.wide) & token == 0 {
            of_block.push_all::<true>(block, &masks, open);
        } else {
            of_block.push_all::<false>(block, &masks, open);
        }
        // The last one may end behind the block.
        let mut length = pop(&mut starts);
        if length == 0 {
            length = long_token(line, from);
            of_block.push::<false>(block, &masks, 0, length);
        }
        behind_single = match length {
            0..BLOCK_BYTES => behind_single >> length | (masks.single >> 61) << (64 - length),
            BLOCK_BYTES => masks.single >> 61,
            _ => 0,
        };
        tokens.take(of_block, sink);
        sink.end_block();
        from += length;
    }
    let facts = tokens.end(sink);
    sink.end_block();
    facts
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

/// Sums of weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums<const N: usize = SPEAKS_OF> {
    /// Of a block, side by side.
    lanes: [i32; N],
    sums: [i64; N],
    count: u32,
}

impl<const N: usize> Sums<N> {
    pub(super) const NONE: Self = Sums {
        lanes: [0; N],
        sums: [0; N],
        count: 0,
    };

    /// Adds a slot's weights, of which no block has more than [`MAX_BLOCK_GRAMS`].
    #[inline(always)]
    pub(super) fn add(&mut self, slot: &Slot<N>) {
        self.lanes = std::array::from_fn(|of| self.lanes[of] + i32::from(slot[of]));
        self.count += 1;
    }

    #[inline(always)]
    pub(super) fn end_block(&mut self) {
        let lanes = std::mem::replace(&mut self.lanes, [0; N]);
        for (sum, lane) in self.sums.iter_mut().zip(lanes) {
            *sum += i64::from(lane);
        }
    }

    /// Slots that were added.
    #[inline]
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The sums over the root of their number, in log-odds, a weight being so many steps.
    #[inline]
    pub(super) fn say(&self, steps: [f32; N]) -> [f32; N] {
        let share = 1.0 / (self.count.max(1) as f32).sqrt();
        let mut says = [0.0; N];
        for ((says, step), sum) in says.iter_mut().zip(steps).zip(self.sums) {
            *says = sum as f32 * (step * share);
        }
        says
    }
}

/// Adds up what grams weigh.
struct Weighed<'t, const N: usize = SPEAKS_OF> {
    weights: &'t [Slot<N>],
    sums: Sums<N>,
}

impl<'t, const N: usize> Weighed<'t, N> {
    #[inline(always)]
    fn by(weights: &'t [Slot<N>]) -> Self {
        assert!(!weights.is_empty(), "a table that was fitted");
        Weighed {
            weights,
            sums: Sums::NONE,
        }
    }

    #[inline(always)]
    fn add(&mut self, hash: u64) {
        let last = self.weights.len() - 1;
        self.sums.add(&self.weights[hash as usize & last]);
    }
}

/// Looks up the grams of a line, and gives its words, short ones left out, to somebody else.
struct LookUp<'t, G> {
    weighed: Weighed<'t>,
    known_bits: &'t [u64; KNOWN_WORDS],
    known: u32,
    words: [u32; BLOCK_BYTES],
    count: usize,
    give: G,
}

impl<G: FnMut(&[u32])> Sink for LookUp<'_, G> {
    #[inline(always)]
    fn token(&mut self, hash: u64, kind: u8) {
        self.weighed.add(hash);
        let bit = hash >> (32 - KNOWN_BITS);
        let known = self.known_bits[bit as usize / 64] >> (bit % 64);
        self.known += known as u32 & u32::from(kind & IS_WORD);
        self.words[self.count % BLOCK_BYTES] = hash as u32;
        self.count += usize::from(kind == IS_WORD | IS_LONG);
    }

    #[inline(always)]
    fn other(&mut self, hash: u64) {
        self.weighed.add(hash);
    }

    #[inline(always)]
    fn end_block(&mut self) {
        self.weighed.sums.end_block();
        (self.give)(&self.words[..self.count.min(BLOCK_BYTES)]);
        self.count = 0;
    }
}

impl LexicalTable {
    /// Log-odds and counts of a normalised line.
    ///
    /// `give` gets the hashes of its words, short ones left out, some at a time.
    #[inline(always)]
    pub fn look_up<'l>(
        &self,
        line: impl Into<Front<'l>>,
        room: &mut LineRoom,
        give: impl FnMut(&[u32]),
    ) -> Lexical {
        let line = line.into().front(self.front_bytes);
        let mut said = LookUp {
            weighed: Weighed::by(&self.weights),
            known_bits: self.known.first_chunk().expect("a bit for each word"),
            known: 0,
            words: [0; BLOCK_BYTES],
            count: 0,
            give,
        };
        let facts = each_gram(line, room, &mut said);
        let LookUp { weighed, known, .. } = said;
        Lexical {
            log_odds: with_letters(&weighed.sums, &self.scales, &self.letters, line),
            known,
            facts,
        }
    }

    /// Log-odds of the grams that `each` gives: at most [`MAX_BLOCK_GRAMS`].
    pub(super) fn look_up_grams(&self, each: impl FnOnce(&mut dyn FnMut(u32))) -> [f32; SPEAKS_OF] {
        let mut said = Weighed::by(&self.weights);
        each(&mut |gram| said.add(gram.into()));
        let sums = &mut said.sums;
        debug_assert!(
            sums.count() as usize <= MAX_BLOCK_GRAMS,
            "a block overflows"
        );
        sums.end_block();
        log_odds(sums, &self.scales)
    }
}

/// Sums in log-odds, and what lines start from.
fn log_odds<const N: usize>(sums: &Sums<N>, scales: &[Scale; N]) -> [f32; N] {
    let mut log_odds = sums.say(scales.map(|scale| scale.step));
    for (log_odds, scale) in log_odds.iter_mut().zip(scales) {
        *log_odds += scale.bias;
    }
    log_odds
}

/// Adds up what grams weigh, and asks nothing else of them.
impl<const N: usize> Sink for Weighed<'_, N> {
    #[inline(always)]
    fn token(&mut self, hash: u64, _kind: u8) {
        self.add(hash);
    }

    #[inline(always)]
    fn other(&mut self, hash: u64) {
        self.add(hash);
    }

    #[inline(always)]
    fn end_block(&mut self) {
        self.sums.end_block();
    }
}

/// Log-odds of a normalised line by its grams and letters; `scales` are those of grams.
#[inline(always)]
pub(super) fn look_up_all<const N: usize, const SIZE: usize>(
    line: Front<'_>,
    room: &mut LineRoom,
    (scales, weights): (&[Scale; N], &[Slot<N>]),
    letters: &LetterTable<N, SIZE>,
) -> [f32; N] {
    let mut said = Weighed::by(weights);
    each_gram(line, room, &mut said);
    with_letters(&said.sums, scales, letters, line)
}

/// [`log_odds`], and what the line's letters add.
#[inline(always)]
fn with_letters<const N: usize, const SIZE: usize>(
    sums: &Sums<N>,
    scales: &[Scale; N],
    letters: &LetterTable<N, SIZE>,
    line: Front<'_>,
) -> [f32; N] {
    let letters = letters.look_up(line.line());
    let mut log_odds = log_odds(sums, scales);
    for (log_odds, letters) in log_odds.iter_mut().zip(letters) {
        *log_odds += letters;
    }
    log_odds
}

/// For fitting: the grams of lines.
pub mod training {
    use super::*;

    pub(super) struct To<G>(pub(super) G);

    impl<G: FnMut(u32, Option<u32>)> Sink for To<G> {
        fn token(&mut self, hash: u64, kind: u8) {
            let bit = (hash >> (32 - KNOWN_BITS)) as u32;
            self.0(hash as u32, (kind & IS_WORD != 0).then_some(bit));
        }

        fn other(&mut self, hash: u64) {
            self.0(hash as u32, None);
        }
    }

    /// The part of a normalised line that is read.
    pub fn front(line: &[u8], front_bytes: Option<NonZeroU32>) -> &[u8] {
        Front::from(line).front(front_bytes).line()
    }

    /// Gives the hash of each gram of a normalised line, and for a word the bit of
    /// [`LexicalTable::known`].
    pub fn each_gram(line: &[u8], give: impl FnMut(u32, Option<u32>)) {
        super::each_gram(line, &mut LineRoom::default(), &mut To(give));
    }
}

/// The hashes of the words of a line, short ones left out.
#[cfg(test)]
pub(super) fn long_words(line: &[u8]) -> Vec<u32> {
    let table = LexicalTable {
        weights: vec![[0; SPEAKS_OF]],
        known: vec![0; KNOWN_WORDS],
        ..LexicalTable::default()
    };
    let mut given = Vec::new();
    table.look_up(line, &mut LineRoom::default(), |words| given.extend(words));
    given
}

#[cfg(test)]
mod tests {
    use super::super::letters;
    use super::*;

    /// Calls for each gram: its hash, and whether it is a word.
    fn each(line: &[u8], give: impl FnMut(u32, Option<u32>)) -> WordFacts {
        each_gram(line, &mut LineRoom::default(), &mut training::To(give))
    }

    fn facts(line: &str) -> WordFacts {
        each(line.as_bytes(), |_, _| {})
    }

    fn grams(line: &str) -> Vec<u32> {
        let mut grams = Vec::new();
        each(line.as_bytes(), |hash, _| grams.push(hash));
        grams
    }

    fn look_up(table: &LexicalTable, line: &[u8]) -> Lexical {
        table.look_up(line, &mut LineRoom::default(), |_| ())
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
        let mut give = |hash: u64, is_word| grams.push((hash as u32, is_word));
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
        let mut room = LineRoom::default();
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
                        let mut sink = training::To(|hash, bit: Option<u32>| {
                            grams.push((hash, bit.is_some()));
                        });
                        let facts = each_gram(line, &mut room, &mut sink);
                        assert_eq!((grams, facts), naive(&apart), "{start}..{end}");
                    }
                }
            }
        }
    }

    #[test]
    fn words_that_are_long_are_given_to_others() {
        let line = "on the 3rd of maí, 今天 -- ferries ".repeat(9);
        let given = long_words(line.as_bytes());
        let tokens = naive_tokens(line.as_bytes());
        let is_long = |token: &&[u8]| token.len() > MAX_SHORT_BYTES || !token[0].is_ascii();
        let long = tokens.into_iter().filter(is_long);
        let expected: Vec<u32> = long
            .map(|word| mix(naive_hash(word), Kind::Word) as u32)
            .collect();
        assert_eq!(given, expected);
    }

    #[test]
    fn lanes_make_the_sums_that_single_weights_make() {
        let random = |slot: u64| (stir(slot, 7) as u32).to_le_bytes().map(|byte| byte as i8);
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
                let facts = each(line.as_bytes(), |hash, known_bit| {
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
