//! `dechaff compare` over the real program: records of real runs, other tools' files, gates, and
//! files that are none.
#![cfg(feature = "cli")]

mod support;

use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::{Value, json};
use support::{FERRY, Outcome, PLAIN, Place, figure};

impl Place {
    fn compare(&self, arguments: &[&str]) -> Outcome {
        let output = cargo_bin_cmd!("dechaff")
            .current_dir(self.path(""))
            .arg("compare")
            .args(arguments)
            .output()
            .expect("the program runs");
        Outcome::new(output)
    }

    fn compared(&self, arguments: &[&str]) -> Value {
        let outcome = self.compare(&[arguments, &["--json"]].concat()).expect(0);
        serde_json::from_slice(&outcome.stdout).expect("JSON")
    }

    fn run(&self, record: &str, arguments: &[&str]) -> Value {
        let all = ["in", "-o", "out", "--overwrite", "-q", "--stats", record];
        self.clean(all.iter().chain(arguments)).expect(0);
        self.read_json(record)
    }

    fn json(&self, name: &str, value: &Value) -> &Self {
        self.file(name, value.to_string())
    }
}

fn place() -> Place {
    Place::with([("in/site/a.txt", FERRY), ("in/site/b.txt", PLAIN)])
}

/// Copies of a record whose runs took other times.
fn runs(record: &Value, seconds: &[f64]) -> Value {
    let run = |seconds: &f64| {
        let mut record = record.clone();
        record["wall_seconds"] = json!(seconds);
        record
    };
    seconds.iter().map(run).collect()
}

#[test]
fn one_run_twice_has_the_same_output_and_no_evidence() {
    let place = place();
    place.run("a.json", &["--threads", "1"]);
    place.run("b.json", &["--threads", "4"]);
    let comparison = place.compared(&["a.json", "b.json"]);
    assert_eq!(comparison["same_output"], true);
    let speed = figure(&comparison, "speed");
    assert_eq!(speed["verdict"], "no evidence");
    assert_eq!(speed["why"], "1 run");
    assert_eq!(figure(&comparison, "removed")["verdict"], "same");
    let settings = &comparison["pairs"][0]["settings"];
    assert_eq!(*settings, json!([{"name": "threads", "a": 1, "b": 4}]));
    let text = place.compare(&["a.json", "b.json"]).expect(0).text();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("b.json beside a.json"));
    assert_eq!(lines.next(), Some("same output"));
    assert!(text.contains("no evidence (1 run)"), "{text}");
}

