//! Bytes in, the place of the first of a kind out.

/// Where the first byte stands that `is_it` is true of. It is asked of whole blocks without
/// branches, so that the compiler takes them at once: keep it to comparisons.
#[inline]
pub fn first_where(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<16>();
    let has_one = |block: &[u8; 16]| block.iter().fold(false, |found, &byte| found | is_it(byte));
    let skipped = blocks.iter().position(has_one).unwrap_or(blocks.len()) * 16;
    let found = bytes[skipped..].iter().position(|&byte| is_it(byte));
    found.map(|at| skipped + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_found_wherever_it_stands() {
        for length in 0..70 {
            let mut bytes = vec![b'a'; length];
            assert_eq!(first_where(&bytes, |byte| byte == b'7'), None);
            for at in (0..length).rev() {
                bytes[at] = b'7';
                assert_eq!(first_where(&bytes, |byte| byte == b'7'), Some(at));
            }
        }
    }
}
