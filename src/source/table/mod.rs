//! Parquet: a file in, the texts and URLs of its rows out, in the order of its rows.
//!
//! Only the columns of text and URL are decoded, a page of them at a time, by the thread that hands
//! out jobs; see docs/adr/0024-parquet.md. Whatever a damaged file makes the `parquet` crate do, a
//! panic included, is a problem of that file.

mod inflate;
mod pages;
mod thrift;

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FooterTail, ParquetMetaData, ParquetMetaDataReader,
};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnDescriptor;

use super::content;
use super::packed::is_bomb;
use super::rows::{FieldNames, MAX_ID_BYTES};
use super::{Chunk, ChunkContent, FileEntry};
use crate::error::{PackedProblem, ProblemKind};

use pages::{Places, Values};
use thrift::struct_bytes;

/// Bytes of values that are handed out together.
const CHUNK_BYTES: usize = 2 << 20;
/// Rows that are handed out together.
const CHUNK_ROWS: usize = 4096;
/// What a page of a column may hold at least: ordinary ones hold 1 MiB.
const PAGE_BYTES: usize = 64 << 20;
/// A page of a column may hold as much as so many of the largest texts.
const TEXTS_IN_PAGE: usize = 4;
/// Bytes of the footer: it is held in memory, several times as large.
const MAX_FOOTER_BYTES: usize = 64 << 20;

const FORMAT: &str = "Parquet";
const MAGIC: &[u8] = b"PAR1";
const TAIL_BYTES: usize = 8;

