//! The conversations with trackers: from the first question to the answer, or to the last try.

use std::{net::SocketAddr, time::Duration};

use super::{
    AnnounceOutput, Announcer, ENABLED, Progress, TrackerError,
    exchange::{Exchange, Step, UdpStep},
};
use crate::{
    announce::{
        AnnounceEvent, AnnounceRequest, AnnounceResponse, Family, HttpError, ResolveError,
        endpoint::{Endpoint, UdpEndpoint},
        tiers::{Connection, TrackerIndex, TrackerState},
        udp::{CONNECTION_LIFETIME, UdpError, UdpRequest, UdpResponse},
    },
    time::Instant,
};

/// How long the host has for an HTTP request before its tracker counts as failed.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the host has to look a name up before its tracker counts as failed.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(20);

impl Announcer {
    /// Hands in the body of an HTTP answer with a status of success, or why there is none.
    ///
    /// An answer that nobody waits for any more is ignored.
    pub fn handle_http(&mut self, now: Instant, request: u64, result: Result<&[u8], HttpError>) {
        if !ENABLED {
            return;
        }
        let Some(exchange) = self.take_exchange(|one| one.waits_for_http(request)) else { return };
        let response =
            result.map_err(TrackerError::from).and_then(|body| Ok(AnnounceResponse::decode(body)?));
        self.finish(now, &exchange, response);
    }

    /// Hands in the addresses of a name, with the port asked for, or why there are none.
    ///
    /// An answer that nobody waits for any more is ignored.
    pub fn handle_resolved(
        &mut self,
        now: Instant,
        request: u64,
        result: Result<&[SocketAddr], ResolveError>,
    ) {
        if !ENABLED {
            return;
        }
        let waiting = self.take_exchange(|one| one.waits_for_addresses(request));
        let Some(mut exchange) = waiting else { return };
        let addresses = result.and_then(|addresses| match addresses {
            [] => Err(ResolveError::NotFound),
            addresses => Ok(addresses.to_vec()),
        });
        match addresses {
            Ok(addresses) => {
                exchange.step = Step::Udp(self.conversation(addresses, None));
                self.send(now, exchange);
            }
            Err(error) => self.finish(now, &exchange, Err(error.into())),
        }
    }

