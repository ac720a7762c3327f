//! `dechaff clean` in little memory: pages that cost most stay within what was asked for, and what
//! cannot be had is told.
#![cfg(all(feature = "cli", target_os = "linux"))]

mod support;

use dechaff::fingerprint::Fingerprint;
use dechaff::index::format::Kind;
use dechaff::index::keys::PageSketch;
use dechaff::index::part::{self, PageRecord};
use dechaff::index::settings::Settings;
use serde_json::json;
use support::index::{forged, with_corpus};
use support::{Outcome, Place};

/// The workable minimum, and what it may be passed by: one part in 20.
const MEMORY: &str = "128MiB";
const MOST_BYTES: u64 = (128 << 20) / 20 * 21;

/// Lines of a few bytes, all different.
fn short_lines(count: usize) -> String {
    let lines = (0..count).map(|line| format!("{:05x}\n", line * 7919 % (1 << 20)));
    lines.collect()
}

/// The run that wrote `stats` kept to [`MEMORY`]; `run` says which it was.
#[track_caller]
fn check_peak(place: &Place, run: &str) {
    let peak = place.read_json("stats")["peak_memory_bytes"].as_u64();
    let peak = peak.expect("it is known");
    assert!(peak <= MOST_BYTES, "{peak} bytes, {run}");
}

/// Cleans on so many threads within [`MEMORY`]; what was written.
fn clean_in_memory(input: &str, bytes: &str, threads: &str, code: i32) -> Vec<u8> {
    let place = Place::with([(input, bytes)]);
    let arguments = [
        input,
        "-o",
        "out",
        "-q",
        "--stats",
        "stats",
        "--threshold",
        "1",
    ];
    let more = ["--threads", threads, "--max-memory", MEMORY];
    place.clean(arguments.iter().chain(&more)).expect(code);
    check_peak(&place, &format!("{threads} threads"));
    place.read("out")
}

#[test]
fn a_page_of_short_lines() {
    // All at once they would take more.
    let page = short_lines(300_000);
    for threads in ["1", "8"] {
        let output = clean_in_memory("page.txt", &page, threads, 0);
        assert!(output == page.as_bytes(), "{threads} threads");
    }
}

#[test]
fn rows_of_pages_of_short_lines() {
    let row = |count: usize| json!({"text": short_lines(count), "url": "http://a.example/"});
    let rows = [20_000, 65_000, 3, 65_000, 60_000].map(|count| row(count).to_string());
    let rows = rows.join("\n") + "\n";
    let output = clean_in_memory("rows.jsonl", &rows, "8", 0);
    // The pages of one site begin alike, so lines go, but no row does.
    assert_eq!(output.iter().filter(|&&byte| byte == b'\n').count(), 5);
}

#[test]
fn rows_of_two_bytes_each_of_which_is_a_problem() {
    let output = clean_in_memory("rows.jsonl", &"x\n".repeat(800_000), "8", 3);
    assert_eq!(output, b"");
}

#[test]
fn a_page_of_html_of_short_blocks() {
    let page = short_lines(250_000).replace('\n', "<p>");
    let html = format!("<html><body><p>{page}</body></html>");
    assert!(html.len() < 4 << 20);
    let output = clean_in_memory("page.html", &html, "8", 0);
    assert_eq!(output.len(), 1_500_000);
}

#[test]
fn what_is_written_beside_the_text_of_a_page_in_parts_and_of_pages_of_an_archive() {
    let page = short_lines(300_000);
    let mut tar = tar::Builder::new(Vec::new());
    for number in 0..5 {
        let text = &page.as_bytes()[..360_000];
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, format!("{number}.txt"), text)
            .expect("memory");
    }
    let tar = tar.into_inner().expect("memory");
    // Each row names the file.
    let name = "p".repeat(220);
    let place = Place::with([(&*name, page.as_bytes()), ("pages.tar", &tar)]);
    for input in [&*name, "pages.tar"] {
        let output = format!("{}.out", &input[..5]);
        let spans = format!("{output}.spans.jsonl");
        let mode = [
            "--mode",
            "spans",
            "--threshold",
            "0",
            "--max-memory",
            MEMORY,
        ];
        let files = [
            input,
            "-o",
            &output,
            "-q",
            "--stats",
            "stats",
            "--overwrite",
        ];
        place.clean(files.iter().chain(&mode)).expect(0);
        check_peak(&place, input);
        let spans = place.read(&spans);
        let rows = spans.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(rows, 300_000, "{input}");
    }
}

#[test]
fn one_long_line_and_what_is_longer_than_the_memory_lets_be_held() {
    let line = "tide ".repeat(4 << 20);
    let output = clean_in_memory("page.txt", &line, "8", 3);
    assert_eq!(output, line.as_bytes());
}

