//! What sockets cost that do nothing, and those of ends that don't read.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Stage;
use super::frames::Kind;
use super::page::{self, Relayed, Source};
use super::remote::Role;

/// Ends that don't read, of each kind.
const STUCK: usize = 100;
/// Descriptors that a program needs for itself.
const OWN_DESCRIPTORS: u64 = 64;
/// For what is under way to arrive, and memory to be given back.
const REST: Duration = Duration::from_secs(1);
/// A stream that takes nothing for so long is full.
const FULL_LIMIT: Duration = Duration::from_millis(300);
/// What is pushed at a time.
const PUSH_BYTES: usize = 64 * 1024;

/// Raises the limit of open files as far as this program may, for itself and what it starts; how many
/// sockets a relay can then have, each of which has one to a peer as well.
pub(super) fn most_sockets() -> Result<usize> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("open files")?;
    let most = maximum.map_or(u64::MAX, |maximum| maximum.saturating_sub(OWN_DESCRIPTORS) / 2);
    Ok(usize::try_from(most).unwrap_or(usize::MAX))
}

/// Bytes of the relay's memory for each of so many sockets that carry nothing.
pub(super) fn idle(stage: &Stage, count: usize) -> Result<f64> {
    let before = stage.relay.resident_bytes()?;
    let connect = |_| page::connect(stage.relay.addr, &stage.ticket, Role::Silent);
    let sockets = (0..count).map(connect).collect::<Result<Vec<_>>>()?;
    thread::sleep(REST);
    let grown = stage.relay.resident_bytes()?.saturating_sub(before);
    drop(sockets);
    Ok(grown as f64 / count as f64)
}

/// Bytes of the relay's memory for each page that has given all the credit there is, and reads nothing.
pub(super) fn pages(stage: &Stage) -> Result<f64> {
    stuck(stage, || {
        let mut socket = page::connect(stage.relay.addr, &stage.ticket, Role::Seeder)?;
        socket.send(Kind::Text, u32::MAX.to_string().as_bytes())?;
        Ok(socket)
    })
}

/// Bytes of the relay's memory for each peer that reads nothing of a page that sends all it may.
pub(super) fn remotes(stage: &Stage) -> Result<f64> {
    stuck(stage, || fill(Relayed::connect(stage.relay.addr, &stage.ticket, Role::Silent)?))
}

fn stuck<T>(stage: &Stage, connect: impl Fn() -> Result<T>) -> Result<f64> {
    let before = stage.relay.resident_bytes()?;
    let sockets = (0..STUCK).map(|_| connect()).collect::<Result<Vec<_>>>()?;
    thread::sleep(REST);
    let grown = stage.relay.resident_bytes()?.saturating_sub(before);
    drop(sockets);
    Ok(grown as f64 / STUCK as f64)
}

/// Sends all that there is credit for, until neither the relay nor the system takes more.
fn fill(mut relayed: Relayed) -> Result<Relayed> {
    let push = vec![0; PUSH_BYTES];
    while relayed.may_send_within(PUSH_BYTES, FULL_LIMIT)? {
        relayed.send(&push)?;
    }
    Ok(relayed)
}
