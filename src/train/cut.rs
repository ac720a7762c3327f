//! Scores of labelled pages in, a forest out that knows what each of a page's cuts comes to.

use rayon::prelude::*;

use super::boost::{self, Examples, ForestOptions};
use super::page::TrainingPage;
use crate::config::{Config, Threshold};
use crate::decide::{PageFindings, decide_page};
use crate::duplicates::Duplicates;
use crate::eval::{GoldPage, TokenPage};
use crate::score::codes::likelihood;
use crate::score::cut::{self, CUTS, PageSteps};
use crate::score::forest::{Columns, Forest};
use crate::score::{Kind, Score};
use crate::templates::Templates;

/// What is learned of a page: the codes of its cuts, a column a feature, and for each cut the
/// mean of the word F1 and the 4-gram F1 that it comes to.
struct CutPage {
    columns: Vec<Vec<u8>>,
    promises: Vec<f32>,
}

impl CutPage {
    /// `page` knows its log-odds by fits on other pages.
    fn new(gold: &GoldPage, page: &TrainingPage) -> Self {
        let facts = page.facts();
        let log_odds = page.log_odds[Kind::Boilerplate as usize].iter();
        let scores: Vec<f32> = log_odds.map(|&log_odds| likelihood(log_odds)).collect();
        let mut steps = PageSteps::default();
        steps.fill(facts.cut_lines(&scores));
        let mut columns = Columns::default();
        steps.features(&mut columns);
        let tokens = TokenPage::new(gold);
        let scores: Vec<Score> = scores
            .iter()
            .map(|&score| Score::of_boilerplate(score, score))
            .collect();
        let mut verdicts = Vec::new();
        let promise = |cut: usize| {
            let cut = cut::cut(cut);
            let config = Config {
                threshold: Threshold::At(cut),
                ..Config::default()
            };
            let findings = PageFindings {
                evidence: facts.evidence,
                repeats: facts.repeats,
                templates: &Templates::default(),
                duplicates: &Duplicates::default(),
                duplicate_of: None,
                scores: &scores,
                cut: cut::Cut::at(cut),
            };
            decide_page(&config, &findings, &mut verdicts);
            let lines = facts.evidence.lines.iter().zip(&verdicts);
            let kept = lines.filter(|(_, verdict)| verdict.is_kept);
            let (ngrams, word_f1) = tokens.compare(kept.map(|(line, _)| line.number - 1));
            ((ngrams.f1() + word_f1) / 2.0) as f32
        };
        CutPage {
            promises: (0..CUTS).map(promise).collect(),
            columns: (0..cut::FEATURES.len())
                .map(|feature| (0..CUTS).map(|cut| columns.code(feature, cut)).collect())
                .collect(),
        }
    }
}

/// Fits the forest that chooses a page's cut, to pages that know their log-odds by fits on other
/// pages. What a page counts is in `weights`.
pub(super) fn fit(
    golds: &[GoldPage],
    pages: &[TrainingPage],
    weights: &[f32],
    options: &ForestOptions,
    seed: u64,
) -> Forest {
    let cut_pages: Vec<CutPage> = golds
        .par_iter()
        .zip(pages)
        .map(|(gold, page)| CutPage::new(gold, page))
        .collect();
    let column = |feature: usize| {
        let parts = cut_pages.iter().map(|page| &*page.columns[feature]);
        parts.collect::<Vec<&[u8]>>().concat()
    };
    let each_cut = |weight: &f32| std::iter::repeat_n(*weight, CUTS);
    let examples = Examples {
        columns: (0..cut::FEATURES.len()).map(column).collect(),
        targets: cut_pages
            .iter()
            .flat_map(|page| page.promises.clone())
            .collect(),
        weights: weights.iter().flat_map(each_cut).collect(),
    };
    boost::fit(&examples, options, seed)
}
