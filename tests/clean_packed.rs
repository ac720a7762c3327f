//! `dechaff clean` on gzip and zstd: text, HTML and JSON lines, whole and damaged.
#![cfg(feature = "cli")]

mod support;

use std::path::Path;

use dechaff::pipeline::{self, PassOne, Progress, RunOptions, SideFiles, index_corpus};
use dechaff::sink::discard::Discard;
use dechaff::source::FileEntry;
use dechaff::source::inputs::{Input, InputFormat, Inputs};
use dechaff::source::packed::Packing;
use dechaff::{Cleaner, Config};
use serde_json::json;
use support::{FERRY, FERRY_BODY, Numbers, PLAIN, Place, rebuild, unpacked};

const BOTH: [(Packing, &str); 2] = [(Packing::Gzip, "gz"), (Packing::Zstd, "zst")];

fn pack(packing: Packing, bytes: &[u8]) -> Vec<u8> {
    packing.pack(bytes).expect("memory")
}

/// Packs in several members or frames, cut anywhere.
fn pack_in_pieces(packing: Packing, bytes: &[u8]) -> Vec<u8> {
    let pieces = bytes.chunks(bytes.len() / 3 + 1);
    pieces.flat_map(|piece| pack(packing, piece)).collect()
}

fn unpack(packing: Packing, bytes: Vec<u8>) -> String {
    assert_eq!(Packing::told(&bytes), Some(packing), "packed as the input");
    String::from_utf8(unpacked(bytes)).expect("UTF-8")
}

fn rows() -> String {
    let mut numbers = Numbers::new(3);
    (0..3000)
        .map(|number| {
            let words = ["harbour", "morning", "winter", "ferry", "keeper"];
            let tail = (0..numbers.below(40)).map(|_| numbers.pick(&words));
            let tail = tail.collect::<Vec<_>>().join(" ");
            json!({"id": number, "text": format!("{FERRY}Row {number}: {tail}.\n")}).to_string()
                + "\n"
        })
        .collect()
}

#[test]
fn a_packed_tree_comes_out_as_the_plain_one_packed() {
    let html = format!("<html><p>{}", FERRY.trim().replace('\n', "<p>"));
    let rows = rows();
    let files = [
        ("page.txt", FERRY),
        ("page.html", &html),
        ("rows.jsonl", &rows),
    ];
    let place = Place::with(files.map(|(name, text)| (format!("plain/{name}"), text)));
    for (packing, ending) in BOTH {
        for (name, text) in files {
            let bytes = pack_in_pieces(packing, text.as_bytes());
            place.file(format!("{ending}/{name}.{ending}"), bytes);
        }
    }
    place.clean_unscored(&["plain", "-o", "out-plain"], 0);
    let counts = place.counts("stats");
    let ledger = place.read_text("ledger");
    for (packing, ending) in BOTH {
        for threads in ["1", "3"] {
            let out = format!("out-{ending}-{threads}");
            place
                .clean_unscored(&[ending, "-o", &out, "--threads", threads], 0)
                .says(&[]);
            for (name, file) in place.files("out-plain") {
                let name = name.to_str().expect("UTF-8");
                let packed = place.read(format!("{out}/{name}.{ending}"));
                assert_eq!(unpack(packing, packed).as_bytes(), file, "{name}");
            }
            assert_eq!(place.files(&out).len(), files.len());
            let found = place.counts("stats");
            for field in ["pages", "lines", "bytes_in", "bytes_kept", "html_pages"] {
                assert_eq!(found[field], counts[field], "{field}");
            }
            let unpacked = place.read_text("ledger").replace(&format!(".{ending}"), "");
            assert_eq!(unpacked, ledger);
        }
        let [one, three] = ["1", "3"].map(|threads| place.files(format!("out-{ending}-{threads}")));
        assert_eq!(one, three, "the same bytes for any number of threads");
    }
}

