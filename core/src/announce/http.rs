//! What a tracker answers to an announce over HTTP (BEP 3, BEP 7, BEP 23).

use std::net::{IpAddr, SocketAddr};

use super::{
    AnnounceResponse, Family, MAX_PEERS,
    compact::{peers_of_compact, put_compact_peers},
    sentence,
};
use crate::bencode::{self, BencodeError, Dict, Encoded, Limits, Value};

/// What is read of an answer before it is given up: room for [`MAX_PEERS`] peers written out, and
/// for all that trackers add of their own.
pub(super) const ANSWER_LIMITS: Limits = Limits { depth: 16, tokens: 64 * 1024 };

/// The most bytes of a tracker id that are kept and sent back.
const MAX_TRACKER_ID_BYTES: usize = 256;

/// Why an answer to an announce is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnounceError {
    /// The tracker refused; its own words.
    #[error("the tracker says: {0}")]
    Failure(String),
    /// The answer isn't bencode.
    #[error("the answer isn't bencode: {0}")]
    Bencode(#[from] BencodeError),
    /// The answer is bencode, but no dictionary.
    #[error("the answer isn't a dictionary")]
    NotADictionary,
    /// A field has a value that it can't have, or is missing.
    #[error("the answer has no usable `{field}`")]
    Field {
        /// The field's name.
        field: &'static str,
    },
}

/// The answer that refuses an announce or a scrape, for a reason in plain words.
pub fn encode_failure(reason: &str) -> Vec<u8> {
    Encoded::dict([("failure reason", Encoded::bytes(reason))]).into_bytes()
}

impl AnnounceResponse {
    /// Reads the body of an answer, with its peers in whichever form they come.
    ///
    /// Of peers in dictionaries those are left out whose address is no IP address.
    pub fn decode(body: &[u8]) -> Result<Self, AnnounceError> {
        let document = bencode::parse(body, ANSWER_LIMITS)?;
        let answer = document.root().dict().ok_or(AnnounceError::NotADictionary)?;
        if let Some(reason) = answer.find(b"failure reason") {
            return Err(AnnounceError::Failure(sentence(reason.as_bytes().unwrap_or_default())));
        }
        let interval = answer.find(b"interval");
        let (v4, v6) = (answer.find(b"peers"), answer.find(b"peers6"));
        if interval.or(v4).or(v6).is_none() {
            return Err(AnnounceError::Field { field: "interval" });
        }
        let mut peers = peers_of(v4, Family::V4, "peers")?;
        peers.extend(peers_of(v6, Family::V6, "peers6")?);
        peers.truncate(MAX_PEERS);
        let bytes = |key| answer.find(key).and_then(Value::as_bytes);
        let tracker_id = bytes(b"tracker id").filter(|id| id.len() <= MAX_TRACKER_ID_BYTES);
        Ok(Self {
            interval_seconds: number(answer, b"interval").unwrap_or(0),
            min_interval_seconds: number(answer, b"min interval"),
            tracker_id: tracker_id.map(<[u8]>::to_vec),
            complete: number(answer, b"complete"),
            incomplete: number(answer, b"incomplete"),
            peers,
            warning: bytes(b"warning message").map(sentence),
            external_ip: bytes(b"external ip").and_then(address_of),
        })
    }

