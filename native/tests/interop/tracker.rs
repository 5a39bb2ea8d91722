//! The field's clients, which find each other, and Gannet, through Gannet's tracker alone.

use std::net::SocketAddr;

use crate::aria2::aria2;
use crate::libtorrent::libtorrent;
use crate::payload::Shape;
use crate::process::Process;
use crate::support::{
    By, START_LIMIT, Scratch, TRANSFER_LIMIT, assert_same, free_addr, gannet, gannet_get,
    gannet_seed, until_announced, until_listening,
};

/// How a client asks the tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Http,
    Udp,
}

/// A tracker for both families and protocols, and its announce URL for clients at `ip`.
fn tracker(scratch: &Scratch, over: Over, ip: &str) -> (Process, String) {
    let port = free_addr().port();
    let any = format!("[::]:{port}");
    let mut tracker = scratch.start(&mut gannet(&["tracker", "--http", &any, "--udp", &any]));
    until_listening(&mut tracker, SocketAddr::from(([127, 0, 0, 1], port)));
    let url = match over {
        Over::Http => format!("http://{ip}:{port}/announce"),
        Over::Udp => format!("udp://{ip}:{port}/announce"),
    };
    (tracker, url)
}

/// libtorrent seeds, and libtorrent, which knows nothing but the tracker, downloads.
fn libtorrent_finds_libtorrent(over: Over, ip: &str) {
    let scratch = Scratch::new();
    let payload = scratch.payload("from peer to peer", Shape::ALL[0]);
    let (_tracker, url) = tracker(&scratch, over, ip);
    let torrent = scratch.create(&payload, Some(&url));
    let listen = format!("{ip}:0");
    let mut seed = libtorrent("seed");
    seed.arg(&torrent).arg(&payload.folder).args(["--listen", &listen]);
    let mut seeder = scratch.start(&mut seed);
    let port = seeder.line_after("listening ", START_LIMIT);
    let addr = format!("{ip}:{port}").parse().expect("an address");
    until_announced(&torrent, addr, |command| command);
    let mut scrape = libtorrent("scrape");
    scrape.arg(&torrent).arg(scratch.folder("none")).args(["--listen", &listen]);
    let scraped = scratch.run(&mut scrape);
    assert!(scraped.starts_with("scraped 1 "), "{scraped}");
    let folder = scratch.folder("got");
    let mut get = libtorrent("get");
    get.arg(&torrent).arg(&folder).args(["--listen", &listen]);
    scratch.start(&mut get).finish(TRANSFER_LIMIT);
    assert_same(&payload, &folder);
}

#[test]
fn libtorrent_finds_libtorrent_over_http() {
    libtorrent_finds_libtorrent(Over::Http, "127.0.0.1");
}

#[test]
fn libtorrent_finds_libtorrent_over_udp() {
    libtorrent_finds_libtorrent(Over::Udp, "127.0.0.1");
}

#[test]
fn libtorrent_finds_libtorrent_over_ipv6() {
    for over in [Over::Http, Over::Udp] {
        libtorrent_finds_libtorrent(over, "[::1]");
    }
}

#[test]
fn libtorrent_finds_gannet_and_gannet_libtorrent() {
    for over in [Over::Http, Over::Udp] {
        let scratch = Scratch::new();
        let payload = scratch.payload("from gannet and back", Shape::ALL[0]);
        let (_tracker, url) = tracker(&scratch, over, "127.0.0.1");
        let torrent = scratch.create(&payload, Some(&url));
        let addr = free_addr();
        let seeder = scratch.start(&mut gannet_seed(&torrent, &payload.folder, addr));
        until_announced(&torrent, addr, |command| command);
        let there = scratch.folder("there");
        scratch.start(libtorrent("get").arg(&torrent).arg(&there)).finish(TRANSFER_LIMIT);
        assert_same(&payload, &there);
        drop(seeder);
        let mut seeder = scratch.start(libtorrent("seed").arg(&torrent).arg(&there));
        let port: u16 = seeder.line_after("listening ", START_LIMIT).parse().expect("a port");
        until_announced(&torrent, SocketAddr::from(([127, 0, 0, 1], port)), |command| command);
        let back = scratch.folder("back");
        scratch.start(gannet_get(&back).arg(&torrent)).finish(TRANSFER_LIMIT);
        assert_same(&payload, &back);
    }
}

/// aria2 has no sockets for UDP trackers without its DHT, which has nobody to talk to here.
fn aria2_over_udp(scratch: &Scratch, listen: SocketAddr, folder: &str) -> std::process::Command {
    let mut command = aria2(listen, &scratch.folder(folder));
    command.args(["--enable-dht=true", &format!("--dht-listen-port={}", listen.port())]);
    command.arg("--dht-file-path").arg(scratch.path().join(format!("{folder}.dht")));
    command
}

#[test]
fn aria2_finds_gannet_and_gannet_aria2_over_udp() {
    for by in [By::Torrent, By::Magnet] {
        let scratch = Scratch::new();
        let payload = scratch.payload("over udp", Shape::ALL[0]);
        let (_tracker, url) = tracker(&scratch, Over::Udp, "127.0.0.1");
        let torrent = scratch.create(&payload, Some(&url));
        let addr = free_addr();
        let seeder = scratch.start(&mut gannet_seed(&torrent, &payload.folder, addr));
        until_announced(&torrent, addr, |command| command);
        let mut get = aria2_over_udp(&scratch, free_addr(), "there");
        get.arg("--seed-time=0").arg(scratch.source(by, &torrent));
        scratch.start(&mut get).finish(TRANSFER_LIMIT);
        let there = scratch.folder("there");
        assert_same(&payload, &there);
        drop(seeder);
        let addr = free_addr();
        let mut seed = aria2_over_udp(&scratch, addr, "there");
        seed.args(["--check-integrity=true", "--seed-ratio=0.0"]).arg(&torrent);
        let _seeder = scratch.start(&mut seed);
        until_announced(&torrent, addr, |command| command);
        let back = scratch.folder("back");
        scratch.start(gannet_get(&back).arg(scratch.source(by, &torrent))).finish(TRANSFER_LIMIT);
        assert_same(&payload, &back);
    }
}
