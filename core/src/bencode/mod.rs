//! Bencode (BEP 3): a reader for what strangers send, a writer that is strict.
//!
//! The reader never recurses, allocates in proportion to its input only, and remembers where in
//! the input each value stood, so that an `info` dictionary is hashed as it came. It takes unsorted
//! keys and white space behind the end, as the field's clients do, and nothing ambiguous.
//!
//! ```
//! use gannet_core::bencode::{self, Encoded, Limits};
//!
//! let document = bencode::parse(b"d4:infod6:lengthi5eee\n", Limits::default())?;
//! let info = document.root().dict().and_then(|root| root.find(b"info")).unwrap();
//! assert_eq!(info.span(), b"d6:lengthi5ee");
//! assert_eq!(info.dict().unwrap().find(b"length").unwrap().as_int(), Some(5));
//! assert_eq!(Encoded::dict([("length", Encoded::int(5))]).as_bytes(), info.span());
//! # Ok::<(), bencode::BencodeError>(())
//! ```

mod document;
mod encode;
mod reader;
mod walk;

pub use document::{Dict, Document, Entries, Items, Kind, Value};
pub use encode::Encoded;
pub use reader::{parse, parse_prefix};
pub use walk::{Step, Walk};

/// How many lists and dictionaries may lie inside each other, unless a caller says otherwise.
pub const MAX_DEPTH: usize = 100;
/// How many integers, strings (keys too), lists and dictionaries are read, unless a caller says
/// otherwise.
pub const MAX_TOKENS: usize = 3_000_000;

/// What the reader takes before it gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many lists and dictionaries may lie inside each other.
    pub depth: usize,
    /// How many integers, strings (keys too), lists and dictionaries there may be in all.
    pub tokens: usize,
}

impl Default for Limits {
    /// [`MAX_DEPTH`] and [`MAX_TOKENS`].
    fn default() -> Self {
        Self { depth: MAX_DEPTH, tokens: MAX_TOKENS }
    }
}

/// Where input is not bencode, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {reason}")]
pub struct BencodeError {
    /// Bytes of the input before the fault.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with input that is not bencode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The input ends inside a value.
    #[error("the input ends inside a value")]
    Truncated,
    /// No value, and no end of one, begins with this byte.
    #[error("no value begins with byte 0x{0:02x}")]
    UnexpectedByte(u8),
    /// Between `i` and `e` stands no integer.
    #[error("an integer is an optional minus and digits, then `e`")]
    IntegerSyntax,
    /// An integer with a leading zero, or minus zero: two ways to write the same.
    #[error("an integer has a leading zero or is minus zero")]
    LeadingZero,
    /// The integer doesn't fit in 64 bits, signed.
    #[error("an integer does not fit in 64 bits")]
    IntegerRange,
    /// A string's length is negative.
    #[error("a string has a negative length")]
    NegativeLength,
    /// A string's length is not plain digits before a colon.
    #[error("a string's length is digits without leading zeros, then a colon")]
    LengthSyntax,
    /// A string is longer than what is left of the input.
    #[error("a string is longer than the rest of the input")]
    StringTooLong,
    /// A dictionary's key is no string.
    #[error("a dictionary's key is not a string")]
    KeyNotString,
    /// A dictionary ends behind a key.
    #[error("a dictionary's last key has no value")]
    MissingValue,
    /// A dictionary has a key twice. The offset is the dictionary's.
    #[error("a dictionary has a key twice")]
    DuplicateKey,
    /// More lists and dictionaries inside each other than [`Limits::depth`].
    #[error("more than {0} lists and dictionaries inside each other")]
    TooDeep(usize),
    /// More values than [`Limits::tokens`].
    #[error("more than {0} values")]
    TooManyTokens(usize),
    /// More input than offsets of 32 bits reach.
    #[error("the input is longer than 4 GiB")]
    TooLong,
    /// Something other than white space follows the value.
    #[error("something follows the end of the value")]
    TrailingData,
}
