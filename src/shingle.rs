//! Fingerprints of lines in, repeated blocks of lines out (Broder 1997; our token is a line).
//!
//! A shingle is w consecutive lines, w a power of two up to [`WIDEST_SHINGLE_LINES`]. Each
//! shingle is *named* by the first place it stands on the page; a shingle of 2w lines is
//! named from the names of its two halves (Karp, Miller and Rosenberg 1972), and only where
//! every line of it stands more than once, so a page without repeats costs one table lookup
//! a line.
//!
//! From left to right, at each line that has stood before, the widest shingle found in an
//! earlier, non-overlapping place is grown line by line to a maximal block, and the walk
//! goes on behind it. Growth therefore costs at most one comparison a line: a page of a
//! million equal lines and `abab…` are linear.

use ahash::RandomState;

use crate::fingerprint::Fingerprint;

/// Lines in the widest shingle. Blocks grow past it; it only decides which of several
/// earlier places a block is grown from.
pub const WIDEST_SHINGLE_LINES: usize = 16;

/// A run of lines that stands earlier on the page, word for word.
///
/// Indices count the page's lines (see [`crate::page::Line`]) from 0. Invariants:
/// `of + lines <= start`, the lines at `of..of + lines` and at `start..start + lines` have
/// equal fingerprints pairwise, and the block cannot be grown to the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// First line of the later copy.
    pub start: usize,
    /// First line of the earlier copy.
    pub of: usize,
    /// Length in lines.
    pub lines: usize,
}

/// What [`find_blocks`] knows of each line and fills anew for each page; keep it to reuse
/// its memory.
#[derive(Debug, Default)]
pub struct Shingles {
    /// For each line, the first line with the same fingerprint (itself, mostly).
    pub first: Vec<u32>,
    /// For each line that is the first of its fingerprint, how often it stands on the page;
    /// for later ones 0. See [`Shingles::copies`].
    counts: Vec<u32>,
    /// For each line that is the first of its fingerprint, where it stands last.
    last: Vec<u32>,
    /// Repeated blocks in page order, not overlapping.
    pub blocks: Vec<Block>,
    table: FirstPlaces,
    repeated: Vec<u32>,
    names: Vec<u32>,
    next_names: Vec<u32>,
    sources: Vec<u32>,
}

impl Shingles {
    /// How often the line stands on the page, itself counted.
    pub fn copies(&self, line: usize) -> u32 {
        self.counts[self.first[line] as usize]
    }

    /// Whether the line stands more than once, all within `lines` lines.
    pub fn stands_twice_within(&self, line: usize, lines: usize) -> bool {
        let span = self.last(line) - self.first[line] as usize;
        span > 0 && span <= lines
    }

    /// Where the line stands last on the page.
    pub fn last(&self, line: usize) -> usize {
        self.last[self.first[line] as usize] as usize
    }
}

/// No earlier place.
const NONE: u32 = u32::MAX;

/// Finds the repeated blocks of a page; see the module's first paragraphs for the rule.
///
/// Linear: at most 5 table operations a repeated line, and one a line that is not.
/// Memory: about 20 bytes a line. A page holds fewer than `u32::MAX` lines.
pub fn find_blocks(fingerprints: &[Fingerprint], shingles: &mut Shingles) {
    let Shingles {
        first,
        counts,
        last,
        blocks,
        table,
        repeated,
        names,
        next_names,
        sources,
    } = shingles;
    let count = fingerprints.len();
    assert!(count < NONE as usize, "a page holds fewer than 2^32 lines");

    first.clear();
    counts.clear();
    counts.resize(count, 0);
    last.clear();
    last.resize(count, 0);
    blocks.clear();
    table.reset(count);
    for (line, fingerprint) in fingerprints.iter().enumerate() {
        let hash = table.hash(fingerprint.0);
        let place = table.first_place(hash, line as u32, |other| {
            fingerprints[other as usize] == *fingerprint
        });
        counts[place as usize] += 1;
        last[place as usize] = line as u32;
        first.push(place);
    }

    repeated.clear();
    repeated.extend((0..count as u32).filter(|&line| counts[first[line as usize] as usize] > 1));
    if repeated.is_empty() {
        return;
    }

    // `sources[line]`: where the widest earlier shingle of the line stands.
    sources.clear();
    sources.resize(count, NONE);
    // `names[line]`: the first place of the shingle of `half` lines at `line`; NONE where it
    // holds a line that is not repeated, or runs over the page's end.
    names.clear();
    names.resize(count, NONE);
    for &line in repeated.iter() {
        let place = first[line as usize];
        names[line as usize] = place;
        if place < line {
            sources[line as usize] = place;
        }
    }
    let mut half = 1;
    while half < WIDEST_SHINGLE_LINES {
        let width = half * 2;
        repeated.retain(|&line| {
            let other_half = line as usize + half;
            other_half < count && names[other_half] != NONE
        });
        if repeated.is_empty() {
            break;
        }
        table.reset(repeated.len());
        next_names.clear();
        next_names.resize(count, NONE);
        let halves = |line: u32| (names[line as usize], names[line as usize + half]);
        for &line in repeated.iter() {
            let (left, right) = halves(line);
            let hash = table.hash(u128::from(left) << 32 | u128::from(right));
            let place = table.first_place(hash, line, |other| halves(other) == (left, right));
            next_names[line as usize] = place;
            if place as usize + width <= line as usize {
                sources[line as usize] = place;
            }
        }
        std::mem::swap(names, next_names);
        half = width;
    }
    grow(first, sources, blocks);
}

