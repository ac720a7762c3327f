//! What one argument names in, all that it holds out. Files may hold anything: what is not known is
//! refused with a message, sizes have caps, and numbers out of range are none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use walkdir::WalkDir;

use super::verdict::Values;
use super::{CompareError, import};
use crate::eval::bootstrap::Interval;
use crate::eval::{Evaluation, Figures};
use crate::record::{Cache, Repeat, RunRecord};

/// Largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// Most files of a directory.
const MAX_FILES: usize = 10_000;
/// Most runs of a side.
const MAX_RUNS: usize = 10_000;
/// Most stages of a record that are looked at.
pub(super) const MAX_STAGES: usize = 64;
/// The largest number that a count may be: sums of many stay numbers.
const MAX_COUNT: u64 = 1 << 56;
/// The largest count of a labelled page.
const MAX_PAGE_COUNT: u64 = 1 << 32;
/// How deep directories of criterion go.
const MAX_DEPTH: usize = 8;

/// One side of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// As the user named it.
    pub name: String,
    /// Runs of one thing, over one corpus; each has its [`RunRecord::repeats`], at least itself.
    pub records: Vec<RunRecord>,
    /// Timings of other tools, by name.
    pub timings: BTreeMap<String, Timing>,
    /// Accuracy on labelled pages.
    pub accuracy: Option<Evaluation>,
    /// The ledger of the first run, if it is at hand.
    pub ledger: Option<PathBuf>,
}

/// What another tool timed.
#[derive(Clone, Debug, PartialEq)]
pub enum Timing {
    /// Seconds of each run.
    Single(Vec<f64>),
    /// Seconds, and the interval that the tool gave.
    Estimate(f64, Option<Interval>),
}

impl Timing {
    /// Every run, where they are known.
    pub fn values(&self) -> Option<Values> {
        match self {
            Timing::Single(seconds) => Some(Values::of(seconds.iter().copied())),
            Timing::Estimate(..) => None,
        }
    }

    /// The median, or the tool's estimate.
    pub fn seconds(&self) -> f64 {
        match self {
            Timing::Single(seconds) => Values::of(seconds.iter().copied())
                .median()
                .unwrap_or(f64::NAN),
            Timing::Estimate(seconds, _) => *seconds,
        }
    }

    /// The interval of the estimate: single runs are given the range that they fill.
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Timing::Single(seconds) => {
                let low = seconds.iter().copied().reduce(f64::min)?;
                let high = seconds.iter().copied().reduce(f64::max)?;
                Some(Interval { low, high })
            }
            Timing::Estimate(_, interval) => *interval,
        }
    }
}

impl Side {
    /// Reads what an argument names: a file (run records, one or an array or lines of them; what
    /// `eval --json` or hyperfine wrote; `sample.json` or `estimates.json` of criterion), or a
    /// directory (of such files, or one of criterion's; `DIR:BASELINE` where that holds several
    /// baselines).
    ///
    /// # Errors
    ///
    /// It cannot be read, holds nothing that is known, or runs over several corpora.
    pub fn read(argument: &Path) -> Result<Self, CompareError> {
        let name = argument.display().to_string();
        let at = |why: String| CompareError::Input {
            path: name.clone(),
            why,
        };
        let mut side = Side {
            name: name.clone(),
            ..Side::default()
        };
        let (path, baseline) = match argument.to_str().and_then(|text| text.rsplit_once(':')) {
            Some((path, baseline)) if !argument.exists() => (Path::new(path), Some(baseline)),
            _ => (argument, None),
        };
        let metadata = std::fs::metadata(path).map_err(|error| at(error.to_string()))?;
        if !metadata.is_dir() {
            side.read_file(path)?;
        } else if !side.read_criterion(path, baseline)? {
            side.read_directory(path)?;
        }
        if side.records.is_empty() && side.timings.is_empty() && side.accuracy.is_none() {
            return Err(at("holds no run record, accuracy or timing".to_owned()));
        }
        side.check_runs()?;
        Ok(side)
    }

    /// A side of one record. [`Side::read`] checks what comes from files.
    pub fn of_record(name: &str, record: RunRecord) -> Self {
        let mut side = Side {
            name: name.to_owned(),
            ..Side::default()
        };
        side.push(record);
        side
    }

    fn push(&mut self, mut record: RunRecord) {
        if record.repeats.is_empty() {
            record.repeats.push(Repeat::of(&record, Cache::default()));
        }
        if self.accuracy.is_none() {
            self.accuracy = record.accuracy.take();
        }
        self.records.push(record);
    }

    fn failed(&self, path: &Path, why: impl Into<String>) -> CompareError {
        CompareError::Input {
            path: path.display().to_string(),
            why: why.into(),
        }
    }

