//! A whole swarm in one thread under virtual time: sessions, links with a delay and a rate, disks.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use gannet_core::{
    AddTorrent, Content, Input, Output, Session, SessionConfig, TorrentOptions,
    event::{Event, News},
    id::{PeerKey, PieceIndex, TorrentKey},
    metainfo::Info,
    reason::Disconnect,
    storage::{Completion, Opened, Order, Outcome, PortableSha1, Storage, StorageError, perform},
    time::Instant,
};

/// Host number in a world.
pub type HostId = usize;

/// A source takes so long for a piece.
const SOURCE_TIME: Duration = Duration::from_millis(60);

/// How a host's disk behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskFault {
    #[default]
    None,
    /// Every write fails: no space.
    Full,
    /// Every byte read for others is wrong.
    CorruptReads,
    /// What is read for others never comes: the host has all and sends nothing.
    SilentReads,
}

/// The bytes of one torrent, file by file.
#[derive(Debug, Default)]
pub struct Disk {
    files: RefCell<Vec<Vec<u8>>>,
    pub fault: DiskFault,
}

impl Storage for Disk {
    type Sha1 = PortableSha1;

    fn read_at(&self, file: usize, offset: u64, into: &mut [u8]) -> Result<(), StorageError> {
        let files = self.files.borrow();
        let from = files[file].get(offset as usize..offset as usize + into.len());
        let missing = || StorageError::Missing { file: file.to_string() };
        into.copy_from_slice(from.ok_or_else(missing)?);
        if self.fault == DiskFault::CorruptReads {
            into.iter_mut().for_each(|byte| *byte = !*byte);
        }
        Ok(())
    }

    fn write_at(&self, file: usize, offset: u64, buffers: &[Bytes]) -> Result<(), StorageError> {
        if self.fault == DiskFault::Full {
            return Err(StorageError::Full { file: file.to_string() });
        }
        let bytes = buffers.concat();
        let file = &mut self.files.borrow_mut()[file];
        let end = offset as usize + bytes.len();
        if file.len() < end {
            file.resize(end, 0);
        }
        file[offset as usize..end].copy_from_slice(&bytes);
        Ok(())
    }
}

/// One host: a session, its disk, its line.
pub struct Host {
    pub session: Session,
    pub addr: SocketAddr,
    pub torrent: Option<TorrentKey>,
    pub disk: Disk,
    pub news: Vec<(Instant, News)>,
    /// Bytes per second that leave it, at most.
    pub upload_rate: u64,
    /// Nothing that it says arrives.
    pub mute: bool,
    /// Hands what arrives to the session so many bytes at a time.
    pub fragment_bytes: usize,
    /// What its sources answer with: the bytes of its single file.
    pub source_data: Vec<u8>,
    info: Option<Arc<Info>>,
    line_free_at: Instant,
    links: BTreeMap<PeerKey, (HostId, PeerKey)>,
}

impl Host {
    pub fn torrent(&self) -> TorrentKey {
        self.torrent.expect("the host has a torrent")
    }

    pub fn finished_at(&self) -> Option<Instant> {
        let finished = self.news.iter().find(|(_, news)| matches!(news, News::Finished));
        finished.map(|(at, _)| *at)
    }

    fn source_bytes(&self, piece: PieceIndex, length: u32) -> Bytes {
        let info = self.info.as_ref().expect("opened before anything is fetched");
        let begin = info.layout().piece_offset(piece) as usize;
        Bytes::copy_from_slice(&self.source_data[begin..begin + length as usize])
    }

    pub fn content(&self) -> Vec<Vec<u8>> {
        self.disk.files.borrow().clone()
    }

    pub fn stats(&self, now: Instant) -> gannet_core::stats::TorrentStats {
        self.session.stats(now, self.torrent()).expect("the torrent is there")
    }
}

enum Delivery {
    Input(HostId, Input),
    Dial { from: HostId, peer: PeerKey, to: SocketAddr },
    Bytes { to: HostId, peer: PeerKey, bytes: Bytes },
    Sent { host: HostId, peer: PeerKey, bytes: u64 },
    Hangup { to: HostId, peer: PeerKey },
    Wake(HostId),
}

/// The swarm.
pub struct World {
    pub now: Instant,
    pub hosts: Vec<Host>,
    pub latency: Duration,
    queue: BTreeMap<(Instant, u64), Delivery>,
    sequence: u64,
    down: BTreeSet<HostId>,
}

