//! A stranger on the wire, byte by byte: what ends its connection, and what does not.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use gannet_core::{
    AddTorrent, Content, Input, Output, Session, SessionConfig, TorrentOptions,
    id::{InfoHash, PeerId, PeerKey, TorrentKey},
    layout::BLOCK_BYTES,
    metainfo::{Draft, DraftFile, Info, Metainfo},
    reason::{CloseReason, ProtocolError},
    storage::{Completion, Opened, Order, Outcome, Verdict},
    time::Instant,
    wire::{Handshake, Message, Reserved, Span},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const PIECES: u32 = 10;

/// A session with one torrent of ten pieces of two blocks, and a stranger that has dialled it.
struct Stage {
    now: Instant,
    session: Session,
    torrent: TorrentKey,
    peer: PeerKey,
    closed: Option<CloseReason>,
    complete: bool,
    /// What was read for it: how many bytes each time.
    reads: Vec<u32>,
}

fn info() -> Arc<Info> {
    let draft = Draft {
        name: "file".to_owned(),
        piece_length: 2 * BLOCK_BYTES,
        hashes: vec![[7; 20]; PIECES as usize],
        single_file: true,
        files: vec![DraftFile {
            path: vec!["file".to_owned()],
            length: u64::from(PIECES * 2 * BLOCK_BYTES),
            ..DraftFile::default()
        }],
        ..Draft::default()
    };
    Metainfo::parse(draft.encode().into()).expect("a torrent of our own").info
}

impl Stage {
    fn new(complete: bool) -> Self {
        let now = Instant::from_micros(5_000_000);
        let mut session = Session::new(SessionConfig::default(), 1, now);
        let options = TorrentOptions { complete, ..TorrentOptions::default() };
        let content = Content::Info(info());
        let add = AddTorrent { content, trackers: Vec::new(), peers: Vec::new(), options };
        let torrent = session.add(now, add).expect("the first torrent");
        let peer = session.accept(now, "198.51.100.7:50000".parse().unwrap()).expect("room");
        let mut stage = Self { now, session, torrent, peer, closed: None, complete, reads: vec![] };
        stage.drain();
        stage
    }

    /// A stage on which the handshakes are through.
    fn greeted(complete: bool, reserved: Reserved) -> Self {
        let mut stage = Self::new(complete);
        stage.hear(Bytes::copy_from_slice(&handshake(*info().info_hash(), reserved).encode()));
        assert_eq!(stage.closed, None);
        stage
    }

    fn hear(&mut self, bytes: Bytes) {
        let peer = self.peer;
        self.session.handle_input(self.now, Input::Received { peer, bytes });
        self.drain();
    }

    fn say(&mut self, messages: &[Message]) {
        let mut bytes = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut bytes));
        self.hear(bytes.freeze());
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Close { peer, reason } if peer == self.peer => self.closed = Some(reason),
                Output::Storage(command) => self.answer(command.order),
                _ => {}
            }
        }
    }

    /// A disk on which nothing is, or everything, and every piece that comes is right.
    fn answer(&mut self, order: Order) {
        let outcome = match order {
            Order::Open { .. } => {
                Outcome::Opened(Ok(Opened { trusted: None, present: vec![self.complete] }))
            }
            Order::Store { piece, .. } => {
                Outcome::Stored { piece, result: Ok(Verdict { good: true, digests: Vec::new() }) }
            }
            Order::Read { piece, begin, length } => {
                self.reads.push(length);
                let result = Ok(vec![0; length as usize].into());
                Outcome::Read { piece, begin, length, result }
            }
            Order::Checkpoint { .. } => Outcome::Checkpointed(Ok(())),
            order => panic!("not expected: {order:?}"),
        };
        let done = Completion { torrent: self.torrent, outcome };
        self.session.handle_input(self.now, Input::Storage(done));
        self.drain();
    }
}

fn handshake(info_hash: InfoHash, reserved: Reserved) -> Handshake {
    Handshake { reserved, info_hash, peer_id: PeerId::new(*b"-XX0001-abcdefghijkl") }
}

fn plain() -> Reserved {
    Reserved::new([0; 8])
}

