//! The commands that meet a swarm: a tracker, seeders and downloads as processes on loopback.

#[allow(dead_code, reason = "each test file uses a part of it")]
mod process;

use std::time::{Duration, Instant};

use process::{Place, Ran, Running, noise};
use serde_json::Value;

/// A tracker, and a seeder that announces a folder to it.
struct Swarm {
    place: Place,
    seeder: Running,
    tracker: Running,
    announce_url: String,
    magnet: String,
    peer: String,
}

impl Swarm {
    fn new() -> Self {
        Self::with("")
    }

    fn with(seeder_flags: &str) -> Self {
        let place = Place::new();
        place.write("data/a.bin", noise(300_000)).write("data/sub/b.txt", "b");
        place.write("data/empty", "");
        let mut tracker = place.start("tracker --http 127.0.0.1:0");
        let announce_url = tracker.line();
        place.gannet(&format!("create data --tracker {announce_url} --file-hashes")).ok();
        let listen = "--listen 127.0.0.1:0";
        let mut seeder = place.start(&format!("seed data.torrent {listen} {seeder_flags}"));
        let magnet = seeder.line().split_once("magnet:").unwrap().1.to_owned();
        let peer = seeder.line_after("listening at ");
        let magnet = format!("magnet:{magnet}");
        let swarm = Self { place, seeder, tracker, announce_url, magnet, peer };
        swarm.wait_until_announced();
        swarm
    }

    /// Who asks the tracker before the seeder has announced itself would wait for its interval.
    fn wait_until_announced(&self) {
        let started = Instant::now();
        while !self.place.gannet("peers data.torrent").stdout.contains(&self.peer) {
            assert!(started.elapsed() < Duration::from_secs(20), "the seeder isn't announced");
        }
    }

    fn get(&self, rest: &str) -> Ran {
        let listen = "--listen 127.0.0.1:0 --timeout 30s";
        self.place.gannet(&format!("get {rest} {listen}"))
    }

    fn assert_same(&self, folder: &str) {
        for file in ["data/a.bin", "data/sub/b.txt", "data/empty"] {
            let copy = self.place.read(&format!("{folder}/{file}"));
            assert!(copy == self.place.read(file), "{folder}/{file}");
        }
    }
}

