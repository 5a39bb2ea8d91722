//! A Redis of one's own, and trackers that share it.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use gannet::tracker::{
    Tracker, TrackerConfig,
    shared::{Link, SharedStatus},
};
use gannet_core::{
    announce::{
        AnnounceEvent, AnnounceRequest, AnnounceResponse, Family, ScrapeEntry,
        udp::{UdpRequest, UdpResponse},
    },
    id::{InfoHash, PeerId},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const HASH: InfoHash = InfoHash::new([0xab; 20]);
/// What is announced at one instance is known to the others by then.
pub(crate) const SHARE_LIMIT: Duration = Duration::from_secs(5);
/// What has failed is in order again by then, on a busy machine.
pub(crate) const RECOVERY_LIMIT: Duration = Duration::from_secs(30);
/// An announce that takes longer than this isn't answered.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

const GLANCE: Duration = Duration::from_millis(20);

/// Waits until something is so; panics with what is instead when `limit` has passed.
#[track_caller]
pub(crate) fn until<T: PartialEq + std::fmt::Debug>(
    limit: Duration,
    wanted: T,
    mut look: impl FnMut() -> T,
) {
    let end = Instant::now() + limit;
    loop {
        let seen = look();
        if seen == wanted {
            return;
        }
        assert!(Instant::now() < end, "{seen:?} instead of {wanted:?}");
        thread::sleep(GLANCE);
    }
}

/// A server that keeps nothing on the disk, killed when this is dropped.
pub(crate) struct Redis {
    folder: TempDir,
    port: u16,
    options: Vec<&'static str>,
    server: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(options: &[&'static str]) -> Self {
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let options = options.to_vec();
        let server = serve(&folder, port, &options);
        let redis = Self { folder, port, options, server };
        redis.until_there();
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it without a warning; what it knew is gone.
    pub(crate) fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again after it was killed.
    pub(crate) fn restart(&mut self) {
        self.server = serve(&self.folder, self.port, &self.options);
        self.until_there();
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.server.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    fn until_there(&self) {
        until(RECOVERY_LIMIT, true, || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
    }

    /// Runs a command.
    pub(crate) fn run<T: redis::FromRedisValue>(&self, command: &mut redis::Cmd) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        command.query(&mut client.get_connection().unwrap()).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // A server that is stopped is killed all the same.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn serve(folder: &TempDir, port: u16, options: &[&str]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "no"]).args(options).current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!("redis-server: {error}; `cargo xtask tools` installs what the tests need")
    })
}

/// A tracker in this process, on a runtime of its own.
pub(crate) struct Instance {
    pub(crate) tracker: Option<Tracker>,
    runtime: Runtime,
}

impl Instance {
    /// One that shares at this URL.
    pub(crate) fn start(url: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let config = TrackerConfig {
            http: "127.0.0.1:0".parse().ok(),
            udp: "127.0.0.1:0".parse().ok(),
            store_url: Some(url.parse().unwrap()),
            ..TrackerConfig::default()
        };
        let tracker = runtime.block_on(Tracker::start(config)).unwrap();
        Self { tracker: Some(tracker), runtime }
    }

    pub(crate) fn tracker(&self) -> &Tracker {
        self.tracker.as_ref().unwrap()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.tracker().http_addr().unwrap()
    }

    pub(crate) fn announce(&self, request: &AnnounceRequest) -> AnnounceResponse {
        announce(self.addr(), request)
    }

    /// What `/health` says: a word, and one about the store.
    pub(crate) fn health(&self) -> (String, String) {
        let health: serde_json::Value =
            serde_json::from_slice(&body(self.addr(), "/health")).unwrap();
        let word = |name: &str| health[name].as_str().unwrap().to_owned();
        (word("status"), word("shared"))
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, name: &str) -> String {
        let text = String::from_utf8(body(self.addr(), "/metrics")).unwrap();
        let line = format!("gannet_tracker_shared_{name} ");
        text.lines().find_map(|shown| shown.strip_prefix(&line)).unwrap().to_owned()
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        ports(self.addr())
    }

    pub(crate) fn scrape(&self) -> ScrapeEntry {
        self.tracker().store().scrape(&HASH)
    }

    pub(crate) fn status(&self) -> &SharedStatus {
        &self.tracker().counters().shared
    }

    pub(crate) fn link(&self) -> Link {
        self.status().link().unwrap()
    }

    pub(crate) fn stop(mut self) {
        let tracker = self.tracker.take().unwrap();
        self.runtime.block_on(tracker.stop());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Its task is aborted: as abrupt an end as there is within a process.
        let _ = self.runtime.enter();
        drop(self.tracker.take());
    }
}

/// Announces over HTTP.
#[track_caller]
pub(crate) fn announce(addr: SocketAddr, request: &AnnounceRequest) -> AnnounceResponse {
    AnnounceResponse::decode(&body(addr, &request.to_url("/announce"))).unwrap()
}

/// What is answered to a GET with status 200.
#[track_caller]
pub(crate) fn body(addr: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect_timeout(&addr, ANSWER_LIMIT).unwrap();
    stream.set_read_timeout(Some(ANSWER_LIMIT)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: tracker\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    answer.split_off(head + 4)
}

/// Announces over UDP.
#[track_caller]
pub(crate) fn announce_by_udp(addr: SocketAddr, announce: &AnnounceRequest) -> AnnounceResponse {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(ANSWER_LIMIT)).unwrap();
    let ask = |request: UdpRequest| {
        socket.send_to(&request.encode(), addr).unwrap();
        let mut answer = [0; 2048];
        let (length, _) = socket.recv_from(&mut answer).unwrap();
        UdpResponse::decode(&answer[..length], Family::V4).unwrap()
    };
    let UdpResponse::Connect { connection_id, .. } = ask(UdpRequest::Connect { transaction_id: 1 })
    else {
        panic!("no connection id")
    };
    let announce = announce.clone();
    let path_and_query = Vec::new();
    match ask(UdpRequest::Announce { connection_id, transaction_id: 2, announce, path_and_query }) {
        UdpResponse::Announce { response, .. } => response,
        other => panic!("{other:?}"),
    }
}

/// The ports of all peers of [`HASH`] that are named to somebody who leaves no trace.
pub(crate) fn ports(addr: SocketAddr) -> Vec<u16> {
    let answer = announce(addr, &leecher(ONLOOKER));
    announce(addr, &AnnounceRequest { event: AnnounceEvent::Stopped, ..leecher(ONLOOKER) });
    let mut ports: Vec<_> = answer.peers.iter().map(SocketAddr::port).collect();
    ports.retain(|port| *port != ONLOOKER);
    ports.sort_unstable();
    ports
}

const ONLOOKER: u16 = 9999;

pub(crate) fn leecher(port: u16) -> AnnounceRequest {
    let peer_id = PeerId::new([port as u8; 20]);
    AnnounceRequest { num_want: 200, ..AnnounceRequest::first(HASH, peer_id, port, 100) }
}

pub(crate) fn seeder(port: u16) -> AnnounceRequest {
    AnnounceRequest { left: 0, ..leecher(port) }
}
