//! A plain list of work items: what sources return is kept until it is taken, in order.

use std::sync::Arc;

use bytes::Bytes;

use super::{Phase, Torrent};
use crate::{
    contract::WorkList,
    event::News,
    id::{PieceIndex, SourceKey},
    layout::{Layout, MIN_PIECE_BYTES},
    roster::RecordId,
    shared::Cx,
    sorted::Map,
    stats::PieceReport,
    time::micros,
};

/// The result of one work item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkResult {
    /// Number of the item, from zero; each comes once, in order.
    pub item: u32,
    /// Who made it.
    pub source: SourceKey,
    /// What the caller's function returned.
    pub bytes: Bytes,
}

/// What the shortest result takes of the memory budget: even empty ones can't pile up for ever.
const MIN_RESULT_BYTES: u64 = 128;

/// What a result takes of the memory budget.
fn held_bytes(bytes: &Bytes) -> u64 {
    (bytes.len() as u64).max(MIN_RESULT_BYTES)
}

/// The results that wait to be taken. Each holds its bytes of the session's memory budget.
#[derive(Debug)]
pub(super) struct Work {
    list: WorkList,
    results: Map<u32, WorkResult>,
    next: u32,
}

impl Work {
    /// The item whose result is to be taken next.
    pub(super) fn head(&self) -> u32 {
        self.next
    }

    pub(super) fn max_item_bytes(&self) -> usize {
        self.list.max_item_bytes as usize
    }
}

impl Torrent {
    pub(super) fn begin_work(&mut self, cx: &mut Cx<'_>, list: WorkList) {
        let length = list.max_item_bytes.max(MIN_PIECE_BYTES);
        let total = u64::from(length) * u64::from(list.items);
        // The session has checked the list's limits, which are the layout's.
        let Ok(layout) = Layout::new(length, [(total, false)]) else { return };
        self.options.sequential = true;
        self.begin_download(cx, Arc::new(layout));
        self.work = Some(Work { list, results: Map::new(), next: 0 });
        self.phase = Phase::Active;
    }

    /// A source returned an item; its function is the judge of it.
    pub(super) fn item_done(
        &mut self,
        cx: &mut Cx<'_>,
        source: SourceKey,
        record: RecordId,
        piece: PieceIndex,
        bytes: Bytes,
    ) {
        let (Some(download), Some(work)) = (&mut self.download, &mut self.work) else { return };
        let Some(part) = download.parts.remove(&piece) else { return };
        // The largest result that might have come was leased; from now on what did come is.
        cx.shared.unlease(part.leased_bytes);
        cx.shared.lease(held_bytes(&bytes));
        let took = cx.now.since(part.began_at);
        let item = piece.as_u32();
        let length = bytes.len() as u32;
        work.results.insert(item, WorkResult { item, source, bytes });
        let is_head = item == work.next;
        download.picker.verified(piece);
        self.retries.settled(piece);
        let entry = self.roster.record_mut(record);
        entry.standing.succeeded(took);
        cx.news(News::PieceDone(PieceReport {
            piece,
            bytes: length,
            micros: micros(took),
            from: vec![entry.name.clone()],
        }));
        self.note_progress(cx);
        if is_head {
            cx.news(News::ResultReady);
        }
        self.finish_if_done(cx);
    }

    /// The next result in order, if it is there.
    pub(crate) fn take_result(&mut self, cx: &mut Cx<'_>) -> Option<WorkResult> {
        let work = self.work.as_mut()?;
        let result = work.results.remove(&work.next)?;
        work.next += 1;
        cx.shared.unlease(held_bytes(&result.bytes));
        self.feed_all(cx);
        Some(result)
    }

    pub(super) fn drop_results(&mut self, cx: &mut Cx<'_>) {
        if let Some(work) = &mut self.work {
            let held = work.results.values().map(|result| held_bytes(&result.bytes)).sum();
            work.results.clear();
            cx.shared.unlease(held);
        }
    }
}
