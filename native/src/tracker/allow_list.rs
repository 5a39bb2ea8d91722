//! The torrents that a tracker serves, if not all: a file of info hashes.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use gannet_core::id::InfoHash;

/// The largest file that is read, in bytes: some million info hashes.
pub const MAX_ALLOW_LIST_BYTES: u64 = 256 * 1024 * 1024;

/// Why an allow list can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AllowListError {
    /// The file can't be read.
    #[error("{}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than [`MAX_ALLOW_LIST_BYTES`].
    #[error("{}: {bytes} bytes are more than the limit of {MAX_ALLOW_LIST_BYTES}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// A line that is neither an info hash nor a comment.
    #[error("{}, line {line}: an info hash is 40 hexadecimal digits", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from one.
        line: usize,
    },
}

/// The torrents that are served: those in a file, or all. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct AllowList(Option<Arc<Listed>>);

#[derive(Debug)]
struct Listed {
    path: PathBuf,
    read: RwLock<Read>,
}

#[derive(Debug)]
struct Read {
    version: Version,
    hashes: HashSet<InfoHash>,
}

/// What changes when a file does.
type Version = (Option<SystemTime>, u64);

impl AllowList {
    /// All torrents are served.
    pub const fn all() -> Self {
        Self(None)
    }

    /// The torrents in a file: an info hash in a line, in 40 hexadecimal digits. What follows a
    /// `#` is a comment, and empty lines don't count.
    ///
    /// # Errors
    /// If the file can't be read, is too large, or has a line that is something else.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, AllowListError> {
        let path = path.into();
        let read = RwLock::new(read(&path)?);
        Ok(Self(Some(Arc::new(Listed { path, read }))))
    }

    /// Whether this torrent is served.
    pub fn permits(&self, info_hash: &InfoHash) -> bool {
        self.0.as_ref().is_none_or(|listed| {
            listed.read.read().unwrap_or_else(PoisonError::into_inner).hashes.contains(info_hash)
        })
    }

    /// How many torrents are listed; `None` if all are served.
    pub fn listed(&self) -> Option<usize> {
        let listed = self.0.as_ref()?;
        Some(listed.read.read().unwrap_or_else(PoisonError::into_inner).hashes.len())
    }

    /// Reads the file again. What was read before stays if this fails.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn reload(&self) -> Result<(), AllowListError> {
        let Some(listed) = &self.0 else { return Ok(()) };
        let new = read(&listed.path);
        let mut known = listed.read.write().unwrap_or_else(PoisonError::into_inner);
        match new {
            Ok(new) => *known = new,
            Err(error) => {
                // Until it changes again, trying again would only fail again.
                let seen = fs::metadata(&listed.path).ok();
                known.version = seen.as_ref().map_or(known.version, version);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether the file isn't the one that was read. One that is gone, for a moment perhaps, has
    /// not changed.
    pub(super) fn has_changed(&self) -> bool {
        self.0.as_ref().is_some_and(|listed| {
            let known = listed.read.read().unwrap_or_else(PoisonError::into_inner).version;
            fs::metadata(&listed.path).is_ok_and(|metadata| version(&metadata) != known)
        })
    }
}

fn version(metadata: &fs::Metadata) -> Version {
    (metadata.modified().ok(), metadata.len())
}

fn read(path: &Path) -> Result<Read, AllowListError> {
    let failed = |source| AllowListError::Read { path: path.into(), source };
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.len() > MAX_ALLOW_LIST_BYTES {
        return Err(AllowListError::TooLarge { path: path.into(), bytes: metadata.len() });
    }
    let bytes = fs::read(path).map_err(failed)?;
    let mut hashes = HashSet::new();
    for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let text = line.split(|&byte| byte == b'#').next().unwrap_or_default().trim_ascii();
        if text.is_empty() {
            continue;
        }
        let hash = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        let wrong = || AllowListError::Line { path: path.into(), line: number + 1 };
        hashes.insert(hash.ok_or_else(wrong)?);
    }
    Ok(Read { version: version(&metadata), hashes })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789ABCDEF01234567";

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("allowed");
        fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn comments_spaces_and_line_ends_of_any_kind_are_skipped() {
        let (_dir, path) = file(&format!("# mine\r\n\r\n  {HASH}  # this one\r\n"));
        let list = AllowList::open(path).unwrap();
        assert_eq!(list.listed(), Some(1));
        assert!(list.permits(&HASH.parse().unwrap()));
        assert!(!list.permits(&InfoHash::new([0; 20])));
    }

    #[test]
    fn a_line_that_is_no_info_hash_is_named_by_its_number() {
        for wrong in ["nonsense", &HASH[1..], &format!("{HASH} {HASH}"), "\u{ff}"] {
            let (_dir, path) = file(&format!("{HASH}\n\n{wrong}\n{HASH}"));
            match AllowList::open(path) {
                Err(AllowListError::Line { line: 3, .. }) => {}
                other => panic!("{wrong}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_again_stays_as_it_was() {
        let (_dir, path) = file(HASH);
        let list = AllowList::open(&path).unwrap();
        assert!(!list.has_changed());
        fs::write(&path, "nonsense").unwrap();
        assert!(list.has_changed());
        assert!(list.reload().is_err());
        assert!(!list.has_changed(), "it is complained about once");
        assert!(list.permits(&HASH.parse().unwrap()));
        fs::remove_file(&path).unwrap();
        assert!(!list.has_changed());
        assert!(matches!(list.reload(), Err(AllowListError::Read { .. })));
        fs::write(&path, "").unwrap();
        list.reload().unwrap();
        assert!(!list.permits(&HASH.parse().unwrap()));
    }

    #[test]
    fn without_a_list_all_torrents_are_served() {
        assert!(AllowList::all().permits(&InfoHash::new([0; 20])));
    }
}
