//! `dechaff clean` on WARC and WET: whole, packed, damaged and hostile.
#![cfg(feature = "cli")]

mod support;

use dechaff::source::packed::Packing;
use serde_json::{Value, json};
use support::{FERRY, FERRY_BODY, Numbers, Outcome, PLAIN, Place, count_from, rebuild, unpacked};

const CONVERSION: &str = "conversion";
const RESPONSE: &str = "response";

/// A record with its two line ends.
fn record(kind: &str, number: usize, more: &str, block: &[u8]) -> Vec<u8> {
    let head = format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: https://example.com/{number}\r\n\
         WARC-Date: 2024-05-01T10:00:0{}Z\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n{more}\
         Content-Length: {}\r\n\r\n",
        number % 10,
        block.len()
    );
    [head.as_bytes(), block, b"\r\n\r\n"].concat()
}

fn wet(number: usize, text: &str) -> Vec<u8> {
    let more = "Content-Type: text/plain\r\n";
    record(CONVERSION, number, more, text.as_bytes())
}

fn answer(number: usize, http: &str, body: &[u8]) -> Vec<u8> {
    let block = [http.replace('\n', "\r\n").as_bytes(), b"\r\n\r\n", body].concat();
    let more = "Content-Type: application/http; msgtype=response\r\n";
    record(RESPONSE, number, more, &block)
}

const HTML_OK: &str = "HTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8";

