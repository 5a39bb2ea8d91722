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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gannet_core::bencode;
    use http_body_util::BodyExt;
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::tracker::{AllowList, Limits};

    const FIELDS: [&str; 10] = [
        "info_hash=aaaaaaaaaaaaaaaaaaaa",
        "peer_id=-XX0001-abcdefghijkl",
        "port=6881",
        "uploaded=0",
        "downloaded=0",
        "left=0",
        "event=started",
        "numwant=50",
        "compact=0",
        "ip=192.0.2.66",
    ];

    fn body_of(path: &str, query: &str) -> Option<Vec<u8>> {
        let minute = Duration::from_secs(60);
        let desk = Desk::new(minute, minute, Limits::default(), AllowList::all());
        let request = Request::get(format!("{path}?{query}")).body(()).ok()?;
        let response = answer(&desk, ([192, 0, 2, 1], 1).into(), &request)?;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        let mut body = response.into_body();
        let frame = futures_util::FutureExt::now_or_never(body.frame())??.ok()?;
        Some(frame.into_data().ok()?.to_vec())
    }

    fn is_dictionary(body: &[u8]) -> bool {
        let document = bencode::parse(body, bencode::Limits::default());
        document.is_ok_and(|document| document.root().dict().is_some())
    }

    #[test]
    fn a_good_announce_in_this_test_is_one() {
        let body = body_of("/announce", &FIELDS.join("&")).unwrap();
        assert!(body.starts_with(b"d8:completei1e11:external ip4:\xc0\0\x02\x01"), "{body:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_is_asked_is_answered_in_bencode(
            place in 0..FIELDS.len(),
            value in "[-+%0-9a-zA-Z&=;,]{0,80}",
            is_repeated: bool,
            path in select(vec!["/announce", "/scrape"]),
        ) {
            let mut fields = FIELDS.map(str::to_owned);
            let name = FIELDS[place].split('=').next().unwrap_or_default();
            let field = format!("{name}={value}");
            fields[place] = if is_repeated { format!("{}&{field}", FIELDS[place]) } else { field };
            let body = body_of(path, &fields.join("&"));
            prop_assert!(body.is_some_and(|body| is_dictionary(&body)));
        }

        #[test]
        fn any_query_at_all_is_answered_in_bencode(query in "[!-~]{0,300}") {
            // What is no URL doesn't come as far as here.
            if let Some(body) = body_of("/announce", &query) {
                prop_assert!(is_dictionary(&body));
            }
        }
    }
}
