//! Evidence in, the lines that a site prints on page after page out (site scope).
//!
//! How often a line stands on a site removes nothing by itself: "See also", "Parameters" and
//! "Returns" stand on most pages of a manual and are its content. A line is a *candidate*
//! where many pages hold it together with a neighbour, or at the same place from the top or
//! the end. A candidate goes as template only under one of two rules (figures for both sides
//! of each threshold: `docs/templates.md`):
//!
//! - **frame**: it is reached from the page's top or end over candidates, with at most
//!   [`MAX_OWN_LINES`] lines of the page's own between one and the next;
//! - **long block**: it stands in a run of at least [`MIN_BLOCK_LINES`] lines that half of the
//!   pages share, wherever on the page.

use crate::evidence::Evidence;

/// Least pages of different classes that hold a candidate.
pub const MIN_PAGES: u32 = 3;
/// Least share of the site's pages that hold a candidate, in percent.
pub const MIN_SHARE_PERCENT: u32 = 40;
/// Frame: at most this many lines of the page's own stand between two candidates.
pub const MAX_OWN_LINES: usize = 1;
/// Long block: least lines.
pub const MIN_BLOCK_LINES: usize = 8;
/// Long block: least share of the site's pages, in percent.
pub const MIN_BLOCK_SHARE_PERCENT: u32 = 50;

/// Which lines of a page are its site's template. Filled anew for each page; keep it to reuse
/// its memory.
#[derive(Debug, Default)]
pub struct Templates {
    is_template: Vec<bool>,
    is_candidate: Vec<bool>,
}

/// Least pages of a site of `site_pages` pages for a share in percent.
pub fn least_pages(site_pages: u32, percent: u32) -> u32 {
    let pages = (u64::from(site_pages) * u64::from(percent)).div_ceil(100);
    MIN_PAGES.max(u32::try_from(pages).unwrap_or(u32::MAX))
}

impl Templates {
    /// Whether the line is the site's template.
    pub fn has(&self, line: usize) -> bool {
        self.is_template.get(line) == Some(&true)
    }

    /// Forgets the last page, of which nothing is known.
    pub fn clear(&mut self) {
        self.is_template.clear();
    }

    /// Forgets the last page and finds the template lines of this one. Linear time.
    pub fn find(&mut self, evidence: &Evidence) {
        let corpus = &evidence.corpus;
        let count = evidence.lines.len();
        self.is_template.clear();
        if corpus.site_pages < MIN_PAGES {
            return;
        }
        self.is_template.resize(count, false);
        let least = least_pages(corpus.site_pages, MIN_SHARE_PERCENT);
        self.is_candidate.clear();
        self.is_candidate.extend((0..count).map(|line| {
            let before = line
                .checked_sub(1)
                .map_or(0, |line| corpus.pair_pages(line));
            let pages = before
                .max(corpus.pair_pages(line))
                .max(corpus.place_pages(line));
            pages >= least
        }));
        mark_frame(&self.is_candidate, &mut self.is_template, 0..count);
        mark_frame(&self.is_candidate, &mut self.is_template, (0..count).rev());
        self.mark_long_blocks(evidence);
    }

    fn mark_long_blocks(&mut self, evidence: &Evidence) {
        let corpus = &evidence.corpus;
        let least = least_pages(corpus.site_pages, MIN_BLOCK_SHARE_PERCENT);
        let count = evidence.lines.len();
        let mut start = 0;
        while start < count {
            let pairs = (start..count)
                .take_while(|&line| corpus.pair_pages(line) >= least)
                .count();
            if pairs + 1 >= MIN_BLOCK_LINES {
                self.is_template[start..=start + pairs].fill(true);
            }
            start += pairs + 1;
        }
    }
}

/// Marks the candidates that are reached from where `lines` begins.
fn mark_frame(is_candidate: &[bool], is_template: &mut [bool], lines: impl Iterator<Item = usize>) {
    let mut own_lines = 0;
    for line in lines {
        if is_candidate[line] {
            is_template[line] = true;
            own_lines = 0;
        } else {
            own_lines += 1;
            if own_lines > MAX_OWN_LINES {
                return;
            }
        }
    }
}
