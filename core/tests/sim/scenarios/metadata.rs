//! Magnet links: the metadata from peers alone.

use std::{sync::Arc, time::Duration};

use gannet_core::{Content, SessionConfig, TorrentOptions, event::News};

use crate::world::{World, payload::torrent};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_magnet_link_alone_downloads_the_file() {
    // Small pieces, so that the metadata is larger than one of its own pieces.
    let (info, data) = torrent(&[20 << 20], 16 * 1024);
    assert!(info.raw().len() > 16 * 1024);
    let mut world = World::new(Duration::from_millis(5));
    let seeders: Vec<usize> = (0..3)
        .map(|_| {
            let seeder = world.add_host(SessionConfig::default(), 20_000_000);
            let content = Content::Info(Arc::clone(&info));
            world.add_torrent(seeder, content, Some(data.clone()), &[], TorrentOptions::default());
            seeder
        })
        .collect();
    world.run_for(Duration::from_secs(1));
    let leecher = world.add_host(SessionConfig::default(), 20_000_000);
    let content = Content::Hash(*info.info_hash());
    world.add_torrent(leecher, content, None, &seeders, TorrentOptions::default());
    let done = |world: &World| world.hosts[leecher].finished_at().is_some();
    assert!(
        world.run_until(Duration::from_secs(60), done),
        "{:#?}",
        world.hosts[leecher].stats(world.now)
    );
    assert_eq!(world.hosts[leecher].content(), data);
}

#[test]
fn metadata_only_fetches_no_piece() {
    let (info, data) = torrent(&[1 << 20], 16 * 1024);
    let mut world = World::new(Duration::from_millis(5));
    let seeder = world.add_host(SessionConfig::default(), 1_000_000);
    let content = Content::Info(Arc::clone(&info));
    world.add_torrent(seeder, content, Some(data), &[], TorrentOptions::default());
    world.run_for(Duration::from_secs(1));
    let asker = world.add_host(SessionConfig::default(), 1_000_000);
    let options = TorrentOptions { metadata_only: true, ..TorrentOptions::default() };
    world.add_torrent(asker, Content::Hash(*info.info_hash()), None, &[seeder], options);
    world.run_for(Duration::from_secs(5));
    let news = &world.hosts[asker].news;
    assert!(news.iter().any(
        |(_, news)| matches!(news, News::Metadata(known) if known.info_hash() == info.info_hash())
    ));
    assert!(news.iter().any(|(_, news)| matches!(news, News::PeerHas { pieces: 64, .. })));
    assert_eq!(world.hosts[asker].stats(world.now).downloaded_bytes, 0);
}
