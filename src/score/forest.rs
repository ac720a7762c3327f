//! Columns of codes in, a sum of leaves for each line out: boosted oblivious trees.
//!
//! A tree of depth d asks the same d questions of every line ("is this code above that one?")
//! and the answers, as a number, choose its leaf (Kohavi 1995; Prokhorenkova 2018). So there
//! is no branch to mispredict, and a question is asked of [`BLOCK_LINES`] lines at a time.
//! Leaves are whole numbers, so that sums are the same on every machine.

use crate::simd::trees::Trees;
pub use crate::simd::trees::{BLOCK_LINES, Split};

/// Deepest tree.
pub const MAX_DEPTH: usize = 8;
/// Most trees of a forest.
pub const MAX_TREES: usize = 10_000;

/// Codes of a feature, one for each line of a block.
pub type Row = [u8; BLOCK_LINES];

/// Codes of a page's lines, one byte a line and feature: by blocks of lines, and in a block a row
/// a feature.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    rows: Vec<Row>,
    features: usize,
    lines: usize,
    /// The codes of one feature, as they are set.
    flat: Vec<u8>,
}

impl Columns {
    /// Makes room for `lines` lines of `features` features. Codes are those of an earlier page
    /// until they are set.
    pub fn reset(&mut self, features: usize, lines: usize) {
        self.lines = lines;
        self.features = features;
        let rows = features * lines.div_ceil(BLOCK_LINES);
        self.rows.resize(rows, [0; BLOCK_LINES]);
        self.flat.resize(lines, 0);
    }

    /// Number of lines.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The codes by blocks of lines: a row for each feature. Those behind the last line mean
    /// nothing.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = &[Row]> {
        self.rows.chunks_exact(self.features.max(1))
    }

    /// The same, to be set.
    pub fn blocks_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [Row]> {
        self.rows.chunks_exact_mut(self.features.max(1))
    }

    /// The code of a line.
    #[inline]
    pub fn code(&self, feature: usize, line: usize) -> u8 {
        self.rows[line / BLOCK_LINES * self.features + feature][line % BLOCK_LINES]
    }

    /// Sets the codes of some of a line's features, from the column `first` on.
    ///
    /// # Panics
    ///
    /// There are fewer features, or no such line.
    #[inline]
    pub fn set<const N: usize>(&mut self, line: usize, first: usize, codes: &[u8; N]) {
        let rows = &mut self.rows[line / BLOCK_LINES * self.features + first..][..N];
        for (row, &code) in rows.iter_mut().zip(codes) {
            row[line % BLOCK_LINES] = code;
        }
    }

    /// The codes of some of the lines.
    pub fn stretch(&self, lines: std::ops::Range<usize>) -> Columns {
        let mut stretch = Columns::default();
        stretch.reset(self.features, lines.len());
        for feature in 0..self.features {
            stretch.fill(feature, lines.clone().map(|line| self.code(feature, line)));
        }
        stretch
    }

    /// Sets the codes of a feature, one a line.
    #[inline(always)]
    pub fn fill(&mut self, feature: usize, codes: impl Iterator<Item = u8>) {
        // One plain loop over the page; by rows it is dearer.
        for (flat, code) in self.flat.iter_mut().zip(codes) {
            *flat = code;
        }
        self.scatter(feature);
    }

    /// Sets the code of a feature, one for all lines.
    pub fn fill_with(&mut self, feature: usize, code: u8) {
        let rows = self.rows.iter_mut().skip(feature);
        for row in rows.step_by(self.features.max(1)) {
            *row = [code; BLOCK_LINES];
        }
    }

    /// Sets the code of a feature for each line to what `flat` holds.
    fn scatter(&mut self, feature: usize) {
        let rows = self.rows.iter_mut().skip(feature);
        let mut rows = rows.step_by(self.features.max(1));
        let (whole, rest) = self.flat.as_chunks();
        for (codes, row) in whole.iter().zip(rows.by_ref()) {
            *row = *codes;
        }
        if let Some(row) = rows.next() {
            row[..rest.len()].copy_from_slice(rest);
        }
    }
}

/// Trees as they are grown, their leaves as they are found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grown {
    /// What is added to every sum.
    pub bias: f32,
    /// Questions of a tree.
    pub depth: usize,
    /// `depth` questions a tree; the answer to the first is the lowest bit of the leaf.
    pub splits: Vec<Split>,
    /// `2^depth` leaves a tree, in log-odds.
    pub leaves: Vec<f32>,
}

impl Grown {
    /// The forest of these trees: leaves rounded to steps so fine that no sum leaves 16 bits.
    ///
    /// # Panics
    ///
    /// There are more than [`MAX_TREES`], they are deeper than [`MAX_DEPTH`], or a leaf is no
    /// number.
    pub fn rounded(self) -> Forest {
        let trees = self.leaves.len() >> self.depth;
        assert!(trees <= MAX_TREES, "{trees} trees are too many");
        let each_tree = self.leaves.chunks_exact(1 << self.depth);
        let largest = |leaves: &[f32]| {
            leaves
                .iter()
                .fold(0.0, |max: f32, leaf| max.max(leaf.abs()))
        };
        let most: f64 = each_tree.map(largest).map(f64::from).sum();
        // Rounding may add half a step to each tree's leaf.
        let room = f64::from(i16::MAX) - trees as f64;
        let step = (most / room).max(1e-9) as f32;
        let leaves = self.leaves.iter().map(|leaf| (leaf / step).round() as i16);
        let trees = Trees::new(self.depth, self.splits, leaves.collect());
        Forest {
            bias: self.bias,
            step,
            trees: trees.expect("leaves are numbers, and steps leave room"),
        }
    }
}