fn protocol(stage: &Stage) -> Option<&ProtocolError> {
    match &stage.closed {
        Some(CloseReason::Protocol(error)) => Some(error),
        _ => None,
    }
}

#[test]
fn what_no_peer_may_say_ends_the_connection() {
    let span = |index, begin, length| Span { index, begin, length };
    let whole = 2 * BLOCK_BYTES;
    let rude: Vec<(&str, Message)> = vec![
        ("a bitfield too short", Message::Bitfield(Bytes::from_static(&[0xff]))),
        ("a bitfield too long", Message::Bitfield(Bytes::from_static(&[0xff, 0xc0, 0]))),
        ("a bitfield with spare bits", Message::Bitfield(Bytes::from_static(&[0xff, 0xe0]))),
        ("have of a piece beyond the last", Message::Have { index: PIECES }),
        ("have of piece u32::MAX", Message::Have { index: u32::MAX }),
        ("a request beyond the last piece", Message::Request(span(PIECES, 0, 16))),
        ("a request that overflows", Message::Request(span(0, u32::MAX, 16))),
        ("a request across the end", Message::Request(span(0, whole - 8, 16))),
        ("a request of nothing", Message::Request(span(0, 0, 0))),
        ("a request of more than 32 KiB", Message::Request(span(0, 0, 33 * 1024))),
        (
            "a block beyond the last piece",
            Message::Piece { index: PIECES, begin: 0, data: Bytes::from_static(b"x") },
        ),
        (
            "a block at offset u32::MAX",
            Message::Piece { index: 0, begin: u32::MAX, data: Bytes::from_static(b"x") },
        ),
        ("have all without the fast extension", Message::HaveAll),
        (
            "an extension handshake of rubbish",
            Message::Extended { id: 0, payload: Bytes::from_static(b"rubbish") },
        ),
    ];
    for (what, message) in rude {
        let mut stage = Stage::greeted(true, plain());
        stage.say(&[message]);
        assert!(protocol(&stage).is_some(), "{what}: {:?}", stage.closed);
    }
}

#[test]
fn what_is_asked_for_at_once_is_read_at_once_on_a_fast_line() {
    let mut stage = Stage::greeted(true, plain());
    stage.say(&[Message::Interested]);
    let blocks = |index| {
        [0, BLOCK_BYTES].map(|begin| Message::Request(Span { index, begin, length: BLOCK_BYTES }))
    };
    // Nothing is known of its line.
    stage.say(&blocks(0));
    assert_eq!(stage.reads, [BLOCK_BYTES; 2]);
    (1..5).for_each(|index| stage.say(&blocks(index)));
    stage.reads.clear();
    stage.say(&blocks(5));
    assert_eq!(stage.reads, [2 * BLOCK_BYTES]);
}

#[test]
fn what_is_asked_for_and_taken_back_at_once_is_not_read() {
    let mut stage = Stage::greeted(true, plain());
    stage.say(&[Message::Interested]);
    let span = Span { index: 0, begin: 0, length: BLOCK_BYTES };
    stage.say(&[Message::Request(span), Message::Cancel(span)]);
    assert_eq!((stage.reads.len(), stage.closed), (0, None));
}

#[test]
fn a_message_of_four_gigabytes_is_refused_at_its_length() {
    let mut stage = Stage::greeted(true, plain());
    stage.hear(Bytes::from_static(&[0xff, 0xff, 0xff, 0xff]));
    assert!(matches!(protocol(&stage), Some(ProtocolError::Wire(_))), "{:?}", stage.closed);
}

#[test]
fn what_real_peers_do_is_tolerated() {
    let mut stage = Stage::greeted(false, Reserved::ours());
    stage.say(&[
        Message::Have { index: 3 },
        Message::KeepAlive,
        Message::Unknown { id: 77 },
        Message::Bitfield(Bytes::from_static(&[0x80, 0x00])),
        Message::Extended { id: 99, payload: Bytes::from_static(b"whatever") },
        Message::Extended { id: 0, payload: Bytes::from_static(b"d1:md10:weird_namei7eee") },
        Message::Port(6881),
        Message::Suggest { index: 2 },
        Message::Choke,
        Message::Choke,
        Message::Unchoke,
    ]);
    assert_eq!(stage.closed, None);
    let mut stage = Stage::greeted(false, plain());
    stage.say(&[Message::Have { index: 3 }, Message::Unchoke]);
    assert_eq!(stage.closed, None, "no bitfield at all");
}

