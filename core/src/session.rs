//! Owns the torrents, and what they share: memory, rates, connections, keys.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    announce::ENABLED,
    bitfield::Bitfield,
    config::{AddError, AddTorrent, MAX_TORRENTS, SessionConfig},
    contract::{Content, Input, Output},
    event::{Event, News},
    id::{InfoHash, PeerId, PeerKey, PieceIndex, RequestKey, SourceKey, TorrentKey},
    layout::{MAX_PIECE_BYTES, MAX_PIECES},
    listed::Listed,
    metainfo::Info,
    peer::HANDSHAKE_TIMEOUT,
    reason::{CloseReason, ProtocolError},
    shared::{Cx, Shared},
    sorted::{Map, Set},
    stats::{PieceState, TorrentStats},
    time::Instant,
    torrent::{Timer, Torrent, WorkResult},
    wire::Handshake,
};

/// An accepted connection that has not said yet which torrent it wants.
#[derive(Debug)]
struct Newcomer {
    addr: SocketAddr,
    since: Instant,
    said: Vec<u8>,
}

/// The torrents and what they share. See the [crate documentation](crate) for how a host runs it.
pub struct Session {
    shared: Shared,
    torrents: Map<TorrentKey, Torrent>,
    by_hash: Map<InfoHash, TorrentKey>,
    newcomers: Map<PeerKey, Newcomer>,
    /// When each torrent wants to be woken.
    wakeups: Set<(Instant, Timer, TorrentKey)>,
    wakeup_of: Map<TorrentKey, (Instant, Timer)>,
}

/// # Making one, asking it
impl Session {
    /// An empty session. `seed` is all the randomness there is: the same seed and the same inputs
    /// give the same outputs.
    pub fn new(config: SessionConfig, seed: u64, now: Instant) -> Self {
        Self {
            shared: Shared::new(config, seed, now),
            torrents: Map::new(),
            by_hash: Map::new(),
            newcomers: Map::new(),
            wakeups: Set::new(),
            wakeup_of: Map::new(),
        }
    }

    /// What this session calls itself.
    pub fn peer_id(&self) -> PeerId {
        self.shared.peer_id
    }

    /// Everything that is known of a torrent now; `None` once it is removed.
    pub fn stats(&self, now: Instant, torrent: TorrentKey) -> Option<TorrentStats> {
        Some(self.torrents.get(&torrent)?.stats(now))
    }

    /// A torrent's metadata, if it is known.
    pub fn info(&self, torrent: TorrentKey) -> Option<&Arc<Info>> {
        self.torrents.get(&torrent)?.info()
    }

    /// Which of a torrent's pieces are verified, if it is known how many there are.
    pub fn have(&self, torrent: TorrentKey) -> Option<&Bitfield> {
        self.torrents.get(&torrent)?.have()
    }

    /// What is known of each of a torrent's pieces, in order, if it is known how many there are.
    pub fn pieces(&self, torrent: TorrentKey) -> Option<impl Iterator<Item = PieceState> + '_> {
        self.torrents.get(&torrent)?.pieces()
    }

    /// The torrent that a connection belongs to; `None` if it is gone, or hasn't said yet.
    pub fn torrent_of(&self, peer: PeerKey) -> Option<TorrentKey> {
        self.shared.owner(peer)
    }

    /// Bytes of the memory budget that are in use.
    pub fn leased_bytes(&self) -> u64 {
        self.shared.leased_bytes()
    }
}

/// # Commands
///
/// After each, drain [`poll_output`](Session::poll_output).
impl Session {
    /// Begins a torrent.
    ///
    /// # Errors
    /// It is there already, there are too many, or its options don't fit it.
    pub fn add(&mut self, now: Instant, add: AddTorrent) -> Result<TorrentKey, AddError> {
        self.check(&add)?;
        let key = self.shared.next_torrent();
        let mut cx = Cx { now, torrent: key, shared: &mut self.shared };
        let mut torrent = Torrent::new(&mut cx, add.content, &add.trackers, add.options);
        add.peers.into_iter().for_each(|addr| torrent.add_peer(&mut cx, addr));
        if let Some(info_hash) = torrent.info_hash() {
            self.by_hash.insert(info_hash, key);
        }
        self.torrents.insert(key, torrent);
        self.settle(now, key);
        Ok(key)
    }

