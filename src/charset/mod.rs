//! The bytes of a text in, which character set they are in, and UTF-8 out.
//!
//! [`convert`] tells what a text is in and converts it, [`Transcoder`] does so with one that comes
//! as a stream. Knows nothing of files, nor of HTML, which names
//! its character set itself ([`crate::html::decode`]). docs/adr/0015-character-sets.md has the
//! figures that the thresholds rest on.

mod detect;
mod transcoder;

use std::borrow::Cow;

use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};

pub use transcoder::Transcoder;

pub(crate) use detect::is_nearly_utf8;

/// A character set that can be converted to UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

/// Names that people use and that the web's list lacks.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("cp949", "euc-kr"),
    ("uhc", "euc-kr"),
    ("cp932", "shift_jis"),
    ("cp936", "gbk"),
    ("cp950", "big5"),
    ("cp874", "windows-874"),
];

/// A page is not converted where more than one sequence in this many is no character of its
/// set.
const CHARS_A_FAULT: u64 = 200;

impl Charset {
    /// The character set of a name, in any case: one of the Encoding Standard's labels, or a
    /// code page's common name. None for what is unknown or cannot be read (ISO-2022-KR).
    pub fn named(name: &str) -> Option<Charset> {
        let name = name.trim();
        let standard = OTHER_NAMES
            .iter()
            .find(|(other, _)| name.eq_ignore_ascii_case(other))
            .map_or(name, |(_, standard)| standard);
        let encoding = Encoding::for_label(standard.as_bytes())?;
        (encoding != REPLACEMENT).then_some(Charset(encoding))
    }

    /// Its name in the Encoding Standard.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether its units have two bytes.
    pub fn is_utf16(self) -> bool {
        self.0 == UTF_16LE || self.0 == UTF_16BE
    }

    pub(crate) fn encoding(self) -> &'static Encoding {
        self.0
    }

    /// The text of bytes, which have no byte-order mark. What is no character stays: its bytes,
    /// or for half a surrogate pair the three bytes that UTF-8 would have for it.
    pub fn decode(self, bytes: &[u8]) -> Decoded {
        if let Some(text) = self
            .0
            .decode_without_bom_handling_and_without_replacement(bytes)
        {
            let text = match text {
                Cow::Borrowed(text) => text.as_bytes().to_vec(),
                Cow::Owned(text) => text.into_bytes(),
            };
            return Decoded { text, faults: None };
        }
        let mut transcoder = Transcoder::new(bytes, self, 0);
        let mut text = Vec::with_capacity(bytes.len() * 3 / 2);
        let read = std::io::Read::read_to_end(&mut transcoder, &mut text);
        debug_assert!(read.is_ok(), "bytes in memory can be read");
        Decoded {
            text,
            faults: transcoder.faults(),
        }
    }
}

/// A converted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// UTF-8 but for the faults.
    pub text: Vec<u8>,
    /// None where every byte belonged to a character.
    pub faults: Option<Faults>,
}

impl Decoded {
    /// Whether faults are so many that the text is hardly in that character set.
    pub fn is_too_faulty(&self) -> bool {
        let count = self.faults.map_or(0, |faults| faults.count);
        let chars = self
            .text
            .iter()
            .filter(|byte| **byte & 0xc0 != 0x80)
            .count() as u64;
        count * CHARS_A_FAULT > chars
    }
}

/// Sequences of bytes that are no character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// How many.
    pub count: u64,
    /// Where the first begins, in bytes.
    pub first_byte: u64,
}

/// What a text was in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Converted {
    /// UTF-8, or so near to it that the bytes stay.
    Utf8,
    /// In a character set.
    Text {
        /// Which.
        charset: Charset,
        /// Bytes of the byte-order mark before it.
        mark_bytes: usize,
        /// The text.
        decoded: Decoded,
    },
    /// Its mark or the user says that it is in this character set, but it hardly is.
    Faulty(Charset),
    /// Not UTF-8, and what it is cannot be told with confidence.
    Unknown,
}

/// Tells what a text is in and converts it to UTF-8. `given` is what the user says.
///
/// What says it, in this order: a byte-order mark; `given`, unless the bytes are ASCII and the
/// set is a superset of it; NULs at every other byte (UTF-16); the bytes themselves, if they
/// are valid or nearly valid UTF-8; the detector of browsers (chardetng) over a stretch of at
/// most 256 KiB, where there is enough to go by. Time is linear; a text that is UTF-8 costs one
/// look.
pub fn convert(bytes: &[u8], given: Option<Charset>) -> Converted {
    let (charset, mark_bytes, is_guess) = match tell(bytes, given) {
        Told::Utf8 => return Converted::Utf8,
        Told::Unknown => return Converted::Unknown,
        Told::Said(charset, mark_bytes) => (charset, mark_bytes, false),
        Told::Guessed(charset) => (charset, 0, true),
    };
    let mut decoded = charset.decode(&bytes[mark_bytes..]);
    if let Some(faults) = &mut decoded.faults {
        faults.first_byte += mark_bytes as u64;
    }
    match decoded.is_too_faulty() {
        true if is_guess => Converted::Unknown,
        true => Converted::Faulty(charset),
        false => Converted::Text {
            charset,
            mark_bytes,
            decoded,
        },
    }
}

/// What a text is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Utf8,
    /// By its mark of so many bytes, or by the user.
    Said(Charset, usize),
    /// By its bytes.
    Guessed(Charset),
    Unknown,
}

