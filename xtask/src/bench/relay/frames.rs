//! As much of WebSocket (RFC 6455) as a page needs that wants to cost little: unmasked frames come,
//! frames masked with zeros go.

/// What a frame carries; anything else is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
    Close,
    Other,
}

/// A part of a frame's payload, as it came.
pub(super) struct Part<'a> {
    pub(super) kind: Kind,
    pub(super) bytes: &'a [u8],
    /// Whether the frame ends with it.
    pub(super) is_last: bool,
}

/// Finds frames in what is received, however it is cut.
#[derive(Default)]
pub(super) struct Frames {
    /// Of a head that isn't whole yet.
    head: Vec<u8>,
    kind: Option<Kind>,
    left: u64,
}

impl Frames {
    /// Passes on every part of a payload in `bytes`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Part<'_>)) {
        while let Some((&first, rest)) = bytes.split_first() {
            let Some(kind) = self.kind else {
                self.head.push(first);
                bytes = rest;
                if let Some((kind, length)) = parse(&self.head) {
                    self.head.clear();
                    (self.kind, self.left) = (Some(kind), length);
                    self.end_if_whole(kind, &mut take);
                }
                continue;
            };
            let length =
                usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (part, rest) = bytes.split_at(length);
            self.left -= length as u64;
            take(Part { kind, bytes: part, is_last: self.left == 0 });
            if self.left == 0 {
                self.kind = None;
            }
            bytes = rest;
        }
    }

    /// A frame without payload ends with its head.
    fn end_if_whole(&mut self, kind: Kind, take: &mut impl FnMut(Part<'_>)) {
        if self.left == 0 {
            self.kind = None;
            take(Part { kind, bytes: &[], is_last: true });
        }
    }
}

/// A head, if it is whole: what the frame is, and the length of its payload.
fn parse(head: &[u8]) -> Option<(Kind, u64)> {
    let (&first, rest) = head.split_first()?;
    let kind = match first & 0x0f {
        1 => Kind::Text,
        2 => Kind::Binary,
        8 => Kind::Close,
        _ => Kind::Other,
    };
    let (&short, rest) = rest.split_first()?;
    let length = match short & 0x7f {
        126 => u16::from_be_bytes(rest.try_into().ok()?).into(),
        127 => u64::from_be_bytes(rest.try_into().ok()?),
        short => short.into(),
    };
    Some((kind, length))
}

/// A frame as a page sends it.
pub(super) fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let code = match kind {
        Kind::Text => 1,
        Kind::Binary => 2,
        Kind::Close => 8,
        Kind::Other => 9,
    };
    let mut bytes = vec![0x80 | code];
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
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All frames in a stream that comes `step` bytes at a time.
    fn all(stream: &[u8], step: usize) -> Vec<(Kind, Vec<u8>)> {
        let (mut frames, mut found, mut payload) = (Frames::default(), Vec::new(), Vec::new());
        for bytes in stream.chunks(step) {
            frames.feed(bytes, |part| {
                payload.extend_from_slice(part.bytes);
                if part.is_last {
                    found.push((part.kind, std::mem::take(&mut payload)));
                }
            });
        }
        found
    }

    #[test]
    fn frames_are_found_however_the_stream_is_cut() {
        let long = [&[0x82, 127][..], &70_000_u64.to_be_bytes(), &[7; 70_000]].concat();
        let middle = [&[0x82, 126][..], &300_u16.to_be_bytes(), &[8; 300]].concat();
        let stream = [&b"\x81\x02hi\x89\x00"[..], &middle, &long, b"\x88\x02\x03\xe8"].concat();
        let expected = [
            (Kind::Text, b"hi".to_vec()),
            (Kind::Other, vec![]),
            (Kind::Binary, vec![8; 300]),
            (Kind::Binary, vec![7; 70_000]),
            (Kind::Close, vec![3, 232]),
        ];
        for step in [1, 2, 3, 1000, stream.len()] {
            assert_eq!(all(&stream, step), expected, "{step}");
        }
    }

    #[test]
    fn a_page_sends_frames_that_are_masked_with_zeros() {
        assert_eq!(frame(Kind::Text, b"hi"), b"\x81\x82\0\0\0\0hi");
        assert_eq!(frame(Kind::Binary, &[1; 126])[..8], [0x82, 0xfe, 0, 126, 0, 0, 0, 0]);
        assert_eq!(frame(Kind::Binary, &[1; 70_000])[..6], [0x82, 0xff, 0, 0, 0, 0]);
    }
}
