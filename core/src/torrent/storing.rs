//! The torrent's disk: what is there at the start, what fails, what is recorded.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{Phase, Timer, Torrent, report::CHECKPOINT_INTERVAL};
use crate::{
    bitfield::Bitfield,
    event::News,
    id::PieceIndex,
    listed::Listed,
    shared::Cx,
    storage::{MAX_STORES_OUT, Opened, Order, Outcome, StorageError, Verdict},
};

/// A failing disk is tried again after so long.
pub const STORAGE_RETRY: Duration = Duration::from_secs(2);

/// What the torrent has to do with its disk.
#[derive(Debug, Default)]
pub(super) struct StorageState {
    /// Whole pieces that wait to be stored.
    pub(super) ready: VecDeque<PieceIndex>,
    /// Stores and checks that are out.
    pub(super) out: usize,
    /// Pieces on the disk that are to be checked before anything else.
    to_check: VecDeque<PieceIndex>,
    pub(super) checked: u32,
    failure: Option<StorageError>,
    /// After a failure one piece is tried; until it is written nothing else says that the disk works.
    probing: bool,
    /// It was told to open, so it is to be told to close.
    pub(super) told_to_open: bool,
    opened: bool,
    /// The user chose anew while it was being opened.
    pub(super) select_when_open: bool,
    checkpointing: bool,
    closing: bool,
    closed: bool,
}

impl StorageState {
    /// Whether a piece may go to the storage now.
    pub(super) fn may_store(&self) -> bool {
        match self.failure {
            None => self.out < MAX_STORES_OUT,
            Some(_) => self.probing && self.out == 0,
        }
    }

    pub(super) fn failure(&self) -> Option<&StorageError> {
        self.failure.as_ref()
    }

    pub(super) fn is_open(&self) -> bool {
        self.opened
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }
}

impl Torrent {
    /// The storage has done as ordered, or could not.
    pub(crate) fn storage_done(&mut self, cx: &mut Cx<'_>, outcome: Outcome) {
        match outcome {
            Outcome::Opened(result) => self.opened(cx, result),
            Outcome::Selected(result) => self.note_result(cx, &result),
            Outcome::Stored { piece, result } => self.stored(cx, piece, result),
            Outcome::Spilled { piece, length, result } => self.spilled(cx, piece, length, result),
            Outcome::Checked { piece, result } if self.phase == Phase::Checking => {
                self.checked(cx, piece, result);
            }
            Outcome::Checked { piece, result } => self.stored(cx, piece, result),
            Outcome::Read { piece, begin, length, result } => {
                self.read_done(cx, piece, begin, length, result);
            }
            Outcome::Checkpointed(result) => {
                self.storage.checkpointing = false;
                // A torrent that leaves can't wait for the disk to work again.
                if result.is_err() && self.phase != Phase::Leaving {
                    self.tally.dirty = true;
                }
                self.note_result(cx, &result);
                self.checkpoint_again(cx, result.is_ok());
                self.close_when_idle(cx);
            }
            Outcome::Closed => self.storage.closed = true,
        }
    }

    fn opened(&mut self, cx: &mut Cx<'_>, result: Result<Opened, StorageError>) {
        if self.phase != Phase::Opening {
            return;
        }
        let opened = match result {
            Ok(opened) => opened,
            Err(error) => return self.storage_failed(cx, error),
        };
        self.storage.opened = true;
        if self.storage.failure.take().is_some() {
            self.timers.set(Timer::Storage, None);
            cx.news(News::StorageRecovered);
        }
        self.phase = Phase::Checking;
        let Some(download) = &self.download else { return };
        let layout = Arc::clone(&download.layout);
        if std::mem::take(&mut self.storage.select_when_open)
            && let Some(info) = &self.info
        {
            cx.order(Order::Select { wanted: self.wanted_files(info) });
        }
        let known = match opened.trusted {
            _ if self.options.complete => Some(Bitfield::full(layout.piece_count())),
            trusted => trusted.filter(|bits| bits.len() == layout.piece_count()),
        };
        if let Some(known) = known {
            let pieces: Vec<PieceIndex> = known.iter().listed();
            pieces.into_iter().for_each(|piece| self.verified(cx, piece));
        } else {
            let touched = layout.pieces().filter(|&piece| {
                let mut files = layout.piece_files(piece).filter(|slice| !slice.pad);
                files.all(|slice| opened.present.get(slice.file) == Some(&true))
            });
            self.storage.to_check = touched.listed().into();
        }
        self.tell_state(cx);
        self.check_more(cx);
    }

