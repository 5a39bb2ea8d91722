//! The messages of a control socket, as `docs/relay-protocol.md` has them.

use std::net::SocketAddr;

use gannet_core::id::InfoHash;
use serde::{Deserialize, Deserializer, Serialize, de};

/// The version of the protocol.
pub const VERSION: u32 = 1;

/// The page broke the protocol.
pub const CLOSE_PROTOCOL: u16 = 4400;
/// The ticket isn't valid.
pub const CLOSE_TICKET: u16 = 4401;
/// No such peer can be reached, whatever the reason.
pub const CLOSE_UNREACHABLE: u16 = 4404;
/// Silence for too long.
pub const CLOSE_IDLE: u16 = 4408;
/// Too many sockets or dials.
pub const CLOSE_TOO_MANY: u16 = 4429;

/// What a page says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// It wants peers of a torrent.
    Join(Join),
    /// It has more than before.
    Update {
        /// Bytes missing; `None` while that isn't known.
        left: Option<u64>,
    },
    /// It would like more peers.
    More,
    /// It wants tickets for addresses that no announce named.
    Dial {
        /// Which.
        addrs: Vec<SocketAddr>,
    },
    /// Something of a later version.
    #[serde(other)]
    Unknown,
}

/// Which torrent, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Join {
    /// The torrent.
    #[serde(deserialize_with = "info_hash")]
    pub info_hash: InfoHash,
    /// URLs of its trackers.
    #[serde(default)]
    pub trackers: Vec<String>,
    /// Bytes missing; `None` while that isn't known.
    #[serde(default)]
    pub left: Option<u64>,
    /// Whether peers may connect to the page.
    #[serde(default)]
    pub reachable: bool,
}

fn info_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<InfoHash, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| de::Error::custom("`info_hash` is not 40 hex digits"))
}

/// What a relay says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// The first `join` was taken.
    Joined {
        /// [`VERSION`].
        version: u32,
        /// Bytes that may be under way without credit.
        window: u32,
        /// Seconds of silence after which sockets are closed.
        idle_seconds: u64,
    },
    /// Peers, each with a ticket.
    Peers {
        /// They.
        peers: Vec<Named>,
    },
    /// What came of an announce.
    Tracker {
        /// The tracker.
        url: String,
        /// How many seeders it says there are.
        seeders: Option<u32>,
        /// How many leechers it says there are.
        leechers: Option<u32>,
        /// Why it failed, if it did.
        error: Option<String>,
    },
    /// Where peers connect to.
    Reachable {
        /// The relay's address for this page; `None` if it has none.
        addr: Option<SocketAddr>,
    },
    /// A remote has connected.
    Incoming {
        /// From where.
        addr: SocketAddr,
        /// What to take it with.
        ticket: String,
        /// Which relay has it; `None` for this one.
        url: Option<String>,
    },
    /// The socket is closed after this.
    Error {
        /// Which of the codes.
        code: Refusal,
        /// What went wrong, for a person.
        message: String,
    },
}

/// A peer and what to reach it with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its name.
    pub addr: SocketAddr,
    /// For a data socket.
    pub ticket: String,
}

/// Why a control socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A message can't be read, or came out of turn.
    BadMessage,
    /// Another torrent than before.
    BadInfoHash,
    /// Not a torrent that this relay serves.
    NotAllowed,
    /// Too many sockets or swarms.
    TooMany,
    /// The relay ends.
    Shutdown,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Request, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_join_needs_no_more_than_an_info_hash() {
        let hash = "c9e15763f722f23e98a29decdfae341b98d53056";
        let Ok(Request::Join(join)) = read(&format!(r#"{{"type":"join","info_hash":"{hash}"}}"#))
        else {
            panic!()
        };
        assert_eq!(join.info_hash.to_string(), hash);
        assert_eq!((join.trackers.len(), join.left, join.reachable), (0, None, false));
    }

    #[test]
    fn what_is_not_known_is_told_from_what_is_wrong() {
        assert_eq!(read(r#"{"type":"dance","to":"a tune"}"#).unwrap(), Request::Unknown);
        assert_eq!(read(r#"{"type":"more","now":true}"#).unwrap(), Request::More);
        for wrong in [
            "",
            "[]",
            r#"{"type":"join"}"#,
            r#"{"type":"join","info_hash":"abc"}"#,
            r#"{"type":"update","left":-1}"#,
            r#"{"type":"dial","addrs":["localhost:1"]}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn replies_are_written_as_the_page_on_the_protocol_says() {
        let addr = "192.0.2.1:6881".parse().unwrap();
        let named = Named { addr, ticket: "t".to_owned() };
        let text = serde_json::to_string(&Reply::Peers { peers: vec![named] }).unwrap();
        assert_eq!(text, r#"{"type":"peers","peers":[{"addr":"192.0.2.1:6881","ticket":"t"}]}"#);
        let error = Reply::Error { code: Refusal::TooMany, message: "m".to_owned() };
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(text, r#"{"type":"error","code":"too_many","message":"m"}"#);
    }
}
