//! Clients that find each other through a tracker over UDP or HTTP, and what the tracker hears.

mod common;

use std::{net::SocketAddr, time::Duration};

use common::*;
use gannet::{AddTorrent, News};
use gannet_core::announce::{
    AnnounceEvent, AnnounceRequest, AnnounceResponse, Family,
    udp::{UdpRequest, UdpResponse},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    sync::mpsc,
    time::timeout,
};

type Heard = mpsc::UnboundedReceiver<AnnounceRequest>;

fn answer(peer: SocketAddr) -> AnnounceResponse {
    AnnounceResponse { interval_seconds: 1800, peers: vec![peer], ..AnnounceResponse::default() }
}

/// A tracker over UDP that knows one peer.
async fn udp_tracker(peer: SocketAddr) -> (String, Heard) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let url = format!("udp://{}", socket.local_addr().unwrap());
    let (hear, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut packet = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let response = match UdpRequest::decode(&packet[..length]).unwrap() {
                UdpRequest::Connect { transaction_id } => {
                    UdpResponse::Connect { transaction_id, connection_id: 42 }
                }
                UdpRequest::Announce { connection_id, transaction_id, announce, .. } => {
                    assert_eq!(connection_id, 42);
                    let _ = hear.send(announce);
                    UdpResponse::Announce { transaction_id, response: answer(peer) }
                }
                UdpRequest::Scrape { transaction_id, .. } => {
                    UdpResponse::Error { transaction_id, message: "no".to_owned() }
                }
            };
            socket.send_to(&response.encode(Family::V4), from).await.unwrap();
        }
    });
    (url, heard)
}

/// A tracker over HTTP that knows one peer.
async fn http_tracker(peer: SocketAddr) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/announce", listener.local_addr().unwrap());
    let (hear, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let line = String::from_utf8_lossy(&request[..length]).into_owned();
            let query = line.split([' ', '?']).nth(2).unwrap();
            let _ = hear.send(AnnounceRequest::from_query(query).unwrap());
            let body = answer(peer).encode();
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        }
    });
    (url, heard)
}

async fn next(heard: &mut Heard) -> AnnounceRequest {
    timeout(PATIENCE, heard.recv()).await.expect("waited too long").unwrap()
}

/// Downloads by a tracker alone, and leaves: what the tracker has to hear of it.
async fn download_by(sample: &Sample, url: String, mut heard: Heard) {
    let client = client();
    let add = AddTorrent { trackers: vec![vec![url]], ..sample.add(&[]) };
    let (torrent, mut events) = client.add(add, memory()).await.unwrap();
    until_finished(&mut events).await;

    let started = next(&mut heard).await;
    assert_eq!(started.event, AnnounceEvent::Started);
    assert_eq!(started.info_hash, *sample.info.info_hash());
    assert_eq!(started.peer_id, client.peer_id());
    assert_eq!(Some(started.port), client.listen_addr().map(|addr| addr.port()));
    assert_eq!(started.left, sample.data.len() as u64);
    let completed = next(&mut heard).await;
    assert_eq!(completed.event, AnnounceEvent::Completed);
    assert_eq!((completed.left, completed.downloaded), (0, sample.data.len() as u64));

    timeout(Duration::from_secs(2), torrent.remove()).await.unwrap();
    assert_eq!(next(&mut heard).await.event, AnnounceEvent::Stopped);
}

#[tokio::test]
async fn a_udp_tracker_leads_to_the_seeder_and_hears_how_it_went() {
    let sample = Sample::file(300_000);
    let seeder = sample.seeder().await;
    let (url, heard) = udp_tracker(seeder.addr).await;
    download_by(&sample, url, heard).await;
}

#[tokio::test]
async fn an_http_tracker_leads_to_the_seeder_and_hears_how_it_went() {
    let sample = Sample::file(300_000);
    let seeder = sample.seeder().await;
    let (url, heard) = http_tracker(seeder.addr).await;
    download_by(&sample, url, heard).await;
}

#[tokio::test]
async fn a_tracker_that_is_not_there_is_told_and_the_next_tier_is_asked() {
    let sample = Sample::file(300_000);
    let seeder = sample.seeder().await;
    let (url, _heard) = http_tracker(seeder.addr).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let missing = format!("http://{nobody}/announce");
    let client = client();
    let add = AddTorrent { trackers: vec![vec![missing.clone()], vec![url]], ..sample.add(&[]) };
    let (_torrent, mut events) = client.add(add, memory()).await.unwrap();
    let news = until(&mut events, |news| matches!(news, News::TrackerFailed { .. })).await;
    let Some(News::TrackerFailed { url, .. }) = news.last() else { panic!("no failure") };
    assert_eq!(*url, missing);
    until_finished(&mut events).await;
}

#[tokio::test]
async fn the_name_of_a_udp_tracker_is_looked_up() {
    let sample = Sample::file(300_000);
    let seeder = sample.seeder().await;
    let (url, heard) = udp_tracker(seeder.addr).await;
    download_by(&sample, url.replace("127.0.0.1", "localhost"), heard).await;
}
