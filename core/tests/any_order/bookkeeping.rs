//! What a session holds, and when it lets go of it: memory, connections, pieces, the right blame.

use std::time::Duration;

use bytes::Bytes;
use gannet_core::{
    Content, Input, SessionConfig, TorrentOptions,
    contract::{SourceError, WorkList},
    event::News,
    extension::ExtensionHandshake,
    reason::{CloseReason, Disconnect},
    storage::Order,
    wire::{Message, Reserved, Span},
};

use crate::rig::{Answer, PIECE_BYTES, PIECES, Rig, info};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn rig() -> Rig {
    Rig::new(SessionConfig::default())
}

/// Pieces are too large for this much memory: they are written block by block.
fn spilling() -> Rig {
    Rig::new(SessionConfig { memory_bytes: 200_000, ..SessionConfig::default() })
}

fn removed(news: &News) -> bool {
    matches!(news, News::Removed)
}

#[test]
fn removing_a_torrent_dials_nobody_in_place_of_those_it_leaves() {
    let mut rig = rig();
    let addrs: Vec<_> = (0..60).map(|n| ([203, 0, 113, n], 6881).into()).collect();
    let torrent = rig.add(Content::Info(info(1)), &[], &addrs);
    rig.answer_all();
    let dials = rig.dials.clone();
    assert_eq!(dials.len(), 30);
    dials[..5].iter().for_each(|&peer| rig.input(Input::Connected { peer }));
    rig.command(|session, now| session.remove(now, torrent));
    rig.answer_all();
    assert!(rig.has_news(torrent, removed));
    assert_eq!(rig.dials, []);
}

#[test]
fn a_disk_that_fails_while_a_torrent_leaves_does_not_hold_it() {
    let mut rig = rig();
    let torrent = rig.empty_torrent(1);
    let seeder = rig.seeder(1, 1);
    let asked = rig.asked(seeder);
    rig.deliver(seeder, &asked);
    assert!(rig.order(|order| matches!(order, Order::Store { .. })).is_some());
    rig.command(|session, now| session.remove(now, torrent));
    for _ in 0..10 {
        while let Some(n) = rig.order(|order| matches!(order, Order::Store { .. })) {
            rig.answer(n, Answer::Failure);
        }
    }
    rig.answer_all();
    assert!(rig.has_news(torrent, removed));
    assert_eq!(rig.session.leased_bytes(), 0);
}

#[test]
fn a_torrent_removed_while_it_is_opened_closes_its_storage() {
    let mut rig = rig();
    let torrent = rig.add(Content::Info(info(1)), &[], &[]);
    rig.command(|session, now| session.remove(now, torrent));
    assert!(!rig.has_news(torrent, removed));
    assert!(rig.order(|order| matches!(order, Order::Close)).is_some());
    rig.answer_all();
    assert!(rig.has_news(torrent, removed));
}

#[test]
fn a_choice_made_while_opening_reaches_the_storage_once_it_is_open() {
    let mut rig = rig();
    let torrent = rig.add(Content::Info(info(1)), &[], &[]);
    rig.command(|session, now| session.select(now, torrent, &[true, false]));
    assert_eq!(rig.orders.len(), 1, "only to open it: {:?}", rig.orders);
    rig.answer(0, Answer::Good);
    assert!(rig.order(|order| matches!(order, Order::Select { .. })).is_some());
}

#[test]
fn pieces_that_are_not_wanted_any_more_give_back_their_memory() {
    for memory_bytes in [1 << 20, 200_000] {
        let mut rig = Rig::new(SessionConfig { memory_bytes, ..SessionConfig::default() });
        let torrent = rig.empty_torrent(1);
        let seeder = rig.seeder(1, 1);
        let asked = rig.asked(seeder);
        rig.deliver(seeder, &asked[..1]);
        assert!(rig.session.leased_bytes() > 0);
        rig.command(|session, now| session.select(now, torrent, &[false, false]));
        rig.answer_all();
        assert_eq!(rig.session.leased_bytes(), 0);
        let cancels = rig.told(seeder);
        let cancels = cancels.iter().filter(|message| matches!(message, Message::Cancel(_)));
        assert!(cancels.count() >= asked.len() - 1);
    }
}

