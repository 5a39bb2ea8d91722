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
async fn a_message_that_is_too_long_or_no_credit_breaks_the_protocol() {
    let relay = relay(|_| {}).await;
    for wrong in [Message::binary(vec![0; 256 * 1024 + 1]), Message::text("-1"), Message::text("x")]
    {
        let (mut socket, _remote) = joined(&relay).await;
        socket.send(wrong).await.unwrap();
        assert_eq!(close_code(&mut socket).await, 4400);
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
async fn a_remote_that_says_no_more_still_gets_what_the_page_has_sent() {
    let relay = relay(|_| {}).await;
    let (mut socket, mut remote) = joined(&relay).await;
    // More than the systems between them hold, so that some is still in the relay when it ends.
    let (mut sent, mut allowance) = (Vec::new(), WINDOW - 68);
    loop {
        let part = vec![(sent.len() / 65_536) as u8; 65_536];
        while allowance < part.len() {
            match timeout(Duration::from_millis(500), socket.next()).await {
                Ok(Some(Ok(Message::Text(credit)))) => {
                    allowance += credit.parse::<usize>().unwrap();
                }
                Ok(other) => panic!("{other:?}"),
                Err(_) => break,
            }
        }
        if allowance < part.len() {
            break;
        }
        allowance -= part.len();
        sent.extend_from_slice(&part);
        socket.send(Message::binary(part)).await.unwrap();
    }
    remote.shutdown().await.unwrap();
    assert_eq!(close_code(&mut socket).await, 1000);
    let mut received = Vec::new();
    let (_, read) = tokio::join!(
        // The client answers the close once it is asked for more.
        timeout(LIMIT, async { while let Some(Ok(_)) = socket.next().await {} }),
        timeout(LIMIT, remote.read_to_end(&mut received)),
    );
    read.unwrap().unwrap();
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_tiny_messages_and_questions_arrives_like_any_stream() {
    let relay = relay(|_| {}).await;
    let (mut socket, mut remote) = joined(&relay).await;
    for byte in 0..20_000_u32 {
        socket.feed(Message::binary(vec![byte as u8])).await.unwrap();
        if byte % 100 == 0 {
            socket.feed(Message::Ping(vec![byte as u8].into())).await.unwrap();
        }
    }
    socket.flush().await.unwrap();
    let expected: Vec<u8> = (0..20_000_u32).map(|byte| byte as u8).collect();
    assert!(read(&mut remote, 20_000).await == expected);
    let answered = timeout(LIMIT, async {
        while !matches!(socket.next().await, Some(Ok(Message::Pong(_)))) {}
    });
    answered.await.expect("at least the last question is answered");
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
