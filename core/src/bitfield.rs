//! A set of pieces, most significant bit first, as it stands on the wire (BEP 3).

use std::fmt;

use bytes::Bytes;

use crate::id::PieceIndex;

const WORD_BYTES: usize = 8;
const WORD_BITS: u32 = 64;

/// Why bytes are no bitfield of so many pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BitfieldError {
    /// It has more or fewer bytes than one bit a piece needs.
    #[error("a bitfield of {actual} bytes where {expected} are needed")]
    Length {
        /// Bytes it has.
        actual: usize,
        /// Bytes it needs.
        expected: usize,
    },
    /// A bit behind the last piece is set.
    #[error("a bitfield with spare bits set")]
    SpareBits,
}

/// Which pieces of a torrent somebody has. A million pieces are one pass over 16,384 words.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitfield {
    /// Spare bits are zero.
    bytes: Vec<u8>,
    len: u32,
    count: u32,
}

impl Bitfield {
    /// None of `len` pieces.
    pub fn new(len: u32) -> Self {
        Self { bytes: vec![0; bytes_for(len)], len, count: 0 }
    }

    /// All of `len` pieces.
    pub fn full(len: u32) -> Self {
        let mut bytes = vec![0xff; bytes_for(len)];
        if let Some(last) = bytes.last_mut() {
            *last &= !spare_bits(len);
        }
        Self { bytes, len, count: len }
    }

    /// Reads the payload of a `bitfield` message about `len` pieces.
    ///
    /// # Errors
    /// The wrong number of bytes, or a piece that doesn't exist.
    pub fn from_bytes(bytes: &[u8], len: u32) -> Result<Self, BitfieldError> {
        let expected = bytes_for(len);
        if bytes.len() != expected {
            return Err(BitfieldError::Length { actual: bytes.len(), expected });
        }
        if bytes.last().is_some_and(|last| last & spare_bits(len) != 0) {
            return Err(BitfieldError::SpareBits);
        }
        let count = bytes.chunks(WORD_BYTES).map(|chunk| word(chunk).count_ones()).sum();
        Ok(Self { bytes: bytes.to_vec(), len, count })
    }

    /// The payload of a `bitfield` message.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The payload of a `bitfield` message, as a buffer to send.
    pub fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(&self.bytes)
    }

    /// How many pieces the torrent has, in the set or not.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// How many pieces are in the set.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether every piece is in the set.
    pub const fn is_full(&self) -> bool {
        self.count == self.len
    }

    /// Whether no piece is in the set.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether the piece is in the set.
    pub fn has(&self, piece: PieceIndex) -> bool {
        let (byte, mask) = position(piece);
        self.bytes.get(byte).is_some_and(|bits| bits & mask != 0)
    }

    /// Adds the piece; `true` if it wasn't there.
    ///
    /// # Panics
    /// If the piece is another torrent's and lies behind the end of this one.
    pub fn insert(&mut self, piece: PieceIndex) -> bool {
        let newly = self.set(piece, true);
        self.count += u32::from(newly);
        newly
    }

    /// Takes the piece out; `true` if it was there.
    ///
    /// # Panics
    /// If the piece is another torrent's and lies behind the end of this one.
    pub fn remove(&mut self, piece: PieceIndex) -> bool {
        let removed = self.set(piece, false);
        self.count -= u32::from(removed);
        removed
    }

    /// Puts the piece's bit to `present`; `true` if that changed it.
    fn set(&mut self, piece: PieceIndex, present: bool) -> bool {
        assert!(piece.as_u32() < self.len, "piece {piece} of a torrent of {} pieces", self.len);
        let (byte, mask) = position(piece);
        let changes = (self.bytes[byte] & mask != 0) != present;
        if changes {
            self.bytes[byte] ^= mask;
        }
        changes
    }

    /// The pieces in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        Pieces::new(self, None, 0, 0)
    }

    /// The pieces that aren't in the set, in order.
    pub fn iter_missing(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        self.missing_from(0)
    }

    /// The first piece at or behind number `start` that isn't in the set.
    pub fn first_missing_from(&self, start: u32) -> Option<PieceIndex> {
        self.missing_from(start).next()
    }

    /// How many pieces are in both sets.
    pub fn intersection_count(&self, other: &Self) -> u32 {
        self.words_of_both(other).map(|(own, theirs)| (own & theirs).count_ones()).sum()
    }

    /// Whether some piece is in this set and not in `other`: whether we are interested in a peer
    /// that has this set while we have `other`.
    pub fn any_in_not_in(&self, other: &Self) -> bool {
        self.words_of_both(other).any(|(own, theirs)| own & !theirs != 0)
    }

    /// The pieces at or behind number `start` that are in both sets, in order.
    pub fn iter_common_from<'a>(
        &'a self,
        other: &'a Self,
        start: u32,
    ) -> impl Iterator<Item = PieceIndex> + 'a {
        Pieces::new(self, Some(other), 0, start)
    }

    fn missing_from(&self, start: u32) -> Pieces<'_> {
        Pieces::new(self, None, u64::MAX, start)
    }

    /// The word whose first piece is number `first`, or its end of zeros.
    fn word_at(&self, first: u32) -> u64 {
        let rest = self.bytes.get(first as usize / 8..).unwrap_or_default();
        word(&rest[..rest.len().min(WORD_BYTES)])
    }

    fn words_of_both<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (u64, u64)> + 'a {
        debug_assert_eq!(self.len, other.len, "sets of pieces of different torrents");
        let words = |bytes: &'a [u8]| bytes.chunks(WORD_BYTES).map(word);
        words(&self.bytes).zip(words(&other.bytes))
    }
}

