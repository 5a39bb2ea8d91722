//! One wire connection: its handshake, its flags, what it has, what is out to it and from it.
//!
//! A `Peer` never talks to its torrent's other parts: the torrent asks it and tells it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    bitfield::Bitfield,
    extension::ExtensionHandshake,
    id::{PeerId, PieceIndex},
    layout::Block,
    pipeline::Pipeline,
    rate::Meter,
    reason::ProtocolError,
    roster::RecordId,
    sorted::Set,
    spread::Turn,
    time::Instant,
    wire::{Decoder, Handshake, Message},
};

/// A connection has this long, from its start, for its handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// We say something at least this often.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(100);
/// A connection that says nothing for so long is closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(180);
/// Requests of a peer that wait, at most; further ones are rejected (BEP 6) or dropped.
pub const MAX_REQUESTS_IN: usize = 2_000;
/// Blocks that nobody asked for, before the connection is closed.
pub const MAX_UNASKED: u32 = 50;
/// Bytes handed to the host and not sent yet; while there are more, nothing is read for the peer.
pub const MAX_UNSENT_BYTES: u64 = 1024 * 1024;
/// Pieces of the fast extension's allowed set that are kept, of one peer.
pub const MAX_ALLOWED_FAST: usize = 64;
/// Pieces that are kept of those a peer suggests, the latest.
pub const MAX_SUGGESTED: usize = 16;
/// `have` messages kept before the metadata says which pieces there are.
pub const MAX_EARLY_HAVES: usize = 100_000;

/// Bitfields (or all, or none) of one connection that are looked at; real peers send one.
pub const MAX_CLAIMS: u32 = 16;

/// How far a connection is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The host is dialling.
    Dialling,
    /// The remote handshake is on its way; what is there of it.
    Handshake(Vec<u8>),
    /// Messages flow.
    Open,
}

/// What a connection said.
pub(crate) enum Heard {
    Handshake(Handshake),
    Message(Message),
}

/// What a peer said it has, before we know how many pieces there are.
#[derive(Debug, Default)]
pub(crate) struct EarlyClaims {
    pub(crate) bitfield: Option<Bytes>,
    pub(crate) all: bool,
    pub(crate) haves: Vec<u32>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) addr: SocketAddr,
    pub(crate) outgoing: bool,
    /// Where it can be dialled, if it dialled us and says so.
    pub(crate) listens_at: Option<SocketAddr>,
    pub(crate) record: RecordId,
    pub(crate) stage: Stage,
    pub(crate) peer_id: Option<PeerId>,
    pub(crate) fast: bool,
    pub(crate) extended: bool,
    pub(crate) extension: Option<ExtensionHandshake>,
    /// The user knows of it ([`News::PeerJoined`](crate::event::News::PeerJoined)).
    pub(crate) introduced: bool,
    pub(crate) am_choking: bool,
    pub(crate) am_interested: bool,
    pub(crate) peer_choking: bool,
    pub(crate) peer_interested: bool,
    /// Empty until the metadata is known.
    pub(crate) has: Arc<Bitfield>,
    /// What it has counts in the picker's availability, piece by piece.
    pub(crate) counted: bool,
    pub(crate) early: EarlyClaims,
    /// How often it has said all it has.
    pub(crate) claims: u32,
    /// How many of its pieces we want and don't have.
    pub(crate) useful_pieces: u32,
    /// Pieces it serves us even while choking (BEP 6).
    pub(crate) allowed_fast: Set<PieceIndex>,
    /// Pieces we serve it even while choking (BEP 6).
    pub(crate) granted_fast: Set<PieceIndex>,
    /// Pieces it suggests to begin with (BEP 6), oldest first.
    pub(crate) suggested: Vec<PieceIndex>,
    /// Pieces that only we have and it is to get from us, while it is served.
    pub(crate) turn: Turn,
    pub(crate) pipeline: Pipeline,
    pub(crate) unasked: u32,
    /// What it asked for and we have not begun to read.
    pub(crate) requests_in: Vec<Block>,
    /// Reads out for it.
    pub(crate) reading: u32,
    pub(crate) unsent_bytes: u64,
    pub(crate) downloaded: Meter,
    pub(crate) uploaded: Meter,
    pub(crate) opened_at: Instant,
    pub(crate) last_heard: Instant,
    pub(crate) last_said: Instant,
    decoder: Decoder,
    out: Vec<u8>,
}

