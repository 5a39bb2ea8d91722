//! Where pieces, blocks and files lie in a torrent's bytes.
//!
//! A [`Layout`] is checked once, when it is made. It alone makes [`PieceIndex`]es and [`Block`]s,
//! so one that exists lies inside its torrent.

use std::ops::Range;

use crate::{id::PieceIndex, listed::Listed};

/// What we ask a peer for at once, in bytes: 16 KiB, as every client does (BEP 3).
pub const BLOCK_BYTES: u32 = 16 * 1024;
/// The longest range in bytes that a peer may ask us for at once.
pub const MAX_REQUEST_BYTES: u32 = 32 * 1024;
/// The most pieces a torrent may have.
pub const MAX_PIECES: u32 = 2_097_152;
/// The shortest piece length in bytes.
pub const MIN_PIECE_BYTES: u32 = 16 * 1024;
/// The longest piece length in bytes. A piece is held in memory until it is whole.
pub const MAX_PIECE_BYTES: u32 = 64 * 1024 * 1024;

/// Why piece length and file lengths make no torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The piece length in bytes is outside [`MIN_PIECE_BYTES`]`..=`[`MAX_PIECE_BYTES`].
    #[error("a piece length of {0} bytes is not within 16 KiB and 64 MiB")]
    PieceLength(u64),
    /// The lengths of the files add up to more than fits in 64 bits (signed, as files have it).
    #[error("the files are longer together than 2^63 bytes")]
    TotalLength,
    /// There would be this many pieces, more than [`MAX_PIECES`].
    #[error("{0} pieces are more than the 2097152 that are read")]
    TooManyPieces(u64),
}

/// Where a file lies in the torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSpan {
    /// Bytes of the torrent before the file.
    pub offset: u64,
    /// Bytes of the file, possibly none.
    pub length: u64,
    /// Whether it only fills up a piece with zeros and is no file of the user's (BEP 47).
    pub pad: bool,
}

impl FileSpan {
    /// The offset in the torrent just behind the file.
    pub const fn end(&self) -> u64 {
        self.offset + self.length
    }
}

/// The part of one file that a range of the torrent covers; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSlice {
    /// Index of the file in [`Layout::files`].
    pub file: usize,
    /// Where the part begins in the file, in bytes.
    pub offset: u64,
    /// Bytes of the part.
    pub length: u64,
    /// Whether the file is a pad: zeros that are nowhere stored.
    pub pad: bool,
}

/// A range of a piece that lies inside it: what is asked for and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    piece: PieceIndex,
    begin: u32,
    length: u32,
    aligned: bool,
}

impl Block {
    /// The piece it belongs to.
    pub const fn piece(self) -> PieceIndex {
        self.piece
    }

    /// Where it begins in the piece, in bytes.
    pub const fn begin(self) -> u32 {
        self.begin
    }

    /// Its bytes, at least one, at most [`MAX_REQUEST_BYTES`].
    pub const fn length(self) -> u32 {
        self.length
    }

    /// Number in its piece of the (first) block it lies in.
    pub const fn index(self) -> u32 {
        self.begin / BLOCK_BYTES
    }

    /// Whether it is exactly one of [`Layout::blocks`], not some other range that a peer named.
    pub const fn is_aligned(self) -> bool {
        self.aligned
    }
}

/// The arithmetic of one torrent: checked when made, unchangeable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    piece_length: u32,
    piece_count: u32,
    total_length: u64,
    files: Vec<FileSpan>,
    /// Indices of the files that aren't empty, so that no number of empty ones slows a look-up.
    occupied: Vec<u32>,
}

