//! `dechaff clean` on damaged input of every format: whatever the bytes are, the run ends by
//! itself, below its memory limit, and its account adds up.
#![cfg(feature = "cli")]

mod support;

use std::fs;
use std::path::Path;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray, RecordBatch, StringArray};
use dechaff::source::packed::Packing;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde_json::json;
use support::{Numbers, Place, count_from, parquet_file};

/// Files cleaned in one run.
const BATCH: usize = 250;
/// What a run may take: with the programs and models in memory, and two threads.
const MAX_MEMORY: &str = "256MiB";
const MAX_MEMORY_BYTES: u64 = 256 << 20;

/// Pieces that mean something to a reader of one of the formats.
const PIECES: &[&[u8]] = &[
    b"<",
    b">",
    b"</",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"<script>",
    b"</script",
    b"<style>",
    b"<textarea>",
    b"<plaintext>",
    b"<title>",
    b"<pre>\n",
    b"<table><tr><td>",
    b"</p></div>",
    b"<br/>",
    b"<svg><math>",
    b"<p hidden style='display:none'>",
    b"&#x110000;",
    b"&#0;&#xD800;",
    b"&notin;&amp",
    b"&#99999999999999999999;",
    b"=\"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"\"text\":",
    b"\"text\":\"\",",
    b"1e999",
    b",",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\0",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x80\xa8",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\xff\xff",
    b"\x28\xb5\x2f\xfd",
    b"\x28\xb5\x2f\xfd\x00\xa8",
    b"\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x50\x2a\x4d\x18\xff\xff\xff\xff",
];

/// Changes bytes in a few places, each in one of several ways.
fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..1 + numbers.below(6) {
        let at = numbers.below(bytes.len() + 1);
        let length = 1 + numbers.below(64);
        let end = bytes.len().min(at + length);
        match numbers.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 => (at..end).for_each(|at| bytes[at] = numbers.below(256) as u8),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            // A stretch again, somewhere else, up to a hundred times.
            4 => {
                let times = 1 + numbers.below(4) / 3 * 99;
                let stretch = bytes[at..end].repeat(times);
                let to = numbers.below(bytes.len() + 1);
                bytes.splice(to..to, stretch);
            }
            5 => {
                let piece = numbers.pick(PIECES);
                let times = 1 + numbers.below(8) / 7 * 2000;
                bytes.splice(at..at, piece.repeat(times));
            }
            _ => {
                let piece = numbers.pick(PIECES);
                bytes.splice(at..end, piece.iter().copied());
            }
        }
    }
}

/// The pages of `corpus/`.
fn pages() -> Vec<String> {
    let sites = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/pages"));
    let mut paths: Vec<_> = sites
        .expect("the corpus")
        .flat_map(|site| fs::read_dir(site.expect("a site").path()).expect("pages"))
        .map(|page| page.expect("a page").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read_to_string(path).expect("a page"))
        .collect()
}

/// A page as HTML of many kinds of elements.
fn html_of(page: &str, numbers: &mut Numbers) -> String {
    const AROUND: &[(&str, &str)] = &[
        ("<p>", "</p>"),
        ("<p>", ""),
        ("<div class=\"a b\" id='x'>", "</div>"),
        ("<li><a href=\"/x?a=1&amp;b=2\">", "</a></li>"),
        ("<h2>", "</h2>"),
        ("<table><tr><td>", "</td><td>&nbsp;</td></tr></table>"),
        (
            "<section><article><div><span>",
            "</span></div></article></section>",
        ),
        ("<pre>", "</pre>"),
        ("<!-- ", " -->"),
        ("<script>var a = \"", "\";</script>"),
        (
            "<form><label>",
            "<input type=text value=\"x\"></label></form>",
        ),
    ];
    let mut html = String::from(
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>A page</title>\
         <style>p { color: red }</style></head>\n<body>\n",
    );
    for line in page.lines() {
        let (before, behind) = numbers.pick(AROUND);
        html += &format!("{before}{}{behind}\n", line.replace('<', "&lt;"));
    }
    html + "</body></html>\n"
}

fn row_of(text: &str, number: usize) -> String {
    let url = format!("https://site{}.example/{number}", number % 7);
    json!({ "id": number, "url": url, "text": text, "n": [1, {}] }).to_string() + "\n"
}

