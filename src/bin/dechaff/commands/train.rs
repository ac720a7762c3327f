//! `dechaff train`: labelled pages in, a model file out.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use dechaff::error::ConfigError;
use dechaff::eval::{EvalOptions, GoldPage, Label, evaluate, index_pages};
use dechaff::fingerprint::Fingerprint;
use dechaff::pipeline::model_file;
use dechaff::score::{FeatureGroup, LearnedScorer, Model, Reads};
use dechaff::train::teach::read_taught;
use dechaff::train::{TrainOptions, set_aside, train};
use dechaff::{Cleaner, Config};

use super::{CLEAN, eval, refused, tell};
use crate::args::{self, Part, Preset, TrainArgs};

pub fn run(args: &TrainArgs) -> anyhow::Result<u8> {
    let read = args.gold.iter().chain(&args.unlabelled);
    let teachers = std::iter::once(&args.teacher).chain(&args.html_teacher);
    let teachers = teachers.filter(|name| args::is_model_file(name));
    let read: Vec<PathBuf> = read.chain(teachers).cloned().collect();
    dechaff::pipeline::plan::check_output(&args.output, &read, args.overwrite)?;
    let mut options = match args.preset {
        Preset::Fast => TrainOptions::fast(),
        Preset::Accurate => TrainOptions::accurate(),
    };
    if args.html {
        options = options.for_html();
    }
    args.without
        .iter()
        .for_each(|&part| leave_out(part, &mut options));
    let markup = match args.html {
        true => eval::Markup::Lines,
        false => eval::Markup::Places,
    };
    let mut pages = eval::read_pages(&args.gold, markup).context("cannot read labelled pages")?;
    let is_unknown = |name: &&String| pages.iter().all(|page| page.source != **name);
    if let Some(name) = args.leave_out.iter().find(is_unknown) {
        return Ok(refused(&format!(
            "--leave-out {name}: no page is of this source"
        )));
    }
    pages.retain(|page| !args.leave_out.contains(&page.source));
    let is_learned = |label: &Label| *label != Label::Either;
    if !pages.iter().any(|page| page.labels.iter().any(is_learned)) {
        return Ok(refused(
            &"no line is labelled body or boilerplate: nothing to learn from",
        ));
    }
    options.seed = args.seed;
    if let Some(trees) = args.trees {
        let forests = options.steps.iter_mut().flatten();
        let fitted = forests.filter(|forest| forest.trees > 0);
        fitted.for_each(|forest| forest.trees = trees as usize);
    }
    if let Some(steps) = args.steps {
        let most = options.steps.len();
        if usize::from(steps) > most {
            return Ok(refused(&format!("--steps {steps}: this preset has {most}")));
        }
        options = options.with_steps(steps.into());
    }
    if let Some(count) = args.pages {
        pages = draw(pages, count as usize, args.seed);
    }
    if let Some(name) = &args.name {
        options.name.clone_from(name);
    }
    let taught = taught(args, options.reads)?;
    if let Some(percent) = args.aside {
        let (others, aside) = set_aside(pages.clone(), percent, args.seed);
        if others.is_empty() || aside.is_empty() {
            return Ok(refused(&format!(
                "--aside {percent}: {} pages stay and {} are set aside; each site stays whole",
                others.len(),
                aside.len()
            )));
        }
        let model = fit(&others, &taught, &options, args.quiet);
        let said = beside_built_in(model, &aside, args)?;
        io::stdout().lock().write_all(said.as_bytes())?;
    }
    let model = fit(&pages, &taught, &options, args.quiet);
    model_file::write(&model, &args.output)?;
    Ok(CLEAN)
}

