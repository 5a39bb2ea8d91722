//! Blocks that come: into their piece, to the storage, and what becomes of the piece.

use std::time::Duration;

use bytes::Bytes;

use super::{
    Timer, Torrent,
    content::Part,
    report::{CHECKPOINT_BYTES, CHECKPOINT_INTERVAL},
};
use crate::{
    contract::Output,
    event::News,
    id::{PeerKey, PieceIndex},
    layout::Block,
    listed::Listed,
    peer::{MAX_UNASKED, Peer},
    pipeline::Arrival,
    reason::{CloseReason, ProtocolError},
    roster::RecordId,
    shared::Cx,
    stats::PieceReport,
    storage::{Order, Verdict},
    time::micros,
    wire::Message,
};

/// Bytes of a spilling piece that are collected before they are written.
const SPILL_RUN_BYTES: u32 = 256 * 1024;

/// A `have` that can't lead to a request at once waits so long for others to go with it.
const HAVE_DELAY: Duration = Duration::from_secs(1);

impl Torrent {
    /// A block came from a peer.
    pub(super) fn block_arrived(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        block: Block,
        data: Bytes,
    ) -> Result<(), CloseReason> {
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        let length = u64::from(block.length());
        peer.downloaded.add(cx.now, length);
        self.tally.downloaded.add(cx.now, length);
        let arrival = peer.pipeline.arrived(cx.now, block);
        let record = peer.record;
        match arrival {
            Arrival::Asked(latency) => {
                self.roster.record_mut(record).standing.answered(cx.now, latency);
            }
            Arrival::GivenUp => {}
            Arrival::Unasked => return self.unasked(key, length),
        }
        self.take_block(cx, key, record, block, data, arrival);
        Ok(())
    }

    fn unasked(&mut self, key: PeerKey, length: u64) -> Result<(), CloseReason> {
        self.tally.duplicate_bytes += length;
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        peer.unasked += 1;
        match peer.unasked > MAX_UNASKED {
            true => Err(ProtocolError::Unasked.into()),
            false => Ok(()),
        }
    }

    fn take_block(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        record: RecordId,
        block: Block,
        data: Bytes,
        arrival: Arrival,
    ) {
        let Some(download) = &mut self.download else { return };
        let asked_elsewhere =
            download.picker.times_asked(block) > u16::from(arrival != Arrival::GivenUp);
        let owed = download.owed_bytes(block);
        let has_room = owed <= cx.shared.memory_room();
        let part = download.parts.get_mut(&block.piece());
        let part = part.filter(|part| part.only.is_none_or(|only| only == record));
        let Some(part) = part.filter(|_| has_room && download.picker.receive(block)) else {
            self.tally.duplicate_bytes += u64::from(block.length());
            return;
        };
        part.leased_bytes += owed;
        cx.shared.lease(owed);
        part.put(cx.now, block, record, data);
        if download.spills {
            self.spill_if_due(cx, block.piece());
        } else if download.picker.is_whole(block.piece()) {
            self.storage.ready.push_back(block.piece());
            self.store_ready(cx);
        }
        if asked_elsewhere {
            self.cancel_elsewhere(cx, key, block);
        }
    }

    /// A source delivered a whole piece.
    pub(super) fn whole_arrived(
        &mut self,
        cx: &mut Cx<'_>,
        record: RecordId,
        piece: PieceIndex,
        data: &Bytes,
    ) {
        let Some(download) = &mut self.download else { return };
        let blocks: Vec<Block> = download.layout.blocks(piece).listed();
        for block in blocks {
            let Some(download) = &mut self.download else { return };
            let range = block.begin() as usize..(block.begin() + block.length()) as usize;
            let owed = download.owed_bytes(block);
            let has_room = owed <= cx.shared.memory_room();
            if !has_room || !download.picker.receive(block) {
                self.tally.duplicate_bytes += u64::from(block.length());
            } else if let Some(part) = download.parts.get_mut(&piece) {
                part.leased_bytes += owed;
                cx.shared.lease(owed);
                part.put(cx.now, block, record, data.slice(range));
            }
        }
        let Some(download) = &mut self.download else { return };
        if download.spills {
            self.spill_if_due(cx, piece);
        } else if download.picker.is_whole(piece) {
            self.storage.ready.push_back(piece);
            self.store_ready(cx);
        }
    }

    /// Writes collected blocks of a piece that is too large for memory, run by run.
    pub(super) fn spill_if_due(&mut self, cx: &mut Cx<'_>, piece: PieceIndex) {
        let Some(download) = &mut self.download else { return };
        let whole = download.picker.is_whole(piece);
        let Some(part) = download.parts.get_mut(&piece) else { return };
        let short_of_memory = cx.shared.memory_room() < u64::from(SPILL_RUN_BYTES);
        if part.unspilled_bytes < SPILL_RUN_BYTES && !whole && !short_of_memory {
            return;
        }
        for (begin, buffers) in take_runs(part) {
            let length = crate::storage::total(&buffers);
            part.unspilled_bytes -= length;
            part.spilling_bytes += length;
            cx.order(Order::Spill { piece, begin, buffers });
        }
    }

