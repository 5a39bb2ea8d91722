//! Pages that peers connect to, pages that find each other, and relays that share a key.

use futures_util::{SinkExt, future::join_all};
use gannet::relay::limits::PEER_LIMIT;
use gannet_core::id::InfoHash;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_connects_to_a_page_that_wants_to_be_reachable() {
    let relay = relay(|config| config.ports = Some(20_000..=60_000)).await;
    let mut page = Page::join(&relay, json!({ "reachable": true })).await;
    let reachable = page.hear("reachable").await;
    let mut peer = TcpStream::connect(reachable["addr"].as_str().unwrap()).await.unwrap();
    let first = [handshake(HASH), b"and more".to_vec()].concat();
    peer.write_all(&first).await.unwrap();
    let incoming = page.hear("incoming").await;
    assert_eq!(incoming["addr"], peer.local_addr().unwrap().to_string());
    let mut socket = data(&relay, incoming["ticket"].as_str().unwrap()).await;
    socket.send(Message::binary(handshake(HASH))).await.unwrap();
    assert_eq!(receive(&mut socket, first.len()).await, first);
    assert_eq!(read(&mut peer, 68).await, handshake(HASH));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_that_is_no_peer_never_gets_to_a_page() {
    let relay = relay(|config| config.ports = Some(20_000..=60_000)).await;
    let mut page = Page::join(&relay, json!({ "reachable": true })).await;
    let addr = page.hear("reachable").await["addr"].as_str().unwrap().to_owned();
    for first in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), handshake(InfoHash::new([1; 20]))] {
        let mut stranger = TcpStream::connect(&addr).await.unwrap();
        stranger.write_all(&first).await.unwrap();
        let mut end = [0; 1];
        assert!(matches!(stranger.read(&mut end).await, Ok(0) | Err(_)), "closed");
    }
    let mut peer = TcpStream::connect(&addr).await.unwrap();
    peer.write_all(&handshake(HASH)).await.unwrap();
    let incoming = page.hear("incoming").await;
    assert_eq!(incoming["addr"], peer.local_addr().unwrap().to_string(), "the first that is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_whose_handshake_never_ends_is_closed() {
    let relay = relay(|config| config.ports = Some(20_000..=60_000)).await;
    let mut page = Page::join(&relay, json!({ "reachable": true })).await;
    let addr = page.hear("reachable").await["addr"].as_str().unwrap().to_owned();
    let mut strangers = Vec::new();
    for begun in [0, 1, 47] {
        let mut stranger = TcpStream::connect(&addr).await.unwrap();
        stranger.write_all(&handshake(HASH)[..begun]).await.unwrap();
        strangers.push(async move { stranger.read(&mut [0; 1]).await });
    }
    for end in timeout(LIMIT, join_all(strangers)).await.expect("they are given up") {
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_ports_says_that_nobody_can_connect() {
    let relay = relay(|_| {}).await;
    let mut page = Page::join(&relay, json!({ "reachable": true })).await;
    assert_eq!(page.hear("reachable").await["addr"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_one_relay_are_joined_within_it() {
    let relay = relay(|config| config.allowed.clear()).await;
    let mut first = Page::join(&relay, json!({})).await;
    let mut second = Page::join(&relay, json!({})).await;
    let peers = second.hear("peers").await;
    let ticket = peers["peers"][0]["ticket"].as_str().unwrap();
    assert!(peers["peers"][0]["addr"].as_str().unwrap().starts_with("[100::"));
    let mut dialling = data(&relay, ticket).await;
    dialling.send(Message::binary(handshake(HASH))).await.unwrap();
    let incoming = first.hear("incoming").await;
    let mut accepting = data(&relay, incoming["ticket"].as_str().unwrap()).await;
    accepting.send(Message::binary(handshake(HASH))).await.unwrap();
    assert_eq!(receive(&mut accepting, 68).await, handshake(HASH));
    assert_eq!(receive(&mut dialling, 68).await, handshake(HASH));
    accepting.send(Message::binary(vec![7; 100_000])).await.unwrap();
    assert_eq!(receive(&mut dialling, 100_000).await, vec![7; 100_000]);
    // Once taken, it is gone.
    let mut again = data(&relay, incoming["ticket"].as_str().unwrap()).await;
    again.send(Message::binary(handshake(HASH))).await.unwrap();
    assert_eq!(close_code(&mut again).await, 4404);
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_with_one_key_take_each_others_tickets_and_one_survives_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let one = relay(|config| config.key = key(&folder)).await;
    let other = relay(|config| config.key = key(&folder)).await;
    let (listener, addr) = listener().await;
    let ticket = Page::join(&one, json!({})).await.ticket(addr).await;
    let (_streaming, _remote) = joined(&one).await;
    drop(one);
    let mut socket = data(&other, &ticket).await;
    socket.send(Message::binary(handshake(HASH))).await.unwrap();
    let mut remote = accept(&listener).await;
    remote.write_all(&handshake(HASH)).await.unwrap();
    assert_eq!(receive(&mut socket, 68).await, handshake(HASH));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_no_page_takes_is_let_go() {
    let relay = relay(|config| config.ports = Some(20_000..=60_000)).await;
    let mut page = Page::join(&relay, json!({ "reachable": true })).await;
    let addr = page.hear("reachable").await["addr"].as_str().unwrap().to_owned();
    let mut peer = TcpStream::connect(&addr).await.unwrap();
    peer.write_all(&handshake(HASH)).await.unwrap();
    let incoming = page.hear("incoming").await;
    tokio::time::sleep(PEER_LIMIT + std::time::Duration::from_secs(1)).await;
    // The next one to come makes room.
    let mut next = TcpStream::connect(&addr).await.unwrap();
    next.write_all(&handshake(HASH)).await.unwrap();
    page.hear("incoming").await;
    let mut late = data(&relay, incoming["ticket"].as_str().unwrap()).await;
    late.send(Message::binary(handshake(HASH))).await.unwrap();
    assert_eq!(close_code(&mut late).await, 4404);
}
