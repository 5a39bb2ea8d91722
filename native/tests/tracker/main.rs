//! The tracker, asked over real sockets.

mod api;
mod http;
mod support;
