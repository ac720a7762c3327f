//! The command line: flags in, checked values out. Knows no command's work.

use std::any::TypeId;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::UNIX_EPOCH;

use crate::machine::{address_space_bytes, free_memory_bytes};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use dechaff::bench::{Job, MIN_REPEATS};
use dechaff::charset::Charset;
use dechaff::compare::gate::Gate;
use dechaff::config::{CorpusNormalize, CorpusRule, Treatment};
use dechaff::error::{ModelError, RunError};
use dechaff::eval::RowField;
use dechaff::fingerprint::{FingerprintKey, MAX_KEY_BYTES};
use dechaff::generate::corpus;
use dechaff::pipeline::index_files::parse_shard;
use dechaff::pipeline::resume::Setting;
use dechaff::pipeline::{RunOptions, Shard, memory, model_file};
use dechaff::record::Cache;
use dechaff::score::{LearnedScorer, Model, Reads};
use dechaff::sink::records::RecordFormat;
use dechaff::source::content::TextFormat;
use dechaff::source::inputs::InputFormat;
use dechaff::source::rows::FieldNames;
use dechaff::source::site::SiteBy;
use dechaff::{Cleaner, Config, Threshold};

/// Keeps the body text of scraped pages: removes repeats and boilerplate, line by line, with
/// a reason for each.
///
/// Exit codes: 0 clean; 1 fatal; 2 usage; 3 finished, but input was rejected, skipped or
/// damaged, or a gate of `compare` or `bench ab` failed; 130/143 stopped by a signal; 141 closed pipe.
#[derive(Debug, Parser)]
#[command(name = "dechaff", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

impl Command {
    /// Whether the user says how much memory may be held.
    pub fn asks_for_memory(&self) -> bool {
        let memory = match self {
            Command::Clean(args) => &args.corpus.memory,
            Command::Index(IndexCommand::Build(args)) => &args.corpus.memory,
            Command::Index(IndexCommand::Merge(args)) => &args.memory,
            Command::Index(IndexCommand::Freeze(args)) => &args.join.memory,
            _ => return false,
        };
        memory.asked_bytes().is_some()
    }
}

impl Cli {
    /// Reads the command line. Ends the program where it cannot be followed.
    pub fn read() -> Self {
        let matches = Cli::command().get_matches();
        let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if let (Command::Clean(args), Some((name, matches))) =
            (&mut cli.command, matches.subcommand())
        {
            let command = Cli::command();
            let command = command.find_subcommand(name);
            args.settings = command.map_or(Vec::new(), |command| settings(command, matches));
        }
        if let Some(why) = cli.contradiction() {
            Cli::command()
                .error(ErrorKind::ArgumentConflict, why)
                .exit();
        }
        cli
    }

    fn contradiction(&self) -> Option<String> {
        let engine = match &self.command {
            Command::Clean(args) => &args.engine,
            Command::Explain(args) => &args.engine,
            Command::Eval(args) => &args.engine,
            Command::Index(IndexCommand::Build(args)) => &args.engine,
            Command::Bench(_)
            | Command::Compare(_)
            | Command::Index(_)
            | Command::Repeats(_)
            | Command::Train(_) => {
                return None;
            }
        };
        engine.contradiction()
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Clean files, directories or standard input
    Clean(Box<CleanArgs>),
    /// Show every line of a page with score, decision and reason
    Explain(ExplainArgs),
    /// Measure accuracy on labelled pages
    ///
    /// A table for each scorer: figures by source, site or language, and their means. Three F1s
    /// have 95 % intervals: the middle of 1000 figures over pages drawn anew from each row, as
    /// many as it has. A mean draws inside each row; rows of one page add no width to it.
    ///
    /// Several scorers stand side by side at the end, with their differences to the first over
    /// the same draws: an interval that holds 0 may be chance.
    Eval(EvalArgs),
    /// Set runs side by side: speed, cost, what each removed, accuracy
    ///
    /// A side is a file or a directory of files: run records (`clean --stats`), one or an array or
    /// lines of them, all of one thing over one corpus, or that of several runs (`dechaff bench`); what `eval --json` wrote (with --pages for
    /// intervals and for the lines that changed sides); what `hyperfine --export-json` wrote; what
    /// criterion saved: its directory (DIR:NAME where that holds several baselines), a
    /// benchmark's, `sample.json` or `estimates.json`. Every side is compared with the first.
    ///
    /// Speed is a ratio of medians with its 95 % interval by bootstrap over the runs. `faster` and
    /// `slower` are said when the interval lies on one side of equal, and both sides have 4 runs
    /// or more; else it is `no evidence`. Runs over other corpora are refused (exit code 2), runs
    /// on another machine have no verdict on speed. Accuracy is compared page by page, drawing the same
    /// pages for both sides 1000 times.
    Compare(CompareArgs),
    /// Run a job again and again, or two by turns, and say what they cost
    ///
    /// The job is `dechaff clean` on the inputs, with the settings behind `--`; its output goes to
    /// a temporary directory, which goes too. Each run is a process of its own; one that is not
    /// measured comes first. What each run cost is kept in one run record, which `dechaff compare` reads.
    Bench(Box<BenchArgs>),
    /// Show the blocks of lines that pages say again and again
    ///
    /// A block is a run of lines that stands in two or more places which do not overlap, and
    /// that no equal line before or behind it in every place makes longer; blank lines do not
    /// count. A block that overlaps itself by half or more is left out: the shorter block that it repeats is shown.
    ///
    /// The block that saves most bytes comes first: those of all its places but one, lines
    /// covered by blocks above it not counted. Lines of PAGE:FIRST-LAST count from 1.
    ///
    /// Memory: about 40 bytes for each line that is not blank, and the pages at work. Files
    /// with blocks that are shown are read twice.
    Repeats(RepeatsArgs),
    /// Make, merge and show indexes: what a corpus says again and again
    #[command(subcommand)]
    Index(IndexCommand),
    /// Fit a model to labelled pages
    Train(TrainArgs),
}

#[derive(Args, Debug)]
pub struct TrainArgs {
    /// Labelled pages: JSON lines, plain or gzipped
    #[arg(required = true, value_name = "GOLD")]
    pub gold: Vec<PathBuf>,