    fn check(&self, add: &AddTorrent) -> Result<(), AddError> {
        if self.torrents.len() >= MAX_TORRENTS {
            return Err(AddError::TooMany);
        }
        let info_hash = match &add.content {
            Content::Hash(info_hash) => *info_hash,
            Content::Info(info) => {
                let files = info.files().len();
                let chosen = add.options.wanted.as_ref().map_or(files, Vec::len);
                if chosen != files {
                    return Err(AddError::Selection { chosen, files });
                }
                *info.info_hash()
            }
            Content::Work(list) => {
                let fits = (1..=MAX_PIECES).contains(&list.items)
                    && (1..=MAX_PIECE_BYTES).contains(&list.max_item_bytes);
                return if fits { Ok(()) } else { Err(AddError::WorkList) };
            }
        };
        match self.by_hash.contains_key(&info_hash) {
            true => Err(AddError::Duplicate { info_hash }),
            false => Ok(()),
        }
    }

    /// Ends a torrent: closes its connections, records what is verified, tells its trackers.
    /// [`News::Removed`] is the last that is heard of it.
    pub fn remove(&mut self, now: Instant, torrent: TorrentKey) {
        if let Some(info_hash) = self.torrents.get(&torrent).and_then(Torrent::info_hash) {
            // It may have been removed before and added again under another key.
            if self.by_hash.get(&info_hash) == Some(&torrent) {
                self.by_hash.remove(&info_hash);
            }
        }
        self.with(now, torrent, |torrent, cx| torrent.leave(cx));
        self.dial_more(now);
        self.feed_the_starved(now);
    }

    /// Closes a torrent's connections until it is resumed.
    pub fn pause(&mut self, now: Instant, torrent: TorrentKey) {
        self.with(now, torrent, |torrent, cx| torrent.pause(cx));
        self.dial_more(now);
        self.feed_the_starved(now);
    }

    /// Goes on with a paused torrent.
    pub fn resume(&mut self, now: Instant, torrent: TorrentKey) {
        self.with(now, torrent, |torrent, cx| torrent.resume(cx));
    }

    /// Names a peer.
    pub fn add_peer(&mut self, now: Instant, torrent: TorrentKey, addr: SocketAddr) {
        self.with(now, torrent, |torrent, cx| torrent.add_peer(cx, addr));
    }

    /// Adds a tracker, in a tier of its own behind the others.
    pub fn add_tracker(&mut self, now: Instant, torrent: TorrentKey, url: &str) {
        self.with(now, torrent, |torrent, cx| torrent.add_tracker(cx, url));
    }

    /// Asks the trackers for fresh peers, as soon as they allow it.
    pub fn announce(&mut self, now: Instant, torrent: TorrentKey) {
        self.with(now, torrent, |torrent, cx| torrent.announce_now(cx));
    }

    /// Adds a source; `None` if there are too many, or no such torrent.
    pub fn add_source(
        &mut self,
        now: Instant,
        torrent: TorrentKey,
        name: String,
    ) -> Option<SourceKey> {
        self.with(now, torrent, |torrent, cx| torrent.add_source(cx, name)).flatten()
    }

    /// A source leaves; what it was asked for goes to another.
    pub fn remove_source(&mut self, now: Instant, torrent: TorrentKey, source: SourceKey) {
        self.with(now, torrent, |torrent, cx| torrent.remove_source(cx, source));
    }

    /// Chooses files anew, one flag a file.
    pub fn select(&mut self, now: Instant, torrent: TorrentKey, wanted: &[bool]) {
        self.with(now, torrent, |torrent, cx| torrent.select(cx, wanted));
        self.feed_the_starved(now);
    }

    /// Reads a piece, now or when it is there, and fetches it and what follows it first.
    /// Answered by [`News::Read`].
    pub fn read(&mut self, now: Instant, torrent: TorrentKey, piece: PieceIndex) {
        self.with(now, torrent, |torrent, cx| torrent.read(cx, piece));
    }

    /// The next result of a work list, if it is there. Its memory is free for further items then.
    pub fn take_result(&mut self, now: Instant, torrent: TorrentKey) -> Option<WorkResult> {
        let result = self.with(now, torrent, |torrent, cx| torrent.take_result(cx)).flatten();
        self.feed_the_starved(now);
        result
    }

    /// Sets the limits in bytes per second; `None` for no limit.
    pub fn set_limits(&mut self, now: Instant, download: Option<u64>, upload: Option<u64>) {
        let shared = &mut self.shared;
        (shared.config.max_download, shared.config.max_upload) = (download, upload);
        shared.download_rate.limit(download, now);
        shared.upload_rate.limit(upload, now);
        self.with_all(now, |torrent, cx| {
            torrent.serve_all(cx);
            torrent.feed_if_starved(cx);
        });
    }

