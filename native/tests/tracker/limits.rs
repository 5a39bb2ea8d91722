//! What a tracker doesn't take in.

use std::{
    fs,
    io::{Read, Write},
    time::{Duration, Instant},
};

use gannet::tracker::{AllowList, Limits, TrackerConfig, TrustedProxies, limits};
use gannet_core::{announce::AnnounceRequest, id::InfoHash};

use crate::support::{Fixture, HASH, config, leecher, seeder};

fn limited(limits: Limits) -> Fixture {
    Fixture::with(TrackerConfig { limits, ..config() })
}

fn url(request: &AnnounceRequest) -> String {
    request.to_url("/announce")
}

#[test]
fn who_announces_too_often_is_refused() {
    let fixture = limited(Limits { max_announces_per_second: 1, ..Limits::default() });
    let mut connection = fixture.connect();
    let path = url(&leecher(7001));
    // The budget fills up again by one a second, so this ends.
    let refused = (0..10 * limits::ANNOUNCE_BURST_SECONDS)
        .any(|_| connection.get(&path).1.starts_with(b"d14:failure reason"));
    assert!(refused);
    assert!(fixture.refusal(&path).contains("too many announces"));
}

#[test]
fn a_tracker_that_is_full_refuses_new_torrents_only() {
    let fixture = limited(Limits { max_torrents: 1, ..Limits::default() });
    fixture.announce(&seeder(7001));
    let other = AnnounceRequest { info_hash: InfoHash::new([1; 20]), ..leecher(7002) };
    assert_eq!(fixture.refusal(&url(&other)), "the tracker is full");
    assert_eq!(fixture.announce(&leecher(7002)).complete, Some(1));
}

#[test]
fn more_peers_than_may_be_kept_get_peers_but_are_not_named() {
    for limits in [
        Limits { max_peers: 1, ..Limits::default() },
        Limits { max_peers_per_torrent: 1, ..Limits::default() },
    ] {
        let fixture = limited(limits);
        fixture.announce(&seeder(7001));
        let answer = fixture.announce(&leecher(7002));
        assert_eq!((answer.peers.len(), answer.incomplete), (1, Some(0)));
    }
}

#[test]
fn no_more_peers_are_named_than_the_limit() {
    let fixture = limited(Limits { max_num_want: 2, ..Limits::default() });
    (7001..7010).for_each(|port| drop(fixture.announce(&leecher(port))));
    assert_eq!(fixture.announce(&leecher(7001)).peers.len(), 2);
}

#[test]
fn more_connections_of_one_address_are_closed() {
    let fixture = limited(Limits { max_connections_per_address: 1, ..Limits::default() });
    let mut first = fixture.connect();
    assert_eq!(first.get("/nowhere").0, 404);
    let mut second = fixture.connect();
    // A reset says the same.
    assert!(!matches!(second.stream.read(&mut [0]), Ok(1..)));
    drop(first);
    let deadline = Instant::now() + Duration::from_secs(5);
    // The tracker learns of the end a moment later.
    while fixture.connect().try_get("/nowhere").is_none() {
        assert!(Instant::now() < deadline, "the place was never given back");
    }
}

#[test]
fn more_connections_than_there_may_be_wait_for_their_turn() {
    let fixture = limited(Limits { max_connections: 1, ..Limits::default() });
    let mut first = fixture.connect();
    assert_eq!(first.get("/nowhere").0, 404);
    let mut second = fixture.connect();
    drop(first);
    assert_eq!(second.get("/nowhere").0, 404);
}

#[test]
fn a_connection_that_asks_nothing_is_closed() {
    let idle_timeout = Duration::from_millis(200);
    let fixture = limited(Limits { idle_timeout, ..Limits::default() });
    let mut silent = fixture.connect();
    let mut kept = fixture.connect();
    assert_eq!(kept.get("/nowhere").0, 404);
    for connection in [&mut silent, &mut kept] {
        let mut rest = Vec::new();
        connection.stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_reads_no_answers_loses_its_place() {
    let limits = Limits {
        max_connections: 1,
        idle_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    let fixture = limited(limits);
    let mut deaf = fixture.connect();
    let request = format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", url(&leecher(7001)));
    deaf.stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    // Until nothing goes in any more, since nothing comes out.
    while deaf.stream.write_all(request.repeat(100).as_bytes()).is_ok() {}
    let mut next = fixture.connect();
    next.stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(next.get("/nowhere").0, 404);
}

#[test]
fn torrents_that_are_not_on_the_list_are_refused_until_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("allowed");
    fs::write(&path, "# none yet").unwrap();
    let allow_list = AllowList::open(&path).unwrap();
    let fixture = Fixture::with(TrackerConfig { allow_list, ..config() });
    assert!(fixture.refusal(&url(&leecher(7001))).contains("doesn't serve this torrent"));
    fs::write(&path, format!("{HASH}\n")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while fixture.body(&url(&leecher(7001))).starts_with(b"d14:failure reason") {
        assert!(Instant::now() < deadline, "the list was never read again");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_proxy_that_is_trusted_names_its_clients() {
    let proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let trusting = Fixture::with(TrackerConfig { proxies, ..config() });
    for (fixture, expected) in [(trusting, "192.0.2.7:7001"), (Fixture::start(), "127.0.0.1:7001")]
    {
        let forwarded = "X-Forwarded-For: 198.51.100.1, 192.0.2.7\r\n";
        fixture.connect().get_with(&url(&seeder(7001)), forwarded);
        let answer = fixture.announce(&leecher(7002));
        assert_eq!(answer.peers, [expected.parse().unwrap()]);
    }
}
