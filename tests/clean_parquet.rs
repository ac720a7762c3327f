//! `dechaff clean` on Parquet: rows are pages, every other column stays as it is, byte for byte.
#![cfg(feature = "cli")]

mod support;

use std::fs::File;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    Int32Builder, ListBuilder, MapBuilder, StringBuilder, StringDictionaryBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray,
    Float64Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, StructArray, TimestampMicrosecondArray, UInt8Array, UInt64Array,
};
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::metadata::{
    KeyValue, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::schema::types::ColumnPath;
use serde_json::{Value, json};
use support::{FERRY, FERRY_BODY, PLAIN, Place, parquet_file, rebuild, rows_of};

/// A table with a column of texts and one of URLs.
fn table(texts: &[Option<&str>]) -> RecordBatch {
    let urls: StringArray = (0..texts.len())
        .map(|row| Some(format!("https://www.site{}.example/{row}", row % 3)))
        .collect();
    let ids: Int64Array = (0..texts.len() as i64).map(Some).collect();
    batch(vec![
        ("id", Arc::new(ids)),
        ("text", Arc::new(StringArray::from(texts.to_vec()))),
        ("url", Arc::new(urls)),
    ])
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("a table")
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_compression(Compression::SNAPPY)
}

fn metadata(bytes: &[u8]) -> ParquetMetaData {
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes);
    metadata.expect("a footer")
}

/// All rows as one table.
fn read(bytes: &[u8]) -> RecordBatch {
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a footer");
    let reader = reader.with_batch_size(1 << 20);
    let schema = Arc::clone(reader.schema());
    let mut batches: Vec<RecordBatch> = reader
        .build()
        .expect("a reader")
        .map(|batch| batch.expect("rows"))
        .collect();
    match batches.len() {
        0 => RecordBatch::new_empty(schema),
        1 => batches.remove(0),
        _ => panic!("more rows than a test needs"),
    }
}

/// A column as strings.
fn strings(table: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = table.column_by_name(column).expect("the column");
    let column: &StringArray = column.as_any().downcast_ref().expect("strings");
    column.iter().map(|text| text.map(str::to_owned)).collect()
}

/// The same rows as JSON lines.
fn json_lines(table: &RecordBatch) -> String {
    let texts = strings(table, "text");
    let urls = strings(table, "url");
    let ids = table.column_by_name("id").expect("a column");
    let ids = ids.as_any().downcast_ref::<Int64Array>();
    let ids = ids.expect("numbers").values().iter();
    let rows = texts.iter().zip(&urls).zip(ids);
    rows.map(|((text, url), id)| json!({ "id": id, "text": text, "url": url }).to_string() + "\n")
        .collect()
}

fn field_of(rows: &str, field: &str) -> Vec<Option<String>> {
    let rows = rows
        .lines()
        .map(|row| -> Value { serde_json::from_str(row).expect("JSON") });
    rows.map(|row| row[field].as_str().map(str::to_owned))
        .collect()
}

/// Pages of three sites: a menu, a doubled headline, lines of their own.
fn page(number: usize) -> String {
    let menu = "Home\nNews\nSports\nWeather\nContact the newsroom\nSubscribe to our letter\n\n";
    let headline = format!("The council of town number {number} decides on the bridge again");
    let lines: String = (0..3 + number % 4)
        .map(|line| {
            let year = 1900 + number * 7 % 100;
            format!(
                "In paragraph {line} of report {number} the town's engineers explain at length \
                 why the bridge of {year} must be closed for repairs.\n"
            )
        })
        .collect();
    format!("{menu}{headline}\n{headline}\n\n{lines}\nSign in to comment\nAll rights reserved\n")
}

/// A file of pages in three row groups, with rows that hold no text.
fn pages(rows: usize) -> Vec<u8> {
    let group = |from: usize| {
        let texts: Vec<Option<String>> = (from..from + rows)
            .map(|number| (number % 11 != 5).then(|| page(number)))
            .collect();
        table(&texts.iter().map(Option::as_deref).collect::<Vec<_>>())
    };
    parquet_file(
        &[group(0), group(rows), group(2 * rows)],
        properties().build(),
    )
}

