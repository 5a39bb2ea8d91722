//! What to do about two catalogues that should be the same.

use std::collections::{BTreeMap, BTreeSet};

/// What is known of a published file without having it: the SHA-1 of its name and its bytes.
pub(super) type Seal = [u8; 20];

/// Names without regard to case, and what is published under them.
pub(super) type Listing = BTreeMap<String, Seal>;

/// What makes the two alike for one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Take it from the store.
    Take,
    /// Give it to the store.
    Give,
    /// Remove it here.
    Drop,
    /// Remove it from the store.
    Withdraw,
}

/// Compares what the store has with what is here, knowing what `both` once had. Where both have
/// changed the store is right, but nothing is removed that somebody published meanwhile.
pub(super) fn compare(both: &Listing, store: &Listing, here: &Listing) -> Vec<(String, Step)> {
    let names: BTreeSet<_> = both.keys().chain(store.keys()).chain(here.keys()).collect();
    let step = |name: &String| {
        let (was, there, here) = (both.get(name), store.get(name), here.get(name));
        let step = match (there, here) {
            (there, here) if there == here => return None,
            (Some(_), None) if there == was => Step::Withdraw,
            (None, Some(_)) if here == was => Step::Drop,
            (Some(_), Some(_)) if there == was => Step::Give,
            (None, _) => Step::Give,
            (Some(_), _) => Step::Take,
        };
        Some((name.clone(), step))
    };
    names.into_iter().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What to do about one name that was, is there and is here, as a digit each; 0 for nowhere.
    fn about(was: u8, there: u8, here: u8) -> Option<Step> {
        let listing = |file| {
            let named = (file > 0).then(|| ("name".to_owned(), [file; 20]));
            named.into_iter().collect::<Listing>()
        };
        let steps = compare(&listing(was), &listing(there), &listing(here));
        steps.first().map(|(_, step)| *step)
    }

    #[test]
    fn what_has_changed_on_one_side_is_done_on_the_other() {
        assert_eq!(about(0, 0, 1), Some(Step::Give));
        assert_eq!(about(0, 1, 0), Some(Step::Take));
        assert_eq!(about(1, 1, 2), Some(Step::Give));
        assert_eq!(about(1, 2, 1), Some(Step::Take));
        assert_eq!(about(1, 1, 0), Some(Step::Withdraw));
        assert_eq!(about(1, 0, 1), Some(Step::Drop));
    }

    #[test]
    fn where_both_have_changed_the_store_is_right_but_a_removal_is_not() {
        assert_eq!(about(1, 2, 3), Some(Step::Take));
        assert_eq!(about(0, 2, 3), Some(Step::Take));
        assert_eq!(about(1, 0, 2), Some(Step::Give));
        assert_eq!(about(1, 2, 0), Some(Step::Take));
    }

    #[test]
    fn what_is_the_same_is_left_alone() {
        for (was, now) in [(0, 0), (0, 1), (1, 1), (1, 2), (1, 0)] {
            assert_eq!(about(was, now, now), None);
        }
    }
}
