//! What is downloaded: pieces, their blocks in memory, and the user's choice among them.

use std::sync::Arc;

use bytes::Bytes;

use super::{Phase, Torrent};
use crate::{
    bitfield::Bitfield,
    event::News,
    id::PieceIndex,
    layout::{Block, Layout},
    listed::Listed,
    metainfo::Info,
    picker::Picker,
    roster::RecordId,
    shared::Cx,
    sorted::{Map, Set},
    storage::Order,
    time::Instant,
    wire,
};

/// A piece of more than this share of the memory budget is spilled to the disk unverified.
const SPILL_SHARE: u64 = 8;

/// The pieces of a torrent whose layout is known.
#[derive(Debug)]
pub(super) struct Download {
    pub(super) layout: Arc<Layout>,
    pub(super) picker: Picker,
    /// The begun pieces' data.
    pub(super) parts: Map<PieceIndex, Part>,
    /// Pieces are too large for memory: their blocks go to the disk before they are verified.
    pub(super) spills: bool,
    /// Bytes of dropped pieces that are still on their way to the disk. Until they are through, the
    /// piece isn't begun again: they would overwrite its new blocks.
    pub(super) draining: Map<PieceIndex, u32>,
}

/// A begun piece.
#[derive(Debug)]
pub(super) struct Part {
    /// A slot per block.
    pub(super) blocks: Vec<Option<Arrived>>,
    pub(super) began_at: Instant,
    /// Bytes of the session's budget that it holds.
    pub(super) leased_bytes: u64,
    /// Who was asked for it when, and when they last delivered.
    pub(super) turns: Map<RecordId, Turn>,
    /// Only this one may deliver it: the piece has failed before, and who is to blame must be plain.
    pub(super) only: Option<RecordId>,
    /// Bytes on their way to the disk, unverified.
    pub(super) spilling_bytes: u32,
    /// Bytes in memory that are to be spilled.
    pub(super) unspilled_bytes: u32,
    /// Handed to the storage as a whole.
    pub(super) storing: bool,
}

/// A block that came.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    pub(super) from: RecordId,
    /// Absent once it is spilled.
    pub(super) bytes: Option<Bytes>,
}

/// One contributor's time at a piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) asked_at: Instant,
    pub(super) delivered_at: Instant,
}

impl Part {
    pub(super) fn new(now: Instant, blocks: u32) -> Self {
        Self {
            blocks: vec![None; blocks as usize],
            began_at: now,
            leased_bytes: 0,
            turns: Map::new(),
            only: None,
            spilling_bytes: 0,
            unspilled_bytes: 0,
            storing: false,
        }
    }

    /// The data, in order; empty once it is spilled.
    pub(super) fn buffers(&self) -> Vec<Bytes> {
        self.blocks.iter().flatten().filter_map(|block| block.bytes.clone()).listed()
    }

    /// Who delivered something of it.
    pub(super) fn senders(&self) -> Vec<RecordId> {
        let senders: Set<RecordId> = self.blocks.iter().flatten().map(|b| b.from).collect();
        senders.into_iter().listed()
    }

    pub(super) fn put(&mut self, now: Instant, block: Block, from: RecordId, bytes: Bytes) {
        self.unspilled_bytes += block.length();
        self.blocks[block.index() as usize] = Some(Arrived { from, bytes: Some(bytes) });
        self.turns.entry(from).or_insert(Turn { asked_at: now, delivered_at: now }).delivered_at =
            now;
    }
}

impl Download {
    pub(super) fn new(layout: Arc<Layout>, memory_bytes: u64, rng: fastrand::Rng) -> Self {
        Self {
            picker: Picker::new(&layout, rng),
            parts: Map::new(),
            draining: Map::new(),
            spills: u64::from(layout.piece_length()) > memory_bytes / SPILL_SHARE,
            layout,
        }
    }

    /// What a new piece, or a block of a spilling one, takes of the memory budget.
    pub(super) fn lease_bytes(&self, piece: PieceIndex) -> u64 {
        match self.spills {
            true => 0,
            false => u64::from(self.layout.piece_bytes(piece)),
        }
    }

    /// What a block that comes now takes of the memory budget: it was given back meanwhile,
    /// and its lease with it.
    pub(super) fn owed_bytes(&self, block: Block) -> u64 {
        let is_open = self.picker.is_awaited(block) && self.picker.times_asked(block) == 0;
        if is_open && self.spills { u64::from(block.length()) } else { 0 }
    }
}

