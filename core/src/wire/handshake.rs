//! The handshake that opens every connection (BEP 3, "peer protocol").

use crate::id::{InfoHash, PeerId};

/// The first 20 bytes of every handshake: the length of the protocol's name, and the name.
const PROTOCOL: [u8; 20] = *b"\x13BitTorrent protocol";
const RESERVED_END: usize = PROTOCOL.len() + 8;
const INFO_HASH_END: usize = RESERVED_END + 20;

/// The eight reserved bytes of a handshake: which extensions a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reserved([u8; 8]);

impl Reserved {
    const EXTENDED: (usize, u8) = (5, 0x10);
    const FAST: (usize, u8) = (7, 0x04);
    const DHT: (usize, u8) = (7, 0x01);

    /// What we speak: the fast extension (BEP 6) and the extension protocol (BEP 10).
    pub const fn ours() -> Self {
        let mut bytes = [0; 8];
        bytes[Self::EXTENDED.0] |= Self::EXTENDED.1;
        bytes[Self::FAST.0] |= Self::FAST.1;
        Self(bytes)
    }

    /// Takes the eight bytes as they stand on the wire.
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The eight bytes as they stand on the wire.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// Whether the fast extension is spoken (BEP 6): have all, have none, reject and their kin.
    pub const fn fast(&self) -> bool {
        self.has(Self::FAST)
    }

    /// Whether the extension protocol is spoken (BEP 10).
    pub const fn extended(&self) -> bool {
        self.has(Self::EXTENDED)
    }

    /// Whether the client has a DHT node and wants to hear of ours (BEP 5).
    pub const fn dht(&self) -> bool {
        self.has(Self::DHT)
    }

    const fn has(&self, (byte, bit): (usize, u8)) -> bool {
        self.0[byte] & bit != 0
    }
}

/// What each side says first: the protocol, the extensions it speaks, the torrent, its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake {
    /// The extensions spoken.
    pub reserved: Reserved,
    /// The torrent this connection is for.
    pub info_hash: InfoHash,
    /// Who is speaking.
    pub peer_id: PeerId,
}

/// Why bytes are no handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The bytes don't start with `\x13BitTorrent protocol`: another protocol, or encryption.
    #[error("not a BitTorrent handshake: byte {offset} differs")]
    Protocol {
        /// Where the first wrong byte stands, from zero.
        offset: usize,
    },
}

impl Handshake {
    /// The length of a handshake, in bytes.
    pub const LEN: usize = INFO_HASH_END + 20;

    /// The handshake as it goes on the wire.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..PROTOCOL.len()].copy_from_slice(&PROTOCOL);
        bytes[PROTOCOL.len()..RESERVED_END].copy_from_slice(self.reserved.as_bytes());
        bytes[RESERVED_END..INFO_HASH_END].copy_from_slice(self.info_hash.as_bytes());
        bytes[INFO_HASH_END..].copy_from_slice(self.peer_id.as_bytes());
        bytes
    }

    /// Reads a whole handshake.
    pub fn decode(bytes: &[u8; Self::LEN]) -> Result<Self, HandshakeError> {
        check_protocol(bytes)?;
        Ok(Self {
            reserved: Reserved(array_at(bytes, PROTOCOL.len())),
            info_hash: InfoHash::new(array_at(bytes, RESERVED_END)),
            peer_id: PeerId::new(array_at(bytes, INFO_HASH_END)),
        })
    }

    /// The info hash, as soon as its 48 bytes are there; `None` until then.
    ///
    /// Some clients send their peer id only after they have seen our answer, so the answer can't
    /// wait for the whole handshake. Fails at the first byte that no handshake has there.
    pub fn info_hash_of_prefix(bytes: &[u8]) -> Result<Option<InfoHash>, HandshakeError> {
        check_protocol(bytes)?;
        let whole = bytes.first_chunk::<INFO_HASH_END>();
        Ok(whole.map(|bytes| InfoHash::new(array_at(bytes, RESERVED_END))))
    }
}

fn check_protocol(bytes: &[u8]) -> Result<(), HandshakeError> {
    match bytes.iter().zip(PROTOCOL).position(|(&byte, right)| byte != right) {
        Some(offset) => Err(HandshakeError::Protocol { offset }),
        None => Ok(()),
    }
}

/// The `N` bytes that start at `offset`, which every caller knows to lie within `bytes`.
fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[offset + i])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn handshake() -> Handshake {
        Handshake {
            reserved: Reserved::ours(),
            info_hash: InfoHash::new(*b"an info hash, 20 lon"),
            peer_id: PeerId::new(*b"-GN0100-abcdefghijkl"),
        }
    }

    #[test]
    fn our_handshake_has_the_bytes_of_bep_3() {
        let bytes = handshake().encode();
        assert_eq!(&bytes[..20], b"\x13BitTorrent protocol");
        assert_eq!(bytes[20..28], [0, 0, 0, 0, 0, 0x10, 0, 0x04]);
        assert_eq!(&bytes[28..48], b"an info hash, 20 lon");
        assert_eq!(&bytes[48..], b"-GN0100-abcdefghijkl");
    }

    #[test]
    fn the_extension_bits_are_read_each_from_its_place() {
        let only = |byte: usize, bit: u8| {
            let mut bytes = [0; 8];
            bytes[byte] = bit;
            let reserved = Reserved::new(bytes);
            (reserved.fast(), reserved.extended(), reserved.dht())
        };
        assert_eq!(only(7, 0x04), (true, false, false));
        assert_eq!(only(5, 0x10), (false, true, false));
        assert_eq!(only(7, 0x01), (false, false, true));
        assert_eq!(only(0, 0xff), (false, false, false));
    }

    #[test]
    fn the_info_hash_is_known_before_the_peer_id_has_come() {
        let bytes = handshake().encode();
        for end in 0..bytes.len() {
            let expected = (end >= 48).then_some(handshake().info_hash);
            assert_eq!(Handshake::info_hash_of_prefix(&bytes[..end]), Ok(expected), "{end} bytes");
        }
    }

    #[test]
    fn another_protocol_fails_at_its_first_wrong_byte() {
        let http = Handshake::info_hash_of_prefix(b"GET / HTTP/1.1");
        assert_eq!(http, Err(HandshakeError::Protocol { offset: 0 }));
        let close = Handshake::info_hash_of_prefix(b"\x13BitTorrent Protocol");
        assert_eq!(close, Err(HandshakeError::Protocol { offset: 12 }));
        let mut bytes = handshake().encode();
        bytes[19] = b'L';
        assert_eq!(Handshake::decode(&bytes), Err(HandshakeError::Protocol { offset: 19 }));
    }

    proptest! {
        #[test]
        fn a_handshake_reads_back_as_it_was(
            reserved: [u8; 8], info_hash: [u8; 20], peer_id: [u8; 20],
        ) {
            let handshake = Handshake {
                reserved: Reserved::new(reserved),
                info_hash: InfoHash::new(info_hash),
                peer_id: PeerId::new(peer_id),
            };
            prop_assert_eq!(Handshake::decode(&handshake.encode()), Ok(handshake));
        }
    }
}
