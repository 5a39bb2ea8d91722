//! What strangers do: one behaviour for each kind of trouble.

use std::time::Duration;

use bytes::Bytes;
use gannet_core::{
    bitfield::Bitfield,
    wire::{Message, Span},
};

use super::{Act, Stranger, say};

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Claims everything, unchokes, never sends a block.
    Claimer,
    /// Sends every block spoilt.
    Corrupter,
    /// Sends one block in so many spoilt, the others right.
    Poisoner(u32),
    /// Breaks the rules about what it has: wrong length, spare bits, pieces that don't exist.
    Liar,
    /// Says all it says a byte at a time.
    SlowLoris,
    /// Says everything, often, all at once: claims, requests, blocks that nobody asked for.
    Flooder,
    /// Unchokes and, once asked, chokes.
    Choker,
    /// Serves, refuses, has everything, has nothing, and so on.
    Fickle,
    /// Ends each connection in the middle of the first block.
    Quitter,
    /// Says bytes that mean nothing.
    Babbler,
    /// Sends what it was asked for three times.
    Repeater,
}

impl Behaviour {
    /// Each kind once.
    pub const ALL: [Self; 11] = [
        Self::Claimer,
        Self::Corrupter,
        Self::Poisoner(8),
        Self::Liar,
        Self::SlowLoris,
        Self::Flooder,
        Self::Choker,
        Self::Fickle,
        Self::Quitter,
        Self::Babbler,
        Self::Repeater,
    ];
}

/// How long the slow, the fickle and the flooders wait between two sayings.
const PAUSE: Duration = Duration::from_millis(500);
/// Messages in one burst of a flooder.
const BURST: usize = 100;
/// Bursts of a flooder, and bytes of a slow loris: whatever goes on for ever must end in a test.
const MOST_PRODS: u32 = 600;

impl Stranger {
    /// The other's handshake is there.
    pub(super) fn greet(&mut self, talk: u64) -> Vec<Act> {
        match self.behaviour {
            Behaviour::Liar => vec![self.lie()],
            Behaviour::Babbler => vec![Act::Say(self.noise(300))],
            Behaviour::SlowLoris => {
                let Act::Say(bytes) = say(&[Message::HaveAll, Message::Unchoke]) else {
                    return Vec::new();
                };
                self.say_in_own_way(talk, bytes)
            }
            Behaviour::Flooder => {
                vec![say(&[Message::HaveAll, Message::Unchoke]), Act::Wait(PAUSE)]
            }
            _ => vec![say(&[Message::HaveAll, Message::Unchoke])],
        }
    }

    /// Somebody asks for a block.
    pub(super) fn asked(&mut self, talk: u64, span: Span) -> Vec<Act> {
        let asked = self.talks[&talk].asked;
        match self.behaviour {
            Behaviour::Corrupter => self.send_block(span, true),
            Behaviour::Poisoner(one_in) => {
                let spoilt = self.rng.u32(..one_in) == 0;
                self.send_block(span, spoilt)
            }
            Behaviour::Choker if asked % 50 == 1 => {
                vec![say(&[Message::Choke, Message::Reject(span)]), Act::Wait(PAUSE)]
            }
            Behaviour::Fickle => self.change_mind(span),
            Behaviour::Quitter => self.half_a_block(span),
            Behaviour::SlowLoris => match self.piece(span, false) {
                Some(piece) => {
                    let Act::Say(bytes) = say(&[piece]) else { return Vec::new() };
                    self.say_in_own_way(talk, bytes)
                }
                None => Vec::new(),
            },
            Behaviour::Repeater => (0..3).flat_map(|_| self.send_block(span, false)).collect(),
            Behaviour::Flooder => self.send_block(span, false),
            Behaviour::Claimer | Behaviour::Choker | Behaviour::Liar | Behaviour::Babbler => {
                Vec::new()
            }
        }
    }

