//! Runs in, what sets them apart out: speed, cost, what each removed, accuracy, with intervals and
//! verdicts.
//!
//! A [`Side`] is what one argument of `dechaff compare` names: run records, accuracy, timings of
//! criterion or hyperfine. [`Comparison::of`] sets every side beside the first; the result is a
//! value, [`gate`] asks it questions, [`show`] writes it.
//!
//! What is said is said with care: runs over other corpora are refused, runs on another machine
//! have no verdict on speed, and what an interval holds may be chance.

pub mod accuracy;
pub mod gate;
mod import;
pub mod ledgers;
mod page;
pub mod show;
pub mod side;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::record::{Cache, Repeat, RunRecord, SiteCounts};
use accuracy::Flips;
use gate::GateResult;
use ledgers::LedgerDiff;
pub use side::{Side, Timing};
use verdict::{Better, Figure, Why};

/// The version of the form that a comparison is written in.
pub const SCHEMA_VERSION: u32 = 1;

/// Sites listed where they changed most.
const MAX_SITES: usize = 10;

/// Why sides are not compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A file or directory cannot be read, or holds nothing that is known.
    #[error("{path}: {why}")]
    Input {
        /// As the user named it.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two sides read something else.
    #[error(
        "{a} and {b} are runs over other corpora ({why}); --allow corpus compares them all the same"
    )]
    OtherCorpus {
        /// The first side.
        a: String,
        /// The other.
        b: String,
        /// What differs.
        why: String,
    },
    /// Two sides have nothing that can be compared.
    #[error("{a} and {b} have nothing in common: {a} holds {holds_a}, {b} holds {holds_b}")]
    NothingInCommon {
        /// The first side.
        a: String,
        /// The other.
        b: String,
        /// What the first holds.
        holds_a: String,
        /// What the other holds.
        holds_b: String,
    },
    /// A gate asks for what is not there.
    #[error("{0}")]
    Gate(String),
}

/// What is compared although it should not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Runs over other corpora.
    pub corpus: bool,
    /// Speeds of other machines.
    pub machine: bool,
}

/// Sides, each set beside the first.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether all sides wrote the same bytes; None where that is not known.
    pub same_output: Option<bool>,
    /// What each side holds.
    pub sides: Vec<SideSummary>,
    /// All figures of all pairs.
    pub figures: Vec<Figure>,
    /// Each side but the first with the first.
    pub pairs: Vec<Pair>,
    /// What the gates said.
    pub gates: Vec<GateResult>,
}

/// What a side holds.
#[derive(Clone, Debug, Serialize)]
pub struct SideSummary {
    /// As the user named it.
    pub name: String,
    /// Runs that have a record.
    pub runs: usize,
    /// Named timings of other tools.
    pub timings: usize,
    /// Whether it holds accuracy.
    pub has_accuracy: bool,
    /// Version of the program, and how it was built, where that is known.
    pub program: Option<String>,
    /// Digest of the output of the first run.
    pub output_digest: Option<String>,
    /// Median of speeds, in MB/s.
    pub mb_per_second: Option<f64>,
    /// Mean F1 of lines, from 0 to 1.
    pub line_f1: Option<f64>,
    /// Mean F1 of words, from 0 to 1.
    pub word_f1: Option<f64>,
}

/// A side beside the first.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// The first side.
    pub a: String,
    /// The other.
    pub b: String,
    /// Whether both wrote the same bytes; None where that is not known.
    pub same_output: Option<bool>,
    /// Settings that differ.
    pub settings: Vec<Differing>,
    /// What else is to be known before the figures are read.
    pub notes: Vec<String>,
    /// What stages cost.
    pub stages: Vec<StagePair>,
    /// What was removed, by reason.
    pub removed: Vec<RemovedPair>,
    /// Sites of which most changed.
    pub sites: Vec<SitePair>,
    /// The removed lines that differ, where both ledgers are at hand.
    pub ledgers: Option<LedgerDiff>,
    /// Lines of labelled pages that changed sides.
    pub flips: Option<Flips>,
}

/// A setting, on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differing {
    /// Its name.
    pub name: String,
    /// The first side's; null where it has none.
    pub a: Value,
    /// The other's.
    pub b: Value,
}

/// A stage on both sides: thread-seconds, medians over runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StagePair {
    /// The stage.
    pub stage: String,
    /// 1 or 2.
    pub pass: u32,
    /// The first side's seconds; None where it had no such stage.
    pub a: Option<f64>,
    /// The other's.
    pub b: Option<f64>,
}

