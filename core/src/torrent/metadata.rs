//! A magnet link's metadata: fetched from several peers at once, verified, served on (BEP 9).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{Phase, Timer, Torrent};
use crate::{
    extension::{METADATA_PIECE_BYTES, MetadataAssembly, MetadataMessage},
    id::PeerKey,
    listed::Listed,
    metainfo::Info,
    peer::MAX_UNSENT_BYTES,
    reason::{CloseReason, ProtocolError},
    shared::Cx,
    sorted::{Map, Set},
    time::Instant,
    wire::Message,
};

/// Sizes that peers may claim; further claims are ignored until one proves false.
pub const MAX_CLAIMED_SIZES: usize = 4;
/// A metadata request without an answer goes to another peer after so long.
pub const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// One that keeps talking without an answer has so long: a slow line is no crime, but nobody may
/// hold a piece for ever.
pub const METADATA_PATIENCE: Duration = Duration::from_secs(20);

/// The metadata while it is being fetched.
#[derive(Debug, Default)]
pub(super) struct MetadataExchange {
    /// By claimed size: peers may lie about it.
    assemblies: Map<u32, MetadataAssembly>,
    /// They rejected, timed out or sent rubbish: asked only if nobody else is there.
    unwilling: Set<PeerKey>,
    /// When each was asked for the piece that it owes.
    asked_at: Map<PeerKey, Instant>,
    /// A whole from several peers was wrong: from now on each must send all of it alone.
    alone: bool,
}

impl MetadataExchange {
    pub(super) fn peer_left(&mut self, key: PeerKey) {
        self.assemblies.values_mut().for_each(|assembly| assembly.release(key));
        self.unwilling.remove(&key);
        self.asked_at.remove(&key);
    }

    /// Takes a size that nobody is asked for out, if room is needed for another one.
    fn make_room(&mut self, size: u32) {
        if self.assemblies.contains_key(&size) || self.assemblies.len() < MAX_CLAIMED_SIZES {
            return;
        }
        let owed: Set<u32> = self
            .asked_at
            .keys()
            .filter_map(|&key| {
                let mut asked = self.assemblies.iter();
                asked.find(|(_, of)| of.assigned_to(key).is_some()).map(|(&size, _)| size)
            })
            .collect();
        let idle = self.assemblies.keys().copied().find(|size| !owed.contains(size));
        idle.and_then(|size| self.assemblies.remove(&size));
    }

    fn is_asked(&self, key: PeerKey) -> bool {
        self.assemblies.values().any(|assembly| assembly.assigned_to(key).is_some())
    }
}

