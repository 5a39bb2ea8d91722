//! Disks that fail, and what is still there after the power has.

use std::{sync::Arc, time::Duration};

use gannet_core::{
    AddTorrent, Content, SessionConfig, TorrentOptions, event::News, stats::TorrentState,
};

use crate::world::{DiskFault, HostId, World, payload::Payload};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Two seeders and a leecher of 8 MiB.
struct Stage {
    world: World,
    payload: Arc<Payload>,
    leecher: HostId,
    seeders: [HostId; 2],
}

impl Stage {
    fn new() -> Self {
        let payload = Payload::new(&[5 << 20, 3 << 20], 64 * 1024);
        let mut world = World::new(Duration::from_millis(10));
        let seeders = [world.seeder(&payload, 500_000), world.seeder(&payload, 500_000)];
        world.run_for(Duration::from_secs(1));
        let leecher = world.leecher(&payload, 500_000, &seeders);
        Self { world, payload, leecher, seeders }
    }

    fn run(&mut self, seconds: f64) {
        self.world.run_for(Duration::from_secs_f64(seconds));
    }

    fn set(&mut self, fault: DiskFault) {
        self.world.hosts[self.leecher].disk.fault = fault;
    }

    /// Starts the leecher anew, on the disk as it is; how many pieces it finds there.
    fn restart(&mut self, seed: u64) -> u32 {
        self.world.restart(self.leecher, seed);
        let add = AddTorrent {
            content: Content::Info(Arc::clone(&self.payload.info)),
            trackers: Vec::new(),
            peers: self.seeders.iter().map(|&seeder| self.world.hosts[seeder].addr).collect(),
            options: TorrentOptions::default(),
        };
        self.world.hosts[self.leecher].news.clear();
        self.world.add(self.leecher, add);
        self.run(1.0);
        let checked = self.world.hosts[self.leecher].news.iter().find_map(|(_, news)| match news {
            News::Checked { pieces_have } => Some(*pieces_have),
            _ => None,
        });
        checked.expect("a second is enough to check 8 MiB")
    }

    fn finish(&mut self) {
        let leecher = self.leecher;
        let done = |world: &World| world.hosts[leecher].has_all();
        let finished = self.world.run_until(Duration::from_secs(60), done);
        assert!(finished, "{:#?}", self.world.hosts[leecher].stats(self.world.now));
        assert!(self.world.hosts[leecher].content() == self.payload.files);
    }

    fn verified(&self) -> u32 {
        self.world.hosts[self.leecher].stats(self.world.now).pieces_have
    }
}

#[test]
fn a_read_only_folder_is_told_and_the_download_goes_on_once_it_can() {
    let mut stage = Stage::new();
    stage.run(2.0);
    stage.set(DiskFault::ReadOnly);
    stage.run(5.0);
    let stats = stage.world.hosts[stage.leecher].stats(stage.world.now);
    assert_eq!(stats.state, TorrentState::StorageError);
    stage.set(DiskFault::None);
    stage.finish();
}

#[test]
fn writes_that_end_in_the_middle_mark_no_piece_and_are_done_again() {
    let mut stage = Stage::new();
    stage.set(DiskFault::ShortWrites(4));
    stage.run(20.0);
    stage.set(DiskFault::None);
    stage.finish();
    assert!(stage.world.hosts[stage.leecher].count(|n| matches!(n, News::StorageFailed(_))) > 0);
    assert_eq!(stage.world.hosts[stage.leecher].stats(stage.world.now).failed_pieces, 0);
}

#[test]
fn a_disk_that_runs_full_pauses_the_download_until_there_is_space() {
    let mut stage = Stage::new();
    stage.world.hosts[stage.leecher].disk.capacity = 4 << 20;
    stage.run(20.0);
    let stats = stage.world.hosts[stage.leecher].stats(stage.world.now);
    assert_eq!(stats.state, TorrentState::StorageError);
    assert!(stats.pieces_have > 0);
    stage.world.hosts[stage.leecher].disk.capacity = u64::MAX;
    stage.finish();
}

#[test]
fn a_slow_disk_slows_the_download_down_and_memory_stays_bounded() {
    let mut stage = Stage::new();
    stage.world.hosts[stage.leecher].disk.bytes_per_second = 300_000;
    stage.finish();
}

#[test]
fn killed_at_many_moments_a_download_resumes_with_what_was_recorded() {
    for n in 0..10_u32 {
        let mut stage = Stage::new();
        stage.run(0.4 + 0.74 * f64::from(n));
        let before = stage.verified();
        stage.world.kill(stage.leecher);
        let found = stage.restart(u64::from(n) + 100);
        // The system keeps what a killed process has written, so all of it is found.
        assert!(found >= before, "{found} pieces of {before}");
        stage.finish();
    }
}

#[test]
fn when_the_power_fails_nothing_false_is_trusted() {
    for n in 0..10_u32 {
        let mut stage = Stage::new();
        stage.run(0.4 + 0.74 * f64::from(n));
        stage.world.lose_power(stage.leecher);
        stage.restart(u64::from(n) + 200);
        stage.finish();
    }
}

#[test]
fn a_resume_record_that_is_cut_short_or_foreign_means_a_full_check() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [Damage; 4] = [
        |record| record.truncate(record.len() / 2),
        |record| record[30] ^= 1,
        Vec::clear,
        |record| *record = b"something else".to_vec(),
    ];
    for damage in damages {
        let mut stage = Stage::new();
        stage.run(6.5);
        stage.world.kill(stage.leecher);
        let record = stage.world.hosts[stage.leecher].disk.record_mut().as_mut();
        damage(record.expect("a checkpoint is written every five seconds"));
        assert!(stage.restart(300) > 0);
        stage.finish();
    }
}

#[test]
fn bytes_that_rot_between_two_runs_are_fetched_again() {
    let mut stage = Stage::new();
    stage.run(4.0);
    stage.world.kill(stage.leecher);
    stage.world.hosts[stage.leecher].disk.flip(0, 10);
    stage.world.hosts[stage.leecher].disk.record_mut().take();
    stage.restart(400);
    stage.finish();
}

#[test]
fn a_piece_that_can_not_be_read_any_more_is_refused_to_those_who_wait_for_it() {
    let payload = Payload::new(&[1 << 20], 1 << 20);
    let mut world = World::new(Duration::from_millis(10));
    // What is asked for waits for the limit.
    let config = SessionConfig { max_upload: Some(50_000), ..SessionConfig::default() };
    let broken = world.add_host(config, 5_000_000);
    let content = Content::Info(Arc::clone(&payload.info));
    let data = Some(payload.files.clone());
    world.add_torrent(broken, content, data, &[], TorrentOptions::default());
    world.run_for(Duration::from_secs(1));
    let leecher = world.leecher(&payload, 500_000, &[broken]);
    world.run_for(Duration::from_secs(3));
    world.hosts[broken].disk.fault = DiskFault::Errors(1);
    world.run_for(Duration::from_secs(10));
    assert!(!world.hosts[broken].has_all(), "nothing was read there");
    assert!(!world.hosts[leecher].has_all(), "it has all without that");
    let seeder = world.seeder(&payload, 500_000);
    let addr = world.hosts[seeder].addr;
    world.befriend(leecher, addr);
    assert!(world.run_until(Duration::from_secs(60), |world| world.hosts[leecher].has_all()));
}
