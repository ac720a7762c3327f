//! Parquet from its stretches: the texts of a stretch of rows in, pages of their column out,
//! written by whoever cleaned them; one row group for each that was read, and all other columns as
//! they lie in the file that was read.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema, parquet_to_arrow_schema};
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as PhysicalType};
use parquet::column::writer::{ColumnWriter, get_column_writer};
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataWriter,
    RowGroupMetaData, SortingColumn,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, SchemaDescPtr, SchemaDescriptor, Type};
use tempfile::SpooledTempFile;

use super::Output;
use super::render::FIELD;
use crate::error::{ProblemKind, RunError, io_at};
use crate::source::table::{Table, guarded, refused};

const MAGIC: &[u8] = b"PAR1";
/// Bytes copied at a time.
const COPY_BYTES: usize = 1 << 20;
/// The pages of the column that is added wait in memory up to this many bytes, then on disk.
const SPOOL_BYTES: usize = 8 << 20;
/// Values that are looked at together when a page is to be ended.
const BATCH_VALUES: usize = 64;

/// What a file is to be that is made of another: its columns, and what stands beside them.
#[derive(Clone, Debug)]
pub struct Layout {
    table: Arc<Table>,
    schema: SchemaDescPtr,
    pairs: Option<Vec<KeyValue>>,
    /// Its last column is [`FIELD`], which was added.
    has_field: bool,
}

impl Layout {
    /// For what is written of a file.
    ///
    /// # Errors
    ///
    /// The file does not fit together, or has the column already that is to be added.
    pub fn new(table: &Arc<Table>, has_field: bool) -> Result<Self, ProblemKind> {
        if has_field && table.has_column(FIELD) {
            return Err(ProblemKind::ColumnTaken(FIELD));
        }
        guarded(0, || {
            let layout = match has_field {
                true => Layout::with_field(table),
                false => Ok(Layout::same(table)),
            };
            layout.map_err(refused(0))
        })
    }

    fn same(table: &Arc<Table>) -> Self {
        let file = table.metadata().file_metadata();
        Layout {
            table: Arc::clone(table),
            schema: file.schema_descr_ptr(),
            pairs: file.key_value_metadata().cloned(),
            has_field: false,
        }
    }

    fn with_field(table: &Arc<Table>) -> ParquetResult<Self> {
        let file = table.metadata().file_metadata();
        let field = Type::primitive_type_builder(FIELD, PhysicalType::BYTE_ARRAY)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::String))
            .build()?;
        let mut fields = file.schema().get_fields().to_vec();
        fields.push(Arc::new(field));
        let schema = Type::group_type_builder(file.schema().name()).with_fields(fields);
        let schema = SchemaDescriptor::new(Arc::new(schema.build()?));
        let mut same = Layout::same(table);
        // Arrow keeps a schema of its own.
        let pairs = same.pairs.iter_mut().flatten();
        for pair in pairs.filter(|pair| pair.key == ARROW_SCHEMA_META_KEY) {
            let arrow = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
            let added = Arc::new(Field::new(FIELD, DataType::Utf8, true));
            let fields = arrow.fields().iter().cloned().chain([added]);
            let arrow = Schema::new_with_metadata(Fields::from_iter(fields), arrow.metadata);
            pair.value = Some(encode_arrow_schema(&arrow));
        }
        Ok(Layout {
            schema: Arc::new(schema),
            has_field: true,
            ..same
        })
    }

    fn field(&self) -> Option<ColumnDescPtr> {
        let last = self.schema.num_columns().checked_sub(1)?;
        self.has_field.then(|| self.schema.column(last))
    }
}

/// Gathers what is written of a stretch of rows.
#[derive(Debug, Default)]
pub struct TableStretch {
    texts: Vec<Option<Vec<u8>>>,
    fields: Vec<Option<Vec<u8>>>,
}

impl TableStretch {
    /// Adds a row: its text, and what stands in the column that is added, if there is one.
    pub fn add(&mut self, text: Option<Vec<u8>>, field: Option<Vec<u8>>) {
        self.texts.push(text);
        self.fields.push(field);
    }

