//! Pages as codes with targets in, a [`Network`] out: cross-entropy, gradients by
//! backpropagation, steps by AdamW (Loshchilov 2019).

use rayon::prelude::*;

use super::boost::mix;
use crate::score::KINDS;
use crate::score::codes::likelihood;
use crate::score::forest::{BLOCK_LINES, Columns};
use crate::score::network::{
    BLOCKS, CHANNELS, DILATIONS, HIDDEN, Layers, Network, PAGE_BLOCK, PageState, Square, State,
    TAPS, add_scaled, multiply_add, multiply_add_pair, weight_count,
};
use crate::simd::widest;

/// How a network is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkOptions {
    /// Times that all pages are gone through.
    pub epochs: usize,
    /// The size of the first steps; they grow smaller to the end.
    pub learning_rate: f32,
    /// Share of a page's channels that a block leaves out while it learns (Srivastava 2014).
    pub dropout: f32,
    /// Least lines of a step.
    pub batch_lines: usize,
}

/// A page to learn from, or a stretch of one.
#[derive(Clone, Debug)]
pub struct NetworkPage {
    /// The codes of its lines.
    pub columns: Columns,
    /// How much of each kind a line is, from 0 to 1; None where that is not learned.
    pub targets: Vec<[Option<f32>; KINDS]>,
    /// What a line counts.
    pub weights: Vec<f32>,
}

/// What a kind counts beside boilerplate.
const KIND_WEIGHTS: [f32; KINDS] = [1.0, 0.3, 0.3];
/// Parts of a step that are worked on side by side. Sums depend on it, so it is no number of
/// threads.
const GROUPS: usize = 8;
/// Steps in which steps grow to their size.
const WARM_UP: usize = 100;
/// The last step's share of the first one's size.
const LAST_STEP: f32 = 0.02;
/// Pull towards zero, in shares of a weight for a step of size 1.
const DECAY: f32 = 1e-2;
/// Features that hardly differ are not blown up beyond this many codes.
const LEAST_SPREAD: f32 = 12.0;

/// Fits a network to the first `features` columns of the pages.
///
/// The same pages in the same order, options and seed give the same network for any number of
/// threads. Threads: rayon's current pool.
pub fn fit(pages: &[NetworkPage], features: usize, options: &NetworkOptions, seed: u64) -> Network {
    let spreads = Spreads::of(pages, features);
    let mut weights = beginning(features, seed);
    let count = weights.len();
    let (mut means, mut squares) = (vec![0.0_f32; count], vec![0.0_f32; count]);
    let batches: Vec<Vec<usize>> = (0..options.epochs)
        .flat_map(|epoch| batches(pages, options.batch_lines, mix(seed ^ epoch as u64)))
        .collect();
    for (step, batch) in batches.iter().enumerate() {
        let raw = spreads.applied(&weights);
        let transposed = Transposed::of(&Layers::of(features, &raw));
        let mut gradient = batch_gradient(pages, batch, features, &raw, &transposed, |page| {
            let seed = mix(seed ^ (step as u64) << 32 ^ page as u64);
            std::array::from_fn(|block| kept(options.dropout, mix(seed ^ block as u64)))
        });
        spreads.pull_back(&mut gradient);
        let done = step as f32 / batches.len() as f32;
        let size = options.learning_rate
            * (1.0 - done).max(LAST_STEP)
            * ((step + 1) as f32 / WARM_UP as f32).min(1.0);
        let (mean_fade, square_fade) = (
            1.0 - 0.9_f32.powi(step as i32 + 1),
            1.0 - 0.999_f32.powi(step as i32 + 1),
        );
        let moments = means.iter_mut().zip(&mut squares);
        for ((weight, slope), (mean, square)) in weights.iter_mut().zip(&gradient).zip(moments) {
            *mean += 0.1 * (slope - *mean);
            *square += 0.001 * (slope * slope - *square);
            let step = *mean / mean_fade / ((*square / square_fade).sqrt() + 1e-8);
            *weight -= size * (step + DECAY * *weight);
        }
    }
    let weights = spreads.applied(&weights);
    Network::new(features, weights).expect("as many weights as counted")
}

