//! `dechaff explain`: one page in, every line with its scores, decision and reason out.
//!
//! As a table for reading or as JSON for programs. Whatever the page holds, no control
//! character of it reaches the output.

use std::borrow::Cow;
use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dechaff::charset::{self, Charset, Converted};
use dechaff::cleaner::LineFacts;
use dechaff::cleaner::PageText;
use dechaff::evidence::PageAddress;
use dechaff::html::{self, Rendered, Structure};
use dechaff::index::{CorpusIndex, Names, Place};
use dechaff::pipeline::plan::STANDARD_STREAM;
use dechaff::pipeline::{RunOptions, index_files};
use dechaff::report::{Counts, Removed};
use dechaff::score::{Contribution, Score, Step};
use dechaff::sink::ledger::page_of;
use dechaff::source::FileEntry;
use dechaff::source::archive::Archive;
use dechaff::source::content::{self, Content, UTF8_MARK};
use dechaff::source::packed::{Packing, Unpacker, split_name};
use dechaff::source::rows;
use dechaff::source::site::{self, SiteBy};
use dechaff::visible::visible;
use dechaff::{CleanedLine, Cleaner, Config, Reason, Workspace, collect};
use serde::Serialize;

use super::{CLEAN, USAGE, tell};
use crate::args::{ExplainArgs, FieldArgs};
use crate::json;
use crate::terminal::Terminal;

/// Contributions in a row of the table.
const TABLE_WEIGHTS: usize = 3;
/// Contributions of a line in JSON.
const JSON_WEIGHTS: usize = 5;
/// Columns that a terminal keeps for the text; contributions give way.
const MIN_TEXT_COLUMNS: usize = 24;

pub fn run(args: &ExplainArgs) -> anyhow::Result<u8> {
    let (path, row) = split_row(&args.page);
    let bytes = read_page(path)?;
    let (page, url) = match (container(&bytes, &args.fields), row) {
        (Some(ROWS) | None, Some(row)) => row_text(&bytes, row, &args.fields)
            .with_context(|| format!("cannot read row {row} of {}", path.display()))?,
        (None, None) => (page_text(path, bytes, args.encoding.encoding), None),
        (format, _) => {
            let page = visible(args.page.as_os_str().as_encoded_bytes());
            let why = match format {
                Some(ROWS) | None => "holds pages in JSON lines; name one as FILE#3".to_owned(),
                Some(format) => format!("holds pages in {format}; explain shows one page"),
            };
            tell(&format!("dechaff: {page} {why}"));
            return Ok(USAGE);
        }
    };
    let page = PageText {
        bytes: page.text.strip_prefix(UTF8_MARK).unwrap_or(&page.text),
        structure: Some(&page.structure),
    };
    let config = Config {
        tell_kinds: true,
        ..args.corpus.config(&args.engine)
    };
    let cleaner = args.engine.cleaner(config.clone())?;
    let Some(path) = &args.index else {
        let explained = Explained::new(&cleaner, page, &PageAddress::default());
        write_page(args, &explained).context("cannot write to standard output")?;
        return Ok(CLEAN);
    };
    let (_, found) = index_files::kind(path)?;
    let site_by = found.site.as_deref().unwrap_or_default();
    let wanted = collect::settings(&config, site_by, found.max_page_bytes);
    let index = Arc::new(index_files::load(
        path,
        &wanted,
        &config.key,
        &RunOptions::default(),
    )?);
    let site = site_name(args, &index, url.as_deref());
    let address = PageAddress {
        site: site.as_deref(),
        place: place(args, &index.names),
    };
    let cleaner = cleaner.with_index(Arc::clone(&index));
    let mut explained = Explained::new(&cleaner, page, &address);
    explained.names = Some(index.names.clone());
    write_page(args, &explained).context("cannot write to standard output")?;
    Ok(CLEAN)
}

