//! The first order about a folder: what is there, what may be trusted, what stands in the way.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, RwLock},
};

use cap_std::{ambient_authority, fs::Dir};
use gannet_core::{
    metainfo::Info,
    resume::FileStamp,
    storage::{Opened, StorageError},
};

use super::{failure, folder::Folder, handles::TorrentHandles, resume::Records};

impl Folder {
    /// Looks at the files of a torrent below `dir`. Only once nothing stands in the way of any file
    /// is anything made, and then only the empty files that are wanted.
    pub(super) fn open(
        dir: &Path,
        rename: Option<&str>,
        overwrite: bool,
        info: Arc<Info>,
        wanted: &[bool],
        handles: TorrentHandles,
    ) -> Result<(Self, Opened), StorageError> {
        let folder = Self {
            root: open_root(dir).map_err(|error| failure::at(dir, &error))?,
            paths: paths(&info, rename),
            hidden_dir: format!(".gannet-{}", info.info_hash()).into(),
            hidden: RwLock::new(vec![false; info.files().len()]),
            overwrite,
            handles,
            records: Records::new(info.info_hash()),
            unsynced: Mutex::default(),
            info,
        };
        let opened = folder.survey(wanted)?;
        Ok((folder, opened))
    }

    fn survey(&self, wanted: &[bool]) -> Result<Opened, StorageError> {
        let record = self.records.load(&self.root, &self.info);
        let is_wanted = |file: usize| wanted.get(file).copied().unwrap_or(true);
        let mut hidden = vec![false; self.paths.len()];
        for file in self.real_files() {
            let found = self.stamp(&self.paths[file]);
            if is_wanted(file) {
                self.refuse_foreign(file, found?, record.is_some())?;
            } else {
                // Whatever else is there is left alone.
                let usable =
                    found.ok().flatten().is_some_and(|stamp| stamp.length == self.length(file));
                hidden[file] = !usable;
            }
        }
        *self.hidden_mut() = hidden.clone();
        let found = (0..self.paths.len()).map(|file| self.stamp_of(file));
        let found: Vec<FileStamp> = found.collect::<Result<_, _>>()?;
        let present =
            self.real_files().try_fold(vec![false; self.paths.len()], |mut present, file| {
                let wanted = is_wanted(file) && !hidden[file];
                present[file] = self.prepare(file, &found[file], wanted)?;
                Ok(present)
            })?;
        let trusted = record.filter(|record| record.files == found).map(|record| record.have);
        Ok(Opened { trusted, present })
    }

    /// Gives a file its size where that has to be done at once; whether there may be pieces in it.
    fn prepare(&self, file: usize, found: &FileStamp, wanted: bool) -> Result<bool, StorageError> {
        let length = self.length(file);
        let resize = wanted && found.length != length && (found.length > 0 || length == 0);
        if resize || (wanted && length == 0) {
            self.open_to_write(&self.paths[file], length)?;
        }
        Ok(length > 0 && found.length > 0 && (resize || found.length == length))
    }

    fn real_files(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.paths.len()).filter(|&file| !self.is_virtual(file))
    }
}

fn open_root(dir: &Path) -> std::io::Result<Dir> {
    std::fs::create_dir_all(dir)?;
    Dir::open_ambient_dir(dir, ambient_authority())
}

fn paths(info: &Info, rename: Option<&str>) -> Vec<PathBuf> {
    match rename {
        Some(name) if info.is_single_file() => vec![PathBuf::from(name)],
        _ => info.files().iter().map(|file| file.path.iter().collect()).collect(),
    }
}