#[test]
fn packed_files_and_streams_stand_alone_too() {
    for (packing, ending) in BOTH {
        let bytes = pack(packing, FERRY.as_bytes());
        let name = format!("page.txt.{ending}");
        // The name does not matter where the file is the input.
        for name in [&name, "page"] {
            let place = Place::with([(name, &bytes)]);
            place.clean_unscored(&[name, "-o", "out"], 0);
            assert_eq!(unpack(packing, place.read("out")), FERRY_BODY);
        }
        let arguments = ["-", "-q", "--no-score"];
        let outcome = Place::new().clean_with_input(arguments, &bytes).expect(0);
        assert_eq!(unpack(packing, outcome.stdout), FERRY_BODY);
        let row = format!("{}\n", json!({ "text": FERRY }));
        let bytes = pack(packing, row.as_bytes());
        let arguments = ["-", "-q", "--no-score", "--format", "jsonl"];
        let outcome = Place::new().clean_with_input(arguments, &bytes).expect(0);
        let expected = format!("{}\n", json!({ "text": FERRY_BODY }));
        assert_eq!(unpack(packing, outcome.stdout), expected);
    }
}

#[test]
fn one_output_is_packed_as_its_name_says() {
    let row = format!("{}\n", json!({ "text": FERRY }));
    let cleaned_row = format!("{}\n", json!({ "text": FERRY_BODY }));
    for (packing, ending) in BOTH {
        for (input, bytes, expected) in [
            ("page.txt", FERRY.as_bytes().to_vec(), FERRY_BODY),
            ("page.txt", Vec::new(), ""),
            ("rows.jsonl", row.as_bytes().to_vec(), &cleaned_row),
            (
                "page.txt.gz",
                pack(Packing::Gzip, FERRY.as_bytes()),
                FERRY_BODY,
            ),
            (
                "page.txt.zst",
                pack(Packing::Zstd, FERRY.as_bytes()),
                FERRY_BODY,
            ),
        ] {
            let place = Place::with([(input, &bytes)]);
            let output = format!("out.{ending}");
            place.clean_unscored(&[input, "-o", &output], 0);
            assert_eq!(unpack(packing, place.read(&output)), expected, "{input}");
            if Packing::told(&bytes).is_none() {
                let arguments = ["-", "-o", &output, "-q", "--no-score", "--overwrite"];
                let format = if input == "rows.jsonl" {
                    "jsonl"
                } else {
                    "auto"
                };
                let arguments = [&arguments[..], &["--format", format]].concat();
                place.clean_with_input(arguments, &bytes).expect(0);
                assert_eq!(unpack(packing, place.read(&output)), expected, "{input}");
            }
        }
    }
}

#[test]
fn an_output_that_follows_its_input_unsaid_by_its_name_is_noted() {
    let place = Place::with([("page.txt.gz", pack(Packing::Gzip, FERRY.as_bytes()))]);
    let note = "out.txt: note: packed with gzip, as its input is";
    let run = |output| {
        place
            .clean(["page.txt.gz", "-o", output, "--no-score"])
            .expect(0)
    };
    run("out.txt").mentions(note);
    for output in ["out.gz", "out"] {
        assert!(!run(output).stderr.contains("note:"), "{output}");
    }
}

#[test]
fn an_empty_page_stays_one() {
    for (packing, ending) in BOTH {
        let place = Place::with([(format!("in/a.txt.{ending}"), pack(packing, b""))]);
        place.clean_unscored(&["in", "-o", "out"], 0);
        assert_eq!(
            unpack(packing, place.read(format!("out/a.txt.{ending}"))),
            ""
        );
    }
}

#[test]
fn rows_before_a_cut_are_kept_and_the_half_one_is_rejected() {
    let rows = rows();
    for (packing, ending) in BOTH {
        let packed = pack(packing, rows.as_bytes());
        let end = packed.len() - 200;
        let name = format!("rows.jsonl.{ending}");
        let place = Place::with([(format!("in/{name}"), &packed[..end])]);
        place.file("in/good.txt", PLAIN);
        let outcome = place.clean_unscored(&["in", "-o", "out"], 3);
        outcome.mentions(&format!("{} data is cut at byte {end}", packing.word()));
        let kept = unpack(packing, place.read(format!("out/{name}")));
        let kept = kept.lines().count();
        assert!(kept > 1000 && kept < 3000, "{kept}");
        let half = place.read_text("rejects");
        let half = half.trim_end();
        let whole: String = rows.split_inclusive('\n').take(kept).collect();
        let at = whole.len();
        assert!(rows[at..].starts_with(half) && !half.contains('\n'));
        outcome.mentions(&format!("{name}:{at}: "));
        assert_eq!(place.read_text("out/good.txt"), PLAIN);
        place.counts("stats");
    }
}

