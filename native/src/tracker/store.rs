//! Who is in which swarm. Knows neither HTTP nor UDP, nor what time it is.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gannet_core::{
    announce::{AnnounceEvent, ScrapeEntry},
    id::{InfoHash, PeerId},
};

use super::swarm::{Peer, Swarm};

/// The most torrents that are kept; announces of others are refused then.
pub const MAX_TORRENTS: usize = 1_000_000;
/// The most peers that are kept of one torrent; others still get peers, but aren't named.
pub const MAX_PEERS_PER_TORRENT: usize = 100_000;
/// The most peers in one answer, whatever the client would like.
pub const MAX_NUM_WANT: u32 = 200;

/// Parts of the store, each with a lock of its own.
const SHARDS: usize = 64;
/// The most torrents in one of them: info hashes spread evenly, and by a secret key.
const MAX_TORRENTS_PER_SHARD: usize = MAX_TORRENTS / SHARDS * 2;

/// What a client tells, whatever the protocol.
#[derive(Debug, Clone, Copy)]
pub struct Presence {
    /// The torrent.
    pub info_hash: InfoHash,
    /// The client.
    pub peer_id: PeerId,
    /// Where the request came from: never what the request says.
    pub ip: IpAddr,
    /// The TCP port at which it listens.
    pub port: u16,
    /// Whether it has everything.
    pub is_seed: bool,
    /// Whether it is to hear of seeders.
    pub wants_seeds: bool,
    /// Why it announces.
    pub event: AnnounceEvent,
    /// How many peers it would like to hear of.
    pub num_want: u32,
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// How many seeders the swarm has.
    pub complete: u32,
    /// How many leechers the swarm has.
    pub incomplete: u32,
    /// Peers, drawn at random: those of the client's own address family first.
    pub peers: Vec<(SocketAddr, PeerId)>,
}

/// The store keeps as many torrents as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tracker is full")]
pub struct Full;

/// The swarms of a tracker.
#[derive(Debug)]
pub struct Store {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    lifetime: Duration,
}

#[derive(Debug)]
struct Shard {
    swarms: HashMap<InfoHash, Swarm>,
    rng: fastrand::Rng,
}

impl Store {
    /// A store that forgets a peer when it hasn't announced itself for `lifetime`.
    pub fn new(lifetime: Duration) -> Self {
        let shard = |_| Mutex::new(Shard { swarms: HashMap::new(), rng: fastrand::Rng::new() });
        Self { shards: (0..SHARDS).map(shard).collect(), hasher: RandomState::new(), lifetime }
    }

