//! Which block to ask for next: streaming window, own begun pieces, the rarest new one, others'.
//!
//! Each asker finishes what it began; it helps with what others began only when there is nothing
//! new to begin, or no memory for it. So a piece mostly has one sender, which names the guilty when
//! it is bad, and a seeder is asked for what only it has rather than for what others could send.
//!
//! The picker knows pieces and their blocks, never peers: whoever asks says what it has. It hands
//! out a block once; asking a second peer for it (endgame) is its caller's decision.

mod begun;
mod probe;
mod rarity;

use std::ops::Range;

use self::{
    begun::{Begun, Slot},
    rarity::Rarity,
};
use crate::{
    bitfield::Bitfield,
    id::PieceIndex,
    layout::{Block, Layout},
    listed::Listed,
    sorted::{Map, Set},
    stats::PieceState,
};

/// The first pieces are picked at random, so that a new peer soon has something to trade.
pub const RANDOM_FIRST_PIECES: u32 = 4;
/// Pieces in the streaming window.
pub const WINDOW_PIECES: u32 = 64;

/// What the picker is told of whoever asks.
pub struct Asker<'a> {
    /// Tells askers apart.
    pub id: u32,
    /// The pieces it has.
    pub has: &'a Bitfield,
    /// Whether a piece may be begun: there is memory for it.
    pub may_begin: bool,
    /// Whether it may be asked for this piece at all: not while the piece waits for its retry, or
    /// is another's to prove.
    pub eligible: &'a dyn Fn(PieceIndex) -> bool,
}

/// A block handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// What to ask for.
    pub block: Block,
    /// It is the first of its piece.
    pub began: bool,
}

/// Which blocks of which pieces are open, asked for or here.
#[derive(Debug)]
pub struct Picker {
    rarity: Rarity,
    /// The pieces in `rarity`, for walking by the word.
    open: Bitfield,
    begun: Map<PieceIndex, Begun>,
    /// The begun pieces that have an open block, oldest first.
    unfinished: Set<(u64, PieceIndex)>,
    wanted: Bitfield,
    have: Bitfield,
    wanted_have: u32,
    turns: u64,
    window: Option<u32>,
    rng: fastrand::Rng,
}

impl Picker {
    /// All pieces wanted, none there.
    pub fn new(layout: &Layout, rng: fastrand::Rng) -> Self {
        let pieces = layout.piece_count();
        let mut picker = Self {
            rarity: Rarity::new(pieces),
            open: Bitfield::new(pieces),
            begun: Map::new(),
            unfinished: Set::new(),
            wanted: Bitfield::new(pieces),
            have: Bitfield::new(pieces),
            wanted_have: 0,
            turns: 0,
            window: None,
            rng,
        };
        picker.want(Bitfield::full(pieces));
        picker
    }

    /// The pieces that are verified.
    pub fn have(&self) -> &Bitfield {
        &self.have
    }

    /// The pieces that the user wants.
    pub fn wanted(&self) -> &Bitfield {
        &self.wanted
    }

