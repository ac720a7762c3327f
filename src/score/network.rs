//! The codes of a page's lines in, log-odds of each [`Kind`](super::Kind) out: a small
//! convolutional network over the lines.
//!
//! Trees see a line's neighbours through windows that somebody thought of; a network finds its
//! own. Every line becomes [`CHANNELS`] numbers; blocks of dilated convolutions (Yu 2016) with
//! shortcuts (He 2016) let each line see up to 31 lines on either side, and the block in the
//! middle sees the mean and the largest value of the whole page besides.
//!
//! Each sum is made in one order, and no product is fused with a sum, so the same page has the
//! same scores on every machine, however wide its vectors are.

use std::array::from_fn;

use super::KINDS;
use super::forest::{BLOCK_LINES, Columns};
use crate::simd::widest;

/// Numbers that stand for a line inside the network.
pub const CHANNELS: usize = 32;
/// How far the three lines that a block looks at lie apart, block by block.
pub const DILATIONS: [usize; BLOCKS] = [1, 2, 4, 8, 16];
/// Numbers between the last block and the answers.
pub const HIDDEN: usize = 32;
/// Blocks.
pub const BLOCKS: usize = 5;
/// The block that sees the whole page.
pub(crate) const PAGE_BLOCK: usize = 2;
/// Lines that a block looks at.
pub(crate) const TAPS: usize = 3;
/// Features whose codes become numbers at a time.
const CODED: usize = 16;

/// What stands for a line between two blocks.
pub(crate) type State = [f32; CHANNELS];
/// Weights from one state to the next: a row for each number that comes in.
pub(crate) type Square = [State; CHANNELS];

/// A fitted network.
///
/// Invariant: `weights.len()` is [`weight_count`] of `features`.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    features: usize,
    weights: Vec<f32>,
}

/// The weights of a network of so many features.
pub fn weight_count(features: usize) -> usize {
    (features + 1) * CHANNELS
        + BLOCKS * (TAPS * CHANNELS + 1) * CHANNELS
        + 2 * CHANNELS * CHANNELS
        + (CHANNELS + 1) * HIDDEN
        + (HIDDEN + 1) * KINDS
}

/// The weights by what they do, in the order in which they are stored.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'w> {
    /// A row for each feature.
    pub input: &'w [State],
    pub input_bias: &'w State,
    pub blocks: [Block<'w>; BLOCKS],
    /// What the page's mean and its largest values add to [`PAGE_BLOCK`].
    pub page: [&'w Square; 2],
    pub hidden: &'w [[f32; HIDDEN]; CHANNELS],
    pub hidden_bias: &'w [f32; HIDDEN],
    pub answers: &'w [[f32; KINDS]; HIDDEN],
    pub answers_bias: &'w [f32; KINDS],
}

/// A dilated convolution: weights of the line before, the line itself and the line behind.
#[derive(Clone, Copy)]
pub(crate) struct Block<'w> {
    pub taps: [&'w Square; TAPS],
    pub bias: &'w State,
}

/// Takes matrices off the front of the weights.
struct Stored<'w>(&'w [f32]);

impl<'w> Stored<'w> {
    fn rows<const N: usize>(&mut self, count: usize) -> &'w [[f32; N]] {
        let (rows, behind) = self.0.split_at(count * N);
        self.0 = behind;
        rows.as_chunks().0
    }

    fn row<const N: usize>(&mut self) -> &'w [f32; N] {
        &self.rows(1)[0]
    }

    fn matrix<const N: usize, const M: usize>(&mut self) -> &'w [[f32; N]; M] {
        let rows = self.rows(M);
        rows.as_array().expect("as many rows as asked for")
    }
}

impl<'w> Layers<'w> {
    pub fn of(features: usize, weights: &'w [f32]) -> Self {
        let mut stored = Stored(weights);
        Layers {
            input: stored.rows(features),
            input_bias: stored.row(),
            blocks: from_fn(|_| Block {
                taps: from_fn(|_| stored.matrix()),
                bias: stored.row(),
            }),
            page: from_fn(|_| stored.matrix()),
            hidden: stored.matrix(),
            hidden_bias: stored.row(),
            answers: stored.matrix(),
            answers_bias: stored.row(),
        }
    }

