//! UTF-16 with a byte-order mark in, UTF-8 out.

/// The text of a UTF-16 page without its mark; None where it is not valid UTF-16 (an unpaired
/// surrogate, an odd byte at the end) or has no mark.
pub fn decode(bytes: &[u8]) -> Option<String> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (units, rest) = bytes[2..].as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(units.iter().map(|&bytes| unit(bytes)))
        .collect::<Result<String, _>>()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_are_read() {
        assert_eq!(decode(b"\xff\xfea\0\n\0").as_deref(), Some("a\n"));
        assert_eq!(decode(b"\xfe\xff\0a\xc1\x1c").as_deref(), Some("a서"));
    }

    #[test]
    fn unpaired_and_odd_are_refused() {
        assert_eq!(decode(b"\xff\xfe\0\xd8a\0"), None);
        assert_eq!(decode(b"\xff\xfea"), None);
        assert_eq!(decode(b"a\0"), None);
    }
}
