//! The peers of one torrent and one address family, packed: leechers first, then seeders, so that
//! being one or the other costs nothing.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use hashbrown::HashTable;

use super::clock::Tick;

/// With fewer peers than this, looking at all of them is as fast as an index, which a swarm of
/// this size gets.
const INDEXED_FROM: usize = 128;
/// A list grows by its fraction of this when it is full: what may lie idle.
const GROWTH_DIVISOR: usize = 4;
/// The least room that a list grows by.
const MIN_GROWTH: usize = 2;

/// What is kept of a peer: who it is, and when it was last heard of.
pub(super) trait Record: Copy {
    /// Who it is, without more.
    type Key: Copy + Eq + Hash;
    fn new(key: Self::Key, heard: Tick) -> Self;
    fn key(self) -> Self::Key;
    fn heard(self) -> Tick;
    fn addr(self) -> SocketAddr;
}

/// An IPv4 peer: address, port and tick, from the most to the least significant bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct V4(u64);

impl V4 {
    pub(super) fn key_of(ip: Ipv4Addr, port: u16) -> u64 {
        u64::from(ip.to_bits()) << 16 | u64::from(port)
    }
}

impl Record for V4 {
    type Key = u64;

    fn new(key: u64, heard: Tick) -> Self {
        Self(key << 16 | u64::from(heard.0))
    }

    fn key(self) -> u64 {
        self.0 >> 16
    }

    fn heard(self) -> Tick {
        Tick(self.0 as u16)
    }

    fn addr(self) -> SocketAddr {
        (Ipv4Addr::from_bits((self.0 >> 32) as u32), (self.0 >> 16) as u16).into()
    }
}

/// An IPv6 peer. The address is in bytes, for the record not to be aligned to 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct V6 {
    key: ([u8; 16], u16),
    heard: Tick,
}

impl V6 {
    pub(super) fn key_of(ip: Ipv6Addr, port: u16) -> ([u8; 16], u16) {
        (ip.octets(), port)
    }
}

impl Record for V6 {
    type Key = ([u8; 16], u16);

    fn new(key: Self::Key, heard: Tick) -> Self {
        Self { key, heard }
    }

    fn key(self) -> Self::Key {
        self.key
    }

    fn heard(self) -> Tick {
        self.heard
    }

    fn addr(self) -> SocketAddr {
        (Ipv6Addr::from(self.key.0), self.key.1).into()
    }
}

/// What hearing of a peer changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It wasn't known.
    New,
    /// It was a leecher and is a seeder now.
    Completed,
    /// Nothing but the time, or a seeder that lacks something again.
    Known,
    /// Nothing but the time, and by so little that nobody else needs to know.
    Again,
    /// It was heard of since: nothing.
    Stale,
    /// There is no room for it.
    Full,
}

/// The peers of one family.
#[derive(Debug)]
pub(super) struct Peers<R> {
    records: Vec<R>,
    leechers: usize,
    index: Option<Box<HashTable<u32>>>,
}

impl<R> Default for Peers<R> {
    fn default() -> Self {
        Self { records: Vec::new(), leechers: 0, index: None }
    }
}

impl<R: Record> Peers<R> {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn leechers(&self) -> &[R] {
        &self.records[..self.leechers]
    }

    pub(super) fn seeders(&self) -> &[R] {
        &self.records[self.leechers..]
    }

    /// The leechers, and behind them the seeders.
    pub(super) fn all(&self) -> &[R] {
        &self.records
    }

    /// Takes in that a peer is there. One that isn't known yet needs `has_room`.
    pub(super) fn hear(
        &mut self,
        hasher: &RandomState,
        record: R,
        is_seed: bool,
        has_room: bool,
    ) -> Heard {
        let Some(at) = self.find(hasher, record.key()) else {
            if !has_room {
                return Heard::Full;
            }
            self.insert(hasher, record, is_seed);
            return Heard::New;
        };
        if record.heard().is_before(self.records[at].heard()) {
            return Heard::Stale;
        }
        let was_seed = at >= self.leechers;
        if was_seed == is_seed {
            let is_news = record.heard().is_news_after(self.records[at].heard());
            self.records[at] = record;
            return if is_news { Heard::Known } else { Heard::Again };
        }
        self.remove_at(hasher, at);
        self.insert(hasher, record, is_seed);
        if is_seed { Heard::Completed } else { Heard::Known }
    }

