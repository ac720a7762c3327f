//! Labelled pages and a cleaner in, the lines that it most often removes as template out: for
//! reading by eye whether body is among them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::gold::{GoldPage, Label};
use crate::cleaner::{Cleaner, Workspace};
use crate::decide::Reason;

/// A line that was removed as its site's template ([`Reason::Template`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateLine {
    /// The site: the pages' domain.
    pub site: String,
    /// The line without white space around it.
    pub line: String,
    /// Pages on which it was removed.
    pub removed: u64,
    /// What those lines are; more than pages where a page holds the line several times.
    pub labels: LabelCounts,
}

/// Lines by label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCounts {
    /// [`Label::Body`].
    pub body: u64,
    /// [`Label::Boilerplate`].
    pub boilerplate: u64,
    /// [`Label::Either`].
    pub either: u64,
}

impl LabelCounts {
    fn add(&mut self, label: Label) {
        let count = match label {
            Label::Body => &mut self.body,
            Label::Boilerplate => &mut self.boilerplate,
            Label::Either => &mut self.either,
        };
        *count += 1;
    }
}

/// The lines that `cleaner` removes as template on most pages, `per_site` of each site.
///
/// Sites stand in order of name, a site's lines by falling number of pages, then by text. The
/// cleaner needs an index of the pages' corpus, see [`super::index_pages`]; without one no
/// line is a template. Pages are cleaned by rayon's current pool.
pub fn frequent_templates(
    cleaner: &Cleaner,
    pages: &[GoldPage],
    per_site: usize,
) -> Vec<TemplateLine> {
    let removed: Vec<Vec<usize>> = pages
        .par_iter()
        .map_init(Workspace::default, |workspace, page| {
            template_lines(cleaner, page, workspace)
        })
        .collect();
    let mut sites: BTreeMap<&str, BTreeMap<&str, (u64, LabelCounts)>> = BTreeMap::new();
    for (page, mut lines) in pages.iter().zip(removed) {
        let Some(domain) = &page.domain else { continue };
        let site = sites.entry(domain).or_default();
        let text = |line: usize| page.lines[line].trim();
        lines.sort_by_key(|&line| text(line));
        for same in lines.chunk_by(|&a, &b| text(a) == text(b)) {
            let (pages, labels) = site.entry(text(same[0])).or_default();
            *pages += 1;
            same.iter().for_each(|&line| labels.add(page.labels[line]));
        }
    }
    let mut templates = Vec::new();
    for (site, lines) in sites {
        let mut lines: Vec<_> = lines.into_iter().collect();
        lines.sort_by_key(|(_, (pages, _))| Reverse(*pages));
        let lines = lines.into_iter().take(per_site);
        templates.extend(lines.map(|(line, (removed, labels))| TemplateLine {
            site: site.to_owned(),
            line: line.to_owned(),
            removed,
            labels,
        }));
    }
    templates
}

/// Indices of the page's lines that go as template.
fn template_lines(cleaner: &Cleaner, page: &GoldPage, workspace: &mut Workspace) -> Vec<usize> {
    let text = page.text();
    let cleaned = cleaner.clean_page_at(page.page(&text), &page.address(), workspace);
    let lines = cleaned.lines().iter().zip(cleaned.verdicts());
    let templates = lines
        .filter(|(_, verdict)| matches!(verdict.reason, Reason::Template { .. }))
        .map(|(line, _)| line.number - 1)
        .collect();
    workspace.reclaim(cleaned);
    templates
}
