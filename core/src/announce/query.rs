//! What a client asks a tracker over HTTP: the query of the announce URL (BEP 3, BEP 7, BEP 23).

use std::{borrow::Cow, net::IpAddr};

use super::{AnnounceEvent, AnnounceRequest, DEFAULT_NUM_WANT};
use crate::{
    id::{InfoHash, PeerId},
    percent,
};

/// The longest query that a tracker reads, in bytes.
pub const MAX_QUERY_BYTES: usize = 8 * 1024;

/// The longest value of a field that is text, in bytes.
const MAX_TEXT_BYTES: usize = 256;

/// Why a tracker can't read what a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The query is longer than [`MAX_QUERY_BYTES`].
    #[error("the query is {bytes} bytes long, the limit is {MAX_QUERY_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A field that must be there isn't.
    #[error("`{field}` is missing")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A field that may be there once is there again.
    #[error("`{field}` is given twice")]
    Repeated {
        /// The field's name.
        field: &'static str,
    },
    /// An info hash or a peer id of another length.
    #[error("`{field}` must be 20 bytes, percent-encoded, not {bytes}")]
    Length {
        /// The field's name.
        field: &'static str,
        /// How long it is.
        bytes: usize,
    },
    /// A number that isn't one, or out of its range.
    #[error("`{field}` isn't a number that it can be")]
    Number {
        /// The field's name.
        field: &'static str,
    },
    /// An event that doesn't exist.
    #[error("`event` must be one of started, completed, stopped")]
    Event,
    /// An address that isn't an IP address.
    #[error("`ip` isn't an IP address")]
    Ip,
    /// A text that is longer than any need be.
    #[error("`{field}` is too long")]
    Text {
        /// The field's name.
        field: &'static str,
    },
    /// A scrape for more torrents than are answered at once.
    #[error("more than {max} info hashes")]
    TooManyHashes {
        /// How many are.
        max: usize,
    },
}

impl AnnounceRequest {
    /// The URL that announces this to the tracker at `base`, whose own query is kept.
    pub fn to_url(&self, base: &str) -> String {
        let info_hash = percent::encode(self.info_hash.as_bytes());
        let peer_id = percent::encode(self.peer_id.as_bytes());
        let mut query = format!(
            "info_hash={info_hash}&peer_id={peer_id}&port={}&uploaded={}&downloaded={}&left={}\
             &compact={}&no_peer_id={}&numwant={}&key={:08X}",
            self.port,
            self.uploaded,
            self.downloaded,
            self.left,
            u8::from(self.compact),
            u8::from(self.no_peer_id),
            self.num_want,
            self.key,
        );
        if let Some(event) = event_name(self.event) {
            query += &format!("&event={event}");
        }
        if let Some(ip) = self.ip {
            query += &format!("&ip={}", percent::encode(ip.to_string().as_bytes()));
        }
        if let Some(id) = &self.tracker_id {
            query += &format!("&trackerid={}", percent::encode(id));
        }
        with_query(base, &query)
    }

    /// Reads the query of an announce URL, without its `?`. Unknown fields are ignored.
    pub fn from_query(query: &str) -> Result<Self, RequestError> {
        let fields = Fields::read(query)?;
        Ok(Self {
            info_hash: InfoHash::new(fields.twenty_bytes(INFO_HASH)?),
            peer_id: PeerId::new(fields.twenty_bytes(PEER_ID)?),
            port: fields.port()?,
            uploaded: fields.count(UPLOADED)?,
            downloaded: fields.count(DOWNLOADED)?,
            left: fields.count(LEFT)?,
            event: fields.event()?,
            num_want: fields.num_want()?,
            key: fields.text(KEY)?.map_or(0, |key| key_of_text(&key)),
            tracker_id: fields.text(TRACKER_ID)?.map(Cow::into_owned),
            ip: fields.ip()?,
            compact: fields.value(COMPACT).as_deref() != Some(b"0"),
            no_peer_id: fields.value(NO_PEER_ID).as_deref() == Some(b"1"),
        })
    }
}

/// Appends to the query of a URL, in front of a fragment if there is one.
pub(super) fn with_query(base: &str, query: &str) -> String {
    let base = base.split('#').next().unwrap_or(base);
    let separator = match base.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, own)) if own.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{base}{separator}{query}")
}

/// The 20 bytes that an info hash or a peer id has, from a query's text.
pub(super) fn twenty_bytes(field: &'static str, text: &str) -> Result<[u8; 20], RequestError> {
    percent::decode_array(text).map_err(|bytes| RequestError::Length { field, bytes })
}

const fn event_name(event: AnnounceEvent) -> Option<&'static str> {
    match event {
        AnnounceEvent::None => None,
        AnnounceEvent::Started => Some("started"),
        AnnounceEvent::Completed => Some("completed"),
        AnnounceEvent::Stopped => Some("stopped"),
    }
}

