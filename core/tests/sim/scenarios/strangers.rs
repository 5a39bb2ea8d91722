//! Hostile peers beside honest ones: what they cost is time, never wrong bytes, and nobody honest pays.

use std::{sync::Arc, time::Duration};

use gannet_core::event::News;

use crate::{
    stranger::Behaviour,
    world::{HostId, World, payload::Payload},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Two honest seeders, two strangers of one kind, and a leecher that knows all four.
struct Meeting {
    world: World,
    payload: Arc<Payload>,
    leecher: HostId,
}

impl Meeting {
    fn with(behaviour: Behaviour) -> Self {
        let payload = Payload::new(&[3 << 20], 64 * 1024);
        let mut world = World::new(Duration::from_millis(10));
        let seeders = [world.seeder(&payload, 500_000), world.seeder(&payload, 500_000)];
        let strangers = [0, 1].map(|_| world.add_stranger(behaviour, &payload, 500_000));
        world.run_for(Duration::from_secs(1));
        let leecher = world.leecher(&payload, 500_000, &seeders);
        for stranger in strangers {
            let addr = world.strangers[stranger].addr;
            world.befriend(leecher, addr);
        }
        Self { world, payload, leecher }
    }

    /// Seconds until the leecher has it all, and has it right.
    fn finish(&mut self, limit_seconds: u64) -> f64 {
        let (start, leecher) = (self.world.now, self.leecher);
        let done = |world: &World| world.hosts[leecher].has_all();
        let finished = self.world.run_until(Duration::from_secs(limit_seconds), done);
        let host = &self.world.hosts[leecher];
        assert!(finished, "{:#?}", host.stats(self.world.now));
        assert!(host.content() == self.payload.files);
        self.world.now.since(start).as_secs_f64()
    }

    fn left_because(&self, why: &str) -> usize {
        self.world.hosts[self.leecher].count(|news| {
            matches!(news, News::PeerLeft { why: leaving, .. } if leaving.to_string().contains(why))
        })
    }
}

/// Two honest seeders of 500 kB/s need this long, in seconds.
const GOOD_DAY: f64 = 3.15;

#[test]
fn whatever_strangers_do_a_download_ends_in_twice_its_time_and_a_moment_of_silence() {
    for behaviour in Behaviour::ALL {
        let seconds = Meeting::with(behaviour).finish(120);
        println!("{behaviour:?}: {seconds:.1} s");
        assert!(seconds <= 2.0 * GOOD_DAY + 3.0, "{behaviour:?}: {seconds:.1} s");
    }
}

#[test]
fn corrupters_are_banned() {
    let mut meeting = Meeting::with(Behaviour::Corrupter);
    meeting.finish(60);
    assert_eq!(meeting.world.hosts[meeting.leecher].banned().len(), 2);
}

#[test]
fn poisoners_who_send_one_block_in_eight_spoilt_are_banned_and_cost_little() {
    let mut meeting = Meeting::with(Behaviour::Poisoner(8));
    let seconds = meeting.finish(60);
    assert_eq!(meeting.world.hosts[meeting.leecher].banned().len(), 2);
    let corrupt = meeting.world.hosts[meeting.leecher].stats(meeting.world.now).corrupt_bytes;
    assert!(corrupt <= 10 * 64 * 1024, "{corrupt} bytes of bad pieces, {seconds:.1} s");
}

#[test]
fn liars_about_what_they_have_are_closed() {
    let mut meeting = Meeting::with(Behaviour::Liar);
    meeting.finish(20);
    assert!(meeting.left_because("broke the protocol") >= 1);
}

#[test]
fn babblers_are_closed() {
    let mut meeting = Meeting::with(Behaviour::Babbler);
    meeting.finish(20);
    assert!(meeting.left_because("broke the protocol") >= 2);
}

#[test]
fn blocks_that_come_three_times_are_counted_and_nobody_is_banned_for_them() {
    let mut meeting = Meeting::with(Behaviour::Repeater);
    meeting.finish(20);
    let stats = meeting.world.hosts[meeting.leecher].stats(meeting.world.now);
    assert!(stats.duplicate_bytes > 0);
    assert!(stats.peers.iter().all(|peer| !peer.banned));
}

#[test]
fn strangers_who_dial_us_are_borne_as_well() {
    for behaviour in Behaviour::ALL {
        let mut meeting = Meeting::with(Behaviour::Quitter);
        let stranger = meeting.world.add_stranger(behaviour, &meeting.payload, 500_000);
        let addr = meeting.world.hosts[meeting.leecher].addr;
        (0..5).for_each(|_| meeting.world.intrude(stranger, addr));
        let seconds = meeting.finish(60);
        assert!(seconds <= 2.0 * GOOD_DAY + 3.0, "{behaviour:?}: {seconds:.1} s");
    }
}
