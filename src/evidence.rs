//! A page in, the facts on each of its lines out; no opinion, no thresholds.

use crate::fingerprint::Fingerprint;
use crate::normalize::normalize_into;
use crate::page::{Line, split_lines};
use crate::shape::{self, LineShape};
use crate::shingle::{self, Shingles};

/// Everything known of a page's lines. The vectors run parallel to `lines`, one entry a
/// line (see [`Line`]: blank lines have none).
///
/// Filled anew for each page by [`Evidence::gather`]; keep it to reuse its memory.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The page's lines, in order.
    pub lines: Vec<Line>,
    /// All lines of the page, blank ones counted.
    pub line_count: usize,
    /// Each line's shape.
    pub shapes: Vec<LineShape>,
    /// Each line's fingerprint, over its normalised bytes.
    pub fingerprints: Vec<Fingerprint>,
    /// Which lines and blocks stand earlier on the page.
    pub shingles: Shingles,
    normalized: Vec<u8>,
    normalized_ends: Vec<usize>,
}

impl Evidence {
    /// Forgets the last page and gathers the facts on this one.
    ///
    /// Linear time; memory about twice the page's bytes and 150 bytes a line, reused.
    pub fn gather(&mut self, page: &[u8]) {
        self.lines.clear();
        self.shapes.clear();
        self.fingerprints.clear();
        self.normalized.clear();
        self.normalized_ends.clear();
        self.line_count = split_lines(page, &mut self.lines);
        for line in &self.lines {
            let text = line.text(page);
            self.shapes.push(shape::measure(text));
            let from = self.normalized.len();
            normalize_into(text, &mut self.normalized);
            self.normalized_ends.push(self.normalized.len());
            self.fingerprints
                .push(Fingerprint::of(&self.normalized[from..]));
        }
        shingle::find_blocks(&self.fingerprints, &mut self.shingles);
    }

    /// The normalised bytes of a line.
    pub fn normalized(&self, line: usize) -> &[u8] {
        let from = line
            .checked_sub(1)
            .map_or(0, |before| self.normalized_ends[before]);
        &self.normalized[from..self.normalized_ends[line]]
    }
}
