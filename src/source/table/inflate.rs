//! A packed page of a column in, what it holds out, never more than a limit.
//!
//! The `parquet` crate's own decoders unpack gzip and brotli without one.

use std::io::Read;

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use lz4_flex::block::{DecompressError, decompress_into};
use lz4_flex::frame::FrameDecoder;
use parquet::basic::CompressionCodec;

const FEED_BYTES: usize = 64 << 10;
/// What is first tried for a block of LZ4, which does not say how much it holds.
const FIRST_TRY_BYTES: usize = 256 << 10;

/// Appends what `packed` holds to `out`, which may come to hold `max_bytes`.
///
/// # Errors
///
/// It is damaged or would hold more, or nothing reads it.
pub(super) fn inflate(
    codec: CompressionCodec,
    packed: &Bytes,
    max_bytes: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let room = max_bytes.saturating_sub(out.len());
    match codec {
        CompressionCodec::UNCOMPRESSED => append(&packed[..], room, out),
        CompressionCodec::GZIP => append(MultiGzDecoder::new(&packed[..]), room, out),
        CompressionCodec::BROTLI => append(Decompressor::new(&packed[..], FEED_BYTES), room, out),
        CompressionCodec::ZSTD => {
            let decoder = zstd::stream::read::Decoder::with_buffer(&packed[..]);
            append(decoder.map_err(told)?, room, out)
        }
        CompressionCodec::SNAPPY => {
            let bytes = snap::raw::decompress_len(packed).map_err(told)?;
            let start = out.len();
            grow(bytes, room, out)?;
            let unpacked = snap::raw::Decoder::new().decompress(packed, &mut out[start..]);
            unpacked.map(drop).map_err(told)
        }
        CompressionCodec::LZ4_RAW => block(packed, room, out),
        CompressionCodec::LZ4 => {
            let start = out.len();
            for read in [hadoop_blocks, frames, block] {
                if read(packed, room, out).is_ok() {
                    return Ok(());
                }
                out.truncate(start);
            }
            Err("no LZ4".to_owned())
        }
        CompressionCodec::LZO => Err("packed by LZO, which is not read".to_owned()),
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn too_long(room: usize) -> String {
    format!("a page unpacks to over {room} bytes")
}

/// Makes `out` longer by so many bytes.
fn grow(bytes: usize, room: usize, out: &mut Vec<u8>) -> Result<(), String> {
    if bytes > room {
        return Err(too_long(room));
    }
    out.resize(out.len() + bytes, 0);
    Ok(())
}

fn append(reader: impl Read, room: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let mut reader = reader.take(room as u64 + 1);
    let read = reader.read_to_end(out).map_err(told)?;
    match read > room {
        true => Err(too_long(room)),
        false => Ok(()),
    }
}

/// One block.
fn block(packed: &Bytes, room: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let start = out.len();
    let mut bytes = FIRST_TRY_BYTES
        .max(packed.len().saturating_mul(4))
        .min(room);
    loop {
        grow(bytes, room, out)?;
        match decompress_into(packed, &mut out[start..]) {
            Ok(read) => {
                out.truncate(start + read);
                return Ok(());
            }
            Err(DecompressError::OutputTooSmall { .. }) if bytes < room => {
                out.truncate(start);
                bytes = bytes.saturating_mul(4).min(room);
            }
            Err(DecompressError::OutputTooSmall { .. }) => return Err(too_long(room)),
            Err(error) => return Err(told(error)),
        }
    }
}

/// Blocks, each behind the numbers of bytes that it holds and has, as Hadoop writes them.
fn hadoop_blocks(packed: &Bytes, mut room: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let mut rest = &packed[..];
    while let Some((head, behind)) = rest.split_first_chunk::<8>() {
        let [held, length] = [&head[..4], &head[4..]].map(|number| {
            let number = number
                .iter()
                .fold(0, |all, &byte| all << 8 | u32::from(byte));
            number as usize
        });
        let block = behind.get(..length).ok_or("no block of LZ4")?;
        let start = out.len();
        grow(held, room, out)?;
        room -= held;
        let read = decompress_into(block, &mut out[start..]).map_err(told)?;
        if read != held {
            return Err("a block of another length".to_owned());
        }
        rest = &behind[length..];
    }
    match rest.is_empty() {
        true => Ok(()),
        false => Err("half a block".to_owned()),
    }
}

fn frames(packed: &Bytes, room: usize, out: &mut Vec<u8>) -> Result<(), String> {
    append(FrameDecoder::new(&packed[..]), room, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn inflated(
        codec: CompressionCodec,
        packed: Vec<u8>,
        max_bytes: usize,
    ) -> Result<Vec<u8>, String> {
        let mut out = b"before".to_vec();
        inflate(codec, &Bytes::from(packed), max_bytes, &mut out)?;
        Ok(out.split_off(6))
    }

    #[test]
    fn every_codec_gives_what_was_packed_and_stops_at_the_limit() {
        let text = "The tide came in at noon. ".repeat(40_000).into_bytes();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).expect("memory");
        let mut brotli = Vec::new();
        brotli::CompressorWriter::new(&mut brotli, 4096, 1, 22)
            .write_all(&text)
            .expect("memory");
        let block = lz4_flex::block::compress(&text);
        let number = |number: usize| (number as u32).to_be_bytes();
        let hadoop = [&number(text.len()), &number(block.len()), &block[..]].concat();
        let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
        frame.write_all(&text).expect("memory");
        for (codec, packed) in [
            (CompressionCodec::UNCOMPRESSED, text.clone()),
            (CompressionCodec::GZIP, gzip.finish().expect("memory")),
            (CompressionCodec::BROTLI, brotli),
            (
                CompressionCodec::ZSTD,
                zstd::bulk::compress(&text, 1).expect("memory"),
            ),
            (
                CompressionCodec::SNAPPY,
                snap::raw::Encoder::new()
                    .compress_vec(&text)
                    .expect("memory"),
            ),
            (CompressionCodec::LZ4_RAW, block.clone()),
            (CompressionCodec::LZ4, block),
            (CompressionCodec::LZ4, hadoop),
            (CompressionCodec::LZ4, frame.finish().expect("memory")),
        ] {
            let whole = inflated(codec, packed.clone(), text.len() + 6);
            assert!(whole.as_ref() == Ok(&text), "{codec:?}");
            assert!(
                inflated(codec, packed, text.len() + 5).is_err(),
                "{codec:?}"
            );
            assert!(
                codec == CompressionCodec::UNCOMPRESSED
                    || inflated(codec, b"\x01no such thing".to_vec(), 100).is_err(),
                "{codec:?}"
            );
        }
    }
}
