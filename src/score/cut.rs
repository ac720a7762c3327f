//! Scores of a page in, the cut that promises the best F1 out.

/// Steps in which cuts are tried.
const STEPS: usize = 256;
/// One in sums of likelihoods, which are whole numbers so that their order means nothing.
const ONE: u64 = 1 << 16;
/// Lines at or above this score go however little there is on the page, so that a page
/// without a body comes out empty.
pub const HIGHEST_CUT: f32 = 0.75;

/// The score from which lines of a page go, so that the expected F1 of its words is largest.
///
/// A score says how likely a line is boilerplate; with scores that are right, keeping the lines
/// of least scores up to some k makes a text of which the share that is body and the share of
/// the body that it holds can be expected. The best such F1 is F*, and a line is worth keeping
/// while its likelihood of body is above F*/2 (Lewis 1995; Ye 2012). Each line comes as its score
/// and its words. Linear time.
pub fn best_expected_f1(lines: impl Iterator<Item = (f32, u32)>) -> f32 {
    // Of each step of body likelihood: words, and words that are body.
    let mut steps = [(0_u64, 0_u64); STEPS];
    for (score, words) in lines {
        let body = 1.0 - score;
        let step = &mut steps[(body * (STEPS - 1) as f32) as usize];
        step.0 += u64::from(words) * ONE;
        step.1 += (f64::from(words) * f64::from(body) * ONE as f64) as u64;
    }
    let all_body: u64 = steps.iter().map(|step| step.1).sum();
    let mut kept = (0, 0);
    let mut best = 0.0_f64;
    for step in steps.iter().rev() {
        kept = (kept.0 + step.0, kept.1 + step.1);
        let f1 = 2.0 * kept.1 as f64 / (kept.0 + all_body).max(1) as f64;
        best = best.max(f1);
    }
    (1.0 - best as f32 / 2.0).min(HIGHEST_CUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(lines: &[(f32, u32)]) -> f32 {
        best_expected_f1(lines.iter().copied())
    }

    #[test]
    fn sure_pages_are_cut_in_the_middle() {
        assert!((cut(&[(0.0, 10), (1.0, 10)]) - 0.5).abs() < 0.01);
    }

    #[test]
    fn unsure_pages_keep_more() {
        // Keeping all: 2 * 8 / (20 + 8).
        let unsure = cut(&[(0.6, 10), (0.6, 10)]);
        assert!((unsure - (1.0 - 8.0 / 28.0)).abs() < 0.01, "{unsure}");
    }

    #[test]
    fn pages_without_a_body_come_out_empty() {
        assert_eq!(cut(&[(0.97, 10), (0.99, 5)]), HIGHEST_CUT);
        assert_eq!(cut(&[]), HIGHEST_CUT);
        assert_eq!(cut(&[(0.2, 0)]), HIGHEST_CUT);
    }
}
