//! The fingerprints of a page's lines in, the keys under which a corpus counts them out.

use super::entry::Key;
use crate::fingerprint::Fingerprint;

/// Lines from the page's top, and from its end, whose place is counted.
///
/// On the five labelled documentation sites 8 and 40 give the same recall, 1 gives 0.70
/// instead of 0.72; on labelled domains 40 loses 0.2 % of content lines, 8 loses 0.14 %.
pub const COUNTED_PLACES: usize = 8;

/// Lines in a page's sketch.
///
/// Of pairs of pages of one labelled domain that are not alike, 34 share their 3 longest
/// lines, 13 their 4 longest, 173 their 2 longest (4,056 pages).
pub const SKETCH_LINES: usize = 4;
/// Least bytes of a normalised line in a page's sketch.
pub const MIN_SKETCH_LINE_BYTES: usize = 40;

/// A site, by the fingerprint of its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteKey(pub Fingerprint);

impl SiteKey {
    /// The site of this name.
    pub fn of(name: &[u8]) -> Self {
        SiteKey(Fingerprint::of(name))
    }
}

/// What near-duplicate pages share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageClass(pub Fingerprint);

/// What a key is of. Part of every key that is not of one line, so that kinds never meet.
#[derive(Clone, Copy)]
enum Kind {
    Pair = 1,
    FromTop = 2,
    FromEnd = 3,
    Sketch = 4,
    Page = 5,
    Shingle = 6,
}

/// One value of two: both factors are odd, so each value reaches every bit above its own.
#[inline]
fn combine(left: u128, right: u128) -> u128 {
    const LEFT: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    const RIGHT: u128 = 0xd1b5_4a32_d192_ed03_2545_f491_4f6c_dd1d;
    let left = left.wrapping_mul(LEFT);
    let right = right.wrapping_mul(RIGHT);
    left ^ right.rotate_left(64) ^ (left >> 64)
}

fn start(kind: Kind) -> u128 {
    combine(kind as u128, 0x0064_6563_6861_6666)
}

#[inline]
fn key(value: u128) -> Key {
    Key::from(Fingerprint(value))
}

/// Where the keys of a page's lines stand among [`site_keys`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteLayout {
    /// Lines of the page.
    pub lines: usize,
}

impl SiteLayout {
    /// The key of a line.
    pub fn line(&self, line: usize) -> usize {
        line
    }

    /// The key of a line and the one behind it.
    pub fn pair(&self, line: usize) -> Option<usize> {
        (line + 1 < self.lines).then_some(self.lines + line)
    }

    fn pairs(&self) -> usize {
        self.lines.saturating_sub(1)
    }

    fn places(&self) -> usize {
        self.lines.min(COUNTED_PLACES)
    }

    /// The key of a line at its place from the top.
    pub fn from_top(&self, line: usize) -> Option<usize> {
        (line < self.places()).then_some(self.lines + self.pairs() + line)
    }

    /// The key of a line at its place from the end.
    pub fn from_end(&self, line: usize) -> Option<usize> {
        let place = self.lines.checked_sub(line + 1)?;
        (place < self.places()).then_some(self.lines + self.pairs() + self.places() + place)
    }
}

/// Gives the keys under which a site counts a page's lines: the lines, the pairs of
/// neighbours, the first lines with their places, the last lines with theirs.
///
/// `masked` holds one fingerprint a line, digits masked.
pub fn site_keys(site: SiteKey, masked: &[Fingerprint], mut give: impl FnMut(Key)) -> SiteLayout {
    let layout = SiteLayout {
        lines: masked.len(),
    };
    for &line in masked {
        give(site_line_key(site, line));
    }
    let site = site.0.0;
    let pair = start(Kind::Pair) ^ site;
    for lines in masked.windows(2) {
        give(key(combine(lines[0].0, lines[1].0) ^ pair));
    }
    let places = layout.places();
    let top = start(Kind::FromTop) ^ site;
    for (place, line) in (1..).zip(&masked[..places]) {
        give(key(combine(line.0, place) ^ top));
    }
    let end = start(Kind::FromEnd) ^ site;
    for (place, line) in (1..).zip(masked.iter().rev().take(places)) {
        give(key(combine(line.0, place) ^ end));
    }
    layout
}

/// The key under which a site counts a line, digits masked.
pub fn site_line_key(site: SiteKey, masked: Fingerprint) -> Key {
    key(masked.0 ^ site.0.0)
}

/// The key under which a corpus counts a line.
#[inline]
pub fn line_key(line: Fingerprint) -> Key {
    key(line.0)
}

