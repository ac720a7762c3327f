//! A record in, the bytes of the page that it holds out: HTTP heads, chunks and content codings
//! are undone.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use brotli_decompressor::{BrotliDecoderParameter, Decompressor};
use flate2::read::{DeflateDecoder, ZlibDecoder};

use super::head::{Fields, MAX_HEAD_BYTES, end_of_head, media_type};
use crate::error::{PackedProblem, ProblemKind};
use crate::source::content::{self, Content};
use crate::source::packed::{Packing, Unpacker};

/// The only status whose answers are pages: errors, redirects and parts of pages are not.
const STATUS_OK: &[u8] = b"200";
/// Bytes that the decoder of brotli takes at a time.
const FEED_BYTES: usize = 64 << 10;
/// Content codings on top of one another that are undone.
const MAX_CODINGS: usize = 4;

/// What a page is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// HTML or XHTML.
    Html,
    /// Plain text.
    Text,
    /// Nothing: the bytes must tell.
    Nothing,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload<'b> {
    /// Text that was taken from a page before: a `conversion`, as WET files have.
    Text(&'b [u8]),
    /// A page as a server sent it.
    Page {
        /// Its bytes.
        bytes: Cow<'b, [u8]>,
        /// What they are said to be.
        said: Said,
        /// The name of their encoding, as the server gave it.
        charset: Option<String>,
    },
    /// No page.
    Other,
    /// A page that cannot be read safely.
    Bad(ProblemKind),
}

/// Whether a record may be a page, by its head and the first [`MAX_HEAD_BYTES`] of its block.
pub fn may_be_page(fields: &Fields<'_>, block: &[u8]) -> bool {
    match Kind::of(fields) {
        Kind::Conversion | Kind::Continuation => true,
        Kind::Other => false,
        Kind::Payload => Source::of(fields, block).is_none_or(|source| source.said.is_some()),
    }
}

/// What a record holds. What is coded is decoded up to `max_bytes`.
pub fn payload<'b>(fields: &Fields<'_>, block: &'b [u8], max_bytes: usize) -> Payload<'b> {
    let first_segment = Payload::Bad(ProblemKind::BadRecord(
        "the first segment of a longer one; segments are not read",
    ));
    let is_segment = fields.get("WARC-Segment-Number").is_some();
    match Kind::of(fields) {
        Kind::Other => return Payload::Other,
        Kind::Continuation => {
            let why = "a later segment of another one; segments are not read";
            return Payload::Bad(ProblemKind::BadRecord(why));
        }
        Kind::Conversion if is_segment => return first_segment,
        Kind::Conversion => return Payload::Text(block),
        Kind::Payload => {}
    }
    let Some(source) = Source::of(fields, block) else {
        return Payload::Bad(ProblemKind::BadRecord("its HTTP head does not end"));
    };
    let Some((said, charset)) = source.said.clone() else {
        return Payload::Other;
    };
    if is_segment {
        return first_segment;
    }
    let is_truncated = fields.get("WARC-Truncated").is_some();
    let bytes = match decoded(&block[source.body_at..], &source, is_truncated, max_bytes) {
        Ok(bytes) => bytes,
        Err(kind) => return Payload::Bad(kind),
    };
    match content::tell("".as_ref(), &bytes) {
        Content::Other if charset.is_none() => Payload::Other,
        Content::Utf16WithoutMark if charset.is_none() => {
            let why = "looks like UTF-16 without a byte-order mark";
            Payload::Bad(ProblemKind::BadRecord(why))
        }
        _ => Payload::Page {
            bytes,
            said,
            charset,
        },
    }
}

/// What the type of a record says.
enum Kind {
    /// Text of a page.
    Conversion,
    /// What a server sent.
    Payload,
    /// A segment of another record, which may be in another file.
    Continuation,
    Other,
}

