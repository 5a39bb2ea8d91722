//! What a stream through the relay keeps: every byte, in order, and no more in memory than a window.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gannet::relay::limits::WINDOW_BYTES;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::*;

const WINDOW: usize = WINDOW_BYTES as usize;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn megabytes_pass_in_both_directions_unchanged() {
    let relay = relay(|_| {}).await;
    let (mut socket, remote) = joined(&relay).await;
    let sent = pattern(8 * WINDOW);
    let (mut read, mut write) = remote.into_split();
    let expected = sent.clone();
    let down = tokio::spawn(async move { write.write_all(&expected).await.map(|()| write) });
    assert!(receive(&mut socket, sent.len()).await == sent);
    let _write = down.await.unwrap().unwrap();

    let up = tokio::spawn(async move {
        let mut received = vec![0; 8 * WINDOW];
        timeout(LIMIT, read.read_exact(&mut received)).await.unwrap().unwrap();
        received
    });
    // 68 bytes of the handshake were sent before, and may not have been credited yet.
    let mut allowance = WINDOW - 68;
    for part in sent.chunks(100_000) {
        while allowance < part.len() {
            let message = timeout(LIMIT, socket.next()).await.expect("credit").unwrap().unwrap();
            if let Message::Text(text) = message {
                allowance += text.parse::<usize>().unwrap();
            }
        }
        socket.send(Message::binary(part.to_vec())).await.unwrap();
        allowance -= part.len();
    }
    assert!(up.await.unwrap() == sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_gives_no_credit_stops_the_remote_and_goes_on_when_it_does() {
    let relay = relay(|_| {}).await;
    let (mut socket, mut remote) = joined(&relay).await;
    let sent = pattern(64 * WINDOW);
    let all = sent.clone();
    let mut writing = tokio::spawn(async move { remote.write_all(&all).await.map(|()| remote) });
    let mut received = Vec::new();
    while let Ok(message) = timeout(Duration::from_millis(500), socket.next()).await {
        if let Message::Binary(bytes) = message.unwrap().unwrap() {
            received.extend_from_slice(&bytes);
        }
    }
    // The handshake was received and credited.
    assert_eq!(received.len(), WINDOW, "as much as the window, and no byte more");
    assert!(timeout(Duration::from_millis(100), &mut writing).await.is_err(), "the remote waits");
    socket.send(Message::text(WINDOW.to_string())).await.unwrap();
    received.extend(receive(&mut socket, sent.len() - WINDOW).await);
    assert!(received == sent, "nothing was dropped");
    writing.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_sends_beyond_its_credit_is_closed() {
    let relay = relay(|_| {}).await;
    let (mut socket, _silent) = joined(&relay).await;
    let flood = async {
        // What the remote's socket takes is credited again, so more is needed than one window.
        for _ in 0..1000 {
            if socket.send(Message::binary(vec![0; 200_000])).await.is_err() {
                return;
            }
        }
    };
    timeout(LIMIT, flood).await.expect("the relay doesn't read on for ever");
    let end = timeout(LIMIT, async { while let Some(Ok(_)) = socket.next().await {} }).await;
    assert!(end.is_ok(), "closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_or_no_credit_ends_the_socket() {
    let relay = relay(|_| {}).await;
    for wrong in [Message::binary(vec![0; 256 * 1024 + 1]), Message::text("-1"), Message::text("x")]
    {
        let (mut socket, _remote) = joined(&relay).await;
        socket.send(wrong).await.unwrap();
        let end = timeout(LIMIT, async { while let Some(Ok(_)) = socket.next().await {} }).await;
        assert!(end.is_ok(), "closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_remote_sent_before_it_left_comes_before_the_close() {
    let relay = relay(|_| {}).await;
    let (mut socket, mut remote) = joined(&relay).await;
    let sent = pattern(WINDOW / 2);
    remote.write_all(&sent).await.unwrap();
    remote.shutdown().await.unwrap();
    assert!(receive(&mut socket, sent.len()).await == sent);
    assert_eq!(close_code(&mut socket).await, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_sent_before_it_left_reaches_the_remote() {
    let relay = relay(|_| {}).await;
    let (mut socket, mut remote) = joined(&relay).await;
    let sent = pattern(WINDOW / 2);
    for part in sent.chunks(200_000) {
        socket.send(Message::binary(part.to_vec())).await.unwrap();
    }
    socket.close(None).await.unwrap();
    let mut received = Vec::new();
    timeout(LIMIT, remote.read_to_end(&mut received)).await.unwrap().unwrap();
    assert!(received == sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_is_closed_after_its_time() {
    let idle = Duration::from_millis(300);
    let relay = relay(|config| config.limits.idle_timeout = idle).await;
    let (mut socket, _remote) = joined(&relay).await;
    assert_eq!(close_code(&mut socket).await, 4408);
}
