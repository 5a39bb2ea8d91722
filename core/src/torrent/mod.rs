//! One torrent: coordinates its peers, picker, choker, sources, storage and trackers.
//!
//! Those never call each other; everything that concerns two of them is decided here, a file for
//! each concern.

mod announces;
mod blame;
mod connections;
mod content;
mod endgame;
mod fast;
mod messages;
mod metadata;
mod pieces;
mod report;
mod requests;
mod retries;
mod slots;
mod sources;
mod storing;
mod suggest;
mod timers;
mod uploads;
mod work;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use self::{
    content::Download, metadata::MetadataExchange, report::Tally, retries::Retries,
    sources::SourceState, storing::StorageState, timers::Timers, uploads::Uploads, work::Work,
};
pub use self::{sources::MAX_SOURCES, timers::Timer, work::WorkResult};
use crate::{
    announce::{AnnounceEvent, Announcer},
    bitfield::Bitfield,
    book::AddressBook,
    choker::{CHOKE_INTERVAL, Choker},
    config::TorrentOptions,
    contract::{Content, Output},
    event::News,
    id::{InfoHash, PeerKey, SourceKey},
    listed::Listed,
    metainfo::Info,
    order,
    peer::Peer,
    reason::CloseReason,
    roster::{RecordId, Roster},
    shared::Cx,
    sorted::{Map, Set},
    spread::Fresh,
    stats::{PieceState, TorrentState},
    time::Instant,
};

/// A removed torrent gives its trackers this long to hear of it.
pub const FAREWELL: Duration = Duration::from_millis(1_500);

/// How far a torrent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waiting for the metadata.
    Metadata,
    /// The storage looks at what is there.
    Opening,
    /// What is there is hashed.
    Checking,
    /// Downloading and serving.
    Active,
    /// Removed; telling the trackers and closing the storage.
    Leaving,
}

pub(crate) struct Torrent {
    options: TorrentOptions,
    info_hash: Option<InfoHash>,
    info: Option<Arc<Info>>,
    phase: Phase,
    paused: bool,
    told_state: Option<TorrentState>,
    added_at: Instant,
    /// Pieces and their data, once it is known how many there are.
    download: Option<Download>,
    /// All bits set: what seeders have, shared by them.
    everything: Arc<Bitfield>,
    peers: Map<PeerKey, Peer>,
    book: AddressBook,
    roster: Roster,
    suspects: Set<RecordId>,
    retries: Retries,
    sources: Map<SourceKey, SourceState>,
    work: Option<Work>,
    metadata: MetadataExchange,
    uploads: Uploads,
    /// What nobody has been given yet; there once we seed and somebody is served.
    fresh: Option<Fresh>,
    choker: Choker,
    choke_rounds: u32,
    announcer: Announcer,
    storage: StorageState,
    tally: Tally,
    /// Somebody wanted a request and there was none to give, or no memory for it.
    starved: bool,
    timers: Timers,
}

impl Torrent {
    pub(crate) fn new(
        cx: &mut Cx<'_>,
        content: Content,
        trackers: &[Vec<String>],
        options: TorrentOptions,
    ) -> Self {
        let key = cx.shared.rng.u32(..);
        let mut torrent = Self {
            info_hash: None,
            info: None,
            phase: Phase::Metadata,
            paused: false,
            told_state: None,
            added_at: cx.now,
            download: None,
            everything: Arc::new(Bitfield::new(0)),
            peers: Map::new(),
            book: AddressBook::default(),
            roster: Roster::default(),
            suspects: Set::new(),
            retries: Retries::default(),
            sources: Map::new(),
            work: None,
            metadata: MetadataExchange::default(),
            uploads: Uploads::default(),
            fresh: None,
            choker: Choker::new(cx.shared.rng.fork()),
            choke_rounds: 0,
            announcer: Announcer::new(trackers, key, cx.shared.rng.fork()),
            storage: StorageState::default(),
            tally: Tally::default(),
            starved: false,
            timers: Timers::default(),
            options,
        };
        torrent.begin(cx, content);
        torrent
    }

    fn begin(&mut self, cx: &mut Cx<'_>, content: Content) {
        match content {
            Content::Info(info) => {
                self.info_hash = Some(*info.info_hash());
                self.learn_info(cx, info);
            }
            Content::Hash(info_hash) => {
                self.info_hash = Some(info_hash);
                self.announce_start(cx);
            }
            Content::Work(list) => self.begin_work(cx, list),
        }
        if self.info_hash.is_some() {
            self.timers.set(Timer::Choke, Some(cx.now + CHOKE_INTERVAL));
        }
        self.tell_state(cx);
    }

