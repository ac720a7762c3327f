//! `dechaff clean` and `explain` on HTML pages, and on HTML in JSON lines.
#![cfg(feature = "cli")]

mod support;

use assert_cmd::Command;
use dechaff::source::packed::Packing;
use serde_json::{Value, json};
use support::{FERRY, FERRY_BODY, Place, rebuild, rows_of};

/// [`FERRY`] as HTML, and its lines: those that are not blank.
fn ferry() -> (String, String) {
    let lines: Vec<&str> = FERRY
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let blocks: Vec<String> = lines
        .iter()
        .map(|line| format!("  <p>{line}</p>\n"))
        .collect();
    let html = format!(
        "<!DOCTYPE html>\n<html><head><title>No line</title></head><body>\n{}</body></html>\n",
        blocks.concat()
    );
    (html, lines.join("\n") + "\n")
}

fn ferry_body() -> String {
    let lines = FERRY_BODY.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

const PLAIN_OPTIONS: [&str; 8] = [
    "-q",
    "--no-score",
    "--removed",
    "ledger",
    "--stats",
    "stats",
    "--mode",
    "drop",
];

fn clean(place: &Place, arguments: &[&str], code: i32) -> support::Outcome {
    place
        .clean(arguments.iter().chain(&PLAIN_OPTIONS))
        .expect(code)
}

#[test]
fn a_tree_of_pages_of_every_kind_is_mirrored_as_text() {
    let (html, lines) = ferry();
    let place = Place::with([
        ("in/a/page.html", html.as_str()),
        ("in/a/told.txt", html.as_str()),
        ("in/b/fragment.HTM", "<b>Only a fragment</b>"),
        ("in/b/no-tags.html", "1 < 2, said no one"),
        ("in/empty.html", "<html></html>"),
        ("in/page.txt", FERRY),
    ]);
    clean(&place, &["in", "-o", "out"], 0).says(&["dechaff: note: empty.html"; 0]);
    let files = place.files("out");
    let names: Vec<&str> = files.keys().filter_map(|name| name.to_str()).collect();
    assert_eq!(
        names,
        [
            "a/page.html.txt",
            "a/told.txt.txt",
            "b/fragment.HTM.txt",
            "b/no-tags.html",
            "empty.html.txt",
            "page.txt",
        ]
    );
    assert_eq!(place.read_text("out/a/page.html.txt"), ferry_body());
    assert_eq!(
        place.read_text("out/b/fragment.HTM.txt"),
        "Only a fragment\n"
    );
    assert_eq!(place.read_text("out/empty.html.txt"), "");
    let ledger = place.ledger("ledger");
    let rows = rows_of(&ledger, "a/page.html");
    assert_eq!(rebuild(ferry_body().as_bytes(), rows), lines.as_bytes());
    let counts = place.counts("stats");
    assert_eq!(
        (&counts["pages"], &counts["html_pages"]),
        (&json!(6), &json!(4))
    );
    let html_bytes = 2 * html.len() + "<b>Only a fragment</b>".len() + "<html></html>".len();
    assert_eq!(counts["html_bytes"], html_bytes);
}

#[test]
fn one_page_goes_to_one_file_and_a_stream_to_a_stream() {
    let (html, _) = ferry();
    let place = Place::with([("page.html", &html)]);
    clean(&place, &["page.html", "-o", "body.txt"], 0);
    assert_eq!(place.read_text("body.txt"), ferry_body());
    for format in ["auto", "html"] {
        let arguments = ["-", "--no-score", "-q", "--format", format];
        let outcome = place.clean_with_input(arguments, html.as_bytes()).expect(0);
        assert_eq!(outcome.stdout, ferry_body().as_bytes());
    }
    let arguments = ["-", "--no-score", "-q", "--format", "html"];
    let outcome = place.clean_with_input(arguments, b"1 &lt; 2").expect(0);
    assert_eq!(outcome.stdout, b"1 < 2\n");
}

#[test]
fn an_empty_page_is_named_as_every_other() {
    let place = Place::with([
        ("in/a.html", ""),
        ("in/b.htm", "\u{feff} \n"),
        ("in/c.txt", ""),
    ]);
    clean(&place, &["in", "-o", "out"], 0);
    let names: Vec<_> = place.files("out").into_keys().collect();
    let expected = ["a.html.txt", "b.htm.txt", "c.txt"].map(std::path::PathBuf::from);
    assert_eq!(names, expected);
}

#[test]
fn spans_are_over_the_text_that_lies_beside_them() {
    let (html, lines) = ferry();
    let place = Place::with([("in/page.html", &html)]);
    place
        .clean(["in", "-o", "out", "--mode", "spans", "--no-score", "-q"])
        .expect(0);
    assert_eq!(place.read_text("out/page.html.txt"), lines);
    let spans = place.ledger("out/page.html.txt.spans.jsonl");
    assert!(!spans.is_empty());
    for row in spans {
        assert_eq!(&lines.as_bytes()[row.start..row.end], row.bytes);
    }
    assert_eq!(place.files("out").len(), 2);
}

#[test]
fn a_text_whose_name_is_taken_is_not_written() {
    let (html, _) = ferry();
    let long = format!("in/{}.html", "n".repeat(248));
    let place = Place::with([
        ("in/a.html", html.as_str()),
        ("in/a.html.txt", FERRY),
        (&long, &html),
    ]);
    let why = "no name left for its text (with .txt it is another file's, or too long); skipped";
    clean(&place, &["in", "-o", "out"], 3)
        .says(&[&format!("a.html: {why}"), &format!("{}: {why}", &long[3..])]);
    assert_eq!(place.read_text("out/a.html.txt"), FERRY_BODY);
    assert_eq!(place.files("out").len(), 1);
    let place = Place::with([("x/a.html.txt", FERRY), ("y/a.html", &html)]);
    clean(&place, &["x/a.html.txt", "y/a.html", "-o", "out"], 2)
        .mentions("two inputs are called a.html.txt");
}

#[test]
fn encodings_are_converted_and_counted() {
    let place = Place::new();
    place.file(
        "in/latin.html",
        b"<meta charset=iso-8859-1><p>caf\xe9 \x93a\x94",
    );
    place.file("in/utf16.html", b"\xff\xfe<\0p\0>\0\xe9\0");
    place.file("in/korean.html", b"<meta charset=iso-2022-kr>\x0e");
    place.file("in/bad.html", b"<meta charset=utf-8><p>caf\xe9 \xc3\xa9");
    clean(&place, &["in", "-o", "out"], 3)
        .says(&["korean.html: HTML in an encoding that cannot be read; copied through unchanged"]);
    assert_eq!(place.read_text("out/latin.html.txt"), "café “a”\n");
    assert_eq!(place.read_text("out/utf16.html.txt"), "é\n");
    assert_eq!(
        place.read("out/korean.html"),
        b"<meta charset=iso-2022-kr>\x0e"
    );
    assert_eq!(place.read("out/bad.html.txt"), b"caf\xe9 \xc3\xa9\n");
    let counts = place.counts("stats");
    assert_eq!(
        (&counts["converted"], &counts["html_pages"]),
        (&json!(2), &json!(3))
    );
}

#[test]
fn a_page_larger_than_memory_allows_is_rejected_and_said() {
    let html = format!("<html>{}", "<p>a line</p>\n".repeat(20_000));
    let packed = Packing::Gzip.pack(html.as_bytes()).expect("memory");
    let place = Place::with([
        ("in/big.html", html.as_bytes()),
        ("in/good.txt", FERRY.as_bytes()),
        ("in/packed.html.gz", &packed),
    ]);
    let why = "HTML longer than --max-page-bytes (65536); rejected";
    let limit = ["--max-page-bytes", "64KiB", "--rejects", "rejects"];
    let mut arguments = vec!["in", "-o", "out"];
    arguments.extend(limit);
    for threads in ["1", "4"] {
        let mut arguments = arguments.clone();
        arguments.extend(["--threads", threads, "--overwrite"]);
        clean(&place, &arguments, 3).says(&[
            &format!("big.html:0: {why}"),
            &format!("packed.html.gz:0: {why}"),
        ]);
        assert_eq!(place.files("out").len(), 1);
        assert!(place.read_text("rejects") == [&html[..], &html].concat());
        let counts = place.counts("stats");
        assert_eq!(counts["bytes_rejected"], 2 * html.len());
        assert_eq!(counts["rows_rejected"], 0);
        assert_eq!(counts["pages"], 1);
    }
    for format in ["auto", "html"] {
        let mut arguments = vec!["-", "-q", "--no-score", "--overwrite", "--format", format];
        arguments.extend(limit);
        let outcome = place.clean_with_input(arguments, html.as_bytes()).expect(3);
        outcome.mentions(why);
        assert!(outcome.stdout.is_empty());
        assert!(place.read_text("rejects") == html);
    }
}

#[test]
fn html_in_rows_is_rendered_and_other_fields_stay() {
    let (html, lines) = ferry();
    let row = |text: &str| format!("{{\"id\": 1e2, \"text\" : {}, \"x\":[ ]}}\n", json!(text));
    let rows = [row(&html), row("<p>One</p>"), row("a <b>b</b>")].concat();
    let place = Place::with([("in.jsonl", &rows)]);
    let cleaned = |format: &str, mode: &str| {
        let arguments = [
            "in.jsonl",
            "-o",
            "-",
            "-q",
            "--no-score",
            "--format",
            "jsonl",
            "--text-format",
            format,
            "--mode",
            mode,
        ];
        let outcome = place.clean(arguments).expect(0);
        String::from_utf8(outcome.stdout).expect("UTF-8")
    };
    let expected = |third: &str| [row(&ferry_body()), row("One\n"), row(third)].concat();
    assert_eq!(cleaned("auto", "drop"), expected("a <b>b</b>"));
    assert_eq!(cleaned("html", "drop"), expected("a b\n"));
    assert_eq!(cleaned("text", "drop").lines().nth(1), rows.lines().nth(1));
    let spans = cleaned("auto", "spans");
    let first: Value = serde_json::from_str(spans.lines().next().expect("a row")).expect("JSON");
    assert_eq!(first["text"], lines);
    let repeats = first["dechaff"]["repeat"].as_array().expect("spans");
    assert!(!repeats.is_empty());
    for span in repeats {
        let at = |index: usize| span[index].as_u64().expect("an offset") as usize;
        assert!(lines[at(0)..at(1)].ends_with('\n'));
    }
}

#[test]
fn the_same_pages_as_html_and_as_text_have_the_same_template() {
    let own = |number: usize| {
        let word = |letters: &str| {
            letters
                .chars()
                .cycle()
                .nth(number)
                .unwrap_or('x')
                .to_string()
        };
        let (first, second) = (word("abcde").repeat(5), word("lmnopqr").repeat(4));
        format!("The ferry {first}{second} came in late on a day of its own.")
    };
    let menu = ["Harbour pages", "Sign in to the harbour", "All our ferries"];
    let place = Place::new();
    for number in 0..30 {
        let own = own(number);
        let lines: Vec<&str> = menu.into_iter().chain([own.as_str()]).collect();
        place.file(format!("text/p{number}.txt"), lines.join("\n") + "\n");
        let html = format!("<html>\n<div>\n  {}</div>", lines.join("</div>\n<div>\n  "));
        place.file(format!("html/p{number}.html"), html);
    }
    for (input, name) in [("text", "p7.txt"), ("html", "p7.html.txt")] {
        let out = format!("out-{input}");
        clean(&place, &[input, "-o", &out], 0);
        let kept = place.read_text(format!("{out}/{name}"));
        assert_eq!(kept, own(7) + "\n");
        std::fs::remove_file(place.path("ledger")).expect("a ledger");
        std::fs::remove_file(place.path("stats")).expect("a record");
    }
}

#[test]
fn threads_change_nothing() {
    let place = Place::new();
    for number in 0..200 {
        let html =
            format!("<html><p>Page {number}<p>A line of all<p hidden>x</p><div>&copy; {number}");
        place.file(format!("in/{}/p{number}.html", number % 3), html);
    }
    let [one, four] = ["1", "4"].map(|threads| {
        let out = format!("out{threads}");
        place
            .clean(["in", "-o", &out, "-q", "--threads", threads])
            .expect(0);
        place.files(out)
    });
    assert_eq!(one.len(), 200);
    assert_eq!(one, four);
}

#[test]
fn explain_shows_the_lines_of_a_page() {
    let html = b"<p>One &amp; two<p>Three";
    let packed = Packing::Gzip.pack(html).expect("memory");
    let place = Place::with([("page.html", &html[..]), ("page.html.gz", &packed)]);
    for name in ["page.html", "page.html.gz"] {
        let outcome = Command::new(env!("CARGO_BIN_EXE_dechaff"))
            .args(["explain", name, "--json"])
            .current_dir(place.path(""))
            .output()
            .expect("a program that runs");
        let shown: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
        assert_eq!(shown["lines"][0]["text"], "One & two");
        assert_eq!(shown["lines"][1]["n"], 2);
    }
}

/// A page whose text says little of what is furniture; its markup does.
const MARKED_UP: &str = "<html><body><nav class='main-menu'><ul><li><a href='/a'>Tides and ferries \
    of the northern coast</a></li><li><a href='/b'>The harbour in winter and its ice</a></li></ul></nav>\
    <main><article class='post-content'><h1>Night ferry returns</h1>\
    <p>The ferry sailed at eight on Monday evening with ninety passengers and two dogs.</p>\
    <p>It will cross every night until October, she said, unless the ice comes early.</p>\
    <p>Tides and ferries of the southern coast</p></article></main>\
    <footer class='site-footer'><p>The harbour in summer and its guests</p></footer></body></html>";

/// The lines of a page with their scores, as `dechaff explain` tells them.
fn explained(place: &Place, page: &str, arguments: &[&str]) -> Vec<(String, f64)> {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("dechaff");
    command
        .current_dir(place.path("."))
        .args(["explain", page, "--json"])
        .args(arguments);
    let outcome = support::Outcome::new(command.output().expect("the program runs")).expect(0);
    let explained: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
    let lines = explained["lines"].as_array().expect("lines");
    let text = |line: &Value| line["text"].as_str().expect("text").to_owned();
    let of = |line| (text(line), line["score"].as_f64().expect("a score"));
    lines.iter().map(of).collect()
}

#[test]
fn where_a_line_stands_decides_unless_that_is_not_wanted() {
    let place = Place::with([("page.html", MARKED_UP)]);
    for model in ["fast", "accurate"] {
        let scores = explained(&place, "page.html", &["--model", model]);
        let of = |text: &str| {
            let found = scores.iter().find(|(line, _)| line == text);
            found.expect("the line is there").1
        };
        let in_menu = of("Tides and ferries of the northern coast");
        let in_article = of("Tides and ferries of the southern coast");
        assert!(in_menu > 0.8, "{model}: {in_menu}");
        assert!(
            in_article < in_menu - 0.3,
            "{model}: {in_article} and {in_menu}"
        );
        assert!(of("The harbour in summer and its guests") > 0.5, "{model}");
    }
    let unread = explained(&place, "page.html", &["--html-model", "none"]);
    let lines: Vec<&str> = unread.iter().map(|(line, _)| line.as_str()).collect();
    place.file("page.txt", lines.join("\n"));
    let as_text = explained(&place, "page.txt", &[]);
    assert_eq!(unread, as_text);
}

#[test]
fn files_and_rows_of_the_same_html_are_cleaned_alike() {
    let row = json!({"text": MARKED_UP}).to_string();
    let place = Place::with([("page.html", MARKED_UP), ("rows.jsonl", row.as_str())]);
    place.clean(["-q", "page.html", "-o", "page.txt"]).expect(0);
    place
        .clean(["-q", "rows.jsonl", "-o", "out.jsonl"])
        .expect(0);
    let row: Value = serde_json::from_str(&place.read_text("out.jsonl")).expect("JSON");
    assert_eq!(row["text"], place.read_text("page.txt"));
    assert!(
        place
            .read_text("page.txt")
            .contains("Night ferry returns\n")
    );
}

#[test]
fn a_model_of_text_is_refused_for_html_and_one_of_html_for_text() {
    const TEXT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/fast.bin");
    const HTML: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/fast-html.bin");
    let labelled = json!({"id": "1", "lines": ["A line."], "labels": [1], "gold": "A line."});
    let labelled = labelled.to_string();
    let place = Place::with([("page.html", MARKED_UP), ("gold.jsonl", &labelled)]);
    let run = |arguments: &[&str], code: i32| {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("dechaff");
        let output = command
            .current_dir(place.path("."))
            .args(arguments)
            .output();
        support::Outcome::new(output.expect("the program runs")).expect(code)
    };
    let clean = ["clean", "page.html", "-o", "page.txt", "--overwrite"];
    let says = "a model of text, which --model takes; expected one of HTML";
    let wrong = [&clean[..], &["--html-model", TEXT]].concat();
    run(&wrong, 1).mentions(says);
    for command in [
        &clean[..],
        &["explain", "page.html"],
        &["eval", "gold.jsonl"],
    ] {
        let says = "a model of HTML, which --html-model takes; expected one of text";
        run(&[command, &["--model", HTML]].concat(), 1).mentions(says);
        assert!(!place.path("page.txt").exists());
        let right = [command, &["--model", TEXT, "--html-model", HTML]].concat();
        run(&right, 0);
        std::fs::remove_file(place.path("page.txt")).ok();
    }
    run(&["eval", "gold.jsonl", "--beside", HTML], 1).mentions("which --html-model takes");
    run(
        &[
            "clean",
            "page.html",
            "-o",
            "a.txt",
            "-q",
            "--html-model",
            HTML,
        ],
        0,
    );
    place.clean(["-q", "page.html", "-o", "b.txt"]).expect(0);
    assert_eq!(place.read_text("a.txt"), place.read_text("b.txt"));
}
