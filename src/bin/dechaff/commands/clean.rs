//! `dechaff clean`: inputs in, cleaned pages out, with a table of what was done.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use dechaff::error::RunError;
use dechaff::eval::{EvalOptions, Evaluation, GoldReader, evaluate, index_pages};
use dechaff::index::CorpusIndex;
use dechaff::index::format::Kind;
use dechaff::pipeline::index_files::{self, PartFile};
use dechaff::pipeline::meter::Meter;
use dechaff::pipeline::plan::{self, Request, STANDARD_STREAM, Streams};
use dechaff::pipeline::resume::{Run, Wanted};
use dechaff::pipeline::{self, PassOne, RunOptions, SideFiles};
use dechaff::sink::atomic::{AtomicFile, TEMPORARY_PREFIX};
use dechaff::sink::digested::{Digested, Kind as OutputKind};
use dechaff::sink::records::RecordFormat;
use dechaff::sink::{Output, Sink};
use dechaff::source::Source;
use dechaff::source::inputs::Input;
use dechaff::source::packed::Packing;
use dechaff::source::rows::FieldNames;
use dechaff::source::site::SiteBy;
use dechaff::visible::visible;
use dechaff::{Config, sink};

use super::{exit_code, tell};
use crate::args::{CleanArgs, Format, Mode};
use crate::running::{Shown, run_to_code};
use crate::standard;
use crate::summary::{RunSettings, Summary, run_record};

pub fn run(args: &CleanArgs) -> anyhow::Result<u8> {
    run_to_code(|stop| clean(args, stop))
}

