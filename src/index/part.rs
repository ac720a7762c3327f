//! Parts: every page of a corpus with its fingerprints, in source order.
//!
//! A part holds what pass one reads of the pages, not what it counts of them. So parts of one
//! corpus, cut in whatever way, merge to the bytes that one run writes, and an index is frozen
//! from any choice of parts; to leave an old crawl out is to leave its part out.

use std::cmp::Ordering;
use std::io::Read;
use std::ops::Range;

use super::entry::{Key, Place};
use super::format::{BlockReader, Fields, IndexError, put_string};
use super::keys::{Cells, PageClass, PageSketch};
use super::names::page_name;
use crate::fingerprint::Fingerprint;

/// The tag of a block of records.
pub const RECORDS: u32 = 1;
/// Bytes of records from which a block is written.
pub const BLOCK_BYTES: usize = 1 << 20;

const FILE: u8 = 1;
const PAGE: u8 = 2;

const HAS_SITE: u8 = 1;
const HAS_SKETCH: u8 = 2;
const HAS_MASKED: u8 = 4;
const HAS_CORPUS: u8 = 8;

/// A file of the corpus.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileRecord {
    /// Number of the input that it lies in, from 0.
    pub argument: u32,
    /// Its name in the output.
    pub name: Vec<u8>,
}

/// What an index is told of a page, or of a part of one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PageRecord<'a> {
    /// Where it stands; None for a page of no corpus. The file's number counts in its part.
    pub place: Option<Place>,
    /// The name of its site.
    pub site: Option<&'a [u8]>,
    /// By what its near-duplicates are found.
    pub sketch: Option<PageSketch>,
    /// The key of its bytes.
    pub page: Key,
    /// One fingerprint a line, digits masked; empty where sites are not counted.
    pub masked: &'a [Fingerprint],
    /// One fingerprint a line for the corpus scope; empty where it is not counted.
    pub corpus: &'a [Fingerprint],
    /// The number of each line on the page, from 1; parallel to `corpus`.
    pub numbers: &'a [u32],
    /// Short lines of the page, joined by LF, if it is one of its site's first.
    pub sample: &'a [u8],
}

/// Appends a file's record.
pub fn put_file(argument: u32, name: &[u8], out: &mut Vec<u8>) {
    out.push(FILE);
    out.extend_from_slice(&argument.to_le_bytes());
    put_string(name, out);
}

/// Appends a page's record but for its sample, which [`put_sample`] must append. The page lies
/// in the file whose record came last.
pub fn put_page(page: &PageRecord<'_>, out: &mut Vec<u8>) {
    let place = page.place.unwrap_or_default();
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    out.push(PAGE);
    out.extend_from_slice(&place.record.to_le_bytes());
    out.extend_from_slice(&place.line.to_le_bytes());
    out.push(
        flag(page.site.is_some(), HAS_SITE)
            | flag(page.sketch.is_some(), HAS_SKETCH)
            | flag(!page.masked.is_empty(), HAS_MASKED)
            | flag(!page.corpus.is_empty(), HAS_CORPUS),
    );
    out.extend_from_slice(&page.page.high.to_le_bytes());
    out.extend_from_slice(&page.page.low.to_le_bytes());
    if let Some(site) = page.site {
        put_string(site, out);
    }
    if let Some(sketch) = page.sketch {
        out.extend_from_slice(&sketch.class.0.0.to_le_bytes());
        out.extend_from_slice(&sketch.cells.0.to_le_bytes());
    }
    let lines = page.masked.len().max(page.corpus.len()) as u32;
    out.extend_from_slice(&lines.to_le_bytes());
    for fingerprint in page.masked.iter().chain(page.corpus) {
        out.extend_from_slice(&fingerprint.0.to_le_bytes());
    }
    for number in page.numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Appends the end of a page's record: its sample, empty unless the page is one of its site's
/// first in the part.
pub fn put_sample(sample: &[u8], out: &mut Vec<u8>) {
    put_string(sample, out);
}

/// A page that was read from a part.
#[derive(Clone, Debug, Default)]
pub struct OwnedPage {
    record: u32,
    line: u32,
    site: Option<Vec<u8>>,
    sketch: Option<PageSketch>,
    page: Key,
    masked: Vec<Fingerprint>,
    corpus: Vec<Fingerprint>,
    numbers: Vec<u32>,
    sample: Vec<u8>,
}

impl OwnedPage {
    /// The page as a record of the file with this number.
    pub fn record(&self, file: u32) -> PageRecord<'_> {
        PageRecord {
            place: Some(Place {
                file,
                record: self.record,
                line: self.line,
            }),
            site: self.site.as_deref(),
            sketch: self.sketch,
            page: self.page,
            masked: &self.masked,
            corpus: &self.corpus,
            numbers: &self.numbers,
            sample: &self.sample,
        }
    }

    fn fill(&mut self, page: &StoredPage<'_>) {
        (self.record, self.line) = page.place;
        self.site = page.site.map(<[u8]>::to_vec);
        self.sketch = page.sketch;
        self.page = page.page;
        for (out, stored) in [
            (&mut self.masked, page.masked),
            (&mut self.corpus, page.corpus),
        ] {
            out.clear();
            let fingerprints = stored.iter().map(|bytes| u128::from_le_bytes(*bytes));
            out.extend(fingerprints.map(Fingerprint));
        }
        self.numbers.clear();
        let numbers = page.numbers.iter();
        self.numbers
            .extend(numbers.map(|bytes| u32::from_le_bytes(*bytes)));
        self.sample.clear();
        self.sample.extend_from_slice(page.sample);
    }
}

