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
    let text = evaluated(&long, &["--no-score", "--templates", "5"]);
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
