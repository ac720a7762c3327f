//! Evidence in, the lines that are later copies of others on the same page out (page scope).
//!
//! Equality alone removes nothing: refrains, dialogue, table rows, code, lists, quoted posts
//! and logs say things twice on purpose. A later copy goes only under one of three rules,
//! each of which asks for more (figures and an example for each side of each threshold:
//! `docs/scoring.md`):
//!
//! - **headline**: it stands in the page's head, above the running text;
//! - **caption**: it stands next to its first copy, and is long;
//! - **doubled page**: the copied stretch is a large part of the page.
//!
//! Headline and caption are also found where the copies are near-equal: one is the other cut
//! with an ellipsis, or with something stuck on (a site name, a photo credit).

use crate::evidence::Evidence;
use crate::shape::{CharClass, LineShape};
use crate::shingle::{Block, FirstPlaces};

/// A line that stands more often than this on the page repeats by nature: a log, a table, a
/// list. It makes no copy and counts towards none, but goes along inside one.
pub const MAX_COPIES: u32 = 3;
/// Columns from which a line is running text rather than a heading or a menu entry.
pub const PARAGRAPH_COLUMNS: u32 = 100;
/// Headline rule: least columns of the line.
pub const MIN_HEADLINE_COLUMNS: u32 = 20;
/// Headline rule: least columns in a wide script (Han, Kana, Hangul), which says more in them.
/// Near-equal headlines share [`MIN_SHARED_COLUMNS`] all the same.
pub const MIN_WIDE_HEADLINE_COLUMNS: u32 = 12;
/// Headline rule: running text begins at most this many lines below the later copy's first.
pub const MAX_LINES_TO_TEXT: usize = 15;
/// Headline rule: at most this many lines that may be headlines too stand between the later
/// copy and the running text.
pub const MAX_HEADLINES_TO_TEXT: usize = 4;
/// Headline rule: a head with more copies than this in different places is verse or a list.
pub const MAX_HEAD_COPIES: usize = 3;
/// Caption rule: least columns of the longest line.
pub const MIN_CAPTION_COLUMNS: u32 = 60;
/// Headline and caption rule: most lines of the copy; a longer one is a menu, a log, a verse.
pub const MAX_COPY_LINES: usize = 2;
/// Caption rule: at most this many lines stand between the copies.
pub const MAX_LINES_BETWEEN: usize = 1;
/// Doubled page: the copy holds at least one part in this many of the page's letters.
pub const DOUBLED_PAGE_PART: u64 = 3;
/// Doubled page: least columns of letters in the copy.
pub const MIN_DOUBLED_COLUMNS: u64 = 300;
/// Doubled page: blocks belong to one stretch where at most this many lines differ between.
pub const MAX_LINES_DIFFERENT: usize = 2;
/// Near-equal: least columns that both lines share.
pub const MIN_SHARED_COLUMNS: usize = 20;
/// Near-equal: most columns stuck on.
pub const MAX_STUCK_COLUMNS: usize = 40;

/// Bytes of the prefix and the suffix by which near-equal lines are found.
const AFFIX_BYTES: usize = 16;

/// Why a later copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It stands in the page's head, above the running text.
    Headline,
    /// It stands next to its first copy, and is long.
    Caption,
    /// The copied stretch is a large part of the page.
    DoubledPage,
}

/// Which lines of a page are later copies that go. Filled anew for each page; keep it to
/// reuse its memory.
#[derive(Debug, Default)]
pub struct Repeats {
    /// For each line, the earlier line that stays; NONE where it is no copy.
    of: Vec<u32>,
    /// For each line that stays, the rule by which a later copy of it goes.
    copied_by: Vec<Option<Rule>>,
    /// Lines of the page's head: those above the first line of running text.
    head: usize,
    candidates: Vec<Block>,
    prefixes: Affixes,
    suffixes: Affixes,
}

const NONE: u32 = u32::MAX;

impl Repeats {
    /// The earlier line of which this line is a copy that goes. Indices count the lines that
    /// are not blank, from 0.
    pub fn of(&self, line: usize) -> Option<usize> {
        let of = *self.of.get(line)?;
        (of != NONE).then_some(of as usize)
    }

    /// The lines that are copies.
    pub(crate) fn copies(&self) -> impl Iterator<Item = usize> {
        let of = self.of.iter().enumerate();
        of.filter(|(_, of)| **of != NONE).map(|(line, _)| line)
    }

    /// The rule by which a later copy of this line goes; None where none does.
    pub fn copied_by(&self, line: usize) -> Option<Rule> {
        self.copied_by[line]
    }