    /// The states of a page's lines before the first block.
    #[inline(always)]
    pub fn enter(&self, columns: &Columns, states: &mut Vec<State>) {
        const PAIRS: usize = BLOCK_LINES / 2;
        states.clear();
        states.resize(columns.lines().next_multiple_of(2), *self.input_bias);
        let mut codes = [[[0.0; 2]; PAIRS]; CODED];
        for (states, rows) in states.chunks_mut(BLOCK_LINES).zip(columns.blocks()) {
            for (rows, weights) in rows.chunks(CODED).zip(self.input.chunks(CODED)) {
                for (codes, row) in codes.iter_mut().zip(rows) {
                    codes
                        .as_flattened_mut()
                        .copy_from_slice(&row.map(f32::from));
                }
                let pairs = states.as_chunks_mut().0;
                for (pair, states) in pairs.iter_mut().enumerate().take(PAIRS) {
                    let codes = codes.iter().map(|codes| codes[pair]);
                    multiply_add_pair(states, codes, weights);
                }
            }
        }
        relu(states.as_flattened_mut());
        states.truncate(columns.lines());
    }

    /// The states behind a block. `kept` scales what the block adds, number by number.
    #[inline(always)]
    pub fn run_block(&self, block: usize, kept: &State, states: &[State], behind: &mut Vec<State>) {
        let Block { taps, bias } = self.blocks[block];
        let bias = match block {
            PAGE_BLOCK => self.page_bias(bias, &PageState::of(states)),
            _ => *bias,
        };
        let (lines, dilation) = (states.len(), DILATIONS[block]);
        behind.resize(lines, [0.0; CHANNELS]);
        // All lines of a stretch have one that far before them, or none has; so behind them.
        let (first_seen, last_seen) = (dilation.min(lines), lines.saturating_sub(dilation));
        let cuts = [
            0,
            first_seen.min(last_seen),
            first_seen.max(last_seen),
            lines,
        ];
        for cut in cuts.windows(2) {
            let stretch = cut[0]..cut[1];
            let before = stretch.start.checked_sub(dilation);
            let after = stretch.start + dilation;
            let after = (stretch.end + dilation <= lines).then_some(after);
            let seen = [before, Some(stretch.start), after]
                .map(|first| first.map(|first| &states[first..][..stretch.len()]));
            let (pairs, last) = behind[stretch].as_chunks_mut::<2>();
            for (pair, behind) in pairs.iter_mut().enumerate() {
                let seen = seen.map(|seen| seen.map(|seen| &seen.as_chunks().0[pair]));
                convolve_pair(behind, seen, taps, &bias, kept);
            }
            if let [behind] = last {
                let seen = seen.map(|seen| seen.and_then(<[State]>::last));
                *behind = convolve(seen, taps, &bias, kept);
            }
        }
    }

    #[inline(always)]
    fn page_bias(&self, bias: &State, page: &PageState) -> State {
        let mut bias = *bias;
        multiply_add(&mut bias, &page.mean, self.page[0]);
        multiply_add(&mut bias, &page.largest, self.page[1]);
        bias
    }

    /// A line's numbers before the answers.
    #[inline(always)]
    pub fn hidden(&self, state: &State) -> [f32; HIDDEN] {
        let mut hidden = *self.hidden_bias;
        multiply_add(&mut hidden, state, self.hidden);
        relu(&mut hidden);
        hidden
    }

    /// A line's log-odds of each kind.
    #[inline(always)]
    pub fn answers(&self, hidden: &[f32; HIDDEN]) -> [f32; KINDS] {
        let mut answers = *self.answers_bias;
        multiply_add(&mut answers, hidden, self.answers);
        answers
    }
}

/// A page as a whole.
pub(crate) struct PageState {
    pub mean: State,
    pub largest: State,
}

impl PageState {
    #[inline(always)]
    pub fn of(states: &[State]) -> Self {
        let mut sums = [0.0_f64; CHANNELS];
        let mut largest = [f32::MIN; CHANNELS];
        for state in states {
            for (channel, &value) in state.iter().enumerate() {
                sums[channel] += f64::from(value);
                largest[channel] = largest[channel].max(value);
            }
        }
        PageState {
            mean: sums.map(|sum| (sum / states.len() as f64) as f32),
            largest,
        }
    }
}

#[inline(always)]
fn relu(values: &mut [f32]) {
    for value in values {
        *value = value.max(0.0);
    }
}

#[inline(always)]
pub(crate) fn add_scaled<const N: usize>(sums: &mut [f32; N], by: f32, weights: &[f32; N]) {
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum += by * weight;
    }
}