/// Many kinds of columns, some rows of each null.
fn odd_columns(from: usize, rows: usize) -> RecordBatch {
    let all = || from..from + rows;
    let some = |number: usize, every: usize| !number.is_multiple_of(every);
    let text: StringArray = all()
        .map(|number| match number % 100 {
            0 => Some(FERRY.to_owned()),
            1 => Some(String::new()),
            2 => None,
            _ => Some(format!(
                "Row {number} of the table has a text of its own.\n"
            )),
        })
        .collect();
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    let mut words = StringDictionaryBuilder::<Int32Type>::new();
    for number in all() {
        for item in 0..number % 4 {
            lists
                .values()
                .append_option((item != 1).then(|| format!("item {item}")));
            maps.keys().append_value(format!("key {item}"));
            maps.values()
                .append_option((item != 2).then_some(number as i32));
        }
        lists.append(some(number, 13));
        maps.append(some(number, 17)).expect("a map");
        words.append_value(["news", "sports", "weather"][number % 3]);
    }
    let inner: ArrayRef = Arc::new(
        all()
            .map(|n| some(n, 3).then(|| n.to_string()))
            .collect::<StringArray>(),
    );
    let truth: ArrayRef = Arc::new(
        all()
            .map(|n| some(n, 5).then_some(n % 2 == 0))
            .collect::<BooleanArray>(),
    );
    let structs = StructArray::from(vec![
        (Arc::new(Field::new("text", DataType::Utf8, true)), inner),
        (
            Arc::new(Field::new("truth", DataType::Boolean, true)),
            truth,
        ),
    ]);
    let digests = all().map(|n| some(n, 7).then(|| (n as u64).to_le_bytes()));
    let decimals: Decimal128Array = all()
        .map(|n| some(n, 9).then_some(n as i128 * 1_000_003))
        .collect();
    let times: TimestampMicrosecondArray = all()
        .map(|n| some(n, 8).then_some(n as i64 * 977))
        .collect();
    let floats: Float64Array = all()
        .map(|n| {
            some(n, 6).then_some(match n % 10 {
                0 => f64::NAN,
                1 => f64::NEG_INFINITY,
                2 => -0.0,
                _ => n as f64 / 3.0,
            })
        })
        .collect();
    let bytes: BinaryArray = all()
        .map(|n| some(n, 4).then(|| vec![n as u8, 0xff, 0]))
        .collect();
    let large: LargeStringArray = all()
        .map(|n| some(n, 5).then(|| format!("large {n}")))
        .collect();
    let view: StringViewArray = all()
        .map(|n| some(n, 3).then(|| format!("a view that is long {n}")))
        .collect();
    batch(vec![
        (
            "id",
            Arc::new(all().map(|n| Some(n as i64)).collect::<Int64Array>()),
        ),
        ("tags", Arc::new(lists.finish())),
        ("nested", Arc::new(structs)),
        ("text", Arc::new(text)),
        ("counts", Arc::new(maps.finish())),
        ("word", Arc::new(words.finish())),
        (
            "digest",
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size(digests, 8).expect("digests"),
            ),
        ),
        (
            "price",
            Arc::new(decimals.with_precision_and_scale(30, 4).expect("decimals")),
        ),
        ("time", Arc::new(times.with_timezone("Asia/Seoul"))),
        ("float", Arc::new(floats)),
        ("bytes", Arc::new(bytes)),
        ("large", Arc::new(large)),
        ("view", Arc::new(view)),
        (
            "small",
            Arc::new(
                all()
                    .map(|n| some(n, 2).then_some(n as u8))
                    .collect::<UInt8Array>(),
            ),
        ),
        ("null", arrow_array::new_null_array(&DataType::Int32, rows)),
    ])
}

/// The bytes of a column of a row group.
fn chunk<'b>(bytes: &'b [u8], metadata: &ParquetMetaData, group: usize, column: usize) -> &'b [u8] {
    let (start, length) = metadata.row_group(group).column(column).byte_range();
    &bytes[start as usize..(start + length) as usize]
}

#[test]
fn columns_and_rows_outside_the_text_are_as_they_were() {
    let groups = [
        odd_columns(0, 60_000),
        odd_columns(60_000, 39_000),
        odd_columns(99_000, 1_000),
    ];
    let packed = |name: &str| ColumnPath::from(name.to_owned());
    let properties = properties()
        .set_column_compression(packed("text"), Compression::ZSTD(ZstdLevel::default()))
        .set_column_compression(packed("id"), Compression::LZ4_RAW)
        .set_column_compression(packed("view"), Compression::UNCOMPRESSED)
        .set_column_compression(packed("large"), Compression::GZIP(GzipLevel::default()))
        .set_column_bloom_filter_enabled(packed("large"), true)
        .set_column_bloom_filter_enabled(packed("text"), true)
        .set_key_value_metadata(Some(vec![
            KeyValue::new("who".to_owned(), "us".to_owned()),
            KeyValue::new("nothing".to_owned(), None),
        ]));
    let before = parquet_file(&groups, properties.build());
    let place = Place::with([("in.parquet", &before)]);
    place.clean_unscored(&["in.parquet", "-o", "out.parquet", "--site", "none"], 0);
    let after = place.read("out.parquet");

    let (was, is) = (metadata(&before), metadata(&after));
    assert_eq!(was.num_row_groups(), is.num_row_groups());
    let (of_file, of_new) = (was.file_metadata(), is.file_metadata());
    assert_eq!(of_file.schema(), of_new.schema());
    assert_eq!(of_file.key_value_metadata(), of_new.key_value_metadata());
    assert_eq!(of_file.created_by(), of_new.created_by());
    let columns = of_file.schema_descr().columns();
    for group in 0..was.num_row_groups() {
        assert_eq!(
            was.row_group(group).num_rows(),
            is.row_group(group).num_rows()
        );
        for (number, column) in columns.iter().enumerate() {
            let (old, new) = (
                was.row_group(group).column(number),
                is.row_group(group).column(number),
            );
            assert_eq!(old.compression(), new.compression());
            if column.path().string() == "text" {
                assert_eq!(new.bloom_filter_offset(), None, "its values are others");
                continue;
            }
            assert!(
                chunk(&before, &was, group, number) == chunk(&after, &is, group, number),
                "{}",
                column.path()
            );
            assert_eq!(old.statistics(), new.statistics());
            assert_eq!(old.bloom_filter_length(), new.bloom_filter_length());
            if let (Some(from), Some(to)) = (old.bloom_filter_offset(), new.bloom_filter_offset()) {
                let length = old.bloom_filter_length().expect("a length") as usize;
                let [from, to] = [from as usize, to as usize];
                assert!(before[from..from + length] == after[to..to + length]);
            }
        }
    }
    let (old, new) = (read(&before), read(&after));
    assert_eq!(old.schema(), new.schema());
    assert_eq!(new.num_rows(), 100_000);
    let mut texts = 0;
    for (number, field) in old.schema().fields().iter().enumerate() {
        match field.name().as_str() {
            "text" => {
                for (old, new) in strings(&old, "text").iter().zip(strings(&new, "text")) {
                    let expected = match old.as_deref() {
                        Some(FERRY) => Some(FERRY_BODY),
                        other => other,
                    };
                    assert_eq!(new.as_deref(), expected);
                    texts += usize::from(new.is_some());
                }
            }
            _ => assert!(old.column(number) == new.column(number), "{}", field.name()),
        }
    }
    let counts = place.counts("stats");
    assert_eq!(counts["pages"], texts);
    assert_eq!(counts["rows_without_text"], 1000);
}

