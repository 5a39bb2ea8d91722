//! Whatever a host may do to a session, step by step.

use std::time::Duration;

use bytes::Bytes;
use gannet_core::{
    Content, Input, SessionConfig,
    announce::HttpError,
    contract::{SourceError, WorkList},
    event::News,
    extension::{ExtensionHandshake, MetadataMessage},
    id::{PeerKey, SourceKey, TorrentKey},
    layout::{BLOCK_BYTES, Layout},
    reason::Disconnect,
    wire::{Message, Reserved, Span},
};

use crate::rig::{Answer, PIECE_BYTES, PIECES, Rig, block, info};

/// One thing that happens: what, and two numbers that say to whom and how.
pub type Step = (u8, u16, u16);

/// A session with two torrents, a magnet link and a work list, and what happens to it.
pub struct Anything {
    rig: Rig,
    memory_bytes: u64,
    torrents: Vec<TorrentKey>,
    sources: Vec<(TorrentKey, SourceKey)>,
}

impl Anything {
    pub fn new(memory_bytes: u64) -> Self {
        let config = SessionConfig { memory_bytes, ..SessionConfig::default() };
        let mut rig = Rig::new(config);
        let addrs = [1, 2].map(|n| ([203, 0, 113, n], 6881).into());
        let trackers = ["http://tracker.example/announce", "udp://tracker.example:80"];
        let work = WorkList { items: 20, max_item_bytes: 20_000 };
        let torrents = vec![
            rig.add(Content::Info(info(1)), &trackers, &addrs),
            rig.add(Content::Info(info(2)), &trackers[..1], &addrs),
            rig.add(Content::Hash(*info(3).info_hash()), &[], &addrs),
            rig.add(Content::Work(work), &[], &[]),
        ];
        Self { rig, memory_bytes, torrents, sources: Vec::new() }
    }

    pub fn step(&mut self, (what, a, b): Step) {
        match what % 16 {
            0 => self.join(a, b),
            1..=4 => self.speak(a, b),
            5 | 6 => self.serve(a, b),
            7..=9 => self.answer_storage(a, b),
            10 => self.end_connection(a, b),
            11 => self.pass_time(a, b),
            12 | 13 => self.command(a, b),
            14 => self.fetch(a, b),
            _ => self.network(a, b),
        }
        self.check();
    }

    /// Each torrent may begin one piece even if others hold all the memory, so that none waits for
    /// another for ever; beyond that nothing is begun while the budget is used up.
    fn check(&self) {
        let leased = self.rig.session.leased_bytes();
        let most = self.memory_bytes + self.torrents.len() as u64 * u64::from(PIECE_BYTES);
        assert!(leased <= most, "{leased} bytes leased, at most {most}");
    }

    fn join(&mut self, a: u16, b: u16) {
        if self.rig.peers.len() < 8 {
            let reserved = if b & 1 == 0 { Reserved::ours() } else { Reserved::new([0; 8]) };
            self.rig.peer(a as u8 % 12, b as u8 % 4 + 1, reserved);
        }
    }

    fn someone(&self, a: u16) -> Option<PeerKey> {
        let peers = &self.rig.peers;
        (!peers.is_empty()).then(|| peers[usize::from(a) % peers.len()])
    }

    /// Any message, sense or nonsense.
    fn speak(&mut self, a: u16, b: u16) {
        let Some(peer) = self.someone(a) else { return };
        let index = u32::from(b >> 8) % (PIECES + 1);
        let begin = u32::from(b >> 4 & 3) * BLOCK_BYTES / 2;
        let span = Span { index: index % PIECES, begin, length: BLOCK_BYTES };
        let metadata_size = Some(u32::from(b));
        let extension = ExtensionHandshake::ours(5, metadata_size, Some(b));
        let raw = info(3).raw().clone();
        let data = MetadataMessage::Data { piece: 0, total_bytes: raw.len() as u32, data: raw };
        let message = match b % 24 {
            0..=3 => Message::Unchoke,
            4..=6 => Message::HaveAll,
            7 => Message::Choke,
            8 => Message::Interested,
            9 => Message::NotInterested,
            10 => Message::Have { index },
            11 => Message::Bitfield(Bytes::copy_from_slice(&[(b >> 8) as u8 & 0xfc])),
            12 => Message::Bitfield(Bytes::copy_from_slice(&[0xff; 3])),
            13 => Message::HaveNone,
            14 => Message::Request(span),
            15 => Message::Cancel(span),
            16 => Message::Reject(span),
            17 => block(span),
            18 => Message::AllowedFast { index },
            19 => Message::Extended { id: 0, payload: extension.encode().into() },
            20 => Message::Extended { id: 1, payload: data.encode().into() },
            21 => Message::Extended { id: b as u8, payload: Bytes::from_static(b"i1e") },
            22 => Message::Suggest { index },
            _ => return self.rig.hear(peer, Bytes::copy_from_slice(&[b as u8; 40])),
        };
        self.rig.say(peer, &[message]);
    }

    /// A peer sends, or refuses, what it was asked for, or a part of it.
    fn serve(&mut self, a: u16, b: u16) {
        let Some(peer) = self.someone(a) else { return };
        let mut asked = self.rig.asked(peer);
        if b & 1 == 1 {
            asked.reverse();
        }
        asked.truncate(usize::from(b >> 4 & 3) + 1);
        match b & 0xe == 0xe {
            true => asked.iter().for_each(|&span| self.rig.say(peer, &[Message::Reject(span)])),
            false => self.rig.deliver(peer, &asked),
        }
    }

