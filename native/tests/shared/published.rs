//! What is published at one instance is served by all.

use gannet::tracker::api::catalogue::Published;

use crate::support::{Instance, RECOVERY_LIMIT, Redis, SHARE_LIMIT, until};

/// A .torrent of a file called `payload`: each is another torrent.
fn published(name: &str, payload: &str) -> Published {
    let (length, pieces) = (payload.len(), "x".repeat(20));
    let info =
        format!("d6:lengthi5e4:name{length}:{payload}12:piece lengthi16384e6:pieces20:{pieces}e");
    Published::read(name, format!("d4:info{info}e").into()).unwrap()
}

impl Instance {
    fn publish(&self, name: &str, payload: &str) {
        self.tracker().api().catalogue().insert(published(name, payload)).unwrap();
    }

    fn withdraw(&self, name: &str) {
        self.tracker().api().catalogue().remove(name).unwrap().unwrap();
    }

    /// Whether exactly these are published, each a name and a payload.
    fn has(&self, wanted: &[(&str, &str)]) -> bool {
        let all = self.tracker().api().catalogue().all();
        let wanted = wanted.iter().map(|(name, payload)| published(name, payload).torrent);
        all.iter().map(|published| published.torrent.clone()).eq(wanted)
    }
}

#[test]
fn what_one_publishes_or_removes_so_do_all() {
    let redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.publish("a", "first");
    other.publish("B", "second");
    for instance in [&one, &other] {
        until(SHARE_LIMIT, true, || instance.has(&[("a", "first"), ("B", "second")]));
    }
    one.withdraw("b");
    other.publish("c", "third");
    for instance in [&one, &other] {
        until(SHARE_LIMIT, true, || instance.has(&[("a", "first"), ("c", "third")]));
    }
    let late = Instance::start(&redis.url());
    until(SHARE_LIMIT, true, || late.has(&[("a", "first"), ("c", "third")]));
}

#[test]
fn what_was_published_outlives_a_redis_that_forgets_and_is_frozen() {
    let mut redis = Redis::start();
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.publish("a", "first");
    one.publish("b", "second");
    until(SHARE_LIMIT, true, || other.has(&[("a", "first"), ("b", "second")]));
    redis.signal("STOP");
    other.withdraw("a");
    assert!(other.has(&[("b", "second")]));
    redis.signal("CONT");
    until(RECOVERY_LIMIT, true, || one.has(&[("b", "second")]));
    redis.kill();
    one.publish("c", "third");
    redis.restart();
    until(RECOVERY_LIMIT, true, || other.has(&[("b", "second"), ("c", "third")]));
    let late = Instance::start(&redis.url());
    until(SHARE_LIMIT, true, || late.has(&[("b", "second"), ("c", "third")]));
}

#[test]
fn the_same_torrent_under_two_names_is_lost_under_neither() {
    let redis = Redis::start();
    redis.signal("STOP");
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.publish("a", "same");
    other.publish("b", "same");
    redis.signal("CONT");
    until(RECOVERY_LIMIT, true, || {
        let known: Vec<String> = redis.run(redis::cmd("HKEYS").arg("gannet:torrents"));
        known.len() == 2
    });
    one.publish("c", "other");
    until(RECOVERY_LIMIT, true, || other.has(&[("b", "same"), ("c", "other")]));
    assert!(one.has(&[("a", "same"), ("c", "other")]));
}

#[test]
fn rubbish_among_the_published_is_left_alone() {
    let redis = Redis::start();
    let set = |name: &[u8], seal: &[u8]| {
        redis.run::<()>(redis::cmd("HSET").arg("gannet:torrents").arg(name).arg(seal));
    };
    set(b"short", b"seal");
    set(&[0xff, 0xfe], &[1; 20]);
    set(b"gone", &[1; 20]);
    set(b"wrong", &[1; 20]);
    redis.run::<()>(redis::cmd("SET").arg("gannet:torrent:wrong").arg("rubbish"));
    let (one, other) = (Instance::start(&redis.url()), Instance::start(&redis.url()));
    one.publish("a", "first");
    until(SHARE_LIMIT, true, || other.has(&[("a", "first")]));
    assert_eq!(redis.run::<usize>(redis::cmd("HLEN").arg("gannet:torrents")), 5);
}
