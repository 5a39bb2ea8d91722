//! What happens when one part or another dies, freezes, or talks rubbish.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use gannet::tracker::shared::Link;
use gannet_core::announce::{AnnounceEvent, AnnounceRequest};

use crate::{
    process::Place,
    support::{
        HASH, Instance, RECOVERY_LIMIT, Redis, SHARE_LIMIT, announce, leecher, ports, seeder, until,
    },
};

/// A tracker as a user starts it, and where it listens.
fn spawn(place: &Place, url: &str) -> (crate::process::Running, std::net::SocketAddr) {
    let mut running = place.start(&format!("tracker --http 127.0.0.1:0 --store {url}"));
    let url = running.line_after("http://");
    (running, url.strip_suffix("/announce").unwrap().parse().unwrap())
}

#[test]
fn an_instance_that_is_killed_takes_no_swarm_with_it() {
    let (redis, place) = (Redis::start(), Place::new());
    let (mut one, one_addr) = spawn(&place, &redis.url());
    let (_other, other_addr) = spawn(&place, &redis.url());
    announce(one_addr, &seeder(7001));
    announce(one_addr, &leecher(7002));
    until(SHARE_LIMIT, vec![7001, 7002], || ports(other_addr));
    one.child.kill().unwrap();
    one.child.wait().unwrap();
    assert_eq!(ports(other_addr), [7001, 7002]);
    let (_late, late_addr) = spawn(&place, &redis.url());
    until(SHARE_LIMIT, vec![7001, 7002], || ports(late_addr));
}

#[test]
fn while_redis_is_dead_all_serve_and_afterwards_they_know_everything() {
    let mut redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.announce(&seeder(7001));
    other.announce(&seeder(7002));
    until(SHARE_LIMIT, vec![7001, 7002], || one.ports());
    until(SHARE_LIMIT, vec![7001, 7002], || other.ports());
    redis.kill();
    until(RECOVERY_LIMIT, (Link::Away, Link::Away), || (one.link(), other.link()));
    assert_eq!(one.health(), ("degraded".to_owned(), "away".to_owned()));
    assert_eq!(one.metric("connected"), "0");
    one.announce(&leecher(7003));
    other.announce(&AnnounceRequest { event: AnnounceEvent::Stopped, ..seeder(7001) });
    assert_eq!(one.ports(), [7001, 7002, 7003]);
    assert_eq!(other.ports(), [7002]);
    redis.restart();
    until(RECOVERY_LIMIT, vec![7002, 7003], || other.ports());
    until(RECOVERY_LIMIT, vec![7002, 7003], || one.ports());
    // It came back empty: what was known before is told again, for those who come later.
    let late = Instance::start(&redis.url());
    until(RECOVERY_LIMIT, vec![7002, 7003], || late.ports());
    assert_eq!(one.health(), ("ok".to_owned(), "good".to_owned()));
    assert_eq!(one.metric("connected"), "1");
}

