//! Whole clients that exchange torrents over loopback.

mod common;

use std::{fs, time::Duration};

use common::*;
use gannet::{AddError, AddTorrent, ClientConfig, Gone, News, Place, ReadError, TorrentOptions};
use gannet_core::storage::StorageError;
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn a_file_is_downloaded_whole_and_nothing_else_is_left() {
    let sample = Sample::file(3_000_001);
    let seeder = sample.seeder().await;
    let dir = tempfile::tempdir().unwrap();
    let client = client();
    let (torrent, mut events) =
        client.add(sample.add(&[seeder.addr]), below(dir.path())).await.unwrap();
    until_finished(&mut events).await;
    let stats = torrent.stats().await.unwrap();
    assert_eq!(stats.have_bytes, 3_000_001);
    assert_eq!(stats.corrupt_bytes, 0);
    torrent.remove().await;
    sample.assert_below(dir.path());
}

#[tokio::test]
async fn many_files_come_from_a_magnet_link_alone() {
    let sample = Sample::files(&[100_000, 0, 1, 250_000, 64 * 1024, 5]);
    let seeder = sample.seeder().await;
    let dir = tempfile::tempdir().unwrap();
    let client = client();
    let (torrent, mut events) =
        client.add(sample.magnet(&[seeder.addr]), below(dir.path())).await.unwrap();
    until(&mut events, |news| matches!(news, News::Metadata(_))).await;
    assert_eq!(torrent.info().await.unwrap().info_hash(), sample.info.info_hash());
    until_finished(&mut events).await;
    torrent.remove().await;
    sample.assert_below(dir.path());
}

#[tokio::test]
async fn a_leecher_in_memory_serves_the_next() {
    let sample = Sample::file(1_000_000);
    let seeder = sample.seeder().await;
    let (first, second) = (client(), client());
    let (_first, mut events) = first.add(sample.add(&[seeder.addr]), memory()).await.unwrap();
    until_finished(&mut events).await;
    seeder.client.shutdown(PATIENCE).await;

    let from_first = sample.add(&[first.listen_addr().unwrap()]);
    let (torrent, mut events) = second.add(from_first, memory()).await.unwrap();
    until_finished(&mut events).await;
    for (number, piece) in (0..).zip(sample.data.chunks(PIECE_BYTES)) {
        assert_eq!(torrent.read(number).await.unwrap(), piece);
    }
    assert_eq!(torrent.read(99).await, Err(ReadError::NoSuchPiece(99)));
}

#[tokio::test]
async fn an_interrupted_download_goes_on_where_it_stopped() {
    let sample = Sample::file(40 * PIECE_BYTES);
    let seeder = sample.seeder().await;
    let dir = tempfile::tempdir().unwrap();
    let slow = ClientConfig { max_download: Some(2_000_000), ..ClientConfig::default() };
    let first = client_with(slow);
    let (torrent, mut events) =
        first.add(sample.add(&[seeder.addr]), below(dir.path())).await.unwrap();
    for _ in 0..5 {
        until(&mut events, |news| matches!(news, News::PieceDone(_))).await;
    }
    let started = Instant::now();
    first.shutdown(Duration::from_secs(2)).await;
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(torrent.stats().await, Err(Gone));

    let second = client();
    let (torrent, mut events) =
        second.add(sample.add(&[seeder.addr]), below(dir.path())).await.unwrap();
    let news = until(&mut events, |news| matches!(news, News::Checked { .. })).await;
    let Some(News::Checked { pieces_have }) = news.last() else { panic!("not checked") };
    assert!((5..40).contains(pieces_have), "{pieces_have}");
    until_finished(&mut events).await;
    let stats = torrent.stats().await.unwrap();
    let missing = u64::from(40 - pieces_have) * PIECE_BYTES as u64;
    assert_eq!(stats.downloaded_bytes - stats.duplicate_bytes, missing);
    torrent.remove().await;
    sample.assert_below(dir.path());
}

#[tokio::test]
async fn a_corrupt_piece_on_the_disk_is_found_and_only_it_is_fetched_again() {
    let sample = Sample::file(10 * PIECE_BYTES);
    let seeder = sample.seeder().await;
    let dir = tempfile::tempdir().unwrap();
    sample.write(dir.path());
    let mut spoilt = sample.data.clone();
    spoilt[3 * PIECE_BYTES + 17] ^= 1;
    fs::write(dir.path().join("sample"), spoilt).unwrap();

    let client = client();
    let (torrent, mut events) =
        client.add(sample.add(&[seeder.addr]), below(dir.path())).await.unwrap();
    until_finished(&mut events).await;
    let stats = torrent.stats().await.unwrap();
    assert_eq!(stats.downloaded_bytes - stats.duplicate_bytes, PIECE_BYTES as u64);
    torrent.remove().await;
    sample.assert_below(dir.path());
}

