//! Connections: dialled, accepted, introduced, ended.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{Phase, Timer, Torrent};
use crate::{
    bitfield::Bitfield,
    contract::Output,
    event::{News, PeerIntroduction},
    extension::{ExtensionHandshake, HANDSHAKE_ID},
    id::PeerKey,
    listed::Listed,
    peer::{Heard, MAX_REQUESTS_IN, Peer, Stage},
    reason::{CloseReason, Disconnect, Leaving, ProtocolError},
    roster::{Presence, RecordId},
    shared::Cx,
    wire::{Handshake, Message, Reserved},
};

/// An address that had nothing for us is not dialled again for so long.
const USELESS_REST: Duration = Duration::from_secs(300);

impl Torrent {
    /// Dials addresses that are due, while there is room for more connections.
    pub(crate) fn dial(&mut self, cx: &mut Cx<'_>) {
        if !self.wants_peers() {
            return;
        }
        while self.peers.len() < self.options.max_peers && cx.shared.may_dial() {
            let Some(addr) = self.book.next_due(cx.now) else { break };
            let key = cx.shared.own_peer(cx.torrent);
            self.book.connected(addr, key);
            self.add_connection(cx, key, addr, true);
            cx.shared.dialling.insert(key);
            cx.output(Output::Connect { peer: key, addr });
        }
        if self.peers.len() < self.options.max_peers {
            let next = self.book.next_dial().filter(|&at| at > cx.now);
            // With no dial to spare now, the session wakes us when one ends.
            self.timers.set(Timer::Dial, next);
        }
    }

    /// Something is missing that was not wanted before: seeders that were let go are asked again.
    pub(super) fn look_again(&mut self, cx: &mut Cx<'_>) {
        if !self.is_done() {
            self.book.wake(cx.now);
            self.dial(cx);
        }
    }

    fn wants_peers(&self) -> bool {
        matches!(self.phase, Phase::Metadata | Phase::Active)
            && !self.paused
            && self.info_hash.is_some()
    }

    fn add_connection(&mut self, cx: &Cx<'_>, key: PeerKey, addr: SocketAddr, outgoing: bool) {
        let record = self.roster.peer(addr, outgoing, key);
        let has = Arc::new(Bitfield::new(self.everything.len()));
        let mut peer = Peer::new(cx.now, addr, outgoing, record, has);
        if self.download.is_some() {
            peer.set_max_message_bytes(crate::wire::max_message_bytes(self.everything.len()));
        } else {
            peer.set_max_message_bytes(crate::wire::max_message_bytes(crate::layout::MAX_PIECES));
        }
        self.timers.no_later_than(Timer::Peers, peer.deadline());
        self.peers.insert(key, peer);
    }

    /// A connection that named this torrent; `first` is what it sent so far.
    pub(crate) fn accept(&mut self, cx: &mut Cx<'_>, key: PeerKey, addr: SocketAddr, first: Bytes) {
        let reason = match self.phase {
            _ if self.paused => Some(CloseReason::Stopped),
            Phase::Leaving => Some(CloseReason::Stopped),
            _ if self.book.is_banned(addr) => Some(CloseReason::Corrupt),
            _ if self.peers.len() >= self.options.max_peers => Some(CloseReason::Limit),
            _ => None,
        };
        if let Some(reason) = reason {
            cx.shared.disown_peer(key);
            cx.output(Output::Close { peer: key, reason });
            return;
        }
        self.add_connection(cx, key, addr, false);
        self.say_handshake(cx, key);
        self.received(cx, key, first);
    }

    pub(crate) fn connected(&mut self, cx: &mut Cx<'_>, key: PeerKey) {
        let peer = self.peers.get_mut(&key).filter(|peer| matches!(peer.stage, Stage::Dialling));
        let Some(peer) = peer else { return };
        peer.stage = Stage::Handshake(Vec::new());
        peer.opened_at = cx.now;
        self.timers.no_later_than(Timer::Peers, peer.deadline());
        self.say_handshake(cx, key);
        self.flush(cx, key);
    }