#[test]
fn runs_that_write_an_index_and_runs_that_have_one() {
    // Counted or cleaned as one page, it would take more.
    let page = short_lines(300_000);
    let place = Place::with([("page.txt", &page)]);
    let run = |more: &[&str]| {
        let always = ["page.txt", "-o", "out", "-q", "--threshold", "1"];
        let memory = ["--max-memory", MEMORY, "--stats", "stats", "--overwrite"];
        let arguments = [&always[..], &memory, more].concat();
        place.clean(&arguments).expect(0);
        check_peak(&place, &format!("{more:?}"));
        assert!(place.read("out") == page.as_bytes());
    };
    run(&["--write-index", "part"]);
    run(&["--index", "part"]);
    // One that was made with more memory serves as well.
    place
        .index(["build", "page.txt", "-o", "index", "-q"])
        .expect(0);
    run(&["--index", "index"]);
}

#[test]
fn an_index_is_built_in_little_memory() {
    let place = Place::with([("page.txt", short_lines(1_000_000))]);
    let always = ["page.txt", "-o", "part", "-q", "--max-memory", MEMORY];
    let part = ["--part", "1/1", "--corpus-duplicates", "1"];
    under(
        "index build",
        &place,
        262_144,
        &[&always[..], &part].concat(),
    )
    .expect(0);
}

/// Runs the program with a limit on its address space, in KiB.
fn clean_under(place: &Place, limit_kib: u32, arguments: &[&str]) -> Outcome {
    under("clean", place, limit_kib, arguments)
}

fn under(command: &str, place: &Place, limit_kib: u32, arguments: &[&str]) -> Outcome {
    let script = format!("ulimit -v {limit_kib} && exec \"$0\" {command} \"$@\"");
    place.in_shell(&script, arguments)
}

#[test]
fn a_limit_on_address_space_is_a_limit_on_memory() {
    let page = short_lines(300_000);
    let place = Place::with([("page.txt", &page)]);
    let arguments = ["page.txt", "-o", "out.txt", "-q", "--threshold", "1"];
    clean_under(&place, 200_000, &arguments).expect(0).says(&[]);
    assert_eq!(place.read_text("out.txt"), page);
}

#[test]
fn memory_that_cannot_be_had_ends_the_run_with_a_message_and_1() {
    let place = Place::with([("page.txt", short_lines(300_000))]);
    let arguments = ["page.txt", "-o", "out.txt", "-q", "--threads", "1"];
    let outcome = clean_under(&place, 62_000, &arguments).expect(1);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    outcome.mentions("address space is limited to 63488000 bytes");
    // A page that the user wants whole.
    let whole = [&arguments[..], &["--max-page-bytes", "64MiB"]].concat();
    let outcome = clean_under(&place, 120_000, &whole).expect(1);
    outcome.mentions("memory allocation of ");
    assert!(!place.path("out.txt").exists());
}

#[test]
fn threads_that_cannot_be_had_are_done_without() {
    let place = Place::with([
        ("in/a.txt", short_lines(200)),
        ("in/b.txt", short_lines(300)),
    ]);
    let arguments = ["in", "-o", "out", "-q", "--threshold", "1", "--threads"];
    let many: Vec<_> = arguments.into_iter().chain(["512"]).collect();
    clean_under(&place, 400_000, &many).expect(0).says(&[]);
    assert_eq!(place.files("out"), place.files("in"));
}

/// A part that holds one page of so many lines, as those of a run with more memory may.
fn part_of_one_page(name: &str, lines: u32) -> Vec<u8> {
    let settings = Settings {
        copies_go: true,
        ..with_corpus()
    };
    let fingerprints: Vec<Fingerprint> = (0..lines)
        .map(|line| Fingerprint::of(format!("{name} {line}").as_bytes()))
        .collect();
    let numbers: Vec<u32> = (1..=lines).collect();
    let mut records = Vec::new();
    part::put_file(0, name.as_bytes(), &mut records);
    let page = PageRecord {
        site: Some(b"site"),
        sketch: Some(PageSketch::default()),
        masked: &fingerprints,
        corpus: &fingerprints,
        numbers: &numbers,
        ..PageRecord::default()
    };
    part::put_page(&page, &mut records);
    part::put_sample(b"", &mut records);
    forged(Kind::Part, &settings, &[(part::RECORDS, records)])
}

/// Parts that take more memory than there is to be are refused before anything is written, and
/// take no more than the refusal says.
#[test]
fn long_records_of_parts_count() {
    for (command, lines) in [("merge", 1_000_000), ("freeze", 300_000)] {
        let parts = ["a", "b"].map(|name| (name, part_of_one_page(name, lines)));
        let place = Place::with(parts);
        let join = |memory: &str| {
            let arguments = [command, "a", "b", "-o", "joined", "--max-memory", memory];
            place.index(arguments)
        };
        let refused = join(MEMORY).expect(2);
        assert!(!place.path("joined").exists());
        let mib = (36 * lines).div_ceil(1 << 20);
        let says = format!("2 parts with records of up to {mib} MiB take --max-memory ");
        refused.mentions(&says);
        let least = refused.stderr.split(&says).nth(1).expect("it is said");
        let least = least.split_once("MiB").expect("a size").0;
        let least: u32 = least.parse().expect("a number");
        join(&format!("{}MiB", least - 1)).expect(2);
        // Half of a limit on address space may be held.
        let command = format!("index {command}");
        let arguments = ["a", "b", "-o", "joined"];
        under(&command, &place, 2 * least * 1024, &arguments).expect(0);
        assert!(place.path("joined").exists());
    }
}