#[test]
fn a_paused_torrent_holds_no_memory() {
    let mut rig = rig();
    let torrent = rig.empty_torrent(1);
    let seeder = rig.seeder(1, 1);
    let asked = rig.asked(seeder);
    rig.deliver(seeder, &asked[..1]);
    assert!(rig.session.leased_bytes() > 0);
    rig.command(|session, now| session.pause(now, torrent));
    assert_eq!(rig.session.leased_bytes(), 0);
}

/// All blocks of all pieces come; stores are answered well.
fn complete(rig: &mut Rig, seed: u8) {
    let seeder = rig.seeder(1, seed);
    for _ in 0..PIECES * 4 {
        let asked = rig.asked(seeder);
        rig.deliver(seeder, &asked);
        rig.answer_all();
    }
}

#[test]
fn two_reads_that_fail_lose_a_piece_once() {
    let mut rig = rig();
    let torrent = rig.empty_torrent(1);
    complete(&mut rig, 1);
    assert!(rig.has_news(torrent, |news| matches!(news, News::Finished)));
    let leecher = rig.peer(2, 1, Reserved::ours());
    rig.say(leecher, &[Message::Interested]);
    let half = PIECE_BYTES / 2;
    let ask = |begin| Message::Request(Span { index: 2, begin, length: half });
    rig.say(leecher, &[ask(0)]);
    rig.say(leecher, &[ask(half)]);
    assert_eq!(rig.orders.len(), 2, "{:?}", rig.orders);
    rig.answer(0, Answer::Failure);
    rig.seeder(3, 1);
    let asked: Vec<_> = rig.peers.clone().into_iter().map(|peer| (peer, rig.asked(peer))).collect();
    let again = asked.iter().flat_map(|(_, spans)| spans).filter(|span| span.index == 2);
    assert!(again.count() >= 2, "both blocks are asked for anew");
    rig.answer(0, Answer::Failure);
    asked.iter().for_each(|(peer, spans)| rig.deliver(*peer, spans));
    rig.answer_all();
    assert_eq!(rig.session.leased_bytes(), 0);
    let finished = rig.news.iter().filter(|(_, news)| matches!(news, News::Finished));
    assert_eq!(finished.count(), 2, "the end is told anew");
}

#[test]
fn the_user_reads_a_whole_piece_though_a_peer_reads_its_beginning() {
    let mut rig = rig();
    let torrent = rig.empty_torrent(1);
    complete(&mut rig, 1);
    let leecher = rig.peer(2, 1, Reserved::ours());
    rig.say(leecher, &[Message::Interested]);
    let span = Span { index: 0, begin: 0, length: PIECE_BYTES / 2 };
    rig.say(leecher, &[Message::Request(span)]);
    let piece = info(1).layout().piece(0).expect("the first");
    rig.command(|session, now| session.read(now, torrent, piece));
    rig.answer_all();
    let whole = |news: &News| matches!(news, News::Read { result: Ok(bytes), .. } if bytes.len() == PIECE_BYTES as usize);
    assert!(rig.has_news(torrent, whole));
}

#[test]
fn a_work_item_is_never_lost_by_reading_it() {
    let mut rig = rig();
    let work = WorkList { items: 3, max_item_bytes: 20_000 };
    let torrent = rig.add(Content::Work(work), &[], &[]);
    rig.command(|session, now| session.add_source(now, torrent, "source".to_owned()));
    let (_, source, piece, _) = rig.fetches.remove(0);
    rig.input(Input::Fetched { torrent, source, piece, result: Ok(vec![1].into()) });
    rig.command(|session, now| session.read(now, torrent, piece));
    assert!(rig.orders.is_empty(), "a work list has no storage: {:?}", rig.orders);
}

