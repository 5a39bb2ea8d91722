//! Looking at what a store keeps.

use std::{
    net::SocketAddr,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use gannet_core::{announce::ScrapeEntry, id::InfoHash};

use super::{SHARDS, Store, clock::Tick, swarm::Swarm};

/// How much a store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Torrents, some of which may have just lost their last peer.
    pub torrents: usize,
    /// Seeders: a client counts once for each of its torrents.
    pub seeders: usize,
    /// Leechers, counted in the same way.
    pub leechers: usize,
}

/// What is known of a peer in a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerView {
    /// Where it is.
    pub addr: SocketAddr,
    /// Whether it has everything.
    pub is_seed: bool,
    /// How long ago it last announced itself, nearly.
    pub heard_ago: Duration,
}

/// What is known of a swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwarmView {
    /// How large it is.
    pub entry: ScrapeEntry,
    /// Its peers, or as many as were asked for.
    pub peers: Vec<PeerView>,
}

impl Store {
    /// The numbers of one swarm; zeros if there is none.
    pub fn scrape(&self, info_hash: &InfoHash) -> ScrapeEntry {
        self.with_known(info_hash, |swarm| swarm.scrape()).unwrap_or_default()
    }

    /// How much is kept, without looking at it.
    pub fn totals(&self) -> Totals {
        Totals {
            torrents: self.torrents.load(Ordering::Relaxed),
            seeders: self.seeders.load(Ordering::Relaxed),
            leechers: self.leechers.load(Ordering::Relaxed),
        }
    }

    /// A swarm and up to `max` of its peers: if it has more, half of them seeders where it can be.
    pub fn swarm_of(&self, now: Instant, info_hash: &InfoHash, max: usize) -> Option<SwarmView> {
        let now = self.clock.tick(now);
        self.with_known(info_hash, |swarm| {
            let seeders = self.views(swarm, now, true);
            let leechers = self.views(swarm, now, false).count();
            let mut peers: Vec<_> = seeders.take(max - leechers.min(max / 2)).collect();
            let rest = max - peers.len();
            peers.extend(self.views(swarm, now, false).take(rest));
            SwarmView { entry: swarm.scrape(), peers }
        })
    }

    /// Shows every swarm, while its part of the store is locked: be quick.
    pub fn for_each_swarm(&self, mut show: impl FnMut(&InfoHash, ScrapeEntry)) {
        for shard in 0..SHARDS {
            let shard = self.lock(shard);
            shard.swarms.iter().for_each(|(hash, swarm)| show(hash, swarm.scrape()));
        }
    }

    /// Shows every peer that is alive, while its part of the store is locked: be quick.
    pub fn for_each_peer(&self, now: Instant, mut show: impl FnMut(&InfoHash, PeerView)) {
        let now = self.clock.tick(now);
        for shard in 0..SHARDS {
            let shard = self.lock(shard);
            for (hash, swarm) in &shard.swarms {
                for is_seed in [false, true] {
                    self.views(swarm, now, is_seed).for_each(|peer| show(hash, peer));
                }
            }
        }
    }

    fn views<'s>(
        &'s self,
        swarm: &'s Swarm,
        now: Tick,
        is_seed: bool,
    ) -> impl Iterator<Item = PeerView> + 's {
        let alive = swarm.peers(is_seed).filter(move |(_, heard)| self.is_alive(now, *heard));
        alive.map(move |(addr, heard)| PeerView {
            addr,
            is_seed,
            heard_ago: self.clock.age(now, heard),
        })
    }
}