/// Grows each source to a maximal block, left to right, blocks not overlapping.
fn grow(first: &[u32], sources: &[u32], blocks: &mut Vec<Block>) {
    let mut line = 0;
    while line < first.len() {
        if sources[line] == NONE {
            line += 1;
            continue;
        }
        let of = sources[line] as usize;
        let lines = (0..line - of)
            .take_while(|&step| first.get(line + step) == Some(&first[of + step]))
            .count();
        blocks.push(Block {
            start: line,
            of,
            lines,
        });
        line += lines;
    }
}

/// A set of keys that remembers where each was met first. The keys stay with the caller.
///
/// ahash with a random seed spreads them, so nobody can write a page whose lines collide;
/// the seed never reaches a result.
#[derive(Debug, Default)]
pub(crate) struct FirstPlaces {
    slots: Vec<u32>,
    mask: usize,
    state: RandomState,
}

impl FirstPlaces {
    /// Empties the table and makes room for `keys` keys.
    pub(crate) fn reset(&mut self, keys: usize) {
        let slots = (keys * 2).next_power_of_two().max(16);
        self.mask = slots - 1;
        self.slots.clear();
        self.slots.resize(slots, NONE);
    }

    pub(crate) fn hash(&self, key: u128) -> u64 {
        self.state.hash_one(key)
    }

    /// The first place that was given with an equal key; `place` itself if there is none.
    ///
    /// `is_equal` tells whether the key of an earlier place equals this one. At most as many
    /// keys as [`FirstPlaces::reset`] was told.
    #[inline]
    pub(crate) fn first_place(
        &mut self,
        hash: u64,
        place: u32,
        is_equal: impl Fn(u32) -> bool,
    ) -> u32 {
        let mut slot = hash as usize & self.mask;
        loop {
            let found = self.slots[slot];
            if found == NONE {
                self.slots[slot] = place;
                return place;
            }
            if is_equal(found) {
                return found;
            }
            slot = (slot + 1) & self.mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks(page: &[u8]) -> Vec<Block> {
        let fingerprints: Vec<Fingerprint> = page
            .iter()
            .map(|&letter| Fingerprint::of(&[letter]))
            .collect();
        let mut shingles = Shingles::default();
        find_blocks(&fingerprints, &mut shingles);
        shingles.blocks
    }

    /// The rule of the module's first paragraphs, word for word, in quadratic time.
    fn naive_blocks(page: &[u8]) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut start = 0;
        while start < page.len() {
            let widths = [16, 8, 4, 2, 1];
            let source = widths.into_iter().find_map(|width| {
                let shingle = page.get(start..start + width)?;
                let first = page.windows(width).position(|window| window == shingle)?;
                (first + width <= start).then_some(first)
            });
            let Some(of) = source else {
                start += 1;
                continue;
            };
            let mut lines = 0;
            while of + lines < start
                && start + lines < page.len()
                && page[of + lines] == page[start + lines]
            {
                lines += 1;
            }
            blocks.push(Block { start, of, lines });
            start += lines;
        }
        blocks
    }

    proptest! {
        #[test]
        fn agrees_with_the_quadratic_rule(page in prop::collection::vec(0_u8..6, 0..120)) {
            prop_assert_eq!(blocks(&page), naive_blocks(&page));
        }

        #[test]
        fn agrees_on_long_copies(unit in prop::collection::vec(0_u8..40, 1..60), noise in prop::collection::vec(0_u8..40, 0..9)) {
            let page = [&unit[..], &noise, &unit, &unit].concat();
            prop_assert_eq!(blocks(&page), naive_blocks(&page));
        }
    }

    #[test]
    fn a_block_is_grown_from_its_widest_shingle() {
        // The third "ab" begins "abcd" of the second place, not "ab" of the first.
        let expected = vec![
            Block {
                start: 3,
                of: 0,
                lines: 2,
            },
            Block {
                start: 8,
                of: 3,
                lines: 4,
            },
        ];
        assert_eq!(blocks(b"abxabcdyabcd"), expected);
    }

    #[test]
    fn equal_lines_double_up() {
        let lengths: Vec<usize> = blocks(&[b'a'; 33])
            .iter()
            .map(|block| block.lines)
            .collect();
        assert_eq!(lengths, [1, 2, 4, 8, 16, 1]);
    }

    #[test]
    fn a_page_without_repeats_has_no_blocks() {
        assert_eq!(blocks(b"abcdefg"), vec![]);
        assert_eq!(blocks(b""), vec![]);
    }

    #[test]
    fn copies_count_every_place() {
        let fingerprints: Vec<Fingerprint> = b"abaca"
            .iter()
            .map(|&letter| Fingerprint::of(&[letter]))
            .collect();
        let mut shingles = Shingles::default();
        find_blocks(&fingerprints, &mut shingles);
        let copies: Vec<u32> = (0..5).map(|line| shingles.copies(line)).collect();
        assert_eq!(copies, [3, 1, 3, 1, 3]);
    }
}
