//! The tracker, asked over real sockets.

mod http;
mod limits;
mod support;
mod udp;
