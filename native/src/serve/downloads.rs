//! The torrents of the client inside: those that were shared from the start, and those added since.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use gannet_core::{
    AddTorrent, Content, TorrentOptions,
    event::News,
    id::InfoHash,
    magnet::Magnet,
    metainfo::{Info, Metainfo},
    stats::TorrentStats,
};
use tokio::sync::Notify;

use super::{error::ServeError, removal, torrent_file};
use crate::{
    client::{AddError, Client},
    events::Events,
    relay::{Resident, Shared as Relay},
    storage::Place,
    torrent::Torrent,
    tracker::{
        CatalogueError,
        api::{Catalogue, catalogue::Published},
    },
};

/// Torrents of a server at a time; more are refused.
pub const MAX_DOWNLOADS: usize = 1_000;

/// One torrent.
#[derive(Debug, Clone)]
struct Entry {
    torrent: Torrent,
    trackers: Vec<String>,
    name: Option<String>,
    /// Where its data came to lie; `None` for what was shared, which is never deleted.
    dir: Option<PathBuf>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Downloads {
    client: Client,
    resident: Resident,
    catalogue: Arc<Catalogue>,
    dir: PathBuf,
    entries: Mutex<BTreeMap<InfoHash, Entry>>,
    relay: Arc<Relay>,
    /// Something has come, gone or finished.
    changed: Notify,
    /// How often that has been so.
    changes: AtomicU64,
}

/// What is to be added.
pub(super) enum Wanted {
    /// A torrent, and its file.
    Torrent(Box<Metainfo>, Bytes),
    /// No more than a magnet link says.
    Magnet(Box<Magnet>),
}

impl Wanted {
    pub(super) fn parse(file: Bytes) -> Result<Self, ServeError> {
        Ok(Self::Torrent(Box::new(Metainfo::parse(file.clone())?), file))
    }

    /// Which torrent it is.
    pub(super) fn info_hash(&self) -> InfoHash {
        match self {
            Self::Torrent(torrent, _) => *torrent.info.info_hash(),
            Self::Magnet(magnet) => magnet.info_hash,
        }
    }
}

impl Downloads {
    pub(super) fn new(
        client: Client,
        resident: Resident,
        catalogue: Arc<Catalogue>,
        relay: Arc<Relay>,
        dir: PathBuf,
    ) -> Self {
        Self {
            client,
            resident,
            catalogue,
            dir,
            entries: Mutex::default(),
            relay,
            changed: Notify::new(),
            changes: AtomicU64::new(0),
        }
    }

    /// Something has come, gone, finished, stopped or gone on.
    pub(super) fn change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Waits for that; one at a time can.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Another number when that has been so.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Downloads a torrent, or goes on to do so; whether it is new.
    pub(super) async fn add(self: &Arc<Self>, wanted: Wanted) -> Result<bool, ServeError> {
        let place = Place::Folder { dir: self.dir.clone(), rename: None, overwrite: false };
        let options = TorrentOptions::default();
        match self.start(wanted, place, options, Some(self.dir.clone())).await {
            Err(ServeError::Add(AddError::Refused(gannet_core::AddError::Duplicate {
                ..
            }))) => Ok(false),
            added => added.map(|()| true),
        }
    }

    /// Shares a torrent whose data lies at `place`.
    pub(super) async fn share(
        self: &Arc<Self>,
        torrent: Metainfo,
        file: Bytes,
        place: Place,
        is_checked: bool,
    ) -> Result<(), ServeError> {
        let options = TorrentOptions { complete: is_checked, ..TorrentOptions::default() };
        self.start(Wanted::Torrent(Box::new(torrent), file), place, options, None).await
    }

    async fn start(
        self: &Arc<Self>,
        wanted: Wanted,
        place: Place,
        options: TorrentOptions,
        dir: Option<PathBuf>,
    ) -> Result<(), ServeError> {
        if self.lock().len() >= MAX_DOWNLOADS {
            return Err(ServeError::Full);
        }
        let info_hash = wanted.info_hash();
        let (content, trackers, file) = match wanted {
            Wanted::Torrent(torrent, file) => {
                (Content::Info(torrent.info), torrent.trackers, Some(file))
            }
            Wanted::Magnet(magnet) => {
                let tiers = magnet.trackers.into_iter().map(|url| vec![url]).collect();
                (Content::Hash(info_hash), tiers, None)
            }
        };
        let flat = trackers.concat();
        let add = AddTorrent { content, trackers, peers: Vec::new(), options };
        let (torrent, events) = self.client.add(add, place).await?;
        let entry = Entry { torrent, trackers: flat, name: None, dir };
        self.lock().insert(info_hash, entry);
        let is_known = file.is_some();
        if let Some(file) = file {
            self.publish(info_hash, file);
        }
        tokio::spawn(Arc::clone(self).follow(info_hash, is_known, events));
        self.resident.offer(info_hash);
        self.relay.tell_of_resident(info_hash);
        self.change();
        Ok(())
    }