fn tell(bytes: &[u8], given: Option<Charset>) -> Told {
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(bytes) {
        return match encoding == UTF_8 {
            true => Told::Utf8,
            false => Told::Said(Charset(encoding), mark_bytes),
        };
    }
    if let Some(given) = given {
        let is_as_utf8 = given.0 == UTF_8 || given.0.is_ascii_compatible() && bytes.is_ascii();
        return match is_as_utf8 {
            true => Told::Utf8,
            false => Told::Said(given, 0),
        };
    }
    if let Some(wide) = utf16_without_mark(bytes) {
        return Told::Guessed(wide);
    }
    if simdutf8::basic::from_utf8(bytes).is_ok() {
        return Told::Utf8;
    }
    detect::detect(bytes)
}

/// UTF-16 without a byte-order mark, where the bytes leave no doubt: NULs in every other place
/// only, and no character that texts do not have.
pub fn utf16_without_mark(bytes: &[u8]) -> Option<Charset> {
    detect::utf16_without_mark(bytes).map(Charset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Charset {
        Charset::named(name).expect("a name of the standard")
    }

    fn encoded(text: &str, name: &str) -> Vec<u8> {
        let (bytes, _, has_unmappable) = named(name).0.encode(text);
        assert!(!has_unmappable, "{text} in {name}");
        bytes.into_owned()
    }

    #[test]
    fn names_are_those_of_the_standard_and_of_code_pages() {
        for (name, expected) in [
            ("EUC-KR", Some("EUC-KR")),
            ("cp949", Some("EUC-KR")),
            ("CP932", Some("Shift_JIS")),
            ("sjis", Some("Shift_JIS")),
            ("gb2312", Some("GBK")),
            ("gb18030", Some("gb18030")),
            (" latin1 ", Some("windows-1252")),
            ("cp1251", Some("windows-1251")),
            ("utf-16", Some("UTF-16LE")),
            ("utf8", Some("UTF-8")),
            ("iso-2022-kr", None),
            ("no such", None),
            ("", None),
        ] {
            assert_eq!(Charset::named(name).map(Charset::name), expected, "{name}");
        }
    }

    #[test]
    fn a_mark_goes_before_what_is_given_and_that_before_the_bytes() {
        let korean = Some(named("euc-kr"));
        for (bytes, given, expected) in [
            (&b"\xef\xbb\xbf\xb0\xa1"[..], korean, Told::Utf8),
            (b"\xff\xfea\0", korean, Told::Said(named("utf-16le"), 2)),
            (b"\xfe\xff\0a", None, Told::Said(named("utf-16be"), 2)),
            ("가".as_bytes(), korean, Told::Said(named("euc-kr"), 0)),
            (b"\xb0\xa1", korean, Told::Said(named("euc-kr"), 0)),
            (b"ascii", korean, Told::Utf8),
            (b"\xb0\xa1", Some(named("utf-8")), Told::Utf8),
            (
                b"a\0",
                Some(named("utf-16le")),
                Told::Said(named("utf-16le"), 0),
            ),
            (b"\xb0\xa1", None, Told::Unknown),
            (b"", korean, Told::Utf8),
            (b"", None, Told::Utf8),
        ] {
            assert_eq!(tell(bytes, given), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_character_stays() {
        for (name, bytes, text, faults) in [
            (
                "euc-kr",
                &b"\xb0\xa1 \xb0"[..],
                &b"\xea\xb0\x80 \xb0"[..],
                Some((1, 3)),
            ),
            (
                "euc-kr",
                b"\xff\xb0\xa1\xff",
                b"\xff\xea\xb0\x80\xff",
                Some((2, 0)),
            ),
            ("euc-kr", b"\xb0\n", b"\xb0\n", Some((1, 0))),
            (
                "shift_jis",
                b"\x82\xa0\x82\n",
                b"\xe3\x81\x82\x82\n",
                Some((1, 2)),
            ),
            ("utf-16le", b"a\0\0\xd8b\0", b"a\xed\xa0\x80b", Some((1, 2))),
            ("utf-16le", b"a\0b", b"ab", Some((1, 2))),
            ("utf-16be", b"\xdc\0\0a", b"\xed\xb0\x80a", Some((1, 0))),
            ("utf-16be", b"\xd8\0", b"\xed\xa0\x80", Some((1, 0))),
            (
                "windows-1252",
                b"\x93x\x94",
                "\u{201c}x\u{201d}".as_bytes(),
                None,
            ),
        ] {
            let decoded = named(name).decode(bytes);
            assert_eq!(decoded.text, text, "{name} {}", bytes.escape_ascii());
            let faults = faults.map(|(count, first_byte)| Faults { count, first_byte });
            assert_eq!(decoded.faults, faults, "{name} {}", bytes.escape_ascii());
        }
    }

    #[test]
    fn one_fault_in_200_characters_is_borne() {
        let page = |chars: usize| {
            named("euc-kr").decode(&[&b"\xb0\xa1".repeat(chars)[..], b"\xff"].concat())
        };
        assert!(page(198).is_too_faulty());
        assert!(!page(199).is_too_faulty());
        assert!(!named("euc-kr").decode(b"").is_too_faulty());
    }

    #[test]
    fn what_was_encoded_comes_back() {
        for (name, text) in [
            ("gb18030", "高原日记，\u{20ac} 𠀀"),
            ("iso-2022-jp", "ようこそ、ゲスト様"),
            ("big5", "雲文具店"),
        ] {
            let decoded = named(name).decode(&encoded(text, name));
            assert_eq!((&decoded.text[..], decoded.faults), (text.as_bytes(), None));
        }
    }
}
