//! `dechaff repeats` as a user meets it: pages in, a table or JSON of repeated blocks out.
#![cfg(feature = "cli")]

mod support;

use std::collections::BTreeSet;

use assert_cmd::cargo::cargo_bin_cmd;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use support::{FERRY, MARK, Numbers, Outcome, Place};

const MENU: &str = "Home\nNews of the harbour and the town\nTides\n";
const FOOTER: &str = "Write to the harbour office before you sail\nAll rights reserved\n";

/// Two sites with a menu and a footer, one page of each without the footer.
fn sites() -> Place {
    Place::with([
        ("in/north/a.txt", format!("{MENU}\nOtters\n\n{FOOTER}")),
        ("in/north/b.txt", format!("{MENU}\nHerons\n\n{FOOTER}")),
        ("in/north/c.txt", format!("{MENU}\nFerries\n")),
        ("in/south/d.txt", format!("Ropes\n{FOOTER}Knots\n{FOOTER}")),
    ])
}

fn repeats_with_input(place: &Place, arguments: &[&str], input: impl AsRef<[u8]>) -> Outcome {
    let output = cargo_bin_cmd!("dechaff")
        .current_dir(place.path(""))
        .env_remove("DECHAFF_THREADS")
        .arg("repeats")
        .args(arguments)
        .write_stdin(input.as_ref())
        .timeout(std::time::Duration::from_secs(300))
        .output()
        .expect("the program runs");
    Outcome::new(output)
}

fn repeats(place: &Place, arguments: &[&str]) -> Outcome {
    repeats_with_input(place, arguments, b"")
}

fn text(place: &Place, arguments: &[&str]) -> String {
    let outcome = repeats(place, arguments).expect(0);
    outcome.says(&[]);
    String::from_utf8(outcome.stdout).expect("the table is UTF-8")
}

fn parsed(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.stdout).expect("JSON")
}

fn json_of(place: &Place, arguments: &[&str]) -> Value {
    let outcome = repeats(place, &[arguments, &["--json"]].concat()).expect(0);
    outcome.says(&[]);
    parsed(&outcome)
}

/// The first lines of the blocks, as they are listed.
fn first_lines(report: &Value) -> Vec<&str> {
    let blocks = report["blocks"].as_array().expect("blocks");
    let texts = blocks.iter().map(|block| block["text"].as_str());
    texts
        .map(|text| text.and_then(|text| text.lines().next()).expect("a line"))
        .collect()
}

#[test]
fn the_table_shows_blocks_with_their_places_and_text() {
    let shown = text(&sites(), &["in", "--min-chars", "5"]);
    let expected = "\
\x20saved bytes   places    pages   lines  first places
         192        4        3       2  north/a.txt:7-8, north/b.txt:7-8, south/d.txt:2-3
    Write to the harbour office before you sail
    All rights reserved

          88        3        3       3  north/a.txt:1-3, north/b.txt:1-3, north/c.txt:1-3
    Home
    News of the harbour and the town
    Tides

pages                              4
lines                             27             427 bytes 100.0 %
blocks found                       2
blocks that save                   2             280 bytes  65.6 %
blocks listed                      2             280 bytes  65.6 %
";
    assert_eq!(shown, expected);
}

#[test]
fn json_has_the_fields_of_the_contract() {
    let report = json_of(&sites(), &["in", "--min-chars", "5", "--places", "1"]);
    let expected = json!({
        "scope": "corpus",
        "pages": 4,
        "lines": 27,
        "bytes": 427,
        "blocks": [
            {
                "lines": 2,
                "chars": 62,
                "bytes": 64,
                "places": 4,
                "pages": 3,
                "saved_bytes": 192,
                "first": [{"page": "north/a.txt", "first_line": 7, "last_line": 8}],
                "text": FOOTER.trim_end(),
                "text_is_cut": false,
            },
            {
                "lines": 3,
                "chars": 41,
                "bytes": 44,
                "places": 3,
                "pages": 3,
                "saved_bytes": 88,
                "first": [{"page": "north/a.txt", "first_line": 1, "last_line": 3}],
                "text": MENU.trim_end(),
                "text_is_cut": false,
            },
        ],
        "blocks_found": 2,
        "blocks_that_save": 2,
        "saved_bytes": 280,
        "saved_share": 0.6557,
        "is_complete": true,
        "rows_without_text": 0,
        "other_files": 0,
        "links": 0,
        "problems": 0,
    });
    assert_eq!(report, expected);
}

