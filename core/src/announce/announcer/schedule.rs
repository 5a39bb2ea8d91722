//! When to announce what.

use std::{collections::VecDeque, time::Duration};

use crate::{
    announce::{AnnounceEvent, AnnounceResponse, tiers::TrackerIndex},
    time::Instant,
};

/// The shortest interval that a tracker gets from us, whatever it says.
pub const MIN_INTERVAL: Duration = Duration::from_secs(30);

/// The longest interval that a tracker gets from us, whatever it says.
pub const MAX_INTERVAL: Duration = Duration::from_secs(2 * 60 * 60);

/// The interval when a tracker says none.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// How long a tracker is left alone although more peers would be welcome, unless it says otherwise.
pub const DEFAULT_MIN_INTERVAL: Duration = Duration::from_secs(60);

/// The wait after every tracker failed; it doubles each time they all do.
pub const MIN_BACKOFF: Duration = Duration::from_secs(15);

/// The longest wait after every tracker failed, jitter aside.
pub const MAX_BACKOFF: Duration = Duration::from_secs(30 * 60);

/// How much later than at its interval a client may come, in percent: a swarm that began at one
/// moment shall not stay in step.
const INTERVAL_JITTER_PERCENT: u64 = 5;

/// The same for a failed tracker that all its clients wait for.
const BACKOFF_JITTER_PERCENT: u64 = 50;

/// What is due, and which trackers of the present round haven't been asked.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    running: bool,
    /// Whether a tracker is still to hear that the download is complete.
    completed: bool,
    /// The trackers still to ask if the present one fails; `None` between two rounds.
    round: Option<VecDeque<TrackerIndex>>,
    /// When the next round begins.
    next: Option<Instant>,
    /// Before this, nobody is asked again just for more peers.
    not_before: Instant,
    /// How many rounds in a row found no tracker that answered.
    failed_rounds: u32,
}

impl Schedule {
    pub(super) const fn is_running(&self) -> bool {
        self.running
    }

    /// Whether the last round found no tracker that answered.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed_rounds > 0
    }

    pub(super) fn start(&mut self, now: Instant) {
        *self = Self { running: true, next: Some(now), not_before: now, ..Self::default() };
    }

    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    /// Asks for more peers as soon as that is polite.
    pub(super) fn hurry(&mut self, now: Instant) {
        let polite = now.max(self.not_before);
        self.next = self.next.map(|next| next.min(polite));
    }

    /// The download is complete, which the tracker is told at once.
    pub(super) fn complete(&mut self, now: Instant) {
        if self.running {
            self.completed = true;
            self.next = self.next.map(|next| next.min(now));
        }
    }

    /// A tracker more: it is asked after those of the present round, or soon if there's no other.
    pub(super) fn add(&mut self, tracker: TrackerIndex) {
        if let Some(round) = &mut self.round {
            round.push_back(tracker);
        } else if self.running && (self.next.is_none() || self.has_failed()) {
            self.next = Some(Instant::EPOCH);
        }
    }

    /// When the next round begins; `None` while one is under way or there's nobody to ask.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next.filter(|_| self.round.is_none())
    }

    pub(super) const fn in_round(&self) -> bool {
        self.round.is_some()
    }

    /// Begins a round; without any tracker, waits for one.
    pub(super) fn start_round(&mut self, trackers: VecDeque<TrackerIndex>) {
        self.next = self.next.filter(|_| !trackers.is_empty());
        self.round = Some(trackers).filter(|trackers| !trackers.is_empty());
    }

    pub(super) fn next_tracker(&mut self) -> Option<TrackerIndex> {
        self.round.as_mut()?.pop_front()
    }

    pub(super) const fn event_for(&self, tracker_knows_us: bool) -> AnnounceEvent {
        match tracker_knows_us {
            _ if self.completed => AnnounceEvent::Completed,
            true => AnnounceEvent::None,
            false => AnnounceEvent::Started,
        }
    }

    pub(super) fn succeeded(
        &mut self,
        now: Instant,
        event: AnnounceEvent,
        response: &AnnounceResponse,
        rng: &mut fastrand::Rng,
    ) {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let min_interval = response.min_interval_seconds.map_or(DEFAULT_MIN_INTERVAL, seconds);
        let interval = match response.interval_seconds {
            0 => DEFAULT_INTERVAL,
            interval => seconds(interval),
        };
        let clamp = |interval: Duration| interval.clamp(MIN_INTERVAL, MAX_INTERVAL);
        self.completed &= event != AnnounceEvent::Completed;
        self.round = None;
        self.failed_rounds = 0;
        self.not_before = now + clamp(min_interval);
        self.next = Some(match self.completed {
            true => now,
            false => now + jittered(clamp(interval), INTERVAL_JITTER_PERCENT, rng),
        });
    }

    /// No tracker answered: the next round waits, longer each time.
    pub(super) fn round_failed(&mut self, now: Instant, rng: &mut fastrand::Rng) {
        self.round = None;
        self.not_before = now + MIN_BACKOFF;
        let backoff = MIN_BACKOFF.saturating_mul(2u32.saturating_pow(self.failed_rounds));
        let wait = jittered(backoff.min(MAX_BACKOFF), BACKOFF_JITTER_PERCENT, rng);
        self.failed_rounds = self.failed_rounds.saturating_add(1);
        self.next = Some(now + wait);
    }
}

/// A duration made up to `percent` longer.
fn jittered(duration: Duration, percent: u64, rng: &mut fastrand::Rng) -> Duration {
    let most = duration.as_secs() * 1000 * percent / 100;
    duration + Duration::from_millis(rng.u64(0..=most))
}
