//! One line's bytes in, its shape out: counts and character classes, no opinion.
//!
//! One pass over the bytes. Nothing here knows a language: no word lists, and scripts
//! without spaces between words are measured by their characters.

use crate::normalize::{ascii_length, decode};
use crate::simd::masks::{BLOCK_BYTES, Masks, masks};

/// What the first or last visible character of a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum CharClass {
    /// A letter with case, lower.
    Lower,
    /// A letter with case, upper.
    Upper,
    /// A letter of a script without case: Han, Hangul, Kana, Arabic, Thai.
    Uncased,
    /// A digit of any script.
    Digit,
    /// Ends a sentence: . ! ? 。 ؟ ।
    Stop,
    /// An ellipsis, as one character or as dots.
    Ellipsis,
    /// , ; 、 ،
    Comma,
    /// A colon.
    Colon,
    /// A quotation mark.
    Quote,
    /// An opening or closing bracket.
    Bracket,
    /// A hyphen, dash or bullet.
    Dash,
    /// Any other visible character, and bytes that are not UTF-8.
    #[default]
    Symbol,
}

impl CharClass {
    /// The number of classes.
    pub const COUNT: usize = 12;
}

/// Counts over one line. Characters, not bytes, unless the name says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LineShape {
    /// Width on a terminal: two columns for East Asian wide characters, else one; a run
    /// of white space is as wide as its characters.
    pub columns: u32,
    /// Words between white space, and half a word for each letter of a script that puts
    /// no space between words.
    pub words: u32,
    /// Letters with and without case.
    pub letters: u32,
    /// Upper-case letters.
    pub upper: u32,
    /// Digits.
    pub digits: u32,
    /// Words that begin with an upper-case letter.
    pub capitalized_words: u32,
    /// Sentence ends inside the line: a stop with white space behind it (none is needed
    /// behind a fullwidth stop).
    pub inner_stops: u32,
    /// Commas and semicolons.
    pub commas: u32,
    /// Visible characters that are not letters, digits, stops, commas, quotes or hyphens.
    pub symbols: u32,
    /// Columns that letters take; wide letters count two.
    pub letter_columns: u32,
    /// The first visible character.
    pub first: CharClass,
    /// The last visible character; closing quotes and brackets behind a stop are passed over.
    pub last: CharClass,
    /// Whether the line holds an at sign inside a word, `://` or `www.`.
    pub has_address: bool,
    /// Whether the line holds ©, ® or ™.
    pub has_legal_mark: bool,
}

impl LineShape {
    /// Whether most letters are two columns wide: Han, Kana, Hangul.
    pub fn is_wide(&self) -> bool {
        self.letter_columns * 2 > self.letters * 3
    }

    /// The share of the columns that letters take, in `[0,1]`.
    pub fn letter_share(&self) -> f32 {
        self.letter_columns as f32 / self.columns.max(1) as f32
    }
}

/// What stands before a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Other,
    Space,
    Stop,
}

impl Before {
    fn of_ascii(byte: u8) -> Self {
        match byte {
            b' ' | b'\t'..=b'\r' => Before::Space,
            b'.' | b'!' | b'?' => Before::Stop,
            _ => Before::Other,
        }
    }
}

/// What a character outside ASCII counts as.
#[derive(Clone, Copy)]
enum Wide {
    Space,
    Letter {
        class: CharClass,
        is_wide: bool,
        /// Half-words: 1 for scripts written without spaces.
        unspaced: u32,
    },
    Digit,
    Mark(CharClass),
    /// Combining marks and characters without width.
    Zero,
}

const LOWER: Wide = Wide::Letter {
    class: CharClass::Lower,
    is_wide: false,
    unspaced: 0,
};
const UPPER: Wide = Wide::Letter {
    class: CharClass::Upper,
    is_wide: false,
    unspaced: 0,
};

