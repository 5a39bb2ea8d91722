//! The protocol and the scheduler of Gannet: BitTorrent without I/O of any kind.
//!
//! # The contract
//!
//! A [`Session`] is a state machine. It never reads a clock, opens a socket, spawns, locks, awaits
//! or asks the operating system for randomness: the time comes in as `now`, randomness as a seed,
//! and the same seed and inputs give the same outputs, byte for byte, on every machine.
//!
//! Its methods are of four kinds:
//!
//! - **commands** ([`add`](Session::add), [`remove`](Session::remove),
//!   [`add_peer`](Session::add_peer), [`accept`](Session::accept) …) say what the user wants;
//! - **`handle_*`** ([`handle_input`](Session::handle_input),
//!   [`handle_timeout`](Session::handle_timeout)) say what happened;
//! - **`poll_*`** ([`poll_output`](Session::poll_output), [`poll_timeout`](Session::poll_timeout))
//!   say what is to be done, and by when the next call is due;
//! - the rest only look.
//!
//! **Drain after each mutation**: after each command and each `handle_*` the host takes
//! [`poll_output`](Session::poll_output) to `None`, then arms the one timer of
//! [`poll_timeout`](Session::poll_timeout). Each output that asks for an answer gets exactly one
//! [`Input`]. That is all; a host knows nothing of the protocol.
//!
//! ```
//! use gannet_core::{
//!     AddTorrent, Content, Input, Output, Session, SessionConfig, TorrentOptions,
//!     reason::Disconnect, time::Instant,
//! };
//!
//! /// What a host has: a clock, a way to wait, and hands to carry out orders.
//! trait Host {
//!     fn now(&self) -> Instant;
//!     /// The next thing that happened, or `None` once `deadline` has passed.
//!     fn wait(&mut self, deadline: Option<Instant>) -> Option<Input>;
//!     fn carry_out(&mut self, output: Output);
//!     fn is_done(&self) -> bool;
//! }
//!
//! fn run(session: &mut Session, host: &mut impl Host) {
//!     while !host.is_done() {
//!         while let Some(output) = session.poll_output() {
//!             host.carry_out(output);
//!         }
//!         let deadline = session.poll_timeout().map(|(at, _why)| at);
//!         match host.wait(deadline) {
//!             Some(input) => session.handle_input(host.now(), input),
//!             None => session.handle_timeout(host.now()),
//!         }
//!     }
//! }
//!
//! # /// A world in which nobody is reachable.
//! # #[derive(Default)]
//! # struct Nobody { now: Instant, refused: Vec<Input>, dials: usize }
//! # impl Host for Nobody {
//! #     fn now(&self) -> Instant { self.now }
//! #     fn wait(&mut self, deadline: Option<Instant>) -> Option<Input> {
//! #         self.refused.pop().or_else(|| {
//! #             self.now = self.now.max(deadline.expect("a redial is always due"));
//! #             None
//! #         })
//! #     }
//! #     fn carry_out(&mut self, output: Output) {
//! #         if let Output::Connect { peer, .. } = output {
//! #             self.dials += 1;
//! #             self.refused.push(Input::Closed { peer, reason: Disconnect::Refused });
//! #         }
//! #     }
//! #     fn is_done(&self) -> bool { self.dials == 3 }
//! # }
//! let mut host = Nobody::default();
//! let mut session = Session::new(SessionConfig::default(), 42, host.now());
//! let info_hash = "c9e15763f722f23e98a29decdfae341b98d53056".parse()?;
//! session.add(host.now(), AddTorrent {
//!     content: Content::Hash(info_hash),
//!     trackers: Vec::new(),
//!     peers: vec!["198.51.100.7:6881".parse()?],
//!     options: TorrentOptions::default(),
//! })?;
//! run(&mut session, &mut host);
//! assert!(host.now() > Instant::EPOCH, "redials back off");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
//!
//! | module | what it is |
//! |---|---|
//! | [`config`], [`contract`], [`event`], [`stats`] | what is set, what goes in and out, what users are told |
//! | [`session`] | owns the torrents and what they share |
//! | `torrent`, `peer` | one torrent, and one connection of it |
//! | [`picker`], [`pipeline`], [`choker`], [`score`] | which block, how many at once, for whom, how good |
//! | [`source`], [`storage`] | peers that are no connections; what is asked of a disk |
//! | [`wire`], [`extension`], [`announce`], [`bencode`] | the protocols |
//! | [`metainfo`], [`magnet`], [`layout`], [`bitfield`], [`names`] | torrents, and what they name |
//! | [`addr`], [`percent`] | addresses and bytes as text |
//! | `sorted`, `listed`, `order`, `cut`, `draw` | maps, lists, sorting, cutting and chance, in little code |

pub mod addr;
pub mod announce;
pub mod bencode;
pub mod bitfield;
mod book;
pub mod choker;
pub mod config;
pub mod contract;
mod cut;
mod digest;
mod draw;
pub mod event;
pub mod extension;
pub mod id;
pub mod layout;
mod listed;
pub mod magnet;
pub mod metainfo;
pub mod names;
mod order;
mod peer;
pub mod percent;
pub mod picker;
pub mod pipeline;
pub mod rate;
pub mod reason;
pub mod resume;
mod roster;
pub mod score;
pub mod session;
mod shared;
mod sorted;
pub mod source;
mod spread;
pub mod stats;
pub mod storage;
pub mod time;
mod torrent;
pub mod wire;

pub use crate::{
    config::{AddError, AddTorrent, SessionConfig, TorrentOptions},
    contract::{Content, Input, Output},
    reason::Disconnect,
    session::Session,
    torrent::Timer,
};
