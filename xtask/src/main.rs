//! `cargo xtask`: every developer task, the same on every machine and in CI.

mod bench;
mod chaos;
mod demo;
mod fuzz;
mod gannet;
mod install;
mod npm;
mod payload;
mod process;
mod sim;
mod test;
mod tools;
mod wasm;
mod www;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, tests and shows Gannet.
///
/// Ends with 0 when all went well, 1 when something failed, 2 when the command was wrong, 3 when the
/// demo, the tracker or the relay keeps less than it promises, 130 after Ctrl-C.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs every check, in order, until one fails
    Test(test::Options),
    /// Downloads one file from 1, 4 and 8 seeders on this machine and compares
    Demo(demo::Options),
    /// Measures Gannet against another client
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Checks that the core compiles to WebAssembly, asks nothing of its host, and passes its tests there
    Wasm(wasm::Options),
    /// Builds and packs the npm package, and holds its size against the limit
    Npm,
    /// Builds the download page into target/www, and holds its size against the limit
    Www,
    /// Takes the README's pictures of the page, in Chromium
    Shots,
    /// Runs whole swarms under virtual time, with everything that goes wrong
    Sim(sim::Options),
    /// Looks for input that breaks a promise, with cargo-fuzz
    Fuzz(fuzz::Options),
    /// Kills, starves and deceives Gannet's own programs, and sees whether files come out right
    Chaos(chaos::Options),
    /// Finds the programs that the tests need, and installs what is missing
    Tools,
}

/// Exit code of a demo or a benchmark that ran, but kept less than it promises.
const TOO_SLOW: u8 = 3;
const INTERRUPTED: u8 = 130;

/// How a task ended that did what it should.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    TooSlow,
    /// Told already, in the task's own words.
    Failed,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match process::watch_interrupts().and_then(|()| run(arguments.task)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::TooSlow) => ExitCode::from(TOO_SLOW),
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Err(_) if process::interrupted() => {
            eprintln!("interrupted");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<Outcome> {
    match task {
        Task::Test(options) => test::run(&options),
        Task::Demo(options) => demo::run(&options),
        Task::Bench(bench) => bench::run(&bench),
        Task::Wasm(options) => wasm::run(&options).map(|()| Outcome::Done),
        Task::Npm => npm::run().map(|packed| {
            println!("packed {}", packed.display());
            Outcome::Done
        }),
        Task::Www => www::run().map(|page| {
            println!("built {}", page.display());
            Outcome::Done
        }),
        Task::Shots => www::shots().map(|()| Outcome::Done),
        Task::Sim(options) => sim::run(&options),
        Task::Fuzz(options) => fuzz::run(&options).map(|()| Outcome::Done),
        Task::Chaos(options) => chaos::run(&options).map(|()| Outcome::Done),
        Task::Tools => {
            tools::Peers::ensure()?.print();
            Ok(Outcome::Done)
        }
    }
}

/// The folder that holds the workspace.
fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map(PathBuf::from).unwrap_or(own)
}

/// The folder that cargo builds into, also for what the tasks keep between runs.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
