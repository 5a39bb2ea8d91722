//! What a tracker sends back.

use bytes::{Buf, BufMut};

use super::{ANNOUNCE, CONNECT, ERROR, SCRAPE, UdpError};
use crate::announce::{
    AnnounceResponse, Family, MAX_PEERS, ScrapeEntry, peers_of_compact, put_compact_peers, sentence,
};

/// A datagram from a tracker to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UdpResponse {
    /// Answers a connect.
    Connect {
        /// The request's transaction id.
        transaction_id: u32,
        /// To be named in what the client asks next.
        connection_id: u64,
    },
    /// Answers an announce.
    Announce {
        /// The request's transaction id.
        transaction_id: u32,
        /// The interval, how large the swarm is, and peers.
        response: AnnounceResponse,
    },
    /// Answers a scrape.
    Scrape {
        /// The request's transaction id.
        transaction_id: u32,
        /// One for each info hash asked for, in that order.
        entries: Vec<ScrapeEntry>,
    },
    /// Answers anything.
    Error {
        /// The request's transaction id.
        transaction_id: u32,
        /// What is wrong, for a person.
        message: String,
    },
}

impl UdpResponse {
    /// The datagram, for a client whose address is of this family; other peers are left out.
    pub fn encode(&self, family: Family) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out, family);
        out
    }

    /// Appends what [`Self::encode`] returns.
    pub fn encode_into(&self, out: &mut Vec<u8>, family: Family) {
        match self {
            Self::Connect { transaction_id, connection_id } => {
                put_head(out, CONNECT, *transaction_id);
                out.put_u64(*connection_id);
            }
            Self::Announce { transaction_id, response } => {
                put_head(out, ANNOUNCE, *transaction_id);
                out.put_u32(response.interval_seconds);
                out.put_u32(response.incomplete.unwrap_or(0));
                out.put_u32(response.complete.unwrap_or(0));
                put_compact_peers(out, response.peers.iter().copied(), family);
            }
            Self::Scrape { transaction_id, entries } => {
                put_head(out, SCRAPE, *transaction_id);
                entries.iter().for_each(|entry| put_entry(out, entry));
            }
            Self::Error { transaction_id, message } => {
                put_head(out, ERROR, *transaction_id);
                out.put_slice(message.as_bytes());
            }
        }
    }

    /// Reads a datagram from a tracker whose address is of this family.
    pub fn decode(mut bytes: &[u8], family: Family) -> Result<Self, UdpError> {
        let action = bytes.try_get_u32()?;
        let transaction_id = bytes.try_get_u32()?;
        match action {
            CONNECT => Ok(Self::Connect { transaction_id, connection_id: bytes.try_get_u64()? }),
            ANNOUNCE => {
                let response = take_announce(bytes, family)?;
                Ok(Self::Announce { transaction_id, response })
            }
            SCRAPE => Ok(Self::Scrape { transaction_id, entries: take_entries(bytes) }),
            ERROR => Ok(Self::Error { transaction_id, message: sentence(bytes) }),
            action => Err(UdpError::Action(action)),
        }
    }

    /// The number of the action that this answers, as it stands on the wire.
    pub(crate) const fn action(&self) -> u32 {
        match self {
            Self::Connect { .. } => CONNECT,
            Self::Announce { .. } => ANNOUNCE,
            Self::Scrape { .. } => SCRAPE,
            Self::Error { .. } => ERROR,
        }
    }

    /// The transaction id in a tracker's datagram, whatever else may be wrong with it.
    pub fn transaction_id(bytes: &[u8]) -> Option<u32> {
        bytes.get(4..).and_then(|bytes| bytes.first_chunk()).map(|id| u32::from_be_bytes(*id))
    }
}

fn put_head(out: &mut Vec<u8>, action: u32, transaction_id: u32) {
    out.put_u32(action);
    out.put_u32(transaction_id);
}

fn put_entry(out: &mut Vec<u8>, entry: &ScrapeEntry) {
    out.put_u32(entry.complete);
    out.put_u32(entry.downloaded);
    out.put_u32(entry.incomplete);
}

fn take_announce(mut bytes: &[u8], family: Family) -> Result<AnnounceResponse, UdpError> {
    Ok(AnnounceResponse {
        interval_seconds: bytes.try_get_u32()?,
        incomplete: Some(bytes.try_get_u32()?),
        complete: Some(bytes.try_get_u32()?),
        peers: peers_of_compact(bytes, family).take(MAX_PEERS).collect(),
        ..AnnounceResponse::default()
    })
}

