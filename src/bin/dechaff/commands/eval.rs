//! `dechaff eval`: labelled pages in, accuracy figures out.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anstyle::Style;
use anyhow::Context;
use dechaff::error::{ConfigError, RunError};
use dechaff::eval::{
    EvalOptions, Evaluation, GoldError, GoldPage, GoldReader, TemplateLine, WorstPage, evaluate,
    frequent_templates, html, index_pages,
};
use dechaff::score::Scorer;
use dechaff::score::reference::{BestRun, TerminalPunctuation};
use dechaff::visible::visible;
use dechaff::{Cleaner, Config};
use serde::Serialize;

use super::{CLEAN, refused};
use crate::args::{self, EvalArgs, EvalScorer};
use crate::json;
use crate::summary::engine_settings;
use crate::terminal::Terminal;

/// Columns of a line of a page.
const TEXT_COLUMNS: usize = 100;

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
    let pages = read_pages(&args.gold, Markup::lines_if(args.html))
        .context("cannot read labelled pages")?;
    if pages.is_empty() {
        return Ok(refused(&"no labelled page to measure on"));
    }
    let models = models(&pages, args)?;
    let model = &models[0].1;
    let c4 = rule(Box::new(TerminalPunctuation))?;
    let best_run = rule(Box::new(BestRun))?;
    let named = args.scorers.iter().map(|scorer| match scorer {
        EvalScorer::Model => ("model", model),
        EvalScorer::TerminalPunctuation => ("terminal-punctuation", &c4),
        EvalScorer::BestRun => ("best-run", &best_run),
    });
    let beside = models[1..].iter().map(|(name, model)| (&**name, model));
    let cleaners: Vec<(&str, &Cleaner)> = named.chain(beside).collect();
    let options = EvalOptions {
        include_headlines: args.headlines,
        by: args.row_field(),
        worst: args.worst.unwrap_or_default() as usize,
        pages: args.pages,
    };
    let mut evaluation = evaluate(&cleaners, &pages, options);
    evaluation.settings = engine_settings(&args.engine, &args.engine.config());
    evaluation.settings.extend([
        (
            "scorer".to_owned(),
            cleaners.first().map(|(name, _)| *name).into(),
        ),
        ("html".to_owned(), args.html.into()),
        ("headlines".to_owned(), args.headlines.into()),
    ]);
    let templates = args
        .templates
        .map(|per_site| frequent_templates(model, &pages, per_site as usize));
    let mut out = BufWriter::new(std::io::stdout().lock());
    if args.json {
        let json = EvalJson {
            evaluation,
            templates,
        };
        json::write_safe_pretty(&json, &mut out)?;
        writeln!(out)?;
    } else {
        let mut sections = vec![evaluation.to_text()];
        if args.calibration {
            sections.push(evaluation.reliability_text());
        }
        sections.push(templates_text(&templates.unwrap_or_default()));
        sections.push(worst_text(cleaners[0].0, &evaluation.worst));
        sections.push(evaluation.side_by_side_text());
        sections.retain(|section| !section.is_empty());
        out.write_all(sections.join("\n").as_bytes())?;
    }
    out.flush()?;
    Ok(CLEAN)
}

/// The program's own cleaner with each model that is asked for, that of --model first, with what
/// the pages say of their sites where that is asked for.
fn models(pages: &[GoldPage], args: &EvalArgs) -> Result<Vec<(String, Cleaner)>, RunError> {
    let config = args.engine.config();
    let is_used = args.scorers.contains(&EvalScorer::Model)
        || args.templates.is_some()
        || !args.beside.is_empty();
    let index = (is_used && config.needs_site()).then(|| Arc::new(index_pages(pages, &config)));
    let own = args.engine.cleaner(config.clone());
    let own = std::iter::once((&args.engine.model, own));
    let beside = args.beside.iter().map(|path| {
        let (model, of_html) = match args.html {
            true => (args.engine.model.as_path(), Some(path.as_path())),
            false => (path.as_path(), None),
        };
        (path, args::cleaner(config.clone(), model, of_html))
    });
    let indexed = |(path, cleaner): (&PathBuf, Result<Cleaner, RunError>)| {
        let cleaner = cleaner?;
        let cleaner = match &index {
            Some(index) => cleaner.with_index(Arc::clone(index)),
            None => cleaner,
        };
        Ok((path.display().to_string(), cleaner))
    };
    own.chain(beside).map(indexed).collect()
}

