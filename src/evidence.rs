//! A page in, the facts on each of its lines out; no opinion, no thresholds.

use crate::config::CorpusNormalize;
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::html::Structure;
use crate::index::keys::{self, COUNTED_PLACES, PageSketch, SiteKey, SiteKeys};
use crate::index::{CorpusIndex, Key, Place, PlaceFigures, SiteFigures};
use crate::normalize::{mask_front, room_to_mask};
use crate::normalized::NormalizedLines;
use crate::page::{Line, split_lines};
use crate::shape::{self, LineShape};
use crate::shingle::{self, Shingles};
use crate::simd::widest;
use crate::step::{Step, Watch};

/// Which facts are wanted. What nobody asks for is not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Shapes, and what stands twice on the page.
    pub page: bool,
    /// Fingerprints by which a site counts lines.
    pub site: bool,
    /// The page's sketch.
    pub sketch: bool,
    /// Fingerprints by which a corpus counts lines, over text that is normalised so.
    pub corpus: Option<CorpusNormalize>,
}

impl Needs {
    /// What a page tells by itself.
    pub const PAGE: Needs = Needs {
        page: true,
        site: false,
        sketch: false,
        corpus: None,
    };
}

/// Where a page stands in a corpus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageAddress<'a> {
    /// The name of its site; None for a page of no site.
    pub site: Option<&'a [u8]>,
    /// File and record; the line is that before the text's first. None for a page that the
    /// index does not know.
    pub place: Option<Place>,
}

impl PageAddress<'_> {
    /// Whether the text is a page, or the first part of one. Later parts are nobody's copies:
    /// what they are like says nothing of the page.
    pub fn begins_page(&self) -> bool {
        self.place.is_none_or(|place| place.line == 0)
    }

    /// The place of the line with this number on the page, from 1.
    pub fn line(&self, number: usize) -> Option<Place> {
        self.place.map(|place| place.behind(number))
    }
}

/// What an index knows of a page's lines. Filled anew for each page.
#[derive(Debug, Default)]
pub struct CorpusEvidence {
    /// Pages of the page's site, near-duplicates counted once; 0 without site or index.
    pub site_pages: u32,
    /// In how many places each line stands and where first; empty unless asked for. Zeros for
    /// what stands once.
    pub lines: Vec<PlaceFigures>,
    /// The same for the runs of lines that begin at each line; empty unless asked for.
    pub shingles: Vec<PlaceFigures>,
    /// On how many pages of the site each line stands, with the next one behind it, and at its
    /// place; empty without a site.
    site_lines: Vec<SiteFigures>,
    site_pairs: Vec<SiteFigures>,
    site_places: Vec<SiteFigures>,
    keys: Vec<Key>,
    /// What is looked up of a site besides its lines, one for each key.
    asked: Vec<Asked>,
    found: Vec<SiteFigures>,
}

/// What a key besides that of a line is of.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// The pair that begins with this line.
    Pair(usize),
    /// This line at its place.
    Place(usize),
}

impl CorpusEvidence {
    fn clear(&mut self) {
        self.site_pages = 0;
        self.lines.clear();
        self.shingles.clear();
        self.site_lines.clear();
        self.site_pairs.clear();
        self.site_places.clear();
        self.keys.clear();
    }

    /// Pages of the site that hold the line, digits masked; 0 or 1 where no other does.
    pub fn line_pages(&self, line: usize) -> u32 {
        pages(&self.site_lines, line)
    }

    /// Pages of the site that hold the line with the next one behind it.
    pub fn pair_pages(&self, line: usize) -> u32 {
        pages(&self.site_pairs, line)
    }

    /// Pages of the site that hold the line at its place, from the top or from the end.
    pub fn place_pages(&self, line: usize) -> u32 {
        pages(&self.site_places, line)
    }

