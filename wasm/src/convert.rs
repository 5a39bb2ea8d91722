//! All conversion between what JavaScript says and what the core says.

use std::{fmt::Display, io::ErrorKind, net::SocketAddr, slice, str};

use bytes::Bytes;
use gannet_core::{
    AddError, AddTorrent, Content, TorrentOptions, addr,
    event::News,
    id::PieceIndex,
    magnet::{Magnet, MagnetError},
    metainfo::{Info, Metainfo},
    reason::Disconnect,
    resume::{FileStamp, Record},
    stats::{PieceState, TorrentState},
    storage::{Opened, PortableSha1, Sha1Hasher, StorageError},
};
use serde::Serialize;

use crate::{
    host::{self, Order},
    json,
};

/// What is in a torrent, as JavaScript sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    info_hash: String,
    name: &'a str,
    total_bytes: u64,
    piece_length: u32,
    single_file: bool,
    private: bool,
    trackers: &'a [Vec<String>],
    web_seeds: &'a [String],
    files: Vec<DescribedFile<'a>>,
}

#[derive(Serialize)]
struct DescribedFile<'a> {
    path: &'a [String],
    length: u64,
    offset: u64,
    /// No bytes of it are ever stored: a pad, or a symbolic link.
    skip: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribedMagnet<'a> {
    info_hash: String,
    name: Option<&'a str>,
    trackers: &'a [String],
    peers: &'a [String],
    web_seeds: &'a [String],
}

/// Why something isn't done, as JSON: the `name` of an error, and its `message`, a sentence.
pub(crate) struct Refusal(pub(crate) Vec<u8>);

/// There isn't what is asked for.
pub(crate) const NO: Refusal = Refusal(Vec::new());

impl Refusal {
    fn new(name: &'static str, why: &dyn Display) -> Self {
        #[derive(Serialize)]
        struct Error {
            name: &'static str,
            message: String,
        }
        Self(json::bytes(&Error { name, message: why.to_string() }))
    }
}

pub(crate) fn metainfo(torrent: Vec<u8>) -> Result<Metainfo, Refusal> {
    Metainfo::parse(Bytes::from(torrent)).map_err(|error| Refusal::new("TorrentError", &error))
}

pub(crate) fn magnet(link: &[u8]) -> Result<Magnet, Refusal> {
    let error = |error: MagnetError| Refusal::new("TorrentError", &error);
    text(link).parse().map_err(error)
}

pub(crate) fn addr(given: &[u8]) -> Result<SocketAddr, Refusal> {
    let error = || {
        Refusal::new("AddressError", &"a peer is an address and a port, as in 198.51.100.7:6881")
    };
    addr::read(text(given)).ok_or_else(error)
}

/// JavaScript's text is UTF-8 when it comes here; what isn't is nothing.
pub(crate) fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

/// A number unless it is NaN.
pub(crate) fn known(number: f64) -> Option<u64> {
    (!number.is_nan()).then_some(number as u64)
}

/// How a torrent is to be downloaded: `sequential` and `complete`, then one flag a file.
pub(crate) fn options(most: [f64; 3], flagged: &[u8]) -> TorrentOptions {
    let default = TorrentOptions::default();
    let [max_peers, max_workers, max_retries] = most.map(known);
    let flags = flags(flagged);
    let (&[sequential, complete], wanted) = flags.split_first_chunk().unwrap_or((&[false; 2], &[]));
    TorrentOptions {
        wanted: (!wanted.is_empty()).then(|| wanted.to_vec()),
        sequential,
        complete,
        max_peers: max_peers.map_or(default.max_peers, |most| most as usize),
        max_workers: max_workers.map_or(default.max_workers, |most| most as usize),
        max_retries: max_retries.map_or(default.max_retries, |most| most as u32),
        ..default
    }
}

/// Trackers are left out: the relay announces for a page.
pub(crate) fn add(content: Content, options: TorrentOptions) -> AddTorrent {
    AddTorrent { content, trackers: Vec::new(), peers: Vec::new(), options }
}