/// Counts only: a set of two million pieces has no place in a log.
impl fmt::Debug for Bitfield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitfield({} of {})", self.count, self.len)
    }
}

/// The pieces of a set, or those missing from it, or those in two sets: word by word.
///
/// One type for all of these: adapters would bring a page the same loop four times.
struct Pieces<'a> {
    set: &'a Bitfield,
    other: Option<&'a Bitfield>,
    /// All ones for the pieces that are missing.
    flip: u64,
    /// The first piece of the word.
    first: u32,
    /// What is left of the word.
    word: u64,
}

impl<'a> Pieces<'a> {
    fn new(set: &'a Bitfield, other: Option<&'a Bitfield>, flip: u64, start: u32) -> Self {
        let first = start / WORD_BITS * WORD_BITS;
        let mut pieces = Self { set, other, flip, first, word: 0 };
        pieces.word = pieces.word_at(first) & (u64::MAX >> (start % WORD_BITS));
        pieces
    }

    fn word_at(&self, first: u32) -> u64 {
        let both = self.other.map_or(u64::MAX, |other| other.word_at(first));
        (self.set.word_at(first) ^ self.flip) & both
    }
}

impl Iterator for Pieces<'_> {
    type Item = PieceIndex;

    fn next(&mut self) -> Option<PieceIndex> {
        while self.word == 0 {
            self.first = self.first.checked_add(WORD_BITS).filter(|&first| first < self.set.len)?;
            self.word = self.word_at(self.first);
        }
        let bit = self.word.leading_zeros();
        self.word &= !(1 << (WORD_BITS - 1 - bit));
        let piece = self.first + bit;
        // Behind the end everything is missing.
        (piece < self.set.len).then(|| PieceIndex::new(piece))
    }
}

const fn bytes_for(len: u32) -> usize {
    len.div_ceil(8) as usize
}

/// The bits of the last byte that belong to no piece.
const fn spare_bits(len: u32) -> u8 {
    match len % 8 {
        0 => 0,
        used => 0xff >> used,
    }
}

const fn position(piece: PieceIndex) -> (usize, u8) {
    (piece.as_usize() / 8, 0x80 >> (piece.as_u32() % 8))
}

