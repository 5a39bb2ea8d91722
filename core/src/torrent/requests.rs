//! Which peer is asked for which block, and what happens to requests that stay without an answer.

use super::{
    Timer, Torrent,
    content::{Part, Turn},
    endgame::ENDGAME_INTERVAL,
    retries::{Holder, Trust},
};
use crate::{
    event::{Failure, News},
    id::{PeerKey, PieceIndex},
    layout::{BLOCK_BYTES, Block},
    listed::Listed,
    peer::Peer,
    picker::{Asker, Pick},
    reason::CloseReason,
    roster::RecordId,
    shared::Cx,
    wire::{Message, Span},
};

impl Torrent {
    /// Asks a peer for as many blocks as it can take.
    pub(super) fn ask_for_blocks(&mut self, cx: &mut Cx<'_>, key: PeerKey) {
        if !self.is_downloading() {
            return;
        }
        let is_due = |peer: &Peer| peer.may_be_asked() && peer.pipeline.is_low();
        let is_due = self.peers.get(&key).is_some_and(is_due);
        while is_due && self.peers.get(&key).is_some_and(|peer| peer.pipeline.room() > 0) {
            if let Some(at) = cx.shared.download_rate.opens_at(cx.now) {
                self.timers.no_later_than(Timer::DownloadRate, at);
                break;
            }
            match self.next_block(cx, key) {
                Some(block) => self.send_request(cx, key, block),
                None => {
                    self.starved = true;
                    self.wait_in_endgame(cx);
                    break;
                }
            }
        }
        let deadline = self
            .peers
            .get(&key)
            .and_then(|peer| peer.pipeline.deadline(self.options.block_timeout));
        if let Some(at) = deadline {
            self.timers.no_later_than(Timer::Peers, at);
        }
    }

    /// All is asked for: whoever stays silent with the last blocks is noticed soon.
    fn wait_in_endgame(&mut self, cx: &Cx<'_>) {
        if self.download.as_ref().is_some_and(|download| download.picker.is_endgame()) {
            self.timers.no_later_than(Timer::Retry, cx.now + ENDGAME_INTERVAL);
        }
    }

    fn next_block(&mut self, cx: &mut Cx<'_>, key: PeerKey) -> Option<Block> {
        let pick = self.pick(cx, key);
        let Some(Pick { block, began }) = pick else { return self.next_in_endgame(cx.now, key) };
        let download = self.download.as_mut()?;
        if began {
            let leased = download.lease_bytes(block.piece());
            let blocks = download.layout.block_count(block.piece());
            let mut part = Part::new(cx.now, blocks);
            part.only = self.retries.must_be_alone(block.piece()).then(|| self.peers[&key].record);
            part.leased_bytes = leased;
            cx.shared.lease(leased);
            download.parts.insert(block.piece(), part);
        }
        if download.spills
            && let Some(part) = download.parts.get_mut(&block.piece())
        {
            part.leased_bytes += u64::from(block.length());
            cx.shared.lease(u64::from(block.length()));
        }
        Some(block)
    }

    fn pick(&mut self, cx: &mut Cx<'_>, key: PeerKey) -> Option<Pick> {
        let Self { download, peers, retries, suspects, options, .. } = self;
        let download = download.as_mut()?;
        let peer = peers.get(&key)?;
        let room = cx.shared.memory_room();
        let least = if download.spills { BLOCK_BYTES } else { download.layout.piece_length() };
        // Whoever holds nothing may go on nevertheless: others may hold the memory for long.
        let holds_memory = || download.parts.values().any(|part| part.leased_bytes > 0);
        if download.spills && room < u64::from(least) && holds_memory() {
            return None;
        }
        let (parts, draining) = (&download.parts, &download.draining);
        let holder = |peer: &Peer| Holder {
            record: peer.record,
            trust: match suspects.contains(&peer.record) {
                _ if peer.pipeline.has_stalled() => Trust::Stalled,
                true => Trust::Suspect,
                false => Trust::Full,
            },
        };
        let now = cx.now;
        let eligible = |piece: PieceIndex| {
            let owner = parts.get(&piece).and_then(|part| part.only);
            let others = || {
                peers.iter().filter(|(k, p)| **k != key && p.serves(piece)).map(|(_, p)| holder(p))
            };
            peer.serves(piece)
                && !draining.contains_key(&piece)
                && match owner {
                    // It goes on, however well those are regarded who have come since: they may not.
                    Some(owner) => owner == peer.record,
                    None => retries.allows(now, piece, holder(peer), options.max_retries, others),
                }
        };
        let asker = Asker {
            id: peer.record.as_u32(),
            has: &peer.has,
            may_begin: room >= u64::from(least) || parts.is_empty(),
            eligible: &eligible,
        };
        download.picker.pick_with(&download.layout, &asker, &peer.suggested)
    }

