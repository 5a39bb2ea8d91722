//! The one clock of a client: the core's [`Instant`]s, told by the machine's monotonic clock.

use std::time::Duration;

use gannet_core::time::Instant;

/// What stands for "never": far enough not to matter, near enough for every timer.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Tells the time since it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    epoch: std::time::Instant,
}

impl Clock {
    /// Starts the core's epoch now.
    pub(crate) fn start() -> Self {
        Self { epoch: std::time::Instant::now() }
    }

    /// Now, as the core counts.
    pub(crate) fn now(&self) -> Instant {
        let micros = self.epoch.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// When a timer is to fire that the core wants at `at`. A deadline in the past is now.
    pub(crate) fn deadline(&self, at: Instant) -> tokio::time::Instant {
        let since_epoch = at.since(Instant::EPOCH);
        let then = self.epoch.checked_add(since_epoch.min(self.epoch.elapsed() + NEVER));
        then.unwrap_or_else(std::time::Instant::now).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_as_far_away_as_the_core_says() {
        let clock = Clock::start();
        let deadline = clock.deadline(clock.now() + Duration::from_secs(10));
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        assert!(left <= Duration::from_secs(10), "{left:?}");
        assert!(left > Duration::from_secs(9), "{left:?}");
    }

    #[test]
    fn a_deadline_that_never_comes_can_still_be_armed() {
        let clock = Clock::start();
        assert!(clock.deadline(Instant::FAR_FUTURE) > tokio::time::Instant::now());
    }
}
