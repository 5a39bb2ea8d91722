//! What a seeder gives to whom while it alone has it: each piece to one peer, and each peer its turn.
//!
//! Leechers that each see a part of the swarm choose the same rare pieces of a seeder, which then sends
//! twice what only it has; and who is served alone has more to pass on than its line can carry, while the
//! lines of others are idle. The seeder knows best what nobody else has got yet. So it suggests that
//! (BEP 6, "Suggest Piece": super seeding without reduced throughput), and serves next whoever has passed
//! on what it got. Nothing is pretended, as super seeding (BEP 16) does; a peer that doesn't know the
//! message is served as ever.

use std::time::Duration;

use crate::{bitfield::Bitfield, id::PieceIndex, listed::Listed, time::Instant};

/// A peer is served at least this long before another has its turn.
pub const MIN_TURN: Duration = Duration::from_secs(1);
/// Suggestions that a peer has not taken up yet, at most: the others might get them sooner.
pub const SUGGESTED_AHEAD: usize = 2;
/// Pieces on their way to one peer that are noted, at most.
const MAX_HINTS: usize = 32;
/// Pieces that a peer has not passed on, counted up to this.
const MAX_UNSPREAD: usize = 16;

/// Pieces that nobody has been given yet.
#[derive(Debug)]
pub(crate) struct Fresh(Bitfield);

impl Fresh {
    pub(crate) fn new(pieces: u32) -> Self {
        Self(Bitfield::full(pieces))
    }

    /// The next piece that nobody has, from a place on; those that somebody has are forgotten.
    pub(crate) fn next(
        &mut self,
        start: u32,
        availability: impl Fn(PieceIndex) -> u16,
    ) -> Option<PieceIndex> {
        loop {
            let behind = self.0.iter_common_from(&self.0, start).next();
            let piece = behind.or_else(|| self.0.iter().next())?;
            if availability(piece) == 0 {
                return Some(piece);
            }
            self.0.remove(piece);
        }
    }

    pub(crate) fn give(&mut self, piece: PieceIndex) {
        self.0.remove(piece);
    }

    /// Who was to get these doesn't.
    pub(crate) fn take_back(&mut self, pieces: impl Iterator<Item = PieceIndex>) {
        for piece in pieces {
            self.0.insert(piece);
        }
    }
}

/// A piece on its way to a peer.
#[derive(Debug)]
struct Hint {
    piece: PieceIndex,
    /// It was our suggestion, not the peer's own choice.
    suggested: bool,
    requested: bool,
    sent_bytes: u32,
}

/// What one peer gets of a seeder.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) began: Option<Instant>,
    /// Pieces suggested to it, or asked for by it, that it doesn't have yet.
    hints: Vec<Hint>,
    /// Pieces it got from us that nobody else is known to have.
    unspread: Vec<PieceIndex>,
}

impl Turn {
    /// A piece is suggested to this peer.
    pub(crate) fn suggest(&mut self, piece: PieceIndex) {
        self.hints.push(Hint { piece, suggested: true, requested: false, sent_bytes: 0 });
    }

    /// This peer asks for a piece.
    pub(crate) fn request(&mut self, piece: PieceIndex) {
        let known = self.hints.iter_mut().find(|hint| hint.piece == piece);
        if let Some(hint) = known {
            hint.requested = true;
        } else if self.hints.len() < MAX_HINTS {
            self.hints.push(Hint { piece, suggested: false, requested: true, sent_bytes: 0 });
        }
    }

    /// Whether it needs no more suggestions now.
    pub(crate) fn knows_enough(&self) -> bool {
        let open = self.hints.iter().filter(|hint| !hint.requested).count();
        open >= SUGGESTED_AHEAD || self.hints.len() >= MAX_HINTS
    }

