//! What a session and a torrent are told at the start.

use std::{net::SocketAddr, time::Duration};

use crate::{
    contract::Content,
    id::{InfoHash, PeerId},
    layout::{MAX_PIECE_BYTES, MAX_PIECES},
};

/// Torrents in a session, at most.
pub const MAX_TORRENTS: usize = 10_000;

/// What a session may use, and who it is.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// `None` for a fresh one (BEP 20).
    pub peer_id: Option<PeerId>,
    /// The TCP port that peers can reach; `None` if none listens.
    pub listen_port: Option<u16>,
    /// Connections of all torrents, dials included, at most.
    pub max_connections: usize,
    /// Dials under way at once, at most.
    pub max_dials: usize,
    /// Bytes of pieces that wait in memory to be whole, hashed and written, at most.
    pub memory_bytes: u64,
    /// Payload received per second, at most.
    pub max_download: Option<u64>,
    /// Payload sent per second, at most.
    pub max_upload: Option<u64>,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            peer_id: None,
            listen_port: None,
            max_connections: 500,
            max_dials: 30,
            memory_bytes: 24 * 1024 * 1024,
            max_download: None,
            max_upload: None,
        }
    }
}

/// A torrent to be.
#[derive(Debug, Clone)]
pub struct AddTorrent {
    /// What there is to download.
    pub content: Content,
    /// Tiers of tracker URLs (BEP 12).
    pub trackers: Vec<Vec<String>>,
    /// Peers that are known already.
    pub peers: Vec<SocketAddr>,
    /// How.
    pub options: TorrentOptions,
}

/// Why a torrent can't be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// It is there already.
    #[error("torrent {info_hash} is there already")]
    Duplicate {
        /// Its info hash.
        info_hash: InfoHash,
    },
    /// There are too many.
    #[error("more than {MAX_TORRENTS} torrents")]
    TooMany,
    /// The list has no items, too many, or its items may be too large.
    #[error("a work list has 1 to {MAX_PIECES} items of 1 to {MAX_PIECE_BYTES} bytes")]
    WorkList,
    /// The choice of files has another number of files than the torrent.
    #[error("a choice among {chosen} files for a torrent of {files}")]
    Selection {
        /// Files in the choice.
        chosen: usize,
        /// Files in the torrent.
        files: usize,
    },
}

/// How a torrent is to be downloaded and served.
#[derive(Debug, Clone)]
pub struct TorrentOptions {
    /// For each file, whether it is wanted; `None` for all of them.
    pub wanted: Option<Vec<bool>>,
    /// Only these pieces, whatever the files.
    pub pieces: Option<Vec<u32>>,
    /// In order, for somebody who reads along.
    pub sequential: bool,
    /// Connections, at most.
    pub max_peers: usize,
    /// Sources asked at the same time, at most.
    pub max_workers: usize,
    /// Failures in a row at one piece, after which a peer is asked for it only if nobody else can.
    pub max_retries: u32,
    /// The longest that a block may take.
    pub block_timeout: Duration,
    /// How long a failed piece waits; doubles with each further failure.
    pub retry_backoff: Duration,
    /// Only the metadata and what peers have is of interest: nothing is downloaded or stored.
    pub metadata_only: bool,
    /// The data is known to be complete and right: nothing is checked.
    pub complete: bool,
}

impl Default for TorrentOptions {
    fn default() -> Self {
        Self {
            wanted: None,
            pieces: None,
            sequential: false,
            max_peers: 50,
            max_workers: 8,
            max_retries: 3,
            block_timeout: Duration::from_secs(30),
            retry_backoff: Duration::from_millis(500),
            metadata_only: false,
            complete: false,
        }
    }
}
