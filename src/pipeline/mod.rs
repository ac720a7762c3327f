//! All stages together: a source in, a sink filled, a report out. Runs jobs on threads of its own;
//! `eval`, `train` and `bench` have theirs.

mod collect;
pub mod index_files;
mod job;
pub mod memory;
pub mod meter;
pub mod model_file;
mod notes;
mod ordered;
mod outcome;
pub mod plan;
pub mod repeats;
pub mod resume;
mod spill;
mod unpack;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::charset::Charset;
use crate::cleaner::Cleaner;
use crate::error::{Problem, RunError};
use crate::report::Counts;
use crate::sink::Sink;
use crate::sink::atomic::AtomicFile;
use crate::sink::records::RecordFormat;
use crate::sink::render::Mode;
use crate::source::content::TextFormat;
use crate::source::inputs::{Input, InputFormat, Inputs};
use crate::source::packed::Packing;
use crate::source::rows::FieldNames;
use crate::source::site::SiteBy;
use crate::source::{Job, Source};
use resume::Log;

pub use collect::{PassOne, Shard, index_corpus, settings};

use job::Worker;
use memory::{LARGEST_PAGE_BYTES, Shares};
use meter::{Clock, Meter, Pass};
use outcome::Writer;

/// What a run does beyond cleaning.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// What is written of each page.
    pub mode: Mode,
    /// What is written of the pages of WARC.
    pub record_format: RecordFormat,
    /// The fields of a JSON row that hold its text, its URL and, where ledger rows are to tell it,
    /// its name. Ledger rows of WARC tell the record's id then.
    pub fields: FieldNames,
    /// What makes pages one site.
    pub site_by: SiteBy,
    /// Memory that the run may hold resident, in bytes; what is counted of the corpus is
    /// kept on disk past its share of it.
    pub max_memory_bytes: usize,
    /// Where that is kept; None is the system's directory for temporary files.
    pub temp_dir: Option<PathBuf>,
    /// Longer text is cleaned in parts of 8 MiB, or of this where it is less; so is text of more than
    /// one line for [`BYTES_A_LINE`] of these bytes, in parts of so many lines. See ADR 3.
    pub max_page_bytes: usize,
    /// The limit on pages that is written into an index's settings; `max_page_bytes` where it is None.
    /// To be set where that was lowered for want of memory only, so that the index serves runs in any
    /// memory.
    pub indexed_page_bytes: Option<usize>,
    /// Worker threads; 0 is one for each core.
    pub threads: usize,
    /// Stop with an error when more than this many percent of the text was removed, once
    /// [`PAGES_BEFORE_LIMIT`] pages or all are seen.
    pub max_removed_percent: Option<f64>,
    /// What files are taken for that are no containers.
    pub page_format: TextFormat,
    /// The character set of texts and HTML that have no byte-order mark; None tells it by their
    /// bytes, and by what HTML says.
    pub charset: Option<Charset>,
    /// What the text field of a JSON row is taken for.
    pub field_format: TextFormat,
    /// How what is written is packed; None packs it as its input is. For one output file, whose
    /// name says so. Of zip, members are packed.
    pub output_packing: Option<Packing>,
    /// Set from outside to stop the run.
    pub stop: Arc<AtomicBool>,
    /// Gathers what the run costs, where somebody wants to know.
    pub meter: Option<Arc<Meter>>,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            mode: Mode::Drop,
            record_format: RecordFormat::default(),
            fields: FieldNames::default(),
            site_by: SiteBy::default(),
            max_memory_bytes: usize::MAX,
            temp_dir: None,
            max_page_bytes: LARGEST_PAGE_BYTES,
            indexed_page_bytes: None,
            threads: 0,
            max_removed_percent: None,
            page_format: TextFormat::default(),
            charset: None,
            field_format: TextFormat::default(),
            output_packing: None,
            stop: Arc::default(),
            meter: None,
        }
    }
}

impl RunOptions {
    /// A source over inputs, read as these options say.
    pub fn source(&self, inputs: Vec<Input>, format: InputFormat) -> Inputs {
        Inputs::new(inputs, format, self.max_page_bytes)
            .with_charset(self.charset)
            .with_fields(self.fields.clone())
    }

    /// The same where nothing tells what rows are called: their names are not read.
    pub fn without_ids(&self) -> Self {
        let mut options = self.clone();
        options.fields.id = None;
        options
    }

    /// Where temporary files go.
    pub fn temp_directory(&self) -> PathBuf {
        self.temp_dir.clone().unwrap_or_else(std::env::temp_dir)
    }
}

