//! Files, directories and standard input in, jobs out in source order.

use std::cmp::Ordering;
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ahash::AHashMap;
use walkdir::{DirEntry, WalkDir};

use super::archive::{self, Archive, ArchiveReader, ArchiveStream, TarReader, ZipReader};
use super::content::{self, Content};
use super::digested::Digested;
use super::packed::{self, Packing, split_name};
use super::rows::FieldNames;
use super::stream::{Cut, FileBytes, Stream};
#[cfg(feature = "parquet")]
use super::table::{self, Table, TableStream};
use super::{Chunk, ChunkContent, FileEntry, Job, Source, rows, warc};
use crate::charset::Charset;
use crate::digest::DigestSum;
#[cfg(feature = "parquet")]
use crate::error::Problem;
use crate::error::{PackedProblem, ProblemKind, RunError};

/// Files of at most this size are read whole by the thread that cleans them.
const SMALL_FILE_BYTES: u64 = 2 << 20;
/// Nor larger than one part in so many of the largest page: what is written of such a file is held whole,
/// and may be many times its bytes.
const READ_WHOLE_PART: u64 = 16;
/// A job of small files holds at most this many files.
const JOB_FILES: usize = 64;
/// A job of small files ends at this many bytes.
const JOB_BYTES: u64 = 1 << 20;
/// Bytes by which the content of a large file is told.
const HEAD_BYTES: usize = 64 << 10;

/// Bytes by which a packing is told.
const START_BYTES: u64 = 4;

/// What the caller says the files hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputFormat {
    /// Told by name and content: `.jsonl` and `.ndjson` are JSON lines, `.json` too where it
    /// begins with a whole row; `.warc` and `.wet` are WARC where a record begins in their first
    /// bytes, large files whatever their name; so is Parquet by its first bytes; what is no text
    /// is no page; the rest is HTML or text.
    #[default]
    Auto,
    /// Every file is one page of text.
    Text,
    /// Every file is one page of HTML.
    Html,
    /// Every file is JSON lines.
    Jsonl,
    /// Every file is WARC or WET.
    Warc,
    /// Every file is Parquet.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// What is done with the symbolic links in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// They are counted, and not followed.
    #[default]
    Stay,
    /// They stand for what they lead to, but for those to what the run writes, at these places.
    Follow(Arc<[PathBuf]>),
}

impl Links {
    /// Whether a link leads to what is written, into it, or to a directory that holds it.
    fn lead_to_output(&self, link: &Path) -> bool {
        let Links::Follow(outputs) = self else {
            return false;
        };
        std::fs::canonicalize(link).is_ok_and(|place| {
            let mut outputs = outputs.iter();
            outputs.any(|output| output.starts_with(&place) || place.starts_with(output))
        })
    }
}

/// One thing to clean.
#[derive(Debug)]
pub enum Input {
    /// A file, with its name in the output.
    File(FileEntry),
    /// A directory, and what stands before its files' relative paths in the output.
    Directory {
        /// Where it is.
        path: PathBuf,
        /// Prefix of the names; empty for a single input.
        name: PathBuf,
        /// What is done with symbolic links in it.
        links: Links,
    },
    /// A stream such as standard input: one page, or JSON lines.
    Stream(FileEntry, StreamReader),
}

impl Input {
    /// The same input once more; None for a stream, which can be read once.
    pub fn again(&self) -> Option<Input> {
        match self {
            Input::File(file) => Some(Input::File(file.clone())),
            Input::Directory { path, name, links } => Some(Input::Directory {
                path: path.clone(),
                name: name.clone(),
                links: links.clone(),
            }),
            Input::Stream(..) => None,
        }
    }

    /// Whether it is a stream such as standard input.
    pub fn is_stream(&self) -> bool {
        matches!(self, Input::Stream(..))
    }

