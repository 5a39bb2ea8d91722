//! Whatever happens in whatever order, a session keeps its promises: it never panics, never asks to
//! be woken for what it has done, keeps to its memory, and lets go of what is removed.

mod alone;
mod anything;
mod bookkeeping;
mod magnets;
mod rig;
mod shortcuts;

use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use anything::{Anything, Step};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_session_survives_any_order_of_inputs(
        memory_bytes in prop_oneof![Just(20_000u64), Just(200_000), Just(1 << 20)],
        steps in prop::collection::vec(any::<Step>(), 1..400),
    ) {
        let mut anything = Anything::new(memory_bytes);
        steps.into_iter().for_each(|step| anything.step(step));
        anything.finish();
    }
}
