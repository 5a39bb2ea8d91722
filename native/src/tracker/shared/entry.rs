//! An entry of the log: news of peers, packed, from one instance to the others.
//!
//! A head, then one group a torrent, up to the end:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | [`VERSION`] |
//! | 8 | the instance that wrote it |
//! | 20 | info hash, and so on for each group |
//! | 1 | how many peers follow, 1 to 127; the top bit says that the next field is there |
//! | 4 | how often the torrent was downloaded, if ever |
//! | 1 | of each peer: its [`ChangeKind`] in two bits, 4 for IPv6, 8 for an age |
//! | 4 or 16, and 2 | its address and port |
//! | 4 | its age in seconds, unless the entry's own age says it all |
//!
//! Numbers are big-endian. One peer of one torrent is 28 bytes over IPv4, each further one 7.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use bytes::{Buf, BufMut, TryGetError};
use gannet_core::id::InfoHash;

use crate::tracker::{Change, ChangeKind};

/// The format: entries of another one are skipped.
pub const VERSION: u8 = 1;
/// The most changes in one entry, so that one is taken in without a pause to notice.
pub const MAX_CHANGES_PER_ENTRY: usize = 2048;
/// The largest entry in bytes: each change in a group of its own, over IPv6, with all that may be.
pub const MAX_ENTRY_BYTES: usize = 9 + MAX_CHANGES_PER_ENTRY * (20 + 1 + 4 + 1 + 16 + 2 + 4);

/// The most peers in one group.
const MAX_PER_GROUP: usize = 127;
const HAS_DOWNLOADED: u8 = 0x80;
const KIND_MASK: u8 = 0b11;
const IS_IPV6: u8 = 0b100;
const HAS_AGE: u8 = 0b1000;

/// A change, and when it happened here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) change: Change,
    pub(super) heard: Instant,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Who wrote it.
    pub(super) instance: u64,
    /// The changes, and how old each was when it was written.
    pub(super) changes: Vec<(Change, Duration)>,
    /// How often torrents were downloaded, the changes of this entry included.
    pub(super) downloaded: Vec<(InfoHash, u32)>,
}

/// Why an entry is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryError {
    #[error("it has another format: {0}")]
    Version(u8),
    #[error("it is longer than {MAX_ENTRY_BYTES} bytes")]
    TooLong,
    #[error("it ends too early")]
    Short,
    #[error("a group without peers")]
    EmptyGroup,
    #[error("unknown flags: {0:#x}")]
    Flags(u8),
    #[error("a peer without a port")]
    Port,
}

impl From<TryGetError> for EntryError {
    fn from(_: TryGetError) -> Self {
        Self::Short
    }
}

/// Packs changes, at most [`MAX_CHANGES_PER_ENTRY`]; those of a torrent next to each other share a
/// group. `downloaded` tells how often a torrent was downloaded so far.
pub(super) fn encode(
    instance: u64,
    now: Instant,
    told: &[Told],
    downloaded: impl Fn(&InfoHash) -> u32,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + told.len() * 28);
    out.put_u8(VERSION);
    out.put_u64(instance);
    for torrent in told.chunk_by(|one, next| one.change.info_hash == next.change.info_hash) {
        let info_hash = torrent[0].change.info_hash;
        let downloaded = downloaded(&info_hash);
        for group in torrent.chunks(MAX_PER_GROUP) {
            put_group(&mut out, now, &info_hash, downloaded, group);
        }
    }
    out
}

fn put_group(out: &mut Vec<u8>, now: Instant, hash: &InfoHash, downloaded: u32, group: &[Told]) {
    out.put_slice(hash.as_bytes());
    let count = group.len() as u8;
    match downloaded {
        0 => out.put_u8(count),
        _ => {
            out.put_u8(count | HAS_DOWNLOADED);
            out.put_u32(downloaded);
        }
    }
    for told in group {
        let age = now.saturating_duration_since(told.heard).as_secs();
        put_peer(out, &told.change, u32::try_from(age).unwrap_or(u32::MAX));
    }
}

fn put_peer(out: &mut Vec<u8>, change: &Change, age_seconds: u32) {
    let mut flags = match change.kind {
        ChangeKind::Leeching => 0,
        ChangeKind::Seeding => 1,
        ChangeKind::Completed => 2,
        ChangeKind::Left => 3,
    };
    flags |= if change.addr.is_ipv6() { IS_IPV6 } else { 0 };
    flags |= if age_seconds > 0 { HAS_AGE } else { 0 };
    out.put_u8(flags);
    match change.addr.ip() {
        IpAddr::V4(ip) => out.put_slice(&ip.octets()),
        IpAddr::V6(ip) => out.put_slice(&ip.octets()),
    }
    out.put_u16(change.addr.port());
    if age_seconds > 0 {
        out.put_u32(age_seconds);
    }
}

