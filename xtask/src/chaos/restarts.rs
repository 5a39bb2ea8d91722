//! The tracker and the seeders of a download are killed, and come back where they were.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Verdict;
use super::download::Download;
use super::stage::Stage;
use crate::gannet::Seeder;

const PAYLOAD_BYTES: u64 = 8_000_000;
const SEEDERS: usize = 2;
const MAX_UPLOAD: &str = "600KB";
const LIMIT: Duration = Duration::from_secs(90);
/// How long nobody is there.
const ABSENCE: Duration = Duration::from_secs(3);

pub(super) fn run(stage: &Stage) -> Result<Verdict> {
    let tracker = stage.gannet.tracker()?;
    let shared = stage.share("restarts", PAYLOAD_BYTES, Some(&tracker.url()))?;
    let seeder = || stage.gannet.seeder(&shared.torrent, &shared.folder, MAX_UPLOAD);
    let mut seeders: Vec<Seeder> = (0..SEEDERS).map(|_| seeder()).collect::<Result<_>>()?;
    tracker.until_seeders(&shared.info_hash, SEEDERS)?;
    let into = shared.output("copy");
    let mut download = Download::start(stage, &shared, &into, &[])?;

    // Without a tracker it goes on, and meets the next one.
    download.until_pieces(shared.pieces() / 8, LIMIT)?;
    let (addr, mut running) = (tracker.addr, tracker.running);
    running.kill()?;
    download.until_pieces(shared.pieces() / 4, LIMIT)?;
    let tracker = stage.gannet.tracker_at(addr)?;

    // One seeder's end is the other's work.
    seeders[0].running.kill()?;
    download.until_pieces(shared.pieces() / 2, LIMIT)?;

    // Nobody is left; then all are back.
    seeders[1].running.kill()?;
    sleep(ABSENCE);
    let gone = Instant::now();
    for seeder in &mut seeders {
        let addr = seeder.addr;
        *seeder = stage.gannet.seeder_at(addr, &shared.torrent, &shared.folder, MAX_UPLOAD)?;
    }
    let log = download.finish(LIMIT)?;
    let back = gone.elapsed().as_secs_f64();
    shared.check(&into)?;
    ensure!(log.came() == shared.pieces(), "{} pieces came", log.came());
    tracker.until_seeders(&shared.info_hash, SEEDERS)?;
    Ok(Verdict::Held(format!(
        "a tracker and {SEEDERS} seeders killed, {} pieces, none twice; done {back:.1} s after they \
         were back",
        log.came(),
    )))
}