    /// Hands whole pieces to the storage, as many as may be out.
    pub(super) fn store_ready(&mut self, cx: &mut Cx<'_>) {
        while self.storage.may_store() {
            let Some(piece) = self.storage.ready.pop_front() else { break };
            let Some(download) = &mut self.download else { break };
            let Some(part) = download.parts.get_mut(&piece).filter(|part| !part.storing) else {
                continue;
            };
            part.storing = true;
            self.storage.out += 1;
            let digest_blocks = self.retries.has_bad_copy(piece);
            match download.spills {
                true => cx.order(Order::Check { piece, digest_blocks }),
                false => cx.order(Order::Store { piece, buffers: part.buffers(), digest_blocks }),
            }
        }
    }

    /// The storage has hashed a piece and, if it is right, written it.
    pub(super) fn judged(&mut self, cx: &mut Cx<'_>, piece: PieceIndex, verdict: Verdict) {
        let Some(download) = &mut self.download else { return };
        let Some(part) = download.parts.remove(&piece) else { return };
        cx.shared.unlease(part.leased_bytes);
        let report = PieceReport {
            piece,
            bytes: download.layout.piece_bytes(piece),
            micros: micros(cx.now.since(part.began_at)),
            from: part.senders().iter().map(|&id| self.roster.record(id).name.clone()).listed(),
        };
        match verdict.good {
            true => self.piece_done(cx, piece, &part, verdict, report),
            false => self.piece_failed(cx, piece, &part, verdict, report),
        }
        self.feed_if_starved(cx);
    }

    fn piece_done(
        &mut self,
        cx: &mut Cx<'_>,
        piece: PieceIndex,
        part: &Part,
        verdict: Verdict,
        report: PieceReport,
    ) {
        for sender in part.senders() {
            let took = part.turns.get(&sender);
            let took = took.map(|turn| turn.delivered_at - turn.asked_at).unwrap_or_default();
            self.roster.record_mut(sender).standing.succeeded(took);
        }
        self.clear_and_blame(cx, piece, part, &verdict);
        let length = report.bytes;
        cx.news(News::PieceDone(report));
        self.tally.dirty = true;
        if !self.timers.is_set(Timer::Checkpoint) {
            self.timers.set(Timer::Checkpoint, Some(cx.now + CHECKPOINT_INTERVAL));
        }
        self.tally.unrecorded_bytes += u64::from(length);
        if self.tally.unrecorded_bytes >= CHECKPOINT_BYTES {
            self.checkpoint(cx);
        }
        self.verified(cx, piece);
        self.note_progress(cx);
        self.finish_if_done(cx);
    }

    /// A piece is there: tells everybody.
    pub(super) fn verified(&mut self, cx: &mut Cx<'_>, piece: PieceIndex) {
        let Some(download) = &mut self.download else { return };
        let was_missing = download.picker.is_missing(piece);
        download.picker.verified(piece);
        let idle = self.options.metadata_only;
        for (&key, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.is_open()) {
            peer.say(&Message::Have { index: piece.as_u32() });
            if was_missing && peer.has.has(piece) {
                peer.useful_pieces -= 1;
            }
            // The others can't ask for it now, or have it: they hear of it with the next ones.
            if !peer.update_interest(idle) && !may_ask_for(peer, piece) {
                self.timers.no_later_than(Timer::Haves, cx.now + HAVE_DELAY);
            } else if let Some(bytes) = peer.flush(cx.now) {
                cx.output(Output::Send { peer: key, bytes });
            }
        }
        self.answer_readers(cx, piece);
    }

    /// Tells a peer when we begin or cease to want what it has.
    pub(super) fn update_interest(&mut self, key: PeerKey) {
        let idle = self.options.metadata_only;
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.update_interest(idle);
        }
    }

    /// What is wanted has changed: counts anew what each peer has of it.
    pub(super) fn recount_useful(&mut self, cx: &mut Cx<'_>) {
        let Some(download) = &self.download else { return };
        for peer in self.peers.values_mut() {
            peer.useful_pieces = download.picker.useful_pieces(&peer.has);
        }
        let keys: Vec<PeerKey> = self.peers.keys().copied().listed();
        for key in keys {
            self.update_interest(key);
            self.flush(cx, key);
        }
    }
}

/// Whether a peer that learns of a piece can ask for it at once: it is served, or had nothing to want
/// from us before.
fn may_ask_for(peer: &Peer, piece: PieceIndex) -> bool {
    (!peer.am_choking || !peer.peer_interested) && !peer.has.has(piece)
}

/// Takes the blocks in memory out of a part, as runs of neighbours.
fn take_runs(part: &mut Part) -> Vec<(u32, Vec<Bytes>)> {
    let mut runs: Vec<(u32, Vec<Bytes>)> = Vec::new();
    let mut end = None;
    for (n, slot) in part.blocks.iter_mut().enumerate() {
        let Some(bytes) = slot.as_mut().and_then(|arrived| arrived.bytes.take()) else { continue };
        match runs.last_mut().filter(|_| end == Some(n)) {
            Some((_, buffers)) => buffers.push(bytes),
            None => runs.push((n as u32 * crate::layout::BLOCK_BYTES, vec![bytes])),
        }
        end = Some(n + 1);
    }
    runs
}