    /// Forgets the last page, of which nothing is known.
    pub fn clear(&mut self) {
        self.of.clear();
        self.copied_by.clear();
    }

    /// Forgets the last page and finds the copies of this one.
    ///
    /// Near-linear in lines and bytes: each line is compared with at most four others.
    pub fn find(&mut self, evidence: &Evidence) {
        let count = evidence.lines.len();
        self.of.clear();
        self.of.resize(count, NONE);
        self.copied_by.clear();
        self.copied_by.resize(count, None);
        self.mark_head(evidence);
        self.find_doubled_stretches(evidence);
        self.candidates.clear();
        self.candidates.extend(
            evidence
                .shingles
                .blocks
                .iter()
                .filter(|block| self.of[block.start] == NONE),
        );
        self.find_near_equal(evidence);
        self.candidates.sort_unstable_by_key(|block| block.start);
        self.find_head_and_caption_copies(evidence);
        self.follow_to_first();
    }

    /// A copy of a copy is one of the line that stays. Copies point backwards, so one step
    /// from the front does it.
    fn follow_to_first(&mut self) {
        for line in 0..self.of.len() {
            let of = self.of[line];
            if of == NONE {
                continue;
            }
            self.copied_by[line] = None;
            let first = self.of[of as usize];
            if first != NONE {
                self.of[line] = first;
            }
        }
    }

    /// Finds the first line of running text; one that stands twice next to itself is a caption,
    /// unless there is no other. A page without running text has no head.
    fn mark_head(&mut self, evidence: &Evidence) {
        let is_text = |line: usize| {
            let shape = &evidence.shapes[line];
            shape.columns >= PARAGRAPH_COLUMNS && is_wording(shape)
        };
        let is_caption = |line: usize| {
            let shingles = &evidence.shingles;
            shingles.stands_twice_within(line, MAX_LINES_BETWEEN + 1)
        };
        let lines = 0..evidence.lines.len();
        let first_text = lines.clone().find(|&line| is_text(line));
        let first_paragraph = first_text
            .and_then(|first| (first..lines.end).find(|&line| is_text(line) && !is_caption(line)));
        self.head = first_paragraph.or(first_text).unwrap_or(0);
    }

    /// Doubled page: stretches of blocks copied in order that hold a large part of the page.
    fn find_doubled_stretches(&mut self, evidence: &Evidence) {
        let blocks = &evidence.shingles.blocks;
        if blocks.is_empty() {
            return;
        }
        let page_columns: u64 = evidence
            .shapes
            .iter()
            .map(|shape| u64::from(shape.letter_columns))
            .sum();
        let mut rest = &blocks[..];
        while let [first, ..] = rest {
            let stretch = 1 + rest
                .windows(2)
                .take_while(|pair| goes_on(&pair[0], &pair[1]))
                .count();
            let (blocks, others) = rest.split_at(stretch);
            rest = others;
            let columns: u64 = blocks
                .iter()
                .map(|block| rare_letter_columns(evidence, block))
                .sum();
            let end = blocks[stretch - 1].of + blocks[stretch - 1].lines;
            if columns >= MIN_DOUBLED_COLUMNS
                && columns * DOUBLED_PAGE_PART >= page_columns
                && end <= first.start
            {
                for block in blocks {
                    self.remove(block, Rule::DoubledPage);
                }
            }
        }
    }

    fn remove(&mut self, block: &Block, rule: Rule) {
        for step in 0..block.lines {
            let of = block.of + step;
            self.of[block.start + step] = of as u32;
            self.copied_by[of] = Some(rule);
        }
    }

    fn find_head_and_caption_copies(&mut self, evidence: &Evidence) {
        let candidates = std::mem::take(&mut self.candidates);
        let is_head_copy = |block: &&Block| self.is_head_copy(evidence, block);
        let head_copies = candidates.iter().filter(is_head_copy).count();
        for block in &candidates {
            if head_copies <= MAX_HEAD_COPIES && self.is_headline_copy(evidence, block) {
                self.remove(block, Rule::Headline);
            } else if is_caption_copy(evidence, block) {
                self.remove(block, Rule::Caption);
            }
        }
        self.candidates = candidates;
    }

    /// Whether a copy in the page's head holds what may be a headline.
    fn is_head_copy(&self, evidence: &Evidence, block: &Block) -> bool {
        block.lines <= MAX_COPY_LINES
            && block.start < self.head
            && (block.start..block.start + block.lines).any(|line| is_headline(evidence, line))
    }

