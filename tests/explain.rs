//! `dechaff explain` as a user meets it: arguments and a page in, table or JSON out.
#![cfg(feature = "cli")]

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::Value;
use tempfile::TempDir;

const HEADLINE: &str = "Harbour ferry returns to service after a winter of repairs";
const CAPTION: &str = "The ferry leaves the eastern pier on its first morning back at work";
/// So that what goes from [`PAGE`] hangs on no model's score of its headline.
const CUT: [&str; 2] = ["--threshold", "0.75"];
const PAGE: &str = "\
Home
News
Sign in

Harbour ferry returns to service after a winter of repairs
Harbour ferry returns to service after a winter of repairs

The ferry leaves the eastern pier on its first morning back at work
The ferry leaves the eastern pier on its first morning back at work

The oldest ferry in the harbour carried passengers again on Monday, after engineers had \
spent four months on a hull that was older than most of them.

\"We found more rust than we had hoped for, and less than we had feared,\" said the yard's \
foreman, who has looked after the vessel since he was an apprentice.

The next inspection is due in three years, when the council will decide whether the boat \
is to be replaced by a larger one.

Share
Subscribe
";

/// A page with ESC, CSI as C1, a right-to-left override, an isolate, DEL and BEL.
const HOSTILE: &str = "A title \u{1b}[31mthat wants to be red\u{1b}[0m and rings\u{7}\n\
    A line with \u{9b}2J and \u{202e}a turn\u{202c} and \u{2066}an isolate\u{2069}\u{7f}\r\n\
    \t\u{85}\n\
    The last line is plain, and long enough to be a sentence.";

fn explain(arguments: &[&str]) -> Command {
    let mut command = cargo_bin_cmd!("dechaff");
    command.arg("explain").args(arguments);
    command
}

/// What the command prints for a page on standard input.
fn explained(page: &[u8], arguments: &[&str]) -> String {
    let assert = explain(&["-"])
        .args(arguments)
        .write_stdin(page)
        .assert()
        .success()
        .stderr("");
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

fn json(page: &[u8], arguments: &[&str]) -> Value {
    let shown = explained(page, &[&["--json"], arguments].concat());
    serde_json::from_str(&shown).unwrap()
}

fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    (directory, path)
}

#[test]
fn the_table_shows_every_line_with_its_reason() {
    let (_directory, path) = file("ferry.txt", PAGE.as_bytes());
    let assert = explain(&[path.to_str().unwrap()])
        .args(CUT)
        .assert()
        .success();
    let shown = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let rows: Vec<&str> = shown.lines().collect();
    let page: Vec<&str> = PAGE.lines().collect();
    let header: Vec<&str> = rows[0].split_whitespace().collect();
    assert_eq!(
        header.join(" "),
        "line alone score decision reason weighed most text"
    );
    for (index, text) in page.iter().enumerate() {
        let row = rows[1 + index];
        let number = row.split_whitespace().next().unwrap();
        assert_eq!(number, (index + 1).to_string());
        assert!(row.ends_with(text), "{row}");
        assert_eq!(row.contains(" blank"), text.is_empty(), "{row}");
    }
    assert!(rows[6].contains("remove    repeat of 5 "), "{}", rows[6]);
    assert!(rows[6].ends_with(HEADLINE));
    assert!(rows[9].contains("remove    repeat of 8 "), "{}", rows[9]);
    assert!(rows[9].ends_with(CAPTION));
    let summary = &rows[1 + page.len()..];
    assert_eq!(summary[0], "");
    let account: Vec<&str> = summary[2].split_whitespace().collect();
    assert_eq!(
        account,
        ["page", &page.len().to_string(), &PAGE.len().to_string()]
    );
    assert!(!shown.contains('\u{1b}'));
}

#[test]
fn json_has_the_fields_of_the_contract() {
    let (_directory, path) = file("ferry.txt", PAGE.as_bytes());
    let name = path.to_str().unwrap();
    let assert = explain(&[name, "--json"]).args(CUT).assert().success();
    let parsed: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(parsed["page"], name);
    let lines = parsed["lines"].as_array().unwrap();
    assert_eq!(lines.len(), PAGE.lines().count());
    for (index, (line, text)) in lines.iter().zip(PAGE.lines()).enumerate() {
        assert_eq!(line["n"], index + 1);
        assert_eq!(line["text"], text);
        assert!(matches!(line["decision"].as_str(), Some("keep" | "remove")));
        let reason = line["reason"].as_str().unwrap();
        assert_eq!(reason == "blank", text.is_empty());
        assert_eq!(reason == "repeat", line.get("of").is_some());
        for score in ["alone", "score"] {
            let score = line[score].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&score));
            assert!(score.to_string().len() <= "0.1234".len(), "{score}");
        }
        let weights = line["weights"].as_array().unwrap();
        assert!(weights.len() <= 5);
        assert_eq!(weights.is_empty(), text.is_empty());
        for weight in weights {
            assert!(weight["feature"].is_string() && weight["log_odds"].is_f64());
        }
    }
    assert_eq!(lines[5]["decision"], "remove");
    assert_eq!(lines[5]["of"], serde_json::json!({"page": name, "line": 5}));
}