/// The means and spreads of the features' codes: what is learned are weights of codes less
/// their mean, in spreads; what is stored are weights of codes.
struct Spreads {
    means: Vec<f32>,
    spreads: Vec<f32>,
}

impl Spreads {
    fn of(pages: &[NetworkPage], features: usize) -> Self {
        let moments = (0..features).into_par_iter().map(|feature| {
            let (mut lines, mut sum, mut squares) = (0_u64, 0_u64, 0_u64);
            for page in pages {
                for line in 0..page.columns.lines() {
                    let code = page.columns.code(feature, line);
                    lines += 1;
                    sum += u64::from(code);
                    squares += u64::from(code) * u64::from(code);
                }
            }
            let lines = lines.max(1) as f64;
            let mean = sum as f64 / lines;
            let spread = (squares as f64 / lines - mean * mean).max(0.0).sqrt();
            // What never differs has no say.
            let spread = match spread {
                0.0 => f32::INFINITY,
                _ => (spread as f32).max(LEAST_SPREAD),
            };
            (mean as f32, spread)
        });
        let (means, spreads) = moments.unzip();
        Spreads { means, spreads }
    }

    fn applied(&self, weights: &[f32]) -> Vec<f32> {
        let mut raw = weights.to_vec();
        let (rows, behind) = raw.split_at_mut(self.means.len() * CHANNELS);
        let bias = &mut behind[..CHANNELS];
        let features = self.means.iter().zip(&self.spreads);
        for (row, (mean, spread)) in rows.chunks_exact_mut(CHANNELS).zip(features) {
            for (weight, bias) in row.iter_mut().zip(&mut *bias) {
                *weight /= spread;
                *bias -= *weight * mean;
            }
        }
        raw
    }

    /// The gradient of stored weights in, that of learned ones out.
    fn pull_back(&self, gradient: &mut [f32]) {
        let (rows, behind) = gradient.split_at_mut(self.means.len() * CHANNELS);
        let features = self.means.iter().zip(&self.spreads);
        for (row, (mean, spread)) in rows.chunks_exact_mut(CHANNELS).zip(features) {
            for (slope, bias) in row.iter_mut().zip(&*behind) {
                *slope = (*slope - mean * bias) / spread;
            }
        }
    }
}

/// Weights to begin with (He 2015); blocks begin as little more than shortcuts.
fn beginning(features: usize, seed: u64) -> Vec<f32> {
    let mut weights = Vec::with_capacity(weight_count(features));
    let mut draw = |inputs: usize, outputs: usize, scale: f32, biases: usize| {
        let spread = scale * (2.0 / inputs as f32).sqrt();
        let from = weights.len();
        let drawn =
            (from..from + inputs * outputs).map(|place| normal(mix(seed ^ mix(place as u64))));
        weights.extend(drawn.map(|drawn| drawn * spread));
        weights.extend(std::iter::repeat_n(0.0, biases));
    };
    draw(features, CHANNELS, 1.0, CHANNELS);
    for _ in 0..BLOCKS {
        draw(TAPS * CHANNELS, CHANNELS, 0.5, CHANNELS);
    }
    draw(2 * CHANNELS, CHANNELS, 0.3, 0);
    draw(CHANNELS, HIDDEN, 1.0, HIDDEN);
    draw(HIDDEN, KINDS, 0.1, KINDS);
    weights
}

/// A number from the normal distribution (Box and Muller 1958).
fn normal(bits: u64) -> f32 {
    let uniform = |bits: u64| ((bits >> 40) as f64 + 0.5) / (1_u64 << 24) as f64;
    let radius = (-2.0 * libm::log(uniform(bits))).sqrt();
    (radius * libm::cos(std::f64::consts::TAU * uniform(mix(bits)))) as f32
}

