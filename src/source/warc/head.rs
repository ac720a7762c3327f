//! The head of a record or of an HTTP answer: bytes in, named fields out.

use std::borrow::Cow;

/// A head is at most this long; what goes on without an empty line is damage.
pub const MAX_HEAD_BYTES: usize = 64 << 10;

/// Whether bytes begin with the first line of a record, `WARC/1.0` and its line end. None where
/// more bytes are needed to tell.
pub fn begins_record(bytes: &[u8]) -> Option<bool> {
    const WORD: &[u8] = b"WARC/";
    /// `WARC/`, up to four digits on each side of the dot, and the line end.
    const MAX_LINE_BYTES: usize = 20;
    let shown = bytes.len().min(WORD.len());
    if bytes[..shown] != WORD[..shown] {
        return Some(false);
    }
    let line = &bytes[shown..bytes.len().min(MAX_LINE_BYTES)];
    let Some(end) = memchr::memchr(b'\n', line) else {
        let is_version = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'\r');
        let is_open = bytes.len() < MAX_LINE_BYTES && line.iter().all(is_version);
        return if is_open { None } else { Some(false) };
    };
    let is_number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let version = line[..end].strip_suffix(b"\r").unwrap_or(&line[..end]);
    let dot = memchr::memchr(b'.', version);
    Some(dot.is_some_and(|dot| is_number(&version[..dot]) && is_number(&version[dot + 1..])))
}

/// Where a head ends, its empty line included. If it does not, where its last line begins, which may
/// go on: `known_lines` from an earlier look at bytes of which these are the last, else 0.
pub fn end_of_head(bytes: &[u8], known_lines: usize) -> Result<usize, usize> {
    let mut start = known_lines;
    let ends = memchr::memchr_iter(b'\n', &bytes[known_lines..]);
    for end in ends.map(|at| known_lines + at) {
        let line = &bytes[start..end];
        start = end + 1;
        if matches!(line, b"" | b"\r") {
            return Ok(start);
        }
    }
    Err(start)
}

/// The named fields of a head, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields<'h>(Vec<(&'h [u8], Cow<'h, [u8]>)>);

impl<'h> Fields<'h> {
    /// Reads the lines behind the first. A line that begins with white space goes on with the
    /// value before it; a line without a colon says nothing.
    pub fn read(head: &'h [u8]) -> Self {
        let mut fields: Vec<(&[u8], Cow<'_, [u8]>)> = Vec::new();
        let mut goes_on = false;
        for line in head.split(|&byte| byte == b'\n').skip(1) {
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                let more = line.trim_ascii();
                if let Some((_, value)) = fields.last_mut().filter(|_| goes_on && !more.is_empty())
                {
                    let value = value.to_mut();
                    if !value.is_empty() {
                        value.push(b' ');
                    }
                    value.extend_from_slice(more);
                }
                continue;
            }
            let colon = memchr::memchr(b':', line);
            goes_on = colon.is_some();
            if let Some(colon) = colon {
                let (name, value) = (line[..colon].trim_ascii(), &line[colon + 1..]);
                fields.push((name, Cow::Borrowed(value.trim_ascii())));
            }
        }
        Fields(fields)
    }

    /// The value of the first field of a name, whatever the case of its letters.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let named = |(own, _): &&(&[u8], Cow<'_, [u8]>)| own.eq_ignore_ascii_case(name.as_bytes());
        self.0.iter().find(named).map(|(_, value)| &**value)
    }

    /// All fields as name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }
}

/// A value as text; bytes that are not UTF-8 are shown as well as they can be.
pub fn text(value: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(value)
}

/// A media type without its parameters, and its charset.
pub fn media_type(value: &[u8]) -> (String, Option<String>) {
    let value = text(value);
    let mut parts = value.split(';');
    let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (key, charset) = part.split_once('=')?;
        let charset = charset.trim().trim_matches(['"', '\'']).trim();
        let is_charset = key.trim().eq_ignore_ascii_case("charset") && !charset.is_empty();
        is_charset.then(|| charset.to_owned())
    });
    (name, charset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_begins_with_its_version() {
        for (bytes, expected) in [
            (&b"WARC/1.0\r\n"[..], Some(true)),
            (b"WARC/1.1\nWARC-Type: x", Some(true)),
            (b"WARC/0.17\r\n", Some(true)),
            (b"", None),
            (b"WA", None),
            (b"WARC/1.0", None),
            (b"WARC/1.0\r", None),
            (b"WARC/1.x", Some(false)),
            (b"WARC/1. is old\n", Some(false)),
            (b"WARC/10\r\n", Some(false)),
            (b"WARC/1.00000000000000000", Some(false)),
            (b"warc/1.0\r\n", Some(false)),
            (b"\r\nWARC/1.0\r\n", Some(false)),
        ] {
            assert_eq!(begins_record(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        for (bytes, end) in [
            (&b"a\r\n\r\nb"[..], Ok(5)),
            (b"a\n\nb", Ok(3)),
            (b"a\n\r\nb", Ok(4)),
            (b"a\r\n \r\n\r\n", Ok(8)),
            (b"a\r\nb", Err(3)),
            (b"a", Err(0)),
            (b"\n", Ok(1)),
        ] {
            assert_eq!(end_of_head(bytes, 0), end, "{}", bytes.escape_ascii());
            // What was seen of it before is not looked at again.
            for cut in 0..bytes.len() {
                let known = end_of_head(&bytes[..cut], 0);
                let found = known.or_else(|lines| end_of_head(bytes, lines));
                assert_eq!(found, end, "{} {cut}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn fields_have_any_case_and_go_on_over_lines() {
        let head =
            b"WARC/1.0\r\nwarc-type:response\r\nno colon\r\n lost\r\nA:  b \r\n\t c\r\n  d\r\n\
            a: second\r\nempty:\r\n\r\n";
        let fields = Fields::read(head);
        assert_eq!(fields.get("WARC-Type"), Some(&b"response"[..]));
        assert_eq!(fields.get("a"), Some(&b"b c d"[..]));
        assert_eq!(fields.get("empty"), Some(&b""[..]));
        assert_eq!(fields.get("no colon"), None);
        assert_eq!(fields.iter().count(), 4);
    }

    #[test]
    fn media_types_name_a_charset() {
        for (value, name, charset) in [
            ("Text/HTML; Charset=\"EUC-KR\"", "text/html", Some("EUC-KR")),
            ("text/plain;charset=utf-8;x=y", "text/plain", Some("utf-8")),
            ("text/html; charset=", "text/html", None),
            ("image/png", "image/png", None),
            ("", "", None),
        ] {
            let (own, found) = media_type(value.as_bytes());
            assert_eq!((own.as_str(), found.as_deref()), (name, charset), "{value}");
        }
    }
}
