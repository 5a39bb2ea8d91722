//! The caller's functions, and what they are asked for at the moment.

use bytes::Bytes;
use gannet_core::{
    contract::{Input, SourceError},
    id::{PieceIndex, SourceKey, TorrentKey},
};

use crate::{
    host::{self, Order},
    table::Table,
};

/// Sources by the number that the host knows them by.
#[derive(Default)]
pub(crate) struct Pool {
    sources: Table<u64, SourceKey>,
    /// By source and piece.
    asked: Table<(u64, u32), (TorrentKey, SourceKey, PieceIndex)>,
}

impl Pool {
    pub(crate) fn add(&mut self, source: SourceKey) -> f64 {
        self.sources.insert(source.as_u64(), source);
        source.as_u64() as f64
    }

    pub(crate) fn remove(&mut self, number: f64) -> Option<SourceKey> {
        let number = number as u64;
        self.asked.retain(|(source, _)| source != number);
        self.sources.remove(number)
    }

    pub(crate) fn fetch(
        &mut self,
        torrent: TorrentKey,
        source: SourceKey,
        piece: PieceIndex,
        length: u32,
    ) {
        let key = (source.as_u64(), piece.as_u32());
        self.asked.insert(key, (torrent, source, piece));
        host::order(Order::Fetch, &[source.as_u64() as f64, piece.as_u32().into(), length.into()]);
    }

    pub(crate) fn cancel(&mut self, source: SourceKey, piece: PieceIndex) {
        if self.asked.remove((source.as_u64(), piece.as_u32())).is_some() {
            host::order(Order::CancelFetch, &[source.as_u64() as f64, piece.as_u32().into()]);
        }
    }

    pub(crate) fn fetched(
        &mut self,
        number: f64,
        piece: f64,
        result: Result<Bytes, SourceError>,
    ) -> Option<Input> {
        let (torrent, source, piece) = self.asked.remove((number as u64, piece as u32))?;
        Some(Input::Fetched { torrent, source, piece, result })
    }
}