impl World {
    pub fn new(latency: Duration) -> Self {
        Self {
            now: Instant::from_micros(1_000_000),
            hosts: Vec::new(),
            latency,
            queue: BTreeMap::new(),
            sequence: 0,
            down: BTreeSet::new(),
        }
    }

    pub fn add_host(&mut self, config: SessionConfig, upload_rate: u64) -> HostId {
        let id = self.hosts.len();
        let addr = SocketAddr::from(([10, 0, (id >> 8) as u8, id as u8], 6881));
        self.hosts.push(Host {
            session: Session::new(config, id as u64 + 1, self.now),
            addr,
            torrent: None,
            disk: Disk::default(),
            news: Vec::new(),
            upload_rate,
            mute: false,
            fragment_bytes: usize::MAX,
            source_data: Vec::new(),
            info: None,
            line_free_at: self.now,
            links: BTreeMap::new(),
        });
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
        self.hosts[host].disk.files = RefCell::new(data.unwrap_or_default());
        let options = TorrentOptions { complete, ..options };
        let add = AddTorrent { content, trackers: Vec::new(), peers, options };
        let now = self.now;
        let key = self.hosts[host].session.add(now, add).expect("a torrent that fits");
        self.hosts[host].torrent = Some(key);
        self.drain(host);
    }

    /// A host and all its connections vanish without a word.
    pub fn kill(&mut self, host: HostId) {
        self.down.insert(host);
        let links = std::mem::take(&mut self.hosts[host].links);
        for (other, peer) in links.into_values() {
            let at = self.now + self.latency;
            self.push(at, Delivery::Hangup { to: other, peer });
        }
    }

    /// All connections of a host break; it stays where it is.
    pub fn cut(&mut self, host: HostId) {
        let links = std::mem::take(&mut self.hosts[host].links);
        for (peer, (other, theirs)) in links {
            self.push(self.now, Delivery::Hangup { to: other, peer: theirs });
            let closed = Input::Closed { peer, reason: Disconnect::Reset };
            self.push(self.now, Delivery::Input(host, closed));
        }
    }

    /// Calls a command of a host's session and drains it.
    pub fn command<T>(&mut self, host: HostId, act: impl FnOnce(&mut Session, Instant) -> T) -> T {
        let answer = act(&mut self.hosts[host].session, self.now);
        self.drain(host);
        answer
    }

