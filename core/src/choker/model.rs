//! The choker against the rules written down: peers come, go, and change their rates.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Candidate, Choker};
use crate::id::PeerKey;

/// What happens before the slots are given anew.
#[derive(Debug, Clone)]
enum Change {
    /// A peer is there, with this rate.
    Rate { peer: u64, rate: u64 },
    /// It has left, or has lost its interest.
    Leave { peer: u64 },
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (0..20u64, 0..6u64).prop_map(|(peer, rate)| Change::Rate { peer, rate }),
        1 => (0..20u64).prop_map(|peer| Change::Leave { peer }),
    ]
}

/// Some changes, how many slots there are then, and whether the optimistic one moves on.
type Round = (Vec<Change>, usize, bool);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_slots_go_to_the_best_rates_and_one_to_somebody_who_waits(
        rounds in prop::collection::vec(
            (prop::collection::vec(change(), 0..8), 1..8usize, any::<bool>()), 1..40,
        ),
        seed in any::<u64>(),
    ) {
        let mut choker = Choker::new(fastrand::Rng::with_seed(seed));
        let (mut rates, mut served) = (BTreeMap::new(), BTreeSet::new());
        for round in rounds {
            served = one(&mut choker, &mut rates, &served, round)?;
        }
    }
}

/// One round; who is served after it.
fn one(
    choker: &mut Choker,
    rates: &mut BTreeMap<u64, u64>,
    served: &BTreeSet<u64>,
    (changes, slots, rotate): Round,
) -> Result<BTreeSet<u64>, TestCaseError> {
    for change in changes {
        match change {
            Change::Rate { peer, rate } => drop(rates.insert(peer, rate)),
            Change::Leave { peer } => drop(rates.remove(&peer)),
        }
    }
    let candidates: Vec<Candidate> = rates
        .iter()
        .map(|(&peer, &rate_bytes_per_second)| Candidate {
            peer: PeerKey::new(peer),
            rate_bytes_per_second,
            unchoked: served.contains(&peer),
        })
        .collect();
    let holder = choker.optimistic();
    let chosen = choker.choose(&candidates, slots, rotate);
    let now: BTreeSet<u64> =
        rates.keys().copied().filter(|&peer| chosen.contains(&PeerKey::new(peer))).collect();
    prop_assert_eq!(now.len(), chosen.len(), "somebody twice, or somebody who isn't there");
    prop_assert_eq!(now.len(), slots.min(rates.len()));
    if rates.len() <= slots {
        prop_assert_eq!(choker.optimistic(), None);
        return Ok(now);
    }
    let lucky = choker.optimistic().expect("more want to be served than can be");
    let regular: Vec<PeerKey> = chosen.iter().copied().filter(|&peer| peer != lucky).collect();
    prop_assert_eq!(regular.len(), slots - 1, "the optimistic slot is one of them");
    let rate = |peer: &PeerKey| {
        candidates.iter().find(|c| c.peer == *peer).map(|c| c.rate_bytes_per_second)
    };
    let worst = regular.iter().map(rate).min();
    let rest: Vec<&Candidate> =
        candidates.iter().filter(|candidate| !regular.contains(&candidate.peer)).collect();
    let is_fair =
        rest.iter().all(|c| worst.is_none_or(|worst| Some(c.rate_bytes_per_second) <= worst));
    prop_assert!(is_fair, "a better one was passed over");
    let stays = holder.filter(|&holder| !rotate && rest.iter().any(|c| c.peer == holder));
    let waits = |peer: PeerKey| rest.iter().any(|c| c.peer == peer && !c.unchoked);
    match stays {
        Some(holder) => prop_assert_eq!(lucky, holder, "it isn't time to move on"),
        None => prop_assert!(waits(lucky) || !rest.iter().any(|c| !c.unchoked), "not its turn"),
    }
    Ok(now)
}
