//! Who may download from us: slots, given anew every few seconds, and more of them while the line is
//! idle.

use std::time::Duration;

use super::{Timer, Torrent, requests::span, suggest::turn_rank, uploads::outstanding};
use crate::{
    choker::{CHOKE_INTERVAL, Candidate, MAX_SLOTS, OPTIMISTIC_INTERVAL, slots_for},
    draw,
    id::PeerKey,
    layout::BLOCK_BYTES,
    listed::Listed,
    order,
    peer::Peer,
    shared::Cx,
    wire::Message,
};

/// How often an idle line is given one more peer to serve: longer than a request takes to come.
pub const SLOT_INTERVAL: Duration = Duration::from_millis(250);

impl Torrent {
    /// A peer begins or ceases to want something of ours.
    pub(super) fn peer_interested(&mut self, cx: &mut Cx<'_>, key: PeerKey, interested: bool) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.peer_interested = interested;
        if interested {
            return self.fill_slots(cx);
        }
        self.set_choke(cx, key, true);
        self.fill_slots(cx);
    }

    /// Gives free slots to whoever waits, without waiting for the next round.
    pub(super) fn fill_slots(&mut self, cx: &mut Cx<'_>) {
        let slots = self.slots(cx);
        let free = slots.saturating_sub(self.peers.values().filter(|peer| has_slot(peer)).count());
        let waiting = self.peers.iter().filter(|(_, peer)| is_waiting(peer));
        let waiting = waiting.map(|(&key, peer)| (key, turn_rank(peer))).listed();
        let spreads = free < waiting.len() && self.spreads();
        let turn = waiting.iter().map(|&(_, turn)| if spreads { turn } else { (0, 0) });
        for at in order::by_rank(turn).into_iter().take(free) {
            if spreads && !self.has_fresh() {
                break;
            }
            self.set_choke(cx, waiting[at].0, false);
        }
        if self.has_waiting() {
            self.timers.no_later_than(Timer::Slots, cx.now + SLOT_INTERVAL);
        }
    }

    /// Somebody wants to be served, and is not.
    fn has_waiting(&self) -> bool {
        self.peers.values().any(is_waiting)
    }

    /// While the line is idle one more peer is served, again and again, up to twice the usual: whoever
    /// is served may have nothing to ask for just now, above all in a young swarm where all want the
    /// same few pieces.
    pub(super) fn use_idle_line(&mut self, cx: &mut Cx<'_>) {
        let waiting = self.peers.iter().filter(|(_, peer)| is_waiting(peer));
        let rate = |peer: &Peer| peer.downloaded.bytes_per_second(cx.now);
        let waiting: Vec<(u64, PeerKey)> = waiting.map(|(&key, peer)| (rate(peer), key)).listed();
        let Some(best) = waiting.iter().map(|(rate, _)| *rate).max() else { return };
        self.timers.no_later_than(Timer::Slots, cx.now + SLOT_INTERVAL);
        if !self.line_is_idle() || self.uploads.extra_slots >= self.regular_slots(cx) {
            return;
        }
        let best: Vec<_> = waiting.into_iter().filter(|(rate, _)| *rate == best).listed();
        if let Some((_, key)) = draw::choice(&mut cx.shared.rng, best) {
            self.uploads.extra_slots += 1;
            self.set_choke(cx, key, false);
        }
    }

    /// Nobody waits for a block, and none is on its way.
    fn line_is_idle(&self) -> bool {
        let idle =
            |peer: &Peer| peer.requests_in.is_empty() && outstanding(peer) < u64::from(BLOCK_BYTES);
        self.uploads.is_idle() && self.peers.values().all(idle)
    }

    /// The slots are given anew: to those that give us most or, when we seed, take most.
    pub(super) fn choke_round(&mut self, cx: &mut Cx<'_>) {
        self.timers.set(Timer::Choke, Some(cx.now + CHOKE_INTERVAL));
        self.look_for_peers(cx);
        let rounds_per_turn = (OPTIMISTIC_INTERVAL.as_secs() / CHOKE_INTERVAL.as_secs()) as u32;
        let rotate = self.choke_rounds.is_multiple_of(rounds_per_turn);
        self.choke_rounds += 1;
        if self.spreads() {
            return self.end_idle_turns(cx);
        }
        let seeding = self.is_done();
        let candidates: Vec<Candidate> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_open() && peer.peer_interested)
            .map(|(&key, peer)| Candidate {
                peer: key,
                rate_bytes_per_second: match seeding {
                    true => peer.uploaded.bytes_per_second(cx.now),
                    false => peer.downloaded.bytes_per_second(cx.now),
                },
                unchoked: !peer.am_choking,
            })
            .listed();
        self.uploads.extra_slots /= 2;
        let chosen = self.choker.choose(&candidates, self.slots(cx), rotate);
        for candidate in candidates {
            self.set_choke(cx, candidate.peer, !chosen.contains(&candidate.peer));
        }
        if self.has_waiting() {
            self.timers.no_later_than(Timer::Slots, cx.now + SLOT_INTERVAL);
        }
    }

    /// Turns end with a piece; here end those of peers that take nothing.
    fn end_idle_turns(&mut self, cx: &mut Cx<'_>) {
        self.uploads.extra_slots /= 2;
        self.withdraw_suggestions(cx.now);
        let takes_nothing = |peer: &Peer| {
            let young = peer.turn.began.is_some_and(|began| began + CHOKE_INTERVAL > cx.now);
            !peer.am_choking && !young && peer.uploaded.bytes_per_second(cx.now) == 0
        };
        let idle = self.peers.iter().filter(|(_, peer)| takes_nothing(peer));
        let idle: Vec<PeerKey> = idle.map(|(&key, _)| key).listed();
        if self.has_waiting() {
            idle.into_iter().for_each(|key| self.set_choke(cx, key, true));
            self.fill_slots(cx);
        }
    }

    fn slots(&self, cx: &Cx<'_>) -> usize {
        (self.regular_slots(cx) + self.uploads.extra_slots).min(MAX_SLOTS)
    }

    fn regular_slots(&self, cx: &Cx<'_>) -> usize {
        slots_for(self.tally.uploaded.bytes_per_second(cx.now))
    }

    pub(super) fn set_choke(&mut self, cx: &mut Cx<'_>, key: PeerKey, choke: bool) {
        let Some(peer) = self.peers.get_mut(&key).filter(|peer| peer.am_choking != choke) else {
            return;
        };
        peer.am_choking = choke;
        if choke {
            peer.say(&Message::Choke);
            for block in std::mem::take(&mut peer.requests_in) {
                if peer.granted_fast.contains(&block.piece()) {
                    peer.requests_in.push(block);
                } else if peer.fast {
                    peer.say(&Message::Reject(span(block)));
                }
            }
            self.end_turn(key);
        } else {
            peer.say(&Message::Unchoke);
            peer.turn.began = Some(cx.now);
            self.suggest(key);
        }
        self.flush(cx, key);
    }
}

/// Whether a peer wants to be served, and is not.
pub(super) fn is_waiting(peer: &Peer) -> bool {
    peer.is_open() && peer.peer_interested && peer.am_choking
}

/// Whether a peer takes of our line: it is served, or what it was to get is still on its way.
fn has_slot(peer: &Peer) -> bool {
    match peer.am_choking {
        true => is_sending(peer),
        false => peer.is_open() && peer.peer_interested,
    }
}

/// Whether a block is on its way to a peer.
pub(super) fn is_sending(peer: &Peer) -> bool {
    outstanding(peer) >= u64::from(BLOCK_BYTES)
}
