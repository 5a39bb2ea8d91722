//! How often an address may register.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use super::ApiError;
use crate::tracker::rates::host_of;

/// Counts what each address sends.
#[derive(Debug)]
pub(super) struct Rate(Option<DefaultKeyedRateLimiter<IpAddr>>);

impl Rate {
    /// So many a minute, all of which may come at once; any number if zero.
    pub(super) fn per_minute(max: u32) -> Self {
        Self(NonZeroU32::new(max).map(|max| RateLimiter::keyed(Quota::per_minute(max))))
    }

    pub(super) fn check(&self, ip: IpAddr) -> Result<(), ApiError> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(&host_of(ip)).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            ApiError::TooOften { wait: wait.max(Duration::from_secs(1)) }
        })
    }

    /// Forgets the addresses that may send as much as any other.
    pub(super) fn sweep(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_budget_and_an_ipv6_host_one() {
        let rate = Rate::per_minute(2);
        let check = |ip: &str| rate.check(ip.parse().unwrap()).is_ok();
        assert_eq!(
            [check("10.0.0.1"), check("::ffff:10.0.0.1"), check("10.0.0.1")],
            [true, true, false]
        );
        assert!(check("10.0.0.2"));
        assert_eq!(
            [check("2001:db8::1"), check("2001:db8::2"), check("2001:db8::3")],
            [true, true, false]
        );
        assert!(check("2001:db8:0:1::1"));
    }

    #[test]
    fn zero_is_no_limit() {
        let rate = Rate::per_minute(0);
        assert!((0..1000).all(|_| rate.check([10, 0, 0, 1].into()).is_ok()));
    }
}
