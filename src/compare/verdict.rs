//! Values of two sides in, how they differ, how sure that is and what may be said of it out.

use serde::Serialize;

use super::side::Timing;
use crate::eval::bootstrap::{Interval, RESAMPLES, SplitMix64};

/// Fewer runs of a side say nothing: of two sets of 3 runs that do not overlap, 1 in 10 does so
/// by chance; of two sets of 4, 1 in 35.
pub const MIN_RUNS: usize = 4;

/// Repeated values of one thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(Vec<f64>);

impl Values {
    /// Values in any order; what is no number is left out.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_unstable_by(f64::total_cmp);
        Values(values)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The least.
    pub fn lowest(&self) -> Option<f64> {
        self.0.first().copied()
    }

    /// The greatest.
    pub fn highest(&self) -> Option<f64> {
        self.0.last().copied()
    }

    /// The middle one, or the mean of the two in the middle; None of none.
    pub fn median(&self) -> Option<f64> {
        median(&self.0)
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(sorted[middle - 1].midpoint(sorted[middle])),
    }
}

/// The 95 % interval of how many times the median of `a` that of `b` is: the bootstrap of Efron
/// 1979 over the runs of each side. The same values give the same interval.
fn ratio_interval(a: &Values, b: &Values) -> Interval {
    let mut draws = SplitMix64::of("runs");
    let mut drawn = Vec::new();
    let mut median_of = |values: &Values| {
        drawn.clear();
        drawn.extend((0..values.len()).map(|_| values.0[draws.below(values.len())]));
        drawn.sort_unstable_by(f64::total_cmp);
        median(&drawn).unwrap_or(f64::NAN)
    };
    Interval::of(
        (0..RESAMPLES)
            .map(|_| median_of(b) / median_of(a))
            .collect(),
    )
}

/// Which way is better, and the words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is faster.
    More,
    /// Less is faster.
    Less,
    /// Times whose ratio is turned round, so that it is one of speeds.
    Faster,
    /// Less memory.
    LessMemory,
    /// Higher accuracy.
    Higher,
    /// Neither way.
    Neither,
}

impl Better {
    fn words(self) -> [&'static str; 2] {
        match self {
            Better::More | Better::Faster => ["slower", "faster"],
            Better::Less => ["faster", "slower"],
            Better::LessMemory => ["less", "more"],
            Better::Higher => ["worse", "better"],
            Better::Neither => ["less", "more"],
        }
    }
}

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why(pub String);

/// What cannot be told from chance.
pub const NO_EVIDENCE: &str = "no evidence";
/// Equal to the last bit.
pub const SAME: &str = "same";

/// One thing, measured on two sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What gates call it.
    pub name: String,
    /// The side that is compared.
    pub side: String,
    /// The side that it is compared with.
    pub to: String,
    /// Unit of `a` and `b`.
    pub unit: String,
    /// The value of [`Figure::to`], a median over its runs.
    pub a: f64,
    /// The value of [`Figure::side`].
    pub b: f64,
    /// What `change`, `low` and `high` are: `ratio` of b to a (of timings in seconds: of the speeds),
    /// or `difference`, b less a.
    pub kind: &'static str,
    /// How b differs from a.
    pub change: f64,
    /// Lower end of its 95 % interval; None where there is none.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// What can be said: `faster`, `slower`, `better`, `worse`, `more`, `less`, `same`,
    /// `no evidence`.
    pub verdict: &'static str,
    /// Why there is no evidence, where that is not the interval.
    pub why: Option<String>,
    /// Runs behind `a` and `b`; 0 where it is no matter of runs.
    pub runs: [usize; 2],
    /// Which way is better.
    #[serde(skip)]
    pub better: Better,
}

impl Figure {
    /// A figure without values.
    pub fn new(name: &str, to: &str, side: &str, unit: &str, better: Better) -> Self {
        Figure {
            name: name.to_owned(),
            side: side.to_owned(),
            to: to.to_owned(),
            unit: unit.to_owned(),
            a: f64::NAN,
            b: f64::NAN,
            kind: "ratio",
            change: f64::NAN,
            low: None,
            high: None,
            verdict: NO_EVIDENCE,
            why: None,
            runs: [0; 2],
            better,
        }
    }

    /// With the medians of runs, their ratio and its interval.
    pub fn of_values(self, a: &Values, b: &Values) -> Self {
        let (Some(own), Some(others)) = (a.median(), b.median()) else {
            return self;
        };
        let fewest = a.len().min(b.len());
        let (change, interval) = match self.better {
            Better::Faster => (own / others, ratio_interval(b, a)),
            _ => (others / own, ratio_interval(a, b)),
        };
        let figure = Figure {
            a: own,
            b: others,
            change,
            runs: [a.len(), b.len()],
            ..self
        };
        if fewest < MIN_RUNS {
            let runs = if fewest == 1 { "run" } else { "runs" };
            return figure.without_verdict(Why(format!("{fewest} {runs}")));
        }
        figure.with_interval(interval)
    }

