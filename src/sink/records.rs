//! What is written of a WARC record's page: a JSON row, or a record of a WET file.

use super::ledger::{id_of, write_string};
use crate::fingerprint::Fingerprint;
use crate::source::warc::{Fields, text};

/// What is written of each page of a WARC file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordFormat {
    /// A JSON row: `id`, `url`, `date`, `text`.
    #[default]
    Jsonl,
    /// A `conversion` record, as in WET files.
    Wet,
}

impl RecordFormat {
    /// The word that stands for it, and the ending of file names.
    pub fn word(self) -> &'static str {
        match self {
            RecordFormat::Jsonl => "jsonl",
            RecordFormat::Wet => "wet",
        }
    }
}

/// The address of the page; older writers put it in angle brackets.
pub fn url<'f>(fields: &'f Fields<'_>) -> Option<std::borrow::Cow<'f, str>> {
    let value = fields.get("WARC-Target-URI")?;
    let bare = value
        .strip_prefix(b"<")
        .and_then(|url| url.strip_suffix(b">"));
    Some(text(bare.unwrap_or(value)))
}

/// Appends the start of a row, up to the value of `text`.
pub fn begin_row(fields: &Fields<'_>, out: &mut Vec<u8>) {
    let id = fields.get("WARC-Record-ID").map(text);
    let date = fields.get("WARC-Date").map(text);
    let values = [
        ("{\"id\":", id),
        (",\"url\":", url(fields)),
        (",\"date\":", date),
    ];
    for (name, value) in values {
        out.extend_from_slice(name.as_bytes());
        match value {
            Some(value) => write_string([&*value], out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.extend_from_slice(b",\"text\":");
}

/// What a record is called, as JSON, where that is no longer than the names of rows are.
pub fn id(fields: &Fields<'_>) -> Option<String> {
    fields.get("WARC-Record-ID").and_then(id_of)
}

/// Appends a record with `block` as its text. One that was made of a record of text before
/// keeps that one's fields; digests, which are of another text, go.
pub fn write_conversion(fields: &Fields<'_>, is_conversion: bool, block: &[u8], out: &mut Vec<u8>) {
    let mut line = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    };
    if is_conversion {
        line(b"WARC/1.0\r\nWARC-Type", b"conversion");
        const OWN: [&str; 4] = [
            "WARC-Type",
            "Content-Length",
            "WARC-Block-Digest",
            "WARC-Payload-Digest",
        ];
        let is_own = |name: &[u8]| {
            OWN.iter()
                .any(|own| own.as_bytes().eq_ignore_ascii_case(name))
        };
        for (name, value) in fields.iter().filter(|(name, _)| !is_own(name)) {
            line(name, value);
        }
    } else {
        line(b"WARC/1.0\r\nWARC-Type", b"conversion");
        if let Some(url) = url(fields) {
            line(b"WARC-Target-URI", url.as_bytes());
        }
        if let Some(date) = fields.get("WARC-Date") {
            line(b"WARC-Date", date);
        }
        let id = fields.get("WARC-Record-ID");
        line(
            b"WARC-Record-ID",
            id_of_conversion(id.unwrap_or_default()).as_bytes(),
        );
        if let Some(id) = id {
            line(b"WARC-Refers-To", id);
        }
        line(b"Content-Type", b"text/plain");
    }
    line(b"Content-Length", block.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(block);
    out.extend_from_slice(b"\r\n\r\n");
}

/// An id that is always the same for the text of a record: a UUID of version 8 (RFC 9562).
fn id_of_conversion(record_id: &[u8]) -> String {
    let bits = Fingerprint::of(&[b"dechaff conversion of ", record_id].concat()).0;
    let version = 0x8_u128 << 76;
    let variant = 0b10_u128 << 62;
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | version | variant;
    let digits = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    format!("<urn:uuid:{}>", parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] =
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: <https://a.example/\"x\">\r\n\
        WARC-Date: 2024-05-01T10:00:00Z\r\nWARC-Record-ID: <urn:uuid:1>\r\n\
        WARC-Block-Digest: sha1:X\r\nContent-Type: application/http\r\nContent-Length: 9\r\n\r\n";

    fn string(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_row_has_id_address_date_and_text() {
        let fields = Fields::read(HEAD);
        assert_eq!(
            string(|out| begin_row(&fields, out)),
            r#"{"id":"<urn:uuid:1>","url":"https://a.example/\"x\"","date":"2024-05-01T10:00:00Z","text":"#
        );
        assert_eq!(
            string(|out| begin_row(&Fields::default(), out)),
            r#"{"id":null,"url":null,"date":null,"text":"#
        );
    }

    #[test]
    fn a_conversion_refers_to_its_record() {
        let fields = Fields::read(HEAD);
        let record = string(|out| write_conversion(&fields, false, b"a\n", out));
        let id = id_of_conversion(b"<urn:uuid:1>");
        assert_eq!(id.len(), "<urn:uuid:>".len() + 36);
        assert_eq!((&id[24..25], &id[29..30] >= "8"), ("8", true), "{id}");
        assert_eq!(
            record,
            format!(
                "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://a.example/\"x\"\r\n\
                 WARC-Date: 2024-05-01T10:00:00Z\r\nWARC-Record-ID: {id}\r\n\
                 WARC-Refers-To: <urn:uuid:1>\r\nContent-Type: text/plain\r\n\
                 Content-Length: 2\r\n\r\na\n\r\n\r\n"
            )
        );
    }

    #[test]
    fn a_conversion_of_a_conversion_keeps_its_fields() {
        let fields = Fields::read(HEAD);
        let record = string(|out| write_conversion(&fields, true, b"", out));
        assert_eq!(
            record,
            "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: <https://a.example/\"x\">\r\n\
             WARC-Date: 2024-05-01T10:00:00Z\r\nWARC-Record-ID: <urn:uuid:1>\r\n\
             Content-Type: application/http\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
        );
    }
}
