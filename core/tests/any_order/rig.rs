//! A session whose host is the test: it keeps what is to be answered, and answers when it likes.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use gannet_core::{
    AddTorrent, Content, Input, Output, Session, SessionConfig, TorrentOptions,
    event::{Event, News},
    id::{PeerId, PeerKey, PieceIndex, RequestKey, SourceKey, TorrentKey},
    layout::BLOCK_BYTES,
    metainfo::{Draft, DraftFile, Info, Metainfo},
    reason::CloseReason,
    storage::{Completion, Opened, Order, Outcome, StorageError, Verdict},
    time::Instant,
    wire::{Decoder, Handshake, Message, Reserved, Span},
};

pub const PIECES: u32 = 6;
pub const PIECE_BYTES: u32 = 2 * BLOCK_BYTES;

/// A torrent of two files of three pieces of two blocks each.
pub fn info(seed: u8) -> Arc<Info> {
    let file = |name: &str| DraftFile {
        path: vec![name.to_owned()],
        length: u64::from(PIECES / 2 * PIECE_BYTES),
        ..DraftFile::default()
    };
    let draft = Draft {
        name: format!("torrent {seed}"),
        piece_length: PIECE_BYTES,
        hashes: vec![[seed; 20]; PIECES as usize],
        files: vec![file("one"), file("two")],
        ..Draft::default()
    };
    Metainfo::parse(draft.encode().into()).expect("a torrent of our own").info
}

/// A session, and all that it waits for.
pub struct Rig {
    pub now: Instant,
    pub session: Session,
    pub orders: Vec<(TorrentKey, Order)>,
    pub fetches: Vec<(TorrentKey, SourceKey, PieceIndex, u32)>,
    pub dials: Vec<PeerKey>,
    pub https: Vec<RequestKey>,
    pub resolves: Vec<RequestKey>,
    pub peers: Vec<PeerKey>,
    pub closed: BTreeMap<PeerKey, CloseReason>,
    pub sent: BTreeMap<PeerKey, BytesMut>,
    pub news: Vec<(TorrentKey, News)>,
}

impl Rig {
    pub fn new(config: SessionConfig) -> Self {
        let now = Instant::from_micros(5_000_000);
        Self {
            now,
            session: Session::new(config, 1, now),
            orders: Vec::new(),
            fetches: Vec::new(),
            dials: Vec::new(),
            https: Vec::new(),
            resolves: Vec::new(),
            peers: Vec::new(),
            closed: BTreeMap::new(),
            sent: BTreeMap::new(),
            news: Vec::new(),
        }
    }

    pub fn add(&mut self, content: Content, trackers: &[&str], peers: &[SocketAddr]) -> TorrentKey {
        let trackers = trackers.iter().map(|&url| vec![url.to_owned()]).collect();
        let options = TorrentOptions::default();
        let add = AddTorrent { content, trackers, peers: peers.to_vec(), options };
        let key = self.session.add(self.now, add).expect("a torrent that fits");
        self.drain();
        key
    }

    /// A peer has dialled us and shaken hands; it is number `n`, on a host of its own.
    pub fn peer(&mut self, n: u8, seed: u8, reserved: Reserved) -> PeerKey {
        let addr = SocketAddr::from(([198, 51, 100, n], 6_000));
        let key = self.session.accept(self.now, addr).expect("room");
        self.peers.push(key);
        self.drain();
        let info_hash = *info(seed).info_hash();
        let mut peer_id = *b"-XX0001-abcdefghijkl";
        peer_id[19] = n;
        let peer_id = PeerId::new(peer_id);
        let handshake = Handshake { reserved, info_hash, peer_id };
        self.hear(key, Bytes::copy_from_slice(&handshake.encode()));
        key
    }

    pub fn input(&mut self, input: Input) {
        self.session.handle_input(self.now, input);
        self.drain();
    }

    pub fn hear(&mut self, peer: PeerKey, bytes: Bytes) {
        self.input(Input::Received { peer, bytes });
    }