/// The site of the page: as the user says; of a row by its URL, where the index goes by these; else
/// the nearest directory above it that the index knows as one.
fn site_name(args: &ExplainArgs, index: &CorpusIndex, url: Option<&str>) -> Option<Vec<u8>> {
    let is_known = |name: &[u8]| index.site(name).is_some();
    let by = index.settings.site.as_deref().and_then(SiteBy::of_word);
    let of_url = || {
        let file = FileEntry::new(args.page.clone(), args.page.clone());
        let site = site::of_record(&file, Some(url?), by.filter(|&by| by != SiteBy::Directory)?);
        site.map(Cow::into_owned)
    };
    let of_directory = || {
        let directories = args.page.ancestors().skip(1);
        let names = directories.filter_map(|directory| directory.file_name());
        let mut names = names.map(|name| name.as_encoded_bytes().to_vec());
        names
            .find(|name| is_known(name))
            .or_else(|| Some(Vec::new()))
    };
    let named = args.site_name.clone().map(String::into_bytes);
    let found = named.or_else(of_url).or_else(of_directory);
    let found = found.filter(|name| is_known(name));
    if found.is_none() {
        tell("dechaff: note: the index does not know the page's site; see --site-name");
    }
    found
}

/// The place in the index of the page that is named: a file, or FILE#ROW.
fn place(args: &ExplainArgs, names: &Names) -> Option<Place> {
    let name = args.page_name.as_ref()?;
    let of_file = |name: &str| names.number(name.as_bytes());
    let of_row = || {
        let (file, record) = name.rsplit_once('#')?;
        Some((of_file(file)?, record.parse().ok()?))
    };
    let found = of_file(name).map(|file| (file, 0)).or_else(of_row);
    if found.is_none() {
        tell("dechaff: note: the index does not know a page of that name; see --page-name");
    }
    found.map(|(file, record)| Place {
        file,
        record,
        ..Place::default()
    })
}

fn write_page(args: &ExplainArgs, explained: &Explained<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        write_json(&mut out, &args.page.to_string_lossy(), explained)?;
    } else {
        write_table(&mut out, Terminal::of_stdout(args.color), explained)?;
    }
    out.flush()
}

fn read_page(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = if path == Path::new(STANDARD_STREAM) {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    read.and_then(unpacked)
        .with_context(|| format!("cannot read {}", path.display()))
}

/// What JSON lines are called.
const ROWS: &str = "JSON lines";

/// The file and the row that `FILE#ROW` names, as ledgers do; a file that is called so is that.
fn split_row(page: &Path) -> (&Path, Option<usize>) {
    let named = page.to_str().and_then(|name| name.rsplit_once('#'));
    let row = named.and_then(|(file, row)| Some((Path::new(file), row.parse().ok()?)));
    match row.filter(|_| !page.exists()) {
        Some((file, row)) => (file, Some(row)),
        None => (page, None),
    }
}

/// The text of a row, from 1, where it is HTML its lines; and its URL.
fn row_text(
    rows: &[u8],
    number: usize,
    fields: &FieldArgs,
) -> anyhow::Result<(Rendered, Option<String>)> {
    let rows = rows.strip_prefix(UTF8_MARK).unwrap_or(rows);
    let row = number.checked_sub(1);
    let row = row.and_then(|before| rows.split(|&byte| byte == b'\n').nth(before));
    let row = row.filter(|row| !row.trim_ascii().is_empty());
    let row = row.context("there is none")?.trim_ascii_end();
    let row = rows::take_apart(row, &fields.names())
        .map_err(|error| anyhow::anyhow!("{} at byte {} of it", error.what, error.byte))?;
    let text = row.text.context("it has no text")?;
    let rendered = match fields.format().is_html(|| content::is_html(&text)) {
        true => html::render_with_structure(text.as_bytes()),
        false => Rendered {
            text: text.into_owned().into_bytes(),
            structure: Structure::default(),
        },
    };
    Ok((rendered, row.url.map(Cow::into_owned)))
}

/// What holds pages, and is none.
fn container(bytes: &[u8], fields: &FieldArgs) -> Option<&'static str> {
    if rows::look_like_rows(bytes, &fields.names()) {
        return Some(ROWS);
    }
    if let Some(archive) = Archive::told(bytes) {
        return Some(archive.word());
    }
    match content::tell(Path::new(""), bytes) {
        Content::Unread(format) => Some(format),
        _ => None,
    }
}

/// What packed bytes hold, as far as a page may be long; others as they are.
fn unpacked(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let Some(packing) = Packing::told(&bytes) else {
        return Ok(bytes);
    };
    let mut page = Vec::new();
    Unpacker::new(packing, Box::new(io::Cursor::new(bytes)))
        .take(RunOptions::default().max_page_bytes as u64)
        .read_to_end(&mut page)?;
    Ok(page)
}

