//! A line's bytes in, the bytes to compare out; the original is never changed.
//!
//! Two lines count as the same when their normalised bytes are equal. Folded away:
//! letter case, white space (runs become one space, ends are trimmed; Unicode space
//! included), quotation marks, dashes, the ellipsis character, fullwidth forms, and
//! characters without width. Bytes that are not UTF-8 stay as they are.
//!
//! Digits stay: "Chapter 1" and "Chapter 2" differ on a page.

use crate::scan::first_where;
use crate::simd::masks::{FOLD_BYTES, QUOTE, fold_block, fold_byte, with_block};

/// What a character is folded to.
enum Fold {
    Space,
    Nothing,
    Char(char),
    Ellipsis,
    Lower,
    Same,
}

/// A letter whose lower-case form stands this far behind it.
fn shifted(c: char, by: u32) -> Fold {
    char::from_u32(c as u32 + by).map_or(Fold::Lower, Fold::Char)
}

/// Characters without width: they neither separate nor show.
fn has_no_width(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn fold(c: char) -> Fold {
    match c {
        // Ahead of the general rule, the letters that most text outside ASCII is made of.
        'ß'..='ö' | 'ø'..='ÿ' | 'α'..='ω' | 'а'..='џ' => Fold::Same,
        'À'..='Ö' | 'Ø'..='Þ' | 'Α'..='Ρ' | 'Τ'..='Ω' | 'А'..='Я' => shifted(c, 0x20),
        'Ѐ'..='Џ' => shifted(c, 0x50),
        // No letter of these blocks has case: Han, Kana, Hangul.
        '\u{3041}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => Fold::Same,
        '«' | '»' | '‘'..='‟' | '‹' | '›' | '′' | '″' | '「'..='』' | '〝'..='〟' => {
            Fold::Char(QUOTE as char)
        }
        '‐'..='―' | '−' | '－' => Fold::Char('-'),
        '…' => Fold::Ellipsis,
        '！'..='～' => {
            let ascii = (c as u32 - 0xfee0) as u8;
            Fold::Char(fold_byte(ascii) as char)
        }
        c if has_no_width(c) => Fold::Nothing,
        c if c.is_whitespace() => Fold::Space,
        _ => Fold::Lower,
    }
}

/// Bytes of a character that [`fold`] leaves alone and that is told by them without decoding: most of
/// what text outside ASCII is made of. 0 for all others.
#[inline]
fn bytes_of_same(bytes: &[u8]) -> usize {
    match *bytes {
        // Small letters: ß to ö and ø to ÿ, α to ω, а to џ.
        [0xc3, 0x9f..=0xb6 | 0xb8..=0xbf, ..]
        | [0xce, 0xb1..=0xbf, ..]
        | [0xcf, 0x80..=0x89, ..]
        | [0xd0, 0xb0..=0xbf, ..]
        | [0xd1, 0x80..=0x9f, ..] => 2,
        // Kana and what comes up to Han, Han, Hangul, but for the first and the last of these.
        [0xe3, 0x82..=0xbf, 0x80..=0xbf, ..]
        | [0xe4..=0xe9 | 0xeb..=0xec, 0x80..=0xbf, 0x80..=0xbf, ..]
        | [0xea, 0xb0..=0xbf, 0x80..=0xbf, ..] => 3,
        _ => 0,
    }
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
    normalize_front(line, line.len(), out)
}

/// [`normalize_into`] of the first bytes; what stands behind them changes nothing, but spares a
/// copy.
pub(crate) fn normalize_front(bytes: &[u8], length: usize, out: &mut Vec<u8>) -> bool {
    let from = out.len();
    let mut has_digit = false;
    // A space at the front goes as one behind another does.
    let mut has_run = false;
    let mut is_behind_space = true;
    let mut at = 0;
    while at < length {
        let folded = with_block(&bytes[at..], fold_block);
        let most = FOLD_BYTES.min(length - at);
        let ascii = most.min(folded.wide.trailing_zeros() as usize);
        let spaces = folded.space & ((1 << ascii) - 1);
        has_digit |= folded.digit & ((1 << ascii) - 1) != 0;
        has_run |= spaces & (spaces << 1 | u32::from(is_behind_space)) != 0;
        is_behind_space = (spaces << 1 | u32::from(is_behind_space)) >> ascii & 1 != 0;
        out.extend_from_slice(&folded.bytes);
        out.truncate(out.len() - (FOLD_BYTES - ascii));
        at += ascii;
        if ascii < most {
            let begin = out.len();
            at = length - normalize_other(&bytes[at..length], out).len();
            for &byte in &out[begin..] {
                has_digit |= byte.is_ascii_digit();
                has_run |= is_behind_space && byte == b' ';
                is_behind_space = byte == b' ';
            }
        }
    }
    trim_spaces(out, from, has_run);
    has_digit
}

/// Appends the normalised form of characters outside ASCII, up to the next stretch of ASCII,
/// which it returns. What folding leaves alone is copied in runs.
fn normalize_other<'l>(line: &'l [u8], out: &mut Vec<u8>) -> &'l [u8] {
    let mut rest = line;
    let mut same_bytes = 0;
    while let Some(&first) = rest.get(same_bytes) {
        if first.is_ascii() {
            // One character between others, a space mostly, is not worth a stretch.
            if rest.get(same_bytes + 1).is_none_or(u8::is_ascii) {
                break;
            }
            let folded = fold_byte(first);
            if folded == first {
                same_bytes += 1;
                continue;
            }
            out.extend_from_slice(&rest[..same_bytes]);
            out.push(folded);
            rest = &rest[same_bytes + 1..];
            same_bytes = 0;
            continue;
        }
        let of_same = bytes_of_same(&rest[same_bytes..]);
        if of_same > 0 {
            same_bytes += of_same;
            continue;
        }
        let (decoded, length_bytes) = decode(&rest[same_bytes..]);
        let folded = decoded.map_or(Fold::Same, fold);
        if let Fold::Same = folded {
            same_bytes += length_bytes;
            continue;
        }
        out.extend_from_slice(&rest[..same_bytes]);
        rest = &rest[same_bytes + length_bytes..];
        same_bytes = 0;
        push_folded(decoded, folded, out);
    }
    out.extend_from_slice(&rest[..same_bytes]);
    &rest[same_bytes..]
}

