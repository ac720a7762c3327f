//! Maximal repeats in, those worth telling of out: the one that saves most bytes first.

use std::collections::BinaryHeap;

use super::bits::Bits;
use super::maximal::Repeat;

/// Looking at blocks ends when this many steps were made for each line of the sequence. Sites,
/// corpora and source trees take 2 to 30.
pub const STEPS_A_LINE: u64 = 256;
/// Steps that short sequences have in any case.
const LEAST_STEPS: u64 = 1 << 20;

/// The sequence that repeats are of.
#[derive(Clone, Copy)]
pub struct Field<'s> {
    /// Where its suffixes begin, in their order.
    pub order: &'s [u32],
    /// Bytes before each place, and behind the last.
    pub bytes: &'s [u64],
    /// Where its pages begin; rising.
    pub page_starts: &'s [u32],
}

impl Field<'_> {
    fn places(&self) -> usize {
        self.order.len()
    }

    fn bytes_at(&self, place: u32, lines: u32) -> u64 {
        let start = place as usize;
        self.bytes[start + lines as usize] - self.bytes[start]
    }

    /// The page that a place lies on.
    pub fn page(&self, place: u32) -> usize {
        self.page_starts.partition_point(|&start| start <= place) - 1
    }

    /// How many pages rising places lie on; no more than `enough` are counted.
    pub fn pages(&self, places: &[u32], enough: usize) -> usize {
        let mut rest = places;
        let mut pages = 0;
        while let (Some(&place), true) = (rest.first(), pages < enough) {
            let next = self.page_starts.get(self.page(place) + 1);
            let next = next.copied().unwrap_or(u32::MAX);
            rest = &rest[rest.partition_point(|&place| place < next)..];
            pages += 1;
        }
        pages
    }

    /// Puts the places of a repeat into `places`, rising and not overlapping, each the first
    /// that does not overlap the one before. False where it is no block: there are fewer than
    /// two, or the repeat overlaps itself by half of its lines or more.
    pub fn gather(&self, repeat: &Repeat, places: &mut Vec<u32>) -> bool {
        let from = repeat.from as usize;
        places.clear();
        places.extend_from_slice(&self.order[from..from + repeat.occurrences as usize]);
        places.sort_unstable();
        let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
        if gaps.min().is_some_and(|gap| gap <= repeat.lines / 2) {
            return false;
        }
        let mut behind = 0;
        places.retain(|&place| {
            let is_apart = place >= behind;
            if is_apart {
                behind = place + repeat.lines;
            }
            is_apart
        });
        places.len() > 1
    }
}

/// A block that is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub repeat: Repeat,
    /// Bytes that go with it and not with a block chosen before.
    pub saved_bytes: u64,
}

/// What was chosen.
#[derive(Debug)]
pub struct Choices {
    /// Most bytes first; then the longer block, then the one that stands first.
    pub chosen: Vec<Choice>,
    /// Repeats that are blocks, chosen or not.
    pub blocks: u64,
    /// False where [`STEPS_A_LINE`] ended the search.
    pub is_complete: bool,
}

/// A block that waits, with what it saves at most.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    saved_bytes: u64,
    lines: u32,
    /// Its number counted from the end, so that of equal ones the first goes first.
    from_end: u32,
}

