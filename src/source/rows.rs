//! A JSON row in, its text field out, and where to splice the cleaned text; the other bytes
//! of the row are never touched.

use std::borrow::Cow;
use std::ops::Range;

use ahash::AHashSet;

use super::content::UTF8_MARK;
use super::json::{self, Object};

/// Arrays and objects inside one another that a row may have.
pub const MAX_DEPTH: usize = 127;

/// Most bytes of the JSON that names a row: it is written beside each line that is removed of the
/// row, so a longer one names none.
pub const MAX_ID_BYTES: usize = 1024;

/// A row that was taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'r> {
    /// The field's text, decoded; None where it is missing or not a string.
    pub text: Option<Cow<'r, str>>,
    /// The URL; None where it is missing or not a string.
    pub url: Option<Cow<'r, str>>,
    /// What names the row, as it stands there: a string that can be read, of at most
    /// [`MAX_ID_BYTES`], or a whole number, of at most 127 bits. Else None.
    pub id: Option<&'r str>,
    /// Where the field's value stands in the row, quotes included. Empty without text.
    pub value: Range<usize>,
    /// Where the object's closing brace stands.
    pub close: usize,
    /// The names of the row's fields, in order.
    pub fields: Vec<Cow<'r, str>>,
}

/// Why a row cannot be taken apart, and at which byte of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// What is wrong.
    pub what: String,
    /// Offset in the row, in bytes.
    pub byte: usize,
}

impl RowError {
    fn new(what: impl Into<String>, byte: usize) -> Self {
        RowError {
            what: what.into(),
            byte,
        }
    }
}

/// The names of the fields that are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldNames {
    /// Holds the text.
    pub text: String,
    /// Holds the URL.
    pub url: String,
    /// Names the row; None where no name is wanted.
    pub id: Option<String>,
}

impl Default for FieldNames {
    fn default() -> Self {
        FieldNames {
            text: "text".to_owned(),
            url: "url".to_owned(),
            id: None,
        }
    }
}

/// Takes a row apart. `row` may end in its line end and white space.
///
/// Linear time; nesting of any depth costs no stack.
///
/// # Errors
///
/// Not UTF-8, not one JSON object, a field twice, nested deeper than [`MAX_DEPTH`], a text
/// with a lone surrogate.
pub fn take_apart<'r>(row: &'r [u8], names: &FieldNames) -> Result<Row<'r>, RowError> {
    let row = simdutf8::compat::from_utf8(row)
        .map_err(|error| RowError::new("not UTF-8", error.valid_up_to()))?;
    let Object { fields, wanted } = json::object(row, &names.text)
        .map_err(|error| RowError::new(reason(&error), error.column().saturating_sub(1)))?;
    let place = |value: &str| value.as_ptr() as usize - row.as_ptr() as usize;

    let mut seen = AHashSet::new();
    for (name, value) in &fields {
        if !seen.insert(name) {
            let what = format!("field '{name}' stands twice");
            return Err(RowError::new(what, place(value)));
        }
        if let Some(byte) = too_deep(value) {
            let what = format!("nested deeper than {MAX_DEPTH}");
            return Err(RowError::new(what, place(value) + byte));
        }
    }
    let field = |name: &str| {
        let found = fields.iter().find(|(own, _)| own == name);
        found.map(|&(_, value)| value)
    };
    let string = |name: &str| field(name).filter(|value| value.starts_with('"'));
    let id = names.id.as_deref().and_then(field).filter(|id| is_id(id));
    let url = string(&names.url).and_then(|value| json::text(value).ok());
    let value = string(&names.text);
    let text = match value {
        Some(value) if wanted.is_none() => {
            let text = json::text(value);
            Some(text.map_err(|error| no_text(&error, value, place(value)))?)
        }
        _ => wanted,
    };
    let value = value.map_or(0..0, |value| place(value)..place(value) + value.len());
    Ok(Row {
        text,
        url,
        id,
        value,
        close: row.trim_ascii_end().len() - 1,
        fields: fields.into_iter().map(|(name, _)| name).collect(),
    })
}

