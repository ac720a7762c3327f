//! What `dechaff clean` refuses: exit code 2, a reason, and nothing written.
#![cfg(feature = "cli")]

mod support;

use support::{FERRY, FERRY_BODY, Outcome, PLAIN, Place};

/// Runs a command that must be refused; what it says.
#[track_caller]
fn refused(place: &Place, arguments: &[&str]) -> String {
    let before = place.tree("");
    let outcome: Outcome = place.clean_with_input(arguments, FERRY);
    assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
    assert!(
        place.tree("") == before,
        "{arguments:?}: something was written"
    );
    assert!(outcome.stdout.is_empty(), "{arguments:?}");
    assert!(!outcome.stderr.is_empty(), "{arguments:?}: no reason");
    outcome.stderr
}

fn place() -> Place {
    Place::with([
        ("in/a.txt", FERRY),
        ("in/news/b.txt", FERRY),
        ("other/a.txt", PLAIN),
        ("page.txt", FERRY),
        ("full/mine.txt", "mine"),
    ])
}

#[test]
fn an_output_directory_that_is_not_empty() {
    let place = place();
    let reason = refused(&place, &["in", "-o", "full"]);
    assert!(reason.contains("full is not empty"), "{reason}");
    assert!(reason.contains("--overwrite"), "{reason}");
    refused(&place, &["page.txt", "in/a.txt", "-o", "full"]);
    place.directory("nested/empty");
    refused(&place, &["in", "-o", "nested"]);
    place.file("hidden/.file", "");
    refused(&place, &["in", "-o", "hidden"]);
}

#[test]
fn an_output_file_that_holds_something() {
    let place = place();
    let reason = refused(&place, &["page.txt", "-o", "full/mine.txt"]);
    assert!(reason.contains("full/mine.txt exists"), "{reason}");
    assert!(reason.contains("--overwrite"), "{reason}");
    refused(&place, &["-", "-o", "full/mine.txt"]);
    place.file("out.txt.spans.jsonl", "mine");
    refused(&place, &["page.txt", "-o", "out.txt", "--mode", "spans"]);
    refused(&place, &["-", "-o", "out.txt", "--mode", "spans"]);
}

#[test]
fn an_output_of_the_wrong_kind() {
    let place = place();
    refused(&place, &["in", "-o", "page.txt"]);
    refused(&place, &["in", "-o", "page.txt", "--overwrite"]);
    refused(&place, &["page.txt", "-o", "full"]);
    refused(&place, &["page.txt", "-o", "full", "--overwrite"]);
    refused(&place, &["-", "-o", "full"]);
    refused(&place, &["page.txt", "-o", "no/such/directory/out.txt"]);
    refused(&place, &["page.txt", "-o", "page.txt/out.txt"]);
}

#[test]
fn an_output_inside_an_input_directory() {
    let place = place();
    for options in [&[][..], &["--overwrite"]] {
        for output in [
            "in",
            "in/",
            "./in",
            "in/out",
            "in/new/out",
            "in/news",
            "in/../in/x",
            "other/../in/x",
        ] {
            refused(&place, &[&["in", "-o", output], options].concat());
        }
        refused(
            &place,
            &[&["other", "in", "-o", "in/out"], options].concat(),
        );
        refused(
            &place,
            &[&["page.txt", "in", "-o", "in/out"], options].concat(),
        );
        refused(&place, &[&["in/", "-o", "in/new/out"], options].concat());
        refused(&place, &[&[".", "-o", "out"], options].concat());
    }
}

#[test]
fn an_input_inside_the_output_directory() {
    let place = place();
    for options in [&[][..], &["--overwrite"]] {
        refused(&place, &[&["in/news", "-o", "in"], options].concat());
        refused(&place, &[&["in", "-o", "."], options].concat());
        refused(&place, &[&["in", "-o", "in/.."], options].concat());
        refused(
            &place,
            &[
                &["in/a.txt", "other/a.txt", "page.txt", "-o", "in"],
                options,
            ]
            .concat(),
        );
        refused(&place, &[&["page.txt", "in", "-o", "."], options].concat());
    }
}

