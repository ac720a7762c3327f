//! Bytes to compare in, a fixed-width value out that is the same everywhere.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use thiserror::Error;
use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_secret};

/// 128 bits of XXH3 over normalised bytes.
///
/// The same on every machine, build and release, so that it may stand in files. 128 bits,
/// because 64 expect 2.7 colliding pairs among 10^10 distinct lines (n²/2^65).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of normalised bytes under the public key.
    #[inline]
    pub fn of(normalized: &[u8]) -> Self {
        Fingerprint(xxh3_128(normalized))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What fingerprints are made with besides the bytes: the public key unless told otherwise.
///
/// Who knows the key can write lines that differ and have one fingerprint, so that they count as
/// one. Under a key of the user's that takes the key, or guessing. XXH3 is no cipher: whoever sees
/// many fingerprints, as an index holds them, may learn of the key.
#[derive(Clone, Default)]
pub struct FingerprintKey(Option<Arc<Secret>>);

/// A key of a user's.
pub struct Secret {
    bytes: [u8; SECRET_BYTES],
    name: String,
}

impl Secret {
    /// The fingerprint of normalised bytes.
    #[inline]
    pub fn fingerprint(&self, normalized: &[u8]) -> Fingerprint {
        Fingerprint(xxh3_128_with_secret(normalized, &self.bytes))
    }
}

/// Fewest bytes that a key is made of.
pub const MIN_KEY_BYTES: usize = 16;
/// Most bytes that a key is made of.
pub const MAX_KEY_BYTES: usize = 64 << 10;
/// Bytes of XXH3's secret.
const SECRET_BYTES: usize = 192;
/// Bytes of a value of SHA-256.
const BLOCK_BYTES: usize = 32;
/// Bytes of the digest that a key is called by.
const NAME_BYTES: usize = 16;

/// Bytes of which no key can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes, this one {found}{}", if *.found > MAX_KEY_BYTES { " or more" } else { "" })]
pub struct KeyError {
    /// How many there are.
    pub found: usize,
}

impl FingerprintKey {
    /// The key that any bytes make, [`MIN_KEY_BYTES`] at least.
    ///
    /// Its secret is six values of SHA-256, over `dechaff key`, a byte from 0 to 5, and the bytes;
    /// its name is half of the value for 6, which tells nothing of the secret.
    ///
    /// # Errors
    ///
    /// There are too few bytes, or more than [`MAX_KEY_BYTES`].
    pub fn from_bytes(key: &[u8]) -> Result<Self, KeyError> {
        if !(MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&key.len()) {
            return Err(KeyError { found: key.len() });
        }
        let value = |number: u8| {
            let hash = Sha256::new_with_prefix(b"dechaff key");
            hash.chain_update([number]).chain_update(key).finalize()
        };
        let mut bytes = [0; SECRET_BYTES];
        for (number, block) in (0..).zip(bytes.chunks_exact_mut(BLOCK_BYTES)) {
            block.copy_from_slice(&value(number));
        }
        let digest = value((SECRET_BYTES / BLOCK_BYTES) as u8);
        let digest = digest.iter().take(NAME_BYTES);
        let name = digest.map(|byte| format!("{byte:02x}")).collect();
        Ok(FingerprintKey(Some(Arc::new(Secret { bytes, name }))))
    }

    /// What the key is called in files and messages: a digest of it, in 32 hexadecimal digits; None
    /// for the public key.
    pub fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|secret| &*secret.name)
    }

    /// The user's key; None for the public one, whose fingerprints [`Fingerprint::of`] makes.
    pub fn secret(&self) -> Option<&Secret> {
        self.0.as_deref()
    }

    /// The fingerprint of bytes under the key.
    #[inline]
    pub fn fingerprint(&self, bytes: &[u8]) -> Fingerprint {
        match &self.0 {
            None => Fingerprint::of(bytes),
            Some(secret) => secret.fingerprint(bytes),
        }
    }
}

