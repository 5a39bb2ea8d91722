//! Gannet itself: built, and started as a user would start it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{self, Running};

const BUILD_LIMIT: Duration = Duration::from_secs(1500);
/// A server on this machine that isn't there by then won't come.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long one request to a server on this machine may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(2);

/// The built program.
pub(crate) struct Gannet {
    program: PathBuf,
}

impl Gannet {
    /// Builds it, optimised or as the tests do.
    pub(crate) fn build(optimised: bool) -> Result<Self> {
        let mut cargo = process::cargo();
        // The tests build the whole workspace: the same features, so nothing is built twice.
        cargo.args(["build", "--workspace", "--bin=gannet"]);
        let folder = if optimised {
            cargo.arg("--release");
            "release"
        } else {
            "debug"
        };
        process::run(&mut cargo, BUILD_LIMIT)?;
        Ok(Self { program: crate::target().join(folder).join("gannet") })
    }

    /// Where it lies.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.program
    }

    /// A command of it, yet without arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.stdin(Stdio::null());
        command
    }

    /// Describes `path` in a new .torrent, and returns the info hash in hex.
    pub(crate) fn create(
        &self,
        path: &Path,
        torrent: &Path,
        tracker: Option<&str>,
    ) -> Result<String> {
        let mut create = self.command();
        create.arg("create").arg(path).arg("-o").arg(torrent).stdout(Stdio::null());
        if let Some(url) = tracker {
            create.args(["--tracker", url]);
        }
        process::run(&mut create, Duration::from_secs(300))?;
        let info = process::answer(self.command().args(["info", "--json"]).arg(torrent));
        let info: Value = serde_json::from_str(&info.context("gannet info failed")?)?;
        Ok(info["info_hash"].as_str().context("`info_hash` isn't text")?.to_owned())
    }

    /// Starts a tracker on a free port of this machine.
    pub(crate) fn tracker(&self) -> Result<Tracker> {
        self.tracker_at(free_addr()?)
    }

    /// Starts a tracker at an address, which a tracker may have had before.
    pub(crate) fn tracker_at(&self, addr: SocketAddr) -> Result<Tracker> {
        let mut command = self.command();
        command.args(["tracker", "--http", &addr.to_string()]);
        Ok(Tracker { addr, running: server(&mut command, addr)? })
    }

    /// Starts a seeder of what lies in `folder`.
    pub(crate) fn seeder(&self, torrent: &Path, folder: &Path, max_upload: &str) -> Result<Seeder> {
        self.seeder_at(free_addr()?, torrent, folder, max_upload)
    }

    /// Starts a seeder at an address, which a seeder may have had before.
    pub(crate) fn seeder_at(
        &self,
        addr: SocketAddr,
        torrent: &Path,
        folder: &Path,
        max_upload: &str,
    ) -> Result<Seeder> {
        let mut command = self.command();
        command.arg("seed").arg(torrent).arg("-o").arg(folder).args(["--max-upload", max_upload]);
        command.args(["--quiet", "--listen", &addr.to_string()]);
        Ok(Seeder { addr, running: server(&mut command, addr)? })
    }

    /// Starts a relay that connects to this machine's own addresses, and as often as it is asked.
    pub(crate) fn relay(&self) -> Result<Relay> {
        self.relay_at(free_addr()?, None)
    }

    /// The same with a key, which relays share.
    pub(crate) fn relay_with(&self, key: &Path) -> Result<Relay> {
        self.relay_at(free_addr()?, Some(key))
    }

    /// Starts a relay at an address, which a relay may have had before.
    pub(crate) fn relay_at(&self, addr: SocketAddr, key: Option<&Path>) -> Result<Relay> {
        let mut command = self.command();
        command.args(["relay", "--quiet", "--drain", "0s", "--max-dials-per-target", "0"]);
        command.args(["--allow-cidr", "127.0.0.0/8", "--listen", &addr.to_string()]);
        if let Some(key) = key {
            command.arg("--key").arg(key);
        }
        Ok(Relay { addr, running: server(&mut command, addr)? })
    }

    /// Starts `gannet serve` for a folder.
    pub(crate) fn serve(&self, folder: &Path) -> Result<Serve> {
        let addr = free_addr()?;
        let mut command = self.command();
        command.arg("serve").arg(folder).args(["--quiet", "--peer-listen", "127.0.0.1:0"]);
        command.args(["--listen", &addr.to_string()]);
        Ok(Serve { addr, running: server(&mut command, addr)? })
    }
}

/// Starts a server that prints nothing, and waits until it listens.
fn server(command: &mut Command, addr: SocketAddr) -> Result<Running> {
    let mut running = Running::start(command.stdout(Stdio::null()))?;
    until_listening(&mut running, addr)?;
    Ok(running)
}