    /// Whether it may hold more than one page.
    pub fn may_hold_pages(&self, format: InputFormat) -> bool {
        match self {
            Input::File(file) => match format {
                InputFormat::Jsonl | InputFormat::Warc => true,
                #[cfg(feature = "parquet")]
                InputFormat::Parquet => true,
                InputFormat::Text => false,
                InputFormat::Html => told_archive(&packed(file)).is_ok_and(|found| found.is_some()),
                InputFormat::Auto => {
                    let file = packed(file);
                    told_archive(&file).is_ok_and(|archive| archive.is_some())
                        || is_json_lines(&file).unwrap_or(false)
                        || is_warc(&file, true).unwrap_or(false)
                        || is_table(&file, true).unwrap_or(false)
                }
            },
            Input::Directory { .. } => true,
            Input::Stream(..) => matches!(format, InputFormat::Jsonl | InputFormat::Warc),
        }
    }
}

/// The bytes of a stream.
pub struct StreamReader(pub Box<dyn Read + Send>);

impl std::fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamReader")
    }
}

/// Is shown every file in source order, before it is handed out.
pub type Witness = Box<dyn FnMut(&FileEntry, &Metadata) + Send>;

/// The source over inputs.
///
/// Memory: one directory's names at a level of depth, and one chunk.
pub struct Inputs {
    inputs: std::vec::IntoIter<Input>,
    format: InputFormat,
    max_page_bytes: usize,
    charset: Option<Charset>,
    #[cfg_attr(
        not(feature = "parquet"),
        expect(dead_code, reason = "rows name theirs later")
    )]
    fields: FieldNames,
    walk: Option<Walk>,
    stream: Option<Reading>,
    /// What a job of files was ended by.
    next: Option<Job>,
    /// What is to be said of the file that was opened last.
    remark: Option<Job>,
    opened: Option<Opened>,
    /// Files handed out.
    files: u32,
    /// Inputs begun.
    inputs_begun: u32,
    witness: Option<Witness>,
    /// Where the digests of what is read as a stream go.
    digest: Option<Digested>,
}

/// What is read as a stream.
enum Reading {
    File(Stream),
    Warc(warc::Cutter),
    Archive(ArchiveStream),
    #[cfg(feature = "parquet")]
    Table(Box<TableStream>),
}

impl Reading {
    fn next_chunk(&mut self) -> Option<Chunk> {
        match self {
            Reading::File(stream) => stream.next_chunk(),
            Reading::Warc(cutter) => cutter.next_chunk(),
            Reading::Archive(stream) => stream.next_chunk(),
            #[cfg(feature = "parquet")]
            Reading::Table(stream) => stream.next_chunk(),
        }
    }
}

struct Walk {
    entries: walkdir::IntoIter,
    root: PathBuf,
    name: PathBuf,
    links: Links,
}

/// A large file while it is streamed, to see whether it changes meanwhile.
struct Opened {
    path: PathBuf,
    before: Metadata,
}

impl Inputs {
    /// A source over `inputs`, in this order.
    pub fn new(inputs: Vec<Input>, format: InputFormat, max_page_bytes: usize) -> Self {
        Inputs {
            inputs: inputs.into_iter(),
            format,
            max_page_bytes,
            charset: None,
            fields: FieldNames::default(),
            walk: None,
            stream: None,
            next: None,
            remark: None,
            opened: None,
            files: 0,
            inputs_begun: 0,
            witness: None,
            digest: None,
        }
    }

    /// The same source; the digest of each file that is read as a stream goes to `sum`. Small
    /// files are read, and digested, by whoever gets them.
    pub fn digested(self, sum: Option<Arc<Mutex<DigestSum>>>) -> Self {
        Inputs {
            digest: sum.map(Digested::new),
            ..self
        }
    }

    /// The same, where the user says which character set texts are in.
    pub fn with_charset(self, charset: Option<Charset>) -> Self {
        Inputs { charset, ..self }
    }

    /// The same, where the user says which columns hold texts and URLs.
    pub fn with_fields(self, fields: FieldNames) -> Self {
        Inputs { fields, ..self }
    }

