//! Pass one: every page of a source in, the corpus index out.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rayon::ThreadPool;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::index_files::PartFile;
use super::memory::Shares;
use super::meter::{Clock, Joint, Pass};
use super::notes::Notes;
use super::ordered::{self, Turn, Weight};
use super::spill::SpillFile;
use super::unpack::{self, Found, Text, Walk};
use super::{Progress, RunOptions, until_stopped};
use crate::collect::{self, CorpusBuilder, LEAST_PAGES, PageCounter, ServedPages};
use crate::config::Config;
use crate::error::{Problem, RunError};
use crate::evidence::PageAddress;
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::index::builder::Builder;
use crate::index::runs::STRETCHES;
use crate::index::{CorpusIndex, Figures, Frozen, Names, Settings, Shelf, Sites};
use crate::record::Stage;
use crate::report::Counts;
use crate::source::{FileEntry, Job, Source};

/// A share of the pages: number `index`, from 0, of `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

impl Shard {
    /// Whether the page belongs to the share; by its name, so whatever stands around it.
    fn has(self, file: &FileEntry, record: u64) -> bool {
        let mut name = file.name.as_os_str().as_encoded_bytes().to_vec();
        name.extend_from_slice(&record.to_le_bytes());
        Fingerprint::of(&name).0 % u128::from(self.of) == u128::from(self.index)
    }
}

/// What pass one does beyond counting.
#[derive(Debug, Default)]
pub struct PassOne<'p> {
    /// What is read of the pages goes here too.
    pub part: Option<&'p mut PartFile>,
    /// Only a share of the pages is read.
    pub shard: Option<Shard>,
    /// Nothing is counted: the index is empty. For who only wants the part.
    pub is_part_only: bool,
    /// Whose pages the index is for.
    pub serves: ServedPages,
    /// Progress hears of problems. Else it does not: pass two meets them again.
    pub tells_problems: bool,
}

/// Pass one over everything that `source` gives.
///
/// # Errors
///
/// What stops a run: memory that cannot be written out to disk, a part that cannot be written,
/// or [`RunError::Stopped`].
///
/// # Threading
///
/// As [`super::clean`]. Neither index nor part depends on the number of threads.
///
/// # Memory
///
/// Half of [`RunOptions::max_memory_bytes`] for what is counted; past it sorted runs go to
/// [`RunOptions::temp_dir`]. Besides, 20 to 40 bytes a page for its class, and 60 bytes and
/// the name for each file.
pub fn index_corpus(
    config: &Config,
    source: &mut dyn Source,
    pass: PassOne<'_>,
    progress: &mut dyn Progress,
    options: &RunOptions,
) -> Result<CorpusIndex, RunError> {
    let spill = Spill::new(options);
    let builder = spill.builder(settings(config, options), &config.key, options);
    let begun = Instant::now();
    let next_job = until_stopped(source, options, Pass::One);
    let serves = pass.serves;
    let plan = Plan {
        options,
        shares: Shares::of_counting(options),
        spill: &spill,
        shard: pass.shard,
        writes_part: pass.part.is_some(),
        is_part_only: pass.is_part_only,
        tells_problems: pass.tells_problems,
    };
    let state = Seen {
        sites: Sites::default(),
        names: Names::default(),
        part: pass.part,
        progress,
    };
    let seen = ordered::run(
        plan.shares.bounds,
        next_job,
        |job| plan.shares.cost.of(job.bytes(), 0),
        state,
        || Counter::new(&builder, &plan),
        |counter, job, turn| counter.work(job, turn),
        Seen::take,
        Counter::end,
    )?;
    let Seen { sites, names, .. } = seen;
    let freezing = Joint::begin();
    let index = spill.freeze(&builder, serves, sites, names, options)?;
    if let Some(meter) = &options.meter {
        meter.add_joint(Pass::One, Stage::Merge, &freezing);
        meter.end_pass(Pass::One, begun);
    }
    Ok(index)
}

/// What an index for a run is made with.
pub fn settings(config: &Config, options: &RunOptions) -> Settings {
    let told_bytes = options.indexed_page_bytes.unwrap_or(options.max_page_bytes);
    collect::settings(config, options.site_by.word(), told_bytes as u64)
}

/// Where the runs of a builder go, and how their failures are told.
pub struct Spill {
    directory: PathBuf,
}

impl Spill {
    pub fn new(options: &RunOptions) -> Self {
        Spill {
            directory: options.temp_directory(),
        }
    }

