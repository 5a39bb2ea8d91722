//! The picker against one that scans.

use gannet_core::{
    bitfield::Bitfield,
    id::PieceIndex,
    layout::{BLOCK_BYTES, Block, Layout},
    picker::{Asker, Picker},
};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::plain::{Plain, Slot, Who};

/// Fewer than the picker looks at one by one, so that it always finds the rarest.
const PIECES: u32 = 30;
const BLOCKS: u32 = 3;

/// What happens, and two numbers that say to what and how.
type Step = (u8, u32, u32);

struct Pair {
    layout: Layout,
    real: Picker,
    plain: Plain,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_picker_picks_what_one_that_scans_would(
        steps in prop::collection::vec(any::<Step>(), 1..300),
        seed in any::<u64>(),
    ) {
        let length = u64::from(PIECES * BLOCKS * BLOCK_BYTES);
        let layout = Layout::new(BLOCKS * BLOCK_BYTES, [(length, false)]).unwrap();
        let real = Picker::new(&layout, fastrand::Rng::with_seed(seed));
        let plain = Plain::new(PIECES as usize, BLOCKS as usize);
        let mut pair = Pair { layout, real, plain };
        pair.join();
        for step in steps {
            pair.step(step)?;
            pair.compare()?;
        }
    }
}

/// What asker `who` has: all, the even pieces, the first half, one in five.
fn has(who: u32) -> Bitfield {
    let mut has = Bitfield::new(PIECES);
    let pieces = (0..PIECES).filter(|n| match who % 4 {
        0 => true,
        1 => n.is_multiple_of(2),
        2 => *n < PIECES / 2,
        _ => n.is_multiple_of(5),
    });
    for piece in pieces {
        has.insert(crate::piece(piece));
    }
    has
}

/// How many askers have a piece, those that have everything not counted.
fn askers_with(piece: PieceIndex) -> u16 {
    (1..4).map(|who| u16::from(has(who).has(piece))).sum()
}

impl Pair {
    /// The askers are there: who has everything isn't counted.
    fn join(&mut self) {
        for piece in self.layout.pieces().flat_map(|piece| vec![piece; askers_with(piece).into()]) {
            self.plain.pieces[piece.as_usize()].peers += 1;
            self.real.peer_has(piece);
        }
    }

    fn step(&mut self, (what, a, b): Step) -> Result<(), TestCaseError> {
        let piece = crate::piece(a % PIECES);
        let block = self.layout.block(piece, b % BLOCKS).unwrap();
        match what % 16 {
            0..=5 => return self.ask(a, b),
            6 => return self.ask_for_a_whole(a, b),
            7 | 8 => return self.receive(block),
            9 => return self.release(block),
            10 => self.ask_again(block),
            11 => self.judge(piece, b.is_multiple_of(2)),
            12 => self.count(piece, b),
            13 => self.want(a, b),
            14 => self.stream(piece, b),
            _ => self.disown(piece),
        }
        Ok(())
    }

    /// Somebody asks, to whom some pieces may not be given now.
    fn ask(&mut self, who: u32, how: u32) -> Result<(), TestCaseError> {
        let (id, has, may_begin) = (who % 4, has(who), !how.is_multiple_of(4));
        let eligible = |piece: PieceIndex| !how.is_multiple_of(3) || piece.as_u32() % 7 != how % 7;
        let serves = |n: usize| {
            let piece = crate::piece(n as u32);
            has.has(piece) && eligible(piece)
        };
        // Some suggest one or two pieces.
        let suggested: Vec<PieceIndex> =
            (0..how % 3).map(|n| crate::piece((how / 3 + 7 * n) % PIECES)).collect();
        let suggests: Vec<usize> = suggested.iter().map(|piece| piece.as_usize()).collect();
        let pickable =
            self.plain.pickable(&Who { id, may_begin, suggests: &suggests, serves: &serves });
        let asker = Asker { id, has: &has, may_begin, eligible: &eligible };
        let Some(pick) = self.real.pick_with(&self.layout, &asker, &suggested) else {
            prop_assert!(pickable.is_empty(), "{pickable:?} could be picked");
            return Ok(());
        };
        let piece = pick.block.piece().as_usize();
        prop_assert!(pickable.contains(&piece), "{piece} instead of one of {pickable:?}");
        prop_assert_eq!(pick.began, self.plain.pieces[piece].begun.is_none());
        if pick.began {
            self.plain.begin(piece, Some(id));
        }
        let begun = self.plain.pieces[piece].begun.as_mut().unwrap();
        begun.owner.get_or_insert(id);
        let first = begun.first_open().unwrap();
        prop_assert_eq!(pick.block.index() as usize, first);
        begun.slots[first] = Slot::Asked(1);
        Ok(())
    }