impl Kind {
    fn of(fields: &Fields<'_>) -> Self {
        let kind = fields.get("WARC-Type").unwrap_or_default();
        match &kind.to_ascii_lowercase()[..] {
            b"conversion" => Kind::Conversion,
            b"response" | b"resource" => Kind::Payload,
            b"continuation" => Kind::Continuation,
            _ => Kind::Other,
        }
    }
}

/// What is known of a payload before it is read.
struct Source {
    /// What it is said to be, and in which encoding; None where it is no page.
    said: Option<(Said, Option<String>)>,
    /// Where it begins in the block.
    body_at: usize,
    is_chunked: bool,
    /// Its content codings, in the order in which they were applied.
    codings: Vec<String>,
}

impl Source {
    /// None where an HTTP head does not end.
    fn of(fields: &Fields<'_>, block: &[u8]) -> Option<Source> {
        let identified = fields.get("WARC-Identified-Payload-Type");
        if !block.starts_with(b"HTTP/") {
            return Some(Source {
                said: said(fields.get("Content-Type").or(identified)),
                body_at: 0,
                is_chunked: false,
                codings: Vec::new(),
            });
        }
        let body_at = end_of_head(&block[..block.len().min(MAX_HEAD_BYTES)], 0).ok()?;
        let head = &block[..body_at];
        let answer = Fields::read(head);
        let status = head.split(|byte| byte.is_ascii_whitespace());
        let is_page = status.filter(|word| !word.is_empty()).nth(1) == Some(STATUS_OK);
        let media = answer.get("Content-Type").or(identified);
        Some(Source {
            said: said(media).filter(|_| is_page),
            body_at,
            is_chunked: codings(answer.get("Transfer-Encoding")).contains(&"chunked".to_owned()),
            codings: codings(answer.get("Content-Encoding")),
        })
    }
}

fn codings(value: Option<&[u8]>) -> Vec<String> {
    let value = super::head::text(value.unwrap_or_default()).to_ascii_lowercase();
    let names = value.split(',').map(str::trim);
    let names = names.filter(|name| !matches!(*name, "" | "identity" | "none"));
    names.map(str::to_owned).collect()
}

/// What a media type says; None where it is that of no page.
fn said(media: Option<&[u8]>) -> Option<(Said, Option<String>)> {
    let (name, charset) = media_type(media.unwrap_or_default());
    let said = match name.as_str() {
        "text/html" | "application/xhtml+xml" | "application/vnd.wap.xhtml+xml" => Said::Html,
        "text/plain" | "text/markdown" => Said::Text,
        "" => Said::Nothing,
        _ => return None,
    };
    Some((said, charset))
}

/// The payload without its transfer and content codings. A server's head may say of a body that
/// it is coded where the crawler stored it decoded: then it is taken as it is.
fn decoded<'b>(
    body: &'b [u8],
    source: &Source,
    is_truncated: bool,
    max_bytes: usize,
) -> Result<Cow<'b, [u8]>, ProblemKind> {
    let mut bytes = Cow::Borrowed(body);
    if source.is_chunked {
        bytes = match unchunked(body, is_truncated) {
            Some(Ok(joined)) => Cow::Owned(joined),
            Some(Err(why)) => return Err(ProblemKind::BadRecord(why)),
            None => bytes,
        };
    }
    if source.codings.len() > MAX_CODINGS {
        return Err(ProblemKind::BadRecord("too many content codings"));
    }
    for coding in source.codings.iter().rev() {
        if let Some(plain) = undone(coding, &bytes, is_truncated, max_bytes)? {
            bytes = Cow::Owned(plain);
        }
    }
    Ok(bytes)
}

