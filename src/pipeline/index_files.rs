//! Index files: opened, checked, merged, frozen and written.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::collect::Spill;
use super::{RunOptions, Shard, memory};
use crate::collect::ServedPages;
use crate::error::RunError;
use crate::fingerprint::FingerprintKey;
use crate::index::format::{self, BlockReader, BlockWriter, END, Kind};
use crate::index::keys::SiteKey;
use crate::index::part::{self, BLOCK_BYTES, MergedParts, PartReader, RECORDS};
use crate::index::{CorpusIndex, IndexError, Names, Settings, Sites};
use crate::sink::Output;
use crate::sink::atomic::{AtomicFile, TEMPORARY_PREFIX};
use crate::source::inputs::open_file;

/// Bytes that are read of an index file at a time, but for the bodies of its blocks.
const READ_BYTES: usize = 64 << 10;
/// Records that are merged between two looks whether the run is to stop.
const RECORDS_A_LOOK: u64 = 1024;

type Opened = BlockReader<BufReader<File>>;

/// A part that is being written; it appears under its name when it is finished.
#[derive(Debug)]
pub struct PartFile {
    file: AtomicFile,
    blocks: BlockWriter,
    records: Vec<u8>,
}

impl PartFile {
    /// Begins a part. Its temporary file's name begins with `prefix`.
    ///
    /// # Errors
    ///
    /// The file cannot be made.
    pub fn create(path: &Path, settings: &Settings, prefix: &str) -> Result<Self, RunError> {
        let mut file = AtomicFile::at(path, prefix)?;
        file.write(&format::header(Kind::Part, settings))?;
        Ok(PartFile {
            file,
            blocks: BlockWriter::default(),
            records: Vec::new(),
        })
    }

    /// Writes records; blocks are cut between records by their bytes alone, so that the same
    /// records give the same file however they come.
    pub(super) fn write_records(&mut self, records: &[u8]) -> Result<(), RunError> {
        self.put_records(|out| out.extend_from_slice(records))
    }

    /// Writes whole records that `put` appends.
    fn put_records(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> Result<(), RunError> {
        put(&mut self.records);
        while let Some(end) = part::block_end(&self.records, BLOCK_BYTES) {
            self.write_block(RECORDS, end)?;
        }
        Ok(())
    }

    fn write_block(&mut self, tag: u32, bytes: usize) -> Result<(), RunError> {
        let body = &self.records[..bytes];
        self.file.write(&self.blocks.frame(tag, body))?;
        self.file.write(body)?;
        self.records.drain(..bytes);
        Ok(())
    }

    /// Puts the part under its name.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn finish(mut self) -> Result<(), RunError> {
        if !self.records.is_empty() {
            self.write_block(RECORDS, self.records.len())?;
        }
        self.write_block(END, 0)?;
        Box::new(self.file).finish()
    }
}

/// A file for a part that is not kept; gone when it is dropped.
///
/// # Errors
///
/// It cannot be made.
pub fn temporary(directory: &Path) -> Result<tempfile::TempPath, RunError> {
    let file = tempfile::NamedTempFile::new_in(directory);
    Ok(file
        .map_err(crate::error::io_at(directory))?
        .into_temp_path())
}

fn refused(path: &Path) -> impl Fn(IndexError) -> RunError {
    let path = path.to_path_buf();
    move |error| RunError::Index {
        path: path.clone(),
        error,
    }
}

/// Opens an index file and reads its header.
fn open(path: &Path) -> Result<Opened, RunError> {
    let file = open_file(path).map_err(|error| refused(path)(IndexError::Read(error)))?;
    BlockReader::new(BufReader::with_capacity(READ_BYTES, file)).map_err(refused(path))
}

/// What an index file is, by its header.
///
/// # Errors
///
/// It is no index, or cannot be read.
pub fn kind(path: &Path) -> Result<(Kind, Settings), RunError> {
    let opened = open(path)?;
    Ok((opened.kind, opened.settings))
}

