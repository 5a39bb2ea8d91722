//! Checksums of finished files.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use gannet_core::metainfo::Info;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::exit::{Exit, Failure, OrFail};

/// What is read at once.
const READ_BYTES: usize = 256 * 1024;

/// A file that is to have certain checksums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) path: PathBuf,
    pub(super) length: u64,
    pub(super) sha256: Vec<[u8; 32]>,
    pub(super) sha1: Vec<[u8; 20]>,
}

impl Promise {
    fn is_empty(&self) -> bool {
        self.sha256.is_empty() && self.sha1.is_empty()
    }
}

/// What the torrent itself promises of the wanted files.
pub(super) fn of_torrent(
    info: &Info,
    wanted: Option<&[bool]>,
    place: impl Fn(&[String]) -> PathBuf,
) -> Vec<Promise> {
    let is_wanted = |number| wanted.is_none_or(|wanted| wanted[number]);
    let files = info.files().iter().enumerate();
    let stored = files.filter(|(number, file)| {
        is_wanted(*number) && !file.attributes.pad && file.attributes.symlink.is_none()
    });
    let promise = |(_, file): (usize, &gannet_core::metainfo::File)| Promise {
        path: place(&file.path),
        length: file.length,
        sha256: file.sha256.into_iter().collect(),
        sha1: file.sha1.into_iter().collect(),
    };
    stored.map(promise).collect()
}

/// Checks each file that anything is promised of.
///
/// # Errors
/// The first file that isn't what was promised, or that can't be read.
pub(super) fn check(promises: &[Promise]) -> Result<(), Failure> {
    let checked = promises.iter().filter(|promise| !promise.is_empty());
    checked.into_iter().try_for_each(|promise| {
        let name = promise.path.display();
        let (sha256, sha1) = hash(promise).or_fail(Exit::Storage, name)?;
        promise
            .sha256
            .iter()
            .try_for_each(|expected| compare(promise, "SHA-256", &sha256, expected))?;
        promise.sha1.iter().try_for_each(|expected| compare(promise, "SHA-1", &sha1, expected))
    })
}

fn compare(promise: &Promise, kind: &str, found: &[u8], expected: &[u8]) -> Result<(), Failure> {
    if found == expected {
        return Ok(());
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (path, found, expected) = (promise.path.display(), hex(found), hex(expected));
    Err(Failure::say(Exit::Checksum, format!("{path}: {kind} is {found}, not {expected}")))
}

fn hash(promise: &Promise) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut sha256, mut sha1) = (Sha256::new(), Sha1::new());
    read(&promise.path, promise.length, |bytes| {
        if !promise.sha256.is_empty() {
            sha256.update(bytes);
        }
        if !promise.sha1.is_empty() {
            sha1.update(bytes);
        }
    })?;
    Ok((sha256.finalize().to_vec(), sha1.finalize().to_vec()))
}

fn read(path: &Path, length: u64, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = File::open(path)?.take(length);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            count => take(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(content: &str, of: &str) -> (tempfile::TempDir, Promise) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, content).unwrap();
        let promise = Promise {
            path,
            length: content.len() as u64,
            sha256: vec![Sha256::digest(of).into()],
            sha1: vec![Sha1::digest(of).into()],
        };
        (folder, promise)
    }

    #[test]
    fn a_file_that_is_as_promised_passes() {
        let (_folder, promise) = promise("right", "right");
        assert!(check(&[promise]).is_ok());
    }

    #[test]
    fn a_file_that_is_not_is_a_checksum_mismatch() {
        let (_folder, mut promise) = promise("wrong", "right");
        assert_eq!(check(std::slice::from_ref(&promise)).unwrap_err().exit, Exit::Checksum);
        promise.sha256.clear();
        let failure = check(&[promise]).unwrap_err();
        assert!(failure.to_string().contains("SHA-1 is"), "{failure}");
    }

    #[test]
    fn a_file_of_which_nothing_is_promised_need_not_even_be_there() {
        let path = "/nonexistent/file".into();
        let promise = Promise { path, length: 1, sha256: vec![], sha1: vec![] };
        assert!(check(&[promise]).is_ok());
    }
}
