//! Runs that are killed, stopped or refused, and gone on with: what comes out is what a run
//! without a break writes, byte for byte.
//!
//! Some runs are killed at changes to what is on disk, one after the other; that needs a C
//! compiler, and Linux. `DECHAFF_KILLS=200` sets how many moments each kind of run is killed at, and
//! kills those runs at every change, not at one in three.
#![cfg(all(unix, feature = "cli"))]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use support::{Outcome, Place, count_from, parquet_file};

/// A reproducible stream of numbers.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's MMIX constants.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn kills() -> u64 {
    count_from("DECHAFF_KILLS", 6) as u64
}

/// A page of a site: menu, headline twice, lines of its own.
fn page(number: u64) -> String {
    let mut page = String::from("Home\nNews\nSports\nWeather\nContact the newsroom\n\n");
    let headline = format!("The council of town number {number} decides on the bridge again");
    page.push_str(&format!("{headline}\n{headline}\n\n"));
    for line in 0..6 + number % 5 {
        page.push_str(&format!(
            "In paragraph {line} of report {number} the town's engineers explain at length why \
             the bridge of {} must be closed for repairs.\n",
            1900 + number * 7 % 100
        ));
    }
    page.push_str("\nSign in to comment\nAll rights reserved\nAbout us\n");
    page
}

fn rows(range: std::ops::Range<u64>) -> String {
    range
        .map(|number| match number % 97 {
            13 => "{\"text\": not a row at all}\n".to_owned(),
            _ => {
                let row = serde_json::json!({
                    "id": number,
                    "url": format!("https://www.site{}.example/p{number}", number % 7),
                    "text": page(number),
                });
                format!("{row}\n")
            }
        })
        .collect()
}

/// gzip in members of about `member` bytes.
fn gzip(bytes: &[u8], member: usize) -> Vec<u8> {
    let mut packed = Vec::new();
    for bytes in bytes.chunks(member) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("packs");
        packed.extend(encoder.finish().expect("packs"));
    }
    packed
}

/// A record of WET.
fn record(number: u64, text: &str) -> String {
    format!(
        "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\n\
         WARC-Target-URI: https://site.example/{number}\r\n\
         WARC-Record-ID: <urn:uuid:{number}>\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n\
         Content-Length: {}\r\n\r\n{text}\r\n\r\n",
        text.len()
    )
}

/// What a run is killed over: inputs, and the arguments that say where its outputs go.
struct Case {
    place: Place,
    arguments: Vec<&'static str>,
}

/// The files that a run writes, all below `to`.
const OUTPUTS: &str = "to";

impl Case {
    /// `input` to `output`, with a ledger and a run record beside it, in small parts.
    fn new(input: &'static str, output: &'static str, more: &[&'static str]) -> Self {
        let place = Place::new();
        place.directory(OUTPUTS);
        let common = [
            input,
            "-o",
            output,
            "--removed",
            "to/ledger",
            "--stats",
            "to/stats",
            "--max-page-bytes",
            "64KiB",
            "--quiet",
            "--threads",
            "2",
            "--checkpoint",
            "0",
        ];
        Case {
            place,
            arguments: [&common, more].concat(),
        }
    }

    /// Small pages in folders, a packed file, rows, and a packed file that is damaged late.
    fn tree() -> Self {
        let case = Case::new("in", "to/out", &["--rejects", "to/rejects"]);
        for number in 0..200 {
            let name = format!("in/site{}/p{number:04}.txt", number % 4);
            case.place.file(name, page(number));
        }
        case.place
            .file("in/site1/photo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0");
        case.place.file("in/site2/m.jsonl", rows(0..150));
        let packed = gzip(rows(150..300).as_bytes(), 20_000);
        case.place.file("in/site3/a.jsonl.gz", &packed);
        let mut damaged = packed;
        let at = damaged.len() - 5000;
        damaged[at] ^= 0x55;
        case.place.file("in/site3/b.jsonl.gz", damaged);
        case
    }

    fn rows() -> Self {
        let case = Case::new("in.jsonl", "to/out.jsonl", &["--rejects", "to/rejects"]);
        case.place.file("in.jsonl", rows(0..600));
        case
    }

    fn packed() -> Self {
        let case = Case::new(
            "in.jsonl.gz",
            "to/out.jsonl.gz",
            &["--rejects", "to/rejects"],
        );
        let packed = gzip(rows(0..600).as_bytes(), 100_000);
        case.place.file("in.jsonl.gz", packed);
        case
    }

    /// Archives and WARC, each of many pages.
    fn containers() -> Self {
        let case = Case::new("in", "to/out", &[]);
        let mut tar = tar::Builder::new(Vec::new());
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let mut warc = Vec::new();
        for number in 0..200 {
            let (name, text) = (format!("site/{number}.txt"), page(number));
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, &name, text.as_bytes())
                .expect("memory");
            zip.start_file(name, zip::write::SimpleFileOptions::default())
                .expect("another name");
            zip.write_all(text.as_bytes()).expect("memory");
            warc.extend(gzip(record(number, &text).as_bytes(), usize::MAX));
        }
        let tar = tar.into_inner().expect("memory");
        let zip = zip.finish().expect("memory").into_inner();
        case.place.file("in/a.tar.gz", gzip(&tar, 50_000));
        case.place.file("in/b.zip", zip);
        case.place.file("in/c.tar", tar);
        case.place.file("in/d.wet.gz", warc);
        case
    }

