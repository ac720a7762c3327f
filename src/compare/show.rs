//! A comparison in, text for a terminal, Markdown or a page of HTML out. All that comes from files
//! is made safe here: control characters show as [`visible`] has them, marks of Markdown and HTML
//! are escaped.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::verdict::Figure;
use super::{Comparison, Pair, Side};
use crate::record::{Cache, Repeat, RunRecord, StageCost};
use crate::visible::visible;

pub use super::page::html;

/// Widest cell of text, in characters.
const MAX_CELL_CHARS: usize = 100;
/// The head of a column that draws stages; a page has a drawing of its own.
pub(super) const BARS: &str = "now, one after the other";
/// Lines that changed sides that are shown; the JSON has more.
const MAX_FLIPS: usize = 20;

/// A part of what is shown: a heading, sentences, a table. Texts are safe on a terminal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Empty for none.
    pub title: String,
    /// Sentences, a line each.
    pub lines: Vec<String>,
    /// Heads of columns; empty without a table.
    pub head: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
    /// Columns from this one on are numbers, up to the last but `text_last`.
    pub numbers_from: usize,
    /// Columns at the end that are text.
    pub text_last: usize,
}

impl Section {
    /// Whether a column holds numbers.
    pub fn is_number(&self, column: &usize) -> bool {
        let behind = self.head.len().saturating_sub(self.text_last);
        (self.numbers_from..behind).contains(column)
    }
}

fn safe(text: &str) -> String {
    let shown = visible(text.as_bytes());
    match shown.char_indices().nth(MAX_CELL_CHARS) {
        Some((at, _)) => format!("{}…", &shown[..at]),
        None => shown,
    }
}

fn strings<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A value with its unit.
pub(super) fn value(value: f64, unit: &str) -> String {
    match unit {
        "share" => format!("{:.2} %", value * 100.0),
        "F1" => format!("{value:.4}"),
        "s" if value < 1e-6 => format!("{:.1} ns", value * 1e9),
        "s" if value < 1e-3 => format!("{:.2} µs", value * 1e6),
        "s" if value < 1.0 => format!("{:.2} ms", value * 1e3),
        "s" => format!("{value:.3} s"),
        unit => format!("{value:.1} {unit}"),
    }
}

/// A change of a figure: percent of a ratio, points of a difference.
pub(super) fn change(figure: &Figure, change: f64) -> String {
    match figure.kind {
        "ratio" => format!("{:+.1} %", (change - 1.0) * 100.0),
        _ => format!("{:+.2} pt", change * 100.0),
    }
}

/// The ends of a figure's interval; `-` where it has none.
pub(super) fn interval(figure: &Figure) -> String {
    match (figure.low, figure.high) {
        (Some(low), Some(high)) if low < high => {
            format!("{} to {}", change(figure, low), change(figure, high))
        }
        _ => "-".to_owned(),
    }
}

/// What is shown of a comparison, in order.
pub fn sections(comparison: &Comparison) -> Vec<Section> {
    let mut all = Vec::new();
    for pair in &comparison.pairs {
        all.push(head(pair));
        all.extend(pair_sections(comparison, pair));
    }
    all.push(gates(comparison));
    all.retain(|section| *section != Section::default());
    all
}

/// What is shown of a pair below its head.
pub(super) fn pair_sections(comparison: &Comparison, pair: &Pair) -> Vec<Section> {
    let mut all = vec![
        figures(comparison, pair),
        stages(pair),
        removed(pair),
        sites(pair),
        ledgers(pair),
        flips(pair),
    ];
    all.retain(|section| *section != Section::default());
    all
}

/// What is said first.
pub(super) fn said(same_output: Option<bool>) -> Option<&'static str> {
    same_output.map(|same| if same { "same output" } else { "other output" })
}