#[test]
fn empty_results_that_nobody_takes_do_not_pile_up_without_end() {
    let mut rig = spilling();
    let work = WorkList { items: 100_000, max_item_bytes: 20_000 };
    let torrent = rig.add(Content::Work(work), &[], &[]);
    rig.command(|session, now| session.add_source(now, torrent, "source".to_owned()));
    let mut results = 0;
    while let Some((torrent, source, piece, _)) = rig.fetches.pop() {
        rig.input(Input::Fetched { torrent, source, piece, result: Ok(Vec::new().into()) });
        results += 1;
        assert!(results < 10_000);
    }
    assert!(rig.command(|session, now| session.take_result(now, torrent)).is_some());
}

#[test]
fn a_source_that_is_late_does_not_undo_a_piece_that_peers_completed() {
    let mut rig = rig();
    let torrent = rig.empty_torrent(1);
    // Not quite a seeder: those are let go when nothing is wanted.
    let seeder = rig.peer(1, 1, Reserved::ours());
    let most = Message::Bitfield(Bytes::from_static(&[0b1111_1000]));
    rig.say(seeder, &[most, Message::Unchoke]);
    let late = rig.asked(seeder);
    // It is slow, and all of it is given up for a moment: sources take over.
    rig.say(seeder, &[Message::Choke]);
    rig.command(|session, now| session.select(now, torrent, &[false, false]));
    rig.command(|session, now| session.select(now, torrent, &[true, true]));
    for n in 0..PIECES {
        rig.command(|session, now| session.add_source(now, torrent, format!("source {n}")));
    }
    assert_eq!(rig.fetches.len(), PIECES as usize);
    rig.deliver(seeder, &late);
    rig.answer_all();
    let have = rig.session.have(torrent).expect("known").count();
    assert!(have > 0, "the late blocks were welcome");
    for (torrent, source, piece, _) in std::mem::take(&mut rig.fetches) {
        rig.input(Input::Fetched { torrent, source, piece, result: Err(SourceError::Failed) });
    }
    assert_eq!(rig.session.have(torrent).expect("known").count(), have);
}

#[test]
fn a_piece_is_not_begun_again_while_its_old_blocks_are_on_their_way_to_the_disk() {
    let mut rig = Rig::new(SessionConfig { memory_bytes: 60_000, ..SessionConfig::default() });
    let options = TorrentOptions { pieces: Some(vec![1]), ..TorrentOptions::default() };
    let torrent = rig.add_with(Content::Info(info(1)), options);
    rig.answer_all();
    let seeder = rig.seeder(1, 1);
    let asked = rig.asked(seeder);
    let piece = asked[0].index;
    asked.iter().for_each(|&span| rig.deliver(seeder, &[span]));
    let spills = rig
        .orders
        .iter()
        .filter(|(_, order)| matches!(order, Order::Spill { piece: p, .. } if p.as_u32() == piece));
    assert_eq!(spills.count(), 2, "{:?}", rig.orders);
    let of_piece =
        |order: &Order| matches!(order, Order::Spill { piece: p, .. } if p.as_u32() == piece);
    let first = rig.order(of_piece).expect("two of them");
    rig.answer(first, Answer::Failure);
    rig.wait(Duration::from_secs(3));
    let again = rig.asked(seeder);
    assert!(again.iter().all(|span| span.index != piece), "{again:?}");
    let second = rig.order(of_piece).expect("one more");
    rig.answer(second, Answer::Good);
    rig.command(|session, now| session.remove(now, torrent));
    rig.answer_all();
    assert_eq!(rig.session.leased_bytes(), 0);
}

