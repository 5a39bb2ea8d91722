//! The core's [`Instant`]s, told by `performance.now()`, with a tab's sleep left out.

use std::time::Duration;

use gannet_core::time::Instant;

/// How late a timer may be. What is later, the tab was frozen or the machine asleep, and to the core
/// that time hasn't passed: its peers could no more be heard than they could be late.
pub const MAX_LATENESS: Duration = Duration::from_secs(2);

/// The time since it was made, less the time that was slept.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    slept_micros: u64,
    armed: Option<Instant>,
}

impl Clock {
    /// Now, as the core counts, when the host counts `host_millis`.
    pub(crate) fn at(&mut self, host_millis: f64) -> Instant {
        // Saturates; no browser runs for 500,000 years.
        let awake_micros = ((host_millis * 1000.0) as u64).saturating_sub(self.slept_micros);
        let latest = self.armed.map_or(Instant::FAR_FUTURE, |due| due + MAX_LATENESS);
        let now = Instant::from_micros(awake_micros).min(latest);
        self.slept_micros += awake_micros - now.as_micros();
        now
    }

    /// The timer that the host has to arm, as a delay in milliseconds, unless one that is armed
    /// already fires before.
    pub(crate) fn arm(&mut self, due: Option<Instant>, now: Instant) -> Option<f64> {
        let due = due?;
        if self.armed.is_some_and(|armed| armed <= due) {
            return None;
        }
        self.armed = Some(due);
        Some((due.as_micros().saturating_sub(now.as_micros()) as f64 / 1000.0).ceil())
    }

    /// The armed timer has fired.
    pub(crate) fn fired(&mut self) {
        self.armed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_timer_is_armed_once_and_again_only_for_something_sooner() {
        let mut clock = Clock::default();
        let now = clock.at(1000.0);
        assert_eq!(clock.arm(Some(now + SECOND), now), Some(1000.0));
        assert_eq!(clock.arm(Some(now + 2 * SECOND), now), None);
        assert_eq!(clock.arm(Some(now + SECOND / 2), now), Some(500.0));
        clock.fired();
        assert_eq!(clock.arm(Some(now + 2 * SECOND), now), Some(2000.0));
        assert_eq!(clock.arm(None, now), None);
    }

    #[test]
    fn the_time_that_a_tab_was_frozen_has_not_passed() {
        let mut clock = Clock::default();
        let before = clock.at(0.0);
        clock.arm(Some(before + SECOND), before);
        let thawed = clock.at(3_600_000.0);
        assert_eq!(thawed, before + SECOND + MAX_LATENESS);
        clock.fired();
        assert_eq!(clock.at(3_600_500.0), thawed + SECOND / 2, "then it goes on");
    }

    #[test]
    fn without_a_timer_nobody_could_have_been_late() {
        let mut clock = Clock::default();
        assert_eq!(clock.at(3_600_000.0), Instant::EPOCH + 3600 * SECOND);
    }
}
