//! Sources in a torrent: who is asked for which piece, how long they may take, who leaves.

use std::time::Duration;

use bytes::Bytes;

use super::{
    Timer, Torrent,
    content::{Part, Turn},
    retries::{Holder, Trust},
};
use crate::{
    contract::{Output, SourceError},
    event::{Failure, News},
    id::{PieceIndex, SourceKey},
    listed::Listed,
    order,
    picker::Asker,
    roster::{Presence, RecordId},
    shared::Cx,
    time::Instant,
};

/// Sources of one torrent, at most.
pub const MAX_SOURCES: usize = 1_000;
/// A source that failed is not asked for anything for so long, so that it doesn't burn its score
/// on one short outage.
const SOURCE_REST: Duration = Duration::from_millis(100);

/// One source: idle, resting after a failure, or asked for a piece.
#[derive(Debug)]
pub(super) struct SourceState {
    record: RecordId,
    fetching: Option<(PieceIndex, Instant)>,
    rests_until: Instant,
    pub(super) downloaded: crate::rate::Meter,
}

impl Torrent {
    /// A new worker joins the pool; `None` if there are too many.
    pub(crate) fn add_source(&mut self, cx: &mut Cx<'_>, name: String) -> Option<SourceKey> {
        if self.sources.len() >= MAX_SOURCES {
            return None;
        }
        let key = cx.shared.next_source();
        let record = self.roster.source(name, key);
        let downloaded = crate::rate::Meter::default();
        let state = SourceState { record, fetching: None, rests_until: cx.now, downloaded };
        self.sources.insert(key, state);
        self.feed_sources(cx);
        Some(key)
    }

    /// A worker leaves; what it was asked for goes to another at once.
    pub(crate) fn remove_source(&mut self, cx: &mut Cx<'_>, key: SourceKey) {
        let Some(source) = self.sources.remove(&key) else { return };
        if let Some((piece, _)) = source.fetching {
            self.drop_fetch(cx, piece);
            cx.output(Output::CancelFetch { torrent: cx.torrent, source: key, piece });
        }
        let record = self.roster.record_mut(source.record);
        record.presence = Presence::Gone;
        record.left.get_or_insert_with(|| "left".to_owned());
        record.past_downloaded_bytes += source.downloaded.total_bytes();
        self.feed_all(cx);
    }

    pub(super) fn stop_sources(&mut self, cx: &mut Cx<'_>) {
        let keys: Vec<SourceKey> = self.sources.keys().copied().listed();
        for key in keys {
            let Some(source) = self.sources.get_mut(&key) else { continue };
            if let Some((piece, _)) = source.fetching.take() {
                self.drop_fetch(cx, piece);
                cx.output(Output::CancelFetch { torrent: cx.torrent, source: key, piece });
            }
        }
    }

    /// Gives every idle source something to do, the best first, as many at once as may work.
    pub(super) fn feed_sources(&mut self, cx: &mut Cx<'_>) {
        if !self.is_downloading() {
            return;
        }
        let busy = self.sources.values().filter(|source| source.fetching.is_some()).count();
        let is_ready =
            |source: &SourceState| source.fetching.is_none() && source.rests_until <= cx.now;
        let ready = self.sources.iter().filter(|(_, source)| is_ready(source));
        let ready = ready.map(|(&key, source)| (key, source.record)).listed();
        let best = ready.iter().map(|&(_, record)| self.best_first(record));
        let free = self.options.max_workers.saturating_sub(busy);
        let mut started = 0;
        for at in order::by_rank(best) {
            if started == free {
                break;
            }
            started += usize::from(self.fetch_next(cx, ready[at].0));
        }
    }

    fn fetch_next(&mut self, cx: &mut Cx<'_>, key: SourceKey) -> bool {
        if let Some(at) = cx.shared.download_rate.opens_at(cx.now) {
            self.timers.no_later_than(Timer::DownloadRate, at);
            return false;
        }
        let Some(record) = self.sources.get(&key).map(|source| source.record) else { return false };
        let Some(piece) = self.pick_for_source(cx, record) else {
            self.starved = true;
            return false;
        };
        let Some(download) = &mut self.download else { return false };
        let length = download.layout.piece_bytes(piece);
        let mut part = Part::new(cx.now, download.layout.block_count(piece));
        part.leased_bytes = u64::from(length);
        part.turns.insert(record, Turn { asked_at: cx.now, delivered_at: cx.now });
        download.parts.insert(piece, part);
        cx.shared.lease(u64::from(length));
        cx.shared.download_rate.take(u64::from(length));
        self.tally.asked(cx.now);
        self.roster.record_mut(record).standing.asked(cx.now);
        if let Some(source) = self.sources.get_mut(&key) {
            source.fetching = Some((piece, cx.now));
        }
        self.timers.no_later_than(Timer::Sources, cx.now + self.options.block_timeout);
        // A work item may be smaller than the piece that stands for it.
        let most = self.work.as_ref().map_or(length, |work| work.max_item_bytes() as u32);
        cx.output(Output::Fetch { torrent: cx.torrent, source: key, piece, length: most });
        true
    }

    fn pick_for_source(&mut self, cx: &Cx<'_>, record: RecordId) -> Option<PieceIndex> {
        let Self { download, sources, retries, options, everything, work, .. } = self;
        let download = download.as_mut()?;
        let draining = &download.draining;
        let room = cx.shared.memory_room() >= u64::from(download.layout.piece_length());
        // The next result in order must never wait for memory that later ones hold.
        let head = work.as_ref().map(|work| work.head());
        let holder = |record| Holder { record, trust: Trust::Full };
        let others =
            || sources.values().map(|source| source.record).filter(|&id| id != record).map(holder);
        let eligible = |piece: PieceIndex| {
            retries.allows(cx.now, piece, holder(record), options.max_retries, others)
                && !draining.contains_key(&piece)
                && (room || head == Some(piece.as_u32()))
        };
        let may_begin = room || head.is_some() || download.parts.is_empty();
        let asker = Asker { id: record.as_u32(), has: everything, may_begin, eligible: &eligible };
        download.picker.pick_whole(&download.layout, &asker)
    }

