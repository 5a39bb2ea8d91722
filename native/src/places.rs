//! How many of something there may be: in all, and of one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::tracker::host_of;

type Counts = HashMap<IpAddr, usize>;

/// Hands out places, for connections for example.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    counts: Arc<Mutex<Counts>>,
    max_per_address: usize,
}

/// One of all places, not yet anybody's.
pub(crate) type Vacancy = OwnedSemaphorePermit;

/// A place that is taken, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _one: Vacancy,
    counted: Option<(IpAddr, Arc<Mutex<Counts>>)>,
}

impl Places {
    /// So many in all, and of one address (an IPv6 /64 is one); 0 of an address for any number.
    pub(crate) fn new(max: usize, max_per_address: usize) -> Self {
        let all = Arc::new(Semaphore::new(max.clamp(1, Semaphore::MAX_PERMITS)));
        Self { all, counts: Arc::default(), max_per_address }
    }

    /// Waits until there is room for one more, of whomever.
    pub(crate) async fn vacancy(&self) -> Vacancy {
        let permit = Arc::clone(&self.all).acquire_owned().await;
        permit.expect("the semaphore is never closed")
    }

    /// A place for `ip`, if there is one now and that address hasn't too many.
    pub(crate) fn take(&self, ip: IpAddr) -> Option<Place> {
        let permit = Arc::clone(&self.all).try_acquire_owned().ok()?;
        self.fill(permit, ip)
    }

    /// A place for somebody who is many, if there is one now.
    pub(crate) fn take_for_many(&self) -> Option<Place> {
        Arc::clone(&self.all).try_acquire_owned().ok().map(Self::fill_for_many)
    }

    /// The place for `ip` that was waited for; `None` if that address has too many.
    pub(crate) fn fill(&self, vacancy: Vacancy, ip: IpAddr) -> Option<Place> {
        if self.max_per_address == 0 {
            return Some(Self::fill_for_many(vacancy));
        }
        let host = host_of(ip);
        let mut counts = lock(&self.counts);
        let count = counts.entry(host).or_default();
        if *count >= self.max_per_address {
            return None;
        }
        *count += 1;
        Some(Place { _one: vacancy, counted: Some((host, Arc::clone(&self.counts))) })
    }

    /// The place for somebody who is many, like a proxy: it counts for no address.
    pub(crate) const fn fill_for_many(vacancy: Vacancy) -> Place {
        Place { _one: vacancy, counted: None }
    }
}

impl Drop for Place {
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
    async fn an_address_has_so_many_places_and_gets_them_back() {
        let (places, ip) = (Places::new(100, 2), IpAddr::from([10, 0, 0, 1]));
        let first = places.fill(places.vacancy().await, ip);
        let second = places.take(ip);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(ip).is_none() && places.fill(places.vacancy().await, ip).is_none());
        let _of_many = Places::fill_for_many(places.vacancy().await);
        assert!(places.take([10, 0, 0, 2].into()).is_some());
        drop(first);
        assert!(places.take(ip).is_some());
        drop(second);
        assert!(lock(&places.counts).is_empty(), "who has gone takes no memory");
    }

    #[test]
    fn there_are_so_many_in_all_and_they_come_back() {
        let places = Places::new(2, 0);
        let ip = IpAddr::from([10, 0, 0, 1]);
        let (first, second) = (places.take(ip), places.take(ip));
        assert!(first.is_some() && second.is_some() && places.take(ip).is_none());
        drop(first);
        assert!(places.take(ip).is_some());
    }
}
