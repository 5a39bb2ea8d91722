//! TLS is verified, and there is no way around it: a server that nobody vouches for is told nothing.

#[allow(dead_code, reason = "each test file uses a part of it")]
mod process;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, mpsc},
    thread,
};

use process::{Place, noise};
use rustls::{ServerConfig, ServerConnection, Stream, pki_types::PrivateKeyDer};

/// A server for `localhost` that vouches for itself and answers each request with `body`; its port,
/// and the requests that came through.
fn server(body: Vec<u8>) -> (u16, mpsc::Receiver<String>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("localhost:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (hear, heard) = mpsc::channel();
    // It ends with the test's process.
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = Stream::new(&mut tls, &mut socket);
            let mut request = [0; 4096];
            if let Ok(length) = stream.read(&mut request) {
                let _ = hear.send(String::from_utf8_lossy(&request[..length]).into_owned());
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(&[head.as_bytes(), &body].concat());
            }
        }
    });
    (port, heard)
}

fn shared() -> Place {
    let place = Place::new();
    place.write("a", noise(20_000));
    place
}

#[test]
fn a_torrent_from_a_server_that_nobody_vouches_for_is_refused() {
    let place = shared();
    place.gannet("create a").ok();
    let (port, heard) = server(place.read("a.torrent"));
    let url = format!("https://localhost:{port}/a.torrent");
    place.gannet(&format!("info {url}")).fails(8, &format!("{url}: no secure connection"));
    place.gannet(&format!("get {url} -o out")).fails(8, &format!("{url}: no secure connection"));
    assert_eq!(place.names("."), ["a", "a.torrent"]);
    assert!(heard.try_recv().is_err(), "it was asked nevertheless");
}

#[test]
fn a_tracker_that_nobody_vouches_for_hears_of_no_download() {
    let place = shared();
    let (port, heard) = server(b"d8:intervali1800e5:peers0:e".to_vec());
    let tracker = format!("https://localhost:{port}/announce");
    place.gannet(&format!("create a --tracker {tracker}")).ok();
    let mut get = place.start("get a.torrent -o out --listen 127.0.0.1:0 --json");
    let failure = loop {
        let line = get.line();
        assert!(!line.contains("tracker_answered"), "{line}");
        if line.contains("\"tracker_failed\"") {
            break line;
        }
    };
    assert!(failure.contains(&tracker) && failure.contains("TLS"), "{failure}");
    assert!(heard.try_recv().is_err(), "it was told of the download nevertheless");
}

#[test]
fn no_flag_turns_the_verification_off() {
    let place = Place::new();
    for command in ["get", "seed", "info", "serve", "tracker", "relay"] {
        let help = place.gannet(&format!("{command} --help")).ok().stdout.to_lowercase();
        for word in ["insecure", "no-verify", "skip-verify", "no-check-certificate"] {
            assert!(!help.contains(word), "{command} --help: {word}");
        }
    }
}
