//! The files of a folder, in an order that is the same everywhere.

use std::{
    fs::{self, Metadata},
    path::{Path, PathBuf},
};

use gannet_core::metainfo::DraftFile;

use super::BuildError;

/// What was found at a path.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The name of the file or folder.
    pub(crate) name: String,
    /// The folder that the file or folder lies in.
    pub(crate) parent: PathBuf,
    /// The files, sorted by the bytes of their paths.
    pub(crate) files: Vec<Found>,
    /// Whether the path is a file, not a folder.
    pub(crate) is_single_file: bool,
    /// Links, devices, sockets: never part of a torrent.
    pub(crate) skipped: Vec<PathBuf>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its path in the torrent's folder; empty for a single file.
    pub(crate) components: Vec<String>,
    /// Its bytes.
    pub(crate) length: u64,
    /// Whether somebody may execute it.
    pub(crate) executable: bool,
}

impl Found {
    /// The file as a torrent describes it.
    pub(super) fn draft(&self) -> DraftFile {
        DraftFile {
            path: self.components.clone(),
            length: self.length,
            executable: self.executable,
            sha256: None,
        }
    }
}

impl Tree {
    /// Looks at a file, or at a folder and all below it. Hidden files belong to it; links don't.
    ///
    /// # Errors
    /// What can't be read, has no name in UTF-8, or has no files in it.
    pub(crate) fn find(path: &Path) -> Result<Self, BuildError> {
        // The link that a user names is followed: only those inside a folder are left out.
        let real = path.canonicalize().map_err(|source| io(path, source))?;
        let metadata = fs::metadata(&real).map_err(|source| io(path, source))?;
        let nameless = || BuildError::Nameless { path: path.to_owned() };
        let name = real.file_name().ok_or_else(nameless)?;
        let name = name.to_str().ok_or_else(|| BuildError::NotUtf8 { path: real.clone() })?;
        let mut tree = Self {
            name: name.to_owned(),
            parent: real.parent().ok_or_else(nameless)?.to_owned(),
            files: Vec::new(),
            is_single_file: metadata.is_file(),
            skipped: Vec::new(),
        };
        match (metadata.is_file(), metadata.is_dir()) {
            (true, _) => tree.files.push(found(real, Vec::new(), &metadata)),
            (_, true) => tree.descend(real)?,
            _ => return Err(nameless()),
        }
        match tree.files.is_empty() {
            true => Err(BuildError::Empty { path: path.to_owned() }),
            false => Ok(tree),
        }
    }

    /// Bytes of all files.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }

    fn descend(&mut self, top: PathBuf) -> Result<(), BuildError> {
        let mut folders = vec![(top, Vec::new())];
        while let Some((folder, components)) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(|source| io(&folder, source))? {
                let entry = entry.map_err(|source| io(&folder, source))?;
                let path = entry.path();
                // Of the entry itself: a link is not followed.
                let metadata = entry.metadata().map_err(|source| io(&path, source))?;
                if !metadata.is_file() && !metadata.is_dir() {
                    self.skipped.push(path);
                    continue;
                }
                let name = entry.file_name().into_string();
                let name = name.map_err(|_| BuildError::NotUtf8 { path: path.clone() })?;
                let components = [components.as_slice(), &[name]].concat();
                match metadata.is_dir() {
                    true => folders.push((path, components)),
                    false => self.files.push(found(path, components, &metadata)),
                }
            }
        }
        self.files.sort_by(|a, b| a.components.cmp(&b.components));
        self.skipped.sort();
        Ok(())
    }
}

fn found(path: PathBuf, components: Vec<String>, metadata: &Metadata) -> Found {
    Found { path, components, length: metadata.len(), executable: is_executable(metadata) }
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}

fn io(path: &Path, source: std::io::Error) -> BuildError {
    BuildError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in [("top/b.txt", "b"), ("top/a/z", "zz"), ("top/.hidden", "h")] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn files_come_sorted_hidden_ones_too() {
        let folder = folder();
        let tree = Tree::find(&folder.path().join("top")).unwrap();
        let paths: Vec<_> = tree.files.iter().map(|file| file.components.join("/")).collect();
        assert_eq!(paths, [".hidden", "a/z", "b.txt"]);
        assert_eq!((tree.name.as_str(), tree.total_bytes()), ("top", 4));
        assert!(!tree.is_single_file);
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_folder_are_left_out_and_told() {
        let folder = folder();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("top/link")).unwrap();
        let tree = Tree::find(&folder.path().join("top")).unwrap();
        assert_eq!(tree.files.len(), 3);
        assert!(tree.skipped[0].ends_with("top/link"));
    }

    #[test]
    fn a_folder_without_files_is_no_torrent() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Tree::find(folder.path()), Err(BuildError::Empty { .. })));
        assert!(matches!(Tree::find(&folder.path().join("no")), Err(BuildError::Io { .. })));
        assert!(matches!(Tree::find(Path::new("/")), Err(BuildError::Nameless { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn an_executable_file_says_so() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        let path = folder.path().join("top/b.txt");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let tree = Tree::find(&path).unwrap();
        assert!(tree.is_single_file && tree.files[0].executable);
    }
}