#[test]
fn texts_are_cleaned_as_rows_of_json_lines_are() {
    let bytes = pages(200);
    let table = read(&bytes);
    for mode in ["drop", "tag", "spans"] {
        for more in [
            &[][..],
            &["--corpus-duplicates", "1"],
            &["--site", "domain"],
        ] {
            let place = Place::with([("in.parquet", &bytes)]);
            place.file("in.jsonl", json_lines(&table));
            let clean = |kind: &str| {
                let names = [
                    format!("in.{kind}"),
                    format!("out.{kind}"),
                    format!("ledger.{kind}"),
                ];
                let arguments = ["-q", "--mode", mode, "--stats", "stats", "--overwrite"];
                let arguments = arguments
                    .iter()
                    .chain(more)
                    .map(|argument| argument.to_string());
                let [input, output, ledger] = names;
                let files = [
                    input,
                    "-o".to_owned(),
                    output,
                    "--removed".to_owned(),
                    ledger,
                ];
                place.clean(arguments.chain(files)).expect(0);
                let mut counts = place.counts("stats");
                counts["bytes_read"] = Value::Null;
                (counts, place.read_text(format!("ledger.{kind}")))
            };
            let (counts, ledger) = clean("parquet");
            let (expected, of_rows) = clean("jsonl");
            assert_eq!(counts, expected, "{mode} {more:?}");
            let renamed = of_rows.replace("in.jsonl#", "in.parquet#");
            assert!(ledger == renamed, "{mode} {more:?}");
            assert!(
                expected["template"]["lines"].as_u64() > Some(0),
                "{mode} {more:?}"
            );
            let cleaned = read(&place.read("out.parquet"));
            let rows = place.read_text("out.jsonl");
            assert!(strings(&cleaned, "text") == field_of(&rows, "text"));
            assert!(cleaned.column(0) == table.column(0) && cleaned.column(2) == table.column(2));
            if mode != "drop" {
                let fields = strings(&cleaned, "dechaff");
                for (field, row) in fields.iter().zip(rows.lines()) {
                    let row: Value = serde_json::from_str(row).expect("JSON");
                    let field = field
                        .as_deref()
                        .map(|field| -> Value { serde_json::from_str(field).expect("JSON") });
                    assert_eq!(field.as_ref(), row.get("dechaff"));
                }
            }
        }
    }
}

#[test]
fn output_and_ledger_rebuild_the_texts() {
    let bytes = pages(50);
    let place = Place::with([("in.parquet", &bytes)]);
    place.clean_unscored(&["in.parquet", "-o", "out.parquet"], 0);
    let ledger = place.ledger("ledger");
    let (old, new) = (read(&bytes), read(&place.read("out.parquet")));
    let texts = strings(&old, "text").into_iter().zip(strings(&new, "text"));
    for (row, (old, new)) in texts.enumerate() {
        assert_eq!(old.is_some(), new.is_some());
        let name = format!("in.parquet#{}", row + 1);
        let kept = new.unwrap_or_default();
        let rebuilt = rebuild(kept.as_bytes(), rows_of(&ledger, &name));
        assert_eq!(
            String::from_utf8(rebuilt).ok(),
            Some(old.unwrap_or_default())
        );
    }
}

