//! What a user names on the command line: torrents, magnet links, peers.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use bytes::Bytes;
use gannet_core::{
    contract::Content,
    id::InfoHash,
    magnet::Magnet,
    metainfo::{Info, MAX_TORRENT_BYTES, Metainfo},
    percent::query_pairs,
};

use crate::exit::{Exit, Failure, OrFail};

/// Where a torrent comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A .torrent file.
    File(PathBuf),
    /// The http(s) URL of one.
    Url(String),
    /// A magnet link.
    Magnet(Box<Magnet>),
}

impl Source {
    /// Sees what the argument is.
    ///
    /// # Errors
    /// A magnet link that can't be read.
    pub(crate) fn of_argument(argument: &OsStr) -> Result<Self, Failure> {
        let text = argument.to_str().unwrap_or_default();
        let has_scheme = |scheme: &str| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if has_scheme("magnet:") {
            return Self::magnet(text);
        }
        if !has_scheme("http://") && !has_scheme("https://") {
            return Ok(Self::File(argument.into()));
        }
        match carried(text) {
            Some(Carried::Magnet(link)) => Self::magnet(&link),
            Some(Carried::Url(url)) => Ok(Self::Url(url)),
            None => Ok(Self::Url(text.to_owned())),
        }
    }

    fn magnet(link: &str) -> Result<Self, Failure> {
        let magnet = link.parse().or_fail(Exit::BadTorrent, link)?;
        Ok(Self::Magnet(Box::new(magnet)))
    }
}

/// What a link to a download page carries behind its `#`.
enum Carried {
    Magnet(String),
    Url(String),
}

fn carried(link: &str) -> Option<Carried> {
    let page = reqwest::Url::parse(link).ok()?;
    query_pairs(page.fragment()?).find_map(|(name, value)| {
        let value = String::from_utf8(value).ok()?;
        match &*name {
            b"magnet" => Some(Carried::Magnet(value)),
            b"url" => {
                let url = page.join(&value).ok()?;
                matches!(url.scheme(), "http" | "https").then(|| Carried::Url(url.into()))
            }
            _ => None,
        }
    })
}

/// A torrent, or what is known of it.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// All of it.
    Torrent(Box<Metainfo>),
    /// No more than a magnet link says.
    Magnet(Box<Magnet>),
    /// A magnet link, and what its swarm said.
    Resolved(Box<Magnet>, Arc<Info>),
}

impl Origin {
    /// The torrent's info hash.
    pub(crate) fn info_hash(&self) -> InfoHash {
        match self {
            Self::Torrent(torrent) => *torrent.info.info_hash(),
            Self::Magnet(link) | Self::Resolved(link, _) => link.info_hash,
        }
    }

    /// The torrent's info, if it is known.
    pub(crate) fn info(&self) -> Option<&Arc<Info>> {
        match self {
            Self::Torrent(torrent) => Some(&torrent.info),
            Self::Resolved(_, info) => Some(info),
            Self::Magnet(_) => None,
        }
    }

    /// The same torrent, now that its info is known.
    pub(crate) fn with_info(self, info: Arc<Info>) -> Self {
        match self {
            Self::Torrent(torrent) => Self::Torrent(torrent),
            Self::Magnet(link) | Self::Resolved(link, _) => Self::Resolved(link, info),
        }
    }

    /// The only files to download, by number from zero, if a magnet link says so.
    pub(crate) fn select_only(&self) -> Option<&[RangeInclusive<u32>]> {
        match self {
            Self::Torrent(_) => None,
            Self::Magnet(link) | Self::Resolved(link, _) => link.select_only.as_deref(),
        }
    }

    /// What to download, for the engine.
    pub(crate) fn content(&self) -> Content {
        match self.info() {
            Some(info) => Content::Info(Arc::clone(info)),
            None => Content::Hash(self.info_hash()),
        }
    }

    /// What to call it. From a magnet link it is a stranger's text.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Torrent(torrent) => torrent.info.name().to_owned(),
            Self::Resolved(_, info) => info.name().to_owned(),
            Self::Magnet(link) => link.name.clone().unwrap_or_else(|| link.info_hash.to_string()),
        }
    }

    /// Announce URLs, in tiers.
    pub(crate) fn trackers(&self) -> Vec<Vec<String>> {
        match self {
            Self::Torrent(torrent) => torrent.trackers.clone(),
            Self::Magnet(link) | Self::Resolved(link, _) => {
                link.trackers.iter().map(|url| vec![url.clone()]).collect()
            }
        }
    }

    /// Peers that a magnet link names.
    pub(crate) fn peers(&self) -> Vec<HostPort> {
        match self {
            Self::Torrent(_) => Vec::new(),
            // The core keeps only what is `host:port`.
            Self::Magnet(link) | Self::Resolved(link, _) => {
                link.peers.iter().filter_map(|peer| peer.parse().ok()).collect()
            }
        }
    }
}