    /// Where the model is written
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Replace an existing file
    #[arg(long)]
    pub overwrite: bool,

    /// How large a model. `accurate` learns besides what words hint of markup, from the HTML that lies
    /// beside NAME.jsonl.gz as html/NAME.jsonl.zst, if there is any
    #[arg(long, default_value = "fast")]
    pub preset: Preset,

    /// Fit a model for HTML: learn from the pages' HTML, see `dechaff eval --help`
    #[arg(long)]
    pub html: bool,

    /// Sources whose pages are left out
    #[arg(long, value_delimiter = ',', value_name = "SOURCES")]
    pub leave_out: Vec<String>,

    /// Pages without labels to learn from besides, labelled by --teacher: JSON lines, plain or gzipped,
    /// with id, and lines (texts), html (text) or both; strings of the page (texts) that are
    /// known to be body in `with`, to be boilerplate in `without`
    #[arg(long, num_args = 1.., value_name = "PAGES")]
    pub unlabelled: Vec<PathBuf>,

    /// What labels the lines of --unlabelled that it is sure of: fast, accurate or a model file
    #[arg(
        long,
        default_value = "accurate",
        value_name = "MODEL",
        requires = "unlabelled"
    )]
    pub teacher: PathBuf,

    /// The same for pages that have HTML; that of --teacher unless given
    #[arg(long, value_name = "MODEL", requires = "unlabelled")]
    pub html_teacher: Option<PathBuf>,

    /// Trees of each step; those of the preset unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub trees: Option<u32>,

    /// The first N steps only: 1 is the line alone; all of the preset unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub steps: Option<u8>,

    /// Parts that the model goes without, to see what they add
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    pub without: Vec<Part>,

    /// Learn from N pages only, drawn by --seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub pages: Option<u32>,

    /// First fit a model without the pages of PERCENT of the sites, and show how it does on these
    /// beside the model of the preset that comes with dechaff, which may have seen them. The model
    /// that is written is fitted on all pages
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=90))]
    pub aside: Option<u32>,

    /// The model's name; that of the preset unless given
    #[arg(long)]
    pub name: Option<String>,

    /// Starts the pseudo-random choices; the same pages and seed give the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Small and fast
    Fast,
    /// Larger, slower, more accurate
    Accurate,
}

impl Preset {
    /// The name of the model that comes with dechaff.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Fast => "fast",
            Preset::Accurate => "accurate",
        }
    }
}

/// A part of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Features of the line's own shape
    Shape,
    /// What words say, of the line itself and of those around it
    Words,
    /// Which words come back on the page
    Vocabulary,
    /// The line so far, and those before and behind one by one
    Neighbours,
    /// Sums over lines around
    Windows,
    /// The best run of lines, how much body is before and behind, sure paragraphs
    Runs,
    /// The page as a whole
    Page,
    /// The line's place on the page
    Position,
    /// What stands twice on the page
    Repeats,
    /// What the site says again
    Site,
    /// What tells of comments, which are learned from nothing else
    Comments,
    /// Where the line stood in the markup, for --html
    Markup,
    /// What words of text hint of markup, learned from the HTML beside the labelled pages
    Hints,
    /// The networks of the last step
    Networks,
    /// The forest that chooses where a page is cut
    Cut,
}

/// What is removed; the same for every command.
#[derive(Args, Clone, Debug)]
pub struct EngineArgs {
    /// Remove lines whose boilerplate score is at or above P, in `[0,1]`; `auto` is a cut for
    /// each page, that which promises the best F1, from 0.02 to 0.75
    #[arg(long, value_name = "auto|P", default_value = "auto", value_parser = threshold)]
    pub threshold: Threshold,

    /// What lines are scored with: `fast`, `accurate` (slower), or a model file that `dechaff
    /// train` wrote without --html
    #[arg(long, value_name = "NAME|FILE", default_value = "fast")]
    pub model: PathBuf,

    /// What the lines of HTML pages are scored with: `fast`, `accurate`, a file that `dechaff
    /// train --html` wrote, or `none`: as other lines, without their place in the markup. As
    /// --model names unless given; `none` where that is a file of a user's
    #[arg(long, value_name = "NAME|FILE|none")]
    pub html_model: Option<PathBuf>,

    /// What counts as body: `general` goes by the score alone, `article` drops comments and
    /// headline, `forum` keeps comments
    #[arg(long, value_name = "NAME", default_value = "general")]
    pub profile: Profile,

    /// Keep lines of these kinds whatever their score: `comments`, `headline`; what may be of them goes
    /// the later
    #[arg(long, value_delimiter = ',', value_name = "KINDS")]
    pub keep: Vec<Kind>,