    fn shard(&self, info_hash: &InfoHash) -> MutexGuard<'_, Shard> {
        let number = self.hasher.hash_one(info_hash) as usize % self.shards.len();
        // A swarm is whole between any two statements that could panic.
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a client tells, and answers it.
    ///
    /// # Errors
    /// If the torrent is new and there are too many.
    pub fn announce(&self, now: Instant, presence: &Presence) -> Result<Answer, Full> {
        let mut shard = self.shard(&presence.info_hash);
        let Shard { swarms, rng } = &mut *shard;
        let is_full = swarms.len() >= MAX_TORRENTS_PER_SHARD;
        let swarm = match swarms.entry(presence.info_hash) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if presence.event == AnnounceEvent::Stopped => {
                return Ok(Answer::default());
            }
            Entry::Vacant(_) if is_full => return Err(Full),
            Entry::Vacant(new) => new.insert(Swarm::default()),
        };
        let addr = SocketAddr::new(presence.ip.to_canonical(), presence.port);
        if presence.event == AnnounceEvent::Stopped {
            swarm.remove(addr);
            return Ok(swarm.counts());
        }
        let peer = Peer { addr, id: presence.peer_id, seen: now };
        swarm.place(peer, presence.is_seed, presence.event == AnnounceEvent::Completed);
        let count = presence.num_want.min(MAX_NUM_WANT) as usize;
        let alive = |peer: &Peer| now.saturating_duration_since(peer.seen) < self.lifetime;
        let peers = swarm.sample(rng, addr, presence.wants_seeds, count, alive);
        Ok(Answer { peers, ..swarm.counts() })
    }

    /// The numbers of one swarm; zeros if there is none.
    pub fn scrape(&self, info_hash: &InfoHash) -> ScrapeEntry {
        let shard = self.shard(info_hash);
        shard.swarms.get(info_hash).map(Swarm::scrape).unwrap_or_default()
    }

    /// Forgets peers that haven't announced themselves, and swarms without peers.
    pub fn sweep(&self, now: Instant) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.swarms.retain(|_, swarm| {
                swarm.expire(|peer| now.saturating_duration_since(peer.seen) < self.lifetime);
                !swarm.is_empty()
            });
        }
    }

    /// How many torrents are kept.
    pub fn torrents(&self) -> usize {
        let count = |shard: &Mutex<Shard>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).swarms.len()
        };
        self.shards.iter().map(count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);

    fn store() -> Store {
        Store::new(LIFETIME)
    }

    fn leecher(port: u16) -> Presence {
        Presence {
            info_hash: InfoHash::new([1; 20]),
            peer_id: PeerId::new([port as u8; 20]),
            ip: [10, 0, 0, 1].into(),
            port,
            is_seed: false,
            wants_seeds: true,
            event: AnnounceEvent::None,
            num_want: 50,
        }
    }

    fn seeder(port: u16) -> Presence {
        Presence { is_seed: true, wants_seeds: false, ..leecher(port) }
    }

    fn ports(answer: &Answer) -> Vec<u16> {
        let mut ports: Vec<_> = answer.peers.iter().map(|(addr, _)| addr.port()).collect();
        ports.sort_unstable();
        ports
    }

    #[test]
    fn peers_hear_of_each_other_but_not_of_themselves() {
        let (store, now) = (store(), Instant::now());
        assert_eq!(store.announce(now, &leecher(1)).unwrap().peers, []);
        assert_eq!(ports(&store.announce(now, &leecher(2)).unwrap()), [1]);
        let answer = store.announce(now, &leecher(1)).unwrap();
        assert_eq!((ports(&answer), answer.incomplete, answer.complete), (vec![2], 2, 0));
    }

    #[test]
    fn seeds_are_sent_only_to_those_who_want_them() {
        let (store, now) = (store(), Instant::now());
        store.announce(now, &seeder(1)).unwrap();
        store.announce(now, &leecher(2)).unwrap();
        assert_eq!(ports(&store.announce(now, &seeder(3)).unwrap()), [2]);
        assert_eq!(ports(&store.announce(now, &leecher(4)).unwrap()), [1, 2, 3]);
    }

    #[test]
    fn stopped_removes_and_makes_no_swarm() {
        let (store, now) = (store(), Instant::now());
        let stopped = Presence { event: AnnounceEvent::Stopped, ..leecher(1) };
        store.announce(now, &stopped).unwrap();
        assert_eq!(store.torrents(), 0);
        store.announce(now, &leecher(1)).unwrap();
        assert_eq!(store.announce(now, &stopped).unwrap(), Answer::default());
        assert_eq!(store.announce(now, &leecher(2)).unwrap().peers, []);
    }

    #[test]
    fn nobody_is_removed_from_another_address() {
        let (store, now) = (store(), Instant::now());
        store.announce(now, &leecher(1)).unwrap();
        let stranger =
            Presence { ip: [10, 0, 0, 2].into(), event: AnnounceEvent::Stopped, ..leecher(1) };
        assert_eq!(store.announce(now, &stranger).unwrap().incomplete, 1);
    }

    #[test]
    fn completed_counts_once_and_only_for_a_leecher() {
        let (store, now) = (store(), Instant::now());
        let completed = Presence { event: AnnounceEvent::Completed, ..seeder(1) };
        store.announce(now, &completed).unwrap();
        assert_eq!(store.scrape(&completed.info_hash).downloaded, 0, "it was never a leecher");
        store.announce(now, &leecher(2)).unwrap();
        let completed = Presence { event: AnnounceEvent::Completed, ..seeder(2) };
        store.announce(now, &completed).unwrap();
        store.announce(now, &completed).unwrap();
        let entry = ScrapeEntry { complete: 2, downloaded: 1, incomplete: 0 };
        assert_eq!(store.scrape(&completed.info_hash), entry);
    }

    #[test]
    fn who_is_silent_too_long_is_forgotten() {
        let (store, start) = (store(), Instant::now());
        store.announce(start, &leecher(1)).unwrap();
        store.announce(start + LIFETIME / 2, &leecher(2)).unwrap();
        let late = start + LIFETIME;
        assert_eq!(ports(&store.announce(late, &leecher(3)).unwrap()), [2], "before any sweep");
        store.sweep(late);
        assert_eq!(store.scrape(&leecher(1).info_hash).incomplete, 2);
        store.sweep(late + LIFETIME);
        assert_eq!(store.torrents(), 0);
    }

    #[test]
    fn answers_are_limited_and_drawn_at_random() {
        let (store, now) = (store(), Instant::now());
        (1..=1000).for_each(|port| drop(store.announce(now, &leecher(port))));
        let greedy = Presence { num_want: u32::MAX, ..leecher(1) };
        let (one, other) = (store.announce(now, &greedy).unwrap(), store.announce(now, &greedy));
        assert_eq!(one.peers.len(), MAX_NUM_WANT as usize);
        let mut unique = ports(&one);
        unique.dedup();
        assert_eq!(unique.len(), MAX_NUM_WANT as usize, "nobody is named twice");
        assert_ne!(ports(&one), ports(&other.unwrap()));
    }

    #[test]
    fn the_own_address_family_comes_first() {
        let (store, now) = (store(), Instant::now());
        let six = |port| Presence { ip: "2001:db8::1".parse().unwrap(), ..leecher(port) };
        store.announce(now, &leecher(1)).unwrap();
        store.announce(now, &six(2)).unwrap();
        let one = Presence { num_want: 1, ..six(3) };
        assert_eq!(ports(&store.announce(now, &one).unwrap()), [2]);
        assert_eq!(ports(&store.announce(now, &six(3)).unwrap()), [1, 2]);
        let mapped = Presence { ip: "::ffff:10.0.0.1".parse().unwrap(), ..leecher(1) };
        assert_eq!(store.announce(now, &mapped).unwrap().incomplete, 3, "the same as over IPv4");
    }
}
