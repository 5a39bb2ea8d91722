//! What a relay must not be used for.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::SinkExt;
use gannet::relay::{Limits, limits::PEER_LIMIT};
use gannet_core::id::InfoHash;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpListener, time::Instant};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::*;

const UNREACHABLE: u16 = 4404;

/// How a dial of `addr` ends, and after how long.
async fn dial(relay: &gannet::relay::Relay, addr: SocketAddr) -> (u16, Duration) {
    let mut page = Page::join(relay, json!({})).await;
    let mut socket = data(relay, &page.ticket(addr).await).await;
    let start = Instant::now();
    socket.send(Message::binary(handshake(HASH))).await.unwrap();
    (close_code(&mut socket).await, start.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_filtered_and_forbidden_look_the_same_in_words_and_in_time() {
    let public = relay(|config| config.allowed.clear()).await;
    let local = relay(|_| {}).await;
    let (_listening, open) = listener().await;
    let closed = {
        let (listener, addr) = listener().await;
        drop(listener);
        addr
    };
    let low: SocketAddr = "127.0.0.1:22".parse().unwrap();
    let other = |text: &str| text.parse::<SocketAddr>().unwrap();
    let dials = [
        (&public, open),
        (&public, other("10.0.0.1:6881")),
        (&public, other("169.254.169.254:8080")),
        (&public, other("[::1]:6881")),
        (&public, SocketAddr::new("::ffff:127.0.0.1".parse().unwrap(), open.port())),
        (&public, other("[64:ff9b::7f00:1]:6881")),
        (&public, other("[fe80::1]:6881")),
        (&local, closed),
        (&local, open),
        (&local, low),
    ];
    let ends = dials.map(|(relay, addr)| dial(relay, addr));
    let ends = futures_util::future::join_all(ends).await;
    for ((_, addr), (code, time)) in dials.iter().zip(ends) {
        assert_eq!(code, UNREACHABLE, "{addr}");
        let late = time.saturating_sub(PEER_LIMIT);
        assert!(time >= PEER_LIMIT - Duration::from_millis(100), "{addr}: {time:?}");
        assert!(late < Duration::from_secs(3), "{addr}: {time:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_forbidden_is_connected_to() {
    let public = relay(|config| config.allowed.clear()).await;
    let (listening, open) = listener().await;
    let mapped = SocketAddr::new("::ffff:127.0.0.1".parse().unwrap(), open.port());
    for addr in [open, mapped] {
        let mut page = Page::join(&public, json!({})).await;
        let mut socket = data(&public, &page.ticket(addr).await).await;
        socket.send(Message::binary(handshake(HASH))).await.unwrap();
    }
    let connected = tokio::time::timeout(Duration::from_millis(500), listening.accept()).await;
    assert!(connected.is_err(), "the relay has connected to loopback");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_that_is_not_public_is_never_asked_nor_one_that_redirects_to_it() {
    let (inside, inside_addr) = listener().await;
    let public = relay(|config| config.allowed.clear()).await;
    let urls = [
        format!("http://{inside_addr}/announce"),
        format!("http://localhost:{}/announce", inside_addr.port()),
        format!("udp://localhost:{}", inside_addr.port()),
        format!("http://[::ffff:127.0.0.1]:{}/announce", inside_addr.port()),
    ];
    let mut page = Page::join(&public, json!({ "trackers": urls })).await;
    // One over UDP is silent for longer than this test may take.
    for _ in 0..3 {
        assert!(page.hear("tracker").await["error"].is_string());
    }
    // This one may be asked, but what it leads to may not.
    let elsewhere = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let url = format!("http://{}/announce", elsewhere.local_addr().unwrap());
    let half = relay(|config| config.allowed = vec!["127.0.0.2/32".parse().unwrap()]).await;
    let mut page = Page::join(&half, json!({ "trackers": [url] })).await;
    let mut asked = accept(&elsewhere).await;
    read(&mut asked, 16).await;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{inside_addr}/\r\nContent-Length: 0\r\n\r\n"
    );
    asked.write_all(answer.as_bytes()).await.unwrap();
    assert!(page.hear("tracker").await["error"].is_string());
    let connected = tokio::time::timeout(Duration::from_millis(300), inside.accept()).await;
    assert!(connected.is_err(), "the relay has asked a tracker on loopback");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_is_forged_changed_or_of_another_relay_is_refused() {
    let (one, other) = (relay(|_| {}).await, relay(|_| {}).await);
    let ticket = Page::join(&one, json!({})).await.ticket("127.0.0.1:6881".parse().unwrap()).await;
    let mut changed = ticket.clone().into_bytes();
    changed[60] ^= 1;
    let changed = String::from_utf8(changed).unwrap();
    for (relay, ticket) in
        [(&other, ticket.as_str()), (&one, &changed), (&one, ""), (&one, &"A".repeat(10_000))]
    {
        assert_eq!(close_code(&mut data(relay, ticket).await).await, 4401, "{ticket}");
    }
}

/// A ticket as `docs/relay-protocol.md` has it, made by somebody who knows the key.
fn ticket(key: &[u8], addr: SocketAddr, expiry_seconds: u64) -> String {
    let SocketAddr::V4(addr) = addr else { panic!("IPv4") };
    let mut bytes = vec![1, 1];
    bytes.extend(expiry_seconds.to_be_bytes());
    bytes.extend(HASH.as_bytes());
    bytes.extend(addr.ip().to_ipv6_mapped().octets());
    bytes.extend(addr.port().to_be_bytes());
    bytes.push(0);
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, &bytes);
    bytes.extend(tag.as_ref());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_has_expired_is_refused_and_one_that_has_not_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "5a".repeat(32)).unwrap();
    let relay = relay(|config| config.key = key(&folder)).await;
    let (listener, addr) = listener().await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let expired = ticket(&[0x5a; 32], addr, now - 2);
    assert_eq!(close_code(&mut data(&relay, &expired).await).await, 4401);
    let mut socket = data(&relay, &ticket(&[0x5a; 32], addr, now + 60)).await;
    socket.send(Message::binary(handshake(HASH))).await.unwrap();
    assert_eq!(read(&mut accept(&listener).await, 68).await, handshake(HASH));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_speaks_anything_but_bittorrent_reaches_nobody() {
    let relay = relay(|_| {}).await;
    let (listener, addr) = listener().await;
    let mut page = Page::join(&relay, json!({})).await;
    for first in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        handshake(InfoHash::new([1; 20])),
        vec![0; 100],
    ] {
        let mut socket = data(&relay, &page.ticket(addr).await).await;
        socket.send(Message::binary(first)).await.unwrap();
        assert_eq!(close_code(&mut socket).await, 4400);
        // It may have been dialled already, but it hears nothing.
        if let Ok(Ok((mut remote, _))) =
            tokio::time::timeout(Duration::from_millis(200), listener.accept()).await
        {
            let mut heard = Vec::new();
            use tokio::io::AsyncReadExt;
            let _ = tokio::time::timeout(LIMIT, remote.read_to_end(&mut heard)).await;
            assert!(heard.is_empty(), "{heard:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_remote_that_is_no_peer_reaches_the_page() {
    let relay = relay(|_| {}).await;
    let answers: [&[u8]; 4] = [
        b"SSH-2.0-OpenSSH_9.2\r\nand more, so that it is long enough to be looked at as a whole",
        b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n0123456789012345678901234567890123456789",
        &handshake(InfoHash::new([1; 20])),
        b"",
    ];
    let mut ends = Vec::new();
    for answer in answers {
        let (listener, addr) = listener().await;
        let mut page = Page::join(&relay, json!({})).await;
        let mut socket = data(&relay, &page.ticket(addr).await).await;
        socket.send(Message::binary(handshake(HASH))).await.unwrap();
        let mut remote = accept(&listener).await;
        remote.write_all(answer).await.unwrap();
        // Panics if bytes come.
        ends.push(async move { close_code(&mut socket).await });
    }
    assert_eq!(futures_util::future::join_all(ends).await, [UNREACHABLE; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_origin_is_turned_away_before_the_upgrade() {
    let relay = relay(|config| config.origins = vec!["https://good.example".to_owned()]).await;
    for path in ["/v1/swarm", "/v1/peer"] {
        assert!(try_connect(&relay, path, Some("https://good.example")).await.is_ok());
        assert!(try_connect(&relay, path, None).await.is_ok(), "not a page");
        for origin in ["https://evil.example", "null", "https://good.example.evil.example"] {
            let error = try_connect(&relay, path, Some(origin)).await.unwrap_err();
            assert!(matches!(&*error, Error::Http(answer) if answer.status() == 403), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_no_announce_named_have_a_small_budget() {
    let limits = Limits { max_named_per_minute: 3, ..Limits::default() };
    let relay = relay(|config| config.limits = limits).await;
    let mut page = Page::join(&relay, json!({})).await;
    let addrs: Vec<SocketAddr> = (0..50).map(|host| ([127, 0, 0, host], 6881).into()).collect();
    page.say(json!({ "type": "dial", "addrs": addrs })).await;
    assert_eq!(page.hear("peers").await["peers"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_dialled_only_so_often_whoever_asks() {
    let limits = Limits { max_dials_per_target: 2, ..Limits::default() };
    let relay = relay(|config| config.limits = limits).await;
    let (listener, addr) = listener().await;
    for _ in 0..4 {
        let mut page = Page::join(&relay, json!({})).await;
        let mut socket = data(&relay, &page.ticket(addr).await).await;
        socket.send(Message::binary(handshake(HASH))).await.unwrap();
        tokio::spawn(async move { close_code(&mut socket).await });
    }
    let mut dials = 0;
    while tokio::time::timeout(Duration::from_secs(1), listener.accept()).await.is_ok() {
        dials += 1;
    }
    assert_eq!(dials, 2);
}
