//! Pages as lines in, the blocks of lines that they say again and again out: on a page, a
//! site or a corpus. Knows no files, and nothing of what is to be removed.
//!
//! # What a block is
//!
//! Lines are compared as [`LineReader`] folds them; blank lines do not count and do not break
//! a run. A *block* is a run of lines that
//!
//! - stands in two places or more that do not overlap: its places are counted from the top,
//!   each the first that does not overlap the one before;
//! - is *maximal*: there is no line that stands before it in every place, and none that
//!   stands behind it in every place. A page's start and end count as lines of their own;
//! - does not overlap itself by half of its lines or more. So of a million equal lines the
//!   block is one line, not half a million; the blocks left out say the same text twice over.
//!
//! Which places count together is a matter of [`Scope`]; [`BlockRule`] sets how long a block
//! is at least and on how many pages it stands.
//!
//! # Which blocks are told of
//!
//! Blocks lie in one another, so they are chosen one by one, the block that saves most bytes
//! first; of equal ones the longer, then the one that stands first. Removal would leave one
//! copy of a block and take all others, so a block saves the bytes (terminators counted) of
//! the lines in its places that no block before covers, but for one place: the first of
//! which nothing is covered, else the one with most of these bytes. Where a place lies in a
//! copy that a block before leaves whole, that copy stays, and no other place is left out.
//! Then the block's places are covered. A block that saves nothing is not told of.
//!
//! So the bytes saved add up to exactly what removal would save, and of every line that goes
//! an equal one stays.
//!
//! # How
//!
//! Each distinct line gets a number, apart for every site or page if the scope says so. Runs
//! of lines that stand once, and the gaps between pages, become separators that equal nothing.
//! Maximal repeats of what is left are read off its sorted suffixes; see `suffixes.rs` and
//! `maximal.rs`.
//!
//! Finding them takes linear time. Choosing looks at each block at least once, and again when
//! it would be next and others have covered part of it; after a fixed number of steps a line,
//! which only text written for the purpose takes, it no longer looks for the best one, and
//! after as many again it ends ([`Repeats::is_complete`]).
//!
//! Memory: about 40 bytes for each line, blank ones not counted, and 4 for each page; up to
//! twice that where nearly every run of lines stands twice.
//!
//! # Example
//!
//! ```
//! use dechaff::blocks::{BlockFinder, BlockRule, LineReader, Scope};
//! use dechaff::config::CorpusNormalize;
//!
//! # fn main() -> Result<(), dechaff::blocks::TooManyLines> {
//! let pages = ["Home\nNews\n\nOtters\n", "Home\n  News\nHerons\n", "Home\nFerries\n"];
//! let mut reader = LineReader::new(CorpusNormalize::Space);
//! let mut finder = BlockFinder::new(Scope::Corpus);
//! for page in pages {
//!     let mut lines = Vec::new();
//!     reader.read(page.as_bytes(), &mut lines);
//!     finder.begin_page(None)?;
//!     finder.add_lines(&lines, 0)?;
//! }
//! let found = finder.find(&BlockRule::default());
//! let [menu, home] = &found.blocks[..] else { panic!("two blocks") };
//! assert_eq!((menu.lines, menu.places, menu.saved_bytes), (2, 2, 12));
//! assert_eq!((home.lines, home.places, home.saved_bytes), (1, 3, 5));
//! # Ok(())
//! # }
//! ```

mod bits;
mod choose;
mod maximal;
mod names;
mod sequence;
mod suffixes;

use thiserror::Error;

use crate::config::CorpusNormalize;
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::normalize::is_blank;
use crate::page::LineCursor;

use choose::Field;
use names::{Name, Names};
use sequence::Sequence;

/// Which places of a block count together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those on one page.
    Page,
    /// Those on the pages of one site; a page of no site is one by itself.
    Site,
    /// All.
    #[default]
    Corpus,
}

/// Which blocks are looked for, and how many are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRule {
    /// Least lines of a block.
    pub min_lines: u32,
    /// Least characters of a block as it is compared, line ends not counted.
    pub min_chars: u64,
    /// Least pages that it stands on.
    pub min_pages: usize,
    /// Blocks told of; 0 for all.
    pub top: usize,
    /// Places told of each.
    pub places: usize,
}