    /// Forgets a peer, unless it was heard of since `heard`.
    pub(super) fn remove(&mut self, hasher: &RandomState, key: R::Key, heard: Tick) {
        let known = self.find(hasher, key);
        if let Some(at) = known.filter(|&at| !heard.is_before(self.records[at].heard())) {
            self.remove_at(hasher, at);
            self.shrink();
        }
    }

    /// Forgets those that aren't alive.
    pub(super) fn expire(&mut self, hasher: &RandomState, alive: impl Fn(Tick) -> bool) {
        // From the end: what moves into a hole comes from behind it, and was looked at already.
        for at in (0..self.records.len()).rev() {
            if !alive(self.records[at].heard()) {
                self.remove_at(hasher, at);
            }
        }
        self.shrink();
    }

    fn find(&self, hasher: &RandomState, key: R::Key) -> Option<usize> {
        let is_it = |at: &u32| self.records[*at as usize].key() == key;
        match &self.index {
            Some(index) => index.find(hasher.hash_one(key), is_it).map(|&at| at as usize),
            None => self.records.iter().position(|record| record.key() == key),
        }
    }

    fn insert(&mut self, hasher: &RandomState, record: R, is_seed: bool) {
        if self.records.len() == self.records.capacity() {
            let growth = (self.records.len() / GROWTH_DIVISOR).max(MIN_GROWTH);
            self.records.reserve_exact(growth);
        }
        let end = self.records.len();
        self.records.push(record);
        let mut at = end;
        if !is_seed {
            at = self.leechers;
            self.relocate(hasher, at, end);
            self.records[at] = record;
            self.leechers += 1;
        }
        let Self { records, index, .. } = self;
        match index {
            Some(index) => {
                let rehash = |at: &u32| hasher.hash_one(records[*at as usize].key());
                index.insert_unique(hasher.hash_one(record.key()), at as u32, rehash);
            }
            None if records.len() >= INDEXED_FROM => self.build_index(hasher),
            None => {}
        }
    }

    fn build_index(&mut self, hasher: &RandomState) {
        let hash = |at: &u32| hasher.hash_one(self.records[*at as usize].key());
        let mut index = HashTable::with_capacity(self.records.len());
        for at in 0..self.records.len() as u32 {
            index.insert_unique(hash(&at), at, hash);
        }
        self.index = Some(Box::new(index));
    }

    fn remove_at(&mut self, hasher: &RandomState, at: usize) {
        if let Some(index) = &mut self.index {
            let hash = hasher.hash_one(self.records[at].key());
            if let Ok(entry) = index.find_entry(hash, |&known| known as usize == at) {
                entry.remove();
            }
        }
        let mut hole = at;
        if at < self.leechers {
            self.leechers -= 1;
            self.relocate(hasher, self.leechers, hole);
            hole = self.leechers;
        }
        self.relocate(hasher, self.records.len() - 1, hole);
        self.records.pop();
    }

    /// Copies a record to another place, where its index entry follows it.
    fn relocate(&mut self, hasher: &RandomState, from: usize, to: usize) {
        if from == to {
            return;
        }
        let record = self.records[from];
        self.records[to] = record;
        if let Some(index) = &mut self.index {
            let hash = hasher.hash_one(record.key());
            if let Some(at) = index.find_mut(hash, |&known| known as usize == from) {
                *at = to as u32;
            }
        }
    }