#[test]
fn the_ledger_tells_what_rows_are_called() {
    let rows = 4;
    let texts: StringArray = (0..rows).map(|_| Some(FERRY)).collect();
    let long = "a".repeat(2000);
    let names: StringArray = [Some("a\u{1b}\"1"), None, Some(&long), Some("b")]
        .into_iter()
        .collect();
    let bytes: BinaryArray = [Some(&b"\xff"[..]), None, Some(b"c"), Some(b"")]
        .into_iter()
        .collect();
    let small: Int32Array = [Some(-7), Some(i32::MAX), None, Some(0)]
        .into_iter()
        .collect();
    let large: Int64Array = [Some(i64::MIN), Some(1), None, Some(0)]
        .into_iter()
        .collect();
    let unsigned: UInt64Array = (0..rows as u64).map(Some).collect();
    let floats: Float64Array = (0..rows).map(|row| Some(row as f64)).collect();
    let table = batch(vec![
        ("text", Arc::new(texts)),
        ("names", Arc::new(names)),
        ("bytes", Arc::new(bytes)),
        ("small", Arc::new(small)),
        ("large", Arc::new(large)),
        ("unsigned", Arc::new(unsigned)),
        ("floats", Arc::new(floats)),
    ]);
    let by_deltas = properties()
        .set_dictionary_enabled(false)
        .set_column_encoding(ColumnPath::from("large"), Encoding::DELTA_BINARY_PACKED);
    for properties in [properties(), by_deltas] {
        let bytes = parquet_file(&[table.clone(), table.clone()], properties.build());
        let place = Place::with([("in.parquet", &bytes)]);
        for (field, expected) in [
            ("names", json!(["a\u{1b}\"1", null, null, "b"])),
            ("bytes", json!([null, null, "c", ""])),
            ("small", json!([-7, i32::MAX, null, 0])),
            ("large", json!([i64::MIN, 1, null, 0])),
            ("unsigned", json!([null, null, null, null])),
            ("floats", json!([null, null, null, null])),
            ("nothing", json!([null, null, null, null])),
            ("text", json!([FERRY, FERRY, FERRY, FERRY])),
        ] {
            let files = ["in.parquet", "-o", "out.parquet", "--removed", "ledger"];
            let options = ["--no-score", "-q", "--overwrite", "--id-field", field];
            place.clean(files.iter().chain(&options)).expect(0);
            let ledger = place.read_text("ledger");
            let mut told = vec![Value::Null; 2 * rows];
            let mut lines = vec![0; 2 * rows];
            for row in ledger.lines() {
                let row: Value = serde_json::from_str(row).expect("JSON");
                let number = row["page"].as_str().expect("a page").rsplit('#').next();
                let number: usize = number.expect("a number").parse().expect("a number");
                told[number - 1] = row["id"].clone();
                lines[number - 1] += 1;
            }
            assert!(lines.iter().all(|&lines| lines > 0), "{field}");
            let expected = expected.as_array().expect("a list");
            assert_eq!(told, [&expected[..], &expected[..]].concat(), "{field}");
        }
    }
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let bytes = pages(900);
    let place = Place::with([("in/a.parquet", &bytes), ("in/b.parquet", &pages(3))]);
    let outputs: Vec<_> = [("1", "drop"), ("4", "drop"), ("1", "tag"), ("4", "tag")]
        .into_iter()
        .map(|(threads, mode)| {
            let options = ["in", "-o", "out", "--threads", threads, "--mode", mode];
            place.clean_unscored(&options, 0);
            (place.files("out"), place.read("ledger"))
        })
        .collect();
    assert!(outputs[0] == outputs[1]);
    assert!(outputs[2] == outputs[3]);
    assert!(outputs[0] != outputs[2]);
}

#[test]
fn every_kind_of_text_column_stays_of_its_kind() {
    let texts = [Some(FERRY), None, Some(PLAIN), Some("")];
    let cleaned = [Some(FERRY_BODY), None, Some(PLAIN), Some("")];
    let mut words = StringDictionaryBuilder::<Int32Type>::new();
    texts.iter().for_each(|text| words.append_option(*text));
    let columns: [ArrayRef; 5] = [
        Arc::new(StringArray::from(texts.to_vec())),
        Arc::new(LargeStringArray::from(texts.to_vec())),
        Arc::new(StringViewArray::from(texts.to_vec())),
        Arc::new(BinaryArray::from_iter(
            texts.map(|text| text.map(str::as_bytes)),
        )),
        Arc::new(words.finish()),
    ];
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4_RAW,
        Compression::LZ4,
    ];
    let encodings = [
        None,
        Some(Encoding::PLAIN),
        Some(Encoding::DELTA_LENGTH_BYTE_ARRAY),
        Some(Encoding::DELTA_BYTE_ARRAY),
    ];
    let place = Place::new();
    for (kind, column) in columns.iter().enumerate() {
        let table = batch(vec![("text", Arc::clone(column))]);
        for (number, codec) in codecs.into_iter().enumerate() {
            for (way, encoding) in encodings.into_iter().enumerate() {
                let properties = properties().set_compression(codec);
                let properties = match encoding {
                    Some(encoding) => properties
                        .set_dictionary_enabled(false)
                        .set_encoding(encoding),
                    None => properties,
                };
                for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                    let properties = properties.clone().set_writer_version(version);
                    let name = format!("in/{kind}/{number}-{way}-{}.parquet", version.as_num());
                    place.file(
                        name,
                        parquet_file(std::slice::from_ref(&table), properties.build()),
                    );
                }
            }
        }
    }
    place.clean_unscored(&["in", "-o", "out"], 0);
    let files = place.files("out");
    assert_eq!(files.len(), 5 * 7 * 4 * 2);
    for (name, bytes) in files {
        let kind: usize = name
            .iter()
            .next()
            .expect("a kind")
            .to_str()
            .expect("text")
            .parse()
            .expect("a number");
        let mut words = StringDictionaryBuilder::<Int32Type>::new();
        cleaned.iter().for_each(|text| words.append_option(*text));
        let expected: ArrayRef = match kind {
            0 => Arc::new(StringArray::from(cleaned.to_vec())),
            1 => Arc::new(LargeStringArray::from(cleaned.to_vec())),
            2 => Arc::new(StringViewArray::from(cleaned.to_vec())),
            3 => Arc::new(BinaryArray::from_iter(
                cleaned.map(|text| text.map(str::as_bytes)),
            )),
            _ => Arc::new(words.finish()),
        };
        assert_eq!(read(&bytes).column(0), &expected, "{}", name.display());
        let (old, new) = (
            metadata(&place.read(Path::new("in").join(&name))),
            metadata(&bytes),
        );
        let codec = |metadata: &ParquetMetaData| metadata.row_group(0).column(0).compression();
        assert_eq!(codec(&old), codec(&new), "{}", name.display());
    }
}

