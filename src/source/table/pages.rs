//! A column of one row group in, its values out, one at a time and in bounded memory.
//!
//! The `parquet` crate finds the pages and decodes them. What it would do without a limit is done
//! or checked here first: unpacking, and the numbers of values that pages claim to have.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::{Compression, CompressionCodec, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::inflate::inflate;
use super::thrift::struct_bytes;

/// Values of a page.
const MAX_PAGE_VALUES: u32 = 1 << 24;
/// Values of a dictionary, each of which costs 32 bytes more than itself.
const MAX_DICTIONARY_VALUES: u32 = 1 << 22;
/// Bytes read at first for a page's header; long statistics may stand in it.
const HEADER_BYTES: usize = 512;

fn general(what: impl Into<String>) -> ParquetError {
    ParquetError::General(what.into())
}

/// A file that is read at many places; gives at most so many bytes together.
#[derive(Clone, Debug)]
pub(super) struct Places {
    file: Arc<Mutex<File>>,
    length: u64,
    max_bytes: usize,
}

impl Places {
    pub(super) fn new(file: File, length: u64, max_bytes: usize) -> Self {
        Places {
            file: Arc::new(Mutex::new(file)),
            length,
            max_bytes,
        }
    }

    /// At most so many bytes from a place on.
    fn bytes_at(&self, start: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        let from = From {
            places: self,
            at: start,
        };
        from.take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads at most so many bytes as there is room for.
    pub(super) fn read_at(&self, start: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        file.read(out)
    }
}

impl Length for Places {
    fn len(&self) -> u64 {
        self.length
    }
}

/// Reads on from a place.
struct From<'p> {
    places: &'p Places,
    at: u64,
}

impl Read for From<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.places.read_at(self.at, out)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl ChunkReader for Places {
    type T = Cursor<Vec<u8>>;

    /// The header of the page that begins there: nothing else is read so.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let mut length = HEADER_BYTES;
        loop {
            let mut bytes = self.bytes_at(start, length)?;
            if let Some(end) = struct_bytes(&bytes) {
                bytes.truncate(end);
                return Ok(Cursor::new(bytes));
            }
            if bytes.len() < length || length >= self.max_bytes {
                return Err(general("no page stands there"));
            }
            length = length.saturating_mul(8).min(self.max_bytes);
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if length > self.max_bytes {
            return Err(general(format!("{length} bytes together")));
        }
        let bytes = self.bytes_at(start, length)?;
        match bytes.len() == length {
            true => Ok(Bytes::from(bytes)),
            false => Err(ParquetError::EOF("the file ends".to_owned())),
        }
    }
}

/// The pages of a column, unpacked.
struct Pages {
    packed: SerializedPageReader<Places>,
    codec: CompressionCodec,
    is_nullable: bool,
    max_bytes: usize,
}

impl Pages {
    /// Behind the first `plain_bytes`, which are not packed.
    fn unpack(&self, packed: &Bytes, plain_bytes: usize) -> Result<Bytes> {
        if self.codec == CompressionCodec::UNCOMPRESSED {
            return Ok(packed.clone());
        }
        let levels = packed.get(..plain_bytes);
        let levels = levels.ok_or_else(|| general("a page ends in its levels"))?;
        let mut out = levels.to_vec();
        // A page of nulls may hold nothing, packed or not.
        if packed.len() > plain_bytes {
            inflate(
                self.codec,
                &packed.slice(plain_bytes..),
                self.max_bytes,
                &mut out,
            )
            .map_err(general)?;
        }
        Ok(Bytes::from(out))
    }

    /// The page, unpacked and looked at.
    fn unpacked(&self, page: Page) -> Result<Page> {
        match page {
            Page::DictionaryPage {
                buf,
                num_values,
                encoding,
                is_sorted,
            } => {
                let buf = self.unpack(&buf, 0)?;
                // Each value has its length before it.
                if num_values > MAX_DICTIONARY_VALUES || num_values as usize > buf.len() / 4 {
                    return Err(general(format!("a dictionary of {num_values} values")));
                }
                Ok(Page::DictionaryPage {
                    buf,
                    num_values,
                    encoding,
                    is_sorted,
                })
            }
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding,
                rep_level_encoding,
                statistics,
            } => {
                let buf = self.unpack(&buf, 0)?;
                check_count(num_values)?;
                // The levels have their length before them.
                let levels = match (self.is_nullable, buf.first_chunk::<4>()) {
                    (true, Some(length)) => 4 + u32::from_le_bytes(*length) as usize,
                    (true, None) => return Err(general("a page ends in its levels")),
                    (false, _) => 0,
                };
                if def_level_encoding == Encoding::RLE || !self.is_nullable {
                    check_deltas(encoding, &buf, levels, num_values)?;
                } else if is_delta(encoding) {
                    return Err(general("lengths behind levels of an old kind"));
                }
                Ok(Page::DataPage {
                    buf,
                    num_values,
                    encoding,
                    def_level_encoding,
                    rep_level_encoding,
                    statistics,
                })
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                statistics,
            } => {
                let levels = def_levels_byte_len as usize + rep_levels_byte_len as usize;
                let buf = match is_compressed {
                    true => self.unpack(&buf, levels)?,
                    false => buf,
                };
                check_count(num_values)?;
                check_deltas(encoding, &buf, levels, num_values)?;
                Ok(Page::DataPageV2 {
                    buf,
                    num_values,
                    encoding,
                    num_nulls,
                    num_rows,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed: false,
                    statistics,
                })
            }
        }
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.packed.get_next_page()?;
        page.map(|page| self.unpacked(page)).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.packed.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.packed.skip_next_page()
    }
}