/// Appends a normalised line with every number replaced by one `0`: digits, and single points,
/// commas, colons, slashes and hyphens between them. So a date or a counter changes nothing.
pub fn mask_digits_into(normalized: &[u8], out: &mut Vec<u8>) {
    let mut rest = normalized;
    while let Some(start) = first_where(rest, |byte| byte.wrapping_sub(b'0') < 10) {
        out.extend_from_slice(&rest[..start]);
        out.push(b'0');
        let is_digit = |at: usize| rest.get(at).is_some_and(u8::is_ascii_digit);
        let mut end = start;
        while is_digit(end)
            || matches!(rest.get(end), Some(b'.' | b',' | b':' | b'/' | b'-')) && is_digit(end + 1)
        {
            end += 1;
        }
        rest = &rest[end..];
    }
    out.extend_from_slice(rest);
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
    collapse_spaces(out, from);
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

fn push_folded(decoded: Option<char>, folded: Fold, out: &mut Vec<u8>) {
    let mut push = |c: char| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    match folded {
        Fold::Same | Fold::Nothing => {}
        Fold::Space => push(' '),
        Fold::Char(c) => push(c),
        Fold::Ellipsis => out.extend_from_slice(b"..."),
        Fold::Lower => decoded
            .into_iter()
            .flat_map(char::to_lowercase)
            .for_each(push),
    }
}

/// Leaves one space of each run behind `from`, none at the front or the end.
fn collapse_spaces(out: &mut Vec<u8>, from: usize) {
    let text = &out[from..];
    let has_double = text
        .iter()
        .zip(text.get(1..).unwrap_or_default())
        .fold(false, |found, (&left, &right)| {
            found | ((left == b' ') & (right == b' '))
        });
    let has_run = has_double || text.first() == Some(&b' ');
    trim_spaces(out, from, has_run);
}

/// Leaves one space of each run behind `from`, none at the front, where `has_run` says that there
/// may be one; and none at the end.
fn trim_spaces(out: &mut Vec<u8>, from: usize, has_run: bool) {
    if has_run {
        let mut to = from;
        let mut previous = b' ';
        for at in from..out.len() {
            let byte = out[at];
            out[to] = byte;
            to += usize::from(byte != b' ' || previous != b' ');
            previous = byte;
        }
        out.truncate(to);
    }
    if out.len() > from && out.last() == Some(&b' ') {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_stands_behind_a_line_changes_nothing() {
        let text = "Dr. \"No\",  12\t\u{a0}ÄÖ \u{3000}x, Привет… A東京 B \u{200b} 블링컨 '9 "
            .repeat(2)
            .into_bytes();
        for from in 0..text.len() {
            for to in from..text.len() {
                let line = &text[from..to];
                let [mut alone, mut front] = [b"x ".to_vec(), b"x ".to_vec()];
                let has_digit = normalize_into(line, &mut alone);
                assert_eq!(
                    normalize_front(&text[from..], line.len(), &mut front),
                    has_digit
                );
                assert_eq!(front, alone);
                // A character after the other, then the spaces.
                let mut naive = Vec::new();
                let mut rest = line;
                while !rest.is_empty() {
                    let (decoded, length_bytes) = decode(rest);
                    match decoded {
                        Some(c) if c.is_ascii() => naive.push(fold_byte(rest[0])),
                        Some(c) => match fold(c) {
                            Fold::Same => naive.extend_from_slice(&rest[..length_bytes]),
                            folded => push_folded(decoded, folded, &mut naive),
                        },
                        None => naive.extend_from_slice(&rest[..length_bytes]),
                    }
                    rest = &rest[length_bytes..];
                }
                assert_eq!(has_digit, naive.iter().any(u8::is_ascii_digit));
                collapse_spaces(&mut naive, 0);
                assert_eq!(alone[2..], naive);
            }
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
    fn what_is_left_alone_is_told_by_its_bytes() {
        let mut bytes = Vec::new();
        let mut told = 0;
        for c in ('\u{80}'..=char::MAX).chain('\0'..='\u{7f}') {
            bytes.clear();
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            let of_same = bytes_of_same(&bytes);
            if of_same > 0 {
                told += 1;
                assert_eq!(of_same, bytes.len(), "{c:?}");
                assert!(matches!(fold(c), Fold::Same), "{c:?}");
            }
            bytes.pop();
            assert_eq!(bytes_of_same(&bytes), 0, "{c:?} cut");
        }
        assert!(told > 37_000, "{told}");
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
