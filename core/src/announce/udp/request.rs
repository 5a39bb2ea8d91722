//! What a client sends.

use std::net::IpAddr;

use bytes::{Buf, BufMut};

use super::{ANNOUNCE, CONNECT, MAX_SCRAPE_HASHES, PROTOCOL_ID, SCRAPE, UdpError};
use crate::{
    announce::{AnnounceEvent, AnnounceRequest, DEFAULT_NUM_WANT},
    id::{InfoHash, PeerId},
};

/// The options after an announce (BEP 41).
const END_OF_OPTIONS: u8 = 0;
const NOP: u8 = 1;
const URL_DATA: u8 = 2;

/// A datagram from a client to a tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UdpRequest {
    /// Asks for a connection id, and so proves that the client's address is its own.
    Connect {
        /// Comes back in the answer.
        transaction_id: u32,
    },
    /// Announces one torrent.
    Announce {
        /// What the tracker answered to the connect.
        connection_id: u64,
        /// Comes back in the answer.
        transaction_id: u32,
        /// What is announced. There is no place for a tracker id or an IPv6 address in it, and the
        /// answer is always compact.
        announce: AnnounceRequest,
        /// Path and query of the tracker's URL (BEP 41); empty if there are none.
        path_and_query: Vec<u8>,
    },
    /// Asks how swarms are doing.
    Scrape {
        /// What the tracker answered to the connect.
        connection_id: u64,
        /// Comes back in the answer.
        transaction_id: u32,
        /// The torrents, at most [`MAX_SCRAPE_HASHES`].
        info_hashes: Vec<InfoHash>,
    },
}

impl UdpRequest {
    /// The connection id and the transaction id in a client's datagram, whatever else may be wrong
    /// with it; of a connect, the first is the protocol's number.
    pub fn ids(mut bytes: &[u8]) -> Option<(u64, u32)> {
        let connection_id = bytes.try_get_u64().ok()?;
        bytes.try_get_u32().ok()?;
        Some((connection_id, bytes.try_get_u32().ok()?))
    }

    /// The datagram.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(98);
        match self {
            Self::Connect { transaction_id } => {
                put_head(&mut out, PROTOCOL_ID, CONNECT, *transaction_id)
            }
            Self::Announce { connection_id, transaction_id, announce, path_and_query } => {
                put_head(&mut out, *connection_id, ANNOUNCE, *transaction_id);
                put_announce(&mut out, announce);
                put_url_data(&mut out, path_and_query);
            }
            Self::Scrape { connection_id, transaction_id, info_hashes } => {
                put_head(&mut out, *connection_id, SCRAPE, *transaction_id);
                let info_hashes = info_hashes.iter().take(MAX_SCRAPE_HASHES);
                info_hashes.for_each(|info_hash| out.put_slice(info_hash.as_bytes()));
            }
        }
        out
    }

    /// Reads a datagram from a client. Whether the connection id is good is for the tracker to say.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, UdpError> {
        let connection_id = bytes.try_get_u64()?;
        let action = bytes.try_get_u32()?;
        let transaction_id = bytes.try_get_u32()?;
        match action {
            CONNECT if connection_id == PROTOCOL_ID => Ok(Self::Connect { transaction_id }),
            CONNECT => Err(UdpError::Protocol),
            ANNOUNCE => Ok(Self::Announce {
                connection_id,
                transaction_id,
                announce: take_announce(&mut bytes)?,
                path_and_query: take_url_data(bytes)?,
            }),
            SCRAPE => {
                let info_hashes = take_info_hashes(bytes)?;
                Ok(Self::Scrape { connection_id, transaction_id, info_hashes })
            }
            action => Err(UdpError::Action(action)),
        }
    }
}

fn put_head(out: &mut Vec<u8>, connection_id: u64, action: u32, transaction_id: u32) {
    out.put_u64(connection_id);
    out.put_u32(action);
    out.put_u32(transaction_id);
}

fn put_announce(out: &mut Vec<u8>, announce: &AnnounceRequest) {
    out.put_slice(announce.info_hash.as_bytes());
    out.put_slice(announce.peer_id.as_bytes());
    out.put_u64(announce.downloaded);
    out.put_u64(announce.left);
    out.put_u64(announce.uploaded);
    out.put_u32(event_number(announce.event));
    out.put_u32(match announce.ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => ip.to_bits(),
        _ => 0,
    });
    out.put_u32(announce.key);
    out.put_u32(announce.num_want.min(i32::MAX as u32));
    out.put_u16(announce.port);
}

