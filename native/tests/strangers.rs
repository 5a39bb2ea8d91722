//! What strangers try, against the binary itself: torrents that lead out of the folder, peers and
//! trackers that say what nobody may.

#[allow(dead_code, reason = "each test file uses a part of it")]
mod process;

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use process::{Place, Running, noise};
use serde_json::Value;
use sha1::{Digest, Sha1};

const PIECE_BYTES: usize = 16_384;
/// More than any limit of the binary on what is tried here.
const LIMIT: Duration = Duration::from_secs(30);
const ESCAPES: &str = "\u{1b}[2J\u{202e}evil\u{7}";

fn text(text: &str) -> String {
    format!("{}:{text}", text.len())
}

/// A torrent of these files, all of them with one part of `data` after the other.
fn torrent(name: &str, paths: &[&[&str]], data: &[u8]) -> Vec<u8> {
    let length = data.len() / paths.len().max(1);
    let files = match paths {
        [] => format!("6:lengthi{length}e"),
        paths => {
            let file = |path: &&[&str]| {
                let parts: String = path.iter().map(|part| text(part)).collect();
                format!("d6:lengthi{length}e4:pathl{parts}ee")
            };
            format!("5:filesl{}e", paths.iter().map(file).collect::<String>())
        }
    };
    let hashes: Vec<u8> = data.chunks(PIECE_BYTES).flat_map(Sha1::digest).collect();
    let name = text(name);
    let head = format!(
        "d4:infod{files}4:name{name}12:piece lengthi{PIECE_BYTES}e6:pieces{}:",
        hashes.len()
    );
    [head.as_bytes(), &hashes, b"ee"].concat()
}

/// Lays data where the binary says that it belongs, and seeds it from there.
fn seeder(place: &Place, data: &[u8]) -> (Running, String) {
    let info: Value = place.gannet("info t.torrent --json").ok().json();
    let files = info["files"].as_array().unwrap();
    for (file, part) in files.iter().zip(data.chunks(data.len() / files.len())) {
        let path = file["path"].as_str().unwrap();
        place.write(&format!("data/{path}"), part);
    }
    let mut seeder = place.start("seed t.torrent -o data --listen 127.0.0.1:0");
    let peer = seeder.line_after("listening at ");
    (seeder, peer)
}

