//! The messages that follow the handshake, and how they are written.

use bytes::{BufMut, Bytes};

/// What a request, a cancel or a reject names, as the wire says it: not yet checked against any
/// torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The piece, from zero.
    pub index: u32,
    /// Where the block starts within the piece, in bytes.
    pub begin: u32,
    /// The block's length, in bytes.
    pub length: u32,
}

/// One message of the peer wire protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Nothing but a sign of life (BEP 3).
    KeepAlive,
    /// The sender won't answer requests (BEP 3).
    Choke,
    /// The sender answers requests from now on (BEP 3).
    Unchoke,
    /// The sender would ask if it were unchoked (BEP 3).
    Interested,
    /// The sender wants nothing we have (BEP 3).
    NotInterested,
    /// The sender has one more piece (BEP 3).
    Have {
        /// The piece, from zero.
        index: u32,
    },
    /// All the sender has, one bit a piece, most significant bit first (BEP 3).
    Bitfield(Bytes),
    /// Asks for a block (BEP 3).
    Request(Span),
    /// A block (BEP 3).
    Piece {
        /// The piece, from zero.
        index: u32,
        /// Where the block starts within the piece, in bytes.
        begin: u32,
        /// The block itself; owns its memory, whatever buffer it was read from.
        data: Bytes,
    },
    /// Takes a request back (BEP 3).
    Cancel(Span),
    /// The UDP port of the sender's DHT node (BEP 5).
    Port(u16),
    /// The sender would like to serve this piece (BEP 6).
    Suggest {
        /// The piece, from zero.
        index: u32,
    },
    /// The sender has every piece (BEP 6).
    HaveAll,
    /// The sender has no piece (BEP 6).
    HaveNone,
    /// The sender won't answer that request (BEP 6).
    Reject(Span),
    /// The sender serves this piece even while it chokes (BEP 6).
    AllowedFast {
        /// The piece, from zero.
        index: u32,
    },
    /// A message of the extension protocol (BEP 10).
    Extended {
        /// Zero for the extension handshake, else an id that the receiver gave out in its own.
        id: u8,
        /// What the extension says.
        payload: Bytes,
    },
    /// A message that we don't know; what it said was skipped.
    Unknown {
        /// The id of the message.
        id: u8,
    },
}

/// The ids of the messages (BEP 3, BEP 5, BEP 6, BEP 10).
pub(super) mod id {
    pub(crate) const CHOKE: u8 = 0;
    pub(crate) const UNCHOKE: u8 = 1;
    pub(crate) const INTERESTED: u8 = 2;
    pub(crate) const NOT_INTERESTED: u8 = 3;
    pub(crate) const HAVE: u8 = 4;
    pub(crate) const BITFIELD: u8 = 5;
    pub(crate) const REQUEST: u8 = 6;
    pub(crate) const PIECE: u8 = 7;
    pub(crate) const CANCEL: u8 = 8;
    pub(crate) const PORT: u8 = 9;
    pub(crate) const SUGGEST: u8 = 13;
    pub(crate) const HAVE_ALL: u8 = 14;
    pub(crate) const HAVE_NONE: u8 = 15;
    pub(crate) const REJECT: u8 = 16;
    pub(crate) const ALLOWED_FAST: u8 = 17;
    pub(crate) const EXTENDED: u8 = 20;
}

/// The length of what stands before a block on the wire, in bytes.
pub const PIECE_HEADER_BYTES: usize = 13;

/// What stands before a block of `length` bytes on the wire, so that the block itself can be sent
/// from where it lies.
pub fn piece_header(index: u32, begin: u32, length: u32) -> [u8; PIECE_HEADER_BYTES] {
    let mut header = [0; PIECE_HEADER_BYTES];
    let mut rest = &mut header[..];
    rest.put_u32(length.saturating_add(PIECE_HEADER_BYTES as u32 - 4));
    rest.put_u8(id::PIECE);
    rest.put_u32(index);
    rest.put_u32(begin);
    header
}

