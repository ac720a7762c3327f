//! One line's bytes in, its shape out: counts and character classes, no opinion.
//!
//! One pass over the bytes. Nothing here knows a language: no word lists, and scripts
//! without spaces between words are measured by their characters.

use std::ops::Range;

use crate::normalize::decode;
use crate::simd::masks::{BLOCK_BYTES, Masks, masks, with_block};
use crate::simd::widest;

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

/// What a character outside ASCII is to those beside it.
enum Joins {
    Space,
    /// Nothing: behind it stands what stood before it.
    Same,
    Word {
        is_capital: bool,
    },
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
    if let Some(first @ b'!'..=b'~') = line.first() {
        return ascii_class(*first);
    }
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
    if let Some(last @ (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')) = line.last() {
        return ascii_class(*last);
    }
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
    measure_front(line, line.len())
}

/// Measures some lines of a page, none of them blank.
///
/// Kept whole, so that profiles show it.
#[inline(never)]
pub(crate) fn measure_all(
    page: &[u8],
    lines: impl ExactSizeIterator<Item = Range<usize>>,
    shapes: &mut Vec<LineShape>,
) {
    shapes.reserve(lines.len());
    widest(
        #[inline(always)]
        || {
            for line in lines {
                shapes.push(measure_front(&page[line.start..], line.len()));
            }
        },
    );
}

/// Measures the first bytes; what stands behind them changes nothing, but spares a copy.
#[inline(always)]
fn measure_front(bytes: &[u8], length: usize) -> LineShape {
    let line = &bytes[..length];
    let mut counts = Counts::of_ends(line);
    let mut before = Before::Space;
    let mut taken = 0;
    let mut at = 0;
    while at < length {
        let behind = &bytes[at..];
        let most = BLOCK_BYTES.min(length - at);
        let masks = with_block(behind, |block| masks(block, most));
        (before, taken) = counts.add_block(masks, line, at, before, taken);
        at += BLOCK_BYTES;
    }
    counts.sum_up(line)
}

/// Counts over a line, characters outside ASCII apart where they count otherwise.
#[derive(Default)]
struct Counts {
    shape: LineShape,
    half_words: u32,
    columns: u32,
    uncased: u32,
    letter_columns: u32,
}

impl Counts {
    /// What the first and the last character of a line are, nothing counted yet.
    #[inline(always)]
    fn of_ends(line: &[u8]) -> Self {
        Counts {
            shape: LineShape {
                first: first_class(line),
                last: last_class(line),
                ..LineShape::default()
            },
            ..Counts::default()
        }
    }