fn take_entries(bytes: &[u8]) -> Vec<ScrapeEntry> {
    let entry = |mut bytes: &[u8]| ScrapeEntry {
        complete: bytes.get_u32(),
        downloaded: bytes.get_u32(),
        incomplete: bytes.get_u32(),
    };
    bytes.chunks_exact(12).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use proptest::{collection::vec, prelude::*};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn an_announce_has_the_bytes_of_bep_15() {
        let response = AnnounceResponse {
            interval_seconds: 1800,
            complete: Some(2),
            incomplete: Some(1),
            peers: vec!["10.0.0.1:6881".parse().unwrap(), "[2001:db8::1]:1".parse().unwrap()],
            ..AnnounceResponse::default()
        };
        let bytes = UdpResponse::Announce { transaction_id: 9, response }.encode(Family::V4);
        let head = [0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2];
        assert_eq!(bytes, [&head[..], &[10, 0, 0, 1, 0x1a, 0xe1]].concat());
    }

    #[test]
    fn the_family_of_the_datagram_decides_how_peers_are_read() {
        let peers: Vec<SocketAddr> = vec!["[2001:db8::1]:6881".parse().unwrap()];
        let response = AnnounceResponse { peers: peers.clone(), ..AnnounceResponse::default() };
        let bytes = UdpResponse::Announce { transaction_id: 9, response }.encode(Family::V6);
        assert_eq!(bytes.len(), 20 + 18);
        match UdpResponse::decode(&bytes, Family::V6) {
            Ok(UdpResponse::Announce { response, .. }) => assert_eq!(response.peers, peers),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn more_peers_than_the_limit_are_left_out() {
        let peers = vec!["10.0.0.1:6881".parse().unwrap(); MAX_PEERS + 1];
        let response = AnnounceResponse { peers, ..AnnounceResponse::default() };
        let bytes = UdpResponse::Announce { transaction_id: 9, response }.encode(Family::V4);
        match UdpResponse::decode(&bytes, Family::V4) {
            Ok(UdpResponse::Announce { response, .. }) => {
                assert_eq!(response.peers.len(), MAX_PEERS)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cut_or_foreign_answer_is_an_error() {
        let decode = |bytes: &[u8]| UdpResponse::decode(bytes, Family::V4);
        assert_eq!(decode(&[0; 15]), Err(UdpError::Truncated));
        assert_eq!(decode(&[0, 0, 0, 1, 0, 0, 0, 9, 0, 0]), Err(UdpError::Truncated));
        assert_eq!(decode(&[0, 0, 0, 7, 0, 0, 0, 9]), Err(UdpError::Action(7)));
        assert_eq!(UdpResponse::transaction_id(&[0, 0, 0, 7, 0, 0, 0, 9]), Some(9));
        assert_eq!(UdpResponse::transaction_id(&[0, 0, 0, 7, 0, 0, 0]), None);
    }

    fn any_response() -> impl Strategy<Value = UdpResponse> {
        let entry = any::<(u32, u32, u32)>().prop_map(|(complete, downloaded, incomplete)| {
            ScrapeEntry { complete, downloaded, incomplete }
        });
        let peers = vec((any::<u32>(), 1u16..), 0..20).prop_map(|peers| {
            let peer = |(ip, port): (u32, u16)| (IpAddr::from(ip.to_be_bytes()), port).into();
            peers.into_iter().map(peer).collect::<Vec<SocketAddr>>()
        });
        prop_oneof![
            any::<(u32, u64)>().prop_map(|(transaction_id, connection_id)| {
                UdpResponse::Connect { transaction_id, connection_id }
            }),
            (any::<[u32; 4]>(), peers).prop_map(|([transaction_id, interval, a, b], peers)| {
                let response = AnnounceResponse {
                    interval_seconds: interval,
                    complete: Some(a),
                    incomplete: Some(b),
                    peers,
                    ..AnnounceResponse::default()
                };
                UdpResponse::Announce { transaction_id, response }
            }),
            (any::<u32>(), vec(entry, 0..20)).prop_map(|(transaction_id, entries)| {
                UdpResponse::Scrape { transaction_id, entries }
            }),
            (any::<u32>(), ".{0,50}").prop_map(|(transaction_id, message)| {
                UdpResponse::Error { transaction_id, message }
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_response_reads_back_as_it_was(response in any_response()) {
            let bytes = response.encode(Family::V4);
            prop_assert_eq!(UdpResponse::decode(&bytes, Family::V4), Ok(response));
        }

        #[test]
        fn random_bytes_never_panic(action in 0u8..5, mut bytes in vec(any::<u8>(), 0..200)) {
            if let Some(bytes) = bytes.get_mut(..4) {
                bytes.copy_from_slice(&[0, 0, 0, action]);
            }
            let _ = UdpResponse::decode(&bytes, Family::V4);
            let _ = UdpResponse::decode(&bytes, Family::V6);
        }
    }
}
