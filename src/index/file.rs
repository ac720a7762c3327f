//! Frozen indexes to and from their files.

use std::io::{self, Read, Write};

use super::entry::{Entry, Figures};
use super::format::{self, BlockReader, BlockWriter, END, Fields, IndexError, Kind, put_string};
use super::frozen::{Shelf, Stretch};
use super::keys::SiteKey;
use super::runs::STRETCHES;
use super::{CorpusIndex, Frozen, Names, Site, SiteLine, SiteMap};
use crate::fingerprint::FingerprintKey;

/// Tags of a frozen index's blocks, in their order.
const TOTALS: u32 = 16;
const FILES: u32 = 17;
const SITES: u32 = 18;
const ON_SITES: u32 = 19;
const IN_CORPUS: u32 = 20;

/// Bytes from which a block is written.
const BLOCK_BYTES: usize = 4 << 20;

/// Writes blocks.
struct Blocks<'w> {
    out: &'w mut dyn Write,
    frames: BlockWriter,
    body: Vec<u8>,
}

impl Blocks<'_> {
    /// Writes the body as one block, if there is something in it.
    fn flush(&mut self, tag: u32) -> io::Result<()> {
        if !self.body.is_empty() {
            self.out.write_all(&self.frames.frame(tag, &self.body))?;
            self.out.write_all(&self.body)?;
            self.body.clear();
        }
        Ok(())
    }

    fn flush_full(&mut self, tag: u32) -> io::Result<()> {
        if self.body.len() >= BLOCK_BYTES {
            self.flush(tag)?;
        }
        Ok(())
    }

    fn entries<F: Figures>(&mut self, tag: u32, frozen: &Frozen<F>) -> io::Result<()> {
        frozen.each(|entry| {
            entry.write(&mut self.body);
            self.flush_full(tag)
        })?;
        self.flush(tag)
    }
}

impl CorpusIndex {
    /// Writes the index; the same index gives the same bytes on every machine.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    ///
    /// # Panics
    ///
    /// The index is not whole: it serves no pages but its own.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        assert!(self.is_whole, "only a whole index is of use to other runs");
        self.write_as_it_is(out)
    }

    /// Writes an index that may be not whole, which whoever reads it must know.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_as_it_is(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&format::header(Kind::Frozen, &self.settings))?;
        let mut blocks = Blocks {
            out,
            frames: BlockWriter::default(),
            body: Vec::new(),
        };
        blocks.body.extend_from_slice(&self.pages.to_le_bytes());
        blocks.flush(TOTALS)?;
        for file in self.names.files() {
            blocks.body.extend_from_slice(&file.argument.to_le_bytes());
            put_string(&file.name, &mut blocks.body);
            blocks.flush_full(FILES)?;
        }
        blocks.flush(FILES)?;
        let mut sites: Vec<&Site> = self.sites.values().collect();
        sites.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        for site in sites {
            put_string(&site.name, &mut blocks.body);
            let lines = site.templates.len() as u32;
            blocks.body.extend_from_slice(&site.pages.to_le_bytes());
            blocks.body.extend_from_slice(&lines.to_le_bytes());
            for line in &site.templates {
                blocks.body.extend_from_slice(&line.pages.to_le_bytes());
                put_string(&line.text, &mut blocks.body);
            }
            blocks.flush_full(SITES)?;
        }
        blocks.flush(SITES)?;
        blocks.entries(ON_SITES, &self.on_sites)?;
        blocks.entries(IN_CORPUS, &self.in_corpus)?;
        let Blocks {
            out, mut frames, ..
        } = blocks;
        out.write_all(&frames.frame(END, &[]))
    }

    /// Reads an index whose header was read. `shelf` decides where its entries lie. Sites are found
    /// in it by `key`, which is to be the one that it was made with; with another nothing is found.
    ///
    /// # Errors
    ///
    /// The file is cut or damaged, or the shelf's store fails.
    pub fn read<R: Read>(
        mut blocks: BlockReader<R>,
        shelf: &Shelf,
        key: &FingerprintKey,
    ) -> Result<Self, IndexError> {
        let mut index = CorpusIndex {
            key: key.clone(),
            settings: blocks.settings.clone(),
            is_whole: true,
            ..CorpusIndex::default()
        };
        let mut on_sites = Entries::new(shelf);
        let mut in_corpus = Entries::new(shelf);
        let mut last_tag = 0;
        loop {
            let at = blocks.at();
            let Some((tag, body)) = blocks.next_block()? else {
                break;
            };
            let is_in_order = tag >= last_tag;
            last_tag = tag;
            let mut fields = Fields(body);
            let is_good = is_in_order
                && match tag {
                    TOTALS => read_totals(&mut fields, &mut index.pages),
                    FILES => read_files(&mut fields, &mut index.names),
                    SITES => read_sites(&mut fields, key, &mut index.sites),
                    ON_SITES => on_sites.read(&mut fields)?,
                    IN_CORPUS => in_corpus.read(&mut fields)?,
                    _ => None,
                }
                .is_some();
            if !is_good {
                let what = "a block that cannot be read";
                return Err(IndexError::Damaged { at, what });
            }
        }
        index.on_sites = on_sites.freeze()?;
        index.in_corpus = in_corpus.freeze()?;
        Ok(index)
    }
}

