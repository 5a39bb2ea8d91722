//! Seeders that registered with their whole list: what is kept of them, so that they can withdraw
//! it. Knows neither HTTP nor the swarms, nor what time it is.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gannet_core::id::{InfoHash, PeerId};

use super::ApiConfig;
use crate::tracker::rates::host_of;

/// Torrents in order, each once.
pub(super) type TorrentList = Arc<[InfoHash]>;

/// Why a seeder isn't kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RegistryFull {
    #[error("the tracker keeps as many seeders as it may")]
    Seeders,
    #[error("the tracker keeps as many registered torrents of this address as it may")]
    Address,
    #[error("the tracker keeps as many registered torrents as it may")]
    Torrents,
}

/// A seeder and its list.
#[derive(Debug, Clone)]
pub(super) struct Registration {
    pub(super) peer_id: PeerId,
    pub(super) torrents: TorrentList,
    heard: Instant,
}

/// The registered seeders, known by address and port.
#[derive(Debug)]
pub(super) struct Registry {
    inner: Mutex<Inner>,
    lifetime: Duration,
    max_seeders: usize,
    max_torrents_per_address: usize,
    max_torrents: usize,
}

#[derive(Debug, Default)]
struct Inner {
    seeders: BTreeMap<(IpAddr, u16), Registration>,
    /// Of all of them together.
    torrents: usize,
}

impl Registry {
    /// Forgets a seeder that hasn't registered again for `lifetime`.
    pub(super) fn new(lifetime: Duration, config: &ApiConfig) -> Self {
        Self {
            inner: Mutex::default(),
            lifetime,
            max_seeders: config.max_seeders,
            max_torrents_per_address: match config.max_torrents_per_address {
                0 => usize::MAX,
                max => max,
            },
            max_torrents: config.max_registered_torrents,
        }
    }

    /// Keeps a list in place of the one that this address and port had, which is returned.
    pub(super) fn register(
        &self,
        now: Instant,
        addr: SocketAddr,
        peer_id: PeerId,
        torrents: TorrentList,
    ) -> Result<Option<TorrentList>, RegistryFull> {
        let mut inner = self.lock();
        let before = inner.seeders.get(&key(addr)).map(|known| Arc::clone(&known.torrents));
        let freed = before.as_ref().map_or(0, |list| list.len());
        self.check_room(&inner, addr, freed, torrents.len())?;
        inner.torrents = inner.torrents - freed + torrents.len();
        inner.seeders.insert(key(addr), Registration { peer_id, torrents, heard: now });
        Ok(before)
    }

    /// Whether there is room for a list of `count`, instead of one of `freed`.
    fn check_room(
        &self,
        inner: &Inner,
        addr: SocketAddr,
        freed: usize,
        count: usize,
    ) -> Result<(), RegistryFull> {
        let is_new = !inner.seeders.contains_key(&key(addr));
        if is_new && inner.seeders.len() >= self.max_seeders {
            return Err(RegistryFull::Seeders);
        }
        if inner.torrents - freed + count > self.max_torrents {
            return Err(RegistryFull::Torrents);
        }
        let (first, last) = (host_of(addr.ip()), last_of_host(addr.ip()));
        let neighbours = inner.seeders.range((first, 0)..=(last, u16::MAX));
        let kept: usize = neighbours.map(|(_, known)| known.torrents.len()).sum();
        match kept - freed + count > self.max_torrents_per_address {
            true => Err(RegistryFull::Address),
            false => Ok(()),
        }
    }

    /// Forgets a seeder, if it has this id; its list.
    pub(super) fn withdraw(&self, addr: SocketAddr, peer_id: &PeerId) -> Option<TorrentList> {
        let mut inner = self.lock();
        inner.seeders.get(&key(addr)).filter(|known| known.peer_id == *peer_id)?;
        let gone = inner.seeders.remove(&key(addr))?;
        inner.torrents -= gone.torrents.len();
        Some(gone.torrents)
    }

    /// Forgets a seeder, whatever its id; its list.
    pub(super) fn forget(&self, addr: SocketAddr) -> Option<TorrentList> {
        let peer_id = self.peer_id(addr)?;
        self.withdraw(addr, &peer_id)
    }

    /// The id of a registered seeder.
    pub(super) fn peer_id(&self, addr: SocketAddr) -> Option<PeerId> {
        self.lock().seeders.get(&key(addr)).map(|known| known.peer_id)
    }

