//! What is answered to a datagram.

use std::{mem, net::SocketAddr, sync::Arc, time::Instant};

use gannet_core::{
    announce::{
        AnnounceRequest, AnnounceResponse, Family, RequestError,
        udp::{UdpRequest, UdpResponse},
    },
    id::InfoHash,
};

use super::{MAX_ANSWER_BYTES, connection_id::ConnectionIds};
use crate::tracker::{
    desk::Desk,
    metrics::Refusal,
    store::{Answer, Presence},
};

/// The bytes of an announce's answer before its peers.
const ANNOUNCE_HEAD_BYTES: usize = 20;

/// Answers datagrams. A clone knows the same connection ids.
#[derive(Debug, Clone)]
pub(super) struct Answerer {
    desk: Arc<Desk>,
    ids: ConnectionIds,
    answer: Answer,
    out: Vec<u8>,
}

impl Answerer {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        let ids = ConnectionIds::new(Instant::now());
        Self { desk, ids, answer: Answer::default(), out: Vec::new() }
    }

    /// The answer to a datagram from `addr`, if it gets one. Before that address has proved itself
    /// with a connection id, no answer is larger than the datagram: it may be somebody else's.
    pub(super) fn answer(&mut self, datagram: &[u8], addr: SocketAddr) -> Option<&[u8]> {
        let now = Instant::now();
        let (connection_id, transaction_id) = UdpRequest::ids(datagram)?;
        let request = UdpRequest::decode(datagram);
        if let Ok(UdpRequest::Connect { .. }) = request {
            let connection_id = self.ids.issue(now, addr.ip());
            return Some(self.write(addr, &UdpResponse::Connect { transaction_id, connection_id }));
        }
        if !self.ids.is_good(now, addr.ip(), connection_id) {
            self.desk.counters.udp.refusals(Refusal::ConnectionId).inc();
            let message = "the connection id has expired".to_owned();
            let answer = self.write(addr, &UdpResponse::Error { transaction_id, message });
            return Some(answer).filter(|answer| answer.len() <= datagram.len());
        }
        let response = match request {
            Ok(UdpRequest::Announce { announce, .. }) => {
                return Some(self.announce(now, addr, transaction_id, &announce));
            }
            Ok(UdpRequest::Scrape { info_hashes, .. }) => self.scrape(transaction_id, &info_hashes),
            Ok(UdpRequest::Connect { .. }) => return None,
            Err(error) => self.malformed(transaction_id, &error),
        };
        Some(self.write(addr, &response))
    }

    fn write(&mut self, addr: SocketAddr, response: &UdpResponse) -> &[u8] {
        self.out.clear();
        response.encode_into(&mut self.out, Family::of(addr.ip()));
        &self.out
    }

    fn announce(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        transaction_id: u32,
        announce: &AnnounceRequest,
    ) -> &[u8] {
        let room = MAX_ANSWER_BYTES - ANNOUNCE_HEAD_BYTES;
        let room = (room / Family::of(addr.ip()).peer_bytes()) as u32;
        let presence = Presence {
            info_hash: announce.info_hash,
            // The address in the request is ignored: it may be anybody's.
            ip: addr.ip(),
            port: announce.port,
            is_seed: announce.left == 0,
            event: announce.event,
            num_want: announce.num_want.min(room),
        };
        let transport = &self.desk.counters.udp;
        let announced = self.desk.announce(transport, now, &presence, &mut self.answer);
        if let Err(refused) = announced {
            let message = refused.to_string();
            return self.write(addr, &UdpResponse::Error { transaction_id, message });
        }
        let response = AnnounceResponse {
            interval_seconds: self.desk.interval_seconds().0,
            complete: Some(self.answer.complete),
            incomplete: Some(self.answer.incomplete),
            // Lent, so that its memory is used again.
            peers: mem::take(&mut self.answer.peers),
            ..AnnounceResponse::default()
        };
        let response = UdpResponse::Announce { transaction_id, response };
        self.write(addr, &response);
        if let UdpResponse::Announce { response, .. } = response {
            self.answer.peers = response.peers;
        }
        self.desk.counters.udp.latency.observe(now.elapsed().as_secs_f64());
        &self.out
    }

    fn scrape(&self, transaction_id: u32, info_hashes: &[InfoHash]) -> UdpResponse {
        let max = self.desk.limits.max_scrape_hashes;
        if info_hashes.len() > max {
            return self.malformed(transaction_id, &RequestError::TooManyHashes { max });
        }
        self.desk.counters.udp.scrapes.inc();
        let entries = info_hashes.iter().map(|hash| self.desk.scrape(hash)).collect();
        UdpResponse::Scrape { transaction_id, entries }
    }

    fn malformed(&self, transaction_id: u32, error: &impl ToString) -> UdpResponse {
        self.desk.counters.udp.refusals(Refusal::Malformed).inc();
        UdpResponse::Error { transaction_id, message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;
    use crate::tracker::{AllowList, Limits};

    fn answerer() -> Answerer {
        let limits = Limits { max_announces_per_second: 0, ..Limits::default() };
        let minute = Duration::from_secs(60);
        Answerer::new(Arc::new(Desk::new(minute, minute, limits, AllowList::all())))
    }

    fn addr() -> SocketAddr {
        ([192, 0, 2, 1], 1).into()
    }

    fn connection_id(answerer: &mut Answerer) -> Vec<u8> {
        let connect = UdpRequest::Connect { transaction_id: 1 }.encode();
        answerer.answer(&connect, addr()).expect("a connect is answered")[8..].to_vec()
    }

    /// Anything, and what looks like one of the protocol's requests.
    fn any_datagram() -> impl Strategy<Value = Vec<u8>> {
        let lengths = select(vec![0, 15, 16, 17, 36, 90, 97, 98, 100, 1416, 1436, 2048]);
        let length = prop_oneof![lengths, 0..2048usize];
        (0u8..6, length, vec(any::<u8>(), 2048)).prop_map(|(action, length, mut bytes)| {
            bytes[8..12].copy_from_slice(&[0, 0, 0, action]);
            bytes.truncate(length);
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_answer_is_larger_than_its_request_before_a_connection_id_is_shown(
            mut datagram in any_datagram(),
            is_connect: bool,
        ) {
            if is_connect && datagram.len() >= 12 {
                datagram[..12].copy_from_slice(&[0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0]);
            }
            let mut answerer = answerer();
            let answer = answerer.answer(&datagram, addr());
            prop_assert!(answer.is_none_or(|answer| answer.len() <= datagram.len()));
            prop_assert_eq!(answerer.desk.store.totals().torrents, 0);
        }

        #[test]
        fn whatever_comes_with_a_connection_id_is_answered_by_the_protocol(
            mut datagram in any_datagram(),
        ) {
            let mut answerer = answerer();
            let id = connection_id(&mut answerer);
            let Some(head) = datagram.get_mut(..8) else { return Ok(()) };
            head.copy_from_slice(&id);
            let Some(answer) = answerer.answer(&datagram, addr()) else {
                prop_assert!(datagram.len() < 16);
                return Ok(());
            };
            prop_assert!(UdpResponse::decode(answer, Family::V4).is_ok());
            prop_assert_eq!(&answer[4..8], &datagram[12..16], "the transaction id");
        }
    }
}
