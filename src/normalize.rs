//! A line's bytes in, the bytes to compare out; the original is never changed.
//!
//! Two lines count as the same when their normalised bytes are equal. Folded away:
//! letter case, white space (runs become one space, ends are trimmed; Unicode space
//! included), quotation marks, dashes, the ellipsis character, fullwidth forms, and
//! characters without width. Bytes that are not UTF-8 stay as they are.
//!
//! Digits stay: "Chapter 1" and "Chapter 2" differ on a page.

/// What stands for every folded quotation mark.
const QUOTE: u8 = b'\'';

/// ASCII byte to its folded form; every white space byte to a space.
const ASCII_FOLD: [u8; 128] = ascii_fold();

const fn ascii_fold() -> [u8; 128] {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'\t'..=b'\r' | b' ' => b' ',
            b'"' => QUOTE,
            other => other.to_ascii_lowercase(),
        };
        byte += 1;
    }
    table
}

/// What a character is folded to.
enum Fold {
    Space,
    Nothing,
    Ascii(u8),
    Ellipsis,
    Lower,
    Same,
}

/// Characters without width: they neither separate nor show.
fn has_no_width(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn fold(c: char) -> Fold {
    match c {
        // No letter of these blocks has case: Han, Kana, Hangul.
        '\u{3041}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => Fold::Same,
        '«' | '»' | '‘'..='‟' | '‹' | '›' | '′' | '″' | '「'..='』' | '〝'..='〟' => {
            Fold::Ascii(QUOTE)
        }
        '‐'..='―' | '−' | '－' => Fold::Ascii(b'-'),
        '…' => Fold::Ellipsis,
        '！'..='～' => {
            let ascii = (c as u32 - 0xfee0) as u8;
            Fold::Ascii(ASCII_FOLD[ascii as usize])
        }
        c if has_no_width(c) => Fold::Nothing,
        c if c.is_whitespace() => Fold::Space,
        _ => Fold::Lower,
    }
}

/// Whether a line shows nothing: white space (NBSP and other Unicode space included)
/// and characters without width only.
#[inline]
pub fn is_blank(line: &[u8]) -> bool {
    for (at, &byte) in line.iter().enumerate() {
        if byte >= 0x80 {
            return is_blank_unicode(&line[at..]);
        }
        if !matches!(byte, b'\t'..=b'\r' | b' ') {
            return false;
        }
    }
    true
}

fn is_blank_unicode(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        match bstr::decode_utf8(rest) {
            (Some(c), length_bytes) if c.is_whitespace() || has_no_width(c) => {
                rest = &rest[length_bytes..];
            }
            _ => return false,
        }
    }
    true
}

/// Appends the normalised form of `line` to `out`.
///
/// Linear time. Allocates only when `out` must grow.
pub fn normalize_into(line: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    out.resize(from + line.len(), 0);
    let mut writer = Writer {
        out,
        from,
        at: from,
    };
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        if byte < 0x80 {
            writer.push(ASCII_FOLD[byte as usize]);
            at += 1;
            continue;
        }
        let (decoded, length_bytes) = bstr::decode_utf8(&line[at..]);
        let bytes = &line[at..at + length_bytes];
        at += length_bytes;
        match decoded.map_or(Fold::Same, fold) {
            Fold::Same => writer.push_all(bytes),
            Fold::Space => writer.push(b' '),
            Fold::Nothing => {}
            Fold::Ascii(byte) => writer.push(byte),
            Fold::Ellipsis => writer.push_all(b"..."),
            Fold::Lower => {
                for lower in decoded.into_iter().flat_map(char::to_lowercase) {
                    writer.push_all(lower.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
    }
    writer.finish();
}

/// Writes behind `from`, one space for a run of them, none at the front or the end.
struct Writer<'o> {
    out: &'o mut Vec<u8>,
    from: usize,
    at: usize,
}

impl Writer<'_> {
    #[inline]
    fn push(&mut self, byte: u8) {
        let previous = if self.at == self.from {
            b' '
        } else {
            self.out[self.at - 1]
        };
        if self.at == self.out.len() {
            self.out.push(0);
        }
        self.out[self.at] = byte;
        self.at += usize::from(byte != b' ' || previous != b' ');
    }

    fn push_all(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if end > self.out.len() {
            // Some lower-case forms are longer than the letter: İ, Ⱥ.
            self.out.resize(end, 0);
        }
        self.out[self.at..end].copy_from_slice(bytes);
        self.at = end;
    }

    fn finish(self) {
        let trailing_space = self.at > self.from && self.out[self.at - 1] == b' ';
        self.out.truncate(self.at - usize::from(trailing_space));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(line: &str) -> String {
        let mut out = b"before".to_vec();
        normalize_into(line.as_bytes(), &mut out);
        String::from_utf8(out["before".len()..].to_vec()).expect("UTF-8 stays UTF-8")
    }

    #[test]
    fn folds_case_space_quotes_dashes_ellipsis_width() {
        for (line, expected) in [
            ("Hello World", "hello world"),
            ("  a \t\u{a0}\u{3000}b ", "a b"),
            ("“q” „q‘ \"q\" «q»", "'q' 'q' 'q' 'q'"),
            ("a–b—c−d", "a-b-c-d"),
            ("wait…", "wait..."),
            ("ＡＢＣ１２３！", "abc123!"),
            ("so\u{ad}ft\u{200b}ly", "softly"),
            ("ÄÖ Привет ΣΑΣ", "äö привет σασ"),
            ("블링컨 東京 とうきょう", "블링컨 東京 とうきょう"),
            ("İstanbul", "i\u{307}stanbul"),
            ("", ""),
        ] {
            assert_eq!(normalized(line), expected, "{line:?}");
        }
    }

    #[test]
    fn keeps_digits_apart() {
        assert_ne!(normalized("Chapter 1"), normalized("Chapter 2"));
    }

    #[test]
    fn keeps_bytes_that_are_not_utf8() {
        let mut out = Vec::new();
        normalize_into(b"A\xff\xc3 B\xe2\x82", &mut out);
        assert_eq!(out, b"a\xff\xc3 b\xe2\x82");
    }

    #[test]
    fn blank_means_nothing_to_see() {
        for blank in [
            "",
            " \t\u{c}",
            "\u{a0}\u{2003}\u{3000}",
            "\u{feff}\u{200b} ",
        ] {
            assert!(is_blank(blank.as_bytes()), "{blank:?}");
            assert_eq!(normalized(blank), "", "{blank:?}");
        }
        for visible in ["x", " \u{a0}x", "\u{0}", "é"] {
            assert!(!is_blank(visible.as_bytes()), "{visible:?}");
        }
        assert!(!is_blank(b" \xff"));
    }
}
