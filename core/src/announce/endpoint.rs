//! Where a tracker's URL leads.

use std::net::{IpAddr, SocketAddr};

/// How a tracker is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Over HTTP or HTTPS; the host takes the URL apart.
    Http,
    /// Over UDP (BEP 15).
    Udp(UdpEndpoint),
}

/// What a `udp://` URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UdpEndpoint {
    pub(super) host: String,
    pub(super) port: u16,
    /// What follows the port, as BEP 41 hands it on; empty when there is nothing.
    pub(super) path_and_query: String,
}

/// Why a tracker's URL leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndpointError {
    /// The scheme is none of `http`, `https` and `udp`.
    Unsupported,
    /// The URL is malformed.
    BadUrl,
}

impl Endpoint {
    pub(super) fn of_url(url: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = url.split_once("://").ok_or(EndpointError::BadUrl)?;
        if rest.is_empty() || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(EndpointError::BadUrl);
        }
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(Self::Http),
            "udp" => UdpEndpoint::of_rest(rest).map(Self::Udp).ok_or(EndpointError::BadUrl),
            _ => Err(EndpointError::Unsupported),
        }
    }
}

impl UdpEndpoint {
    fn of_rest(rest: &str) -> Option<Self> {
        let rest = rest.split('#').next()?;
        let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at(authority_end);
        let (host, port) = authority.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(literal) => literal.strip_suffix(']')?,
            None if host.contains([':', '@']) => return None,
            None => host,
        };
        let port = port.parse().ok().filter(|&port| port != 0)?;
        let (host, path_and_query) = (host.to_owned(), path_and_query.to_owned());
        (!host.is_empty()).then_some(Self { host, port, path_and_query })
    }

    /// The address, if the host is written as one and there's no name to resolve.
    pub(super) fn literal(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn udp(url: &str) -> Option<(String, u16, String)> {
        match Endpoint::of_url(url) {
            Ok(Endpoint::Udp(udp)) => Some((udp.host, udp.port, udp.path_and_query)),
            _ => None,
        }
    }

    #[test]
    fn a_udp_url_gives_host_port_and_what_follows() {
        let parts = |host: &str, port, rest: &str| Some((host.to_owned(), port, rest.to_owned()));
        assert_eq!(udp("udp://t.example:80"), parts("t.example", 80, ""));
        assert_eq!(udp("UDP://t.example:80/a?b=c#d"), parts("t.example", 80, "/a?b=c"));
        assert_eq!(udp("udp://[::1]:6969/announce"), parts("::1", 6969, "/announce"));
        assert_eq!(udp("udp://t.example:80?x"), parts("t.example", 80, "?x"));
    }

    #[test]
    fn a_url_that_leads_nowhere_is_told_apart_from_another_scheme() {
        for url in [
            "",
            "udp://",
            "udp://t.example",
            "udp://t.example:0",
            "udp://:80",
            "udp://a:b:80",
            "udp://[::1:80",
            "http://a b",
            "http://a\n",
            "t.example:80",
            "udp://t.example:70000",
            "udp://user@t.example:80",
        ] {
            assert_eq!(Endpoint::of_url(url), Err(EndpointError::BadUrl), "{url:?}");
        }
        assert_eq!(Endpoint::of_url("wss://t.example"), Err(EndpointError::Unsupported));
        assert_eq!(Endpoint::of_url("HTTPS://t.example/"), Ok(Endpoint::Http));
    }
}