/// What went for a reason, on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RemovedPair {
    /// The reason.
    pub reason: String,
    /// Lines on the first side.
    pub lines_a: u64,
    /// Bytes on the first side.
    pub bytes_a: u64,
    /// Lines on the other.
    pub lines_b: u64,
    /// Bytes on the other.
    pub bytes_b: u64,
}

/// What went of a site, on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SitePair {
    /// The site.
    pub site: String,
    /// Bytes of its text.
    pub bytes_in: u64,
    /// Bytes by reason, where they differ.
    pub removed: Vec<RemovedPair>,
}

impl Comparison {
    /// Sets every side beside the first. There are two at least.
    ///
    /// # Errors
    ///
    /// [`CompareError::OtherCorpus`], [`CompareError::NothingInCommon`]; a ledger that cannot be
    /// read.
    pub fn of(sides: &[Side], allowed: Allowed) -> Result<Self, CompareError> {
        let mut figures = Vec::new();
        let mut pairs = Vec::new();
        let (first, others) = sides.split_first().expect("there are two sides at least");
        for other in others {
            let pair = Pairing {
                a: first,
                b: other,
                allowed,
            };
            let (pair, mut own) = pair.compare()?;
            pairs.push(pair);
            figures.append(&mut own);
        }
        let is_same = pairs.iter().all(|pair| pair.same_output == Some(true));
        let differs = pairs.iter().any(|pair| pair.same_output == Some(false));
        Ok(Comparison {
            schema_version: SCHEMA_VERSION,
            same_output: match differs {
                true => Some(false),
                false => is_same.then_some(true),
            },
            sides: sides.iter().map(SideSummary::of).collect(),
            figures,
            pairs,
            gates: Vec::new(),
        })
    }

    /// The figures of a pair.
    pub fn figures_of<'c>(&'c self, pair: &'c Pair) -> impl Iterator<Item = &'c Figure> {
        let of_pair = |figure: &&Figure| figure.side == pair.b && figure.to == pair.a;
        self.figures.iter().filter(of_pair)
    }
}

impl SideSummary {
    fn of(side: &Side) -> Self {
        let record = side.records.first();
        let mean = side.mean();
        SideSummary {
            name: side.name.clone(),
            runs: side.runs(),
            timings: side.timings.len(),
            has_accuracy: side.accuracy.is_some(),
            program: record.map(|record| {
                let build = record.build.as_ref();
                let built = build.map_or_else(String::new, |build| {
                    let digest = build.program_digest.as_deref().unwrap_or_default();
                    let digest: String = digest.chars().take(8).collect();
                    format!(" {} {} {digest}", build.profile, build.target)
                });
                let program = format!("{} {}{built}", record.program, record.version);
                program.trim_end().to_owned()
            }),
            output_digest: side.output_digest().map(str::to_owned),
            mb_per_second: [Cache::Warm, Cache::Cold].into_iter().find_map(|cache| {
                let speeds = side.values(cache, Repeat::mb_per_second);
                speeds.median()
            }),
            line_f1: mean.map(|mean| mean.line_f1),
            word_f1: mean.map(|mean| mean.word_f1),
        }
    }
}

/// Two sides.
struct Pairing<'s> {
    a: &'s Side,
    b: &'s Side,
    allowed: Allowed,
}

