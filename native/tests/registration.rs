//! A seeder and the tracker's web API: lists that are registered, torrents that are published.

#[allow(dead_code, reason = "each test file uses a part of it")]
mod process;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use process::{Place, Running, noise};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(20);

/// What a tracker answers to a GET.
fn ask(addr: SocketAddr, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(addr).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < LIMIT, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn totals(addr: SocketAddr, field: &str) -> Option<u64> {
    ask(addr, "/api/v1/totals")?[field].as_u64()
}

/// A tracker as a process, at `listen`, and its address.
fn tracker(place: &Place, listen: &str, flags: &str) -> (Running, SocketAddr) {
    let mut tracker = place.start(&format!("tracker --http {listen} {flags}"));
    let url = tracker.line();
    let addr = url.trim_start_matches("http://").trim_end_matches("/announce").parse().unwrap();
    (tracker, addr)
}

/// A folder with three files to share, and the start of a command that does.
fn shared(place: &Place, announce: &str) -> String {
    for name in ["one", "two", "three"] {
        place.write(name, noise(50_000 + name.len()));
    }
    format!("seed one two three --listen 127.0.0.1:0 --tracker {announce}")
}

#[test]
fn a_seeder_registers_all_its_torrents_at_once_and_withdraws_them_when_it_ends() {
    let place = Place::new();
    let (_tracker, addr) = tracker(&place, "127.0.0.1:0", "");
    let mut seeder = place.start(&shared(&place, &format!("http://{addr}/announce")));
    until("registered", || totals(addr, "seeders") == Some(3));
    assert_eq!(totals(addr, "registered_seeders"), Some(1));
    let seeders = ask(addr, "/api/v1/seeders").unwrap();
    assert_eq!(seeders["seeders"][0]["torrents"], 3);
    seeder.signal("INT");
    assert!(seeder.child.wait().unwrap().success());
    assert_eq!(totals(addr, "seeders"), Some(0), "withdrawn");
    assert_eq!(totals(addr, "registered_seeders"), Some(0));
}

#[test]
fn a_registered_seeder_is_found_and_downloaded_from() {
    let place = Place::new();
    let (_tracker, addr) = tracker(&place, "127.0.0.1:0", "");
    let announce = format!("http://{addr}/announce");
    let mut seeder = place.start(&shared(&place, &announce));
    let magnet = seeder.line().split_once("magnet:").unwrap().1.to_owned();
    until("registered", || totals(addr, "seeders") == Some(3));
    place.gannet(&format!("get magnet:{magnet} --listen 127.0.0.1:0 -o got --timeout 20s")).ok();
    assert_eq!(place.names("got").len(), 1);
    let name = &place.names("got")[0];
    assert!(place.read(&format!("got/{name}")) == place.read(name));
}

#[test]
fn a_tracker_that_was_killed_and_is_back_is_registered_with_again() {
    let place = Place::new();
    let (first, addr) = tracker(&place, "127.0.0.1:0", "--interval 5s");
    let seeder = place.start(&shared(&place, &format!("http://{addr}/announce")));
    until("registered", || totals(addr, "seeders") == Some(3));
    drop(first);
    let (_second, _) = tracker(&place, &addr.to_string(), "--interval 5s");
    until("registered again", || totals(addr, "seeders") == Some(3));
    drop(seeder);
}

#[test]
fn what_is_published_is_downloaded_by_its_name() {
    let place = Place::new();
    let (_tracker, addr) = tracker(&place, "127.0.0.1:0", "--publish-token secret");
    place.write("a b/é.bin", noise(70_000)).write("token", "secret\n");
    // Words of a command line are parted by spaces here.
    std::fs::rename(place.path("a b"), place.path("a_é")).unwrap();
    let announce = format!("http://{addr}/announce");
    let line = format!("seed a_é --listen 127.0.0.1:0 --tracker {announce} --publish");
    let mut seeder = place.start(&format!("{line} --publish-token @token"));
    let url = seeder.line_after("published ");
    assert!(url.starts_with(&format!("http://{addr}/torrents/")), "{url}");
    until("registered", || totals(addr, "seeders") == Some(1));
    place.gannet(&format!("get {url} --listen 127.0.0.1:0 -o got --timeout 20s")).ok();
    assert!(place.read("got/a_é/é.bin") == place.read("a_é/é.bin"));
    let rows = ask(addr, "/api/v1/torrents?search=a_").unwrap();
    assert_eq!(rows["torrents"][0]["name"], "a_é");
}

#[test]
fn a_wrong_token_or_a_tracker_that_keeps_nothing_is_a_sentence_and_code_8() {
    let place = Place::new();
    place.write("one", "1");
    let (_open, addr) = tracker(&place, "127.0.0.1:0", "--publish-token secret");
    let line = format!("seed one --listen 127.0.0.1:0 --tracker http://{addr}/announce --publish");
    let wrong = place.gannet(&format!("{line} --publish-token wrong"));
    assert_eq!(wrong.code, 8, "{wrong:?}");
    assert!(wrong.stderr.contains("token"), "{wrong:?}");
    assert!(!wrong.stderr.contains("wrong token wrong"), "a secret isn't repeated: {wrong:?}");
    let (_closed, addr) = tracker(&place, "127.0.0.1:0", "");
    let line = format!("seed one --listen 127.0.0.1:0 --tracker http://{addr}/announce --publish");
    assert_eq!(place.gannet(&line).code, 8);
    let nowhere = place.gannet("seed one --listen 127.0.0.1:0 --publish");
    assert_eq!(nowhere.code, 8);
    assert!(nowhere.stderr.contains("--tracker"), "{nowhere:?}");
}

/// An HTTP server that gives each request the answer of `reply`, and tells what was asked.
fn fake(reply: fn(&str) -> String) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (asked, asks) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut line = String::new();
            if BufReader::new(&stream).read_line(&mut line).is_err() {
                continue;
            }
            let _ = (&stream).write_all(reply(&line).as_bytes());
            if asked.send(line).is_err() {
                return;
            }
        }
    });
    (addr, asks)
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The next request that has `part` in it.
fn hear(asks: &Receiver<String>, part: &str) -> String {
    let started = Instant::now();
    loop {
        let line = asks.recv_timeout(LIMIT.saturating_sub(started.elapsed()));
        let line = line.unwrap_or_else(|_| panic!("nobody asked for {part}"));
        if line.contains(part) {
            return line;
        }
    }
}

