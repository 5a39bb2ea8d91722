//! Time in steps coarse enough to be kept with each of a million peers.

use std::time::{Duration, Instant};

/// How many steps a peer's lifetime has. The whole range of [`Tick`] is several lifetimes, so that
/// a peer can't grow so old unswept that it looks young.
const TICKS_PER_LIFETIME: u32 = 8192;
/// A sixteenth of a lifetime: other instances needn't know any better when a peer was last heard.
/// Divides the range of [`Tick`].
const TICKS_PER_NEWS: u16 = 512;

/// A moment, in steps of a [`Clock`] and modulo 2¹⁶.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tick(pub(super) u16);

impl Tick {
    /// How many steps this is after `other`; none if it is before.
    fn since(self, other: Self) -> u16 {
        u16::try_from(self.0.wrapping_sub(other.0) as i16).unwrap_or(0)
    }

    /// Whether this is the earlier of two moments that are less than 2¹⁵ steps apart.
    pub(super) fn is_before(self, other: Self) -> bool {
        other.since(self) > 0
    }

    /// Whether other instances, which know of `earlier`, need to hear of this moment.
    pub(super) fn is_news_after(self, earlier: Self) -> bool {
        self.0 / TICKS_PER_NEWS != earlier.0 / TICKS_PER_NEWS
    }
}

/// Turns moments into ticks and back.
#[derive(Debug)]
pub(super) struct Clock {
    epoch: Instant,
    step: Duration,
    lifetime: u16,
}

impl Clock {
    pub(super) fn new(lifetime: Duration) -> Self {
        let step = (lifetime / TICKS_PER_LIFETIME).max(Duration::from_millis(1));
        // A lifetime before now: what is heard of from elsewhere may be older than this clock.
        let now = Instant::now();
        let epoch = now.checked_sub(lifetime).unwrap_or(now);
        let lifetime = (lifetime.as_nanos() / step.as_nanos()) as u16;
        Self { epoch, step, lifetime }
    }

    pub(super) fn tick(&self, moment: Instant) -> Tick {
        let since = moment.saturating_duration_since(self.epoch);
        Tick((since.as_nanos() / self.step.as_nanos()) as u16)
    }

    /// Whether a peer that was heard then is still one.
    pub(super) fn is_alive(&self, now: Tick, heard: Tick) -> bool {
        now.since(heard) < self.lifetime
    }

    /// How long before `now` it was, to a step.
    pub(super) fn age(&self, now: Tick, moment: Tick) -> Duration {
        self.step * u32::from(now.since(moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_right_over_the_end_of_the_range() {
        let clock = Clock::new(Duration::from_secs(8192));
        let start = Instant::now();
        for seconds in [0, 1, 65_000, 65_536, 200_000] {
            let heard = start + Duration::from_secs(seconds);
            let now = clock.tick(heard + Duration::from_secs(10_000));
            assert_eq!(clock.age(now, clock.tick(heard)).as_secs(), 10_000);
        }
    }

    #[test]
    fn the_future_is_no_age() {
        assert_eq!(Tick(5).since(Tick(6)), 0);
        assert!(Tick(u16::MAX).is_before(Tick(0)));
        assert!(!Tick(0).is_before(Tick(u16::MAX)));
        assert!(!Tick(7).is_before(Tick(7)));
    }
}
