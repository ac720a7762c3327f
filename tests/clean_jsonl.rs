//! `dechaff clean` on JSON lines: only the text's value changes, bad rows are rejected whole.
#![cfg(feature = "cli")]

mod support;

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use support::{
    FERRY, FERRY_BODY, LedgerRow, MARK, Numbers, Outcome, PLAIN, Place, count_from, rebuild,
    rows_of,
};

/// A JSON row with the text, and nothing else.
fn row_of(text: &str) -> String {
    serde_json::json!({ "text": text }).to_string() + "\n"
}

/// Cleans one file by repetition only; the output's bytes.
fn cleaned(rows: impl AsRef<[u8]>, options: &[&str], code: i32) -> (Vec<u8>, Outcome) {
    let place = Place::with([("rows.jsonl", rows.as_ref())]);
    let mut command = place.command(["rows.jsonl", "-o", "out.jsonl", "--no-score", "-q"]);
    let output = command.args(options).output().expect("the program runs");
    let outcome = Outcome::new(output).expect(code);
    (place.read("out.jsonl"), outcome)
}

/// A problem line taken apart: file, row, byte, message.
fn problem(line: &str) -> (&str, usize, usize, &str) {
    let mut parts = line.splitn(4, ':');
    let mut next = || parts.next().expect("file:row:byte: message");
    let (file, row, byte, message) = (next(), next(), next(), next());
    let number = |text: &str| text.parse().expect("a number");
    (file, number(row), number(byte), message.trim_start())
}

/// A generated row: its bytes, and where the text's value stands in it, quotes included.
struct Generated {
    row: String,
    value: Option<Range<usize>>,
    text: String,
    /// A field stands twice: the row is to be rejected.
    is_bad: bool,
    /// It has a field of the name that `tag` and `spans` add.
    is_taken: bool,
}

const KEYS: &[&str] = &[
    "",
    "id",
    "Text",
    "text ",
    " text",
    "te\\\"xt",
    "\\u0074ext_",
    "\\u0000",
    "ключ",
    "키",
    "a\\\\b",
    "\\ud83d\\ude00",
    "url",
    "k\\/ey",
    "{",
    "]",
    ":",
    "\\r\\n",
    "e\u{301}",
    "\u{feff}",
    "🏳\u{fe0f}\u{200d}🌈",
    "de\\u0063haff_",
    "dechaff",
];
const VALUES: &[&str] = &[
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "3.141592653589793238462643383279502884197169399375105820974944592307816406286208998628034825",
    "0.000e-999999999",
    "{\"k\":1,\"k\":2,\"\":{\"\":[\"\"]}}",
    "1e400",
    "-0",
    "-0.0",
    "0.1000",
    "123456789012345678901234567890",
    "1E+5",
    "-1.5e-300",
    "null",
    "true",
    "false",
    "\"\"",
    "\"\\u00e9\\/\\b\\f\"",
    "\"\\\\\"",
    "\"\\\"text\\\":\\\"no\\\"\"",
    "[]",
    "{}",
    "[ 1 ,[2,{\"text\":\"no\\n\\n\\nno\"}] ]",
    "{ \"text\" : \"\\n\\n\" , \"text\":2}",
    "{\"a\":{\"b\":{\"c\":[[[[null]]]]}}}",
    "\"\\u202e\\u0000\"",
    "\"서울 \u{2028}\"",
    "1.7976931348623157e309",
];
const SPACES: &[&str] = &["", "", "", " ", "\t", "  \t "];

fn generated(numbers: &mut Numbers) -> Generated {
    let mut keys = KEYS.to_vec();
    numbers.shuffle(&mut keys);
    keys.truncate(numbers.below(6));
    let is_taken = keys.contains(&"dechaff");
    let is_bad = numbers.below(50) == 0;
    if is_bad {
        // The first field again, and if there is none, the text's.
        let first = keys.first().copied();
        keys.push(first.unwrap_or("tex\\u0074"));
    }
    let text_at = numbers.below(keys.len() + 1);
    let mut text = String::new();
    let mut value = None;
    let mut row = String::from(numbers.pick(SPACES));
    row.push('{');
    for index in 0..=keys.len() {
        if index > 0 {
            row.push(',');
        }
        row += numbers.pick(SPACES);
        let is_text = index == text_at;
        let key = match keys.get(index - usize::from(index > text_at)) {
            _ if is_text => numbers.pick(&["text", "text", "te\\u0078t"]),
            key => key.expect("a key for each other field"),
        };
        row += &format!("\"{key}\"{}:{}", numbers.pick(SPACES), numbers.pick(SPACES));
        if is_text && numbers.below(10) > 0 {
            text = text_with_repeats(numbers);
            let start = row.len();
            row.push('"');
            escape(&text, numbers, &mut row);
            row.push('"');
            value = Some(start..row.len());
        } else {
            // In the text's place: any value that is no string.
            let values = if is_text {
                &["null", "[\"a\\n\\n\\nb\"]", "7", "{}"][..]
            } else {
                VALUES
            };
            row += numbers.pick(values);
        }
        row += numbers.pick(SPACES);
    }
    row.push('}');
    row += numbers.pick(SPACES);
    row += numbers.pick(&["\n", "\n", "\r\n"]);
    Generated {
        row,
        value,
        text,
        is_bad,
        is_taken,
    }
}

