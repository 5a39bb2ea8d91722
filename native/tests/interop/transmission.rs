//! Transmission, which refuses peers on loopback: each side gets a host of its own, a network
//! namespace, and a wire between them. Transmission decides whom to unchoke only every 10 s, so a
//! test moves all its torrents at once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::payload::{PIECE_BYTES, Payload, Shape};
use crate::process::{Process, until};
use crate::support::{By, START_LIMIT, Scratch, assert_same, gannet, until_announced};

/// Several turns of Transmission's choker.
const PATIENCE: Duration = Duration::from_secs(90);
const RPC_ADDR: &str = "127.0.0.1:9091";

/// A host with its own network.
#[derive(Clone)]
struct Host {
    namespace: String,
    ip: &'static str,
}

impl Host {
    /// The same command, on this host.
    fn on(&self, command: &Command) -> Command {
        let mut moved = Command::new("ip");
        moved.args(["netns", "exec", &self.namespace]);
        moved.arg(command.get_program()).args(command.get_args());
        moved
    }

    fn addr(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip.parse().expect("an address"), port)
    }
}

/// Two hosts on one wire; both are gone when this is dropped.
struct Wire {
    gannet: Host,
    transmission: Host,
}

impl Wire {
    fn new(scratch: &Scratch) -> Self {
        remove_abandoned_hosts();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let host = |side, ip| Host {
            namespace: format!("gannet-{}-{number}-{side}", std::process::id()),
            ip,
        };
        let wire = Self { gannet: host("a", "10.97.0.1"), transmission: host("b", "10.97.0.2") };
        let (a, b) = (&wire.gannet.namespace, &wire.transmission.namespace);
        let ip = |words: &str| {
            scratch.run(Command::new("ip").args(words.split(' ')));
        };
        ip(&format!("netns add {a}"));
        ip(&format!("netns add {b}"));
        ip(&format!("link add wire netns {a} type veth peer name wire netns {b}"));
        for Host { namespace, ip: own } in [&wire.gannet, &wire.transmission] {
            ip(&format!("-n {namespace} addr add {own}/24 dev wire"));
            ip(&format!("-n {namespace} link set wire up"));
            ip(&format!("-n {namespace} link set lo up"));
        }
        wire
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for host in [&self.gannet, &self.transmission] {
            let _ = Command::new("ip").args(["netns", "del", &host.namespace]).status();
        }
    }
}

/// Hosts of a test that was interrupted: its process is gone, they are not.
fn remove_abandoned_hosts() {
    let list = Command::new("ip").args(["netns", "list"]).output().expect("`ip`, of iproute2");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    for namespace in list.lines().filter_map(|line| line.split(' ').next()) {
        let pid = namespace.strip_prefix("gannet-").and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = Command::new("ip").args(["netns", "del", namespace]).status();
        }
    }
}

/// A Transmission that finds peers through trackers and what connects to it.
struct Transmission<'a> {
    scratch: &'a Scratch,
    host: Host,
    process: Process,
}

const PEER_PORT: u16 = 51_413;

impl<'a> Transmission<'a> {
    fn start(scratch: &'a Scratch, host: &Host) -> Self {
        let home = scratch.folder("transmission");
        let settings = json!({
            "dht-enabled": false,
            "lpd-enabled": false,
            "utp-enabled": false,
            "port-forwarding-enabled": false,
            "peer-port": PEER_PORT,
            "rpc-bind-address": "127.0.0.1",
            "preallocation": 0,
        });
        std::fs::write(home.join("settings.json"), settings.to_string()).expect("settings");
        let mut daemon = Command::new("transmission-daemon");
        daemon.arg("--foreground").arg("--config-dir").arg(&home);
        let process = scratch.start(&mut host.on(&daemon));
        let mut transmission = Self { scratch, host: host.clone(), process };
        until("transmission", START_LIMIT, || {
            transmission.process.assert_alive();
            transmission.remote(&["--list"])
        });
        transmission
    }

