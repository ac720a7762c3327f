//! Evidence, repeats and scores in, keep or remove with a reason out.

use ahash::AHashMap;

use crate::config::{Config, Threshold};
use crate::duplicates::Duplicates;
use crate::evidence::Evidence;
use crate::index::Place;
use crate::repeats::Repeats;
use crate::score::Score;
use crate::score::cut::best_expected_f1;
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
}

/// Replaces `verdicts` by one for each line of the page.
///
/// A template goes, all copies of it. A copy goes as [`Reason::Repeat`] of the first of its
/// copies that stays; where all before it went for another reason, it is decided on by itself.
/// So what is said twice is lost only when every copy reads like boilerplate.
pub fn decide_page(config: &Config, findings: &PageFindings<'_>, verdicts: &mut Vec<Verdict>) {
    verdicts.clear();
    let cut = match config.threshold {
        Threshold::At(cut) => cut,
        Threshold::Auto => {
            let words = findings.evidence.shapes.iter().map(|shape| shape.words);
            best_expected_f1(findings.scores, words)
        }
    };
    let PageFindings {
        evidence,
        repeats,
        templates,
        duplicates,
        ..
    } = findings;
    // By the first copy that went: the copy that stays for it.
    let mut stand_ins = AHashMap::new();
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
        } else if config.score && score.context >= cut {
            Reason::Boilerplate
        } else {
            Reason::Body
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

    fn score(context: f32) -> Score {
        Score {
            alone: 0.0,
            context,
        }
    }

    fn decide(config: &Config, page: &str, scores: &[Score]) -> Vec<Reason> {
        let mut evidence = Evidence::default();
        evidence.gather(page.as_bytes(), Needs::PAGE);
        let mut repeats = Repeats::default();
        repeats.find(&evidence);
        let findings = PageFindings {
            evidence: &evidence,
            repeats: &repeats,
            templates: &Templates::default(),
            duplicates: &Duplicates::default(),
            duplicate_of: None,
            scores,
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
