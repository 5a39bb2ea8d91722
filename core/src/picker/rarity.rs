//! Pieces sorted by how few peers have them, kept sorted at constant cost per change.

use crate::id::PieceIndex;

/// Marks a piece that is not in the order.
const ABSENT: u32 = u32::MAX;

/// The open pieces (wanted, not begun), rarest first.
///
/// `order` holds them bucket by bucket, a bucket for each availability; `starts[a]` is where bucket
/// `a` begins and the last entry is the end. A piece changes its bucket by a swap with the piece at
/// the border and a shift of the border, so nothing is ever sorted or scanned.
#[derive(Debug)]
pub(super) struct Rarity {
    order: Vec<u32>,
    place: Vec<u32>,
    availability: Vec<u16>,
    starts: Vec<u32>,
}

impl Rarity {
    /// No piece open, none available.
    pub(super) fn new(pieces: u32) -> Self {
        Self {
            order: Vec::new(),
            place: vec![ABSENT; pieces as usize],
            availability: vec![0; pieces as usize],
            starts: vec![0, 0],
        }
    }

    /// How many pieces are open.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn contains(&self, piece: PieceIndex) -> bool {
        self.place[piece.as_usize()] != ABSENT
    }

    /// How many peers have a piece, those that have everything not counted.
    pub(super) fn availability(&self, piece: PieceIndex) -> u16 {
        self.availability[piece.as_usize()]
    }

    /// The buckets, rarest first.
    pub(super) fn buckets(&self) -> impl Iterator<Item = &[u32]> {
        let ranges = self.starts.windows(2).map(|ends| ends[0] as usize..ends[1] as usize);
        ranges.map(|range| &self.order[range])
    }

    /// All open pieces, rarest first.
    pub(super) fn all(&self) -> &[u32] {
        &self.order
    }

    pub(super) fn insert(&mut self, piece: PieceIndex) {
        if self.contains(piece) {
            return;
        }
        self.place[piece.as_usize()] = self.order.len() as u32;
        self.order.push(piece.as_u32());
        let top = self.starts.len() - 1;
        self.starts[top] += 1;
        for bucket in (usize::from(self.availability(piece)) + 1..top).rev() {
            self.move_to_front(piece, bucket);
        }
    }

    pub(super) fn remove(&mut self, piece: PieceIndex) {
        if !self.contains(piece) {
            return;
        }
        let top = self.starts.len() - 1;
        for bucket in usize::from(self.availability(piece))..top {
            self.move_to_back(piece, bucket);
        }
        self.order.pop();
        self.place[piece.as_usize()] = ABSENT;
    }

    /// One more peer has it.
    pub(super) fn raise(&mut self, piece: PieceIndex) {
        let bucket = usize::from(self.availability(piece));
        if bucket == usize::from(u16::MAX) {
            return;
        }
        while self.starts.len() < bucket + 3 {
            self.starts.push(self.order.len() as u32);
        }
        if self.contains(piece) {
            self.move_to_back(piece, bucket);
        }
        self.availability[piece.as_usize()] += 1;
    }

    /// One peer less has it.
    pub(super) fn lower(&mut self, piece: PieceIndex) {
        let bucket = usize::from(self.availability(piece));
        if bucket == 0 {
            return;
        }
        if self.contains(piece) {
            self.move_to_front(piece, bucket);
        }
        self.availability[piece.as_usize()] -= 1;
    }

    /// Out of the front of `bucket`, into the one below.
    fn move_to_front(&mut self, piece: PieceIndex, bucket: usize) {
        self.swap_into(piece, self.starts[bucket]);
        self.starts[bucket] += 1;
    }

    /// Out of the back of `bucket`, into the one above (or out of the order, from the last).
    fn move_to_back(&mut self, piece: PieceIndex, bucket: usize) {
        self.starts[bucket + 1] -= 1;
        self.swap_into(piece, self.starts[bucket + 1]);
    }

    fn swap_into(&mut self, piece: PieceIndex, to: u32) {
        let from = self.place[piece.as_usize()];
        let other = self.order[to as usize];
        self.order.swap(from as usize, to as usize);
        self.place[other as usize] = from;
        self.place[piece.as_usize()] = to;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[derive(Debug, Clone)]
    enum Change {
        Insert(u32),
        Remove(u32),
        Raise(u32),
        Lower(u32),
    }

    fn change() -> impl Strategy<Value = Change> {
        (0..4u8, 0..20u32).prop_map(|(kind, piece)| match kind {
            0 => Change::Insert(piece),
            1 => Change::Remove(piece),
            2 => Change::Raise(piece),
            _ => Change::Lower(piece),
        })
    }

    proptest! {
        #[test]
        fn the_buckets_hold_what_a_plain_table_holds(changes in prop::collection::vec(change(), 0..300)) {
            let mut rarity = Rarity::new(20);
            let mut open = [false; 20];
            let mut counts = [0usize; 20];
            for change in changes {
                match change {
                    Change::Insert(p) => { rarity.insert(PieceIndex::new(p)); open[p as usize] = true; }
                    Change::Remove(p) => { rarity.remove(PieceIndex::new(p)); open[p as usize] = false; }
                    Change::Raise(p) => { rarity.raise(PieceIndex::new(p)); counts[p as usize] += 1; }
                    Change::Lower(p) => {
                        rarity.lower(PieceIndex::new(p));
                        counts[p as usize] = counts[p as usize].saturating_sub(1);
                    }
                }
                for (bucket, held) in rarity.buckets().enumerate() {
                    let mut held = held.to_vec();
                    held.sort_unstable();
                    let expected: Vec<u32> =
                        (0..20).filter(|&p| open[p as usize] && counts[p as usize] == bucket).collect();
                    prop_assert_eq!(held, expected);
                }
                prop_assert_eq!(rarity.len(), open.iter().filter(|&&o| o).count());
            }
        }
    }
}
