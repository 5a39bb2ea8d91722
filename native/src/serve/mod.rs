//! Everything on one address: a tracker, a relay, a client that seeds, and the page that downloads
//! from all of them.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use gannet::{Client, ClientConfig, serve::{ServeConfig, Server}};
//!
//! let client = Client::start(ClientConfig::default())?;
//! let server = Server::start(ServeConfig::new("127.0.0.1:8080".parse()?), client).await?;
//! println!("{}", server.url());
//! server.stop(std::time::Duration::from_secs(2)).await;
//! # Ok(())
//! # }
//! ```

mod api;
mod downloads;
mod error;
mod guard;
mod hosts;
mod offer;
mod page;
mod presence;
mod removal;
mod torrent_file;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::{Router, middleware, routing::get};
use bytes::Bytes;
use gannet_core::{
    metainfo::{Info, Metainfo},
    percent,
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::{
    api::{MAX_BODY_BYTES, STATS_PERIOD},
    downloads::MAX_DOWNLOADS,
    error::ServeError,
    page::{MAX_PAGE_BYTES, MAX_PAGE_FILES, PageError},
};
use self::{downloads::Downloads, hosts::Hosts, page::Page};
use crate::{
    client::Client,
    relay::{self, Prepared, Relay, RelayConfig, Resident},
    storage::Place,
    tracker::{self, ApiConfig, ApiState, Inside, Token, Tracker, TrackerConfig, TrustedProxies},
};

/// Ports at which peers may connect to pages, unless told otherwise.
pub const DEFAULT_PORTS: RangeInclusive<u16> = 50_000..=50_999;

/// What a server is to be like.
#[derive(Debug)]
pub struct ServeConfig {
    /// The one address of it; port 0 for any that is free.
    pub listen: SocketAddr,
    /// The address that peers reach this machine at, if it isn't the one listened at.
    pub public_addr: Option<IpAddr>,
    /// Names that it is asked by, beside those of loopback and its address.
    pub hosts: Vec<String>,
    /// Origins of pages elsewhere that may use it, like `https://example.org`.
    pub origins: Vec<String>,
    /// What whoever changes something must know; a random one if `None`.
    pub token: Option<Token>,
    /// Where to download to.
    pub dir: PathBuf,
    /// A folder with the page, instead of the one in the binary.
    pub page: Option<PathBuf>,
    /// Ports at which peers may connect to pages; `None` for nowhere.
    pub ports: Option<RangeInclusive<u16>>,
    /// The UDP address of the tracker, if it is to have one; port 0 for any that is free.
    pub udp: Option<SocketAddr>,
    /// Networks that pages may be connected to although they aren't public.
    pub allowed: Vec<ipnet::IpNet>,
    /// The HTTP proxies that may say where a request comes from.
    pub proxies: TrustedProxies,
    /// Certificate chain and private key, both PEM, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
}

impl ServeConfig {
    /// A server of its own page and nobody else's, which downloads into the current folder.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            public_addr: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            token: None,
            dir: ".".into(),
            page: None,
            ports: Some(DEFAULT_PORTS),
            udp: None,
            allowed: Vec::new(),
            proxies: TrustedProxies::default(),
            tls: None,
        }
    }
}

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It can't listen.
    #[error("can't listen at {addr}")]
    Listen {
        /// Where.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The folder is no page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The tracker in it can't start.
    #[error(transparent)]
    Tracker(#[from] tracker::StartError),
    /// The relay in it can't start.
    #[error(transparent)]
    Relay(#[from] relay::StartError),
}

/// What all requests share.
#[derive(Debug)]
struct App {
    hosts: Hosts,
    origins: Vec<String>,
    token: Token,
    is_tls: bool,
    public: IpAddr,
    announce: String,
    page: Page,
    downloads: Arc<Downloads>,
    tracker: Arc<ApiState>,
    relay: Arc<relay::Shared>,
    stopping: CancellationToken,
}

/// A torrent that can be downloaded from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its name, made safe for a file system and not for a terminal.
    pub name: String,
    /// The address to open in a browser.
    pub link: String,
    /// The address of its .torrent.
    pub torrent: String,
    /// The same as a magnet link.
    pub magnet: String,
}

/// A server that runs; ends when dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    url: String,
    app: Arc<App>,
    relay: Relay,
    tracker: Tracker,
    tasks: JoinSet<()>,
}

