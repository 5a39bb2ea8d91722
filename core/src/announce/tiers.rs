//! The trackers of one torrent, in the order in which BEP 12 asks them.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    ops::{Index, IndexMut},
};

use super::{
    announcer::TrackerError,
    endpoint::{Endpoint, EndpointError},
};
use crate::{draw, time::Instant};

/// The most trackers that one torrent may have; more are left out.
pub const MAX_TRACKERS: usize = 256;

/// How a tracker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackerState {
    /// It wasn't asked yet, or another one of its tier or an earlier tier is.
    Idle,
    /// An announce is on its way.
    Announcing,
    /// It is the one that answers, and is asked again at its interval.
    Working,
    /// It failed the last time it was asked.
    Failed,
    /// Its URL can't be asked, ever.
    Unusable,
}

/// One tracker, for a person to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerStatus {
    /// Its URL.
    pub url: String,
    /// Its tier, from zero.
    pub tier: usize,
    /// How it is doing.
    pub state: TrackerState,
    /// How many seeders it said there are.
    pub seeders: Option<u32>,
    /// How many leechers it said there are.
    pub leechers: Option<u32>,
    /// Why it failed, if the last announce did.
    pub error: Option<TrackerError>,
    /// When it will be asked again, as far as that is settled.
    pub next_announce: Option<Instant>,
}

/// The place of a tracker among all of its torrent; stays the same when tiers are reordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TrackerIndex(usize);

/// What is known of one tracker.
#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) endpoint: Result<Endpoint, EndpointError>,
    /// Whether it answered an announce, and so would keep us in the swarm until it hears `stopped`.
    pub(super) knows_us: bool,
    pub(super) tracker_id: Option<Vec<u8>>,
    pub(super) connection: Option<Connection>,
    pub(super) status: TrackerStatus,
}

/// A connection id of the UDP tracker protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    pub(super) address: SocketAddr,
    pub(super) id: u64,
    pub(super) expires: Instant,
}

impl Tracker {
    fn new(url: &str, tier: usize) -> Self {
        let endpoint = Endpoint::of_url(url);
        let error = endpoint.as_ref().err().map(|error| match error {
            EndpointError::Unsupported => TrackerError::Unsupported,
            EndpointError::BadUrl => TrackerError::BadUrl,
        });
        let state = if error.is_some() { TrackerState::Unusable } else { TrackerState::Idle };
        Self {
            endpoint,
            knows_us: false,
            tracker_id: None,
            connection: None,
            status: TrackerStatus {
                url: url.to_owned(),
                tier,
                state,
                seeders: None,
                leechers: None,
                error,
                next_announce: None,
            },
        }
    }

    /// The connection id that a datagram sent now may name.
    pub(super) fn connection_at(&self, now: Instant) -> Option<Connection> {
        self.connection.filter(|connection| now < connection.expires)
    }
}

/// All trackers of a torrent.
#[derive(Debug)]
pub(super) struct Tiers {
    trackers: Vec<Tracker>,
    /// The order within each tier: shuffled, then those that answered first.
    order: Vec<Vec<TrackerIndex>>,
}

impl Tiers {
    /// Shuffles each tier, and leaves out what was named before.
    pub(super) fn new(tiers: &[Vec<String>], rng: &mut fastrand::Rng) -> Self {
        let mut all = Self { trackers: Vec::new(), order: Vec::new() };
        for urls in tiers {
            all.order.push(Vec::new());
            for url in urls {
                all.push(url);
            }
            if let Some(tier) = all.order.last_mut() {
                draw::shuffle(rng, tier);
            }
        }
        all
    }

    /// Adds a tracker in a tier of its own, after all others; `None` if it is there already or
    /// there are too many.
    pub(super) fn add(&mut self, url: &str) -> Option<TrackerIndex> {
        self.order.push(Vec::new());
        let added = self.push(url);
        if added.is_none() {
            self.order.pop();
        }
        added
    }

    /// Adds a tracker to the last tier.
    fn push(&mut self, url: &str) -> Option<TrackerIndex> {
        let known = self.trackers.iter().any(|tracker| tracker.status.url == url);
        if known || self.trackers.len() >= MAX_TRACKERS {
            return None;
        }
        let index = TrackerIndex(self.trackers.len());
        let tier = self.order.len() - 1;
        self.order[tier].push(index);
        self.trackers.push(Tracker::new(url, tier));
        Some(index)
    }

