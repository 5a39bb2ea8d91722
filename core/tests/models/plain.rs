//! A picker that scans: all that is known of each piece in a table, and a look at all of it each time.

use std::{collections::BTreeSet, ops::Range};

use gannet_core::picker::{RANDOM_FIRST_PIECES, WINDOW_PIECES};

/// A block: how many are asked for it, or that it is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    Asked(u16),
    Here,
}

/// A piece of which something is asked for or here.
#[derive(Debug, Clone)]
pub struct Begun {
    pub slots: Vec<Slot>,
    turn: u64,
    pub owner: Option<u32>,
}

/// A piece.
#[derive(Debug, Clone, Default)]
pub struct Piece {
    pub wanted: bool,
    pub have: bool,
    pub peers: u16,
    pub begun: Option<Begun>,
}

/// Whoever asks.
pub struct Who<'a> {
    pub id: u32,
    pub may_begin: bool,
    /// What it would have begun first.
    pub suggests: &'a [usize],
    /// Whether it has a piece and may be asked for it.
    pub serves: &'a dyn Fn(usize) -> bool,
}

/// The table.
pub struct Plain {
    pub pieces: Vec<Piece>,
    pub window: Option<usize>,
    blocks: usize,
    turns: u64,
}

impl Piece {
    pub fn is_missing(&self) -> bool {
        self.wanted && !self.have
    }

    fn is_new(&self) -> bool {
        self.is_missing() && self.begun.is_none()
    }

    fn has_open_block(&self) -> bool {
        self.begun.as_ref().is_some_and(|begun| begun.first_open().is_some())
    }
}

impl Begun {
    pub fn first_open(&self) -> Option<usize> {
        self.slots.iter().position(|slot| *slot == Slot::Asked(0))
    }
}

impl Plain {
    pub fn new(pieces: usize, blocks: usize) -> Self {
        let piece = Piece { wanted: true, ..Piece::default() };
        Self { pieces: vec![piece; pieces], window: None, blocks, turns: 0 }
    }

    /// Which piece may be picked next; any of several where chance decides, none if there is none.
    pub fn pickable(&mut self, who: &Who<'_>) -> BTreeSet<usize> {
        let serves = |piece: &usize| (who.serves)(*piece);
        let begins = |piece: &usize| who.may_begin && self.pieces[*piece].is_new() && serves(piece);
        let goes_on = |piece: &usize| self.pieces[*piece].has_open_block() && serves(piece);
        let window = self.window_range();
        if let Some(piece) = window.clone().find(|piece| goes_on(piece) || begins(piece)) {
            self.window = self.window.map(|_| window.start);
            return BTreeSet::from([piece]);
        }
        let owner = |piece: usize| self.pieces[piece].begun.as_ref().and_then(|begun| begun.owner);
        let all: Vec<usize> = (0..self.pieces.len()).filter(goes_on).collect();
        let oldest = |whose: &dyn Fn(Option<u32>) -> bool| {
            let pieces = all.iter().copied().filter(|&piece| whose(owner(piece)));
            pieces.min_by_key(|&piece| self.pieces[piece].begun.as_ref().map(|begun| begun.turn))
        };
        let new: BTreeSet<usize> = (0..self.pieces.len()).filter(begins).collect();
        let own = oldest(&|owner| owner == Some(who.id));
        let suggested = || self.suggested(who.suggests, &new);
        let picked = match own.or_else(suggested).or_else(|| oldest(&|owner| owner.is_none())) {
            Some(piece) => BTreeSet::from([piece]),
            None if new.is_empty() => oldest(&|_| true).into_iter().collect(),
            None if self.is_young() => new,
            None => self.rarest(&new),
        };
        self.window = self.window.map(|_| window.start);
        picked
    }

    /// The same for a whole piece at once.
    pub fn pickable_whole(&mut self, who: &Who<'_>) -> BTreeSet<usize> {
        let begins =
            |piece: &usize| who.may_begin && self.pieces[*piece].is_new() && (who.serves)(*piece);
        let window = self.window_range();
        let in_window = window.clone().find(begins);
        let new = (0..self.pieces.len()).filter(begins).collect();
        let picked = in_window.map_or_else(|| self.rarest(&new), |piece| BTreeSet::from([piece]));
        self.window = self.window.map(|_| window.start);
        picked
    }

    /// The first suggestion that may be begun and is as rare as any new piece.
    fn suggested(&self, suggests: &[usize], new: &BTreeSet<usize>) -> Option<usize> {
        let all = self.pieces.iter().filter(|piece| piece.is_new());
        let least = all.map(|piece| piece.peers).min()?;
        let mut obeyed = suggests.iter().filter(|piece| new.contains(piece));
        obeyed.find(|&&piece| self.pieces[piece].peers == least).copied()
    }

    /// So few pieces are there or begun that chance decides.
    fn is_young(&self) -> bool {
        let there = self.pieces.iter().filter(|piece| piece.have || piece.begun.is_some());
        there.count() < RANDOM_FIRST_PIECES as usize
    }

    fn rarest(&self, of: &BTreeSet<usize>) -> BTreeSet<usize> {
        let least = of.iter().map(|&piece| self.pieces[piece].peers).min();
        of.iter().copied().filter(|&piece| Some(self.pieces[piece].peers) == least).collect()
    }

    /// The window never goes back.
    fn window_range(&self) -> Range<usize> {
        let Some(start) = self.window else { return 0..0 };
        let missing = (start..self.pieces.len()).find(|&piece| self.pieces[piece].is_missing());
        let first = missing.unwrap_or(self.pieces.len());
        first..(first + WINDOW_PIECES as usize).min(self.pieces.len())
    }

    /// A piece is begun, nothing of it asked for yet; its number in the order.
    pub fn begin(&mut self, piece: usize, owner: Option<u32>) -> &mut Begun {
        self.turns += 1;
        let slots = vec![Slot::Asked(0); self.blocks];
        self.pieces[piece].begun.insert(Begun { slots, turn: self.turns, owner })
    }

    /// All missing blocks are asked for, and there are some.
    pub fn is_endgame(&self) -> bool {
        let is_quiet = |piece: &Piece| !piece.is_new() && !piece.has_open_block();
        self.pieces.iter().all(is_quiet) && self.pieces.iter().any(|piece| piece.begun.is_some())
    }
}
