//! `dechaff repeats`: pages in, the blocks of lines that they say again and again out.
//!
//! As a table for reading or as JSON for programs. Whatever the pages hold, no control
//! character of theirs reaches the output.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anstyle::Style;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dechaff::blocks::{BlockRule, Extent, RepeatedBlock, Scope};
use dechaff::error::RunError;
use dechaff::pipeline::plan::{self, Request, Streams};
use dechaff::pipeline::repeats::{BlockText, RepeatsReport, RepeatsRequest, find_repeats};
use dechaff::sink::records::RecordFormat;
use dechaff::visible::visible;
use serde::Serialize;

use super::exit_code;
use crate::args::{KeyFile, RepeatsArgs, RepeatsScope};
use crate::json;
use crate::running::{Shown, at_stdout, run_to_code};
use crate::standard;
use crate::terminal::Terminal;

/// Lines of a block's text in the table.
const TEXT_LINES: usize = 3;
/// Columns of the text where no terminal says otherwise.
const TEXT_COLUMNS: usize = 100;
/// What stands before the text.
const INDENT: &str = "    ";

pub fn run(args: &RepeatsArgs) -> anyhow::Result<u8> {
    run_to_code(|stop| repeats(args, stop))
}

fn repeats(args: &RepeatsArgs, stop: Arc<AtomicBool>) -> Result<u8, RunError> {
    let options = args.options(Arc::clone(&stop));
    let request = Request {
        inputs: &args.inputs,
        reads: &[],
        output: None,
        side_files: &[],
        overwrite: false,
        record_format: RecordFormat::default(),
        follow: args.reading.follow,
        resume: false,
        has_companions: false,
    };
    let streams = Streams {
        input: Box::new(standard::Input::new(stop)),
        output: Box::new(io::stdout()),
    };
    let inputs = plan::plan(&request, streams)?.inputs;
    let mut progress = Shown::new(&args.inputs, 1, false);
    let format = args.reading.format();
    let found = find_repeats(inputs, format, &wanted(args), &mut progress, &options);
    progress.finish();
    let report = found?;
    write_report(args, &report).map_err(at_stdout)?;
    Ok(exit_code(report.counts.problems))
}

fn wanted(args: &RepeatsArgs) -> RepeatsRequest {
    let scope = match args.scope {
        RepeatsScope::Page => Scope::Page,
        RepeatsScope::Site => Scope::Site,
        RepeatsScope::Corpus => Scope::Corpus,
    };
    let min_pages = match scope {
        Scope::Page => 1,
        Scope::Site | Scope::Corpus => 2,
    };
    RepeatsRequest {
        scope,
        normalize: args.normalize.by(),
        key: KeyFile::key_of(args.key_file.as_ref()),
        rule: BlockRule {
            min_lines: args.min_lines,
            min_chars: args.min_chars,
            min_pages: args.min_pages.unwrap_or(min_pages),
            top: args.top,
            places: args.places as usize,
        },
        max_text_lines: if args.json { usize::MAX } else { TEXT_LINES },
    }
}

fn write_report(args: &RepeatsArgs, report: &RepeatsReport) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::write_safe(&ReportJson::new(args, report), &mut out)?;
        writeln!(out)?;
    } else {
        let terminal = Terminal::of_stdout(clap::ColorChoice::Auto);
        write_table(&mut out, terminal, report)?;
    }
    out.flush()
}

fn write_table(out: &mut impl Write, terminal: Terminal, report: &RepeatsReport) -> io::Result<()> {
    let bold = Style::new().bold();
    if !report.repeats.blocks.is_empty() {
        let header = format!(
            "{:>12}  {:>7}  {:>7}  {:>6}  first places",
            "saved bytes", "places", "pages", "lines"
        );
        writeln!(out, "{}", terminal.show(bold, &header))?;
    }
    for (block, text) in report.repeats.blocks.iter().zip(&report.texts) {
        let places: Vec<String> = block
            .first
            .iter()
            .map(|extent| {
                let page = visible(&report.page_name(extent));
                format!("{page}:{}-{}", extent.first_line, extent.last_line)
            })
            .collect();
        let row = format!(
            "{:>12}  {:>7}  {:>7}  {:>6}  {}",
            block.saved_bytes,
            block.places,
            block.pages,
            block.lines,
            places.join(", ")
        );
        writeln!(out, "{}", terminal.show(bold, &row))?;
        write_text(out, terminal, block, text)?;
    }
    write!(out, "{}", summary(report))
}

fn write_text(
    out: &mut impl Write,
    terminal: Terminal,
    block: &RepeatedBlock,
    text: &BlockText,
) -> io::Result<()> {
    let page = Terminal {
        columns: terminal.columns.or(Some(TEXT_COLUMNS)),
        ..terminal
    };
    let lines: Vec<&[u8]> = match text.bytes.is_empty() {
        true => Vec::new(),
        false => text.bytes.split(|&byte| byte == b'\n').collect(),
    };
    let indent = common_indent(&lines);
    for line in &lines {
        let line = format!("{INDENT}{}", visible(line[indent..].trim_ascii_end()));
        writeln!(out, "{}", page.show(Style::new(), &line))?;
    }
    match (block.lines as usize).saturating_sub(lines.len()) {
        0 => {}
        1 => writeln!(out, "{INDENT}… 1 more line")?,
        more => writeln!(out, "{INDENT}… {more} more lines")?,
    }
    writeln!(out)
}

