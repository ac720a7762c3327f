//! `dechaff clean` on directories: the mirrored tree, and what it is rebuilt from.
#![cfg(feature = "cli")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use support::{
    FERRY, FERRY_BODY, LedgerRow, MARK, Numbers, PLAIN, Place, Tree, rebuild, rows_of, text_of,
};

/// Names, contents: plain pages, empty pages, odd shapes, rows.
fn varied_pages() -> Vec<(PathBuf, Vec<u8>)> {
    let mut numbers = Numbers::new(7);
    let lines: Vec<String> = (0..40)
        .map(|number| {
            let mut line = format!("Sentence {number} tells what the harbour looked like");
            for _ in 0..numbers.below(6) {
                line += " on yet another morning of that long winter";
            }
            line
        })
        .collect();
    let mut pages = Vec::new();
    for number in 0..220 {
        let mut page = Vec::new();
        if numbers.below(10) == 0 {
            page.extend_from_slice(MARK);
        }
        for _ in 0..numbers.below(30) {
            let line = &lines[numbers.below(lines.len())];
            for _ in 0..1 + numbers.below(5) / 4 {
                page.extend_from_slice(line.as_bytes());
                page.extend_from_slice(numbers.pick(&["\n", "\n", "\r\n", "\r"]).as_bytes());
            }
            page.extend_from_slice(
                numbers
                    .pick(&["", "", "\n", " \n\n", "\u{a0}\n"])
                    .as_bytes(),
            );
        }
        if numbers.below(8) == 0 {
            page.extend_from_slice(b"a last line \xff without an end");
        }
        let site = numbers.below(9);
        pages.push((
            format!("site{site}/{}/page{number}.txt", number % 3).into(),
            page,
        ));
    }
    let rows: String = (0..500)
        .map(|number| {
            let text = format!("{FERRY}{}\n{FERRY}", lines[number % lines.len()]);
            serde_json::json!({ "id": number, "text": text }).to_string() + "\n"
        })
        .collect();
    pages.push(("rows.jsonl".into(), rows.into_bytes()));
    pages
}

#[test]
fn every_page_gives_one_output_of_the_same_name_and_nothing_else() {
    let pages = [
        ("in/ferry.txt", FERRY),
        ("in/no-extension", PLAIN),
        ("in/.hidden.txt", PLAIN),
        ("in/.folder/page.txt", PLAIN),
        ("in/news/2024/deep/er/page.text", FERRY),
        ("in/empty.txt", ""),
        ("in/blank.txt", "\n \n\u{a0}\n"),
        ("in/page.md", FERRY),
        ("in/.gitignore", "*\n"),
        ("in/rows.jsonl", "{\"text\":\"\"}\n"),
    ];
    let place = Place::with(pages);
    place.clean(["in", "-o", "out", "--no-score"]).expect(0);
    let outputs = place.files("out");
    assert_eq!(
        outputs.keys().collect::<Vec<_>>(),
        place.files("in").keys().collect::<Vec<_>>()
    );
    for (name, expected) in [
        ("ferry.txt", FERRY_BODY),
        ("no-extension", PLAIN),
        ("empty.txt", ""),
        ("blank.txt", ""),
        ("news/2024/deep/er/page.text", FERRY_BODY),
    ] {
        assert_eq!(outputs[Path::new(name)], expected.as_bytes(), "{name}");
    }
    let beside: Vec<PathBuf> = place.tree("").into_keys().collect();
    let is_known = |path: &PathBuf| path.starts_with("in") || path.starts_with("out");
    assert!(beside.iter().all(is_known), "{beside:?}");
}

#[test]
fn pages_emptied_are_named_and_counted_but_are_no_problem() {
    let place = Place::with([
        ("in/blank.txt", " \n\n"),
        ("in/empty.txt", ""),
        ("in/a", PLAIN),
    ]);
    let outcome = place
        .clean(["in", "-o", "out", "--no-score", "--stats", "stats"])
        .expect(0);
    outcome.mentions("blank.txt: note: no line of it stays");
    let counts = place.counts("stats");
    assert_eq!(counts["pages"], 3);
    assert_eq!(counts["pages_emptied"], 1);
    assert_eq!(counts["problems"], 0);
}