/// What an index file is, when its settings serve a run that asks for `wanted`.
///
/// # Errors
///
/// As [`kind`], or it was made with other settings.
pub fn check(path: &Path, wanted: &Settings) -> Result<Kind, RunError> {
    let opened = open(path)?;
    opened.expect(opened.kind, wanted).map_err(refused(path))?;
    Ok(opened.kind)
}

/// Loads an index for a run: a frozen one as it is, a part by freezing it. `key` is the one that
/// `wanted` names.
///
/// # Errors
///
/// The file is refused: not an index, cut, damaged, or made with other settings than `wanted`.
pub fn load(
    path: &Path,
    wanted: &Settings,
    key: &FingerprintKey,
    options: &RunOptions,
) -> Result<CorpusIndex, RunError> {
    let opened = open(path)?;
    opened.expect(opened.kind, wanted).map_err(refused(path))?;
    match opened.kind {
        Kind::Part => freeze(&[path], key, options),
        Kind::Frozen => {
            let shelf = Spill::new(options).shelf(options);
            CorpusIndex::read(opened, &shelf, key).map_err(refused(path))
        }
    }
}

/// Opens parts that were made with the same settings, and with `key` if that is given. `needs` says
/// what memory it takes to work on blocks of these lengths.
fn open_parts(
    paths: &[&Path],
    key: Option<&FingerprintKey>,
    options: &RunOptions,
    needs: impl FnOnce(&[usize]) -> usize,
) -> Result<(Settings, Parts), RunError> {
    let mut parts = Vec::new();
    let mut blocks = Vec::new();
    let mut settings: Option<Settings> = None;
    for path in paths {
        let mut opened = open(path)?;
        let settings = settings.get_or_insert_with(|| opened.settings.clone());
        if let Some(key) = key {
            opened.expect_key(key.name()).map_err(refused(path))?;
        }
        opened.expect(Kind::Part, settings).map_err(refused(path))?;
        if opened.settings != *settings {
            return Err(refused(path)(IndexError::Settings {
                found: opened.settings.to_text(),
                expected: settings.to_text(),
            }));
        }
        let longest = opened.longest_body().map_err(refused(path))?;
        blocks.push(usize::try_from(longest).unwrap_or(usize::MAX));
        parts.push(PartReader::new(opened));
    }
    check_memory(&blocks, needs(&blocks), options)?;
    let names = paths.iter().map(|path| path.display().to_string());
    let path = PathBuf::from(names.collect::<Vec<_>>().join(", "));
    let parts = MergedParts::new(parts).map_err(refused(&path))?;
    Ok((settings.unwrap_or_default(), Parts { parts, path }))
}

/// Refuses parts that take more memory than there is to be.
fn check_memory(blocks: &[usize], needed: usize, options: &RunOptions) -> Result<(), RunError> {
    if needed <= options.max_memory_bytes {
        return Ok(());
    }
    let parts = match blocks.len() {
        1 => "1 part".to_owned(),
        parts => format!("{parts} parts"),
    };
    Err(RunError::Refused(format!(
        "{parts} with records of up to {} MiB take --max-memory {}MiB at least",
        blocks
            .iter()
            .max()
            .map_or(0, |longest| longest.div_ceil(1 << 20)),
        needed.div_ceil(1 << 20),
    )))
}

struct Parts {
    parts: MergedParts<BufReader<File>>,
    path: PathBuf,
}

impl Parts {
    /// Gives all files and pages in source order; see [`MergedParts::next_record`].
    fn each(
        &mut self,
        options: &RunOptions,
        mut take: impl FnMut(&part::FileRecord, Option<&part::OwnedPage>) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        let mut records = 0_u64;
        while let Some((file, page)) = self.parts.next_record().map_err(refused(&self.path))? {
            take(file, page)?;
            records += 1;
            if records.is_multiple_of(RECORDS_A_LOOK) && options.stop.load(Ordering::Relaxed) {
                return Err(RunError::Stopped);
            }
        }
        Ok(())
    }
}