/// By how much each channel of a block counts: 0 for some, more for the others.
fn kept(dropout: f32, seed: u64) -> State {
    std::array::from_fn(|channel| {
        let uniform = (mix(seed ^ mix(channel as u64)) >> 40) as f32 / (1_u32 << 24) as f32;
        if uniform < dropout {
            0.0
        } else {
            1.0 / (1.0 - dropout)
        }
    })
}

/// All pages in a drawn order, in batches of as many lines as asked for or more.
fn batches(pages: &[NetworkPage], batch_lines: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..pages.len()).collect();
    order.sort_by_key(|&page| mix(seed ^ mix(page as u64)));
    let mut batches = Vec::new();
    let (mut batch, mut lines) = (Vec::new(), 0);
    for page in order {
        batch.push(page);
        lines += pages[page].weights.len();
        if lines >= batch_lines {
            batches.push(std::mem::take(&mut batch));
            lines = 0;
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// The mean gradient over the lines of a batch.
fn batch_gradient(
    pages: &[NetworkPage],
    batch: &[usize],
    features: usize,
    weights: &[f32],
    transposed: &Transposed,
    kept: impl Fn(usize) -> [State; BLOCKS] + Sync,
) -> Vec<f32> {
    let mut groups: [(usize, Vec<usize>); GROUPS] = Default::default();
    for &page in batch {
        let least = groups.iter_mut().min_by_key(|group| group.0);
        let group = least.expect("there are groups");
        group.0 += pages[page].weights.len();
        group.1.push(page);
    }
    let all: f32 = batch.iter().flat_map(|&page| &pages[page].weights).sum();
    let scale = 1.0 / all.max(1e-9);
    let gradients: Vec<Vec<f32>> = groups
        .par_iter()
        .map(|(_, group)| {
            let mut gradient = vec![0.0; weights.len()];
            let mut memory = Memory::default();
            for &page in group {
                let (kept, layers) = (kept(page), Layers::of(features, weights));
                let slopes = &mut Slopes::of(features, &mut gradient);
                widest(
                    #[inline(always)]
                    || memory.add_page(&pages[page], &kept, scale, &layers, transposed, slopes),
                );
            }
            gradient
        })
        .collect();
    let mut sum = vec![0.0; weights.len()];
    for gradient in gradients {
        for (sum, slope) in sum.iter_mut().zip(gradient) {
            *sum += slope;
        }
    }
    sum
}

/// The squares of a network, rows for columns: from what comes out to what went in.
struct Transposed {
    blocks: [[Box<Square>; TAPS]; BLOCKS],
    page: [Box<Square>; 2],
    hidden: Box<[State; HIDDEN]>,
    answers: [[f32; HIDDEN]; KINDS],
}

fn transpose<const N: usize, const M: usize>(rows: &[[f32; N]; M]) -> Box<[[f32; M]; N]> {
    Box::new(std::array::from_fn(|column| {
        std::array::from_fn(|row| rows[row][column])
    }))
}

impl Transposed {
    fn of(layers: &Layers<'_>) -> Self {
        Transposed {
            blocks: layers.blocks.map(|block| block.taps.map(transpose)),
            page: layers.page.map(transpose),
            hidden: transpose(layers.hidden),
            answers: *transpose(layers.answers),
        }
    }
}

/// What [`Layers`] is for weights, for their gradient.
struct Slopes<'g> {
    input: &'g mut [State],
    input_bias: &'g mut State,
    blocks: [([&'g mut Square; TAPS], &'g mut State); BLOCKS],
    page: [&'g mut Square; 2],
    hidden: &'g mut [[f32; HIDDEN]; CHANNELS],
    hidden_bias: &'g mut [f32; HIDDEN],
    answers: &'g mut [[f32; KINDS]; HIDDEN],
    answers_bias: &'g mut [f32; KINDS],
}

/// Takes matrices off the front of a gradient.
struct Stored<'g>(&'g mut [f32]);

impl<'g> Stored<'g> {
    fn rows<const N: usize>(&mut self, count: usize) -> &'g mut [[f32; N]] {
        let (rows, behind) = std::mem::take(&mut self.0).split_at_mut(count * N);
        self.0 = behind;
        rows.as_chunks_mut().0
    }

    fn row<const N: usize>(&mut self) -> &'g mut [f32; N] {
        &mut self.rows(1)[0]
    }

    fn matrix<const N: usize, const M: usize>(&mut self) -> &'g mut [[f32; N]; M] {
        let rows = self.rows(M);
        rows.as_mut_array().expect("as many rows as asked for")
    }
}

