//! `dechaff clean`: what each option changes, the run record, the final table, the streams.
#![cfg(feature = "cli")]

mod support;

use std::path::Path;

use dechaff::fingerprint::FingerprintKey;
use serde_json::Value;
use support::{
    Entry, FERRY, FERRY_BODY, LedgerRow, MARK, PLAIN, Place, make_pipe, rebuild, rows_of, text_of,
};

/// A page with menu words around a body, so that there is something to score.
const FRAMED: &str = "\
Home\nNews\nSport\nSign in\n\n\
Harbour ferry returns to service after a winter of repairs\n\
Harbour ferry returns to service after a winter of repairs\n\
\n\
The oldest ferry in the harbour carried passengers again on Monday, after engineers had \
spent four months on a hull that was older than most of them.\n\
\n\n\
The next inspection is due in three years, when the council will decide whether the boat \
is to be replaced by a larger one.\n\
Share\nSubscribe\nPrivacy policy | Terms of use | Cookies\n";

/// One line of tagged output.
#[derive(Debug, PartialEq)]
struct Tagged {
    decision: String,
    score: f64,
    reason: String,
    line: String,
}

/// Takes tagged output apart. Only pages whose lines end in LF.
fn tagged(output: &str) -> Vec<Tagged> {
    let row = |row: &str| {
        let fields: Vec<&str> = row.splitn(4, '\t').collect();
        let [decision, score, reason, line] = fields[..] else {
            panic!("four fields: {row:?}");
        };
        let decimals = score.split_once('.').map(|(_, decimals)| decimals.len());
        assert_eq!(decimals, Some(4), "{row:?}");
        Tagged {
            decision: decision.to_owned(),
            score: score.parse().expect("a number"),
            reason: reason.to_owned(),
            line: line.to_owned(),
        }
    };
    output.split_inclusive('\n').map(row).collect()
}

fn place() -> Place {
    Place::with([("in/ferry.txt", FERRY), ("in/news/framed.txt", FRAMED)])
}

#[test]
fn drop_writes_the_kept_lines_and_is_the_default() {
    let place = place();
    place.clean(["in", "-o", "out", "--no-score"]).expect(0);
    assert_eq!(place.read_text("out/ferry.txt"), FERRY_BODY);
    place
        .clean(["in", "-o", "same", "--no-score", "--mode", "drop"])
        .expect(0);
    assert_eq!(place.tree("same"), place.tree("out"));
}

#[test]
fn tag_writes_every_line_with_decision_score_and_reason() {
    let place = place();
    for options in [&[][..], &["--no-score"], &["--threshold", "0.9"]] {
        let clean = |output: &str, more: &[&str]| {
            let mut command = place.command(["in", "-o", output, "--overwrite", "-q"]);
            command.args(options).args(more).assert().success();
        };
        clean("tagged", &["--mode", "tag"]);
        clean("dropped", &["--removed", "ledger"]);
        for (name, page) in [("ferry.txt", FERRY), ("news/framed.txt", FRAMED)] {
            let lines = tagged(&place.read_text(format!("tagged/{name}")));
            let all: String = lines.iter().map(|line| line.line.as_str()).collect();
            assert_eq!(all, page);
            let kept: String = lines
                .iter()
                .filter(|line| line.decision == "keep")
                .map(|line| line.line.as_str())
                .collect();
            assert_eq!(kept, place.read_text(format!("dropped/{name}")));
            let ledger = place.ledger("ledger");
            let mut removed = rows_of(&ledger, name).into_iter();
            for (index, line) in lines.iter().enumerate() {
                assert!((0.0..=1.0).contains(&line.score), "{line:?}");
                if line.decision == "keep" {
                    assert!(
                        ["body", "blank"].contains(&line.reason.as_str()),
                        "{line:?}"
                    );
                    continue;
                }
                let row = removed.next().expect("a ledger row for each removed line");
                assert_eq!(line.decision, "remove");
                assert_eq!(row.line, index + 1);
                assert_eq!((&row.reason, row.score), (&line.reason, line.score));
                assert_eq!(row.bytes, line.line.as_bytes());
            }
            assert_eq!(removed.next(), None);
        }
    }
}