fn events(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_torrent_comes_from_a_seeder_that_the_tracker_names() {
    let swarm = Swarm::new();
    let ran = swarm.get("data.torrent -o out --stats stats.json").ok();
    swarm.assert_same("out");
    assert!(ran.stdout.contains("from 99 % to done"), "{}", ran.stdout);
    let stats: Value = serde_json::from_slice(&swarm.place.read("stats.json")).unwrap();
    assert_eq!(stats["schema"], 1);
    assert_eq!(stats["torrents"][0]["have_bytes"], 300_001);
    assert_eq!(stats["torrents"][0]["peers"][0]["name"], swarm.peer);
    assert_eq!(swarm.place.names("out"), ["data"], "no resume record stays behind");
}

#[test]
fn a_magnet_link_is_enough() {
    let swarm = Swarm::new();
    swarm.get(&format!("{} -o out -q", swarm.magnet)).ok();
    swarm.assert_same("out");
}

#[test]
fn a_magnet_link_may_choose_files() {
    let swarm = Swarm::new();
    swarm.get(&format!("{}&so=2 -o out -q", swarm.magnet)).ok();
    assert_eq!(swarm.place.names("out/data"), ["sub"]);
}

#[test]
fn json_is_one_object_a_line_and_ends_with_done() {
    let swarm = Swarm::new();
    let ran = swarm.get("data.torrent -o out --json").ok();
    let events = events(&ran);
    assert!(events.iter().all(|event| event["schema"] == 1 && event["event"].is_string()));
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((named("piece"), named("finished"), named("done")), (19, 1, 1));
    let done = events.last().unwrap();
    assert_eq!((&done["event"], &done["exit_code"]), (&"done".into(), &0.into()));
    assert_eq!(done["torrents"][0]["state"], "seeding");
}

#[test]
fn chosen_files_come_alone() {
    let swarm = Swarm::new();
    swarm.get("data.torrent -o out -q --select b.txt").ok();
    assert_eq!(swarm.place.names("out/data"), ["sub"]);
    swarm.get("data.torrent -o out2 -q --files 2-3").ok();
    assert_eq!(swarm.place.names("out2/data"), ["empty", "sub"]);
    swarm.get("data.torrent -o out3 --files 4").fails(2, "data: no file 4, there are 3");
}

#[test]
fn a_checksum_that_differs_is_told_and_has_its_code() {
    let swarm = Swarm::new();
    let wrong = "0".repeat(40);
    let ran = swarm.get(&format!("data.torrent -o out -q --files 1 --sha1 {wrong}"));
    ran.fails(4, "out/data/a.bin: SHA-1 is ");
    swarm.get(&format!("data.torrent -o out -q --sha1 {wrong}")).fails(2, "data: --sha256");
}

#[test]
fn a_foreign_file_is_left_alone_unless_told_otherwise() {
    let swarm = Swarm::new();
    swarm.place.write("out/data/a.bin", "precious");
    swarm.get("data.torrent -o out -q").fails(6, "data/a.bin: exists with 8 bytes");
    assert_eq!(swarm.place.read("out/data/a.bin"), b"precious");
    swarm.get("data.torrent -o out -q --overwrite").ok();
    swarm.assert_same("out");
}

#[test]
fn what_is_there_already_is_not_fetched_again() {
    let swarm = Swarm::new();
    let mut damaged = noise(300_000);
    damaged[100] ^= 1;
    swarm.place.write("out/data/a.bin", damaged);
    let ran = swarm.get("data.torrent -o out --json").ok();
    swarm.assert_same("out");
    let pieces = events(&ran).iter().filter(|event| event["event"] == "piece").count();
    assert_eq!(pieces, 2, "the damaged one, and the one with the end of the last file");
}

#[test]
fn nobody_there_until_the_timeout_has_its_code() {
    let swarm = Swarm::new();
    let started = Instant::now();
    let ran =
        swarm.place.gannet("get data.torrent --tracker http://127.0.0.1:1/ -o out -q --timeout 1s");
    drop(ran);
    let lonely = Place::new();
    lonely.write("f", noise(100)).gannet("create f").ok();
    let ran = lonely.gannet("get f.torrent -o out -q --peer 127.0.0.1:1 --timeout 1s");
    ran.fails(7, "--timeout reached");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_in_order_and_the_next_run_goes_on() {
    let swarm = Swarm::with("--max-upload 100K");
    let mut get = swarm.place.start("get data.torrent -o out --json --listen 127.0.0.1:0");
    while !get.line().contains("\"event\":\"piece\"") {}
    let started = Instant::now();
    get.signal("INT");
    assert_eq!(get.child.wait().unwrap().code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(2));
    let ran = swarm.get("data.torrent -o out --json").ok();
    swarm.assert_same("out");
    let fetched = events(&ran).iter().filter(|event| event["event"] == "piece").count();
    assert!(fetched < 19, "{fetched}");
}

#[test]
fn get_seeds_on_when_asked_to() {
    let swarm = Swarm::new();
    let started = Instant::now();
    swarm.get("data.torrent -o out -q --seed-time 1s").ok();
    assert!(started.elapsed() >= Duration::from_secs(1));
    swarm.get("data.torrent -o out -q --seed-ratio 0").ok();
}

#[test]
fn several_torrents_come_in_one_run() {
    let swarm = Swarm::new();
    swarm.place.write("single", noise(40_000)).gannet("create single").ok();
    let mut seeder = swarm.place.start("seed single --listen 127.0.0.1:0");
    let peer = seeder.line_after("listening at ");
    let ran = swarm.get(&format!("data.torrent single.torrent -o out --peer {peer}")).ok();
    swarm.assert_same("out");
    assert_eq!(swarm.place.read("out/single"), noise(40_000));
    assert!(ran.stdout.contains("\ndata  ") && ran.stdout.contains("\nsingle  "));
}

#[test]
fn a_single_file_may_get_another_name() {
    let place = Place::new();
    place.write("f", noise(20_000)).gannet("create f").ok();
    let mut seeder = place.start("seed f --listen 127.0.0.1:0");
    let peer = seeder.line_after("listening at ");
    place.gannet(&format!("get f.torrent -o out -q --name g --peer {peer} --timeout 30s")).ok();
    assert_eq!(place.names("out"), ["g"]);
}

#[test]
fn a_handshake_tells_who_a_peer_is() {
    let swarm = Swarm::new();
    let met = swarm.place.gannet(&format!("handshake data.torrent {} --json", swarm.peer)).ok();
    let met = met.json();
    assert!(met["client"].as_str().unwrap().starts_with("Gannet"));
    assert!(met["peer_id"].as_str().unwrap().starts_with("-GN"));
    assert_eq!((&met["pieces"], &met["pieces_total"]), (&19.into(), &19.into()));
    swarm.place.gannet("handshake data.torrent 127.0.0.1:1").fails(7, "127.0.0.1:1: ");
}

#[test]
fn a_single_piece_is_fetched_and_verified() {
    let swarm = Swarm::new();
    swarm.place.gannet("piece data.torrent 3 -o p --timeout 30s").ok();
    assert_eq!(swarm.place.read("p"), noise(300_000)[3 * 16_384..4 * 16_384]);
    assert_eq!(swarm.place.gannet("piece data.torrent 3 -o p").code, 6, "it exists");
    swarm.place.gannet("piece data.torrent 19").fails(2, "data: no piece 19, there are 19");
}

#[test]
fn info_of_a_magnet_link_is_that_of_the_torrent() {
    let swarm = Swarm::new();
    let from_link = swarm.place.gannet(&format!("info {} --json", swarm.magnet)).ok().json();
    let from_file = swarm.place.gannet("info data.torrent --json").ok().json();
    for field in ["name", "info_hash", "files", "pieces", "trackers", "magnet"] {
        assert_eq!(from_link[field], from_file[field], "{field}");
    }
}

#[test]
fn peers_lists_what_each_tracker_says() {
    let swarm = Swarm::new();
    let line = "peers data.torrent --json --tracker http://127.0.0.1:1/announce";
    let trackers = swarm.place.gannet(line).ok().json()["trackers"].clone();
    assert_eq!(trackers[0]["url"], "http://127.0.0.1:1/announce");
    assert!(trackers[0]["error"].is_string());
    assert_eq!(trackers[1]["url"], swarm.announce_url);
    assert_eq!(trackers[1]["peers"], serde_json::json!([swarm.peer]));
}

#[cfg(unix)]
#[test]
fn a_seeder_and_a_tracker_end_in_peace() {
    let mut swarm = Swarm::new();
    for running in [&mut swarm.seeder, &mut swarm.tracker] {
        running.signal("TERM");
        assert_eq!(running.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_tracker_or_url_that_fails_has_its_code() {
    let place = Place::new();
    place.gannet("get http://127.0.0.1:1/x.torrent").fails(8, "http://127.0.0.1:1/x.torrent: ");
    place.write("f", "x").gannet("create f --tracker http://127.0.0.1:1/announce").ok();
    assert_eq!(place.gannet("peers f.torrent").code, 8);
    place.gannet("tracker --http 192.0.2.1:1").fails(8, "HTTP 192.0.2.1:1: ");
}
