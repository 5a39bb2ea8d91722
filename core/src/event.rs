//! News for the user: what logs, progress bars and `--json` are made of.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    announce::{AnnounceEvent, TrackerError},
    id::{PeerId, PieceIndex, TorrentKey},
    metainfo::Info,
    reason::{Disconnect, Leaving},
    stats::{PieceReport, TorrentState},
    storage::StorageError,
};

/// News about one torrent.
#[derive(Debug, Clone)]
pub struct Event {
    /// Which torrent.
    pub torrent: TorrentKey,
    /// What happened.
    pub news: News,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum News {
    /// The torrent does something else now.
    State(TorrentState),
    /// A magnet link's metadata is there and verified (BEP 9).
    Metadata(Arc<Info>),
    /// What was on the disk has been looked at.
    Checked {
        /// Pieces of the torrent that are verified.
        pieces_have: u32,
    },
    /// A peer's handshake and extension handshake are through, or all of it that will come.
    PeerJoined(PeerIntroduction),
    /// What a peer has became known or changed a lot: pieces, of how many.
    PeerHas {
        /// Remote address.
        addr: SocketAddr,
        /// Pieces it has.
        pieces: u32,
    },
    /// A connection ended.
    PeerLeft {
        /// Remote address.
        addr: SocketAddr,
        /// Why.
        why: Leaving,
    },
    /// A dial failed.
    DialFailed {
        /// Remote address.
        addr: SocketAddr,
        /// Why.
        reason: Disconnect,
        /// When it is tried again, if it is.
        retry_in: Option<Duration>,
    },
    /// A sender of corrupt data was found out.
    Banned {
        /// Remote address of a peer, name of a source.
        name: String,
    },
    /// A piece is verified and stored.
    PieceDone(PieceReport),
    /// A piece's hash was wrong.
    PieceFailed(PieceReport),
    /// Blocks are asked for again.
    Retry {
        /// Which piece.
        piece: PieceIndex,
        /// Who failed.
        name: String,
        /// How.
        failure: Failure,
        /// How long the piece waits.
        delay: Duration,
    },
    /// A tracker answered.
    TrackerAnswered {
        /// Its URL.
        url: String,
        /// What it was told.
        event: AnnounceEvent,
        /// How many seeders it says there are.
        seeders: Option<u32>,
        /// How many leechers it says there are.
        leechers: Option<u32>,
        /// A warning in its own words; comes from a stranger.
        warning: Option<String>,
    },
    /// A tracker named peers.
    TrackerPeers {
        /// Its URL.
        url: String,
        /// Their addresses.
        peers: Vec<SocketAddr>,
    },
    /// A source was dismissed: it failed too often or sent corrupt data.
    SourceLeft {
        /// Its name.
        name: String,
        /// Why, in a few words.
        why: String,
    },
    /// A tracker did not answer, or answered with a failure.
    TrackerFailed {
        /// Its URL.
        url: String,
        /// Why.
        error: TrackerError,
    },
    /// The disk failed; the torrent waits and tries again by itself.
    StorageFailed(StorageError),
    /// The disk works again.
    StorageRecovered,
    /// All that is wanted is verified and stored.
    Finished,
    /// Bytes asked for by [`Session::read`](crate::Session::read).
    Read {
        /// Which piece.
        piece: PieceIndex,
        /// All of the piece.
        result: Result<Bytes, StorageError>,
    },
    /// The next result of a work list, in the order of its items, waits to be taken with
    /// [`Session::take_result`](crate::Session::take_result).
    ResultReady,
    /// The torrent was removed: the trackers know, the checkpoint is written.
    Removed,
}

/// A peer as it presents itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIntroduction {
    /// Remote address.
    pub addr: SocketAddr,
    /// Whether we dialled it.
    pub outgoing: bool,
    /// From its handshake.
    pub peer_id: PeerId,
    /// Speaks the fast extension (BEP 6).
    pub fast: bool,
    /// Speaks the extension protocol (BEP 10).
    pub extended: bool,
    /// Client and version, from its extension handshake; comes from a stranger.
    pub client: Option<String>,
    /// Serves metadata (BEP 9).
    pub metadata: bool,
}

/// How a peer or source failed at a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It took too long.
    #[error("timed out")]
    TimedOut,
    /// It left in the middle.
    #[error("left")]
    Left,
    /// The hash was wrong.
    #[error("bad hash")]
    BadHash,
    /// It refused (BEP 6 reject, or a source's error).
    #[error("refused")]
    Refused,
}
