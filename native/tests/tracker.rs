//! The tracker, asked over real sockets.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use gannet::tracker::{MAX_HEAD_BYTES, Tracker, TrackerConfig};
use gannet_core::{
    announce::{
        AnnounceError, AnnounceEvent, AnnounceRequest, AnnounceResponse, ScrapeEntry,
        ScrapeRequest, ScrapeResponse,
    },
    bencode,
    id::{InfoHash, PeerId},
};

const HASH: InfoHash = InfoHash::new([0xab; 20]);

/// A tracker on a runtime of its own, so that tests are plain blocking clients.
struct Fixture {
    tracker: Option<Tracker>,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let config = TrackerConfig {
            interval: Duration::from_secs(120),
            ..TrackerConfig::new("127.0.0.1:0".parse().unwrap())
        };
        let tracker = runtime.block_on(Tracker::start(config)).unwrap();
        Self { tracker: Some(tracker), runtime }
    }

    fn addr(&self) -> SocketAddr {
        self.tracker.as_ref().unwrap().http_addr()
    }

    fn stop(&mut self) {
        if let Some(tracker) = self.tracker.take() {
            self.runtime.block_on(tracker.stop());
        }
    }

    fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Connection { stream }
    }

    fn body(&self, path: &str) -> Vec<u8> {
        let (status, body) = self.connect().get(path);
        assert_eq!(status, 200, "{path}");
        body
    }

    fn announce(&self, request: &AnnounceRequest) -> AnnounceResponse {
        AnnounceResponse::decode(&self.body(&request.to_url("/announce"))).unwrap()
    }

    fn refusal(&self, path: &str) -> String {
        match AnnounceResponse::decode(&self.body(path)) {
            Err(AnnounceError::Failure(reason)) => reason,
            other => panic!("{path}: {other:?}"),
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Status and body of one request; the connection stays open.
    fn get(&mut self, path: &str) -> (u16, Vec<u8>) {
        write!(self.stream, "GET {path} HTTP/1.1\r\nHost: tracker\r\n\r\n").unwrap();
        self.answer()
    }

    fn answer(&mut self) -> (u16, Vec<u8>) {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }
}

fn leecher(port: u16) -> AnnounceRequest {
    AnnounceRequest {
        info_hash: HASH,
        peer_id: PeerId::new([port as u8; 20]),
        port,
        uploaded: 0,
        downloaded: 0,
        left: 100,
        event: AnnounceEvent::Started,
        num_want: 50,
        key: 7,
        tracker_id: None,
        ip: None,
        compact: true,
        no_peer_id: true,
    }
}

fn seeder(port: u16) -> AnnounceRequest {
    AnnounceRequest { left: 0, ..leecher(port) }
}

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
fn only_a_seeder_that_has_moved_bytes_is_not_sent_seeders() {
    let fixture = Fixture::start();
    fixture.announce(&seeder(7001));
    // What aria2 says with a magnet link, before it knows the size.
    let unsure = fixture.announce(&seeder(7002));
    assert_eq!(unsure.peers, ["127.0.0.1:7001".parse().unwrap()]);
    let sure = fixture.announce(&AnnounceRequest { uploaded: 1, ..seeder(7002) });
    assert_eq!(sure.peers, []);
}

#[test]
fn an_address_in_the_request_is_ignored() {
    let fixture = Fixture::start();
    let victim = "192.0.2.1".parse().ok();
    fixture.announce(&AnnounceRequest { ip: victim, ..seeder(7001) });
    assert_eq!(fixture.announce(&leecher(7002)).peers, ["127.0.0.1:7001".parse().unwrap()]);
}

#[test]
fn a_client_without_compact_gets_dictionaries_with_peer_ids() {
    let fixture = Fixture::start();
    fixture.announce(&seeder(7001));
    let plain = AnnounceRequest { compact: false, no_peer_id: false, ..leecher(7002) };
    let body = fixture.body(&plain.to_url("/announce"));
    let document = bencode::parse(&body, bencode::Limits::default()).unwrap();
    let peers = document.root().dict().unwrap().find(b"peers").unwrap();
    let peer = peers.list().unwrap().next().unwrap().dict().unwrap();
    assert_eq!(peer.find(b"peer id").unwrap().as_bytes(), Some(&[7001u16 as u8; 20][..]));
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
    assert_eq!(fixture.connect().get("/").0, 404);
    let mut connection = fixture.connect();
    connection.stream.write_all(b"POST /announce HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(connection.answer().0, 405);
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
    let mut fixture = Fixture::start();
    let addr = fixture.addr();
    let mut connection = fixture.connect();
    assert_eq!(connection.get("/").0, 404);
    fixture.stop();
    assert_eq!(connection.stream.read(&mut [0]).unwrap(), 0);
    assert!(TcpStream::connect(addr).is_err());
}
