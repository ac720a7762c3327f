//! Writes a made-up corpus: see `cargo run --release --example generate -- --help`.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

#[path = "../benches/generate/mod.rs"]
mod generate;

use generate::{Generator, Shape};

const HELP: &str = "\
Writes a made-up corpus of scraped pages; the same options make the same bytes.

Usage: generate [OPTIONS] OUT

Options:
  --shape SHAPE      typical (default), all-unique, all-equal, alternating, doubled-block,
                     near-equal, blank, short
  --bytes SIZE       stop at the page that reaches SIZE bytes of text (default 100MB)
  --pages N          stop after N pages instead
  --page-bytes SIZE  make every page about this big (default: sizes as on the web, median
                     6 KB, mean 11 KB)
  --format FORMAT    files (default): OUT/SITE/pNNNNNN.txt, OUT new or an empty directory
                     jsonl: one row a page, id, url, text, lang, n
                     text: the lines of all pages in one file
  --seed N           which corpus (default 1)
  -h, --help         print this

SIZE is a number of bytes, or has a unit: K, M, G (powers of 1000), KiB, MiB, GiB (powers of
1024); KB, MB, GB mean K, M, G. An OUT that is a file is replaced; `-` is standard output
(jsonl and text).

Exit code: 0 when all is written, 1 when writing failed, 2 for wrong options.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match Options::parse(&arguments) {
        Ok(None) => finish(io::stdout().write_all(HELP.as_bytes())),
        Ok(Some(options)) => finish(run(&options)),
        Err(problem) => {
            complain(&format!("{problem}; --help lists the options"));
            ExitCode::from(2)
        }
    }
}

fn finish(outcome: io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&problem.to_string());
            ExitCode::from(1)
        }
    }
}

/// Says `message` on standard error; should that be closed, nobody is there to be told.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "generate: {message}");
}

/// The command line, read.
#[derive(Clone, Debug, PartialEq)]
struct Options {
    shape: Shape,
    limit: Limit,
    page_bytes: Option<usize>,
    format: Format,
    seed: u64,
    out: PathBuf,
}

/// Where the corpus ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    Bytes(u64),
    Pages(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Files,
    Jsonl,
    Text,
}

impl Options {
    /// `None` when help is asked for.
    fn parse(arguments: &[String]) -> Result<Option<Self>, String> {
        let mut options = Options {
            shape: Shape::Typical,
            limit: Limit::Bytes(100_000_000),
            page_bytes: None,
            format: Format::Files,
            seed: 1,
            out: PathBuf::new(),
        };
        let mut limits = 0;
        let mut outs = Vec::new();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "-h" || argument == "--help" {
                return Ok(None);
            }
            if argument == "-" || !argument.starts_with('-') {
                outs.push(PathBuf::from(argument));
                continue;
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument.as_str(), None),
            };
            let value = value.or_else(|| arguments.next().map(String::as_str));
            limits += usize::from(name == "--bytes" || name == "--pages");
            options.set(name, value)?;
        }
        if limits > 1 {
            return Err("--bytes and --pages: give one of them, once".into());
        }
        match <[PathBuf; 1]>::try_from(outs) {
            Ok([out]) if options.format == Format::Files && out == Path::new("-") => {
                Err("--format files needs a directory, not `-`".into())
            }
            Ok([out]) => Ok(Some(Options { out, ..options })),
            Err(outs) => Err(format!("one OUT is needed, {} given", outs.len())),
        }
    }

    fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let known = [
            "--shape",
            "--bytes",
            "--pages",
            "--page-bytes",
            "--format",
            "--seed",
        ];
        if !known.contains(&name) {
            return Err(format!("unknown option {name}"));
        }
        let value = value.ok_or_else(|| format!("{name} needs a value"))?;
        let wrong = || format!("{name} cannot be {value:?}");
        match name {
            "--shape" => self.shape = Shape::named(value).ok_or_else(wrong)?,
            "--bytes" => self.limit = Limit::Bytes(size(value).ok_or_else(wrong)?),
            "--pages" => self.limit = Limit::Pages(value.parse().map_err(|_| wrong())?),
            "--page-bytes" => {
                let bytes = size(value).and_then(|bytes| usize::try_from(bytes).ok());
                self.page_bytes = Some(bytes.ok_or_else(wrong)?);
            }
            "--format" => self.format = Format::named(value).ok_or_else(wrong)?,
            _ => self.seed = value.parse().map_err(|_| wrong())?,
        }
        Ok(())
    }
}

