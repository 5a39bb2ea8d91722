//! Open files, shared by all torrents, so that no number of files uses up the descriptors.

use std::{
    collections::BTreeMap,
    fs::File,
    sync::{Arc, Mutex},
};

use super::lock;

/// Files that all torrents of a client keep open at the same time, at most.
pub const MAX_OPEN_FILES: usize = 128;

/// What a file was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// To be read.
    Read,
    /// To be read and written.
    Write,
}

/// The open files of all torrents; that used longest ago goes first.
#[derive(Default)]
pub(super) struct Handles(Mutex<Cache>);

#[derive(Default)]
struct Cache {
    /// By number of the torrent and of the file in it.
    files: BTreeMap<(u64, usize), Entry>,
    uses: u64,
}

struct Entry {
    file: Arc<File>,
    access: Access,
    last_use: u64,
}

/// The open files of one torrent.
pub(super) struct TorrentHandles {
    all: Arc<Handles>,
    torrent: u64,
}

impl Handles {
    /// The part that belongs to one torrent.
    pub(super) fn of(self: &Arc<Self>, torrent: u64) -> TorrentHandles {
        TorrentHandles { all: Arc::clone(self), torrent }
    }
}

impl TorrentHandles {
    /// The file of this number, if it is open and may be used in this way.
    pub(super) fn find(&self, file: usize, access: Access) -> Option<Arc<File>> {
        let mut cache = lock(&self.all.0);
        cache.uses += 1;
        let now = cache.uses;
        let entry = cache.files.get_mut(&(self.torrent, file))?;
        entry.last_use = now;
        (entry.access >= access).then(|| Arc::clone(&entry.file))
    }

    /// Keeps a file open for as long as there is room.
    pub(super) fn keep(&self, file: usize, access: Access, opened: File) -> Arc<File> {
        let opened = Arc::new(opened);
        let mut cache = lock(&self.all.0);
        cache.uses += 1;
        let entry = Entry { file: Arc::clone(&opened), access, last_use: cache.uses };
        cache.files.insert((self.torrent, file), entry);
        cache.shrink();
        opened
    }

    /// Closes all files of the torrent, those in use as soon as they are no longer.
    pub(super) fn close(&self) {
        lock(&self.all.0).files.retain(|&(torrent, _), _| torrent != self.torrent);
    }
}

impl Cache {
    fn shrink(&mut self) {
        while self.files.len() > MAX_OPEN_FILES {
            let oldest = self.files.iter().min_by_key(|(_, entry)| entry.last_use);
            let Some(key) = oldest.map(|(&key, _)| key) else { return };
            self.files.remove(&key);
        }
    }
}
