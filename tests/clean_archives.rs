//! `dechaff clean` on tar and zip: pages inside, whole, odd and damaged.
#![cfg(feature = "cli")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::process::Stdio;

use assert_cmd::cargo::cargo_bin_cmd;
use dechaff::source::packed::Packing;
use serde_json::Value;
use support::{FERRY, FERRY_BODY, Numbers, Outcome, PLAIN, Place, count_from, rebuild, unpacked};
use tar::{EntryType, Header};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const MODIFIED: u64 = 1_700_000_000;

/// Builds tar as other programs do.
struct Tar(tar::Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Tar(tar::Builder::new(Vec::new()))
    }

    fn header(kind: EntryType, size: usize) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size as u64);
        header.set_mode(0o640);
        header.set_mtime(MODIFIED);
        header.set_uid(7);
        header.set_gid(8);
        header
    }

    fn file(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let mut header = Tar::header(EntryType::Regular, content.len());
        self.0
            .append_data(&mut header, name, content)
            .expect("memory");
        self
    }

    /// A member whose name the library would refuse, or of another kind.
    fn odd(mut self, name: &[u8], kind: EntryType, content: &[u8]) -> Self {
        let mut header = Tar::header(kind, content.len());
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("elsewhere").expect("a short name");
        }
        header.set_cksum();
        self.0.append(&header, content).expect("memory");
        self
    }

    fn end(self) -> Vec<u8> {
        self.0.into_inner().expect("memory")
    }
}

fn tar_of(files: &BTreeMap<std::path::PathBuf, Vec<u8>>) -> Vec<u8> {
    let members = files.iter();
    let tar = members.fold(Tar::new(), |tar, (name, bytes)| {
        tar.file(name.to_str().expect("UTF-8"), bytes)
    });
    tar.end()
}