#[test]
fn tag_keeps_marks_line_ends_and_open_ends() {
    let place = Place::with([(
        "page.txt",
        [MARK, b"First line\r\n\r\nSecond\tline\rThird"].concat(),
    )]);
    place
        .clean(["page.txt", "-o", "out.txt", "--mode", "tag", "--no-score"])
        .expect(0);
    let expected = "keep\t0.0000\tbody\tFirst line\r\nkeep\t0.0000\tblank\t\r\n\
                    keep\t0.0000\tbody\tSecond\tline\rkeep\t0.0000\tbody\tThird";
    assert_eq!(place.read("out.txt"), [MARK, expected.as_bytes()].concat());
}

#[test]
fn spans_leave_the_text_and_put_the_pages_ledger_rows_beside_it() {
    let place = place();
    place.file(
        "in/odd.txt",
        [MARK, b"\r\n\r\nA \xff line\r\n\n\n\x80\xff\n\nAn end"].concat(),
    );
    place.file("in/empty.txt", "").file("in/plain.txt", PLAIN);
    place
        .clean([
            "in",
            "-o",
            "out",
            "--mode",
            "spans",
            "--removed",
            "ledger",
            "-q",
        ])
        .expect(0);
    let outputs = place.files("out");
    let inputs = place.files("in");
    assert_eq!(outputs.len(), 2 * inputs.len());
    let mut rows = 0;
    for (name, page) in inputs {
        assert_eq!(outputs[&name], page, "{name:?}");
        let spans_name = format!("{}.spans.jsonl", name.display());
        let spans = place.ledger(format!("out/{spans_name}"));
        let ledger = place.ledger("ledger");
        let expected: Vec<LedgerRow> = rows_of(&ledger, &name.to_string_lossy())
            .into_iter()
            .cloned()
            .collect();
        assert_eq!(spans, expected, "{name:?}");
        rows += spans.len();
    }
    assert_eq!(rows, place.ledger("ledger").len());
    let lines_of = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let ledger = lines_of(place.read_text("ledger"));
    let spans = lines_of(place.read_text("out/ferry.txt.spans.jsonl"));
    assert!(spans.iter().all(|row| ledger.contains(row)));
}

#[test]
fn spans_of_one_file_stand_beside_its_output() {
    let place = Place::with([("page.txt", FERRY)]);
    place
        .clean(["page.txt", "-o", "out.txt", "--mode", "spans", "--no-score"])
        .expect(0);
    assert_eq!(place.read_text("out.txt"), FERRY);
    let spans = place.ledger("out.txt.spans.jsonl");
    assert!(spans.iter().all(|row| row.page == "page.txt"));
    let reasons: Vec<&str> = spans.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!(reasons, ["blank", "repeat", "blank", "repeat", "blank"]);
}

#[test]
fn a_file_called_like_spans_is_cleaned_where_there_are_no_spans() {
    let row = "{\"text\":\"a\\n\\n\\nb\"}\n";
    let place = Place::with([("page.spans.jsonl", row)]);
    place
        .clean(["page.spans.jsonl", "-o", "out", "--no-score"])
        .expect(0);
    assert_eq!(place.read_text("out"), "{\"text\":\"a\\n\\nb\"}\n");
    assert_eq!(place.tree("").len(), 2);
}

#[test]
fn a_page_whose_name_has_no_room_for_spans_is_skipped() {
    let (long, longest) = ("n".repeat(244), "m".repeat(243));
    let place = place();
    place
        .file(format!("in/{long}"), FERRY)
        .file(format!("in/{longest}"), FERRY);
    place
        .clean(["in", "-o", "out", "--mode", "spans", "-q"])
        .expect(3)
        .says(&[&format!(
            "{long}: no name left for its .spans.jsonl (taken, or too long); skipped"
        )]);
    let outputs = place.files("out");
    assert_eq!(outputs.len(), 2 * 3, "{:?}", outputs.keys());
    for name in ["ferry.txt", "news/framed.txt", &longest] {
        assert_eq!(
            place.read(format!("out/{name}")),
            place.read(format!("in/{name}"))
        );
        assert!(!place.ledger(format!("out/{name}.spans.jsonl")).is_empty());
    }
    place.clean(["in", "-o", "dropped", "-q"]).expect(0);
    assert_eq!(place.files("dropped").len(), 4);
}

