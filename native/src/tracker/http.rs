//! The HTTP side (BEP 3, 7, 23, 48): reads requests, asks the [`Store`], writes answers.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{RawQuery, State},
    http::{Request, header},
    response::{IntoResponse, Response},
    routing::get,
};
use gannet_core::announce::{
    AnnounceRequest, AnnounceResponse, ScrapeRequest, ScrapeResponse, encode_failure,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tower_service::Service;

use super::{
    MIN_INTERVAL,
    limits::{IDLE_TIMEOUT, MAX_CONNECTIONS, MAX_HEAD_BYTES},
    store::{Presence, Store},
};

/// How long to wait when no connection can be accepted, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[derive(Clone)]
struct Side {
    store: Arc<Store>,
    interval: Duration,
}

/// Accepts connections for ever; they end with it.
pub(super) async fn serve(listener: TcpListener, store: Arc<Store>, interval: Duration) {
    let router = Router::new()
        .route("/announce", get(announce))
        .route("/scrape", get(scrape))
        .with_state(Side { store, interval });
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, addr)) => {
                let router = router.clone();
                connections.spawn(async move {
                    // A connection that breaks is the client's business.
                    let _ = converse(stream, addr, router).await;
                    drop(slot);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the requests of one connection, as many as come.
async fn converse(stream: TcpStream, addr: SocketAddr, router: Router) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(addr);
        router.clone().call(request.map(Body::new))
    });
    http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

async fn announce(
    State(side): State<Side>,
    Extension(addr): Extension<SocketAddr>,
    RawQuery(query): RawQuery,
) -> Response {
    match AnnounceRequest::from_query(&query.unwrap_or_default()) {
        Ok(request) => side.announce(addr, &request),
        Err(error) => refuse(error),
    }
}

async fn scrape(State(side): State<Side>, RawQuery(query): RawQuery) -> Response {
    match ScrapeRequest::from_query(&query.unwrap_or_default()) {
        Ok(request) => {
            let entry = |hash| (hash, side.store.scrape(&hash));
            let entries = request.info_hashes.into_iter().map(entry).collect();
            bencoded(ScrapeResponse { entries }.encode())
        }
        Err(error) => refuse(error),
    }
}

impl Side {
    fn announce(&self, addr: SocketAddr, request: &AnnounceRequest) -> Response {
        let presence = Presence {
            info_hash: request.info_hash,
            // `ip` in the request is ignored: it may be anybody's.
            ip: addr.ip(),
            port: request.port,
            is_seed: request.left == 0,
            event: request.event,
            num_want: request.num_want,
        };
        let answer = match self.store.announce(Instant::now(), &presence) {
            Ok(answer) => answer,
            Err(full) => return refuse(full),
        };
        let response = AnnounceResponse {
            interval_seconds: whole_seconds(self.interval),
            min_interval_seconds: Some(whole_seconds(self.interval.min(MIN_INTERVAL))),
            complete: Some(answer.complete),
            incomplete: Some(answer.incomplete),
            peers: answer.peers,
            ..AnnounceResponse::default()
        };
        bencoded(match request.compact {
            true => response.encode(),
            false => response.encode_listed(),
        })
    }
}

/// At least one: an interval of none would have clients ask without end.
fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX).max(1)
}

/// A refusal is an answer like any other, with status 200: clients look for nothing else.
fn refuse(reason: impl std::error::Error) -> Response {
    bencoded(encode_failure(&reason.to_string()))
}

fn bencoded(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain")], body).into_response()
}