/// Chooses blocks; the rule is that of the module above. `repeats` come with the bytes they
/// save at most.
pub fn choose(field: Field<'_>, min_pages: usize, repeats: &mut [(Repeat, u64)]) -> Choices {
    repeats.sort_unstable_by_key(|(repeat, _)| (repeat.first, repeat.lines));
    let last = repeats.len().saturating_sub(1) as u32;
    let mut waiting: BinaryHeap<Waiting> = repeats
        .iter()
        .enumerate()
        .map(|(number, &(repeat, saved_bytes))| Waiting {
            saved_bytes,
            lines: repeat.lines,
            from_end: last - number as u32,
        })
        .collect();
    let mut state = State::new(field, min_pages);
    let mut choices = Choices {
        chosen: Vec::new(),
        blocks: 0,
        is_complete: true,
    };
    let max_steps = LEAST_STEPS + STEPS_A_LINE * field.places() as u64;
    while let Some(mut top) = waiting.pop() {
        if state.steps > max_steps {
            choices.is_complete = false;
            break;
        }
        let (repeat, _) = repeats[(last - top.from_end) as usize];
        let Some(looked) = state.look(&repeat) else {
            continue;
        };
        top.saved_bytes = looked.saved_bytes;
        if top.saved_bytes == 0 {
            choices.blocks += 1;
        } else if waiting.peek().is_none_or(|next| *next <= top) {
            choices.blocks += 1;
            state.cover(&repeat, looked);
            choices.chosen.push(Choice {
                repeat,
                saved_bytes: looked.saved_bytes,
            });
        } else {
            waiting.push(top);
        }
    }
    let order = |choice: &Choice| {
        let Choice {
            repeat,
            saved_bytes,
        } = choice;
        (!saved_bytes, !repeat.lines, repeat.first)
    };
    choices.chosen.sort_unstable_by_key(order);
    choices
}

/// Which lines the blocks chosen so far cover.
struct State<'s> {
    field: Field<'s>,
    min_pages: usize,
    /// Lines that no block covers.
    free: Bits,
    /// Lines of the copies that stay.
    kept: Bits,
    /// Places of the block looked at last.
    places: Vec<u32>,
    steps: u64,
}

/// What a block would save.
#[derive(Clone, Copy)]
struct Looked {
    saved_bytes: u64,
    /// The place that stays; none where another copy stays already.
    stays: Option<u32>,
}

impl<'s> State<'s> {
    fn new(field: Field<'s>, min_pages: usize) -> Self {
        let mut free = Bits::none(field.places());
        (0..field.places()).for_each(|place| free.insert(place));
        State {
            field,
            min_pages,
            free,
            kept: Bits::none(field.places()),
            places: Vec::new(),
            steps: 0,
        }
    }

    /// Finds a block's places and what it would save; None where it is no block.
    fn look(&mut self, repeat: &Repeat) -> Option<Looked> {
        self.steps += u64::from(repeat.occurrences);
        if !self.field.gather(repeat, &mut self.places)
            || self.field.pages(&self.places, self.min_pages) < self.min_pages
        {
            return None;
        }
        self.steps += self.places.len() as u64 * (u64::from(repeat.lines) / 64 + 1);
        let mut free_bytes = 0;
        let mut most = (0, None);
        let mut has_kept = false;
        for &place in &self.places {
            let free_here = self.free_bytes(place, repeat.lines);
            free_bytes += free_here;
            if free_here > most.0 {
                most = (free_here, Some(place));
            }
            let lines = place as usize..(place + repeat.lines) as usize;
            has_kept |= free_here == 0 && !has_kept && self.kept.has_all(lines);
        }
        Some(if has_kept {
            Looked {
                saved_bytes: free_bytes,
                stays: None,
            }
        } else {
            Looked {
                saved_bytes: free_bytes - most.0,
                stays: most.1,
            }
        })
    }

    fn free_bytes(&self, place: u32, lines: u32) -> u64 {
        let range = place as usize..(place + lines) as usize;
        if self.free.has_all(range.clone()) {
            return self.field.bytes_at(place, lines);
        }
        let free = self.free.each_in(range);
        free.map(|line| self.field.bytes_at(line as u32, 1)).sum()
    }

    /// Covers the places of the block that was looked at last.
    fn cover(&mut self, repeat: &Repeat, looked: Looked) {
        for &place in &self.places {
            let lines = place as usize..(place + repeat.lines) as usize;
            let kept = (looked.stays == Some(place)).then_some(&mut self.kept);
            self.free.move_range(lines, kept);
        }
    }
}
