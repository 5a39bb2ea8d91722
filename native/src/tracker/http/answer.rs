//! Announces and scrapes over HTTP (BEP 3, 7, 23, 24, 48).

use std::{net::SocketAddr, time::Instant};

use gannet_core::announce::{
    AnnounceRequest, AnnounceResponse, RequestError, ScrapeRequest, ScrapeResponse, encode_failure,
};
use http_body_util::{Either, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Bytes,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_TYPE, HeaderValue},
};

use crate::tracker::{
    desk::{Desk, Refused},
    metrics::Refusal,
    store::{Answer, Presence},
};

/// What is sent back: written here, or by the router.
pub(super) type Reply = Either<Full<Bytes>, axum::body::Body>;

/// Why an announce or a scrape isn't answered.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Answers an announce or a scrape; `None` if it is neither.
pub(crate) fn answer<B>(
    desk: &Desk,
    addr: SocketAddr,
    request: &Request<B>,
) -> Option<Response<Full<Bytes>>> {
    let act: fn(&Desk, SocketAddr, &str) -> Result<Vec<u8>, Failed> = match request.uri().path() {
        "/announce" => announce,
        "/scrape" => scrape,
        _ => return None,
    };
    match *request.method() {
        // The server leaves out the body of an answer to HEAD.
        Method::GET | Method::HEAD => {}
        // What a page asks first, and the router knows how to answer.
        Method::OPTIONS => return None,
        _ => return Some(not_allowed()),
    }
    let query = request.uri().query().unwrap_or_default();
    Some(bencoded(act(desk, addr, query).unwrap_or_else(|failed| refusal(desk, &failed))))
}

/// The body of the answer to an announce from `addr`.
pub(crate) fn announced(desk: &Desk, addr: SocketAddr, query: &str) -> Vec<u8> {
    announce(desk, addr, query).unwrap_or_else(|failed| refusal(desk, &failed))
}

fn refusal(desk: &Desk, failed: &Failed) -> Vec<u8> {
    if let Failed::Request(_) = failed {
        desk.counters.http.refusals(Refusal::Malformed).inc();
    }
    encode_failure(&failed.to_string())
}

fn announce(desk: &Desk, addr: SocketAddr, query: &str) -> Result<Vec<u8>, Failed> {
    let start = Instant::now();
    let request = AnnounceRequest::from_query(query)?;
    let presence = Presence {
        info_hash: request.info_hash,
        // `ip` in the request is ignored: it may be anybody's.
        ip: addr.ip(),
        port: request.port,
        is_seed: request.left == 0,
        event: request.event,
        num_want: request.num_want,
    };
    let transport = &desk.counters.http;
    let mut answer = Answer::default();
    desk.announce(transport, start, &presence, &mut answer)?;
    let (interval_seconds, min_interval_seconds) = desk.interval_seconds();
    let response = AnnounceResponse {
        interval_seconds,
        min_interval_seconds: Some(min_interval_seconds),
        complete: Some(answer.complete),
        incomplete: Some(answer.incomplete),
        external_ip: Some(addr.ip()),
        peers: answer.peers,
        ..AnnounceResponse::default()
    };
    let body = match request.compact {
        true => response.encode(),
        false => response.encode_listed(),
    };
    transport.latency.observe(start.elapsed().as_secs_f64());
    Ok(body)
}

fn scrape(desk: &Desk, _: SocketAddr, query: &str) -> Result<Vec<u8>, Failed> {
    let ScrapeRequest { info_hashes } = ScrapeRequest::from_query(query)?;
    let max = desk.limits.max_scrape_hashes;
    if info_hashes.len() > max {
        return Err(RequestError::TooManyHashes { max }.into());
    }
    desk.counters.http.scrapes.inc();
    let entries = info_hashes.into_iter().map(|hash| (hash, desk.scrape(&hash))).collect();
    Ok(ScrapeResponse { entries }.encode())
}

/// An answer that any page may read. A refusal is an answer like any other, with status 200:
/// clients look for nothing else.
fn bencoded(body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn not_allowed() -> Response<Full<Bytes>> {
    let mut response = bencoded(Vec::new());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
