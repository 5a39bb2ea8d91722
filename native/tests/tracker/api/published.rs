//! Published .torrent files.

use gannet::{Metainfo, tracker::ApiConfig};
use gannet_core::{id::InfoHash, percent};

use super::web::{Reply, Web, refusal};

const TOKEN: &str = "Authorization: Bearer s3cret";

fn web() -> Web {
    Web::with(ApiConfig { publish_token: "s3cret".parse().ok(), ..ApiConfig::default() })
}

/// A .torrent of a file called `name`: each name is another torrent.
pub(super) fn torrent(name: &str) -> Vec<u8> {
    let pieces = "x".repeat(20);
    let length = name.len();
    format!("d4:infod6:lengthi5e4:name{length}:{name}12:piece lengthi16384e6:pieces20:{pieces}ee")
        .into_bytes()
}

fn info_hash(torrent: &[u8]) -> InfoHash {
    *Metainfo::parse(torrent.to_vec().into()).unwrap().info.info_hash()
}

fn api_path(name: &str) -> String {
    format!("/api/v1/torrents/{}", percent::encode(name.as_bytes()))
}

fn put(web: &Web, name: &str, torrent: &[u8]) -> Reply {
    web.send("PUT", &api_path(name), &[TOKEN], torrent)
}

#[test]
fn a_published_torrent_is_served_byte_for_byte_and_listed_by_name() {
    let web = web();
    let file = torrent("Größe 日本 100%.iso");
    let reply = put(&web, "Größe 日本 100%.iso", &file);
    let answer = reply.json();
    assert_eq!((reply.status, &answer["name"]), (201, &"Größe 日本 100%.iso".into()));
    assert_eq!(answer["info_hash"], info_hash(&file).to_string());
    let path = answer["torrent"].as_str().unwrap();
    assert_eq!(path, "/torrents/Gr%C3%B6%C3%9Fe%20%E6%97%A5%E6%9C%AC%20100%25.iso.torrent");

    let served = web.get(path);
    assert_eq!((served.status, served.body), (200, file.clone()));
    assert!(served.head.contains("content-type: application/x-bittorrent"));
    assert!(served.head.contains("content-disposition: attachment; filename*=utf-8''gr%c3%b6"));
    let row = &web.json("/api/v1/torrents?search=gr%C3%B6%C3%9Fe")["torrents"][0];
    assert_eq!((&row["torrent"], &row["total_bytes"]), (&answer["torrent"], &5.into()));
    let magnet = row["magnet"].as_str().unwrap();
    let start = format!("magnet:?xt=urn:btih:{}&dn=Gr%C3%B6%C3%9Fe", info_hash(&file));
    assert!(magnet.starts_with(&start), "{magnet}");
    assert_eq!(put(&web, "größe 日本 100%.iso", &file).status, 200, "the same again");
}

#[test]
fn publishing_and_withdrawing_need_the_token() {
    let web = web();
    let file = torrent("a");
    let with = |headers: &[&str], method| web.send(method, "/api/v1/torrents/a", headers, &file);
    for method in ["PUT", "DELETE"] {
        let refused = with(&[], method);
        assert_eq!(refused.error(), refusal(401, "token_required"));
        assert!(refused.header("www-authenticate").unwrap().starts_with("bearer"));
        for wrong in ["Bearer S3cret", "Bearer s3cret2", "Bearer s3cre", "Bearer ", "s3cret"] {
            let reply = with(&[&format!("Authorization: {wrong}")], method);
            assert_eq!(reply.status, 401, "{wrong}");
        }
    }
    assert_eq!(web.json("/api/v1/torrents")["total"], 0);
    let off = Web::start();
    assert_eq!(put(&off, "a", &file).error(), refusal(403, "publishing_off"));
    assert_eq!(off.json("/api/v1")["publish"], false);
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let web = Web::start();
    let file = vec![0; 4 * 1024 * 1024];
    assert_eq!(put(&web, "a", &file).error(), refusal(403, "publishing_off"));
}

#[test]
fn a_withdrawn_torrent_is_gone() {
    let web = web();
    put(&web, "a", &torrent("a"));
    assert_eq!(web.send("DELETE", "/api/v1/torrents/A.torrent", &[TOKEN], b"").status, 204);
    assert_eq!(web.get("/torrents/a.torrent").error(), refusal(404, "not_published"));
    let again = web.send("DELETE", "/api/v1/torrents/a", &[TOKEN], b"");
    assert_eq!(again.error(), refusal(404, "not_published"));
    assert_eq!(web.json("/api/v1/totals")["published"], 0);
}

