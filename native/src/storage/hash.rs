//! SHA-1 as fast as the processor allows.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use gannet_core::storage::Sha1Hasher;

/// AWS-LC's SHA-1. Where the processor has no instructions for it, its vectorised assembly takes about
/// half the time of portable code, which otherwise is most of what a download costs.
pub struct FastSha1(Context);

impl Default for FastSha1 {
    fn default() -> Self {
        Self(Context::new(&SHA1_FOR_LEGACY_USE_ONLY))
    }
}

impl Sha1Hasher for FastSha1 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; 20] {
        let digest = self.0.finish();
        digest.as_ref().try_into().expect("a SHA-1 digest has 20 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hash_as_the_whole_does() {
        let mut hasher = FastSha1::default();
        hasher.update(b"a");
        hasher.update(b"bc");
        // The example of FIPS 180, appendix A.1.
        let expected = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let hex: String = hasher.finish().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }
}
