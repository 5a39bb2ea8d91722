//! Where a relay connects to: to what is on the public internet, and nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Ports below aren't for peers: mail and name servers are there.
pub const MIN_PEER_PORT: u16 = 1024;

/// What a relay may connect to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// Networks that are allowed although they aren't public: for a LAN, or a test.
    pub allowed: Vec<IpNet>,
    /// The relay's own addresses.
    pub own: Vec<IpAddr>,
}

impl AddressRules {
    /// Whether this may be the address of a peer.
    pub fn allow_peer(&self, addr: SocketAddr) -> bool {
        addr.port() >= MIN_PEER_PORT && self.allow(addr.ip())
    }

    /// Whether this may be the address of a tracker: like a peer's, but at any port.
    pub fn allow(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.is_allowed_by_name(ip) || (is_public(ip) && !self.own.contains(&ip))
    }

    /// Whether a network that the operator named has it.
    pub fn is_allowed_by_name(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.allowed.iter().any(|net| net.contains(&ip))
    }
}

/// Whether an address is routed on the public internet (RFC 6890 and its registries).
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        // Carriers' own addresses (RFC 6598).
        || (a == 100 && b & 0xc0 == 64)
        // Protocol assignments and the former 6to4 relays (RFC 6890, RFC 7526).
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        // Benchmarks (RFC 2544).
        || (a == 198 && b & 0xfe == 18))
}

/// Only what is assigned (2000::/3), less what leads back to IPv4 or is for documents.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let embeds_v4 = a == 0x2002 || (a == 0x2001 && b == 0);
    let is_for_protocols = a == 0x2001 && b < 0x200;
    let is_documentation = (a == 0x2001 && b == 0xdb8) || (a == 0x3fff && b < 0x1000);
    a & 0xe000 == 0x2000 && !embeds_v4 && !is_for_protocols && !is_documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn what_is_not_routed_globally_is_not_public() {
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.9",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!public(ip), "{ip}");
        }
    }

    #[test]
    fn what_is_routed_globally_is_public() {
        for ip in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "::ffff:1.1.1.1",
            "2606:4700::1",
            "2a00::1",
            "2001:200::1",
        ] {
            assert!(public(ip), "{ip}");
        }
    }

    #[test]
    fn peers_have_high_ports_and_are_not_the_relay_itself() {
        let own = "1.1.1.1".parse().unwrap();
        let rules = AddressRules { own: vec![own], ..AddressRules::default() };
        assert!(rules.allow_peer("8.8.8.8:1024".parse().unwrap()));
        assert!(!rules.allow_peer("8.8.8.8:1023".parse().unwrap()));
        assert!(!rules.allow_peer("1.1.1.1:6881".parse().unwrap()));
        assert!(!rules.allow_peer("[::ffff:1.1.1.1]:6881".parse().unwrap()));
        assert!(rules.allow("8.8.8.8".parse().unwrap()));
    }

    #[test]
    fn a_network_that_was_named_is_allowed_and_so_is_its_mapped_form() {
        let allowed = vec!["127.0.0.0/8".parse().unwrap()];
        let rules = AddressRules { allowed, ..AddressRules::default() };
        assert!(rules.allow_peer("127.0.0.1:6881".parse().unwrap()));
        assert!(rules.allow_peer("[::ffff:127.0.0.1]:6881".parse().unwrap()));
        assert!(!rules.allow_peer("127.0.0.1:80".parse().unwrap()));
        assert!(!rules.allow_peer("[::1]:6881".parse().unwrap()));
    }
}