#[test]
fn a_column_that_may_not_be_null_stays_so() {
    let schema = Schema::new(vec![Field::new("text", DataType::Utf8, false)]);
    let texts: ArrayRef = Arc::new(StringArray::from(vec![FERRY, PLAIN]));
    let table = RecordBatch::try_new(Arc::new(schema), vec![texts]).expect("a table");
    let place = Place::with([("in.parquet", parquet_file(&[table], properties().build()))]);
    for mode in ["drop", "tag"] {
        place.clean_unscored(&["in.parquet", "-o", "out.parquet", "--mode", mode], 0);
        let cleaned = read(&place.read("out.parquet"));
        assert!(!cleaned.schema().field(0).is_nullable());
        let first = if mode == "drop" { FERRY_BODY } else { FERRY };
        assert_eq!(strings(&cleaned, "text")[0].as_deref(), Some(first));
    }
}

#[test]
fn arrows_own_schema_knows_the_column_that_is_added() {
    let table = odd_columns(0, 300);
    let place = Place::with([(
        "in.parquet",
        parquet_file(std::slice::from_ref(&table), properties().build()),
    )]);
    place.clean_unscored(&["in.parquet", "-o", "out.parquet", "--mode", "spans"], 0);
    let cleaned = read(&place.read("out.parquet"));
    let mut fields = table.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("dechaff", DataType::Utf8, true)));
    assert_eq!(cleaned.schema().fields(), &Fields::from(fields));
    for (number, column) in table.columns().iter().enumerate() {
        assert!(column == cleaned.column(number), "{number}");
    }
    // What was made so is not tagged again.
    let outcome = place.clean_unscored(&["out.parquet", "-o", "again.parquet", "--mode", "tag"], 3);
    outcome.says(&["out.parquet: already has the column 'dechaff'; skipped"]);
    assert!(!place.path("again.parquet").exists());
    place.clean_unscored(&["out.parquet", "-o", "again.parquet"], 0);
}

#[test]
fn html_is_rendered_in_any_bytes() {
    let html = "<!doctype html><meta charset=iso-8859-1><p>The caf\u{e9} opens at noon.</p><p>And closes late.</p>";
    let latin: Vec<u8> = html.chars().map(|c| c as u8).collect();
    let values: Vec<Option<&[u8]>> = vec![
        Some(html.as_bytes()),
        Some(&latin),
        Some(b"The caf\xe9 is no HTML.\n"),
        Some(b"\xff\0\x01\x02"),
    ];
    let table = batch(vec![("html", Arc::new(BinaryArray::from(values)))]);
    let place = Place::with([("in.parquet", parquet_file(&[table], properties().build()))]);
    let arguments = ["in.parquet", "-o", "out.parquet", "--text-field", "html"];
    let outcome = place.clean_unscored(&arguments, 3);
    outcome.says(&["in.parquet:4: binary: holds NUL bytes; copied through unchanged"]);
    let cleaned = read(&place.read("out.parquet"));
    let cleaned: &BinaryArray = cleaned.column(0).as_any().downcast_ref().expect("bytes");
    let text = "The caf\u{e9} opens at noon.\nAnd closes late.\n";
    assert_eq!(cleaned.value(0), text.as_bytes());
    assert_eq!(cleaned.value(1), text.as_bytes());
    assert_eq!(cleaned.value(2), b"The caf\xe9 is no HTML.\n");
    assert_eq!(cleaned.value(3), b"\xff\0\x01\x02");
    assert_eq!(place.counts("stats")["html_pages"], 2);
}

