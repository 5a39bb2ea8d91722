//! Networks that stall, part and lose connections; clocks that jump; trackers that fail.

use std::{sync::Arc, time::Duration};

use gannet_core::{event::News, stats::TorrentStats};

use crate::world::{
    Cut, DiskFault, HostId, Tracker, TrackerFault, World, payload::Payload, tracker_url, udp_url,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Two seeders and a leecher of 4 MiB: 4.2 s on a good day.
struct Stage {
    world: World,
    payload: Arc<Payload>,
    leecher: HostId,
}

impl Stage {
    fn new() -> Self {
        let payload = Payload::new(&[4 << 20], 64 * 1024);
        let mut world = World::new(Duration::from_millis(10));
        let seeders = [world.seeder(&payload, 500_000), world.seeder(&payload, 500_000)];
        world.run_for(Duration::from_secs(1));
        let leecher = world.leecher(&payload, 500_000, &seeders);
        Self { world, payload, leecher }
    }

    fn run(&mut self, seconds: u64) {
        self.world.run_for(Duration::from_secs(seconds));
    }

    fn finish(&mut self, limit_seconds: u64) -> f64 {
        let (start, leecher) = (self.world.now, self.leecher);
        let done = |world: &World| world.hosts[leecher].has_all();
        let finished = self.world.run_until(Duration::from_secs(limit_seconds), done);
        assert!(finished, "{:#?}", self.world.hosts[leecher].stats(self.world.now));
        assert!(self.world.hosts[leecher].content() == self.payload.files);
        self.world.now.since(start).as_secs_f64()
    }

    fn stats(&self) -> TorrentStats {
        self.world.hosts[self.leecher].stats(self.world.now)
    }

    fn count(&self, which: impl Fn(&News) -> bool) -> usize {
        self.world.hosts[self.leecher].count(which)
    }
}

#[test]
fn a_line_that_stalls_for_a_while_costs_that_while() {
    let mut stage = Stage::new();
    stage.run(1);
    for seeder in [0, 1] {
        stage.world.hosts[seeder].line.stalled_until = stage.world.now + Duration::from_secs(8);
    }
    assert!(stage.finish(60) < 2.0 * 4.2 + 8.0);
}

#[test]
fn what_a_partition_held_up_arrives_when_it_heals() {
    let mut stage = Stage::new();
    stage.run(1);
    stage.world.part([stage.leecher], Duration::from_secs(12));
    stage.run(14);
    assert_eq!(stage.count(|news| matches!(news, News::PeerLeft { .. })), 0, "no connection ends");
    assert!(stage.finish(60) < 2.0 * 4.2);
}

#[test]
fn connections_that_break_again_and_again_only_slow_things_down() {
    let mut stage = Stage::new();
    for _ in 0..6 {
        stage.run(1);
        stage.world.cut(stage.leecher);
    }
    stage.finish(40);
}

#[test]
fn a_suspended_host_goes_on_where_it_was() {
    let mut stage = Stage::new();
    stage.run(1);
    stage.world.suspend(stage.leecher, Duration::from_secs(3_600));
    stage.run(3_601);
    stage.finish(30);
}

#[test]
fn a_clock_that_jumps_ahead_times_out_what_is_out_and_nothing_else() {
    let mut stage = Stage::new();
    stage.run(1);
    stage.world.hosts[stage.leecher].ahead += Duration::from_secs(40);
    stage.finish(20);
    assert_eq!(stage.count(|news| matches!(news, News::Banned { .. })), 0);
}

#[test]
fn a_narrow_way_in_fills_no_queue_without_end() {
    let mut stage = Stage::new();
    stage.world.hosts[stage.leecher].line.download_rate = 200_000;
    let seconds = stage.finish(60);
    assert!(seconds < 1.25 * 21.0, "{seconds} s for 4 MiB at 200 kB/s");
}

#[test]
fn random_fragments_with_a_corrupter_among_them_come_out_right() {
    let mut stage = Stage::new();
    stage.world.hosts[0].disk.fault = DiskFault::CorruptReads;
    stage.world.hosts[stage.leecher].line.cut = Cut::Random(100);
    stage.finish(60);
}

/// A leecher whose only way to the seeder are two trackers, one a tier.
fn search(fault: TrackerFault, url: fn(usize) -> String) -> (World, HostId) {
    let payload = Payload::new(&[1 << 20], 64 * 1024);
    let mut world = World::new(Duration::from_millis(10));
    world.seeder(&payload, 500_000);
    world.trackers = vec![Tracker { fault, ..Tracker::default() }, Tracker::default()];
    let leecher = world.leecher(&payload, 500_000, &[]);
    let key = world.hosts[leecher].torrent();
    world.command(leecher, |session, now| {
        session.add_tracker(now, key, &url(0));
        session.add_tracker(now, key, &url(1));
        session.announce(now, key);
    });
    (world, leecher)
}

fn is_found_in_spite_of(fault: TrackerFault, url: fn(usize) -> String, limit: Duration) {
    let (mut world, leecher) = search(fault, url);
    let finished = world.run_until(limit, |world| world.hosts[leecher].has_all());
    assert!(finished, "{fault:?}: {:#?}", world.hosts[leecher].stats(world.now));
}

#[test]
fn trackers_that_fail_in_any_way_leave_the_next_one_to_be_asked() {
    let faults = [
        TrackerFault::Down,
        TrackerFault::Silent,
        TrackerFault::Slow(Duration::from_secs(8)),
        TrackerFault::Rubbish,
        TrackerFault::Refusing,
    ];
    for fault in faults {
        is_found_in_spite_of(fault, tracker_url, Duration::from_secs(120));
    }
}

#[test]
fn udp_trackers_that_fail_in_any_way_leave_the_next_one_to_be_asked() {
    let faults = [
        TrackerFault::Silent,
        TrackerFault::Rubbish,
        TrackerFault::Refusing,
        TrackerFault::Strange,
        TrackerFault::Forgetful,
    ];
    for fault in faults {
        is_found_in_spite_of(fault, udp_url, Duration::from_secs(300));
    }
}

#[test]
fn datagrams_that_get_lost_or_come_late_are_sent_again() {
    for fault in [TrackerFault::Lossy, TrackerFault::Late] {
        let (mut world, leecher) = search(fault, udp_url);
        let finished =
            world.run_until(Duration::from_secs(300), |world| world.hosts[leecher].has_all());
        assert!(finished, "{fault:?}: {:#?}", world.hosts[leecher].stats(world.now));
        assert!(world.trackers[0].asked > 1, "{fault:?}: asked once");
    }
}

#[test]
fn a_connection_that_breaks_before_it_stands_is_dialled_again() {
    let mut stage = Stage::new();
    stage.world.hosts[stage.leecher].line.unreachable = true;
    // The seeders have accepted, and the leecher doesn't know yet.
    stage.world.run_for(Duration::from_millis(15));
    (0..2).for_each(|seeder| stage.world.cut(seeder));
    stage.finish(60);
}

/// A download through the first of so many relays, and what it has after two seconds.
fn through_relays(relays: usize) -> (Stage, u64) {
    let mut stage = Stage::new();
    stage.world.set_relays(relays);
    stage.world.put_behind_relays(stage.leecher);
    stage.run(2);
    let had = stage.stats().have_bytes;
    assert!(had > 0, "nothing comes through a relay");
    (stage, had)
}

#[test]
fn when_a_relay_dies_all_its_streams_break_and_the_next_one_carries_on() {
    let (mut stage, had) = through_relays(2);
    stage.world.kill_relay(0);
    stage.world.run_for(Duration::from_millis(100));
    let cut_off = stage.stats();
    assert_eq!(cut_off.peers_connected, 0);
    assert!(cut_off.have_bytes >= had, "progress is kept");
    stage.finish(60);
}

#[test]
fn when_the_only_relay_dies_a_download_waits_for_it_and_goes_on() {
    let (mut stage, had) = through_relays(1);
    stage.world.kill_relay(0);
    stage.run(5);
    let cut_off = stage.stats();
    assert_eq!(cut_off.peers_connected, 0);
    assert!(cut_off.have_bytes >= had && !stage.world.hosts[stage.leecher].has_all());
    stage.world.restart_relay(0);
    stage.finish(60);
}
