//! Every check, in order, until one fails.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{Outcome, chaos, demo, npm, process, sim, tools, wasm, www};

/// A build from nothing, and the tests after it, on a small machine.
const BUILD_LIMIT: Duration = Duration::from_secs(1500);
const INTEROP_LIMIT: Duration = Duration::from_secs(600);

#[derive(Args)]
pub(crate) struct Options {
    /// Leave out what needs other BitTorrent clients
    #[arg(long)]
    without_peers: bool,
    /// Run only this check
    #[arg(long, value_name = "CHECK")]
    only: Option<Check>,
}

/// The checks in the order they run: those that fail fastest first.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Check {
    /// The code is formatted
    Fmt,
    /// Clippy has nothing to say
    Clippy,
    /// The documentation has no broken links and no gaps
    Docs,
    /// Unit, property and swarm tests
    Tests,
    /// Random swarms under virtual time, and how a few dozen leechers share
    Sim,
    /// The core compiles to WebAssembly, asks nothing of its host, passes its tests there, and does
    /// there to the last byte what it does here
    Wasm,
    /// Downloads from and uploads to libtorrent, Transmission and aria2; trackers share a Redis
    Interop,
    /// The npm package builds, is small, and downloads in Node and in Chromium, through bundlers too
    Npm,
    /// The download page builds, is small, and does in Chromium what people do with it
    Page,
    /// Downloads whose programs, disks and peers fail, in small
    Chaos,
    /// The demo, in small
    Demo,
    /// The working tree is as it was before
    Clean,
}

impl Check {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn run(self, before: Option<&str>) -> Result<()> {
        match self {
            Self::Fmt => fmt(),
            Self::Clippy => clippy(),
            Self::Docs => docs(),
            Self::Tests => tests(),
            Self::Sim => sim::check(),
            Self::Wasm => wasm::run_default().and_then(|()| sim::compare()),
            Self::Interop => interop(),
            Self::Npm => npm::test(),
            Self::Page => www::test(),
            Self::Chaos => chaos::check(),
            Self::Demo => demo::run_small(),
            Self::Clean => clean(before),
        }
    }
}

/// What became of a check.
enum Verdict {
    Passed(Duration),
    Failed(Duration),
    LeftOut,
    NotReached,
}

pub(crate) fn run(options: &Options) -> Result<Outcome> {
    let before = tree();
    let start = Instant::now();
    let mut verdicts: Vec<(Check, Verdict)> = Vec::new();
    let mut going = true;
    for &check in Check::value_variants() {
        if options.only.is_some_and(|only| only != check) {
            continue;
        }
        let verdict = match check {
            _ if !going => Verdict::NotReached,
            Check::Interop | Check::Npm if options.without_peers => Verdict::LeftOut,
            _ => timed(check, before.as_deref())?,
        };
        going &= !matches!(verdict, Verdict::Failed(_));
        verdicts.push((check, verdict));
    }
    summary(&verdicts, start.elapsed());
    Ok(if going { Outcome::Done } else { Outcome::Failed })
}

/// Runs one check under its heading. Only Ctrl-C is an error here.
fn timed(check: Check, before: Option<&str>) -> Result<Verdict> {
    println!("\n━━━ {} ━━━", check.name());
    let start = Instant::now();
    let result = check.run(before);
    if process::interrupted() {
        bail!("interrupted");
    }
    Ok(match result {
        Ok(()) => Verdict::Passed(start.elapsed()),
        Err(error) => {
            eprintln!("error: {}: {error:#}", check.name());
            Verdict::Failed(start.elapsed())
        }
    })
}

/// The table at the end, then one line that says it all.
fn summary(verdicts: &[(Check, Verdict)], total: Duration) {
    println!("\n━━━ summary ━━━");
    let (mut passed, mut failed) = (0, 0);
    for (check, verdict) in verdicts {
        let (word, time) = match verdict {
            Verdict::Passed(time) => ("passed", Some(time)),
            Verdict::Failed(time) => ("FAILED", Some(time)),
            Verdict::LeftOut => ("LEFT OUT, as asked: no other client was spoken to", None),
            Verdict::NotReached => ("not reached", None),
        };
        passed += u32::from(matches!(verdict, Verdict::Passed(_)));
        failed += u32::from(matches!(verdict, Verdict::Failed(_)));
        let time = time.map(|time| format!("{:.1} s", time.as_secs_f64())).unwrap_or_default();
        println!("{:<10}{time:>9}  {word}", check.name());
    }
    println!("{:<10}{:>9}", "total", format!("{:.1} s", total.as_secs_f64()));
    println!("checks: {passed} passed, {failed} failed");
}

/// Shows a command and runs it.
fn step(command: &mut Command, limit: Duration) -> Result<()> {
    println!("{}", process::line(command).replace(&crate::root().display().to_string(), "."));
    process::run(command, limit)
}

/// Fails with what to type if cargo lacks a component.
fn component(subcommand: &str, component: &str) -> Result<()> {
    if process::answer(process::cargo().args([subcommand, "--version"])).is_none() {
        bail!("cargo {subcommand} is missing; type\n  rustup component add {component}");
    }
    Ok(())
}

fn fmt() -> Result<()> {
    component("fmt", "rustfmt")?;
    step(process::cargo().args(["fmt", "--all", "--check"]), BUILD_LIMIT)
}

/// Two are named because tests that don't run by default aren't among "all targets".
fn clippy() -> Result<()> {
    component("clippy", "clippy")?;
    let mut cargo = process::cargo();
    cargo.args(["clippy", "--workspace", "--all-targets", "--all-features"]);
    cargo.args(["--test=interop", "--test=shared"]);
    step(cargo.args(["--", "--deny=warnings"]), BUILD_LIMIT)
}

fn docs() -> Result<()> {
    let mut cargo = process::cargo();
    cargo.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny=warnings");
    step(&mut cargo, BUILD_LIMIT)
}

fn tests() -> Result<()> {
    tools::ensure("curl", "the lines that README has people type")?;
    step(process::cargo().args(["test", "--workspace"]), BUILD_LIMIT)
}

/// The whole workspace again, so that nothing is built with other features than before.
fn interop() -> Result<()> {
    let peers = tools::Peers::ensure()?;
    // Whatever a test leaves when it is interrupted goes with this folder.
    let scratch = tempfile::Builder::new().prefix("gannet-interop-").tempdir()?;
    let mut cargo = process::cargo();
    cargo.env("TMPDIR", scratch.path());
    cargo.args(["test", "--workspace", "--test=interop", "--test=shared"]);
    cargo.env("GANNET_TEST_PYTHON", peers.python);
    step(&mut cargo, INTEROP_LIMIT)
}

/// What git thinks of the working tree; nothing where there is no git, or no repository.
fn tree() -> Option<String> {
    process::answer(Command::new("git").args(["status", "--porcelain"]).current_dir(crate::root()))
}

fn clean(before: Option<&str>) -> Result<()> {
    let after = tree();
    if after.as_deref() != before {
        bail!("the tests changed the working tree:\n{}", after.unwrap_or_default());
    }
    println!("the working tree is as it was");
    Ok(())
}
