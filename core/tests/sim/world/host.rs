//! A host: a session, its disk, its line, its clock, and what is held against it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use gannet_core::{
    AddTorrent, Content, Session, SessionConfig, TorrentOptions,
    event::News,
    id::{PeerKey, PieceIndex, TorrentKey},
    metainfo::Info,
    stats::TorrentStats,
    time::Instant,
};

use super::{
    HostId, Who, World,
    disk::Disk,
    net::{ConnId, Line, Side},
    payload::Payload,
    queue::Delivery,
    relay::Access,
    watch::Watch,
};

/// One host.
pub struct Host {
    pub session: Session,
    pub addr: SocketAddr,
    pub torrent: Option<TorrentKey>,
    pub disk: Disk,
    pub line: Line,
    /// It is behind relays.
    pub(super) access: Option<Access>,
    pub news: Vec<(Instant, News)>,
    /// Nothing runs there.
    pub down: bool,
    /// Counts its starts.
    pub life: u32,
    /// Its clock is ahead of the world's by so much.
    pub ahead: Duration,
    /// Answers reads without a disk, and takes every piece for right: for large swarms only.
    pub hollow: bool,
    pub watch: Watch,
    pub(super) config: SessionConfig,
    pub(super) info: Option<Arc<Info>>,
    pub(super) links: BTreeMap<PeerKey, (ConnId, Side)>,
    pub(super) dials: BTreeSet<PeerKey>,
    /// When it will be woken, if it will.
    pub(super) wake_at: Option<Instant>,
    /// It is suspended, and this is what it will find when it goes on.
    pub(super) held: Option<Vec<Delivery>>,
    /// What its sources answer with.
    pub source_data: Option<Arc<Payload>>,
}

impl Host {
    pub(super) fn new(
        config: SessionConfig,
        seed: u64,
        now: Instant,
        addr: SocketAddr,
        line: Line,
    ) -> Self {
        Self {
            session: Session::new(config.clone(), seed, now),
            addr,
            torrent: None,
            disk: Disk::new(seed),
            line,
            access: None,
            news: Vec::new(),
            down: false,
            life: 0,
            ahead: Duration::ZERO,
            hollow: false,
            watch: Watch::default(),
            config,
            info: None,
            links: BTreeMap::new(),
            dials: BTreeSet::new(),
            wake_at: None,
            held: None,
            source_data: None,
        }
    }

    pub fn torrent(&self) -> TorrentKey {
        self.torrent.expect("the host has a torrent")
    }

    /// When it had all it wanted, by the world's clock.
    pub fn finished_at(&self) -> Option<Instant> {
        self.watch.finished_at
    }

    pub fn content(&self) -> Vec<Vec<u8>> {
        self.disk.content()
    }

    pub fn has(&self, piece: PieceIndex) -> bool {
        self.torrent.and_then(|key| self.session.have(key)).is_some_and(|have| have.has(piece))
    }

    /// The pieces of its torrent.
    #[cfg(not(target_arch = "wasm32"))] // Only large swarms need it.
    pub fn pieces(&self) -> impl Iterator<Item = PieceIndex> + use<> {
        let info = self.info.as_ref().expect("the torrent was opened");
        info.layout().pieces()
    }

    pub fn has_all(&self) -> bool {
        self.torrent.and_then(|key| self.session.have(key)).is_some_and(|have| have.is_full())
    }

    pub fn stats(&self, now: Instant) -> TorrentStats {
        let now = now + self.ahead;
        self.session.stats(now, self.torrent()).expect("the torrent is there")
    }

    /// How often such news came.
    pub fn count(&self, which: impl Fn(&News) -> bool) -> usize {
        self.news.iter().filter(|(_, news)| which(news)).count()
    }

    /// Whom it has banned.
    pub fn banned(&self) -> Vec<String> {
        let news = self.news.iter();
        news.filter_map(|(_, news)| match news {
            News::Banned { name } => Some(name.clone()),
            _ => None,
        })
        .collect()
    }
}

/// Hosts and what they are told.
impl World {
    pub fn add_host(&mut self, config: SessionConfig, upload_rate: u64) -> HostId {
        let id = self.hosts.len();
        let addr = self.next_addr();
        let line = Line::new(upload_rate, self.latency / 2);
        let mut host = Host::new(config, self.rng.u64(..), self.now, addr, line);
        host.watch.keeps_news = self.keeps_news;
        self.hosts.push(host);
        self.addresses.insert(addr, Who::Host(id));
        id
    }

    /// Gives a host a torrent, its data and some peers.
    pub fn add_torrent(
        &mut self,
        host: HostId,
        content: Content,
        data: Option<Vec<Vec<u8>>>,
        peers: &[HostId],
        options: TorrentOptions,
    ) {
        let peers = peers.iter().map(|&peer| self.hosts[peer].addr).collect();
        let complete = data.is_some();
        self.hosts[host].disk.fill(data.unwrap_or_default());
        let options = TorrentOptions { complete, ..options };
        self.add(host, AddTorrent { content, trackers: Vec::new(), peers, options });
    }

