//! Announces and scrapes over HTTP.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use gannet::tracker::{TrackerConfig, limits::MAX_HEAD_BYTES};
use gannet_core::{
    announce::{
        AnnounceEvent, AnnounceRequest, AnnounceResponse, ScrapeEntry, ScrapeRequest,
        ScrapeResponse,
    },
    bencode,
    id::InfoHash,
};

use crate::support::{Connection, Fixture, HASH, config, leecher, seeder};

#[test]
fn a_leecher_hears_of_a_seeder_and_of_the_interval() {
    let fixture = Fixture::start();
    assert_eq!(fixture.announce(&seeder(7001)).peers, []);
    let answer = fixture.announce(&leecher(7002));
    assert_eq!(answer.peers, ["127.0.0.1:7001".parse().unwrap()]);
    assert_eq!((answer.complete, answer.incomplete), (Some(1), Some(1)));
    assert_eq!((answer.interval_seconds, answer.min_interval_seconds), (120, Some(30)));
}

#[test]
fn who_stops_is_not_named_any_more() {
    let fixture = Fixture::start();
    fixture.announce(&seeder(7001));
    fixture.announce(&AnnounceRequest { event: AnnounceEvent::Stopped, ..seeder(7001) });
    assert_eq!(fixture.announce(&leecher(7002)).peers, []);
}

#[test]
fn an_address_in_the_request_is_ignored() {
    let fixture = Fixture::start();
    let victim = "192.0.2.1".parse().ok();
    fixture.announce(&AnnounceRequest { ip: victim, ..seeder(7001) });
    assert_eq!(fixture.announce(&leecher(7002)).peers, ["127.0.0.1:7001".parse().unwrap()]);
}

#[test]
fn a_client_without_compact_gets_dictionaries_without_peer_ids() {
    let fixture = Fixture::start();
    fixture.announce(&seeder(7001));
    let plain = AnnounceRequest { compact: false, no_peer_id: false, ..leecher(7002) };
    let body = fixture.body(&plain.to_url("/announce"));
    let document = bencode::parse(&body, bencode::Limits::default()).unwrap();
    let peers = document.root().dict().unwrap().find(b"peers").unwrap();
    let peer = peers.list().unwrap().next().unwrap().dict().unwrap();
    assert_eq!(peer.find(b"ip").unwrap().as_str(), Some("127.0.0.1"));
    assert_eq!(peer.find(b"port").unwrap().as_int(), Some(7001));
}

#[test]
fn a_scrape_counts_the_torrents_it_names() {
    let fixture = Fixture::start();
    fixture.announce(&leecher(7001));
    fixture.announce(&AnnounceRequest { event: AnnounceEvent::Completed, ..seeder(7001) });
    let other = InfoHash::new([1; 20]);
    let request = ScrapeRequest { info_hashes: vec![HASH, other] };
    let body = fixture.body(&request.to_url("/scrape"));
    let mut entries = ScrapeResponse::decode(&body).unwrap().entries;
    entries.sort_by_key(|(hash, _)| *hash);
    let known = ScrapeEntry { complete: 1, downloaded: 1, incomplete: 0 };
    assert_eq!(entries, [(other, ScrapeEntry::default()), (HASH, known)]);
}

#[test]
fn what_cannot_be_read_is_refused_in_bencode_with_status_200() {
    let fixture = Fixture::start();
    assert!(fixture.refusal("/announce").contains("`info_hash`"));
    assert!(fixture.refusal("/announce?info_hash=abc").contains("20 bytes"));
    let url = leecher(7001).to_url("/announce");
    assert!(fixture.refusal(&url.replace("port=7001", "port=70000")).contains("`port`"));
    assert!(fixture.refusal("/scrape").contains("`info_hash`"), "everything at once is too much");
}

#[test]
fn one_connection_carries_many_requests() {
    let fixture = Fixture::start();
    let mut connection = fixture.connect();
    for port in 7001..7010 {
        let (status, body) = connection.get(&seeder(port).to_url("/announce"));
        let answer = AnnounceResponse::decode(&body).unwrap();
        assert_eq!((status, answer.complete), (200, Some(u32::from(port) - 7000)));
    }
}