    /// A builder that may hold half of the run's memory.
    pub fn builder(
        &self,
        settings: Settings,
        key: &FingerprintKey,
        options: &RunOptions,
    ) -> CorpusBuilder {
        CorpusBuilder::new(settings, key, options.max_memory_bytes / 2, || {
            Arc::new(SpillFile::new(self.directory.clone()))
        })
    }

    /// Where a frozen index lies: up to a quarter of the run's memory is its own.
    pub fn shelf(&self, options: &RunOptions) -> Shelf {
        let store = SpillFile::new(self.directory.clone());
        Shelf::new(options.max_memory_bytes / 4, Arc::new(store))
    }

    pub fn failed(&self, error: io::Error) -> RunError {
        RunError::Io {
            path: self.directory.clone(),
            error,
        }
    }

    /// Freezes what was built, on all threads.
    pub fn freeze(
        &self,
        builder: &CorpusBuilder,
        serves: ServedPages,
        sites: Sites,
        names: Names,
        options: &RunOptions,
    ) -> Result<CorpusIndex, RunError> {
        let pool = ordered::pool(Shares::of_counting(options).bounds.threads);
        let shelf = self.shelf(options);
        let least_places = serves.least_places();
        let on_sites = freeze(builder.on_sites(), LEAST_PAGES, &shelf, pool.as_ref());
        let on_sites = on_sites.map_err(|error| self.failed(error))?;
        let in_corpus = freeze(builder.in_corpus(), least_places, &shelf, pool.as_ref());
        let in_corpus = in_corpus.map_err(|error| self.failed(error))?;
        Ok(builder.index(on_sites, in_corpus, serves, sites, names))
    }
}

fn freeze<F: Figures>(
    builder: &Builder<F>,
    least_count: u32,
    shelf: &Shelf,
    pool: Option<&ThreadPool>,
) -> io::Result<Frozen<F>> {
    builder.close()?;
    let stretch = |index| shelf.stretch(builder.stretch(index, least_count)?);
    let stretches: io::Result<Vec<_>> = match pool {
        Some(pool) => pool.install(|| (0..STRETCHES).into_par_iter().map(stretch).collect()),
        None => (0..STRETCHES).map(stretch).collect(),
    };
    Ok(Frozen::new(stretches?))
}

/// What is noted in source order.
struct Seen<'p> {
    sites: Sites,
    names: Names,
    part: Option<&'p mut PartFile>,
    progress: &'p mut dyn Progress,
}

impl Seen<'_> {
    fn take(&mut self, mut done: Done) -> Result<(), RunError> {
        if let Some(part) = &mut self.part {
            part.write_records(&done.records)?;
        }
        done.notes.tell(self.progress);
        self.progress.done(done.bytes_read);
        Ok(())
    }
}

/// What a job came to.
struct Done {
    bytes_read: u64,
    records: Vec<u8>,
    notes: Notes,
}

impl Weight for Done {
    fn bytes(&self) -> usize {
        self.records.len() + self.notes.bytes()
    }
}

/// What all threads of pass one know.
struct Plan<'r> {
    options: &'r RunOptions,
    shares: Shares,
    spill: &'r Spill,
    shard: Option<Shard>,
    writes_part: bool,
    is_part_only: bool,
    tells_problems: bool,
}

/// One thread of pass one.
struct Counter<'r> {
    options: &'r RunOptions,
    shares: Shares,
    spill: &'r Spill,
    shard: Option<Shard>,
    tells_problems: bool,
    notes: Notes,
    bytes: Vec<u8>,
    pages: PageCounter<'r>,
    /// Files of the job at hand.
    files: Vec<Arc<FileEntry>>,
    /// The page at work takes so much memory that it had to be asked for.
    holds_room: bool,
    clock: Clock<'r>,
}

type SeenTurn<'l, 'p> = Turn<'l, Done, Seen<'p>>;

impl<'r> Counter<'r> {
    fn new(builder: &'r CorpusBuilder, plan: &Plan<'r>) -> Self {
        let mut pages = builder.counter();
        if plan.writes_part {
            pages.keep_records();
        }
        if plan.is_part_only {
            pages.count_nothing();
        }
        Counter {
            options: plan.options,
            shares: plan.shares,
            spill: plan.spill,
            shard: plan.shard,
            tells_problems: plan.tells_problems,
            notes: Notes::default(),
            bytes: Vec::new(),
            pages,
            files: Vec::new(),
            holds_room: false,
            clock: Clock::of_worker(plan.options.meter.as_ref(), Pass::One),
        }
    }