    /// The same source, with a witness.
    pub fn with_witness(self, witness: Witness) -> Self {
        Inputs {
            witness: Some(witness),
            ..self
        }
    }

    /// What is wrong with the first file, where there are files and all of them are Parquet without
    /// the column of texts. Reads the footers of these; of the first other file, which ends the
    /// search, no more than tells that it is one.
    #[cfg(feature = "parquet")]
    pub fn all_lack_text(mut self) -> Option<Problem> {
        let mut first = None;
        while let Some(next) = self.next_file() {
            let (mut file, size_bytes) = match next {
                Ok(found) => found,
                Err(Job::Link) => continue,
                Err(_) => return None,
            };
            self.tell_packing(&mut file).ok()?;
            let is_opened = self.is_opened(&file, size_bytes);
            if !self.is_table(&file, is_opened).ok()? {
                return None;
            }
            let opened = open_file(&file.path).ok()?;
            match Table::open(opened, &self.fields, self.max_page_bytes) {
                Err(kind @ ProblemKind::NoTextColumn { .. }) => {
                    first.get_or_insert_with(|| file.problem(None, None, kind));
                }
                _ => return None,
            }
        }
        first
    }

    /// Shows all files to the witness, and opens none.
    pub fn show_all(mut self) {
        while self.next_file().is_some() {}
    }

    fn next_chunk(&mut self) -> Option<Chunk> {
        let mut chunk = self.stream.as_mut()?.next_chunk()?;
        if let Some(digest) = &mut self.digest {
            digest.take(&chunk);
        }
        if chunk.is_last {
            self.stream = None;
            let opened = self.opened.take();
            let has_changed = opened.is_some_and(|opened| {
                std::fs::metadata(&opened.path)
                    .map_or(true, |after| has_changed(&opened.before, &after))
            });
            if has_changed {
                chunk.content = ChunkContent::Failed(ProblemKind::ChangedWhileRead);
            }
        }
        Some(chunk)
    }

    /// The next file of the inputs with its number, or what stands in its place.
    fn next_file(&mut self) -> Option<Result<(FileEntry, u64), Job>> {
        let (mut file, metadata) = match self.next_entry()? {
            Ok(found) => found,
            Err(job) => return Some(Err(job)),
        };
        file.number = self.files;
        file.argument = self.inputs_begun.saturating_sub(1);
        self.files = self.files.saturating_add(1);
        if let Some(witness) = &mut self.witness {
            witness(&file, &metadata);
        }
        Some(Ok((file, metadata.len())))
    }

