//! Carries out a plan, holds it to what is promised, and measures it.

use std::{sync::Arc, time::Duration};

use gannet_core::{AddTorrent, Content, SessionConfig, TorrentOptions, time::Instant};

use super::plan::{Fault, HostPlan, Plan};
use crate::world::{
    DiskFault, HostId, Tracker, TrackerFault, World, payload::Payload, tracker_url, udp_url,
};

/// A run without faults that takes longer than this hangs.
const HANGS_AFTER: Duration = Duration::from_secs(3_600);

/// What one run was like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measure {
    /// Virtual time until the last leecher was done.
    pub time: Duration,
    /// The most bytes that one leecher received twice.
    pub duplicates: u64,
    pub payload_bytes: u64,
    /// The longest way from 99 % to done.
    pub last_percent: Duration,
    pub fingerprint: u64,
    pub events: u64,
}

/// Something that is going to happen in a run.
#[derive(Debug, Clone, Copy)]
enum Step {
    Join(HostId),
    Leave(HostId),
    Break(Fault),
    Mend(Fault),
}

struct Run<'a> {
    plan: &'a Plan,
    world: World,
    payload: Arc<Payload>,
    /// Which host of the world plays which host of the plan.
    joined: Vec<bool>,
    left: Vec<bool>,
}

/// Runs a plan until everybody is done; panics if a promise is broken.
pub fn run(plan: &Plan, limit: Duration, prints: bool) -> Measure {
    let mut run = Run::new(plan, prints);
    let start = run.world.now;
    for (at, step) in steps(plan) {
        let wait = (start + at).since(run.world.now);
        run.world.run_for(wait);
        run.take(step);
    }
    let end = start + limit;
    let left = end.since(run.world.now);
    let waiting = run.waiting();
    let done = |world: &World| waiting.iter().all(|&host| world.hosts[host].has_all());
    let done = run.world.run_until(left, done);
    assert!(done, "not done after {limit:?}: {}", run.laggards());
    run.finish(start)
}