    /// Looks up what a site counts: first the lines, then what can only stand on several pages
    /// where its lines do.
    fn look_up_site(&mut self, index: &CorpusIndex, site: SiteKey, masked: &[Fingerprint]) {
        let count = masked.len();
        let of = SiteKeys::of(site);
        let keys = &mut self.keys;
        keys.extend(masked.iter().map(|&line| of.line(line)));
        index.on_sites.get_all(keys, &mut self.site_lines);
        keys.clear();
        self.asked.clear();
        let mut ask = |asked, key| {
            self.asked.push(asked);
            keys.push(key);
        };
        let is_on_several = |line: usize| pages(&self.site_lines, line) > 1;
        for line in (0..count).filter(|&line| is_on_several(line)) {
            if is_on_several(line + 1) {
                ask(Asked::Pair(line), of.pair(masked[line], masked[line + 1]));
            }
            if line < COUNTED_PLACES {
                ask(Asked::Place(line), of.from_top(masked[line], line + 1));
            }
            if count - line <= COUNTED_PLACES {
                ask(Asked::Place(line), of.from_end(masked[line], count - line));
            }
        }
        index.on_sites.get_all(keys, &mut self.found);
        self.site_pairs.resize(count, SiteFigures::default());
        self.site_places.resize(count, SiteFigures::default());
        for (&asked, &found) in self.asked.iter().zip(&self.found) {
            match asked {
                Asked::Pair(line) => self.site_pairs[line] = found,
                Asked::Place(line) => {
                    let place = &mut self.site_places[line];
                    place.pages = place.pages.max(found.pages);
                }
            }
        }
    }
}

fn pages(figures: &[SiteFigures], line: usize) -> u32 {
    figures.get(line).map_or(0, |figures| figures.pages)
}

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
    /// Each line's fingerprint with its digits masked, unless it holds no letter; empty unless
    /// asked for.
    pub masked: Vec<Fingerprint>,
    /// Each line's fingerprint for the corpus scope; empty unless asked for.
    pub corpus_lines: Vec<Fingerprint>,
    /// What the page's markup tells; no places for a page of plain text. See [`Evidence::stand`].
    pub structure: Structure,
    /// What an index knows of the lines; see [`Evidence::look_up`].
    pub corpus: CorpusEvidence,
    normalized: NormalizedLines,
    scratch: Vec<u8>,
}

impl Evidence {
    /// Forgets the last page and gathers the facts on this one, with the public key.
    ///
    /// Linear time; memory about three times the page's bytes and 200 bytes a line, reused.
    pub fn gather(&mut self, page: &[u8], needs: Needs) {
        self.gather_watched(page, needs, &FingerprintKey::default(), &mut |_| ());
    }

    /// As [`Evidence::gather`] with any key, and says when a step is done.
    pub fn gather_watched(
        &mut self,
        page: &[u8],
        needs: Needs,
        key: &FingerprintKey,
        watch: &mut Watch<'_>,
    ) {
        // Made once for each kind of key, so that no line asks which it is.
        match key.secret() {
            None => self.gather_by(page, needs, Fingerprint::of, watch),
            Some(secret) => {
                let by_secret = |bytes: &[u8]| secret.fingerprint(bytes);
                self.gather_by(page, needs, by_secret, watch);
            }
        }
    }

    fn gather_by(
        &mut self,
        page: &[u8],
        needs: Needs,
        fingerprint: impl Fn(&[u8]) -> Fingerprint,
        watch: &mut Watch<'_>,
    ) {
        self.lines.clear();
        self.shapes.clear();
        self.fingerprints.clear();
        self.normalized.clear();
        self.masked.clear();
        self.corpus_lines.clear();
        self.structure.clear();
        self.corpus.clear();
        self.line_count = split_lines(page, &mut self.lines);
        if needs.page {
            let lines = self.lines.iter().map(|line| line.start..line.end);
            shape::measure_all(page, lines, &mut self.shapes);
        }
        watch(Step::Split);
        if needs.page || needs.site || needs.sketch || needs.corpus == Some(CorpusNormalize::Full) {
            self.normalize(page, &fingerprint);
        }
        watch(Step::Fingerprint);
        if needs.page {
            shingle::find_blocks(&self.fingerprints, &mut self.shingles);
        }
        watch(Step::Repeats);
        if needs.site {
            self.mask(&fingerprint);
        }
        match needs.corpus {
            None => {}
            Some(CorpusNormalize::Full) => self.corpus_lines.clone_from(&self.fingerprints),
            Some(normalize) => {
                for line in &self.lines {
                    let compared = normalize.compared(line.text(page), &mut self.scratch);
                    self.corpus_lines.push(fingerprint(compared));
                }
            }
        }
        watch(Step::Fingerprint);
    }

