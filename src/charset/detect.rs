//! Bytes that no mark and no user speaks for in, what they are in out. Better nothing than a
//! wrong guess: every threshold is here.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_2, ISO_8859_4, ISO_8859_13, SHIFT_JIS, UTF_16BE,
    UTF_16LE, WINDOWS_1250, WINDOWS_1252, WINDOWS_1254, WINDOWS_1257, WINDOWS_1258,
};

use super::{Charset, Told};

/// Bytes that are looked at, from the line of the first byte that is not ASCII.
const SAMPLE_BYTES: usize = 256 << 10;

/// Characters that are not ASCII, at least, for a character set of several bytes a character.
const MIN_WIDE_CHARS: usize = 24;
/// The same for Cyrillic, Greek, Hebrew, Arabic and Thai letters of one byte.
const MIN_LETTERS: usize = 64;
/// The same for Latin letters, of which texts have few, where the code pages differ on some.
const MIN_LATIN_CHARS: usize = 32;
/// The same where all Latin code pages say the same of every byte.
const MIN_AGREED_CHARS: usize = 8;
/// Of the letters of a text in windows-1252 at most one in this many is not ASCII; more is some
/// other language's page.
const LETTERS_A_WESTERN: usize = 8;

/// Pieces that are no UTF-8 for each character of several bytes that is: with fewer, another
/// page's UTF-8 is among the bytes, and they stay. In legacy sets of several bytes a third of
/// all characters looks like one of UTF-8.
const BAD_PIECES_A_WIDE_CHAR: usize = 1;
/// The same for letters of one byte.
const BAD_PIECES_A_LETTER: usize = 2;
/// The same for Latin letters.
const BAD_PIECES_A_LATIN_CHAR: usize = 4;

/// Characters for each bad piece from which on a text is UTF-8 that was cut, or that another
/// was pasted into.
const CHARS_A_BAD_PIECE: usize = 10;

/// The Latin code pages that are taken for one another; see [`MIN_AGREED_CHARS`].
const LATIN_PAGES: [&Encoding; 4] = [WINDOWS_1252, WINDOWS_1250, WINDOWS_1254, WINDOWS_1257];

/// NULs, at least, of all bytes of UTF-16: one in this many.
const BYTES_A_NUL: usize = 50;
/// Characters of UTF-16, at least, then.
const MIN_UTF16_CHARS: usize = 16;
/// One byte in this many is not ASCII then: text with NULs in it is not UTF-16.
const BYTES_A_BYTE_ABOVE_ASCII: usize = 8;
/// From one NUL in this many bytes on, fewer characters are enough.
const BYTES_A_NUL_IN_ASCII: usize = 5;
/// Characters of UTF-16, at least, then.
const MIN_UTF16_CHARS_IN_ASCII: usize = 4;

/// Characters of UTF-8 beyond ASCII, and pieces that are no UTF-8.
fn utf8_pieces(bytes: &[u8]) -> (usize, usize) {
    let (mut chars, mut bad_pieces) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        chars += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad_pieces += usize::from(!chunk.invalid().is_empty());
    }
    (chars, bad_pieces)
}

/// Whether bad bytes are few beside characters of several bytes: a page that was cut, or that
/// another was pasted into.
pub(crate) fn is_nearly_utf8(bytes: &[u8]) -> bool {
    let (chars, bad_pieces) = utf8_pieces(bytes);
    chars >= bad_pieces * CHARS_A_BAD_PIECE
}

/// What bytes are in that are not valid UTF-8.
pub(super) fn detect(bytes: &[u8]) -> Told {
    if is_nearly_utf8(bytes) {
        return Told::Utf8;
    }
    let sample = sample(bytes);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, false);
    let guess = detector.guess(None, Utf8Detection::Deny);
    match is_sure(sample, guess) {
        true => Told::Guessed(Charset(guess)),
        false => Told::Unknown,
    }
}

fn sample(bytes: &[u8]) -> &[u8] {
    let first = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    let start = memchr::memrchr(b'\n', &bytes[..first]).map_or(0, |at| at + 1);
    let start = start.max(first.saturating_sub(SAMPLE_BYTES / 2));
    &bytes[start..bytes.len().min(start + SAMPLE_BYTES)]
}

