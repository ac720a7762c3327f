//! Step one: a line's shape and words in, its codes out. No neighbours.
//!
//! The observations it rests on: running text is long, ends in a stop, holds commas and
//! stops inside, and is mostly lower-case letters (Kohlschütter 2010: words, density;
//! Raffel 2020: terminal punctuation; Pomikálek 2011: length). Page furniture is short,
//! capitalised, full of digits and symbols, ends in a letter, and says what furniture says.

use super::codes::{EVEN, count, fraction, likelihood, logit, share};
use super::lexical::{Lexical, Of, SPEAKS_OF};
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
/// Where codes stand that the page may take back.
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

/// One code for each feature.
pub(super) fn codes(shape: &LineShape, lexical: &Lexical) -> [u8; COUNT] {
    let words = &lexical.facts;
    let cased = shape.letters.min(shape.letter_columns);
    let letters_a_word = shape.letters as f32 / shape.words.max(1) as f32;
    let width = shape.letter_columns as f32 / shape.letters.max(1) as f32 - 1.0;
    [
        count(shape.words),
        count(shape.columns),
        count(shape.letters),
        share(shape.letter_columns, shape.columns),
        share(shape.upper, cased),
        count(shape.digits),
        share(shape.digits, shape.digits + shape.letters),
        share(shape.capitalized_words, shape.words),
        count(shape.inner_stops),
        count(shape.commas),
        share(shape.commas, shape.words),
        count(shape.symbols),
        share(shape.symbols, shape.columns),
        class_code(shape.first),
        class_code(shape.last),
        u8::from(shape.has_address) * 2 + u8::from(shape.has_legal_mark),
        fraction(letters_a_word / 16.0),
        fraction(width),
        count(words.longest),
        share(words.short, words.words),
        share(words.with_digit, words.words),
        share(words.again, words.words),
        logit(lexical.log_odds[Of::Itself as usize]),
        logit(lexical.log_odds[Of::Behind as usize]),
        logit(lexical.log_odds[Of::Before as usize]),
        fraction(likelihood(lexical.log_odds[Of::Comment as usize])),
        share(lexical.known, words.words),
    ]
}

/// Takes back what the words say: on a page whose words are mostly unknown it means nothing.
pub(super) fn forget_words(codes: &mut [u8; COUNT]) {
    codes[LEXICAL..LEXICAL + SPEAKS_OF].fill(EVEN);
    codes[LEXICAL + Of::Comment as usize] = 0;
    codes[LEXICAL + SPEAKS_OF] = 0;
}