impl Layout {
    /// Lays files of the given lengths in bytes (and whether each is a pad) one behind the other.
    ///
    /// No files, or none with a byte in it, make a torrent of no pieces.
    ///
    /// # Errors
    /// A piece length, a sum of lengths, or a number of pieces outside the limits.
    pub fn new(
        piece_length: u32,
        files: impl IntoIterator<Item = (u64, bool)>,
    ) -> Result<Self, LayoutError> {
        if !(MIN_PIECE_BYTES..=MAX_PIECE_BYTES).contains(&piece_length) {
            return Err(LayoutError::PieceLength(piece_length.into()));
        }
        let mut total_length = 0u64;
        let mut spans = Vec::new();
        for (length, pad) in files {
            spans.push(FileSpan { offset: total_length, length, pad });
            total_length = total_length
                .checked_add(length)
                .filter(|&total| i64::try_from(total).is_ok())
                .ok_or(LayoutError::TotalLength)?;
        }
        let pieces = total_length.div_ceil(piece_length.into());
        let piece_count = u32::try_from(pieces)
            .ok()
            .filter(|&count| count <= MAX_PIECES)
            .ok_or(LayoutError::TooManyPieces(pieces))?;
        let occupied = (0u32..).zip(&spans).filter(|(_, span)| span.length > 0);
        let occupied = occupied.map(|(file, _)| file).listed();
        Ok(Self { piece_length, piece_count, total_length, files: spans, occupied })
    }

    /// Bytes of every piece but the last.
    pub const fn piece_length(&self) -> u32 {
        self.piece_length
    }

    /// Bytes of all files together, pads included.
    pub const fn total_length(&self) -> u64 {
        self.total_length
    }

    /// How many pieces there are.
    pub const fn piece_count(&self) -> u32 {
        self.piece_count
    }

    /// The files, in the torrent's order.
    pub fn files(&self) -> &[FileSpan] {
        &self.files
    }

    /// The piece of this number, if there is one.
    pub fn piece(&self, index: u32) -> Option<PieceIndex> {
        (index < self.piece_count).then(|| PieceIndex::new(index))
    }

    /// All pieces in order.
    pub fn pieces(
        &self,
    ) -> impl DoubleEndedIterator<Item = PieceIndex> + ExactSizeIterator + Clone + use<> {
        (0..self.piece_count).map(PieceIndex::new)
    }

    /// Bytes of the piece: the piece length, or what remains for the last one.
    pub fn piece_bytes(&self, piece: PieceIndex) -> u32 {
        let remaining = self.total_length - self.piece_offset(piece);
        u32::try_from(remaining).map_or(self.piece_length, |rest| rest.min(self.piece_length))
    }

    /// Where the piece begins in the torrent, in bytes.
    pub fn piece_offset(&self, piece: PieceIndex) -> u64 {
        u64::from(piece.as_u32()) * u64::from(self.piece_length)
    }

    /// How many blocks of [`BLOCK_BYTES`] the piece has; the last may be shorter.
    pub fn block_count(&self, piece: PieceIndex) -> u32 {
        self.piece_bytes(piece).div_ceil(BLOCK_BYTES)
    }

    /// Block `n` of the piece, if it has so many.
    pub fn block(&self, piece: PieceIndex, n: u32) -> Option<Block> {
        let begin = n.checked_mul(BLOCK_BYTES)?;
        let rest = self.piece_bytes(piece).checked_sub(begin).filter(|&rest| rest > 0)?;
        Some(Block { piece, begin, length: rest.min(BLOCK_BYTES), aligned: true })
    }

    /// The blocks of the piece in order.
    pub fn blocks(&self, piece: PieceIndex) -> impl DoubleEndedIterator<Item = Block> + use<> {
        let bytes = self.piece_bytes(piece);
        (0..bytes.div_ceil(BLOCK_BYTES)).map(move |n| {
            let begin = n * BLOCK_BYTES;
            Block { piece, begin, length: (bytes - begin).min(BLOCK_BYTES), aligned: true }
        })
    }

