//! `dechaff eval`: labelled pages in, accuracy figures out.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anstyle::Style;
use anyhow::Context;
use dechaff::eval::{
    EvalOptions, Evaluation, GoldError, GoldPage, GoldReader, TemplateLine, evaluate,
    frequent_templates, index_pages,
};
use dechaff::score::reference::{BestRun, TerminalPunctuation};
use dechaff::visible::visible;
use dechaff::{Cleaner, Config};
use serde::Serialize;

use super::CLEAN;
use crate::args::EvalArgs;
use crate::terminal::Terminal;

/// Columns of a template's text.
const TEMPLATE_COLUMNS: usize = 100;

/// What `--json` writes.
#[derive(Serialize)]
struct EvalJson {
    #[serde(flatten)]
    evaluation: Evaluation,
    /// Stands where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    templates: Option<Vec<TemplateLine>>,
}

pub fn run(args: &EvalArgs) -> anyhow::Result<u8> {
    let rule = |scorer| {
        let config = Config {
            page_repeats: false,
            ..Config::default()
        };
        Cleaner::with_scorer(config, scorer)
    };
    let config = args.engine.config();
    let mut dechaff = Cleaner::new(config.clone())?;
    let c4 = rule(Box::new(TerminalPunctuation))?;
    let best_run = rule(Box::new(BestRun))?;
    let pages = read_pages(&args.gold).context("cannot read labelled pages")?;
    if config.needs_site() {
        dechaff = dechaff.with_index(Arc::new(index_pages(&pages, &config)));
    }
    let cleaners = [
        ("dechaff", &dechaff),
        ("terminal punctuation (C4)", &c4),
        ("best run (BTE)", &best_run),
    ];
    let options = EvalOptions {
        include_headlines: args.headlines,
        by: args.row_field(),
    };
    let evaluation = evaluate(&cleaners, &pages, options);
    let templates = args
        .templates
        .map(|per_site| frequent_templates(&dechaff, &pages, per_site as usize));
    let mut out = BufWriter::new(std::io::stdout().lock());
    if args.json {
        let json = EvalJson {
            evaluation,
            templates,
        };
        serde_json::to_writer_pretty(&mut out, &json).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        out.write_all(evaluation.to_text().as_bytes())?;
        out.write_all(templates_text(&templates.unwrap_or_default()).as_bytes())?;
    }
    out.flush()?;
    Ok(CLEAN)
}

fn read_pages(paths: &[PathBuf]) -> Result<Vec<GoldPage>, GoldError> {
    let mut pages = Vec::new();
    for path in paths {
        for page in GoldReader::open(path)? {
            pages.push(page?);
        }
    }
    Ok(pages)
}

/// A table for each site: on how many pages a line was removed, how many of these lines have
/// which label, the line.
fn templates_text(templates: &[TemplateLine]) -> String {
    let terminal = Terminal {
        columns: Some(TEMPLATE_COLUMNS),
        ..Terminal::default()
    };
    let mut text = String::new();
    for site in templates.chunk_by(|a, b| a.site == b.site) {
        let name = visible(site[0].site.as_bytes());
        text.push_str(&format!(
            "\ntemplates of {name}\n  pages    body  boilerplate  either  line\n"
        ));
        for template in site {
            let labels = template.labels;
            let line = visible(template.line.as_bytes());
            text.push_str(&format!(
                "{:>7}  {:>6}  {:>11}  {:>6}  {}\n",
                template.removed,
                labels.body,
                labels.boilerplate,
                labels.either,
                terminal.show(Style::new(), &line)
            ));
        }
    }
    text
}
