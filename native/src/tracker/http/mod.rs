//! The HTTP side: accepts connections and parts what is asked, announces and scrapes from the rest.

mod answer;
mod forwarded;
mod slots;

use std::{
    convert::Infallible,
    future::{poll_fn, ready},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use futures_util::future::Either;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};
use tower_service::Service;

use self::slots::{Slot, Slots};
use super::{desk::Desk, limits};
use answer::Reply;
pub(crate) use answer::{announced, answer};
pub use forwarded::TrustedProxies;

/// How long to wait when no connection can be accepted, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many connections the system may hold for us that we haven't accepted yet.
const BACKLOG: u32 = 4096;

/// What all connections share.
pub(super) struct Side {
    pub(super) desk: Arc<Desk>,
    pub(super) proxies: TrustedProxies,
    pub(super) router: Router,
}

/// Listens at `addr`; at `[::]` for IPv4 too.
pub(super) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port that was used a minute ago can be used again.
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it, which saves setting it for each.
    socket.set_nodelay(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Accepts connections for ever; they end with it.
pub(super) async fn serve(listener: TcpListener, side: Arc<Side>) {
    let slots = Slots::new(&side.desk.limits);
    let mut connections = JoinSet::new();
    loop {
        let place = slots.place().await;
        match listener.accept().await {
            Ok((stream, addr)) => {
                let is_proxy = side.proxies.trusts(addr.ip());
                let Some(slot) = slots.take(place, addr.ip(), is_proxy) else { continue };
                connections.spawn(converse(stream, addr, Arc::clone(&side), slot));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the requests of one connection, as many as come.
async fn converse(stream: TcpStream, addr: SocketAddr, side: Arc<Side>, _slot: Slot) {
    let limits = &side.desk.limits;
    let open = side.desk.counters.connections.clone();
    open.inc();
    let service = service_fn(|request| respond(&side, addr, request));
    let mut connection = http1::Builder::new()
        .max_buf_size(limits.max_head_bytes.max(limits::MAX_HEAD_BYTES))
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .serve_connection(TokioIo::new(stream), service);
    // Closing the socket says the same as shutting it down first, in one system call less.
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    open.dec();
    if let Err(error) = ended {
        // A connection that breaks is the client's business.
        tracing::trace!(%addr, %error, "an HTTP connection broke");
    }
}

/// Answers one request: an announce or a scrape at once, all else by the router.
fn respond(
    side: &Side,
    addr: SocketAddr,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Reply>, Infallible>> + use<> {
    let addr = side.proxies.client(addr, request.headers());
    if let Some(response) = answer(&side.desk, addr, &request) {
        return Either::Left(ready(Ok(response.map(Reply::Left))));
    }
    request.extensions_mut().insert(addr);
    let routed = side.router.clone().call(request.map(Body::new));
    // What is rare mustn't make what is frequent large.
    Either::Right(Box::pin(async { Ok(routed.await?.map(Reply::Right)) }))
}