    /// Headline rule: both copies above the running text, which begins soon after.
    fn is_headline_copy(&self, evidence: &Evidence, block: &Block) -> bool {
        self.is_head_copy(evidence, block)
            && self.head - block.start <= MAX_LINES_TO_TEXT
            && (block.start + block.lines..self.head)
                .filter(|&line| is_headline(evidence, line))
                .count()
                <= MAX_HEADLINES_TO_TEXT
            && !is_table_of_contents(evidence, block)
    }

    /// Adds to the candidates the lines near-equal to an earlier one (blocks of one line): any
    /// earlier one in the page's head, where headlines are; further down only those so near
    /// that a caption may be meant.
    fn find_near_equal(&mut self, evidence: &Evidence) {
        let head = self.head;
        self.prefixes.reset(head);
        self.suffixes.reset(head);
        for line in 0..evidence.lines.len() {
            let is_head = line < head;
            let shape = &evidence.shapes[line];
            let least_columns = if is_head {
                least_headline_columns(shape)
            } else {
                MIN_CAPTION_COLUMNS
            };
            if shape.columns < least_columns
                || evidence.shingles.first[line] as usize != line
                || evidence.normalized(line).len() < AFFIX_BYTES
            {
                continue;
            }
            let is_earlier_copy = |&earlier: &usize| {
                is_near_equal(evidence.normalized(earlier), evidence.normalized(line))
            };
            let of = if is_head {
                self.with_affix(evidence, line).find(is_earlier_copy)
            } else {
                let nearest = line.saturating_sub(MAX_LINES_BETWEEN + 1)..line;
                nearest.rev().find(is_earlier_copy)
            };
            if let Some(of) = of {
                self.candidates.push(Block {
                    start: line,
                    of,
                    lines: 1,
                });
            }
        }
    }

    /// Earlier lines that begin or end like this one: the first and the last of each.
    fn with_affix(
        &mut self,
        evidence: &Evidence,
        line: usize,
    ) -> impl Iterator<Item = usize> + use<> {
        let text = evidence.normalized(line);
        let prefix = affix(&text[..AFFIX_BYTES]);
        let suffix = affix(&text[text.len() - AFFIX_BYTES..]);
        let [first, last] = self.prefixes.earlier(prefix, line);
        let [suffix_first, suffix_last] = self.suffixes.earlier(suffix, line);
        [first, last, suffix_first, suffix_last]
            .into_iter()
            .flatten()
            .map(|earlier| earlier as usize)
    }
}

/// The first and the last line met so far, by the first or last bytes of their text.
#[derive(Debug, Default)]
struct Affixes {
    table: FirstPlaces,
    /// By line: its affix.
    keys: Vec<u128>,
    /// By first line with an affix: the last one.
    last: Vec<u32>,
}

impl Affixes {
    fn reset(&mut self, lines: usize) {
        self.table.reset(lines);
        self.keys.clear();
        self.keys.resize(lines, 0);
        self.last.clear();
        self.last.resize(lines, NONE);
    }

    /// Earlier lines with this affix: the first and the last, if there are any.
    fn earlier(&mut self, key: u128, line: usize) -> [Option<u32>; 2] {
        self.keys[line] = key;
        let hash = self.table.hash(key);
        let keys = &self.keys;
        let first = self
            .table
            .first_place(hash, line as u32, |other| keys[other as usize] == key);
        let last = std::mem::replace(&mut self.last[first as usize], line as u32);
        if first as usize == line {
            return [None, None];
        }
        [Some(first), (last != first).then_some(last)]
    }
}

fn affix(bytes: &[u8]) -> u128 {
    u128::from_le_bytes(bytes.try_into().unwrap_or_default())
}

/// Whether the second block goes on where the first ends, in both places.
fn goes_on(block: &Block, next: &Block) -> bool {
    let between = |from: usize, to: usize| to.checked_sub(from);
    let here = between(block.start + block.lines, next.start);
    let there = between(block.of + block.lines, next.of);
    here.is_some_and(|lines| lines <= MAX_LINES_DIFFERENT)
        && there.is_some_and(|lines| lines <= MAX_LINES_DIFFERENT)
}

/// Columns of letters in those lines of a block that do not repeat by nature.
fn rare_letter_columns(evidence: &Evidence, block: &Block) -> u64 {
    (block.start..block.start + block.lines)
        .filter(|&line| evidence.shingles.copies(line) <= MAX_COPIES)
        .map(|line| u64::from(evidence.shapes[line].letter_columns))
        .sum()
}

/// Words rather than code, a table row or a rule: few symbols, no `;` or `,` at the end.
fn is_wording(shape: &LineShape) -> bool {
    shape.last != CharClass::Comma
        && shape.symbols * 8 <= shape.letters
        && shape.letter_columns * 2 >= shape.columns
}