pub(crate) fn add_error(error: &AddError) -> Refusal {
    let name = match error {
        AddError::Duplicate { .. } => "DuplicateError",
        AddError::TooMany | AddError::WorkList => "LimitError",
        AddError::Selection { .. } => "SelectionError",
    };
    Refusal::new(name, error)
}

pub(crate) fn flags(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().map(|&flag| flag != 0).collect()
}

pub(crate) fn bytes(flags: &[bool]) -> Vec<u8> {
    flags.iter().map(|&flag| flag.into()).collect()
}

/// A word of the host's for why a connection ended.
pub(crate) fn disconnect(reason: &[u8]) -> Disconnect {
    match text(reason) {
        "remote" => Disconnect::Remote,
        "refused" => Disconnect::Refused,
        "timeout" => Disconnect::TimedOut,
        "unreachable" => Disconnect::Unreachable,
        _ => Disconnect::Reset,
    }
}

/// A word of the host's, a space, and the name of a file.
pub(crate) fn storage_error(what: &[u8], limit: f64) -> StorageError {
    let what = text(what);
    let end = what.bytes().position(|byte| byte == b' ').unwrap_or(what.len());
    let (kind, file) = (&what[..end], what.get(end + 1..).unwrap_or_default().to_owned());
    match kind {
        "full" => StorageError::Full { file },
        "memory" => StorageError::MemoryLimit { limit_bytes: limit as u64 },
        "missing" => StorageError::Missing { file },
        "outside" => StorageError::Outside { file },
        "readonly" => StorageError::ReadOnly { file, kind: ErrorKind::PermissionDenied },
        "closed" => StorageError::Closed,
        _ => StorageError::Io { file, kind: ErrorKind::Other },
    }
}

fn storage_kind(error: &StorageError) -> &'static str {
    match error {
        StorageError::Full { .. } => "full",
        StorageError::MemoryLimit { .. } => "memory",
        StorageError::Missing { .. } => "missing",
        StorageError::Outside { .. } | StorageError::Foreign { .. } => "outside",
        StorageError::ReadOnly { .. } => "readonly",
        StorageError::Closed => "closed",
        StorageError::Io { .. } => "io",
    }
}

/// For each file its length in bytes and its time in milliseconds, both as eight bytes.
pub(crate) fn stamps(bytes: &[u8]) -> Vec<FileStamp> {
    let number = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes);
    let stamp = |[length, millis]: &[[u8; 8]; 2]| FileStamp {
        length: number(length) as u64,
        modified_nanos: (number(millis) * 1e6) as u64,
    };
    bytes.as_chunks().0.as_chunks().0.iter().map(stamp).collect()
}

/// A record that doesn't fit the torrent or its files as they are is one that isn't there.
pub(crate) fn opened(bytes: &[u8], info: &Info) -> Opened {
    let (stamped, record) = bytes.split_at_checked(info.files().len() * 16).unwrap_or_default();
    let stamps = stamps(stamped);
    let record = Record::decode(record).ok().filter(|record| {
        record.info_hash == *info.info_hash()
            && record.have.len() == info.layout().piece_count()
            && record.files == stamps
    });
    Opened {
        trusted: record.map(|record| record.have),
        present: stamps.iter().map(|stamp| stamp.length > 0).collect(),
    }
}

pub(crate) fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut hasher = PortableSha1::default();
    hasher.update(bytes);
    hasher.finish()
}

/// News as a page is told them.
#[derive(Serialize)]
struct Told<T> {
    kind: &'static str,
    detail: T,
}

/// A line of the log: names of peers and sources. Why one left is in the statistics.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    piece: Option<u32>,
    names: &'a [String],
}