fn info() -> Vec<u8> {
    record(
        "warcinfo",
        0,
        "Content-Type: application/warc-fields\r\n",
        b"software: x\r\n",
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    Packing::Gzip.pack(bytes).expect("memory")
}

fn gunzip(bytes: Vec<u8>) -> Vec<u8> {
    assert_eq!(Packing::told(&bytes), Some(Packing::Gzip));
    unpacked(bytes)
}

/// Runs `clean` without scores; the counts add up.
fn clean(place: &Place, arguments: &[&str], code: i32) -> Outcome {
    let outcome = place.clean_unscored(arguments, code);
    place.counts("stats");
    outcome
}

fn rows(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    text.lines()
        .map(|row| serde_json::from_str(row).expect("JSON"))
        .collect()
}

fn texts(bytes: &[u8]) -> Vec<String> {
    let text = |row: &Value| row["text"].as_str().expect("text").to_owned();
    rows(bytes).iter().map(text).collect()
}

#[test]
fn a_wet_file_becomes_rows() {
    let file = [info(), wet(1, FERRY), wet(2, PLAIN)].concat();
    let place = Place::with([("a.warc.wet", &file)]);
    clean(&place, &["a.warc.wet", "-o", "out"], 0).says(&[]);
    let expected = [
        json!({"id": "<urn:uuid:1>", "url": "https://example.com/1",
               "date": "2024-05-01T10:00:01Z", "text": FERRY_BODY}),
        json!({"id": "<urn:uuid:2>", "url": "https://example.com/2",
               "date": "2024-05-01T10:00:02Z", "text": PLAIN}),
    ];
    assert_eq!(rows(&place.read("out")), expected);
    let ledger = place.ledger("ledger");
    assert!(ledger.iter().all(|row| row.page == "a.warc.wet#2"));
    assert_eq!(rebuild(FERRY_BODY.as_bytes(), &ledger), FERRY.as_bytes());
    let told = rows(&place.read("ledger"));
    assert!(told.iter().all(|row| row["id"] == "<urn:uuid:1>"));
    let counts = place.counts("stats");
    assert_eq!(counts["pages"], 2);
    assert_eq!(counts["other_records"], 1);
    assert_eq!(counts["bytes_read"], file.len());
    assert_eq!(counts["bytes_in"], FERRY.len() + PLAIN.len());
}

#[test]
fn a_tree_is_mirrored_under_names_of_what_is_written() {
    let records = [info(), wet(1, FERRY), wet(2, PLAIN)];
    let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
    let whole = gzip(&records.concat());
    let frames = Packing::Zstd.pack(&records.concat()).expect("memory");
    let place = Place::with([
        ("in/a.warc.wet.gz", &members),
        ("in/b/whole.warc.gz", &whole),
        ("in/c.warc.zst", &frames),
        ("in/d.warc", &records.concat()),
        ("in/e.warc", &Vec::new()),
        ("in/unnamed.gz", &members),
    ]);
    for threads in ["1", "3"] {
        let out = format!("out{threads}");
        clean(&place, &["in", "-o", &out, "--threads", threads], 0).says(&[]);
        let files = place.files(&out);
        let names: Vec<&str> = files
            .keys()
            .map(|name| name.to_str().expect("UTF-8"))
            .collect();
        assert_eq!(
            names,
            [
                "a.warc.wet.jsonl.gz",
                "b/whole.warc.jsonl.gz",
                "c.warc.jsonl.zst",
                "d.warc.jsonl",
                "e.warc.jsonl",
                "unnamed.jsonl.gz"
            ]
        );
        let plain = place.read(format!("{out}/d.warc.jsonl"));
        assert_eq!(texts(&plain), [FERRY_BODY, PLAIN]);
        for name in [&names[..2], &names[5..]].concat() {
            assert_eq!(gunzip(place.read(format!("{out}/{name}"))), plain, "{name}");
        }
        assert!(place.read(format!("{out}/e.warc.jsonl")).is_empty());
    }
    assert_eq!(place.files("out1"), place.files("out3"));
}

#[test]
fn answers_are_read_as_files_of_their_pages_are() {
    let lines = FERRY.trim().replace('\n', "<p>");
    let html = format!("<html><title>A ferry</title><body><nav>Home</nav><p>{lines}</html>");
    let korean =
        in_euc_kr("<html><p>\u{be44}\u{b4e4}\u{ae30}\u{ac00} \u{b2e4}\u{b9ac} \u{c704}\u{c5d0}");
    let chunked = format!("{:x}\r\n{html}\r\n0\r\n\r\n", html.len());
    let zipped = gzip(html.as_bytes());
    let records = [
        info(),
        record(
            "request",
            1,
            "Content-Type: application/http\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
        ),
        answer(2, HTML_OK, html.as_bytes()),
        answer(
            3,
            &format!("{HTML_OK}\nTransfer-Encoding: chunked"),
            chunked.as_bytes(),
        ),
        answer(4, &format!("{HTML_OK}\nContent-Encoding: gzip"), &zipped),
        answer(
            5,
            "HTTP/1.1 200 OK\nContent-Type: text/html; charset=EUC-KR",
            &korean,
        ),
        answer(
            6,
            "HTTP/1.1 404 Not Found\nContent-Type: text/html",
            html.as_bytes(),
        ),
        answer(
            7,
            "HTTP/1.1 200 OK\nContent-Type: image/png",
            b"\x89PNG\r\n\x1a\n\0",
        ),
        answer(
            8,
            "HTTP/1.1 200 OK\nContent-Type: text/plain",
            FERRY.as_bytes(),
        ),
        record(
            "resource",
            9,
            "Content-Type: text/html\r\n",
            html.as_bytes(),
        ),
        answer(
            10,
            "HTTP/1.1 200 OK\nContent-Type: text/plain; charset=windows-1252",
            b"caf\xe9\n",
        ),
        record("metadata", 11, "", b"fetchTimeMs: 1\r\n"),
        record("revisit", 12, "", b"HTTP/1.1 200 OK\r\n\r\n"),
    ];
    let place = Place::with([
        ("files/page.html", html.as_bytes()),
        ("files/korean.html", &korean),
        ("files/page.txt", FERRY.as_bytes()),
        ("a.warc", &records.concat()),
    ]);
    // The same pages, and no other evidence: none of a site.
    clean(&place, &["files", "-o", "pages", "--scopes", "page"], 0);
    clean(&place, &["a.warc", "-o", "out", "--scopes", "page"], 0).says(&[]);
    let page = place.read_text("pages/page.html.txt");
    let korean = place.read_text("pages/korean.html.txt");
    let expected = [
        &page,
        &page,
        &page,
        &korean,
        FERRY_BODY,
        &page,
        "caf\u{e9}\n",
    ];
    assert_eq!(texts(&place.read("out")), expected);
    let counts = place.counts("stats");
    assert_eq!(counts["pages"], 7);
    assert_eq!(counts["html_pages"], 5);
    assert_eq!(counts["converted"], 2);
    assert_eq!(counts["other_records"], 6);
    // With scores too, which weigh where a line of HTML stood.
    for (input, out) in [("files", "scored"), ("a.warc", "scored.jsonl")] {
        place
            .clean([input, "-o", out, "--scopes", "page", "-q"])
            .expect(0);
    }
    let found = texts(&place.read("scored.jsonl"));
    assert_eq!(found[0], place.read_text("scored/page.html.txt"));
    assert_eq!(found[4], place.read_text("scored/page.txt"));
}

/// A page in EUC-KR.
fn in_euc_kr(text: &str) -> Vec<u8> {
    encoding_rs::EUC_KR.encode(text).0.into_owned()
}

#[test]
fn wet_comes_out_of_warc_and_of_wet() {
    let lines = FERRY.trim().replace('\n', "<p>");
    let html = format!("<html><p>{lines}</html>");
    let more = "WARC-Block-Digest: sha1:X\r\nWARC-Identified-Content-Language: eng\r\n\
        Content-Type: text/plain\r\n";
    let records = [
        info(),
        answer(1, HTML_OK, html.as_bytes()),
        record(CONVERSION, 2, more, FERRY.as_bytes()),
    ];
    let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
    let place = Place::with([("in/a.warc.gz", &members), ("in/b.wet", &records[2])]);
    clean(&place, &["in", "-o", "out", "--output-format", "wet"], 0).says(&[]);
    let names: Vec<_> = place.files("out").into_keys().collect();
    assert_eq!(
        names,
        ["a.warc.wet.gz", "b.wet"].map(std::path::PathBuf::from)
    );
    let found = place.read("out/a.warc.wet.gz");
    let text = String::from_utf8(gunzip(found.clone())).expect("UTF-8");
    let (first, second) = text.split_at(text.rfind("WARC/1.0").expect("two records"));
    let body = FERRY_BODY.replace("\n\n", "\n");
    let block = |text: &str| format!("Content-Length: {}\r\n\r\n{text}\r\n\r\n", text.len());
    assert!(first.ends_with(&block(&body)), "{first}");
    assert!(
        first.contains("\r\nWARC-Refers-To: <urn:uuid:1>\r\n"),
        "{first}"
    );
    assert!(!first.contains("WARC-Record-ID: <urn:uuid:1>"), "{first}");
    let more = more.replace("WARC-Block-Digest: sha1:X\r\n", "");
    let expected = String::from_utf8(record(CONVERSION, 2, &more, FERRY_BODY.as_bytes()));
    assert_eq!(second, expected.expect("UTF-8"));
    assert_eq!(place.read_text("out/b.wet"), second);
    // A member for each record.
    let starts = memchr::memmem::find_iter(&found, b"\x1f\x8b\x08");
    assert_eq!(starts.count(), 2);
    // What was written is read again, and stays as it is.
    clean(&place, &["out", "-o", "again", "--output-format", "wet"], 0).says(&[]);
    assert_eq!(place.files("again"), place.files("out"));
}

#[test]
fn tags_and_spans_stand_where_the_mode_says() {
    let file = [wet(1, FERRY), wet(2, PLAIN)].concat();
    let place = Place::with([("a.wet", &file)]);
    let jsonl = format!(
        "{}\n{}\n",
        json!({"id": "<urn:uuid:1>", "text": FERRY, "url": "https://example.com/1"}),
        json!({"id": "<urn:uuid:2>", "text": PLAIN, "url": "https://example.com/2"}),
    );
    place.file("a.jsonl", jsonl);
    for mode in ["tag", "spans"] {
        clean(&place, &["a.jsonl", "-o", "rows", "--mode", mode], 0);
        let ledger = place.read_text("ledger");
        clean(&place, &["a.wet", "-o", "out", "--mode", mode], 0);
        assert_eq!(
            place.read_text("ledger").replace(".wet#", ".jsonl#"),
            ledger
        );
        for (row, expected) in rows(&place.read("out"))
            .iter()
            .zip(rows(&place.read("rows")))
        {
            for field in ["text", "dechaff", "url"] {
                assert_eq!(row.get(field), expected.get(field), "{mode} {field}");
            }
        }
    }
    let arguments = ["a.wet", "-o", "out.wet", "--output-format", "wet", "--mode"];
    clean(&place, &[&arguments[..], &["spans"]].concat(), 0);
    assert_eq!(place.read("out.wet"), file, "the text is unchanged");
    assert_eq!(
        place.read_text("out.wet.spans.jsonl"),
        place.read_text("ledger")
    );
    clean(&place, &[&arguments[..], &["tag"]].concat(), 0);
    assert!(
        place
            .read_text("out.wet")
            .contains("\nkeep\t0.0000\tbody\tThe tide came in")
    );
}

#[test]
fn streams_dry_runs_and_lone_files_work_as_for_rows() {
    let file = [info(), wet(1, FERRY), wet(2, PLAIN)].concat();
    let packed: Vec<u8> = [info(), wet(1, FERRY), wet(2, PLAIN)]
        .iter()
        .flat_map(|record| gzip(record))
        .collect();
    let place = Place::with([("unnamed", &file)]);
    clean(&place, &["unnamed", "-o", "out"], 0);
    let expected = place.read("out");
    assert_eq!(texts(&expected), [FERRY_BODY, PLAIN]);
    let arguments = ["-", "-q", "--no-score", "--format", "warc"];
    let outcome = place.clean_with_input(arguments, &file).expect(0);
    assert_eq!(outcome.stdout, expected);
    let outcome = place.clean_with_input(arguments, &packed).expect(0);
    assert_eq!(gunzip(outcome.stdout), expected);
    let outcome = place
        .clean(["unnamed", "-q", "--no-score", "-o", "-"])
        .expect(0);
    assert_eq!(outcome.stdout, expected);
    let before = place.tree("");
    place
        .clean(["unnamed", "--no-score", "--dry-run"])
        .expect(0)
        .mentions("pages");
    assert_eq!(place.tree(""), before);
    let outcome = Place::with([("in/unnamed", &file)])
        .clean(["in", "-o", "out", "-q"])
        .expect(3);
    outcome.says(&["unnamed: WARC, but not named .warc or .wet; skipped (--format warc reads it)"]);
    for bytes in [&file, &packed] {
        let outcome = place.clean_with_input(["-", "-q"], bytes).expect(3);
        outcome.mentions("--format warc");
    }
    let outcome = place.clean_with_input(arguments, PLAIN).expect(3);
    outcome.says(&["-:0: bad WARC record: no record begins here; rejected"]);
    assert!(outcome.stdout.is_empty());
}

/// Some sites with a menu each, so that there is evidence across pages.
fn corpus(pages: usize) -> Vec<(String, String)> {
    let mut numbers = Numbers::new(11);
    let words = [
        "harbour", "morning", "winter", "ferry", "keeper", "bridge", "stone", "light",
    ];
    (0..pages)
        .map(|page| {
            let site = page % 3;
            let mut text = format!("Site {site}: start\nNews of {site}\nWeather\nAll the news\n");
            for _ in 0..numbers.below(30) {
                let tail = (0..5 + numbers.below(20)).map(|_| numbers.pick(&words));
                text += &format!(
                    "{} {}.\n",
                    tail.collect::<Vec<_>>().join(" "),
                    numbers.below(999)
                );
            }
            text += &format!("Imprint of site {site}\nTerms of use\n");
            (format!("https://s{site}.example/{page}"), text)
        })
        .collect()
}

#[test]
fn two_passes_find_in_warc_what_they_find_in_rows() {
    let pages = corpus(1500);
    let rows: String = pages
        .iter()
        .map(|(url, text)| json!({"url": url, "text": text}).to_string() + "\n")
        .collect();
    let records = pages.iter().map(|(url, text)| {
        let head = format!("WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: {url}\r\n");
        let length = text.len();
        format!("{head}Content-Length: {length}\r\n\r\n{text}\r\n\r\n").into_bytes()
    });
    let records: Vec<Vec<u8>> = records.collect();
    let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
    let place = Place::with([
        ("a.jsonl", rows.as_bytes()),
        ("a.warc.wet.gz", &members),
        ("a.warc.wet", &records.concat()),
    ]);
    assert!(members.len() > 600_000, "more than one stretch");
    clean(
        &place,
        &["a.jsonl", "-o", "rows", "--corpus-duplicates", "1"],
        0,
    );
    let expected = texts(&place.read("rows"));
    let ledger = place.read_text("ledger").replace("a.jsonl#", "#");
    assert!(
        ledger.contains("\"template\""),
        "there is something to find"
    );
    for (name, threads) in [
        ("a.warc.wet.gz", "1"),
        ("a.warc.wet.gz", "4"),
        ("a.warc.wet", "1"),
        ("a.warc.wet", "4"),
    ] {
        let arguments = [
            name,
            "-o",
            "out",
            "--corpus-duplicates",
            "1",
            "--threads",
            threads,
        ];
        clean(&place, &arguments, 0).says(&[]);
        let found = place.read("out");
        let found = if name.ends_with("gz") {
            gunzip(found)
        } else {
            found
        };
        assert!(texts(&found) == expected, "{name} {threads}");
        let found = place.read_text("ledger").replace(&format!("{name}#"), "#");
        assert!(found == ledger, "{name} {threads}");
    }
    let built = place
        .index(["build", "a.warc.wet.gz", "-o", "warc.index"])
        .expect(0);
    drop(built);
    clean(&place, &["a.jsonl", "-o", "rows"], 0);
    let expected = texts(&place.read("rows"));
    clean(
        &place,
        &["a.warc.wet", "-o", "out", "--index", "warc.index"],
        0,
    );
    assert!(texts(&place.read("out")) == expected);
}

/// Runs on one file of this name; checks what is said and which texts are kept.
fn check(name: &str, bytes: &[u8], code: i32, says: &[&str], kept: &[&str]) -> Place {
    let place = Place::with([(format!("in/{name}"), bytes)]);
    clean(&place, &["in", "-o", "out1", "--threads", "1"], code).says(says);
    clean(&place, &["in", "-o", "out3", "--threads", "3"], code).says(says);
    let files = place.files("out1");
    assert_eq!(files, place.files("out3"));
    let found: Vec<u8> = files.into_values().next().unwrap_or_default();
    assert_eq!(texts(&unpacked(found)), kept, "{name}");
    place
}

#[test]
fn what_is_cut_or_damaged_is_told_and_costs_no_other_record() {
    let records = [wet(1, PLAIN), wet(2, FERRY), wet(3, PLAIN)];
    let members = records.clone().map(|record| gzip(&record));
    let plain = records.concat();
    let packed = members.concat();
    let frames = Packing::Zstd.pack(&plain).expect("memory");
    let first = records[0].len();
    let second = first + records[1].len();

    // 7: nothing is a file without records.
    let place = check("a.warc", b"", 0, &[], &[]);
    assert!(place.read("out1/a.warc.jsonl").is_empty());

    // 10 and 18: cut inside a record.
    let cut = plain.len() - 30;
    let problem =
        format!("a.warc:3:{second}: bad WARC record: ends before its Content-Length; rejected");
    let place = check(
        "a.warc",
        &plain[..cut],
        3,
        &[&problem],
        &[PLAIN, FERRY_BODY],
    );
    assert_eq!(place.read("rejects"), plain[second..cut]);
    let cut = packed.len() - 12;
    let problem = format!(
        "a.warc.gz:3:{second}: gzip data is cut at byte {cut}; what is whole before was cleaned"
    );
    let place = check(
        "a.warc.gz",
        &packed[..cut],
        3,
        &[&problem],
        &[PLAIN, FERRY_BODY],
    );
    assert!(
        place
            .read("rejects")
            .starts_with(b"WARC/1.0\r\nWARC-Type: conversion")
    );
    let cut = frames.len() - 12;
    let place = Place::with([("a.warc.zst", &frames[..cut])]);
    let outcome = clean(&place, &["a.warc.zst", "-o", "out"], 3);
    outcome.mentions(&format!(
        "zstd data is cut at byte {cut}; what is whole before was cleaned"
    ));

    // 11: cut between members.
    let end = members[0].len() + members[1].len();
    check("a.warc.gz", &packed[..end], 0, &[], &[PLAIN, FERRY_BODY]);

    // 12: padding, and what is no gzip behind it.
    let padded = [&packed[..], &[0; 1000]].concat();
    check("a.warc.gz", &padded, 0, &[], &[PLAIN, FERRY_BODY, PLAIN]);
    let trailing = [&packed[..], b"and more"].concat();
    let problem = format!(
        "a.warc.gz:{}: gzip member at byte {} is damaged; rejected, read on at the next",
        plain.len(),
        packed.len()
    );
    let place = check(
        "a.warc.gz",
        &trailing,
        3,
        &[&problem],
        &[PLAIN, FERRY_BODY, PLAIN],
    );
    assert_eq!(place.read("rejects"), b"and more");

    // 13: a wrong checksum in one member; in a file of one, nothing can be trusted.
    let mut bad = members.clone();
    let crc = bad[1].len() - 6;
    bad[1][crc] ^= 1;
    let at = members[0].len();
    let problem = format!(
        "a.warc.gz:{first}: gzip member at byte {at} is damaged; rejected, read on at the next"
    );
    let place = check("a.warc.gz", &bad.concat(), 3, &[&problem], &[PLAIN, PLAIN]);
    assert_eq!(place.read("rejects"), bad[1]);
    let mut whole = gzip(&plain);
    let crc = whole.len() - 6;
    whole[crc] ^= 1;
    let problem = "a.warc.gz:0: gzip member at byte 0 is damaged; rejected, read on at the next";
    check("a.warc.gz", &whole, 3, &[problem], &[]);
    let mut bad = frames.clone();
    bad[10] ^= 0xff;
    let place = Place::with([("in/a.warc.zst", &bad)]);
    clean(&place, &["in", "-o", "out"], 3).mentions("zstd data is damaged");

    // 16: packed twice, and named as what it is not.
    let place = Place::with([("in/a.warc.gz", gzip(&packed))]);
    clean(&place, &["in", "-o", "out"], 3).says(&["a.warc.gz: gzip inside gzip; skipped"]);
    let problem = "a.warc.gz: named as gzip, but holds plain bytes; read as plain bytes";
    check(
        "a.warc.gz",
        &plain,
        3,
        &[problem],
        &[PLAIN, FERRY_BODY, PLAIN],
    );
    let place = Place::with([("in/a.warc", PLAIN)]);
    clean(&place, &["in", "-o", "out"], 0);
    assert_eq!(
        place.read_text("out/a.warc"),
        PLAIN,
        "content goes before name"
    );

    // 17 and 19: lengths that are wrong, missing, or no numbers; a head without end.
    let record = String::from_utf8(records[1].clone()).expect("UTF-8");
    let right = format!("Content-Length: {}", FERRY.len());
    for (length, why) in [
        (
            "Content-Length: 9",
            "its Content-Length does not lead to its end",
        ),
        (
            "Content-Length: 700",
            "its Content-Length does not lead to its end",
        ),
        ("Content-Length: 70000", "ends before its Content-Length"),
        ("Content-Length: -1", "its Content-Length is no number"),
        ("Content-Length: 1e3", "its Content-Length is no number"),
        ("X-Length: 9", "no Content-Length"),
    ] {
        let bad = record.replace(&right, length);
        assert_ne!(bad, record);
        let file = [&records[0], bad.as_bytes(), &records[2]].concat();
        let problem = format!("a.warc:2:{first}: bad WARC record: {why}; rejected");
        let place = check("a.warc", &file, 3, &[&problem], &[PLAIN, PLAIN]);
        assert_eq!(place.read_text("rejects"), bad);
        let counts = place.counts("stats");
        assert_eq!(counts["rows_rejected"], 1);
        assert_eq!(counts["bytes_rejected"], bad.len());
    }
    for length in ["10000000000", "100000000000000000000"] {
        let bad = record.replace(&right, &format!("Content-Length: {length}"));
        let file = [&records[0], bad.as_bytes(), &records[2]].concat();
        let problem = format!(
            "a.warc:2:{first}: WARC record longer than --max-page-bytes (67108864); rejected"
        );
        let place = check("a.warc", &file, 3, &[&problem], &[PLAIN, PLAIN]);
        assert_eq!(place.read_text("rejects"), bad);
    }
    let endless = "WARC/1.0\r\n".to_owned() + &"X-Field: value\r\n".repeat(10_000);
    let file = [&records[0], endless.as_bytes(), &records[2]].concat();
    let problem = format!("a.warc:2:{first}: bad WARC record: its head does not end; rejected");
    check("a.warc", &file, 3, &[&problem], &[PLAIN, PLAIN]);
}

#[test]
fn texts_and_names_of_any_bytes_are_safe() {
    // 1: what is no UTF-8 is told by no problem; 3: a mark is no text; 5: NUL is a character.
    let records = [
        record(CONVERSION, 1, "", b"\xef\xbb\xbfThe caf\xc3\xa9 is open.\n"),
        record(CONVERSION, 2, "", b"Nul \0 in a line of text.\n"),
        record(
            CONVERSION,
            3,
            "",
            "\u{e9}\u{e8}\u{ea} and so on.\n".repeat(9).as_bytes(),
        ),
        record(CONVERSION, 4, "", b""),
    ];
    let mut bytes = records.concat();
    let at = memchr::memmem::find(&bytes, b"and so").expect("there");
    bytes[at] = 0xff;
    let place = Place::with([("a.warc", &bytes)]);
    clean(&place, &["a.warc", "-o", "out", "--scopes", "none"], 0).says(&[]);
    let found = texts(&place.read("out"));
    assert_eq!(
        found[..2],
        ["The caf\u{e9} is open.\n", "Nul \0 in a line of text.\n"]
    );
    assert!(found[2].starts_with("\u{e9}\u{e8}\u{ea} \u{fffd}nd so on.\n\u{e9}"));
    assert_eq!(found[3], "");
    assert_eq!(place.counts("stats")["converted"], 1);

    // 4: an encoding that nothing reads.
    let bytes = answer(
        1,
        "HTTP/1.1 200 OK\nContent-Type: text/html; charset=iso-2022-kr",
        b"<p>a",
    );
    let place = Place::with([("a.warc", &bytes)]);
    clean(&place, &["a.warc", "-o", "out"], 3)
        .says(&["a.warc:1:0: bad WARC record: in an encoding that cannot be read; rejected"]);
    assert!(bytes.starts_with(&place.read("rejects")));

    // 20: nothing in a record is a path, or reaches a terminal.
    let head = "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: ";
    let long = "x".repeat(300);
    let records: String = [
        "../../etc/passwd",
        "/etc/passwd",
        "a\0b",
        &long,
        "\u{1b}[31m\u{9b}",
    ]
    .iter()
    .map(|url| {
        format!(
            "{head}{url}\r\nContent-Length: {}\r\n\r\n{PLAIN}\r\n\r\n",
            PLAIN.len()
        )
    })
    .collect();
    let place = Place::with([("in/a.warc", &records)]);
    clean(&place, &["in", "-o", "out", "--scopes", "none"], 0).says(&[]);
    let names: Vec<_> = place.files("out").into_keys().collect();
    assert_eq!(names, [std::path::PathBuf::from("a.warc.jsonl")]);
    let found = rows(&place.read("out/a.warc.jsonl"));
    assert_eq!(found[0]["url"], "../../etc/passwd");
    assert_eq!(found[4]["url"], "\u{1b}[31m\u{9b}");
}

#[test]
fn a_bomb_and_long_records_take_bounded_memory() {
    // 14: 128 MiB of zeros behind a good record; the limit of a page is far below.
    let zeros = gzip(&vec![0; 16 << 20]).repeat(8);
    let long = wet(3, &format!("{}\n", "word ".repeat(40_000)));
    let picture = vec![1; 300_000];
    let more = "Content-Type: image/png\r\n";
    let packed = [
        gzip(&wet(1, PLAIN)),
        zeros,
        gzip(&wet(2, PLAIN)),
        gzip(&long),
        gzip(&record("resource", 4, more, &picture)),
        gzip(&wet(5, PLAIN)),
    ]
    .concat();
    let place = Place::with([("a.warc.gz", &packed)]);
    // Without a limit that is asked for, glibc keeps for each thread what it freed.
    let arguments = [
        "a.warc.gz",
        "-o",
        "out",
        "--max-page-bytes",
        "64KiB",
        "--threads",
        "2",
        "--max-memory",
        "128MiB",
    ];
    let outcome = clean(&place, &arguments, 3);
    let first = wet(1, PLAIN).len();
    let third = first + (8 << 24) + wet(2, PLAIN).len();
    outcome.says(&[
        &format!("a.warc.gz:{first}: bad WARC record: no record begins here; rejected"),
        &format!("a.warc.gz:3:{third}: WARC record longer than --max-page-bytes (65536); rejected"),
    ]);
    assert_eq!(texts(&gunzip(place.read("out"))), [PLAIN, PLAIN, PLAIN]);
    assert_eq!(place.counts("stats")["other_records"], 1);
    let peak = place.read_json("stats")["peak_memory_bytes"].clone();
    // What was asked for may be passed by one part in 20.
    let most = (128 << 20) / 20 * 21;
    assert!(peak.is_null() || peak.as_u64() <= Some(most), "{peak}");
}

fn brotli(bytes: &[u8], window_bits: i32) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: 3,
        lgwin: window_bits,
        ..Default::default()
    };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut out, &params).expect("memory");
    out
}

