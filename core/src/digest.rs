//! SHA-1 (FIPS 180-4, section 6.1), by the library that suits the target.

/// Natively by the processor's own instructions, where it has them.
#[cfg(not(target_family = "wasm"))]
use ::sha1::{Digest, Sha1};
/// A page loads what it runs, and the rounds as a loop are a fifth of the rounds written out. It
/// hashes pieces by what the browser has, unless it came over plain HTTP.
#[cfg(target_family = "wasm")]
use hmac_sha1_compact::Hash as Sha1;

/// How long a digest is.
pub(crate) const SHA1_BYTES: usize = 20;

/// SHA-1, fed in parts.
pub trait Sha1Hasher: Default {
    /// Takes in the next part.
    fn update(&mut self, bytes: &[u8]);

    /// The digest of all parts.
    fn finish(self) -> [u8; 20];
}

/// SHA-1 that runs wherever Rust does.
#[derive(Default)]
pub struct PortableSha1(Sha1);

impl Sha1Hasher for PortableSha1 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    #[cfg_attr(target_family = "wasm", expect(clippy::useless_conversion))]
    fn finish(self) -> [u8; 20] {
        self.0.finalize().into()
    }
}

/// The digest of all of it.
pub(crate) fn sha1(bytes: &[u8]) -> [u8; SHA1_BYTES] {
    let mut hasher = PortableSha1::default();
    hasher.update(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Lengths around the ends of a block and of its padding, and the standard's own examples.
    #[test]
    fn digests_are_those_of_the_standard() {
        let known = [
            ("a".repeat(0), "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc".into(), "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("a".repeat(55), "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
            ("a".repeat(56), "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
            ("a".repeat(63), "03f09f5b158a7a8cdad920bddc29b81c18a551f5"),
            ("a".repeat(64), "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
            ("a".repeat(65), "11655326c708d70319be2610e8a57d9a5b959d3b"),
            ("a".repeat(119), "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"),
            ("a".repeat(128), "ad5b3fdbcb526778c2839d2f151ea753995e26a0"),
            ("a".repeat(1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
        ];
        for (message, digest) in known {
            let hex: String =
                sha1(message.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, digest, "{} bytes", message.len());
        }
    }

    #[test]
    fn parts_are_hashed_like_the_whole() {
        let message: Vec<u8> = (0..200).collect();
        for (first, second) in [(0, 0), (1, 63), (64, 64), (65, 130), (10, 199)] {
            let mut hasher = PortableSha1::default();
            for part in [&message[..first], &message[first..second], &message[second..]] {
                hasher.update(part);
            }
            assert_eq!(hasher.finish(), sha1(&message), "cut at {first} and {second}");
        }
    }
}