/// A relay that runs until it is dropped.
pub(crate) struct Relay {
    pub(crate) addr: SocketAddr,
    pub(crate) running: Running,
}

impl Relay {
    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.addr)
    }
}

/// A seeder that runs until it is dropped.
pub(crate) struct Seeder {
    pub(crate) addr: SocketAddr,
    pub(crate) running: Running,
}

/// A tracker that runs until it is dropped.
pub(crate) struct Tracker {
    pub(crate) addr: SocketAddr,
    pub(crate) running: Running,
}

/// A tracker, a relay and a seeder in one process, until it is dropped.
pub(crate) struct Serve {
    addr: SocketAddr,
    pub(crate) running: Running,
}

impl Serve {
    /// Where the .torrent of the first thing is that it shares.
    pub(crate) fn torrent_url(&self) -> Result<String> {
        let offers = http_json(&self.addr.to_string(), "/gannet.json")?;
        let path = offers["torrents"][0]["url"].as_str().context("nothing is shared yet")?;
        Ok(format!("http://{}{path}", self.addr))
    }
}

impl Tracker {
    pub(crate) fn url(&self) -> String {
        format!("http://{}/announce", self.addr)
    }

    /// Waits until it counts that many seeders of a torrent (BEP 48).
    pub(crate) fn until_seeders(&self, info_hash: &str, count: usize) -> Result<()> {
        let wanted = format!("8:completei{count}e");
        let path = format!("/scrape?info_hash={}", escaped(info_hash));
        process::until("the seeders' announces", START_LIMIT, || {
            let answer = http_body(self.addr, &path).unwrap_or_default();
            Ok(String::from_utf8_lossy(&answer).contains(&wanted).then_some(()))
        })
    }
}

/// An address that was free a moment ago.
fn free_addr() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?.local_addr()?)
}

/// Bytes in hex, as a URL has them.
fn escaped(hex: &str) -> String {
    hex.as_bytes().chunks(2).map(|byte| format!("%{}", String::from_utf8_lossy(byte))).collect()
}

fn until_listening(server: &mut Running, addr: SocketAddr) -> Result<()> {
    process::until("a server's start", START_LIMIT, || {
        server.check_alive()?;
        Ok(TcpStream::connect_timeout(&addr, REQUEST_LIMIT).ok().map(drop))
    })
}

fn http_body(addr: SocketAddr, path: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr, REQUEST_LIMIT)?;
    stream.set_read_timeout(Some(REQUEST_LIMIT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// What a server of this machine answers in JSON.
pub(crate) fn http_json(addr: &str, path: &str) -> Result<Value> {
    let answer = http_body(addr.parse().context("no address")?, path)?;
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").context("no answer")?;
    serde_json::from_slice(&answer[head + 4..]).with_context(|| format!("{path} isn't JSON"))
}

/// The figures that `get --stats` wrote.
pub(crate) struct Stats(Value);

impl Stats {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| path.display().to_string())?;
        let whole: Value = serde_json::from_slice(&text).context("the statistics aren't JSON")?;
        torrent(&whole).cloned().map(Self).context("the statistics name no torrent")
    }

    /// Seconds from the torrent's start to its last verified piece.
    pub(crate) fn seconds(&self) -> Result<f64> {
        match self.0["transfer"]["end_seconds"].as_f64() {
            Some(seconds) if seconds > 0.0 => Ok(seconds),
            _ => bail!("the statistics have no end of the transfer"),
        }
    }

    /// Peers that gave at least one good piece.
    pub(crate) fn useful_peers(&self) -> usize {
        let peers = self.0["peers"].as_array().map(Vec::as_slice).unwrap_or_default();
        peers.iter().filter(|peer| peer["pieces_good"].as_u64() > Some(0)).count()
    }
}

/// The statistics of one torrent, bare or in an envelope.
fn torrent(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(fields) if fields.contains_key("transfer") => Some(value),
        Value::Object(fields) => fields.values().find_map(torrent),
        Value::Array(items) => items.iter().find_map(torrent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_info_hash_is_escaped_byte_by_byte() {
        assert_eq!(escaped("00ff2b"), "%00%ff%2b");
    }

    #[test]
    fn statistics_are_found_in_an_envelope() {
        let whole = serde_json::json!({"v": 1, "torrents": [{"transfer": {"end_seconds": 2.5}}]});
        let stats = Stats(torrent(&whole).cloned().unwrap());
        assert_eq!(stats.seconds().unwrap(), 2.5);
        assert!(torrent(&serde_json::json!({"torrents": []})).is_none());
    }

    #[test]
    fn a_download_that_did_not_end_has_no_time() {
        let stats = Stats(serde_json::json!({"transfer": {"end_seconds": null}}));
        assert!(stats.seconds().is_err());
    }
}
