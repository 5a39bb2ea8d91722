//! The owner of the [`Session`]: moves inputs in and outputs out, and knows no protocol.

use std::sync::Arc;

use gannet_core::{
    AddTorrent, Session, SessionConfig,
    contract::{Input, Output},
    event::{Event, News},
    id::{PeerKey, TorrentKey},
    metainfo::Info,
    stats::{PieceState, TorrentStats},
    time::Instant,
};
use wasm_bindgen::JsValue;

use crate::{
    clock::Clock,
    convert,
    host::{Host, performance_now},
    pool::Pool,
    socket::Sockets,
    storage::Orders,
    table::Table,
};

/// The session and everything that serves it.
pub(crate) struct Driver {
    pub(crate) session: Session,
    pub(crate) sockets: Sockets,
    pub(crate) pool: Pool,
    pub(crate) orders: Orders,
    torrents: Table<u64, TorrentKey>,
    clock: Clock,
    host: Host,
}

impl Driver {
    pub(crate) fn new(host: Host, seed: u64, config: SessionConfig) -> Self {
        let mut clock = Clock::default();
        let now = clock.at(performance_now());
        Self {
            session: Session::new(config, seed, now),
            sockets: Sockets::default(),
            pool: Pool::default(),
            orders: Orders::default(),
            torrents: Table::default(),
            clock,
            host,
        }
    }

    /// Does something with the session, and then what the session wants done.
    pub(crate) fn act<T>(&mut self, act: impl FnOnce(&mut Self, Instant) -> T) -> T {
        let now = self.clock.at(performance_now());
        let answer = act(self, now);
        self.settle(now);
        answer
    }

    /// Does something with a torrent; `None` if it isn't there.
    pub(crate) fn with<T>(
        &mut self,
        torrent: f64,
        act: impl FnOnce(&mut Self, Instant, TorrentKey) -> T,
    ) -> Option<T> {
        let key = self.key(torrent)?;
        Some(self.act(|driver, now| act(driver, now, key)))
    }

    /// Tells the session what happened, unless nobody waits for it any more.
    pub(crate) fn take(&mut self, input: Option<Input>) {
        if let Some(input) = input {
            self.act(|driver, now| driver.session.handle_input(now, input));
        }
    }

    pub(crate) fn tick(&mut self) {
        let now = self.clock.at(performance_now());
        self.clock.fired();
        self.session.handle_timeout(now);
        self.settle(now);
    }

    pub(crate) fn add(&mut self, add: AddTorrent) -> Result<f64, JsValue> {
        let added = self.act(|driver, now| {
            let key = driver.session.add(now, add)?;
            driver.torrents.insert(key.as_u64(), key);
            Ok(key.as_u64() as f64)
        });
        added.map_err(|error| convert::add_error(&error))
    }

    pub(crate) fn read(&mut self, now: Instant, torrent: TorrentKey, piece: u32) -> bool {
        let index = self.session.info(torrent).and_then(|info| info.layout().piece(piece));
        if let Some(index) = index {
            self.session.read(now, torrent, index);
        }
        index.is_some()
    }

    pub(crate) fn stats(&self, torrent: f64) -> Option<TorrentStats> {
        // Looking doesn't move the clock.
        let now = self.clock.peek(performance_now());
        self.session.stats(now, self.key(torrent)?)
    }

    pub(crate) fn info(&self, torrent: f64) -> Option<&Arc<Info>> {
        self.session.info(self.key(torrent)?)
    }

    pub(crate) fn pieces(&self, torrent: f64) -> Option<impl Iterator<Item = PieceState> + '_> {
        self.session.pieces(self.key(torrent)?)
    }

    fn key(&self, torrent: f64) -> Option<TorrentKey> {
        self.torrents.get(torrent as u64).copied()
    }

    fn settle(&mut self, now: Instant) {
        while let Some(output) = self.session.poll_output() {
            self.carry_out(output);
        }
        let due = self.session.poll_timeout().map(|(at, _)| at);
        if let Some(delay) = self.clock.arm(due, now) {
            self.host.arm(delay);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Connect { peer, addr } => self.connect(peer, addr),
            Output::Send { peer, bytes } => {
                self.host.send(peer.as_u64() as f64, bytes.as_ref().into());
            }
            Output::Close { peer, .. } => self.sockets.close(&self.host, peer),
            Output::Storage(command) => self.orders.carry_out(&self.host, &self.session, command),
            Output::Fetch { torrent, source, piece, length } => {
                self.pool.fetch(&self.host, torrent, source, piece, length);
            }
            Output::CancelFetch { source, piece, .. } => {
                self.pool.cancel(&self.host, source, piece);
            }
            Output::Event(event) => self.tell(event),
            // Trackers are the relay's: the core is never told of one.
            Output::Http { .. } | Output::Resolve { .. } | Output::Datagram { .. } => {}
        }
    }

    fn connect(&mut self, peer: PeerKey, addr: std::net::SocketAddr) {
        if let Some(torrent) = self.session.torrent_of(peer) {
            self.sockets.dial(&self.host, peer, torrent, addr);
        }
    }

    fn tell(&mut self, event: Event) {
        let torrent = event.torrent.as_u64();
        if matches!(event.news, News::Removed) {
            self.torrents.remove(torrent);
        }
        if let Some((kind, detail)) = convert::news(&event.news) {
            self.host.news(torrent as f64, kind, &detail);
        }
    }
}