    /// WET of several stretches, of which each comes to more than may be held until it is done: its
    /// letters do not pack well, and some of its bytes take six as JSON.
    fn records() -> Self {
        let more = ["--max-memory", "128MiB", "--no-score"];
        let side_files = ["--rejects", "to/rejects", "--write-index", "to/part"];
        let more = [&more[..], &side_files].concat();
        let case = Case::new("in.wet.gz", "to/out.jsonl", &more);
        let mut draws = Draws(5);
        let mut line = || -> String {
            let letters = (0..100).map(|_| char::from(b'0' + draws.below(64) as u8));
            letters.chain(['\u{1}'; 40]).chain(['\n']).collect()
        };
        let wet: String = (0..180)
            .map(|number| record(number, &(0..100).map(|_| line()).collect::<String>()))
            .collect();
        case.place.file("in.wet.gz", gzip(wet.as_bytes(), 50_000));
        case
    }

    /// Zip of many pages, one of them damaged.
    fn zip() -> Self {
        let case = Case::new("in.zip", "to/out.zip", &["--rejects", "to/rejects"]);
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        for number in 0..300 {
            zip.start_file(format!("site/{number}.txt"), stored)
                .expect("another name");
            zip.write_all(page(number).as_bytes()).expect("memory");
        }
        let mut zip = zip.finish().expect("memory").into_inner();
        let at = zip.len() / 2;
        zip[at] ^= 0x55;
        case.place.file("in.zip", zip);
        case
    }

    /// Parquet in several row groups, with rows that have no text.
    fn table() -> Self {
        let case = Case::new("in.parquet", "to/out.parquet", &["--rejects", "to/rejects"]);
        let texts = (0..400).map(|number| (number % 9 != 4).then(|| page(number)));
        let urls =
            (0..400).map(|number| format!("https://www.site{}.example/{number}", number % 7));
        let columns: [(&str, ArrayRef); 2] = [
            ("text", Arc::new(StringArray::from_iter(texts))),
            ("url", Arc::new(StringArray::from_iter_values(urls))),
        ];
        let table = RecordBatch::try_from_iter(columns).expect("a table");
        let properties = WriterProperties::builder()
            .set_compression(parquet::basic::Compression::SNAPPY)
            .set_max_row_group_row_count(Some(60))
            .build();
        case.place
            .file("in.parquet", parquet_file(&[table], properties));
        case
    }

    /// One page, cleaned in parts, with its spans beside it.
    fn text() -> Self {
        let case = Case::new("in.txt", "to/out.txt", &["--mode", "spans"]);
        let text: String = (0..600).map(page).collect();
        case.place.file("in.txt", text);
        case
    }

