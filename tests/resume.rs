//! Runs that are killed, stopped or refused, and gone on with: what comes out is what a run
//! without a break writes, byte for byte.
//!
//! `DECHAFF_KILLS=200` sets how many moments each kind of run is killed at.
#![cfg(all(unix, feature = "cli"))]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use support::{Outcome, Place};

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
    let wanted = std::env::var("DECHAFF_KILLS").ok();
    wanted.map_or(20, |kills| kills.parse().expect("a number of kills"))
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

/// What a run is killed over: inputs, and the arguments that say where its outputs go.
struct Case {
    place: Place,
    arguments: Vec<&'static str>,
}

/// The files that a run writes, all below `to`.
const OUTPUTS: &str = "to";

impl Case {
    fn new(arguments: &[&'static str]) -> Self {
        let place = Place::new();
        place.directory(OUTPUTS);
        let common = ["--quiet", "--threads", "2", "--checkpoint", "0"];
        Case {
            place,
            arguments: [arguments, &common].concat(),
        }
    }

    /// Small pages in folders, a packed file, rows, and a packed file that is damaged late.
    fn tree() -> Self {
        let case = Case::new(&[
            "in",
            "-o",
            "to/out",
            "--removed",
            "to/ledger",
            "--rejects",
            "to/rejects",
            "--stats",
            "to/stats",
            "--max-page-bytes",
            "64KiB",
        ]);
        for number in 0..400 {
            let name = format!("in/site{}/p{number:04}.txt", number % 4);
            case.place.file(name, page(number));
        }
        case.place
            .file("in/site1/photo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0");
        case.place.file("in/site2/m.jsonl", rows(0..400));
        let packed = gzip(rows(400..800).as_bytes(), 50_000);
        case.place.file("in/site3/a.jsonl.gz", &packed);
        let mut damaged = packed;
        let at = damaged.len() - 5000;
        damaged[at] ^= 0x55;
        case.place.file("in/site3/b.jsonl.gz", damaged);
        case
    }

    fn rows() -> Self {
        let case = Case::new(&[
            "in.jsonl",
            "-o",
            "to/out.jsonl",
            "--removed",
            "to/ledger",
            "--rejects",
            "to/rejects",
            "--stats",
            "to/stats",
            "--max-page-bytes",
            "64KiB",
        ]);
        case.place.file("in.jsonl", rows(0..1500));
        case
    }

    fn packed() -> Self {
        let case = Case::new(&[
            "in.jsonl.gz",
            "-o",
            "to/out.jsonl.gz",
            "--removed",
            "to/ledger",
            "--rejects",
            "to/rejects",
            "--stats",
            "to/stats",
            "--max-page-bytes",
            "64KiB",
        ]);
        let packed = gzip(rows(0..1500).as_bytes(), 100_000);
        case.place.file("in.jsonl.gz", packed);
        case
    }

    /// One page, cleaned in parts, with its spans beside it.
    fn text() -> Self {
        let case = Case::new(&[
            "in.txt",
            "-o",
            "to/out.txt",
            "--mode",
            "spans",
            "--removed",
            "to/ledger",
            "--stats",
            "to/stats",
            "--max-page-bytes",
            "64KiB",
        ]);
        let text: String = (0..1500).map(page).collect();
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
        // What stands under its name is whole, whatever the moment.
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
        // Half of them are killed once more while they go on.
        is_fresh = draws.below(2) == 0;
        if is_fresh {
            resumed += 1;
            case.finish(&["--resume"], code).is(&expected, &when);
        }
    }
    if !is_fresh {
        case.finish(&["--resume"], code).is(&expected, "at the end");
    }
    assert!(killed >= kills() && resumed > 0);
    eprintln!("{killed} killed, {resumed} gone on with to the end, {ended} ended before");
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
fn a_page_in_parts_is_gone_on_with_after_any_kill() {
    kill_at_random(&Case::text(), 0, 14);
}
