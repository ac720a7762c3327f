//! `dechaff index`: indexes and parts made, merged, frozen and shown.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use dechaff::collect::ServedPages;
use dechaff::error::RunError;
use dechaff::index::format::Kind;
use dechaff::index::{CorpusIndex, Site};
use dechaff::pipeline::index_files::{self, PartFile};
use dechaff::pipeline::plan::{self, Request};
use dechaff::pipeline::{self, PassOne, RunOptions};
use dechaff::sink::atomic::TEMPORARY_PREFIX;
use dechaff::sink::records::RecordFormat;
use dechaff::visible::visible;

use super::{CLEAN, exit_code, tell};
use crate::args::{IndexBuildArgs, IndexCommand, IndexFreezeArgs, IndexInfoArgs, IndexJoinArgs};
use crate::json;
use crate::running::{Shown, at_stdout, run_to_code};

pub fn run(command: &IndexCommand) -> anyhow::Result<u8> {
    run_to_code(|stop| match command {
        IndexCommand::Build(args) => build(args, stop),
        IndexCommand::Merge(args) => {
            let options = join_options(args, stop)?;
            index_files::merge(
                &paths(&args.parts),
                &args.output,
                &options,
                TEMPORARY_PREFIX,
            )?;
            Ok(CLEAN)
        }
        IndexCommand::Freeze(args) => {
            let IndexFreezeArgs { join, key } = args;
            let options = join_options(join, stop)?;
            let key = key.key();
            let index = index_files::freeze(&paths(&join.parts), &key, &options)?;
            index_files::write(&index, &join.output)?;
            Ok(CLEAN)
        }
        IndexCommand::Info(args) => info(args, stop),
    })
}

fn paths(parts: &[PathBuf]) -> Vec<&Path> {
    parts.iter().map(PathBuf::as_path).collect()
}

fn join_options(args: &IndexJoinArgs, stop: Arc<AtomicBool>) -> Result<RunOptions, RunError> {
    // The whole may take the place of a part.
    plan::check_output(&args.output, &[], args.overwrite)?;
    let options = RunOptions {
        stop,
        ..args.memory.options()
    };
    plan::check_temp_dir(&options)?;
    Ok(options)
}

fn build(args: &IndexBuildArgs, stop: Arc<AtomicBool>) -> Result<u8, RunError> {
    let config = args.corpus.config(&args.engine);
    let options = RunOptions {
        stop,
        ..args.reading.options(&args.corpus)
    };
    plan::check_temp_dir(&options)?;
    let key_file = args.corpus.key.key_file.as_ref();
    let reads: Vec<&Path> = key_file.map(|file| &*file.path).into_iter().collect();
    let request = Request {
        inputs: &args.inputs,
        reads: &reads,
        output: None,
        side_files: &[&args.output],
        overwrite: args.overwrite,
        record_format: RecordFormat::default(),
        follow: args.reading.follow,
        resume: false,
        has_companions: false,
    };
    let inputs = plan::plan_files(&request)?;
    let mut source = options.source(inputs, args.reading.format());
    let mut progress = Shown::new(&args.inputs, 1, args.quiet);
    let mut part = match args.part {
        Some(_) => {
            let settings = pipeline::settings(&config, &options);
            Some(PartFile::create(&args.output, &settings, TEMPORARY_PREFIX)?)
        }
        None => None,
    };
    let pass = PassOne {
        is_part_only: part.is_some(),
        part: part.as_mut(),
        shard: args.part,
        serves: ServedPages::Any,
        tells_problems: true,
    };
    let index = pipeline::index_corpus(&config, &mut source, pass, &mut progress, &options);
    progress.finish();
    let index = index?;
    match part {
        Some(part) => part.finish()?,
        None => {
            index_files::write(&index, &args.output)?;
            if !args.quiet {
                tell(&summary(&index));
            }
        }
    }
    Ok(exit_code(progress.problems))
}

fn summary(index: &CorpusIndex) -> String {
    format!(
        "{} files, {} sites, {} pages of sites, {} keys on sites, {} in the corpus",
        index.names.len(),
        index.sites.len(),
        index.pages,
        index.on_sites.len(),
        index.in_corpus.len()
    )
}

/// Sites, largest first.
fn largest_sites(index: &CorpusIndex, count: usize) -> Vec<&Site> {
    let mut sites: Vec<&Site> = index.sites.values().collect();
    sites.sort_unstable_by(|left, right| {
        let by_pages = right.pages.cmp(&left.pages);
        by_pages.then_with(|| left.name.cmp(&right.name))
    });
    if count > 0 {
        sites.truncate(count);
    }
    sites
}

fn info(args: &IndexInfoArgs, stop: Arc<AtomicBool>) -> Result<u8, RunError> {
    let options = RunOptions {
        stop,
        ..RunOptions::default()
    };
    let (kind, settings) = index_files::kind(&args.file)?;
    // A frozen index is shown without its key: no site is looked up in it.
    let key = args.key.key();
    let mut wanted = settings.clone();
    if kind == Kind::Part || args.key.key_file.is_some() {
        wanted.key = key.name().map(str::to_owned);
    }
    let index = index_files::load(&args.file, &wanted, &key, &options)?;
    let file = args.file.display().to_string();
    let sites = largest_sites(&index, args.sites);
    let mut out = Vec::new();
    if args.json {
        let sites = sites.iter().map(|site| site_json(site, args.lines));
        let shown = serde_json::json!({
            "file": file,
            "kind": match kind { Kind::Part => "part", Kind::Frozen => "frozen" },
            "version": dechaff::index::format::VERSION,
            "settings": settings.to_text(),
            "files": index.names.len(),
            "pages": index.pages,
            "sites": index.sites.len(),
            "site_keys": index.on_sites.len(),
            "corpus_keys": index.in_corpus.len(),
            "largest_sites": sites.collect::<Vec<_>>(),
        });
        json::write_safe(&shown, &mut out).map_err(at_stdout)?;
        out.push(b'\n');
    } else {
        out.extend_from_slice(info_text(args, kind, &index, &sites).as_bytes());
    }
    let written = std::io::stdout().lock().write_all(&out);
    written.map_err(at_stdout)?;
    Ok(CLEAN)
}

fn info_text(args: &IndexInfoArgs, kind: Kind, index: &CorpusIndex, sites: &[&Site]) -> String {
    let file = visible(args.file.as_os_str().as_encoded_bytes());
    let settings = visible(index.settings.to_text().as_bytes());
    let mut out = format!("{file}: {}\nsettings: {settings}\n", kind.word());
    out.push_str(&summary(index));
    out.push('\n');
    for site in sites {
        out.push_str(&format!(
            "\n{} pages  {}\n",
            site.pages,
            visible(&site.name)
        ));
        for line in site.templates.iter().take(args.lines) {
            let percent = f64::from(line.pages) * 100.0 / f64::from(site.pages.max(1));
            let text = visible(&line.text);
            out.push_str(&format!("{:>8} {percent:>5.1} %  {text}\n", line.pages));
        }
    }
    out
}

fn site_json(site: &Site, lines: usize) -> serde_json::Value {
    let templates = site.templates.iter().take(lines).map(|line| {
        serde_json::json!({
            "pages": line.pages,
            "share": f64::from(line.pages) / f64::from(site.pages.max(1)),
            "text": String::from_utf8_lossy(&line.text),
        })
    });
    serde_json::json!({
        "site": String::from_utf8_lossy(&site.name),
        "pages": site.pages,
        "templates": templates.collect::<Vec<_>>(),
    })
}
