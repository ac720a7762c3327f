//! Bytes of a page or a file name in, text that is safe to print out.
//!
//! Control characters, escape codes, bidirectional controls and bytes that are not UTF-8 are
//! shown as escapes, so that no page can talk to a terminal.

use std::fmt::Write;

/// Bytes as text with everything unprintable escaped: `\t`, `\x1b`, `\u{202e}`, `\xff`.
///
/// A backslash of the text itself stays one backslash: this is for reading, not for undoing.
pub fn visible(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (decoded, length_bytes) = bstr::decode_utf8(rest);
        match decoded {
            Some(c) if is_safe(c) => shown.push(c),
            Some('\t') => shown.push_str("\\t"),
            Some('\n') => shown.push_str("\\n"),
            Some('\r') => shown.push_str("\\r"),
            Some(c) if c.is_ascii() => escape(&mut shown, "\\x", c as u32, ""),
            Some(c) => escape(&mut shown, "\\u{", c as u32, "}"),
            None => {
                for &byte in &rest[..length_bytes] {
                    escape(&mut shown, "\\x", u32::from(byte), "");
                }
            }
        }
        rest = &rest[length_bytes..];
    }
    shown
}

fn escape(shown: &mut String, before: &str, value: u32, after: &str) {
    write!(shown, "{before}{value:02x}{after}").expect("a string takes any text");
}

fn is_safe(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_but_text() {
        for (bytes, expected) in [
            (&b"plain text"[..], "plain text"),
            (b"\x1b[31mred\x07", "\\x1b[31mred\\x07"),
            (b"tab\tline\r\n", "tab\\tline\\r\\n"),
            ("\u{202e}gnol \u{9b}".as_bytes(), "\\u{202e}gnol \\u{9b}"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("서울 東京".as_bytes(), "서울 東京"),
        ] {
            assert_eq!(visible(bytes), expected);
        }
    }
}