#[test]
fn fifty_blocks_nobody_asked_for_are_ignored_and_the_next_ends_it() {
    let mut stage = Stage::greeted(false, plain());
    let block = Message::Piece { index: 0, begin: 0, data: vec![0; BLOCK_BYTES as usize].into() };
    for _ in 0..50 {
        stage.say(std::slice::from_ref(&block));
        assert_eq!(stage.closed, None);
    }
    stage.say(&[block]);
    assert_eq!(protocol(&stage), Some(&ProtocolError::Unasked));
    assert_eq!(stage.session.leased_bytes(), 0, "none of them was kept");
}

#[test]
fn requests_beyond_the_queue_are_rejected_and_cost_nothing() {
    let mut stage = Stage::greeted(true, Reserved::ours());
    stage.say(&[Message::Interested]);
    let span = Span { index: 0, begin: 0, length: BLOCK_BYTES };
    // Nothing is acknowledged as sent, so after 1 MiB everything further waits in the queue.
    for _ in 0..50 {
        stage.say(&vec![Message::Request(span); 100]);
    }
    assert_eq!(stage.closed, None);
    let uploaded = stage.session.stats(stage.now, stage.torrent).unwrap().uploaded_bytes;
    assert!(uploaded <= (1 << 20) + 512 * 1024, "{uploaded} bytes are waiting to be sent");
}

#[test]
fn a_handshake_that_never_ends_is_closed_after_ten_seconds() {
    for bytes in
        [&b""[..], b"\x13BitTorrent proto", &handshake(*info().info_hash(), plain()).encode()[..60]]
    {
        let mut stage = Stage::new(true);
        stage.hear(Bytes::copy_from_slice(bytes));
        stage.wait(Duration::from_millis(9_900));
        assert_eq!(stage.closed, None);
        stage.wait(Duration::from_millis(200));
        assert_eq!(stage.closed, Some(CloseReason::HandshakeTimeout));
    }
}

#[test]
fn another_protocol_and_another_torrent_are_turned_away() {
    let mut stage = Stage::new(true);
    stage.hear(Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n"));
    assert!(matches!(protocol(&stage), Some(ProtocolError::Handshake(_))));
    let mut stage = Stage::new(true);
    stage.hear(Bytes::copy_from_slice(&handshake(InfoHash::new([9; 20]), plain()).encode()));
    assert_eq!(stage.closed, Some(CloseReason::UnknownTorrent));
}

#[test]
fn we_don_t_talk_to_ourselves() {
    let mut stage = Stage::new(true);
    let own =
        Handshake { peer_id: stage.session.peer_id(), ..handshake(*info().info_hash(), plain()) };
    stage.hear(Bytes::copy_from_slice(&own.encode()));
    assert_eq!(stage.closed, Some(CloseReason::Duplicate));
}

#[test]
fn a_silent_peer_is_kept_alive_for_three_minutes_then_closed() {
    let mut stage = Stage::greeted(true, plain());
    stage.wait(Duration::from_secs(179));
    assert_eq!(stage.closed, None);
    stage.wait(Duration::from_secs(2));
    assert_eq!(stage.closed, Some(CloseReason::Idle));
}

#[test]
fn a_seeder_is_let_go_but_not_one_that_has_no_metadata_yet() {
    let seeder =
        Message::Extended { id: 0, payload: Bytes::from_static(b"d13:metadata_sizei99ee") };
    let mut stage = Stage::greeted(true, Reserved::ours());
    stage.say(&[Message::HaveAll, seeder]);
    assert_eq!(stage.closed, Some(CloseReason::Useless));

    let magnet = Message::Extended { id: 0, payload: Bytes::from_static(b"d13:metadata_sizei0ee") };
    let mut stage = Stage::greeted(true, Reserved::ours());
    stage.say(&[magnet, Message::HaveAll]);
    assert_eq!(stage.closed, None, "it will ask for the metadata next");
}
