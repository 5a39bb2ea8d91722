//! A client over HTTP (BEP 3, 23), on one connection for all announces or on one for each.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use super::client::{Answer, Client};
use super::population::{self, InfoHash, NUM_WANT, PEER_ID};

const PEER_BYTES: usize = 6;
/// Room for a head and more peers than are asked for.
const MAX_ANSWER_BYTES: usize = 4096;

/// Whether a connection serves more than one announce.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    KeepAlive,
    Close,
}

/// What peer 0 asks, a request for each torrent: ready, so that the loader isn't what is measured.
pub(super) type Requests = Arc<[String]>;

/// Writes all requests once.
pub(super) fn requests(
    tracker: SocketAddr,
    hashes: &[InfoHash],
    connection: Connection,
) -> Requests {
    let all = hashes.iter().enumerate();
    all.map(|(torrent, hash)| request(tracker, torrent, hash, connection)).collect()
}

fn request(tracker: SocketAddr, torrent: usize, hash: &InfoHash, connection: Connection) -> String {
    let mut out = "GET /announce?info_hash=".to_owned();
    for byte in hash {
        let _ = write!(out, "%{byte:02x}");
    }
    let (peer_id, port) = (String::from_utf8_lossy(PEER_ID), population::port(torrent, 0));
    let left = population::left_bytes(0);
    let _ = write!(out, "&peer_id={peer_id}&port={port}&uploaded=0&downloaded=0&left={left}");
    let _ = write!(out, "&compact=1&numwant={NUM_WANT} HTTP/1.1\r\nHost: {tracker}\r\n");
    out.push_str(match connection {
        Connection::KeepAlive => "Connection: keep-alive\r\n\r\n",
        Connection::Close => "Connection: close\r\n\r\n",
    });
    out
}

/// One client, at 127.0.0.1.
pub(super) struct HttpClient {
    tracker: SocketAddr,
    requests: Requests,
    connection: Connection,
    stream: Option<TcpStream>,
    received: Vec<u8>,
}

impl HttpClient {
    pub(super) fn new(tracker: SocketAddr, requests: Requests, connection: Connection) -> Self {
        Self { tracker, requests, connection, stream: None, received: Vec::new() }
    }

    /// On loopback a connection is there at once, or refused: no need to wait for it elsewhere.
    fn stream(&mut self) -> io::Result<&mut TcpStream> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.tracker)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                stream
            }
        };
        Ok(self.stream.insert(stream))
    }

    /// Reads what is there; whether the tracker has closed the connection.
    fn receive(&mut self) -> io::Result<bool> {
        let Some(stream) = &mut self.stream else { return Ok(true) };
        let mut buffer = [0; MAX_ANSWER_BYTES];
        match stream.read(&mut buffer) {
            Ok(0) => Ok(true),
            Ok(length) => {
                self.received.extend(&buffer[..length]);
                Ok(false)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Client for HttpClient {
    fn announce(&mut self, torrent: usize) -> io::Result<()> {
        self.received.clear();
        let requests = Arc::clone(&self.requests);
        let sent = self.stream()?.write_all(requests[torrent].as_bytes());
        sent.inspect_err(|_| self.forget())
    }

    fn answer(&mut self) -> io::Result<Option<Answer>> {
        let closed = self.receive()?;
        let body = body(&self.received);
        match (self.connection, closed) {
            (Connection::KeepAlive, false) => Ok(body.map(answer)),
            (Connection::Close, false) => Ok(None),
            (Connection::KeepAlive, true) => Err(ErrorKind::UnexpectedEof.into()),
            (Connection::Close, true) => {
                self.stream = None;
                Ok(Some(body.map_or(Answer::Refused, answer)))
            }
        }
    }

    fn forget(&mut self) {
        self.stream = None;
    }
}

/// The body of an answer, once all of it is there.
fn body(received: &[u8]) -> Option<&[u8]> {
    let head_bytes = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let (head, body) = received.split_at(head_bytes);
    let head = std::str::from_utf8(head).ok()?;
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?.1;
    (body.len() == length.trim().parse::<usize>().ok()?).then_some(body)
}

/// What a bencoded answer says. Only the fields that are counted are looked for.
fn answer(body: &[u8]) -> Answer {
    let number = |key: &[u8]| {
        let start = body.windows(key.len()).position(|window| window == key)? + key.len();
        let digits = body[start..].iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
    };
    match (number(b"8:completei"), number(b"10:incompletei"), number(b"5:peers")) {
        (Some(seeders), Some(leechers), Some(bytes)) if bytes % PEER_BYTES == 0 => {
            Answer::Swarm { size: seeders + leechers, named: bytes / PEER_BYTES }
        }
        _ => Answer::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_there_when_all_of_it_is() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(body(whole), Some(&b"abc"[..]));
        for length in 0..whole.len() {
            assert_eq!(body(&whole[..length]), None);
        }
    }

    #[test]
    fn an_answer_counts_the_swarm_and_names_peers() {
        let good = b"d8:completei3e10:incompletei4e8:intervali1800e5:peers12:............e";
        assert_eq!(answer(good), Answer::Swarm { size: 7, named: 2 });
        assert_eq!(answer(b"d14:failure reason3:no.e"), Answer::Refused);
    }

    #[test]
    fn a_request_escapes_the_hash() {
        let tracker = SocketAddr::from(([127, 0, 0, 1], 80));
        let request = request(tracker, 0, &[0xab; 20], Connection::Close);
        assert!(request.starts_with("GET /announce?info_hash=%ab%ab"));
        assert!(request.ends_with("Connection: close\r\n\r\n"));
    }
}
