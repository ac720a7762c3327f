//! What can go wrong: an error stops the run, a problem rejects one record and the run goes on.
//!
//! The library returns these and never prints or exits.

use thiserror::Error;

/// A [`crate::Config`] that cannot be worked with.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ConfigError {
    /// The cut is not in `[0,1]`.
    #[error("threshold is {0}; expected a number from 0 to 1")]
    Threshold(f32),
    /// Of what stands in more than 0 places even the only copy would be a duplicate.
    #[error("corpus duplicates are blocks in more than 1 place, or more; 0 was given")]
    CorpusDuplicates,
}

/// Why a model file was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ModelError {
    /// It does not begin as a model does.
    #[error("no model of dechaff")]
    Foreign,
    /// Another version wrote it.
    #[error("model version {found}; this dechaff reads version {expected}: fit it again")]
    Version {
        /// The file's.
        found: u32,
        /// This version's.
        expected: u32,
    },
    /// Its features are not those of this version.
    #[error("fitted on features {found:016x}; this dechaff has {expected:016x}: fit it again")]
    Features {
        /// The file's.
        found: u64,
        /// This version's.
        expected: u64,
    },
    /// It reads text, where one is wanted that reads HTML.
    #[error(
        "a model of text, which --model takes; expected one of HTML, as dechaff train --html writes them"
    )]
    OfText,
    /// It reads HTML, where one is wanted that reads text.
    #[error(
        "a model of HTML, which --html-model takes; expected one of text, as dechaff train writes them without --html"
    )]
    OfHtml,
    /// Its bytes are not those that were written.
    #[error("damaged or cut: {0}")]
    Damaged(&'static str),
}

#[cfg(feature = "files")]
pub(crate) use files::io_at;
#[cfg(feature = "files")]
pub use files::{PackedProblem, Problem, ProblemKind, RunError};

#[cfg(feature = "files")]
mod files {
    use std::fmt;
    use std::io;
    use std::path::{Path, PathBuf};

    use thiserror::Error;

    use super::ConfigError;
    use super::ModelError;
    use crate::index::IndexError;
    use crate::visible::visible;