#[test]
fn files_and_row_groups_without_rows_stay() {
    let empty = table(&[]);
    let some = table(&[Some(FERRY), None]);
    let schema = some.schema();
    let mut none = Vec::new();
    ArrowWriter::try_new(&mut none, schema, None)
        .expect("a file")
        .close()
        .expect("a footer");
    let place = Place::with([("in/none.parquet", none)]);
    let groups = [some.clone(), some.clone()];
    let bytes = parquet_file(&groups, properties().build());
    // A row group without rows, between the two.
    let was = metadata(&bytes);
    let hollow = was.row_group(0).clone().into_builder().set_num_rows(0);
    let columns = was.row_group(0).columns().iter().map(|column| {
        let hollow = column.clone().into_builder().set_num_values(0);
        let hollow = hollow.set_total_compressed_size(0).clear_statistics();
        hollow
            .set_dictionary_page_offset(None)
            .build()
            .expect("a column")
    });
    let hollow = hollow
        .set_column_metadata(columns.collect())
        .build()
        .expect("a row group");
    let groups = vec![was.row_group(0).clone(), hollow, was.row_group(1).clone()];
    place.file("in/some.parquet", with_footer(&bytes, &was, groups));
    place.clean_unscored(&["in", "-o", "out"], 0);
    let files = place.files("out");
    assert_eq!(read(&files[Path::new("none.parquet")]), empty);
    let cleaned = &files[Path::new("some.parquet")];
    let rows = metadata(cleaned)
        .row_groups()
        .iter()
        .map(|group| group.num_rows())
        .collect::<Vec<_>>();
    assert_eq!(rows, [2, 0, 2]);
    let texts = strings(&read(cleaned), "text");
    assert_eq!(
        texts,
        [
            Some(FERRY_BODY.to_owned()),
            None,
            Some(FERRY_BODY.to_owned()),
            None
        ]
    );
}

/// The same file with other row groups in its footer.
fn with_footer(
    bytes: &[u8],
    was: &ParquetMetaData,
    groups: Vec<parquet::file::metadata::RowGroupMetaData>,
) -> Vec<u8> {
    let footer = u32::from_le_bytes(*bytes[bytes.len() - 8..].first_chunk().expect("a length"));
    let mut changed = bytes[..bytes.len() - 8 - footer as usize].to_vec();
    let metadata = ParquetMetaData::new(was.file_metadata().clone(), groups);
    let mut footer = Vec::new();
    let writer = ParquetMetaDataWriter::new(&mut footer, &metadata);
    writer.finish().expect("a footer");
    changed.extend(footer);
    changed
}

#[test]
fn a_mixed_directory_is_told_by_content() {
    let bytes = pages(20);
    let place = Place::with([
        ("in/a.txt", FERRY.as_bytes()),
        ("in/b.parquet", &bytes),
        ("in/c.PQ", &bytes),
        ("in/d.jsonl", b"{\"text\":\"a\"}\n"),
        ("in/e.dat", &bytes),
        ("in/f.parquet", PLAIN.as_bytes()),
        ("in/g.parquet.gz", &support_gzip(&bytes)),
    ]);
    let outcome = place.clean_unscored(&["in", "-o", "out"], 3);
    outcome.says(&[
        "e.dat: Parquet, but not named .parquet; skipped (--format parquet reads it)",
        "g.parquet.gz: Parquet inside gzip; skipped",
    ]);
    let names: Vec<_> = place.files("out").into_keys().collect();
    let expected = ["a.txt", "b.parquet", "c.PQ", "d.jsonl", "f.parquet"];
    assert_eq!(names, expected.map(std::path::PathBuf::from));
    let files = place.files("out");
    assert!(files[Path::new("b.parquet")] == files[Path::new("c.PQ")]);
    assert_eq!(files[Path::new("f.parquet")], PLAIN.as_bytes());
    assert_eq!(read(&files[Path::new("b.parquet")]).num_rows(), 60);
    // A lone input is told by its first bytes, whatever its name.
    place.file("rows.bin", &bytes);
    place.clean_unscored(&["rows.bin", "-o", "rows.out"], 0);
    assert_eq!(read(&place.read("rows.out")).num_rows(), 60);
    let outcome = place.clean_unscored(&["in", "-o", "forced", "--format", "parquet"], 3);
    outcome.mentions("a.txt: Parquet data is damaged");
    outcome.mentions("g.parquet.gz: Parquet inside gzip; skipped");
    assert_eq!(place.files("forced").len(), 3);
    assert!(place.files("forced").contains_key(Path::new("e.dat")));
}

fn support_gzip(bytes: &[u8]) -> Vec<u8> {
    let packing = dechaff::source::packed::Packing::Gzip;
    packing.pack(bytes).expect("memory")
}

