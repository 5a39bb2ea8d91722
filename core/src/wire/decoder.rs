//! Reads messages from a byte stream that comes in pieces of any size.

use bytes::{Buf, Bytes};

use super::message::{Message, Span, id};

/// The longest message that is accepted, unless a torrent's bitfield is longer, in bytes.
pub const MAX_MESSAGE_BYTES: u32 = 128 * 1024;

/// The most that is allocated on a stranger's word alone, in bytes: a block as everyone asks for
/// it. A longer payload gets more room only as its bytes come in.
const MAX_TRUSTED_BYTES: usize = 16 * 1024;

/// The longest fixed part of a message: length, id, and the three numbers of a request.
const MAX_HEAD_BYTES: usize = 4 + 1 + 12;

/// The longest message that a torrent of `pieces` pieces has use for, in bytes.
pub const fn max_message_bytes(pieces: u32) -> u32 {
    let bitfield = pieces.div_ceil(8) + 1;
    if bitfield > MAX_MESSAGE_BYTES { bitfield } else { MAX_MESSAGE_BYTES }
}

/// Why a byte stream can't be read on. The connection is of no further use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A message announced more bytes than any message here may have.
    #[error("a message of {length} bytes is longer than the limit of {max}")]
    TooLong {
        /// The length announced, in bytes.
        length: u32,
        /// The limit, in bytes.
        max: u32,
    },
    /// A message of a fixed shape announced a length that doesn't fit it.
    #[error("a message `{message}` can't be {length} bytes long")]
    Length {
        /// The message's name.
        message: &'static str,
        /// The length announced, id included, in bytes.
        length: u32,
    },
}

/// Turns the bytes of one connection, after the handshake, into messages.
///
/// A payload is copied exactly once, out of the bytes fed: what a message holds is its own, and
/// keeps no read buffer alive. Bytes of a message that isn't whole yet are copied as they come, so
/// memory grows with what was received and never with what was announced.
#[derive(Debug)]
pub struct Decoder {
    max_message_bytes: u32,
    /// One, as long as whoever feeds it reads all messages before.
    input: Vec<Bytes>,
    /// The fixed part of the message being read.
    head: [u8; MAX_HEAD_BYTES],
    head_filled: usize,
    /// What came of the payload, if the message straddles several feeds.
    body: Vec<u8>,
    /// How much of an unknown message's payload was thrown away.
    skipped: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a stream, with [`MAX_MESSAGE_BYTES`] as its limit.
    pub const fn new() -> Self {
        Self {
            max_message_bytes: MAX_MESSAGE_BYTES,
            input: Vec::new(),
            head: [0; MAX_HEAD_BYTES],
            head_filled: 0,
            body: Vec::new(),
            skipped: 0,
        }
    }

    /// Sets the longest message that is accepted from now on, without its length prefix, in bytes.
    pub const fn set_max_message_bytes(&mut self, bytes: u32) {
        self.max_message_bytes = bytes;
    }

