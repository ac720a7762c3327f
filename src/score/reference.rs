//! Rules from the literature, as scorers: what ours is measured against.
//!
//! They decide and nothing more: a score is exactly 0 (body) or 1 (boilerplate), the same
//! alone and in context, and nothing weighed on it.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Contribution, PageFacts, Score, Scorer, Scratch};

const BODY: Score = Score::of_boilerplate(0.0, 0.0);
const BOILERPLATE: Score = Score::of_boilerplate(1.0, 1.0);

fn verdict(is_body: bool) -> Score {
    if is_body { BODY } else { BOILERPLATE }
}

/// The line rule of C4 (Raffel 2020, section 2.2): body ends like a sentence.
///
/// A line is body when all of this holds, white space at its end aside:
/// - its last character is one of `. ? ! " '`, and it does not end in `...` or `…`;
/// - it has at least [`TerminalPunctuation::MIN_WORDS`] words;
/// - no stretch between white space has more than [`TerminalPunctuation::MAX_WORD_CHARS`]
///   characters;
/// - it holds none of `javascript`, `lorem ipsum`, `terms of use`, `privacy policy`,
///   `cookie policy`, `uses cookies`, `use of cookies`, `use cookies`, in any case.
///
/// Changed from the paper, which drops whole pages for `lorem ipsum` and for having few
/// sentences: here a line answers for itself. Added to the paper, so that the rule is no
/// worse off outside English ASCII text: `” ’` and `。 ！ ？ ؟ ।` end a sentence too, and
/// words are counted by [`crate::shape::LineShape::words`].
///
/// Linear time.
#[derive(Clone, Copy, Debug, Default)]
pub struct TerminalPunctuation;

impl TerminalPunctuation {
    /// The fewest words of a body line.
    pub const MIN_WORDS: u32 = 3;
    /// The longest stretch between white space in a body line, in characters.
    pub const MAX_WORD_CHARS: usize = 1000;
}

/// Phrases that no body line holds, lower case.
static PHRASES: LazyLock<[Finder<'static>; 8]> = LazyLock::new(|| {
    [
        "javascript",
        "lorem ipsum",
        "terms of use",
        "privacy policy",
        "cookie policy",
        "uses cookies",
        "use of cookies",
        "use cookies",
    ]
    .map(Finder::new)
});

fn ends_sentence(line: &[u8]) -> bool {
    let mut rest = line;
    loop {
        let (last, length_bytes) = bstr::decode_last_utf8(rest);
        match last {
            Some(c) if c.is_whitespace() => rest = &rest[..rest.len() - length_bytes],
            Some('.') => return !rest.ends_with(b"..."),
            Some(c) => return "?!\"'”’。！？؟।".contains(c),
            None => return false,
        }
    }
}

fn has_overlong_word(line: &[u8]) -> bool {
    if line.len() <= TerminalPunctuation::MAX_WORD_CHARS {
        return false;
    }
    let mut rest = line;
    let mut word_chars = 0;
    while !rest.is_empty() {
        let (decoded, length_bytes) = bstr::decode_utf8(rest);
        rest = &rest[length_bytes..];
        word_chars = match decoded {
            Some(c) if c.is_whitespace() => 0,
            _ => word_chars + 1,
        };
        if word_chars > TerminalPunctuation::MAX_WORD_CHARS {
            return true;
        }
    }
    false
}

fn holds_phrase(line: &[u8], lowered: &mut Vec<u8>) -> bool {
    lowered.clear();
    lowered.extend(line.iter().map(u8::to_ascii_lowercase));
    PHRASES.iter().any(|phrase| phrase.find(lowered).is_some())
}

impl Scorer for TerminalPunctuation {
    fn score(&self, facts: &PageFacts<'_>, _scratch: &mut Scratch, scores: &mut Vec<Score>) {
        let mut lowered = Vec::new();
        scores.clear();
        scores.extend((0..facts.line_count()).map(|line| {
            let text = facts.text(line);
            verdict(
                facts.evidence.shapes[line].words >= TerminalPunctuation::MIN_WORDS
                    && ends_sentence(text)
                    && !has_overlong_word(text)
                    && !holds_phrase(text, &mut lowered),
            )
        }));
    }

    fn explain(&self, facts: &PageFacts<'_>) -> Vec<Vec<Contribution>> {
        vec![Vec::new(); facts.line_count()]
    }
}

/// The best contiguous run of lines, after BTE (Finn 2001): body is one piece.
///
/// A line with at least [`BestRun::MIN_WORDS`] words weighs as many as it has, any other
/// [`BestRun::SHORT_LINE_WEIGHT`]; the run of lines with the largest sum is body, on ties the
/// one that begins first, then the one that ends first. A page without a long line has no
/// body. Blank lines weigh nothing.
///
/// Changed from the paper, which weighs tags against words: plain text has lines only.
///
/// Linear time, no allocation.
#[derive(Clone, Copy, Debug, Default)]
pub struct BestRun;

impl BestRun {
    /// The fewest words of a line that speaks for body.
    pub const MIN_WORDS: u32 = 12;
    /// What a shorter line adds to a run's sum.
    pub const SHORT_LINE_WEIGHT: i64 = -8;
}

/// The run with the largest sum, half-open; empty where no sum is above 0.
fn best_run(weights: impl Iterator<Item = i64>) -> std::ops::Range<usize> {
    let mut best = 0..0;
    let mut best_sum = 0;
    let mut start = 0;
    let mut sum = 0;
    for (at, weight) in weights.enumerate() {
        sum += weight;
        if sum > best_sum {
            best_sum = sum;
            best = start..at + 1;
        }
        if sum < 0 {
            sum = 0;
            start = at + 1;
        }
    }
    best
}

