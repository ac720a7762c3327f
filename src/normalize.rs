//! A line's bytes in, the bytes to compare out; the original is never changed.
//!
//! Two lines count as the same when their normalised bytes are equal. Folded away:
//! letter case, white space (runs become one space, ends are trimmed; Unicode space
//! included), quotation marks, dashes, the ellipsis character, fullwidth forms, and
//! characters without width. Bytes that are not UTF-8 stay as they are.
//!
//! Digits stay: "Chapter 1" and "Chapter 2" differ on a page.

use std::sync::LazyLock;

use crate::simd::masks::{
    BLOCK_BYTES, MORE_BYTES, NumberMasks, block_in, first_bits, number_masks,
};
use crate::simd::masks::{QUOTE, fold_byte};

/// Characters without width: they neither separate nor show.
fn has_no_width(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a line shows nothing: white space (NBSP and other Unicode space included)
/// and characters without width only.
#[inline]
pub fn is_blank(line: &[u8]) -> bool {
    for (at, &byte) in line.iter().enumerate() {
        if byte >= 0x80 {
            return is_blank_unicode(&line[at..]);
        }
        if !matches!(byte, b'\t'..=b'\r' | b' ') {
            return false;
        }
    }
    true
}

fn is_blank_unicode(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        match decode(rest) {
            (Some(c), length_bytes) if c.is_whitespace() || has_no_width(c) => {
                rest = &rest[length_bytes..];
            }
            _ => return false,
        }
    }
    true
}

/// Appends the normalised form of `line` to `out`; returns whether [`mask_digits_into`] would
/// change it.
///
/// Linear time. Allocates only when `out` must grow.
pub fn normalize_into(line: &[u8], out: &mut Vec<u8>) -> bool {
    let from = out.len();
    let mut rest = line;
    while !rest.is_empty() {
        let (ascii, behind) = rest.split_at(ascii_length(rest));
        out.extend(ascii.iter().map(|&byte| fold_byte(byte)));
        rest = behind;
        while rest.first().is_some_and(|byte| !byte.is_ascii()) {
            let (folded, length_bytes) = fold_char(rest);
            out.extend_from_slice(folded.as_bytes().unwrap_or(&rest[..length_bytes]));
            rest = &rest[length_bytes..];
        }
    }
    let length = trim_spaces(&mut out[from..]);
    out.truncate(from + length);
    out[from..].iter().any(u8::is_ascii_digit)
}

/// Most bytes that a character is folded to: three characters of lower case, of four bytes each.
const MAX_FOLDED_BYTES: usize = 12;

/// What a character outside ASCII is folded to, if to another.
#[derive(Clone, Copy)]
pub(crate) struct FoldedChar {
    bytes: [u8; MAX_FOLDED_BYTES],
    length: Option<u8>,
}

impl FoldedChar {
    const SAME: FoldedChar = FoldedChar {
        bytes: [0; MAX_FOLDED_BYTES],
        length: None,
    };

    fn of(characters: impl IntoIterator<Item = char>) -> Self {
        let mut bytes = [0; MAX_FOLDED_BYTES];
        let mut length = 0;
        for c in characters {
            length += c.encode_utf8(&mut bytes[length..]).len();
        }
        FoldedChar {
            bytes,
            length: Some(length as u8),
        }
    }

    /// Its bytes; None where it stays.
    #[inline]
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        self.length.map(|length| &self.bytes[..usize::from(length)])
    }
}

fn fold(c: char) -> FoldedChar {
    match c {
        // No letter of these blocks has case: Han, Kana, Hangul; and the stops between them.
        '、' | '。' | '\u{3041}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => FoldedChar::SAME,
        '«' | '»' | '‘'..='‟' | '‹' | '›' | '′' | '″' | '「'..='』' | '〝'..='〟' => {
            FoldedChar::of([QUOTE as char])
        }
        '‐'..='―' | '−' | '－' => FoldedChar::of(['-']),
        '…' => FoldedChar::of(['.'; 3]),
        '！'..='～' => {
            let ascii = (c as u32 - 0xfee0) as u8;
            FoldedChar::of([fold_byte(ascii) as char])
        }
        c if has_no_width(c) => FoldedChar::of([]),
        c if c.is_whitespace() => FoldedChar::of([' ']),
        c => match c.to_lowercase() {
            lower if lower.clone().eq([c]) => FoldedChar::SAME,
            lower => FoldedChar::of(lower),
        },
    }
}