    /// Time has passed.
    pub(super) fn go_on(&mut self, talk: u64) -> Vec<Act> {
        if self.talks[&talk].prods > MOST_PRODS {
            return Vec::new();
        }
        match self.behaviour {
            Behaviour::SlowLoris => self.dribble(talk),
            Behaviour::Choker => vec![say(&[Message::Unchoke])],
            Behaviour::Flooder => {
                let burst: Vec<Message> = (0..BURST).map(|_| self.any_message()).collect();
                vec![say(&burst), Act::Wait(PAUSE)]
            }
            _ => Vec::new(),
        }
    }

    /// All at once or, for a slow loris, byte by byte.
    pub(super) fn say_in_own_way(&mut self, talk: u64, bytes: Bytes) -> Vec<Act> {
        let Some(known) = self.talks.get_mut(&talk) else { return Vec::new() };
        if self.behaviour != Behaviour::SlowLoris {
            return vec![Act::Say(bytes)];
        }
        let idle = known.dribble.is_empty();
        known.dribble.extend_from_slice(&bytes);
        if idle { vec![Act::Wait(Duration::from_millis(50))] } else { Vec::new() }
    }

    fn dribble(&mut self, talk: u64) -> Vec<Act> {
        let Some(known) = self.talks.get_mut(&talk) else { return Vec::new() };
        // Quick enough with the handshake, so that what follows is heard at all.
        let pause = if known.prods < 100 { Duration::from_millis(50) } else { PAUSE };
        let step = known.dribble.split_to(known.dribble.len().min(1)).freeze();
        let more = !known.dribble.is_empty();
        let mut acts = vec![Act::Say(step)];
        acts.extend(more.then_some(Act::Wait(pause)));
        acts
    }

    fn send_block(&mut self, span: Span, spoilt: bool) -> Vec<Act> {
        self.piece(span, spoilt).map(|piece| say(&[piece])).into_iter().collect()
    }

    fn half_a_block(&mut self, span: Span) -> Vec<Act> {
        let Some(Act::Say(bytes)) = self.send_block(span, false).pop() else { return Vec::new() };
        vec![Act::Say(bytes.slice(..bytes.len() / 2)), Act::HangUp]
    }

    fn change_mind(&mut self, span: Span) -> Vec<Act> {
        match self.rng.u8(..6) {
            0 => vec![say(&[Message::Reject(span)])],
            1 => vec![say(&[Message::HaveNone, Message::HaveAll, Message::Reject(span)])],
            2 => vec![say(&[Message::Choke, Message::Reject(span), Message::Unchoke])],
            3 => vec![say(&[Message::HaveNone])],
            _ => self.send_block(span, false),
        }
    }

    fn lie(&mut self) -> Act {
        let pieces = self.payload.info.layout().piece_count();
        let message = match self.rng.u8(..5) {
            0 => Message::Bitfield(Bitfield::full(pieces + 8).to_bytes()),
            1 => Message::Bitfield(vec![0xff; pieces.div_ceil(8) as usize].into()),
            2 => Message::Bitfield(Bytes::new()),
            3 => Message::Have { index: pieces },
            _ => Message::Request(Span { index: u32::MAX, begin: u32::MAX, length: u32::MAX }),
        };
        say(&[Message::Unchoke, message])
    }

    fn noise(&mut self, length: usize) -> Bytes {
        std::iter::repeat_with(|| self.rng.u8(..)).take(length).collect()
    }

    fn any_message(&mut self) -> Message {
        let index = self.rng.u32(..self.payload.info.layout().piece_count());
        let span = Span { index, begin: 0, length: 16_384 };
        match self.rng.u8(..10) {
            0 => Message::Have { index },
            1 => Message::HaveAll,
            2 => Message::Interested,
            3 => Message::NotInterested,
            4 => Message::Request(span),
            5 => Message::Cancel(span),
            6 => Message::Unchoke,
            7 => Message::AllowedFast { index },
            8 => Message::Suggest { index },
            _ => Message::KeepAlive,
        }
    }
}