    /// What stops a run.
    #[derive(Debug, Error)]
    pub enum RunError {
        /// The settings cannot be worked with; nothing was read or written.
        #[error(transparent)]
        Config(#[from] ConfigError),
        /// The inputs and outputs named do not go together; nothing was written.
        #[error("{0}")]
        Refused(String),
        /// Another run holds the output.
        #[error("{}: locked by another run; wait for it, or name another output", visible(.0.as_os_str().as_encoded_bytes()))]
        Locked(PathBuf),
        /// An output, or the walk over an input, failed.
        #[error("{}: {error}", visible(.path.as_os_str().as_encoded_bytes()))]
        Io {
            /// Where.
            path: PathBuf,
            /// What the system said.
            error: io::Error,
        },
        /// An index file is refused.
        #[error("{}: {error}", visible(.path.as_os_str().as_encoded_bytes()))]
        Index {
            /// The file.
            path: PathBuf,
            /// Why.
            error: IndexError,
        },
        /// A model file is refused.
        #[error("{}: {error}", visible(.path.as_os_str().as_encoded_bytes()))]
        Model {
            /// The file.
            path: PathBuf,
            /// Why.
            error: ModelError,
        },
        /// More was removed than the caller allows.
        #[error(
            "{removed_percent:.1} % of the text was removed after {pages} pages; at most {max_percent} % is allowed"
        )]
        TooMuchRemoved {
            /// Bytes removed of bytes in, in percent.
            removed_percent: f64,
            /// The limit, in percent.
            max_percent: f64,
            /// Pages seen.
            pages: u64,
        },
        /// The caller asked the run to stop.
        #[error("stopped")]
        Stopped,
    }

    /// Names the path that a system error is about.
    pub(crate) fn io_at(path: &Path) -> impl FnOnce(io::Error) -> RunError + '_ {
        |error| RunError::Io {
            path: path.to_path_buf(),
            error,
        }
    }

    /// One record, page or file that was not cleaned. The run goes on; the program ends with 3.
    ///
    /// Shown as one line: `file:record:byte: what; what was done`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Problem {
        /// The file's path as the user named it or below the input directory; any bytes.
        pub file: Vec<u8>,
        /// Number of the record in the file, from 1.
        pub record: Option<u64>,
        /// Offset in the file, in bytes.
        pub byte: Option<u64>,
        /// What was wrong, and what was done.
        pub kind: ProblemKind,
    }

    /// What was wrong with a record, page or file.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum ProblemKind {
        /// The system could not open or read it.
        Unreadable(String),
        /// A pipe, socket or device among the files.
        NotAFile,
        /// A symbolic link that leads to nothing; what the system says.
        DanglingLink(String),
        /// A symbolic link that leads to a directory which it lies in, by this name.
        CircularLink(Vec<u8>),
        /// A symbolic link that leads to what the run writes, or to a directory that holds it.
        LinkToOutput,
        /// It was written to while it was read.
        ChangedWhileRead,
        /// It holds NUL bytes.
        Nul,
        /// Hardly in the character set that its mark or the user says.
        FaultyCharset(&'static str),
        /// Bytes that are no characters of its character set, from here on.
        CharsetFaults(&'static str),
        /// Packed bytes that are not whole.
        Packed(PackedProblem),
        /// The name says one packing, the bytes another or none.
        WrongSuffix {
            /// What the name says.
            named: &'static str,
            /// What it is.
            found: &'static str,
        },
        /// Named as this archive or format; its bytes are no such thing, nor text.
        NotAsNamed(&'static str),
        /// A packing or archive that the name does not tell of.
        UnnamedPacking(&'static str),
        /// A format that is not read where it is packed.
        NestedFormat {
            /// The packing.
            outer: &'static str,
            /// The format.
            inner: &'static str,
        },
        /// What is wrong with a member of an archive.
        Member {
            /// The member's name; any bytes.
            name: Vec<u8>,
            /// What is wrong.
            kind: Box<ProblemKind>,
        },
        /// A member larger than a page may be, in bytes.
        LongMember(u64),
        /// A member whose name, or what stands before its header, is too long; in bytes.
        LongMemberName(u64),
        /// A member whose name leads out of where the archive is unpacked.
        MemberOutside,
        /// Several members of one name in a zip archive.
        MembersOfOneName,
        /// A member that is not read; why.
        UnreadMember(&'static str),
        /// More members than an archive may have.
        ManyMembers(u64),
        /// A zip archive that does not come from a file.
        ZipFromPipe,
        /// Parquet that does not come from a file.
        ParquetFromPipe,
        /// Parquet whose name does not say so.
        UnnamedParquet,
        /// A file of Parquet without the column of texts; these columns it has.
        NoTextColumn {
            /// The column that was looked for.
            field: String,
            /// All columns.
            seen: Vec<String>,
        },
        /// A file of Parquet that already has the column which `tag` and `spans` add.
        ColumnTaken(&'static str),
        /// A text in a row of Parquet that is not UTF-8, though its column says so.
        FaultyText,
        /// A text in a row of Parquet longer than the limit, in bytes.
        LongText(u64),
        /// A sparse file in an archive.
        SparseMember,
        /// HTML larger than a page may be, in bytes.
        LongHtml(u64),
        /// HTML in an encoding that nothing reads.
        UnreadEncoding,
        /// The name that its text would have, with this ending, is another file's, or too long.
        NoRoomForText(&'static str),
        /// A line longer than a page may be, in bytes.
        LongLine(u64),
        /// A format that this version does not read.
        UnreadFormat(&'static str),
        /// A JSON row that cannot be taken apart.
        BadRow(String),
        /// A row's text with more lines than a page may have.
        TooManyLines(u64),
        /// A row longer than the limit, in bytes.
        LongRow(u64),
        /// No row of the file has the text field; these fields were seen in the first.
        NoTextField {
            /// The field that was looked for.
            field: String,
            /// The fields of the first row.
            seen: Vec<String>,
        },
        /// A WARC record that cannot be read safely, and why.
        BadRecord(&'static str),
        /// A WARC record, or the page in it, longer than the limit, in bytes.
        LongRecord(u64),
        /// A gzip member of a WARC file is not what was packed.
        DamagedMember {
            /// Where it begins in the packed file.
            at: u64,
        },
        /// WARC whose name does not say so.
        UnnamedWarc,
        /// A row that already has the field which `tag` and `spans` add.
        FieldTaken(&'static str),
        /// The name that its spans would have is taken or too long.
        NoRoomForSpans,
        /// A fault in dechaff itself.
        Internal,
    }

    /// What is wrong with packed bytes; offsets are in the packed file.
    #[derive(Clone, Debug, PartialEq, Eq, Error)]
    pub enum PackedProblem {
        /// They end inside a member or frame.
        #[error("{format} data is cut at byte {at}; what is whole before was cleaned")]
        Cut {
            /// The format.
            format: &'static str,
            /// Where they end.
            at: u64,
        },
        /// Other bytes stand behind the last member or frame.
        #[error("no {format} data from byte {at} on; what is before was cleaned")]
        Trailing {
            /// The format.
            format: &'static str,
            /// Where they begin.
            at: u64,
        },
        /// They unpack to far more than pages do.
        #[error(
            "{format} data up to byte {at} unpacks to over 10,000 times its size; what is before was cleaned"
        )]
        Bomb {
            /// The format.
            format: &'static str,
            /// How far they were read.
            at: u64,
        },
        /// They are not what was packed.
        #[error("{format} data is damaged at byte {at} ({why}); no output written")]
        Damaged {
            /// The format.
            format: &'static str,
            /// How far they were read.
            at: u64,
            /// What the decoder said.
            why: String,
        },
        /// A zstd frame asks for more memory than it is given.
        #[error("zstd window of {window_bytes} bytes (at most 134217728); no output written")]
        Window {
            /// What it asks for.
            window_bytes: u64,
        },
    }

    impl PackedProblem {
        /// Whether what was unpacked before can be trusted.
        pub fn keeps_what_is_before(&self) -> bool {
            !matches!(
                self,
                PackedProblem::Damaged { .. } | PackedProblem::Window { .. }
            )
        }

        /// The problem that an error of reading carries.
        pub fn of_read(error: &io::Error) -> Option<&PackedProblem> {
            error.get_ref()?.downcast_ref()
        }
    }

    impl From<PackedProblem> for io::Error {
        fn from(problem: PackedProblem) -> io::Error {
            io::Error::new(io::ErrorKind::InvalidData, problem)
        }
    }

    impl ProblemKind {
        /// A file that the system could not open or read.
        pub(crate) fn of_read(error: &io::Error) -> Self {
            match PackedProblem::of_read(error) {
                Some(problem) => ProblemKind::Packed(problem.clone()),
                None => ProblemKind::Unreadable(error.to_string()),
            }
        }
    }

    impl fmt::Display for ProblemKind {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                ProblemKind::Unreadable(why) => {
                    write!(f, "cannot be read: {}; skipped", visible(why.as_bytes()))
                }
                ProblemKind::NotAFile => {
                    write!(f, "not a regular file (a pipe is read as -); skipped")
                }
                ProblemKind::DanglingLink(why) => write!(
                    f,
                    "symbolic link that leads nowhere: {}; skipped",
                    visible(why.as_bytes())
                ),
                ProblemKind::CircularLink(to) => write!(
                    f,
                    "symbolic link that leads back to {}, which it lies in; not followed",
                    visible(to)
                ),
                ProblemKind::LinkToOutput => write!(
                    f,
                    "symbolic link that leads to what this run writes; not followed"
                ),
                ProblemKind::ChangedWhileRead => {
                    write!(f, "changed while it was read; no output written")
                }
                ProblemKind::Nul => write!(f, "binary: holds NUL bytes; copied through unchanged"),
                ProblemKind::FaultyCharset(charset) => {
                    write!(f, "not valid {charset}; copied through unchanged")
                }
                ProblemKind::CharsetFaults(charset) => write!(
                    f,
                    "bytes that are not valid {charset}; kept as they are, the rest converted"
                ),
                ProblemKind::Packed(problem) => write!(f, "{problem}"),
                ProblemKind::WrongSuffix { named, found } => {
                    write!(f, "named as {named}, but holds {found}; read as {found}")
                }
                ProblemKind::NotAsNamed(named) => {
                    write!(f, "named as {named}, but does not begin as one; skipped")
                }
                ProblemKind::UnnamedPacking(format @ ("tar" | "zip")) => write!(
                    f,
                    "{format}, but its name does not end in .{format}; skipped"
                ),
                ProblemKind::UnnamedPacking(format) => write!(
                    f,
                    "{format}, but its name does not end in .gz or .zst; skipped"
                ),
                ProblemKind::NestedFormat { outer, inner } => {
                    write!(f, "{inner} inside {outer}; skipped")
                }
                ProblemKind::Member { name, kind } => write!(f, "{}: {kind}", visible(name)),
                ProblemKind::LongMember(limit_bytes) => write!(
                    f,
                    "member longer than --max-page-bytes ({limit_bytes}); skipped"
                ),
                ProblemKind::LongMemberName(limit_bytes) => {
                    write!(f, "name or header longer than {limit_bytes} bytes; skipped")
                }
                ProblemKind::MemberOutside => {
                    write!(f, "its name leads out of the archive; skipped")
                }
                ProblemKind::MembersOfOneName => write!(
                    f,
                    "members of one name in a zip archive; the last of each is read"
                ),
                ProblemKind::UnreadMember(why) => write!(f, "{why}; skipped"),
                ProblemKind::ManyMembers(limit) => {
                    write!(f, "an archive of more than {limit} members; skipped")
                }
                ProblemKind::ZipFromPipe => write!(
                    f,
                    "zip from a pipe, and its directory stands at its end; skipped (name the file)"
                ),
                ProblemKind::ParquetFromPipe => write!(
                    f,
                    "Parquet from a pipe, and its directory stands at its end; skipped (name the file)"
                ),
                ProblemKind::UnnamedParquet => write!(
                    f,
                    "Parquet, but not named .parquet; skipped (--format parquet reads it)"
                ),
                ProblemKind::NoTextColumn { field, seen } => {
                    let seen = visible(seen.join(", ").as_bytes());
                    let field = visible(field.as_bytes());
                    write!(
                        f,
                        "no column '{field}' of texts (its columns: {seen}); skipped, see --text-field"
                    )
                }
                ProblemKind::ColumnTaken(field) => {
                    write!(f, "already has the column '{field}'; skipped")
                }
                ProblemKind::FaultyText => write!(f, "text is not UTF-8; row copied unchanged"),
                ProblemKind::LongText(limit_bytes) => write!(
                    f,
                    "text longer than --max-page-bytes ({limit_bytes}); row copied unchanged"
                ),
                ProblemKind::SparseMember => write!(f, "sparse file in an archive; skipped"),
                ProblemKind::LongHtml(limit_bytes) => write!(
                    f,
                    "HTML longer than --max-page-bytes ({limit_bytes}); rejected"
                ),
                ProblemKind::UnreadEncoding => write!(
                    f,
                    "HTML in an encoding that cannot be read; copied through unchanged"
                ),
                ProblemKind::NoRoomForText(ending) => write!(
                    f,
                    "no name left for its text (with .{ending} it is another file's, or too long); skipped"
                ),
                ProblemKind::LongLine(limit_bytes) => write!(
                    f,
                    "line longer than --max-page-bytes ({limit_bytes}); kept unread"
                ),
                ProblemKind::UnreadFormat(format) => {
                    write!(f, "{format} is not read by this version; skipped")
                }
                ProblemKind::BadRow(why) => {
                    write!(f, "bad JSON row: {}; rejected", visible(why.as_bytes()))
                }
                ProblemKind::TooManyLines(limit) => write!(
                    f,
                    "text of more than {limit} lines (--max-page-bytes); row copied unchanged"
                ),
                ProblemKind::LongRow(limit_bytes) => write!(
                    f,
                    "row longer than --max-page-bytes ({limit_bytes}); rejected"
                ),
                ProblemKind::NoTextField { field, seen } => {
                    let seen = visible(seen.join(", ").as_bytes());
                    let field = visible(field.as_bytes());
                    write!(
                        f,
                        "no row has text in the field '{field}' (the first has: {seen}); rows copied unchanged, see --text-field"
                    )
                }
                ProblemKind::BadRecord(why) => write!(f, "bad WARC record: {why}; rejected"),
                ProblemKind::LongRecord(limit_bytes) => write!(
                    f,
                    "WARC record longer than --max-page-bytes ({limit_bytes}); rejected"
                ),
                ProblemKind::DamagedMember { at } => write!(
                    f,
                    "gzip member at byte {at} is damaged; rejected, read on at the next"
                ),
                ProblemKind::UnnamedWarc => write!(
                    f,
                    "WARC, but not named .warc or .wet; skipped (--format warc reads it)"
                ),
                ProblemKind::FieldTaken(field) => write!(
                    f,
                    "row already has the field '{field}'; row copied unchanged"
                ),
                ProblemKind::NoRoomForSpans => write!(
                    f,
                    "no name left for its .spans.jsonl (taken, or too long); skipped"
                ),
                ProblemKind::Internal => write!(
                    f,
                    "internal error, please report it; copied through unchanged"
                ),
            }
        }
    }

    impl fmt::Display for Problem {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}:", visible(&self.file))?;
            if let Some(record) = self.record {
                write!(f, "{record}:")?;
            }
            if let Some(byte) = self.byte {
                write!(f, "{byte}:")?;
            }
            write!(f, " {}", self.kind)
        }
    }
}
