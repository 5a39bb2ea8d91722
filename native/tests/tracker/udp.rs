//! Announces and scrapes over UDP (BEP 15).

use std::{
    io::ErrorKind,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use gannet::tracker::{TrackerConfig, limits::MAX_SCRAPE_HASHES};
use gannet_core::{
    announce::{
        AnnounceEvent, AnnounceRequest, AnnounceResponse, Family, ScrapeEntry,
        udp::{UdpRequest, UdpResponse},
    },
    id::InfoHash,
};

use crate::support::{Fixture, HASH, config, leecher, seeder};

/// A client of the UDP side.
struct Client {
    socket: UdpSocket,
    family: Family,
    connection_id: u64,
}

impl Client {
    /// A client that has a connection id.
    fn connect(tracker: SocketAddr) -> Self {
        let mut client = Self::stranger(tracker);
        let connect = UdpRequest::Connect { transaction_id: 1 }.encode();
        match client.ask(&connect) {
            Some(UdpResponse::Connect { transaction_id: 1, connection_id }) => {
                client.connection_id = connection_id;
            }
            other => panic!("{other:?}"),
        }
        client
    }

    /// A client that has none.
    fn stranger(tracker: SocketAddr) -> Self {
        let own = if tracker.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        let socket = UdpSocket::bind(own).unwrap();
        socket.connect(tracker).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { socket, family: Family::of(tracker.ip()), connection_id: 0 }
    }

    fn ask(&self, datagram: &[u8]) -> Option<UdpResponse> {
        self.socket.send(datagram).unwrap();
        self.receive()
    }

    fn receive(&self) -> Option<UdpResponse> {
        let mut answer = [0; 4096];
        match self.socket.recv(&mut answer) {
            Ok(length) => Some(UdpResponse::decode(&answer[..length], self.family).unwrap()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn datagram(&self, announce: &AnnounceRequest) -> Vec<u8> {
        UdpRequest::Announce {
            connection_id: self.connection_id,
            transaction_id: 2,
            announce: announce.clone(),
            path_and_query: b"/announce?passkey=x".to_vec(),
        }
        .encode()
    }

    fn announce(&self, announce: &AnnounceRequest) -> AnnounceResponse {
        match self.ask(&self.datagram(announce)) {
            Some(UdpResponse::Announce { transaction_id: 2, response }) => response,
            other => panic!("{other:?}"),
        }
    }

    fn scrape(&self, info_hashes: &[InfoHash]) -> Option<UdpResponse> {
        let scrape = UdpRequest::Scrape {
            connection_id: self.connection_id,
            transaction_id: 3,
            info_hashes: info_hashes.to_vec(),
        };
        self.ask(&scrape.encode())
    }

    fn refusal(&self, datagram: &[u8]) -> String {
        match self.ask(datagram) {
            Some(UdpResponse::Error { message, .. }) => message,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn peers_hear_of_each_other_over_udp_and_over_http() {
    let fixture = Fixture::start();
    let client = Client::connect(fixture.udp_addr());
    let first = client.announce(&seeder(7001));
    assert_eq!((first.peers.len(), first.complete, first.interval_seconds), (0, Some(1), 120));
    assert_eq!(client.announce(&leecher(7002)).peers, ["127.0.0.1:7001".parse().unwrap()]);
    assert_eq!(fixture.announce(&leecher(7003)).peers.len(), 2, "one state for both");
    client.announce(&AnnounceRequest { event: AnnounceEvent::Stopped, ..seeder(7001) });
    assert_eq!(fixture.announce(&leecher(7003)).complete, Some(0));
}

#[test]
fn a_scrape_has_an_entry_for_each_torrent_in_order() {
    let fixture = Fixture::start();
    let client = Client::connect(fixture.udp_addr());
    client.announce(&leecher(7001));
    let other = InfoHash::new([1; 20]);
    let known = ScrapeEntry { incomplete: 1, ..ScrapeEntry::default() };
    let entries = vec![ScrapeEntry::default(), known];
    let expected = UdpResponse::Scrape { transaction_id: 3, entries };
    assert_eq!(client.scrape(&[other, HASH]), Some(expected));
}

#[test]
fn a_scrape_of_more_than_the_limit_is_refused() {
    let fixture = Fixture::start();
    let client = Client::connect(fixture.udp_addr());
    let scraped = |count| client.scrape(&vec![HASH; count]);
    match scraped(MAX_SCRAPE_HASHES) {
        Some(UdpResponse::Scrape { entries, .. }) => assert_eq!(entries.len(), MAX_SCRAPE_HASHES),
        other => panic!("{other:?}"),
    }
    assert!(matches!(scraped(MAX_SCRAPE_HASHES + 1), Some(UdpResponse::Error { .. })));
}

#[test]
fn who_has_no_connection_id_is_told_so_and_is_not_named() {
    let fixture = Fixture::start();
    let mut stranger = Client::stranger(fixture.udp_addr());
    assert!(stranger.refusal(&stranger.datagram(&seeder(7001))).contains("connection id"));
    // Another tracker's is as good as none.
    let other = Fixture::start();
    stranger.connection_id = Client::connect(other.udp_addr()).connection_id;
    assert!(stranger.refusal(&stranger.datagram(&seeder(7001))).contains("connection id"));
    assert_eq!(fixture.announce(&leecher(7002)).complete, Some(0));
}

#[test]
fn what_is_wrong_with_an_announce_is_said() {
    let fixture = Fixture::start();
    let client = Client::connect(fixture.udp_addr());
    let good = client.datagram(&seeder(7001));
    for (at, byte, said) in [(83, 9, "event"), (11, 7, "action")] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert!(client.refusal(&bad).contains(said), "{said}");
    }
    let mut no_port = good.clone();
    no_port[96..98].fill(0);
    assert!(client.refusal(&no_port).contains("port"));
    assert!(client.refusal(&good[..90]).contains("cut short"));
}

#[test]
fn an_address_in_the_announce_is_ignored() {
    let fixture = Fixture::start();
    let client = Client::connect(fixture.udp_addr());
    client.announce(&AnnounceRequest { ip: "192.0.2.1".parse().ok(), ..seeder(7001) });
    assert_eq!(client.announce(&leecher(7002)).peers, ["127.0.0.1:7001".parse().unwrap()]);
}

#[test]
fn what_is_no_request_gets_no_answer() {
    let fixture = Fixture::start();
    let client = Client::connect(fixture.udp_addr());
    for rubbish in [&b""[..], b"hello", &[0; 15], &[0xff; 20]] {
        client.socket.send(rubbish).unwrap();
    }
    // Answers come in order, so the first that comes is to what is asked last.
    assert_eq!(client.announce(&leecher(7001)).incomplete, Some(1));
}

#[test]
fn one_socket_serves_both_families_and_names_each_its_own_peers() {
    let fixture = Fixture::with(TrackerConfig { udp: "[::]:0".parse().ok(), ..config() });
    let port = fixture.udp_addr().port();
    let four = Client::connect(SocketAddr::from(([127, 0, 0, 1], port)));
    let six = Client::connect(format!("[::1]:{port}").parse().unwrap());
    four.announce(&seeder(7001));
    six.announce(&seeder(7002));
    assert_eq!(four.announce(&leecher(7003)).peers, ["127.0.0.1:7001".parse().unwrap()]);
    let answer = six.announce(&leecher(7004));
    assert_eq!(answer.peers, ["[::1]:7002".parse().unwrap()]);
    assert_eq!((answer.complete, answer.incomplete), (Some(2), Some(2)), "one swarm for both");
}

#[test]
fn an_answer_fits_into_a_packet_whatever_is_wanted() {
    let fixture = Fixture::with(TrackerConfig { udp: "[::1]:0".parse().ok(), ..config() });
    let client = Client::connect(fixture.udp_addr());
    (1..=250).for_each(|port| drop(client.announce(&leecher(port))));
    let greedy = AnnounceRequest { num_want: 1000, ..leecher(251) };
    let peers = client.announce(&greedy).peers.len();
    assert_eq!(20 + 18 * peers, 1226, "of at most 1232 bytes");
}

#[test]
fn stopping_closes_the_socket() {
    let is_free_after = |mut fixture: Fixture| {
        let addr = fixture.udp_addr();
        fixture.stop();
        UdpSocket::bind(addr).is_ok()
    };
    // Now and then another test gets the port first.
    assert!((0..5).any(|_| is_free_after(Fixture::start())));
}
