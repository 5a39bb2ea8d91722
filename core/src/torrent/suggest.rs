//! Suggestions (BEP 6): taken as a leecher, given as a seeder, and whose turn it is to be served.

use super::Torrent;
use crate::{
    choker::CHOKE_INTERVAL,
    id::{PeerKey, PieceIndex},
    peer::{MAX_SUGGESTED, Peer},
    reason::CloseReason,
    shared::Cx,
    spread::Fresh,
    time::Instant,
    wire::Message,
};

impl Torrent {
    /// A peer suggests a piece.
    pub(super) fn suggested(&mut self, key: PeerKey, index: u32) -> Result<(), CloseReason> {
        let piece = self.piece(index)?;
        let (Some(piece), Some(peer)) = (piece, self.peers.get_mut(&key)) else { return Ok(()) };
        if !peer.suggested.contains(&piece) {
            if peer.suggested.len() == MAX_SUGGESTED {
                peer.suggested.remove(0);
            }
            peer.suggested.push(piece);
        }
        Ok(())
    }

    /// Tells a peer that is served, while we seed, what nobody else has.
    pub(super) fn suggest(&mut self, key: PeerKey) {
        let Self { peers, download, fresh, .. } = self;
        let Some(download) = download.as_ref().filter(|d| d.picker.have().is_full()) else {
            return;
        };
        let pieces = download.layout.piece_count();
        let Some(peer) = peers.get_mut(&key).filter(|peer| is_served(peer)) else { return };
        let fresh = fresh.get_or_insert_with(|| Fresh::new(pieces));
        let availability = |piece| download.picker.availability(piece);
        peer.turn.settle(availability);
        while peer.fast && !peer.turn.knows_enough() {
            let start = peer.record.as_u32().wrapping_mul(0x9e37_79b9) % pieces.max(1);
            let Some(piece) = fresh.next(start, availability) else { return };
            fresh.give(piece);
            peer.turn.suggest(piece);
            peer.say(&Message::Suggest { index: piece.as_u32() });
        }
    }

    /// A peer asks for a piece: it is on its way.
    pub(super) fn hint_taken(&mut self, key: PeerKey, piece: PieceIndex) {
        let (Some(fresh), Some(peer)) = (&mut self.fresh, self.peers.get_mut(&key)) else { return };
        fresh.give(piece);
        peer.turn.request(piece);
        self.suggest(key);
    }

    /// A peer has a piece: if it got it from us, it is another's turn.
    pub(super) fn hint_got(&mut self, cx: &mut Cx<'_>, key: PeerKey, piece: PieceIndex) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if !peer.turn.has_got(piece) {
            return;
        }
        let Some(download) = &self.download else { return };
        let is_over = peer.turn.may_end(cx.now, download.layout.piece_length());
        if is_over && self.spreads() && self.is_next_before(key) {
            self.set_choke(cx, key, true);
            self.fill_slots(cx);
        } else {
            self.suggest(key);
        }
    }

    /// Whether there is anything that we alone have and nobody is to get yet.
    pub(super) fn has_fresh(&mut self) -> bool {
        let (Some(download), Some(fresh)) = (&self.download, &mut self.fresh) else { return false };
        download.picker.have().is_full()
            && fresh.next(0, |piece| download.picker.availability(piece)).is_some()
    }

    /// Whether there is anything that we alone have.
    pub(super) fn spreads(&mut self) -> bool {
        self.has_fresh() || self.fresh.is_some() && self.peers.values().any(|p| p.turn.is_open())
    }

    /// What peers have not taken up for long is for others.
    pub(super) fn withdraw_suggestions(&mut self, now: Instant) {
        let Some(fresh) = &mut self.fresh else { return };
        for peer in self.peers.values_mut() {
            if peer.turn.began.is_some_and(|began| began + CHOKE_INTERVAL <= now) {
                fresh.take_back(peer.turn.withdraw());
            }
        }
    }

    /// Whether somebody waits who has less of us.
    fn is_next_before(&self, key: PeerKey) -> bool {
        let Some(own) = self.peers.get(&key).map(turn_rank) else { return false };
        self.peers.values().any(|peer| super::slots::is_waiting(peer) && turn_rank(peer) < own)
    }

    /// A peer is served no longer: others get what it was to take.
    pub(super) fn end_turn(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if let (Some(fresh), Some(download)) = (&mut self.fresh, &self.download) {
            fresh.take_back(peer.turn.end(download.layout.piece_length()));
        }
    }
}

/// Who is served first of those that get what only we have: who has passed on what it got, then who
/// has got the least.
pub(super) fn turn_rank(peer: &Peer) -> (u64, u64) {
    (peer.turn.unspread() as u64, peer.uploaded.total_bytes())
}

fn is_served(peer: &Peer) -> bool {
    peer.is_open() && peer.peer_interested && !peer.am_choking
}
