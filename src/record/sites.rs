//! What was removed, by site, in bounded memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::{Counts, Removed};

/// Sites that are counted one by one: the first that come, in source order. Pages of later ones
/// are summed.
pub const MAX_SITES: usize = 1 << 16;
/// Sites that a run record lists: of those counted the ones with most bytes removed. The rest
/// is summed.
pub const MAX_LISTED_SITES: usize = 200;

/// What was done with the pages of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SiteCounts {
    /// The site's name; empty in a sum.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub site: String,
    /// Its pages.
    pub pages: u64,
    /// Bytes of their text.
    pub bytes_in: u64,
    /// What of it went, by the word for the reason; reasons that took nothing are left out.
    pub removed: BTreeMap<String, Removed>,
}

impl SiteCounts {
    /// Bytes that went.
    pub fn bytes_removed(&self) -> u64 {
        let bytes = self.removed.values().map(|removed| removed.bytes);
        bytes.fold(0, u64::saturating_add)
    }
}

/// The sites of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SiteTable {
    /// At most [`MAX_LISTED_SITES`], most bytes removed first.
    pub listed: Vec<SiteCounts>,
    /// All other pages that have a site.
    pub rest: SiteCounts,
    /// How many sites [`SiteTable::rest`] holds; those beyond [`MAX_SITES`] are not counted.
    pub rest_sites: u64,
    /// Whether there are sites beyond [`MAX_SITES`].
    pub is_capped: bool,
}

/// Counts sites while a run goes on.
#[derive(Clone, Debug, Default)]
pub struct SiteTally {
    sites: BTreeMap<Box<[u8]>, Sums>,
    beyond: Sums,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    pages: u64,
    bytes_in: u64,
    /// As in [`Counts::removed`].
    removed: [Removed; 7],
}

impl Sums {
    fn merge(&mut self, other: &Sums) {
        self.pages += other.pages;
        self.bytes_in += other.bytes_in;
        for (sum, part) in self.removed.iter_mut().zip(&other.removed) {
            sum.lines += part.lines;
            sum.bytes += part.bytes;
        }
    }

    fn counts(&self, site: &[u8]) -> SiteCounts {
        let words = Counts::default().removed();
        let removed = words.iter().zip(&self.removed);
        SiteCounts {
            site: String::from_utf8_lossy(site).into_owned(),
            pages: self.pages,
            bytes_in: self.bytes_in,
            removed: removed
                .filter(|(_, removed)| **removed != Removed::default())
                .map(|((word, _), removed)| ((*word).to_owned(), *removed))
                .collect(),
        }
    }
}

impl SiteTally {
    /// Adds what a page came to: the counts behind it less those before it.
    pub fn add_page(&mut self, site: &[u8], before: &Counts, behind: &Counts) {
        let mut sums = Sums {
            pages: behind.pages - before.pages,
            bytes_in: behind.bytes_in - before.bytes_in,
            removed: Default::default(),
        };
        let removed = before.removed().into_iter().zip(behind.removed());
        for (sum, ((_, before), (_, behind))) in sums.removed.iter_mut().zip(removed) {
            sum.lines = behind.lines - before.lines;
            sum.bytes = behind.bytes - before.bytes;
        }
        self.add(site, &sums);
    }

    fn add(&mut self, site: &[u8], sums: &Sums) {
        if let Some(own) = self.sites.get_mut(site) {
            own.merge(sums);
        } else if self.sites.len() < MAX_SITES {
            self.sites.insert(site.into(), *sums);
        } else {
            self.beyond.merge(sums);
        }
    }

    /// Adds what stands behind in source order.
    pub fn merge(&mut self, behind: &SiteTally) {
        for (site, sums) in &behind.sites {
            self.add(site, sums);
        }
        self.beyond.merge(&behind.beyond);
    }

    /// Memory that it holds, in bytes, about.
    pub fn bytes(&self) -> usize {
        let names = self.sites.keys().map(|site| site.len());
        names.sum::<usize>() + self.sites.len() * size_of::<(Box<[u8]>, Sums)>()
    }

    /// The table for the run record.
    pub fn table(&self) -> SiteTable {
        let mut all: Vec<(&Box<[u8]>, &Sums)> = self.sites.iter().collect();
        let bytes = |sums: &Sums| {
            sums.removed
                .iter()
                .map(|removed| removed.bytes)
                .sum::<u64>()
        };
        all.sort_by_key(|(_, sums)| Reverse(bytes(sums)));
        let rest_from = all.len().min(MAX_LISTED_SITES);
        let mut rest = self.beyond;
        for (_, sums) in &all[rest_from..] {
            rest.merge(sums);
        }
        let listed = all[..rest_from].iter();
        SiteTable {
            listed: listed.map(|(site, sums)| sums.counts(site)).collect(),
            rest: rest.counts(b""),
            rest_sites: (all.len() - rest_from) as u64,
            is_capped: self.beyond.bytes_in > 0 || self.beyond.pages > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(repeat_bytes: u64) -> Counts {
        Counts {
            pages: 1,
            bytes_in: 10 + repeat_bytes,
            repeat: Removed {
                lines: 1,
                bytes: repeat_bytes,
            },
            ..Counts::default()
        }
    }

    #[test]
    fn the_sites_that_lose_most_are_listed_and_the_rest_is_summed() {
        let mut tally = SiteTally::default();
        for site in 0..=MAX_LISTED_SITES as u64 {
            let name = format!("s{site}");
            tally.add_page(name.as_bytes(), &Counts::default(), &page(site + 1));
        }
        let table = tally.table();
        assert_eq!(table.listed.len(), MAX_LISTED_SITES);
        assert_eq!(table.listed[0].site, format!("s{MAX_LISTED_SITES}"));
        assert_eq!((table.rest_sites, table.rest.pages), (1, 1));
        assert_eq!(table.rest.bytes_removed(), 1);
        assert!(!table.is_capped);
    }

    #[test]
    fn sites_beyond_the_cap_are_summed() {
        let mut tally = SiteTally::default();
        for site in 0..MAX_SITES + 2 {
            tally.add_page(&site.to_le_bytes(), &Counts::default(), &page(1));
        }
        tally.add_page(&7_usize.to_le_bytes(), &Counts::default(), &page(1));
        let table = tally.table();
        assert!(table.is_capped);
        assert_eq!(table.listed[0].pages, 2);
        let pages: u64 = table.listed.iter().map(|site| site.pages).sum();
        assert_eq!(pages + table.rest.pages, MAX_SITES as u64 + 3);
    }

    #[test]
    fn merging_is_adding() {
        let mut one = SiteTally::default();
        one.add_page(b"a", &Counts::default(), &page(3));
        let mut other = SiteTally::default();
        other.add_page(
            b"a",
            &page(1),
            &Counts {
                pages: 2,
                bytes_in: 20,
                ..page(2)
            },
        );
        other.add_page(b"b", &Counts::default(), &page(0));
        one.merge(&other);
        let table = one.table();
        assert_eq!((table.listed[0].pages, table.listed[0].bytes_in), (2, 22));
        assert_eq!(table.listed[0].bytes_removed(), 4);
        assert_eq!(table.listed[1].site, "b");
    }
}