fn take_announce(bytes: &mut &[u8]) -> Result<AnnounceRequest, UdpError> {
    let info_hash = InfoHash::new(take_array(bytes)?);
    let peer_id = PeerId::new(take_array(bytes)?);
    let downloaded = bytes.try_get_u64()?;
    let left = bytes.try_get_u64()?;
    let uploaded = bytes.try_get_u64()?;
    let event = event_of(bytes.try_get_u32()?)?;
    let ip = match bytes.try_get_u32()? {
        0 => None,
        bits => Some(IpAddr::from(bits.to_be_bytes())),
    };
    let key = bytes.try_get_u32()?;
    let num_want = u32::try_from(bytes.try_get_i32()?).unwrap_or(DEFAULT_NUM_WANT);
    let port = Some(bytes.try_get_u16()?).filter(|&port| port != 0).ok_or(UdpError::Port)?;
    Ok(AnnounceRequest {
        uploaded,
        downloaded,
        event,
        num_want,
        key,
        ip,
        ..AnnounceRequest::first(info_hash, peer_id, port, left)
    })
}

const fn event_number(event: AnnounceEvent) -> u32 {
    match event {
        AnnounceEvent::None => 0,
        AnnounceEvent::Completed => 1,
        AnnounceEvent::Started => 2,
        AnnounceEvent::Stopped => 3,
    }
}

const fn event_of(number: u32) -> Result<AnnounceEvent, UdpError> {
    match number {
        0 => Ok(AnnounceEvent::None),
        1 => Ok(AnnounceEvent::Completed),
        2 => Ok(AnnounceEvent::Started),
        3 => Ok(AnnounceEvent::Stopped),
        number => Err(UdpError::Event(number)),
    }
}

fn put_url_data(out: &mut Vec<u8>, path_and_query: &[u8]) {
    for part in path_and_query.chunks(u8::MAX.into()) {
        out.put_slice(&[URL_DATA, part.len() as u8]);
        out.put_slice(part);
    }
}

/// Puts the parts of BEP 41's URL data together, and skips options that we don't know.
fn take_url_data(mut bytes: &[u8]) -> Result<Vec<u8>, UdpError> {
    let mut url_data = Vec::new();
    while let Ok(option) = bytes.try_get_u8() {
        match option {
            END_OF_OPTIONS => break,
            NOP => continue,
            _ => {}
        }
        let length = bytes.try_get_u8()?;
        let (data, rest) = bytes.split_at_checked(length.into()).ok_or(UdpError::Truncated)?;
        bytes = rest;
        if option == URL_DATA {
            url_data.extend_from_slice(data);
        }
    }
    Ok(url_data)
}