    fn next_entry(&mut self) -> Option<Result<(FileEntry, Metadata), Job>> {
        loop {
            if let Some(walk) = &mut self.walk {
                match walk.entries.next() {
                    None => self.walk = None,
                    Some(Ok(entry))
                        if entry.path_is_symlink() && walk.links.lead_to_output(entry.path()) =>
                    {
                        if entry.file_type().is_dir() {
                            walk.entries.skip_current_dir();
                        }
                        let file = walk.entry(entry.into_path());
                        let problem = ProblemKind::LinkToOutput;
                        return Some(Err(Job::Skipped(Box::new(file), problem)));
                    }
                    Some(Ok(entry)) if entry.file_type().is_dir() => {}
                    Some(Ok(entry)) => return Some(walk.file(&entry)),
                    Some(Err(error)) => return Some(Err(walk.problem(&error))),
                }
                continue;
            }
            let input = self.inputs.next()?;
            self.inputs_begun += 1;
            match input {
                Input::Directory { path, name, links } => {
                    let follows = links != Links::Stay;
                    let mut kinds = LinkedKinds::default();
                    let entries = WalkDir::new(&path)
                        .min_depth(1)
                        .follow_root_links(true)
                        .follow_links(follows)
                        .sort_by(move |left, right| {
                            let is_dir = |entry: &DirEntry| match follows {
                                true => kinds.is_dir(entry),
                                false => entry.file_type().is_dir(),
                            };
                            by_path_bytes([left, right], is_dir)
                        })
                        .into_iter();
                    self.walk = Some(Walk {
                        entries,
                        root: path,
                        name,
                        links,
                    });
                }
                Input::File(file) => {
                    return Some(match std::fs::metadata(&file.path) {
                        Ok(metadata) if metadata.is_file() => Ok((file, metadata)),
                        Ok(_) => Err(Job::Skipped(Box::new(file), ProblemKind::NotAFile)),
                        Err(error) => {
                            Err(Job::Skipped(Box::new(file), ProblemKind::of_read(&error)))
                        }
                    });
                }
                Input::Stream(file, reader) => {
                    let cut = match self.format {
                        InputFormat::Warc => None,
                        InputFormat::Jsonl => Some(Cut::Rows),
                        format => Some(page_cut(format)),
                    };
                    let mut file = file;
                    let mut reader = reader.0;
                    let mut start = Vec::new();
                    let read = (&mut reader).take(START_BYTES).read_to_end(&mut start);
                    // What cannot be read is told by the stream.
                    let failed = Failing(read.err());
                    file.packing = Packing::told(&start);
                    #[cfg(feature = "parquet")]
                    if self.format == InputFormat::Parquet || self.tells(table::begins_file(&start))
                    {
                        let problem = ProblemKind::ParquetFromPipe;
                        return Some(Err(Job::Skipped(Box::new(file), problem)));
                    }
                    let is_zip = Archive::told(&start) == Some(Archive::Zip);
                    if is_zip && self.reads_archives() {
                        let problem = ProblemKind::ZipFromPipe;
                        return Some(Err(Job::Skipped(Box::new(file), problem)));
                    }
                    let start = io::Cursor::new(start).chain(failed);
                    let reader = Box::new(start.chain(reader));
                    self.stream = Some(self.reading(file, reader, cut));
                    return None;
                }
            }
        }
    }

    /// Reads members of an archive.
    fn members(&self, file: FileEntry, archive: Archive, reader: ArchiveReader) -> Reading {
        let archive = Some(archive);
        let file = FileEntry { archive, ..file };
        let reads_rows = self.format == InputFormat::Auto;
        let stream = ArchiveStream::new(file, reader, self.max_page_bytes, reads_rows);
        Reading::Archive(stream)
    }

    /// What was told of a file, where that counts.
    #[cfg(feature = "parquet")]
    fn tells(&self, is_told: bool) -> bool {
        self.format == InputFormat::Auto && is_told
    }

    /// Whether archives are looked for.
    fn reads_archives(&self) -> bool {
        matches!(self.format, InputFormat::Auto | InputFormat::Html)
    }

    /// Reads a stream of bytes as they lie in the file: a file, or tar if it is that; WARC where
    /// there is no way to cut it.
    fn reading(&self, file: FileEntry, reader: Box<dyn Read + Send>, cut: Option<Cut>) -> Reading {
        let Some(cut) = cut else {
            return Reading::Warc(warc::Cutter::new(file, reader, self.max_page_bytes));
        };
        let mut bytes = FileBytes::new(file.packing, reader);
        if self.reads_archives() && cut != Cut::Rows {
            let mut start = Vec::new();
            let read = (&mut bytes.reader)
                .take(archive::START_BYTES)
                .read_to_end(&mut start);
            let is_tar = Archive::told(&start) == Some(Archive::Tar);
            // An error is told by whoever reads on.
            let failed = Failing(read.err());
            bytes.reader = Box::new(io::Cursor::new(start).chain(failed).chain(bytes.reader));
            if is_tar {
                let reader = ArchiveReader::Tar(TarReader::new(bytes));
                return self.members(file, Archive::Tar, reader);
            }
        }
        let stream = Stream::over(file, bytes, cut, self.max_page_bytes);
        Reading::File(stream.with_charset(self.charset))
    }

    /// Whether a file of this size is not looked at before it is read.
    fn is_small(&self, size_bytes: u64) -> bool {
        size_bytes <= SMALL_FILE_BYTES.min(self.max_page_bytes as u64)
    }

