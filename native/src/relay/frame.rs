//! WebSocket frames on a data socket (RFC 6455), without I/O: a stream needs no more of WebSocket than
//! this, and no message of it has to be in memory as a whole.

use bytes::{Buf, BytesMut};

use super::limits::MAX_DATA_MESSAGE_BYTES;

/// The longest head of a frame that is sent, in bytes.
pub const MAX_HEAD_BYTES: usize = 10;
/// The longest text that is looked at, in bytes: a ticket; credit is much shorter.
pub const MAX_TEXT_BYTES: usize = 256;
/// The longest payload of a control frame (RFC 6455, section 5.5).
const MAX_CONTROL_BYTES: usize = 125;

/// What a page has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A part of the stream: of a binary message, or all of it.
    Stream(BytesMut),
    /// A text message; of a longer one the first [`MAX_TEXT_BYTES`] and one more byte.
    Text(Vec<u8>),
    /// A question, to be answered with the same payload.
    Ping(Vec<u8>),
    /// The end.
    Close,
}

/// The page broke WebSocket's rules, or sent a message that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a WebSocket frame that is allowed here")]
pub struct Violation;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Kind {
    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A frame whose head was read.
#[derive(Debug)]
struct Open {
    kind: Kind,
    is_final: bool,
    left: usize,
    mask: [u8; 4],
}

/// Reads what a page sends.
#[derive(Debug, Default)]
pub struct Decoder {
    open: Option<Open>,
    /// The kind of a message whose last frame hasn't come.
    unfinished: Option<Kind>,
    message_bytes: usize,
    text: Vec<u8>,
    control: Vec<u8>,
}

impl Decoder {
    /// Takes the next item from `input`; `None` if more is needed. What is left in `input` then is
    /// shorter than the head of a frame.
    ///
    /// # Errors
    /// The page broke the rules: nothing that follows means anything.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Item>, Violation> {
        loop {
            if self.open.is_none() && !self.begin(input)? {
                return Ok(None);
            }
            let Some(open) = &mut self.open else { return Ok(None) };
            if open.left > 0 && input.is_empty() {
                return Ok(None);
            }
            let mut part = input.split_to(open.left.min(input.len()));
            unmask(&mut part, &mut open.mask);
            open.left -= part.len();
            let (kind, is_final, is_whole) = (open.kind, open.is_final, open.left == 0);
            if is_whole {
                self.open = None;
            }
            if let Some(item) = self.take(kind, part, is_whole, is_final) {
                return Ok(Some(item));
            }
        }
    }

    /// Reads a head; whether it was whole.
    fn begin(&mut self, input: &mut BytesMut) -> Result<bool, Violation> {
        let [first, second, ..] = input[..] else { return Ok(false) };
        // A page masks what it sends; extensions were not agreed upon.
        if first & 0x70 != 0 || second & 0x80 == 0 {
            return Err(Violation);
        }
        let length_bytes = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if input.len() < 2 + length_bytes + 4 {
            return Ok(false);
        }
        input.advance(2);
        let length = match length_bytes {
            2 => input.get_u16().into(),
            8 => input.get_u64(),
            _ => u64::from(second & 0x7f),
        };
        let mut mask = [0; 4];
        input.copy_to_slice(&mut mask);
        let left = usize::try_from(length).map_err(|_| Violation)?;
        let (kind, is_final) = (self.kind(first & 0x0f)?, first & 0x80 != 0);
        self.admit(kind, is_final, left)?;
        self.open = Some(Open { kind, is_final, left, mask });
        Ok(true)
    }

    fn kind(&self, code: u8) -> Result<Kind, Violation> {
        match (code, self.unfinished) {
            (0, Some(kind)) => Ok(kind),
            (1, None) => Ok(Kind::Text),
            (2, None) => Ok(Kind::Binary),
            (8, _) => Ok(Kind::Close),
            (9, _) => Ok(Kind::Ping),
            (10, _) => Ok(Kind::Pong),
            _ => Err(Violation),
        }
    }

    /// Whether a frame may be as long as it says, and stand where it does.
    fn admit(&mut self, kind: Kind, is_final: bool, length: usize) -> Result<(), Violation> {
        if kind.is_control() {
            let is_right = is_final && length <= MAX_CONTROL_BYTES;
            return if is_right { Ok(()) } else { Err(Violation) };
        }
        self.message_bytes = self.message_bytes.saturating_add(length);
        if self.message_bytes > MAX_DATA_MESSAGE_BYTES {
            return Err(Violation);
        }
        self.unfinished = Some(kind).filter(|_| !is_final);
        if is_final {
            self.message_bytes = 0;
        }
        Ok(())
    }

    fn take(&mut self, kind: Kind, part: BytesMut, is_whole: bool, is_final: bool) -> Option<Item> {
        match kind {
            Kind::Binary => (!part.is_empty()).then_some(Item::Stream(part)),
            Kind::Text => {
                let room = (MAX_TEXT_BYTES + 1).saturating_sub(self.text.len());
                self.text.extend_from_slice(&part[..part.len().min(room)]);
                (is_whole && is_final).then(|| Item::Text(std::mem::take(&mut self.text)))
            }
            Kind::Ping => {
                self.control.extend_from_slice(&part);
                is_whole.then(|| Item::Ping(std::mem::take(&mut self.control)))
            }
            Kind::Close => is_whole.then_some(Item::Close),
            Kind::Pong => None,
        }
    }
}

/// Undoes the mask, and turns it to where the payload goes on.
fn unmask(bytes: &mut [u8], mask: &mut [u8; 4]) {
    let [a, b, c, d] = *mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    mask.rotate_left(bytes.len() % 4);
}

