//! How many connections there may be: in all, and of one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::tracker::{limits::Limits, rates::host_of};

type Counts = HashMap<IpAddr, usize>;

/// Hands out the places for connections.
pub(super) struct Slots {
    places: Arc<Semaphore>,
    counts: Arc<Mutex<Counts>>,
    max_per_address: usize,
}

/// The place of one connection, given back when dropped.
pub(super) struct Slot {
    _place: OwnedSemaphorePermit,
    counted: Option<(IpAddr, Arc<Mutex<Counts>>)>,
}

impl Slots {
    pub(super) fn new(limits: &Limits) -> Self {
        let places = limits.max_connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            counts: Arc::default(),
            max_per_address: limits.max_connections_per_address,
        }
    }

    /// Waits until there is room for one more connection, of whomever.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.expect("the semaphore is never closed")
    }

    /// The slot of a connection from `ip`; `None` if that address has too many. Only of a proxy's
    /// connections are not counted: they are of many.
    pub(super) fn take(
        &self,
        place: OwnedSemaphorePermit,
        ip: IpAddr,
        is_proxy: bool,
    ) -> Option<Slot> {
        if self.max_per_address == 0 || is_proxy {
            return Some(Slot { _place: place, counted: None });
        }
        let host = host_of(ip);
        let mut counts = lock(&self.counts);
        let count = counts.entry(host).or_default();
        if *count >= self.max_per_address {
            return None;
        }
        *count += 1;
        Some(Slot { _place: place, counted: Some((host, Arc::clone(&self.counts))) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some((host, counts)) = &self.counted else { return };
        let mut counts = lock(counts);
        if let Some(count) = counts.get_mut(host) {
            *count -= 1;
            if *count == 0 {
                counts.remove(host);
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

    #[tokio::test]
    async fn an_address_has_so_many_connections_and_gets_them_back() {
        let limits = Limits { max_connections_per_address: 2, ..Limits::default() };
        let (slots, ip) = (Slots::new(&limits), IpAddr::from([10, 0, 0, 1]));
        let first = slots.take(slots.place().await, ip, false);
        let second = slots.take(slots.place().await, ip, false);
        assert!(first.is_some() && second.is_some());
        assert!(slots.take(slots.place().await, ip, false).is_none());
        assert!(slots.take(slots.place().await, ip, true).is_some(), "a proxy has many clients");
        assert!(slots.take(slots.place().await, [10, 0, 0, 2].into(), false).is_some());
        drop(first);
        assert!(slots.take(slots.place().await, ip, false).is_some());
        drop(second);
        assert!(lock(&slots.counts).is_empty(), "who has gone takes no memory");
    }
}
