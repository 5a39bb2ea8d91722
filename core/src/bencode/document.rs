//! What was read: tokens in one flat table, and the cursors that walk it.

use std::str;

use super::{reader::integer, walk::Walk};

/// The four things bencode has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An integer.
    Int,
    /// A string of any bytes.
    Bytes,
    /// A list.
    List,
    /// A dictionary.
    Dict,
}

/// One value. Those inside it follow it in the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it begins in the input, in bytes.
    pub(super) start: u32,
    /// Where it ends in the input, in bytes.
    pub(super) end: u32,
    /// The token behind it and everything inside it.
    pub(super) next: u32,
}

impl Token {
    fn span(self, input: &[u8]) -> &[u8] {
        &input[self.start as usize..self.end as usize]
    }

    /// What a string holds: all behind its colon.
    pub(super) fn content(self, input: &[u8]) -> &[u8] {
        let span = self.span(input);
        let colon = span.iter().position(|&byte| byte == b':');
        colon.map_or(&[], |colon| &span[colon + 1..])
    }
}

/// A value that was read, with all inside it. Borrows the input.
#[derive(Debug)]
pub struct Document<'a> {
    input: &'a [u8],
    /// Never empty: the first is the root.
    tokens: Vec<Token>,
}

impl<'a> Document<'a> {
    pub(super) fn new(input: &'a [u8], tokens: Vec<Token>) -> Self {
        Self { input, tokens }
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value { input: self.input, tokens: &self.tokens, at: 0 }
    }
}

/// One value in a [`Document`].
#[derive(Clone, Copy)]
pub struct Value<'d> {
    input: &'d [u8],
    tokens: &'d [Token],
    at: usize,
}

impl<'d> Value<'d> {
    fn token(self) -> Token {
        self.tokens[self.at]
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.token().kind
    }

    /// The bytes of the input that it was read from.
    pub fn span(self) -> &'d [u8] {
        self.token().span(self.input)
    }

    /// Where [`span`](Self::span) begins in the input, in bytes.
    pub fn offset(self) -> usize {
        self.token().start as usize
    }

    /// What it holds, if it is a string.
    pub fn as_bytes(self) -> Option<&'d [u8]> {
        (self.kind() == Kind::Bytes).then(|| self.token().content(self.input))
    }

    /// What it holds, if it is a string of UTF-8.
    pub fn as_str(self) -> Option<&'d str> {
        self.as_bytes().and_then(|bytes| str::from_utf8(bytes).ok())
    }

    /// Its number, if it is an integer.
    pub fn as_int(self) -> Option<i64> {
        match (self.kind(), self.span()) {
            (Kind::Int, [_, digits @ .., _]) => integer(digits),
            _ => None,
        }
    }

    /// What lies in it, if it is a list.
    pub fn list(self) -> Option<Items<'d>> {
        let end = self.token().next as usize;
        let items = Items { input: self.input, tokens: self.tokens, at: self.at + 1, end };
        (self.kind() == Kind::List).then_some(items)
    }

    /// It as a dictionary, if it is one.
    pub fn dict(self) -> Option<Dict<'d>> {
        (self.kind() == Kind::Dict).then_some(Dict { value: self })
    }

    /// It and all that lies in it, step by step, however deep.
    pub fn walk(self) -> Walk<'d> {
        Walk::new(self)
    }

    /// The value of the token behind this one: the first inside it, or what follows it.
    pub(super) fn successor(self) -> Self {
        Self { at: self.at + 1, ..self }
    }

    /// The number of its token.
    pub(super) fn position(self) -> usize {
        self.at
    }

    /// The number of the first token that isn't inside it.
    pub(super) fn next_position(self) -> usize {
        self.token().next as usize
    }
}

/// A dictionary in a [`Document`].
#[derive(Clone, Copy)]
pub struct Dict<'d> {
    value: Value<'d>,
}

impl<'d> Dict<'d> {
    /// The value of a key. Looks at one key after the other.
    pub fn find(self, key: &[u8]) -> Option<Value<'d>> {
        self.entries().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// Its keys and values, in the order of the input.
    pub fn entries(self) -> Entries<'d> {
        let Value { input, tokens, at } = self.value;
        entries(input, tokens, at)
    }

    /// The dictionary as a value.
    pub fn value(self) -> Value<'d> {
        self.value
    }
}

/// Goes through a list.
#[derive(Clone)]
pub struct Items<'d> {
    input: &'d [u8],
    tokens: &'d [Token],
    at: usize,
    end: usize,
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        if self.at >= self.end {
            return None;
        }
        let value = Value { input: self.input, tokens: self.tokens, at: self.at };
        self.at = value.next_position();
        Some(value)
    }
}

/// Goes through a dictionary.
#[derive(Clone)]
pub struct Entries<'d>(Items<'d>);

impl<'d> Iterator for Entries<'d> {
    type Item = (&'d [u8], Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?;
        Some((key.token().content(self.0.input), self.0.next()?))
    }
}

/// The entries of the dictionary at token `at`, complete in the table.
pub(super) fn entries<'d>(input: &'d [u8], tokens: &'d [Token], at: usize) -> Entries<'d> {
    Entries(Items { input, tokens, at: at + 1, end: tokens[at].next as usize })
}
