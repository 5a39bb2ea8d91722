//! The UDP tracker protocol (BEP 15), for both sides.
//!
//! An answer doesn't say whether its peers are IPv4 or IPv6: it is the family of the addresses the
//! datagrams travel between.

mod request;
mod response;

use std::time::Duration;

pub use request::UdpRequest;
pub use response::UdpResponse;

/// How long a connection id is good for a client.
pub const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);

/// The most info hashes in one scrape.
pub const MAX_SCRAPE_HASHES: usize = 74;

/// What opens every connect request.
const PROTOCOL_ID: u64 = 0x417_2710_1980;

const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const SCRAPE: u32 = 2;
const ERROR: u32 = 3;

/// Why a datagram isn't part of the UDP tracker protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UdpError {
    /// The datagram ends before what it must hold.
    #[error("the datagram is cut short")]
    Truncated,
    /// A connect request that doesn't start with the protocol's number.
    #[error("not the UDP tracker protocol")]
    Protocol,
    /// An action that this side doesn't know, or hasn't asked for.
    #[error("unexpected action {0}")]
    Action(u32),
    /// An event that doesn't exist.
    #[error("unknown event {0}")]
    Event(u32),
    /// A client that says it listens at port zero.
    #[error("the port is zero")]
    Port,
    /// A scrape of nothing, of part of an info hash, or of more than [`MAX_SCRAPE_HASHES`].
    #[error("a scrape of {bytes} bytes of info hashes")]
    ScrapeLength {
        /// The length of what should be info hashes.
        bytes: usize,
    },
}

impl From<bytes::TryGetError> for UdpError {
    fn from(_: bytes::TryGetError) -> Self {
        Self::Truncated
    }
}
