//! Deletes what a torrent has downloaded. No name of a torrent, and no link in the folder, leads out
//! of the folder.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};
use gannet_core::metainfo::Info;

/// Removes a torrent's files, the folders that are empty then, and its resume record.
pub(super) fn remove_files(dir: &Path, info: &Info) -> io::Result<()> {
    let root = match Dir::open_ambient_dir(dir, ambient_authority()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let record = PathBuf::from(format!(".gannet-{}.resume", info.info_hash()));
    let files: Vec<PathBuf> = info.files().iter().map(|file| file.path.iter().collect()).collect();
    for file in files.iter().chain([&record]) {
        match root.remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let folders: BTreeSet<&Path> = files
        .iter()
        .flat_map(|file| file.ancestors().skip(1))
        .filter(|it| *it != Path::new(""))
        .collect();
    // The innermost first. One that isn't empty has something of somebody else's.
    folders.into_iter().rev().for_each(|folder| drop(root.remove_dir(folder)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_go_and_what_is_somebody_elses_stays() {
        let raw = "d5:filesld6:lengthi1e4:pathl1:a1:beed6:lengthi1e4:pathl1:ceee4:name1:t\
            12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
        let info = Info::parse(raw.as_bytes().to_vec().into()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("t/a")).unwrap();
        for name in ["t/a/b", "t/c", "t/other", "mine"] {
            fs::write(path(name), "x").unwrap();
        }
        remove_files(folder.path(), &info).unwrap();
        assert!(!path("t/a").exists() && !path("t/c").exists());
        assert!(path("t/other").exists() && path("mine").exists());
        remove_files(folder.path(), &info).unwrap();
        remove_files(&path("not there"), &info).unwrap();
    }
}
