//! A cleaned page's removed lines in, ledger rows out: JSON lines from which, with the
//! output, the page can be rebuilt byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::cleaner::CleanedLine;
use crate::decide::{Reason, Verdict};
use crate::index::{Names, Place, page_name};
use crate::simd::masks::{json_escapes, places};
use crate::simd::widest;
use crate::source::rows::MAX_ID_BYTES;

/// Where a stretch of text stands: which page, and how much of it comes before.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    /// The page's name: relative path, with `#RECORD` inside a container. Any bytes.
    pub page: &'a [u8],
    /// What the page's row or record says that it is called, as JSON.
    pub id: Option<&'a str>,
    /// Lines of the page before the stretch.
    pub lines_before: u64,
    /// Bytes of the page's text before the stretch.
    pub bytes_before: u64,
}

impl<'a> Address<'a> {
    /// The start of a page.
    pub fn of_page(page: &'a [u8]) -> Self {
        Address {
            page,
            id: None,
            lines_before: 0,
            bytes_before: 0,
        }
    }

    /// The same, of a page that is called so.
    pub fn with_id(self, id: Option<&'a str>) -> Self {
        Address { id, ..self }
    }
}

/// A text that names a page, as JSON; None where that is longer than [`MAX_ID_BYTES`], or the text
/// is not UTF-8.
pub fn id_of(text: &[u8]) -> Option<String> {
    if text.len() > MAX_ID_BYTES {
        return None;
    }
    let text = simdutf8::basic::from_utf8(text).ok()?;
    let mut id = Vec::new();
    write_string([text], &mut id);
    let id = String::from_utf8(id).ok();
    id.filter(|id| id.len() <= MAX_ID_BYTES)
}

/// Appends the row of one line, with its line end. `names` are those of the corpus index.
pub fn write_row(
    address: Address<'_>,
    line: &CleanedLine<'_>,
    names: Option<&Names>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    write_page(address.page, out);
    if let Some(id) = address.id {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id.as_bytes());
    }
    write_number(",\"line\":", address.lines_before + line.number as u64, out);
    write_number(",\"start\":", address.bytes_before + line.start as u64, out);
    write_number(",\"end\":", address.bytes_before + line.end as u64, out);
    match simdutf8::basic::from_utf8(line.bytes) {
        Ok(text) => {
            out.extend_from_slice(b",\"text\":");
            write_string([text], out);
        }
        Err(_) => {
            out.extend_from_slice(b",\"text_b64\":\"");
            out.extend_from_slice(BASE64.encode(line.bytes).as_bytes());
            out.push(b'"');
        }
    }
    write_reason(line.verdict, out);
    if let Reason::Repeat { of } = line.verdict.reason {
        out.extend_from_slice(b",\"of\":{");
        write_page(address.page, out);
        write_number(",\"line\":", address.lines_before + of as u64, out);
        out.push(b'}');
    }
    write_corpus_reason(line.verdict.reason, names, out);
    out.extend_from_slice(b"}\n");
}

/// Appends what the corpus index knows of a reason: pages and share, or the place of the first
/// copy, without a line where the whole page is a copy.
pub(super) fn write_corpus_reason(reason: Reason, names: Option<&Names>, out: &mut Vec<u8>) {
    match reason {
        Reason::Template { pages, of_pages } => {
            let share = f64::from(pages) / f64::from(of_pages.max(1));
            write_number(",\"pages\":", pages.into(), out);
            out.extend_from_slice(format!(",\"share\":{share:.4}").as_bytes());
        }
        Reason::Duplicate { of } => {
            out.extend_from_slice(b",\"of\":{");
            write_page(&page_of(of, names), out);
            if of.line > 0 {
                write_number(",\"line\":", of.line.into(), out);
            }
            out.push(b'}');
        }
        Reason::Body
        | Reason::Blank
        | Reason::Repeat { .. }
        | Reason::Comment
        | Reason::Headline
        | Reason::Boilerplate => {}
    }
}

/// The name of the page that a place lies on.
pub fn page_of(place: Place, names: Option<&Names>) -> Vec<u8> {
    let file = names.map_or(&b""[..], |names| names.name(place.file));
    page_name(file, place.record.into())
}