    /// Whether some suggestion is still to be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.hints.iter().any(|hint| hint.suggested && hint.sent_bytes == 0)
    }

    /// Takes back what it has not asked for.
    pub(crate) fn withdraw(&mut self) -> impl Iterator<Item = PieceIndex> + use<> {
        let open = |hint: &Hint| !hint.requested;
        let withdrawn: Vec<_> = self.hints.iter().filter(|h| open(h)).map(|h| h.piece).listed();
        self.hints.retain(|hint| !open(hint));
        withdrawn.into_iter()
    }

    /// Some of a piece is sent to it.
    pub(crate) fn sent(&mut self, piece: PieceIndex, bytes: u32) {
        if let Some(hint) = self.hints.iter_mut().find(|hint| hint.piece == piece) {
            hint.sent_bytes += bytes;
        }
    }

    /// The peer has a piece. Whether it was to get it from us.
    pub(crate) fn has_got(&mut self, piece: PieceIndex) -> bool {
        let Some(at) = self.hints.iter().position(|hint| hint.piece == piece) else { return false };
        self.hints.swap_remove(at);
        if self.unspread.len() < MAX_UNSPREAD {
            self.unspread.push(piece);
        }
        true
    }

    /// Whether its turn has lasted long enough, and no piece that we chose is half sent.
    pub(crate) fn may_end(&self, now: Instant, piece_bytes: u32) -> bool {
        let half_sent = |hint: &Hint| hint.suggested && (1..piece_bytes).contains(&hint.sent_bytes);
        self.began.is_none_or(|began| began + MIN_TURN <= now) && !self.hints.iter().any(half_sent)
    }

    /// Forgets what others have got by now.
    pub(crate) fn settle(&mut self, availability: impl Fn(PieceIndex) -> u16) {
        self.hints.retain(|hint| availability(hint.piece) == 0);
        self.unspread.retain(|&piece| availability(piece) < 2);
    }

    /// How many pieces it keeps to itself.
    pub(crate) fn unspread(&self) -> usize {
        self.unspread.len()
    }

    /// It is served no longer: what it was to get, and has not been sent all of.
    pub(crate) fn end(&mut self, piece_bytes: u32) -> impl Iterator<Item = PieceIndex> + use<> {
        self.began = None;
        let hints = std::mem::take(&mut self.hints).into_iter();
        hints.filter(move |hint| hint.sent_bytes < piece_bytes).map(|hint| hint.piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const PIECE_BYTES: u32 = 32_768;

    fn piece(index: u32) -> PieceIndex {
        PieceIndex::new(index)
    }

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn each_piece_is_given_once_and_what_somebody_has_not_at_all() {
        let mut fresh = Fresh::new(4);
        let availability = |known| u16::from(known == piece(3));
        let mut given = Vec::new();
        while let Some(next) = fresh.next(2, availability) {
            fresh.give(next);
            given.push(next);
        }
        assert_eq!(given, [2, 0, 1].map(piece));
    }

    #[test]
    fn what_a_peer_was_not_sent_before_its_turn_ended_is_given_to_another() {
        let mut turn = Turn::default();
        (0..3).for_each(|n| turn.suggest(piece(n)));
        turn.request(piece(0));
        turn.sent(piece(0), PIECE_BYTES);
        turn.request(piece(1));
        turn.sent(piece(1), PIECE_BYTES / 2);
        assert_eq!(turn.end(PIECE_BYTES).collect::<Vec<_>>(), [1, 2].map(piece));
        assert_eq!(turn.end(PIECE_BYTES).count(), 0);
    }

    #[test]
    fn a_turn_does_not_end_in_the_middle_of_a_piece_that_was_suggested() {
        let mut turn = Turn { began: Some(at(0)), ..Turn::default() };
        turn.suggest(piece(0));
        assert!(!turn.may_end(at(999), PIECE_BYTES));
        assert!(turn.may_end(at(1_000), PIECE_BYTES));
        turn.sent(piece(0), PIECE_BYTES / 2);
        assert!(!turn.may_end(at(1_000), PIECE_BYTES));
        turn.sent(piece(0), PIECE_BYTES / 2);
        assert!(turn.may_end(at(1_000), PIECE_BYTES));
    }

    #[test]
    fn who_keeps_what_it_got_is_told_from_who_passes_it_on() {
        let mut turn = Turn::default();
        turn.suggest(piece(0));
        assert!(turn.has_got(piece(0)) && !turn.has_got(piece(0)));
        turn.settle(|_| 1);
        assert_eq!(turn.unspread(), 1);
        turn.settle(|_| 2);
        assert_eq!(turn.unspread(), 0);
    }

    #[test]
    fn however_much_a_peer_asks_for_little_is_noted() {
        let mut turn = Turn::default();
        (0..10_000).for_each(|n| turn.request(piece(n)));
        assert_eq!(turn.hints.len(), MAX_HINTS);
        assert!(turn.knows_enough());
    }
}
