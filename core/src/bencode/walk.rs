//! Through a value of any depth, for printers, without recursion.

use super::document::{Kind, Value};

/// What comes next in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'d> {
    /// An integer.
    Int(i64),
    /// A string.
    Bytes(&'d [u8]),
    /// A key of the innermost open dictionary; its value follows.
    Key(&'d [u8]),
    /// A list begins.
    OpenList,
    /// A dictionary begins.
    OpenDict,
    /// The innermost open list ends.
    CloseList,
    /// The innermost open dictionary ends.
    CloseDict,
}

/// The steps through a [`Value`].
pub struct Walk<'d> {
    next: Value<'d>,
    /// The position behind the value as a whole.
    end: usize,
    open: Vec<Open>,
}

struct Open {
    /// The position behind the list or dictionary.
    end: usize,
    is_dict: bool,
    key_comes: bool,
}

impl<'d> Walk<'d> {
    pub(super) fn new(value: Value<'d>) -> Self {
        Self { next: value, end: value.next_position(), open: Vec::new() }
    }

    /// Whether the value that comes next is a key.
    fn turn(&mut self) -> bool {
        self.open.last_mut().filter(|open| open.is_dict).is_some_and(|open| {
            open.key_comes = !open.key_comes;
            !open.key_comes
        })
    }

    fn enter(&mut self, value: Value<'d>, is_dict: bool) {
        self.open.push(Open { end: value.next_position(), is_dict, key_comes: is_dict });
    }
}

impl<'d> Iterator for Walk<'d> {
    type Item = Step<'d>;

    fn next(&mut self) -> Option<Step<'d>> {
        if let Some(open) = self.open.pop_if(|open| open.end == self.next.position()) {
            return Some(if open.is_dict { Step::CloseDict } else { Step::CloseList });
        }
        if self.next.position() >= self.end {
            return None;
        }
        let value = self.next;
        let is_key = self.turn();
        self.next = value.successor();
        match value.kind() {
            Kind::Int => value.as_int().map(Step::Int),
            Kind::Bytes if is_key => value.as_bytes().map(Step::Key),
            Kind::Bytes => value.as_bytes().map(Step::Bytes),
            Kind::List => {
                self.enter(value, false);
                Some(Step::OpenList)
            }
            Kind::Dict => {
                self.enter(value, true);
                Some(Step::OpenDict)
            }
        }
    }
}
