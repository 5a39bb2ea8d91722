//! What each side says of its extensions, first of all (BEP 10).

use super::{MAX_METADATA_BYTES, MESSAGE_LIMITS, OUR_METADATA_ID};
use crate::bencode::{self, BencodeError, Dict, Encoded, Value};

/// The most characters that are kept of the name a client gives itself.
pub const MAX_CLIENT_CHARS: usize = 64;

/// How we call ourselves.
const OUR_CLIENT: &str = concat!("Gannet ", env!("CARGO_PKG_VERSION"));

/// The extension handshake.
///
/// A client may send it again whenever something changes; what it then leaves out stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtensionHandshake {
    /// The id under which the sender takes messages of `ut_metadata`; `None` if it takes none.
    pub metadata_id: Option<u8>,
    /// The sender's name and version: at most [`MAX_CLIENT_CHARS`], for a person, to be escaped.
    pub client: Option<String>,
    /// How many requests the sender queues before it drops some.
    pub request_queue: Option<u32>,
    /// The length of the `info` dictionary, in bytes, from 1 to [`MAX_METADATA_BYTES`].
    ///
    /// A length out of these bounds is read as `None`: no metadata is to be had from that sender.
    pub metadata_size: Option<u32>,
    /// The TCP port at which the sender listens.
    pub port: Option<u16>,
    /// Whether the sender wants nothing (BEP 21): a seeder, or one that has all it chose.
    pub upload_only: bool,
}

/// Why a payload is no extension handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionError {
    /// It isn't bencode.
    #[error("the extension handshake isn't bencode: {0}")]
    Bencode(#[from] BencodeError),
    /// It is bencode, but no dictionary.
    #[error("the extension handshake isn't a dictionary")]
    NotADictionary,
}

impl ExtensionHandshake {
    /// Ours: we take metadata messages under [`OUR_METADATA_ID`], and say who we are.
    pub fn ours(request_queue: u32, metadata_size: Option<u32>, port: Option<u16>) -> Self {
        Self {
            metadata_id: Some(OUR_METADATA_ID),
            client: Some(OUR_CLIENT.to_owned()),
            request_queue: Some(request_queue),
            metadata_size,
            port,
            upload_only: false,
        }
    }

    /// This, and what it leaves out as it was before.
    pub(crate) fn or(self, before: Self) -> Self {
        Self {
            metadata_id: self.metadata_id.or(before.metadata_id),
            client: self.client.or(before.client),
            request_queue: self.request_queue.or(before.request_queue),
            metadata_size: self.metadata_size.or(before.metadata_size),
            port: self.port.or(before.port),
            upload_only: self.upload_only,
        }
    }

    /// The payload that says this.
    pub fn encode(&self) -> Vec<u8> {
        let mut extensions = Vec::new();
        if let Some(id) = self.metadata_id {
            extensions.push(("ut_metadata", Encoded::int(id.into())));
        }
        let numbers = [
            ("reqq", self.request_queue.map(i64::from)),
            ("metadata_size", self.metadata_size.map(i64::from)),
            ("p", self.port.map(i64::from)),
            ("upload_only", self.upload_only.then_some(1)),
        ];
        let mut fields = vec![("m", Encoded::dict(extensions))];
        if let Some(client) = &self.client {
            fields.push(("v", Encoded::bytes(client)));
        }
        for (key, number) in numbers {
            if let Some(number) = number {
                fields.push((key, Encoded::int(number)));
            }
        }
        Encoded::dict(fields).into_bytes()
    }

    /// Reads a payload. A field that makes no sense is as good as missing, unknown ones are
    /// ignored, as is what follows the dictionary.
    pub fn decode(payload: &[u8]) -> Result<Self, ExtensionError> {
        let (document, _) = bencode::parse_prefix(payload, MESSAGE_LIMITS)?;
        let fields = document.root().dict().ok_or(ExtensionError::NotADictionary)?;
        let extensions = fields.find(b"m").and_then(Value::dict);
        let metadata_id = extensions.and_then(|m| number(m, b"ut_metadata"));
        Ok(Self {
            metadata_id: metadata_id.filter(|&id| id != 0),
            client: fields.find(b"v").and_then(Value::as_bytes).map(client),
            request_queue: number(fields, b"reqq"),
            metadata_size: number(fields, b"metadata_size")
                .filter(|size| (1..=MAX_METADATA_BYTES).contains(size)),
            port: number(fields, b"p").filter(|&port| port != 0),
            upload_only: number::<u64>(fields, b"upload_only").is_some_and(|flag| flag != 0),
        })
    }
}

