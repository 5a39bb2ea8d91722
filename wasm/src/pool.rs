//! The caller's functions, and what they are asked for at the moment.

use gannet_core::{
    contract::{Input, SourceError},
    id::{PieceIndex, SourceKey, TorrentKey},
};

use crate::{host::Host, table::Table};

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
        host: &Host,
        torrent: TorrentKey,
        source: SourceKey,
        piece: PieceIndex,
        length: u32,
    ) {
        let key = (source.as_u64(), piece.as_u32());
        self.asked.insert(key, (torrent, source, piece));
        host.fetch(source.as_u64() as f64, piece.as_u32(), length);
    }

    pub(crate) fn cancel(&mut self, host: &Host, source: SourceKey, piece: PieceIndex) {
        if self.asked.remove((source.as_u64(), piece.as_u32())).is_some() {
            host.cancel_fetch(source.as_u64() as f64, piece.as_u32());
        }
    }

    pub(crate) fn fetched(
        &mut self,
        number: f64,
        piece: u32,
        bytes: Option<Vec<u8>>,
        gone: bool,
    ) -> Option<Input> {
        let (torrent, source, piece) = self.asked.remove((number as u64, piece))?;
        let failure = if gone { SourceError::Gone } else { SourceError::Failed };
        let result = bytes.map(Into::into).ok_or(failure);
        Some(Input::Fetched { torrent, source, piece, result })
    }
}
