//! Labelled pages in from JSON lines, plain or gzipped, one checked [`GoldPage`] at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use thiserror::Error;

use crate::cleaner::PageText;
use crate::evidence::PageAddress;
use crate::html::{LineStructure, Structure};
use crate::url;

/// The longest row that is read, in bytes after decompression.
pub const MAX_ROW_BYTES: u64 = 256 << 20;

/// What the labelled page says of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Main text; 1 in the file.
    Body,
    /// Page furniture; 0 in the file.
    Boilerplate,
    /// Either answer is right; -1 in the file. Such a line counts nowhere.
    Either,
}

/// A labelled page.
///
/// Invariants: `labels.len() == lines.len()`; every index in `headline` is below
/// `lines.len()`.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldPage {
    /// The page's name within its source.
    pub id: String,
    /// The set that the page comes from. Where the row has none: the file's name up to its
    /// first dot.
    pub source: String,
    /// The site: the row's domain, else the host of its URL in lower case, without user, port
    /// and `www.`. Never empty.
    pub domain: Option<String>,
    /// The language, as an ISO 639 code. Never empty.
    pub lang: Option<String>,
    /// Who marked it: A people, B a model and people, C a tool.
    pub tier: Option<String>,
    /// Article, forum, listing and so on, in the source's words.
    pub page_type: Option<String>,
    /// The page's address.
    pub url: Option<String>,
    /// The share of the gold's words that stand on the page, from 0 to 1.
    pub found: Option<f64>,
    /// The share of the body that the gold leaves out, estimated, from 0 to 1.
    pub omitted: Option<f64>,
    /// The page's visible text, one block a line, without terminators.
    pub lines: Vec<String>,
    /// What each line is.
    pub labels: Vec<Label>,
    /// Indices, from 0, of the lines that equal the page's title or main heading.
    pub headline: Vec<usize>,
    /// The main text. Where the row has none: the lines of [`Label::Body`] joined by LF.
    pub gold: String,
    /// What readers commented, as text, where the row says.
    pub comments: Option<String>,
    /// What the page's markup tells; no places where the lines are all that is known. See
    /// [`crate::eval::html`].
    pub structure: Structure,
    /// Where in the page's HTML the text of each line stood, for lines that are not those of the
    /// HTML; empty where no HTML is known. See [`crate::eval::html::find_places`].
    pub places: Vec<Option<LineStructure>>,
}

impl GoldPage {
    /// Where the page stands in a corpus of labelled pages: its domain is its site, and it has
    /// no place.
    pub fn address(&self) -> PageAddress<'_> {
        PageAddress {
            site: self.domain.as_deref().map(str::as_bytes),
            place: None,
        }
    }

    /// What a cleaner is given: the page's [`GoldPage::text`], and where its lines stood.
    pub fn page<'p>(&'p self, text: &'p str) -> PageText<'p> {
        PageText {
            bytes: text.as_bytes(),
            structure: Some(&self.structure),
        }
    }

    /// The page as a cleaner reads it: the lines joined by LF. CR and LF inside a line become
    /// a space, so that line `i` of `lines` is line `i + 1` of the page.
    pub fn text(&self) -> String {
        let length_bytes: usize = self.lines.iter().map(|line| line.len() + 1).sum();
        let mut text = String::with_capacity(length_bytes);
        for (at, line) in self.lines.iter().enumerate() {
            if at > 0 {
                text.push('\n');
            }
            text.extend(
                line.split(['\r', '\n'])
                    .enumerate()
                    .flat_map(|(part, stretch)| [if part > 0 { " " } else { "" }, stretch]),
            );
        }
        text
    }
}

