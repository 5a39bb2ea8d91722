//! The allowed-fast set: pieces that a new peer may have while it is choked, so that it soon has
//! something to trade (BEP 6).

use std::net::{IpAddr, Ipv4Addr};

use super::Torrent;
use crate::{
    digest::sha1,
    id::{InfoHash, PeerKey},
    sorted::Set,
    wire::Message,
};

/// Pieces granted to each peer.
pub const ALLOWED_FAST_PIECES: usize = 10;

impl Torrent {
    /// Grants a new peer the pieces that its address gives it, of those we have.
    ///
    /// Not as a seeder: neighbours share their set, and all would take the same few pieces from it
    /// while others wait for those that only it has.
    pub(super) fn grant_fast(&mut self, key: PeerKey) {
        let (Some(info_hash), Some(download)) = (self.info_hash, &self.download) else { return };
        if download.picker.have().is_full() {
            return;
        }
        let Some(peer) = self.peers.get_mut(&key).filter(|peer| peer.fast) else { return };
        let IpAddr::V4(ip) = peer.addr.ip().to_canonical() else { return };
        let set = allowed_fast_set(ip, &info_hash, download.layout.piece_count());
        let granted = set.into_iter().filter_map(|index| download.layout.piece(index));
        for piece in granted.filter(|&piece| download.picker.have().has(piece)) {
            peer.granted_fast.insert(piece);
            peer.say(&Message::AllowedFast { index: piece.as_u32() });
        }
    }
}

/// The pieces that both ends compute for an address (BEP 6, "Generating the Allowed Fast Set").
fn allowed_fast_set(ip: Ipv4Addr, info_hash: &InfoHash, pieces: u32) -> Vec<u32> {
    let wanted = ALLOWED_FAST_PIECES.min(pieces as usize);
    let [a, b, c, _] = ip.octets();
    let mut seed = [&[a, b, c, 0], &info_hash.as_bytes()[..]].concat();
    let mut known = Set::new();
    let mut set = Vec::with_capacity(wanted);
    while set.len() < wanted {
        seed = sha1(&seed).to_vec();
        let words = seed.chunks_exact(4).map(|w| u32::from_be_bytes([w[0], w[1], w[2], w[3]]));
        for index in words.map(|word| word % pieces) {
            if set.len() < wanted && known.insert(index) {
                set.push(index);
            }
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_set_is_the_one_the_specification_gives_as_an_example() {
        let info_hash = InfoHash::new([0xaa; 20]);
        let ip = Ipv4Addr::new(80, 4, 4, 200);
        let set = allowed_fast_set(ip, &info_hash, 1313);
        assert_eq!(set[..7], [1059, 431, 808, 1217, 287, 376, 1188]);
        assert_eq!(set[7..9], [353, 508]);
    }

    #[test]
    fn a_torrent_of_few_pieces_grants_them_all() {
        let set = allowed_fast_set(Ipv4Addr::LOCALHOST, &InfoHash::new([1; 20]), 3);
        assert_eq!(set.len(), 3);
    }
}
