//! A stream in some character set in, a stream of UTF-8 out, in bounded memory.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_16LE};

use super::{Charset, Faults};

/// Bytes read at a time.
const FEED_BYTES: usize = 64 << 10;
/// Bytes that are kept behind those that were decoded: a faulty sequence may lie in them.
const KEPT_BYTES: usize = 8;

/// Reads what bytes say, as UTF-8; what is no character stays as [`Charset::decode`] has it.
///
/// The text does not depend on how the bytes come. An error of the reader is handed on once
/// all before it is.
pub struct Transcoder<R> {
    reader: R,
    charset: Charset,
    decoder: Decoder,
    /// Bytes as they came, up to `end`; decoded up to `at`.
    raw: Vec<u8>,
    at: usize,
    end: usize,
    /// Offset of `raw` in the stream.
    offset: u64,
    /// Text that was not handed out: from `text_at` to `text_end`.
    text: Vec<u8>,
    text_at: usize,
    text_end: usize,
    is_at_end: bool,
    is_done: bool,
    error: Option<io::Error>,
    faults: Option<Faults>,
}

impl<R: Read> Transcoder<R> {
    /// Over a reader that stands behind the byte-order mark, at an offset in bytes.
    pub fn new(reader: R, charset: Charset, offset: u64) -> Self {
        Transcoder {
            reader,
            charset,
            decoder: charset.encoding().new_decoder_without_bom_handling(),
            raw: vec![0; KEPT_BYTES + FEED_BYTES],
            at: 0,
            end: 0,
            offset,
            text: vec![0; FEED_BYTES + KEPT_BYTES],
            text_at: 0,
            text_end: 0,
            is_at_end: false,
            is_done: false,
            error: None,
            faults: None,
        }
    }

    /// The character set.
    pub fn charset(&self) -> Charset {
        self.charset
    }

    /// What was no character so far.
    pub fn faults(&self) -> Option<Faults> {
        self.faults
    }

    /// Offset of the bytes that were decoded so far.
    pub fn position(&self) -> u64 {
        self.offset + self.at as u64
    }

    /// Reads more bytes.
    fn feed(&mut self) -> io::Result<()> {
        let gone = self.at.saturating_sub(KEPT_BYTES);
        self.raw.copy_within(gone..self.end, 0);
        self.at -= gone;
        self.end -= gone;
        self.offset += gone as u64;
        match self.reader.read(&mut self.raw[self.end..]) {
            Ok(read) => {
                self.end += read;
                self.is_at_end = read == 0;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                self.error = Some(error);
                self.is_at_end = true;
            }
        }
        Ok(())
    }

    /// Decodes up to the next fault, the end of what was read, or as much as there is room for.
    fn decode(&mut self) {
        let raw = &self.raw[self.at..self.end];
        let text = &mut self.text[..FEED_BYTES];
        let (result, read, written) =
            self.decoder
                .decode_to_utf8_without_replacement(raw, text, self.is_at_end);
        (self.text_at, self.text_end) = (0, written);
        self.at += read;
        match result {
            DecoderResult::InputEmpty => self.is_done = self.is_at_end,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, behind) => {
                let end = self.at - usize::from(behind);
                let start = end - usize::from(length);
                let faults = self.faults.get_or_insert(Faults {
                    count: 0,
                    first_byte: self.offset + start as u64,
                });
                faults.count += 1;
                let mut put = |fault: &[u8]| {
                    self.text[written..written + fault.len()].copy_from_slice(fault);
                    self.text_end += fault.len();
                };
                match self.raw[start..end] {
                    [first, second] if self.charset.is_utf16() => {
                        let is_little = self.charset.encoding() == UTF_16LE;
                        let unit = match is_little {
                            true => u16::from_le_bytes([first, second]),
                            false => u16::from_be_bytes([first, second]),
                        };
                        let low = |shift: u16| 0x80 | (unit >> shift & 0x3f) as u8;
                        put(&[0xe0 | (unit >> 12) as u8, low(6), low(0)]);
                    }
                    ref fault => put(fault),
                }
            }
        }
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while self.text_at == self.text_end {
            if self.is_done {
                return self.error.take().map_or(Ok(0), Err);
            }
            if self.at == self.end && !self.is_at_end {
                self.feed()?;
            }
            self.decode();
        }
        let count = (self.text_end - self.text_at).min(out.len());
        out[..count].copy_from_slice(&self.text[self.text_at..][..count]);
        self.text_at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives so many bytes at a time, then an error if there is one.
    struct Drip<'b>(&'b [u8], usize, Option<io::Error>);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(out.len());
            let (now, behind) = self.0.split_at(count);
            out[..count].copy_from_slice(now);
            self.0 = behind;
            match count {
                0 => self.2.take().map_or(Ok(0), Err),
                _ => Ok(count),
            }
        }
    }

    const NAMES: [&str; 8] = [
        "utf-16le",
        "utf-16be",
        "euc-kr",
        "shift_jis",
        "gb18030",
        "big5",
        "euc-jp",
        "windows-1258",
    ];

    proptest! {
        #[test]
        fn the_text_does_not_depend_on_how_bytes_come(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            name in proptest::sample::select(&NAMES[..]),
            step in 1_usize..9,
        ) {
            let charset = Charset::named(name).expect("a name");
            let whole = charset.decode(&bytes);
            let mut drip = Transcoder::new(Drip(&bytes, step, None), charset, 0);
            let mut text = Vec::new();
            drip.read_to_end(&mut text).expect("no error");
            prop_assert_eq!(&text, &whole.text);
            prop_assert_eq!(drip.faults(), whole.faults);
            prop_assert_eq!(drip.position(), bytes.len() as u64);
            // With a replacement for every fault it is what the library says.
            if whole.faults.is_none() {
                let (expected, _) = charset.encoding().decode_without_bom_handling(&bytes);
                prop_assert_eq!(expected.as_bytes(), &text[..]);
            }
        }
    }

    #[test]
    fn an_error_comes_behind_all_that_was_read() {
        let charset = Charset::named("euc-kr").expect("a name");
        let broken = Some(io::Error::other("broken"));
        let mut transcoder = Transcoder::new(Drip(b"\xb0\xa1\xb0", 1, broken), charset, 0);
        let mut text = Vec::new();
        assert!(transcoder.read_to_end(&mut text).is_err());
        assert_eq!(text, b"\xea\xb0\x80\xb0");
        assert_eq!(transcoder.read(&mut [0; 9]).ok(), Some(0));
    }

    #[test]
    fn a_long_text_is_the_same_in_pieces() {
        let charset = Charset::named("shift_jis").expect("a name");
        let page = "ようこそ、ゲスト様\n".repeat(20_000);
        let bytes = charset.encoding().encode(&page).0;
        for step in [3, 4096, 1 << 20] {
            let mut text = String::new();
            Transcoder::new(Drip(&bytes, step, None), charset, 0)
                .read_to_string(&mut text)
                .expect("UTF-8");
            assert!(text == page, "{step}");
        }
    }
}