    /// Hands in the next bytes of the stream.
    pub fn feed(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.input.push(bytes);
        }
    }

    /// The next message, or `None` until more bytes are fed.
    ///
    /// After an error the stream has lost its frame: every further call fails in the same way.
    #[allow(clippy::should_implement_trait)] // It isn't an iterator: `None` is no end.
    pub fn next(&mut self) -> Result<Option<Message>, WireError> {
        if !self.fill_head(4) {
            return Ok(None);
        }
        let length = self.word(0);
        if length > self.max_message_bytes {
            return Err(WireError::TooLong { length, max: self.max_message_bytes });
        }
        if length == 0 {
            self.head_filled = 0;
            return Ok(Some(Message::KeepAlive));
        }
        if !self.fill_head(5) {
            return Ok(None);
        }
        let Some(shape) = Shape::of(self.head[4]) else {
            return Ok(self.skip(length as usize - 1));
        };
        let rest = shape.rest(length)?;
        if !self.fill_head(5 + shape.fixed_bytes) {
            return Ok(None);
        }
        Ok(self.take_body(rest).map(|body| self.finish(body)))
    }

    /// The memory held for a message that isn't whole yet, in bytes.
    pub const fn buffered_capacity_bytes(&self) -> usize {
        self.body.capacity()
    }

    /// Reads the fixed part up to `bytes`; whether it is all there.
    fn fill_head(&mut self, bytes: usize) -> bool {
        while self.head_filled < bytes {
            let Some(chunk) = self.input.first() else { return false };
            let count = chunk.len().min(bytes - self.head_filled);
            self.head[self.head_filled..][..count].copy_from_slice(&chunk[..count]);
            self.head_filled += count;
            self.consume(count);
        }
        true
    }

    /// Takes `count` bytes, which the front has, off the input.
    fn consume(&mut self, count: usize) {
        let Some(chunk) = self.input.first_mut() else { return };
        chunk.advance(count);
        if chunk.is_empty() {
            self.input.remove(0);
        }
    }

    /// The payload of `size` bytes once it is whole.
    fn take_body(&mut self, size: usize) -> Option<Bytes> {
        if let Some(chunk) = self.input.first()
            && self.body.is_empty()
            && chunk.len() >= size
        {
            let body = Bytes::copy_from_slice(&chunk[..size]);
            self.consume(size);
            return Some(body);
        }
        while self.body.len() < size {
            let chunk = self.input.first()?;
            let count = chunk.len().min(size - self.body.len());
            reserve(&mut self.body, count, size);
            self.body.extend_from_slice(&chunk[..count]);
            self.consume(count);
        }
        Some(std::mem::take(&mut self.body).into())
    }

    /// Throws away the `size` bytes of a message that we don't know.
    fn skip(&mut self, size: usize) -> Option<Message> {
        while self.skipped < size {
            let count = self.input.first()?.len().min(size - self.skipped);
            self.skipped += count;
            self.consume(count);
        }
        (self.head_filled, self.skipped) = (0, 0);
        Some(Message::Unknown { id: self.head[4] })
    }

    /// The message whose fixed part is in `head`, and makes room for the next one.
    fn finish(&mut self, body: Bytes) -> Message {
        self.head_filled = 0;
        let index = self.word(5);
        let span = Span { index, begin: self.word(9), length: self.word(13) };
        match self.head[4] {
            id::CHOKE => Message::Choke,
            id::UNCHOKE => Message::Unchoke,
            id::INTERESTED => Message::Interested,
            id::NOT_INTERESTED => Message::NotInterested,
            id::HAVE => Message::Have { index },
            id::BITFIELD => Message::Bitfield(body),
            id::REQUEST => Message::Request(span),
            id::PIECE => Message::Piece { index, begin: span.begin, data: body },
            id::CANCEL => Message::Cancel(span),
            id::PORT => Message::Port(u16::from_be_bytes([self.head[5], self.head[6]])),
            id::SUGGEST => Message::Suggest { index },
            id::HAVE_ALL => Message::HaveAll,
            id::HAVE_NONE => Message::HaveNone,
            id::REJECT => Message::Reject(span),
            id::ALLOWED_FAST => Message::AllowedFast { index },
            id::EXTENDED => Message::Extended { id: self.head[5], payload: body },
            id => Message::Unknown { id },
        }
    }

    fn word(&self, offset: usize) -> u32 {
        u32::from_be_bytes(std::array::from_fn(|i| self.head[offset + i]))
    }
}

/// Makes room for `count` more bytes of `size` in all: a block at once, beyond that by doubling.
fn reserve(body: &mut Vec<u8>, count: usize, size: usize) {
    let needed = body.len() + count;
    if needed > body.capacity() {
        let target = needed.max(body.capacity() * 2).max(MAX_TRUSTED_BYTES).min(size);
        body.reserve_exact(target - body.len());
    }
}

/// How the messages of one id look.
struct Shape {
    name: &'static str,
    /// The length of the numbers right after the id, in bytes.
    fixed_bytes: usize,
    /// Whether a payload of any length follows them.
    has_payload: bool,
}

impl Shape {
    const fn of(id: u8) -> Option<Self> {
        let (name, fixed_bytes, has_payload) = match id {
            id::CHOKE => ("choke", 0, false),
            id::UNCHOKE => ("unchoke", 0, false),
            id::INTERESTED => ("interested", 0, false),
            id::NOT_INTERESTED => ("not interested", 0, false),
            id::HAVE => ("have", 4, false),
            id::BITFIELD => ("bitfield", 0, true),
            id::REQUEST => ("request", 12, false),
            id::PIECE => ("piece", 8, true),
            id::CANCEL => ("cancel", 12, false),
            id::PORT => ("port", 2, false),
            id::SUGGEST => ("suggest", 4, false),
            id::HAVE_ALL => ("have all", 0, false),
            id::HAVE_NONE => ("have none", 0, false),
            id::REJECT => ("reject", 12, false),
            id::ALLOWED_FAST => ("allowed fast", 4, false),
            id::EXTENDED => ("extended", 1, true),
            _ => return None,
        };
        Some(Self { name, fixed_bytes, has_payload })
    }

    /// The length of the payload in a message of `length` bytes, id included.
    fn rest(&self, length: u32) -> Result<usize, WireError> {
        match (length as usize).checked_sub(1 + self.fixed_bytes) {
            Some(rest) if rest == 0 || self.has_payload => Ok(rest),
            _ => Err(WireError::Length { message: self.name, length }),
        }
    }
}