    /// Whether a file is looked at here, whatever its name.
    fn is_opened(&self, file: &FileEntry, size_bytes: u64) -> bool {
        !self.is_small(size_bytes) || !file.has_neighbours || file.packing.is_some()
    }

    /// Whether a file is read as Parquet.
    fn is_table(&self, file: &FileEntry, is_opened: bool) -> Result<bool, ProblemKind> {
        match self.format {
            #[cfg(feature = "parquet")]
            InputFormat::Parquet if file.packing.is_some() => Err(file.unread_format("Parquet")),
            #[cfg(feature = "parquet")]
            InputFormat::Parquet => Ok(true),
            InputFormat::Auto if file.packing.is_none() => is_table(file, is_opened),
            _ => Ok(false),
        }
    }

    /// Opens a file that is read as a stream; false where it is a small page after all.
    ///
    /// # Errors
    ///
    /// What stands in the place of a file that is not read.
    fn open(&mut self, file: &mut FileEntry, size_bytes: u64) -> Result<bool, Job> {
        self.tell_packing(file)?;
        let file = &*file;
        let skipped = |problem| Job::Skipped(Box::new(file.clone()), problem);
        let max_page_bytes = self.max_page_bytes as u64;
        let is_read_whole =
            self.is_small(size_bytes) && size_bytes <= max_page_bytes / READ_WHOLE_PART;
        let is_auto = self.format == InputFormat::Auto;
        let is_opened = self.is_opened(file, size_bytes);
        let is_table = self.is_table(file, is_opened).map_err(skipped)?;
        let named_archive = Archive::named(file.content_name());
        let may_be_archive =
            self.reads_archives() && (named_archive.is_some() || !file.has_neighbours);
        let archive = match may_be_archive {
            true => told_archive(file).map_err(skipped)?,
            false => None,
        };
        let is_archive = archive.is_some();
        if is_auto && !is_archive && !is_table && file.packing.is_none() {
            check_name(file, named_archive, self.charset).map_err(skipped)?;
        }
        let mut cut = match self.format {
            _ if is_table => None,
            InputFormat::Jsonl => Some(Cut::Rows),
            InputFormat::Warc => None,
            _ if is_auto && is_json_lines(file).map_err(skipped)? => Some(Cut::Rows),
            _ if is_auto && is_warc(file, is_opened).map_err(skipped)? => None,
            _ if file.packing.is_none() && !is_archive && is_read_whole => return Ok(false),
            _ => Some(page_cut(self.format)),
        };
        if cut == Some(Cut::Lines { is_told: true })
            && size_bytes > max_page_bytes
            && !is_archive
            && file.packing.is_none()
        {
            let head = head(file).map_err(skipped)?;
            match content::tell_in(file.content_name(), &head, self.charset) {
                Content::Other => return Err(Job::OtherFile(size_bytes)),
                Content::Html => cut = Some(Cut::Whole),
                Content::Unread(format) => return Err(skipped(file.unread_format(format))),
                _ => {}
            }
        }
        let opened =
            open_file(&file.path).map_err(|error| skipped(ProblemKind::of_read(&error)))?;
        let before = opened
            .metadata()
            .map_err(|error| skipped(ProblemKind::of_read(&error)))?;
        self.opened = Some(Opened {
            path: file.path.clone(),
            before,
        });
        #[cfg(feature = "parquet")]
        if is_table {
            let table = Table::open(opened, &self.fields, self.max_page_bytes).map_err(skipped)?;
            self.stream = Some(Reading::Table(Box::new(TableStream::new(
                file.clone(),
                table,
            ))));
            return Ok(true);
        }
        if archive == Some(Archive::Zip) && file.packing.is_none() {
            let reader = ZipReader::new(opened).map_err(skipped)?;
            if reader.has_name_twice() {
                let problem = ProblemKind::MembersOfOneName;
                self.remark = Some(Job::Skipped(Box::new(file.clone()), problem));
            }
            let reader = ArchiveReader::Zip(Box::new(reader));
            self.stream = Some(self.members(file.clone(), Archive::Zip, reader));
            return Ok(true);
        }
        self.stream = Some(self.reading(file.clone(), Box::new(opened), cut));
        Ok(true)
    }
}