impl Torrent {
    /// The metadata is there, from the caller or from peers.
    pub(super) fn learn_info(&mut self, cx: &mut Cx<'_>, info: Arc<Info>) {
        let layout = Arc::new(info.layout().clone());
        self.begin_download(cx, layout);
        self.info = Some(Arc::clone(&info));
        cx.news(News::Metadata(Arc::clone(&info)));
        self.settle_early_claims(cx);
        self.apply_choice(&info);
        if self.options.metadata_only {
            self.phase = Phase::Active;
            self.announce_start(cx);
        } else {
            self.phase = Phase::Opening;
            let wanted = self.wanted_files(&info);
            self.storage.told_to_open = true;
            cx.order(Order::Open { info, wanted });
        }
        self.tell_state(cx);
    }

    pub(super) fn begin_download(&mut self, cx: &mut Cx<'_>, layout: Arc<Layout>) {
        let pieces = layout.piece_count();
        self.everything = Arc::new(Bitfield::full(pieces));
        let none = Arc::new(Bitfield::new(pieces));
        for peer in self.peers.values_mut() {
            peer.has = Arc::clone(&none);
            peer.set_max_message_bytes(wire::max_message_bytes(pieces));
        }
        let memory_bytes = cx.shared.config.memory_bytes;
        let mut download = Download::new(layout, memory_bytes, cx.shared.rng.fork());
        if self.options.sequential {
            download.picker.stream_from(download.layout.piece(0));
        }
        self.download = Some(download);
    }

    /// For each file, whether the user wants it; pad files never (BEP 47).
    pub(super) fn wanted_files(&self, info: &Info) -> Vec<bool> {
        let chosen = self.options.wanted.as_deref();
        let mut wanted = Vec::with_capacity(info.files().len());
        for (n, file) in info.files().iter().enumerate() {
            let is_chosen = chosen.is_none_or(|chosen| chosen.get(n) == Some(&true));
            wanted.push(is_chosen && !file.attributes.pad);
        }
        wanted
    }

    /// Turns the choice of files into a choice of pieces.
    pub(super) fn apply_choice(&mut self, info: &Info) {
        let wanted_files = self.wanted_files(info);
        let Some(download) = &mut self.download else { return };
        let layout = &download.layout;
        let mut wanted = Bitfield::new(layout.piece_count());
        match &self.options.pieces {
            Some(pieces) => pieces.iter().filter_map(|&n| layout.piece(n)).for_each(|piece| {
                wanted.insert(piece);
            }),
            None => wanted_files.iter().enumerate().filter(|(_, wanted)| **wanted).for_each(
                |(file, _)| {
                    layout.file_pieces(file).filter_map(|n| layout.piece(n)).for_each(|piece| {
                        wanted.insert(piece);
                    });
                },
            ),
        }
        download.picker.want(wanted);
    }

    /// Tells the storage of the choice; while it is opened, once it is open.
    fn order_selection(&mut self, cx: &mut Cx<'_>, info: &Info) {
        let wanted = self.wanted_files(info);
        match self.storage.is_open() {
            true => cx.order(Order::Select { wanted }),
            false => self.storage.select_when_open = true,
        }
    }

    /// Gives up the begun pieces that match, unless all of their blocks are here: requests are
    /// cancelled, memory is given back.
    pub(super) fn drop_parts(&mut self, cx: &mut Cx<'_>, which: impl Fn(PieceIndex) -> bool) {
        let Some(download) = &self.download else { return };
        let pieces = download.parts.keys().copied();
        let pieces: Vec<PieceIndex> =
            pieces.filter(|&piece| which(piece) && !download.picker.is_whole(piece)).listed();
        for piece in pieces {
            self.cancel_piece(cx, piece);
            self.drop_part(cx, piece);
        }
    }

    /// A begun piece comes to nothing: it is open again, its memory is given back.
    pub(super) fn drop_part(&mut self, cx: &mut Cx<'_>, piece: PieceIndex) {
        let Some(download) = &mut self.download else { return };
        let Some(part) = download.parts.remove(&piece) else { return };
        if part.spilling_bytes > 0 {
            *download.draining.entry(piece).or_default() += part.spilling_bytes;
        }
        cx.shared.unlease(part.leased_bytes - u64::from(part.spilling_bytes));
        download.picker.failed(piece);
    }

    /// The user chooses files anew.
    pub(crate) fn select(&mut self, cx: &mut Cx<'_>, wanted: &[bool]) {
        if self.phase == Phase::Leaving {
            return;
        }
        self.options.wanted = Some(wanted.to_vec());
        let Some(info) = self.info.clone() else { return };
        self.apply_choice(&info);
        self.order_selection(cx, &info);
        let unwanted = self.download.as_ref().map(|download| download.picker.wanted().clone());
        self.drop_parts(cx, |piece| unwanted.as_ref().is_some_and(|wanted| !wanted.has(piece)));
        self.recount_useful(cx);
        self.finish_if_done(cx);
        self.tell_state(cx);
        self.look_again(cx);
        self.feed_all(cx);
    }
}
