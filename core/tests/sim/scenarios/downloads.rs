//! Faultless swarms: how fast, how evenly, how much is sent twice.

use std::{sync::Arc, time::Duration};

use gannet_core::{Content, SessionConfig, TorrentOptions, metainfo::Info};

use crate::world::{Cut, HostId, World, payload::torrent};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MIB: usize = 1 << 20;
const LATENCY: Duration = Duration::from_millis(5);

/// Seconds that one leecher needs with so many seeders of 1 MB/s each.
fn seconds_with(seeders: usize, bytes: usize) -> f64 {
    let (info, files) = torrent(&[bytes], 256 * 1024);
    let mut world = World::new(LATENCY);
    let seeders: Vec<usize> = (0..seeders)
        .map(|_| {
            let seeder = world.add_host(SessionConfig::default(), 1_000_000);
            let content = Content::Info(Arc::clone(&info));
            world.add_torrent(seeder, content, Some(files.clone()), &[], TorrentOptions::default());
            seeder
        })
        .collect();
    world.run_for(Duration::from_secs(1));
    let start = world.now;
    let leecher = world.add_host(SessionConfig::default(), 1_000_000);
    world.add_torrent(leecher, Content::Info(info), None, &seeders, TorrentOptions::default());
    let done = |world: &World| world.hosts[leecher].finished_at().is_some();
    assert!(
        world.run_until(Duration::from_secs(600), done),
        "{:?}",
        world.hosts[leecher].stats(world.now)
    );
    assert_eq!(world.hosts[leecher].content(), files);
    let stats = world.hosts[leecher].stats(world.now);
    let duplicates = stats.duplicate_bytes as f64 / bytes as f64;
    assert!(duplicates <= 0.02, "{duplicates} of the payload came twice");
    world.now.since(start).as_secs_f64()
}

#[test]
fn eight_seeders_are_about_eight_times_as_fast_as_one() {
    let one = seconds_with(1, 10 * MIB);
    let four = seconds_with(4, 10 * MIB);
    let eight = seconds_with(8, 10 * MIB);
    println!("1: {one:.2} s, 4: {four:.2} s, 8: {eight:.2} s");
    assert!(one / four > 3.8, "4 seeders: {:.2} times", one / four);
    assert!(one / eight > 7.0, "8 seeders: {:.2} times", one / eight);
}

/// A leecher that has what it wanted from one seeder.
fn fetched(info: &Arc<Info>, files: &[Vec<u8>], options: TorrentOptions) -> (World, HostId) {
    let content = || Content::Info(Arc::clone(info));
    let mut world = World::new(LATENCY);
    let seeder = world.add_host(SessionConfig::default(), 10_000_000);
    let leecher = world.add_host(SessionConfig::default(), 10_000_000);
    world.add_torrent(seeder, content(), Some(files.to_vec()), &[], TorrentOptions::default());
    world.run_for(Duration::from_secs(1));
    world.add_torrent(leecher, content(), None, &[seeder], options);
    let done = |world: &World| world.hosts[leecher].finished_at().is_some();
    assert!(world.run_until(Duration::from_secs(60), done));
    (world, leecher)
}

#[test]
fn files_that_end_inside_a_piece_and_empty_ones_come_out_right() {
    let (info, files) = torrent(&[100_000, 0, 1, 300_001, 16_384], 32 * 1024);
    let (world, leecher) = fetched(&info, &files, TorrentOptions::default());
    assert_eq!(world.hosts[leecher].content(), files);
}

#[test]
fn any_fragmentation_gives_the_same_file() {
    for fragment_bytes in [1, 2, 7, 1_448] {
        let (info, files) = torrent(&[200_000], 32 * 1024);
        let mut world = World::new(LATENCY);
        let seeder = world.add_host(SessionConfig::default(), 10_000_000);
        let leecher = world.add_host(SessionConfig::default(), 10_000_000);
        world.hosts[seeder].line.cut = Cut::Every(fragment_bytes);
        world.hosts[leecher].line.cut = Cut::Every(fragment_bytes);
        let content = Content::Info(Arc::clone(&info));
        world.add_torrent(seeder, content, Some(files.clone()), &[], TorrentOptions::default());
        world.run_for(Duration::from_secs(1));
        world.add_torrent(leecher, Content::Info(info), None, &[seeder], TorrentOptions::default());
        let done = |world: &World| world.hosts[leecher].finished_at().is_some();
        assert!(world.run_until(Duration::from_secs(60), done), "{fragment_bytes} bytes a time");
        assert_eq!(world.hosts[leecher].content(), files);
    }
}

