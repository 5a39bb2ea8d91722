//! Downloads into a page: Gannet through its relay, WebTorrent in the same Chromium, a page that does
//! nothing that a download can do without, and the ceiling, a page that only receives.

mod socket;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gannet::{Gannet, Relay, Seeder, Tracker};
use crate::process::{self, Running};
use crate::{Outcome, npm, payload, tools};

#[derive(Args)]
pub(crate) struct Options {
    /// How many MiB to download
    #[arg(long, default_value_t = 256)]
    mib: u64,
    /// How many times each
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only these
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Contestant>,
}

/// Who downloads, in the order of a round.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Contestant {
    /// A page that only receives bytes from a bare WebSocket
    Ceiling,
    /// The least that has a torrent from one seeder through a relay, into memory
    Least,
    /// The same into the browser's own storage
    LeastOpfs,
    /// Gannet through its relay, into memory
    Memory,
    /// Gannet through its relay, into the browser's own storage
    Opfs,
    /// WebTorrent by HTTP
    WebSeed,
    /// WebTorrent from another tab
    WebRtc,
}

impl Contestant {
    /// Its name on the command line, for the script as well.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn label(self) -> &'static str {
        match self {
            Self::Ceiling => "a bare WebSocket",
            Self::Least => "the least into memory",
            Self::LeastOpfs => "the least into OPFS",
            Self::Memory => "gannet into memory",
            Self::Opfs => "gannet into OPFS",
            Self::WebSeed => "WebTorrent by web seed",
            Self::WebRtc => "WebTorrent by WebRTC",
        }
    }
}

/// Whose rate is to be at least how many times whose.
const WANTED: [(Contestant, Contestant, f64); 6] = [
    (Contestant::Memory, Contestant::Ceiling, 0.8),
    (Contestant::Opfs, Contestant::Ceiling, 0.6),
    (Contestant::Memory, Contestant::Least, 0.75),
    (Contestant::Opfs, Contestant::LeastOpfs, 0.75),
    (Contestant::Opfs, Contestant::WebSeed, 3.0),
    (Contestant::Opfs, Contestant::WebRtc, 6.0),
];

/// For one download, browser and all.
const RUN_LIMIT: Duration = Duration::from_secs(200);
/// A download that fails is tried again: WebTorrent's tabs don't always find each other.
const MAX_TRIES: usize = 2;
/// More than this machine can carry.
const UPLOAD: &str = "10GB";

/// What one of them did.
struct Runs {
    contestant: Contestant,
    /// In MB/s, round by round, but for the rounds in which every try failed.
    rates: Vec<f64>,
    failures: usize,
}

/// All who took part.
struct Rates(Vec<Runs>);

/// Everything that the pages need.
struct Stage {
    folder: TempDir,
    scripts: PathBuf,
    options: Value,
    _seeder: Seeder,
    _relay: Relay,
    _tracker: Tracker,
}

pub(super) fn run(options: &Options) -> Result<Outcome> {
    let stage = Stage::prepare(options.mib << 20)?;
    println!("{} MiB, {} times each, in turn", options.mib, options.rounds);
    let mut rates = Rates::of(&options.only);
    for round in 1..=options.rounds {
        for runs in &mut rates.0 {
            runs.add(round, &stage)?;
        }
    }
    Ok(rates.compare())
}

impl Runs {
    /// One more download, or what came of trying.
    fn add(&mut self, round: usize, stage: &Stage) -> Result<()> {
        let label = self.contestant.label();
        for _ in 0..MAX_TRIES {
            match stage.run(self.contestant) {
                Ok(rate) => {
                    println!("round {round}  {label:<24}{rate:>8.1} MB/s");
                    self.rates.push(rate);
                    return Ok(());
                }
                Err(error) if process::interrupted() => return Err(error),
                Err(error) => println!("round {round}  {label:<24}  failed: {error:#}"),
            }
            self.failures += 1;
        }
        Ok(())
    }

    fn median(&self) -> f64 {
        super::median(self.rates.iter().copied())
    }

    /// Ours may not fail, whoever else does.
    fn is_sound(&self) -> bool {
        let is_ours = matches!(self.contestant, Contestant::Memory | Contestant::Opfs);
        self.failures == 0 || !is_ours
    }

    fn print(&self) {
        let failures = match self.failures {
            0 => String::new(),
            failures => format!(", and {failures} that failed"),
        };
        println!("         {:<24}{:>8.1} MB/s{failures}", self.contestant.label(), self.median());
    }
}

impl Rates {
    fn of(only: &[Contestant]) -> Self {
        let all = Contestant::value_variants().iter();
        let chosen = all.filter(|contestant| only.is_empty() || only.contains(contestant));
        let none = |&contestant| Runs { contestant, rates: Vec::new(), failures: 0 };
        Self(chosen.map(none).collect())
    }

    fn median(&self, contestant: Contestant) -> Option<f64> {
        self.0.iter().find(|runs| runs.contestant == contestant).map(Runs::median)
    }

