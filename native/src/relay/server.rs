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
    extract::{State, WebSocketUpgrade, ws::WebSocket},
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

use super::{
    Shared, control, data,
    limits::{MAX_CONTROL_MESSAGE_BYTES, MAX_DATA_MESSAGE_BYTES},
    places::{Place, Places},
};

/// The longest head of a request, in bytes.
pub const MAX_HEAD_BYTES: usize = 8 * 1024;
/// How long a connection may take for the head of a request, or for TLS's handshake.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// What a socket reads at a time: many are idle.
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
    let places = Places::new(&shared.limits);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.draining.cancelled() => return,
        };
        let Ok((stream, addr)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(place) = places.take(addr.ip()) else {
            shared.metrics.refused("connection");
            continue;
        };
        let (router, tls) = (router.clone(), tls.clone());
        shared.tasks.spawn(async move {
            if stream.set_nodelay(true).is_ok() {
                greet(stream, addr, tls, router, place).await;
            }
        });
    }
}

async fn greet(
    stream: TcpStream,
    addr: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    place: Place,
) {
    let Some(tls) = tls else { return converse(stream, addr, router, place).await };
    if let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
        converse(stream, addr, router, place).await;
    }
}

/// Answers requests, until one of them makes the connection a socket.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    addr: SocketAddr,
    router: Router,
    place: Place,
) {
    let place = Arc::new(place);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(addr.ip());
        request.extensions_mut().insert(Arc::clone(&place));
        router.clone().call(request.map(Body::new))
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
    let serve = move |shared, socket| control::serve(shared, client, socket);
    accept_socket(shared, place, &headers, upgrade, MAX_CONTROL_MESSAGE_BYTES, serve)
}

async fn peer(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<IpAddr>,
    Extension(place): Extension<Arc<Place>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let serve = move |shared, socket| data::serve(shared, client, socket);
    accept_socket(shared, place, &headers, upgrade, MAX_DATA_MESSAGE_BYTES, serve)
}

/// Upgrades a request of an origin that is served.
fn accept_socket<F>(
    shared: Arc<Shared>,
    place: Arc<Place>,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
    max_message_bytes: usize,
    serve: impl FnOnce(Arc<Shared>, WebSocket) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    if !shared.admits(headers) {
        shared.metrics.refused("origin");
        return (StatusCode::FORBIDDEN, "this origin isn't served here\n").into_response();
    }
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(max_message_bytes)
        .max_frame_size(max_message_bytes);
    upgrade.on_upgrade(move |socket| async move {
        let tasks = shared.tasks.clone();
        // The relay ends its sockets, and knows when the last one is gone.
        let _ = tasks.spawn(serve(shared, socket)).await;
        drop(place);
    })
}

impl Shared {
    /// Whether a page of this origin is served. What isn't a page names none.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let said = origin.to_str().unwrap_or_default();
        self.origins.is_empty() || self.origins.iter().any(|origin| origin == said)
    }
}