/// A key as the number that we write it as. Other clients write other texts, which need only stay
/// different from one another: FNV-1a.
fn key_of_text(text: &[u8]) -> u32 {
    let hexadecimal = std::str::from_utf8(text).ok().filter(|text| text.len() <= 8);
    let number = hexadecimal.and_then(|text| u32::from_str_radix(text, 16).ok());
    let fold = |hash: u32, &byte: &u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    number.unwrap_or_else(|| text.iter().fold(0x811c_9dc5, fold))
}

/// The fields that we know, each at its place in [`Fields`].
const NAMES: [&str; 13] = [
    "info_hash",
    "peer_id",
    "port",
    "uploaded",
    "downloaded",
    "left",
    "event",
    "numwant",
    "key",
    "trackerid",
    "ip",
    "compact",
    "no_peer_id",
];
const INFO_HASH: usize = 0;
const PEER_ID: usize = 1;
const PORT: usize = 2;
const UPLOADED: usize = 3;
const DOWNLOADED: usize = 4;
const LEFT: usize = 5;
const EVENT: usize = 6;
const NUM_WANT: usize = 7;
const KEY: usize = 8;
const TRACKER_ID: usize = 9;
const IP: usize = 10;
const COMPACT: usize = 11;
const NO_PEER_ID: usize = 12;

fn place_of(name: &[u8]) -> Option<usize> {
    NAMES.iter().position(|known| known.as_bytes() == name)
}

/// The values of the fields in [`NAMES`], in that order, as they stand in the query: a tracker reads
/// so many that taking each into memory of its own would show.
struct Fields<'q>([Option<&'q str>; NAMES.len()]);

impl<'q> Fields<'q> {
    fn read(query: &'q str) -> Result<Self, RequestError> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(RequestError::TooLong { bytes: query.len() });
        }
        let mut values = [None; NAMES.len()];
        for (name, value) in percent::raw_query_pairs(query) {
            let place = place_of(&percent::decoded(name));
            let Some(place) = place else { continue };
            if values[place].replace(value).is_some() {
                return Err(RequestError::Repeated { field: NAMES[place] });
            }
        }
        Ok(Self(values))
    }

    fn value(&self, place: usize) -> Option<Cow<'q, [u8]>> {
        self.0[place].map(percent::decoded)
    }

    fn required(&self, place: usize) -> Result<Cow<'q, [u8]>, RequestError> {
        self.value(place).ok_or(RequestError::Missing { field: NAMES[place] })
    }

    fn twenty_bytes(&self, place: usize) -> Result<[u8; 20], RequestError> {
        let text = self.0[place].ok_or(RequestError::Missing { field: NAMES[place] })?;
        twenty_bytes(NAMES[place], text)
    }

    fn count(&self, place: usize) -> Result<u64, RequestError> {
        let number = RequestError::Number { field: NAMES[place] };
        digits(&self.required(place)?).ok_or(number)
    }

    fn port(&self) -> Result<u16, RequestError> {
        let port = u16::try_from(self.count(PORT)?).ok().filter(|&port| port != 0);
        port.ok_or(RequestError::Number { field: NAMES[PORT] })
    }

    /// Some clients say `-1`, or nothing, for "as many as you like".
    fn num_want(&self) -> Result<u32, RequestError> {
        match self.value(NUM_WANT).as_deref() {
            None | Some(b"" | b"-1") => Ok(DEFAULT_NUM_WANT),
            Some(text) => digits(text)
                .and_then(|number| u32::try_from(number).ok())
                .ok_or(RequestError::Number { field: NAMES[NUM_WANT] }),
        }
    }

    /// `paused` is a partial seed that goes on (BEP 21), for us an announce as any.
    fn event(&self) -> Result<AnnounceEvent, RequestError> {
        match self.value(EVENT).as_deref() {
            None | Some(b"" | b"empty" | b"paused") => Ok(AnnounceEvent::None),
            Some(b"started") => Ok(AnnounceEvent::Started),
            Some(b"completed") => Ok(AnnounceEvent::Completed),
            Some(b"stopped") => Ok(AnnounceEvent::Stopped),
            Some(_) => Err(RequestError::Event),
        }
    }

    fn ip(&self) -> Result<Option<IpAddr>, RequestError> {
        let Some(text) = self.value(IP).filter(|text| !text.is_empty()) else { return Ok(None) };
        let ip = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
        ip.map(Some).ok_or(RequestError::Ip)
    }

    fn text(&self, place: usize) -> Result<Option<Cow<'q, [u8]>>, RequestError> {
        match self.value(place) {
            Some(text) if text.len() > MAX_TEXT_BYTES => {
                Err(RequestError::Text { field: NAMES[place] })
            }
            text => Ok(text),
        }
    }
}

