//! Evidence, repeats and scores in, keep or remove with a reason out.

use ahash::AHashMap;

use crate::config::Config;
use crate::evidence::Evidence;
use crate::repeats::Repeats;
use crate::score::Score;

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

/// Replaces `verdicts` by one for each line of the page.
///
/// A copy goes as [`Reason::Repeat`] of the first of its copies that stays; where all before it
/// went by their score, it is decided on by its own. So what is said twice is lost only when
/// every copy reads like boilerplate.
pub fn decide_page(
    config: &Config,
    evidence: &Evidence,
    repeats: &Repeats,
    scores: &[Score],
    verdicts: &mut Vec<Verdict>,
) {
    verdicts.clear();
    // By the first copy that went: the copy that stays for it.
    let mut stand_ins = AHashMap::new();
    for (line, &score) in scores.iter().enumerate() {
        let first = repeats.of(line).filter(|_| config.page_repeats);
        let stays = first.and_then(|first| {
            let stand_in = || stand_ins.get(&first).copied();
            verdicts[first].is_kept.then_some(first).or_else(stand_in)
        });
        let verdict = decide(config, stays.map(|line| evidence.lines[line].number), score);
        if let (Some(first), true) = (first, verdict.is_kept) {
            stand_ins.insert(first, line);
        }
        verdicts.push(verdict);
    }
}

/// Decides on one line; `repeat_of` is the number of the copy that stays, if there is one. A
/// repeat goes whatever its score.
fn decide(config: &Config, repeat_of: Option<usize>, score: Score) -> Verdict {
    let reason = match repeat_of {
        Some(of) => Reason::Repeat { of },
        None if config.score && score.context >= config.cut() => Reason::Boilerplate,
        None => Reason::Body,
    };
    Verdict {
        is_kept: reason == Reason::Body,
        reason,
        score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Threshold;

    fn score(context: f32) -> Score {
        Score {
            alone: 0.0,
            context,
        }
    }

    #[test]
    fn a_line_goes_at_the_cut_and_stays_just_under_it() {
        let config = Config {
            threshold: Threshold::At(0.25),
            ..Config::default()
        };
        for (context, is_kept) in [(0.2499, true), (0.25, false), (0.2501, false)] {
            assert_eq!(decide(&config, None, score(context)).is_kept, is_kept);
        }
    }

    #[test]
    fn a_repeat_goes_whatever_its_score() {
        let verdict = decide(&Config::default(), Some(3), score(0.0));
        assert_eq!(verdict.reason, Reason::Repeat { of: 3 });
        assert!(!verdict.is_kept);
    }

    #[test]
    fn each_scope_can_be_turned_off() {
        let config = Config {
            score: false,
            ..Config::default()
        };
        assert!(decide(&config, None, score(1.0)).is_kept);
    }

    #[test]
    fn a_copy_stays_where_the_first_went_by_its_score() {
        let headline = "Harbour council votes on the night ferry";
        let text =
            "The council met on Monday and argued until the tea was cold, and then it voted. "
                .repeat(2);
        let page = format!("{headline}\n{headline}\nshare\n{headline}\n{text}\n");
        let mut evidence = Evidence::default();
        evidence.gather(page.as_bytes());
        let mut repeats = Repeats::default();
        repeats.find(&evidence);
        let scores = [0.9, 0.1, 0.9, 0.1, 0.1].map(score);
        let mut verdicts = Vec::new();
        decide_page(
            &Config::default(),
            &evidence,
            &repeats,
            &scores,
            &mut verdicts,
        );
        let reasons: Vec<Reason> = verdicts.iter().map(|verdict| verdict.reason).collect();
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