/// The text of a page in UTF-8; where it is HTML, its lines.
fn page_text(path: &Path, bytes: Vec<u8>, given: Option<Charset>) -> Rendered {
    let name = split_name(path).0;
    let is_html = |bytes: &[u8]| content::tell_in(name, bytes, given) == Content::Html;
    let rendered = |charset: Option<Charset>| {
        let page = match charset {
            Some(charset) => html::decode_in(&bytes, charset),
            None => html::decode(&bytes, None).ok()?,
        };
        Some(html::render_with_structure(&page.html))
    };
    let plain = |text| Rendered {
        text,
        structure: Structure::default(),
    };
    let text = if is_html(&bytes) {
        rendered(given)
    } else {
        match charset::convert(&bytes, given) {
            Converted::Text {
                charset, decoded, ..
            } => match charset.is_utf16() && is_html(&decoded.text) {
                true => rendered(Some(charset)),
                false => Some(plain(decoded.text)),
            },
            Converted::Utf8 | Converted::Unknown | Converted::Faulty(_) => None,
        }
    };
    text.unwrap_or_else(|| plain(bytes))
}

/// A page with everything that is shown of it.
struct Explained<'p> {
    /// Whether lines have scores at all.
    is_scored: bool,
    lines: Vec<ExplainedLine<'p>>,
    counts: Counts,
    /// The files of the index.
    names: Option<Names>,
}

/// A line, and what is known of it: nothing where it is blank.
struct ExplainedLine<'p> {
    line: CleanedLine<'p>,
    facts: LineFacts,
}

impl<'p> Explained<'p> {
    fn new(cleaner: &Cleaner, page: PageText<'p>, address: &PageAddress<'_>) -> Self {
        let is_scored = cleaner.config().score;
        let cleaned = cleaner.clean_page_at(page, address, &mut Workspace::default());
        let mut facts = cleaner.explain_page(page, address).into_iter();
        let lines = cleaned
            .each_line()
            .map(|line| ExplainedLine {
                line,
                facts: match line.verdict.reason {
                    Reason::Blank => LineFacts::default(),
                    _ => facts.next().unwrap_or_default(),
                },
            })
            .collect();
        let mut counts = Counts::default();
        counts.add(&cleaned);
        Explained {
            is_scored,
            lines,
            counts,
            names: None,
        }
    }

    /// The score of a line that has one.
    fn score(&self, line: &CleanedLine<'_>) -> Option<Score> {
        (self.is_scored && line.verdict.reason != Reason::Blank).then_some(line.verdict.score)
    }
}

