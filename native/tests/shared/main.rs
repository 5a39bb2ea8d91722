//! Instances of the tracker that share a real Redis.
//!
//! These tests need a `redis-server`, so `cargo test` leaves them out; `cargo xtask test` installs
//! and runs it. By hand: `cargo test -p gannet --test shared`. With Valkey: put its server first in
//! the PATH as `redis-server`.

mod crowd;
mod failures;
#[path = "../process/mod.rs"]
#[allow(dead_code)]
mod process;
mod published;
mod sharing;
mod support;
