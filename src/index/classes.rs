//! The sites of a corpus, and the pages of a site that count as one: near-duplicates share a
//! class.

use std::collections::hash_map::Entry;

use ahash::AHashMap;

use super::entry::Key;
use super::keys::{Cells, PageSketch, SiteKey};
use crate::fingerprint::Fingerprint;

/// Pages of a site of which short lines are kept, so that templates can be shown.
pub const SAMPLE_PAGES: u32 = 2;
/// Bytes of such lines that are kept for all sites together.
pub const MAX_SAMPLE_BYTES: usize = 64 << 20;

/// What is known of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Its name: a host, or a directory.
    pub name: Box<[u8]>,
    /// Its pages, near-duplicates counted once.
    pub pages: u32,
    /// Lines that are shown for it, with the pages that hold them; most first.
    pub templates: Vec<SiteLine>,
}

/// A line of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteLine {
    /// Pages of the site that hold it, digits masked.
    pub pages: u32,
    /// The line as the first page has it.
    pub text: Box<[u8]>,
}

/// Sites by their keys.
pub type SiteMap = AHashMap<SiteKey, Site>;

/// What was decided on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// It counts for its site: the first of its class does, and of those
    /// unlike it one in [`UNLIKE_PAGES`].
    pub counts: bool,
    /// It is one of the site's first [`SAMPLE_PAGES`] that count.
    pub is_sampled: bool,
}

/// Of a class's pages on a site the first counts, and of those that are unlike it one in this
/// many: a text that stands on a site a few times, under other menus, is not its template; but
/// where a site's standing paragraphs are longer than its own ones all its pages are one class.
pub const UNLIKE_PAGES: u32 = 10;

/// Pages that were met: of the first of each class the cells, under the class; of each that is
/// unlike the first of its class, under a key that its copies share.
#[derive(Debug, Default)]
struct Pages(AHashMap<[u32; 3], Cells>);

/// What a page is among those met before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    FirstOfClass,
    UnlikeFirst,
    Copy,
}

impl Pages {
    fn note(&mut self, class: Fingerprint, own: Key, cells: Cells) -> Met {
        match self.0.entry(short(class.into())) {
            Entry::Vacant(place) => {
                place.insert(cells);
                return Met::FirstOfClass;
            }
            Entry::Occupied(first) if first.get().are_alike(cells) => return Met::Copy,
            Entry::Occupied(_) => {}
        }
        match self.0.insert(short(own), cells) {
            None => Met::UnlikeFirst,
            Some(_) => Met::Copy,
        }
    }
}

/// A key as it is kept for each page: without padding.
fn short(key: Key) -> [u32; 3] {
    [key.high as u32, (key.high >> 32) as u32, key.low]
}

/// The sites met so far, and the classes of their pages.
///
/// Fed in source order, so that the same pages count whatever the threads. Memory: 20 to 40
/// bytes a page, 100 bytes a site, and [`MAX_SAMPLE_BYTES`].
#[derive(Debug, Default)]
pub struct Sites {
    /// Pages of sites; a class is one of a site here.
    on_sites: Pages,
    /// Pages of each class on each site that are unlike its first.
    unlike: AHashMap<[u32; 3], u32>,
    /// Pages of the whole corpus.
    in_corpus: Pages,
    sites: SiteMap,
    samples: Vec<(SiteKey, Vec<u8>)>,
    sample_bytes: usize,
    pages: u64,
}

impl Sites {
    /// Notes a page of the site `name`, whose key is `key`. `sample` holds lines of the page, joined
    /// by LF; they are kept of a site's first pages.
    pub fn note(&mut self, key: SiteKey, name: &[u8], sketch: PageSketch, sample: &[u8]) -> Noted {
        let PageSketch { class, cells } = sketch;
        let class = Fingerprint(key.0.0 ^ class.0.0.rotate_left(1));
        let own = Fingerprint(class.0 ^ u128::from(cells.0) << 64).into();
        let met = self.on_sites.note(class, own, cells);
        let counts = match met {
            Met::FirstOfClass => true,
            Met::Copy => false,
            Met::UnlikeFirst => {
                let unlike = self.unlike.entry(short(class.into())).or_default();
                *unlike = unlike.saturating_add(1);
                unlike.is_multiple_of(UNLIKE_PAGES)
            }
        };
        if !counts {
            return Noted::default();
        }
        let site = self.sites.entry(key).or_insert_with(|| Site {
            name: name.into(),
            ..Site::default()
        });
        site.pages = site.pages.saturating_add(1);
        self.pages += 1;
        // Where samples are taken only the first of a class is known.
        let is_sampled = met == Met::FirstOfClass && site.pages <= SAMPLE_PAGES;
        let has_room = self.sample_bytes + sample.len() <= MAX_SAMPLE_BYTES;
        if is_sampled && has_room && !sample.is_empty() {
            self.sample_bytes += sample.len();
            self.samples.push((key, sample.to_vec()));
        }
        Noted {
            counts: true,
            is_sampled,
        }
    }

    /// Notes a page of the corpus, `page` by its bytes; whether it goes as the copy of an
    /// earlier one. Only called where such pages go, so that only then it takes memory.
    pub fn is_copy(&mut self, sketch: PageSketch, page: Key) -> bool {
        self.in_corpus.note(sketch.class.0, page, sketch.cells) == Met::Copy
    }

    /// Pages that count.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// The sites, and lines of their first pages.
    pub fn into_parts(self) -> (SiteMap, Vec<(SiteKey, Vec<u8>)>) {
        (self.sites, self.samples)
    }
}