#[test]
fn whatever_its_files_are_called_a_download_stays_in_its_folder() {
    let data = noise(4 * 1000);
    let files: &[&[&str]] = &[
        &["..", "..", "..", "above"],
        &["/", "etc", "absolute"],
        &["C:\\Windows\\drive"],
        &["down", "..\\..\\back"],
    ];
    for (name, paths, parts) in
        [("../../t", files, 4), ("..\\t/..", files, 4), ("../../single", &[][..], 1)]
    {
        let place = Place::new();
        let data = &data[..parts * 1000];
        place.write("t.torrent", torrent(name, paths, data));
        let (_seeder, peer) = seeder(&place, data);
        let get = format!("get t.torrent -o a/b/c/out -q --peer {peer} --listen 127.0.0.1:0");
        place.gannet(&format!("{get} --timeout 30s")).ok();
        assert_eq!(place.names("."), ["a", "data", "t.torrent"], "{name}");
        for folder in ["a", "a/b", "a/b/c"] {
            assert_eq!(place.names(folder).len(), 1, "{name}: {folder}");
        }
        assert_eq!(place.names("a/b/c/out").len(), 1, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn no_link_in_its_folder_leads_a_download_out_of_it() {
    let (place, data) = (Place::new(), noise(2000));
    place.write("t.torrent", torrent("t", &[&["sub", "a"], &["sub", "b"]], &data));
    let (_seeder, peer) = seeder(&place, &data);
    for (link, target) in [("out1/t", "elsewhere"), ("out2/t/sub", "elsewhere")] {
        fs::create_dir_all(place.path("elsewhere")).unwrap();
        let link = place.path(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(place.path(target), link).unwrap();
    }
    for out in ["out1", "out2"] {
        let ran = place.gannet(&format!(
            "get t.torrent -o {out} -q --peer {peer} --listen 127.0.0.1:0 --timeout 30s"
        ));
        assert_eq!(ran.code, 6, "{ran:?}");
        assert!(place.names("elsewhere").is_empty(), "{out}");
    }
}

#[test]
fn no_name_in_a_torrent_is_obeyed_by_a_terminal() {
    let (place, data) = (Place::new(), noise(2000));
    place.write("t.torrent", torrent(ESCAPES, &[&[ESCAPES, "a"], &["b", ESCAPES]], &data));
    let (_seeder, peer) = seeder(&place, &data);
    let get = format!("get t.torrent --peer {peer} --listen 127.0.0.1:0 --timeout 30s");
    for line in [
        "info t.torrent",
        "get t.torrent --list",
        &format!("{get} -o out1"),
        &format!("{get} -o out2 -v"),
        &format!("{get} -o out3 --json"),
        "verify t.torrent out1",
    ] {
        let ran = place.gannet(line).ok();
        let printed = format!("{}{}", ran.stdout, ran.stderr);
        let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!printed.contains(obeyed), "{line}: {printed:?}");
    }
}

/// A peer that has shaken hands with the binary; its address, and the info hash of `t.torrent`.
fn shaken(peer: &str, info_hash: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(peer).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0").unwrap();
    stream.write_all(info_hash).unwrap();
    stream.write_all(b"-XX0001-123456789012").unwrap();
    stream.read_exact(&mut [0; 68]).unwrap();
    stream
}

/// Whether the binary has closed the connection, rather than waiting for more.
fn is_closed(mut stream: TcpStream) -> bool {
    let mut rest = [0; 1024];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn who_says_what_no_peer_may_is_closed_and_the_next_is_served() {
    let (place, data) = (Place::new(), noise(40_000));
    let content = torrent("t", &[], &data);
    let info_hash = Sha1::digest(&content[b"d4:info".len()..content.len() - 1]);
    place.write("t.torrent", content);
    let (_seeder, peer) = seeder(&place, &data);
    let request = |index: u32, begin: u32, length: u32| {
        let numbers = [index, begin, length].map(u32::to_be_bytes).concat();
        [b"\0\0\0\x01\x02\0\0\0\x0d\x06", &numbers[..]].concat()
    };
    for (name, said) in [
        ("a message of four gigabytes", b"\xff\xff\xff\xff\x07".to_vec()),
        ("a bitfield too long", b"\0\0\0\x06\x05\xff\xff\xff\xff\xff".to_vec()),
        ("a bitfield with spare bits", b"\0\0\0\x02\x05\xff".to_vec()),
        ("a bitfield after others", b"\0\0\0\x01\x02\0\0\0\x02\x05\xe0".to_vec()),
        ("a piece that isn't there", b"\0\0\0\x05\x04\xff\xff\xff\xff".to_vec()),
        ("a request of that", request(u32::MAX, 0, 1)),
        ("a request beyond the end", request(0, u32::MAX, 1)),
        ("a request of four gigabytes", request(0, 0, u32::MAX)),
    ] {
        let mut stream = shaken(&peer, &info_hash);
        stream.write_all(&said).unwrap();
        assert!(is_closed(stream), "{name}");
    }
    let get = format!("get t.torrent -o out -q --peer {peer} --listen 127.0.0.1:0 --timeout 30s");
    place.gannet(&get).ok();
    assert!(place.read("out/t") == data);
}

#[test]
fn a_handshake_that_the_binary_never_sees_the_end_of_is_closed() {
    let (place, data) = (Place::new(), noise(1000));
    place.write("t.torrent", torrent("t", &[], &data));
    let (_seeder, peer) = seeder(&place, &data);
    let mut stream = TcpStream::connect(&peer).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(b"\x13BitTorrent").unwrap();
    assert!(is_closed(stream));
}

/// A tracker that answers the first who asks.
fn tracker(answer: Vec<u8>) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let _request_or_a_part_of_it = stream.read(&mut [0; 4096]).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.write_all(head.as_bytes()).unwrap();
        // It may have seen enough before the end.
        let _ = stream.write_all(&answer);
    });
    (addr, serving)
}

#[test]
fn a_tracker_that_nests_a_million_deep_is_only_one_that_talks_rubbish() {
    let place = Place::new();
    place.write("t.torrent", torrent("t", &[], &noise(1000)));
    let (addr, serving) = tracker(b"l".repeat(1_000_000));
    let ran =
        place.gannet(&format!("peers t.torrent --tracker http://{addr}/announce --timeout 20s"));
    serving.join().unwrap();
    assert!((1..=8).contains(&ran.code), "{ran:?}");
}
