//! Serving peers: what they asked for, and reads for the user.

use bytes::Bytes;

use super::{Phase, Timer, Torrent, slots::is_sending};
use crate::{
    contract::Output,
    event::News,
    id::{PeerKey, PieceIndex},
    layout::{BLOCK_BYTES, Block},
    listed::Listed,
    peer::{MAX_REQUESTS_IN, MAX_UNSENT_BYTES, Peer},
    rate::BURST,
    reason::CloseReason,
    shared::Cx,
    sorted::{Map, Set},
    storage::{MAX_READ_BYTES, MAX_READS_OUT, Order, StorageError},
    time::micros,
    wire::{Message, Span, piece_header},
};

/// A range of a piece that is being read: piece, offset, length.
type Range = (PieceIndex, u32, u32);

/// Reads that are out, and for whom.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    reads: Map<Range, Vec<(PeerKey, Vec<Block>)>>,
    /// Pieces that the user wants to read, some not there yet.
    readers: Set<PieceIndex>,
    /// Slots beyond those that the rate asks for, because the line was idle.
    pub(super) extra_slots: usize,
    /// Who is served next: everybody in turn, when the rate is limited.
    turn: Option<PeerKey>,
}

impl Uploads {
    /// Whether nothing is read for anybody.
    pub(super) fn is_idle(&self) -> bool {
        self.reads.is_empty()
    }

    pub(super) fn peer_left(&mut self, key: PeerKey) {
        self.reads.values_mut().for_each(|waiting| waiting.retain(|(peer, _)| *peer != key));
    }
}

impl Torrent {
    /// A peer asks for a block. It is served once all that came with this was heard: what a peer asks
    /// for at once is read at once.
    pub(super) fn requested(&mut self, key: PeerKey, span: Span) -> Result<(), CloseReason> {
        let block = self.block(span).map_err(CloseReason::Protocol)?;
        let have = self.download.as_ref().map(|download| download.picker.have());
        let have = have.is_some_and(|have| have.has(block.piece()));
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        let allowed = !peer.am_choking || peer.granted_fast.contains(&block.piece());
        if have && allowed && peer.requests_in.len() < MAX_REQUESTS_IN {
            peer.requests_in.push(block);
            self.hint_taken(key, block.piece());
        } else if peer.fast {
            peer.say(&Message::Reject(span));
        }
        Ok(())
    }

    pub(super) fn cancelled(&mut self, key: PeerKey, span: Span) {
        let (Ok(block), Some(peer)) = (self.block(span), self.peers.get_mut(&key)) else { return };
        let waiting = peer.requests_in.len();
        peer.requests_in.retain(|&wanted| wanted != block);
        if peer.fast && peer.requests_in.len() < waiting {
            // BEP 6: each request is answered, a cancelled one too.
            peer.say(&Message::Reject(span));
        }
    }

    /// Bytes have left for a peer's socket.
    pub(crate) fn sent(&mut self, cx: &mut Cx<'_>, key: PeerKey, bytes: u64) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let had_slot = is_sending(peer);
        peer.unsent_bytes = peer.unsent_bytes.saturating_sub(bytes);
        if peer.am_choking && had_slot && !is_sending(peer) {
            self.fill_slots(cx);
        }
        self.serve(cx, key);
    }

    /// Serves everybody in turn, from where the last round had to stop.
    pub(crate) fn serve_all(&mut self, cx: &mut Cx<'_>) {
        let keys: Vec<PeerKey> = self.peers.keys().copied().listed();
        let start = keys.partition_point(|&key| Some(key) <= self.uploads.turn);
        for &key in keys[start..].iter().chain(&keys[..start]) {
            self.serve(cx, key);
            self.uploads.turn = Some(key);
            if self.timers.is_set(Timer::UploadRate) {
                break;
            }
        }
    }

    /// Reads what a peer waits for, while its socket, the disk and the upload limit allow it.
    pub(super) fn serve(&mut self, cx: &mut Cx<'_>, key: PeerKey) {
        while self.phase == Phase::Active && self.uploads.reads.len() < MAX_READS_OUT {
            let Some(peer) = self.peers.get_mut(&key) else { return };
            if peer.requests_in.is_empty() || outstanding(peer) >= MAX_UNSENT_BYTES {
                return;
            }
            if let Some(at) = cx.shared.upload_rate.opens_at(cx.now) {
                return self.timers.no_later_than(Timer::UploadRate, at);
            }
            let rate = peer.uploaded.bytes_per_second(cx.now);
            let limit = read_limit(cx.shared.config.max_upload, rate);
            let Some((range, blocks)) = take_neighbours(peer, limit) else { return };
            let (piece, begin, length) = range;
            if !self.have().is_some_and(|have| have.has(piece)) {
                // It was lost while the peer waited for it.
                self.refuse_blocks(cx, key, &blocks);
                continue;
            }
            let Some(peer) = self.peers.get_mut(&key) else { return };
            peer.reading += length;
            cx.shared.upload_rate.take(u64::from(length));
            let waiting = self.uploads.reads.entry(range).or_default();
            waiting.push((key, blocks));
            if waiting.len() == 1 {
                cx.order(Order::Read { piece, begin, length });
            }
        }
    }