/// How a model does on pages that it was not fitted on, beside the one that comes with dechaff.
fn beside_built_in(model: Model, aside: &[GoldPage], args: &TrainArgs) -> anyhow::Result<String> {
    let preset = args.preset.name();
    let built_in = |reads| Model::built_in(preset, reads).expect("every preset is built in");
    let text = LearnedScorer::new(built_in(Reads::Text));
    let (own, theirs) = match model.reads() {
        Reads::Text => (LearnedScorer::new(Arc::new(model)), text),
        Reads::Html => (
            text.clone().with_html(Arc::new(model)),
            text.with_html(built_in(Reads::Html)),
        ),
    };
    let config = Config::default();
    let index = Arc::new(index_pages(aside, &config));
    let cleaner = |scorer: LearnedScorer| {
        let cleaner = Cleaner::with_scorer(config.clone(), Box::new(scorer))?;
        Ok::<Cleaner, ConfigError>(cleaner.with_index(Arc::clone(&index)))
    };
    let (own, theirs) = (cleaner(own)?, cleaner(theirs)?);
    let evaluation = evaluate(
        &[(preset, &theirs), ("this model", &own)],
        aside,
        EvalOptions::default(),
    );
    let difference = &evaluation.differences[0];
    let interval = difference.intervals.map(|intervals| intervals.word_f1);
    let verdict = match interval {
        Some(interval) if interval.low > 0.0 => "better",
        Some(interval) if interval.high < 0.0 => "worse",
        _ => "neither better nor worse, as far as these pages tell",
    };
    Ok(format!(
        "{} pages set aside\n{}word F1: {verdict}\n",
        aside.len(),
        evaluation.side_by_side_text()
    ))
}

/// The pages of --unlabelled as the teacher labels them.
fn taught(args: &TrainArgs, reads: Reads) -> anyhow::Result<Vec<GoldPage>> {
    let mut taught = Vec::new();
    if args.unlabelled.is_empty() {
        return Ok(taught);
    }
    let teacher = args::cleaner(
        Config::default(),
        &args.teacher,
        args.html_teacher.as_deref(),
    )?;
    for path in &args.unlabelled {
        let pages = read_taught(path, &teacher, reads).context("cannot read unlabelled pages")?;
        taught.extend(pages);
    }
    if !args.quiet {
        let labels = || taught.iter().flat_map(|page| &page.labels);
        let unsure = labels().filter(|label| **label == Label::Either).count();
        tell(&format!(
            "{} pages taught, {} lines, {unsure} of them not sure",
            taught.len(),
            labels().count()
        ));
    }
    Ok(taught)
}

/// Takes a part out of the model that is fitted.
fn leave_out(part: Part, options: &mut TrainOptions) {
    options.without.push(match part {
        Part::Networks => return options.networks = 0,
        Part::Cut => return options.cut.trees = 0,
        Part::Hints => return options.hint_bits = None,
        Part::Shape => FeatureGroup::Shape,
        Part::Words => FeatureGroup::Words,
        Part::Vocabulary => FeatureGroup::Vocabulary,
        Part::Neighbours => FeatureGroup::Neighbours,
        Part::Windows => FeatureGroup::Windows,
        Part::Runs => FeatureGroup::Runs,
        Part::Page => FeatureGroup::Page,
        Part::Position => FeatureGroup::Position,
        Part::Repeats => FeatureGroup::Repeats,
        Part::Site => FeatureGroup::Site,
        Part::Comments => FeatureGroup::Comments,
        Part::Markup => FeatureGroup::Markup,
    });
}

fn fit(pages: &[GoldPage], taught: &[GoldPage], options: &TrainOptions, is_quiet: bool) -> Model {
    train(pages, taught, options, &mut |message| {
        if !is_quiet {
            tell(message);
        }
    })
}

/// Some of the pages, in their order.
fn draw(pages: Vec<GoldPage>, count: usize, seed: u64) -> Vec<GoldPage> {
    let place = |page: &GoldPage| Fingerprint::of(format!("{seed} {}", page.id).as_bytes());
    let mut places: Vec<Fingerprint> = pages.iter().map(place).collect();
    places.sort_unstable();
    let Some(&last) = places.get(count.saturating_sub(1)) else {
        return pages;
    };
    pages
        .into_iter()
        .filter(|page| place(page) <= last)
        .collect()
}
