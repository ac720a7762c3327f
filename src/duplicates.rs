//! Evidence in, the lines that stand earlier in the corpus out (corpus scope).
//!
//! A block is a run of lines, each run of [`CorpusRule::shingle_lines`] of which stands in
//! more than N places of the corpus and not here first. Of a block that is long enough every
//! line goes: its own first copy stands earlier in source order, so of every line a copy is
//! left that does not go as a duplicate. With blocks of one line this is what
//! `awk '!seen[$0]++'` does. Blocks are maximal on their page; that all their lines stand
//! together in one other place is sure only up to the width of the runs.

use crate::config::CorpusRule;
use crate::evidence::{Evidence, PageAddress};
use crate::index::{Place, PlaceFigures};

/// Which lines of a page stand earlier in the corpus. Filled anew for each page; keep it to
/// reuse its memory.
#[derive(Debug, Default)]
pub struct Duplicates {
    /// For each line, where its first copy stands; empty where nothing goes.
    of: Vec<Option<Place>>,
}

impl Duplicates {
    /// Where the first copy of the line stands, if the line goes.
    pub fn of(&self, line: usize) -> Option<Place> {
        self.of.get(line).copied().flatten()
    }

    /// Forgets the last page, of which nothing is known.
    pub fn clear(&mut self) {
        self.of.clear();
    }

    /// Forgets the last page and finds the duplicates of this one. Time goes by the lines times
    /// [`CorpusRule::min_lines`].
    pub fn find(
        &mut self,
        rule: &CorpusRule,
        page: &[u8],
        evidence: &Evidence,
        address: &PageAddress<'_>,
    ) {
        let count = evidence.lines.len();
        let lines = &evidence.corpus.lines;
        let shingles = &evidence.corpus.shingles;
        self.of.clear();
        self.of.resize(count, None);
        // A page that the index does not know is a further place of each of its lines.
        let further = u32::from(address.place.is_none());
        let is_later = |figures: &PlaceFigures, line: usize| {
            figures.places > 0
                && figures.places.saturating_add(further) > rule.more_than_places
                && Some(figures.first) != address.line(evidence.lines[line].number)
        };
        let later_line = |line: usize| {
            let figures = lines.get(line).filter(|figures| is_later(figures, line));
            figures.map(|figures| figures.first)
        };
        let width = rule.shingle_lines();
        if width == 0 {
            for (line, of) in self.of.iter_mut().enumerate() {
                *of = later_line(line);
            }
            return;
        }
        let later_run = |line: usize| {
            let figures = shingles.get(line);
            figures.is_some_and(|figures| is_later(figures, line))
        };
        let mut start = 0;
        while start < count {
            // Runs that begin behind one another overlap, so they make one block.
            let runs = (start..count).take_while(|&line| later_run(line)).count();
            let end = match runs {
                0 if rule.min_lines <= 1 && later_line(start).is_some() => start + 1,
                0 => {
                    start += 1;
                    continue;
                }
                runs => start + runs + width - 1,
            };
            let chars = (start..end).map(|line| {
                let text = evidence.lines[line].text(page);
                bstr::ByteSlice::chars(text).count()
            });
            if chars.sum::<usize>() >= rule.min_chars {
                for line in start..end {
                    self.of[line] = later_line(line);
                }
            }
            // A block may begin inside the last run of this one.
            start += runs.max(1);
        }
    }
}
