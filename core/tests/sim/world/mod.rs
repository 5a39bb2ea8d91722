//! A whole swarm in one thread under virtual time: sessions, lines, disks, clocks, trackers, strangers.
//!
//! All randomness comes from one seed, so the same calls give the same run, event for event.

mod disk;
mod host;
mod net;
mod orders;
pub mod payload;
mod queue;
mod relay;
mod strangers;
mod trace;
mod tracker;
mod udp;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
use gannet_core::{Disconnect, Input, id::PeerKey, time::Instant};

pub use self::{
    disk::DiskFault,
    host::Host,
    net::{ConnId, Cut, Line, Side},
    tracker::{Tracker, TrackerFault, url as tracker_url},
    udp::udp_url,
};
use self::{
    net::Conn,
    queue::{Delivery, Queue},
    relay::Relay,
    trace::Trace,
};
use crate::{draw, stranger::Stranger};

/// Host number in a world.
pub type HostId = usize;

/// A party of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Host(HostId),
    Stranger(usize),
}

/// One end of a connection, under the name its owner has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    Host(HostId, PeerKey),
    Stranger(usize, u64),
}

impl Party {
    pub fn who(self) -> Who {
        match self {
            Self::Host(id, _) => Who::Host(id),
            Self::Stranger(id, _) => Who::Stranger(id),
        }
    }
}

/// The swarm.
pub struct World {
    pub now: Instant,
    pub hosts: Vec<Host>,
    pub strangers: Vec<Stranger>,
    pub trackers: Vec<Tracker>,
    relays: Vec<Relay>,
    pub trace: Trace,
    /// From one host to another, one way.
    pub latency: Duration,
    /// Hosts keep their news; else only what is checked is.
    pub keeps_news: bool,
    pub rng: fastrand::Rng,
    queue: Queue,
    conns: Vec<Option<Conn>>,
    addresses: BTreeMap<SocketAddr, Who>,
    /// Who is cut off from everybody else.
    parted: Option<BTreeSet<Who>>,
    /// What would have crossed the partition.
    held: Vec<Delivery>,
}

impl World {
    pub fn new(latency: Duration) -> Self {
        Self::seeded(latency, 1)
    }

    pub fn seeded(latency: Duration, seed: u64) -> Self {
        Self {
            now: Instant::from_micros(1_000_000),
            hosts: Vec::new(),
            strangers: Vec::new(),
            trackers: Vec::new(),
            relays: Vec::new(),
            trace: Trace::default(),
            latency,
            keeps_news: true,
            rng: fastrand::Rng::with_seed(seed),
            queue: Queue::default(),
            conns: Vec::new(),
            addresses: BTreeMap::new(),
            parted: None,
            held: Vec::new(),
        }
    }