#[test]
fn inputs_stay_as_they_are() {
    fn times(place: &Place) -> Vec<(PathBuf, SystemTime)> {
        let modified = |name: PathBuf| {
            let metadata = fs::symlink_metadata(place.path("in").join(&name)).expect("is there");
            (name, metadata.modified().expect("has a time"))
        };
        place.tree("in").into_keys().map(modified).collect()
    }
    let place = Place::new();
    for (name, page) in varied_pages() {
        place.file(Path::new("in").join(name), page);
    }
    let before = (place.tree("in"), times(&place));
    place
        .clean([
            "in",
            "-o",
            "out",
            "--removed",
            "ledger",
            "--mode",
            "spans",
            "-q",
        ])
        .expect(0);
    assert_eq!((place.tree("in"), times(&place)), before);
}

#[test]
fn threads_and_creation_order_change_no_byte() {
    let mut pages = varied_pages();
    let mut expected: Option<(Tree, Vec<u8>, serde_json::Value, String)> = None;
    for (seed, threads) in [(1, "1"), (2, "2"), (3, "8"), (4, "0"), (5, "8")] {
        Numbers::new(seed).shuffle(&mut pages);
        let place = Place::with(
            pages
                .iter()
                .map(|(name, page)| (Path::new("in").join(name), page)),
        );
        let outcome = place
            .clean([
                "in",
                "-o",
                "out",
                "--removed",
                "ledger",
                "--stats",
                "stats",
                "--threads",
                threads,
            ])
            .expect(0);
        let notes: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| line.contains("note"))
            .collect();
        let got = (
            place.tree("out"),
            place.read("ledger"),
            place.counts("stats"),
            notes.join("\n"),
        );
        match &expected {
            None => expected = Some(got),
            Some(expected) => assert!(got == *expected, "--threads {threads}, seed {seed}"),
        }
    }
    let (tree, ledger, ..) = expected.expect("there were runs");
    assert!(tree.len() > 220 && !ledger.is_empty());
}

#[test]
fn threads_are_taken_from_the_environment_too() {
    let place = Place::with([("in/a.txt", PLAIN)]);
    let run = |value: &str| {
        let mut command = place.command(["in", "--dry-run", "--stats", "stats", "--overwrite"]);
        let output = command.env("DECHAFF_THREADS", value).output();
        output.expect("the program runs").status.code()
    };
    assert_eq!(run("3"), Some(0));
    assert_eq!(place.read_json("stats")["threads"], 3);
    assert_eq!(run("many"), Some(2));
}

/// Checks that output and ledger of a run rebuild each page, and that removed lines are where
/// the ledger says.
fn check_rebuilt(pages: &BTreeMap<PathBuf, Vec<u8>>, outputs: &Path, ledger: &[LedgerRow]) {
    let mut rows_seen = 0;
    for (name, page) in pages {
        let output = fs::read(outputs.join(name)).expect("every page has an output");
        assert_eq!(output.starts_with(MARK), page.starts_with(MARK), "{name:?}");
        let rows = rows_of(ledger, &name.to_string_lossy());
        rows_seen += rows.len();
        let rebuilt = rebuild(text_of(&output), rows.iter().copied());
        assert!(rebuilt == text_of(page), "{name:?} is not rebuilt");
        let text = text_of(page);
        let (mut line, mut at) = (1, 0);
        for row in rows {
            assert_eq!(&text[row.start..row.end], row.bytes, "{name:?}: {row:?}");
            line += line_count(&text[at..row.start]);
            at = row.start;
            assert_eq!(line, row.line, "{name:?}");
            assert_eq!(
                row.of.is_some(),
                matches!(&*row.reason, "repeat" | "duplicate"),
                "{name:?}"
            );
            if let Some((of_page, of_line)) = &row.of {
                assert_eq!(of_page, &row.page);
                assert!(*of_line < row.line, "{name:?}");
            }
        }
    }
    assert_eq!(rows_seen, ledger.len(), "every row belongs to a page");
}

/// Line ends by the one rule: LF, CRLF and lone CR.
fn line_count(text: &[u8]) -> usize {
    let is_end = |(at, &byte): (usize, &u8)| {
        byte == b'\n' || byte == b'\r' && text.get(at + 1) != Some(&b'\n')
    };
    text.iter().enumerate().map(is_end).filter(|&it| it).count()
}