    fn arguments(&self, more: &[&'static str]) -> Vec<&'static str> {
        [&self.arguments[..], more].concat()
    }

    /// Runs to the end; what was written.
    #[track_caller]
    fn finish(&self, more: &[&'static str], code: i32) -> Written {
        self.place.clean(self.arguments(more)).expect(code);
        self.written()
    }

    fn written(&self) -> Written {
        let mut files = self.place.files(OUTPUTS);
        let stats = files.remove(Path::new("stats")).expect("a run record");
        let stats: Value = serde_json::from_slice(&stats).expect("JSON");
        Written {
            files,
            counts: stats["counts"].clone(),
        }
    }

    fn start(&self, more: &[&'static str]) -> Child {
        self.place
            .process(self.arguments(more))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts")
    }

    fn clear(&self) {
        std::fs::remove_dir_all(self.place.path(OUTPUTS)).expect("can be deleted");
        self.place.directory(OUTPUTS);
    }
}

/// All that a run wrote.
#[derive(Debug, PartialEq)]
struct Written {
    files: BTreeMap<PathBuf, Vec<u8>>,
    counts: Value,
}

impl Written {
    #[track_caller]
    fn is(&self, expected: &Written, when: &str) {
        let names = |written: &Written| written.files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(expected), "{when}");
        for (name, bytes) in &self.files {
            assert!(
                bytes == &expected.files[name],
                "{when}: {} differs",
                name.display()
            );
        }
        assert_eq!(self.counts, expected.counts, "{when}");
    }
}

/// What stands under its name is whole, whatever the moment.
#[track_caller]
fn is_whole(case: &Case, expected: &Written, when: &str) {
    for (name, bytes) in case.place.files(OUTPUTS) {
        let is_hidden = name
            .iter()
            .any(|part| part.as_encoded_bytes().starts_with(b".dechaff-"));
        if !is_hidden && name != Path::new("stats") {
            let whole = expected.files.get(&name);
            assert!(
                whole == Some(&bytes),
                "{when}: {} is no whole file",
                name.display()
            );
        }
    }
}

/// Kills runs at random moments, going on each time, until `kills` were killed.
fn kill_at_random(case: &Case, code: i32, seed: u64) {
    let begun = Instant::now();
    let expected = case.finish(&[], code);
    let usual = begun.elapsed().as_micros() as u64;
    let mut draws = Draws(seed);
    let (mut killed, mut resumed, mut ended) = (0, 0, 0);
    let mut is_fresh = true;
    while killed < kills() {
        if is_fresh {
            case.clear();
        }
        let more: &[&str] = if is_fresh { &[] } else { &["--resume"] };
        let mut child = case.start(more);
        std::thread::sleep(Duration::from_micros(draws.below(usual)));
        let was_running = child.try_wait().expect("can be waited for").is_none();
        child.kill().expect("can be killed");
        let status = child.wait().expect("can be waited for");
        let when = format!("seed {seed}, kill {killed}, {} left out", ended);
        if let Some(found) = status.code() {
            assert_eq!(found, code, "{when}");
            ended += 1;
            case.written().is(&expected, &when);
            is_fresh = true;
            continue;
        }
        assert!(was_running);
        killed += 1;
        is_whole(case, &expected, &when);
        // Half of them are killed once more while they go on.
        is_fresh = draws.below(2) == 0;
        if is_fresh {
            resumed += 1;
            case.finish(&["--resume"], code).is(&expected, &when);
        }
    }
    if !is_fresh {
        resumed += 1;
        case.finish(&["--resume"], code).is(&expected, "at the end");
    }
    assert!(killed >= kills() && resumed > 0);
    #[allow(clippy::print_stderr)]
    if std::env::var_os("DECHAFF_KILLS").is_some() {
        eprintln!("{killed} killed, {resumed} gone on with to the end, {ended} ended before");
    }
}

/// Makes the library that kills a run at a call, in a place; None, said aloud, where that cannot be
/// done.
fn killer(place: &Place) -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        support::skip("runs are killed at every write on Linux only");
        return None;
    }
    let library = place.path("kill_at.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/kill_at.c");
    let made = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    let is_made = made.is_ok_and(|status| status.success());
    if !is_made {
        support::skip("no C compiler here: no run is killed at every write");
    }
    is_made.then_some(library)
}

/// How far apart at most the changes are at which runs are killed unless all are asked for, which takes
/// minutes. The distance varies, so that no step that comes again and again is always met alike.
const CHANGES_APART: usize = 5;

/// Kills a run at a change to what is on disk, then one at a later change, and so on until one
/// ends; goes on with each, and kills every third once more while it goes on.
fn kill_at_every_write(case: &Case, code: i32) {
    let tools = Place::new();
    let Some(library) = killer(&tools) else {
        return;
    };
    let expected = case.finish(&[], code);
    let run = |at: usize, more: &[&'static str]| {
        let mut command = case.place.process(case.arguments(more));
        command.env("LD_PRELOAD", &library);
        command.env("KILL_AT", at.to_string());
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null());
        let status = silent.stderr(Stdio::null()).status();
        status.expect("the program runs").code()
    };
    let most_apart = match std::env::var_os("DECHAFF_KILLS") {
        Some(_) => 1,
        None => CHANGES_APART,
    };
    let (mut killed, mut at) = (0, 1);
    loop {
        case.clear();
        let when = format!("killed at change {at}");
        if let Some(found) = run(at, &[]) {
            assert_eq!(found, code, "{when}: not killed");
            case.written().is(&expected, &when);
            break;
        }
        killed += 1;
        is_whole(case, &expected, &when);
        if killed % 3 == 0 && run(1 + killed / 3 % 20, &["--resume"]).is_none() {
            is_whole(case, &expected, &when);
        }
        case.finish(&["--resume"], code).is(&expected, &when);
        at += 1 + killed % most_apart;
    }
    assert!(killed > 20, "{killed} killed: the library had no say");
}

