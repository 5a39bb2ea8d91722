//! Brings pages, trackers and peers together: all swarms of a relay.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

use bytes::BytesMut;
use gannet_core::id::InfoHash;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{Duration, sleep, timeout},
};

use super::{
    Shared,
    announce::{self, Heard},
    limits::{INCOMING_LIMIT, MAX_INCOMING_WAITING, PEER_LIMIT, TICKET_LIFETIME},
    mailbox::Mailbox,
    pin::{self, PINNED_BYTES, Verdict},
    protocol::{Join, Named, Reply},
    remote::Remote,
    resident::RESIDENT,
    swarm::{PageNumber, Port, Swarm, Tracker, page_addr},
    ticket::{Local, Target, Ticket},
};

/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The swarms, and what names things in them.
#[derive(Debug, Default)]
pub(super) struct Hub {
    swarms: Mutex<BTreeMap<InfoHash, Swarm>>,
    next: AtomicU64,
}

/// There are as many swarms as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the relay serves as many torrents as it can")]
pub(super) struct Full;

impl Hub {
    /// A number that nothing else in this process has.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<InfoHash, Swarm>> {
        // A swarm is whole between any two statements that could panic.
        self.swarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of connections that no page took.
    pub(super) fn tidy(&self) {
        self.lock().values_mut().for_each(|swarm| swarm.tidy(INCOMING_LIMIT));
    }

    /// All pages leave: trackers are told.
    pub(super) fn clear(&self) {
        // A tracker whose swarm is gone takes that for leave.
        self.lock().clear();
    }
}

impl Shared {
    /// Takes a page into a swarm, or what it says anew, and tells it of the peers that are known.
    pub(super) fn join(
        self: &Arc<Self>,
        page: PageNumber,
        join: &Join,
        mailbox: Mailbox,
    ) -> Result<(), Full> {
        let mut swarms = self.hub.lock();
        let count = swarms.len();
        let is_new = !swarms.contains_key(&join.info_hash);
        if is_new && count >= self.limits.max_swarms {
            return Err(Full);
        }
        let swarm = swarms.entry(join.info_hash).or_insert_with(|| Swarm::new(join.info_hash));
        let comes = !swarm.has(page);
        swarm.join(page, join, mailbox);
        self.review(join.info_hash, swarm);
        if comes {
            let others =
                swarm.others(page).into_iter().map(|other| self.page(join.info_hash, other));
            let resident = self.resident_of(&join.info_hash);
            let known = swarm.known();
            let known = known.iter().map(|addr| self.peer(join.info_hash, *addr, false));
            let peers: Vec<Named> = resident.into_iter().chain(others).chain(known).collect();
            if !peers.is_empty() {
                swarm.say(Some(page), &Reply::Peers { peers });
            }
        }
        if join.reachable {
            swarm
                .say(Some(page), &Reply::Reachable { addr: swarm.port.as_ref().map(|it| it.addr) });
        }
        self.metrics.swarms.set(swarms.len() as i64);
        Ok(())
    }

    /// A page has gone.
    pub(super) fn leave(self: &Arc<Self>, info_hash: InfoHash, page: PageNumber) {
        let mut swarms = self.hub.lock();
        let Some(swarm) = swarms.get_mut(&info_hash) else { return };
        swarm.leave(page);
        self.review(info_hash, swarm);
        if swarm.is_empty() {
            swarms.remove(&info_hash);
        }
        self.metrics.swarms.set(swarms.len() as i64);
    }

    /// A page has more than before.
    pub(super) fn update(&self, info_hash: InfoHash, page: PageNumber, left: Option<u64>) {
        if let Some(swarm) = self.hub.lock().get_mut(&info_hash) {
            swarm.update(page, left);
        }
    }

    /// A page would like more peers.
    pub(super) fn hurry(&self, info_hash: InfoHash) {
        if let Some(swarm) = self.hub.lock().get_mut(&info_hash) {
            swarm.hurry();
        }
    }

    /// Begins and ends what the pages of a swarm want or want no more.
    fn review(self: &Arc<Self>, info_hash: InfoHash, swarm: &mut Swarm) {
        match (swarm.wants_port(), &swarm.port) {
            (true, None) => {
                swarm.port = self.listen(info_hash);
                swarm.tell_trackers();
            }
            (false, Some(_)) => {
                swarm.port = None;
                swarm.tell_trackers();
            }
            _ => {}
        }
        for url in swarm.review_trackers() {
            let (wishes, wish) = watch::channel(swarm.wish());
            let shared = Arc::downgrade(self);
            let listener = Arc::new(move |url: &str, heard| {
                if let Some(shared) = shared.upgrade() {
                    shared.hear(info_hash, url, heard);
                }
            });
            self.tasks.spawn(announce::run(url.clone(), self.outbound.clone(), wish, listener));
            swarm.add_tracker(url, Tracker { wishes });
        }
    }

