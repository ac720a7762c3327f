//! A directory of files, the program run in it, what came of it.
//!
//! Each test program uses its part of this.
#![allow(dead_code)]

pub mod index;
pub mod letters;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use arrow_array::RecordBatch;
use assert_cmd::Command;
use assert_cmd::cargo::{cargo_bin, cargo_bin_cmd};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use dechaff::source::packed::{Packing, Unpacker};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use tempfile::TempDir;

/// The UTF-8 byte-order mark.
pub const MARK: &[u8] = b"\xef\xbb\xbf";

/// A page with a doubled headline, a doubled caption, a run of blank lines, and blank lines
/// at both ends.
pub const FERRY: &str = "\n\
Harbour ferry returns to service after a winter of repairs\n\
Harbour ferry returns to service after a winter of repairs\n\
\n\
\n\
The ferry leaves the eastern pier on its first morning back at work\n\
The ferry leaves the eastern pier on its first morning back at work\n\
\n\
The oldest ferry in the harbour carried passengers again on Monday, after engineers had \
spent four months on a hull that was older than most of them.\n\
\n\
The next inspection is due in three years, when the council will decide whether the boat \
is to be replaced by a larger one.\n\
\n";

/// What stays of [`FERRY`] when nothing is scored.
pub const FERRY_BODY: &str = "\
Harbour ferry returns to service after a winter of repairs\n\
\n\
The ferry leaves the eastern pier on its first morning back at work\n\
\n\
The oldest ferry in the harbour carried passengers again on Monday, after engineers had \
spent four months on a hull that was older than most of them.\n\
\n\
The next inspection is due in three years, when the council will decide whether the boat \
is to be replaced by a larger one.\n";

/// A page that comes out as it is when nothing is scored.
pub const PLAIN: &str = "The tide came in at noon and was gone again by the evening.\n";

/// A Parquet file with a row group for each table, or several where the properties say so.
pub fn parquet_file(tables: &[RecordBatch], properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let schema = tables[0].schema();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties)).expect("a file");
    for table in tables {
        writer.write(table).expect("rows");
        writer.flush().expect("a row group");
    }
    writer.close().expect("a footer");
    bytes
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Directory,
    File(Vec<u8>),
    Link(PathBuf),
    Special,
}

/// Everything below a directory, by relative path.
pub type Tree = BTreeMap<PathBuf, Entry>;

