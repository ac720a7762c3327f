//! `dechaff bench` over the real program: what the records hold, that nothing stays behind, and gates
//! over made-up times. No test depends on how fast anything is.
#![cfg(feature = "cli")]

mod support;

use assert_cmd::cargo::{cargo_bin, cargo_bin_cmd};
use serde_json::{Value, json};
use support::{FERRY, Outcome, PLAIN, Place, figure};

impl Place {
    /// `dechaff bench ARGUMENTS`, with `temp/` as its directory for temporary files.
    fn bench(&self, arguments: &[&str]) -> Outcome {
        self.directory("temp");
        let output = cargo_bin_cmd!("dechaff")
            .current_dir(self.path(""))
            .env("TMPDIR", self.path("temp"))
            .arg("bench")
            .args(arguments)
            .timeout(std::time::Duration::from_secs(300))
            .output()
            .expect("the program runs");
        assert!(self.tree("temp").is_empty(), "temporary files stay behind");
        Outcome::new(output)
    }

    fn benched(&self, arguments: &[&str]) -> Value {
        let command = usize::from(arguments.first() == Some(&"ab"));
        let (command, rest) = arguments.split_at(command);
        let outcome = self.bench(&[command, &["--json"], rest].concat()).expect(0);
        serde_json::from_slice(&outcome.stdout).expect("JSON")
    }

    fn compare(&self, arguments: &[&str]) -> Outcome {
        let mut command = cargo_bin_cmd!("dechaff");
        command.current_dir(self.path("")).arg("compare");
        Outcome::new(command.args(arguments).output().expect("the program runs"))
    }
}

fn place() -> Place {
    Place::with([("in/site/a.txt", FERRY), ("in/site/b.txt", PLAIN)])
}

#[test]
fn a_record_holds_every_run_cold_and_warm() {
    let place = place();
    let record = place.benched(&["in", "--out", "record.json", "--", "--threads", "2"]);
    assert_eq!(record, place.read_json("record.json"));
    let repeats = record["repeats"].as_array().expect("repeats");
    let caches: Vec<&Value> = repeats.iter().map(|repeat| &repeat["cache"]).collect();
    assert_eq!(caches[..5], ["cold"; 5]);
    assert_eq!(caches[5..], ["warm"; 5]);
    for repeat in repeats {
        for field in ["wall_seconds", "cpu_seconds", "peak_memory_bytes"] {
            assert!(repeat[field].as_f64().is_some_and(|n| n > 0.0), "{repeat}");
        }
        assert_eq!(repeat["bytes"], FERRY.len() + PLAIN.len());
        assert_eq!(repeat["output_digest"], record["output"]["digest"]);
        assert!(!repeat["stages"].as_array().expect("stages").is_empty());
    }
    assert_eq!(record["threads"], 2);
    assert!(
        repeats
            .iter()
            .any(|repeat| repeat["wall_seconds"] == record["wall_seconds"])
    );
    // What the runs did is what one run does.
    place
        .clean(["in", "-o", "out", "-q", "--stats", "one.json"])
        .expect(0);
    let one = place.read_json("one.json");
    assert_eq!(record["output"], one["output"]);
    assert_eq!(record["counts"], one["counts"]);
    assert_eq!(record["settings_digest"], one["settings_digest"]);
    let shown = place.bench(&["in", "--cache", "warm"]).expect(0).text();
    assert!(shown.starts_with("same output of all runs\n"), "{shown}");
}

#[test]
fn the_same_settings_twice_have_the_same_output() {
    let place = place();
    let found = place.benched(&["ab", "--out", "both", "--html", "page.html", "", "", "in"]);
    let comparison = &found["comparison"];
    assert_eq!(comparison["same_output"], true);
    assert_eq!(figure(comparison, "speed")["runs"], json!([5, 5]));
    assert_eq!(figure(comparison, "removed")["verdict"], "same");
    for (at, name) in ["both/a.json", "both/b.json"].iter().enumerate() {
        assert_eq!(place.read_json(name), found["records"][at]);
    }
    assert!(place.read_text("page.html").starts_with("<!DOCTYPE html>"));
    // What `compare` says of the records later is the same.
    let later = place
        .compare(&["both/a.json", "both/b.json", "--json"])
        .expect(0);
    let later: Value = serde_json::from_slice(&later.stdout).expect("JSON");
    for name in ["speed", "cpu", "memory", "stage:score"] {
        for field in ["a", "b", "change", "low", "high", "verdict"] {
            let (own, others) = (figure(comparison, name), figure(&later, name));
            assert_eq!(own[field], others[field], "{name} {field}");
        }
    }
}