    /// An incoming connection; `None` if there are too many, and it is to be refused.
    pub fn accept(&mut self, now: Instant, addr: SocketAddr) -> Option<PeerKey> {
        if self.shared.connections() + self.newcomers.len() >= self.shared.config.max_connections {
            return None;
        }
        let key = self.shared.next_peer();
        self.newcomers.insert(key, Newcomer { addr, since: now, said: Vec::new() });
        Some(key)
    }

    /// An incoming connection of which the host knows already whose it is: the torrent's handshake
    /// goes out at once. `None` if it is to be refused.
    pub fn accept_for(
        &mut self,
        now: Instant,
        torrent: TorrentKey,
        addr: SocketAddr,
    ) -> Option<PeerKey> {
        if self.shared.connections() + self.newcomers.len() >= self.shared.config.max_connections
            || !self.torrents.contains_key(&torrent)
        {
            return None;
        }
        let key = self.shared.own_peer(torrent);
        self.with(now, torrent, |torrent, cx| torrent.accept(cx, key, addr, Bytes::new()));
        Some(key)
    }
}

/// # The contract
impl Session {
    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Datagram { .. } | Input::Http { .. } | Input::Resolved { .. } if !ENABLED => {}
            Input::Connected { peer } => {
                self.shared.dialling.remove(&peer);
                self.with_owner(now, peer, |torrent, cx| torrent.connected(cx, peer));
                self.dial_more(now);
            }
            Input::Received { peer, bytes } if self.newcomers.contains_key(&peer) => {
                self.newcomer_said(now, peer, &bytes);
            }
            Input::Received { peer, bytes } => {
                self.with_owner(now, peer, |torrent, cx| torrent.received(cx, peer, bytes));
            }
            Input::Sent { peer, bytes } => {
                self.with_owner(now, peer, |torrent, cx| torrent.sent(cx, peer, bytes));
            }
            Input::Closed { peer, reason } => {
                self.newcomers.remove(&peer);
                self.with_owner(now, peer, |torrent, cx| torrent.closed(cx, peer, reason));
                self.dial_more(now);
            }
            Input::Datagram { from, bytes } => self.datagram(now, from, &bytes),
            Input::Http { request, result } => {
                self.with_asker(now, request, |torrent, cx, number| {
                    torrent.http_answered(cx, number, result.as_deref().map_err(|error| *error));
                });
            }
            Input::Resolved { request, result } => {
                self.with_asker(now, request, |torrent, cx, number| {
                    torrent.resolved(cx, number, result.as_deref().map_err(|error| *error));
                });
            }
            Input::Storage(done) => {
                self.with(now, done.torrent, |torrent, cx| torrent.storage_done(cx, done.outcome));
            }
            Input::Fetched { torrent, source, piece, result } => {
                self.with(now, torrent, |torrent, cx| torrent.fetched(cx, source, piece, result));
            }
        }
        self.feed_the_starved(now);
    }

    /// Does what is due at `now`; to be called when the deadline of
    /// [`poll_timeout`](Self::poll_timeout) has passed, and harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(at, _, torrent)) = self.wakeups.first()
            && at <= now
        {
            self.with(now, torrent, |torrent, cx| torrent.handle_timeout(cx));
        }
        let late = |newcomer: &Newcomer| newcomer.since + HANDSHAKE_TIMEOUT <= now;
        let late = self.newcomers.iter().filter(|(_, newcomer)| late(newcomer));
        let late: Vec<PeerKey> = late.map(|(&key, _)| key).listed();
        late.into_iter().for_each(|key| self.refuse(key, CloseReason::HandshakeTimeout));
        self.feed_the_starved(now);
    }

    /// The next thing for the host to do. `None` is reached after each call of the others.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.shared.outputs.pop_front()
    }

    /// The next deadline, and what it is for.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let torrents = self.wakeups.first().map(|&(at, timer, _)| (at, timer));
        let newcomers = self.newcomers.values().map(|newcomer| newcomer.since + HANDSHAKE_TIMEOUT);
        torrents.into_iter().chain(newcomers.min().map(|at| (at, Timer::Handshake))).min()
    }
}

