//! What a page says and hears on its control socket.

use futures_util::{SinkExt, StreamExt};
use gannet::{
    relay::Limits,
    tracker::{AllowList, Tracker, TrackerConfig},
};
use gannet_core::{announce::AnnounceRequest, id::PeerId};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::*;

async fn tracker() -> Tracker {
    let any = "127.0.0.1:0".parse().ok();
    let config = TrackerConfig { http: any, udp: any, ..TrackerConfig::default() };
    Tracker::start(config).await.unwrap()
}

fn announce(port: u16) -> AnnounceRequest {
    AnnounceRequest::first(HASH, PeerId::new([1; 20]), port, 0)
}

/// Announces a peer on loopback.
async fn register(tracker: &Tracker, port: u16) {
    let addr = tracker.http_addr().unwrap();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let path = announce(port).to_url("/announce");
    let request = format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
}

fn urls(tracker: &Tracker) -> [String; 2] {
    let http = format!("http://{}/announce", tracker.http_addr().unwrap());
    [http, format!("udp://{}", tracker.udp_addr().unwrap())]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_hears_of_the_peers_that_its_trackers_name_over_http_and_udp() {
    let (tracker, relay) = (tracker().await, relay(|_| {}).await);
    let (listener, addr) = listener().await;
    register(&tracker, addr.port()).await;
    for url in urls(&tracker) {
        let mut page = Page::join(&relay, json!({ "trackers": [url], "left": 100 })).await;
        // The page before may have left its swarm, and its tracker, only a moment ago.
        let mut answer = page.hear("tracker").await;
        while answer["url"] != json!(url) {
            answer = page.hear("tracker").await;
        }
        assert_eq!(answer["error"], json!(null));
        let peers = page.hear("peers").await;
        let named = peers["peers"].as_array().unwrap();
        let peer = named.iter().find(|peer| peer["addr"] == addr.to_string()).expect("it is named");
        let mut socket = data(&relay, peer["ticket"].as_str().unwrap()).await;
        socket.send(Message::binary(handshake(HASH))).await.unwrap();
        assert_eq!(read(&mut accept(&listener).await, 68).await, handshake(HASH));
        page.socket.close(None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_hears_once_of_all_pages_and_of_their_end() {
    let (tracker, relay) = (tracker().await, relay(|_| {}).await);
    let trackers = json!({ "trackers": [urls(&tracker)[0]], "left": 100 });
    let mut pages = Vec::new();
    for _ in 0..5 {
        pages.push(Page::join(&relay, trackers.clone()).await);
    }
    pages[0].hear("tracker").await;
    assert_eq!(tracker.store().scrape(&HASH).incomplete, 1);
    pages[1].say(json!({ "type": "update", "left": 0 })).await;
    until(|| tracker.store().scrape(&HASH).complete == 1).await;
    for page in &mut pages {
        page.socket.close(None).await.unwrap();
    }
    until(|| tracker.store().totals().torrents == 0 || tracker.store().scrape(&HASH).complete == 0)
        .await;
}

async fn until(mut done: impl FnMut() -> bool) {
    tokio::time::timeout(LIMIT, async {
        while !done() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it comes about");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_make_no_sense_are_answered_with_a_sentence_and_a_close() {
    let relay = relay(|_| {}).await;
    let hash = HASH.to_string();
    let join = json!({ "type": "join", "info_hash": hash });
    let other = json!({ "type": "join", "info_hash": "00".repeat(20) });
    let greedy = json!({ "type": "join", "info_hash": hash, "trackers": vec!["http://t/"; 33] });
    for (messages, code) in [
        (vec![json!({ "type": "more" })], "bad_message"),
        (vec![json!({ "type": "join", "info_hash": "xyz" })], "bad_message"),
        (vec![json!([1, 2])], "bad_message"),
        (vec![greedy], "bad_message"),
        (vec![join.clone(), other], "bad_info_hash"),
        (vec![join.clone(), json!({ "type": "dial", "addrs": ["localhost:80"] })], "bad_message"),
    ] {
        let mut page = Page { socket: connect(&relay, "/v1/swarm").await };
        for message in &messages {
            page.say(message.clone()).await;
        }
        let error = page.hear("error").await;
        assert_eq!(error["code"], code, "{messages:?}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(close_code(&mut page.socket).await, 4400);
    }
    let mut page = Page { socket: connect(&relay, "/v1/swarm").await };
    page.say(json!({ "type": "of tomorrow" })).await;
    page.say(join).await;
    page.hear("joined").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_says_too_much_at_once_is_closed() {
    let relay = relay(|_| {}).await;
    let mut socket = connect(&relay, "/v1/swarm").await;
    let _ = socket.send(Message::text("x".repeat(70_000))).await;
    let end = async { while let Some(Ok(_)) = socket.next().await {} };
    tokio::time::timeout(LIMIT, end).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_torrents_on_the_list_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    std::fs::write(&list, "00".repeat(20)).unwrap();
    let relay = relay(|config| config.allow_list = AllowList::open(&list).unwrap()).await;
    let mut page = Page { socket: connect(&relay, "/v1/swarm").await };
    page.say(json!({ "type": "join", "info_hash": HASH.to_string() })).await;
    assert_eq!(page.hear("error").await["code"], "not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_swarms_and_sockets() {
    let limits = Limits { max_swarms: 1, max_connections_per_address: 3, ..Limits::default() };
    let relay = relay(|config| config.limits = limits).await;
    let _first = Page::join(&relay, json!({})).await;
    let mut second = Page { socket: connect(&relay, "/v1/swarm").await };
    second.say(json!({ "type": "join", "info_hash": "00".repeat(20) })).await;
    assert_eq!(second.hear("error").await["code"], "too_many");
    let _third = connect(&relay, "/v1/swarm").await;
    let _fourth = try_connect(&relay, "/v1/swarm", None).await;
    assert!(try_connect(&relay, "/v1/swarm", None).await.is_err(), "the address has its share");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_one_address_take_part_in_only_so_many_swarms_at_a_time() {
    let limits = Limits { max_swarms_per_address: 2, ..Limits::default() };
    let relay = relay(|config| config.limits = limits).await;
    let first = Page::join(&relay, json!({})).await;
    let _second = Page::join(&relay, json!({ "info_hash": "00".repeat(20) })).await;
    let mut third = Page { socket: connect(&relay, "/v1/swarm").await };
    third.say(json!({ "type": "join", "info_hash": "11".repeat(20) })).await;
    assert_eq!(third.hear("error").await["code"], "too_many");
    assert_eq!(close_code(&mut third.socket).await, 4429);
    drop(first);
    // Its place is free once the relay has seen that it left.
    tokio::time::timeout(LIMIT, async {
        loop {
            let mut next = Page { socket: connect(&relay, "/v1/swarm").await };
            next.say(json!({ "type": "join", "info_hash": "11".repeat(20) })).await;
            if next.any().await["type"] == "joined" {
                return;
            }
        }
    })
    .await
    .expect("there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_never_reads_what_it_is_told_is_closed() {
    let limits = Limits { max_named_per_minute: u32::MAX, ..Limits::default() };
    let relay = relay(|config| config.limits = limits).await;
    let mut page = Page::join(&relay, json!({})).await;
    let addrs: Vec<_> = (0..50).map(|host| format!("127.0.0.{host}:6881")).collect();
    let dial = Message::text(json!({ "type": "dial", "addrs": addrs }).to_string());
    // Each is answered with ten times as much. What the system holds for it isn't unread by the relay.
    const DIALS: usize = 3000;
    let ask = async {
        for _ in 0..DIALS {
            if page.socket.send(dial.clone()).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(LIMIT, ask).await.expect("the relay reads on, or has closed");
    let mut answers = 0;
    let code = tokio::time::timeout(LIMIT, async {
        loop {
            match page.socket.next().await {
                Some(Ok(Message::Text(_))) => answers += 1,
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    })
    .await
    .expect("closed");
    assert!(answers < DIALS, "it was told everything");
    assert!(matches!(code, Some(4429) | None), "{code:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_drains_says_so_and_lets_streams_end() {
    let relay = relay(|_| {}).await;
    let mut page = Page::join(&relay, json!({})).await;
    let (mut socket, mut remote) = joined(&relay).await;
    let addr = relay.addr();
    let drained = tokio::spawn(relay.drain(LIMIT));
    assert_eq!(page.hear("error").await["code"], "shutdown");
    assert_eq!(close_code(&mut page.socket).await, 1001);
    remote.write_all(b"still here").await.unwrap();
    assert_eq!(receive(&mut socket, 10).await, b"still here");
    drop(remote);
    assert_eq!(close_code(&mut socket).await, 1000);
    socket.close(None).await.ok();
    drop(socket);
    tokio::time::timeout(LIMIT, drained).await.expect("nothing is left").unwrap();
    assert!(TcpStream::connect(addr).await.is_err());
}