#[test]
fn a_log_that_disappears_while_redis_runs_is_told_again() {
    let redis = Redis::start();
    let (one, _other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.announce(&seeder(7001));
    until(SHARE_LIMIT, Link::Good, || one.link());
    until(SHARE_LIMIT, 1, || one.status().sent.get().min(1));
    redis.run::<()>(&mut redis::cmd("FLUSHALL"));
    until(RECOVERY_LIMIT, 1, || one.status().retold.get());
    let late = Instance::start(&redis.url());
    until(SHARE_LIMIT, vec![7001], || late.ports());
}

#[test]
fn while_redis_is_frozen_announces_are_answered() {
    let redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.announce(&seeder(7001));
    until(SHARE_LIMIT, vec![7001], || other.ports());
    redis.signal("STOP");
    for port in 7002..=7020 {
        assert_eq!(one.announce(&leecher(port)).complete, Some(1));
    }
    until(RECOVERY_LIMIT, Link::Away, || one.link());
    assert_eq!(one.announce(&leecher(7021)).complete, Some(1));
    redis.signal("CONT");
    until(RECOVERY_LIMIT, (7001..=7021).collect::<Vec<_>>(), || other.ports());
}

#[test]
fn a_full_redis_can_still_be_read() {
    let redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.announce(&seeder(7001));
    until(SHARE_LIMIT, vec![7001], || other.ports());
    redis.run::<()>(redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1"));
    one.announce(&leecher(7002));
    until(RECOVERY_LIMIT, Link::Refusing, || one.link());
    assert_eq!(one.ports(), [7001, 7002]);
    redis.run::<()>(redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("0"));
    until(RECOVERY_LIMIT, vec![7001, 7002], || other.ports());
    until(RECOVERY_LIMIT, Link::Good, || one.link());
}

#[test]
fn a_tracker_starts_without_redis_and_joins_it_later() {
    let mut redis = Redis::start();
    redis.kill();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    assert_eq!(one.link(), Link::Away);
    one.announce(&seeder(7001));
    assert_eq!(one.ports(), [7001]);
    redis.restart();
    until(RECOVERY_LIMIT, vec![7001], || other.ports());
}

#[test]
fn a_store_that_is_away_is_a_warning() {
    let (mut redis, place) = (Redis::start(), Place::new());
    redis.kill();
    let mut command = place.command(&format!("tracker --http 127.0.0.1:0 --store {}", redis.url()));
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with(&format!("warning: {}: ", redis.url())), "{line}");
}

#[test]
fn a_wrong_password_is_said_and_never_shown() {
    let (redis, place) = (Redis::with(&["--requirepass", "right"]), Place::new());
    let port = redis.url().rsplit(':').next().unwrap().to_owned();
    for login in ["", ":wrong@", "nobody:wrong@"] {
        let url = format!("redis://{login}127.0.0.1:{port}");
        let ran = place.gannet(&format!("tracker --http 127.0.0.1:0 --store {url}"));
        assert!(!ran.stderr.contains("wrong"), "{ran:?}");
        let message = format!("{}: the store refused the user or the password", redis.url());
        ran.fails(8, &message);
    }
    let right = format!("redis://:right@127.0.0.1:{port}");
    let (one, other) = (Instance::start(&right), Instance::start(&right));
    one.announce(&seeder(7001));
    until(SHARE_LIMIT, vec![7001], || other.ports());
}

#[test]
fn a_url_that_names_no_store_is_a_mistake_on_the_command_line() {
    let place = Place::new();
    for url in ["http://localhost", "redis://:secret@localhost/many", "disk"] {
        let ran = place.gannet(&format!("tracker --http 127.0.0.1:0 --store {url}"));
        assert!(!ran.stderr.contains("secret"), "{ran:?}");
        ran.fails(2, "--store: ");
    }
}

#[test]
fn rubbish_in_the_log_is_skipped_and_counted() {
    let redis = Redis::start();
    let one = Instance::start(&redis.url());
    one.announce(&seeder(7001));
    let add = |field: &str, value: &[u8]| {
        redis.run::<String>(redis::cmd("XADD").arg("gannet:log").arg("*").arg(field).arg(value));
    };
    add("other", b"field");
    add("p", b"");
    add("p", &[1; 50]);
    add("p", &[2; 50]);
    add("p", &vec![1; 1 << 20]);
    let late = Instance::start(&redis.url());
    one.announce(&seeder(7002));
    until(SHARE_LIMIT, vec![7001, 7002], || late.ports());
    for instance in [&one, &late] {
        until(SHARE_LIMIT, 5, || instance.status().skipped.get());
    }
    assert_eq!(late.tracker().store().totals().torrents, 1, "{HASH}");
}

#[test]
fn a_key_of_somebody_else_is_not_touched() {
    let (redis, place) = (Redis::start(), Place::new());
    redis.run::<()>(redis::cmd("SET").arg("gannet:log").arg("mine"));
    let ran = place.gannet(&format!("tracker --http 127.0.0.1:0 --store {}", redis.url()));
    ran.fails(8, &format!("{}: the store can't be used", redis.url()));
    assert_eq!(redis.run::<String>(redis::cmd("GET").arg("gannet:log")), "mine");
}
