//! A torrent's files below a folder. Nothing in here can name a file outside of it (cap-std).
//!
//! Bytes of files that the user doesn't want, but which share a piece with one that is wanted, go
//! into a hidden folder next to the files. It goes away once everything wanted is there.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bytes::Bytes;
use cap_std::fs::{Dir, OpenOptions};
use gannet_core::{
    bitfield::Bitfield,
    metainfo::Info,
    resume::{FileStamp, Record},
    storage::{Storage, StorageError},
};

use super::{
    extras, failure,
    handles::{Access, TorrentHandles},
    hash::FastSha1,
    lock, positional,
    resume::Records,
};

/// The files of one torrent.
pub(super) struct Folder {
    pub(super) root: Dir,
    pub(super) info: Arc<Info>,
    /// Where each file goes below the root.
    pub(super) paths: Vec<PathBuf>,
    /// The folder of the bytes that only fill up pieces.
    pub(super) hidden_dir: PathBuf,
    /// For each file, whether its bytes go into the hidden folder.
    pub(super) hidden: RwLock<Vec<bool>>,
    pub(super) overwrite: bool,
    pub(super) handles: TorrentHandles,
    pub(super) records: Records,
    pub(super) unsynced: Mutex<Unsynced>,
}

/// What was changed since the last checkpoint.
#[derive(Default)]
pub(super) struct Unsynced {
    files: BTreeSet<usize>,
    /// Folders in which there are new names.
    folders: BTreeSet<PathBuf>,
    /// Whether everything that is wanted was there at the last checkpoint.
    is_complete: bool,
}

impl Folder {
    pub(super) fn info(&self) -> &Info {
        &self.info
    }

    /// The user wants other files now. Where a file's bytes are in the hidden folder, they move.
    pub(super) fn select(&self, wanted: &[bool]) -> Result<(), StorageError> {
        let mut hidden = self.hidden_mut();
        for (file, &wanted) in wanted.iter().enumerate().take(self.paths.len()) {
            if self.is_virtual(file) {
                continue;
            }
            if wanted && hidden[file] {
                self.unhide(file)?;
                hidden[file] = false;
            } else if !wanted && !hidden[file] {
                hidden[file] = self.stamp(&self.paths[file])?.is_none();
            }
        }
        Ok(())
    }

    fn unhide(&self, file: usize) -> Result<(), StorageError> {
        let found = self.stamp(&self.paths[file])?;
        self.refuse_foreign(file, found, false)?;
        let from = self.hidden_dir.join(file.to_string());
        if self.stamp(&from)?.is_some() {
            let to = &self.paths[file];
            let moved = self.make_parents(to).and_then(|()| self.root.rename(from, &self.root, to));
            moved.map_err(|error| failure::at(to, &error))?;
            self.note_new(to);
        } else if found.is_some() || self.length(file) == 0 {
            self.open_to_write(&self.paths[file], self.length(file))?;
        }
        Ok(())
    }

    /// Syncs what was written, then replaces the resume record, or drops it if it has done its duty.
    pub(super) fn checkpoint(&self, have: &Bitfield, complete: bool) -> Result<(), StorageError> {
        let unsynced = std::mem::take(&mut *lock(&self.unsynced));
        if let Err(error) = self.sync(&unsynced) {
            lock(&self.unsynced).add(unsynced);
            return Err(error);
        }
        lock(&self.unsynced).is_complete = complete;
        if complete {
            extras::apply(self);
            return self.records.remove(&self.root);
        }
        let files = (0..self.paths.len()).map(|file| self.stamp_of(file)).collect::<Result<_, _>>();
        let record = Record {
            info_hash: *self.info.info_hash(),
            have: have.clone(),
            files: files?,
            uploaded: 0,
            downloaded: 0,
        };
        self.records.save(&self.root, &record)
    }

    fn sync(&self, unsynced: &Unsynced) -> Result<(), StorageError> {
        for &file in &unsynced.files {
            let synced = self.handle(file, Access::Read)?.sync_data();
            synced.map_err(|error| failure::at(&self.paths[file], &error))?;
        }
        for path in &unsynced.folders {
            sync_folder(&self.root, path).map_err(|error| failure::at(path, &error))?;
        }
        Ok(())
    }

