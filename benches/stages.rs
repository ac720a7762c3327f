//! Every stage of the engine on its own, over made-up pages.
//!
//! All rows of an input declare the same bytes, those of its pages' text, whatever the stage
//! reads: so the times of the stages add up to the whole page, and rows compare. A stage gets
//! what the stages before it made; that is prepared outside the clock. Every count that a
//! stage comes to is checked before it is timed. `README.md` beside this file explains the
//! rows and how to read them.

use std::collections::HashMap;
use std::hint::black_box;
use std::ops::RangeInclusive;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use dechaff::decide::Reason;
use dechaff::evidence::{Evidence, Needs};
use dechaff::fingerprint::Fingerprint;
use dechaff::generate::{self, Generator, Shape};
use dechaff::html::{render, render_with_structure};
use dechaff::normalize::normalize_into;
use dechaff::page::split_lines;
use dechaff::repeats::Repeats;
use dechaff::score::reference::{BestRun, TerminalPunctuation};
use dechaff::score::{LearnedScorer, PageFacts, Scorer, Scratch};
use dechaff::shape::measure;
use dechaff::shingle::{Shingles, find_blocks};
use dechaff::{Cleaner, Config, Workspace};

const SEED: u64 = 1;
/// Bytes of typical pages, some 370 of them.
const TYPICAL_BYTES: usize = 4_000_000;
/// Bytes of the one page of any other input.
const HOSTILE_BYTES: usize = 500_000;

/// What is cleaned, in the order of the report.
const SHAPES: [Shape; 7] = [
    // The ordinary load: pages of the web's sizes, one by one. Defeats nothing.
    Shape::Typical,
    // No line twice. Defeats caches of lines: every lookup misses and makes an entry.
    Shape::AllUnique,
    // One line, over and over. Defeats lists of a line's places, and any comparison of each
    // place with each other (quadratic).
    Shape::AllEqual,
    // `abab…`. Defeats short cuts for equal neighbours; every even offset matches to the end.
    Shape::Alternating,
    // One block said twice. Defeats windows: the copy is half a page away and half a page long.
    Shape::DoubledBlock,
    // Lines equal but for their last 16 bytes. Defeats tables by prefix, and comparisons that
    // hope to end early.
    Shape::NearEqual,
    // One-byte lines. Defeats costs per line: no bytes to spread them over.
    Shape::Short,
];

/// One input, with what each stage needs.
struct Input {
    shape: Shape,
    pages: Vec<Page>,
    bytes: u64,
}

/// A page, and what the stages make of it.
struct Page {
    text: Vec<u8>,
    evidence: Evidence,
    repeats: Repeats,
}

impl Page {
    fn new(text: Vec<u8>) -> Self {
        let (mut evidence, mut repeats) = (Evidence::default(), Repeats::default());
        evidence.gather(&text, Needs::PAGE);
        repeats.find(&evidence);
        Page {
            text,
            evidence,
            repeats,
        }
    }

    fn facts(&self) -> PageFacts<'_> {
        PageFacts {
            page: &self.text,
            evidence: &self.evidence,
            repeats: &self.repeats,
        }
    }
}

impl Input {
    fn new(generator: &Generator, shape: Shape) -> Self {
        let mut pages = Vec::new();
        let mut bytes = 0;
        if shape == Shape::Typical {
            for index in 0.. {
                let text = generator.page(shape, index);
                bytes += text.len();
                pages.push(Page::new(text));
                if bytes >= TYPICAL_BYTES {
                    break;
                }
            }
        } else {
            let text = generator.page_of_bytes(shape, HOSTILE_BYTES);
            bytes = text.len();
            pages.push(Page::new(text));
        }
        Input {
            shape,
            pages,
            bytes: bytes as u64,
        }
    }

    /// What a function of pages adds up to.
    fn sum(&self, count: impl FnMut(&Page) -> usize) -> usize {
        self.pages.iter().map(count).sum()
    }

    fn check(&self, what: &str, got: usize, expected: RangeInclusive<usize>) {
        let name = self.shape.name();
        assert!(
            expected.contains(&got),
            "{name}: {got} {what}, not {expected:?}"
        );
    }

    /// Lines that are not blank, counted by the standard library.
    fn lines(&self) -> usize {
        let is_visible = |line: &&str| !line.trim().is_empty();
        self.sum(|page| {
            let text = std::str::from_utf8(&page.text).expect("pages are UTF-8");
            text.lines().filter(is_visible).count()
        })
    }

    /// Blocks that must be found, given the page's lines and those that stood before.
    fn blocks(&self, lines: usize, copies: usize) -> RangeInclusive<usize> {
        match self.shape {
            Shape::AllUnique | Shape::NearEqual => 0..=0,
            Shape::DoubledBlock => 1..=1,
            // Each block is all that stands before it, once more.
            Shape::AllEqual => exactly(doublings(lines)),
            Shape::Alternating => exactly(doublings(lines) - 1),
            Shape::Typical | Shape::Short | Shape::Blank => 1..=copies,
        }
    }