#[inline(always)]
pub(crate) fn multiply_add<const N: usize, const M: usize>(
    sums: &mut [f32; N],
    seen: &[f32; M],
    weights: &[[f32; N]; M],
) {
    let mut own = *sums;
    for (&seen, weights) in seen.iter().zip(weights) {
        add_scaled(&mut own, seen, weights);
    }
    *sums = own;
}

/// [`multiply_add`] of two lines side by side: each weight is loaded once for both, and one's sums
/// need not wait for their last addition while the other's are made.
#[inline(always)]
pub(crate) fn multiply_add_pair<const N: usize>(
    sums: &mut [[f32; N]; 2],
    seen: impl Iterator<Item = [f32; 2]>,
    weights: &[[f32; N]],
) {
    let [mut first, mut second] = *sums;
    for ([of_first, of_second], weights) in seen.zip(weights) {
        let numbers = first.iter_mut().zip(&mut second).zip(weights);
        for ((first, second), weight) in numbers {
            *first += of_first * weight;
            *second += of_second * weight;
        }
    }
    *sums = [first, second];
}

/// The states of two lines behind a block, from those that they see.
#[inline(always)]
fn convolve_pair(
    behind: &mut [State; 2],
    seen: [Option<&[State; 2]>; TAPS],
    taps: [&Square; TAPS],
    bias: &State,
    kept: &State,
) {
    let mut sums = [*bias; 2];
    for (seen, weights) in seen.into_iter().zip(taps) {
        if let Some([first, second]) = seen {
            let seen = first.iter().zip(second);
            let seen = seen.map(|(&first, &second)| [first, second]);
            multiply_add_pair(&mut sums, seen, weights);
        }
    }
    let states = seen[1].expect("lines see themselves");
    for ((behind, state), sum) in behind.iter_mut().zip(states).zip(&mut sums) {
        *behind = added(state, sum, kept);
    }
}

/// The state of a line behind a block, from those that it sees.
#[inline(always)]
fn convolve(
    seen: [Option<&State>; TAPS],
    taps: [&Square; TAPS],
    bias: &State,
    kept: &State,
) -> State {
    let mut sum = *bias;
    for (seen, weights) in seen.into_iter().zip(taps) {
        if let Some(seen) = seen {
            multiply_add(&mut sum, seen, weights);
        }
    }
    added(seen[1].expect("a line sees itself"), &mut sum, kept)
}

/// A state with what a block adds to it.
#[inline(always)]
fn added(state: &State, sum: &mut State, kept: &State) -> State {
    relu(sum);
    let mut next = [0.0; CHANNELS];
    for (next, ((state, sum), kept)) in next.iter_mut().zip(state.iter().zip(sum).zip(kept)) {
        *next = state + *sum * kept;
    }
    next
}

/// Working memory of a network, kept from page to page: 256 bytes a line.
#[derive(Debug, Default)]
pub struct States {
    states: Vec<State>,
    behind: Vec<State>,
}

impl Network {
    /// A network of these weights; None where they are not as many as [`weight_count`] says.
    pub fn new(features: usize, weights: Vec<f32>) -> Option<Self> {
        let is_whole = weights.len() == weight_count(features);
        is_whole.then_some(Network { features, weights })
    }

    /// The features that it reads: the first of a page's columns.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Whether a feature's codes change anything.
    pub(crate) fn asks(&self, feature: usize) -> bool {
        let input = Layers::of(self.features, &self.weights).input;
        input[feature].iter().any(|&weight| weight != 0.0)
    }

    /// All weights, in the order in which they are stored.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Replaces `log_odds` by those of each line.
    pub fn log_odds(
        &self,
        columns: &Columns,
        memory: &mut States,
        log_odds: &mut [Vec<f32>; KINDS],
    ) {
        widest(
            #[inline(always)]
            || self.answer(columns, memory, log_odds),
        );
    }

