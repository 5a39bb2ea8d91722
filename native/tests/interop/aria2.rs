//! aria2, which finds its peers through Gannet's own tracker.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::payload::Shape;
use crate::process::Process;
use crate::support::{
    By, Scratch, TRANSFER_LIMIT, assert_same, free_addr, gannet, gannet_get, gannet_seed,
    until_announced, until_listening,
};

/// aria2 with the trackers as its only way to find a peer.
pub(crate) fn aria2(listen: SocketAddr, folder: &Path) -> Command {
    let mut command = Command::new("aria2c");
    command.args(["--no-conf", "--summary-interval=0", "--console-log-level=info"]);
    command.args(["--enable-dht=false", "--enable-dht6=false", "--enable-peer-exchange=false"]);
    command.args(["--bt-enable-lpd=false", "--disable-ipv6", "--file-allocation=none"]);
    command.arg(format!("--listen-port={}", listen.port()));
    command.arg("--dir").arg(folder);
    command
}

/// Gannet's tracker and its announce URL.
fn tracker(scratch: &Scratch) -> (Process, String) {
    let addr = free_addr();
    let mut tracker = scratch.start(&mut gannet(&["tracker", "--http", &addr.to_string()]));
    until_listening(&mut tracker, addr);
    (tracker, format!("http://{addr}/announce"))
}

fn gannet_downloads(by: By) {
    for shape in Shape::ALL {
        let scratch = Scratch::new();
        let payload = scratch.payload("from aria2", shape);
        let (_tracker, url) = tracker(&scratch);
        let torrent = scratch.create(&payload, Some(&url));
        let addr = free_addr();
        let mut seed = aria2(addr, &payload.folder);
        seed.args(["--check-integrity=true", "--seed-ratio=0.0"]).arg(&torrent);
        let _seeder = scratch.start(&mut seed);
        until_announced(&torrent, addr, |command| command);
        let folder = scratch.folder("got");
        let mut get = gannet_get(&folder);
        scratch.start(get.arg(scratch.source(by, &torrent))).finish(TRANSFER_LIMIT);
        assert_same(&payload, &folder);
    }
}

fn aria2_downloads(by: By) {
    for shape in Shape::ALL {
        let scratch = Scratch::new();
        let payload = scratch.payload("to aria2", shape);
        let (_tracker, url) = tracker(&scratch);
        let torrent = scratch.create(&payload, Some(&url));
        let addr = free_addr();
        let _seeder = scratch.start(&mut gannet_seed(&torrent, &payload.folder, addr));
        until_announced(&torrent, addr, |command| command);
        let folder = scratch.folder("got");
        let mut get = aria2(free_addr(), &folder);
        get.arg("--seed-time=0").arg(scratch.source(by, &torrent));
        scratch.start(&mut get).finish(TRANSFER_LIMIT);
        assert_same(&payload, &folder);
    }
}

#[test]
fn gannet_downloads_from_aria2_by_torrent() {
    gannet_downloads(By::Torrent);
}

#[test]
fn gannet_downloads_from_aria2_by_magnet_link() {
    gannet_downloads(By::Magnet);
}

#[test]
fn aria2_downloads_from_gannet_by_torrent() {
    aria2_downloads(By::Torrent);
}

#[test]
fn aria2_downloads_from_gannet_by_magnet_link() {
    aria2_downloads(By::Magnet);
}
