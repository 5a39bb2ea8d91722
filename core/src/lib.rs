//! The protocol and the scheduler of Gannet. No I/O of any kind.

pub mod announce;
pub mod bencode;
pub mod bitfield;
pub mod extension;
pub mod id;
pub mod layout;
pub mod magnet;
pub mod metainfo;
pub mod names;
pub mod percent;
pub mod resume;
pub mod time;
pub mod wire;