    fn send_request(&mut self, cx: &mut Cx<'_>, key: PeerKey, block: Block) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.pipeline.ask(cx.now, block);
        peer.say(&Message::Request(span(block)));
        cx.shared.download_rate.take(u64::from(block.length()));
        self.tally.asked(cx.now);
        let record = peer.record;
        let parts = self.download.as_mut().map(|download| &mut download.parts);
        if let Some(part) = parts.and_then(|parts| parts.get_mut(&block.piece())) {
            let standing = &mut self.roster.record_mut(record).standing;
            part.turns.entry(record).or_insert_with(|| {
                standing.asked(cx.now);
                Turn { asked_at: cx.now, delivered_at: cx.now }
            });
        }
    }

    /// Takes back all that is asked for of a piece.
    pub(super) fn cancel_piece(&mut self, cx: &mut Cx<'_>, piece: PieceIndex) {
        let keys: Vec<PeerKey> = self.peers.keys().copied().listed();
        for key in keys {
            let Some(peer) = self.peers.get_mut(&key) else { continue };
            let asked = peer.pipeline.iter().map(|pending| pending.block);
            let asked: Vec<Block> = asked.filter(|block| block.piece() == piece).listed();
            for block in asked {
                peer.pipeline.give_up(block);
                peer.say(&Message::Cancel(span(block)));
            }
            self.flush(cx, key);
        }
        self.cancel_fetches(cx, piece);
    }

    /// Requests that won't be answered: their blocks are open again.
    pub(super) fn give_back(&mut self, cx: &mut Cx<'_>, record: RecordId, blocks: &[Block]) {
        let Some(download) = &mut self.download else { return };
        for &block in blocks {
            let open = download.picker.release(block);
            download.picker.disown(block.piece());
            let Some(part) = download.parts.get_mut(&block.piece()) else { continue };
            if part.only == Some(record) {
                part.only = None;
            }
            if open && download.spills {
                part.leased_bytes -= u64::from(block.length());
                cx.shared.unlease(u64::from(block.length()));
            }
        }
    }

    /// A peer serves us no longer: what it was to deliver alone is for everybody again, also where
    /// nothing was asked of it just now. Whether there is any such piece.
    pub(super) fn let_go(&mut self, record: RecordId) -> bool {
        let Some(download) = &mut self.download else { return false };
        let mut any = false;
        for part in download.parts.values_mut().filter(|part| part.only == Some(record)) {
            (part.only, any) = (None, true);
        }
        any
    }

    /// A peer refuses a request (BEP 6), perhaps because it choked us.
    pub(super) fn rejected(&mut self, cx: &mut Cx<'_>, key: PeerKey, block: Block) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if !peer.pipeline.give_up(block) {
            return;
        }
        let (record, choking) = (peer.record, peer.peer_choking);
        peer.allowed_fast.remove(&block.piece());
        self.give_back(cx, record, &[block]);
        // It serves us, but not this: somebody else may. A piece refused block by block counts once.
        if !choking && !self.retries.has_just_failed(cx.now, block.piece(), record) {
            self.failed_at(cx, record, block.piece(), Failure::Refused);
        }
        self.feed_if_starved(cx);
        if self.roster.record(record).standing.is_spent() {
            self.close(cx, key, CloseReason::Score);
        }
    }

    /// A peer whose oldest request is overdue has stalled: all it was asked for is asked elsewhere.
    pub(super) fn check_blocks(&mut self, cx: &mut Cx<'_>, key: PeerKey) {
        let limit = self.options.block_timeout;
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if peer.pipeline.deadline(limit).is_none_or(|at| at > cx.now) {
            return;
        }
        let record = peer.record;
        let blocks = peer.pipeline.give_up_all();
        peer.pipeline.stalled();
        let cancels: Vec<Message> =
            blocks.iter().map(|&block| Message::Cancel(span(block))).listed();
        cancels.iter().for_each(|cancel| peer.say(cancel));
        self.give_back(cx, record, &blocks);
        let mut pieces: Vec<PieceIndex> = blocks.iter().map(|block| block.piece()).listed();
        pieces.dedup();
        if let Some(&piece) = pieces.first() {
            self.failed_at(cx, record, piece, Failure::TimedOut);
        }
        self.feed_all(cx);
        if self.roster.record(record).standing.is_spent() {
            self.close(cx, key, CloseReason::Score);
        }
    }

    /// Notes that somebody failed at a piece, so that another gets it next.
    pub(super) fn failed_at(
        &mut self,
        cx: &mut Cx<'_>,
        record: RecordId,
        piece: PieceIndex,
        failure: Failure,
    ) {
        self.tally.retries += 1;
        let entry = self.roster.record_mut(record);
        entry.standing.failed();
        let name = entry.name.clone();
        let at_once = failure == Failure::TimedOut;
        let backoff = self.options.retry_backoff;
        let jitter = cx.shared.rng.f64();
        let not_before = self.retries.failed(cx.now, piece, record, backoff, jitter, at_once);
        self.timers.no_later_than(Timer::Retry, not_before);
        cx.news(News::Retry { piece, name, failure, delay: not_before - cx.now });
    }
}

/// How a block stands in a message.
pub(super) fn span(block: Block) -> Span {
    Span { index: block.piece().as_u32(), begin: block.begin(), length: block.length() }
}