    /// The trackers to ask one after another, until one answers.
    pub(super) fn round(&self) -> VecDeque<TrackerIndex> {
        let usable = |index: &TrackerIndex| self[*index].endpoint.is_ok();
        self.order.iter().flatten().copied().filter(usable).collect()
    }

    /// Moves a tracker that answered to the front of its tier.
    pub(super) fn promote(&mut self, index: TrackerIndex) {
        let tier = self[index].status.tier;
        if let Some(place) = self.order[tier].iter().position(|&other| other == index) {
            self.order[tier][..=place].rotate_right(1);
        }
    }

    /// Every tracker, in the order in which they were named.
    pub(super) fn indices(&self) -> impl Iterator<Item = TrackerIndex> + use<> {
        (0..self.trackers.len()).map(TrackerIndex)
    }

    /// Every tracker, in the order in which they would be asked.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Tracker> {
        self.order.iter().flatten().map(|&index| &self[index])
    }
}

impl Index<TrackerIndex> for Tiers {
    type Output = Tracker;

    fn index(&self, TrackerIndex(index): TrackerIndex) -> &Tracker {
        &self.trackers[index]
    }
}

impl IndexMut<TrackerIndex> for Tiers {
    fn index_mut(&mut self, TrackerIndex(index): TrackerIndex) -> &mut Tracker {
        &mut self.trackers[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn tiers(urls: &[&[&str]]) -> Tiers {
        let urls: Vec<Vec<String>> =
            urls.iter().map(|tier| tier.iter().map(|&url| url.to_owned()).collect()).collect();
        Tiers::new(&urls, &mut fastrand::Rng::with_seed(1))
    }

    fn asked(tiers: &Tiers) -> Vec<&str> {
        tiers.round().into_iter().map(|index| tiers[index].status.url.as_str()).collect()
    }

    #[test]
    fn each_tier_is_shuffled_and_none_mixed_with_another() {
        let urls: Vec<Vec<String>> = [0..20, 20..40]
            .map(|range| range.map(|n| format!("http://{n:02}/")).collect())
            .to_vec();
        let tiers = Tiers::new(&urls, &mut fastrand::Rng::with_seed(1));
        let mut order = asked(&tiers);
        assert_ne!(order, urls.concat());
        order[..20].sort_unstable();
        order[20..].sort_unstable();
        assert_eq!(order, urls.concat());
    }

    #[test]
    fn who_answered_is_asked_first_in_its_tier() {
        let mut tiers = tiers(&[&["http://a/"], &["http://b/", "http://c/", "http://d/"]]);
        let last = *tiers.round().back().unwrap();
        let url = tiers[last].status.url.clone();
        tiers.promote(last);
        assert_eq!(asked(&tiers)[..2], ["http://a/", url.as_str()]);
        assert_eq!(asked(&tiers).len(), 4);
    }

    #[test]
    fn a_tracker_named_twice_counts_once_and_an_unusable_one_is_never_asked() {
        let mut tiers = tiers(&[&["http://a/"], &["http://a/", "wss://b/", "udp://c"]]);
        assert_eq!(asked(&tiers), ["http://a/"]);
        assert!(tiers.add("http://a/").is_none());
        assert!(tiers.add("http://e/").is_some());
        assert_eq!(asked(&tiers), ["http://a/", "http://e/"]);
        let errors: Vec<_> = tiers.iter().filter_map(|t| t.status.error.clone()).collect();
        assert_eq!(errors.len(), 2);
    }

    #[test]
    fn trackers_beyond_the_limit_are_left_out() {
        let urls: Vec<Vec<String>> =
            (0..=MAX_TRACKERS).map(|n| vec![format!("http://{n}/")]).collect();
        let mut tiers = Tiers::new(&urls, &mut fastrand::Rng::with_seed(1));
        assert_eq!(tiers.round().len(), MAX_TRACKERS);
        assert!(tiers.add("http://one-more/").is_none());
    }
}
