//! libtorrent, from Python: `libtorrent_peer.py` beside this file.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::payload::{PIECE_BYTES, Payload, Shape};
use crate::process::Process;
use crate::support::{
    By, START_LIMIT, Scratch, TRANSFER_LIMIT, assert_same, free_addr, gannet_get, gannet_seed,
    until_listening,
};

/// The Python that has libtorrent: where `cargo xtask tools` puts it, unless the environment tells.
fn python() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/libtorrent/bin/python");
    std::env::var_os("GANNET_TEST_PYTHON").map_or(usual, PathBuf::from)
}

pub(crate) fn libtorrent(task: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/libtorrent_peer.py");
    let mut command = Command::new(python());
    command.arg(script).arg(task);
    command
}

/// Has libtorrent make a .torrent; returns where it is, and a magnet link without trackers.
fn create(scratch: &Scratch, payload: &Payload) -> (PathBuf, String) {
    let torrent = scratch.torrent(payload);
    let mut make = libtorrent("make");
    make.arg(payload.path()).arg(&torrent).args(["--piece-length", &PIECE_BYTES.to_string()]);
    let info_hash = scratch.run(&mut make);
    (torrent, format!("magnet:?xt=urn:btih:{}", info_hash.trim()))
}

fn seeder(scratch: &Scratch, torrent: &Path, folder: &Path) -> (Process, String) {
    let mut process = scratch.start(libtorrent("seed").arg(torrent).arg(folder));
    let port = process.line_after("listening ", START_LIMIT);
    (process, format!("127.0.0.1:{port}"))
}

fn gannet_downloads(by: By) {
    for shape in Shape::ALL {
        let scratch = Scratch::new();
        let payload = scratch.payload("from libtorrent", shape);
        let (torrent, magnet) = create(&scratch, &payload);
        let (_seeder, addr) = seeder(&scratch, &torrent, &payload.folder);
        let folder = scratch.folder("got");
        let mut get = gannet_get(&folder);
        match by {
            By::Torrent => get.arg(&torrent),
            By::Magnet => get.arg(&magnet),
        };
        scratch.start(get.args(["--peer", &addr])).finish(TRANSFER_LIMIT);
        assert_same(&payload, &folder);
    }
}

fn libtorrent_downloads(by: By) {
    for shape in Shape::ALL {
        let scratch = Scratch::new();
        let payload = scratch.payload("to libtorrent", shape);
        let torrent = scratch.create(&payload, None);
        let addr = free_addr();
        let mut seeder = scratch.start(&mut gannet_seed(&torrent, &payload.folder, addr));
        until_listening(&mut seeder, addr);
        let folder = scratch.folder("got");
        let mut get = libtorrent("get");
        get.arg(scratch.source(by, &torrent)).arg(&folder).args(["--peer", &addr.to_string()]);
        scratch.start(&mut get).finish(TRANSFER_LIMIT);
        assert_same(&payload, &folder);
    }
}

#[test]
fn gannet_downloads_from_libtorrent_by_torrent() {
    gannet_downloads(By::Torrent);
}

#[test]
fn gannet_downloads_from_libtorrent_by_magnet_link() {
    gannet_downloads(By::Magnet);
}

#[test]
fn libtorrent_downloads_from_gannet_by_torrent() {
    libtorrent_downloads(By::Torrent);
}

#[test]
fn libtorrent_downloads_from_gannet_by_magnet_link() {
    libtorrent_downloads(By::Magnet);
}
