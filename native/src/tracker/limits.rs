//! Every limit of a tracker: a constant, its field and, in the command line, its flag.

use std::time::Duration;

/// The most torrents that are kept; announces of others are refused then.
pub const MAX_TORRENTS: usize = 1_000_000;
/// The most peers that are kept of all torrents; others still get peers, but aren't named.
pub const MAX_PEERS: usize = 20_000_000;
/// The most peers that are kept of one torrent; others still get peers, but aren't named.
pub const MAX_PEERS_PER_TORRENT: usize = 100_000;
/// The most peers in one answer, whatever the client would like.
pub const MAX_NUM_WANT: u32 = 200;
/// The most torrents in one scrape, over HTTP and over UDP.
pub const MAX_SCRAPE_HASHES: usize = gannet_core::announce::MAX_SCRAPE_HASHES;
/// Announces that an address may send in a second, over a while; an IPv6 address stands for its /64.
pub const MAX_ANNOUNCES_PER_SECOND: u32 = 100;
/// How many seconds' worth of announces an address may send at once: a seeder that starts has many.
pub const ANNOUNCE_BURST_SECONDS: u32 = 20;
/// The longest head of an HTTP request in bytes: room for a scrape of 70 torrents.
pub const MAX_HEAD_BYTES: usize = 8 * 1024;
/// How long a connection may take for the head of its next request.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The most connections at a time; others wait to be accepted.
pub const MAX_CONNECTIONS: usize = 4096;
/// The most connections of one address at a time; others are closed. An IPv6 address stands for
/// its /64.
pub const MAX_CONNECTIONS_PER_ADDRESS: usize = 256;

/// How much a tracker takes in. [`Limits::default`] has the constants of this module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// [`MAX_TORRENTS`].
    pub max_torrents: usize,
    /// [`MAX_PEERS`].
    pub max_peers: usize,
    /// [`MAX_PEERS_PER_TORRENT`].
    pub max_peers_per_torrent: usize,
    /// [`MAX_NUM_WANT`].
    pub max_num_want: u32,
    /// [`MAX_SCRAPE_HASHES`]; more than those is the same as those.
    pub max_scrape_hashes: usize,
    /// [`MAX_ANNOUNCES_PER_SECOND`]; 0 for any number: many may share an address.
    pub max_announces_per_second: u32,
    /// [`MAX_HEAD_BYTES`]; at least 8 KiB.
    pub max_head_bytes: usize,
    /// [`IDLE_TIMEOUT`].
    pub idle_timeout: Duration,
    /// [`MAX_CONNECTIONS`].
    pub max_connections: usize,
    /// [`MAX_CONNECTIONS_PER_ADDRESS`]; 0 for any number.
    pub max_connections_per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_torrents: MAX_TORRENTS,
            max_peers: MAX_PEERS,
            max_peers_per_torrent: MAX_PEERS_PER_TORRENT,
            max_num_want: MAX_NUM_WANT,
            max_scrape_hashes: MAX_SCRAPE_HASHES,
            max_announces_per_second: MAX_ANNOUNCES_PER_SECOND,
            max_head_bytes: MAX_HEAD_BYTES,
            idle_timeout: IDLE_TIMEOUT,
            max_connections: MAX_CONNECTIONS,
            max_connections_per_address: MAX_CONNECTIONS_PER_ADDRESS,
        }
    }
}