fn text_with_repeats(numbers: &mut Numbers) -> String {
    let lines = [
        "Harbour ferry returns to service after a winter of repairs",
        "The oldest ferry in the harbour carried passengers again on Monday.",
        "\"We found more rust than we had hoped for\", said the foreman \\ yard.",
        "배가 겨울 수리를 마치고 다시 항구를 오가기 시작했다 😀",
        "A line with \u{1} and \u{7f} and \u{2028} in it",
        "",
        "",
        " \t",
        "\u{a0}",
    ];
    let mut text = String::new();
    for _ in 0..numbers.below(8) {
        let line = numbers.pick(&lines);
        for _ in 0..1 + numbers.below(3) / 2 {
            text += line;
            text += numbers.pick(&["\n", "\n", "\r\n", "\r"]);
        }
    }
    text
}

/// Writes a text as the inside of a JSON string, each character in one of its forms.
fn escape(text: &str, numbers: &mut Numbers, out: &mut String) {
    for c in text.chars() {
        let must = c < ' ' || c == '"' || c == '\\';
        match c {
            '\n' if numbers.below(3) > 0 => *out += "\\n",
            '\r' if numbers.below(3) > 0 => *out += "\\r",
            '"' | '\\' | '/' if numbers.below(2) == 0 => {
                out.push('\\');
                out.push(c);
            }
            _ if must || numbers.below(40) == 0 => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    *out += &format!("\\u{unit:04x}");
                }
            }
            _ => out.push(c),
        }
    }
}

/// Generated rows in a file, blank ones between them.
struct GeneratedFile {
    bytes: String,
    /// The rows, each with its number in the file, from 1.
    rows: Vec<(usize, Generated)>,
}

impl GeneratedFile {
    fn new(count: usize, seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let mut bytes = String::new();
        let mut rows = Vec::new();
        let mut line = 0;
        for _ in 0..count {
            if numbers.below(20) == 0 {
                bytes += numbers.pick(&["\n", "  \n", "\r\n", "\t\r\n"]);
                line += 1;
            }
            let generated = generated(&mut numbers);
            bytes += &generated.row;
            line += 1;
            rows.push((line, generated));
        }
        bytes.truncate(bytes.trim_end().len());
        GeneratedFile { bytes, rows }
    }

    /// How many rows are of a kind.
    fn count(&self, is_of_kind: impl Fn(&Generated) -> bool) -> usize {
        self.rows.iter().filter(|(_, row)| is_of_kind(row)).count()
    }

    /// Cleans the file in a mode and checks every byte that comes out: of rows whose text is
    /// looked at with `check`, which takes the row, its number, the input and the output.
    fn check_cleaned(
        &self,
        mode: &str,
        threads: &str,
        check: impl Fn(&Generated, &str, &str, &[&LedgerRow]),
    ) {
        let place = Place::with([("rows.jsonl", &self.bytes)]);
        let is_copied = |row: &Generated| row.is_taken && mode != "drop" && row.value.is_some();
        let outcome = place
            .clean([
                "rows.jsonl",
                "-o",
                "out.jsonl",
                "--no-score",
                "--mode",
                mode,
                "--removed",
                "ledger",
                "--rejects",
                "rejects",
                "--stats",
                "stats",
                "--threads",
                threads,
                "-q",
            ])
            .expect(3);
        let bad = self.count(|row| row.is_bad);
        let copied = self.count(|row| !row.is_bad && is_copied(row));
        assert_eq!(outcome.stderr.lines().count(), bad + copied);
        let output = place.read_text("out.jsonl");
        let ledger = place.ledger("ledger");
        let mut ledger_by_page: BTreeMap<&str, Vec<&LedgerRow>> = BTreeMap::new();
        for row in &ledger {
            ledger_by_page.entry(&row.page).or_default().push(row);
        }
        let mut generated = self.rows.iter().peekable();
        let mut outputs = output.split_inclusive('\n');
        let mut rejects = String::new();
        for (line, input) in (1..).zip(self.bytes.split_inclusive('\n')) {
            let Some((_, row)) = generated.next_if(|(number, _)| *number == line) else {
                assert_eq!(outputs.next(), Some(input), "a blank row stays");
                continue;
            };
            if row.is_bad {
                rejects += input;
                continue;
            }
            let output = outputs.next().expect("a row for each");
            let page = format!("rows.jsonl#{line}");
            let removed = ledger_by_page.get(page.as_str());
            let removed = removed.map_or(&[][..], Vec::as_slice);
            if row.value.is_none() || is_copied(row) {
                assert_eq!(output, input, "nothing in it is looked at");
                assert!(removed.is_empty());
            } else {
                check(row, input, output, removed);
            }
        }
        assert_eq!(outputs.next(), None);
        assert_eq!(place.read_text("rejects").trim_end(), rejects.trim_end());
        let counts = place.counts("stats");
        let with_text = self.count(|row| !row.is_bad && row.value.is_some());
        assert_eq!(counts["pages"], with_text - copied);
        assert_eq!(
            counts["rows_without_text"],
            self.rows.len() - bad - with_text
        );
        assert_eq!(counts["rows_rejected"], bad);
        assert_eq!(counts["copied_unchanged"], copied);
        assert_eq!(counts["bytes_rejected"], rejects.len());
        let texts = self.rows.iter().filter(|(_, row)| !row.is_bad);
        let text: usize = texts.map(|(_, row)| row.text.len()).sum();
        assert_eq!(
            counts["bytes_in"],
            text + rejects.len(),
            "the account is over the decoded text"
        );
        assert_eq!(counts["bytes_read"], self.bytes.len());
        assert!(ledger_by_page.len() > self.rows.len() / 4, "enough changed");
    }
}

