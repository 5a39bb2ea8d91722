//! Lines and connections: latency, rates, queues, fragments, stalls, breaks, partitions.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use gannet_core::{Input, reason::Disconnect, time::Instant};

use super::{Party, Who, World, queue::Delivery};

/// Number of a connection in a world.
pub type ConnId = usize;
/// 0 is who dialled, 1 who was dialled.
pub type Side = usize;

/// What is sent in one go before others have their turn.
const TURN_BYTES: usize = 32 * 1024;
/// What is this small slips in between; its bytes are paid for by what goes next.
const SMALL_BYTES: usize = 128;
/// Small messages are acknowledged together.
const ACK_BYTES: u64 = 1024;
/// A dial that nobody answers.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How bytes are cut on their way to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cut {
    #[default]
    Never,
    Every(usize),
    /// At random places, up to so many bytes apart.
    Random(usize),
}

/// One party's access to the network.
#[derive(Debug)]
pub struct Line {
    pub upload_rate: u64,
    pub download_rate: u64,
    /// Half of the way to anybody: both ends' are added.
    pub latency: Duration,
    /// What may wait in front of the download line, in time; senders are held up beyond.
    pub queue: Duration,
    pub cut: Cut,
    /// Nothing that it says arrives.
    pub mute: bool,
    /// Nobody can dial it.
    pub unreachable: bool,
    /// Sends nothing before then.
    pub stalled_until: Instant,
    ready: VecDeque<(ConnId, Side)>,
    sending: Option<(ConnId, Side, Bytes)>,
    debt_bytes: u64,
    down_free_at: Instant,
    /// All it has sent, small messages apart.
    pub sent_bytes: u64,
}

impl Line {
    pub fn new(upload_rate: u64, latency: Duration) -> Self {
        Self {
            upload_rate,
            download_rate: u64::MAX,
            latency,
            queue: Duration::from_millis(250),
            cut: Cut::Never,
            mute: false,
            unreachable: false,
            stalled_until: Instant::EPOCH,
            ready: VecDeque::new(),
            sending: None,
            debt_bytes: 0,
            down_free_at: Instant::EPOCH,
            sent_bytes: 0,
        }
    }
}

fn time_for(bytes: u64, rate: u64) -> Duration {
    match rate {
        u64::MAX => Duration::ZERO,
        rate => Duration::from_micros(bytes * 1_000_000 / rate.max(1)),
    }
}

/// One end of a connection: what it has to send.
#[derive(Debug)]
pub struct End {
    pub party: Party,
    queue: VecDeque<Bytes>,
    /// It has the line, or waits for it.
    queued: bool,
    unacknowledged: u64,
    last_arrival: Instant,
    /// It closes once all is sent.
    closing: bool,
    /// It wants to hear no more.
    pub closed: bool,
}

impl End {
    fn new(party: Party) -> Self {
        Self {
            party,
            queue: VecDeque::new(),
            queued: false,
            unacknowledged: 0,
            last_arrival: Instant::EPOCH,
            closing: false,
            closed: false,
        }
    }
}

impl End {
    /// What it sends in one go: a block and its header, or small messages together.
    fn take_turn(&mut self) -> Option<Bytes> {
        let mut bytes = self.queue.pop_front()?;
        if bytes.len() > TURN_BYTES {
            let rest = bytes.split_off(TURN_BYTES);
            self.queue.push_front(rest);
        }
        if bytes.len() > SMALL_BYTES || self.queue.is_empty() {
            return Some(bytes);
        }
        let mut all = BytesMut::from(bytes);
        while all.len() <= SMALL_BYTES
            && let Some(next) = self.queue.front()
            && next.len() + all.len() <= TURN_BYTES
        {
            all.extend_from_slice(next);
            self.queue.pop_front();
        }
        Some(all.freeze())
    }
}

/// A connection.
#[derive(Debug)]
pub struct Conn {
    pub ends: [End; 2],
}

impl World {
    pub fn line(&mut self, who: Who) -> &mut Line {
        match who {
            Who::Host(id) => &mut self.hosts[id].line,
            Who::Stranger(id) => &mut self.strangers[id].line,
        }
    }

    fn way(&mut self, a: Who, b: Who) -> Duration {
        self.line(a).latency + self.line(b).latency
    }

    pub(super) fn dial(&mut self, from: Party, to: SocketAddr) {
        let listener = self.addresses.get(&to).copied();
        let way = match listener {
            Some(listener) => self.way(from.who(), listener),
            None => self.line(from.who()).latency * 2,
        };
        self.plan(way, Delivery::Dial { from, to });
    }