#[test]
fn a_missing_column_is_told_with_those_that_are_there() {
    let bytes = pages(2);
    let place = Place::with([("in/a.parquet", &bytes), ("in/sub/b.parquet", &bytes)]);
    let wrong = ["--text-field", "body"];
    let says = "no column 'body' of texts (its columns: id, text, url); skipped, see --text-field";
    let lone = place
        .clean(["in/a.parquet", "-o", "out", "-q"].iter().chain(&wrong))
        .expect(2);
    lone.mentions(says);
    let all = place
        .clean(["in", "-o", "out", "-q"].iter().chain(&wrong))
        .expect(2);
    all.mentions(&format!("a.parquet: {says}"));
    assert!(!place.path("out").exists());
    place.file("in/sub/c.txt", PLAIN);
    let some = place
        .clean(["in", "-o", "out", "-q"].iter().chain(&wrong))
        .expect(3);
    some.says(&[
        &format!("a.parquet: {says}"),
        &format!("sub/b.parquet: {says}"),
    ]);
    assert_eq!(place.files("out").len(), 1);
    let nested = batch(vec![(
        "text",
        Arc::new(Int64Array::from(vec![1])) as ArrayRef,
    )]);
    place.file("n.parquet", parquet_file(&[nested], properties().build()));
    place
        .clean(["n.parquet", "-o", "n"])
        .expect(2)
        .mentions("no column 'text' of texts (its columns: text)");
}

/// Bytes that this thread has read so far.
#[cfg(target_os = "linux")]
fn bytes_read() -> u64 {
    let figures = std::fs::read_to_string("/proc/thread-self/io").expect("it can be read");
    let read = figures.strip_prefix("rchar: ").expect("it comes first");
    let read = read.lines().next().expect("a line");
    read.parse().expect("a number")
}

/// Looking for Parquet without the column costs its footer, and of other files their first bytes.
#[test]
#[cfg(target_os = "linux")]
fn files_are_not_read_to_be_refused() {
    use dechaff::pipeline::{RunOptions, plan};
    use dechaff::source::FileEntry;
    use dechaff::source::inputs::{Input, InputFormat};

    let text = PLAIN.repeat((3 << 20) / PLAIN.len());
    let packed = support_gzip(text.as_bytes());
    let rows = (json!({"text": PLAIN}).to_string() + "\n").repeat(30_000);
    let table = pages(20_000);
    let files: [(&str, &[u8]); 4] = [
        ("page.txt", text.as_bytes()),
        ("page.txt.gz", &packed),
        ("rows.jsonl", rows.as_bytes()),
        ("rows.parquet", &table),
    ];
    let place = Place::with(files);
    let mut options = RunOptions::default();
    options.fields.text = "body".to_owned();
    for (name, bytes) in files {
        let path = place.path(name);
        let input = Input::File(FileEntry::new(path, name.into()));
        let before = bytes_read();
        let checked = plan::check_tables(&[input], InputFormat::Auto, &options);
        let read = bytes_read() - before;
        assert_eq!(checked.is_err(), name == "rows.parquet", "{name}");
        assert!(read < 16 << 10, "{read} bytes of {} of {name}", bytes.len());
    }
}

#[test]
fn a_pipe_is_refused() {
    let place = Place::new();
    let bytes = pages(1);
    let outcome = place.clean_with_input(["-", "--format", "parquet", "-o", "out"], &bytes);
    outcome.expect(2).mentions("Parquet is read from a file");
    let outcome = place
        .clean_with_input(["-", "-o", "out", "-q"], &bytes)
        .expect(3);
    outcome.says(&[
        "-: Parquet from a pipe, and its directory stands at its end; skipped (name the file)",
    ]);
    assert!(!place.path("out").exists());
}

#[test]
fn damage_withholds_the_file_and_the_run_goes_on() {
    let bytes = pages(40);
    let was = metadata(&bytes);
    let with_rows = |rows: i64, values: Option<i64>| {
        let group = was.row_group(0).clone();
        let columns = group.columns().iter().map(|column| {
            let values = values.unwrap_or(column.num_values());
            column
                .clone()
                .into_builder()
                .set_num_values(values)
                .build()
                .expect("a column")
        });
        let group = group
            .clone()
            .into_builder()
            .set_num_rows(rows)
            .set_column_metadata(columns.collect());
        let groups = vec![group.build().expect("a row group")];
        with_footer(&bytes, &was, groups)
    };
    let bad_page = {
        // Half of the last row group's texts are other bytes.
        let (start, length) = was.row_group(2).column(1).byte_range();
        let mut bytes = bytes.clone();
        bytes[(start + length / 2) as usize..(start + length) as usize].fill(0xa5);
        bytes
    };
    let long = "a".repeat(70 << 20);
    let bomb = parquet_file(
        &[table(&[Some(&long)])],
        properties()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build(),
    );
    assert!(bomb.len() < 1 << 20);
    let place = Place::with([
        ("in/a-cut.parquet", &bytes[..bytes.len() - 9]),
        ("in/b-no-end.parquet", &bytes[..bytes.len() / 2]),
        ("in/c-short.parquet", &bytes[..7]),
        (
            "in/d-billion.parquet",
            &with_rows(1_000_000_000, Some(1_000_000_000)),
        ),
        ("in/e-rows.parquet", &with_rows(1_000_000_000, None)),
        ("in/f-minus.parquet", &with_rows(-1, Some(-1))),
        ("in/g-page.parquet", &bad_page),
        ("in/h-bomb.parquet", &bomb),
        ("in/z-whole.parquet", &bytes),
    ]);
    let arguments = ["in", "-o", "out", "--max-page-bytes", "64KiB"];
    let outcome = place.clean_unscored(&arguments, 3);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 8, "{}", outcome.stderr);
    for (line, name) in lines.iter().zip("abcdefgh".chars()) {
        assert!(line.starts_with(name), "{line}");
        assert!(line.contains("Parquet data is damaged"), "{line}");
        assert!(line.ends_with("no output written"), "{line}");
    }
    assert!(lines[7].contains("a page unpacks to over"), "{}", lines[7]);
    assert_eq!(
        place.files("out").into_keys().collect::<Vec<_>>(),
        [Path::new("z-whole.parquet")]
    );
    let ledger = place.ledger("ledger");
    assert!(!ledger.is_empty() && ledger.iter().all(|row| row.page.starts_with("z-whole")));
    let counts = place.counts("stats");
    assert!(
        counts["bytes_rejected"].as_u64() > Some(0),
        "texts before the damage"
    );
}