    /// Runs until the condition holds; `false` if `limit` of virtual time passes first.
    pub fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            match self.queue.next_at() {
                Some(at) if at <= end => self.step(),
                _ => {
                    self.now = end;
                    return false;
                }
            }
        }
        true
    }

    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// How much has happened: what a run costs.
    pub fn events(&self) -> u64 {
        self.queue.planned()
    }

    fn step(&mut self) {
        if let Some((at, what)) = self.queue.pop() {
            self.now = self.now.max(at);
            self.deliver(what);
        }
    }

    fn plan(&mut self, after: Duration, what: Delivery) {
        self.queue.push(self.now + after, what);
    }

    fn next_addr(&self) -> SocketAddr {
        let n = self.hosts.len() + self.strangers.len();
        SocketAddr::from(([10, (n >> 16) as u8, (n >> 8) as u8, n as u8], 6881))
    }

    fn addr(&self, who: Who) -> SocketAddr {
        match who {
            Who::Host(id) => self.hosts[id].addr,
            Who::Stranger(id) => self.strangers[id].addr,
        }
    }

    fn deliver(&mut self, what: Delivery) {
        if self.parted.is_some() && self.is_held(&what) {
            return self.held.push(what);
        }
        if let Some(held) = self.sleeper(&what) {
            return held.push(what);
        }
        match what {
            Delivery::Answer { host, life, input } if self.hosts[host].life == life => {
                self.input(host, input);
            }
            Delivery::Answer { .. } => {}
            Delivery::Dial { from, to } => self.answer_dial(from, to),
            Delivery::DialFailed { from, reason } => self.dial_failed(from, reason),
            Delivery::Connected { conn } => self.connected(conn),
            Delivery::Bytes { conn, to, bytes } => self.bytes(conn, to, bytes),
            Delivery::Hangup { conn, to, reason } => self.hung_up(conn, to, reason),
            Delivery::LineFree(who) => self.line_free(who),
            Delivery::Unblocked { conn, from } => self.unblock(conn, from),
            Delivery::Wake(host) => self.wake(host),
            Delivery::Prod { stranger, talk } => self.prod(stranger, talk),
            Delivery::Resume(host) => self.go_on(host),
            Delivery::Heal => self.heal(),
        }
    }

    /// Where that waits which is for a suspended host.
    fn sleeper(&mut self, what: &Delivery) -> Option<&mut Vec<Delivery>> {
        let host = match what {
            Delivery::Answer { host, .. } | Delivery::Wake(host) => *host,
            Delivery::Bytes { conn, to, .. } | Delivery::Hangup { conn, to, .. } => {
                let Who::Host(host) = self.conns[*conn].as_ref()?.ends[*to].party.who() else {
                    return None;
                };
                host
            }
            _ => return None,
        };
        self.hosts[host].held.as_mut()
    }

    fn connected(&mut self, conn: ConnId) {
        let Some(party) = self.end(conn, 0).map(|end| end.party) else { return };
        if !self.still_dials(party) {
            return self.close(conn, 0);
        }
        if !self.reaches_out(party) {
            self.close(conn, 0);
            return self.dial_failed(party, Disconnect::Reset);
        }
        self.link(party, conn, 0);
        match party {
            Party::Host(host, peer) => {
                self.hosts[host].dials.remove(&peer);
                self.input(host, Input::Connected { peer });
            }
            Party::Stranger(id, talk) => self.stranger_connected(id, talk),
        }
    }

    fn link(&mut self, party: Party, conn: ConnId, side: Side) {
        match party {
            Party::Host(id, peer) => self.hosts[id].links.insert(peer, (conn, side)),
            Party::Stranger(id, talk) => self.strangers[id].links.insert(talk, (conn, side)),
        };
    }

    fn still_dials(&self, party: Party) -> bool {
        match party {
            Party::Host(id, peer) => self.hosts[id].dials.contains(&peer),
            Party::Stranger(..) => true,
        }
    }

    fn dial_failed(&mut self, from: Party, reason: Disconnect) {
        if let Party::Host(host, peer) = from
            && self.hosts[host].dials.remove(&peer)
        {
            self.input(host, Input::Closed { peer, reason });
        }
    }

    fn accept(&mut self, who: Who, from: SocketAddr) -> Option<Party> {
        match who {
            Who::Host(id) if self.hosts[id].down || self.hosts[id].held.is_some() => None,
            Who::Host(id) => {
                let now = self.clock(id);
                let key = self.hosts[id].session.accept(now, from);
                self.drain(id);
                key.map(|key| Party::Host(id, key))
            }
            Who::Stranger(id) => Some(Party::Stranger(id, self.strangers[id].meet())),
        }
    }

    fn bytes(&mut self, conn: ConnId, to: Side, mut bytes: Bytes) {
        let Some(end) = self.end(conn, to).filter(|end| !end.closed) else { return };
        let (host, peer) = match end.party {
            Party::Host(host, peer) => (host, peer),
            Party::Stranger(id, talk) => return self.stranger_heard(id, talk, bytes),
        };
        while !bytes.is_empty() && self.hosts[host].links.contains_key(&peer) {
            let most = match self.hosts[host].line.cut {
                Cut::Never => bytes.len(),
                Cut::Every(step) => step,
                Cut::Random(most) => draw(&mut self.rng, 1..=most),
            };
            let bytes = bytes.split_to(most.min(bytes.len()));
            self.input(host, Input::Received { peer, bytes });
        }
    }

    fn hung_up(&mut self, conn: ConnId, to: Side, reason: Disconnect) {
        let Some(end) = self.end(conn, to) else { return };
        let (party, known) = (end.party, end.closed);
        end.closed = true;
        if self.end(conn, 1 - to).is_some_and(|end| end.closed) {
            self.conns[conn] = None;
        } else {
            self.forsake(conn, to);
        }
        match party {
            _ if known => {}
            Party::Host(host, peer) => {
                let was_dialling = self.hosts[host].dials.remove(&peer);
                if self.hosts[host].links.remove(&peer).is_some() || was_dialling {
                    self.input(host, Input::Closed { peer, reason });
                }
            }
            Party::Stranger(id, talk) => self.strangers[id].lost(talk),
        }
    }
}
