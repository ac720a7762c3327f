//! Up to 64 bytes in, one bit a byte for each class out.
//!
//! On x86-64 sixteen bytes at a time, with the instructions that every such machine has (the
//! profile that asked for it: counting classes by table was a fifth of all instructions, and
//! what the compiler makes of plain loops was slower still), or with AVX2 thirty-two. Elsewhere a
//! byte at a time.

/// Bytes in a block.
pub(crate) const BLOCK_BYTES: usize = 64;
/// A block's, and the one behind it: what a character is, its second byte tells.
pub(crate) const MORE_BYTES: usize = BLOCK_BYTES + 1;

/// What the widest vectors of the machine make, of a function of [`wider`], [`wide`] and its naive twin.
macro_rules! by_widest {
    ($function:ident, $naive:ident, $($given:ident),+) => {{
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the machine has AVX2; the functions take values, no pointers.
            unsafe { wider::$function($($given),+) }
        } else {
            // SAFETY: SSE2 belongs to every x86-64; the functions take values, no pointers.
            unsafe { wide::$function($($given),+) }
        }
        #[cfg(not(target_arch = "x86_64"))]
        $naive($($given),+)
    }};
}

/// Does some work on the first bytes, as many as a block has; zeros stand behind the last.
#[inline(always)]
pub(crate) fn with_block<const N: usize, R>(bytes: &[u8], work: impl FnOnce(&[u8; N]) -> R) -> R {
    match bytes.first_chunk() {
        Some(block) => work(block),
        None => work(block_in(&mut [0; N], bytes)),
    }
}

/// The first bytes, as many as a block has; zeros stand behind the last, in a copy for which there
/// is room.
#[inline(always)]
pub(crate) fn block_in<'b, const N: usize>(room: &'b mut [u8; N], bytes: &'b [u8]) -> &'b [u8; N] {
    match bytes.first_chunk() {
        Some(block) => block,
        None => {
            *room = [0; N];
            room[..bytes.len()].copy_from_slice(bytes);
            room
        }
    }
}

/// The places of the bytes that `found` finds, a block at a time; bit i of what it says is byte i.
#[inline(always)]
pub(crate) fn places<F: Fn(&[u8; BLOCK_BYTES]) -> u64>(bytes: &[u8], found: F) -> Places<'_, F> {
    Places {
        bytes,
        found,
        left: 0,
        at: 0,
        next: 0,
    }
}

/// See [`places`].
pub(crate) struct Places<'b, F> {
    bytes: &'b [u8],
    found: F,
    /// Those of the block at hand that were not given, and where it begins.
    left: u64,
    at: usize,
    /// Where the next one does.
    next: usize,
}

impl<F: Fn(&[u8; BLOCK_BYTES]) -> u64> Iterator for Places<'_, F> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            self.at = self.next;
            let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
            let found = with_block(rest, &self.found);
            self.left = found & first_bits(rest.len());
            self.next += BLOCK_BYTES;
        }
        let place = self.at + self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(place)
    }
}

/// The bits of the first bytes of a block, at least one, of all if there are more.
#[inline(always)]
pub(crate) fn first_bits(bytes: usize) -> u64 {
    u64::MAX >> (BLOCK_BYTES - bytes.clamp(1, BLOCK_BYTES))
}

/// Which bytes of a block are what; bit i is byte i. Classes do not overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Masks {
    pub lower: u64,
    pub upper: u64,
    pub digit: u64,
    /// Space, tab, LF, VT, FF, CR.
    pub space: u64,
    /// . ! ?
    pub stop: u64,
    /// , ;
    pub comma: u64,
    /// ' " -
    pub plain: u64,
    /// @ : by which addresses are told; they belong to none of the other classes.
    pub address: u64,
    /// Bytes outside ASCII.
    pub wide: u64,
    /// First bytes of characters that stand in the block whole: of small letters of two bytes, of
    /// Hangul, and of Han and Hiragana. Most of them, not all.
    pub small: u64,
    pub hangul: u64,
    pub han: u64,
}

/// Which bytes of a block of normalised text make words; bit i is byte i.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WordMasks {
    /// Lower-case letters, digits, and bytes outside ASCII.
    pub word: u64,
    /// First bytes of characters that are a word each: Han, Kana, and what lies beside them.
    pub single: u64,
    /// Punctuation and symbols of ASCII.
    pub mark: u64,
    pub digit: u64,
    /// Bytes outside ASCII.
    pub wide: u64,
    /// Bytes of a character behind its first.
    pub inner: u64,
}