impl Default for BlockRule {
    fn default() -> Self {
        BlockRule {
            min_lines: 1,
            min_chars: 0,
            min_pages: 1,
            top: 0,
            places: 3,
        }
    }
}

/// A line of a page, blank ones left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLine {
    /// Of the line as it is compared.
    pub fingerprint: Fingerprint,
    /// Characters, as it is compared.
    pub chars: u32,
    /// Bytes with its terminator.
    pub bytes: u32,
    /// Number among the lines read with it, from 1, blank ones counted.
    pub number: u32,
}

/// Reads text into lines as they are compared.
#[derive(Debug)]
pub struct LineReader {
    normalize: CorpusNormalize,
    key: FingerprintKey,
    folded: Vec<u8>,
}

impl LineReader {
    /// A reader that folds this much away.
    pub fn new(normalize: CorpusNormalize) -> Self {
        LineReader {
            normalize,
            key: FingerprintKey::default(),
            folded: Vec::new(),
        }
    }

    /// The same, whose fingerprints are made with this key.
    pub fn with_key(self, key: FingerprintKey) -> Self {
        LineReader { key, ..self }
    }

    /// Appends the lines of a text; returns how many it has, blank ones counted. Linear time.
    pub fn read(&mut self, text: &[u8], lines: &mut Vec<PageLine>) -> usize {
        let mut number = 0;
        for raw in LineCursor::new(text) {
            number += 1;
            let line = &text[raw.start..raw.end];
            if is_blank(line) {
                continue;
            }
            let compared = self.normalize.compared(line, &mut self.folded);
            lines.push(PageLine {
                fingerprint: self.key.fingerprint(compared),
                chars: saturated(count_chars(compared)),
                bytes: saturated(raw.next - raw.start),
                number: saturated(number),
            });
        }
        number
    }
}

fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Characters of UTF-8; of other bytes, those that do not continue one.
fn count_chars(text: &[u8]) -> usize {
    let begins = |byte: &&u8| **byte & 0xc0 != 0x80;
    text.iter().filter(begins).count()
}

/// More lines than can be numbered.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("more than {MAX_LINES} lines that are not blank, pages counted with them")]
pub struct TooManyLines;

/// Lines and pages that a [`BlockFinder`] takes.
pub const MAX_LINES: u32 = (1 << 31) - 2;

/// Takes in pages in source order, then finds their blocks.
#[derive(Debug)]
pub struct BlockFinder {
    scope: Scope,
    names: Names,
    /// The names of all lines, page by page.
    sequence: Vec<Name>,
    /// Bytes of each line.
    bytes: Vec<u32>,
    /// Number of each line on its page.
    numbers: Vec<u32>,
    /// Where each page begins in `sequence`.
    page_starts: Vec<u32>,
    /// What sets the lines of the page at hand apart from equal ones elsewhere.
    apart: Option<[u8; 17]>,
}

impl BlockFinder {
    /// A finder without pages.
    pub fn new(scope: Scope) -> Self {
        BlockFinder {
            scope,
            names: Names::new(),
            sequence: Vec::new(),
            bytes: Vec::new(),
            numbers: Vec::new(),
            page_starts: Vec::new(),
            apart: None,
        }
    }

    /// Begins the next page: `site` is the fingerprint of its site's name.
    ///
    /// # Errors
    ///
    /// [`TooManyLines`]; the page is not taken in then.
    pub fn begin_page(&mut self, site: Option<Fingerprint>) -> Result<(), TooManyLines> {
        let page = self.page_starts.len() as u128;
        self.check_room(1)?;
        self.apart = match (self.scope, site) {
            (Scope::Corpus, _) => None,
            (Scope::Site, Some(site)) => Some(apart(1, site.0)),
            (Scope::Site, None) | (Scope::Page, _) => Some(apart(0, page)),
        };
        self.page_starts.push(self.sequence.len() as u32);
        Ok(())
    }