    /// Hands in a datagram; whether it was for this announcer.
    ///
    /// It is if it comes from where a question went, with the number of that question.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> bool {
        if !ENABLED {
            return false;
        }
        let Some(transaction_id) = UdpResponse::transaction_id(bytes) else { return false };
        let is_expected = |exchange: &Exchange| match &exchange.step {
            Step::Udp(udp) => udp.expects(from, transaction_id),
            _ => false,
        };
        let Some(exchange) = self.take_exchange(is_expected) else { return false };
        match UdpResponse::decode(bytes, Family::of(from.ip())) {
            Ok(response) => self.answered(now, exchange, from, response),
            Err(error) => self.finish(now, &exchange, Err(error.into())),
        }
        true
    }

    fn answered(
        &mut self,
        now: Instant,
        mut exchange: Exchange,
        from: SocketAddr,
        response: UdpResponse,
    ) {
        let Step::Udp(udp) = &mut exchange.step else { return };
        let result = match (response, udp.connection_id) {
            (UdpResponse::Connect { connection_id, .. }, None) => {
                udp.connection_id = Some(connection_id);
                udp.transaction_id = self.rng.u32(..);
                let expires = now + CONNECTION_LIFETIME;
                let connection = Connection { address: from, id: connection_id, expires };
                self.tiers[exchange.tracker].connection = Some(connection);
                return self.send(now, exchange);
            }
            (UdpResponse::Announce { response, .. }, Some(_)) => Ok(response),
            (UdpResponse::Error { message, .. }, _) => Err(TrackerError::Failure(message)),
            (other, _) => Err(UdpError::Action(other.action()).into()),
        };
        self.finish(now, &exchange, result);
    }

    /// Begins to announce to one tracker.
    pub(super) fn begin(&mut self, now: Instant, tracker: TrackerIndex, event: AnnounceEvent) {
        let Some(request) = self.request(tracker, event) else { return };
        self.tiers[tracker].status.state = TrackerState::Announcing;
        match self.tiers[tracker].endpoint.clone() {
            Ok(Endpoint::Http) => {
                let url = request.to_url(&self.tiers[tracker].status.url);
                let request = self.take_request_number();
                self.outputs.push_back(AnnounceOutput::Http { request, url });
                let (deadline, step) = (now + HTTP_TIMEOUT, Step::Http { request });
                self.exchanges.push(Exchange { tracker, event, deadline, step });
            }
            Ok(Endpoint::Udp(endpoint)) => self.begin_udp(now, tracker, event, endpoint),
            Err(_) => {}
        }
    }

    /// Begins with what is known: a connection id, an address, or only a name.
    fn begin_udp(
        &mut self,
        now: Instant,
        tracker: TrackerIndex,
        event: AnnounceEvent,
        endpoint: UdpEndpoint,
    ) {
        let connection = self.tiers[tracker].connection_at(now);
        let address = connection.map(|connection| connection.address).or(endpoint.literal());
        if let Some(address) = address {
            let udp = self.conversation(vec![address], connection.map(|connection| connection.id));
            let step = Step::Udp(udp);
            return self.send(now, Exchange { tracker, event, deadline: now, step });
        }
        let request = self.take_request_number();
        let UdpEndpoint { host, port, .. } = endpoint;
        self.outputs.push_back(AnnounceOutput::Resolve { request, host, port });
        let (deadline, step) = (now + RESOLVE_TIMEOUT, Step::Resolve { request });
        self.exchanges.push(Exchange { tracker, event, deadline, step });
    }

    fn conversation(&mut self, addresses: Vec<SocketAddr>, connection_id: Option<u64>) -> UdpStep {
        UdpStep { addresses, tries: 0, transaction_id: self.rng.u32(..), connection_id }
    }

    /// Sends what a conversation over UDP has to say now, and waits for the answer.
    fn send(&mut self, now: Instant, mut exchange: Exchange) {
        let Step::Udp(udp) = &exchange.step else { return };
        let Some(announce) = self.request(exchange.tracker, exchange.event) else { return };
        let transaction_id = udp.transaction_id;
        let datagram = match (udp.connection_id, &self.tiers[exchange.tracker].endpoint) {
            (Some(connection_id), Ok(Endpoint::Udp(UdpEndpoint { path_and_query, .. }))) => {
                let path_and_query = path_and_query.clone().into_bytes();
                UdpRequest::Announce { connection_id, transaction_id, announce, path_and_query }
            }
            _ => UdpRequest::Connect { transaction_id },
        };
        let (to, bytes) = (udp.address(), datagram.encode());
        self.outputs.push_back(AnnounceOutput::Datagram { to, bytes });
        exchange.deadline = now + udp.timeout();
        self.exchanges.push(exchange);
    }

    /// What to do about an answer that didn't come in time.
    pub(super) fn retry(&mut self, now: Instant, mut exchange: Exchange) {
        let max_tries = exchange.max_tries();
        let valid = self.tiers[exchange.tracker].connection_at(now);
        let Step::Udp(udp) = &mut exchange.step else {
            return self.finish(now, &exchange, Err(TrackerError::Timeout));
        };
        udp.tries += 1;
        if udp.tries >= max_tries {
            return self.finish(now, &exchange, Err(TrackerError::Timeout));
        }
        let still = valid.filter(|connection| connection.address == udp.address());
        udp.connection_id = udp.connection_id.and(still).map(|connection| connection.id);
        self.send(now, exchange);
    }

    /// What to tell a tracker.
    fn request(&self, tracker: TrackerIndex, event: AnnounceEvent) -> Option<AnnounceRequest> {
        let progress = self.progress?;
        let num_want = if event == AnnounceEvent::Stopped { 0 } else { progress.num_want };
        let Progress { info_hash, peer_id, port, left, .. } = progress;
        Some(AnnounceRequest {
            uploaded: progress.uploaded,
            downloaded: progress.downloaded,
            event,
            num_want,
            key: self.key,
            tracker_id: self.tiers[tracker].tracker_id.clone(),
            ..AnnounceRequest::first(info_hash, peer_id, port, left)
        })
    }

    fn take_exchange(&mut self, is_it: impl FnMut(&Exchange) -> bool) -> Option<Exchange> {
        let place = self.exchanges.iter().position(is_it)?;
        Some(self.exchanges.swap_remove(place))
    }

    fn take_request_number(&mut self) -> u64 {
        self.next_request += 1;
        self.next_request - 1
    }
}