    /// The bytes for [`OutputTable`]: pages, packed as the texts of their row group are; nothing
    /// without rows.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub fn end(self, layout: &Layout, group: usize) -> ParquetResult<Vec<u8>> {
        if self.texts.is_empty() {
            return Ok(Vec::new());
        }
        let text = layout.table.text_column();
        let group = layout.table.metadata().row_group(group);
        let packing = group.column(text).compression();
        let texts = Pages::new(layout.schema.column(text), packing, self.texts)?;
        let fields = match layout.field() {
            Some(field) => Pages::new(field, packing, self.fields)?,
            None => Pages::default(),
        };
        let mut out = Vec::with_capacity(texts.bytes.len() + fields.bytes.len() + 64);
        for pages in [texts, fields] {
            let numbers = [pages.bytes.len() as u64, pages.plain_bytes, pages.rows];
            for number in numbers.into_iter().chain([pages.nulls]) {
                out.extend_from_slice(&number.to_le_bytes());
            }
            out.extend_from_slice(&pages.bytes);
        }
        Ok(out)
    }
}

/// Pages of one column, without a dictionary.
#[derive(Debug, Default)]
struct Pages {
    bytes: Vec<u8>,
    /// Bytes, were they not packed.
    plain_bytes: u64,
    rows: u64,
    nulls: u64,
}

impl Pages {
    fn new(
        column: ColumnDescPtr,
        packing: Compression,
        values: Vec<Option<Vec<u8>>>,
    ) -> ParquetResult<Self> {
        let properties = WriterProperties::builder()
            .set_compression(packing)
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::PLAIN)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_write_batch_size(BATCH_VALUES)
            .set_offset_index_disabled(true)
            .build();
        let rows = values.len() as u64;
        let levels: Vec<i16> = values
            .iter()
            .map(|value| i16::from(value.is_some()))
            .collect();
        let values: Vec<ByteArray> = values.into_iter().flatten().map(ByteArray::from).collect();
        let nulls = rows - values.len() as u64;
        let mut out = TrackedWrite::new(Vec::new());
        let pages = Box::new(SerializedPageWriter::new(&mut out));
        let ColumnWriter::ByteArrayColumnWriter(mut writer) =
            get_column_writer(column, Arc::new(properties), pages)
        else {
            return Err(ParquetError::General("no column of texts".to_owned()));
        };
        writer.write_batch(&values, Some(&levels), None)?;
        let plain_bytes = writer.close()?.metadata.uncompressed_size() as u64;
        Ok(Pages {
            bytes: out.into_inner()?,
            plain_bytes,
            rows,
            nulls,
        })
    }

    /// The sum of both, their bytes apart.
    fn add(&mut self, more: &Pages) {
        self.plain_bytes += more.plain_bytes;
        self.rows += more.rows;
        self.nulls += more.nulls;
    }

    /// Takes pages from the start of a stretch; what stands behind them.
    fn take(stretch: &[u8]) -> Option<(Pages, &[u8])> {
        let (head, behind) = stretch.split_first_chunk::<32>()?;
        let number = |index: usize| {
            let number = head[index * 8..].first_chunk::<8>();
            number.map_or(0, |number| u64::from_le_bytes(*number))
        };
        let (bytes, behind) = behind.split_at_checked(number(0) as usize)?;
        let pages = Pages {
            bytes: bytes.to_vec(),
            plain_bytes: number(1),
            rows: number(2),
            nulls: number(3),
        };
        Some((pages, behind))
    }
}

/// Joins the stretches of a file of Parquet.
pub struct OutputTable<'o> {
    output: Box<dyn Output + 'o>,
    layout: Layout,
    name: PathBuf,
    /// Bytes written.
    written: u64,
    /// What was written of the row group at hand, before its texts.
    columns_before: Vec<ColumnChunkMetaData>,
    text_begins: u64,
    texts: Pages,
    fields: Pages,
    /// The pages of the column that is added.
    spool: SpooledTempFile,
    spooled: u64,
    groups: Vec<RowGroupMetaData>,
}

