//! A download that is killed again and again: each time it goes on with what was recorded.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Verdict;
use super::download::{Download, Log};
use super::stage::{Shared, Stage};

const PAYLOAD_BYTES: u64 = 16_000_000;
const SEEDERS: usize = 2;
/// What each seeder gives: a download that isn't killed takes eight seconds.
const MAX_UPLOAD: &str = "1MB";
/// The longest that what was verified may go unrecorded, and how late a busy machine may be.
const CHECKPOINT_LIMIT: Duration = Duration::from_secs(5 + 1);
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(60);
/// So much may come twice, in percent of the whole: what both seeders are asked for in the end.
const MAX_DUPLICATES: u64 = 2;

/// When a download is killed.
#[derive(Debug)]
enum Moment {
    /// So long after its start.
    After(Duration),
    /// So long after it has told that everything is there: while it tidies up.
    AtTheEnd(Duration),
}

impl Moment {
    /// Mostly early on, sometimes after a checkpoint or two, sometimes at the very end.
    fn draw(rng: &mut fastrand::Rng) -> Self {
        let millis =
            |from: u64, to: u64, rng: &mut fastrand::Rng| Duration::from_millis(rng.u64(from..to));
        match rng.u8(..8) {
            0 => Self::AtTheEnd(millis(0, 15, rng)),
            1 => Self::After(millis(5_000, 8_000, rng)),
            _ => Self::After(millis(0, 2_500, rng)),
        }
    }
}

/// What the kills came to.
#[derive(Default)]
struct Tally {
    kills: u32,
    downloads: u32,
    worst_lost: usize,
    lost: usize,
    peak_bytes: u64,
}

/// What was there when the last run was killed, and what of it may be lost.
#[derive(Default)]
struct Before {
    have: usize,
    unrecorded: usize,
}

pub(super) fn run(stage: &Stage, kills: u32) -> Result<Verdict> {
    let shared = stage.share("kills", PAYLOAD_BYTES, None)?;
    let (mut peers, mut seeders) = (Vec::new(), Vec::new());
    for _ in 0..SEEDERS {
        let seeder = stage.gannet.seeder(&shared.torrent, &shared.folder, MAX_UPLOAD)?;
        peers.push(format!("--peer={}", seeder.addr));
        seeders.push(seeder);
    }
    let mut rng = stage.rng(1);
    let mut tally = Tally::default();
    while tally.kills < kills || tally.downloads == 0 {
        tally.downloads += 1;
        let into = shared.output(&format!("copy {}", tally.downloads));
        one(stage, &shared, &into, &peers, kills, &mut rng, &mut tally)
            .with_context(|| format!("after {} kills", tally.kills))?;
        std::fs::remove_dir_all(into)?;
    }
    Ok(Verdict::Held(tally.said(&shared)))
}

/// One download, killed until it is through or there were enough.
fn one(
    stage: &Stage,
    shared: &Shared,
    into: &Path,
    peers: &[String],
    kills: u32,
    rng: &mut fastrand::Rng,
    tally: &mut Tally,
) -> Result<()> {
    let mut before = Before::default();
    loop {
        let mut download = Download::start(stage, shared, into, peers)?;
        let is_killed = tally.kills < kills && !is_over_at(&mut download, &Moment::draw(rng))?;
        if !is_killed {
            let log = download.finish(DOWNLOAD_LIMIT)?;
            tally.take(&before, &log)?;
            fetched_no_more(shared, &log)?;
            return shared.check(into);
        }
        tally.kills += 1;
        let log = download.kill()?;
        if log.at_start().is_some() {
            tally.take(&before, &log)?;
            before = Before { have: log.have(), unrecorded: log.came_lately(CHECKPOINT_LIMIT) };
        }
    }
}

/// Waits for the moment; whether the download was over before.
fn is_over_at(download: &mut Download, moment: &Moment) -> Result<bool> {
    match moment {
        Moment::After(time) => download.ends_within(*time),
        Moment::AtTheEnd(time) => {
            let is_there = |log: &Log| log.named("finished").next().is_some();
            Ok(download.waits(DOWNLOAD_LIMIT, is_there)? || download.ends_within(*time)?)
        }
    }
}

/// What was missing, and nothing of what was there.
fn fetched_no_more(shared: &Shared, log: &Log) -> Result<()> {
    let count = |name: &str| log.stats().map(|stats| stats[name].as_u64().unwrap_or(u64::MAX));
    let missing = (shared.pieces() - log.at_start().unwrap_or_default()) as u64;
    let missing = (missing * shared.piece_length).min(shared.length);
    let most = missing + shared.length * MAX_DUPLICATES / 100;
    let downloaded = count("downloaded_bytes")?;
    ensure!(downloaded <= most, "{downloaded} bytes were fetched where {missing} were missing");
    ensure!(count("corrupt_bytes")? == 0, "honest seeders were found to be corrupt");
    Ok(())
}

impl Tally {
    /// Holds what a run began with against what there was before.
    fn take(&mut self, before: &Before, log: &Log) -> Result<()> {
        let began = log.at_start().context("it never told what was there")?;
        let lost = before.have.saturating_sub(began);
        ensure!(
            lost <= before.unrecorded,
            "{lost} of {} pieces were lost, of which {} had come since a checkpoint was due",
            before.have,
            before.unrecorded,
        );
        self.lost += lost;
        self.worst_lost = self.worst_lost.max(lost);
        self.peak_bytes = self.peak_bytes.max(log.peak_bytes);
        Ok(())
    }

    fn said(&self, shared: &Shared) -> String {
        format!(
            "{} kills in {} downloads of {} pieces; each file right and nothing beside it; pieces \
             fetched again: {} at worst, {} in all; at most {} MiB in use",
            self.kills,
            self.downloads,
            shared.pieces(),
            self.worst_lost,
            self.lost,
            self.peak_bytes >> 20,
        )
    }
}
