//! Text in, tokens and their bags out: what the accuracy figures over text count.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use xxhash_rust::xxh3::xxh3_64;

/// Tokens in one n-gram.
pub const NGRAM_TOKENS: usize = 4;

/// Whether a character belongs to a token: a letter (Unicode categories L*), a number (N*)
/// or `_`; what Python 3 matches as `\w`.
///
/// Combining marks (M*) do not, nor circled letters (So), though
/// [`char::is_alphanumeric`] takes some of both for letters. A Hindi word therefore falls
/// apart at its vowel signs, as it does in the public benchmarks.
pub fn is_token_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    matches!(
        c.general_category_group(),
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number
    )
}

/// The tokens of a text: its longest runs of [`is_token_char`], in order, case kept.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_token_char(c))
        .filter(|token| !token.is_empty())
}

/// A text's tokens as numbers, once with case and once in lower case.
///
/// Two tokens have the same number when they are the same; different tokens share one with a
/// chance of 2^-64 (xxh3). `exact.len() == folded.len()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenIds {
    /// Numbers of the tokens as they stand.
    pub exact: Vec<u64>,
    /// Numbers of the tokens in lower case.
    pub folded: Vec<u64>,
}

impl TokenIds {
    /// The tokens of one text.
    pub fn of(text: &str) -> Self {
        let mut ids = TokenIds::default();
        ids.push_text(text);
        ids
    }

    /// Appends the tokens of a text; a token never spans two calls.
    pub fn push_text(&mut self, text: &str) {
        let mut lowered = Vec::new();
        for token in tokens(text) {
            self.exact.push(xxh3_64(token.as_bytes()));
            self.folded.push(if token.is_ascii() {
                lowered.clear();
                lowered.extend(token.bytes().map(|byte| byte.to_ascii_lowercase()));
                xxh3_64(&lowered)
            } else {
                xxh3_64(token.to_lowercase().as_bytes())
            });
        }
    }

    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.exact.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }
}

/// A multiset of tokens or n-grams, by their numbers, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bag {
    sorted: Vec<u64>,
}

impl Bag {
    /// The tokens themselves.
    pub fn of_tokens(ids: &[u64]) -> Self {
        Bag::of(ids.to_vec())
    }

    /// The runs of [`NGRAM_TOKENS`] tokens. Fewer tokens are one gram together; no token is
    /// none.
    pub fn of_ngrams(ids: &[u64]) -> Self {
        if ids.is_empty() {
            return Bag::default();
        }
        let width = NGRAM_TOKENS.min(ids.len());
        Bag::of(ids.windows(width).map(ngram_id).collect())
    }

    fn of(mut ids: Vec<u64>) -> Self {
        ids.sort_unstable();
        Bag { sorted: ids }
    }

    /// The number of members, each as often as it occurs.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether the bag has no member.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The number of members in both, each as often as it occurs in the bag that has fewer
    /// of it.
    pub fn shared_with(&self, other: &Bag) -> usize {
        let (mut a, mut b) = (
            self.sorted.iter().peekable(),
            other.sorted.iter().peekable(),
        );
        let mut shared = 0;
        while let (Some(left), Some(right)) = (a.peek(), b.peek()) {
            match left.cmp(right) {
                std::cmp::Ordering::Less => drop(a.next()),
                std::cmp::Ordering::Greater => drop(b.next()),
                std::cmp::Ordering::Equal => {
                    shared += 1;
                    a.next();
                    b.next();
                }
            }
        }
        shared
    }
}