impl Torrent {
    /// Asks each peer that has the metadata for a piece of it.
    pub(super) fn ask_for_metadata(&mut self, cx: &mut Cx<'_>) {
        if self.phase != Phase::Metadata || self.info_hash.is_none() || self.paused {
            return;
        }
        self.release_overdue(cx);
        let holders: Vec<(PeerKey, u32)> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_open() && peer.metadata_id().is_some())
            .filter_map(|(&key, peer)| Some((key, peer.extension.as_ref()?.metadata_size?)))
            .listed();
        let all_unwilling = holders.iter().all(|(key, _)| self.metadata.unwilling.contains(key));
        if all_unwilling {
            self.metadata.unwilling.clear();
        }
        for (key, size) in holders {
            if !self.metadata.unwilling.contains(&key) {
                self.ask_peer_for_metadata(cx, key, size);
            }
        }
    }

    fn ask_peer_for_metadata(&mut self, cx: &mut Cx<'_>, key: PeerKey, size: u32) {
        let exchange = &mut self.metadata;
        if exchange.is_asked(key) {
            return;
        }
        exchange.make_room(size);
        if !exchange.assemblies.contains_key(&size) && exchange.assemblies.len() < MAX_CLAIMED_SIZES
        {
            exchange.assemblies.extend(MetadataAssembly::new(size).map(|fresh| (size, fresh)));
        }
        let Some(assembly) = exchange.assemblies.get_mut(&size) else { return };
        let others = assembly.contributors().iter().any(|&other| other != key)
            || self
                .peers
                .keys()
                .any(|&other| other != key && assembly.assigned_to(other).is_some());
        if exchange.alone && others {
            return;
        }
        let Some(piece) = assembly.assign(key) else { return };
        exchange.asked_at.insert(key, cx.now);
        self.say_metadata(key, &MetadataMessage::Request { piece });
        self.flush(cx, key);
        self.timers.no_later_than(Timer::Metadata, cx.now + METADATA_TIMEOUT);
    }

    /// Whoever was silent for the whole of the timeout owes its piece no longer.
    fn release_overdue(&mut self, cx: &Cx<'_>) {
        let asked_at = self.metadata.asked_at.clone();
        let silent = self.peers.iter().filter(|(key, peer)| {
            let asked_at = asked_at.get(key).copied().unwrap_or(cx.now);
            peer.last_heard.max(asked_at) + METADATA_TIMEOUT <= cx.now
                || asked_at + METADATA_PATIENCE <= cx.now
        });
        for (&key, _) in silent {
            if self.metadata.is_asked(key) {
                self.metadata.assemblies.values_mut().for_each(|assembly| assembly.release(key));
                self.metadata.unwilling.insert(key);
            }
        }
        if !self.timers.is_set(Timer::Metadata) && !self.metadata.assemblies.is_empty() {
            self.timers.set(Timer::Metadata, Some(cx.now + METADATA_TIMEOUT));
        }
    }

    fn say_metadata(&mut self, key: PeerKey, message: &MetadataMessage) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let Some(id) = peer.metadata_id() else { return };
        peer.say(&Message::Extended { id, payload: message.encode().into() });
    }

    /// A peer asks for metadata, sends some, or won't.
    pub(super) fn metadata_message(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        payload: Bytes,
    ) -> Result<(), CloseReason> {
        let message = MetadataMessage::decode(&payload).map_err(ProtocolError::Metadata)?;
        match message {
            MetadataMessage::Request { piece } => self.serve_metadata(key, piece),
            MetadataMessage::Data { piece, data, .. } => {
                self.metadata_arrived(cx, key, piece, data)
            }
            MetadataMessage::Reject { .. } => {
                self.metadata.peer_left(key);
                self.metadata.unwilling.insert(key);
            }
            MetadataMessage::Unknown => {}
        }
        self.ask_for_metadata(cx);
        Ok(())
    }

    fn serve_metadata(&mut self, key: PeerKey, piece: u32) {
        let Some(peer) = self.peers.get(&key) else { return };
        let raw = self.info.as_ref().map(|info| info.raw().clone()).unwrap_or_default();
        let begin = piece as usize * METADATA_PIECE_BYTES as usize;
        let answer = match begin < raw.len() && peer.unsent_bytes < MAX_UNSENT_BYTES {
            true => {
                let end = (begin + METADATA_PIECE_BYTES as usize).min(raw.len());
                let data = raw.slice(begin..end);
                MetadataMessage::Data { piece, total_bytes: raw.len() as u32, data }
            }
            false => MetadataMessage::Reject { piece },
        };
        self.say_metadata(key, &answer);
    }

    fn metadata_arrived(&mut self, cx: &mut Cx<'_>, key: PeerKey, piece: u32, data: Bytes) {
        let size = self.peers.get(&key).and_then(|peer| peer.extension.as_ref()?.metadata_size);
        let Some(size) = size.filter(|_| self.phase == Phase::Metadata) else { return };
        let Some(assembly) = self.metadata.assemblies.get_mut(&size) else { return };
        if assembly.insert(piece, data, key).is_err() {
            assembly.release(key);
            self.metadata.unwilling.insert(key);
        } else if let Some(raw) = assembly.complete() {
            self.judge_metadata(cx, size, raw);
        }
    }

    fn judge_metadata(&mut self, cx: &mut Cx<'_>, size: u32, raw: Bytes) {
        let Some(info_hash) = self.info_hash else { return };
        if let Ok(info) = Info::parse_expecting(raw, &info_hash) {
            self.metadata = MetadataExchange::default();
            self.timers.set(Timer::Metadata, None);
            return self.learn_info(cx, Arc::new(info));
        }
        let assembly = self.metadata.assemblies.remove(&size);
        let contributors = assembly.map(|assembly| assembly.contributors()).unwrap_or_default();
        match contributors[..] {
            [liar] => self.close(cx, liar, CloseReason::Corrupt),
            _ => {
                self.metadata.alone = true;
                self.metadata.unwilling.extend(contributors);
            }
        }
    }
}
