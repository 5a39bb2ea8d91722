//! A page downloads from an ordinary client: the relay between them carries the wire protocol.

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use gannet_core::wire::{Decoder, Message as Wire, Span};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    common::{PIECE_BYTES, Sample},
    support::*,
};

const BLOCK_BYTES: u32 = 16 * 1024;
const HANDSHAKE_BYTES: usize = 68;

async fn say(socket: &mut Socket, messages: impl IntoIterator<Item = Wire>) {
    let mut bytes = BytesMut::new();
    messages.into_iter().for_each(|message| message.encode(&mut bytes));
    socket.send(Message::binary(bytes.freeze())).await.unwrap();
}

/// A request for each block of a torrent whose pieces are all of one length.
fn requests(sample: &Sample) -> impl Iterator<Item = Wire> {
    let piece_bytes = PIECE_BYTES as u32;
    let blocks = (sample.data.len() as u32).div_ceil(BLOCK_BYTES);
    (0..blocks).map(move |block| {
        let at = block * BLOCK_BYTES;
        let (index, begin) = (at / piece_bytes, at % piece_bytes);
        Wire::Request(Span { index, begin, length: BLOCK_BYTES })
    })
}

/// Asks for everything once it may; what came, each block in its place.
async fn download(socket: &mut Socket, sample: &Sample) -> Vec<u8> {
    let (mut data, mut missing) = (vec![0; sample.data.len()], sample.data.len());
    let begun = receive(socket, HANDSHAKE_BYTES).await;
    assert_eq!(begun[28..48], sample.info.info_hash().as_bytes()[..]);
    let mut decoder = Decoder::new();
    decoder.feed(Bytes::copy_from_slice(&begun[HANDSHAKE_BYTES..]));
    say(socket, [Wire::Interested]).await;
    while missing > 0 {
        let message = timeout(LIMIT, socket.next()).await.expect("blocks in time");
        let Message::Binary(bytes) = message.expect("the stream goes on").unwrap() else {
            continue;
        };
        socket.send(Message::text(bytes.len().to_string())).await.unwrap();
        decoder.feed(bytes);
        while let Some(message) = decoder.next().unwrap() {
            match message {
                Wire::Unchoke => say(socket, requests(sample)).await,
                Wire::Piece { index, begin, data: block } => {
                    let at = index as usize * PIECE_BYTES + begin as usize;
                    data[at..at + block.len()].copy_from_slice(&block);
                    missing -= block.len();
                }
                _ => {}
            }
        }
    }
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_downloads_from_an_ordinary_client() {
    let sample = Sample::file(4 * 1024 * 1024);
    let seeder = sample.seeder().await;
    let info_hash = *sample.info.info_hash();
    let relay = relay(|_| {}).await;
    let mut page = Page::join(&relay, json!({ "info_hash": info_hash.to_string() })).await;
    let mut socket = data(&relay, &page.ticket(seeder.addr).await).await;
    socket.send(Message::binary(handshake(info_hash))).await.unwrap();
    assert!(download(&mut socket, &sample).await == sample.data);
}
