//! Published .torrent files on the disk: `NAME.torrent` in one folder.

use std::{
    ffi::OsStr,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use gannet_core::metainfo::MAX_TORRENT_BYTES;

use super::{
    CatalogueError, PublishError, Published,
    published::{SUFFIX, without_suffix},
};

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// Why a file in the folder is passed over.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("its name isn't one that it could be published under")]
    Name,
    #[error("it is larger than {MAX_TORRENT_BYTES} bytes")]
    TooLarge,
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error(transparent)]
    Torrent(#[from] PublishError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, CatalogueError> {
        fs::create_dir_all(path).map_err(at(path))?;
        Ok(Self(path.to_owned()))
    }

    /// Hands over each .torrent file, in the order of their names. What can't be used is reported.
    pub(super) fn load(
        &self,
        mut take: impl FnMut(Published) -> Result<(), CatalogueError>,
    ) -> Result<(), CatalogueError> {
        let entries = fs::read_dir(&self.0).map_err(at(&self.0))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut paths = paths.collect::<io::Result<Vec<_>>>().map_err(at(&self.0))?;
        paths
            .retain(|path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("torrent")));
        paths.sort_unstable();
        for path in paths {
            let taken = read(&path).and_then(|published| Ok(take(published)?));
            if let Err(error) = taken {
                tracing::warn!(path = %path.display(), %error, "a .torrent file is passed over");
            }
        }
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}{SUFFIX}"))
    }

    /// Writes a file so that it is there whole, or as it was before.
    pub(super) fn write(&self, published: &Published) -> Result<(), CatalogueError> {
        let path = self.file(&published.name);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            file.write_all(&published.torrent)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(at(&path))
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), CatalogueError> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.map_err(at(&path)),
        }
    }

    /// Removes the file of `name`, unless the disk takes it for that of `kept`.
    pub(super) fn remove_other(&self, name: &str, kept: &str) -> Result<(), CatalogueError> {
        let real = |name| fs::canonicalize(self.file(name)).ok();
        if real(name) == real(kept) { Ok(()) } else { self.remove(name) }
    }
}

fn read(path: &Path) -> Result<Published, Unusable> {
    let file = path.file_name().and_then(OsStr::to_str).ok_or(Unusable::Name)?;
    if fs::metadata(path)?.len() > MAX_TORRENT_BYTES as u64 {
        return Err(Unusable::TooLarge);
    }
    let published = Published::read(file, fs::read(path)?.into())?;
    // Under another name its file would never be replaced or removed.
    let is_same = published.name == without_suffix(file) && file.ends_with(SUFFIX);
    if is_same { Ok(published) } else { Err(Unusable::Name) }
}

fn at(path: &Path) -> impl Fn(io::Error) -> CatalogueError + '_ {
    move |source| CatalogueError::Disk { path: path.to_owned(), source }
}
