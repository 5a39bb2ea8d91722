//! A swarm drawn from a seed: who takes part, and what goes wrong when.

use std::time::Duration;

use crate::{
    draw,
    stranger::Behaviour,
    world::{Cut, DiskFault, HostId, TrackerFault},
};

/// Everything about one run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub files: Vec<usize>,
    pub piece_length: u32,
    pub latency: Duration,
    pub hosts: Vec<HostPlan>,
    pub strangers: Vec<StrangerPlan>,
    /// Of each tracker, whether it is asked over UDP.
    pub trackers: Vec<bool>,
    pub relays: usize,
    pub faults: Vec<(Duration, Fault)>,
}

/// One host. The first is a seeder that stays to the end, so that everybody can finish.
#[derive(Debug, Clone)]
pub struct HostPlan {
    pub seeds: bool,
    pub upload_rate: u64,
    pub download_rate: u64,
    pub latency: Duration,
    pub joins_after: Duration,
    /// It reaches others through relays alone.
    pub behind_relays: bool,
    /// Starts from the info hash alone.
    pub magnet: bool,
    pub cut: Cut,
    pub memory_bytes: u64,
    pub seek: Duration,
    /// Leaves for good, finished or not.
    pub leaves_after: Option<Duration>,
}

#[derive(Debug, Clone)]
pub struct StrangerPlan {
    pub behaviour: Behaviour,
    pub rate: u64,
    /// It dials the hosts, instead of waiting to be dialled.
    pub intrudes: bool,
}

/// Something that goes wrong at a host, for a while.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// All its connections break.
    Cut(HostId),
    /// Its process is killed and started again.
    Kill(HostId, Duration),
    /// Its power fails and comes back.
    Power(HostId, Duration),
    Disk(HostId, DiskFault, Duration),
    /// Nothing leaves it.
    Stall(HostId, Duration),
    /// It sleeps.
    Suspend(HostId, Duration),
    /// Its clock jumps ahead.
    Jump(HostId, Duration),
    /// It is cut off from all others, and its connections seem to stand.
    Part(HostId, Duration),
    /// The tracker fails.
    Tracker(usize, TrackerFault, Duration),
    /// A relay is killed and started again.
    Relay(usize, Duration),
}

impl Fault {
    /// How long it lasts.
    pub fn lasts(self) -> Duration {
        match self {
            Self::Cut(_) | Self::Jump(..) => Duration::ZERO,
            Self::Kill(_, time)
            | Self::Power(_, time)
            | Self::Disk(_, _, time)
            | Self::Stall(_, time)
            | Self::Suspend(_, time)
            | Self::Part(_, time)
            | Self::Relay(_, time)
            | Self::Tracker(_, _, time) => time,
        }
    }
}

fn millis(rng: &mut fastrand::Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(range))
}

/// As often small as large.
fn rate(rng: &mut fastrand::Rng) -> u64 {
    (60_000.0 * 40f64.powf(rng.f64())) as u64
}

impl Plan {
    pub fn draw(seed: u64) -> Self {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let piece_length = 16_384 << rng.u32(..3);
        let files: Vec<usize> = (0..draw(rng, 1..4)).map(|_| draw(rng, 1..500_000)).collect();
        let (seeders, leechers) = (draw(rng, 1..4), draw(rng, 1..6));
        let total: usize = files.iter().sum();
        let mut hosts: Vec<HostPlan> = (0..seeders + leechers)
            .map(|n| HostPlan::draw(rng, n < seeders, n == 0, piece_length, total))
            .collect();
        let strangers = (0..draw(rng, ..5)).map(|_| StrangerPlan::draw(rng)).collect();
        let trackers: Vec<bool> = (0..draw(rng, ..3)).map(|_| rng.bool()).collect();
        let relays = draw(rng, ..4);
        for leecher in &mut hosts[seeders..] {
            leecher.behind_relays = relays > 0 && rng.u8(..3) == 0;
        }
        let latency = millis(rng, 1..80);
        let faults = Vec::new();
        let mut plan =
            Self { seed, files, piece_length, latency, hosts, strangers, trackers, relays, faults };
        plan.faults = (0..draw(rng, ..5))
            .map(|_| (millis(rng, 0..20_000), draw_fault(rng, seeders, &plan)))
            .collect();
        plan
    }