#[test]
fn pages_in_brotli_are_read_and_bombs_take_bounded_memory() {
    let head = format!("{HTML_OK}\nContent-Encoding: br");
    let page = format!("<html><body><p>{PLAIN}</p></body></html>");
    let good = |number| answer(number, &head, &brotli(page.as_bytes(), 22));
    // Each asks for the largest window, and would fill it several times.
    let bomb = brotli(&vec![b'a'; 64 << 20], 24);
    assert!(bomb.len() < 1000);
    let bombs = (2..200).map(|number| answer(number, &head, &bomb));
    let mut damaged = brotli(page.as_bytes(), 22);
    damaged[5] ^= 0x10;
    damaged.truncate(40);
    let damaged = answer(201, &head, &damaged);
    let file: Vec<u8> = [good(1)]
        .into_iter()
        .chain(bombs)
        .chain([damaged, good(202)])
        .flatten()
        .collect();
    let place = Place::with([("a.warc", &file)]);
    let memory = ["--threads", "8", "--max-memory", "128MiB"];
    let arguments = [&["a.warc", "-o", "out"][..], &memory].concat();
    let outcome = clean(&place, &arguments, 3);
    let problems: Vec<&str> = outcome.stderr.lines().collect();
    let (last, bombs) = problems.split_last().expect("problems");
    assert_eq!(bombs.len(), 198);
    for problem in bombs {
        let says = "WARC record longer than --max-page-bytes (4194304); rejected";
        assert!(problem.ends_with(says), "{problem}");
    }
    let says = "bad WARC record: its content coding is damaged; rejected";
    assert!(last.ends_with(says), "{last}");
    let texts = texts(&place.read("out"));
    assert_eq!(texts.len(), 2);
    assert!(
        texts.iter().all(|text| text.trim_end() == PLAIN.trim_end()),
        "{texts:?}"
    );
    let peak = place.read_json("stats")["peak_memory_bytes"].clone();
    let most = (128 << 20) / 20 * 21;
    assert!(peak.is_null() || peak.as_u64() <= Some(most), "{peak}");
}

