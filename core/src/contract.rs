//! What goes in and what comes out: everything a host and a [`Session`](crate::Session) say to
//! each other.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;

use crate::{
    announce::{HttpError, ResolveError},
    event::Event,
    id::{PeerKey, PieceIndex, RequestKey, SourceKey, TorrentKey},
    metainfo::Info,
    reason::{CloseReason, Disconnect},
    storage::{Command, Completion},
};

/// Something happened. Every `Output` that asks for an answer gets exactly one.
#[derive(Debug, Clone)]
pub enum Input {
    /// A dial succeeded ([`Output::Connect`]).
    Connected {
        /// Which connection.
        peer: PeerKey,
    },
    /// Bytes came from a connection, in order, split anywhere.
    Received {
        /// Which connection.
        peer: PeerKey,
        /// The bytes.
        bytes: Bytes,
    },
    /// Bytes of [`Output::Send`] have left for the socket, so that there is room for more.
    Sent {
        /// Which connection.
        peer: PeerKey,
        /// How many bytes.
        bytes: u64,
    },
    /// A dial failed, or the remote end, the network or the host closed a connection.
    ///
    /// Not answered to [`Output::Close`], after which a connection is never mentioned again.
    Closed {
        /// Which connection.
        peer: PeerKey,
        /// What was seen of it.
        reason: Disconnect,
    },
    /// A UDP packet came.
    Datagram {
        /// From where.
        from: SocketAddr,
        /// Its payload.
        bytes: Bytes,
    },
    /// Answer to [`Output::Http`]: the body of a 200 response, or why there is none.
    Http {
        /// Which request.
        request: RequestKey,
        /// The body.
        result: Result<Bytes, HttpError>,
    },
    /// Answer to [`Output::Resolve`].
    Resolved {
        /// Which request.
        request: RequestKey,
        /// Every address of the name, with the port that was asked for.
        result: Result<Vec<SocketAddr>, ResolveError>,
    },
    /// Answer to [`Output::Storage`].
    Storage(Completion),
    /// Answer to [`Output::Fetch`]; none is due after [`Output::CancelFetch`].
    Fetched {
        /// Whose source.
        torrent: TorrentKey,
        /// Which source.
        source: SourceKey,
        /// Which piece or work item.
        piece: PieceIndex,
        /// All its bytes, or why not.
        result: Result<Bytes, SourceError>,
    },
}

/// Something for the host to do.
#[derive(Debug, Clone)]
pub enum Output {
    /// Open a connection; answered by [`Input::Connected`] or [`Input::Closed`].
    Connect {
        /// The key of the connection to be.
        peer: PeerKey,
        /// To where.
        addr: SocketAddr,
    },
    /// Write bytes to a connection, in order; acknowledged by [`Input::Sent`].
    Send {
        /// Which connection.
        peer: PeerKey,
        /// The bytes.
        bytes: Bytes,
    },
    /// End a connection (or a dial) after what was to be sent has been.
    Close {
        /// Which connection.
        peer: PeerKey,
        /// Why.
        reason: CloseReason,
    },
    /// GET a tracker's URL; answered by [`Input::Http`].
    Http {
        /// The key of the answer.
        request: RequestKey,
        /// An `http` or `https` URL.
        url: String,
    },
    /// Look up a name; answered by [`Input::Resolved`].
    Resolve {
        /// The key of the answer.
        request: RequestKey,
        /// A host name or literal address.
        host: String,
        /// To be put into the addresses.
        port: u16,
    },
    /// Send a UDP packet. It may get lost; nothing is answered.
    Datagram {
        /// To where.
        to: SocketAddr,
        /// Its payload.
        bytes: Bytes,
    },
    /// Read, write or check data; answered by [`Input::Storage`].
    Storage(Command),
    /// Ask a source for a whole piece or work item; answered by [`Input::Fetched`].
    Fetch {
        /// Whose source.
        torrent: TorrentKey,
        /// Which source.
        source: SourceKey,
        /// What of it.
        piece: PieceIndex,
        /// Size of the piece in bytes, or the largest size a work item may have.
        length: u32,
    },
    /// A fetch is not wanted any more; its answer is ignored should it still come.
    CancelFetch {
        /// Whose source.
        torrent: TorrentKey,
        /// Which source.
        source: SourceKey,
        /// Which piece.
        piece: PieceIndex,
    },
    /// News for the user.
    Event(Event),
}

/// Why a source did not deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// This piece failed; another one may work, and so may this one later.
    #[error("the source failed")]
    Failed,
    /// It took longer than the limit. Made by the core, hosts need not.
    #[error("the source took too long")]
    TimedOut,
    /// It answered with a wrong number of bytes. Made by the core, hosts need not.
    #[error("the source sent a wrong number of bytes")]
    Length,
    /// It leaves the pool and is not asked again.
    #[error("the source has left")]
    Gone,
}

/// What there is to download.
#[derive(Debug, Clone)]
pub enum Content {
    /// A torrent whose `info` is known.
    Info(Arc<Info>),
    /// Only the info hash is known: the metadata comes from peers (BEP 9).
    Hash(crate::id::InfoHash),
    /// A plain list of work items for [sources](crate::source), with no peers.
    Work(WorkList),
}

/// Work items by number, each answered with bytes that only the caller's function can judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkList {
    /// How many, from 1 to 2,097,152.
    pub items: u32,
    /// The most bytes one may be answered with, from 1 to 64 MiB.
    pub max_item_bytes: u32,
}
