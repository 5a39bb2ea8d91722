//! The one statistics schema: the terminal, JSON, the npm types and metrics all print it.

use serde::Serialize;

use crate::id::{InfoHash, PieceIndex};

/// Version of the schema below. Fields may be added without a new version; none is changed or removed.
pub const STATS_SCHEMA: u32 = 1;

/// Everything that is known of one torrent at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TorrentStats {
    /// [`STATS_SCHEMA`].
    pub schema: u32,
    /// Absent for a plain list of work items.
    pub info_hash: Option<InfoHash>,
    /// The torrent's name, made safe; absent until a magnet link's metadata is there.
    pub name: Option<String>,
    /// What it is doing.
    pub state: TorrentState,
    /// Seconds since the torrent was added.
    pub elapsed_seconds: f64,
    /// Seconds from being added to the first request for a block, to the last wanted piece verified.
    pub transfer: Span,
    /// Bytes of all files.
    pub total_bytes: u64,
    /// Bytes of the pieces the user wants.
    pub wanted_bytes: u64,
    /// Bytes of the wanted pieces that are verified.
    pub have_bytes: u64,
    /// Pieces of the torrent.
    pub pieces: u32,
    /// Pieces the user wants.
    pub pieces_wanted: u32,
    /// Wanted pieces that are verified.
    pub pieces_have: u32,
    /// Pieces checked so far of those on the disk, while `state` is `checking`.
    pub pieces_checked: u32,
    /// Pieces that were on the disk already when the download began.
    pub pieces_at_start: u32,
    /// Payload received, duplicates and corrupt blocks included.
    pub downloaded_bytes: u64,
    /// Payload sent.
    pub uploaded_bytes: u64,
    /// Payload that was already there when it came.
    pub duplicate_bytes: u64,
    /// Payload of pieces whose hash was wrong.
    pub corrupt_bytes: u64,
    /// How often a piece's hash was wrong.
    pub failed_pieces: u64,
    /// How often a block was asked for again after a failure or a timeout.
    pub retries: u64,
    /// Payload received per second, over the last seconds.
    pub download_bytes_per_second: u64,
    /// Payload sent per second, over the last seconds.
    pub upload_bytes_per_second: u64,
    /// Seconds left at the present rate; absent when nothing comes in.
    pub eta_seconds: Option<f64>,
    /// Seconds from 99 % of the wanted pieces to all of them, once done.
    pub last_percent_seconds: Option<f64>,
    /// Connections that have finished their handshake.
    pub peers_connected: u32,
    /// Of these, how many have everything.
    pub seeds_connected: u32,
    /// Addresses known.
    pub peers_known: u32,
    /// Bytes waiting in memory for their piece to be whole or written.
    pub memory_bytes: u64,
    /// One row per tracker.
    pub trackers: Vec<TrackerStats>,
    /// One row per peer and source that ever took part, in the order they came.
    pub peers: Vec<PeerStats>,
}

/// What a torrent is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TorrentState {
    /// Fetching a magnet link's metadata.
    Metadata,
    /// Opening and hashing what is on the disk.
    Checking,
    /// Pieces are missing.
    Downloading,
    /// All that is wanted is there.
    Seeding,
    /// Stopped by the user.
    Paused,
    /// Waiting for the disk (full, read-only, failing); goes on by itself.
    StorageError,
}

/// Start and end, in seconds since the torrent was added.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Span {
    /// When the first thing was asked for.
    pub start_seconds: Option<f64>,
    /// When the last thing came.
    pub end_seconds: Option<f64>,
}

/// One tracker's row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackerStats {
    /// Its URL.
    pub url: String,
    /// Its tier, from zero (BEP 12).
    pub tier: u32,
    /// What it last said of seeders.
    pub seeders: Option<u32>,
    /// What it last said of leechers.
    pub leechers: Option<u32>,
    /// Why the last announce failed.
    pub error: Option<String>,
    /// Seconds to the next announce.
    pub next_seconds: Option<f64>,
}

/// Who a row is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerKind {
    /// A wire connection that we dialled.
    Outgoing,
    /// A wire connection that the peer dialled.
    Incoming,
    /// A web seed or a caller's function.
    Source,
}

/// One peer's or source's row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeerStats {
    /// Address of a peer, name of a source.
    pub name: String,
    /// Who it is.
    pub kind: PeerKind,
    /// Client and version as the peer gives them; comes from a stranger.
    pub client: Option<String>,
    /// Whether it is here now.
    pub connected: bool,
    /// Why it left, in a word, if it did.
    pub left: Option<String>,
    /// Whether it was banned for corrupt data.
    pub banned: bool,
    /// Share of the torrent that it has, 0 to 1.
    pub progress: f32,
    /// We don't serve it.
    pub am_choking: bool,
    /// We want something it has.
    pub am_interested: bool,
    /// It doesn't serve us.
    pub peer_choking: bool,
    /// It wants something we have.
    pub peer_interested: bool,
    /// Pieces of which it was asked for a block.
    pub pieces_asked: u64,
    /// Pieces with a block of its own that verified.
    pub pieces_good: u64,
    /// Pieces that failed for its sake: timeouts, errors, bad hashes that it was to blame for.
    pub pieces_failed: u64,
    /// Payload from it.
    pub downloaded_bytes: u64,
    /// Payload to it.
    pub uploaded_bytes: u64,
    /// Mean time from a request to its block, in microseconds; absent before the first.
    pub mean_latency_micros: Option<u64>,
    /// Payload from it per second over the last seconds.
    pub download_bytes_per_second: u64,
    /// Payload from it per second, from its first request to its last block.
    pub mean_download_bytes_per_second: u64,
    /// Payload to it per second over the last seconds.
    pub upload_bytes_per_second: u64,
    /// 0 to 200; starts at 100.
    pub score: u32,
    /// Requests out to it.
    pub requests_out: u32,
    /// First request and last block, in seconds since the torrent was added.
    pub active: Span,
}

/// What is known of one piece at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceState {
    /// Verified and stored.
    Have,
    /// Some of its blocks are asked for or here.
    InFlight,
    /// Not to be downloaded.
    Unwanted,
    /// Nothing of it is here yet.
    Missing {
        /// Peers that have it, those that have everything not counted.
        availability: u16,
    },
}

/// Which piece, from whom, how long it took: one line of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PieceReport {
    /// Which piece.
    pub piece: PieceIndex,
    /// Its size in bytes.
    pub bytes: u32,
    /// Microseconds from its first request to its verification.
    pub micros: u64,
    /// Names of the peers and sources its blocks came from.
    pub from: Vec<String>,
}