/// The jobs of a source, until the run is to stop.
fn until_stopped<'r>(
    source: &'r mut dyn Source,
    options: &'r RunOptions,
    pass: Pass,
) -> impl FnMut() -> Result<Option<Job>, RunError> + Send + 'r {
    let mut clock = Clock::of_turns(options.meter.as_ref(), pass);
    move || {
        if options.stop.load(Ordering::Relaxed) {
            return Err(RunError::Stopped);
        }
        clock.begin_job();
        let job = source.next_job()?;
        clock.job_came(job.as_ref());
        Ok(job)
    }
}

/// A part of a page holds at most one line for this many bytes of the largest page, so that
/// short lines cannot take more memory than long ones.
pub const BYTES_A_LINE: usize = 64;
/// Pages after which [`RunOptions::max_removed_percent`] is looked at.
pub const PAGES_BEFORE_LIMIT: u64 = 1000;

/// Hears how a run goes on. Calls come one at a time, in source order.
pub trait Progress: Send {
    /// More bytes of input are done, packed ones where it is packed.
    fn done(&mut self, _bytes: u64) {}

    /// A record, page or file was not cleaned.
    fn problem(&mut self, _problem: &Problem) {}

    /// A page was cleaned and no line of it stays; its name.
    fn emptied(&mut self, _page: &[u8]) {}

    /// A page of text, by its name, was not in UTF-8: it was converted from this character set,
    /// or what it is in cannot be told and its bytes stay.
    fn charset(&mut self, _page: &[u8], _charset: Option<Charset>) {}

    /// A page of text, by its name, may have been meant as something else.
    fn likeness(&mut self, _page: &[u8], _likeness: Likeness) {}
}

/// What a page that was read as text may have been meant as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// It begins like JSON rows with the text field.
    Rows,
    /// It is named Parquet, but its bytes are none.
    Table,
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}

/// Files that a run writes beside the pages; each appears when the run has ended.
#[derive(Debug, Default)]
pub struct SideFiles {
    /// Every removed line with its reason.
    pub ledger: Option<AtomicFile>,
    /// Rows that could not be read safely, byte for byte.
    pub rejects: Option<AtomicFile>,
    /// How far the run came, for whoever goes on with it; see [`resume::Run::side_files`].
    pub(crate) log: Option<Log>,
}

impl SideFiles {
    /// Whether the run goes on from where a stopped one was.
    pub fn goes_on(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.goes_on())
    }

    /// Begins the files that are wanted. Names of temporary files begin with `prefix`.
    ///
    /// # Errors
    ///
    /// One of them cannot be made.
    pub fn create(
        ledger: Option<&Path>,
        rejects: Option<&Path>,
        prefix: &str,
    ) -> Result<Self, RunError> {
        let begun = |path: Option<&Path>| path.map(|path| AtomicFile::at(path, prefix)).transpose();
        Ok(SideFiles {
            ledger: begun(ledger)?,
            rejects: begun(rejects)?,
            log: None,
        })
    }
}

/// Cleans everything that `source` gives into `sink`.
///
/// # Output
///
/// What the run came to. `progress` has heard of every problem by then.
///
/// # Errors
///
/// What stops a run: an output that fails, [`RunOptions::max_removed_percent`], or
/// [`RunError::Stopped`]. Files that were put before stay; no half-written file does, but for
/// those that whoever goes on with the run needs.
///
/// # Threading
///
/// Makes a pool of its own of `options.threads` threads and returns when all have ended. The
/// bytes written, the ledger and the report do not depend on their number.
///
/// # Memory
///
/// [`RunOptions::max_memory_bytes`], where one page of `max_page_bytes` has room in it (see
/// [`memory::largest_page_bytes`]). What a page takes is in [`memory`]; several wait for each other where
/// they would take more together.
pub fn clean(
    cleaner: &Cleaner,
    source: &mut dyn Source,
    sink: &dyn Sink,
    side_files: SideFiles,
    progress: &mut dyn Progress,
    options: &RunOptions,
) -> Result<Counts, RunError> {
    let wants_ledger = side_files.ledger.is_some();
    let begun = Instant::now();
    let next_job = until_stopped(source, options, Pass::Two);
    let next_job = resume::jobs_left(side_files.log.as_ref(), next_job);
    let writer = Writer::new(sink, side_files, progress, options)?;
    let shares = Shares::of_cleaning(options, cleaner);
    let writer = ordered::run(
        shares.bounds,
        next_job,
        |job| shares.cost.of(job.bytes(), 0),
        writer,
        || Worker::new(cleaner, sink, options, shares, wants_ledger),
        |worker, job, turn| worker.work(job, turn),
        |writer, outcome| writer.take(outcome),
        |_| Ok(()),
    )?;
    let counts = writer.finish()?;
    if let Some(meter) = &options.meter {
        meter.end_pass(Pass::Two, begun);
    }
    Ok(counts)
}
