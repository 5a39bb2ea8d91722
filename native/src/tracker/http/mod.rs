//! The HTTP side: accepts connections and parts what is asked, announces and scrapes from the rest.

mod answer;
mod forwarded;

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

use super::{desk::Desk, limits};
use crate::places::{Place, Places};
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

/// Listens at `addr`; at `[::]` for IPv4 too. What is set here, accepted sockets inherit.
pub(super) fn listen(addr: SocketAddr, idle_timeout: Duration) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port that was used a minute ago can be used again.
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    drop_who_does_not_read(&socket, idle_timeout)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Has the system end connections whose other end takes no more of its answers: it would keep its
/// place for ever otherwise, since only requests are waited for with a limit.
#[cfg(target_os = "linux")]
fn drop_who_does_not_read(socket: &TcpSocket, idle_timeout: Duration) -> io::Result<()> {
    let millis = u32::try_from(idle_timeout.as_millis()).unwrap_or(u32::MAX);
    // As an int for the system, so no more than fits into one.
    let millis = millis.clamp(1, i32::MAX as u32);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(socket, millis)?)
}

#[cfg(not(target_os = "linux"))]
fn drop_who_does_not_read(_: &TcpSocket, _: Duration) -> io::Result<()> {
    Ok(())
}

/// Accepts connections for ever; they end with it.
pub(super) async fn serve(listener: TcpListener, side: Arc<Side>) {
    let limits = &side.desk.limits;
    let places = Places::new(limits.max_connections, limits.max_connections_per_address);
    let mut connections = JoinSet::new();
    loop {
        let vacancy = places.vacancy().await;
        match listener.accept().await {
            Ok((stream, addr)) => {
                let place = match side.proxies.trusts(addr.ip()) {
                    true => Some(Places::fill_for_many(vacancy)),
                    false => places.fill(vacancy, addr.ip()),
                };
                let Some(place) = place else { continue };
                connections.spawn(converse(stream, addr, Arc::clone(&side), place));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the requests of one connection, as many as come.
async fn converse(stream: TcpStream, addr: SocketAddr, side: Arc<Side>, _place: Place) {
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
