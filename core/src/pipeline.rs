//! The requests that are out to one peer: how many it can take, and when one is overdue.

use std::time::Duration;

use crate::{layout::Block, listed::Listed, time::Instant};

/// Requests out to one peer, at most.
pub const MAX_REQUESTS_OUT: usize = 500;
/// Requests out to a peer of which nothing is known yet.
const START_DEPTH: f32 = 2.0;
/// Requests out even to the slowest peer, so that its line is never idle between two blocks.
const MIN_DEPTH: f32 = 2.0;
/// A queue is filled up once this part of it is free: a request alone is a message alone, and each
/// message costs all who pass it on.
const REFILL: usize = 8;
/// A request may wait this much longer in the peer's queue than the quickest answer took: enough
/// to ride out a rate limiter's pauses, short enough that the last blocks don't queue for long.
const QUEUE_SLACK: Duration = Duration::from_millis(120);
/// A peer is given at least this long, whatever its history says.
pub const MIN_BLOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Blocks given up (cancelled, timed out) that are remembered, as they may still come.
const MAX_GIVEN_UP: usize = 2 * MAX_REQUESTS_OUT;

/// One request that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// What was asked for.
    pub block: Block,
    /// When.
    pub asked_at: Instant,
}

/// How a block that came stands to what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It was waited for, this long.
    Asked(Duration),
    /// It was asked for once, then cancelled or given up.
    GivenUp,
    /// Nobody asked for it.
    Unasked,
}

/// The requests out to one peer, oldest first, and how deep that queue may be.
///
/// The depth follows the delay: while blocks come sooner than the target the queue deepens by one a
/// block (it doubles each round trip, as TCP's slow start does), when they come later it gets
/// shallower. So there are as many requests out as bandwidth × delay needs, and hardly more.
#[derive(Debug)]
pub struct Pipeline {
    out: Vec<Pending>,
    given_up: Vec<Block>,
    depth: f32,
    max_depth: usize,
    quickest: Option<Duration>,
    smoothed: Duration,
    deviation: Duration,
    last_arrival: Instant,
    /// Timeouts in a row: each doubles the next.
    stalls: u32,
    /// The queue was filled up since the last arrivals: only then does a quick answer say it may grow.
    was_full: bool,
}

impl Pipeline {
    /// An empty queue.
    pub fn new(now: Instant) -> Self {
        Self {
            out: Vec::new(),
            given_up: Vec::new(),
            depth: START_DEPTH,
            max_depth: MAX_REQUESTS_OUT,
            quickest: None,
            smoothed: Duration::ZERO,
            deviation: Duration::ZERO,
            last_arrival: now,
            stalls: 0,
            was_full: false,
        }
    }

    /// The peer says how many requests it keeps (BEP 10, `reqq`).
    pub fn set_peer_limit(&mut self, requests: u32) {
        self.max_depth = (requests as usize).clamp(1, MAX_REQUESTS_OUT);
    }

    /// How many more requests may go out now.
    pub fn room(&self) -> usize {
        self.limit().saturating_sub(self.out.len())
    }

    /// Whether it is time to fill the queue up.
    pub fn is_low(&self) -> bool {
        self.room() >= self.step()
    }

    fn limit(&self) -> usize {
        (self.depth as usize).clamp(1, self.max_depth)
    }

    fn step(&self) -> usize {
        (self.limit() / REFILL).max(1)
    }

