//! What a stranger's page and a stranger's name get.

use crate::support::*;

#[test]
fn a_name_that_is_not_ours_is_answered_nothing() {
    let server = Server::start();
    for host in ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:8080"] {
        for path in ["/", "/gannet.json", "/api/v1/downloads", "/announce", "/metrics"] {
            let answer = server.raw(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n"), "");
            assert_eq!(answer.status, 421, "{host} {path}");
        }
    }
    let port = server.addr.rsplit(':').next().unwrap();
    for host in [format!("localhost:{port}"), format!("[::1]:{port}"), "LOCALHOST".to_owned()] {
        let answer = server.raw(&format!("GET /gannet.json HTTP/1.1\r\nHost: {host}\r\n"), "");
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[test]
fn a_page_of_another_origin_neither_reads_nor_changes_nor_gets_a_socket() {
    let server = Server::start();
    let socket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for origin in ["http://evil.example", "http://127.0.0.1:1", "null", "file://"] {
        let lines = format!("Origin: {origin}\r\nAuthorization: Bearer {TOKEN}\r\n");
        for (method, path) in [
            ("GET", "/api/v1/downloads"),
            ("GET", "/gannet.json"),
            ("GET", "/api/v1/torrents"),
            ("OPTIONS", "/api/v1/downloads"),
            ("POST", "/api/v1/downloads"),
            ("POST", "/api/v1/seeders"),
        ] {
            let answer = server.ask(method, path, &lines, "{}");
            assert_eq!(
                (answer.status, answer.code()),
                (403, "wrong_origin".into()),
                "{origin} {path}"
            );
            assert!(!answer.head.contains("access-control-allow-origin"), "{origin} {path}");
        }
        let answer = server.ask("GET", "/v1/swarm", &format!("{lines}{socket}"), "");
        assert_eq!(answer.status, 403, "{origin}");
    }
    let own = format!("Origin: {}\r\n", server.url(""));
    assert_eq!(server.ask("GET", "/api/v1/downloads", &own, "").status, 200);
}

#[test]
fn an_origin_that_was_named_is_served() {
    let server = Server::with("--origin https://pages.example");
    let lines = "Origin: https://pages.example\r\n";
    assert_eq!(server.ask("GET", "/gannet.json", lines, "").status, 200);
}

#[test]
fn without_the_token_nothing_changes() {
    let server = Server::start();
    let hash = server.info_hash("film.mkv");
    for (method, path) in [
        ("POST", "/api/v1/downloads".to_owned()),
        ("POST", format!("/api/v1/downloads/{hash}/pause")),
        ("POST", format!("/api/v1/downloads/{hash}/resume")),
        ("DELETE", format!("/api/v1/downloads/{hash}")),
        ("PUT", "/api/v1/torrents/x".to_owned()),
        ("DELETE", "/api/v1/torrents/film.mkv".to_owned()),
    ] {
        let none = server.ask(method, &path, "", "");
        assert_eq!((none.status, none.code()), (401, "token_required".into()), "{method} {path}");
        let wrong = server.ask(method, &path, "Authorization: Bearer open-sesam\r\n", "");
        assert_eq!((wrong.status, wrong.code()), (401, "token_wrong".into()), "{method} {path}");
    }
    assert_eq!(server.json(&format!("/api/v1/downloads/{hash}"))["state"], "seeding");
}

#[test]
fn what_was_shared_is_taken_out_but_never_deleted() {
    let server = Server::start();
    let hash = server.info_hash("film.mkv");
    let path = format!("/api/v1/downloads/{hash}");
    let refused = server.change("DELETE", &format!("{path}?data=true"), "");
    assert_eq!((refused.status, refused.code()), (403, "shared_data".into()));
    assert_eq!(server.change("DELETE", &path, "").status, 204);
    assert_eq!(server.get(&path).code(), "unknown_download");
    assert_eq!(server.get("/torrents/film.mkv.torrent").status, 404);
    assert_eq!(server.place.read("share/film.mkv").len(), FILM_BYTES);
}