fn check_count(num_values: u32) -> Result<()> {
    match num_values > MAX_PAGE_VALUES {
        true => Err(general(format!("a page of {num_values} values"))),
        false => Ok(()),
    }
}

fn is_delta(encoding: Encoding) -> bool {
    matches!(
        encoding,
        Encoding::DELTA_LENGTH_BYTE_ARRAY
            | Encoding::DELTA_BYTE_ARRAY
            | Encoding::DELTA_BINARY_PACKED
    )
}

/// Checks the lists of lengths that a page has in front of its values: memory is asked for by the
/// numbers that they begin with.
fn check_deltas(encoding: Encoding, page: &[u8], levels: usize, num_values: u32) -> Result<()> {
    if !is_delta(encoding) {
        return Ok(());
    }
    let behind = |place: usize| page.get(place..).unwrap_or_default();
    let mut lists = vec![levels];
    if encoding == Encoding::DELTA_BYTE_ARRAY {
        let prefixes = deltas(behind(levels), num_values);
        let prefixes = prefixes.ok_or_else(|| general("no lengths before the values"))?;
        lists.push(levels + prefixes);
    }
    match lists
        .iter()
        .all(|&place| deltas(behind(place), num_values).is_some())
    {
        true => Ok(()),
        false => Err(general("no lengths before the values")),
    }
}

/// Bytes of a list of at most so many numbers, as DELTA_BINARY_PACKED has them.
fn deltas(bytes: &[u8], max_count: u32) -> Option<usize> {
    let mut at = 0;
    let number = |at: &mut usize| -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *bytes.get(*at)?;
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    };
    let block = number(&mut at)?;
    let minis = number(&mut at)?;
    let count = number(&mut at)?;
    number(&mut at)?;
    let is_sound = count <= u64::from(max_count)
        && (1..=1 << 20).contains(&block)
        && (1..=1 << 12).contains(&minis)
        && block % minis == 0;
    if !is_sound {
        return None;
    }
    let in_mini = block / minis;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        number(&mut at)?;
        let widths = bytes.get(at..at + minis as usize)?;
        at += minis as usize;
        for &width in widths {
            if left == 0 {
                break;
            }
            at = at.checked_add((u64::from(width) * in_mini / 8) as usize)?;
            left = left.saturating_sub(in_mini);
        }
        if at > bytes.len() {
            return None;
        }
    }
    Some(at)
}

/// The values of a column of one row group.
pub(super) struct Values<T: DataType> {
    reader: ColumnReaderImpl<T>,
    levels: Vec<i16>,
    values: Vec<T::T>,
}

impl<T: DataType> Values<T> {
    /// Of a column that is not repeated.
    ///
    /// # Errors
    ///
    /// It holds values of another type, or cannot be read.
    pub(super) fn new(places: &Places, column: &ColumnChunkMetaData, rows: u64) -> Result<Self> {
        let packed = column.clone().into_builder();
        let packed = packed.set_compression(Compression::UNCOMPRESSED).build()?;
        let pages = Pages {
            packed: SerializedPageReader::new(
                Arc::new(places.clone()),
                &packed,
                usize::try_from(rows)?,
                None,
            )?,
            codec: column.compression_codec(),
            is_nullable: column.column_descr().max_def_level() > 0,
            max_bytes: places.max_bytes,
        };
        let reader = get_column_reader(column.column_descr_ptr(), Box::new(pages));
        let reader = T::get_column_reader(reader);
        Ok(Values {
            reader: reader.ok_or_else(|| general("a column of another type"))?,
            levels: Vec::new(),
            values: Vec::new(),
        })
    }

    /// The value of the next row; None for null.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<T::T>> {
        self.levels.clear();
        self.values.clear();
        let read = self
            .reader
            .read_records(1, Some(&mut self.levels), None, &mut self.values)?;
        match read {
            (1, _, _) => Ok(self.values.pop()),
            _ => Err(general("a column ends before its rows")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_lengths_are_measured_before_memory_is_asked_for() {
        // Blocks of 128 in 4 parts, 5 numbers from 3 on, in two bits each.
        let list = [128, 1, 4, 5, 6, 0, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 99];
        assert_eq!(deltas(&list, 5), Some(18));
        assert_eq!(deltas(&list, 4), None, "more than the page has");
        assert_eq!(deltas(&list[..17], 5), None, "cut");
        assert_eq!(deltas(&[128, 1, 4, 1, 6], 5), Some(5), "one number");
        assert_eq!(deltas(&[0, 1, 4, 1, 6], 5), None, "blocks of none");
        assert_eq!(deltas(&[255; 12], 5), None);
        let billion = [128, 1, 4, 0x80, 0x94, 0xeb, 0xdc, 3, 6];
        assert_eq!(deltas(&billion, MAX_PAGE_VALUES), None);
    }
}
