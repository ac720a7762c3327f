//! A comparison in, one page of HTML out: tables, and drawings as SVG. It asks no network for
//! anything; the template escapes every text.

use askama::Template;

use super::show::{self, Section};
use super::verdict::{Better, Figure};
use super::{Comparison, Pair};
use crate::visible::visible;

/// Width of drawings, and of the names beside them.
const WIDTH: f64 = 760.0;
const NAMES: f64 = 150.0;
const ROW: f64 = 26.0;
/// Characters of a name beside a drawing.
const ROW_NAME_CHARS: usize = 21;
/// Widest name of a point, and how high its line is.
const SCATTER_NAME: f64 = 250.0;
const LINE: f64 = 14.0;

/// The page.
///
/// # Errors
///
/// The template cannot be filled; it can.
pub fn html(comparison: &Comparison) -> Result<String, askama::Error> {
    let mut items = Vec::new();
    for pair in &comparison.pairs {
        let sections = show::pair_sections(comparison, pair).into_iter();
        let mut sections = sections.map(without_bars).map(Item::Section);
        items.push(Item::Section(show::head(pair)));
        // The figures, then what they look like.
        items.extend(sections.next());
        items.extend(forests(comparison, pair).into_iter().map(Item::Forest));
        items.extend(waterfall(pair).map(Item::Waterfall));
        items.extend(sections);
    }
    let gates = show::gates(comparison);
    if gates != Section::default() {
        items.push(Item::Section(gates));
    }
    let page = Page {
        // Of one pair its own head says it.
        said: match comparison.pairs.len() {
            1 => "",
            _ => show::said(comparison.same_output).unwrap_or_default(),
        },
        scatter: scatter(comparison),
        items,
    };
    page.render()
}

fn without_bars(mut section: Section) -> Section {
    if section.head.last().is_some_and(|head| head == show::BARS) {
        section.text_last = 0;
        let rows = section.rows.iter_mut();
        for row in rows.chain([&mut section.head]) {
            row.pop();
        }
    }
    section
}

#[derive(Template)]
#[template(path = "compare.html")]
struct Page {
    said: &'static str,
    scatter: Option<Scatter>,
    items: Vec<Item>,
}

/// What stands on the page, from top to bottom.
enum Item {
    Section(Section),
    Forest(Forest),
    Waterfall(Waterfall),
}

/// Speed to the right, accuracy upwards, a point a side.
struct Scatter {
    points: Vec<Point>,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
}

struct Point {
    x: f64,
    y: f64,
    /// Where its name stands: below those that it would cover.
    name_y: f64,
    name: String,
    title: String,
}

struct Tick {
    at: f64,
    text: String,
}

/// Changes with their intervals, a row a figure.
struct Forest {
    title: String,
    height: f64,
    zero: f64,
    ticks: Vec<Tick>,
    rows: Vec<ForestRow>,
}

struct ForestRow {
    y: f64,
    low: f64,
    high: f64,
    at: f64,
    name: String,
    title: String,
    class: &'static str,
}

/// What stages cost, one behind the other.
struct Waterfall {
    title: String,
    height: f64,
    ticks: Vec<Tick>,
    rows: Vec<WaterfallRow>,
}

struct WaterfallRow {
    y: f64,
    name: String,
    bars: Vec<WaterfallBar>,
}

struct WaterfallBar {
    class: &'static str,
    x: f64,
    y: f64,
    width: f64,
    title: String,
}

fn shown(text: &str) -> String {
    visible(text.as_bytes())
}

/// At most so many characters of a text.
fn cut(text: &str, chars: usize) -> String {
    let text = shown(text);
    match text.char_indices().nth(chars) {
        Some(_) => text.chars().take(chars - 1).chain(['…']).collect(),
        None => text,
    }
}

/// A scale from values to places, with round ticks.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// One that holds all values, with room around them.
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Option<Self> {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return None;
        }
        // Around a single value there is room enough for ticks that differ.
        let room = match high - low {
            0.0 => (high.abs() * 0.1).max(0.01),
            width => (width * 0.08).max(high.abs() * 1e-6),
        };
        Some(Scale {
            low: low - room,
            high: high + room,
            from,
            to,
        })
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        let place = self.from + share.clamp(0.0, 1.0) * (self.to - self.from);
        (place * 10.0).round() / 10.0
    }

    fn ticks(&self, text: impl Fn(f64) -> String) -> Vec<Tick> {
        let rough = (self.high - self.low) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let factors = [1.0, 2.0, 5.0, 10.0];
        let step = factors
            .iter()
            .map(|factor| factor * power)
            .find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let first = (self.low / step).ceil();
        (0..10)
            .map(|at| (first + f64::from(at)) * step)
            .take_while(|value| *value <= self.high)
            .map(|value| Tick {
                at: self.at(value),
                text: text(value + 0.0),
            })
            .collect()
    }
}

fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