thread_local! {
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is at work in the `parquet` crate, whose panics are caught: for a panic hook
/// that keeps quiet then.
pub fn is_reading() -> bool {
    IS_READING.get()
}

/// Whether a file's first bytes are those of Parquet.
pub fn begins_file(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Whether the name of a file says that it is Parquet.
pub fn is_named(name: &Path) -> bool {
    content::has_extension(name, &["parquet", "parq", "pq"])
}

/// What is wrong with a file, at a byte.
fn damaged(at: u64, why: impl Into<String>) -> ProblemKind {
    ProblemKind::Packed(PackedProblem::Damaged {
        format: FORMAT,
        at,
        why: why.into(),
    })
}

pub(crate) fn refused(at: u64) -> impl FnOnce(ParquetError) -> ProblemKind {
    move |error| damaged(at, error.to_string())
}

/// Works in the `parquet` crate, whose panics are problems at a byte of the file.
pub(crate) fn guarded<T>(
    at: u64,
    work: impl FnOnce() -> Result<T, ProblemKind>,
) -> Result<T, ProblemKind> {
    IS_READING.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_READING.set(false);
    done.unwrap_or_else(|_| Err(damaged(at, "what stands there makes no sense")))
}

/// An open file of Parquet, its footer read and checked.
#[derive(Debug)]
pub struct Table {
    places: Places,
    metadata: ParquetMetaData,
    /// Numbers of the columns of texts, URLs and names of rows.
    text: usize,
    url: Option<usize>,
    id: Option<usize>,
}

impl Table {
    /// Reads the footer of a file. Of its pages none is read that holds much more than
    /// `max_page_bytes`.
    ///
    /// # Errors
    ///
    /// It is damaged, or has no column of text.
    pub fn open(
        file: File,
        names: &FieldNames,
        max_page_bytes: usize,
    ) -> Result<Self, ProblemKind> {
        let unreadable = |error: io::Error| ProblemKind::of_read(&error);
        let length = file.metadata().map_err(unreadable)?.len();
        let max_bytes = PAGE_BYTES.max(max_page_bytes.saturating_mul(TEXTS_IN_PAGE));
        let places = Places::new(file, length, max_bytes);
        let mut tail = [0; TAIL_BYTES];
        let tail_at = length.saturating_sub(TAIL_BYTES as u64);
        let read = places.read_at(tail_at, &mut tail).map_err(unreadable)?;
        guarded(tail_at, || {
            if read < TAIL_BYTES {
                return Err(damaged(0, "its end is not there"));
            }
            let footer = FooterTail::try_from(tail);
            let footer = footer.map_err(|_| damaged(tail_at, "its end is not there"))?;
            if footer.metadata_length() > MAX_FOOTER_BYTES {
                return Err(damaged(tail_at, "its footer is too long"));
            }
            let footer_bytes = footer.metadata_length();
            let footer_at = tail_at.saturating_sub(footer_bytes as u64);
            let footer = places.get_bytes(footer_at, footer_bytes);
            let footer = footer.map_err(refused(tail_at))?;
            if struct_bytes(&footer).is_none() {
                return Err(damaged(footer_at, "there is no footer"));
            }
            let metadata = ParquetMetaDataReader::decode_metadata(&footer);
            let metadata = metadata.map_err(refused(footer_at))?;
            check(&metadata, tail_at)?;
            let found = |name: &str| {
                let columns = metadata.file_metadata().schema_descr().columns().iter();
                let is_it = |column: &ColumnDescriptor| is_texts(column) && column.name() == name;
                columns.enumerate().find(|(_, column)| is_it(column))
            };
            let Some((text, _)) = found(&names.text) else {
                let fields = metadata.file_metadata().schema().get_fields().iter();
                return Err(ProblemKind::NoTextColumn {
                    field: names.text.clone(),
                    seen: fields.map(|field| field.name().to_owned()).collect(),
                });
            };
            let url = found(&names.url).map(|(url, _)| url);
            let id = names.id.as_deref().and_then(|name| {
                let is_it = |column: &ColumnDescriptor| names_rows(column) && column.name() == name;
                let columns = metadata.file_metadata().schema_descr().columns().iter();
                columns.enumerate().find(|(_, column)| is_it(column))
            });
            let id = id.map(|(id, _)| id);
            Ok(Table {
                places,
                text,
                url,
                id,
                metadata,
            })
        })
    }

    /// What the footer says.
    pub fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    /// The number of the column of text.
    pub fn text_column(&self) -> usize {
        self.text
    }

    /// Whether the texts are said to be UTF-8, not any bytes.
    pub fn is_utf8(&self) -> bool {
        let column = self
            .metadata
            .file_metadata()
            .schema_descr()
            .column(self.text);
        column.converted_type() == ConvertedType::UTF8
            || column.logical_type_ref() == Some(&LogicalType::String)
    }

    /// Whether the file has a column of this name, of any kind.
    pub fn has_column(&self, name: &str) -> bool {
        let fields = self.metadata.file_metadata().schema().get_fields();
        fields.iter().any(|field| field.name() == name)
    }

    /// Reads the bytes of the file from a place on, at most so many as there is room for.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn read_at(&self, start: u64, out: &mut [u8]) -> io::Result<usize> {
        self.places.read_at(start, out)
    }

    /// Bytes of the file.
    fn length(&self) -> u64 {
        self.places.len()
    }

    fn rows(&self) -> u64 {
        let groups = self.metadata.row_groups().iter();
        groups.map(|group| group.num_rows() as u64).sum()
    }
}

/// Whether a column may hold texts: byte strings, one a row, of no other meaning.
fn is_texts(column: &ColumnDescriptor) -> bool {
    let is_plain = match column.logical_type_ref() {
        Some(LogicalType::String) => true,
        Some(_) => false,
        None => matches!(
            column.converted_type(),
            ConvertedType::NONE | ConvertedType::UTF8
        ),
    };
    is_plain
        && column.physical_type() == Type::BYTE_ARRAY
        && column.max_rep_level() == 0
        && column.path().parts().len() == 1
}

/// Whether the values of a column may name rows: texts, or whole numbers with a sign.
fn names_rows(column: &ColumnDescriptor) -> bool {
    let is_number = match column.logical_type_ref() {
        Some(LogicalType::Integer(number)) => number.is_signed,
        Some(_) => false,
        None => matches!(
            column.converted_type(),
            ConvertedType::NONE
                | ConvertedType::INT_8
                | ConvertedType::INT_16
                | ConvertedType::INT_32
                | ConvertedType::INT_64
        ),
    };
    let is_number = is_number
        && matches!(column.physical_type(), Type::INT32 | Type::INT64)
        && column.max_rep_level() == 0
        && column.path().parts().len() == 1;
    is_number || is_texts(column)
}

/// Checks all numbers of a footer that are relied on; it stands behind `end`.
fn check(metadata: &ParquetMetaData, end: u64) -> Result<(), ProblemKind> {
    let wrong = |why: &str| Err(damaged(end, format!("its footer is wrong: {why}")));
    let mut in_all = 0_u64;
    for group in metadata.row_groups() {
        if group.num_rows() < 0 {
            return wrong("rows");
        }
        for column in group.columns() {
            let is_flat = column.column_descr().max_rep_level() == 0;
            if column.num_values() < 0 || is_flat && column.num_values() != group.num_rows() {
                return wrong("values");
            }
            if column.file_path().is_some() {
                return wrong("columns in another file");
            }
            let starts = [
                Some(column.data_page_offset()),
                column.dictionary_page_offset(),
                column.index_page_offset(),
            ];
            if starts.into_iter().flatten().any(|start| start < 0) || column.compressed_size() < 0 {
                return wrong("places");
            }
            let (start, length) = column.byte_range();
            in_all = in_all.saturating_add(length);
            if start.saturating_add(length) > end || in_all > end {
                return wrong("places");
            }
        }
    }
    Ok(())
}

/// What names a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowId {
    /// A range of the bytes of its chunk.
    Text(Range<usize>),
    /// A whole number.
    Number(i64),
}