fn decision_word(line: &CleanedLine<'_>) -> &'static str {
    if line.verdict.is_kept {
        "keep"
    } else {
        "remove"
    }
}

fn write_table(
    out: &mut impl Write,
    terminal: Terminal,
    explained: &Explained<'_>,
) -> io::Result<()> {
    let table = Table::fitting(terminal, explained);
    let header = Style::new().bold();
    writeln!(
        out,
        "{}",
        terminal.show(header, &table.render(&table.header))
    )?;
    for (row, explained_line) in table.rows.iter().zip(&explained.lines) {
        let style = style(&explained_line.line);
        writeln!(out, "{}", terminal.show(style, &table.render(row)))?;
    }
    write!(out, "\n{}", summary(&explained.counts))
}

fn style(line: &CleanedLine<'_>) -> Style {
    match line.verdict.reason {
        Reason::Blank => Style::new().dimmed(),
        Reason::Repeat { .. } | Reason::Template { .. } | Reason::Duplicate { .. } => {
            AnsiColor::Yellow.on_default()
        }
        _ if line.verdict.is_kept => Style::new(),
        _ => AnsiColor::Red.on_default(),
    }
}

/// What stands before the text: line, alone, score, pages of the site, places of the corpus,
/// decision, reason, weights.
const CELLS: usize = 8;
/// The first cells hold numbers, flush right.
const NUMBER_CELLS: usize = 5;

/// The cells that only an index fills.
const INDEX_CELLS: std::ops::Range<usize> = 3..5;

/// One row. Cells are ASCII; the text is safe to print.
struct Row {
    cells: [String; CELLS],
    text: String,
}

/// All rows, and how wide each cell must be; a cell that is empty throughout has width 0 and
/// is left out. A page without lines has every cell in its header.
struct Table {
    header: Row,
    rows: Vec<Row>,
    widths: [usize; CELLS],
}

impl Table {
    /// The table with the most contributions that leave the text its room.
    fn fitting(terminal: Terminal, explained: &Explained<'_>) -> Table {
        let room = terminal.columns.unwrap_or(usize::MAX);
        let mut weight_count = TABLE_WEIGHTS;
        loop {
            let table = Table::new(explained, weight_count);
            if weight_count == 0 || table.text_column() + MIN_TEXT_COLUMNS <= room {
                return table;
            }
            weight_count -= 1;
        }
    }

    fn new(explained: &Explained<'_>, weight_count: usize) -> Table {
        let rows: Vec<Row> = explained
            .lines
            .iter()
            .map(|line| Row::new(explained, line, weight_count))
            .collect();
        let header = [
            "line",
            "alone",
            "score",
            "pages",
            "places",
            "decision",
            "reason",
            "weighed most",
        ];
        let widths = std::array::from_fn(|cell| {
            let widest = rows.iter().map(|row| row.cells[cell].len()).max();
            match widest {
                Some(0) => 0,
                None if INDEX_CELLS.contains(&cell) => 0,
                _ => header[cell].len().max(widest.unwrap_or(0)),
            }
        });
        Table {
            header: Row {
                cells: header.map(str::to_owned),
                text: "text".to_owned(),
            },
            rows,
            widths,
        }
    }

    /// Columns before the text.
    fn text_column(&self) -> usize {
        let shown = self.widths.iter().filter(|&&width| width > 0);
        shown.map(|width| width + 2).sum()
    }

    fn render(&self, row: &Row) -> String {
        let mut shown = String::new();
        for (index, (cell, &width)) in row.cells.iter().zip(&self.widths).enumerate() {
            if width == 0 {
                continue;
            }
            let padded = if index < NUMBER_CELLS {
                format!("{cell:>width$}  ")
            } else {
                format!("{cell:<width$}  ")
            };
            shown.push_str(&padded);
        }
        shown.push_str(&row.text);
        if row.text.trim().is_empty() {
            shown.truncate(shown.trim_end().len());
        }
        shown
    }
}

impl Row {
    fn new(explained: &Explained<'_>, line: &ExplainedLine<'_>, weight_count: usize) -> Row {
        let ExplainedLine { line, facts } = line;
        let score = explained.score(line);
        let pages = match facts.site_pages {
            0 => String::new(),
            of_pages => format!("{}/{of_pages}", facts.pages),
        };
        let places = facts
            .places
            .map_or(String::new(), |places| places.to_string());
        let cells = [
            line.number.to_string(),
            score_cell(score.map(|score| score.alone)),
            score_cell(score.map(|score| score.context)),
            pages,
            places,
            decision_word(line).to_owned(),
            reason_cell(line.verdict.reason, explained.names.as_ref()),
            weights_cell(&facts.contributions, weight_count),
        ];
        Row {
            cells,
            text: visible(line.text),
        }
    }
}

fn score_cell(score: Option<f32>) -> String {
    score.map_or_else(|| "-".to_owned(), |score| format!("{score:.4}"))
}

fn reason_cell(reason: Reason, names: Option<&Names>) -> String {
    match reason {
        Reason::Repeat { of } => format!("{} of {of}", reason.word()),
        Reason::Duplicate { of } => {
            let page = visible(&page_of(of, names));
            format!("{} of {page}:{}", reason.word(), of.line)
        }
        _ => reason.word().to_owned(),
    }
}

fn weights_cell(weights: &[Contribution], count: usize) -> String {
    let shown: Vec<String> = weights
        .iter()
        .take(count)
        .map(|weight| {
            let step = match weight.step {
                Step::Alone => "alone: ",
                Step::Context => "",
            };
            format!("{step}{} {:+.2}", weight.feature, weight.log_odds)
        })
        .collect();
    shown.join(", ")
}

/// The account of the page: every line and byte once.
fn summary(counts: &Counts) -> String {
    let reasons = counts.removed();
    let removed_lines: u64 = reasons.iter().map(|(_, removed)| removed.lines).sum();
    let page = Removed {
        lines: counts.lines,
        bytes: counts.bytes_in,
    };
    let kept = Removed {
        lines: counts.lines - removed_lines,
        bytes: counts.bytes_kept,
    };
    let mut shown = format!("{:<20}  {:>8}  {:>10}\n", "", "lines", "bytes");
    let removed = reasons.map(|(word, removed)| (format!("removed: {word}"), removed));
    let whole = [("page".to_owned(), page), ("kept".to_owned(), kept)];
    for (name, share) in whole.into_iter().chain(removed) {
        shown.push_str(&format!(
            "{name:<20}  {:>8}  {:>10}\n",
            share.lines, share.bytes
        ));
    }
    shown
}

/// What `--json` writes.
#[derive(Serialize)]
struct PageJson<'a> {
    page: &'a str,
    lines: Vec<LineJson<'a>>,
}

