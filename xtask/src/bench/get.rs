//! A download from one local seeder: `gannet get` against libtorrent.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use wait4::Wait4;

use crate::gannet::{Gannet, Stats};
use crate::process::{self, Running};
use crate::{Outcome, payload, tools};

#[derive(Args)]
pub(crate) struct Options {
    /// How many MiB to download
    #[arg(long, default_value_t = 1024)]
    mib: u64,
    /// How many times each
    #[arg(long, default_value_t = 5)]
    pairs: usize,
}

const START_LIMIT: Duration = Duration::from_secs(120);
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(300);

/// What one download cost.
struct Cost {
    /// Until the last piece is verified, by the downloader's own clock.
    transfer_seconds: f64,
    /// From the process's start to its end, with everything on the disk.
    process_seconds: f64,
    peak_bytes: u64,
}

/// The stage of a comparison.
struct Match {
    gannet: Gannet,
    python: PathBuf,
    folder: TempDir,
    torrent: PathBuf,
    sha256: [u8; 32],
}

const PAYLOAD: &str = "payload.bin";

pub(super) fn run(options: &Options) -> Result<Outcome> {
    let stage = Match::prepare(options.mib << 20)?;
    let (_seeder, addr) = stage.seeder()?;
    println!("{} MiB from one libtorrent seeder, {} times each", options.mib, options.pairs);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for pair in 1..=options.pairs {
        ours.push(stage.gannet(&addr)?);
        theirs.push(stage.libtorrent(&addr)?);
        println!("pair {pair}");
        print("gannet", &ours[pair - 1..]);
        print("libtorrent", &theirs[pair - 1..]);
    }
    println!("median");
    print("gannet", &ours);
    print("libtorrent", &theirs);
    for (what, of) in [
        ("transfer", transfer as fn(&Cost) -> f64),
        ("whole process", |cost: &Cost| cost.process_seconds),
    ] {
        println!("{what}: gannet is {:.2} × as fast", median(&theirs, of) / median(&ours, of));
    }
    Ok(Outcome::Done)
}

fn transfer(cost: &Cost) -> f64 {
    cost.transfer_seconds
}

fn median(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> f64 {
    super::median(costs.iter().map(of))
}

fn print(name: &str, costs: &[Cost]) {
    println!(
        "  {name:<10}  transfer {:>6.2} s   process {:>6.2} s   peak memory {:>6.1} MiB",
        median(costs, transfer),
        median(costs, |cost| cost.process_seconds),
        median(costs, |cost| cost.peak_bytes as f64) / f64::from(1 << 20),
    );
}

impl Match {
    /// Everything lies under the target folder: a real disk, the same one for both.
    fn prepare(length: u64) -> Result<Self> {
        let python = tools::libtorrent()?;
        let gannet = Gannet::build(true)?;
        std::fs::create_dir_all(crate::target())?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::target())?;
        let file = folder.path().join(PAYLOAD);
        payload::write(&file, length)?;
        let torrent = folder.path().join("bench.torrent");
        gannet.create(&file, &torrent, None)?;
        let sha256 = payload::sha256(&file)?;
        Ok(Self { gannet, python, folder, torrent, sha256 })
    }

    fn libtorrent_command(&self, task: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(crate::root().join("native/tests/interop/libtorrent_peer.py")).arg(task);
        command.arg(&self.torrent).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    /// Starts the seeder; where it listens.
    fn seeder(&self) -> Result<(Running, String)> {
        let mut running = Running::start(self.libtorrent_command("seed").arg(self.folder.path()))?;
        let (sender, lines) = mpsc::channel();
        let stdout = running.stdout().context("the seeder's output is a pipe")?;
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = sender.send(line);
        });
        let line = process::until("the seeder", START_LIMIT, || Ok(lines.try_recv().ok()))?;
        let port = line.trim().strip_prefix("listening ").context("the seeder ended early")?;
        Ok((running, format!("127.0.0.1:{port}")))
    }

    fn gannet(&self, seeder: &str) -> Result<Cost> {
        let (folder, stats) = (self.fresh()?, self.folder.path().join("stats.json"));
        let mut command = self.gannet.command();
        command
            .arg("get")
            .arg(&self.torrent)
            .args(["--quiet", "--peer", seeder, "-o"])
            .arg(&folder);
        command.arg("--stats").arg(&stats).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::null());
        let mut cost = measure(&mut command)?;
        cost.transfer_seconds = Stats::read(&stats)?.seconds()?;
        self.check(&folder).map(|()| cost)
    }

    fn libtorrent(&self, seeder: &str) -> Result<Cost> {
        let folder = self.fresh()?;
        let mut command = self.libtorrent_command("get");
        let cost = measure(command.arg(&folder).args(["--peer", seeder]))?;
        self.check(&folder).map(|()| cost)
    }

    fn fresh(&self) -> Result<PathBuf> {
        let folder = self.folder.path().join("download");
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// Compares what came, and makes room for the next.
    fn check(&self, folder: &Path) -> Result<()> {
        if payload::sha256(&folder.join(PAYLOAD))? != self.sha256 {
            bail!("what came isn't what was shared");
        }
        Ok(std::fs::remove_dir_all(folder)?)
    }
}

/// Runs a downloader to its end. If it prints `finished SECONDS`, that is its transfer.
fn measure(command: &mut Command) -> Result<Cost> {
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| process::line(command))?;
    let pid = Pid::from_child(&child);
    let (sender, ended) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let text = child.stdout.take().map(std::io::read_to_string).transpose();
        let _ = sender.send((text, child.wait4(), start.elapsed()));
    });
    let end = process::until("a download", DOWNLOAD_LIMIT, || Ok(ended.try_recv().ok()));
    if end.is_err() {
        let _ = kill_process(pid, Signal::KILL);
    }
    let _ = waiter.join();
    let (text, usage, elapsed) = end?;
    let usage = usage?;
    if !usage.status.success() {
        bail!("{}: {}", process::line(command), usage.status);
    }
    let text = text?.unwrap_or_default();
    let seconds = text.trim().strip_prefix("finished ").and_then(|seconds| seconds.parse().ok());
    Ok(Cost {
        transfer_seconds: seconds.unwrap_or(f64::NAN),
        process_seconds: elapsed.as_secs_f64(),
        peak_bytes: usage.rusage.maxrss,
    })
}
