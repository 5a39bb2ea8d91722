//! A tracker to ask, and a client that asks it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use gannet::tracker::{Tracker, TrackerConfig};
use gannet_core::{
    announce::{AnnounceError, AnnounceRequest, AnnounceResponse},
    id::{InfoHash, PeerId},
};

pub(crate) const HASH: InfoHash = InfoHash::new([0xab; 20]);

/// A tracker over HTTP and UDP, at ports of its own.
pub(crate) fn config() -> TrackerConfig {
    TrackerConfig {
        http: "127.0.0.1:0".parse().ok(),
        udp: "127.0.0.1:0".parse().ok(),
        interval: Duration::from_secs(120),
        ..TrackerConfig::default()
    }
}

/// A tracker on a runtime of its own, so that tests are plain blocking clients.
pub(crate) struct Fixture {
    tracker: Option<Tracker>,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    pub(crate) fn start() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: TrackerConfig) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let tracker = runtime.block_on(Tracker::start(config)).unwrap();
        Self { tracker: Some(tracker), runtime }
    }

    pub(crate) fn tracker(&self) -> &Tracker {
        self.tracker.as_ref().expect("it wasn't stopped")
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.tracker().http_addr().unwrap()
    }

    pub(crate) fn udp_addr(&self) -> SocketAddr {
        self.tracker().udp_addr().unwrap()
    }

    pub(crate) fn stop(&mut self) {
        if let Some(tracker) = self.tracker.take() {
            self.runtime.block_on(tracker.stop());
        }
    }

    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Connection { stream }
    }

    pub(crate) fn body(&self, path: &str) -> Vec<u8> {
        let (status, body) = self.connect().get(path);
        assert_eq!(status, 200, "{path}");
        body
    }

    pub(crate) fn announce(&self, request: &AnnounceRequest) -> AnnounceResponse {
        AnnounceResponse::decode(&self.body(&request.to_url("/announce"))).unwrap()
    }

    pub(crate) fn refusal(&self, path: &str) -> String {
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

pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
}

impl Connection {
    /// Status and body of one request; the connection stays open.
    pub(crate) fn get(&mut self, path: &str) -> (u16, Vec<u8>) {
        self.get_with(path, "")
    }

    /// As [`Self::get`], with more lines in the request's head.
    pub(crate) fn get_with(&mut self, path: &str, lines: &str) -> (u16, Vec<u8>) {
        write!(self.stream, "GET {path} HTTP/1.1\r\nHost: tracker\r\n{lines}\r\n").unwrap();
        self.answer()
    }

    /// The status of one request; `None` if the tracker closes the connection.
    pub(crate) fn try_get(&mut self, path: &str) -> Option<u16> {
        write!(self.stream, "GET {path} HTTP/1.1\r\nHost: tracker\r\n\r\n").ok()?;
        let mut start = [0; 12];
        self.stream.read_exact(&mut start).ok()?;
        std::str::from_utf8(&start[9..]).ok()?.parse().ok()
    }

    pub(crate) fn answer(&mut self) -> (u16, Vec<u8>) {
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

pub(crate) fn leecher(port: u16) -> AnnounceRequest {
    AnnounceRequest::first(HASH, PeerId::new([port as u8; 20]), port, 100)
}

pub(crate) fn seeder(port: u16) -> AnnounceRequest {
    AnnounceRequest { left: 0, ..leecher(port) }
}