#[test]
fn no_segment_of_a_record_is_lost_in_silence() {
    let more = "Content-Type: text/plain\r\nWARC-Segment-Number: 1\r\n";
    let first = record(CONVERSION, 2, more, FERRY.as_bytes());
    let more = "WARC-Segment-Origin-ID: <urn:uuid:2>\r\nWARC-Segment-Number: 2\r\n\
                WARC-Segment-Total-Length: 90000\r\n";
    let second = record("continuation", 3, more, FERRY.as_bytes());
    let long = record("continuation", 4, more, "word ".repeat(40_000).as_bytes());
    let file = [
        wet(1, PLAIN),
        first.clone(),
        second.clone(),
        long.clone(),
        wet(5, PLAIN),
    ]
    .concat();
    let place = Place::with([("a.warc", &file)]);
    let arguments = ["a.warc", "-o", "out", "--max-page-bytes", "64KiB"];
    let outcome = clean(&place, &arguments, 3);
    let at = wet(1, PLAIN).len();
    let behind = at + first.len();
    let last = behind + second.len();
    outcome.says(&[
        &format!("a.warc:2:{at}: bad WARC record: the first segment of a longer one; segments are not read; rejected"),
        &format!("a.warc:3:{behind}: bad WARC record: a later segment of another one; segments are not read; rejected"),
        &format!("a.warc:4:{last}: WARC record longer than --max-page-bytes (65536); rejected"),
    ]);
    assert_eq!(texts(&place.read("out")), [PLAIN, PLAIN]);
    assert_eq!(place.counts("stats")["other_records"], 0);
    // Without their two line ends.
    let rejected = [first, second, long].map(|record| record[..record.len() - 4].to_vec());
    assert!(place.read("rejects") == rejected.concat());
}

