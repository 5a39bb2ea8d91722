//! The connections that the core still wants to hear of.

use std::net::SocketAddr;

use bytes::Bytes;
use gannet_core::{
    addr,
    contract::Input,
    id::{PeerKey, TorrentKey},
    reason::Disconnect,
};

use crate::{
    host::{self, Order},
    table::Table,
};

/// Connections by the number that the host knows them by.
#[derive(Default)]
pub(crate) struct Sockets(Table<u64, PeerKey>);

impl Sockets {
    pub(crate) fn dial(&mut self, peer: PeerKey, torrent: TorrentKey, addr: SocketAddr) {
        let number = self.adopt(peer);
        host::give(addr::text(addr).as_bytes());
        host::order(Order::Connect, &[number, torrent.as_u64() as f64]);
    }

    /// Takes over a connection that is there already; its number.
    pub(crate) fn adopt(&mut self, peer: PeerKey) -> f64 {
        self.0.insert(peer.as_u64(), peer);
        peer.as_u64() as f64
    }

    pub(crate) fn close(&mut self, peer: PeerKey) {
        if self.0.remove(peer.as_u64()).is_some() {
            host::order(Order::Close, &[peer.as_u64() as f64]);
        }
    }

    pub(crate) fn connected(&self, number: f64) -> Option<Input> {
        Some(Input::Connected { peer: self.find(number)? })
    }

    pub(crate) fn received(&self, number: f64, bytes: Vec<u8>) -> Option<Input> {
        Some(Input::Received { peer: self.find(number)?, bytes: Bytes::from(bytes) })
    }

    pub(crate) fn sent(&self, number: f64, bytes: f64) -> Option<Input> {
        Some(Input::Sent { peer: self.find(number)?, bytes: bytes as u64 })
    }

    pub(crate) fn closed(&mut self, number: f64, reason: Disconnect) -> Option<Input> {
        let peer = self.0.remove(number as u64)?;
        Some(Input::Closed { peer, reason })
    }

    fn find(&self, number: f64) -> Option<PeerKey> {
        self.0.get(number as u64).copied()
    }
}
