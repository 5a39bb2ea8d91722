//! A million peers on this machine: `gannet tracker` against opentracker and bittorrent-tracker.
//!
//! Each tracker has one core, the load comes from another. All hold the same torrents and peers, and
//! take turns under each kind of load.

mod client;
mod http;
mod install;
mod population;
mod report;
mod server;
mod udp;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use self::client::{Answer, Client, Pace, Tally};
use self::http::{Connection, HttpClient};
use self::install::Programs;
use self::population::{InfoHash, PEERS_PER_TORRENT};
use self::report::{Report, Sample};
use self::server::{Kind, Server};
use self::udp::UdpClient;
use crate::Outcome;

#[derive(Args)]
pub(crate) struct Options {
    /// How many torrents, of 100 peers each
    #[arg(long, default_value_t = 10_000)]
    torrents: usize,
    /// How many turns each tracker gets under each kind of load
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a turn takes at full load, and then at half load
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Measure only this tracker, beside Gannet (repeatable)
    #[arg(long = "against", value_name = "TRACKER")]
    others: Vec<Kind>,
    /// Few torrents, one short turn each, and no verdict: only to see that it works
    #[arg(long)]
    quick: bool,
}

/// What the cost of an announce among many peers is compared with: a thousand peers.
const FEW_TORRENTS: usize = 10;
/// Before each measurement, so that what the last one left behind is gone: sockets, garbage.
const REST: Duration = Duration::from_millis(250);
/// Clients over HTTP, as many as there are over UDP.
const HTTP_CLIENTS: usize = PEERS_PER_TORRENT;

/// How announces come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    Udp,
    KeepAlive,
    Close,
}

impl Load {
    const ALL: [Self; 3] = [Self::Udp, Self::KeepAlive, Self::Close];

    fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::KeepAlive => "HTTP, keep-alive",
            Self::Close => "HTTP, a connection each",
        }
    }

    /// opentracker closes each connection.
    fn suits(self, kind: Kind) -> bool {
        (self, kind) != (Self::KeepAlive, Kind::Opentracker)
    }
}

/// A tracker with its torrents in it.
struct Entrant {
    kind: Kind,
    server: Server,
    hashes: Arc<[InfoHash]>,
    bytes_per_peer: f64,
}

pub(super) fn run(options: &Options) -> Result<Outcome> {
    let (torrents, rounds, seconds) = match options.quick {
        true => (10 * FEW_TORRENTS, 1, 0.3),
        false => (options.torrents, options.rounds, options.seconds),
    };
    if torrents == 0 || !(0.1..=60.0).contains(&seconds) {
        bail!("at least 1 torrent, and 0.1 to 60 seconds");
    }
    let programs = Programs::ensure()?;
    let server_core = split_cores()?;
    println!("{}", programs.versions());
    let enter = |kind, torrents| Entrant::enter(kind, &programs, server_core, torrents);
    let wanted = |kind: &Kind| {
        *kind == Kind::Gannet || options.others.is_empty() || options.others.contains(kind)
    };
    let kinds = Kind::value_variants().iter().copied().filter(wanted);
    let entrants = kinds.map(|kind| enter(kind, torrents));
    let entrants = entrants.collect::<Result<Vec<_>>>()?;
    let few = enter(Kind::Gannet, FEW_TORRENTS)?;
    let mut report = Report::default();
    for entrant in &entrants {
        report.memory(entrant.kind, entrant.bytes_per_peer);
    }
    for round in 1..=rounds {
        println!("round {round} of {rounds}");
        play(&entrants, &few, Duration::from_secs_f64(seconds), &mut report)?;
    }
    report.print();
    if options.quick {
        println!("\ntoo small to judge");
        return Ok(Outcome::Done);
    }
    Ok(if report.judge() { Outcome::Done } else { Outcome::TooSlow })
}

