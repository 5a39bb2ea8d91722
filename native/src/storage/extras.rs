//! What files are besides their bytes (BEP 47): executable, or symbolic links. Done at the end, and
//! only warned about if it can't be: the data is there all the same.

use std::{
    io,
    path::{Path, PathBuf},
};

use cap_std::fs::PermissionsExt;

use super::folder::Folder;

/// Who may read a file may execute it: the bits of `r` moved to where those of `x` are.
const READ_BITS: u32 = 0o444;

/// Applies the attributes of all files that are where they belong.
pub(super) fn apply(folder: &Folder) {
    let hidden = folder.hidden();
    for (number, file) in folder.info.files().iter().enumerate() {
        if hidden[number] || file.attributes.pad {
            continue;
        }
        let path = &folder.paths[number];
        let applied = match &file.attributes.symlink {
            Some(target) => link(folder, path, target),
            None if file.attributes.executable => make_executable(folder, path),
            None => Ok(()),
        };
        if let Err(error) = applied {
            tracing::warn!(file = ?path, %error, "attribute not applied");
        }
    }
}

fn make_executable(folder: &Folder, path: &Path) -> io::Result<()> {
    let mut permissions = folder.root.metadata(path)?.permissions();
    let mode = permissions.mode();
    permissions.set_mode(mode | (mode & READ_BITS) >> 2);
    folder.root.set_permissions(path, permissions)
}

/// Makes a relative link; `target` is counted from the torrent's own folder and can't leave it.
fn link(folder: &Folder, path: &Path, target: &[String]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new(""));
    // The first part is the torrent's folder itself, where the target is counted from.
    let ups = parent.components().skip(1).map(|_| "..");
    let target: PathBuf = ups.chain(target.iter().map(String::as_str)).collect();
    folder.root.create_dir_all(parent)?;
    match folder.root.symlink(target, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}
