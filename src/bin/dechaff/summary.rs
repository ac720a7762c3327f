//! What a run came to, in: the table at its end and the run record out.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use dechaff::charset::Charset;
use dechaff::config::Config;
use dechaff::digest::DigestSum;
use dechaff::pipeline::RunOptions;
use dechaff::pipeline::meter::{Measured, process_cpu_time};
use dechaff::record::{self, Files, RunRecord};
use dechaff::report::Counts;
use dechaff::sink::render::Mode;
use dechaff::source::content::TextFormat;
use dechaff::source::inputs::InputFormat;
use dechaff::{Threshold, Treatment};
use serde_json::{Value, json};

use crate::args::EngineArgs;
use crate::machine;

/// The end of a run.
pub struct Summary {
    pub counts: Counts,
    pub wall: Duration,
    /// Processor time of all threads; None where the system does not tell.
    pub cpu: Option<Duration>,
    /// Largest resident size, in bytes; None where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
}

impl Summary {
    pub fn new(counts: Counts, wall: Duration) -> Self {
        Summary {
            counts,
            wall,
            cpu: process_cpu_time(),
            peak_memory_bytes: machine::peak_memory_bytes(),
        }
    }

    /// The table that a run ends with.
    pub fn to_text(&self) -> String {
        let counts = &self.counts;
        let mut text = String::new();
        let mut row = |name: &str, number: u64, bytes: Option<u64>| {
            let share = bytes.map_or(String::new(), |bytes| {
                let percent = bytes as f64 * 100.0 / counts.bytes_in.max(1) as f64;
                format!("{bytes:>16} bytes {percent:>5.1} %")
            });
            let _ = writeln!(text, "{name:<22}{number:>14}{share}");
        };
        row("pages", counts.pages, None);
        row("lines in", counts.lines, Some(counts.bytes_in));
        let removed = counts.removed();
        let removed_lines: u64 = removed.iter().map(|(_, removed)| removed.lines).sum();
        row(
            "lines kept",
            counts.lines - removed_lines,
            Some(counts.bytes_kept),
        );
        for (name, removed) in removed {
            row(
                &format!("removed: {name}"),
                removed.lines,
                Some(removed.bytes),
            );
        }
        row(
            "rejected rows",
            counts.rows_rejected,
            Some(counts.bytes_rejected),
        );
        for (name, number) in [
            ("pages emptied", counts.pages_emptied),
            ("page copies, exact", counts.pages_copied),
            ("page copies, near", counts.pages_nearly_copied),
            ("rows without text", counts.rows_without_text),
            ("copied unchanged", counts.copied_unchanged),
            ("converted to UTF-8", counts.converted),
            ("not UTF-8, unknown", counts.charset_unknown),
            ("HTML pages", counts.html_pages),
            ("HTML bytes", counts.html_bytes),
            ("other files", counts.other_files),
            ("other records", counts.other_records),
            ("links not followed", counts.links),
            ("problems", counts.problems),
        ] {
            if number > 0 {
                row(name, number, None);
            }
        }
        let seconds = self.wall.as_secs_f64().max(1e-9);
        let rate = counts.bytes_in as f64 / 1e6 / seconds;
        let _ = write!(text, "{seconds:.2} s, {rate:.1} MB/s");
        if let Some(bytes) = self.peak_memory_bytes {
            let _ = write!(text, ", {:.0} MB peak memory", bytes as f64 / 1e6);
        }
        text.push('\n');
        text
    }
}

/// What a run was given that decides what comes out.
pub struct RunSettings<'r> {
    pub engine: &'r EngineArgs,
    pub config: &'r Config,
    pub options: &'r RunOptions,
    pub format: InputFormat,
    /// Whether an index was read instead of the input.
    pub has_index: bool,
    /// Whether symbolic links were followed.
    pub follow: bool,
    /// The field that names rows.
    pub id_field: &'r str,
}