#[test]
fn the_last_checkpoint_is_written_even_if_another_is_under_way() {
    let mut rig = rig();
    let torrent = rig.empty_torrent(1);
    let seeder = rig.seeder(1, 1);
    let mut held = None;
    for _ in 0..PIECES * 4 {
        let asked = rig.asked(seeder);
        rig.deliver(seeder, &asked);
        rig.wait(Duration::from_millis(1_500));
        while let Some(n) = rig.order(|order| matches!(order, Order::Store { .. })) {
            rig.answer(n, Answer::Good);
        }
        held = held.or(rig.order(|order| matches!(order, Order::Checkpoint { .. })));
        if held.is_none() {
            rig.wait(Duration::from_secs(5));
            held = rig.order(|order| matches!(order, Order::Checkpoint { .. }));
        }
    }
    assert!(rig.has_news(torrent, |news| matches!(news, News::Finished)));
    assert_eq!(rig.orders.len(), 1, "one checkpoint is under way: {:?}", rig.orders);
    rig.answer(held.expect("a checkpoint"), Answer::Good);
    let last = rig.orders.iter().any(
        |(_, order)| matches!(order, Order::Checkpoint { have, complete: true } if have.is_full()),
    );
    assert!(last, "{:?}", rig.orders);
}

#[test]
fn a_copied_peer_id_from_another_host_pushes_nobody_out() {
    let mut rig = rig();
    rig.empty_torrent(1);
    let honest = rig.seeder(1, 1);
    let addr = "203.0.113.66:5000".parse().expect("an address");
    let copycat = rig.session.accept(rig.now, addr).expect("room");
    let id = gannet_core::id::PeerId::new(*b"-XX0001-abcdefghijk\x01");
    let info_hash = *info(1).info_hash();
    let reserved = Reserved::ours();
    let handshake = gannet_core::wire::Handshake { reserved, info_hash, peer_id: id };
    rig.hear(copycat, Bytes::copy_from_slice(&handshake.encode()));
    assert_eq!(rig.closed.get(&honest), None);
    assert_eq!(rig.closed.get(&copycat), None);
}

#[test]
fn a_peer_that_names_ever_new_ports_does_not_fill_the_address_book() {
    let mut rig = rig();
    let torrent = rig.empty_torrent(1);
    let peer = rig.peer(1, 1, Reserved::ours());
    for port in 1..200 {
        let handshake = ExtensionHandshake::ours(5, None, Some(port));
        rig.say(peer, &[Message::Extended { id: 0, payload: handshake.encode().into() }]);
    }
    let known = rig.session.stats(rig.now, torrent).expect("there").peers_known;
    assert_eq!(known, 1);
}

#[test]
fn a_piece_refused_block_by_block_counts_once_and_refusing_all_ends_it() {
    let mut rig = rig();
    rig.empty_torrent(1);
    let seeder = rig.seeder(1, 1);
    let first = rig.asked(seeder);
    let piece = first[0].index;
    let of_piece = first.iter().filter(|span| span.index == piece);
    let rejects: Vec<Message> = of_piece.map(|&span| Message::Reject(span)).collect();
    assert_eq!(rejects.len(), 2);
    rig.say(seeder, &rejects);
    assert_eq!(rig.closed.get(&seeder), None);
    let retries = rig.news.iter().filter(|(_, news)| matches!(news, News::Retry { .. }));
    assert_eq!(retries.count(), 1);
    let rest = first.into_iter().filter(|span| span.index != piece);
    let rejects: Vec<Message> = rest.map(Message::Reject).collect();
    rig.say(seeder, &rejects);
    for _ in 0..20 {
        let asked = rig.asked(seeder);
        rig.say(seeder, &asked.into_iter().map(Message::Reject).collect::<Vec<_>>());
    }
    assert_eq!(rig.closed.get(&seeder), Some(&CloseReason::Score));
}