/// A page as it lies in a part: what takes much is not taken out.
struct StoredPage<'b> {
    /// Its record, and the lines of the page before it.
    place: (u32, u32),
    site: Option<&'b [u8]>,
    sketch: Option<PageSketch>,
    page: Key,
    masked: &'b [[u8; 16]],
    corpus: &'b [[u8; 16]],
    numbers: &'b [[u8; 4]],
    sample: &'b [u8],
}

impl<'b> StoredPage<'b> {
    /// Takes the fields behind a page's mark; None where they do not hold one.
    fn read(fields: &mut Fields<'b>) -> Option<Self> {
        let place = (fields.u32()?, fields.u32()?);
        let flags = fields.u8()?;
        let high = fields.bytes(8)?.try_into().ok()?;
        let page = Key {
            high: u64::from_le_bytes(high),
            low: fields.u32()?,
        };
        let has = |flag: u8| flags & flag != 0;
        let site = match has(HAS_SITE) {
            true => Some(fields.string()?),
            false => None,
        };
        let sketch = match has(HAS_SKETCH) {
            true => Some(PageSketch {
                class: PageClass(Fingerprint(fields.u128()?)),
                cells: Cells(fields.u32()?),
            }),
            false => None,
        };
        let lines = fields.u32()? as usize;
        let lines_if = |is_there: bool| if is_there { lines } else { 0 };
        let [masked, corpus] = [HAS_MASKED, HAS_CORPUS].map(|flag| lines_if(has(flag)));
        Some(StoredPage {
            place,
            site,
            sketch,
            page,
            masked: fields.bytes(masked.checked_mul(16)?)?.as_chunks().0,
            corpus: fields.bytes(corpus.checked_mul(16)?)?.as_chunks().0,
            numbers: fields.bytes(corpus.checked_mul(4)?)?.as_chunks().0,
            sample: fields.string()?,
        })
    }
}

/// Reads a part record by record.
///
/// Memory: a block, which is as long as its longest record and up to [`BLOCK_BYTES`] more.
#[derive(Debug)]
pub struct PartReader<R> {
    blocks: BlockReader<R>,
    /// How much of the block at hand is read.
    read: usize,
    /// The file of the page at hand.
    pub file: FileRecord,
    /// The record of the page at hand, and the lines of the page before it.
    place: (u32, u32),
    /// Where it lies in the block at hand, behind its mark.
    page: Range<usize>,
}

/// What a part holds next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// [`PartReader::file`] is new; pages of it may follow.
    File,
    /// A page is at hand: [`PartReader::take_page`].
    Page,
    /// Nothing more.
    End,
}

impl<R: Read> PartReader<R> {
    /// A reader over a file whose header was read.
    pub fn new(blocks: BlockReader<R>) -> Self {
        PartReader {
            blocks,
            read: 0,
            file: FileRecord::default(),
            place: (0, 0),
            page: 0..0,
        }
    }

    /// Reads the next record.
    ///
    /// # Errors
    ///
    /// The part is cut or damaged.
    pub fn advance(&mut self) -> Result<Next, IndexError> {
        while self.read == self.blocks.body().len() {
            let at = self.blocks.at();
            match self.blocks.next_block()? {
                None => return Ok(Next::End),
                Some((RECORDS, _)) => self.read = 0,
                Some(_) => {
                    let what = "a block that no part has";
                    return Err(IndexError::Damaged { at, what });
                }
            }
        }
        let body = self.blocks.body();
        let mut fields = Fields(&body[self.read..]);
        let next = match fields.u8() {
            Some(FILE) => fields.u32().and_then(|argument| {
                self.file.argument = argument;
                self.file.name = fields.string()?.to_vec();
                Some(Next::File)
            }),
            Some(PAGE) => {
                let start = body.len() - fields.0.len();
                StoredPage::read(&mut fields).map(|page| {
                    self.place = page.place;
                    self.page = start..body.len() - fields.0.len();
                    Next::Page
                })
            }
            _ => None,
        };
        self.read = body.len() - fields.0.len();
        next.ok_or_else(|| self.unreadable())
    }

