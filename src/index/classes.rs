//! Pages of a site that count as one: near-duplicates share a class.

use ahash::{AHashMap, AHashSet};

use super::keys::{PageClass, SiteKey};

/// How many pages each site has, near-duplicates counted once.
pub type SiteSizes = AHashMap<SiteKey, u32>;

/// The sites met so far, and the classes of their pages.
///
/// Fed in source order, so that of each class the first page counts. Memory: about 20 bytes
/// a page.
#[derive(Debug, Default)]
pub struct Sites {
    seen: AHashSet<(SiteKey, PageClass)>,
    sizes: SiteSizes,
}

impl Sites {
    /// Notes a page; whether it is the first of its class on the site, and so counts.
    pub fn note(&mut self, site: SiteKey, class: PageClass) -> bool {
        let is_first = self.seen.insert((site, class));
        if is_first {
            *self.sizes.entry(site).or_default() += 1;
        }
        is_first
    }

    /// How many pages each site has.
    pub fn into_sizes(self) -> SiteSizes {
        self.sizes
    }
}