    /// A tracker has said something: all pages of the swarm are told.
    fn hear(&self, info_hash: InfoHash, url: &str, heard: Heard) {
        let mut swarms = self.hub.lock();
        let Some(swarm) = swarms.get_mut(&info_hash) else { return };
        let url = url.to_owned();
        let reply = match heard {
            Heard::Peers(peers) => {
                let allowed: Vec<_> =
                    peers.into_iter().filter(|addr| self.rules.allow_peer(*addr)).collect();
                swarm.remember(&allowed);
                let peers = allowed.iter().map(|addr| self.peer(info_hash, *addr, false));
                Reply::Peers { peers: peers.collect() }
            }
            Heard::Answered { seeders, leechers } => {
                self.metrics.announced(true);
                Reply::Tracker { url, seeders, leechers, error: None }
            }
            Heard::Failed(error) => {
                self.metrics.announced(false);
                let error = Some(error.to_string());
                Reply::Tracker { url, seeders: None, leechers: None, error }
            }
        };
        swarm.say(None, &reply);
    }

    /// An address with a ticket for it.
    pub(super) fn peer(&self, info_hash: InfoHash, addr: SocketAddr, is_named: bool) -> Named {
        let target = Target::Address { addr, is_named };
        Named { addr, ticket: self.ticket(info_hash, target) }
    }

    fn page(&self, info_hash: InfoHash, page: PageNumber) -> Named {
        let target = Target::Page(Local { process: self.process, number: page });
        Named { addr: page_addr(page), ticket: self.ticket(info_hash, target) }
    }

    /// The client of this process, if it takes part in the swarm.
    fn resident_of(&self, info_hash: &InfoHash) -> Option<Named> {
        let resident = self.resident.as_ref().filter(|resident| resident.has(info_hash));
        resident.map(|_| self.page(*info_hash, RESIDENT))
    }

    /// Tells the pages of a swarm that the client of this process takes part in it.
    pub(crate) fn tell_of_resident(&self, info_hash: InfoHash) {
        let Some(resident) = self.resident_of(&info_hash) else { return };
        if let Some(swarm) = self.hub.lock().get(&info_hash) {
            swarm.say(None, &Reply::Peers { peers: vec![resident] });
        }
    }

    fn ticket(&self, info_hash: InfoHash, target: Target) -> String {
        self.key.issue(&Ticket { info_hash, target }, SystemTime::now(), TICKET_LIFETIME)
    }

    /// Connects to another page: that one is told, and takes the other end.
    pub(super) fn call(&self, info_hash: InfoHash, page: PageNumber) -> Option<Remote> {
        let from = page_addr(self.hub.number());
        if page == RESIDENT {
            let resident = self.resident.as_ref().filter(|resident| resident.has(&info_hash))?;
            let (ours, theirs) = Remote::to_resident();
            self.tasks.spawn(resident.clone().receive(theirs, from));
            return Some(ours);
        }
        let (ours, theirs) = Remote::pair();
        self.offer(info_hash, Some(page), from, theirs).then_some(ours)
    }

    /// Hands a connection to a page, or to any that wants to be reachable; whether there was one.
    fn offer(
        &self,
        info_hash: InfoHash,
        page: Option<PageNumber>,
        addr: SocketAddr,
        remote: Remote,
    ) -> bool {
        let number = self.hub.number();
        let mut swarms = self.hub.lock();
        let Some(swarm) = swarms.get_mut(&info_hash) else { return false };
        let Some(page) = page.or_else(|| swarm.pick(number)) else { return false };
        if !swarm.has(page) || !swarm.keep(number, remote) {
            return false;
        }
        let target = Target::Accepted(Local { process: self.process, number });
        let ticket = self.ticket(info_hash, target);
        swarm.say(Some(page), &Reply::Incoming { addr, ticket, url: self.url.clone() });
        true
    }

    /// The connection that a page was told of.
    pub(super) fn take(&self, info_hash: InfoHash, number: u64) -> Option<Remote> {
        self.hub.lock().get_mut(&info_hash)?.take(number)
    }

    /// Listens at the first free port for a swarm's pages.
    fn listen(self: &Arc<Self>, info_hash: InfoHash) -> Option<Port> {
        let (ip, ports) = self.reachable.clone()?;
        let bind = |port| std::net::TcpListener::bind((ip, port)).ok();
        let listener = ports.into_iter().find_map(bind)?;
        listener.set_nonblocking(true).ok()?;
        let listener = TcpListener::from_std(listener).ok()?;
        let port = listener.local_addr().ok()?.port();
        let addr = SocketAddr::new(self.public_addr.unwrap_or(ip), port);
        let shared = Arc::clone(self);
        let listener = self.tasks.spawn(async move { accept(&shared, info_hash, listener).await });
        Some(Port { addr, listener: listener.abort_handle() })
    }
}

/// Takes connections in for a swarm. No more are looked at than could wait.
async fn accept(shared: &Arc<Shared>, info_hash: InfoHash, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MAX_INCOMING_WAITING));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, addr)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let shared = Arc::clone(shared);
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            if let Ok(Some(remote)) = timeout(PEER_LIMIT, greet(stream, &info_hash)).await {
                shared.offer(info_hash, None, addr, remote);
            }
            drop(place);
        });
    }
}

/// Reads a stranger's handshake; `None` if it isn't one for this torrent.
async fn greet(mut stream: TcpStream, info_hash: &InfoHash) -> Option<Remote> {
    stream.set_nodelay(true).ok()?;
    let mut first = BytesMut::with_capacity(2 * PINNED_BYTES);
    loop {
        if stream.read_buf(&mut first).await.ok()? == 0 {
            return None;
        }
        match pin::judge(&first, info_hash) {
            Verdict::Incomplete => {}
            Verdict::Right => return Some(Remote::tcp(stream, first.freeze())),
            Verdict::Wrong => return None,
        }
    }
}
