//! `dechaff eval`: labelled pages in, accuracy figures out.

use std::io::Write;

use anyhow::Context;
use dechaff::eval::{EvalOptions, GoldReader, evaluate};
use dechaff::score::reference::{BestRun, TerminalPunctuation};
use dechaff::{Cleaner, Config};

use super::CLEAN;
use crate::args::EvalArgs;

pub fn run(args: &EvalArgs) -> anyhow::Result<u8> {
    let rule = |scorer| {
        let config = Config {
            page_repeats: false,
            ..Config::default()
        };
        Cleaner::with_scorer(config, scorer)
    };
    let dechaff = Cleaner::new(args.engine.config())?;
    let c4 = rule(Box::new(TerminalPunctuation))?;
    let best_run = rule(Box::new(BestRun))?;
    let cleaners = [
        ("dechaff", &dechaff),
        ("terminal punctuation (C4)", &c4),
        ("best run (BTE)", &best_run),
    ];
    let mut readers = Vec::new();
    for path in &args.gold {
        readers.push(GoldReader::open(path).context("cannot read labelled pages")?);
    }
    let options = EvalOptions {
        include_headlines: args.headlines,
    };
    let evaluation = evaluate(&cleaners, readers.into_iter().flatten(), options)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &evaluation).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        out.write_all(evaluation.to_text().as_bytes())?;
    }
    out.flush()?;
    Ok(CLEAN)
}
