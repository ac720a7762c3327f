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

#[cfg(test)]
mod tests {
    use super::*;

    const KOREAN: &str =
        "항구 연락선이 겨울 수리를 마치고 다시 다닌다. 기술자들은 넉 달 동안 배를 고쳤다.";
    const RUSSIAN: &str = "Паром вернулся на линию после зимнего ремонта. Инженеры четыре месяца \
        чинили днище, которое было старше большинства из них.";
    const FRENCH: &str = "Le bac a été remis en service après un hiver entier de réparations à \
        quai. Les ingénieurs ont passé quatre mois à réparer la coque, déjà très âgée, où l’eau \
        pénétrait. La prochaine inspection est prévue d’ici à trois ans ; le conseil décidera alors \
        s’il faut remplacer le bateau par un modèle plus récent, peut-être dès l’été. Les élèves du \
        collège ont fêté le départ à l’embarcadère, près de l’église, avec un goûter.";
    const GERMAN: &str = "Die Fähre fährt wieder über den Fluss. Die Prüfer hörten für längere Zeit \
        nichts, später müssen sie größere Schäden.";
    const HUNGARIAN: &str = "A kőhídnál lévő kikötőből újra indul a komp. A mérnökök négy hónapig \
        javították a hajótestet, amely idősebb volt, mint a legtöbbjük. A következő felülvizsgálat \
        három év múlva lesz, akkor dől el, hogy új hajót vesznek-e a régi helyett.";

    fn encoded(text: &str, encoding: &'static Encoding) -> Vec<u8> {
        let (bytes, _, has_unmappable) = encoding.encode(text);
        assert!(!has_unmappable, "{text}");
        bytes.into_owned()
    }

    /// The start of a text up to a number of characters that are not ASCII.
    fn start(text: &str, count: usize) -> &str {
        let ends = text.char_indices().filter(|(_, c)| !c.is_ascii());
        let end = ends.map(|(at, c)| at + c.len_utf8()).nth(count - 1);
        &text[..end.expect("so many")]
    }

    #[test]
    fn each_kind_needs_its_number_of_characters() {
        for (text, encoding, least) in [
            (KOREAN, EUC_KR, MIN_WIDE_CHARS),
            (RUSSIAN, encoding_rs::WINDOWS_1251, MIN_LETTERS),
            (FRENCH, WINDOWS_1252, MIN_LATIN_CHARS),
            (GERMAN, WINDOWS_1252, MIN_AGREED_CHARS),
        ] {
            let enough = encoded(start(text, least), encoding);
            assert_eq!(detect(&enough), Told::Guessed(Charset(encoding)), "{text}");
            let short = encoded(start(text, least - 1), encoding);
            assert_eq!(detect(&short), Told::Unknown, "{text}");
        }
    }

    #[test]
    fn utf8_among_the_bytes_makes_them_unsure() {
        let letters = encoded(start(RUSSIAN, MIN_LETTERS), encoding_rs::WINDOWS_1251);
        let (chars, bad_pieces) = utf8_pieces(&letters);
        let room = bad_pieces / BAD_PIECES_A_LETTER - chars;
        let with = |count: usize| [&letters[..], " é".repeat(count).as_bytes()].concat();
        assert!(is_sure(&with(0), encoding_rs::WINDOWS_1251));
        assert!(is_sure(&with(room), encoding_rs::WINDOWS_1251));
        assert!(!is_sure(&with(room + 1), encoding_rs::WINDOWS_1251));
    }

    #[test]
    fn ten_characters_a_bad_piece_are_nearly_utf8() {
        let page = |chars: usize| [&"é".repeat(chars).into_bytes()[..], b" caf\xe9 "].concat();
        assert_eq!(detect(&page(CHARS_A_BAD_PIECE)), Told::Utf8);
        assert_eq!(detect(&page(CHARS_A_BAD_PIECE - 1)), Told::Unknown);
    }

    #[test]
    fn a_character_that_no_text_has_makes_bytes_unsure() {
        let text = encoded(FRENCH, WINDOWS_1252);
        assert!(is_sure(&text, WINDOWS_1252));
        for odd in [&b"\x81"[..], b"\x01", b"\x7f"] {
            assert!(
                !is_sure(&[&text[..], odd].concat(), WINDOWS_1252),
                "{odd:?}"
            );
        }
        assert!(!is_sure(&encoded(KOREAN, EUC_KR)[1..], EUC_KR));
    }

    #[test]
    fn hungarian_is_not_taken_for_western() {
        let text = encoded(HUNGARIAN, WINDOWS_1250);
        let as_western = WINDOWS_1252.decode_without_bom_handling(&text).0;
        assert!(is_hardly_western(&as_western) && !is_hardly_western(FRENCH));
        let told = detect(&text);
        assert!([Told::Unknown, Told::Guessed(Charset(WINDOWS_1250))].contains(&told));
    }

    #[test]
    fn utf16_is_told_by_where_its_nuls_stand() {
        let units = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>()
        };
        let wide = |text: &str| utf16_without_mark(&units(text));
        assert_eq!(wide("a tide"), Some(UTF_16LE));
        assert_eq!(wide("a ti"), Some(UTF_16LE));
        assert_eq!(wide("a t"), None);
        assert_eq!(utf16_without_mark(&units("a tide")[1..11]), Some(UTF_16BE));
        // One space in 25 characters is one NUL in 50 bytes.
        let page = |chars: usize| "나".repeat(chars) + " ";
        assert_eq!(wide(&page(24)), Some(UTF_16LE));
        assert_eq!(wide(&page(25)), None);
        assert_eq!(wide(&page(15)), Some(UTF_16LE));
        assert_eq!(wide(&page(14)), None);
        assert_eq!(wide("가나다 \u{e000} 가나다라마바사아자차카타"), None);
        assert_eq!(
            utf16_without_mark(b"text with a \0 in it, which is no UTF-16"),
            None
        );
        assert_eq!(utf16_without_mark(b"a\0b\0c\0\0\xd8d\0"), None);
    }
}
