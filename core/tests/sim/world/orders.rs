//! What sessions want done: the one place where their outputs are carried out.

use std::time::Duration;

use bytes::Bytes;
use gannet_core::{
    Input, Output,
    announce::ResolveError,
    event::Event,
    storage::{Command, Completion, Order, Outcome, StorageError, Verdict, perform},
};

use super::{HostId, Party, World, disk::DiskFault, queue::Delivery, tracker, udp};

/// A source takes so long for a piece.
const SOURCE_TIME: Duration = Duration::from_millis(60);
/// A resolver takes so long to answer.
const RESOLVE_TIME: Duration = Duration::from_millis(20);
/// What hollow hosts answer reads with.
static NOTHING: [u8; 1 << 18] = [0; 1 << 18];

impl World {
    /// Something happened at a host.
    pub(super) fn input(&mut self, host: HostId, input: Input) {
        if self.hosts[host].down {
            return;
        }
        let now = self.clock(host);
        self.hosts[host].session.handle_input(now, input);
        self.drain(host);
    }

    pub(super) fn wake(&mut self, host: HostId) {
        let now = self.clock(host);
        let sleeper = &mut self.hosts[host];
        // Only the latest alarm counts.
        if sleeper.down || sleeper.wake_at.is_none_or(|at| at > self.now) {
            return;
        }
        sleeper.wake_at = None;
        if sleeper.session.poll_timeout().is_some_and(|(at, _)| at <= now) {
            sleeper.session.handle_timeout(now);
            let due = sleeper.session.poll_timeout().filter(|(at, _)| *at <= now);
            assert!(due.is_none(), "{}: still due after its timeout: {due:?}", sleeper.addr);
        }
        self.drain(host);
    }

    pub(super) fn drain(&mut self, host: HostId) {
        while let Some(output) = self.hosts[host].session.poll_output() {
            self.carry_out(host, output);
        }
        self.check_memory(host);
        self.arm(host);
    }

    /// Arms the one timer of a host, unless it is armed for no later.
    fn arm(&mut self, host: HostId) {
        let armed = &mut self.hosts[host];
        let Some((at, _)) = armed.session.poll_timeout() else { return };
        let clock = self.now + armed.ahead;
        let at = self.now + at.since(clock).max(Duration::from_micros(1));
        if armed.wake_at.is_none_or(|known| at < known) {
            armed.wake_at = Some(at);
            self.queue.push(at, Delivery::Wake(host));
        }
    }

    fn carry_out(&mut self, host: HostId, output: Output) {
        self.note(host, &output);
        match output {
            Output::Connect { peer, addr } => {
                self.hosts[host].dials.insert(peer);
                self.dial(Party::Host(host, peer), addr);
            }
            Output::Send { peer, bytes } => {
                if let Some(&(conn, side)) = self.hosts[host].links.get(&peer) {
                    self.send(conn, side, bytes);
                }
            }
            Output::Close { peer, .. } => {
                self.hosts[host].dials.remove(&peer);
                if let Some((conn, side)) = self.hosts[host].links.remove(&peer) {
                    self.close(conn, side);
                }
            }
            Output::Storage(command) => self.store(host, command),
            Output::Event(Event { news, .. }) => {
                self.check_news(host, &news);
                if self.hosts[host].watch.keeps_news {
                    let now = self.now;
                    self.hosts[host].news.push((now, news));
                }
            }
            Output::Http { request, url } => self.ask_tracker(host, request, &url),
            Output::Resolve { request, host: name, .. } => {
                let known = tracker::number(&name).map(|number| vec![udp::address(number)]);
                let input =
                    Input::Resolved { request, result: known.ok_or(ResolveError::NotFound) };
                self.answer(host, RESOLVE_TIME, input);
            }
            Output::Fetch { torrent, source, piece, length } => {
                let data = self.hosts[host].source_data.as_ref().expect("a source has data");
                let bytes = Bytes::copy_from_slice(data.range(piece, 0, length));
                let input = Input::Fetched { torrent, source, piece, result: Ok(bytes) };
                self.answer(host, SOURCE_TIME, input);
            }
            Output::Datagram { to, bytes } => self.tell_tracker(host, to, &bytes),
            Output::CancelFetch { .. } => {}
        }
    }

    fn answer(&mut self, host: HostId, after: Duration, input: Input) {
        let life = self.hosts[host].life;
        self.plan(after, Delivery::Answer { host, life, input });
    }

    /// Carries out an order at once, and tells of it when the disk would have done it.
    fn store(&mut self, host: HostId, Command { torrent, order }: Command) {
        self.check_order(host, &order);
        if self.hosts[host].disk.fault == DiskFault::SilentReads
            && matches!(order, Order::Read { .. })
        {
            return;
        }
        let bytes = cost_bytes(&order);
        if let Order::Open { info, .. } = &order {
            self.hosts[host].info = Some(info.clone());
        }
        let outcome = match self.hosts[host].hollow {
            true => hollow(order),
            false => self.perform(host, order),
        };
        self.check_outcome(host, &outcome);
        let at = self.hosts[host].disk.done_at(self.now, bytes);
        let input = Input::Storage(Completion { torrent, outcome });
        let life = self.hosts[host].life;
        self.queue.push(at, Delivery::Answer { host, life, input });
    }

    fn perform(&mut self, host: HostId, order: Order) -> Outcome {
        let host = &mut self.hosts[host];
        match order {
            Order::Open { info, .. } => Outcome::Opened(Ok(host.disk.open(&info))),
            Order::Select { .. } => Outcome::Selected(Ok(())),
            Order::Checkpoint { have, .. } => {
                let info = host.info.as_ref().ok_or(StorageError::Closed);
                Outcome::Checkpointed(info.and_then(|info| host.disk.checkpoint(info, have)))
            }
            Order::Close => Outcome::Closed,
            order => {
                let info = host.info.as_ref().expect("opened before anything else");
                perform(&host.disk, info, order).expect("an order about pieces")
            }
        }
    }
}

/// How much an order moves to or from the disk.
fn cost_bytes(order: &Order) -> u64 {
    match order {
        Order::Store { buffers, .. } | Order::Spill { buffers, .. } => {
            buffers.iter().map(|bytes| bytes.len() as u64).sum()
        }
        Order::Read { length, .. } => u64::from(*length),
        _ => 0,
    }
}

/// The answer of a storage that has no bytes.
fn hollow(order: Order) -> Outcome {
    let good = || Ok(Verdict { good: true, digests: Vec::new() });
    match order {
        Order::Open { .. } => Outcome::Opened(Ok(gannet_core::storage::Opened::default())),
        Order::Select { .. } => Outcome::Selected(Ok(())),
        Order::Checkpoint { .. } => Outcome::Checkpointed(Ok(())),
        Order::Close => Outcome::Closed,
        Order::Store { piece, .. } => Outcome::Stored { piece, result: good() },
        Order::Check { piece, .. } => Outcome::Checked { piece, result: good() },
        Order::Spill { piece, buffers, .. } => {
            let length = buffers.iter().map(|bytes| bytes.len() as u32).sum();
            Outcome::Spilled { piece, length, result: Ok(()) }
        }
        Order::Read { piece, begin, length } => {
            let bytes = Bytes::from_static(&NOTHING).slice(..length as usize);
            Outcome::Read { piece, begin, length, result: Ok(bytes) }
        }
    }
}