/// Trees of one depth whose leaves add up to log-odds.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    /// What is added to every sum.
    pub(super) bias: f32,
    /// Log-odds of one step of a leaf.
    pub(super) step: f32,
    pub(super) trees: Trees,
}

impl Default for Forest {
    /// One without trees.
    fn default() -> Self {
        let grown = Grown {
            depth: 1,
            ..Grown::default()
        };
        grown.rounded()
    }
}

impl Forest {
    /// Number of trees.
    pub fn trees(&self) -> usize {
        self.each_tree().len()
    }

    /// The questions and leaves of each tree, leaves in steps.
    pub fn each_tree(&self) -> impl ExactSizeIterator<Item = (&[Split], &[i16])> {
        self.trees.each()
    }

    /// The features that its questions are about, with repeats.
    pub fn features(&self) -> impl Iterator<Item = usize> {
        let splits = self.trees.splits().iter();
        splits.map(|split| usize::from(split.feature))
    }

    /// Replaces `sums` by the log-odds of each line.
    pub fn sums(&self, columns: &Columns, sums: &mut Vec<f32>) {
        sums.clear();
        for block in columns.blocks() {
            let steps = self.trees.sums(block);
            sums.extend(steps.map(|steps| self.bias + f32::from(steps) * self.step));
        }
        sums.truncate(columns.lines);
    }

    /// What each feature adds to a line's log-odds, `codes` being its code of each feature.
    ///
    /// A tree's mean leaf counts for all lines alike; each question then moves the mean of the
    /// leaves that are left, and the move is its feature's (Saabas 2014). `each` is called once
    /// a question.
    pub fn explain(&self, code: impl Fn(usize) -> u8, mut each: impl FnMut(usize, f32)) {
        for (splits, leaves) in self.each_tree() {
            let mut left = leaves;
            for split in splits.iter().rev() {
                let feature = usize::from(split.feature);
                let (no, yes) = left.split_at(left.len() / 2);
                let half = if code(feature) > split.above { yes } else { no };
                each(feature, self.mean(half) - self.mean(left));
                left = half;
            }
        }
    }

    /// Mean log-odds of some leaves.
    fn mean(&self, leaves: &[i16]) -> f32 {
        let sum: i64 = leaves.iter().copied().map(i64::from).sum();
        sum as f32 * self.step / leaves.len() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forest() -> Forest {
        let grown = Grown {
            bias: 0.5,
            depth: 2,
            splits: [(0, 3), (1, 7), (1, 0), (0, 200)]
                .map(|(feature, above)| Split { feature, above })
                .into(),
            leaves: vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, -128.0],
        };
        grown.rounded()
    }

    fn sums(codes: &[[u8; 2]]) -> Vec<f32> {
        let mut columns = Columns::default();
        columns.reset(2, codes.len());
        for (line, codes) in codes.iter().enumerate() {
            columns.set(line, 0, codes);
        }
        let mut sums = Vec::new();
        forest().sums(&columns, &mut sums);
        sums
    }

    #[test]
    fn every_line_gets_the_leaves_that_its_answers_choose() {
        let codes: Vec<[u8; 2]> = (0..77_u8).map(|line| [line * 3, line % 11]).collect();
        let sums = sums(&codes);
        assert_eq!(sums.len(), codes.len());
        for (codes, sum) in codes.iter().zip(&sums) {
            let first = usize::from(codes[0] > 3) + 2 * usize::from(codes[1] > 7);
            let second = usize::from(codes[1] > 0) + 2 * usize::from(codes[0] > 200);
            let expected = 0.5 + [1.0, 2.0, 4.0, 8.0][first] + [16.0, 32.0, 64.0, -128.0][second];
            assert!((sum - expected).abs() < 0.01, "{codes:?}");
        }
    }

    #[test]
    fn columns_are_filled_by_line_and_by_feature() {
        let mut columns = Columns::default();
        for lines in [0, 1, 31, 32, 33, 70] {
            columns.reset(3, lines);
            for line in 0..lines {
                columns.set(line, 0, &[line as u8, 7]);
            }
            columns.fill(2, (0..lines).map(|line| 100 + line as u8));
            for line in 0..lines {
                let codes = [0, 1, 2].map(|feature| columns.code(feature, line));
                assert_eq!(codes, [line as u8, 7, 100 + line as u8]);
            }
        }
    }

    #[test]
    fn what_features_add_is_the_whole_sum() {
        let forest = forest();
        let mean: f32 = forest
            .each_tree()
            .map(|(_, leaves)| forest.mean(leaves))
            .sum();
        for codes in [[0, 0], [4, 8], [255, 1], [3, 7]] {
            let mut added = 0.0;
            forest.explain(|feature| codes[feature], |_, value| added += value);
            let sum = sums(&[codes])[0];
            assert!((forest.bias + mean + added - sum).abs() < 1e-4);
        }
    }

    #[test]
    fn many_large_leaves_fit() {
        let grown = Grown {
            bias: 0.0,
            depth: 1,
            splits: vec![Split::default(); MAX_TREES],
            leaves: [3.0e5, -1.0].repeat(MAX_TREES),
        };
        let step = grown.clone().rounded().step;
        assert!(step > 3.0e5 / 4.0 && grown.rounded().trees() == MAX_TREES);
    }
}