#[tokio::test]
async fn a_foreign_file_in_the_way_is_told_and_left_alone() {
    let sample = Sample::file(10 * PIECE_BYTES);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("sample"), b"a letter").unwrap();
    let client = client();
    let (_torrent, mut events) = client.add(sample.add(&[]), below(dir.path())).await.unwrap();
    let news = until(&mut events, |news| matches!(news, News::StorageFailed(_))).await;
    let Some(News::StorageFailed(error)) = news.last() else { panic!("no failure") };
    assert!(matches!(error, StorageError::Foreign { found_bytes: 8, .. }), "{error:?}");
    assert_eq!(fs::read(dir.path().join("sample")).unwrap(), b"a letter");
}

#[tokio::test]
async fn memory_that_is_too_small_is_told() {
    let sample = Sample::file(10 * PIECE_BYTES);
    let seeder = sample.seeder().await;
    let client = client();
    let small = Place::Memory { limit_bytes: PIECE_BYTES as u64 };
    let (_torrent, mut events) = client.add(sample.add(&[seeder.addr]), small).await.unwrap();
    let news = until(&mut events, |news| matches!(news, News::StorageFailed(_))).await;
    let Some(News::StorageFailed(error)) = news.last() else { panic!("no failure") };
    assert_eq!(*error, StorageError::MemoryLimit { limit_bytes: PIECE_BYTES as u64 });
}

#[tokio::test]
async fn only_the_files_that_are_wanted_are_made() {
    let sample = Sample::files(&[100_000, 100_000, 100_000]);
    let seeder = sample.seeder().await;
    let dir = tempfile::tempdir().unwrap();
    let client = client();
    let options =
        TorrentOptions { wanted: Some(vec![false, true, false]), ..TorrentOptions::default() };
    let add = AddTorrent { options, ..sample.add(&[seeder.addr]) };
    let (torrent, mut events) = client.add(add, below(dir.path())).await.unwrap();
    until_finished(&mut events).await;
    torrent.remove().await;
    assert_eq!(fs::read(dir.path().join("sample/1")).unwrap(), sample.data[100_000..200_000]);
    assert_eq!(fs::read_dir(dir.path().join("sample")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_torrent_is_added_only_once() {
    let sample = Sample::file(1000);
    let client = client();
    let (_torrent, _events) = client.add(sample.add(&[]), memory()).await.unwrap();
    let again = client.add(sample.add(&[]), memory()).await;
    assert!(matches!(again, Err(AddError::Refused(_))));
}

#[tokio::test]
async fn news_end_after_the_torrent_was_removed() {
    let sample = Sample::file(1000);
    let client = client();
    let (torrent, mut events) = client.add(sample.add(&[]), memory()).await.unwrap();
    timeout(PATIENCE, torrent.remove()).await.unwrap();
    until(&mut events, |news| matches!(news, News::Removed)).await;
    assert!(events.next().await.is_none());
    assert_eq!(torrent.stats().await, Err(Gone));
    timeout(PATIENCE, torrent.remove()).await.unwrap();
}

#[tokio::test]
async fn a_tracker_that_never_answers_does_not_keep_anyone_from_leaving() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/announce", silent.local_addr().unwrap());
    let sample = Sample::file(1000);
    let client = client();
    let add = AddTorrent { trackers: vec![vec![url]], ..sample.add(&[]) };
    let (_torrent, _events) = client.add(add, memory()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    client.shutdown(Duration::from_secs(2)).await;
    assert!(started.elapsed() < Duration::from_millis(2_200), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_client_ends_with_its_last_handle() {
    let client = client();
    let addr = client.listen_addr().unwrap();
    drop(client);
    let refused = timeout(PATIENCE, async {
        while tokio::net::TcpStream::connect(addr).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    refused.await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_in_use_can_not_be_listened_at() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = taken.local_addr().ok();
    let config = ClientConfig { listen, ..ClientConfig::default() };
    let error = gannet::Client::start(config).unwrap_err();
    assert!(error.to_string().contains("can't listen at 127.0.0.1:"), "{error}");
}