    /// Remove lines of these kinds whatever their score; what may be of them goes the sooner
    #[arg(long, value_delimiter = ',', value_name = "KINDS")]
    pub drop: Vec<Kind>,

    /// Do not score lines: remove repeats only
    #[arg(long)]
    pub no_score: bool,

    /// Where to look for repeats: `page` (said twice on a page), `site` (on page after page of
    /// a site), `corpus` (see --corpus-duplicates) or `none`
    #[arg(long, value_delimiter = ',', default_value = "page,site")]
    pub scopes: Vec<Scope>,
}

impl EngineArgs {
    /// The model, for run records: the name of one that comes with the program, the digest of a
    /// file, whose path is the user's own.
    pub fn model_name(&self) -> String {
        model_name(&self.model)
    }

    /// The model for HTML, in the same way.
    pub fn html_model_name(&self) -> Option<String> {
        self.html_model.as_deref().map(model_name)
    }

    /// A cleaner with the model that is asked for.
    pub fn cleaner(&self, config: Config) -> Result<Cleaner, RunError> {
        cleaner(config, &self.model, self.html_model.as_deref())
    }

    /// The files of models that are read.
    pub fn model_files(&self) -> impl Iterator<Item = &Path> {
        let named = std::iter::once(&*self.model).chain(self.html_model.as_deref());
        named.filter(|name| is_model_file(name))
    }

    pub fn config(&self) -> Config {
        Config {
            page_repeats: self.scopes.contains(&Scope::Page),
            site_templates: self.scopes.contains(&Scope::Site),
            corpus_duplicates: None,
            page_duplicates: false,
            score: !self.no_score,
            threshold: self.threshold,
            comments: self.treatment(Kind::Comments),
            headline: self.treatment(Kind::Headline),
            tell_kinds: false,
            key: FingerprintKey::default(),
        }
    }

    fn treatment(&self, kind: Kind) -> Treatment {
        match (self.profile, kind) {
            _ if self.keep.contains(&kind) => Treatment::Keep,
            _ if self.drop.contains(&kind) => Treatment::Drop,
            (Profile::Article, _) => Treatment::Drop,
            (Profile::Forum, Kind::Comments) => Treatment::Keep,
            _ => Treatment::Scored,
        }
    }

    /// Why these arguments contradict each other, if they do.
    pub fn contradiction(&self) -> Option<String> {
        let both = self.keep.iter().find(|kind| self.drop.contains(kind));
        both.map(|kind| {
            let kind = kind
                .to_possible_value()
                .map(|kind| kind.get_name().to_owned());
            format!("--keep and --drop both name {}", kind.unwrap_or_default())
        })
    }
}

/// What is given in place of a model for HTML where HTML is scored as text.
const NO_MODEL: &str = "none";

/// A cleaner with a model for text and one for HTML, each one that comes with the program or one
/// from a file.
pub fn cleaner(config: Config, model: &Path, of_html: Option<&Path>) -> Result<Cleaner, RunError> {
    let html = match of_html {
        None => built_in(model, Reads::Html),
        Some(none) if none == Path::new(NO_MODEL) => None,
        Some(path) => Some(model_that(path, Reads::Html)?),
    };
    let mut scorer = LearnedScorer::new(model_that(model, Reads::Text)?);
    if let Some(html) = html {
        scorer = scorer.with_html(html);
    }
    Ok(Cleaner::with_scorer(config, Box::new(scorer))?)
}

/// Whether a model's name is that of a file.
pub fn is_model_file(name: &Path) -> bool {
    name != Path::new(NO_MODEL) && built_in(name, Reads::Text).is_none()
}

fn built_in(model: &Path, reads: Reads) -> Option<Arc<Model>> {
    model.to_str().and_then(|name| Model::built_in(name, reads))
}

/// The model of this name, or in this file, if it is one that reads this.
fn model_that(path: &Path, reads: Reads) -> Result<Arc<Model>, RunError> {
    if let Some(model) = built_in(path, reads) {
        return Ok(model);
    }
    let model = model_file::read(path)?;
    let error = match (model.reads(), reads) {
        (Reads::Html, Reads::Text) => ModelError::OfHtml,
        (Reads::Text, Reads::Html) => ModelError::OfText,
        _ => return Ok(Arc::new(model)),
    };
    let path = path.to_owned();
    Err(RunError::Model { path, error })
}

/// What a run record calls a model.
fn model_name(model: &Path) -> String {
    let named = model
        .to_str()
        .filter(|name| *name == NO_MODEL || Model::built_in(name, Reads::Text).is_some());
    named.map_or_else(
        || {
            let bytes = std::fs::read(model).unwrap_or_default();
            format!("file {}", dechaff::digest::hex(&bytes))
        },
        str::to_owned,
    )
}

/// What users want from pages of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Lines go by their score alone
    General,
    /// The text of the article: comments and headline go
    Article,
    /// Posts are the body: comments stay
    Forum,
}

/// Kinds of lines that some keep and others drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// What readers wrote under a text, their names and dates with it
    Comments,
    /// The page's title
    Headline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// The same block again on this page: the later copy goes
    Page,
    /// The same block on page after page of a site: every copy goes
    Site,
    /// The same block anywhere in the corpus: the first copy stays
    Corpus,
    /// No repeats are removed
    None,
}

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

/// The most memory that is taken unasked: counting 10 GB of pages takes no less time with more.
const DEFAULT_MEMORY: Size = Size(4 << 30);