#[cfg(unix)]
#[test]
fn overlaps_that_a_link_hides() {
    use std::os::unix::fs::symlink;
    let place = place();
    let link = |target: &str, name: &str| {
        symlink(target, place.path(name)).expect("a link can be made");
    };
    link("in", "link");
    link("in/news", "news");
    link("page.txt", "page-link.txt");
    for options in [&[][..], &["--overwrite"]] {
        refused(&place, &[&["in", "-o", "link/out"], options].concat());
        refused(&place, &[&["link", "-o", "in/out"], options].concat());
        refused(&place, &[&["in", "-o", "news"], options].concat());
        refused(&place, &[&["news", "-o", "link"], options].concat());
        refused(
            &place,
            &[&["page.txt", "-o", "page-link.txt"], options].concat(),
        );
        refused(
            &place,
            &[&["page-link.txt", "-o", "page.txt"], options].concat(),
        );
    }
}

#[test]
fn a_file_onto_itself() {
    let place = place();
    for options in [&[][..], &["--overwrite"]] {
        for output in ["page.txt", "./page.txt", "in/../page.txt"] {
            refused(&place, &[&["page.txt", "-o", output], options].concat());
        }
        let whole = place.path("page.txt");
        let whole = whole.to_str().expect("a temporary path is text");
        refused(&place, &[&["page.txt", "-o", whole], options].concat());
    }
    place.file("empty.txt", "");
    refused(&place, &["empty.txt", "-o", "empty.txt", "--overwrite"]);
}

#[test]
fn two_inputs_of_one_name() {
    let place = place();
    let reason = refused(&place, &["in/a.txt", "other/a.txt", "-o", "out"]);
    assert!(reason.contains("two inputs are called a.txt"), "{reason}");
    refused(&place, &["in", "./in", "-o", "out"]);
    refused(&place, &["page.txt", "page.txt", "-o", "out"]);
    place.file("deep/in/c.txt", PLAIN);
    refused(&place, &["in", "deep/in/", "-o", "out"]);
    refused(&place, &["in", "in/news/..", "-o", "out"]);
}

#[test]
fn a_side_file_inside_an_input() {
    let place = place();
    for option in ["--removed", "--rejects", "--stats"] {
        for file in ["in/ledger", "in/news/ledger", "./in/x"] {
            refused(&place, &["in", "-o", "out", option, file]);
            refused(&place, &["in", "-o", "out", option, file, "--overwrite"]);
            refused(&place, &["in", "--dry-run", option, file]);
        }
    }
}

#[test]
fn a_side_file_that_is_an_input_or_the_output() {
    let place = place();
    for option in ["--removed", "--rejects", "--stats"] {
        refused(&place, &["page.txt", "-o", "out", option, "page.txt"]);
        refused(
            &place,
            &["page.txt", "-o", "out", option, "page.txt", "--overwrite"],
        );
        refused(&place, &["page.txt", "-o", "out", option, "out"]);
        refused(&place, &["page.txt", "-o", "out", option, "./in/../out"]);
        refused(&place, &["in", "-o", "out", option, "out"]);
        refused(&place, &["-", "-o", "out", option, "out"]);
    }
}

#[test]
fn a_side_file_in_the_output_tree_or_in_the_place_of_spans() {
    let place = place();
    place.directory("out/news");
    for option in ["--removed", "--rejects", "--stats"] {
        for file in ["out/x", "out/a.txt", "out/news/x", "./in/../out/x"] {
            refused(&place, &["in", "-o", "out", option, file]);
            refused(&place, &["in", "-o", "out", option, file, "--overwrite"]);
        }
        refused(&place, &["in", "-o", "new", option, "new/x"]);
        for mode in ["drop", "spans"] {
            let side = [option, "page.out.spans.jsonl", "--mode", mode];
            refused(
                &place,
                &[&["page.txt", "-o", "page.out"], &side[..]].concat(),
            );
            refused(&place, &[&["-", "-o", "./page.out"], &side[..]].concat());
        }
    }
}

#[test]
fn a_side_file_called_like_a_standard_stream() {
    let place = place();
    for option in ["--removed", "--rejects", "--stats"] {
        refused(&place, &["in", "-o", "out", option, "-"]);
        refused(&place, &["-", "-o", "-", option, "-"]);
        refused(&place, &["in", "--dry-run", option, "-"]);
    }
}

#[test]
fn one_side_file_for_two_things() {
    let place = place();
    for (one, other) in [
        ("--removed", "--rejects"),
        ("--removed", "--stats"),
        ("--rejects", "--stats"),
    ] {
        let reason = refused(&place, &["in", "-o", "out", one, "side", other, "./side"]);
        assert!(reason.contains("./side is used otherwise"), "{reason}");
        refused(&place, &["-", "-o", "-", one, "side", other, "side"]);
    }
}