#[test]
fn a_text_that_is_too_long_or_no_text_stays_as_it_is() {
    let long = "A line of a text that is too long to be a page.\n".repeat(2000);
    let table = table(&[Some(&long), Some(FERRY)]);
    let place = Place::with([("in.parquet", parquet_file(&[table], properties().build()))]);
    let arguments = [
        "in.parquet",
        "-o",
        "out.parquet",
        "--max-page-bytes",
        "64KiB",
    ];
    let outcome = place.clean_unscored(&arguments, 3);
    outcome
        .says(&["in.parquet:1: text longer than --max-page-bytes (65536); row copied unchanged"]);
    let texts = strings(&read(&place.read("out.parquet")), "text");
    assert_eq!(texts, [Some(long), Some(FERRY_BODY.to_owned())]);
}

#[test]
fn an_index_of_parquet_serves_a_run_over_it() {
    let bytes = pages(60);
    let place = Place::with([("in.parquet", &bytes)]);
    place.clean_unscored(&["in.parquet", "-o", "one.parquet"], 0);
    let ledger = place.read("ledger");
    place
        .index(["build", "in.parquet", "-o", "index", "-q"])
        .expect(0);
    place.clean_unscored(&["in.parquet", "-o", "two.parquet", "--index", "index"], 0);
    assert!(place.read("one.parquet") == place.read("two.parquet"));
    assert!(place.read("ledger") == ledger);
}

#[test]
fn indexes_of_pages_go_and_sorting_up_to_the_text_stays() {
    use parquet::file::metadata::SortingColumn;
    let sorted = |column_idx| SortingColumn {
        column_idx,
        descending: false,
        nulls_first: false,
    };
    let properties = properties()
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(vec![sorted(0), sorted(1), sorted(2)]))
        .build();
    let place = Place::with([(
        "in.parquet",
        parquet_file(&[table(&[Some(FERRY)])], properties),
    )]);
    place.clean_unscored(&["in.parquet", "-o", "out.parquet"], 0);
    let cleaned = metadata(&place.read("out.parquet"));
    let group = cleaned.row_group(0);
    assert_eq!(group.sorting_columns(), Some(&vec![sorted(0)]));
    assert!(
        group
            .columns()
            .iter()
            .all(|column| column.offset_index_offset().is_none())
    );
    let file = File::open(place.path("out.parquet")).expect("a file");
    ParquetRecordBatchReaderBuilder::try_new(file).expect("a reader of files takes it");
    assert_eq!(
        Cursor::new(place.read("out.parquet")).get_ref()[..4],
        *b"PAR1"
    );
}

#[test]
fn text_that_is_named_parquet_is_text_and_noted() {
    let note = "note: named Parquet, but is none; was read as text";
    let place = Place::with([
        ("in/a.parquet", PLAIN),
        ("in/b.txt", PLAIN),
        ("in/c.PQ", ""),
    ]);
    let told = |arguments: &[&str], notes: &[&str]| {
        let outcome = place.clean([arguments, &["--no-score"]].concat()).expect(0);
        let is_note = |line: &&str| line.contains("Parquet");
        let lines: Vec<_> = outcome.stderr.lines().filter(is_note).collect();
        let expected: Vec<_> = notes.iter().map(|name| format!("{name}: {note}")).collect();
        assert_eq!(lines, expected);
    };
    told(&["in", "-o", "out"], &["a.parquet", "c.PQ"]);
    assert_eq!(place.files("out"), place.files("in"));
    told(&["in/a.parquet", "-o", "a.txt"], &["a.parquet"]);
    told(&["in", "-o", "quiet", "-q"], &[]);
    told(&["in", "-o", "text", "--format", "text"], &[]);
    // A large one comes in parts.
    place.file("large.parquet", PLAIN.repeat(4000));
    let large = [
        "large.parquet",
        "-o",
        "large.txt",
        "--max-page-bytes",
        "64KiB",
    ];
    told(&large, &["large.parquet"]);
}