#[test]
fn a_large_file_whose_spans_have_no_room_is_skipped_too() {
    let place = Place::with([
        ("in/a.txt", FERRY),
        ("in/a.txt.spans.jsonl", "{\"text\":\"b\"}\n"),
    ]);
    let long = "n".repeat(250);
    place.file(format!("in/{long}"), FERRY.repeat(200));
    let arguments = [
        "in",
        "-o",
        "out",
        "--mode",
        "spans",
        "-q",
        "--max-page-bytes",
        "64KiB",
    ];
    assert!(FERRY.len() * 200 > 64 << 10);
    let outcome = place.clean(arguments).expect(3);
    assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
    assert_eq!(place.files("out").len(), 2);
    assert_eq!(place.read_text("out/a.txt"), FERRY);
    assert!(!place.ledger("out/a.txt.spans.jsonl").is_empty());
}

#[test]
fn json_lines_with_spans_go_to_standard_output() {
    let place = Place::new();
    let outcome = place
        .clean_with_input(
            ["-", "--format", "jsonl", "--mode", "spans", "-o", "-", "-q"],
            "{\"text\":\"\\n\"}\n",
        )
        .expect(0);
    assert_eq!(
        String::from_utf8_lossy(&outcome.stdout),
        "{\"text\":\"\\n\",\"dechaff\":{\"blank\":[[0,1,0.0000]],\"template\":[],\"repeat\":[],\"duplicate\":[],\"comment\":[],\"headline\":[],\"boilerplate\":[]}}\n"
    );
}