fn clean(args: &CleanArgs, stop: Arc<AtomicBool>) -> Result<u8, RunError> {
    let started = Instant::now();
    let config = args.corpus.config(&args.engine);
    let cleaner = args.engine.cleaner(config.clone())?;
    let mode = match args.mode {
        Mode::Drop => sink::render::Mode::Drop,
        Mode::Tag => sink::render::Mode::Tag,
        Mode::Spans => sink::render::Mode::Spans,
    };
    let record_format = args.output_format.of_records();
    let tells_ids = args.removed.is_some() || args.mode == Mode::Spans;
    let reading = args.reading.options(&args.corpus);
    let options = RunOptions {
        mode,
        record_format,
        fields: FieldNames {
            id: tells_ids.then(|| args.id_field.clone()),
            ..reading.fields.clone()
        },
        max_removed_percent: args.max_removed,
        output_packing: one_file(args).and_then(|(_, output)| Packing::named(output)),
        stop,
        meter: args.stats.is_some().then(Arc::<Meter>::default),
        ..reading
    };
    let side_files: Vec<&Path> = [&args.removed, &args.rejects, &args.stats, &args.write_index]
        .into_iter()
        .flatten()
        .map(AsRef::as_ref)
        .collect();
    let has_rows = match args.reading.format {
        Format::Jsonl | Format::Parquet => true,
        Format::Warc => record_format == RecordFormat::Jsonl,
        Format::Auto | Format::Text | Format::Html => false,
    };
    let key_file = args.corpus.key.key_file.as_ref();
    // A part may grow in its place.
    let index = args.index.iter();
    let index = index.filter(|path| args.write_index.as_ref() != Some(path));
    let reads: Vec<&Path> = args
        .engine
        .model_files()
        .chain(key_file.map(|file| &*file.path))
        .chain(index.chain(&args.gold).map(AsRef::as_ref))
        .collect();
    let request = Request {
        inputs: &args.inputs,
        reads: &reads,
        output: output(args)?,
        side_files: &side_files,
        overwrite: args.overwrite,
        record_format,
        follow: args.reading.follow,
        resume: args.resume,
        has_companions: args.mode == Mode::Spans && !has_rows,
    };
    let streams = Streams {
        input: Box::new(standard::Input::new(Arc::clone(&options.stop))),
        output: Box::new(std::io::stdout()),
    };
    plan::check_temp_dir(&options)?;
    check_gold(&args.gold)?;
    let loaded = loaded_index(args, &config, &options)?;
    let plan = plan::plan(&request, streams)?;
    plan::check_tables(&plan.inputs, args.reading.format(), &options)?;
    let again = inputs_of_pass_one(args, &config, &plan.inputs, options.site_by)?;
    let plan::Plan {
        inputs,
        open_sink,
        run,
    } = plan;
    let mut settings = args.settings.clone();
    let largest = (
        "--max-page-bytes".to_owned(),
        options.max_page_bytes.to_string(),
    );
    settings.push(largest);
    let wanted = Wanted {
        settings,
        inputs: &inputs,
        side_files: &side_files,
        every: Duration::from_secs(args.checkpoint.into()),
    };
    if let Some(code) = run.as_ref().map_or(Ok(None), |run| run.code(&wanted))? {
        if !args.quiet {
            tell("dechaff: this run has ended already; nothing is left to do");
        }
        return Ok(code);
    }
    if !args.quiet {
        note_packing(args);
    }
    let sink = open_sink()?;
    let mut run = run.map(|run| run.begin(wanted)).transpose()?;
    let prefix = run
        .as_ref()
        .map_or(TEMPORARY_PREFIX.to_owned(), Run::prefix);
    let (removed, rejects) = (args.removed.as_deref(), args.rejects.as_deref());
    let files = match &mut run {
        Some(run) => run.side_files(removed, rejects)?,
        None => SideFiles::create(removed, rejects, &prefix)?,
    };
    let stats = args.stats.as_deref();
    let stats = stats
        .map(|path| AtomicFile::at(path, &prefix))
        .transpose()?;
    let mut progress = Shown::new(
        &args.inputs,
        if again.is_some() { 2 } else { 1 },
        args.quiet,
    );
    let index = match again {
        Some(inputs) => {
            let settings = pipeline::settings(&config, &options);
            let kept = run
                .as_ref()
                .and_then(|run| run.index(&settings, &config.key, &options));
            match kept.filter(|_| has_written_index(args)) {
                Some(index) => Some(index),
                None => {
                    let begun = Instant::now();
                    let options = &options.without_ids();
                    let mut source = source(args, inputs, run.as_mut(), options, false);
                    let index =
                        pass_one(args, &config, &mut *source, &mut progress, options, &prefix)?;
                    if let Some(run) = &run {
                        run.keep_index(&index, begun.elapsed())?;
                    }
                    Some(index)
                }
            }
        }
        None => loaded,
    };
    let cleaner = match index {
        Some(index) => cleaner.with_index(Arc::new(index)),
        None => cleaner,
    };
    // Of what was done before nobody knows the digests.
    let is_whole = !files.goes_on();
    let output_kind = output_kind(request.output, &inputs);
    let digested = (stats.is_some() && is_whole).then(|| Digested::new(&*sink, output_kind));
    let told: &dyn Sink = match &digested {
        Some(digested) => digested,
        None => &*sink,
    };
    let mut source = source(args, inputs, run.as_mut(), &options, is_whole);
    let done = pipeline::clean(&cleaner, &mut *source, told, files, &mut progress, &options);
    progress.finish();
    let counts = match done {
        Err(error @ RunError::TooMuchRemoved { .. }) => {
            // Whoever went on with it would be stopped again.
            run.map_or(Ok(()), Run::abandon)?;
            return Err(error);
        }
        Err(error) => {
            if run.as_ref().is_some_and(Run::is_of_use) {
                tell("dechaff: the same command with --resume goes on from here");
            }
            return Err(error);
        }
        Ok(counts) => counts,
    };

    let summary = Summary::new(counts, started.elapsed());
    drop(source);
    if let (Some(stats), Some(meter)) = (stats, &options.meter) {
        let settings = RunSettings {
            engine: &args.engine,
            config: &config,
            options: &options,
            format: args.reading.format(),
            has_index: args.index.is_some(),
            follow: args.reading.follow,
            id_field: &args.id_field,
        };
        let mut record = run_record(
            &summary,
            meter.measured(),
            digested.as_ref().map(Digested::sum),
            &settings,
        );
        if !args.gold.is_empty() {
            record.accuracy = Some(accuracy(args)?);
        }
        record.ledger = beside(args.removed.as_deref(), args.stats.as_deref());
        let mut json = serde_json::to_vec_pretty(&record).expect("a run record is JSON");
        json.push(b'\n');
        let mut stats = Box::new(stats);
        stats.write(&json)?;
        stats.finish()?;
    }
    if !args.quiet {
        tell(summary.to_text().trim_end());
    }
    assert!(counts.adds_up(), "bytes in = kept + removed + rejected");
    drop((cleaner, sink));
    let code = exit_code(counts.problems);
    run.map_or(Ok(()), |run| run.end(code))?;
    Ok(code)
}

