//! What pages of a site and of a corpus say, and the memory for it.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use dechaff::Config;
use dechaff::config::{CorpusNormalize, CorpusRule};
use dechaff::fingerprint::{FingerprintKey, MAX_KEY_BYTES};
use dechaff::source::site::SiteBy;

use super::engine::{EngineArgs, Scope};
use super::memory::MemoryArgs;

/// What is looked for across pages.
#[derive(Args, Clone, Debug)]
pub struct CorpusArgs {
    /// What makes pages one site; `auto` is the host of a record's URL, and for files the first
    /// directory below the input
    #[arg(long, default_value = "auto", value_name = "BY")]
    pub site: Site,

    /// Remove blocks that stand in more than N places of the corpus, all but the first copy in
    /// source order (`--scopes corpus` alone: N is 1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub corpus_duplicates: Option<u32>,

    /// Least lines of such a block
    #[arg(long, value_name = "LINES", default_value_t = CorpusRule::default().min_lines as u32, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub corpus_min_lines: u32,

    /// Least characters of such a block
    #[arg(long, value_name = "CHARS", default_value_t = CorpusRule::default().min_chars)]
    pub corpus_min_chars: usize,

    /// What is folded away before lines are compared across the corpus: nothing, white space,
    /// or all that is folded within a page (letter case, quotes, dashes, width)
    #[arg(long, value_name = "WHAT", default_value = "space")]
    pub corpus_normalize: Normalize,

    /// What becomes of pages that say the same as an earlier one
    #[arg(long, value_name = "WHAT", default_value = "report")]
    pub page_duplicates: PageDuplicates,

    #[command(flatten)]
    pub key: KeyArgs,

    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// What fingerprints are made with.
#[derive(Args, Clone, Debug)]
pub struct KeyArgs {
    /// Make fingerprints with a key of your own: the bytes of FILE, 16 to 65536, whatever they are.
    /// So nobody who does not have it can write pages that take others' lines for theirs. An index
    /// serves those who have the key that it was made with [default: a public key]
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(key_file))]
    pub key_file: Option<KeyFile>,
}

impl KeyArgs {
    /// The key that is given; else the public one.
    pub fn key(&self) -> FingerprintKey {
        KeyFile::key_of(self.key_file.as_ref())
    }
}

/// A file that holds a key, read.
#[derive(Clone, Debug)]
pub struct KeyFile {
    pub path: PathBuf,
    pub key: FingerprintKey,
}

impl KeyFile {
    /// The key that is given; else the public one.
    pub fn key_of(file: Option<&KeyFile>) -> FingerprintKey {
        file.map(|file| file.key.clone()).unwrap_or_default()
    }
}

impl CorpusArgs {
    /// The engine's settings with those for the corpus.
    pub fn config(&self, engine: &EngineArgs) -> Config {
        let is_asked_for = engine.scopes.contains(&Scope::Corpus);
        let rule = CorpusRule {
            more_than_places: self.corpus_duplicates.unwrap_or(1),
            min_lines: self.corpus_min_lines as usize,
            min_chars: self.corpus_min_chars,
            normalize: self.corpus_normalize.by(),
        };
        Config {
            corpus_duplicates: (is_asked_for || self.corpus_duplicates.is_some()).then_some(rule),
            page_duplicates: self.page_duplicates == PageDuplicates::Remove,
            key: self.key.key(),
            ..engine.config()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Site {
    Auto,
    /// No page has a site
    None,
    /// The host of the URL, lower case, without `www.`
    Host,
    /// The part of the host that somebody registered
    Domain,
    /// The first directory below the input
    Dir,
}

impl Site {
    pub(super) fn by(self) -> SiteBy {
        match self {
            Site::Auto => SiteBy::Auto,
            Site::None => SiteBy::None,
            Site::Host => SiteBy::Host,
            Site::Domain => SiteBy::Domain,
            Site::Dir => SiteBy::Directory,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Normalize {
    None,
    Space,
    Full,
}

impl Normalize {
    pub fn by(self) -> CorpusNormalize {
        match self {
            Normalize::None => CorpusNormalize::None,
            Normalize::Space => CorpusNormalize::Space,
            Normalize::Full => CorpusNormalize::Full,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PageDuplicates {
    /// Counted at the end
    Report,
    /// Every line goes
    Remove,
}

/// The key that a file holds.
pub(super) fn key_file(path: OsString) -> Result<KeyFile, String> {
    let path = PathBuf::from(path);
    let mut bytes = Vec::new();
    // One byte more than a key has, so that a longer file is told from one that fits.
    let read = File::open(&path)
        .and_then(|file| file.take(MAX_KEY_BYTES as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| error.to_string())?;
    let key = FingerprintKey::from_bytes(&bytes).map_err(|error| error.to_string())?;
    Ok(KeyFile { path, key })
}