fn ngram_id(gram: &[u64]) -> u64 {
    let mut bytes = [0; NGRAM_TOKENS * 8];
    for (to, id) in bytes.chunks_exact_mut(8).zip(gram) {
        to.copy_from_slice(&id.to_le_bytes());
    }
    xxh3_64(&bytes[..gram.len() * 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_character_is_what_python_matches_as_word() {
        for (c, is_token) in [
            ('a', true),
            ('Z', true),
            ('0', true),
            ('_', true),
            ('-', false),
            (' ', false),
            ('\'', false),
            ('\u{aa}', true),     // Lo, feminine ordinal
            ('\u{b2}', true),     // No, superscript two
            ('\u{bc}', true),     // No, one quarter
            ('\u{b7}', false),    // Po, middle dot
            ('\u{ad}', false),    // Cf, soft hyphen
            ('\u{2b0}', true),    // Lm
            ('\u{1c5}', true),    // Lt
            ('\u{301}', false),   // Mn, combining acute
            ('\u{345}', false),   // Mn, Other_Alphabetic
            ('\u{660}', true),    // Nd, Arabic digit
            ('\u{64e}', false),   // Mn, fatha
            ('\u{915}', true),    // Lo, Devanagari ka
            ('\u{93e}', false),   // Mc, vowel sign
            ('\u{e31}', false),   // Mn, Thai vowel
            ('\u{e33}', true),    // Lo, Thai sara am
            ('\u{203f}', false),  // Pc, but not the underscore
            ('\u{2160}', true),   // Nl, Roman one
            ('\u{2460}', true),   // No, circled one
            ('\u{24b6}', false),  // So, circled A, Other_Alphabetic
            ('\u{3005}', true),   // Lm, iteration mark
            ('\u{3007}', true),   // Nl, ideographic zero
            ('\u{4e2d}', true),   // Lo, Han
            ('\u{ac00}', true),   // Lo, Hangul
            ('\u{ff3f}', false),  // Pc, fullwidth low line
            ('\u{ff11}', true),   // Nd, fullwidth one
            ('\u{1d400}', true),  // Lu, mathematical bold
            ('\u{1f130}', false), // So, squared A, Other_Alphabetic
            ('\u{1f600}', false), // So, emoji
            ('\u{20000}', true),  // Lo, Han of plane 2
            ('\u{e0100}', false), // Mn, variation selector
            ('\u{f0000}', false), // Co, private use
        ] {
            assert_eq!(is_token_char(c), is_token, "U+{:04X}", c as u32);
        }
    }

    #[test]
    fn tokens_are_runs_of_letters_numbers_and_underscores() {
        for (text, expected) in [
            ("", &[][..]),
            (" ,.", &[]),
            ("Don't stop_me, 9:40", &["Don", "t", "stop_me", "9", "40"]),
            ("今天，天气。", &["今天", "天气"]),
            ("हिन्दी", &["ह", "न", "द"]),
            ("e\u{301}te", &["e", "te"]),
            ("a\nb", &["a", "b"]),
        ] {
            assert_eq!(tokens(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    #[test]
    fn folded_numbers_see_no_case() {
        let (upper, lower) = (TokenIds::of("DER FLUẞ ΟΔΟΣ"), TokenIds::of("der fluß οδος"));
        assert_ne!(upper.exact, lower.exact);
        assert_eq!(upper.folded, lower.folded);
        assert_eq!(lower.exact, lower.folded);
    }

    #[test]
    fn a_text_under_four_tokens_is_one_gram_and_no_token_is_none() {
        for (text, grams) in [
            ("", 0),
            ("--", 0),
            ("a", 1),
            ("a b", 1),
            ("a b c", 1),
            ("a b c d", 1),
            ("a b c d e", 2),
            ("a a a a a a", 3),
        ] {
            assert_eq!(
                Bag::of_ngrams(&TokenIds::of(text).exact).len(),
                grams,
                "{text:?}"
            );
        }
    }

    #[test]
    fn grams_know_order_and_length() {
        let gram = |text| Bag::of_ngrams(&TokenIds::of(text).exact);
        assert_eq!(gram("a b c d"), gram("a. b, (c) d!"));
        assert_ne!(gram("a b c d"), gram("a b d c"));
        assert_ne!(gram("a b c d"), gram("A b c d"));
        assert_ne!(gram("a b c"), gram("a b"));
    }

    #[test]
    fn bags_share_members_as_often_as_the_poorer_has_them() {
        let bag = |text| Bag::of_tokens(&TokenIds::of(text).folded);
        for (a, b, shared) in [
            ("", "a", 0),
            ("a b", "c", 0),
            ("a a a", "a a", 2),
            ("a b b c", "B b B c d", 3),
        ] {
            assert_eq!(bag(a).shared_with(&bag(b)), shared, "{a:?} {b:?}");
            assert_eq!(bag(b).shared_with(&bag(a)), shared, "{b:?} {a:?}");
        }
    }
}