fn number<T: TryFrom<i64>>(fields: Dict<'_>, key: &[u8]) -> Option<T> {
    T::try_from(fields.find(key)?.as_int()?).ok()
}

fn client(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(MAX_CLIENT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn our_handshake_has_the_bytes_of_bep_10() {
        let bytes = ExtensionHandshake::ours(2000, Some(31235), Some(6881)).encode();
        let expected = b"d1:md11:ut_metadatai1ee13:metadata_sizei31235e1:pi6881e4:reqqi2000e\
            1:v12:Gannet 0.1.0e";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_foreign_handshake_is_read_with_all_it_has_beyond() {
        let read = ExtensionHandshake::decode(
            b"d1:md6:ut_pexi2e11:ut_metadatai3ee13:metadata_sizei900e1:pi6881e4:reqqi500e\
              11:upload_onlyi1e1:v9:Transm\xc3\xa9.6:yourip4:\x7f\0\0\x01e trailing",
        );
        assert_eq!(
            read,
            Ok(ExtensionHandshake {
                metadata_id: Some(3),
                client: Some("Transmé.".to_owned()),
                request_queue: Some(500),
                metadata_size: Some(900),
                port: Some(6881),
                upload_only: true,
            })
        );
    }

    #[test]
    fn fields_that_make_no_sense_are_as_good_as_missing() {
        for fields in [
            &b"1:mi5e"[..],
            b"1:mle",
            b"1:md11:ut_metadatai0ee",
            b"1:md11:ut_metadatai256ee",
            b"13:metadata_sizei0e",
            b"13:metadata_sizei-1e",
            b"13:metadata_sizei8388609e",
            b"13:metadata_sizei4294967295e",
            b"1:pi0e",
            b"1:pi65536e",
            b"4:reqqi-1e",
            b"1:vi1e",
            b"11:upload_onlyi0e",
        ] {
            let read = ExtensionHandshake::decode(&[b"d", fields, b"e"].concat());
            assert_eq!(read, Ok(ExtensionHandshake::default()), "{}", fields.escape_ascii());
        }
    }

    #[test]
    fn the_name_of_a_client_is_made_text_and_cut() {
        let mut payload = b"d1:v200:\xff".to_vec();
        payload.extend(vec![b'x'; 199]);
        payload.push(b'e');
        let client = ExtensionHandshake::decode(&payload).unwrap().client.unwrap();
        assert_eq!(client.chars().count(), MAX_CLIENT_CHARS);
        assert!(client.starts_with('\u{fffd}'));
    }

    #[test]
    fn what_is_no_dictionary_is_an_error() {
        assert_eq!(ExtensionHandshake::decode(b"le"), Err(ExtensionError::NotADictionary));
        assert!(matches!(ExtensionHandshake::decode(b""), Err(ExtensionError::Bencode(_))));
        let deep = vec![b'l'; 30_000];
        assert!(matches!(ExtensionHandshake::decode(&deep), Err(ExtensionError::Bencode(_))));
    }

    proptest! {
        #[test]
        fn a_handshake_reads_back_as_it_was(
            metadata_id in prop::option::of(1u8..),
            client in prop::option::of(".{0,64}"),
            request_queue: Option<u32>,
            metadata_size in prop::option::of(1..=MAX_METADATA_BYTES),
            port in prop::option::of(1u16..),
            upload_only: bool,
        ) {
            let handshake = ExtensionHandshake {
                metadata_id, client, request_queue, metadata_size, port, upload_only,
            };
            prop_assert_eq!(ExtensionHandshake::decode(&handshake.encode()), Ok(handshake));
        }

        #[test]
        fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..100)) {
            let _ = ExtensionHandshake::decode(&bytes);
            let _ = ExtensionHandshake::decode(&[b"d1:m", &bytes[..], b"e"].concat());
        }
    }
}
