//! `docs/scoring.md` is true: its example pages, its tables of what is equal and of thresholds.
//!
//! **Example pages** are fenced blocks with the info string `page stays` (every line stays) or
//! `page goes=4,7` (lines 4 and 7 go as repeats, all others stay). Scores are off. Two
//! stand-ins are expanded, and count with the lines that they stand for:
//! - `[prose A: 120 columns]`, inside a line: running text of 120 columns, or of 120 `letters`
//!   not counting spaces and the stop. The same name is the same text;
//! - `[menu: 12 lines]`, a line of its own: so many short lines, no two equal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dechaff::normalize::normalize_into;
use dechaff::shape::measure;
use dechaff::{Cleaner, Config, Reason};

const DOC: &str = "docs/scoring.md";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// An example page of the document.
struct Example {
    /// Number of its opening fence in the document.
    at: usize,
    /// The last heading above it.
    heading: String,
    lines: Vec<String>,
    goes: Vec<usize>,
}

fn examples(doc: &str) -> Vec<Example> {
    let mut found = Vec::new();
    let mut heading = String::new();
    let mut lines = doc.lines().zip(1..);
    while let Some((line, at)) = lines.next() {
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().to_owned();
        }
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let block = lines
            .by_ref()
            .map(|(line, _)| line)
            .take_while(|line| *line != "```");
        let texts: Vec<String> = block.flat_map(expanded).collect();
        if let Some(("page", expected)) = info.split_once(' ') {
            found.push(Example {
                at,
                heading: heading.clone(),
                lines: texts,
                goes: line_numbers(expected, at),
            });
        } else {
            assert!(!info.starts_with("page"), "{DOC}:{at}: {info:?}");
        }
    }
    found
}

/// The lines of `goes=4,7`; none for `stays`.
fn line_numbers(expected: &str, at: usize) -> Vec<usize> {
    if expected == "stays" {
        return Vec::new();
    }
    let numbers = expected.strip_prefix("goes=").and_then(|numbers| {
        let numbers = numbers.split(',').map(str::parse);
        numbers.collect::<Result<_, _>>().ok()
    });
    numbers.unwrap_or_else(|| panic!("{DOC}:{at}: neither `stays` nor `goes=N,N`: {expected:?}"))
}

/// A line of an example with its stand-ins expanded.
fn expanded(line: &str) -> Vec<String> {
    if let Some(count) = line
        .strip_prefix("[menu: ")
        .and_then(|rest| rest.strip_suffix(" lines]"))
    {
        let count: usize = count.parse().expect("a number of lines");
        return (1..=count).map(|entry| format!("Entry {entry}")).collect();
    }
    let Some((before, rest)) = line.split_once("[prose ") else {
        return vec![line.to_owned()];
    };
    let (prose, behind) = rest.split_once(']').expect("a stand-in ends in ]");
    let (name, amount) = prose.split_once(": ").expect("name: amount");
    let (amount, unit) = amount.split_once(' ').expect("amount and unit");
    let amount: usize = amount.parse().expect("a number");
    let text = match unit {
        "columns" => prose_of(name, |text| text.len() + 1 == amount),
        "letters" => prose_of(name, |text| {
            text.bytes().filter(u8::is_ascii_lowercase).count() == amount
        }),
        _ => panic!("columns or letters, not {unit:?}"),
    };
    expanded(behind)
        .into_iter()
        .map(|behind| format!("{before}{text}{behind}"))
        .collect()
}

/// Lower-case words and a stop behind them; another text for every name. `is_long_enough` is
/// asked behind every letter and must not say yes only behind a space.
fn prose_of(name: &str, is_long_enough: impl Fn(&str) -> bool) -> String {
    let mut state = name.bytes().fold(1_u64, |state, byte| {
        state.wrapping_mul(257).wrapping_add(u64::from(byte))
    });
    let mut text = String::new();
    while !is_long_enough(&text) {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let letter = char::from(b'a' + (state >> 33) as u8 % 26);
        if text.len() % 7 == 5 {
            text.push(' ');
            if is_long_enough(&text) {
                text.pop();
            }
        }
        text.push(letter);
    }
    text.push('.');
    text
}

#[test]
fn prose_is_as_long_as_it_says() {
    for amount in 20..140 {
        let columns = &expanded(&format!("[prose A: {amount} columns]"))[0];
        assert_eq!(measure(columns.as_bytes()).columns, amount);
        let letters = &expanded(&format!("[prose A: {amount} letters]"))[0];
        assert_eq!(measure(letters.as_bytes()).letter_columns, amount);
    }
    assert_ne!(
        expanded("[prose A: 30 columns]"),
        expanded("[prose B: 30 columns]")
    );
    assert_eq!(expanded("[menu: 3 lines]").len(), 3);
}

