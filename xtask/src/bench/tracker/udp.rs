//! A client over UDP (BEP 15).

use std::io::{self, ErrorKind};
use std::iter;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::client::{self, Answer, Client};
use super::population::{self, InfoHash, NUM_WANT, PEER_ID};

const PROTOCOL: u64 = 0x0417_2710_1980;
const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const ANNOUNCE_REQUEST_BYTES: usize = 98;
const ANNOUNCE_HEAD_BYTES: usize = 20;
const PEER_BYTES: usize = 6;

/// How long a connection id may be used (BEP 15).
const CONNECTION_ID_LIFETIME: Duration = Duration::from_secs(60);
/// Room for more peers than are asked for.
const MAX_ANSWER_BYTES: usize = 2048;

pub(super) struct UdpClient {
    socket: UdpSocket,
    hashes: Arc<[InfoHash]>,
    peer: usize,
    /// Of the announce that is under way.
    torrent: usize,
    transaction_id: u32,
    connection_id: Option<(u64, Instant)>,
}

impl UdpClient {
    /// One for each peer of a torrent, each at its own address. All have been answered.
    pub(super) fn all(tracker: SocketAddr, hashes: &Arc<[InfoHash]>) -> Result<Vec<Self>> {
        let peers = 0..population::PEERS_PER_TORRENT;
        let clients = peers.map(|peer| Self::new(tracker, Arc::clone(hashes), peer));
        let mut clients = clients.collect::<io::Result<Vec<_>>>()?;
        client::once(clients.iter_mut().zip(iter::repeat(0)))?;
        Ok(clients)
    }

    pub(super) fn new(
        tracker: SocketAddr,
        hashes: Arc<[InfoHash]>,
        peer: usize,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind((population::ip(peer), 0))?;
        socket.connect(tracker)?;
        socket.set_nonblocking(true)?;
        let transaction_id = fastrand::u32(..);
        Ok(Self { socket, hashes, peer, torrent: 0, transaction_id, connection_id: None })
    }

    fn head(&mut self, connection_id: u64, action: u32) -> Vec<u8> {
        self.transaction_id = self.transaction_id.wrapping_add(1);
        let mut out = Vec::with_capacity(ANNOUNCE_REQUEST_BYTES);
        out.extend(connection_id.to_be_bytes());
        out.extend(action.to_be_bytes());
        out.extend(self.transaction_id.to_be_bytes());
        out
    }

    fn request(&mut self, connection_id: u64) -> Vec<u8> {
        let mut out = self.head(connection_id, ANNOUNCE);
        out.extend(self.hashes[self.torrent]);
        out.extend(PEER_ID);
        out.extend(0_u64.to_be_bytes());
        out.extend(population::left_bytes(self.peer).to_be_bytes());
        out.extend(0_u64.to_be_bytes());
        // No event, the address that it comes from, no key.
        out.extend([0; 12]);
        out.extend(NUM_WANT.to_be_bytes());
        out.extend(population::port(self.torrent, self.peer).to_be_bytes());
        out
    }

    fn send(&mut self) -> io::Result<()> {
        let fresh = |since: &Instant| since.elapsed() < CONNECTION_ID_LIFETIME;
        let out = match self.connection_id.filter(|(_, since)| fresh(since)) {
            Some((id, _)) => self.request(id),
            None => self.head(PROTOCOL, CONNECT),
        };
        self.socket.send(&out).map(drop)
    }

    /// Reads a datagram: none yet, what it answers, or nothing to go on with.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<Step>> {
        match self.socket.recv(buffer) {
            Ok(length) => Ok(Some(step(&buffer[..length], self.transaction_id))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Client for UdpClient {
    fn announce(&mut self, torrent: usize) -> io::Result<()> {
        self.torrent = torrent;
        self.send()
    }

    fn answer(&mut self) -> io::Result<Option<Answer>> {
        let mut buffer = [0; MAX_ANSWER_BYTES];
        loop {
            match self.receive(&mut buffer)? {
                None => return Ok(None),
                Some(Step::Connected(id)) => {
                    self.connection_id = Some((id, Instant::now()));
                    self.send()?;
                }
                Some(Step::Answered(answer)) => return Ok(Some(answer)),
                Some(Step::Stray) => {}
            }
        }
    }

    fn forget(&mut self) {
        self.transaction_id = self.transaction_id.wrapping_add(1);
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Connected(u64),
    Answered(Answer),
    /// Answers something that was given up.
    Stray,
}

/// What a datagram means to a client that waits for the answer to `transaction_id`.
fn step(datagram: &[u8], transaction_id: u32) -> Step {
    let number = |at: usize| {
        let bytes = datagram.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes)
    };
    if number(4) != Some(transaction_id) {
        return Step::Stray;
    }
    match (number(0), number(8), number(12), number(16)) {
        (Some(CONNECT), Some(high), Some(low), None) => {
            Step::Connected(u64::from(high) << 32 | u64::from(low))
        }
        (Some(ANNOUNCE), Some(_interval), Some(leechers), Some(seeders)) => {
            let peers = datagram.len() - ANNOUNCE_HEAD_BYTES;
            Step::Answered(match peers % PEER_BYTES {
                0 => {
                    Answer::Swarm { size: (seeders + leechers) as usize, named: peers / PEER_BYTES }
                }
                _ => Answer::Refused,
            })
        }
        _ => Step::Answered(Answer::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn an_announce_is_answered_with_whole_peers() {
        let mut answer = words(&[1, 7, 1800, 3, 4]);
        answer.extend([0; 12]);
        let swarm = Answer::Swarm { size: 7, named: 2 };
        assert_eq!(step(&answer, 7), Step::Answered(swarm));
        answer.push(0);
        assert_eq!(step(&answer, 7), Step::Answered(Answer::Refused));
    }

    #[test]
    fn an_error_and_a_torso_are_refusals() {
        for answer in [words(&[3, 7, 0]), words(&[1, 7, 1800, 3]), words(&[0, 7])] {
            assert_eq!(step(&answer, 7), Step::Answered(Answer::Refused));
        }
    }

    #[test]
    fn an_answer_to_something_else_is_stray() {
        assert_eq!(step(&words(&[1, 8, 1800, 3, 4]), 7), Step::Stray);
        assert_eq!(step(&[], 7), Step::Stray);
    }

    #[test]
    fn a_connection_id_is_two_words() {
        assert_eq!(step(&words(&[0, 7, 1, 2]), 7), Step::Connected(1 << 32 | 2));
    }
}