#[test]
fn lines_before_a_cut_are_kept() {
    let text: String = (0..20_000)
        .map(|number| format!("Line {number} of it\n"))
        .collect();
    for (packing, ending) in BOTH {
        let packed = pack(packing, text.as_bytes());
        for size in ["64KiB", "64MiB"] {
            let name = format!("page.txt.{ending}");
            let place = Place::with([(&name, &packed[..packed.len() - 9])]);
            let arguments = [&name[..], "-o", "out", "--max-page-bytes", size];
            place
                .clean_unscored(&arguments, 3)
                .mentions("data is cut at byte");
            let whole = rebuild(
                &unpack(packing, place.read("out")).into_bytes(),
                &place.ledger("ledger"),
            );
            let rejected = place.read("rejects");
            let rejected = rejected.trim_ascii_end();
            assert!(whole.ends_with(b"\n") && whole.len() > text.len() / 2);
            assert_eq!(&text.as_bytes()[..whole.len()], whole);
            assert!(text.as_bytes()[whole.len()..].starts_with(rejected));
            place.counts("stats");
        }
    }
}

#[test]
fn what_is_cut_before_its_first_line_comes_out_empty() {
    // Bytes that do not pack, so that a cut leaves no line.
    let mut numbers = Numbers::new(5);
    let long: String = (0..4000)
        .map(|_| numbers.pick(&["ab", "cde", "f ", "gh"]))
        .collect();
    let row = format!("{}\n", json!({ "text": long }));
    for (packing, ending) in BOTH {
        let cut = |text: &str, end: usize| pack(packing, text.as_bytes())[..end].to_vec();
        // More than a block, so that something comes out by which it is told.
        let mut binary = b"\x89PNG\r\n\x1a\n\0\0\0".to_vec();
        binary.extend((0..400_000).map(|_| 128 + numbers.below(128) as u8));
        let binary = pack(packing, &binary);
        let files = [
            ("a.txt", cut(&long, 1000)),
            ("b.txt", cut(FERRY, 6)),
            ("c.jsonl", cut(&row, 1000)),
            ("d.html", cut(&format!("<html><p>{long}"), 12)),
            ("e.png", binary[..binary.len() / 2].to_vec()),
        ];
        let place = Place::with(
            files
                .iter()
                .map(|(name, bytes)| (format!("in/{name}.{ending}"), bytes)),
        );
        for threads in ["1", "4"] {
            let arguments = ["in", "-o", "out", "--mode", "spans", "--threads", threads];
            let outcome = place.clean_unscored(&arguments, 3);
            assert_eq!(outcome.stderr.lines().count(), files.len());
            let out = place.files("out");
            let names: Vec<&str> = out.keys().filter_map(|name| name.to_str()).collect();
            let expected = ["a.txt", "b.txt"].into_iter().flat_map(|name| {
                [
                    format!("{name}.{ending}"),
                    format!("{name}.{ending}.spans.jsonl"),
                ]
            });
            let mut expected: Vec<String> = expected.collect();
            expected.push(format!("c.jsonl.{ending}"));
            expected.push(format!("d.html.txt.{ending}"));
            expected.push(format!("d.html.txt.{ending}.spans.jsonl"));
            assert_eq!(names, expected);
            for (name, bytes) in out {
                match Packing::told(&bytes) {
                    Some(_) => assert_eq!(unpack(packing, bytes), ""),
                    None => assert!(bytes.is_empty(), "{}", name.display()),
                }
            }
            let counts = place.counts("stats");
            assert_eq!(counts["pages"], 3);
            assert_eq!(counts["bytes_kept"], 0);
        }
    }
}

/// Adds up what is told to be done.
#[derive(Default)]
struct Heard(u64);

impl Progress for Heard {
    fn done(&mut self, bytes: u64) {
        self.0 += bytes;
    }
}