/// Appends `"page":"…"`; a name that is not UTF-8 is shown as well as it can be, and stands
/// whole in `page_b64`.
fn write_page(page: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"page\":");
    match simdutf8::basic::from_utf8(page) {
        Ok(page) => write_string([page], out),
        Err(_) => {
            write_string([&*String::from_utf8_lossy(page)], out);
            out.extend_from_slice(b",\"page_b64\":\"");
            out.extend_from_slice(BASE64.encode(page).as_bytes());
            out.push(b'"');
        }
    }
}

/// Appends `,"reason":"…","score":…`.
pub(super) fn write_reason(verdict: Verdict, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"reason\":\"");
    out.extend_from_slice(verdict.reason.word().as_bytes());
    out.extend_from_slice(b"\",\"score\":");
    out.extend_from_slice(format!("{:.4}", verdict.score.context).as_bytes());
}

/// Appends parts of a text as one JSON string: quotes, backslashes and the 32 controls are escaped,
/// nothing else is.
pub fn write_string<'t>(parts: impl IntoIterator<Item = &'t str>, out: &mut Vec<u8>) {
    out.push(b'"');
    widest(
        #[inline(always)]
        || {
            for part in parts {
                escape(part.as_bytes(), out);
            }
        },
    );
    out.push(b'"');
}

#[inline(always)]
fn escape(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(text.len());
    let mut from = 0;
    for place in places(text, json_escapes) {
        out.extend_from_slice(&text[from..place]);
        from = place + 1;
        let byte = text[place];
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\t' => b't',
            b'\r' => b'r',
            0x08 => b'b',
            0x0c => b'f',
            _ => {
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.extend_from_slice(&text[from..]);
}

fn write_number(name: &str, number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(number.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Score;

    fn row(bytes: &[u8], reason: Reason) -> String {
        row_of(None, bytes, reason)
    }

    fn row_of(id: Option<&str>, bytes: &[u8], reason: Reason) -> String {
        let line = CleanedLine {
            number: 7,
            start: 12,
            end: 12 + bytes.len(),
            text: bytes,
            bytes,
            verdict: Verdict {
                is_kept: false,
                reason,
                score: Score::of_boilerplate(0.5, 0.12345),
            },
        };
        let address = Address {
            page: b"news/a.txt",
            id,
            lines_before: 100,
            bytes_before: 800,
        };
        let mut out = Vec::new();
        write_row(address, &line, None, &mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn a_row_has_address_text_reason_and_score() {
        assert_eq!(
            row(b"He said \"no\"\r\n", Reason::Repeat { of: 1 }),
            r#"{"page":"news/a.txt","line":107,"start":812,"end":826,"text":"He said \"no\"\r\n","reason":"repeat","score":0.1235,"of":{"page":"news/a.txt","line":101}}
"#
        );
    }

    #[test]
    fn a_row_has_the_id_of_its_page() {
        assert_eq!(
            row_of(Some("7e400"), b"a\n", Reason::Boilerplate),
            r#"{"page":"news/a.txt","id":7e400,"line":107,"start":812,"end":814,"text":"a\n","reason":"boilerplate","score":0.1235}
"#
        );
    }

    #[test]
    fn strings_are_escaped_as_the_json_library_does() {
        let every: String = (0..0x500).filter_map(char::from_u32).collect();
        for from in every.char_indices().map(|(at, _)| at).take(300) {
            for text in [&every[from..], &every[..from]] {
                let mut out = Vec::new();
                write_string([text], &mut out);
                let expected = serde_json::to_vec(text).expect("JSON");
                assert_eq!(out, expected, "{text:?}");
            }
        }
        // Wherever a block ends.
        for length in 0..140 {
            let text = format!("{}\n\"{}", "x".repeat(length), "é\t".repeat(length / 2));
            let mut out = Vec::new();
            write_string([&*text], &mut out);
            assert_eq!(out, serde_json::to_vec(&text).expect("JSON"), "{length}");
        }
    }

    #[test]
    fn names_that_are_not_utf8_stand_whole() {
        let mut out = Vec::new();
        write_page(b"a\xff", &mut out);
        assert_eq!(
            out,
            "\"page\":\"a\u{fffd}\",\"page_b64\":\"Yf8=\"".as_bytes()
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_base64() {
        assert_eq!(
            row(b"\xff\n", Reason::Boilerplate),
            r#"{"page":"news/a.txt","line":107,"start":812,"end":814,"text_b64":"/wo=","reason":"boilerplate","score":0.1235}
"#
        );
    }
}
