//! `dechaff train`: labelled pages in, a model file out.

use anyhow::Context;
use dechaff::eval::{GoldPage, Label};
use dechaff::fingerprint::Fingerprint;
use dechaff::pipeline::model_file;
use dechaff::score::Reads;
use dechaff::train::{TrainOptions, train};
use dechaff::visible::visible;

use super::{CLEAN, USAGE, eval, tell};
use crate::args::{Preset, TrainArgs};

pub fn run(args: &TrainArgs) -> anyhow::Result<u8> {
    dechaff::pipeline::plan::check_output(&args.output, args.overwrite)?;
    let mut pages =
        eval::read_pages(&args.gold, args.html).context("cannot read labelled pages")?;
    let is_unknown = |name: &&String| pages.iter().all(|page| page.source != **name);
    if let Some(name) = args.leave_out.iter().find(is_unknown) {
        return refuse(&format!("--leave-out {name}: no page is of this source"));
    }
    pages.retain(|page| !args.leave_out.contains(&page.source));
    let is_learned = |label: &Label| *label != Label::Either;
    if !pages.iter().any(|page| page.labels.iter().any(is_learned)) {
        return refuse("no line is labelled body or boilerplate: nothing to learn from");
    }
    let mut options = match args.preset {
        Preset::Fast => TrainOptions::fast(),
        Preset::Accurate => TrainOptions::accurate(),
    };
    options.seed = args.seed;
    if args.html {
        options.reads = Reads::Html;
        options.name.push_str("-html");
    }
    if let Some(trees) = args.trees {
        let forests = options.steps.iter_mut().flatten();
        let fitted = forests.filter(|forest| forest.trees > 0);
        fitted.for_each(|forest| forest.trees = trees as usize);
    }
    if let Some(count) = args.pages {
        pages = draw(pages, count as usize, args.seed);
    }
    if let Some(name) = &args.name {
        options.name.clone_from(name);
    }
    let model = fit(&pages, &options, args.quiet);
    model_file::write(&model, &args.output)?;
    Ok(CLEAN)
}

fn refuse(why: &str) -> anyhow::Result<u8> {
    tell(&format!("dechaff: {}", visible(why.as_bytes())));
    Ok(USAGE)
}

fn fit(pages: &[GoldPage], options: &TrainOptions, is_quiet: bool) -> dechaff::score::Model {
    train(pages, options, &mut |message| {
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