    /// The range that a peer named in a `request`, `cancel` or `piece`: if the piece exists, the
    /// range lies inside it and is of 1 to [`MAX_REQUEST_BYTES`] bytes.
    pub fn request(&self, index: u32, begin: u32, length: u32) -> Option<Block> {
        let piece = self.piece(index)?;
        let end = begin.checked_add(length)?;
        if !(1..=MAX_REQUEST_BYTES).contains(&length) || end > self.piece_bytes(piece) {
            return None;
        }
        let regular = self.block(piece, begin / BLOCK_BYTES);
        let aligned = regular.is_some_and(|block| (block.begin, block.length) == (begin, length));
        Some(Block { piece, begin, length, aligned })
    }

    /// The parts of files that `length` bytes from `offset` in the torrent cover, in order.
    ///
    /// Empty files have no part in anything; what lies behind the torrent's end is left out.
    pub fn slices(&self, offset: u64, length: u64) -> impl Iterator<Item = FileSlice> + '_ {
        let end = offset.saturating_add(length);
        let first =
            self.occupied.partition_point(|&file| self.files[file as usize].end() <= offset);
        self.occupied[first..].iter().map_while(move |&file| {
            let span = self.files[file as usize];
            let (from, to) = (span.offset.max(offset), span.end().min(end));
            (from < to).then(|| FileSlice {
                file: file as usize,
                offset: from - span.offset,
                length: to - from,
                pad: span.pad,
            })
        })
    }

    /// The parts of files that the piece covers, in order.
    pub fn piece_files(&self, piece: PieceIndex) -> impl Iterator<Item = FileSlice> + '_ {
        self.slices(self.piece_offset(piece), self.piece_bytes(piece).into())
    }

    /// The numbers of the pieces that hold bytes of the file: none if it is empty or unknown.
    pub fn file_pieces(&self, file: usize) -> Range<u32> {
        let Some(span) = self.files.get(file).filter(|span| span.length > 0) else { return 0..0 };
        let piece_length = u64::from(self.piece_length);
        // Both fit: the number of pieces was checked in `new`.
        (span.offset / piece_length) as u32..span.end().div_ceil(piece_length) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const KIB: u64 = 1024;

    fn layout(files: &[u64]) -> Layout {
        Layout::new(32 * 1024, files.iter().map(|&length| (length, false))).unwrap()
    }

    #[test]
    fn the_last_piece_and_its_last_block_are_shorter() {
        let layout = layout(&[32 * KIB + 20_000]);
        let last = layout.piece(1).unwrap();
        assert_eq!((layout.piece_count(), layout.piece_bytes(last)), (2, 20_000));
        let blocks: Vec<_> = layout.blocks(last).map(|b| (b.begin(), b.length())).collect();
        assert_eq!(blocks, [(0, 16_384), (16_384, 3_616)]);
        assert_eq!(layout.block(last, 1), layout.blocks(last).next_back());
        assert_eq!(layout.block(last, 2), None);
        assert_eq!(layout.block(last, u32::MAX), None);
        assert_eq!(layout.piece(2), None);
    }

    #[test]
    fn a_torrent_without_bytes_has_no_pieces() {
        let layout = layout(&[0, 0]);
        assert_eq!((layout.piece_count(), layout.pieces().count()), (0, 0));
        assert_eq!(layout.file_pieces(1), 0..0);
        assert_eq!(layout.slices(0, u64::MAX).count(), 0);
    }

    #[test]
    fn limits_are_limits() {
        let new = |piece_length, lengths: &[u64]| {
            Layout::new(piece_length, lengths.iter().map(|&l| (l, false))).map(|l| l.piece_count())
        };
        for length in [0, MIN_PIECE_BYTES - 1, MAX_PIECE_BYTES + 1, u32::MAX] {
            assert_eq!(new(length, &[1]), Err(LayoutError::PieceLength(length.into())));
        }
        let most = u64::from(MAX_PIECES) * u64::from(MIN_PIECE_BYTES);
        assert_eq!(new(MIN_PIECE_BYTES, &[most]), Ok(MAX_PIECES));
        let too_many = LayoutError::TooManyPieces(u64::from(MAX_PIECES) + 1);
        assert_eq!(new(MIN_PIECE_BYTES, &[most, 1]), Err(too_many));
        assert_eq!(new(MIN_PIECE_BYTES, &[u64::MAX, 1]), Err(LayoutError::TotalLength));
        assert_eq!(new(MIN_PIECE_BYTES, &[1 << 63]), Err(LayoutError::TotalLength));
        assert_eq!(new(17_000, &[34_001]), Ok(3), "any length will do, not only powers of two");
    }

    #[test]
    fn a_request_outside_its_piece_is_none() {
        let layout = layout(&[32 * KIB + 20_000]);
        for (index, begin, length) in [
            (2, 0, 1),
            (u32::MAX, 0, 1),
            (0, 0, 0),
            (0, 0, MAX_REQUEST_BYTES + 1),
            (0, 1, MAX_REQUEST_BYTES),
            (0, u32::MAX, u32::MAX),
            (0, u32::MAX, 1),
            (1, 16_384, 16_384),
        ] {
            assert_eq!(layout.request(index, begin, length), None, "{index} {begin} {length}");
        }
    }

    #[test]
    fn a_request_knows_whether_it_is_a_regular_block() {
        let layout = layout(&[32 * KIB + 20_000]);
        let aligned = |index, begin, length| {
            layout.request(index, begin, length).map(|block| (block.index(), block.is_aligned()))
        };
        assert_eq!(aligned(0, 16_384, 16_384), Some((1, true)));
        assert_eq!(aligned(1, 16_384, 3_616), Some((1, true)));
        assert_eq!(aligned(1, 16_384, 3_615), Some((1, false)));
        assert_eq!(aligned(0, 0, 32_768), Some((0, false)));
        assert_eq!(aligned(0, 16_383, 16_384), Some((0, false)));
    }

    #[test]
    fn slices_skip_empty_files_and_end_with_the_torrent() {
        let layout = layout(&[0, 10, 0, 0, 5, 0]);
        let slices = |offset, length| {
            layout.slices(offset, length).map(|s| (s.file, s.offset, s.length)).collect::<Vec<_>>()
        };
        assert_eq!(slices(0, 15), [(1, 0, 10), (4, 0, 5)]);
        assert_eq!(slices(9, 2), [(1, 9, 1), (4, 0, 1)]);
        assert_eq!(slices(10, 1), [(4, 0, 1)]);
        assert_eq!(slices(3, 0), []);
        assert_eq!(slices(14, u64::MAX), [(4, 4, 1)]);
        assert_eq!(slices(u64::MAX, u64::MAX), []);
    }

    #[test]
    fn a_file_knows_its_pieces() {
        let layout = layout(&[32 * KIB, 0, 1, 64 * KIB]);
        let pieces: Vec<_> = (0..5).map(|file| layout.file_pieces(file)).collect();
        assert_eq!(pieces, [0..1, 0..0, 1..2, 1..4, 0..0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pieces_blocks_and_slices_cover_every_byte_once(
            piece_length in MIN_PIECE_BYTES..100_000,
            lengths in prop::collection::vec(prop_oneof![Just(0), 1..200_000u64], 0..12),
        ) {
            let layout = Layout::new(piece_length, lengths.iter().map(|&l| (l, false))).unwrap();
            let mut covered = vec![0; lengths.len()];
            let mut total = 0;
            for piece in layout.pieces() {
                prop_assert_eq!(layout.piece_offset(piece), total);
                for block in layout.blocks(piece) {
                    let again = layout.request(piece.as_u32(), block.begin(), block.length());
                    prop_assert_eq!(again, Some(block));
                    total += u64::from(block.length());
                }
                for slice in layout.piece_files(piece) {
                    prop_assert_eq!(slice.offset, covered[slice.file]);
                    prop_assert!(layout.file_pieces(slice.file).contains(&piece.as_u32()));
                    covered[slice.file] += slice.length;
                }
            }
            prop_assert_eq!(total, layout.total_length());
            prop_assert_eq!(covered, lengths);
        }
    }
}
