//! A server as a process, and plain HTTP to ask it with.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::process::{Place, Running, noise};

pub const TOKEN: &str = "open-sesame";
/// How long anything may take that happens at once on loopback.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const FILM_BYTES: usize = 3_000_000;

/// A server of the folder `share`, which has the file `film.mkv` and the folder `notes`.
pub struct Server {
    pub place: Place,
    pub addr: String,
    pub process: Running,
}

impl Server {
    pub fn start() -> Self {
        Self::with("")
    }

    pub fn with(flags: &str) -> Self {
        let place = Place::new();
        place.write("share/film.mkv", noise(FILM_BYTES)).write("share/notes/a.txt", "a");
        place.write("share/.hidden", "not for others");
        Self::at(place, &format!("share {flags}"))
    }

    pub fn at(place: Place, arguments: &str) -> Self {
        let mut process = place.start(&format!(
            "serve {arguments} --listen 127.0.0.1:0 --peer-listen 127.0.0.1:0 --token {TOKEN} \
             --output-dir got"
        ));
        let line = process.line_after("serving at http://");
        let addr = line.split(' ').next().unwrap().to_owned();
        Self { place, addr, process }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// With the token.
    pub fn change(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, path, &format!("Authorization: Bearer {TOKEN}\r\n"), body)
    }

    /// As a page or a script would, with more lines in the head.
    pub fn ask(&self, method: &str, path: &str, lines: &str, body: &str) -> Answer {
        let host = format!("Host: {}\r\n", self.addr);
        self.raw(&format!("{method} {path} HTTP/1.1\r\n{host}{lines}"), body)
    }

    /// A head as it is written here, whatever stands in it.
    pub fn raw(&self, head: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        let length = body.len();
        write!(stream, "{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        Answer::parse(&answer)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// An endless answer, its head first.
    pub fn lines_of(&self, path: &str) -> io::Lines<impl BufRead + use<>> {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.addr).unwrap();
        BufReader::new(stream).lines()
    }

    pub fn info_hash(&self, name: &str) -> String {
        self.offer(name)["info_hash"].as_str().unwrap().to_owned()
    }

    /// What `/gannet.json` says of a torrent.
    pub fn offer(&self, name: &str) -> Value {
        let manifest = self.json("/gannet.json");
        let torrents = manifest["torrents"].as_array().unwrap();
        torrents.iter().find(|torrent| torrent["name"] == name).expect("it is offered").clone()
    }

    /// Waits for a download to be in a state.
    pub fn until_state(&self, info_hash: &str, state: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let stats = self.json(&format!("/api/v1/downloads/{info_hash}"));
            if stats["state"] == state {
                return stats;
            }
            assert!(Instant::now() < end, "not {state}: {stats:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    /// The word of a refusal that programs go by.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["error"]["code"].as_str().unwrap().to_owned()
    }
}
