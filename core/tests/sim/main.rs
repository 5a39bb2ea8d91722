//! Whole swarms under virtual time: faults, hostile peers, and what users rely on, seen from outside.
//!
//! `world` is the simulator, `stranger` the peers that run no session, `scenarios` one file for each
//! part of what is promised, `random` swarms drawn from a seed, `economics` how large swarms share.

// Large swarms take long where nothing is optimised, and one machine's figures are enough.
#[cfg(not(target_arch = "wasm32"))]
mod economics;
mod random;
mod scenarios;
mod stranger;
mod world;

use std::ops::{Bound, RangeBounds};

/// A number in a range, the same wherever the simulator runs: `usize` is narrower in WebAssembly, and
/// what is drawn as one depends on it.
fn draw(rng: &mut fastrand::Rng, range: impl RangeBounds<usize>) -> usize {
    let start = match range.start_bound() {
        Bound::Included(&start) => start as u64,
        _ => 0,
    };
    match range.end_bound() {
        Bound::Included(&end) => rng.u64(start..=end as u64) as usize,
        Bound::Excluded(&end) => rng.u64(start..end as u64) as usize,
        Bound::Unbounded => rng.u64(start..) as usize,
    }
}
