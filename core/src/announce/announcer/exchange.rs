//! One announce on its way to one tracker.

use std::{net::SocketAddr, time::Duration};

use crate::announce::{AnnounceEvent, tiers::TrackerIndex};
use crate::time::Instant;

/// The time a UDP tracker is given for its first answer; it doubles with each try (BEP 15).
pub const UDP_TIMEOUT: Duration = Duration::from_secs(15);

/// How often a UDP tracker is asked before the next one is.
///
/// BEP 15 goes on for eight tries, which is an hour; other trackers are better asked long before.
pub const UDP_TRIES: u32 = 2;

/// An announce that waits for an answer.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) tracker: TrackerIndex,
    pub(super) event: AnnounceEvent,
    pub(super) deadline: Instant,
    pub(super) step: Step,
}

/// What an announce waits for.
#[derive(Debug)]
pub(super) enum Step {
    /// The answer to an HTTP request.
    Http { request: u64 },
    /// The addresses of a name.
    Resolve { request: u64 },
    /// A datagram.
    Udp(UdpStep),
}

/// The conversation with a UDP tracker.
#[derive(Debug)]
pub(super) struct UdpStep {
    /// Where the tracker may be reached; never empty.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) tries: u32,
    pub(super) transaction_id: u32,
    /// The connection id, once there is one; until then a connect is out.
    pub(super) connection_id: Option<u64>,
}

impl UdpStep {
    /// Whom the present try asks: each try the next address.
    pub(super) fn address(&self) -> SocketAddr {
        self.addresses[self.tries as usize % self.addresses.len()]
    }

    /// How long the present try waits.
    pub(super) fn timeout(&self) -> Duration {
        UDP_TIMEOUT * 2u32.saturating_pow(self.tries)
    }

    /// Whether a datagram is meant for this conversation.
    pub(super) fn expects(&self, from: SocketAddr, transaction_id: u32) -> bool {
        let asked = self.address();
        (from.ip().to_canonical(), from.port()) == (asked.ip().to_canonical(), asked.port())
            && transaction_id == self.transaction_id
    }
}

impl Exchange {
    /// Whether this is the one that the HTTP answer with this number is for.
    pub(super) fn waits_for_http(&self, answered: u64) -> bool {
        matches!(self.step, Step::Http { request } if request == answered)
    }

    /// Whether this is the one that the addresses with this number are for.
    pub(super) fn waits_for_addresses(&self, answered: u64) -> bool {
        matches!(self.step, Step::Resolve { request } if request == answered)
    }

    /// How often the tracker is asked at most: on leaving, nobody waits for a second try.
    pub(super) fn max_tries(&self) -> u32 {
        if self.event == AnnounceEvent::Stopped { 1 } else { UDP_TRIES }
    }
}