pub(super) fn head(pair: &Pair) -> Section {
    let mut lines: Vec<String> = said(pair.same_output)
        .map(str::to_owned)
        .into_iter()
        .collect();
    lines.extend(
        pair.notes
            .iter()
            .map(|note| format!("note: {}", safe(note))),
    );
    if !pair.settings.is_empty() {
        lines.push("other settings:".to_owned());
    }
    let row = |setting: &super::Differing| {
        vec![
            safe(&setting.name),
            safe(&setting.a.to_string()),
            safe(&setting.b.to_string()),
        ]
    };
    Section {
        title: format!("{} beside {}", safe(&pair.b), safe(&pair.a)),
        lines,
        head: match pair.settings.is_empty() {
            true => Vec::new(),
            false => strings(["setting", "before", "now"]),
        },
        rows: pair.settings.iter().map(row).collect(),
        numbers_from: usize::MAX,
        text_last: 0,
    }
}

fn figures(comparison: &Comparison, pair: &Pair) -> Section {
    let of_pair = comparison.figures_of(pair);
    let is_shown = |figure: &&Figure| !figure.name.starts_with("stage:");
    let row = |figure: &Figure| {
        vec![
            safe(&figure.name),
            value(figure.a, &figure.unit),
            value(figure.b, &figure.unit),
            change(figure, figure.change),
            interval(figure),
            figure.verdict_text(),
        ]
    };
    Section {
        head: strings(["", "before", "now", "change", "95 % interval", "verdict"]),
        rows: of_pair.filter(is_shown).map(row).collect(),
        numbers_from: 1,
        text_last: 1,
        ..Section::default()
    }
}

fn stages(pair: &Pair) -> Section {
    if pair.stages.is_empty() {
        return Section::default();
    }
    const BAR: usize = 24;
    let all = |side: fn(&super::StagePair) -> Option<f64>| -> f64 {
        pair.stages.iter().filter_map(side).sum()
    };
    let longest = all(|stage| stage.a).max(all(|stage| stage.b)).max(1e-12);
    let mut before = 0.0;
    let row = |stage: &super::StagePair| {
        let seconds = |seconds: Option<f64>| {
            seconds.map_or_else(|| "-".to_owned(), |seconds| value(seconds, "s"))
        };
        let change = match (stage.a, stage.b) {
            (Some(a), Some(b)) if a > 0.0 => format!("{:+.1} %", (b / a - 1.0) * 100.0),
            _ => "-".to_owned(),
        };
        let own = stage.b.unwrap_or_default();
        let cell = |seconds: f64| ((seconds / longest * BAR as f64).round() as usize).min(BAR);
        let (from, to) = (cell(before), cell(before + own));
        before += own;
        vec![
            format!("{} {}", stage.pass, safe(&stage.stage)),
            seconds(stage.a),
            seconds(stage.b),
            change,
            format!("{}{}", " ".repeat(from), "#".repeat(to - from)),
        ]
    };
    Section {
        title: "pass and stage, seconds of all threads".to_owned(),
        head: strings(["", "before", "now", "change", BARS]),
        rows: pair.stages.iter().map(row).collect(),
        numbers_from: 1,
        text_last: 1,
        ..Section::default()
    }
}

fn signed(a: u64, b: u64) -> String {
    format!("{:+}", i128::from(b) - i128::from(a))
}

fn removed(pair: &Pair) -> Section {
    if pair.removed.is_empty() || pair.same_output == Some(true) {
        return Section::default();
    }
    let row = |removed: &super::RemovedPair| {
        vec![
            safe(&removed.reason),
            removed.lines_a.to_string(),
            removed.lines_b.to_string(),
            signed(removed.lines_a, removed.lines_b),
            removed.bytes_a.to_string(),
            removed.bytes_b.to_string(),
            signed(removed.bytes_a, removed.bytes_b),
        ]
    };
    Section {
        title: "removed, by reason".to_owned(),
        head: strings([
            "",
            "lines before",
            "now",
            "change",
            "bytes before",
            "now",
            "change",
        ]),
        rows: pair.removed.iter().map(row).collect(),
        numbers_from: 1,
        ..Section::default()
    }
}

fn sites(pair: &Pair) -> Section {
    let mut rows = Vec::new();
    for site in &pair.sites {
        for removed in &site.removed {
            rows.push(vec![
                safe(&site.site),
                safe(&removed.reason),
                removed.bytes_a.to_string(),
                removed.bytes_b.to_string(),
                signed(removed.bytes_a, removed.bytes_b),
            ]);
        }
    }
    if rows.is_empty() {
        return Section::default();
    }
    Section {
        title: "sites of which most changed, bytes removed".to_owned(),
        head: strings(["site", "reason", "before", "now", "change"]),
        rows,
        numbers_from: 2,
        ..Section::default()
    }
}

