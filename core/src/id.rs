//! The names of things: newtypes, so that one kind of number is never taken for another.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::draw;

/// SHA-1 of a torrent's raw `info` dictionary (BEP 3): what a swarm is known by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InfoHash([u8; 20]);

/// The text was neither 40 hexadecimal digits nor 32 characters of base32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an info hash is 40 hexadecimal digits (or 32 characters of base32)")]
pub struct InfoHashError;

impl InfoHash {
    /// Takes the 20 bytes as they stand on the wire.
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The 20 bytes as they stand on the wire.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for InfoHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for InfoHash {
    type Err = InfoHashError;

    /// Reads hexadecimal or, as old magnet links have it, base32 (BEP 9).
    fn from_str(text: &str) -> Result<Self, InfoHashError> {
        let bits_per_digit = match text.len() {
            40 => 4,
            32 => 5,
            _ => return Err(InfoHashError),
        };
        let mut bytes = [0; 20];
        let (mut pending, mut bits, mut filled) = (0u32, 0, 0);
        for c in text.chars() {
            let digit = match bits_per_digit {
                4 => c.to_digit(16),
                _ => base32_digit(c),
            };
            pending = (pending << bits_per_digit | digit.ok_or(InfoHashError)?) & 0xffff;
            bits += bits_per_digit;
            if bits >= 8 {
                bits -= 8;
                bytes[filled] = (pending >> bits) as u8;
                filled += 1;
            }
        }
        Ok(Self(bytes))
    }
}

fn base32_digit(c: char) -> Option<u32> {
    match c.to_ascii_uppercase() {
        c @ 'A'..='Z' => Some(c as u32 - 'A' as u32),
        c @ '2'..='7' => Some(c as u32 - '2' as u32 + 26),
        _ => None,
    }
}

/// What a client calls itself in handshakes and announces (BEP 3, BEP 20).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId([u8; 20]);

impl PeerId {
    /// Takes the 20 bytes as they stand on the wire.
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// A fresh id of ours, `-GN0100-` and twelve random characters (BEP 20, Azureus style).
    pub fn generate(rng: &mut fastrand::Rng) -> Self {
        let mut bytes = *b"-GN0100-............";
        const CHARACTERS: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        bytes[8..].fill_with(|| CHARACTERS[draw::index(rng, CHARACTERS.len())]);
        Self(bytes)
    }

    /// The 20 bytes as they stand on the wire.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl PeerId {
    /// Client and version, as far as the id tells them (BEP 20, Azureus style).
    pub fn client(&self) -> Option<String> {
        let [b'-', code @ .., b'-'] = &self.0[..8] else { return None };
        let code = std::str::from_utf8(code).ok()?;
        let (client, version) = code.split_at_checked(2)?;
        if !code.chars().all(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        let name = match client {
            "DE" => "Deluge",
            "GN" => "Gannet",
            "KT" => "KTorrent",
            "LT" | "lt" => "libtorrent",
            "TR" => "Transmission",
            "UT" => "µTorrent",
            "qB" => "qBittorrent",
            other => other,
        };
        let mut named = format!("{name} ");
        for (n, number) in version.chars().enumerate() {
            named.push_str(if n > 0 { "." } else { "" });
            named.push(number);
        }
        Some(named)
    }
}

/// Printable characters as they are, all others as `.`: it comes from a stranger.
impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&byte| {
            let shown = if byte.is_ascii_graphic() { byte as char } else { '.' };
            write!(f, "{shown}")
        })
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A piece that exists: only a [`Layout`](crate::layout::Layout) can make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct PieceIndex(u32);

impl PieceIndex {
    pub(crate) const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index as it stands on the wire, from zero.
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    /// The index for a table of pieces.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for PieceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(u64);

        impl $name {
            pub(crate) const fn new(key: u64) -> Self {
                Self(key)
            }

            /// The number behind the key, for logs and host tables.
            pub const fn as_u64(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

key! {
    /// One connection, from its dial or accept to its close. Never used twice in a session.
    PeerKey
}
key! {
    /// One torrent in a session. Never used twice in a session.
    TorrentKey
}
key! {
    /// One source (a web seed, a caller's function) of a torrent. Never used twice in a session.
    SourceKey
}
key! {
    /// One question to the host (an HTTP request, a name to resolve). Never used twice in a session.
    RequestKey
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn an_info_hash_reads_hexadecimal_and_base32() {
        let hex: InfoHash = "c9e15763f722f23e98a29decdfae341b98d53056".parse().unwrap();
        let base32: InfoHash = "ZHQVOY7XELZD5GFCTXWN7LRUDOMNKMCW".parse().unwrap();
        assert_eq!(hex, base32);
        assert_eq!(hex.to_string(), "c9e15763f722f23e98a29decdfae341b98d53056");
    }

    #[test]
    fn an_info_hash_of_another_length_or_alphabet_is_refused() {
        for text in [
            "",
            "c9e1",
            "zzzz5763f722f23e98a29decdfae341b98d53056",
            "1HQVOY7XELZD5GFCTXWN7LRUDOMNKMCW",
        ] {
            assert_eq!(text.parse::<InfoHash>(), Err(InfoHashError), "{text}");
        }
    }

    #[test]
    fn a_peer_id_in_azureus_style_tells_the_client() {
        let client = |id: &[u8; 20]| PeerId::new(*id).client();
        assert_eq!(client(b"-TR3000-abcdefghijkl").as_deref(), Some("Transmission 3.0.0.0"));
        assert_eq!(client(b"-Zz12A0-abcdefghijkl").as_deref(), Some("Zz 1.2.A.0"));
        assert_eq!(client(b"-\x1b[2Jx-abcdefghijklm"), None);
        assert_eq!(client(b"M4-3-6--abcdefghijkl"), None);
    }

    #[test]
    fn a_peer_id_prints_nothing_a_terminal_would_obey() {
        let id = PeerId::new(*b"-XX0001-\x1b[2Jabcdefgh");
        assert_eq!(id.to_string(), "-XX0001-.[2Jabcdefgh");
    }
}
