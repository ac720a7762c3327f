//! Step one: a line's shape and words in, its codes out. No neighbours.
//!
//! The observations it rests on: running text is long, ends in a stop, holds commas and
//! stops inside, and is mostly lower-case letters (Kohlschütter 2010: words, density;
//! Raffel 2020: terminal punctuation; Pomikálek 2011: length). Page furniture is short,
//! capitalised, full of digits and symbols, ends in a letter, and says what furniture says.

use super::codes::{EVEN, count, fraction, likelihood, logit, ratio, share};
use super::forest::{BLOCK_LINES, Row};
use super::lexical::{Lexical, Of, WordFacts};
use crate::shape::{CharClass, LineShape};

/// The features, in the order of their columns.
pub const FEATURES: [&str; COUNT] = [
    "words",
    "columns",
    "letters",
    "share of letters",
    "upper case",
    "digits",
    "share of digits",
    "capitalised words",
    "sentences inside",
    "commas",
    "commas a word",
    "symbols",
    "share of symbols",
    "beginning",
    "ending",
    "address or legal mark",
    "letters a word",
    "width of letters",
    "longest word",
    "short words",
    "words with digits",
    "words said again",
    "what its words say",
    "what its words say of lines behind",
    "what its words say of lines before",
    "what its words say of comments",
    "known words",
];

/// Number of features.
pub const COUNT: usize = 27;
/// Where the codes of what its words say stand.
pub(super) const LEXICAL: usize = 22;

/// Character classes in an order by which furniture and text part.
pub(super) fn class_code(class: CharClass) -> u8 {
    const STEP: u8 = 20;
    let place = match class {
        CharClass::Symbol => 0,
        CharClass::Bracket => 1,
        CharClass::Dash => 2,
        CharClass::Colon => 3,
        CharClass::Digit => 4,
        CharClass::Upper => 5,
        CharClass::Uncased => 6,
        CharClass::Lower => 7,
        CharClass::Comma => 8,
        CharClass::Ellipsis => 9,
        CharClass::Quote => 10,
        CharClass::Stop => 11,
    };
    place * STEP
}

/// A number of each line of a block.
type Lanes = [u32; BLOCK_LINES];

/// A number of each.
#[inline(always)]
fn lanes<T>(lines: &[T; BLOCK_LINES], of: impl Fn(&T) -> u32) -> Lanes {
    let mut lanes = [0; BLOCK_LINES];
    for (lane, line) in lanes.iter_mut().zip(lines) {
        *lane = of(line);
    }
    lanes
}

/// Fills the rows of the line alone for the lines of a block, all of them at once: as many as there
/// are; what stands behind the last means nothing.
#[inline(always)]
pub(super) fn fill(rows: &mut [Row], shapes: &[LineShape], words: &[Lexical], is_known: bool) {
    let whole = shapes.first_chunk().zip(words.first_chunk());
    match whole {
        Some((shapes, words)) => fill_block(rows, shapes, words, is_known),
        None => {
            let mut room = ([LineShape::default(); _], [Lexical::default(); _]);
            room.0[..shapes.len()].copy_from_slice(shapes);
            room.1[..words.len()].copy_from_slice(words);
            fill_block(rows, &room.0, &room.1, is_known);
        }
    }
}

/// One row for each of [`FEATURES`]. On a page whose words are mostly unknown it means nothing what
/// they say, so nothing is said.
#[inline(always)]
fn fill_block(
    rows: &mut [Row],
    shapes: &[LineShape; BLOCK_LINES],
    lexicals: &[Lexical; BLOCK_LINES],
    is_known: bool,
) {
    let shape = |of: fn(&LineShape) -> u32| lanes(shapes, of);
    let fact = |of: fn(&WordFacts) -> u32| lanes(lexicals, |lexical| of(&lexical.facts));
    let words = shape(|shape| shape.words);
    let columns = shape(|shape| shape.columns);
    let letters = shape(|shape| shape.letters);
    let letter_columns = shape(|shape| shape.letter_columns);
    let digits = shape(|shape| shape.digits);
    let commas = shape(|shape| shape.commas);
    let symbols = shape(|shape| shape.symbols);
    let read_words = fact(|facts| facts.words);
    let mut rows = rows.iter_mut();
    let mut next = || rows.next().expect("a row for each feature");
    counts(next(), &words);
    counts(next(), &columns);
    counts(next(), &letters);
    shares(next(), &letter_columns, &columns);
    let mut cased = letters;
    for (cased, &columns) in cased.iter_mut().zip(&letter_columns) {
        *cased = (*cased).min(columns);
    }
    shares(next(), &shape(|shape| shape.upper), &cased);
    counts(next(), &digits);
    let mut both = letters;
    for (both, &digits) in both.iter_mut().zip(&digits) {
        *both += digits;
    }
    shares(next(), &digits, &both);
    shares(next(), &shape(|shape| shape.capitalized_words), &words);
    counts(next(), &shape(|shape| shape.inner_stops));
    counts(next(), &commas);
    shares(next(), &commas, &words);
    counts(next(), &symbols);
    shares(next(), &symbols, &columns);
    for of in [
        |shape: &LineShape| class_code(shape.first),
        |shape: &LineShape| class_code(shape.last),
        |shape: &LineShape| u8::from(shape.has_address) * 2 + u8::from(shape.has_legal_mark),
    ] {
        for (code, shape) in next().iter_mut().zip(shapes) {
            *code = of(shape);
        }
    }
    let ratios = |row: &mut Row, of: &Lanes, to: &Lanes, code: fn(f32) -> u8| {
        for ((row, &of), &to) in row.iter_mut().zip(of).zip(to) {
            *row = code(ratio(of, to));
        }
    };
    ratios(next(), &letters, &words, |letters_a_word| {
        fraction(letters_a_word / 16.0)
    });
    ratios(next(), &letter_columns, &letters, |width| {
        fraction(width - 1.0)
    });
    counts(next(), &fact(|facts| facts.longest));
    shares(next(), &fact(|facts| facts.short), &read_words);
    shares(next(), &fact(|facts| facts.with_digit), &read_words);
    shares(next(), &fact(|facts| facts.again), &read_words);
    for of in [Of::Itself, Of::Behind, Of::Before, Of::Comment] {
        let row = next();
        if !is_known {
            *row = [if of == Of::Comment { 0 } else { EVEN }; BLOCK_LINES];
            continue;
        }
        let mut log_odds = [0.0; BLOCK_LINES];
        for (log_odds, lexical) in log_odds.iter_mut().zip(lexicals) {
            *log_odds = lexical.log_odds[of as usize];
        }
        for (code, log_odds) in row.iter_mut().zip(log_odds) {
            *code = match of {
                Of::Comment => fraction(likelihood(log_odds)),
                _ => logit(log_odds),
            };
        }
    }
    let known = match is_known {
        true => lanes(lexicals, |lexical| lexical.known),
        false => [0; BLOCK_LINES],
    };
    shares(next(), &known, &read_words);
}

