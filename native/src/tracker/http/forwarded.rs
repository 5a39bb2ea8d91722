//! Who asks, when it is through a proxy.

use std::net::{IpAddr, SocketAddr};

use hyper::{HeaderMap, header::HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word is taken for where a request comes from. From anybody else it's ignored:
/// it would let them announce for others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The proxies in these networks.
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether there is such a proxy at this address.
    pub(crate) fn trusts(&self, ip: IpAddr) -> bool {
        !self.0.is_empty() && self.0.iter().any(|network| network.contains(&ip.to_canonical()))
    }

    /// Whom a request is from that came from `addr`: the last address in `X-Forwarded-For` that isn't
    /// a trusted proxy's own, since those before it may be made up.
    pub(crate) fn client(&self, addr: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.trusts(addr.ip()) {
            return addr;
        }
        let mut client = addr;
        let lines = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
        let hops = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
        for hop in hops {
            let Some(ip) = address_of(hop) else { break };
            client = SocketAddr::new(ip, addr.port());
            if !self.trusts(ip) {
                break;
            }
        }
        client
    }
}

/// An address as proxies write it: alone, or with a port.
fn address_of(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let ip = text.parse().or_else(|_| text.parse().map(|addr: SocketAddr| addr.ip()));
    ip.ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn client(from: &str, lines: &[&'static str]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
        }
        let addr = SocketAddr::new(from.parse().unwrap(), 1);
        TrustedProxies::new(networks.into()).client(addr, &headers).ip().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_name_somebody_else() {
        assert_eq!(client("10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("fd00::1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(client("::ffff:10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("192.0.2.1", &["192.0.2.7"]), "192.0.2.1");
    }

    #[test]
    fn what_the_client_wrote_itself_in_front_is_ignored() {
        assert_eq!(client("10.0.0.1", &["192.0.2.66, 192.0.2.7, 10.0.0.2"]), "192.0.2.7");
        assert_eq!(client("10.0.0.1", &["192.0.2.66", "192.0.2.7:4711"]), "192.0.2.7");
    }

    #[test]
    fn a_header_that_is_missing_or_rubbish_leaves_the_last_address_that_is_known() {
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["192.0.2.7, \"_hidden\", 10.0.0.2"]), "10.0.0.2");
    }
}