    /// Gives a host a torrent.
    pub fn add(&mut self, host: HostId, add: AddTorrent) {
        let now = self.clock(host);
        let key = self.hosts[host].session.add(now, add).expect("a torrent that fits");
        self.hosts[host].torrent = Some(key);
        self.drain(host);
    }

    /// A seeder with all of a payload.
    pub fn seeder(&mut self, payload: &Arc<Payload>, upload_rate: u64) -> HostId {
        let seeder = self.add_host(SessionConfig::default(), upload_rate);
        let content = Content::Info(Arc::clone(&payload.info));
        let data = Some(payload.files.clone());
        self.add_torrent(seeder, content, data, &[], TorrentOptions::default());
        self.hosts[seeder].watch.truth = Some(Arc::clone(payload));
        seeder
    }

    /// A leecher of a payload that knows these peers.
    pub fn leecher(&mut self, payload: &Arc<Payload>, rate: u64, peers: &[HostId]) -> HostId {
        self.leecher_with(payload, rate, peers, SessionConfig::default())
    }

    pub fn leecher_with(
        &mut self,
        payload: &Arc<Payload>,
        rate: u64,
        peers: &[HostId],
        config: SessionConfig,
    ) -> HostId {
        let leecher = self.add_host(config, rate);
        self.hosts[leecher].watch.truth = Some(Arc::clone(payload));
        let content = Content::Info(Arc::clone(&payload.info));
        self.add_torrent(leecher, content, None, peers, TorrentOptions::default());
        leecher
    }

    /// The host's own time.
    pub fn clock(&self, host: HostId) -> Instant {
        self.now + self.hosts[host].ahead
    }

    /// Calls a command of a host's session and drains it.
    pub fn command<T>(&mut self, host: HostId, act: impl FnOnce(&mut Session, Instant) -> T) -> T {
        let now = self.clock(host);
        let answer = act(&mut self.hosts[host].session, now);
        self.drain(host);
        answer
    }

    /// Who could be dialled, apart from oneself.
    pub fn everybody_else(&self, host: HostId) -> Vec<SocketAddr> {
        let others = self.addresses.iter().filter(|(_, who)| **who != Who::Host(host));
        others.map(|(&addr, _)| addr).collect()
    }

    /// A host's process is killed; the system ends its connections.
    pub fn kill(&mut self, host: HostId) {
        for (_, (conn, side)) in std::mem::take(&mut self.hosts[host].links) {
            self.close(conn, side);
        }
        self.stop(host);
    }

    /// The power fails: nobody is told anything, and what was not synced may be lost.
    pub fn lose_power(&mut self, host: HostId) {
        for (_, (conn, side)) in std::mem::take(&mut self.hosts[host].links) {
            self.forsake(conn, side);
        }
        self.hosts[host].disk.lose_power();
        self.stop(host);
    }

    fn stop(&mut self, host: HostId) {
        let stopped = &mut self.hosts[host];
        (stopped.down, stopped.torrent, stopped.wake_at) = (true, None, None);
        stopped.dials.clear();
        stopped.held = None;
        stopped.life += 1;
    }

    /// A host that was stopped starts anew, on the disk as it is.
    pub fn restart(&mut self, host: HostId, seed: u64) {
        let now = self.clock(host);
        let stopped = &mut self.hosts[host];
        stopped.down = false;
        stopped.session = Session::new(stopped.config.clone(), seed, now);
        stopped.watch.restarted();
    }

    /// All connections of a host break; it stays where it is.
    pub fn cut(&mut self, host: HostId) {
        let conns: Vec<ConnId> = self.hosts[host].links.values().map(|&(conn, _)| conn).collect();
        conns.into_iter().for_each(|conn| self.break_conn(conn));
    }

    /// A host sleeps for a while: what comes waits, and its clock goes on or, if it `jumps`, stands
    /// still and then leaps.
    pub fn suspend(&mut self, host: HostId, time: Duration) {
        if self.hosts[host].held.is_none() && !self.hosts[host].down {
            self.hosts[host].held = Some(Vec::new());
            self.plan(time, Delivery::Resume(host));
        }
    }

    pub(super) fn go_on(&mut self, host: HostId) {
        let held = self.hosts[host].held.take().unwrap_or_default();
        held.into_iter().for_each(|what| self.deliver(what));
    }

    /// These are cut off from everybody else for a while; connections stand, and nothing arrives.
    pub fn part(&mut self, island: impl IntoIterator<Item = HostId>, time: Duration) {
        if self.parted.is_none() {
            self.parted = Some(island.into_iter().map(Who::Host).collect());
            self.plan(time, Delivery::Heal);
        }
    }

    pub(super) fn heal(&mut self) {
        self.parted = None;
        let held = std::mem::take(&mut self.held);
        held.into_iter().for_each(|what| self.deliver(what));
    }
}

impl Host {
    /// Connections that its network still has.
    pub fn open_connections(&self) -> usize {
        self.links.len()
    }
}
