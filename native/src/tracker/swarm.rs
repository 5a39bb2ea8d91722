//! The peers of one torrent.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    time::Instant,
};

use gannet_core::{announce::ScrapeEntry, id::PeerId};

use super::store::{Answer, MAX_PEERS_PER_TORRENT};

/// One client in a swarm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) addr: SocketAddr,
    pub(super) id: PeerId,
    /// When it last announced itself.
    pub(super) seen: Instant,
}

/// IPv4 or IPv6, seeders or leechers: so that an answer is drawn without looking at all peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Group(usize);

const GROUPS: usize = 4;

impl Group {
    fn of(addr: SocketAddr, is_seed: bool) -> Self {
        Self(usize::from(addr.is_ipv6()) * 2 + usize::from(is_seed))
    }

    fn is_seeds(self) -> bool {
        self.0 % 2 == 1
    }
}

/// The peers of one torrent, each known by the address it announces from.
#[derive(Debug, Default)]
pub(super) struct Swarm {
    groups: [Vec<Peer>; GROUPS],
    places: HashMap<SocketAddr, (Group, usize)>,
    downloaded: u32,
}

impl Swarm {
    /// Takes a peer in, or notes what has changed about it.
    pub(super) fn place(&mut self, peer: Peer, is_seed: bool, has_completed: bool) {
        let group = Group::of(peer.addr, is_seed);
        match self.places.get(&peer.addr).copied() {
            Some((same, at)) if same == group => self.groups[group.0][at] = peer,
            Some(_) => {
                self.remove(peer.addr);
                self.insert(peer, group);
                let is_new_seed = is_seed && has_completed;
                self.downloaded = self.downloaded.saturating_add(is_new_seed.into());
            }
            None if self.places.len() < MAX_PEERS_PER_TORRENT => self.insert(peer, group),
            None => {}
        }
    }

    fn insert(&mut self, peer: Peer, group: Group) {
        self.places.insert(peer.addr, (group, self.groups[group.0].len()));
        self.groups[group.0].push(peer);
    }

    /// Forgets a peer.
    pub(super) fn remove(&mut self, addr: SocketAddr) {
        let Some((group, at)) = self.places.remove(&addr) else { return };
        let peers = &mut self.groups[group.0];
        peers.swap_remove(at);
        if let Some(moved) = peers.get(at) {
            self.places.insert(moved.addr, (group, at));
        }
    }

    /// Forgets those that aren't alive.
    pub(super) fn expire(&mut self, alive: impl Fn(&Peer) -> bool) {
        let gone = self.groups.iter().flatten().filter(|peer| !alive(peer)).map(|peer| peer.addr);
        let gone: Vec<_> = gone.collect();
        gone.into_iter().for_each(|addr| self.remove(addr));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn count(&self, seeds: bool) -> u32 {
        let of_kind = (0..GROUPS).filter(|&group| Group(group).is_seeds() == seeds);
        let count: usize = of_kind.map(|group| self.groups[group].len()).sum();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// An answer without peers.
    pub(super) fn counts(&self) -> Answer {
        Answer { complete: self.count(true), incomplete: self.count(false), peers: Vec::new() }
    }

    pub(super) fn scrape(&self) -> ScrapeEntry {
        ScrapeEntry {
            complete: self.count(true),
            downloaded: self.downloaded,
            incomplete: self.count(false),
        }
    }

    /// Up to `count` peers for the one at `addr`: its own family first.
    pub(super) fn sample(
        &self,
        rng: &mut fastrand::Rng,
        addr: SocketAddr,
        wants_seeds: bool,
        count: usize,
        alive: impl Fn(&Peer) -> bool,
    ) -> Vec<(SocketAddr, PeerId)> {
        let own = usize::from(addr.is_ipv6()) * 2;
        let mut sample = Vec::new();
        for family in [own, 2 - own] {
            let leechers = self.groups[family].as_slice();
            let seeds = if wants_seeds { self.groups[family + 1].as_slice() } else { &[] };
            // One more, since the one who asks may be drawn.
            let wanted = (count - sample.len()) + 1;
            let drawn = draw(rng, leechers.len() + seeds.len(), wanted).into_iter();
            let drawn =
                drawn.map(|at| leechers.get(at).unwrap_or_else(|| &seeds[at - leechers.len()]));
            let named = drawn.filter(|peer| peer.addr != addr && alive(peer));
            sample.extend(named.take(wanted - 1).map(|peer| (peer.addr, peer.id)));
        }
        sample
    }
}

/// Up to `count` different numbers below `total`, at random, in steps as many as the numbers
/// (Floyd's algorithm).
fn draw(rng: &mut fastrand::Rng, total: usize, count: usize) -> Vec<usize> {
    if total <= count {
        return (0..total).collect();
    }
    let mut drawn = HashSet::with_capacity(count);
    for last in total - count..total {
        let number = rng.usize(..=last);
        if !drawn.insert(number) {
            drawn.insert(last);
        }
    }
    drawn.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_numbers_differ_and_all_may_come() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut seen = [0; 10];
        for _ in 0..1000 {
            let drawn = draw(&mut rng, 10, 3);
            assert_eq!(drawn.len(), 3);
            drawn.into_iter().for_each(|number| seen[number] += 1);
        }
        assert!(seen.iter().all(|&times| (200..400).contains(&times)), "{seen:?}");
        assert_eq!(draw(&mut rng, 3, 5), [0, 1, 2]);
        assert_eq!(draw(&mut rng, 0, 5), []);
    }

    #[test]
    fn places_stay_right_when_peers_leave() {
        let mut swarm = Swarm::default();
        let peer = |port| Peer {
            addr: ([10, 0, 0, 1], port).into(),
            id: PeerId::new([0; 20]),
            seen: Instant::now(),
        };
        (1..=9).for_each(|port| swarm.place(peer(port), port % 2 == 0, false));
        for port in [1, 9, 4, 8, 3] {
            swarm.remove(peer(port).addr);
        }
        swarm.place(peer(5), true, true);
        for (addr, (group, at)) in &swarm.places {
            assert_eq!(swarm.groups[group.0][*at].addr, *addr);
        }
        assert_eq!((swarm.count(true), swarm.count(false), swarm.downloaded), (3, 1, 1));
    }
}