#[test]
fn ledger_and_output_rebuild_every_corpus_page() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/pages");
    let pages = files_below(&corpus);
    assert!(pages.len() > 40, "the corpus is there");
    assert!(pages.values().any(|page| page.starts_with(MARK)));
    assert!(pages.values().any(|page| page.ends_with(b"\r\n")));
    assert!(pages.values().any(|page| !page.ends_with(b"\n")));
    for options in [
        &[][..],
        &["--no-score"],
        &["--scopes", "none"],
        &["--threshold", "0"],
    ] {
        let place = Place::new();
        let arguments = ["-o", "out", "--removed", "ledger", "--stats", "stats", "-q"];
        let mut command = place.command(arguments);
        command.args(options).arg(&corpus).assert().success();
        check_rebuilt(&pages, &place.path("out"), &place.ledger("ledger"));
        let counts = place.counts("stats");
        let bytes: usize = pages.values().map(|page| text_of(page).len()).sum();
        assert_eq!(counts["bytes_in"], bytes);
        let kept: usize = place
            .files("out")
            .values()
            .map(|page| text_of(page).len())
            .sum();
        assert_eq!(counts["bytes_kept"], kept);
        assert_eq!(counts["pages"], pages.len());
    }
}

fn files_below(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a directory can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).expect("lies below");
                files.insert(name.to_path_buf(), fs::read(&path).expect("can be read"));
            }
        }
    }
    files
}

#[test]
fn ledger_and_output_rebuild_pages_of_every_shape() {
    let place = Place::new();
    for (name, page) in varied_pages() {
        if name.extension().is_some_and(|extension| extension == "txt") {
            place.file(Path::new("in").join(name), page);
        }
    }
    for (name, page) in [
        (
            "cr-only.txt",
            &b"One line.\r\rOne line.\rAnother line.\r"[..],
        ),
        ("mixed.txt", b"a\r\n\r\n\rb\n\r\n\n\rc"),
        ("one-byte.txt", b"a"),
        ("one-end.txt", b"\n"),
        ("mark-only.txt", MARK),
        ("mark-and-blank.txt", b"\xef\xbb\xbf\n\n"),
        ("bytes.txt", b"\xff\xfd \x80\x81\n\n\n\xc3(\n\xf0\x9f\x98\n"),
        (
            "spaces.txt",
            " \t\n\u{2003}\u{3000}\n\u{feff}\ntext\n\u{2028}\n".as_bytes(),
        ),
    ] {
        place.file(Path::new("in").join(name), page);
    }
    place
        .clean([
            "in",
            "-o",
            "out",
            "--removed",
            "ledger",
            "--stats",
            "stats",
            "-q",
        ])
        .expect(0);
    check_rebuilt(
        &place.files("in"),
        &place.path("out"),
        &place.ledger("ledger"),
    );
    place.counts("stats");
}

#[test]
fn a_page_in_parts_is_rebuilt_with_lines_and_offsets_of_the_whole_page() {
    let paragraph = format!("{FERRY}\n\n\r\n{PLAIN}");
    let long: Vec<u8> = [MARK, paragraph.repeat(800).as_bytes()].concat();
    let short_lines = "a\n\nb\n\n".repeat(5000);
    let place = Place::with([("in/long.txt", long), ("in/short.txt", short_lines.into())]);
    for threads in ["1", "4"] {
        place
            .clean([
                "in",
                "-o",
                "out",
                "--removed",
                "ledger",
                "--stats",
                "stats",
                "--overwrite",
                "-q",
                "--max-page-bytes",
                "64KiB",
                "--threads",
                threads,
            ])
            .expect(0);
        check_rebuilt(
            &place.files("in"),
            &place.path("out"),
            &place.ledger("ledger"),
        );
        let counts = place.counts("stats");
        assert_eq!(counts["pages"], 2);
    }
}