/// Merges parts into one. The order of `paths` means nothing, and their key need not be known: what
/// they hold stays as it is. The temporary file's name begins with `prefix`.
///
/// # Errors
///
/// A part is refused, two hold the same page, or `out` cannot be written.
///
/// # Memory
///
/// The longest block of each part, and the longest of all twice more; refused where that is above
/// [`RunOptions::max_memory_bytes`].
pub fn merge(
    paths: &[&Path],
    out: &Path,
    options: &RunOptions,
    prefix: &str,
) -> Result<(), RunError> {
    let (settings, mut parts) = open_parts(paths, None, options, memory::of_merging)?;
    let sites_by = FingerprintKey::default();
    let mut merged = PartFile::create(out, &settings, prefix)?;
    let mut sites = Sites::default();
    parts.each(options, |file, page| {
        merged.put_records(|out| match page.map(|page| page.record(0)) {
            None => part::put_file(file.argument, &file.name, out),
            Some(page) => {
                let site = page.site.zip(page.sketch);
                let noted = site.map(|(site, sketch)| {
                    sites.note(SiteKey::of(site, &sites_by), site, sketch, &[])
                });
                let is_sampled = noted.is_some_and(|noted| noted.is_sampled);
                part::put_page(&page, out);
                part::put_sample(if is_sampled { page.sample } else { &[] }, out);
            }
        })
    })?;
    merged.finish()
}

/// The index of parts, which were made with `key`. The order of `paths` means nothing.
///
/// # Errors
///
/// A part is refused, two hold the same page, or memory cannot be written out to disk.
///
/// # Memory
///
/// As [`super::index_corpus`], with the longest block of each part, and what it takes to count the
/// longest of all; refused where that is above [`RunOptions::max_memory_bytes`].
pub fn freeze(
    paths: &[&Path],
    key: &FingerprintKey,
    options: &RunOptions,
) -> Result<CorpusIndex, RunError> {
    let (settings, mut parts) = open_parts(paths, Some(key), options, memory::of_freezing)?;
    let spill = Spill::new(options);
    let builder = spill.builder(settings, key, options);
    let mut counter = builder.counter();
    let mut sites = Sites::default();
    let mut names = Names::default();
    parts.each(options, |file, page| {
        let Some(page) = page else {
            names.put(names.len() as u32, file.argument, &file.name);
            return Ok(());
        };
        let number = (names.len() as u32).saturating_sub(1);
        let added = counter.add_record(&page.record(number));
        counter.settle(&mut sites);
        added.map_err(|error| spill.failed(error))
    })?;
    counter.end().map_err(|error| spill.failed(error))?;
    spill.freeze(&builder, ServedPages::Any, sites, names, options)
}

/// Writes a frozen index.
///
/// # Errors
///
/// The file cannot be written.
pub fn write(index: &CorpusIndex, path: &Path) -> Result<(), RunError> {
    write_by(path, |out| index.write(out))
}

/// Writes an index for the run that made it; see [`CorpusIndex::write_as_it_is`].
pub(super) fn write_as_it_is(index: &CorpusIndex, path: &Path) -> Result<(), RunError> {
    write_by(path, |out| index.write_as_it_is(out))
}

fn write_by(
    path: &Path,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> Result<(), RunError> {
    struct Writer(AtomicFile);
    impl io::Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let written = self.0.write(bytes).map(|()| bytes.len());
            written.map_err(|error| match error {
                RunError::Io { error, .. } => error,
                error => io::Error::other(error),
            })
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut out = Writer(AtomicFile::at(path, TEMPORARY_PREFIX)?);
    write(&mut out).map_err(crate::error::io_at(path))?;
    Box::new(out.0).finish()
}

/// Reads `i/n`: the share number i, from 1, of n.
///
/// # Errors
///
/// What was expected.
pub fn parse_shard(text: &str) -> Result<Shard, String> {
    let numbers = text.split_once('/').and_then(|(number, of)| {
        let number: u32 = number.parse().ok()?;
        let of: u32 = of.parse().ok()?;
        (1 <= number && number <= of).then(|| Shard {
            index: number - 1,
            of,
        })
    });
    numbers.ok_or_else(|| format!("'{text}' is no share such as 1/4"))
}
