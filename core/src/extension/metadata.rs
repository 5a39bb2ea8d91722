//! The messages that carry an `info` dictionary from peer to peer (BEP 9).

use bytes::Bytes;

use super::MESSAGE_LIMITS;
use crate::bencode::{self, BencodeError, Dict, Encoded, Value};

const REQUEST: u32 = 0;
const DATA: u32 = 1;
const REJECT: u32 = 2;

/// One message of `ut_metadata`. Its pieces are those of the metadata, not of the torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataMessage {
    /// Asks for a piece.
    Request {
        /// The piece, from zero.
        piece: u32,
    },
    /// A piece.
    Data {
        /// The piece, from zero.
        piece: u32,
        /// The length of the whole metadata, in bytes, as the sender says.
        total_bytes: u32,
        /// The piece itself.
        data: Bytes,
    },
    /// The sender won't send a piece.
    Reject {
        /// The piece, from zero.
        piece: u32,
    },
    /// A message of a type that isn't known, to be ignored (BEP 9).
    Unknown,
}

/// Why a payload is no message of `ut_metadata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It doesn't start with bencode.
    #[error("the metadata message isn't bencode: {0}")]
    Bencode(#[from] BencodeError),
    /// It starts with bencode, but with no dictionary.
    #[error("the metadata message isn't a dictionary")]
    NotADictionary,
    /// A field is missing, is no number, or out of range.
    #[error("the metadata message has no usable `{field}`")]
    Field {
        /// The field's name.
        field: &'static str,
    },
}

impl MetadataMessage {
    /// The payload that says this; [`Unknown`](Self::Unknown) says nothing.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Request { piece } => header(REQUEST, *piece, None),
            Self::Data { piece, total_bytes, data } => {
                let mut payload = header(DATA, *piece, Some(*total_bytes));
                payload.extend_from_slice(data);
                payload
            }
            Self::Reject { piece } => header(REJECT, *piece, None),
            Self::Unknown => Vec::new(),
        }
    }

    /// Reads a payload: a dictionary, and behind it what a `data` message carries.
    pub fn decode(payload: &Bytes) -> Result<Self, MetadataError> {
        let (document, dictionary_bytes) = bencode::parse_prefix(payload, MESSAGE_LIMITS)?;
        let fields = document.root().dict().ok_or(MetadataError::NotADictionary)?;
        let message_type = number(fields, "msg_type")?;
        if message_type > REJECT {
            return Ok(Self::Unknown);
        }
        let piece = number(fields, "piece")?;
        Ok(match message_type {
            REQUEST => Self::Request { piece },
            DATA => Self::Data {
                piece,
                total_bytes: number(fields, "total_size")?,
                data: payload.slice(dictionary_bytes..),
            },
            _ => Self::Reject { piece },
        })
    }
}

fn header(message_type: u32, piece: u32, total_bytes: Option<u32>) -> Vec<u8> {
    let int = |number: u32| Encoded::int(number.into());
    let mut fields = vec![("msg_type", int(message_type)), ("piece", int(piece))];
    if let Some(bytes) = total_bytes {
        fields.push(("total_size", int(bytes)));
    }
    Encoded::dict(fields).into_bytes()
}

fn number(fields: Dict<'_>, field: &'static str) -> Result<u32, MetadataError> {
    let number = fields.find(field.as_bytes()).and_then(Value::as_int);
    number.and_then(|number| u32::try_from(number).ok()).ok_or(MetadataError::Field { field })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn decode(payload: &'static [u8]) -> Result<MetadataMessage, MetadataError> {
        MetadataMessage::decode(&Bytes::from_static(payload))
    }

    #[test]
    fn messages_have_the_bytes_of_bep_9() {
        let request = MetadataMessage::Request { piece: 0 };
        assert_eq!(request.encode(), b"d8:msg_typei0e5:piecei0ee");
        let data = Bytes::from_static(b"xxxx");
        let data = MetadataMessage::Data { piece: 0, total_bytes: 34256, data };
        assert_eq!(data.encode(), b"d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxx");
        let reject = MetadataMessage::Reject { piece: 0 };
        assert_eq!(reject.encode(), b"d8:msg_typei2e5:piecei0ee");
    }

    #[test]
    fn a_type_to_come_is_ignored_and_what_is_wrong_is_named() {
        let field = |field| Err(MetadataError::Field { field });
        assert_eq!(decode(b"d8:msg_typei3ee"), Ok(MetadataMessage::Unknown));
        assert_eq!(decode(b"d5:piecei0ee"), field("msg_type"));
        assert_eq!(decode(b"d8:msg_typei-1ee"), field("msg_type"));
        assert_eq!(decode(b"d8:msg_typei0e5:piecei4294967296ee"), field("piece"));
        assert_eq!(decode(b"d8:msg_typei1e5:piecei0ee"), field("total_size"));
        assert_eq!(decode(b"i0e"), Err(MetadataError::NotADictionary));
        assert!(matches!(decode(b"xd"), Err(MetadataError::Bencode(_))));
    }

    fn any_message() -> impl Strategy<Value = MetadataMessage> {
        prop_oneof![
            any::<u32>().prop_map(|piece| MetadataMessage::Request { piece }),
            any::<u32>().prop_map(|piece| MetadataMessage::Reject { piece }),
            (any::<u32>(), any::<u32>(), vec(any::<u8>(), 0..100)).prop_map(
                |(piece, total_bytes, data)| {
                    MetadataMessage::Data { piece, total_bytes, data: data.into() }
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn a_message_reads_back_as_it_was(message in any_message()) {
            prop_assert_eq!(MetadataMessage::decode(&message.encode().into()), Ok(message));
        }

        #[test]
        fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..100)) {
            let _ = MetadataMessage::decode(&[b"d8:msg_typei1e", &bytes[..]].concat().into());
            let _ = MetadataMessage::decode(&bytes.into());
        }
    }
}