    /// The last order: closes all files, and tidies up after a torrent that is complete.
    pub(super) fn close(&self) {
        self.handles.close();
        if lock(&self.unsynced).is_complete
            && let Err(error) = self.root.remove_dir_all(&self.hidden_dir)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(folder = ?self.hidden_dir, %error, "can't be removed");
        }
    }

    /// A file as it is now, wherever its bytes are; nothing and no time for one that isn't there.
    pub(super) fn stamp_of(&self, file: usize) -> Result<FileStamp, StorageError> {
        if self.is_virtual(file) {
            return Ok(FileStamp::ABSENT);
        }
        let path = self.location(file, self.hidden()[file]);
        Ok(self.stamp(&path)?.unwrap_or(FileStamp::ABSENT))
    }

    /// The file at a path, if there is one.
    pub(super) fn stamp(&self, path: &Path) -> Result<Option<FileStamp>, StorageError> {
        use cap_std::fs::MetadataExt;
        match self.root.metadata(path) {
            Ok(metadata) if !metadata.is_file() => Err(failure::not_a_file(path)),
            Ok(metadata) => {
                // Before 1970 or after 2554 any number does that doesn't change.
                let seconds = u64::try_from(metadata.mtime()).unwrap_or(0);
                let nanos = u64::try_from(metadata.mtime_nsec()).unwrap_or(0);
                let modified_nanos = seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
                Ok(Some(FileStamp { length: metadata.len(), modified_nanos }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure::at(path, &error)),
        }
    }

    /// Refuses a file of another size, unless it is empty, ours, or may be overwritten.
    pub(super) fn refuse_foreign(
        &self,
        file: usize,
        found: Option<FileStamp>,
        ours: bool,
    ) -> Result<(), StorageError> {
        let expected_bytes = self.length(file);
        let found_bytes = found.map_or(0, |stamp| stamp.length);
        if ours || self.overwrite || found_bytes == 0 || found_bytes == expected_bytes {
            return Ok(());
        }
        let file = self.paths[file].display().to_string();
        Err(StorageError::Foreign { file, found_bytes, expected_bytes })
    }

    /// A file's bytes as the torrent has them.
    pub(super) fn length(&self, file: usize) -> u64 {
        self.info.layout().files()[file].length
    }

    /// Whether nothing is ever written to it: a pad, or a symbolic link (BEP 47).
    pub(super) fn is_virtual(&self, file: usize) -> bool {
        let attributes = &self.info.files()[file].attributes;
        attributes.pad || attributes.symlink.is_some()
    }

    pub(super) fn hidden(&self) -> RwLockReadGuard<'_, Vec<bool>> {
        self.hidden.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hidden_mut(&self) -> RwLockWriteGuard<'_, Vec<bool>> {
        self.hidden.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn location(&self, file: usize, hidden: bool) -> PathBuf {
        match hidden {
            true => self.hidden_dir.join(file.to_string()),
            false => self.paths[file].clone(),
        }
    }

    fn handle(&self, file: usize, access: Access) -> Result<Arc<File>, StorageError> {
        if let Some(handle) = self.handles.find(file, access) {
            return Ok(handle);
        }
        // Held while the file is opened, so that it isn't moved before it is there.
        let hidden = self.hidden();
        let path = self.location(file, hidden[file]);
        let handle = match access {
            Access::Write => self.open_to_write(&path, self.length(file))?,
            Access::Read => {
                let opened = self.root.open(&path).map(cap_std::fs::File::into_std);
                opened.map_err(|error| failure::at(&path, &error))?
            }
        };
        Ok(self.handles.keep(file, access, handle))
    }

    /// Opens a file, makes it if it isn't there, and gives it its size (it stays sparse).
    pub(super) fn open_to_write(&self, path: &Path, length: u64) -> Result<File, StorageError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let opened = match self.root.open_with(path, &options) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.note_new(path);
                let parents = self.make_parents(path);
                parents.and_then(|()| self.root.open_with(path, options.create(true)))
            }
            opened => opened,
        };
        let sized = opened.map(cap_std::fs::File::into_std).and_then(|file| {
            if file.metadata()?.len() != length {
                file.set_len(length)?;
            }
            Ok(file)
        });
        sized.map_err(|error| failure::at(path, &error))
    }

    fn make_parents(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.root.create_dir_all(parent),
            _ => Ok(()),
        }
    }

    /// There is, or will be, a new name at `path`, and maybe on the way there.
    fn note_new(&self, path: &Path) {
        let folders = path.ancestors().skip(1).map(Path::to_owned);
        lock(&self.unsynced).folders.extend(folders);
    }
}

impl Storage for Folder {
    type Sha1 = FastSha1;

    fn read_at(&self, file: usize, offset: u64, into: &mut [u8]) -> Result<(), StorageError> {
        let handle = self.handle(file, Access::Read)?;
        let read = positional::read(&handle, offset, into);
        read.map_err(|error| failure::at(&self.paths[file], &error))
    }

    fn write_at(&self, file: usize, offset: u64, buffers: &[Bytes]) -> Result<(), StorageError> {
        let handle = self.handle(file, Access::Write)?;
        let written = positional::write(&handle, offset, buffers);
        // Noted when all is written: what a checkpoint syncs before that isn't all of it.
        lock(&self.unsynced).files.insert(file);
        written.map_err(|error| failure::at(&self.paths[file], &error))
    }
}

impl Unsynced {
    fn add(&mut self, other: Self) {
        self.files.extend(other.files);
        self.folders.extend(other.folders);
    }
}

/// Syncs the names in a folder below `root`; the empty path is `root` itself.
pub(super) fn sync_folder(root: &Dir, path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    // Opened as a file: what cap-std opens as a folder can't be synced (`O_PATH`).
    root.open(path)?.sync_all()
}
