//! Puts an `info` dictionary together from what several peers send.

use bytes::Bytes;

use super::{MAX_METADATA_BYTES, METADATA_PIECE_BYTES};
use crate::{id::PeerKey, listed::Listed, sorted::Set};

/// Why a piece of metadata wasn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InsertError {
    /// There is no such piece.
    #[error("metadata piece {piece} of {pieces}")]
    NoSuchPiece {
        /// The piece named.
        piece: u32,
        /// How many there are.
        pieces: u32,
    },
    /// The piece has another length than it must have.
    #[error("metadata piece {piece} has {got} bytes instead of {expected}")]
    Length {
        /// The piece named.
        piece: u32,
        /// The length that it came with, in bytes.
        got: usize,
        /// The length that it must have, in bytes.
        expected: u32,
    },
}

/// What is known of one piece of the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    Missing,
    Assigned(PeerKey),
    Filled(PeerKey, Bytes),
}

/// The metadata of one torrent, of a size that some peers agree on, while it is being fetched.
///
/// The size is a stranger's claim, so memory is taken for what has come, not for what was claimed.
/// Whether the whole is right only its hash tells; if it isn't, [`contributors`](Self::contributors)
/// are those to blame.
#[derive(Debug, Clone)]
pub struct MetadataAssembly {
    size_bytes: u32,
    slots: Vec<Slot>,
}

impl MetadataAssembly {
    /// An empty assembly; `None` if the size is zero or more than [`MAX_METADATA_BYTES`].
    pub fn new(size_bytes: u32) -> Option<Self> {
        let pieces = size_bytes.div_ceil(METADATA_PIECE_BYTES);
        let slots = || vec![Slot::Missing; pieces as usize];
        (1..=MAX_METADATA_BYTES).contains(&size_bytes).then(|| Self { size_bytes, slots: slots() })
    }

    /// The length of the whole, in bytes.
    pub const fn size_bytes(&self) -> u32 {
        self.size_bytes
    }

    /// How many pieces the whole has.
    pub const fn pieces(&self) -> u32 {
        self.slots.len() as u32
    }

