//! A JSON object in, its fields out, each value where it stands, and the text of one.
//!
//! serde_json says what is JSON. It looks at a string's bytes eight at a time, and again for its
//! text; here blocks are looked at once for both. What is not plain at sight is left to it whole, and
//! so is what to say of an object that is none.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::simd::masks::{json_escapes, places};
use crate::simd::widest;

/// An object taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Object<'r> {
    /// Its fields in order: what each is called, and its value as it stands there.
    pub fields: Vec<(Cow<'r, str>, &'r str)>,
    /// The text of the field that was wanted, if it was found on the way; [`text`] has it else.
    pub wanted: Option<Cow<'r, str>>,
}

/// Takes an object apart. `wanted` is the name of the field, the first if there are several, whose
/// text is found on the way.
///
/// Linear time; nesting of any depth costs no stack.
///
/// # Errors
///
/// As serde_json has it: not one object, or not JSON.
pub fn object<'r>(json: &'r str, wanted: &str) -> Result<Object<'r>, serde_json::Error> {
    let plain = widest(
        #[inline(always)]
        || plain_object(json, wanted),
    );
    plain.map_or_else(|| serde_json::from_str(json), Ok)
}

/// The text of a value that is a string, borrowed where nothing in it is escaped.
///
/// # Errors
///
/// Something else than a string, or one that is no text: with half of a surrogate pair.
pub fn text(value: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    serde_json::from_str(value).map(|Text(text)| text)
}

/// An object that is plain: nothing in names is escaped, nothing at all is wrong.
#[inline(always)]
fn plain_object<'r>(json: &'r str, wanted: &str) -> Option<Object<'r>> {
    let mut object = Object {
        fields: Vec::new(),
        wanted: None,
    };
    let mut rest = behind(json, '{')?;
    let mut wanted = Some(wanted);
    if let Some(rest) = behind(rest, '}') {
        return skip_space(rest).is_empty().then_some(object);
    }
    loop {
        let inside = behind(rest, '"')?;
        let name = pass_string(inside, false)?;
        if name.is_escaped {
            return None;
        }
        let after = &inside[name.bytes + 1..];
        let name = &inside[..name.bytes];
        rest = skip_space(behind(after, ':')?);
        let value;
        let is_wanted = wanted.take_if(|wanted| *wanted == name).is_some();
        if let Some(inside) = rest.strip_prefix('"') {
            let string = pass_string(inside, is_wanted)?;
            value = &rest[..string.bytes + 2];
            if is_wanted {
                object.wanted = match string.is_escaped {
                    true => string.unescaped.map(Cow::Owned),
                    false => Some(Cow::Borrowed(&inside[..string.bytes])),
                };
            }
        } else {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            value = values.next()?.ok()?.get();
        }
        rest = &rest[value.len()..];
        object.fields.push((Cow::Borrowed(name), value));
        match behind(rest, ',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    skip_space(behind(rest, '}')?).is_empty().then_some(object)
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\n', '\t', '\r'])
}

/// What stands behind a mark, white space in front of it.
fn behind(text: &str, mark: char) -> Option<&str> {
    skip_space(text).strip_prefix(mark)
}

/// A string that was passed over.
struct Passed {
    /// Bytes between its quotation marks.
    bytes: usize,
    is_escaped: bool,
    /// Its text, if that was asked for and each escape has two bytes, as those of line ends and
    /// quotes have.
    unescaped: Option<String>,
}

/// Passes over a string, from behind its first quotation mark. None where it does not end, or
/// holds what no string may.
#[inline(always)]
fn pass_string(text: &str, mut is_wanted: bool) -> Option<Passed> {
    let bytes = text.as_bytes();
    let mut unescaped = None::<String>;
    let mut from = 0;
    for place in places(bytes, json_escapes) {
        // The second byte of an escape begins none.
        if place < from {
            continue;
        }
        match bytes[place] {
            b'"' => {
                if let Some(unescaped) = &mut unescaped {
                    unescaped.push_str(&text[from..place]);
                }
                return Some(Passed {
                    bytes: place,
                    is_escaped: from > 0,
                    unescaped,
                });
            }
            b'\\' => {}
            _ => return None,
        }
        let short = match bytes.get(place + 1)? {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            mark @ (b'"' | b'\\' | b'/') => char::from(*mark),
            b'u' => {
                let digits = bytes.get(place + 2..place + 6)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                (is_wanted, unescaped) = (false, None);
                ' '
            }
            _ => return None,
        };
        if is_wanted {
            // The rest of the object is an upper bound of this string.
            let unescaped = unescaped.get_or_insert_with(|| String::with_capacity(text.len()));
            unescaped.push_str(&text[from..place]);
            unescaped.push(short);
        }
        from = place + 2;
    }
    None
}

