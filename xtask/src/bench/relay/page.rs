//! What a page does: asks for a ticket, and opens data sockets with it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::frames::{Frames, Kind, frame};
use super::remote::{HANDSHAKE_BYTES, INFO_HASH, Role};

/// Nothing that a relay on this machine does takes longer.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// The longest head of an answer to an upgrade.
const MAX_HEAD_BYTES: usize = 2048;
/// Consumed so much, a page credits it: what its engine does.
const CREDIT_BYTES: usize = 256 * 1024;
/// What the relay takes before it credits anything.
const WINDOW_BYTES: usize = 1024 * 1024;
/// What a page that has few sockets credits beyond what it consumed.
const MAX_LOAN_BYTES: usize = 7 * 1024 * 1024;

/// A request for a WebSocket.
pub(super) fn upgrade(addr: SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Reads an answer, which must be the switch to WebSocket, and no byte beyond.
pub(super) fn upgraded(stream: &mut TcpStream) -> Result<()> {
    // A relay says nothing before the page does.
    let mut head = Vec::with_capacity(MAX_HEAD_BYTES);
    let mut buffer = [0; MAX_HEAD_BYTES];
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        match stream.read(&mut buffer)? {
            0 => bail!("the relay closed the connection"),
            length => head.extend_from_slice(&buffer[..length]),
        }
    }
    if !head.starts_with(b"HTTP/1.1 101 ") {
        bail!("no WebSocket: {}", String::from_utf8_lossy(&head));
    }
    Ok(())
}

/// A WebSocket to the relay.
pub(crate) struct Socket {
    pub(super) stream: TcpStream,
    frames: Frames,
}

impl Socket {
    pub(crate) fn open(relay: SocketAddr, path: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(relay)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(upgrade(relay, path).as_bytes())?;
        upgraded(&mut stream)?;
        Ok(Self { stream, frames: Frames::default() })
    }

    pub(super) fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(&frame(kind, payload))?)
    }

    /// The next message of a kind, as a whole; others are passed over.
    fn message(&mut self, wanted: Kind) -> Result<Vec<u8>> {
        let (mut byte, mut message, mut is_whole) = ([0; 1], Vec::new(), false);
        while !is_whole {
            // Byte by byte, so that what follows stays where it is.
            self.stream.read_exact(&mut byte).context("the relay's message")?;
            self.frames.feed(&byte, |part| {
                if part.kind == wanted {
                    message.extend_from_slice(part.bytes);
                    is_whole = part.is_last;
                }
            });
        }
        Ok(message)
    }
}

/// A ticket for the peer; good for any number of data sockets.
pub(super) fn ticket(relay: SocketAddr, peer: SocketAddr) -> Result<String> {
    let mut socket = Socket::open(relay, "/v1/swarm")?;
    let hex: String = INFO_HASH.iter().map(|byte| format!("{byte:02x}")).collect();
    for message in [
        json!({ "type": "join", "info_hash": hex, "trackers": [] }),
        json!({ "type": "dial", "addrs": [peer] }),
    ] {
        socket.send(Kind::Text, message.to_string().as_bytes())?;
    }
    loop {
        let message: Value = serde_json::from_slice(&socket.message(Kind::Text)?)?;
        if let Some(ticket) = message["peers"][0]["ticket"].as_str() {
            return Ok(ticket.to_owned());
        }
    }
}

/// A data socket to a peer in some role, with both handshakes behind it.
pub(super) fn connect(relay: SocketAddr, ticket: &str, role: Role) -> Result<Socket> {
    let mut socket = Socket::open(relay, "/v1/peer")?;
    socket.send(Kind::Text, ticket.as_bytes())?;
    socket.send(Kind::Binary, &role.handshake())?;
    let mut heard = 0;
    while heard < HANDSHAKE_BYTES {
        // A peer that begins at once comes with its handshake, so to the byte.
        let mut byte = [0; 1];
        socket.stream.read_exact(&mut byte).context("the peer's handshake")?;
        socket.frames.feed(&byte, |part| {
            if part.kind == Kind::Binary {
                heard += part.bytes.len();
            }
        });
    }
    Ok(socket)
}

/// Where bytes come from: the peer itself, or the peer through the relay.
pub(super) trait Source {
    /// Reads what there is; how many bytes of the peer's that was.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Sends these bytes to the peer.
    fn send(&mut self, bytes: &[u8]) -> Result<()>;
}

/// A connection to the peer.
pub(super) struct Direct(TcpStream);

impl Direct {
    pub(super) fn connect(peer: SocketAddr, role: Role) -> Result<Self> {
        let mut stream = TcpStream::connect(peer)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(&role.handshake())?;
        stream.read_exact(&mut [0; HANDSHAKE_BYTES])?;
        Ok(Self(stream))
    }
}

impl Source for Direct {
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self.0.read(buffer)? {
            0 => bail!("the peer has left"),
            length => Ok(length),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.0.write_all(bytes)?)
    }
}

/// A data socket, with what is to be credited in either direction.
pub(super) struct Relayed {
    socket: Socket,
    /// Received, and not yet credited.
    consumed: usize,
    /// What may still be credited beyond what was received.
    loan: usize,
    /// What may be sent.
    allowance: usize,
    credit: Vec<u8>,
}

impl Relayed {
    pub(super) fn connect(relay: SocketAddr, ticket: &str, role: Role) -> Result<Self> {
        let socket = connect(relay, ticket, role)?;
        let (consumed, allowance) = (HANDSHAKE_BYTES, WINDOW_BYTES - HANDSHAKE_BYTES);
        Ok(Self { socket, consumed, loan: 0, allowance, credit: Vec::new() })
    }

    /// One of few of its page: that lends it more and more while it brings something.
    pub(super) fn favoured(self) -> Self {
        Self { loan: MAX_LOAN_BYTES, ..self }
    }

    /// Waits for credit for so many bytes; whether it came in time.
    pub(super) fn may_send_within(&mut self, bytes: usize, limit: Duration) -> Result<bool> {
        self.socket.stream.set_read_timeout(Some(limit))?;
        while self.allowance < bytes {
            let had = self.allowance;
            if self.read(&mut [0; 1024]).is_err() && self.allowance == had {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads what there is: the stream, and credit.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.socket.stream.read(buffer)?;
        let (mut received, mut has_ended) = (0, length == 0);
        let Self { socket, credit, allowance, .. } = self;
        socket.frames.feed(&buffer[..length], |part| match part.kind {
            Kind::Binary => received += part.bytes.len(),
            Kind::Text => {
                credit.extend_from_slice(part.bytes);
                if part.is_last {
                    let text = String::from_utf8_lossy(credit).parse::<usize>();
                    *allowance += text.unwrap_or_default();
                    credit.clear();
                }
            }
            Kind::Close => has_ended = true,
            Kind::Other => {}
        });
        if has_ended {
            bail!("the relay has closed the socket");
        }
        Ok(received)
    }
}

impl Source for Relayed {
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let received = self.read(buffer)?;
        self.consumed += received;
        if self.consumed >= CREDIT_BYTES {
            let more = self.consumed.min(self.loan);
            self.loan -= more;
            let credit = std::mem::take(&mut self.consumed) + more;
            self.socket.send(Kind::Text, credit.to_string().as_bytes())?;
        }
        Ok(received)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        while self.allowance < bytes.len() {
            self.read(&mut [0; 1024])?;
        }
        self.allowance -= bytes.len();
        self.socket.send(Kind::Binary, bytes)
    }
}