/// Up to eight bytes as a word, missing ones as zeros.
fn word(chunk: &[u8]) -> u64 {
    let mut bytes = [0; WORD_BYTES];
    bytes[..chunk.len()].copy_from_slice(chunk);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::layout::MAX_PIECES;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn numbers(pieces: impl Iterator<Item = PieceIndex>) -> Vec<u32> {
        pieces.map(PieceIndex::as_u32).collect()
    }

    #[test]
    fn the_first_piece_is_the_highest_bit() {
        let bitfield = Bitfield::from_bytes(&[0b1000_0001, 0b0100_0000], 10).unwrap();
        assert_eq!(numbers(bitfield.iter()), [0, 7, 9]);
        assert_eq!(numbers(bitfield.iter_missing()), [1, 2, 3, 4, 5, 6, 8]);
        assert_eq!(bitfield.count(), 3);
    }

    #[test]
    fn a_wrong_length_and_spare_bits_are_told_apart() {
        let read = |bytes: &[u8], len| Bitfield::from_bytes(bytes, len).map(|b| b.count());
        assert_eq!(read(&[0xff], 9), Err(BitfieldError::Length { actual: 1, expected: 2 }));
        assert_eq!(read(&[0xff; 3], 9), Err(BitfieldError::Length { actual: 3, expected: 2 }));
        assert_eq!(read(&[0xff, 0xc0], 9), Err(BitfieldError::SpareBits));
        assert_eq!(read(&[0xff, 0x80], 9), Ok(9));
        assert_eq!(read(&[0xff], 8), Ok(8));
        assert_eq!(read(&[], 0), Ok(0));
    }

    #[test]
    fn a_full_set_keeps_its_spare_bits_clear() {
        for len in [0, 1, 7, 8, 9, 63, 64, 65] {
            let full = Bitfield::full(len);
            assert_eq!(Bitfield::from_bytes(full.as_bytes(), len), Ok(full.clone()), "{len}");
            assert_eq!(numbers(full.iter()), (0..len).collect::<Vec<_>>());
            assert!(full.is_full());
            assert_eq!(full.first_missing_from(0), None);
        }
    }

    #[test]
    #[should_panic(expected = "piece 9 of a torrent of 9 pieces")]
    fn a_foreign_piece_is_never_put_in_the_spare_bits() {
        Bitfield::new(9).insert(PieceIndex::new(9));
    }

    #[test]
    fn two_million_pieces_are_walked_by_words() {
        let mut bitfield = Bitfield::full(MAX_PIECES);
        let last = PieceIndex::new(MAX_PIECES - 1);
        assert!(bitfield.remove(last));
        for _ in 0..20 {
            assert_eq!(bitfield.first_missing_from(5), Some(last));
        }
        assert_eq!(bitfield.intersection_count(&Bitfield::full(MAX_PIECES)), MAX_PIECES - 1);
        assert_eq!(bitfield.first_missing_from(u32::MAX), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn it_agrees_with_a_plain_list_of_flags(
            (own, theirs) in (0usize..200).prop_flat_map(|len| {
                let flags = prop::collection::vec(any::<bool>(), len);
                (flags.clone(), flags)
            }),
            start in 0u32..220,
        ) {
            let build = |flags: &[bool]| {
                let mut bitfield = Bitfield::full(flags.len() as u32);
                for (index, _) in (0..).zip(flags).filter(|(_, has)| !**has) {
                    assert!(bitfield.remove(PieceIndex::new(index)));
                    assert!(!bitfield.remove(PieceIndex::new(index)));
                }
                bitfield
            };
            let (a, b) = (build(&own), build(&theirs));
            let missing = || (0..).zip(&own).filter(|(_, has)| !**has).map(|(index, _)| index);
            prop_assert_eq!(numbers(a.iter_missing()), missing().collect::<Vec<u32>>());
            prop_assert_eq!(a.count() as usize, own.iter().filter(|has| **has).count());
            prop_assert_eq!(numbers(a.iter()).len(), a.count() as usize);
            let first = a.first_missing_from(start).map(PieceIndex::as_u32);
            prop_assert_eq!(first, missing().find(|index| *index >= start));
            let both = own.iter().zip(&theirs);
            let shared = both.clone().filter(|(a, b)| **a && **b).count();
            prop_assert_eq!(a.intersection_count(&b) as usize, shared);
            prop_assert_eq!(a.any_in_not_in(&b), both.clone().any(|(a, b)| *a && !*b));
            prop_assert_eq!(Bitfield::from_bytes(&a.to_bytes(), a.len()), Ok(a));
        }
    }
}
