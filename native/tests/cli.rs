//! The commands that need no swarm, as a user runs them.

#[allow(dead_code, reason = "each test file uses a part of it")]
mod process;

use process::{Place, noise};

fn shared() -> Place {
    let place = Place::new();
    place.write("data/a.bin", noise(50_000)).write("data/sub/b.txt", "b").write("data/empty", "");
    place
}

#[test]
fn what_is_created_can_be_shown_and_verified() {
    let place = shared();
    let args = "--tracker http://a/announce,http://b/announce --tracker udp://c:80 \
                --web-seed http://w/ --comment hello --private --piece-length 16K";
    place.gannet(&format!("create data -o t.torrent {args}")).ok();
    let info = place.gannet("info t.torrent --json").ok().json();
    assert_eq!(info["name"], "data");
    assert_eq!(info["total_length"], 50_001);
    assert_eq!((&info["piece_length"], &info["pieces"]), (&16_384.into(), &4.into()));
    assert_eq!(info["private"], true);
    assert_eq!(info["info_hash"].as_str().unwrap().len(), 40);
    let tiers = serde_json::json!([["http://a/announce", "http://b/announce"], ["udp://c:80"]]);
    assert_eq!(info["trackers"], tiers);
    assert_eq!(info["web_seeds"], serde_json::json!(["http://w/"]));
    let files = info["files"].as_array().unwrap();
    let files: Vec<_> = files.iter().map(|file| (&file["path"], &file["length"])).collect();
    let expected = [("data/a.bin", 50_000), ("data/empty", 0), ("data/sub/b.txt", 1)];
    assert_eq!(
        files,
        expected
            .map(|(path, length)| (path.into(), length.into()))
            .each_ref()
            .map(|(path, length): &(serde_json::Value, serde_json::Value)| (path, length))
    );
    assert!(info["magnet"].as_str().unwrap().starts_with("magnet:?xt=urn:btih:"));
    place.gannet("verify t.torrent .").ok();
}

#[test]
fn info_for_a_person_has_the_files_and_the_magnet_link() {
    let place = shared();
    place.gannet("create data").ok();
    let shown = place.gannet("info data.torrent").ok().stdout;
    for expected in ["data/sub/b.txt", "magnet:?xt=urn:btih:", "48.8 KiB"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
}

#[test]
fn the_same_files_make_the_same_torrent() {
    let (one, other) = (shared(), shared());
    let hash = |place: &Place| {
        place.gannet("create data -o t.torrent --file-hashes").ok();
        place.gannet("info t.torrent --json").ok().json()["info_hash"].clone()
    };
    assert_eq!(hash(&one), hash(&other));
}

#[test]
fn create_replaces_a_torrent_only_when_told_to() {
    let place = shared();
    place.write("t.torrent", "precious");
    place.gannet("create data -o t.torrent").fails(6, "t.torrent: exists already");
    assert_eq!(place.read("t.torrent"), b"precious");
    place.gannet("create data -o t.torrent --overwrite").ok();
    assert_ne!(place.read("t.torrent"), b"precious");
}

#[test]
fn create_says_what_it_cannot_share() {
    let place = Place::new();
    place.gannet("create nothing").fails(1, "nothing: ");
    std::fs::create_dir(place.path("hollow")).unwrap();
    place.gannet("create hollow").fails(1, "hollow: no files in it");
    assert_eq!(place.names("."), ["hollow"]);
}

#[test]
fn verify_tells_good_missing_and_bad_apart() {
    let place = shared();
    place.gannet("create data --piece-length 16K").ok();
    let mut content = noise(50_000);
    content[20_000] ^= 1;
    place.write("data/a.bin", content);
    std::fs::remove_file(place.path("data/empty")).unwrap();
    let ran = place.gannet("verify data.torrent . --json");
    assert_eq!(ran.code, 4);
    let found = ran.json();
    assert_eq!(found["pieces"]["bad"], serde_json::json!([1]));
    assert_eq!(found["pieces"]["good"], 3);
    let statuses: Vec<_> =
        found["files"].as_array().unwrap().iter().map(|file| file["status"].clone()).collect();
    assert_eq!(statuses, ["bad", "missing", "good"]);

    std::fs::remove_file(place.path("data/a.bin")).unwrap();
    let ran = place.gannet("verify data.torrent .");
    assert_eq!(ran.code, 4);
    assert!(ran.stdout.contains("missing: 4 pieces (0-3)"), "{}", ran.stdout);
}

#[test]
fn verify_does_not_follow_a_link_out_of_the_folder() {
    let place = Place::new();
    place.write("a", noise(20_000)).gannet("create a").ok();
    std::fs::create_dir(place.path("dir")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.path("a"), place.path("dir/a")).unwrap();
        assert_ne!(place.gannet("verify a.torrent dir").code, 0);
    }
}

