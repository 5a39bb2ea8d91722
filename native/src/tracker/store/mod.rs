//! Who is in which swarm. Knows neither HTTP nor UDP, nor what time it is.

mod clock;
mod journal;
mod peers;
mod swarm;
#[cfg(test)]
mod tests;
mod view;

use std::{
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gannet_core::{
    announce::{AnnounceEvent, ScrapeEntry},
    id::InfoHash,
};
use hashbrown::{HashTable, hash_table::Entry};

use self::{
    clock::{Clock, Tick},
    peers::Heard,
    swarm::{News, Swarm, Wish},
};
pub use self::{
    journal::{Change, ChangeKind, Journal},
    view::{PeerView, SwarmView, Totals},
};
use super::limits::Limits;

/// Parts of the store, each with a lock of its own. So many that one is swept in less time than
/// an announce may take, even when the store is full.
pub(super) const SHARDS: usize = 256;

/// What a client tells, whatever the protocol.
#[derive(Debug, Clone, Copy)]
pub struct Presence {
    /// The torrent.
    pub info_hash: InfoHash,
    /// Where the request came from: never what the request says.
    pub ip: IpAddr,
    /// The TCP port at which it listens.
    pub port: u16,
    /// Whether it has everything.
    pub is_seed: bool,
    /// Why it announces.
    pub event: AnnounceEvent,
    /// How many peers it would like to hear of.
    pub num_want: u32,
}

impl Presence {
    fn addr(&self) -> SocketAddr {
        SocketAddr::new(self.ip.to_canonical(), self.port)
    }
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// How many seeders the swarm has.
    pub complete: u32,
    /// How many leechers the swarm has.
    pub incomplete: u32,
    /// Peers, drawn at random: those of the client's own address family first.
    pub peers: Vec<SocketAddr>,
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
    clock: Clock,
    lifetime: Duration,
    max_torrents: usize,
    max_peers: usize,
    max_peers_per_torrent: usize,
    max_num_want: u32,
    torrents: AtomicUsize,
    seeders: AtomicUsize,
    leechers: AtomicUsize,
    journal: OnceLock<Journal>,
}

#[derive(Debug)]
struct Shard {
    swarms: HashTable<(InfoHash, Swarm)>,
    rng: fastrand::Rng,
}

impl Store {
    /// A store that forgets a peer when it hasn't announced itself for `lifetime`.
    pub fn new(lifetime: Duration, limits: &Limits) -> Self {
        let shard = |_| Mutex::new(Shard { swarms: HashTable::new(), rng: fastrand::Rng::new() });
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            hasher: RandomState::new(),
            clock: Clock::new(lifetime),
            lifetime,
            max_torrents: limits.max_torrents,
            max_peers: limits.max_peers,
            max_peers_per_torrent: limits.max_peers_per_torrent,
            max_num_want: limits.max_num_want,
            torrents: AtomicUsize::new(0),
            seeders: AtomicUsize::new(0),
            leechers: AtomicUsize::new(0),
            journal: OnceLock::new(),
        }
    }

    /// Takes in what a client tells, and answers it.
    ///
    /// # Errors
    /// If the torrent is new and there are too many.
    pub fn announce(&self, now: Instant, presence: &Presence) -> Result<Answer, Full> {
        let mut answer = Answer::default();
        self.announce_into(now, presence, &mut answer)?;
        Ok(answer)
    }

    /// As [`Self::announce`], into an answer whose memory is used again.
    ///
    /// # Errors
    /// If the torrent is new and there are too many.
    pub fn announce_into(
        &self,
        now: Instant,
        presence: &Presence,
        answer: &mut Answer,
    ) -> Result<(), Full> {
        answer.peers.clear();
        let (addr, tick) = (presence.addr(), self.clock.tick(now));
        if presence.event == AnnounceEvent::Stopped {
            self.leave(presence.info_hash, addr, tick, answer);
            return Ok(());
        }
        let news = News {
            addr,
            heard: tick,
            is_seed: presence.is_seed,
            has_completed: presence.event == AnnounceEvent::Completed,
        };
        // A magnet link's client that doesn't know the size yet may say that nothing is left
        // (aria2 does): only with its first announce could it be mistaken for a seeder.
        let needs_no_seeds = presence.is_seed && presence.event != AnnounceEvent::Started;
        let count = presence.num_want.min(self.max_num_want) as usize;
        let heard = self.with_swarm(&presence.info_hash, |swarm, rng| {
            let heard = self.hear(swarm, news);
            let wish = Wish { addr, needs_no_seeds, count };
            swarm.sample(rng, wish, |heard| self.is_alive(tick, heard), &mut answer.peers);
            answer.count(swarm.scrape());
            heard
        })?;
        self.record(presence.info_hash, news, heard);
        Ok(())
    }

    fn leave(&self, info_hash: InfoHash, addr: SocketAddr, tick: Tick, answer: &mut Answer) {
        let entry = self.with_known(&info_hash, |swarm| {
            swarm.remove(&self.hasher, addr, tick);
            swarm.scrape()
        });
        answer.count(entry.unwrap_or_default());
        if let Some(journal) = self.journal.get() {
            journal.offer(Change { info_hash, addr, kind: ChangeKind::Left });
        }
    }

    /// Forgets peers that haven't announced themselves, and swarms without peers.
    pub fn sweep(&self, now: Instant) {
        (0..SHARDS).for_each(|shard| self.sweep_shard(now, shard));
    }

    /// One of [`SHARDS`] parts of [`Self::sweep`].
    pub(super) fn sweep_shard(&self, now: Instant, shard: usize) {
        let now = self.clock.tick(now);
        let swarms = &mut self.lock(shard).swarms;
        let before = swarms.len();
        swarms.retain(|(_, swarm)| {
            self.counted(swarm, |swarm| {
                swarm.expire(&self.hasher, |heard| self.is_alive(now, heard));
            });
            swarm.len() > 0
        });
        self.torrents.fetch_sub(before - swarms.len(), Ordering::Relaxed);
        let rehash = |(hash, _): &(InfoHash, _)| self.hasher.hash_one(hash);
        if swarms.capacity() > swarms.len() * 4 {
            swarms.shrink_to_fit(rehash);
        }
    }

    /// The journal of what clients tell from now on. There is only one, whose capacity is that of
    /// the first call.
    pub fn journal(&self, capacity: usize) -> Journal {
        self.journal.get_or_init(|| Journal::new(capacity)).clone()
    }

    fn record(&self, info_hash: InfoHash, news: News, heard: Heard) {
        let Some(journal) = self.journal.get() else { return };
        let kind = match heard {
            Heard::Full | Heard::Stale | Heard::Again => return,
            Heard::Completed if news.has_completed => ChangeKind::Completed,
            _ if news.is_seed => ChangeKind::Seeding,
            _ => ChangeKind::Leeching,
        };
        journal.offer(Change { info_hash, addr: news.addr, kind });
    }

    /// Takes in what another instance was told `age` ago. It isn't in the journal, and changes
    /// nothing about a peer of which there is newer news; but who has left is forgotten, and comes
    /// back by older news.
    pub fn apply(&self, now: Instant, age: Duration, change: &Change) {
        let Some(moment) = now.checked_sub(age).filter(|_| age < self.lifetime) else { return };
        let heard = self.clock.tick(moment);
        let addr = SocketAddr::new(change.addr.ip().to_canonical(), change.addr.port());
        if change.kind == ChangeKind::Left {
            self.with_known(&change.info_hash, |swarm| swarm.remove(&self.hasher, addr, heard));
            return;
        }
        let has_completed = change.kind == ChangeKind::Completed;
        let is_seed = has_completed || change.kind == ChangeKind::Seeding;
        let news = News { addr, heard, is_seed, has_completed };
        // A full store keeps what it has.
        let _ = self.with_swarm(&change.info_hash, |swarm, _| self.hear(swarm, news));
    }

    /// Takes in how often another instance counts that a torrent was downloaded: the larger number
    /// is right, for each has missed some. A torrent without peers has no number.
    pub fn raise_downloaded(&self, info_hash: &InfoHash, downloaded: u32) {
        self.with_known(info_hash, |swarm| swarm.raise_downloaded(downloaded));
    }

    fn hear(&self, swarm: &mut Swarm, news: News) -> Heard {
        let peers = self.seeders.load(Ordering::Relaxed) + self.leechers.load(Ordering::Relaxed);
        let has_room = swarm.len() < self.max_peers_per_torrent && peers < self.max_peers;
        swarm.hear(&self.hasher, news, has_room)
    }

    fn is_alive(&self, now: Tick, heard: Tick) -> bool {
        self.clock.is_alive(now, heard)
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        // A swarm is whole between any two statements that could panic.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hash of an info hash, and its shard: by bits that the shard's own table doesn't use.
    fn place(&self, info_hash: &InfoHash) -> (u64, usize) {
        let hash = self.hasher.hash_one(info_hash);
        (hash, (hash >> 32) as usize % SHARDS)
    }

    /// Does something with a swarm, which is made if there is none.
    fn with_swarm<T>(
        &self,
        info_hash: &InfoHash,
        act: impl FnOnce(&mut Swarm, &mut fastrand::Rng) -> T,
    ) -> Result<T, Full> {
        let (hash, shard) = self.place(info_hash);
        let Shard { swarms, rng } = &mut *self.lock(shard);
        let rehash = |(hash, _): &(InfoHash, _)| self.hasher.hash_one(hash);
        let mut entry = match swarms.entry(hash, |(known, _)| known == info_hash, rehash) {
            Entry::Occupied(known) => known,
            Entry::Vacant(_) if self.torrents.load(Ordering::Relaxed) >= self.max_torrents => {
                return Err(Full);
            }
            Entry::Vacant(new) => {
                self.torrents.fetch_add(1, Ordering::Relaxed);
                new.insert((*info_hash, Swarm::default()))
            }
        };
        Ok(self.counted(&mut entry.get_mut().1, |swarm| act(swarm, rng)))
    }

    /// Does something with a swarm if there is one.
    fn with_known<T>(&self, info_hash: &InfoHash, act: impl FnOnce(&mut Swarm) -> T) -> Option<T> {
        let (hash, shard) = self.place(info_hash);
        let mut shard = self.lock(shard);
        let (_, swarm) = shard.swarms.find_mut(hash, |(known, _)| known == info_hash)?;
        Some(self.counted(swarm, act))
    }

    /// Keeps the totals right over what is done with a swarm.
    fn counted<T>(&self, swarm: &mut Swarm, act: impl FnOnce(&mut Swarm) -> T) -> T {
        let before = swarm.scrape();
        let done = act(swarm);
        let after = swarm.scrape();
        for (total, before, after) in [
            (&self.seeders, before.complete, after.complete),
            (&self.leechers, before.incomplete, after.incomplete),
        ] {
            if before != after {
                // Wraps around, and so subtracts what has gone.
                let change = (after as usize).wrapping_sub(before as usize);
                total.fetch_add(change, Ordering::Relaxed);
            }
        }
        done
    }
}

impl Answer {
    fn count(&mut self, entry: ScrapeEntry) {
        (self.complete, self.incomplete) = (entry.complete, entry.incomplete);
    }
}
