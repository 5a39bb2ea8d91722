//! The relay alone, on this machine: a page and a peer that cost little, with `gannet relay` between.
//!
//! The page is this process, the peer a child of it; over raw TCP the same two talk without the relay.

mod accepts;
mod child;
mod frames;
mod memory;
pub(crate) mod page;
pub(super) mod proxy;
pub(super) mod remote;
mod streams;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use self::child::Relay;
use self::proxy::Proxy;
use self::remote::Remote;
use self::streams::Use;
use super::median;
use super::verdict::{self, Bound, Verdict};
use crate::Outcome;
use crate::gannet::Gannet;

#[derive(Args)]
pub(crate) struct Options {
    /// How many turns of each kind
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How long a turn takes
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many sockets are idle
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// One short turn each, and no verdict: only to see that it works
    #[arg(long)]
    quick: bool,
}

/// One stream, of raw TCP between the same programs.
const LEAST_OF_RAW: f64 = 0.85;
const IDLE: f64 = 10_000.0;
const MOST_IDLE_MB: f64 = 80.0;
const LEAST_ACCEPTS: f64 = 13_000.0;
/// The fastest of a hundred streams, to the slowest.
const MOST_UNFAIR: f64 = 1.5;
const MOST_STUCK_MIB: f64 = 1.0;

const MIB: f64 = 1024.0 * 1024.0;

/// The programs, started.
struct Stage {
    relay: Relay,
    remote: Remote,
    proxy: Proxy,
    ticket: String,
}

impl Stage {
    fn start(gannet: &Gannet) -> Result<Self> {
        let (relay, remote) = (Relay::start(gannet)?, Remote::start()?);
        let ticket = page::ticket(relay.addr, remote.addr)?;
        let proxy = Proxy::start(remote.addr)?;
        Ok(Self { relay, remote, proxy, ticket })
    }
}

pub(super) fn run(options: &Options) -> Result<Outcome> {
    let (rounds, seconds, idle) = match options.quick {
        true => (1, 0.3, 100),
        false => (options.rounds, options.seconds, options.idle),
    };
    if rounds == 0 || idle == 0 || !(0.1..=60.0).contains(&seconds) {
        bail!("at least 1 round and 1 idle socket, and 0.1 to 60 seconds");
    }
    let idle = idle.min(memory::most_sockets()?);
    let gannet = Gannet::build(true)?;
    let time = Duration::from_secs_f64(seconds);
    let mut verdicts = memory(&gannet, idle)?;
    verdicts.extend(speed(&Stage::start(&gannet)?, rounds, time)?);
    let all_met = verdict::judge(&verdicts);
    if options.quick {
        println!("too small to judge");
        return Ok(Outcome::Done);
    }
    Ok(if all_met { Outcome::Done } else { Outcome::TooSlow })
}

/// Each by a relay of its own: what one has left behind, the next doesn't get for nothing.
fn memory(gannet: &Gannet, idle: usize) -> Result<Vec<Verdict>> {
    let each = memory::idle(&Stage::start(gannet)?, idle)?;
    println!("{idle} idle sockets: {each:.0} bytes each");
    let at_most =
        |what: &str, is, most| Verdict { what: what.to_owned(), is, bound: Bound::AtMost(most) };
    Ok(vec![
        at_most("memory of 10,000 idle sockets, MB", each * IDLE / 1e6, MOST_IDLE_MB),
        at_most(
            "memory of a page that doesn't read, MiB",
            memory::pages(&Stage::start(gannet)?)? / MIB,
            MOST_STUCK_MIB,
        ),
        at_most(
            "memory of a peer that doesn't read, MiB",
            memory::remotes(&Stage::start(gannet)?)? / MIB,
            MOST_STUCK_MIB,
        ),
    ])
}

fn speed(stage: &Stage, rounds: usize, time: Duration) -> Result<Vec<Verdict>> {
    let checked = stream(stage, Use::Check, rounds, time)?;
    let bare = stream(stage, Use::Receive, rounds, time)?;
    // No promise is made of it, but a tab seeds too.
    stream(stage, Use::Send, rounds, time)?;
    let (mut unfair, mut accepts) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let shares = streams::shares(stage, 2 * time)?;
        let ratio = shares.fastest / shares.slowest;
        println!(
            "100 streams: {:.1} to {:.1} MiB/s, median {:.1}: {ratio:.2} ×",
            shares.slowest / MIB,
            shares.fastest / MIB,
            shares.median / MIB
        );
        unfair.push(ratio);
        let opened = accepts::measure(stage, time)?;
        println!(
            "accepts: {:.0} a second, {:.0} a busy second",
            opened.per_second, opened.per_busy_second
        );
        accepts.push(opened.per_second);
    }
    let verdict = |what: &str, is, bound| Verdict { what: what.to_owned(), is, bound };
    Ok(vec![
        verdict("one stream, pieces checked, × raw TCP", checked, Bound::AtLeast(LEAST_OF_RAW)),
        verdict("one stream, × raw TCP", bare, Bound::AtLeast(LEAST_OF_RAW)),
        verdict("accepts a second", median(accepts), Bound::AtLeast(LEAST_ACCEPTS)),
        verdict("100 streams: fastest, × slowest", median(unfair), Bound::AtMost(MOST_UNFAIR)),
    ])
}

/// The median of what the relay keeps of raw TCP's rate, turn by turn.
fn stream(stage: &Stage, what: Use, rounds: usize, time: Duration) -> Result<f64> {
    let (mut of_raw, mut of_proxied) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let rates = streams::rates(stage, what, time)?;
        println!(
            "{}: raw {:.0} MiB/s, by a plain proxy {:.0} MiB/s, relayed {:.0} MiB/s, {:.2} s of the \
             relay's processor time a GiB: {:.2} × raw, {:.2} × the proxy",
            what.name(),
            rates.raw / MIB,
            rates.proxied / MIB,
            rates.relayed / MIB,
            rates.cost,
            rates.of_raw(),
            rates.of_proxied()
        );
        of_raw.push(rates.of_raw());
        of_proxied.push(rates.of_proxied());
    }
    println!(
        "{}: the relay is {:.2} × a proxy that only copies bytes",
        what.name(),
        median(of_proxied)
    );
    Ok(median(of_raw))
}
