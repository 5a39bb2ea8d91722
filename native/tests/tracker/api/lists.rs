//! What can be read.

use gannet::tracker::ApiConfig;
use serde_json::Value;

use super::{
    published::torrent,
    web::{Web, hash, refusal},
};

/// Three torrents with 1, 2 and 3 seeders, of which the first has two leechers.
fn web() -> Web {
    let web = Web::with(ApiConfig { publish_token: "t".parse().ok(), ..ApiConfig::default() });
    for n in 1..=3 {
        (1..=n).for_each(|port| web.announce(hash(n), 7000 + port as u16, true));
    }
    web.announce(hash(1), 8001, false);
    web.announce(hash(1), 8002, false);
    web
}

fn hashes(answer: &Value) -> Vec<String> {
    let rows = answer["torrents"].as_array().unwrap().iter();
    rows.map(|row| row["info_hash"].as_str().unwrap().to_owned()).collect()
}

fn sorted(web: &Web, query: &str) -> Vec<String> {
    hashes(&web.json(&format!("/api/v1/torrents?{query}")))
}

fn expected(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|&n| hash(n).to_string()).collect()
}

#[test]
fn the_tracker_says_what_it_is_and_what_it_has() {
    let about = web().json("/api/v1");
    assert_eq!((&about["name"], &about["api"]), (&"gannet".into(), &1.into()));
    assert_eq!((&about["read"], &about["publish"]), (&"open".into(), &true.into()));
    assert_eq!((&about["register"], &about["interval_seconds"]), (&true.into(), &120.into()));
    let totals = web().json("/api/v1/totals");
    assert_eq!([&totals["torrents"], &totals["seeders"], &totals["leechers"]], [3, 6, 2]);
}

#[test]
fn torrents_are_sorted_by_any_column_in_either_direction() {
    let web = web();
    assert_eq!(sorted(&web, ""), expected(&[3, 2, 1]));
    assert_eq!(sorted(&web, "sort=seeders&order=asc"), expected(&[1, 2, 3]));
    assert_eq!(sorted(&web, "sort=leechers")[0], hash(1).to_string());
    assert_eq!(sorted(&web, "sort=leechers&order=asc")[2], hash(1).to_string());
    assert_eq!(sorted(&web, "sort=&order=&search=&unknown=1"), expected(&[3, 2, 1]));
}

#[test]
fn pages_fit_together_and_name_the_total() {
    let web = Web::start();
    (0..250).for_each(|n| web.announce(hash(n), 7001, true));
    let mut all = Vec::new();
    for offset in [0, 100, 200, 300] {
        let page = web.json(&format!("/api/v1/torrents?offset={offset}"));
        assert_eq!(page["total"], 250);
        all.extend(hashes(&page));
    }
    assert_eq!(all, expected(&(0..250).collect::<Vec<_>>()));
    assert_eq!(sorted(&web, "limit=2&offset=249"), expected(&[249]));
    assert_eq!(web.json("/api/v1/torrents?offset=18446744073709551615")["total"], 250);
}

#[test]
fn torrents_are_found_by_words_of_their_name_and_by_the_start_of_their_hash() {
    let web = web();
    let token = ["Authorization: Bearer t"];
    web.send("PUT", "/api/v1/torrents/Big%20Blue%20Whale", &token, &torrent("whale"));
    web.send("PUT", "/api/v1/torrents/Blue%20Tit", &token, &torrent("tit"));
    let names = |query: &str| -> Vec<String> {
        let answer = web.json(&format!("/api/v1/torrents?{query}"));
        let rows = answer["torrents"].as_array().unwrap().clone();
        rows.iter().map(|row| row["name"].as_str().unwrap_or("-").to_owned()).collect()
    };
    assert_eq!(names("search=blue&sort=name"), ["Big Blue Whale", "Blue Tit"]);
    assert_eq!(names("search=blue&sort=name&order=desc"), ["Blue Tit", "Big Blue Whale"]);
    assert_eq!(names("search=WHALE+blue"), ["Big Blue Whale"]);
    assert_eq!(names("search=whale%20tit"), [""; 0]);
    assert_eq!(names("search=00000002"), ["-"]);
    assert_eq!(names("search=%3Cscript%3E"), [""; 0]);
    assert_eq!(names("sort=name"), ["Big Blue Whale", "Blue Tit", "-", "-", "-"]);
    assert_eq!(names("sort=size&order=desc")[2..], ["-", "-", "-"], "without a size: last");
}

#[test]
fn queries_that_make_no_sense_are_refused() {
    let web = web();
    for query in [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=abc",
        "limit=99999999999999999999",
        "offset=-1",
        "offset=1.5",
        "sort=colour",
        "order=up",
        "search=%ff",
        &format!("search={}", "a".repeat(257)),
    ] {
        let reply = web.get(&format!("/api/v1/torrents?{query}"));
        assert_eq!(reply.error(), refusal(400, "bad_query"), "{query}");
    }
    assert_eq!(web.get("/api/v1/seeders?sort=name").error(), refusal(400, "bad_query"));
}

#[test]
fn a_torrent_shows_its_seeders_and_leechers() {
    let web = web();
    let one = web.json(&format!("/api/v1/torrents/{}", hash(1)));
    assert_eq!([&one["seeders"], &one["leechers"]], [1, 2]);
    assert_eq!(one["peers"]["seeders"][0]["addr"], "10.0.0.1:7001");
    assert_eq!(one["peers"]["seeders"][0]["heard_seconds"], 0);
    assert_eq!(one["peers"]["leechers"].as_array().unwrap().len(), 2);
    let unknown = web.get(&format!("/api/v1/torrents/{}", hash(9)));
    assert_eq!(unknown.error(), refusal(404, "unknown_torrent"));
    assert_eq!(web.get("/api/v1/torrents/xyz").error(), refusal(400, "bad_info_hash"));
}

#[test]
fn seeders_are_listed_once_with_the_number_of_their_torrents() {
    let web = web();
    web.register("10.0.0.9", &[hash(1), hash(5), hash(6), hash(7)]);
    let list = web.json("/api/v1/seeders");
    assert_eq!(list["total"], 4);
    let first = &list["seeders"][0];
    assert_eq!((&first["addr"], &first["torrents"]), (&"10.0.0.9:6881".into(), &4.into()));
    assert_eq!((&first["client"], &first["heard_seconds"]), (&"Gannet 0.1.0.0".into(), &0.into()));
    assert_eq!(list["seeders"][1]["addr"], "10.0.0.1:7001");
    assert_eq!(list["seeders"][1]["peer_id"], Value::Null);
    assert_eq!(web.json("/api/v1/seeders?search=0.9:")["total"], 1);
    assert_eq!(web.json("/api/v1/seeders?sort=addr")["seeders"][0]["addr"], "10.0.0.1:7001");
    let one = web.json("/api/v1/seeders/10.0.0.9:6881?limit=2&offset=1");
    assert_eq!((&one["total"], hashes(&one)), (&4.into(), expected(&[5, 6])));
    assert_eq!(web.get("/api/v1/seeders/10.9.9.9:1").error(), refusal(404, "unknown_seeder"));
    assert_eq!(web.get("/api/v1/seeders/somewhere").error(), refusal(400, "bad_address"));
}

#[test]
fn what_has_just_been_registered_is_in_the_list_before_long() {
    let web = web();
    assert_eq!(web.json("/api/v1/torrents")["total"], 3);
    web.register("10.0.0.9", &[hash(5)]);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while web.json("/api/v1/torrents")["total"] != 4 {
        assert!(std::time::Instant::now() < deadline, "the old list is kept for ever");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