/// A sentence that somebody says: dialogue repeats itself.
fn is_speech(shape: &LineShape) -> bool {
    matches!(shape.first, CharClass::Quote | CharClass::Dash) && shape.last == CharClass::Stop
}

/// Least columns of a headline in the line's script.
fn least_headline_columns(shape: &LineShape) -> u32 {
    if shape.is_wide() {
        MIN_WIDE_HEADLINE_COLUMNS
    } else {
        MIN_HEADLINE_COLUMNS
    }
}

/// Wording of some length that does not end as a sentence, unless it asks or exclaims.
fn is_headline(evidence: &Evidence, line: usize) -> bool {
    let shape = &evidence.shapes[line];
    let calls = || {
        let text = evidence.normalized(line);
        let closing = |byte: &&u8| matches!(byte, b'\'' | b')' | b']' | b' ');
        let end = text.len() - text.iter().rev().take_while(closing).count();
        let text = &text[..end];
        text.ends_with(b"?") || text.ends_with(b"!") || text.ends_with("؟".as_bytes())
    };
    shape.columns >= least_headline_columns(shape)
        && is_wording(shape)
        && !is_speech(shape)
        && (shape.last != CharClass::Stop || calls())
        && evidence.shingles.copies(line) <= MAX_COPIES
}

/// Caption rule: the copies stand next to each other, and one of their lines is long.
fn is_caption_copy(evidence: &Evidence, block: &Block) -> bool {
    let lines_between = block.start - (block.of + block.lines);
    let is_caption = |line: usize| {
        let shape = &evidence.shapes[line];
        shape.columns >= MIN_CAPTION_COLUMNS
            && is_wording(shape)
            && !is_speech(shape)
            && evidence.shingles.copies(line) <= MAX_COPIES
    };
    lines_between <= MAX_LINES_BETWEEN
        && block.lines <= MAX_COPY_LINES
        && (block.start..block.start + block.lines).any(is_caption)
}

/// Whether the first copy stands among lines that come again further down, one by one: then
/// it is an entry in a table of contents, and the later copy is the heading itself.
fn is_table_of_contents(evidence: &Evidence, block: &Block) -> bool {
    let after = block.of + block.lines;
    let neighbours = after..(after + 3).min(block.start);
    let returns = |line: &usize| {
        evidence.shapes[*line].columns >= MIN_HEADLINE_COLUMNS / 2
            && evidence.shingles.first[*line] as usize == *line
            && evidence.shingles.copies(*line) == 2
            && evidence.shingles.last(*line) > block.start
    };
    neighbours.filter(returns).count() >= 2
}

/// Characters that set off what is stuck on in front. `>` and `/` are none: a breadcrumb that
/// ends in the headline is no copy of it.
const SEPARATORS_IN_FRONT: [char; 9] = ['|', '-', ':', ']', ')', '·', '•', '】', '）'];
/// Characters that set off what is stuck on behind.
const SEPARATORS_BEHIND: [char; 12] =
    ['|', '-', ':', '[', '(', '/', '<', '·', '•', '©', '【', '（'];

/// Whether one normalised line is the other cut with an ellipsis, or with something stuck on
/// in front or behind, set off by a separator.
fn is_near_equal(left: &[u8], right: &[u8]) -> bool {
    let (short, long) = if left.len() <= right.len() {
        (left, right)
    } else {
        (right, left)
    };
    let is_long_enough = |shared: &[u8]| columns(shared) >= MIN_SHARED_COLUMNS;
    let is_short_enough = |stuck: &[u8]| columns(stuck) <= MAX_STUCK_COLUMNS;
    if let Some(stem) = short.strip_suffix(b"...") {
        let stem = stem.trim_ascii_end();
        let cut = long.strip_prefix(stem);
        return cut.is_some_and(|cut| is_short_enough(cut) && is_long_enough(stem));
    }
    let behind = long.strip_prefix(short).filter(|stuck| {
        let first = stuck.trim_ascii_start();
        bstr::decode_utf8(first)
            .0
            .is_some_and(|c| SEPARATORS_BEHIND.contains(&c))
    });
    let stuck = behind.or_else(|| {
        long.strip_suffix(short).filter(|stuck| {
            let last = stuck.trim_ascii_end();
            bstr::decode_last_utf8(last)
                .0
                .is_some_and(|c| SEPARATORS_IN_FRONT.contains(&c))
        })
    });
    stuck.is_some_and(|stuck| is_short_enough(stuck) && is_long_enough(short))
}

/// Width on a terminal of normalised text.
fn columns(text: &[u8]) -> usize {
    crate::shape::measure(text).columns as usize
}