#[test]
fn a_scope_says_which_places_count_together() {
    let place = sites();
    let found = |scope: &str| {
        let report = json_of(&place, &["in", "--min-chars", "5", "--scope", scope]);
        assert_eq!(report["scope"], scope);
        let blocks = report["blocks"].as_array().expect("blocks").clone();
        let figures = |block: &Value| {
            let page = block["first"][0]["page"]
                .as_str()
                .expect("a page")
                .to_owned();
            (page, block["places"].clone(), block["pages"].clone())
        };
        blocks.iter().map(figures).collect::<Vec<_>>()
    };
    let row = |page: &str, places: u32, pages: u32| (page.to_owned(), json!(places), json!(pages));
    assert_eq!(
        found("corpus"),
        [row("north/a.txt", 4, 3), row("north/a.txt", 3, 3)]
    );
    // The southern site has the footer on one page only.
    assert_eq!(
        found("site"),
        [row("north/a.txt", 3, 3), row("north/a.txt", 2, 2)]
    );
    assert_eq!(found("page"), [row("south/d.txt", 2, 1)]);
}

#[test]
fn sites_are_told_as_asked() {
    let place = Place::new();
    let row = |host: &str| format!("{{\"url\":\"https://{host}/p\",\"text\":\"{PLAIN_LINE}\"}}\n");
    const PLAIN_LINE: &str = "A line that is long enough to be listed by itself";
    let hosts = ["a.example.com", "www.a.example.com", "b.example.com"];
    place.file("in/rows.jsonl", hosts.map(row).concat());
    for (by, places) in [
        ("auto", Some(2)),
        ("host", Some(2)),
        ("domain", Some(3)),
        ("dir", Some(3)),
        ("none", None),
    ] {
        let report = json_of(&place, &["in", "--scope", "site", "--site", by]);
        let found = report["blocks"][0]["places"].as_u64();
        assert_eq!(found, places, "{by}");
    }
}

#[test]
fn lower_limits_hold_on_both_sides() {
    let place = sites();
    let count = |option: &str, value: &str| {
        let arguments = ["in", "--min-chars", "0", option, value];
        json_of(&place, &arguments)["blocks"]
            .as_array()
            .expect("blocks")
            .len()
    };
    assert_eq!(count("--min-lines", "2"), 2);
    assert_eq!(count("--min-lines", "3"), 1);
    assert_eq!(count("--min-lines", "4"), 0);
    assert_eq!(count("--min-pages", "3"), 2);
    assert_eq!(count("--min-pages", "4"), 0);
    let long = |chars: &str| {
        let report = json_of(&place, &["in", "--min-chars", chars]);
        report["blocks"].as_array().expect("blocks").len()
    };
    assert_eq!((long("41"), long("42")), (2, 1));
    assert_eq!((long("62"), long("63")), (1, 0));
}

#[test]
fn without_options_a_block_stands_on_two_pages_and_has_40_characters() {
    let line = |length: usize| "x".repeat(length) + "\n";
    let place = Place::with([
        (
            "in/a.txt",
            line(40) + &line(39) + &line(41) + "-\n" + &line(41),
        ),
        ("in/b.txt", "-\n".to_owned() + &line(40) + "b\n" + &line(39)),
    ]);
    let lengths = |arguments: &[&str]| {
        let report = json_of(&place, arguments);
        let texts = first_lines(&report);
        texts.into_iter().map(str::len).collect::<Vec<_>>()
    };
    assert_eq!(lengths(&["in"]), [40]);
    assert_eq!(lengths(&["in", "--min-pages", "1"]), [41, 40]);
    assert_eq!(lengths(&["in", "--scope", "page"]), [41]);
}