    fn unreadable(&self) -> IndexError {
        IndexError::Damaged {
            at: self.blocks.at(),
            what: "a record that cannot be read",
        }
    }

    /// Takes the page at hand.
    ///
    /// # Errors
    ///
    /// None is at hand.
    pub fn take_page(&self, page: &mut OwnedPage) -> Result<(), IndexError> {
        let mut fields = Fields(&self.blocks.body()[self.page.clone()]);
        let stored = StoredPage::read(&mut fields).ok_or_else(|| self.unreadable())?;
        page.fill(&stored);
        Ok(())
    }
}

/// Several parts as one, in source order: by input, then by the bytes of the file's name, then
/// by record and line.
///
/// Memory: that of each part's reader, and one page.
#[derive(Debug)]
pub struct MergedParts<R> {
    parts: Vec<(PartReader<R>, Next)>,
    /// The page given last.
    page: OwnedPage,
    /// The file given last, and the record and line of its page given last.
    last: Option<(FileRecord, Option<(u32, u32)>)>,
    /// The part whose record was given last, if it is done with.
    given: Option<usize>,
}

impl<R: Read> MergedParts<R> {
    /// Merges parts. Their order means nothing.
    ///
    /// # Errors
    ///
    /// A part is cut or damaged.
    pub fn new(parts: Vec<PartReader<R>>) -> Result<Self, IndexError> {
        let mut merged = MergedParts {
            parts: Vec::with_capacity(parts.len()),
            page: OwnedPage::default(),
            last: None,
            given: None,
        };
        for mut part in parts {
            let next = part.advance()?;
            merged.parts.push((part, next));
        }
        Ok(merged)
    }

    /// The next file or page: the file it lies in, and the page, if it is one. A file that
    /// several parts hold comes once. None when there is nothing more.
    ///
    /// # Errors
    ///
    /// A part is cut or damaged, or two hold the same page.
    pub fn next_record(&mut self) -> Result<Option<(&FileRecord, Option<&OwnedPage>)>, IndexError> {
        let Some((first, next)) = self.find_next()? else {
            return Ok(None);
        };
        let (part, _) = &self.parts[first];
        if next != Next::Page {
            return Ok(Some((&part.file, None)));
        }
        part.take_page(&mut self.page)?;
        Ok(Some((&part.file, Some(&self.page))))
    }

    /// The part whose file or page comes next.
    fn find_next(&mut self) -> Result<Option<(usize, Next)>, IndexError> {
        loop {
            if let Some(given) = self.given.take() {
                let (part, next) = &mut self.parts[given];
                *next = part.advance()?;
            }
            let open = self.parts.iter().enumerate();
            let open = open.filter(|(_, (_, next))| *next != Next::End);
            let Some((first, _)) = open.min_by(|(_, left), (_, right)| order(left, right)) else {
                return Ok(None);
            };
            let (part, next) = &self.parts[first];
            let last = match &mut self.last {
                Some((file, last)) if *file == part.file => last,
                _ => {
                    self.last = Some((part.file.clone(), None));
                    self.given = (*next == Next::File).then_some(first);
                    return Ok(Some((first, Next::File)));
                }
            };
            self.given = Some(first);
            if *next == Next::Page {
                let here = part.place;
                if *last >= Some(here) {
                    let page = page_name(&part.file.name, here.0.into());
                    let page = String::from_utf8_lossy(&page).into_owned();
                    return Err(IndexError::Twice { page });
                }
                *last = Some(here);
                return Ok(Some((first, Next::Page)));
            }
        }
    }
}

/// Source order; a file stands before its pages.
fn order<R>(left: &(PartReader<R>, Next), right: &(PartReader<R>, Next)) -> Ordering {
    let place = |(part, next): &(PartReader<R>, Next)| (*next == Next::Page).then_some(part.place);
    let files = left.0.file.cmp(&right.0.file);
    files.then_with(|| place(left).cmp(&place(right)))
}

/// Where the first block of `records` ends: behind the first record that reaches `least_bytes`.
/// None where they are not enough for a block. `records` begin with a whole record.
pub fn block_end(records: &[u8], least_bytes: usize) -> Option<usize> {
    if records.len() < least_bytes {
        return None;
    }
    let mut fields = Fields(records);
    while records.len() - fields.0.len() < least_bytes {
        match fields.u8()? {
            FILE => {
                fields.u32()?;
                fields.string()?;
            }
            _ => {
                StoredPage::read(&mut fields)?;
            }
        }
    }
    Some(records.len() - fields.0.len())
}
