//! Asking an HTTP tracker how swarms are doing (BEP 48).

use super::{
    RequestError, ScrapeEntry,
    http::{ANSWER_LIMITS, number},
    query::{MAX_QUERY_BYTES, twenty_bytes, with_query},
    sentence,
};
use crate::{
    bencode::{self, BencodeError, Dict, Encoded, Value},
    id::InfoHash,
    percent,
};

/// The most info hashes in one scrape.
pub const MAX_SCRAPE_HASHES: usize = 70;

/// The URL to scrape the tracker at `announce_url`; `None` if its URL says that it can't be.
///
/// The rule is an old convention: where the last path component begins with `announce`, `scrape`
/// stands for it.
pub fn scrape_url(announce_url: &str) -> Option<String> {
    let (start, last) = announce_url.rsplit_once('/')?;
    let rest = last.strip_prefix("announce")?;
    Some(format!("{start}/scrape{rest}"))
}

/// Asks for the numbers of some torrents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeRequest {
    /// The torrents: at least one, at most [`MAX_SCRAPE_HASHES`].
    pub info_hashes: Vec<InfoHash>,
}

/// What a tracker answers to a scrape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrapeResponse {
    /// The torrents that the tracker knows, of those it was asked for.
    pub entries: Vec<(InfoHash, ScrapeEntry)>,
}

/// Why an answer to a scrape is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// The tracker refused; its own words.
    #[error("the tracker says: {0}")]
    Failure(String),
    /// The answer isn't bencode.
    #[error("the answer isn't bencode: {0}")]
    Bencode(#[from] BencodeError),
    /// The answer has no dictionary `files`.
    #[error("the answer has no usable `files`")]
    Files,
}

impl ScrapeRequest {
    /// The URL that asks this at `base`, as [`scrape_url`] makes it.
    pub fn to_url(&self, base: &str) -> String {
        let field = |hash: &InfoHash| format!("info_hash={}", percent::encode(hash.as_bytes()));
        let fields: Vec<_> = self.info_hashes.iter().map(field).collect();
        with_query(base, &fields.join("&"))
    }

    /// Reads the query of a scrape URL, without its `?`.
    ///
    /// A scrape of everything a tracker has, which BEP 48 knows too, is refused.
    pub fn from_query(query: &str) -> Result<Self, RequestError> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(RequestError::TooLong { bytes: query.len() });
        }
        let mut info_hashes = Vec::new();
        let fields = percent::raw_query_pairs(query);
        for (_, value) in fields.filter(|(name, _)| &*percent::decoded(name) == b"info_hash") {
            if info_hashes.len() == MAX_SCRAPE_HASHES {
                return Err(RequestError::TooManyHashes { max: MAX_SCRAPE_HASHES });
            }
            info_hashes.push(InfoHash::new(twenty_bytes("info_hash", value)?));
        }
        match info_hashes.is_empty() {
            true => Err(RequestError::Missing { field: "info_hash" }),
            false => Ok(Self { info_hashes }),
        }
    }
}

impl ScrapeResponse {
    /// The body of the answer.
    pub fn encode(&self) -> Vec<u8> {
        let entry = |(info_hash, entry): &(InfoHash, ScrapeEntry)| {
            let numbers = Encoded::dict([
                ("complete", Encoded::int(entry.complete.into())),
                ("downloaded", Encoded::int(entry.downloaded.into())),
                ("incomplete", Encoded::int(entry.incomplete.into())),
            ]);
            (*info_hash.as_bytes(), numbers)
        };
        let files = Encoded::dict(self.entries.iter().map(entry));
        Encoded::dict([("files", files)]).into_bytes()
    }

    /// Reads the body of an answer. What isn't keyed by an info hash is left out, a number that is
    /// missing is zero.
    pub fn decode(body: &[u8]) -> Result<Self, ScrapeError> {
        let document = bencode::parse(body, ANSWER_LIMITS)?;
        let answer = document.root().dict().ok_or(ScrapeError::Files)?;
        if let Some(reason) = answer.find(b"failure reason") {
            return Err(ScrapeError::Failure(sentence(reason.as_bytes().unwrap_or_default())));
        }
        let files = answer.find(b"files").and_then(Value::dict).ok_or(ScrapeError::Files)?;
        let entry = |(key, value): (&[u8], Value<'_>)| {
            Some((InfoHash::new(key.try_into().ok()?), entry_of(value.dict()?)))
        };
        Ok(Self { entries: files.entries().filter_map(entry).take(MAX_SCRAPE_HASHES).collect() })
    }
}

