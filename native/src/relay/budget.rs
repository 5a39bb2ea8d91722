//! What one client may use up, and what one target has to bear.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::limits::{Limits, MAX_DATA_MESSAGE_BYTES};
use crate::tracker::host_of;

/// Budgets of clients and targets.
#[derive(Debug)]
pub(super) struct Budgets {
    dials: Option<DefaultKeyedRateLimiter<IpAddr>>,
    targets: Option<DefaultKeyedRateLimiter<IpAddr>>,
    named: Option<DefaultKeyedRateLimiter<IpAddr>>,
    trackers: Option<DefaultKeyedRateLimiter<IpAddr>>,
    announces: Option<DefaultKeyedRateLimiter<IpAddr>>,
    bytes_per_second: Option<NonZeroU32>,
    bandwidths: Mutex<HashMap<IpAddr, std::sync::Weak<DefaultDirectRateLimiter>>>,
}

/// What one client may move per second, over all its sockets.
#[derive(Debug, Clone)]
pub(super) struct Bandwidth(Option<Arc<DefaultDirectRateLimiter>>);

impl Budgets {
    pub(super) fn new(limits: &Limits) -> Self {
        let bytes = u32::try_from(limits.max_bytes_per_second).unwrap_or(u32::MAX);
        Self {
            dials: per_minute(limits.max_dials_per_minute),
            targets: per_minute(limits.max_dials_per_target),
            named: per_minute(limits.max_named_per_minute),
            trackers: per_minute(limits.max_trackers_per_minute),
            announces: per_minute(limits.max_announces_per_target),
            bytes_per_second: NonZeroU32::new(bytes),
            bandwidths: Mutex::default(),
        }
    }

    /// Whether a client may dial once more.
    pub(super) fn may_dial(&self, client: IpAddr) -> bool {
        admits(self.dials.as_ref(), host_of(client))
    }

    /// Whether a target may be dialled once more, by whomever.
    pub(super) fn may_be_dialled(&self, target: SocketAddr) -> bool {
        admits(self.targets.as_ref(), target.ip().to_canonical())
    }

    /// Whether a client may have a ticket for an address that no announce named.
    pub(super) fn may_name(&self, client: IpAddr) -> bool {
        self.named.is_some() && admits(self.named.as_ref(), host_of(client))
    }

    /// Whether a client may name so many trackers.
    pub(super) fn may_announce(&self, client: IpAddr, trackers: usize) -> bool {
        let (Some(limiter), Ok(count)) = (&self.trackers, u32::try_from(trackers)) else {
            return self.trackers.is_none();
        };
        NonZeroU32::new(count).is_none_or(|count| {
            // More than there ever is in a minute is too much as well.
            matches!(limiter.check_key_n(&host_of(client), count), Ok(Ok(())))
        })
    }

    /// Whether a tracker's address may be asked once more, for whomever.
    pub(super) fn may_be_asked(&self, target: IpAddr) -> bool {
        admits(self.announces.as_ref(), target.to_canonical())
    }

    pub(super) fn bandwidth(&self, client: IpAddr) -> Bandwidth {
        let Some(rate) = self.bytes_per_second else { return Bandwidth(None) };
        let mut bandwidths = self.bandwidths.lock().unwrap_or_else(PoisonError::into_inner);
        let known = bandwidths.get(&host_of(client)).and_then(std::sync::Weak::upgrade);
        let limiter = known.unwrap_or_else(|| {
            // A whole message must fit, or it would never be let through.
            let largest = NonZeroU32::new(MAX_DATA_MESSAGE_BYTES as u32).expect("not zero");
            let quota = Quota::per_second(rate).allow_burst(rate.max(largest));
            let limiter = Arc::new(RateLimiter::direct(quota));
            bandwidths.insert(host_of(client), Arc::downgrade(&limiter));
            limiter
        });
        Bandwidth(Some(limiter))
    }

    /// Forgets whoever has a whole budget again.
    pub(super) fn tidy(&self) {
        let limiters = [&self.dials, &self.targets, &self.named, &self.trackers, &self.announces];
        for limiter in limiters.into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        let mut bandwidths = self.bandwidths.lock().unwrap_or_else(PoisonError::into_inner);
        bandwidths.retain(|_, limiter| limiter.strong_count() > 0);
    }
}

impl Bandwidth {
    /// Waits until so many bytes may pass.
    pub(super) async fn take(&self, bytes: usize) {
        let Some(limiter) = &self.0 else { return };
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if let Some(bytes) = NonZeroU32::new(bytes.min(MAX_DATA_MESSAGE_BYTES as u32)) {
            // More than ever fits can't be asked for: the burst holds the largest message.
            let _ = limiter.until_n_ready(bytes).await;
        }
    }
}

fn per_minute(count: u32) -> Option<DefaultKeyedRateLimiter<IpAddr>> {
    NonZeroU32::new(count).map(|count| RateLimiter::keyed(Quota::per_minute(count)))
}

fn admits(limiter: Option<&DefaultKeyedRateLimiter<IpAddr>>, key: IpAddr) -> bool {
    limiter.is_none_or(|limiter| limiter.check_key(&key).is_ok())
}

/// How often budgets are tidied.
pub(super) const TIDY_PERIOD: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets(limits: Limits) -> Budgets {
        Budgets::new(&limits)
    }

    #[test]
    fn a_target_is_spared_whoever_dials_it_and_at_whichever_port() {
        let budgets = budgets(Limits { max_dials_per_target: 3, ..Limits::default() });
        let target = |port| SocketAddr::from(([192, 0, 2, 1], port));
        assert!((1..=3).all(|port| budgets.may_be_dialled(target(port))));
        assert!(!budgets.may_be_dialled(target(4)));
        assert!(budgets.may_be_dialled(SocketAddr::from(([192, 0, 2, 2], 1))));
    }

    #[test]
    fn nothing_may_be_named_where_the_budget_is_none() {
        let budgets = budgets(Limits { max_named_per_minute: 0, ..Limits::default() });
        assert!(!budgets.may_name([192, 0, 2, 1].into()));
        assert!(budgets.may_dial([192, 0, 2, 1].into()));
    }

    #[test]
    fn a_client_may_name_so_many_trackers_and_a_target_bear_so_many_questions() {
        let limits =
            Limits { max_trackers_per_minute: 5, max_announces_per_target: 2, ..Limits::default() };
        let budgets = budgets(limits);
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        assert!(budgets.may_announce(one, 0) && budgets.may_announce(one, 4));
        assert!(!budgets.may_announce(one, 2) && !budgets.may_announce(other, 6));
        assert!(budgets.may_announce(one, 1));
        assert!(budgets.may_be_asked(one) && budgets.may_be_asked(one));
        assert!(!budgets.may_be_asked(one) && budgets.may_be_asked(other));
    }

    #[tokio::test]
    async fn sockets_of_one_client_share_its_bandwidth() {
        let budgets = budgets(Limits { max_bytes_per_second: 1, ..Limits::default() });
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let (first, second) = (budgets.bandwidth(one), budgets.bandwidth(one));
        first.take(MAX_DATA_MESSAGE_BYTES).await;
        let short = Duration::from_millis(20);
        assert!(tokio::time::timeout(short, second.take(1000)).await.is_err());
        budgets.bandwidth(other).take(MAX_DATA_MESSAGE_BYTES).await;
    }
}