impl<'g> Slopes<'g> {
    fn of(features: usize, gradient: &'g mut [f32]) -> Self {
        let mut stored = Stored(gradient);
        Slopes {
            input: stored.rows(features),
            input_bias: stored.row(),
            blocks: std::array::from_fn(|_| {
                (std::array::from_fn(|_| stored.matrix()), stored.row())
            }),
            page: std::array::from_fn(|_| stored.matrix()),
            hidden: stored.matrix(),
            hidden_bias: stored.row(),
            answers: stored.matrix(),
            answers_bias: stored.row(),
        }
    }
}

/// Lines of which the gradient of a matrix is made at once: each of its rows is read and written
/// once for all of them.
const OUTER_LINES: usize = 8;

/// Adds what lines add to the gradient of a matrix.
#[inline(always)]
fn add_outers<const N: usize, const M: usize>(
    slopes: &mut [[f32; N]; M],
    seen: &[[f32; M]],
    out: &[[f32; N]],
) {
    for (seen, out) in seen.chunks(OUTER_LINES).zip(out.chunks(OUTER_LINES)) {
        for (at, slopes) in slopes.iter_mut().enumerate() {
            let mut own = *slopes;
            for (seen, out) in seen.iter().zip(out) {
                add_scaled(&mut own, seen[at], out);
            }
            *slopes = own;
        }
    }
}

/// Adds what a line adds to the gradient of a matrix.
#[inline(always)]
fn add_outer<const N: usize, const M: usize>(
    slopes: &mut [[f32; N]; M],
    seen: &[f32; M],
    out: &[f32; N],
) {
    add_outers(
        slopes,
        std::slice::from_ref(seen),
        std::slice::from_ref(out),
    );
}

/// The states of a page behind each block, and the slopes of those at hand.
#[derive(Default)]
struct Memory {
    states: [Vec<State>; BLOCKS + 1],
    slopes: Vec<State>,
    before: Vec<State>,
    /// The slopes of what a block adds, before what it leaves out.
    sums: Vec<State>,
}

impl Memory {
    /// Adds what a page adds to a gradient.
    #[inline(always)]
    fn add_page(
        &mut self,
        page: &NetworkPage,
        kept: &[State; BLOCKS],
        scale: f32,
        layers: &Layers<'_>,
        transposed: &Transposed,
        slopes: &mut Slopes<'_>,
    ) {
        layers.enter(&page.columns, &mut self.states[0]);
        for block in 0..BLOCKS {
            let (before, behind) = self.states.split_at_mut(block + 1);
            layers.run_block(block, &kept[block], &before[block], &mut behind[0]);
        }
        self.answer(page, scale, layers, transposed, slopes);
        for block in (0..BLOCKS).rev() {
            self.back_through(block, &kept[block], transposed, slopes);
        }
        for (state, slope) in self.states[0].iter().zip(&mut self.slopes) {
            *slope = passed(slope, state);
            add_scaled(slopes.input_bias, 1.0, slope);
        }
        let lines = self.slopes.chunks(BLOCK_LINES);
        for (lines, rows) in lines.zip(page.columns.blocks()) {
            for (slopes, row) in slopes.input.iter_mut().zip(rows) {
                let mut own = *slopes;
                for (slope, &code) in lines.iter().zip(row) {
                    add_scaled(&mut own, f32::from(code), slope);
                }
                *slopes = own;
            }
        }
    }