impl WordMasks {
    /// Of the first bytes alone.
    #[inline(always)]
    fn front(self, length: usize) -> Self {
        let own = first_bits(length);
        WordMasks {
            word: self.word & own,
            single: self.single & own,
            mark: self.mark & own,
            ..self
        }
    }
}

/// Words of the first bytes of a block, at least one; what is said of digits and characters behind
/// them means nothing.
#[inline(always)]
pub(crate) fn word_masks(block: &[u8; BLOCK_BYTES], length: usize) -> WordMasks {
    by_widest!(word_masks, naive_word_masks, block).front(length)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive_word_masks(block: &[u8; BLOCK_BYTES]) -> WordMasks {
    let mut masks = WordMasks::default();
    for (at, &byte) in block.iter().enumerate() {
        let is_word = byte.is_ascii_lowercase() || byte.is_ascii_digit() || !byte.is_ascii();
        masks.word |= u64::from(is_word) << at;
        masks.single |= u64::from(matches!(byte, 0xe3..=0xe9)) << at;
        masks.mark |= u64::from(byte.is_ascii_graphic() && !is_word) << at;
        masks.digit |= u64::from(byte.is_ascii_digit()) << at;
        masks.wide |= u64::from(!byte.is_ascii()) << at;
        masks.inner |= u64::from(matches!(byte, 0x80..=0xbf)) << at;
    }
    masks
}

/// Classes of the first bytes of a block; what is said of those behind means nothing.
#[inline]
pub(crate) fn masks(block: &[u8; MORE_BYTES], length: usize) -> Masks {
    by_widest!(masks, naive_masks, block, length)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive_masks(block: &[u8; MORE_BYTES], length: usize) -> Masks {
    let mut masks = Masks::default();
    let block = &block[..BLOCK_BYTES];
    for (at, &byte) in block[..length].iter().enumerate() {
        let mut prefixes = (2..=3).filter_map(|bytes| block.get(at..at + bytes));
        let character = prefixes.find_map(|bytes| std::str::from_utf8(bytes).ok());
        match character.and_then(|character| character.chars().next()) {
            Some('ß'..='ö' | 'ø'..='ÿ' | 'ά'..='ώ' | 'а'..='џ') => masks.small |= 1 << at,
            Some('\u{ac00}'..='\u{d77f}') => masks.hangul |= 1 << at,
            Some('\u{3080}'..='\u{30bf}' | '\u{4e00}'..='\u{9fff}') => masks.han |= 1 << at,
            _ => {}
        }
        let mask = match byte {
            b'a'..=b'z' => &mut masks.lower,
            b'A'..=b'Z' => &mut masks.upper,
            b'0'..=b'9' => &mut masks.digit,
            b' ' | b'\t'..=b'\r' => &mut masks.space,
            b'.' | b'!' | b'?' => &mut masks.stop,
            b',' | b';' => &mut masks.comma,
            b'\'' | b'"' | b'-' => &mut masks.plain,
            b'@' | b':' => &mut masks.address,
            0x80.. => &mut masks.wide,
            _ => continue,
        };
        *mask |= 1 << at;
    }
    masks
}

/// Which bytes of a block numbers are made of; bit i is byte i.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NumberMasks {
    pub digit: u64,
    /// . , : / and -, which join digits on either side.
    pub joint: u64,
}

/// Digits of a block, and what may join them.
#[inline(always)]
pub(crate) fn number_masks(block: &[u8; BLOCK_BYTES]) -> NumberMasks {
    by_widest!(number_masks, naive_number_masks, block)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive_number_masks(block: &[u8; BLOCK_BYTES]) -> NumberMasks {
    let mut masks = NumberMasks::default();
    for (at, byte) in block.iter().enumerate() {
        masks.digit |= u64::from(byte.is_ascii_digit()) << at;
        masks.joint |= u64::from(b".,:/-".contains(byte)) << at;
    }
    masks
}

/// Which bytes of a block are one of two; bit i is byte i.
#[inline(always)]
pub(crate) fn either(block: &[u8; BLOCK_BYTES], one: u8, other: u8) -> u64 {
    by_widest!(either, naive_either, block, one, other)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive_either(block: &[u8; BLOCK_BYTES], one: u8, other: u8) -> u64 {
    let bits = block
        .iter()
        .map(|byte| u64::from([one, other].contains(byte)));
    bits.rev().fold(0, |mask, bit| mask << 1 | bit)
}

/// Which bytes of a block JSON escapes in a string: controls of ASCII, " and \; bit i is byte i.
#[cfg(feature = "files")]
#[inline(always)]
pub(crate) fn json_escapes(block: &[u8; BLOCK_BYTES]) -> u64 {
    by_widest!(json_escapes, naive_json_escapes, block)
}

#[cfg(all(feature = "files", any(test, not(target_arch = "x86_64"))))]
fn naive_json_escapes(block: &[u8; BLOCK_BYTES]) -> u64 {
    let bits = block
        .iter()
        .map(|byte| u64::from(matches!(byte, ..0x20 | b'"' | b'\\')));
    bits.rev().fold(0, |mask, bit| mask << 1 | bit)
}

/// What stands for every folded quotation mark.
pub(crate) const QUOTE: u8 = b'\'';

/// A block with its bytes of ASCII folded; bit i is byte i.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    pub bytes: [u8; BLOCK_BYTES],
    pub digit: u64,
    /// Spaces, once folded.
    pub space: u64,
    /// First bytes of characters outside ASCII that folding may change; not so for small letters and
    /// scripts without case, which most text outside ASCII is made of.
    pub may_change: u64,
}

/// Folds a byte of ASCII: lower case, white space to a space, one kind of quote.
#[inline]
pub(crate) fn fold_byte(byte: u8) -> u8 {
    match byte {
        b'\t'..=b'\r' => b' ',
        b'"' => QUOTE,
        byte => byte.to_ascii_lowercase(),
    }
}

/// Whether a character outside ASCII that begins with these bytes is none that folding changes; so
/// too where they begin none. Small letters and scripts without case: most of what text outside ASCII
/// is made of.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(crate) fn stays(first: u8, second: u8) -> bool {
    match first {
        // ß to ÿ; ά to ο, π to ώ; а to п, р to џ.
        0xc3 => second >= 0x9f,
        0xce => second >= 0xac,
        0xcf => second <= 0x8e,
        0xd0 => second >= 0xb0,
        0xd1 => second <= 0x9f,
        // Armenian, Hebrew and Arabic, then from Devanagari to Tibetan.
        0xd6..=0xe0 => true,
        // Kana behind the punctuation that stands before it; Han, Hangul.
        0xe3 => second >= 0x81,
        0xe4..=0xe9 | 0xeb..=0xed => true,
        0xea => second >= 0xb0,
        // None begins so.
        ..=0xc1 | 0xf5.. => true,
        _ => false,
    }
}

/// Folds the bytes of ASCII as [`fold_byte`] does.
#[inline(always)]
pub(crate) fn fold_block(block: &[u8; MORE_BYTES]) -> Folded {
    by_widest!(fold, naive_fold, block)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive_fold(block: &[u8; MORE_BYTES]) -> Folded {
    let mut folded = Folded {
        bytes: [0; BLOCK_BYTES],
        digit: 0,
        space: 0,
        may_change: 0,
    };
    for (at, pair) in block.array_windows().enumerate() {
        let [first, second] = *pair;
        let byte = fold_byte(first);
        folded.bytes[at] = byte;
        folded.digit |= u64::from(byte.is_ascii_digit()) << at;
        folded.space |= u64::from(byte == b' ') << at;
        folded.may_change |= u64::from(!first.is_ascii() && !stays(first, second)) << at;
    }
    folded
}

/// Classes of a block by vectors of so many bytes. Where it stands are the names of their type and of
/// their instructions.
#[cfg(target_arch = "x86_64")]
macro_rules! classes_by_vectors {
    ($feature:literal, $bytes:literal) => {
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn masks(block: &[u8; MORE_BYTES], length: usize) -> Masks {
            let mut masks = Masks::default();
            let mut inner = 0;
            for (index, (part, behind)) in parts(block).enumerate() {
                if index * $bytes >= length {
                    break;
                }
                let bytes = load(part);
                let add = |mask: &mut u64, found: Vector| *mask |= bits(found) << (index * $bytes);
                add(&mut masks.lower, in_range(bytes, b'a', b'z'));
                add(&mut masks.upper, in_range(bytes, b'A', b'Z'));
                add(&mut masks.digit, in_range(bytes, b'0', b'9'));
                let control = in_range(bytes, b'\t', b'\r');
                add(&mut masks.space, or(equal(bytes, b' '), control));
                add(&mut masks.stop, one_of(bytes, b'.', b'!', b'?'));
                let comma = or(equal(bytes, b','), equal(bytes, b';'));
                add(&mut masks.comma, comma);
                add(&mut masks.plain, one_of(bytes, b'\'', b'"', b'-'));
                let address = or(equal(bytes, b'@'), equal(bytes, b':'));
                add(&mut masks.address, address);
                // The highest bit is what is taken.
                add(&mut masks.wide, bytes);
                if bits(bytes) != 0 {
                    let both = (bytes, load(behind));
                    let pair = |byte, from, to| pair(both, byte, from, to);
                    let latin = or(pair(0xc3, 0x9f, 0xb6), pair(0xc3, 0xb8, 0xbf));
                    let greek = or(pair(0xce, 0xac, 0xbf), pair(0xcf, 0x80, 0x8e));
                    let cyrillic = or(pair(0xd0, 0xb0, 0xbf), pair(0xd1, 0x80, 0x9f));
                    add(&mut masks.small, or(or(latin, greek), cyrillic));
                    let hangul = or(pair(0xea, 0xb0, 0xbf), pair(0xed, 0x80, 0x9d));
                    add(&mut masks.hangul, or(in_range(bytes, 0xeb, 0xec), hangul));
                    let han = or(pair(0xe3, 0x82, 0x82), pair(0xe4, 0xb8, 0xbf));
                    add(&mut masks.han, or(in_range(bytes, 0xe5, 0xe9), han));
                    add(&mut inner, in_range(bytes, 0x80, 0xbf));
                }
            }
            masks.small &= u64::MAX >> 1;
            let is_whole = inner >> 1 & inner >> 2;
            masks.hangul &= is_whole;
            masks.han &= is_whole;
            masks
        }

        /// Bytes that are this one, with one of a range behind it.
        #[inline]
        #[target_feature(enable = $feature)]
        fn pair((first, second): (Vector, Vector), byte: u8, from: u8, to: u8) -> Vector {
            and(equal(first, byte), in_range(second, from, to))
        }

        /// The parts of a block, each with the bytes one further.
        #[inline]
        #[target_feature(enable = $feature)]
        fn parts(block: &[u8; MORE_BYTES]) -> impl Iterator<Item = (&[u8; $bytes], &[u8; $bytes])> {
            let own = block[..BLOCK_BYTES].as_chunks().0;
            own.iter().zip(block[1..].as_chunks().0)
        }

        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn word_masks(block: &[u8; BLOCK_BYTES]) -> WordMasks {
            let mut masks = WordMasks::default();
            let (parts, _) = block.as_chunks::<$bytes>();
            for (index, part) in parts.iter().enumerate() {
                let bytes = load(part);
                let add = |mask: &mut u64, found: Vector| *mask |= bits(found) << (index * $bytes);
                add(&mut masks.word, in_range(bytes, b'a', b'z'));
                add(&mut masks.digit, in_range(bytes, b'0', b'9'));
                // The highest bit of a byte outside ASCII is what is taken.
                add(&mut masks.wide, bytes);
                add(&mut masks.single, in_range(bytes, 0xe3, 0xe9));
                add(&mut masks.mark, in_range(bytes, b'!', b'~'));
                add(&mut masks.inner, in_range(bytes, 0x80, 0xbf));
            }
            masks.word |= masks.digit | masks.wide;
            masks.mark &= !masks.word;
            masks
        }

        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn number_masks(block: &[u8; BLOCK_BYTES]) -> NumberMasks {
            let mut masks = NumberMasks::default();
            let (parts, _) = block.as_chunks::<$bytes>();
            for (index, part) in parts.iter().enumerate() {
                let bytes = load(part);
                let add = |mask: &mut u64, found: Vector| *mask |= bits(found) << (index * $bytes);
                add(&mut masks.digit, in_range(bytes, b'0', b'9'));
                let joint = or(in_range(bytes, b',', b'/'), equal(bytes, b':'));
                add(&mut masks.joint, joint);
            }
            masks
        }

        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn either(block: &[u8; BLOCK_BYTES], one: u8, other: u8) -> u64 {
            let mut mask = 0;
            let (parts, _) = block.as_chunks::<$bytes>();
            for (index, part) in parts.iter().enumerate() {
                let bytes = load(part);
                let found = or(equal(bytes, one), equal(bytes, other));
                mask |= bits(found) << (index * $bytes);
            }
            mask
        }

        #[cfg(feature = "files")]
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn json_escapes(block: &[u8; BLOCK_BYTES]) -> u64 {
            let mut mask = 0;
            let (parts, _) = block.as_chunks::<$bytes>();
            for (index, part) in parts.iter().enumerate() {
                let bytes = load(part);
                let marks = or(equal(bytes, b'"'), equal(bytes, b'\\'));
                mask |= bits(or(in_range(bytes, 0, 0x1f), marks)) << (index * $bytes);
            }
            mask
        }

        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn fold(block: &[u8; MORE_BYTES]) -> Folded {
            let mut folded = Folded {
                bytes: [0; BLOCK_BYTES],
                digit: 0,
                space: 0,
                may_change: 0,
            };
            let results = folded.bytes.as_chunks_mut::<$bytes>().0;
            for (index, ((part, behind), result)) in parts(block).zip(results).enumerate() {
                let bytes = load(part);
                let case = and(in_range(bytes, b'A', b'Z'), all(0x20));
                let quote = and(equal(bytes, b'"'), all((b'"' ^ QUOTE).cast_signed()));
                let control = in_range(bytes, b'\t', b'\r');
                let spaces = and(control, all(b' '.cast_signed()));
                let plain = xor(bytes, or(case, quote));
                let together = or(and_not(control, plain), spaces);
                *result = store(together);
                let add = |mask: &mut u64, found: Vector| *mask |= bits(found) << (index * $bytes);
                add(&mut folded.digit, in_range(bytes, b'0', b'9'));
                add(&mut folded.space, equal(together, b' '));
                if bits(bytes) != 0 {
                    add(&mut folded.may_change, may_change(bytes, load(behind)));
                }
            }
            folded
        }

        /// First bytes of characters outside ASCII, but for those that surely stay.
        #[inline]
        #[target_feature(enable = $feature)]
        fn may_change(first: Vector, second: Vector) -> Vector {
            let pair = |byte, from, to| pair((first, second), byte, from, to);
            let latin = pair(0xc3, 0x9f, 0xff);
            let greek = or(pair(0xce, 0xac, 0xff), pair(0xcf, 0x00, 0x8e));
            let cyrillic = or(pair(0xd0, 0xb0, 0xff), pair(0xd1, 0x00, 0x9f));
            let south = in_range(first, 0xd6, 0xe0);
            let kana = pair(0xe3, 0x81, 0xff);
            let han = in_range(first, 0xe4, 0xe9);
            let hangul = or(in_range(first, 0xeb, 0xed), pair(0xea, 0xb0, 0xff));
            let stay = or(
                or(or(latin, greek), or(cyrillic, south)),
                or(or(kana, han), hangul),
            );
            and_not(stay, in_range(first, 0xc2, 0xf4))
        }

        #[inline]
        #[target_feature(enable = $feature)]
        fn store(vector: Vector) -> [u8; $bytes] {
            // SAFETY: both are as many bytes, and a vector is any bytes.
            unsafe { std::mem::transmute(vector) }
        }

        #[inline]
        #[target_feature(enable = $feature)]
        fn load(part: &[u8; $bytes]) -> Vector {
            // SAFETY: both are as many bytes, and any bytes are a vector.
            unsafe { std::mem::transmute(*part) }
        }

        /// The highest bit of each byte.
        #[inline]
        #[target_feature(enable = $feature)]
        fn bits(found: Vector) -> u64 {
            u64::from(highest_bits(found).cast_unsigned())
        }

        #[inline]
        #[target_feature(enable = $feature)]
        fn equal(bytes: Vector, byte: u8) -> Vector {
            equal_bytes(bytes, all(byte.cast_signed()))
        }

        #[inline]
        #[target_feature(enable = $feature)]
        fn one_of(bytes: Vector, a: u8, b: u8, c: u8) -> Vector {
            or(or(equal(bytes, a), equal(bytes, b)), equal(bytes, c))
        }

        /// Shifts the range down to the smallest signed values, where one comparison tells.
        #[inline]
        #[target_feature(enable = $feature)]
        fn in_range(bytes: Vector, first: u8, last: u8) -> Vector {
            let shift = all(0x80_u8.wrapping_sub(first).cast_signed());
            let end = all(0x80_u8.wrapping_add(last - first + 1).cast_signed());
            greater_bytes(end, add(bytes, shift))
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m128i as Vector, _mm_add_epi8 as add, _mm_and_si128 as and, _mm_andnot_si128 as and_not,
        _mm_cmpeq_epi8 as equal_bytes, _mm_cmpgt_epi8 as greater_bytes,
        _mm_movemask_epi8 as highest_bits, _mm_or_si128 as or, _mm_set1_epi8 as all,
        _mm_xor_si128 as xor,
    };

    use super::{BLOCK_BYTES, Folded, MORE_BYTES, Masks, NumberMasks, QUOTE, WordMasks};

    classes_by_vectors!("sse2", 16);
}

/// Twice as many bytes at a time.
#[cfg(target_arch = "x86_64")]
mod wider {
    use std::arch::x86_64::{
        __m256i as Vector, _mm256_add_epi8 as add, _mm256_and_si256 as and,
        _mm256_andnot_si256 as and_not, _mm256_cmpeq_epi8 as equal_bytes,
        _mm256_cmpgt_epi8 as greater_bytes, _mm256_movemask_epi8 as highest_bits,
        _mm256_or_si256 as or, _mm256_set1_epi8 as all, _mm256_xor_si256 as xor,
    };

    use super::{BLOCK_BYTES, Folded, MORE_BYTES, Masks, NumberMasks, QUOTE, WordMasks};

    classes_by_vectors!("avx2", 32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_naive_fold_alike() {
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                let mut block = [b'~'; MORE_BYTES];
                for at in [0, 15, 16, 31, 32, 62, 63] {
                    block[at] = first;
                    block[at + 1] = second;
                    let expected = naive_fold(&block);
                    let tell = format!("{first} {second} at {at}");
                    assert_eq!(fold_block(&block), expected, "{tell}");
                    // SAFETY: as in `masks`.
                    #[cfg(target_arch = "x86_64")]
                    let narrow = unsafe { wide::fold(&block) };
                    #[cfg(target_arch = "x86_64")]
                    assert_eq!(narrow, expected, "{tell}");
                }
            }
        }
    }

    #[test]
    fn wide_and_naive_agree_on_every_byte_at_every_place() {
        for byte in 0..=255_u8 {
            for at in 0..BLOCK_BYTES {
                let mut block = [b'~'; MORE_BYTES];
                block[at] = byte;
                check(&block);
            }
        }
    }

    #[test]
    fn wide_and_naive_agree_on_characters_whole_and_cut() {
        for first in 0xc0..=0xff {
            for second in [
                0x7f, 0x80, 0x81, 0x82, 0x83, 0x8e, 0x8f, 0x9d, 0x9e, 0x9f, 0xa0,
            ]
            .into_iter()
            .chain(0xab..=0xc0)
            {
                for at in [0, 29, 30, 31, 60, 61, 62, 63] {
                    for third in [b'~', 0x80, 0xbf] {
                        let mut block = [b'~'; MORE_BYTES];
                        let bytes = [first, second, third];
                        for (to, byte) in block[at..].iter_mut().zip(bytes) {
                            *to = byte;
                        }
                        check(&block);
                    }
                }
            }
        }
    }

    /// Holds what a function makes, with the widest vectors and with wide ones, to what is expected.
    macro_rules! check_vectors {
        ($block:ident, $function:ident($($given:expr),+), $made:expr, $expected:expr) => {{
            let expected = $expected;
            assert_eq!($made, expected, "{:x?}", $block);
            // SAFETY: as in `by_widest`.
            #[cfg(target_arch = "x86_64")]
            let narrow = unsafe { wide::$function($($given),+) };
            #[cfg(target_arch = "x86_64")]
            assert_eq!(narrow, expected, "{:x?}", $block);
        }};
    }

    fn check(block: &[u8; MORE_BYTES]) {
        let all = BLOCK_BYTES;
        check_vectors!(
            block,
            masks(block, all),
            masks(block, all),
            naive_masks(block, all)
        );
        let block = block.first_chunk().expect("a block");
        #[cfg(feature = "files")]
        check_vectors!(
            block,
            json_escapes(block),
            json_escapes(block),
            naive_json_escapes(block)
        );
        let (one, other) = (block[30], b'\r');
        let expected = naive_either(block, one, other);
        check_vectors!(
            block,
            either(block, one, other),
            either(block, one, other),
            expected
        );
        let expected = naive_number_masks(block);
        check_vectors!(block, number_masks(block), number_masks(block), expected);
        let expected = naive_word_masks(block);
        check_vectors!(block, word_masks(block), word_masks(block, all), expected);
    }
}