#[test]
fn other_settings_have_another_output_and_head_the_report() {
    let place = place();
    let scopes = "--no-score --scopes none";
    let outcome = place.bench(&["ab", "--no-score", scopes, "in"]).expect(0);
    let shown = outcome.text();
    assert!(
        shown.starts_with("B: --no-score --scopes none beside A: --no-score\nother output\n"),
        "{shown}"
    );
    assert!(shown.contains("page_repeats"), "{shown}");
}

#[test]
fn two_programs_are_compared_by_time_and_output() {
    let place = place();
    let own = cargo_bin!("dechaff").display().to_string();
    let clean = format!("'{own}' clean {{in}} -o {{out}} --no-score --scopes none -q");
    let told = format!("{clean} --stats {{stats}}");
    let copy = "cp -r in/site {out}";
    let found = place.benched(&["ab", &told, &clean, "in"]);
    assert_eq!(found["comparison"]["same_output"], true);
    let [a, b] = [0, 1].map(|at| &found["records"][at]);
    assert_eq!(a["input"], b["input"]);
    assert_eq!(
        (&a["program"], &b["program"]),
        (&json!("dechaff"), &json!("dechaff"))
    );
    assert_eq!(a["counts"]["pages"], 2);
    // Of a program that says nothing, size and digest are found out.
    let found = place.benched(&["ab", "cat in/site/b.txt", copy, "in"]);
    assert_eq!(found["comparison"]["same_output"], false);
    assert_eq!(found["records"][0]["program"], "cat");
    assert_eq!(found["records"][0]["output"]["bytes"], PLAIN.len());
    assert_eq!(found["records"][1]["output"]["files"], 2);
    assert_eq!(figure(&found["comparison"], "speed")["unit"], "s");
    let found = place.benched(&["ab", "grep -rc x {in}", "grep -rc x {in}", "in"]);
    assert_eq!(found["comparison"]["same_output"], true);
    assert_eq!(figure(&found["comparison"], "speed")["unit"], "MB/s");
}

