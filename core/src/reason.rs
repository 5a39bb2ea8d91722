//! Why connections end: what the host saw, what we decided.

/// How a connection ended, as the host saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disconnect {
    /// The remote end finished its side.
    #[error("closed by the peer")]
    Remote,
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// No answer to the dial in time.
    #[error("no answer")]
    TimedOut,
    /// The connection broke.
    #[error("connection reset")]
    Reset,
    /// No way there, no address family, no descriptor left.
    #[error("unreachable")]
    Unreachable,
}

/// Why the core ends a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// It broke the protocol.
    #[error("broke the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// It sent corrupt data.
    #[error("sent corrupt data")]
    Corrupt,
    /// Its score fell to zero.
    #[error("failed too often")]
    Score,
    /// No handshake in time.
    #[error("no handshake")]
    HandshakeTimeout,
    /// Nothing heard for too long.
    #[error("silent for too long")]
    Idle,
    /// Neither has anything for the other.
    #[error("nothing to exchange")]
    Useless,
    /// It is ourselves, or we are connected to it already.
    #[error("connected already")]
    Duplicate,
    /// A limit of connections is reached.
    #[error("too many connections")]
    Limit,
    /// Nobody here has that torrent.
    #[error("unknown info hash")]
    UnknownTorrent,
    /// The torrent was paused or removed, or the session ends.
    #[error("torrent stopped")]
    Stopped,
}

/// What a peer did that no peer may do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Not a BitTorrent handshake.
    #[error(transparent)]
    Handshake(#[from] crate::wire::HandshakeError),
    /// Not a BitTorrent message.
    #[error(transparent)]
    Wire(#[from] crate::wire::WireError),
    /// A handshake for another torrent than was dialled.
    #[error("the handshake names another torrent")]
    WrongInfoHash,
    /// A bitfield of the wrong length or with spare bits set.
    #[error(transparent)]
    Bitfield(#[from] crate::bitfield::BitfieldError),
    /// A piece that doesn't exist.
    #[error("no piece {index} in this torrent")]
    Piece {
        /// What it said.
        index: u32,
    },
    /// A range that doesn't exist or is too long.
    #[error("no block of {length} bytes at {begin} in piece {index}")]
    Block {
        /// The piece it said.
        index: u32,
        /// The offset it said.
        begin: u32,
        /// The length it said.
        length: u32,
    },
    /// More blocks that were never asked for than lag can explain.
    #[error("too many blocks that were not asked for")]
    Unasked,
    /// A message of the fast extension without having agreed on it (BEP 6).
    #[error("a fast extension message without the fast extension")]
    Fast,
    /// An extension message that can't be read (BEP 10).
    #[error(transparent)]
    Extension(#[from] crate::extension::ExtensionError),
    /// A metadata message that can't be read (BEP 9).
    #[error(transparent)]
    Metadata(#[from] crate::extension::MetadataError),
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Leaving {
    /// The other end, or the network.
    #[error(transparent)]
    Theirs(#[from] Disconnect),
    /// This end.
    #[error(transparent)]
    Ours(#[from] CloseReason),
}