/// A file of labelled pages that cannot be read, or a row that is not a labelled page.
///
/// `file` is the reader's name, `row` counts the file's lines from 1.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GoldError {
    /// The file cannot be opened.
    #[error("{file}: cannot be opened: {source}")]
    Open {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// Reading or decompressing failed.
    #[error("{file}:{row}: cannot be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// The row that was being read.
        row: u64,
        /// Why.
        source: io::Error,
    },
    /// The row is longer than [`MAX_ROW_BYTES`].
    #[error("{file}:{row}: row too long; expected at most {MAX_ROW_BYTES} bytes")]
    TooLong {
        /// The file.
        file: String,
        /// The row.
        row: u64,
    },
    /// The row is not JSON, lacks a field, or has one of another type.
    #[error("{file}:{row}: {source}; expected a JSON object with {expected}")]
    Json {
        /// The file.
        file: String,
        /// The row.
        row: u64,
        /// What is wrong, with the place in the row.
        source: serde_json::Error,
        /// The fields that it should have.
        expected: &'static str,
    },
    /// There is not one label for each line.
    #[error("{file}:{row}: page {id} has {labels} labels; expected {lines}, one for each line")]
    LabelCount {
        /// The file.
        file: String,
        /// The row.
        row: u64,
        /// The page's id.
        id: String,
        /// How many labels it has.
        labels: usize,
        /// How many lines it has.
        lines: usize,
    },
    /// A label is not known.
    #[error(
        "{file}:{row}: page {id}: label of line {line} is {label}; expected 1 (body), \
         0 (boilerplate) or -1 (either)"
    )]
    Label {
        /// The file.
        file: String,
        /// The row.
        row: u64,
        /// The page's id.
        id: String,
        /// Index of the line, from 0.
        line: usize,
        /// The label.
        label: i64,
    },
    /// A headline is not a line of the page.
    #[error("{file}:{row}: page {id}: headline is line {line}; expected less than {lines}")]
    Headline {
        /// The file.
        file: String,
        /// The row.
        row: u64,
        /// The page's id.
        id: String,
        /// Index of the line, from 0.
        line: usize,
        /// How many lines the page has.
        lines: usize,
    },
}

/// What is expected of [`Row`].
const FIELDS: &str = "id (text), lines (texts), labels (whole numbers) and, if known, gold (text)";

/// A row as it stands in the file; fields that are not named here are passed over.
#[derive(Deserialize)]
struct Row {
    id: String,
    source: Option<String>,
    domain: Option<String>,
    lang: Option<String>,
    tier: Option<String>,
    page_type: Option<String>,
    url: Option<String>,
    found: Option<f64>,
    omitted: Option<f64>,
    lines: Vec<String>,
    labels: Vec<i64>,
    headline: Option<Vec<usize>>,
    gold: Option<String>,
    comments: Option<String>,
}

/// Reads labelled pages row by row; memory is one row's.
///
/// Rows are JSON objects, one a line. `id`, `lines` and `labels` must be there, the rest of
/// [`GoldPage`] may be missing or null, other fields are passed over; so are blank rows and a
/// byte-order mark. A stream that begins like gzip is decompressed, whatever its
/// name; several gzip members are one stream.
///
/// A bad row is an error and the next call goes on behind it; after [`GoldError::Read`] and
/// [`GoldError::TooLong`] there is nothing more.
pub struct GoldReader {
    rows: AnyRows,
    is_done: bool,
}

/// The rows of a stream, one at a time, none of them too long.
pub(crate) struct Rows<R> {
    /// What the stream is called in errors.
    pub name: String,
    input: R,
    /// Number of the row at hand, from 1.
    pub number: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The rows of any stream.
pub(crate) type AnyRows = Rows<Box<dyn BufRead + Send>>;

impl AnyRows {
    /// The rows of a stream that may be packed by gzip, told by its first byte; several members
    /// are one stream.
    pub fn unpacked(name: &str, input: impl Read + Send + 'static) -> Result<Self, GoldError> {
        let mut input = BufReader::with_capacity(1 << 16, input);
        let first = input.fill_buf().map_err(|source| GoldError::Read {
            file: name.to_owned(),
            row: 1,
            source,
        })?;
        let input: Box<dyn BufRead + Send> = if first.starts_with(&[0x1f]) {
            Box::new(BufReader::with_capacity(
                1 << 16,
                MultiGzDecoder::new(input),
            ))
        } else {
            Box::new(input)
        };
        Ok(Rows::new(name.to_owned(), input))
    }