/// Whether a value names its row.
fn is_id(value: &str) -> bool {
    let is_read = match value.as_bytes() {
        [b'"', ..] => json::text(value).is_ok(),
        // Larger ones, and such as 1e400, many readers of JSON refuse.
        _ => value.parse::<i128>().is_ok(),
    };
    value.len() <= MAX_ID_BYTES && is_read
}

/// Lines at which [`look_like_rows`] looks.
const LINES_LOOKED_AT: usize = 3;

/// Whether text begins like JSON rows: its first lines that are not blank are objects with text.
/// Linear time, in the length of these lines.
pub fn look_like_rows(text: &[u8], names: &FieldNames) -> bool {
    let text = text.strip_prefix(UTF8_MARK).unwrap_or(text);
    if !text.trim_ascii_start().starts_with(b"{") {
        return false;
    }
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let mut lines = lines.filter(|line| !line.is_empty()).take(LINES_LOOKED_AT);
    lines.all(|line| take_apart(line, names).is_ok_and(|row| row.text.is_some()))
}

/// Why a string, which stands at this place of the row, is no text.
fn no_text(error: &serde_json::Error, value: &str, place: usize) -> RowError {
    match lone_surrogate(&value[1..value.len() - 1]) {
        Some(at) => {
            let escape = &value[at + 1..][..ESCAPE_BYTES];
            let what = format!("text holds {escape}, half of a surrogate pair: no character");
            RowError::new(what, place + at + 1)
        }
        None => RowError::new(format!("text: {}", reason(error)), place),
    }
}

/// Bytes of `\u` and four digits.
const ESCAPE_BYTES: usize = 6;

/// Where in a string, whose escapes are well formed, the first half of a surrogate pair stands
/// without the other half.
fn lone_surrogate(inside: &str) -> Option<usize> {
    let code = |at: usize| {
        let digits = inside.get(at..at + ESCAPE_BYTES)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut at = 0;
    while let Some(behind) = memchr::memchr(b'\\', inside.get(at..)?.as_bytes()) {
        at += behind;
        match (code(at), code(at + ESCAPE_BYTES)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 2 * ESCAPE_BYTES,
            (Some(0xd800..=0xdfff), _) => return Some(at),
            (Some(_), _) => at += ESCAPE_BYTES,
            (None, _) => at += 2,
        }
    }
    None
}

/// serde_json's message without its place, which is given apart.
fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}

