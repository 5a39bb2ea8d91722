//! A swarm made only of the caller's functions: a pool of workers over a plain list of work.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use common::{PATIENCE, client, memory};
use gannet::{AddTorrent, SourceError, Torrent, TorrentOptions};
use gannet_core::contract::{Content, WorkList};
use tokio::time::{sleep, timeout};

fn list(items: u32) -> AddTorrent {
    AddTorrent {
        content: Content::Work(WorkList { items, max_item_bytes: 1000 }),
        trackers: Vec::new(),
        peers: Vec::new(),
        options: TorrentOptions {
            retry_backoff: Duration::from_millis(1),
            ..TorrentOptions::default()
        },
    }
}

fn result_of(item: u32) -> Bytes {
    format!("item {item}").into()
}

/// Takes all results, each in its turn.
async fn assert_results(torrent: &Torrent, items: u32) {
    for expected in 0..items {
        let result = timeout(PATIENCE, torrent.next_result()).await.expect("waited too long");
        let result = result.expect("too few results");
        assert_eq!(result.item, expected);
        assert_eq!(result.bytes, result_of(expected));
    }
    let end = timeout(PATIENCE, torrent.next_result()).await.expect("waited too long");
    assert!(end.is_none());
}

#[tokio::test]
async fn workers_come_fail_and_leave_and_the_results_are_in_order() {
    const ITEMS: u32 = 40;
    let client = client();
    let (torrent, _events) = client.add(list(ITEMS), memory()).await.unwrap();

    // Nobody is there at first.
    assert!(timeout(Duration::from_millis(50), torrent.next_result()).await.is_err());

    // The first does ten items and leaves.
    let left = Arc::new(AtomicU32::new(10));
    let leaves = move |item, _| {
        let left = Arc::clone(&left);
        async move {
            let stays = left.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_ok();
            if stays { Ok(result_of(item)) } else { Err(SourceError::Gone) }
        }
    };
    torrent.add_source("leaves".to_owned(), leaves).await.unwrap();
    // The second always fails, the third panics: both lose their score and go.
    let fails = |_, _| async { Err(SourceError::Failed) };
    torrent.add_source("fails".to_owned(), fails).await.unwrap();
    let panics = |_, _| async { panic!("a worker's own fault") };
    torrent.add_source("panics".to_owned(), panics).await.unwrap();
    // The last one fails at every third call, takes its time, and does all the rest.
    let calls = Arc::new(AtomicU32::new(0));
    let good = move |item: u32, _| {
        let calls = Arc::clone(&calls);
        async move {
            sleep(Duration::from_micros(u64::from(item * 37 % 11) * 300)).await;
            match calls.fetch_add(1, Relaxed) % 3 {
                0 => Err(SourceError::Failed),
                _ => Ok(result_of(item)),
            }
        }
    };
    sleep(Duration::from_millis(50)).await;
    torrent.add_source("good".to_owned(), good).await.unwrap();

    assert_results(&torrent, ITEMS).await;
    let stats = torrent.stats().await.unwrap();
    let row = |name: &str| stats.peers.iter().find(|peer| peer.name == name).unwrap();
    assert!(!row("leaves").connected);
    assert!(row("fails").pieces_failed > 0);
    assert_eq!(row("fails").pieces_good, 0);
    assert_eq!(row("leaves").pieces_good + row("good").pieces_good, u64::from(ITEMS));
    assert!(stats.transfer.start_seconds < stats.transfer.end_seconds);
}

#[tokio::test]
async fn no_more_workers_run_at_once_than_the_limit() {
    let client = client();
    let mut add = list(40);
    add.options.max_workers = 3;
    let (torrent, _events) = client.add(add, memory()).await.unwrap();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for number in 0..6 {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let worker = move |item, _| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Relaxed) + 1, Relaxed);
                sleep(Duration::from_millis(2)).await;
                running.fetch_sub(1, Relaxed);
                Ok(result_of(item))
            }
        };
        torrent.add_source(format!("worker {number}"), worker).await.unwrap();
    }
    assert_results(&torrent, 40).await;
    let most = most.load(Relaxed);
    assert!((2..=3).contains(&most), "{most}");
}

#[tokio::test]
async fn a_worker_that_is_removed_is_not_waited_for() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }
    let client = client();
    let (torrent, _events) = client.add(list(1), memory()).await.unwrap();
    let dropped = Arc::new(AtomicBool::new(false));
    let called = Arc::new(AtomicBool::new(false));
    let flags = (Arc::clone(&called), Arc::clone(&dropped));
    let hangs = move |_, _| {
        let (called, dropped) = (Arc::clone(&flags.0), Dropped(Arc::clone(&flags.1)));
        async move {
            called.store(true, Relaxed);
            sleep(PATIENCE * 2).await;
            drop(dropped);
            Err(SourceError::Failed)
        }
    };
    let hanging = torrent.add_source("hangs".to_owned(), hangs).await.unwrap();
    while !called.load(Relaxed) {
        sleep(Duration::from_millis(1)).await;
    }
    torrent.remove_source(hanging).await.unwrap();
    let good = |item, _| async move { Ok(result_of(item)) };
    torrent.add_source("good".to_owned(), good).await.unwrap();
    assert_results(&torrent, 1).await;
    assert!(dropped.load(Relaxed));
}

#[tokio::test]
async fn a_result_waits_for_somebody_who_stays_to_take_it() {
    let client = client();
    let (torrent, _events) = client.add(list(2), memory()).await.unwrap();
    // Somebody waits for a while and goes.
    assert!(timeout(Duration::from_millis(20), torrent.next_result()).await.is_err());
    let good = |item, _| async move { Ok(result_of(item)) };
    torrent.add_source("good".to_owned(), good).await.unwrap();
    assert_results(&torrent, 2).await;
}
