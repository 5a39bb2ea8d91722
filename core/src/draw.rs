//! Chance that is the same on every machine: what `fastrand` draws as `usize`, and with it the order
//! of a shuffle, depends on how wide that is, and WebAssembly's is not the native one.

use std::time::Duration;

use fastrand::Rng;

/// An index below `length`, which is not zero and fits in 32 bits.
pub(crate) fn index(rng: &mut Rng, length: usize) -> usize {
    rng.u32(..length as u32) as usize
}

/// One of these; `None` of none.
pub(crate) fn choice<T>(rng: &mut Rng, mut items: Vec<T>) -> Option<T> {
    if items.is_empty() {
        return None;
    }
    let at = index(rng, items.len());
    Some(items.swap_remove(at))
}

/// Any order, each as likely (Fisher and Yates).
pub(crate) fn shuffle<T>(rng: &mut Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(index(rng, last + 1), last);
    }
}

/// A time about as long: from three quarters of it to five quarters, for a `chance` below one.
pub(crate) fn about(time: Duration, chance: f64) -> Duration {
    let micros = time.as_secs_f64() * 1e6;
    Duration::from_micros((micros * (0.75 + chance / 2.0)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_seed_draws_the_same_on_every_machine() {
        let mut rng = Rng::with_seed(7);
        let drawn: Vec<usize> = (1..=8).map(|n| index(&mut rng, n * 100)).collect();
        assert_eq!(drawn, [43, 53, 120, 263, 487, 133, 8, 440]);
    }

    #[test]
    fn a_shuffle_keeps_all_and_makes_every_order() {
        let mut rng = Rng::with_seed(1);
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut items = [1, 2, 3];
            shuffle(&mut rng, &mut items);
            orders.insert(items);
        }
        assert_eq!(orders.len(), 6);
    }

    #[test]
    fn of_none_there_is_no_choice() {
        assert_eq!(choice(&mut Rng::with_seed(1), Vec::<u8>::new()), None);
    }
}