/// Some changes to a file, of any kind.
fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    if bytes.is_empty() {
        return;
    }
    let at = numbers.below(bytes.len());
    let count = 1 + numbers.below(40);
    match numbers.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..bytes.len().min(at + count))),
        2 => {
            let copy = bytes[at..bytes.len().min(at + count * 10)].to_vec();
            let to = numbers.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        3 => {
            let new: Vec<u8> = (0..count).map(|_| numbers.below(256) as u8).collect();
            bytes.splice(at..at, new);
        }
        4 => {
            let digits: Vec<usize> = (0..bytes.len())
                .filter(|&at| bytes[at].is_ascii_digit())
                .collect();
            if let Some(&at) = digits.get(numbers.below(digits.len().max(1))) {
                bytes[at] = b'0' + numbers.below(10) as u8;
            }
        }
        _ => bytes[at] ^= 1 << numbers.below(8),
    }
}

/// Mutated files: a few hundred, or as many as `DECHAFF_MUTANTS` says.
#[test]
fn mutated_files_lose_little_and_add_up() {
    const RECORDS: usize = 12;
    /// Files of a run.
    const BATCH: usize = 500;
    let files = count_from("DECHAFF_MUTANTS", 300);
    let mut numbers = Numbers::new(17);
    let pages: Vec<String> = corpus(RECORDS).into_iter().map(|(_, text)| text).collect();
    let records: Vec<Vec<u8>> = (0..RECORDS)
        .map(|number| wet(number, &pages[number]))
        .collect();
    let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
    let frames = Packing::Zstd.pack(&records.concat()).expect("memory");
    let originals = [
        (records.concat(), "warc"),
        (members, "warc.gz"),
        (gzip(&records.concat()), "warc.gz"),
        (frames, "warc.zst"),
    ];
    for first in (0..files).step_by(BATCH) {
        let place = Place::new();
        let mut flips = Vec::new();
        for number in first..files.min(first + BATCH) {
            let (original, ending) = numbers.pick(&[0, 0, 1, 1, 1, 2, 3].map(|at| &originals[at]));
            let mut bytes = original.clone();
            let name = format!("{number:05}.{ending}");
            let is_flip = number % 3 == 0;
            if is_flip {
                let at = 10 + numbers.below(bytes.len() - 10);
                bytes[at] ^= 1 << numbers.below(8);
            } else {
                (0..1 + numbers.below(3)).for_each(|_| mutate(&mut bytes, &mut numbers));
            }
            // Files of one member are not trusted where it is damaged.
            if is_flip
                && (std::ptr::eq(original, &originals[0].0)
                    || std::ptr::eq(original, &originals[1].0))
            {
                flips.push(name.clone());
            }
            place.file(format!("in/{name}"), bytes);
        }
        let run = |threads: &str| {
            let out = format!("out{threads}");
            let arguments = [
                "in",
                "-o",
                &out,
                "--scopes",
                "none",
                "--threads",
                threads,
                "-q",
            ];
            let sides = [
                "--no-score",
                "--stats",
                "stats",
                "--rejects",
                "rejects",
                "--overwrite",
            ];
            let outcome = place.clean(arguments.iter().chain(&sides)).expect(3);
            (
                outcome.stderr,
                place.counts("stats"),
                place.read("rejects"),
                place.files(&out),
            )
        };
        let one = run("1");
        assert!(one == run("3"), "the same for any number of threads");
        let (.., files) = one;
        for name in flips {
            let (stem, packing) = match name.strip_suffix(".gz") {
                Some(stem) => (stem, ".gz"),
                None => (&name[..], ""),
            };
            let found = &files[&std::path::PathBuf::from(format!("{stem}.jsonl{packing}"))];
            let found = if packing.is_empty() {
                found.clone()
            } else {
                gunzip(found.clone())
            };
            let found = texts(&found);
            let whole = pages
                .iter()
                .filter(|page| found.contains(&page.trim_start().to_owned()));
            // A bit may join a record to the next one.
            let lost = RECORDS - whole.count();
            assert!(
                lost <= if packing.is_empty() { 2 } else { 1 },
                "{name}: {lost} lost"
            );
            assert!(found.len() <= RECORDS, "{name}");
        }
    }
}

#[test]
fn repeats_are_found_in_warc_as_in_rows() {
    let pages = corpus(40);
    let rows: String = pages
        .iter()
        .map(|(url, text)| json!({"url": url, "text": text}).to_string() + "\n")
        .collect();
    let records = pages.iter().enumerate();
    let members: Vec<u8> = records
        .flat_map(|(number, (_, text))| gzip(&wet(number, text)))
        .collect();
    let place = Place::with([("a.jsonl", rows.as_bytes()), ("a.wet.gz", &members)]);
    let found = ["a.jsonl", "a.wet.gz"].map(|name| {
        let output = assert_cmd::cargo::cargo_bin_cmd!("dechaff")
            .current_dir(place.path(""))
            .args(["repeats", name, "--json"])
            .output()
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.replace(&format!("{name}#"), "#")
    });
    assert!(
        found[0].contains("Weather") && found[0] == found[1],
        "{}",
        found[1]
    );
}
