//! Trackers: what is asked of them and what they answer, over HTTP (BEP 3, 7, 23, 48) and UDP
//! (BEP 15, 41), for both sides; and the [`Announcer`], which decides whom to ask when (BEP 12).

mod announcer;
mod compact;
mod endpoint;
mod http;
mod query;
mod scrape;
mod tiers;
pub mod udp;

use std::net::{IpAddr, SocketAddr};

pub(crate) use announcer::ENABLED;
pub use announcer::{
    AnnounceOutput, Announcer, DEFAULT_INTERVAL, DEFAULT_MIN_INTERVAL, HTTP_TIMEOUT, MAX_BACKOFF,
    MAX_INTERVAL, MIN_BACKOFF, MIN_INTERVAL, Progress, RESOLVE_TIMEOUT, TrackerError, UDP_TIMEOUT,
    UDP_TRIES,
};
pub use compact::{Family, compact_peers, peers_of_compact, put_compact_peers};
pub use http::{AnnounceError, encode_failure};
pub use query::{MAX_QUERY_BYTES, RequestError};
pub use scrape::{MAX_SCRAPE_HASHES, ScrapeError, ScrapeRequest, ScrapeResponse, scrape_url};
pub use tiers::{MAX_TRACKERS, TrackerState, TrackerStatus};

use crate::id::{InfoHash, PeerId};

/// The most peers that are taken from one answer.
pub const MAX_PEERS: usize = 3_000;

/// How many peers a client that doesn't say is taken to want (BEP 3 names 50).
pub const DEFAULT_NUM_WANT: u32 = 50;

/// The most characters that are kept of a sentence a tracker sends.
pub const MAX_SENTENCE_CHARS: usize = 300;

/// Why a client announces itself now (BEP 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnnounceEvent {
    /// Just as often as it was asked to.
    #[default]
    None,
    /// It joins the swarm.
    Started,
    /// It has just become a seeder. Not sent by one that had everything from the start.
    Completed,
    /// It leaves the swarm.
    Stopped,
}

/// What a client tells a tracker (BEP 3, BEP 23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnounceRequest {
    /// The torrent.
    pub info_hash: InfoHash,
    /// The client.
    pub peer_id: PeerId,
    /// The TCP port at which the client listens; never zero.
    pub port: u16,
    /// Payload bytes sent since `started`.
    pub uploaded: u64,
    /// Payload bytes received since `started`.
    pub downloaded: u64,
    /// Bytes the client still lacks; zero for a seeder.
    pub left: u64,
    /// Why it announces.
    pub event: AnnounceEvent,
    /// How many peers it would like to hear of.
    pub num_want: u32,
    /// Proves to the tracker that it's the same client after its address changed.
    pub key: u32,
    /// What this tracker asked to be told again; HTTP only.
    pub tracker_id: Option<Vec<u8>>,
    /// The address to be reached at, if it isn't the one the request comes from.
    pub ip: Option<IpAddr>,
    /// Whether the answer should be in compact form (BEP 23); always so over UDP.
    pub compact: bool,
    /// Whether the answer may leave out peer ids.
    pub no_peer_id: bool,
}

impl AnnounceRequest {
    /// The first announce of a client that was never there: nothing sent or received, and an answer
    /// of [`DEFAULT_NUM_WANT`] peers in the shortest form.
    #[must_use]
    pub const fn first(info_hash: InfoHash, peer_id: PeerId, port: u16, left: u64) -> Self {
        Self {
            info_hash,
            peer_id,
            port,
            uploaded: 0,
            downloaded: 0,
            left,
            event: AnnounceEvent::Started,
            num_want: DEFAULT_NUM_WANT,
            key: 0,
            tracker_id: None,
            ip: None,
            compact: true,
            no_peer_id: true,
        }
    }
}

/// What a tracker answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnnounceResponse {
    /// How long to wait before the next announce, in seconds.
    pub interval_seconds: u32,
    /// How long to wait at the very least, in seconds; HTTP only.
    pub min_interval_seconds: Option<u32>,
    /// What to tell this tracker with the next announce; HTTP only.
    pub tracker_id: Option<Vec<u8>>,
    /// How many seeders the swarm has.
    pub complete: Option<u32>,
    /// How many leechers the swarm has.
    pub incomplete: Option<u32>,
    /// The peers, at most [`MAX_PEERS`], none of them at port zero.
    pub peers: Vec<SocketAddr>,
    /// A sentence for the user, although all went well; HTTP only.
    pub warning: Option<String>,
    /// The address that the tracker saw the client at (BEP 24); HTTP only.
    pub external_ip: Option<IpAddr>,
}

/// What a tracker knows of one swarm (BEP 48, BEP 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScrapeEntry {
    /// How many seeders there are.
    pub complete: u32,
    /// How often the torrent was downloaded to its end.
    pub downloaded: u32,
    /// How many leechers there are.
    pub incomplete: u32,
}

/// Why the host has no answer to an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The URL isn't one that the host can ask.
    #[error("the URL can't be used")]
    BadUrl,
    /// No connection came about: refused, unreachable, or a name that doesn't resolve.
    #[error("can't connect")]
    Connect,
    /// The TLS handshake failed, a certificate that can't be verified included.
    #[error("no secure connection (TLS)")]
    Tls,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// An answer with another status than success.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The answer is longer than the host accepts.
    #[error("the answer is too large")]
    TooLarge,
    /// The host's policy forbids to ask there.
    #[error("refused by policy")]
    Refused,
    /// Anything else: the connection broke, the answer wasn't HTTP.
    #[error("the connection failed")]
    Other,
}

/// Why the host has no address for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no such name, or it has no address.
    #[error("the name doesn't resolve")]
    NotFound,
    /// No answer in time.
    #[error("the name didn't resolve in time")]
    Timeout,
    /// The host's policy forbids the addresses it has.
    #[error("refused by policy")]
    Refused,
    /// Anything else.
    #[error("name resolution failed")]
    Other,
}

/// A stranger's bytes as a sentence: lossy, cut to [`MAX_SENTENCE_CHARS`].
fn sentence(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(MAX_SENTENCE_CHARS).collect()
}