/// Between the contract and the torrents.
impl Session {
    fn with<T>(
        &mut self,
        now: Instant,
        key: TorrentKey,
        act: impl FnOnce(&mut Torrent, &mut Cx<'_>) -> T,
    ) -> Option<T> {
        let torrent = self.torrents.get_mut(&key)?;
        let answer = act(torrent, &mut Cx { now, torrent: key, shared: &mut self.shared });
        self.settle(now, key);
        Some(answer)
    }

    fn with_all(&mut self, now: Instant, act: impl Fn(&mut Torrent, &mut Cx<'_>)) {
        let keys: Vec<TorrentKey> = self.torrents.keys().copied().listed();
        for key in keys {
            self.with(now, key, &act);
        }
    }

    fn with_owner(
        &mut self,
        now: Instant,
        peer: PeerKey,
        act: impl FnOnce(&mut Torrent, &mut Cx<'_>),
    ) {
        if let Some(torrent) = self.shared.owner(peer) {
            self.with(now, torrent, act);
        }
    }

    fn with_asker(
        &mut self,
        now: Instant,
        request: RequestKey,
        act: impl FnOnce(&mut Torrent, &mut Cx<'_>, u64),
    ) {
        if let Some((torrent, number)) = self.shared.take_request(request) {
            self.with(now, torrent, |torrent, cx| act(torrent, cx, number));
        }
    }

    /// After each call of a torrent: notes when it wants to be woken, or that it is gone.
    fn settle(&mut self, now: Instant, key: TorrentKey) {
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        let next = torrent.next_timeout();
        if torrent.is_gone() {
            torrent.drop_leases(&mut Cx { now, torrent: key, shared: &mut self.shared });
            self.torrents.remove(&key);
            self.shared.forget_requests(key);
            self.shared
                .outputs
                .push_back(Output::Event(Event { torrent: key, news: News::Removed }));
        }
        let next = next.filter(|_| self.torrents.contains_key(&key));
        if self.wakeup_of.get(&key).copied() == next {
            return;
        }
        if let Some((at, timer)) = self.wakeup_of.remove(&key) {
            self.wakeups.remove(&(at, timer, key));
        }
        if let Some((at, timer)) = next {
            self.wakeup_of.insert(key, (at, timer));
            self.wakeups.insert((at, timer, key));
        }
    }

    /// Memory that one torrent gave back may be what another waits for.
    fn feed_the_starved(&mut self, now: Instant) {
        if self.shared.take_freed() && self.torrents.len() > 1 {
            self.with_all(now, |torrent, cx| torrent.feed_if_starved(cx));
        }
    }

    /// A dial has ended: another torrent may wait for its turn.
    fn dial_more(&mut self, now: Instant) {
        if self.torrents.len() > 1 {
            self.with_all(now, |torrent, cx| torrent.dial(cx));
        }
    }

    fn datagram(&mut self, now: Instant, from: SocketAddr, bytes: &Bytes) {
        let keys: Vec<TorrentKey> = self.torrents.keys().copied().listed();
        for key in keys {
            if self.with(now, key, |torrent, cx| torrent.datagram(cx, from, bytes)) == Some(true) {
                return;
            }
        }
    }

    /// An accepted connection says which torrent it wants with the first 48 bytes.
    fn newcomer_said(&mut self, now: Instant, key: PeerKey, bytes: &Bytes) {
        let Some(newcomer) = self.newcomers.get_mut(&key) else { return };
        newcomer.said.extend_from_slice(bytes);
        let torrent = match Handshake::info_hash_of_prefix(&newcomer.said) {
            Ok(None) => return,
            Ok(Some(info_hash)) => self.by_hash.get(&info_hash).copied(),
            Err(error) => {
                return self.refuse(key, CloseReason::Protocol(ProtocolError::Handshake(error)));
            }
        };
        let Some(torrent) = torrent else {
            return self.refuse(key, CloseReason::UnknownTorrent);
        };
        let Some(Newcomer { addr, said, .. }) = self.newcomers.remove(&key) else { return };
        self.shared.assign_peer(key, torrent);
        self.with(now, torrent, |torrent, cx| torrent.accept(cx, key, addr, said.into()));
    }

    fn refuse(&mut self, key: PeerKey, reason: CloseReason) {
        self.newcomers.remove(&key);
        self.shared.outputs.push_back(Output::Close { peer: key, reason });
    }
}

/// How long a session needs at most to end when all its torrents are removed.
pub const MAX_FAREWELL: Duration = crate::torrent::FAREWELL;