/// Keeps this process, the load, to the second core; the first is for the tracker whose turn it is.
fn split_cores() -> Result<usize> {
    let ours = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| ours.is_set(core));
    let (Some(servers), Some(load)) = (cores.next(), cores.next()) else {
        bail!("a tracker and its load need a core each: this machine has one");
    };
    let mut only = CpuSet::new();
    only.set(load);
    sched_setaffinity(None, &only)?;
    Ok(servers)
}

/// One turn for each under each kind of load.
fn play(entrants: &[Entrant], few: &Entrant, time: Duration, report: &mut Report) -> Result<()> {
    for load in Load::ALL {
        for entrant in entrants.iter().filter(|entrant| load.suits(entrant.kind)) {
            report.add(load, entrant.kind, entrant.turn(load, time)?);
        }
        if load == Load::Udp {
            report.among_few(few.turn(load, time)?);
        }
    }
    Ok(())
}

impl Entrant {
    /// Starts a tracker and fills it.
    fn enter(kind: Kind, programs: &Programs, core: usize, torrents: usize) -> Result<Self> {
        let hashes = population::info_hashes(torrents);
        let server = Server::start(kind, programs, core, &hashes)?;
        let empty = server.resident_bytes()?;
        let peers = torrents * PEERS_PER_TORRENT;
        println!("{}: announcing {peers} peers", kind.name());
        let mut clients = UdpClient::all(server.addr, &hashes)?;
        fill(&mut clients, torrents).context(kind.name())?;
        check(&mut clients, torrents).context(kind.name())?;
        let grown = server.resident_bytes()?.saturating_sub(empty);
        Ok(Self { kind, server, hashes, bytes_per_peer: grown as f64 / peers as f64 })
    }

    /// Announces at full load for `time`, then at half the rate that came of it for as long.
    fn turn(&self, load: Load, time: Duration) -> Result<Sample> {
        let addr = self.server.addr;
        match load {
            Load::Udp => self.measure(&mut UdpClient::all(addr, &self.hashes)?, time),
            Load::KeepAlive => self.measure(&mut self.http(Connection::KeepAlive), time),
            Load::Close => self.measure(&mut self.http(Connection::Close), time),
        }
    }

    fn http(&self, connection: Connection) -> Vec<HttpClient> {
        let addr = self.server.addr;
        let requests = http::requests(addr, &self.hashes, connection);
        let client = |_| HttpClient::new(addr, Arc::clone(&requests), connection);
        (0..HTTP_CLIENTS).map(client).collect()
    }

    fn measure<C: Client>(&self, clients: &mut [C], time: Duration) -> Result<Sample> {
        let before = self.server.processor_seconds()?;
        let full = self.load(clients, &Pace::Full, time)?;
        let busy_seconds = self.server.processor_seconds()? - before;
        let half =
            self.load(clients, &Pace::PerSecond((full.per_second() / 2.0).max(1.0)), time)?;
        Ok(Sample::new(full, busy_seconds, half))
    }

    fn load<C: Client>(&self, clients: &mut [C], pace: &Pace, time: Duration) -> Result<Tally> {
        thread::sleep(REST);
        let tally = client::load(clients, self.hashes.len(), pace, time)?;
        if tally.refused > tally.answers {
            bail!("{} refuses announces: that is no measurement", self.kind.name());
        }
        Ok(tally)
    }
}

/// Every peer announces itself for every torrent.
fn fill(clients: &mut [UdpClient], torrents: usize) -> Result<()> {
    for torrent in 0..torrents {
        client::once(clients.iter_mut().zip(std::iter::repeat(torrent)))?;
    }
    Ok(())
}

/// Fails unless each torrent has all its peers, and some are named.
fn check(clients: &mut [UdpClient], torrents: usize) -> Result<()> {
    for first in (0..torrents).step_by(clients.len()) {
        let some = first..torrents.min(first + clients.len());
        for answer in client::once(clients.iter_mut().zip(some))? {
            match answer {
                Answer::Swarm { size: PEERS_PER_TORRENT, named: 1.. } => {}
                _ => bail!("not all peers were taken in: {answer:?}"),
            }
        }
    }
    Ok(())
}
