//! Many peers at once.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use gannet::tracker::{Presence, Totals, shared::Link};
use gannet_core::{announce::AnnounceEvent, id::InfoHash};

use crate::support::{Instance, RECOVERY_LIMIT, Redis, until};

/// The peer with this number: half are seeders, and each next one is in another torrent.
fn peer(number: u32, torrents: u32) -> Presence {
    let mut hash = [7; 20];
    hash[..4].copy_from_slice(&(number % torrents).to_be_bytes());
    Presence {
        info_hash: InfoHash::new(hash),
        ip: Ipv4Addr::from_bits(0x0a00_0000 + number).into(),
        port: 6881,
        is_seed: number / torrents % 2 == 0,
        event: AnnounceEvent::None,
        num_want: 0,
    }
}

/// Announces peers at an instance, no faster than it can tell the others; the numbers must be even.
fn fill(instance: &Instance, peers: u32, torrents: u32, at_once: u32) -> Totals {
    for from in (0..peers).step_by(at_once as usize) {
        for number in from..peers.min(from + at_once) {
            let presence = peer(number, torrents);
            instance.tracker().store().announce(Instant::now(), &presence).unwrap();
        }
        let sent = u64::from(peers.min(from + at_once));
        until(RECOVERY_LIMIT, sent, || instance.status().sent.get());
    }
    let (torrents, half) = (torrents as usize, peers as usize / 2);
    Totals { torrents, seeders: half, leechers: half }
}

#[test]
fn a_crowd_reaches_an_instance_that_starts_late() {
    let redis = Redis::start();
    let one = Instance::start(&redis.url());
    let all = fill(&one, 60_000, 100, 60_000);
    let late = Instance::start(&redis.url());
    until(RECOVERY_LIMIT, (all, Link::Good), || (late.tracker().store().totals(), late.link()));
    assert_eq!(one.tracker().store().totals(), all);
    assert_eq!(one.status().dropped.get(), 0);
}

#[test]
fn all_of_a_crowd_is_told_again_when_redis_comes_back_empty() {
    let mut redis = Redis::start();
    let one = Instance::start(&redis.url());
    let all = fill(&one, 60_000, 100, 60_000);
    redis.kill();
    redis.restart();
    let late = Instance::start(&redis.url());
    until(RECOVERY_LIMIT, (all, Link::Good), || (late.tracker().store().totals(), late.link()));
}

/// `cargo test --release -p gannet --test shared -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes and measures more than it checks"]
fn a_million_peers() {
    const PEERS: u32 = 1_000_000;
    let redis = Redis::start();
    let used = || -> u64 {
        let text: String = redis.run(redis::cmd("INFO").arg("memory"));
        let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
        line.unwrap().trim().parse().unwrap()
    };
    let before = used();
    let one = Instance::start(&redis.url());
    // As many at once as there are torrents: no entry has two peers of one, the worst case.
    let all = fill(&one, PEERS, 10_000, 2_000);
    let bytes = used() - before;
    println!("Redis: {:.1} bytes an announce", bytes as f64 / f64::from(PEERS));
    let start = Instant::now();
    let late = Instance::start(&redis.url());
    until(Duration::from_secs(120), (all, Link::Good), || {
        (late.tracker().store().totals(), late.link())
    });
    println!("rebuilt in {:.2} s", start.elapsed().as_secs_f64());
    redis.run::<()>(&mut redis::cmd("FLUSHALL"));
    drop(late);
    let start = Instant::now();
    until(RECOVERY_LIMIT, 1, || one.status().retold.get());
    let noticed = start.elapsed();
    let late = Instance::start(&redis.url());
    until(Duration::from_secs(120), all, || late.tracker().store().totals());
    let seconds = (start.elapsed() - noticed).as_secs_f64();
    println!(
        "lost log noticed in {:.1} s, told and read again in {seconds:.2} s",
        noticed.as_secs_f64()
    );
    println!("Redis: {:.1} bytes a peer retold", (used() - before) as f64 / f64::from(PEERS));
}