    fn say_handshake(&mut self, cx: &Cx<'_>, key: PeerKey) {
        let (Some(info_hash), Some(peer)) = (self.info_hash, self.peers.get_mut(&key)) else {
            return;
        };
        let peer_id = cx.shared.peer_id;
        peer.say_handshake(&Handshake { reserved: Reserved::ours(), info_hash, peer_id });
    }

    /// Bytes came from a connection.
    pub(crate) fn received(&mut self, cx: &mut Cx<'_>, key: PeerKey, bytes: Bytes) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.receive(cx.now, bytes);
        if let Err(reason) = self.hear_all(cx, key) {
            self.close(cx, key, reason);
        }
        self.serve(cx, key);
        self.ask_for_blocks(cx, key);
        self.flush(cx, key);
    }

    fn hear_all(&mut self, cx: &mut Cx<'_>, key: PeerKey) -> Result<(), CloseReason> {
        while let Some(peer) = self.peers.get_mut(&key) {
            match peer.hear().map_err(CloseReason::Protocol)? {
                None => break,
                Some(Heard::Handshake(handshake)) => self.greet(cx, key, &handshake)?,
                Some(Heard::Message(message)) => self.handle_message(cx, key, message)?,
            }
        }
        Ok(())
    }

    /// The remote handshake is there: from now on messages flow.
    fn greet(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        handshake: &Handshake,
    ) -> Result<(), CloseReason> {
        if Some(handshake.info_hash) != self.info_hash {
            return Err(ProtocolError::WrongInfoHash.into());
        }
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        peer.peer_id = Some(handshake.peer_id);
        peer.fast = handshake.reserved.fast();
        peer.extended = handshake.reserved.extended();
        let (addr, outgoing) = (peer.addr, peer.outgoing);
        if handshake.peer_id == cx.shared.peer_id {
            self.book.forget(addr);
            return Err(CloseReason::Duplicate);
        }
        self.settle_duplicate(cx, key, outgoing)?;
        self.book.proved(addr);
        self.say_extension_handshake(cx, key);
        self.say_what_we_have(key);
        self.introduce_unextended(cx, key);
        Ok(())
    }

    /// Two connections to one peer: both ends keep the one that the greater peer id dialled. Only
    /// from one host: peer ids are no secret, and nobody may push out another with a copied one.
    fn settle_duplicate(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        outgoing: bool,
    ) -> Result<(), CloseReason> {
        let Some(peer) = self.peers.get(&key) else { return Ok(()) };
        let (id, host) = (peer.peer_id, peer.addr.ip().to_canonical());
        let twin = self.peers.iter().find(|(k, peer)| {
            **k != key
                && id.is_some()
                && peer.peer_id == id
                && peer.addr.ip().to_canonical() == host
        });
        let Some((&twin, other)) = twin else { return Ok(()) };
        let ours_wins = Some(cx.shared.peer_id) > id;
        let keep_new = other.outgoing != outgoing && outgoing == ours_wins;
        let (kept, lost) = if keep_new { (key, twin) } else { (twin, key) };
        self.remember_dial(kept, lost);
        match keep_new {
            true => self.close(cx, twin, CloseReason::Duplicate),
            false => return Err(CloseReason::Duplicate),
        }
        Ok(())
    }

    /// Not every client chooses as we do (aria2 doesn't). If the other side ends the connection that
    /// was kept, the address of the lost one is where to dial it again.
    fn remember_dial(&mut self, kept: PeerKey, lost: PeerKey) {
        let dialled = self.peers.get(&lost).filter(|peer| peer.outgoing).map(|peer| peer.addr);
        if let Some(peer) = self.peers.get_mut(&kept).filter(|peer| !peer.outgoing) {
            peer.listens_at = dialled.or(peer.listens_at);
        }
    }