fn classify(c: char) -> Wide {
    match c {
        '\u{ac00}'..='\u{d7a3}' => Wide::Letter {
            class: CharClass::Uncased,
            is_wide: true,
            unspaced: 0,
        },
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{3041}'..='\u{30ff}'
            if c != '・' =>
        {
            Wide::Letter {
                class: CharClass::Uncased,
                is_wide: true,
                unspaced: 1,
            }
        }
        // Ahead of the general rule, the letters that most text outside ASCII is made of.
        'ß'..='ö' | 'ø'..='ÿ' | 'ά'..='ώ' | 'а'..='џ' => LOWER,
        'À'..='Ö' | 'Ø'..='Þ' | 'Α'..='Ρ' | 'Τ'..='Ω' | 'Ѐ'..='Я' => UPPER,
        '。' | '！' | '？' | '．' | '؟' | '۔' | '।' | '॥' | '։' | '။' | '።' | '｡' => {
            Wide::Mark(CharClass::Stop)
        }
        '…' | '⋯' => Wide::Mark(CharClass::Ellipsis),
        '、' | '，' | '；' | '،' | '؛' | '､' => Wide::Mark(CharClass::Comma),
        '：' => Wide::Mark(CharClass::Colon),
        '«' | '»' | '‘'..='‟' | '‹' | '›' | '「'..='』' | '〝'..='〟' => {
            Wide::Mark(CharClass::Quote)
        }
        '（' | '）' | '［' | '］' | '【' | '】' | '〈'..='》' | '〔' | '〕' => {
            Wide::Mark(CharClass::Bracket)
        }
        '‐'..='―' | '−' | '•' | '·' | '・' | '●' | '■' | '▪' | '◦' | '‣' | '※' => {
            Wide::Mark(CharClass::Dash)
        }
        '０'..='９' => Wide::Digit,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{300}'..='\u{36f}' => Wide::Zero,
        _ if c.is_whitespace() => Wide::Space,
        _ if c.is_lowercase() => Wide::Letter {
            class: CharClass::Lower,
            is_wide: matches!(c, 'ａ'..='ｚ'),
            unspaced: 0,
        },
        _ if c.is_uppercase() => Wide::Letter {
            class: CharClass::Upper,
            is_wide: matches!(c, 'Ａ'..='Ｚ'),
            unspaced: 0,
        },
        _ if c.is_alphabetic() => Wide::Letter {
            class: CharClass::Uncased,
            is_wide: matches!(c, '\u{1100}'..='\u{115f}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3fffd}'),
            // Thai, Lao, Myanmar, Khmer; Han beyond the first plane.
            unspaced: u32::from(
                matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{20000}'..='\u{3fffd}'),
            ),
        },
        _ if c.is_numeric() => Wide::Digit,
        _ => Wide::Mark(CharClass::Symbol),
    }
}

fn ascii_class(byte: u8) -> CharClass {
    match byte {
        b'a'..=b'z' => CharClass::Lower,
        b'A'..=b'Z' => CharClass::Upper,
        b'0'..=b'9' => CharClass::Digit,
        b'.' | b'!' | b'?' => CharClass::Stop,
        b',' | b';' => CharClass::Comma,
        b':' => CharClass::Colon,
        b'"' | b'\'' => CharClass::Quote,
        b'(' | b')' | b'[' | b']' | b'{' | b'}' => CharClass::Bracket,
        b'-' | b'*' => CharClass::Dash,
        _ => CharClass::Symbol,
    }
}

/// Class of a character; None for white space and what has no width.
fn char_class(c: char) -> Option<CharClass> {
    if c.is_ascii() {
        return (!c.is_ascii_whitespace() && c != '\u{b}').then(|| ascii_class(c as u8));
    }
    match classify(c) {
        Wide::Space | Wide::Zero => None,
        Wide::Letter { class, .. } | Wide::Mark(class) => Some(class),
        Wide::Digit => Some(CharClass::Digit),
    }
}

fn first_class(line: &[u8]) -> CharClass {
    let mut rest = line;
    while !rest.is_empty() {
        let (decoded, length_bytes) = decode(rest);
        match decoded.map(char_class) {
            Some(None) => rest = &rest[length_bytes..],
            Some(Some(class)) => return class,
            None => return CharClass::Symbol,
        }
    }
    CharClass::Symbol
}

fn last_class(line: &[u8]) -> CharClass {
    let mut rest = line;
    let mut closing = None;
    while !rest.is_empty() {
        let (decoded, length_bytes) = bstr::decode_last_utf8(rest);
        rest = &rest[..rest.len() - length_bytes];
        match decoded.map(char_class) {
            Some(None) => {}
            Some(Some(class @ (CharClass::Quote | CharClass::Bracket))) => {
                closing.get_or_insert(class);
            }
            Some(Some(CharClass::Stop)) => {
                let is_dotted = rest.ends_with(b"..");
                return if is_dotted {
                    CharClass::Ellipsis
                } else {
                    CharClass::Stop
                };
            }
            Some(Some(class)) => return closing.unwrap_or(class),
            None => return closing.unwrap_or(CharClass::Symbol),
        }
    }
    closing.unwrap_or(CharClass::Symbol)
}

