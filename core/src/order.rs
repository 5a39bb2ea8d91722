//! Who comes first.

use crate::listed::Listed;

/// Where the things of these ranks stand, the lowest rank first; among equals the first is first.
///
/// It knows nothing of the things: a sort of its own for each kind of them is half a kilobyte that a
/// page would load.
pub(crate) fn by_rank(ranks: impl Iterator<Item = (u64, u64)>) -> Vec<usize> {
    sorted(ranks.listed())
}

fn sorted(ranks: Vec<(u64, u64)>) -> Vec<usize> {
    let mut places = Vec::with_capacity(ranks.len());
    for (at, rank) in ranks.into_iter().enumerate() {
        places.push((rank, at));
    }
    places.sort_unstable();
    places.into_iter().map(|(_, at)| at).listed()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_lowest_is_first_and_equals_stay_as_they_are() {
        let ranks = [(2, 0), (1, 9), (1, 3), (2, 0), (0, 5)];
        assert_eq!(by_rank(ranks.into_iter()), [4, 2, 1, 0, 3]);
    }
}
