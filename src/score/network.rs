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

use super::KINDS;
use super::forest::Columns;
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
            blocks: std::array::from_fn(|_| Block {
                taps: std::array::from_fn(|_| stored.matrix()),
                bias: stored.row(),
            }),
            page: std::array::from_fn(|_| stored.matrix()),
            hidden: stored.matrix(),
            hidden_bias: stored.row(),
            answers: stored.matrix(),
            answers_bias: stored.row(),
        }
    }

    /// The states of a page's lines before the first block.
    #[inline(always)]
    pub fn enter(&self, columns: &Columns, states: &mut Vec<State>) {
        states.clear();
        states.extend((0..columns.lines()).map(|line| {
            let mut state = *self.input_bias;
            for (feature, weights) in self.input.iter().enumerate() {
                let code = f32::from(columns.code(feature, line));
                add_scaled(&mut state, code, weights);
            }
            relu(&mut state);
            state
        }));
    }

    /// The states behind a block. `kept` scales what the block adds, number by number.
    #[inline(always)]
    pub fn run_block(&self, block: usize, kept: &State, states: &[State], behind: &mut Vec<State>) {
        let Block { taps, bias } = self.blocks[block];
        let bias = match block {
            PAGE_BLOCK => self.page_bias(bias, &PageState::of(states)),
            _ => *bias,
        };
        let dilation = DILATIONS[block];
        behind.clear();
        behind.extend(states.iter().enumerate().map(|(line, state)| {
            let mut sum = bias;
            let before = line.checked_sub(dilation).map(|line| &states[line]);
            let after = states.get(line + dilation);
            for (seen, weights) in [before, Some(state), after].into_iter().zip(taps) {
                if let Some(seen) = seen {
                    multiply_add(&mut sum, seen, weights);
                }
            }
            relu(&mut sum);
            let numbers = state.iter().zip(&sum).zip(kept);
            let mut next = [0.0; CHANNELS];
            for (next, ((state, added), kept)) in next.iter_mut().zip(numbers) {
                *next = state + added * kept;
            }
            next
        }));
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
        widest(|| self.answer(columns, memory, log_odds));
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

    #[test]
    fn wide_and_plain_code_say_the_same() {
        let (features, lines) = (3, 70);
        let number = |at: usize| (at * 2_654_435_761 % 1009) as f32 / 1009.0 - 0.5;
        let weights = (0..weight_count(features)).map(|at| number(at) / 8.0);
        let network = Network::new(features, weights.collect()).expect("as many as counted");
        let mut columns = Columns::default();
        columns.reset(features, lines);
        for feature in 0..features {
            columns.fill(
                feature,
                (0..lines).map(|line| (line * 7 + feature * 31) as u8),
            );
        }
        let [mut wide, mut plain] = [const { [const { Vec::new() }; KINDS] }; 2];
        network.log_odds(&columns, &mut States::default(), &mut wide);
        network.answer(&columns, &mut States::default(), &mut plain);
        assert_eq!(wide, plain);
        assert!(wide.iter().all(|kind| kind.len() == lines));
        assert!(wide[0].iter().any(|&log_odds| log_odds != wide[0][0]));
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
