//! What the core asks of a disk, and the one way to carry it out.
//!
//! The core emits [`Command`]s; the host runs [`perform`] over its [`Storage`], off the event loop,
//! and hands back the [`Completion`]. Hashing, the mapping of pieces to files and the zeros of pad
//! files are thereby written once for every host.

use std::{io, sync::Arc};

use bytes::Bytes;

pub use crate::digest::{PortableSha1, Sha1Hasher};
use crate::{
    bitfield::Bitfield,
    id::{PieceIndex, TorrentKey},
    layout::{BLOCK_BYTES, Layout},
    metainfo::Info,
};

/// Stores, spills and checks out at once per torrent, at most.
pub const MAX_STORES_OUT: usize = 16;
/// Reads out at once per torrent, at most.
pub const MAX_READS_OUT: usize = 16;
/// Bytes that one read asks for, at most: consecutive requests of a peer are read together.
pub const MAX_READ_BYTES: u32 = 256 * 1024;

/// SHA-1 of one block: how two copies of a piece are compared after one of them failed.
pub type BlockDigest = [u8; 20];

/// One order to the host about one torrent's data.
#[derive(Debug, Clone)]
pub struct Command {
    /// Whose data.
    pub torrent: TorrentKey,
    /// What to do.
    pub order: Order,
}

/// What to do. Each order is answered by exactly one [`Completion`].
#[derive(Debug, Clone)]
pub enum Order {
    /// Make the files known to the storage and look at what is there. The first order for a torrent.
    Open {
        /// The files, their names and sizes.
        info: Arc<Info>,
        /// For each file of `info`, whether the user wants it.
        wanted: Vec<bool>,
    },
    /// The user's choice of files changed.
    Select {
        /// For each file, whether the user wants it.
        wanted: Vec<bool>,
    },
    /// Hash a whole piece and, only if it is right, write it.
    Store {
        /// Which piece.
        piece: PieceIndex,
        /// Its bytes, in order, block by block.
        buffers: Vec<Bytes>,
        /// Answer with the digests of the blocks even if the piece is right.
        digest_blocks: bool,
    },
    /// Write bytes that are not verified yet: the piece is too large to wait in memory.
    Spill {
        /// Which piece.
        piece: PieceIndex,
        /// Offset within the piece, in bytes.
        begin: u32,
        /// The bytes, in order.
        buffers: Vec<Bytes>,
    },
    /// Read back a whole piece and hash it.
    Check {
        /// Which piece.
        piece: PieceIndex,
        /// Answer with the digests of the blocks too.
        digest_blocks: bool,
    },
    /// Read bytes of a verified piece.
    Read {
        /// Which piece.
        piece: PieceIndex,
        /// Offset within the piece, in bytes.
        begin: u32,
        /// How many bytes: at most [`MAX_READ_BYTES`] for a peer, a whole piece for the user.
        length: u32,
    },
    /// Sync the data, then replace the resume record atomically.
    Checkpoint {
        /// The verified pieces.
        have: Bitfield,
        /// All that is wanted is there: the record may be dropped once the files are final.
        complete: bool,
    },
    /// Nothing more will be asked for this torrent.
    Close,
}

/// The answer to one [`Command`].
#[derive(Debug, Clone)]
pub struct Completion {
    /// Whose data.
    pub torrent: TorrentKey,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an [`Order`].
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Of [`Order::Open`].
    Opened(Result<Opened, StorageError>),
    /// Of [`Order::Select`].
    Selected(Result<(), StorageError>),
    /// Of [`Order::Store`].
    Stored {
        /// Which piece.
        piece: PieceIndex,
        /// Whether its hash was right, if it could be written.
        result: Result<Verdict, StorageError>,
    },
    /// Of [`Order::Spill`].
    Spilled {
        /// Which piece.
        piece: PieceIndex,
        /// How many bytes the order carried.
        length: u32,
        /// Whether they were written.
        result: Result<(), StorageError>,
    },
    /// Of [`Order::Check`].
    Checked {
        /// Which piece.
        piece: PieceIndex,
        /// Whether its hash is right.
        result: Result<Verdict, StorageError>,
    },
    /// Of [`Order::Read`].
    Read {
        /// Which piece.
        piece: PieceIndex,
        /// Offset within the piece, in bytes.
        begin: u32,
        /// How many bytes were asked for.
        length: u32,
        /// Exactly `length` bytes.
        result: Result<Bytes, StorageError>,
    },
    /// Of [`Order::Checkpoint`].
    Checkpointed(Result<(), StorageError>),
    /// Of [`Order::Close`].
    Closed,
}