    /// Runs until the condition holds; `false` if `limit` of virtual time passes first.
    pub fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            let Some((&(at, _), _)) = self.queue.first_key_value() else { return false };
            if at > end {
                self.now = end;
                return false;
            }
            let Some((_, delivery)) = self.queue.pop_first() else { return false };
            self.now = self.now.max(at);
            self.deliver(delivery);
        }
        true
    }

    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    fn push(&mut self, at: Instant, delivery: Delivery) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), delivery);
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Input(host, input) => self.input(host, input),
            Delivery::Dial { from, peer, to } => self.answer_dial(from, peer, to),
            Delivery::Bytes { to, peer, mut bytes } => {
                if self.hosts[to].links.contains_key(&peer) {
                    let step = self.hosts[to].fragment_bytes;
                    while !bytes.is_empty() {
                        let bytes = bytes.split_to(step.min(bytes.len()));
                        self.input(to, Input::Received { peer, bytes });
                    }
                }
            }
            Delivery::Sent { host, peer, bytes } => self.input(host, Input::Sent { peer, bytes }),
            Delivery::Hangup { to, peer } => {
                if self.hosts[to].links.remove(&peer).is_some() {
                    self.input(to, Input::Closed { peer, reason: Disconnect::Remote });
                }
            }
            Delivery::Wake(host) => {
                if self.down.contains(&host) {
                    return;
                }
                let now = self.now;
                self.hosts[host].session.handle_timeout(now);
                self.drain(host);
            }
        }
    }

    fn input(&mut self, host: HostId, input: Input) {
        if !self.down.contains(&host) {
            let now = self.now;
            self.hosts[host].session.handle_input(now, input);
            self.drain(host);
        }
    }

    fn answer_dial(&mut self, from: HostId, peer: PeerKey, to: SocketAddr) {
        let now = self.now;
        let listener = self.hosts.iter().position(|host| host.addr == to);
        let listener = listener.filter(|id| !self.down.contains(id));
        let dialler = self.hosts[from].addr;
        let accepted = listener.and_then(|id| {
            let ephemeral = SocketAddr::new(dialler.ip(), 40_000 + from as u16);
            Some((id, self.hosts[id].session.accept(now, ephemeral)?))
        });
        match accepted {
            Some((id, theirs)) => {
                self.hosts[from].links.insert(peer, (id, theirs));
                self.hosts[id].links.insert(theirs, (from, peer));
                self.push(now + self.latency, Delivery::Input(from, Input::Connected { peer }));
            }
            None => {
                let closed = Input::Closed { peer, reason: Disconnect::Refused };
                self.push(now + self.latency, Delivery::Input(from, closed));
            }
        }
    }

    fn drain(&mut self, host: HostId) {
        while let Some(output) = self.hosts[host].session.poll_output() {
            self.carry_out(host, output);
        }
        if let Some((at, _)) = self.hosts[host].session.poll_timeout() {
            let at = at.max(self.now + Duration::from_micros(1));
            self.push(at, Delivery::Wake(host));
        }
    }

    fn carry_out(&mut self, host: HostId, output: Output) {
        let soon = self.now + self.latency;
        match output {
            Output::Connect { peer, addr } => {
                self.push(soon, Delivery::Dial { from: host, peer, to: addr });
            }
            Output::Send { peer, bytes } => self.send(host, peer, bytes),
            Output::Close { peer, .. } => {
                if let Some((other, theirs)) = self.hosts[host].links.remove(&peer) {
                    let at = self.hosts[host].line_free_at.max(self.now) + self.latency;
                    self.push(at, Delivery::Hangup { to: other, peer: theirs });
                }
            }
            Output::Storage(command) => {
                let silent = self.hosts[host].disk.fault == DiskFault::SilentReads;
                if silent && matches!(command.order, Order::Read { .. }) {
                    return;
                }
                let outcome = self.store(host, command.order);
                let done = Completion { torrent: command.torrent, outcome };
                let at = self.now + Duration::from_micros(200);
                self.push(at, Delivery::Input(host, Input::Storage(done)));
            }
            Output::Event(Event { news, .. }) => {
                let now = self.now;
                self.hosts[host].news.push((now, news));
            }
            Output::Http { request, .. } => {
                let result = Ok(self.tracker_answer());
                self.push(soon, Delivery::Input(host, Input::Http { request, result }));
            }
            Output::Fetch { torrent, source, piece, length } => {
                let bytes = self.hosts[host].source_bytes(piece, length);
                let at = self.now + SOURCE_TIME;
                let fetched = Input::Fetched { torrent, source, piece, result: Ok(bytes) };
                self.push(at, Delivery::Input(host, fetched));
            }
            Output::Resolve { .. } | Output::Datagram { .. } | Output::CancelFetch { .. } => {}
        }
    }

    /// The one tracker names all hosts, the asker too, as trackers do (BEP 23).
    fn tracker_answer(&self) -> Bytes {
        let mut body = format!("d8:intervali1800e5:peers{}:", 6 * self.hosts.len()).into_bytes();
        for host in &self.hosts {
            let SocketAddr::V4(addr) = host.addr else { continue };
            body.extend(addr.ip().octets());
            body.extend(addr.port().to_be_bytes());
        }
        body.push(b'e');
        body.into()
    }

    /// A host's line sends one thing after the other.
    fn send(&mut self, host: HostId, peer: PeerKey, bytes: Bytes) {
        let Some(&(to, theirs)) = self.hosts[host].links.get(&peer) else { return };
        let line = &mut self.hosts[host];
        let micros = bytes.len() as u64 * 1_000_000 / line.upload_rate.max(1);
        line.line_free_at = line.line_free_at.max(self.now) + Duration::from_micros(micros);
        let (left, mute) = (line.line_free_at, line.mute);
        self.push(left, Delivery::Sent { host, peer, bytes: bytes.len() as u64 });
        if !mute {
            self.push(left + self.latency, Delivery::Bytes { to, peer: theirs, bytes });
        }
    }

    fn store(&mut self, host: HostId, order: Order) -> Outcome {
        let host = &mut self.hosts[host];
        match order {
            Order::Open { info, .. } => {
                let files = info.layout().files().len();
                host.disk.files.borrow_mut().resize(files, Vec::new());
                let present =
                    host.disk.files.borrow().iter().map(|file| !file.is_empty()).collect();
                host.info = Some(info);
                Outcome::Opened(Ok(Opened { trusted: None, present }))
            }
            Order::Select { .. } => Outcome::Selected(Ok(())),
            Order::Checkpoint { .. } => Outcome::Checkpointed(Ok(())),
            Order::Close => Outcome::Closed,
            order => {
                let info = host.info.as_ref().expect("opened before anything else");
                perform(&host.disk, info, order).expect("an order about pieces")
            }
        }
    }
}
