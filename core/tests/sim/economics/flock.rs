//! A seeder and many leechers that all come at once, with storage that holds no bytes.

use std::{sync::Arc, time::Duration};

use gannet_core::{
    AddTorrent, Content, SessionConfig, TorrentOptions, layout::BLOCK_BYTES, time::Instant,
};

use crate::world::{HostId, Tracker, World, payload::Payload, tracker_url};

/// Pieces of the torrent, a block each.
pub const PIECES: u32 = 1_024;
/// From one host to another.
const LATENCY: Duration = Duration::from_millis(50);
/// Peers in a tracker's answer.
const TRACKER_PEERS: usize = 50;

/// A swarm to be measured.
#[derive(Debug, Clone)]
pub struct Flock {
    /// Pieces of a block each.
    pub pieces: u32,
    pub seeder_rate: u64,
    /// Bytes per second that each leecher can send.
    pub rates: Vec<u64>,
    pub sequential: bool,
    /// Each leecher comes so much later than the one before.
    pub apart: Duration,
    /// Leechers from this one on give nothing.
    pub free_riders_from: usize,
    pub seed: u64,
}

impl Flock {
    /// Equal upload rates.
    pub fn equal(leechers: usize, rate: u64) -> Self {
        Self {
            pieces: PIECES,
            seeder_rate: rate,
            rates: vec![rate; leechers],
            sequential: false,
            apart: Duration::ZERO,
            free_riders_from: usize::MAX,
            seed: 1,
        }
    }

    /// Upload rates from half to twice the seeder's, as many of each.
    pub fn mixed(leechers: usize, rate: u64) -> Self {
        let rates = (0..leechers).map(|n| [rate / 2, rate, 2 * rate][n % 3]).collect();
        Self { rates, ..Self::equal(leechers, rate) }
    }

    pub fn total_bytes(&self) -> u64 {
        u64::from(self.pieces) * u64::from(BLOCK_BYTES)
    }

    /// Bytes per second that all together can send.
    fn capacity(&self) -> u64 {
        self.seeder_rate + self.rates.iter().take(self.free_riders_from).sum::<u64>()
    }

    /// The fluid lower bound on the time until all have it: max(F/u_seed, N·F/(u_seed + Σ u_i));
    /// downloads are not limited (Kumar and Ross, 2006).
    pub fn bound(&self) -> Duration {
        let total = self.total_bytes() as f64;
        let seeder = total / self.seeder_rate as f64;
        let all = self.rates.len() as f64 * total / self.capacity() as f64;
        Duration::from_secs_f64(seeder.max(all))
    }

    /// The swarm, and its start.
    pub fn world(&self) -> World {
        let payload = Payload::hollow(self.pieces, BLOCK_BYTES);
        let mut world = World::seeded(LATENCY, self.seed);
        (world.keeps_news, world.trace.is_off) = (false, true);
        world.trackers.push(Tracker { most: TRACKER_PEERS, ..Tracker::default() });
        join(&mut world, &payload, self.seeder_rate, None, true, false);
        world.run_for(Duration::from_secs(1));
        for (n, &rate) in self.rates.iter().enumerate() {
            world.run_for(self.apart);
            let max_upload = (n >= self.free_riders_from).then_some(1);
            join(&mut world, &payload, rate, max_upload, false, self.sequential);
        }
        world
    }

    /// Runs until all are done.
    pub fn run(&self, limit: Duration) -> Sharing {
        let mut world = self.world();
        let start = Instant::from_micros(2_000_000);
        let mut sent = vec![0];
        // Asking ten thousand hosts after each event would take longer than the events.
        while world.hosts[1..].iter().any(|host| host.finished_at().is_none()) {
            assert!(world.now.since(start) < limit, "not done after {limit:?}");
            world.run_for(Duration::from_secs(1));
            sent.push(world.hosts.iter().map(|host| host.line.sent_bytes).sum());
        }
        Sharing::new(self, &world, start, &sent)
    }
}

fn join(
    world: &mut World,
    payload: &Arc<Payload>,
    rate: u64,
    max_upload: Option<u64>,
    complete: bool,
    sequential: bool,
) -> HostId {
    let listen_port = Some(6881);
    let config = SessionConfig { listen_port, max_upload, ..SessionConfig::default() };
    let host = world.add_host(config, rate);
    world.hosts[host].hollow = true;
    world.add(
        host,
        AddTorrent {
            content: Content::Info(Arc::clone(&payload.info)),
            trackers: vec![vec![tracker_url(0)]],
            peers: Vec::new(),
            options: TorrentOptions { complete, sequential, ..TorrentOptions::default() },
        },
    );
    host
}

/// The share of the capacity that was used in each tenth of the time, from what was sent by each second.
fn busy(sent: &[u64], bytes_per_second: u64) -> Vec<f64> {
    let seconds = sent.len() - 1;
    let tenths = (0..10).map(|tenth| (tenth * seconds / 10, (tenth + 1) * seconds / 10));
    let share = |(from, to): (usize, usize)| {
        let could = bytes_per_second * (to - from).max(1) as u64;
        (sent[to] - sent[from]) as f64 / could as f64
    };
    tenths.map(share).collect()
}

/// How a swarm has shared.
#[derive(Debug)]
pub struct Sharing {
    pub bound: Duration,
    /// When each leecher was done, from the start.
    pub done: Vec<Duration>,
    /// How often the seeder has sent the whole payload.
    pub seeder_copies: f64,
    /// Payload received twice, of all received.
    pub duplicates: f64,
    /// How much of what all could send was sent, in each tenth of the time.
    pub busy: Vec<f64>,
    pub events: u64,
}

impl Sharing {
    fn new(flock: &Flock, world: &World, start: Instant, sent: &[u64]) -> Self {
        let (leechers, total) = (&world.hosts[1..], flock.total_bytes());
        let done = leechers.iter().filter_map(|host| Some(host.finished_at()?.since(start)));
        let stats = leechers.iter().map(|host| host.stats(world.now));
        let twice: u64 = stats.map(|stats| stats.duplicate_bytes).sum();
        let uploaded = world.hosts[0].stats(world.now).uploaded_bytes;
        Self {
            bound: flock.bound(),
            done: done.collect(),
            seeder_copies: uploaded as f64 / total as f64,
            duplicates: twice as f64 / (total * leechers.len() as u64) as f64,
            busy: busy(sent, flock.capacity()),
            events: world.events(),
        }
    }

    pub fn last(&self) -> Duration {
        self.done.iter().max().copied().unwrap_or_default()
    }

    pub fn mean(&self) -> Duration {
        self.done.iter().sum::<Duration>() / self.done.len().max(1) as u32
    }

    /// The last leecher's time against the bound.
    pub fn ratio(&self) -> f64 {
        self.last().as_secs_f64() / self.bound.as_secs_f64()
    }
}
