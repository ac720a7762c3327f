//! Files in, one digest of all of them out, whatever order they come in.

use xxhash_rust::xxh3::xxh3_128;

/// A sum over files: the same files give the same sum in any order, on any number of threads.
///
/// 128 bits of xxh3. Files that differ have other digests but for chance; it is no defence
/// against files that were made to have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DigestSum {
    sum: u128,
    /// Files.
    pub files: u64,
    /// Bytes of them all.
    pub bytes: u64,
}

impl DigestSum {
    /// Adds a file: its name, which of several files of that name it is, its bytes.
    pub fn add(&mut self, name: &[u8], part: u32, content: &[u8]) {
        self.add_hashed(name, part, xxh3_128(content), content.len() as u64);
    }

    /// As [`DigestSum::add`], for content of which the xxh3 of 128 bits is known.
    pub fn add_hashed(&mut self, name: &[u8], part: u32, content: u128, bytes: u64) {
        let mut item = Vec::with_capacity(name.len() + 32);
        item.extend_from_slice(&content.to_le_bytes());
        item.extend_from_slice(&bytes.to_le_bytes());
        item.extend_from_slice(&part.to_le_bytes());
        item.extend_from_slice(name);
        self.sum = self.sum.wrapping_add(xxh3_128(&item));
        self.files += 1;
        self.bytes += bytes;
    }

    /// Adds the files of another sum.
    pub fn merge(&mut self, other: &DigestSum) {
        self.sum = self.sum.wrapping_add(other.sum);
        self.files += other.files;
        self.bytes += other.bytes;
    }

    /// The digest: 32 hexadecimal digits.
    pub fn hex(&self) -> String {
        let mut all = self.sum.to_le_bytes().to_vec();
        all.extend_from_slice(&self.files.to_le_bytes());
        all.extend_from_slice(&self.bytes.to_le_bytes());
        hex(&all)
    }
}

/// The digest of some bytes: 32 hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(files: &[(&str, u32, &str)]) -> DigestSum {
        let mut sum = DigestSum::default();
        for (name, part, content) in files {
            sum.add(name.as_bytes(), *part, content.as_bytes());
        }
        sum
    }

    #[test]
    fn order_and_grouping_change_nothing() {
        let all = sum(&[("a", 0, "x"), ("b", 0, "y"), ("b", 1, "")]);
        let mut other = sum(&[("b", 1, ""), ("b", 0, "y")]);
        other.merge(&sum(&[("a", 0, "x")]));
        assert_eq!(all, other);
        assert_eq!((all.files, all.bytes, all.hex().len()), (3, 2, 32));
    }

    #[test]
    fn names_parts_content_and_number_count() {
        let files = [
            sum(&[]),
            sum(&[("", 0, "")]),
            sum(&[("a", 0, "x")]),
            sum(&[("a", 0, "y")]),
            sum(&[("b", 0, "x")]),
            sum(&[("a", 1, "x")]),
            sum(&[("a", 0, "x"), ("a", 0, "x")]),
            sum(&[("a", 0, "y"), ("b", 0, "x")]),
            sum(&[("a", 0, "x"), ("b", 0, "y")]),
        ];
        let digests: std::collections::BTreeSet<String> =
            files.iter().map(DigestSum::hex).collect();
        assert_eq!(digests.len(), files.len());
    }
}