    fn say_extension_handshake(&mut self, cx: &Cx<'_>, key: PeerKey) {
        let metadata_size = self.info.as_ref().map(|info| info.raw().len() as u32);
        let upload_only = self.is_done() && !self.options.metadata_only;
        let Some(peer) = self.peers.get_mut(&key).filter(|peer| peer.extended) else { return };
        let port = cx.shared.config.listen_port;
        let ours = ExtensionHandshake::ours(MAX_REQUESTS_IN as u32, metadata_size, port);
        let payload = ExtensionHandshake { upload_only, ..ours }.encode().into();
        peer.say(&Message::Extended { id: HANDSHAKE_ID, payload });
    }

    /// The first message about pieces: all, none (BEP 6) or a bitfield.
    fn say_what_we_have(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let have = self.download.as_ref().map(|download| download.picker.have());
        match have.filter(|have| !have.is_empty()) {
            Some(have) if have.is_full() && peer.fast => peer.say(&Message::HaveAll),
            Some(have) => peer.say(&Message::Bitfield(have.to_bytes())),
            None if peer.fast => peer.say(&Message::HaveNone),
            None => {}
        }
        self.grant_fast(key);
    }

    /// Without the extension protocol there is nothing more to wait for.
    fn introduce_unextended(&mut self, cx: &mut Cx<'_>, key: PeerKey) {
        if self.peers.get(&key).is_some_and(|peer| !peer.extended) {
            self.introduce(cx, key);
        }
    }

    /// Tells the user who a peer is, once.
    pub(super) fn introduce(&mut self, cx: &mut Cx<'_>, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let Some(peer_id) = peer.peer_id.filter(|_| !peer.introduced) else { return };
        peer.introduced = true;
        let client = peer.extension.as_ref().and_then(|extension| extension.client.clone());
        let record = self.roster.record_mut(peer.record);
        record.client = client.clone().or_else(|| peer_id.client());
        cx.news(News::PeerJoined(PeerIntroduction {
            addr: peer.addr,
            outgoing: peer.outgoing,
            peer_id,
            fast: peer.fast,
            extended: peer.extended,
            client,
            metadata: peer.metadata_id().is_some(),
        }));
    }

    /// The host lost a connection, or a dial failed.
    pub(crate) fn closed(&mut self, cx: &mut Cx<'_>, key: PeerKey, reason: Disconnect) {
        self.drop_peer(cx, key, Leaving::Theirs(reason));
    }