    /// The answer with its peers in compact form (BEP 23, BEP 7).
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len_hint());
        self.encode_into(&mut out);
        out
    }

    /// Appends what [`Self::encode`] returns: written at once, key by key in bencode's order, since a
    /// tracker does little else.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        self.put_numbers(out);
        let v6 = self.peers.iter().filter(|peer| Family::of(peer.ip()) == Family::V6).count();
        let v4 = self.peers.len() - v6;
        put_key(out, "peers");
        self.put_peers(out, v4, Family::V4);
        if v6 > 0 {
            put_key(out, "peers6");
            self.put_peers(out, v6, Family::V6);
        }
        self.put_texts(out);
    }

    /// The answer with its peers as a list of dictionaries (BEP 3), without peer ids, as for a
    /// client that said `no_peer_id`: what peers call themselves isn't kept.
    pub fn encode_listed(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put_numbers(&mut out);
        let peer = |address: &SocketAddr| {
            let ip = Encoded::bytes(address.ip().to_canonical().to_string());
            Encoded::dict([("ip", ip), ("port", Encoded::int(address.port().into()))])
        };
        put_key(&mut out, "peers");
        out.extend(Encoded::list(self.peers.iter().map(peer)).into_bytes());
        self.put_texts(&mut out);
        out
    }

    /// Enough for most.
    fn len_hint(&self) -> usize {
        128 + self.peers.len() * Family::V6.peer_bytes()
    }

    fn put_peers(&self, out: &mut Vec<u8>, count: usize, family: Family) {
        put_length(out, count * family.peer_bytes());
        put_compact_peers(out, self.peers.iter().copied(), family);
    }

    /// What comes before the peers.
    fn put_numbers(&self, out: &mut Vec<u8>) {
        out.push(b'd');
        put_number(out, "complete", self.complete);
        match self.external_ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => put_bytes(out, "external ip", &ip.octets()),
            Some(IpAddr::V6(ip)) => put_bytes(out, "external ip", &ip.octets()),
            None => {}
        }
        put_number(out, "incomplete", self.incomplete);
        put_number(out, "interval", Some(self.interval_seconds));
        put_number(out, "min interval", self.min_interval_seconds);
    }

    /// What comes after the peers.
    fn put_texts(&self, out: &mut Vec<u8>) {
        if let Some(id) = &self.tracker_id {
            put_bytes(out, "tracker id", id);
        }
        if let Some(text) = &self.warning {
            put_bytes(out, "warning message", text.as_bytes());
        }
        out.push(b'e');
    }
}

fn put_digits(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    while out.len() == start || number > 0 {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
    }
    out[start..].reverse();
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    put_digits(out, length as u64);
    out.push(b':');
}

fn put_key(out: &mut Vec<u8>, key: &str) {
    put_length(out, key.len());
    out.extend_from_slice(key.as_bytes());
}

fn put_bytes(out: &mut Vec<u8>, key: &str, bytes: &[u8]) {
    put_key(out, key);
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_number(out: &mut Vec<u8>, key: &str, number: Option<u32>) {
    let Some(number) = number else { return };
    put_key(out, key);
    out.push(b'i');
    put_digits(out, number.into());
    out.push(b'e');
}

/// An address in the 4 or 16 bytes of BEP 24.
fn address_of(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(|ip| ip.to_canonical())
}

/// A number that is there and fits; trackers write nonsense into what they don't know.
pub(super) fn number(dict: Dict<'_>, key: &[u8]) -> Option<u32> {
    dict.find(key).and_then(Value::as_int).and_then(|number| u32::try_from(number).ok())
}

fn peers_of(
    value: Option<Value<'_>>,
    family: Family,
    field: &'static str,
) -> Result<Vec<SocketAddr>, AnnounceError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    if let Some(bytes) = value.as_bytes() {
        return Ok(peers_of_compact(bytes, family).take(MAX_PEERS).collect());
    }
    let list = value.list().ok_or(AnnounceError::Field { field })?;
    Ok(list.filter_map(listed_peer).take(MAX_PEERS).collect())
}