/// A temporary directory in which the program runs.
pub struct Place {
    directory: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Place {
            directory: TempDir::new().expect("a temporary directory"),
        }
    }

    /// A place that holds files.
    pub fn with<N: AsRef<Path>, B: AsRef<[u8]>>(files: impl IntoIterator<Item = (N, B)>) -> Self {
        let place = Place::new();
        for (name, bytes) in files {
            place.file(name, bytes);
        }
        place
    }

    /// Writes a file, its directories made.
    pub fn file(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories can be made");
        fs::write(path, bytes).expect("a file can be written");
        self
    }

    pub fn directory(&self, name: impl AsRef<Path>) -> &Self {
        fs::create_dir_all(self.path(name)).expect("a directory can be made");
        self
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let name = name.as_ref();
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{}: {error}", name.display()))
    }

    pub fn read_text(&self, name: impl AsRef<Path>) -> String {
        String::from_utf8(self.read(name)).expect("the file is UTF-8")
    }

    pub fn read_json(&self, name: impl AsRef<Path>) -> Value {
        serde_json::from_slice(&self.read(name)).expect("the file is JSON")
    }

    /// Everything below a directory of the place.
    pub fn tree(&self, name: impl AsRef<Path>) -> Tree {
        let mut tree = Tree::new();
        gather(&self.path(name), Path::new(""), &mut tree);
        tree
    }

    /// The files below a directory of the place.
    pub fn files(&self, name: impl AsRef<Path>) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = self.tree(name).into_iter();
        files
            .filter_map(|(name, entry)| match entry {
                Entry::File(bytes) => Some((name, bytes)),
                _ => None,
            })
            .collect()
    }

    /// `dechaff clean ARGUMENTS`, to be run in this place.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = cargo_bin_cmd!("dechaff");
        command
            .current_dir(self.directory.path())
            .env_remove("DECHAFF_THREADS")
            .arg("clean")
            .args(arguments)
            .timeout(std::time::Duration::from_secs(300));
        command
    }

    /// The same as a plain process, for tests that talk to it while it runs.
    pub fn process<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> std::process::Command {
        let mut command = std::process::Command::new(cargo_bin!("dechaff"));
        command
            .current_dir(self.directory.path())
            .env_remove("DECHAFF_THREADS")
            .arg("clean")
            .args(arguments);
        command
    }

    /// Runs `dechaff clean ARGUMENTS` with nothing on standard input.
    pub fn clean<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        self.clean_with_input(arguments, b"")
    }

    /// Runs `dechaff clean ARGUMENTS` with bytes on standard input.
    /// As [`Place::clean`] without scores, with ledger, rejects and run record in the files of
    /// these names; the exit code is as expected.
    #[track_caller]
    pub fn clean_unscored(&self, arguments: &[&str], code: i32) -> Outcome {
        let options = [
            "-q",
            "--no-score",
            "--removed",
            "ledger",
            "--stats",
            "stats",
            "--rejects",
            "rejects",
            "--overwrite",
        ];
        self.clean(arguments.iter().chain(&options)).expect(code)
    }

    pub fn clean_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: impl AsRef<[u8]>,
    ) -> Outcome {
        let output = self
            .command(arguments)
            .write_stdin(input.as_ref())
            .output()
            .expect("the program runs");
        Outcome::new(output)
    }

    /// Runs the program from a shell: `script` has its path as `$0` and the arguments as `$@`.
    pub fn in_shell(&self, script: &str, arguments: &[&str]) -> Outcome {
        let program = self.process([""; 0]);
        let output = std::process::Command::new("sh")
            .args(["-c", script])
            .arg(program.get_program())
            .args(arguments)
            .current_dir(self.path(""))
            .stdin(Stdio::null())
            .output()
            .expect("a shell runs");
        Outcome::new(output)
    }

    /// The ledger rows of a file.
    pub fn ledger(&self, name: impl AsRef<Path>) -> Vec<LedgerRow> {
        self.read_text(name).lines().map(LedgerRow::parse).collect()
    }

    /// The `counts` of a run record, after a check that they add up.
    pub fn counts(&self, name: impl AsRef<Path>) -> Value {
        let counts = self.read_json(name)["counts"].clone();
        assert!(adds_up(&counts), "{counts:#}");
        counts
    }
}

fn gather(directory: &Path, prefix: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(directory).expect("a directory can be read") {
        let entry = entry.expect("an entry can be read");
        let kind = entry.file_type().expect("a type can be read");
        let name = prefix.join(entry.file_name());
        let found = if kind.is_symlink() {
            Entry::Link(fs::read_link(entry.path()).expect("a link can be read"))
        } else if kind.is_dir() {
            gather(&entry.path(), &name, tree);
            Entry::Directory
        } else if kind.is_file() {
            // Root reads everything; others skip what a test made unreadable.
            Entry::File(fs::read(entry.path()).unwrap_or_default())
        } else {
            Entry::Special
        };
        tree.insert(name, found);
    }
}

/// What packed bytes hold, which are whole; plain ones as they are.
pub fn unpacked(bytes: Vec<u8>) -> Vec<u8> {
    let Some(packing) = Packing::told(&bytes) else {
        return bytes;
    };
    let mut plain = Vec::new();
    Unpacker::new(packing, Box::new(Cursor::new(bytes)))
        .read_to_end(&mut plain)
        .expect("whole");
    plain
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Outcome {
    pub fn new(output: std::process::Output) -> Self {
        let stderr = String::from_utf8(output.stderr).expect("messages are UTF-8");
        assert!(!stderr.contains("panicked"), "{stderr}");
        Outcome {
            code: output.status.code(),
            stdout: output.stdout,
            stderr,
        }
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    /// Checks that exactly these lines came on standard error (of a run with `--quiet`).
    #[track_caller]
    pub fn says(&self, lines: &[&str]) {
        assert_eq!(self.stderr.lines().collect::<Vec<_>>(), lines);
    }

    /// What came on standard output.
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("text")
    }

    #[track_caller]
    pub fn mentions(&self, text: &str) {
        assert!(self.stderr.contains(text), "{text:?} in {}", self.stderr);
    }
}

/// A figure of a comparison as JSON, by its name.
#[track_caller]
pub fn figure<'c>(comparison: &'c Value, name: &str) -> &'c Value {
    let figures = comparison["figures"].as_array().expect("figures");
    let found = figures.iter().find(|figure| figure["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {comparison:#}"))
}