impl Pairing<'_> {
    fn compare(&self) -> Result<(Pair, Vec<Figure>), CompareError> {
        let Pairing { a, b, .. } = *self;
        let mut pair = Pair {
            a: a.name.clone(),
            b: b.name.clone(),
            same_output: None,
            settings: Vec::new(),
            notes: Vec::new(),
            stages: Vec::new(),
            removed: Vec::new(),
            sites: Vec::new(),
            ledgers: None,
            flips: None,
        };
        let mut figures = Vec::new();
        if let (Some(first), Some(other)) = (a.records.first(), b.records.first()) {
            self.check_corpus(first, other)?;
            self.compare_records(first, other, &mut pair, &mut figures);
            if pair.same_output != Some(true)
                && let (Some(ledger_a), Some(ledger_b)) = (&a.ledger, &b.ledger)
            {
                pair.ledgers = Some(LedgerDiff::of(ledger_a, ledger_b)?);
            }
        }
        for (name, timing_a, timing_b) in self.timings() {
            figures.push(
                self.figure(&name, "s", Better::Faster)
                    .of_timings(timing_a, timing_b),
            );
        }
        if let (Some(own), Some(others)) = (&a.accuracy, &b.accuracy) {
            let found = accuracy::compare(own, others);
            figures.extend(found.figures.into_iter().map(|figure| Figure {
                side: b.name.clone(),
                to: a.name.clone(),
                ..figure
            }));
            pair.notes.extend(found.notes);
            pair.flips = found.flips;
            if a.records.is_empty() || b.records.is_empty() {
                pair.settings = differing_where_known(settings_of(a), settings_of(b));
            }
        }
        if figures.is_empty() {
            return Err(CompareError::NothingInCommon {
                a: a.name.clone(),
                b: b.name.clone(),
                holds_a: a.holds(),
                holds_b: b.holds(),
            });
        }
        Ok((pair, figures))
    }

    fn check_corpus(&self, a: &RunRecord, b: &RunRecord) -> Result<(), CompareError> {
        let why = match (&a.input, &b.input) {
            (Some(a), Some(b)) if a.digest != b.digest => {
                Some(format!("digests {} and {}", a.digest, b.digest))
            }
            (Some(_), Some(_)) => None,
            // What another program read is not known: a note says so.
            _ if !(a.is_own() && b.is_own()) => None,
            _ if a.counts.bytes_read != b.counts.bytes_read => Some(format!(
                "{} and {} bytes",
                a.counts.bytes_read, b.counts.bytes_read
            )),
            _ => None,
        };
        match why.filter(|_| !self.allowed.corpus) {
            Some(why) => Err(CompareError::OtherCorpus {
                a: self.a.name.clone(),
                b: self.b.name.clone(),
                why,
            }),
            None => Ok(()),
        }
    }

    fn figure(&self, name: &str, unit: &str, better: Better) -> Figure {
        Figure::new(name, &self.a.name, &self.b.name, unit, better)
    }

    fn compare_records(
        &self,
        first: &RunRecord,
        other: &RunRecord,
        pair: &mut Pair,
        figures: &mut Vec<Figure>,
    ) {
        let Pairing { a, b, .. } = *self;
        pair.same_output = match (a.output_digest(), b.output_digest()) {
            (Some(own), Some(others)) => Some(own == others),
            _ => None,
        };
        for side in [a, b] {
            if side.output_differs() {
                pair.same_output = Some(false);
                pair.notes
                    .push(format!("the runs of {} differ in their output", side.name));
            }
        }
        pair.settings = differing(first, other);
        pair.notes.extend(notes(first, other));
        let why_no_verdict = self.why_no_verdict(first, other, pair);
        let judged = |figure: Figure| match &why_no_verdict {
            Some(why) => figure.without_verdict(why.clone()),
            None => figure,
        };
        let caches = common_caches(a, b);
        for cache in &caches {
            figures.extend(self.speed(*cache).map(judged));
        }
        // What is more than speed is told of warm runs, where both sides have them.
        let cache = caches.first().copied().unwrap_or_default();
        if caches.is_empty() {
            pair.notes
                .push("one side ran with a cold cache, the other with a warm one".to_owned());
        }
        type Read = fn(&Repeat) -> Option<f64>;
        let rows: [(&str, &str, Better, Read); 2] = [
            ("cpu", "s", Better::Less, |run| run.cpu_seconds),
            ("memory", "MB", Better::LessMemory, |run| {
                run.peak_memory_bytes.map(|bytes| bytes as f64 / 1e6)
            }),
        ];
        for (name, unit, better, value) in rows {
            let (own, others) = (a.values(cache, value), b.values(cache, value));
            if own.is_empty() || others.is_empty() {
                continue;
            }
            let figure = self.figure(name, unit, better).of_values(&own, &others);
            figures.push(match better {
                Better::LessMemory => figure,
                _ => judged(figure),
            });
        }
        // Of other programs nobody knows what they removed.
        if !(first.is_own() && other.is_own()) {
            return;
        }
        let share = |record: &RunRecord| {
            record.counts.bytes_removed() as f64 / record.counts.bytes_in.max(1) as f64
        };
        figures.push(
            self.figure("removed", "share", Better::Neither)
                .exact(share(first), share(other)),
        );
        pair.stages = stages(a, b, cache);
        let in_both: Vec<&StagePair> = pair
            .stages
            .iter()
            .filter(|stage| stage.a.is_some() && stage.b.is_some())
            .collect();
        for stage in &in_both {
            // A stage of both passes is judged by the last.
            let comes_later =
                |other: &&StagePair| other.stage == stage.stage && other.pass > stage.pass;
            if in_both.iter().any(comes_later) {
                continue;
            }
            let name = format!("stage:{}", stage.stage);
            let of = |side: &Side| side.stage_seconds(&stage.stage, stage.pass, cache);
            let figure = self
                .figure(&name, "s", Better::Less)
                .of_values(&of(a), &of(b));
            figures.push(judged(figure));
        }
        let removed = |record: &RunRecord| {
            let all = record.counts.removed().into_iter();
            all.map(|(reason, removed)| (reason.to_owned(), removed))
                .collect()
        };
        pair.removed = removed_pairs(&removed(first), &removed(other));
        pair.sites = site_pairs(first, other);
    }

    /// How fast the runs of both sides were: text by the second, or by their times alone where
    /// the size of the text is not known. None where a side has no such runs.
    fn speed(&self, cache: Cache) -> Option<Figure> {
        let name = match cache {
            Cache::Warm => "speed",
            Cache::Cold => "cold_speed",
        };
        let of = |value: fn(&Repeat) -> Option<f64>| {
            let sides = [self.a, self.b].map(|side| side.values(cache, value));
            let has_all = [self.a, self.b].iter().zip(&sides).all(|(side, values)| {
                !values.is_empty() && values.len() == side.values(cache, |_| Some(0.0)).len()
            });
            has_all.then_some(sides)
        };
        if let Some([own, others]) = of(Repeat::mb_per_second) {
            return Some(
                self.figure(name, "MB/s", Better::More)
                    .of_values(&own, &others),
            );
        }
        let [own, others] = of(|run| Some(run.wall_seconds.max(1e-9)))?;
        Some(
            self.figure(name, "s", Better::Faster)
                .of_values(&own, &others),
        )
    }

    /// Why times on both sides say nothing of each other, where that is so.
    fn why_no_verdict(&self, a: &RunRecord, b: &RunRecord, pair: &mut Pair) -> Option<Why> {
        let why = match (&a.machine, &b.machine) {
            _ if self.allowed.machine => None,
            (Some(own), Some(others)) if own.is_like(others) => None,
            (Some(_), Some(_)) => Some("another machine"),
            _ => Some("machine not known"),
        };
        let profile = |record: &RunRecord| record.build.as_ref().map(|build| build.profile.clone());
        if a.build.is_some() && b.build.is_some() && profile(a) != profile(b) {
            pair.notes
                .push("one program was built for release, the other was not".to_owned());
        }
        why.map(|why| Why(why.to_owned()))
    }

    /// Timings of one name on both sides; where each has one only, these.
    fn timings(&self) -> Vec<(String, &Timing, &Timing)> {
        let (own, others) = (&self.a.timings, &self.b.timings);
        let named: Vec<_> = own
            .iter()
            .filter_map(|(name, timing)| Some((format!("speed:{name}"), timing, others.get(name)?)))
            .collect();
        match (own.iter().next(), others.iter().next()) {
            (Some((a, own)), Some((b, others)))
                if named.is_empty() && self.a.timings.len() == 1 && self.b.timings.len() == 1 =>
            {
                vec![(format!("speed:{a} -> {b}"), own, others)]
            }
            _ => named,
        }
    }
}

