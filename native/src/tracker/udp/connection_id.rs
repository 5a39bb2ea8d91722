//! Connection ids that nothing is kept of: the time, and a keyed hash of it and the address.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    time::{Duration, Instant},
};

/// How long a connection id is good after it was sent (BEP 15 asks for two minutes).
pub const CONNECTION_ID_LIFETIME: Duration = Duration::from_secs(120);

/// The bits of an id that are the hash.
const HASH_BITS: u32 = 48;
const HASH_MASK: u64 = (1 << HASH_BITS) - 1;

/// Makes and knows the connection ids of one tracker.
#[derive(Debug, Clone)]
pub(super) struct ConnectionIds {
    /// SipHash under a random key, so that ids can't be made up.
    hasher: RandomState,
    epoch: Instant,
}

impl ConnectionIds {
    pub(super) fn new(epoch: Instant) -> Self {
        Self { hasher: RandomState::new(), epoch }
    }

    fn seconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_secs()
    }

    fn id(&self, ip: IpAddr, seconds: u64) -> u64 {
        let hash = self.hasher.hash_one((ip.to_canonical(), seconds));
        seconds << HASH_BITS | hash & HASH_MASK
    }

    /// The id that proves from now on that whoever names it receives what is sent to `ip`.
    pub(super) fn issue(&self, now: Instant, ip: IpAddr) -> u64 {
        self.id(ip, self.seconds(now))
    }

    /// Whether `id` was issued for `ip` and is still good.
    pub(super) fn is_good(&self, now: Instant, ip: IpAddr, id: u64) -> bool {
        let now = self.seconds(now);
        // The id has the low bits of its time; the hash is of all of them, so that it isn't good
        // again when those bits come around.
        let age = now.wrapping_sub(id >> HASH_BITS) & (u64::MAX >> HASH_BITS);
        age <= CONNECTION_ID_LIFETIME.as_secs()
            && now.checked_sub(age).is_some_and(|issued| self.id(ip, issued) == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn an_id_is_good_for_two_minutes_and_never_again() {
        let start = Instant::now();
        let (ids, ip) = (ConnectionIds::new(start), IpAddr::from([192, 0, 2, 1]));
        for issued in [0, 1, 119, 65_530, 65_536, 1_000_000].map(seconds) {
            let id = ids.issue(start + issued, ip);
            let is_good_after = |age| ids.is_good(start + issued + seconds(age), ip, id);
            assert!(is_good_after(0) && is_good_after(120), "{issued:?}");
            assert!(!is_good_after(121) && !is_good_after(65_536), "{issued:?}");
        }
    }

    #[test]
    fn an_id_is_good_for_its_address_and_its_tracker_only() {
        let start = Instant::now();
        let (ids, other) = (ConnectionIds::new(start), ConnectionIds::new(start));
        let ip = IpAddr::from([192, 0, 2, 1]);
        let id = ids.issue(start, ip);
        assert!(ids.is_good(start, "::ffff:192.0.2.1".parse().unwrap(), id));
        assert!(!ids.is_good(start, [192, 0, 2, 2].into(), id));
        assert!(!other.is_good(start, ip, id));
        assert!((0..64).all(|bit| !ids.is_good(start, ip, id ^ 1 << bit)));
    }
}