fn steps(plan: &Plan) -> Vec<(Duration, Step)> {
    let joins = plan.hosts.iter().enumerate().map(|(n, host)| (host.joins_after, Step::Join(n)));
    let leaves = plan.hosts.iter().enumerate();
    let leaves = leaves.filter_map(|(n, host)| Some((host.leaves_after?, Step::Leave(n))));
    let breaks = plan.faults.iter().map(|&(at, fault)| (at, Step::Break(fault)));
    let mends = plan.faults.iter().map(|&(at, fault)| (at + fault.lasts(), Step::Mend(fault)));
    let mut steps: Vec<(Duration, Step)> = joins.chain(leaves).chain(breaks).chain(mends).collect();
    steps.sort_by_key(|(at, _)| *at);
    steps
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, prints: bool) -> Self {
        let mut world = World::seeded(plan.latency, plan.seed);
        (world.trace.prints, world.keeps_news) = (prints, false);
        world.trackers = plan.trackers.iter().map(|_| Tracker::default()).collect();
        world.set_relays(plan.relays);
        let payload = Payload::new(&plan.files, plan.piece_length);
        plan.hosts.iter().for_each(|host| add_host(&mut world, host, &payload));
        for stranger in &plan.strangers {
            world.add_stranger(stranger.behaviour, &payload, stranger.rate);
        }
        let joined = vec![false; plan.hosts.len()];
        Self { plan, world, payload, left: joined.clone(), joined }
    }

    fn take(&mut self, step: Step) {
        self.world.say(format_args!("{step:?}"));
        match step {
            Step::Join(host) => self.join(host),
            Step::Leave(host) => {
                self.left[host] = true;
                self.world.kill(host);
            }
            Step::Break(fault) => self.break_it(fault),
            Step::Mend(fault) => self.mend(fault),
        }
    }

    fn join(&mut self, host: HostId) {
        self.joined[host] = true;
        let data = self.plan.hosts[host].seeds.then(|| self.payload.files.clone());
        self.world.hosts[host].disk.fill(data.unwrap_or_default());
        self.start(host);
        for (n, stranger) in self.plan.strangers.iter().enumerate() {
            if stranger.intrudes {
                let addr = self.world.hosts[host].addr;
                self.world.intrude(n, addr);
            }
        }
    }

    /// Everybody knows the first seeder, the tracker, and some others.
    fn start(&mut self, host: HostId) {
        let plan = &self.plan.hosts[host];
        let known = self.world.everybody_else(host);
        let peers =
            known.into_iter().enumerate().filter(|(n, _)| *n == 0 || !(host + n).is_multiple_of(3));
        let content = match plan.magnet {
            true => Content::Hash(*self.payload.info.info_hash()),
            false => Content::Info(Arc::clone(&self.payload.info)),
        };
        let trackers = self.plan.trackers.iter().enumerate();
        let trackers =
            trackers.map(|(n, udp)| vec![if *udp { udp_url(n) } else { tracker_url(n) }]);
        let trackers = trackers.collect();
        let options = TorrentOptions { complete: plan.seeds, ..TorrentOptions::default() };
        let peers = peers.map(|(_, addr)| addr).collect();
        self.world.add(host, AddTorrent { content, trackers, peers, options });
    }

    fn is_here(&self, host: HostId) -> bool {
        self.joined[host] && !self.left[host]
    }

    fn break_it(&mut self, fault: Fault) {
        match fault {
            Fault::Tracker(n, how, _) => self.world.trackers[n].fault = how,
            Fault::Relay(n, _) => self.world.kill_relay(n),
            Fault::Cut(host)
            | Fault::Kill(host, _)
            | Fault::Power(host, _)
            | Fault::Disk(host, ..)
            | Fault::Stall(host, _)
            | Fault::Suspend(host, _)
            | Fault::Jump(host, _)
            | Fault::Part(host, _)
                if !self.is_here(host) || self.world.hosts[host].down => {}
            Fault::Cut(host) => self.world.cut(host),
            Fault::Kill(host, _) => self.world.kill(host),
            Fault::Power(host, _) => self.world.lose_power(host),
            Fault::Disk(host, how, _) => self.world.hosts[host].disk.fault = how,
            Fault::Stall(host, time) => {
                self.world.hosts[host].line.stalled_until = self.world.now + time;
            }
            Fault::Suspend(host, time) => self.world.suspend(host, time),
            Fault::Jump(host, by) => self.world.hosts[host].ahead += by,
            Fault::Part(host, time) => self.world.part([host], time),
        }
    }

    fn mend(&mut self, fault: Fault) {
        match fault {
            Fault::Tracker(n, ..) => self.world.trackers[n].fault = TrackerFault::None,
            Fault::Relay(n, _) => self.world.restart_relay(n),
            Fault::Disk(host, ..) => self.world.hosts[host].disk.fault = DiskFault::None,
            Fault::Kill(host, _) | Fault::Power(host, _)
                if self.world.hosts[host].down && self.is_here(host) =>
            {
                let seed = self.world.rng.u64(..);
                self.world.restart(host, seed);
                self.start(host);
            }
            _ => {}
        }
    }

    /// Who is still to finish.
    fn waiting(&self) -> Vec<HostId> {
        (0..self.plan.hosts.len()).filter(|&host| self.is_here(host)).collect()
    }

    fn laggards(&self) -> String {
        let late = self.waiting().into_iter().filter(|&host| !self.world.hosts[host].has_all());
        late.map(|host| format!("host {host}: {:#?}", self.world.hosts[host].stats(self.world.now)))
            .collect()
    }

    /// All is there: the bytes are right, and nothing is kept once the torrent is removed.
    fn finish(mut self, start: Instant) -> Measure {
        let mut measure =
            Measure { fingerprint: self.world.trace.fingerprint, ..Measure::default() };
        for host in self.waiting() {
            let done = &self.world.hosts[host];
            assert!(done.content() == self.payload.files, "host {host} has wrong bytes");
            if self.plan.hosts[host].seeds {
                continue;
            }
            let stats = done.stats(self.world.now);
            let last = done.finished_at().unwrap_or(start).since(start);
            measure.time = measure.time.max(last);
            let twice = stats.duplicate_bytes;
            measure.duplicates = measure.duplicates.max(twice);
            let last_percent = stats.last_percent_seconds.unwrap_or_default();
            measure.last_percent = measure.last_percent.max(Duration::from_secs_f64(last_percent));
        }
        self.remove_all();
        (measure.events, measure.payload_bytes) = (self.world.events(), self.payload.len());
        measure
    }

    fn remove_all(&mut self) {
        let waiting = self.waiting();
        for &host in &waiting {
            let key = self.world.hosts[host].torrent();
            self.world.command(host, |session, now| session.remove(now, key));
        }
        self.world.run_for(Duration::from_secs(60));
        for host in waiting {
            let gone = &self.world.hosts[host];
            let key = gone.torrent();
            assert!(gone.session.stats(self.world.now, key).is_none(), "host {host} stays");
            assert_eq!(gone.session.leased_bytes(), 0, "host {host} keeps memory");
            assert_eq!(gone.open_connections(), 0, "host {host} keeps connections");
        }
    }
}

fn add_host(world: &mut World, plan: &HostPlan, payload: &Arc<Payload>) {
    let config = SessionConfig {
        memory_bytes: plan.memory_bytes,
        listen_port: Some(6881),
        ..SessionConfig::default()
    };
    let id = world.add_host(config, plan.upload_rate);
    let host = &mut world.hosts[id];
    host.line.download_rate = plan.download_rate;
    host.line.latency += plan.latency;
    host.line.cut = plan.cut;
    host.disk.seek = plan.seek;
    host.watch.truth = Some(Arc::clone(payload));
    if plan.behind_relays {
        world.put_behind_relays(id);
    }
}

/// Names the line to type when a run fails.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay it: cargo xtask sim --seed {}", self.0);
        }
    }
}

/// The swarm of a seed on a good day, then with all that goes wrong.
pub fn run_seed(seed: u64, prints: bool) -> (Measure, Measure) {
    let _replay = Replay(seed);
    let plan = Plan::draw(seed);
    if prints {
        println!("{plan:#?}");
    }
    let good_day = run(&plan.faultless(), HANGS_AFTER, false);
    let limit = allowed(&plan, good_day.time);
    (good_day, run(&plan, limit, prints))
}

/// Twice the time of a good day, and the timeouts met.
fn allowed(plan: &Plan, good_day: Duration) -> Duration {
    const STRANGER: Duration = Duration::from_secs(60);
    const FAULT: Duration = Duration::from_secs(60);
    let faults = (plan.faults.len() as u32) * FAULT;
    plan.trouble_ends() + good_day * 2 + faults + plan.strangers.len() as u32 * STRANGER
}