/// Where runs of both sides found their input, warm first.
fn common_caches(a: &Side, b: &Side) -> Vec<Cache> {
    let has = |side: &Side, cache| side.repeats().any(|repeat| repeat.cache == cache);
    let all = [Cache::Warm, Cache::Cold].into_iter();
    all.filter(|cache| has(a, *cache) && has(b, *cache))
        .collect()
}

/// Settings and threads that differ.
fn differing(a: &RunRecord, b: &RunRecord) -> Vec<Differing> {
    if a.program != b.program {
        return Vec::new();
    }
    let with_threads = |record: &RunRecord| {
        let mut all = record.settings.clone();
        all.insert("threads".to_owned(), Value::from(record.threads));
        all
    };
    let (own, others) = (with_threads(a), with_threads(b));
    let names: BTreeSet<&String> = own.keys().chain(others.keys()).collect();
    let has_threads = a.schema_version.min(b.schema_version) >= 2;
    let pairs = names.into_iter().filter_map(|name| {
        let (a, b) = (own.get(name), others.get(name));
        // A record lacks settings that its program did not know.
        let is_unknown = a.is_none() || b.is_none() || name == "threads" && !has_threads;
        (a != b && !is_unknown).then(|| Differing {
            name: name.clone(),
            a: a.cloned().unwrap_or_default(),
            b: b.cloned().unwrap_or_default(),
        })
    });
    pairs.collect()
}