    /// Hashes what is on the disk, a few pieces at a time.
    fn check_more(&mut self, cx: &mut Cx<'_>) {
        while self.storage.may_store()
            && let Some(piece) = self.storage.to_check.pop_front()
        {
            self.storage.out += 1;
            cx.order(Order::Check { piece, digest_blocks: false });
        }
        let done = self.storage.out == 0 && self.storage.to_check.is_empty();
        if done && self.phase == Phase::Checking {
            self.begin_transfer(cx);
        }
    }

    fn checked(
        &mut self,
        cx: &mut Cx<'_>,
        piece: PieceIndex,
        result: Result<Verdict, StorageError>,
    ) {
        self.storage.out -= 1;
        self.storage.checked += 1;
        if result.is_ok() {
            self.recovered(cx);
        }
        // What can't be read is fetched; should the disk not take it either, that is told then.
        if result.is_ok_and(|verdict| verdict.good) {
            self.tally.dirty = true;
            self.verified(cx, piece);
        }
        self.check_more(cx);
    }

    /// All that is on the disk is known: peers may come.
    fn begin_transfer(&mut self, cx: &mut Cx<'_>) {
        self.phase = Phase::Active;
        let pieces_have = self.download.as_ref().map_or(0, |d| d.picker.have().count());
        self.tally.began_with(pieces_have);
        cx.news(News::Checked { pieces_have });
        self.checkpoint(cx);
        // A magnet link's trackers know us already, as somebody who misses everything.
        self.announce_start(cx);
        self.finish_if_done(cx);
        self.tell_state(cx);
        self.recount_useful(cx);
        self.dial(cx);
        self.feed_all(cx);
    }

    fn stored(
        &mut self,
        cx: &mut Cx<'_>,
        piece: PieceIndex,
        result: Result<Verdict, StorageError>,
    ) {
        self.storage.out -= 1;
        match result {
            Ok(verdict) => {
                self.recovered(cx);
                if !self.ask_for_digests(cx, piece, &verdict) {
                    self.judged(cx, piece, verdict);
                }
            }
            // Whoever leaves doesn't wait for the disk to work again.
            Err(_) if self.phase == Phase::Leaving => {}
            Err(error) => {
                self.keep_for_later(piece);
                self.storage_failed(cx, error);
            }
        }
        self.store_ready(cx);
        self.close_when_idle(cx);
    }

    /// A bad piece that was checked on the disk comes without digests, yet who is to blame must be
    /// found among several senders: asks again, with them.
    fn ask_for_digests(&mut self, cx: &mut Cx<'_>, piece: PieceIndex, verdict: &Verdict) -> bool {
        let Some(download) = &self.download else { return false };
        let part = download.parts.get(&piece).filter(|_| download.spills);
        let nameless = !verdict.good
            && verdict.digests.is_empty()
            && part.is_some_and(|part| part.senders().len() > 1);
        if nameless {
            self.storage.out += 1;
            cx.order(Order::Check { piece, digest_blocks: true });
        }
        nameless
    }

    /// A piece that could not be written stays in memory and is tried again, not fetched again.
    fn keep_for_later(&mut self, piece: PieceIndex) {
        let part = self.download.as_mut().and_then(|download| download.parts.get_mut(&piece));
        if let Some(part) = part {
            part.storing = false;
            self.storage.ready.push_back(piece);
        }
    }

    fn spilled(
        &mut self,
        cx: &mut Cx<'_>,
        piece: PieceIndex,
        length: u32,
        result: Result<(), StorageError>,
    ) {
        let Some(download) = &mut self.download else { return };
        cx.shared.unlease(u64::from(length));
        if let Some(bytes) = download.draining.get_mut(&piece) {
            // A piece that was given up meanwhile.
            *bytes -= length;
            if *bytes == 0 {
                download.draining.remove(&piece);
            }
        } else if let Some(part) = download.parts.get_mut(&piece) {
            part.spilling_bytes -= length;
            part.leased_bytes -= u64::from(length);
        }
        if let Err(error) = result {
            // Its blocks are lost: the piece begins anew when the disk works again.
            self.drop_part(cx, piece);
            return self.storage_failed(cx, error);
        }
        self.recovered(cx);
        let Some(download) = &self.download else { return };
        let part = download.parts.get(&piece);
        let is_on_disk =
            part.is_some_and(|part| part.spilling_bytes == 0 && part.unspilled_bytes == 0);
        if is_on_disk && download.picker.is_whole(piece) {
            self.storage.ready.push_back(piece);
            self.store_ready(cx);
        }
        self.feed_if_starved(cx);
    }