/// Characters of one byte and of two: the letters that most text outside ASCII is made of.
const SHORT_CHARACTERS: usize = 0x800;

/// What they are folded to, made once.
static FOLDED: LazyLock<[FoldedChar; SHORT_CHARACTERS]> = LazyLock::new(|| {
    std::array::from_fn(|c| char::from_u32(c as u32).map_or(FoldedChar::SAME, fold))
});

/// What the first character of bytes is folded to, one outside ASCII, and how many bytes it has;
/// what is not UTF-8 stays.
#[inline]
pub(crate) fn fold_char(bytes: &[u8]) -> (FoldedChar, usize) {
    let (decoded, length_bytes) = decode(bytes);
    let folded = match decoded {
        Some(c) => FOLDED.get(c as usize).copied().unwrap_or_else(|| fold(c)),
        None => FoldedChar::SAME,
    };
    (folded, length_bytes)
}

/// Appends a normalised line with every number replaced by one `0`: digits, and single points,
/// commas, colons, slashes and hyphens between them. So a date or a counter changes nothing.
pub fn mask_digits_into(normalized: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    out.resize(from + room_to_mask(normalized.len()), 0);
    let length = mask_front(normalized, normalized.len(), &mut out[from..]);
    out.truncate(from + length);
}

/// Bytes that [`mask_front`] asks for: whole blocks are copied, of which a part is meant.
pub(crate) fn room_to_mask(length: usize) -> usize {
    length + BLOCK_BYTES
}

/// As [`mask_digits_into`], of the first bytes and to the front of `out`; gives the length. What
/// stands behind the bytes changes nothing, but spares a copy.
#[inline(always)]
pub(crate) fn mask_front(bytes: &[u8], length: usize, out: &mut [u8]) -> usize {
    let mut to = 0;
    let mut room = [0; MORE_BYTES];
    let mut masked = [0; 2 * BLOCK_BYTES];
    // Whether the byte before the block is a digit, and whether it belongs to a number.
    let (mut digit_before, mut number_before) = (0, 0);
    for at in (0..length).step_by(BLOCK_BYTES) {
        let left = length - at;
        let block: &[u8; MORE_BYTES] = block_in(&mut room, &bytes[at..]);
        let (block, behind) = block.split_first_chunk().expect("a block and one more");
        let NumberMasks { digit, joint } = number_masks(block);
        let digit = digit & first_bits(left);
        let is_behind = left > BLOCK_BYTES && behind[0].is_ascii_digit();
        let ahead = digit >> 1 | u64::from(is_behind) << (BLOCK_BYTES - 1);
        let number = digit | joint & (digit << 1 | digit_before) & ahead;
        // All of a number but its first digit goes.
        let mut gone = number & (number << 1 | number_before);
        (digit_before, number_before) = (digit >> (BLOCK_BYTES - 1), number >> (BLOCK_BYTES - 1));
        for (masked, &byte) in masked.iter_mut().zip(block) {
            *masked = if byte.is_ascii_digit() { b'0' } else { byte };
        }
        let mut stays = 0;
        while gone != 0 {
            let start = gone.trailing_zeros();
            let end = start + (!(gone >> start)).trailing_zeros();
            let stretch = &masked[stays..stays + BLOCK_BYTES];
            out[to..to + BLOCK_BYTES].copy_from_slice(stretch);
            to += start as usize - stays;
            stays = end as usize;
            gone &= u64::MAX.checked_shl(end).unwrap_or(0);
        }
        let stretch = &masked[stays..stays + BLOCK_BYTES];
        out[to..to + BLOCK_BYTES].copy_from_slice(stretch);
        to += left.min(BLOCK_BYTES) - stays;
    }
    to
}

/// Appends a line with its white space folded and nothing else: runs become one space, ends
/// are trimmed, Unicode space included.
pub fn fold_space_into(line: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    let mut rest = line;
    while !rest.is_empty() {
        let (ascii, behind) = rest.split_at(ascii_length(rest));
        out.extend(ascii.iter().map(|&byte| match byte {
            b'\t'..=b'\r' => b' ',
            byte => byte,
        }));
        rest = behind;
        if rest.is_empty() {
            break;
        }
        let (decoded, length_bytes) = decode(rest);
        match decoded {
            Some(c) if c.is_whitespace() => out.push(b' '),
            _ => out.extend_from_slice(&rest[..length_bytes]),
        }
        rest = &rest[length_bytes..];
    }
    let length = trim_spaces(&mut out[from..]);
    out.truncate(from + length);
}