/// How much memory a run takes, and what becomes of the rest.
#[derive(Args, Clone, Debug)]
pub struct MemoryArgs {
    /// Memory that the run may hold, 128MiB at least; what is counted of the corpus goes to disk
    /// past it [default: three quarters of what is free, 4GiB at most; half of what ulimit -v
    /// leaves]
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub max_memory: Option<Size>,

    /// Where that is kept meanwhile [default: the system's directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub temp_dir: Option<PathBuf>,
}

impl MemoryArgs {
    /// The largest page that is held in memory, where nobody named another: what fits into the
    /// memory that was asked for. What is free does not count, for the output depends on it.
    pub fn largest_page_bytes(&self) -> usize {
        let asked = self.asked_bytes();
        asked.map_or(memory::LARGEST_PAGE_BYTES, memory::largest_page_bytes)
    }

    /// The memory that the user lets be held: by the option, or by a limit on address space, half
    /// of which is for what is never touched.
    fn asked_bytes(&self) -> Option<usize> {
        let of_limit = address_space_bytes().map(|bytes| bytes / 2);
        let asked = [self.max_memory.map(|size| size.0), of_limit];
        asked.into_iter().flatten().min()
    }

    /// The library's settings, with those that come from elsewhere as they are by default.
    pub fn options(&self) -> RunOptions {
        let unasked = || {
            let free = free_memory_bytes().unwrap_or(DEFAULT_MEMORY.0);
            DEFAULT_MEMORY.0.min(free / 4 * 3)
        };
        RunOptions {
            max_memory_bytes: self.asked_bytes().unwrap_or_else(unasked),
            temp_dir: self.temp_dir.clone(),
            ..RunOptions::default()
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
    fn by(self) -> SiteBy {
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

/// What texts are in.
#[derive(Args, Clone, Debug)]
pub struct EncodingArgs {
    /// The character set of text and HTML without a byte-order mark, such as euc-kr, shift_jis,
    /// gbk, windows-1252 [default: told by the bytes, and by what HTML says]. Output is UTF-8
    #[arg(long, value_name = "NAME", value_parser = charset)]
    pub encoding: Option<Charset>,
}

/// Which fields of a row are read, and as what.
#[derive(Args, Clone, Debug)]
pub struct FieldArgs {
    /// The field of a JSON row, or the column of Parquet, that holds the text
    #[arg(long, default_value = "text", value_name = "NAME")]
    pub text_field: String,

    /// What that field holds; `auto` tells by content. The lines of HTML take its place
    #[arg(long, default_value = "auto", value_name = "WHAT")]
    pub text_format: FieldFormat,

    /// The field of a JSON row, or the column of Parquet, that holds its URL
    #[arg(long, default_value = "url", value_name = "NAME")]
    pub url_field: String,
}

impl FieldArgs {
    pub fn names(&self) -> FieldNames {
        FieldNames {
            text: self.text_field.clone(),
            url: self.url_field.clone(),
            id: None,
        }
    }

    pub fn format(&self) -> TextFormat {
        match self.text_format {
            FieldFormat::Auto => TextFormat::Auto,
            FieldFormat::Text => TextFormat::Text,
            FieldFormat::Html => TextFormat::Html,
        }
    }
}

/// How the input is read.
#[derive(Args, Clone, Debug)]
pub struct ReadingArgs {
    /// What the input is; `auto` tells by name and content. gzip and zstd are unpacked first, of
    /// tar and zip the members are read (also with `html`)
    #[arg(long, default_value = "auto")]
    pub format: Format,

    #[command(flatten)]
    pub encoding: EncodingArgs,

    /// Follow symbolic links in directories, also those that lead out of them; what several paths
    /// lead to is read for each. Links that lead back to a directory around them, or to what is
    /// written, are problems
    #[arg(long)]
    pub follow: bool,

    #[command(flatten)]
    pub fields: FieldArgs,

    /// Worker threads, 512 at most; 0 is one for each core
    #[arg(long, default_value_t = 0, value_name = "N", env = "DECHAFF_THREADS", value_parser = clap::value_parser!(u16).range(0..=512))]
    pub threads: u16,

    /// Largest page in memory; longer text, or of more than a line for 64 bytes of it, is cleaned
    /// in parts, longer rows and HTML are rejected (K, M, G: powers of 1000; KiB, MiB, GiB: of
    /// 1024) [default: 64MiB, or 1/32 of --max-memory if that is less]
    #[arg(long, value_name = "SIZE", value_parser = page_size)]
    pub max_page_bytes: Option<Size>,
}

impl ReadingArgs {
    /// The library's settings, with those that come from elsewhere as they are by default.
    pub fn options(&self, corpus: &CorpusArgs) -> RunOptions {
        let options = RunOptions {
            site_by: corpus.site.by(),
            max_page_bytes: corpus.memory.largest_page_bytes(),
            ..corpus.memory.options()
        };
        self.options_from(options)
    }

    fn options_from(&self, options: RunOptions) -> RunOptions {
        let largest = self.max_page_bytes.map(|size| size.0);
        RunOptions {
            fields: self.fields.names(),
            max_page_bytes: largest.unwrap_or(options.max_page_bytes),
            indexed_page_bytes: Some(largest.unwrap_or(memory::LARGEST_PAGE_BYTES)),
            threads: usize::from(self.threads),
            charset: self.encoding.encoding,
            page_format: match self.format {
                Format::Text => TextFormat::Text,
                Format::Html => TextFormat::Html,
                Format::Auto | Format::Jsonl | Format::Warc | Format::Parquet => TextFormat::Auto,
            },
            field_format: self.fields.format(),
            ..options
        }
    }

    pub fn format(&self) -> InputFormat {
        match self.format {
            Format::Auto => InputFormat::Auto,
            Format::Text => InputFormat::Text,
            Format::Html => InputFormat::Html,
            Format::Jsonl => InputFormat::Jsonl,
            Format::Warc => InputFormat::Warc,
            Format::Parquet => InputFormat::Parquet,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Read pages into an index, or with --part into a part
    Build(Box<IndexBuildArgs>),
    /// Join parts to one part
    Merge(IndexJoinArgs),
    /// Make an index from parts
    Freeze(IndexFreezeArgs),
    /// Show what is in an index or part
    Info(IndexInfoArgs),
}

#[derive(Args, Debug)]
pub struct IndexBuildArgs {
    /// Files or directories
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Where the index goes
    #[arg(short, long, value_name = "FILE", required = true)]
    pub output: PathBuf,

    /// Write a part with share i of n of the pages, instead of an index; 1/1 is all of them
    #[arg(long, value_name = "i/n", value_parser = parse_shard)]
    pub part: Option<Shard>,

    #[command(flatten)]
    pub engine: EngineArgs,

    #[command(flatten)]
    pub corpus: CorpusArgs,

    #[command(flatten)]
    pub reading: ReadingArgs,

    /// Replace an output that exists
    #[arg(long)]
    pub overwrite: bool,

    /// No progress, no summary at the end
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Args, Debug)]
pub struct IndexJoinArgs {
    /// Parts, in any order. Each takes memory for its longest page: where that is more than
    /// --max-memory, nothing is written
    #[arg(required = true, value_name = "PART")]
    pub parts: Vec<PathBuf>,

    /// Where the result goes
    #[arg(short, long, value_name = "FILE", required = true)]
    pub output: PathBuf,

    #[command(flatten)]
    pub memory: MemoryArgs,

    /// Replace an output that exists
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Args, Debug)]
pub struct IndexFreezeArgs {
    #[command(flatten)]
    pub join: IndexJoinArgs,

    #[command(flatten)]
    pub key: KeyArgs,
}

#[derive(Args, Debug)]
pub struct IndexInfoArgs {
    /// An index or part
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Sites shown, largest first; 0 for all
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub sites: usize,

    /// Template lines shown of each site, 50 at most
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub lines: usize,

    #[command(flatten)]
    pub key: KeyArgs,

    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct CleanArgs {
    /// Files or directories; - is standard input
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Where the cleaned pages go: a directory for a directory, a file for a file, - for
    /// standard output (which is where standard input goes without it)
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub engine: EngineArgs,

    #[command(flatten)]
    pub corpus: CorpusArgs,

    /// Do not read the pages twice: take what they say again and again from an index or part
    #[arg(long, value_name = "FILE")]
    pub index: Option<PathBuf>,

    /// Write a part with these pages to FILE, and with those of --index, which then must be a
    /// part; see `dechaff index`
    #[arg(long, value_name = "FILE")]
    pub write_index: Option<PathBuf>,

    #[command(flatten)]
    pub reading: ReadingArgs,

    /// What is written: the kept lines; every line tagged with its decision; or the text
    /// unchanged with the decisions beside it
    #[arg(long, default_value = "drop")]
    pub mode: Mode,

    /// What is written of WARC: a row a page (id, url, date, text), or a WET file
    #[arg(long, default_value = "jsonl", value_name = "WHAT")]
    pub output_format: OutputFormat,

    /// Write every removed line with its reason to FILE (JSON lines): the ledger
    #[arg(long, value_name = "FILE")]
    pub removed: Option<PathBuf>,

    /// The field of a JSON row, or the column of Parquet, that names it: rows of the ledger and of
    /// spans tell it as `id`, where it is a string of at most 1 KiB or a whole number. Of WARC they
    /// tell the record's id
    #[arg(long, default_value = "id", value_name = "NAME")]
    pub id_field: String,

    /// Write rows and records that could not be read safely to FILE, byte for byte
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,

    /// Write the run record (JSON) to FILE
    #[arg(long, value_name = "FILE")]
    pub stats: Option<PathBuf>,

    /// Labelled pages: after the run, put the accuracy of these settings on them into the run
    /// record, as `dechaff eval --pages` has it
    #[arg(long, value_name = "GOLD", requires = "stats")]
    pub gold: Vec<PathBuf>,

    /// Stop with 1 when more than PERCENT of the text was removed, once 1,000 pages or all
    /// are seen
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub max_removed: Option<f64>,

    /// Read and decide, write no pages
    #[arg(long)]
    pub dry_run: bool,

    /// Write into an output that is not empty; files that are not outputs are left alone
    #[arg(long)]
    pub overwrite: bool,

    /// Go on with a run of the same command that was stopped or killed, from its last checkpoint;
    /// without one, begin. Refused where settings or inputs are others
    #[arg(long)]
    pub resume: bool,

    /// Time between two checkpoints, in seconds: what a killed run may have to do again
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub checkpoint: u32,

    /// No progress, no table at the end
    #[arg(short, long)]
    pub quiet: bool,

    /// All that the output depends on, but for the inputs' content
    #[arg(skip)]
    pub settings: Vec<Setting>,
}

/// Options on which no output depends.
const NEUTRAL: &[&str] = &[
    "threads",
    "max_memory",
    // What it comes to is among the settings.
    "max_page_bytes",
    "temp_dir",
    "overwrite",
    "resume",
    "checkpoint",
    "quiet",
];
/// Options that name a file to be read, whose size and time of change count.
const READ_FILES: &[&str] = &["model", "html_model", "index"];

/// The option whose file is read when the command line is.
const KEY_FILE: &str = "key_file";

/// What is set of a command, by its options' names.
fn settings(command: &clap::Command, matches: &ArgMatches) -> Vec<Setting> {
    let arguments = command.get_arguments();
    let arguments = arguments.filter(|argument| !NEUTRAL.contains(&argument.get_id().as_str()));
    arguments
        .filter_map(|argument| {
            let id = argument.get_id().as_str();
            let values = matches.try_get_raw(id).ok()??;
            if id == KEY_FILE {
                // Where the file lies means nothing.
                let key = matches.get_one::<KeyFile>(id)?.key.name()?.to_owned();
                return Some((format!("--{}", argument.get_long()?), key));
            }
            let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
            let shown = values.map(|value| {
                let path = Path::new(value);
                let is_file = READ_FILES.contains(&id);
                match std::path::absolute(path) {
                    Ok(path) if is_file && path.exists() => stamped(&path),
                    Ok(path) if is_path && !is_file => format!("{path:?}"),
                    _ => format!("{value:?}"),
                }
            });
            let name = match argument.get_long() {
                Some(long) => format!("--{long}"),
                None => id.to_owned(),
            };
            Some((name, shown.collect::<Vec<_>>().join(" ")))
        })
        .collect()
}

/// A file with its size and time of change.
fn stamped(path: &Path) -> String {
    let metadata = std::fs::metadata(path).ok();
    let bytes = metadata.as_ref().map_or(0, std::fs::Metadata::len);
    let changed = metadata.and_then(|found| found.modified().ok());
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let seconds = changed.unwrap_or_default().as_secs_f64();
    format!("{path:?} ({bytes} bytes, changed at {seconds:.3})")
}

#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A page of text or HTML; FILE#3 is the third row of JSON lines, - is standard input
    #[arg(value_name = "PAGE")]
    pub page: PathBuf,

    #[command(flatten)]
    pub encoding: EncodingArgs,

    #[command(flatten)]
    pub fields: FieldArgs,

    #[command(flatten)]
    pub engine: EngineArgs,

    #[command(flatten)]
    pub corpus: CorpusArgs,

    /// Show what an index or part knows of the lines too
    #[arg(long, value_name = "FILE")]
    pub index: Option<PathBuf>,

    /// The page's site in the index [default: of a row that of its URL, where the index goes by these;
    /// else the nearest directory above PAGE that is one]
    #[arg(long, value_name = "NAME", requires = "index")]
    pub site_name: Option<String>,

    /// The page's own name in the index (FILE, or FILE#ROW), so that its first copies stay
    #[arg(long, value_name = "NAME", requires = "index")]
    pub page_name: Option<String>,

    /// Write JSON
    #[arg(long)]
    pub json: bool,

    /// Colour the lines
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    pub color: clap::ColorChoice,
}

#[derive(Args, Debug)]
pub struct EvalArgs {
    /// Labelled pages: JSON lines, plain or gzipped. All are held in memory; those of one
    /// domain, else of one URL's host, are a site
    #[arg(required = true, value_name = "GOLD")]
    pub gold: Vec<PathBuf>,

    /// What is measured, side by side; the others are compared with the first
    #[arg(
        long = "scorer",
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "model,terminal-punctuation,best-run"
    )]
    pub scorers: Vec<EvalScorer>,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Measure this model too: as --model, with --html as --html-model; may be given several times
    #[arg(long, value_name = "NAME|FILE")]
    pub beside: Vec<PathBuf>,

    /// Measure on the pages' HTML, which lies beside NAME.jsonl.gz as html/NAME.jsonl.zst: JSON
    /// lines with `id` and `html`. Labels go by the text; pages without HTML are left out
    #[arg(long)]
    pub html: bool,

    /// Which field of a page makes the rows of the tables
    #[arg(long, default_value = "source", value_name = "FIELD")]
    pub by: By,

    /// Count lines that equal the page's headline too
    #[arg(long)]
    pub headlines: bool,

    /// List the N lines of each site that go as its template on most pages, with their labels
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub templates: Option<u32>,

    /// List the N pages with the lowest word F1 of the first scorer, and their lines that were
    /// lost (body, removed) or kept (boilerplate)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub worst: Option<u32>,

    /// With --json, list every page with its figures and its wrong lines: what `dechaff compare`
    /// needs for intervals and for the lines that changed sides
    #[arg(long, requires = "json")]
    pub pages: bool,

    /// Show how the scores of all lines compare with their labels, in 15 equal bins; --json
    /// always has it
    #[arg(long)]
    pub calibration: bool,

    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

impl EvalArgs {
    pub fn row_field(&self) -> RowField {
        match self.by {
            By::Source => RowField::Source,
            By::Domain => RowField::Domain,
            By::Lang => RowField::Lang,
        }
    }
}

/// What `eval` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EvalScorer {
    /// dechaff with --model; --threshold, --no-score and --scopes are for this one and --beside
    Model,
    /// Keep lines that end like a sentence (C4, Raffel 2020); no repeats are removed
    TerminalPunctuation,
    /// Keep the best run of lines (BTE, Finn 2001); no repeats are removed
    BestRun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The set that the page comes from
    Source,
    /// The site
    Domain,
    /// The language
    Lang,
}

#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Run records, results of eval, exports of hyperfine, directories of criterion
    #[arg(required = true, num_args = 2.., value_name = "SIDE")]
    pub sides: Vec<PathBuf>,

    /// End with 3 when RULE is broken beyond doubt, the whole 95 % interval lying past it: NAME<LIMIT
    /// or NAME>LIMIT, as 'speed<-5%' or 'f1<-0.2'. May be given several times. LIMIT is a change in
    /// percent for speed (of records, else of every timing), cold_speed, speed:NAME (a timing), cpu, memory,
    /// stage:NAME (of the last pass that has it); a difference in points of 100 for removed (share of the text),
    /// line_f1 (or f1), ngram_f1, word_f1
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub fail_on: Vec<Gate>,

    /// Compare what should not be: runs over other corpora; speeds of other machines
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub allow: Vec<Allow>,

    /// The ledgers of the first two sides, for lines that only one of them removed [default: those
    /// beside the records, if they are there]
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    pub removed: Vec<PathBuf>,

    /// Write JSON
    #[arg(long)]
    pub json: bool,

    /// Write Markdown
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,

    /// Write a page with tables and drawings to FILE too; it needs no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Replace a FILE that holds something
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    pub command: Option<BenchCommand>,

    #[command(flatten)]
    pub corpus: BenchCorpusArgs,

    /// Options of `dechaff clean`
    #[arg(last = true, value_name = "SETTINGS", allow_hyphen_values = true)]
    pub settings: Vec<String>,

    #[command(flatten)]
    pub runs: RunsArgs,

    /// Where the input is when a run begins: `warm`, in memory; `cold`, on the disk, the system being
    /// asked to forget it (Linux; not on file systems in memory)
    #[arg(
        long,
        value_name = "WHERE",
        value_delimiter = ',',
        default_value = "warm,cold"
    )]
    pub cache: Vec<BenchCache>,

    /// Write the run record to FILE
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Replace a FILE that holds something
    #[arg(long)]
    pub overwrite: bool,

    /// Write the run record to standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Run two jobs by turns and compare them
    ///
    /// A and B are each one argument. One that begins with `-`, or is empty, holds options of `dechaff
    /// clean`, run on the inputs. Any other is a command: split into words as a shell does, run
    /// without a shell. In it {in} stands for the inputs, {out} for where the output goes (without it:
    /// standard output), {stats} for where a dechaff writes its run record, from which stages and
    /// counts are taken: 'old/dechaff clean {in} -o {out} --stats {stats}'.
    ///
    /// Order: A B, B A, A B, and so on. What is said of speed is what `dechaff compare` says.
    Ab(Box<AbArgs>),
}

