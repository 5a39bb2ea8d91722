//! The published .torrent files, by name and by info hash: in memory and, if they are given a
//! folder, on the disk.

mod folder;
mod published;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use gannet_core::id::InfoHash;

use self::folder::Folder;
pub(super) use self::published::safe_name;
pub use self::published::{PublishError, Published};

/// Why a torrent isn't taken into the catalogue, or out of it.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Another torrent has the name.
    #[error("another torrent is published as \"{name}\"")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The torrent has another name.
    #[error("the torrent is already published, at {path}")]
    AlreadyPublished {
        /// Where it is served.
        path: String,
    },
    /// There are as many torrents, or as many bytes, as there may be.
    #[error("the tracker keeps as many published torrents as it may")]
    Full,
    /// The folder can't be written to or read.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The folder or the file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// What happened to the catalogue of another instance.
#[derive(Debug, Clone)]
pub enum CatalogueChange {
    /// A torrent was published, or its file replaced.
    Published(Arc<Published>),
    /// A torrent was taken out.
    Removed {
        /// The name it had.
        name: String,
        /// What it was.
        info_hash: InfoHash,
    },
}

/// The published torrents.
#[derive(Debug)]
pub struct Catalogue {
    shelves: RwLock<Shelves>,
    /// Held over a change of the folder and the shelves, so that they are the same.
    changing: Mutex<()>,
    folder: Option<Folder>,
    max_torrents: usize,
    max_bytes: u64,
}

#[derive(Debug, Default)]
struct Shelves {
    /// By name without regard to case: some disks have none.
    names: BTreeMap<String, Arc<Published>>,
    hashes: HashMap<InfoHash, Arc<Published>>,
    bytes: u64,
}

impl Shelves {
    fn put(&mut self, published: &Arc<Published>) {
        self.take(&published.folded);
        self.bytes += published.torrent.len() as u64;
        self.names.insert(published.folded.clone(), Arc::clone(published));
        self.hashes.insert(published.info_hash, Arc::clone(published));
    }

    fn take(&mut self, folded: &str) -> Option<Arc<Published>> {
        let gone = self.names.remove(folded)?;
        self.hashes.remove(&gone.info_hash);
        self.bytes -= gone.torrent.len() as u64;
        Some(gone)
    }
}

impl Catalogue {
    /// An empty catalogue, or that of a folder, which is made if it isn't there. Files in it that
    /// are no good are reported and left alone.
    ///
    /// # Errors
    /// If the folder can't be made or read.
    pub fn open(
        folder: Option<&Path>,
        max_torrents: usize,
        max_bytes: u64,
    ) -> Result<Self, CatalogueError> {
        let catalogue = Self {
            shelves: RwLock::default(),
            changing: Mutex::default(),
            folder: folder.map(Folder::open).transpose()?,
            max_torrents,
            max_bytes,
        };
        if let Some(folder) = &catalogue.folder {
            folder.load(|published| {
                let published = Arc::new(published);
                catalogue.check(&published)?;
                catalogue.shelve(|shelves| shelves.put(&published));
                Ok(())
            })?;
        }
        Ok(catalogue)
    }

    /// Takes a torrent in; whether it is new, and not another file of one that was there. Blocks
    /// on the disk.
    ///
    /// # Errors
    /// Why it isn't taken.
    pub fn insert(&self, published: Published) -> Result<(Arc<Published>, bool), CatalogueError> {
        let published = Arc::new(published);
        let _changing = self.change();
        let is_new = self.check(&published)?;
        self.keep(&published)?;
        Ok((published, is_new))
    }

    /// Takes a torrent out by its name; `None` if there is none. Blocks on the disk.
    ///
    /// # Errors
    /// If its file can't be removed.
    pub fn remove(&self, name: &str) -> Result<Option<Arc<Published>>, CatalogueError> {
        let _changing = self.change();
        let Some(known) = self.named(name) else { return Ok(None) };
        self.drop_one(&known)?;
        Ok(Some(known))
    }