impl RunSettings<'_> {
    fn by_name(&self) -> BTreeMap<String, Value> {
        let RunSettings {
            config, options, ..
        } = self;
        let mode = match options.mode {
            Mode::Drop => "drop",
            Mode::Tag => "tag",
            Mode::Spans => "spans",
        };
        let all = json!({
            "mode": mode,
            "corpus_duplicates": config.corpus_duplicates.map(|rule| json!({
                "more_than_places": rule.more_than_places,
                "min_lines": rule.min_lines,
                "min_chars": rule.min_chars,
                "normalize": rule.normalize.word(),
            })),
            "page_duplicates": if config.page_duplicates { "remove" } else { "report" },
            "index": self.has_index,
            "site": options.site_by.word(),
            "output_format": options.record_format.word(),
            "format": match self.format {
                InputFormat::Auto => "auto",
                InputFormat::Text => "text",
                InputFormat::Html => "html",
                InputFormat::Jsonl => "jsonl",
                InputFormat::Warc => "warc",
                InputFormat::Parquet => "parquet",
            },
            "text_field": options.fields.text,
            "text_format": match options.field_format {
                TextFormat::Auto => "auto",
                TextFormat::Text => "text",
                TextFormat::Html => "html",
            },
            "url_field": options.fields.url,
            "id_field": self.id_field,
            "follow": self.follow,
            "key": config.key.name(),
            "encoding": options.charset.map(Charset::name),
            "max_page_bytes": options.max_page_bytes,
            "max_removed_percent": options.max_removed_percent,
        });
        let mut settings = engine_settings(self.engine, config);
        settings.extend(by_name(all));
        settings
    }
}

/// What decides on lines, by name.
pub fn engine_settings(engine: &EngineArgs, config: &Config) -> BTreeMap<String, Value> {
    let threshold = match config.threshold {
        Threshold::Auto => json!("auto"),
        // As it was given: of the number in single precision the shortest way to write it.
        Threshold::At(cut) => json!(cut.to_string().parse::<f64>().unwrap_or(cut.into())),
    };
    by_name(json!({
        "page_repeats": config.page_repeats,
        "score": config.score,
        "model": engine.model_name(),
        "html_model": engine.html_model_name(),
        "threshold": threshold,
        "comments": treatment(config.comments),
        "headline": treatment(config.headline),
        "site_templates": config.site_templates,
    }))
}

fn by_name(all: Value) -> BTreeMap<String, Value> {
    match all {
        Value::Object(all) => all.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

fn treatment(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Scored => "scored",
        Treatment::Keep => "keep",
        Treatment::Drop => "drop",
    }
}

/// The run record of what a run was given, cost and did.
pub fn run_record(
    summary: &Summary,
    measured: Measured,
    output: Option<DigestSum>,
    settings: &RunSettings<'_>,
) -> RunRecord {
    let settings = settings.by_name();
    let seconds = summary.wall.as_secs_f64();
    RunRecord {
        schema_version: record::SCHEMA_VERSION,
        program: record::PROGRAM.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: Some(machine::build()),
        settings_digest: Some(RunRecord::digest_of(&settings)),
        settings,
        machine: Some(machine::machine()),
        input: output.map(|_| Files::from(&measured.inputs)),
        output: output.as_ref().map(Files::from),
        threads: u64::from(measured.threads),
        wall_seconds: seconds,
        cpu_seconds: summary.cpu.map(|cpu| cpu.as_secs_f64()),
        mb_per_second: summary.counts.bytes_in as f64 / 1e6 / seconds.max(1e-9),
        peak_memory_bytes: summary.peak_memory_bytes,
        repeats: Vec::new(),
        stages: measured.stages,
        counts: summary.counts,
        sites: output.map(|_| measured.sites).unwrap_or_default(),
        ledger: None,
        accuracy: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_what_there_is() {
        let counts = Counts {
            pages: 2,
            lines: 10,
            bytes_in: 200,
            bytes_kept: 150,
            repeat: dechaff::report::Removed {
                lines: 1,
                bytes: 50,
            },
            problems: 1,
            ..Counts::default()
        };
        let summary = Summary {
            counts,
            wall: Duration::from_secs(2),
            cpu: None,
            peak_memory_bytes: Some(5_000_000),
        };
        let text = summary.to_text();
        assert!(
            text.contains("removed: repeat                    1              50 bytes  25.0 %"),
            "{text}"
        );
        assert!(text.contains("problems"), "{text}");
        assert!(!text.contains("other files"), "{text}");
        assert!(
            text.ends_with("2.00 s, 0.0 MB/s, 5 MB peak memory\n"),
            "{text}"
        );
    }
}
