//! The bytes of a file in, what kind of content they are out. Content goes before name.

use std::path::Path;

use memchr::{memchr, memmem};

use crate::charset::{self, Charset};
use crate::html::Tag;

/// What a page, or the text of a row, is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextFormat {
    /// What it looks like.
    #[default]
    Auto,
    /// Plain text.
    Text,
    /// HTML.
    Html,
}

impl TextFormat {
    /// Whether it is taken for HTML; `looks_so` is asked where nothing else is said.
    pub fn is_html(self, looks_so: impl FnOnce() -> bool) -> bool {
        match self {
            TextFormat::Auto => looks_so(),
            TextFormat::Text => false,
            TextFormat::Html => true,
        }
    }
}

/// What a file's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A page of text in some ASCII-compatible encoding.
    Text,
    /// A page of HTML in some ASCII-compatible encoding.
    Html,
    /// UTF-16 with a byte-order mark.
    Utf16,
    /// UTF-16 without a byte-order mark.
    Utf16WithoutMark,
    /// Text with NUL bytes in it.
    TextWithNul,
    /// An image, style, script, font, program or other file that is no page.
    Other,
    /// A format that holds pages but is not read by this version.
    Unread(&'static str),
}

/// Share of control bytes from which bytes with a NUL are no text: one in this many.
const CONTROL_PART: usize = 10;

/// The UTF-8 byte-order mark.
pub const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Tells what a file's bytes are. `bytes` is the whole file, or the first stretch of a large
/// one. Linear time.
pub fn tell(name: &Path, bytes: &[u8]) -> Content {
    tell_in(name, bytes, None)
}

/// As [`tell`], where the user says which character set texts are in.
pub fn tell_in(name: &Path, bytes: &[u8], given: Option<Charset>) -> Content {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Content::Utf16;
    }
    if let Some(format) = container(bytes) {
        return Content::Unread(format);
    }
    if begins_as_html(bytes) {
        return Content::Html;
    }
    if memchr(0, bytes).is_some() {
        return match tell_binary(bytes, given) {
            Content::TextWithNul if is_named_html(name) && has_tag(bytes) => Content::Html,
            told => told,
        };
    }
    if bytes.starts_with(b"%PDF-") {
        return Content::Other;
    }
    let start = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    let start = start.trim_ascii_start();
    if is_named_html(name) && (has_tag(bytes) || start.is_empty()) {
        return Content::Html;
    }
    if is_style_or_script(name, start) {
        return Content::Other;
    }
    Content::Text
}

/// Formats whose first bytes no page of text begins with.
fn container(bytes: &[u8]) -> Option<&'static str> {
    let formats: [(&[u8], &str); 7] = [
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
        (b"PK\x03\x04", "zip"),
        (b"PAR1", "Parquet"),
        (b"WARC/1.", "WARC"),
        (b"WARC/0.", "WARC"),
    ];
    formats
        .into_iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map(|(_, format)| format)
}

/// Bytes with a NUL among them. Only here do magic numbers count: a page may begin with
/// "BM" or "MZ" too.
fn tell_binary(bytes: &[u8], given: Option<Charset>) -> Content {
    if infer::archive::is_tar(bytes) {
        return Content::Unread("tar");
    }
    let told = infer::get(bytes).map(|kind| kind.matcher_type());
    if told.is_some_and(|told| told != infer::MatcherType::Text) {
        return Content::Other;
    }
    if given.is_some_and(Charset::is_utf16) || charset::utf16_without_mark(bytes).is_some() {
        return Content::Utf16WithoutMark;
    }
    let is_control = |byte: &&u8| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127);
    let controls = bytes.iter().filter(is_control).count();
    if controls * CONTROL_PART > bytes.len() {
        Content::Other
    } else {
        Content::TextWithNul
    }
}

/// Whether bytes begin as a whole page of HTML does, behind an XML declaration and comments.
pub fn begins_as_html(bytes: &[u8]) -> bool {
    let mut start = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    loop {
        start = start.trim_ascii_start();
        let (open, close): (&[u8], &[u8]) = if start.starts_with(b"<!--") {
            (b"<!--", b"-->")
        } else if start.starts_with(b"<?xml") {
            (b"<?xml", b"?>")
        } else {
            break;
        };
        let Some(end) = memmem::find(&start[open.len()..], close) else {
            return false;
        };
        start = &start[open.len() + end + close.len()..];
    }
    let names: [&[u8]; 7] = [
        b"<!doctype html",
        b"<!doctype>",
        b"<html",
        b"<head",
        b"<body",
        b"<meta",
        b"<title",
    ];
    names.iter().any(|name| {
        let next = start.get(name.len());
        begins_with(start, name) && next.is_none_or(|next| !next.is_ascii_alphanumeric())
    })
}

/// Whether text is HTML: a page, or a fragment that begins with the tag of a block and has an
/// end tag.
pub fn is_html(text: &str) -> bool {
    let start = text.trim_start();
    let Some(tag) = start.strip_prefix('<') else {
        return false;
    };
    if begins_as_html(start.as_bytes()) {
        return true;
    }
    let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next();
    let behind = name.and_then(|name| tag[name.len()..].chars().next());
    matches!(behind, Some('>' | ' ' | '\t' | '\r' | '\n'))
        && name.is_some_and(|name| Tag::named(name).is_block())
        && start.contains("</")
}

