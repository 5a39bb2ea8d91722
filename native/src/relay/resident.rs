//! A client that lives in the relay's own process: pages are joined with it by ticket, and no byte
//! leaves the process. So it needs no hole in the rules for addresses.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gannet_core::id::InfoHash;
use tokio::io::DuplexStream;

use super::swarm::PageNumber;
use crate::client::Client;

/// The number by which pages name it: no page ever has it, they are counted from zero.
pub(super) const RESIDENT: PageNumber = PageNumber::MAX;

/// The client, and the torrents that it takes part in for pages.
#[derive(Debug, Clone)]
pub struct Resident {
    client: Client,
    torrents: Arc<Mutex<BTreeSet<InfoHash>>>,
}

impl Resident {
    /// A client with no torrent yet.
    pub fn new(client: Client) -> Self {
        Self { client, torrents: Arc::default() }
    }

    /// Offers a torrent to pages that come from now on.
    pub fn offer(&self, info_hash: InfoHash) {
        self.lock().insert(info_hash);
    }

    /// Offers it no more.
    pub fn withdraw(&self, info_hash: &InfoHash) {
        self.lock().remove(info_hash);
    }

    /// Whether it takes part in a torrent.
    pub(super) fn has(&self, info_hash: &InfoHash) -> bool {
        self.lock().contains(info_hash)
    }

    /// Takes its end of a stream; a client that has ended drops it.
    pub(super) async fn receive(self, stream: DuplexStream, from: SocketAddr) {
        let _ = self.client.accept(stream, from).await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<InfoHash>> {
        // The set is whole between any two statements that could panic.
        self.torrents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