    /// The same of a file.
    pub fn open(path: &Path) -> Result<Self, GoldError> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Rows::unpacked(&name, file),
            Err(source) => Err(GoldError::Open { file: name, source }),
        }
    }

    /// What pages are said to be of whose rows name no source: the last part of the stream's
    /// name, up to its first dot.
    pub fn default_source(&self) -> &str {
        let file_name = self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name);
        let stem = file_name.split('.').find(|part| !part.is_empty());
        stem.unwrap_or(&self.name)
    }
}

impl<R: BufRead> Rows<R> {
    pub fn new(name: String, input: R) -> Self {
        Rows {
            name,
            input,
            number: 0,
            bytes: Vec::new(),
        }
    }

    /// The row at hand, without a byte-order mark; None where it is blank.
    pub fn content(&self) -> Option<&[u8]> {
        let mut bytes = &self.bytes[..];
        if self.number == 1 {
            bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        }
        Some(bytes).filter(|bytes| !bytes.trim_ascii().is_empty())
    }

    /// Says that the row at hand is none.
    pub fn no_row(&self, source: serde_json::Error, expected: &'static str) -> GoldError {
        GoldError::Json {
            file: self.name.clone(),
            row: self.number,
            source,
            expected,
        }
    }

    /// Reads the next row; false at the end.
    ///
    /// # Errors
    ///
    /// [`GoldError::Read`] and [`GoldError::TooLong`]; there is nothing more then.
    pub fn read(&mut self) -> Result<bool, GoldError> {
        self.number += 1;
        self.bytes.clear();
        let limited = &mut self.input.by_ref().take(MAX_ROW_BYTES + 1);
        match limited.read_until(b'\n', &mut self.bytes) {
            Ok(length_bytes) if length_bytes as u64 > MAX_ROW_BYTES => Err(GoldError::TooLong {
                file: self.name.clone(),
                row: self.number,
            }),
            Ok(length_bytes) => Ok(length_bytes > 0),
            Err(source) => Err(GoldError::Read {
                file: self.name.clone(),
                row: self.number,
                source,
            }),
        }
    }
}

impl std::fmt::Debug for GoldReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoldReader")
            .field("name", &self.rows.name)
            .field("row", &self.rows.number)
            .finish_non_exhaustive()
    }
}

impl GoldReader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`GoldError::Open`] where it cannot be opened, [`GoldError::Read`] where its first
    /// bytes cannot be read.
    pub fn open(path: &Path) -> Result<Self, GoldError> {
        AnyRows::open(path).map(GoldReader::of)
    }

    /// Reads from any stream. `name` stands in errors, and its last part up to the first dot
    /// is the source of rows that name none.
    ///
    /// # Errors
    ///
    /// [`GoldError::Read`] where the first bytes cannot be read.
    pub fn new(name: &str, input: impl Read + Send + 'static) -> Result<Self, GoldError> {
        Rows::unpacked(name, input).map(GoldReader::of)
    }

    fn of(rows: AnyRows) -> Self {
        GoldReader {
            rows,
            is_done: false,
        }
    }

    fn parse_row(&self) -> Result<Option<GoldPage>, GoldError> {
        let Some(bytes) = self.rows.content() else {
            return Ok(None);
        };
        let row = serde_json::from_slice(bytes);
        let row = row.map_err(|source| self.rows.no_row(source, FIELDS))?;
        self.check(row).map(Some)
    }

    fn check(&self, row: Row) -> Result<GoldPage, GoldError> {
        let (file, number) = (&self.rows.name, self.rows.number);
        if row.labels.len() != row.lines.len() {
            return Err(GoldError::LabelCount {
                file: file.clone(),
                row: number,
                id: row.id,
                labels: row.labels.len(),
                lines: row.lines.len(),
            });
        }
        let mut labels = Vec::with_capacity(row.labels.len());
        for (line, &label) in row.labels.iter().enumerate() {
            labels.push(match label {
                1 => Label::Body,
                0 => Label::Boilerplate,
                -1 => Label::Either,
                _ => {
                    return Err(GoldError::Label {
                        file: file.clone(),
                        row: number,
                        id: row.id,
                        line,
                        label,
                    });
                }
            });
        }
        let headline = row.headline.unwrap_or_default();
        if let Some(&line) = headline.iter().find(|&&line| line >= row.lines.len()) {
            return Err(GoldError::Headline {
                file: file.clone(),
                row: number,
                id: row.id,
                line,
                lines: row.lines.len(),
            });
        }
        Ok(GoldPage {
            id: row.id,
            source: row
                .source
                .unwrap_or_else(|| self.rows.default_source().to_owned()),
            domain: domain_of(row.domain, row.url.as_deref()),
            lang: row.lang.filter(|lang| !lang.is_empty()),
            tier: row.tier,
            page_type: row.page_type,
            url: row.url,
            found: row.found,
            omitted: row.omitted,
            gold: row.gold.unwrap_or_else(|| body_text(&row.lines, &labels)),
            lines: row.lines,
            labels,
            headline,
            places: Vec::new(),
            comments: row.comments,
            structure: Structure::default(),
        })
    }
}