    /// Takes in what the page's markup tells: where each line stood, blank ones with them. Unless
    /// there is a place for each, they are not this page's, and nothing is known.
    pub fn stand(&mut self, structure: Option<&Structure>) {
        self.structure.clear();
        if let Some(structure) = structure.filter(|given| given.lines.len() == self.line_count) {
            let places = self
                .lines
                .iter()
                .map(|line| structure.lines[line.number - 1]);
            self.structure.lines.extend(places);
            self.structure.page = structure.page;
        }
    }

    // Profiles tell it by its name.
    #[inline(never)]
    fn normalize(&mut self, page: &[u8], fingerprint: impl Fn(&[u8]) -> Fingerprint) {
        let lines = self.lines.iter().map(|line| line.start..line.end);
        self.normalized.fill(page, lines, |form| {
            self.fingerprints.push(fingerprint(form));
        });
    }

    /// Lines of numbers alone keep them: a log, a price list or a table would be one line over
    /// and over.
    fn mask(&mut self, of: impl Fn(&[u8]) -> Fingerprint) {
        let has_letter = |line: &[u8]| {
            let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
            line.iter().any(is_letter)
        };
        let Evidence {
            normalized,
            fingerprints,
            masked,
            scratch,
            ..
        } = self;
        masked.clone_from(fingerprints);
        widest(
            #[inline(always)]
            || {
                for (line, (form, has_digit)) in normalized.iter().enumerate() {
                    if has_digit && has_letter(form) {
                        let (bytes, length) = normalized.front(line);
                        // Never cut: zeros are written when it grows.
                        scratch.resize(scratch.len().max(room_to_mask(length)), 0);
                        let length = mask_front(bytes, length, scratch);
                        masked[line] = of(&scratch[..length]);
                    }
                }
            },
        );
    }

    /// By what near-duplicates of the page are found; None where the lines were not normalised,
    /// or there are none.
    pub fn sketch(&self) -> Option<PageSketch> {
        let lengths = self.normalized.iter().map(|(form, _)| form.len());
        keys::page_sketch(self.fingerprints.iter().copied().zip(lengths))
    }

    /// Looks the lines up in an index. `shingle_lines` is the width of the runs of lines that
    /// are looked up besides; 0 for none.
    pub fn look_up(
        &mut self,
        index: &CorpusIndex,
        address: &PageAddress<'_>,
        shingle_lines: usize,
    ) {
        let corpus = &mut self.corpus;
        let site = address.site.filter(|_| !self.masked.is_empty());
        let site = site.map(|site| SiteKey::of(site, &index.key));
        let site_pages = site.and_then(|site| index.sites.get(&site));
        corpus.site_pages = site_pages.map_or(0, |site| site.pages);
        if let Some(site) = site.filter(|_| corpus.site_pages > 1) {
            corpus.look_up_site(index, site, &self.masked);
        }
        if !self.corpus_lines.is_empty() {
            let keys = &mut corpus.keys;
            keys.clear();
            keys.extend(self.corpus_lines.iter().map(|&line| keys::line_key(line)));
            index.in_corpus.get_all(keys, &mut corpus.lines);
            if shingle_lines > 0 {
                keys.clear();
                keys::shingle_keys(&self.corpus_lines, shingle_lines, |key| keys.push(key));
                index.in_corpus.get_all(keys, &mut corpus.shingles);
            }
        }
    }

    /// The normalised bytes of a line.
    pub fn normalized(&self, line: usize) -> &[u8] {
        let (bytes, length) = self.normalized_front(line);
        &bytes[..length]
    }

    /// The normalised bytes of a line and of all behind it, and how many are the line's.
    #[inline]
    pub(crate) fn normalized_front(&self, line: usize) -> (&[u8], usize) {
        self.normalized.front(line)
    }
}