impl Entry {
    /// Reads an entry, all of it or nothing.
    ///
    /// # Errors
    /// If this instance didn't write, and couldn't have written, these bytes.
    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLong);
        }
        match bytes.try_get_u8()? {
            VERSION => {}
            other => return Err(EntryError::Version(other)),
        }
        let instance = bytes.try_get_u64()?;
        let mut entry = Self { instance, changes: Vec::new(), downloaded: Vec::new() };
        while bytes.has_remaining() {
            entry.take_group(&mut bytes)?;
        }
        Ok(entry)
    }

    fn take_group(&mut self, bytes: &mut &[u8]) -> Result<(), EntryError> {
        let info_hash = InfoHash::new(take_array(bytes)?);
        let count = bytes.try_get_u8()?;
        if count & HAS_DOWNLOADED != 0 {
            self.downloaded.push((info_hash, bytes.try_get_u32()?));
        }
        match count & !HAS_DOWNLOADED {
            0 => Err(EntryError::EmptyGroup),
            peers => (0..peers).try_for_each(|_| self.take_peer(bytes, info_hash)),
        }
    }

    fn take_peer(&mut self, bytes: &mut &[u8], info_hash: InfoHash) -> Result<(), EntryError> {
        let flags = bytes.try_get_u8()?;
        if flags & !(KIND_MASK | IS_IPV6 | HAS_AGE) != 0 {
            return Err(EntryError::Flags(flags));
        }
        let kind = match flags & KIND_MASK {
            0 => ChangeKind::Leeching,
            1 => ChangeKind::Seeding,
            2 => ChangeKind::Completed,
            _ => ChangeKind::Left,
        };
        let ip: IpAddr = match flags & IS_IPV6 {
            0 => take_array::<4>(bytes)?.into(),
            _ => take_array::<16>(bytes)?.into(),
        };
        let port = bytes.try_get_u16()?;
        let age_seconds = if flags & HAS_AGE != 0 { bytes.try_get_u32()? } else { 0 };
        if port == 0 {
            return Err(EntryError::Port);
        }
        let change = Change { info_hash, addr: SocketAddr::new(ip, port), kind };
        self.changes.push((change, Duration::from_secs(age_seconds.into())));
        Ok(())
    }
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], EntryError> {
    let mut array = [0; N];
    bytes.try_copy_to_slice(&mut array)?;
    Ok(array)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn told(now: Instant, torrent: u8, port: u16, kind: ChangeKind, age: u64) -> Told {
        let addr = match port % 2 {
            0 => SocketAddr::new([10, 0, 0, torrent].into(), port),
            _ => SocketAddr::new([0x2001, 0xdb8, 0, 0, 0, 0, 0, torrent.into()].into(), port),
        };
        let change = Change { info_hash: InfoHash::new([torrent; 20]), addr, kind };
        Told { change, heard: now.checked_sub(Duration::from_secs(age)).unwrap() }
    }

    fn kinds() -> impl Strategy<Value = ChangeKind> {
        use ChangeKind::*;
        prop_oneof![Just(Leeching), Just(Seeding), Just(Completed), Just(Left)]
    }

    fn moment() -> Instant {
        // Far enough from the beginning of the clock for ages to be subtracted.
        Instant::now() + Duration::from_secs(100_000)
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read_again(
            news in vec((0u8..4, 1u16.., kinds(), 0u64..90_000), 0..300),
            count in 0u32..3,
        ) {
            let now = moment();
            let told: Vec<_> =
                news.iter().map(|&(hash, port, kind, age)| told(now, hash, port, kind, age)).collect();
            let entry = Entry::decode(&encode(7, now, &told, |_| count)).unwrap();
            prop_assert_eq!(entry.instance, 7);
            let changes: Vec<_> = told.iter().map(|told| (told.change, now - told.heard)).collect();
            prop_assert_eq!(entry.changes, changes);
            prop_assert!(entry.downloaded.iter().all(|&(_, known)| known == count && count > 0));
        }

        #[test]
        fn no_bytes_are_too_strange(mut bytes in vec(any::<u8>(), 0..200), real in any::<bool>()) {
            if let (true, Some(first)) = (real, bytes.first_mut()) {
                *first = VERSION;
            }
            let _ = Entry::decode(&bytes);
        }

        #[test]
        fn an_entry_that_was_cut_is_refused(cut in 1usize..37) {
            let now = moment();
            let told = [told(now, 1, 2, ChangeKind::Seeding, 0), told(now, 1, 4, ChangeKind::Left, 0)];
            let whole = encode(7, now, &told, |_| 1);
            let cut = &whole[..whole.len() - cut];
            // Without any group it is an entry that says nothing.
            prop_assert!(Entry::decode(cut) == Err(EntryError::Short) || cut.len() == 9);
        }
    }

    #[test]
    fn a_peer_is_as_small_as_it_is_said_to_be() {
        let now = moment();
        let one = [told(now, 1, 2, ChangeKind::Leeching, 0)];
        assert_eq!(encode(7, now, &one, |_| 0).len(), 9 + 28);
        let two = [one[0], told(now, 1, 4, ChangeKind::Leeching, 0)];
        assert_eq!(encode(7, now, &two, |_| 0).len(), 9 + 28 + 7);
    }

    #[test]
    fn the_largest_entry_is_read() {
        let now = moment();
        let largest: Vec<_> = (0..MAX_CHANGES_PER_ENTRY)
            .map(|number| told(now, number as u8, 1, ChangeKind::Left, 9))
            .collect();
        let bytes = encode(7, now, &largest, |_| 1);
        assert_eq!(bytes.len(), MAX_ENTRY_BYTES);
        assert_eq!(Entry::decode(&bytes).unwrap().changes.len(), MAX_CHANGES_PER_ENTRY);
        assert_eq!(Entry::decode(&vec![VERSION; MAX_ENTRY_BYTES + 1]), Err(EntryError::TooLong));
    }

    #[test]
    fn what_nobody_writes_is_refused() {
        let now = moment();
        let good = encode(7, now, &[told(now, 1, 2, ChangeKind::Leeching, 0)], |_| 0);
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Entry::decode(&bytes)
        };
        assert_eq!(with(0, 2), Err(EntryError::Version(2)));
        assert_eq!(with(29, 0), Err(EntryError::EmptyGroup));
        assert_eq!(with(30, 0x10), Err(EntryError::Flags(0x10)));
        assert_eq!(with(36, 0), Err(EntryError::Port));
    }
}