/// Takes the value of the added field out of a row of which nothing else may have changed.
fn added_field(input: &str, output: &str) -> Value {
    let (before, behind) = input.split_at(input.rfind('}').expect("a closing brace"));
    let field = output
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(behind))
        .and_then(|rest| rest.strip_prefix(",\"dechaff\":"))
        .unwrap_or_else(|| panic!("{output:?} is not {before:?}, a field, {behind:?}"));
    serde_json::from_str(field).expect("the field is JSON")
}

/// How many rows are generated; 100,000 were run before this was committed.
fn rows_to_generate() -> usize {
    count_from("DECHAFF_TEST_ROWS", 5000)
}

#[test]
fn every_other_byte_of_a_row_stays_as_it_is() {
    let file = GeneratedFile::new(rows_to_generate(), 11);
    for threads in ["1", "4"] {
        file.check_cleaned("drop", threads, |row, input, output, removed| {
            if removed.is_empty() {
                assert_eq!(output, input, "nothing was removed");
                return;
            }
            let value = row.value.clone().expect("text");
            let (before, behind) = (&input[..value.start], &input[value.end..]);
            let new = output
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(behind))
                .unwrap_or_else(|| panic!("{output:?} is not {before:?}, text, {behind:?}"));
            let kept: String = serde_json::from_str(new).expect("the new value is a string");
            let removed = removed.iter().copied();
            assert_eq!(rebuild(kept.as_bytes(), removed), row.text.as_bytes());
        });
    }
}

#[test]
fn tags_leave_every_byte_of_a_row_as_it_is() {
    let file = GeneratedFile::new(rows_to_generate(), 12);
    file.check_cleaned("tag", "3", |_, input, output, removed| {
        let tags = added_field(input, output);
        let tags = tags.as_array().expect("a list").iter();
        let told: Vec<_> = tags
            .filter(|tag| tag["decision"] == "remove")
            .map(|tag| (tag["line"].as_u64(), tag["reason"].as_str()))
            .collect();
        let expected: Vec<_> = removed
            .iter()
            .map(|row| (Some(row.line as u64), Some(row.reason.as_str())))
            .collect();
        assert_eq!(told, expected);
    });
}

#[test]
fn spans_leave_every_byte_of_a_row_as_it_is_and_count_characters() {
    let file = GeneratedFile::new(rows_to_generate(), 13);
    file.check_cleaned("spans", "3", |row, input, output, removed| {
        let spans = spans_of(&added_field(input, output));
        let characters: Vec<char> = row.text.chars().collect();
        let told: Vec<_> = spans
            .into_iter()
            .map(|(span, reason)| (characters[span].iter().collect::<String>(), reason))
            .collect();
        let expected: Vec<_> = removed
            .iter()
            .map(|row| {
                let text = String::from_utf8(row.bytes.clone()).expect("UTF-8");
                (text, row.reason.clone())
            })
            .collect();
        assert_eq!(told, expected);
    });
}

/// The spans of a row's field in order, each with its attribute's name.
fn spans_of(field: &Value) -> Vec<(Range<usize>, String)> {
    let mut spans = Vec::new();
    for (name, list) in field.as_object().expect("an object") {
        for span in list.as_array().expect("a list") {
            let [start, end, score] = &span.as_array().expect("a span")[..] else {
                panic!("{span} is not start, end, score");
            };
            let number = |value: &Value| value.as_u64().expect("an offset") as usize;
            assert!(score.is_number());
            spans.push((number(start)..number(end), name.clone()));
        }
    }
    spans.sort_by_key(|(span, _)| span.start);
    spans
}

#[test]
fn a_row_of_which_nothing_goes_stays_byte_for_byte() {
    let rows = concat!(
        r#"{"text":"Caf\u00e9\/\u0062ar 1e400","n":1e400}"#,
        "\r\n",
        "  {\t\"text\" : \"\\ud83d\\ude00\" } \n",
        "{\"text\":\"\"}\n",
        "\n \t\r\n",
        "{\"text\":\"A tab\\t, a bell\\u0007.\"}",
    );
    assert_eq!(cleaned(rows, &[], 0).0, rows.as_bytes());
}

#[test]
fn the_text_is_cleaned_in_place() {
    let rows = |text: &str| {
        let value = serde_json::to_string(text).expect("JSON");
        format!(
            "{{\"id\": 1e400,\t\"text\" :{value} , \"z\":[1 , 2]}} \r\n{}",
            row_of(PLAIN)
        )
    };
    let (output, _) = cleaned(rows(FERRY), &[], 0);
    assert_eq!(String::from_utf8(output).expect("text"), rows(FERRY_BODY));
}

#[test]
fn a_row_whose_text_goes_altogether_stays_with_an_empty_text() {
    let (output, _) = cleaned("{\"id\":1,\"text\":\" \\n\\n\"}\n", &[], 0);
    assert_eq!(output, b"{\"id\":1,\"text\":\"\"}\n");
}

#[test]
fn rows_without_text_stay_and_are_counted() {
    let rows = concat!(
        "{\"id\":1}\n{}\n{\"text\":null}\n{\"text\":[\"a\\n\\n\\nb\"]}\n",
        "{\"text\":{\"text\":\"\\n\\n\"}}\n{\"Text\":\"\\n\\na\"}\n{\"text\":12}\n",
    );
    let rows = format!("{rows}{}", row_of(PLAIN));
    let place = Place::with([("rows.jsonl", &rows)]);
    place
        .clean([
            "rows.jsonl",
            "-o",
            "out.jsonl",
            "--stats",
            "stats",
            "--no-score",
            "-q",
        ])
        .expect(0)
        .says(&[]);
    assert_eq!(place.read_text("out.jsonl"), rows);
    let counts = place.counts("stats");
    assert_eq!(counts["rows_without_text"], 7);
    assert_eq!(counts["pages"], 1);
}

