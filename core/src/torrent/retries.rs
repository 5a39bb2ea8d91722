//! Pieces that failed: how long they wait, who may be asked next, and the copies that were bad.

use std::time::Duration;

use crate::{
    draw, id::PieceIndex, roster::RecordId, sorted::Map, storage::BlockDigest, time::Instant,
};

/// The wait of a piece doubles at most so often.
const MAX_DOUBLINGS: u32 = 6;
/// Bad copies of one piece whose senders are remembered.
pub(super) const MAX_BAD_COPIES: usize = 8;

/// How far somebody who has a piece is trusted to deliver it, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// Nothing speaks against it.
    Full,
    /// It had a part in a piece that did not verify.
    Suspect,
    /// It owes an answer for too long: even a suspect delivers sooner.
    Stalled,
}

/// Somebody who has a piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) record: RecordId,
    pub(super) trust: Trust,
}

/// The blocks of a piece that did not verify: who sent what.
#[derive(Debug, Clone)]
pub(super) struct BadCopy {
    pub(super) blocks: Vec<(RecordId, BlockDigest)>,
}

#[derive(Debug, Default)]
struct Retry {
    failures: u32,
    not_before: Instant,
    /// Failures in a row, by peer.
    by: Map<RecordId, u32>,
    bad_copies: Vec<BadCopy>,
}

/// The pieces that failed and are not verified yet.
#[derive(Debug, Default)]
pub(super) struct Retries(Map<PieceIndex, Retry>);

impl Retries {
    /// Somebody failed at a piece; tells when it may be asked for again.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        piece: PieceIndex,
        record: RecordId,
        backoff: Duration,
        jitter: f64,
        at_once: bool,
    ) -> Instant {
        let retry = self.0.entry(piece).or_default();
        *retry.by.entry(record).or_default() += 1;
        if at_once {
            return now;
        }
        let wait = backoff * 2u32.pow(retry.failures.min(MAX_DOUBLINGS));
        retry.failures += 1;
        retry.not_before = retry.not_before.max(now + draw::about(wait, jitter));
        retry.not_before
    }

    /// A whole piece did not verify.
    pub(super) fn bad_copy(&mut self, piece: PieceIndex, copy: BadCopy) {
        let copies = &mut self.0.entry(piece).or_default().bad_copies;
        if copies.len() == MAX_BAD_COPIES {
            copies.remove(0);
        }
        copies.push(copy);
    }

    /// The piece is verified: forgets it and tells its bad copies.
    pub(super) fn settled(&mut self, piece: PieceIndex) -> Vec<BadCopy> {
        self.0.remove(&piece).map(|retry| retry.bad_copies).unwrap_or_default()
    }

    /// Whether a good copy will be compared with a bad one.
    pub(super) fn has_bad_copy(&self, piece: PieceIndex) -> bool {
        self.0.get(&piece).is_some_and(|retry| !retry.bad_copies.is_empty())
    }

    /// Whether one peer alone should deliver it, so that a bad copy has one sender.
    pub(super) fn must_be_alone(&self, piece: PieceIndex) -> bool {
        self.has_bad_copy(piece)
    }

    /// When the next waiting piece may be asked for again.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        self.0.values().map(|retry| retry.not_before).filter(|&at| at > now).min()
    }

    /// Whether a refusal of this piece by this peer counts already, so that it isn't counted again.
    pub(super) fn has_just_failed(
        &self,
        now: Instant,
        piece: PieceIndex,
        record: RecordId,
    ) -> bool {
        let retry = self.0.get(&piece);
        retry.is_some_and(|retry| retry.not_before > now && retry.by.contains_key(&record))
    }

    /// Whether somebody may be asked for this piece. Who is trusted less goes last, and so does who
    /// failed at it: it is asked again only while none of the `others` who have it is trusted more,
    /// or as much and has failed less. One order for both: each by itself could leave two peers
    /// waiting for each other.
    pub(super) fn allows<I: Iterator<Item = Holder>>(
        &self,
        now: Instant,
        piece: PieceIndex,
        holder: Holder,
        max_retries: u32,
        others: impl Fn() -> I,
    ) -> bool {
        let retry = self.0.get(&piece);
        let failures = |who| retry.and_then(|retry| retry.by.get(&who)).copied().unwrap_or(0);
        // Beyond the retries all are alike: a piece is never given up while a peer has it.
        let rank = |holder: Holder| (holder.trust, failures(holder.record).min(max_retries));
        let own = rank(holder);
        retry.is_none_or(|retry| now >= retry.not_before)
            && (own == (Trust::Full, 0) || !others().any(|other| rank(other) < own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::PeerKey, roster::Roster};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn two() -> (Holder, Holder) {
        let mut roster = Roster::default();
        let mut peer = |n: u16| {
            let addr = ([198, 51, 100, 1], n).into();
            let record = roster.peer(addr, true, PeerKey::new(u64::from(n)));
            Holder { record, trust: Trust::Full }
        };
        (peer(1), peer(2))
    }

    #[test]
    fn a_failed_piece_waits_twice_as_long_each_time_and_goes_to_another_peer() {
        let (one, other) = two();
        let piece = PieceIndex::new(3);
        let mut retries = Retries::default();
        let second = Duration::from_secs(1);
        let mut now = Instant::EPOCH;
        for wait in [1, 2, 4] {
            let again = retries.failed(now, piece, one.record, second, 0.5, false);
            assert_eq!(again - now, Duration::from_secs(wait));
            assert!(!retries.allows(now, piece, other, 3, || [one].into_iter()));
            now = again;
        }
        assert!(retries.allows(now, piece, other, 3, || [one].into_iter()));
        assert!(!retries.allows(now, piece, one, 3, || [other].into_iter()));
    }

    #[test]
    fn a_suspect_and_a_peer_that_failed_never_wait_for_each_other() {
        let (mut suspect, failed) = two();
        suspect.trust = Trust::Suspect;
        let piece = PieceIndex::new(3);
        let mut retries = Retries::default();
        let now = retries.failed(Instant::EPOCH, piece, failed.record, Duration::ZERO, 0.5, true);
        let allows = |who, other| retries.allows(now, piece, who, 3, || [other].into_iter());
        assert!(allows(failed, suspect));
        assert!(!allows(suspect, failed));
    }

    #[test]
    fn who_has_stalled_goes_after_a_suspect_so_that_nobody_waits_for_the_silent() {
        let (mut suspect, mut silent) = two();
        (suspect.trust, silent.trust) = (Trust::Suspect, Trust::Stalled);
        let piece = PieceIndex::new(3);
        let mut retries = Retries::default();
        let start = Instant::EPOCH;
        let now = retries.failed(start, piece, silent.record, Duration::ZERO, 0.5, true);
        let allows = |who, other| retries.allows(now, piece, who, 3, || [other].into_iter());
        assert!(allows(suspect, silent));
        assert!(!allows(silent, suspect));
    }

    #[test]
    fn a_piece_that_only_one_peer_has_is_never_given_up() {
        let (one, _) = two();
        let piece = PieceIndex::new(3);
        let mut retries = Retries::default();
        for _ in 0..10 {
            retries.failed(Instant::EPOCH, piece, one.record, Duration::ZERO, 0.5, false);
        }
        assert!(retries.allows(Instant::EPOCH, piece, one, 3, std::iter::empty));
    }
}
