//! The HTTP side: accepts connections, looks at origins, and upgrades.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use super::{Shared, control, data, limits::MAX_CONTROL_MESSAGE_BYTES, upgrade};
use crate::places::{Place, Places};

/// The longest head of a request, in bytes.
pub const MAX_HEAD_BYTES: usize = 8 * 1024;
/// How long a connection may take for the head of a request, or for TLS's handshake.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// What a control socket reads at a time: many are idle.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// How long to wait when no connection can be accepted, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{}: can't be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no certificate, or no key.
    #[error("{}: holds no {wanted} in PEM", .path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// Certificate and key don't belong together.
    #[error("the certificate can't be used with this key")]
    Pair(#[from] rustls::Error),
}

/// Reads a certificate chain and its key.
pub(super) fn tls(cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let read = |path: &Path| {
        fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
    };
    let pem = |path: &Path, wanted| TlsError::Pem { path: path.to_owned(), wanted };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| pem(cert, "certificate"))?;
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?);
    let key_der = key_der.map_err(|_| pem(key, "private key"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts connections until the relay drains.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    router: Router,
) {
    let limits = &shared.limits;
    let places = Places::new(limits.max_connections, limits.max_connections_per_address);
    let places = Arc::new(places);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.draining.cancelled() => return,
        };
        let Ok((stream, addr)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let place = match shared.proxies.trusts(addr.ip()) {
            true => places.take_for_many(),
            false => places.take(addr.ip()),
        };
        let Some(place) = place else {
            shared.metrics.refused("connection");
            continue;
        };
        let (router, places, shared) = (router.clone(), Arc::clone(&places), Arc::clone(&shared));
        let (tls, tasks) = (tls.clone(), shared.tasks.clone());
        let entry = Entry { addr, shared, places, place: Arc::new(place), router };
        tasks.spawn(async move {
            if stream.set_nodelay(true).is_ok() {
                greet(stream, tls, entry).await;
            }
        });
    }
}

/// A connection, before it is a socket.
struct Entry {
    addr: SocketAddr,
    shared: Arc<Shared>,
    places: Arc<Places>,
    place: Arc<Place>,
    router: Router,
}

impl Entry {
    /// Who asks, and the place that is theirs: behind a proxy each has one of its own.
    fn client(&self, headers: &HeaderMap) -> Option<(IpAddr, Arc<Place>)> {
        let client = self.shared.proxies.client(self.addr, headers).ip();
        match self.shared.proxies.trusts(self.addr.ip()) {
            true => self.places.take(client).map(|place| (client, Arc::new(place))),
            false => Some((client, Arc::clone(&self.place))),
        }
    }
}

async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>, entry: Entry) {
    let Some(tls) = tls else { return converse(stream, entry).await };
    if let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
        converse(Box::new(stream), entry).await;
    }
}

/// Answers requests, until one of them makes the connection a socket.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, entry: Entry) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let client = entry.client(request.headers());
        let mut router = entry.router.clone();
        async move {
            let Some((client, place)) = client else {
                return Ok(StatusCode::TOO_MANY_REQUESTS.into_response());
            };
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(place);
            router.call(request.map(Body::new)).await
        }
    });
    let connection = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A connection that breaks is the client's business.
    let _ = connection.await;
}

/// The routes of the relay's sockets.
pub(super) fn sockets(shared: Arc<Shared>) -> Router {
    Router::new().route("/v1/swarm", get(swarm)).route("/v1/peer", get(peer)).with_state(shared)
}

/// The routes for whoever runs the relay.
pub(super) fn monitor(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(async |State(shared): State<Arc<Shared>>| shared.metrics.text()))
        .route("/health", get(health))
        .with_state(shared)
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    match shared.draining.is_cancelled() {
        true => (StatusCode::SERVICE_UNAVAILABLE, Json("draining")).into_response(),
        false => Json("ok").into_response(),
    }
}

async fn swarm(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<IpAddr>,
    Extension(place): Extension<Arc<Place>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !shared.admits(&headers) {
        return shared.turn_away();
    }
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MAX_CONTROL_MESSAGE_BYTES)
        .max_frame_size(MAX_CONTROL_MESSAGE_BYTES);
    upgrade.on_upgrade(move |socket| async move {
        let tasks = shared.tasks.clone();
        // The relay ends its sockets, and knows when the last one is gone.
        let _ = tasks.spawn(control::serve(shared, client, socket)).await;
        drop(place);
    })
}

async fn peer(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<IpAddr>,
    Extension(place): Extension<Arc<Place>>,
    mut request: axum::extract::Request,
) -> Response {
    if !shared.admits(request.headers()) {
        return shared.turn_away();
    }
    let Some(response) = upgrade::accept(request.headers()) else {
        return (StatusCode::BAD_REQUEST, "this is for WebSockets\n").into_response();
    };
    let upgraded = hyper::upgrade::on(&mut request);
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        if let Some(stream) = upgraded.await.ok().and_then(upgrade::stream) {
            data::serve(shared, client, stream).await;
        }
        drop(place);
    });
    response
}

impl Shared {
    /// Whether a page of this origin is served. What isn't a page names none.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let said = origin.to_str().unwrap_or_default();
        self.origins.is_empty() || self.origins.iter().any(|origin| origin == said)
    }

    fn turn_away(&self) -> Response {
        self.metrics.refused("origin");
        (StatusCode::FORBIDDEN, "this origin isn't served here\n").into_response()
    }
}