/// The column of what names rows, of one row group.
enum Ids {
    Texts(Values<ByteArrayType>),
    Longs(Values<Int64Type>),
    Ints(Values<Int32Type>),
}

impl Ids {
    fn new(places: &Places, column: &ColumnChunkMetaData, rows: u64) -> Result<Self, ParquetError> {
        Ok(match column.column_type() {
            Type::INT64 => Ids::Longs(Values::new(places, column, rows)?),
            Type::INT32 => Ids::Ints(Values::new(places, column, rows)?),
            _ => Ids::Texts(Values::new(places, column, rows)?),
        })
    }

    /// What names the next row; None too for a text longer than [`MAX_ID_BYTES`].
    fn next(&mut self, bytes: &mut Vec<u8>) -> Result<Option<RowId>, ParquetError> {
        Ok(match self {
            Ids::Longs(values) => values.next()?.map(RowId::Number),
            Ids::Ints(values) => values.next()?.map(|id| RowId::Number(id.into())),
            Ids::Texts(values) => {
                let id = values.next()?.filter(|id| id.data().len() <= MAX_ID_BYTES);
                id.map(|id| RowId::Text(put(id.data(), bytes)))
            }
        })
    }
}

/// Appends bytes; where they stand.
fn put(data: &[u8], bytes: &mut Vec<u8>) -> Range<usize> {
    let start = bytes.len();
    bytes.extend_from_slice(data);
    start..bytes.len()
}

/// A row's text and URL, as ranges of the bytes of its chunk, and its name; None for null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRow {
    /// The text.
    pub text: Option<Range<usize>>,
    /// The URL.
    pub url: Option<Range<usize>>,
    /// What names it; None too where that is longer than [`MAX_ID_BYTES`].
    pub id: Option<RowId>,
}

/// A stretch of the rows of one row group.
#[derive(Debug)]
pub struct TableRows {
    /// The file.
    pub table: Arc<Table>,
    /// Number of the row group, from 0.
    pub group: usize,
    /// Rows of the file before these.
    pub rows_before: u64,
    /// In order.
    pub rows: Vec<TableRow>,
    /// Bytes of the file that are counted as read for it.
    pub bytes_read: u64,
}

/// The rows of a file as chunks.
///
/// Memory: 2 MiB, or one row; and one page of each of the columns.
pub struct TableStream {
    file: Arc<FileEntry>,
    table: Arc<Table>,
    /// The row group at hand, and its columns once they are begun.
    group: usize,
    text: Option<Values<ByteArrayType>>,
    url: Option<Values<ByteArrayType>>,
    id: Option<Ids>,
    /// Rows of the row group handed out.
    rows_of_group: u64,
    /// Rows of the file handed out.
    rows: u64,
    /// Bytes of texts handed out.
    text_bytes: u64,
    /// Bytes of the file told as read.
    told_bytes: u64,
    is_done: bool,
}

impl TableStream {
    /// Over an open file.
    pub fn new(file: FileEntry, table: Table) -> Self {
        TableStream {
            file: Arc::new(file),
            table: Arc::new(table),
            group: 0,
            text: None,
            url: None,
            id: None,
            rows_of_group: 0,
            rows: 0,
            text_bytes: 0,
            told_bytes: 0,
            is_done: false,
        }
    }