#[test]
fn rows_are_rebuilt_from_ledger_and_output() {
    let place = Place::new();
    let texts = [FERRY, "", "\n\n", PLAIN, "a\r\n\r\n\rb", "\u{feff}\n\nx\n"];
    let rows: Vec<String> = texts
        .iter()
        .map(|text| serde_json::json!({ "text": text }).to_string() + "\n")
        .collect();
    place.file("in/deep/rows.jsonl", rows.concat());
    place
        .clean(["in", "-o", "out", "--removed", "ledger", "--no-score", "-q"])
        .expect(0);
    let ledger = place.ledger("ledger");
    let outputs = place.read_text("out/deep/rows.jsonl");
    assert_eq!(outputs.lines().count(), texts.len());
    for (index, (output, text)) in outputs.lines().zip(texts).enumerate() {
        let output: serde_json::Value = serde_json::from_str(output).expect("a row");
        let kept = output["text"].as_str().expect("a text");
        let rows = rows_of(&ledger, &format!("deep/rows.jsonl#{}", index + 1));
        assert_eq!(
            rebuild(kept.as_bytes(), rows),
            text.as_bytes(),
            "row {index}"
        );
    }
}

#[test]
fn pages_stand_in_the_ledger_in_the_order_of_their_paths_bytes() {
    let names = [
        "a/b.txt",
        "a.txt",
        "a-b.txt",
        "a0.txt",
        "B.txt",
        "a b.txt",
        "ä.txt",
        "z/a/a.txt",
        "z/a.txt",
        "z.a/a.txt",
        "z0",
        "~.txt",
    ];
    let mut numbers = Numbers::new(3);
    for _ in 0..4 {
        let mut order = names.to_vec();
        numbers.shuffle(&mut order);
        let place = Place::new();
        for name in order {
            place.file(Path::new("in").join(name), FERRY);
        }
        place
            .clean(["in", "-o", "out", "--removed", "ledger", "--no-score", "-q"])
            .expect(0);
        let mut seen: Vec<String> = place
            .ledger("ledger")
            .into_iter()
            .map(|row| row.page)
            .collect();
        seen.dedup();
        let mut expected = seen.clone();
        expected.sort_by(|left, right| left.as_bytes().cmp(right.as_bytes()));
        assert_eq!(seen, expected);
        assert_eq!(seen.len(), names.len());
    }
}

#[test]
fn several_inputs_stand_below_their_own_names_in_argument_order() {
    let place = Place::with([
        ("two/news/a.txt", FERRY),
        ("one/b.txt", FERRY),
        ("deep/er/page.txt", FERRY),
    ]);
    place
        .clean([
            "two",
            "deep/er/page.txt",
            "one/",
            "-o",
            "out",
            "--removed",
            "ledger",
            "--no-score",
            "-q",
        ])
        .expect(0);
    let names: Vec<PathBuf> = place.files("out").into_keys().collect();
    assert_eq!(
        names,
        ["one/b.txt", "page.txt", "two/news/a.txt"].map(PathBuf::from)
    );
    let mut pages: Vec<String> = place
        .ledger("ledger")
        .into_iter()
        .map(|row| row.page)
        .collect();
    pages.dedup();
    assert_eq!(pages, ["two/news/a.txt", "page.txt", "one/b.txt"]);
}

#[test]
fn the_form_of_a_path_does_not_matter() {
    let place = Place::with([("in/news/a.txt", FERRY)]);
    place.clean(["in", "-o", "out", "--no-score"]).expect(0);
    let expected = place.tree("out");
    for (number, form) in ["in/", "./in", "in/.", "in/news/.."].iter().enumerate() {
        let out = format!("out{number}");
        place.clean([form, "-o", &out, "--no-score"]).expect(0);
        assert_eq!(place.tree(out), expected, "{form}");
    }
    place
        .command([".", "-o", "../below/new/out", "--no-score"])
        .current_dir(place.path("in"))
        .assert()
        .success();
    assert_eq!(place.tree("below/new/out"), expected);
}

#[cfg(unix)]
#[test]
fn a_link_that_is_an_input_is_followed() {
    use std::os::unix::fs::symlink;
    let place = Place::with([("real/a.txt", FERRY), ("page.txt", FERRY)]);
    symlink("real", place.path("in")).expect("a link can be made");
    symlink("page.txt", place.path("link.txt")).expect("a link can be made");
    place.clean(["in", "-o", "out", "--no-score"]).expect(0);
    assert_eq!(place.read_text("out/a.txt"), FERRY_BODY);
    place
        .clean(["link.txt", "-o", "out.txt", "--no-score"])
        .expect(0);
    assert_eq!(place.read_text("out.txt"), FERRY_BODY);
}

