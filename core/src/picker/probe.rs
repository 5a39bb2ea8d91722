//! Which piece to begin, of those that nobody has begun: a few are looked at, never all.

use super::{Asker, Picker};
use crate::{draw, id::PieceIndex};

/// Pieces looked at in order of rarity before the asker's own pieces are walked instead.
const MAX_PROBES: usize = 64;
/// Pieces of the asker's own of which the rarest is taken.
const MAX_COMPARED: usize = 16;

impl Picker {
    pub(super) fn pick_at_random(&mut self, asker: &Asker<'_>) -> Option<PieceIndex> {
        let mut probes = Vec::new();
        let all = self.rarity.all();
        let start = draw::index(&mut self.rng, all.len().max(1));
        probe(&mut probes, all, start.min(all.len()));
        self.first_to_begin(&probes, asker).or_else(|| self.walk(asker))
    }

    pub(super) fn pick_rarest(&mut self, asker: &Asker<'_>) -> Option<PieceIndex> {
        // What nobody is known to have, only those can have that are not counted: seeders.
        let nowhere = usize::from(!asker.has.is_full());
        let mut probes = Vec::new();
        for bucket in self.rarity.buckets().skip(nowhere) {
            if probes.len() == MAX_PROBES {
                break;
            }
            if !bucket.is_empty() {
                probe(&mut probes, bucket, draw::index(&mut self.rng, bucket.len()));
            }
        }
        self.first_to_begin(&probes, asker).or_else(|| self.walk(asker))
    }

    fn first_to_begin(&self, probes: &[u32], asker: &Asker<'_>) -> Option<PieceIndex> {
        let mut pieces = probes.iter().map(|&piece| PieceIndex::new(piece));
        pieces.find(|&piece| self.may_begin(piece, asker))
    }

    /// The asker has little of what is rare: walks what it has, by the word, from a random place.
    fn walk(&mut self, asker: &Asker<'_>) -> Option<PieceIndex> {
        let start = self.rng.u32(..self.have.len().max(1));
        let (mut best, mut compared) = (None, 0);
        for start in [start, 0] {
            for piece in self.open.iter_common_from(asker.has, start) {
                if compared == MAX_COMPARED {
                    break;
                }
                if self.may_begin(piece, asker) {
                    compared += 1;
                    let rank = (self.rarity.availability(piece), compared);
                    if best.is_none_or(|(other, _)| rank < other) {
                        best = Some((rank, piece));
                    }
                }
            }
        }
        best.map(|(_, piece)| piece)
    }
}

/// Adds pieces to the probes, from one of them on and around, until there are enough.
fn probe(probes: &mut Vec<u32>, pieces: &[u32], start: usize) {
    let (before, after) = pieces.split_at(start);
    for pieces in [after, before] {
        let room = MAX_PROBES - probes.len();
        probes.extend_from_slice(&pieces[..pieces.len().min(room)]);
    }
}
