//! What can be wrong with a torrent, each with the field where it is.

use std::fmt;

use crate::{bencode::BencodeError, id::InfoHash, layout::LayoutError, names::NameError};

/// The dictionary that a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The outermost one.
    Torrent,
    /// `info`.
    Info,
    /// An entry of `info.files`, by number from zero.
    File(usize),
}

/// A field of a torrent; prints as `info.files[3].length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The dictionary it belongs to.
    pub place: Place,
    /// Its key.
    pub key: &'static str,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Torrent => f.write_str(self.key),
            Place::Info => write!(f, "info.{}", self.key),
            Place::File(number) => write!(f, "info.files[{number}].{}", self.key),
        }
    }
}

/// A field by place and key.
pub(super) const fn at(place: Place, key: &'static str) -> Field {
    Field { place, key }
}

/// Why bytes are no torrent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetainfoError {
    /// More bytes than are read.
    #[error("{bytes} bytes are more than the {limit} that are read of a torrent")]
    TooLarge {
        /// Bytes there are.
        bytes: usize,
        /// Bytes that are read.
        limit: usize,
    },
    /// It isn't bencode.
    #[error("not a torrent: {0}")]
    Bencode(#[from] BencodeError),
    /// It is bencode, but no dictionary.
    #[error("not a torrent: the outermost value is not a dictionary")]
    NotADictionary,
    /// The info dictionary is another torrent's.
    #[error("the info hash is {actual}, not {expected}")]
    OtherInfoHash {
        /// The hash asked for.
        expected: InfoHash,
        /// The hash of what came.
        actual: InfoHash,
    },
    /// A torrent of BitTorrent v2 (BEP 52) without the v1 part of a hybrid.
    #[error("v2-only torrents aren't supported")]
    V2Only,
    /// A field that must be there isn't.
    #[error("{0}: missing")]
    Missing(Field),
    /// A field holds something of another kind.
    #[error("{field}: not {expected}")]
    Mistyped {
        /// The field.
        field: Field,
        /// What it should hold.
        expected: &'static str,
    },
    /// A length or size is below zero.
    #[error("{field}: {value} is negative")]
    Negative {
        /// The field.
        field: Field,
        /// What it holds.
        value: i64,
    },
    /// A name of which nothing is left.
    #[error("{field}: {source}")]
    Name {
        /// The field.
        field: Field,
        /// What the name was.
        source: NameError,
    },
    /// There is a single file and a list of files.
    #[error("info: both length and files are there; a torrent has one or the other")]
    LengthAndFiles,
    /// The list of files is empty.
    #[error("info.files: empty")]
    NoFiles,
    /// Piece length and lengths of files make no torrent.
    #[error("{field}: {source}")]
    Layout {
        /// The field to blame.
        field: Field,
        /// What is wrong.
        source: LayoutError,
    },
    /// The hashes aren't of 20 bytes each.
    #[error("info.pieces: {0} bytes is not a multiple of 20")]
    PiecesLength(usize),
    /// There are more or fewer hashes than pieces.
    #[error("info.pieces: {hashes} hashes for {pieces} pieces")]
    PieceCount {
        /// Hashes there are.
        hashes: usize,
        /// Pieces that the lengths make.
        pieces: u32,
    },
}

impl From<LayoutError> for MetainfoError {
    fn from(source: LayoutError) -> Self {
        let key = match source {
            LayoutError::TotalLength => "length",
            LayoutError::PieceLength(_) | LayoutError::TooManyPieces(_) => "piece length",
        };
        Self::Layout { field: at(Place::Info, key), source }
    }
}
