//! `gannet serve`, used and abused from outside: as a process, over HTTP and WebSockets.

mod downloads;
mod offers;
mod pages;
#[path = "../process/mod.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod process;
mod readme;
mod refusals;
#[path = "../relay/support.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod socket;
mod support;