    /// Drops every connection and request; nothing is fetched or served until it is resumed.
    pub(crate) fn pause(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.paused, true) || self.phase == Phase::Leaving {
            return;
        }
        self.close_all(cx, &CloseReason::Stopped);
        self.stop_sources(cx);
        // Nobody knows for how long: others need the memory.
        self.drop_parts(cx, |_| true);
        self.announce(cx, AnnounceEvent::Stopped);
        self.checkpoint(cx);
        self.tell_state(cx);
    }

    pub(crate) fn resume(&mut self, cx: &mut Cx<'_>) {
        if !std::mem::replace(&mut self.paused, false) || self.phase == Phase::Leaving {
            return;
        }
        self.announce_start(cx);
        self.tell_state(cx);
        self.dial(cx);
        self.feed_sources(cx);
    }

    /// Says goodbye: closes connections, checkpoints, tells the trackers.
    pub(crate) fn leave(&mut self, cx: &mut Cx<'_>) {
        if self.phase == Phase::Leaving {
            return;
        }
        // First of all: a connection that ends must not make room for a new one.
        self.phase = Phase::Leaving;
        self.close_all(cx, &CloseReason::Stopped);
        self.stop_sources(cx);
        if !self.paused {
            self.announce(cx, AnnounceEvent::Stopped);
        }
        self.checkpoint(cx);
        self.close_storage(cx);
        self.timers = Timers::default();
        self.timers.set(Timer::Farewell, Some(cx.now + FAREWELL));
        self.drain_announcer(cx);
    }

    /// Whether a removed torrent has nothing more to wait for.
    pub(crate) fn is_gone(&self) -> bool {
        let trackers_know = self.announcer.is_idle() || !self.timers.is_set(Timer::Farewell);
        self.phase == Phase::Leaving && self.storage.is_closed() && trackers_know
    }

    pub(crate) fn next_timeout(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        while let Some(timer) = self.timers.take_due(cx.now) {
            match timer {
                Timer::Peers => self.check_peers(cx),
                Timer::Choke => self.choke_round(cx),
                Timer::Dial => self.dial(cx),
                Timer::Announce => self.announce_timeout(cx),
                Timer::Retry => self.retry_due(cx),
                Timer::DownloadRate => self.feed_all(cx),
                Timer::Sources => self.check_sources(cx),
                Timer::UploadRate => self.serve_all(cx),
                Timer::Checkpoint => self.checkpoint(cx),
                Timer::Storage => self.retry_storage(cx),
                Timer::Metadata => self.ask_for_metadata(cx),
                Timer::Haves => self.flush_all(cx),
                Timer::Slots => self.use_idle_line(cx),
                Timer::Farewell | Timer::Handshake => {}
            }
        }
    }

    /// Memory or rate that the session shares is there again.
    pub(crate) fn feed_if_starved(&mut self, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.starved) {
            self.feed_all(cx);
        }
    }

    /// Asks everybody for more, the best first.
    fn feed_all(&mut self, cx: &mut Cx<'_>) {
        self.starved = false;
        // Of equals the newest is first.
        let ready = self.peers.iter().rev().filter(|(_, peer)| peer.may_be_asked());
        let ready = ready.map(|(&key, peer)| (key, peer.record)).listed();
        let best = ready.iter().map(|&(_, record)| self.best_first(record));
        for at in order::by_rank(best) {
            let (key, _) = ready[at];
            self.ask_for_blocks(cx, key);
            self.flush(cx, key);
        }
        self.feed_sources(cx);
    }

    /// The rank that puts the best scores first.
    fn best_first(&self, record: RecordId) -> (u64, u64) {
        (u64::MAX - u64::from(self.roster.record(record).standing.score()), 0)
    }

    fn retry_due(&mut self, cx: &mut Cx<'_>) {
        self.timers.set(Timer::Retry, self.retries.next(cx.now));
        self.feed_all(cx);
    }

    /// Hands what a peer is to be told to the host.
    fn flush(&mut self, cx: &mut Cx<'_>, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if let Some(bytes) = peer.flush(cx.now) {
            cx.output(Output::Send { peer: key, bytes });
        }
    }

    fn flush_all(&mut self, cx: &mut Cx<'_>) {
        let keys: Vec<PeerKey> = self.peers.keys().copied().listed();
        keys.into_iter().for_each(|key| self.flush(cx, key));
    }

    fn state(&self) -> TorrentState {
        match self.phase {
            _ if self.paused || self.phase == Phase::Leaving => TorrentState::Paused,
            _ if self.storage.failure().is_some() => TorrentState::StorageError,
            Phase::Metadata => TorrentState::Metadata,
            Phase::Opening | Phase::Checking => TorrentState::Checking,
            _ if self.is_done() => TorrentState::Seeding,
            _ => TorrentState::Downloading,
        }
    }

    fn tell_state(&mut self, cx: &mut Cx<'_>) {
        let state = self.state();
        if self.told_state.replace(state) != Some(state) {
            cx.news(News::State(state));
        }
    }

    /// Whether everything wanted is verified.
    fn is_done(&self) -> bool {
        self.download.as_ref().is_some_and(|download| download.picker.is_done())
    }

    /// Whether blocks may be asked for now.
    fn is_downloading(&self) -> bool {
        self.phase == Phase::Active
            && !self.paused
            && !self.options.metadata_only
            && self.storage.failure().is_none()
            && !self.is_done()
    }

    pub(crate) fn info(&self) -> Option<&Arc<Info>> {
        self.info.as_ref()
    }

    pub(crate) fn have(&self) -> Option<&Bitfield> {
        Some(self.download.as_ref()?.picker.have())
    }

    pub(crate) fn pieces(&self) -> Option<impl Iterator<Item = PieceState> + '_> {
        Some(self.download.as_ref()?.picker.pieces())
    }

    /// Gives back what it holds of the session's memory.
    pub(crate) fn drop_leases(&mut self, cx: &mut Cx<'_>) {
        self.drop_results(cx);
        if let Some(download) = &mut self.download {
            let held: u64 = download.parts.values().map(|part| part.leased_bytes).sum();
            let held =
                held + download.draining.values().map(|&bytes| u64::from(bytes)).sum::<u64>();
            download.parts.clear();
            download.draining.clear();
            cx.shared.unlease(held);
        }
    }

    pub(crate) fn info_hash(&self) -> Option<InfoHash> {
        self.info_hash
    }

    pub(crate) fn add_peer(&mut self, cx: &mut Cx<'_>, addr: SocketAddr) {
        self.book.add(addr, true);
        self.dial(cx);
    }
}
