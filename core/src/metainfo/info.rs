//! The info dictionary: what a torrent is, and what its info hash is the hash of.

use std::fmt;

use bytes::Bytes;

use super::{
    MetainfoError, check_size,
    error::Place,
    files::{self, TopName},
    record::Record,
};
use crate::{
    bencode::{self, BencodeError, Dict, Limits, Reason, Value},
    digest::{SHA1_BYTES, sha1},
    id::{InfoHash, PieceIndex},
    layout::{Layout, LayoutError},
};

/// What a piece is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PieceHash {
    /// SHA-1 of the piece (BEP 3).
    Sha1([u8; SHA1_BYTES]),
    /// Nothing: who delivers the piece answers for it.
    Unhashed,
}

/// One file of a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it goes below the download folder: safe on any system, and no other file's. Begins
    /// with the torrent's own folder if the torrent has several files.
    pub path: Vec<String>,
    /// What the torrent calls it, escaped for a terminal, if that had to be changed.
    pub original: Option<String>,
    /// Its bytes.
    pub length: u64,
    /// What else it is.
    pub attributes: Attributes,
    /// SHA-256 of the whole file (`sha256`, written by us and by some other clients).
    pub sha256: Option<[u8; 32]>,
    /// SHA-1 of the whole file (BEP 47).
    pub sha1: Option<[u8; SHA1_BYTES]>,
}

/// What a file is besides its bytes (BEP 47).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Zeros that fill up a piece: never stored.
    pub pad: bool,
    /// To be marked executable.
    pub executable: bool,
    /// To be hidden where a system can.
    pub hidden: bool,
    /// A symbolic link to this path in the torrent's folder, made safe; such a file has no bytes.
    pub symlink: Option<Vec<String>>,
}

/// An info dictionary that was read and holds together.
pub struct Info {
    info_hash: InfoHash,
    raw: Bytes,
    /// The hashes of all pieces, a part of `raw`.
    hashes: Bytes,
    name: TopName,
    layout: Layout,
    files: Vec<File>,
    is_single_file: bool,
    private: bool,
}

impl Info {
    /// Reads an info dictionary as peers send it (BEP 9): nothing may follow it.
    ///
    /// # Errors
    /// Names the first field that is missing, malformed or beyond a limit.
    pub fn parse(raw: Bytes) -> Result<Self, MetainfoError> {
        check_size(raw.len())?;
        let (document, consumed) = bencode::parse_prefix(&raw, Limits::default())?;
        if consumed < raw.len() {
            // White space too: it would be part of what is hashed.
            let error = BencodeError { offset: consumed, reason: Reason::TrailingData };
            return Err(error.into());
        }
        let dict = document.root().dict().ok_or(MetainfoError::NotADictionary)?;
        Self::read(raw.clone(), dict)
    }

    /// Reads an info dictionary if it is the one with this hash.
    ///
    /// # Errors
    /// Another torrent's dictionary, and all of [`Info::parse`].
    pub fn parse_expecting(raw: Bytes, expected: &InfoHash) -> Result<Self, MetainfoError> {
        check_size(raw.len())?;
        let actual = hash(&raw);
        if actual != *expected {
            return Err(MetainfoError::OtherInfoHash { expected: *expected, actual });
        }
        Self::parse(raw)
    }

    /// Reads the dictionary that `raw` holds.
    pub(super) fn read(raw: Bytes, dict: Dict<'_>) -> Result<Self, MetainfoError> {
        let info = Record { dict, place: Place::Info };
        if is_v2_only(info) {
            return Err(MetainfoError::V2Only);
        }
        let info_hash = hash(&raw);
        let name = files::top_name(info, &info_hash)?;
        let (files, is_single_file) = files::read(info, &name)?;
        let bytes = info.length("piece length")?;
        let piece_length = u32::try_from(bytes).map_err(|_| LayoutError::PieceLength(bytes))?;
        let spans = files.iter().map(|file| (file.length, file.attributes.pad));
        let layout = Layout::new(piece_length, spans)?;
        Ok(Self {
            hashes: raw.slice_ref(piece_hashes(info, &layout)?),
            private: info.optional("private").and_then(Value::as_int).is_some_and(|flag| flag != 0),
            info_hash,
            raw,
            name,
            layout,
            files,
            is_single_file,
        })
    }

    /// What the swarm knows the torrent by.
    pub const fn info_hash(&self) -> &InfoHash {
        &self.info_hash
    }

    /// The dictionary as it came: what the info hash is the hash of.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The name of the file, or of the folder of files, made safe; the info hash if it has none.
    pub fn name(&self) -> &str {
        &self.name.safe
    }

    /// What the name was, escaped for a terminal, if it had to be changed.
    pub fn original_name(&self) -> Option<&str> {
        self.name.changed_from.as_deref()
    }

    /// Where pieces, blocks and files lie.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// SHA-1 of the piece.
    ///
    /// # Panics
    /// If the piece is another torrent's and lies behind the end of this one.
    pub fn piece_hash(&self, piece: PieceIndex) -> &[u8; SHA1_BYTES] {
        &self.hashes.as_chunks().0[piece.as_usize()]
    }

    /// Whether peers may come from its trackers only (BEP 27).
    pub const fn private(&self) -> bool {
        self.private
    }

    /// The files, in the order of [`Layout::files`].
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Whether it is one file without a folder.
    pub const fn is_single_file(&self) -> bool {
        self.is_single_file
    }
}

/// Hash and name only: the rest is megabytes.
impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Info({} {:?})", self.info_hash, self.name())
    }
}

fn hash(raw: &[u8]) -> InfoHash {
    InfoHash::new(sha1(raw))
}

/// Whether only BitTorrent v2 (BEP 52) can read it; a hybrid has `pieces` too.
fn is_v2_only(info: Record<'_>) -> bool {
    let version = info.optional("meta version").and_then(Value::as_int);
    let is_v2 = version.is_some_and(|version| version >= 2) || info.optional("file tree").is_some();
    is_v2 && info.optional("pieces").is_none()
}

fn piece_hashes<'d>(info: Record<'d>, layout: &Layout) -> Result<&'d [u8], MetainfoError> {
    let hashes = info.bytes("pieces")?;
    if !hashes.len().is_multiple_of(SHA1_BYTES) {
        return Err(MetainfoError::PiecesLength(hashes.len()));
    }
    let (count, pieces) = (hashes.len() / SHA1_BYTES, layout.piece_count());
    if count != pieces as usize {
        return Err(MetainfoError::PieceCount { hashes: count, pieces });
    }
    Ok(hashes)
}