#[test]
fn what_is_saved_is_what_removal_takes_away() {
    let place = sites();
    let report = json_of(
        &place,
        &["in", "--min-chars", "0", "--top", "0", "--places", "100"],
    );
    let mut gone: BTreeSet<(String, u64)> = BTreeSet::new();
    for block in report["blocks"].as_array().expect("blocks") {
        let places = block["first"].as_array().expect("places");
        assert_eq!(
            places.len() as u64,
            block["places"].as_u64().expect("a number")
        );
        let mut saved = 0;
        for (number, extent) in places.iter().enumerate() {
            let page = extent["page"].as_str().expect("a name");
            let line = |name: &str| extent[name].as_u64().expect("a number");
            let lines = place.read_text(format!("in/{page}"));
            let mut seen = Vec::new();
            for at in line("first_line")..=line("last_line") {
                let text = lines.lines().nth(at as usize - 1).expect("a line");
                if text.is_empty() {
                    continue;
                }
                seen.push(text);
                if number > 0 && gone.insert((page.to_owned(), at)) {
                    saved += text.len() as u64 + 1;
                }
            }
            assert_eq!(
                block["text"],
                seen.join("\n"),
                "the text stands in each place"
            );
        }
        assert_eq!(block["saved_bytes"], saved);
    }
    let mut left = 0;
    for name in ["north/a.txt", "north/b.txt", "north/c.txt", "south/d.txt"] {
        let page = place.read_text(format!("in/{name}"));
        let stay = page
            .lines()
            .zip(1..)
            .filter(|(_, number)| !gone.contains(&(name.to_owned(), *number)));
        left += stay.map(|(line, _)| line.len() as u64 + 1).sum::<u64>();
    }
    assert_eq!(
        report["saved_bytes"],
        report["bytes"].as_u64().expect("a number") - left
    );
}

#[test]
fn periodic_pages_have_one_block_that_does_not_overlap_itself() {
    let line = "The same line of text stands here again and again\n";
    let pair = "The first line of a pair that repeats\nAnd the second one\n";
    let place = Place::with([
        ("equal.txt", line.repeat(20_000)),
        ("pairs.txt", pair.repeat(10_000)),
    ]);
    for (name, lines, places, length) in [
        ("equal.txt", 1, 20_000, line.len()),
        ("pairs.txt", 2, 10_000, pair.len()),
    ] {
        let report = json_of(&place, &[name, "--scope", "page"]);
        let blocks = report["blocks"].as_array().expect("blocks");
        assert_eq!(blocks.len(), 1);
        assert_eq!(
            (&blocks[0]["lines"], &blocks[0]["places"]),
            (&json!(lines), &json!(places))
        );
        assert_eq!(blocks[0]["saved_bytes"], (places - 1) * length);
    }
}

#[test]
fn the_output_does_not_depend_on_threads() {
    let mut numbers = Numbers::new(7);
    let place = Place::new();
    for page in 0..300 {
        let lines: String = (0..numbers.below(60))
            .map(|_| format!("Line {} of a small alphabet of lines\n", numbers.below(40)))
            .collect();
        place.file(format!("in/{}/{page}.txt", page % 7), lines);
    }
    let rows: String = (0..3000)
        .map(|row| {
            let (left, right) = (numbers.below(30), numbers.below(30));
            format!("{{\"text\":\"Row {row}\\nLine {left} of a small alphabet of lines\\nAn end, number {right}\"}}\n")
        })
        .collect();
    place.file("in/rows.jsonl", rows);
    for scope in ["corpus", "site", "page"] {
        let shown = |threads: &str| {
            let arguments = [
                "in",
                "--json",
                "--top",
                "0",
                "--scope",
                scope,
                "--threads",
                threads,
            ];
            repeats(&place, &arguments).expect(0).stdout
        };
        let one = shown("1");
        assert!(serde_json::from_slice::<Value>(&one).expect("JSON")["blocks"][0].is_object());
        for threads in ["2", "5"] {
            assert!(shown(threads) == one, "{scope} {threads}");
        }
    }
}

