//! The bytes of an HTML file in, UTF-8 out.

use std::borrow::Cow;

use crate::charset::{Charset, is_nearly_utf8};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// Bytes in which a page may name its encoding.
const PRESCAN_BYTES: usize = 1024;

/// A page's HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'p> {
    /// UTF-8, without a byte-order mark; bytes that are no UTF-8 stay where the page is
    /// UTF-8 for the rest.
    pub html: Cow<'p, [u8]>,
    /// The name of the encoding it was in.
    pub encoding: &'static str,
    /// Bytes of the byte-order mark.
    pub mark_bytes: usize,
}

impl Decoded<'_> {
    /// Whether the bytes were converted.
    pub fn is_converted(&self) -> bool {
        matches!(self.html, Cow::Owned(_))
    }
}

/// The page says that it is in an encoding that nothing reads, such as ISO-2022-KR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in an encoding that is not read")]
pub struct Undecodable;

/// Decodes a page. `charset` is what came with it: the name in an HTTP header.
///
/// What says the encoding, in this order: a byte-order mark; the bytes themselves, if they are
/// UTF-8 and not all ASCII; `charset`; what the first 1,024 bytes say in a `meta`; the bytes
/// themselves again, if they are nearly UTF-8, else by chardetng. Time is linear.
///
/// # Errors
///
/// The page names an encoding that cannot be read.
pub fn decode<'p>(bytes: &'p [u8], charset: Option<&str>) -> Result<Decoded<'p>, Undecodable> {
    let (marked, html, mark_bytes) = split_mark(bytes);
    let encoding = match marked {
        Some(encoding) => encoding,
        None => named_or_told(html, charset)?,
    };
    Ok(decoded(html, encoding, mark_bytes))
}

/// Decodes a page whose character set the user says: only a byte-order mark goes before that.
pub fn decode_in(bytes: &[u8], given: Charset) -> Decoded<'_> {
    let (marked, html, mark_bytes) = split_mark(bytes);
    decoded(html, marked.unwrap_or(given.encoding()), mark_bytes)
}

/// The encoding of the byte-order mark, what stands behind it, and its length.
fn split_mark(bytes: &[u8]) -> (Option<&'static Encoding>, &[u8], usize) {
    let (marked, mark_bytes) = Encoding::for_bom(bytes).unzip();
    let mark_bytes = mark_bytes.unwrap_or(0);
    (marked, &bytes[mark_bytes..], mark_bytes)
}

fn decoded<'p>(html: &'p [u8], encoding: &'static Encoding, mark_bytes: usize) -> Decoded<'p> {
    let html = if encoding == UTF_8 {
        Cow::Borrowed(html)
    } else {
        let (html, _) = encoding.decode_without_bom_handling(html);
        match html {
            Cow::Borrowed(html) => Cow::Borrowed(html.as_bytes()),
            Cow::Owned(html) => Cow::Owned(html.into_bytes()),
        }
    };
    Decoded {
        html,
        encoding: encoding.name(),
        mark_bytes,
    }
}

fn named_or_told(html: &[u8], charset: Option<&str>) -> Result<&'static Encoding, Undecodable> {
    let is_utf8 = simdutf8::basic::from_utf8(html).is_ok();
    if is_utf8 && !html.is_ascii() {
        return Ok(UTF_8);
    }
    let named = charset
        .and_then(|charset| Encoding::for_label(charset.as_bytes()))
        .or_else(|| prescan(&html[..html.len().min(PRESCAN_BYTES)]));
    match named {
        Some(encoding) if encoding == REPLACEMENT => Err(Undecodable),
        Some(encoding) => Ok(encoding),
        None if is_utf8 || is_nearly_utf8(html) => Ok(UTF_8),
        None => {
            let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
            detector.feed(html, true);
            Ok(detector.guess(None, Utf8Detection::Allow))
        }
    }
}

/// The encoding that a page's `meta` elements name; the standard's prescan, by attributes.
fn prescan(start: &[u8]) -> Option<&'static Encoding> {
    let mut rest = start;
    loop {
        let at = memchr::memchr(b'<', rest)?;
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix(b"<!--") {
            rest = &comment[memchr::memmem::find(comment, b"-->")?..];
            continue;
        }
        rest = &rest[1..];
        let is_meta = rest
            .get(..4)
            .is_some_and(|name| name.eq_ignore_ascii_case(b"meta"))
            && rest
                .get(4)
                .is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'/');
        if !is_meta {
            continue;
        }
        let tag = &rest[4..memchr::memchr(b'>', rest).unwrap_or(rest.len())];
        if let Some(encoding) = charset_in(tag).and_then(Encoding::for_label) {
            return Some(as_named_in_a_page(encoding));
        }
    }
}

