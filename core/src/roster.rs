//! Everybody that ever took part in a torrent: the rows of the table at the end.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::Serialize;

use crate::{
    id::{PeerKey, SourceKey},
    score::Standing,
    stats::PeerKind,
};

/// Rows that are kept; whoever comes later shares the last one.
pub const MAX_RECORDS: usize = 2_000;

/// A row of the roster. It outlives connections, so that blame and score find their owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct RecordId(u32);

impl RecordId {
    pub(crate) const fn as_u32(self) -> u32 {
        self.0
    }
}

/// Who is behind a row now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Gone,
    Peer(PeerKey),
    Source(SourceKey),
}

/// What is kept of a peer or source.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) addr: Option<SocketAddr>,
    pub(crate) kind: PeerKind,
    pub(crate) presence: Presence,
    pub(crate) client: Option<String>,
    pub(crate) left: Option<String>,
    pub(crate) banned: bool,
    pub(crate) standing: Standing,
    /// Of connections that have ended.
    pub(crate) past_downloaded_bytes: u64,
    pub(crate) past_uploaded_bytes: u64,
}

/// The rows, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    records: Vec<Record>,
    by_addr: BTreeMap<SocketAddr, RecordId>,
}

impl Roster {
    /// The row of a connection; the same again when an address comes back.
    pub(crate) fn peer(&mut self, addr: SocketAddr, outgoing: bool, peer: PeerKey) -> RecordId {
        let kind = if outgoing { PeerKind::Outgoing } else { PeerKind::Incoming };
        let id = match self.by_addr.get(&addr) {
            Some(&id) => id,
            None => self.add(addr.to_string(), Some(addr), kind),
        };
        self.by_addr.insert(addr, id);
        self.record_mut(id).presence = Presence::Peer(peer);
        id
    }

    /// The row of a new source.
    pub(crate) fn source(&mut self, name: String, source: SourceKey) -> RecordId {
        let id = self.add(name, None, PeerKind::Source);
        self.record_mut(id).presence = Presence::Source(source);
        id
    }

    pub(crate) fn record(&self, id: RecordId) -> &Record {
        &self.records[id.0 as usize]
    }

    pub(crate) fn record_mut(&mut self, id: RecordId) -> &mut Record {
        &mut self.records[id.0 as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    fn add(&mut self, name: String, addr: Option<SocketAddr>, kind: PeerKind) -> RecordId {
        if self.records.len() == MAX_RECORDS {
            return RecordId(MAX_RECORDS as u32 - 1);
        }
        self.records.push(Record {
            name,
            addr,
            kind,
            presence: Presence::Gone,
            client: None,
            left: None,
            banned: false,
            standing: Standing::default(),
            past_downloaded_bytes: 0,
            past_uploaded_bytes: 0,
        });
        RecordId(self.records.len() as u32 - 1)
    }
}
