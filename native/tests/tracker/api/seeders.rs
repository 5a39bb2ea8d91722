//! Seeders that register their list.

use gannet::tracker::{AllowList, ApiConfig, Limits, TrackerConfig};
use gannet_core::{announce::ScrapeEntry, id::InfoHash};

use super::web::{PEER_ID, Web, hash, refusal};

fn complete(web: &Web, info_hash: InfoHash) -> u32 {
    web.tracker().store().scrape(&info_hash).complete
}

fn post(web: &Web, body: &str) -> (u16, String) {
    web.send("POST", "/api/v1/seeders", &[], body.as_bytes()).error()
}

#[test]
fn a_whole_list_is_registered_in_one_request_and_withdrawn_in_one() {
    let web = Web::start();
    let list: Vec<_> = (0..10_000).map(hash).collect();
    let answer = web.register("10.0.0.9", &list).json();
    assert_eq!(answer["interval_seconds"], 120);
    assert_eq!(answer["torrents"], 10_000);
    assert_eq!(answer["refused"].as_array().unwrap().len(), 0);
    let view = web.tracker().store().swarm_of(std::time::Instant::now(), &hash(77), 10).unwrap();
    assert_eq!(view.peers[0].addr, "10.0.0.9:6881".parse().unwrap());
    let totals = web.json("/api/v1/totals");
    assert_eq!([&totals["seeders"], &totals["registered_seeders"]], [10_000, 1]);

    assert_eq!(web.withdraw("10.0.0.9").status, 204);
    assert!(list.iter().all(|&info_hash| complete(&web, info_hash) == 0));
    assert_eq!(web.json("/api/v1/totals")["registered_seeders"], 0);
    assert_eq!(web.withdraw("10.0.0.9").error(), refusal(404, "not_registered"));
}

#[test]
fn a_seeder_is_told_of_leechers_to_connect_to_but_not_of_seeders() {
    let web = Web::start();
    web.announce(hash(1), 7001, false);
    web.announce(hash(1), 7002, true);
    web.announce(hash(2), 7003, true);
    let answer = web.register("10.0.0.9", &[hash(1), hash(2)]).json();
    let peers = serde_json::json!({ hash(1).to_string(): ["10.0.0.1:7001"] });
    assert_eq!(answer["peers"], peers);
}

#[test]
fn the_leechers_that_are_told_are_limited_in_all() {
    let web = Web::start();
    (0..100).for_each(|n| (1..=60).for_each(|port| web.announce(hash(n), port, false)));
    let answer = web.register("10.0.0.9", &(0..100).map(hash).collect::<Vec<_>>()).json();
    let lists = answer["peers"].as_object().unwrap().values();
    let counts: Vec<_> = lists.map(|list| list.as_array().unwrap().len()).collect();
    assert_eq!(counts.iter().sum::<usize>(), 2_000);
    assert_eq!(counts.iter().max(), Some(&50));
}

#[test]
fn the_same_list_again_is_a_refresh_and_a_changed_one_withdraws_what_is_gone() {
    let web = Web::start();
    web.register("10.0.0.9", &[hash(1), hash(2)]);
    web.register("10.0.0.9", &[hash(2), hash(1), hash(2)]);
    assert_eq!([complete(&web, hash(1)), complete(&web, hash(2))], [1, 1]);
    web.register("10.0.0.9", &[hash(2), hash(3)]);
    assert_eq!([1, 2, 3].map(|n| complete(&web, hash(n))), [0, 1, 1]);
    web.register("10.0.0.9", &[]);
    assert_eq!([1, 2, 3].map(|n| complete(&web, hash(n))), [0, 0, 0]);
    assert_eq!(web.withdraw("10.0.0.9").error(), refusal(404, "not_registered"));
}

#[test]
fn only_the_address_that_registered_withdraws() {
    let web = Web::start();
    web.register("10.0.0.9", &[hash(1)]);
    assert_eq!(web.withdraw("10.0.0.8").error(), refusal(404, "not_registered"));
    web.register("10.0.0.8", &[hash(1)]);
    web.register("10.0.0.8", &[]);
    assert_eq!(complete(&web, hash(1)), 1, "another's registration changes nothing for it");
    let from = ["X-Forwarded-For: 10.0.0.9"];
    let other_id = format!("/api/v1/seeders/{}?port=6881", "0".repeat(40));
    assert_eq!(web.send("DELETE", &other_id, &from, b"").status, 404);
    let other_port = format!("/api/v1/seeders/{PEER_ID}?port=6882");
    assert_eq!(web.send("DELETE", &other_port, &from, b"").status, 404);
    assert_eq!(web.withdraw("10.0.0.9").status, 204);
}

#[test]
fn where_the_swarms_are_shared_any_instance_withdraws() {
    let web = Web::with(ApiConfig { is_shared: true, ..ApiConfig::default() });
    // As if another instance had told of a seeder that registered there.
    web.announce(hash(1), 6881, true);
    web.announce(hash(2), 6881, true);
    web.announce(hash(2), 6882, true);
    assert_eq!(web.withdraw("10.0.0.1").status, 204);
    assert_eq!([complete(&web, hash(1)), complete(&web, hash(2))], [0, 1]);
    web.announce(hash(1), 6881, true);
    web.register("10.0.0.1", &[hash(3)]);
    assert_eq!([complete(&web, hash(1)), complete(&web, hash(3))], [0, 1]);
}

