//! Maximal repeats in, those worth telling of out: the one that saves most bytes first.

use std::collections::BinaryHeap;
use std::ops::Range;

use super::bits::Bits;
use super::maximal::Repeat;

/// Steps that are made for each line of the sequence before choosing is cut short. A step is a
/// place of a block that is looked at, or 64 lines of it.
const STEPS_A_LINE: u64 = 128;
/// Steps that short sequences have besides.
const LEAST_STEPS: u64 = 1 << 20;

/// Steps before choosing is cut short in a sequence of this many lines.
pub fn max_steps(lines: usize) -> u64 {
    LEAST_STEPS + STEPS_A_LINE * lines as u64
}

/// The sequence that repeats are of.
#[derive(Clone, Copy)]
pub struct Field<'s> {
    /// Where its suffixes begin, in their order.
    pub order: &'s [u32],
    /// Bytes before each place, and behind the last.
    pub bytes: &'s [u64],
    /// How far behind each place the same line stands again; `u32::MAX` for nowhere.
    pub next_equal: &'s [u32],
    /// Where its pages begin; rising.
    pub page_starts: &'s [u32],
}

impl Field<'_> {
    fn bytes_at(&self, place: u32, lines: u32) -> u64 {
        let start = place as usize;
        self.bytes[start + lines as usize] - self.bytes[start]
    }

    /// The page that a place lies on.
    pub fn page(&self, place: u32) -> usize {
        self.page_starts.partition_point(|&start| start <= place) - 1
    }

    /// The first place behind the page that a place lies on.
    fn page_end(&self, place: u32) -> u32 {
        let next = self.page_starts.get(self.page(place) + 1);
        next.copied().unwrap_or(u32::MAX)
    }

    /// How many pages rising places lie on; no more than `enough` are counted.
    pub fn pages(&self, places: &[u32], enough: usize) -> usize {
        let mut rest = places;
        let mut pages = 0;
        while let (Some(&place), true) = (rest.first(), pages < enough) {
            let end = self.page_end(place);
            rest = &rest[rest.partition_point(|&place| place < end)..];
            pages += 1;
        }
        pages
    }

    /// All places of a repeat, in any order; they may overlap.
    fn occurrences(&self, repeat: &Repeat) -> &[u32] {
        let from = repeat.from as usize;
        &self.order[from..from + repeat.occurrences as usize]
    }

    /// Whether places of a repeat may overlap: its first line stands in it again.
    fn may_overlap(&self, repeat: &Repeat) -> bool {
        self.next_equal[repeat.first as usize] < repeat.lines
    }

    /// Puts the places of a repeat into `places`, rising and not overlapping, each the first
    /// that does not overlap the one before. False where it is no block: there are fewer than
    /// two, or the repeat overlaps itself by half of its lines or more.
    pub fn gather(&self, repeat: &Repeat, places: &mut Vec<u32>) -> bool {
        places.clear();
        places.extend_from_slice(self.occurrences(repeat));
        places.sort_unstable();
        if !self.may_overlap(repeat) {
            return true;
        }
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
    /// False where choosing was cut short.
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

/// Chooses blocks; the rule is that of the module above. `repeats` come with the bytes that
/// they save at most.
///
/// After `max_steps` a block that saves something is chosen without a look at those behind it,
/// and after as many again no block is looked at.
pub fn choose(
    field: Field<'_>,
    min_pages: usize,
    repeats: &mut [(Repeat, u64)],
    max_steps: u64,
) -> Choices {
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
    while let Some(mut top) = waiting.pop() {
        let is_hurried = state.steps > max_steps;
        choices.is_complete &= !is_hurried;
        if state.steps > 2 * max_steps {
            break;
        }
        let (repeat, _) = repeats[(last - top.from_end) as usize];
        let Some(looked) = state.look(&repeat) else {
            continue;
        };
        top.saved_bytes = looked.saved_bytes;
        let is_best = is_hurried || waiting.peek().is_none_or(|next| *next <= top);
        if top.saved_bytes > 0 && !is_best {
            waiting.push(top);
            continue;
        }
        choices.blocks += 1;
        if top.saved_bytes > 0 {
            state.cover(&repeat, looked);
            choices.chosen.push(Choice {
                repeat,
                saved_bytes: top.saved_bytes,
            });
        }
    }
    choices.chosen.sort_unstable_by_key(|choice| {
        let repeat = &choice.repeat;
        (!choice.saved_bytes, !repeat.lines, repeat.first)
    });
    choices
}

/// What is known while blocks are chosen.
struct State<'s> {
    field: Field<'s>,
    min_pages: usize,
    /// Lines that no block covers.
    free: Bits,
    /// Lines of copies that stay whole.
    kept: Bits,
    /// Where such a copy begins.
    kept_starts: Bits,
    /// Memory to sort places in.
    sorted: Vec<u32>,
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
        let mut free = Bits::none(field.order.len());
        (0..field.order.len()).for_each(|place| free.insert(place));
        State {
            field,
            min_pages,
            free,
            kept: Bits::none(field.order.len()),
            kept_starts: Bits::none(field.order.len()),
            sorted: Vec::new(),
            steps: 0,
        }
    }

    /// Finds what a block would save; None where it is none.
    fn look(&mut self, repeat: &Repeat) -> Option<Looked> {
        self.steps += u64::from(repeat.occurrences);
        if !self.is_on_enough_pages(repeat) {
            return None;
        }
        if !self.field.may_overlap(repeat) {
            let places = self.field.occurrences(repeat);
            self.steps += places.len() as u64 * u64::from(repeat.lines / 64);
            return Some(self.look_at(repeat, places));
        }
        // Sorting costs about as much as looking at three times the places.
        self.steps += 3 * u64::from(repeat.occurrences);
        let mut sorted = std::mem::take(&mut self.sorted);
        let is_block = self.field.gather(repeat, &mut sorted);
        let looked = is_block.then(|| self.look_at(repeat, &sorted));
        self.sorted = sorted;
        looked
    }

    fn is_on_enough_pages(&mut self, repeat: &Repeat) -> bool {
        match self.min_pages {
            0 | 1 => true,
            2 => {
                let end = self.field.page_end(repeat.first);
                let mut places = self.field.occurrences(repeat).iter();
                places.any(|&place| place >= end)
            }
            enough => {
                self.steps += 3 * u64::from(repeat.occurrences);
                self.sorted.clear();
                self.sorted.extend(self.field.occurrences(repeat));
                self.sorted.sort_unstable();
                self.field.pages(&self.sorted, enough) == enough
            }
        }
    }

    fn look_at(&self, repeat: &Repeat, places: &[u32]) -> Looked {
        let mut free_bytes = 0;
        // Of the place to stay: its free bytes, the most there can be where all are free.
        let mut most = (0, 0, None);
        let mut has_kept = false;
        for &place in places {
            let lines = range(place, repeat);
            let is_free = self.free.has_all(lines.clone());
            let free_here = match is_free {
                true => self.field.bytes_at(place, repeat.lines),
                false => self.free_bytes(lines.clone()),
            };
            free_bytes += free_here;
            let rank = if is_free { u64::MAX } else { free_here };
            let is_first = rank == most.0 && most.2.is_some_and(|other| place < other);
            if rank > most.0 || is_first {
                most = (rank, free_here, Some(place));
            }
            has_kept = has_kept || free_here == 0 && self.is_kept(lines);
        }
        match has_kept {
            true => Looked {
                saved_bytes: free_bytes,
                stays: None,
            },
            false => Looked {
                saved_bytes: free_bytes - most.1,
                stays: most.2,
            },
        }
    }

    /// Whether lines lie in one copy that stays whole.
    fn is_kept(&self, lines: Range<usize>) -> bool {
        let inside = lines.start + 1..lines.end;
        self.kept.has_all(lines) && self.kept_starts.each_in(inside).next().is_none()
    }

    fn free_bytes(&self, lines: Range<usize>) -> u64 {
        let free = self.free.each_in(lines);
        free.map(|line| self.field.bytes_at(line as u32, 1)).sum()
    }

    /// Covers a block's places.
    fn cover(&mut self, repeat: &Repeat, looked: Looked) {
        let mut sorted = std::mem::take(&mut self.sorted);
        self.field.gather(repeat, &mut sorted);
        for &place in &sorted {
            let lines = range(place, repeat);
            let stays_whole = looked.stays == Some(place) && self.free.has_all(lines.clone());
            if stays_whole {
                self.kept_starts.insert(lines.start);
            }
            let kept = stays_whole.then_some(&mut self.kept);
            self.free.move_range(lines, kept);
        }
        self.sorted = sorted;
    }
}

fn range(place: u32, repeat: &Repeat) -> Range<usize> {
    place as usize..(place + repeat.lines) as usize
}
