//! Peers as 6 bytes each (BEP 23), or 18 for IPv6 (BEP 7).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bytes::{Buf, BufMut};

/// Which kind of address a compact list or a UDP answer holds: nothing in it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4: 6 bytes a peer.
    V4,
    /// IPv6: 18 bytes a peer.
    V6,
}

impl Family {
    /// The family of an address; an IPv6 address that maps an IPv4 one counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        if address.to_canonical().is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// How long a peer of this family is in a compact list, in bytes.
    pub const fn peer_bytes(self) -> usize {
        match self {
            Self::V4 => 6,
            Self::V6 => 18,
        }
    }
}

/// The peers in a compact list. Those at port zero are left out, as is what a cut end leaves over.
pub fn peers_of_compact(bytes: &[u8], family: Family) -> impl Iterator<Item = SocketAddr> {
    bytes.chunks_exact(family.peer_bytes()).filter_map(move |mut peer| {
        let ip = match family {
            Family::V4 => IpAddr::from(peer.get_u32().to_be_bytes()),
            Family::V6 => Ipv6Addr::from_bits(peer.get_u128()).to_canonical(),
        };
        let port = peer.get_u16();
        (port != 0).then_some(SocketAddr::new(ip, port))
    })
}

/// The compact list of those peers that have an address of this family.
pub fn compact_peers(peers: impl IntoIterator<Item = SocketAddr>, family: Family) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_compact_peers(&mut bytes, peers, family);
    bytes
}

/// Appends what [`compact_peers`] returns.
pub fn put_compact_peers(
    out: &mut impl BufMut,
    peers: impl IntoIterator<Item = SocketAddr>,
    family: Family,
) {
    for peer in peers {
        match (peer.ip().to_canonical(), family) {
            (IpAddr::V4(ip), Family::V4) => out.put_u32(ip.to_bits()),
            (IpAddr::V6(ip), Family::V6) => out.put_u128(ip.to_bits()),
            _ => continue,
        }
        out.put_u16(peer.port());
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_compact_peer_has_the_bytes_of_bep_23() {
        let peer: SocketAddr = "10.1.2.3:6881".parse().unwrap();
        assert_eq!(compact_peers([peer], Family::V4), [10, 1, 2, 3, 0x1a, 0xe1]);
        assert_eq!(compact_peers([peer], Family::V6), [0_u8; 0]);
    }

    #[test]
    fn a_peer_at_port_zero_and_a_cut_peer_are_left_out() {
        let bytes = [10, 1, 2, 3, 0, 0, 10, 1, 2, 4, 0, 1, 10, 1];
        let peers: Vec<_> = peers_of_compact(&bytes, Family::V4).collect();
        assert_eq!(peers, ["10.1.2.4:1".parse().unwrap()]);
    }

    #[test]
    fn an_ipv6_peer_that_maps_an_ipv4_one_is_that_one() {
        let mapped: SocketAddr = "[::ffff:10.1.2.3]:80".parse().unwrap();
        assert_eq!(compact_peers([mapped], Family::V4).len(), 6);
        let mut bytes = Ipv6Addr::from_bits(0xffff_0a01_0203).octets().to_vec();
        bytes.extend([0, 80]);
        let peers: Vec<_> = peers_of_compact(&bytes, Family::V6).collect();
        assert_eq!(peers, ["10.1.2.3:80".parse().unwrap()]);
    }

    proptest! {
        #[test]
        fn compact_peers_read_back_as_they_were(peers in vec((any::<u32>(), 1u16..), 0..20)) {
            let peers: Vec<_> = peers
                .into_iter()
                .map(|(ip, port)| SocketAddr::new(IpAddr::from(ip.to_be_bytes()), port))
                .collect();
            let bytes = compact_peers(peers.iter().copied(), Family::V4);
            let read: Vec<_> = peers_of_compact(&bytes, Family::V4).collect();
            prop_assert_eq!(read, peers);
        }
    }
}
