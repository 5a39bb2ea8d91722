//! A torrent of files on the disk: found, hashed on all cores, written down.

mod hash;
mod tree;

use std::{io, path::PathBuf};

use gannet_core::{
    layout::{Layout, LayoutError},
    metainfo::{Draft, choose_piece_length},
};

pub(crate) use hash::{Tally, on_all_cores};
pub(crate) use tree::Tree;

/// Why files can't be made a torrent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// A file or folder can't be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Torrents name files in UTF-8.
    #[error("{}: the name is not UTF-8", path.display())]
    NotUtf8 {
        /// Whose name.
        path: PathBuf,
    },
    /// `/` or `..`, a device, a socket.
    #[error("{}: not a file or folder with a name", path.display())]
    Nameless {
        /// What was given.
        path: PathBuf,
    },
    /// A folder without files.
    #[error("{}: no files in it", path.display())]
    Empty {
        /// Which folder.
        path: PathBuf,
    },
    /// A file became shorter or longer in the meantime.
    #[error("{}: changed while it was hashed", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// Too many pieces or bytes.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

/// What to put into a torrent beside its files.
#[derive(Debug, Default)]
pub(crate) struct Recipe {
    /// Bytes of a piece; chosen from the size if `None`.
    pub(crate) piece_length: Option<u32>,
    /// Put each file's SHA-256 into the torrent.
    pub(crate) file_hashes: bool,
    /// Peers come from the trackers only.
    pub(crate) private: bool,
    /// Announce URLs in tiers.
    pub(crate) trackers: Vec<Vec<String>>,
    /// Base URLs of web seeds.
    pub(crate) web_seeds: Vec<String>,
    /// What to say about it.
    pub(crate) comment: Option<String>,
    /// When it is made, in seconds since 1970 (UTC).
    pub(crate) creation_date: Option<i64>,
}

/// How many bytes of `tree` will be hashed for a recipe: what a [`Tally`] counts up to.
pub(crate) fn work_bytes(tree: &Tree, recipe: &Recipe) -> u64 {
    tree.total_bytes() * if recipe.file_hashes { 2 } else { 1 }
}

/// Hashes the files on all cores, counting bytes in `tally`.
///
/// # Errors
/// A file that can't be read or changes, or too many pieces.
pub(crate) fn build(tree: &Tree, recipe: Recipe, tally: &Tally) -> Result<Draft, BuildError> {
    let piece_length = recipe.piece_length.unwrap_or(choose_piece_length(tree.total_bytes()));
    let layout = Layout::new(piece_length, tree.files.iter().map(|file| (file.length, false)))?;
    let hashes = hash::pieces(tree, &layout, tally)?;
    let mut files: Vec<_> = tree.files.iter().map(tree::Found::draft).collect();
    if recipe.file_hashes {
        let hashes = hash::files(tree, tally)?;
        files.iter_mut().zip(hashes).for_each(|(file, hash)| file.sha256 = Some(hash));
    }
    Ok(Draft {
        name: tree.name.clone(),
        files,
        piece_length,
        hashes,
        private: recipe.private,
        single_file: tree.is_single_file,
        trackers: recipe.trackers,
        web_seeds: recipe.web_seeds,
        comment: recipe.comment,
        created_by: Some(concat!("gannet/", env!("CARGO_PKG_VERSION")).to_owned()),
        creation_date: recipe.creation_date,
    })
}