#[test]
fn registering_too_often_is_refused_for_a_while_and_only_there() {
    let web = Web::with(ApiConfig { max_registrations_per_minute: 3, ..ApiConfig::default() });
    let status = |ip| web.register(ip, &[hash(1)]).status;
    assert_eq!([status("10.0.0.9"), status("10.0.0.9"), status("10.0.0.9")], [200; 3]);
    let refused = web.register("10.0.0.9", &[hash(1)]);
    assert_eq!(refused.error(), refusal(429, "too_often"));
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(web.withdraw("10.0.0.9").error(), refusal(429, "too_often"));
    assert_eq!(status("10.0.0.8"), 200);
}

#[test]
fn lists_that_are_too_long_are_refused_whole() {
    let web = Web::with(ApiConfig { max_torrents_per_seeder: 3, ..ApiConfig::default() });
    let refused = web.register("10.0.0.9", &(0..4).map(hash).collect::<Vec<_>>());
    assert_eq!(refused.error(), refusal(422, "too_many_torrents"));
    assert_eq!(web.tracker().store().totals().torrents, 0);
    let body = vec![b' '; 4 * 1024 * 1024 + 1];
    let refused = web.send("POST", "/api/v1/seeders", &[], &body);
    assert_eq!(refused.error(), refusal(413, "too_large"));
    let full = Web::with(ApiConfig { max_registered_torrents: 1, ..ApiConfig::default() });
    let refused = full.register("10.0.0.9", &[hash(1), hash(2)]);
    assert_eq!(refused.error(), refusal(507, "registry_full"));
}

#[test]
fn torrents_that_are_not_served_or_have_no_room_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("allowed");
    std::fs::write(&path, hash(1).to_string()).unwrap();
    let allow_list = AllowList::open(path).unwrap();
    let web = Web::configured(TrackerConfig { allow_list, ..TrackerConfig::default() });
    let answer = web.register("10.0.0.9", &[hash(1), hash(2)]).json();
    assert_eq!(answer["refused"], serde_json::json!([hash(2).to_string()]));
    assert_eq!([complete(&web, hash(1)), complete(&web, hash(2))], [1, 0]);

    let full = Web::with_limits(Limits { max_torrents: 1, ..Limits::default() });
    let answer = full.register("10.0.0.9", &[hash(1), hash(2)]).json();
    assert_eq!((&answer["torrents"], answer["refused"].as_array().unwrap().len()), (&1.into(), 1));
}

#[test]
fn whatever_is_wrong_in_a_registration_is_a_sentence_and_changes_nothing() {
    let web = Web::start();
    let list = format!("[\"{}\"]", hash(1));
    let short = &PEER_ID[1..];
    for body in [
        String::new(),
        "null".to_owned(),
        "[".repeat(100_000),
        "\u{ff}".to_owned(),
        format!(r#"{{"port":1,"torrents":{list}}}"#),
        format!(r#"{{"peer_id":"{PEER_ID}","torrents":{list}}}"#),
        format!(r#"{{"peer_id":"{PEER_ID}","port":1}}"#),
        format!(r#"{{"peer_id":"{PEER_ID}","port":0,"torrents":{list}}}"#),
        format!(r#"{{"peer_id":"{PEER_ID}","port":65536,"torrents":{list}}}"#),
        format!(r#"{{"peer_id":"{PEER_ID}","port":"1","torrents":{list}}}"#),
        format!(r#"{{"peer_id":"{PEER_ID}","port":1e400,"torrents":{list}}}"#),
        format!(r#"{{"peer_id":"{short}","port":1,"torrents":{list}}}"#),
        format!(r#"{{"peer_id":"{PEER_ID}","port":1,"torrents":["{short}"]}}"#),
        format!(r#"{{"peer_id":"{PEER_ID}","port":1,"torrents":[7]}}"#),
        format!(r#"{{"peer_id":"{PEER_ID}","port":1,"port":2,"torrents":{list}}}"#),
    ] {
        assert_eq!(post(&web, &body), refusal(400, "bad_body"), "{:.80}", body);
    }
    assert_eq!(web.tracker().store().scrape(&hash(1)), ScrapeEntry::default());
    let extra = format!(r#"{{"peer_id":"{PEER_ID}","port":1,"torrents":{list},"ip":"192.0.2.1"}}"#);
    assert_eq!(web.send("POST", "/api/v1/seeders", &[], extra.as_bytes()).status, 200);
    let view = web.tracker().store().swarm_of(std::time::Instant::now(), &hash(1), 9).unwrap();
    assert_eq!(view.peers[0].addr, "127.0.0.1:1".parse().unwrap(), "`ip` is anybody's");
    for path in ["/zz?port=1", &format!("/{PEER_ID}"), &format!("/{PEER_ID}?port=0")] {
        let path = format!("/api/v1/seeders{path}");
        assert_eq!(web.send("DELETE", &path, &[], b"").status, 400, "{path}");
    }
}
