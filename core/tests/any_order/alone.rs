//! A piece that failed is delivered by one peer alone, so that a bad copy has one sender; what
//! happens to others meanwhile must not hold it up.

use std::time::Duration;

use gannet_core::{
    Content, Input, SessionConfig, TorrentOptions,
    id::PeerKey,
    layout::BLOCK_BYTES,
    reason::Disconnect,
    storage::Order,
    wire::{Message, Span},
};

use crate::rig::{Answer, Rig, info};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A request in ten seconds: of the two blocks of the piece one at a time is asked for.
const RATE: u64 = BLOCK_BYTES as u64 / 10;
const PATIENCE: Duration = Duration::from_millis(9_500);

/// A piece came from two peers and was bad; the second is asked for it again, alone.
fn asked_again() -> (Rig, PeerKey, Vec<Span>) {
    let mut rig = Rig::new(SessionConfig { max_download: Some(RATE), ..SessionConfig::default() });
    let options = TorrentOptions { pieces: Some(vec![1]), ..TorrentOptions::default() };
    rig.add_with(Content::Info(info(1)), options);
    rig.answer_all();
    let first = rig.seeder(1, 1);
    let asked = asked_in_time(&mut rig, first);
    assert_eq!(asked.len(), 1);
    rig.deliver(first, &asked);
    rig.input(Input::Closed { peer: first, reason: Disconnect::Reset });
    let second = rig.seeder(2, 1);
    let asked = asked_in_time(&mut rig, second);
    rig.deliver(second, &asked);
    let store = rig.order(|order| matches!(order, Order::Store { .. })).expect("a whole piece");
    rig.answer(store, Answer::BadHash);
    let again = asked_in_time(&mut rig, second);
    assert_eq!(again.len(), 1);
    (rig, second, again)
}

fn asked_in_time(rig: &mut Rig, peer: PeerKey) -> Vec<Span> {
    rig.wait(PATIENCE);
    rig.asked(peer)
}

#[test]
fn who_delivers_a_piece_alone_goes_on_though_somebody_comes_who_is_less_suspect() {
    let (mut rig, alone, asked) = asked_again();
    rig.deliver(alone, &asked);
    let better = rig.seeder(3, 1);
    let rest = asked_in_time(&mut rig, alone);
    assert_eq!(rest.len(), 1);
    assert_ne!(rest, asked);
    assert_eq!(rig.asked(better), []);
}

#[test]
fn what_somebody_was_to_deliver_alone_is_for_others_once_it_leaves() {
    let (mut rig, alone, asked) = asked_again();
    rig.deliver(alone, &asked);
    rig.input(Input::Closed { peer: alone, reason: Disconnect::Reset });
    let other = rig.seeder(3, 1);
    assert_eq!(asked_in_time(&mut rig, other).len(), 1);
}

#[test]
fn what_somebody_was_to_deliver_alone_is_for_others_once_it_chokes() {
    let (mut rig, alone, asked) = asked_again();
    rig.deliver(alone, &asked);
    rig.say(alone, &[Message::Choke]);
    let other = rig.seeder(3, 1);
    assert_eq!(asked_in_time(&mut rig, other).len(), 1);
}
