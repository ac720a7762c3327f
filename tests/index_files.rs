//! `dechaff index`, and `dechaff clean` with index files: any way to the same pages gives the
//! same bytes, and no file that is not whole is taken for an index.
#![cfg(feature = "cli")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dechaff::error::RunError;
use dechaff::fingerprint::FingerprintKey;
use dechaff::index::format::{self, Kind, MAGIC};
use dechaff::index::part::{self, PageRecord};
use dechaff::index::{IndexError, Settings};
use dechaff::pipeline::{RunOptions, index_files};
use serde_json::{Value, json};
use support::index::{forged, with_corpus};
use support::letters::letters;
use support::{FERRY, Numbers, Outcome, PLAIN, Place};

/// A page of a site: its frame, lines of its own, some that other pages have.
fn page(site: &str, number: usize) -> String {
    let mut page = format!("The {site} gazette\nNews\nSport\n\nPage {number}\n");
    for line in 0..5 {
        page += &format!(
            "Of {} and {} only this page tells.\n",
            letters(number),
            letters(line)
        );
        if (number + line).is_multiple_of(4) {
            let told = letters((number * 5 + line) % 9);
            page += &format!("Everybody knows by now that {told} was seen below the weir again.\n");
        }
    }
    page + "\nImprint\nAbout us\n"
}

/// Files of three sites, with rows, an empty file and what is no page.
fn corpus() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for number in 0..48 {
        let site = ["harbour", "weir", "mill"][number % 3];
        let name = format!("{site}/{}/page{number}.txt", number % 2);
        files.insert(name.into(), page(site, number).into_bytes());
    }
    let row = |number: usize| {
        let host = ["a.example", "www.B.example"][number % 2];
        let text = page(host, 100 + number);
        json!({ "url": format!("https://{host}/{number}"), "text": text }).to_string() + "\n"
    };
    let rows: String = (0..30).map(row).collect();
    files.insert("mill/rows.jsonl".into(), rows.into_bytes());
    files.insert("mill/empty.jsonl".into(), Vec::new());
    files.insert("mill/empty.txt".into(), Vec::new());
    files.insert("mill/blank.txt".into(), b"\n \n".to_vec());
    files.insert("mill/copy.txt".into(), page("harbour", 3).into_bytes());
    files.insert(
        "mill/picture.png".into(),
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(),
    );
    files.insert("mill/style.css".into(), b"body { color: red }\n".to_vec());
    files
}

/// The corpus as one input, `all`, and dealt out to three: `zeta`, `alpha` and `mid`.
fn place() -> Place {
    let place = Place::new();
    for (at, (name, bytes)) in corpus().into_iter().enumerate() {
        let input = ["zeta", "alpha", "mid"][at % 3];
        place.file(Path::new("all").join(&name), &bytes);
        place.file(Path::new(input).join(&name), &bytes);
    }
    place
}

const CORPUS_RULE: [&str; 6] = [
    "--scopes",
    "page,site,corpus",
    "--corpus-duplicates",
    "1",
    "--corpus-min-chars",
    "50",
];

/// `dechaff index build INPUTS -o OUTPUT -q OPTIONS`.
#[track_caller]
fn build(place: &Place, inputs: &[&str], output: &str, options: &[&str]) {
    let command = [&["build"], inputs, &["-o", output, "-q"], options].concat();
    place.index(command).expect(0);
}

/// What `dechaff clean INPUTS OPTIONS` gives: outputs and ledger.
#[track_caller]
fn cleaned(place: &Place, inputs: &[&str], options: &[&str]) -> (support::Tree, Vec<u8>) {
    let side = ["-o", "out", "--removed", "ledger", "--overwrite", "-q"];
    if place.path("out").exists() {
        fs::remove_dir_all(place.path("out")).expect("the last output can go");
    }
    place.clean([inputs, &side, options].concat()).expect(0);
    (place.tree("out"), place.read("ledger"))
}

/// All orders of some items.
fn orders<T: Copy>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        all.extend(
            orders(&rest)
                .into_iter()
                .map(|order| [vec![first], order].concat()),
        );
    }
    all
}

#[test]
fn cleaning_with_an_index_of_the_pages_is_cleaning_them() {
    let place = place();
    let inputs = ["zeta", "alpha", "mid"];
    let whole_pages = [&CORPUS_RULE[..], &["--page-duplicates", "remove"]].concat();
    let sites = ["--scopes", "site", "--no-score"];
    for (number, options) in [&[][..], &sites, &CORPUS_RULE, &whole_pages]
        .into_iter()
        .enumerate()
    {
        let expected = cleaned(&place, &inputs, options);
        assert!(expected.1.len() > 1000, "{options:?}");
        let (index, part) = (format!("{number}.index"), format!("{number}.part"));
        build(&place, &inputs, &index, options);
        build(
            &place,
            &inputs,
            &part,
            &[options, &["--part", "1/1"]].concat(),
        );
        for file in [index, part] {
            let with_index = cleaned(&place, &inputs, &[options, &["--index", &file]].concat());
            assert!(with_index == expected, "{file}, {options:?}");
        }
    }
}

#[test]
fn an_index_serves_runs_that_ask_for_less_or_count_otherwise() {
    let place = place();
    build(&place, &["all"], "index", &CORPUS_RULE);
    for options in [
        &[][..],
        &["--scopes", "page"],
        &["--scopes", "none"],
        &["--scopes", "corpus", "--no-score"],
        &["--corpus-duplicates", "3", "--corpus-min-chars", "40"],
        &["--corpus-duplicates", "2", "--corpus-min-lines", "2"],
        &["--threshold", "0.9"],
        &["--page-duplicates", "remove"],
    ] {
        let expected = cleaned(&place, &["all"], options);
        let with_index = cleaned(&place, &["all"], &[options, &["--index", "index"]].concat());
        assert!(with_index == expected, "{options:?}");
    }
}

#[test]
fn one_page_or_a_pipe_is_cleaned_by_an_index() {
    let place = place();
    build(&place, &["all"], "index", &CORPUS_RULE);
    let new = page("weir", 500);
    let own = |line: &&str| line.contains("only this page");
    place.file("new/weir/page.txt", &new);
    let options = [
        "--no-score",
        "-q",
        "--index",
        "index",
        "--removed",
        "ledger",
        "--overwrite",
    ];
    // A page of a site, by its directory; its name is not in the index, so every copy goes.
    place
        .clean([&["new", "-o", "out"], &CORPUS_RULE[..], &options].concat())
        .expect(0);
    let output = place.read_text("out/weir/page.txt");
    assert!(output.lines().all(|line| own(&line)), "{output}");
    assert_eq!(output.lines().count(), 5);
    let duplicates = place
        .ledger("ledger")
        .into_iter()
        .filter(|row| row.reason == "duplicate");
    for row in duplicates {
        let (page, line) = row.of.expect("a first copy");
        let text = place.read_text(Path::new("all").join(page));
        let first = text.split_inclusive('\n').nth(line - 1).expect("a line");
        assert_eq!(first.as_bytes(), row.bytes);
    }
    // From a pipe it has no site; a row has.
    let outcome = place.clean_with_input([&["-"], &CORPUS_RULE[..], &options].concat(), &new);
    let output = String::from_utf8(outcome.expect(0).stdout).expect("text");
    assert!(output.starts_with("The weir gazette\n"), "{output}");
    assert!(!output.contains("Everybody knows"), "{output}");
    let row = json!({ "url": "https://b.example/new", "text": page("www.B.example", 501) });
    let command = [&["-", "--format", "jsonl"], &CORPUS_RULE[..], &options].concat();
    let outcome = place.clean_with_input(command, row.to_string()).expect(0);
    let row: Value = serde_json::from_slice(&outcome.stdout).expect("a row");
    let output = row["text"].as_str().expect("a text");
    assert!(output.lines().all(|line| own(&line)), "{output}");
}

