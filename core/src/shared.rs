//! What the torrents of a session share: memory, rates, connections, keys, the way out.

use std::collections::VecDeque;

use crate::{
    config::SessionConfig,
    contract::Output,
    event::{Event, News},
    id::{PeerId, PeerKey, RequestKey, SourceKey, TorrentKey},
    rate::Bucket,
    sorted::{Map, Set},
    storage::{Command, Order},
    time::Instant,
};

/// What is passed down with every call: the time, and what the torrents of a session share.
pub(crate) struct Cx<'a> {
    pub(crate) now: Instant,
    pub(crate) torrent: TorrentKey,
    pub(crate) shared: &'a mut Shared,
}

impl Cx<'_> {
    pub(crate) fn output(&mut self, output: Output) {
        self.shared.outputs.push_back(output);
    }

    pub(crate) fn news(&mut self, news: News) {
        self.output(Output::Event(Event { torrent: self.torrent, news }));
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.output(Output::Storage(Command { torrent: self.torrent, order }));
    }
}

/// What the torrents of a session share.
pub(crate) struct Shared {
    pub(crate) config: SessionConfig,
    pub(crate) peer_id: PeerId,
    pub(crate) rng: fastrand::Rng,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) download_rate: Bucket,
    pub(crate) upload_rate: Bucket,
    /// Dials under way.
    pub(crate) dialling: Set<PeerKey>,
    owners: Map<PeerKey, TorrentKey>,
    requests: Map<RequestKey, (TorrentKey, u64)>,
    leased_bytes: u64,
    /// Memory was given back since the starved were last fed.
    freed: bool,
    next_key: u64,
}

impl Shared {
    pub(crate) fn new(config: SessionConfig, seed: u64, now: Instant) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            peer_id: config.peer_id.unwrap_or_else(|| PeerId::generate(&mut rng)),
            rng,
            outputs: VecDeque::new(),
            download_rate: Bucket::new(config.max_download, now),
            upload_rate: Bucket::new(config.max_upload, now),
            dialling: Set::new(),
            owners: Map::new(),
            requests: Map::new(),
            leased_bytes: 0,
            freed: false,
            next_key: 0,
            config,
        }
    }

    fn next_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    pub(crate) fn next_torrent(&mut self) -> TorrentKey {
        TorrentKey::new(self.next_key())
    }

    /// A key for a connection whose torrent isn't known yet.
    pub(crate) fn next_peer(&mut self) -> PeerKey {
        PeerKey::new(self.next_key())
    }

    pub(crate) fn next_source(&mut self) -> SourceKey {
        SourceKey::new(self.next_key())
    }

    /// A key for a connection of a torrent.
    pub(crate) fn own_peer(&mut self, torrent: TorrentKey) -> PeerKey {
        let key = self.next_peer();
        self.assign_peer(key, torrent);
        key
    }

    pub(crate) fn assign_peer(&mut self, key: PeerKey, torrent: TorrentKey) {
        self.owners.insert(key, torrent);
    }

    pub(crate) fn owner(&self, key: PeerKey) -> Option<TorrentKey> {
        self.owners.get(&key).copied()
    }

    /// Connections that belong to a torrent, dials included.
    pub(crate) fn connections(&self) -> usize {
        self.owners.len()
    }

    pub(crate) fn disown_peer(&mut self, key: PeerKey) {
        self.owners.remove(&key);
        self.dialling.remove(&key);
    }

    /// A key for a question to the host, whose answer goes to a torrent under its own number.
    pub(crate) fn own_request(&mut self, torrent: TorrentKey, number: u64) -> RequestKey {
        let key = RequestKey::new(self.next_key());
        self.requests.insert(key, (torrent, number));
        key
    }

    /// Whose question this was, and its number there.
    pub(crate) fn take_request(&mut self, key: RequestKey) -> Option<(TorrentKey, u64)> {
        self.requests.remove(&key)
    }

    pub(crate) fn forget_requests(&mut self, torrent: TorrentKey) {
        self.requests.retain(|_, (owner, _)| *owner != torrent);
    }

    pub(crate) fn may_dial(&self) -> bool {
        self.owners.len() < self.config.max_connections
            && self.dialling.len() < self.config.max_dials
    }

    pub(crate) fn leased_bytes(&self) -> u64 {
        self.leased_bytes
    }

    /// Whether memory was given back since this was last asked.
    pub(crate) fn take_freed(&mut self) -> bool {
        std::mem::take(&mut self.freed)
    }

    pub(crate) fn memory_room(&self) -> u64 {
        self.config.memory_bytes.saturating_sub(self.leased_bytes)
    }

    pub(crate) fn lease(&mut self, bytes: u64) {
        self.leased_bytes += bytes;
    }

    pub(crate) fn unlease(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.leased_bytes, "more memory given back than was leased");
        self.leased_bytes = self.leased_bytes.saturating_sub(bytes);
        self.freed |= bytes > 0;
    }
}
