//! A relay, pages that use it, and peers that it reaches.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use gannet::relay::{Key, Relay, RelayConfig};
use gannet_core::id::InfoHash;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Error, Message, client::IntoClientRequest, handshake::client::Request},
};

pub const HASH: InfoHash = InfoHash::new([0xab; 20]);
/// What any single step of a test may take.
pub const LIMIT: Duration = Duration::from_secs(20);

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A relay that may connect to loopback, as `change` has it.
pub async fn relay(change: impl FnOnce(&mut RelayConfig)) -> Relay {
    let mut config = RelayConfig::new("127.0.0.1:0".parse().unwrap());
    config.allowed = vec!["127.0.0.0/8".parse().unwrap()];
    change(&mut config);
    Relay::start(config).await.unwrap()
}

/// A key in a file, to be shared.
pub fn key(folder: &tempfile::TempDir) -> Key {
    Key::read_or_create(&folder.path().join("key")).unwrap()
}

pub async fn connect(relay: &Relay, path: &str) -> Socket {
    try_connect(relay, path, None).await.unwrap()
}

pub async fn try_connect(
    relay: &Relay,
    path: &str,
    origin: Option<&str>,
) -> Result<Socket, Box<Error>> {
    let mut request = format!("ws://{}{path}", relay.addr()).into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    ask(request).await
}

/// A WebSocket through a proxy that says whom it is for.
pub async fn try_connect_for(relay: &Relay, client: &str) -> Result<Socket, Box<Error>> {
    let mut request = format!("ws://{}/v1/peer", relay.addr()).into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
    ask(request).await
}

async fn ask(request: Request) -> Result<Socket, Box<Error>> {
    let connecting = tokio_tungstenite::connect_async(request);
    Ok(timeout(LIMIT, connecting).await.expect("the relay answers").map_err(Box::new)?.0)
}

/// A page's part in one swarm.
pub struct Page<S = MaybeTlsStream<TcpStream>> {
    pub socket: WebSocketStream<S>,
}

impl Page {
    /// A page that has joined the swarm of [`HASH`].
    pub async fn join(relay: &Relay, more: Value) -> Self {
        let mut page = Self { socket: connect(relay, "/v1/swarm").await };
        let mut join = json!({ "type": "join", "info_hash": HASH.to_string(), "trackers": [] });
        join.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        page.say(join).await;
        page.hear("joined").await;
        page
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Page<S> {
    pub async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message, of whatever type.
    pub async fn any(&mut self) -> Value {
        loop {
            let message = timeout(LIMIT, self.socket.next()).await.expect("a message in time");
            if let Message::Text(text) = message.expect("the socket is open").unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next message of a type; others are passed over.
    pub async fn hear(&mut self, wanted: &str) -> Value {
        timeout(LIMIT, async {
            loop {
                match self.socket.next().await.expect("the socket is open").unwrap() {
                    Message::Text(text) => {
                        let message: Value = serde_json::from_str(&text).unwrap();
                        if message["type"] == wanted {
                            return message;
                        }
                    }
                    Message::Close(frame) => panic!("closed with {frame:?}, without {wanted}"),
                    _ => {}
                }
            }
        })
        .await
        .unwrap_or_else(|_| panic!("no {wanted}"))
    }

    /// A ticket for an address, as if a person had typed it.
    pub async fn ticket(&mut self, addr: SocketAddr) -> String {
        self.say(json!({ "type": "dial", "addrs": [addr] })).await;
        loop {
            // Other pages of the swarm are named too.
            let peers = self.hear("peers").await;
            let peers = peers["peers"].as_array().unwrap();
            if let Some(peer) = peers.iter().find(|peer| peer["addr"] == addr.to_string()) {
                return peer["ticket"].as_str().unwrap().to_owned();
            }
        }
    }
}

/// A data socket that has shown a ticket.
pub async fn data(relay: &Relay, ticket: &str) -> Socket {
    let mut socket = connect(relay, "/v1/peer").await;
    socket.send(Message::text(ticket)).await.unwrap();
    socket
}

/// The code that a socket is closed with; what comes before is passed over.
pub async fn close_code<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> u16 {
    timeout(LIMIT, async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(Message::Binary(_))) => panic!("bytes of the remote"),
                Some(Ok(_)) => {}
                other => panic!("ended without a code: {other:?}"),
            }
        }
    })
    .await
    .expect("closed in time")
}

/// So many bytes of the stream, consumed and credited.
pub async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    length: usize,
) -> Vec<u8> {
    let mut received = Vec::new();
    while received.len() < length {
        let message = timeout(LIMIT, socket.next()).await.expect("bytes in time");
        match message.expect("the stream goes on").unwrap() {
            Message::Binary(bytes) => {
                socket.send(Message::text(bytes.len().to_string())).await.unwrap();
                received.extend_from_slice(&bytes);
            }
            Message::Close(frame) => panic!("closed with {frame:?} after {}", received.len()),
            _ => {}
        }
    }
    received
}

/// The 68 bytes that open a connection (BEP 3).
pub fn handshake(info_hash: InfoHash) -> Vec<u8> {
    let peer_id = b"-XX0001-123456789012";
    [b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0", &info_hash.as_bytes()[..], peer_id].concat()
}

/// A peer that waits for a connection.
pub async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

pub async fn accept(listener: &TcpListener) -> TcpStream {
    timeout(LIMIT, listener.accept()).await.expect("a connection").unwrap().0
}

/// So many bytes of what a peer receives.
pub async fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    timeout(LIMIT, stream.read_exact(&mut bytes)).await.expect("bytes in time").unwrap();
    bytes
}

/// Both ends of a stream through the relay, handshakes behind them.
pub async fn joined(relay: &Relay) -> (Socket, TcpStream) {
    use tokio::io::AsyncWriteExt;
    let mut page = Page::join(relay, json!({})).await;
    let (listener, addr) = listener().await;
    let mut socket = data(relay, &page.ticket(addr).await).await;
    socket.send(Message::binary(handshake(HASH))).await.unwrap();
    let mut remote = accept(&listener).await;
    assert_eq!(read(&mut remote, 68).await, handshake(HASH));
    remote.write_all(&handshake(HASH)).await.unwrap();
    assert_eq!(receive(&mut socket, 68).await, handshake(HASH));
    (socket, remote)
}
