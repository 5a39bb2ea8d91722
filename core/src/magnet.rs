//! Magnet links (BEP 9, BEP 53): a torrent named by its info hash alone.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use crate::{
    cut,
    id::{InfoHash, InfoHashError},
    percent::{decode, encode, raw_query_pairs},
};

/// The longest magnet link in bytes that is read.
pub const MAX_MAGNET_BYTES: usize = 64 * 1024;

/// What a magnet link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Magnet {
    /// The torrent (`xt=urn:btih:`).
    pub info_hash: InfoHash,
    /// What to call it until its metadata has come (`dn`). A stranger's text: made safe neither for
    /// a terminal nor for a file system.
    pub name: Option<String>,
    /// Announce URLs (`tr`), each a tier of its own.
    pub trackers: Vec<String>,
    /// Peers to try at once (`x.pe`), as `host:port` or `[v6]:port`.
    pub peers: Vec<String>,
    /// Base URLs of web seeds (`ws`, BEP 19).
    pub web_seeds: Vec<String>,
    /// The only files to download, by number from zero (`so`, BEP 53); all if `None`.
    pub select_only: Option<Vec<RangeInclusive<u32>>>,
}

/// Why text is no magnet link that we can follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MagnetError {
    /// Longer than [`MAX_MAGNET_BYTES`].
    #[error("the link is longer than 64 KiB")]
    TooLong,
    /// It doesn't begin with `magnet:?`.
    #[error("a magnet link begins with `magnet:?`")]
    Scheme,
    /// It names no BitTorrent info hash at all.
    #[error("xt: the link has no `urn:btih:` with an info hash")]
    NoInfoHash,
    /// It names only the hash of a v2 torrent.
    #[error("xt: v2-only torrents (`urn:btmh:`) aren't supported")]
    V2Only,
    /// Its info hash isn't one.
    #[error("xt: {0}")]
    InfoHash(#[from] InfoHashError),
    /// It names two torrents.
    #[error("xt: the link names two different torrents")]
    TwoInfoHashes,
    /// Its list of files isn't numbers and ranges.
    #[error("so: file numbers look like 0,2,4-8")]
    SelectOnly,
}

impl Magnet {
    /// A link to the torrent that says nothing else.
    pub const fn new(info_hash: InfoHash) -> Self {
        Self {
            info_hash,
            name: None,
            trackers: Vec::new(),
            peers: Vec::new(),
            web_seeds: Vec::new(),
            select_only: None,
        }
    }
}

impl FromStr for Magnet {
    type Err = MagnetError;

    /// Reads a link. Parameters that are unknown are passed over, and so are peers that are no
    /// `host:port`.
    fn from_str(link: &str) -> Result<Self, MagnetError> {
        if link.len() > MAX_MAGNET_BYTES {
            return Err(MagnetError::TooLong);
        }
        let query = strip_scheme(link.trim_ascii()).ok_or(MagnetError::Scheme)?;
        let mut magnet = Self::new(info_hash(query)?);
        for (name, value) in raw_query_pairs(query) {
            magnet.take(unnumbered(name), value)?;
        }
        Ok(magnet)
    }
}