    pub fn say(&mut self, peer: PeerKey, messages: &[Message]) {
        let mut bytes = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut bytes));
        self.hear(peer, bytes.freeze());
    }

    /// What a peer was told since this was last asked, without handshakes.
    pub fn told(&mut self, peer: PeerKey) -> Vec<Message> {
        let mut bytes = self.sent.remove(&peer).unwrap_or_default().freeze();
        if bytes.starts_with(b"\x13BitTorrent protocol") {
            drop(bytes.split_to(Handshake::LEN));
        }
        let mut decoder = Decoder::new();
        decoder.feed(bytes);
        std::iter::from_fn(|| decoder.next().expect("our own messages")).collect()
    }

    /// What a peer was asked for since it was last looked.
    pub fn asked(&mut self, peer: PeerKey) -> Vec<Span> {
        let requests = self.told(peer).into_iter().filter_map(|message| match message {
            Message::Request(span) => Some(span),
            _ => None,
        });
        requests.collect()
    }

    /// The peer sends these blocks.
    pub fn deliver(&mut self, peer: PeerKey, spans: &[Span]) {
        let blocks: Vec<Message> = spans.iter().map(|&span| block(span)).collect();
        self.say(peer, &blocks);
    }

    pub fn command<T>(&mut self, act: impl FnOnce(&mut Session, Instant) -> T) -> T {
        let answer = act(&mut self.session, self.now);
        self.drain();
        answer
    }

    /// Lets time pass; what is due is done on the way.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.tick();
        }
        self.now = end;
    }

    /// Does what is due now.
    pub fn tick(&mut self) {
        self.session.handle_timeout(self.now);
        self.drain();
        let next = self.session.poll_timeout();
        assert!(next.is_none_or(|(at, _)| at > self.now), "still due: {next:?}");
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect { peer, .. } => self.dials.push(peer),
                Output::Send { peer, bytes } => {
                    self.sent.entry(peer).or_default().extend_from_slice(&bytes);
                }
                Output::Close { peer, reason } => {
                    self.dials.retain(|&key| key != peer);
                    self.peers.retain(|&key| key != peer);
                    self.closed.insert(peer, reason);
                }
                Output::Http { request, .. } => self.https.push(request),
                Output::Resolve { request, .. } => self.resolves.push(request),
                Output::Datagram { .. } => {}
                Output::Storage(command) => self.orders.push((command.torrent, command.order)),
                Output::Fetch { torrent, source, piece, length } => {
                    self.fetches.push((torrent, source, piece, length));
                }
                Output::CancelFetch { source, piece, .. } => {
                    self.fetches.retain(|fetch| (fetch.1, fetch.2) != (source, piece));
                }
                Output::Event(Event { torrent, news }) => self.news.push((torrent, news)),
            }
        }
    }

    /// Answers the `n`th order: well or, as it is told, with a failure or a wrong hash.
    pub fn answer(&mut self, n: usize, how: Answer) {
        let (torrent, order) = self.orders.remove(n);
        let outcome = outcome(order, how);
        self.input(Input::Storage(Completion { torrent, outcome }));
    }

    /// Answers all orders well, and those that follow.
    pub fn answer_all(&mut self) {
        while !self.orders.is_empty() {
            self.answer(0, Answer::Good);
        }
    }

    pub fn has_news(&self, torrent: TorrentKey, which: impl Fn(&News) -> bool) -> bool {
        self.news.iter().any(|(key, news)| *key == torrent && which(news))
    }
}

pub fn block(Span { index, begin, length }: Span) -> Message {
    Message::Piece { index, begin, data: vec![0; length as usize].into() }
}

/// How an order is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Good,
    BadHash,
    Failure,
}

fn outcome(order: Order, how: Answer) -> Outcome {
    let failure = || StorageError::Full { file: "one".to_owned() };
    let works = || if how == Answer::Failure { Err(failure()) } else { Ok(()) };
    let judge = |digests: bool| match how {
        Answer::Good => {
            Ok(Verdict { good: true, digests: vec![[1; 20]; 2 * usize::from(digests)] })
        }
        Answer::BadHash => {
            Ok(Verdict { good: false, digests: vec![[2; 20]; 2 * usize::from(digests)] })
        }
        Answer::Failure => Err(failure()),
    };
    match order {
        Order::Open { .. } => Outcome::Opened(
            works().map(|()| Opened { trusted: None, present: vec![how == Answer::BadHash; 2] }),
        ),
        Order::Select { .. } => Outcome::Selected(works()),
        Order::Store { piece, .. } => Outcome::Stored { piece, result: judge(true) },
        Order::Spill { piece, buffers, .. } => {
            let length = buffers.iter().map(|bytes| bytes.len() as u32).sum();
            Outcome::Spilled { piece, length, result: works() }
        }
        Order::Check { piece, digest_blocks } => {
            Outcome::Checked { piece, result: judge(digest_blocks) }
        }
        Order::Read { piece, begin, length } => {
            let result = works().map(|()| vec![0; length as usize].into());
            Outcome::Read { piece, begin, length, result }
        }
        Order::Checkpoint { .. } => Outcome::Checkpointed(works()),
        Order::Close => Outcome::Closed,
    }
}
