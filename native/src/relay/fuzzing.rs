//! What reads a page's bytes, for the fuzzer: no part of what this crate promises.

pub use super::{
    frame::{Decoder, Item, MAX_TEXT_BYTES, Violation},
    protocol::{Join, Request},
    ticket::{Key, MAX_TICKET_CHARS, Ticket, decode as decode_ticket},
};
