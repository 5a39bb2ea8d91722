//! One file, from 1, 4 and 8 seeders on this machine, each of them slow: together they are fast.

mod serve;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use tempfile::TempDir;

use crate::gannet::{Gannet, Seeder};
use crate::{Outcome, payload};

#[derive(Args)]
pub(crate) struct Options {
    /// Share this file instead of 100 MB of noise
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Download in a headless Chromium too, and compare
    #[arg(long)]
    browser: bool,
    /// End by itself, also on a terminal
    #[arg(long)]
    once: bool,
}

/// How large, how slow, and what counts as success.
struct Scale {
    optimised: bool,
    payload_bytes: u64,
    /// What one seeder gives, as `--max-upload` reads it and in bytes per second.
    max_upload: &'static str,
    max_upload_bytes_per_second: u64,
    /// How many seeders, and how much faster than the first row they must be.
    rounds: [(usize, f64); 3],
}

const FULL: Scale = Scale {
    optimised: true,
    payload_bytes: 100_000_000,
    max_upload: "10MB",
    max_upload_bytes_per_second: 10_000_000,
    rounds: [(1, 1.0), (4, 3.8), (8, 7.0)],
};

/// Among the tests: a build without optimisation, on a machine that may be busy.
const SMALL: Scale = Scale {
    optimised: false,
    payload_bytes: 12_000_000,
    max_upload: "2MB",
    max_upload_bytes_per_second: 2_000_000,
    rounds: [(1, 1.0), (4, 3.4), (8, 6.0)],
};

/// What one download came to.
struct Round {
    seeders: usize,
    useful: usize,
    seconds: f64,
    enough: f64,
}

pub(crate) fn run(options: &Options) -> Result<Outcome> {
    let demo = Demo::prepare(&FULL, options.file.as_deref())?;
    let rounds = demo.rounds()?;
    serve::close(&demo, options.browser, options.once)?;
    Ok(if rounds { Outcome::Done } else { Outcome::TooSlow })
}

/// The demo as part of the tests: that it works. How much more seeders gain is asserted under virtual
/// time by the core's swarm tests; here a busy machine would decide.
pub(crate) fn run_small() -> Result<()> {
    let demo = Demo::prepare(&SMALL, None)?;
    if !demo.rounds()? {
        println!("more seeders gained little, on a machine that may be busy");
    }
    serve::close(&demo, false, true)
}

/// The stage: a file, its .torrent, and everything in one folder that is removed at the end.
struct Demo<'a> {
    scale: &'a Scale,
    gannet: Gannet,
    folder: TempDir,
    /// The shared file, and the folder it lies in.
    file: PathBuf,
    length: u64,
    sha256: [u8; 32],
}

impl<'a> Demo<'a> {
    fn prepare(scale: &'a Scale, own_file: Option<&Path>) -> Result<Self> {
        let own_file =
            own_file.map(|file| file.canonicalize().with_context(|| file.display().to_string()));
        let own_file = own_file.transpose()?;
        println!("building gannet");
        let gannet = Gannet::build(scale.optimised)?;
        let folder = tempfile::Builder::new().prefix("gannet-demo-").tempdir()?;
        let file = match own_file {
            Some(file) => file,
            None => {
                let file = folder.path().join("payload.bin");
                payload::write(&file, scale.payload_bytes)?;
                file
            }
        };
        let length = file.metadata()?.len();
        let sha256 = payload::sha256(&file)?;
        Ok(Self { scale, gannet, folder, file, length, sha256 })
    }

    /// Plays all rounds and prints how they compare; whether each gained enough.
    fn rounds(&self) -> Result<bool> {
        let tracker = self.gannet.tracker()?;
        let torrent = self.folder.path().join("demo.torrent");
        let info_hash = self.gannet.create(&self.file, &torrent, Some(&tracker.url()))?;
        let mut seeders = Vec::new();
        let mut rounds = Vec::new();
        for (count, enough) in self.scale.rounds {
            self.seed_up_to(count, &torrent, &mut seeders)?;
            tracker.until_seeders(&info_hash, count)?;
            println!(
                "\nfrom {count} of {} a second each",
                megabytes(self.scale.max_upload_bytes_per_second)
            );
            let stats = self.get(torrent.as_os_str(), &count.to_string())?;
            let (seconds, useful) = (stats.seconds()?, stats.useful_peers());
            rounds.push(Round { seeders: count, useful, seconds, enough });
        }
        Ok(self.compare(&rounds))
    }

    fn seed_up_to(&self, count: usize, torrent: &Path, seeders: &mut Vec<Seeder>) -> Result<()> {
        let folder = self.file.parent().context("a file lies in a folder")?;
        while seeders.len() < count {
            seeders.push(self.gannet.seeder(torrent, folder, self.scale.max_upload)?);
        }
        Ok(())
    }

    /// Three times what one seeder needs, and some.
    fn limit(&self) -> Duration {
        Duration::from_secs(30 + 3 * self.length / self.scale.max_upload_bytes_per_second)
    }

    fn compare(&self, rounds: &[Round]) -> bool {
        let alone = rounds.first().map_or(f64::NAN, |round| round.seconds);
        println!("\n{} in all\n", megabytes(self.length));
        println!("seeders   gave pieces       time          rate   speed-up   at least");
        let mut enough = true;
        for round in rounds {
            let speedup = alone / round.seconds;
            let passed = speedup >= round.enough;
            enough &= passed;
            println!(
                "{:>7}   {:>11}   {:>6.2} s   {:>6.1} MiB/s   {:>7.2}×   {:>7.1}×  {}",
                round.seeders,
                round.useful,
                round.seconds,
                self.length as f64 / round.seconds / f64::from(1 << 20),
                speedup,
                round.enough,
                if passed { "" } else { "too slow" },
            );
        }
        enough
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
