//! What a peer says.

use bytes::{Bytes, BytesMut};
use gannet_core::{
    extension::{ExtensionHandshake, MetadataMessage},
    wire::{Decoder, Handshake, Message, WireError},
};

/// A handshake (BEP 3): what is read is written back as it was, and a beginning is judged as the
/// whole is.
pub fn handshake(input: &[u8]) {
    let begins = Handshake::info_hash_of_prefix(input);
    let Some(whole) = input.first_chunk() else { return };
    match Handshake::decode(whole) {
        Ok(handshake) => {
            assert_eq!(&handshake.encode(), whole);
            assert_eq!(begins, Ok(Some(handshake.info_hash)));
        }
        Err(error) => assert_eq!(begins, Err(error)),
    }
}

/// The messages of a connection: however the bytes are cut, the same messages come, or the same
/// error; and each is written as it was read.
///
/// The first byte says how long the parts are.
pub fn wire_stream(input: &[u8]) {
    let Some((&step, stream)) = input.split_first() else { return };
    let (whole, parts) = (decode(&[stream]), {
        let parts: Vec<&[u8]> = stream.chunks(usize::from(step).max(1)).collect();
        decode(&parts)
    });
    assert_eq!(whole, parts);
    for message in whole.0 {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        assert_eq!(decode(&[&bytes]), (vec![message], None));
    }
}

/// All messages in these parts, and the error that ended them.
fn decode(parts: &[&[u8]]) -> (Vec<Message>, Option<WireError>) {
    let mut decoder = Decoder::new();
    let mut messages = Vec::new();
    for part in parts {
        decoder.feed(Bytes::copy_from_slice(part));
        loop {
            match decoder.next() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

/// The extension handshake (BEP 10): what was understood is understood again once written.
pub fn extension_handshake(input: &[u8]) {
    if let Ok(handshake) = ExtensionHandshake::decode(input) {
        assert_eq!(ExtensionHandshake::decode(&handshake.encode()), Ok(handshake));
    }
}

/// A message of the metadata exchange (BEP 9).
pub fn metadata_message(input: &[u8]) {
    match MetadataMessage::decode(&Bytes::copy_from_slice(input)) {
        Err(_) | Ok(MetadataMessage::Unknown) => {}
        Ok(message) => {
            assert_eq!(MetadataMessage::decode(&message.encode().into()), Ok(message));
        }
    }
}