    /// What the least that a page can do comes to, where one of ours is measured.
    fn least(&self, ours: Contestant) -> Option<f64> {
        match ours {
            Contestant::Memory => self.median(Contestant::Least),
            Contestant::Opfs => self.median(Contestant::LeastOpfs),
            _ => None,
        }
    }

    /// Prints medians and ratios; whether each ratio is what it should be.
    fn compare(&self) -> Outcome {
        println!("median");
        self.0.iter().for_each(Runs::print);
        let is_sound = self.0.iter().all(Runs::is_sound);
        let mut outcome = if is_sound { Outcome::Done } else { Outcome::TooSlow };
        for (ours, theirs, wanted) in WANTED {
            let (Some(our_rate), Some(their_rate)) = (self.median(ours), self.median(theirs))
            else {
                continue;
            };
            let ratio = our_rate / their_rate;
            let least = self.least(ours).map_or(f64::INFINITY, |least| least / their_rate);
            let (is_met, verdict) = judge(ratio, wanted, least);
            let (ours, theirs) = (ours.label(), theirs.label());
            println!("{ours} is {ratio:.2} × {theirs}, at least {wanted} ×{verdict}");
            if !is_met {
                outcome = Outcome::TooSlow;
            }
        }
        outcome
    }
}

impl Stage {
    /// Builds what is measured, and starts all that a page downloads from.
    fn prepare(length: u64) -> Result<Self> {
        let chromium = tools::chromium()?;
        let scripts = crate::root().join("xtask/peers/browser");
        npm::tools(&scripts)?;
        npm::build()?;
        let gannet = Gannet::build(true)?;
        std::fs::create_dir_all(crate::target())?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::target())?;
        let file = folder.path().join("payload.bin");
        payload::write(&file, length)?;
        let tracker = gannet.tracker()?;
        let torrent = folder.path().join("payload.torrent");
        let info_hash = gannet.create(&file, &torrent, Some(&tracker.url()))?;
        let seeder = gannet.seeder(&torrent, folder.path(), UPLOAD)?;
        tracker.until_seeders(&info_hash, 1)?;
        let relay = gannet.relay()?;
        let options = json!({
            "payload": file,
            "torrent": torrent,
            "bytes": length,
            "socket": format!("ws://{}", socket::serve(length)?),
            "relay": relay.url(),
            "tracker": tracker.url(),
            "infoHash": info_hash,
            "package": npm::dist(),
            "chromium": chromium,
        });
        Ok(Self { folder, scripts, options, _seeder: seeder, _relay: relay, _tracker: tracker })
    }

    /// Payload per second, in MB, of one download.
    fn run(&self, contestant: Contestant) -> Result<f64> {
        let mut node = Command::new("node");
        node.arg(self.scripts.join("run.mjs")).arg(contestant.name()).arg(self.options.to_string());
        // Profiles of the browser lie where the payload lies, on the disk.
        node.env("TMPDIR", self.folder.path()).stdout(Stdio::piped()).stdin(Stdio::null());
        let text = output(&mut node)?;
        let result: Value = serde_json::from_str(&text).with_context(|| contestant.name())?;
        match (result["seconds"].as_f64(), result["bytes"].as_f64()) {
            (Some(seconds), Some(bytes)) if seconds > 0.0 => Ok(bytes / seconds / 1e6),
            _ => bail!("{}: {result}", contestant.name()),
        }
    }
}

/// Whether a ratio is as it should be, and words for one that isn't. What the least that a page can do
/// doesn't reach either on this machine is no fault of ours.
fn judge(ratio: f64, wanted: f64, least: f64) -> (bool, String) {
    match ratio >= wanted {
        true => (true, String::new()),
        false if ratio.is_nan() => (false, ": not measured".to_owned()),
        false if least < wanted => {
            (true, format!(": out of reach here, the least has {least:.2} ×"))
        }
        false => (false, ": too slow".to_owned()),
    }
}

/// Runs a command to its end; what it printed.
fn output(command: &mut Command) -> Result<String> {
    let mut running = Running::start(command)?;
    let stdout = running.stdout().context("the script's output is a pipe")?;
    let (sender, printed) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(std::io::read_to_string(stdout));
    });
    let text = process::until("a download", RUN_LIMIT, || Ok(printed.try_recv().ok()))?;
    Ok(text?)
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_goal_counts_where_the_least_reaches_it() {
        let cases = [
            ("met", 0.9, 0.8, 0.95, true, ""),
            ("missed", 0.7, 0.8, 0.95, false, ": too slow"),
            ("missed, the least not measured", 0.7, 0.8, f64::INFINITY, false, ": too slow"),
            ("for nobody", 0.37, 0.8, 0.45, true, ": out of reach here, the least has 0.45 ×"),
            ("no rate", f64::NAN, 0.8, 0.45, false, ": not measured"),
        ];
        for (what, ratio, wanted, least, is_met, words) in cases {
            assert_eq!(judge(ratio, wanted, least), (is_met, words.to_owned()), "{what}");
        }
    }
}