#[test]
fn rows_of_json_lines_are_pages() {
    let place = sites();
    let page = |name: &str| place.read_text(format!("in/{name}"));
    let rows = ["north/a.txt", "north/b.txt"]
        .map(|name| json!({"id": name, "text": page(name)}).to_string());
    place.file("rows.jsonl", rows.join("\n") + "\n\n{\"id\": 3}\n");
    let report = json_of(&place, &["rows.jsonl"]);
    assert_eq!(report["rows_without_text"], 1);
    assert_eq!(report["pages"], 2);
    assert_eq!(
        report["blocks"][0]["first"],
        json!([
            {"page": "rows.jsonl#1", "first_line": 7, "last_line": 8},
            {"page": "rows.jsonl#2", "first_line": 7, "last_line": 8},
        ])
    );
    assert_eq!(report["blocks"][0]["text"], FOOTER.trim_end());
}

#[test]
fn standard_input_is_a_page_or_rows() {
    let place = Place::new();
    let arguments = ["-", "--scope", "page", "--json"];
    let page =
        repeats_with_input(&place, &arguments, format!("{FOOTER}\nTides\n{FOOTER}")).expect(0);
    let block = &parsed(&page)["blocks"][0];
    assert_eq!(
        block["first"][1],
        json!({"page": "-", "first_line": 5, "last_line": 6})
    );
    assert_eq!(block["text"], FOOTER.trim_end());

    let row = json!({"body": FOOTER}).to_string();
    let arguments = ["-", "--format", "jsonl", "--text-field", "body", "--json"];
    let rows = repeats_with_input(&place, &arguments, format!("{row}\n{row}\n")).expect(0);
    let block = &parsed(&rows)["blocks"][0];
    assert_eq!(
        block["first"][1],
        json!({"page": "-#2", "first_line": 1, "last_line": 2})
    );
    assert_eq!(block["text"], FOOTER.trim_end());
}

#[test]
fn lines_are_compared_as_asked() {
    let line = "The  Ferry sails at \u{201c}eight\u{201d} on every Monday evening";
    let other = [
        line.to_owned(),
        line.replace("  ", " "),
        line.to_lowercase().replace(['\u{201c}', '\u{201d}'], "\""),
    ];
    for (normalize, equal) in [
        ("none", [true, false, false]),
        ("space", [true, true, false]),
        ("full", [true; 3]),
    ] {
        for (other, is_equal) in other.iter().zip(equal) {
            let place = Place::with([("in/a.txt", line), ("in/b.txt", &format!("\t{other}"))]);
            let exact = Place::with([("in/a.txt", line), ("in/b.txt", other)]);
            let place = if normalize == "none" { exact } else { place };
            let report = json_of(&place, &["in", "--normalize", normalize]);
            assert_eq!(report["blocks_found"] == 1, is_equal, "{normalize} {other}");
        }
    }
}