#[test]
fn leechers_finish_from_a_seeder_that_sends_little_more_than_one_copy() {
    let bytes = 16 * MIB;
    let (info, files) = torrent(&[bytes], 64 * 1024);
    let mut world = World::new(LATENCY);
    let seeder = world.add_host(SessionConfig::default(), 1_000_000);
    world.add_torrent(
        seeder,
        Content::Info(Arc::clone(&info)),
        Some(files.clone()),
        &[],
        TorrentOptions::default(),
    );
    world.run_for(Duration::from_secs(1));
    let mut everybody = vec![seeder];
    for _ in 0..12 {
        let leecher = world.add_host(SessionConfig::default(), 1_000_000);
        let content = Content::Info(Arc::clone(&info));
        world.add_torrent(leecher, content, None, &everybody, TorrentOptions::default());
        everybody.push(leecher);
    }
    let done = |world: &World| world.hosts[1..].iter().all(|host| host.finished_at().is_some());
    assert!(world.run_until(Duration::from_secs(600), done));
    for leecher in &world.hosts[1..] {
        assert_eq!(leecher.content(), files);
    }
    let copies = world.hosts[seeder].stats(world.now).uploaded_bytes as f64 / bytes as f64;
    let seconds = world.now.as_micros() as f64 / 1e6;
    println!("the seeder sent {copies:.2} copies; 12 leechers were done after {seconds:.1} s");
    assert!(copies < 1.4, "the seeder sent {copies:.2} copies");
}

#[test]
fn memory_stays_under_its_budget() {
    let memory_bytes = 4 << 20;
    for piece_length in [32 * 1024, 512 * 1024, 2 << 20] {
        let (info, files) = torrent(&[12 * MIB], piece_length);
        let mut world = World::new(LATENCY);
        let seeders: Vec<usize> = (0..4)
            .map(|_| {
                let seeder = world.add_host(SessionConfig::default(), 20_000_000);
                let content = Content::Info(Arc::clone(&info));
                world.add_torrent(
                    seeder,
                    content,
                    Some(files.clone()),
                    &[],
                    TorrentOptions::default(),
                );
                seeder
            })
            .collect();
        world.run_for(Duration::from_secs(1));
        let config = SessionConfig { memory_bytes, ..SessionConfig::default() };
        let leecher = world.add_host(config, 1_000_000);
        world.add_torrent(leecher, Content::Info(info), None, &seeders, TorrentOptions::default());
        let done = |world: &World| {
            let leased = world.hosts[leecher].session.leased_bytes();
            assert!(leased <= memory_bytes, "{leased} bytes leased");
            world.hosts[leecher].finished_at().is_some()
        };
        assert!(world.run_until(Duration::from_secs(60), done), "pieces of {piece_length}");
        assert_eq!(world.hosts[leecher].content(), files);
        assert_eq!(world.hosts[leecher].session.leased_bytes(), 0, "all memory is given back");
    }
}

#[test]
fn only_the_chosen_file_is_fetched() {
    let (info, files) = torrent(&[MIB, MIB, MIB], 64 * 1024);
    let options =
        TorrentOptions { wanted: Some(vec![false, true, false]), ..TorrentOptions::default() };
    let (world, leecher) = fetched(&info, &files, options);
    let stats = world.hosts[leecher].stats(world.now);
    assert_eq!(stats.downloaded_bytes, MIB as u64);
    assert_eq!(world.hosts[leecher].content()[1], files[1]);
}

#[test]
fn a_download_limit_is_kept() {
    let (info, files) = torrent(&[5 * MIB], 64 * 1024);
    let mut world = World::new(LATENCY);
    let seeder = world.add_host(SessionConfig::default(), 100_000_000);
    let config = SessionConfig { max_download: Some(1_000_000), ..SessionConfig::default() };
    let leecher = world.add_host(config, 100_000_000);
    world.add_torrent(
        seeder,
        Content::Info(Arc::clone(&info)),
        Some(files),
        &[],
        TorrentOptions::default(),
    );
    world.run_for(Duration::from_secs(1));
    let start = world.now;
    world.add_torrent(leecher, Content::Info(info), None, &[seeder], TorrentOptions::default());
    let done = |world: &World| world.hosts[leecher].finished_at().is_some();
    assert!(world.run_until(Duration::from_secs(60), done));
    let seconds = world.now.since(start).as_secs_f64();
    assert!((5.0..6.0).contains(&seconds), "{seconds} s for 5 MiB at 1 MB/s");
}