    pub(super) fn answer_dial(&mut self, from: Party, to: SocketAddr) {
        if !self.still_dials(from) {
            return;
        }
        if !self.reaches_out(from) {
            let way = self.line(from.who()).latency;
            let reason = Disconnect::Unreachable;
            return self.plan(way, Delivery::DialFailed { from, reason });
        }
        let Some(listener) = self.addresses.get(&to).copied() else {
            let way = self.line(from.who()).latency * 2;
            return self.plan(way, Delivery::DialFailed { from, reason: Disconnect::Refused });
        };
        if self.line(listener).unreachable || self.is_parted(from.who(), listener) {
            let reason = Disconnect::TimedOut;
            return self.plan(DIAL_TIMEOUT, Delivery::DialFailed { from, reason });
        }
        let way = self.way(from.who(), listener);
        let port = 40_000 + (self.conns.len() % 20_000) as u16;
        let ephemeral = SocketAddr::new(self.addr(from.who()).ip(), port);
        match self.accept(listener, ephemeral) {
            Some(accepted) => {
                let conn = self.conns.len();
                self.conns.push(Some(Conn { ends: [End::new(from), End::new(accepted)] }));
                self.plan(way, Delivery::Connected { conn });
                self.link(accepted, conn, 1);
            }
            None => self.plan(way, Delivery::DialFailed { from, reason: Disconnect::Refused }),
        }
    }

    /// The far side of a connection, if it still stands.
    pub(super) fn end(&mut self, conn: ConnId, side: Side) -> Option<&mut End> {
        Some(&mut self.conns.get_mut(conn)?.as_mut()?.ends[side])
    }

    /// Puts bytes on their way.
    pub(super) fn send(&mut self, conn: ConnId, from: Side, bytes: Bytes) {
        let Some(end) = self.end(conn, from).filter(|end| !end.closing) else { return };
        let who = end.party.who();
        if bytes.len() <= SMALL_BYTES && end.queue.is_empty() && !end.queued {
            let now = self.now;
            let line = self.line(who);
            if line.stalled_until <= now {
                line.debt_bytes += bytes.len() as u64;
                return self.slip(conn, from, bytes);
            }
        }
        let Some(end) = self.end(conn, from) else { return };
        end.queue.push_back(bytes);
        self.make_ready(conn, from);
    }

    /// A small message goes between the others.
    fn slip(&mut self, conn: ConnId, from: Side, bytes: Bytes) {
        let length = bytes.len() as u64;
        self.arrive(conn, from, bytes);
        let Some(end) = self.end(conn, from) else { return };
        end.unacknowledged += length;
        if end.unacknowledged >= ACK_BYTES {
            let bytes = std::mem::take(&mut end.unacknowledged);
            if let Party::Host(host, peer) = end.party {
                let life = self.hosts[host].life;
                let input = Input::Sent { peer, bytes };
                self.plan(Duration::ZERO, Delivery::Answer { host, life, input });
            }
        }
    }

    fn make_ready(&mut self, conn: ConnId, from: Side) {
        let Some(end) = self.end(conn, from) else { return };
        if std::mem::replace(&mut end.queued, true) {
            return;
        }
        let who = end.party.who();
        self.line(who).ready.push_back((conn, from));
        self.send_next(who);
    }

    /// Gives the line to whoever is next.
    fn send_next(&mut self, who: Who) {
        while self.line(who).sending.is_none() {
            let Some((conn, from)) = self.line(who).ready.pop_front() else { return };
            if let Some(wait) = self.held_up(conn, from) {
                self.plan(wait, Delivery::Unblocked { conn, from });
                continue;
            }
            let Some(end) = self.end(conn, from) else { continue };
            let Some(bytes) = end.take_turn() else {
                end.queued = false;
                continue;
            };
            let now = self.now;
            let line = self.line(who);
            let debt = std::mem::take(&mut line.debt_bytes);
            let time = time_for(bytes.len() as u64 + debt, line.upload_rate);
            let start = line.stalled_until.max(now);
            line.sending = Some((conn, from, bytes));
            self.queue.push(start + time, Delivery::LineFree(who));
        }
    }

    /// How long a connection must wait because the receiver's queue is full.
    fn held_up(&mut self, conn: ConnId, from: Side) -> Option<Duration> {
        let to = self.end(conn, 1 - from)?.party.who();
        let now = self.now;
        let line = self.line(to);
        let full_until = line.down_free_at.since(now).checked_sub(line.queue)?;
        (!full_until.is_zero()).then_some(full_until)
    }

