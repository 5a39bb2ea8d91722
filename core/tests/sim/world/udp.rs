//! UDP trackers (BEP 15): datagrams that get lost, come late, mean nothing or answer somebody else, and
//! connection ids that expire.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use gannet_core::{
    Input,
    announce::{
        AnnounceResponse, Family,
        udp::{UdpRequest, UdpResponse},
    },
    time::Instant,
};

use super::{HostId, TrackerFault, World, queue::Delivery, tracker::INTERVAL_SECONDS};

/// The URL of a UDP tracker.
pub fn udp_url(number: usize) -> String {
    format!("udp://tracker-{number}.example:{PORT}/announce")
}

const PORT: u16 = 6969;
/// A tracker knows its connection ids for so long (BEP 15); one that forgets, for no time at all.
const KNOWS_FOR: Duration = Duration::from_secs(120);
/// What comes late comes after this, when its request has been repeated (BEP 15: after 15 seconds).
const LATE: Duration = Duration::from_secs(20);

/// Where a tracker of that number receives datagrams.
pub(super) fn address(number: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number as u8], PORT))
}

fn number(addr: SocketAddr) -> usize {
    match addr {
        SocketAddr::V4(addr) => usize::from(addr.ip().octets()[3]),
        SocketAddr::V6(_) => usize::MAX,
    }
}

impl World {
    /// A datagram on its way to a tracker, and its answer on the way back.
    pub(super) fn tell_tracker(&mut self, host: HostId, to: SocketAddr, bytes: &[u8]) {
        let number = number(to);
        let is_online = self.is_online(host);
        let Some(tracker) = self.trackers.get_mut(number).filter(|_| is_online) else { return };
        tracker.asked += 1;
        let fault = tracker.fault;
        let is_lost = match fault {
            TrackerFault::Down | TrackerFault::Silent => true,
            TrackerFault::Lossy => self.rng.u8(..2) == 0,
            _ => false,
        };
        if is_lost {
            return;
        }
        let after = match fault {
            TrackerFault::Slow(by) => by,
            TrackerFault::Late => LATE,
            _ => self.latency * 2,
        };
        let bytes = match fault {
            TrackerFault::Rubbish => self.rubbish(),
            _ => self.answer_datagram(number, fault, bytes),
        };
        let life = self.hosts[host].life;
        let input = Input::Datagram { from: to, bytes };
        self.plan(after, Delivery::Answer { host, life, input });
    }

    fn answer_datagram(&mut self, tracker: usize, fault: TrackerFault, bytes: &[u8]) -> Bytes {
        let request = UdpRequest::decode(bytes).expect("a host speaks BEP 15");
        let strange = u32::from(fault == TrackerFault::Strange);
        let response = match request {
            UdpRequest::Connect { transaction_id } => UdpResponse::Connect {
                transaction_id: transaction_id ^ strange,
                connection_id: self.now.as_micros(),
            },
            UdpRequest::Announce { connection_id, transaction_id, .. } => {
                let transaction_id = transaction_id ^ strange;
                match self.refusal(fault, connection_id) {
                    Some(message) => UdpResponse::Error { transaction_id, message: message.into() },
                    None => {
                        let response = self.swarm(tracker, fault);
                        UdpResponse::Announce { transaction_id, response }
                    }
                }
            }
            UdpRequest::Scrape { transaction_id, .. } => {
                UdpResponse::Error { transaction_id, message: "no scrapes".into() }
            }
        };
        response.encode(Family::V4).into()
    }

    /// A connection id is the time at which it was given.
    fn refusal(&self, fault: TrackerFault, connection_id: u64) -> Option<&'static str> {
        let known_for = match fault {
            TrackerFault::Forgetful => Duration::ZERO,
            _ => KNOWS_FOR,
        };
        match self.now.since(Instant::from_micros(connection_id)) {
            _ if fault == TrackerFault::Refusing => Some("not registered"),
            age if age > known_for => Some("connection id expired"),
            _ => None,
        }
    }

    fn swarm(&mut self, tracker: usize, fault: TrackerFault) -> AnnounceResponse {
        let peers = match fault {
            TrackerFault::Lying => self.nobodies(),
            _ => self.everybody(tracker),
        };
        AnnounceResponse {
            interval_seconds: INTERVAL_SECONDS,
            peers,
            ..AnnounceResponse::default()
        }
    }
}