/// Bytes up to the first that is not ASCII.
#[inline]
pub(crate) fn ascii_length(bytes: &[u8]) -> usize {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, &word) in words.iter().enumerate() {
        let high = u64::from_le_bytes(word) & HIGH_BITS;
        if high != 0 {
            return index * 8 + high.trailing_zeros() as usize / 8;
        }
    }
    let end = rest.iter().position(|byte| !byte.is_ascii());
    bytes.len() - rest.len() + end.unwrap_or(rest.len())
}

/// The first character of bytes that are not empty, and its length in bytes; None where they
/// are not UTF-8. The common forms, two and three bytes, are taken apart on the spot.
#[inline]
pub(crate) fn decode(bytes: &[u8]) -> (Option<char>, usize) {
    let low = |byte: u8| u32::from(byte & 0x3f);
    match *bytes {
        [a @ 0xc2..=0xdf, b @ 0x80..=0xbf, ..] => {
            (char::from_u32(u32::from(a & 0x1f) << 6 | low(b)), 2)
        }
        [
            a @ (0xe1..=0xec | 0xee | 0xef),
            b @ 0x80..=0xbf,
            c @ 0x80..=0xbf,
            ..,
        ] => {
            let value = u32::from(a & 0xf) << 12 | low(b) << 6 | low(c);
            (char::from_u32(value), 3)
        }
        _ => bstr::decode_utf8(bytes),
    }
}

