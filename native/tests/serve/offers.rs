//! What is shared, and how it is had.

use std::time::{Duration, Instant};

use gannet_core::{
    announce::{AnnounceRequest, AnnounceResponse},
    id::PeerId,
    metainfo::Metainfo,
};

use crate::{process::Place, support::*};

#[test]
fn every_entry_of_a_folder_is_a_torrent_and_what_is_hidden_is_not() {
    let server = Server::start();
    let manifest = server.json("/gannet.json");
    let names: Vec<_> =
        manifest["torrents"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["film.mkv", "notes"]);
    assert_eq!(manifest["relays"][0], format!("ws://{}", server.addr));
    assert_eq!(manifest["trackers"][0], server.url("/announce"));
    assert_eq!(manifest["api"], "/api/v1");
    let film = server.offer("film.mkv");
    assert_eq!((&film["length"], &film["files"]), (&FILM_BYTES.into(), &1.into()));
    assert_eq!(film["url"], "/torrents/film.mkv.torrent");
}

#[test]
fn a_file_is_had_by_a_link_that_names_only_the_udp_tracker() {
    let mut server = Server::with("--udp 127.0.0.1:0");
    let line = server.process.line_after("tracker at udp://");
    let tracker = line.split(' ').next().unwrap();
    let hash = server.info_hash("film.mkv");
    let link = format!("magnet:?xt=urn:btih:{hash}&tr=udp://{tracker}");
    let get = format!("get {link} -o got --listen 127.0.0.1:0 --quiet --timeout 30s");
    server.place.gannet(&get).ok();
    assert!(server.place.read("got/film.mkv") == server.place.read("share/film.mkv"));
}

#[test]
fn a_file_is_had_by_the_url_of_its_torrent_its_magnet_link_and_the_link_to_its_page() {
    let server = Server::start();
    let magnet = server.offer("film.mkv")["magnet"].as_str().unwrap().to_owned();
    let page = server.url("/#url=%2Ftorrents%2Ffilm.mkv.torrent");
    let sources = [server.url("/torrents/film.mkv.torrent"), magnet, page];
    for (number, source) in sources.iter().enumerate() {
        let get = format!("get {source} -o by-{number} --listen 127.0.0.1:0 --quiet --timeout 30s");
        server.place.gannet(&get).ok();
        let got = server.place.read(&format!("by-{number}/film.mkv"));
        assert!(got == server.place.read("share/film.mkv"));
    }
}

#[test]
fn a_torrent_beside_its_data_stands_for_it() {
    let place = Place::new();
    place.write("share/a.bin", "the data").write("share/b.bin", "more");
    place
        .gannet("create share/a.bin -o share/a.torrent --tracker http://127.0.0.1:9/announce")
        .ok();
    // Its data isn't there: sharing it would be downloading it.
    place.write("elsewhere/c.bin", "c").gannet("create elsewhere/c.bin -o share/c.torrent").ok();
    let server = Server::at(place, "share");
    let manifest = server.json("/gannet.json");
    assert_eq!(manifest["torrents"].as_array().unwrap().len(), 2);
    let torrent = Metainfo::parse(server.get("/torrents/a.bin.torrent").body.into()).unwrap();
    let own = server.url("/announce");
    assert_eq!(torrent.trackers, [vec![own], vec!["http://127.0.0.1:9/announce".to_owned()]]);
    server.until_state(&server.info_hash("a.bin"), "seeding");
}

#[test]
fn links_carry_the_name_that_was_asked() {
    let server = Server::with("--host files.example");
    let manifest = server.raw(
        "GET /gannet.json HTTP/1.1\r\nHost: files.example\r\n\
        X-Forwarded-Proto: https\r\n",
        "",
    );
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.body).unwrap();
    assert_eq!(manifest["relays"][0], "wss://files.example");
    assert_eq!(manifest["trackers"][0], "https://files.example/announce");
}

#[test]
fn the_tracker_names_the_seeder_inside() {
    let server = Server::start();
    let hash = server.info_hash("film.mkv");
    server.until_state(&hash, "seeding");
    let request = AnnounceRequest::first(hash.parse().unwrap(), PeerId::new([7; 20]), 5000, 1);
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = AnnounceResponse::decode(&server.get(&request.to_url("/announce")).body);
        let answer = answer.unwrap();
        if answer.complete == Some(1) {
            assert_eq!(answer.peers.len(), 1);
            return;
        }
        assert!(Instant::now() < end, "{answer:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn without_a_page_the_server_says_how_it_is_built() {
    // The test's binary may have a page or not: either way something stands at `/`.
    let index = Server::start().get("/");
    assert_eq!(index.status, 200);
    assert!(index.head.contains("content-security-policy: default-src 'none'"), "{}", index.head);
    assert!(index.head.contains("x-content-type-options: nosniff"));
}

#[test]
fn a_page_in_a_folder_is_served_and_nothing_beside_it() {
    let place = Place::new();
    place.write("www/index.html", "<!doctype html>mine").write("www/assets/a-1.js", "1");
    place.write("secret", "secret").write("x", "x");
    let server = Server::at(place, "x --www www");
    assert_eq!(server.get("/").body, b"<!doctype html>mine");
    assert!(server.get("/assets/a-1.js").head.contains("immutable"));
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/assets/../../secret",
        "/..%2fsecret",
        "/assets/..%5c..%5csecret",
        "//etc/passwd",
        "/torrents/../../secret",
        "/torrents/..%2f..%2fsecret.torrent",
        "/torrents/%2e%2e%2fx.torrent",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret\n"), "{path}");
    }
}

#[test]
fn operators_see_figures_of_all_parts_and_health() {
    let server = Server::start();
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    for figure in ["gannet_tracker_peers", "gannet_relay_data_sockets 0", "gannet_serve_torrents 2"]
    {
        assert!(metrics.contains(figure), "{figure} in\n{metrics}");
    }
    assert_eq!(metrics.matches("# EOF").count(), 1);
    assert!(metrics.ends_with("# EOF\n"));
    assert_eq!(server.json("/health")["status"], "ok");
}
