//! Who sent what was corrupt: named by comparing copies, banned at once, the innocent cleared.

use super::{Torrent, content::Part, retries::BadCopy};
use crate::{
    event::{Failure, News},
    id::PieceIndex,
    listed::Listed,
    reason::CloseReason,
    roster::RecordId,
    shared::Cx,
    sorted::Set,
    stats::{PeerKind, PieceReport},
    storage::Verdict,
};

impl Torrent {
    /// A piece's hash is wrong. One sender alone is to blame; several are suspects until a good
    /// copy tells who sent which bad block.
    pub(super) fn piece_failed(
        &mut self,
        cx: &mut Cx<'_>,
        piece: PieceIndex,
        part: &Part,
        verdict: Verdict,
        report: PieceReport,
    ) {
        self.tally.failed_pieces += 1;
        self.tally.corrupt_bytes += u64::from(report.bytes);
        cx.news(News::PieceFailed(report));
        if let Some(download) = &mut self.download {
            download.picker.failed(piece);
        }
        let senders = part.senders();
        let froms = part.blocks.iter().flatten().map(|block| block.from);
        let blocks = froms.zip(verdict.digests).listed();
        self.retries.bad_copy(piece, BadCopy { blocks });
        match senders[..] {
            [only] => {
                self.failed_at(cx, only, piece, Failure::BadHash);
                self.ban(cx, only);
            }
            _ => {
                self.suspects.extend(&senders);
                senders.iter().for_each(|&id| self.failed_at(cx, id, piece, Failure::BadHash));
            }
        }
        self.tell_spent(cx, &senders);
    }

    /// A good copy of a piece that was bad before: whoever sent a block that differs is banned,
    /// and those whose blocks are the same are cleared.
    pub(super) fn clear_and_blame(
        &mut self,
        cx: &mut Cx<'_>,
        piece: PieceIndex,
        part: &Part,
        good: &Verdict,
    ) {
        let copies = self.retries.settled(piece);
        let mut guilty = Set::new();
        for copy in &copies {
            for ((from, block), good) in copy.blocks.iter().zip(&good.digests) {
                self.suspects.remove(from);
                if block != good {
                    guilty.insert(*from);
                }
            }
        }
        if !copies.is_empty() {
            part.senders().iter().for_each(|id| {
                self.suspects.remove(id);
            });
        }
        guilty.into_iter().for_each(|id| self.ban(cx, id));
    }

    /// Ends what a sender of corrupt data has here, for good.
    fn ban(&mut self, cx: &mut Cx<'_>, id: RecordId) {
        self.suspects.remove(&id);
        let record = self.roster.record_mut(id);
        if std::mem::replace(&mut record.banned, true) {
            return;
        }
        let (addr, kind, name) = (record.addr, record.kind.clone(), record.name.clone());
        cx.news(News::Banned { name });
        if let Some(addr) = addr {
            let listens_at = self.peer_of(id).and_then(|key| self.peers.get(&key)?.listens_at);
            // A peer that dialled us comes back from another port, but others may share its host.
            let whole_host = kind == PeerKind::Incoming && !self.shares_host(id);
            self.book.ban(addr, whole_host);
            if let Some(listens_at) = listens_at {
                // Only forgotten: the port is what it claims, and may be a neighbour's.
                self.book.forget(listens_at);
            }
        }
        match self.peer_of(id) {
            Some(key) => self.close(cx, key, CloseReason::Corrupt),
            None => self.ban_source(cx, id),
        }
    }

    fn shares_host(&self, id: RecordId) -> bool {
        let host = self.roster.record(id).addr.map(|addr| addr.ip());
        let others = self.peers.values().filter(|peer| peer.record != id && peer.is_open());
        others.into_iter().any(|peer| Some(peer.addr.ip()) == host)
    }

    /// Closes those whose score has come to zero.
    fn tell_spent(&mut self, cx: &mut Cx<'_>, ids: &[RecordId]) {
        for &id in ids {
            if self.roster.record(id).standing.is_spent()
                && let Some(key) = self.peer_of(id)
            {
                self.close(cx, key, CloseReason::Score);
            }
        }
    }
}
