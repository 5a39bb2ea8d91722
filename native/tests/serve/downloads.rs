//! Downloads that are added over HTTP.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{process::Place, support::*};

/// A server that has nothing yet, beside one that has the film.
fn pair() -> (Server, Server) {
    (Server::start(), Server::at(Place::new(), ""))
}

fn add(server: &Server, what: &str) -> Answer {
    server.change("POST", "/api/v1/downloads", &json!({ "add": what }).to_string())
}

#[test]
fn a_download_is_added_by_url_runs_and_is_removed_with_its_data() {
    let (source, server) = pair();
    let added = add(&server, &source.url("/torrents/film.mkv.torrent"));
    assert_eq!(added.status, 201);
    let hash = source.info_hash("film.mkv");
    assert!(added.head.contains(&format!("location: /api/v1/downloads/{hash}")));
    let stats = server.until_state(&hash, "seeding");
    assert_eq!(stats["have_bytes"], FILM_BYTES);
    assert!(server.place.read("got/film.mkv") == source.place.read("share/film.mkv"));
    let peers = server.json(&format!("/api/v1/downloads/{hash}/peers"));
    assert_eq!(peers["peers"].as_array().unwrap().len(), 1);
    assert_eq!(server.offer("film.mkv")["info_hash"], hash);
    assert_eq!(add(&server, &source.url("/torrents/film.mkv.torrent")).status, 200, "once more");
    let path = format!("/api/v1/downloads/{hash}?data=true");
    assert_eq!(server.change("DELETE", &path, "").status, 204);
    assert_eq!(server.place.names("got"), Vec::<String>::new());
}

#[test]
fn a_download_is_added_by_magnet_link_and_its_torrent_can_be_had_then() {
    let (source, server) = pair();
    assert_eq!(add(&server, source.offer("film.mkv")["magnet"].as_str().unwrap()).status, 201);
    server.until_state(&source.info_hash("film.mkv"), "seeding");
    assert_eq!(server.get("/torrents/film.mkv.torrent").status, 200);
}

#[test]
fn a_paused_download_waits_until_it_is_resumed() {
    let (source, server) = pair();
    // Nobody has it: it can only wait.
    source.place.write("other", "x").gannet("create other").ok();
    let torrent = BASE64_STANDARD.encode(source.place.read("other.torrent"));
    let answer = add(&server, &torrent);
    assert_eq!(answer.status, 201);
    let hash: Value = serde_json::from_slice(&answer.body).unwrap();
    let hash = hash["info_hash"].as_str().unwrap();
    server.until_state(hash, "downloading");
    let path = |what| format!("/api/v1/downloads/{hash}/{what}");
    assert_eq!(server.change("POST", &path("pause"), "").status, 204);
    server.until_state(hash, "paused");
    assert_eq!(server.change("POST", &path("resume"), "").status, 204);
    server.until_state(hash, "downloading");
}

#[test]
fn what_is_no_torrent_is_refused_with_a_word() {
    let server = Server::at(Place::new(), "");
    for (what, status, code) in [
        ("magnet:?dn=x", 422, "bad_magnet"),
        ("http://127.0.0.1:9/x.torrent", 502, "not_fetched"),
        ("aGVsbG8=", 422, "bad_torrent"),
        ("???", 400, "bad_body"),
    ] {
        let answer = add(&server, what);
        assert_eq!((answer.status, answer.code()), (status, code.to_owned()), "{what}");
    }
    for body in ["", "{}", "[]", r#"{"add": 1}"#] {
        assert_eq!(server.change("POST", "/api/v1/downloads", body).code(), "bad_body", "{body}");
    }
    for hash in ["x", "..", "%2e%2e%2f", "00"] {
        let answer = server.get(&format!("/api/v1/downloads/{hash}"));
        assert_eq!(answer.code(), "bad_info_hash", "{hash}");
    }
    let unknown = server.get(&format!("/api/v1/downloads/{}", "ab".repeat(20)));
    assert_eq!((unknown.status, unknown.code()), (404, "unknown_download".into()));
}

#[test]
fn events_tell_where_each_download_stands() {
    let server = Server::start();
    let mut lines = server.lines_of("/api/v1/events").map(Result::unwrap);
    lines.find(|line| line == "event: stats").expect("the server goes on telling");
    let line = lines.next().unwrap();
    let said: Value = serde_json::from_str(line.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&said["event"], &said["schema"]), (&json!("stats"), &json!(1)));
    assert_eq!(said["stats"]["info_hash"], said["info_hash"]);
    assert_eq!(said["stats"]["state"], "seeding");
}

#[test]
fn events_tell_what_there_is_and_again_when_that_changes() {
    let (source, server) = pair();
    let mut lines = server.lines_of("/api/v1/events");
    let mut next = || {
        let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains("\"info_hashes\""));
        let list: Value =
            serde_json::from_str(line.unwrap().strip_prefix("data: ").unwrap()).unwrap();
        list["torrents"].as_array().unwrap().len()
    };
    assert_eq!(next(), 0);
    assert_eq!(add(&server, &source.url("/torrents/film.mkv.torrent")).status, 201);
    assert_eq!(next(), 1);
    let path = format!("/api/v1/downloads/{}", source.info_hash("film.mkv"));
    assert_eq!(server.change("DELETE", &path, "").status, 204);
    while next() != 0 {}
}
