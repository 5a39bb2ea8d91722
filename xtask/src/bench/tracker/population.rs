//! Who announces what: torrents and peers follow from their numbers, so that none is kept here.

use std::net::Ipv4Addr;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// In every torrent. Each has an address of its own, which it uses in every torrent.
pub(super) const PEERS_PER_TORRENT: usize = 100;
/// How many peers an announce asks for, of every tracker alike.
pub(super) const NUM_WANT: u32 = 50;

/// As every BitTorrent client has one. No two peers of a torrent share an address, so they may share this.
pub(super) const PEER_ID: &[u8; 20] = b"-LD0001-000000000000";

pub(super) type InfoHash = [u8; 20];

/// As many torrents.
pub(super) fn info_hashes(torrents: usize) -> Arc<[InfoHash]> {
    let hash = |torrent: usize| {
        let digest = Sha256::digest(torrent.to_be_bytes());
        std::array::from_fn(|index| digest[index])
    };
    (0..torrents).map(hash).collect()
}

/// The address of a peer, out of the loopback network; peer 0 is at 127.0.0.1.
pub(super) fn ip(peer: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, 1 + (peer % PEERS_PER_TORRENT) as u8)
}

/// The port that a peer names; it depends on the torrent, so that no two are known by the same.
pub(super) fn port(torrent: usize, peer: usize) -> u16 {
    1024 + ((torrent * PEERS_PER_TORRENT + peer) % 60_000) as u16
}

/// What a peer still lacks in bytes: every fourth is a seeder.
pub(super) fn left_bytes(peer: usize) -> u64 {
    if peer % 4 == 3 { 0 } else { 1 << 20 }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn peers_of_a_torrent_have_distinct_addresses() {
        let all: HashSet<_> =
            (0..PEERS_PER_TORRENT).map(|peer| (ip(peer), port(9, peer))).collect();
        assert_eq!(all.len(), PEERS_PER_TORRENT);
        assert_eq!(ip(0), Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn torrents_have_distinct_hashes() {
        let all: HashSet<_> = info_hashes(1000).iter().copied().collect();
        assert_eq!(all.len(), 1000);
    }
}
