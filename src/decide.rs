//! Evidence, repeats and scores in, keep or remove with a reason out.

use crate::config::Config;
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

/// Decides on a line with something in it. A repeat goes whatever its score.
pub fn decide(config: &Config, repeat_of: Option<usize>, score: Score) -> Verdict {
    let reason = match repeat_of {
        Some(of) if config.page_repeats => Reason::Repeat { of },
        _ if config.score && score.context >= config.cut() => Reason::Boilerplate,
        _ => Reason::Body,
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
            page_repeats: false,
            score: false,
            ..Config::default()
        };
        assert!(decide(&config, Some(3), score(1.0)).is_kept);
    }
}