    /// The pieces that haven't come and that nobody was asked for, in order.
    pub fn missing(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.slots).filter(|(_, slot)| **slot == Slot::Missing).map(|(piece, _)| piece)
    }

    /// The first piece that hasn't come and nobody was asked for, which is from now on `peer`'s.
    pub fn assign(&mut self, peer: PeerKey) -> Option<u32> {
        let piece = self.missing().next()?;
        self.slots[piece as usize] = Slot::Assigned(peer);
        Some(piece)
    }

    /// The piece that a peer was asked for and hasn't sent: the first, if there are several.
    pub fn assigned_to(&self, peer: PeerKey) -> Option<u32> {
        let assigned = Slot::Assigned(peer);
        (0..).zip(&self.slots).find(|(_, slot)| **slot == assigned).map(|(piece, _)| piece)
    }

    /// A peer is gone, too slow, or rejected a request: others are asked for all that it owes.
    pub fn release(&mut self, peer: PeerKey) {
        let owed = self.slots.iter_mut().filter(|slot| **slot == Slot::Assigned(peer));
        owed.for_each(|slot| *slot = Slot::Missing);
    }

    /// Takes a piece; whether it is new. Whoever sends a piece first fills it, asked or not.
    ///
    /// # Errors
    /// The piece doesn't exist or has the wrong length; nothing was changed.
    pub fn insert(&mut self, piece: u32, data: Bytes, from: PeerKey) -> Result<bool, InsertError> {
        let (pieces, size_bytes) = (self.pieces(), self.size_bytes);
        let no_such_piece = InsertError::NoSuchPiece { piece, pieces };
        let slot = self.slots.get_mut(piece as usize).ok_or(no_such_piece)?;
        let expected = (size_bytes - piece * METADATA_PIECE_BYTES).min(METADATA_PIECE_BYTES);
        if data.len() != expected as usize {
            return Err(InsertError::Length { piece, got: data.len(), expected });
        }
        let is_new = !matches!(slot, Slot::Filled(..));
        if is_new {
            *slot = Slot::Filled(from, data);
        }
        Ok(is_new)
    }

    /// The whole, once every piece has come; not verified.
    pub fn complete(&self) -> Option<Bytes> {
        let filled = |slot: &Slot| matches!(slot, Slot::Filled(..));
        if !self.slots.iter().all(filled) {
            return None;
        }
        let mut whole = Vec::with_capacity(self.size_bytes as usize);
        for slot in &self.slots {
            if let Slot::Filled(_, data) = slot {
                whole.extend_from_slice(data);
            }
        }
        Some(whole.into())
    }

    /// Who sent what is here, each once, in the order of their keys.
    pub fn contributors(&self) -> Vec<PeerKey> {
        let sender = |slot: &Slot| match slot {
            Slot::Filled(from, _) => Some(*from),
            _ => None,
        };
        let senders: Set<PeerKey> = self.slots.iter().filter_map(sender).collect();
        senders.into_iter().listed()
    }

    /// Forgets all that came, to begin anew: the whole was wrong.
    pub fn clear(&mut self) {
        self.slots.fill(Slot::Missing);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const A: PeerKey = PeerKey::new(1);
    const B: PeerKey = PeerKey::new(2);

    fn piece(bytes: u32) -> Bytes {
        Bytes::from(vec![7; bytes as usize])
    }

    #[test]
    fn a_size_of_zero_or_beyond_the_limit_is_refused() {
        for size in [0, MAX_METADATA_BYTES + 1, u32::MAX] {
            assert!(MetadataAssembly::new(size).is_none(), "{size}");
        }
        assert_eq!(MetadataAssembly::new(MAX_METADATA_BYTES).unwrap().pieces(), 512);
        assert_eq!(MetadataAssembly::new(METADATA_PIECE_BYTES + 1).unwrap().pieces(), 2);
    }

    #[test]
    fn each_peer_is_asked_for_another_piece_and_a_lost_one_falls_to_others() {
        let mut assembly = MetadataAssembly::new(METADATA_PIECE_BYTES + 5).unwrap();
        assert_eq!(
            (assembly.assign(A), assembly.assign(B), assembly.assign(A)),
            (Some(0), Some(1), None)
        );
        assert_eq!(assembly.assigned_to(B), Some(1));
        assembly.release(A);
        assert_eq!(assembly.assigned_to(A), None);
        assert_eq!(assembly.missing().collect::<Vec<_>>(), [0]);
        assert_eq!(assembly.assign(B), Some(0));
    }

    #[test]
    fn a_piece_of_another_length_or_number_is_refused_and_changes_nothing() {
        let mut assembly = MetadataAssembly::new(METADATA_PIECE_BYTES + 5).unwrap();
        let length = |piece, got, expected| Err(InsertError::Length { piece, got, expected });
        assert_eq!(assembly.insert(0, piece(5), A), length(0, 5, METADATA_PIECE_BYTES));
        assert_eq!(assembly.insert(1, piece(6), A), length(1, 6, 5));
        let missing = |piece| Err(InsertError::NoSuchPiece { piece, pieces: 2 });
        assert_eq!(assembly.insert(2, piece(5), A), missing(2));
        assert_eq!(assembly.insert(u32::MAX, piece(5), A), missing(u32::MAX));
        assert_eq!(assembly.missing().count(), 2);
        assert_eq!(assembly.contributors(), []);
    }

    #[test]
    fn the_first_to_send_a_piece_is_the_one_to_blame_for_it() {
        let mut assembly = MetadataAssembly::new(METADATA_PIECE_BYTES + 5).unwrap();
        assert_eq!(assembly.insert(1, piece(5), B), Ok(true));
        assert_eq!(assembly.insert(1, piece(5), A), Ok(false));
        assert_eq!((assembly.complete(), assembly.contributors()), (None, vec![B]));
        assert_eq!(assembly.insert(0, piece(METADATA_PIECE_BYTES), A), Ok(true));
        assert_eq!(assembly.contributors(), [A, B]);
        assert!(assembly.complete().is_some());
        assembly.clear();
        assert_eq!((assembly.complete(), assembly.missing().count()), (None, 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_whole_is_what_was_cut_whatever_the_order(
            size in 1usize..100_000, seed: u64,
        ) {
            let whole: Bytes = (0..size).map(|i| (i / 7) as u8).collect();
            let mut assembly = MetadataAssembly::new(size as u32).unwrap();
            let mut order: Vec<_> = assembly.missing().collect();
            fastrand::Rng::with_seed(seed).shuffle(&mut order);
            for piece in order {
                prop_assert_eq!(assembly.complete(), None);
                let start = (piece * METADATA_PIECE_BYTES) as usize;
                let end = size.min(start + METADATA_PIECE_BYTES as usize);
                prop_assert_eq!(assembly.insert(piece, whole.slice(start..end), A), Ok(true));
            }
            prop_assert_eq!(assembly.complete(), Some(whole));
        }
    }
}