    /// Does what another instance did: what was there under the same name, or of the same torrent,
    /// gives way. Blocks on the disk.
    ///
    /// # Errors
    /// If there is no room, or the disk fails.
    pub fn apply(&self, change: CatalogueChange) -> Result<(), CatalogueError> {
        let _changing = self.change();
        match change {
            CatalogueChange::Published(published) => {
                let same = self.named(&published.name);
                if same.as_ref().is_some_and(|same| same.torrent == published.torrent) {
                    return Ok(());
                }
                let moved = self.of_torrent(&published.info_hash);
                let gone =
                    same.iter().chain(&moved).filter(|known| known.folded != published.folded);
                gone.into_iter().try_for_each(|known| self.drop_one(known))?;
                self.check_room(&published, self.named(&published.name).as_deref())?;
                self.keep(&published)
            }
            CatalogueChange::Removed { name, info_hash } => {
                let known = self.named(&name).filter(|known| known.info_hash == info_hash);
                known.map_or(Ok(()), |known| self.drop_one(&known))
            }
        }
    }

    /// The torrent of this name, without regard to case.
    pub fn named(&self, name: &str) -> Option<Arc<Published>> {
        self.look(|shelves| shelves.names.get(&name.to_lowercase()).cloned())
    }

    /// The torrent with this info hash.
    pub fn of_torrent(&self, info_hash: &InfoHash) -> Option<Arc<Published>> {
        self.look(|shelves| shelves.hashes.get(info_hash).cloned())
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Arc<Published>> {
        self.look(|shelves| shelves.names.values().cloned().collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.look(|shelves| shelves.names.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a torrent may come in, and is new.
    fn check(&self, published: &Published) -> Result<bool, CatalogueError> {
        let same = self.named(&published.name);
        if same.as_ref().is_some_and(|same| same.info_hash != published.info_hash) {
            return Err(CatalogueError::NameTaken { name: published.name.clone() });
        }
        let known = self.of_torrent(&published.info_hash);
        if let Some(other) = known.filter(|known| known.folded != published.folded) {
            return Err(CatalogueError::AlreadyPublished { path: other.path() });
        }
        self.check_room(published, same.as_deref())?;
        Ok(same.is_none())
    }

    fn check_room(
        &self,
        published: &Published,
        instead_of: Option<&Published>,
    ) -> Result<(), CatalogueError> {
        let (count, bytes) = self.look(|shelves| (shelves.names.len(), shelves.bytes));
        let freed = instead_of.map_or(0, |known| known.torrent.len() as u64);
        let is_full = count + usize::from(instead_of.is_none()) > self.max_torrents
            || bytes - freed + published.torrent.len() as u64 > self.max_bytes;
        if is_full { Err(CatalogueError::Full) } else { Ok(()) }
    }

    /// On the disk first: what is served is there after a restart.
    fn keep(&self, published: &Arc<Published>) -> Result<(), CatalogueError> {
        if let Some(folder) = &self.folder {
            let before = self.named(&published.name);
            folder.write(published)?;
            // The same name in another case is another file on most disks.
            if let Some(before) = before.filter(|before| before.name != published.name) {
                folder.remove_other(&before.name, &published.name)?;
            }
        }
        self.shelve(|shelves| shelves.put(published));
        Ok(())
    }

    fn drop_one(&self, known: &Published) -> Result<(), CatalogueError> {
        self.folder.as_ref().map_or(Ok(()), |folder| folder.remove(&known.name))?;
        self.shelve(|shelves| shelves.take(&known.folded));
        Ok(())
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look<T>(&self, at: impl FnOnce(&Shelves) -> T) -> T {
        at(&self.shelves.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn shelve<T>(&self, change: impl FnOnce(&mut Shelves) -> T) -> T {
        change(&mut self.shelves.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