    /// How many seeders are registered.
    pub(super) fn len(&self) -> usize {
        self.lock().seeders.len()
    }

    /// Forgets those that are silent: their peers expire in the swarms by themselves.
    pub(super) fn sweep(&self, now: Instant) {
        let mut inner = self.lock();
        let alive =
            |known: &Registration| now.saturating_duration_since(known.heard) < self.lifetime;
        inner.seeders.retain(|_, known| alive(known));
        inner.torrents = inner.seeders.values().map(|known| known.torrents.len()).sum();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Between any two statements that could panic the map is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(addr: SocketAddr) -> (IpAddr, u16) {
    (addr.ip().to_canonical(), addr.port())
}

fn last_of_host(ip: IpAddr) -> IpAddr {
    match host_of(ip) {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() | u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);
    const ID: PeerId = PeerId::new([7; 20]);

    fn registry() -> Registry {
        let config = ApiConfig {
            max_seeders: 3,
            max_torrents_per_address: 4,
            max_registered_torrents: 6,
            ..ApiConfig::default()
        };
        Registry::new(LIFETIME, &config)
    }

    fn list(count: u8) -> TorrentList {
        (0..count).map(|n| InfoHash::new([n; 20])).collect()
    }

    fn at(addr: &str) -> SocketAddr {
        addr.parse().unwrap()
    }

    #[test]
    fn limits_hold_for_seeders_addresses_and_torrents() {
        let (registry, now) = (registry(), Instant::now());
        let add = |addr, count| registry.register(now, at(addr), ID, list(count)).map(drop);
        assert_eq!(add("10.0.0.1:1", 5), Err(RegistryFull::Address));
        assert_eq!(add("10.0.0.1:1", 4), Ok(()));
        assert_eq!(add("10.0.0.1:2", 1), Err(RegistryFull::Address));
        assert_eq!(add("10.0.0.2:1", 3), Err(RegistryFull::Torrents));
        assert_eq!(add("10.0.0.1:1", 2), Ok(()), "a shorter list gives room");
        assert_eq!(add("10.0.0.1:2", 2), Ok(()));
        assert_eq!(add("10.0.0.2:1", 1), Ok(()));
        assert_eq!(add("10.0.0.3:1", 1), Err(RegistryFull::Seeders));
        assert_eq!(add("10.0.0.2:1", 2), Ok(()), "who is known may change");
    }

    #[test]
    fn neighbours_in_a_64_are_one_address() {
        let (registry, now) = (registry(), Instant::now());
        let add = |addr| registry.register(now, at(addr), ID, list(2)).map(drop);
        assert_eq!(add("[2001:db8::1]:1"), Ok(()));
        assert_eq!(add("[2001:db8::ffff:0:0:1]:1"), Ok(()));
        assert_eq!(add("[2001:db8::2]:1"), Err(RegistryFull::Address));
        assert_eq!(add("[2001:db8:0:1::2]:1"), Ok(()));
    }

    #[test]
    fn only_the_same_address_port_and_id_withdraw() {
        let (registry, now) = (registry(), Instant::now());
        registry.register(now, at("10.0.0.1:1"), ID, list(2)).unwrap();
        assert_eq!(registry.withdraw(at("10.0.0.2:1"), &ID), None);
        assert_eq!(registry.withdraw(at("10.0.0.1:2"), &ID), None);
        assert_eq!(registry.withdraw(at("10.0.0.1:1"), &PeerId::new([8; 20])), None);
        assert_eq!(registry.withdraw(at("[::ffff:10.0.0.1]:1"), &ID), Some(list(2)));
        assert_eq!(registry.withdraw(at("10.0.0.1:1"), &ID), None);
        assert_eq!((registry.len(), registry.lock().torrents), (0, 0));
    }

    #[test]
    fn who_is_silent_is_forgotten_and_who_refreshes_is_not() {
        let (registry, start) = (registry(), Instant::now());
        registry.register(start, at("10.0.0.1:1"), ID, list(2)).unwrap();
        registry.register(start, at("10.0.0.2:1"), ID, list(1)).unwrap();
        registry.register(start + LIFETIME / 2, at("10.0.0.2:1"), ID, list(1)).unwrap();
        registry.sweep(start + LIFETIME);
        assert_eq!((registry.len(), registry.lock().torrents), (1, 1));
        assert_eq!(registry.peer_id(at("10.0.0.2:1")), Some(ID));
    }
}
