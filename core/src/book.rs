//! Addresses of a swarm: who could be dialled, and when.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{
    draw,
    id::PeerKey,
    sorted::{Map, Set},
    time::Instant,
};

/// Addresses kept per torrent; the least promising one makes room.
pub const MAX_ADDRESSES: usize = 3_000;
/// Bans kept per torrent, of addresses and of hosts each; beyond that the lowest is forgotten.
pub const MAX_BANS: usize = 1_000;
/// Wait after the first failed dial; doubles with each further one.
pub const REDIAL_BACKOFF: Duration = Duration::from_secs(1);
/// Longest wait between two dials.
pub const MAX_REDIAL_BACKOFF: Duration = Duration::from_secs(600);
/// Failed dials in a row after which an address from a tracker is forgotten.
const MAX_FAILURES: u32 = 8;

#[derive(Debug, Clone, Copy, Default)]
struct Address {
    peer: Option<PeerKey>,
    failures: u32,
    next_dial: Instant,
    /// It had nothing for us when the connection ended.
    resting: bool,
    /// The user named it: it is never forgotten.
    kept: bool,
}

/// The addresses known for one torrent.
#[derive(Debug, Default)]
pub(crate) struct AddressBook {
    addresses: Map<SocketAddr, Address>,
    banned: Set<SocketAddr>,
    banned_hosts: Set<IpAddr>,
}

impl AddressBook {
    pub(crate) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Learns of an address. Whether it is new and may be dialled.
    pub(crate) fn add(&mut self, addr: SocketAddr, kept: bool) -> bool {
        let addr = canonical(addr);
        if addr.port() == 0 || addr.ip().is_unspecified() || addr.ip().is_multicast() {
            return false;
        }
        if let Some(known) = self.addresses.get_mut(&addr) {
            known.kept |= kept;
            return false;
        }
        if self.is_banned(addr) || !self.has_room() {
            return false;
        }
        self.addresses.insert(addr, Address { kept, ..Address::default() });
        true
    }

    /// The address that should be dialled next, if one is due.
    pub(crate) fn next_due(&self, now: Instant) -> Option<SocketAddr> {
        let is_due = |known: &Address| known.peer.is_none() && known.next_dial <= now;
        let due = self.addresses.iter().filter(|(_, known)| is_due(known));
        due.min_by_key(|(_, known)| (known.failures, known.next_dial)).map(|(&addr, _)| addr)
    }

    /// When the next address is due.
    pub(crate) fn next_dial(&self) -> Option<Instant> {
        let idle = self.addresses.values().filter(|known| known.peer.is_none());
        idle.map(|known| known.next_dial).min()
    }

    pub(crate) fn connected(&mut self, addr: SocketAddr, peer: PeerKey) {
        if let Some(known) = self.addresses.get_mut(&addr) {
            known.peer = Some(peer);
            known.resting = false;
        }
    }

    /// A connection worked: the next failure is the first again.
    pub(crate) fn proved(&mut self, addr: SocketAddr) {
        if let Some(known) = self.addresses.get_mut(&addr) {
            known.failures = 0;
        }
    }

    /// A dial failed or a connection ended; tells when it is tried again, if it is.
    pub(crate) fn left(&mut self, now: Instant, addr: SocketAddr, jitter: f64) -> Option<Duration> {
        let known = self.addresses.get_mut(&addr)?;
        known.peer = None;
        known.failures += 1;
        if known.failures > MAX_FAILURES && !known.kept {
            self.addresses.remove(&addr);
            return None;
        }
        let doubled = REDIAL_BACKOFF * 2u32.pow((known.failures - 1).min(16));
        let wait = draw::about(doubled.min(MAX_REDIAL_BACKOFF), jitter);
        known.next_dial = now + wait;
        Some(wait)
    }

    /// Not dialled again before then.
    pub(crate) fn rest(&mut self, addr: SocketAddr, until: Instant) {
        if let Some(known) = self.addresses.get_mut(&addr) {
            known.peer = None;
            known.next_dial = known.next_dial.max(until);
            known.resting = true;
        }
    }

