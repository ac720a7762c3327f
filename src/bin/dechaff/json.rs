//! JSON that is safe on a terminal.

use std::io::{self, Write};

use dechaff::visible::visible;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Writes a value in one line, see [`SafeFormatter`].
pub fn write_safe(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, SafeFormatter);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Writes a value in many lines, for reading too, see [`SafeFormatter`].
pub fn write_safe_pretty(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    // Outside its strings JSON is printable ASCII and line feeds.
    let text = serde_json::to_string_pretty(value)?;
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        SafeFormatter.write_string_fragment(out, line)?;
    }
    Ok(())
}

/// Compact JSON in which everything that [`visible`] would escape is a `\u` escape too: JSON
/// itself lets DEL, C1 and bidirectional controls through.
struct SafeFormatter;

impl Formatter for SafeFormatter {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        if is_safe(fragment) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut buffer = [0; 4];
        for c in fragment.chars() {
            let text = &*c.encode_utf8(&mut buffer);
            if is_safe(text) {
                writer.write_all(text.as_bytes())?;
                continue;
            }
            for unit in text.encode_utf16() {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

fn is_safe(text: &str) -> bool {
    visible(text.as_bytes()) == text
}