impl Server {
    /// Listens and serves, on the tokio runtime that this is called on. What is shared and added is
    /// `client`'s to carry.
    ///
    /// # Errors
    /// An address, a folder or a certificate that can't be used.
    pub async fn start(config: ServeConfig, client: Client) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { addr: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let port = addr.port();
        let public = config.public_addr.unwrap_or_else(|| public_ip(addr.ip()));
        let hosts = Hosts::new(addr.ip(), port, public, &config.hosts);
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", SocketAddr::new(public, port));
        let announce = format!("{url}/announce");
        let token = config.token.clone().unwrap_or_else(Token::random);
        let tracker = Tracker::start(tracker_config(&token, &announce, config.udp)).await?;
        let own = hosts.clone();
        let inside =
            Inside::new(Arc::clone(tracker.desk()), public, move |url| own.is_announce(url));
        let resident = Resident::new(client.clone());
        let prepared =
            Prepared::new(relay_config(&config, addr, public, &resident, inside.clone()))?;
        let catalogue = Arc::clone(tracker.api().catalogue());
        let relay = Arc::clone(prepared.shared());
        let peer_port = client.listen_addr().map(|addr| addr.port());
        let downloads = Downloads::new(client, resident, catalogue, Arc::clone(&relay), config.dir);
        let app = Arc::new(App {
            hosts,
            origins: config.origins,
            token,
            is_tls: config.tls.is_some(),
            public,
            announce,
            page: config.page.as_deref().map_or_else(|| Ok(Page::embedded()), Page::read)?,
            downloads: Arc::new(downloads),
            tracker: Arc::clone(tracker.api()),
            relay,
            stopping: CancellationToken::new(),
        });
        let router = router(Arc::clone(&app), prepared.sockets(), tracker.router());
        let relay = prepared.serve(listener, router).map_err(failed)?;
        let mut tasks = JoinSet::new();
        if let Some(port) = peer_port {
            tasks.spawn(presence::keep(Arc::clone(&app.downloads), inside, port));
        }
        Ok(Self { addr, url, app, relay, tracker, tasks })
    }

    /// Shares a torrent whose data lies at `place`, whole if it `is_checked`.
    ///
    /// # Errors
    /// It is there already, for example.
    pub async fn share(
        &self,
        torrent: Metainfo,
        file: Bytes,
        place: Place,
        is_checked: bool,
    ) -> Result<(), ServeError> {
        self.app.downloads.share(torrent, file, place, is_checked).await
    }

    /// What can be downloaded from here, by name.
    pub async fn offers(&self) -> Vec<Offer> {
        let offers = self.app.downloads.offers().await;
        let offer = |(file, trackers, info): (String, Vec<String>, Arc<Info>)| {
            let path = offer::torrent_path(&file);
            Offer {
                name: info.name().to_owned(),
                link: format!("{}/#url={}", self.url, percent::encode(path.as_bytes())),
                torrent: format!("{}{path}", self.url),
                magnet: offer::magnet(&info, &self.app.announce, &trackers).to_string(),
            }
        };
        offers.into_iter().map(offer).collect()
    }

    /// Where it listens, the port filled in.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address of its page.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The tracker's UDP address, if it has one.
    pub fn udp_addr(&self) -> Option<SocketAddr> {
        self.tracker.udp_addr()
    }

    /// What whoever changes something must know.
    pub fn token(&self) -> &Token {
        &self.app.token
    }

    /// Whether it has a page to show.
    pub fn has_page(&self) -> bool {
        self.app.page.is_there()
    }

    /// Takes leave: pages look for another relay, trackers are told, and after `limit` it ends.
    pub async fn stop(mut self, limit: Duration) {
        self.app.stopping.cancel();
        self.tasks.shutdown().await;
        let client = self.app.downloads.client().clone();
        tokio::join!(client.shutdown(limit), self.relay.drain(limit));
        self.tracker.stop().await;
    }
}

fn tracker_config(token: &Token, announce: &str, udp: Option<SocketAddr>) -> TrackerConfig {
    let api = ApiConfig {
        publish_token: Some(token.clone()),
        announce_urls: vec![announce.to_owned()],
        ..ApiConfig::default()
    };
    TrackerConfig { api, udp, ..TrackerConfig::default() }
}

fn relay_config(
    config: &ServeConfig,
    addr: SocketAddr,
    public: IpAddr,
    resident: &Resident,
    tracker: Inside,
) -> RelayConfig {
    RelayConfig {
        public_addr: Some(public),
        ports: config.ports.clone(),
        allowed: config.allowed.clone(),
        proxies: config.proxies.clone(),
        tls: config.tls.clone(),
        resident: Some(resident.clone()),
        tracker: Some(tracker),
        ..RelayConfig::new(addr)
    }
}

/// The page, then what is ours, then what is the tracker's; the guard before all of it.
fn router(app: Arc<App>, sockets: Router, tracker: Router) -> Router {
    Router::new()
        .merge(api::router())
        .route("/gannet.json", get(offer::manifest))
        .route("/torrents/{file}", get(offer::torrent))
        .route("/metrics", get(offer::metrics))
        .route("/health", get(offer::health))
        .with_state(Arc::clone(&app))
        .merge(sockets)
        .fallback_service(tracker)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), offer::page))
        .layer(middleware::from_fn_with_state(app, guard::guard))
}

/// The address that others reach this machine at, as far as it knows: the one it listens at, or the
/// one that packets to the world would leave from. None is sent.
fn public_ip(listen: IpAddr) -> IpAddr {
    if !listen.is_unspecified() {
        return listen;
    }
    let (any, world) = match listen {
        IpAddr::V4(_) => (listen, IpAddr::from([192, 0, 2, 1])),
        IpAddr::V6(_) => (listen, IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])),
    };
    let leaving = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((world, 9))?;
        socket.local_addr()
    });
    leaving.map_or(Ipv4Addr::LOCALHOST.into(), |addr| addr.ip())
}
