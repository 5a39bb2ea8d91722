//! What pages say to a relay.

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::BytesMut;
use gannet::relay::fuzzing::{
    Decoder, Item, Join, Key, MAX_TEXT_BYTES, MAX_TICKET_CHARS, Request, Violation, decode_ticket,
};
use serde_json::{Value, json};

/// The longest head of a frame, in bytes (RFC 6455, section 5.2).
const MAX_HEAD_BYTES: usize = 14;
/// The longest payload of a control frame, in bytes (RFC 6455, section 5.5).
const MAX_CONTROL_BYTES: usize = 125;

static KEY: LazyLock<Key> = LazyLock::new(Key::random);

/// A message of a control socket: what was understood is understood again once written.
pub fn relay_message(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let Ok(request) = serde_json::from_str::<Request>(text) else { return };
    let written = write(&request).to_string();
    assert_eq!(serde_json::from_str::<Request>(&written).expect("our own message"), request);
}

fn write(request: &Request) -> Value {
    match request {
        Request::Join(Join { info_hash, trackers, left, reachable }) => json!({
            "type": "join",
            "info_hash": info_hash.to_string(),
            "trackers": trackers,
            "left": left,
            "reachable": reachable,
        }),
        Request::Update { left } => json!({ "type": "update", "left": left }),
        Request::More => json!({ "type": "more" }),
        Request::Dial { addrs } => json!({ "type": "dial", "addrs": addrs }),
        Request::Unknown => json!({ "type": "something of a later version" }),
    }
}

/// A ticket: no bytes are one without the key, and what the holder of the key said is read as it was
/// meant.
pub fn relay_ticket(input: &[u8]) {
    let now = SystemTime::UNIX_EPOCH;
    let shown = String::from_utf8_lossy(input);
    assert!(KEY.check(&shown, now).is_err());
    assert!(KEY.check(&BASE64_URL_SAFE_NO_PAD.encode(input), now).is_err());
    if let Ok(ticket) = decode_ticket(input, now) {
        let issued = KEY.issue(&ticket, now, Duration::from_secs(1));
        assert!(issued.len() <= MAX_TICKET_CHARS);
        assert_eq!(KEY.check(&issued, now), Ok(ticket));
    }
}

/// The frames of a data socket: however the bytes are cut, the same comes of them, and never more is
/// kept than may be.
///
/// The first byte says how long the parts are.
pub fn relay_frames(input: &[u8]) {
    let Some((&step, stream)) = input.split_first() else { return };
    let whole = read([stream]);
    assert_eq!(read(stream.chunks(usize::from(step).max(1))), whole);
    assert_eq!(read(stream.chunks(1)), whole);
    for item in &whole.0 {
        match item {
            Item::Stream(part) => assert!(!part.is_empty()),
            Item::Text(text) => assert!(text.len() <= MAX_TEXT_BYTES + 1),
            Item::Ping(payload) => assert!(payload.len() <= MAX_CONTROL_BYTES),
            Item::Close => {}
        }
    }
}

/// All that these parts say, the stream joined where nothing came between, and what ended it.
fn read<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Item>, Result<(), Violation>) {
    let (mut decoder, mut input) = (Decoder::default(), BytesMut::new());
    let mut items = Vec::new();
    for part in parts {
        input.extend_from_slice(part);
        loop {
            match decoder.next(&mut input) {
                Ok(Some(item)) => join(&mut items, item),
                Ok(None) => break,
                Err(violation) => return (items, Err(violation)),
            }
        }
        assert!(input.len() < MAX_HEAD_BYTES, "{} bytes wait", input.len());
    }
    (items, Ok(()))
}

fn join(items: &mut Vec<Item>, item: Item) {
    match (items.last_mut(), item) {
        (Some(Item::Stream(before)), Item::Stream(part)) => before.extend_from_slice(&part),
        (_, item) => items.push(item),
    }
}