/// Whether bytes in = kept + removed + rejected.
pub fn adds_up(counts: &Value) -> bool {
    let number = |value: &Value| value.as_u64().expect("a count");
    let removed: u64 = ["blank", "template", "repeat", "duplicate", "boilerplate"]
        .iter()
        .map(|reason| number(&counts[reason]["bytes"]))
        .sum();
    let out = number(&counts["bytes_kept"]) + removed + number(&counts["bytes_rejected"]);
    number(&counts["bytes_in"]) == out
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerRow {
    pub page: String,
    /// The page's name byte for byte.
    pub page_bytes: Vec<u8>,
    pub line: usize,
    pub start: usize,
    pub end: usize,
    pub bytes: Vec<u8>,
    pub reason: String,
    pub score: f64,
    /// Page and line that stays instead.
    pub of: Option<(String, usize)>,
}

impl LedgerRow {
    /// Takes a row apart; every field of the contract must be there.
    pub fn parse(row: &str) -> Self {
        let row: Value = serde_json::from_str(row).expect("a ledger row is JSON");
        let number = |value: &Value| value.as_u64().expect("a number") as usize;
        let string = |value: &Value| value.as_str().expect("a string").to_owned();
        let bytes = match (row.get("text"), row.get("text_b64")) {
            (Some(text), None) => string(text).into_bytes(),
            (None, Some(text)) => BASE64.decode(string(text)).expect("base64"),
            _ => panic!("either text or text_b64: {row}"),
        };
        let page_bytes = match row.get("page_b64") {
            Some(name) => BASE64.decode(string(name)).expect("base64"),
            None => string(&row["page"]).into_bytes(),
        };
        LedgerRow {
            page: string(&row["page"]),
            page_bytes,
            line: number(&row["line"]),
            start: number(&row["start"]),
            end: number(&row["end"]),
            bytes,
            reason: string(&row["reason"]),
            score: row["score"].as_f64().expect("a score"),
            of: row
                .get("of")
                .map(|of| (string(&of["page"]), number(&of["line"]))),
        }
    }
}

/// The rows of one page.
pub fn rows_of<'r>(ledger: &'r [LedgerRow], page: &str) -> Vec<&'r LedgerRow> {
    ledger.iter().filter(|row| row.page == page).collect()
}

/// Puts a page's text together again from what was kept and what was removed.
pub fn rebuild<'r>(kept: &[u8], rows: impl IntoIterator<Item = &'r LedgerRow>) -> Vec<u8> {
    let mut page = Vec::new();
    let mut rest = kept;
    for row in rows {
        let gap = row.start.checked_sub(page.len()).expect("rows in order");
        assert!(gap <= rest.len(), "{row:?} begins behind the page's end");
        let (before, behind) = rest.split_at(gap);
        page.extend_from_slice(before);
        page.extend_from_slice(&row.bytes);
        rest = behind;
        assert_eq!(page.len(), row.end, "{row:?}");
    }
    page.extend_from_slice(rest);
    page
}

/// A page's text: its bytes without a byte-order mark.
pub fn text_of(page: &[u8]) -> &[u8] {
    page.strip_prefix(MARK).unwrap_or(page)
}

/// Numbers that look random and are the same everywhere.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Numbers(seed)
    }

    /// The next number below `limit` (splitmix64).
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// How many things a test makes: as many as the environment says, else `usual`.
pub fn count_from(variable: &str, usual: usize) -> usize {
    match std::env::var(variable) {
        Ok(count) => count.parse().expect("a number"),
        Err(_) => usual,
    }
}

/// Makes a named pipe; false, said aloud, where that cannot be done.
pub fn make_pipe(path: &Path) -> bool {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    let is_made = made.is_ok_and(|status| status.success());
    if !is_made {
        skip("no mkfifo here");
    }
    is_made
}

/// Says on standard error that a test, or a part of one, did not run here.
#[allow(clippy::print_stderr)]
pub fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
}

impl Place {
    /// Runs `dechaff index ARGUMENTS` with nothing on standard input.
    pub fn index<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        let output = cargo_bin_cmd!("dechaff")
            .current_dir(self.directory.path())
            .env_remove("DECHAFF_THREADS")
            .arg("index")
            .args(arguments)
            .timeout(std::time::Duration::from_secs(300))
            .output()
            .expect("the program runs");
        Outcome::new(output)
    }
}
