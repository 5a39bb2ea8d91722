//! A magnet link's metadata, and peers that would keep it from us.

use std::time::Duration;

use gannet_core::{
    Content, SessionConfig,
    event::News,
    extension::{ExtensionHandshake, MetadataMessage},
    id::{PeerKey, TorrentKey},
    wire::{Message, Reserved},
};

use crate::rig::{Rig, info};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn magnet() -> (Rig, TorrentKey) {
    let mut rig = Rig::new(SessionConfig::default());
    let torrent = rig.add(Content::Hash(*info(1).info_hash()), &[], &[]);
    (rig, torrent)
}

/// A peer that says it has so many bytes of metadata.
fn holder(rig: &mut Rig, n: u8, size: u32) -> PeerKey {
    let peer = rig.peer(n, 1, Reserved::ours());
    let handshake = ExtensionHandshake::ours(5, Some(size), None);
    rig.say(peer, &[Message::Extended { id: 0, payload: handshake.encode().into() }]);
    peer
}

/// Lets the honest peer answer for a minute, while the others just keep talking.
fn honest_answers(rig: &mut Rig, honest: PeerKey, talkers: &[PeerKey]) {
    let raw = info(1).raw().clone();
    let data = MetadataMessage::Data { piece: 0, total_bytes: raw.len() as u32, data: raw };
    for _ in 0..20 {
        let asks = |message: &Message| {
            matches!(message, Message::Extended { id: 1, payload }
            if matches!(MetadataMessage::decode(payload), Ok(MetadataMessage::Request { .. })))
        };
        if rig.told(honest).iter().any(asks) {
            let payload = data.encode().into();
            rig.say(honest, &[Message::Extended { id: 1, payload }]);
        }
        talkers.iter().for_each(|&peer| rig.say(peer, &[Message::KeepAlive]));
        rig.wait(Duration::from_secs(3));
    }
}

#[test]
fn one_that_talks_without_an_answer_does_not_keep_the_metadata_from_us() {
    let (mut rig, torrent) = magnet();
    let size = info(1).raw().len() as u32;
    let talker = holder(&mut rig, 1, size);
    let honest = holder(&mut rig, 2, size);
    honest_answers(&mut rig, honest, &[talker]);
    assert!(rig.has_news(torrent, |news| matches!(news, News::Metadata(_))));
}

#[test]
fn false_sizes_do_not_crowd_out_the_true_one() {
    let (mut rig, torrent) = magnet();
    let liars: Vec<PeerKey> = (1..5).map(|n| holder(&mut rig, n, 50_000 + u32::from(n))).collect();
    let honest = holder(&mut rig, 9, info(1).raw().len() as u32);
    honest_answers(&mut rig, honest, &liars);
    assert!(rig.has_news(torrent, |news| matches!(news, News::Metadata(_))));
}
