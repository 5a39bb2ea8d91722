//! The extension protocol (BEP 10), and the exchange of metadata over it (BEP 9).

mod assembly;
mod handshake;
mod metadata;

pub use assembly::{InsertError, MetadataAssembly};
pub use handshake::{ExtensionError, ExtensionHandshake, MAX_CLIENT_CHARS};
pub use metadata::{MetadataError, MetadataMessage};

use crate::bencode::Limits;

/// The id of the extension handshake, in [`Message::Extended`](crate::wire::Message::Extended).
pub const HANDSHAKE_ID: u8 = 0;

/// The id under which others send us messages of `ut_metadata`.
pub const OUR_METADATA_ID: u8 = 1;

/// The largest `info` dictionary that is fetched or served, in bytes.
pub const MAX_METADATA_BYTES: u32 = 8 * 1024 * 1024;

/// The length of each piece of the metadata but the last, in bytes (BEP 9).
pub const METADATA_PIECE_BYTES: u32 = 16 * 1024;

/// What is read of an extension message before it is given up: they are small and flat.
const MESSAGE_LIMITS: Limits = Limits { depth: 16, tokens: 4 * 1024 };