    /// From the loss to the states behind the last block.
    #[inline(always)]
    fn answer(
        &mut self,
        page: &NetworkPage,
        scale: f32,
        layers: &Layers<'_>,
        transposed: &Transposed,
        slopes: &mut Slopes<'_>,
    ) {
        let lines = page.targets.iter().zip(&page.weights);
        self.slopes.clear();
        for (state, (targets, weight)) in self.states[BLOCKS].iter().zip(lines) {
            let hidden = layers.hidden(state);
            let answers = layers.answers(&hidden);
            let answer_slopes: [f32; KINDS] = std::array::from_fn(|kind| {
                let error = |target| likelihood(answers[kind]) - target;
                targets[kind].map_or(0.0, error) * weight * scale * KIND_WEIGHTS[kind]
            });
            add_scaled(slopes.answers_bias, 1.0, &answer_slopes);
            add_outer(slopes.answers, &hidden, &answer_slopes);
            let mut hidden_slopes = [0.0; HIDDEN];
            multiply_add(&mut hidden_slopes, &answer_slopes, &transposed.answers);
            let hidden_slopes = passed(&hidden_slopes, &hidden);
            add_scaled(slopes.hidden_bias, 1.0, &hidden_slopes);
            add_outer(slopes.hidden, state, &hidden_slopes);
            let mut slope = [0.0; CHANNELS];
            multiply_add(&mut slope, &hidden_slopes, &transposed.hidden);
            self.slopes.push(slope);
        }
    }

    /// From the states behind a block to those before it.
    #[inline(always)]
    fn back_through(
        &mut self,
        block: usize,
        kept: &State,
        transposed: &Transposed,
        slopes: &mut Slopes<'_>,
    ) {
        let (states, behind) = (&self.states[block], &self.states[block + 1]);
        let dilation = DILATIONS[block];
        let (tap_slopes, bias_slopes) = &mut slopes.blocks[block];
        let mut page_slopes = [0.0; CHANNELS];
        self.sums.clear();
        for ((slope, state), behind) in self.slopes.iter().zip(states).zip(behind) {
            let sum_slopes: State = std::array::from_fn(|channel| {
                let is_active = behind[channel] > state[channel];
                f32::from(u8::from(is_active)) * slope[channel] * kept[channel]
            });
            add_scaled(&mut page_slopes, 1.0, &sum_slopes);
            self.sums.push(sum_slopes);
        }
        self.before.clone_from(&self.slopes);
        // Lines that see one so far before them, themselves, one so far behind them.
        let far = dilation.min(states.len());
        let near = states.len() - far;
        let taps = [(0..near, far), (0..states.len(), 0), (far..states.len(), 0)];
        for (tap, (seen, from)) in taps.into_iter().enumerate() {
            let sums = &self.sums[from..][..seen.len()];
            add_outers(tap_slopes[tap], &states[seen.clone()], sums);
            let weights = &transposed.blocks[block][tap];
            let before = self.before[seen].as_chunks_mut();
            let pairs = sums.as_chunks::<2>();
            for (before, [first, second]) in before.0.iter_mut().zip(pairs.0) {
                let sums = first.iter().zip(second);
                let sums = sums.map(|(&first, &second)| [first, second]);
                multiply_add_pair(before, sums, &**weights);
            }
            for (before, sum) in before.1.iter_mut().zip(pairs.1) {
                multiply_add(before, sum, weights);
            }
        }
        add_scaled(bias_slopes, 1.0, &page_slopes);
        if block == PAGE_BLOCK {
            let page = PageState::of(states);
            let [mean, largest] = &mut slopes.page;
            add_outer(mean, &page.mean, &page_slopes);
            add_outer(largest, &page.largest, &page_slopes);
            let [mut mean, mut largest] = [[0.0; CHANNELS]; 2];
            multiply_add(&mut mean, &page_slopes, &transposed.page[0]);
            multiply_add(&mut largest, &page_slopes, &transposed.page[1]);
            let share = 1.0 / states.len() as f32;
            for before in &mut self.before {
                add_scaled(before, share, &mean);
            }
            for (channel, value) in page.largest.iter().enumerate() {
                let first = states.iter().position(|state| state[channel] == *value);
                if let Some(first) = first {
                    self.before[first][channel] += largest[channel];
                }
            }
        }
        std::mem::swap(&mut self.slopes, &mut self.before);
    }
}