    /// Ends a connection from our side.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>, key: PeerKey, reason: CloseReason) {
        if self.peers.contains_key(&key) {
            self.flush(cx, key);
            cx.output(Output::Close { peer: key, reason: reason.clone() });
            self.drop_peer(cx, key, Leaving::Ours(reason));
        }
    }

    pub(super) fn close_all(&mut self, cx: &mut Cx<'_>, reason: &CloseReason) {
        let keys: Vec<PeerKey> = self.peers.keys().copied().listed();
        keys.into_iter().for_each(|key| self.close(cx, key, reason.clone()));
    }

    /// Takes a connection out of everything it is part of.
    fn drop_peer(&mut self, cx: &mut Cx<'_>, key: PeerKey, why: Leaving) {
        let Some(mut peer) = self.peers.remove(&key) else { return };
        cx.shared.disown_peer(key);
        self.metadata.peer_left(key);
        self.uploads.peer_left(key);
        if let Some(download) = &mut self.download
            && peer.counted
        {
            download.picker.peer_lost(&peer.has);
        }
        if let (Some(fresh), Some(download)) = (&mut self.fresh, &self.download) {
            fresh.take_back(peer.turn.end(download.layout.piece_length()));
        }
        let blocks = peer.pipeline.give_up_all();
        self.give_back(cx, peer.record, &blocks);
        let leaves_work = self.let_go(peer.record) || !blocks.is_empty();
        self.close_record(key, &peer, &why);
        let retry_in = self.plan_redial(cx, &peer, &why);
        self.tell_leaving(cx, &peer, why, retry_in);
        if leaves_work {
            self.feed_all(cx);
        }
        if !peer.am_choking && peer.peer_interested {
            self.fill_slots(cx);
        }
        self.dial(cx);
    }

    fn close_record(&mut self, key: PeerKey, peer: &Peer, why: &Leaving) {
        let record = self.roster.record_mut(peer.record);
        // Not if another connection from the same address has taken its place.
        if record.presence == Presence::Peer(key) {
            record.presence = Presence::Gone;
            record.left = Some(why.to_string());
        }
        record.past_downloaded_bytes += peer.downloaded.total_bytes();
        record.past_uploaded_bytes += peer.uploaded.total_bytes();
    }

    fn plan_redial(&mut self, cx: &mut Cx<'_>, peer: &Peer, why: &Leaving) -> Option<Duration> {
        let jitter = cx.shared.rng.f64();
        let wait = self.book.left(cx.now, peer.dial_addr(), jitter);
        match why {
            Leaving::Ours(CloseReason::Useless | CloseReason::Duplicate) => {
                self.book.rest(peer.dial_addr(), cx.now + USELESS_REST);
                None
            }
            Leaving::Ours(CloseReason::Score) => {
                self.roster.record_mut(peer.record).standing.second_chance();
                wait
            }
            _ => wait,
        }
    }

    fn tell_leaving(&self, cx: &mut Cx<'_>, peer: &Peer, why: Leaving, retry_in: Option<Duration>) {
        let addr = peer.addr;
        match (why, &peer.stage) {
            (Leaving::Theirs(reason), Stage::Dialling) => {
                cx.news(News::DialFailed { addr, reason, retry_in });
            }
            (why, _) => cx.news(News::PeerLeft { addr, why }),
        }
    }

    /// Handshakes, blocks, keep-alives and silences that are due.
    pub(super) fn check_peers(&mut self, cx: &mut Cx<'_>) {
        let keys: Vec<PeerKey> = self.peers.keys().copied().listed();
        for key in keys {
            self.check_connection(cx, key);
            self.check_blocks(cx, key);
            if let Some(peer) = self.peers.get(&key) {
                self.timers.no_later_than(Timer::Peers, peer.deadline());
                if let Some(at) = peer.pipeline.deadline(self.options.block_timeout) {
                    self.timers.no_later_than(Timer::Peers, at);
                }
            }
        }
    }

    fn check_connection(&mut self, cx: &mut Cx<'_>, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key).filter(|peer| peer.deadline() <= cx.now) else {
            return;
        };
        match peer.stage {
            Stage::Dialling => {}
            Stage::Handshake(_) => self.close(cx, key, CloseReason::HandshakeTimeout),
            Stage::Open if peer.last_heard + crate::peer::IDLE_TIMEOUT <= cx.now => {
                self.close(cx, key, CloseReason::Idle);
            }
            Stage::Open => {
                peer.say(&Message::KeepAlive);
                self.flush(cx, key);
            }
        }
    }

    /// Ends connections between two that have everything: neither has anything for the other.
    pub(super) fn close_useless(&mut self, cx: &mut Cx<'_>) {
        if !self.is_done() || self.options.metadata_only {
            return;
        }
        let seeds = self.peers.iter().filter(|(_, peer)| peer.is_open() && peer.needs_nothing());
        let seeds: Vec<PeerKey> = seeds.map(|(&key, _)| key).listed();
        seeds.into_iter().for_each(|key| self.close(cx, key, CloseReason::Useless));
    }

    /// The connections that belong to a row of the roster, if it is here.
    pub(super) fn peer_of(&self, record: RecordId) -> Option<PeerKey> {
        match self.roster.record(record).presence {
            Presence::Peer(key) => Some(key),
            _ => None,
        }
    }
}
