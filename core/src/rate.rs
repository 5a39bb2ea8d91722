//! Bytes per second: measured by a [`Meter`], limited by a [`Bucket`].

use std::time::Duration;

use crate::time::{Instant, micros};

/// Slots of a meter; with [`SLOT_MICROS`] they span two seconds.
const SLOTS: usize = 8;
/// Length of a slot.
const SLOT_MICROS: u64 = 250_000;

/// Counts bytes and tells how many came per second over the last two seconds.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    total: u64,
    slots: [u64; SLOTS],
    /// Number of the newest slot since the epoch.
    newest: u64,
    /// Number of the slot in which the first byte was counted, plus one; zero before that.
    first: u64,
}

impl Meter {
    /// Counts bytes that came or went at `now`.
    pub fn add(&mut self, now: Instant, bytes: u64) {
        self.advance(now);
        if self.first == 0 {
            self.first = self.newest + 1;
        }
        self.total += bytes;
        self.slots[(self.newest % SLOTS as u64) as usize] += bytes;
    }

    /// All bytes counted so far.
    pub const fn total_bytes(&self) -> u64 {
        self.total
    }

    /// Bytes per second over the last two seconds, or since the first byte if that is less.
    pub fn bytes_per_second(&self, now: Instant) -> u64 {
        let current = now.as_micros() / SLOT_MICROS;
        let oldest = (current + 1).saturating_sub(SLOTS as u64).max(self.first.saturating_sub(1));
        let counted = (oldest..=self.newest)
            .rev()
            .take(SLOTS)
            .map(|slot| self.slots[(slot % SLOTS as u64) as usize])
            .sum::<u64>();
        let micros = now.as_micros().saturating_sub(oldest * SLOT_MICROS).max(SLOT_MICROS);
        counted.saturating_mul(1_000_000) / micros
    }

    fn advance(&mut self, now: Instant) {
        let current = now.as_micros() / SLOT_MICROS;
        let stale = current.saturating_sub(self.newest).min(SLOTS as u64);
        for slot in 0..stale {
            self.slots[((current - slot) % SLOTS as u64) as usize] = 0;
        }
        self.newest = self.newest.max(current);
    }
}

/// A token bucket: at most `rate × 50 ms` bytes in a burst, beyond the block that empties it.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Bytes per second; `None` for no limit.
    rate: Option<u64>,
    /// Bytes that may go now, times a million; negative while a debt is paid off.
    micro_tokens: i64,
    filled: Instant,
}

/// How much of its rate a bucket holds: its longest burst.
pub const BURST: Duration = Duration::from_millis(50);

impl Bucket {
    /// A full bucket; `None` for no limit.
    pub fn new(bytes_per_second: Option<u64>, now: Instant) -> Self {
        let mut bucket = Self { rate: None, micro_tokens: 0, filled: now };
        bucket.limit(bytes_per_second, now);
        bucket
    }

    /// Sets another limit; zero counts as one byte per second.
    pub fn limit(&mut self, bytes_per_second: Option<u64>, now: Instant) {
        self.refill(now);
        self.rate = bytes_per_second.map(|rate| rate.max(1));
        self.micro_tokens = self.micro_tokens.clamp(-self.capacity(), self.capacity());
    }

    /// Whether something may go now. What goes may be larger than what is in the bucket: the debt
    /// delays the next.
    pub fn is_open(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.rate.is_none() || self.micro_tokens > 0
    }

    /// Takes the bytes out.
    pub fn take(&mut self, bytes: u64) {
        if self.rate.is_some() {
            let taken = signed(bytes).saturating_mul(1_000_000);
            self.micro_tokens = self.micro_tokens.saturating_sub(taken);
        }
    }

    /// When the bucket is open again, if it is shut now.
    pub fn opens_at(&mut self, now: Instant) -> Option<Instant> {
        let rate = signed(self.rate?);
        match self.is_open(now) {
            true => None,
            false => {
                Some(now + Duration::from_micros((self.micro_tokens / rate).unsigned_abs() + 1))
            }
        }
    }

    fn capacity(&self) -> i64 {
        self.gained(BURST)
    }

    fn gained(&self, elapsed: Duration) -> i64 {
        signed(self.rate.unwrap_or(0)).saturating_mul(signed(micros(elapsed)))
    }

    fn refill(&mut self, now: Instant) {
        let gained = self.gained(now.since(self.filled));
        self.micro_tokens = self.micro_tokens.saturating_add(gained).min(self.capacity());
        self.filled = self.filled.max(now);
    }
}

/// A count of bytes, or more than anybody will ever count.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn a_meter_tells_a_steady_rate_and_forgets_it() {
        let mut meter = Meter::default();
        for step in 0..400 {
            meter.add(at(step * 10), 1_000);
        }
        let rate = meter.bytes_per_second(at(4_000));
        assert!((95_000..=105_000).contains(&rate), "{rate}");
        assert_eq!(meter.bytes_per_second(at(10_000)), 0);
        assert_eq!(meter.total_bytes(), 400_000);
    }

    #[test]
    fn a_young_meter_is_not_diluted_by_the_time_before_its_first_byte() {
        let mut meter = Meter::default();
        meter.add(at(100_000), 50_000);
        assert_eq!(meter.bytes_per_second(at(100_250)), 200_000);
    }

    #[test]
    fn a_bucket_lets_its_rate_through_and_no_burst_beyond_50_ms() {
        let mut bucket = Bucket::new(Some(10_000_000), at(0));
        let mut sent = 0;
        let mut now = at(60_000);
        let end = at(61_000);
        while now < end {
            while bucket.is_open(now) {
                bucket.take(16_384);
                sent += 16_384;
            }
            now = bucket.opens_at(now).unwrap();
        }
        assert!((10_000_000..=10_000_000 + 500_000 + 2 * 16_384).contains(&sent), "{sent}");
    }

    #[test]
    fn an_unlimited_bucket_is_always_open() {
        let mut bucket = Bucket::new(None, at(0));
        bucket.take(u64::MAX);
        assert!(bucket.is_open(at(0)));
        assert_eq!(bucket.opens_at(at(0)), None);
    }
}
