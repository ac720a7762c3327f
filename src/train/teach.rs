//! Pages without labels in, the same pages as a teacher labels them out: what a model learns of
//! languages and sites of which nobody has labelled pages (self-training, Yarowsky 1995).
//!
//! The teacher reads a page's HTML where there is any, so that a model of text learns what markup
//! told. Of a line that the teacher is not sure of, or that goes as a repeat, nothing is learned.
//! Strings that are known to be body or boilerplate count more than what the teacher says.

use std::path::Path;

use bstr::ByteSlice;
use rayon::prelude::*;
use serde::Deserialize;
use serde::de::Error;

use crate::cleaner::{Cleaner, Workspace};
use crate::decide::Reason;
use crate::eval::gold::{AnyRows, body_text, domain_of};
use crate::eval::html::{Alignment, rendered};
use crate::eval::{GoldError, GoldPage, Label};
use crate::normalize::normalize_into;
use crate::score::Reads;

/// A likelihood of boilerplate that is no further from 0 or 1 is sure.
const SURE: f32 = 0.25;
/// Of a line's bytes so many percent must be a string's for the line to be what the string is.
const LEAST_SHARE_PERCENT: usize = 50;
/// A string of so many bytes tells of the only line that holds it, however long that is.
const LEAST_STRING_BYTES: usize = 12;
/// As many strings of a page are looked for, of those that must stay and of those that must go: each
/// costs a look at the whole page.
const MAX_STRINGS: usize = 256;
/// Pages that are taught at once.
const BATCH_PAGES: usize = 256;

/// What is expected of [`Row`].
const FIELDS: &str = "id (text) and lines (texts), html (text) or both";

/// A page without labels, as it stands in the file; fields that are not named here are passed over.
#[derive(Deserialize)]
struct Row {
    id: String,
    source: Option<String>,
    domain: Option<String>,
    url: Option<String>,
    lang: Option<String>,
    lines: Option<Vec<String>>,
    html: Option<String>,
    with: Option<Vec<String>>,
    without: Option<Vec<String>>,
}

/// Reads pages without labels and gives their lines labels.
///
/// The file holds JSON lines, plain or packed by gzip. A row has `id`, and `lines` (the visible text,
/// one block a line), `html` or both; it may have `source`, `domain`, `url` and `lang` as labelled
/// pages have, and strings of the page: body in `with`, boilerplate in `without`, of which the first 256
/// each are looked for.
///
/// `reads` says what is learned from: for [`Reads::Html`] a page's lines are those of its HTML, and
/// pages that have none are left out; for [`Reads::Text`] they are `lines`, or those of the HTML where
/// there are none.
///
/// # Threading
///
/// Pages are taught by rayon's current pool and come out in the file's order. Memory: the pages'
/// text, and the rows of 256 of them.
///
/// # Errors
///
/// The file cannot be read, or a row is none.
pub fn read_taught(
    path: &Path,
    teacher: &Cleaner,
    reads: Reads,
) -> Result<Vec<GoldPage>, GoldError> {
    let mut rows = AnyRows::open(path)?;
    let mut taught = Vec::new();
    loop {
        let batch = next_batch(&mut rows)?;
        if batch.is_empty() {
            return Ok(taught);
        }
        let source = rows.default_source();
        taught.par_extend(
            batch
                .into_par_iter()
                .map_init(Workspace::default, |workspace, row| {
                    teach(row, source, teacher, reads, workspace)
                })
                .flatten_iter(),
        );
    }
}

fn next_batch(rows: &mut AnyRows) -> Result<Vec<Row>, GoldError> {
    let mut batch = Vec::new();
    while batch.len() < BATCH_PAGES && rows.read()? {
        let Some(content) = rows.content() else {
            continue;
        };
        let row = serde_json::from_slice(content).and_then(|row: Row| match row {
            Row {
                lines: None,
                html: None,
                ..
            } => Err(serde_json::Error::custom("neither lines nor html")),
            row => Ok(row),
        });
        batch.push(row.map_err(|source| rows.no_row(source, FIELDS))?);
    }
    Ok(batch)
}

fn teach(
    row: Row,
    source: &str,
    teacher: &Cleaner,
    reads: Reads,
    workspace: &mut Workspace,
) -> Option<GoldPage> {
    // What the teacher reads, and what is learned from where that is something else.
    let (lines, structure, learned) = match (row.html, row.lines, reads) {
        (Some(html), lines, reads) => {
            let (of_html, structure) = rendered(&html);
            let learned = lines.filter(|_| reads == Reads::Text);
            (of_html, structure, learned)
        }
        (None, Some(lines), Reads::Text) => (lines, Default::default(), None),
        (None, ..) => return None,
    };
    let mut page = GoldPage {
        id: row.id,
        source: row.source.unwrap_or_else(|| source.to_owned()),
        domain: domain_of(row.domain, row.url.as_deref()),
        lang: row.lang,
        tier: None,
        page_type: None,
        url: row.url,
        found: None,
        omitted: None,
        labels: Vec::new(),
        lines,
        headline: Vec::new(),
        gold: String::new(),
        comments: None,
        structure,
        places: Vec::new(),
    };
    label_by(teacher, &mut page, workspace);
    if let Some(lines) = learned {
        let alignment = Alignment::of(&lines, &page.lines);
        page.labels = alignment.labels(&page.labels);
        page.places = alignment.places(&page.structure.lines);
        page.lines = lines;
        page.structure = Default::default();
    }
    let lines: Vec<Vec<u8>> = page.lines.iter().map(|line| compared(line)).collect();
    let strings = [(row.without, Label::Boilerplate), (row.with, Label::Body)];
    for (strings, label) in strings {
        mark(
            &strings.unwrap_or_default(),
            label,
            &lines,
            &mut page.labels,
        );
    }
    page.gold = body_text(&page.lines, &page.labels);
    Some(page)
}

