//! A .torrent as it is handed out: with this server as its first tracker, under the name that it was
//! asked by. Nothing else of it changes, so neither does its info hash.

use std::collections::BTreeMap;

use bytes::Bytes;
use gannet_core::{
    bencode::{self, Encoded, Limits},
    metainfo::{Info, Metainfo},
};

/// The file with `announce` in front of its own trackers. A private torrent has the trackers that its
/// maker chose and no others (BEP 27), and neither has what can't be read: they stay as they are.
pub(super) fn with_tracker(file: &Bytes, announce: &str) -> Bytes {
    rewritten(file, announce).map_or_else(|| file.clone(), Bytes::from)
}

fn rewritten(file: &Bytes, announce: &str) -> Option<Vec<u8>> {
    let torrent = Metainfo::parse(file.clone()).ok().filter(|torrent| !torrent.info.private())?;
    let document = bencode::parse(file, Limits::default()).ok()?;
    let mut entries: BTreeMap<&[u8], Vec<u8>> = BTreeMap::new();
    for (key, value) in document.root().dict()?.entries() {
        entries.insert(key, value.span().to_vec());
    }
    let others = torrent.trackers.iter().filter(|tier| *tier != &[announce]);
    let tiers: Vec<Vec<String>> =
        std::iter::once(vec![announce.to_owned()]).chain(others.cloned()).collect();
    let list = tiers.iter().map(|tier| Encoded::list(tier.iter().map(Encoded::bytes)));
    entries.insert(b"announce", Encoded::bytes(announce).into_bytes());
    entries.insert(b"announce-list", Encoded::list(list).into_bytes());
    let mut file = b"d".to_vec();
    for (key, value) in entries {
        file.extend(Encoded::bytes(key).into_bytes());
        file.extend(value);
    }
    file.push(b'e');
    Some(file)
}

/// The smallest .torrent there is of an info dictionary that peers have sent.
pub(super) fn bare(info: &Info) -> Bytes {
    [b"d4:info", &info.raw()[..], b"e"].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://127.0.0.1:8080/announce";
    const INFO: &str =
        "4:infod6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa";

    fn parse(file: &Bytes) -> Metainfo {
        Metainfo::parse(file.clone()).unwrap()
    }

    #[test]
    fn we_come_first_and_all_else_stays() {
        let file = Bytes::from(format!("d8:announce8:http://a7:comment2:hi{INFO}ee"));
        let (before, after) = (parse(&file), parse(&with_tracker(&file, OWN)));
        assert_eq!(after.trackers, [[OWN], ["http://a"]]);
        assert_eq!(after.info.info_hash(), before.info.info_hash());
        assert_eq!(after.comment.as_deref(), Some("hi"));
        assert_eq!(with_tracker(&with_tracker(&file, OWN), OWN), with_tracker(&file, OWN));
    }

    #[test]
    fn a_private_torrent_keeps_its_trackers() {
        let file = Bytes::from(format!("d8:announce8:http://a{INFO}7:privatei1eee"));
        assert_eq!(with_tracker(&file, OWN), file);
    }

    #[test]
    fn what_peers_sent_of_a_torrent_is_a_file() {
        let file = Bytes::from(format!("d{INFO}ee"));
        assert_eq!(bare(&parse(&file).info), file);
    }
}