#[test]
fn a_dry_run_writes_no_page_and_reports_the_same() {
    let place = place();
    place.file("in/bad.jsonl", "no row\n");
    let before = place.tree("");
    let dry = place.clean(["in", "--dry-run"]).expect(3);
    assert_eq!(place.tree(""), before);
    assert!(dry.stdout.is_empty());
    let dry_with_out = place.clean(["in", "-o", "out", "--dry-run"]).expect(3);
    assert_eq!(place.tree(""), before);
    let real = place
        .clean(["in", "-o", "out", "--stats", "real.json"])
        .expect(3);
    place
        .clean(["in", "--dry-run", "--stats", "dry.json"])
        .expect(3);
    assert_eq!(place.counts("dry.json"), place.counts("real.json"));
    // The last line holds the time.
    let table = |stderr: &str| {
        stderr
            .lines()
            .rev()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(table(&dry.stderr), table(&real.stderr));
    assert_eq!(table(&dry_with_out.stderr), table(&real.stderr));
}

#[test]
fn a_dry_run_writes_the_ledger_that_is_asked_for() {
    let place = place();
    place
        .clean(["in", "-o", "out", "--removed", "real"])
        .expect(0);
    place
        .clean(["in", "--dry-run", "--removed", "dry"])
        .expect(0);
    assert_eq!(place.read("dry"), place.read("real"));
}

#[test]
fn no_score_removes_by_repetition_only() {
    let place = place();
    place
        .clean([
            "in",
            "-o",
            "out",
            "--no-score",
            "--removed",
            "ledger",
            "--stats",
            "stats",
        ])
        .expect(0);
    let counts = place.counts("stats");
    assert_eq!(counts["boilerplate"]["lines"], 0);
    assert_eq!(counts["repeat"]["lines"], 3);
    assert!(place.ledger("ledger").iter().all(|row| row.score == 0.0));
    assert!(
        place
            .read_text("out/news/framed.txt")
            .starts_with("Home\nNews\n")
    );
}

#[test]
fn scopes_none_removes_no_repeat() {
    let place = place();
    place
        .clean(["in", "-o", "out", "--scopes", "none", "--stats", "stats"])
        .expect(0);
    assert_eq!(place.counts("stats")["repeat"]["lines"], 0);
    place
        .clean([
            "in",
            "-o",
            "blanks",
            "--scopes",
            "none",
            "--no-score",
            "--removed",
            "ledger",
        ])
        .expect(0);
    assert!(
        place
            .ledger("ledger")
            .iter()
            .all(|row| row.reason == "blank")
    );
    let text = place.read_text("blanks/ferry.txt");
    let without_blanks = |text: &str| {
        text.lines()
            .filter(|line| !line.is_empty())
            .collect::<String>()
    };
    assert_eq!(without_blanks(&text), without_blanks(FERRY));
    place
        .clean(["in", "-o", "page", "--scopes", "page"])
        .expect(0);
    place.clean(["in", "-o", "default"]).expect(0);
    assert_eq!(place.tree("page"), place.tree("default"));
}

#[test]
fn threshold_0_removes_every_line() {
    let place = place();
    let outcome = place
        .clean(["in", "-o", "out", "--threshold", "0", "--stats", "stats"])
        .expect(0);
    assert!(place.files("out").values().all(Vec::is_empty));
    assert_eq!(place.files("out").len(), 2);
    outcome.mentions("ferry.txt: note: no line of it stays");
    let counts = place.counts("stats");
    assert_eq!(counts["bytes_kept"], 0);
    assert_eq!(counts["pages_emptied"], 2);
}

#[test]
fn a_higher_threshold_keeps_every_line_that_a_lower_one_keeps() {
    let place = place();
    let removed = |threshold: &str| {
        place
            .clean([
                "in",
                "--dry-run",
                "--threshold",
                threshold,
                "--removed",
                "ledger",
                "--overwrite",
            ])
            .expect(0);
        let ledger = place.ledger("ledger");
        let boilerplate = ledger.into_iter().filter(|row| row.reason == "boilerplate");
        boilerplate
            .map(|row| {
                // A score stands in the ledger with four decimals.
                let cut: f64 = threshold.parse().expect("a number");
                assert!(row.score >= cut - 0.000_05, "{row:?}");
                (row.page, row.line)
            })
            .collect::<Vec<_>>()
    };
    let steps = ["0", "0.1", "0.25", "0.5", "0.75", "0.9", "1"].map(removed);
    for pair in steps.windows(2) {
        assert!(pair[1].iter().all(|line| pair[0].contains(line)));
    }
    assert!(steps[0].len() > steps[6].len());
}

#[test]
fn threshold_auto_is_the_default() {
    let place = place();
    place
        .clean(["in", "-o", "auto", "--threshold", "auto"])
        .expect(0);
    place
        .clean(["in", "-o", "default", "--stats", "stats"])
        .expect(0);
    assert_eq!(place.tree("auto"), place.tree("default"));
    assert_eq!(place.read_json("stats")["settings"]["threshold"], "auto");
}

#[test]
fn max_removed_stops_a_small_run_at_its_end() {
    let place = place();
    let outcome = place
        .clean(["in", "-o", "out", "--no-score", "--max-removed", "5"])
        .expect(1);
    outcome.mentions("of the text was removed after 2 pages; at most 5 % is allowed");
    place
        .clean(["in", "-o", "all", "--no-score", "--max-removed", "99"])
        .expect(0);
    place
        .clean([
            "in",
            "-o",
            "none",
            "--threshold",
            "0",
            "--max-removed",
            "100%",
        ])
        .expect(0);
}

#[test]
fn max_removed_stops_a_large_run_once_1000_pages_are_seen() {
    let place = Place::new();
    for number in 0..2000 {
        place.file(format!("in/{number:04}.txt"), FERRY);
    }
    let outcome = place
        .clean([
            "in",
            "-o",
            "out",
            "--no-score",
            "--max-removed",
            "5",
            "--threads",
            "1",
        ])
        .expect(1);
    outcome.mentions("at most 5 % is allowed");
    let written = place.files("out");
    assert!((1000..2000).contains(&written.len()), "{}", written.len());
    assert!(
        written.values().all(|page| page == FERRY_BODY.as_bytes()),
        "pages are whole"
    );
}

#[test]
fn quiet_silences_table_and_notes_but_no_problem() {
    let place = Place::with([("in/a.txt", FERRY), ("in/blank.txt", "\n")]);
    place
        .clean(["in", "-o", "out", "--quiet"])
        .expect(0)
        .says(&[]);
    place.file("in/nul.txt", "A line of text with one \0 in it.\n");
    place
        .clean(["in", "-o", "more", "-q"])
        .expect(3)
        .says(&["nul.txt: binary: holds NUL bytes; copied through unchanged"]);
}

#[test]
fn the_table_tells_what_was_done() {
    let place = place();
    place.file("in/photo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0");
    place.file("in/rows.jsonl", "{\"text\":\"A row of text.\"}\nno row\n");
    let outcome = place
        .clean(["in", "-o", "out", "--no-score", "--stats", "stats"])
        .expect(3);
    assert!(
        outcome.stdout.is_empty(),
        "nothing but pages goes to standard output"
    );
    assert!(
        !outcome.stderr.contains(['\r', '\u{1b}']),
        "progress only on a terminal"
    );
    let rows: Vec<Vec<&str>> = outcome
        .stderr
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let has = |start: &str| {
        let words: Vec<&str> = start.split(' ').collect();
        assert!(
            rows.iter().any(|row| row.starts_with(&words)),
            "{start} / {}",
            outcome.stderr
        );
    };
    let counts = place.counts("stats");
    let framed_repeat = "Harbour ferry returns to service after a winter of repairs\n".len();
    let caption = "The ferry leaves the eastern pier on its first morning back at work\n".len();
    assert_eq!(counts["repeat"]["bytes"], 2 * framed_repeat + caption);
    has("pages 3");
    has(&format!(
        "lines in {} {} bytes 100.0 %",
        counts["lines"], counts["bytes_in"]
    ));
    has("lines kept");
    has(&format!(
        "removed: repeat 3 {} bytes",
        counts["repeat"]["bytes"]
    ));
    has("removed: boilerplate 0 0 bytes");
    has(&format!(
        "removed: blank {} {} bytes",
        counts["blank"]["lines"], counts["blank"]["bytes"]
    ));
    has("rejected rows 1 7 bytes");
    has("other files 1");
    has("problems 1");
    let last = outcome.stderr.lines().last().expect("a last line");
    assert!(last.contains(" s, ") && last.contains("MB/s"), "{last}");
    if cfg!(target_os = "linux") {
        assert!(last.contains("MB peak memory"), "{last}");
    }
}

#[test]
fn the_run_record_is_complete() {
    let key = b"sixteen bytes ok";
    let place = place();
    place
        .file("key", key)
        .clean([
            "in",
            "-o",
            "out",
            "--stats",
            "stats",
            "--mode",
            "tag",
            "--threshold",
            "0.25",
            "--threads",
            "2",
            "--text-field",
            "body",
            "--max-page-bytes",
            "1MiB",
            "--max-removed",
            "100",
            "--id-field",
            "name",
            "--follow",
            "--key-file",
            "key",
        ])
        .expect(0);
    let record = place.read_json("stats");
    assert!(!place.read_text("stats").contains("sixteen"));
    assert_eq!(record["schema_version"], 3);
    assert_eq!(record["program"], "dechaff");
    assert_eq!(record["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        record["settings"],
        serde_json::json!({
            "page_repeats": true,
            "site_templates": true,
            "corpus_duplicates": null,
            "page_duplicates": "report",
            "site": "auto",
            "score": true,
            "threshold": 0.25,
            "model": "fast",
            "html_model": null,
            "comments": "scored",
            "headline": "scored",
            "index": false,
            "format": "auto",
            "output_format": "jsonl",
            "mode": "tag",
            "text_field": "body",
            "text_format": "auto",
            "encoding": null,
            "url_field": "url",
            "id_field": "name",
            "follow": true,
            "key": FingerprintKey::from_bytes(key).expect("a key").name(),
            "max_page_bytes": 1 << 20,
            "max_removed_percent": 100.0,
        })
    );
    assert_eq!(record["threads"], 2);
    for field in ["wall_seconds", "mb_per_second"] {
        assert!(
            record[field].as_f64().is_some_and(|value| value >= 0.0),
            "{field}"
        );
    }
    assert!(record["peak_memory_bytes"].is_u64() || !cfg!(target_os = "linux"));
    for field in ["settings_digest", "input", "output", "build", "machine"] {
        assert!(!record[field].is_null(), "{field}");
    }
    assert_eq!(record["input"]["files"], 2);
    assert_eq!(record["output"]["files"], 2);
    let written: usize = place.files("out").values().map(Vec::len).sum();
    assert_eq!(record["output"]["bytes"], written);
    let stages: Vec<&str> = record["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .filter(|stage| stage["pass"] == 2)
        .filter_map(|stage| stage["stage"].as_str())
        .collect();
    for stage in [
        "walk",
        "read",
        "split",
        "fingerprint",
        "score",
        "decide",
        "write",
    ] {
        assert!(stages.contains(&stage), "{stage} is not in {stages:?}");
    }
    let counts = place.counts("stats");
    for field in [
        "pages",
        "pages_emptied",
        "pages_copied",
        "pages_nearly_copied",
        "lines",
        "bytes_read",
        "bytes_in",
        "bytes_kept",
        "bytes_rejected",
        "rows_rejected",
        "rows_without_text",
        "copied_unchanged",
        "converted",
        "html_pages",
        "html_bytes",
        "other_files",
        "other_bytes",
        "links",
        "problems",
    ] {
        assert!(counts[field].is_u64(), "{field}");
    }
    let lines = FERRY.lines().count() + FRAMED.lines().count();
    let bytes = FERRY.len() + FRAMED.len();
    assert_eq!(counts["lines"], lines);
    assert_eq!(counts["bytes_in"], bytes);
    assert_eq!(counts["bytes_read"], bytes);
    assert!(place.read_text("stats").ends_with("}\n"));
}

#[test]
fn the_record_counts_files_that_are_no_pages_apart() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0";
    let page = [MARK, PLAIN.as_bytes()].concat();
    let place = Place::with([("in/a.png", &png[..]), ("in/page.txt", &page[..])]);
    place
        .clean(["in", "-o", "out", "--stats", "stats", "--no-score"])
        .expect(0);
    let counts = place.counts("stats");
    assert_eq!(counts["other_files"], 1);
    assert_eq!(counts["other_bytes"], png.len());
    assert_eq!(counts["bytes_read"], png.len() + MARK.len() + PLAIN.len());
    assert_eq!(counts["bytes_in"], PLAIN.len(), "the mark is no text");
}

#[test]
fn one_page_goes_from_standard_input_to_standard_output() {
    let place = Place::new();
    let outcome = place
        .clean_with_input(["-", "-o", "-", "--no-score", "--removed", "ledger"], FERRY)
        .expect(0);
    assert_eq!(outcome.stdout, FERRY_BODY.as_bytes());
    outcome.mentions("pages");
    let ledger = place.ledger("ledger");
    assert!(ledger.iter().all(|row| row.page == "-"));
    assert_eq!(rebuild(&outcome.stdout, &ledger), FERRY.as_bytes());
    let tagged = place
        .clean_with_input(["-", "-o", "-", "--no-score", "--mode", "tag", "-q"], FERRY)
        .expect(0);
    assert!(
        tagged
            .stdout
            .starts_with(b"remove\t0.0000\tblank\t\nkeep\t0.0000\tbody\tHarbour")
    );
}

#[test]
fn standard_input_may_go_to_a_file_and_a_file_to_standard_output() {
    let place = Place::with([("page.txt", FERRY)]);
    place
        .clean_with_input(["-", "-o", "out.txt", "--no-score", "-q"], FERRY)
        .expect(0)
        .says(&[]);
    assert_eq!(place.read_text("out.txt"), FERRY_BODY);
    let outcome = place
        .clean(["page.txt", "-o", "-", "--no-score", "-q"])
        .expect(0);
    assert_eq!(outcome.stdout, FERRY_BODY.as_bytes());
}

#[test]
fn standard_input_gives_the_bytes_that_a_file_gives() {
    let page = format!("{FRAMED}\r\n{FERRY}").repeat(200);
    let place = Place::with([("page.txt", &page)]);
    for options in [&[][..], &["--mode", "tag"], &["--max-page-bytes", "64KiB"]] {
        let run = |input: &str| {
            let mut command = place.command([input, "-o", "-", "-q"]);
            let output = command.args(options).write_stdin(page.as_str()).output();
            output.expect("the program runs").stdout
        };
        assert!(run("-") == run("page.txt"), "{options:?}");
    }
}

#[test]
fn one_file_goes_to_one_file() {
    let place = Place::with([("page.txt", FERRY)]);
    place.directory("deep");
    place
        .clean(["page.txt", "-o", "deep/cleaned", "--no-score"])
        .expect(0);
    assert_eq!(place.read_text("deep/cleaned"), FERRY_BODY);
    assert_eq!(place.files("deep").len(), 1, "no temporary file stays");
}

#[test]
fn an_empty_file_at_the_output_is_written_over_unasked() {
    let place = Place::with([("page.txt", FERRY), ("out.txt", "")]);
    place
        .clean(["page.txt", "-o", "out.txt", "--no-score"])
        .expect(0);
    assert_eq!(place.read_text("out.txt"), FERRY_BODY);
}

#[cfg(unix)]
#[test]
fn side_files_that_are_pipes_are_written_to() {
    use std::fs::File;
    use std::io::{Read, Write};
    let place = Place::with([("page.txt", FERRY)]);
    for option in ["--removed", "--stats"] {
        let name = format!("pipe{option}");
        if !make_pipe(&place.path(&name)) {
            return;
        }
        // Open both ways, neither side waits for the other; what is written stays in it.
        let pipe = File::options()
            .read(true)
            .write(true)
            .open(place.path(&name));
        let mut pipe = pipe.expect("a pipe can be opened");
        place
            .clean(["page.txt", "-o", "-", "--no-score", option, &name, "-q"])
            .expect(0);
        pipe.write_all(b"\0").expect("it has room");
        let mut written = Vec::new();
        while written.last() != Some(&0) {
            let mut bytes = [0; 4096];
            let count = pipe.read(&mut bytes).expect("can be read");
            written.extend_from_slice(&bytes[..count]);
        }
        written.pop();
        assert_eq!(place.tree("")[Path::new(&name)], Entry::Special);
        place.file("written", &written);
        match option {
            "--stats" => assert_eq!(place.counts("written")["pages"], 1),
            _ => assert_eq!(
                rebuild(FERRY_BODY.as_bytes(), &place.ledger("written")),
                FERRY.as_bytes()
            ),
        }
    }
}

#[cfg(unix)]
#[test]
fn outputs_that_are_links_are_written_through() {
    use std::os::unix::fs::symlink;
    let place = Place::with([("page.txt", FERRY), ("target.txt", ""), ("ledger", "")]);
    // A link, so that the device itself is safe from a program that does wrong.
    let links = [
        ("null", "/dev/null"),
        ("link.txt", "target.txt"),
        ("link-of-ledger", "ledger"),
    ];
    for (name, target) in links {
        symlink(target, place.path(name)).expect("a link can be made");
    }
    let arguments = ["page.txt", "-o", "link.txt", "--no-score", "-q"];
    let sides = ["--removed", "link-of-ledger", "--stats", "null"];
    place.clean([&arguments[..], &sides].concat()).expect(0);
    place
        .clean(["page.txt", "-o", "null", "--threshold", "0", "-q"])
        .expect(0);
    place
        .clean(["-", "--dry-run", "--removed", "null", "--stats", "null"])
        .expect(0);
    for (name, target) in links {
        assert_eq!(place.tree("")[Path::new(name)], Entry::Link(target.into()));
    }
    assert_eq!(place.read_text("target.txt"), FERRY_BODY);
    let ledger = place.ledger("ledger");
    assert_eq!(rebuild(FERRY_BODY.as_bytes(), &ledger), FERRY.as_bytes());
    assert_eq!(place.tree("").len(), 6, "no temporary file stays");
}

#[test]
fn side_files_appear_even_if_there_is_nothing_to_tell() {
    let place = Place::with([("page.txt", PLAIN)]);
    place
        .clean([
            "page.txt",
            "-o",
            "out.txt",
            "--no-score",
            "--removed",
            "ledger",
            "--rejects",
            "rejects",
            "--stats",
            "stats",
        ])
        .expect(0);
    assert!(place.read("ledger").is_empty());
    assert!(place.read("rejects").is_empty());
    assert!(matches!(place.read_json("stats"), Value::Object(_)));
}

#[test]
fn blank_lines_shrink_to_the_first_of_a_run_and_go_at_both_ends() {
    let page = "\u{feff}\n \n\u{a0}\nFirst.\n\t\n\n\u{3000}\nSecond.\n\n\n";
    let place = Place::with([("page.txt", page)]);
    place
        .clean([
            "page.txt",
            "-o",
            "out.txt",
            "--no-score",
            "--removed",
            "ledger",
        ])
        .expect(0);
    assert_eq!(place.read_text("out.txt"), "\u{feff}First.\n\t\nSecond.\n");
    let rebuilt = rebuild(text_of(&place.read("out.txt")), &place.ledger("ledger"));
    assert_eq!(rebuilt, text_of(page.as_bytes()));
}

#[test]
fn the_command_line_explains_itself() {
    let place = Place::new();
    let outcome = place.clean(["--help"]).expect(0);
    let help = String::from_utf8(outcome.stdout).expect("text");
    for option in [
        "--output",
        "--threshold",
        "--no-score",
        "--scopes",
        "--format",
        "--text-field",
        "--mode",
        "--removed",
        "--rejects",
        "--stats",
        "--threads",
        "--max-page-bytes",
        "--max-removed",
        "--dry-run",
        "--overwrite",
        "--quiet",
    ] {
        assert!(help.contains(option), "{option}");
    }
}
