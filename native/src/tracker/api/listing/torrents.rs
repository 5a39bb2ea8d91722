//! The list of torrents.

use std::{
    cmp::{Ordering, Reverse},
    collections::HashMap,
    sync::Arc,
};

use gannet_core::{announce::ScrapeEntry, id::InfoHash};

use super::Listing;
use crate::tracker::{
    Store,
    api::{
        catalogue::{Catalogue, Published},
        query::{Column, View},
    },
};

/// A torrent that has peers, is published, or both.
#[derive(Debug, Clone)]
pub(in crate::tracker::api) struct TorrentRow {
    pub(in crate::tracker::api) info_hash: InfoHash,
    pub(in crate::tracker::api) entry: ScrapeEntry,
    pub(in crate::tracker::api) published: Option<Arc<Published>>,
}

/// What torrents are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tracker::api) enum TorrentColumn {
    Name,
    Size,
    #[default]
    Seeders,
    Leechers,
    Downloaded,
}

impl Column for TorrentColumn {
    const NAMES: &'static str = "name, size, seeders, leechers, downloaded";

    fn of_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"name" => Self::Name,
            b"size" => Self::Size,
            b"seeders" => Self::Seeders,
            b"leechers" => Self::Leechers,
            b"downloaded" => Self::Downloaded,
            _ => return None,
        })
    }

    fn is_descending(self) -> bool {
        self != Self::Name
    }
}

/// Looks at all swarms.
pub(super) fn all(store: &Store, catalogue: &Catalogue) -> Arc<[TorrentRow]> {
    let published = catalogue.all();
    let mut published: HashMap<_, _> = published.into_iter().map(|it| (it.info_hash, it)).collect();
    let mut rows = Vec::with_capacity(store.totals().torrents + published.len());
    store.for_each_swarm(|info_hash, entry| {
        let published = published.remove(info_hash);
        let has_peers = entry.complete + entry.incomplete > 0;
        if has_peers || published.is_some() {
            rows.push(TorrentRow { info_hash: *info_hash, entry, published });
        }
    });
    rows.extend(published.into_values().map(|published| TorrentRow {
        info_hash: published.info_hash,
        entry: ScrapeEntry::default(),
        published: Some(published),
    }));
    rows.into()
}

/// Finds and sorts.
pub(super) fn list(rows: Arc<[TorrentRow]>, view: &View<TorrentColumn>) -> Listing<TorrentRow> {
    let words: Vec<_> = view.search.split_whitespace().collect();
    let is_found = |row: &TorrentRow| words.iter().all(|word| row.has(word));
    let compare = |a: &TorrentRow, b: &TorrentRow| {
        let unknown_last = a.is_unknown(view.column).cmp(&b.is_unknown(view.column));
        let order = a.compare(b, view.column);
        let order = if view.is_descending { order.reverse() } else { order };
        unknown_last.then(order).then_with(|| a.tie(b))
    };
    Listing::new(rows, is_found, compare)
}

impl TorrentRow {
    fn name(&self) -> Option<&str> {
        self.published.as_ref().map(|published| published.folded.as_str())
    }

    /// Whether a word is in the name, or the info hash begins with it.
    fn has(&self, word: &str) -> bool {
        self.name().is_some_and(|name| name.contains(word)) || begins_with(&self.info_hash, word)
    }

    fn is_unknown(&self, column: TorrentColumn) -> bool {
        matches!(column, TorrentColumn::Name | TorrentColumn::Size) && self.published.is_none()
    }

    fn compare(&self, other: &Self, column: TorrentColumn) -> Ordering {
        let size = |row: &Self| row.published.as_ref().map(|published| published.total_bytes);
        match column {
            TorrentColumn::Name => self.name().cmp(&other.name()),
            TorrentColumn::Size => size(self).cmp(&size(other)),
            TorrentColumn::Seeders => self.entry.complete.cmp(&other.entry.complete),
            TorrentColumn::Leechers => self.entry.incomplete.cmp(&other.entry.incomplete),
            TorrentColumn::Downloaded => self.entry.downloaded.cmp(&other.entry.downloaded),
        }
    }

    /// The order among equals: those that are wanted, then by name, so that pages fit together.
    fn tie(&self, other: &Self) -> Ordering {
        let wanted = |row: &Self| Reverse((row.entry.incomplete, row.published.is_some()));
        let order = wanted(self).cmp(&wanted(other));
        order
            .then_with(|| self.name().cmp(&other.name()))
            .then(self.info_hash.cmp(&other.info_hash))
    }
}

/// Whether the hexadecimal digits of a hash begin with these.
fn begins_with(info_hash: &InfoHash, digits: &str) -> bool {
    let hash = info_hash.as_bytes();
    digits.len() <= hash.len() * 2
        && digits.bytes().enumerate().all(|(at, digit)| {
            let byte = hash[at / 2];
            let value = if at % 2 == 0 { byte >> 4 } else { byte & 15 };
            char::from(digit).to_digit(16) == Some(value.into())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u8, complete: u32, incomplete: u32) -> TorrentRow {
        let entry = ScrapeEntry { complete, incomplete, downloaded: 0 };
        TorrentRow { info_hash: InfoHash::new([n; 20]), entry, published: None }
    }

    fn found(rows: &[TorrentRow], view: &View<TorrentColumn>) -> Vec<u8> {
        let listing = list(rows.into(), view);
        listing.order().iter().map(|&at| listing.row(at).info_hash.as_bytes()[0]).collect()
    }

    fn view(search: &str, is_descending: bool) -> View<TorrentColumn> {
        View { search: search.to_owned(), column: TorrentColumn::Seeders, is_descending }
    }

    #[test]
    fn an_info_hash_is_found_by_its_first_digits() {
        let rows = [row(0xab, 0, 0), row(0xac, 0, 0), row(0x1a, 0, 0)];
        assert_eq!(found(&rows, &view("a", true)), [0xab, 0xac]);
        assert_eq!(found(&rows, &view("ac", true)), [0xac]);
        assert_eq!(found(&rows, &view(&"ab".repeat(20), true)), [0xab]);
        assert!(found(&rows, &view(&"ab".repeat(21), true)).is_empty());
        assert!(found(&rows, &view("zebra", true)).is_empty());
    }

    #[test]
    fn equals_are_in_an_order_too_so_that_pages_fit_together() {
        let rows = [row(3, 1, 0), row(1, 1, 0), row(2, 1, 5), row(4, 9, 0)];
        assert_eq!(found(&rows, &view("", true)), [4, 2, 1, 3]);
        assert_eq!(found(&rows, &view("", false)), [2, 1, 3, 4]);
    }
}
