//! Every deadline of a torrent, by name.

use crate::time::Instant;

/// What a torrent waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A peer's handshake, block, keep-alive or silence is due.
    Peers,
    /// The upload slots are given anew.
    Choke,
    /// An address may be dialled (again).
    Dial,
    /// The trackers: an announce, an answer, a retry.
    Announce,
    /// A piece that failed may be asked for again.
    Retry,
    /// A source took too long, or may be asked again.
    Sources,
    /// The download limit lets more requests out.
    DownloadRate,
    /// The upload limit lets more blocks out.
    UploadRate,
    /// What is verified is to be recorded.
    Checkpoint,
    /// The disk failed and is tried again.
    Storage,
    /// Metadata requests that stay without an answer (BEP 9).
    Metadata,
    /// A removed torrent waits no longer for its trackers.
    Farewell,
    /// An idle upload line serves one more peer.
    Slots,
    /// What peers were told of pieces, and need not know at once, is sent.
    Haves,
    /// The session gives up a connection whose handshake never came.
    Handshake,
}

impl Timer {
    /// All of them.
    pub(crate) const ALL: [Self; 15] = [
        Self::Peers,
        Self::Choke,
        Self::Dial,
        Self::Announce,
        Self::Retry,
        Self::Sources,
        Self::DownloadRate,
        Self::UploadRate,
        Self::Checkpoint,
        Self::Storage,
        Self::Metadata,
        Self::Farewell,
        Self::Slots,
        Self::Haves,
        Self::Handshake,
    ];
}

/// The deadlines, at most one for each name.
#[derive(Debug, Default)]
pub(crate) struct Timers([Option<Instant>; Timer::ALL.len()]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Instant>) {
        self.0[timer as usize] = at;
    }

    /// Moves a deadline forward; never back.
    pub(crate) fn no_later_than(&mut self, timer: Timer, at: Instant) {
        let slot = &mut self.0[timer as usize];
        *slot = Some(slot.map_or(at, |known| known.min(at)));
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    pub(crate) fn next(&self) -> Option<(Instant, Timer)> {
        let set = Timer::ALL.into_iter().filter_map(|timer| Some((self.0[timer as usize]?, timer)));
        set.min()
    }

    /// Takes the next deadline that has passed.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = self.next()?;
        (at <= now).then(|| {
            self.set(timer, None);
            timer
        })
    }
}
