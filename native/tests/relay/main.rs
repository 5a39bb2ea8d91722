//! The relay, used and abused from outside: pages are WebSocket clients, peers are sockets on
//! loopback, which a test allows and which are refused otherwise.

#[path = "../common/mod.rs"]
mod common;
mod control;
mod http;
mod pages;
mod probes;
mod refusals;
mod streams;
mod support;
mod trackers;
mod transfer;
