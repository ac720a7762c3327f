//! Values in, bins out: how an additive score turns a number into one weight of a table.

/// A feature: its name and how many bins it has. Each bin has one weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// What is shown to users.
    pub name: &'static str,
    /// Number of bins; a bin is an index below it.
    pub bins: usize,
}

/// The bin of a value: how many of the ascending `edges` it reaches.
#[inline]
pub(super) fn bin<const N: usize>(value: f32, edges: &[f32; N]) -> usize {
    let reached: u32 = edges.iter().map(|&edge| u32::from(value >= edge)).sum();
    reached as usize
}

/// The log-odds that one weight of each feature's table add up to.
#[inline]
pub(super) fn log_odds<const N: usize>(bias: f32, weights: &[&[f32]; N], bins: &[usize; N]) -> f32 {
    let mut sum = bias;
    for (table, &bin) in weights.iter().zip(bins) {
        sum += table[bin];
    }
    sum
}

/// The likelihood that belongs to log-odds: the logistic function.
///
/// `libm` computes it the same way on every machine.
#[inline]
pub(super) fn likelihood(log_odds: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-log_odds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_an_edge_is_in_the_upper_bin() {
        let edges = [1.0, 5.0];
        let bins: Vec<usize> = [0.0, 0.99, 1.0, 4.9, 5.0, 1e9]
            .into_iter()
            .map(|value| bin(value, &edges))
            .collect();
        assert_eq!(bins, [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn likelihoods_lie_in_zero_to_one() {
        assert_eq!(likelihood(0.0), 0.5);
        assert!(likelihood(50.0) <= 1.0 && likelihood(-50.0) >= 0.0);
        assert!(likelihood(f32::MAX) == 1.0 && likelihood(f32::MIN) == 0.0);
    }
}