#[test]
fn a_tracker_without_the_api_or_with_rubbish_in_its_place_is_announced_to_one_by_one() {
    let without: fn(&str) -> String = |line| match line.contains("/announce") {
        true => answer("200 OK", "d8:intervali60e5:peers0:e"),
        false => answer("404 Not Found", ""),
    };
    let rubbish: fn(&str) -> String = |line| match line.contains("/announce") {
        true => answer("200 OK", "d8:intervali60e5:peers0:e"),
        false => answer("200 OK", "<html>{}[[["),
    };
    let another: fn(&str) -> String = |line| match line.contains("/announce") {
        true => answer("200 OK", "d8:intervali60e5:peers0:e"),
        false => answer("200 OK", r#"{"api":2,"register":true}"#),
    };
    for reply in [without, rubbish, another] {
        let place = Place::new();
        let (addr, asks) = fake(reply);
        let _seeder = place.start(&shared(&place, &format!("http://{addr}/announce")));
        hear(&asks, "/api/v1");
        for _ in 0..3 {
            assert!(hear(&asks, "/announce?").contains("event=started"));
        }
    }
}

#[test]
fn a_tracker_that_stops_taking_lists_is_announced_to_one_by_one() {
    let (addr, asks) = fake(|line| match line {
        line if line.contains("/announce") => answer("200 OK", "d8:intervali60e5:peers0:e"),
        line if line.starts_with("POST") => answer("404 Not Found", ""),
        _ => answer("200 OK", r#"{"api":1,"register":true}"#),
    });
    let place = Place::new();
    let _seeder = place.start(&shared(&place, &format!("http://{addr}/announce")));
    hear(&asks, "POST /api/v1/seeders");
    for _ in 0..3 {
        hear(&asks, "/announce?");
    }
}

#[test]
fn a_list_that_was_taken_once_is_withdrawn_though_it_was_announced_one_by_one_since() {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let (addr, asks) = fake(|line| match line {
        line if line.contains("/announce") => answer("200 OK", "d8:intervali60e5:peers0:e"),
        line if line.starts_with("POST") && TAKEN.swap(true, Ordering::Relaxed) => {
            answer("404 Not Found", "")
        }
        line if line.starts_with("POST") => {
            answer("200 OK", r#"{"interval_seconds":5,"torrents":3}"#)
        }
        _ => answer("200 OK", r#"{"api":1,"register":true}"#),
    });
    let place = Place::new();
    let seeder = place.start(&shared(&place, &format!("http://{addr}/announce")));
    for part in ["POST", "POST", "/announce?"] {
        hear(&asks, part);
    }
    seeder.signal("INT");
    hear(&asks, "DELETE");
}