    /// Something else is wanted than before: those that had nothing for us may have it.
    pub(crate) fn wake(&mut self, now: Instant) {
        for known in self.addresses.values_mut().filter(|known| known.resting) {
            known.next_dial = now;
            known.resting = false;
        }
    }

    /// It is ourselves.
    pub(crate) fn forget(&mut self, addr: SocketAddr) {
        self.addresses.remove(&addr);
    }

    /// Never again: this address or, for a peer that dialled us from some port, its whole host.
    pub(crate) fn ban(&mut self, addr: SocketAddr, whole_host: bool) {
        let addr = canonical(addr);
        self.addresses.remove(&addr);
        if whole_host {
            self.banned_hosts.insert(addr.ip());
        } else {
            self.banned.insert(addr);
        }
        if self.banned.len() > MAX_BANS {
            self.banned.pop_first();
        }
        if self.banned_hosts.len() > MAX_BANS {
            self.banned_hosts.pop_first();
        }
    }

    pub(crate) fn is_banned(&self, addr: SocketAddr) -> bool {
        let addr = canonical(addr);
        self.banned.contains(&addr) || self.banned_hosts.contains(&addr.ip())
    }

    fn has_room(&mut self) -> bool {
        if self.addresses.len() < MAX_ADDRESSES {
            return true;
        }
        let idle = self.addresses.iter().filter(|(_, known)| known.peer.is_none() && !known.kept);
        let worst =
            idle.max_by_key(|(_, known)| known.failures).filter(|(_, known)| known.failures > 0);
        match worst.map(|(&addr, _)| addr) {
            Some(addr) => self.addresses.remove(&addr).is_some(),
            None => false,
        }
    }
}

/// One spelling for an address: IPv4 in IPv6 is IPv4.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn addr(n: u16) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, (n >> 8) as u8], 1000 + (n & 0xff)))
    }

    #[test]
    fn a_failed_address_waits_twice_as_long_each_time() {
        let mut book = AddressBook::default();
        assert!(book.add(addr(1), false));
        let mut now = Instant::EPOCH;
        for expected in [1, 2, 4, 8] {
            assert_eq!(book.next_due(now), Some(addr(1)));
            book.connected(addr(1), PeerKey::new(1));
            assert_eq!(book.next_due(now), None);
            let wait = book.left(now, addr(1), 0.5).unwrap();
            assert_eq!(wait, Duration::from_secs(expected));
            assert_eq!(book.next_due(now), None);
            now += wait;
        }
    }

    #[test]
    fn the_book_is_bounded_and_failed_addresses_make_room() {
        let mut book = AddressBook::default();
        for n in 0..MAX_ADDRESSES as u16 {
            assert!(book.add(addr(n), false));
        }
        assert!(!book.add(addr(5_000), false));
        book.left(Instant::EPOCH, addr(7), 0.0);
        assert!(book.add(addr(5_000), false));
        assert_eq!(book.len(), MAX_ADDRESSES);
    }

    #[test]
    fn the_banned_are_not_learned_again_under_another_spelling() {
        let mut book = AddressBook::default();
        book.ban("198.51.100.9:6881".parse().unwrap(), false);
        assert!(!book.add("[::ffff:198.51.100.9]:6881".parse().unwrap(), false));
        assert!(book.add("198.51.100.9:6882".parse().unwrap(), false));
        book.ban("198.51.100.9:5".parse().unwrap(), true);
        assert!(book.is_banned("198.51.100.9:6883".parse().unwrap()));
    }

    #[test]
    fn an_address_that_nobody_can_have_is_not_learned() {
        let mut book = AddressBook::default();
        for bad in ["198.51.100.1:0", "0.0.0.0:80", "[::]:80", "224.0.0.1:80"] {
            assert!(!book.add(bad.parse().unwrap(), true), "{bad}");
        }
    }
}
