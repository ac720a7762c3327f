//! A cleaned page in, the bytes to write out: dropped, tagged or with spans beside it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ledger;
use crate::cleaner::{Cleaned, CleanedLine};
use crate::decide::Reason;
use crate::index::Names;
use crate::source::packed::split_name;

pub use crate::source::archive::TEXT_ENDING;

/// What is written of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The kept lines.
    #[default]
    Drop,
    /// Every line, with its decision, score and reason in front.
    Tag,
    /// The text unchanged; the removed lines' ledger rows beside it.
    Spans,
}

/// The field that [`Mode::Tag`] and [`Mode::Spans`] add to a JSON row.
pub const FIELD: &str = "dechaff";

const SPANS_SUFFIX: &str = ".spans.jsonl";

/// The name of the file beside a page that holds its spans.
pub fn spans_name(page: &Path) -> PathBuf {
    let mut name = OsString::from(page);
    name.push(SPANS_SUFFIX);
    PathBuf::from(name)
}

/// The name of what is made of a file and has another form: an ending behind it, such as
/// [`TEXT_ENDING`], before that of its packing.
pub fn made_name(file: &Path, ending: &str) -> PathBuf {
    let (file, packing) = split_name(file);
    let mut name = OsString::from(file);
    name.push(".");
    name.push(ending);
    if let Some(packing) = packing {
        name.push(".");
        name.push(packing);
    }
    PathBuf::from(name)
}

/// Whether the system takes a file name of this length.
pub fn has_room(name: &Path) -> bool {
    const MAX_NAME_BYTES: usize = 255;
    name.file_name().map_or(0, |name| name.len()) <= MAX_NAME_BYTES
}

/// Whether a page's spans can stand beside it: the name does not end like the name of spans
/// itself, and has room for the ending.
pub fn has_room_for_spans(page: &Path) -> bool {
    let is_taken = page
        .as_os_str()
        .as_encoded_bytes()
        .ends_with(SPANS_SUFFIX.as_bytes());
    !is_taken && has_room(&spans_name(page))
}

/// Appends what a mode writes of a line.
#[inline]
pub fn write_line(mode: Mode, line: &CleanedLine<'_>, out: &mut Vec<u8>) {
    match mode {
        Mode::Drop if !line.verdict.is_kept => {}
        Mode::Drop | Mode::Spans => out.extend_from_slice(line.bytes),
        Mode::Tag => write_tagged(line, out),
    }
}

fn write_tagged(line: &CleanedLine<'_>, out: &mut Vec<u8>) {
    let decision = word(line);
    let reason = line.verdict.reason.word();
    let score = line.verdict.score.context;
    out.extend_from_slice(format!("{decision}\t{score:.4}\t{reason}\t").as_bytes());
    out.extend_from_slice(line.bytes);
}