impl Magnet {
    /// Takes one parameter other than `xt`.
    fn take(&mut self, name: &str, value: &str) -> Result<(), MagnetError> {
        match name {
            "dn" if self.name.is_none() => {
                self.name = Some(text(&value.replace('+', " "))).filter(|name| !name.is_empty());
            }
            "tr" => push_new(&mut self.trackers, text(value)),
            "ws" => push_new(&mut self.web_seeds, text(value)),
            "x.pe" => {
                let peer = text(value);
                if is_host_and_port(&peer) {
                    push_new(&mut self.peers, peer);
                }
            }
            "so" => {
                let ranges = select_only(&text(value)).ok_or(MagnetError::SelectOnly)?;
                self.select_only.get_or_insert_default().extend(ranges);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Writes the link so that it reads back the same.
impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "magnet:?xt=urn:btih:{}", self.info_hash)?;
        if let Some(name) = &self.name {
            write!(f, "&dn={}", encode(name.as_bytes()))?;
        }
        for (key, values) in
            [("tr", &self.trackers), ("ws", &self.web_seeds), ("x.pe", &self.peers)]
        {
            values.iter().try_for_each(|value| write!(f, "&{key}={}", encode(value.as_bytes())))?;
        }
        let Some(ranges) = &self.select_only else { return Ok(()) };
        for (n, range) in ranges.iter().enumerate() {
            f.write_str(if n == 0 { "&so=" } else { "," })?;
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{first}")?,
                (first, last) => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

fn strip_scheme(link: &str) -> Option<&str> {
    let (scheme, query) = cut::at_first(link, b'?')?;
    scheme.eq_ignore_ascii_case("magnet:").then_some(query)
}

/// `tr` for `tr.1`: links with several of a kind may number them.
fn unnumbered(name: &str) -> &str {
    match cut::at_last(name, b'.') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

fn info_hash(query: &str) -> Result<InfoHash, MagnetError> {
    let mut found = None;
    let mut is_v2 = false;
    for (_, value) in raw_query_pairs(query).filter(|(name, _)| unnumbered(name) == "xt") {
        let topic = text(value);
        let Some((urn, hash)) = cut::at_last(&topic, b':') else { continue };
        is_v2 |= urn.eq_ignore_ascii_case("urn:btmh");
        if urn.eq_ignore_ascii_case("urn:btih") {
            let hash = hash.parse()?;
            if found.replace(hash).is_some_and(|other| other != hash) {
                return Err(MagnetError::TwoInfoHashes);
            }
        }
    }
    found.ok_or(if is_v2 { MagnetError::V2Only } else { MagnetError::NoInfoHash })
}

fn select_only(text: &str) -> Option<Vec<RangeInclusive<u32>>> {
    let mut ranges = Vec::new();
    for part in cut::at_each(text, b',') {
        let (first, last) = cut::at_first(part, b'-').unwrap_or((part, part));
        let range = first.parse().ok()?..=last.parse().ok()?;
        if range.is_empty() {
            return None;
        }
        ranges.push(range);
    }
    Some(ranges)
}

fn is_host_and_port(text: &str) -> bool {
    cut::at_last(text, b':').is_some_and(|(host, port)| {
        let is_bracketed = matches!(host.as_bytes(), [b'[', .., b']']);
        let is_host = !host.is_empty() && (is_bracketed || !host.as_bytes().contains(&b':'));
        is_host && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}

fn text(value: &str) -> String {
    String::from_utf8_lossy(&decode(value)).into_owned()
}

fn push_new(list: &mut Vec<String>, value: String) {
    if !value.is_empty() && !list.contains(&value) {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const HEX: &str = "c9e15763f722f23e98a29decdfae341b98d53056";

    fn parse(query: &str) -> Result<Magnet, MagnetError> {
        format!("magnet:?xt=urn:btih:{HEX}{query}").parse()
    }

    #[test]
    fn a_link_as_clients_write_it() {
        let magnet = parse(concat!(
            "&dn=Big+Buck%20Bunny%2B&tr=udp%3A%2F%2Fa%3A80&tr.1=http://b/ann%3Fx=1&tr=udp://a:80",
            "&ws=http%3A%2F%2Fw%2F&x.pe=10.0.0.1:6881&x.pe=[::1]:1&x.pe=host:0&x.pe=::1:5&x.pe=host",
            "&so=0,2,4-8&xl=10&unknown"
        ))
        .unwrap();
        assert_eq!(magnet.info_hash.to_string(), HEX);
        assert_eq!(magnet.name.as_deref(), Some("Big Buck Bunny+"));
        assert_eq!(magnet.trackers, ["udp://a:80", "http://b/ann?x=1"]);
        assert_eq!(magnet.web_seeds, ["http://w/"]);
        assert_eq!(magnet.peers, ["10.0.0.1:6881", "[::1]:1"]);
        assert_eq!(magnet.select_only, Some(vec![0..=0, 2..=2, 4..=8]));
    }

    #[test]
    fn base32_and_capital_letters_are_read() {
        let link = "MAGNET:?xt=URN:BTIH:ZHQVOY7XELZD5GFCTXWN7LRUDOMNKMCW";
        assert_eq!(link.parse::<Magnet>().map(|m| m.info_hash.to_string()), Ok(HEX.to_owned()));
        let escaped = format!("magnet:?dn=x&xt.1=urn%3Abtih%3A{}", HEX.to_uppercase());
        assert_eq!(escaped.parse::<Magnet>().map(|m| m.info_hash.to_string()), Ok(HEX.to_owned()));
    }

    #[test]
    fn what_names_no_torrent_is_refused_with_its_reason() {
        let other = "&xt=urn:btih:0000000000000000000000000000000000000000";
        assert_eq!(parse(other), Err(MagnetError::TwoInfoHashes));
        assert!(parse(&format!("&xt=urn:btih:{HEX}&xt=urn:btmh:1220aa")).is_ok(), "a hybrid");
        assert_eq!(parse(&"x".repeat(MAX_MAGNET_BYTES)), Err(MagnetError::TooLong));
        for (link, error) in [
            ("", MagnetError::Scheme),
            ("http://x/?xt=urn:btih:00", MagnetError::Scheme),
            ("magnet:?", MagnetError::NoInfoHash),
            ("magnet:?xt=urn:sha1:aa&dn=x", MagnetError::NoInfoHash),
            ("magnet:?xt=urn:btmh:1220cafe", MagnetError::V2Only),
            ("magnet:?xt=urn:btih:cafe", MagnetError::InfoHash(InfoHashError)),
            ("magnet:?xt=urn:btih:éééééééééééééééé", MagnetError::InfoHash(InfoHashError)),
        ] {
            assert_eq!(link.parse::<Magnet>(), Err(error), "{link}");
        }
    }

    #[test]
    fn file_numbers_that_are_none_are_refused() {
        for list in ["", "1,", "a", "3-1", "-1", "1-2-3", "4294967296"] {
            assert_eq!(parse(&format!("&so={list}")), Err(MagnetError::SelectOnly), "{list}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_written_reads_back_the_same(
            info_hash: [u8; 20],
            name in prop::option::of(".{1,20}"),
            trackers in prop::collection::btree_set(".{1,20}", 0..3),
            ranges in prop::option::of(prop::collection::vec((any::<u32>(), any::<u32>()), 1..4)),
        ) {
            let ordered = |(a, b): (u32, u32)| a.min(b)..=a.max(b);
            let magnet = Magnet {
                name,
                trackers: trackers.into_iter().collect(),
                peers: vec!["host:6881".to_owned()],
                web_seeds: vec!["http://x/?a=b&c".to_owned()],
                select_only: ranges.map(|ranges| ranges.into_iter().map(ordered).collect()),
                ..Magnet::new(InfoHash::new(info_hash))
            };
            prop_assert_eq!(magnet.to_string().parse::<Magnet>(), Ok(magnet));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "(magnet:\\?)?(xt=|urn:btih:|[&%=.+é0-9a-f]){0,60}") {
            let _ = text.parse::<Magnet>();
        }
    }
}