/// What was found when the files were opened.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    /// The pieces of a resume record that matches the files as they are.
    pub trusted: Option<Bitfield>,
    /// For each file, whether there is data that may hold pieces. Without it nothing is checked.
    pub present: Vec<bool>,
}

/// Whether a piece's hash was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The hash is the torrent's.
    pub good: bool,
    /// A digest per block, where asked for or where the piece is bad; else empty.
    pub digests: Vec<BlockDigest>,
}

/// Why the storage could not do as ordered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// No space left, or the browser's quota is used up. Goes away by itself when space is made.
    #[error("{file}: no space left on the disk")]
    Full {
        /// The file it happened to.
        file: String,
    },
    /// A file may not be written.
    #[error("{file}: not writable ({})", words(*kind))]
    ReadOnly {
        /// The file it happened to.
        file: String,
        /// What the operating system said.
        kind: io::ErrorKind,
    },
    /// A file is shorter than the torrent says, so nothing can be read there.
    #[error("{file}: missing or too short")]
    Missing {
        /// The file it happened to.
        file: String,
    },
    /// Somebody else's file of another size stands in the way.
    #[error(
        "{file}: exists with {found_bytes} bytes, the torrent says {expected_bytes}; not overwritten"
    )]
    Foreign {
        /// The file in the way.
        file: String,
        /// Its size.
        found_bytes: u64,
        /// The size the torrent gives.
        expected_bytes: u64,
    },
    /// A name leads out of the download folder, for example over a symbolic link.
    #[error("{file}: leads out of the download folder")]
    Outside {
        /// The name.
        file: String,
    },
    /// Memory storage has reached its limit.
    #[error("more than {limit_bytes} bytes don't fit in memory storage")]
    MemoryLimit {
        /// The limit.
        limit_bytes: u64,
    },
    /// Anything else that the operating system reports.
    #[error("{file}: {}", words(*kind))]
    Io {
        /// The file it happened to.
        file: String,
        /// What the operating system said.
        kind: io::ErrorKind,
    },
    /// The torrent was never opened or is already closed.
    #[error("the torrent's storage is not open")]
    Closed,
}

/// What the operating system said.
#[cfg(not(target_family = "wasm"))]
fn words(kind: io::ErrorKind) -> io::ErrorKind {
    kind
}

/// A page's files have one reason, and the standard library words for forty others.
#[cfg(target_family = "wasm")]
fn words(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied => "permission denied",
        _ => "failed",
    }
}

/// Files by number, as they stand in the torrent; pad files are never asked for.
///
/// Implementations take `&self`: orders of one torrent may run at the same time, on different ranges.
pub trait Storage {
    /// How this host hashes: [`PortableSha1`], or something that is faster there.
    type Sha1: Sha1Hasher;

    /// Fills `into` from `offset` of a file. A file that ends before is [`StorageError::Missing`].
    fn read_at(&self, file: usize, offset: u64, into: &mut [u8]) -> Result<(), StorageError>;

    /// Writes all of `buffers`, one after the other, from `offset` of a file; short writes are completed.
    fn write_at(&self, file: usize, offset: u64, buffers: &[Bytes]) -> Result<(), StorageError>;
}

/// Carries out the orders about pieces; `None` for those that are the host's own
/// ([`Order::Open`], [`Order::Select`], [`Order::Checkpoint`], [`Order::Close`]).
pub fn perform(storage: &impl Storage, info: &Info, order: Order) -> Option<Outcome> {
    Some(match order {
        Order::Store { piece, buffers, digest_blocks } => {
            let result = store(storage, info, piece, &buffers, digest_blocks);
            Outcome::Stored { piece, result }
        }
        Order::Spill { piece, begin, buffers } => {
            let length = total(&buffers);
            let offset = info.layout().piece_offset(piece) + u64::from(begin);
            let result = write(storage, info.layout(), offset, &buffers);
            Outcome::Spilled { piece, length, result }
        }
        Order::Check { piece, digest_blocks } => {
            Outcome::Checked { piece, result: check(storage, info, piece, digest_blocks) }
        }
        Order::Read { piece, begin, length } => {
            let offset = info.layout().piece_offset(piece) + u64::from(begin);
            let result = read(storage, info.layout(), offset, length);
            Outcome::Read { piece, begin, length, result }
        }
        Order::Open { .. } | Order::Select { .. } | Order::Checkpoint { .. } | Order::Close => {
            return None;
        }
    })
}

