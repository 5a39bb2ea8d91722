//! The core of Gannet in a browser or in Node: what JavaScript may call, and nothing else.
//!
//! The module holds one engine. [`start`] makes it, then it hears of what happens by [`tell`] and is
//! asked by [`ask`]; what it wants done in the world it says by an [`Order`]: sockets, storage and
//! the caller's functions are JavaScript's, because the browser's own are. The tables [`Tell`],
//! [`Ask`] and [`Order`] are all that both sides have to agree upon; JavaScript gets their numbers
//! from here.
//!
//! In the tables, round brackets hold numbers and, behind a semicolon, bytes; text is UTF-8. A number
//! that isn't there is NaN. Torrents, peers, sources and orders are numbers that are never used
//! twice. `now` is in milliseconds and only goes forward.
//!
//! The host must not call the engine while it is itself being called: it answers later.

mod clock;
mod convert;
mod driver;
mod host;
mod json;
mod pool;
mod socket;
mod storage;
mod table;

use std::cell::{OnceCell, RefCell};

use gannet_core::SessionConfig;
use wasm_bindgen::prelude::*;

use crate::driver::Driver;
pub use crate::host::Order;

/// As fast as the one that the standard library brings, and less to download.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

thread_local! {
    static ENGINE: OnceCell<RefCell<Driver>> = const { OnceCell::new() };
}

/// A table, and which of its rows a number that comes from JavaScript means.
macro_rules! table {
    ($(#[$about:meta])* $table:ident { $($(#[$row_about:meta])* $row:ident,)* }) => {
        $(#[$about])*
        #[wasm_bindgen]
        #[derive(Clone, Copy, Debug)]
        pub enum $table {
            $($(#[$row_about])* $row,)*
        }

        impl $table {
            const ROWS: &[Self] = &[$(Self::$row),*];
        }
    };
}

table! {
    /// What JavaScript tells the engine.
    Tell {
        /// `(max_peers, max_workers, max_retries; flags)`: how the torrent that is added next is to be
        /// downloaded. The first two flags are whether it is sequential, and whether the data is all
        /// there and right; then one for each file, or none if all are wanted.
        Options,
        /// `(torrent)`: ends it; the news `removed` come when it has ended.
        Remove,
        /// `(torrent)`: stops it until it is resumed.
        Pause,
        /// `(torrent)`: goes on with it.
        Resume,
        /// `(torrent; flags)`: chooses files.
        Select,
        /// `(download, upload)`: limits the payload of all torrents, in bytes per second.
        Limits,
        /// `(torrent, source)`: a source leaves.
        RemoveSource,

        /// `(peer)`: a dial succeeded.
        Connected,
        /// `(peer; bytes)`: bytes came.
        Received,
        /// `(peer, bytes)`: so many have left, and there is room for more.
        Sent,
        /// `(peer; reason)`: a dial failed or a connection ended, for a reason of the host's words.
        Closed,

        /// `(source, piece; bytes)`: a source answered.
        Fetched,
        /// `(source, piece, gone)`: a source failed, or left for good.
        FetchFailed,

        /// `(order; stamps, record)`: the files are open. Their stamps are, for each, its length in bytes
        /// and its time in milliseconds, zeros for one that isn't there; behind them is what was kept.
        Opened,
        /// `(order)`: done, where there is nothing to say: selected, spilled, kept, closed.
        Done,
        /// `(order, good; digests)`: a piece was hashed, and written if that was ordered and it is good.
        /// The digests are those of its blocks, if they were asked for or the piece is bad.
        Hashed,
        /// `(order; bytes)`: bytes were read.
        ReadDone,
        /// `(order, limit; kind and file)`: it failed. A word of the host's, a space, the file's name; and
        /// the limit that was reached.
        Failed,

        /// `()`: the timer fired that was to be armed.
        Tick,
    }
}

table! {
    /// What JavaScript asks the engine. The answer is a number and what the engine gives besides, behind
    /// the arrow; NaN is a no, for the reason that is given, an error's `name` and `message`, if any is.
    Ask {
        /// `(; .torrent)` → `torrent; JSON`: begins a torrent; its description.
        Add,
        /// `(; link)` → `torrent; JSON`: begins a torrent from a magnet link; what is in that.
        AddMagnet,
        /// `(torrent; address:port)` → `0`: names a peer.
        AddPeer,
        /// `(torrent; address:port)` → `peer`: a relay has somebody, who is kept or not.
        Accept,
        /// `(torrent; name)` → `source`: adds one of the caller's functions.
        AddSource,
        /// `(torrent, piece)` → `0`: reads a piece as soon as it is there, and fetches what follows next;
        /// the order [`Piece`](Order::Piece) brings it.
        Read,
        /// `(torrent)` → `; JSON`: the statistics, in the schema of the command line's `--json`.
        Stats,
        /// `(torrent)` → `; bytes`: what is known of each of its pieces.
        Pieces,
        /// `(torrent)` → `; bytes`: the info dictionary, if it is known.
        Info,
        /// `(order; stamps)` → `; bytes`: what to keep, for an order to checkpoint: the files are synced
        /// and as these stamps say.
        Record,
        /// `(; .torrent)` → `; JSON`: what is in a .torrent file.
        Parse,
        /// `(total_bytes)` → `piece_length`: one that fits so many bytes in all.
        PieceLength,
        /// `(; bytes)` → `; digest`: SHA-1, for pages to which the browser doesn't give its own (those
        /// that came over plain HTTP).
        Sha1,
    }
}

/// Makes the engine, once. `memory_bytes` is for pieces that wait in the wasm heap, `seed` is all its
/// randomness.
#[wasm_bindgen]
pub fn start(now: f64, memory_bytes: f64, max_connections: f64, seed: u64) {
    let config = SessionConfig {
        memory_bytes: memory_bytes as u64,
        max_connections: max_connections as usize,
        ..SessionConfig::default()
    };
    ENGINE.with(|engine| {
        engine.get_or_init(|| Driver::new(now, seed, config).into());
    });
}

/// Tells the engine something, with bytes of such a length.
#[wasm_bindgen]
pub fn tell(
    now: f64,
    #[wasm_bindgen(unchecked_param_type = "Tell")] what: u32,
    first: f64,
    second: f64,
    third: f64,
    length: usize,
) {
    with(|driver| {
        let what = Tell::ROWS.get(what as usize)?;
        driver.tell(now, *what, [first, second, third], host::taken(length));
        Some(())
    });
}

/// Asks the engine for something, with bytes of such a length.
#[must_use]
#[wasm_bindgen]
pub fn ask(
    now: f64,
    #[wasm_bindgen(unchecked_param_type = "Ask")] what: u32,
    first: f64,
    second: f64,
    length: usize,
) -> f64 {
    let answer = with(|driver| {
        let what = Ask::ROWS.get(what as usize)?;
        Some(driver.ask(now, *what, [first, second], host::taken(length)))
    });
    answer.unwrap_or(f64::NAN)
}

/// Does something with the engine, if it was made.
fn with<T>(act: impl FnOnce(&mut Driver) -> Option<T>) -> Option<T> {
    ENGINE.with(|engine| act(&mut engine.get()?.borrow_mut()))
}