/// Whether the detector's guess has enough to stand on.
fn is_sure(sample: &[u8], guess: &'static Encoding) -> bool {
    let Some(text) = start_of(sample, guess).filter(|text| !text.contains(is_no_text)) else {
        return false;
    };
    let chars = text.chars().filter(|c| !c.is_ascii()).count();
    let (utf8_chars, bad_pieces) = utf8_pieces(sample);
    let is_apart_from_utf8 = |pieces_a_char| utf8_chars * pieces_a_char <= bad_pieces;
    if [EUC_KR, SHIFT_JIS, EUC_JP, GBK, BIG5].contains(&guess) {
        return chars >= MIN_WIDE_CHARS && is_apart_from_utf8(BAD_PIECES_A_WIDE_CHAR);
    }
    let latin = [
        WINDOWS_1250,
        WINDOWS_1252,
        WINDOWS_1254,
        WINDOWS_1257,
        WINDOWS_1258,
        ISO_8859_2,
        ISO_8859_4,
        ISO_8859_13,
    ];
    if !latin.contains(&guess) {
        return chars >= MIN_LETTERS && is_apart_from_utf8(BAD_PIECES_A_LETTER);
    }
    if !is_apart_from_utf8(BAD_PIECES_A_LATIN_CHAR) {
        return false;
    }
    let is_agreed = LATIN_PAGES
        .iter()
        .all(|page| page.decode_without_bom_handling(sample).0 == text);
    if is_agreed {
        return chars >= MIN_AGREED_CHARS;
    }
    chars >= MIN_LATIN_CHARS && !(guess == WINDOWS_1252 && is_hardly_western(&text))
}

/// The text of bytes that may end inside a character; None where some are no character.
fn start_of(bytes: &[u8], encoding: &'static Encoding) -> Option<String> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let max_bytes = decoder.max_utf8_buffer_length(bytes.len())?;
    let mut text = String::with_capacity(max_bytes);
    let (_, _, has_faults) = decoder.decode_to_string(bytes, &mut text, false);
    (!has_faults).then_some(text)
}

/// Whether a text in windows-1252 reads like one of central Europe or Vietnam.
fn is_hardly_western(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let accented = text.chars().filter(|c| c.is_alphabetic() && !c.is_ascii());
    if accented.clone().count() * LETTERS_A_WESTERN > letters {
        return true;
    }
    // Hungarian has two letters of its own: those that windows-1252 has for them are the only
    // ones by which the two code pages differ there.
    let mut telling = accented.filter(|&c| !reads_alike_in_1250(c));
    telling.next().is_some_and(is_for_hungarian) && telling.all(is_for_hungarian)
}

fn reads_alike_in_1250(c: char) -> bool {
    let mut buffer = [0; 4];
    let (byte, _, _) = WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
    let (read, _) = WINDOWS_1250.decode_without_bom_handling(&byte);
    read.chars().eq([c])
}

fn is_for_hungarian(c: char) -> bool {
    matches!(c, 'õ' | 'û' | 'Õ' | 'Û')
}

/// Characters that no text has: controls, what is for private use, what is no character.
fn is_no_text(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{c}' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => true,
        '\u{fdd0}'..='\u{fdef}' => true,
        _ => u32::from(c) & 0xfffe == 0xfffe,
    }
}

/// See [`super::utf16_without_mark`].
pub(super) fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    memchr::memchr(0, bytes)?;
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES) & !1];
    let mut at_parity = [0_usize; 2];
    for at in memchr::memchr_iter(0, sample) {
        at_parity[at % 2] += 1;
    }
    let (encoding, nuls) = match at_parity {
        [0, odd] => (UTF_16LE, odd),
        [even, 0] => (UTF_16BE, even),
        _ => return None,
    };
    let chars = sample.len() / 2;
    let is_enough = if nuls * BYTES_A_NUL_IN_ASCII >= sample.len() {
        chars >= MIN_UTF16_CHARS_IN_ASCII
    } else {
        let above_ascii = sample.iter().filter(|byte| !byte.is_ascii()).count();
        nuls * BYTES_A_NUL >= sample.len()
            && chars >= MIN_UTF16_CHARS
            && above_ascii * BYTES_A_BYTE_ABOVE_ASCII >= sample.len()
    };
    if !is_enough {
        return None;
    }
    let text = start_of(sample, encoding)?;
    (!text.contains(is_no_text)).then_some(encoding)
}
