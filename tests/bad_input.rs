//! `dechaff clean` on input and outputs that are bad: nothing is lost, nothing is silent.
#![cfg(feature = "cli")]

mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use dechaff::error::Problem;
use dechaff::pipeline::{self, Progress, RunOptions, SideFiles};
use dechaff::score::{Contribution, PageFacts, Score, Scorer, Scratch};
use dechaff::sink::tree;
use dechaff::source::inputs::{Input, InputFormat, Inputs, Links};
use dechaff::{Cleaner, Config};
use support::{
    FERRY, FERRY_BODY, MARK, Outcome, PLAIN, Place, Tree, make_pipe, rebuild, skip, text_of,
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0";

/// Text as UTF-16 with a mark, least byte first or last.
fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(to_bytes)
        .collect()
}

/// Cleans a directory with one page beside a good one, by repetition only; what was written.
#[track_caller]
fn clean_beside_good(name: &str, page: &[u8], code: i32) -> (Place, Outcome) {
    let place = Place::with([
        ("in/good.txt", FERRY.as_bytes()),
        (&format!("in/{name}"), page),
    ]);
    let outcome = place
        .clean([
            "in",
            "-o",
            "out",
            "--no-score",
            "--stats",
            "stats",
            "--removed",
            "ledger",
            "-q",
        ])
        .expect(code);
    assert_eq!(
        place.read_text("out/good.txt"),
        FERRY_BODY,
        "the run goes on"
    );
    place.counts("stats");
    (place, outcome)
}

#[test]
fn invalid_utf8_is_cleaned_as_bytes() {
    let page = [
        &b"The first line has \xff and \xc3( and \xed\xa0\x80 in it.\n\n\n"[..],
        b"\xb1\xe2\xbb\xe7 EUC-KR \xc0\xcc\xb4\xd9.\r\n",
        b"\x83\x65\x83\x58\x83\x67 is Shift-JIS; caf\xe9 is latin-1.\n \xff\n\xc2\n",
    ]
    .concat();
    let (place, outcome) = clean_beside_good("bytes.txt", &page, 0);
    outcome.says(&[]);
    let output = place.read("out/bytes.txt");
    let blank = page
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .expect("a blank line");
    assert_eq!(output, [&page[..blank + 2], &page[blank + 3..]].concat());
    let ledger = place.ledger("ledger");
    let rows: Vec<_> = ledger
        .iter()
        .filter(|row| row.page == "bytes.txt")
        .collect();
    assert_eq!(rebuild(&output, rows), page);
}

#[test]
fn removed_lines_that_are_not_utf8_stand_in_the_ledger_as_base64() {
    let line = "The ferry leaves the eastern pier on its first morning back at w\u{f6}rk";
    let line: Vec<u8> = line.chars().map(|c| c as u8).collect();
    let page = [
        &line[..],
        b"\n",
        &line,
        b"\n\nAnother line of the same page, which stays.\n",
    ]
    .concat();
    let place = Place::with([("page.txt", &page)]);
    place
        .clean([
            "page.txt",
            "-o",
            "out.txt",
            "--removed",
            "ledger",
            "--threshold",
            "0",
        ])
        .expect(0);
    assert!(place.read_text("ledger").contains("\"text_b64\":"));
    assert_eq!(
        rebuild(&place.read("out.txt"), &place.ledger("ledger")),
        page
    );
}

#[test]
fn text_with_nul_is_copied_through_wherever_the_nul_stands() {
    for at in [0, FERRY.len() / 2, FERRY.len()] {
        let mut page = FERRY.as_bytes().to_vec();
        page.insert(at, 0);
        let (place, outcome) = clean_beside_good("nul.txt", &page, 3);
        outcome.says(&["nul.txt: binary: holds NUL bytes; copied through unchanged"]);
        assert_eq!(place.read("out/nul.txt"), page);
        assert_eq!(place.counts("stats")["copied_unchanged"], 1);
        assert!(
            place
                .ledger("ledger")
                .iter()
                .all(|row| row.page == "good.txt")
        );
    }
}

#[test]
fn a_nul_in_a_large_page_loses_nothing() {
    let mut page = FERRY.repeat(500).into_bytes();
    page.insert(200_000, 0);
    let place = Place::with([("page.txt", &page)]);
    place
        .clean([
            "page.txt",
            "-o",
            "out.txt",
            "--no-score",
            "--removed",
            "ledger",
            "--stats",
            "stats",
            "-q",
            "--max-page-bytes",
            "64KiB",
        ])
        .expect(3)
        .mentions("holds NUL bytes; copied through unchanged");
    assert!(rebuild(&place.read("out.txt"), &place.ledger("ledger")) == page);
    place.counts("stats");
}

#[test]
fn a_page_that_is_said_to_be_text_is_cleaned_whatever_it_looks_like() {
    let html = format!("<html> is how it begins.\n{FERRY}");
    let nul = FERRY.replace("eastern", "east\0ern");
    for page in [&html, &nul, &html.repeat(300), &nul.repeat(300)] {
        let place = Place::with([("page.html", page)]);
        place
            .clean([
                "page.html",
                "-o",
                "out.html",
                "--format",
                "text",
                "--no-score",
                "--removed",
                "ledger",
                "--max-page-bytes",
                "64KiB",
                "-q",
            ])
            .expect(0)
            .says(&[]);
        let ledger = place.ledger("ledger");
        assert!(!ledger.is_empty());
        assert!(rebuild(&place.read("out.html"), &ledger) == page.as_bytes());
    }
}

