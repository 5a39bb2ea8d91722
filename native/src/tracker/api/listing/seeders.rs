//! The list of seeders: peers that have everything of at least one torrent.

use std::{fmt::Write, net::SocketAddr, sync::Arc, time::Instant};

use gannet_core::id::InfoHash;

use super::Listing;
use crate::tracker::{
    Store,
    api::query::{Column, View},
};

/// A seeder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tracker::api) struct SeederRow {
    pub(in crate::tracker::api) addr: SocketAddr,
    /// How many torrents it has.
    pub(in crate::tracker::api) torrents: u32,
    /// How long ago it last announced any of them.
    pub(in crate::tracker::api) heard_seconds: u32,
}

/// What seeders are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tracker::api) enum SeederColumn {
    #[default]
    Torrents,
    Heard,
    Addr,
}

impl Column for SeederColumn {
    const NAMES: &'static str = "torrents, heard, addr";

    fn of_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"torrents" => Self::Torrents,
            b"heard" => Self::Heard,
            b"addr" => Self::Addr,
            _ => return None,
        })
    }

    fn is_descending(self) -> bool {
        self == Self::Torrents
    }
}

/// Looks at all peers.
pub(super) fn all(store: &Store, now: Instant) -> Arc<[SeederRow]> {
    let mut rows = Vec::with_capacity(store.totals().seeders);
    store.for_each_peer(now, |_, peer| {
        if peer.is_seed {
            let heard_seconds = u32::try_from(peer.heard_ago.as_secs()).unwrap_or(u32::MAX);
            rows.push(SeederRow { addr: peer.addr, torrents: 1, heard_seconds });
        }
    });
    // Sorting takes no memory beside the rows; a map by address would take twice as much.
    rows.sort_unstable_by_key(|row| row.addr);
    rows.dedup_by(|row, kept| {
        let is_same = row.addr == kept.addr;
        if is_same {
            kept.torrents += row.torrents;
            kept.heard_seconds = kept.heard_seconds.min(row.heard_seconds);
        }
        is_same
    });
    rows.into()
}

/// Finds and sorts.
pub(super) fn list(rows: Arc<[SeederRow]>, view: &View<SeederColumn>) -> Listing<SeederRow> {
    let words: Vec<_> = view.search.split_whitespace().collect();
    let mut text = String::new();
    let is_found = |row: &SeederRow| {
        words.is_empty() || {
            text.clear();
            write!(text, "{}", row.addr).expect("a String takes any text");
            words.iter().all(|word| text.contains(word))
        }
    };
    let compare = |a: &SeederRow, b: &SeederRow| {
        let order = match view.column {
            SeederColumn::Torrents => a.torrents.cmp(&b.torrents),
            SeederColumn::Heard => a.heard_seconds.cmp(&b.heard_seconds),
            SeederColumn::Addr => a.addr.cmp(&b.addr),
        };
        let order = if view.is_descending { order.reverse() } else { order };
        order.then(a.addr.cmp(&b.addr))
    };
    Listing::new(rows, is_found, compare)
}

/// The torrents that the seeder at this address has, in order.
pub(in crate::tracker::api) fn holdings(
    store: &Store,
    now: Instant,
    addr: SocketAddr,
) -> Arc<[InfoHash]> {
    let mut hashes = Vec::new();
    store.for_each_peer(now, |info_hash, peer| {
        if peer.is_seed && peer.addr == addr {
            hashes.push(*info_hash);
        }
    });
    hashes.sort_unstable();
    hashes.into()
}