fn listed_peer(peer: Value<'_>) -> Option<SocketAddr> {
    let peer = peer.dict()?;
    let ip: IpAddr = peer.find(b"ip")?.as_str()?.parse().ok()?;
    let port = u16::try_from(peer.find(b"port")?.as_int()?).ok().filter(|&port| port != 0)?;
    Some(SocketAddr::new(ip.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn peers_come_compact_or_in_dictionaries_and_of_both_families() {
        let compact = b"d8:intervali1800e5:peers12:\x0a\0\0\x01\x1a\xe1\x0a\0\0\x02\0\0\
            6:peers618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1e";
        let response = AnnounceResponse::decode(compact).unwrap();
        assert_eq!(response.peers, addresses(&["10.0.0.1:6881", "[2001:db8::1]:6881"]));
        assert_eq!(response.interval_seconds, 1800);

        let listed = b"d8:completei3e8:intervali60e5:peersl\
            d2:ip8:10.0.0.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881ee\
            d2:ip9:localhost4:porti6881eed2:ip8:10.0.0.24:porti0eei5e\
            d2:ip11:2001:db8::14:porti1eeee";
        let response = AnnounceResponse::decode(listed).unwrap();
        assert_eq!(response.peers, addresses(&["10.0.0.1:6881", "[2001:db8::1]:1"]));
        assert_eq!((response.complete, response.incomplete), (Some(3), None));
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_tracker_but_not_in_all_of_them() {
        let error = AnnounceResponse::decode(&encode_failure("not registered")).unwrap_err();
        assert_eq!(error, AnnounceError::Failure("not registered".to_owned()));
        let long = "x".repeat(5000);
        match AnnounceResponse::decode(&encode_failure(&long)) {
            Err(AnnounceError::Failure(text)) => assert_eq!(text.len(), 300),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rubbish_is_an_error_that_says_what_is_wrong() {
        let error = |body: &[u8]| AnnounceResponse::decode(body).unwrap_err();
        assert!(matches!(error(b"<html>"), AnnounceError::Bencode(_)));
        assert!(matches!(error(b""), AnnounceError::Bencode(_)));
        assert_eq!(error(b"le"), AnnounceError::NotADictionary);
        assert_eq!(error(b"de"), AnnounceError::Field { field: "interval" });
        assert_eq!(error(b"d5:peersi5ee"), AnnounceError::Field { field: "peers" });
        assert_eq!(error(b"d6:peers6dee"), AnnounceError::Field { field: "peers6" });
    }

    #[test]
    fn numbers_that_make_no_sense_are_as_good_as_missing() {
        let body = b"d8:completei-1e10:incompletei99999999999e8:interval3:abce";
        let response = AnnounceResponse::decode(body).unwrap();
        assert_eq!(response, AnnounceResponse::default());
    }

    #[test]
    fn no_more_peers_than_the_limit_are_taken() {
        let peers = vec!["10.0.0.1:6881".parse().unwrap(); MAX_PEERS + 10];
        let response = AnnounceResponse { peers, ..AnnounceResponse::default() };
        let read = AnnounceResponse::decode(&response.encode()).unwrap();
        assert_eq!(read.peers.len(), MAX_PEERS);
    }

    #[test]
    fn a_listed_peer_has_no_peer_id() {
        let peers = vec!["10.0.0.1:6881".parse().unwrap()];
        let response =
            AnnounceResponse { interval_seconds: 5, peers, ..AnnounceResponse::default() };
        let listed = response.encode_listed();
        assert_eq!(listed, b"d8:intervali5e5:peersld2:ip8:10.0.0.14:porti6881eeee");
    }

    fn any_response() -> impl Strategy<Value = AnnounceResponse> {
        let v4 = vec((any::<[u8; 4]>(), 1u16..), 0..10);
        // Within 2001::/16, so that none maps an IPv4 address.
        let v6 = vec((any::<[u16; 7]>(), 1u16..), 0..10);
        let texts = (option::of(vec(any::<u8>(), 0..30)), option::of(".{0,40}"));
        let external = any::<Option<[u8; 4]>>();
        (any::<(u32, [Option<u32>; 3])>(), v4, v6, texts, external).prop_map(
            |((interval_seconds, numbers), v4, v6, (tracker_id, warning), external)| {
                let v4 = v4.into_iter().map(|(ip, port)| SocketAddr::from((ip, port)));
                let v6 = v6.into_iter().map(|([a, b, c, d, e, f, g], port)| {
                    SocketAddr::from(([0x2001, a, b, c, d, e, f, g], port))
                });
                AnnounceResponse {
                    interval_seconds,
                    min_interval_seconds: numbers[0],
                    complete: numbers[1],
                    incomplete: numbers[2],
                    tracker_id,
                    warning,
                    external_ip: external.map(IpAddr::from),
                    peers: v4.chain(v6).collect(),
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_response_reads_back_as_it_was(response in any_response()) {
            prop_assert_eq!(AnnounceResponse::decode(&response.encode()), Ok(response.clone()));
            let bytes = response.encode_listed();
            prop_assert_eq!(AnnounceResponse::decode(&bytes), Ok(response));
        }

        #[test]
        fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..100)) {
            let _ = AnnounceResponse::decode(&bytes);
            let _ = AnnounceResponse::decode(&[b"d5:peers", &bytes[..], b"e"].concat());
        }
    }
}
