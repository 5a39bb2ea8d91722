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
