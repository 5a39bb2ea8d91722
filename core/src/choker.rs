//! Who may download from us: tit for tat, with an optimistic slot for the unknown (BEP 3).

#[cfg(test)]
mod model;

use std::time::Duration;

use crate::{draw, id::PeerKey, listed::Listed, order};

/// The regular slots are given anew this often.
pub const CHOKE_INTERVAL: Duration = Duration::from_secs(10);
/// The optimistic slot moves on this often.
pub const OPTIMISTIC_INTERVAL: Duration = Duration::from_secs(30);
/// Slots, the optimistic one included, however slow the upload is.
pub const MIN_SLOTS: usize = 4;
/// Slots, however fast the upload is.
pub const MAX_SLOTS: usize = 50;

/// What the choker is told of a peer that is interested in us.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// Who.
    pub peer: PeerKey,
    /// What counts in its favour, in bytes per second: what it gives us while we download, what it
    /// takes from us while we seed.
    pub rate_bytes_per_second: u64,
    /// It is served now.
    pub unchoked: bool,
}

/// How many slots an upload of this rate can fill: more for the fast, so that the line stays full.
pub fn slots_for(upload_bytes_per_second: u64) -> usize {
    let kib = upload_bytes_per_second as f64 / 1024.0;
    ((kib * 0.6).sqrt() as usize).clamp(MIN_SLOTS, MAX_SLOTS)
}

/// Chooses who is served.
#[derive(Debug)]
pub struct Choker {
    optimistic: Option<PeerKey>,
    rng: fastrand::Rng,
}

impl Choker {
    /// Nobody is served yet.
    pub const fn new(rng: fastrand::Rng) -> Self {
        Self { optimistic: None, rng }
    }

    /// Who holds the optimistic slot.
    pub const fn optimistic(&self) -> Option<PeerKey> {
        self.optimistic
    }

    /// Gives the slots anew: the best rates first, one slot to somebody at random.
    ///
    /// `rotate` moves the optimistic slot on; else it stays with its holder.
    pub fn choose(&mut self, candidates: &[Candidate], slots: usize, rotate: bool) -> Vec<PeerKey> {
        if candidates.len() <= slots {
            self.optimistic = None;
            return candidates.iter().map(|candidate| candidate.peer).listed();
        }
        let mut shuffled = candidates.to_vec();
        draw::shuffle(&mut self.rng, &mut shuffled);
        let best = shuffled.iter().map(|candidate| (!candidate.rate_bytes_per_second, 0));
        let ranked = order::by_rank(best).into_iter().map(|at| shuffled[at]).listed();
        let regular = slots.saturating_sub(1);
        let rest = &ranked[regular..];
        let stays = rest.iter().find(|candidate| Some(candidate.peer) == self.optimistic);
        if rotate || stays.is_none() {
            self.optimistic = self.next_optimistic(rest);
        }
        let best = ranked[..regular].iter().map(|candidate| candidate.peer);
        best.chain(self.optimistic).listed()
    }

    /// Prefers those that are not served now, so that everybody gets a turn.
    fn next_optimistic(&mut self, rest: &[Candidate]) -> Option<PeerKey> {
        let waiting: Vec<&Candidate> = rest.iter().filter(|candidate| !candidate.unchoked).listed();
        let any: Vec<&Candidate> = rest.iter().listed();
        let pool = if waiting.is_empty() { any } else { waiting };
        draw::choice(&mut self.rng, pool).map(|candidate| candidate.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn candidates(rates: &[u64]) -> Vec<Candidate> {
        let keyed = rates.iter().enumerate();
        keyed
            .map(|(n, &rate_bytes_per_second)| Candidate {
                peer: PeerKey::new(n as u64),
                rate_bytes_per_second,
                unchoked: false,
            })
            .collect()
    }

    #[test]
    fn everybody_is_served_while_there_are_slots() {
        let mut choker = Choker::new(fastrand::Rng::with_seed(1));
        assert_eq!(choker.choose(&candidates(&[0, 5, 3]), 4, true).len(), 3);
    }

    #[test]
    fn the_best_rates_win_and_one_slot_is_left_to_chance() {
        let mut choker = Choker::new(fastrand::Rng::with_seed(1));
        let candidates = candidates(&[10, 90, 30, 80, 70, 20, 0, 0]);
        let mut lucky = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let chosen = choker.choose(&candidates, 4, true);
            assert_eq!(chosen[..3], [1, 3, 4].map(PeerKey::new));
            assert_eq!(chosen.len(), 4);
            lucky.insert(chosen[3]);
        }
        assert_eq!(lucky.len(), 5, "each of the others gets a turn");
    }

    #[test]
    fn the_optimistic_slot_stays_until_it_is_rotated() {
        let mut choker = Choker::new(fastrand::Rng::with_seed(1));
        let candidates = candidates(&[1, 2, 3, 4, 5, 6, 7, 8]);
        choker.choose(&candidates, 4, true);
        let holder = choker.optimistic();
        for _ in 0..20 {
            choker.choose(&candidates, 4, false);
            assert_eq!(choker.optimistic(), holder);
        }
    }

    #[test]
    fn a_faster_upload_has_more_slots() {
        assert_eq!(slots_for(0), MIN_SLOTS);
        assert_eq!(slots_for(1_000_000), 24);
        assert_eq!(slots_for(u64::MAX), MAX_SLOTS);
    }
}
