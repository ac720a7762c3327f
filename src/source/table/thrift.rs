//! Bytes of Thrift's compact protocol in, where a struct ends out: nothing is made of it.
//!
//! The `parquet` crate believes how many items a list claims to have, and items of some kinds take no
//! bytes there: it would walk over billions. Here every item takes a byte at least.

/// Structs and lists inside one another.
const MAX_DEPTH: usize = 32;

/// Bytes of the struct that stands first; None where none does, or not all of it.
pub(super) fn struct_bytes(bytes: &[u8]) -> Option<usize> {
    let mut walk = Walk { bytes, at: 0 };
    walk.value(STRUCT, 0)?;
    Some(walk.at)
}

const BYTE: u8 = 3;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const STRUCT: u8 = 12;

struct Walk<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Walk<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, bytes: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(bytes).ok()?)?;
        self.at = end;
        (end <= self.bytes.len()).then_some(())
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            BYTE => self.skip(1),
            // Numbers of 16, 32 and 64 bits.
            4..=6 => self.number().map(drop),
            DOUBLE => self.skip(8),
            BINARY => {
                let length = self.number()?;
                self.skip(length)
            }
            // Lists and sets. Those of booleans, which are 1 and 2, Parquet has none of here, nor
            // maps.
            9 | 10 => {
                let head = self.byte()?;
                let items = match head >> 4 {
                    15 => self.number()?,
                    items => u64::from(items),
                };
                (0..items).try_for_each(|_| self.value(head & 15, depth + 1))
            }
            STRUCT => loop {
                let head = self.byte()?;
                if head == 0 {
                    return Some(());
                }
                if head >> 4 == 0 {
                    self.number()?;
                }
                match head & 15 {
                    // A boolean is in its head.
                    1 | 2 => {}
                    kind => self.value(kind, depth + 1)?,
                }
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_end_where_their_bytes_say() {
        // Fields: a number, a boolean, a byte string, a list of two structs, a double.
        let good = [
            0x15, 0x80, 1, 0x11, 0x18, 2, b'a', b'b', 0x19, 0x2c, 0x15, 4, 0, 0, 0x17, 1, 2, 3, 4,
            5, 6, 7, 8, 0,
        ];
        assert_eq!(struct_bytes(&good), Some(good.len()));
        let longer = [&good[..], b"more"].concat();
        assert_eq!(struct_bytes(&longer), Some(good.len()));
        for end in 0..good.len() {
            assert_eq!(struct_bytes(&good[..end]), None, "{end}");
        }
    }

    #[test]
    fn what_takes_no_bytes_is_no_struct() {
        let billions = [0xff, 0xff, 0xff, 0xff, 7];
        let list = |item: u8| [&[0x19, 0xf0 | item][..], &billions, &[0; 64]].concat();
        for item in 0..16 {
            assert_eq!(struct_bytes(&list(item)), None, "{item}");
        }
        assert_eq!(struct_bytes(&[0x1b, 0, 0]), None, "a map");
        assert_eq!(struct_bytes(&[0x1c; 100]), None, "too deep");
        assert_eq!(struct_bytes(&[0x18, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]), None);
        assert_eq!(struct_bytes(&[0x15, 0xff]), None);
    }
}