#[test]
fn a_large_page_in_stretches_gives_the_same() {
    let mut numbers = Numbers::new(3);
    let mut page = String::new();
    while page.len() < 400_000 {
        match numbers.below(3) {
            0 => page.push_str([FOOTER, FERRY][numbers.below(2)]),
            1 => page.push_str(&format!(
                "A line of which there are a few, number {}\n",
                numbers.below(20)
            )),
            _ => page.push_str(&format!(
                "A line of its own, number {}\r\n\n",
                numbers.below(1 << 40)
            )),
        }
    }
    let place = Place::with([("page.txt", &page)]);
    let arguments = [
        "page.txt", "--scope", "page", "--top", "0", "--places", "100",
    ];
    let whole = json_of(&place, &arguments);
    let cut = json_of(
        &place,
        &[&arguments[..], &["--max-page-bytes", "64KiB"]].concat(),
    );
    assert!(whole["blocks"].as_array().expect("blocks").len() > 2);
    assert_eq!(whole, cut);
}

#[test]
fn marks_and_utf16_are_read_as_text() {
    let units = format!("\u{feff}{FOOTER}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let place = Place::with([
        ("in/a.txt", [MARK, FOOTER.as_bytes()].concat()),
        ("in/b.txt", units),
        ("in/c.txt", FOOTER.replace('\n', "\r\n").into_bytes()),
        ("in/d.txt", FOOTER.replace('\n', "\r").into_bytes()),
    ]);
    let report = json_of(&place, &["in"]);
    let block = &report["blocks"][0];
    assert_eq!(
        (&block["places"], &block["bytes"]),
        (&json!(4), &json!(FOOTER.len()))
    );
    // The first copy stays; the third has two line ends of two bytes.
    assert_eq!(block["saved_bytes"], 3 * FOOTER.len() + 2);
}

#[test]
fn source_files_are_text() {
    let script = "function area(shape) { return shape.width * shape.height; }\n";
    let style = "body { margin: 0; padding: 0; color: black; background: white; }\n";
    let place = Place::with([
        ("in/a.js", script),
        ("in/b.mjs", script),
        ("in/c.css", style),
        ("in/d.css", style),
    ]);
    place.file("in/e.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01");
    let report = json_of(&place, &["in"]);
    assert_eq!(first_lines(&report), [style.trim_end(), script.trim_end()]);
    assert_eq!(
        (&report["pages"], &report["other_files"]),
        (&json!(4), &json!(1))
    );
}

#[test]
fn pages_that_are_no_text_are_skipped_and_told() {
    let nul = format!("{FOOTER}\0");
    let place = Place::with([("in/b.txt", &nul), ("in/c.txt", &FOOTER.to_owned())]);
    let outcome = repeats(&place, &["in", "--json"]).expect(3);
    outcome.says(&["b.txt: cannot be read: binary: holds NUL bytes; skipped"]);
    let report = parsed(&outcome);
    assert_eq!(
        (&report["pages"], &report["problems"]),
        (&json!(1), &json!(1))
    );
    // Unless they are said to be text.
    let report = json_of(&place, &["in", "--format", "text"]);
    assert_eq!(
        (&report["pages"], &report["blocks"][0]["places"]),
        (&json!(2), &json!(2))
    );
}