/// The chunks of a body joined; None where it does not begin with one.
fn unchunked(body: &[u8], is_truncated: bool) -> Option<Result<Vec<u8>, &'static str>> {
    const MAX_SIZE_LINE_BYTES: usize = 1024;
    let mut joined = Vec::with_capacity(body.len());
    let mut rest = body;
    loop {
        let line_end = memchr::memchr(b'\n', &rest[..rest.len().min(MAX_SIZE_LINE_BYTES)]);
        let size = line_end.and_then(|end| chunk_size(&rest[..end]));
        let (Some(line_end), Some(size)) = (line_end, size) else {
            let is_first = rest.len() == body.len();
            return match (is_first, is_truncated) {
                (true, _) => None,
                (_, true) => Some(Ok(joined)),
                _ => Some(Err("its chunks are cut off or damaged")),
            };
        };
        if size == 0 {
            return Some(Ok(joined));
        }
        rest = &rest[line_end + 1..];
        if size > rest.len() {
            joined.extend_from_slice(rest);
            return Some(match is_truncated {
                true => Ok(joined),
                false => Err("its chunks are cut off or damaged"),
            });
        }
        let (chunk, behind) = rest.split_at(size);
        let end = behind.strip_prefix(b"\r").unwrap_or(behind);
        match end.strip_prefix(b"\n") {
            Some(behind) => rest = behind,
            None if joined.is_empty() && !behind.is_empty() => return None,
            None => rest = b"",
        }
        joined.extend_from_slice(chunk);
    }
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii();
    let is_hex = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
    usize::from_str_radix(digits, 16).ok()
}

/// Undoes one content coding; None where the bytes are not coded so.
fn undone(
    coding: &str,
    bytes: &[u8],
    is_truncated: bool,
    max_bytes: usize,
) -> Result<Option<Vec<u8>>, ProblemKind> {
    let packing = match coding {
        _ if bytes.is_empty() => return Ok(None),
        "gzip" | "x-gzip" => Packing::Gzip,
        "zstd" => Packing::Zstd,
        "deflate" => return inflated(bytes, is_truncated, max_bytes),
        "br" => return unbrotlied(bytes, is_truncated, max_bytes),
        _ if is_text(bytes) => return Ok(None),
        _ => {
            let why = "its content coding is none of gzip, deflate, br and zstd";
            return Err(ProblemKind::BadRecord(why));
        }
    };
    if Packing::told(bytes) != Some(packing) {
        return Ok(None);
    }
    let reader = Unpacker::new(packing, Box::new(Cursor::new(bytes.to_vec())));
    read_up_to(reader, max_bytes, |error| {
        is_truncated
            || matches!(
                PackedProblem::of_read(error),
                Some(PackedProblem::Trailing { .. })
            )
    })
    .map(Some)
}

/// Undoes `deflate`: zlib's format, or, as some servers send it, without its head.
fn inflated(
    bytes: &[u8],
    is_truncated: bool,
    max_bytes: usize,
) -> Result<Option<Vec<u8>>, ProblemKind> {
    let is_zlib = bytes.len() > 1
        && bytes[0] & 0x0f == 8
        && u16::from_be_bytes([bytes[0], bytes[1]]).is_multiple_of(31);
    let read = match is_zlib {
        true => read_up_to(ZlibDecoder::new(bytes), max_bytes, |_| is_truncated),
        false => read_up_to(DeflateDecoder::new(bytes), max_bytes, |_| is_truncated),
    };
    match read {
        Err(ProblemKind::BadRecord(_)) if is_text(bytes) => Ok(None),
        read => read.map(Some),
    }
}

/// Undoes `br`, which has no mark: text that is none of it was stored as it is.
fn unbrotlied(
    bytes: &[u8],
    is_truncated: bool,
    max_bytes: usize,
) -> Result<Option<Vec<u8>>, ProblemKind> {
    if content::begins_as_html(bytes) {
        return Ok(None);
    }
    let mut decoder = Decompressor::new(bytes, FEED_BYTES.min(bytes.len()));
    // What browsers read has a window of 16 MiB at most.
    decoder.set_parameter(BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW, 0);
    let read = read_up_to(&mut decoder, max_bytes, |_| is_truncated);
    // It gives an error at the end where other bytes stand behind.
    let is_whole = read.is_ok() && decoder.read(&mut [0]).is_ok();
    // A short page may stand in it as it is, between bytes that no text has.
    let is_stored =
        || is_text(bytes) && !matches!(content::tell("".as_ref(), bytes), Content::Other);
    match read {
        Ok(_) | Err(ProblemKind::BadRecord(_)) if !is_whole && is_stored() => Ok(None),
        read => read.map(Some),
    }
}