    pub(super) fn read_done(
        &mut self,
        cx: &mut Cx<'_>,
        piece: PieceIndex,
        begin: u32,
        length: u32,
        result: Result<Bytes, StorageError>,
    ) {
        let whole = self.download.as_ref().map_or(0, |d| d.layout.piece_bytes(piece));
        // A peer may have asked for the beginning of the same piece.
        if begin == 0 && length == whole && self.uploads.readers.remove(&piece) {
            cx.news(News::Read { piece, result: result.clone() });
        }
        let waiting = self.uploads.reads.remove(&(piece, begin, length)).unwrap_or_default();
        for (key, blocks) in waiting {
            if let Some(peer) = self.peers.get_mut(&key) {
                peer.reading -= length;
            }
            match &result {
                Ok(bytes) => self.send_blocks(cx, key, begin, bytes, &blocks),
                Err(_) => self.refuse_blocks(cx, key, &blocks),
            }
        }
        if result.is_err() {
            self.lost(cx, piece);
        }
        self.serve_all(cx);
    }

    fn send_blocks(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        begin: u32,
        bytes: &Bytes,
        blocks: &[Block],
    ) {
        for block in blocks {
            let Some(peer) = self.peers.get_mut(&key) else { return };
            let length = u64::from(block.length());
            let from = (block.begin() - begin) as usize;
            let header = piece_header(block.piece().as_u32(), block.begin(), block.length());
            peer.say_raw(&header);
            peer.uploaded.add(cx.now, length);
            peer.turn.sent(block.piece(), block.length());
            self.tally.uploaded.add(cx.now, length);
            self.flush(cx, key);
            let Some(peer) = self.peers.get_mut(&key) else { return };
            peer.unsent_bytes += length;
            cx.output(Output::Send {
                peer: key,
                bytes: bytes.slice(from..from + block.length() as usize),
            });
        }
    }

    fn refuse_blocks(&mut self, cx: &mut Cx<'_>, key: PeerKey, blocks: &[Block]) {
        let Some(peer) = self.peers.get_mut(&key).filter(|peer| peer.fast) else { return };
        blocks.iter().for_each(|&block| peer.say(&Message::Reject(super::requests::span(block))));
        self.flush(cx, key);
    }

    /// A piece that was verified can't be read any more: it is fetched anew.
    fn lost(&mut self, cx: &mut Cx<'_>, piece: PieceIndex) {
        let download = self.download.as_mut();
        let Some(download) = download.filter(|download| download.picker.have().has(piece)) else {
            // Another read has told it already.
            return;
        };
        download.picker.failed(piece);
        self.tally.dirty = true;
        self.recount_useful(cx);
        self.finish_if_done(cx);
        self.tell_state(cx);
        self.look_again(cx);
        self.feed_all(cx);
    }

    /// The user wants to read a piece, now or when it is there; what follows is fetched first.
    pub(crate) fn read(&mut self, cx: &mut Cx<'_>, piece: PieceIndex) {
        let Some(download) = self.download.as_mut().filter(|_| self.work.is_none()) else { return };
        if self.phase == Phase::Leaving || download.layout.piece(piece.as_u32()).is_none() {
            return;
        }
        download.picker.stream_from(Some(piece));
        let ready = download.picker.have().has(piece);
        self.uploads.readers.insert(piece);
        if ready {
            self.answer_readers(cx, piece);
        }
        self.feed_all(cx);
    }

    /// Reads a piece that somebody waits for.
    pub(super) fn answer_readers(&mut self, cx: &mut Cx<'_>, piece: PieceIndex) {
        if !self.uploads.readers.contains(&piece) {
            return;
        }
        let Some(download) = &self.download else { return };
        let length = download.layout.piece_bytes(piece);
        cx.order(Order::Read { piece, begin: 0, length });
    }
}

/// Bytes on their way to a peer, in the host's hands or being read.
pub(super) fn outstanding(peer: &Peer) -> u64 {
    peer.unsent_bytes + u64::from(peer.reading)
}

/// How much is read at once: what the peer takes in a quarter of a second, so that others needn't wait
/// long where the line is slow; less under a limit, so that a burst stays short.
fn read_limit(max_upload: Option<u64>, rate: u64) -> u32 {
    let burst =
        max_upload.map_or(u64::MAX, |limit| limit.saturating_mul(micros(BURST)) / 1_000_000);
    let bytes = burst.min(rate) / 4;
    u32::try_from(bytes).unwrap_or(u32::MAX).clamp(BLOCK_BYTES, MAX_READ_BYTES)
}

/// Takes the oldest request and those behind it that continue it.
fn take_neighbours(peer: &mut Peer, limit: u32) -> Option<(Range, Vec<Block>)> {
    let first = *peer.requests_in.first()?;
    let mut blocks = vec![first];
    let mut end = first.begin() + first.length();
    for &next in &peer.requests_in[1..] {
        let continues = next.piece() == first.piece() && next.begin() == end;
        if !continues || end + next.length() - first.begin() > limit {
            break;
        }
        end += next.length();
        blocks.push(next);
    }
    peer.requests_in.drain(..blocks.len());
    Some(((first.piece(), first.begin(), end - first.begin()), blocks))
}
