//! The last blocks: asked of a second peer, so that the slowest does not hold up the end.

use std::time::Duration;

use super::Torrent;
use crate::{
    id::PeerKey,
    layout::{BLOCK_BYTES, Block},
    peer::Peer,
    shared::Cx,
    time::Instant,
    wire::Message,
};

/// Payload asked for twice stays within this share of what is wanted: a 64th, 1.6 %.
const DUPLICATE_SHARE: u64 = 64;
/// Blocks that may be asked for twice however small the torrent is.
const MIN_DUPLICATES: u64 = 4;

impl Torrent {
    /// A block that another peer is asked for already, and that this one will likely bring sooner.
    pub(super) fn next_in_endgame(&mut self, key: PeerKey) -> Option<Block> {
        let download = self.download.as_ref()?;
        if !download.picker.is_endgame() || !self.may_ask_twice() {
            return None;
        }
        let peer = self.peers.get(&key)?;
        let own = drain_time(peer);
        let slowest = self
            .peers
            .iter()
            .filter(|(k, other)| {
                **k != key && !other.pipeline.is_empty() && drain_time(other) > own
            })
            .max_by_key(|(_, other)| drain_time(other));
        let (_, slowest) = slowest?;
        // What it was asked for last comes last.
        let mut blocks = slowest.pipeline.iter().rev().map(|pending| pending.block);
        let block = blocks.find(|&block| {
            peer.serves(block.piece())
                && download.picker.times_asked(block) == 1
                && !peer.pipeline.contains(block)
                && download.parts.get(&block.piece()).is_some_and(|part| part.only.is_none())
        })?;
        self.tally.asked_twice_bytes += u64::from(block.length());
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
        let keys: Vec<PeerKey> = self.peers.keys().copied().filter(|&key| key != from).collect();
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
fn drain_time(peer: &Peer) -> Duration {
    if peer.pipeline.is_empty() {
        return Duration::ZERO;
    }
    let oldest = peer.pipeline.iter().next().map_or(Instant::EPOCH, |pending| pending.asked_at);
    let rate = peer.downloaded.bytes_per_second(oldest.max(peer.last_heard)).max(1);
    let waiting = peer.pipeline.len() as u64 * u64::from(BLOCK_BYTES);
    Duration::from_micros(waiting.saturating_mul(1_000_000) / rate)
}