fn zip_of<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Vec<u8> {
    let methods = [
        CompressionMethod::Deflated,
        CompressionMethod::Stored,
        CompressionMethod::Zstd,
    ];
    let mut writer = ZipWriter::new(Cursor::default());
    for ((name, bytes), method) in files.into_iter().zip(methods.iter().cycle()) {
        let options = SimpleFileOptions::default()
            .compression_method(*method)
            .unix_permissions(0o640);
        writer.start_file(name, options).expect("another name");
        writer.write_all(bytes).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

/// Names and contents of an archive's members, in order.
fn members(archive: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    if archive.starts_with(b"PK") {
        let mut archive = ZipArchive::new(Cursor::new(archive)).expect("zip");
        return (0..archive.len())
            .map(|index| {
                let mut member = archive.by_index(index).expect("a member");
                let mut content = Vec::new();
                member.read_to_end(&mut content).expect("whole");
                (member.name().expect("a name").into_owned(), content)
            })
            .collect();
    }
    let bytes = unpacked(archive);
    assert!(bytes.ends_with(&[0; 1024]), "the end of an archive");
    let mut archive = tar::Archive::new(&bytes[..]);
    let entries = archive.entries().expect("tar");
    entries
        .map(|entry| {
            let mut entry = entry.expect("a member");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("whole");
            let name = entry.path_bytes().into_owned();
            (String::from_utf8_lossy(&name).into_owned(), content)
        })
        .collect()
}

/// A place with pages of two sites in `in/`, HTML and no pages among them.
fn two_sites() -> Place {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/pages");
    let place = Place::new();
    for site in ["harbor-courier", "severny-vestnik"] {
        for entry in fs::read_dir(corpus.join(site)).expect("pages") {
            let path = entry.expect("a page").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("a name");
            place.file(
                format!("in/{site}/{name}"),
                fs::read(&path).expect("a page"),
            );
        }
    }
    let html = format!("<html><p>{}", FERRY.trim().replace('\n', "<p>"));
    place.file("in/severny-vestnik/page.html", html);
    place.file("in/picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    place.file("in/empty.txt", b"");
    place.file("in/ferry.txt", FERRY);
    place
}

#[test]
fn an_archive_comes_out_as_the_tree_that_it_holds() {
    let place = two_sites();
    let files = place.files("in");
    let tar = tar_of(&files);
    let zip = zip_of(
        files
            .iter()
            .map(|(name, bytes)| (name.to_str().expect("UTF-8"), &bytes[..])),
    );
    let gzip = Packing::Gzip.pack(&tar).expect("memory");
    let half = tar.len() / 2;
    let zstd = [&tar[..half], &tar[half..]].map(|half| Packing::Zstd.pack(half).expect("memory"));
    place
        .file("a.tar", &tar)
        .file("a.tgz", gzip)
        .file("a.zip", zip);
    place.file("a.tar.zst", zstd.concat());
    for mode in ["drop", "tag", "spans"] {
        place.clean_unscored(&["in", "-o", "out", "--mode", mode], 0);
        let (counts, ledger) = (place.counts("stats"), place.ledger("ledger"));
        assert_ne!(counts["template"]["lines"], 0, "both passes see sites");
        let mut spans = Vec::new();
        let mut expected = Vec::new();
        for (name, bytes) in place.files("out") {
            let name = name.to_str().expect("UTF-8").to_owned();
            match name.ends_with(".spans.jsonl") {
                true => spans.extend(bytes),
                false => expected.push((name, bytes)),
            }
        }
        for archive in ["a.tar", "a.tgz", "a.tar.zst", "a.zip"] {
            for threads in ["1", "3"] {
                let out = format!("out-{threads}");
                place
                    .clean_unscored(
                        &[archive, "-o", &out, "--mode", mode, "--threads", threads],
                        0,
                    )
                    .says(&[]);
            }
            assert!(place.read("out-1") == place.read("out-3"), "{archive}");
            // The tree's text of a page of HTML comes behind `page.html.spans...`, by name.
            let mut found = members(place.read("out-1"));
            found.sort();
            assert!(found == expected, "{archive} {mode}");
            let own = place.counts("stats");
            for field in [
                "pages",
                "lines",
                "bytes_in",
                "bytes_kept",
                "template",
                "repeat",
            ] {
                assert_eq!(own[field], counts[field], "{archive} {field}");
            }
            for field in ["other_files", "other_bytes", "html_pages", "problems"] {
                assert_eq!(own[field], counts[field], "{archive} {field}");
            }
            let rows = place.ledger("ledger");
            let told = |rows: &[support::LedgerRow]| {
                let told = rows
                    .iter()
                    .map(|row| (row.line, row.bytes.clone(), row.reason.clone()));
                told.collect::<Vec<_>>()
            };
            assert_eq!(told(&rows), told(&ledger), "{archive}");
            let number = files.keys().position(|name| name == Path::new("ferry.txt"));
            let name = format!("{archive}#{}", number.expect("a member") + 1);
            let ferry = support::rows_of(&rows, &name);
            assert!(!ferry.is_empty(), "{name}");
            if mode == "drop" {
                assert_eq!(rebuild(FERRY_BODY.as_bytes(), ferry), FERRY.as_bytes());
            }
            if mode == "spans" {
                let own = place.read("out-1.spans.jsonl");
                let count = |rows: &[u8]| rows.iter().filter(|byte| **byte == b'\n').count();
                assert_eq!(count(&own), count(&spans));
            }
        }
    }
}

#[test]
fn archives_lie_in_trees_and_come_from_pipes() {
    let tar = Tar::new().file("news/a.txt", FERRY).end();
    let place = Place::with([
        ("in/dump.tar", tar.clone()),
        ("in/dump.tar.gz", Packing::Gzip.pack(&tar).expect("memory")),
        ("in/dump.zip", zip_of([("news/a.txt", FERRY.as_bytes())])),
        ("in/hidden.bin", tar.clone()),
        ("in/hidden.doc", zip_of([("news/a.txt", FERRY.as_bytes())])),
    ]);
    place.clean_unscored(&["in", "-o", "out"], 3).says(&[
        "hidden.bin: tar, but its name does not end in .tar; skipped",
        "hidden.doc: zip, but its name does not end in .zip; skipped",
    ]);
    let expected = [("news/a.txt".to_owned(), FERRY_BODY.as_bytes().to_vec())];
    for name in ["dump.tar", "dump.tar.gz", "dump.zip"] {
        assert_eq!(members(place.read(format!("out/{name}"))), expected);
    }
    assert_eq!(place.files("out").len(), 3);
    // The name does not matter where the archive is the input, or comes from a pipe.
    place.clean_unscored(&["in/hidden.bin", "-o", "one"], 0);
    assert_eq!(members(place.read("one")), expected);
    place.clean_unscored(&["in/hidden.doc", "-o", "one"], 0);
    assert_eq!(members(place.read("one")), expected);
    for input in [tar.clone(), Packing::Zstd.pack(&tar).expect("memory")] {
        let outcome = place
            .clean_with_input(["-", "-q", "--no-score"], input)
            .expect(0);
        assert_eq!(members(outcome.stdout), expected);
    }
    let zip = place.read("in/dump.zip");
    let outcome = place
        .clean_with_input(["-", "-q", "--no-score"], &zip)
        .expect(3);
    outcome.says(&[
        "-: zip from a pipe, and its directory stands at its end; skipped (name the file)",
    ]);
    assert!(outcome.stdout.is_empty());
    place.file("packed.zip.gz", Packing::Gzip.pack(&zip).expect("memory"));
    place
        .clean_unscored(&["packed.zip.gz", "-o", "none"], 3)
        .says(&["packed.zip.gz: zip inside gzip; skipped"]);
}

#[test]
fn names_order_and_attributes_stay() {
    let long = format!("{}/{}.txt", "d".repeat(120), "n".repeat(90));
    let mut pax = tar::Builder::new(Vec::new());
    let path = format!("pax/{}.txt", "p".repeat(150));
    pax.append_pax_extensions([("path", path.as_bytes()), ("comment", b"none")])
        .expect("memory");
    let mut header = Header::new_ustar();
    header.set_size(PLAIN.len() as u64);
    header.set_path("short").expect("a short name");
    header.set_cksum();
    pax.append(&header, PLAIN.as_bytes()).expect("memory");
    let pax = pax.into_inner().expect("memory");
    let tar = Tar::new()
        .odd(b"z/", EntryType::Directory, b"")
        .file("z/b.txt", FERRY)
        .file("a.txt", PLAIN)
        .file(&long, FERRY)
        .odd(b"caf\xe9.txt", EntryType::Regular, PLAIN.as_bytes())
        .odd(b"./dot.txt", EntryType::Regular, PLAIN.as_bytes())
        .file("a.txt", FERRY)
        .file("page.html", "<p>One<p>Two")
        .end();
    let tar = [&pax[..pax.len() - 1024], &tar].concat();
    let place = Place::with([("a.tar", &tar)]);
    place.clean_unscored(&["a.tar", "-o", "out"], 0).says(&[]);
    let names: Vec<String> = members(place.read("out"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            &path,
            "z/",
            "z/b.txt",
            "a.txt",
            &long,
            "caf\u{fffd}.txt",
            "./dot.txt",
            "a.txt",
            "page.html.txt"
        ]
    );
    let out = place.read("out");
    let mut archive = tar::Archive::new(&out[..]);
    for entry in archive.entries().expect("tar").skip(1) {
        let entry = entry.expect("a member");
        let header = entry.header();
        let told = (header.mode(), header.mtime(), header.uid(), header.gid());
        let told = (told.0.ok(), told.1.ok(), told.2.ok(), told.3.ok());
        assert_eq!(told, (Some(0o640), Some(MODIFIED), Some(7), Some(8)));
    }
}

/// A row of a site's page: a menu, a headline twice, lines of its own.
fn row(number: usize) -> String {
    let menu = "Home\nNews\nSports\nWeather\nContact the newsroom\nSubscribe to our letter\n\n";
    let lines: String = (0..3 + number % 3)
        .map(|line| {
            format!(
                "In paragraph {line} of report {} the engineers explain at length why the bridge \
                 must be closed for repairs.\n",
                number / 2
            )
        })
        .collect();
    let text = format!("{menu}{lines}\nSign in to comment\nAll rights reserved\n");
    let url = format!("https://www.site{}.example/{number}", number % 3);
    serde_json::json!({ "id": number, "url": url, "text": text }).to_string() + "\n"
}

fn rows(range: std::ops::Range<usize>) -> String {
    range
        .map(|number| match number % 40 {
            7 => "{\"text\": no row}\n".to_owned(),
            8 => "\n".to_owned(),
            9 => "{\"id\":9,\"text\":null}\n".to_owned(),
            _ => row(number),
        })
        .collect()
}

#[test]
fn json_lines_inside_come_out_as_files_of_them_do() {
    let place = Place::with([
        ("in/a.jsonl", rows(0..50).into_bytes()),
        (
            "in/b.jsonl.gz",
            Packing::Gzip.pack(rows(50..90).as_bytes()).expect("memory"),
        ),
        (
            "in/c.ndjson.zst",
            Packing::Zstd
                .pack(rows(90..110).as_bytes())
                .expect("memory"),
        ),
        ("in/d.json", row(111).into_bytes()),
        ("in/e.json", b"{\n  \"pretty\": true\n}\n".to_vec()),
        ("in/f.txt", FERRY.as_bytes().to_vec()),
    ]);
    let files = place.files("in");
    let names: Vec<&str> = files
        .keys()
        .map(|name| name.to_str().expect("UTF-8"))
        .collect();
    // A member's number, or that of its first row: all rows before are counted.
    let first_of = |name: &str| {
        let before = files.iter().take_while(|(own, _)| *own != Path::new(name));
        let numbers = before.map(|(own, bytes)| match own.to_str() {
            Some("e.json" | "f.txt") => 1,
            _ => unpacked(bytes.clone())
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count(),
        });
        1 + numbers.sum::<usize>()
    };
    let tar = tar_of(&files);
    place.file("a.tar.gz", Packing::Gzip.pack(&tar).expect("memory"));
    place.file("a.tar", &tar);
    place.file(
        "a.zip",
        zip_of(
            names
                .iter()
                .map(|&name| (name, &files[Path::new(name)][..])),
        ),
    );
    for more in [
        &["--mode", "drop"][..],
        &["--mode", "tag"],
        &["--mode", "spans"],
        &["--corpus-duplicates", "1"],
    ] {
        let arguments = [&["in", "-o", "out"], more].concat();
        let told = place.clean_unscored(&arguments, 3).stderr;
        let (mut counts, rejects) = (place.counts("stats"), place.read("rejects"));
        counts["bytes_read"] = Value::Null;
        assert!(counts["template"]["lines"].as_u64() > Some(0), "{more:?}");
        let ledger = place.ledger("ledger");
        let expected = place.files("out");
        for (archive, threads) in [("a.tar", "1"), ("a.tar.gz", "4"), ("a.zip", "4")] {
            let arguments = [archive, "-o", "one", "--threads", threads];
            let outcome = place.clean_unscored(&[&arguments, more].concat(), 3);
            let what = format!("{archive} {more:?} {threads}");
            let mut found = place.counts("stats");
            found["bytes_read"] = Value::Null;
            assert_eq!(found, counts, "{what}");
            assert!(place.read("rejects") == rejects, "{what}");
            let mut cleaned = members(place.read("one")).into_iter();
            for (name, bytes) in &expected {
                if name.to_string_lossy().ends_with(".spans.jsonl") {
                    continue;
                }
                let (found, content) = cleaned.next().expect("a member");
                assert_eq!(Path::new(&found), name, "{what}");
                assert_eq!(
                    Packing::told(&content),
                    Packing::told(bytes),
                    "{what} {found}"
                );
                assert!(
                    unpacked(content) == unpacked(bytes.clone()),
                    "{what} {found}"
                );
            }
            assert!(cleaned.next().is_none(), "{what}");
            let inside = place.ledger("ledger");
            assert_eq!(inside.len(), ledger.len(), "{what}");
            for (row, of_file) in inside.iter().zip(&ledger) {
                let (name, record) = of_file.page.split_once('#').unwrap_or((&of_file.page, "1"));
                let record: usize = record.parse().expect("a row");
                let page = format!("{archive}#{}", first_of(name) + record - 1);
                assert_eq!(row.page, page, "{what}");
                let same = |row: &support::LedgerRow| {
                    (
                        row.line,
                        row.start,
                        row.end,
                        row.bytes.clone(),
                        row.reason.clone(),
                    )
                };
                assert_eq!(same(row), same(of_file), "{what}");
            }
            for (line, of_file) in outcome.stderr.lines().zip(told.lines()) {
                let mut parts = of_file.splitn(4, ':');
                let [name, row, byte, why] = [(); 4].map(|()| parts.next().expect("a part"));
                let number = first_of(name) + row.parse::<usize>().expect("a row") - 1;
                let expected = format!("{archive}:{number}:{byte}: {name}#{row}:{why}");
                assert_eq!(line, expected);
            }
            assert_eq!(
                outcome.stderr.lines().count(),
                told.lines().count(),
                "{what}"
            );
        }
    }
}

#[test]
fn packed_rows_inside_that_are_cut_or_damaged_are_told() {
    let packed = Packing::Gzip.pack(rows(0..60).as_bytes()).expect("memory");
    let mut damaged = packed.clone();
    let at = damaged.len() - 5;
    damaged[at] ^= 1;
    let long = Packing::Zstd.pack(&vec![b' '; 70_000]).expect("memory");
    let tar = Tar::new()
        .file("cut.jsonl.gz", &packed[..packed.len() / 2])
        .file("damaged.jsonl.gz", &damaged)
        .file("long.jsonl.zst", long)
        .file("plain.jsonl.gz", row(1))
        .file("other.jsonl", "{\"body\":\"a\"}\n")
        .end();
    let place = Place::with([("a.tar", &tar)]);
    let outcome = place.clean_unscored(&["a.tar", "-o", "out", "--max-page-bytes", "64KiB"], 3);
    outcome.mentions(": cut.jsonl.gz: gzip data is cut at byte");
    outcome.mentions(": damaged.jsonl.gz: gzip data is damaged at byte");
    outcome.mentions(": long.jsonl.zst: member longer than --max-page-bytes (65536); skipped");
    outcome.mentions(": other.jsonl: no row has text in the field 'text'");
    let members = members(place.read("out"));
    let names: Vec<&str> = members.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(names, ["cut.jsonl.gz", "plain.jsonl.gz", "other.jsonl"]);
    assert!(unpacked(members[0].1.clone()).ends_with(b"}\n"));
    assert_eq!(members[1].1[0], b'{');
    assert!(!place.read("rejects").is_empty(), "the half row");
}

#[test]
fn what_is_no_page_is_told_by_number_and_name() {
    let nested = Tar::new().file("a.txt", FERRY).end();
    let korean = b"\xb0\xa1\xb3\xaa\xb4\xd9\n".repeat(20);
    let tar = Tar::new()
        .odd(b"link", EntryType::Symlink, b"")
        .odd(b"hard", EntryType::Link, b"")
        .odd(b"pipe", EntryType::Fifo, b"")
        .odd(b"disk", EntryType::Block, b"")
        .odd(b"sparse", EntryType::GNUSparse, b"abc")
        .odd(b"/etc/passwd", EntryType::Regular, b"root")
        .odd(b"a/../../b", EntryType::Regular, b"up")
        .odd(b"C:\\b", EntryType::Regular, b"up")
        .file("in.tar", &nested)
        .file("in.zip", zip_of([("a", &b"a"[..])]))
        .file(
            "in.txt.gz",
            Packing::Gzip.pack(FERRY.as_bytes()).expect("memory"),
        )
        .file("rows.jsonl", "{\"text\":\"a\"}\n")
        .file("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        .file("nul\x1b.txt", b"a line with a \0 in it, which is text")
        .file("korean.txt", &korean)
        .file("long.txt", "a line\n".repeat(10_000))
        .file("good.txt", FERRY)
        .end();
    let place = Place::with([("a.tar", &tar)]);
    let outcome = place.clean_unscored(&["a.tar", "-o", "out", "--max-page-bytes", "64KiB"], 3);
    outcome.says(&[
        "a.tar:3: pipe: not a regular file (a pipe is read as -); skipped",
        "a.tar:4: disk: not a regular file (a pipe is read as -); skipped",
        "a.tar:5: sparse: sparse file in an archive; skipped",
        "a.tar:6: /etc/passwd: its name leads out of the archive; skipped",
        "a.tar:7: a/../../b: its name leads out of the archive; skipped",
        "a.tar:8: C:\\b: its name leads out of the archive; skipped",
        "a.tar:9: in.tar: tar inside tar; skipped",
        "a.tar:10: in.zip: zip inside tar; skipped",
        "a.tar:11: in.txt.gz: gzip inside tar; skipped",
        "a.tar:14: nul\\x1b.txt: binary: holds NUL bytes; copied through unchanged",
        "a.tar:16: long.txt: member longer than --max-page-bytes (65536); skipped",
    ]);
    let names: Vec<String> = members(place.read("out"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        ["rows.jsonl", "nul\x1b.txt", "korean.txt", "good.txt"]
    );
    let counts = place.counts("stats");
    assert_eq!(
        (&counts["links"], &counts["other_files"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        (&counts["converted"], &counts["pages"]),
        (&1.into(), &3.into())
    );
    assert_eq!(place.tree("").len(), 5, "nothing beside the outputs");
}

#[test]
fn odd_zips_are_told_member_by_member() {
    let zip = |names: [&str; 3]| zip_of(names.map(|name| (name, FERRY.as_bytes())));
    let good = zip(["one.txt", "two.txt", "three.txt"]);
    let place = Place::new();
    let run = |bytes: &[u8], code: i32, says: &[&str], names: &[&str]| {
        place.file("a.zip", bytes);
        let _ = fs::remove_file(place.path("out"));
        place
            .clean_unscored(&["a.zip", "-o", "out"], code)
            .says(says);
        let found = fs::read(place.path("out")).map(members).unwrap_or_default();
        let found: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, names);
    };
    run(&good, 0, &[], &["one.txt", "two.txt", "three.txt"]);
    // The second is stored: one of its bytes changes.
    let at = memchr::memmem::rfind(&good, b"oldest ferry").expect("a stored text");
    let mut bad = good.clone();
    bad[at] ^= 1;
    run(
        &bad,
        3,
        &[
            "a.zip:2: two.txt: zip data is damaged at byte 284 (Invalid checksum); no output written",
        ],
        &["one.txt", "three.txt"],
    );
    let directory = memchr::memmem::find_iter(&good, b"PK\x01\x02")
        .nth(1)
        .expect("a record");
    for (offset, value, why) in [
        (8, 1, "encrypted"),
        (10, 12, "packed in a way that is not read"),
    ] {
        let mut odd = good.clone();
        odd[directory + offset] = value;
        let says = format!("a.zip:2: two.txt: {why}; skipped");
        run(&odd, 3, &[&says], &["one.txt", "three.txt"]);
    }
    let outside = zip(["one.txt", "../two.txt", "/three.txt"]);
    let says = [
        "a.zip:2: ../two.txt: its name leads out of the archive; skipped",
        "a.zip:3: /three.txt: its name leads out of the archive; skipped",
    ];
    run(&outside, 3, &says, &["one.txt"]);
    let html: [(&str, &[u8]); 2] = [
        ("a.html", b"<html><p>One"),
        ("a.html.txt", PLAIN.as_bytes()),
    ];
    let says = [
        "a.zip:1: a.html: no name left for its text (with .txt it is another file's, or too long); skipped",
    ];
    run(&zip_of(html), 3, &says, &["a.html.txt"]);
    let mut twice = zip(["one.txt", "two.txt", "six.txt"]);
    while let Some(at) = memchr::memmem::find(&twice, b"six.txt") {
        twice[at..at + 7].copy_from_slice(b"two.txt");
    }
    let says = ["a.zip: members of one name in a zip archive; the last of each is read"];
    run(&twice, 3, &says, &["one.txt", "two.txt"]);
    run(&zip_of([]), 0, &[], &[]);
}

#[test]
fn an_archive_that_is_cut_keeps_what_is_whole() {
    let tar = Tar::new()
        .file("one.txt", FERRY)
        .file("two.txt", PLAIN)
        .file("three.txt", FERRY)
        .end();
    let place = Place::new();
    let block = 512;
    let first_end = 2 * block + FERRY.len().next_multiple_of(block) - block;
    for end in (1..tar.len())
        .step_by(101)
        .chain([first_end, tar.len() - 1024])
    {
        for (name, bytes) in [
            ("a.tar", tar[..end].to_vec()),
            (
                "a.tar.zst",
                Packing::Zstd.pack(&tar[..end]).expect("memory"),
            ),
        ] {
            place.file(name, bytes);
            let _ = fs::remove_file(place.path("out"));
            let outcome = place.clean([
                name,
                "-o",
                "out",
                "-q",
                "--no-score",
                "--overwrite",
                "--stats",
                "stats",
            ]);
            // Less than a header, or no end behind a whole one, may be anything else.
            if end >= block {
                let code = if end > tar.len() - 1024 {
                    [0, 3]
                } else {
                    [3, 3]
                };
                assert!(
                    code.contains(&outcome.code.expect("a code")),
                    "{end} {}",
                    outcome.stderr
                );
            }
            place.counts("stats");
            if end < first_end {
                continue;
            }
            let found = members(place.read("out"));
            assert_eq!(
                found[0],
                ("one.txt".to_owned(), FERRY_BODY.as_bytes().to_vec())
            );
            if end < tar.len() - 1024 {
                outcome.mentions("tar data is cut at byte");
            }
        }
    }
    // Half a member is rejected, byte for byte.
    let end = first_end + block + 20;
    place.file("a.tar", &tar[..end]);
    place
        .clean_unscored(&["a.tar", "-o", "out"], 3)
        .says(&[&format!(
            "a.tar:{}: tar data is cut at byte {end}; what is whole before was cleaned",
            first_end + block
        )]);
    assert_eq!(
        place.read("rejects"),
        [&PLAIN.as_bytes()[..20], b"\n"].concat()
    );
    assert_eq!(place.counts("stats")["bytes_rejected"], 20);
    // So is a zip, whose directory is gone.
    let zip = zip_of([("one.txt", FERRY.as_bytes())]);
    place.file("a.zip", &zip[..zip.len() - 30]);
    let _ = fs::remove_file(place.path("out"));
    place
        .clean_unscored(&["a.zip", "-o", "out"], 3)
        .mentions("a.zip: zip data is damaged at byte");
    assert!(!place.path("out").exists());
}

#[test]
fn a_damaged_first_header_is_told_as_damage() {
    let mut tar = Tar::new().file("a.txt", FERRY).end();
    tar[4] ^= 1;
    let place = Place::with([("in/odd.tar", &tar)]);
    let outcome = place.clean(["in", "-o", "out", "-q"]).expect(3);
    outcome.says(&[
        "odd.tar: tar data is damaged at byte 0 (its first header is not whole); no output written",
    ]);
}

#[test]
fn what_follows_the_last_member_is_told() {
    let tar = Tar::new().file("one.txt", FERRY).end();
    let mut bad_sum = Tar::new()
        .file("one.txt", FERRY)
        .file("two.txt", FERRY)
        .end();
    let second = 512 + FERRY.len().next_multiple_of(512);
    bad_sum[second + 148] ^= 1;
    let place = Place::new();
    for (bytes, says) in [
        ([&tar[..], &[0; 10 * 512]].concat(), None),
        ([&tar[..], &tar].concat(), Some(tar.len())),
        ([&tar[..], b"rubbish"].concat(), Some(tar.len())),
        (bad_sum, Some(second)),
    ] {
        place.file("a.tar", bytes);
        let outcome =
            place.clean_unscored(&["a.tar", "-o", "out"], if says.is_some() { 3 } else { 0 });
        if let Some(at) = says {
            outcome.mentions(&format!(
                "no tar data from byte {at} on; what is before was cleaned"
            ));
        }
        let expected = [("one.txt".to_owned(), FERRY_BODY.as_bytes().to_vec())];
        assert_eq!(members(place.read("out")), expected);
    }
}

#[test]
fn bombs_are_stopped() {
    let zeros = vec![b' '; 70 << 20];
    let zip = zip_of([("bomb.txt", &zeros[..]), ("good.txt", FERRY.as_bytes())]);
    assert!(zip.len() < 1 << 20);
    let place = Place::with([("a.zip", &zip)]);
    place
        .clean_unscored(&["a.zip", "-o", "out"], 3)
        .says(&["a.zip:1: bomb.txt: member longer than --max-page-bytes (67108864); skipped"]);
    assert_eq!(members(place.read("out")).len(), 1);
    // A name of 4 GiB, that is not there.
    let mut header = Tar::header(EntryType::GNULongName, 0);
    header.set_size(4 << 30);
    header.set_cksum();
    place.file("a.tar", [&header.as_bytes()[..], &[b'n'; 4096]].concat());
    place
        .clean_unscored(&["a.tar", "-o", "none"], 3)
        .mentions("tar data is cut at byte");
}

#[test]
fn repeats_and_indexes_see_members_as_pages() {
    let place = two_sites();
    place.file("a.tar", tar_of(&place.files("in")));
    let run = |arguments: &[&str]| {
        let output = cargo_bin_cmd!("dechaff")
            .current_dir(place.path(""))
            .args(arguments)
            .output()
            .expect("the program runs");
        support::Outcome::new(output).expect(0)
    };
    let report = |input: &str| {
        let outcome = run(&["repeats", input, "--json", "--top", "20", "--scope", "site"]);
        let report: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
        let blocks = report["blocks"].as_array().expect("blocks").iter();
        let told = |block: &Value| (block["places"].clone(), block["text"].clone());
        blocks.map(told).collect::<Vec<_>>()
    };
    let blocks = report("a.tar");
    assert!(!blocks.is_empty() && blocks == report("in"));
    run(&["index", "build", "a.tar", "-o", "a.idx", "-q"]);
    place.clean_unscored(&["a.tar", "-o", "out", "--corpus-duplicates", "1"], 0);
    run(&[
        "index",
        "build",
        "a.tar",
        "-o",
        "dup.idx",
        "-q",
        "--corpus-duplicates",
        "1",
    ]);
    place.clean_unscored(
        &[
            "a.tar",
            "-o",
            "out-index",
            "--corpus-duplicates",
            "1",
            "--index",
            "dup.idx",
        ],
        0,
    );
    assert!(place.read("out") == place.read("out-index"));
}

/// Changed bytes of archives: no crash, the account adds up. `DECHAFF_MUTANTS` sets how many.
#[test]
fn mutants_are_read_without_harm() {
    let count = count_from("DECHAFF_MUTANTS", 300);
    let tar = Tar::new()
        .file("a.txt", PLAIN)
        .file(&"n".repeat(130), "<p>One<p>Two")
        .odd(b"d/", EntryType::Directory, b"")
        .file("d/b.html", "<html><p>One</html>")
        .end();
    let zip = zip_of([
        ("a.txt", PLAIN.as_bytes()),
        ("b.html", b"<html><p>One"),
        ("c", b"1"),
    ]);
    let gzip = Packing::Gzip.pack(&tar).expect("memory");
    let seeds = [("tar", &tar), ("zip", &zip), ("tgz", &gzip)];
    let mut numbers = Numbers::new(17);
    let mut place = Place::new();
    let flush = |place: &Place| {
        let arguments = ["in", "-o", "out", "-q", "--no-score", "--stats", "stats"];
        let outcome = place.clean(arguments);
        assert!(matches!(outcome.code, Some(0 | 3)), "{outcome:?}");
        place.counts("stats");
    };
    for number in 0..count {
        let (ending, seed) = seeds[number % seeds.len()];
        let mut bytes = seed.clone();
        for _ in 0..1 + numbers.below(5) {
            let at = numbers.below(bytes.len());
            match numbers.below(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = numbers.below(256) as u8,
                2 => bytes[at] ^= 1 << numbers.below(8),
                _ => bytes.insert(at, numbers.below(256) as u8),
            }
        }
        // A header whose sum is right is read on.
        if ending == "tar" && bytes.len() > 512 {
            let sum: u32 = bytes[..512].iter().map(|&byte| u32::from(byte)).sum();
            let old: u32 = bytes[148..156].iter().map(|&byte| u32::from(byte)).sum();
            let sum = format!("{:06o}\0 ", sum - old + 8 * 32);
            bytes[148..156].copy_from_slice(sum.as_bytes());
        }
        place.file(format!("in/{number}.{ending}"), bytes);
        if (number + 1).is_multiple_of(500) {
            flush(&place);
            place = Place::new();
        }
    }
    if !count.is_multiple_of(500) {
        flush(&place);
    }
}

#[test]
fn what_is_named_an_archive_and_does_not_begin_as_one_is_told() {
    let zip = zip_of([("news/a.txt", FERRY.as_bytes())]);
    let tar = Tar::new().file("a.txt", FERRY).end();
    let mut damaged = tar.clone();
    damaged[..512].fill(0xff);
    let place = Place::with([
        ("in/cut.zip", &zip[2..]),
        ("in/damaged.TAR", &damaged),
        ("in/table.parquet", b"\0\x01\x02 no table"),
        ("in/empty.tar", &[0; 10_240]),
        ("in/text.zip", FERRY.as_bytes()),
        ("in/whole.zip", &zip),
        ("in/picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
    ]);
    let outcome = place.clean_unscored(&["in", "-o", "out"], 3);
    outcome.says(&[
        "cut.zip: named as zip, but does not begin as one; skipped",
        "damaged.TAR: named as tar, but does not begin as one; skipped",
        "table.parquet: named as Parquet, but does not begin as one; skipped",
    ]);
    let names: Vec<_> = place.files("out").into_keys().collect();
    assert_eq!(names, [Path::new("text.zip"), Path::new("whole.zip")]);
}

/// What the writer of zip says of an output that fails is not what the user is told.
#[cfg(target_os = "linux")]
#[test]
fn an_output_of_zip_that_fails_is_told_as_any_other() {
    let page = |number: u32| {
        let lines = (0..20_000).map(|line| format!("line {line} of page {number}\n"));
        lines.collect::<String>()
    };
    let pages = [page(1), page(2), page(3)];
    let names = ["1.txt", "2.txt", "3.txt"];
    let zip = zip_of(names.into_iter().zip(pages.iter().map(String::as_bytes)));
    let place = Place::with([("in.zip", zip)]);
    let told = place
        .clean(["in.zip", "-o", "/dev/full", "--no-score", "-q"])
        .expect(1);
    assert_eq!(told.stderr.lines().count(), 1, "{}", told.stderr);
    told.mentions("/dev/full: No space left on device");

    let mut child = place
        .process(["in.zip", "-o", "-", "--no-score", "--scopes", "page"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdout = child.stdout.take().expect("piped");
    let mut first = [0; 2];
    stdout.read_exact(&mut first).expect("a first member");
    drop(stdout);
    let output = child.wait_with_output().expect("can be waited for");
    assert_eq!(&first, b"PK");
    let told = Outcome::new(output).expect(141);
    assert_eq!(told.stderr, "");
}