/// The slopes of what came out above zero.
fn passed<const N: usize>(slopes: &[f32; N], values: &[f32; N]) -> [f32; N] {
    std::array::from_fn(|at| if values[at] > 0.0 { slopes[at] } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of one feature: codes, and what they should say.
    fn page(codes: &[u8], is_chaff: impl Fn(usize) -> bool) -> NetworkPage {
        let mut columns = Columns::default();
        columns.reset(1, codes.len());
        columns.fill(0, codes.iter().copied());
        let target = |line| Some(f32::from(u8::from(is_chaff(line))));
        NetworkPage {
            columns,
            targets: (0..codes.len())
                .map(|line| [target(line), None, None])
                .collect(),
            weights: vec![1.0; codes.len()],
        }
    }

    fn drawn(seed: u64, lines: usize) -> Vec<u8> {
        (0..lines as u64)
            .map(|line| mix(seed << 32 | line) as u8)
            .collect()
    }

    fn loss(network: &Network, page: &NetworkPage) -> f32 {
        let mut log_odds = Default::default();
        network.log_odds(&page.columns, &mut Default::default(), &mut log_odds);
        let lines = log_odds[0].iter().zip(&page.targets);
        lines
            .map(|(&log_odds, targets)| {
                let body = 1.0 - targets[0].unwrap();
                libm::log1pf(libm::expf(-log_odds)) + body * log_odds
            })
            .sum()
    }

    #[test]
    fn gradients_are_the_slopes_of_the_loss() {
        let codes: Vec<u8> = drawn(3, 40).iter().map(|code| code % 4).collect();
        let page = page(&codes, |line| line % 3 == 0);
        let weights = beginning(1, 5);
        let weights: Vec<f32> = weights.iter().map(|weight| weight * 0.5 + 0.01).collect();
        let layers = Layers::of(1, &weights);
        let mut gradient = vec![0.0; weights.len()];
        Memory::default().add_page(
            &page,
            &[[1.0; CHANNELS]; BLOCKS],
            1.0,
            &layers,
            &Transposed::of(&layers),
            &mut Slopes::of(1, &mut gradient),
        );
        let at = |place: usize, by: f32| {
            let mut moved = weights.clone();
            moved[place] += by;
            loss(&Network::new(1, moved).unwrap(), &page)
        };
        for place in (0..weights.len()).step_by(211) {
            let expected = (at(place, 1e-3) - at(place, -1e-3)) / 2e-3;
            let got = gradient[place];
            assert!(
                (got - expected).abs() < 0.05 * expected.abs().max(1.0),
                "{place}: {got}, {expected}"
            );
        }
    }

    #[test]
    fn a_network_learns_what_a_neighbour_tells() {
        // Chaff is what stands behind a high code, whatever its own.
        let made = |seed| {
            let codes = drawn(seed, 40);
            page(&codes, |line| line > 3 && codes[line - 4] > 128)
        };
        let pages: Vec<NetworkPage> = (0..16).map(made).collect();
        let options = NetworkOptions {
            epochs: 16,
            learning_rate: 8e-3,
            dropout: 0.0,
            batch_lines: 40,
        };
        let network = fit(&pages, 1, &options, 7);
        assert_eq!(network, fit(&pages, 1, &options, 7));
        let fresh = made(1000);
        assert!(loss(&network, &fresh) < 14.0, "{}", loss(&network, &fresh));
    }
}
