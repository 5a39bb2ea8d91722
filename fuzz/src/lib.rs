//! What strangers may send, as targets for a fuzzer: each takes any bytes at all, and panics where a
//! promise is broken. `cargo xtask fuzz` looks for such bytes; the tests of this crate give each
//! target the corpus that was found so far.

mod protocol;
mod relay;
mod text;
mod torrents;
mod trackers;

#[path = "../../core/tests/any_order/anything.rs"]
mod anything;
#[path = "../../core/tests/any_order/rig.rs"]
mod rig;

pub use protocol::{extension_handshake, handshake, metadata_message, wire_stream};
pub use relay::{relay_frames, relay_message, relay_ticket};
pub use text::{bencode, bencode_against_another, magnet, names};
pub use torrents::{metainfo, resume_record, scheduler};
pub use trackers::{announce_answer, announce_request, compact_peers, scrape, udp_packet};

/// A target's name, which is also its folder in the corpus, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 19] = [
    ("announce_answer", announce_answer),
    ("announce_request", announce_request),
    ("bencode", bencode),
    ("bencode_against_another", bencode_against_another),
    ("compact_peers", compact_peers),
    ("extension_handshake", extension_handshake),
    ("handshake", handshake),
    ("magnet", magnet),
    ("metadata_message", metadata_message),
    ("metainfo", metainfo),
    ("names", names),
    ("relay_frames", relay_frames),
    ("relay_message", relay_message),
    ("relay_ticket", relay_ticket),
    ("resume_record", resume_record),
    ("scheduler", scheduler),
    ("scrape", scrape),
    ("udp_packet", udp_packet),
    ("wire_stream", wire_stream),
];
