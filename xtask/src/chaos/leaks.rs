//! Servers that many come to: afterwards they have no more open than before.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Verdict;
use super::stage::{PAYLOAD, Shared, Stage};
use super::watch::Open;
use crate::bench::relay::page;
use crate::process;

const PAYLOAD_BYTES: u64 = 2_000_000;
const DOWNLOADS: usize = 6;
const SOCKETS: usize = 100;
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn run(stage: &Stage) -> Result<Verdict> {
    let (seeder, tracker) = swarm(stage)?;
    let serve = serve(stage)?;
    let relay = relay(stage)?;
    Ok(Verdict::Held(format!(
        "after {DOWNLOADS} downloads each a seeder has {} descriptors as before, a tracker {}, \
         `serve` {}; after {SOCKETS} pages a relay {}; threads as before",
        seeder.descriptors, tracker.descriptors, serve.descriptors, relay.descriptors,
    )))
}

/// A tracker and a seeder.
fn swarm(stage: &Stage) -> Result<(Open, Open)> {
    let tracker = stage.gannet.tracker()?;
    let shared = stage.share("leaks", PAYLOAD_BYTES, Some(&tracker.url()))?;
    let seeder = stage.gannet.seeder(&shared.torrent, &shared.folder, "100MB")?;
    tracker.until_seeders(&shared.info_hash, 1)?;
    let (of_tracker, of_seeder) = (tracker.running.pid(), seeder.running.pid());
    let before = || Ok((Open::of(of_seeder)?, Open::of(of_tracker)?));
    let (seeder, tracker) = visits(stage, &shared, &shared.torrent, before)?;
    tracker.until_again("the tracker", of_tracker)?;
    seeder.until_again("the seeder", of_seeder)?;
    Ok((seeder, tracker))
}

/// All in one.
fn serve(stage: &Stage) -> Result<Open> {
    let shared = stage.share("leaks of serve", PAYLOAD_BYTES, None)?;
    let offered = shared.output("offered");
    fs::create_dir(&offered)?;
    fs::copy(shared.folder.join(PAYLOAD), offered.join(PAYLOAD))?;
    let serve = stage.gannet.serve(&offered)?;
    let source = process::until("an offer", LIMIT, || Ok(serve.torrent_url().ok()))?;
    let pid = serve.running.pid();
    let before = visits(stage, &shared, source.as_ref(), || Open::of(pid))?;
    before.until_again("`serve`", pid)?;
    Ok(before)
}

/// A relay, and pages that come and go.
fn relay(stage: &Stage) -> Result<Open> {
    let relay = stage.gannet.relay()?;
    let before = Open::at_rest(relay.running.pid())?;
    for path in ["/v1/swarm", "/v1/peer"] {
        let pages = (0..SOCKETS / 2).map(|_| page::Socket::open(relay.addr, path));
        let pages = pages.collect::<Result<Vec<_>>>()?;
        ensure!(
            Open::of(relay.running.pid())?.descriptors >= before.descriptors + pages.len(),
            "the relay holds no sockets"
        );
    }
    before.until_again("the relay", relay.running.pid())?;
    Ok(before)
}

/// Downloads again and again; what was `open` after the first time, which opens files for good.
fn visits<T>(
    stage: &Stage,
    shared: &Shared,
    source: &Path,
    open: impl Fn() -> Result<T>,
) -> Result<T> {
    let download = |n: usize| {
        let into = shared.output(&format!("copy {n}"));
        let mut get = stage.gannet.command();
        get.arg("get").arg(source).arg("-o").arg(&into);
        process::run(get.args(["--quiet", "--listen", "127.0.0.1:0"]), LIMIT)?;
        shared.check(&into)
    };
    download(0)?;
    let before = open()?;
    (1..=DOWNLOADS).try_for_each(download)?;
    Ok(before)
}