impl Peer {
    pub(crate) fn new(
        now: Instant,
        addr: SocketAddr,
        outgoing: bool,
        record: RecordId,
        has: Arc<Bitfield>,
    ) -> Self {
        Self {
            addr,
            outgoing,
            listens_at: None,
            record,
            stage: if outgoing { Stage::Dialling } else { Stage::Handshake(Vec::new()) },
            peer_id: None,
            fast: false,
            extended: false,
            extension: None,
            introduced: false,
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            has,
            counted: false,
            early: EarlyClaims::default(),
            claims: 0,
            useful_pieces: 0,
            allowed_fast: Set::new(),
            granted_fast: Set::new(),
            suggested: Vec::new(),
            turn: Turn::default(),
            pipeline: Pipeline::new(now),
            unasked: 0,
            requests_in: Vec::new(),
            reading: 0,
            unsent_bytes: 0,
            downloaded: Meter::default(),
            uploaded: Meter::default(),
            opened_at: now,
            last_heard: now,
            last_said: now,
            decoder: Decoder::new(),
            out: Vec::new(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// Where it can be dialled.
    pub(crate) fn dial_addr(&self) -> SocketAddr {
        self.listens_at.unwrap_or(self.addr)
    }

    /// Whether it serves us anything at all.
    pub(crate) fn may_be_asked(&self) -> bool {
        self.is_open()
            && self.am_interested
            && (!self.peer_choking || !self.allowed_fast.is_empty())
    }

    /// Whether it serves us this piece.
    pub(crate) fn serves(&self, piece: PieceIndex) -> bool {
        self.is_open()
            && self.has.has(piece)
            && (!self.peer_choking || self.allowed_fast.contains(&piece))
    }

    /// Whether it could be a seeder: it has everything, or everything as far as is known.
    pub(crate) fn is_seed(&self) -> bool {
        !self.has.is_empty() && self.has.is_full()
    }

    /// Whether it is a seeder for certain. Who has no metadata has nothing, whatever it claims:
    /// aria2 with a magnet link says that it has all until it knows what that is.
    pub(crate) fn needs_nothing(&self) -> bool {
        let extension = self.extension.as_ref();
        let has_metadata = extension.is_some_and(|known| known.metadata_size.is_some());
        self.is_seed() && (!self.extended || has_metadata)
    }

    /// Id under which it wants `ut_metadata` messages (BEP 9), if it does.
    pub(crate) fn metadata_id(&self) -> Option<u8> {
        self.extension.as_ref()?.metadata_id
    }

    pub(crate) fn set_max_message_bytes(&mut self, bytes: u32) {
        self.decoder.set_max_message_bytes(bytes);
    }

    /// Takes in what the socket gave.
    pub(crate) fn receive(&mut self, now: Instant, mut bytes: Bytes) {
        self.last_heard = now;
        if let Stage::Handshake(buffer) = &mut self.stage {
            let missing = Handshake::LEN - buffer.len().min(Handshake::LEN);
            buffer.extend_from_slice(&bytes.split_to(missing.min(bytes.len())));
        }
        if !bytes.is_empty() {
            self.decoder.feed(bytes);
        }
    }

    /// What the connection said next, once all of it is there.
    pub(crate) fn hear(&mut self) -> Result<Option<Heard>, ProtocolError> {
        match &self.stage {
            Stage::Dialling => Ok(None),
            Stage::Open => Ok(self.decoder.next()?.map(Heard::Message)),
            Stage::Handshake(buffer) => match <&[u8; Handshake::LEN]>::try_from(&buffer[..]) {
                Ok(whole) => {
                    let handshake = Handshake::decode(whole)?;
                    self.stage = Stage::Open;
                    Ok(Some(Heard::Handshake(handshake)))
                }
                Err(_) => Handshake::info_hash_of_prefix(buffer).map(|_| None).map_err(Into::into),
            },
        }
    }

    pub(crate) fn say_handshake(&mut self, handshake: &Handshake) {
        self.out.extend_from_slice(&handshake.encode());
    }

    /// Queues a message; it goes out with the next [`flush`](Self::flush).
    pub(crate) fn say(&mut self, message: &Message) {
        message.encode(&mut self.out);
    }

    /// Queues bytes that are encoded already.
    pub(crate) fn say_raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Says when we begin or cease to want what it has; we want nothing while `idle`. Whether that
    /// has changed.
    pub(crate) fn update_interest(&mut self, idle: bool) -> bool {
        let interested = self.useful_pieces > 0 && !idle;
        if !self.is_open() || interested == self.am_interested {
            return false;
        }
        self.am_interested = interested;
        self.say(if interested { &Message::Interested } else { &Message::NotInterested });
        true
    }

    /// All that was said since the last flush.
    pub(crate) fn flush(&mut self, now: Instant) -> Option<Bytes> {
        if self.out.is_empty() {
            return None;
        }
        self.last_said = now;
        self.unsent_bytes += self.out.len() as u64;
        Some(std::mem::take(&mut self.out).into())
    }

    /// When something about the connection itself is due: handshake, idle end, keep-alive.
    pub(crate) fn deadline(&self) -> Instant {
        match self.stage {
            // The host bounds its dials.
            Stage::Dialling => Instant::FAR_FUTURE,
            Stage::Handshake(_) => self.opened_at + HANDSHAKE_TIMEOUT,
            Stage::Open => {
                (self.last_heard + IDLE_TIMEOUT).min(self.last_said + KEEP_ALIVE_INTERVAL)
            }
        }
    }
}
