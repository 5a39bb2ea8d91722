//! The last blocks: asked of a second peer, so that the slowest does not hold up the end.

use std::time::Duration;

use super::Torrent;
use crate::{
    id::PeerKey,
    layout::{BLOCK_BYTES, Block},
    listed::Listed,
    order,
    peer::Peer,
    shared::Cx,
    time::Instant,
    wire::Message,
};

/// Payload asked for twice stays within this share of what is wanted: a 64th, 1.6 %.
const DUPLICATE_SHARE: u64 = 64;
/// Blocks that may be asked for twice however small the torrent is.
const MIN_DUPLICATES: u64 = 4;

/// A block that has to be waited for in the endgame is looked at again after so long.
pub(super) const ENDGAME_INTERVAL: Duration = Duration::from_millis(500);
/// Whoever has sent nothing for so long, and owes something, is silent.
const SILENCE: Duration = Duration::from_secs(2);
/// Peers asked for a block that the silent hold up, at most.
const MAX_ASKED: u16 = 4;

impl Torrent {
    /// A block that another peer is asked for already, and that this one will likely bring sooner.
    ///
    /// What the silent hold up may always be asked for again: hardly any of it will come twice, and
    /// a few who claim all and send nothing could else delay the end by a timeout each.
    pub(super) fn next_in_endgame(&mut self, now: Instant, key: PeerKey) -> Option<Block> {
        let download = self.download.as_ref().filter(|download| download.picker.is_endgame())?;
        let peer = self.peers.get(&key)?;
        let own = drain_micros(peer);
        let slower = self.peers.iter().filter(|(k, other)| {
            **k != key && !other.pipeline.is_empty() && drain_micros(other) > own
        });
        let slower: Vec<&Peer> = slower.map(|(_, other)| other).listed();
        let slowest = order::by_rank(slower.iter().map(|other| (!drain_micros(other), 0)));
        let may_ask_twice = self.may_ask_twice();
        let suits = |block: Block, most: u16| {
            peer.serves(block.piece())
                && (1..most).contains(&download.picker.times_asked(block))
                && !peer.pipeline.contains(block)
                && download.parts.get(&block.piece()).is_some_and(|part| part.only.is_none())
        };
        let (block, is_free) = slowest.into_iter().find_map(|at| {
            let other = slower[at];
            let silent = other.pipeline.is_silent(now, SILENCE) && !peer.pipeline.has_stalled();
            let most = if silent { MAX_ASKED } else { 2 };
            // What it was asked for last comes last.
            let mut blocks = other.pipeline.iter().rev().map(|pending| pending.block);
            let block = blocks.find(|&block| (silent || may_ask_twice) && suits(block, most))?;
            Some((block, silent))
        })?;
        if !is_free {
            self.tally.asked_twice_bytes += u64::from(block.length());
        }
        self.download.as_mut()?.picker.ask_again(block);
        Some(block)
    }

    fn may_ask_twice(&self) -> bool {
        let Some(download) = &self.download else { return false };
        let wanted_pieces = u64::from(download.picker.wanted().count());
        let wanted = wanted_pieces * u64::from(download.layout.piece_length());
        let allowed = (wanted / DUPLICATE_SHARE).max(MIN_DUPLICATES * u64::from(BLOCK_BYTES));
        self.tally.asked_twice_bytes < allowed
    }

    /// A block that several were asked for has come from one of them.
    pub(super) fn cancel_elsewhere(&mut self, cx: &mut Cx<'_>, from: PeerKey, block: Block) {
        let keys: Vec<PeerKey> = self.peers.keys().copied().filter(|&key| key != from).listed();
        for key in keys {
            let Some(peer) = self.peers.get_mut(&key) else { continue };
            if peer.pipeline.give_up(block) {
                peer.say(&Message::Cancel(super::requests::span(block)));
                self.ask_for_blocks(cx, key);
                self.flush(cx, key);
            }
        }
    }
}

/// How long a peer will take for what it is asked for, at the pace of its last answers.
fn drain_micros(peer: &Peer) -> u64 {
    if peer.pipeline.is_empty() {
        return 0;
    }
    let oldest = peer.pipeline.iter().next().map_or(Instant::EPOCH, |pending| pending.asked_at);
    let rate = peer.downloaded.bytes_per_second(oldest.max(peer.last_heard)).max(1);
    let waiting = peer.pipeline.len() as u64 * u64::from(BLOCK_BYTES);
    waiting.saturating_mul(1_000_000) / rate
}