    /// The same swarm on a good day.
    pub fn faultless(&self) -> Self {
        let mut plan = self.clone();
        plan.strangers.clear();
        plan.faults.clear();
        plan
    }

    /// When the last fault is over.
    pub fn trouble_ends(&self) -> Duration {
        self.faults.iter().map(|(at, fault)| *at + fault.lasts()).max().unwrap_or_default()
    }
}

impl HostPlan {
    fn draw(
        rng: &mut fastrand::Rng,
        seeds: bool,
        first: bool,
        piece_length: u32,
        total: usize,
    ) -> Self {
        let cut = match rng.u8(..12) {
            0 if total < 50_000 => Cut::Every(1),
            0 => Cut::Random(700),
            1 => Cut::Random(2_000),
            2 => Cut::Every(1_448),
            _ => Cut::Never,
        };
        let pieces_in_memory = if rng.bool() { 1_000 } else { rng.u64(4..20) };
        Self {
            seeds,
            upload_rate: rate(rng),
            download_rate: if rng.bool() { u64::MAX } else { 4 * rate(rng) },
            latency: millis(rng, 0..100),
            joins_after: if first { Duration::ZERO } else { millis(rng, 0..8_000) },
            behind_relays: false,
            magnet: !seeds && rng.u8(..4) == 0,
            cut,
            memory_bytes: pieces_in_memory * u64::from(piece_length),
            seek: Duration::from_micros(rng.u64(50..10_000)),
            leaves_after: (!first && rng.u8(..6) == 0).then(|| millis(rng, 9_000..40_000)),
        }
    }
}

impl StrangerPlan {
    fn draw(rng: &mut fastrand::Rng) -> Self {
        let behaviour = Behaviour::ALL[draw(rng, ..Behaviour::ALL.len())];
        Self { behaviour, rate: rate(rng), intrudes: rng.bool() }
    }
}

/// The first seeder's connections may break, but it is never away; seeders' disks stay as they are.
fn draw_fault(rng: &mut fastrand::Rng, seeders: usize, plan: &Plan) -> Fault {
    let (hosts, trackers, relays) = (plan.hosts.len(), plan.trackers.len(), plan.relays);
    let (any, later) = (draw(rng, ..hosts), draw(rng, 1..hosts));
    let leecher = draw(rng, seeders..hosts);
    let time = millis(rng, 500..15_000);
    match rng.u8(..12) {
        0 => Fault::Cut(any),
        1 => Fault::Kill(leecher, time),
        2 => Fault::Power(leecher, time),
        3 => Fault::Disk(leecher, draw_disk_fault(rng), time),
        4 => Fault::Stall(later, time),
        5 => Fault::Suspend(later, time),
        6 => Fault::Jump(any, time * 600),
        7 => Fault::Part(later, time),
        8 if trackers > 0 => Fault::Tracker(draw(rng, ..trackers), draw_tracker_fault(rng), time),
        9 | 10 if relays > 0 => Fault::Relay(draw(rng, ..relays), time),
        _ => Fault::Cut(later),
    }
}

fn draw_disk_fault(rng: &mut fastrand::Rng) -> DiskFault {
    match rng.u8(..4) {
        0 => DiskFault::Full,
        1 => DiskFault::ReadOnly,
        2 => DiskFault::Errors(rng.u32(1..30)),
        _ => DiskFault::ShortWrites(rng.u32(1..30)),
    }
}

fn draw_tracker_fault(rng: &mut fastrand::Rng) -> TrackerFault {
    let faults = [
        TrackerFault::Down,
        TrackerFault::Silent,
        TrackerFault::Slow(Duration::from_secs(5)),
        TrackerFault::Rubbish,
        TrackerFault::Refusing,
        TrackerFault::Lying,
        TrackerFault::Lossy,
        TrackerFault::Late,
        TrackerFault::Strange,
        TrackerFault::Forgetful,
    ];
    faults[draw(rng, ..faults.len())]
}
