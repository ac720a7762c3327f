//! Evidence, repeats and scores in, keep or remove with a reason out.

use ahash::AHashMap;

use crate::config::{Config, Treatment};
use crate::duplicates::Duplicates;
use crate::evidence::Evidence;
use crate::index::Place;
use crate::repeats::{Repeats, Rule};
use crate::score::Score;
use crate::score::cut::Cut;
use crate::templates::Templates;

/// Why a line stays or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Stays: its score is below the cut.
    Body,
    /// White space only. The first of a run stays where kept lines stand on both sides.
    Blank,
    /// Goes: a later copy of an earlier line of the page.
    Repeat {
        /// Number on the page, from 1, of the line that stays.
        of: usize,
    },
    /// Goes: the page's site prints it on page after page.
    Template {
        /// Pages of the site that hold the line, digits masked; near-duplicates count once.
        pages: u32,
        /// Pages of the site; near-duplicates count once.
        of_pages: u32,
    },
    /// Goes: an earlier place of the corpus holds it.
    Duplicate {
        /// The place of the first copy; its line is 0 where the whole page is a duplicate.
        of: Place,
    },
    /// Goes: a reader's comment, and these are dropped.
    Comment,
    /// Goes: the page's headline, and it is dropped.
    Headline,
    /// Goes: its score is at or above the cut.
    Boilerplate,
}

impl Reason {
    /// The word that stands in ledgers, reports and tagged output.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Body => "body",
            Reason::Blank => "blank",
            Reason::Repeat { .. } => "repeat",
            Reason::Template { .. } => "template",
            Reason::Duplicate { .. } => "duplicate",
            Reason::Comment => "comment",
            Reason::Headline => "headline",
            Reason::Boilerplate => "boilerplate",
        }
    }
}

/// What was decided on one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether the line stays.
    pub is_kept: bool,
    /// Why.
    pub reason: Reason,
    /// The line's likelihood of being boilerplate; zeros for blank lines and where nothing
    /// is scored.
    pub score: Score,
}

/// All that is known of a page when it is decided on.
#[derive(Clone, Copy, Debug)]
pub struct PageFindings<'a> {
    /// Facts on its lines.
    pub evidence: &'a Evidence,
    /// Page scope.
    pub repeats: &'a Repeats,
    /// Site scope.
    pub templates: &'a Templates,
    /// Corpus scope.
    pub duplicates: &'a Duplicates,
    /// The earlier page that this one is a duplicate of, if it goes for that.
    pub duplicate_of: Option<Place>,
    /// One a line.
    pub scores: &'a [Score],
    /// The scores from which lines go.
    pub cut: Cut,
}

/// A line is of a kind from this likelihood on.
const IS_OF_KIND: f32 = 0.5;

/// The kinds of lines, what is done with each, and how likely a line is of it.
fn kinds(config: &Config, score: &Score) -> [(Reason, Treatment, f32); 2] {
    [
        (Reason::Headline, config.headline, score.headline),
        (Reason::Comment, config.comments, score.comment),
    ]
}

/// Whether no kind is kept or dropped, as by default.
#[inline]
fn is_scored_alone(config: &Config) -> bool {
    config.headline == Treatment::Scored && config.comments == Treatment::Scored
}

/// Whether a line goes or stays for what it is; None where that is not sure.
fn goes_surely(config: &Config, score: &Score) -> Option<bool> {
    let mut sure = kinds(config, score)
        .into_iter()
        .filter(|(_, treatment, likelihood)| {
            *treatment != Treatment::Scored && *likelihood >= IS_OF_KIND
        });
    sure.next()
        .map(|(_, treatment, _)| treatment == Treatment::Drop)
}

/// How likely a line goes: 0 where it stays for what it is, 1 where it goes for that. Else its
/// likelihood of boilerplate; what it may be that is kept takes off from that, what it may be that
/// is dropped adds to it, as if all were independent (noisy or, Pearl 1988).
#[inline]
pub fn likelihood_of_going(config: &Config, score: &Score) -> f32 {
    if is_scored_alone(config) {
        return score.context;
    }
    if let Some(goes) = goes_surely(config, score) {
        return f32::from(u8::from(goes));
    }
    let kinds = kinds(config, score);
    let all = |wanted| {
        let kinds = kinds
            .iter()
            .filter(move |(_, treatment, _)| *treatment == wanted);
        kinds
            .map(|(.., likelihood)| 1.0 - likelihood)
            .product::<f32>()
    };
    1.0 - (1.0 - score.context * all(Treatment::Keep)) * all(Treatment::Drop)
}