#[test]
fn a_large_page_is_told_by_its_first_bytes_only() {
    let before: String = (0..1024)
        .map(|number| {
            format!("Line {number:04} of a page and just as long as its other lines are all\n")
        })
        .collect();
    assert_eq!(before.len(), 64 << 10, "one stretch");
    for start in ["<html lang=en>", "<!DOCTYPE html>", "WARC/1.0", "%PDF-1.7"] {
        let page = format!("{before}{start} stands in the text.\n\n\n\nThe last line.\n");
        let place = Place::with([("page.txt", &page)]);
        for input in ["page.txt", "-"] {
            let outcome = place
                .clean_with_input(
                    [
                        input,
                        "-o",
                        "-",
                        "--no-score",
                        "--max-page-bytes",
                        "64KiB",
                        "-q",
                    ],
                    &page,
                )
                .expect(0);
            outcome.says(&[]);
            let expected = page.replace("\n\n\n\n", "\n\n");
            assert!(outcome.stdout == expected.as_bytes(), "{input}: {start}");
        }
    }
}

#[test]
fn files_that_are_no_pages_are_counted_and_not_copied() {
    let elf = [&b"\x7fELF\x02\x01\x01"[..], &[0; 57]].concat();
    let files: [(&str, &[u8]); 8] = [
        ("photo.png", PNG),
        ("photo-without-extension", PNG),
        ("photo-called.txt", PNG),
        ("program", &elf),
        ("paper.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
        ("style.css", b"body { color: red; }\np { margin: 0; }\n"),
        ("script.js", b"function a() { return 1; }\n"),
        (
            "logo.svg",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>\n",
        ),
    ];
    let place = Place::with(files.map(|(name, bytes)| (format!("in/{name}"), bytes)));
    place
        .file("in/photo.jpg", PLAIN)
        .file("in/essay.css", PLAIN);
    place
        .clean(["in", "-o", "out", "--no-score", "--stats", "stats", "-q"])
        .expect(0)
        .says(&[]);
    let names: Vec<_> = place.files("out").into_keys().collect();
    assert_eq!(
        names,
        [Path::new("essay.css"), Path::new("photo.jpg")],
        "content goes before name"
    );
    let counts = place.counts("stats");
    assert_eq!(counts["other_files"], files.len());
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(counts["other_bytes"], bytes);
    assert_eq!(counts["problems"], 0);
}

#[test]
fn a_large_file_that_is_no_page_is_one_other_file() {
    let png = [PNG, &[0x80, 0x0a, 0, 0x7f].repeat(50_000)].concat();
    let place = Place::with([
        ("in/large.png", &png[..]),
        ("in/page.txt", PLAIN.as_bytes()),
    ]);
    place
        .clean([
            "in",
            "-o",
            "out",
            "--stats",
            "stats",
            "--max-page-bytes",
            "64KiB",
            "-q",
        ])
        .expect(0);
    assert_eq!(place.files("out").len(), 1);
    let counts = place.counts("stats");
    assert_eq!(counts["other_files"], 1);
    assert_eq!(counts["other_bytes"], png.len());
}

#[test]
fn formats_that_are_not_read_are_named_and_skipped() {
    let formats: [(&str, &[u8], &str); 1] = [("c.txt", b"\xfd7zXZ\0\0", "xz")];
    let place = Place::with(formats.map(|(name, bytes, _)| (format!("in/{name}"), bytes)));
    place.file("in/good.txt", FERRY);
    let outcome = place
        .clean(["in", "-o", "out", "--no-score", "--stats", "stats", "-q"])
        .expect(3);
    let expected: Vec<String> = formats
        .iter()
        .map(|(name, _, format)| format!("{name}: {format} is not read by this version; skipped"))
        .collect();
    outcome.says(&expected.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(place.files("out").len(), 1);
    assert_eq!(place.counts("stats")["problems"], formats.len());
}

#[test]
fn utf16_with_a_mark_is_converted() {
    let text = format!("{FERRY}배가 돌아왔다 😀\r\n\r\n\r\nend");
    let expected = format!("{FERRY_BODY}\n배가 돌아왔다 😀\r\n\r\nend");
    for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let (place, outcome) = clean_beside_good("wide.txt", &utf16(&text, to_bytes), 0);
        outcome.says(&[]);
        assert_eq!(place.read_text("out/wide.txt"), expected);
        let counts = place.counts("stats");
        assert_eq!(counts["converted"], 1);
        assert_eq!(
            counts["bytes_in"],
            text.len() + FERRY.len(),
            "bytes of the converted text"
        );
        let ledger = place.ledger("ledger");
        let rows: Vec<_> = ledger.iter().filter(|row| row.page == "wide.txt").collect();
        assert_eq!(rebuild(expected.as_bytes(), rows), text.as_bytes());
    }
}

#[test]
fn utf16_that_is_not_valid_is_copied_through() {
    let unpaired = [&b"\xff\xfe"[..], b"a\0\0\xd8b\0"].concat();
    for (page, name) in [
        (unpaired, "UTF-16LE"),
        (b"\xfe\xff\xdc\0".to_vec(), "UTF-16BE"),
    ] {
        let (place, outcome) = clean_beside_good("wide.txt", &page, 3);
        outcome.says(&[&format!(
            "wide.txt: not valid {name}; copied through unchanged"
        )]);
        assert_eq!(place.read("out/wide.txt"), page);
    }
}

#[test]
fn an_odd_byte_behind_utf16_stays_and_is_told() {
    let page = [&utf16(FERRY, u16::to_le_bytes)[..], b"a"].concat();
    let (place, outcome) = clean_beside_good("wide.txt", &page, 3);
    outcome.says(&[&format!(
        "wide.txt:{}: bytes that are not valid UTF-16LE; kept as they are, the rest converted",
        page.len() - 1
    )]);
    let expected = format!("{FERRY_BODY}\na");
    assert_eq!(place.read_text("out/wide.txt"), expected);
}

#[test]
fn utf16_longer_than_the_limit_is_converted_in_parts() {
    for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let page = utf16(&FERRY.repeat(300), to_bytes);
        assert!(page.len() > 3 << 16, "more than one stretch");
        let place = Place::with([
            ("in/a.txt", &page[..]),
            ("same/a.txt", FERRY.repeat(300).as_bytes()),
        ]);
        for (input, output) in [("in", "out"), ("same", "out-same")] {
            let arguments = [
                "-o",
                output,
                "--no-score",
                "--removed",
                "ledger",
                "--stats",
                "stats",
                "--max-page-bytes",
                "64KiB",
                "--overwrite",
                "-q",
                input,
            ];
            place.clean(arguments).expect(0).says(&[]);
        }
        assert_eq!(place.files("out"), place.files("out-same"));
    }
}

