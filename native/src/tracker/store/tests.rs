//! What announces do to a store.

use super::{super::limits, *};

const LIFETIME: Duration = Duration::from_secs(60);

fn store() -> Store {
    Store::new(LIFETIME, &Limits::default())
}

fn leecher(port: u16) -> Presence {
    Presence {
        info_hash: InfoHash::new([1; 20]),
        ip: [10, 0, 0, 1].into(),
        port,
        is_seed: false,
        event: AnnounceEvent::None,
        num_want: 50,
    }
}

fn seeder(port: u16) -> Presence {
    Presence { is_seed: true, ..leecher(port) }
}

fn ports(answer: &Answer) -> Vec<u16> {
    let mut ports: Vec<_> = answer.peers.iter().map(SocketAddr::port).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn peers_hear_of_each_other_but_not_of_themselves() {
    let (store, now) = (store(), Instant::now());
    assert_eq!(store.announce(now, &leecher(1)).unwrap().peers, []);
    assert_eq!(ports(&store.announce(now, &leecher(2)).unwrap()), [1]);
    let answer = store.announce(now, &leecher(1)).unwrap();
    assert_eq!((ports(&answer), answer.incomplete, answer.complete), (vec![2], 2, 0));
}

#[test]
fn seeds_are_not_sent_seeds() {
    let (store, now) = (store(), Instant::now());
    store.announce(now, &seeder(1)).unwrap();
    store.announce(now, &leecher(2)).unwrap();
    assert_eq!(ports(&store.announce(now, &seeder(3)).unwrap()), [2]);
    assert_eq!(ports(&store.announce(now, &leecher(4)).unwrap()), [1, 2, 3]);
}

#[test]
fn whoever_starts_is_sent_seeds_even_if_it_claims_to_miss_nothing() {
    let (store, now) = (store(), Instant::now());
    store.announce(now, &seeder(1)).unwrap();
    let starting = Presence { event: AnnounceEvent::Started, ..seeder(2) };
    assert_eq!(ports(&store.announce(now, &starting).unwrap()), [1]);
    assert!(ports(&store.announce(now, &seeder(2)).unwrap()).is_empty());
}

#[test]
fn stopped_removes_and_makes_no_swarm() {
    let (store, now) = (store(), Instant::now());
    let stopped = Presence { event: AnnounceEvent::Stopped, ..leecher(1) };
    store.announce(now, &stopped).unwrap();
    assert_eq!(store.totals().torrents, 0);
    store.announce(now, &leecher(1)).unwrap();
    assert_eq!(store.announce(now, &stopped).unwrap(), Answer::default());
    assert_eq!(store.announce(now, &leecher(2)).unwrap().peers, []);
}

#[test]
fn nobody_is_removed_from_another_address() {
    let (store, now) = (store(), Instant::now());
    store.announce(now, &leecher(1)).unwrap();
    let stranger =
        Presence { ip: [10, 0, 0, 2].into(), event: AnnounceEvent::Stopped, ..leecher(1) };
    assert_eq!(store.announce(now, &stranger).unwrap().incomplete, 1);
}

#[test]
fn completed_counts_once_and_only_for_a_leecher() {
    let (store, now) = (store(), Instant::now());
    let completed = Presence { event: AnnounceEvent::Completed, ..seeder(1) };
    store.announce(now, &completed).unwrap();
    assert_eq!(store.scrape(&completed.info_hash).downloaded, 0, "it was never a leecher");
    store.announce(now, &leecher(2)).unwrap();
    let completed = Presence { event: AnnounceEvent::Completed, ..seeder(2) };
    store.announce(now, &completed).unwrap();
    store.announce(now, &completed).unwrap();
    let entry = ScrapeEntry { complete: 2, downloaded: 1, incomplete: 0 };
    assert_eq!(store.scrape(&completed.info_hash), entry);
}

#[test]
fn who_is_silent_too_long_is_forgotten() {
    let (store, start) = (store(), Instant::now());
    store.announce(start, &leecher(1)).unwrap();
    store.announce(start + LIFETIME / 2, &leecher(2)).unwrap();
    let late = start + LIFETIME;
    assert_eq!(ports(&store.announce(late, &leecher(3)).unwrap()), [2], "before any sweep");
    store.sweep(late);
    assert_eq!(store.scrape(&leecher(1).info_hash).incomplete, 2);
    store.sweep(late + LIFETIME);
    assert_eq!(store.totals().torrents, 0);
}

#[test]
fn answers_are_limited_and_drawn_at_random() {
    let (store, now) = (store(), Instant::now());
    (1..=1000).for_each(|port| drop(store.announce(now, &leecher(port))));
    let greedy = Presence { num_want: u32::MAX, ..leecher(1) };
    let (one, other) = (store.announce(now, &greedy).unwrap(), store.announce(now, &greedy));
    assert_eq!(one.peers.len(), limits::MAX_NUM_WANT as usize);
    let mut unique = ports(&one);
    unique.dedup();
    assert_eq!(unique.len(), limits::MAX_NUM_WANT as usize, "nobody is named twice");
    assert_ne!(ports(&one), ports(&other.unwrap()));
}

#[test]
fn the_own_address_family_comes_first() {
    let (store, now) = (store(), Instant::now());
    let six = |port| Presence { ip: "2001:db8::1".parse().unwrap(), ..leecher(port) };
    store.announce(now, &leecher(1)).unwrap();
    store.announce(now, &six(2)).unwrap();
    let one = Presence { num_want: 1, ..six(3) };
    assert_eq!(ports(&store.announce(now, &one).unwrap()), [2]);
    assert_eq!(ports(&store.announce(now, &six(3)).unwrap()), [1, 2]);
    let mapped = Presence { ip: "::ffff:10.0.0.1".parse().unwrap(), ..leecher(1) };
    assert_eq!(store.announce(now, &mapped).unwrap().incomplete, 3, "the same as over IPv4");
}

#[test]
fn others_hear_seldom_of_a_peer_that_announces_often() {
    let (store, start) = (store(), Instant::now());
    let journal = store.journal(1000);
    // A lifetime and a half, each second.
    for seconds in 0..90 {
        store.announce(start + Duration::from_secs(seconds), &leecher(1)).unwrap();
    }
    let mut changes = Vec::new();
    journal.take(&mut changes, 1000);
    assert!((16..=25).contains(&changes.len()), "{}", changes.len());
    let now = start + Duration::from_secs(90);
    store.announce(now, &seeder(1)).unwrap();
    store.announce(now, &seeder(1)).unwrap();
    store.announce(now, &leecher(1)).unwrap();
    store.announce(now, &Presence { event: AnnounceEvent::Stopped, ..leecher(1) }).unwrap();
    changes.clear();
    journal.take(&mut changes, 1000);
    let kinds: Vec<_> = changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Seeding, ChangeKind::Leeching, ChangeKind::Left]);
}

#[test]
fn the_larger_count_of_downloads_is_right_and_makes_no_swarm() {
    let (store, now) = (store(), Instant::now());
    let hash = leecher(1).info_hash;
    store.raise_downloaded(&hash, 5);
    assert_eq!((store.scrape(&hash).downloaded, store.totals().torrents), (0, 0));
    store.announce(now, &leecher(1)).unwrap();
    store.raise_downloaded(&hash, 5);
    store.raise_downloaded(&hash, 3);
    assert_eq!(store.scrape(&hash).downloaded, 5);
}