    /// Reads a torrent's news until it is gone; whether its file `is_known`, or peers are to tell.
    async fn follow(self: Arc<Self>, info_hash: InfoHash, is_known: bool, mut events: Events) {
        while let Some(news) = events.next().await {
            match news {
                News::Metadata(info) if !is_known => {
                    self.publish(info_hash, torrent_file::bare(&info));
                    self.change();
                }
                News::Finished => self.change(),
                _ => {}
            }
        }
    }

    /// Lets the .torrent be had by its name, or by one like it if another has that.
    fn publish(&self, info_hash: InfoHash, file: Bytes) {
        let Ok(info) = Metainfo::parse(file.clone()).map(|torrent| torrent.info) else { return };
        let digits = info_hash.to_string();
        let names = [info.name().to_owned(), format!("{}-{}", info.name(), &digits[..8])];
        for name in names {
            let Ok(published) = Published::read(&name, file.clone()) else { continue };
            match self.catalogue.insert(published) {
                Ok((published, _)) => {
                    if let Some(entry) = self.lock().get_mut(&info_hash) {
                        entry.name = Some(published.name.clone());
                    }
                    return;
                }
                Err(CatalogueError::NameTaken { .. }) => {}
                Err(error) => return tracing::warn!(%error, "a .torrent isn't handed out"),
            }
        }
    }

    /// Where a torrent stands.
    pub(super) async fn stats(&self, info_hash: &InfoHash) -> Result<TorrentStats, ServeError> {
        Ok(self.torrent(info_hash)?.stats().await?)
    }

    /// Where all of them stand.
    pub(super) async fn all_stats(&self) -> Vec<TorrentStats> {
        let torrents: Vec<_> = self.lock().values().map(|entry| entry.torrent.clone()).collect();
        let mut all = Vec::with_capacity(torrents.len());
        for torrent in torrents {
            // One that has gone meanwhile isn't there any more.
            all.extend(torrent.stats().await);
        }
        all
    }

    /// The handle on a torrent.
    pub(super) fn torrent(&self, info_hash: &InfoHash) -> Result<Torrent, ServeError> {
        let entries = self.lock();
        entries.get(info_hash).map(|entry| entry.torrent.clone()).ok_or(ServeError::Unknown)
    }

    /// The handles on all torrents.
    pub(super) fn torrents(&self) -> Vec<(InfoHash, Torrent)> {
        self.lock().iter().map(|(hash, entry)| (*hash, entry.torrent.clone())).collect()
    }

    /// Those whose .torrent can be had: the name it can be had by, and its own trackers.
    pub(super) async fn offers(&self) -> Vec<(String, Vec<String>, Arc<Info>)> {
        let named = |entry: &Entry| {
            Some((entry.name.clone()?, entry.trackers.clone(), entry.torrent.clone()))
        };
        let entries: Vec<_> = self.lock().values().filter_map(named).collect();
        let mut offers = Vec::with_capacity(entries.len());
        for (name, trackers, torrent) in entries {
            offers.extend(torrent.info().await.map(|info| (name, trackers, info)));
        }
        offers.sort_by(|a, b| a.0.cmp(&b.0));
        offers
    }

    /// Takes a torrent out and, if that is wanted, what it has downloaded with it.
    pub(super) async fn remove(&self, info_hash: &InfoHash, data: bool) -> Result<(), ServeError> {
        let entry = self.lock().get(info_hash).cloned().ok_or(ServeError::Unknown)?;
        if data && entry.dir.is_none() {
            return Err(ServeError::SharedData);
        }
        let info = entry.torrent.info().await;
        self.resident.withdraw(info_hash);
        entry.torrent.remove().await;
        self.lock().remove(info_hash);
        if let Some(name) = &entry.name {
            self.catalogue.remove(name)?;
        }
        if let Some((info, dir)) = info.zip(entry.dir).filter(|_| data) {
            let work = move || removal::remove_files(&dir, &info);
            tokio::task::spawn_blocking(work).await.map_err(|_| ServeError::Stopping)??;
        }
        self.change();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<InfoHash, Entry>> {
        // The map is whole between any two statements that could panic.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