/// What a relay sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outgoing {
    /// Credit.
    Text,
    /// A part of the stream.
    Binary,
    /// The end, with a code.
    Close,
    /// Is the page there?
    Ping,
    /// The answer to its question.
    Pong,
}

/// Writes a head for a payload into the bytes just before it, which `room` ends with; how many of
/// them it takes.
pub fn write_head(room: &mut [u8; MAX_HEAD_BYTES], kind: Outgoing, payload_bytes: usize) -> usize {
    let code = match kind {
        Outgoing::Text => 0x81,
        Outgoing::Binary => 0x82,
        Outgoing::Close => 0x88,
        Outgoing::Ping => 0x89,
        Outgoing::Pong => 0x8a,
    };
    let (short, long) = (payload_bytes as u16, payload_bytes as u64);
    match payload_bytes {
        0..126 => {
            room[8..].copy_from_slice(&[code, payload_bytes as u8]);
            2
        }
        126..=0xffff => {
            room[6..8].copy_from_slice(&[code, 126]);
            room[8..].copy_from_slice(&short.to_be_bytes());
            4
        }
        _ => {
            room[..2].copy_from_slice(&[code, 127]);
            room[2..].copy_from_slice(&long.to_be_bytes());
            10
        }
    }
}

/// A whole frame.
pub fn frame(kind: Outgoing, payload: &[u8]) -> Vec<u8> {
    let mut head = [0; MAX_HEAD_BYTES];
    let length = write_head(&mut head, kind, payload.len());
    [&head[MAX_HEAD_BYTES - length..], payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame as a page sends it.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x11, 0x22, 0x33, 0x44];
        let mut bytes = vec![first];
        match payload.len() {
            short @ 0..126 => bytes.push(0x80 | short as u8),
            middle @ 126..=0xffff => {
                bytes.push(0x80 | 126);
                bytes.extend((middle as u16).to_be_bytes());
            }
            long => {
                bytes.push(0x80 | 127);
                bytes.extend((long as u64).to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// All that is in `stream` when it comes `step` bytes at a time; the stream itself is joined.
    fn all(stream: &[u8], step: usize) -> Result<(Vec<u8>, Vec<Item>), Violation> {
        let (mut decoder, mut input) = (Decoder::default(), BytesMut::new());
        let (mut joined, mut items) = (Vec::new(), Vec::new());
        for bytes in stream.chunks(step) {
            input.extend_from_slice(bytes);
            while let Some(item) = decoder.next(&mut input)? {
                match item {
                    Item::Stream(part) => joined.extend_from_slice(&part),
                    item => items.push(item),
                }
            }
        }
        Ok((joined, items))
    }

    #[test]
    fn a_stream_is_the_same_however_it_is_cut() {
        let long: Vec<u8> = (0..70_000).map(|at| (at % 251) as u8).collect();
        let stream = [
            masked(0x81, b"ticket"),
            masked(0x02, &long[..69_000]),
            masked(0x89, b"hello?"),
            masked(0x00, &long[69_000..69_003]),
            masked(0x80, &long[69_003..]),
            masked(0x8a, b""),
            masked(0x01, b"12"),
            masked(0x80, b"34"),
            masked(0x88, b"\x03\xe8"),
        ]
        .concat();
        let items = [
            Item::Text(b"ticket".to_vec()),
            Item::Ping(b"hello?".to_vec()),
            Item::Text(b"1234".to_vec()),
            Item::Close,
        ];
        for step in [1, 2, 3, 7, 1000, stream.len()] {
            let (joined, found) = all(&stream, step).unwrap();
            assert!(joined == long, "{step}");
            assert_eq!(found, items, "{step}");
        }
    }

    #[test]
    fn what_breaks_the_rules_ends_the_socket() {
        let half = vec![0; MAX_DATA_MESSAGE_BYTES / 2 + 1];
        let endless = [&b"\x82\xff"[..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
        for (name, wrong) in [
            ("unmasked", b"\x82\x01x".to_vec()),
            ("an extension", masked(0xc2, b"x")),
            ("an unknown kind", masked(0x83, b"x")),
            ("nothing to continue", masked(0x80, b"x")),
            ("a message in a message", [masked(0x02, b"x"), masked(0x82, b"x")].concat()),
            ("a control frame in parts", masked(0x09, b"x")),
            ("a control frame that is too long", masked(0x89, &[0; 126])),
            ("a message that is too long", masked(0x82, &vec![0; MAX_DATA_MESSAGE_BYTES + 1])),
            ("one in parts", [masked(0x02, &half), masked(0x80, &half)].concat()),
            ("one without end", endless),
        ] {
            assert_eq!(all(&wrong, wrong.len()), Err(Violation), "{name}");
        }
        assert!(all(&masked(0x82, &vec![0; MAX_DATA_MESSAGE_BYTES]), 1000).is_ok());
    }

    #[test]
    fn of_a_long_text_no_more_is_kept_than_tells_that_it_is_too_long() {
        let (_, items) = all(&masked(0x81, &[b'a'; 100_000]), 1000).unwrap();
        assert_eq!(items, [Item::Text(vec![b'a'; MAX_TEXT_BYTES + 1])]);
    }

    #[test]
    fn a_head_stands_right_before_its_payload() {
        assert_eq!(frame(Outgoing::Text, b"12"), b"\x81\x0212");
        assert_eq!(frame(Outgoing::Binary, &[7; 126])[..5], [0x82, 126, 0, 126, 7]);
        let long = frame(Outgoing::Binary, &[7; 70_000]);
        assert_eq!(long[..11], [0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70, 7]);
        assert_eq!(frame(Outgoing::Ping, b""), b"\x89\0");
    }
}
