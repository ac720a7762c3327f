//! The sites of a corpus, and the pages of a site that count as one: near-duplicates share a
//! class.

use ahash::{AHashMap, AHashSet};

use super::keys::{PageClass, SiteKey};

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
    /// It is the first of its class on its site, and so counts.
    pub counts: bool,
    /// It is one of the site's first [`SAMPLE_PAGES`] that count.
    pub is_sampled: bool,
}

/// The sites met so far, and the classes of their pages.
///
/// Fed in source order, so that of each class the first page counts. Memory: 20 to 40 bytes
/// a page, 100 bytes a site, and [`MAX_SAMPLE_BYTES`].
#[derive(Debug, Default)]
pub struct Sites {
    /// Site and class in one value: both are fingerprints.
    seen: AHashSet<u128>,
    /// Classes of the whole corpus.
    classes: AHashSet<PageClass>,
    sites: SiteMap,
    samples: Vec<(SiteKey, Vec<u8>)>,
    sample_bytes: usize,
    pages: u64,
}

impl Sites {
    /// Notes a page of the site `name`. `sample` holds lines of the page, joined by LF; they are
    /// kept of a site's first pages.
    pub fn note(&mut self, name: &[u8], class: PageClass, sample: &[u8]) -> Noted {
        let key = SiteKey::of(name);
        if !self.seen.insert(key.0.0 ^ class.0.0.rotate_left(1)) {
            return Noted::default();
        }
        let site = self.sites.entry(key).or_insert_with(|| Site {
            name: name.into(),
            ..Site::default()
        });
        site.pages = site.pages.saturating_add(1);
        self.pages += 1;
        let is_sampled = site.pages <= SAMPLE_PAGES;
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

    /// Notes a page of the corpus; whether an earlier one is of its class. Only called where
    /// such pages go, so that only then it takes memory.
    pub fn is_copy(&mut self, class: PageClass) -> bool {
        !self.classes.insert(class)
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
