//! What decides which block is next and what is trusted, each against a model that is too plain to be
//! wrong, under random operations. The choker's is beside it.

mod picker;
mod plain;
mod resume;

use gannet_core::{
    id::PieceIndex,
    layout::{BLOCK_BYTES, Layout},
};

/// Pieces of the largest torrent here.
const MOST_PIECES: u32 = 100;

/// A piece by its number, below [`MOST_PIECES`].
fn piece(number: u32) -> PieceIndex {
    let length = u64::from(MOST_PIECES * BLOCK_BYTES);
    let layout = Layout::new(BLOCK_BYTES, [(length, false)]).expect("a layout");
    layout.piece(number).expect("one of its pieces")
}
