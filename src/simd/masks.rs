//! Up to 64 bytes in, one bit a byte for each class out.
//!
//! On x86-64 sixteen bytes at a time, with the instructions that every such machine has (the
//! profile that asked for it: counting classes by table was a fifth of all instructions, and
//! what the compiler makes of plain loops was slower still). Elsewhere a byte at a time.

/// Bytes in a block.
pub(crate) const BLOCK_BYTES: usize = 64;

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
}

/// Words of the bytes of a block.
#[inline]
pub(crate) fn word_masks(block: &[u8; BLOCK_BYTES]) -> WordMasks {
    // SAFETY: as in `masks`.
    #[cfg(target_arch = "x86_64")]
    return unsafe { wide::word_masks(block) };
    #[cfg(not(target_arch = "x86_64"))]
    return naive_word_masks(block);
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive_word_masks(block: &[u8; BLOCK_BYTES]) -> WordMasks {
    let mut masks = WordMasks::default();
    for (at, &byte) in block.iter().enumerate() {
        let is_word = byte.is_ascii_lowercase() || byte.is_ascii_digit() || !byte.is_ascii();
        masks.word |= u64::from(is_word) << at;
        masks.single |= u64::from(matches!(byte, 0xe3..=0xe9)) << at;
        masks.mark |= u64::from(byte.is_ascii_graphic() && !is_word) << at;
    }
    masks
}

/// Classes of the bytes of a block.
#[inline]
pub(crate) fn masks(block: &[u8; BLOCK_BYTES]) -> Masks {
    // SAFETY: SSE2 belongs to every x86-64; the functions take values, no pointers.
    #[cfg(target_arch = "x86_64")]
    return unsafe { wide::masks(block) };
    #[cfg(not(target_arch = "x86_64"))]
    return naive_masks(block);
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive_masks(block: &[u8; BLOCK_BYTES]) -> Masks {
    let mut masks = Masks::default();
    for (at, &byte) in block.iter().enumerate() {
        let mask = match byte {
            b'a'..=b'z' => &mut masks.lower,
            b'A'..=b'Z' => &mut masks.upper,
            b'0'..=b'9' => &mut masks.digit,
            b' ' | b'\t'..=b'\r' => &mut masks.space,
            b'.' | b'!' | b'?' => &mut masks.stop,
            b',' | b';' => &mut masks.comma,
            b'\'' | b'"' | b'-' => &mut masks.plain,
            _ => continue,
        };
        *mask |= 1 << at;
    }
    masks
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi8, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set_epi64x, _mm_set1_epi8,
    };

    use super::{BLOCK_BYTES, Masks, WordMasks};

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(crate) fn masks(block: &[u8; BLOCK_BYTES]) -> Masks {
        let mut masks = Masks::default();
        let (parts, _) = block.as_chunks::<16>();
        for (index, part) in parts.iter().enumerate() {
            let bytes = load(part);
            let add = |mask: &mut u64, found: __m128i| {
                *mask |= u64::from(_mm_movemask_epi8(found) as u16) << (index * 16);
            };
            add(&mut masks.lower, in_range(bytes, b'a', b'z'));
            add(&mut masks.upper, in_range(bytes, b'A', b'Z'));
            add(&mut masks.digit, in_range(bytes, b'0', b'9'));
            let control = in_range(bytes, b'\t', b'\r');
            add(&mut masks.space, _mm_or_si128(equal(bytes, b' '), control));
            add(&mut masks.stop, one_of(bytes, b'.', b'!', b'?'));
            let comma = _mm_or_si128(equal(bytes, b','), equal(bytes, b';'));
            add(&mut masks.comma, comma);
            add(&mut masks.plain, one_of(bytes, b'\'', b'"', b'-'));
        }
        masks
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(crate) fn word_masks(block: &[u8; BLOCK_BYTES]) -> WordMasks {
        let mut masks = WordMasks::default();
        let (parts, _) = block.as_chunks::<16>();
        for (index, part) in parts.iter().enumerate() {
            let bytes = load(part);
            let add = |mask: &mut u64, found: __m128i| {
                *mask |= u64::from(_mm_movemask_epi8(found) as u16) << (index * 16);
            };
            let ascii = _mm_or_si128(in_range(bytes, b'a', b'z'), in_range(bytes, b'0', b'9'));
            // The highest bit of a byte outside ASCII is what movemask takes.
            add(&mut masks.word, _mm_or_si128(ascii, bytes));
            add(&mut masks.single, in_range(bytes, 0xe3, 0xe9));
            add(&mut masks.mark, in_range(bytes, b'!', b'~'));
        }
        masks.mark &= !masks.word;
        masks
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(part: &[u8; 16]) -> __m128i {
        let value = u128::from_le_bytes(*part);
        _mm_set_epi64x((value >> 64) as i64, value as i64)
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn equal(bytes: __m128i, byte: u8) -> __m128i {
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn one_of(bytes: __m128i, a: u8, b: u8, c: u8) -> __m128i {
        let two = _mm_or_si128(equal(bytes, a), equal(bytes, b));
        _mm_or_si128(two, equal(bytes, c))
    }

    /// Shifts the range down to the smallest signed values, where one comparison tells.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn in_range(bytes: __m128i, first: u8, last: u8) -> __m128i {
        let shift = _mm_set1_epi8((0x80_u8.wrapping_sub(first)) as i8);
        let end = _mm_set1_epi8((0x80_u8.wrapping_add(last - first + 1)) as i8);
        _mm_cmplt_epi8(_mm_add_epi8(bytes, shift), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_naive_agree_on_every_byte_at_every_place() {
        for byte in 0..=255_u8 {
            for at in 0..BLOCK_BYTES {
                let mut block = [b'~'; BLOCK_BYTES];
                block[at] = byte;
                assert_eq!(masks(&block), naive_masks(&block), "{byte} at {at}");
                assert_eq!(
                    word_masks(&block),
                    naive_word_masks(&block),
                    "{byte} at {at}"
                );
            }
        }
    }
}
