//! Up to 64 bytes in, one bit a byte for each class out.
//!
//! On x86-64 sixteen bytes at a time, with the instructions that every such machine has (the
//! profile that asked for it: counting classes by table was a fifth of all instructions, and
//! what the compiler makes of plain loops was slower still), or with AVX2 thirty-two. Elsewhere a
//! byte at a time.

/// Bytes in a block.
pub(crate) const BLOCK_BYTES: usize = 64;

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
    /// Bytes outside ASCII.
    pub wide: u64,
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
        let own = u64::MAX >> (BLOCK_BYTES - length.clamp(1, BLOCK_BYTES));
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
    #[cfg(target_arch = "x86_64")]
    let masks = if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: as in `masks`.
        unsafe { wider::word_masks(block) }
    } else {
        // SAFETY: as in `masks`.
        unsafe { wide::word_masks(block) }
    };
    #[cfg(not(target_arch = "x86_64"))]
    let masks = naive_word_masks(block);
    masks.front(length)
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
pub(crate) fn masks(block: &[u8; BLOCK_BYTES], length: usize) -> Masks {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has AVX2; the functions take values, no pointers.
        return unsafe { wider::masks(block, length) };
    }
    // SAFETY: SSE2 belongs to every x86-64; the functions take values, no pointers.
    #[cfg(target_arch = "x86_64")]
    return unsafe { wide::masks(block, length) };
    #[cfg(not(target_arch = "x86_64"))]
    return naive_masks(block, length);
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive_masks(block: &[u8; BLOCK_BYTES], length: usize) -> Masks {
    let mut masks = Masks::default();
    for (at, &byte) in block[..length].iter().enumerate() {
        let mask = match byte {
            b'a'..=b'z' => &mut masks.lower,
            b'A'..=b'Z' => &mut masks.upper,
            b'0'..=b'9' => &mut masks.digit,
            b' ' | b'\t'..=b'\r' => &mut masks.space,
            b'.' | b'!' | b'?' => &mut masks.stop,
            b',' | b';' => &mut masks.comma,
            b'\'' | b'"' | b'-' => &mut masks.plain,
            0x80.. => &mut masks.wide,
            _ => continue,
        };
        *mask |= 1 << at;
    }
    masks
}

/// Bytes that are folded at once.
pub(crate) const FOLD_BYTES: usize = 16;
/// What stands for every folded quotation mark.
pub(crate) const QUOTE: u8 = b'\'';

/// Bytes with those of ASCII folded; bit i is byte i.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    pub bytes: [u8; FOLD_BYTES],
    pub digit: u32,
    /// Spaces, once folded.
    pub space: u32,
    /// Bytes outside ASCII.
    pub wide: u32,
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