/// A number in plain digits: no sign, which Rust's own parser would take.
fn digits(text: &[u8]) -> Option<u64> {
    let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*, sample::select};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const GOOD: &str = "info_hash=aaaaaaaaaaaaaaaaaa%00%ff&peer_id=-XX0001-abcdefghijkl\
        &port=6881&uploaded=1&downloaded=2&left=3";

    fn error_with(change: impl Fn(String) -> String) -> RequestError {
        AnnounceRequest::from_query(&change(GOOD.to_owned())).unwrap_err()
    }

    #[test]
    fn what_every_client_must_send_is_enough() {
        let request = AnnounceRequest::from_query(GOOD).unwrap();
        assert_eq!(request.info_hash.as_bytes(), b"aaaaaaaaaaaaaaaaaa\x00\xff");
        assert_eq!((request.port, request.left), (6881, 3));
        assert_eq!((request.event, request.num_want), (AnnounceEvent::None, DEFAULT_NUM_WANT));
        assert_eq!((request.compact, request.no_peer_id, request.ip), (true, false, None));
    }

    #[test]
    fn each_field_that_is_missing_or_repeated_is_named() {
        for field in ["info_hash", "peer_id", "port", "uploaded", "downloaded", "left"] {
            let missing = error_with(|good| good.replace(field, "other"));
            assert_eq!(missing, RequestError::Missing { field });
            let repeated = error_with(|good| format!("{good}&{field}=1"));
            assert_eq!(repeated, RequestError::Repeated { field });
        }
    }

    #[test]
    fn each_field_that_is_wrong_is_named() {
        let number = |field| RequestError::Number { field };
        let long = "x".repeat(MAX_TEXT_BYTES + 1);
        let long_key = format!("key={long}");
        let long_id = format!("trackerid={long}");
        for (from, to, expected) in [
            ("port=6881", "port=0", number("port")),
            ("port=6881", "port=65536", number("port")),
            ("port=6881", "port=", number("port")),
            ("uploaded=1", "uploaded=-1", number("uploaded")),
            ("downloaded=2", "downloaded=+2", number("downloaded")),
            ("left=3", "left=18446744073709551616", number("left")),
            ("left=3", "left=3&numwant=many", number("numwant")),
            ("left=3", "left=3&event=resumed", RequestError::Event),
            ("left=3", "left=3&ip=localhost", RequestError::Ip),
            ("%00%ff", "%00", RequestError::Length { field: "info_hash", bytes: 19 }),
            ("-XX", "-XXX", RequestError::Length { field: "peer_id", bytes: 21 }),
            ("uploaded=1", &format!("uploaded=1&{long_key}"), RequestError::Text { field: "key" }),
            ("left=3", &format!("left=3&{long_id}"), RequestError::Text { field: "trackerid" }),
        ] {
            assert_eq!(error_with(|good| good.replace(from, to)), expected, "{to}");
        }
        let huge = error_with(|good| good + &"&a".repeat(MAX_QUERY_BYTES));
        assert!(matches!(huge, RequestError::TooLong { .. }));
    }

    #[test]
    fn the_query_of_a_tracker_is_kept_and_a_fragment_dropped() {
        assert_eq!(with_query("http://t/a", "q=1"), "http://t/a?q=1");
        assert_eq!(with_query("http://t/a?", "q=1"), "http://t/a?q=1");
        assert_eq!(with_query("http://t/a?k=v", "q=1"), "http://t/a?k=v&q=1");
        assert_eq!(with_query("http://t/a?k=v&#f", "q=1"), "http://t/a?k=v&q=1");
    }

    #[test]
    fn different_keys_stay_different_whatever_they_are_written_as() {
        assert_eq!(key_of_text(b"0000002A"), 42);
        assert_ne!(key_of_text(b"zzzzzzz1"), key_of_text(b"zzzzzzz2"));
    }

    fn any_request() -> impl Strategy<Value = AnnounceRequest> {
        let event = select(vec![
            AnnounceEvent::None,
            AnnounceEvent::Started,
            AnnounceEvent::Completed,
            AnnounceEvent::Stopped,
        ]);
        let numbers = any::<([u64; 3], u32, u32, bool, bool)>();
        let rest = (1u16.., event, option::of(vec(any::<u8>(), 0..50)), any::<Option<IpAddr>>());
        (any::<[u8; 20]>(), any::<[u8; 20]>(), numbers, rest).prop_map(
            |(info_hash, peer_id, (counts, num_want, key, compact, no_peer_id), rest)| {
                let (port, event, tracker_id, ip) = rest;
                AnnounceRequest {
                    info_hash: InfoHash::new(info_hash),
                    peer_id: PeerId::new(peer_id),
                    port,
                    uploaded: counts[0],
                    downloaded: counts[1],
                    left: counts[2],
                    event,
                    num_want,
                    key,
                    tracker_id,
                    ip,
                    compact,
                    no_peer_id,
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_request_reads_back_as_it_was(request in any_request()) {
            let url = request.to_url("http://tracker.example/announce?passkey=x");
            let (_, query) = url.split_once('?').unwrap();
            prop_assert_eq!(AnnounceRequest::from_query(query), Ok(request));
        }

        #[test]
        fn random_text_never_panics(text: String, value in "[%0-9a-z&=]{0,60}") {
            let _ = AnnounceRequest::from_query(&text);
            let _ = AnnounceRequest::from_query(&GOOD.replace("aaaaa", &value));
        }
    }
}