/// Measures a line that is not blank.
///
/// Linear time, no allocation.
pub fn measure(line: &[u8]) -> LineShape {
    let mut shape = LineShape {
        first: first_class(line),
        last: last_class(line),
        ..LineShape::default()
    };
    let mut before = Before::Space;
    let mut half_words = 0;
    let mut wide_columns = 0;
    let mut uncased = 0;
    let mut wide_letter_columns = 0;
    let mut at = 0;
    while at < line.len() {
        let ascii = &line[at..at + ascii_length(&line[at..])];
        before = shape.add_ascii(ascii, before);
        at += ascii.len();
        while let Some(&byte) = line.get(at) {
            if byte.is_ascii() {
                // One character between others, a space mostly, is not worth a stretch.
                if line.get(at + 1).is_none_or(u8::is_ascii) {
                    break;
                }
                before = shape.add_byte(byte, before);
                shape.columns += 1;
                at += 1;
                continue;
            }
            let (decoded, length_bytes) = decode(&line[at..]);
            at += length_bytes;
            let kind = decoded.map_or(Wide::Mark(CharClass::Symbol), classify);
            let begins_word = before == Before::Space;
            match kind {
                Wide::Zero => continue,
                Wide::Space => {
                    shape.inner_stops += u32::from(before == Before::Stop);
                    wide_columns += 1;
                    before = Before::Space;
                    continue;
                }
                Wide::Letter {
                    class,
                    is_wide,
                    unspaced,
                } => {
                    let columns = 1 + u32::from(is_wide);
                    wide_columns += columns;
                    wide_letter_columns += columns;
                    half_words += unspaced;
                    uncased += 1;
                    shape.upper += u32::from(class == CharClass::Upper);
                    shape.capitalized_words += u32::from(begins_word && class == CharClass::Upper);
                    before = Before::Other;
                }
                Wide::Digit => {
                    shape.digits += 1;
                    wide_columns += 1;
                    before = Before::Other;
                }
                Wide::Mark(class) => {
                    wide_columns += 1 + u32::from(matches!(decoded, Some('\u{3000}'..='\u{ffef}')));
                    before = Before::Other;
                    match class {
                        CharClass::Stop if at < line.len() => shape.inner_stops += 1,
                        CharClass::Comma => shape.commas += 1,
                        CharClass::Symbol | CharClass::Bracket | CharClass::Colon => {
                            shape.symbols += 1;
                        }
                        _ => {}
                    }
                    shape.has_legal_mark |= matches!(decoded, Some('©' | '®' | '™' | 'ⓒ'));
                }
            }
            shape.words += u32::from(begins_word);
        }
    }
    shape.words += half_words / 2;
    shape.letter_columns = shape.letters + wide_letter_columns;
    shape.letters += uncased;
    shape.columns += wide_columns;
    shape.has_address = shape.symbols > 0 && has_address(line) || has_www(line);
    shape
}

/// Stretches of at most this many bytes go byte by byte.
const SHORT_BYTES: usize = 12;

impl LineShape {
    /// Adds one ASCII byte: for stretches too short for a block, such as the space between
    /// two words of Hangul.
    #[inline]
    fn add_byte(&mut self, byte: u8, before: Before) -> Before {
        let here = Before::of_ascii(byte);
        let begins_word = before == Before::Space && here != Before::Space;
        self.words += u32::from(begins_word);
        self.inner_stops += u32::from(before == Before::Stop && here == Before::Space);
        match byte {
            b'a'..=b'z' => self.letters += 1,
            b'A'..=b'Z' => {
                self.letters += 1;
                self.upper += 1;
                self.capitalized_words += u32::from(begins_word);
            }
            b'0'..=b'9' => self.digits += 1,
            b',' | b';' => self.commas += 1,
            b'\'' | b'"' | b'-' => {}
            _ => self.symbols += u32::from(here == Before::Other),
        }
        here
    }

    /// Adds a stretch of ASCII; `before` and the result are what stands before and at its end.
    fn add_ascii(&mut self, ascii: &[u8], mut before: Before) -> Before {
        self.columns += ascii.len() as u32;
        if ascii.len() <= SHORT_BYTES {
            return ascii
                .iter()
                .fold(before, |before, &byte| self.add_byte(byte, before));
        }
        let (blocks, rest) = ascii.as_chunks::<BLOCK_BYTES>();
        for block in blocks {
            self.add_block(block, BLOCK_BYTES, before);
            before = Before::of_ascii(block[BLOCK_BYTES - 1]);
        }
        if let Some(&last) = rest.last() {
            let mut block = [0; BLOCK_BYTES];
            block[..rest.len()].copy_from_slice(rest);
            self.add_block(&block, rest.len(), before);
            before = Before::of_ascii(last);
        }
        before
    }

