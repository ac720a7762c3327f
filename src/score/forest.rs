//! Columns of codes in, a sum of leaves for each line out: boosted oblivious trees.
//!
//! A tree of depth d asks the same d questions of every line ("is this code above that one?")
//! and the answers, as a number, choose its leaf (Kohavi 1995; Prokhorenkova 2018). So there
//! is no branch to mispredict, and a question is asked of [`BLOCK_LINES`] lines at a time.

/// Lines that are scored side by side; columns are padded to a multiple of it.
pub const BLOCK_LINES: usize = 32;
/// Deepest tree.
pub const MAX_DEPTH: usize = 8;

/// Codes of a page's lines: one column a feature, one byte a line.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    codes: Vec<u8>,
    lines: usize,
    stride: usize,
}

impl Columns {
    /// Makes room for `lines` lines of `features` features; all codes are 0.
    pub fn reset(&mut self, features: usize, lines: usize) {
        self.lines = lines;
        self.stride = lines.next_multiple_of(BLOCK_LINES);
        self.codes.clear();
        self.codes.resize(features * self.stride, 0);
    }

    /// Number of lines.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Sets a code.
    #[inline]
    pub fn set(&mut self, feature: usize, line: usize, code: u8) {
        self.codes[feature * self.stride + line] = code;
    }

    /// The codes of a feature.
    pub fn column(&self, feature: usize) -> &[u8] {
        let from = feature * self.stride;
        &self.codes[from..from + self.lines]
    }

    /// The codes of a feature, writable.
    pub fn column_mut(&mut self, feature: usize) -> &mut [u8] {
        let from = feature * self.stride;
        &mut self.codes[from..from + self.lines]
    }

    fn block(&self, feature: usize, from: usize) -> &[u8; BLOCK_LINES] {
        let from = feature * self.stride + from;
        let block = self.codes[from..].first_chunk();
        block.expect("columns are padded to whole blocks")
    }
}

/// A question: whether a feature's code is above a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The feature.
    pub feature: u8,
    /// Codes above this one answer yes.
    pub above: u8,
}

/// Trees of one depth whose leaves add up to log-odds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forest {
    /// What is added to every sum.
    pub bias: f32,
    /// Questions of a tree.
    pub depth: usize,
    /// `depth` questions a tree; the answer to the first is the lowest bit of the leaf.
    pub splits: Vec<Split>,
    /// `2^depth` leaves a tree.
    pub leaves: Vec<f32>,
}

impl Forest {
    /// Number of trees.
    pub fn trees(&self) -> usize {
        self.leaves.len() >> self.depth
    }

    /// The questions and leaves of each tree.
    pub fn each_tree(&self) -> impl Iterator<Item = (&[Split], &[f32])> {
        let splits = self.splits.chunks_exact(self.depth.max(1));
        splits.zip(self.leaves.chunks_exact(1 << self.depth))
    }

    /// Replaces `sums` by the log-odds of each line.
    pub fn sums(&self, columns: &Columns, sums: &mut Vec<f32>) {
        sums.clear();
        sums.resize(columns.lines(), 0.0);
        for (block, out) in sums.chunks_mut(BLOCK_LINES).enumerate() {
            let mut block_sums = [self.bias; BLOCK_LINES];
            for (splits, leaves) in self.each_tree() {
                let mut at = [0_u8; BLOCK_LINES];
                for (bit, split) in splits.iter().enumerate() {
                    let codes = columns.block(usize::from(split.feature), block * BLOCK_LINES);
                    for (at, &code) in at.iter_mut().zip(codes) {
                        *at |= u8::from(code > split.above) << bit;
                    }
                }
                for (sum, &at) in block_sums.iter_mut().zip(&at) {
                    *sum += leaves[usize::from(at)];
                }
            }
            out.copy_from_slice(&block_sums[..out.len()]);
        }
    }

    /// What each feature adds to a line's log-odds, `codes` being its code of each feature.
    ///
    /// A tree's mean leaf counts for all lines alike; each question then moves the mean of the
    /// leaves that are left, and the move is its feature's (Saabas 2014). `each` is called once
    /// a question.
    pub fn explain(&self, code: impl Fn(usize) -> u8, mut each: impl FnMut(usize, f32)) {
        for (splits, leaves) in self.each_tree() {
            let mut left = leaves;
            let mean = |leaves: &[f32]| leaves.iter().sum::<f32>() / leaves.len() as f32;
            for split in splits.iter().rev() {
                let feature = usize::from(split.feature);
                let (no, yes) = left.split_at(left.len() / 2);
                let half = if code(feature) > split.above { yes } else { no };
                each(feature, mean(half) - mean(left));
                left = half;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forest() -> Forest {
        Forest {
            bias: 0.5,
            depth: 2,
            splits: [(0, 3), (1, 7), (1, 0), (0, 200)]
                .map(|(feature, above)| Split { feature, above })
                .into(),
            leaves: vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0],
        }
    }

    #[test]
    fn every_line_gets_the_leaves_that_its_answers_choose() {
        let mut columns = Columns::default();
        let codes: Vec<[u8; 2]> = (0..77_u8).map(|line| [line * 3, line % 11]).collect();
        columns.reset(2, codes.len());
        for (line, codes) in codes.iter().enumerate() {
            columns.set(0, line, codes[0]);
            columns.set(1, line, codes[1]);
        }
        let mut sums = Vec::new();
        forest().sums(&columns, &mut sums);
        for (codes, sum) in codes.iter().zip(&sums) {
            let first = usize::from(codes[0] > 3) + 2 * usize::from(codes[1] > 7);
            let second = usize::from(codes[1] > 0) + 2 * usize::from(codes[0] > 200);
            let expected = 0.5 + [1.0, 2.0, 4.0, 8.0][first] + [16.0, 32.0, 64.0, 128.0][second];
            assert_eq!(*sum, expected, "{codes:?}");
        }
    }

    #[test]
    fn what_features_add_is_the_whole_sum() {
        let forest = forest();
        let mean: f32 = forest
            .each_tree()
            .map(|(_, leaves)| leaves.iter().sum::<f32>() / 4.0)
            .sum();
        for codes in [[0, 0], [4, 8], [255, 1], [3, 7]] {
            let mut added = 0.0;
            forest.explain(|feature| codes[feature], |_, value| added += value);
            let mut columns = Columns::default();
            columns.reset(2, 1);
            columns.set(0, 0, codes[0]);
            columns.set(1, 0, codes[1]);
            let mut sums = Vec::new();
            forest.sums(&columns, &mut sums);
            assert!((forest.bias + mean + added - sums[0]).abs() < 1e-4);
        }
    }
}
