//! Whole swarms under virtual time: one seed again, many seeds, and how large swarms share.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{Outcome, process, wasm};

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
    /// Compare every output of 500 random swarms between a native build and one for WebAssembly
    #[arg(long, conflicts_with_all = ["seed", "leechers"])]
    compare: bool,
    /// Measure instead how swarms of these sizes share what one seeder has
    #[arg(long, value_name = "N,N…", value_delimiter = ',')]
    leechers: Vec<u32>,
}

pub(crate) fn run(options: &Options) -> Result<Outcome> {
    match options {
        Options { seed: Some(seed), .. } => replay(*seed)?,
        Options { compare: true, .. } => compare()?,
        Options { leechers, .. } if !leechers.is_empty() => economics(leechers)?,
        Options { first, runs, .. } => random(*first, *runs)?,
    }
    Ok(Outcome::Done)
}

/// The random swarms as part of the tests, and the economics of small ones: a thousand leechers
/// take five minutes of a processor, see `--leechers`.
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

/// The same inputs give the same outputs, whatever the core is compiled for.
pub(crate) fn compare() -> Result<()> {
    const TEST: &str = "random::fingerprint_of_many";
    let mut native = cargo_test();
    native.args([TEST, "--ignored", "--exact", "--nocapture"]);
    let native = fingerprint(&mut native)?;
    let there = fingerprint(&mut wasm::test_of_the_core("sim", "sim", TEST)?)?;
    println!("native:      {native}\nWebAssembly: {there}");
    ensure!(native == there, "the same inputs gave other outputs in WebAssembly");
    Ok(())
}

/// What the test printed: how many swarms, and what all their outputs come to.
fn fingerprint(command: &mut Command) -> Result<String> {
    let printed = process::output(command, LIMIT)?;
    let line = printed.lines().find(|line| line.contains(" swarms, "));
    line.map(|line| line.trim().to_owned()).context("the test printed no fingerprint")
}

fn economics(leechers: &[u32]) -> Result<()> {
    let sizes: Vec<String> = leechers.iter().map(u32::to_string).collect();
    let sizes = sizes.join(",");
    let set = [("GANNET_SIM_LEECHERS", &*sizes)];
    test("economics::figures::figures", &["--ignored", "--exact"], &set)
}

/// Runs tests of the simulator by name, built to be fast and with every assertion on.
fn test(name: &str, arguments: &[&str], set: &[(&str, &str)]) -> Result<()> {
    let mut cargo = cargo_test();
    cargo.arg(name).args(arguments).arg("--nocapture").envs(set.iter().copied());
    process::run(&mut cargo, LIMIT)
}

fn cargo_test() -> Command {
    let mut cargo = process::cargo();
    cargo.args(["test", "--quiet", "--profile=sim", "--package=gannet-core", "--test=sim", "--"]);
    cargo.current_dir(crate::root());
    cargo
}
