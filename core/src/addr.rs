//! Addresses as text, as the standard library writes and reads them.
//!
//! Its own code for it bears widths, paddings and scopes: a page would load 1.5 kilobytes more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// As `198.51.100.7:6881` or `[2001:db8::7]:6881`, in the canonical form (RFC 5952).
pub fn text(addr: SocketAddr) -> String {
    let mut out = String::new();
    match addr.ip() {
        IpAddr::V4(ip) => write_v4(&mut out, ip),
        IpAddr::V6(ip) => {
            out.push('[');
            write_v6(&mut out, ip);
            out.push(']');
        }
    }
    out.push(':');
    write_number(&mut out, addr.port(), 10);
    out
}

/// Reads an address and a port; `None` if it is anything else.
pub fn read(text: &str) -> Option<SocketAddr> {
    let text = text.as_bytes();
    let colon = text.iter().rposition(|&byte| byte == b':')?;
    let (host, port) = (&text[..colon], number(&text[colon + 1..], 5, 10)?);
    let ip = match host {
        [b'[', inside @ .., b']'] => read_v6(inside)?.into(),
        _ => read_v4(host)?.into(),
    };
    Some(SocketAddr::new(ip, port))
}

fn write_v4(out: &mut String, ip: Ipv4Addr) {
    for (at, byte) in ip.octets().into_iter().enumerate() {
        if at > 0 {
            out.push('.');
        }
        write_number(out, byte.into(), 10);
    }
}

fn write_v6(out: &mut String, ip: Ipv6Addr) {
    if let Some(ip) = ip.to_ipv4_mapped() {
        out.push_str("::ffff:");
        return write_v4(out, ip);
    }
    let groups = ip.segments();
    let (gap, zeros) = longest_gap(groups);
    let mut at = 0;
    while at < groups.len() {
        if at == gap && zeros > 1 {
            out.push_str("::");
            at += zeros;
            continue;
        }
        if at > 0 && !out.ends_with("::") {
            out.push(':');
        }
        write_number(out, groups[at], 16);
        at += 1;
    }
}

/// Where the longest run of zeros begins, the first of those, and how many there are.
fn longest_gap(groups: [u16; 8]) -> (usize, usize) {
    let (mut longest, mut begun) = ((0, 0), 0);
    for (at, &group) in groups.iter().enumerate() {
        if group != 0 {
            begun = at + 1;
        } else if at + 1 - begun > longest.1 {
            longest = (begun, at + 1 - begun);
        }
    }
    longest
}

fn write_number(out: &mut String, number: u16, base: u16) {
    if number >= base {
        write_number(out, number / base, base);
    }
    out.push(char::from(b"0123456789abcdef"[usize::from(number % base)]));
}

fn read_v4(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut bytes, mut read) = ([0; 4], 0);
    for part in text.split(|&byte| byte == b'.') {
        // A zero in front would mean base eight to some.
        let byte = number(part, 3, 10).filter(|_| part.len() == 1 || part[0] != b'0')?;
        *bytes.get_mut(read)? = u8::try_from(byte).ok()?;
        read += 1;
    }
    (read == bytes.len()).then(|| bytes.into())
}

fn read_v6(text: &[u8]) -> Option<Ipv6Addr> {
    let gap = text.windows(2).position(|pair| pair == b"::");
    let mut groups = [0; 8];
    let Some(gap) = gap else {
        return (read_groups(text, &mut groups)? == groups.len()).then(|| groups.into());
    };
    let before = read_groups(&text[..gap], &mut groups)?;
    let mut after = [0; 7];
    let count = read_groups(&text[gap + 2..], &mut after)?;
    let has_room = before + count <= after.len();
    // An IPv4 address stands nowhere but at the end.
    if !has_room || text[..gap].contains(&b'.') {
        return None;
    }
    groups[8 - count..].copy_from_slice(&after[..count]);
    Some(groups.into())
}

/// Groups between colons, the last two perhaps as an IPv4 address; how many.
fn read_groups(text: &[u8], groups: &mut [u16]) -> Option<usize> {
    let mut read = 0;
    let mut put = |group| {
        *groups.get_mut(read)? = group;
        read += 1;
        Some(())
    };
    let last = text.iter().rposition(|&byte| byte == b':').map_or(0, |colon| colon + 1);
    let v4 = match text[last..].contains(&b'.') {
        true => Some(read_v4(&text[last..])?.octets()),
        false => None,
    };
    let hex = if v4.is_none() { text.len() } else { last.saturating_sub(1) };
    if last > 0 || hex > 0 {
        let mut parts = text[..hex].split(|&byte| byte == b':');
        parts.try_for_each(|part| put(number(part, 4, 16)?))?;
    }
    if let Some([a, b, c, d]) = v4 {
        put(u16::from_be_bytes([a, b]))?;
        put(u16::from_be_bytes([c, d]))?;
    }
    Some(read)
}

/// A number of one digit or more, and at most so many.
fn number(digits: &[u8], most: usize, base: u32) -> Option<u16> {
    if digits.is_empty() || digits.len() > most {
        return None;
    }
    let mut number = 0;
    for &digit in digits {
        number = number * base + char::from(digit).to_digit(base)?;
    }
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    proptest! {
        #[test]
        fn an_address_is_written_as_the_standard_library_writes_it_and_read_again(
            groups in vec(select(vec![0, 0, 0, 1, 0xa0b, 0xffff]), 8), port: u16, v4: [u8; 4],
        ) {
            let groups: [u16; 8] = groups.try_into().expect("eight of them");
            let [a, b, c, d] = v4;
            let mapped = Ipv4Addr::from(v4).to_ipv6_mapped();
            let ips = [IpAddr::from(groups), IpAddr::from([a, b, c, d]), IpAddr::from(mapped)];
            for addr in ips.map(|ip| SocketAddr::new(ip, port)) {
                prop_assert_eq!(text(addr), addr.to_string());
                prop_assert_eq!(read(&text(addr)), Some(addr));
            }
        }

        #[test]
        fn what_looks_like_an_address_is_read_as_the_standard_library_reads_it(
            parts in vec(select(vec![":", ":", "::", ".", "1", "0", "f", "ffff", "255", "256", "1.2.3.4"]), 0..12),
            bare: bool,
        ) {
            let host = parts.concat();
            let address = if bare { format!("{host}:80") } else { format!("[{host}]:80") };
            prop_assert_eq!(read(&address), address.parse().ok(), "{}", address);
        }
    }

    #[test]
    fn what_is_no_address_and_port_is_not_read() {
        for text in [
            "",
            ":",
            "198.51.100.7",
            "198.51.100.7:",
            "198.51.100.7:65536",
            "198.51.100.07:1",
            "::1:80",
            "198.51.100:80",
            "1.2.3.4.5:80",
            "[::1]",
            "[::1:80",
            "[1::2::3]:80",
            "[1:2:3:4:5:6:7::8:9]:80",
            "[:1]:80",
            "peer.example:80",
            "198.51.100.7:+80",
            "[1.2.3.4::]:80",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