#[test]
fn utf16_without_a_mark_is_converted() {
    for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let page = utf16(FERRY, to_bytes).split_off(2);
        let (place, outcome) = clean_beside_good("wide.txt", &page, 0);
        outcome.says(&[]);
        assert_eq!(place.read_text("out/wide.txt"), FERRY_BODY);
    }
}

#[test]
fn a_utf8_mark_is_kept_and_is_no_part_of_the_first_line() {
    let page = [MARK, FERRY.trim_start().as_bytes()].concat();
    let (place, _) = clean_beside_good("mark.txt", &page, 0);
    let expected = [MARK, FERRY_BODY.as_bytes()].concat();
    assert_eq!(place.read("out/mark.txt"), expected);
    let ledger = place.ledger("ledger");
    let first = ledger.iter().find(|row| row.page == "mark.txt");
    let headline_bytes = FERRY_BODY.find('\n').expect("a headline") + 1;
    assert_eq!(first.map(|row| row.start), Some(headline_bytes));
}

#[test]
fn an_empty_file_is_an_empty_page() {
    let (place, outcome) = clean_beside_good("empty.txt", b"", 0);
    outcome.says(&[]);
    assert_eq!(place.read("out/empty.txt"), b"");
    let counts = place.counts("stats");
    assert_eq!(counts["pages"], 2);
    assert_eq!(counts["pages_emptied"], 0);
}

#[test]
fn a_line_longer_than_the_limit_is_kept_unread() {
    let long = "The longest line of them all. ".repeat(10_000);
    for end in ["\n", "\r\n", "\r", ""] {
        let page = format!(
            "{FERRY}{long}{end}{}",
            if end.is_empty() { "" } else { FERRY }
        );
        let place = Place::with([("page.txt", &page)]);
        let outcome = place
            .clean([
                "page.txt",
                "-o",
                "out.txt",
                "--no-score",
                "--removed",
                "ledger",
                "--stats",
                "stats",
                "-q",
                "--max-page-bytes",
                "64KiB",
            ])
            .expect(3);
        outcome.says(&[&format!(
            "page.txt:{}: line longer than --max-page-bytes (65536); kept unread",
            FERRY.len()
        )]);
        let output = place.read("out.txt");
        assert!(
            rebuild(&output, &place.ledger("ledger")) == page.as_bytes(),
            "{end:?}"
        );
        let ledger = place.ledger("ledger");
        let lines = page[..FERRY.len()].lines().count();
        assert!(
            ledger
                .iter()
                .all(|row| row.line <= lines || row.line > lines + 1)
        );
        let counts = place.counts("stats");
        assert_eq!(counts["bytes_in"], page.len());
        assert_eq!(counts["bytes_kept"], output.len());
        assert_eq!(counts["pages"], 1);
    }
}

#[test]
fn a_million_blank_lines_go_and_are_rebuilt() {
    let page = format!("First.\n{}Last.\n", "\n".repeat(1_000_000));
    let place = Place::with([("page.txt", &page)]);
    place
        .clean([
            "page.txt",
            "-o",
            "out.txt",
            "--no-score",
            "--removed",
            "ledger",
            "--stats",
            "stats",
        ])
        .expect(0);
    assert_eq!(place.read_text("out.txt"), "First.\n\nLast.\n");
    let counts = place.counts("stats");
    assert_eq!(counts["blank"]["lines"], 999_999);
    assert_eq!(
        counts["repeat"]["lines"], 0,
        "blank lines are never repeats"
    );
    // Counted by hand: a million rows are too many to parse in a test.
    let ledger = place.read_text("ledger");
    let mut at = 8;
    for (index, row) in ledger.lines().enumerate() {
        let expected = format!(
            "\"line\":{},\"start\":{at},\"end\":{},\"text\":\"\\n\"",
            index + 3,
            at + 1
        );
        assert!(row.contains(&expected), "{row} / {expected}");
        at += 1;
    }
    assert_eq!(at, page.len() - "Last.\n".len());
}