/// Gives the keys under which a corpus counts the runs of `width` lines, one for each line at
/// which such a run begins.
pub fn shingle_keys(lines: &[Fingerprint], width: usize, mut give: impl FnMut(Key)) {
    let start = start(Kind::Shingle) ^ width as u128;
    for run in lines.windows(width) {
        let value = run.iter().fold(start, |value, line| combine(value, line.0));
        give(key(value));
    }
}

/// The key of a page's bytes.
pub fn page_key(page: &[u8]) -> Key {
    key(Fingerprint::of(page).0 ^ start(Kind::Page))
}

/// The key of what near-duplicate pages share.
pub fn class_key(class: PageClass) -> Key {
    key(class.0.0)
}

/// The class of a page: its longest lines, whatever stands around them.
///
/// `lines` gives fingerprint and length in bytes of each normalised line. Two pages are of one
/// class where their [`SKETCH_LINES`] longest different lines, of at least
/// [`MIN_SKETCH_LINE_BYTES`], are the same, or, where a page has fewer, all its lines in their
/// order. None for a page without lines.
pub fn page_class(lines: impl Iterator<Item = (Fingerprint, usize)> + Clone) -> Option<PageClass> {
    let mut longest: [(usize, Fingerprint); SKETCH_LINES] = Default::default();
    for (fingerprint, bytes) in lines.clone() {
        let candidate = (bytes, fingerprint);
        if bytes < MIN_SKETCH_LINE_BYTES
            || candidate <= longest[SKETCH_LINES - 1]
            || longest.contains(&candidate)
        {
            continue;
        }
        let place = longest.partition_point(|other| *other > candidate);
        longest[place..].rotate_right(1);
        longest[place] = candidate;
    }
    let sketch = start(Kind::Sketch);
    if longest[SKETCH_LINES - 1].0 > 0 {
        let value = longest
            .iter()
            .fold(sketch, |value, (_, line)| combine(value, line.0));
        return Some(PageClass(Fingerprint(value)));
    }
    let mut count = 0;
    let value = lines.fold(!sketch, |value, (line, _)| {
        count += 1;
        combine(value, line.0)
    });
    (count > 0).then_some(PageClass(Fingerprint(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn fingerprints(lines: &[&str]) -> Vec<Fingerprint> {
        lines
            .iter()
            .map(|line| Fingerprint::of(line.as_bytes()))
            .collect()
    }

    #[test]
    fn keys_lie_where_the_layout_says() {
        for count in [0, 1, 2, 7, 8, 9, 30] {
            let lines: Vec<Fingerprint> = (0..count)
                .map(|line: u32| Fingerprint::of(&line.to_le_bytes()))
                .collect();
            let site = SiteKey::of(b"a.example");
            let mut keys = Vec::new();
            let layout = site_keys(site, &lines, |key| keys.push(key));
            let mut met = HashSet::new();
            for line in 0..lines.len() {
                met.insert(layout.line(line));
                met.extend(layout.pair(line));
                met.extend(layout.from_top(line));
                met.extend(layout.from_end(line));
            }
            assert_eq!(met.len(), keys.len(), "{count}");
            assert!(met.iter().all(|&at| at < keys.len()));
            let different: HashSet<Key> = keys.iter().copied().collect();
            assert_eq!(different.len(), keys.len());
        }
    }

    #[test]
    fn pairs_and_shingles_know_their_order() {
        let lines = fingerprints(&["a", "b", "a"]);
        let mut keys = Vec::new();
        shingle_keys(&lines, 2, |key| keys.push(key));
        assert_ne!(keys[0], keys[1]);
        shingle_keys(&lines, 3, |key| keys.push(key));
        assert_eq!(keys.len(), 3);
        shingle_keys(&lines, 4, |_| panic!("the page is shorter"));
    }

    #[test]
    fn the_class_is_of_the_longest_lines() {
        let class = |lines: &[&str]| {
            let lines: Vec<_> = lines
                .iter()
                .map(|line| (Fingerprint::of(line.as_bytes()), line.len()))
                .collect();
            page_class(lines.iter().copied())
        };
        let long: Vec<String> = (0..5)
            .map(|number| format!("{number} {}", "word ".repeat(12 - number)))
            .collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        let page = [&["menu", "14 March"], &long[..]].concat();
        let mirror = [&long[..4], &["another menu"], &long[..1]].concat();
        assert_eq!(class(&page), class(&mirror));
        assert_ne!(class(&page), class(&long[1..]));
        // Fewer long lines than a sketch has: the whole page counts.
        assert_ne!(class(&long[..3]), class(&[&long[..3], &["x"]].concat()));
        assert_eq!(class(&long[..3]), class(&long[..3]));
        assert_eq!(class(&[]), None);
    }
}
