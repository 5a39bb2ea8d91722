//! One published .torrent file.

use bytes::Bytes;
use gannet_core::{
    id::InfoHash,
    metainfo::{Metainfo, MetainfoError},
    names::{NameError, sanitize_path},
    percent,
};

/// What follows the name in a path and in a folder.
pub(super) const SUFFIX: &str = ".torrent";

/// Why a file can't be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Nothing is left of its name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It is no torrent that can be read.
    #[error("not a .torrent file: {0}")]
    Torrent(#[from] MetainfoError),
}

/// A .torrent file that was published, byte for byte, and what is shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What it is called: safe as the name of a file, without `.torrent`.
    pub name: String,
    /// The file.
    pub torrent: Bytes,
    /// The torrent in it.
    pub info_hash: InfoHash,
    /// The size of its data in bytes.
    pub total_bytes: u64,
    /// The name to search for and to sort by.
    pub(crate) folded: String,
}

impl Published {
    /// Reads a .torrent file that is to be called `name`, which is made safe.
    ///
    /// # Errors
    /// If nothing is left of the name, or the file can't be read.
    pub fn read(name: &str, torrent: Bytes) -> Result<Self, PublishError> {
        let name = safe_name(name)?;
        let info = Metainfo::parse(torrent.clone())?.info;
        Ok(Self {
            folded: name.to_lowercase(),
            name,
            torrent,
            info_hash: *info.info_hash(),
            total_bytes: info.layout().total_length(),
        })
    }

    /// Where it is served, percent-encoded.
    pub fn path(&self) -> String {
        format!("/torrents/{}{SUFFIX}", percent::encode(self.name.as_bytes()))
    }
}

/// The name as a file's, so that it fits with [`SUFFIX`] behind it; one that it has is taken off.
pub(in crate::tracker::api) fn safe_name(name: &str) -> Result<String, NameError> {
    let stem = without_suffix(name);
    // By itself first: there must be something in front of the suffix.
    let stem = sanitize_path(&[stem.as_bytes()])?.path.concat();
    let file = sanitize_path(&[format!("{stem}{SUFFIX}").as_bytes()])?.path.concat();
    Ok(without_suffix(&file).to_owned())
}

/// The name in front of `.torrent`, in whatever case that is written.
pub(super) fn without_suffix(name: &str) -> &str {
    let stem_bytes = name.len().saturating_sub(SUFFIX.len());
    match name.split_at_checked(stem_bytes) {
        Some((stem, suffix)) if suffix.eq_ignore_ascii_case(SUFFIX) && !stem.is_empty() => stem,
        _ => name,
    }
}