/// Bytes of white space that all lines begin with.
fn common_indent(lines: &[&[u8]]) -> usize {
    let Some((first, rest)) = lines.split_first() else {
        return 0;
    };
    let own = first.len() - first.trim_ascii_start().len();
    rest.iter().fold(own, |indent, line| {
        let pairs = first[..indent].iter().zip(line.iter());
        pairs.take_while(|(left, right)| left == right).count()
    })
}

/// What was read and found, all together.
fn summary(report: &RepeatsReport) -> String {
    let (counts, repeats) = (&report.counts, &report.repeats);
    let mut shown = String::new();
    let mut row = |name: &str, number: u64, bytes: Option<u64>| {
        let bytes = bytes.map_or(String::new(), |bytes| {
            format!("{bytes:>16} bytes {:>5.1} %", share(report, bytes) * 100.0)
        });
        shown.push_str(&format!("{name:<22}{number:>14}{bytes}\n"));
    };
    let listed_bytes = repeats.blocks.iter().map(|block| block.saved_bytes).sum();
    row("pages", counts.pages, None);
    row("lines", counts.lines, Some(counts.bytes));
    row("blocks found", repeats.found, None);
    row(
        "blocks that save",
        repeats.saving,
        Some(repeats.saved_bytes),
    );
    row(
        "blocks listed",
        repeats.blocks.len() as u64,
        Some(listed_bytes),
    );
    for (name, number) in [
        ("rows without text", counts.rows_without_text),
        ("other files", counts.other_files),
        ("links not followed", counts.links),
        ("problems", counts.problems),
    ] {
        if number > 0 {
            row(name, number, None);
        }
    }
    if !repeats.is_complete {
        shown.push_str("not all blocks were looked at: there are too many in one another\n");
    }
    shown
}

/// Bytes as a share of all that were read, in `[0,1]`.
fn share(report: &RepeatsReport, bytes: u64) -> f64 {
    bytes as f64 / report.counts.bytes.max(1) as f64
}

/// What `--json` writes.
#[derive(Serialize)]
struct ReportJson<'a> {
    scope: &'static str,
    pages: u64,
    lines: u64,
    bytes: u64,
    blocks: Vec<BlockJson<'a>>,
    blocks_found: u64,
    blocks_that_save: u64,
    saved_bytes: u64,
    saved_share: f64,
    is_complete: bool,
    rows_without_text: u64,
    other_files: u64,
    links: u64,
    problems: u64,
}

#[derive(Serialize)]
struct BlockJson<'a> {
    lines: u32,
    chars: u64,
    bytes: u64,
    places: u32,
    pages: u32,
    saved_bytes: u64,
    first: Vec<PlaceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// Stands where the text is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text_b64: Option<String>,
    text_is_cut: bool,
}

#[derive(Serialize)]
struct PlaceJson {
    page: String,
    /// Stands where the name is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    page_b64: Option<String>,
    first_line: u32,
    last_line: u32,
}

impl<'a> ReportJson<'a> {
    fn new(args: &RepeatsArgs, report: &'a RepeatsReport) -> Self {
        let (counts, repeats) = (&report.counts, &report.repeats);
        let blocks = repeats.blocks.iter().zip(&report.texts);
        ReportJson {
            scope: match args.scope {
                RepeatsScope::Page => "page",
                RepeatsScope::Site => "site",
                RepeatsScope::Corpus => "corpus",
            },
            pages: counts.pages,
            lines: counts.lines,
            bytes: counts.bytes,
            blocks: blocks
                .map(|(block, text)| BlockJson::new(report, block, text))
                .collect(),
            blocks_found: repeats.found,
            blocks_that_save: repeats.saving,
            saved_bytes: repeats.saved_bytes,
            saved_share: (share(report, repeats.saved_bytes) * 1e4).round() / 1e4,
            is_complete: repeats.is_complete,
            rows_without_text: counts.rows_without_text,
            other_files: counts.other_files,
            links: counts.links,
            problems: counts.problems,
        }
    }
}

impl<'a> BlockJson<'a> {
    fn new(report: &RepeatsReport, block: &RepeatedBlock, text: &'a BlockText) -> Self {
        let decoded = std::str::from_utf8(&text.bytes).ok();
        let places = block.first.iter();
        BlockJson {
            lines: block.lines,
            chars: block.chars,
            bytes: block.bytes,
            places: block.places,
            pages: block.pages,
            saved_bytes: block.saved_bytes,
            first: places
                .map(|extent| PlaceJson::new(report, extent))
                .collect(),
            text: decoded,
            text_b64: decoded.is_none().then(|| STANDARD.encode(&text.bytes)),
            text_is_cut: text.is_cut,
        }
    }
}

impl PlaceJson {
    fn new(report: &RepeatsReport, extent: &Extent) -> Self {
        let name = report.page_name(extent);
        let page = String::from_utf8_lossy(&name).into_owned();
        PlaceJson {
            page_b64: (page.as_bytes() != name).then(|| STANDARD.encode(&name)),
            page,
            first_line: extent.first_line,
            last_line: extent.last_line,
        }
    }
}
