//! Looks for bytes that break a promise: cargo-fuzz over the targets in `fuzz/`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process;

/// The runner of the targets; Rust's own way to libFuzzer. Without sanitizers it needs no nightly
/// compiler, and there is no unsafe code for them to look at.
const RUNNER: &str = "cargo-fuzz";
const RUNNER_VERSION: &str = "0.13.2";
/// Builds of the runner and the targets.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);
/// How long one input may take, in seconds, before it counts as a find.
const INPUT_LIMIT_SECONDS: u32 = 20;
/// The longest input that is tried, in bytes.
const MAX_INPUT_BYTES: u32 = 4096;

#[derive(Args)]
pub(crate) struct Options {
    /// How long to look, for each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Only these targets
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,
    /// Add to the committed corpus what reached something new
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let runner = runner()?;
    let all = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!("{unknown}: no such target; there are {}", all.join(", "));
    }
    let chosen = if options.targets.is_empty() { &all } else { &options.targets };
    process::run(cargo_fuzz(&runner, "build").arg("--debug-assertions"), BUILD_LIMIT)?;
    for target in chosen {
        println!("━━━ {target} ━━━");
        look(&runner, target, options.seconds)?;
        if options.keep {
            keep(&runner, target)?;
        }
    }
    println!("{} targets, {} s each: nothing found", chosen.len(), options.seconds);
    Ok(())
}

/// The names of the targets, as their files have them.
fn targets() -> Result<Vec<String>> {
    let folder = crate::root().join("fuzz/targets");
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Finds go to a folder that isn't committed; what broke a promise, beside it.
fn look(runner: &Path, target: &str, seconds: u32) -> Result<()> {
    let (committed, found) = corpora(target);
    let broken = crate::root().join("target/fuzz/broken");
    for folder in [&found, &broken] {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut command = cargo_fuzz(runner, "run");
    command.args(["--debug-assertions", target]).arg(found).arg(committed).args([
        "--".to_owned(),
        format!("-max_total_time={seconds}"),
        format!("-timeout={INPUT_LIMIT_SECONDS}"),
        format!("-max_len={MAX_INPUT_BYTES}"),
        "-verbosity=0".to_owned(),
        "-print_final_stats=1".to_owned(),
        format!("-artifact_prefix={}/{target}-", broken.display()),
    ]);
    process::run(&mut command, BUILD_LIMIT + Duration::from_secs(seconds.into()))
}

/// Only inputs that reach what no committed one does.
fn keep(runner: &Path, target: &str) -> Result<()> {
    let (committed, found) = corpora(target);
    let mut command = cargo_fuzz(runner, "run");
    command.args(["--debug-assertions", target]).arg(committed).arg(found);
    process::run(command.args(["--", "-merge=1", "-verbosity=0"]), BUILD_LIMIT)
}

fn corpora(target: &str) -> (PathBuf, PathBuf) {
    let root = crate::root();
    (root.join("fuzz/corpus").join(target), root.join("target/fuzz/found").join(target))
}

fn cargo_fuzz(runner: &Path, task: &str) -> Command {
    let mut command = Command::new(runner);
    command.current_dir(crate::root()).args(["fuzz", task, "--sanitizer", "none"]);
    command.args(["--features", "libfuzzer", "--target-dir", "target/fuzz"]);
    // Linking each target as a whole takes longer than most looks do.
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    command
}

/// The runner, installed below `target` if need be.
fn runner() -> Result<PathBuf> {
    let place = crate::root().join("target/tools").join(RUNNER);
    let program = place.join("bin").join(RUNNER);
    if !program.exists() {
        let mut cargo = process::cargo();
        cargo.args(["install", RUNNER, "--version", RUNNER_VERSION, "--locked", "--root"]);
        process::run(cargo.arg(place).current_dir(crate::root()), BUILD_LIMIT)?;
    }
    Ok(program)
}
