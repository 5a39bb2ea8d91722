//! Peers without a session: they write raw bytes, and are up to no good.

mod behaviour;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use gannet_core::{
    id::PeerId,
    wire::{Decoder, Handshake, Message, Reserved, Span},
};

pub use self::behaviour::Behaviour;
use crate::{
    draw,
    world::{ConnId, Line, Side, payload::Payload},
};

/// What a stranger does with a connection.
#[derive(Debug)]
pub enum Act {
    Say(Bytes),
    HangUp,
    /// Wants to be prodded after so long.
    Wait(Duration),
}

/// One connection of a stranger.
#[derive(Debug, Default)]
struct Talk {
    said_handshake: bool,
    /// What came of the other's handshake.
    greeting: Vec<u8>,
    decoder: Decoder,
    /// How often it was asked for a block.
    asked: u32,
    /// How often it was prodded.
    prods: u32,
    /// What it has to say, a little at a time.
    dribble: BytesMut,
}

/// A peer without a session.
#[derive(Debug)]
pub struct Stranger {
    pub behaviour: Behaviour,
    pub addr: SocketAddr,
    pub line: Line,
    pub links: BTreeMap<u64, (ConnId, Side)>,
    /// Payload bytes that it has sent.
    pub sent_bytes: u64,
    payload: Arc<Payload>,
    talks: BTreeMap<u64, Talk>,
    next_talk: u64,
    rng: fastrand::Rng,
}

impl Stranger {
    pub fn new(
        behaviour: Behaviour,
        addr: SocketAddr,
        line: Line,
        payload: Arc<Payload>,
        seed: u64,
    ) -> Self {
        Self {
            behaviour,
            addr,
            line,
            links: BTreeMap::new(),
            sent_bytes: 0,
            payload,
            talks: BTreeMap::new(),
            next_talk: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// A new connection, dialled or accepted.
    pub fn meet(&mut self) -> u64 {
        self.next_talk += 1;
        self.talks.insert(self.next_talk, Talk::default());
        self.next_talk
    }

    pub fn lost(&mut self, talk: u64) {
        self.links.remove(&talk);
        self.talks.remove(&talk);
    }

    /// A dial succeeded.
    pub fn connected(&mut self, talk: u64) -> Vec<Act> {
        self.say_handshake(talk)
    }

    pub fn heard(&mut self, talk: u64, mut bytes: Bytes) -> Vec<Act> {
        let Some(known) = self.talks.get_mut(&talk) else { return Vec::new() };
        let missing = Handshake::LEN - known.greeting.len();
        if missing > 0 {
            let greeting = bytes.split_to(missing.min(bytes.len()));
            known.greeting.extend_from_slice(&greeting);
            if known.greeting.len() < Handshake::LEN {
                return Vec::new();
            }
            known.decoder.feed(bytes);
            let mut acts = self.say_handshake(talk);
            acts.extend(self.greet(talk));
            acts.extend(self.answer_all(talk));
            return acts;
        }
        known.decoder.feed(bytes);
        self.answer_all(talk)
    }

    pub fn prodded(&mut self, talk: u64) -> Vec<Act> {
        match self.talks.get_mut(&talk) {
            Some(known) => {
                known.prods += 1;
                self.go_on(talk)
            }
            None => Vec::new(),
        }
    }

    fn answer_all(&mut self, talk: u64) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some(known) = self.talks.get_mut(&talk) {
            let Ok(Some(message)) = known.decoder.next() else { break };
            if let Message::Request(span) = message {
                known.asked += 1;
                acts.extend(self.asked(talk, span));
            }
        }
        acts
    }

    fn say_handshake(&mut self, talk: u64) -> Vec<Act> {
        let Some(known) = self.talks.get_mut(&talk) else { return Vec::new() };
        if std::mem::replace(&mut known.said_handshake, true) {
            return Vec::new();
        }
        let mut id = [0; 20];
        id[..8].copy_from_slice(b"-XX0001-");
        id[12..].copy_from_slice(&self.rng.u64(..).to_be_bytes());
        let reserved = Reserved::new([0, 0, 0, 0, 0, 0, 0, 0x04]);
        let info_hash = *self.payload.info.info_hash();
        let handshake = Handshake { reserved, info_hash, peer_id: PeerId::new(id) }.encode();
        self.say_in_own_way(talk, Bytes::copy_from_slice(&handshake))
    }

    /// A block, as it is or spoilt.
    fn piece(&mut self, span: Span, spoilt: bool) -> Option<Message> {
        let block = self.payload.info.layout().request(span.index, span.begin, span.length)?;
        let mut data = self.payload.block(block).to_vec();
        self.sent_bytes += data.len() as u64;
        if spoilt {
            let at = draw(&mut self.rng, ..data.len());
            data[at] = !data[at];
        }
        Some(Message::Piece { index: span.index, begin: span.begin, data: data.into() })
    }
}

/// Messages as they go on the wire, in one go.
fn say(messages: &[Message]) -> Act {
    let mut out = BytesMut::new();
    messages.iter().for_each(|message| message.encode(&mut out));
    Act::Say(out.freeze())
}
