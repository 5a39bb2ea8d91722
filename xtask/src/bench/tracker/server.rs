//! The trackers that are measured, each pinned to one core, with what it costs there.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use tempfile::TempDir;

use super::client;
use super::install::Programs;
use super::population::InfoHash;
use super::udp::UdpClient;
use crate::bench::cost;
use crate::process::{self, Running};

const START_LIMIT: Duration = Duration::from_secs(20);
/// Free ports are looked for so often: one must be free for TCP and UDP.
const PORT_TRIES: usize = 100;
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Gannet,
    Opentracker,
    BittorrentTracker,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gannet => "gannet",
            Self::Opentracker => "opentracker",
            Self::BittorrentTracker => "bittorrent-tracker",
        }
    }
}

/// A tracker that runs until it is dropped, with HTTP and UDP at the same port of 127.0.0.1.
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    running: Running,
    /// opentracker's whole world.
    _folder: Option<TempDir>,
}

impl Server {
    /// Starts it on a core of its own and waits until it answers an announce.
    pub(super) fn start(
        kind: Kind,
        programs: &Programs,
        core: usize,
        hashes: &Arc<[InfoHash]>,
    ) -> Result<Self> {
        let addr = free_addr()?;
        let folder = match kind {
            Kind::Opentracker => Some(whitelist(hashes)?),
            Kind::Gannet | Kind::BittorrentTracker => None,
        };
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &core.to_string()]);
        command.args(arguments(kind, programs, addr, folder.as_ref().map(TempDir::path))?);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if kind == Kind::Opentracker {
            // In its own root it misses a library when it ends, and says so.
            command.stderr(Stdio::null());
        }
        let mut running = Running::start(&mut command)?;
        until_answering(&mut running, addr, hashes).context(kind.name())?;
        Ok(Self { addr, running, _folder: folder })
    }

    /// Memory that is resident now.
    pub(super) fn resident_bytes(&self) -> Result<u64> {
        cost::resident_bytes(self.running.pid())
    }

    /// Processor time so far, of all threads, in the program and for it in the kernel.
    pub(super) fn processor_seconds(&self) -> Result<f64> {
        cost::processor_seconds(self.running.pid())
    }
}

/// What to type.
fn arguments(
    kind: Kind,
    programs: &Programs,
    addr: SocketAddr,
    folder: Option<&Path>,
) -> Result<Vec<String>> {
    let (port, addr) = (addr.port().to_string(), addr.to_string());
    let text = |path: &Path| path.display().to_string();
    Ok(match kind {
        // All clients share a few addresses, which no limit may slow.
        Kind::Gannet => [
            text(&programs.gannet).as_str(),
            "tracker",
            "--http",
            &addr,
            "--udp",
            &addr,
            "--max-announces",
            "0",
            "--max-connections-per-address",
            "0",
        ]
        .map(str::to_owned)
        .to_vec(),
        Kind::Opentracker => {
            let folder = text(folder.context("opentracker needs its folder")?);
            let program = text(&programs.opentracker);
            let words = ["-i", "127.0.0.1", "-p", &port, "-P", &port, "-d", &folder, "-w"];
            let words = words.map(str::to_owned);
            [&[program][..], &words, &[WHITELIST.to_owned()]].concat()
        }
        Kind::BittorrentTracker => {
            vec![text(&programs.node), text(&programs.bittorrent_tracker), port]
        }
    })
}

/// In the folder that opentracker takes for its root.
const WHITELIST: &str = "whitelist";

/// A folder with the list of the torrents that Debian's opentracker may serve. It gives up root's
/// rights before it reads that, so anybody may.
fn whitelist(hashes: &[InfoHash]) -> Result<TempDir> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::Builder::new().prefix("gannet-bench-").tempdir()?;
    let lines = hashes.iter().map(|hash| {
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        hex + "\n"
    });
    let file = folder.path().join(WHITELIST);
    fs::write(&file, lines.collect::<String>())?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// A port that was free a moment ago, for TCP and for UDP.
fn free_addr() -> Result<SocketAddr> {
    for _ in 0..PORT_TRIES {
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        match UdpSocket::bind(addr) {
            Ok(_) => return Ok(addr),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::bail!("no port is free for TCP and UDP");
}

/// Until an announce of the last torrent is answered: opentracker reads its list while it runs.
fn until_answering(
    running: &mut Running,
    addr: SocketAddr,
    hashes: &Arc<[InfoHash]>,
) -> Result<()> {
    process::until("the tracker's first answer", START_LIMIT, || {
        running.check_alive()?;
        let mut client = UdpClient::new(addr, Arc::clone(hashes), 0)?;
        let pairs = std::iter::once((&mut client, hashes.len() - 1));
        Ok(client::once(pairs).ok().map(drop))
    })
}