#[test]
fn bad_torrents_are_one_clear_line_and_nothing_is_written() {
    let bad: [(&str, Vec<u8>, &str); 9] = [
        ("empty", vec![], "not a torrent"),
        ("text", b"hello".to_vec(), "not a torrent"),
        ("deep", b"l".repeat(1_000_000), "not a torrent"),
        ("list", b"le".to_vec(), "not a torrent"),
        ("hollow", b"d4:infodee".to_vec(), "info."),
        ("piece-length", torrent("1:a", "i0e", "i16384e"), "info.piece length: "),
        ("huge-piece", torrent("1:a", "i4294967295e", "i16384e"), "info.piece length: "),
        ("negative", torrent("1:a", "i16384e", "i-1e"), "info.length: "),
        ("name", torrent("2:..", "i16384e", "i16384e"), "info.name: "),
    ];
    let place = Place::new();
    for (name, content, message) in &bad {
        let name = format!("{name}.torrent");
        place.write(&name, content);
        let message = format!("{name}: {message}");
        for command in ["info", "get -o out", "verify", "piece"] {
            let rest = match command {
                "verify" => ".",
                "piece" => "0",
                _ => "",
            };
            place.gannet(&format!("{command} {name} {rest}")).fails(3, &message);
        }
        place.gannet(&format!("seed {name}")).fails(3, &message);
    }
    assert_eq!(place.names(".").len(), bad.len());
}

/// A single-file torrent of one piece with these values.
fn torrent(name: &str, piece_length: &str, length: &str) -> Vec<u8> {
    let hash = "0".repeat(20);
    format!("d4:infod6:length{length}4:name{name}12:piece length{piece_length}6:pieces20:{hash}ee")
        .into_bytes()
}

#[test]
fn bad_links_files_and_arguments_have_their_codes() {
    let place = Place::new();
    place.gannet("info magnet:?dn=x").fails(3, "magnet:?dn=x: ");
    place.gannet("get none.torrent").fails(3, "none.torrent: ");
    place.gannet("decode none").fails(3, "none: ");
    place.write("x", "i1").gannet("decode x").fails(3, "x: at byte 0: ");
    for line in ["get", "get a --files 0", "nonsense", "create a --piece-length 1000", "tracker"] {
        assert_eq!(place.gannet(line).code, 2, "{line}");
    }
    assert_eq!(place.names("."), ["x"]);
}

#[test]
fn names_that_were_made_safe_are_shown_beside_what_they_were() {
    let place = Place::new();
    let info = b"d4:infod5:filesld6:lengthi1e4:pathl2:..4:\x1b[2Jeee4:name3:../\
        12:piece lengthi16384e6:pieces20:00000000000000000000ee";
    place.write("t.torrent", info);
    let shown = place.gannet("info t.torrent").ok().stdout;
    assert!(!shown.contains('\x1b'), "{shown:?}");
    assert!(shown.contains(r#"(was "../\u{1b}[2J")"#), "{shown}");
    assert!(shown.contains("was named"), "{shown}");
}

#[test]
fn decode_prints_json() {
    let place = Place::new();
    place.write("x", b"d1:ai1e1:bl1:x2:\xff\x00ee");
    let value = place.gannet("decode x").ok().json();
    assert_eq!(value, serde_json::json!({"a": 1, "b": ["x", {"hex": "ff00"}]}));
}

#[test]
fn the_files_of_a_torrent_can_be_listed_without_peers() {
    let place = shared();
    place.gannet("create data").ok();
    let listed = place.gannet("get data.torrent --list -o out").ok().stdout;
    assert!(listed.contains("3       1 B  data/sub/b.txt"), "{listed}");
    assert!(!place.path("out").exists());
}

#[test]
fn a_flag_may_come_from_the_environment() {
    let place = shared();
    place.gannet("create data").ok();
    let mut command = place.command("info data.torrent");
    let ran = process::Ran::of(command.env("GANNET_JSON", "1").output().unwrap()).ok();
    assert_eq!(ran.json()["name"], "data");
    let mut command = place.command("info data.torrent");
    let ran = process::Ran::of(command.env("GANNET_JSON", "0").output().unwrap()).ok();
    assert!(ran.stdout.starts_with("name "), "{}", ran.stdout);
}

#[test]
fn completions_and_manual_pages_are_complete() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = place.gannet(&format!("completions {shell}")).ok().stdout;
        assert!(text.contains("max-download"), "{shell}");
    }
    assert!(place.gannet("man").ok().stdout.contains("Exit codes"));
    place.gannet("man -o pages").ok();
    assert!(place.names("pages").contains(&"gannet-get.1".to_owned()));
    assert_eq!(place.names("pages").len(), 15);
}