#[test]
fn progress_comes_to_the_bytes_of_the_files() {
    let rows = rows();
    let place = Place::with([("rows.jsonl", rows.as_bytes()), ("page.txt", b"A page.\n")]);
    let mut names = vec!["rows.jsonl".to_owned(), "page.txt".to_owned()];
    for (packing, ending) in BOTH {
        let name = format!("rows.jsonl.{ending}");
        place.file(&name, pack_in_pieces(packing, rows.as_bytes()));
        names.push(name);
    }
    let config = Config {
        score: false,
        ..Config::default()
    };
    let options = RunOptions::default();
    let inputs = |name: &str| {
        let file = FileEntry::new(place.path(name), name.into());
        Inputs::new(
            vec![Input::File(file)],
            InputFormat::Auto,
            options.max_page_bytes,
        )
    };
    for name in &names {
        let bytes = place.read(name).len() as u64;
        let mut heard = Heard::default();
        let pass = PassOne::default();
        index_corpus(&config, &mut inputs(name), pass, &mut heard, &options).expect("an index");
        assert_eq!(heard.0, bytes, "{name}, pass one");
        let mut heard = Heard::default();
        let cleaner = Cleaner::new(config.clone()).expect("a good config");
        let side_files = SideFiles::default();
        pipeline::clean(
            &cleaner,
            &mut inputs(name),
            &Discard,
            side_files,
            &mut heard,
            &options,
        )
        .expect("a run to its end");
        assert_eq!(heard.0, bytes, "{name}");
    }
}

#[test]
fn what_stands_behind_the_data_is_told_and_the_page_kept() {
    for (packing, ending) in BOTH {
        let mut packed = pack(packing, FERRY.as_bytes());
        let at = packed.len();
        packed.extend_from_slice(b"and more");
        let place = Place::with([(format!("in/a.txt.{ending}"), packed)]);
        let word = packing.word();
        place
            .clean_unscored(&["in", "-o", "out"], 3)
            .says(&[&format!(
                "a.txt.{ending}:{}: no {word} data from byte {at} on; what is before was cleaned",
                FERRY.len()
            )]);
        let out = place.read(format!("out/a.txt.{ending}"));
        assert_eq!(unpack(packing, out), FERRY_BODY);
    }
}

#[test]
fn of_a_damaged_file_nothing_is_written() {
    let rows = rows();
    let mut packed = pack(Packing::Gzip, rows.as_bytes());
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    let place = Place::with([("in/rows.jsonl.gz", packed)]);
    place.file("in/window.zst", b"\x28\xb5\x2f\xfd\x00\xa8\x01\0\0");
    let outcome = place.clean_unscored(&["in", "-o", "out"], 3);
    outcome.mentions("rows.jsonl.gz:");
    outcome.mentions("gzip data is damaged at byte");
    outcome.mentions("zstd window of 2147483648 bytes (at most 134217728); no output written");
    assert_eq!(place.files("out").len(), 0);
    place.counts("stats");
}

#[test]
fn names_that_tell_of_another_packing_are_told() {
    let gzip = pack(Packing::Gzip, FERRY.as_bytes());
    let place = Place::with([
        ("in/a.txt.zst", &gzip[..]),
        ("in/b.txt.gz", PLAIN.as_bytes()),
        ("in/c.txt", &gzip),
        ("in/d.txt.gz", &pack(Packing::Gzip, &gzip)),
    ]);
    place.clean_unscored(&["in", "-o", "out"], 3).says(&[
        "a.txt.zst: named as zstd, but holds gzip; read as gzip",
        "b.txt.gz: named as gzip, but holds plain bytes; read as plain bytes",
        "c.txt: gzip, but its name does not end in .gz or .zst; skipped",
        "d.txt.gz: gzip inside gzip; skipped",
    ]);
    let out = place.files("out");
    assert_eq!(
        unpack(Packing::Gzip, out[Path::new("a.txt.zst")].clone()),
        FERRY_BODY
    );
    assert_eq!(out[Path::new("b.txt.gz")], PLAIN.as_bytes());
    assert_eq!(out.len(), 2);
}
