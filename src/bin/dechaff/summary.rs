//! What a run came to, in: the table at its end and the run record out.

use std::fmt::Write;
use std::time::Duration;

use dechaff::Cleaner;
use dechaff::config::Threshold;
use dechaff::pipeline::RunOptions;
use dechaff::report::Counts;
use dechaff::sink::render::Mode;
use dechaff::source::content::TextFormat;
use serde_json::{Value, json};

use crate::args::EngineArgs;

/// The version of the run record's form.
const SCHEMA_VERSION: u32 = 1;

/// The end of a run.
pub struct Summary {
    pub counts: Counts,
    pub wall: Duration,
    /// Largest resident size, in bytes; None where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
}

impl Summary {
    pub fn new(counts: Counts, wall: Duration) -> Self {
        Summary {
            counts,
            wall,
            peak_memory_bytes: peak_memory_bytes(),
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

/// The run record: one self-contained JSON object.
pub struct RunRecord(Value);

impl RunRecord {
    pub fn new(
        summary: &Summary,
        engine: &EngineArgs,
        cleaner: &Cleaner,
        options: &RunOptions,
    ) -> Self {
        let config = cleaner.config();
        let threshold = match config.threshold {
            Threshold::Auto => json!("auto"),
            Threshold::At(cut) => json!(cut),
        };
        let mode = match options.mode {
            Mode::Drop => "drop",
            Mode::Tag => "tag",
            Mode::Spans => "spans",
        };
        let seconds = summary.wall.as_secs_f64();
        RunRecord(json!({
            "schema_version": SCHEMA_VERSION,
            "program": "dechaff",
            "version": env!("CARGO_PKG_VERSION"),
            "settings": {
                "page_repeats": config.page_repeats,
                "score": config.score,
                "model": engine.model_name(),
                "html_model": engine.html_model_name(),
                "threshold": threshold,
                "mode": mode,
                "site_templates": config.site_templates,
                "corpus_duplicates": config.corpus_duplicates.map(|rule| json!({
                    "more_than_places": rule.more_than_places,
                    "min_lines": rule.min_lines,
                    "min_chars": rule.min_chars,
                    "normalize": rule.normalize.word(),
                })),
                "page_duplicates": if config.page_duplicates { "remove" } else { "report" },
                "site": options.site_by.word(),
                "output_format": options.record_format.word(),
                "text_field": options.fields.text,
                "text_format": match options.field_format {
                    TextFormat::Auto => "auto",
                    TextFormat::Text => "text",
                    TextFormat::Html => "html",
                },
                "url_field": options.fields.url,
                "max_page_bytes": options.max_page_bytes,
                "max_removed_percent": options.max_removed_percent,
            },
            "threads": options.threads,
            "wall_seconds": seconds,
            "mb_per_second": summary.counts.bytes_in as f64 / 1e6 / seconds.max(1e-9),
            "peak_memory_bytes": summary.peak_memory_bytes,
            "counts": summary.counts,
        }))
    }

    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.0)
    }
}

/// Memory that the system could give; None where it does not tell.
pub fn free_memory_bytes() -> Option<usize> {
    let kibibytes = proc_kibibytes("/proc/meminfo", "MemAvailable:")?;
    usize::try_from(kibibytes * 1024).ok()
}

/// Largest resident size of this process, from the system's own account of it.
fn peak_memory_bytes() -> Option<u64> {
    Some(proc_kibibytes("/proc/self/status", "VmHWM:")? * 1024)
}

fn proc_kibibytes(path: &str, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(path).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
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