#[test]
fn the_part_that_cleaning_writes_is_the_part_that_is_built() {
    let place = place();
    for (options, threads) in [(&[][..], "1"), (&CORPUS_RULE, "4")] {
        let expected = cleaned(&place, &["zeta", "all"], options);
        build(
            &place,
            &["zeta", "all"],
            "built",
            &[options, &["--part", "1/1", "--overwrite"]].concat(),
        );
        let written = ["--write-index", "written", "--threads", threads];
        let found = cleaned(&place, &["zeta", "all"], &[options, &written].concat());
        assert!(found == expected, "{options:?}");
        assert!(place.read("written") == place.read("built"), "{options:?}");
    }
}

#[test]
fn however_parts_are_cut_and_merged_they_give_the_same_bytes() {
    let place = place();
    // A page that comes in several parts of its own, a file of rows that comes in several blocks.
    let long: String = (0..9_000)
        .map(|line| format!("{}\n", letters(line * 7)))
        .collect();
    let rows: String = (0..7)
        .map(|row| {
            json!({ "text": format!("{row}\n{}", &long[row * 8..][..16_000]) }).to_string() + "\n"
        })
        .collect();
    place
        .file("mid/long.txt", &long)
        .file("mid/mill/long.jsonl", rows);
    let inputs = ["zeta", "mid", "alpha"];
    let options = [&CORPUS_RULE[..], &["--max-page-bytes", "256KiB"]].concat();
    build(
        &place,
        &inputs,
        "index",
        &[&options[..], &["--threads", "1"]].concat(),
    );
    build(
        &place,
        &inputs,
        "whole",
        &[&options[..], &["--threads", "4", "--part", "1/1"]].concat(),
    );
    let (index, part) = (place.read("index"), place.read("whole"));
    assert!(blocks_of(&part).len() > 2, "several blocks of records");
    for (shards, threads) in [(2, "1"), (3, "4")] {
        let mut names = Vec::new();
        for shard in 1..=shards {
            let name = format!("{shard}of{shards}");
            let share = format!("{shard}/{shards}");
            let how = ["--part", &share, "--threads", threads];
            build(&place, &inputs, &name, &[&options[..], &how].concat());
            names.push(name);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for (number, order) in orders(&names).into_iter().enumerate() {
            let check = |command: &str, parts: &[&str], expected: &[u8]| {
                let side = ["-o", "joined", "--overwrite"];
                place.index([&[command], parts, &side].concat()).expect(0);
                assert!(place.read("joined") == expected, "{command} {parts:?}");
            };
            check("merge", &order, &part);
            check("freeze", &order, &index);
            // Two of them first, then the rest.
            place
                .index(["merge", order[0], order[1], "-o", "two", "--overwrite"])
                .expect(0);
            let grouped = [&order[2..], &["two"]].concat();
            check("merge", &grouped, &part);
            if number == 0 {
                check("freeze", &grouped, &index);
            }
        }
    }
    place
        .index(["freeze", "whole", "-o", "frozen", "--max-memory", "128MiB"])
        .expect(0);
    assert!(place.read("frozen") == index);
}

#[test]
fn threads_memory_and_creation_order_change_no_byte_of_an_index() {
    let mut files: Vec<_> = corpus().into_iter().collect();
    let mut expected = None;
    for (seed, options) in [
        (1, &["--threads", "1"][..]),
        (2, &["--threads", "4"]),
        (3, &["--threads", "3", "--max-memory", "128MiB"]),
    ] {
        Numbers::new(seed).shuffle(&mut files);
        let files = files
            .iter()
            .map(|(name, bytes)| (Path::new("in").join(name), bytes));
        let place = Place::with(files);
        build(
            &place,
            &["in"],
            "index",
            &[&CORPUS_RULE[..], options].concat(),
        );
        build(
            &place,
            &["in"],
            "part",
            &[&CORPUS_RULE[..], options, &["--part", "1/1"]].concat(),
        );
        let got = (place.read("index"), place.read("part"));
        match &expected {
            None => expected = Some(got),
            Some(expected) => assert!(got == *expected, "{options:?}"),
        }
    }
}

#[test]
fn however_parts_are_cut_the_lines_shown_are_the_same() {
    let place = Place::new();
    for number in 0..12 {
        // The first three pages say the same.
        let top = format!("Top {}\nMenu\nNews\n", number.max(2));
        place.file(format!("in/site/page{}.txt", letters(number)), top);
    }
    build(&place, &["in"], "index", &[]);
    for shards in 2..6 {
        let names: Vec<String> = (1..=shards)
            .map(|shard| format!("{shard}of{shards}"))
            .collect();
        for (shard, name) in (1..).zip(&names) {
            build(
                &place,
                &["in"],
                name,
                &["--part", &format!("{shard}/{shards}")],
            );
        }
        let parts: Vec<&str> = names.iter().map(String::as_str).collect();
        let command = [&["freeze"], &parts[..], &["-o", "frozen", "--overwrite"]].concat();
        place.index(command).expect(0);
        assert!(
            place.read("frozen") == place.read("index"),
            "{shards} parts"
        );
    }
}

/// Sites in two inputs, none of which tells its template without the other.
fn two_crawls() -> Place {
    let place = Place::new();
    for number in 0..12 {
        let name = format!("weir/page{number:02}.txt");
        let crawl = if number % 6 == 0 { "one" } else { "two" };
        let crawl = if number % 3 == 0 { crawl } else { "three" };
        let text = page("weir", number);
        place
            .file(format!("{crawl}/{name}"), &text)
            .file(format!("all/{name}"), &text);
        if crawl != "one" {
            place.file(format!("later/{name}"), &text);
        }
    }
    place
}

#[test]
fn pages_are_added_to_a_part() {
    let place = two_crawls();
    for options in [&[][..], &CORPUS_RULE] {
        let part = [options, &["--part", "1/1", "--overwrite"]].concat();
        for input in ["one", "two", "three", "all"] {
            build(&place, &[input], &format!("{input}.part"), &part);
        }
        let alone = cleaned(&place, &["two"], options);
        let added = ["--index", "one.part", "--write-index", "both.part"];
        let with_one = cleaned(&place, &["two"], &[options, &added].concat());
        assert!(
            with_one != alone,
            "two pages and two pages are four of a site"
        );
        place
            .index([
                "merge",
                "two.part",
                "one.part",
                "-o",
                "merged",
                "--overwrite",
            ])
            .expect(0);
        assert!(place.read("both.part") == place.read("merged"));
        // The part may take the place of the one before.
        fs::copy(place.path("both.part"), place.path("rolling.part")).expect("a copy");
        let added = ["--index", "rolling.part", "--write-index", "rolling.part"];
        let with_both = cleaned(&place, &["three"], &[options, &added].concat());
        assert!(place.read("rolling.part") == place.read("all.part"));
        let with_all = cleaned(
            &place,
            &["three"],
            &[options, &["--index", "all.part"]].concat(),
        );
        assert!(with_both == with_all);
    }
}

/// The old crawl `old`, and the new one `new`: a page that is as it was, one of the same name
/// that is another, one that took a line over, one that took a page over.
fn old_and_new() -> Place {
    Place::with([
        ("old/same.txt", page("weir", 1)),
        ("old/changed.txt", page("weir", 2)),
        ("old/moved.txt", page("weir", 3)),
        ("old/other.txt", page("weir", 4)),
        ("old/whole.txt", page("weir", 5)),
        ("new/other.txt", page("weir", 5)),
        ("new/same.txt", page("weir", 1)),
        (
            "new/changed.txt",
            format!("What is told now.\n{}", told_once()),
        ),
        ("new/here.txt", page("weir", 3)),
        ("new/late.txt", format!("It is late.\n{}", told_once())),
    ])
}

/// A line that stands once in the old crawl, on `changed.txt`.
fn told_once() -> String {
    format!(
        "Of {} and {} only this page tells.\n",
        letters(2),
        letters(1)
    )
}

#[test]
fn another_crawl_is_told_what_stands_once_in_the_old_one() {
    let place = old_and_new();
    assert!(page("weir", 2).contains(&told_once()));
    let rule = ["--scopes", "corpus", "--corpus-duplicates", "1"];
    let rule = [
        &rule[..],
        &["--corpus-min-lines", "1", "--corpus-min-chars", "1"],
    ]
    .concat();
    build(&place, &["old"], "old.index", &rule);
    build(
        &place,
        &["old"],
        "old.part",
        &[&rule[..], &["--part", "1/1"]].concat(),
    );
    for index in ["old.index", "old.part"] {
        let options = [&rule[..], &["--no-score", "--index", index]].concat();
        let (_, ledger) = cleaned(&place, &["new"], &options);
        let rows = String::from_utf8(ledger).expect("text");
        let rows = rows
            .lines()
            .map(|row| serde_json::from_str(row).expect("a row"));
        let rows: Vec<(Value, Value)> = rows
            .filter(|row: &Value| row["reason"] == "duplicate")
            .map(|row| (row["page"].clone(), row["of"]["page"].clone()))
            .collect();
        let of = |page: &str| -> Vec<Value> {
            let its = rows.iter().filter(|(its, _)| its == page);
            its.map(|(_, of)| of.clone()).collect()
        };
        assert_eq!(of("changed.txt"), ["changed.txt"], "{index}");
        assert_eq!(of("late.txt"), ["changed.txt"], "{index}");
        // What pages of the old crawl share is of the first of them.
        let here = of("here.txt");
        let lines = page("weir", 3);
        let lines = lines.lines().filter(|line| !line.is_empty());
        assert_eq!(here.len(), lines.count(), "{index}");
        assert!(here.contains(&json!("moved.txt")), "{index}");
        // The page that bears the name of another old one goes as the page it is.
        let lines = page("weir", 5);
        let lines = lines.lines().filter(|line| !line.is_empty());
        assert_eq!(of("other.txt").len(), lines.count(), "{index}");
        // As it was: only what an earlier page of the old crawl has goes.
        assert!(!of("same.txt").contains(&json!("same.txt")), "{index}");
        assert!(of("same.txt").len() < 9, "{index}");
    }
}

#[test]
fn another_crawl_is_told_which_pages_the_old_one_has() {
    let place = old_and_new();
    let options = [
        "--scopes",
        "page",
        "--no-score",
        "--page-duplicates",
        "remove",
    ];
    build(
        &place,
        &["old"],
        "old.index",
        &[&options[..], &["--overwrite"]].concat(),
    );
    let options = [&options[..], &["--index", "old.index", "--stats", "stats"]].concat();
    let (output, _) = cleaned(&place, &["new"], &options);
    let is_empty = |name: &str| {
        output
            .get(Path::new(name))
            .map(|file| *file == support::Entry::File(Vec::new()))
    };
    assert_eq!(
        is_empty("here.txt"),
        Some(true),
        "another name for the same page"
    );
    assert_eq!(is_empty("same.txt"), Some(false), "the page itself");
    assert_eq!(is_empty("changed.txt"), Some(false));
    assert_eq!(is_empty("other.txt"), Some(true));
    assert_eq!(place.counts("stats")["pages_copied"], 2);
}

#[test]
fn a_part_that_is_left_out_is_forgotten() {
    let place = two_crawls();
    let part = [&CORPUS_RULE[..], &["--part", "1/1"]].concat();
    for input in ["one", "two", "three"] {
        build(&place, &[input], &format!("{input}.part"), &part);
    }
    build(&place, &["all"], "all.index", &CORPUS_RULE);
    build(&place, &["later"], "later.index", &CORPUS_RULE);
    place
        .index([
            "freeze",
            "three.part",
            "one.part",
            "two.part",
            "-o",
            "frozen",
        ])
        .expect(0);
    assert!(place.read("frozen") == place.read("all.index"));
    place
        .index(["freeze", "three.part", "two.part", "-o", "aged"])
        .expect(0);
    assert!(place.read("aged") == place.read("later.index"));
    assert!(place.read("aged") != place.read("frozen"));
}

#[test]
fn rows_that_cannot_be_read_are_told_while_an_index_is_built() {
    let place = place();
    place.file("all/bad.jsonl", "{\"text\":\"good\"}\n{\"text\":\n");
    let outcome = place.index(["build", "all", "-o", "index"]).expect(3);
    outcome.mentions("bad.jsonl:2:");
    assert!(place.path("index").exists());
}

/// Runs a command that must fail with this code; what it says. Nothing is written.
#[track_caller]
fn fails(place: &Place, code: i32, run: impl Fn() -> Outcome) -> String {
    let before = place.tree("");
    let outcome = run();
    assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
    let written: Vec<_> = place
        .tree("")
        .into_keys()
        .filter(|name| !before.contains_key(name))
        .collect();
    assert!(place.tree("") == before, "written: {written:?}");
    assert!(outcome.stdout.is_empty());
    outcome.stderr
}

/// Runs `dechaff index ARGUMENTS`, which must fail.
#[track_caller]
fn index_fails(place: &Place, code: i32, arguments: &[&str]) -> String {
    fails(place, code, || place.index(arguments))
}

/// Runs `dechaff clean in -o out ARGUMENTS`, which must fail. The output directory, where one
/// was made, is empty.
#[track_caller]
fn clean_fails(place: &Place, code: i32, arguments: &[&str]) -> String {
    fails(place, code, || {
        let outcome = place.clean([&["in", "-o", "out"], arguments].concat());
        // Fails where something lies in it.
        let gone = fs::remove_dir(place.path("out"));
        assert!(gone.is_ok() || !place.path("out").exists(), "{gone:?}");
        outcome
    })
}

/// Three pages of a site, an index and a part of them.
fn small_place() -> Place {
    let place = Place::new();
    for number in 0..3 {
        place.file(format!("in/weir/page{number}.txt"), page("weir", number));
    }
    build(&place, &["in"], "index", &[]);
    build(&place, &["in"], "part", &["--part", "1/1"]);
    place
}

#[test]
fn a_refused_index_leaves_no_output_directory() {
    let place = small_place();
    place.file("text.txt", PLAIN);
    for (code, arguments) in [
        (1, &["--index", "text.txt"][..]),
        (1, &["--index", "missing"]),
        (1, &["--index", "index", "--site", "dir"]),
        (1, &["--index", "part", "--write-index", "new"]),
        (2, &["--index", "index", "--write-index", "new"]),
    ] {
        fails(&place, code, || {
            place.clean([&["in", "-o", "out"], arguments].concat())
        });
    }
}

#[test]
fn what_is_no_index_is_refused_everywhere() {
    let place = small_place();
    place
        .file("text.txt", PLAIN)
        .file("empty", "")
        .file("start", &MAGIC[..5]);
    for (name, expected) in [
        ("text.txt", "begins with 5468652074696465"),
        ("empty", "begins with nothing"),
        ("start", "cut short at byte 5"),
        ("missing", "cannot be read"),
        ("in", "cannot be read"),
    ] {
        for message in [
            clean_fails(&place, 1, &["--index", name]),
            clean_fails(&place, 1, &["--index", name, "--write-index", "new"]),
            index_fails(&place, 1, &["info", name]),
            index_fails(&place, 1, &["info", name, "--json"]),
            index_fails(&place, 1, &["merge", "part", name, "-o", "new"]),
            index_fails(&place, 1, &["freeze", name, "-o", "new"]),
        ] {
            assert!(
                message.starts_with(&format!("dechaff: {name}: ")),
                "{message}"
            );
            assert!(message.contains(expected), "{name}: {message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
    let message = clean_fails(&place, 1, &["--index", "text.txt"]);
    assert!(message.contains("expected 646563686166661a"), "{message}");
}

#[test]
fn another_version_and_the_other_kind_are_refused() {
    let place = small_place();
    for name in ["index", "part"] {
        let mut bytes = place.read(name);
        bytes[8] = 9;
        place.file("other", bytes);
        let message = clean_fails(&place, 1, &["--index", "other"]);
        assert!(
            message.contains("version 9") && message.contains("version 1"),
            "{message}"
        );
    }
    for arguments in [
        &["merge", "index", "-o", "new"][..],
        &["merge", "part", "index", "-o", "new"],
        &["freeze", "index", "-o", "new"],
        &["freeze", "part", "index", "-o", "new"],
    ] {
        let message = index_fails(&place, 1, arguments);
        assert!(
            message.contains("index: a frozen index, expected a part"),
            "{message}"
        );
    }
    let message = clean_fails(&place, 2, &["--index", "index", "--write-index", "new"]);
    assert!(message.contains("index is a frozen index"), "{message}");
}

#[test]
fn an_index_made_with_other_settings_is_refused_with_both() {
    let place = small_place();
    build(&place, &["in"], "corpus.index", &CORPUS_RULE);
    build(
        &place,
        &["in"],
        "corpus.part",
        &[&CORPUS_RULE[..], &["--part", "1/1"]].concat(),
    );
    build(&place, &["in"], "plain.index", &["--scopes", "page"]);
    let copies_go = [&CORPUS_RULE[..], &["--page-duplicates", "remove"]].concat();
    for (index, options, found, expected) in [
        ("corpus.index", &copies_go[..], "copies=stay", "copies=go"),
        (
            "plain.index",
            &["--scopes", "page", "--page-duplicates", "remove"],
            "classes=no",
            "classes=yes",
        ),
        ("index", &["--site", "dir"][..], "site=auto", "site=dir"),
        ("part", &["--site", "host"], "site=auto", "site=host"),
        (
            "index",
            &["--corpus-duplicates", "1"],
            "corpus=no",
            "corpus=space/2",
        ),
        (
            "part",
            &["--scopes", "corpus"],
            "corpus=no",
            "corpus=space/2",
        ),
        (
            "corpus.index",
            &["--corpus-duplicates", "1", "--corpus-normalize", "none"],
            "corpus=space/2",
            "corpus=none/2",
        ),
        (
            "corpus.part",
            &["--corpus-duplicates", "1", "--corpus-min-lines", "5"],
            "corpus=space/2",
            "corpus=space/5",
        ),
        (
            "corpus.index",
            &["--corpus-duplicates", "1", "--corpus-min-chars", "1"],
            "corpus=space/2",
            "corpus=space/0",
        ),
        (
            "index",
            &["--max-page-bytes", "1MiB"],
            "page=67108864",
            "page=1048576",
        ),
    ] {
        let message = clean_fails(&place, 1, &[&["--index", index], options].concat());
        let (made, wanted) = message.split_once("expected").expect("both are named");
        assert!(
            made.contains(found) && !made.contains(expected),
            "{message}"
        );
        assert!(
            wanted.contains(expected) && !wanted.contains(found),
            "{message}"
        );
    }
    for command in ["merge", "freeze"] {
        let message = index_fails(&place, 1, &[command, "part", "corpus.part", "-o", "new"]);
        assert!(message.contains("corpus.part: made with"), "{message}");
        assert!(
            message.contains("corpus=space/2") && message.contains("corpus=no"),
            "{message}"
        );
    }
}

#[test]
fn a_page_that_two_parts_hold_is_refused_by_its_name() {
    let place = small_place();
    let rows = json!({ "text": FERRY }).to_string() + "\n";
    place.file("rows/rows.jsonl", rows.repeat(3));
    build(&place, &["rows"], "rows.part", &["--part", "1/1"]);
    build(&place, &["rows"], "half.part", &["--part", "1/2"]);
    fs::copy(place.path("part"), place.path("again")).expect("a copy");
    for command in ["merge", "freeze"] {
        let message = index_fails(&place, 1, &[command, "part", "again", "-o", "new"]);
        assert!(message.contains("weir/page0.txt"), "{message}");
        assert!(message.contains("part, again"), "{message}");
        let message = index_fails(&place, 1, &[command, "rows.part", "half.part", "-o", "new"]);
        assert!(message.contains("rows.jsonl#"), "{message}");
    }
    let message = clean_fails(&place, 1, &["--index", "part", "--write-index", "new"]);
    assert!(message.contains("weir/page0.txt"), "{message}");
}

#[test]
fn outputs_and_shares_that_cannot_be_are_refused() {
    let place = small_place();
    place.file("mine", "mine");
    for arguments in [
        &["build", "in"][..],
        &["build", "-o", "new"],
        &["build", "missing", "-o", "new"],
        &["build", "-", "-o", "new"],
        &["build", "in", "-o", "-"],
        &["build", "in", "-o", "mine"],
        &["build", "in", "-o", "in/new"],
        &["build", "in", "-o", "in", "--overwrite"],
        &["build", "in", "in", "-o", "new"],
        &[
            "build",
            "in/weir/page0.txt",
            "-o",
            "in/weir/page0.txt",
            "--overwrite",
        ],
        &["build", "in", "-o", "no/such/new"],
        &["build", "in", "-o", "new", "--part", "0/2"],
        &["build", "in", "-o", "new", "--part", "3/2"],
        &["build", "in", "-o", "new", "--part", "1"],
        &["build", "in", "-o", "new", "--part", "1/0"],
        &["build", "in", "-o", "new", "--part", "a/b"],
        &["build", "in", "-o", "new", "--part", "-1/2"],
        &["build", "in", "-o", "new", "--max-memory", "1MiB"],
        &["build", "in", "-o", "new", "--corpus-duplicates", "0"],
        &["merge", "part", "-o", "mine"],
        &["merge", "part", "-o", "-"],
        &["merge", "part"],
        &["merge", "-o", "new"],
        &["freeze", "part", "-o", "no/such/new"],
        &["freeze", "part", "-o", "in", "--overwrite"],
        &["freeze", "part", "-o", "new", "--max-memory", "1MiB"],
        &["info"],
        &["info", "part", "index"],
        &[],
    ] {
        index_fails(&place, 2, arguments);
    }
    for arguments in [
        &["--write-index", "mine"][..],
        &["--write-index", "in/new"],
        &["--write-index", "out"],
        &["--write-index", "out/new"],
        &["--write-index", "new", "--removed", "new"],
        &["--write-index", "-"],
        &["--write-index", "no/such/new"],
    ] {
        clean_fails(&place, 2, arguments);
    }
    let message = fails(&place, 2, || {
        place.clean_with_input(["-", "--write-index", "new"], FERRY)
    });
    assert!(message.contains("can be read once"), "{message}");
    build(&place, &["in"], "mine", &["--overwrite"]);
    assert!(place.read("mine") == place.read("index"));
    place
        .index(["merge", "part", "-o", "part", "--overwrite"])
        .expect(0);
    place
        .index(["freeze", "part", "-o", "part", "--overwrite"])
        .expect(0);
    assert!(place.read("part") == place.read("index"));
}

/// What loading these bytes as an index for these settings comes to.
fn load(place: &Place, bytes: &[u8], settings: &Settings) -> Result<(), IndexError> {
    place.file("loaded", bytes);
    let options = RunOptions {
        threads: 1,
        ..RunOptions::default()
    };
    match index_files::load(
        &place.path("loaded"),
        settings,
        &FingerprintKey::default(),
        &options,
    ) {
        Ok(_) => Ok(()),
        Err(RunError::Index { path, error }) => {
            assert_eq!(path, place.path("loaded"));
            Err(error)
        }
        Err(error) => panic!("another error: {error}"),
    }
}

/// An index and a part, each with its settings.
fn whole_files(place: &Place) -> Vec<(Vec<u8>, Settings)> {
    build(
        place,
        &["in"],
        "corpus.index",
        &[&CORPUS_RULE[..], &["--overwrite"]].concat(),
    );
    build(
        place,
        &["in"],
        "corpus.part",
        &[&CORPUS_RULE[..], &["--part", "1/1", "--overwrite"]].concat(),
    );
    ["corpus.index", "corpus.part"]
        .map(|name| {
            let (_, settings) = index_files::kind(&place.path(name)).expect("an index");
            let bytes = place.read(name);
            load(place, &bytes, &settings).expect("it is whole");
            (bytes, settings)
        })
        .to_vec()
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let place = small_place();
    for (bytes, settings) in whole_files(&place) {
        let ends = (0..bytes.len()).step_by(97);
        let near_the_end = bytes.len().saturating_sub(60)..bytes.len();
        for end in ends.chain(1..30).chain(near_the_end) {
            let error = load(&place, &bytes[..end], &settings).expect_err("it is cut");
            match error {
                IndexError::Foreign { .. } => assert_eq!(end, 0),
                IndexError::Cut { at } => assert!(at <= end as u64, "{at} of {end}"),
                error => panic!("cut at {end}: {error}"),
            }
        }
        for behind in [&b"\0"[..], b"more", &bytes] {
            let error = load(&place, &[&bytes, behind].concat(), &settings).expect_err("too long");
            assert!(matches!(error, IndexError::Damaged { .. }), "{error}");
        }
    }
}

#[test]
fn a_file_with_one_byte_changed_is_refused() {
    let place = small_place();
    for (bytes, settings) in whole_files(&place) {
        for at in (0..bytes.len()).step_by(61).chain(0..160) {
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let error = load(&place, &changed, &settings).expect_err("it is changed");
                match at {
                    0..8 => assert!(matches!(error, IndexError::Foreign { .. }), "{at}: {error}"),
                    8..12 => assert!(matches!(error, IndexError::Version { .. }), "{at}: {error}"),
                    _ => assert!(
                        matches!(error, IndexError::Damaged { .. } | IndexError::Cut { .. }),
                        "{at}: {error}"
                    ),
                }
            }
        }
    }
}

/// Where the blocks of a file begin and end, with their tags.
fn blocks_of(bytes: &[u8]) -> Vec<(u32, std::ops::Range<usize>)> {
    let settings_bytes = u32::from_le_bytes(bytes[16..20].try_into().expect("four bytes"));
    let mut at = 20 + settings_bytes as usize + 16;
    let mut blocks = Vec::new();
    while at < bytes.len() {
        let tag = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let length = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().expect("eight bytes"));
        let end = at + 28 + length as usize;
        blocks.push((tag, at..end));
        at = end;
    }
    blocks
}

#[test]
fn blocks_that_are_missing_doubled_or_moved_are_seen() {
    let place = small_place();
    let [(bytes, settings), (part, _)] = &whole_files(&place)[..] else {
        panic!("two files");
    };
    let blocks = blocks_of(bytes);
    let tags: Vec<u32> = blocks.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(tags, [16, 17, 18, 19, 20, 0]);
    assert_eq!(blocks_of(part).len(), 2);
    let head = &bytes[..blocks[0].1.start];
    let file = |order: &[usize]| {
        let blocks = order.iter().map(|&at| &bytes[blocks[at].1.clone()]);
        [&[head], &blocks.collect::<Vec<_>>()[..]].concat().concat()
    };
    load(&place, &file(&[0, 1, 2, 3, 4, 5]), settings).expect("as it was");
    for order in [
        &[0, 1, 2, 3, 5][..],
        &[1, 2, 3, 4, 5],
        &[0, 0, 1, 2, 3, 4, 5],
        &[0, 1, 3, 2, 4, 5],
        &[0, 1, 2, 4, 3, 5],
        &[5],
    ] {
        let error = load(&place, &file(order), settings).expect_err("blocks are not in order");
        assert!(
            matches!(error, IndexError::Damaged { .. }),
            "{order:?}: {error}"
        );
    }
}

#[test]
fn lengths_are_not_believed() {
    let place = small_place();
    for (bytes, settings) in whole_files(&place) {
        for (_, block) in blocks_of(&bytes) {
            for length in [u64::MAX, u64::MAX / 2, 1 << 60, 1 << 40, bytes.len() as u64] {
                let mut changed = bytes.clone();
                changed[block.start + 4..block.start + 12].copy_from_slice(&length.to_le_bytes());
                let error = load(&place, &changed, &settings).expect_err("it is not that long");
                let is_known = matches!(error, IndexError::Cut { .. } | IndexError::Damaged { .. });
                assert!(is_known, "{length}: {error}");
            }
        }
        for length in [u32::MAX, 1 << 31, 1 << 17] {
            let mut changed = bytes.clone();
            changed[16..20].copy_from_slice(&length.to_le_bytes());
            let error = load(&place, &changed, &settings).expect_err("settings are not that long");
            assert!(
                matches!(error, IndexError::Damaged { .. }),
                "{length}: {error}"
            );
        }
    }
}

/// Bytes with their length before them; the length may be another.
fn string(length: u32, bytes: &[u8]) -> Vec<u8> {
    [&length.to_le_bytes()[..], bytes].concat()
}

#[test]
fn what_cannot_stand_in_an_index_is_refused_though_checksums_fit() {
    let place = Place::new();
    let settings = with_corpus();
    let totals = (16, vec![0; 8]);
    let site_key = |key: u64| [&key.to_le_bytes()[..], &[0; 4], &2_u32.to_le_bytes()].concat();
    let site = |lines: u32| {
        [
            string(1, b"a"),
            3_u32.to_le_bytes().into(),
            lines.to_le_bytes().into(),
        ]
        .concat()
    };
    let good = [
        totals.clone(),
        (18, site(0)),
        (19, [site_key(1), site_key(2)].concat()),
    ];
    load(&place, &forged(Kind::Frozen, &settings, &good), &settings).expect("it is good");
    for blocks in [
        vec![(16, vec![0; 7])],
        vec![(16, vec![0; 9])],
        vec![(1, Vec::from(b"\x01"))],
        vec![(21, Vec::new()), totals.clone()],
        vec![(99, vec![1])],
        vec![(17, vec![0; 3])],
        vec![(17, [vec![0; 4], string(u32::MAX, b"name")].concat())],
        vec![(18, string(u32::MAX, b"a"))],
        vec![(18, site(u32::MAX))],
        vec![(18, site(1))],
        vec![(19, vec![0; 15])],
        vec![(19, [site_key(2), site_key(1)].concat())],
        vec![(19, [site_key(1), site_key(1)].concat())],
        vec![(19, [site_key(u64::MAX), site_key(1)].concat())],
        vec![(19, site_key(1 << 60)), (19, site_key(1 << 59))],
        vec![(20, vec![0; 27])],
        vec![(18, site(0)), (17, vec![0; 8])],
        vec![totals.clone(), (format::END, vec![0])],
    ] {
        let bytes = forged(Kind::Frozen, &settings, &blocks);
        let error = load(&place, &bytes, &settings).expect_err("it cannot be");
        assert!(
            matches!(error, IndexError::Damaged { .. }),
            "{blocks:?}: {error}"
        );
    }
}

#[test]
fn what_cannot_stand_in_a_part_is_refused_though_checksums_fit() {
    let place = Place::new();
    let settings = with_corpus();
    let mut file = Vec::new();
    part::put_file(0, b"a.txt", &mut file);
    let mut good = file.clone();
    part::put_page(&PageRecord::default(), &mut good);
    part::put_sample(b"", &mut good);
    load(
        &place,
        &forged(Kind::Part, &settings, &[(1, good.clone())]),
        &settings,
    )
    .expect("it is good");
    let page = |flags: u8, behind: &[u8]| {
        let place = [2, 0, 0, 0, 0, 0, 0, 0, 0];
        [&file[..], &place, &[flags], &[0; 12], behind].concat()
    };
    let many = u32::MAX.to_le_bytes();
    for blocks in [
        vec![(2, good.clone())],
        vec![(16, vec![0; 8])],
        vec![(1, vec![3])],
        vec![(1, file[..file.len() - 1].to_vec())],
        vec![(1, [&[1, 0, 0, 0, 0], &string(u32::MAX, b"a")[..]].concat())],
        vec![(1, good[..good.len() - 1].to_vec())],
        vec![(1, page(1, &string(u32::MAX, b"site")))],
        vec![(1, page(2, &[0; 15]))],
        vec![(1, page(4, &many))],
        vec![(1, page(8, &many))],
        vec![(1, page(12, &[&many[..], &[0; 64]].concat()))],
        vec![(
            1,
            page(0, &[&[0; 4][..], &string(u32::MAX, b"sample")].concat()),
        )],
        // The same page twice.
        vec![(1, [&good[..], &good[file.len()..]].concat())],
        vec![(1, good.clone()), (1, good.clone())],
    ] {
        let bytes = forged(Kind::Part, &settings, &blocks);
        let error = load(&place, &bytes, &settings).expect_err("it cannot be");
        let is_known = matches!(error, IndexError::Damaged { .. } | IndexError::Twice { .. });
        assert!(is_known, "{blocks:?}: {error}");
    }
}

#[test]
fn info_shows_pages_sites_and_their_templates() {
    let place = place();
    build(&place, &["all"], "index", &CORPUS_RULE);
    build(
        &place,
        &["all"],
        "part",
        &[&CORPUS_RULE[..], &["--part", "1/1"]].concat(),
    );
    for (name, kind, word) in [
        ("index", "frozen", "frozen index"),
        ("part", "part", "part"),
    ] {
        let text = |options: &[&str]| {
            let outcome = place.index([&["info", name], options].concat()).expect(0);
            String::from_utf8(outcome.stdout).expect("text")
        };
        let whole = text(&[]);
        let mut lines = whole.lines();
        assert_eq!(lines.next(), Some(&*format!("{name}: {word}")));
        let settings = lines.next().expect("settings");
        assert!(
            settings.contains("site=auto corpus=space/2 classes=yes"),
            "{settings}"
        );
        let sums = lines.next().expect("sums");
        assert!(sums.contains("5 sites, 79 pages of sites,"), "{sums}");
        for site in [
            "16 pages  harbour",
            "16 pages  weir",
            "17 pages  mill",
            "15 pages  a.example",
            "15 pages  b.example",
        ] {
            assert!(whole.contains(&format!("\n{site}\n")), "{site} in {whole}");
        }
        assert!(
            whole.contains("      16 100.0 %  The weir gazette\n"),
            "{whole}"
        );
        assert!(
            whole.contains("      16  94.1 %  The mill gazette\n"),
            "{whole}"
        );
        assert!(!whole.contains("only this page tells"), "{whole}");
        assert_eq!(text(&["--sites", "2"]).matches(" pages  ").count(), 2);
        assert_eq!(text(&["--sites", "0"]), whole);
        assert_eq!(text(&["--lines", "1", "--sites", "1"]).lines().count(), 6);

        let shown: Value = serde_json::from_str(&text(&["--json"])).expect("JSON");
        assert_eq!(shown["file"], name);
        assert_eq!(shown["kind"], kind);
        assert_eq!(shown["version"], format::VERSION);
        assert_eq!(shown["pages"], 79);
        assert_eq!(shown["sites"], 5);
        assert!(settings.ends_with(shown["settings"].as_str().expect("settings")));
        let counts =
            ["files", "site_keys", "corpus_keys"].map(|key| shown[key].as_u64().expect("a count"));
        assert!(counts.iter().all(|&count| count > 10), "{counts:?}");
        let sites = shown["largest_sites"].as_array().expect("sites");
        let names: Vec<_> = sites
            .iter()
            .map(|site| (site["site"].clone(), site["pages"].clone()))
            .collect();
        let expected = [
            ("mill", 17),
            ("harbour", 16),
            ("weir", 16),
            ("a.example", 15),
            ("b.example", 15),
        ];
        assert_eq!(
            names,
            expected.map(|(name, pages)| (json!(name), json!(pages)))
        );
        let templates: Vec<&str> = sites[1]["templates"]
            .as_array()
            .expect("lines")
            .iter()
            .map(|line| {
                assert_eq!((&line["pages"], &line["share"]), (&json!(16), &json!(1.0)));
                line["text"].as_str().expect("a text")
            })
            .collect();
        for line in [
            "The harbour gazette",
            "News",
            "Sport",
            "Imprint",
            "About us",
        ] {
            assert!(templates.contains(&line), "{line}: {templates:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn names_and_lines_are_shown_safely() {
    let place = Place::new();
    for number in 0..3 {
        let text = format!("\u{1b}[2Jcleared \u{202e}menu\nNews\n{}", page("x", number));
        place.file(format!("in/site\u{1b}[31m\n/page{number}.txt"), text);
    }
    place
        .index([
            "build",
            "in",
            "-o",
            "index\u{1b}[31m",
            "--part",
            "1/1",
            "-q",
        ])
        .expect(0);
    for options in [&[][..], &["--json"]] {
        let outcome = place
            .index([&["info", "index\u{1b}[31m"], options].concat())
            .expect(0);
        let text = String::from_utf8(outcome.stdout).expect("text");
        let is_safe = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
        assert!(text.chars().all(is_safe), "{text:?}");
        assert!(text.contains("cleared"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn messages_about_indexes_are_safe_to_print() {
    let place = Place::with([("in/esc\u{1b}[31m.txt", FERRY)]);
    build(&place, &["in"], "part", &["--part", "1/1"]);
    fs::copy(place.path("part"), place.path("again")).expect("a copy");
    let settings = Settings {
        site: Some("\u{1b}[31m".to_owned()),
        ..with_corpus()
    };
    place.file(
        "forged",
        forged(Kind::Frozen, &settings, &[(16, vec![0; 8])]),
    );
    let info = place.index(["info", "forged"]).expect(0);
    assert!(!info.stdout.contains(&0x1b), "info");
    for message in [
        index_fails(&place, 1, &["merge", "part", "again", "-o", "new"]),
        index_fails(&place, 1, &["freeze", "part", "again", "-o", "new"]),
        clean_fails(&place, 1, &["--index", "forged"]),
    ] {
        assert!(!message.contains('\u{1b}'), "{message:?}");
    }
}

/// Sixteen bytes that no text would have.
const KEY: &[u8] = b"\x00\xff\n\r\x1b sixteen\0\0\0";

/// [`small_place`], and its index and part by a key.
fn keyed_place() -> Place {
    let place = small_place();
    place
        .file("key", KEY)
        .file("other", b"another sixteen bytes");
    build(&place, &["in"], "keyed", &["--key-file", "key"]);
    let options = ["--key-file", "key", "--part", "1/1"];
    build(&place, &["in"], "keyed.part", &options);
    place
}

/// The name of a key.
fn key_name(key: &[u8]) -> String {
    let key = FingerprintKey::from_bytes(key).expect("a key");
    key.name().expect("no public key").to_owned()
}

#[test]
fn a_key_changes_fingerprints_and_no_decision() {
    let place = keyed_place();
    let plain = cleaned(&place, &["in"], &[]);
    assert!(String::from_utf8_lossy(&plain.1).contains("\"template\""));
    for options in [
        &["--key-file", "key"][..],
        &["--key-file", "other"],
        &["--key-file", "key", "--index", "keyed"],
        &["--key-file", "key", "--index", "keyed.part"],
        &["--index", "index"],
    ] {
        assert!(cleaned(&place, &["in"], options) == plain, "{options:?}");
    }
    place.directory("nothing");
    let files = ["nothing", "-o", "none", "-q", "--key-file", "key"];
    let options = ["--index", "keyed.part", "--write-index", "new"];
    place.clean(files.iter().chain(&options)).expect(0);
    assert!(place.read("new") == place.read("keyed.part"));
    let file = place.read("keyed");
    assert!(file != place.read("index"));
    let is_in = |bytes: &[u8]| memchr::memmem::find(&file, bytes).is_some();
    assert!(is_in(key_name(KEY).as_bytes()));
    assert!(!is_in(KEY));
}

#[test]
fn parts_of_a_key_are_merged_without_it_and_frozen_with_it() {
    let place = keyed_place();
    for share in ["1/2", "2/2"] {
        let name = format!("keyed.{}", &share[..1]);
        let options = ["--key-file", "key", "--part", share];
        build(&place, &["in"], &name, &options);
    }
    let merge = ["merge", "keyed.2", "keyed.1", "-o", "merged"];
    place.index(merge).expect(0);
    assert!(place.read("merged") == place.read("keyed.part"));
    let freeze = ["freeze", "merged", "--key-file", "key", "-o", "frozen"];
    place.index(freeze).expect(0);
    assert!(place.read("frozen") == place.read("keyed"));
}

#[test]
fn an_index_of_another_key_is_refused_by_both_names() {
    let place = keyed_place();
    let (own, other) = (key_name(KEY), key_name(b"another sixteen bytes"));
    let by = |name: &str| format!("made with the key {name}, expected");
    let without_key = format!("{} the public key", by(&own));
    let with_other = format!("{} the key {other}", by(&own));
    let of_public = format!("made with the public key, expected the key {own}");
    let index = |arguments: &[&str], expected: &str| {
        let message = index_fails(&place, 1, arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    };
    let freeze = ["freeze", "keyed.part", "-o", "new"];
    index(&freeze, &without_key);
    index(
        &[&freeze[..], &["--key-file", "other"]].concat(),
        &with_other,
    );
    let freeze = ["freeze", "part", "-o", "new", "--key-file", "key"];
    index(&freeze, &of_public);
    index(&["merge", "keyed.part", "part", "-o", "new"], &of_public);
    index(&["info", "keyed.part"], &without_key);
    index(&["info", "keyed", "--key-file", "other"], &with_other);
    for (options, expected) in [
        (&["--index", "keyed"][..], &without_key),
        (&["--index", "keyed.part"], &without_key),
        (&["--index", "keyed", "--key-file", "other"], &with_other),
        (&["--index", "index", "--key-file", "key"], &of_public),
        (
            &["--index", "keyed.part", "--write-index", "new"],
            &without_key,
        ),
    ] {
        let message = clean_fails(&place, 1, options);
        assert!(
            message.contains(expected.as_str()),
            "{options:?}: {message}"
        );
    }
}

#[test]
fn info_and_explain_show_what_an_index_of_a_key_knows() {
    let place = keyed_place();
    let shown = |arguments: &[&str]| {
        let outcome = place.index(arguments).expect(0);
        String::from_utf8(outcome.stdout).expect("UTF-8")
    };
    let public = shown(&["info", "index"]);
    let expected = public
        .replace("index: ", "keyed: ")
        .replace("key=public", &format!("key={}", key_name(KEY)));
    assert_eq!(shown(&["info", "keyed"]), expected);
    assert_eq!(shown(&["info", "keyed", "--key-file", "key"]), expected);
    let part = shown(&["info", "keyed.part", "--key-file", "key"]);
    assert_eq!(
        part.replace("keyed.part: part", "keyed: frozen index"),
        expected
    );
    let explained = |options: &[&str]| {
        let arguments = [&["in/weir/page1.txt", "--json"], options].concat();
        let outcome = place.in_shell(r#"exec "$0" explain "$@""#, &arguments);
        let outcome = outcome.expect(0);
        String::from_utf8(outcome.stdout).expect("UTF-8")
    };
    assert_eq!(
        explained(&["--index", "keyed", "--key-file", "key"]),
        explained(&["--index", "index"])
    );
}

#[test]
fn key_files_that_make_no_key_are_refused_before_anything_is_written() {
    let place = small_place();
    place
        .file("empty", b"")
        .file("short", [7; 15])
        .file("long", vec![7; (64 << 10) + 1])
        .file("longest", vec![7; 64 << 10])
        .directory("directory");
    for (file, expected) in [
        ("empty", "a key has 16 to 65536 bytes, this one 0"),
        ("short", "this one 15"),
        ("long", "this one 65537 or more"),
        ("directory", "--key-file"),
        ("missing", "--key-file"),
    ] {
        let message = clean_fails(&place, 2, &["--key-file", file]);
        assert!(message.contains(expected), "{file}: {message}");
        assert!(!place.path("out").exists(), "{file}");
        let freeze = ["freeze", "part", "-o", "new", "--key-file", file];
        index_fails(&place, 2, &freeze);
        let build = ["build", "in", "-o", "new", "--key-file", file];
        index_fails(&place, 2, &build);
    }
    build(&place, &["in"], "new", &["--key-file", "longest"]);
}

#[test]
fn a_run_with_another_key_is_another_run_wherever_the_key_lies() {
    let place = keyed_place();
    let clean = |key: &str, code| {
        let outcome = place.clean(["in", "-o", "out", "-q", "--resume", "--key-file", key]);
        outcome.expect(code)
    };
    clean("key", 0);
    place.file("moved", KEY);
    clean("moved", 0);
    clean("other", 2).mentions("with other settings");
}

#[test]
fn a_row_is_explained_with_what_the_index_knows_of_its_url_and_its_place() {
    let menu = "The Wells Gazette\nNews\nSport\n";
    let rows: String = ["otters", "herons", "ferries", "tides"]
        .map(|what| {
            let text =
                format!("{menu}What we know of {what} and of the harbour is written here.\n");
            let row = serde_json::json!({"url": "https://wells.example/a", "text": text});
            format!("{row}\n")
        })
        .concat();
    let place = Place::with([("in/rows.jsonl", rows.as_str())]);
    let corpus = ["--corpus-duplicates", "1", "--corpus-min-chars", "1"];
    build(
        &place,
        &["in"],
        "index",
        &[&corpus[..], &["--corpus-min-lines", "1"]].concat(),
    );
    let reasons = |options: &[&str]| -> Vec<(String, String)> {
        let arguments = [
            "in/rows.jsonl#1",
            "--json",
            "--index",
            "index",
            "--no-score",
        ];
        let arguments = [
            &arguments[..],
            &corpus,
            &["--corpus-min-lines", "1"],
            options,
        ]
        .concat();
        let outcome = place.in_shell(r#"exec "$0" explain "$@""#, &arguments);
        let outcome = outcome.expect(0);
        let page: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
        let lines = page["lines"].as_array().expect("lines");
        let of_line = |line: &Value| {
            let reason = line["reason"].as_str().expect("text").to_owned();
            (reason, outcome.stderr.clone())
        };
        lines.iter().map(of_line).collect()
    };
    let known = reasons(&["--page-name", "rows.jsonl#1"]);
    let template = |known: &[(String, String)]| {
        assert!(
            known[..3].iter().all(|(reason, _)| reason == "template"),
            "{known:?}"
        );
        known[3].clone()
    };
    assert_eq!(template(&known), ("body".to_owned(), String::new()));
    // Unless it is told which row it is, its own first copies are those of another page.
    assert_eq!(
        template(&reasons(&[])),
        ("duplicate".to_owned(), String::new())
    );
    let (reason, told) = template(&reasons(&["--page-name", "no.jsonl#1"]));
    assert_eq!(reason, "duplicate");
    assert!(told.contains("does not know a page of that name"), "{told}");
}