/// Reads a .torrent file.
///
/// # Errors
/// A file that can't be read, is too large, or no torrent.
pub(crate) fn read_torrent(path: &Path) -> Result<Metainfo, Failure> {
    parse_torrent(read_torrent_file(path)?, &path.display().to_string())
}

/// The bytes of what should be a .torrent file.
///
/// # Errors
/// A file that can't be read.
pub(crate) fn read_torrent_file(path: &Path) -> Result<Bytes, Failure> {
    read_limited(path).or_fail(Exit::BadTorrent, path.display())
}

/// Reads the bytes of a .torrent from `origin`.
///
/// # Errors
/// What isn't a torrent.
pub(crate) fn parse_torrent(bytes: Bytes, origin: &str) -> Result<Metainfo, Failure> {
    Metainfo::parse(bytes).or_fail(Exit::BadTorrent, origin)
}

/// At most one byte more than is read of any torrent: enough to tell that it is too large.
fn read_limited(path: &Path) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_TORRENT_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// A host and a port, like `192.0.2.1:6881`, `[2001:db8::1]:6881` or `host:6881`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort(String);

/// Not a host and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is a host and a port, like 192.0.2.1:6881 or [2001:db8::1]:6881")]
pub(crate) struct HostPortError;

impl FromStr for HostPort {
    type Err = HostPortError;

    fn from_str(text: &str) -> Result<Self, HostPortError> {
        let (host, port) = text.rsplit_once(':').ok_or(HostPortError)?;
        let is_v6 = text.parse::<SocketAddr>().is_ok();
        let is_port = port.parse::<u16>().is_ok_and(|port| port != 0);
        match is_port && !host.is_empty() && (is_v6 || !host.contains(':')) {
            true => Ok(Self(text.to_owned())),
            false => Err(HostPortError),
        }
    }
}

impl HostPort {
    /// Looks the host up.
    ///
    /// # Errors
    /// A name that has no address.
    pub(crate) async fn resolve(&self) -> Result<SocketAddr, Failure> {
        let found = tokio::net::lookup_host(&self.0).await.or_fail(Exit::Network, &self.0)?;
        let unknown = || Failure::say(Exit::Network, format!("{}: no address", self.0));
        found.into_iter().next().ok_or_else(unknown)
    }
}

/// Looks up all of them.
///
/// # Errors
/// The first that has no address.
pub(crate) async fn resolve_all(peers: &[HostPort]) -> Result<Vec<SocketAddr>, Failure> {
    let mut addrs = Vec::with_capacity(peers.len());
    for peer in peers {
        addrs.push(peer.resolve().await?);
    }
    Ok(addrs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_a_magnet_link_a_url_or_a_path() {
        let of = |text: &str| Source::of_argument(OsStr::new(text)).unwrap();
        assert_eq!(of("HTTP://a/b"), Source::Url("HTTP://a/b".into()));
        assert_eq!(of("https://a/b"), Source::Url("https://a/b".into()));
        assert_eq!(of("http:.torrent"), Source::File("http:.torrent".into()));
        assert_eq!(of("a.torrent"), Source::File("a.torrent".into()));
        let link = "magnet:?xt=urn:btih:c9e15763f722f23e98a29decdfae341b98d53056";
        assert!(matches!(of(link), Source::Magnet(_)));
        let broken = Source::of_argument(OsStr::new("magnet:?dn=x")).unwrap_err();
        assert_eq!(broken.exit, Exit::BadTorrent);
    }

    #[test]
    fn a_link_to_a_download_page_is_what_it_carries() {
        let of = |text: &str| Source::of_argument(OsStr::new(text)).unwrap();
        let page = "http://a:8080/page";
        let magnet = "%3Fxt%3Durn%3Abtih%3Ac9e15763f722f23e98a29decdfae341b98d53056";
        assert!(matches!(of(&format!("{page}#relay=x&magnet=magnet:{magnet}")), Source::Magnet(_)));
        let own = of(&format!("{page}#url=%2Ftorrents%2Fa%20b.torrent"));
        assert_eq!(own, Source::Url("http://a:8080/torrents/a%20b.torrent".into()));
        for other in ["#url=file:%2F%2F%2Fetc%2Fpasswd", "#top", "#"] {
            let link = format!("{page}{other}");
            assert_eq!(of(&link), Source::Url(link));
        }
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for text in ["1.2.3.4:5", "[::1]:6881", "host.example:80"] {
            assert!(text.parse::<HostPort>().is_ok(), "{text}");
        }
        for text in ["", "1.2.3.4", ":80", "host:", "host:0", "host:65536", "::1:80", "a:b:80"] {
            assert_eq!(text.parse::<HostPort>(), Err(HostPortError), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_no_torrent_is_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.torrent");
        std::fs::write(&path, "d4:infode").unwrap();
        let failure = read_torrent(&path).unwrap_err();
        assert_eq!(failure.exit, Exit::BadTorrent);
        assert!(failure.to_string().starts_with(&format!("{}: ", path.display())), "{failure}");
        assert_eq!(read_torrent(&folder.path().join("none")).unwrap_err().exit, Exit::BadTorrent);
    }
}
