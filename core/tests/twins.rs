//! Two connections to one peer, because both dialled at once: one must remain, and if the other side
//! has chosen the other one, the peer is dialled again.

use std::{net::SocketAddr, time::Duration};

use gannet_core::{
    AddTorrent, Content, Input, Output, Session, SessionConfig, TorrentOptions,
    id::{InfoHash, PeerId, PeerKey},
    reason::{CloseReason, Disconnect},
    time::Instant,
    wire::{Handshake, Reserved},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const HASH: InfoHash = InfoHash::new([1; 20]);

/// A session that has dialled the one peer it knows of.
struct Stage {
    now: Instant,
    session: Session,
    dialled: Vec<PeerKey>,
    closed: Vec<PeerKey>,
}

impl Stage {
    fn new() -> Self {
        let now = Instant::from_micros(5_000_000);
        let mut session = Session::new(SessionConfig::default(), 1, now);
        let options = TorrentOptions::default();
        let add = AddTorrent {
            content: Content::Hash(HASH),
            trackers: Vec::new(),
            peers: vec![listening()],
            options,
        };
        session.add(now, add).expect("the first torrent");
        let mut stage = Self { now, session, dialled: Vec::new(), closed: Vec::new() };
        stage.drain();
        stage
    }

    fn give(&mut self, input: Input) {
        self.session.handle_input(self.now, input);
        self.drain();
    }

    /// The peer's handshake, with an id below or above any that we have.
    fn greet(&mut self, peer: PeerKey, id: u8) {
        let peer_id = PeerId::new([id; 20]);
        let handshake = Handshake { reserved: Reserved::new([0; 8]), info_hash: HASH, peer_id };
        let bytes = handshake.encode().to_vec().into();
        self.give(Input::Received { peer, bytes });
    }

    /// Both dials succeed, and both sides greet on both; which connection is whose.
    fn meet(&mut self, ours_first: bool, id: u8) -> (PeerKey, PeerKey) {
        let ours = self.dialled[0];
        self.give(Input::Connected { peer: ours });
        let from = "198.51.100.7:50000".parse().expect("an address");
        let theirs = self.session.accept(self.now, from).expect("room");
        let order = if ours_first { [ours, theirs] } else { [theirs, ours] };
        order.into_iter().for_each(|peer| self.greet(peer, id));
        assert_eq!(self.closed.len(), 1, "one of two remains");
        (ours, theirs)
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
                Output::Connect { peer, addr } => {
                    assert_eq!(addr, listening());
                    self.dialled.push(peer);
                }
                Output::Close { peer, reason } => {
                    assert_eq!(reason, CloseReason::Duplicate);
                    self.closed.push(peer);
                }
                _ => {}
            }
        }
    }
}

fn listening() -> SocketAddr {
    "198.51.100.7:6881".parse().expect("an address")
}

/// Every order of the two handshakes, and either side with the greater peer id.
fn cases() -> impl Iterator<Item = (bool, u8)> {
    [false, true].into_iter().flat_map(|ours_first| [(ours_first, 0), (ours_first, 0xff)])
}

#[test]
fn a_peer_that_closes_the_connection_we_kept_is_dialled_again() {
    for (ours_first, id) in cases() {
        let mut stage = Stage::new();
        let (ours, theirs) = stage.meet(ours_first, id);
        let kept = if stage.closed == [ours] { theirs } else { ours };
        stage.give(Input::Closed { peer: kept, reason: Disconnect::Remote });
        stage.wait(Duration::from_secs(10));
        assert_eq!(stage.dialled.len(), 2, "ours first: {ours_first}, id: {id}");
    }
}

#[test]
fn while_one_connection_lasts_the_peer_is_not_dialled() {
    for (ours_first, id) in cases() {
        let mut stage = Stage::new();
        stage.meet(ours_first, id);
        stage.wait(Duration::from_secs(60));
        assert_eq!(stage.dialled.len(), 1, "ours first: {ours_first}, id: {id}");
    }
}