#[test]
fn made_up_pages_are_the_same_for_a_seed() {
    let place = Place::new();
    let record = |arguments: &[&str]| {
        let all = ["--generate", "30K", "--cache", "warm"];
        place.benched(&[&all, arguments].concat())
    };
    let settings = ["--", "--no-score"];
    let one = record(&settings);
    assert_eq!(one["input"], record(&settings)["input"]);
    let two = record(&[&["--seed", "2", "--as", "jsonl"], &settings[..]].concat());
    assert_ne!(one["input"], two["input"]);
    assert_eq!(two["input"]["files"], 1);
    assert!(two["counts"]["bytes_in"].as_u64() >= Some(30_000));
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_runs() {
    let place = place();
    for (arguments, why) in [
        (&["in", "--repeats", "4"][..], "--repeats"),
        (&["nowhere"], "nowhere"),
        (&["-"], "standard input"),
        (&["--seed", "2", "in"], "--generate"),
        (&["--generate", "1K", "in"], "not both"),
        (&[], "INPUT"),
        (&["in", "--", "--treshold", "0.5"], "--treshold"),
        (&["in", "--", "-o", "mine"], "--output"),
        (&["ab", "--treshold 0.5", "", "in"], "--treshold"),
        (&["ab", "", "", "nowhere"], "nowhere"),
        (&["ab", "sort 'a", "", "in"], "quotation mark"),
        (&["ab", "", "", "in", "--fail-on", "speed=5"], "no rule"),
    ] {
        place.bench(arguments).expect(2).mentions(why);
    }
    place.file("there.json", "{}");
    place
        .bench(&["in", "--out", "there.json"])
        .expect(2)
        .mentions("there.json");
    assert_eq!(place.read_text("there.json"), "{}");
}

#[test]
fn a_run_that_fails_says_why() {
    let place = place();
    let outcome = place.bench(&["ab", "cat in", "true", "in"]).expect(1);
    outcome.mentions("A: cat in: ended with 1: cat: in");
    place
        .bench(&["ab", "true", "no-such-program-at-all", "in"])
        .expect(1)
        .mentions("B: no-such");
    // Damaged input is no failure, and no success.
    place.file("rows.jsonl", "{\"text\": \"a\"}\n{\n");
    let outcome = place.bench(&["rows.jsonl", "--cache", "warm"]).expect(3);
    outcome.mentions("rejected");
}

/// A record of runs that took so many seconds.
fn record(place: &Place, name: &str, seconds: &[f64]) {
    let mut record = place.read_json("one.json");
    let repeats = seconds.iter().map(|seconds| {
        json!({"cache": "warm", "wall_seconds": seconds, "cpu_seconds": seconds,
            "peak_memory_bytes": 9_000_000, "bytes": 1_000_000,
            "output_digest": record["output"]["digest"]})
    });
    record["repeats"] = repeats.collect();
    place.file(name, record.to_string());
}

#[test]
fn a_slower_build_fails_the_gate_and_the_same_one_does_not() {
    let place = place();
    place
        .clean(["in", "-o", "out", "-q", "--stats", "one.json"])
        .expect(0);
    let before = [1.0, 1.01, 0.99, 1.02, 0.98];
    record(&place, "before.json", &before);
    record(&place, "again.json", &[1.01, 0.98, 1.0, 1.03, 0.99]);
    record(&place, "slowed.json", &before.map(|seconds| seconds * 1.1));
    let gate = ["--fail-on", "speed<-3%"];
    let compare = |now: &str| place.compare(&[&["before.json", now], &gate[..]].concat());
    let slowed = compare("slowed.json").expect(3);
    assert!(slowed.text().contains("slower"), "{}", slowed.text());
    assert!(slowed.text().contains("FAILED"), "{}", slowed.text());
    let again = compare("again.json").expect(0).text();
    assert!(
        again.contains("same output") && again.contains("no evidence"),
        "{again}"
    );
    assert!(
        !again.contains("no evidence ("),
        "five runs are enough: {again}"
    );
}

#[test]
fn cold_runs_are_compared_with_cold_runs() {
    let place = place();
    place
        .clean(["in", "-o", "out", "-q", "--stats", "one.json"])
        .expect(0);
    let with_caches = |name: &str, caches: &[(&str, f64)]| {
        let mut record = place.read_json("one.json");
        let repeats = caches.iter().flat_map(|(cache, seconds)| {
            vec![json!({"cache": cache, "wall_seconds": seconds, "bytes": 1_000_000}); 5]
        });
        record["repeats"] = repeats.collect();
        place.file(name, record.to_string());
    };
    with_caches("a.json", &[("cold", 4.0), ("warm", 1.0)]);
    with_caches("b.json", &[("cold", 2.0), ("warm", 1.0)]);
    with_caches("cold.json", &[("cold", 2.0)]);
    with_caches("warm.json", &[("warm", 2.0)]);
    let compared = |a: &str, b: &str| -> Value {
        let outcome = place.compare(&[a, b, "--json"]).expect(0);
        serde_json::from_slice(&outcome.stdout).expect("JSON")
    };
    let both = compared("a.json", "b.json");
    assert_eq!(figure(&both, "speed")["verdict"], "same");
    assert_eq!(figure(&both, "cold_speed")["verdict"], "faster");
    let cold = compared("a.json", "cold.json");
    let names = |value: &Value| value["figures"].to_string();
    assert!(!names(&cold).contains("\"speed\""), "{cold:#}");
    let note = compared("cold.json", "warm.json")["pairs"][0]["notes"].to_string();
    assert!(note.contains("cold cache"), "{note}");
    let gate = ["a.json", "b.json", "--fail-on", "cold_speed>50%"];
    place.compare(&gate).expect(3);
}

#[test]
#[cfg(unix)]
fn a_signal_ends_the_run_at_work_and_leaves_nothing() {
    let place = place();
    place.directory("temp");
    let mut bench = std::process::Command::new(cargo_bin!("dechaff"))
        .current_dir(place.path(""))
        .env("TMPDIR", place.path("temp"))
        .args(["bench", "ab", "sleep 600", "sleep 600", "in"])
        .spawn()
        .expect("the program runs");
    // Its first run has begun when it has a directory with what it says.
    while place.files("temp").is_empty() {
        assert_eq!(bench.try_wait().expect("a status"), None, "it has ended");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let id = bench.id().to_string();
    let kill = std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(kill.expect("kill runs").success());
    assert_eq!(bench.wait().expect("a status").code(), Some(143));
    assert!(place.tree("temp").is_empty());
}
