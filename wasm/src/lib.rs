//! The core of Gannet in a browser or in Node: what JavaScript may call, and nothing else.
//!
//! Each method converts what it is given, calls the driver, converts back.
//! Whatever the core wants done in the world it asks of a host: sockets, storage and the
//! caller's functions are JavaScript's, because the browser's own are, and each binding to them
//! from here would be downloaded by every page.
//!
//! The host must not call the engine while it is itself being called: it answers later.

mod clock;
mod convert;
mod driver;
mod host;
mod pool;
mod socket;
mod storage;
mod table;
mod value;

use js_sys::{Float64Array, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::{
    convert::{AddOptions, EngineOptions},
    driver::Driver,
    host::Host,
};

/// A session and what it is in the middle of. Torrents, connections, sources and orders are
/// numbers here, never used twice.
#[wasm_bindgen]
pub struct Engine(Driver);

/// # Commands
#[wasm_bindgen]
impl Engine {
    /// An engine that asks everything of `host`. `seed` is all its randomness.
    #[wasm_bindgen(constructor)]
    pub fn new(host: Host, seed: u64, options: &EngineOptions) -> Self {
        Self(Driver::new(host, seed, options.config()))
    }

    /// Begins a torrent from the bytes of a .torrent file; its number.
    ///
    /// # Errors
    /// It isn't a torrent, or the session refuses it.
    pub fn add(&mut self, torrent: Vec<u8>, options: &AddOptions) -> Result<f64, JsValue> {
        let metainfo = convert::metainfo(torrent)?;
        self.0.add(convert::add_metainfo(&metainfo, options))
    }

    /// Begins a torrent from a magnet link; its number.
    ///
    /// # Errors
    /// It isn't a link, or the session refuses it.
    #[wasm_bindgen(js_name = addMagnet)]
    pub fn add_magnet(&mut self, link: &str, options: &AddOptions) -> Result<f64, JsValue> {
        let magnet = convert::magnet(link)?;
        self.0.add(convert::add_magnet(&magnet, options))
    }

    /// Ends a torrent; the news `removed` come when it has ended.
    pub fn remove(&mut self, torrent: f64) {
        self.0.with(torrent, |driver, now, key| driver.session.remove(now, key));
    }

    /// Stops a torrent until it is resumed.
    pub fn pause(&mut self, torrent: f64) {
        self.0.with(torrent, |driver, now, key| driver.session.pause(now, key));
    }

    /// Goes on with a paused torrent.
    pub fn resume(&mut self, torrent: f64) {
        self.0.with(torrent, |driver, now, key| driver.session.resume(now, key));
    }

    /// Names a peer, as `address:port`.
    ///
    /// # Errors
    /// It isn't an address and a port.
    #[wasm_bindgen(js_name = addPeer)]
    pub fn add_peer(&mut self, torrent: f64, addr: &str) -> Result<(), JsValue> {
        let addr = convert::addr(addr)?;
        self.0.with(torrent, |driver, now, key| driver.session.add_peer(now, key, addr));
        Ok(())
    }

    /// Chooses files, one flag a file.
    pub fn select(&mut self, torrent: f64, wanted: &[u8]) {
        let wanted = convert::flags(wanted);
        self.0.with(torrent, |driver, now, key| driver.session.select(now, key, &wanted));
    }

    /// Reads a piece as soon as it is there, and fetches what follows next; answered by the news
    /// `read`. Whether there is such a piece.
    pub fn read(&mut self, torrent: f64, piece: u32) -> bool {
        let read = self.0.with(torrent, |driver, now, key| driver.read(now, key, piece));
        read.unwrap_or(false)
    }

    /// Limits the payload, in bytes per second over all torrents; `undefined` for no limit.
    #[wasm_bindgen(js_name = setLimits)]
    pub fn set_limits(&mut self, download: Option<f64>, upload: Option<f64>) {
        let (download, upload) = (download.map(|rate| rate as u64), upload.map(|rate| rate as u64));
        self.0.act(|driver, now| driver.session.set_limits(now, download, upload));
    }

    /// The statistics of a torrent, in the schema of the command line's `--json`; `null` if it isn't
    /// there.
    #[wasm_bindgen(unchecked_return_type = "Stats | null")]
    pub fn stats(&self, torrent: f64) -> JsValue {
        convert::stats(self.0.stats(torrent))
    }

    /// What is known of each of a torrent's pieces, a byte each; nothing until they are known.
    pub fn pieces(&self, torrent: f64) -> Option<Uint8Array> {
        self.0.pieces(torrent).map(convert::pieces)
    }

    /// The bytes of a torrent's info dictionary, if they are known.
    pub fn info(&self, torrent: f64) -> Option<Uint8Array> {
        self.0.info(torrent).map(|info| info.raw().as_ref().into())
    }
}

/// # Connections
#[wasm_bindgen]
impl Engine {
    /// A relay has somebody for a torrent; the number of the connection, if it is to be kept.
    pub fn accept(&mut self, torrent: f64, addr: &str) -> Option<f64> {
        let addr = convert::addr(addr).ok()?;
        let accepted = self.0.with(torrent, |driver, now, key| {
            let peer = driver.session.accept_for(now, key, addr)?;
            Some(driver.sockets.adopt(peer))
        });
        accepted.flatten()
    }

    /// A dial succeeded.
    pub fn connected(&mut self, peer: f64) {
        let input = self.0.sockets.connected(peer);
        self.0.take(input);
    }

    /// Bytes came.
    pub fn received(&mut self, peer: f64, bytes: Vec<u8>) {
        let input = self.0.sockets.received(peer, bytes);
        self.0.take(input);
    }

    /// So many bytes have left, and there is room for more.
    pub fn sent(&mut self, peer: f64, bytes: f64) {
        let input = self.0.sockets.sent(peer, bytes);
        self.0.take(input);
    }

    /// A dial failed or a connection ended; `reason` is a word of the host's.
    pub fn closed(&mut self, peer: f64, reason: &str) {
        let input = self.0.sockets.closed(peer, convert::disconnect(reason));
        self.0.take(input);
    }
}

/// # The caller's functions
#[wasm_bindgen]
impl Engine {
    /// Adds a source; its number, unless there are too many or no such torrent.
    #[wasm_bindgen(js_name = addSource)]
    pub fn add_source(&mut self, torrent: f64, name: String) -> Option<f64> {
        let added = self.0.with(torrent, |driver, now, key| {
            let source = driver.session.add_source(now, key, name)?;
            Some(driver.pool.add(source))
        });
        added.flatten()
    }

    /// A source leaves.
    #[wasm_bindgen(js_name = removeSource)]
    pub fn remove_source(&mut self, torrent: f64, source: f64) {
        self.0.with(torrent, |driver, now, key| {
            if let Some(source) = driver.pool.remove(source) {
                driver.session.remove_source(now, key, source);
            }
        });
    }

    /// A source answered: with bytes, or without because it failed, or left for good.
    pub fn fetched(&mut self, source: f64, piece: u32, bytes: Option<Vec<u8>>, gone: bool) {
        let input = self.0.pool.fetched(source, piece, bytes, gone);
        self.0.take(input);
    }
}

/// # Storage
///
/// Each order of the host's is answered by exactly one of these.
#[wasm_bindgen]
impl Engine {
    /// The files were opened. `record` is the resume record, `stamps` are the length in bytes and
    /// the time of modification in milliseconds of each file, zeros for one that isn't there.
    pub fn opened(&mut self, order: u32, record: Option<Vec<u8>>, stamps: &Float64Array) {
        let input = self.0.orders.opened(order, record, &convert::stamps(stamps));
        self.0.take(input);
    }

    /// The record to keep, for an order to checkpoint: the files are synced and are as `stamps` say.
    pub fn record(&self, order: u32, stamps: &Float64Array) -> Option<Uint8Array> {
        let record = self.0.orders.record(order, convert::stamps(stamps), &self.0.session)?;
        Some(record.encode().as_slice().into())
    }

    /// Done as ordered: files selected, bytes spilled, record kept, files closed.
    pub fn done(&mut self, order: u32) {
        let input = self.0.orders.done(order);
        self.0.take(input);
    }

    /// A piece was hashed, and written if that was ordered and it is good. `digests` are those of
    /// its blocks, one after the other, if they were asked for or the piece is bad.
    pub fn hashed(&mut self, order: u32, good: bool, digests: &[u8]) {
        let input = self.0.orders.hashed(order, good, digests);
        self.0.take(input);
    }

    /// Bytes were read.
    #[wasm_bindgen(js_name = readDone)]
    pub fn read_done(&mut self, order: u32, bytes: Vec<u8>) {
        let input = self.0.orders.read(order, bytes);
        self.0.take(input);
    }

    /// An order failed; `kind` is a word of the host's, `limit` the limit that was reached.
    pub fn failed(&mut self, order: u32, kind: &str, file: String, limit: f64) {
        let error = convert::storage_error(kind, file, limit);
        let input = self.0.orders.failed(order, error);
        self.0.take(input);
    }
}

/// # Time
#[wasm_bindgen]
impl Engine {
    /// The timer fired that the host was told to arm.
    pub fn tick(&mut self) {
        self.0.tick();
    }
}

/// What is in a .torrent file.
///
/// # Errors
/// It isn't one.
#[wasm_bindgen(js_name = parseTorrent, unchecked_return_type = "Description")]
pub fn parse_torrent(torrent: Vec<u8>) -> Result<JsValue, JsValue> {
    Ok(convert::full_description(&convert::metainfo(torrent)?))
}

/// What is in a magnet link.
///
/// # Errors
/// It isn't one.
#[wasm_bindgen(js_name = parseMagnet, unchecked_return_type = "DescribedMagnet")]
pub fn parse_magnet(link: &str) -> Result<JsValue, JsValue> {
    Ok(convert::magnet_description(&convert::magnet(link)?))
}

/// A piece length that fits so many bytes in all.
#[wasm_bindgen(js_name = choosePieceLength)]
pub fn choose_piece_length(total_bytes: f64) -> u32 {
    gannet_core::metainfo::choose_piece_length(total_bytes as u64)
}

/// SHA-1, for pages to which the browser doesn't give its own (those that came over plain HTTP).
#[must_use]
#[wasm_bindgen]
pub fn sha1(bytes: &[u8]) -> Uint8Array {
    convert::sha1(bytes).as_slice().into()
}
