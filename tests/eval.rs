//! `dechaff eval` as a user meets it: labelled pages in, tables or JSON out.
#![cfg(feature = "cli")]

use std::fs;

use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::Value;
use tempfile::TempDir;

/// Four pages of one site and one of another: an own line, a menu, a footer with an escape
/// code. No gold text.
fn rows() -> String {
    let page = |what: &str, domain: &str| {
        format!(
            r#"{{"id":"{what}","domain":"{domain}","lines":["What we know of {what}.","Log in","Terms \u001b[2J"],"labels":[1,0,-1]}}"#
        )
    };
    let wells = ["otters", "herons", "ferries", "tides"].map(|what| page(what, "wells.example"));
    format!("{}\n{}\n", wells.join("\n"), page("gulls", "other.example"))
}

/// What the command prints for these rows.
fn evaluated(rows: &str, arguments: &[&str]) -> String {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("wells.jsonl"), rows).unwrap();
    let mut command = cargo_bin_cmd!("dechaff");
    command.current_dir(directory.path()).arg("eval");
    let assert = command
        .args(arguments)
        .arg("wells.jsonl")
        .assert()
        .success()
        .stderr("");
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

/// What the command says of arguments that it refuses before it reads a file.
fn refused(arguments: &[&str]) -> String {
    let mut command = cargo_bin_cmd!("dechaff");
    let assert = command.arg("eval").args(arguments).arg("wells.jsonl");
    let assert = assert.assert().code(2).stdout("");
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let arguments = [&["--json", "--no-score"], arguments].concat();
    serde_json::from_str(&evaluated(&rows(), &arguments)).unwrap()
}

#[test]
fn the_site_scope_sees_the_pages_of_a_domain() {
    let with_site = json(&["--by", "domain"]);
    let rows = &with_site["tables"][0]["rows"];
    assert_eq!(rows[0]["name"], "other.example");
    assert_eq!(rows[0]["removed_boilerplate"], 0);
    assert_eq!(rows[1]["name"], "wells.example");
    assert_eq!(rows[1]["removed_boilerplate"], 4);
    assert_eq!(rows[1]["removal_precision"], 1.0);
    assert_eq!(rows[1]["body_lost"], 0.0);
    assert!(with_site.get("templates").is_none());
    let page_only = json(&["--scopes", "page"]);
    assert_eq!(page_only["tables"][0]["rows"][0]["name"], "wells");
    assert_eq!(page_only["tables"][0]["rows"][0]["removed_boilerplate"], 0);
}

#[test]
fn templates_are_listed_with_their_labels() {
    let with_templates = json(&["--templates", "1"]);
    let expected = serde_json::json!([{
        "site": "wells.example",
        "line": "Log in",
        "removed": 4,
        "labels": {"body": 0, "boilerplate": 4, "either": 0},
    }]);
    assert_eq!(with_templates["templates"], expected);
    let long = rows().replace("Log in", &format!("Log in {}", "or sign up ".repeat(20)));
    let arguments = ["--no-score", "--templates", "5", "--scorer", "model"];
    let text = evaluated(&long, &arguments);
    let (_, listed) = text.split_once("\ntemplates of wells.example\n").unwrap();
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(listed.len(), 3, "{text}");
    assert!(listed[1].ends_with('…'), "{text}");
    assert_eq!(
        listed[2],
        "      4       0            0       4  Terms \\x1b[2J"
    );
}