impl Scorer for BestRun {
    fn score(&self, facts: &PageFacts<'_>, _scratch: &mut Scratch, scores: &mut Vec<Score>) {
        let run = best_run(facts.evidence.shapes.iter().map(|shape| {
            if shape.words >= BestRun::MIN_WORDS {
                i64::from(shape.words)
            } else {
                BestRun::SHORT_LINE_WEIGHT
            }
        }));
        scores.clear();
        scores.extend((0..facts.line_count()).map(|line| verdict(run.contains(&line))));
    }

    fn explain(&self, facts: &PageFacts<'_>) -> Vec<Vec<Contribution>> {
        vec![Vec::new(); facts.line_count()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cleaner::Cleaner;
    use crate::config::Config;

    fn scores(scorer: impl Scorer + 'static, page: &[u8]) -> Vec<Score> {
        let config = Config {
            page_repeats: false,
            ..Config::default()
        };
        let cleaner = Cleaner::with_scorer(config, Box::new(scorer)).unwrap();
        let cleaned = cleaner.clean_page(page);
        let scores = cleaned.verdicts().iter().map(|verdict| verdict.score);
        scores.collect()
    }

    fn is_sentence(line: &[u8]) -> bool {
        match scores(TerminalPunctuation, line)[..] {
            [BODY] => true,
            [BOILERPLATE] => false,
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_sentence_ends_in_a_stop_or_a_closing_quote() {
        for (line, is_body) in [
            ("The ferry was late.", true),
            ("Was the ferry late?", true),
            ("The ferry was late!", true),
            ("He said \"it is late\"", true),
            ("He said 'it is late'", true),
            ("He said “it is late”", true),
            ("He said ‘it is late’", true),
            ("The ferry was late. \t\u{a0}", true),
            ("The ferry was late..", true),
            ("The ferry was late", false),
            ("The ferry was late,", false),
            ("The ferry was late:", false),
            ("The ferry was late...", false),
            ("The ferry was late....", false),
            ("The ferry was late…", false),
            ("The ferry was late (twice)", false),
            ("今天的天气很好。", true),
            ("今天的天气很好！", true),
            ("今天的天气很好？", true),
            ("今天的天气很好", false),
            ("هل تأخرت العبارة اليوم؟", true),
            ("नाव आज देर से आई।", true),
        ] {
            assert_eq!(is_sentence(line.as_bytes()), is_body, "{line:?}");
        }
    }

    #[test]
    fn a_sentence_has_three_words() {
        for (line, is_body) in [("Too late.", false), ("It was late.", true)] {
            assert_eq!(is_sentence(line.as_bytes()), is_body, "{line:?}");
        }
    }

    #[test]
    fn a_sentence_has_no_word_over_a_thousand_characters() {
        for (chars, is_body) in [(999, true), (1000, true), (1001, false)] {
            for letter in ["a", "ä", "語"] {
                let line = format!("It was {} late.", letter.repeat(chars));
                assert_eq!(is_sentence(line.as_bytes()), is_body, "{chars} {letter}");
            }
        }
        let long = "It was late again. ".repeat(1000);
        assert!(is_sentence(long.as_bytes()));
    }

    #[test]
    fn a_sentence_holds_no_phrase_of_a_notice() {
        for line in [
            "Please turn on JavaScript to read on.",
            "Lorem Ipsum dolor sit amet.",
            "See our Terms of Use for more.",
            "See our PRIVACY POLICY for more.",
            "See our Cookie Policy for more.",
            "This site uses cookies to work.",
            "You agree to the use of cookies.",
            "We use cookies on this site.",
        ] {
            assert!(!is_sentence(line.as_bytes()), "{line:?}");
        }
        assert!(is_sentence(b"She bakes cookies and writes java script."));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_scored() {
        assert!(is_sentence(b"It was \xff\xfe late."));
        assert!(!is_sentence(b"It was late.\xff"));
    }

    fn run(weights: &[i64]) -> std::ops::Range<usize> {
        best_run(weights.iter().copied())
    }

    #[test]
    fn the_best_run_has_the_largest_sum_and_is_the_earliest() {
        for (weights, expected) in [
            (&[][..], 0..0),
            (&[-8, -8], 0..0),
            (&[12], 0..1),
            (&[-8, 12, -8], 1..2),
            (&[12, -8, 12], 0..3),
            (&[12, -8, -8, 12], 0..1),
            (&[16, -8, -8, 20], 0..4),
            (&[16, -8, -8, 16], 0..1),
            (&[12, -8, -8, 13], 3..4),
            (&[12, -8, -8, -8, 30, -8, 40], 4..7),
        ] {
            assert_eq!(run(weights), expected, "{weights:?}");
        }
    }

    #[test]
    fn a_line_of_twelve_words_speaks_for_body() {
        for (words, expected) in [(11, BOILERPLATE), (12, BODY), (13, BODY)] {
            let page = format!("Home\n\n{}\nLogin", "word ".repeat(words));
            let expected = [BOILERPLATE, expected, BOILERPLATE];
            assert_eq!(scores(BestRun, page.as_bytes()), expected, "{words}");
        }
    }

    #[test]
    fn a_short_line_costs_eight_words() {
        let long = "word ".repeat(16);
        for (short_lines, last_is_body) in [(1, true), (2, false), (3, false)] {
            let page = format!("{long}\n{}{long}", "menu\n".repeat(short_lines));
            let scores = scores(BestRun, page.as_bytes());
            assert_eq!(scores[0], BODY);
            assert_eq!(*scores.last().unwrap() == BODY, last_is_body);
        }
    }
}
