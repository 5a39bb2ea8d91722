//! A relay carries BitTorrent and nothing else: both ends must begin with a handshake for the
//! torrent that the ticket is for.

use gannet_core::id::InfoHash;

/// The protocol's name, the reserved bytes and the info hash (BEP 3, "peer protocol").
pub const PINNED_BYTES: usize = 48;

const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";
const HASH_BEGIN: usize = 28;

/// What the first bytes of a stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Right so far; more is needed.
    Incomplete,
    /// A handshake for the torrent.
    Right,
    /// Anything else: no further byte can change that.
    Wrong,
}

/// Judges what one end has sent so far.
pub fn judge(bytes: &[u8], info_hash: &InfoHash) -> Verdict {
    let name = &bytes[..bytes.len().min(PROTOCOL.len())];
    let hash = bytes.get(HASH_BEGIN..bytes.len().min(PINNED_BYTES)).unwrap_or_default();
    if !PROTOCOL.starts_with(name) || !info_hash.as_bytes().starts_with(hash) {
        Verdict::Wrong
    } else if bytes.len() < PINNED_BYTES {
        Verdict::Incomplete
    } else {
        Verdict::Right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: InfoHash = InfoHash::new([7; 20]);

    fn handshake(hash: [u8; 20]) -> Vec<u8> {
        [&PROTOCOL[..], &[0xff; 8], &hash, b"-XX0001-123456789012"].concat()
    }

    #[test]
    fn a_handshake_is_right_once_its_info_hash_is_whole() {
        let bytes = handshake([7; 20]);
        for end in 0..PINNED_BYTES {
            assert_eq!(judge(&bytes[..end], &HASH), Verdict::Incomplete, "{end}");
        }
        assert_eq!(judge(&bytes[..PINNED_BYTES], &HASH), Verdict::Right);
        assert_eq!(judge(&bytes, &HASH), Verdict::Right);
    }

    #[test]
    fn anything_else_is_wrong_from_its_first_wrong_byte() {
        assert_eq!(judge(b"G", &HASH), Verdict::Wrong);
        assert_eq!(judge(b"\x13BitTorrent protocoL", &HASH), Verdict::Wrong);
        let mut other = handshake([7; 20]);
        other[47] = 8;
        assert_eq!(judge(&other[..47], &HASH), Verdict::Incomplete);
        assert_eq!(judge(&other, &HASH), Verdict::Wrong);
    }
}