#[test]
fn a_file_in_which_no_row_has_text_is_a_problem_that_names_the_fields_seen() {
    let rows = "{\"id\":1,\"body\":\"\\n\\na\",\"esc\\u001b\":0}\n{\"other\":2}\n";
    let (output, outcome) = cleaned(rows, &[], 3);
    assert_eq!(output, rows.as_bytes());
    outcome.says(&[
        "rows.jsonl: no row has text in the field 'text' (the first has: id, body, esc\\x1b); \
         rows copied unchanged, see --text-field",
    ]);
    let place = Place::with([
        ("in/bad.jsonl", rows.to_owned()),
        ("in/good.jsonl", row_of(FERRY)),
    ]);
    let outcome = place
        .clean(["in", "-o", "out", "--no-score", "-q"])
        .expect(3);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert_eq!(place.read_text("out/good.jsonl"), row_of(FERRY_BODY));
}

#[test]
fn an_empty_file_of_rows_is_no_problem() {
    for rows in ["", "\n", "\n\n \r\n"] {
        let (output, outcome) = cleaned(rows, &[], 0);
        assert_eq!(output, rows.as_bytes());
        outcome.says(&[]);
    }
}

#[test]
fn the_text_field_may_have_another_name() {
    for (name, row) in [
        ("body", "{\"text\":\"\\n\\na\",\"body\":\"\\n\\na\"}\n"),
        ("raw content", "{\"raw content\":\"\\n\\na\"}\n"),
        ("내용", "{\"\\ub0b4\\uc6a9\":\"\\n\\na\"}\n"),
        ("a\"b", "{\"a\\\"b\":\"\\n\\na\"}\n"),
        ("", "{\"\":\"\\n\\na\"}\n"),
    ] {
        let (output, _) = cleaned(row, &["--text-field", name], 0);
        let (before, _) = row.rsplit_once(":\"").expect("a value");
        let expected = format!("{before}:\"a\"}}\n");
        assert_eq!(String::from_utf8(output).expect("text"), expected, "{name}");
    }
}

/// Rows that are rejected, and a word of what is said.
fn bad_rows() -> Vec<(Vec<u8>, &'static str)> {
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!("{{\"text\":\"a\",\"deep\":{open}{close}}}").into_bytes()
    };
    vec![
        (b"no row".to_vec(), "bad JSON row"),
        (b"{\"text\":\"cut".to_vec(), "EOF"),
        (b"{\"text\":\"a\"".to_vec(), "EOF"),
        (
            b"{\"text\":\"a\"} {\"text\":\"b\"}".to_vec(),
            "trailing characters",
        ),
        (b"[\"text\"]".to_vec(), "expected a JSON object"),
        (b"\"text\"".to_vec(), "expected a JSON object"),
        (b"12".to_vec(), "expected a JSON object"),
        (
            b"{\"text\":\"raw \t control\"}".to_vec(),
            "control character",
        ),
        (
            b"{\"text\":\"a\",\"raw\":\"\x01\"}".to_vec(),
            "control character",
        ),
        (b"{\"text\":\"a\xff\"}".to_vec(), "not UTF-8"),
        (b"{\"text\":\"a\",\"b\":\"\xc3\"}".to_vec(), "not UTF-8"),
        (
            b"{\"text\":\"a\",\"text\":\"b\"}".to_vec(),
            "field 'text' stands twice",
        ),
        (
            b"{\"text\":\"a\",\"k\":1,\"\\u006b\":2}".to_vec(),
            "field 'k' stands twice",
        ),
        (b"{\"text\":\"\\ud800\"}".to_vec(), "text"),
        (b"{\"text\":\"\\udc00\\ud800\"}".to_vec(), "text"),
        (b"{\"text\":\"\\x41\"}".to_vec(), "bad JSON row"),
        (b"{'text':'a'}".to_vec(), "bad JSON row"),
        (b"{\"text\":\"a\",}".to_vec(), "bad JSON row"),
        (b"{\"text\":NaN}".to_vec(), "bad JSON row"),
        (b"{\"text\":\"a\",\"n\":01}".to_vec(), "bad JSON row"),
        (b"\0".to_vec(), "bad JSON row"),
        (deep(127), "nested deeper than 127"),
        (deep(10_000), "nested deeper than 127"),
        (
            format!("{{\"a\":{}", "[".repeat(1_000_000)).into_bytes(),
            "EOF",
        ),
    ]
}

