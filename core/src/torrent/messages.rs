//! What a peer says, message by message (BEP 3, BEP 6, BEP 10).

use std::sync::Arc;

use bytes::Bytes;

use super::Torrent;
use crate::{
    bitfield::Bitfield,
    event::News,
    extension::{ExtensionHandshake, HANDSHAKE_ID, OUR_METADATA_ID},
    id::{PeerKey, PieceIndex},
    layout::Block,
    listed::Listed,
    peer::{EarlyClaims, MAX_ALLOWED_FAST, MAX_CLAIMS, MAX_EARLY_HAVES},
    reason::{CloseReason, ProtocolError},
    shared::Cx,
    wire::{Message, Span},
};

impl Torrent {
    /// Any order is allowed that real peers use: a `have` before the bitfield, no bitfield at all,
    /// messages and extensions that we don't know.
    pub(super) fn handle_message(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        message: Message,
    ) -> Result<(), CloseReason> {
        self.check_fast(key, &message)?;
        match message {
            Message::KeepAlive | Message::Port(_) | Message::Unknown { .. } => {}
            Message::Suggest { index } => self.suggested(key, index)?,
            Message::Choke => self.choked(cx, key),
            Message::Unchoke => self.unchoked(key),
            Message::Interested => self.peer_interested(cx, key, true),
            Message::NotInterested => self.peer_interested(cx, key, false),
            Message::Have { index } => self.claims_piece(cx, key, index)?,
            Message::Bitfield(bytes) => self.claims(cx, key, Claim::Bits(bytes))?,
            Message::HaveAll => self.claims(cx, key, Claim::All)?,
            Message::HaveNone => self.claims(cx, key, Claim::None)?,
            Message::Request(span) => self.requested(key, span)?,
            Message::Cancel(span) => self.cancelled(key, span),
            Message::Piece { index, begin, data } => {
                let length = data.len() as u32;
                let block = self.block(Span { index, begin, length })?;
                self.block_arrived(cx, key, block, data)?;
            }
            Message::Reject(span) => {
                let block = self.block(span)?;
                self.rejected(cx, key, block);
            }
            Message::AllowedFast { index } => self.allowed_fast(key, index)?,
            Message::Extended { id, payload } => self.extended(cx, key, id, payload)?,
        }
        Ok(())
    }

    fn check_fast(&self, key: PeerKey, message: &Message) -> Result<(), CloseReason> {
        let needs_fast = matches!(
            message,
            Message::Suggest { .. }
                | Message::HaveAll
                | Message::HaveNone
                | Message::Reject(_)
                | Message::AllowedFast { .. }
        );
        let agreed = || self.peers.get(&key).is_some_and(|peer| peer.fast);
        match needs_fast && !agreed() {
            true => Err(ProtocolError::Fast.into()),
            false => Ok(()),
        }
    }

    /// The piece a peer named; before the metadata any could exist, so nothing is said of it.
    pub(super) fn piece(&self, index: u32) -> Result<Option<PieceIndex>, ProtocolError> {
        let Some(download) = &self.download else { return Ok(None) };
        download.layout.piece(index).map(Some).ok_or(ProtocolError::Piece { index })
    }

    /// The range a peer named.
    pub(super) fn block(&self, span: Span) -> Result<Block, ProtocolError> {
        let Span { index, begin, length } = span;
        let layout = self.download.as_ref().map(|download| &download.layout);
        let block = layout.and_then(|layout| layout.request(index, begin, length));
        block.ok_or(ProtocolError::Block { index, begin, length })
    }

    /// It won't serve us any more. What it was asked for is asked elsewhere, unless it speaks the
    /// fast extension: then it rejects each request by itself.
    fn choked(&mut self, cx: &mut Cx<'_>, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.peer_choking = true;
        peer.suggested.clear();
        let record = peer.record;
        let blocks = if peer.fast { Vec::new() } else { peer.pipeline.give_up_all() };
        self.give_back(cx, record, &blocks);
        if self.let_go(record) || !blocks.is_empty() {
            self.feed_all(cx);
        }
    }