    /// A source answered.
    pub(crate) fn fetched(
        &mut self,
        cx: &mut Cx<'_>,
        key: SourceKey,
        piece: PieceIndex,
        result: Result<Bytes, SourceError>,
    ) {
        let Some(source) = self.sources.get_mut(&key) else { return };
        let Some((_, asked_at)) = source.fetching.take_if(|(asked, _)| *asked == piece) else {
            return;
        };
        let record = source.record;
        match result.and_then(|bytes| self.check_length(piece, bytes)) {
            Ok(bytes) => {
                let length = bytes.len() as u64;
                if let Some(source) = self.sources.get_mut(&key) {
                    source.downloaded.add(cx.now, length);
                }
                self.tally.downloaded.add(cx.now, length);
                let standing = &mut self.roster.record_mut(record).standing;
                standing.answered(cx.now, cx.now.since(asked_at));
                match self.work.is_some() {
                    true => self.item_done(cx, key, record, piece, bytes),
                    false => self.whole_arrived(cx, record, piece, &bytes),
                }
            }
            Err(error) => self.fetch_failed(cx, key, piece, error),
        }
        self.feed_all(cx);
    }

    fn check_length(&self, piece: PieceIndex, bytes: Bytes) -> Result<Bytes, SourceError> {
        let length = self.download.as_ref().map_or(0, |d| d.layout.piece_bytes(piece)) as usize;
        let fits = match &self.work {
            Some(work) => bytes.len() <= work.max_item_bytes(),
            None => bytes.len() == length,
        };
        if fits { Ok(bytes) } else { Err(SourceError::Length) }
    }

    fn fetch_failed(
        &mut self,
        cx: &mut Cx<'_>,
        key: SourceKey,
        piece: PieceIndex,
        error: SourceError,
    ) {
        let Some(source) = self.sources.get_mut(&key) else { return };
        source.rests_until = cx.now + SOURCE_REST;
        let record = source.record;
        self.timers.no_later_than(Timer::Sources, cx.now + SOURCE_REST);
        self.drop_fetch(cx, piece);
        if error == SourceError::Gone {
            return self.remove_source(cx, key);
        }
        let failure =
            if error == SourceError::TimedOut { Failure::TimedOut } else { Failure::Refused };
        self.failed_at(cx, record, piece, failure);
        if self.roster.record(record).standing.is_spent() {
            self.dismiss(cx, key, "failed too often");
        }
    }

    fn dismiss(&mut self, cx: &mut Cx<'_>, key: SourceKey, why: &str) {
        if let Some(source) = self.sources.get(&key) {
            let record = self.roster.record_mut(source.record);
            record.left = Some(why.to_owned());
            let name = record.name.clone();
            cx.news(News::SourceLeft { name, why: why.to_owned() });
        }
        self.remove_source(cx, key);
    }

    pub(super) fn ban_source(&mut self, cx: &mut Cx<'_>, id: RecordId) {
        if let Presence::Source(key) = self.roster.record(id).presence {
            self.dismiss(cx, key, "sent corrupt data");
        }
    }

    /// The piece of a fetch that came to nothing is open again, unless peers have completed it.
    fn drop_fetch(&mut self, cx: &mut Cx<'_>, piece: PieceIndex) {
        let picker = self.download.as_ref().map(|download| &download.picker);
        if picker.is_some_and(|picker| !picker.is_whole(piece)) {
            self.drop_part(cx, piece);
        }
    }

    /// Takes back what is asked of sources of a piece.
    pub(super) fn cancel_fetches(&mut self, cx: &mut Cx<'_>, piece: PieceIndex) {
        for (&source, state) in self.sources.iter_mut() {
            if state.fetching.take_if(|(asked, _)| *asked == piece).is_some() {
                cx.output(Output::CancelFetch { torrent: cx.torrent, source, piece });
            }
        }
    }

    /// Fetches that take too long, and rests that are over.
    pub(super) fn check_sources(&mut self, cx: &mut Cx<'_>) {
        let limit = self.options.block_timeout;
        let fetching = self.sources.iter().filter_map(|(&key, s)| Some((key, s.fetching?)));
        let overdue: Vec<(SourceKey, PieceIndex)> = fetching
            .filter(|(_, (_, asked_at))| *asked_at + limit <= cx.now)
            .map(|(key, (piece, _))| (key, piece))
            .listed();
        for (key, piece) in overdue {
            if let Some(source) = self.sources.get_mut(&key) {
                source.fetching = None;
                cx.output(Output::CancelFetch { torrent: cx.torrent, source: key, piece });
                self.fetch_failed(cx, key, piece, SourceError::TimedOut);
            }
        }
        let next = self.sources.values().filter_map(|source| match source.fetching {
            Some((_, asked_at)) => Some(asked_at + limit),
            None => Some(source.rests_until).filter(|&at| at > cx.now),
        });
        if let Some(at) = next.min() {
            self.timers.no_later_than(Timer::Sources, at);
        }
        self.feed_all(cx);
    }

    pub(super) fn source_meter(&self, key: SourceKey) -> Option<&crate::rate::Meter> {
        self.sources.get(&key).map(|source| &source.downloaded)
    }
}
