//! A seeder in this program, honest or not, that speaks the wire protocol by the engine's own codec.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use gannet_core::bitfield::Bitfield;
use gannet_core::id::{InfoHash, PeerId};
use gannet_core::wire::{Decoder, Handshake, Message, Reserved, Span};

/// How often a stranger looks whether it is to end.
const GLANCE: Duration = Duration::from_millis(50);
/// What is read at a time.
const READ_BYTES: usize = 16 * 1024;

/// What a stranger does, each to one block in so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Honest,
    Corrupts { one_in: u32 },
    Disconnects { one_in: u32 },
}

/// What strangers have, and how they serve it.
pub(super) struct Goods {
    pub(super) data: Bytes,
    pub(super) info_hash: InfoHash,
    pub(super) piece_length: u32,
    /// How long a stranger takes for a block.
    pub(super) block_time: Duration,
}

/// A stranger that runs until it is dropped.
pub(super) struct Stranger {
    pub(super) addr: SocketAddr,
    pub(super) nature: Nature,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    goods: Arc<Goods>,
    nature: Nature,
    peer_id: PeerId,
    is_over: AtomicBool,
    misdeeds: AtomicU64,
}

impl Stranger {
    /// Listens at any port of `host`.
    pub(super) fn start(
        goods: &Arc<Goods>,
        host: [u8; 4],
        nature: Nature,
        mut rng: fastrand::Rng,
    ) -> Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((host, 0))).context("a stranger")?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let mut peer_id = *b"-XS0001-000000000000";
        peer_id[8..].fill_with(|| rng.alphanumeric() as u8);
        let shared = Arc::new(Shared {
            goods: Arc::clone(goods),
            nature,
            peer_id: PeerId::new(peer_id),
            is_over: AtomicBool::new(false),
            misdeeds: AtomicU64::new(0),
        });
        let own = Arc::clone(&shared);
        let thread = thread::spawn(move || own.serve(&listener, &mut rng));
        Ok(Self { addr, nature, shared, thread: Some(thread) })
    }

    /// Blocks that it has spoilt, or connections that it has broken.
    pub(super) fn misdeeds(&self) -> u64 {
        self.shared.misdeeds.load(Relaxed)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Relaxed);
        // It has panicked, or it ends at its next glance: either way it is over.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    /// One connection after the other: there is one downloader.
    fn serve(&self, listener: &TcpListener, rng: &mut fastrand::Rng) {
        while !self.is_over.load(Relaxed) {
            match listener.accept() {
                // Whatever ends a connection, the next one is welcome.
                Ok((stream, _)) => drop(self.talk(stream, rng)),
                Err(_) => thread::sleep(GLANCE),
            }
        }
    }

    fn talk(&self, mut stream: TcpStream, rng: &mut fastrand::Rng) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(GLANCE))?;
        stream.set_nodelay(true)?;
        let mut begun = self.hear_handshake(&mut stream)?;
        let handshake = Handshake {
            reserved: Reserved::default(),
            info_hash: self.goods.info_hash,
            peer_id: self.peer_id,
        };
        stream.write_all(&handshake.encode())?;
        let pieces = self.goods.data.len().div_ceil(self.goods.piece_length as usize);
        say(&mut stream, &Message::Bitfield(Bitfield::full(pieces as u32).to_bytes()))?;
        let mut decoder = Decoder::new();
        decoder.feed(begun.split_off(Handshake::LEN).freeze());
        loop {
            while let Some(message) = decoder.next().map_err(|_| ErrorKind::InvalidData)? {
                if self.answer(&mut stream, &message, rng)?.is_break() {
                    return Ok(());
                }
            }
            decoder.feed(self.hear(&mut stream)?.freeze());
        }
    }

    /// The first bytes, at least as long as a handshake.
    fn hear_handshake(&self, stream: &mut TcpStream) -> std::io::Result<BytesMut> {
        let mut begun = BytesMut::new();
        while begun.len() < Handshake::LEN {
            begun.extend_from_slice(&self.hear(stream)?);
        }
        Ok(begun)
    }

    /// What comes next, until it is over.
    fn hear(&self, stream: &mut TcpStream) -> std::io::Result<BytesMut> {
        let mut buffer = BytesMut::zeroed(READ_BYTES);
        while !self.is_over.load(Relaxed) {
            match stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    buffer.truncate(length);
                    return Ok(buffer);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::Interrupted.into())
    }

    fn answer(
        &self,
        stream: &mut TcpStream,
        message: &Message,
        rng: &mut fastrand::Rng,
    ) -> std::io::Result<ControlFlow<()>> {
        match *message {
            Message::Interested => say(stream, &Message::Unchoke)?,
            Message::Request(span) => return self.serve_block(stream, span, rng),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn serve_block(
        &self,
        stream: &mut TcpStream,
        Span { index, begin, length }: Span,
        rng: &mut fastrand::Rng,
    ) -> std::io::Result<ControlFlow<()>> {
        thread::sleep(self.goods.block_time);
        let start = index as usize * self.goods.piece_length as usize + begin as usize;
        let Some(right) = self.goods.data.get(start..start + length as usize) else {
            return Err(ErrorKind::InvalidInput.into());
        };
        let mut data = BytesMut::from(right);
        match self.nature {
            Nature::Corrupts { one_in } if rng.u32(..one_in) == 0 => {
                data[rng.usize(..right.len())] ^= 1;
                self.misdeeds.fetch_add(1, Relaxed);
            }
            Nature::Disconnects { one_in } if rng.u32(..one_in) == 0 => {
                self.misdeeds.fetch_add(1, Relaxed);
                return Ok(ControlFlow::Break(()));
            }
            _ => {}
        }
        say(stream, &Message::Piece { index, begin, data: data.freeze() })?;
        Ok(ControlFlow::Continue(()))
    }
}

fn say(stream: &mut TcpStream, message: &Message) -> std::io::Result<()> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes);
    stream.write_all(&bytes)
}
