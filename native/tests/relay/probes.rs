//! What a page could learn of addresses, or lose of its stream, by an odd order of things.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gannet::relay::{Relay, limits::PEER_LIMIT};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::support::*;

/// Long enough for a relay to have dialled, and to know.
const PAUSE: Duration = Duration::from_millis(300);

/// A relay that refuses a peer, and one that waits for it.
async fn refusing_and_waiting() -> [Relay; 2] {
    [relay(|config| config.allowed.clear()).await, relay(|_| {}).await]
}

/// How a data socket ends that sends this, with a pause before each message, and after how long.
async fn end(relay: &Relay, messages: Vec<Message>) -> (u16, Duration) {
    let (_silent, addr) = listener().await;
    let mut page = Page::join(relay, json!({})).await;
    let mut socket = data(relay, &page.ticket(addr).await).await;
    let start = Instant::now();
    for message in messages {
        sleep(PAUSE).await;
        socket.send(message).await.unwrap();
    }
    (close_code(&mut socket).await, start.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_handshake_does_not_tell_whether_its_target_is_refused() {
    for relay in refusing_and_waiting().await {
        let (code, time) = end(&relay, vec![Message::binary(vec![0; 68])]).await;
        assert_eq!(code, 4400);
        assert!(time < PEER_LIMIT, "{time:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_after_a_handshake_does_not_tell_whether_its_target_is_refused() {
    let relays = refusing_and_waiting().await;
    let messages = || vec![Message::binary(handshake(HASH)), Message::text("rubbish")];
    let (refused, waiting) = tokio::join!(end(&relays[0], messages()), end(&relays[1], messages()));
    for (code, time) in [refused, waiting] {
        assert_eq!(code, 4404);
        assert!(time >= PEER_LIMIT - Duration::from_millis(100), "{time:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_never_ends_is_given_up_without_a_reason() {
    for relay in refusing_and_waiting().await {
        let (code, _) = end(&relay, vec![Message::binary(handshake(HASH)[..47].to_vec())]).await;
        assert_eq!(code, 4404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_never_says_what_it_wants_is_closed() {
    let relay = relay(|_| {}).await;
    let mut silent = connect(&relay, "/v1/peer").await;
    let mut asking = connect(&relay, "/v1/swarm").await;
    asking.send(Message::text(r#"{"type":"of tomorrow"}"#)).await.unwrap();
    let (silent, asking) = tokio::join!(close_code(&mut silent), close_code(&mut asking));
    assert_eq!((silent, asking), (4408, 4408));
}

/// Both ends of a stream between two pages, handshakes behind them.
async fn two_pages(relay: &Relay) -> [Socket; 2] {
    let mut first = Page::join(relay, json!({})).await;
    let mut second = Page::join(relay, json!({})).await;
    let peers = second.hear("peers").await;
    let mut dialling = data(relay, peers["peers"][0]["ticket"].as_str().unwrap()).await;
    dialling.send(Message::binary(handshake(HASH))).await.unwrap();
    let incoming = first.hear("incoming").await;
    let mut accepting = data(relay, incoming["ticket"].as_str().unwrap()).await;
    accepting.send(Message::binary(handshake(HASH))).await.unwrap();
    receive(&mut accepting, 68).await;
    receive(&mut dialling, 68).await;
    [dialling, accepting]
}

/// Sends for as long as there is credit for it; what was sent.
async fn send_all_it_may(socket: &mut Socket) -> Vec<u8> {
    const PART: usize = 64 * 1024;
    let mut sent = Vec::new();
    let mut allowance = 1024 * 1024 - 68;
    loop {
        while allowance >= PART {
            let part = vec![(sent.len() / PART) as u8; PART];
            socket.send(Message::binary(part.clone())).await.unwrap();
            sent.extend(part);
            allowance -= PART;
        }
        match timeout(2 * PAUSE, socket.next()).await {
            Ok(Some(Ok(Message::Text(credit)))) => allowance += credit.parse::<usize>().unwrap(),
            Ok(Some(Ok(_))) => {}
            Ok(end) => panic!("the stream ended: {end:?}"),
            Err(_) => return sent,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_sent_before_it_left_reaches_a_remote_that_is_slow_and_goes_on_talking() {
    let relay = relay(|_| {}).await;
    let [mut leaving, mut slow] = two_pages(&relay).await;
    let sent = send_all_it_may(&mut leaving).await;
    leaving.close(None).await.unwrap();
    sleep(PAUSE).await;
    // The relay can't pass this on any more.
    slow.send(Message::binary(vec![1; 1000])).await.unwrap();
    sleep(PAUSE).await;
    assert!(receive(&mut slow, sent.len()).await == sent);
    assert_eq!(close_code(&mut slow).await, 1000);
}