impl Message {
    /// Appends the message as it goes on the wire, length prefix included.
    pub fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::KeepAlive => out.put_u32(0),
            Self::Choke => put(out, id::CHOKE, [], &[]),
            Self::Unchoke => put(out, id::UNCHOKE, [], &[]),
            Self::Interested => put(out, id::INTERESTED, [], &[]),
            Self::NotInterested => put(out, id::NOT_INTERESTED, [], &[]),
            Self::Have { index } => put(out, id::HAVE, [*index], &[]),
            Self::Bitfield(bits) => put(out, id::BITFIELD, [], bits),
            Self::Request(span) => put(out, id::REQUEST, span.words(), &[]),
            Self::Piece { index, begin, data } => put(out, id::PIECE, [*index, *begin], data),
            Self::Cancel(span) => put(out, id::CANCEL, span.words(), &[]),
            Self::Port(port) => put(out, id::PORT, [], &port.to_be_bytes()),
            Self::Suggest { index } => put(out, id::SUGGEST, [*index], &[]),
            Self::HaveAll => put(out, id::HAVE_ALL, [], &[]),
            Self::HaveNone => put(out, id::HAVE_NONE, [], &[]),
            Self::Reject(span) => put(out, id::REJECT, span.words(), &[]),
            Self::AllowedFast { index } => put(out, id::ALLOWED_FAST, [*index], &[]),
            Self::Extended { id, payload } => put_extended(out, *id, payload),
            Self::Unknown { id } => put(out, *id, [], &[]),
        }
    }
}

impl Span {
    fn words(self) -> [u32; 3] {
        [self.index, self.begin, self.length]
    }
}

fn put<const N: usize>(out: &mut impl BufMut, id: u8, words: [u32; N], payload: &[u8]) {
    put_prefix(out, 1 + 4 * N + payload.len());
    out.put_u8(id);
    words.into_iter().for_each(|word| out.put_u32(word));
    out.put_slice(payload);
}

fn put_extended(out: &mut impl BufMut, id: u8, payload: &[u8]) {
    put_prefix(out, 2 + payload.len());
    out.put_slice(&[id::EXTENDED, id]);
    out.put_slice(payload);
}

fn put_prefix(out: &mut impl BufMut, length: usize) {
    let prefix = u32::try_from(length).expect("no payload of ours comes near 4 GiB");
    out.put_u32(prefix);
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn encoded(message: Message) -> Vec<u8> {
        let mut out = Vec::new();
        message.encode(&mut out);
        out
    }

    #[test]
    fn messages_have_the_bytes_of_the_beps() {
        let span = Span { index: 1, begin: 2, length: 0x4000 };
        let span_bytes = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0x40, 0];
        assert_eq!(encoded(Message::KeepAlive), [0; 4]);
        assert_eq!(encoded(Message::Unchoke), [0, 0, 0, 1, 1]);
        assert_eq!(encoded(Message::Have { index: 258 }), [0, 0, 0, 5, 4, 0, 0, 1, 2]);
        assert_eq!(encoded(Message::Port(6881)), [0, 0, 0, 3, 9, 0x1a, 0xe1]);
        assert_eq!(encoded(Message::HaveAll), [0, 0, 0, 1, 0x0e]);
        for (message, id) in
            [(Message::Request(span), 6), (Message::Cancel(span), 8), (Message::Reject(span), 0x10)]
        {
            assert_eq!(encoded(message), [&[0, 0, 0, 13, id], &span_bytes[..]].concat());
        }
        let extended = Message::Extended { id: 3, payload: Bytes::from_static(b"de") };
        assert_eq!(encoded(extended), [0, 0, 0, 4, 20, 3, b'd', b'e']);
    }

    #[test]
    fn a_piece_header_is_the_start_of_the_whole_message() {
        let data = Bytes::from_static(b"block");
        let whole = encoded(Message::Piece { index: 7, begin: 0x4000, data });
        let header = piece_header(7, 0x4000, 5);
        assert_eq!(whole, [&header[..], b"block"].concat());
        assert_eq!(header[..5], [0, 0, 0, 14, 7]);
    }
}
