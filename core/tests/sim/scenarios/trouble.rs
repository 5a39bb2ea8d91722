//! Peers that come, go, lie or dawdle, and users that change their minds.

use std::{sync::Arc, time::Duration};

use gannet_core::{Content, SessionConfig, TorrentOptions, event::News, metainfo::Info};

use crate::world::{
    DiskFault, HostId, Tracker, World,
    payload::{Payload, torrent},
    tracker_url,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MIB: usize = 1 << 20;

/// Seeders of these upload rates, and one leecher behind them that knows `peers` of them.
struct Swarm {
    world: World,
    leecher: HostId,
    info: Arc<Info>,
    data: Vec<Vec<u8>>,
}

impl Swarm {
    fn new(rates: &[u64], files: &[usize], piece_length: u32, config: SessionConfig) -> Self {
        let (info, data) = torrent(files, piece_length);
        let mut world = World::new(Duration::from_millis(5));
        for &rate in rates {
            let seeder = world.add_host(SessionConfig::default(), rate);
            let content = Content::Info(Arc::clone(&info));
            world.add_torrent(seeder, content, Some(data.clone()), &[], TorrentOptions::default());
        }
        world.run_for(Duration::from_secs(1));
        let leecher = world.add_host(config, 1_000_000);
        Self { world, leecher, info, data }
    }

    fn with(rates: &[u64], files: &[usize]) -> Self {
        let mut swarm = Self::new(rates, files, 64 * 1024, SessionConfig::default());
        swarm.start((0..rates.len()).collect());
        swarm
    }

    fn start(&mut self, peers: Vec<HostId>) {
        let content = Content::Info(Arc::clone(&self.info));
        let options = TorrentOptions::default();
        self.world.add_torrent(self.leecher, content, None, &peers, options);
    }

    /// Seconds until the leecher has it all, and has it right.
    fn finish(&mut self, limit_seconds: u64) -> f64 {
        let (start, leecher) = (self.world.now, self.leecher);
        let done = |world: &World| world.hosts[leecher].finished_at().is_some();
        let finished = self.world.run_until(Duration::from_secs(limit_seconds), done);
        let leecher = &self.world.hosts[leecher];
        assert!(finished, "{:#?}", leecher.stats(self.world.now));
        assert_eq!(leecher.content(), self.data);
        self.world.now.since(start).as_secs_f64()
    }

    fn count(&self, which: impl Fn(&News) -> bool) -> usize {
        self.world.hosts[self.leecher].news.iter().filter(|(_, news)| which(news)).count()
    }
}

#[test]
fn connections_that_break_in_mid_block_come_back_after_a_pause_and_the_rest_goes_on() {
    let mut swarm = Swarm::with(&[1_000_000; 3], &[8 * MIB]);
    swarm.world.run_for(Duration::from_millis(500));
    swarm.world.cut(0);
    let connected = swarm.world.hosts[swarm.leecher].stats(swarm.world.now).peers_connected;
    swarm.world.run_for(Duration::from_millis(100));
    let after = swarm.world.hosts[swarm.leecher].stats(swarm.world.now).peers_connected;
    assert_eq!((connected, after), (3, 2), "not dialled again at once");
    let seconds = swarm.finish(10);
    assert!(seconds < 2.0 * 8.4 / 3.0, "{seconds} s");
    assert_eq!(swarm.count(|news| matches!(news, News::PeerJoined(_))), 4);
}

#[test]
fn one_that_claims_everything_and_serves_nothing_costs_a_timeout_at_most() {
    let mut swarm = Swarm::with(&[1_000_000; 3], &[6 * MIB]);
    swarm.world.hosts[0].disk.fault = DiskFault::SilentReads;
    let seconds = swarm.finish(40);
    assert!(seconds < 2.0 * 3.2 + 30.0, "{seconds} s");
    assert_eq!(swarm.count(|news| matches!(news, News::Banned { .. })), 0);
}

#[test]
fn a_slow_seeder_among_fast_ones_does_not_hold_up_the_end() {
    let faultless = Swarm::with(&[1_000_000; 3], &[6 * MIB]).finish(20);
    let slow = Swarm::with(&[1_000_000, 1_000_000, 1_000_000, 10_000], &[6 * MIB]).finish(40);
    assert!(slow < 2.0 * faultless, "{slow} s instead of {faultless} s");
}

#[test]
fn a_tracker_alone_leads_to_the_peers() {
    let mut swarm = Swarm::new(&[1_000_000; 2], &[2 * MIB], 64 * 1024, SessionConfig::default());
    swarm.start(Vec::new());
    swarm.world.trackers.push(Tracker::default());
    let key = swarm.world.hosts[swarm.leecher].torrent();
    swarm.world.command(swarm.leecher, |session, now| {
        session.add_tracker(now, key, &tracker_url(0));
        session.announce(now, key);
    });
    swarm.finish(20);
    assert!(swarm.count(|news| matches!(news, News::TrackerPeers { .. })) > 0);
}

#[test]
fn sources_and_peers_share_one_torrent() {
    let mut swarm = Swarm::with(&[200_000], &[4 * MIB]);
    swarm.world.hosts[swarm.leecher].source_data = Some(Payload::new(&[4 * MIB], 64 * 1024));
    let key = swarm.world.hosts[swarm.leecher].torrent();
    for n in 0..2 {
        let name = format!("source {n}");
        swarm.world.command(swarm.leecher, |session, now| session.add_source(now, key, name));
    }
    let seconds = swarm.finish(30);
    assert!(seconds < 5.0, "{seconds} s: the peer alone needs 21");
    let stats = swarm.world.hosts[swarm.leecher].stats(swarm.world.now);
    assert!(stats.peers.iter().all(|peer| peer.pieces_good > 0), "{:#?}", stats.peers);
    assert!(stats.duplicate_bytes <= stats.total_bytes / 50, "{}", stats.duplicate_bytes);
}

#[test]
fn files_chosen_in_mid_download_are_fetched_and_the_others_are_left() {
    let mut swarm = Swarm::with(&[1_000_000; 2], &[3 * MIB, 3 * MIB]);
    swarm.world.run_for(Duration::from_millis(500));
    let (leecher, key) = (swarm.leecher, swarm.world.hosts[swarm.leecher].torrent());
    swarm.world.command(leecher, |session, now| session.select(now, key, &[true, false]));
    let done = |world: &World| world.hosts[leecher].finished_at().is_some();
    assert!(swarm.world.run_until(Duration::from_secs(20), done));
    assert_eq!(swarm.world.hosts[leecher].content()[0], swarm.data[0]);
    let stats = swarm.world.hosts[leecher].stats(swarm.world.now);
    assert!(stats.downloaded_bytes < 5 * MIB as u64, "{}", stats.downloaded_bytes);
    swarm.world.command(leecher, |session, now| session.select(now, key, &[true, true]));
    let all =
        |world: &World| world.hosts[leecher].session.have(key).is_some_and(|have| have.is_full());
    assert!(swarm.world.run_until(Duration::from_secs(20), all));
    assert_eq!(swarm.world.hosts[leecher].content(), swarm.data);
    assert_eq!(swarm.world.hosts[leecher].session.leased_bytes(), 0);
}

#[test]
fn spilled_pieces_with_a_corrupter_come_out_right_and_only_it_is_banned() {
    let memory_bytes = 2 << 20;
    let config = SessionConfig { memory_bytes, ..SessionConfig::default() };
    let mut swarm = Swarm::new(&[1_000_000; 4], &[8 * MIB], 512 * 1024, config);
    swarm.world.hosts[2].disk.fault = DiskFault::CorruptReads;
    swarm.start(vec![0, 1, 2, 3]);
    swarm.finish(60);
    let corrupter = swarm.world.hosts[2].addr.to_string();
    let honest = swarm.count(|news| matches!(news, News::Banned { name } if *name != corrupter));
    assert_eq!(honest, 0);
    assert_eq!(swarm.count(|news| matches!(news, News::Banned { .. })), 1);
    assert_eq!(swarm.world.hosts[swarm.leecher].session.leased_bytes(), 0);
}

#[test]
fn leechers_finish_without_the_seeder_once_one_copy_is_among_them() {
    let mut swarm = Swarm::with(&[1_000_000], &[4 * MIB]);
    for _ in 0..4 {
        let leecher = swarm.world.add_host(SessionConfig::default(), 1_000_000);
        let known: Vec<HostId> = (0..leecher).collect();
        let content = Content::Info(Arc::clone(&swarm.info));
        swarm.world.add_torrent(leecher, content, None, &known, TorrentOptions::default());
    }
    let copy_is_out = |world: &World| {
        let have = |piece| {
            let mut leechers = world.hosts[1..].iter();
            leechers
                .any(|host| host.session.have(host.torrent()).is_some_and(|have| have.has(piece)))
        };
        swarm.info.layout().pieces().all(have)
    };
    assert!(swarm.world.run_until(Duration::from_secs(60), copy_is_out));
    swarm.world.kill(0);
    let done = |world: &World| world.hosts[1..].iter().all(|host| host.finished_at().is_some());
    assert!(swarm.world.run_until(Duration::from_secs(120), done));
    assert!(swarm.world.hosts[1..].iter().all(|host| host.content() == swarm.data));
}
