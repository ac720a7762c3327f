//! `dechaff bench`: a job, or two, in; what runs of them cost out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use clap::Parser;
use dechaff::bench::{BenchError, Job, Plan, Processes, Side, by_turns};
use dechaff::compare::{self, Allowed, Comparison, gate, show};
use dechaff::generate::Shape;
use dechaff::generate::corpus::{self, Limit, Recipe};
use dechaff::pipeline::plan::{self, STANDARD_STREAM};
use dechaff::record::{Cache, RunRecord};
use serde_json::json;
use tempfile::TempDir;

use super::{CLEAN, FATAL, INCOMPLETE, compare as compare_command, refused, tell, write_whole};
use crate::args::{
    AbArgs, BenchArgs, BenchCache, BenchCommand, BenchCorpusArgs, Cli, CorpusFormat, RunsArgs,
};
use crate::running::watch_signals;
use crate::{json, machine};

/// The names of the records of two jobs.
const RECORDS: [&str; 2] = ["a.json", "b.json"];

pub fn run(args: &BenchArgs) -> anyhow::Result<u8> {
    let signals = watch_signals().context("cannot watch for signals")?;
    let stop = Arc::clone(&signals.stop);
    let done = match &args.command {
        Some(BenchCommand::Ab(args)) => ab(args, stop),
        None => repeated(args, stop),
    };
    match done {
        Err(error) => match error.downcast::<BenchError>() {
            Ok(BenchError::Stopped) => Ok(signals.exit_code()),
            Ok(error @ BenchError::Refused(_)) => Ok(refused(&error)),
            Ok(error) => {
                refused(&error);
                Ok(FATAL)
            }
            Err(error) => Err(error),
        },
        done => done,
    }
}

/// `dechaff bench`: one job.
fn repeated(args: &BenchArgs, stop: Arc<AtomicBool>) -> anyhow::Result<u8> {
    if let Some(out) = &args.out {
        plan::check_output(out, &args.corpus.inputs, args.overwrite)?;
    }
    let side = Side {
        name: "dechaff clean".to_owned(),
        job: Job::Settings(args.settings.clone()),
    };
    let caches = BenchCache::all(&args.cache);
    let (records, is_incomplete) = measure(vec![side], &args.corpus, &args.runs, caches, stop)?;
    let record = &records[0];
    if let Some(out) = &args.out {
        write_whole(out, &to_json(record))?;
    }
    let mut stdout = std::io::stdout().lock();
    if args.json {
        json::write_safe_pretty(record, &mut stdout)?;
        writeln!(stdout)?;
    } else {
        stdout.write_all(show::runs(record).as_bytes())?;
    }
    stdout.flush()?;
    Ok(code(CLEAN, is_incomplete))
}

/// `dechaff bench ab`: two jobs.
fn ab(args: &AbArgs, stop: Arc<AtomicBool>) -> anyhow::Result<u8> {
    let records_out = |out: &PathBuf| RECORDS.map(|name| out.join(name));
    let mut files: Vec<PathBuf> = args.out.iter().flat_map(records_out).collect();
    files.extend(args.html.clone());
    if let Some(out) = &args.out {
        plan::check_outside(&args.corpus.inputs, out)?;
        std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    }
    for file in &files {
        plan::check_output(file, &args.corpus.inputs, args.overwrite)?;
    }
    let names = [named("A", &args.a), named("B", &args.b)];
    let sides = [&args.a, &args.b].into_iter().zip(&names);
    let sides = sides.map(|(job, name)| Side {
        name: name.clone(),
        job: job.clone(),
    });
    let caches = BenchCache::all(&args.cache);
    let (records, is_incomplete) =
        measure(sides.collect(), &args.corpus, &args.runs, caches, stop)?;
    if let Some(out) = &args.out {
        for (file, record) in records_out(out).iter().zip(&records) {
            write_whole(file, &to_json(record))?;
        }
    }
    let comparison = match compared(args, &names, &records) {
        Ok(comparison) => comparison,
        Err(error) => return Ok(refused(&error)),
    };
    if let Some(html) = &args.html {
        compare_command::write_html(html, &comparison)?;
    }
    let mut stdout = std::io::stdout().lock();
    if args.json {
        let all = json!({"comparison": comparison, "records": records});
        json::write_safe_pretty(&all, &mut stdout)?;
        writeln!(stdout)?;
    } else {
        stdout.write_all(show::text(&comparison).as_bytes())?;
    }
    stdout.flush()?;
    let of_gates = compare_command::exit_code(&comparison);
    Ok(code(of_gates, is_incomplete))
}