    fn answer_storage(&mut self, a: u16, b: u16) {
        if !self.rig.orders.is_empty() {
            let how = match b % 8 {
                0 => Answer::Failure,
                1 => Answer::BadHash,
                _ => Answer::Good,
            };
            self.rig.answer(usize::from(a) % self.rig.orders.len(), how);
        }
    }

    fn end_connection(&mut self, a: u16, b: u16) {
        let reason = Disconnect::Reset;
        if let Some(peer) = self.rig.dials.pop() {
            let input = match b & 1 {
                0 => Input::Connected { peer },
                _ => Input::Closed { peer, reason },
            };
            if b & 1 == 0 {
                self.rig.peers.push(peer);
            }
            self.rig.input(input);
        } else if let Some(peer) = self.someone(a) {
            self.rig.peers.retain(|&key| key != peer);
            self.rig.input(Input::Closed { peer, reason });
            // A host that says it twice does no harm.
            self.rig.input(Input::Closed { peer, reason });
        }
    }

    fn pass_time(&mut self, a: u16, b: u16) {
        match b % 3 {
            0 => self.rig.wait(Duration::from_millis(u64::from(a) % 900)),
            1 => self.rig.wait(Duration::from_secs(u64::from(a) % 40)),
            _ => {
                // The host was asleep.
                self.rig.now += Duration::from_secs(u64::from(a) % 400);
                self.rig.tick();
            }
        }
    }

    fn command(&mut self, a: u16, b: u16) {
        let torrent = self.torrents[usize::from(a) % self.torrents.len()];
        // Sometimes one that only another torrent has.
        let larger = Layout::new(PIECE_BYTES, [(1 << 20, false)]).expect("within the limits");
        let piece = larger.piece(u32::from(b >> 8) % (PIECES + 2)).expect("it has 32");
        self.rig.command(|session, now| match b % 16 {
            0 => session.pause(now, torrent),
            1..=3 => session.resume(now, torrent),
            4 | 5 => session.select(now, torrent, &[b & 256 > 0, b & 512 > 0]),
            6 => session.read(now, torrent, piece),
            7 if b > 60_000 => session.remove(now, torrent),
            8 => session.add_tracker(now, torrent, "udp://198.51.100.77:80"),
            9 => session.announce(now, torrent),
            10 => session.set_limits(now, Some(u64::from(b)), (b > 99).then_some(u64::from(a))),
            11 => session.set_limits(now, None, None),
            12 => drop(session.take_result(now, torrent)),
            13 => session.add_peer(now, torrent, ([203, 0, 113, b as u8], b).into()),
            _ => {
                let source = session.add_source(now, torrent, format!("source {b}"));
                self.sources.extend(source.map(|source| (torrent, source)));
            }
        });
    }

    fn fetch(&mut self, a: u16, b: u16) {
        if b.is_multiple_of(16) && !self.sources.is_empty() {
            let (torrent, source) = self.sources[usize::from(a) % self.sources.len()];
            return self.rig.command(|session, now| session.remove_source(now, torrent, source));
        }
        if self.rig.fetches.is_empty() {
            return;
        }
        let at = usize::from(a) % self.rig.fetches.len();
        let (torrent, source, piece, length) = self.rig.fetches.remove(at);
        let result = match b % 8 {
            0 => Err(SourceError::Failed),
            1 => Err(SourceError::Gone),
            2 => Ok(vec![0; length as usize + 1].into()),
            3 => Ok(Bytes::new()),
            _ => Ok(vec![0; length as usize].into()),
        };
        let input = Input::Fetched { torrent, source, piece, result };
        self.rig.input(input.clone());
        self.rig.input(input);
    }

    fn network(&mut self, a: u16, b: u16) {
        let from = ([198, 51, 100, 77], 80).into();
        let body = b"d8:intervali60e5:peers6:\xcb\x00\x71\x09\x1a\xe1e";
        match b % 4 {
            0 => {
                let bytes = Bytes::copy_from_slice(&[a as u8; 20]);
                self.rig.input(Input::Datagram { from, bytes });
            }
            1 if !self.rig.resolves.is_empty() => {
                let request = self.rig.resolves.remove(0);
                self.rig.input(Input::Resolved { request, result: Ok(vec![from]) });
            }
            _ if !self.rig.https.is_empty() => {
                let request = self.rig.https.remove(0);
                let result = match a % 4 {
                    0 => Err(HttpError::Timeout),
                    1 => Ok(Bytes::from_static(b"no bencode")),
                    _ => Ok(Bytes::from_static(body)),
                };
                self.rig.input(Input::Http { request, result });
            }
            _ => {}
        }
    }

    /// Removes all: within the farewell and the storage's answers everything is gone.
    pub fn finish(mut self) {
        for &torrent in &self.torrents {
            self.rig.command(|session, now| session.remove(now, torrent));
        }
        self.rig.answer_all();
        self.rig.wait(gannet_core::session::MAX_FAREWELL);
        self.rig.answer_all();
        for &torrent in &self.torrents {
            let removed = |news: &News| matches!(news, News::Removed);
            assert!(self.rig.has_news(torrent, removed), "{torrent:?} was never removed");
            assert!(self.rig.session.stats(self.rig.now, torrent).is_none());
        }
        assert_eq!(self.rig.session.leased_bytes(), 0, "memory is still leased");
        assert_eq!(self.rig.dials, [], "dials that nobody will end");
        let open: Vec<_> = self.rig.peers.iter().collect();
        self.rig.session.poll_timeout().iter().for_each(|next| {
            // Only those who never said which torrent they want are left.
            assert_eq!(next.1, gannet_core::Timer::Handshake, "{open:?}");
        });
    }
}