    fn work(&mut self, job: Job, turn: &SeenTurn<'_, '_>) -> Result<Done, RunError> {
        self.clock.begin_job();
        let shard = self.shard;
        let walk = Walk {
            options: self.options,
            is_wanted: &|file, record| shard.is_none_or(|shard| shard.has(file, record)),
        };
        let mut bytes = std::mem::take(&mut self.bytes);
        let read = walk.each(job, &mut bytes, &mut |found| {
            match found {
                Found::Begin(file) => self.begin(file),
                Found::Whole(file, bytes) => self.clock.read_whole(file, bytes),
                Found::Text(text) => return self.text(&text, turn),
                Found::Unpacked(bytes) => return self.hold(self.shares.cost.of(bytes, 0), turn),
                Found::Problem(problem) | Found::Unread(problem) | Found::Fault(problem) => {
                    return self.problem(problem, turn);
                }
                Found::Other(..)
                | Found::LargeOther(_)
                | Found::Link
                | Found::Row(_)
                | Found::End(_) => {}
            }
            Ok(())
        });
        self.bytes = bytes;
        let bytes_read = read?;
        self.settle(turn)?;
        self.clock.end_job(&Counts {
            bytes_read,
            ..Counts::default()
        });
        Ok(Done {
            bytes_read,
            records: self.pages.take_records(),
            notes: std::mem::take(&mut self.notes),
        })
    }

    /// Notes a problem, if it is told; where many wait they are told ahead of the job's end.
    fn problem(&mut self, problem: Problem, turn: &SeenTurn<'_, '_>) -> Result<(), RunError> {
        if !self.tells_problems {
            return Ok(());
        }
        let notes = &mut self.notes;
        notes.problem(problem);
        if notes.bytes() <= self.shares.ahead_bytes {
            return Ok(());
        }
        turn.with_state(|seen| {
            notes.tell(seen.progress);
            Ok(())
        })
    }

    /// Notes a file whose pages come.
    fn begin(&mut self, file: &Arc<FileEntry>) {
        let name = file.name.as_os_str().as_encoded_bytes();
        self.pages.add_file(file.argument, name);
        self.files.push(Arc::clone(file));
        self.clock.begin_page();
    }

    /// Decides at the job's turn which of the pages that wait count.
    fn settle(&mut self, turn: &SeenTurn<'_, '_>) -> Result<(), RunError> {
        let (pages, files) = (&mut self.pages, &mut self.files);
        turn.with_state(|seen| {
            pages.settle(&mut seen.sites);
            for file in files.drain(..) {
                let name = file.name.as_os_str().as_encoded_bytes();
                seen.names.put(file.number, file.argument, name);
            }
            Ok(())
        })
    }

    fn end(self) -> Result<(), RunError> {
        let spill = self.spill;
        self.pages.end().map_err(|error| spill.failed(error))
    }

    /// Counts a page's text, or a stretch of it.
    fn text(&mut self, text: &Text<'_>, turn: &SeenTurn<'_, '_>) -> Result<(), RunError> {
        let site = text.site(self.options);
        let place = unpack::page_place(text.file.number, text.record);
        let mut lines_before = text.lines_before;
        for part in unpack::parts(text.bytes, unpack::max_lines(self.options)) {
            let address = PageAddress {
                site: site.as_deref(),
                place: Some(place.behind(lines_before as usize)),
            };
            lines_before += self.page(part, &address, turn)? as u64;
        }
        Ok(())
    }

    /// Waits until there is room for so many bytes, if they have to be asked for.
    fn hold(&mut self, bytes: usize, turn: &SeenTurn<'_, '_>) -> Result<(), RunError> {
        self.holds_room |= self.shares.hold(turn, bytes)?;
        Ok(())
    }

    /// Counts a page, or a part of one; returns its lines.
    fn page(
        &mut self,
        page: &[u8],
        address: &PageAddress<'_>,
        turn: &SeenTurn<'_, '_>,
    ) -> Result<usize, RunError> {
        self.hold(self.shares.cost_of_page(page), turn)?;
        let (pages, clock) = (&mut self.pages, &mut self.clock);
        clock.text(page.len());
        let added = pages.add_page_watched(page, address, &mut |step| clock.step(step));
        let lines = added.map_err(|error| self.spill.failed(error))?;
        if self.pages.pending_keys() > self.shares.pending_keys {
            self.settle(turn)?;
        }
        if std::mem::take(&mut self.holds_room) {
            self.pages.shrink();
            turn.let_go();
        }
        Ok(lines)
    }
}
