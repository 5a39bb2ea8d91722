//! Where data goes: a folder on the disk, or memory. All of it runs off the event loop.
//!
//! Orders of one torrent run at the same time on threads of their own, which is why there are
//! locks in here. Each is held to look something up, to open or to move a file; none is held while
//! a disk reads or writes or bytes are hashed, and none is known outside of this module.

mod extras;
mod failure;
mod folder;
mod handles;
mod hash;
mod memory;
mod positional;
mod resume;
mod shelf;
mod survey;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gannet_core::{
    contract::Input,
    id::TorrentKey,
    storage::{Command, Completion, StorageError},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::spawn_blocking,
};

use self::{
    handles::Handles,
    shelf::{Shelf, refusal},
};
pub use self::{handles::MAX_OPEN_FILES, hash::FastSha1, memory::MEMORY_CHUNK_BYTES};

/// Orders of all torrents that are carried out at the same time, at most; the others wait.
pub const MAX_ORDERS_RUNNING: usize = 8;

/// Where a torrent's data goes.
#[derive(Debug, Clone)]
pub enum Place {
    /// Below a folder, which is made if it isn't there. No name of a torrent leads out of it.
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What the file of a single-file torrent is to be called instead.
        rename: Option<String>,
        /// Whether files of other sizes that stand in the way are taken over, not refused.
        overwrite: bool,
    },
    /// Into memory, and nowhere else.
    Memory {
        /// How many bytes, at most.
        limit_bytes: u64,
    },
}

/// The data of all torrents of a client.
pub(crate) struct Disk {
    shelves: BTreeMap<TorrentKey, Arc<Shelf>>,
    handles: Arc<Handles>,
    running: Arc<Semaphore>,
    inputs: mpsc::Sender<Input>,
}

impl Disk {
    /// Nothing yet; completions will go into `inputs`.
    pub(crate) fn new(inputs: mpsc::Sender<Input>) -> Self {
        Self {
            shelves: BTreeMap::new(),
            handles: Arc::default(),
            running: Arc::new(Semaphore::new(MAX_ORDERS_RUNNING)),
            inputs,
        }
    }

    /// Says where a torrent's data goes, before the first order about it.
    pub(crate) fn add(&mut self, torrent: TorrentKey, place: Place) {
        let shelf = Shelf::new(torrent.as_u64(), place, Arc::clone(&self.handles));
        self.shelves.insert(torrent, Arc::new(shelf));
    }

    /// Forgets a torrent; orders that still run end by themselves.
    pub(crate) fn remove(&mut self, torrent: TorrentKey) {
        self.shelves.remove(&torrent);
    }

    /// Carries out an order on another thread; the answer comes as [`Input::Storage`].
    pub(crate) fn carry_out(&self, Command { torrent, order }: Command) {
        let shelf = self.shelves.get(&torrent).map(Arc::clone);
        let running = Arc::clone(&self.running);
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            // Only acquired here, and never closed.
            let _permit = running.acquire().await;
            let outcome = match shelf {
                None => refusal(&order, StorageError::Closed),
                Some(shelf) => {
                    let panicked = refusal(&order, failure::panic());
                    let done = spawn_blocking(move || shelf.perform(order)).await;
                    done.unwrap_or(panicked)
                }
            };
            // Only a client that has ended doesn't listen.
            let _ = inputs.send(Input::Storage(Completion { torrent, outcome })).await;
        });
    }
}

/// A lock that survives a panic of another thread: what it guards is valid at any moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