    /// Lines that must go as repeats.
    fn removed_repeats(&self, lines: usize) -> RangeInclusive<usize> {
        match self.shape {
            Shape::Typical => 1..=lines / 10,
            Shape::DoubledBlock => exactly(lines / 2),
            // What stands often repeats by nature.
            _ => 0..=0,
        }
    }
}

fn exactly(count: usize) -> RangeInclusive<usize> {
    count..=count
}

/// How often one must be doubled to reach `lines`.
fn doublings(lines: usize) -> usize {
    lines.next_power_of_two().trailing_zeros() as usize
}

/// Times `work` on every page of every input.
fn time(
    group: &mut BenchmarkGroup<'_, WallTime>,
    row: &str,
    inputs: &[Input],
    mut work: impl FnMut(&Page) -> usize,
) {
    for input in inputs {
        group.throughput(Throughput::Bytes(input.bytes));
        group.bench_function(BenchmarkId::new(row, input.shape.name()), |bencher| {
            bencher.iter(|| {
                for page in &input.pages {
                    black_box(work(black_box(page)));
                }
            });
        });
    }
}

/// Lines and blank lines of a page.
fn split(criterion: &mut Criterion, inputs: &[Input]) {
    let mut lines = Vec::new();
    let mut work = |page: &Page| {
        lines.clear();
        split_lines(&page.text, &mut lines);
        lines.len()
    };
    for input in inputs {
        input.check("lines", input.sum(&mut work), exactly(input.lines()));
    }
    time(
        &mut criterion.benchmark_group("split"),
        "split_lines",
        inputs,
        work,
    );
}

/// The shape of each line.
fn shape(criterion: &mut Criterion, inputs: &[Input]) {
    let work = |page: &Page| {
        let lines = page.evidence.lines.iter();
        lines
            .map(|line| black_box(measure(line.text(&page.text))).words as usize)
            .sum()
    };
    for input in inputs {
        // Serials, titles and prefixes are words; a line has one at least.
        input.check("words", input.sum(work), input.lines()..=usize::MAX);
    }
    time(
        &mut criterion.benchmark_group("shape"),
        "measure",
        inputs,
        work,
    );
}

/// Normalised bytes and fingerprint of each line.
fn normalize(criterion: &mut Criterion, inputs: &[Input]) {
    let mut bytes = Vec::new();
    let mut fingerprints = Vec::new();
    let mut work = |page: &Page| {
        bytes.clear();
        fingerprints.clear();
        for line in &page.evidence.lines {
            let from = bytes.len();
            normalize_into(line.text(&page.text), &mut bytes);
            fingerprints.push(Fingerprint::of(&bytes[from..]));
        }
        bytes.len()
    };
    for input in inputs {
        let normalized = |page: &Page| {
            let lines = 0..page.evidence.lines.len();
            lines
                .map(|line| page.evidence.normalized(line).len())
                .sum::<usize>()
        };
        input.check(
            "normalised bytes",
            input.sum(&mut work),
            exactly(input.sum(normalized)),
        );
    }
    time(
        &mut criterion.benchmark_group("normalize"),
        "normalize_and_fingerprint",
        inputs,
        work,
    );
}

/// Repeated blocks from fingerprints, and beside them the plain way: a set of lines.
fn shingles(criterion: &mut Criterion, inputs: &[Input]) {
    let mut shingles = Shingles::default();
    for input in inputs {
        let lines = input.lines();
        let copies = input.sum(naive_copies);
        let mut blocks = 0;
        let in_blocks = input.sum(|page| {
            find_blocks(&page.evidence.fingerprints, &mut shingles);
            blocks += shingles.blocks.len();
            shingles.blocks.iter().map(|block| block.lines).sum()
        });
        input.check("lines in blocks", in_blocks, exactly(copies));
        input.check("blocks", blocks, input.blocks(lines, copies));
    }
    let mut group = criterion.benchmark_group("shingles");
    time(&mut group, "find_blocks", inputs, |page| {
        find_blocks(&page.evidence.fingerprints, &mut shingles);
        shingles.blocks.len()
    });
    time(&mut group, "naive_line_map", inputs, naive_copies);
}

/// Lines that stand earlier on the page, as one would count them first: a map of owned
/// strings. Knows no blocks, and needs no fingerprints.
fn naive_copies(page: &Page) -> usize {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut copies = 0;
    for line in 0..page.evidence.lines.len() {
        let text = String::from_utf8_lossy(page.evidence.normalized(line)).into_owned();
        copies += usize::from(*places.entry(text).or_insert(line) != line);
    }
    copies
}