/// A source over inputs, whose files are listed if the run wants that.
fn source(
    args: &CleanArgs,
    inputs: Vec<Input>,
    run: Option<&mut Run>,
    options: &RunOptions,
    is_digested: bool,
) -> Box<dyn Source> {
    let meter = options.meter.as_ref().filter(|_| is_digested);
    let inputs = options
        .source(inputs, args.reading.format())
        .digested(meter.map(|meter| meter.inputs()));
    match run {
        Some(run) => Box::new(run.list(inputs)),
        None => Box::new(inputs),
    }
}

/// Whether nothing is left to do for --write-index once an index is there.
fn has_written_index(args: &CleanArgs) -> bool {
    args.write_index.as_ref().is_none_or(|path| path.exists())
}

/// What is to be read before anything is cleaned; None where one pass will do.
fn inputs_of_pass_one(
    args: &CleanArgs,
    config: &Config,
    inputs: &[Input],
    site_by: SiteBy,
) -> Result<Option<Vec<Input>>, RunError> {
    if args.index.is_some() && args.write_index.is_none() {
        return Ok(None);
    }
    let is_asked_for =
        config.corpus_duplicates.is_some() || config.page_duplicates || args.write_index.is_some();
    let again: Option<Vec<Input>> = inputs.iter().map(Input::again).collect();
    if again.is_none() && is_asked_for {
        return Err(RunError::Refused(
            "standard input can be read once: duplicates across pages are found in files, or \
             with --index"
                .to_owned(),
        ));
    }
    let format = args.reading.format();
    let has_sites = config.needs_site() && site_by != SiteBy::None;
    let has_pages = inputs.len() > 1 || inputs.iter().any(|input| input.may_hold_pages(format));
    Ok(again.filter(|_| is_asked_for || has_sites && has_pages))
}

/// The index that replaces pass one. It is looked at before anything is written.
fn loaded_index(
    args: &CleanArgs,
    config: &Config,
    options: &RunOptions,
) -> Result<Option<CorpusIndex>, RunError> {
    let Some(path) = &args.index else {
        return Ok(None);
    };
    let settings = pipeline::settings(config, options);
    if args.write_index.is_none() {
        return index_files::load(path, &settings, &config.key, options).map(Some);
    }
    let kind = index_files::check(path, &settings)?;
    if kind != Kind::Part {
        return Err(RunError::Refused(format!(
            "{} is a {}: pages can be added to a part only",
            path.display(),
            kind.word()
        )));
    }
    Ok(None)
}

/// The corpus index of the inputs, and of the part that --index names.
fn pass_one(
    args: &CleanArgs,
    config: &Config,
    source: &mut dyn Source,
    progress: &mut Shown,
    options: &RunOptions,
    prefix: &str,
) -> Result<CorpusIndex, RunError> {
    let settings = pipeline::settings(config, options);
    let Some(written) = &args.write_index else {
        let pass = PassOne::default();
        return pipeline::index_corpus(config, source, pass, progress, options);
    };
    let mut count = |path: &Path, is_part_only| {
        let mut part = PartFile::create(path, &settings, prefix)?;
        let pass = PassOne {
            part: Some(&mut part),
            is_part_only,
            ..PassOne::default()
        };
        let index = pipeline::index_corpus(config, source, pass, progress, options)?;
        part.finish()?;
        Ok(index)
    };
    let Some(before) = &args.index else {
        return count(written, false);
    };
    let own = index_files::temporary(&options.temp_directory())?;
    count(&own, true)?;
    index_files::merge(&[before.as_path(), &own], written, options, prefix)?;
    index_files::freeze(&[written], &config.key, options)
}

