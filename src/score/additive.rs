//! draft
use super::*;
/// draft
#[derive(Clone, Copy, Debug)]
pub struct AdditiveScorer;
impl Scorer for AdditiveScorer {
    fn score(&self, facts: &PageFacts<'_>, _scratch: &mut Vec<f32>, scores: &mut Vec<Score>) {
        scores.clear();
        scores.resize(facts.line_count(), Score::default());
    }
    fn explain(&self, facts: &PageFacts<'_>) -> Vec<Vec<Contribution>> {
        vec![Vec::new(); facts.line_count()]
    }
}