/// Tells the host what a page is to know of a torrent.
pub(crate) fn tell_news(torrent: f64, news: &News) {
    let (order, json) = match news {
        News::State(state) => told("state", state_name(*state)),
        News::Metadata(info) => told("metadata", describe(info, &[], &[])),
        News::Finished => told("finished", ()),
        News::StorageFailed(error) => told(storage_kind(error), error.to_string()),
        News::StorageRecovered => told("recovered", ()),
        News::Removed => told("removed", ()),
        News::PieceDone(report) => line("piece", Some(report.piece), &report.from),
        News::PieceFailed(report) => line("bad_piece", Some(report.piece), &report.from),
        News::Retry { piece, name, .. } => line("retry", Some(*piece), slice::from_ref(name)),
        News::PeerJoined(peer) => line("joined", None, &[addr::text(peer.addr)]),
        News::PeerLeft { addr, .. } => line("left", None, &[addr::text(*addr)]),
        News::Banned { name } => line("banned", None, slice::from_ref(name)),
        News::SourceLeft { name, .. } => line("left", None, slice::from_ref(name)),
        News::Read { piece, result } => return tell_piece(torrent, *piece, result),
        _ => return,
    };
    host::give(&json);
    host::order(order, &[torrent]);
}

fn told<T: Serialize>(kind: &'static str, detail: T) -> (Order, Vec<u8>) {
    (Order::News, json::bytes(&Told { kind, detail }))
}

fn line(kind: &'static str, piece: Option<PieceIndex>, names: &[String]) -> (Order, Vec<u8>) {
    let piece = piece.map(PieceIndex::as_u32);
    (Order::Log, json::bytes(&Line { kind, piece, names }))
}

fn tell_piece(torrent: f64, piece: PieceIndex, result: &Result<Bytes, StorageError>) {
    match result {
        Ok(bytes) => host::give(bytes),
        Err(error) => host::give(error.to_string().as_bytes()),
    }
    host::order(Order::Piece, &[torrent, piece.as_u32().into(), result.is_ok().into()]);
}

/// One byte a piece, as `pieces` in npm/src/torrent.ts has them.
pub(crate) fn pieces(states: impl Iterator<Item = PieceState>) -> Vec<u8> {
    const MAX_AVAILABILITY: u16 = 252;
    let byte = |state| match state {
        PieceState::Have => 255,
        PieceState::InFlight => 254,
        PieceState::Unwanted => 253,
        PieceState::Missing { availability } => availability.min(MAX_AVAILABILITY) as u8,
    };
    states.map(byte).collect()
}

fn state_name(state: TorrentState) -> &'static str {
    match state {
        TorrentState::Metadata => "metadata",
        TorrentState::Checking => "checking",
        TorrentState::Downloading => "downloading",
        TorrentState::Seeding => "seeding",
        TorrentState::Paused => "paused",
        TorrentState::StorageError => "storage_error",
    }
}

pub(crate) fn metainfo_json(metainfo: &Metainfo) -> Vec<u8> {
    json::bytes(&describe(&metainfo.info, &metainfo.trackers, &metainfo.web_seeds))
}

pub(crate) fn info_json(info: &Info) -> Vec<u8> {
    json::bytes(&describe(info, &[], &[]))
}

pub(crate) fn magnet_json(magnet: &Magnet) -> Vec<u8> {
    json::bytes(&DescribedMagnet {
        info_hash: magnet.info_hash.to_string(),
        name: magnet.name.as_deref(),
        trackers: &magnet.trackers,
        peers: &magnet.peers,
        web_seeds: &magnet.web_seeds,
    })
}

fn describe<'a>(
    info: &'a Info,
    trackers: &'a [Vec<String>],
    web_seeds: &'a [String],
) -> Description<'a> {
    let spans = info.layout().files();
    let file = |(file, span): (&'a gannet_core::metainfo::File, &gannet_core::layout::FileSpan)| {
        DescribedFile {
            path: &file.path,
            length: file.length,
            offset: span.offset,
            skip: file.attributes.pad || file.attributes.symlink.is_some(),
        }
    };
    Description {
        info_hash: info.info_hash().to_string(),
        name: info.name(),
        total_bytes: info.layout().total_length(),
        piece_length: info.layout().piece_length(),
        single_file: info.is_single_file(),
        private: info.private(),
        trackers,
        web_seeds,
        files: info.files().iter().zip(spans).map(file).collect(),
    }
}