/// Whether a name ends in one of these extensions, whatever the case.
pub fn has_extension(name: &Path, extensions: &[&str]) -> bool {
    let own = name.extension();
    own.is_some_and(|own| {
        extensions
            .iter()
            .any(|other| own.eq_ignore_ascii_case(other))
    })
}

/// Whether the name of a file says that it is HTML.
pub fn is_named_html(name: &Path) -> bool {
    has_extension(name, &["html", "htm", "xhtml"])
}

/// Whether the name of a file says that it is WARC.
pub fn is_named_warc(name: &Path) -> bool {
    has_extension(name, &["warc", "wet", "wat"])
}

/// Whether anything in `bytes` looks like a tag.
fn has_tag(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'<', bytes).any(|at| {
        let next = bytes.get(at + 1);
        next.is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, b'/' | b'!'))
    })
}

fn begins_with(bytes: &[u8], lower: &[u8]) -> bool {
    bytes
        .get(..lower.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(lower))
}

/// A style sheet, script or drawing: the name says so and the bytes bear it out.
fn is_style_or_script(name: &Path, start: &[u8]) -> bool {
    let extension = name
        .extension()
        .map(|extension| extension.to_ascii_lowercase())
        .unwrap_or_default();
    match extension.to_str() {
        Some("css" | "js" | "mjs" | "map") => {
            let marks = start
                .iter()
                .filter(|byte| matches!(byte, b'{' | b'}' | b';'))
                .count();
            marks * 100 >= start.len()
        }
        Some("svg") => begins_with(start, b"<svg") || memmem::find(start, b"<svg").is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, bytes: &[u8]) -> Content {
        tell(Path::new(name), bytes)
    }

    #[test]
    fn content_goes_before_name() {
        for (name, bytes, expected) in [
            ("a.txt", &b""[..], Content::Text),
            ("a.txt", b"BMW builds a bicycle", Content::Text),
            ("a.txt", b"MZ is short for Mozambique", Content::Text),
            ("a.png", b"This is no picture.", Content::Text),
            ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Content::Other),
            ("a.txt", b"\x7fELF\x02\x01\x01\0\0\0", Content::Other),
            ("a.txt", b"%PDF-1.7 ...", Content::Other),
            ("a.txt", b"\xff\xfea\0", Content::Utf16),
            ("a.txt", b"H\0e\0l\0l\0o\0", Content::Utf16WithoutMark),
            (
                "a.txt",
                b"A line with one \0 in it, which is text.",
                Content::TextWithNul,
            ),
            ("a.txt", b"\x01\x02\0\x03\x04\x05", Content::Other),
            ("a.txt", b"\x1f\x8b\x08\0\0", Content::Unread("gzip")),
            ("a.txt", b"\x28\xb5\x2f\xfd\0", Content::Unread("zstd")),
            ("a", b"WARC/1.0\r\n", Content::Unread("WARC")),
            ("a.txt", b"\xef\xbb\xbf \n<!DOCTYPE html>", Content::Html),
            (
                "a",
                b"<?xml version='1.0'?><!-- a -->\n<HTML>",
                Content::Html,
            ),
            ("a", b"<html> with a \0 in it", Content::Html),
            ("a", b"<meta charset=utf-8>\n<html>", Content::Html),
            ("a.txt", b"<header> is a tag", Content::Text),
            ("a.txt", b"<!-- never closed <html>", Content::Text),
            ("a.htm", b"One <b>word</b>", Content::Html),
            ("a.html", b"1 < 2, and no tag at all", Content::Text),
            ("a.html", b"<b>\0\x01\x02\x03", Content::Other),
            ("a.html", b"<p>A line with one \0 in it", Content::Html),
            ("a.css", b"body { color: red; }", Content::Other),
            (
                "a.css",
                b"An essay on style sheets and what they are for.",
                Content::Text,
            ),
            ("a.js", b"function a() { return 1; }", Content::Other),
            ("a.txt", b"function a() { return 1; }", Content::Text),
        ] {
            assert_eq!(told(name, bytes), expected, "{name} {bytes:?}");
        }
    }

    #[test]
    fn fragments_of_html_are_told_in_rows_only() {
        for (text, expected) in [
            (" <!doctype html>", true),
            ("<p>a</p>", true),
            ("<div class=x>a</div>", true),
            ("<p>a", false),
            ("<b>a</b>", false),
            ("<paul> said </paul>", false),
            ("a <p>b</p>", false),
            ("<p", false),
            ("", false),
        ] {
            assert_eq!(is_html(text), expected, "{text}");
        }
        assert_eq!(told("a.txt", b"<p>a</p>"), Content::Text);
    }

    #[test]
    fn the_verdict_does_not_depend_on_where_the_nul_lies() {
        let text = b"A long enough line of ordinary text. ".repeat(1000);
        for at in [0, text.len() / 2, text.len()] {
            let mut page = text.clone();
            page.insert(at, 0);
            assert_eq!(told("a.txt", &page), Content::TextWithNul, "{at}");
        }
    }
}
