//! Small files, written whole or not at all.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// What to do about a file that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Leave it and fail.
    Keep,
    /// Replace it.
    Replace,
}

impl Existing {
    /// What the flag `--overwrite` says.
    pub(crate) fn overwrite(overwrite: bool) -> Self {
        if overwrite { Self::Replace } else { Self::Keep }
    }
}

/// Writes a file that is seen complete or not at all, whatever happens on the way.
///
/// # Errors
/// What the operating system says; with [`Existing::Keep`] also that the file exists.
pub(crate) fn write_file(path: &Path, content: &[u8], existing: Existing) -> io::Result<()> {
    match fs::metadata(path) {
        // A pipe or a device can't be replaced, only written to.
        Ok(found) if !found.is_file() && !found.is_dir() => {
            fs::OpenOptions::new().write(true).open(path)?.write_all(content)
        }
        Ok(_) if existing == Existing::Keep => Err(exists()),
        _ => replace(path, content, existing),
    }
}

fn replace(path: &Path, content: &[u8], existing: Existing) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".gannet-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // The name of the temporary file would only puzzle.
    let file = builder.tempfile_in(folder).map_err(|error| io::Error::from(error.kind()));
    let mut file = file?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    let persisted = match existing {
        Existing::Keep => file.persist_noclobber(path),
        Existing::Replace => file.persist(path),
    };
    persisted.map(drop).map_err(|error| error.error)
}

fn exists() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "exists already; --overwrite replaces it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_kept_unless_it_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write_file(&path, b"one", Existing::Keep).unwrap();
        let error = write_file(&path, b"two", Existing::Keep).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write_file(&path, b"two", Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn nothing_is_left_behind_by_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("d")).unwrap();
        assert!(write_file(&folder.path().join("d"), b"x", Existing::Replace).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_stays_a_device() {
        write_file(Path::new("/dev/null"), b"x", Existing::Replace).unwrap();
        write_file(Path::new("/dev/null"), b"x", Existing::Keep).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
