//! The whole pipeline: files and a stream of JSON lines in, a report out.
//!
//! Some 2,000 made-up pages, 22 MB. Bytes are those that are read, containers included. The
//! files come from the system's cache, as they were written just before; `TMPDIR` decides
//! which file system the tree is written to. What a run came to is
//! checked before it is timed: pages, lines and bytes, and that the number of threads changes
//! nothing. `README.md` beside this file explains the rows.

use std::fs;
use std::hint::black_box;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use dechaff::generate::{self, Generator, Shape};
use dechaff::pipeline::{PassOne, RunOptions, SideFiles, Silent, clean, index_corpus};
use dechaff::report::Counts;
use dechaff::sink::Sink;
use dechaff::sink::atomic::TEMPORARY_PREFIX;
use dechaff::sink::discard::Discard;
use dechaff::sink::tree::Tree;
use dechaff::source::FileEntry;
use dechaff::source::inputs::{Input, InputFormat, Inputs, Links, StreamReader};
use dechaff::{Cleaner, Config};
use tempfile::TempDir;

const SEED: u64 = 1;
const PAGES: u64 = 2_000;
const THREADS: [usize; 2] = [1, 2];

/// The same pages in both containers, and what they hold.
struct Corpus {
    files: TempDir,
    file_bytes: u64,
    jsonl: Arc<[u8]>,
    lines: u64,
}

impl Corpus {
    fn new() -> Self {
        let generator = Generator::new(SEED);
        let files = TempDir::new().expect("a directory");
        let mut jsonl = Vec::new();
        let (mut file_bytes, mut lines) = (0, 0);
        for index in 0..PAGES {
            let text = generator.page(Shape::Typical, index);
            let text = String::from_utf8(text).expect("pages are UTF-8");
            file_bytes += text.len() as u64;
            lines += text.lines().count() as u64;
            let site = files.path().join(generate::site(SEED, index));
            fs::create_dir_all(&site).expect("a directory");
            fs::write(site.join(format!("p{index:06}.txt")), &text).expect("a file");
            let row = serde_json::json!({ "id": index, "text": text });
            writeln!(jsonl, "{row}").expect("memory");
        }
        Corpus {
            files,
            file_bytes,
            jsonl: jsonl.into(),
            lines,
        }
    }

    fn files(&self) -> Inputs {
        let input = Input::Directory {
            path: self.files.path().to_path_buf(),
            name: PathBuf::new(),
            links: Links::default(),
        };
        inputs(input, InputFormat::Auto)
    }

    fn rows(&self) -> Inputs {
        let file = FileEntry::new(PathBuf::from("-"), PathBuf::from("-"));
        let reader = Cursor::new(Arc::clone(&self.jsonl));
        let input = Input::Stream(file, StreamReader(Box::new(reader)));
        inputs(input, InputFormat::Jsonl)
    }

    fn check(&self, counts: &Counts, bytes_read: u64) {
        assert_eq!(counts.pages, PAGES);
        assert_eq!(counts.lines, self.lines);
        assert_eq!(counts.bytes_in, self.file_bytes);
        assert_eq!(counts.bytes_read, bytes_read);
        assert_eq!(counts.problems, 0);
        assert!(counts.adds_up());
        assert!(counts.repeat.lines > 0 && counts.boilerplate.lines > 0);
        assert!(counts.bytes_kept > counts.bytes_in / 10);
    }
}

fn inputs(input: Input, format: InputFormat) -> Inputs {
    Inputs::new(vec![input], format, RunOptions::default().max_page_bytes)
}

/// Cleans a source into a sink.
fn run(cleaner: &Cleaner, mut source: Inputs, sink: &dyn Sink, threads: usize) -> Counts {
    let options = RunOptions {
        threads,
        ..RunOptions::default()
    };
    let side_files = SideFiles::default();
    clean(
        cleaner,
        &mut source,
        sink,
        side_files,
        &mut Silent,
        &options,
    )
    .expect("a run to its end")
}

