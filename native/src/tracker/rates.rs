//! How often an address may announce.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::limits::{ANNOUNCE_BURST_SECONDS, Limits};

const BURST_SECONDS: NonZeroU32 =
    NonZeroU32::new(ANNOUNCE_BURST_SECONDS).expect("a burst of nothing would refuse everybody");

/// What counts as one address: an IPv6 host has a /64 of them to itself.
pub(crate) fn host_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

/// A budget of announces for each address that has lately used its own.
#[derive(Debug, Clone)]
pub(super) struct Rates(Option<Arc<DefaultKeyedRateLimiter<IpAddr>>>);

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        let per_second = NonZeroU32::new(limits.max_announces_per_second);
        Self(per_second.map(|rate| {
            let burst = rate.saturating_mul(BURST_SECONDS);
            Arc::new(RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst)))
        }))
    }

    /// Whether this address may announce now.
    pub(super) fn admit(&self, ip: IpAddr) -> bool {
        self.0.as_ref().is_none_or(|limiter| limiter.check_key(&host_of(ip)).is_ok())
    }

    /// Forgets addresses whose budget is whole again: all but those that announce too often.
    pub(super) fn tidy(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(max_announces_per_second: u32) -> Rates {
        Rates::new(&Limits { max_announces_per_second, ..Limits::default() })
    }

    #[test]
    fn an_address_that_has_used_its_budget_is_refused_and_others_are_not() {
        let (rates, ip) = (rates(1), IpAddr::from([10, 0, 0, 1]));
        let admitted = (0..1000).take_while(|_| rates.admit(ip)).count();
        assert!((ANNOUNCE_BURST_SECONDS as usize..1000).contains(&admitted), "{admitted}");
        assert!(rates.admit(IpAddr::from([10, 0, 0, 2])));
        rates.tidy();
        assert!(!rates.admit(ip), "tidying forgives nobody");
    }

    #[test]
    fn the_addresses_of_an_ipv6_host_share_a_budget_and_mapped_ones_are_ipv4() {
        let host = |text: &str| host_of(text.parse().unwrap());
        assert_eq!(host("2001:db8::1"), host("2001:db8::ffff:0:0:2"));
        assert_ne!(host("2001:db8::1"), host("2001:db8:0:1::1"));
        assert_eq!(host("::ffff:10.0.0.1"), host("10.0.0.1"));
    }

    #[test]
    fn without_a_limit_anybody_may_announce_as_often_as_they_like() {
        let rates = rates(0);
        assert!((0..100_000).all(|_| rates.admit(IpAddr::from([10, 0, 0, 1]))));
    }
}
