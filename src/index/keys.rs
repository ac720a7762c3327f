//! The fingerprints of a page's lines in, the keys under which a corpus counts them out.

use super::entry::{Key, Place};
use crate::fingerprint::{Fingerprint, FingerprintKey};

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
    pub fn of(name: &[u8], key: &FingerprintKey) -> Self {
        SiteKey(key.fingerprint(name))
    }
}

/// What near-duplicate pages share: see [`page_sketch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageClass(pub Fingerprint);

/// A sample of a page's lines by which two pages of one class are compared.
///
/// Each line falls into one of [`CELLS`] cells by its fingerprint. A cell keeps four bits of its
/// longest line's fingerprint, never 0; an empty one is 0. So the sample is one of text more
/// than of menus, and it is as wide as the field of a place that it is kept in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cells(pub u32);

/// Cells of a page's sample.
pub const CELLS: usize = 8;

impl Cells {
    /// Whether at least two thirds of the cells that either fills are the same in both.
    ///
    /// A cell that holds another line is the same by chance in one of 15 cases. So of unlike
    /// pages with a quarter of their lines in common about 1 in 100 pass for alike.
    pub fn are_alike(self, other: Cells) -> bool {
        /// Bit 0 of each cell that is not 0.
        fn filled(cells: u32) -> u32 {
            let pairs = cells | cells >> 1;
            (pairs | pairs >> 2) & 0x1111_1111
        }
        let differing = filled(self.0 ^ other.0).count_ones();
        differing * 3 <= filled(self.0 | other.0).count_ones()
    }
}

/// By what near-duplicates of a page are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageSketch {
    /// Pages of other classes are no near-duplicates.
    pub class: PageClass,
    /// Of pages of the class those whose cells are alike are.
    pub cells: Cells,
}

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

/// The keys under which a site counts what its pages say.
#[derive(Clone, Copy, Debug)]
pub struct SiteKeys {
    site: u128,
}

impl SiteKeys {
    /// Those of a site.
    pub fn of(site: SiteKey) -> Self {
        SiteKeys { site: site.0.0 }
    }

    /// The key of a line, digits masked.
    #[inline]
    pub fn line(self, masked: Fingerprint) -> Key {
        key(masked.0 ^ self.site)
    }

    /// The key of a line and the one behind it.
    #[inline]
    pub fn pair(self, line: Fingerprint, behind: Fingerprint) -> Key {
        key(combine(line.0, behind.0) ^ start(Kind::Pair) ^ self.site)
    }

    /// The key of a line at its place from the top, from 1.
    #[inline]
    pub fn from_top(self, line: Fingerprint, place: usize) -> Key {
        key(combine(line.0, place as u128) ^ start(Kind::FromTop) ^ self.site)
    }

    /// The key of a line at its place from the end, from 1.
    #[inline]
    pub fn from_end(self, line: Fingerprint, place: usize) -> Key {
        key(combine(line.0, place as u128) ^ start(Kind::FromEnd) ^ self.site)
    }

