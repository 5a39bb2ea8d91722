//! The tracker, asked over real sockets.

mod api;
mod http;
mod limits;
mod support;
mod udp;
