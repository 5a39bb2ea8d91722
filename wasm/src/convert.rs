//! All conversion between what JavaScript says and what the core says.

use std::{fmt::Display, io::ErrorKind, net::SocketAddr, slice};

use bytes::Bytes;
use gannet_core::{
    AddError, AddTorrent, Content, SessionConfig, TorrentOptions,
    event::News,
    id::PieceIndex,
    magnet::Magnet,
    metainfo::{Info, Metainfo},
    reason::Disconnect,
    resume::{FileStamp, Record},
    stats::{PieceState, TorrentState, TorrentStats},
    storage::{Opened, PortableSha1, Sha1Hasher, StorageError},
};
use js_sys::{Error, Float64Array, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::value::to_js;

#[wasm_bindgen]
extern "C" {
    /// What an engine may use.
    #[wasm_bindgen(typescript_type = "EngineOptions")]
    pub type EngineOptions;

    #[wasm_bindgen(method, getter, js_name = memoryBytes)]
    fn memory_bytes(this: &EngineOptions) -> f64;

    #[wasm_bindgen(method, getter, js_name = maxConnections)]
    fn max_connections(this: &EngineOptions) -> u32;

    /// How a torrent is to be downloaded.
    #[wasm_bindgen(typescript_type = "AddOptions")]
    pub type AddOptions;

    #[wasm_bindgen(method, getter)]
    fn wanted(this: &AddOptions) -> Option<Vec<u8>>;

    #[wasm_bindgen(method, getter)]
    fn sequential(this: &AddOptions) -> bool;

    #[wasm_bindgen(method, getter)]
    fn complete(this: &AddOptions) -> bool;

    #[wasm_bindgen(method, getter, js_name = maxPeers)]
    fn max_peers(this: &AddOptions) -> Option<u32>;

    #[wasm_bindgen(method, getter, js_name = maxWorkers)]
    fn max_workers(this: &AddOptions) -> Option<u32>;

    #[wasm_bindgen(method, getter, js_name = maxRetries)]
    fn max_retries(this: &AddOptions) -> Option<u32>;
}

impl EngineOptions {
    pub(crate) fn config(&self) -> SessionConfig {
        SessionConfig {
            memory_bytes: self.memory_bytes() as u64,
            max_connections: self.max_connections() as usize,
            ..SessionConfig::default()
        }
    }
}

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

pub(crate) fn metainfo(torrent: Vec<u8>) -> Result<Metainfo, JsValue> {
    Metainfo::parse(Bytes::from(torrent)).map_err(|error| named("TorrentError", &error))
}

pub(crate) fn magnet(link: &str) -> Result<Magnet, JsValue> {
    link.parse().map_err(|error| named::<gannet_core::magnet::MagnetError>("TorrentError", &error))
}

pub(crate) fn addr(text: &str) -> Result<SocketAddr, JsValue> {
    let error =
        |_| named("AddressError", &"a peer is an address and a port, as in 198.51.100.7:6881");
    text.parse().map_err(error)
}

/// Trackers are left out of both: the relay announces for a page.
pub(crate) fn add_metainfo(metainfo: &Metainfo, options: &AddOptions) -> AddTorrent {
    add_content(Content::Info(metainfo.info.clone()), options)
}

pub(crate) fn add_magnet(magnet: &Magnet, options: &AddOptions) -> AddTorrent {
    add_content(Content::Hash(magnet.info_hash), options)
}

fn add_content(content: Content, options: &AddOptions) -> AddTorrent {
    let default = TorrentOptions::default();
    let options = TorrentOptions {
        wanted: options.wanted().map(|wanted| flags(&wanted)),
        sequential: options.sequential(),
        complete: options.complete(),
        max_peers: options.max_peers().map_or(default.max_peers, |most| most as usize),
        max_workers: options.max_workers().map_or(default.max_workers, |most| most as usize),
        max_retries: options.max_retries().unwrap_or(default.max_retries),
        ..default
    };
    AddTorrent { content, trackers: Vec::new(), peers: Vec::new(), options }
}

pub(crate) fn add_error(error: &AddError) -> JsValue {
    let name = match error {
        AddError::Duplicate { .. } => "DuplicateError",
        AddError::TooMany | AddError::WorkList => "LimitError",
        AddError::Selection { .. } => "SelectionError",
    };
    named(name, error)
}

fn named<E: Display>(name: &str, error: &E) -> JsValue {
    let made = Error::new(&error.to_string());
    made.set_name(name);
    made.into()
}

pub(crate) fn flags(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().map(|&flag| flag != 0).collect()
}

pub(crate) fn bytes(flags: &[bool]) -> Vec<u8> {
    flags.iter().map(|&flag| flag.into()).collect()
}

/// The one copy of a piece out of the wasm heap.
pub(crate) fn joined(buffers: &[Bytes]) -> Uint8Array {
    let total = buffers.iter().map(|bytes| bytes.len() as u32).sum();
    let joined = Uint8Array::new_with_length(total);
    let mut begin = 0;
    for buffer in buffers {
        let end = begin + buffer.len() as u32;
        joined.subarray(begin, end).copy_from(buffer);
        begin = end;
    }
    joined
}

pub(crate) fn disconnect(reason: &str) -> Disconnect {
    match reason {
        "remote" => Disconnect::Remote,
        "refused" => Disconnect::Refused,
        "timeout" => Disconnect::TimedOut,
        "unreachable" => Disconnect::Unreachable,
        _ => Disconnect::Reset,
    }
}

pub(crate) fn storage_error(kind: &str, file: String, limit: f64) -> StorageError {
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

/// Pairs of a length in bytes and a time in milliseconds.
pub(crate) fn stamps(pairs: &Float64Array) -> Vec<FileStamp> {
    let pairs = pairs.to_vec();
    let stamp = |&[length, millis]: &[f64; 2]| FileStamp {
        length: length as u64,
        modified_nanos: (millis * 1e6) as u64,
    };
    pairs.as_chunks().0.iter().map(stamp).collect()
}

/// A record that doesn't fit the torrent or its files as they are is one that isn't there.
pub(crate) fn opened(record: Option<Vec<u8>>, stamps: &[FileStamp], info: &Info) -> Opened {
    let record = record.and_then(|bytes| Record::decode(&bytes).ok()).filter(|record| {
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

/// The name and the content of news; `None` for what no page is told.
pub(crate) fn news(news: &News) -> Option<(&'static str, JsValue)> {
    Some(match news {
        News::State(state) => ("state", state_name(*state).into()),
        News::Metadata(info) => ("metadata", description(info)),
        News::Finished => ("finished", JsValue::UNDEFINED),
        News::StorageFailed(error) => (storage_kind(error), error.to_string().into()),
        News::StorageRecovered => ("recovered", JsValue::UNDEFINED),
        News::Read { piece, result } => ("read", read(piece.as_u32(), result)),
        News::Removed => ("removed", JsValue::UNDEFINED),
        News::PieceDone(report) => ("piece", entry(Some(report.piece), &report.from)),
        News::PieceFailed(report) => ("bad_piece", entry(Some(report.piece), &report.from)),
        News::Retry { piece, name, .. } => ("retry", entry(Some(*piece), slice::from_ref(name))),
        News::PeerJoined(peer) => ("joined", entry(None, &[peer.addr.to_string()])),
        News::PeerLeft { addr, .. } => ("left", entry(None, &[addr.to_string()])),
        News::Banned { name } => ("banned", entry(None, slice::from_ref(name))),
        News::SourceLeft { name, .. } => ("left", entry(None, slice::from_ref(name))),
        _ => return None,
    })
}

fn read(piece: u32, result: &Result<Bytes, StorageError>) -> JsValue {
    let content = match result {
        Ok(bytes) => Uint8Array::from(bytes.as_ref()).into(),
        Err(error) => JsValue::from(error.to_string()),
    };
    js_sys::Array::of(&[piece.into(), content]).into()
}

/// One line of the log: a piece, then names of peers and sources. Why one left is in the statistics.
fn entry(piece: Option<PieceIndex>, names: &[String]) -> JsValue {
    let piece = piece.map_or(JsValue::UNDEFINED, |piece| piece.as_u32().into());
    let entry = js_sys::Array::of(&[piece]);
    for name in names {
        entry.push(&JsValue::from_str(name));
    }
    entry.into()
}

/// One byte a piece, as `pieces` in npm/src/worker/host.ts has them.
pub(crate) fn pieces(states: impl Iterator<Item = PieceState>) -> Uint8Array {
    const MAX_AVAILABILITY: u16 = 252;
    let byte = |state| match state {
        PieceState::Have => 255,
        PieceState::InFlight => 254,
        PieceState::Unwanted => 253,
        PieceState::Missing { availability } => availability.min(MAX_AVAILABILITY) as u8,
    };
    states.map(byte).collect::<Vec<u8>>().as_slice().into()
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

pub(crate) fn stats(stats: Option<TorrentStats>) -> JsValue {
    to_js(&stats)
}

pub(crate) fn description(info: &Info) -> JsValue {
    to_js(&describe(info, &[], &[]))
}

pub(crate) fn full_description(metainfo: &Metainfo) -> JsValue {
    to_js(&describe(&metainfo.info, &metainfo.trackers, &metainfo.web_seeds))
}

pub(crate) fn magnet_description(magnet: &Magnet) -> JsValue {
    to_js(&DescribedMagnet {
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