impl Inputs {
    /// Notes how a file is packed, and where its name says otherwise. Only of files that are
    /// named so, or are inputs by themselves, the first bytes are looked at here.
    fn tell_packing(&mut self, file: &mut FileEntry) -> Result<(), Job> {
        let named = Packing::named(&file.name);
        if named.is_none() && file.has_neighbours {
            return Ok(());
        }
        file.packing = told_packing(&file.path)
            .map_err(|problem| Job::Skipped(Box::new(file.clone()), problem))?;
        if let Some(named) = named.filter(|_| named != file.packing) {
            let problem = ProblemKind::WrongSuffix {
                named: named.word(),
                found: file.packing.map_or("plain bytes", Packing::word),
            };
            self.remark = Some(Job::Skipped(Box::new(file.clone()), problem));
        }
        Ok(())
    }
}

impl Source for Inputs {
    fn next_job(&mut self) -> Result<Option<Job>, RunError> {
        if let Some(job) = self.next.take() {
            return Ok(Some(job));
        }
        let mut files = Vec::new();
        let mut bytes = 0;
        let next = loop {
            if let Some(chunk) = self.next_chunk() {
                break Some(Job::Chunk(Box::new(chunk)));
            }
            match self.next_file() {
                Some(Ok((mut file, size_bytes))) => match self.open(&mut file, size_bytes) {
                    Ok(true) => {
                        if let Some(remark) = self.remark.take() {
                            break Some(remark);
                        }
                    }
                    Ok(false) => {
                        files.push(file);
                        bytes += size_bytes;
                        if let Some(remark) = self.remark.take() {
                            break Some(remark);
                        }
                        if files.len() >= JOB_FILES || bytes >= JOB_BYTES {
                            break None;
                        }
                    }
                    Err(job) => {
                        // Its number goes to the next file that is read.
                        self.files -= 1;
                        break Some(job);
                    }
                },
                Some(Err(job)) => break Some(job),
                None if self.stream.is_some() => {}
                None => break None,
            }
        };
        if files.is_empty() {
            return Ok(next);
        }
        self.next = next;
        Ok(Some(Job::Files(files)))
    }
}

impl Walk {
    fn entry(&self, path: PathBuf) -> FileEntry {
        let below = path.strip_prefix(&self.root).unwrap_or(&path);
        FileEntry {
            root_components: self.name.components().count(),
            has_neighbours: true,
            ..FileEntry::new(path.clone(), self.name.join(below))
        }
    }

    fn file(&self, entry: &DirEntry) -> Result<(FileEntry, Metadata), Job> {
        let file = self.entry(entry.path().to_path_buf());
        if entry.path_is_symlink() && self.links == Links::Stay {
            return Err(match std::fs::metadata(entry.path()) {
                Ok(_) => Job::Link,
                Err(error) => {
                    let problem = ProblemKind::DanglingLink(error.to_string());
                    Job::Skipped(Box::new(file), problem)
                }
            });
        }
        if !entry.file_type().is_file() {
            return Err(Job::Skipped(Box::new(file), ProblemKind::NotAFile));
        }
        match entry.metadata() {
            Ok(metadata) => Ok((file, metadata)),
            Err(error) => Err(self.problem(&error)),
        }
    }

    fn problem(&self, error: &walkdir::Error) -> Job {
        let path = error.path().unwrap_or(&self.root);
        let is_link = || std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        let kind = match (error.loop_ancestor(), error.io_error()) {
            (Some(ancestor), _) => {
                let to = self.named(ancestor).name.into_os_string();
                ProblemKind::CircularLink(to.into_encoded_bytes())
            }
            (None, Some(error)) if self.links != Links::Stay && is_link() => {
                ProblemKind::DanglingLink(error.to_string())
            }
            (None, Some(error)) => ProblemKind::Unreadable(error.to_string()),
            (None, None) => ProblemKind::Unreadable(error.to_string()),
        };
        Job::Skipped(Box::new(self.named(path)), kind)
    }

