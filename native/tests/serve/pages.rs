//! Pages that download through the relay from the seeder inside.

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use gannet_core::{
    id::InfoHash,
    wire::{Decoder, Message as Wire, Span},
};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::{
    process::noise,
    socket::{LIMIT, Page, Socket, close_code, handshake, receive},
    support::*,
};

const BLOCK_BYTES: u32 = 16 * 1024;
/// So small that each piece is one block.
const PIECES: &str = "--piece-length 16K";

async fn connect(server: &Server, path: &str) -> Socket {
    connect_async(format!("ws://{}{path}", server.addr)).await.unwrap().0
}

/// A page that has joined a swarm, and the first peer that it was told of.
async fn join(server: &Server, info_hash: &str) -> (Page, Value) {
    let mut page = Page { socket: connect(server, "/v1/swarm").await };
    let trackers = [server.url("/announce")];
    page.say(json!({ "type": "join", "info_hash": info_hash, "trackers": trackers })).await;
    page.hear("joined").await;
    let peers = page.hear("peers").await;
    (page, peers["peers"][0].clone())
}

async fn data(server: &Server, ticket: &str, info_hash: &str) -> Socket {
    let mut socket = connect(server, "/v1/peer").await;
    socket.send(Message::text(ticket)).await.unwrap();
    let info_hash: InfoHash = info_hash.parse().unwrap();
    socket.send(Message::binary(handshake(info_hash))).await.unwrap();
    socket
}

async fn say(socket: &mut Socket, messages: impl IntoIterator<Item = Wire>) {
    let mut bytes = BytesMut::new();
    messages.into_iter().for_each(|message| message.encode(&mut bytes));
    socket.send(Message::binary(bytes.freeze())).await.unwrap();
}

/// Asks for everything once it may.
async fn download(socket: &mut Socket, length: usize) -> Vec<u8> {
    let begun = receive(socket, 68).await;
    let mut decoder = Decoder::new();
    decoder.feed(Bytes::copy_from_slice(&begun[68..]));
    say(socket, [Wire::Interested]).await;
    let (mut data, mut missing) = (vec![0; length], length);
    while missing > 0 {
        let message = timeout(LIMIT, socket.next()).await.expect("blocks in time");
        let Message::Binary(bytes) = message.expect("the stream goes on").unwrap() else {
            continue;
        };
        socket.send(Message::text(bytes.len().to_string())).await.unwrap();
        decoder.feed(bytes);
        while let Some(message) = decoder.next().unwrap() {
            match message {
                Wire::Unchoke => say(socket, requests(length as u32)).await,
                Wire::Piece { index, data: block, .. } => {
                    let at = (index * BLOCK_BYTES) as usize;
                    data[at..at + block.len()].copy_from_slice(&block);
                    missing -= block.len();
                }
                _ => {}
            }
        }
    }
    data
}

fn requests(length: u32) -> impl Iterator<Item = Wire> {
    (0..length.div_ceil(BLOCK_BYTES)).map(move |index| {
        let length = BLOCK_BYTES.min(length - index * BLOCK_BYTES);
        Wire::Request(Span { index, begin: 0, length })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_downloads_from_the_seeder_inside_without_any_network_being_opened() {
    let server = Server::with(PIECES);
    let hash = server.info_hash("film.mkv");
    let (_page, peer) = join(&server, &hash).await;
    assert!(peer["addr"].as_str().unwrap().starts_with("[100::"), "no address of a network");
    let mut socket = data(&server, peer["ticket"].as_str().unwrap(), &hash).await;
    assert!(download(&mut socket, FILM_BYTES).await == noise(FILM_BYTES));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_announce_reaches_the_tracker_inside() {
    let server = Server::start();
    let hash = server.info_hash("film.mkv");
    let (mut page, _) = join(&server, &hash).await;
    let tracker = page.hear("tracker").await;
    assert_eq!((&tracker["error"], &tracker["seeders"]), (&json!(null), &json!(1)));
    assert_eq!(tracker["leechers"], 1, "the page itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_the_seeder_leads_nowhere_else() {
    let server = Server::start();
    let hash = server.info_hash("film.mkv");
    let (mut page, peer) = join(&server, &hash).await;
    // Another torrent than the ticket's.
    let other = server.info_hash("notes");
    let mut socket = data(&server, peer["ticket"].as_str().unwrap(), &other).await;
    assert_eq!(close_code(&mut socket).await, 4400);
    // This machine's own ports, by an address that the page names.
    let ticket = page.ticket(server.addr.parse().unwrap()).await;
    let mut socket = data(&server, &ticket, &hash).await;
    assert_eq!(close_code(&mut socket).await, 4404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_waits_is_told_when_the_server_begins_to_take_part() {
    let (source, server) = (Server::start(), Server::at(crate::process::Place::new(), ""));
    let hash = source.info_hash("film.mkv");
    let mut page = Page { socket: connect(&server, "/v1/swarm").await };
    page.say(json!({ "type": "join", "info_hash": hash, "trackers": [] })).await;
    page.hear("joined").await;
    let add = json!({ "add": source.url("/torrents/film.mkv.torrent") }).to_string();
    assert_eq!(server.change("POST", "/api/v1/downloads", &add).status, 201);
    let peers = page.hear("peers").await;
    assert_eq!(peers["peers"][0]["addr"], "[100::ffff:ffff:ffff:ffff]:1024");
}
