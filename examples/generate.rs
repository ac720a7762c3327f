//! Writes a made-up corpus: see `cargo run --release --example generate -- --help`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use dechaff::generate::Shape;
use dechaff::generate::corpus::{self, Format, Limit, Made, Recipe};

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
                     html: the same as HTML
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
    recipe: Recipe,
    out: PathBuf,
}

impl Options {
    /// `None` when help is asked for.
    fn parse(arguments: &[String]) -> Result<Option<Self>, String> {
        let mut recipe = Recipe {
            seed: 1,
            shape: Shape::Typical,
            limit: Limit::Bytes(100_000_000),
            page_bytes: None,
            format: Format::Files,
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
            set(&mut recipe, name, value)?;
        }
        if limits > 1 {
            return Err("--bytes and --pages: give one of them, once".into());
        }
        match <[PathBuf; 1]>::try_from(outs) {
            Ok([out])
                if matches!(recipe.format, Format::Files | Format::Html)
                    && out == Path::new("-") =>
            {
                Err("--format files and html need a directory, not `-`".into())
            }
            Ok([out]) => Ok(Some(Options { recipe, out })),
            Err(outs) => Err(format!("one OUT is needed, {} given", outs.len())),
        }
    }
}

fn set(recipe: &mut Recipe, name: &str, value: Option<&str>) -> Result<(), String> {
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
        "--shape" => recipe.shape = Shape::named(value).ok_or_else(wrong)?,
        "--bytes" => recipe.limit = Limit::Bytes(size(value).ok_or_else(wrong)?),
        "--pages" => recipe.limit = Limit::Pages(value.parse().map_err(|_| wrong())?),
        "--page-bytes" => {
            let bytes = size(value).and_then(|bytes| usize::try_from(bytes).ok());
            recipe.page_bytes = Some(bytes.ok_or_else(wrong)?);
        }
        "--format" => recipe.format = Format::named(value).ok_or_else(wrong)?,
        _ => recipe.seed = value.parse().map_err(|_| wrong())?,
    }
    Ok(())
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

fn run(options: &Options) -> io::Result<()> {
    let start = Instant::now();
    let Made { pages, bytes } = corpus::write(&options.recipe, &options.out)?;
    let seconds = start.elapsed().as_secs_f64();
    complain(&format!(
        "{pages} pages, {bytes} bytes of text, {seconds:.2} s"
    ));
    Ok(())
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
        let recipe = Recipe {
            seed: 9,
            shape: Shape::NearEqual,
            limit: Limit::Pages(3),
            page_bytes: None,
            format: Format::Jsonl,
        };
        let out = PathBuf::from("out");
        assert_eq!(options, Options { recipe, out });
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
}