#[test]
fn a_tree_is_gone_on_with_after_a_kill_at_any_write() {
    let case = Case::new("in", "to/out", &["--rejects", "to/rejects"]);
    for number in 0..6 {
        let name = format!("in/site{}/p{number}.txt", number % 2);
        case.place.file(name, page(number));
    }
    case.place.file("in/site1/m.jsonl", rows(0..120));
    let mut damaged = gzip(rows(120..240).as_bytes(), 20_000);
    let at = damaged.len() - 3000;
    damaged[at] ^= 0x55;
    case.place.file("in/site1/n.jsonl.gz", damaged);
    kill_at_every_write(&case, 3);
}

#[test]
fn rows_are_gone_on_with_after_a_kill_at_any_write() {
    let side_files = ["--rejects", "to/rejects", "--write-index", "to/part"];
    let case = Case::new("in.jsonl", "to/out.jsonl", &side_files);
    case.place.file("in.jsonl", rows(0..250));
    kill_at_every_write(&case, 3);
}

#[test]
fn records_are_gone_on_with_after_a_kill_at_any_write() {
    kill_at_every_write(&Case::records(), 0);
}

#[test]
fn a_tree_is_gone_on_with_after_any_kill() {
    kill_at_random(&Case::tree(), 3, 11);
}

#[test]
fn rows_are_gone_on_with_after_any_kill() {
    kill_at_random(&Case::rows(), 3, 12);
}

#[test]
fn packed_rows_are_gone_on_with_after_any_kill() {
    kill_at_random(&Case::packed(), 3, 13);
}

#[test]
fn containers_are_gone_on_with_after_any_kill() {
    kill_at_random(&Case::containers(), 0, 15);
}

#[test]
fn zip_is_gone_on_with_after_any_kill() {
    kill_at_random(&Case::zip(), 3, 16);
}

#[test]
fn parquet_is_gone_on_with_after_any_kill() {
    kill_at_random(&Case::table(), 0, 17);
}

#[test]
fn a_page_in_parts_is_gone_on_with_after_any_kill() {
    kill_at_random(&Case::text(), 0, 14);
}

/// A run that was killed in its second half, with checkpoints.
fn killed(case: &Case) {
    case.clear();
    let begun = Instant::now();
    case.finish(&[], 3);
    let usual = begun.elapsed();
    for attempt in 1..=20 {
        case.clear();
        let mut child = case.start(&[]);
        std::thread::sleep(usual * 3 / 4 - usual * attempt / 40);
        child.kill().expect("can be killed");
        let was_killed = child.wait().expect("can be waited for").code().is_none();
        let has_begun = case
            .place
            .path("to/out/.dechaff-resume/checkpoint.json")
            .exists();
        if was_killed && has_begun {
            return;
        }
    }
    panic!("no run could be killed in its middle");
}

