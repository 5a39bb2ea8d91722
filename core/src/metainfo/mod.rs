//! Torrent files (BEP 3, 12, 19, 27, 47): read, checked, written.
//!
//! Reading is lenient about what doesn't matter and exact about what does. The info hash is the
//! hash of the bytes as they came, never of bytes encoded again.

mod create;
mod error;
mod files;
mod info;
mod record;

use std::sync::Arc;

use bytes::Bytes;

use self::record::Record;
pub use self::{
    create::{Draft, DraftFile, choose_piece_length},
    error::{Field, MetainfoError, Place},
    info::{Attributes, File, Info, PieceHash},
};
use crate::{
    bencode::{self, Items, Limits, Value},
    listed::Listed,
    magnet::Magnet,
    sorted::Set,
};

/// The largest .torrent file in bytes that is read.
pub const MAX_TORRENT_BYTES: usize = 64 * 1024 * 1024;
/// The largest info dictionary in bytes that is taken from peers (BEP 9).
pub const MAX_METADATA_BYTES: usize = 8 * 1024 * 1024;
/// How many trackers, and how many web seeds, of one torrent are kept; the rest is passed over.
pub const MAX_URLS: usize = 256;
/// The longest URL in bytes that is kept.
pub const MAX_URL_BYTES: usize = 2048;

/// A .torrent file.
#[derive(Debug, Clone)]
pub struct Metainfo {
    /// What the torrent is.
    pub info: Arc<Info>,
    /// Announce URLs in tiers (BEP 12), each URL once. Any scheme: a stranger wrote them.
    pub trackers: Vec<Vec<String>>,
    /// Base URLs of web seeds (`url-list`, BEP 19), each once.
    pub web_seeds: Vec<String>,
    /// What its maker said about it. Not made safe for a terminal.
    pub comment: Option<String>,
    /// The program that made it. Not made safe for a terminal.
    pub created_by: Option<String>,
    /// When it was made, in seconds since 1970 (UTC).
    pub creation_date: Option<i64>,
}

impl Metainfo {
    /// Reads a .torrent file.
    ///
    /// # Errors
    /// Names the first field that is missing, malformed or beyond a limit.
    pub fn parse(torrent: Bytes) -> Result<Self, MetainfoError> {
        check_size(torrent.len())?;
        let document = bencode::parse(&torrent, Limits::default())?;
        let root = document.root().dict().ok_or(MetainfoError::NotADictionary)?;
        let root = Record { dict: root, place: Place::Torrent };
        let info = root.required("info")?;
        let dict = info.dict().ok_or_else(|| root.mistyped("info", "a dictionary"))?;
        Ok(Self {
            info: Arc::new(Info::read(torrent.slice_ref(info.span()), dict)?),
            trackers: trackers(root),
            web_seeds: web_seeds(root),
            comment: root.text("comment.utf-8").or_else(|| root.text("comment")),
            created_by: root.text("created by"),
            creation_date: root.optional("creation date").and_then(Value::as_int),
        })
    }

    /// A link to the torrent, with its name, trackers and web seeds.
    pub fn magnet(&self) -> Magnet {
        Magnet {
            name: Some(self.info.name().to_owned()),
            trackers: self.trackers.concat(),
            web_seeds: self.web_seeds.clone(),
            ..Magnet::new(*self.info.info_hash())
        }
    }
}

fn check_size(bytes: usize) -> Result<(), MetainfoError> {
    match bytes {
        ..=MAX_TORRENT_BYTES => Ok(()),
        _ => Err(MetainfoError::TooLarge { bytes, limit: MAX_TORRENT_BYTES }),
    }
}

/// URLs as they come, each once, up to a limit.
#[derive(Default)]
struct Urls(Set<String>);

impl Urls {
    /// The URL in the value, if it is one that isn't known yet.
    fn keep(&mut self, value: Value<'_>) -> Option<String> {
        let url = value.as_str()?.trim_ascii();
        let is_kept = !url.is_empty() && url.len() <= MAX_URL_BYTES && self.0.len() < MAX_URLS;
        (is_kept && self.0.insert(url.to_owned())).then(|| url.to_owned())
    }

    fn keep_all(&mut self, list: Items<'_>) -> Vec<String> {
        list.filter_map(|url| self.keep(url)).listed()
    }
}

/// `announce-list`, or `announce` where that has nothing (BEP 12).
fn trackers(root: Record<'_>) -> Vec<Vec<String>> {
    let (mut urls, mut tiers) = (Urls::default(), Vec::new());
    for tier in root.optional("announce-list").and_then(Value::list).into_iter().flatten() {
        let tier = tier.list().map_or_else(Vec::new, |tier| urls.keep_all(tier));
        if !tier.is_empty() {
            tiers.push(tier);
        }
    }
    if tiers.is_empty()
        && let Some(url) = root.optional("announce").and_then(|url| urls.keep(url))
    {
        tiers.push(vec![url]);
    }
    tiers
}

/// `url-list`: a list, or a single string.
fn web_seeds(root: Record<'_>) -> Vec<String> {
    let mut urls = Urls::default();
    let Some(value) = root.optional("url-list") else { return Vec::new() };
    match value.list() {
        Some(list) => urls.keep_all(list),
        None => urls.keep(value).map_or_else(Vec::new, |url| vec![url]),
    }
}
