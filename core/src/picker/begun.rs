//! What is known of a piece that is on its way.

/// How far a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Open,
    /// Asked for, of so many.
    Asked(u16),
    Here,
}

/// A piece of which some block is asked for or here.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) slots: Vec<Slot>,
    pub(super) open: usize,
    pub(super) missing: usize,
    /// No block before this one is open.
    pub(super) first_open: usize,
    /// Position in the order of beginning.
    pub(super) turn: u64,
    /// Who began it and is still at it.
    pub(super) owner: Option<u32>,
}