    /// With timings of another tool.
    pub fn of_timings(self, a: &Timing, b: &Timing) -> Self {
        if let (Some(own), Some(others)) = (a.values(), b.values()) {
            return self.of_values(&own, &others);
        }
        let figure = Figure {
            a: a.seconds(),
            b: b.seconds(),
            change: a.seconds() / b.seconds(),
            ..self
        };
        match (a.interval(), b.interval()) {
            (Some(own), Some(others)) => figure.with_interval(Interval {
                low: own.low / others.high,
                high: own.high / others.low,
            }),
            _ => figure.without_verdict(Why("no single times".to_owned())),
        }
    }

    /// A difference that is known without doubt.
    pub fn exact(self, a: f64, b: f64) -> Self {
        let change = b - a;
        Figure {
            a,
            b,
            kind: "difference",
            change,
            ..self
        }
        .with_interval(Interval {
            low: change,
            high: change,
        })
    }

    /// A difference, and its interval where there is one.
    pub fn difference(self, a: f64, b: f64, interval: Result<Interval, Why>) -> Self {
        let figure = Figure {
            a,
            b,
            kind: "difference",
            change: b - a,
            ..self
        };
        match interval {
            Ok(interval) => figure.with_interval(interval),
            Err(why) => figure.without_verdict(why),
        }
    }

    fn with_interval(self, interval: Interval) -> Self {
        let nothing = if self.kind == "ratio" { 1.0 } else { 0.0 };
        let [less, more] = self.better.words();
        let Interval { low, high } = interval;
        let verdict = match (low, high) {
            _ if !low.is_finite() || !high.is_finite() => NO_EVIDENCE,
            _ if low == nothing && high == nothing => SAME,
            _ if low > nothing => more,
            _ if high < nothing => less,
            _ => NO_EVIDENCE,
        };
        Figure {
            low: Some(low).filter(|low| low.is_finite()),
            high: Some(high).filter(|high| high.is_finite()),
            verdict,
            ..self
        }
    }

    /// The same values; nothing is said of them.
    pub fn without_verdict(self, why: Why) -> Self {
        Figure {
            low: None,
            high: None,
            verdict: NO_EVIDENCE,
            why: Some(why.0),
            ..self
        }
    }

    /// The verdict, with the reason where there is none.
    pub fn verdict_text(&self) -> String {
        match &self.why {
            Some(why) => format!("{} ({why})", self.verdict),
            None => self.verdict.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(better: Better, a: &[f64], b: &[f64]) -> String {
        let figure = Figure::new("x", "a", "b", "s", better);
        let [a, b] = [a, b].map(|values| Values::of(values.iter().copied()));
        figure.of_values(&a, &b).verdict_text()
    }

    #[test]
    fn three_runs_say_nothing_and_four_do() {
        let (slow, fast) = ([1.0, 1.1, 1.2, 1.05], [2.0, 2.1, 2.2, 2.05]);
        assert_eq!(
            verdict(Better::More, &slow[..1], &fast[..1]),
            "no evidence (1 run)"
        );
        assert_eq!(
            verdict(Better::More, &slow, &fast[..1]),
            "no evidence (1 run)"
        );
        assert_eq!(
            verdict(Better::More, &slow[..3], &fast),
            "no evidence (3 runs)"
        );
        assert_eq!(verdict(Better::More, &slow, &fast), "faster");
        assert_eq!(verdict(Better::More, &fast, &slow), "slower");
        assert_eq!(verdict(Better::Less, &fast, &slow), "faster");
        assert_eq!(verdict(Better::LessMemory, &fast, &slow), "less");
        assert_eq!(verdict(Better::Faster, &fast, &slow), "faster");
    }

    #[test]
    fn runs_that_overlap_are_no_evidence() {
        let runs = [1.0, 1.2, 0.9, 1.1, 1.05];
        assert_eq!(
            verdict(Better::More, &runs, &[1.01, 1.15, 0.95, 1.2, 1.0]),
            "no evidence"
        );
        assert_eq!(verdict(Better::More, &runs, &runs), "no evidence");
        assert_eq!(verdict(Better::More, &[1.0; 5], &[1.0; 5]), "same");
    }

    #[test]
    fn an_interval_decides_at_its_ends() {
        let figure = |low, high| {
            let figure = Figure::new("x", "a", "b", "", Better::Higher);
            figure
                .difference(0.5, 0.6, Ok(Interval { low, high }))
                .verdict
        };
        assert_eq!(figure(0.0, 0.1), "no evidence");
        assert_eq!(figure(1e-12, 0.1), "better");
        assert_eq!(figure(-0.1, 0.0), "no evidence");
        assert_eq!(figure(-0.1, -1e-12), "worse");
        assert_eq!(figure(0.0, 0.0), "same");
        assert_eq!(figure(f64::NAN, 1.0), "no evidence");
    }

    #[test]
    fn medians() {
        for (values, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[3.0, 1.0], Some(2.0)),
            (&[9.0, 1.0, 3.0], Some(3.0)),
        ] {
            assert_eq!(Values::of(values.iter().copied()).median(), expected);
        }
    }
}