/// A page that could be read as far as its `meta` is not in UTF-16.
fn as_named_in_a_page(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == UTF_16BE || encoding == UTF_16LE {
        UTF_8
    } else if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    }
}

/// What stands behind `charset=`, in an attribute of its own or inside `content`.
fn charset_in(tag: &[u8]) -> Option<&[u8]> {
    const WORD: &[u8] = b"charset";
    let ends = tag
        .windows(WORD.len())
        .enumerate()
        .filter(|(_, window)| window.eq_ignore_ascii_case(WORD))
        .map(|(at, _)| at + WORD.len());
    for end in ends {
        let Some(value) = tag[end..].trim_ascii_start().strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = value.strip_prefix(b"'").unwrap_or(value);
        let is_end =
            |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b';' | b'/');
        let length = value.iter().position(is_end).unwrap_or(value.len());
        return Some(&value[..length]);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(bytes: &[u8]) -> String {
        let decoded = decode(bytes, None).expect("an encoding that is read");
        String::from_utf8(decoded.html.into_owned()).expect("UTF-8")
    }

    #[test]
    fn the_encoding_is_told_by_mark_then_utf8_then_header_then_meta_then_letters() {
        let korean = encoding_rs::EUC_KR
            .encode("<p>비들기가 다리 위에 앉아 있다")
            .0;
        for (bytes, charset, encoding) in [
            (&b"\xef\xbb\xbfa"[..], Some("euc-kr"), "UTF-8"),
            (b"\xff\xfea\0", None, "UTF-16LE"),
            ("<meta charset=gbk>é".as_bytes(), Some("gbk"), "UTF-8"),
            (b"\xe9", Some("iso-8859-2"), "ISO-8859-2"),
            (b"\xe9<meta charset=gbk>", Some("koi8-r"), "KOI8-R"),
            (b"\xe9<meta charset=gbk>", Some("no such"), "GBK"),
            (
                b"\xe9<META content='text/html; CHARSET = koi8-r'>",
                None,
                "KOI8-R",
            ),
            (b"\xe9<meta charset='gbk'>", None, "GBK"),
            (
                b"\xe9<!-- <meta charset=gbk> --><meta charset=koi8-r/>",
                None,
                "KOI8-R",
            ),
            (b"\xe9<meta charset=utf-16>", None, "UTF-8"),
            (b"<metal charset=gbk>", None, "UTF-8"),
            (&korean, None, "EUC-KR"),
        ] {
            let decoded = decode(bytes, charset).expect("an encoding that is read");
            assert_eq!(decoded.encoding, encoding, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_converted_is_utf8_without_mark() {
        assert_eq!(html(b"\xff\xfea\0\xe9\0"), "aé");
        assert_eq!(
            html(b"<meta charset=windows-1252>\x93x\x94"),
            "<meta charset=windows-1252>“x”"
        );
    }

    #[test]
    fn bad_bytes_of_a_utf8_page_stay() {
        let bytes = b"<meta charset=utf-8>caf\xe9";
        let decoded = decode(bytes, None).expect("UTF-8");
        assert_eq!(decoded.html, Cow::Borrowed(&bytes[..]));
        assert!(!decoded.is_converted());
    }

    #[test]
    fn a_page_that_is_nearly_utf8_is_taken_for_it() {
        for (text, encoding) in [("é".repeat(20), "UTF-8"), ("é".repeat(9), "windows-1252")] {
            let bytes = [text.as_bytes(), b" caf\xe9 au lait"].concat();
            let decoded = decode(&bytes, None).expect("an encoding that is read");
            assert_eq!(decoded.encoding, encoding, "{text}");
        }
    }

    #[test]
    fn an_encoding_that_nothing_reads_is_refused() {
        assert_eq!(
            decode(b"<meta charset=iso-2022-kr>", None),
            Err(Undecodable)
        );
        assert_eq!(decode(b"a", Some("hz-gb-2312")), Err(Undecodable));
    }
}