#[test]
fn the_guilty_of_a_spilled_piece_are_found_by_its_digests() {
    let mut rig = spilling();
    let options = TorrentOptions { pieces: Some(vec![1]), ..TorrentOptions::default() };
    rig.add_with(Content::Info(info(1)), options);
    rig.answer_all();
    let first = rig.seeder(1, 1);
    let asked = rig.asked(first);
    rig.deliver(first, &asked[..1]);
    rig.input(Input::Closed { peer: first, reason: Disconnect::Reset });
    let second = rig.seeder(2, 1);
    let asked = rig.asked(second);
    rig.deliver(second, &asked);
    while let Some(n) = rig.order(|order| matches!(order, Order::Spill { .. })) {
        rig.answer(n, Answer::Good);
    }
    let check = rig.order(|order| matches!(order, Order::Check { .. })).expect("a whole piece");
    rig.answer(check, Answer::BadHash);
    let with_digests = rig.order(|order| matches!(order, Order::Check { digest_blocks: true, .. }));
    assert!(with_digests.is_some(), "nobody can be blamed");
}

#[test]
fn a_late_block_of_a_large_piece_is_dropped_when_memory_is_full() {
    let mut rig = Rig::new(SessionConfig { memory_bytes: 65_536, ..SessionConfig::default() });
    rig.empty_torrent(1);
    let late = rig.seeder(1, 1);
    let owed = rig.asked(late);
    rig.wait(Duration::from_secs(60));
    assert!(!rig.asked(late).is_empty(), "it was given up and asked again");
    for n in 2..10 {
        let seeder = rig.seeder(n, 1);
        let asked = rig.asked(seeder);
        rig.deliver(seeder, &asked[..asked.len().min(1)]);
    }
    rig.deliver(late, &owed);
    assert!(rig.session.leased_bytes() <= 65_536, "{} bytes", rig.session.leased_bytes());
}

#[test]
fn a_peer_without_the_fast_extension_that_chokes_and_unchokes_serves_all_of_it() {
    let mut rig = rig();
    let torrent = rig.empty_torrent(1);
    let peer = rig.peer(1, 1, Reserved::new([0; 8]));
    let all = Message::Bitfield(Bytes::from_static(&[0b1111_1100]));
    rig.say(peer, &[all, Message::Unchoke]);
    for _ in 0..PIECES * 4 {
        let asked = rig.asked(peer);
        rig.deliver(peer, &asked[..asked.len().min(1)]);
        rig.told(peer);
        rig.say(peer, &[Message::Choke]);
        assert_eq!(rig.asked(peer), [], "nothing is asked of one that chokes");
        rig.say(peer, &[Message::Unchoke]);
        rig.answer_all();
    }
    assert!(rig.has_news(torrent, |news| matches!(news, News::Finished)));
    assert_eq!(rig.session.leased_bytes(), 0);
}

#[test]
fn a_work_list_is_done_in_order_though_one_source_hangs_and_one_lies_about_length() {
    let mut rig = rig();
    let work = WorkList { items: 12, max_item_bytes: 20_000 };
    let torrent = rig.add(Content::Work(work), &[], &[]);
    let mut add = |name: &str| {
        rig.command(|session, now| session.add_source(now, torrent, name.to_owned())).expect("room")
    };
    let (hangs, lies, works) = (add("hangs"), add("lies"), add("works"));
    let mut items = Vec::new();
    for _ in 0..200 {
        for (torrent, source, piece, length) in std::mem::take(&mut rig.fetches) {
            let bytes = if source == lies { length as usize + 1 } else { piece.as_usize() };
            let result = Ok(vec![0; bytes].into());
            match source == hangs {
                true => rig.fetches.push((torrent, source, piece, length)),
                false => rig.input(Input::Fetched { torrent, source, piece, result }),
            }
        }
        while let Some(result) = rig.command(|session, now| session.take_result(now, torrent)) {
            assert_eq!((result.source, result.bytes.len()), (works, result.item as usize));
            items.push(result.item);
        }
        rig.wait(Duration::from_secs(1));
    }
    assert_eq!(items, (0..12).collect::<Vec<_>>());
}