#[inline(always)]
fn counts(row: &mut Row, numbers: &Lanes) {
    for (code, &number) in row.iter_mut().zip(numbers) {
        *code = count(number);
    }
}

#[inline(always)]
fn shares(row: &mut Row, parts: &Lanes, wholes: &Lanes) {
    for ((code, &part), &whole) in row.iter_mut().zip(parts).zip(wholes) {
        *code = share(part, whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(feature: &str) -> usize {
        let at = FEATURES.iter().position(|name| *name == feature);
        at.expect(feature)
    }

    /// Codes of some lines, a row a feature.
    fn filled(lines: &[(LineShape, Lexical)], is_known: bool) -> [Row; COUNT] {
        let (shapes, words): (Vec<_>, Vec<_>) = lines.iter().copied().unzip();
        let mut rows = [[0; BLOCK_LINES]; COUNT];
        fill(&mut rows, &shapes, &words, is_known);
        rows
    }

    fn line(number: u32) -> (LineShape, Lexical) {
        let shape = LineShape {
            columns: number * 6 + 1,
            words: number,
            letters: number * 5,
            upper: number % 3,
            letter_columns: number * 5,
            commas: number / 4,
            last: CharClass::Stop,
            has_address: number == 5,
            ..LineShape::default()
        };
        let lexical = Lexical {
            log_odds: [number as f32 / 8.0 - 2.0, -1.0, 0.5, 0.0],
            known: number / 2,
            facts: WordFacts {
                words: number,
                longest: 9,
                short: number / 3,
                ..WordFacts::default()
            },
        };
        (shape, lexical)
    }

    #[test]
    fn a_line_has_the_same_codes_wherever_in_a_block_it_stands() {
        let lines: Vec<_> = (0..BLOCK_LINES as u32).map(line).collect();
        for is_known in [true, false] {
            let all = filled(&lines, is_known);
            for (at, alone) in lines.iter().enumerate() {
                let alone = filled(&[*alone], is_known);
                for feature in 0..COUNT {
                    assert_eq!(all[feature][at], alone[feature][0], "{}", FEATURES[feature]);
                }
            }
        }
    }

    #[test]
    fn codes_say_what_the_features_are_called() {
        let (shape, lexical) = line(8);
        let rows = filled(&[(shape, lexical)], true);
        let said = |feature: &str| rows[code(feature)][0];
        assert_eq!(said("words"), count(8));
        assert_eq!(said("columns"), count(49));
        assert_eq!(said("upper case"), share(2, 40));
        assert_eq!(said("commas a word"), share(2, 8));
        assert_eq!(said("ending"), class_code(CharClass::Stop));
        assert_eq!(said("letters a word"), fraction(5.0 / 16.0));
        assert_eq!(said("short words"), share(2, 8));
        assert_eq!(said("what its words say"), logit(-1.0));
        assert_eq!(said("what its words say of comments"), fraction(0.5));
        assert_eq!(said("known words"), share(4, 8));
        // Where the page's words are not known, they say nothing.
        let rows = filled(&[(shape, lexical)], false);
        let said = |feature: &str| rows[code(feature)][0];
        assert_eq!(said("what its words say"), EVEN);
        assert_eq!(said("what its words say of comments"), 0);
        assert_eq!(said("known words"), 0);
    }
}
