//! The picker against a plain model, under random operations.

use std::collections::BTreeMap;

use gannet_core::{
    bitfield::Bitfield,
    id::PieceIndex,
    layout::{Block, Layout},
    picker::{Asker, Picker},
};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const PIECES: u32 = 12;
const BLOCKS: u32 = 3;

#[derive(Debug, Clone)]
enum Step {
    Ask { who: u32, may_begin: bool },
    Deliver { nth: usize },
    GiveBack { nth: usize },
    Judge { good: bool },
    Have { piece: u32 },
    Stream { piece: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u32, any::<bool>()).prop_map(|(who, may_begin)| Step::Ask { who, may_begin }),
        3 => (0..40usize).prop_map(|nth| Step::Deliver { nth }),
        1 => (0..40usize).prop_map(|nth| Step::GiveBack { nth }),
        1 => any::<bool>().prop_map(|good| Step::Judge { good }),
        1 => (0..PIECES).prop_map(|piece| Step::Have { piece }),
        1 => (0..PIECES).prop_map(|piece| Step::Stream { piece }),
    ]
}

/// What each asker has: all, the even pieces, the first half.
fn has(layout: &Layout, who: u32) -> Bitfield {
    let mut has = Bitfield::new(PIECES);
    for piece in layout.pieces() {
        let n = piece.as_u32();
        if who == 0 || who == 1 && n.is_multiple_of(2) || who == 2 && n < PIECES / 2 {
            has.insert(piece);
        }
    }
    has
}

#[derive(Default)]
struct Model {
    asked: Vec<Block>,
    here: BTreeMap<PieceIndex, Vec<Block>>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_block_is_handed_out_once_to_somebody_who_has_it(
        steps in prop::collection::vec(step(), 1..250),
        seed in any::<u64>(),
    ) {
        let length = u64::from(PIECES * BLOCKS * 16_384 - 5);
        let layout = Layout::new(BLOCKS * 16_384, [(length, false)]).unwrap();
        let mut picker = Picker::new(&layout, fastrand::Rng::with_seed(seed));
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Ask { who, may_begin } => {
                    let has = has(&layout, who);
                    let asker = Asker { id: who, has: &has, may_begin, eligible: &|_| true };
                    if let Some(pick) = picker.pick(&layout, &asker) {
                        let block = pick.block;
                        prop_assert!(has.has(block.piece()));
                        prop_assert!(picker.is_missing(block.piece()));
                        prop_assert!(!model.asked.contains(&block), "handed out twice");
                        let here = model.here.get(&block.piece());
                        prop_assert!(here.is_none_or(|here| !here.contains(&block)));
                        prop_assert!(may_begin || !pick.began);
                        model.asked.push(block);
                    }
                }
                Step::Deliver { nth } if !model.asked.is_empty() => {
                    let block = model.asked.swap_remove(nth % model.asked.len());
                    prop_assert!(picker.receive(block));
                    prop_assert!(!picker.receive(block), "accepted twice");
                    model.here.entry(block.piece()).or_default().push(block);
                }
                Step::GiveBack { nth } if !model.asked.is_empty() => {
                    let block = model.asked.swap_remove(nth % model.asked.len());
                    prop_assert!(picker.release(block));
                }
                Step::Judge { good } => {
                    let whole = |here: &Vec<Block>, piece| here.len() == layout.block_count(piece) as usize;
                    let piece = model.here.iter().find(|(p, here)| whole(here, **p)).map(|(p, _)| *p);
                    if let Some(piece) = piece {
                        prop_assert!(picker.is_whole(piece));
                        model.here.remove(&piece);
                        if good { picker.verified(piece) } else { picker.failed(piece) }
                        prop_assert_eq!(picker.have().has(piece), good);
                    }
                }
                Step::Have { piece } => picker.peer_has(layout.piece(piece).unwrap()),
                Step::Stream { piece } => picker.stream_from(layout.piece(piece)),
                Step::Deliver { .. } | Step::GiveBack { .. } => {}
            }
        }
        finish(&layout, &mut picker, &mut model)?;
    }
}

/// Whatever has happened, somebody who has everything can finish it.
fn finish(layout: &Layout, picker: &mut Picker, model: &mut Model) -> Result<(), TestCaseError> {
    let everything = Bitfield::full(PIECES);
    let asker = Asker { id: 9, has: &everything, may_begin: true, eligible: &|_| true };
    while let Some(pick) = picker.pick(layout, &asker) {
        model.asked.push(pick.block);
    }
    prop_assert!(picker.is_done() || picker.is_endgame() || model.asked.is_empty());
    model.asked.drain(..).for_each(|block| assert!(picker.receive(block)));
    for piece in layout.pieces() {
        prop_assert!(picker.have().has(piece) || picker.is_whole(piece), "piece {piece} is lost");
        picker.verified(piece);
    }
    prop_assert!(picker.is_done());
    Ok(())
}

#[test]
fn the_rarest_piece_is_asked_for_first() {
    let layout = Layout::new(16_384, [(16_384 * 100, false)]).unwrap();
    let everything = Bitfield::full(100);
    let asker = Asker { id: 0, has: &everything, may_begin: true, eligible: &|_| true };
    let mut picker = Picker::new(&layout, fastrand::Rng::with_seed(1));
    // The first pieces are picked at random, to have something to trade soon.
    (0..4).for_each(|_| assert!(picker.pick(&layout, &asker).is_some()));
    let rare = layout
        .pieces()
        .rev()
        .find(|&piece| picker.times_asked(layout.block(piece, 0).unwrap()) == 0);
    for piece in layout.pieces().filter(|&piece| Some(piece) != rare) {
        picker.peer_has(piece);
    }
    assert_eq!(picker.pick(&layout, &asker).map(|pick| pick.block.piece()), rare);
}

#[test]
fn a_reader_gets_its_window_first_and_in_order() {
    let layout = Layout::new(16_384, [(16_384 * 100, false)]).unwrap();
    let everything = Bitfield::full(100);
    let asker = Asker { id: 0, has: &everything, may_begin: true, eligible: &|_| true };
    let mut picker = Picker::new(&layout, fastrand::Rng::with_seed(1));
    picker.stream_from(layout.piece(40));
    let picks: Vec<u32> =
        (0..10).map(|_| picker.pick(&layout, &asker).unwrap().block.piece().as_u32()).collect();
    assert_eq!(picks, (40..50).collect::<Vec<u32>>());
}