/// Directories that were written to. They stay until the bench ends: on ext4 a run right
/// behind the deletion of many files took four to ten times as long to make its own.
#[derive(Default)]
struct Trees(Vec<TempDir>);

impl Trees {
    /// A new tree to write to, in a directory of its own.
    fn grow(&mut self) -> Tree {
        let directory = TempDir::new().expect("a directory");
        let tree = Tree::new(directory.path(), TEMPORARY_PREFIX).expect("a tree");
        self.0.push(directory);
        tree
    }

    /// Files in the last tree, and their bytes.
    fn measure_last(&self) -> (u64, u64) {
        measure(self.0.last().expect("a tree").path())
    }
}

/// Files below a directory, and their bytes.
fn measure(directory: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let metadata = entry.metadata().expect("its metadata");
        let below = if metadata.is_dir() {
            measure(&entry.path())
        } else {
            (1, metadata.len())
        };
        files += below.0;
        bytes += below.1;
    }
    (files, bytes)
}

/// Pass one, then cleaning with its index.
fn run_twice(corpus: &Corpus, threads: usize) -> Counts {
    let config = Config::default();
    let options = RunOptions {
        threads,
        ..RunOptions::default()
    };
    let mut source = corpus.files();
    let pass = PassOne::default();
    let index = index_corpus(&config, &mut source, pass, &mut Silent, &options);
    let index = Arc::new(index.expect("a run to its end"));
    let cleaner = Cleaner::new(config)
        .expect("a good config")
        .with_index(index);
    run(&cleaner, corpus.files(), &Discard, threads)
}

fn end_to_end(criterion: &mut Criterion) {
    let corpus = Corpus::new();
    let row_bytes = corpus.jsonl.len() as u64;
    let cleaner = Cleaner::new(Config::default()).expect("a good config");

    let mut trees = Trees::default();

    let expected = run(&cleaner, corpus.files(), &Discard, 1);
    corpus.check(&expected, corpus.file_bytes);
    for threads in THREADS {
        let counts = run(&cleaner, corpus.files(), &Discard, threads);
        assert_eq!(counts, expected);
        let counts = run(&cleaner, corpus.rows(), &Discard, threads);
        corpus.check(&counts, row_bytes);
        assert_eq!(counts.bytes_kept, expected.bytes_kept);
        let counts = run(&cleaner, corpus.files(), &trees.grow(), threads);
        assert_eq!(counts, expected);
        assert_eq!(trees.measure_last(), (PAGES, counts.bytes_kept));
    }

    let twice = run_twice(&corpus, 1);
    assert!(twice.template.lines > 0 && twice.bytes_kept < expected.bytes_kept);
    assert_eq!(run_twice(&corpus, 2), twice);

    let mut group = criterion.benchmark_group("end_to_end");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Bytes(corpus.file_bytes));
    for threads in THREADS {
        group.bench_function(BenchmarkId::new("files_to_discard", threads), |bencher| {
            bencher.iter(|| black_box(run(&cleaner, corpus.files(), &Discard, threads)));
        });
    }
    for threads in THREADS {
        group.bench_function(BenchmarkId::new("files_to_tree", threads), |bencher| {
            bencher.iter_batched(
                || trees.grow(),
                |tree| run(&cleaner, corpus.files(), &tree, threads),
                BatchSize::PerIteration,
            );
        });
    }
    for threads in THREADS {
        group.bench_function(BenchmarkId::new("files_two_passes", threads), |bencher| {
            bencher.iter(|| black_box(run_twice(&corpus, threads)));
        });
    }
    group.throughput(Throughput::Bytes(row_bytes));
    for threads in THREADS {
        group.bench_function(BenchmarkId::new("jsonl_to_discard", threads), |bencher| {
            bencher.iter(|| black_box(run(&cleaner, corpus.rows(), &Discard, threads)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = end_to_end
}
criterion_main!(benches);