/// Leaves one space of each run, none at the front or the end: moved to the front, so many bytes.
pub(crate) fn trim_spaces(text: &mut [u8]) -> usize {
    let pairs = text.iter().zip(text.get(1..).unwrap_or_default());
    let has_double = pairs.fold(false, |found, (&left, &right)| {
        found | ((left == b' ') & (right == b' '))
    });
    let mut length = text.len();
    if has_double || text.first() == Some(&b' ') {
        length = 0;
        let mut before = b' ';
        for at in 0..text.len() {
            let byte = text[at];
            text[length] = byte;
            length += usize::from(byte != b' ' || before != b' ');
            before = byte;
        }
    }
    length - usize::from(text[..length].ends_with(b" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::masks::stays;

    fn normalized(line: &str) -> String {
        let mut out = b"before".to_vec();
        normalize_into(line.as_bytes(), &mut out);
        String::from_utf8(out["before".len()..].to_vec()).expect("UTF-8 stays UTF-8")
    }

    #[test]
    fn folds_case_space_quotes_dashes_ellipsis_width() {
        for (line, expected) in [
            ("Hello World", "hello world"),
            ("  a \t\u{a0}\u{3000}b ", "a b"),
            ("“q” „q‘ \"q\" «q»", "'q' 'q' 'q' 'q'"),
            ("a–b—c−d", "a-b-c-d"),
            ("wait…", "wait..."),
            ("ＡＢＣ１２３！", "abc123!"),
            ("so\u{ad}ft\u{200b}ly", "softly"),
            ("ÄÖ Привет ΣΑΣ", "äö привет σασ"),
            ("블링컨 東京 とうきょう", "블링컨 東京 とうきょう"),
            ("İstanbul", "i\u{307}stanbul"),
            ("", ""),
        ] {
            assert_eq!(normalized(line), expected, "{line:?}");
        }
    }

    #[test]
    fn letters_are_lowered_as_the_standard_library_does() {
        for c in ('\u{80}'..='\u{52f}').chain('\u{1e00}'..='\u{1fff}') {
            if !c.is_alphabetic() {
                continue;
            }
            let expected: String = c.to_lowercase().collect();
            assert_eq!(normalized(&c.to_string()), expected, "{c:?}");
            assert_eq!(
                normalized(&format!("x{c}Y")),
                format!("x{expected}y"),
                "{c:?}"
            );
        }
    }

    #[test]
    fn what_stays_is_told_by_its_bytes() {
        let mut told = 0;
        for c in '\u{80}'..=char::MAX {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).as_bytes();
            if stays(bytes[0], bytes[1]) {
                told += 1;
                assert!(fold_char(bytes).0.as_bytes().is_none(), "{c:?}");
            }
        }
        assert!(told > 37_000, "{told}");
    }

    #[test]
    fn no_character_is_folded_to_more_than_there_is_room_for() {
        for c in '\u{80}'..=char::MAX {
            let bytes: usize = c.to_lowercase().map(char::len_utf8).sum();
            assert!(bytes <= MAX_FOLDED_BYTES, "{c:?}");
        }
    }

    #[test]
    fn masks_numbers_and_dates() {
        for (line, expected) in [
            ("chapter 12", "chapter 0"),
            ("posted on 2021.08.21 21:24", "posted on 0 0"),
            ("1,234 views - 5 likes", "0 views - 0 likes"),
            ("10/03/2024-11/03/2024", "0"),
            ("3. item, 4-", "0. item, 0-"),
            ("a-b", "a-b"),
            ("1--2", "0--0"),
            ("", ""),
        ] {
            let mut out = Vec::new();
            mask_digits_into(line.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{line}");
        }
    }

    /// What is masked a block at a time, a byte at a time.
    fn naive_mask(line: &[u8]) -> Vec<u8> {
        let is_digit = |at: usize| line.get(at).is_some_and(u8::is_ascii_digit);
        let (mut out, mut at) = (Vec::new(), 0);
        while let Some(&byte) = line.get(at) {
            if !is_digit(at) {
                out.push(byte);
                at += 1;
                continue;
            }
            out.push(b'0');
            while is_digit(at) || b".,:/-".contains(line.get(at).unwrap_or(&0)) && is_digit(at + 1)
            {
                at += 1;
            }
        }
        out
    }

    #[test]
    fn blocks_mask_what_bytes_mask() {
        let text =
            "on 2021.08.21 21:24, 1--2 x7 12,345,6.-7/8 9 a/b é٣4".repeat(6) + &"1.".repeat(90);
        let text = text.as_bytes();
        for from in 0..text.len() {
            for to in (from..=text.len()).step_by(5) {
                let mut out = vec![b'x'; room_to_mask(to - from)];
                let length = mask_front(&text[from..], to - from, &mut out);
                assert_eq!(out[..length], naive_mask(&text[from..to]), "{from}..{to}");
                out.clear();
                mask_digits_into(&text[from..to], &mut out);
                assert_eq!(out, naive_mask(&text[from..to]), "{from}..{to}");
            }
        }
    }

    #[test]
    fn folds_space_and_nothing_else() {
        for (line, expected) in [
            ("  A \t\u{a0}\u{3000}b ", "A b"),
            ("“Q”  é", "“Q” é"),
            ("\u{a0}", ""),
        ] {
            let mut out = b"x".to_vec();
            fold_space_into(line.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out[1..].to_vec()).unwrap(), expected);
        }
    }

    #[test]
    fn keeps_digits_apart() {
        assert_ne!(normalized("Chapter 1"), normalized("Chapter 2"));
    }

    #[test]
    fn keeps_bytes_that_are_not_utf8() {
        let mut out = Vec::new();
        normalize_into(b"A\xff\xc3 B\xe2\x82", &mut out);
        assert_eq!(out, b"a\xff\xc3 b\xe2\x82");
    }

    #[test]
    fn decodes_as_the_library_does() {
        let mut bytes = Vec::new();
        for c in (0..=0x10ffff_u32).step_by(7).filter_map(char::from_u32) {
            bytes.clear();
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            assert_eq!(decode(&bytes), (Some(c), bytes.len()));
        }
        for a in 0x80..=0xff_u8 {
            for b in [0x00, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xff] {
                for c in [0x00, 0x80, 0xbf, 0xc0] {
                    let bytes = [a, b, c];
                    assert_eq!(decode(&bytes), bstr::decode_utf8(bytes), "{bytes:x?}");
                }
            }
        }
    }

    #[test]
    fn ascii_ends_at_the_first_high_byte() {
        for length in 0..40 {
            let mut bytes = vec![b'a'; length];
            assert_eq!(ascii_length(&bytes), length);
            bytes.push(0xe9);
            bytes.extend_from_slice(b"abc\xff");
            assert_eq!(ascii_length(&bytes), length);
        }
    }

    #[test]
    fn blank_means_nothing_to_see() {
        for blank in [
            "",
            " \t\u{c}",
            "\u{a0}\u{2003}\u{3000}",
            "\u{feff}\u{200b} ",
        ] {
            assert!(is_blank(blank.as_bytes()), "{blank:?}");
            assert_eq!(normalized(blank), "", "{blank:?}");
        }
        for visible in ["x", " \u{a0}x", "\u{0}", "é"] {
            assert!(!is_blank(visible.as_bytes()), "{visible:?}");
        }
        assert!(!is_blank(b" \xff"));
    }
}