    /// Adds the line's bytes from `at` on, as many as a block holds, but not those before
    /// `taken`: they belong to a character that began in the block before. What stands before the
    /// next block, and where the next character begins.
    #[inline(always)]
    fn add_block(
        &mut self,
        masks: Masks,
        line: &[u8],
        at: usize,
        before: Before,
        taken: usize,
    ) -> (Before, usize) {
        let Masks {
            lower,
            upper,
            digit,
            mut space,
            mut stop,
            comma,
            plain,
            address,
            wide,
            mut small,
            mut hangul,
            mut han,
        } = masks;
        let length = (line.len() - at).min(BLOCK_BYTES);
        let in_line = u64::MAX >> (BLOCK_BYTES - length);
        let ascii = in_line & !wide;
        let known = lower | upper | digit | space | stop | comma | plain;
        let shape = &mut self.shape;
        shape.columns += ascii.count_ones();
        shape.upper += (ascii & upper).count_ones();
        shape.letters += (ascii & (lower | upper)).count_ones();
        shape.digits += (ascii & digit).count_ones();
        shape.commas += (ascii & comma).count_ones();
        shape.symbols += (ascii & !known).count_ones();
        let mut signs = address & ascii;
        while signs != 0 {
            shape.has_address |= is_address(line, at + signs.trailing_zeros() as usize);
            signs &= signs - 1;
        }
        space &= ascii;
        stop &= ascii;
        // Characters outside ASCII join the masks: a space as spaces, what has no width as what
        // stands before it, all else as nothing.
        let mut taken = taken.max(at);
        let mut capital = upper & ascii;
        let mut first = ascii;
        if taken > at {
            let bits = u64::MAX >> (BLOCK_BYTES - (taken - at));
            match before {
                Before::Space => space |= bits,
                Before::Stop => stop |= bits,
                Before::Other => {}
            }
        }
        // Letters that the block knows need not be looked at one by one.
        small &= in_line >> 1;
        hangul &= in_line >> 2;
        han &= in_line >> 2;
        let broad = hangul | han;
        let letters = small | broad;
        self.uncased += letters.count_ones();
        self.half_words += han.count_ones();
        let columns = small.count_ones() + 2 * broad.count_ones();
        self.columns += columns;
        self.letter_columns += columns;
        first |= letters;
        let looked_at = letters | letters << 1 | broad << 2;
        let mut left = wide & in_line & !looked_at;
        loop {
            left &= u64::MAX.checked_shl((taken - at) as u32).unwrap_or(0);
            if left == 0 {
                break;
            }
            let place = left.trailing_zeros();
            let here = at + place as usize;
            let (decoded, length_bytes) = decode(&line[here..]);
            taken = here + length_bytes;
            let bits = (u64::MAX >> (BLOCK_BYTES - length_bytes)) << place;
            match self.add_wide(decoded, taken < line.len()) {
                Joins::Space => space |= bits,
                Joins::Same => {
                    for (mask, class) in [(&mut space, Before::Space), (&mut stop, Before::Stop)] {
                        let behind = *mask << 1 | u64::from(before == class);
                        if behind >> place & 1 == 1 {
                            *mask |= bits;
                        }
                    }
                }
                Joins::Word { is_capital } => {
                    first |= 1 << place;
                    capital |= u64::from(is_capital) << place;
                }
            }
        }
        let after_space = space << 1 | u64::from(before == Before::Space);
        let after_stop = stop << 1 | u64::from(before == Before::Stop);
        let begins = first & after_space & !space;
        self.shape.words += begins.count_ones();
        self.shape.capitalized_words += (begins & capital).count_ones();
        self.shape.inner_stops += (after_stop & space).count_ones();
        let last = length - 1;
        let before = if space >> last & 1 == 1 {
            Before::Space
        } else if stop >> last & 1 == 1 {
            Before::Stop
        } else {
            Before::Other
        };
        (before, taken)
    }

    /// The line's shape, once all of it was added.
    fn sum_up(self, line: &[u8]) -> LineShape {
        let Counts {
            mut shape,
            half_words,
            columns,
            uncased,
            letter_columns,
        } = self;
        shape.words += half_words / 2;
        shape.letter_columns = shape.letters + letter_columns;
        shape.letters += uncased;
        shape.columns += columns;
        shape.has_address |= has_www(line);
        shape
    }