/// A rule from the literature, alone.
fn rule(scorer: Box<dyn Scorer>) -> Result<Cleaner, ConfigError> {
    let config = Config {
        page_repeats: false,
        ..Config::default()
    };
    Cleaner::with_scorer(config, scorer)
}

/// What is made of the HTML that lies beside labelled pages.
#[derive(Clone, Copy)]
pub enum Markup {
    /// Nothing.
    Unread,
    /// The lines are those of the HTML.
    Lines,
    /// The lines stay, and it is told where their text stood, if there is any HTML.
    Places,
}

impl Markup {
    pub fn lines_if(as_html: bool) -> Markup {
        if as_html {
            Markup::Lines
        } else {
            Markup::Unread
        }
    }
}

/// The labelled pages of files.
pub fn read_pages(paths: &[PathBuf], markup: Markup) -> Result<Vec<GoldPage>, GoldError> {
    let mut pages = Vec::new();
    for path in paths {
        let of_file = GoldReader::open(path)?.collect::<Result<Vec<GoldPage>, GoldError>>()?;
        let beside = html::beside(path);
        pages.extend(match markup {
            Markup::Lines => html::read(of_file, &beside)?,
            Markup::Places if beside.is_file() => html::find_places(of_file, &beside)?,
            Markup::Unread | Markup::Places => of_file,
        });
    }
    Ok(pages)
}

/// A heading, then for each page a line of figures, and its wrong lines under a head.
fn worst_text(scorer: &str, worst: &[WorstPage]) -> String {
    if worst.is_empty() {
        return String::new();
    }
    let pages = worst.iter().map(|page| {
        let mut text = format!(
            "{} {}: line F1 {:.4}, 4gram F1 {:.4}, word F1 {:.4}; \
             {} words of body lost, {} of chaff kept\n",
            visible(page.source.as_bytes()),
            visible(page.id.as_bytes()),
            page.line_f1,
            page.ngram_f1,
            page.word_f1,
            page.body_words_lost,
            page.chaff_words_kept
        );
        if !page.wrong_lines.is_empty() {
            text.push_str("      line   score  reason       text\n");
        }
        for wrong in &page.wrong_lines {
            let score = wrong
                .score
                .map_or_else(|| "-".to_owned(), |score| format!("{score:.4}"));
            text.push_str(&format!(
                "{} {:>5}  {score:>6}  {:<11}  {}\n",
                wrong.mistake.word(),
                wrong.line,
                wrong.reason,
                shown(&wrong.text)
            ));
        }
        text
    });
    let pages: Vec<String> = pages.collect();
    format!("worst pages of {scorer}\n{}", pages.join("\n"))
}

/// A line of a page, made safe and cut.
fn shown(line: &str) -> String {
    let terminal = Terminal {
        columns: Some(TEXT_COLUMNS),
        ..Terminal::default()
    };
    terminal.show(Style::new(), &visible(line.as_bytes()))
}

/// A table for each site: on how many pages a line was removed, how many of these lines have
/// which label, the line.
fn templates_text(templates: &[TemplateLine]) -> String {
    let mut text = String::new();
    for site in templates.chunk_by(|a, b| a.site == b.site) {
        let name = visible(site[0].site.as_bytes());
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!(
            "templates of {name}\n  pages    body  boilerplate  either  line\n"
        ));
        for template in site {
            let labels = template.labels;
            text.push_str(&format!(
                "{:>7}  {:>6}  {:>11}  {:>6}  {}\n",
                template.removed,
                labels.body,
                labels.boilerplate,
                labels.either,
                shown(&template.line)
            ));
        }
    }
    text
}