/// Which copies go, by the rules of page scope.
fn repeats(criterion: &mut Criterion, inputs: &[Input]) {
    let mut repeats = Repeats::default();
    for input in inputs {
        let removed = input.sum(|page| {
            repeats.find(&page.evidence);
            let lines = 0..page.evidence.lines.len();
            lines.filter(|&line| repeats.of(line).is_some()).count()
        });
        input.check(
            "lines removed",
            removed,
            input.removed_repeats(input.lines()),
        );
    }
    time(
        &mut criterion.benchmark_group("repeats"),
        "find",
        inputs,
        |page| {
            repeats.find(&page.evidence);
            page.evidence.lines.len()
        },
    );
}

/// The scorer of the program, and the two rules it is compared with.
fn score(criterion: &mut Criterion, inputs: &[Input]) {
    let mut group = criterion.benchmark_group("score");
    let (mut scratch, mut scores) = (Scratch::default(), Vec::new());
    let learned = LearnedScorer::default();
    let scorers: [(&str, &dyn Scorer); 3] = [
        ("learned", &learned),
        ("terminal_punctuation", &TerminalPunctuation),
        ("best_run", &BestRun),
    ];
    for (name, scorer) in scorers {
        for input in inputs {
            let mut boilerplate = 0;
            let scored = input.sum(|page| {
                scorer.score(&page.facts(), &mut scratch, &mut scores);
                boilerplate += scores.iter().filter(|score| score.context >= 0.5).count();
                scores.len()
            });
            input.check("scores", scored, exactly(input.lines()));
            if input.shape == Shape::Typical {
                input.check("boilerplate lines", boilerplate, 1..=scored - 1);
            }
        }
        time(&mut group, name, inputs, |page| {
            scorer.score(&page.facts(), &mut scratch, &mut scores);
            scores.len()
        });
    }
}

/// All stages and the decisions: what a caller of the library pays a page.
fn page(criterion: &mut Criterion, inputs: &[Input]) {
    let mut group = criterion.benchmark_group("page");
    for (row, scores) in [("scored", true), ("unscored", false)] {
        let config = Config {
            score: scores,
            ..Config::default()
        };
        let cleaner = Cleaner::new(config).expect("a good config");
        let mut workspace = Workspace::default();
        for input in inputs {
            let (mut repeats, mut boilerplate) = (0, 0);
            let decided = input.sum(|page| {
                let cleaned = cleaner.clean_page_with(&page.text, &mut workspace);
                for verdict in cleaned.verdicts() {
                    repeats += usize::from(matches!(verdict.reason, Reason::Repeat { .. }));
                    boilerplate += usize::from(verdict.reason == Reason::Boilerplate);
                }
                let decided = cleaned.verdicts().len();
                workspace.reclaim(cleaned);
                decided
            });
            let lines = input.lines();
            input.check("lines decided", decided, exactly(lines));
            let copies = input.removed_repeats(lines);
            // With scores, copies of a line that goes by its score are no repeats.
            let least = if scores { 0 } else { *copies.start() };
            input.check("lines removed", repeats, least..=*copies.end());
            if !scores {
                input.check("boilerplate lines", boilerplate, 0..=0);
            } else if input.shape == Shape::Typical {
                input.check("boilerplate lines", boilerplate, 1..=lines - 1);
            }
        }
        time(&mut group, row, inputs, |page| {
            let cleaned = cleaner.clean_page_with(&page.text, &mut workspace);
            let decided = cleaned.verdicts().len();
            workspace.reclaim(cleaned);
            decided
        });
    }
}

/// HTML to lines, with and without their places in the markup. The bytes declared are those
/// of the HTML.
fn html(criterion: &mut Criterion, typical: &Input) {
    let mut lines = 0;
    let pages: Vec<Vec<u8>> = typical
        .pages
        .iter()
        .map(|page| {
            let text = std::str::from_utf8(&page.text).expect("pages are UTF-8");
            let html = generate::html(text);
            lines += render(&html).iter().filter(|byte| **byte == b'\n').count();
            html
        })
        .collect();
    typical.check("lines rendered", lines, exactly(typical.lines()));
    let bytes: usize = pages.iter().map(Vec::len).sum();
    let mut group = criterion.benchmark_group("html");
    group.throughput(Throughput::Bytes(bytes as u64));
    type Work = fn(&[u8]) -> usize;
    let rows: [(&str, Work); 2] = [
        ("render", |html| render(html).len()),
        ("render_with_structure", |html| {
            render_with_structure(html).structure.lines.len()
        }),
    ];
    for (row, work) in rows {
        group.bench_function(BenchmarkId::new(row, typical.shape.name()), |bencher| {
            bencher.iter(|| {
                for page in &pages {
                    black_box(work(black_box(page)));
                }
            });
        });
    }
}

fn stages(criterion: &mut Criterion) {
    let generator = Generator::new(SEED);
    let inputs = SHAPES.map(|shape| Input::new(&generator, shape));
    split(criterion, &inputs);
    shape(criterion, &inputs);
    normalize(criterion, &inputs);
    shingles(criterion, &inputs);
    repeats(criterion, &inputs);
    score(criterion, &inputs);
    page(criterion, &inputs);
    html(criterion, &inputs[0]);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500));
    targets = stages
}
criterion_main!(benches);