impl Iterator for GoldReader {
    type Item = Result<GoldPage, GoldError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_done {
            match self.rows.read() {
                Ok(true) => {}
                Ok(false) => self.is_done = true,
                Err(error) => {
                    self.is_done = true;
                    return Some(Err(error));
                }
            }
            if let Some(page) = self.parse_row().transpose() {
                return Some(page);
            }
        }
        None
    }
}

/// The site of a row: its domain, else the host of its URL.
pub(crate) fn domain_of(domain: Option<String>, url: Option<&str>) -> Option<String> {
    let named = domain.filter(|domain| !domain.is_empty());
    named.or_else(|| url::host(url?))
}

pub(crate) fn body_text(lines: &[String], labels: &[Label]) -> String {
    let body = lines.iter().zip(labels);
    let body: Vec<&str> = body
        .filter(|(_, label)| **label == Label::Body)
        .map(|(line, _)| line.as_str())
        .collect();
    body.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn reader(rows: &[u8]) -> GoldReader {
        GoldReader::new("sets/wells.jsonl.gz", io::Cursor::new(rows.to_vec())).unwrap()
    }

    fn only_error(row: &str) -> String {
        let mut reader = reader(row.as_bytes());
        reader.next().unwrap().unwrap_err().to_string()
    }

    const SMALL: &str = r#"{"id":"a","lines":["x","y"],"labels":[1,-1],"gold":"x"}"#;

    #[test]
    fn a_row_needs_three_fields_and_others_are_passed_over() {
        let page = reader(SMALL.as_bytes()).next().unwrap().unwrap();
        assert_eq!((&*page.id, &*page.source), ("a", "wells"));
        assert_eq!(page.labels, [Label::Body, Label::Either]);
        assert_eq!((page.headline, page.omitted), (vec![], None));
        let full = r#"{"with":["q"],"id":"b","source":"s","lang":null,"lines":["x"],
            "labels":[0],"headline":[0],"omitted":0.5,"notes":{"a":[1]},"gold":"","comments":"z"}"#;
        let page = reader(full.replace('\n', " ").as_bytes()).next();
        let page = page.unwrap().unwrap();
        assert_eq!((&*page.source, page.lang), ("s", None));
        assert_eq!(page.comments.as_deref(), Some("z"));
        assert_eq!((page.headline, page.omitted), (vec![0], Some(0.5)));
        assert_eq!(page.gold, "");
    }

    #[test]
    fn without_gold_the_body_lines_are_the_gold() {
        for gold in ["", r#","gold":null"#] {
            let row =
                format!(r#"{{"id":"a","lines":["x","y","z","w"],"labels":[1,0,1,-1]{gold}}}"#);
            let page = reader(row.as_bytes()).next().unwrap().unwrap();
            assert_eq!(page.gold, "x\nz");
        }
    }

    #[test]
    fn the_domain_is_the_rows_or_the_host_of_its_url() {
        for (domain, url, expected) in [
            ("a.example", "https://b.example/", Some("a.example")),
            ("", "https://u:p@www.B.example:80/c?d", Some("b.example")),
            ("", "b.example/c", None),
            ("", "https:///c", None),
        ] {
            let row =
                format!(r#"{{"id":"a","domain":"{domain}","url":"{url}","lines":[],"labels":[]}}"#);
            let page = reader(row.as_bytes()).next().unwrap().unwrap();
            assert_eq!(page.domain.as_deref(), expected, "{url}");
            assert_eq!(page.address().site, expected.map(str::as_bytes));
        }
    }

    #[test]
    fn gzip_is_told_by_content_and_members_join() {
        let mut packed = Vec::new();
        for _ in 0..2 {
            let mut member = GzEncoder::new(&mut packed, Compression::fast());
            writeln!(member, "{SMALL}").unwrap();
            member.finish().unwrap();
        }
        assert_eq!(reader(&packed).filter(|page| page.is_ok()).count(), 2);
        let plain = format!("\u{feff}{SMALL}\r\n\n  \n{SMALL}");
        assert_eq!(
            reader(plain.as_bytes()).filter(|page| page.is_ok()).count(),
            2
        );
    }

    #[test]
    fn cut_gzip_is_an_error_and_ends_the_stream() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        writeln!(packed, "{SMALL}").unwrap();
        let packed = packed.finish().unwrap();
        let pages: Vec<_> = reader(&packed[..packed.len() - 9]).collect();
        assert!(matches!(pages.last(), Some(Err(GoldError::Read { .. }))));
        assert_eq!(pages.iter().filter(|page| page.is_err()).count(), 1);
    }

    #[test]
    fn a_bad_row_says_where_and_what_was_expected_and_the_next_is_read() {
        let rows = format!("{SMALL}\n\n{{\"id\":1}}\n{SMALL}\n");
        let mut reader = reader(rows.as_bytes());
        assert!(reader.next().unwrap().is_ok());
        let error = reader.next().unwrap().unwrap_err().to_string();
        assert!(error.starts_with("sets/wells.jsonl.gz:3: "), "{error}");
        let expected = "; expected a JSON object with id (text), lines (texts), \
            labels (whole numbers) and, if known, gold (text)";
        assert!(error.ends_with(expected), "{error}");
        assert!(reader.next().unwrap().is_ok());
        assert!(reader.next().is_none());
    }

    #[test]
    fn labels_and_headlines_are_checked() {
        for (row, expected) in [
            (
                r#"{"id":"a","lines":["x","y"],"labels":[1],"gold":""}"#,
                "page a has 1 labels; expected 2, one for each line",
            ),
            (
                r#"{"id":"a","lines":["x","y"],"labels":[1,2],"gold":""}"#,
                "page a: label of line 1 is 2; expected 1 (body), 0 (boilerplate) or -1 (either)",
            ),
            (
                r#"{"id":"a","lines":["x"],"labels":[-2],"gold":""}"#,
                "page a: label of line 0 is -2; expected 1 (body), 0 (boilerplate) or -1 (either)",
            ),
            (
                r#"{"id":"a","lines":["x"],"labels":[1],"headline":[1],"gold":""}"#,
                "page a: headline is line 1; expected less than 1",
            ),
        ] {
            assert_eq!(
                only_error(row),
                format!("sets/wells.jsonl.gz:1: {expected}")
            );
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = GoldReader::open(Path::new("no/such.jsonl")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("no/such.jsonl: cannot be opened: ")
        );
    }

    #[test]
    fn a_page_has_one_line_for_each_gold_line() {
        let row = r#"{"id":"a","lines":["x\ny","","\r\nz\r"],"labels":[1,0,1],"gold":""}"#;
        let page = reader(row.as_bytes()).next().unwrap().unwrap();
        assert_eq!(page.text(), "x y\n\n  z ");
    }
}