/// A line in JSON; the scores are null where nothing is scored.
#[derive(Serialize)]
struct LineJson<'a> {
    n: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// Stands where the line is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text_b64: Option<String>,
    alone: Option<f64>,
    score: Option<f64>,
    /// The likelihoods that it is a reader's comment, and the page's headline.
    comment: Option<f64>,
    headline: Option<f64>,
    decision: &'static str,
    reason: &'static str,
    /// The line that this one repeats, or its first copy in the corpus.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<PlaceJson>,
    /// Pages of the site that hold the line, and pages of the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site_pages: Option<u32>,
    /// Places of the corpus that hold the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    places: Option<u32>,
    weights: Vec<WeightJson>,
}

#[derive(Serialize)]
struct PlaceJson {
    page: String,
    line: usize,
}

#[derive(Serialize)]
struct WeightJson {
    step: &'static str,
    feature: &'static str,
    log_odds: f64,
}

impl<'a> LineJson<'a> {
    fn new(page: &'a str, explained: &'a Explained<'a>, own: &'a ExplainedLine<'a>) -> Self {
        let is_scored = explained.is_scored;
        let ExplainedLine { line, facts } = own;
        let of_site = |number: u32| (facts.site_pages > 0).then_some(number);
        let text = std::str::from_utf8(line.text).ok();
        let verdict = line.verdict;
        LineJson {
            n: line.number,
            text,
            text_b64: text.is_none().then(|| STANDARD.encode(line.text)),
            alone: is_scored.then(|| rounded(verdict.score.alone)),
            score: is_scored.then(|| rounded(verdict.score.context)),
            comment: is_scored.then(|| rounded(verdict.score.comment)),
            headline: is_scored.then(|| rounded(verdict.score.headline)),
            decision: decision_word(line),
            reason: verdict.reason.word(),
            of: match verdict.reason {
                Reason::Repeat { of } => Some(PlaceJson {
                    page: page.to_owned(),
                    line: of,
                }),
                Reason::Duplicate { of } => {
                    let name = page_of(of, explained.names.as_ref());
                    Some(PlaceJson {
                        page: String::from_utf8_lossy(&name).into_owned(),
                        line: of.line as usize,
                    })
                }
                _ => None,
            },
            pages: of_site(facts.pages),
            site_pages: of_site(facts.site_pages),
            places: facts.places,
            weights: facts
                .contributions
                .iter()
                .take(JSON_WEIGHTS)
                .map(|weight| WeightJson {
                    step: match weight.step {
                        Step::Alone => "alone",
                        Step::Context => "context",
                    },
                    feature: weight.feature,
                    log_odds: rounded(weight.log_odds),
                })
                .collect(),
        }
    }
}

/// To four decimals, never minus zero.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4 + 0.0
}

