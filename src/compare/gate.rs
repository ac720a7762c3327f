//! Rules such as `speed<-5%` in, whether a comparison breaks them out.

use std::str::FromStr;

use serde::Serialize;

use super::verdict::Figure;
use super::{CompareError, Comparison};

/// What gates may ask for, for help texts.
pub const NAMES: &str = "speed (of records, else of every timing), cold_speed, speed:NAME (a timing), cpu, \
                         memory, stage:NAME, removed, line_f1 (or f1), ngram_f1, word_f1";

/// A rule that a comparison may break: `NAME<LIMIT` or `NAME>LIMIT`.
///
/// Of ratios LIMIT is a change in percent; of shares and F1s a difference in points of 100.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    rule: String,
    name: String,
    is_below: bool,
    limit: f64,
}

/// What became of a gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateResult {
    /// As it was given.
    pub rule: String,
    /// The side, and the figure, that it is about.
    pub side: String,
    /// Whether the whole interval lies beyond the limit.
    pub fired: bool,
    /// Why that cannot be said, where it cannot.
    pub why: Option<String>,
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(rule: &str) -> Result<Self, String> {
        let wrong = || format!("'{rule}' is no rule such as 'speed<-5%' or 'f1<-0.2'");
        let at = rule.rfind(['<', '>']).ok_or_else(wrong)?;
        let (name, limit) = (rule[..at].trim(), rule[at + 1..].trim());
        let limit = limit
            .trim_end_matches("pp")
            .trim_end_matches('%')
            .trim_end();
        let limit: f64 = limit.parse().map_err(|_| wrong())?;
        if !limit.is_finite() || name.is_empty() {
            return Err(wrong());
        }
        let is_known = [
            "speed",
            "cold_speed",
            "cpu",
            "memory",
            "removed",
            "f1",
            "line_f1",
            "ngram_f1",
            "word_f1",
        ]
        .contains(&name)
            || name.starts_with("speed:")
            || name.starts_with("stage:");
        if !is_known {
            return Err(format!("'{name}' is no figure; there are: {NAMES}"));
        }
        Ok(Gate {
            rule: rule.to_owned(),
            name: if name == "f1" { "line_f1" } else { name }.to_owned(),
            is_below: rule.as_bytes()[at] == b'<',
            limit,
        })
    }
}

impl Gate {
    fn is_about(&self, figure: &Figure) -> bool {
        figure.name == self.name || self.name == "speed" && figure.name.starts_with("speed:")
    }

    fn ask(&self, figure: &Figure) -> GateResult {
        let in_percent = |change: f64| match figure.kind {
            "ratio" => (change - 1.0) * 100.0,
            _ => change * 100.0,
        };
        let ends = figure.low.map(in_percent).zip(figure.high.map(in_percent));
        let fired = ends.is_some_and(|(low, high)| match self.is_below {
            true => high < self.limit,
            false => low > self.limit,
        });
        GateResult {
            rule: self.rule.clone(),
            side: figure.side.clone(),
            fired,
            why: match ends {
                Some(_) => None,
                None => Some(
                    figure
                        .why
                        .clone()
                        .unwrap_or_else(|| "no interval".to_owned()),
                ),
            },
        }
    }
}

/// Asks all gates of all figures; the answers go into the comparison.
///
/// # Errors
///
/// No figure bears a gate's name: it could not ever fire.
pub fn ask(comparison: &mut Comparison, gates: &[Gate]) -> Result<(), CompareError> {
    for gate in gates {
        let about = comparison
            .figures
            .iter()
            .filter(|figure| gate.is_about(figure));
        let results: Vec<GateResult> = about.map(|figure| gate.ask(figure)).collect();
        if results.is_empty() {
            return Err(CompareError::Gate(format!(
                "--fail-on '{}': no figure of that name in what is compared; there are: {}",
                gate.rule,
                names(comparison)
            )));
        }
        comparison.gates.extend(results);
    }
    Ok(())
}

fn names(comparison: &Comparison) -> String {
    let mut names: Vec<&str> = comparison
        .figures
        .iter()
        .map(|figure| &*figure.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(20);
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Better;
    use super::*;
    use crate::eval::Interval;

    fn fired(rule: &str, figure: &Figure) -> bool {
        rule.parse::<Gate>().expect("a rule").ask(figure).fired
    }

    #[test]
    fn a_gate_fires_when_the_whole_interval_is_beyond() {
        let figure = |low, high| {
            let figure = Figure::new("line_f1", "a", "b", "F1", Better::Higher);
            figure.difference(0.0, 0.0, Ok(Interval { low, high }))
        };
        let (at, beyond) = (figure(-0.5, -0.25), figure(-0.5, -0.2501));
        assert!(!fired("f1<-25", &at) && fired("f1<-25", &beyond));
        assert!(fired("line_f1 < -20pp", &at) && !fired("f1<-30", &at));
        assert!(!fired("f1>-50", &at) && fired("f1>-50.1", &at));
        let none = Figure::new("line_f1", "a", "b", "F1", Better::Higher);
        assert!(!fired("f1<0", &none));
    }

    #[test]
    fn ratios_are_in_percent() {
        let timing = |seconds| super::super::Timing::Single(vec![seconds; 5]);
        let figure = Figure::new("speed:x", "a", "b", "s", Better::Faster);
        let slower = figure.of_timings(&timing(1.0), &timing(1.25));
        assert!((slower.change - 0.8).abs() < 1e-12);
        assert!(fired("speed<-19%", &slower) && !fired("speed<-21%", &slower));
        assert!(fired("speed:x<-19", &slower));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for rule in [
            "",
            "speed",
            "speed<",
            "<5",
            "speed<x",
            "speed<inf",
            "colour<5",
            "speed=5",
        ] {
            assert!(rule.parse::<Gate>().is_err(), "{rule}");
        }
    }
}