#[derive(Args, Debug)]
pub struct AbArgs {
    /// Settings, or a command
    #[arg(value_name = "A", allow_hyphen_values = true)]
    pub a: Job,

    /// Settings, or a command
    #[arg(value_name = "B", allow_hyphen_values = true)]
    pub b: Job,

    #[command(flatten)]
    pub corpus: BenchCorpusArgs,

    #[command(flatten)]
    pub runs: RunsArgs,

    /// Where the input is when a run begins: `warm`, `cold` or both; see `dechaff bench --help`
    #[arg(
        long,
        value_name = "WHERE",
        value_delimiter = ',',
        default_value = "warm"
    )]
    pub cache: Vec<BenchCache>,

    /// End with 3 when RULE is broken; as in `dechaff compare`
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub fail_on: Vec<Gate>,

    /// Write the run records to DIR: a.json and b.json
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Write a page with tables and drawings to FILE too; it needs no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Replace files that hold something
    #[arg(long)]
    pub overwrite: bool,

    /// Write JSON: the comparison, and both run records
    #[arg(long)]
    pub json: bool,
}

/// What is read.
#[derive(Args, Debug)]
pub struct BenchCorpusArgs {
    /// Files or directories
    #[arg(value_name = "INPUT", required_unless_present = "generate")]
    pub inputs: Vec<PathBuf>,

