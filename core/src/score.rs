//! How good a peer or a source has been: its score, its counts, its latency.

use std::time::Duration;

use crate::time::{Instant, micros};

/// What everybody starts with.
pub const SCORE_START: u32 = 100;
/// The best score there is.
pub const SCORE_MAX: u32 = 200;
/// What a failure costs. At a score of zero a peer leaves the pool.
pub const SCORE_FAILURE: u32 = 25;

/// What a piece earns, by how long it took.
const fn reward(took: Duration) -> u32 {
    match micros(took) / 1000 {
        0..100 => 20,
        100..1_000 => 10,
        _ => 5,
    }
}

/// The record of one peer or source. It outlives its connection.
#[derive(Debug, Clone)]
pub struct Standing {
    score: u32,
    asked: u64,
    good: u64,
    failed: u64,
    latency_total: Duration,
    latencies: u64,
    first_asked: Option<Instant>,
    last_answer: Option<Instant>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            score: SCORE_START,
            asked: 0,
            good: 0,
            failed: 0,
            latency_total: Duration::ZERO,
            latencies: 0,
            first_asked: None,
            last_answer: None,
        }
    }
}

impl Standing {
    /// It is asked for a piece, or for its first block of one.
    pub fn asked(&mut self, now: Instant) {
        self.asked += 1;
        self.first_asked.get_or_insert(now);
    }

    /// A block (or a whole piece, from a source) came, so long after it was asked for.
    pub fn answered(&mut self, now: Instant, latency: Duration) {
        self.latency_total += latency;
        self.latencies += 1;
        self.last_answer = Some(now);
    }

    /// A piece with blocks of its own verified; they took so long.
    pub fn succeeded(&mut self, took: Duration) {
        self.good += 1;
        self.score = (self.score + reward(took)).min(SCORE_MAX);
    }

    /// It failed at a piece: a timeout, an error, a bad hash.
    pub fn failed(&mut self) {
        self.failed += 1;
        self.score = self.score.saturating_sub(SCORE_FAILURE);
    }

    /// It left the pool with a score of zero and comes back later: one failure from leaving again.
    pub fn second_chance(&mut self) {
        self.score = self.score.max(SCORE_FAILURE);
    }

    /// From 0 (leaves the pool) to 200.
    pub const fn score(&self) -> u32 {
        self.score
    }

    /// Whether it has failed too often to be asked again.
    pub const fn is_spent(&self) -> bool {
        self.score == 0
    }

    /// Pieces it was asked for.
    pub const fn pieces_asked(&self) -> u64 {
        self.asked
    }

    /// Pieces it helped to verify.
    pub const fn pieces_good(&self) -> u64 {
        self.good
    }

    /// Pieces it failed at.
    pub const fn pieces_failed(&self) -> u64 {
        self.failed
    }

    /// Mean time from a request to its answer; `None` before the first.
    pub fn mean_latency(&self) -> Option<Duration> {
        let count = u32::try_from(self.latencies).unwrap_or(u32::MAX);
        (count > 0).then(|| self.latency_total / count)
    }

    /// When it was first asked for anything.
    pub const fn first_asked(&self) -> Option<Instant> {
        self.first_asked
    }

    /// When it last answered.
    pub const fn last_answer(&self) -> Option<Instant> {
        self.last_answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn fast_pieces_earn_more_and_the_score_stays_below_its_ceiling() {
        let mut standing = Standing::default();
        standing.succeeded(Duration::from_millis(99));
        assert_eq!(standing.score(), 120);
        standing.succeeded(Duration::from_millis(999));
        assert_eq!(standing.score(), 130);
        standing.succeeded(Duration::from_secs(5));
        assert_eq!(standing.score(), 135);
        (0..10).for_each(|_| standing.succeeded(Duration::ZERO));
        assert_eq!(standing.score(), SCORE_MAX);
    }

    #[test]
    fn four_failures_from_the_start_spend_a_peer() {
        let mut standing = Standing::default();
        (0..3).for_each(|_| standing.failed());
        assert!(!standing.is_spent());
        standing.failed();
        assert!(standing.is_spent());
        standing.failed();
        assert_eq!(standing.score(), 0);
    }
}