impl Format {
    fn named(name: &str) -> Option<Self> {
        match name {
            "files" => Some(Format::Files),
            "jsonl" => Some(Format::Jsonl),
            "text" => Some(Format::Text),
            _ => None,
        }
    }
}

/// A number of bytes with an optional unit: `1500`, `20K`, `1GB`, `64MiB`.
fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit {
        "" | "B" => 1,
        "K" | "KB" => 1_000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Makes the pages and writes them.
fn run(options: &Options) -> io::Result<()> {
    let start = Instant::now();
    let generator = Generator::new(options.seed);
    let mut sink = Sink::open(options.format, &options.out)?;
    let (mut pages, mut bytes) = (0, 0);
    while !options.limit.reached(pages, bytes) {
        let text = match options.page_bytes {
            Some(bytes) => generator.sized_page(options.shape, pages, bytes),
            None => generator.page(options.shape, pages),
        };
        sink.write(options.seed, pages, &text)?;
        pages += 1;
        bytes += text.len() as u64;
    }
    sink.close()?;
    let seconds = start.elapsed().as_secs_f64();
    complain(&format!(
        "{pages} pages, {bytes} bytes of text, {seconds:.2} s"
    ));
    Ok(())
}

impl Limit {
    fn reached(self, pages: u64, bytes: u64) -> bool {
        match self {
            Limit::Bytes(limit) => bytes >= limit,
            Limit::Pages(limit) => pages >= limit,
        }
    }
}

/// Where pages go.
enum Sink {
    Files {
        root: PathBuf,
        sites: HashSet<String>,
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
            Format::Files => Ok(Sink::Files {
                root: empty_directory(out)?,
                sites: HashSet::new(),
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
            Sink::Files { root, sites } => {
                let site = generate::site(seed, index);
                let directory = root.join(&site);
                if sites.insert(site) {
                    fs::create_dir_all(&directory).map_err(|error| about(&directory, &error))?;
                }
                let file = directory.join(format!("{}.txt", id(index)));
                fs::write(&file, text).map_err(|error| about(&file, &error))
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
    let (id, url, lang) = (
        id(index),
        generate::url(seed, index),
        generate::lang(seed, index),
    );
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

    fn parse(line: &str) -> Result<Option<Options>, String> {
        let arguments: Vec<String> = line.split_whitespace().map(String::from).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn sizes_have_units() {
        let sizes = ["7", "7K", "7KB", "2MiB", "1GB", "1GiB"].map(size);
        let bytes = [7, 7_000, 7_000, 2 << 20, 1_000_000_000, 1 << 30].map(Some);
        assert_eq!(sizes, bytes);
        assert_eq!(
            ["", "K", "1.5G", "-1", "7 K", "99999999999G"].map(size),
            [None; 6]
        );
    }

    #[test]
    fn options_are_read_in_any_order() {
        let options = parse("out --shape=near-equal --seed 9 --pages 3 --format jsonl");
        let options = options.expect("fine").expect("no help");
        assert_eq!(options.shape, Shape::NearEqual);
        assert_eq!((options.seed, options.limit), (9, Limit::Pages(3)));
        assert_eq!(
            (options.format, options.out),
            (Format::Jsonl, PathBuf::from("out"))
        );
    }

    #[test]
    fn wrong_options_are_refused() {
        let wrong = [
            "",
            "a b",
            "a --seed",
            "a --seed x",
            "a --nope 1",
            "a --bytes 1 --pages 1",
            "-",
        ];
        assert!(wrong.iter().all(|line| parse(line).is_err()));
        assert_eq!(parse("--help"), Ok(None));
    }

    #[test]
    fn json_is_escaped() {
        let mut row = Vec::new();
        escape("a\"b\\c\n\t\r\u{1}é\u{2028}".as_bytes(), &mut row);
        assert_eq!(row, "a\\\"b\\\\c\\n\\t\\r\\u0001é\u{2028}".as_bytes());
    }
}