    /// What is known of each piece, in order.
    pub fn pieces(&self) -> impl Iterator<Item = PieceState> + '_ {
        let all = (0..self.have.len()).map(PieceIndex::new);
        all.map(|piece| match () {
            () if self.have.has(piece) => PieceState::Have,
            () if !self.wanted.has(piece) => PieceState::Unwanted,
            () if self.begun.contains_key(&piece) => PieceState::InFlight,
            () => PieceState::Missing { availability: self.rarity.availability(piece) },
        })
    }

    /// How many of the wanted pieces are verified.
    pub fn wanted_have(&self) -> u32 {
        self.wanted_have
    }

    /// Whether all wanted pieces are verified.
    pub fn is_done(&self) -> bool {
        self.wanted_have == self.wanted.count()
    }

    /// Whether a piece is wanted and not verified yet.
    pub fn is_missing(&self, piece: PieceIndex) -> bool {
        self.wanted.has(piece) && !self.have.has(piece)
    }

    /// How many of `has` are wanted and not verified yet.
    pub fn useful_pieces(&self, has: &Bitfield) -> u32 {
        if has.is_full() {
            return self.wanted.count() - self.wanted_have;
        }
        has.iter().filter(|&piece| self.is_missing(piece)).count() as u32
    }

    /// The user's choice. Pieces already begun are finished nevertheless.
    pub fn want(&mut self, wanted: Bitfield) {
        self.wanted = wanted;
        self.wanted_have = self.wanted.intersection_count(&self.have);
        for pieces in [self.wanted.iter().listed(), self.wanted.iter_missing().listed()] {
            pieces.into_iter().for_each(|piece| self.sort(piece));
        }
    }

    /// Asks for the pieces from here on first, in order; `None` ends that.
    pub fn stream_from(&mut self, piece: Option<PieceIndex>) {
        self.window = piece.map(PieceIndex::as_u32);
    }

    /// How many peers have it, those that have everything not counted.
    pub fn availability(&self, piece: PieceIndex) -> u16 {
        self.rarity.availability(piece)
    }

    /// One more peer has it. Peers that have everything need not be counted.
    pub fn peer_has(&mut self, piece: PieceIndex) {
        self.rarity.raise(piece);
    }

    /// A peer with these pieces has left.
    pub fn peer_lost(&mut self, has: &Bitfield) {
        has.iter().for_each(|piece| self.rarity.lower(piece));
    }

    /// The next block to ask somebody for, if there is any for them.
    pub fn pick(&mut self, layout: &Layout, asker: &Asker<'_>) -> Option<Pick> {
        self.pick_with(layout, asker, &[])
    }

    /// The same, where the asker suggests what to begin (BEP 6).
    pub fn pick_with(
        &mut self,
        layout: &Layout,
        asker: &Asker<'_>,
        suggested: &[PieceIndex],
    ) -> Option<Pick> {
        let piece = self
            .pick_in_window(asker)
            .or_else(|| self.pick_unfinished(asker, |owner| owner == Some(asker.id)))
            .or_else(|| self.pick_suggested(asker, suggested))
            .or_else(|| self.pick_unfinished(asker, |owner| owner.is_none()))
            .or_else(|| self.pick_new(asker))
            .or_else(|| self.pick_unfinished(asker, |_| true))?;
        self.hand_out(layout, piece, asker.id)
    }

    /// Nobody is at these pieces any more: whoever asks next may finish them.
    pub fn disown(&mut self, piece: PieceIndex) {
        if let Some(begun) = self.begun.get_mut(&piece) {
            begun.owner = None;
        }
    }

    /// Whether every missing block is asked for: time to ask a second peer for the last ones.
    pub fn is_endgame(&self) -> bool {
        self.rarity.len() == 0 && self.unfinished.is_empty() && !self.begun.is_empty()
    }

    /// How many peers are asked for this block; zero if it is open or here.
    pub fn times_asked(&self, block: Block) -> u16 {
        match self.slot(block) {
            Some(Slot::Asked(times)) => times,
            _ => 0,
        }
    }

    /// Whether a block is still to come.
    pub fn is_awaited(&self, block: Block) -> bool {
        self.slot(block).is_some_and(|slot| slot != Slot::Here)
    }

    /// One more peer is asked for a block that was handed out before.
    pub fn ask_again(&mut self, block: Block) {
        if let Some(Slot::Asked(times)) = self.slot_mut(block) {
            *times += 1;
        }
    }

    /// One peer that was asked for it won't deliver it. Whether nobody else is asked now.
    pub fn release(&mut self, block: Block) -> bool {
        match self.slot_mut(block) {
            Some(Slot::Asked(times)) if *times > 1 => {
                *times -= 1;
                false
            }
            Some(Slot::Asked(_)) => {
                self.reopen(block);
                true
            }
            _ => false,
        }
    }

    fn reopen(&mut self, block: Block) {
        if let Some(begun) = self.begun.get_mut(&block.piece()) {
            let n = block.index() as usize;
            begun.slots[n] = Slot::Open;
            begun.open += 1;
            begun.first_open = begun.first_open.min(n);
            self.unfinished.insert((begun.turn, block.piece()));
        }
    }

    /// A block is here, asked for or not. `false` if it was here before or its piece isn't begun.
    pub fn receive(&mut self, block: Block) -> bool {
        let Some(begun) = self.begun.get_mut(&block.piece()) else { return false };
        let slot = &mut begun.slots[block.index() as usize];
        match std::mem::replace(slot, Slot::Here) {
            Slot::Here => return false,
            Slot::Open => begun.open -= 1,
            Slot::Asked(_) => {}
        }
        begun.missing -= 1;
        if begun.open == 0 {
            self.unfinished.remove(&(begun.turn, block.piece()));
        }
        true
    }

    /// Whether all blocks of a begun piece are here.
    pub fn is_whole(&self, piece: PieceIndex) -> bool {
        self.begun.get(&piece).is_some_and(|begun| begun.missing == 0)
    }

    /// A piece is verified.
    pub fn verified(&mut self, piece: PieceIndex) {
        self.forget(piece);
        if self.have.insert(piece) && self.wanted.has(piece) {
            self.wanted_have += 1;
        }
        self.sort(piece);
    }

    /// A piece is not there after all: it failed, or its data was lost. All its blocks are open.
    pub fn failed(&mut self, piece: PieceIndex) {
        self.forget(piece);
        if self.have.remove(piece) && self.wanted.has(piece) {
            self.wanted_have -= 1;
        }
        self.sort(piece);
    }

    /// Hands out a whole piece at once, if nobody has begun it: for a source.
    pub fn pick_whole(&mut self, layout: &Layout, asker: &Asker<'_>) -> Option<PieceIndex> {
        let window = self.window_range();
        let in_window = window.map(PieceIndex::new).find(|&piece| self.may_begin(piece, asker));
        let piece = in_window.or_else(|| self.pick_rarest(asker))?;
        self.begin(layout, piece);
        self.unfinished.retain(|&(_, begun)| begun != piece);
        if let Some(begun) = self.begun.get_mut(&piece) {
            begun.slots.fill(Slot::Asked(1));
            begun.open = 0;
        }
        Some(piece)
    }

    /// Puts a piece where its state says: into the order if it is missing and not begun.
    fn sort(&mut self, piece: PieceIndex) {
        match self.is_missing(piece) && !self.begun.contains_key(&piece) {
            true => {
                self.rarity.insert(piece);
                self.open.insert(piece);
            }
            false => {
                self.rarity.remove(piece);
                self.open.remove(piece);
            }
        }
    }

    fn forget(&mut self, piece: PieceIndex) {
        if let Some(begun) = self.begun.remove(&piece) {
            self.unfinished.remove(&(begun.turn, piece));
        }
    }

    /// The window begins at the first missing piece behind its start.
    fn window_range(&mut self) -> Range<u32> {
        let Some(start) = self.window else { return 0..0 };
        let mut first = start;
        while first < self.have.len() && !self.is_missing(PieceIndex::new(first)) {
            first += 1;
        }
        self.window = Some(first);
        first..(first + WINDOW_PIECES).min(self.have.len())
    }

    fn pick_in_window(&mut self, asker: &Asker<'_>) -> Option<PieceIndex> {
        self.window_range().map(PieceIndex::new).find(|&piece| {
            let has_open_block = self.begun.get(&piece).is_some_and(|begun| begun.open > 0);
            asker.has.has(piece)
                && (has_open_block && (asker.eligible)(piece) || self.may_begin(piece, asker))
        })
    }

    fn pick_unfinished(
        &self,
        asker: &Asker<'_>,
        whose: impl Fn(Option<u32>) -> bool,
    ) -> Option<PieceIndex> {
        let mut pieces = self.unfinished.iter().map(|&(_, piece)| piece);
        pieces.find(|piece| {
            self.begun.get(piece).is_some_and(|begun| whose(begun.owner))
                && asker.has.has(*piece)
                && (asker.eligible)(*piece)
        })
    }

    /// Of the rarest pieces only: whoever suggests what others have too is not obeyed.
    fn pick_suggested(&self, asker: &Asker<'_>, suggested: &[PieceIndex]) -> Option<PieceIndex> {
        let rarest = self.rarity.buckets().position(|bucket| !bucket.is_empty())?;
        let is_rarest = |piece| usize::from(self.rarity.availability(piece)) <= rarest;
        let mut suggested = suggested.iter().copied();
        suggested.find(|&piece| self.may_begin(piece, asker) && is_rarest(piece))
    }

    fn pick_new(&mut self, asker: &Asker<'_>) -> Option<PieceIndex> {
        if !asker.may_begin {
            return None;
        }
        match self.have.count() + (self.begun.len() as u32) < RANDOM_FIRST_PIECES {
            true => self.pick_at_random(asker),
            false => self.pick_rarest(asker),
        }
    }

    fn may_begin(&self, piece: PieceIndex, asker: &Asker<'_>) -> bool {
        asker.may_begin
            && self.rarity.contains(piece)
            && asker.has.has(piece)
            && (asker.eligible)(piece)
    }

    fn begin(&mut self, layout: &Layout, piece: PieceIndex) {
        let blocks = layout.block_count(piece) as usize;
        self.turns += 1;
        let turn = self.turns;
        let slots = vec![Slot::Open; blocks];
        let begun =
            Begun { slots, open: blocks, missing: blocks, first_open: 0, turn, owner: None };
        self.begun.insert(piece, begun);
        self.unfinished.insert((turn, piece));
        self.sort(piece);
    }

    fn hand_out(&mut self, layout: &Layout, piece: PieceIndex, asker: u32) -> Option<Pick> {
        let began = !self.begun.contains_key(&piece);
        if began {
            self.begin(layout, piece);
        }
        let begun = self.begun.get_mut(&piece)?;
        begun.owner.get_or_insert(asker);
        let behind = begun.slots[begun.first_open..].iter();
        let n = begun.first_open + behind.take_while(|&&slot| slot != Slot::Open).count();
        *begun.slots.get_mut(n)? = Slot::Asked(1);
        begun.first_open = n + 1;
        begun.open -= 1;
        if begun.open == 0 {
            self.unfinished.remove(&(begun.turn, piece));
        }
        Some(Pick { block: layout.block(piece, n as u32)?, began })
    }

    fn slot(&self, block: Block) -> Option<Slot> {
        self.begun.get(&block.piece())?.slots.get(block.index() as usize).copied()
    }

    fn slot_mut(&mut self, block: Block) -> Option<&mut Slot> {
        self.begun.get_mut(&block.piece())?.slots.get_mut(block.index() as usize)
    }
}