    fn ask_for_a_whole(&mut self, who: u32, how: u32) -> Result<(), TestCaseError> {
        let (has, may_begin) = (has(who), !how.is_multiple_of(4));
        let serves = |n: usize| has.has(crate::piece(n as u32));
        let pickable =
            self.plain.pickable_whole(&Who { id: 9, may_begin, suggests: &[], serves: &serves });
        let asker = Asker { id: 9, has: &has, may_begin, eligible: &|_| true };
        match self.real.pick_whole(&self.layout, &asker).map(PieceIndex::as_usize) {
            None => prop_assert!(pickable.is_empty(), "{pickable:?} could be picked"),
            Some(piece) => {
                prop_assert!(pickable.contains(&piece), "{piece}, not one of {pickable:?}");
                self.plain.begin(piece, None).slots.fill(Slot::Asked(1));
            }
        }
        Ok(())
    }

    fn slot(&mut self, block: Block) -> Option<&mut Slot> {
        let piece = &mut self.plain.pieces[block.piece().as_usize()];
        piece.begun.as_mut().map(|begun| &mut begun.slots[block.index() as usize])
    }

    fn receive(&mut self, block: Block) -> Result<(), TestCaseError> {
        let slot = self.slot(block);
        let is_new = slot.as_ref().is_some_and(|slot| **slot != Slot::Here);
        slot.into_iter().for_each(|slot| *slot = Slot::Here);
        prop_assert_eq!(self.real.receive(block), is_new);
        Ok(())
    }

    fn release(&mut self, block: Block) -> Result<(), TestCaseError> {
        let was_last = match self.slot(block) {
            Some(Slot::Asked(times @ 1..)) => {
                *times -= 1;
                *times == 0
            }
            _ => false,
        };
        prop_assert_eq!(self.real.release(block), was_last);
        Ok(())
    }

    fn ask_again(&mut self, block: Block) {
        if let Some(Slot::Asked(times @ 1..)) = self.slot(block) {
            *times += 1;
        }
        self.real.ask_again(block);
    }

    /// Whole pieces are found good or bad; what was good may be lost.
    fn judge(&mut self, piece: PieceIndex, good: bool) {
        if !self.real.is_whole(piece) && !self.real.have().has(piece) {
            return;
        }
        let row = &mut self.plain.pieces[piece.as_usize()];
        (row.begun, row.have) = (None, good);
        if good { self.real.verified(piece) } else { self.real.failed(piece) }
    }

    fn count(&mut self, piece: PieceIndex, how: u32) {
        let row = &mut self.plain.pieces[piece.as_usize()].peers;
        if how.is_multiple_of(3) && *row > askers_with(piece) {
            *row -= 1;
            let mut has = Bitfield::new(PIECES);
            has.insert(piece);
            self.real.peer_lost(&has);
        } else {
            *row += 1;
            self.real.peer_has(piece);
        }
    }

    fn want(&mut self, a: u32, b: u32) {
        let mut wanted = Bitfield::new(PIECES);
        for n in 0..PIECES {
            let is_wanted = a.is_multiple_of(2) || n % 11 != b % 11;
            self.plain.pieces[n as usize].wanted = is_wanted;
            if is_wanted {
                wanted.insert(crate::piece(n));
            }
        }
        self.real.want(wanted);
    }

    fn stream(&mut self, piece: PieceIndex, how: u32) {
        let from = how.is_multiple_of(2).then_some(piece);
        self.plain.window = from.map(PieceIndex::as_usize);
        self.real.stream_from(from);
    }

    fn disown(&mut self, piece: PieceIndex) {
        self.real.disown(piece);
        let begun = self.plain.pieces[piece.as_usize()].begun.as_mut();
        begun.into_iter().for_each(|begun| begun.owner = None);
    }

    /// All that can be seen from outside is the same.
    fn compare(&self) -> Result<(), TestCaseError> {
        let (real, rows) = (&self.real, &self.plain.pieces);
        prop_assert_eq!(real.is_endgame(), self.plain.is_endgame());
        prop_assert_eq!(real.is_done(), !rows.iter().any(|row| row.is_missing()));
        for (piece, row) in self.layout.pieces().zip(rows) {
            prop_assert_eq!(real.have().has(piece), row.have);
            prop_assert_eq!(real.is_missing(piece), row.is_missing());
            let slots = row.begun.as_ref().map(|begun| &begun.slots[..]);
            let is_whole = slots.is_some_and(|slots| slots.iter().all(|slot| *slot == Slot::Here));
            prop_assert_eq!(real.is_whole(piece), is_whole);
            for n in 0..BLOCKS {
                let asked = match slots.map(|slots| slots[n as usize]) {
                    Some(Slot::Asked(times)) => times,
                    _ => 0,
                };
                prop_assert_eq!(real.times_asked(self.layout.block(piece, n).unwrap()), asked);
            }
        }
        Ok(())
    }
}