    #[inline(always)]
    fn answer(&self, columns: &Columns, memory: &mut States, log_odds: &mut [Vec<f32>; KINDS]) {
        const ALL: State = [1.0; CHANNELS];
        let layers = Layers::of(self.features, &self.weights);
        let States { states, behind } = memory;
        layers.enter(columns, states);
        for block in 0..BLOCKS {
            layers.run_block(block, &ALL, states, behind);
            std::mem::swap(states, behind);
        }
        log_odds.iter_mut().for_each(Vec::clear);
        for state in states {
            let answers = layers.answers(&layers.hidden(state));
            for (log_odds, answer) in log_odds.iter_mut().zip(answers) {
                log_odds.push(answer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(at: usize) -> f32 {
        (at * 2_654_435_761 % 1009) as f32 / 1009.0 - 0.5
    }

    fn network(features: usize) -> Network {
        let weights = (0..weight_count(features)).map(|at| number(at) / 8.0);
        Network::new(features, weights.collect()).expect("as many as counted")
    }

    fn columns(features: usize, lines: usize) -> Columns {
        let mut columns = Columns::default();
        columns.reset(features, lines);
        for feature in 0..features {
            let code = |line| (line * 7 + feature * 31) as u8 / 5;
            columns.fill(feature, (0..lines).map(code));
        }
        columns
    }

    /// A line after the other, a number after the other.
    fn naive(network: &Network, columns: &Columns) -> Vec<[f32; KINDS]> {
        fn add<const N: usize>(sums: &mut [f32; N], seen: &[f32], weights: &[[f32; N]]) {
            assert_eq!(seen.len(), weights.len());
            for (seen, weights) in seen.iter().zip(weights) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += seen * weight;
                }
            }
        }
        let layers = Layers::of(network.features, &network.weights);
        let enter = |line| {
            let codes: Vec<f32> = (0..network.features)
                .map(|feature| columns.code(feature, line).into())
                .collect();
            let mut state = *layers.input_bias;
            add(&mut state, &codes, layers.input);
            state.map(|value| value.max(0.0))
        };
        let mut states: Vec<State> = (0..columns.lines()).map(enter).collect();
        for (number, block) in layers.blocks.iter().enumerate() {
            let mut bias = *block.bias;
            if number == PAGE_BLOCK {
                let page = PageState::of(&states);
                add(&mut bias, &page.mean, layers.page[0]);
                add(&mut bias, &page.largest, layers.page[1]);
            }
            let behind = |(line, state): (usize, &State)| {
                let mut sum = bias;
                for (tap, weights) in block.taps.into_iter().enumerate() {
                    let seen = (line + tap * DILATIONS[number]).checked_sub(DILATIONS[number]);
                    if let Some(seen) = seen.and_then(|seen| states.get(seen)) {
                        add(&mut sum, seen, weights);
                    }
                }
                from_fn(|channel| state[channel] + sum[channel].max(0.0))
            };
            states = states.iter().enumerate().map(behind).collect();
        }
        let answers = |state: &State| {
            let mut hidden = *layers.hidden_bias;
            add(&mut hidden, state, layers.hidden);
            let mut answers = *layers.answers_bias;
            add(
                &mut answers,
                &hidden.map(|value| value.max(0.0)),
                layers.answers,
            );
            answers
        };
        states.iter().map(answers).collect()
    }

    #[test]
    fn wide_plain_and_naive_code_say_the_same() {
        // Memory of a larger page, then of smaller ones.
        let [mut memory, mut plain_memory] = [(); 2].map(|()| States::default());
        let [mut wide, mut plain] = [const { [const { Vec::new() }; KINDS] }; 2];
        for lines in [70, 0, 1, 2, 3, 8, 9, 16, 17, 31, 32, 33, 64, 65] {
            for features in [0, 3, CODED, 2 * CODED + 5] {
                let (network, columns) = (network(features), columns(features, lines));
                network.log_odds(&columns, &mut memory, &mut wide);
                network.answer(&columns, &mut plain_memory, &mut plain);
                let bits = |value: f32| value.to_bits();
                let naive = naive(&network, &columns);
                for (kind, (wide, plain)) in wide.iter().zip(&plain).enumerate() {
                    let wide: Vec<u32> = wide.iter().copied().map(bits).collect();
                    assert!(wide.iter().copied().eq(plain.iter().copied().map(bits)));
                    let naive = naive.iter().map(|answers| bits(answers[kind]));
                    assert!(wide.into_iter().eq(naive), "{lines} lines, {features}");
                }
            }
        }
    }

    #[test]
    fn answers_differ_from_line_to_line() {
        let mut log_odds = Default::default();
        network(3).log_odds(&columns(3, 70), &mut States::default(), &mut log_odds);
        let [boilerplate, ..] = log_odds;
        assert!(boilerplate.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn an_empty_page_has_no_answers() {
        let network = Network::new(0, vec![0.1; weight_count(0)]).expect("as many as counted");
        let mut log_odds = Default::default();
        network.log_odds(&Columns::default(), &mut States::default(), &mut log_odds);
        assert!(log_odds.iter().all(Vec::is_empty));
        assert_eq!(Network::new(1, vec![0.1; weight_count(0)]), None);
    }
}
