//! The relays of a download are killed, and one of them comes back where it was, with the key that it had.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Verdict;
use super::download::Download;
use super::stage::{Shared, Stage};
use super::watch::{self, MEMORY_ALLOWANCE_BYTES, MEMORY_CAP_BYTES, Open};
use crate::gannet::Relay;
use crate::npm;

const PAYLOAD_BYTES: u64 = 8_000_000;
const MAX_UPLOAD: &str = "1MB";
const SEEDERS: usize = 2;
const LIMIT: Duration = Duration::from_secs(90);
/// How long no relay is there.
const ABSENCE: Duration = Duration::from_secs(3);
/// The page and the relay wait for each other no longer than a minute, whatever was tried before.
const RETURN_LIMIT: Duration = Duration::from_secs(60);
/// What a page in Node takes: Node itself, and the payload that waits for its disk.
const PAGE_BYTES: u64 = 256 << 20;
/// What may come twice for each death: what was on its way to the page, at most a relay's window.
const MOST_TWICE_BYTES: u64 = 1 << 20;

pub(super) fn run(stage: &Stage) -> Result<Verdict> {
    let entry = npm::dist().join("node.js");
    if !entry.exists() {
        npm::build()?;
    }
    let tracker = stage.gannet.tracker()?;
    let shared = stage.share("relays", PAYLOAD_BYTES, Some(&tracker.url()))?;
    let seeder = || stage.gannet.seeder(&shared.torrent, &shared.folder, MAX_UPLOAD);
    let _seeders = (0..SEEDERS).map(|_| seeder()).collect::<Result<Vec<_>>>()?;
    tracker.until_seeders(&shared.info_hash, SEEDERS)?;

    let key = shared.output("key");
    let (first, next) = (stage.gannet.relay_with(&key)?, stage.gannet.relay_with(&key)?);
    let into = shared.output("copy");
    let mut page = Download::of(&mut page(&entry, &shared, &into, [&first, &next]), PAGE_BYTES)?;

    page.until_pieces(shared.pieces() / 4, LIMIT)?;
    let addr = kill(first)?;
    page.until_pieces(shared.pieces() / 2, LIMIT)?;
    kill(next)?;
    sleep(ABSENCE);
    let gone = Instant::now();
    let again = stage.gannet.relay_at(addr, Some(&key))?;
    let at_rest = Open::at_rest(again.running.pid())?;
    let log = page.finish(LIMIT + RETURN_LIMIT)?;
    let back = gone.elapsed().as_secs_f64();

    shared.check(&into)?;
    ensure!(log.came() == shared.pieces(), "{} pieces came", log.came());
    let got = log.stats()?["downloaded_bytes"].as_u64().context("`downloaded_bytes`")?;
    let twice = got.saturating_sub(shared.length);
    ensure!(twice <= 2 * MOST_TWICE_BYTES, "{twice} bytes came twice");
    at_rest.until_again("the relay", again.running.pid())?;
    let peak = log.peak_bytes >> 20;
    kill(again)?;
    Ok(Verdict::Held(format!(
        "two relays killed under a page, {} pieces, none twice; done {back:.1} s after one was back, \
         at most {peak} MiB in use",
        log.came(),
    )))
}

fn page(entry: &Path, shared: &Shared, into: &Path, relays: [&Relay; 2]) -> Command {
    let mut node = Command::new("node");
    node.arg(crate::root().join("xtask/src/chaos/page.mjs")).arg(entry);
    node.arg(&shared.torrent).arg(into).args(relays.map(Relay::url)).stdin(Stdio::null());
    node
}

/// Kills a relay that has kept to its memory; where it was.
fn kill(mut relay: Relay) -> Result<std::net::SocketAddr> {
    let peak = watch::peak_bytes(relay.running.pid()).context("the relay has ended")?;
    let most = MEMORY_CAP_BYTES + MEMORY_ALLOWANCE_BYTES;
    ensure!(peak <= most, "a relay had {peak} bytes of memory in use, of {most}");
    relay.running.kill()?;
    Ok(relay.addr)
}
