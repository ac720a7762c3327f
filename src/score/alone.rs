//! Step one: a line's shape in, its bins out. No neighbours, no words of any language.
//!
//! The observations it rests on: running text is long, ends in a stop, holds commas and
//! stops inside, and is mostly lower-case letters (Kohlschütter 2010: words, density;
//! Raffel 2020: terminal punctuation; Pomikálek 2011: length). Page furniture is short,
//! capitalised, full of digits and symbols, and ends in a letter.

use super::bins::{Feature, bin};
use crate::shape::{CharClass, LineShape};

/// Number of features.
pub(super) const COUNT: usize = 11;

const WORD_EDGES: [f32; 10] = [2.0, 3.0, 4.0, 6.0, 9.0, 13.0, 19.0, 30.0, 60.0, 120.0];
const COLUMN_EDGES: [f32; 12] = [
    5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0, 200.0, 400.0, 800.0,
];
const COMMA_EDGES: [f32; 5] = [1.0, 2.0, 3.0, 5.0, 10.0];
const STOP_EDGES: [f32; 5] = [1.0, 2.0, 3.0, 5.0, 10.0];
const DIGIT_SHARE_EDGES: [f32; 6] = [0.001, 0.03, 0.08, 0.2, 0.4, 0.7];
const CAPITAL_SHARE_EDGES: [f32; 7] = [0.001, 0.1, 0.2, 0.35, 0.5, 0.7, 0.95];
const UPPER_SHARE_EDGES: [f32; 6] = [0.001, 0.03, 0.08, 0.2, 0.5, 0.9];
const SYMBOL_SHARE_EDGES: [f32; 7] = [0.001, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3];
const WORD_LENGTH_EDGES: [f32; 8] = [2.0, 3.0, 4.0, 5.0, 6.0, 7.5, 10.0, 16.0];

const WORD_BINS: usize = WORD_EDGES.len() + 1;

/// The features, in the order of a line's bins.
pub const FEATURES: [Feature; COUNT] = [
    Feature {
        name: "words and ending",
        bins: WORD_BINS * CharClass::COUNT,
    },
    Feature {
        name: "words and beginning",
        bins: 3 * CharClass::COUNT,
    },
    Feature {
        name: "columns and script",
        bins: 2 * (COLUMN_EDGES.len() + 1),
    },
    Feature {
        name: "commas",
        bins: COMMA_EDGES.len() + 1,
    },
    Feature {
        name: "sentences",
        bins: STOP_EDGES.len() + 1,
    },
    Feature {
        name: "digits",
        bins: 2 * (DIGIT_SHARE_EDGES.len() + 1),
    },
    Feature {
        name: "capitalised words",
        bins: 3 * (CAPITAL_SHARE_EDGES.len() + 1),
    },
    Feature {
        name: "upper case",
        bins: UPPER_SHARE_EDGES.len() + 1,
    },
    Feature {
        name: "symbols",
        bins: SYMBOL_SHARE_EDGES.len() + 1,
    },
    Feature {
        name: "word length",
        bins: WORD_LENGTH_EDGES.len() + 1,
    },
    Feature {
        name: "address or legal mark",
        bins: 6,
    },
];

fn share(part: u32, whole: u32) -> f32 {
    part as f32 / whole.max(1) as f32
}

/// One word, a few, a sentence's worth: 0 to 2.
pub(super) fn length_class(shape: &LineShape) -> usize {
    bin(shape.words as f32, &[4.0, 13.0])
}

/// One bin for each feature.
pub(super) fn bins(shape: &LineShape) -> [usize; COUNT] {
    let words = shape.words as f32;
    let length = length_class(shape);
    let cased = shape.letters.min(shape.letter_columns);
    let is_wide = usize::from(shape.is_wide());
    let digit_share = share(shape.digits, shape.digits + shape.letters);
    let capital_share = share(shape.capitalized_words, shape.words);
    let is_short = usize::from(shape.words < 13);
    [
        bin(words, &WORD_EDGES) * CharClass::COUNT + shape.last as usize,
        length * CharClass::COUNT + shape.first as usize,
        is_wide * (COLUMN_EDGES.len() + 1) + bin(shape.columns as f32, &COLUMN_EDGES),
        bin(shape.commas as f32, &COMMA_EDGES),
        bin(shape.inner_stops as f32, &STOP_EDGES),
        is_short * (DIGIT_SHARE_EDGES.len() + 1) + bin(digit_share, &DIGIT_SHARE_EDGES),
        length * (CAPITAL_SHARE_EDGES.len() + 1) + bin(capital_share, &CAPITAL_SHARE_EDGES),
        bin(share(shape.upper, cased), &UPPER_SHARE_EDGES),
        bin(share(shape.symbols, shape.columns), &SYMBOL_SHARE_EDGES),
        bin(share(shape.letters, shape.words), &WORD_LENGTH_EDGES),
        usize::from(shape.has_address) * 3
            + match (shape.has_legal_mark, is_short) {
                (false, _) => 0,
                (true, 0) => 1,
                (true, _) => 2,
            },
    ]
}
