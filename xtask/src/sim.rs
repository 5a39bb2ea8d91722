//! Whole swarms under virtual time: one seed again, many seeds, and how large swarms share.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::{Outcome, process};

/// A build, and ten thousand swarms on a small machine.
const LIMIT: Duration = Duration::from_secs(4 * 3600);
/// Random swarms among the checks.
const CHECK_RUNS: u64 = 500;

#[derive(Args)]
pub(crate) struct Options {
    /// Replay the swarm of this seed and print all that happens
    #[arg(long, value_name = "N", conflicts_with_all = ["runs", "leechers"])]
    seed: Option<u64>,
    /// Run so many random swarms
    #[arg(long, value_name = "N", default_value_t = 500)]
    runs: u64,
    /// The seed of the first of them
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,
    /// Measure instead how swarms of these sizes share what one seeder has
    #[arg(long, value_name = "N,N…", value_delimiter = ',')]
    leechers: Vec<u32>,
}

pub(crate) fn run(options: &Options) -> Result<Outcome> {
    match options {
        Options { seed: Some(seed), .. } => replay(*seed)?,
        Options { leechers, .. } if !leechers.is_empty() => economics(leechers)?,
        Options { first, runs, .. } => random(*first, *runs)?,
    }
    Ok(Outcome::Done)
}

/// The random swarms as part of the tests, and the economics of small ones: a thousand leechers
/// take six minutes of a processor, see `--leechers`.
pub(crate) fn check() -> Result<()> {
    random(0, CHECK_RUNS)?;
    test("economics", &[], &[])
}

fn replay(seed: u64) -> Result<()> {
    let seed = seed.to_string();
    test("random::one_seed", &["--ignored", "--exact"], &[("GANNET_SIM_SEED", &seed)])
}

fn random(first: u64, runs: u64) -> Result<()> {
    let (first, runs) = (first.to_string(), runs.to_string());
    let set = [("GANNET_SIM_FIRST", &*first), ("GANNET_SIM_RUNS", &*runs)];
    test("random::random_swarms_keep_every_promise", &["--exact"], &set)
}

fn economics(leechers: &[u32]) -> Result<()> {
    let sizes: Vec<String> = leechers.iter().map(u32::to_string).collect();
    let sizes = sizes.join(",");
    let set = [("GANNET_SIM_LEECHERS", &*sizes)];
    test("economics::figures::figures", &["--ignored", "--exact"], &set)
}

/// Runs tests of the simulator by name, built to be fast and with every assertion on.
fn test(name: &str, arguments: &[&str], set: &[(&str, &str)]) -> Result<()> {
    let mut cargo = process::cargo();
    cargo.args(["test", "--quiet", "--profile=sim", "--package=gannet-core", "--test=sim", "--"]);
    cargo.arg(name).args(arguments).arg("--nocapture").envs(set.iter().copied());
    process::run(cargo.current_dir(crate::root()), LIMIT)
}