fn ledgers(pair: &Pair) -> Section {
    let Some(diff) = &pair.ledgers else {
        return Section::default();
    };
    let mut rows = Vec::new();
    for (what, changed) in [("now removed", &diff.now), ("back", &diff.back)] {
        for (reason, changed) in changed {
            let removed = changed.removed;
            rows.push(vec![
                what.to_owned(),
                safe(reason),
                removed.lines.to_string(),
                removed.bytes.to_string(),
                String::new(),
            ]);
            for example in &changed.examples {
                let place = format!("{}:{}", example.page, example.line);
                let text = format!("{}  {}", safe(&place), safe(&example.text));
                rows.push(vec![
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                    text,
                ]);
            }
        }
    }
    Section {
        title: "lines that one run removed and the other did not".to_owned(),
        lines: vec![format!(
            "removed by both for another reason: {} lines",
            diff.other_reason
        )],
        head: strings(["", "reason", "lines", "bytes", "for example"]),
        rows,
        numbers_from: 2,
        text_last: 1,
    }
}

fn flips(pair: &Pair) -> Section {
    let Some(flips) = &pair.flips else {
        return Section::default();
    };
    let row = |flip: &super::accuracy::Flip| {
        let what = match (flip.is_better, flip.is_body) {
            (true, true) => "body kept again",
            (true, false) => "chaff now goes",
            (false, true) => "body now lost",
            (false, false) => "chaff now stays",
        };
        vec![
            what.to_owned(),
            safe(&format!("{} {}:{}", flip.source, flip.id, flip.line)),
            safe(&flip.text),
        ]
    };
    let rows: Vec<_> = flips.listed.iter().take(MAX_FLIPS).map(row).collect();
    Section {
        title: "labelled lines that changed sides".to_owned(),
        lines: vec![format!(
            "{} lines better, {} worse, on {} pages{}",
            flips.better,
            flips.worse,
            flips.pages,
            match (flips.better + flips.worse) as usize > rows.len() {
                true => format!("; the first {}", rows.len()),
                false => String::new(),
            }
        )],
        head: match rows.is_empty() {
            true => Vec::new(),
            false => strings(["", "page and line", "text"]),
        },
        rows,
        numbers_from: usize::MAX,
        text_last: 0,
    }
}

pub(super) fn gates(comparison: &Comparison) -> Section {
    if comparison.gates.is_empty() {
        return Section::default();
    }
    let row = |gate: &super::gate::GateResult| {
        let said = match (&gate.why, gate.fired) {
            (Some(why), _) => format!("cannot be said ({why})"),
            (None, true) => "FAILED".to_owned(),
            (None, false) => "holds".to_owned(),
        };
        vec![safe(&gate.rule), safe(&gate.side), said]
    };
    Section {
        title: "gates".to_owned(),
        head: strings(["rule", "side", ""]),
        rows: comparison.gates.iter().map(row).collect(),
        numbers_from: usize::MAX,
        ..Section::default()
    }
}

/// For a terminal: columns aligned.
pub fn text(comparison: &Comparison) -> String {
    as_text(&sections(comparison))
}

fn as_text<'s>(sections: impl IntoIterator<Item = &'s Section>) -> String {
    let mut text = String::new();
    for section in sections {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in Some(&section.title)
            .filter(|title| !title.is_empty())
            .into_iter()
            .chain(&section.lines)
        {
            let _ = writeln!(text, "{line}");
        }
        aligned(section, &mut text);
    }
    text
}

