//! The handle on a running client.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use gannet_core::{AddTorrent, SessionConfig, announce::HttpError, id::PeerId, time::Instant};
use tokio::{
    io::DuplexStream,
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    driver::{Driver, MAX_REQUESTS_QUEUED, Request},
    events::{self, Events},
    http::{Http, MAX_TORRENT_BYTES},
    socket,
    storage::Place,
    torrent::Torrent,
};

/// What a client is to be like.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Where peers may connect to us; `None` for nowhere. Port 0 lets the system choose one.
    pub listen: Option<SocketAddr>,
    /// The most payload to receive, in bytes per second, over all torrents.
    pub max_download: Option<u64>,
    /// The most payload to send, in bytes per second, over all torrents.
    pub max_upload: Option<u64>,
    /// Bytes that may wait in memory for their piece to be whole or written, over all torrents.
    pub memory_bytes: u64,
    /// Connections, dials included, over all torrents.
    pub max_connections: usize,
    /// What we call ourselves to web servers, HTTP trackers among them.
    pub user_agent: String,
}

impl Default for ClientConfig {
    fn default() -> Self {
        let session = SessionConfig::default();
        Self {
            listen: None,
            max_download: session.max_download,
            max_upload: session.max_upload,
            memory_bytes: session.memory_bytes,
            max_connections: session.max_connections,
            user_agent: concat!("Gannet/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why a client can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It can't listen where it was told to.
    #[error("can't listen at {addr}")]
    Listen {
        /// Where.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Why a torrent can't be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// The session refuses it.
    #[error(transparent)]
    Refused(#[from] gannet_core::AddError),
    /// The client has ended.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// There is nobody left to ask: the torrent was removed, or the client has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the torrent was removed or the client has ended")]
pub struct Gone;

/// A running client, as often as it is cloned. It ends with its last handle, [`Torrent`]s included,
/// or by [`shutdown`](Self::shutdown).
#[derive(Debug, Clone)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    listen_addr: Option<SocketAddr>,
    peer_id: PeerId,
    http: Arc<Http>,
}

impl Client {
    /// Starts a client on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// It can't listen where it was told to.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(config: ClientConfig) -> Result<Self, StartError> {
        let listener = match config.listen {
            None => None,
            Some(addr) => {
                let listening = socket::listen(addr);
                Some(listening.map_err(|source| StartError::Listen { addr, source })?)
            }
        };
        let listen_addr = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let session = SessionConfig {
            listen_port: listen_addr.map(|addr| addr.port()),
            max_connections: config.max_connections,
            memory_bytes: config.memory_bytes,
            max_download: config.max_download,
            max_upload: config.max_upload,
            ..SessionConfig::default()
        };
        let http = Arc::new(Http::new(config.user_agent));
        let (requests, queued) = mpsc::channel(MAX_REQUESTS_QUEUED);
        let (driver, sources) = Driver::new(session, listener, Arc::clone(&http), queued);
        let peer_id = driver.session.peer_id();
        tokio::spawn(driver.run(sources));
        Ok(Self { requests, listen_addr, peer_id, http })
    }

    /// Where peers can connect to us, the port filled in.
    pub const fn listen_addr(&self) -> Option<SocketAddr> {
        self.listen_addr
    }

    /// What we call ourselves to peers and trackers.
    pub const fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// Adds a torrent; from then on it runs by itself.
    ///
    /// # Errors
    /// The session refuses it, or the client has ended.
    pub async fn add(&self, add: AddTorrent, place: Place) -> Result<(Torrent, Events), AddError> {
        let (news, events) = events::events();
        let added = self.ask(move |driver, now| {
            let added = driver.session.add(now, add);
            if let Ok(key) = added {
                driver.disk.add(key, place);
                driver.audience.add(key, news);
            }
            added
        });
        let key = added.await??;
        Ok((Torrent::new(self.clone(), key), events))
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Changes the limits on payload, in bytes per second, over all torrents; `None` for no limit.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn limit(&self, download: Option<u64>, upload: Option<u64>) -> Result<(), Gone> {
        self.ask(move |driver, now| driver.session.set_limits(now, download, upload)).await
    }

    /// Fetches a .torrent file of at most [`MAX_TORRENT_BYTES`] from an HTTP or HTTPS server.
    ///
    /// # Errors
    /// Any answer other than a 200 with a body, or none.
    pub async fn fetch_url(&self, url: &str) -> Result<Bytes, HttpError> {
        self.http.fetch(url, MAX_TORRENT_BYTES).await
    }

    /// Takes a stream from within this process for a peer at `addr` that has connected. The stream
    /// ends if the peer is refused.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn accept(&self, stream: DuplexStream, addr: SocketAddr) -> Result<(), Gone> {
        self.ask(move |driver, now| driver.accept_inside(now, stream, addr)).await
    }

    /// Removes all torrents: tells their trackers, writes their checkpoints. Then, or after `limit`,
    /// the client ends; nothing that is done with its other handles has any effect then.
    pub async fn shutdown(&self, limit: Duration) {
        let removed = self.ask(|driver, now| {
            let torrents = driver.audience.torrents();
            torrents.into_iter().map(|torrent| driver.remove(now, torrent)).collect::<Vec<_>>()
        });
        let all_removed = async {
            for removed in removed.await.unwrap_or_default() {
                // An error means that the driver has ended, and the torrent with it.
                let _ = removed.await;
            }
        };
        if timeout(limit, all_removed).await.is_err() {
            tracing::warn!(?limit, "not all trackers were told in time");
        }
        let _ = self.ask(|driver, _| driver.running = false).await;
    }

    /// Has the driver do something, and waits for what comes of it.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Driver, Instant) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (answer, answered) = oneshot::channel();
        let request: Request = Box::new(move |driver, now| {
            // Whoever has stopped waiting doesn't want the answer.
            let _ = answer.send(question(driver, now));
        });
        self.requests.send(request).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }
}