    /// Adds the first `length` bytes of a block, all ASCII.
    #[inline]
    fn add_block(&mut self, block: &[u8; BLOCK_BYTES], length: usize, before: Before) {
        let Masks {
            lower,
            upper,
            digit,
            space,
            stop,
            comma,
            plain,
        } = masks(block);
        let taken = u64::MAX >> (BLOCK_BYTES - length);
        let after_space = space << 1 | u64::from(before == Before::Space);
        let after_stop = stop << 1 | u64::from(before == Before::Stop);
        let known = lower | upper | digit | space | stop | comma | plain;
        self.upper += upper.count_ones();
        self.letters += (lower | upper).count_ones();
        self.digits += digit.count_ones();
        self.commas += comma.count_ones();
        self.symbols += (taken & !known).count_ones();
        self.words += (taken & after_space & !space).count_ones();
        self.capitalized_words += (after_space & upper).count_ones();
        self.inner_stops += (after_stop & space).count_ones();
    }
}

fn has_www(line: &[u8]) -> bool {
    line.len() > 4 && (line.starts_with(b"www.") || line.starts_with(b"WWW."))
}

/// An at sign between letters or digits, or `://`.
fn has_address(line: &[u8]) -> bool {
    memchr::memchr2_iter(b'@', b':', line).any(|at| match line[at] {
        b'@' => {
            at > 0
                && line[at - 1].is_ascii_alphanumeric()
                && line.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
        }
        _ => line[at..].starts_with(b"://"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(line: &str) -> LineShape {
        measure(line.as_bytes())
    }

    #[test]
    fn counts_an_english_sentence() {
        let got = shape("The ferry left at 9:40, late. Nobody (but Ann) minded!");
        assert_eq!(got.words, 10);
        assert_eq!((got.capitalized_words, got.upper), (3, 3));
        assert_eq!((got.inner_stops, got.commas, got.digits), (1, 1, 3));
    }

    #[test]
    fn first_and_last_see_through_space_and_closing_marks() {
        for (line, first, last) in [
            ("  He said “no.” ", CharClass::Upper, CharClass::Stop),
            ("He left (at last.)", CharClass::Upper, CharClass::Stop),
            ("(0/250)", CharClass::Bracket, CharClass::Bracket),
            ("and so on...", CharClass::Lower, CharClass::Ellipsis),
            ("그는 말했다.", CharClass::Uncased, CharClass::Stop),
            ("他说。", CharClass::Uncased, CharClass::Stop),
            ("• Red scarf", CharClass::Dash, CharClass::Lower),
            ("Read more…", CharClass::Upper, CharClass::Ellipsis),
            ("12 items:", CharClass::Digit, CharClass::Colon),
        ] {
            let got = shape(line);
            assert_eq!((got.first, got.last), (first, last), "{line:?}");
        }
    }

    #[test]
    fn scripts_without_spaces_count_half_a_word_a_letter() {
        assert_eq!(shape("今天天气很好").words, 1 + 3);
        assert_eq!(shape("오늘 날씨가 좋다").words, 3);
        assert_eq!(shape("今天天气很好").columns, 12);
    }

    #[test]
    fn stretches_can_be_cut_anywhere() {
        let text = b"Dr. No, 12 (at 9:40)! \t\x0bA-b; 'c' Ends. Then? yes  x,Y.\x01 z".repeat(3);
        let mut whole = LineShape::default();
        whole.add_ascii(&text, Before::Space);
        for at in 0..text.len() {
            let (front, behind) = text.split_at(at);
            let mut parts = LineShape::default();
            let before = parts.add_ascii(front, Before::Space);
            parts.add_ascii(behind, before);
            assert_eq!(parts, whole, "{at}");
        }
    }

    #[test]
    fn counters_hold_past_their_flush() {
        let long = "word, ".repeat(1000);
        let got = shape(&long);
        assert_eq!((got.words, got.commas, got.letters), (1000, 1000, 4000));
        assert_eq!(got.columns as usize, long.len());
    }

    #[test]
    fn sees_addresses_and_legal_marks() {
        assert!(shape("mail ann@example.org now").has_address);
        assert!(shape("https://example.org").has_address);
        assert!(shape("www.example.org").has_address);
        assert!(!shape("at 10:30 @ the pier").has_address);
        assert!(shape("© 2026 Harbor").has_legal_mark);
    }

    #[test]
    fn letters_have_the_case_that_the_standard_library_says() {
        let is_combining = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
        let letters = ('\u{80}'..='\u{52f}').filter(|c| c.is_alphabetic() && !is_combining(c));
        for c in letters {
            let expected = if c.is_lowercase() {
                CharClass::Lower
            } else if c.is_uppercase() {
                CharClass::Upper
            } else {
                CharClass::Uncased
            };
            assert_eq!(char_class(c), Some(expected), "{c:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_symbols() {
        let got = measure(b"ab\xff\xfe cd");
        assert_eq!((got.symbols, got.words, got.letters), (2, 2, 4));
    }
}