    pub(super) fn unblock(&mut self, conn: ConnId, from: Side) {
        let Some(end) = self.end(conn, from) else { return };
        end.queued = false;
        if !end.queue.is_empty() {
            self.make_ready(conn, from);
        }
    }

    pub(super) fn line_free(&mut self, who: Who) {
        let stalled_until = self.line(who).stalled_until;
        if stalled_until > self.now {
            return self.queue.push(stalled_until, Delivery::LineFree(who));
        }
        let Some((conn, from, bytes)) = self.line(who).sending.take() else { return };
        let length = bytes.len() as u64;
        self.line(who).sent_bytes += length;
        self.arrive(conn, from, bytes);
        let Some(end) = self.end(conn, from) else { return self.send_next(who) };
        end.queued = false;
        let sent = length + std::mem::take(&mut end.unacknowledged);
        let (party, more, closing) = (end.party, !end.queue.is_empty(), end.closing);
        if more {
            self.make_ready(conn, from);
        } else if closing {
            self.hang_up(conn, from, Disconnect::Remote);
        }
        if let (Party::Host(host, peer), false) = (party, closing) {
            self.input(host, Input::Sent { peer, bytes: sent });
        }
        self.send_next(who);
    }

    /// Bytes that have left one side reach the other, after the way and the download line.
    fn arrive(&mut self, conn: ConnId, from: Side, bytes: Bytes) {
        let Some(known) = self.conns[conn].as_ref() else { return };
        let (sender, receiver) = (known.ends[from].party.who(), known.ends[1 - from].party.who());
        if self.line(sender).mute {
            return;
        }
        let way = self.way(sender, receiver);
        let mut at = self.now + way;
        let line = self.line(receiver);
        if line.download_rate != u64::MAX {
            at = at.max(line.down_free_at) + time_for(bytes.len() as u64, line.download_rate);
            line.down_free_at = at;
        }
        let Some(end) = self.end(conn, from) else { return };
        at = at.max(end.last_arrival);
        end.last_arrival = at;
        self.queue.push(at, Delivery::Bytes { conn, to: 1 - from, bytes });
    }

    /// One side closes, once what it has to send is sent.
    pub(super) fn close(&mut self, conn: ConnId, from: Side) {
        let Some(end) = self.end(conn, from) else { return };
        (end.closing, end.closed) = (true, true);
        if end.queue.is_empty() && !self.is_sending(conn, from) {
            self.hang_up(conn, from, Disconnect::Remote);
        }
    }

    /// One side is gone without a word: what it had to say is lost, and it hears nothing.
    pub(super) fn forsake(&mut self, conn: ConnId, side: Side) {
        if let Some(end) = self.end(conn, side) {
            end.queue.clear();
            (end.closing, end.closed) = (true, true);
        }
    }

    fn is_sending(&mut self, conn: ConnId, from: Side) -> bool {
        let Some(who) = self.end(conn, from).map(|end| end.party.who()) else { return false };
        self.line(who).sending.as_ref().is_some_and(|&(c, s, _)| (c, s) == (conn, from))
    }

    fn hang_up(&mut self, conn: ConnId, from: Side, reason: Disconnect) {
        let Some(known) = self.conns[conn].as_ref() else { return };
        let (a, b) = (known.ends[from].party.who(), known.ends[1 - from].party.who());
        let last = known.ends[from].last_arrival;
        if self.line(a).mute {
            return;
        }
        let at = (self.now + self.way(a, b)).max(last);
        self.queue.push(at, Delivery::Hangup { conn, to: 1 - from, reason });
    }

    /// A connection breaks: both sides see it now.
    pub(super) fn break_conn(&mut self, conn: ConnId) {
        for to in [0, 1] {
            self.queue.push(self.now, Delivery::Hangup { conn, to, reason: Disconnect::Reset });
        }
    }

    /// Whether a partition lies between the two.
    pub(super) fn is_parted(&self, a: Who, b: Who) -> bool {
        let parted = self.parted.as_ref();
        parted.is_some_and(|island| island.contains(&a) != island.contains(&b))
    }

    /// Whether what is to arrive is held up by a partition.
    pub(super) fn is_held(&self, what: &Delivery) -> bool {
        let (Delivery::Bytes { conn, .. }
        | Delivery::Hangup { conn, .. }
        | Delivery::Connected { conn }) = what
        else {
            return false;
        };
        let ends = self.conns[*conn]
            .as_ref()
            .map(|conn| (conn.ends[0].party.who(), conn.ends[1].party.who()));
        ends.is_some_and(|(a, b)| self.is_parted(a, b))
    }
}