fn write_json(out: &mut impl Write, page: &str, explained: &Explained<'_>) -> io::Result<()> {
    let lines = explained
        .lines
        .iter()
        .map(|line| LineJson::new(page, explained, line))
        .collect();
    json::write_safe(&PageJson { page, lines }, out)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Vec<Contribution> {
        [
            ("first", 1.2),
            ("second", -0.456),
            ("third", 0.1),
            ("fourth", 0.0),
        ]
        .map(|(feature, log_odds)| Contribution {
            step: Step::Context,
            feature,
            log_odds,
        })
        .to_vec()
    }

    fn explained(page: &[u8], score: bool) -> Explained<'_> {
        let config = Config {
            score,
            ..Config::default()
        };
        Explained::new(
            &Cleaner::new(config).unwrap(),
            page.into(),
            &PageAddress::default(),
        )
    }

    fn json(page: &[u8], score: bool) -> String {
        let mut out = Vec::new();
        write_json(&mut out, "p\u{7f}", &explained(page, score)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn scores_have_four_decimals_or_a_dash() {
        assert_eq!(score_cell(Some(0.914_18)), "0.9142");
        assert_eq!(score_cell(Some(1.0)), "1.0000");
        assert_eq!(score_cell(None), "-");
        for (value, expected) in [(0.914_18, 0.9142), (1.0, 1.0), (-0.456, -0.456)] {
            assert_eq!(rounded(value), expected);
        }
        assert!(rounded(-0.000_01).is_sign_positive());
    }

    #[test]
    fn a_repeat_names_its_line() {
        assert_eq!(reason_cell(Reason::Repeat { of: 12 }, None), "repeat of 12");
        assert_eq!(reason_cell(Reason::Body, None), "body");
    }

    #[test]
    fn weights_stand_with_their_sign() {
        assert_eq!(
            weights_cell(&weights(), 3),
            "first +1.20, second -0.46, third +0.10"
        );
        assert_eq!(weights_cell(&weights(), 1), "first +1.20");
        assert_eq!(weights_cell(&[], 3), "");
    }

    #[test]
    fn columns_are_aligned() {
        let page = b"A first line of words.\n\nSign in\n".repeat(40);
        let table = Table::new(&explained(&page, true), TABLE_WEIGHTS);
        let at = table.text_column();
        assert_eq!(&table.render(&table.header)[at..], "text");
        for row in table.rows.iter().filter(|row| !row.text.is_empty()) {
            assert_eq!(&table.render(row)[at..], row.text);
        }
    }

    #[test]
    fn blank_rows_end_without_spaces() {
        let explained = explained(b"One line.\n \nAnother line.\n", true);
        let table = Table::new(&explained, TABLE_WEIGHTS);
        assert!(table.render(&table.rows[1]).ends_with(" blank"));
    }

    #[test]
    fn weights_give_way_to_the_text_on_a_narrow_terminal() {
        let explained = explained(b"A line of some words, as lines go.\n", true);
        let on = |columns| {
            Table::fitting(
                Terminal {
                    has_colour: false,
                    columns,
                },
                &explained,
            )
        };
        let wide = on(None).text_column();
        assert_eq!(on(Some(wide + MIN_TEXT_COLUMNS)).text_column(), wide);
        assert!(on(Some(wide + MIN_TEXT_COLUMNS - 1)).text_column() < wide);
        assert_eq!(on(Some(10)).widths[CELLS - 1], 0);
    }

    #[test]
    fn an_empty_page_is_a_header_and_zeros() {
        let mut out = Vec::new();
        write_table(&mut out, Terminal::default(), &explained(b"", true)).unwrap();
        let shown = String::from_utf8(out).unwrap();
        assert!(shown.starts_with("line  alone  score  decision"), "{shown}");
        assert_eq!(json(b"", true), "{\"page\":\"p\\u007f\",\"lines\":[]}\n");
    }

    #[test]
    fn the_summary_adds_up() {
        let page = b"Home\n\n\nThe first sentence of a page stands here, and it ends.\n";
        let counts = explained(page, true).counts;
        assert!(counts.adds_up());
        let shown = summary(&counts);
        let numbers = |row: &str| -> Vec<u64> {
            let words = row.split_whitespace();
            words.filter_map(|word| word.parse().ok()).collect()
        };
        let rows: Vec<Vec<u64>> = shown.lines().skip(1).map(numbers).collect();
        assert_eq!(rows[0], [4, page.len() as u64]);
        for column in 0..2 {
            let sum: u64 = rows[1..].iter().map(|row| row[column]).sum();
            assert_eq!(rows[0][column], sum);
        }
    }

    #[test]
    fn json_lets_no_control_through_and_keeps_the_text() {
        let page = "\u{1b}[2J \u{9b}x \u{202e}y \u{7f} \"q\" \\ 서울\n";
        let shown = json(page.as_bytes(), true);
        assert!(!shown.trim_end().chars().any(char::is_control), "{shown}");
        assert!(!shown.contains('\u{202e}'));
        assert!(shown.contains("서울"));
        let parsed: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(parsed["lines"][0]["text"], page.trim_end());
    }

    #[test]
    fn without_scores_json_says_null() {
        let parsed: serde_json::Value = serde_json::from_str(&json(b"A line.\n", false)).unwrap();
        assert!(parsed["lines"][0]["score"].is_null());
        assert_eq!(parsed["lines"][0]["weights"], serde_json::json!([]));
    }
}
