//! What a page can't do by naming trackers: look around, or have others asked without end.

use std::{net::SocketAddr, time::Duration};

use futures_util::StreamExt;
use gannet::relay::{Limits, limits::TRACKER_LIMIT};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, timeout},
};

use crate::support::*;

/// How a tracker is told of to the page that named it, and after how long.
async fn outcome(relay: &gannet::relay::Relay, url: String) -> (serde_json::Value, Duration) {
    let start = Instant::now();
    let mut page = Page::join(relay, json!({ "trackers": [url] })).await;
    loop {
        // Pages of one swarm hear of each other's trackers.
        let said = page.hear("tracker").await;
        if said["url"] == url {
            return (said["error"].clone(), start.elapsed());
        }
    }
}

/// A server that says this to whoever asks.
async fn server(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (addr, answer) = (listener.local_addr().unwrap(), answer.into());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(&answer).await;
                // Open until the relay closes it.
                while matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {}
            });
        }
    });
    addr
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

async fn closed() -> SocketAddr {
    let (listener, addr) = listener().await;
    drop(listener);
    addr
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_no_tracker_looks_the_same_in_words_and_in_time() {
    let relay = relay(|_| {}).await;
    let url = |addr: SocketAddr| format!("http://{addr}/announce");
    let open = server(http("200 OK", "hello")).await;
    let leads =
        format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", url(open));
    let forbidden = "HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n";
    let urls = [
        url(closed().await),
        url(server("").await),
        url(server("SSH-2.0-OpenSSH_9.2\r\n").await),
        url(open),
        url(server(http("404 Not Found", "")).await),
        url(server(http("503 Service Unavailable", "d8:intervali9ee")).await),
        url(server(leads).await),
        url(server(forbidden).await),
        // TLS that isn't.
        url(open).replace("http:", "https:"),
        "http://10.0.0.1/announce".to_owned(),
        "http://169.254.169.254/latest".to_owned(),
        "http://[::1]:6969/announce".to_owned(),
        "http://nowhere.invalid/announce".to_owned(),
    ];
    let outcomes = urls.clone().map(|url| outcome(&relay, url));
    let outcomes = futures_util::future::join_all(outcomes).await;
    for (url, (error, time)) in urls.iter().zip(outcomes) {
        assert_eq!(error, "no answer of a tracker in time", "{url}");
        assert!(time >= TRACKER_LIMIT - Duration::from_millis(100), "{url}: {time:?}");
        assert!(time < TRACKER_LIMIT + Duration::from_secs(4), "{url}: {time:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tracker_itself_says_is_told_at_once() {
    let relay = relay(|_| {}).await;
    let refusing = server(http("200 OK", "d14:failure reason4:no.xe")).await;
    let answer = outcome(&relay, format!("http://{refusing}/announce"));
    let (error, _) = timeout(TRACKER_LIMIT / 2, answer).await.expect("it needn't wait");
    assert_eq!(error, "the tracker says: no.x");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_asked_only_so_often_however_many_trackers_are_named_there() {
    let limits = Limits { max_announces_per_target: 3, ..Limits::default() };
    let relay = relay(|config| config.limits = limits).await;
    let (listener, addr) = listener().await;
    let urls: Vec<_> = (0..20).map(|path| format!("http://{addr}/{path}")).collect();
    let _page = Page::join(&relay, json!({ "trackers": urls })).await;
    let mut asked = Vec::new();
    while let Ok(accepted) = timeout(Duration::from_secs(1), listener.accept()).await {
        asked.push(accepted);
    }
    assert_eq!(asked.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_one_address_name_only_so_many_trackers() {
    let limits = Limits { max_trackers_per_minute: 10, ..Limits::default() };
    let relay = relay(|config| config.limits = limits).await;
    let urls = |round: usize| -> Vec<_> {
        (0..8).map(|path| format!("http://10.0.0.1/{round}/{path}")).collect()
    };
    let mut page = Page::join(&relay, json!({ "trackers": urls(0) })).await;
    let again = json!({ "type": "join", "info_hash": HASH.to_string(), "trackers": urls(1) });
    page.say(again).await;
    assert_eq!(page.hear("error").await["code"], "too_many");
    assert_eq!(close_code(&mut page.socket).await, 4429);
    assert!(page.socket.next().await.is_none());
}
