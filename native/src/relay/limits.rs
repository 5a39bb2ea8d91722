//! Everything that is bounded, named once.

use std::time::Duration;

/// Payload that may be under way in each direction beyond what was credited, in bytes.
pub const WINDOW_BYTES: u32 = 1024 * 1024;
/// The longest message on a data socket, in bytes.
pub const MAX_DATA_MESSAGE_BYTES: usize = 256 * 1024;
/// The longest message on a control socket, in bytes.
pub const MAX_CONTROL_MESSAGE_BYTES: usize = 64 * 1024;
/// Messages that wait for a page that doesn't read its control socket; then it is closed.
pub const MAX_CONTROL_QUEUED: usize = 64;
/// Trackers that a page may name.
pub const MAX_TRACKERS_PER_PAGE: usize = 32;
/// Trackers of a swarm, over all its pages.
pub const MAX_TRACKERS_PER_SWARM: usize = 64;
/// The longest URL of a tracker, in bytes.
pub const MAX_URL_BYTES: usize = 2048;
/// Addresses in one request for tickets.
pub const MAX_DIAL_ADDRS: usize = 50;
/// Peers that are remembered for pages that come later.
pub const MAX_PEERS_REMEMBERED: usize = 200;
/// Other pages that a page is told of.
pub const MAX_PAGES_NAMED: usize = 50;
/// Accepted connections of a swarm that wait for a page to take them.
pub const MAX_INCOMING_WAITING: usize = 32;
/// Messages of a page to a swarm's other parts that wait.
pub const MAX_DATAGRAM_BYTES: usize = 16 * 1024;
pub use super::server::HEAD_TIMEOUT;

/// Redirects of a tracker that are followed.
pub const MAX_REDIRECTS: usize = 5;

/// How long a client has for its first message.
pub const FIRST_MESSAGE_LIMIT: Duration = Duration::from_secs(10);
/// How long a peer has to be reached and to show that it speaks BitTorrent; then, and only then,
/// the page is told that it failed.
pub const PEER_LIMIT: Duration = Duration::from_secs(10);
/// How long a tracker has to answer as one; then, and only then, pages are told that it didn't.
pub const TRACKER_LIMIT: Duration = Duration::from_secs(10);
/// How long an accepted connection waits for a page to take it.
pub const INCOMING_LIMIT: Duration = Duration::from_secs(10);
/// How long a stream that has ended waits for the page's own end: a slow page takes a while for what
/// is under way to it.
pub const FAREWELL_LIMIT: Duration = Duration::from_secs(30);
/// How long trackers have to be told that a swarm has stopped.
pub const STOP_LIMIT: Duration = Duration::from_secs(3);
/// How long a ticket for an address is good.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(3600);
/// How often a quiet socket is asked whether it is there.
pub const PING_PERIOD: Duration = Duration::from_secs(30);

/// What a relay takes on. Each has a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections, over all.
    pub max_connections: usize,
    /// Open connections of one client address (an IPv6 /64 is one); 0 for any number.
    pub max_connections_per_address: usize,
    /// Swarms at a time.
    pub max_swarms: usize,
    /// Control sockets that take part in a swarm, of one client address; 0 for any number.
    pub max_swarms_per_address: usize,
    /// Trackers that pages of one client address may name per minute, again or for the first time; 0
    /// for any number.
    pub max_trackers_per_minute: u32,
    /// Requests and packets to trackers at one target address per minute, whoever named them; 0 for
    /// any number.
    pub max_announces_per_target: u32,
    /// Dials per minute of one client address; 0 for any number.
    pub max_dials_per_minute: u32,
    /// Dials per minute to one target address, whoever asks for them; 0 for any number.
    pub max_dials_per_target: u32,
    /// Tickets per minute for addresses that no announce named, of one client address.
    pub max_named_per_minute: u32,
    /// Payload per second and client address, both directions together; 0 for any amount.
    pub max_bytes_per_second: u64,
    /// Sockets that carry nothing for so long are closed.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 20_000,
            max_connections_per_address: 600,
            max_swarms: 10_000,
            max_swarms_per_address: 200,
            max_trackers_per_minute: 600,
            max_announces_per_target: 600,
            max_dials_per_minute: 600,
            max_dials_per_target: 60,
            max_named_per_minute: 30,
            max_bytes_per_second: 0,
            idle_timeout: Duration::from_secs(180),
        }
    }
}
