//! The resume record next to a torrent's files: replaced atomically, dropped when in doubt.

use std::{
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use cap_std::fs::Dir;
use gannet_core::{
    id::InfoHash,
    metainfo::Info,
    resume::{MAX_RECORD_BYTES, Record},
    storage::StorageError,
};

use super::{failure, folder::sync_folder};

/// Where a torrent's record is.
pub(super) struct Records {
    path: PathBuf,
    temporary: PathBuf,
}

impl Records {
    pub(super) fn new(info_hash: &InfoHash) -> Self {
        Self {
            path: format!(".gannet-{info_hash}.resume").into(),
            temporary: format!(".gannet-{info_hash}.resume.tmp").into(),
        }
    }

    /// The record of this torrent, if there is one and it is whole.
    pub(super) fn load(&self, root: &Dir, info: &Info) -> Option<Record> {
        let mut bytes = Vec::new();
        root.open(&self.path)
            .ok()?
            .take(MAX_RECORD_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .ok()?;
        let record = Record::decode(&bytes);
        let record = record.inspect_err(|error| tracing::warn!(%error, "resume record ignored"));
        record.ok().filter(|record| {
            record.info_hash == *info.info_hash()
                && record.files.len() == info.files().len()
                && record.have.len() == info.layout().piece_count()
        })
    }

    /// Replaces the record: at any moment there is the old one or the new one.
    pub(super) fn save(&self, root: &Dir, record: &Record) -> Result<(), StorageError> {
        let replace = || -> io::Result<()> {
            let mut file = root.create(&self.temporary)?;
            file.write_all(&record.encode())?;
            file.sync_all()?;
            root.rename(&self.temporary, root, &self.path)?;
            sync_folder(root, Path::new(""))
        };
        replace().map_err(|error| failure::at(&self.path, &error))
    }

    /// Drops the record, and what a program that was killed had written of its successor.
    pub(super) fn remove(&self, root: &Dir) -> Result<(), StorageError> {
        [&self.temporary, &self.path].into_iter().try_for_each(|path| {
            match root.remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(failure::at(path, &error)),
                _ => Ok(()),
            }
        })
    }
}
