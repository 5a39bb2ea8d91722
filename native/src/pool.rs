//! The caller's sources: functions that are asked for whole pieces or work items (design, 5).

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use gannet_core::{
    contract::{Input, SourceError},
    id::{PieceIndex, SourceKey, TorrentKey},
};
use tokio::{sync::mpsc, task::AbortHandle};

/// Something that can be asked for pieces or work items; a closure of the right shape is one.
///
/// The core decides whom to ask for what, how long to wait and how often to try again. A source
/// may be asked for several pieces at the same time. A future that is no longer needed is dropped.
pub trait Source: Send + Sync + 'static {
    /// All bytes of piece (or work item) number `piece`: exactly `length` bytes of a piece, at most
    /// `length` of a work item.
    ///
    /// # Errors
    /// [`SourceError::Failed`] if it did not work out this time, [`SourceError::Gone`] to leave.
    fn fetch(
        &self,
        piece: u32,
        length: u32,
    ) -> impl Future<Output = Result<Bytes, SourceError>> + Send;
}

impl<F, Answer> Source for F
where
    F: Fn(u32, u32) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Bytes, SourceError>> + Send,
{
    fn fetch(
        &self,
        piece: u32,
        length: u32,
    ) -> impl Future<Output = Result<Bytes, SourceError>> + Send {
        self(piece, length)
    }
}

type Fetch = Pin<Box<dyn Future<Output = Result<Bytes, SourceError>> + Send>>;

/// Begins a fetch. It owns its source, which therefore lives until the fetch ends.
type Begin = Box<dyn Fn(u32, u32) -> Fetch + Send + Sync>;

/// The sources of all torrents and what they are asked for at the moment.
pub(crate) struct Pool {
    sources: BTreeMap<(TorrentKey, SourceKey), Begin>,
    running: BTreeMap<(TorrentKey, SourceKey, PieceIndex), AbortHandle>,
    inputs: mpsc::Sender<Input>,
}

impl Pool {
    /// An empty pool that answers into `inputs`.
    pub(crate) fn new(inputs: mpsc::Sender<Input>) -> Self {
        Self { sources: BTreeMap::new(), running: BTreeMap::new(), inputs }
    }

    /// Makes a source known under the key that the core gave it.
    pub(crate) fn add(&mut self, torrent: TorrentKey, key: SourceKey, source: impl Source) {
        let source = Arc::new(source);
        let begin: Begin = Box::new(move |piece, length| {
            let source = Arc::clone(&source);
            Box::pin(async move { source.fetch(piece, length).await })
        });
        self.sources.insert((torrent, key), begin);
    }

    /// Forgets a source and drops what it is doing.
    pub(crate) fn remove(&mut self, torrent: TorrentKey, key: SourceKey) {
        self.sources.remove(&(torrent, key));
        self.abort(|&(t, k, _)| (t, k) == (torrent, key));
    }

    /// Forgets all sources of a torrent.
    pub(crate) fn remove_torrent(&mut self, torrent: TorrentKey) {
        self.sources.retain(|&(t, _), _| t != torrent);
        self.abort(|&(t, _, _)| t == torrent);
    }

    /// Asks a source; the answer comes as [`Input::Fetched`].
    pub(crate) fn fetch(
        &mut self,
        torrent: TorrentKey,
        source: SourceKey,
        piece: PieceIndex,
        length: u32,
    ) {
        self.running.retain(|_, task| !task.is_finished());
        let fetch: Fetch = match self.sources.get(&(torrent, source)) {
            Some(begin) => begin(piece.as_u32(), length),
            None => Box::pin(async { Err(SourceError::Gone) }),
        };
        let fetch = tokio::spawn(fetch);
        self.running.insert((torrent, source, piece), fetch.abort_handle());
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let result = match fetch.await {
                Ok(result) => result,
                Err(ended) if ended.is_cancelled() => return,
                // The caller's function panicked: that is its own failure and nobody else's.
                Err(_) => Err(SourceError::Failed),
            };
            let answer = Input::Fetched { torrent, source, piece, result };
            // Only a client that has ended doesn't listen.
            let _ = inputs.send(answer).await;
        });
    }

    /// Drops a fetch that isn't needed any more.
    pub(crate) fn cancel(&mut self, torrent: TorrentKey, source: SourceKey, piece: PieceIndex) {
        self.abort(|&key| key == (torrent, source, piece));
    }

    fn abort(&mut self, which: impl Fn(&(TorrentKey, SourceKey, PieceIndex)) -> bool) {
        self.running.retain(|key, task| {
            let end = which(key);
            if end {
                task.abort();
            }
            !end
        });
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.abort(|_| true);
    }
}
