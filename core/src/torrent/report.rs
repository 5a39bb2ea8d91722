//! What a torrent can tell of itself: its counters, its end, its statistics.

use std::time::Duration;

use super::Torrent;
use crate::{
    announce::{AnnounceEvent, ENABLED},
    event::News,
    id::PieceIndex,
    layout::BLOCK_BYTES,
    listed::Listed,
    rate::Meter,
    roster::{Presence, Record},
    shared::Cx,
    stats::{PeerStats, STATS_SCHEMA, Span, TorrentStats, TrackerStats},
    time::{Instant, micros},
};

/// What is verified is recorded at least this often while it changes.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(5);
/// And so often by volume: the disk works while the download goes on, not all at its end.
pub const CHECKPOINT_BYTES: u64 = 128 * 1024 * 1024;
/// From this share of the wanted pieces on, in percent, the end is timed.
const LAST_PERCENT: u64 = 99;

/// The counters of one torrent.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) downloaded: Meter,
    pub(super) uploaded: Meter,
    pub(super) duplicate_bytes: u64,
    pub(super) corrupt_bytes: u64,
    pub(super) failed_pieces: u64,
    pub(super) retries: u64,
    /// Payload asked of a second peer in the endgame.
    pub(super) asked_twice_bytes: u64,
    /// Verified pieces changed since the last checkpoint.
    pub(super) dirty: bool,
    /// Bytes stored since the last checkpoint.
    pub(super) unrecorded_bytes: u64,
    first_asked: Option<Instant>,
    last_percent_began: Option<Instant>,
    last_percent: Option<Duration>,
    finished_at: Option<Instant>,
    /// Pieces that were on the disk at the start.
    pieces_at_start: u32,
}

impl Tally {
    pub(super) fn asked(&mut self, now: Instant) {
        self.first_asked.get_or_insert(now);
    }

    pub(super) fn began_with(&mut self, pieces: u32) {
        self.pieces_at_start = pieces;
    }
}

impl Torrent {
    /// Times the way from 99 % to done.
    pub(super) fn note_progress(&mut self, cx: &Cx<'_>) {
        let Some(download) = &self.download else { return };
        let have = u64::from(download.picker.wanted_have());
        let wanted = u64::from(download.picker.wanted().count());
        if have * 100 >= wanted * LAST_PERCENT {
            let began = *self.tally.last_percent_began.get_or_insert(cx.now);
            if have == wanted {
                self.tally.last_percent.get_or_insert(cx.now - began);
            }
        }
    }

    /// Once everything wanted is there: tells the user and the trackers, lets go of seeders.
    pub(super) fn finish_if_done(&mut self, cx: &mut Cx<'_>) {
        if !self.is_done() || self.options.metadata_only {
            self.tally.finished_at = None;
            return;
        }
        if self.tally.finished_at.is_some() || self.phase != super::Phase::Active {
            return;
        }
        self.tally.finished_at = Some(cx.now);
        self.checkpoint(cx);
        cx.news(News::Finished);
        self.tell_state(cx);
        let have_all = self.download.as_ref().is_some_and(|d| d.picker.have().is_full());
        if have_all && self.tally.first_asked.is_some() {
            self.announce(cx, AnnounceEvent::Completed);
        }
        self.close_useless(cx);
    }

    /// Bytes still missing, as trackers are told.
    pub(super) fn left_bytes(&self) -> u64 {
        let Some(download) = &self.download else {
            // Unknown as yet, and certainly not nothing: zero would make us a seeder.
            return u64::from(BLOCK_BYTES);
        };
        download.picker.have().iter_missing().map(|piece| self.bytes_of(piece)).sum()
    }

    fn bytes_of(&self, piece: PieceIndex) -> u64 {
        self.download.as_ref().map_or(0, |d| u64::from(d.layout.piece_bytes(piece)))
    }