#[test]
fn a_page_of_equal_lines_finishes() {
    let page = format!("{}\n", FERRY.lines().nth(1).expect("a headline")).repeat(50_000);
    let place = Place::with([("page.txt", &page)]);
    place
        .clean([
            "page.txt",
            "-o",
            "out.txt",
            "--removed",
            "ledger",
            "--stats",
            "stats",
            "-q",
        ])
        .expect(0);
    assert_eq!(place.counts("stats")["bytes_in"], page.len());
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_or_directory_is_a_problem() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with([
        ("in/good.txt", FERRY),
        ("in/locked.txt", PLAIN),
        ("in/shut/a.txt", PLAIN),
    ]);
    let set_mode = |name: &str, mode: u32| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(place.path(name), permissions).expect("a mode can be set");
    };
    set_mode("in/locked.txt", 0o000);
    set_mode("in/shut", 0o000);
    if fs::read(place.path("in/locked.txt")).is_ok() {
        return skip("this user reads files of mode 000");
    }
    let outcome = place.clean(["in", "-o", "out", "--no-score", "-q"]);
    let alone = place.clean(["in/locked.txt", "-o", "out.txt", "-q"]);
    let whole = place.clean(["in/shut", "-o", "whole", "-q"]);
    set_mode("in/shut", 0o755);
    let outcome = outcome.expect(3);
    whole.expect(3).mentions("in/shut: cannot be read: ");
    let problems: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(problems.len(), 2, "{}", outcome.stderr);
    assert!(
        problems[0].starts_with("locked.txt: cannot be read: "),
        "{}",
        problems[0]
    );
    assert!(
        problems[1].starts_with("shut: cannot be read: "),
        "{}",
        problems[1]
    );
    assert!(problems.iter().all(|line| line.ends_with("; skipped")));
    assert_eq!(place.files("out").len(), 1);
    alone.expect(3).mentions("locked.txt: cannot be read: ");
    assert!(!place.path("out.txt").exists());
}

#[cfg(unix)]
#[test]
fn a_pipe_or_socket_in_a_directory_is_skipped_without_waiting() {
    let place = Place::with([("in/good.txt", FERRY)]);
    if !make_pipe(&place.path("in/pipe.txt")) {
        return;
    }
    let _socket = std::os::unix::net::UnixListener::bind(place.path("in/socket"))
        .expect("a socket can be made");
    place
        .clean(["in", "-o", "out", "--no-score", "-q"])
        .expect(3)
        .says(&[
            "pipe.txt: not a regular file (a pipe is read as -); skipped",
            "socket: not a regular file (a pipe is read as -); skipped",
        ]);
    assert_eq!(place.files("out").len(), 1);
    place
        .clean(["in/pipe.txt", "-o", "out.txt", "-q"])
        .expect(3)
        .says(&["pipe.txt: not a regular file (a pipe is read as -); skipped"]);
}

