//! What will happen, in the order in which it will; what is due at the same time, as it was planned.

use std::{cmp::Reverse, collections::BinaryHeap, net::SocketAddr};

use bytes::Bytes;
use gannet_core::{Input, reason::Disconnect, time::Instant};

use super::{
    HostId, Party, Who,
    net::{ConnId, Side},
};

/// Something that is going to happen.
#[derive(Debug)]
pub enum Delivery {
    /// The answer to an order of a host, unless the host was started anew since.
    Answer { host: HostId, life: u32, input: Input },
    /// A dial reaches the address.
    Dial { from: Party, to: SocketAddr },
    /// The dialler learns that nobody was there.
    DialFailed { from: Party, reason: Disconnect },
    /// The dialler learns that it is connected.
    Connected { conn: ConnId },
    /// Bytes arrive at one side of a connection.
    Bytes { conn: ConnId, to: Side, bytes: Bytes },
    /// The end of a connection arrives at one side.
    Hangup { conn: ConnId, to: Side, reason: Disconnect },
    /// A line has sent what it was at.
    LineFree(Who),
    /// A side of a connection, held up by the receiver's full queue, may send again.
    Unblocked { conn: ConnId, from: Side },
    /// A session's deadline.
    Wake(HostId),
    /// A stranger wanted to be woken, for one of its connections or (zero) for itself.
    Prod { stranger: usize, talk: u64 },
    /// A host that was suspended goes on.
    Resume(HostId),
    /// Two parts of the network find each other again.
    Heal,
}

/// All that is planned.
#[derive(Default)]
pub struct Queue {
    /// When, the how manyth that was planned, and where in `what`: small, as they are moved about.
    heap: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    what: Vec<Option<Delivery>>,
    free: Vec<u32>,
    planned: u64,
}

impl Queue {
    pub fn push(&mut self, at: Instant, what: Delivery) {
        self.planned += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.what.push(None);
            self.what.len() as u32 - 1
        });
        self.what[place as usize] = Some(what);
        self.heap.push(Reverse((at, self.planned, place)));
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    pub fn pop(&mut self) -> Option<(Instant, Delivery)> {
        let Reverse((at, _, place)) = self.heap.pop()?;
        self.free.push(place);
        Some((at, self.what[place as usize].take()?))
    }

    /// How much was ever planned: what a run costs.
    pub fn planned(&self) -> u64 {
        self.planned
    }
}
