//! A tracker with a web API, and a client of it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use gannet::tracker::{ApiConfig, Limits, Presence, Tracker, TrackerConfig, TrustedProxies};
use gannet_core::{announce::AnnounceEvent, id::InfoHash};
use serde_json::Value;

pub(super) const PEER_ID: &str = "2d474e303130302d303132333435363738396162";

/// A tracker on a runtime of its own. It believes what requests say about their address.
pub(super) struct Web {
    tracker: Option<Tracker>,
    runtime: tokio::runtime::Runtime,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// In lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Web {
    pub(super) fn start() -> Self {
        Self::with(ApiConfig::default())
    }

    pub(super) fn with(api: ApiConfig) -> Self {
        Self::configured(TrackerConfig { api, ..TrackerConfig::default() })
    }

    pub(super) fn configured(config: TrackerConfig) -> Self {
        let config = TrackerConfig {
            http: "127.0.0.1:0".parse().ok(),
            interval: Duration::from_secs(120),
            proxies: TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]),
            ..config
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let tracker = runtime.block_on(Tracker::start(config)).unwrap();
        Self { tracker: Some(tracker), runtime }
    }

    pub(super) fn with_limits(limits: Limits) -> Self {
        Self::configured(TrackerConfig { limits, ..TrackerConfig::default() })
    }

    pub(super) fn tracker(&self) -> &Tracker {
        self.tracker.as_ref().unwrap()
    }

    /// Puts a peer at 10.0.0.1 into a swarm.
    pub(super) fn announce(&self, info_hash: InfoHash, port: u16, is_seed: bool) {
        let presence = Presence {
            info_hash,
            ip: [10, 0, 0, 1].into(),
            port,
            is_seed,
            event: AnnounceEvent::Started,
            num_want: 0,
        };
        self.tracker().store().announce(std::time::Instant::now(), &presence).unwrap();
    }

    pub(super) fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Reply {
        let stream = TcpStream::connect(self.tracker().http_addr().unwrap()).unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        );
        exchange(stream, &[head.as_bytes(), body].concat())
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// The JSON of a 200.
    pub(super) fn json(&self, path: &str) -> Value {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.json()
    }

    /// Registers a seeder at `ip` and port 6881.
    pub(super) fn register(&self, ip: &str, torrents: &[InfoHash]) -> Reply {
        let list: Vec<_> = torrents.iter().map(InfoHash::to_string).collect();
        let body = serde_json::json!({ "peer_id": PEER_ID, "port": 6881, "torrents": list });
        let from = format!("X-Forwarded-For: {ip}");
        self.send("POST", "/api/v1/seeders", &[&from], body.to_string().as_bytes())
    }

    pub(super) fn withdraw(&self, ip: &str) -> Reply {
        let path = format!("/api/v1/seeders/{PEER_ID}?port=6881");
        self.send("DELETE", &path, &[&format!("X-Forwarded-For: {ip}")], b"")
    }
}

fn exchange(mut stream: TcpStream, request: &[u8]) -> Reply {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: answer[end + 4..].to_vec() }
}

impl Drop for Web {
    fn drop(&mut self) {
        if let Some(tracker) = self.tracker.take() {
            self.runtime.block_on(tracker.stop());
        }
    }
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &'_ str| line.strip_prefix(name)?.strip_prefix(':').map(str::len);
        let line = self.head.lines().find(|line| named(line).is_some())?;
        Some(line[name.len() + 1..].trim())
    }

    /// The status and the code of an error, whose message must be a sentence for a person.
    pub(super) fn error(&self) -> (u16, String) {
        let json = self.json();
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains(' '), "{message}");
        (self.status, json["error"]["code"].as_str().unwrap().to_owned())
    }
}

/// The status and code as [`Reply::error`] gives them.
pub(super) fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

pub(super) fn hash(n: u32) -> InfoHash {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    InfoHash::new(bytes)
}