    /// The next chunk; None behind the last.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        if self.is_done {
            return None;
        }
        let is_first = self.told_bytes == 0;
        let at = self.place();
        let mut bytes = Vec::new();
        let read = guarded(at, || self.read(&mut bytes));
        self.is_done |= read.is_err();
        let told = match self.is_done {
            true => self.table.length(),
            false => self.share_read(),
        };
        let file_bytes = told - std::mem::replace(&mut self.told_bytes, told);
        let content = match read {
            Ok(rows) => ChunkContent::Table(Box::new(TableRows {
                bytes_read: file_bytes,
                ..rows
            })),
            Err(kind) => {
                bytes.clear();
                ChunkContent::Failed(kind)
            }
        };
        Some(Chunk {
            file: Arc::clone(&self.file),
            offset: at,
            content,
            bytes,
            file_bytes,
            is_first,
            is_last: self.is_done,
            conversion: None,
        })
    }

    /// The share of the file that stands for the rows handed out; never nothing.
    fn share_read(&self) -> u64 {
        let share = self.rows as f64 / self.table.rows().max(1) as f64;
        let length = self.table.length();
        ((length as f64 * share) as u64).clamp(self.told_bytes.max(1), length)
    }

    /// Where the texts of the row group at hand begin in the file.
    fn place(&self) -> u64 {
        match self.table.metadata.row_groups().get(self.group) {
            Some(group) => group.column(self.table.text).byte_range().0,
            None => 0,
        }
    }

    /// Reads the next rows; says whether they are the last.
    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<TableRows, ProblemKind> {
        let at = self.place();
        let table = Arc::clone(&self.table);
        let groups = table.metadata.row_groups();
        let mut rows = TableRows {
            table: Arc::clone(&table),
            group: self.group,
            rows_before: self.rows,
            rows: Vec::new(),
            bytes_read: 0,
        };
        if let Some(group) = groups.get(self.group) {
            let group_rows = group.num_rows() as u64;
            let values = |column: usize| {
                Values::new(&table.places, group.column(column), group_rows).map_err(refused(at))
            };
            if self.text.is_none() && group_rows > 0 {
                self.text = Some(values(table.text)?);
                self.url = table.url.map(values).transpose()?;
                let ids = |column| Ids::new(&table.places, group.column(column), group_rows);
                self.id = table.id.map(ids).transpose().map_err(refused(at))?;
            }
            let is_full = |bytes: &[u8], rows: &TableRows| {
                bytes.len() >= CHUNK_BYTES || rows.rows.len() >= CHUNK_ROWS
            };
            while self.rows_of_group < group_rows && !is_full(bytes, &rows) {
                let mut value = |values: &mut Option<Values<_>>| {
                    let value = match values {
                        Some(values) => values.next().map_err(refused(at))?,
                        None => None,
                    };
                    Ok(value.map(|value: ByteArray| put(value.data(), bytes)))
                };
                let (text, url) = (value(&mut self.text)?, value(&mut self.url)?);
                let id = match &mut self.id {
                    Some(ids) => ids.next(bytes).map_err(refused(at))?,
                    None => None,
                };
                let row = TableRow { text, url, id };
                rows.rows.push(row);
                self.rows_of_group += 1;
                self.rows += 1;
            }
            self.text_bytes += bytes.len() as u64;
            if is_bomb(table.length(), self.text_bytes) {
                return Err(damaged(at, "its texts have over 10,000 times its size"));
            }
            if self.rows_of_group == group_rows {
                self.group += 1;
                self.rows_of_group = 0;
                self.text = None;
                self.url = None;
                self.id = None;
            }
        }
        self.is_done = self.group >= groups.len();
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_problem() {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !is_reading() {
                usual(panic);
            }
        }));
        let done = guarded(7, || -> Result<(), ProblemKind> {
            panic!("a reader's fault")
        });
        let told = damaged(7, "what stands there makes no sense");
        assert_eq!(done, Err(told));
        assert!(!is_reading());
        assert_eq!(guarded(7, || Ok(1)), Ok(1));
    }
}