/// Why a line goes, if its likelihood of that reaches the cut: what it is, where its score alone would
/// not do.
#[inline]
fn reason_to_go(config: &Config, score: &Score, cut: f32) -> Option<Reason> {
    if is_scored_alone(config) {
        return (score.context >= cut).then_some(Reason::Boilerplate);
    }
    let is_likely = || likelihood_of_going(config, score) >= cut;
    if !goes_surely(config, score).unwrap_or_else(is_likely) {
        return None;
    }
    let dropped = kinds(config, score).into_iter();
    let dropped = dropped.filter(|(_, treatment, _)| *treatment == Treatment::Drop);
    match dropped.max_by(|(.., one), (.., other)| one.total_cmp(other)) {
        Some((kind, _, likelihood)) if likelihood >= IS_OF_KIND || score.context < cut => {
            Some(kind)
        }
        _ => Some(Reason::Boilerplate),
    }
}

/// Replaces `verdicts` by one for each line of the page.
///
/// A template goes, all copies of it. A copy goes as [`Reason::Repeat`] of the first of its
/// copies that stays; where all before it went for another reason, it is decided on by itself.
/// So what is said twice is lost only when every copy reads like boilerplate.
pub fn decide_page(config: &Config, findings: &PageFindings<'_>, verdicts: &mut Vec<Verdict>) {
    verdicts.clear();
    let PageFindings {
        evidence,
        repeats,
        templates,
        duplicates,
        ..
    } = findings;
    // By the first copy that went: the copy that stays for it.
    let mut stand_ins = AHashMap::new();
    let cut_of = |line: usize, score: &Score| {
        if config.headline == Treatment::Drop {
            return findings.cut.at;
        }
        let is_doubled_headline = repeats.copied_by(line) == Some(Rule::Headline);
        findings.cut.of(score, is_doubled_headline)
    };
    for (line, &score) in findings.scores.iter().enumerate() {
        let first = repeats.of(line).filter(|_| config.page_repeats);
        let stays = first.and_then(|first| {
            let stand_in = || stand_ins.get(&first).copied();
            verdicts[first].is_kept.then_some(first).or_else(stand_in)
        });
        let reason = if let Some(of) = findings.duplicate_of {
            Reason::Duplicate { of }
        } else if templates.has(line) {
            Reason::Template {
                pages: evidence.corpus.line_pages(line),
                of_pages: evidence.corpus.site_pages,
            }
        } else if let Some(stays) = stays {
            Reason::Repeat {
                of: evidence.lines[stays].number,
            }
        } else if let Some(of) = duplicates.of(line) {
            Reason::Duplicate { of }
        } else if !config.score {
            Reason::Body
        } else {
            reason_to_go(config, &score, cut_of(line, &score)).unwrap_or(Reason::Body)
        };
        let is_kept = reason == Reason::Body;
        if let (Some(first), true) = (first, is_kept) {
            stand_ins.insert(first, line);
        }
        verdicts.push(Verdict {
            is_kept,
            reason,
            score,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Threshold;
    use crate::evidence::Needs;
    use crate::score::PageFacts;
    use crate::score::cut::PageSteps;

    fn score(context: f32) -> Score {
        Score::of_boilerplate(0.0, context)
    }

    fn decide(config: &Config, page: &str, scores: &[Score]) -> Vec<Reason> {
        let mut evidence = Evidence::default();
        evidence.gather(page.as_bytes(), Needs::PAGE);
        let mut repeats = Repeats::default();
        repeats.find(&evidence);
        let cut = match config.threshold {
            Threshold::At(cut) => Cut::at(cut),
            Threshold::Auto => {
                let facts = PageFacts {
                    page: page.as_bytes(),
                    evidence: &evidence,
                    repeats: &repeats,
                };
                let to_cut = |score| likelihood_of_going(config, score);
                let to_cut: Vec<f32> = scores.iter().map(to_cut).collect();
                let mut steps = PageSteps::default();
                steps.fill(facts.cut_lines(&to_cut));
                Cut::at(steps.best_expected_f1())
            }
        };
        let findings = PageFindings {
            evidence: &evidence,
            repeats: &repeats,
            templates: &Templates::default(),
            duplicates: &Duplicates::default(),
            duplicate_of: None,
            scores,
            cut,
        };
        let mut verdicts = Vec::new();
        decide_page(config, &findings, &mut verdicts);
        verdicts.iter().map(|verdict| verdict.reason).collect()
    }

    #[test]
    fn a_line_goes_at_the_cut_and_stays_just_under_it() {
        let config = Config {
            threshold: Threshold::At(0.25),
            ..Config::default()
        };
        let scores = [0.2499, 0.25, 0.2501].map(score);
        let (stays, goes) = (Reason::Body, Reason::Boilerplate);
        assert_eq!(decide(&config, "a\nb\nc\n", &scores), [stays, goes, goes]);
        let config = Config {
            score: false,
            ..config
        };
        assert_eq!(decide(&config, "a\nb\nc\n", &scores), [stays; 3]);
    }

    #[test]
    fn kinds_go_or_stay_as_asked_whatever_their_score() {
        let [mut comment, mut headline] = [0.2, 0.9].map(score);
        comment.comment = 0.5;
        headline.headline = 0.5;
        let mut hardly = score(0.0);
        (hardly.comment, hardly.headline) = (0.4999, 0.0);
        let config = |comments, headline| Config {
            threshold: Threshold::At(0.5),
            comments,
            headline,
            ..Config::default()
        };
        let lines = [comment, headline, hardly];
        for (comments, headlines, expected) in [
            (
                Treatment::Scored,
                Treatment::Scored,
                [Reason::Body, Reason::Boilerplate],
            ),
            (
                Treatment::Drop,
                Treatment::Scored,
                [Reason::Comment, Reason::Boilerplate],
            ),
            (
                Treatment::Keep,
                Treatment::Keep,
                [Reason::Body, Reason::Body],
            ),
            (
                Treatment::Drop,
                Treatment::Drop,
                [Reason::Comment, Reason::Headline],
            ),
        ] {
            let got = decide(&config(comments, headlines), "a\nb\nc\n", &lines);
            assert_eq!(got[..2], expected, "{comments:?} {headlines:?}");
            assert_eq!(got[2], Reason::Body);
        }
    }

    #[test]
    fn what_a_line_may_be_makes_it_go_the_sooner_or_the_later() {
        let mut line = score(0.4);
        (line.comment, line.headline) = (0.4, 0.25);
        let config = |threshold, comments, headline| Config {
            threshold: Threshold::At(threshold),
            comments,
            headline,
            ..Config::default()
        };
        use Treatment::{Drop, Keep, Scored};
        for (comments, headline, expected) in [
            (Scored, Scored, 0.4),
            (Drop, Scored, 0.64),
            (Drop, Drop, 0.73),
            (Keep, Scored, 0.24),
            (Keep, Drop, 0.43),
            (Keep, Keep, 0.18),
        ] {
            let reasons = [expected - 0.001, expected + 0.001].map(|threshold| {
                let config = config(threshold, comments, headline);
                decide(&config, "a\n", &[line])[0]
            });
            let is_dropped = comments == Drop || headline == Drop;
            let reason = match comments {
                _ if !is_dropped => Reason::Boilerplate,
                Drop => Reason::Comment,
                _ => Reason::Headline,
            };
            assert_eq!(reasons, [reason, Reason::Body], "{comments:?} {headline:?}");
        }
        // Its score alone would do.
        let config = config(0.4, Drop, Scored);
        assert_eq!(decide(&config, "a\n", &[line])[0], Reason::Boilerplate);
    }

    #[test]
    fn the_cut_counts_what_is_decided_on_as_sure() {
        // Alone the second line is worth keeping; not beside a sure body of many words.
        let mut comment = score(0.7);
        comment.comment = 0.9;
        let page = format!(
            "{}\nfour words of chaff\n",
            "a body of many words ".repeat(20)
        );
        let lines = [comment, score(0.7)];
        let config = |comments| Config {
            comments,
            ..Config::default()
        };
        let kept = decide(&config(Treatment::Scored), &page, &lines);
        assert_eq!(kept, [Reason::Body, Reason::Body]);
        let kept = decide(&config(Treatment::Keep), &page, &lines);
        assert_eq!(kept, [Reason::Body, Reason::Boilerplate]);
    }

    #[test]
    fn a_copy_stays_where_the_first_went_by_its_score() {
        let headline = "Harbour council votes on the night ferry";
        let text =
            "The council met on Monday and argued until the tea was cold, and then it voted. "
                .repeat(2);
        let page = format!("{headline}\n{headline}\nshare\n{headline}\n{text}\n");
        let scores = [0.9, 0.1, 0.9, 0.1, 0.1].map(score);
        let reasons = decide(&Config::default(), &page, &scores);
        assert_eq!(
            reasons,
            [
                Reason::Boilerplate,
                Reason::Body,
                Reason::Boilerplate,
                Reason::Repeat { of: 2 },
                Reason::Body
            ]
        );
    }
}
