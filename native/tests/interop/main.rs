//! Downloads from and uploads to the field's own clients, on this machine.
//!
//! These tests need programs that aren't Gannet's, so `cargo test` leaves them out; `cargo xtask test`
//! installs what is missing and runs them. By hand: `cargo test --workspace --test interop`.

mod aria2;
mod libtorrent;
mod payload;
mod process;
mod support;
mod tracker;
mod transmission;