    /// Everything that is known now.
    pub(crate) fn stats(&self, now: Instant) -> TorrentStats {
        let picker = self.download.as_ref().map(|download| &download.picker);
        let wanted_bytes =
            picker.map_or(0, |picker| picker.wanted().iter().map(|p| self.bytes_of(p)).sum());
        let have_bytes = picker.map_or(0, |picker| {
            let have = picker.wanted().iter_common_from(picker.have(), 0);
            have.map(|piece| self.bytes_of(piece)).sum()
        });
        let rate = self.tally.downloaded.bytes_per_second(now);
        let open = || self.peers.values().filter(|peer| peer.is_open());
        TorrentStats {
            schema: STATS_SCHEMA,
            info_hash: self.info_hash,
            name: self.info.as_ref().map(|info| info.name().to_owned()),
            state: self.state(),
            elapsed_seconds: self.seconds(now),
            transfer: Span {
                start_seconds: self.tally.first_asked.map(|at| self.seconds(at)),
                end_seconds: self.tally.finished_at.map(|at| self.seconds(at)),
            },
            total_bytes: self.download.as_ref().map_or(0, |d| d.layout.total_length()),
            wanted_bytes,
            have_bytes,
            pieces: picker.map_or(0, |picker| picker.have().len()),
            pieces_wanted: picker.map_or(0, |picker| picker.wanted().count()),
            pieces_have: picker.map_or(0, |picker| picker.wanted_have()),
            pieces_checked: self.storage.checked,
            pieces_at_start: self.tally.pieces_at_start,
            downloaded_bytes: self.tally.downloaded.total_bytes(),
            uploaded_bytes: self.tally.uploaded.total_bytes(),
            duplicate_bytes: self.tally.duplicate_bytes,
            corrupt_bytes: self.tally.corrupt_bytes,
            failed_pieces: self.tally.failed_pieces,
            retries: self.tally.retries,
            download_bytes_per_second: rate,
            upload_bytes_per_second: self.tally.uploaded.bytes_per_second(now),
            eta_seconds: (rate > 0).then(|| (wanted_bytes - have_bytes) as f64 / rate as f64),
            last_percent_seconds: self.tally.last_percent.map(|time| time.as_secs_f64()),
            peers_connected: open().count() as u32,
            seeds_connected: open().filter(|peer| peer.is_seed()).count() as u32,
            peers_known: self.book.len() as u32,
            memory_bytes: self
                .download
                .as_ref()
                .map_or(0, |download| download.parts.values().map(|part| part.leased_bytes).sum()),
            trackers: self.tracker_stats(now),
            peers: self.roster.iter().map(|record| self.peer_stats(now, record)).listed(),
        }
    }

    fn tracker_stats(&self, now: Instant) -> Vec<TrackerStats> {
        if !ENABLED {
            return Vec::new();
        }
        let trackers = self.announcer.trackers().into_iter();
        trackers
            .map(|tracker| TrackerStats {
                url: tracker.url,
                tier: tracker.tier as u32,
                seeders: tracker.seeders,
                leechers: tracker.leechers,
                error: tracker.error.map(|error| error.to_string()),
                next_seconds: tracker.next_announce.map(|at| at.since(now).as_secs_f64()),
            })
            .collect()
    }

    fn peer_stats(&self, now: Instant, record: &Record) -> PeerStats {
        let peer = match record.presence {
            Presence::Peer(key) => self.peers.get(&key),
            _ => None,
        };
        let meter = match record.presence {
            Presence::Source(key) => self.source_meter(key),
            _ => peer.map(|peer| &peer.downloaded),
        };
        let standing = &record.standing;
        let downloaded_bytes = record.past_downloaded_bytes + meter.map_or(0, Meter::total_bytes);
        let active = standing.first_asked().zip(standing.last_answer());
        let active_seconds = active.map_or(0.0, |(from, to)| to.since(from).as_secs_f64());
        let pieces = self.everything.len().max(1) as f32;
        PeerStats {
            name: record.name.clone(),
            kind: record.kind.clone(),
            client: record.client.clone(),
            connected: record.presence != Presence::Gone,
            left: record.left.clone().filter(|_| record.presence == Presence::Gone),
            banned: record.banned,
            progress: peer.map_or(0.0, |peer| peer.has.count() as f32 / pieces),
            am_choking: peer.is_none_or(|peer| peer.am_choking),
            am_interested: peer.is_some_and(|peer| peer.am_interested),
            peer_choking: peer.is_none_or(|peer| peer.peer_choking),
            peer_interested: peer.is_some_and(|peer| peer.peer_interested),
            pieces_asked: standing.pieces_asked(),
            pieces_good: standing.pieces_good(),
            pieces_failed: standing.pieces_failed(),
            downloaded_bytes,
            uploaded_bytes: record.past_uploaded_bytes
                + peer.map_or(0, |peer| peer.uploaded.total_bytes()),
            mean_latency_micros: standing.mean_latency().map(micros),
            download_bytes_per_second: meter.map_or(0, |meter| meter.bytes_per_second(now)),
            upload_bytes_per_second: peer.map_or(0, |peer| peer.uploaded.bytes_per_second(now)),
            mean_download_bytes_per_second: match active_seconds > 0.0 {
                true => (downloaded_bytes as f64 / active_seconds) as u64,
                false => 0,
            },
            score: standing.score(),
            requests_out: peer.map_or(0, |peer| peer.pipeline.len() as u32),
            active: Span {
                start_seconds: standing.first_asked().map(|at| self.seconds(at)),
                end_seconds: standing.last_answer().map(|at| self.seconds(at)),
            },
        }
    }

    fn seconds(&self, at: Instant) -> f64 {
        at.since(self.added_at).as_secs_f64()
    }
}