fn read_up_to(
    reader: impl Read,
    max_bytes: usize,
    is_harmless: impl Fn(&std::io::Error) -> bool,
) -> Result<Vec<u8>, ProblemKind> {
    let mut plain = Vec::new();
    let read = reader.take(max_bytes as u64 + 1).read_to_end(&mut plain);
    if plain.len() > max_bytes {
        return Err(ProblemKind::LongRecord(max_bytes as u64));
    }
    match read {
        Err(error) if !is_harmless(&error) => {
            Err(ProblemKind::BadRecord("its content coding is damaged"))
        }
        _ => Ok(plain),
    }
}

/// Whether bytes look like a page that is not coded.
fn is_text(bytes: &[u8]) -> bool {
    content::begins_as_html(bytes) || simdutf8::basic::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const MAX_BYTES: usize = 1 << 20;
    const TIDE: &[u8] = b"<html>The tide came in at noon.</html>";

    fn fields(kind: &str, more: &str) -> Vec<u8> {
        format!("WARC/1.0\r\nWARC-Type: {kind}\r\n{more}\r\n").into_bytes()
    }

    /// `html`, `text` or `nothing`, the charset and the bytes; or why not.
    fn shown(kind: &str, more: &str, block: &[u8]) -> String {
        let head = fields(kind, more);
        let fields = Fields::read(&head);
        let payload = payload(&fields, block, MAX_BYTES);
        let is_other = matches!(payload, Payload::Other);
        assert!(
            is_other || may_be_page(&fields, block),
            "{}",
            block.escape_ascii()
        );
        match payload {
            Payload::Text(text) => format!("conversion {}", text.escape_ascii()),
            Payload::Page {
                bytes,
                said,
                charset,
            } => format!(
                "{said:?} {} {}",
                charset.unwrap_or_default(),
                bytes.escape_ascii()
            ),
            Payload::Other => "other".to_owned(),
            Payload::Bad(kind) => kind.to_string(),
        }
    }

    fn answer(head: &str, body: &[u8]) -> String {
        let block = [head.replace('\n', "\r\n").as_bytes(), b"\r\n\r\n", body].concat();
        shown("response", "Content-Type: application/http\r\n", &block)
    }

    #[test]
    fn the_type_of_a_record_says_what_it_holds() {
        for (kind, more, block, expected) in [
            ("conversion", "", "a <b>", "conversion a <b>"),
            (
                "Conversion",
                "Content-Type: image/png\r\n",
                "a",
                "conversion a",
            ),
            (
                "resource",
                "Content-Type: text/html; charset=gbk\r\n",
                "<p>",
                "Html gbk <p>",
            ),
            ("resource", "Content-Type: text/dns\r\n", "a", "other"),
            ("resource", "Content-Type: text/css\r\n", "a", "other"),
            ("resource", "", "a", "Nothing  a"),
            (
                "resource",
                "",
                "\0\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\0",
                "other",
            ),
            (
                "resource",
                "",
                "H\0e\0l\0l\0o\0",
                "bad WARC record: looks like UTF-16 without a byte-order mark; rejected",
            ),
            (
                "response",
                "Content-Type: text/dns\r\n",
                "2024 example.com",
                "other",
            ),
            ("response", "Content-Type: text/plain\r\n", "a", "Text  a"),
            ("request", "", "GET / HTTP/1.1\r\n\r\n", "other"),
            ("metadata", "Content-Type: text/plain\r\n", "a", "other"),
            (
                "revisit",
                "",
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
                "other",
            ),
            ("", "", "a", "other"),
            (
                "response",
                "WARC-Segment-Number: 1\r\n",
                "HTTP/1.1 200 OK\r\n\r\na",
                "bad WARC record: the first segment of a longer one; segments are not read; rejected",
            ),
            (
                "conversion",
                "WARC-Segment-Number: 1\r\n",
                "a",
                "bad WARC record: the first segment of a longer one; segments are not read; rejected",
            ),
            (
                "resource",
                "WARC-Segment-Number: 1\r\nContent-Type: image/png\r\n",
                "a",
                "other",
            ),
            (
                "Continuation",
                "WARC-Segment-Number: 2\r\n",
                "a",
                "bad WARC record: a later segment of another one; segments are not read; rejected",
            ),
        ] {
            assert_eq!(
                shown(kind, more, block.as_bytes()),
                expected,
                "{kind} {more}"
            );
        }
    }

    #[test]
    fn answers_with_success_that_are_html_or_text_are_pages() {
        for (head, expected) in [
            ("HTTP/1.1 200 OK\nContent-Type: text/html", "Html  "),
            (
                "HTTP/1.0 200\ncontent-type:\n TEXT/HTML;charset='EUC-KR'",
                "Html EUC-KR ",
            ),
            ("HTTP/2 200\nContent-Type: application/xhtml+xml", "Html  "),
            (
                "HTTP/1.1 200 OK\nContent-Type: text/plain; charset=utf-8",
                "Text utf-8 ",
            ),
            ("HTTP/1.1 200 OK", "Nothing  "),
            ("HTTP/1.1 404 Not Found\nContent-Type: text/html", "other"),
            ("HTTP/1.1 301 Moved\nContent-Type: text/html", "other"),
            (
                "HTTP/1.1 206 Partial Content\nContent-Type: text/html",
                "other",
            ),
            ("HTTP/1.1  2000 OK\nContent-Type: text/html", "other"),
            ("HTTP/1.1\nContent-Type: text/html", "other"),
            ("HTTP/1.1 200 OK\nContent-Type: image/png", "other"),
            ("HTTP/1.1 200 OK\nContent-Type: application/json", "other"),
            ("HTTP/1.1 200 OK\nContent-Type: text/javascript", "other"),
        ] {
            let tail = TIDE.escape_ascii().to_string();
            let found = answer(head, TIDE);
            assert_eq!(
                found.strip_suffix(&tail).unwrap_or(&found),
                expected,
                "{head}"
            );
        }
        let open = shown(
            "response",
            "",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n",
        );
        assert_eq!(
            open,
            "bad WARC record: its HTTP head does not end; rejected"
        );
    }

    #[test]
    fn chunks_are_joined_and_told_where_they_are_damaged() {
        let head = "HTTP/1.1 200 OK\nContent-Type: text/plain\nTransfer-Encoding: Chunked";
        let damaged = "bad WARC record: its chunks are cut off or damaged; rejected";
        for (body, expected) in [
            ("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "Text  abcde"),
            ("3\nabc\n00\n", "Text  abc"),
            ("0\r\n\r\n", "Text  "),
            (
                "a page that is stored\nas it is",
                "Text  a page that is stored\\nas it is",
            ),
            ("Add\r\nsalt to taste", damaged),
            ("2\r\nAdd salt", "Text  2\\r\\nAdd salt"),
            ("3\r\nabc", damaged),
            ("3\r\nabc\r\n", damaged),
            ("3\r\nabc\r\n9\r\nde", damaged),
            ("3\r\nabc\r\nxyz\r\n", damaged),
            ("3\r\nabc\r\nffffffffffffffff\r\nde", damaged),
            ("3\r\nabc\r\nfffffffffffffffff\r\nde", damaged),
        ] {
            assert_eq!(answer(head, body.as_bytes()), expected, "{body}");
        }
        let cut = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n9\r\nde";
        let truncated = shown("response", "WARC-Truncated: length\r\n", cut.as_bytes());
        assert_eq!(
            truncated, "Nothing  abcde",
            "the crawler says that it is not whole"
        );
    }

    fn coded(mut encoder: impl Write, bytes: &[u8]) {
        encoder.write_all(bytes).expect("memory");
        encoder.flush().expect("memory");
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        coded(ZlibEncoder::new(&mut out, Compression::default()), bytes);
        out
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        coded(DeflateEncoder::new(&mut out, Compression::default()), bytes);
        out
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        coded(GzEncoder::new(&mut out, Compression::default()), bytes);
        out
    }

    fn brotli_within(window_bits: i32, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let params = brotli::enc::BrotliEncoderParams {
            quality: 5,
            lgwin: window_bits,
            large_window: window_bits > 24,
            ..Default::default()
        };
        brotli::BrotliCompress(&mut &bytes[..], &mut out, &params).expect("memory");
        out
    }

    fn brotli(bytes: &[u8]) -> Vec<u8> {
        brotli_within(22, bytes)
    }

    #[test]
    fn content_codings_are_undone() {
        let zstd = Packing::Zstd.pack(TIDE).expect("memory");
        let damaged = b"\x0b\x02\x80\xff\xfe";
        for (coding, body, is_read) in [
            ("gzip", gzip(TIDE), true),
            ("X-GZIP", gzip(TIDE), true),
            ("deflate", zlib(TIDE), true),
            ("deflate", deflate(TIDE), true),
            ("zstd", zstd, true),
            ("deflate, gzip", gzip(&zlib(TIDE)), true),
            ("identity", TIDE.to_vec(), true),
            // Stored as it is, whatever the head says.
            ("gzip", TIDE.to_vec(), true),
            ("deflate", TIDE.to_vec(), true),
            ("br", TIDE.to_vec(), true),
            ("br", brotli(TIDE), true),
            ("br", brotli_within(24, TIDE), true),
            ("gzip, br", brotli(&gzip(TIDE)), true),
            ("br", [&brotli(TIDE)[..], b"\xff\0"].concat(), true),
            ("br", brotli_within(25, TIDE), false),
            ("br", brotli(TIDE)[..30].to_vec(), false),
            ("br", damaged.to_vec(), false),
            ("compress", damaged.to_vec(), false),
            ("gzip", gzip(TIDE)[..30].to_vec(), false),
            ("deflate", zlib(TIDE)[..20].to_vec(), false),
            ("gzip,gzip,gzip,gzip,gzip", gzip(TIDE), false),
        ] {
            let head =
                format!("HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Encoding: {coding}");
            let found = answer(&head, &body);
            let page = format!("Html  {}", TIDE.escape_ascii());
            assert_eq!(found == page, is_read, "{coding} {found}");
            assert_eq!(found.ends_with("; rejected"), !is_read, "{coding} {found}");
        }
    }

    #[test]
    fn text_that_is_stored_as_it_is_is_not_taken_for_brotli() {
        let head = "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Encoding: br";
        // `;` alone is brotli of nothing.
        assert_eq!(answer(head, b";"), "Text  ");
        for text in ["; notes", ";;", "The tide came in at noon.", "a"] {
            assert_eq!(answer(head, text.as_bytes()), format!("Text  {text}"));
        }
        let cut = brotli(&TIDE.repeat(50));
        let cut = [
            &b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n"[..],
            &cut[..cut.len() - 4],
        ];
        let truncated = shown("response", "WARC-Truncated: length\r\n", &cut.concat());
        assert!(
            truncated.starts_with("Nothing  <html>The tide"),
            "{truncated}"
        );
    }

    #[test]
    fn what_unpacks_to_more_than_a_page_may_have_is_rejected() {
        let head = "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Encoding: ";
        for (coding, pack) in [
            ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
            ("deflate", zlib),
            ("deflate", deflate),
            ("br", brotli),
        ] {
            let head = format!("{head}{coding}");
            for (bytes, is_read) in [(MAX_BYTES, true), (MAX_BYTES + 1, false)] {
                let found = answer(&head, &pack(&vec![b'a'; bytes]));
                assert_eq!(found.starts_with("Text"), is_read, "{coding}");
                assert_eq!(found.contains("longer than --max-page-bytes"), !is_read);
            }
        }
    }
}
