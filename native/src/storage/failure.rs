//! The operating system's errors in the core's words.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use gannet_core::storage::StorageError;

/// What `error` at `path` means.
pub(super) fn at(path: &Path, error: &io::Error) -> StorageError {
    let file = path.display().to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StorageError::Full { file },
        // No system call's error: cap-std has caught a way out of the folder.
        ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            StorageError::Outside { file }
        }
        kind @ (ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            StorageError::ReadOnly { file, kind }
        }
        ErrorKind::NotFound | ErrorKind::UnexpectedEof => StorageError::Missing { file },
        kind => StorageError::Io { file, kind },
    }
}

/// Something that is no file stands where a file has to be.
pub(super) fn not_a_file(path: &Path) -> StorageError {
    let kind = ErrorKind::IsADirectory;
    StorageError::Io { file: path.display().to_string(), kind }
}

/// The thread that worked for an order broke down.
pub(super) fn panic() -> StorageError {
    StorageError::Io { file: "storage".to_owned(), kind: ErrorKind::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_word() {
        let at = |error: io::Error| at(Path::new("a/b"), &error);
        let file = || "a/b".to_owned();
        // Numbers of Linux: ENOSPC, EDQUOT, EROFS, EACCES, EIO.
        assert_eq!(at(io::Error::from_raw_os_error(28)), StorageError::Full { file: file() });
        assert_eq!(at(io::Error::from_raw_os_error(122)), StorageError::Full { file: file() });
        for number in [30, 13] {
            let error = io::Error::from_raw_os_error(number);
            let kind = error.kind();
            assert_eq!(at(error), StorageError::ReadOnly { file: file(), kind });
        }
        let escape = io::Error::new(ErrorKind::PermissionDenied, "a path led outside");
        assert_eq!(at(escape), StorageError::Outside { file: file() });
        assert!(matches!(at(io::Error::from_raw_os_error(5)), StorageError::Io { .. }));
    }
}