/// Whether text may be a key's name.
pub fn is_key_name(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 2 * NAME_BYTES && text.bytes().all(is_digit)
}

impl PartialEq for FingerprintKey {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for FingerprintKey {}

/// Shows the name alone.
impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FingerprintKey").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_pinned_for_all_releases() {
        assert_eq!(
            Fingerprint::of(b"").to_string(),
            "99aa06d3014798d86001c324468d497f"
        );
        assert_ne!(Fingerprint::of(b"a"), Fingerprint::of(b"b"));
    }

    #[test]
    fn values_under_a_key_are_pinned_for_all_releases() {
        let key = FingerprintKey::from_bytes(b"sixteen bytes ok").expect("a key");
        assert_eq!(key.name(), Some("2d1abfd0f8ca04cb07622ef5a806d590"));
        let long = [b'x'; 1000];
        let texts = [&b""[..], b"a", b"a line of some length", &long];
        let found = texts.map(|text| key.fingerprint(text).to_string());
        assert_eq!(
            found,
            [
                "95e3cd58b5df5fc92335db0b17d46a48",
                "68462103fb1a0eaa9ce39e9195fca05a",
                "b12f53dcc762ca34314af8cfea54cbac",
                "1d2e0452ccc79dcd9317a440c919cd41",
            ]
        );
        for text in texts {
            assert_ne!(key.fingerprint(text), Fingerprint::of(text));
        }
    }

    /// Two texts of 32 bytes are made so that the products which XXH3 makes of their first halves
    /// are zero, and the sums of the halves' words the same: known from its public secret alone.
    #[test]
    fn texts_made_to_collide_under_the_public_key_do_not_under_another() {
        // The first words of XXH3's own secret.
        const FIRST: u64 = 0xbe4b_a423_396c_feb8;
        const SECOND: u64 = 0x1cad_21f7_2c81_017c;
        let key = FingerprintKey::from_bytes(b"sixteen bytes ok").expect("a key");
        for word in [0, 1, 0x5555_5555_5555_5555, u64::MAX] {
            let text = |words: [u64; 2]| {
                let half = words.map(u64::to_le_bytes).concat();
                [half, vec![b'x'; 16]].concat()
            };
            let sum = word.wrapping_add(SECOND);
            let one = text([FIRST, sum.wrapping_sub(FIRST)]);
            let other = text([word, SECOND]);
            assert_ne!(one, other);
            assert_eq!(Fingerprint::of(&one), Fingerprint::of(&other), "{word:x}");
            assert_ne!(key.fingerprint(&one), key.fingerprint(&other), "{word:x}");
        }
    }

    #[test]
    fn every_byte_of_a_key_counts() {
        let keys = [
            &[0; 16][..],
            &[0; 17],
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            b"sixteen bytes ok",
            b"sixteen bytes ok\n",
        ];
        let keys = keys.map(|key| FingerprintKey::from_bytes(key).expect("a key"));
        for (at, key) in keys.iter().enumerate() {
            assert!(key.name().is_some_and(is_key_name));
            for other in &keys[..at] {
                assert_ne!(key, other);
                assert_ne!(key.fingerprint(b"a line"), other.fingerprint(b"a line"));
            }
        }
        let public = FingerprintKey::default();
        assert_eq!(public.fingerprint(b"a line"), Fingerprint::of(b"a line"));
        assert!(keys.iter().all(|key| *key != public));
    }

    #[test]
    fn keys_have_bounds_and_are_not_shown() {
        for (bytes, is_key) in [
            (0, false),
            (MIN_KEY_BYTES - 1, false),
            (MIN_KEY_BYTES, true),
            (MAX_KEY_BYTES, true),
            (MAX_KEY_BYTES + 1, false),
        ] {
            let key = FingerprintKey::from_bytes(&vec![7; bytes]);
            assert_eq!(key.is_ok(), is_key, "{bytes}");
        }
        let key = FingerprintKey::from_bytes(b"sixteen bytes ok").expect("a key");
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("FingerprintKey({:?})", key.name()));
    }
}
