//! What the engine asks of the JavaScript around it, and how both hand bytes to each other.
//!
//! Nothing but numbers and bytes crosses here: each function of its own, each kind of value and each
//! object that both sides know would be downloaded by every page.

use bytes::Bytes;
use wasm_bindgen::prelude::*;

/// What the engine wants done: its numbers, in round brackets, and what was given before for it, behind
/// the semicolon. `torrent`, `peer`, `source` and `order` are numbers that are never used twice.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// `(delay_millis)`: tell [`Tick`](crate::Tell::Tick) then, and no more for what was armed before.
    Arm,
    /// `(torrent; JSON)`: something that the user may want to know, its `kind` and what belongs to it.
    News,
    /// `(torrent; JSON)`: a line of its log.
    Log,
    /// `(torrent, piece, good; bytes)`: a piece that was asked for; if not good, the bytes are a
    /// sentence that says why.
    Piece,
    /// `(peer, torrent; address:port)`: connect to a peer of a torrent.
    Connect,
    /// `(peer; bytes)`: send them.
    Send,
    /// `(peer)`: end a connection after what was to be sent.
    Close,
    /// `(source, piece, length)`: ask one of the caller's functions for a piece.
    Fetch,
    /// `(source, piece)`: the answer to a fetch isn't wanted any more.
    CancelFetch,
    /// `(order, torrent; JSON, flags)`: open a torrent's files, of which so many are wanted.
    Open,
    /// `(order, torrent; flags)`: note the user's choice of files.
    Select,
    /// `(order, torrent, offset, digests; bytes, hash)`: hash a piece and, if it is right, write it.
    Store,
    /// `(order, torrent, offset; bytes)`: write bytes that aren't verified yet.
    Spill,
    /// `(order, torrent, offset, digests, length; hash)`: read back and hash.
    Check,
    /// `(order, torrent, offset, length)`: read.
    Read,
    /// `(order, torrent, complete)`: sync, and then keep what [`Record`](crate::Ask::Record) gives, or
    /// nothing if all is complete.
    Checkpoint,
    /// `(order, torrent)`: close a torrent's files.
    CloseFiles,
}

#[wasm_bindgen(raw_module = "#host")]
extern "C" {
    /// Copies the bytes of what the host tells or asks.
    fn take(into: &mut [u8]);

    /// Keeps some of the bytes of what is given next: those from `begin` on, of `total` in all.
    fn part(begin: usize, total: usize, bytes: &[u8]);

    /// Carries out an order. The host may not call the engine before this has returned.
    pub(crate) fn order(order: Order, numbers: &[f64]);
}

/// The bytes of what the host tells or asks, of which there are so many.
pub(crate) fn taken(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    take(&mut bytes);
    bytes
}

/// Gives bytes, which the host keeps a copy of until the next order or answer takes them.
pub(crate) fn give(bytes: &[u8]) {
    part(0, bytes.len(), bytes);
}

/// The same for bytes that aren't in one place: the one copy of a piece out of the wasm heap. None of
/// the buffers is empty.
pub(crate) fn give_joined(buffers: &[Bytes]) -> usize {
    let total = buffers.iter().map(Bytes::len).sum();
    let mut begin = 0;
    for buffer in buffers {
        part(begin, total, buffer);
        begin += buffer.len();
    }
    total
}
