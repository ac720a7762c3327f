//! What a run wrote in, its digest and size out: as the run record has them of a run of `dechaff
//! clean` that packs nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use walkdir::WalkDir;
use xxhash_rust::xxh3::Xxh3;

use crate::digest::DigestSum;

/// The digest of a file, or of all files of a directory with their names.
///
/// # Errors
///
/// Something cannot be read.
pub fn digest(path: &Path) -> io::Result<DigestSum> {
    let mut sum = DigestSum::default();
    let is_tree = path.is_dir();
    for entry in WalkDir::new(path) {
        let entry = entry?;
        if !entry.file_type().is_file() {
            continue;
        }
        let (hash, bytes) = hash(entry.path())?;
        if is_tree {
            let name = entry.path().strip_prefix(path).unwrap_or(entry.path());
            sum.add_hashed(name.as_os_str().as_encoded_bytes(), 0, hash, bytes);
        } else if bytes > 0 {
            sum.add_hashed(b"", 0, hash, bytes);
        }
    }
    Ok(sum)
}

fn hash(path: &Path) -> io::Result<(u128, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Xxh3::new();
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hasher.digest128(), bytes)),
            read => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_in_a_directory_only() {
        let place = tempfile::tempdir().expect("a directory");
        let write = |name: &str, content: &str| {
            let path = place.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(&path, content).expect("a file");
            path
        };
        let [one, two] = ["one", "two"].map(|name| digest(&write(name, "x")).expect("a digest"));
        assert_eq!(one.hex(), two.hex());
        let trees = ["a/d/p", "b/d/p", "c/d/q"].map(|name| {
            write(name, "x");
            digest(&place.path().join(&name[..1])).expect("a digest")
        });
        assert_eq!(trees[0].hex(), trees[1].hex());
        assert_ne!(trees[0].hex(), trees[2].hex());
        assert_ne!(trees[0].hex(), one.hex());
    }
}