#[test]
fn a_side_file_that_exists_or_cannot_be_made() {
    let place = place();
    for option in ["--removed", "--rejects", "--stats"] {
        refused(&place, &["in", "-o", "out", option, "full/mine.txt"]);
        refused(&place, &["in", "-o", "out", option, "full"]);
        refused(&place, &["in", "-o", "out", option, "full", "--overwrite"]);
        refused(
            &place,
            &["in", "-o", "out", option, "no/such/directory/side"],
        );
        refused(&place, &["-", "-o", "-", option, "page.txt"]);
    }
}

#[test]
fn a_directory_for_temporary_files_that_has_none() {
    let place = place();
    for directory in ["no/such", "page.txt"] {
        let reason = refused(&place, &["in", "-o", "out", "--temp-dir", directory]);
        assert!(
            reason.contains(&format!("--temp-dir {directory}: ")),
            "{reason}"
        );
    }
}

#[test]
fn standard_input_beside_other_inputs() {
    let place = place();
    for inputs in [
        &["-", "in"][..],
        &["in", "-"],
        &["-", "-"],
        &["page.txt", "-"],
    ] {
        let reason = refused(&place, &[inputs, &["-o", "out"]].concat());
        assert!(reason.contains("goes alone"), "{reason}");
    }
}

#[test]
fn spans_to_standard_output() {
    let place = place();
    refused(&place, &["page.txt", "-o", "-", "--mode", "spans"]);
    refused(&place, &["in", "-o", "-", "--mode", "spans"]);
    refused(&place, &["-", "-o", "-", "--mode", "spans"]);
}

#[test]
fn values_that_mean_nothing() {
    let place = place();
    for (option, values) in [
        (
            "--threshold",
            &["-0.1", "1.1", "nan", "NaN", "inf", "", "half", "50%"][..],
        ),
        ("--scopes", &["pages", "", "page,", "page,all", "Page Site"]),
        ("--mode", &["delete", "", "drop,tag"]),
        ("--format", &["htm", "csv", ""]),
        ("--text-format", &["jsonl", ""]),
        ("--threads", &["-1", "many", "", "1.5"]),
        ("--max-removed", &["-1", "101", "nan", "all"]),
        (
            "--max-page-bytes",
            &["", "big", "-1", "1.5M", "64kb", "99999999999999999999"],
        ),
    ] {
        for value in values {
            let option = format!("{option}={value}");
            refused(&place, &["in", "-o", "out", &option]);
        }
    }
}

#[test]
fn a_kind_to_keep_and_to_drop() {
    let place = place();
    let told = refused(
        &place,
        &[
            "clean",
            "in",
            "-o",
            "out",
            "--keep",
            "headline,comments",
            "--drop",
            "comments",
        ],
    );
    assert!(
        told.contains("--keep and --drop both name comments"),
        "{told}"
    );
    let told = refused(&place, &["in", "-o", "out", "--drop", "captions"]);
    assert!(told.contains("captions"), "{told}");
}

#[test]
fn more_threads_than_512() {
    let place = place();
    for threads in ["513", "65536", "4294967296"] {
        let reason = refused(&place, &["in", "-o", "out", "--threads", threads]);
        assert!(
            reason.contains(threads) && reason.contains("512"),
            "{reason}"
        );
    }
}

#[test]
fn a_page_limit_below_the_minimum() {
    let place = place();
    for size in ["0", "1", "65535", "63KiB", "64K"] {
        let reason = refused(&place, &["in", "-o", "out", "--max-page-bytes", size]);
        assert!(reason.contains("--max-page-bytes"), "{reason}");
        assert!(reason.contains("64KiB"), "{reason}");
    }
    place
        .clean(["in", "-o", "out", "--max-page-bytes", "64KiB"])
        .expect(0);
}

#[test]
fn a_command_that_is_not_whole() {
    let place = place();
    refused(&place, &[]);
    refused(&place, &["in"]);
    refused(&place, &["-o", "out"]);
    refused(&place, &["in", "-o"]);
    refused(&place, &["in", "-o", "out", "--no-such-option"]);
    refused(&place, &["in", "-o", "out", "-o", "out2"]);
}

#[test]
fn overwrite_replaces_outputs_and_leaves_foreign_files_alone() {
    let place = place();
    for (name, bytes) in [
        ("out/a.txt", "old"),
        ("out/foreign.txt", "mine"),
        ("out/news/foreign.txt", "mine"),
        ("out/else/where.txt", "mine"),
    ] {
        place.file(name, bytes);
    }
    place
        .clean(["in", "-o", "out", "--overwrite", "--no-score"])
        .expect(0);
    for (name, expected) in [
        ("out/a.txt", FERRY_BODY),
        ("out/news/b.txt", FERRY_BODY),
        ("out/foreign.txt", "mine"),
        ("out/news/foreign.txt", "mine"),
        ("out/else/where.txt", "mine"),
    ] {
        assert_eq!(place.read_text(name), expected, "{name}");
    }
    assert_eq!(place.files("out").len(), 5);
}

