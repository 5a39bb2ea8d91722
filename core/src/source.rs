//! Sources: peers that are no wire connections, such as a web seed (BEP 19) or a caller's function.
//!
//! A source is asked for whole pieces ([`Output::Fetch`](crate::contract::Output::Fetch)) and
//! answers with bytes or an error ([`Input::Fetched`](crate::contract::Input::Fetched)). Scores,
//! retries, timeouts and statistics are those of wire peers, so sources and peers share a torrent;
//! and over a [`WorkList`] sources alone are a swarm: a plain pool of workers.

pub use crate::{
    contract::{SourceError, WorkList},
    torrent::{MAX_SOURCES, WorkResult},
};