fn not_gold(error: impl std::fmt::Display) -> RunError {
    RunError::Refused(format!("cannot read labelled pages: {error}"))
}

/// Refuses labelled pages that cannot be read, a page at a time: they are not held while the run
/// goes on.
fn check_gold(gold: &[PathBuf]) -> Result<(), RunError> {
    for path in gold {
        for page in GoldReader::open(path).map_err(not_gold)? {
            page.map_err(not_gold)?;
        }
    }
    Ok(())
}

/// The accuracy of the run's settings on labelled pages.
fn accuracy(args: &CleanArgs) -> Result<Evaluation, RunError> {
    let pages =
        super::eval::read_pages(&args.gold, super::eval::Markup::Unread).map_err(not_gold)?;
    let config = args.engine.config();
    let cleaner = args.engine.cleaner(config.clone())?;
    let cleaner = match config.needs_site() {
        true => cleaner.with_index(Arc::new(index_pages(&pages, &config))),
        false => cleaner,
    };
    let options = EvalOptions {
        pages: true,
        ..EvalOptions::default()
    };
    Ok(evaluate(&[("model", &cleaner)], &pages, options))
}

/// The name of a file that lies in the same directory as another: nothing else of its path.
fn beside(file: Option<&Path>, other: Option<&Path>) -> Option<String> {
    let (file, other) = (file?, other?);
    let is_beside = file.parent()? == other.parent()?;
    let name = file.file_name().filter(|_| is_beside)?;
    name.to_str().map(str::to_owned)
}

/// What makes two outputs equal: a directory's names count, others do not.
fn output_kind(output: Option<&Path>, inputs: &[Input]) -> OutputKind {
    match (output, inputs) {
        (Some(output), _) if output == Path::new(STANDARD_STREAM) => OutputKind::Stream,
        (_, [Input::File(_) | Input::Stream(..)]) => OutputKind::File,
        _ => OutputKind::Tree,
    }
}

/// The input and the output where one file is made of one.
fn one_file(args: &CleanArgs) -> Option<(&Path, &Path)> {
    let [input] = &args.inputs[..] else {
        return None;
    };
    let output = args.output.as_deref()?;
    let is_file = !args.dry_run && output != Path::new(STANDARD_STREAM) && !input.is_dir();
    is_file.then_some((input, output))
}

/// Says that an output is packed as its input is, though its name says nothing of it.
fn note_packing(args: &CleanArgs) {
    let Some((input, output)) = one_file(args) else {
        return;
    };
    let is_plain = output.extension().is_some() && Packing::named(output).is_none();
    let mut start = Vec::new();
    let read = File::open(input).and_then(|file| file.take(4).read_to_end(&mut start));
    if let Some(packing) = Packing::told(&start).filter(|_| is_plain && read.is_ok()) {
        let output = visible(output.as_os_str().as_encoded_bytes());
        let packing = packing.word();
        tell(&format!(
            "{output}: note: packed with {packing}, as its input is"
        ));
    }
}

/// Where pages go; None in a dry run. Standard input goes to standard output unless the user
/// names another place.
fn output(args: &CleanArgs) -> Result<Option<&Path>, RunError> {
    let stream = Path::new(STANDARD_STREAM);
    match &args.output {
        _ if args.dry_run => Ok(None),
        Some(output) => Ok(Some(output)),
        None if args.inputs.iter().all(|input| input == stream) => Ok(Some(stream)),
        None => Err(RunError::Refused(
            "name the output with -o, or give --dry-run".to_owned(),
        )),
    }
}