fn scatter(comparison: &Comparison) -> Option<Scatter> {
    let known: Vec<(f64, f64, &str)> = comparison
        .sides
        .iter()
        .filter_map(|side| Some((side.mb_per_second?, side.word_f1?, &*side.name)))
        .collect();
    let x = Scale::over(known.iter().map(|point| point.0), 60.0, WIDTH - 20.0)?;
    let y = Scale::over(known.iter().map(|point| point.1), 260.0, 20.0)?;
    let mut points: Vec<Point> = Vec::new();
    for (speed, f1, name) in &known {
        let (x, y) = (x.at(*speed), y.at(*f1));
        let covers = |name_y: f64| {
            let is_near = |other: &Point| {
                (other.x - x).abs() < SCATTER_NAME && (other.name_y - name_y).abs() < LINE
            };
            points.iter().any(is_near)
        };
        let mut name_y = y + 4.0;
        while covers(name_y) {
            name_y += LINE;
        }
        points.push(Point {
            x,
            y,
            name_y,
            name: cut(name, 36),
            title: format!("{}: {speed:.1} MB/s, word F1 {f1:.4}", shown(name)),
        });
    }
    Some(Scatter {
        points,
        x_ticks: x.ticks(number),
        y_ticks: y.ticks(number),
    })
}

/// One drawing for ratios and one for differences: their scales differ.
fn forests(comparison: &Comparison, pair: &Pair) -> Vec<Forest> {
    let of_kind = |kind: &str, what: &str, unit: &str| {
        let figures: Vec<&Figure> = comparison
            .figures_of(pair)
            .filter(|figure| figure.kind == kind && figure.change.is_finite())
            .collect();
        let percent = |change: f64| match kind {
            "ratio" => (change - 1.0) * 100.0,
            _ => change * 100.0,
        };
        let values = figures.iter().flat_map(|figure| {
            let ends = [figure.low, figure.high];
            ends.into_iter()
                .flatten()
                .chain([figure.change])
                .map(percent)
        });
        if figures.is_empty() {
            return None;
        }
        let scale = Scale::over(values.chain([0.0]), NAMES, WIDTH - 20.0)?;
        let rows = figures.iter().zip(0..).map(|(figure, row)| ForestRow {
            y: ROW * (f64::from(row) + 0.75),
            low: scale.at(percent(figure.low.unwrap_or(figure.change))),
            high: scale.at(percent(figure.high.unwrap_or(figure.change))),
            at: scale.at(percent(figure.change)),
            name: cut(&figure.name, ROW_NAME_CHARS),
            title: format!(
                "{}: {}, interval {}: {}",
                shown(&figure.name),
                show::change(figure, figure.change),
                show::interval(figure),
                figure.verdict_text()
            ),
            class: match (figure.verdict, figure.better) {
                ("faster" | "better", _) | ("less", Better::LessMemory) => "good",
                ("slower" | "worse", _) | ("more", Better::LessMemory) => "bad",
                _ => "open",
            },
        });
        Some(Forest {
            title: format!(
                "{what} of {} to {}, with 95 % intervals",
                shown(&pair.b),
                shown(&pair.a)
            ),
            height: ROW * (figures.len() as f64 + 1.6),
            zero: scale.at(0.0),
            ticks: scale.ticks(|value| format!("{} {unit}", number(value))),
            rows: rows.collect(),
        })
    };
    let ratios = of_kind("ratio", "Changes", "%");
    let differences = of_kind("difference", "Differences", "pt");
    ratios.into_iter().chain(differences).collect()
}

fn waterfall(pair: &Pair) -> Option<Waterfall> {
    let sum = |side: fn(&super::StagePair) -> Option<f64>| -> f64 {
        pair.stages.iter().filter_map(side).sum()
    };
    let longest = sum(|stage| stage.a).max(sum(|stage| stage.b));
    let is_drawn = longest > 0.0 && longest.is_finite();
    let scale = is_drawn.then_some(Scale {
        low: 0.0,
        high: longest,
        from: NAMES,
        to: WIDTH - 20.0,
    })?;
    let mut before = [0.0; 2];
    let rows = pair.stages.iter().zip(0..).map(|(stage, row)| {
        let y = ROW * f64::from(row) + 4.0;
        let seconds = [("before", stage.a, &pair.a), ("now", stage.b, &pair.b)];
        let bars = seconds.into_iter().zip(&mut before).zip([0.0, 10.0]);
        let bars = bars.filter_map(|(((class, seconds, side), before), below)| {
            let seconds = seconds?;
            let x = scale.at(*before);
            *before += seconds;
            Some(WaterfallBar {
                class,
                x,
                y: y + below,
                width: (scale.at(*before) - x).max(0.5),
                title: format!("{}: {}", shown(side), show::value(seconds, "s")),
            })
        });
        WaterfallRow {
            y: y + 14.0,
            name: cut(&format!("{} {}", stage.pass, stage.stage), ROW_NAME_CHARS),
            bars: bars.collect(),
        }
    });
    Some(Waterfall {
        title: format!(
            "Stages, seconds of all threads: {} above, {} below",
            shown(&pair.a),
            shown(&pair.b)
        ),
        rows: rows.collect(),
        height: ROW * (pair.stages.len() as f64 + 1.2),
        ticks: scale.ticks(|value| format!("{} s", number(value))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_differ_even_around_a_single_value() {
        for value in [0.0, 0.9, -40.0, 181.1] {
            let scale = Scale::over([value, value].into_iter(), 0.0, 100.0).expect("a value");
            let texts: Vec<String> = scale
                .ticks(number)
                .into_iter()
                .map(|tick| tick.text)
                .collect();
            assert!(texts.len() > 2, "{value}: {texts:?}");
            let different: std::collections::BTreeSet<&String> = texts.iter().collect();
            assert_eq!(different.len(), texts.len(), "{value}: {texts:?}");
        }
    }
}