    fn note_result(&mut self, cx: &mut Cx<'_>, result: &Result<(), StorageError>) {
        match result {
            Ok(()) => self.recovered(cx),
            Err(error) => self.storage_failed(cx, error.clone()),
        }
    }

    /// Downloading stops; what is verified stays, and the disk is tried again by itself.
    pub(super) fn storage_failed(&mut self, cx: &mut Cx<'_>, error: StorageError) {
        if self.phase == Phase::Leaving {
            return;
        }
        self.storage.probing = false;
        self.timers.set(Timer::Storage, Some(cx.now + STORAGE_RETRY));
        if self.storage.failure.replace(error.clone()).as_ref() != Some(&error) {
            cx.news(News::StorageFailed(error));
        }
        self.tell_state(cx);
    }

    fn recovered(&mut self, cx: &mut Cx<'_>) {
        if self.storage.failure.is_none() || !std::mem::take(&mut self.storage.probing) {
            return;
        }
        self.storage.failure = None;
        self.timers.set(Timer::Storage, None);
        cx.news(News::StorageRecovered);
        self.tell_state(cx);
        self.store_ready(cx);
        if self.phase == Phase::Checking {
            self.check_more(cx);
        }
        self.feed_all(cx);
    }

    /// Tries the disk again with what is due; if nothing is, the next piece will tell.
    pub(super) fn retry_storage(&mut self, cx: &mut Cx<'_>) {
        if self.phase == Phase::Opening {
            let Some(info) = self.info.clone() else { return };
            let wanted = self.wanted_files(&info);
            return cx.order(Order::Open { info, wanted });
        }
        if self.storage.failure.is_none() {
            return;
        }
        self.storage.probing = true;
        self.timers.set(Timer::Storage, Some(cx.now + STORAGE_RETRY));
        self.store_ready(cx);
        if self.phase == Phase::Checking {
            self.check_more(cx);
        }
        if self.storage.out == 0 {
            self.recovered(cx);
        }
    }

    /// Has what is verified recorded, if that has changed.
    pub(super) fn checkpoint(&mut self, cx: &mut Cx<'_>) {
        let complete = self.is_done();
        let Some(download) = &self.download else { return };
        if !self.storage.opened || self.storage.checkpointing || !self.tally.dirty {
            return;
        }
        let have = download.picker.have().clone();
        self.tally.dirty = false;
        self.tally.unrecorded_bytes = 0;
        self.storage.checkpointing = true;
        cx.order(Order::Checkpoint { have, complete });
    }

    /// What changed while a checkpoint was written is recorded too: at once if it is the last, else
    /// after the usual time.
    fn checkpoint_again(&mut self, cx: &mut Cx<'_>, works: bool) {
        if works && self.is_done() {
            self.checkpoint(cx);
        } else if self.tally.dirty && !self.timers.is_set(Timer::Checkpoint) {
            self.timers.set(Timer::Checkpoint, Some(cx.now + CHECKPOINT_INTERVAL));
        }
    }

    pub(super) fn close_storage(&mut self, cx: &mut Cx<'_>) {
        self.storage.closing = true;
        self.storage.ready.clear();
        if !self.storage.told_to_open {
            self.storage.closed = true;
        }
        self.close_when_idle(cx);
    }

    fn close_when_idle(&mut self, cx: &mut Cx<'_>) {
        let idle = self.storage.out == 0 && !self.storage.checkpointing;
        if !self.storage.closing || self.storage.closed || !idle {
            return;
        }
        // What was stored since the last checkpoint, or while it was written, is recorded too.
        self.checkpoint(cx);
        if !self.storage.checkpointing {
            self.storage.closing = false;
            cx.order(Order::Close);
        }
    }
}
