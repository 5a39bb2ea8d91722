//! The handle on one torrent.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use gannet_core::{
    id::{SourceKey, TorrentKey},
    metainfo::Info,
    source::WorkResult,
    stats::TorrentStats,
    storage::StorageError,
};
use tokio::sync::oneshot;

use crate::{
    client::{Client, Gone},
    pool::Source,
};

/// One torrent of a [`Client`], as often as it is cloned. It goes on without any handle.
#[derive(Debug, Clone)]
pub struct Torrent {
    client: Client,
    key: TorrentKey,
}

/// Why a piece can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Only the info hash is known so far.
    #[error("the torrent's metadata isn't there yet")]
    NoMetadata,
    /// The torrent has fewer pieces.
    #[error("there is no piece {0}")]
    NoSuchPiece(u32),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The torrent is no longer there.
    #[error(transparent)]
    Gone(#[from] Gone),
}

impl Torrent {
    pub(crate) const fn new(client: Client, key: TorrentKey) -> Self {
        Self { client, key }
    }

    /// Its key in the session.
    pub const fn key(&self) -> TorrentKey {
        self.key
    }

    /// Everything that is known of it at this moment.
    ///
    /// # Errors
    /// It was removed.
    pub async fn stats(&self) -> Result<TorrentStats, Gone> {
        let key = self.key;
        self.client.ask(move |driver, now| driver.session.stats(now, key)).await?.ok_or(Gone)
    }

    /// Its `info`, once that is known.
    pub async fn info(&self) -> Option<Arc<Info>> {
        let key = self.key;
        self.client.ask(move |driver, _| driver.session.info(key).cloned()).await.ok().flatten()
    }

    /// Makes a peer known, to be dialled soon.
    ///
    /// # Errors
    /// The client has ended. This and all orders below say nothing if only the torrent is gone.
    pub async fn add_peer(&self, addr: SocketAddr) -> Result<(), Gone> {
        let key = self.key;
        self.client.ask(move |driver, now| driver.session.add_peer(now, key, addr)).await
    }

    /// Adds a tracker in a tier of its own, after those there are.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn add_tracker(&self, url: String) -> Result<(), Gone> {
        let key = self.key;
        self.client.ask(move |driver, now| driver.session.add_tracker(now, key, &url)).await
    }

    /// Asks the trackers for peers as soon as they allow it.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn announce(&self) -> Result<(), Gone> {
        let key = self.key;
        self.client.ask(move |driver, now| driver.session.announce(now, key)).await
    }

    /// Stops it until it is [resumed](Self::resume).
    ///
    /// # Errors
    /// The client has ended.
    pub async fn pause(&self) -> Result<(), Gone> {
        let key = self.key;
        self.client.ask(move |driver, now| driver.session.pause(now, key)).await
    }

    /// Lets it go on after a [pause](Self::pause).
    ///
    /// # Errors
    /// The client has ended.
    pub async fn resume(&self) -> Result<(), Gone> {
        let key = self.key;
        self.client.ask(move |driver, now| driver.session.resume(now, key)).await
    }

    /// Chooses the files to download: one flag for each file of its `info`.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn select(&self, wanted: Vec<bool>) -> Result<(), Gone> {
        let key = self.key;
        self.client.ask(move |driver, now| driver.session.select(now, key, &wanted)).await
    }

    /// All bytes of a piece, as soon as it is there. What follows it is downloaded next.
    ///
    /// # Errors
    /// There is no such piece, or it can't be read.
    pub async fn read(&self, piece: u32) -> Result<Bytes, ReadError> {
        let key = self.key;
        let (answer, answered) = oneshot::channel();
        let asked = self.client.ask(move |driver, now| {
            let info = driver.session.info(key).ok_or(ReadError::NoMetadata)?;
            let index = info.layout().piece(piece).ok_or(ReadError::NoSuchPiece(piece))?;
            driver.audience.await_piece(key, index, answer);
            driver.session.read(now, key, index);
            Ok(())
        });
        match asked.await? {
            Ok(()) => Ok(answered.await.map_err(|_| Gone)??),
            Err(error) => Err(error),
        }
    }

    /// Adds a source under a name for the statistics; it takes part until it is removed, has left by
    /// itself, or has failed too often.
    ///
    /// # Errors
    /// The torrent or the client is gone.
    pub async fn add_source(&self, name: String, source: impl Source) -> Result<SourceKey, Gone> {
        let key = self.key;
        let added = self.client.ask(move |driver, now| {
            let added = driver.session.add_source(now, key, name)?;
            driver.pool.add(key, added, source);
            Some(added)
        });
        added.await?.ok_or(Gone)
    }

    /// Removes a source; what it was asked for goes to others.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn remove_source(&self, source: SourceKey) -> Result<(), Gone> {
        let key = self.key;
        let removed = self.client.ask(move |driver, now| {
            driver.session.remove_source(now, key, source);
            driver.pool.remove(key, source);
        });
        removed.await
    }

    /// The next result of a work list, in the order of its items, as soon as it is there; `None`
    /// after the last, or when the torrent is gone. May be dropped while it waits.
    pub async fn next_result(&self) -> Option<WorkResult> {
        let key = self.key;
        let (answer, answered) = oneshot::channel();
        let asked = self.client.ask(move |driver, now| {
            driver.audience.await_result(&mut driver.session, now, key, answer);
        });
        asked.await.ok()?;
        answered.await.ok().flatten()
    }

    /// Removes the torrent, and waits until its trackers know (or had their time) and its checkpoint
    /// is written. Its files stay.
    pub async fn remove(&self) {
        let key = self.key;
        if let Ok(removed) = self.client.ask(move |driver, now| driver.remove(now, key)).await {
            // An error means that the driver has ended, and the torrent with it.
            let _ = removed.await;
        }
    }
}
