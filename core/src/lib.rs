//! The protocol and the scheduler of Gannet. No I/O of any kind.

pub mod announce;
pub mod bencode;
pub mod bitfield;
mod book;
pub mod choker;
pub mod contract;
pub mod event;
pub mod extension;
pub mod id;
pub mod layout;
pub mod magnet;
pub mod metainfo;
pub mod names;
mod peer;
pub mod percent;
pub mod picker;
pub mod pipeline;
pub mod rate;
pub mod resume;
mod roster;
pub mod score;
pub mod session;
pub mod source;
pub mod stats;
pub mod storage;
pub mod time;
mod torrent;
pub mod wire;

pub use crate::{
    contract::{Content, Input, Output},
    session::{AddError, AddTorrent, Session, SessionConfig},
    torrent::{Timer, TorrentOptions},
};
