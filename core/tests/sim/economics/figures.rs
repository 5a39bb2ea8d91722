//! The figures, and what they must not fall behind.

use std::time::Duration;

use super::flock::{Flock, Sharing};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// One megabit per second: an ordinary line's upload.
const RATE: u64 = 128 * 1024;
const LIMIT: Duration = Duration::from_secs(3_600);

fn print(name: &str, leechers: usize, sharing: &Sharing) {
    println!(
        "{leechers:>6} {name:<8} bound {:>6.1} s  mean {:>6.1} s  last {:>6.1} s  {:.2} × the bound  \
         seeder {:.2} copies  twice {:.2} %  {:.1} M events",
        sharing.bound.as_secs_f64(),
        sharing.mean().as_secs_f64(),
        sharing.last().as_secs_f64(),
        sharing.ratio(),
        sharing.seeder_copies,
        sharing.duplicates * 100.0,
        sharing.events as f64 / 1e6,
    );
}

fn sizes() -> Vec<usize> {
    let sizes = std::env::var("GANNET_SIM_LEECHERS").unwrap_or_default();
    sizes.split(',').filter_map(|size| size.parse().ok()).collect()
}

/// For `cargo xtask sim --economics`.
#[test]
#[ignore = "takes long: cargo xtask sim --economics"]
fn figures() {
    for leechers in sizes() {
        for (name, flock) in
            [("equal", Flock::equal(leechers, RATE)), ("mixed", Flock::mixed(leechers, RATE))]
        {
            let pieces = std::env::var("GANNET_SIM_PIECES").ok().and_then(|p| p.parse().ok());
            let flock = Flock { pieces: pieces.unwrap_or(flock.pieces), ..flock };
            print(name, leechers, &flock.run(LIMIT));
        }
    }
}
