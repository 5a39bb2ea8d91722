//! The announcer against trackers that answer, refuse, talk rubbish or keep silent.

mod any_order;
mod rounds;
mod udp;

use std::net::SocketAddr;

use gannet_core::{
    announce::{
        AnnounceEvent, AnnounceOutput, AnnounceRequest, AnnounceResponse, Announcer, HttpError,
        Progress, TrackerError,
    },
    id::{InfoHash, PeerId},
    time::Instant,
};

const A: &str = "http://a.example/announce";
const B: &str = "http://b.example/announce";
const UDP: &str = "udp://t.example:6969/announce?k=v";

fn at(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

fn announcer(tiers: &[&[&str]]) -> Announcer {
    let tiers: Vec<Vec<String>> =
        tiers.iter().map(|tier| tier.iter().map(|&url| url.to_owned()).collect()).collect();
    let mut announcer = Announcer::new(&tiers, 7, fastrand::Rng::with_seed(5));
    announcer.set_progress(progress());
    announcer
}

fn started(tiers: &[&[&str]]) -> Announcer {
    let mut announcer = announcer(tiers);
    announcer.announce(at(0), AnnounceEvent::Started);
    announcer
}

fn progress() -> Progress {
    Progress {
        info_hash: InfoHash::new([1; 20]),
        peer_id: PeerId::new([2; 20]),
        port: 6881,
        uploaded: 0,
        downloaded: 10,
        left: 20,
        num_want: 50,
    }
}

fn answer() -> AnnounceResponse {
    AnnounceResponse {
        interval_seconds: 1800,
        complete: Some(3),
        incomplete: Some(4),
        peers: vec!["10.0.0.9:6881".parse().unwrap()],
        ..AnnounceResponse::default()
    }
}

/// The HTTP request that is next in line: its number, whom it asks, and what.
fn http(announcer: &mut Announcer) -> (u64, String, AnnounceRequest) {
    match announcer.poll() {
        Some(AnnounceOutput::Http { request, url }) => {
            let (base, query) = url.split_once('?').unwrap();
            (request, base.to_owned(), AnnounceRequest::from_query(query).unwrap())
        }
        other => panic!("expected an HTTP request, not {other:?}"),
    }
}

/// Answers the HTTP request that is next in line; what was asked of whom.
fn answer_http(
    announcer: &mut Announcer,
    now: Instant,
    response: &AnnounceResponse,
) -> (String, AnnounceEvent) {
    let (request, base, asked) = http(announcer);
    announcer.handle_http(now, request, Ok(&response.encode()));
    (base, asked.event)
}

fn refuse_http(announcer: &mut Announcer, now: Instant) -> String {
    let (request, base, _) = http(announcer);
    announcer.handle_http(now, request, Err(HttpError::Connect));
    base
}

fn drain(announcer: &mut Announcer) -> Vec<AnnounceOutput> {
    std::iter::from_fn(|| announcer.poll()).collect()
}

/// Jumps to the next deadline, and does what is due.
fn jump(announcer: &mut Announcer) -> Instant {
    let now = announcer.poll_timeout().expect("something is due");
    announcer.handle_timeout(now);
    now
}

fn failure_of(outputs: &[AnnounceOutput]) -> &TrackerError {
    match outputs {
        [.., AnnounceOutput::Failed { error, .. }] => error,
        other => panic!("expected a failure, not {other:?}"),
    }
}

fn tracker_address() -> SocketAddr {
    "192.0.2.1:6969".parse().unwrap()
}
