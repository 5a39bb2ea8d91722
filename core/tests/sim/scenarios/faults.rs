//! Faults and hostile peers: what the others see of them is time, never wrong bytes.

use std::{sync::Arc, time::Duration};

use gannet_core::{Content, SessionConfig, TorrentOptions, event::News, stats::TorrentState};

use crate::world::{DiskFault, HostId, World, payload::torrent};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MIB: usize = 1 << 20;

/// A world with so many seeders and one leecher, the leecher last.
fn seeders_and_leecher(count: usize, files: &[usize]) -> (World, HostId, Vec<Vec<u8>>) {
    let (info, data) = torrent(files, 64 * 1024);
    let mut world = World::new(Duration::from_millis(5));
    let seeders: Vec<HostId> = (0..count)
        .map(|_| {
            let seeder = world.add_host(SessionConfig::default(), 1_000_000);
            let content = Content::Info(Arc::clone(&info));
            world.add_torrent(seeder, content, Some(data.clone()), &[], TorrentOptions::default());
            seeder
        })
        .collect();
    world.run_for(Duration::from_secs(1));
    let leecher = world.add_host(SessionConfig::default(), 1_000_000);
    world.add_torrent(leecher, Content::Info(info), None, &seeders, TorrentOptions::default());
    (world, leecher, data)
}

fn finish(world: &mut World, leecher: HostId, seconds: u64) {
    let done = |world: &World| world.hosts[leecher].finished_at().is_some();
    let finished = world.run_until(Duration::from_secs(seconds), done);
    assert!(finished, "{:#?}", world.hosts[leecher].stats(world.now));
}

fn banned(world: &World, leecher: HostId) -> Vec<String> {
    let news = world.hosts[leecher].news.iter();
    news.filter_map(|(_, news)| match news {
        News::Banned { name } => Some(name.clone()),
        _ => None,
    })
    .collect()
}

#[test]
fn a_seeder_that_vanishes_is_replaced_by_the_others() {
    let (mut world, leecher, data) = seeders_and_leecher(3, &[6 * MIB]);
    world.run_for(Duration::from_secs(1));
    world.kill(0);
    finish(&mut world, leecher, 10);
    assert_eq!(world.hosts[leecher].content(), data);
}

#[test]
fn a_seeder_that_falls_silent_delays_the_end_by_its_timeout_at_most() {
    let (mut world, leecher, data) = seeders_and_leecher(3, &[6 * MIB]);
    world.run_for(Duration::from_secs(1));
    world.hosts[0].line.mute = true;
    finish(&mut world, leecher, 2 * 2 + 30);
    assert_eq!(world.hosts[leecher].content(), data);
}

#[test]
fn a_corrupter_among_honest_seeders_is_banned_and_nobody_else() {
    let (mut world, leecher, data) = seeders_and_leecher(4, &[8 * MIB]);
    world.hosts[2].disk.fault = DiskFault::CorruptReads;
    finish(&mut world, leecher, 30);
    assert_eq!(world.hosts[leecher].content(), data);
    assert_eq!(banned(&world, leecher), [world.hosts[2].addr.to_string()]);
}

#[test]
fn half_the_seeders_corrupt_and_the_file_is_right_nevertheless() {
    let (mut world, leecher, data) = seeders_and_leecher(8, &[8 * MIB]);
    for corrupter in [1, 3, 5, 7] {
        world.hosts[corrupter].disk.fault = DiskFault::CorruptReads;
    }
    finish(&mut world, leecher, 60);
    assert_eq!(world.hosts[leecher].content(), data);
    let honest: Vec<String> =
        [0, 2, 4, 6].iter().map(|&seeder| world.hosts[seeder].addr.to_string()).collect();
    let banned = banned(&world, leecher);
    assert!(!banned.iter().any(|name| honest.contains(name)), "{banned:?}");
    assert!(!banned.is_empty());
}

#[test]
fn a_full_disk_pauses_the_download_and_space_lets_it_go_on() {
    let (mut world, leecher, data) = seeders_and_leecher(2, &[4 * MIB]);
    world.run_for(Duration::from_millis(800));
    world.hosts[leecher].disk.fault = DiskFault::Full;
    world.run_for(Duration::from_secs(10));
    let stats = world.hosts[leecher].stats(world.now);
    assert_eq!(stats.state, TorrentState::StorageError);
    assert!(stats.pieces_have > 0, "verified pieces are kept");
    world.hosts[leecher].disk.fault = DiskFault::None;
    finish(&mut world, leecher, 20);
    assert_eq!(world.hosts[leecher].content(), data);
    assert_eq!(world.hosts[leecher].stats(world.now).failed_pieces, 0);
}

#[test]
fn a_paused_torrent_is_quiet_and_goes_on_where_it_was() {
    let (mut world, leecher, data) = seeders_and_leecher(2, &[4 * MIB]);
    world.run_for(Duration::from_secs(1));
    let key = world.hosts[leecher].torrent();
    world.command(leecher, |session, now| session.pause(now, key));
    world.run_for(Duration::from_secs(1));
    let before = world.hosts[leecher].stats(world.now);
    world.run_for(Duration::from_secs(30));
    let after = world.hosts[leecher].stats(world.now);
    assert_eq!((before.downloaded_bytes, after.peers_connected), (after.downloaded_bytes, 0));
    world.command(leecher, |session, now| session.resume(now, key));
    finish(&mut world, leecher, 60);
    assert_eq!(world.hosts[leecher].content(), data);
}

#[test]
fn a_removed_torrent_ends_at_once_and_leaves_nothing_leased() {
    let (mut world, leecher, _) = seeders_and_leecher(2, &[4 * MIB]);
    world.run_for(Duration::from_secs(1));
    let key = world.hosts[leecher].torrent();
    world.command(leecher, |session, now| session.remove(now, key));
    world.run_for(Duration::from_secs(2));
    assert!(world.hosts[leecher].news.iter().any(|(_, news)| matches!(news, News::Removed)));
    assert!(world.hosts[leecher].session.stats(world.now, key).is_none());
    assert_eq!(world.hosts[leecher].session.leased_bytes(), 0);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let (mut world, leecher, _) = seeders_and_leecher(3, &[2 * MIB]);
        finish(&mut world, leecher, 30);
        (world.now, format!("{:?}", world.hosts[leecher].news))
    };
    assert_eq!(run(), run());
}
