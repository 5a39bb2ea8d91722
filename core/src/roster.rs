//! Everybody that ever took part in a torrent: the rows of the table at the end.

use std::net::SocketAddr;

use serde::Serialize;

use crate::{
    addr,
    id::{PeerKey, SourceKey},
    score::Standing,
    sorted::Map,
    stats::PeerKind,
};

/// Rows that are kept; the oldest of those that left makes room, the least telling first. Only
/// connections that stand can be more.
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
#[derive(Debug)]
pub(crate) struct Roster {
    records: Map<RecordId, Record>,
    by_addr: Map<SocketAddr, RecordId>,
    next: u32,
    /// Stands in for those that were forgotten: blame for them leads nowhere.
    forgotten: Record,
}

impl Default for Roster {
    fn default() -> Self {
        Self {
            records: Map::new(),
            by_addr: Map::new(),
            next: 0,
            forgotten: Record::new(String::new(), None, PeerKind::Incoming),
        }
    }
}

impl Record {
    fn new(name: String, addr: Option<SocketAddr>, kind: PeerKind) -> Self {
        Self {
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
        }
    }
}

impl Roster {
    /// The row of a connection; the same again when an address comes back.
    pub(crate) fn peer(&mut self, addr: SocketAddr, outgoing: bool, peer: PeerKey) -> RecordId {
        let kind = if outgoing { PeerKind::Outgoing } else { PeerKind::Incoming };
        let id = match self.by_addr.get(&addr) {
            Some(&id) => id,
            None => self.add(addr::text(addr), Some(addr), kind),
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
        self.records.get(&id).unwrap_or(&self.forgotten)
    }

    pub(crate) fn record_mut(&mut self, id: RecordId) -> &mut Record {
        self.records.get_mut(&id).unwrap_or(&mut self.forgotten)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    fn add(&mut self, name: String, addr: Option<SocketAddr>, kind: PeerKind) -> RecordId {
        if self.records.len() >= MAX_RECORDS {
            self.make_room();
        }
        let id = RecordId(self.next);
        self.next += 1;
        self.records.insert(id, Record::new(name, addr, kind));
        id
    }

    /// Forgets somebody who left: first whoever never mattered, last the banned.
    fn make_room(&mut self) {
        let gone = self.records.iter().filter(|(_, record)| record.presence == Presence::Gone);
        let worth = |record: &Record| (record.banned, record.past_downloaded_bytes > 0);
        let Some(id) = gone.min_by_key(|&(&id, record)| (worth(record), id)).map(|(&id, _)| id)
        else {
            return;
        };
        if let Some(addr) = self.records.remove(&id).and_then(|record| record.addr) {
            self.by_addr.remove(&addr);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn addr(n: usize) -> SocketAddr {
        ([198, 51, 100, (n >> 15) as u8], 1_000 + (n & 0x7fff) as u16).into()
    }

    #[test]
    fn a_flood_of_strangers_takes_no_row_from_those_that_stand_or_delivered() {
        let mut roster = Roster::default();
        let honest = roster.peer(addr(0), true, PeerKey::new(0));
        let former = roster.peer(addr(1), true, PeerKey::new(1));
        roster.record_mut(former).past_downloaded_bytes = 5;
        roster.record_mut(former).presence = Presence::Gone;
        for n in 2..2 * MAX_RECORDS {
            let stranger = roster.peer(addr(n), false, PeerKey::new(n as u64));
            assert!(stranger != honest && stranger != former);
            roster.record_mut(stranger).presence = Presence::Gone;
        }
        assert_eq!(roster.iter().count(), MAX_RECORDS);
        assert_eq!(roster.record(honest).addr, Some(addr(0)));
        assert_eq!(roster.peer(addr(1), true, PeerKey::new(1)), former);
    }
}