#[test]
fn every_example_page_is_true() {
    let config = Config {
        score: false,
        ..Config::default()
    };
    let cleaner = Cleaner::new(config).expect("a good config");
    let examples = examples(&read(DOC));
    assert!(
        examples.iter().any(|example| !example.goes.is_empty())
            && examples.iter().any(|example| example.goes.is_empty()),
        "{DOC} has no examples"
    );
    let mut wrong = String::new();
    for Example {
        at,
        heading,
        lines,
        goes,
    } in examples
    {
        let page = lines.join("\n");
        let cleaned = cleaner.clean_page(page.as_bytes());
        let went: Vec<usize> = cleaned
            .each_line()
            .filter(|line| matches!(line.verdict.reason, Reason::Repeat { .. }))
            .map(|line| line.number)
            .collect();
        if went != goes {
            wrong.push_str(&format!(
                "{DOC}:{at}: {heading}: {goes:?} should go, {went:?} went\n"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Cells of the table rows below a heading, up to the next one, without their backticks.
fn table<'d>(doc: &'d str, heading: &str) -> Vec<Vec<&'d str>> {
    let below = doc
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("{DOC} has no heading {heading:?}"))
        .1;
    let rows = below
        .lines()
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with("| `"));
    rows.map(cells).collect()
}

fn cells(row: &str) -> Vec<&str> {
    let cells = row.trim_matches('|').split('|').map(str::trim);
    cells
        .map(|cell| {
            let code = cell
                .strip_prefix('`')
                .and_then(|cell| cell.strip_suffix('`'));
            code.unwrap_or(cell)
        })
        .collect()
}

/// Text with `\u{a0}` and `\t` for what cannot be seen.
fn unescaped(text: &str) -> String {
    let mut plain = text.replace("\\t", "\t");
    while let Some((before, rest)) = plain.split_once("\\u{") {
        let (digits, behind) = rest.split_once('}').expect("an escape ends in }");
        let code = u32::from_str_radix(digits, 16).expect("hexadecimal digits");
        let c = char::from_u32(code).expect("a character");
        plain = format!("{before}{c}{behind}");
    }
    plain
}

#[test]
fn every_normalised_form_is_true() {
    let doc = read(DOC);
    let rows = table(&doc, "### When two lines are equal");
    assert!(!rows.is_empty(), "{DOC} has no examples of normalisation");
    for row in rows {
        let [line, expected, ..] = row[..] else {
            panic!("a row of few cells: {row:?}");
        };
        let mut normalized = Vec::new();
        normalize_into(unescaped(line).as_bytes(), &mut normalized);
        assert_eq!(String::from_utf8_lossy(&normalized), expected, "{line}");
    }
}

/// The numbers that `src/repeats.rs` names, and whether they are public.
fn constants() -> BTreeMap<String, (String, bool)> {
    let source = read("src/repeats.rs");
    let constants = source.lines().filter_map(|line| {
        let public = line.strip_prefix("pub const ");
        let (name, value) = public
            .or_else(|| line.strip_prefix("const "))?
            .split_once(": ")?;
        let value = value.split_once(" = ")?.1.strip_suffix(';')?;
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| (name.to_owned(), (value.to_owned(), public.is_some())))
    });
    constants.collect()
}

#[test]
fn every_threshold_stands_in_the_table_with_its_value() {
    let doc = read(DOC);
    let in_table: BTreeMap<String, String> = table(&doc, "### Thresholds")
        .iter()
        .map(|row| (row[0].to_owned(), row[2].to_owned()))
        .collect();
    let in_source: BTreeMap<String, String> = constants()
        .into_iter()
        .map(|(name, (value, _))| (name, value))
        .collect();
    assert!(!in_source.is_empty());
    assert_eq!(in_table, in_source, "{DOC} and src/repeats.rs");
}

#[test]
fn every_public_threshold_has_an_example_on_each_side() {
    let examples = examples(&read(DOC));
    for (name, (_, is_public)) in constants() {
        let of_name = || {
            let heading = format!("`{name}`");
            examples
                .iter()
                .filter(move |one| one.heading.contains(&heading))
        };
        let has_both = of_name().any(|example| example.goes.is_empty())
            && of_name().any(|example| !example.goes.is_empty());
        assert!(has_both || !is_public, "{DOC}: no pair of examples: {name}");
    }
}
