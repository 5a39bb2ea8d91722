//! What the web API is told to do, and how much of it.

use std::{path::PathBuf, time::Duration};

use super::access::Token;

/// The most seeders that are registered with their lists; others announce one torrent at a time.
pub const MAX_SEEDERS: usize = 100_000;
/// The most torrents in one registration.
pub const MAX_TORRENTS_PER_SEEDER: usize = 50_000;
/// The most torrents in all registrations of one address, or else a few would fill the tracker. An
/// IPv6 address stands for its /64.
pub const MAX_TORRENTS_PER_ADDRESS: usize = 200_000;
/// The most torrents in all registrations; each costs 20 bytes.
pub const MAX_REGISTERED_TORRENTS: usize = 10_000_000;
/// Registrations, refreshed, changed or withdrawn ones included, that an address may send in a
/// minute. An IPv6 address stands for its /64.
pub const MAX_REGISTRATIONS_PER_MINUTE: u32 = 30;
/// The most .torrent files that are published.
pub const MAX_PUBLISHED: usize = 100_000;
/// The most bytes that all published .torrent files have together: they are kept in memory.
pub const MAX_PUBLISHED_BYTES: u64 = 512 * 1024 * 1024;

/// The longest registration in bytes: room for [`MAX_TORRENTS_PER_SEEDER`] and some white space.
pub const MAX_REGISTRATION_BYTES: usize = 4 * 1024 * 1024;
/// How long a client may take to send the body of a request.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How many .torrent files are received at a time; others wait for their turn.
pub const MAX_UPLOADS: usize = 4;
/// The most rows in one answer.
pub const MAX_PAGE_ROWS: usize = 1_000;
/// How many rows an answer has unless it is asked for another number.
pub const DEFAULT_PAGE_ROWS: usize = 100;
/// The longest text that can be searched for, in bytes.
pub const MAX_SEARCH_BYTES: usize = 256;
/// The most peers of a torrent that are shown.
pub const MAX_SHOWN_PEERS: usize = 500;
/// The most leechers of one torrent that a seeder who registers is told of.
pub const MAX_LEECHERS_PER_TORRENT: u32 = 50;
/// The most leechers of all its torrents that a seeder who registers is told of.
pub const MAX_LEECHERS_PER_REGISTRATION: usize = 2_000;
/// How long a list of torrents or seeders is good for all who ask: making one looks at all peers.
pub const LISTING_LIFETIME: Duration = Duration::from_secs(1);
/// A list that takes long to make is good for so many times as long: making lists takes at most
/// one part in so many of a core.
pub const LISTING_REST: u32 = 5;
/// How many lists are kept meanwhile, each found or sorted by something else.
pub const MAX_LISTINGS: usize = 16;

/// Who may read and publish, and how much is kept. [`ApiConfig::default`] lets everybody read and
/// nobody publish, and has the constants of this module.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// What a client must know to read anything but the page and `/health`; `None` for nothing.
    pub read_token: Option<Token>,
    /// What a client must know to publish; `None` if nobody may. It is good for reading too.
    pub publish_token: Option<Token>,
    /// Where published .torrent files are kept; only in memory if `None`.
    pub torrents_dir: Option<PathBuf>,
    /// The announce URLs of this tracker as the world sees them: they go into magnet links.
    pub announce_urls: Vec<String>,
    /// Whether other instances share the swarms: then they may know seeders that this one doesn't.
    pub is_shared: bool,
    /// [`MAX_SEEDERS`].
    pub max_seeders: usize,
    /// [`MAX_TORRENTS_PER_ADDRESS`]; 0 for any number.
    pub max_torrents_per_address: usize,
    /// [`MAX_TORRENTS_PER_SEEDER`].
    pub max_torrents_per_seeder: usize,
    /// [`MAX_REGISTERED_TORRENTS`].
    pub max_registered_torrents: usize,
    /// [`MAX_REGISTRATIONS_PER_MINUTE`]; 0 for any number.
    pub max_registrations_per_minute: u32,
    /// [`MAX_PUBLISHED`].
    pub max_published: usize,
    /// [`MAX_PUBLISHED_BYTES`].
    pub max_published_bytes: u64,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            read_token: None,
            publish_token: None,
            torrents_dir: None,
            announce_urls: Vec::new(),
            is_shared: false,
            max_seeders: MAX_SEEDERS,
            max_torrents_per_address: MAX_TORRENTS_PER_ADDRESS,
            max_torrents_per_seeder: MAX_TORRENTS_PER_SEEDER,
            max_registered_torrents: MAX_REGISTERED_TORRENTS,
            max_registrations_per_minute: MAX_REGISTRATIONS_PER_MINUTE,
            max_published: MAX_PUBLISHED,
            max_published_bytes: MAX_PUBLISHED_BYTES,
        }
    }
}