#[test]
fn bad_rows_are_rejected_whole_with_their_place() {
    let mut file = Vec::new();
    let mut expected = Vec::new();
    let mut places = Vec::new();
    let mut rejected = Vec::new();
    for (index, (bad, what)) in bad_rows().into_iter().enumerate() {
        file.extend_from_slice(row_of(FERRY).as_bytes());
        expected.extend_from_slice(row_of(FERRY_BODY).as_bytes());
        let start = file.len();
        file.extend_from_slice(&bad);
        file.extend_from_slice(if index % 2 == 0 { b"\n" } else { b"\r\n" });
        rejected.extend_from_slice(&file[start..]);
        places.push((2 * index + 2, start..file.len(), what));
    }
    let place = Place::with([("in/rows.jsonl", &file)]);
    for threads in ["1", "4"] {
        let outcome = place
            .clean([
                "in",
                "-o",
                "out",
                "--no-score",
                "--rejects",
                "rejects",
                "--stats",
                "stats",
                "-q",
                "--overwrite",
                "--threads",
                threads,
            ])
            .expect(3);
        assert!(place.read("out/rows.jsonl") == expected);
        assert!(place.read("rejects") == rejected);
        let problems: Vec<&str> = outcome.stderr.lines().collect();
        assert_eq!(problems.len(), places.len());
        for (line, (row, bytes, what)) in problems.into_iter().zip(&places) {
            let (file, at_row, at_byte, message) = problem(line);
            assert_eq!((file, at_row), ("rows.jsonl", *row), "{line}");
            assert!(bytes.contains(&at_byte), "{line}: not in {bytes:?}");
            assert!(message.contains(what), "{line}: {what}");
            assert!(message.ends_with("; rejected"), "{line}");
        }
        let counts = place.counts("stats");
        assert_eq!(counts["rows_rejected"], places.len());
        assert_eq!(counts["bytes_rejected"], rejected.len());
        assert_eq!(counts["problems"], places.len());
        assert_eq!(counts["pages"], places.len());
    }
}

#[test]
fn a_bad_rows_byte_is_its_place_in_the_file() {
    let good = row_of(PLAIN);
    for (start, bad, at) in [
        (&b""[..], &b"{\"text\":\"a\xff\"}\n"[..], 10),
        (MARK, b"{\"text\":\"a\xff\"}\n", 10),
        (good.as_bytes(), b"{\"text\":\"a\xff\"}", 10),
        (good.as_bytes(), b"{\"a\":1,\"a\":22}\n", 11),
        (b"\n\n", b"  {\"text\":\"\\ud800\"}\n", 11),
    ] {
        let (_, outcome) = cleaned([start, bad].concat(), &[], 3);
        let (_, row, byte, _) = problem(outcome.stderr.lines().next().expect("a problem"));
        assert_eq!(byte, start.len() + at, "{}", outcome.stderr);
        let rows_before = start.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(row, rows_before + 1);
    }
}

#[test]
fn a_row_that_is_cut_off_is_told_at_a_byte_of_it() {
    let good = row_of(PLAIN);
    for bad in ["{", "{\"", "{\"text\"", "{\"text\":\"b", "{\"text\":\"b\\"] {
        for end in ["", "\n", "\r\n", "  "] {
            let rows = format!("{good}{bad}{end}");
            let (output, outcome) = cleaned(&rows, &[], 3);
            assert_eq!(output, good.as_bytes());
            let (_, row, byte, _) = problem(outcome.stderr.lines().next().expect("a problem"));
            assert_eq!(row, 2);
            let bytes = good.len()..good.len() + bad.len();
            assert!(bytes.contains(&byte), "{rows:?}: {byte} in {bytes:?}");
        }
    }
}

#[test]
fn rows_and_pages_without_a_last_line_end_are_kept_apart() {
    let row = row_of(PLAIN);
    let open_row = row.trim_end();
    let place = Place::with([
        ("in/a.jsonl", open_row),
        ("in/b.jsonl", open_row),
        ("in/c.txt", "A page without an end"),
        ("in/d.txt", ""),
        ("in/e.jsonl", "bad"),
        ("in/f.jsonl", "{\"bad"),
        ("in/g.txt", "Another page without an end"),
        ("in/h.jsonl", open_row),
    ]);
    for threads in ["1", "4"] {
        let outcome = place
            .clean([
                "in",
                "-o",
                "-",
                "--no-score",
                "--rejects",
                "rejects",
                "--overwrite",
                "-q",
                "--threads",
                threads,
            ])
            .expect(3);
        let expected =
            format!("{row}{row}A page without an end\nAnother page without an end\n{open_row}");
        assert_eq!(String::from_utf8(outcome.stdout), Ok(expected));
        assert_eq!(place.read_text("rejects"), "bad\n{\"bad\n");
    }
}

#[test]
fn rows_and_bytes_are_counted_over_the_whole_file() {
    let row = row_of(&PLAIN.repeat(200));
    let mut file = row.repeat(400).into_bytes();
    assert!(file.len() > 4 << 20, "more than one stretch");
    let byte = file.len();
    file.extend_from_slice(b"not a row\n");
    file.extend_from_slice(row_of(FERRY).as_bytes());
    let place = Place::with([("rows.jsonl", &file)]);
    let outcome = place
        .clean([
            "rows.jsonl",
            "-o",
            "out.jsonl",
            "--scopes",
            "none",
            "--no-score",
            "--removed",
            "ledger",
            "-q",
        ])
        .expect(3);
    let (_, row, at, _) = problem(outcome.stderr.lines().next().expect("a problem"));
    assert_eq!(row, 401);
    assert!((byte..byte + 10).contains(&at), "{at}");
    let ledger = place.ledger("ledger");
    assert!(!ledger.is_empty());
    assert!(ledger.iter().all(|row| row.page == "rows.jsonl#402"));
}

