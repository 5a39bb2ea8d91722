//! By which names the server is asked, and from pages of which origins.
//!
//! A page elsewhere can have its own name resolve to this machine, and then ask it as if it were its
//! own server (DNS rebinding). It can't choose what `Host` says: that is its own name.

use std::{collections::BTreeSet, net::IpAddr};

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use reqwest::Url;

/// The names that are ours, whoever asks.
const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The server's own names.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    names: BTreeSet<String>,
    /// Names that lead here through a proxy, at whatever port.
    given: BTreeSet<String>,
    /// Listening at every address of the machine, any of which is then ours.
    is_everywhere: bool,
    port: u16,
}

impl Hosts {
    pub(super) fn new(listen: IpAddr, port: u16, public: IpAddr, given: &[String]) -> Self {
        let given: BTreeSet<_> = given.iter().map(|name| name_of(name)).collect();
        let loopback = LOOPBACK_NAMES.map(str::to_owned);
        let own = [listen, public].map(|ip| ip.to_canonical().to_string());
        let names = loopback.into_iter().chain(own).chain(given.iter().cloned()).collect();
        Self { names, given, is_everywhere: listen.is_unspecified(), port }
    }

    /// Whether `authority`, of a `Host` header, names this server. At which port is of no account: a
    /// forwarded one may have another number.
    pub(super) fn is_own(&self, authority: &str) -> bool {
        let name = name_of(authority);
        // An address is no name that somebody else could have lead here.
        self.names.contains(&name) || (self.is_everywhere && name.parse::<IpAddr>().is_ok())
    }

    /// Whether this is an announce URL of this very server.
    pub(super) fn is_announce(&self, url: &Url) -> bool {
        let host = name_of(url.host_str().unwrap_or_default());
        let is_here = url.port_or_known_default() == Some(self.port) || self.given.contains(&host);
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/announce"
            && is_here
            && self.names.contains(&host)
    }
}

/// The host of an authority, as it is compared: without port, brackets, and a dot behind it.
fn name_of(authority: &str) -> String {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        // A bare IPv6 address has no port behind it.
        None if authority.matches(':').count() > 1 => authority,
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// What a request was sent to: its own authority, or the one `Host` that it has.
pub(super) fn authority<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    match (uri.authority(), first, second) {
        (Some(authority), _, None) => Some(authority.as_str()),
        (None, Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

/// Whether a page of this origin asks its own server: same name, same port.
pub(super) fn is_same(origin: &HeaderValue, authority: &str) -> bool {
    let origin = origin.to_str().ok().and_then(|text| Url::parse(text).ok());
    let Some(origin) = origin.filter(|it| matches!(it.scheme(), "http" | "https")) else {
        return false;
    };
    let asked = Url::parse(&format!("{}://{authority}", origin.scheme()));
    asked.is_ok_and(|asked| asked.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listen: &str, given: &[&str]) -> Hosts {
        let given: Vec<_> = given.iter().map(|name| (*name).to_owned()).collect();
        Hosts::new(listen.parse().unwrap(), 8080, "192.0.2.7".parse().unwrap(), &given)
    }

    #[test]
    fn own_names_are_known_however_they_are_written() {
        let hosts = hosts("127.0.0.1", &["Files.Example:8443"]);
        for own in [
            "127.0.0.1:8080",
            "LocalHost",
            "localhost.:1",
            "[::1]:8080",
            "files.example",
            "192.0.2.7:8080",
        ] {
            assert!(hosts.is_own(own), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "127.0.0.1.evil.example:8080",
            "localhost.evil.example",
            "10.0.0.1",
        ] {
            assert!(!hosts.is_own(foreign), "{foreign}");
        }
    }

    #[test]
    fn who_listens_everywhere_has_every_address_and_no_foreign_name() {
        let hosts = hosts("0.0.0.0", &[]);
        assert!(hosts.is_own("10.0.0.1:8080") && hosts.is_own("[2001:db8::1]:8080"));
        assert!(!hosts.is_own("evil.example:8080"));
    }

    #[test]
    fn a_page_is_our_own_only_at_the_same_name_and_port() {
        let same = |origin: &'static str, asked| is_same(&HeaderValue::from_static(origin), asked);
        assert!(same("http://127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(same("https://files.example", "files.example:443"));
        for origin in ["null", "http://127.0.0.1:3000", "http://evil.example", "", "file://"] {
            assert!(!same(origin, "127.0.0.1:8080"), "{origin}");
        }
    }

    #[test]
    fn only_our_own_announce_urls_are_answered_within() {
        let hosts = hosts("127.0.0.1", &["files.example"]);
        let is_own = |url: &str| hosts.is_announce(&Url::parse(url).unwrap());
        assert!(is_own("http://localhost:8080/announce?x=1"));
        assert!(is_own("https://files.example/announce"));
        for other in [
            "http://127.0.0.1:6969/announce",
            "http://127.0.0.1:8080/api/v1/downloads",
            "http://tracker.example:8080/announce",
            "udp://127.0.0.1:8080/announce",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn a_request_for_two_hosts_is_for_none() {
        let mut headers = HeaderMap::new();
        let (uri, absolute) = (Uri::from_static("/"), Uri::from_static("http://a.example/"));
        assert_eq!(authority(&uri, &headers), None);
        headers.append(header::HOST, HeaderValue::from_static("one.example"));
        assert_eq!(authority(&uri, &headers), Some("one.example"));
        assert_eq!(authority(&absolute, &headers), Some("a.example"));
        headers.append(header::HOST, HeaderValue::from_static("other.example"));
        assert_eq!(authority(&uri, &headers), None);
    }
}
