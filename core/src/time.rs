//! Points in time, as the host tells them. The core never asks for the time itself.

use std::{
    fmt,
    ops::{Add, AddAssign, Sub},
    time::Duration,
};

/// Microseconds since an epoch that the host picks once; never goes backwards.
///
/// The host derives it from a monotonic clock. `Instant`s of different hosts can't be compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The host's epoch.
    pub const EPOCH: Self = Self(0);
    /// Later than any instant a host can reach.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The instant that lies `micros` microseconds after the host's epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the host's epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in microseconds, the most that there are if it is longer. The standard library's answer
/// has twice the bits, and so has the code that makes it.
pub(crate) const fn micros(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1_000_000);
    whole.saturating_add(duration.subsec_micros() as u64)
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_duration_moves_an_instant_and_never_overflows() {
        let start = Instant::from_micros(1_500_000);
        assert_eq!(start + Duration::from_millis(500), Instant::from_micros(2_000_000));
        assert_eq!(start.since(Instant::FAR_FUTURE), Duration::ZERO);
        assert_eq!(start + Duration::MAX, Instant::FAR_FUTURE);
        assert_eq!(format!("{start:?}"), "1.500000s");
    }
}
