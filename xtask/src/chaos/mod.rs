//! Gannet's own programs under faults: killed, without space, left alone, among liars. Whatever is
//! done to them, the file comes out right, nothing is left behind, and memory stays under its cap.

mod disk;
mod download;
mod hostile;
mod kills;
mod leaks;
mod relays;
mod restarts;
mod stage;
mod stranger;
mod watch;

use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use self::stage::Stage;
use crate::process;

/// Kills among the checks.
const CHECK_KILLS: u32 = 8;
/// The seed of the checks.
const CHECK_SEED: u64 = 1;

#[derive(Args)]
pub(crate) struct Options {
    /// Kill the download so many times
    #[arg(long, value_name = "N", default_value_t = 200)]
    kills: u32,
    /// What moments and strangers are drawn from
    #[arg(long, value_name = "N", default_value_t = CHECK_SEED)]
    seed: u64,
    /// Only this scenario
    #[arg(long, value_name = "SCENARIO")]
    only: Option<Scenario>,
}

/// What is done to the programs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// A download is killed again and again, and resumed
    Kills,
    /// The disk runs full, and has space again
    FullDisk,
    /// The folder becomes read-only, and can be written again
    ReadOnly,
    /// The tracker and all seeders are killed under a download, and come back
    Restarts,
    /// The relays of a page are killed under its download, and one comes back
    Relays,
    /// Half of 32 seeders corrupt or disconnect
    Hostile,
    /// Servers give back what downloads made them open
    Leaks,
}

/// What became of a scenario that didn't fail.
enum Verdict {
    /// Everything held; with what was measured.
    Held(String),
    /// Why nothing was tested.
    NotTested(String),
}

/// Runs the scenarios.
pub(crate) fn run(options: &Options) -> Result<()> {
    let stage = Stage::prepare(options.seed)?;
    println!("seed {}", options.seed);
    let mut failed = Vec::new();
    for &scenario in Scenario::value_variants() {
        if options.only.is_none_or(|only| only == scenario) && !scenario.holds(&stage, options)? {
            failed.push(scenario.name());
        }
    }
    if !failed.is_empty() {
        bail!(
            "{} failed; again with\n  cargo xtask chaos --seed {} --kills {} --only {}",
            failed.join(", "),
            options.seed,
            options.kills,
            failed[0],
        );
    }
    Ok(())
}

/// The scenarios as part of the tests: all of them, with few kills.
pub(crate) fn check() -> Result<()> {
    run(&Options { kills: CHECK_KILLS, seed: CHECK_SEED, only: None })
}

impl Scenario {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Runs it and prints its verdict. Only Ctrl-C is an error here.
    fn holds(self, stage: &Stage, options: &Options) -> Result<bool> {
        let began = Instant::now();
        let verdict = self.run(stage, options).with_context(|| self.name());
        if process::interrupted() {
            bail!("interrupted");
        }
        let (word, said) = match &verdict {
            Ok(Verdict::Held(said)) => ("held", said.clone()),
            Ok(Verdict::NotTested(why)) => ("NOT TESTED", why.clone()),
            Err(error) => ("FAILED", format!("{error:#}")),
        };
        println!("{:<10}{:>7.1} s  {word}: {said}", self.name(), began.elapsed().as_secs_f64());
        Ok(verdict.is_ok())
    }

    fn run(self, stage: &Stage, options: &Options) -> Result<Verdict> {
        match self {
            Self::Kills => kills::run(stage, options.kills),
            Self::FullDisk => disk::full(stage),
            Self::ReadOnly => disk::read_only(stage),
            Self::Restarts => restarts::run(stage),
            Self::Relays => relays::run(stage),
            Self::Hostile => hostile::run(stage),
            Self::Leaks => leaks::run(stage),
        }
    }
}