#[test]
fn rejects_need_no_file_to_go_to() {
    let (output, outcome) = cleaned(format!("bad\n{}", row_of(PLAIN)), &[], 3);
    assert_eq!(output, row_of(PLAIN).as_bytes());
    assert!(
        outcome.stderr.starts_with("rows.jsonl:1:"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn nesting_at_the_limit_is_no_problem() {
    let (open, close) = ("[".repeat(126), "]".repeat(126));
    let row = format!("{{\"text\":\"a\",\"deep\":{open}{close}}}\n");
    assert_eq!(cleaned(&row, &[], 0).0, row.as_bytes());
}

#[test]
fn fields_named_twice_inside_another_value_are_the_owners_business() {
    let row = "{\"text\":\"a\\n\\n\\nb\",\"meta\":{\"k\":1,\"k\":2}}\n";
    let expected = "{\"text\":\"a\\n\\nb\",\"meta\":{\"k\":1,\"k\":2}}\n";
    assert_eq!(cleaned(row, &[], 0).0, expected.as_bytes());
}

#[test]
fn tag_adds_one_field_with_an_entry_for_each_line() {
    let row = format!(
        "{}, \"id\" : 1e400 }} \r\n",
        row_of(FERRY).trim_end().trim_end_matches('}')
    );
    let (output, _) = cleaned(&row, &["--mode", "tag"], 0);
    let output = String::from_utf8(output).expect("text");
    let field = output
        .strip_prefix(row.trim_end().trim_end_matches('}'))
        .and_then(|rest| rest.strip_suffix("} \r\n"))
        .expect("the row's other bytes stand around the field");
    let tags = field.strip_prefix(",\"dechaff\":").expect("one field more");
    let tags: Vec<Value> = serde_json::from_str(tags).expect("a list");
    assert_eq!(tags.len(), FERRY.lines().count());
    let mut kept = String::new();
    for (index, (tag, line)) in tags.iter().zip(FERRY.split_inclusive('\n')).enumerate() {
        assert_eq!(tag["line"], index + 1);
        assert!(tag["score"].is_number());
        assert_eq!(tag.get("of").is_some(), tag["reason"] == "repeat", "{tag}");
        if tag["decision"] == "keep" {
            kept += line;
        } else {
            assert_eq!(tag["decision"], "remove");
        }
    }
    assert_eq!(kept, FERRY_BODY);
    assert_eq!(
        tags[2],
        serde_json::json!({
            "line": 3, "decision": "remove", "reason": "repeat", "score": 0.0, "of": 2
        })
    );
}

#[test]
fn spans_add_one_field_with_the_spans_of_each_reason() {
    let row = row_of(FERRY);
    let (output, _) = cleaned(&row, &["--mode", "spans"], 0);
    let output: Value = serde_json::from_slice(&output).expect("JSON");
    assert_eq!(output["text"], FERRY, "the text is unchanged");
    let spans = output["dechaff"].as_object().expect("an object");
    let reasons: Vec<&String> = spans.keys().collect();
    assert_eq!(
        reasons,
        [
            "blank",
            "boilerplate",
            "comment",
            "duplicate",
            "headline",
            "repeat",
            "template"
        ]
    );
    let mut kept = String::new();
    let mut at = 0;
    for (span, _) in spans_of(&output["dechaff"]) {
        kept += &FERRY[at..span.start];
        at = span.end;
    }
    assert_eq!(kept + &FERRY[at..], FERRY_BODY);
}

#[test]
fn spans_count_characters_as_dolma_does() {
    let text = "항구 😀\r\n항구 😀\r\n\n\ne\u{301}nd\n";
    let (output, _) = cleaned(row_of(text), &["--mode", "spans"], 0);
    let output: Value = serde_json::from_slice(&output).expect("JSON");
    let spans = spans_of(&output["dechaff"]);
    let blank = (13..14, "blank".to_owned());
    assert_eq!(
        spans,
        [blank],
        "behind two lines of six characters and a blank one"
    );
}

#[test]
fn spans_of_rows_make_no_second_file() {
    let place = Place::with([("in/rows.jsonl", row_of(FERRY))]);
    place
        .clean(["in", "-o", "out", "--mode", "spans", "-q"])
        .expect(0);
    assert_eq!(place.files("out").len(), 1);
}

#[test]
fn a_row_that_already_has_the_field_is_copied_with_a_problem() {
    let taken = "{\"text\":\"a\\n\\n\\nb\",\"dechaff\":1}\n";
    let rows = format!("{taken}{}", row_of("c"));
    for mode in ["tag", "spans"] {
        let (output, outcome) = cleaned(&rows, &["--mode", mode], 3);
        let output = String::from_utf8(output).expect("text");
        assert!(output.starts_with(taken), "{output}");
        assert!(output[taken.len()..].contains("\"dechaff\":"), "{output}");
        outcome
            .says(&["rows.jsonl:1:0: row already has the field 'dechaff'; row copied unchanged"]);
    }
    let (output, _) = cleaned(&rows, &["--mode", "drop"], 0);
    assert!(output.starts_with(b"{\"text\":\"a\\n\\nb\",\"dechaff\":1}\n"));
}

#[test]
fn a_row_longer_than_the_limit_is_rejected_and_the_next_is_read() {
    let long = row_of(&PLAIN.repeat(5000));
    let rows = [
        row_of(FERRY),
        long.clone(),
        row_of(FERRY),
        "bad\n".to_owned(),
    ]
    .concat();
    let place = Place::with([("in/rows.jsonl", &rows)]);
    let outcome = place
        .clean([
            "in",
            "-o",
            "out",
            "--no-score",
            "--rejects",
            "rejects",
            "--stats",
            "stats",
            "-q",
            "--max-page-bytes",
            "64KiB",
        ])
        .expect(3);
    assert_eq!(
        place.read_text("out/rows.jsonl"),
        row_of(FERRY_BODY).repeat(2)
    );
    assert!(place.read_text("rejects") == long.clone() + "bad\n");
    let problems: Vec<_> = outcome.stderr.lines().map(problem).collect();
    assert_eq!(problems.len(), 2, "{}", outcome.stderr);
    let (file, row, byte, message) = problems[0];
    assert_eq!((file, row, byte), ("rows.jsonl", 2, row_of(FERRY).len()));
    assert_eq!(
        message,
        "row longer than --max-page-bytes (65536); rejected"
    );
    assert_eq!(problems[1].1, 4);
    let counts = place.counts("stats");
    assert_eq!(counts["rows_rejected"], 2);
    assert_eq!(counts["bytes_rejected"], long.len() + 4);
}

#[test]
fn a_long_row_at_the_end_of_a_file_needs_no_line_end() {
    let long = row_of(&PLAIN.repeat(5000));
    let rows = row_of(FERRY) + long.trim_end();
    let place = Place::with([("rows.jsonl", &rows)]);
    place
        .clean([
            "rows.jsonl",
            "-o",
            "out.jsonl",
            "--no-score",
            "--rejects",
            "rejects",
            "-q",
            "--max-page-bytes",
            "64KiB",
        ])
        .expect(3);
    assert_eq!(place.read_text("out.jsonl"), row_of(FERRY_BODY));
    assert_eq!(place.read_text("rejects"), long);
}

#[test]
fn a_text_of_too_many_lines_is_copied_with_a_problem() {
    let rows = row_of(&"a\n\n".repeat(5000)) + &row_of(FERRY);
    let place = Place::with([("rows.jsonl", &rows)]);
    let outcome = place
        .clean([
            "rows.jsonl",
            "-o",
            "out.jsonl",
            "--no-score",
            "--stats",
            "stats",
            "-q",
            "--max-page-bytes",
            "64KiB",
        ])
        .expect(3);
    let expected = row_of(&"a\n\n".repeat(5000)) + &row_of(FERRY_BODY);
    assert!(place.read_text("out.jsonl") == expected);
    assert!(
        outcome
            .stderr
            .starts_with("rows.jsonl:1:0: text of more than "),
        "{}",
        outcome.stderr
    );
    assert_eq!(place.counts("stats")["copied_unchanged"], 1);
}

#[test]
fn a_byte_order_mark_stays_before_the_first_row() {
    let (output, outcome) = cleaned([MARK, row_of(FERRY).as_bytes()].concat(), &[], 0);
    assert_eq!(output, [MARK, row_of(FERRY_BODY).as_bytes()].concat());
    outcome.says(&[]);
    let (output, _) = cleaned(MARK, &[], 0);
    assert_eq!(output, MARK);
}

#[test]
fn rows_are_told_by_the_files_name_and_by_content_for_json() {
    let rows = row_of(FERRY) + &row_of(PLAIN);
    let expected = row_of(FERRY_BODY) + &row_of(PLAIN);
    let place = Place::new();
    let of_rows = ["a.jsonl", "b.ndjson", "c.json", "D.JSONL", "e.x.Json"];
    for name in of_rows {
        place.file(format!("in/{name}"), &rows);
    }
    let pretty = "{\n  \"text\": \"a\\n\\n\\nb\"\n}\n";
    place
        .file("in/pretty.json", pretty)
        .file("in/rows.txt", &rows);
    place
        .clean(["in", "-o", "out", "--no-score", "-q"])
        .expect(0);
    for name in of_rows {
        assert_eq!(place.read_text(format!("out/{name}")), expected, "{name}");
    }
    assert_eq!(
        place.read_text("out/pretty.json"),
        pretty,
        "text, of which nothing goes"
    );
    assert_eq!(
        place.read_text("out/rows.txt"),
        rows,
        "text, of which nothing goes"
    );
}

#[test]
fn the_format_may_be_said() {
    let rows = row_of(FERRY) + "\n\n" + &row_of(PLAIN);
    let place = Place::with([("rows.txt", &rows), ("rows.jsonl", &rows)]);
    place
        .clean(["rows.txt", "-o", "a", "--no-score", "--format", "jsonl"])
        .expect(0);
    assert_eq!(
        place.read_text("a"),
        row_of(FERRY_BODY) + "\n\n" + &row_of(PLAIN)
    );
    place
        .clean(["rows.jsonl", "-o", "b", "--no-score", "--format", "text"])
        .expect(0);
    assert_eq!(
        place.read_text("b"),
        row_of(FERRY) + "\n" + &row_of(PLAIN),
        "one page of text"
    );
}

#[test]
fn rows_go_from_standard_input_to_standard_output() {
    let place = Place::new();
    let rows = row_of(PLAIN) + "bad\n" + &row_of(FERRY);
    let outcome = place
        .clean_with_input(
            [
                "-",
                "--format",
                "jsonl",
                "-o",
                "-",
                "--no-score",
                "--removed",
                "ledger",
                "--rejects",
                "rejects",
                "-q",
            ],
            &rows,
        )
        .expect(3);
    assert_eq!(
        outcome.stdout,
        (row_of(PLAIN) + &row_of(FERRY_BODY)).as_bytes()
    );
    assert_eq!(place.read("rejects"), b"bad\n");
    assert!(outcome.stderr.starts_with("-:2:"), "{}", outcome.stderr);
    let ledger = place.ledger("ledger");
    assert_eq!(rows_of(&ledger, "-#3").len(), ledger.len());
    assert!(!ledger.is_empty());
}

#[test]
fn standard_input_without_a_format_is_one_page_of_text() {
    let rows = row_of(FERRY) + &row_of(PLAIN);
    let outcome = Place::new()
        .clean_with_input(["-", "-o", "-", "--no-score", "-q"], &rows)
        .expect(0);
    assert_eq!(outcome.stdout, rows.as_bytes());
}

#[test]
fn rows_that_are_read_as_text_are_noted() {
    let rows = row_of(FERRY) + &row_of(PLAIN);
    let note = "note: looks like JSON lines, was read as text; --format jsonl reads rows";
    let place = Place::with([("in/rows.txt", &rows), ("in/page.txt", &PLAIN.to_owned())]);
    let told = |outcome: Outcome, notes: &[&str]| {
        let is_note = |line: &&str| line.contains("JSON lines");
        let lines: Vec<_> = outcome.stderr.lines().filter(is_note).collect();
        let expected: Vec<_> = notes.iter().map(|name| format!("{name}: {note}")).collect();
        assert_eq!(lines, expected);
    };
    let streamed = |options: &[&str]| {
        let arguments = ["-", "--no-score"]
            .into_iter()
            .chain(options.iter().copied());
        place.clean_with_input(arguments, &rows).expect(0)
    };
    told(streamed(&[]), &["-"]);
    told(streamed(&["-q"]), &[]);
    told(streamed(&["--format", "jsonl"]), &[]);
    told(streamed(&["--format", "text"]), &[]);
    let tree = place.clean(["in", "-o", "out", "--no-score"]).expect(0);
    told(tree, &["rows.txt"]);
    let one = place
        .clean(["in/rows.txt", "-o", "out.txt", "--no-score"])
        .expect(0);
    told(one, &["rows.txt"]);
    // A large one comes in parts.
    place.file("large.txt", row_of(FERRY).repeat(400));
    let arguments = ["large.txt", "-o", "large-out.txt", "--no-score"];
    let arguments = arguments.iter().chain(&["--max-page-bytes", "64KiB"]);
    told(place.clean(arguments).expect(0), &["large.txt"]);
}

#[test]
fn controls_in_a_row_do_not_reach_the_terminal() {
    let (_, outcome) = cleaned("{\"\\u001b[31m\":1,\"\\u001b[31m\":2}\n", &[], 3);
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("\\x1b[31m"), "{}", outcome.stderr);
}

/// The names that the rows of a ledger tell, as they stand there; one for each row of the input
/// that has rows in it.
fn ids(ledger: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for row in ledger.lines() {
        let parsed: Value = serde_json::from_str(row).expect("JSON");
        let page = parsed["page"].as_str().expect("a page").to_owned();
        let rest = row.split_once(",\"id\":").map(|(_, rest)| rest);
        let id = rest.and_then(|rest| rest.split_once(",\"line\":"));
        let told = (page, id.map(|(id, _)| id.to_owned()));
        if found.last() != Some(&told) {
            found.push(told);
        }
    }
    found
}

#[test]
fn the_ledger_tells_what_rows_are_called() {
    let values = [
        (r#""a-1""#, true),
        (r#""\u001b[31m \"x\",\n""#, true),
        ("\"\u{7f}\u{9b}ключ\"", true),
        ("123456789012345678901234567890", true),
        ("-7", true),
        ("1e400", false),
        ("1.5", false),
        (r#""\ud800""#, false),
        ("null", false),
        ("true", false),
        (r#"["a"]"#, false),
        (r#"{"id":"a"}"#, false),
        (&format!("\"{}\"", "a".repeat(1 << 20)), false),
    ];
    let text = serde_json::to_string(FERRY).expect("JSON");
    let rows = values.map(|(value, _)| format!("{{\"id\":1,\"uid\":{value},\"text\":{text}}}\n"));
    let rows = rows.concat() + &row_of(FERRY);
    let place = Place::with([("rows.jsonl", &rows)]);
    let told = |options: &[&str]| {
        let files = ["rows.jsonl", "-o", "out", "--removed", "ledger"];
        let command = [&files[..], &["--no-score", "--overwrite", "-q"], options].concat();
        place.clean(command).expect(0).says(&[]);
        ids(&place.read_text("ledger"))
    };
    let expected = |id: &dyn Fn(usize) -> Option<String>| -> Vec<(String, Option<String>)> {
        let name = |row: usize| format!("rows.jsonl#{}", row + 1);
        (0..=values.len()).map(|row| (name(row), id(row))).collect()
    };
    let by_uid = |row: usize| {
        let (value, is_told) = *values.get(row)?;
        is_told.then(|| value.to_owned())
    };
    assert_eq!(told(&["--id-field", "uid"]), expected(&by_uid));
    let by_id = |row: usize| (row < values.len()).then(|| "1".to_owned());
    assert_eq!(told(&[]), expected(&by_id));
    assert_eq!(told(&["--id-field", "nothing"]), expected(&|_| None));
    let rows_of_text = place.read_text("out");
    assert_eq!(rows_of_text.lines().count(), values.len() + 1);
}

#[test]
fn a_run_with_another_field_for_names_is_another_run() {
    let place = Place::with([("rows.jsonl", row_of(FERRY))]);
    let files = ["rows.jsonl", "-o", "out", "--removed", "ledger", "-q"];
    place.clean(files).expect(0);
    let again = [&files[..], &["--resume", "--id-field", "uid"]].concat();
    let outcome = place.clean(again).expect(2);
    outcome.mentions("with other settings");
}
