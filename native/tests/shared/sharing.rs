//! What one instance learns, all know.

use std::{
    thread,
    time::{Duration, Instant},
};

use gannet::tracker::shared::Link;
use gannet_core::announce::{AnnounceEvent, AnnounceRequest, ScrapeEntry};

use crate::support::{HASH, Instance, Redis, SHARE_LIMIT, announce_by_udp, leecher, seeder, until};

#[test]
fn a_peer_that_announces_at_one_is_named_by_the_other() {
    let redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.announce(&seeder(7001));
    other.announce(&leecher(7002));
    until(SHARE_LIMIT, vec![7001, 7002], || other.ports());
    until(SHARE_LIMIT, vec![7001, 7002], || one.ports());
    let entry = ScrapeEntry { complete: 1, downloaded: 0, incomplete: 1 };
    until(SHARE_LIMIT, entry, || one.scrape());
    until(SHARE_LIMIT, Link::Good, || one.link());
}

#[test]
fn a_peer_that_announces_over_udp_is_named_over_http_and_the_other_way_round() {
    let redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    announce_by_udp(one.tracker().udp_addr().unwrap(), &seeder(7001));
    until(SHARE_LIMIT, vec![7001], || other.ports());
    other.announce(&seeder(7002));
    until(SHARE_LIMIT, Some(2), || {
        announce_by_udp(one.tracker().udp_addr().unwrap(), &leecher(7003)).complete
    });
}

#[test]
fn who_stops_at_one_is_named_by_none() {
    let redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.announce(&seeder(7001));
    until(SHARE_LIMIT, vec![7001], || other.ports());
    other.announce(&AnnounceRequest { event: AnnounceEvent::Stopped, ..seeder(7001) });
    until(SHARE_LIMIT, vec![], || one.ports());
    one.announce(&leecher(7002));
    let late = Instance::start(&redis.url());
    until(SHARE_LIMIT, vec![7002], || late.ports());
}

#[test]
fn downloads_are_counted_by_all_and_remembered_by_who_comes_later() {
    let redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    for port in 7001..=7003 {
        one.announce(&leecher(port));
        until(SHARE_LIMIT, 1, || other.scrape().incomplete);
        let completed = AnnounceRequest { event: AnnounceEvent::Completed, ..seeder(port) };
        let at = if port == 7002 { &other } else { &one };
        at.announce(&completed);
        let count = u32::from(port) - 7000;
        let entry = ScrapeEntry { complete: count, downloaded: count, incomplete: 0 };
        until(SHARE_LIMIT, (entry, entry), || (one.scrape(), other.scrape()));
    }
    let late = Instance::start(&redis.url());
    until(SHARE_LIMIT, one.scrape(), || late.scrape());
}

#[test]
fn who_comes_later_knows_how_old_the_news_are() {
    let redis = Redis::start();
    let one = Instance::start(&redis.url());
    one.announce(&seeder(7001));
    thread::sleep(Duration::from_secs(3));
    let late = Instance::start(&redis.url());
    until(SHARE_LIMIT, vec![7001], || late.ports());
    let swarm = late.tracker().store().swarm_of(Instant::now(), &HASH, 9).unwrap();
    let age = swarm.peers.iter().find(|peer| peer.addr.port() == 7001).unwrap().heard_ago;
    // An age is known to half a second.
    assert!(age >= Duration::from_secs(2), "{age:?}");
}

#[test]
fn who_ends_in_order_tells_its_last_news() {
    let redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.announce(&seeder(7001));
    one.stop();
    until(SHARE_LIMIT, vec![7001], || other.ports());
}

#[test]
fn trackers_with_another_prefix_or_database_are_others() {
    let redis = Redis::start();
    let one = Instance::start(&redis.url());
    let others = ["?prefix=other:", "/1"].map(|rest| Instance::start(&(redis.url() + rest)));
    let same = Instance::start(&(redis.url() + "/0?prefix=gannet:"));
    one.announce(&seeder(7001));
    until(SHARE_LIMIT, vec![7001], || same.ports());
    others.iter().for_each(|other| assert!(other.ports().is_empty()));
}