    /// Make up pages with SIZE bytes of text instead, the same for the same seed everywhere
    #[arg(long, value_name = "SIZE")]
    pub generate: Option<Size>,

    /// Which made-up pages
    #[arg(long, value_name = "N", default_value_t = 1, requires = "generate")]
    pub seed: u64,

    /// What made-up pages are written as: `files`, one each, or `jsonl`
    #[arg(
        long = "as",
        value_name = "FORMAT",
        default_value = "files",
        requires = "generate"
    )]
    pub format: CorpusFormat,
}

#[derive(Args, Debug)]
pub struct RunsArgs {
    /// Runs that are measured, of each job and cache; 5 at least
    #[arg(long, value_name = "N", default_value_t = MIN_REPEATS, value_parser = clap::value_parser!(u32).range(i64::from(MIN_REPEATS)..=1000))]
    pub repeats: u32,

    /// Where outputs and made-up pages lie meanwhile [default: the system's directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub temp_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchCache {
    Warm,
    Cold,
}

impl BenchCache {
    /// What is asked for, once each, cold runs first.
    pub fn all(asked: &[BenchCache]) -> Vec<Cache> {
        let both = [
            (BenchCache::Cold, Cache::Cold),
            (BenchCache::Warm, Cache::Warm),
        ];
        let both = both.into_iter();
        both.filter_map(|(own, cache)| asked.contains(&own).then_some(cache))
            .collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CorpusFormat {
    Files,
    Jsonl,
}

impl CorpusFormat {
    pub fn format(self) -> corpus::Format {
        match self {
            CorpusFormat::Files => corpus::Format::Files,
            CorpusFormat::Jsonl => corpus::Format::Jsonl,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Allow {
    /// Runs over other corpora
    Corpus,
    /// Speeds of other machines
    Machine,
}

#[derive(Args, Debug)]
pub struct RepeatsArgs {
    /// Files or directories; - is standard input, which is copied to a temporary file
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Which places of a block count together
    #[arg(long, default_value = "corpus")]
    pub scope: RepeatsScope,

    /// What makes pages one site; `auto` is the host of a record's URL, and for files the first
    /// directory below the input
    #[arg(long, default_value = "auto", value_name = "BY")]
    pub site: Site,

    /// Least lines of a block, blank ones not counted
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub min_lines: u32,

    /// Least characters of a block as it is compared, line ends not counted
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub min_chars: u64,

    /// Least pages that a block stands on [default: 2; 1 for --scope page]
    #[arg(long, value_name = "N")]
    pub min_pages: Option<usize>,

    /// Blocks listed; 0 for all
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub top: usize,

    /// Places listed of each block
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub places: u32,

    /// What is folded away before lines are compared: nothing, white space, or all that is
    /// folded within a page (letter case, quotes, dashes, width)
    #[arg(long, value_name = "WHAT", default_value = "space")]
    pub normalize: Normalize,

    /// Compare lines by a key of your own: the bytes of FILE, 16 to 65536, whatever they are. So
    /// nobody who does not have it can write lines that differ and count as one
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(key_file))]
    pub key_file: Option<KeyFile>,

    #[command(flatten)]
    pub reading: ReadingArgs,

    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

impl RepeatsArgs {
    pub fn options(&self, stop: Arc<AtomicBool>) -> RunOptions {
        RunOptions {
            site_by: self.site.by(),
            stop,
            ..self.reading.options_from(RunOptions::default())
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RepeatsScope {
    /// Those on one page
    Page,
    /// Those on the pages of one site
    Site,
    /// All
    Corpus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Auto,
    Text,
    Html,
    Jsonl,
    /// WARC and WET: pages are answers with status 200 that hold HTML or text, and what was
    /// made of such before
    Warc,
    /// Parquet: pages are the rows, their text is the column that --text-field names
    Parquet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// JSON lines
    Jsonl,
    /// WARC conversion records
    Wet,
}

impl OutputFormat {
    pub fn of_records(self) -> RecordFormat {
        match self {
            OutputFormat::Jsonl => RecordFormat::Jsonl,
            OutputFormat::Wet => RecordFormat::Wet,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FieldFormat {
    Auto,
    Text,
    Html,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Kept lines only
    Drop,
    /// Every line: decision, score, reason, line, separated by tabs
    Tag,
    /// Text unchanged; decisions in NAME.spans.jsonl, or in one more field of the row, in dolma's
    /// attribute form
    Spans,
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let factor: usize = match &text[digits.len()..] {
            "" | "B" => 1,
            "K" | "KB" => 1_000,
            "M" | "MB" => 1_000_000,
            "G" | "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            unit => {
                return Err(format!(
                    "unknown unit '{unit}'; use K, M, G, KiB, MiB or GiB"
                ));
            }
        };
        digits
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .map(Size)
            .ok_or_else(|| format!("'{text}' is not a size such as 64MiB"))
    }
}

/// The smallest `--max-memory`: below it the pages at work have no room.
const MIN_MEMORY: Size = Size(128 << 20);

fn memory_size(text: &str) -> Result<Size, String> {
    match text.parse()? {
        size if size < MIN_MEMORY => Err("below the workable minimum of 128MiB".to_owned()),
        size => Ok(size),
    }
}

fn page_size(text: &str) -> Result<Size, String> {
    match text.parse()? {
        Size(bytes) if bytes < memory::LEAST_PAGE_BYTES => {
            Err("below the workable minimum of 64KiB".to_owned())
        }
        size => Ok(size),
    }
}

fn threshold(text: &str) -> Result<Threshold, String> {
    if text == "auto" {
        return Ok(Threshold::Auto);
    }
    match text.parse::<f32>() {
        Ok(cut) if (0.0..=1.0).contains(&cut) => Ok(Threshold::At(cut)),
        _ => Err("expected auto or a number from 0 to 1".to_owned()),
    }
}

/// The key that a file holds.
fn key_file(path: OsString) -> Result<KeyFile, String> {
    let path = PathBuf::from(path);
    let mut bytes = Vec::new();
    // One byte more than a key has, so that a longer file is told from one that fits.
    let read = File::open(&path)
        .and_then(|file| file.take(MAX_KEY_BYTES as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| error.to_string())?;
    let key = FingerprintKey::from_bytes(&bytes).map_err(|error| error.to_string())?;
    Ok(KeyFile { path, key })
}

fn charset(name: &str) -> Result<Charset, String> {
    Charset::named(name).ok_or_else(|| "no character set that is read".to_owned())
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number from 0 to 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        for (text, bytes) in [
            ("1", 1),
            ("2K", 2_000),
            ("2KiB", 2_048),
            ("3M", 3_000_000),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "M", "-1", "1.5M", "9T", "99999999999999999999G"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