/// The runs of one record, for a terminal: what they cost, and where the time of the middle one
/// went.
pub fn runs(record: &RunRecord) -> String {
    let side = Side::of_record("", record.clone());
    let row = |cache: Cache| {
        let of = |value: fn(&Repeat) -> Option<f64>| side.values(cache, value);
        let shown = |value: Option<f64>, unit: &str| {
            value.map_or_else(|| "-".to_owned(), |number| self::value(number, unit))
        };
        let seconds = of(|run| Some(run.wall_seconds));
        (!seconds.is_empty()).then(|| {
            vec![
                cache.word().to_owned(),
                seconds.len().to_string(),
                shown(seconds.median(), "s"),
                shown(seconds.lowest(), "s"),
                shown(seconds.highest(), "s"),
                shown(of(Repeat::mb_per_second).median(), "MB/s"),
                shown(of(|run| run.cpu_seconds).median(), "s"),
                shown(
                    of(|run| run.peak_memory_bytes.map(|bytes| bytes as f64 / 1e6)).highest(),
                    "MB",
                ),
            ]
        })
    };
    let costs = Section {
        lines: vec![
            match side.output_differs() {
                true => "the runs differ in their output",
                false => "same output of all runs",
            }
            .to_owned(),
        ],
        head: strings([
            "cache",
            "runs",
            "median",
            "lowest",
            "highest",
            "speed",
            "processor",
            "memory",
        ]),
        rows: [Cache::Cold, Cache::Warm]
            .into_iter()
            .filter_map(row)
            .collect(),
        numbers_from: 1,
        ..Section::default()
    };
    let all: f64 = record.stages.iter().map(|cost| cost.wall_seconds).sum();
    let stage = |cost: &StageCost| {
        vec![
            format!("{} {}", cost.pass, safe(&cost.stage)),
            value(cost.wall_seconds, "s"),
            value(cost.wall_seconds / all.max(1e-12), "share"),
        ]
    };
    let stages = Section {
        title: "pass and stage of the middle run, seconds of all threads".to_owned(),
        head: strings(["", "seconds", "share"]),
        rows: record.stages.iter().map(stage).collect(),
        numbers_from: 1,
        ..Section::default()
    };
    let sections = [costs, stages];
    as_text(sections.iter().filter(|section| !section.rows.is_empty()))
}

fn aligned(section: &Section, text: &mut String) {
    let all = || std::iter::once(&section.head).chain(&section.rows);
    let columns = section.head.len();
    let width = |column: usize| all().map(|row| row[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in all().filter(|row| !row.is_empty()) {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let gap = " ".repeat(widths[column] - cell.width());
            let (left, right) = if section.is_number(&column) {
                (&*gap, "")
            } else {
                ("", &*gap)
            };
            let _ = write!(line, "  {left}{cell}{right}");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// As Markdown: tables with pipes.
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = String::new();
    for section in sections(comparison) {
        if !text.is_empty() {
            text.push('\n');
        }
        if !section.title.is_empty() {
            let _ = writeln!(text, "### {}\n", escaped(&section.title));
        }
        for line in &section.lines {
            let _ = writeln!(text, "- {}", escaped(line));
        }
        if !section.lines.is_empty() && !section.head.is_empty() {
            text.push('\n');
        }
        let columns = section.head.len();
        for (at, row) in std::iter::once(&section.head)
            .chain(&section.rows)
            .enumerate()
        {
            if columns == 0 {
                break;
            }
            let cells: Vec<String> = row.iter().map(|cell| escaped(cell.trim())).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
            if at == 0 {
                let mark = |column| {
                    if section.is_number(&column) {
                        "--:"
                    } else {
                        "---"
                    }
                };
                let marks = (0..columns).map(mark);
                let _ = writeln!(text, "| {} |", marks.collect::<Vec<_>>().join(" | "));
            }
        }
    }
    text
}

/// Text that Markdown takes as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_escaped() {
        assert_eq!(
            escaped("a|b <img> [x](y) `c`"),
            "a\\|b &lt;img&gt; \\[x\\](y) \\`c\\`"
        );
    }

    #[test]
    fn cells_are_safe_and_cut() {
        assert_eq!(safe("a\u{1b}[31m"), "a\\x1b[31m");
        assert_eq!(safe(&"ä".repeat(101)).chars().count(), 101);
    }

    #[test]
    fn values_have_units() {
        for (number, unit, expected) in [
            (0.5, "share", "50.00 %"),
            (0.12345, "F1", "0.1235"),
            (2e-9, "s", "2.0 ns"),
            (2e-5, "s", "20.00 µs"),
            (0.25, "s", "250.00 ms"),
            (2.0, "s", "2.000 s"),
            (2.0, "MB/s", "2.0 MB/s"),
        ] {
            assert_eq!(value(number, unit), expected);
        }
    }
}
