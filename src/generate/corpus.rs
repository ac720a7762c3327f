//! Made-up pages written to a directory, a file or standard output.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{Generator, Shape};

/// What a corpus is made by: the same recipe makes the same bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Which corpus.
    pub seed: u64,
    /// The kind of its pages.
    pub shape: Shape,
    /// Where it ends.
    pub limit: Limit,
    /// About how big each page is; None for sizes as on the web.
    pub page_bytes: Option<usize>,
    /// What it is written as.
    pub format: Format,
}

/// Where a corpus ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// At the page that reaches so many bytes of text.
    Bytes(u64),
    /// After so many pages.
    Pages(u64),
}

impl Limit {
    fn is_reached(self, pages: u64, bytes: u64) -> bool {
        match self {
            Limit::Bytes(limit) => bytes >= limit,
            Limit::Pages(limit) => pages >= limit,
        }
    }
}

/// What a corpus is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OUT/SITE/pNNNNNN.txt`; OUT is new or an empty directory.
    Files,
    /// The same as HTML, `OUT/SITE/pNNNNNN.html`; see [`super::html`].
    Html,
    /// One row a page: `id`, `url`, `text`, `lang`, `n`. OUT is a file, or `-`.
    Jsonl,
    /// The lines of all pages in one file. OUT is a file, or `-`.
    Text,
}

impl Format {
    /// The format called `name`, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "files" => Some(Format::Files),
            "html" => Some(Format::Html),
            "jsonl" => Some(Format::Jsonl),
            "text" => Some(Format::Text),
            _ => None,
        }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Pages.
    pub pages: u64,
    /// Bytes of their text.
    pub bytes: u64,
}

/// Makes the pages and writes them. A file that exists is replaced.
///
/// # Errors
///
/// Writing failed, or the directory for [`Format::Files`] is not empty.
pub fn write(recipe: &Recipe, out: &Path) -> io::Result<Made> {
    let generator = Generator::new(recipe.seed);
    let mut sink = Sink::open(recipe.format, out)?;
    let mut made = Made::default();
    while !recipe.limit.is_reached(made.pages, made.bytes) {
        let text = match recipe.page_bytes {
            Some(bytes) => generator.sized_page(recipe.shape, made.pages, bytes),
            None => generator.page(recipe.shape, made.pages),
        };
        sink.write(recipe.seed, made.pages, &text)?;
        made.pages += 1;
        made.bytes += text.len() as u64;
    }
    sink.close()?;
    Ok(made)
}

/// Where pages go.
enum Sink {
    Files {
        root: PathBuf,
        sites: HashSet<String>,
        is_html: bool,
    },
    Jsonl {
        out: Box<dyn Write>,
        row: Vec<u8>,
    },
    Text {
        out: Box<dyn Write>,
    },
}

impl Sink {
    fn open(format: Format, out: &Path) -> io::Result<Self> {
        match format {
            Format::Files | Format::Html => Ok(Sink::Files {
                root: empty_directory(out)?,
                sites: HashSet::new(),
                is_html: format == Format::Html,
            }),
            Format::Jsonl => Ok(Sink::Jsonl {
                out: stream(out)?,
                row: Vec::new(),
            }),
            Format::Text => Ok(Sink::Text { out: stream(out)? }),
        }
    }

    fn write(&mut self, seed: u64, index: u64, text: &[u8]) -> io::Result<()> {
        match self {
            Sink::Files {
                root,
                sites,
                is_html,
            } => {
                let site = super::site(seed, index);
                let directory = root.join(&site);
                if sites.insert(site) {
                    fs::create_dir_all(&directory).map_err(|error| about(&directory, &error))?;
                }
                let ending = if *is_html { "html" } else { "txt" };
                let file = directory.join(format!("{}.{ending}", id(index)));
                let html = is_html.then(|| super::html(&String::from_utf8_lossy(text)));
                let content = html.as_deref().unwrap_or(text);
                fs::write(&file, content).map_err(|error| about(&file, &error))
            }
            Sink::Jsonl { out, row } => {
                row.clear();
                json_row(seed, index, text, row)?;
                out.write_all(row)
            }
            Sink::Text { out } => out.write_all(text),
        }
    }

    fn close(self) -> io::Result<()> {
        match self {
            Sink::Files { .. } => Ok(()),
            Sink::Jsonl { mut out, .. } | Sink::Text { mut out } => out.flush(),
        }
    }
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn empty_directory(path: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(path).map_err(|error| about(path, &error))?;
    let mut entries = fs::read_dir(path).map_err(|error| about(path, &error))?;
    match entries.next() {
        None => Ok(path.to_path_buf()),
        Some(_) => Err(about(path, &io::Error::other("is not empty"))),
    }
}

fn stream(path: &Path) -> io::Result<Box<dyn Write>> {
    const BUFFER: usize = 1 << 20;
    if path == Path::new("-") {
        return Ok(Box::new(BufWriter::with_capacity(BUFFER, io::stdout())));
    }
    let file = File::create(path).map_err(|error| about(path, &error))?;
    Ok(Box::new(BufWriter::with_capacity(BUFFER, file)))
}

/// Name of the page with this index: pages are counted from 1.
fn id(index: u64) -> String {
    format!("p{:06}", index + 1)
}

fn json_row(seed: u64, index: u64, text: &[u8], row: &mut Vec<u8>) -> io::Result<()> {
    let (id, url, lang) = (id(index), super::url(seed, index), super::lang(seed, index));
    write!(row, r#"{{"id":"{id}","url":"{url}","text":""#)?;
    escape(text, row);
    writeln!(row, r#"","lang":"{lang}","n":{}}}"#, index + 1)
}

/// Appends UTF-8 `text` as the inside of a JSON string.
fn escape(text: &[u8], row: &mut Vec<u8>) {
    let mut plain = 0;
    for (at, &byte) in text.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        row.extend_from_slice(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' | b'\\' => row.extend([b'\\', byte]),
            b'\n' => row.extend(br"\n"),
            b'\r' => row.extend(br"\r"),
            b'\t' => row.extend(br"\t"),
            _ => row.extend(format!("\\u{byte:04x}").bytes()),
        }
    }
    row.extend_from_slice(&text[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped() {
        let mut row = Vec::new();
        escape("a\"b\\c\n\t\r\u{1}é\u{2028}".as_bytes(), &mut row);
        assert_eq!(row, "a\\\"b\\\\c\\n\\t\\r\\u0001é\u{2028}".as_bytes());
    }

    #[test]
    fn a_corpus_ends_where_its_limit_is_reached() {
        for (limit, pages, bytes, expected) in [
            (Limit::Pages(2), 1, 9, false),
            (Limit::Pages(2), 2, 0, true),
            (Limit::Bytes(2), 9, 1, false),
            (Limit::Bytes(2), 0, 2, true),
        ] {
            assert_eq!(limit.is_reached(pages, bytes), expected, "{limit:?}");
        }
    }
}