    fn remote(&self, arguments: &[&str]) -> Result<String, String> {
        let mut remote = Command::new("transmission-remote");
        let remote = remote.arg(RPC_ADDR).args(arguments);
        let output = self.host.on(remote).output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(text) } else { Err(text) }
    }

    fn add(&self, source: &str, folder: &Path) {
        let folder = folder.to_str().expect("a folder of our own");
        self.remote(&["--add", source, "--download-dir", folder]).expect("transmission adds it");
    }

    /// Waits until it has everything of `count` torrents.
    fn until_complete(&self, count: usize) {
        until("all of it", PATIENCE, || {
            let list = self.remote(&["--list"])?;
            let complete = list.lines().filter(|line| line.contains(" 100% ")).count();
            let peers = self.remote(&["--torrent", "all", "--info", "--info-peers"])?;
            if complete == count { Ok(()) } else { Err(format!("{list}\n{peers}")) }
        });
    }

    /// Has Transmission make a .torrent, which names no empty files; returns where it is.
    fn create(&self, payload: &Payload) -> PathBuf {
        let torrent = self.scratch.torrent(payload);
        let mut create = Command::new("transmission-create");
        create.args(["--piecesize", &(PIECE_BYTES / 1024).to_string(), "--outfile"]);
        self.scratch.run(create.arg(&torrent).arg(payload.path()));
        torrent
    }
}

/// One torrent for each shape and each way to learn of it, all with bytes of their own.
fn payloads(scratch: &Scratch) -> Vec<(By, Payload)> {
    let kinds =
        [By::Torrent, By::Magnet].into_iter().flat_map(|by| Shape::ALL.map(|shape| (by, shape)));
    kinds.map(|(by, shape)| (by, scratch.payload(&format!("{shape:?} by {by:?}"), shape))).collect()
}

#[test]
fn gannet_downloads_from_transmission() {
    let scratch = Scratch::new();
    let wire = Wire::new(&scratch);
    let transmission = Transmission::start(&scratch, &wire.transmission);
    let mut payloads = payloads(&scratch);
    let folder = scratch.folder("got");
    let mut get = gannet(&["get", "-v", "--listen", &wire.gannet.addr(6881).to_string(), "-o"]);
    get.arg(&folder).args(["--peer", &wire.transmission.addr(PEER_PORT).to_string()]);
    for (by, payload) in &payloads {
        let torrent = match by {
            By::Torrent => scratch.create(payload, None),
            By::Magnet => transmission.create(payload),
        };
        transmission.add(&torrent.display().to_string(), &payload.folder);
        get.arg(scratch.source(*by, &torrent));
    }
    transmission.until_complete(payloads.len());
    scratch.start(&mut wire.gannet.on(&get)).finish(PATIENCE);
    for (by, payload) in &mut payloads {
        if *by == By::Magnet {
            payload.forget_empty_files();
        }
        assert_same(payload, &folder);
    }
}

#[test]
fn transmission_downloads_from_gannet() {
    let scratch = Scratch::new();
    let wire = Wire::new(&scratch);
    let tracker = wire.gannet.addr(8080).to_string();
    let both = gannet(&["tracker", "--http", &tracker, "--udp", &tracker]);
    let _tracker = scratch.start(&mut wire.gannet.on(&both));
    let mut payloads = payloads(&scratch);
    // In turn over one protocol and the other.
    let urls = ["http", "udp"].map(|scheme| format!("{scheme}://{tracker}/announce"));
    let torrents = payloads.iter().zip(urls.iter().cycle());
    let torrents: Vec<_> =
        torrents.map(|((_, payload), url)| scratch.create(payload, Some(url))).collect();
    let addr = wire.gannet.addr(6881);
    let mut seed = gannet(&["seed", "--listen", &addr.to_string(), "-o"]);
    seed.arg(scratch.folder("shared")).args(&torrents);
    let _seeder = scratch.start(&mut wire.gannet.on(&seed));
    let transmission = Transmission::start(&scratch, &wire.transmission);
    let folder = scratch.folder("got");
    for ((by, _), torrent) in payloads.iter().zip(&torrents) {
        until_announced(torrent, addr, |command| wire.gannet.on(&command));
        transmission.add(&scratch.source(*by, torrent), &folder);
    }
    transmission.until_complete(payloads.len());
    // Transmission makes no empty files, and what is complete may still be on its way to the disk.
    for (_, payload) in &mut payloads {
        payload.forget_empty_files();
        until("the files", START_LIMIT, || payload.difference(&folder).map_or(Ok(()), Err));
    }
}