fn entry_of(dict: Dict<'_>) -> ScrapeEntry {
    ScrapeEntry {
        complete: number(dict, b"complete").unwrap_or(0),
        downloaded: number(dict, b"downloaded").unwrap_or(0),
        incomplete: number(dict, b"incomplete").unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, collection::vec, prelude::*};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_scrape_url_follows_the_examples_of_bep_48() {
        let scraped = |url| scrape_url(url).unwrap_or_default();
        assert_eq!(scraped("http://example.com/announce"), "http://example.com/scrape");
        assert_eq!(scraped("http://example.com/x/announce"), "http://example.com/x/scrape");
        assert_eq!(scraped("http://example.com/announce.php"), "http://example.com/scrape.php");
        assert_eq!(scraped("http://example.com/announce?x=2"), "http://example.com/scrape?x=2");
        for no_scrape in [
            "http://example.com/a",
            "http://example.com/announce?x=2/4",
            "http://example.com/x%064announce",
            "announce",
        ] {
            assert_eq!(scrape_url(no_scrape), None, "{no_scrape}");
        }
    }

    #[test]
    fn a_scrape_of_nothing_of_too_much_or_of_half_a_hash_is_refused() {
        let hash = "info_hash=aaaaaaaaaaaaaaaaaaaa";
        let scrape = |count: usize| ScrapeRequest::from_query(&vec![hash; count].join("&"));
        assert_eq!(scrape(0), Err(RequestError::Missing { field: "info_hash" }));
        assert_eq!(scrape(MAX_SCRAPE_HASHES).unwrap().info_hashes.len(), MAX_SCRAPE_HASHES);
        let too_many = RequestError::TooManyHashes { max: MAX_SCRAPE_HASHES };
        assert_eq!(scrape(MAX_SCRAPE_HASHES + 1), Err(too_many));
        let half = RequestError::Length { field: "info_hash", bytes: 3 };
        assert_eq!(ScrapeRequest::from_query("info_hash=abc"), Err(half));
    }

    #[test]
    fn a_full_scrape_of_escaped_hashes_fits_into_a_query() {
        let info_hashes = vec![InfoHash::new([0xff; 20]); MAX_SCRAPE_HASHES];
        let request = ScrapeRequest { info_hashes };
        let url = request.to_url("");
        assert_eq!(ScrapeRequest::from_query(&url[1..]), Ok(request));
    }

    #[test]
    fn a_failure_and_rubbish_are_told_apart() {
        let failure = ScrapeResponse::decode(b"d14:failure reason4:nopee");
        assert_eq!(failure, Err(ScrapeError::Failure("nope".to_owned())));
        assert_eq!(ScrapeResponse::decode(b"de"), Err(ScrapeError::Files));
        assert!(matches!(ScrapeResponse::decode(b"<"), Err(ScrapeError::Bencode(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_response_reads_back_as_it_was(
            entries in btree_map(any::<[u8; 20]>(), any::<[u32; 3]>(), 0..10),
        ) {
            let entry = |(hash, [complete, downloaded, incomplete]): ([u8; 20], [u32; 3])| {
                (InfoHash::new(hash), ScrapeEntry { complete, downloaded, incomplete })
            };
            let response = ScrapeResponse { entries: entries.into_iter().map(entry).collect() };
            prop_assert_eq!(ScrapeResponse::decode(&response.encode()), Ok(response));
        }

        #[test]
        fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..100), text: String) {
            let _ = ScrapeResponse::decode(&bytes);
            let _ = ScrapeResponse::decode(&[b"d5:files", &bytes[..], b"e"].concat());
            let _ = ScrapeRequest::from_query(&text);
        }
    }
}