    fn unchoked(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.peer_choking = false;
        }
    }

    fn claims_piece(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        index: u32,
    ) -> Result<(), CloseReason> {
        let piece = self.piece(index)?;
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        let Some(piece) = piece else {
            if peer.early.haves.len() < MAX_EARLY_HAVES {
                peer.early.haves.push(index);
            }
            return Ok(());
        };
        if peer.has.has(piece) {
            return Ok(());
        }
        Arc::make_mut(&mut peer.has).insert(piece);
        if let Some(download) = &mut self.download {
            if !peer.counted {
                peer.counted = true;
            }
            download.picker.peer_has(piece);
            peer.useful_pieces += u32::from(download.picker.is_missing(piece));
        }
        let became_seed = peer.is_seed();
        peer.update_interest(self.options.metadata_only);
        if self.fresh.is_some() {
            self.hint_got(cx, key, piece);
        }
        if became_seed {
            self.close_useless(cx);
        }
        Ok(())
    }

    /// A peer says all it has at once.
    fn claims(&mut self, cx: &mut Cx<'_>, key: PeerKey, claim: Claim) -> Result<(), CloseReason> {
        let everything = Arc::clone(&self.everything);
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        // A few bytes cost us work for every piece: not for ever.
        peer.claims += 1;
        if peer.claims > MAX_CLAIMS {
            return Ok(());
        }
        let Some(download) = &mut self.download else {
            peer.early = claim.early();
            return Ok(());
        };
        let has = match claim {
            Claim::All => everything,
            Claim::None => Arc::new(Bitfield::new(everything.len())),
            Claim::Bits(bytes) => {
                let bits = Bitfield::from_bytes(&bytes, everything.len());
                let bits = bits.map_err(ProtocolError::Bitfield)?;
                if bits.is_full() { everything } else { Arc::new(bits) }
            }
        };
        if peer.counted {
            download.picker.peer_lost(&peer.has);
        }
        // Seeders make no piece rarer than another: they are not counted piece by piece.
        peer.counted = !has.is_full();
        if peer.counted {
            has.iter().for_each(|piece| download.picker.peer_has(piece));
        }
        peer.useful_pieces = download.picker.useful_pieces(&has);
        peer.has = has;
        let news = News::PeerHas { addr: peer.addr, pieces: peer.has.count() };
        cx.news(news);
        self.update_interest(key);
        self.close_useless(cx);
        Ok(())
    }

    /// The metadata has come: what peers said before can be understood now.
    pub(super) fn settle_early_claims(&mut self, cx: &mut Cx<'_>) {
        let open = self.peers.iter().filter(|(_, peer)| peer.is_open());
        let keys: Vec<PeerKey> = open.map(|(&key, _)| key).listed();
        for key in keys {
            if let Err(reason) = self.settle_claims_of(cx, key) {
                self.close(cx, key, reason);
            }
        }
    }

    fn settle_claims_of(&mut self, cx: &mut Cx<'_>, key: PeerKey) -> Result<(), CloseReason> {
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        let EarlyClaims { bitfield, all, haves } = std::mem::take(&mut peer.early);
        if all {
            self.claims(cx, key, Claim::All)?;
        } else if let Some(bits) = bitfield {
            self.claims(cx, key, Claim::Bits(bits))?;
        }
        haves.into_iter().try_for_each(|index| self.claims_piece(cx, key, index))
    }

    fn allowed_fast(&mut self, key: PeerKey, index: u32) -> Result<(), CloseReason> {
        let piece = self.piece(index)?;
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        if let Some(piece) = piece.filter(|_| peer.allowed_fast.len() < MAX_ALLOWED_FAST) {
            peer.allowed_fast.insert(piece);
        }
        Ok(())
    }

    fn extended(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        id: u8,
        payload: Bytes,
    ) -> Result<(), CloseReason> {
        match id {
            HANDSHAKE_ID => {
                let handshake =
                    ExtensionHandshake::decode(&payload).map_err(ProtocolError::from)?;
                self.extension_handshake(cx, key, handshake);
            }
            OUR_METADATA_ID => self.metadata_message(cx, key, payload)?,
            // Not one of ours: BEP 10 says to ignore it.
            _ => {}
        }
        Ok(())
    }

    fn extension_handshake(
        &mut self,
        cx: &mut Cx<'_>,
        key: PeerKey,
        handshake: ExtensionHandshake,
    ) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if let Some(requests) = handshake.request_queue {
            peer.pipeline.set_peer_limit(requests);
        }
        // Only once: else one peer could fill the book with addresses of its own.
        let may_tell = !peer.outgoing && peer.listens_at.is_none();
        if let Some(port) = handshake.port.filter(|_| may_tell) {
            // Worth knowing should this connection end; it isn't dialled while it stands.
            let listens_at = (peer.addr.ip(), port).into();
            peer.listens_at = Some(listens_at);
            self.book.add(listens_at, false);
            self.book.connected(listens_at, key);
        }
        let before = peer.extension.take().unwrap_or_default();
        peer.extension = Some(handshake.or(before));
        self.introduce(cx, key);
        self.close_useless(cx);
        self.ask_for_metadata(cx);
    }
}

/// What a peer says it has.
enum Claim {
    Bits(Bytes),
    All,
    None,
}

impl Claim {
    fn early(self) -> EarlyClaims {
        match self {
            Self::Bits(bytes) => EarlyClaims { bitfield: Some(bytes), ..EarlyClaims::default() },
            Self::All => EarlyClaims { all: true, ..EarlyClaims::default() },
            Self::None => EarlyClaims::default(),
        }
    }
}