fn compared(
    args: &AbArgs,
    names: &[String; 2],
    records: &[RunRecord],
) -> Result<Comparison, compare::CompareError> {
    let sides = names.iter().zip(records);
    let sides: Vec<compare::Side> = sides
        .map(|(name, record)| compare::Side::of_record(name, record.clone()))
        .collect();
    let mut comparison = Comparison::of(&sides, Allowed::default())?;
    gate::ask(&mut comparison, &args.fail_on)?;
    Ok(comparison)
}

/// Runs the jobs on the inputs, or on pages made up for it; their records, and whether input was
/// rejected or damaged.
fn measure(
    sides: Vec<Side>,
    corpus: &BenchCorpusArgs,
    runs: &RunsArgs,
    caches: Vec<Cache>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<(Vec<RunRecord>, bool)> {
    for side in &sides {
        check_settings(side)?;
    }
    let is_stream = |input: &PathBuf| input == Path::new(STANDARD_STREAM);
    let why = match corpus {
        _ if corpus.inputs.iter().any(is_stream) => {
            Some("standard input can be read once: name files or directories")
        }
        BenchCorpusArgs {
            generate: Some(_),
            inputs,
            ..
        } if !inputs.is_empty() => Some("an INPUT or --generate, not both"),
        _ => None,
    };
    if let Some(why) = why {
        return Err(BenchError::Refused(why.to_owned()).into());
    }
    let temp_dir = runs.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let made = made_up(corpus, &temp_dir)?;
    let inputs = match &made {
        Some((_, path)) => vec![path.clone()],
        None => corpus.inputs.clone(),
    };
    let program = std::env::current_exe().context("where this program lies")?;
    let mut processes = Processes::new(
        sides,
        inputs,
        &caches,
        program,
        machine::machine(),
        temp_dir,
        stop,
    )?;
    let plan = Plan {
        repeats: runs.repeats,
        caches,
    };
    let records = by_turns(processes.jobs(), &plan, &mut processes)?;
    if processes.is_incomplete {
        tell("dechaff: some of the input was rejected, skipped or damaged; see `dechaff clean`");
    }
    Ok((records, processes.is_incomplete))
}

/// Refuses options that `clean` does not know, or that the measurement gives itself.
fn check_settings(side: &Side) -> Result<(), BenchError> {
    let Job::Settings(options) = &side.job else {
        return Ok(());
    };
    let own = ["dechaff", "clean"].map(str::to_owned).into_iter();
    let given = ["-o", "x", "--stats", "x", "--quiet", "--", "x"];
    let words = own.chain(options.iter().cloned());
    let words = words.chain(given.map(str::to_owned));
    match Cli::try_parse_from(words) {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().next().unwrap_or_default();
            let why = why.trim_start_matches("error: ");
            Err(BenchError::Refused(format!("{}: {why}", side.name)))
        }
    }
}

/// Pages made up for the measurement, in a directory that goes with it.
fn made_up(args: &BenchCorpusArgs, temp_dir: &Path) -> anyhow::Result<Option<(TempDir, PathBuf)>> {
    let Some(size) = args.generate else {
        return Ok(None);
    };
    let place = dechaff::bench::temporary_directory(temp_dir)?;
    let path = place.path().join(match args.format {
        CorpusFormat::Files => "corpus",
        CorpusFormat::Jsonl => "corpus.jsonl",
    });
    let recipe = Recipe {
        seed: args.seed,
        shape: Shape::Typical,
        limit: Limit::Bytes(size.0 as u64),
        page_bytes: None,
        format: args.format.format(),
    };
    corpus::write(&recipe, &path).with_context(|| path.display().to_string())?;
    Ok(Some((place, path)))
}

/// What a job is called: its letter, and what the user wrote.
fn named(letter: &str, job: &Job) -> String {
    match job {
        Job::Settings(words) | Job::Command(words) if !words.is_empty() => {
            format!("{letter}: {}", words.join(" "))
        }
        _ => format!("{letter}: defaults"),
    }
}

fn to_json(record: &RunRecord) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(record).expect("a run record is JSON");
    json.push(b'\n');
    json
}

fn code(code: u8, is_incomplete: bool) -> u8 {
    if is_incomplete { INCOMPLETE } else { code }
}
