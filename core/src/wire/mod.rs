//! The peer wire protocol: the handshake and the messages after it (BEP 3, BEP 6, BEP 10).
//!
//! Nothing here knows a torrent: an index or an offset is what a stranger claimed, and is turned
//! into a [`PieceIndex`](crate::id::PieceIndex) only by the layout of a torrent.

mod decoder;
mod handshake;
mod message;

pub use decoder::{Decoder, MAX_MESSAGE_BYTES, WireError, max_message_bytes};
pub use handshake::{Handshake, HandshakeError, Reserved};
pub use message::{Message, PIECE_HEADER_BYTES, Span, piece_header};