    /// Adds lines to the page begun last; `lines_before` of it, blank ones counted, come
    /// before those that they were read with.
    ///
    /// # Errors
    ///
    /// [`TooManyLines`]; none of the lines is taken in then.
    pub fn add_lines(&mut self, lines: &[PageLine], lines_before: u64) -> Result<(), TooManyLines> {
        self.check_room(lines.len())?;
        let before = u32::try_from(lines_before).unwrap_or(u32::MAX);
        for line in lines {
            let fingerprint = match &self.apart {
                None => line.fingerprint,
                Some(apart) => {
                    let mut bytes = [0; 33];
                    bytes[..17].copy_from_slice(apart);
                    bytes[17..].copy_from_slice(&line.fingerprint.0.to_le_bytes());
                    Fingerprint::of(&bytes)
                }
            };
            let name = self.names.note(fingerprint, line.chars, line.bytes);
            self.sequence.push(name);
            self.bytes.push(line.bytes);
            self.numbers.push(before.saturating_add(line.number));
        }
        Ok(())
    }

    fn check_room(&self, more: usize) -> Result<(), TooManyLines> {
        let taken = self.sequence.len() + self.page_starts.len();
        if taken.saturating_add(more) > MAX_LINES as usize {
            return Err(TooManyLines);
        }
        Ok(())
    }

    /// Pages begun.
    pub fn pages(&self) -> usize {
        self.page_starts.len()
    }

    /// Finds the blocks of all pages; see the module for the rule.
    pub fn find(self, rule: &BlockRule) -> Repeats {
        self.find_within(rule, choose::max_steps)
    }

    fn find_within(self, rule: &BlockRule, max_steps: fn(usize) -> u64) -> Repeats {
        let sequence = Sequence::new(self);
        let order = suffixes::sort_suffixes(&sequence.text, sequence.alphabet);
        let mut repeats = sequence.repeats(&order, rule);
        let field = Field {
            order: &order,
            bytes: &sequence.bytes_before(),
            next_equal: &sequence.next_equal(),
            page_starts: &sequence.page_starts,
        };
        let max_steps = max_steps(order.len());
        let choices = choose::choose(field, rule.min_pages, &mut repeats, max_steps);
        drop(repeats);
        let top = match rule.top {
            0 => usize::MAX,
            top => top,
        };
        let mut places = Vec::new();
        let told = choices.chosen.iter().take(top);
        Repeats {
            blocks: told
                .map(|choice| sequence.block(field, choice, rule.places, &mut places))
                .collect(),
            found: choices.blocks,
            saving: choices.chosen.len() as u64,
            saved_bytes: choices.chosen.iter().map(|block| block.saved_bytes).sum(),
            is_complete: choices.is_complete,
        }
    }
}

fn apart(kind: u8, number: u128) -> [u8; 17] {
    let mut apart = [kind; 17];
    apart[1..].copy_from_slice(&number.to_le_bytes());
    apart
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// The blocks told of, most bytes saved first; then the longer one, then the one that
    /// stands first.
    pub blocks: Vec<RepeatedBlock>,
    /// Blocks that satisfy the rule, blocks in blocks counted.
    pub found: u64,
    /// How many of these save something beside those that save more: all that could be told of.
    pub saving: u64,
    /// Bytes that these save together.
    pub saved_bytes: u64,
    /// False where the search for blocks that save less was given up, on text made to make it
    /// long.
    pub is_complete: bool,
}

/// A block, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedBlock {
    /// Lines, blank ones not counted.
    pub lines: u32,
    /// Characters as it is compared, line ends not counted.
    pub chars: u64,
    /// Bytes in its first place, terminators counted, blank lines not.
    pub bytes: u64,
    /// Places that do not overlap.
    pub places: u32,
    /// Pages that hold one of them.
    pub pages: u32,
    /// Bytes that go with this block and not with one told of before.
    pub saved_bytes: u64,
    /// The first places.
    pub first: Vec<Extent>,
}

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The page, from 0, in the order in which pages were begun.
    pub page: u32,
    /// Number of the block's first line on the page, from 1, blank ones counted.
    pub first_line: u32,
    /// Number of its last line.
    pub last_line: u32,
}

#[cfg(test)]
mod tests;
