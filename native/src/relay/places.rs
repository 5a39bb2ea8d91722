//! How many connections there may be: in all, and of one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::limits::Limits;
use crate::tracker::host_of;

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_host: HashMap<IpAddr, usize>,
}

/// Hands out places.
#[derive(Debug)]
pub(super) struct Places {
    counts: Arc<Mutex<Counts>>,
    max: usize,
    max_per_host: usize,
}

/// The place of one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    host: IpAddr,
    counts: Arc<Mutex<Counts>>,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        let max_per_host = match limits.max_connections_per_address {
            0 => usize::MAX,
            limit => limit,
        };
        Self { counts: Arc::default(), max: limits.max_connections, max_per_host }
    }

    /// A place for a connection from `ip`, unless there are too many.
    pub(super) fn take(&self, ip: IpAddr) -> Option<Place> {
        let host = host_of(ip);
        let mut counts = lock(&self.counts);
        let of_host = counts.by_host.get(&host).copied().unwrap_or_default();
        if counts.all >= self.max || of_host >= self.max_per_host {
            return None;
        }
        counts.all += 1;
        counts.by_host.insert(host, of_host + 1);
        Some(Place { host, counts: Arc::clone(&self.counts) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all -= 1;
        if let Some(of_host) = counts.by_host.get_mut(&self.host) {
            *of_host -= 1;
            if *of_host == 0 {
                counts.by_host.remove(&self.host);
            }
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // The counts are whole between any two statements that could panic.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_per_address_and_in_all_and_come_back() {
        let limits =
            Limits { max_connections: 3, max_connections_per_address: 2, ..Limits::default() };
        let places = Places::new(&limits);
        let (one, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let first = places.take(one).unwrap();
        let _second = places.take(one).unwrap();
        assert!(places.take(one).is_none(), "of one address");
        let _third = places.take(other).unwrap();
        assert!(places.take(other).is_none(), "in all");
        drop(first);
        assert!(places.take(other).is_some());
    }
}
