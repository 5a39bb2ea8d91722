//! Tickets: what a page shows to be connected to a peer. Relays that share a key take each other's.

use std::{
    io::{self, Write as _},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::Path,
    time::{Duration, SystemTime},
};

use aws_lc_rs::{hmac, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::{Buf, BufMut};
use gannet_core::id::InfoHash;

/// The longest ticket that is looked at, in characters.
pub const MAX_TICKET_CHARS: usize = 256;

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;
/// Version, kind, expiry, info hash.
const HEAD_BYTES: usize = 1 + 1 + 8 + 20;

/// What a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A peer at an address.
    Address {
        /// Where.
        addr: SocketAddr,
        /// Not an announce named it, but a user or another peer.
        is_named: bool,
    },
    /// Another page at the relay process that made the ticket.
    Page(Local),
    /// A connection that the relay process that made the ticket has accepted.
    Accepted(Local),
}

/// Something within one relay process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// The process: a random number.
    pub process: u64,
    /// What in it.
    pub number: u64,
}

/// A ticket as it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The torrent.
    pub info_hash: InfoHash,
    /// What it is for.
    pub target: Target,
}

/// Why a ticket isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Not one of ours, or changed on its way.
    #[error("the ticket is not from this relay")]
    Forged,
    /// It was good once.
    #[error("the ticket has expired")]
    Expired,
}

/// Makes tickets and checks them.
pub struct Key(hmac::Key);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A key that nobody else has.
    pub fn random() -> Self {
        Self::new(&random_bytes())
    }

    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The key in a file, 64 hex digits; a new one, readable only by its owner, if there is none.
    ///
    /// # Errors
    /// The file can't be read or made, or holds something else.
    pub fn read_or_create(path: &Path) -> io::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, "not a key of 64 hex digits")
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        let mut bytes = [0; KEY_BYTES];
        if digits.len() != 2 * KEY_BYTES || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self::new(&bytes))
    }

    fn create(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let bytes = random_bytes();
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        Ok(Self::new(&bytes))
    }

    /// A ticket that is good for `lifetime` from `now`.
    pub fn issue(&self, ticket: &Ticket, now: SystemTime, lifetime: Duration) -> String {
        let mut bytes = Vec::with_capacity(128);
        bytes.put_u8(VERSION);
        bytes.put_u8(ticket.target.kind());
        bytes.put_u64(seconds(now + lifetime));
        bytes.put_slice(ticket.info_hash.as_bytes());
        ticket.target.encode(&mut bytes);
        let tag = hmac::sign(&self.0, &bytes);
        bytes.put_slice(tag.as_ref());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a ticket says, if it is good.
    ///
    /// # Errors
    /// It was made with another key, changed, or has expired.
    pub fn check(&self, text: &str, now: SystemTime) -> Result<Ticket, TicketError> {
        if text.len() > MAX_TICKET_CHARS {
            return Err(TicketError::Forged);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| TicketError::Forged)?;
        let split = bytes.len().checked_sub(TAG_BYTES).ok_or(TicketError::Forged)?;
        let (said, tag) = bytes.split_at(split);
        hmac::verify(&self.0, said, tag).map_err(|_| TicketError::Forged)?;
        decode(said, now)
    }
}

/// What the bytes before the tag say.
///
/// # Errors
/// They say nothing, or it has expired.
pub fn decode(mut said: &[u8], now: SystemTime) -> Result<Ticket, TicketError> {
    if said.len() < HEAD_BYTES || said.get_u8() != VERSION {
        return Err(TicketError::Forged);
    }
    let kind = said.get_u8();
    if said.get_u64() < seconds(now) {
        return Err(TicketError::Expired);
    }
    let mut info_hash = [0; 20];
    said.copy_to_slice(&mut info_hash);
    let target = Target::decode(kind, said).ok_or(TicketError::Forged)?;
    Ok(Ticket { info_hash: InfoHash::new(info_hash), target })
}

impl Target {
    const fn kind(&self) -> u8 {
        match self {
            Self::Address { .. } => 1,
            Self::Page(_) => 2,
            Self::Accepted(_) => 3,
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Address { addr, is_named } => {
                let ip = match addr.ip() {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                bytes.put_u128(ip.to_bits());
                bytes.put_u16(addr.port());
                bytes.put_u8((*is_named).into());
            }
            Self::Page(local) | Self::Accepted(local) => {
                bytes.put_u64(local.process);
                bytes.put_u64(local.number);
            }
        }
    }

    fn decode(kind: u8, mut said: &[u8]) -> Option<Self> {
        let target = match kind {
            1 => {
                let ip = IpAddr::from(Ipv6Addr::from_bits(said.try_get_u128().ok()?));
                let addr = SocketAddr::new(ip.to_canonical(), said.try_get_u16().ok()?);
                Self::Address { addr, is_named: said.try_get_u8().ok()? != 0 }
            }
            2 | 3 => {
                let process = said.try_get_u64().ok()?;
                let local = Local { process, number: said.try_get_u64().ok()? };
                if kind == 2 { Self::Page(local) } else { Self::Accepted(local) }
            }
            _ => return None,
        };
        said.is_empty().then_some(target)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn random_bytes() -> [u8; KEY_BYTES] {
    let mut bytes = [0; KEY_BYTES];
    rand::fill(&mut bytes).expect("the system has randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);

    fn tickets() -> [Ticket; 4] {
        let local = Local { process: 7, number: u64::MAX };
        let address = |text: &str| Target::Address { addr: text.parse().unwrap(), is_named: true };
        [
            address("192.0.2.1:6881"),
            address("[2001:db8::1]:1"),
            Target::Page(local),
            Target::Accepted(local),
        ]
        .map(|target| Ticket { info_hash: InfoHash::new([9; 20]), target })
    }

    #[test]
    fn a_ticket_says_what_was_meant_until_it_expires() {
        let (key, now) = (Key::random(), SystemTime::now());
        for ticket in tickets() {
            let text = key.issue(&ticket, now, LIFETIME);
            assert!(text.len() <= MAX_TICKET_CHARS);
            assert_eq!(key.check(&text, now + LIFETIME), Ok(ticket));
            let late = now + LIFETIME + Duration::from_secs(1);
            assert_eq!(key.check(&text, late), Err(TicketError::Expired));
        }
    }

    #[test]
    fn no_bit_of_a_ticket_can_be_changed() {
        let (key, now) = (Key::random(), SystemTime::now());
        let text = key.issue(&tickets()[0], now, LIFETIME);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = BASE64_URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(key.check(&changed, now), Err(TicketError::Forged), "bit {bit}");
        }
        for end in 0..text.len() {
            assert!(key.check(&text[..end], now).is_err());
        }
        assert_eq!(Key::random().check(&text, now), Err(TicketError::Forged));
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone_and_read_then() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let now = SystemTime::now();
        let text = Key::read_or_create(&path).unwrap().issue(&tickets()[0], now, LIFETIME);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Key::read_or_create(&path).unwrap().check(&text, now).is_ok());
        std::fs::write(&path, "secret").unwrap();
        assert_eq!(Key::read_or_create(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