    /// As [`Walk::entry`]; the input itself, which has no name below itself, has its own.
    fn named(&self, path: &Path) -> FileEntry {
        let mut file = self.entry(path.to_path_buf());
        if file.name.as_os_str().is_empty() {
            file.name.clone_from(&self.root);
        }
        file
    }
}

/// Which symbolic links of one directory lead to directories. Each is looked at once, so that an
/// order made by the answers is one, whatever happens to the links meanwhile.
#[derive(Default)]
struct LinkedKinds {
    directory: PathBuf,
    known: AHashMap<OsString, bool>,
}

impl LinkedKinds {
    fn is_dir(&mut self, entry: &DirEntry) -> bool {
        if !entry.file_type().is_symlink() {
            return entry.file_type().is_dir();
        }
        let directory = entry.path().parent().unwrap_or(Path::new(""));
        if self.directory != directory {
            self.directory = directory.to_path_buf();
            self.known.clear();
        }
        if let Some(&is_dir) = self.known.get(entry.file_name()) {
            return is_dir;
        }
        let is_dir = std::fs::metadata(entry.path()).is_ok_and(|found| found.is_dir());
        self.known.insert(entry.file_name().to_owned(), is_dir);
        is_dir
    }
}

/// Orders a directory's entries so that whole relative paths come in the order of their
/// bytes: a directory compares as its name and a slash.
fn by_path_bytes(entries: [&DirEntry; 2], mut is_dir: impl FnMut(&DirEntry) -> bool) -> Ordering {
    let [left, right] = entries.map(|entry| {
        let slash: &[u8] = if is_dir(entry) { b"/" } else { b"" };
        entry.file_name().as_encoded_bytes().iter().chain(slash)
    });
    left.cmp(right)
}

/// Opens a regular file for reading, without waiting where it has become a pipe.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK);
    }
    options.open(path)
}

/// Reads a small file whole into `bytes`.
///
/// # Errors
///
/// It cannot be read, is no regular file, or changed meanwhile; as one has that is no longer small.
pub fn read_file(path: &Path, bytes: &mut Vec<u8>) -> Result<(), ProblemKind> {
    let unreadable = |error: io::Error| ProblemKind::of_read(&error);
    let mut file = open_file(path).map_err(unreadable)?;
    let before = file.metadata().map_err(unreadable)?;
    if !before.is_file() {
        return Err(ProblemKind::NotAFile);
    }
    if before.len() > SMALL_FILE_BYTES {
        return Err(ProblemKind::ChangedWhileRead);
    }
    bytes.resize(before.len() as usize, 0);
    let read = file.read_exact(bytes);
    let after = file.metadata().map_err(unreadable)?;
    if has_changed(&before, &after) {
        return Err(ProblemKind::ChangedWhileRead);
    }
    read.map_err(unreadable)?;
    Ok(())
}

fn has_changed(before: &Metadata, after: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if before.ino() != after.ino() || before.dev() != after.dev() {
            return true;
        }
    }
    before.len() != after.len() || before.modified().ok() != after.modified().ok()
}

/// How a page is cut that may be larger than memory allows.
fn page_cut(format: InputFormat) -> Cut {
    match format {
        InputFormat::Html => Cut::Whole,
        _ => Cut::Lines {
            is_told: format != InputFormat::Text,
        },
    }
}

/// A file, with how it is packed.
fn packed(file: &FileEntry) -> FileEntry {
    FileEntry {
        packing: told_packing(&file.path).unwrap_or_default(),
        ..file.clone()
    }
}