    /// How many requests are out.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether none is out.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The requests that are out, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Pending> {
        self.out.iter()
    }

    /// Whether this block is asked for.
    pub fn contains(&self, block: Block) -> bool {
        self.out.iter().any(|pending| pending.block == block)
    }

    /// A request goes out.
    pub fn ask(&mut self, now: Instant, block: Block) {
        if self.out.is_empty() {
            self.last_arrival = now;
        }
        self.out.push(Pending { block, asked_at: now });
        self.was_full |= self.room() == 0;
    }

    /// A block came.
    pub fn arrived(&mut self, now: Instant, block: Block) -> Arrival {
        let Some(at) = self.out.iter().position(|pending| pending.block == block) else {
            return self.arrived_late(now, block);
        };
        let latency = now.since(self.out[at].asked_at);
        self.out.remove(at);
        self.learn(latency);
        self.last_arrival = now;
        self.was_full &= self.room() <= self.step();
        Arrival::Asked(latency)
    }

    fn arrived_late(&mut self, now: Instant, block: Block) -> Arrival {
        let Some(at) = self.given_up.iter().position(|&known| known == block) else {
            return Arrival::Unasked;
        };
        self.given_up.remove(at);
        self.last_arrival = now;
        Arrival::GivenUp
    }

    /// A request is taken back, or the peer said that it won't be answered. Whether it was out.
    pub fn give_up(&mut self, block: Block) -> bool {
        let Some(at) = self.out.iter().position(|pending| pending.block == block) else {
            return false;
        };
        self.out.remove(at);
        self.remember(block);
        true
    }

    /// All requests are taken back, oldest first.
    pub fn give_up_all(&mut self) -> Vec<Block> {
        let out = std::mem::take(&mut self.out);
        let blocks = out.iter().map(|pending| pending.block).listed();
        blocks.iter().for_each(|&block| self.remember(block));
        blocks
    }

    /// The peer has stalled: it gets one request until it answers again, and twice the time.
    pub fn stalled(&mut self) {
        self.depth = 1.0;
        self.stalls += 1;
    }

    /// When the oldest request is overdue; `limit` is the user's block timeout.
    ///
    /// Answers come in order, so the clock starts anew with each arrival.
    pub fn deadline(&self, limit: Duration) -> Option<Instant> {
        let oldest = self.out.first()?;
        Some(oldest.asked_at.max(self.last_arrival) + self.timeout(limit))
    }

    /// Whether something is owed, and nothing has come for so long.
    pub fn is_silent(&self, now: Instant, patience: Duration) -> bool {
        let oldest = self.out.first();
        oldest.is_some_and(|oldest| oldest.asked_at.max(self.last_arrival) + patience <= now)
    }

    /// Whether it has stalled, and not answered since.
    pub fn has_stalled(&self) -> bool {
        self.stalls > 0
    }

    /// Four deviations beyond twice the usual delay, much as TCP does (RFC 6298), within the limits.
    fn timeout(&self, limit: Duration) -> Duration {
        let adaptive = match self.quickest {
            None => limit,
            Some(_) => (self.smoothed * 2 + self.deviation * 4).max(MIN_BLOCK_TIMEOUT),
        };
        (adaptive * 2u32.pow(self.stalls.min(8))).min(limit)
    }

    fn learn(&mut self, latency: Duration) {
        self.stalls = 0;
        let quickest = self.quickest.map_or(latency, |quickest| quickest.min(latency));
        if self.quickest.is_none() {
            (self.smoothed, self.deviation) = (latency, latency / 2);
        }
        self.quickest = Some(quickest);
        let apart = self.smoothed.abs_diff(latency);
        self.deviation = (self.deviation * 3 + apart) / 4;
        self.smoothed = (self.smoothed * 7 + latency) / 8;
        if latency > quickest * 2 + QUEUE_SLACK {
            self.depth = (self.depth - 1.0).max(MIN_DEPTH);
        } else if self.was_full {
            self.depth = (self.depth + 1.0).min(self.max_depth as f32);
        }
    }

    fn remember(&mut self, block: Block) {
        if self.given_up.len() == MAX_GIVEN_UP {
            self.given_up.remove(0);
        }
        self.given_up.push(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn blocks() -> Vec<Block> {
        let layout = Layout::new(32 << 20, [(32 << 20, false)]).unwrap();
        layout.blocks(layout.piece(0).unwrap()).collect()
    }

    #[test]
    fn quick_answers_deepen_the_queue_up_to_its_limit() {
        let mut pipeline = Pipeline::new(at(0));
        let blocks = blocks();
        let mut next = blocks.iter();
        for round in 0..8 {
            while pipeline.room() > 0 {
                pipeline.ask(at(round), *next.next().unwrap());
            }
            let out: Vec<_> = pipeline.iter().map(|pending| pending.block).collect();
            for block in out {
                assert!(matches!(pipeline.arrived(at(round + 1), block), Arrival::Asked(_)));
                let is_low = pipeline.is_low();
                while is_low && pipeline.room() > 0 && next.len() > 0 {
                    pipeline.ask(at(round + 1), *next.next().unwrap());
                }
            }
            if next.len() < MAX_REQUESTS_OUT {
                break;
            }
        }
        assert!(pipeline.depth as usize > 400, "{}", pipeline.depth);
        assert!(pipeline.len() <= MAX_REQUESTS_OUT);
    }

    #[test]
    fn a_deep_queue_is_filled_up_by_an_eighth_and_a_shallow_one_by_one() {
        for (depth, most_free) in [(80, 9), (16, 1), (8, 0), (2, 0)] {
            let mut pipeline = Pipeline { depth: depth as f32, ..Pipeline::new(at(0)) };
            let blocks = blocks();
            blocks[..depth].iter().for_each(|&block| pipeline.ask(at(0), block));
            // An answer that is neither quick nor late leaves the depth as it is.
            pipeline.was_full = false;
            let low = blocks.iter().position(|&block| {
                pipeline.arrived(at(1), block);
                pipeline.is_low()
            });
            assert_eq!(low, Some(most_free), "of {depth}");
        }
    }

    #[test]
    fn late_answers_make_the_queue_shallow() {
        let mut pipeline = Pipeline::new(at(0));
        let blocks = blocks();
        pipeline.ask(at(0), blocks[0]);
        pipeline.arrived(at(1), blocks[0]);
        for (n, &block) in blocks[1..100].iter().enumerate() {
            let start = n as u64 * 1_000;
            pipeline.ask(at(start), block);
            pipeline.arrived(at(start + 900), block);
        }
        assert_eq!(pipeline.depth, MIN_DEPTH);
    }

    #[test]
    fn what_was_cancelled_may_still_come_but_only_once() {
        let mut pipeline = Pipeline::new(at(0));
        let block = blocks()[0];
        assert_eq!(pipeline.arrived(at(1), block), Arrival::Unasked);
        pipeline.ask(at(1), block);
        assert!(pipeline.give_up(block));
        assert_eq!(pipeline.arrived(at(2), block), Arrival::GivenUp);
        assert_eq!(pipeline.arrived(at(3), block), Arrival::Unasked);
    }

    #[test]
    fn a_request_is_overdue_after_the_limit_at_first_and_sooner_with_a_history() {
        let mut pipeline = Pipeline::new(at(0));
        let blocks = blocks();
        let limit = Duration::from_secs(30);
        assert_eq!(pipeline.deadline(limit), None);
        pipeline.ask(at(5), blocks[0]);
        assert_eq!(pipeline.deadline(limit), Some(at(30_005)));
        pipeline.arrived(at(10), blocks[0]);
        pipeline.ask(at(20), blocks[1]);
        assert_eq!(pipeline.deadline(limit), Some(at(20) + MIN_BLOCK_TIMEOUT));
    }
}
