//! What the other instances have yet to be told.

use std::{
    mem,
    time::{Duration, Instant},
};

use gannet_core::id::InfoHash;

use super::entry::{MAX_CHANGES_PER_ENTRY, Told};
use crate::tracker::{Change, ChangeKind, Journal, PeerView, Store};

/// Changes that the tracker may have before they are collected, which is about four times a second.
pub const JOURNAL_CAPACITY: usize = 65_536;
/// Changes that wait for the store. When it is away for so long that there are more, memory as a
/// whole is told once it is back.
pub const MAX_PENDING: usize = 65_536;
/// The least time between two tellings of all memory because changes came too fast: a tracker
/// that is that busy has better things to do.
pub const RETELL_PAUSE: Duration = Duration::from_secs(60);

/// Changes in the order in which they will be told.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// In the order in which they happened.
    pending: Vec<Told>,
    /// Being told: sorted, and up to `told` confirmed.
    ready: Vec<Told>,
    told: usize,
    /// Torrents of which everything is to be told, from the last to the first.
    retelling: Vec<InfoHash>,
    must_retell: bool,
    retell_from: Option<Instant>,
    lost_by_journal: u64,
    lost: u64,
}

impl Outbox {
    /// Takes what the tracker has learned since the last time.
    pub(super) fn collect(&mut self, journal: &Journal, now: Instant) {
        let mut changes = Vec::new();
        journal.take(&mut changes, JOURNAL_CAPACITY);
        self.pending.extend(changes.into_iter().map(|change| Told { change, heard: now }));
        let lost = journal.dropped();
        self.must_retell |= lost > self.lost_by_journal;
        self.lost_by_journal = lost;
        if self.pending.len() > MAX_PENDING {
            self.forget_what_memory_knows();
        }
    }

    /// Who is there will be told from memory; who has left, and what was completed, can't.
    fn forget_what_memory_knows(&mut self) {
        self.must_retell = true;
        let is_an_event = |kind| matches!(kind, ChangeKind::Completed | ChangeKind::Left);
        self.pending.retain(|told| is_an_event(told.change.kind));
        let excess = self.pending.len().saturating_sub(MAX_PENDING);
        self.pending.drain(..excess);
        self.lost += excess as u64;
    }

    /// All memory is to be told, from the beginning and at once.
    pub(super) fn retell(&mut self) {
        self.must_retell = true;
        self.retell_from = None;
        self.retelling.clear();
    }

    /// The next changes, for one entry: those of a torrent and a peer next to each other, oldest
    /// first, and without what was superseded. They stay until they are confirmed.
    pub(super) fn next(&mut self, store: &Store, now: Instant) -> &[Told] {
        if self.told == self.ready.len() {
            self.told = 0;
            self.ready.clear();
            mem::swap(&mut self.ready, &mut self.pending);
            coalesce(&mut self.ready);
            if self.ready.is_empty() {
                self.recall(store, now);
            }
        }
        let rest = &self.ready[self.told..];
        &rest[..rest.len().min(MAX_CHANGES_PER_ENTRY)]
    }

    /// The first `count` of [`Self::next`] were told.
    pub(super) fn confirm(&mut self, count: usize) {
        self.told = self.ready.len().min(self.told + count);
    }

    /// Takes some torrents from memory, if all of it is to be told.
    fn recall(&mut self, store: &Store, now: Instant) {
        let may_begin = self.retell_from.is_none_or(|from| from <= now);
        if self.retelling.is_empty() && may_begin && mem::take(&mut self.must_retell) {
            self.retell_from = Some(now + RETELL_PAUSE);
            store.for_each_swarm(|info_hash, _| self.retelling.push(*info_hash));
        }
        while self.ready.len() < MAX_CHANGES_PER_ENTRY {
            let Some(info_hash) = self.retelling.pop() else { return };
            let swarm = store.swarm_of(now, &info_hash, usize::MAX);
            let peers = swarm.into_iter().flat_map(|swarm| swarm.peers);
            self.ready.extend(peers.map(|peer| recalled(info_hash, peer, now)));
        }
    }

    /// Whether there is no news; there may be memory to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.told == self.ready.len()
    }

    /// Whether memory is being told.
    pub(super) fn is_retelling(&self) -> bool {
        !self.retelling.is_empty()
    }

    /// How many changes were lost, so that others learn of them late, or never.
    pub(super) fn lost(&self) -> u64 {
        self.lost + self.lost_by_journal
    }
}

fn recalled(info_hash: InfoHash, peer: PeerView, now: Instant) -> Told {
    let kind = if peer.is_seed { ChangeKind::Seeding } else { ChangeKind::Leeching };
    let change = Change { info_hash, addr: peer.addr, kind };
    Told { change, heard: now.checked_sub(peer.heard_ago).unwrap_or(now) }
}