    /// Gives all keys of a page: the lines, the pairs of neighbours, the first
    /// [`COUNTED_PLACES`] lines with their places, and as many last ones with theirs.
    ///
    /// `masked` holds one fingerprint a line, digits masked.
    pub fn each(self, masked: &[Fingerprint], mut give: impl FnMut(Key)) {
        for &line in masked {
            give(self.line(line));
        }
        for lines in masked.windows(2) {
            give(self.pair(lines[0], lines[1]));
        }
        let places = 1..=COUNTED_PLACES;
        for (place, &line) in places.clone().zip(masked) {
            give(self.from_top(line, place));
        }
        for (place, &line) in places.zip(masked.iter().rev()) {
            give(self.from_end(line, place));
        }
    }
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
pub fn page_key(page: &[u8], with: &FingerprintKey) -> Key {
    key(with.fingerprint(page).0 ^ start(Kind::Page))
}

/// The key of what near-duplicate pages share.
pub fn class_key(class: PageClass) -> Key {
    key(class.0.0)
}

/// The place under which a page of a class is counted: cells stand where places of lines have
/// the line, so that of the first page of a class they are known.
pub fn class_place(place: Place, cells: Cells) -> Place {
    Place {
        line: cells.0,
        ..place
    }
}

/// Place and cells from what [`class_place`] gave; the line is 0.
pub fn of_class_place(place: Place) -> (Place, Cells) {
    (Place { line: 0, ..place }, Cells(place.line))
}

/// The sketch of a page.
///
/// `lines` gives fingerprint and length in bytes of each normalised line. Two pages are of one
/// class where their [`SKETCH_LINES`] longest different lines, of at least
/// [`MIN_SKETCH_LINE_BYTES`], are the same, or, where a page has fewer, all its lines in their
/// order. Long lines that a site prints on every page make unlike pages one class; their cells
/// tell them apart. None for a page without lines.
pub fn page_sketch(
    lines: impl Iterator<Item = (Fingerprint, usize)> + Clone,
) -> Option<PageSketch> {
    let mut longest: [(usize, Fingerprint); SKETCH_LINES] = Default::default();
    let mut in_cells: [(usize, Fingerprint); CELLS] = Default::default();
    // Most lines are told by their length alone.
    let mut least_bytes = MIN_SKETCH_LINE_BYTES;
    for (fingerprint, bytes) in lines.clone() {
        let candidate = (bytes, fingerprint);
        let in_cell = &mut in_cells[fingerprint.0 as usize % CELLS];
        if bytes >= in_cell.0 {
            *in_cell = candidate.max(*in_cell);
        }
        if bytes < least_bytes
            || candidate <= longest[SKETCH_LINES - 1]
            || longest.contains(&candidate)
        {
            continue;
        }
        let place = longest.partition_point(|other| *other > candidate);
        longest[place..].rotate_right(1);
        longest[place] = candidate;
        least_bytes = least_bytes.max(longest[SKETCH_LINES - 1].0);
    }
    let cells = in_cells.iter().fold(0, |cells, &(bytes, line)| {
        let bits = (line.0 >> 64) as u32 % 15 + 1;
        cells << 4 | if bytes > 0 { bits } else { 0 }
    });
    if cells == 0 {
        return None;
    }
    let kind = start(Kind::Sketch);
    let class = if longest[SKETCH_LINES - 1].0 > 0 {
        let lines = longest.iter().map(|(_, line)| line.0);
        lines.fold(kind, combine)
    } else {
        lines.map(|(line, _)| line.0).fold(!kind, combine)
    };
    Some(PageSketch {
        class: PageClass(Fingerprint(class)),
        cells: Cells(cells),
    })
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
    fn what_a_site_counts_has_keys_of_its_own() {
        for count in [0, 1, 2, 7, 8, 9, 30_usize] {
            let lines: Vec<Fingerprint> = (0..count)
                .map(|line| Fingerprint::of(&line.to_le_bytes()))
                .collect();
            let [one, other] = [&b"a.example"[..], b"b.example"].map(|site| {
                let site = SiteKey::of(site, &FingerprintKey::default());
                let mut keys = HashSet::new();
                SiteKeys::of(site).each(&lines, |key| assert!(keys.insert(key)));
                keys
            });
            let expected = count + count.saturating_sub(1) + 2 * count.min(COUNTED_PLACES);
            assert_eq!(one.len(), expected);
            assert!(one.is_disjoint(&other));
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
        let sketch = |lines: &[&str]| {
            let lines: Vec<_> = lines
                .iter()
                .map(|line| (Fingerprint::of(line.as_bytes()), line.len()))
                .collect();
            page_sketch(lines.iter().copied())
        };
        let class = |lines: &[&str]| sketch(lines).map(|sketch| sketch.class);
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
        assert_eq!(sketch(&[]), None);
    }

    #[test]
    fn cells_tell_pages_apart_that_share_their_longest_lines() {
        let sketch = |own: &str, own_lines: usize, shared_lines: usize| {
            let own = (0..own_lines).map(|line| format!("{own} {line}"));
            let shared = (0..shared_lines).map(|line| {
                let text = "what every page of this site says at its end ".repeat(2);
                format!("{text} {line}")
            });
            let lines: Vec<_> = own
                .chain(shared)
                .map(|line| (Fingerprint::of(line.as_bytes()), line.len()))
                .collect();
            page_sketch(lines.iter().copied()).expect("there are lines")
        };
        let are_alike = |own_lines, shared_lines| {
            let names = ["otters", "herons", "ferries", "tides", "lamps", "bells"];
            let sketches = names.map(|name| sketch(name, own_lines, shared_lines));
            let first = sketches[0];
            assert!(first.cells.are_alike(first.cells));
            assert!(sketches.iter().all(|sketch| sketch.class == first.class));
            let alike = |sketch: &&PageSketch| sketch.cells.are_alike(first.cells);
            sketches[1..].iter().filter(alike).count()
        };
        assert_eq!(are_alike(12, 4), 0);
        assert_eq!(are_alike(2, 40), 5);
    }

    #[test]
    fn cells_are_alike_from_two_thirds_of_the_filled_ones() {
        let page = Cells(0x01af_0007);
        for (other, expected) in [
            (0x01af_0007, true),
            (0x01af_000f, true),
            (0x01a7_000f, false),
            (0x01af_0000, true),
            (0x41af_0007, true),
            (0x41af_2007, true),
            (0x41af_2107, false),
            (0, false),
        ] {
            assert_eq!(page.are_alike(Cells(other)), expected, "{other:x}");
            assert_eq!(Cells(other).are_alike(page), expected, "{other:x}");
        }
    }
}