#[test]
fn other_settings_head_and_ledgers_show_what_moved() {
    let place = place();
    place.run("a.json", &["--no-score", "--removed", "a.jsonl"]);
    place.run(
        "b.json",
        &["--no-score", "--scopes", "none", "--removed", "b.jsonl"],
    );
    let comparison = place.compared(&["a.json", "b.json"]);
    assert_eq!(comparison["same_output"], false);
    let pair = &comparison["pairs"][0];
    let names: Vec<&Value> = pair["settings"]
        .as_array()
        .expect("settings")
        .iter()
        .map(|setting| &setting["name"])
        .collect();
    assert_eq!(names, ["page_repeats", "site_templates"]);
    let back = &pair["ledgers"]["back"]["repeat"];
    assert_eq!(back["lines"], 2);
    assert_eq!(back["examples"][0]["page"], "site/a.txt");
    assert_eq!(pair["ledgers"]["now"]["repeat"], Value::Null);
    let repeat = pair["removed"]
        .as_array()
        .expect("reasons")
        .iter()
        .find(|pair| pair["reason"] == "repeat")
        .expect("repeats");
    assert_eq!(
        (&repeat["lines_a"], &repeat["lines_b"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(pair["sites"][0]["site"], "site");
    let text = place.compare(&["a.json", "b.json"]).expect(0).text();
    let heading = text.find("other settings:").expect("settings are shown");
    assert!(
        heading < text.find("speed").expect("speed is shown"),
        "{text}"
    );
    // Named, in the other order.
    let other = place.compared(&["b.json", "a.json", "--removed", "b.jsonl", "a.jsonl"]);
    assert_eq!(other["pairs"][0]["ledgers"]["now"]["repeat"]["lines"], 2);
}

#[test]
fn another_corpus_is_refused_unless_allowed() {
    let place = place();
    place.run("a.json", &[]);
    place.file("in/site/c.txt", PLAIN);
    place.run("b.json", &[]);
    let outcome = place.compare(&["a.json", "b.json"]).expect(2);
    outcome.mentions("a.json and b.json are runs over other corpora");
    assert_eq!(outcome.stdout, b"");
    let allowed = place
        .compare(&["a.json", "b.json", "--allow", "corpus"])
        .expect(0);
    assert!(
        allowed
            .text()
            .contains("note: the runs are over other corpora")
    );
}

#[test]
fn the_digests_do_not_depend_on_threads_place_or_how_the_input_is_cut() {
    let place = place();
    let record = place.run("a.json", &["--threads", "1"]);
    let digests = |record: &Value| (record["input"].clone(), record["output"].clone());
    for threads in ["2", "7"] {
        assert_eq!(
            digests(&place.run("b.json", &["--threads", threads])),
            digests(&record)
        );
    }
    place
        .file("else/site/a.txt", FERRY)
        .file("else/site/b.txt", PLAIN);
    place
        .clean(["else", "-o", "out2", "-q", "--stats", "c.json"])
        .expect(0);
    assert_eq!(digests(&place.read_json("c.json")), digests(&record));
    place
        .clean(["else", "--dry-run", "-q", "--stats", "d.json"])
        .expect(0);
    assert_eq!(digests(&place.read_json("d.json")), digests(&record));
    // One byte, one name.
    place.file("else/site/b.txt", PLAIN.replace("noon", "moon"));
    place
        .clean(["else", "-o", "out3", "-q", "--stats", "e.json"])
        .expect(0);
    let changed = place.read_json("e.json");
    assert_ne!(changed["input"]["digest"], record["input"]["digest"]);
    assert_ne!(changed["output"]["digest"], record["output"]["digest"]);
}

#[test]
fn a_stream_and_a_file_of_rows_have_one_digest() {
    let rows = format!("{{\"text\":{}}}\n", json!(FERRY)).repeat(50);
    let place = Place::with([("rows.jsonl", &rows)]);
    for (out, record, more) in [("o.jsonl", "a.json", "64MiB"), ("-", "b.json", "64KiB")] {
        place
            .clean([
                "rows.jsonl",
                "-o",
                out,
                "-q",
                "--stats",
                record,
                "--max-page-bytes",
                more,
            ])
            .expect(0);
    }
    let (a, b) = (place.read_json("a.json"), place.read_json("b.json"));
    assert_eq!((&a["input"], &a["output"]), (&b["input"], &b["output"]));
    assert_eq!(a["output"]["bytes"], place.read("o.jsonl").len());
}

#[test]
fn several_runs_have_a_verdict_and_gates_fire() {
    let place = place();
    let record = place.run("one.json", &[]);
    let times = [1.0, 1.01, 0.99, 1.02, 0.98];
    place.json("a.json", &runs(&record, &times));
    place.json("b.json", &runs(&record, &times.map(|time| time * 1.25)));
    let comparison = place.compared(&["a.json", "b.json"]);
    let speed = figure(&comparison, "speed");
    assert_eq!(speed["verdict"], "slower");
    assert_eq!(speed["runs"], json!([5, 5]));
    let ratio = speed["change"].as_f64().expect("a ratio");
    assert!((ratio - 0.8).abs() < 1e-9, "{ratio}");
    for (rule, code) in [
        ("speed<-5%", 3),
        ("speed<-25%", 0),
        ("speed>5%", 0),
        ("f1<-1", 2),
        ("speed", 2),
    ] {
        let outcome = place
            .compare(&["a.json", "b.json", "--fail-on", rule])
            .expect(code);
        assert_eq!(outcome.text().contains("FAILED"), code == 3, "{rule}");
    }
    // One run fires nothing.
    place.json("c.json", &runs(&record, &[9.0]));
    let outcome = place
        .compare(&["one.json", "c.json", "--fail-on", "speed<-5%"])
        .expect(0);
    assert!(outcome.text().contains("cannot be said (1 run)"));
    // Lines of records, and a directory of them, are runs of one side too.
    let runs = runs(&record, &times);
    let lines: Vec<String> = runs
        .as_array()
        .expect("runs")
        .iter()
        .map(Value::to_string)
        .collect();
    place.file("lines.json", lines.join("\n"));
    for (at, line) in lines.iter().enumerate() {
        place.file(format!("dir/{at}.json"), line);
    }
    for side in ["lines.json", "dir"] {
        assert_eq!(
            figure(&place.compared(&[side, "b.json"]), "speed")["change"],
            speed["change"]
        );
    }
}

#[test]
fn another_machine_has_no_verdict_on_speed() {
    let place = place();
    let mut record = place.run("one.json", &[]);
    place.json("a.json", &runs(&record, &[1.0; 5]));
    record["machine"]["cpu"] = json!("another");
    place.json("b.json", &runs(&record, &[2.0; 5]));
    let comparison = place.compared(&["a.json", "b.json"]);
    assert_eq!(figure(&comparison, "speed")["why"], "another machine");
    place
        .compare(&["a.json", "b.json", "--fail-on", "speed<-5%"])
        .expect(0);
    let allowed = place.compared(&["a.json", "b.json", "--allow", "machine"]);
    assert_eq!(figure(&allowed, "speed")["verdict"], "slower");
}

#[test]
fn a_record_of_version_1_is_read_and_a_later_one_refused() {
    let place = place();
    let record = place.run("new.json", &[]);
    let old = json!({
        "schema_version": 1, "program": "dechaff", "version": "0.1.0", "threads": 0,
        "settings": {"model": "fast", "mode": "drop"}, "wall_seconds": 1.0,
        "mb_per_second": 1.0, "peak_memory_bytes": 1000, "counts": record["counts"],
    });
    place.json("old.json", &old);
    let comparison = place.compared(&["old.json", "new.json"]);
    assert_eq!(comparison["same_output"], Value::Null);
    assert_eq!(figure(&comparison, "speed")["why"], "machine not known");
    assert_eq!(comparison["pairs"][0]["settings"], json!([]));
    let mut later = record;
    later["schema_version"] = json!(99);
    place.json("later.json", &later);
    place
        .compare(&["later.json", "new.json"])
        .expect(2)
        .mentions("version 99");
}

#[test]
fn hyperfine_is_read_with_and_without_times() {
    let place = Place::new();
    let result = |times: Value, mean: f64| json!({"results": [{"command": "x", "mean": mean, "times": times}]});
    place.json("a.json", &result(json!([1.0, 1.01, 1.02, 1.03]), 1.015));
    place.json("b.json", &result(json!([0.5, 0.51, 0.52, 0.53]), 0.515));
    place.json(
        "c.json",
        &json!({"results": [{"command": "x", "mean": 0.5, "stddev": 0.1}]}),
    );
    let with = place.compared(&["a.json", "b.json"]);
    assert_eq!(figure(&with, "speed:x")["verdict"], "faster");
    let without = place.compared(&["a.json", "c.json"]);
    assert_eq!(figure(&without, "speed:x")["why"], "no single times");
}

#[test]
fn baselines_of_criterion_are_read_by_name() {
    let place = Place::new();
    let estimates = |seconds: f64| {
        let ends = json!({"confidence_level": 0.95, "lower_bound": seconds * 0.9e9, "upper_bound": seconds * 1.1e9});
        json!({"mean": {"point_estimate": seconds * 1e9, "confidence_interval": ends, "standard_error": 1.0}})
    };
    let sample = |seconds: f64| json!({"sampling_mode": "Flat", "iters": vec![2.0; 10], "times": vec![seconds * 2e9; 10]});
    place
        .json(
            "criterion/split/lines/before/estimates.json",
            &estimates(1.0),
        )
        .json("criterion/split/lines/before/sample.json", &sample(1.0))
        .json(
            "criterion/split/lines/after/estimates.json",
            &estimates(0.5),
        )
        .json("criterion/split/lines/after/sample.json", &sample(0.5))
        .json(
            "criterion/split/lines/after/benchmark.json",
            &json!({"full_id": "lines"}),
        )
        .json(
            "criterion/split/lines/change/estimates.json",
            &estimates(0.5),
        );
    let comparison = place.compared(&["criterion:before", "criterion:after"]);
    let lines = figure(&comparison, "speed:lines");
    assert_eq!(
        (&lines["verdict"], &lines["change"]),
        (&json!("faster"), &json!(2.0))
    );
    let folder = "criterion/split/lines";
    let folders = [format!("{folder}/before"), format!("{folder}/after")];
    let comparison = place.compared(&[&folders[0], &folders[1]]);
    assert_eq!(figure(&comparison, "speed:lines")["verdict"], "faster");
    let files = folders.map(|folder| format!("{folder}/estimates.json"));
    let comparison = place.compared(&[&files[0], &files[1]]);
    assert_eq!(comparison["figures"][0]["verdict"], "faster");
    place
        .compare(&["criterion", "criterion:after"])
        .expect(2)
        .mentions("after, before");
    place
        .compare(&["criterion:none", "criterion:after"])
        .expect(2)
        .mentions("no baseline none");
}

#[test]
fn evaluations_are_compared_page_by_page() {
    let place = Place::new();
    let rows: Vec<String> = (0..8)
        .map(|at| {
            json!({
                "id": at.to_string(), "source": "s", "gold": format!("The tide came in at {at}."),
                "lines": [format!("The tide came in at {at}."), "Log in"], "labels": [1, 0],
            })
            .to_string()
        })
        .collect();
    place.file("gold.jsonl", rows.join("\n"));
    let eval = |name: &str, more: &[&str]| {
        let output = cargo_bin_cmd!("dechaff")
            .current_dir(place.path(""))
            .args([
                "eval",
                "gold.jsonl",
                "--json",
                "--scorer",
                "model",
                "--scopes",
                "none",
            ])
            .args(more)
            .output()
            .expect("the program runs");
        place.file(name, Outcome::new(output).expect(0).stdout);
    };
    eval("none.json", &["--pages", "--no-score"]);
    eval("all.json", &["--pages", "--threshold", "0"]);
    eval("plain.json", &["--no-score"]);
    let comparison = place.compared(&["none.json", "all.json"]);
    let lost = figure(&comparison, "line_f1");
    assert_eq!(lost["verdict"], "worse");
    let flips = &comparison["pairs"][0]["flips"];
    assert_eq!((&flips["worse"], &flips["better"]), (&json!(8), &json!(8)));
    assert_eq!(flips["listed"][0]["text"], "The tide came in at 0.");
    let settings = json!([
        {"name": "score", "a": false, "b": true},
        {"name": "threshold", "a": "auto", "b": 0.0},
    ]);
    assert_eq!(comparison["pairs"][0]["settings"], settings);
    place
        .compare(&["none.json", "all.json", "--fail-on", "f1<-0.2"])
        .expect(3);
    let same = place.compared(&["none.json", "none.json"]);
    assert_eq!(figure(&same, "word_f1")["verdict"], "same");
    let plain = place.compared(&["none.json", "plain.json"]);
    assert_eq!(figure(&plain, "word_f1")["verdict"], "no evidence");
    // In a run record.
    place.file("in/a.txt", FERRY);
    let record = place.run("gold.json", &["--no-score", "--gold", "gold.jsonl"]);
    assert_eq!(record["accuracy"]["pages"], 8);
    let both = place.compared(&["gold.json", "all.json"]);
    assert_eq!(figure(&both, "line_f1")["verdict"], "worse");
    let names = both["pairs"][0]["settings"].to_string();
    assert!(
        names.contains("threshold") && !names.contains("max_page_bytes"),
        "{names}"
    );
    // An older one holds no settings: nothing is known to differ.
    let mut older = place.read_json("all.json");
    older.as_object_mut().expect("an object").remove("settings");
    place.json("older.json", &older);
    let older = place.compared(&["none.json", "older.json"]);
    assert_eq!(older["pairs"][0]["settings"], json!([]));
    // So with a setting that the program did not know yet.
    let mut older = record.clone();
    let settings = older["settings"].as_object_mut().expect("settings");
    assert_eq!(settings.remove("follow"), Some(json!(false)));
    place.json("older.json", &older);
    let older = place.compared(&["gold.json", "older.json"]);
    assert_eq!(older["pairs"][0]["settings"], json!([]));
}

#[test]
fn what_is_no_record_is_refused_with_a_message() {
    let place = place();
    place.run("a.json", &[]);
    let deep = "[".repeat(100_000);
    for (bytes, why) in [
        (&b""[..], "holds no run record"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "holds no run record"),
        (b"null", "is no run record"),
        (b"{\"results\": 5}", "is no run record"),
        (b"{\"tables\": [], \"pages\": 1}", "no result of eval"),
        (b"{\"program\":\"dechaff\",\"schema_version\":2,\"counts\":{\"pages\":-1}}", "no run record"),
        (b"{\"program\":\"dechaff\",\"schema_version\":2,\"counts\":{\"bytes_in\":18446744073709551615}}", "out of range"),
        (b"{\"program\":\"dechaff\",\"schema_version\":2,\"wall_seconds\":1e300}", "out of range"),
        (b"{\"program\":\"dechaff\",\"schema_version\":2,\"stages\":[{\"wall_seconds\":-1}]}", "out of range"),
        (deep.as_bytes(), "no JSON"),
    ] {
        place.file("bad.json", bytes);
        place.compare(&["a.json", "bad.json"]).expect(2).mentions(why);
        place.compare(&["bad.json", "a.json"]).expect(2);
    }
    place
        .compare(&["a.json", "nowhere.json"])
        .expect(2)
        .mentions("nowhere.json");
    place.compare(&["a.json"]).expect(2);
    place.json(
        "t.json",
        &json!({"results": [{"command": "x", "times": [1.0]}]}),
    );
    place
        .compare(&["a.json", "t.json"])
        .expect(2)
        .mentions("nothing in common");
    // A record that says little says little.
    place.json(
        "little.json",
        &json!({"program": "dechaff", "schema_version": 2}),
    );
    place.compare(&["little.json", "little.json"]).expect(0);
    place.file("l.jsonl", "{\"page\": 1}\n");
    place.run("b.json", &["--no-score", "--scopes", "none"]);
    place
        .compare(&["a.json", "b.json", "--removed", "l.jsonl", "l.jsonl"])
        .expect(2)
        .mentions("row 1");
}

#[test]
fn names_from_files_stay_text() {
    let place = place();
    let mut record = place.run("one.json", &[]);
    let evil = "<script>\u{1b}[31m|`x`";
    record["settings"]["follow"] = json!(evil);
    record["stages"][0]["stage"] = json!(evil);
    record["sites"]["listed"][0]["site"] = json!(evil);
    place.json("a.json", &record);
    place
        .compare(&["one.json", "a.json", "--html", "page.html"])
        .expect(0);
    let outcome = place.compare(&["one.json", "a.json"]).expect(0);
    let markdown = place
        .compare(&["one.json", "a.json", "--markdown"])
        .expect(0);
    let page = place.read_text("page.html");
    for text in [&outcome.text(), &markdown.text(), &page] {
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    assert!(
        !page.contains("<script") && page.contains("&#60;script"),
        "{page}"
    );
    assert!(!markdown.text().contains("<script") && markdown.text().contains("&lt;script"));
    place
        .compare(&["one.json", "a.json", "--html", "page.html"])
        .expect(2);
}

#[test]
fn the_page_is_whole_and_asks_nobody() {
    let place = place();
    let mut record = place.run("one.json", &[]);
    record["accuracy"] = json!({"pages": 0, "by": "source", "include_headlines": false, "tables": [], "differences": [], "worst": []});
    place.json("a.json", &runs(&record, &[1.0, 1.1, 1.2, 1.3, 1.4]));
    place.json("b.json", &runs(&record, &[2.0, 2.1, 2.2, 2.3, 2.4]));
    place
        .compare(&["a.json", "b.json", "--html", "page.html"])
        .expect(0);
    let page = place.read_text("page.html");
    for asking in [
        "src=", "href=", "url(", "@import", "http://", "https://", "<script",
    ] {
        assert!(!page.contains(asking), "{asking}");
    }
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(page.matches("<svg").count() >= 2 && !page.contains("NaN") && !page.contains("inf"));
    for tag in [
        "svg", "g", "table", "tr", "td", "th", "p", "h2", "div", "text", "title",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}