    fn read_directory(&mut self, path: &Path) -> Result<(), CompareError> {
        let entries =
            std::fs::read_dir(path).map_err(|error| self.failed(path, error.to_string()))?;
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| self.failed(path, error.to_string()))?;
            let file = entry.path();
            let is_json = file.extension().is_some_and(|ending| ending == "json");
            if is_json && file.is_file() {
                files.push(file);
            }
            if files.len() > MAX_FILES {
                return Err(self.failed(path, format!("holds more than {MAX_FILES} files")));
            }
        }
        files.sort_unstable();
        files.iter().try_for_each(|file| self.read_file(file))
    }

    fn read_file(&mut self, path: &Path) -> Result<(), CompareError> {
        let bytes = read_capped(path).map_err(|why| self.failed(path, why))?;
        let values = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
        for value in values {
            let value = value.map_err(|error| self.failed(path, format!("no JSON: {error}")))?;
            match value {
                Value::Array(values) => {
                    for value in values {
                        self.take(path, value)?;
                    }
                }
                value => self.take(path, value)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, path: &Path, value: Value) -> Result<(), CompareError> {
        if !is_in_range(&value) {
            return Err(self.failed(path, "a number is out of range"));
        }
        if RunRecord::is_record(&value) {
            let record = RunRecord::parse(value);
            let mut record = record.map_err(|error| self.failed(path, error.to_string()))?;
            record.stages.truncate(MAX_STAGES);
            for repeat in &mut record.repeats {
                repeat.stages.truncate(MAX_STAGES);
            }
            if self.runs() + record.repeats.len().max(1) > MAX_RUNS {
                return Err(self.failed(path, format!("more than {MAX_RUNS} runs")));
            }
            if self.records.is_empty() {
                self.ledger = record.ledger.as_deref().and_then(|name| beside(path, name));
            }
            if self.accuracy.is_none()
                && let Some(accuracy) = record.accuracy.take()
            {
                self.take_accuracy(path, accuracy)?;
            }
            self.push(record);
        } else if value["tables"].is_array() && value["pages"].is_u64() {
            let accuracy = serde_json::from_value(value);
            let accuracy = accuracy
                .map_err(|error| self.failed(path, format!("no result of eval: {error}")))?;
            self.take_accuracy(path, accuracy)?;
        } else {
            let name = path.display().to_string();
            let found = import::timings(&name, &value).map_err(|why| self.failed(path, why))?;
            self.timings.extend(found);
        }
        Ok(())
    }

    fn take_accuracy(&mut self, path: &Path, accuracy: Evaluation) -> Result<(), CompareError> {
        if self.accuracy.is_some() {
            return Err(self.failed(path, "a second result of eval; a side has one"));
        }
        let counts = accuracy.tables.iter().flat_map(|table| &table.page_results);
        let is_sane = counts.clone().all(|page| {
            [page.lines, page.ngrams].iter().all(|counts| {
                let all = [
                    counts.true_positive,
                    counts.false_positive,
                    counts.false_negative,
                    counts.true_negative,
                ];
                all.iter().all(|&count| count <= MAX_PAGE_COUNT)
            }) && (0.0..=1.0).contains(&page.word_f1)
        });
        if !is_sane {
            return Err(self.failed(path, "a number of a page is out of range"));
        }
        self.accuracy = Some(accuracy);
        Ok(())
    }

    /// Reads a directory of criterion; false where it is none.
    fn read_criterion(
        &mut self,
        path: &Path,
        baseline: Option<&str>,
    ) -> Result<bool, CompareError> {
        let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let walk = WalkDir::new(path).max_depth(MAX_DEPTH).sort_by_file_name();
        for entry in walk.into_iter().take(MAX_FILES * 16).flatten() {
            let is_sample = matches!(
                entry.file_name().to_str(),
                Some("sample.json" | "estimates.json")
            );
            let Some(folder) = entry.path().parent().filter(|_| is_sample) else {
                continue;
            };
            let name = folder
                .canonicalize()
                .unwrap_or_else(|_| folder.to_path_buf());
            let name = name
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let folders = found.entry(name).or_default();
            if folders.last().map(PathBuf::as_path) != Some(folder) {
                folders.push(folder.to_path_buf());
            }
        }
        found.remove("change");
        let folders = match baseline {
            Some(name) => found.remove(name).ok_or_else(|| {
                self.failed(
                    path,
                    format!("no baseline {name}; it has: {}", names(&found)),
                )
            })?,
            None if found.is_empty() => return Ok(false),
            None if found.len() == 1 => found.into_values().flatten().collect(),
            None => {
                let why = format!(
                    "holds several baselines, name one as DIR:NAME: {}",
                    names(&found)
                );
                return Err(self.failed(path, why));
            }
        };
        if folders.len() > MAX_FILES {
            return Err(self.failed(path, format!("holds more than {MAX_FILES} benchmarks")));
        }
        for folder in folders {
            let read = |name: &str| -> Result<Option<Value>, CompareError> {
                let file = folder.join(name);
                if !file.is_file() {
                    return Ok(None);
                }
                let bytes = read_capped(&file).map_err(|why| self.failed(&file, why))?;
                let value = serde_json::from_slice(&bytes);
                value
                    .map(Some)
                    .map_err(|error| self.failed(&file, format!("no JSON: {error}")))
            };
            let benchmark = read("benchmark.json")?;
            let own_name = || {
                let parent = folder.parent().and_then(Path::file_name);
                parent.unwrap_or_default().to_string_lossy().into_owned()
            };
            let name = benchmark
                .as_ref()
                .and_then(|benchmark| benchmark["full_id"].as_str())
                .map_or_else(own_name, str::to_owned);
            let value = match read("sample.json")? {
                Some(sample) => Some(sample),
                None => read("estimates.json")?,
            };
            let value = value.unwrap_or_default();
            let timings =
                import::timings(&name, &value).map_err(|why| self.failed(&folder, why))?;
            self.timings.extend(timings);
        }
        Ok(true)
    }

    /// Refuses runs that are not of one thing.
    fn check_runs(&self) -> Result<(), CompareError> {
        let Some((first, others)) = self.records.split_first() else {
            return Ok(());
        };
        let why = others.iter().find_map(|other| {
            let corpus =
                |record: &RunRecord| record.input.as_ref().map(|input| input.digest.clone());
            if corpus(first) != corpus(other) {
                Some("its runs are over several corpora")
            } else if first.settings != other.settings || first.threads != other.threads {
                Some("its runs have several settings; make each a side")
            } else {
                None
            }
        });
        match why {
            Some(why) => Err(self.failed(Path::new(&self.name), why)),
            None => Ok(()),
        }
    }

    /// The digest of what the first run wrote.
    pub(super) fn output_digest(&self) -> Option<&str> {
        let output = self.records.first()?.output.as_ref()?;
        Some(&output.digest)
    }

    /// All runs.
    pub(super) fn repeats(&self) -> impl Iterator<Item = &Repeat> {
        self.records.iter().flat_map(|record| &record.repeats)
    }

    /// How many runs there are.
    pub(super) fn runs(&self) -> usize {
        self.records.iter().map(|record| record.repeats.len()).sum()
    }

    /// Values of the runs that found their input in one place, for each run that has one.
    pub(super) fn values(&self, cache: Cache, value: impl Fn(&Repeat) -> Option<f64>) -> Values {
        let runs = self.repeats().filter(|repeat| repeat.cache == cache);
        Values::of(runs.filter_map(value))
    }

    /// Whether runs wrote other bytes.
    pub(super) fn output_differs(&self) -> bool {
        let mut all = self.repeats().map(|repeat| &repeat.output_digest);
        let first = all.next();
        all.any(|digest| Some(digest) != first)
    }

    /// Seconds of a stage, for each run that has it.
    pub(super) fn stage_seconds(&self, stage: &str, pass: u32, cache: Cache) -> Values {
        self.values(cache, |repeat| {
            let mut costs = repeat.stages.iter();
            let cost = costs.find(|cost| cost.stage == stage && cost.pass == pass)?;
            Some(cost.wall_seconds)
        })
    }

    /// The means of the accuracy that is compared: those of the first table.
    pub(super) fn mean(&self) -> Option<Figures> {
        self.accuracy.as_ref()?.tables.first()?.mean
    }

    /// What it holds, in words.
    pub(super) fn holds(&self) -> String {
        let mut all = Vec::new();
        if !self.records.is_empty() {
            all.push("run records");
        }
        if !self.timings.is_empty() {
            all.push("timings");
        }
        if self.accuracy.is_some() {
            all.push("accuracy");
        }
        all.join(", ")
    }
}

fn names(found: &BTreeMap<String, Vec<PathBuf>>) -> String {
    let names: Vec<&str> = found.keys().take(10).map(String::as_str).collect();
    names.join(", ")
}

/// A file beside another, if the name is one and it is there.
fn beside(path: &Path, name: &str) -> Option<PathBuf> {
    let is_name = Path::new(name).file_name() == Some(name.as_ref());
    let file = path.parent()?.join(name);
    (is_name && file.is_file()).then_some(file)
}

/// A file's bytes, if they are not too many.
fn read_capped(path: &Path) -> Result<Vec<u8>, String> {
    let file = crate::source::inputs::open_file(path).map_err(|error| error.to_string())?;
    read_all(&file)
        .map_err(|error| error.to_string())
        .and_then(|bytes| {
            if bytes.len() as u64 > MAX_FILE_BYTES {
                Err(format!("is larger than {MAX_FILE_BYTES} bytes"))
            } else {
                Ok(bytes)
            }
        })
}

fn read_all(file: &File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether sums of a value's numbers stay numbers, and no time is negative. Depth is bounded by the JSON reader.
fn is_in_range(value: &Value) -> bool {
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(count) => count <= MAX_COUNT,
            None => number
                .as_f64()
                .is_some_and(|number| number.abs() <= MAX_COUNT as f64),
        },
        Value::Array(values) => values.iter().all(is_in_range),
        Value::Object(fields) => fields.iter().all(|(name, value)| {
            let is_time = name.ends_with("seconds");
            is_in_range(value) && !(is_time && value.as_f64().is_some_and(|time| time < 0.0))
        }),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}