    /// Adds a character outside ASCII, None being bytes that are not UTF-8. `is_inside` says that
    /// something stands behind it.
    #[inline(always)]
    fn add_wide(&mut self, decoded: Option<char>, is_inside: bool) -> Joins {
        let mut is_capital = false;
        match decoded.map_or(Wide::Mark(CharClass::Symbol), classify) {
            Wide::Zero => return Joins::Same,
            Wide::Space => {
                self.columns += 1;
                return Joins::Space;
            }
            Wide::Letter {
                class,
                is_wide,
                unspaced,
            } => {
                let columns = 1 + u32::from(is_wide);
                self.columns += columns;
                self.letter_columns += columns;
                self.half_words += unspaced;
                self.uncased += 1;
                is_capital = class == CharClass::Upper;
                self.shape.upper += u32::from(is_capital);
            }
            Wide::Digit => {
                self.shape.digits += 1;
                self.columns += 1;
            }
            Wide::Mark(class) => {
                self.columns += 1 + u32::from(matches!(decoded, Some('\u{3000}'..='\u{ffef}')));
                match class {
                    CharClass::Stop if is_inside => self.shape.inner_stops += 1,
                    CharClass::Comma => self.shape.commas += 1,
                    CharClass::Symbol | CharClass::Bracket | CharClass::Colon => {
                        self.shape.symbols += 1;
                    }
                    _ => {}
                }
                self.shape.has_legal_mark |= matches!(decoded, Some('©' | '®' | '™' | 'ⓒ'));
            }
        }
        Joins::Word { is_capital }
    }
}

fn has_www(line: &[u8]) -> bool {
    line.len() > 4 && (line.starts_with(b"www.") || line.starts_with(b"WWW."))
}

/// Whether here is an at sign between letters or digits, or `://`.
#[inline]
fn is_address(line: &[u8], at: usize) -> bool {
    let is_inside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    match line[at] {
        b'@' => is_inside(line[..at].last()) && is_inside(line.get(at + 1)),
        _ => line[at..].starts_with(b"://"),
    }
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

    /// A character after the other.
    fn naive(line: &[u8]) -> LineShape {
        let mut counts = Counts::of_ends(line);
        let mut before = Before::Space;
        let mut rest = line;
        while let Some(&byte) = rest.first() {
            let (decoded, length_bytes) = decode(rest);
            rest = &rest[length_bytes..];
            let joins = if byte.is_ascii() {
                let shape = &mut counts.shape;
                shape.columns += 1;
                shape.letters += u32::from(byte.is_ascii_alphabetic());
                shape.upper += u32::from(byte.is_ascii_uppercase());
                shape.digits += u32::from(byte.is_ascii_digit());
                shape.commas += u32::from(matches!(byte, b',' | b';'));
                let is_plain = matches!(byte, b'\'' | b'"' | b'-' | b',' | b';');
                let is_space = matches!(byte, b' ' | b'\t'..=b'\r');
                let is_stop = matches!(byte, b'.' | b'!' | b'?');
                let is_known = is_plain || is_space || is_stop || byte.is_ascii_alphanumeric();
                shape.symbols += u32::from(!is_known);
                match is_space {
                    true => Joins::Space,
                    false => Joins::Word {
                        is_capital: byte.is_ascii_uppercase(),
                    },
                }
            } else {
                counts.add_wide(decoded, !rest.is_empty())
            };
            let shape = &mut counts.shape;
            match joins {
                Joins::Same => continue,
                Joins::Space => {
                    shape.inner_stops += u32::from(before == Before::Stop);
                    before = Before::Space;
                }
                Joins::Word { is_capital } => {
                    let begins = before == Before::Space;
                    shape.words += u32::from(begins);
                    shape.capitalized_words += u32::from(begins && is_capital);
                    before = match byte {
                        b'.' | b'!' | b'?' => Before::Stop,
                        _ => Before::Other,
                    };
                }
            }
        }
        counts.sum_up(line)
    }

    #[test]
    fn blocks_and_characters_count_alike_wherever_a_line_begins_and_ends() {
        let text = "Dr. No, 12 (at 9:40)!\u{a0}A-b;\u{200b} 'c' Ends.\u{200b} Then? yes  x,Y.\x01 z                     Äpfel\u{3000}\u{200b}Öl. 東京。とうきょう！ Ѐ ÀB ©１\u{301}\u{20000} 좋다.\u{2003}É";
        let mut text = text.repeat(2).into_bytes();
        text.extend_from_slice(b" \xff\xc3 .\xe2\x82 A\xf0\x9f\x98. B");
        for at in 0..text.len() {
            for line in [&text[at..], &text[..text.len() - at]] {
                assert_eq!(measure(line), naive(line), "{at}");
                // What stands behind a line is no part of it.
                assert_eq!(measure_front(&text[at..], 1), naive(&text[at..=at]), "{at}");
                let length = line.len() / 2 + 1;
                let front = measure_front(line, length);
                assert_eq!(front, naive(&line[..length]), "{at}");
            }
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