/// What is known of a side's settings.
fn settings_of(side: &Side) -> Option<&BTreeMap<String, Value>> {
    let of_accuracy = || side.accuracy.as_ref().map(|accuracy| &accuracy.settings);
    let of_record = side.records.first().map(|record| &record.settings);
    of_record.or_else(of_accuracy)
}

/// Settings that both sides name and that differ.
fn differing_where_known(
    a: Option<&BTreeMap<String, Value>>,
    b: Option<&BTreeMap<String, Value>>,
) -> Vec<Differing> {
    let own = a.into_iter().flatten();
    let both = own.filter_map(|(name, a)| Some((name, a, b?.get(name)?)));
    both.filter(|(_, a, b)| a != b)
        .map(|(name, a, b)| Differing {
            name: name.clone(),
            a: a.clone(),
            b: b.clone(),
        })
        .collect()
}

fn notes(a: &RunRecord, b: &RunRecord) -> Vec<String> {
    let mut notes = Vec::new();
    match (&a.input, &b.input) {
        (Some(own), Some(others)) if own.digest != others.digest => {
            notes.push("the runs are over other corpora".to_owned());
        }
        (Some(_), Some(_)) => {}
        _ if a.schema_version.min(b.schema_version) >= 2 => {
            notes.push("what was read is not known of both sides: it may differ".to_owned());
        }
        _ => notes.push(
            "one record is of an older version: whether the corpus is the same is known by its \
             bytes only, whether the output is the same is not known"
                .to_owned(),
        ),
    }
    if a.program != b.program {
        notes.push(format!("programs {} and {}", a.program, b.program));
    } else if a.version != b.version {
        notes.push(format!("versions {} and {}", a.version, b.version));
    }
    let kernel = |record: &RunRecord| record.machine.as_ref().and_then(|m| m.kernel.clone());
    if let (Some(own), Some(others)) = (kernel(a), kernel(b))
        && own != others
    {
        notes.push(format!("kernels {own} and {others}"));
    }
    notes
}

fn stages(a: &Side, b: &Side, cache: Cache) -> Vec<StagePair> {
    let mut all: Vec<StagePair> = Vec::new();
    for record in a.records.iter().chain(&b.records) {
        for cost in &record.stages {
            let is_known = |known: &StagePair| known.stage == cost.stage && known.pass == cost.pass;
            if all.len() < side::MAX_STAGES && !all.iter().any(is_known) {
                let median =
                    |side: &Side| side.stage_seconds(&cost.stage, cost.pass, cache).median();
                all.push(StagePair {
                    stage: cost.stage.clone(),
                    pass: cost.pass,
                    a: median(a),
                    b: median(b),
                });
            }
        }
    }
    all.sort_by_key(|pair| pair.pass);
    all
}

type Removal = BTreeMap<String, crate::report::Removed>;

fn removed_pairs(a: &Removal, b: &Removal) -> Vec<RemovedPair> {
    let reasons: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let pair = |reason: &String| {
        let (own, others) = (a.get(reason), b.get(reason));
        let (own, others) = (
            own.copied().unwrap_or_default(),
            others.copied().unwrap_or_default(),
        );
        RemovedPair {
            reason: reason.clone(),
            lines_a: own.lines,
            bytes_a: own.bytes,
            lines_b: others.lines,
            bytes_b: others.bytes,
        }
    };
    let all = reasons.into_iter().map(pair);
    all.filter(|pair| pair.lines_a + pair.lines_b > 0).collect()
}

/// The sites that both list and of which most bytes changed.
fn site_pairs(a: &RunRecord, b: &RunRecord) -> Vec<SitePair> {
    let others: BTreeMap<&str, &SiteCounts> = b
        .sites
        .listed
        .iter()
        .map(|site| (&*site.site, site))
        .collect();
    let both = a.sites.listed.iter().filter_map(|own| {
        let others = others.get(&*own.site)?;
        let mut removed = removed_pairs(&own.removed, &others.removed);
        removed.retain(|pair| (pair.lines_a, pair.bytes_a) != (pair.lines_b, pair.bytes_b));
        (!removed.is_empty()).then(|| SitePair {
            site: own.site.clone(),
            bytes_in: own.bytes_in,
            removed,
        })
    });
    let mut all: Vec<SitePair> = both.collect();
    let changed = |site: &SitePair| {
        let bytes = site
            .removed
            .iter()
            .map(|pair| pair.bytes_a.abs_diff(pair.bytes_b));
        std::cmp::Reverse(bytes.fold(0, u64::saturating_add))
    };
    all.sort_by_key(changed);
    all.truncate(MAX_SITES);
    all
}
