//! `dechaff compare`: runs in, what sets them apart out.

use std::io::Write;
use std::path::{Path, PathBuf};

use dechaff::compare::{Allowed, CompareError, Comparison, Side, gate, show};
use dechaff::pipeline::plan;

use super::{CLEAN, INCOMPLETE, refused, write_whole};
use crate::args::{Allow, CompareArgs};
use crate::json;

pub fn run(args: &CompareArgs) -> anyhow::Result<u8> {
    if let Some(html) = &args.html {
        let read: Vec<PathBuf> = args.sides.iter().chain(&args.removed).cloned().collect();
        plan::check_output(html, &read, args.overwrite)?;
    }
    let comparison = match compare(args) {
        Ok(comparison) => comparison,
        Err(error) => return Ok(refused(&error)),
    };
    if let Some(html) = &args.html {
        write_html(html, &comparison)?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        json::write_safe_pretty(&comparison, &mut out)?;
        writeln!(out)?;
    } else if args.markdown {
        out.write_all(show::markdown(&comparison).as_bytes())?;
    } else {
        out.write_all(show::text(&comparison).as_bytes())?;
    }
    out.flush()?;
    Ok(exit_code(&comparison))
}

/// Whether a gate failed.
pub fn exit_code(comparison: &Comparison) -> u8 {
    let has_failed = comparison.gates.iter().any(|gate| gate.fired);
    if has_failed { INCOMPLETE } else { CLEAN }
}

fn compare(args: &CompareArgs) -> Result<Comparison, CompareError> {
    let sides = args.sides.iter().map(|side| Side::read(side));
    let mut sides = sides.collect::<Result<Vec<Side>, CompareError>>()?;
    for (side, ledger) in sides.iter_mut().zip(&args.removed) {
        side.ledger = Some(ledger.clone());
    }
    let allowed = Allowed {
        corpus: args.allow.contains(&Allow::Corpus),
        machine: args.allow.contains(&Allow::Machine),
    };
    let mut comparison = Comparison::of(&sides, allowed)?;
    gate::ask(&mut comparison, &args.fail_on)?;
    Ok(comparison)
}

pub fn write_html(path: &Path, comparison: &Comparison) -> anyhow::Result<()> {
    Ok(write_whole(path, show::html(comparison)?.as_bytes())?)
}
