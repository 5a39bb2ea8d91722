//! Trackers: they name everybody they know, or fail.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use gannet_core::{Input, announce::HttpError, id::RequestKey};

use super::{HostId, World, queue::Delivery};
use crate::draw;

/// How a tracker behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrackerFault {
    #[default]
    None,
    /// Refuses connections.
    Down,
    /// Never answers; the host gives up.
    Silent,
    /// Answers late.
    Slow(Duration),
    /// Answers with bytes that mean nothing.
    Rubbish,
    /// Answers that the torrent is not registered.
    Refusing,
    /// Names addresses where nobody is, as many as it can.
    Lying,
    /// Loses half of the datagrams; over UDP only, as those that follow.
    Lossy,
    /// Answers when the request has been repeated.
    Late,
    /// Answers what was never asked: another transaction id.
    Strange,
    /// Forgets its connection ids at once.
    Forgetful,
}

/// When hosts are to come again.
pub(super) const INTERVAL_SECONDS: u32 = 1800;
/// Hosts give up after so long.
const HTTP_TIMEOUT: Duration = Duration::from_secs(15);

/// One tracker: `http://tracker-N.example/announce` is number N of its world,
/// `udp://tracker-N.example:6969/announce` the same over UDP.
#[derive(Debug, Default)]
pub struct Tracker {
    pub fault: TrackerFault,
    /// Addresses in one answer, at most; zero for all it knows.
    pub most: usize,
    pub asked: u64,
}

/// The URL of a tracker.
pub fn url(number: usize) -> String {
    format!("http://tracker-{number}.example/announce")
}

/// The number in `tracker-N.example`.
pub(super) fn number(host: &str) -> Option<usize> {
    let name = host.strip_prefix("tracker-")?;
    name.split('.').next()?.parse().ok()
}

impl World {
    pub(super) fn ask_tracker(&mut self, host: HostId, request: RequestKey, url: &str) {
        let number = url.strip_prefix("http://").and_then(number).unwrap_or(usize::MAX);
        let fault = self.trackers.get_mut(number).map_or(TrackerFault::Down, |tracker| {
            tracker.asked += 1;
            tracker.fault
        });
        let fault = if self.is_online(host) { fault } else { TrackerFault::Down };
        let (after, result) = match fault {
            TrackerFault::Down => (self.latency, Err(HttpError::Connect)),
            TrackerFault::Silent => (HTTP_TIMEOUT, Err(HttpError::Timeout)),
            TrackerFault::Slow(by) => {
                let peers = self.everybody(number);
                (by, Ok(answer(&peers)))
            }
            TrackerFault::Rubbish => (self.latency, Ok(self.rubbish())),
            TrackerFault::Refusing => (self.latency, Ok(REFUSAL.into())),
            TrackerFault::Lying => {
                let peers = self.nobodies();
                (self.latency, Ok(answer(&peers)))
            }
            _ => {
                let peers = self.everybody(number);
                (self.latency, Ok(answer(&peers)))
            }
        };
        let life = self.hosts[host].life;
        let input = Input::Http { request, result };
        self.plan(after, Delivery::Answer { host, life, input });
    }

    /// Names hosts and strangers, the asker too, as trackers do (BEP 23).
    pub(super) fn everybody(&mut self, tracker: usize) -> Vec<SocketAddr> {
        let mut addrs: Vec<SocketAddr> = self.addresses.keys().copied().collect();
        let most = self.trackers[tracker].most;
        if most > 0 && addrs.len() > most {
            addrs = self.rng.choose_multiple(addrs, most);
        }
        addrs
    }

    pub(super) fn rubbish(&mut self) -> Bytes {
        let length = draw(&mut self.rng, ..400);
        std::iter::repeat_with(|| self.rng.u8(..)).take(length).collect()
    }

    pub(super) fn nobodies(&mut self) -> Vec<SocketAddr> {
        (0..200)
            .map(|_| SocketAddr::from(([203, 0, 113, self.rng.u8(..)], self.rng.u16(1..))))
            .collect()
    }
}

const REFUSAL: &[u8] = b"d14:failure reason14:not registerede";

fn answer(addrs: &[SocketAddr]) -> Bytes {
    let mut body =
        format!("d8:intervali{INTERVAL_SECONDS}e5:peers{}:", 6 * addrs.len()).into_bytes();
    for addr in addrs {
        let SocketAddr::V4(addr) = addr else { continue };
        body.extend(addr.ip().octets());
        body.extend(addr.port().to_be_bytes());
    }
    body.push(b'e');
    body.into()
}
