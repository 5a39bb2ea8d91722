//! A relay's HTTP side: what it says of itself, TLS, and connections that never come to the point.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::SinkExt;
use gannet::{
    relay::{Limits, Relay, limits::HEAD_TIMEOUT},
    tracker::TrustedProxies,
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message},
};

use crate::support::*;

/// The answer to a plain request, as a whole.
async fn get(relay: &Relay, path: &str) -> String {
    let mut stream = TcpStream::connect(relay.addr()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(LIMIT, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_runs_is_healthy_and_counts_what_it_does() {
    let relay = relay(|_| {}).await;
    assert!(get(&relay, "/health").await.starts_with("HTTP/1.1 200"));
    let (mut socket, mut remote) = joined(&relay).await;
    remote.write_all(&[7; 1000]).await.unwrap();
    receive(&mut socket, 1000).await;
    socket.send(Message::binary(vec![8; 500])).await.unwrap();
    read(&mut remote, 500).await;
    let figures = get(&relay, "/metrics").await;
    for line in [
        "gannet_relay_data_sockets 1",
        "gannet_relay_dials_total{outcome=\"reached\"} 1",
        // The handshake is part of what came from the remote, and isn't counted from the page.
        "gannet_relay_to_pages_bytes_total 1068",
        "gannet_relay_from_pages_bytes_total 500",
    ] {
        assert!(figures.contains(line), "{line} in {figures}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_by_their_reason() {
    let relay = relay(|config| config.origins = vec!["https://good.example".to_owned()]).await;
    assert!(try_connect(&relay, "/v1/peer", Some("https://evil.example")).await.is_err());
    assert_eq!(close_code(&mut data(&relay, "forged").await).await, 4401);
    let figures = get(&relay, "/metrics").await;
    for reason in ["origin", "ticket"] {
        let line = format!("gannet_relay_refusals_total{{reason=\"{reason}\"}} 1");
        assert!(figures.contains(&line), "{line} in {figures}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_asks_for_no_websocket_gets_none() {
    let relay = relay(|_| {}).await;
    for path in ["/v1/peer", "/v1/swarm"] {
        let answer = get(&relay, path).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_of_a_proxy_that_is_trusted_has_its_own_share_and_nobody_else_can_pretend() {
    let limits = Limits { max_connections_per_address: 1, ..Limits::default() };
    let networks = vec!["127.0.0.0/8".parse().unwrap()];
    let trusting = relay(|config| {
        config.limits = limits.clone();
        config.proxies = TrustedProxies::new(networks);
    })
    .await;
    let _one = try_connect_for(&trusting, "198.51.100.1").await.unwrap();
    let _other = try_connect_for(&trusting, "203.0.113.9, 198.51.100.2").await.unwrap();
    for again in ["198.51.100.1", "203.0.113.9, 198.51.100.2"] {
        let error = try_connect_for(&trusting, again).await.unwrap_err();
        assert!(matches!(&*error, Error::Http(answer) if answer.status() == 429), "{error}");
    }
    let plain = relay(|config| config.limits = limits).await;
    let _one = try_connect_for(&plain, "198.51.100.1").await.unwrap();
    assert!(try_connect_for(&plain, "198.51.100.2").await.is_err(), "it is the same client");
}

/// Until the relay ends this connection; panics if it takes much longer than it may.
async fn until_ended(mut stream: TcpStream) {
    let limit = HEAD_TIMEOUT + Duration::from_secs(5);
    let end =
        timeout(limit, async { while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {} });
    end.await.expect("the relay has ended it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_head_never_ends_is_given_up() {
    let relay = relay(|_| {}).await;
    let mut begun = TcpStream::connect(relay.addr()).await.unwrap();
    begun.write_all(b"GET /v1/peer HTTP/1.1\r\nUpgrade: websocket\r\n").await.unwrap();
    let silent = TcpStream::connect(relay.addr()).await.unwrap();
    let (mut reading, mut writing) = TcpStream::connect(relay.addr()).await.unwrap().into_split();
    // One that goes on for ever, a line at a time, is no better off.
    let drip = tokio::spawn(async move {
        while writing.write_all(b"X-More: and more\r\n").await.is_ok() {
            sleep(Duration::from_millis(500)).await;
        }
    });
    let dripped = async { while matches!(reading.read(&mut [0; 1024]).await, Ok(1..)) {} };
    let limit = HEAD_TIMEOUT + Duration::from_secs(5);
    let (_, (), ()) =
        tokio::join!(timeout(limit, dripped), until_ended(begun), until_ended(silent));
    timeout(LIMIT, drip).await.expect("nobody listens any more").unwrap();
}

/// A certificate for `localhost`, and its key, both in files; and a client that trusts it.
fn certificate(folder: &Path) -> TlsConnector {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn tls_relay(folder: &Path) -> Relay {
    let files = (folder.join("cert.pem"), folder.join("key.pem"));
    relay(|config| config.tls = Some(files)).await
}

async fn secure(
    relay: &Relay,
    connector: &TlsConnector,
    path: &str,
) -> WebSocketStream<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(relay.addr()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector.connect(name, stream).await.unwrap();
    let url = format!("wss://localhost{path}");
    tokio_tungstenite::client_async(url, stream).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_both_sockets_speak_tls() {
    let folder = tempfile::tempdir().unwrap();
    let connector = certificate(folder.path());
    let relay = tls_relay(folder.path()).await;
    let (listener, addr) = listener().await;
    let mut page = Page { socket: secure(&relay, &connector, "/v1/swarm").await };
    page.say(json!({ "type": "join", "info_hash": HASH.to_string() })).await;
    let ticket = page.ticket(addr).await;
    let mut socket = secure(&relay, &connector, "/v1/peer").await;
    socket.send(Message::text(ticket)).await.unwrap();
    socket.send(Message::binary(handshake(HASH))).await.unwrap();
    let mut remote = accept(&listener).await;
    assert_eq!(read(&mut remote, 68).await, handshake(HASH));
    let sent = [handshake(HASH), vec![7; 3_000_000]].concat();
    let all = sent.clone();
    let writing = tokio::spawn(async move { remote.write_all(&all).await.map(|()| remote) });
    assert!(receive(&mut socket, sent.len()).await == sent);
    let mut remote = writing.await.unwrap().unwrap();
    socket.send(Message::binary(vec![9; 100_000])).await.unwrap();
    assert!(read(&mut remote, 100_000).await == vec![9; 100_000]);
    drop(remote);
    assert_eq!(close_code(&mut socket).await, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tls_handshake_that_never_ends_or_is_none_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let relay = tls_relay(folder.path()).await;
    let silent = TcpStream::connect(relay.addr()).await.unwrap();
    let mut plain = TcpStream::connect(relay.addr()).await.unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: relay\r\n\r\n").await.unwrap();
    tokio::join!(until_ended(silent), until_ended(plain));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_none_keeps_a_relay_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    for (cert, key) in [(&key, &key), (&cert, &cert), (&folder.path().join("none"), &key)] {
        let mut config = gannet::relay::RelayConfig::new("127.0.0.1:0".parse().unwrap());
        config.tls = Some((cert.clone(), key.clone()));
        assert!(Relay::start(config).await.is_err(), "{} and {}", cert.display(), key.display());
    }
}