#[test]
fn no_control_byte_of_a_page_reaches_the_output() {
    for arguments in [&[][..], &["--json"], &["--no-score"]] {
        let shown = explained(HOSTILE.as_bytes(), arguments);
        let raw = shown.chars().find(|&c| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(raw, None, "{shown}");
        assert!(shown.contains("wants to be red"));
    }
    let parsed = json(HOSTILE.as_bytes(), &[]);
    let texts = HOSTILE.split('\n').map(|line| line.trim_end_matches('\r'));
    for (line, text) in parsed["lines"].as_array().unwrap().iter().zip(texts) {
        assert_eq!(line["text"], text);
    }
}

#[test]
fn standard_input_is_a_page_called_dash() {
    assert_eq!(json(PAGE.as_bytes(), &[])["page"], "-");
    assert!(explained(PAGE.as_bytes(), &[]).contains(HEADLINE));
    assert_eq!(json(b"", &[])["lines"], serde_json::json!([]));
}

#[test]
fn a_page_that_cannot_be_read_ends_with_one_line_and_1() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing.txt");
    for path in [missing.as_path(), directory.path()] {
        let assert = explain(&[path.to_str().unwrap()])
            .assert()
            .code(1)
            .stdout("");
        let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains(path.to_str().unwrap()), "{message}");
    }
}

#[test]
fn a_line_that_is_not_utf8_stands_in_base64() {
    let page = b"A good line of text comes first.\nbad \xff\xfe line\n";
    let parsed = json(page, &[]);
    let lines = parsed["lines"].as_array().unwrap();
    assert!(lines[0].get("text_b64").is_none());
    assert!(lines[1].get("text").is_none());
    assert_eq!(lines[1]["text_b64"], "YmFkIP/+IGxpbmU=");
    assert!(explained(page, &[]).contains("bad \\xff\\xfe line"));
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let page = b"\xef\xbb\xbfA line of text.\n";
    assert_eq!(json(page, &[])["lines"][0]["text"], "A line of text.");
    assert!(!explained(page, &[]).contains("feff"));
}

#[test]
fn without_scores_a_dash_stands_for_them() {
    let shown = explained(PAGE.as_bytes(), &["--no-score"]);
    let row: Vec<&str> = shown
        .lines()
        .nth(6)
        .unwrap()
        .split_whitespace()
        .take(7)
        .collect();
    assert_eq!(row, ["6", "-", "-", "remove", "repeat", "of", "5"]);
    assert!(json(PAGE.as_bytes(), &["--no-score"])["lines"][0]["score"].is_null());
}

#[test]
fn what_holds_pages_and_is_none_is_refused() {
    for (bytes, format) in [
        (&b"{\"text\":\"a\"}\n{\"text\":\"b\"}\n"[..], "JSON lines"),
        (b"WARC/1.0\r\nWARC-Type: warcinfo\r\n", "WARC"),
        (b"PK\x03\x04\x14\0", "zip"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let page = directory.path().join("page");
        std::fs::write(&page, bytes).expect("a file");
        let output = cargo_bin_cmd!("dechaff")
            .arg("explain")
            .arg(&page)
            .output()
            .expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(
            told.contains(&format!(" holds pages in {format};")),
            "{told}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_row_is_explained_as_the_page_that_it_holds() {
    let directory = tempfile::tempdir().expect("a directory");
    let row = |text: &str| serde_json::json!({ "id": 1, "text": text }).to_string();
    let html = "<p>The tide came in.</p><p>It went.</p>";
    let rows = [
        row("First."),
        row(PAGE),
        row(html),
        "{\"text\":1}".to_owned(),
    ];
    let file = directory.path().join("rows.jsonl");
    std::fs::write(&file, rows.join("\n") + "\n").expect("a file");
    let explained = |row: &str, code: i32| {
        let mut page = file.clone().into_os_string();
        page.push(row);
        let mut command = cargo_bin_cmd!("dechaff");
        let output = command.args(["explain", "--json"]).arg(page).output();
        let output = output.expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        (serde_json::from_slice::<Value>(&output.stdout).ok(), told)
    };
    let shown = |page: Value| {
        let lines = page["lines"].as_array().expect("lines").clone();
        let of_line = |line: Value| ["text", "score", "decision"].map(|name| line[name].clone());
        lines.into_iter().map(of_line).collect::<Vec<_>>()
    };
    let lines = |row: &str| shown(explained(row, 0).0.expect("JSON"));
    assert_eq!(lines("#2"), shown(json(PAGE.as_bytes(), &[])));
    assert_eq!(
        lines("#3"),
        shown(json(format!("<html>{html}").as_bytes(), &[]))
    );
    for (row, why) in [
        ("#4", "it has no text"),
        ("#5", "there is none"),
        ("#0", "there is none"),
    ] {
        assert!(explained(row, 1).1.contains(why), "{row}");
    }
    assert!(explained("", 2).1.contains("name one as FILE#3"));
}

#[test]
fn a_row_is_read_as_clean_reads_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rows");
    let rows = "{\"url\":\"a\"}\n{\"body\":\"<p>The tide came in.\",\"text\":1}\n";
    std::fs::write(&file, rows).expect("a file");
    let texts = |options: &[&str]| {
        let mut page = file.clone().into_os_string();
        page.push("#2");
        let mut command = cargo_bin_cmd!("dechaff");
        let command = command.args(["explain", "--json"]).args(options);
        let output = command.arg(page).output().expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{told}");
        let page: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        page["lines"][0]["text"].clone()
    };
    let body = ["--text-field", "body"];
    assert_eq!(
        texts(&[&body[..], &["--text-format", "html"]].concat()),
        "The tide came in."
    );
    assert_eq!(
        texts(&[&body[..], &["--text-format", "text"]].concat()),
        "<p>The tide came in."
    );
}

#[test]
fn a_pipe_is_coloured_only_when_asked() {
    let shown = |options: &[&str]| explained(PAGE.as_bytes(), &[&CUT, options].concat());
    assert_eq!(shown(&[]), shown(&["--color", "never"]));
    let coloured = shown(&["--color", "always"]);
    assert!(coloured.contains("\u{1b}[33m   6 "), "{coloured}");
    assert!(!shown(&["--json", "--color", "always"]).contains('\u{1b}'));
}
