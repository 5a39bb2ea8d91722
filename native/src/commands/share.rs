//! What `seed` and `serve` share: paths become torrents whose data lies where it is.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use gannet::Place;
use gannet_core::metainfo::Metainfo;

use super::create;
use crate::{
    build::Recipe,
    exit::{Exit, Failure, OrFail},
    output::note,
    source::{parse_torrent, read_torrent_file},
};

/// A torrent and where its data lies.
pub(super) struct Shared {
    pub(super) torrent: Metainfo,
    /// The .torrent file itself.
    pub(super) file: Bytes,
    pub(super) place: Place,
    /// Hashed a moment ago.
    pub(super) is_checked: bool,
}

/// How paths become torrents.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// Where the data of a .torrent lies.
    pub(super) data: PathBuf,
    /// What becomes a torrent names these, each a tier.
    pub(super) trackers: Vec<String>,
    pub(super) piece_length: Option<u32>,
    pub(super) quiet: bool,
}

/// Reads a .torrent, or makes one of a file or a folder. Takes as long as the disk does.
///
/// # Errors
/// What can't be read, or can't be a torrent.
pub(super) fn prepare(path: &Path, terms: &Terms) -> Result<Shared, Failure> {
    let place = |dir| Place::Folder { dir, rename: None, overwrite: false };
    if is_torrent(path) {
        let file = read_torrent_file(path)?;
        let torrent = parse_torrent(file.clone(), &path.display().to_string())?;
        return Ok(Shared { torrent, file, place: place(terms.data.clone()), is_checked: false });
    }
    let tree = create::find(path, terms.quiet)?;
    let trackers = terms.trackers.iter().map(|url| vec![url.clone()]).collect();
    let recipe = Recipe { piece_length: terms.piece_length, trackers, ..Recipe::default() };
    let file = Bytes::from(create::build(&tree, recipe, terms.quiet)?.encode());
    let torrent = parse_torrent(file.clone(), &path.display().to_string())?;
    if let Some(file) = torrent.info.files().iter().find(|file| file.original.is_some()) {
        let original = file.original.as_deref().unwrap_or_default();
        let said = format!("{original}: a name like that can't be shared in place; rename it");
        return Err(Failure::say(Exit::BadTorrent, said));
    }
    Ok(Shared { torrent, file, place: place(tree.parent), is_checked: true })
}

/// Each entry of a folder as a torrent of its own. A .torrent beside its data stands for that data.
/// What is hidden is left out, and what can't be shared is told.
///
/// # Errors
/// The folder can't be read.
pub(super) fn prepare_entries(folder: &Path, terms: &Terms) -> Result<Vec<Shared>, Failure> {
    let terms = Terms { data: folder.to_owned(), ..terms.clone() };
    let (mut shared, mut taken) = (Vec::new(), BTreeSet::new());
    let (torrents, others): (Vec<_>, Vec<_>) =
        visible(folder)?.into_iter().partition(|path| is_torrent(path));
    for path in torrents {
        let found = prepare(&path, &terms);
        let found = found.inspect_err(|failure| note(format!("left out: {failure}")));
        let has_data = |it: &Shared| folder.join(it.torrent.info.name()).exists();
        shared.extend(found.ok().filter(has_data).inspect(|it| {
            taken.insert(OsString::from(it.torrent.info.name()));
        }));
    }
    for path in others {
        if path.file_name().is_some_and(|name| taken.contains(name)) {
            continue;
        }
        let made = prepare(&path, &terms);
        shared.extend(made.inspect_err(|failure| note(format!("left out: {failure}"))));
    }
    Ok(shared)
}

fn is_torrent(path: &Path) -> bool {
    let is_named = path.extension().is_some_and(|extension| extension == "torrent");
    is_named && fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// The entries of a folder by name, without hidden ones.
fn visible(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).or_fail(Exit::Storage, folder.display())?;
    let entries: Result<Vec<_>, _> = entries.collect();
    let entries = entries.or_fail(Exit::Storage, folder.display())?;
    let is_hidden = |name: OsString| name.as_encoded_bytes().starts_with(b".");
    let shown = entries.into_iter().filter(|entry| !is_hidden(entry.file_name()));
    let mut paths: Vec<_> = shown.map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}