/// Labels the lines that the teacher is sure of.
fn label_by(teacher: &Cleaner, page: &mut GoldPage, workspace: &mut Workspace) {
    let text = page.text();
    let cleaned = teacher.clean_page_at(page.page(&text), &page.address(), workspace);
    let mut labels = vec![Label::Either; page.lines.len()];
    for (line, verdict) in cleaned.lines().iter().zip(cleaned.verdicts()) {
        let likelihood = verdict.score.context;
        labels[line.number - 1] = match verdict.reason {
            Reason::Body if likelihood <= SURE => Label::Body,
            Reason::Boilerplate if likelihood >= 1.0 - SURE => Label::Boilerplate,
            _ => Label::Either,
        };
    }
    workspace.reclaim(cleaned);
    page.labels = labels;
}

/// Labels the lines that hold one of the strings; `lines` as they are compared.
fn mark(strings: &[String], label: Label, lines: &[Vec<u8>], labels: &mut [Label]) {
    for string in strings.iter().take(MAX_STRINGS) {
        let string = compared(string);
        if string.is_empty() {
            continue;
        }
        let holds = |line: &usize| lines[*line].contains_str(&string);
        let holding: Vec<usize> = (0..lines.len()).filter(holds).collect();
        let is_only = holding.len() == 1 && string.len() >= LEAST_STRING_BYTES;
        for line in holding {
            let is_most = string.len() * 100 >= lines[line].len() * LEAST_SHARE_PERCENT;
            // A part of a body line may stand elsewhere as boilerplate.
            if is_most || is_only && label == Label::Body {
                labels[line] = label;
            }
        }
    }
}

/// Normalised, and without white space: renderers differ in it.
fn compared(text: &str) -> Vec<u8> {
    let mut compared = Vec::new();
    normalize_into(text.as_bytes(), &mut compared);
    compared.retain(|byte| *byte != b' ');
    compared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const PAGE: &str = r#"{"id":"1","lines":["Menu","Related: the tide","The tide came in at noon, and nobody saw it.",
        "The tide","The tide came in again, and nobody saw it then either."],
        "with":["came in at  NOON","tide","harbour"],"without":["The tide","Related: the","came in again"]}"#;

    #[test]
    fn a_string_tells_of_lines_that_are_mostly_it() {
        use Label::{Body, Boilerplate, Either};
        let config = Config {
            score: false,
            ..Config::default()
        };
        let teacher = Cleaner::new(config).unwrap();
        let row: Row = serde_json::from_str(&PAGE.replace('\n', " ")).unwrap();
        let taught = teach(row, "set", &teacher, Reads::Text, &mut Workspace::default());
        let page = taught.unwrap();
        assert_eq!((&*page.source, page.domain), ("set", None));
        // A page that nothing scores: all of it would be body.
        assert_eq!(page.labels, [Body, Boilerplate, Body, Body, Body]);
        assert_eq!(page.gold.lines().count(), 4);
        assert!(!page.labels.contains(&Either));
    }

    #[test]
    fn of_pages_without_html_a_model_of_html_learns_nothing() {
        let teacher = Cleaner::new(Config::default()).unwrap();
        let page = |row: &str, reads| {
            let row = serde_json::from_str(row).unwrap();
            teach(row, "set", &teacher, reads, &mut Workspace::default())
        };
        let text = r#"{"id":"1","lines":["a","b"]}"#;
        assert!(page(text, Reads::Html).is_none());
        assert_eq!(page(text, Reads::Text).unwrap().lines, ["a", "b"]);
        let both =
            r#"{"id":"1","lines":["* a b c d e f g h","i"],"html":"<p>a b c d e f g h<p>i"}"#;
        let html = page(both, Reads::Html).unwrap();
        assert_eq!((html.lines.len(), html.structure.lines.len()), (2, 2));
        assert_eq!(html.lines[0], "a b c d e f g h");
        let text = page(both, Reads::Text).unwrap();
        assert_eq!(
            (&*text.lines[0], text.structure.lines.len()),
            ("* a b c d e f g h", 0)
        );
        assert_eq!(text.labels[0], html.labels[0]);
    }
}