/// Sorts changes by torrent and peer, and forgets that a peer was there where it says so again, or
/// what became of it.
fn coalesce(news: &mut Vec<Told>) {
    news.sort_by_key(|told| (told.change.info_hash, told.change.addr));
    news.reverse();
    news.dedup_by(|earlier, later| {
        let (earlier, later) = (&earlier.change, &later.change);
        let says_more = earlier.kind == ChangeKind::Completed && later.kind != earlier.kind;
        (earlier.info_hash, earlier.addr) == (later.info_hash, later.addr) && !says_more
    });
    news.reverse();
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use gannet_core::announce::AnnounceEvent;

    use super::*;
    use crate::tracker::{Limits, Presence};

    fn store() -> Store {
        Store::new(Duration::from_secs(3600), &Limits::default())
    }

    fn presence(torrent: u16, port: u16) -> Presence {
        let mut hash = [0; 20];
        hash[..2].copy_from_slice(&torrent.to_be_bytes());
        Presence {
            info_hash: InfoHash::new(hash),
            ip: [10, 0, 0, 1].into(),
            port,
            is_seed: false,
            event: AnnounceEvent::None,
            num_want: 0,
        }
    }

    fn told(torrent: u8, port: u16, kind: ChangeKind) -> Told {
        let addr = SocketAddr::from(([10, 0, 0, 1], port));
        let change = Change { info_hash: InfoHash::new([torrent; 20]), addr, kind };
        Told { change, heard: Instant::now() }
    }

    fn kinds(news: &[Told]) -> Vec<(u16, ChangeKind)> {
        news.iter().map(|told| (told.change.addr.port(), told.change.kind)).collect()
    }

    #[test]
    fn only_the_last_news_of_a_peer_is_told_but_what_was_completed_counts() {
        use ChangeKind::*;
        let mut news = vec![
            told(2, 1, Leeching),
            told(1, 1, Leeching),
            told(2, 1, Completed),
            told(2, 2, Seeding),
            told(2, 1, Seeding),
            told(2, 2, Left),
            told(1, 1, Left),
            told(1, 1, Leeching),
        ];
        coalesce(&mut news);
        assert_eq!(kinds(&news), [(1, Leeching), (1, Completed), (1, Seeding), (2, Left)]);
    }

    #[test]
    fn what_is_not_confirmed_is_told_again() {
        let (store, now) = (store(), Instant::now());
        let journal = store.journal(JOURNAL_CAPACITY);
        let mut outbox = Outbox::default();
        for port in 1..=MAX_CHANGES_PER_ENTRY as u16 + 1 {
            store.announce(now, &presence(1, port)).unwrap();
        }
        outbox.collect(&journal, now);
        let first = outbox.next(&store, now).to_vec();
        assert_eq!(first.len(), MAX_CHANGES_PER_ENTRY);
        assert_eq!(outbox.next(&store, now), first);
        outbox.confirm(first.len());
        assert_eq!(kinds(outbox.next(&store, now)), [(2049, ChangeKind::Leeching)]);
        outbox.confirm(1);
        assert!(outbox.is_empty() && outbox.next(&store, now).is_empty());
    }

    #[test]
    fn memory_is_told_when_more_happened_than_can_wait() {
        let (store, now) = (store(), Instant::now());
        let journal = store.journal(JOURNAL_CAPACITY);
        let mut outbox = Outbox::default();
        for torrent in 0..3 {
            (1..=40_000).for_each(|port| drop(store.announce(now, &presence(torrent, port))));
            if torrent == 0 {
                let gone = Presence { event: AnnounceEvent::Stopped, ..presence(0, 7) };
                store.announce(now, &gone).unwrap();
            }
            outbox.collect(&journal, now);
        }
        assert!(outbox.pending.len() <= MAX_PENDING);
        assert_eq!(
            kinds(outbox.next(&store, now))[0],
            (7, ChangeKind::Left),
            "told as it happened"
        );
        let mut count = 0;
        while let next @ 1.. = outbox.next(&store, now).len() {
            count += next;
            outbox.confirm(next);
        }
        assert!((119_999..=120_000 + MAX_PENDING).contains(&count), "{count}");
        assert!(!outbox.is_retelling());
    }

    #[test]
    fn events_that_wait_are_bounded_and_the_oldest_are_lost() {
        let (store, now) = (store(), Instant::now());
        let journal = store.journal(JOURNAL_CAPACITY);
        let mut outbox = Outbox::default();
        for torrent in 0..2 {
            for port in 1..=60_000 {
                let gone = Presence { event: AnnounceEvent::Stopped, ..presence(torrent, port) };
                store.announce(now, &gone).unwrap();
            }
            outbox.collect(&journal, now);
        }
        assert_eq!(outbox.pending.len(), MAX_PENDING);
        assert_eq!(outbox.lost(), 120_000 - MAX_PENDING as u64);
    }

    #[test]
    fn a_journal_that_overflows_has_memory_told_but_not_all_the_time() {
        let (store, now) = (store(), Instant::now());
        let journal = store.journal(1);
        let mut outbox = Outbox::default();
        let round = |outbox: &mut Outbox, torrent, now| {
            (1..=3).for_each(|port| drop(store.announce(now, &presence(torrent, port))));
            outbox.collect(&journal, now);
            let mut ports = Vec::new();
            while !outbox.next(&store, now).is_empty() {
                ports.extend(kinds(outbox.next(&store, now)).iter().map(|(port, _)| *port));
                outbox.confirm(1);
            }
            ports
        };
        assert!(round(&mut outbox, 1, now).len() > 3);
        assert_eq!(round(&mut outbox, 2, now).len(), 1);
        assert!(round(&mut outbox, 3, now + RETELL_PAUSE).len() > 9);
    }

    #[test]
    fn what_is_told_from_memory_has_its_age() {
        let (store, now) = (store(), Instant::now());
        let mut outbox = Outbox::default();
        store.announce(now, &presence(1, 1)).unwrap();
        let later = now + Duration::from_secs(100);
        outbox.retell();
        let heard = outbox.next(&store, later)[0].heard;
        assert!((99..=101).contains(&(later - heard).as_secs()));
    }
}