    /// Gives back room that a list that has shrunk doesn't need.
    fn shrink(&mut self) {
        let length = self.records.len();
        if self.records.capacity() > length * 2 + MIN_GROWTH {
            self.records.shrink_to(length + length / GROWTH_DIVISOR);
        }
        // Not at once: one peer more or less would build it again and again.
        if length < INDEXED_FROM / 2 {
            self.index = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// What peers should be: by key, whether it is a seeder and when it was heard of.
    type Model = BTreeMap<u64, (bool, u16)>;

    /// Every way in finds every peer, in the right part, and nobody else.
    fn check(peers: &Peers<V4>, hasher: &RandomState, model: &Model) -> Result<(), TestCaseError> {
        prop_assert_eq!(peers.len(), model.len());
        for (&key, &(is_seed, heard)) in model {
            let at = peers.find(hasher, key).expect("a peer that was heard of is found");
            prop_assert_eq!(peers.records[at], V4::new(key, Tick(heard)));
            prop_assert_eq!(at >= peers.leechers, is_seed);
        }
        let indexed = peers.index.as_ref().map_or(model.len(), |index| index.len());
        prop_assert_eq!(indexed, model.len());
        Ok(())
    }

    /// A peer, whether it is a seeder now, and what happens: heard of, gone, or a sweep.
    fn any_step() -> impl Strategy<Value = (u64, bool, u8)> {
        (0..400u64, any::<bool>(), 0..40u8)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn peers_come_change_go_and_expire_as_in_a_map(steps in vec(any_step(), 0..2000)) {
            let (hasher, mut peers) = (RandomState::new(), Peers::<V4>::default());
            let mut model = Model::new();
            for (now, (key, is_seed, what)) in (0u16..).zip(steps) {
                match what {
                    0 if now % 7 == 0 => {
                        let alive = |heard: Tick| now.wrapping_sub(heard.0) < 300;
                        peers.expire(&hasher, alive);
                        model.retain(|_, (_, heard)| alive(Tick(*heard)));
                    }
                    0..10 => {
                        peers.remove(&hasher, key, Tick(now));
                        model.remove(&key);
                    }
                    _ => {
                        let heard = peers.hear(&hasher, V4::new(key, Tick(now)), is_seed, true);
                        let before = model.insert(key, (is_seed, now));
                        prop_assert_eq!(heard == Heard::New, before.is_none());
                        let completed = is_seed && before.is_some_and(|(was_seed, _)| !was_seed);
                        prop_assert_eq!(heard == Heard::Completed, completed);
                    }
                }
            }
            check(&peers, &hasher, &model)?;
        }
    }

    fn crowd(count: u64) -> (RandomState, Peers<V4>) {
        let (hasher, mut peers) = (RandomState::new(), Peers::default());
        for key in 0..count {
            peers.hear(&hasher, V4::new(key, Tick(5)), key % 3 == 0, true);
        }
        (hasher, peers)
    }

    #[test]
    fn a_list_has_little_more_room_than_it_needs_and_gives_it_back() {
        let (hasher, mut peers) = crowd(10_000);
        assert!(peers.records.capacity() <= 12_500, "{}", peers.records.capacity());
        (10..10_000).for_each(|key| peers.remove(&hasher, key, Tick(5)));
        assert!(peers.records.capacity() <= 22, "{}", peers.records.capacity());
        assert!(peers.index.is_none(), "so few need none");
    }

    #[test]
    fn older_news_changes_nothing() {
        let (hasher, mut peers) = crowd(1);
        let old = V4::new(0, Tick(4));
        assert_eq!(peers.hear(&hasher, old, false, true), Heard::Stale);
        peers.remove(&hasher, 0, Tick(4));
        assert_eq!((peers.seeders().len(), peers.seeders()[0].heard()), (1, Tick(5)));
    }

    #[test]
    fn who_is_known_needs_no_room() {
        let (hasher, mut peers) = crowd(1);
        assert_ne!(peers.hear(&hasher, V4::new(0, Tick(6)), true, false), Heard::Full);
        assert_eq!(peers.hear(&hasher, V4::new(1, Tick(6)), true, false), Heard::Full);
        assert_eq!(peers.len(), 1);
    }

    #[test]
    fn a_record_holds_any_address() {
        for addr in ["255.255.255.255:65535", "0.0.0.0:1"].map(|text| text.parse().unwrap()) {
            let SocketAddr::V4(v4) = addr else { panic!("{addr}") };
            let record = V4::new(V4::key_of(*v4.ip(), v4.port()), Tick(u16::MAX));
            assert_eq!((record.addr(), record.heard()), (addr, Tick(u16::MAX)));
        }
        assert_eq!((size_of::<V4>(), size_of::<V6>()), (8, 20), "bytes a peer");
    }
}