#[test]
fn overwrite_replaces_one_file_and_side_files() {
    let place = place();
    for name in [
        "out.txt",
        "ledger",
        "rejects",
        "stats",
        "out.txt.spans.jsonl",
    ] {
        place.file(name, "old");
    }
    place
        .clean([
            "page.txt",
            "-o",
            "out.txt",
            "--mode",
            "spans",
            "--removed",
            "ledger",
            "--rejects",
            "rejects",
            "--stats",
            "stats",
            "--overwrite",
            "--no-score",
        ])
        .expect(0);
    assert_eq!(place.read_text("out.txt"), FERRY);
    assert_eq!(place.read("out.txt.spans.jsonl"), place.read("ledger"));
    assert!(place.read("rejects").is_empty());
    place.counts("stats");
}

#[test]
fn a_reason_is_one_line_that_names_what_is_wrong() {
    let place = place();
    for arguments in [
        &["missing", "-o", "out"][..],
        &["in", "-o", "full"],
        &["in", "-o", "in/out"],
        &["page.txt", "-o", "page.txt"],
        &["-", "in", "-o", "out"],
    ] {
        let reason = refused(&place, arguments);
        assert!(reason.starts_with("dechaff: "), "{reason}");
        assert_eq!(reason.lines().count(), 1, "{reason}");
    }
}

#[test]
fn overlapping_names_that_are_no_overlap_are_allowed() {
    let place = place();
    // Beside, not inside: one name begins like the other.
    place.clean(["in", "-o", "in2", "--no-score"]).expect(0);
    place.clean(["in", "-o", "i", "--no-score"]).expect(0);
    place
        .clean(["in/a.txt", "-o", "in3.txt", "--no-score"])
        .expect(0);
    assert_eq!(place.tree("in2"), place.tree("i"));
}

/// What a command reads it does not write over, whatever is given.
#[test]
fn files_that_are_read_are_not_written_over() {
    let place = place();
    let gold = r#"{"id":"1","source":"s","lines":["Menu","A line of text."],"labels":[0,1],"headline":[],"gold":"A line of text."}"#;
    place
        .file("gold.jsonl", format!("{gold}\n"))
        .file("key", "sixteen bytes of it")
        .file("a.json", "{}")
        .file("model", include_bytes!("../models/fast.bin"));
    for (output, extra) in [
        ("index", &[][..]),
        ("one.part", &["--part", "1/2"]),
        ("two.part", &["--part", "2/2"]),
    ] {
        let build = ["build", "in", "-o", output, "--key-file", "key", "-q"];
        place.index([&build[..], extra].concat()).expect(0);
    }
    let before = place.tree("");
    let with_key = ["--key-file", "key"];
    let clean = ["clean", "page.txt", "-o"];
    let commands: [(&[&str], &[&str]); 11] = [
        (&clean, &["key", "--key-file", "key"]),
        (&clean, &["out", "--stats", "key", "--key-file", "key"]),
        (
            &clean,
            &[
                "out",
                "--removed",
                "index",
                "--index",
                "index",
                "--key-file",
                "key",
            ],
        ),
        (&clean, &["model", "--model", "model"]),
        (
            &clean,
            &["out", "--stats", "gold.jsonl", "--gold", "gold.jsonl"],
        ),
        (&["index", "build", "in", "-o", "key"], &with_key),
        (&["train", "gold.jsonl", "-o", "gold.jsonl"], &[]),
        (
            &[
                "train",
                "gold.jsonl",
                "-o",
                "in/a.txt",
                "--unlabelled",
                "in/a.txt",
            ],
            &[],
        ),
        (&["compare", "a.json", "a.json", "--html", "a.json"], &[]),
        (&["bench", "in", "--out", "in/a.txt"], &[]),
        (&["bench", "ab", "", "", "in", "--out", "in/records"], &[]),
    ];
    for (command, more) in commands {
        let arguments = [command, more, &["--overwrite"]].concat();
        let told = place.in_shell(r#"exec "$0" "$@""#, &arguments);
        assert_eq!(told.code, Some(2), "{arguments:?}: {}", told.stderr);
        assert!(
            place.tree("") == before,
            "{arguments:?}: something was written"
        );
    }
}