#[test]
fn languages_make_rows() {
    let rows = ["ko", "de", "ko"].map(|lang| {
        format!(r#"{{"id":"1","lang":"{lang}","lines":["The tide turns."],"labels":[1]}}"#)
    });
    let rows = rows.join("\n") + "\n" + r#"{"id":"1","lines":[],"labels":[]}"#;
    let arguments = ["--by", "lang", "--json", "--no-score"];
    let lang: Value = serde_json::from_str(&evaluated(&rows, &arguments)).unwrap();
    assert_eq!(lang["by"], "lang");
    let rows = lang["tables"][0]["rows"].as_array().unwrap();
    let rows = rows
        .iter()
        .map(|row| (row["name"].as_str(), row["pages"].as_u64()));
    let expected = [("-", 1), ("de", 1), ("ko", 2)];
    let expected = expected.map(|(name, pages)| (Some(name), Some(pages)));
    assert!(rows.eq(expected), "{lang}");
}

#[test]
fn scorers_are_measured_in_the_order_given() {
    let names = |value: &Value| -> Vec<String> {
        let all = value.as_array().unwrap().iter();
        all.map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = json(&[]);
    let expected = ["model", "terminal-punctuation", "best-run"];
    assert_eq!(names(&all["tables"]), expected);
    assert_eq!(names(&all["differences"]), expected[1..]);
    assert_eq!(all["differences"][0]["to"], "model");
    let two = json(&["--scorer", "best-run,model"]);
    assert_eq!(names(&two["tables"]), ["best-run", "model"]);
    assert_eq!(two["differences"][0]["to"], "best-run");
    assert_eq!(two["tables"][1], all["tables"][0]);
    let one = json(&["--scorer", "best-run"]);
    assert_eq!(names(&one["tables"]), ["best-run"]);
    assert_eq!(one["differences"], serde_json::json!([]));
    let message = refused(&["--scorer", "model,worst-run"]);
    assert!(message.contains("best-run"), "{message}");
}

#[test]
fn figures_have_intervals() {
    let all = json(&["--by", "domain"]);
    let [other, wells] = [0, 1].map(|row| &all["tables"][0]["rows"][row]);
    assert_eq!(other["intervals"], Value::Null);
    let without_width = serde_json::json!({"low": 1.0, "high": 1.0});
    assert_eq!(wells["word_f1"], 1.0);
    assert_eq!(wells["intervals"]["word_f1"], without_width);
    // All lines are too short for the best run.
    let difference = &all["differences"][1];
    for figure in ["line_f1", "ngram_f1", "word_f1"] {
        let value = difference[figure].as_f64().unwrap();
        let interval = &difference["intervals"][figure];
        let [low, high] = ["low", "high"].map(|end| interval[end].as_f64().unwrap());
        assert!(low <= value && value <= high, "{difference}");
        assert!(high < 0.0, "{difference}");
    }
    let text = evaluated(&rows(), &["--no-score"]);
    let (_, side_by_side) = text.split_once("\nmean by source ").unwrap();
    let first_words = side_by_side
        .lines()
        .skip(1)
        .map(|line| line.split(' ').next());
    let expected = [
        "model",
        "terminal-punctuation",
        "best-run",
        "",
        "less",
        "terminal-punctuation",
        "best-run",
    ];
    assert!(first_words.eq(expected.map(Some)), "{text}");
    let alone = evaluated(&rows(), &["--scorer", "model"]);
    assert!(!alone.contains("mean by source"), "{alone}");
    assert_eq!(text, evaluated(&rows(), &["--no-score"]));
}

/// A page on which terminal punctuation is wrong twice, with a control that turns text around.
const LONG_PAGE: &str = r#"{"id":"b","lines":["The tide comes in at nine.","The tide \u202egoes out","Print this page now.","Read more"],"labels":[1,1,0,0]}"#;

#[test]
fn the_worst_pages_are_listed_with_their_wrong_lines() {
    let good = r#"{"id":"a","lines":["The tide comes in at nine."],"labels":[1]}"#;
    let long = format!("{good}\n{LONG_PAGE}").replace("goes out", &"goes out ".repeat(20));
    let arguments = ["--scorer", "terminal-punctuation", "--worst", "1"];
    let text = evaluated(&long, &arguments);
    let (_, worst) = text
        .split_once("\nworst pages of terminal-punctuation\n")
        .unwrap();
    let lines: Vec<&str> = worst.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("wells b: line F1 0.5000, 4gram F1 0."));
    assert!(lines[0].ends_with("; 42 words of body lost, 4 of chaff kept"));
    assert!(lines[2].starts_with("lost     2  1.0000  boilerplate  The tide \\u{202e}goes out"));
    assert_eq!(lines[2].chars().count(), 33 + 100, "{text}");
    assert!(lines[2].ends_with('…'));
    assert_eq!(
        lines[3],
        "kept     3  0.0000  body         Print this page now."
    );

    let text = evaluated(LONG_PAGE, &[&arguments[..], &["--json"]].concat());
    assert!(text.contains(r"The tide \u202egoes out"), "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    let page = &json["worst"][0];
    assert_eq!(
        (&page["source"], &page["id"]),
        (&"wells".into(), &"b".into())
    );
    assert_eq!(
        (&page["line_f1"], &page["body_words_lost"]),
        (&0.5.into(), &4.into())
    );
    let expected = serde_json::json!([
        {"line": 2, "mistake": "lost", "score": 1.0, "reason": "boilerplate", "text": "The tide \u{202e}goes out"},
        {"line": 3, "mistake": "kept", "score": 0.0, "reason": "body", "text": "Print this page now."},
    ]);
    assert_eq!(page["wrong_lines"], expected);
    assert!(refused(&["--worst", "0"]).contains("--worst"));
}

#[test]
fn calibration_is_shown_when_asked_for() {
    let arguments = ["--scorer", "terminal-punctuation"];
    let without = evaluated(LONG_PAGE, &arguments);
    assert!(!without.contains("calibration of"), "{without}");
    let text = evaluated(LONG_PAGE, &[&arguments[..], &["--calibration"]].concat());
    let (_, bins) = text
        .split_once("\ncalibration of terminal-punctuation, all lines together: error 0.5000\n")
        .unwrap();
    let bins: Vec<&str> = bins.lines().collect();
    assert_eq!(bins.len(), 16, "{text}");
    assert_eq!(bins[0], "score             lines  mean score  boilerplate");
    assert_eq!(bins[1], "0.0000 to 0.0667      2      0.0000       0.5000");
    assert_eq!(bins[2], "0.0667 to 0.1333      0           -            -");
    assert_eq!(bins[15], "0.9333 to 1.0000      2      1.0000       0.5000");
    let json = json(&["--scorer", "model,best-run"]);
    assert_eq!(json["tables"][0]["reliability"], Value::Null);
    let bins = json["tables"][1]["reliability"]["bins"].as_array().unwrap();
    assert_eq!(bins.len(), 15);
    assert_eq!(bins[14]["lines"], 10);
    assert_eq!(bins[14]["boilerplate_share"], 0.5);
}

#[test]
fn a_bad_row_is_fatal_and_named() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("a.jsonl"), rows() + "{}\n").unwrap();
    let mut command = cargo_bin_cmd!("dechaff");
    command
        .current_dir(directory.path())
        .args(["eval", "a.jsonl"]);
    let assert = command.assert().code(1).stdout("");
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(message.contains("a.jsonl:6: missing field"), "{message}");
}

#[test]
fn a_missing_file_is_named_with_its_reason_once() {
    let directory = TempDir::new().unwrap();
    let mut command = cargo_bin_cmd!("dechaff");
    command
        .current_dir(directory.path())
        .args(["eval", "none.jsonl"]);
    let assert = command.assert().code(1).stdout("");
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(
        message.contains("none.jsonl: cannot be opened: "),
        "{message}"
    );
    assert_eq!(message.matches("os error").count(), 1, "{message}");
}
