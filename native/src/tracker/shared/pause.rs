//! How long to wait for a store that is away.

use std::time::Duration;

/// How long to wait after the first connection that fails; twice as long after each further one.
pub const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(250);
/// The longest wait between two tries to connect, so that instances meet again soon.
pub const MAX_RETRY_PAUSE: Duration = Duration::from_secs(5);

/// The pauses between tries to connect.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST_RETRY_PAUSE }
    }
}

impl Pauses {
    /// The next one: longer than the last, and not the same for all instances.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = (self.next * 2).min(MAX_RETRY_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let mut pauses = Pauses::default();
        let all: Vec<_> = std::iter::repeat_with(|| pauses.next()).take(20).collect();
        assert!(all[0] >= FIRST_RETRY_PAUSE / 2 && all[0] <= FIRST_RETRY_PAUSE);
        assert!(
            all[19] >= MAX_RETRY_PAUSE / 2 && all.iter().all(|pause| *pause <= MAX_RETRY_PAUSE)
        );
        assert_ne!(all[18], all[19]);
    }
}
