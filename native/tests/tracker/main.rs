//! The tracker, asked over real sockets.

mod http;
mod support;
