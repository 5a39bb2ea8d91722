//! How fast streams go: one against raw TCP, and a hundred against each other.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use sha1::{Digest, Sha1};

use super::Stage;
use super::page::{Direct, Relayed, Source};
use super::remote::Role;
use crate::bench::median;

/// What a page reads at a time, and the longest message it sends.
const BUFFER_BYTES: usize = 256 * 1024;
/// Streams that share a relay.
const MANY: usize = 100;
/// At the beginning of each turn, and not counted: windows grow, threads find their cores.
const WARM_UP: Duration = Duration::from_millis(200);

/// What a page does with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It receives, and checks each piece, as whoever downloads must.
    Check,
    /// It receives, and looks at nothing.
    Receive,
    /// It sends.
    Send,
}

impl Use {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Check => "one stream, pieces checked",
            Self::Receive => "one stream",
            Self::Send => "one stream, from the page",
        }
    }

    fn role(self) -> Role {
        match self {
            Self::Check | Self::Receive => Role::Seeder,
            Self::Send => Role::Leecher,
        }
    }
}

/// Rates of one round, in bytes a second.
pub(super) struct Rates {
    pub(super) raw: f64,
    pub(super) proxied: f64,
    pub(super) relayed: f64,
    /// Of the relay's processor time, in seconds for each GiB.
    pub(super) cost: f64,
}

impl Rates {
    pub(super) fn of_raw(&self) -> f64 {
        self.relayed / self.raw
    }

    pub(super) fn of_proxied(&self) -> f64 {
        self.relayed / self.proxied
    }
}

/// One stream, by turns without the relay, with a proxy instead, and with it.
pub(super) fn rates(stage: &Stage, what: Use, time: Duration) -> Result<Rates> {
    let role = what.role();
    let direct = |addr| rate(&mut Direct::connect(addr, role)?, what, time);
    let (raw, proxied) = (direct(stage.remote.addr)?, direct(stage.proxy.addr)?);
    let mut relayed = Relayed::connect(stage.relay.addr, &stage.ticket, role)?.favoured();
    let (before, start) = (stage.relay.processor_seconds()?, Instant::now());
    let rate = rate(&mut relayed, what, time)?;
    let busy = stage.relay.processor_seconds()? - before;
    let gib = rate * start.elapsed().as_secs_f64() / f64::from(1 << 30);
    Ok(Rates { raw, proxied, relayed: rate, cost: busy / gib })
}

/// Bytes a second of one stream.
fn rate(source: &mut impl Source, what: Use, time: Duration) -> Result<f64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    // Where a piece begins and ends makes no difference to what it costs.
    let mut digest = Sha1::new();
    let mut step = || match what {
        Use::Check => {
            source.receive(&mut buffer).inspect(|&length| digest.update(&buffer[..length]))
        }
        Use::Receive => source.receive(&mut buffer),
        Use::Send => source.send(&buffer).map(|()| buffer.len()),
    };
    let begin = Instant::now() + WARM_UP;
    while Instant::now() < begin {
        step()?;
    }
    let (start, mut bytes) = (Instant::now(), 0);
    while start.elapsed() < time {
        bytes += step()?;
    }
    Ok(bytes as f64 / start.elapsed().as_secs_f64())
}

/// What a hundred streams get that begin together.
pub(super) struct Shares {
    pub(super) fastest: f64,
    pub(super) slowest: f64,
    pub(super) median: f64,
}

pub(super) fn shares(stage: &Stage, time: Duration) -> Result<Shares> {
    let connect = |_| Relayed::connect(stage.relay.addr, &stage.ticket, Role::Seeder);
    let streams = (0..MANY).map(connect).collect::<Result<Vec<_>>>()?;
    let (counts, ends) = (AtomicBool::new(false), AtomicBool::new(false));
    let rates = thread::scope(|scope| {
        let readers: Vec<_> = streams
            .into_iter()
            .map(|stream| scope.spawn(|| count(stream, &counts, &ends)))
            .collect();
        thread::sleep(WARM_UP);
        counts.store(true, Relaxed);
        thread::sleep(time);
        ends.store(true, Relaxed);
        let rate = |bytes| bytes as f64 / time.as_secs_f64();
        let ended =
            readers.into_iter().map(|reader| reader.join().map_err(|_| anyhow!("panic"))?);
        ended.map(|bytes| bytes.map(rate)).collect::<Result<Vec<f64>>>()
    })?;
    Ok(Shares {
        fastest: rates.iter().copied().fold(0.0, f64::max),
        slowest: rates.iter().copied().fold(f64::INFINITY, f64::min),
        median: median(rates),
    })
}

/// Reads until `ends`, and counts from `counts` on.
fn count(mut stream: Relayed, counts: &AtomicBool, ends: &AtomicBool) -> Result<usize> {
    let (mut buffer, mut bytes) = (vec![0; BUFFER_BYTES], 0);
    while !ends.load(Relaxed) {
        let received = stream.receive(&mut buffer)?;
        if counts.load(Relaxed) {
            bytes += received;
        }
    }
    Ok(bytes)
}
