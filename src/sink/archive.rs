//! A cleaned page and its member in, the bytes that stand for it in the output archive out.

use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tar::{EntryType, Header};
use zip::result::{ZipError, ZipResult};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, PreparedZipFile, ZipArchive, ZipWriter};

use super::{Output, lock};
use crate::error::{RunError, io_at};
use crate::source::archive::{Archive, Attributes, Member, MemberKind};

/// Bytes of a block of tar.
const BLOCK_BYTES: usize = 512;
/// The end of an archive: two blocks of zeros.
const END_BYTES: usize = 2 * BLOCK_BYTES;
/// What stands before a name that is too long for a header.
const LONG_NAME: &[u8] = b"././@LongLink";

/// Gathers what is written of a stretch of an archive.
pub enum Stretch {
    /// Members as they stand in the archive.
    Tar(Vec<u8>),
    /// An archive of their own.
    Zip(Box<ZipWriter<Cursor<Vec<u8>>>>),
}

impl Stretch {
    /// An empty one.
    pub fn new(archive: Archive) -> Self {
        match archive {
            Archive::Tar => Stretch::Tar(Vec::new()),
            Archive::Zip => Stretch::Zip(Box::new(ZipWriter::new(Cursor::default()))),
        }
    }

    /// Adds a member with this content, and a dot and `ending` behind its name.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn add(&mut self, member: &Member, ending: Option<&str>, content: &[u8]) -> io::Result<()> {
        let name = match ending {
            Some(ending) => [&member.name[..], b".", ending.as_bytes()].concat(),
            None => member.name.clone(),
        };
        match self {
            Stretch::Tar(out) => {
                write_tar_member(member, &name, content, out);
                Ok(())
            }
            Stretch::Zip(writer) => add_to_zip(writer, member, &name, content).map_err(io_of),
        }
    }

    /// The bytes for [`OutputArchive`], or for a file of tar itself; `is_last` ends the archive.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub fn end(self, is_last: bool) -> io::Result<Vec<u8>> {
        match self {
            Stretch::Tar(mut out) => {
                if is_last {
                    out.resize(out.len() + END_BYTES, 0);
                }
                Ok(out)
            }
            Stretch::Zip(writer) => Ok(writer.finish().map_err(io_of)?.into_inner()),
        }
    }
}

fn io_of(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        error => io::Error::other(error),
    }
}

fn add_to_zip<W: Write + io::Seek>(
    writer: &mut ZipWriter<W>,
    member: &Member,
    name: &[u8],
    content: &[u8],
) -> ZipResult<()> {
    let name = String::from_utf8_lossy(name);
    let attributes = &member.attributes;
    let method = match member.kind {
        MemberKind::Directory => CompressionMethod::Stored,
        _ => attributes.method_in_zip.unwrap_or_default(),
    };
    let options = SimpleFileOptions::default()
        .compression_method(method)
        .unix_permissions(attributes.mode)
        .last_modified_time(attributes.modified_in_zip.unwrap_or_default());
    if member.kind == MemberKind::Directory {
        return writer.add_directory(name, options);
    }
    writer.add_prepared_file(PreparedZipFile::from_data(name, options, content)?)
}

/// Joins the stretches of a zip archive to one: their packed bytes are copied.
pub struct OutputArchive<'o> {
    writer: ZipWriter<StreamWriter<Joined<'o>>>,
    failure: Failure,
    name: PathBuf,
}

/// What went wrong with the output, where the writer of zip cannot say it.
type Failure = Arc<Mutex<Option<RunError>>>;

/// Where the archive goes; None once that failed. What the writer ends the archive with, as it is
/// dropped, goes nowhere then.
struct Joined<'o> {
    output: Option<Box<dyn Output + 'o>>,
    failure: Failure,
}

impl Write for Joined<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.as_mut().map(|output| output.write(bytes));
        if let Some(Err(error)) = written {
            self.output = None;
            *lock(&self.failure) = Some(error);
            return Err(io::Error::other("the output failed"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'o> OutputArchive<'o> {
    /// Into an output; `name` is for messages.
    pub fn new(output: Box<dyn Output + 'o>, name: PathBuf) -> Self {
        let failure = Failure::default();
        let joined = Joined {
            output: Some(output),
            failure: Arc::clone(&failure),
        };
        OutputArchive {
            writer: ZipWriter::new_stream(joined),
            failure,
            name,
        }
    }

    fn join(&mut self, stretch: &[u8]) -> ZipResult<()> {
        let mut archive = ZipArchive::new(Cursor::new(stretch))?;
        for index in 0..archive.len() {
            self.writer.raw_copy_file(archive.by_index_raw(index)?)?;
        }
        Ok(())
    }
}

/// What the output said, or else the writer of zip.
fn failed(failure: &Failure, name: &Path) -> impl FnOnce(ZipError) -> RunError {
    |error| {
        lock(failure)
            .take()
            .unwrap_or_else(|| io_at(name)(io_of(error)))
    }
}

impl Output for OutputArchive<'_> {
    fn write(&mut self, stretch: &[u8]) -> Result<(), RunError> {
        if stretch.is_empty() {
            return Ok(());
        }
        self.join(stretch)
            .map_err(failed(&self.failure, &self.name))
    }

    fn finish(self: Box<Self>) -> Result<(), RunError> {
        let OutputArchive {
            writer,
            failure,
            name,
        } = *self;
        let written = writer.finish().map_err(failed(&failure, &name))?;
        match written.into_inner().output {
            Some(output) => output.finish(),
            None => lock(&failure).take().map_or(Ok(()), Err),
        }
    }
}

/// Appends a member as GNU tar has it, with this name and content.
fn write_tar_member(member: &Member, name: &[u8], content: &[u8], out: &mut Vec<u8>) {
    let kind = match member.kind {
        MemberKind::Directory => EntryType::Directory,
        _ => EntryType::Regular,
    };
    let mut header = header_of(&member.attributes, kind, content.len());
    let room = header.as_old().name.len();
    if name.len() > room {
        let with_end = [name, b"\0"].concat();
        let mut long = header_of(
            &Attributes::default(),
            EntryType::GNULongName,
            with_end.len(),
        );
        write_block(&mut long, LONG_NAME, &with_end, out);
    }
    write_block(&mut header, &name[..name.len().min(room)], content, out);
}

fn header_of(attributes: &Attributes, kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(attributes.mode);
    header.set_mtime(attributes.modified);
    header.set_uid(attributes.owner.0);
    header.set_gid(attributes.owner.1);
    header.set_size(size as u64);
    if let Some(gnu) = header.as_gnu_mut() {
        let (user, group) = &attributes.owner_names;
        for (field, name) in [(&mut gnu.uname, user), (&mut gnu.gname, group)] {
            let length = name.len().min(field.len());
            field[..length].copy_from_slice(&name[..length]);
        }
    }
    header
}

fn write_block(header: &mut Header, name: &[u8], content: &[u8], out: &mut Vec<u8>) {
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(BLOCK_BYTES), 0);
}