#[test]
fn bad_rows_are_told_and_the_rest_counts() {
    let row = json!({"text": FOOTER}).to_string();
    let place = Place::with([("rows.jsonl", format!("{row}\n{{\"text\": \"\n{row}\n"))]);
    let outcome = repeats(&place, &["rows.jsonl", "--json"]).expect(3);
    assert_eq!(outcome.stderr.lines().count(), 1);
    outcome.mentions("rows.jsonl:2:");
    outcome.mentions("bad JSON row");
    let report = parsed(&outcome);
    assert_eq!(
        (&report["pages"], &report["blocks"][0]["places"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(report["blocks"][0]["first"][1]["page"], "rows.jsonl#3");

    let outcome = repeats(&place, &["rows.jsonl", "--text-field", "body"]).expect(3);
    outcome.mentions("no row has text in the field 'body' (the first has: text)");
}

#[test]
fn what_cannot_be_done_is_refused() {
    let place = sites();
    for arguments in [
        &["missing"][..],
        &["in", "missing"],
        &["-", "in"],
        &[],
        &["in", "--min-lines", "0"],
        &["in", "--places", "0"],
        &["in", "--scope", "none"],
    ] {
        let outcome = repeats(&place, arguments).expect(2);
        assert!(outcome.stdout.is_empty(), "{arguments:?}");
        assert!(!outcome.stderr.is_empty());
    }
    repeats(&place, &["missing"])
        .says(&["dechaff: missing: No such file or directory (os error 2)"]);
}

#[test]
fn the_lists_have_the_lengths_asked_for() {
    let place = sites();
    let listed = |arguments: &[&str]| {
        let report = json_of(&place, &[&["in", "--min-chars", "0"], arguments].concat());
        let blocks = report["blocks"].as_array().expect("blocks");
        let places = blocks[0]["first"].as_array().expect("places").len();
        assert_eq!(report["blocks_that_save"], 2);
        assert_eq!(report["saved_bytes"], 280);
        (blocks.len(), places)
    };
    assert_eq!(listed(&[]), (2, 3));
    assert_eq!(listed(&["--top", "1", "--places", "1"]), (1, 1));
    assert_eq!(listed(&["--top", "0", "--places", "9"]), (2, 4));
}

#[test]
fn long_blocks_are_cut_where_they_are_shown() {
    let line = |at: usize| {
        format!(
            "{at} is a line that is somewhat longer than the table is wide: {}\n",
            "서울 ".repeat(40)
        )
    };
    let block: String = (0..1000).map(line).collect();
    let place = Place::with([
        ("in/a.txt", format!("a\n{block}")),
        ("in/b.txt", format!("b\n{block}")),
    ]);
    let shown = text(&place, &["in"]);
    let rows: Vec<&str> = shown.lines().collect();
    assert!(
        rows[2].starts_with("    0 is a line") && rows[2].ends_with('…'),
        "{}",
        rows[2]
    );
    assert!(rows[2].chars().count() < 100);
    assert_eq!(rows[5], "    … 997 more lines");
    let report = json_of(&place, &["in"]);
    let found = &report["blocks"][0];
    let text = found["text"].as_str().expect("text");
    assert_eq!(
        (&found["lines"], &found["text_is_cut"]),
        (&json!(1000), &json!(true))
    );
    assert!(block.starts_with(text) && text.len() <= 64 << 10 && text.len() > 63 << 10);
}

#[test]
fn no_control_character_reaches_the_output() {
    let hostile = "A title \u{1b}[31mthat wants to be red\u{1b}[0m and rings\u{7}\u{7f} \u{9b}2J \u{202e}turned\n";
    let mut name = "in/\u{1b}[2J\u{202e}name".to_owned();
    if cfg!(windows) {
        name = "in/name".to_owned();
    }
    let place = Place::with([
        (format!("{name}.txt"), hostile),
        (format!("{name}-b.txt"), hostile),
    ]);
    for arguments in [&["in"][..], &["in", "--json"]] {
        let shown = String::from_utf8(repeats(&place, arguments).expect(0).stdout).expect("UTF-8");
        let raw = shown
            .chars()
            .find(|&c| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
        assert_eq!(raw, None, "{shown}");
        assert!(shown.contains("wants to be red"));
    }
    let report = json_of(&place, &["in"]);
    assert_eq!(report["blocks"][0]["text"], hostile.trim_end());
    assert_eq!(
        report["blocks"][0]["first"][0]["page"],
        format!("{}-b.txt", &name["in/".len()..])
    );
}

#[cfg(target_os = "linux")]
#[test]
fn bytes_that_are_not_utf8_stand_in_base64() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let line = b"caf\xe9 and tea are served on the upper deck all day";
    let place = Place::new();
    for name in [&b"in/\xff.txt"[..], b"in/\xfe.txt"] {
        place.file(OsStr::from_bytes(name), line);
    }
    let report = json_of(&place, &["in"]);
    let block = &report["blocks"][0];
    assert_eq!(block["text_b64"], BASE64.encode(line));
    assert!(block.get("text").is_none());
    assert_eq!(block["first"][0]["page"], "\u{fffd}.txt");
    assert_eq!(block["first"][0]["page_b64"], BASE64.encode(b"\xfe.txt"));
    assert!(text(&place, &["in"]).contains("\\xfe.txt:1-1, \\xff.txt:1-1\n    caf\\xe9 and"));
}

#[test]
fn without_repeats_there_is_a_summary() {
    let place = Place::with([("a.txt", "A line.\n\nAnother.\n")]);
    place.directory("empty");
    let shown = text(&place, &["a.txt"]);
    assert!(
        shown.starts_with("pages                              1\n"),
        "{shown}"
    );
    let report = json_of(&place, &["empty"]);
    assert_eq!(report["blocks"], json!([]));
    assert_eq!(
        (&report["pages"], &report["saved_share"]),
        (&json!(0), &json!(0.0))
    );
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = include_str!("../README.md");
    let (_, behind) = readme
        .split_once("<!-- repeats -->\n```\n")
        .expect("an example");
    let (example, _) = behind.split_once("```").expect("its end");
    let (command, expected) = example.split_once('\n').expect("output");
    let arguments = command
        .strip_prefix("$ dechaff repeats ")
        .expect("a command");
    let shown = cargo_bin_cmd!("dechaff")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("repeats")
        .args(arguments.split(' '))
        .output()
        .expect("the program runs");
    assert_eq!(String::from_utf8(shown.stdout).expect("UTF-8"), expected);
}

#[test]
fn html_is_read_by_its_lines() {
    let blocks = FOOTER.trim_end().replace('\n', "\n<p>  ");
    let html = format!("<!doctype html>\n<p>{blocks}");
    let place = Place::with([("in/a.html", &html), ("in/b.txt", &FOOTER.to_owned())]);
    let report = json_of(&place, &["in"]);
    assert_eq!(
        (&report["pages"], &report["blocks"][0]["places"]),
        (&json!(2), &json!(2))
    );
}

/// Under the public key anybody can write lines that differ and count as one
/// (`fingerprint::tests`): not under a key of the user's.
#[test]
fn lines_made_to_collide_are_no_block_under_a_key() {
    const ONE: &[u8] =
        b"\xb8\xfe\x6c\x39\x23\xa4\x4b\xbe\x05\x44\x55\x34\x15\xbf\xa2\x9fxxxxxxxxxxxxxxxx";
    const OTHER: &[u8] = b"AAAAAAAA\x7c\x01\x81\x2c\xf7\x21\xad\x1cxxxxxxxxxxxxxxxx";
    let place = sites();
    place
        .file("made/one.txt", [ONE, b"\n"].concat())
        .file("made/other.txt", [OTHER, b"\n"].concat())
        .file("key", "sixteen bytes ok")
        .file("short", "fifteen bytes..");
    let key = ["--key-file", "key"];
    let made = |more: &[&str]| {
        let made = ["made", "--normalize", "none", "--min-chars", "1"];
        let found = json_of(
            &place,
            &[&made[..], &["--encoding", "utf-8"], more].concat(),
        );
        assert_eq!(found["pages"], 2);
        found["blocks"].as_array().expect("blocks").len()
    };
    assert_eq!(made(&[]), 1);
    assert_eq!(made(&key), 0);
    for scope in ["page", "site", "corpus"] {
        let arguments = ["in", "--scope", scope];
        let found = text(&place, &arguments);
        assert!(!found.is_empty(), "{scope}");
        assert_eq!(text(&place, &[&arguments[..], &key].concat()), found);
    }
    repeats(&place, &["in", "--key-file", "short"])
        .expect(2)
        .mentions("a key has 16 to 65536 bytes, this one 15");
}