impl<'r> serde::Deserialize<'r> for Object<'r> {
    fn deserialize<D: Deserializer<'r>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'r> Visitor<'r> for Fields {
            type Value = Object<'r>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'r>>(self, mut map: M) -> Result<Object<'r>, M::Error> {
                let mut fields = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    fields.push((name, map.next_value::<&RawValue>()?.get()));
                }
                Ok(Object {
                    fields,
                    wanted: None,
                })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A string's text, borrowed where nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Text<'r>(#[serde(borrow)] Cow<'r, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Told = Option<Vec<(String, String, Option<String>)>>;

    fn owned(object: Option<Object<'_>>) -> Told {
        let Object { fields, mut wanted } = object?;
        let field = |(name, value): (Cow<'_, str>, &str)| {
            let text = text(value).ok().map(Cow::into_owned);
            if name == "text"
                && let Some(wanted) = wanted.take()
            {
                assert_eq!(Some(&*wanted), text.as_deref());
            }
            (name.into_owned(), value.to_owned(), text)
        };
        let told = fields.into_iter().map(field).collect();
        assert_eq!(wanted, None);
        Some(told)
    }

    /// What serde_json alone says.
    fn told(json: &str) -> Told {
        owned(serde_json::from_str(json).ok())
    }

    fn found(json: &str) -> Told {
        owned(object(json, "text").ok())
    }

    #[test]
    fn objects_are_what_serde_json_says_they_are() {
        for object in [
            "",
            "{",
            "{}",
            " { } ",
            "{} x",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":1}}"#,
            r#"{"a":01}"#,
            r#"{"a":1.5e3,"bb":-0}"#,
            r#"{"a":truex}"#,
            r#"{"a":true,"b":null , "c" : false}"#,
            r#"{"a":[1,{"b":"]"}],"bb":{"c":["\""]}}"#,
            r#"{"a":"b"c}"#,
            r#"{"text":"a\nb\"c\\","url":"x"}"#,
            r#"{"text":"\u00e9\ud83d\ude00","a\u0062":"\/"}"#,
            r#"{"text":"\ud800"}"#,
            r#"{"text":"\u12"}"#,
            r#"{"text":"\x"}"#,
            r#"{"text":"\"#,
            "{\"text\":\"a\tb\"}",
            "{\"text\":\"a\u{7f}b\u{0}\"}",
            "\u{a0}{\"text\":1}",
            "[1]",
            "1",
        ] {
            assert_eq!(found(object), told(object), "{object}");
        }
        // Wherever a block ends.
        for length in 0..140 {
            let (more, some) = ("x".repeat(length), "yé".repeat(length / 2));
            let object = format!(r#"{{"text":"{more}\\\n\"é\n{some}","b":"{some}\u0041"}}"#);
            assert!(told(&object).is_some());
            assert_eq!(found(&object), told(&object), "{length}");
        }
    }

    #[test]
    fn short_escapes_come_out_as_serde_json_says() {
        for inside in [
            r"\n",
            r#"a\n\r\t\b\f\"\\\/"#,
            r"\\n\\\n é\n",
            r"a\u000ab\n",
            r"\\u000a",
            r"\\",
        ] {
            let value = format!("\"{inside}\"");
            let expected: String = serde_json::from_str(&value).unwrap();
            assert_eq!(text(&value).unwrap(), expected, "{inside}");
            let is_short = !inside.contains(r"b\n");
            let json = format!("{{\"text\":{value}}}");
            let object = plain_object(&json, "text").expect("plain");
            let expected = is_short.then_some(&*expected);
            assert_eq!(object.wanted.as_deref(), expected, "{inside}");
        }
    }

    #[test]
    fn plain_objects_are_told_at_sight() {
        let json = r#"{"id": 7, "text":"a\nb", "meta":{"x":[1]}, "text":"u"}"#;
        let object = plain_object(json, "text").expect("plain");
        let values: Vec<&str> = object.fields.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, ["7", r#""a\nb""#, r#"{"x":[1]}"#, r#""u""#]);
        assert_eq!(object.wanted.as_deref(), Some("a\nb"));
        assert!(plain_object(r#"{"\u0061":1}"#, "a").is_none());
    }

    proptest! {
        #[test]
        fn any_object_is_what_serde_json_says_it_is(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", ":", ",", "\"", "\"text\":", "\"a\"", "\\", "\\n", "\\u",
                    "\\u0041", "\\ud83d\\ude00", "1", "-2.5e7", "true", "null", " ", "\n", "é", "x",
                    "\u{1}", "a line of some length that fills a block or more of the bytes looked at",
                ]),
                0..24,
            ),
        ) {
            let object = parts.concat();
            for object in [&object, &format!("{{\"text\":\"{object}\"}}"), &format!("{{{object}}}")] {
                prop_assert_eq!(found(object), told(object), "{}", object);
            }
        }
    }
}