#[test]
fn other_paths_and_methods_are_not_answered() {
    let fixture = Fixture::start();
    assert_eq!(fixture.connect().get("/nowhere").0, 404);
    let mut connection = fixture.connect();
    connection.stream.write_all(b"POST /announce HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(connection.answer().0, 405);
}

#[test]
fn a_client_of_http_1_0_is_answered_and_hung_up_on_unless_it_asks_to_stay() {
    let fixture = Fixture::start();
    let path = leecher(7001).to_url("/announce");
    let mut connection = fixture.connect();
    for _ in 0..2 {
        let stay = format!("GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        connection.stream.write_all(stay.as_bytes()).unwrap();
        assert_eq!(connection.answer().0, 200);
    }
    write!(connection.stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(connection.answer().0, 200);
    assert_eq!(connection.stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn who_wants_the_connection_closed_gets_its_answer_first() {
    let fixture = Fixture::start();
    let mut connection = fixture.connect();
    let path = leecher(7001).to_url("/announce");
    let (status, body) = connection.get_with(&path, "Connection: close\r\n");
    assert_eq!(status, 200);
    assert!(AnnounceResponse::decode(&body).is_ok());
    assert_eq!(connection.stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_request_as_for_a_proxy_is_understood() {
    let fixture = Fixture::start();
    let (status, body) = fixture.connect().get(&leecher(7001).to_url("http://tracker/announce"));
    assert_eq!(status, 200);
    assert_eq!(AnnounceResponse::decode(&body).unwrap().incomplete, Some(1));
}

#[test]
fn an_answer_to_head_is_a_head() {
    let fixture = Fixture::start();
    let mut connection = fixture.connect();
    let path = leecher(7001).to_url("/announce");
    write!(connection.stream, "HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    connection.stream.read_to_string(&mut answer).unwrap();
    let answer = answer.to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: *"), "pages may announce: {answer}");
}

#[test]
fn a_client_is_told_its_address() {
    let answer = Fixture::start().announce(&leecher(7001));
    assert_eq!(answer.external_ip, "127.0.0.1".parse().ok());
}

#[test]
fn peers_of_both_families_are_named_each_in_its_own_list() {
    let fixture = Fixture::with(TrackerConfig { http: "[::]:0".parse().ok(), ..config() });
    let port = fixture.addr().port();
    let announced = |ip: &str, request: &AnnounceRequest| {
        let stream = TcpStream::connect(format!("{ip}:{port}")).unwrap();
        let (_, body) = Connection { stream }.get(&request.to_url("/announce"));
        AnnounceResponse::decode(&body).unwrap().peers
    };
    announced("127.0.0.1", &seeder(7001));
    announced("[::1]", &seeder(7002));
    let peers: Vec<_> = ["127.0.0.1:7001", "[::1]:7002"].map(|peer| peer.parse().unwrap()).into();
    assert_eq!(announced("[::1]", &leecher(7003)), peers);
}

#[test]
fn a_head_without_end_is_cut_off() {
    let fixture = Fixture::start();
    let mut connection = fixture.connect();
    connection.stream.write_all(b"GET /announce HTTP/1.1\r\nX: ").unwrap();
    // The server may hang up while this is still being written.
    let _ = connection.stream.write_all(&vec![b'x'; 4 * MAX_HEAD_BYTES]);
    let mut answer = Vec::new();
    let _ = connection.stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{answer:?}");
}

#[test]
fn stopping_closes_connections_and_the_port() {
    let is_closed_after = |mut fixture: Fixture| {
        let addr = fixture.addr();
        let mut connection = fixture.connect();
        assert_eq!(connection.get("/nowhere").0, 404);
        fixture.stop();
        assert_eq!(connection.stream.read(&mut [0]).unwrap(), 0);
        TcpStream::connect(addr).is_err()
    };
    // Now and then another test gets the port first.
    assert!((0..5).any(|_| is_closed_after(Fixture::start())));
}