fn take_info_hashes(bytes: &[u8]) -> Result<Vec<InfoHash>, UdpError> {
    let (info_hashes, rest) = bytes.as_chunks::<20>();
    if info_hashes.is_empty() || !rest.is_empty() || info_hashes.len() > MAX_SCRAPE_HASHES {
        return Err(UdpError::ScrapeLength { bytes: bytes.len() });
    }
    Ok(info_hashes.iter().copied().map(InfoHash::new).collect())
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], UdpError> {
    let (array, rest) = bytes.split_first_chunk().ok_or(UdpError::Truncated)?;
    *bytes = rest;
    Ok(*array)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn announce() -> AnnounceRequest {
        AnnounceRequest {
            uploaded: 3,
            downloaded: 4,
            key: 6,
            ..AnnounceRequest::first(InfoHash::new([1; 20]), PeerId::new([2; 20]), 6881, 5)
        }
    }

    fn announce_bytes(path_and_query: &[u8]) -> Vec<u8> {
        UdpRequest::Announce {
            connection_id: 7,
            transaction_id: 8,
            announce: announce(),
            path_and_query: path_and_query.to_vec(),
        }
        .encode()
    }

    #[test]
    fn a_connect_has_the_bytes_of_bep_15() {
        let bytes = UdpRequest::Connect { transaction_id: 0x0102_0304 }.encode();
        assert_eq!(bytes, [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn an_announce_has_the_offsets_of_bep_15() {
        let bytes = announce_bytes(b"");
        assert_eq!(bytes.len(), 98);
        assert_eq!(UdpRequest::ids(&bytes), Some((7, 8)));
        assert_eq!(bytes[8..16], [0, 0, 0, 1, 0, 0, 0, 8]);
        assert_eq!((bytes[63], bytes[71], bytes[79]), (4, 5, 3), "downloaded, left, uploaded");
        assert_eq!((bytes[83], bytes[91], bytes[95]), (2, 6, 50), "event, key, num_want");
        assert_eq!(bytes[96..], [0x1a, 0xe1]);
    }

    #[test]
    fn path_and_query_follow_in_parts_of_255_bytes() {
        let bytes = announce_bytes(&[b'x'; 300]);
        assert_eq!(bytes[98..100], [2, 255]);
        assert_eq!(bytes[355..357], [2, 45]);
        assert_eq!(bytes.len(), 98 + 300 + 4);
    }

    #[test]
    fn other_options_are_skipped_and_a_cut_one_is_an_error() {
        let with =
            |options: &[u8]| match UdpRequest::decode(&[&announce_bytes(b""), options].concat()) {
                Ok(UdpRequest::Announce { path_and_query, .. }) => Ok(path_and_query),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error),
            };
        assert_eq!(with(&[1, 1, 9, 2, 0, 0, 2, 2, b'/', b'a', 0, 2, 9]), Ok(b"/a".to_vec()));
        assert_eq!(with(&[2, 9, b'/']), Err(UdpError::Truncated));
    }

    #[test]
    fn a_wrong_number_in_each_place_has_its_own_error() {
        let changed = |offset: usize, byte| {
            let mut bytes = announce_bytes(b"");
            bytes[offset] = byte;
            UdpRequest::decode(&bytes).unwrap_err()
        };
        assert_eq!(changed(11, 9), UdpError::Action(9));
        assert_eq!(changed(11, 0), UdpError::Protocol);
        assert_eq!(changed(83, 4), UdpError::Event(4));
        let mut no_port = announce_bytes(b"");
        no_port[96..].fill(0);
        assert_eq!(UdpRequest::decode(&no_port), Err(UdpError::Port));
        assert_eq!(UdpRequest::decode(&announce_bytes(b"")[..97]), Err(UdpError::Truncated));
    }

    #[test]
    fn a_negative_num_want_is_the_default() {
        let mut bytes = announce_bytes(b"");
        bytes[92..96].fill(0xff);
        let Ok(UdpRequest::Announce { announce, .. }) = UdpRequest::decode(&bytes) else {
            panic!("an announce")
        };
        assert_eq!(announce.num_want, DEFAULT_NUM_WANT);
    }

    #[test]
    fn a_scrape_of_nothing_or_of_too_much_is_refused() {
        let scrape = |bytes: usize| {
            let mut datagram = vec![0; 16];
            datagram[11] = 2;
            datagram.resize(16 + bytes, 1);
            UdpRequest::decode(&datagram).err()
        };
        for bytes in [0, 19, 21, 75 * 20] {
            assert_eq!(scrape(bytes), Some(UdpError::ScrapeLength { bytes }));
        }
        assert_eq!(scrape(MAX_SCRAPE_HASHES * 20), None);
    }

    fn any_request() -> impl Strategy<Value = UdpRequest> {
        let connect =
            any::<u32>().prop_map(|transaction_id| UdpRequest::Connect { transaction_id });
        let ids = any::<(u64, u32)>();
        let scrape = (ids, vec(any::<[u8; 20]>(), 1..=MAX_SCRAPE_HASHES)).prop_map(
            |((connection_id, transaction_id), hashes)| UdpRequest::Scrape {
                connection_id,
                transaction_id,
                info_hashes: hashes.into_iter().map(InfoHash::new).collect(),
            },
        );
        let numbers = (any::<[u64; 3]>(), 0u32..4, 0..=i32::MAX as u32, 1u16.., any::<u32>());
        let rest = (option::of(1u32..), vec(any::<u8>(), 0..600));
        let announce = (ids, numbers, rest).prop_map(
            |((connection_id, transaction_id), (counts, event, num_want, port, key), (ip, url))| {
                let announce = AnnounceRequest {
                    uploaded: counts[0],
                    downloaded: counts[1],
                    left: counts[2],
                    event: event_of(event).unwrap(),
                    ip: ip.map(|bits| IpAddr::from(bits.to_be_bytes())),
                    num_want,
                    port,
                    key,
                    ..announce()
                };
                UdpRequest::Announce {
                    connection_id,
                    transaction_id,
                    announce,
                    path_and_query: url,
                }
            },
        );
        prop_oneof![connect, scrape, announce]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_request_reads_back_as_it_was(request in any_request()) {
            prop_assert_eq!(UdpRequest::decode(&request.encode()), Ok(request));
        }

        #[test]
        fn random_bytes_never_panic(action in 0u8..5, mut bytes in vec(any::<u8>(), 0..200)) {
            if let Some(bytes) = bytes.get_mut(8..12) {
                bytes.copy_from_slice(&[0, 0, 0, action]);
            }
            let _ = UdpRequest::decode(&bytes);
        }
    }
}
