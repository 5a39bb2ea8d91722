//! What the tests beside the fuzzer often do with a [`Rig`].

use gannet_core::{
    AddTorrent, Content, TorrentOptions,
    id::{PeerKey, TorrentKey},
    storage::Order,
    wire::{Message, Reserved},
};

use crate::rig::{Rig, info};

impl Rig {
    pub fn add_with(&mut self, content: Content, options: TorrentOptions) -> TorrentKey {
        let add = AddTorrent { content, trackers: Vec::new(), peers: Vec::new(), options };
        self.command(|session, now| session.add(now, add)).expect("a torrent that fits")
    }

    /// A torrent of which nothing is there, opened and ready.
    pub fn empty_torrent(&mut self, seed: u8) -> TorrentKey {
        let key = self.add(Content::Info(info(seed)), &[], &[]);
        self.answer_all();
        key
    }

    /// One that has everything and serves us.
    pub fn seeder(&mut self, n: u8, seed: u8) -> PeerKey {
        let key = self.peer(n, seed, Reserved::ours());
        self.say(key, &[Message::HaveAll, Message::Unchoke]);
        key
    }

    /// Position of the first order that matches.
    pub fn order(&self, which: impl Fn(&Order) -> bool) -> Option<usize> {
        self.orders.iter().position(|(_, order)| which(order))
    }
}