/// Folds the bytes of ASCII as [`fold_byte`] does.
#[inline]
pub(crate) fn fold_block(block: &[u8; FOLD_BYTES]) -> Folded {
    // SAFETY: SSE2 belongs to every x86-64; the function takes values, no pointers.
    #[cfg(target_arch = "x86_64")]
    return unsafe { wide::fold_block(block) };
    #[cfg(not(target_arch = "x86_64"))]
    return naive_fold_block(block);
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive_fold_block(block: &[u8; FOLD_BYTES]) -> Folded {
    let bytes = block.map(fold_byte);
    let which = |is_it: fn(u8) -> bool| {
        let bits = bytes.iter().enumerate();
        bits.fold(0, |bits, (at, &byte)| bits | u32::from(is_it(byte)) << at)
    };
    Folded {
        bytes,
        digit: which(|byte| byte.is_ascii_digit()),
        space: which(|byte| byte == b' '),
        wide: which(|byte| !byte.is_ascii()),
    }
}

/// Classes of a block by vectors of so many bytes. Where it stands are the names of their type and of
/// their instructions.
#[cfg(target_arch = "x86_64")]
macro_rules! classes_by_vectors {
    ($feature:literal, $bytes:literal) => {
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn masks(block: &[u8; BLOCK_BYTES], length: usize) -> Masks {
            let mut masks = Masks::default();
            let (parts, _) = block.as_chunks::<$bytes>();
            for (index, part) in parts.iter().enumerate() {
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
                // The highest bit is what is taken.
                add(&mut masks.wide, bytes);
            }
            masks
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
        __m128i as Vector, _mm_add_epi8 as add, _mm_and_si128, _mm_andnot_si128,
        _mm_cmpeq_epi8 as equal_bytes, _mm_cmpgt_epi8 as greater_bytes, _mm_cvtsi128_si64,
        _mm_movemask_epi8 as highest_bits, _mm_or_si128 as or, _mm_set1_epi8 as all,
        _mm_unpackhi_epi64, _mm_xor_si128,
    };

    use super::{BLOCK_BYTES, FOLD_BYTES, Folded, Masks, QUOTE, WordMasks};

    classes_by_vectors!("sse2", 16);

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(crate) fn fold_block(block: &[u8; FOLD_BYTES]) -> Folded {
        let bytes = load(block);
        let bits = |found: Vector| u32::from(highest_bits(found) as u16);
        let case = _mm_and_si128(in_range(bytes, b'A', b'Z'), all(0x20));
        let quote = _mm_and_si128(equal(bytes, b'"'), all((b'"' ^ QUOTE).cast_signed()));
        let folded = _mm_xor_si128(bytes, or(case, quote));
        let control = in_range(bytes, b'\t', b'\r');
        let spaces = _mm_and_si128(control, all(b' '.cast_signed()));
        let folded = or(_mm_andnot_si128(control, folded), spaces);
        Folded {
            digit: bits(in_range(bytes, b'0', b'9')),
            space: bits(equal(folded, b' ')),
            wide: bits(bytes),
            bytes: store(folded),
        }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn store(bytes: Vector) -> [u8; 16] {
        let low = _mm_cvtsi128_si64(bytes).cast_unsigned();
        let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(bytes, bytes)).cast_unsigned();
        (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
    }
}

/// Twice as many bytes at a time.
#[cfg(target_arch = "x86_64")]
mod wider {
    use std::arch::x86_64::{
        __m256i as Vector, _mm256_add_epi8 as add, _mm256_cmpeq_epi8 as equal_bytes,
        _mm256_cmpgt_epi8 as greater_bytes, _mm256_movemask_epi8 as highest_bits,
        _mm256_or_si256 as or, _mm256_set1_epi8 as all,
    };

    use super::{BLOCK_BYTES, Masks, WordMasks};

    classes_by_vectors!("avx2", 32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_naive_fold_alike() {
        for byte in 0..=255_u8 {
            for at in 0..FOLD_BYTES {
                let mut block = [b'~'; FOLD_BYTES];
                block[at] = byte;
                let expected = naive_fold_block(&block);
                assert_eq!(fold_block(&block), expected, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn wide_and_naive_agree_on_every_byte_at_every_place() {
        for byte in 0..=255_u8 {
            for at in 0..BLOCK_BYTES {
                let mut block = [b'~'; BLOCK_BYTES];
                block[at] = byte;
                let expected = naive_masks(&block, BLOCK_BYTES);
                assert_eq!(masks(&block, BLOCK_BYTES), expected, "{byte} at {at}");
                // SAFETY: as in `masks`.
                #[cfg(target_arch = "x86_64")]
                let narrow = unsafe { wide::masks(&block, BLOCK_BYTES) };
                #[cfg(target_arch = "x86_64")]
                assert_eq!(narrow, expected, "{byte} at {at}");
                let expected = naive_word_masks(&block);
                let got = word_masks(&block, BLOCK_BYTES);
                assert_eq!(got, expected, "{byte} at {at}");
                // SAFETY: as in `masks`.
                #[cfg(target_arch = "x86_64")]
                let narrow = unsafe { wide::word_masks(&block) };
                #[cfg(target_arch = "x86_64")]
                assert_eq!(narrow, expected, "{byte} at {at}");
            }
        }
    }
}