/// Where a value is nested too deep; the object around it is one level.
fn too_deep(value: &str) -> Option<usize> {
    if !value.starts_with(['[', '{']) {
        return None;
    }
    let mut depth = 1;
    let mut is_in_string = false;
    let mut is_escaped = false;
    for (at, byte) in value.bytes().enumerate() {
        if is_in_string {
            is_in_string = is_escaped || byte != b'"';
            is_escaped = byte == b'\\' && !is_escaped;
            continue;
        }
        match byte {
            b'"' => is_in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(row: &str) -> Option<String> {
        let row = take_apart(row.as_bytes(), &FieldNames::default()).expect("a good row");
        row.text.map(Cow::into_owned)
    }

    #[test]
    fn finds_the_text_and_its_place() {
        let row = r#" {"id": 1e400, "text" : "a\nb", "more": [1, {"text": "no"}]} "#;
        let got = take_apart(row.as_bytes(), &FieldNames::default()).expect("a good row");
        assert_eq!(got.text.as_deref(), Some("a\nb"));
        assert_eq!(&row[got.value], r#""a\nb""#);
        assert_eq!(&row[got.close..], "} ");
        assert_eq!(got.fields, ["id", "text", "more"]);
    }

    #[test]
    fn strings_and_whole_numbers_of_bounded_length_name_a_row() {
        let longest = format!("\"{}\"", "a".repeat(MAX_ID_BYTES - 2));
        let too_long = format!("\"{}\"", "a".repeat(MAX_ID_BYTES - 1));
        for (value, is_id) in [
            (r#""a""#, true),
            (r#""\u001b[31m\n\"""#, true),
            (r#""\ud800""#, false),
            ("7", true),
            ("-0", true),
            ("1e400", false),
            ("1.0", false),
            ("123456789012345678901234567890", true),
            ("-170141183460469231731687303715884105728", true),
            ("170141183460469231731687303715884105728", false),
            ("null", false),
            ("true", false),
            ("[1]", false),
            (r#"{"a":1}"#, false),
            (&longest, true),
            (&too_long, false),
        ] {
            let row = format!(r#"{{"uid": {value} ,"text":"a"}}"#);
            let id = |name: Option<&str>| {
                let names = FieldNames {
                    id: name.map(str::to_owned),
                    ..FieldNames::default()
                };
                let row = take_apart(row.as_bytes(), &names).expect("a good row");
                row.id.map(str::to_owned)
            };
            assert_eq!(id(Some("uid")), is_id.then(|| value.to_owned()), "{value}");
            assert_eq!((id(Some("id")), id(None)), (None, None));
        }
    }

    #[test]
    fn text_that_is_missing_or_no_string_is_none() {
        for row in [
            r"{}",
            r#"{"text":null}"#,
            r#"{"text":["a"]}"#,
            r#"{"Text":"a"}"#,
        ] {
            assert_eq!(text(row), None, "{row}");
        }
        assert_eq!(text(r#"{"te\u0078t":"a"}"#).as_deref(), Some("a"));
        assert_eq!(
            text(r#"{"text":"\ud83d\ude00 \u0000"}"#).as_deref(),
            Some("😀 \0")
        );
    }

    #[test]
    fn rows_are_told_by_the_first_lines() {
        for (text, is_like) in [
            ("{\"text\":\"a\"}", true),
            (
                "\u{feff}\n {\"id\":1,\"text\":\"a\"}\r\n\n{\"text\":\"b\"}\n",
                true,
            ),
            (
                "{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":\"c\"}\nprose\n",
                true,
            ),
            ("{\"text\":\"a\"}\n{\"text\":\"b\"}\nprose\n", false),
            ("{\"body\":\"a\"}\n", false),
            ("{\"text\":1}\n", false),
            ("a\n{\"text\":\"a\"}\n", false),
            ("", false),
        ] {
            let told = look_like_rows(text.as_bytes(), &FieldNames::default());
            assert_eq!(told, is_like, "{text}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_told_with_its_place() {
        for (row, escape) in [
            (r#"{"text":"a\\\ud83d b"}"#, r"\ud83d b"),
            (r#"{"text":"\ud83d\ude00\ude00"}"#, "\\ude00\""),
            (r#"{"text":"\u00e9\ud800\u0041"}"#, r"\ud800"),
            (r#"{"text":"é\uDC00"}"#, r"\uDC00"),
        ] {
            let error = take_apart(row.as_bytes(), &FieldNames::default()).expect_err("a bad row");
            assert!(
                row[error.byte..].starts_with(escape),
                "{row} {}",
                error.byte
            );
            assert!(error.what.contains(&escape[..6]), "{}", error.what);
        }
    }

    #[test]
    fn bad_rows_are_refused_with_their_place() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(127), "]".repeat(127));
        let very_deep = format!(r#"{{"a":{}"#, "[".repeat(1_000_000));
        for (row, what) in [
            (&b"{\"text\":\"a\xff\"}"[..], "not UTF-8"),
            (br#"{"text":"a","text":"b"}"#, "field 'text' stands twice"),
            (br#"{"a":1,"\u0061":2}"#, "field 'a' stands twice"),
            (
                br#"{"text":"\ud800"}"#,
                "text holds \\ud800, half of a surrogate pair",
            ),
            (b"{\"text\":\"a\tb\"}", "control character"),
            (br#"{"text":"a"} x"#, "trailing characters"),
            (br#"["text"]"#, "expected a JSON object"),
            (br#"{"text":"a""#, "EOF"),
            (deep.as_bytes(), "nested deeper than 127"),
            (very_deep.as_bytes(), "EOF"),
        ] {
            let error = take_apart(row, &FieldNames::default()).expect_err("a bad row");
            assert!(error.what.contains(what), "{} / {what}", error.what);
            assert!(error.byte <= row.len());
        }
        let deep_enough = format!(r#"{{"a":{}{}}}"#, "[".repeat(126), "]".repeat(126));
        assert!(take_apart(deep_enough.as_bytes(), &FieldNames::default()).is_ok());
        assert!(take_apart(br#"{"a":"[[[[[\"[[[","b":[]}"#, &FieldNames::default()).is_ok());
    }
}
