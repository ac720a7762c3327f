//! `docs/scoring.md` is true: its example pages, its tables of what is equal and of thresholds,
//! and its sum by hand.
//!
//! **Example pages** are fenced blocks with the info string `page stays` (every line stays) or
//! `page goes=4,7` (lines 4 and 7 go as repeats, all others stay). Scores are off. Two
//! stand-ins are expanded, and count with the lines that they stand for:
//! - `[prose A: 120 columns]`, inside a line: running text of 120 columns, or of 120 `letters`
//!   not counting spaces and the stop. The same name is the same text;
//! - `[menu: 12 lines]`, a line of its own: so many short lines, no two equal.
//!
//! **The sum by hand** holds weights, which change when the scorer is refitted. Then write it
//! anew with
//!
//! ```text
//! DECHAFF_UPDATE_DOC=1 cargo test --no-default-features --test scoring_doc
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dechaff::evidence::{Evidence, Needs, PageAddress};
use dechaff::normalize::normalize_into;
use dechaff::repeats::Repeats;
use dechaff::score::additive::training::{
    ALONE_FEATURES, CONTEXT_FEATURES, bins_alone, bins_in_context,
};
use dechaff::score::{PageFacts, Step};
use dechaff::shape::measure;
use dechaff::{Cleaner, Config, Reason};

const DOC: &str = "docs/scoring.md";
const UPDATE: &str = "DECHAFF_UPDATE_DOC";

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

const BEGIN: &str = "<!-- sum by hand: ";
const END: &str = "<!-- end of the sum by hand -->";
/// Names of the rows that are no features.
const BIAS: &str = "bias";
const LOG_ODDS: &str = "log-odds, the sum";
const LIKELIHOOD: &str = "likelihood, 1 / (1 + e^-sum)";

/// What the last two cells of each row must be, by step and by the row's name.
type Sums = BTreeMap<(usize, String), [String; 2]>;

fn bias(name: &str) -> f32 {
    let source = read("src/score/weights.rs");
    let (_, rest) = source
        .split_once(&format!("{name}: f32 = "))
        .expect("a bias");
    let (value, _) = rest.split_once(';').expect("a constant");
    value.parse().expect("a number")
}

/// Takes a line's score apart into bins and weights, and checks that they add up to it.
fn sums(page: &[u8], number: usize) -> Sums {
    let mut evidence = Evidence::default();
    evidence.gather(page, Needs::PAGE);
    let mut repeats = Repeats::default();
    repeats.find(&evidence);
    let facts = PageFacts {
        page,
        evidence: &evidence,
        repeats: &repeats,
    };
    let line = evidence
        .lines
        .iter()
        .position(|line| line.number == number)
        .expect("the line is not blank");
    let cleaner = Cleaner::new(Config::default()).expect("a good config");
    let explained = cleaner.explain_page(page, &PageAddress::default());
    let score = cleaner.clean_page(page).verdicts()[line].score;

    let weight = |line: usize, step: Step, name: &str| {
        let mut weights = explained[line].contributions.iter();
        let found = weights.find(|weight| weight.step == step && weight.feature == name);
        found.expect("every feature has its say").log_odds
    };
    let alone_bias = bias("ALONE_BIAS");
    let alone: Vec<f32> = (0..evidence.lines.len())
        .map(|line| {
            let features = ALONE_FEATURES.iter();
            features.fold(alone_bias, |sum, feature| {
                sum + weight(line, Step::Alone, feature.name)
            })
        })
        .collect();
    let steps = [
        (
            Step::Alone,
            &ALONE_FEATURES[..],
            &bins_alone(&facts)[line],
            alone_bias,
            score.alone,
        ),
        (
            Step::Context,
            &CONTEXT_FEATURES[..],
            &bins_in_context(&facts, &alone)[line],
            bias("CONTEXT_BIAS"),
            score.context,
        ),
    ];
    let mut sums = Sums::new();
    for (index, (step, features, bins, bias, likelihood)) in steps.into_iter().enumerate() {
        let mut sum = f64::from(bias);
        for (feature, bin) in features.iter().zip(bins) {
            let weight = weight(line, step, feature.name);
            sum += f64::from(weight);
            let cells = [bin.to_string(), format!("{weight:+.2}")];
            sums.insert((index, feature.name.to_owned()), cells);
        }
        let by_hand = 1.0 / (1.0 + (-(sum * 1e3).round() / 1e3).exp());
        assert_eq!(format!("{by_hand:.4}"), format!("{likelihood:.4}"));
        for (name, value) in [
            (BIAS, format!("{bias:+.3}")),
            (LOG_ODDS, format!("{sum:+.3}")),
            (LIKELIHOOD, format!("{likelihood:.4}")),
        ] {
            sums.insert((index, name.to_owned()), [String::new(), value]);
        }
    }
    sums
}

#[test]
fn the_sum_by_hand_is_true() {
    let doc = read(DOC);
    let (before, rest) = doc.split_once(BEGIN).expect("the sum by hand begins");
    let (address, rest) = rest.split_once(" -->\n").expect("page and line");
    let (written, behind) = rest.split_once(END).expect("the sum by hand ends");
    let (page, line) = address.split_once(" line ").expect("PAGE line N");
    let page = fs::read(path(page)).expect("a page of the corpus");
    let sums = sums(&page, line.parse().expect("a line number"));

    let mut tables_begun = 0;
    let mut rows_met = 0;
    let mut expected = String::new();
    for row in written.split_inclusive('\n') {
        tables_begun += usize::from(row.starts_with("|--"));
        let mut cells = cells(row.trim_end());
        let key = (tables_begun.wrapping_sub(1), cells[0].to_owned());
        let Some(last_cells) = sums.get(&key).filter(|_| row.starts_with('|')) else {
            expected.push_str(row);
            continue;
        };
        rows_met += 1;
        let own = cells.len() - last_cells.len();
        cells.truncate(own);
        cells.extend(last_cells.iter().map(String::as_str));
        expected.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    assert_eq!(rows_met, sums.len(), "{DOC}: each feature has its row");
    if std::env::var_os(UPDATE).is_some() {
        let doc = format!("{before}{BEGIN}{address} -->\n{expected}{END}{behind}");
        fs::write(path(DOC), doc).expect("the document can be written");
        return;
    }
    assert_eq!(
        written, expected,
        "the weights have changed; write the sum anew with {UPDATE}=1"
    );
}