impl<'o> OutputTable<'o> {
    /// Into an output; `name` is for messages. Pages of a column that is added may wait in
    /// `temp_dir`.
    pub fn new(
        output: Box<dyn Output + 'o>,
        layout: Layout,
        name: PathBuf,
        temp_dir: PathBuf,
    ) -> Self {
        OutputTable {
            output,
            layout,
            name,
            written: 0,
            columns_before: Vec::new(),
            text_begins: 0,
            texts: Pages::default(),
            fields: Pages::default(),
            spool: tempfile::spooled_tempfile_in(SPOOL_BYTES, temp_dir),
            spooled: 0,
            groups: Vec::new(),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.written += bytes.len() as u64;
        self.output.write(bytes)
    }

    fn failed(&self, error: ParquetError) -> RunError {
        io_at(&self.name)(std::io::Error::other(error))
    }

    /// The row group at hand, as it was read.
    fn group(&self) -> Option<&RowGroupMetaData> {
        self.layout
            .table
            .metadata()
            .row_groups()
            .get(self.groups.len())
    }

    /// Copies bytes of the file that was read.
    fn copy(&mut self, start: u64, length: u64) -> Result<(), RunError> {
        let mut buffer = vec![0; COPY_BYTES.min(length as usize)];
        let (mut at, end) = (start, start + length);
        while at < end {
            let room = buffer.len().min((end - at) as usize);
            let read = self.layout.table.read_at(at, &mut buffer[..room]);
            let read = read.map_err(io_at(&self.name))?;
            if read == 0 {
                let error = std::io::ErrorKind::UnexpectedEof.into();
                return Err(io_at(&self.name)(error));
            }
            self.put(&buffer[..read])?;
            at += read as u64;
        }
        Ok(())
    }

    /// Copies a column of the row group at hand; what is said of it where it lies now.
    fn copy_column(
        &mut self,
        column: &ColumnChunkMetaData,
    ) -> Result<ColumnChunkMetaData, RunError> {
        let (start, length) = column.byte_range();
        let moved = self.written as i64 - start as i64;
        self.copy(start, length)?;
        let at = |place: Option<i64>| place.map(|place| place + moved);
        column
            .clone()
            .into_builder()
            .set_data_page_offset(column.data_page_offset() + moved)
            .set_dictionary_page_offset(at(column.dictionary_page_offset()))
            .set_index_page_offset(at(column.index_page_offset()))
            .build()
            .map_err(|error| self.failed(error))
    }

    /// Begins a row group: what stands before its texts.
    fn begin_group(&mut self, group: &RowGroupMetaData) -> Result<(), RunError> {
        for column in &group.columns()[..self.layout.table.text_column()] {
            let copied = self.copy_column(column)?;
            self.columns_before.push(copied);
        }
        self.text_begins = self.written;
        self.texts = Pages::default();
        self.fields = Pages::default();
        Ok(())
    }

    /// Ends a row group: what stands behind its texts.
    fn end_group(&mut self, group: &RowGroupMetaData) -> Result<(), RunError> {
        let begins = match self.columns_before.first() {
            Some(first) => first.byte_range().0,
            None => self.text_begins,
        };
        let text = self.layout.table.text_column();
        let mut columns = std::mem::take(&mut self.columns_before);
        columns.push(match group.num_rows() {
            0 => self.copy_column(group.column(text))?,
            _ => {
                let length = self.written - self.text_begins;
                let column = self.layout.schema.column(text);
                let of = group.column(text);
                self.made_column(column, of, &self.texts, self.text_begins, length)?
            }
        });
        for column in &group.columns()[text + 1..] {
            columns.push(self.copy_column(column)?);
        }
        if let Some(field) = self.layout.field() {
            let begins = self.written;
            self.put_spooled()?;
            let length = self.written - begins;
            let of = group.column(text);
            columns.push(self.made_column(field, of, &self.fields, begins, length)?);
        }
        for (number, column) in group.columns().iter().enumerate() {
            let copied = columns[number].clone();
            columns[number] = self.copy_filter(column, copied, number != text)?;
        }
        let plain_bytes = columns.iter().map(ColumnChunkMetaData::uncompressed_size);
        let sorting = group.sorting_columns().map(|columns| {
            let is_kept = |column: &&SortingColumn| column.column_idx != text as i32;
            columns.iter().take_while(is_kept).cloned().collect()
        });
        let made = RowGroupMetaData::builder(Arc::clone(&self.layout.schema))
            .set_num_rows(group.num_rows())
            .set_sorting_columns(sorting)
            .set_total_byte_size(plain_bytes.sum())
            .set_file_offset(begins as i64)
            .set_column_metadata(columns);
        let made = match group.ordinal() {
            Some(ordinal) => made.set_ordinal(ordinal),
            None => made,
        };
        let made = made.build().map_err(|error| self.failed(error))?;
        self.groups.push(made);
        Ok(())
    }

    /// What is said of a column that was written anew.
    fn made_column(
        &self,
        column: ColumnDescPtr,
        of: &ColumnChunkMetaData,
        pages: &Pages,
        begins: u64,
        length: u64,
    ) -> Result<ColumnChunkMetaData, RunError> {
        let statistics = Statistics::byte_array(None, None, None, Some(pages.nulls), false);
        ColumnChunkMetaData::builder(column)
            .set_compression(of.compression())
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
            .set_num_values(pages.rows as i64)
            .set_total_compressed_size(length as i64)
            .set_total_uncompressed_size(pages.plain_bytes as i64)
            .set_data_page_offset(begins as i64)
            .set_statistics(statistics)
            .build()
            .map_err(|error| self.failed(error))
    }

    /// Copies the filter of a column, unless its values are others now. Indexes of its pages go:
    /// they are not written.
    fn copy_filter(
        &mut self,
        column: &ColumnChunkMetaData,
        copied: ColumnChunkMetaData,
        is_as_it_was: bool,
    ) -> Result<ColumnChunkMetaData, RunError> {
        let filter = (column.bloom_filter_offset(), column.bloom_filter_length());
        let filter = match filter {
            (Some(start), Some(length)) if is_as_it_was && start >= 0 && length >= 0 => {
                let begins = self.written;
                self.copy(start as u64, length as u64)?;
                Some((begins as i64, length))
            }
            _ => None,
        };
        copied
            .into_builder()
            .set_bloom_filter_offset(filter.map(|filter| filter.0))
            .set_bloom_filter_length(filter.map(|filter| filter.1))
            .set_column_index_offset(None)
            .set_column_index_length(None)
            .set_offset_index_offset(None)
            .set_offset_index_length(None)
            .build()
            .map_err(|error| self.failed(error))
    }

    fn put_spooled(&mut self) -> Result<(), RunError> {
        let mut left = std::mem::take(&mut self.spooled);
        let rewound = self.spool.seek(SeekFrom::Start(0));
        rewound.map_err(io_at(&self.name))?;
        let mut buffer = vec![0; COPY_BYTES.min(left as usize)];
        while left > 0 {
            let room = buffer.len().min(left as usize);
            let read = self.spool.read_exact(&mut buffer[..room]);
            read.map_err(io_at(&self.name))?;
            self.put(&buffer[..room])?;
            left -= room as u64;
        }
        let cut = self.spool.set_len(0);
        cut.and_then(|()| self.spool.rewind())
            .map_err(io_at(&self.name))
    }

    /// Begins the file, and writes the row groups without rows that come next.
    fn put_empty_groups(&mut self) -> Result<(), RunError> {
        if self.written == 0 {
            self.put(MAGIC)?;
        }
        while let Some(group) = self.group().filter(|group| group.num_rows() == 0) {
            let group = group.clone();
            self.begin_group(&group)?;
            self.end_group(&group)?;
        }
        Ok(())
    }

    fn footer(&self) -> ParquetResult<Vec<u8>> {
        let file = self.layout.table.metadata().file_metadata();
        let metadata = FileMetaData::new(
            file.version(),
            file.num_rows(),
            file.created_by().map(str::to_owned),
            self.layout.pairs.clone(),
            Arc::clone(&self.layout.schema),
            None,
        );
        let metadata = ParquetMetaData::new(metadata, self.groups.clone());
        let mut footer = Vec::new();
        ParquetMetaDataWriter::new(&mut footer, &metadata).finish()?;
        Ok(footer)
    }
}

impl Output for OutputTable<'_> {
    fn write(&mut self, stretch: &[u8]) -> Result<(), RunError> {
        let broken = |name: &PathBuf| io_at(name)(std::io::ErrorKind::InvalidData.into());
        if stretch.is_empty() {
            return Ok(());
        }
        self.put_empty_groups()?;
        let taken = Pages::take(stretch);
        let (texts, behind) = taken.ok_or_else(|| broken(&self.name))?;
        let (fields, _) = Pages::take(behind).ok_or_else(|| broken(&self.name))?;
        if texts.rows == 0 {
            return Ok(());
        }
        let group = self.group().cloned().ok_or_else(|| broken(&self.name))?;
        if self.texts.rows == 0 {
            self.begin_group(&group)?;
        }
        self.put(&texts.bytes)?;
        self.texts.add(&texts);
        self.spool
            .write_all(&fields.bytes)
            .map_err(io_at(&self.name))?;
        self.spooled += fields.bytes.len() as u64;
        self.fields.add(&fields);
        if self.texts.rows == group.num_rows() as u64 {
            self.end_group(&group)?;
            self.texts = Pages::default();
        }
        Ok(())
    }

    fn discard(self: Box<Self>) -> Result<(), RunError> {
        self.output.discard()
    }

    fn finish(mut self: Box<Self>) -> Result<(), RunError> {
        self.put_empty_groups()?;
        let footer = self.footer().map_err(|error| self.failed(error))?;
        self.put(&footer)?;
        self.output.finish()
    }
}
