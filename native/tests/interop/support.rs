//! What the tests of all clients share.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::payload::{PIECE_BYTES, Payload, Shape};
use crate::process::{self, Process, until};

/// How long a server may take to start, check its data and announce.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a few megabytes may take on this machine.
pub(crate) const TRANSFER_LIMIT: Duration = Duration::from_secs(60);

/// How a downloader learns of a torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// From a .torrent.
    Torrent,
    /// From a magnet link alone; the metadata comes from the seeder (BEP 9).
    Magnet,
}

/// One test's folder: all of its files are below it, and gone at its end.
pub(crate) struct Scratch {
    folder: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("gannet-interop-").tempdir();
        Self { folder: folder.expect("a temporary folder") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A folder below, made now if it isn't there.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.path().join(name);
        std::fs::create_dir_all(&folder).expect("folder");
        folder
    }

    /// A payload in the folder of what is shared.
    pub(crate) fn payload(&self, name: &str, shape: Shape) -> Payload {
        Payload::write(&self.folder("shared"), name, shape)
    }

    /// A .torrent's path for a payload.
    pub(crate) fn torrent(&self, payload: &Payload) -> PathBuf {
        self.path().join(format!("{}.torrent", payload.name))
    }

    /// Starts a program whose output is kept here.
    pub(crate) fn start(&self, command: &mut Command) -> Process {
        Process::start(command, self.path())
    }

    /// Runs a short command that must succeed; returns what it printed.
    pub(crate) fn run(&self, command: &mut Command) -> String {
        process::run(command, self.path())
    }

    /// Has Gannet make a .torrent; returns where it is.
    pub(crate) fn create(&self, payload: &Payload, tracker: Option<&str>) -> PathBuf {
        let torrent = self.torrent(payload);
        let mut create = gannet(&["create"]);
        create.arg(payload.path()).arg("-o").arg(&torrent);
        create.args(["--piece-length", &PIECE_BYTES.to_string()]);
        self.run(create.args(tracker.map(|url| ["--tracker", url]).iter().flatten()));
        torrent
    }

    /// The magnet link that Gannet gives for a .torrent.
    pub(crate) fn magnet(&self, torrent: &Path) -> String {
        let text = self.run(gannet(&["info", "--json"]).arg(torrent));
        let info: Value = serde_json::from_str(&text).expect("`gannet info --json` prints JSON");
        info["magnet"].as_str().expect("`magnet` is a string").to_owned()
    }

    /// What a downloader is given.
    pub(crate) fn source(&self, by: By, torrent: &Path) -> String {
        match by {
            By::Torrent => torrent.display().to_string(),
            By::Magnet => self.magnet(torrent),
        }
    }
}

/// The program under test.
pub(crate) fn gannet(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gannet"));
    command.args(arguments);
    command
}

/// `gannet get` of anything, loud, into a folder.
pub(crate) fn gannet_get(folder: &Path) -> Command {
    let mut command = gannet(&["get", "-v", "--listen", "127.0.0.1:0", "-o"]);
    command.arg(folder);
    command
}

/// `gannet seed` of .torrents whose data lies in a folder.
pub(crate) fn gannet_seed(torrent: &Path, folder: &Path, addr: SocketAddr) -> Command {
    let mut command = gannet(&["seed", "-v", "--listen", &addr.to_string()]);
    command.arg(torrent).arg("-o").arg(folder);
    command
}

/// An address that was free a moment ago.
pub(crate) fn free_addr() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address")
}

/// Waits until a server accepts connections.
pub(crate) fn until_listening(server: &mut Process, addr: SocketAddr) {
    until("listening", START_LIMIT, || {
        server.assert_alive();
        TcpStream::connect(addr).map(drop).map_err(|error| error.to_string())
    });
}

/// Waits until the tracker names `addr` as a peer of a torrent, as `gannet peers` prints it.
/// `host` makes a command run on the host that it is to run on.
pub(crate) fn until_announced(torrent: &Path, addr: SocketAddr, host: impl Fn(Command) -> Command) {
    until(&format!("{addr} announced"), START_LIMIT, || {
        let mut peers = gannet(&["peers"]);
        peers.arg(torrent);
        let output = host(peers).output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        if text.contains(&addr.to_string()) { Ok(()) } else { Err(format!("{text}{errors}")) }
    });
}

/// Panics unless all of the payload lies in `folder`, byte for byte.
pub(crate) fn assert_same(payload: &Payload, folder: &Path) {
    assert_eq!(payload.difference(folder), None, "{} in {}", payload.name, folder.display());
}