#[test]
fn a_second_run_with_overwrite_gives_the_same_tree() {
    let place = Place::with([("in/news/a.txt", FERRY), ("in/b.txt", PLAIN)]);
    place.clean(["in", "-o", "out"]).expect(0);
    let first = place.tree("out");
    place.clean(["in", "-o", "out", "--overwrite"]).expect(0);
    assert_eq!(place.tree("out"), first);
}

#[test]
fn an_empty_directory_is_no_problem() {
    let place = Place::new();
    place.directory("in/empty");
    place
        .clean(["in", "-o", "out", "--stats", "stats"])
        .expect(0);
    assert_eq!(place.counts("stats")["pages"], 0);
    assert!(place.files("out").is_empty());
}

#[cfg(unix)]
#[test]
fn names_with_spaces_controls_and_great_length_are_mirrored() {
    let long = format!("{}.txt", "n".repeat(251));
    let names = [
        "a page.txt",
        " leading and trailing ",
        "two\nlines.txt",
        "esc\u{1b}[31m.txt",
        "-o",
        "--quiet",
        "tab\t.txt",
        "\u{202e}txt.a",
        "서울.txt",
        "#1",
        "a:b?*\".txt",
        &long,
    ];
    let place = Place::new();
    for name in names {
        place.file(Path::new("in").join(name), FERRY);
    }
    let outcome = place
        .clean(["in", "-o", "out", "--removed", "ledger", "--no-score"])
        .expect(0);
    let outputs = place.files("out");
    assert_eq!(outputs.len(), names.len());
    for name in names {
        assert_eq!(outputs[Path::new(name)], FERRY_BODY.as_bytes(), "{name:?}");
    }
    let pages: BTreeSet<String> = place
        .ledger("ledger")
        .into_iter()
        .map(|row| row.page)
        .collect();
    assert_eq!(pages, names.iter().map(|&name| name.to_owned()).collect());
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_mirrored_byte_for_byte() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    for name in [&b"latin-\xe9.txt"[..], b"\xff\xfe", b"f\xc3/\xa9.txt"] {
        place.file(Path::new("in").join(OsStr::from_bytes(name)), FERRY);
    }
    place
        .clean(["in", "-o", "out", "--no-score", "--removed", "ledger"])
        .expect(0);
    let outputs = place.files("out");
    assert_eq!(
        outputs.keys().collect::<Vec<_>>(),
        place.files("in").keys().collect::<Vec<_>>()
    );
    assert!(outputs.values().all(|page| page == FERRY_BODY.as_bytes()));
    assert!(!place.ledger("ledger").is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn pages_whose_names_look_alike_are_told_apart_in_the_ledger() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let ferry_and_more = format!("{FERRY}{PLAIN}\n\n");
    let pages = [
        (&b"caf\xe8.txt"[..], ferry_and_more.as_str()),
        (b"caf\xe9.txt", FERRY),
        ("caf\u{fffd}.txt".as_bytes(), "A\n\n\nB\n"),
    ];
    let place = Place::new();
    for (name, page) in pages {
        place.file(Path::new("in").join(OsStr::from_bytes(name)), page);
    }
    place
        .clean(["in", "-o", "out", "--no-score", "--removed", "ledger", "-q"])
        .expect(0);
    let ledger = place.ledger("ledger");
    assert!(ledger.iter().all(|row| row.page == "caf\u{fffd}.txt"));
    for (name, page) in pages {
        let output = place.read(Path::new("out").join(OsStr::from_bytes(name)));
        let rows = ledger.iter().filter(|row| row.page_bytes == name);
        assert!(rebuild(&output, rows) == page.as_bytes(), "{name:?}");
        assert!(output.len() < page.len());
    }
    for row in place.read_text("ledger").lines() {
        let row: serde_json::Value = serde_json::from_str(row).expect("a row");
        if let Some(of) = row.get("of") {
            assert_eq!(of.get("page_b64"), row.get("page_b64"), "{row}");
        }
    }
}

#[test]
fn pages_of_a_tree_go_to_standard_output_in_source_order() {
    let place = Place::with([
        ("in/b.txt", "second\n"),
        ("in/a.txt", "first\n"),
        ("in/c/d", "third"),
    ]);
    for threads in ["1", "8"] {
        let outcome = place
            .clean(["in", "-o", "-", "--no-score", "-q", "--threads", threads])
            .expect(0);
        assert_eq!(outcome.stdout, b"first\nsecond\nthird");
    }
}