#[track_caller]
fn refused(case: &Case, arguments: &[&'static str], reason: &str) {
    let before = case.place.tree("");
    let outcome = case.place.clean(arguments);
    assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
    outcome.mentions(reason);
    assert!(case.place.tree("") == before, "{arguments:?}: written to");
}

#[test]
fn a_stopped_run_is_gone_on_with_by_the_same_command_over_the_same_inputs_only() {
    let case = Case::tree();
    let expected = case.finish(&[], 3);
    killed(&case);
    let run = &case.arguments[..];
    refused(
        &case,
        run,
        "go on with it by --resume, or begin anew by --overwrite",
    );
    let with = |more: &[&'static str]| [run, &["--resume"], more].concat();
    refused(
        &case,
        &with(&["--threshold", "0.4"]),
        "--threshold was \"auto\", is \"0.4\"",
    );
    refused(
        &case,
        &with(&["--no-score"]),
        "--no-score was \"false\", is \"true\"",
    );
    refused(&case, &with(&["--site", "none"]), "--site was");
    // Another input, one less, one that was changed: each is named.
    let place = &case.place;
    place.file("in/site0/p9999.txt", "A page that was not there.\n");
    refused(&case, &with(&[]), "in/site0/p9999.txt is new or changed");
    std::fs::remove_file(place.path("in/site0/p9999.txt")).expect("can be deleted");
    std::fs::rename(place.path("in/site3"), place.path("away")).expect("can be renamed");
    refused(&case, &with(&[]), "files were read");
    std::fs::rename(place.path("away"), place.path("in/site3")).expect("can be renamed");
    let last = place.path("in/site3/p0199.txt");
    let changed = File::options().append(true).open(&last).expect("opens");
    let time = changed
        .metadata()
        .and_then(|found| found.modified())
        .expect("a time");
    changed
        .set_modified(time + Duration::from_secs(1))
        .expect("can be set");
    refused(&case, &with(&[]), "in/site3/p0199.txt is new or changed");
    changed.set_modified(time).expect("can be set");
    // Threads, memory and checkpoints are nobody's settings.
    let more = ["--resume", "--max-memory", "1GiB", "--overwrite"];
    case.finish(&more, 3).is(&expected, "gone on with");
}

#[test]
fn a_killed_run_is_swept_where_another_begins() {
    let case = Case::tree();
    let expected = case.finish(&[], 3);
    killed(&case);
    case.finish(&["--overwrite"], 3).is(&expected, "begun anew");
}

#[test]
fn resume_without_a_stopped_run_begins_one_or_is_refused() {
    let case = Case::tree();
    let expected = case.finish(&["--resume"], 3);
    // A run that has ended has nothing left to do, and says what it said.
    case.finish(&["--resume"], 3).is(&expected, "once more");
    let other = case.arguments(&["--resume", "--no-score"]);
    refused(&case, &other, "has ended, with other settings or inputs");
    case.place.file("full/mine.txt", "Mine.\n");
    let other = ["in", "-o", "full", "--resume"];
    refused(&case, &other, "full is not empty and holds no stopped run");
    std::fs::remove_file(case.place.path("to/ledger")).expect("can be deleted");
    std::fs::remove_file(case.place.path("to/rejects")).expect("can be deleted");
    std::fs::remove_file(case.place.path("to/stats")).expect("can be deleted");
    std::fs::remove_dir_all(case.place.path("to/out")).expect("can be deleted");
    case.place.directory("to/out");
    case.finish(&["--resume"], 3)
        .is(&expected, "in an empty directory");

    for arguments in [
        &["in", "-o", "-", "--resume"][..],
        &["in", "--dry-run", "--resume"],
        &["in.txt", "-o", "/dev/null", "--resume"],
    ] {
        case.place.file("in.txt", page(1));
        refused(
            &case,
            arguments,
            "--resume goes on with an output file or directory",
        );
    }
    case.place.file("mine.txt", "Mine.\n");
    refused(
        &case,
        &["in.txt", "-o", "mine.txt", "--resume"],
        "mine.txt exists",
    );
}

#[test]
fn the_output_of_a_stopped_run_is_no_input() {
    let case = Case::tree();
    killed(&case);
    refused(
        &case,
        &["to/out", "-o", "other"],
        "is the output of a run that was stopped",
    );
}

/// Waits until a run has written something.
fn wait_until(name: &str, has_come: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !has_come() {
        assert!(Instant::now() < deadline, "{name} never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn wait_for(case: &Case, name: &str) {
    wait_until(name, || case.place.path(name).exists());
}

fn send(child: &Child, signal: &str) {
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "kill runs");
}

#[test]
fn two_runs_to_one_output_exclude_each_other() {
    for case in [Case::tree(), Case::rows()] {
        let mut child = case.start(&[]);
        // What is first written where a run holds its lock.
        wait_until("run.json", || {
            let tree = case.place.tree(OUTPUTS);
            tree.into_keys().any(|name| name.ends_with("run.json"))
        });
        send(&child, "-STOP");
        // The lock is held by a run that does not even move.
        for more in [&[][..], &["--resume"], &["--overwrite"]] {
            let outcome = case.place.clean(case.arguments(more)).expect(1);
            outcome.mentions("locked by another run");
        }
        // A dead run holds nothing.
        child.kill().expect("can be killed");
        child.wait().expect("can be waited for");
        case.finish(&["--resume"], 3);
    }
}

#[test]
fn a_run_that_a_signal_stopped_is_gone_on_with() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let case = Case::tree();
        let expected = case.finish(&[], 3);
        case.clear();
        let mut child = case.start(&[]);
        wait_for(&case, "to/out/.dechaff-resume/checkpoint.json");
        send(&child, signal);
        let status = child.wait().expect("can be waited for");
        assert_eq!(status.code(), Some(code));
        case.finish(&["--resume"], 3).is(&expected, signal);
    }
}

#[test]
fn a_run_that_a_full_disk_stopped_is_gone_on_with() {
    // A limit on the size of files fails where a full disk does: in the ledger, the output, or
    // what is written of the state.
    let case = Case::rows();
    let expected = case.finish(&[], 3);
    for blocks in ["4", "100", "200", "400"] {
        case.clear();
        let program = case.place.process([""; 0]);
        let script = format!("ulimit -f {blocks} && exec \"$0\" clean \"$@\"");
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .arg(program.get_program())
            .args(&case.arguments)
            .current_dir(case.place.path(""))
            .stdin(Stdio::null())
            .output()
            .expect("a shell runs");
        Outcome::new(output).expect(1).mentions("to/");
        assert!(!case.place.path("to/out.jsonl").exists());
        case.finish(&["--resume"], 3).is(&expected, blocks);
    }
}

#[test]
fn what_was_done_of_a_large_file_is_not_done_again() {
    let case = Case::rows();
    let expected = case.finish(&[], 3);
    case.clear();
    let mut child = case.start(&[]);
    let record = || {
        let folders = std::fs::read_dir(case.place.path(OUTPUTS)).expect("can be read");
        folders.flatten().find_map(|folder| {
            let record = std::fs::read(folder.path().join("checkpoint.json")).ok()?;
            let record: Value = serde_json::from_slice(&record).expect("JSON");
            (record["jobs"].as_u64()? >= 3).then_some((folder.path(), record))
        })
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while record().is_none() {
        assert!(Instant::now() < deadline, "no checkpoint came");
    }
    child.kill().expect("can be killed");
    child.wait().expect("can be waited for");
    let (folder, record) = record().expect("a checkpoint");
    let text = &record["open"]["text"];
    let bytes = text["bytes"].as_u64().expect("a length") as usize;
    let partial = PathBuf::from(text["path"].as_str().expect("a path"));
    assert!(bytes > 1000);
    // What lies before the checkpoint is taken as it is, what lies behind is cut off.
    let mut left = std::fs::read(&partial).expect("can be read");
    left[0] = b'!';
    left.truncate(bytes);
    left.extend_from_slice(b"half a row");
    std::fs::write(&partial, left).expect("can be written");
    let mut written = case.finish(&["--resume"], 3);
    assert!(!folder.exists() && !partial.exists());
    let out = written
        .files
        .get_mut(Path::new("out.jsonl"))
        .expect("an output");
    assert_eq!(std::mem::replace(&mut out[0], b'{'), b'!');
    written.is(&expected, "gone on with");
}