fn store<S: Storage>(
    storage: &S,
    info: &Info,
    piece: PieceIndex,
    buffers: &[Bytes],
    digest_blocks: bool,
) -> Result<Verdict, StorageError> {
    let right = total(buffers) == info.layout().piece_bytes(piece);
    let good = right && digest::<S>(buffers) == *info.piece_hash(piece);
    if good {
        write(storage, info.layout(), info.layout().piece_offset(piece), buffers)?;
    }
    let digests = match digest_blocks || !good {
        true => buffers.iter().map(|block| digest::<S>(std::slice::from_ref(block))).collect(),
        false => Vec::new(),
    };
    Ok(Verdict { good, digests })
}

/// Reads a piece in steps, so that even the largest is never whole in memory.
fn check<S: Storage>(
    storage: &S,
    info: &Info,
    piece: PieceIndex,
    digest_blocks: bool,
) -> Result<Verdict, StorageError> {
    let layout = info.layout();
    let (offset, length) = (layout.piece_offset(piece), layout.piece_bytes(piece));
    let mut hasher = S::Sha1::default();
    let mut digests = Vec::new();
    let mut buffer = vec![0; length.min(MAX_READ_BYTES) as usize];
    for begin in (0..length).step_by(MAX_READ_BYTES as usize) {
        let step = &mut buffer[..(length - begin).min(MAX_READ_BYTES) as usize];
        read_into(storage, layout, offset + u64::from(begin), step)?;
        hasher.update(step);
        if digest_blocks {
            digests.extend(step.chunks(BLOCK_BYTES as usize).map(|block| digest::<S>(&[block])));
        }
    }
    Ok(Verdict { good: hasher.finish() == *info.piece_hash(piece), digests })
}

fn digest<S: Storage>(parts: &[impl AsRef<[u8]>]) -> [u8; 20] {
    let mut hasher = S::Sha1::default();
    parts.iter().for_each(|part| hasher.update(part.as_ref()));
    hasher.finish()
}

fn read(
    storage: &impl Storage,
    layout: &Layout,
    offset: u64,
    length: u32,
) -> Result<Bytes, StorageError> {
    let mut bytes = vec![0; length as usize];
    read_into(storage, layout, offset, &mut bytes)?;
    Ok(bytes.into())
}

fn read_into(
    storage: &impl Storage,
    layout: &Layout,
    offset: u64,
    mut into: &mut [u8],
) -> Result<(), StorageError> {
    for slice in layout.slices(offset, into.len() as u64) {
        let (here, rest) = into.split_at_mut(slice.length as usize);
        match slice.pad {
            true => here.fill(0),
            false => storage.read_at(slice.file, slice.offset, here)?,
        }
        into = rest;
    }
    Ok(())
}

fn write(
    storage: &impl Storage,
    layout: &Layout,
    offset: u64,
    buffers: &[Bytes],
) -> Result<(), StorageError> {
    let mut rest = buffers.to_vec();
    for slice in layout.slices(offset, u64::from(total(buffers))) {
        let here = take_front(&mut rest, slice.length as usize);
        if !slice.pad {
            storage.write_at(slice.file, slice.offset, &here)?;
        }
    }
    Ok(())
}

/// Splits the first `length` bytes off a row of buffers, without copying.
fn take_front(buffers: &mut Vec<Bytes>, mut length: usize) -> Vec<Bytes> {
    let whole = buffers
        .iter()
        .take_while(|bytes| {
            let fits = bytes.len() <= length;
            length -= if fits { bytes.len() } else { 0 };
            fits
        })
        .count();
    let mut front: Vec<Bytes> = buffers.drain(..whole).collect();
    if length > 0
        && let Some(first) = buffers.first_mut()
    {
        front.push(first.split_to(length));
    }
    front
}

/// The length of a row of buffers; a piece is at most 64 MiB, so it fits.
pub(crate) fn total(buffers: &[Bytes]) -> u32 {
    buffers.iter().map(|bytes| bytes.len() as u32).sum()
}