/// Cleans mutants of files in batches, those of a batch in one run.
///
/// `make` gives a file's bytes, with what is to be changed before it is put into its format
/// changed already; the bytes of every second file are changed again.
fn clean_mutants(
    name: &str,
    seed: u64,
    options: &[&str],
    make: impl Fn(&str, &mut Numbers, usize) -> Vec<u8>,
) {
    let pages = pages();
    let mutants = count_from("DECHAFF_MUTANTS", 250);
    // Earlier ones are made, but not cleaned.
    let from = count_from("DECHAFF_MUTANTS_FROM", 0);
    let mut numbers = Numbers::new(seed);
    for first in (0..mutants).step_by(BATCH) {
        let place = Place::new();
        for number in first..mutants.min(first + BATCH) {
            let page = &pages[numbers.below(pages.len())];
            let mut bytes = make(page, &mut numbers, number);
            if number % 2 == 0 {
                mutate(&mut bytes, &mut numbers);
            }
            place.file(format!("in/{}/{number}.{name}", number % 3), bytes);
        }
        let mode = numbers.pick(&["drop", "tag", "spans"]);
        if first < from {
            continue;
        }
        let outcome = place.clean(
            [
                "in",
                "-o",
                "out",
                "-q",
                "--threads",
                "2",
                "--max-memory",
                MAX_MEMORY,
                "--max-page-bytes",
                "8MiB",
                "--mode",
                mode,
                "--stats",
                "stats",
                "--removed",
                "ledger",
                "--rejects",
                "rejects",
            ]
            .iter()
            .chain(options),
        );
        let what = format!("{name}, seed {seed}, mutants from {first}, {mode}");
        assert!(
            matches!(outcome.code, Some(0 | 3)),
            "{what}: {:?}: {}",
            outcome.code,
            outcome.stderr
        );
        assert!(!outcome.stderr.contains("internal error"), "{what}");
        let counts = place.counts("stats");
        assert!(
            counts["pages"].as_u64() > Some(0),
            "{what}: nothing was read"
        );
        if let Some(peak) = place.read_json("stats")["peak_memory_bytes"].as_u64() {
            assert!(peak < MAX_MEMORY_BYTES, "{what}: {peak} bytes");
        }
    }
}

/// Bytes of which some are changed, every second time.
fn changed(bytes: String, numbers: &mut Numbers, number: usize) -> Vec<u8> {
    let mut bytes = bytes.into_bytes();
    if number % 2 == 1 {
        mutate(&mut bytes, numbers);
    }
    bytes
}

/// Rows of HTML and text; in every second file the texts are changed.
fn rows_of(page: &str, numbers: &mut Numbers, number: usize, is_html: bool) -> Vec<u8> {
    let rows: String = (0..1 + numbers.below(4))
        .map(|row| {
            let text = match is_html {
                true => html_of(page, numbers),
                false => page.to_owned(),
            };
            let text = changed(text, numbers, number);
            row_of(&String::from_utf8_lossy(&text), number * 10 + row)
        })
        .collect();
    rows.into_bytes()
}

#[test]
fn html_files() {
    clean_mutants("html", 21, &[], |page, numbers, number| {
        let html = html_of(page, numbers);
        changed(html, numbers, number)
    });
}

#[test]
fn html_in_json_lines() {
    let options = ["--text-format", "html"];
    clean_mutants("jsonl", 22, &options, |page, numbers, number| {
        rows_of(page, numbers, number, true)
    });
}

/// A file of Parquet with a few rows, packed in one of several ways; in every second one the texts
/// are changed.
fn table_of(page: &str, numbers: &mut Numbers, number: usize) -> Vec<u8> {
    let texts: Vec<Vec<u8>> = (0..1 + numbers.below(40))
        .map(|_| changed(page.to_owned(), numbers, number))
        .collect();
    let texts = texts.iter().enumerate();
    let texts = texts.map(|(row, text)| (row % 5 != 3).then_some(&text[..]));
    let texts: ArrayRef = Arc::new(BinaryArray::from_iter(texts));
    let rows = texts.len();
    let urls: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..rows).map(|row| format!("https://site{}.example/{row}", number % 7)),
    ));
    let table =
        RecordBatch::try_from_iter_with_nullable([("text", texts, true), ("url", urls, true)]);
    let table = table.expect("a table");
    let packing = numbers.pick(&[
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4_RAW,
        Compression::LZ4,
    ]);
    let encoding = numbers.pick(&[
        Encoding::PLAIN,
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Encoding::DELTA_BYTE_ARRAY,
    ]);
    let properties = WriterProperties::builder()
        .set_compression(packing)
        .set_encoding(encoding)
        .set_dictionary_enabled(numbers.below(2) == 0)
        .set_data_page_size_limit(numbers.pick(&[1000, 1 << 20]))
        .set_write_batch_size(4)
        .set_writer_version(numbers.pick(&[WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0]))
        .set_max_row_group_row_count(Some(numbers.pick(&[7, 1000])))
        .build();
    parquet_file(&[table], properties)
}

#[test]
fn parquet() {
    clean_mutants("parquet", 28, &[], table_of);
}

#[test]
fn json_lines() {
    clean_mutants("jsonl", 23, &[], |page, numbers, number| {
        rows_of(page, numbers, number, false)
    });
}

/// A packed page of text, of HTML or of rows, in several members or frames.
fn packed(page: &str, numbers: &mut Numbers, number: usize, packing: Packing) -> Vec<u8> {
    let bytes = match number % 6 / 2 {
        0 => changed(page.to_owned(), numbers, number),
        1 => changed(html_of(page, numbers), numbers, number),
        _ => rows_of(page, numbers, number, number % 12 < 6),
    };
    let size = 1 + numbers.below(bytes.len() + 1);
    let pieces = bytes.chunks(size).take(50);
    pieces
        .flat_map(|piece| packing.pack(piece).expect("memory"))
        .collect()
}

#[test]
fn gzip() {
    for (name, seed) in [("txt.gz", 24), ("jsonl.gz", 25)] {
        clean_mutants(name, seed, &[], |page, numbers, number| {
            packed(page, numbers, number, Packing::Gzip)
        });
    }
}

#[test]
fn zstd() {
    for (name, seed) in [("txt.zst", 26), ("jsonl.zst", 27)] {
        clean_mutants(name, seed, &[], |page, numbers, number| {
            packed(page, numbers, number, Packing::Zstd)
        });
    }
}