fn word(line: &CleanedLine<'_>) -> &'static str {
    if line.verdict.is_kept {
        "keep"
    } else {
        "remove"
    }
}

/// Appends the value of [`FIELD`] for a row's text.
///
/// Tagged: an array with an object for each line. Spans: what the dolma toolkit calls attributes,
/// an object with an array of `[start, end, score]` for each reason, half-open, in characters of
/// the decoded text, which must be UTF-8.
pub fn write_field(mode: Mode, cleaned: &Cleaned<'_>, names: Option<&Names>, out: &mut Vec<u8>) {
    match mode {
        Mode::Drop => {}
        Mode::Tag => {
            write_list(cleaned.each_line(), out, |line, out| {
                let head = format!(
                    "{{\"line\":{},\"decision\":\"{}\"",
                    line.number,
                    word(&line)
                );
                out.extend_from_slice(head.as_bytes());
                ledger::write_reason(line.verdict, out);
                if let Reason::Repeat { of } = line.verdict.reason {
                    out.extend_from_slice(format!(",\"of\":{of}").as_bytes());
                }
                ledger::write_corpus_reason(line.verdict.reason, names, out);
                out.push(b'}');
            });
        }
        Mode::Spans => write_spans(cleaned, out),
    }
}

/// The attributes of [`Mode::Spans`]: the reasons for which a line goes.
const ATTRIBUTES: [&str; 7] = [
    "blank",
    "template",
    "repeat",
    "duplicate",
    "comment",
    "headline",
    "boilerplate",
];

fn write_spans(cleaned: &Cleaned<'_>, out: &mut Vec<u8>) {
    let mut lists = [const { Vec::new() }; ATTRIBUTES.len()];
    let mut start = 0;
    for line in cleaned.each_line() {
        let end = start + characters(line.bytes);
        let reason = line.verdict.reason.word();
        let list = ATTRIBUTES.iter().position(|name| *name == reason);
        if let Some(list) = list.filter(|_| !line.verdict.is_kept) {
            lists[list].push((start, end, line.verdict.score.context));
        }
        start = end;
    }
    let mut separator = b'{';
    for (name, spans) in ATTRIBUTES.into_iter().zip(lists) {
        out.push(separator);
        separator = b',';
        ledger::write_string([name], out);
        out.push(b':');
        write_list(spans.into_iter(), out, |(start, end, score), out| {
            out.extend_from_slice(format!("[{start},{end},{score:.4}]").as_bytes());
        });
    }
    out.push(b'}');
}

/// Unicode characters of UTF-8 text: its bytes that continue none.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

fn write_list<T>(
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    write: impl Fn(T, &mut Vec<u8>),
) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cleaner, Config};

    const PAGE: &[u8] = b"\n\nThe tide came in\n\nat noon.\r\n\n";

    fn written(write: impl Fn(&Cleaned<'_>, &mut Vec<u8>)) -> String {
        let config = Config {
            score: false,
            ..Config::default()
        };
        let cleaner = Cleaner::new(config).expect("a good config");
        let mut out = Vec::new();
        write(&cleaner.clean_page(PAGE), &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn dropped_lines_leave_one_blank_between() {
        let text = written(|cleaned, out| {
            cleaned
                .each_line()
                .for_each(|line| write_line(Mode::Drop, &line, out));
        });
        assert_eq!(text, "The tide came in\n\nat noon.\r\n");
    }

    #[test]
    fn tagged_lines_say_what_was_decided() {
        let text = written(|cleaned, out| {
            cleaned
                .each_line()
                .for_each(|line| write_line(Mode::Tag, &line, out));
        });
        assert_eq!(
            text,
            "remove\t0.0000\tblank\t\nremove\t0.0000\tblank\t\nkeep\t0.0000\tbody\tThe tide came in\n\
             keep\t0.0000\tblank\t\nkeep\t0.0000\tbody\tat noon.\r\nremove\t0.0000\tblank\t\n"
        );
    }

    #[test]
    fn fields_are_json() {
        let tags = written(|cleaned, out| write_field(Mode::Tag, cleaned, None, out));
        let tags: serde_json::Value = serde_json::from_str(&tags).expect("JSON");
        assert_eq!(tags[2]["decision"], "keep");
        assert_eq!(tags[2]["line"], 3);
        let spans = written(|cleaned, out| write_field(Mode::Spans, cleaned, None, out));
        assert_eq!(
            spans,
            r#"{"blank":[[0,1,0.0000],[1,2,0.0000],[30,31,0.0000]],"template":[],"repeat":[],"duplicate":[],"comment":[],"headline":[],"boilerplate":[]}"#
        );
    }

    #[test]
    fn spans_stand_beside_their_page() {
        let name = spans_name(Path::new("news/a.txt"));
        assert_eq!(name, Path::new("news/a.txt.spans.jsonl"));
        assert!(has_room_for_spans(Path::new("news/a.txt")) && !has_room_for_spans(&name));
        assert!(has_room_for_spans(Path::new(&"n".repeat(243))));
        assert!(!has_room_for_spans(Path::new(&"n".repeat(244))));
    }
}