/// Fails once.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Refuses what is named an archive or Parquet, and whose first bytes are neither that nor a page's: it
/// is damaged more likely than a file to pass over. Zeros are an archive of nothing.
fn check_name(
    file: &FileEntry,
    named: Option<Archive>,
    charset: Option<Charset>,
) -> Result<(), ProblemKind> {
    let named = match named {
        Some(archive) => archive.word(),
        #[cfg(feature = "parquet")]
        None if table::is_named(file.content_name()) => "Parquet",
        None => return Ok(()),
    };
    let head = head(file)?;
    let is_other = content::tell_in(Path::new(""), &head, charset) == Content::Other;
    match is_other && head.iter().any(|&byte| byte != 0) {
        true => Err(ProblemKind::NotAsNamed(named)),
        false => Ok(()),
    }
}

/// The archive that a file is, by its first bytes.
fn told_archive(file: &FileEntry) -> Result<Option<Archive>, ProblemKind> {
    Ok(Archive::told(&head(file)?))
}

/// Whether a file is JSON lines by its name; `.json` must begin with a whole row too.
fn is_json_lines(file: &FileEntry) -> Result<bool, ProblemKind> {
    let name = file.content_name();
    match is_named_json(name) {
        true => Ok(begins_with_row(&head(file)?)),
        false => Ok(is_named_rows(name)),
    }
}

/// Whether bytes, named so, are JSON lines.
pub(crate) fn are_rows(name: &Path, bytes: &[u8]) -> bool {
    is_named_rows(name) || is_named_json(name) && begins_with_row(bytes)
}

fn is_named_json(name: &Path) -> bool {
    content::has_extension(name, &["json"])
}

fn begins_with_row(bytes: &[u8]) -> bool {
    let row = bytes.split(|&byte| byte == b'\n').next();
    rows::take_apart(row.unwrap_or_default(), &FieldNames::default()).is_ok()
}

/// Whether a name alone says that a file is JSON lines.
fn is_named_rows(name: &Path) -> bool {
    content::has_extension(name, &["jsonl", "ndjson"])
}

/// Whether a file is WARC: by its first bytes, which are looked at where `is_opened` says so or
/// its name says WARC. One that is named so may be damaged there: then a record must begin at a
/// line's start in what can be read of its head, or nothing can.
fn is_warc(file: &FileEntry, is_opened: bool) -> Result<bool, ProblemKind> {
    let is_named = content::is_named_warc(split_name(&file.name).0);
    if !is_named && !is_opened {
        return Ok(false);
    }
    let head = head(file)?;
    Ok(warc::begins_file(&head) || is_named && (head.is_empty() || warc::has_record(&head)))
}

/// Whether a file is Parquet: by its first bytes, which are looked at where `is_opened` says so or
/// its name says Parquet.
#[cfg(feature = "parquet")]
fn is_table(file: &FileEntry, is_opened: bool) -> Result<bool, ProblemKind> {
    let is_looked_at = is_opened || table::is_named(&file.name);
    Ok(is_looked_at && table::begins_file(&start(&file.path)?))
}

#[cfg(not(feature = "parquet"))]
fn is_table(_: &FileEntry, _: bool) -> Result<bool, ProblemKind> {
    Ok(false)
}

fn head(file: &FileEntry) -> Result<Vec<u8>, ProblemKind> {
    let mut head = Vec::new();
    let opened = open_file(&file.path).map_err(|error| ProblemKind::of_read(&error))?;
    packed::unpacked(file.packing, Box::new(opened))
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .or_else(|error| {
            PackedProblem::of_read(&error)
                .map(|_| head.len())
                .ok_or(ProblemKind::of_read(&error))
        })?;
    Ok(head)
}

/// How a file is packed, by its first bytes.
fn told_packing(path: &Path) -> Result<Option<Packing>, ProblemKind> {
    Ok(Packing::told(&start(path)?))
}

/// A file's first bytes.
fn start(path: &Path) -> Result<Vec<u8>, ProblemKind> {
    let mut start = Vec::new();
    open_file(path)
        .and_then(|file| file.take(START_BYTES).read_to_end(&mut start))
        .map_err(|error| ProblemKind::of_read(&error))?;
    Ok(start)
}
