//! All lines in, the sequence that repeats are looked for in out.

use super::choose::{Choice, Field};
use super::maximal::{Repeat, each_maximal_repeat};
use super::names::RepeatedLine;
use super::suffixes::shared_with_previous;
use super::{BlockFinder, BlockRule, Extent, RepeatedBlock};

/// Stands at the end of a sequence.
const END: u32 = 0;

/// The lines that stand more than once, with a separator before each page and in place of
/// each run of lines that stand once, and [`END`] behind all. Vectors run parallel to `text`.
pub struct Sequence {
    pub text: Vec<u32>,
    /// Numbers in `text` are below this: the end, repeated lines, separators.
    pub alphabet: usize,
    /// Bytes of each line.
    bytes: Vec<u32>,
    /// Number of each line on its page.
    numbers: Vec<u32>,
    /// Where each page begins.
    pub page_starts: Vec<u32>,
    /// What is known of the line with number `place + 1` in `text`.
    lines: Vec<RepeatedLine>,
}

impl Sequence {
    /// Takes the lines out of a finder.
    pub fn new(finder: BlockFinder) -> Self {
        let names = finder.names.close();
        let mut page_starts = finder.page_starts;
        let mut sequence = Sequence {
            text: Vec::new(),
            alphabet: names.repeated.len() + 1,
            bytes: Vec::new(),
            numbers: Vec::new(),
            page_starts: Vec::new(),
            lines: Vec::new(),
        };
        let mut is_apart = true;
        let mut pages = 0;
        for (place, &name) in finder.sequence.iter().enumerate() {
            while let Some(start) = page_starts.get_mut(pages).filter(|at| **at <= place as u32) {
                *start = sequence.text.len() as u32;
                is_apart = true;
                pages += 1;
            }
            let Some(line) = names.repeated(name) else {
                is_apart = true;
                continue;
            };
            if is_apart {
                sequence.separate();
                is_apart = false;
            }
            sequence.push(line + 1, finder.bytes[place], finder.numbers[place]);
        }
        page_starts[pages..].fill(sequence.text.len() as u32);
        sequence.push(END, 0, 0);
        sequence.page_starts = page_starts;
        sequence.lines = names.repeated;
        sequence
    }

    fn separate(&mut self) {
        self.push(self.alphabet as u32, 0, 0);
        self.alphabet += 1;
    }

    fn push(&mut self, line: u32, bytes: u32, number: u32) {
        self.text.push(line);
        self.bytes.push(bytes);
        self.numbers.push(number);
    }

    /// The maximal repeats that may be blocks, each with the bytes that it saves at most.
    pub fn repeats(&self, order: &[u32], rule: &BlockRule) -> Vec<(Repeat, u64)> {
        let most_bytes = self.sums_of(|line| line.max_bytes);
        let chars = self.sums_of(|line| line.chars);
        let shared = shared_with_previous(&self.text, order);
        let mut repeats = Vec::new();
        each_maximal_repeat(&self.text, order, &shared, |repeat| {
            let (start, end) = (
                repeat.first as usize,
                (repeat.first + repeat.lines) as usize,
            );
            let occurrences = u64::from(repeat.occurrences);
            // Longer together than twice the sequence: it overlaps itself by half.
            let is_periodic = occurrences * u64::from(repeat.lines) > 2 * self.text.len() as u64;
            if repeat.lines >= rule.min_lines
                && chars[end] - chars[start] >= rule.min_chars
                && !is_periodic
            {
                let bytes = most_bytes[end] - most_bytes[start];
                repeats.push((repeat, bytes.saturating_mul(occurrences - 1)));
            }
        });
        repeats
    }

    /// Sums of a figure of the lines before each place; separators have none.
    fn sums_of(&self, figure: impl Fn(&RepeatedLine) -> u32) -> Vec<u64> {
        sums(self.text.iter().map(|&number| {
            let line = (number as usize).checked_sub(1);
            let line = line.and_then(|line| self.lines.get(line));
            line.map_or(0, &figure)
        }))
    }

    /// Bytes before each place, and behind the last.
    pub fn bytes_before(&self) -> Vec<u64> {
        sums(self.bytes.iter().copied())
    }

    /// How far behind each place the same line stands again; `u32::MAX` for nowhere.
    pub fn next_equal(&self) -> Vec<u32> {
        let mut next_places = vec![u32::MAX; self.alphabet];
        let mut next_equal = vec![u32::MAX; self.text.len()];
        for (place, &line) in self.text.iter().enumerate().rev() {
            let next = std::mem::replace(&mut next_places[line as usize], place as u32);
            if next != u32::MAX {
                next_equal[place] = next - place as u32;
            }
        }
        next_equal
    }

    /// What is told of a block.
    pub fn block(
        &self,
        field: Field<'_>,
        choice: &Choice,
        max_places: usize,
        places: &mut Vec<u32>,
    ) -> RepeatedBlock {
        let repeat = &choice.repeat;
        field.gather(repeat, places);
        let length = repeat.lines as usize;
        let first = repeat.first as usize;
        let chars = self.text[first..first + length].iter();
        let extent = |&place: &u32| Extent {
            page: field.page(place) as u32,
            first_line: self.numbers[place as usize],
            last_line: self.numbers[place as usize + length - 1],
        };
        RepeatedBlock {
            lines: repeat.lines,
            chars: chars
                .map(|&line| u64::from(self.lines[line as usize - 1].chars))
                .sum(),
            bytes: field.bytes[first + length] - field.bytes[first],
            places: places.len() as u32,
            pages: field.pages(places, usize::MAX) as u32,
            saved_bytes: choice.saved_bytes,
            first: places.iter().take(max_places).map(extent).collect(),
        }
    }
}

/// What comes before each number, and in all.
fn sums(numbers: impl ExactSizeIterator<Item = u32>) -> Vec<u64> {
    let mut sums = Vec::with_capacity(numbers.len() + 1);
    let mut sum = 0;
    sums.push(sum);
    for number in numbers {
        sum += u64::from(number);
        sums.push(sum);
    }
    sums
}