/// Makes symbolic links: where each leads, and what it is called.
#[cfg(unix)]
fn make_links(place: &Place, links: &[(&str, &str)]) {
    for (target, link) in links {
        std::os::unix::fs::symlink(target, place.path(link)).expect("a link can be made");
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_when_asked() {
    let place = Place::with([
        ("in/good.txt", FERRY),
        ("in/folder.txt", PLAIN),
        ("outside/deep/secret.txt", PLAIN),
    ]);
    let links = [
        ("good.txt", "in/link.txt"),
        ("../outside", "in/folder"),
        ("../outside/deep/secret.txt", "in/secret.txt"),
        ("..", "outside/deep/up"),
        (".", "in/around"),
        ("circle-b", "in/circle-a"),
        ("circle-a", "in/circle-b"),
        ("nowhere", "in/dangling.txt"),
        ("/dev/null", "in/device"),
    ];
    make_links(&place, &links);
    let circle = |name: &str| {
        let error = fs::metadata(place.path(name)).expect_err("it leads round");
        format!("symbolic link that leads nowhere: {error}; skipped")
    };
    let told = [
        "around: symbolic link that leads back to in, which it lies in; not followed".to_owned(),
        format!("circle-a: {}", circle("in/circle-a")),
        format!("circle-b: {}", circle("in/circle-b")),
        format!("dangling.txt: {}", circle("in/dangling.txt")),
        "device: not a regular file (a pipe is read as -); skipped".to_owned(),
        "folder/deep/up: symbolic link that leads back to folder, which it lies in; not followed"
            .to_owned(),
    ];
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    for (out, threads) in [("out1", "1"), ("out3", "3")] {
        let arguments = ["in", "-o", out, "--no-score", "-q", "--follow", "--stats"];
        let options = [
            "stats",
            "--overwrite",
            "--threads",
            threads,
            "--removed",
            "ledger",
        ];
        let outcome = place.clean([&arguments[..], &options].concat()).expect(3);
        outcome.says(&told);
        let files = place.files(out);
        let names: Vec<&str> = files.keys().filter_map(|name| name.to_str()).collect();
        let expected = [
            "folder/deep/secret.txt",
            "folder.txt",
            "good.txt",
            "link.txt",
            "secret.txt",
        ];
        assert_eq!(names, expected);
        assert_eq!(files[Path::new("good.txt")], files[Path::new("link.txt")]);
        let counts = place.counts("stats");
        assert_eq!((&counts["pages"], &counts["links"]), (&5.into(), &0.into()));
        for name in place.tree(out).keys() {
            let found = fs::symlink_metadata(place.path(out).join(name)).expect("is there");
            assert!(!found.is_symlink(), "{name:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn links_to_what_is_written_are_not_followed() {
    let place = Place::with([("in/good.txt", FERRY), ("logs/old.txt", PLAIN)]);
    let links = [
        ("../out", "in/result"),
        ("..", "in/parent"),
        ("../logs", "in/logs"),
        ("../logs/old.txt", "in/old.txt"),
    ];
    make_links(&place, &links);
    let told = ["logs", "parent", "result"].map(|name| {
        format!("{name}: symbolic link that leads to what this run writes; not followed")
    });
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    place.file("out/before.txt", PLAIN);
    let arguments = [
        "in",
        "-o",
        "out",
        "--no-score",
        "-q",
        "--follow",
        "--overwrite",
    ];
    let options = ["--removed", "logs/ledger"];
    let clean = || place.clean(arguments.iter().chain(&options)).expect(3);
    clean().says(&told);
    let files = place.files("out");
    let names: Vec<&str> = files.keys().filter_map(|name| name.to_str()).collect();
    assert_eq!(names, ["before.txt", "good.txt", "old.txt"]);
    clean().says(&told);
    assert_eq!(place.files("out"), files);
    let other = [&arguments[..5], &["--resume"]].concat();
    place.clean(other).expect(2).mentions("other settings");
}

#[cfg(unix)]
#[test]
fn the_order_of_pages_is_that_of_their_paths_through_links_too() {
    let place = Place::with([
        ("aside/x.txt", PLAIN),
        ("in/a.txt", PLAIN),
        ("in/b.txt", PLAIN),
    ]);
    make_links(&place, &[("../aside", "in/a"), ("a.txt", "in/a0")]);
    let arguments = ["in", "-o", "out", "--no-score", "-q", "--follow"];
    let options = ["--page-duplicates", "remove", "--removed", "ledger"];
    place.clean(arguments.iter().chain(&options)).expect(0);
    let ledger = place.read_text("ledger");
    let copies: Vec<String> = ledger
        .lines()
        .map(|row| {
            let row: serde_json::Value = serde_json::from_str(row).expect("JSON");
            let name =
                |row: &serde_json::Value| row["page"].as_str().unwrap_or_default().to_owned();
            format!("{} of {}", name(&row), name(&row["of"]))
        })
        .collect();
    let expected = ["a/x.txt of a.txt", "a0 of a.txt", "b.txt of a.txt"];
    assert_eq!(copies, expected);
}

#[cfg(unix)]
#[test]
fn links_in_a_directory_are_counted_and_not_followed() {
    use std::os::unix::fs::symlink;
    let place = Place::with([("in/good.txt", FERRY), ("outside/secret.txt", PLAIN)]);
    for (target, link) in [
        ("good.txt", "in/link.txt"),
        ("../outside", "in/folder"),
        ("../outside/secret.txt", "in/secret.txt"),
        (".", "in/loop"),
        ("circle-b", "in/circle-a"),
        ("circle-a", "in/circle-b"),
        ("nowhere", "in/dangling.txt"),
    ] {
        symlink(target, place.path(link)).expect("a link can be made");
    }
    let outcome = place
        .clean(["in", "-o", "out", "--no-score", "--stats", "stats", "-q"])
        .expect(3);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    let nowhere = ["circle-a", "circle-b", "dangling.txt"];
    assert_eq!(lines.len(), nowhere.len(), "{lines:?}");
    for (line, name) in lines.iter().zip(nowhere) {
        let told = format!("{name}: symbolic link that leads nowhere: ");
        assert!(
            line.starts_with(&told) && line.ends_with("; skipped"),
            "{line}"
        );
    }
    assert_eq!(place.tree("out").len(), 1);
    let counts = place.counts("stats");
    assert_eq!(counts["links"], 4);
    assert_eq!(counts["problems"], 3);
}

#[cfg(unix)]
#[test]
fn a_link_planted_in_the_output_is_not_followed() {
    use std::os::unix::fs::symlink;
    let place = Place::with([
        ("in/a.txt", FERRY),
        ("in/news/b.txt", FERRY),
        ("target.txt", "mine"),
    ]);
    place.directory("out").directory("elsewhere");
    symlink("../target.txt", place.path("out/a.txt")).expect("a link can be made");
    place
        .clean([
            "in/a.txt",
            "in/news",
            "-o",
            "out",
            "--overwrite",
            "--no-score",
            "-q",
        ])
        .expect(0);
    assert_eq!(place.read_text("target.txt"), "mine");
    assert_eq!(place.read_text("out/a.txt"), FERRY_BODY);

    place.directory("out2");
    symlink("../elsewhere", place.path("out2/news")).expect("a link can be made");
    place
        .clean(["in", "-o", "out2", "--overwrite", "--no-score", "-q"])
        .expect(1)
        .mentions("news");
    assert!(place.tree("elsewhere").is_empty());
}

#[cfg(unix)]
#[test]
fn a_dangling_link_named_as_input_is_refused() {
    let place = Place::new();
    std::os::unix::fs::symlink("nowhere", place.path("link.txt")).expect("a link can be made");
    place
        .clean(["link.txt", "-o", "out.txt"])
        .expect(2)
        .mentions("link.txt");
    assert!(!place.path("out.txt").exists());
}

#[test]
fn an_input_that_is_not_there_is_refused() {
    let place = Place::with([("page.txt", PLAIN)]);
    let before = place.tree("");
    for inputs in [&["missing.txt"][..], &["page.txt", "missing"], &[""]] {
        let mut command = place.command(inputs);
        let output = command
            .args(["-o", "out"])
            .output()
            .expect("the program runs");
        Outcome::new(output).expect(2);
        assert_eq!(place.tree(""), before);
    }
}

#[test]
fn a_full_disk_is_told() {
    if !Path::new("/dev/full").exists() {
        return skip("no /dev/full here");
    }
    let page = PLAIN.repeat(10_000);
    let place = Place::with([("small.txt", PLAIN), ("large.txt", &page)]);
    for input in ["small.txt", "large.txt"] {
        place
            .clean([input, "-o", "/dev/full", "--no-score", "-q"])
            .expect(1)
            .mentions("/dev/full: ");
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("opens");
        let output = place
            .process([input, "-o", "-", "--no-score", "-q"])
            .stdin(Stdio::null())
            .stdout(full)
            .output()
            .expect("the program runs");
        Outcome::new(output).expect(1).mentions("standard output: ");
    }
}

#[test]
fn a_full_standard_error_stops_nothing() {
    if !Path::new("/dev/full").exists() {
        return skip("no /dev/full here");
    }
    let place = Place::with([("page.txt", FERRY)]);
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("opens");
    let status = place
        .process(["page.txt", "-o", "out.txt", "--no-score"])
        .stdin(Stdio::null())
        .stderr(full)
        .status();
    assert_eq!(status.expect("the program runs").code(), Some(0));
    assert_eq!(place.read_text("out.txt"), FERRY_BODY);
}

#[cfg(unix)]
#[test]
fn a_limit_on_file_sizes_is_told_and_leaves_no_temporary_file() {
    let place = Place::with([("in/a.txt", long_page())]);
    let script = "ulimit -f 8 && exec \"$0\" clean \"$@\" --no-score -q";
    for (arguments, named) in [
        (&["in/a.txt", "-o", "out.txt"][..], "out.txt: "),
        (&["in", "-o", "out"], "out/a.txt: "),
        (&["in", "--dry-run", "--removed", "ledger"], "ledger: "),
    ] {
        if named.starts_with("ledger") {
            place.file("in/a.txt", "\n".repeat(10_000));
        }
        let outcome = place.in_shell(script, arguments).expect(1);
        assert!(
            outcome.stderr.starts_with(&format!("dechaff: {named}")),
            "{}",
            outcome.stderr
        );
        let files: Vec<_> = place.files("").into_keys().collect();
        assert_eq!(files, [Path::new("in/a.txt")], "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_told_by_its_own_name() {
    let place = Place::with([("page.txt", PLAIN)]);
    for arguments in [
        &["page.txt", "-o", "/proc/body.txt"][..],
        &["page.txt", "-o", "out.txt", "--removed", "/proc/body.txt"],
    ] {
        let outcome = place.clean(arguments.iter().chain(&["-q"])).expect(1);
        let start = "dechaff: /proc/body.txt: ";
        assert!(outcome.stderr.starts_with(start), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains(".dechaff-"), "{}", outcome.stderr);
    }
}

/// A directory with more files, and an index with more runs, than may be open at a time.
#[cfg(unix)]
#[test]
fn few_open_files_are_enough() {
    let place = Place::new();
    for number in 0..200 {
        place.file(format!("in/{}/{number}.txt", number % 40), FERRY);
    }
    let script = "ulimit -n 20 && exec \"$0\" clean \"$@\" --no-score -q";
    let arguments = [
        "in",
        "-o",
        "out",
        "--corpus-duplicates",
        "300",
        "--removed",
        "ledger",
    ];
    place.in_shell(script, &arguments).expect(0).says(&[]);
    assert_eq!(place.files("out").len(), 200);
}

/// Fails on some pages, as a fault in dechaff would.
struct Faulty;

impl Scorer for Faulty {
    fn score(&self, facts: &PageFacts<'_>, _: &mut Scratch, scores: &mut Vec<Score>) {
        assert!(!facts.page.starts_with(b"fault"), "a fault in the scorer");
        scores.clear();
        scores.resize(facts.line_count(), Score::default());
    }

    fn explain(&self, _: &PageFacts<'_>) -> Vec<Vec<Contribution>> {
        Vec::new()
    }
}

/// Hears of problems.
#[derive(Default)]
struct Heard(Vec<String>);

impl Progress for Heard {
    fn problem(&mut self, problem: &Problem) {
        self.0.push(problem.to_string());
    }
}

#[test]
fn a_page_on_which_dechaff_fails_is_kept_and_the_run_goes_on() {
    let place = Place::with([("in/a.txt", "fault\n\n\n"), ("in/b.txt", "good\n\n\n")]);
    let directory = Input::Directory {
        path: place.path("in"),
        name: "".into(),
        links: Links::default(),
    };
    let options = RunOptions::default();
    let format = InputFormat::Auto;
    let mut inputs = Inputs::new(vec![directory], format, options.max_page_bytes);
    let cleaner = Cleaner::with_scorer(Config::default(), Box::new(Faulty)).expect("a config");
    let mut heard = Heard::default();
    let sink = tree::Tree::new(&place.path("out"), "").expect("a directory");
    let files = SideFiles::default();
    let counts = pipeline::clean(&cleaner, &mut inputs, &sink, files, &mut heard, &options);
    let counts = counts.expect("the run goes on");
    assert!(counts.adds_up() && counts.pages == 2 && counts.copied_unchanged == 1);
    let told = "a.txt: internal error, please report it; copied through unchanged";
    assert_eq!(heard.0, [told]);
    assert_eq!(place.read_text("out/a.txt"), "fault\n\n\n");
    assert_eq!(place.read_text("out/b.txt"), "good\n");
}

#[cfg(unix)]
#[test]
fn standard_output_may_be_a_null_device() {
    let place = Place::with([("page.txt", FERRY)]);
    let arguments = ["page.txt", "-o", "-"];
    for redirection in ["> /dev/null", "1<> /dev/null"] {
        let script = format!("exec \"$0\" clean \"$@\" -q {redirection}");
        place.in_shell(&script, &arguments).expect(0).says(&[]);
    }
    // Where no page goes there, it may be closed.
    let arguments = ["page.txt", "-o", "out.txt", "-q"];
    place
        .in_shell("exec \"$0\" clean \"$@\" >&-", &arguments)
        .expect(0);
}

/// A page of distinct lines, of which nothing goes, larger than a pipe holds.
fn long_page() -> String {
    (0..40_000)
        .map(|number| format!("Line {number} of a page that is longer than any pipe.\n"))
        .collect()
}

/// Runs the program with all streams piped.
fn start(place: &Place, arguments: &[&str]) -> Child {
    place
        .process(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Waits for the end of a program that was started; kills it if it does not end.
fn end(mut child: Child, seconds: u64) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while child.try_wait().expect("can be waited for").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("can be killed");
            panic!("did not end within {seconds} s");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Outcome::new(child.wait_with_output().expect("can be waited for"))
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_the_run_quietly() {
    let place = Place::with([
        ("page.txt", long_page()),
        ("in/a.txt", long_page()),
        ("in/b.txt", long_page()),
    ]);
    for input in ["page.txt", "in"] {
        let mut child = start(&place, &[input, "-o", "-", "--no-score"]);
        let mut stdout = child.stdout.take().expect("piped");
        let mut first = [0; 20];
        stdout.read_exact(&mut first).expect("a first line");
        drop(stdout);
        let outcome = end(child, 60);
        assert_eq!(&first, b"Line 0 of a page tha");
        assert_eq!(outcome.code, Some(141), "{}", outcome.stderr);
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn a_standard_input_with_nothing_in_it_is_an_empty_page() {
    let place = Place::new();
    let output = place
        .process(["-", "-o", "-", "--stats", "stats", "-q"])
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let outcome = Outcome::new(output).expect(0);
    assert!(outcome.stdout.is_empty());
    assert_eq!(place.counts("stats")["pages"], 1);
}

#[cfg(unix)]
#[test]
fn a_closed_standard_input_is_no_crash() {
    let place = Place::with([("page.txt", FERRY)]);
    let script = "exec \"$0\" clean \"$@\" --no-score -q <&-";
    let outcome = place.in_shell(script, &["-", "-o", "-"]);
    assert!(outcome.code.is_some_and(|code| code <= 3), "{outcome:?}");
    assert!(outcome.stdout.is_empty());
}

#[test]
fn an_output_that_another_run_holds_is_left_alone() {
    let place = Place::with([("in/a.txt", FERRY)]);
    place.directory("out");
    let holder = File::open(place.path("out")).expect("a directory can be opened");
    if holder.try_lock().is_err() {
        return skip("no locks on directories here");
    }
    place
        .clean(["in", "-o", "out", "--removed", "ledger"])
        .expect(1)
        .mentions("out: locked by another run");
    assert!(place.tree("out").is_empty());
    assert!(!place.path("ledger").exists());
    place.clean(["in", "-o", "other", "--no-score"]).expect(0);
    holder.unlock().expect("a lock can be given back");
    place.clean(["in", "-o", "out", "--no-score"]).expect(0);
    assert_eq!(place.tree("out").len(), 1, "no lock file stays");
}

#[cfg(unix)]
fn send(child: &Child, signal: &str) {
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "kill runs");
}

/// A place with many pages for one thread, the first of which fills any pipe.
fn many_pages() -> Place {
    let place = Place::with([("in/0000.txt", long_page())]);
    for number in 1..1000 {
        place.file(format!("in/{number:04}.txt"), PLAIN);
    }
    place
}

#[cfg(unix)]
#[test]
fn a_signal_stops_a_run_over_files_at_the_next_job() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let place = many_pages();
        let arguments = [
            "in",
            "-o",
            "-",
            "--no-score",
            "--threads",
            "1",
            "--removed",
            "ledger",
        ];
        let mut child = start(&place, &arguments);
        // The first bytes say that it works; then the pipe is full and it waits for us.
        let mut stdout = child.stdout.take().expect("piped");
        let mut output = vec![0; 1];
        stdout.read_exact(&mut output).expect("a first byte");
        send(&child, signal);
        stdout.read_to_end(&mut output).expect("the rest");
        let outcome = end(child, 60);
        assert_eq!(outcome.code, Some(code), "{signal}: {}", outcome.stderr);
        outcome.mentions("stopped");
        let all = long_page().len() + 999 * PLAIN.len();
        assert!(
            output.len() < all,
            "{signal}: the run stopped before its end"
        );
        let left: Tree = place
            .tree("")
            .into_iter()
            .filter(|(name, _)| !name.starts_with("in"))
            .collect();
        assert!(
            left.is_empty(),
            "{signal}: no temporary file, no half a ledger: {left:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_signal_stops_a_run_over_standard_input_at_the_next_bytes() {
    let place = Place::new();
    let arguments = [
        "-",
        "--format",
        "jsonl",
        "-o",
        "out.jsonl",
        "--removed",
        "ledger",
        "--max-page-bytes",
        "64KiB",
    ];
    let mut child = start(&place, &arguments);
    let mut stdin = child.stdin.take().expect("piped");
    let rows = "{\"text\":\"A row of text that stays.\"}\n".repeat(3000);
    // The problem says that the run is at work; then it waits for more.
    stdin.write_all(b"no row\n").expect("it reads");
    stdin.write_all(rows.as_bytes()).expect("it reads");
    let mut first = [0; 4];
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_exact(&mut first).expect("a problem");
    assert_eq!(&first, b"-:1:");
    send(&child, "-TERM");
    // It may have ended in the middle of this.
    let _ = stdin.write_all(rows.as_bytes());
    drop(stdin);
    let outcome = end(child, 60);
    assert_eq!(outcome.code, Some(143));
    assert!(place.tree("").is_empty(), "{:?}", place.tree(""));
}

#[cfg(unix)]
#[test]
fn signals_end_a_run_that_waits_for_input() {
    let place = Place::new();
    let arguments = [
        "-",
        "--format",
        "jsonl",
        "-o",
        "out",
        "--max-page-bytes",
        "64KiB",
    ];
    let mut child = start(&place, &arguments);
    let mut stdin = child.stdin.take().expect("piped");
    let rows = "{\"text\":\"A row of text that stays.\"}\n".repeat(3000);
    let rows = format!("no row\n{rows}");
    stdin.write_all(rows.as_bytes()).expect("it reads");
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_exact(&mut [0; 4]).expect("a problem");
    // Two may be needed; more do no harm.
    for _ in 0..100 {
        if child.try_wait().expect("can be waited for").is_some() {
            break;
        }
        send(&child, "-INT");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(end(child, 30).code, Some(130));
    assert!(!place.path("out").exists());
    drop(stdin);
}

#[cfg(target_os = "linux")]
#[test]
fn one_signal_ends_a_run_over_an_input_that_stays_silent() {
    let place = Place::new();
    let mut child = start(&place, &["-", "-o", "out", "--removed", "ledger"]);
    let stdin = child.stdin.take().expect("piped");
    let tasks = format!("/proc/{}/task", child.id());
    let is_at_work = || {
        let tasks = fs::read_dir(&tasks).into_iter().flatten().flatten();
        let mut names = tasks.filter_map(|task| fs::read(task.path().join("comm")).ok());
        names.any(|name| name.starts_with(b"dechaff-"))
    };
    // Signals are watched before the first thread of work begins.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_at_work() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    send(&child, "-TERM");
    let outcome = end(child, 20).expect(143);
    outcome.mentions("stopped");
    assert!(place.tree("").is_empty(), "{:?}", place.tree(""));
    drop(stdin);
}

#[test]
fn a_file_that_vanishes_is_a_problem_and_the_run_goes_on() {
    let place = Place::with([
        ("in/a.txt", long_page()),
        ("in/b.txt", PLAIN.to_owned()),
        ("in/c.txt", "The last page of all.\n".to_owned()),
    ]);
    let mut child = start(
        &place,
        &["in", "-o", "-", "--no-score", "--threads", "1", "-q"],
    );
    let mut stdout = child.stdout.take().expect("piped");
    let mut output = vec![0; 1];
    stdout.read_exact(&mut output).expect("a first byte");
    // It waits for us to read the rest of a.txt, and has listed the directory.
    fs::remove_file(place.path("in/b.txt")).expect("a file can be removed");
    stdout.read_to_end(&mut output).expect("the rest");
    let outcome = end(child, 60).expect(3);
    assert!(
        outcome.stderr.starts_with("b.txt: cannot be read: "),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.stderr.lines().count(), 1);
    assert!(output == (long_page() + "The last page of all.\n").into_bytes());
}

#[test]
fn a_file_that_grows_while_it_is_read_is_withheld_everywhere() {
    // The problems of the first stretch fill the pipe of standard error before the second
    // stretch is read.
    let row = serde_json::json!({ "text": FERRY }).to_string() + "\n";
    let rows = "x\n".repeat(60_000) + &row.repeat(500);
    let place = Place::with([
        ("in/0.txt", FERRY),
        ("in/a.jsonl", &rows),
        ("in/b.txt", FERRY),
        ("in/c.jsonl", "no row\n"),
    ]);
    let arguments = [
        "in",
        "-o",
        "out",
        "--no-score",
        "--threads",
        "1",
        "-q",
        "--max-page-bytes",
        "64KiB",
        "--stats",
        "stats",
        "--removed",
        "ledger",
        "--rejects",
        "rejects",
    ];
    let mut child = start(&place, &arguments);
    let mut stderr = child.stderr.take().expect("piped");
    let mut messages = vec![0; 1];
    stderr.read_exact(&mut messages).expect("a first problem");
    let mut file = File::options()
        .append(true)
        .open(place.path("in/a.jsonl"))
        .expect("opens");
    file.write_all(b"{\"text\":\"late\"}\n")
        .expect("can be written");
    drop(file);
    stderr
        .read_to_end(&mut messages)
        .expect("the other problems");
    assert_eq!(end(child, 60).code, Some(3));
    let messages = String::from_utf8(messages).expect("text");
    let changed = messages.lines().rev().nth(1).expect("a problem");
    assert!(changed.starts_with("a.jsonl:"), "{changed}");
    assert!(
        changed.ends_with("changed while it was read; no output written"),
        "{changed}"
    );
    let outputs = place.files("out");
    let names: Vec<_> = outputs.keys().collect();
    assert_eq!(names, ["0.txt", "b.txt", "c.jsonl"].map(Path::new));
    for name in ["0.txt", "b.txt"] {
        assert_eq!(outputs[Path::new(name)], FERRY_BODY.as_bytes());
    }
    let ledger = place.ledger("ledger");
    for name in ["0.txt", "b.txt"] {
        let rows = ledger.iter().filter(|row| row.page == name);
        assert_eq!(rebuild(FERRY_BODY.as_bytes(), rows), FERRY.as_bytes());
    }
    assert!(ledger.iter().all(|row| row.page.ends_with(".txt")));
    assert_eq!(place.read_text("rejects"), "no row\n");
    let counts = place.counts("stats");
    assert_eq!(counts["pages"], 2);
    assert_eq!(counts["rows_rejected"], 1);
    assert_eq!(counts["bytes_kept"], 2 * FERRY_BODY.len());
    let in_bytes = counts["bytes_in"].as_u64().expect("a count") as usize;
    assert!(in_bytes > 120_000, "what was read of it counts");
    assert_eq!(counts["bytes_rejected"], in_bytes - 2 * FERRY.len());
}

#[test]
fn no_page_talks_to_the_terminal() {
    let place = Place::with([(
        "in/\u{1b}[2J\u{202e}.txt",
        "a line of text with \0\u{1b}[31m in it",
    )]);
    let outcome = place.clean(["in", "-o", "out"]).expect(3);
    assert!(
        !outcome.stderr.contains(['\u{1b}', '\u{202e}']),
        "{}",
        outcome.stderr
    );
    outcome.mentions("\\x1b[2J\\u{202e}.txt: binary");
    let missing = place.clean(["\u{1b}[2J", "-o", "out2"]).expect(2);
    assert!(!missing.stderr.contains('\u{1b}'), "{}", missing.stderr);
}

#[test]
fn a_page_that_is_only_a_mark_stays() {
    let (place, _) = clean_beside_good("mark.txt", MARK, 0);
    assert_eq!(place.read("out/mark.txt"), MARK);
    assert!(text_of(MARK).is_empty());
}