fn read_totals(fields: &mut Fields<'_>, pages: &mut u64) -> Option<()> {
    *pages = u64::from_le_bytes(fields.bytes(8)?.try_into().ok()?);
    fields.0.is_empty().then_some(())
}

fn read_files(fields: &mut Fields<'_>, names: &mut Names) -> Option<()> {
    while !fields.0.is_empty() {
        let argument = fields.u32()?;
        let number = u32::try_from(names.len()).ok()?;
        names.put(number, argument, fields.string()?);
    }
    Some(())
}

fn read_sites(fields: &mut Fields<'_>, key: &FingerprintKey, sites: &mut SiteMap) -> Option<()> {
    while !fields.0.is_empty() {
        let name = fields.string()?;
        let mut site = Site {
            name: name.into(),
            pages: fields.u32()?,
            templates: Vec::new(),
        };
        for _ in 0..fields.u32()? {
            site.templates.push(SiteLine {
                pages: fields.u32()?,
                text: fields.string()?.into(),
            });
        }
        sites.insert(SiteKey::of(name, key), site);
    }
    Some(())
}

/// The entries of one table on their way to its stretches.
struct Entries<'s, F> {
    shelf: &'s Shelf,
    done: Vec<Stretch<F>>,
    /// Those whose first byte is the number of stretches done.
    open: Vec<Entry<F>>,
}

impl<'s, F: Figures> Entries<'s, F> {
    fn new(shelf: &'s Shelf) -> Self {
        Entries {
            shelf,
            done: Vec::new(),
            open: Vec::new(),
        }
    }

    fn close(&mut self) -> io::Result<()> {
        let entries = std::mem::take(&mut self.open);
        self.done.push(self.shelf.stretch(entries)?);
        Ok(())
    }

    /// Entries must come by key, each key once: lookups count on it. None where they do not.
    fn read(&mut self, fields: &mut Fields<'_>) -> io::Result<Option<()>> {
        while !fields.0.is_empty() {
            let Some(bytes) = fields.bytes(Entry::<F>::BYTES) else {
                return Ok(None);
            };
            let entry = Entry::<F>::read(bytes);
            let first_byte = (entry.key.high >> 56) as usize;
            while self.done.len() < first_byte {
                self.close()?;
            }
            let is_behind = self.open.last().is_none_or(|last| last.key < entry.key);
            let has_room = self.open.len() < u32::MAX as usize;
            if self.done.len() > first_byte || !is_behind || !has_room {
                return Ok(None);
            }
            self.open.push(entry);
        }
        Ok(Some(()))
    }

    fn freeze(mut self) -> io::Result<Frozen<F>> {
        while self.done.len() < STRETCHES {
            self.close()?;
        }
        Ok(Frozen::new(self.done))
    }
}