#[test]
fn a_conflict_says_what_is_in_the_way() {
    let web = web();
    put(&web, "a", &torrent("first"));
    assert_eq!(put(&web, "a", &torrent("second")).error(), refusal(409, "name_taken"));
    let twice = put(&web, "b", &torrent("first"));
    assert_eq!(twice.error(), refusal(409, "already_published"));
    assert_eq!(twice.json()["error"]["torrent"], "/torrents/a.torrent");
    assert_eq!(web.get("/torrents/a.torrent").body, torrent("first"));
}

#[test]
fn what_is_no_torrent_or_has_no_room_is_refused() {
    let web = Web::with(ApiConfig {
        publish_token: "s3cret".parse().ok(),
        max_published: 1,
        ..ApiConfig::default()
    });
    for rubbish in [&b""[..], b"d", b"de", b"<html>", &b"l".repeat(1_000_000)] {
        assert_eq!(put(&web, "a", rubbish).error(), refusal(422, "bad_torrent"));
    }
    put(&web, "a", &torrent("a"));
    assert_eq!(put(&web, "b", &torrent("b")).error(), refusal(507, "catalogue_full"));
    let head = format!("Content-Length: {}", 64 * 1024 * 1024 + 1);
    let reply = web.send("PUT", "/api/v1/torrents/c", &[TOKEN, &head], b"");
    assert!(reply.status == 413 || reply.status == 400, "{reply:?}");
}

#[test]
fn hostile_names_are_made_safe_and_never_lead_out_of_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("torrents");
    let web = Web::with(ApiConfig {
        publish_token: "s3cret".parse().ok(),
        torrents_dir: Some(folder.clone()),
        ..ApiConfig::default()
    });
    let long = "€".repeat(300);
    for (name, safe) in [
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\Windows\\win.ini", "C__Windows_win.ini"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("\"; DROP TABLE--", "\"; DROP TABLE--"),
        ("exe.\u{202e}gpj", "exe._gpj"),
        ("line\r\nSet-Cookie: a=b", "line__Set-Cookie: a=b"),
        ("nul\0byte", "nul_byte"),
        (&long, &"€".repeat(82)),
    ] {
        let reply = put(&web, name, &torrent(safe));
        assert_eq!(reply.status, 201, "{name:?}: {reply:?}");
        let answer = reply.json();
        assert_eq!(answer["name"], safe);
        let served = web.get(answer["torrent"].as_str().unwrap());
        assert_eq!((served.status, &served.body), (200, &torrent(safe)), "{name:?}");
        assert_eq!(served.header("set-cookie"), None);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing beside the folder");
    for (path, code) in
        [("/api/v1/torrents/..", "bad_name"), ("/api/v1/torrents/%2e%2e", "bad_name")]
    {
        let reply = web.send("PUT", path, &[TOKEN], &torrent("x"));
        // A name that is a path's part is one only if nobody resolves it first: we don't.
        assert_eq!(reply.error(), refusal(422, code), "{path}");
    }
    let reply = web.send("PUT", "/api/v1/torrents/%ff", &[TOKEN], &torrent("x"));
    assert_eq!(reply.error(), refusal(400, "bad_query"));
    assert_eq!(web.get("/torrents/..%2f..%2fetc%2fpasswd").status, 404);
}

#[test]
fn published_torrents_are_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = ApiConfig {
        publish_token: "s3cret".parse().ok(),
        torrents_dir: Some(dir.path().to_owned()),
        ..ApiConfig::default()
    };
    let web = Web::with(config.clone());
    put(&web, "kept", &torrent("kept"));
    put(&web, "gone", &torrent("gone"));
    web.send("DELETE", "/api/v1/torrents/gone", &[TOKEN], b"");
    drop(web);
    std::fs::write(dir.path().join("bad.torrent"), "rubbish").unwrap();
    let web = Web::with(config);
    assert_eq!(web.json("/api/v1/totals")["published"], 1);
    assert_eq!(web.get("/torrents/kept.torrent").body, torrent("kept"));
}
