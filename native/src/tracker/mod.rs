//! A tracker: tells the peers of a torrent about each other.
//!
//! ```no_run
//! # async fn run() -> Result<(), gannet::tracker::StartError> {
//! use gannet::tracker::{Tracker, TrackerConfig};
//!
//! let http = "127.0.0.1:0".parse().ok();
//! let tracker = Tracker::start(TrackerConfig { http, ..TrackerConfig::default() }).await?;
//! println!("{:?}", tracker.http_addr());
//! tracker.stop().await;
//! # Ok(())
//! # }
//! ```

mod allow_list;
pub mod api;
mod desk;
mod http;
mod inside;
pub mod limits;
pub mod metrics;
mod page;
mod rates;
pub mod shared;
mod store;
mod udp;
mod upkeep;

pub(crate) use self::rates::host_of;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Extension, Router, extract::Request, http::StatusCode, response::IntoResponse, routing::any,
};
use tokio::task::JoinSet;

pub use allow_list::{AllowList, AllowListError, MAX_ALLOW_LIST_BYTES};
pub use api::{ApiConfig, ApiState, CatalogueError, Token};
pub use desk::{Desk, Refused};
pub use http::TrustedProxies;
pub use inside::Inside;
pub use limits::Limits;
pub use metrics::Counters;
use shared::{Shared, SharedError, StoreUrl};
pub use store::{
    Answer, Change, ChangeKind, Full, Journal, PeerView, Presence, Store, SwarmView, Totals,
};

/// How often peers are asked to announce themselves, unless told otherwise.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(30 * 60);
/// Peers are asked not to come back sooner than this, however long the interval is.
pub const MIN_INTERVAL: Duration = Duration::from_secs(30);
/// How late a peer may be before it is forgotten, beside an interval that it may miss.
pub const GRACE: Duration = Duration::from_secs(30);

/// Where to listen, whom to serve, how often to be asked, and how much to take in.
#[derive(Debug, Clone)]
pub struct TrackerConfig {
    /// The TCP address of the HTTP side; port 0 for any that is free, `[::]` for IPv4 too.
    pub http: Option<SocketAddr>,
    /// The address of the UDP side; port 0 for any that is free, `[::]` for IPv4 too.
    pub udp: Option<SocketAddr>,
    /// How often peers shall announce themselves.
    pub interval: Duration,
    /// How much to take in.
    pub limits: Limits,
    /// The torrents to serve.
    pub allow_list: AllowList,
    /// The HTTP proxies that may say where a request comes from.
    pub proxies: TrustedProxies,
    /// The store by which several instances know the same swarms, if there are several.
    pub store_url: Option<StoreUrl>,
    /// The web API.
    pub api: ApiConfig,
}

impl Default for TrackerConfig {
    /// Listens nowhere yet.
    fn default() -> Self {
        Self {
            http: None,
            udp: None,
            interval: DEFAULT_INTERVAL,
            limits: Limits::default(),
            allow_list: AllowList::all(),
            proxies: TrustedProxies::default(),
            store_url: None,
            api: ApiConfig::default(),
        }
    }
}

/// Why a tracker can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be listened at.
    #[error("{transport} {addr}")]
    Listen {
        /// `HTTP` or `UDP`.
        transport: &'static str,
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The shared store answers, and can't be used.
    #[error(transparent)]
    Shared(#[from] SharedError),
    /// The folder of published torrents can't be used.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// A tracker that runs; ends when dropped.
#[derive(Debug)]
pub struct Tracker {
    http_addr: Option<SocketAddr>,
    udp_addr: Option<SocketAddr>,
    desk: Arc<Desk>,
    shared: Option<Shared>,
    api: Arc<ApiState>,
    tasks: JoinSet<()>,
}

impl Tracker {
    /// Listens and answers.
    ///
    /// # Errors
    /// If an address can't be listened at, the published torrents can't be read, or the shared store
    /// answers and can't be used.
    pub async fn start(mut config: TrackerConfig) -> Result<Self, StartError> {
        let lifetime = config.interval.saturating_mul(2).saturating_add(GRACE);
        let TrackerConfig { interval, limits, allow_list, .. } = config;
        let desk = Arc::new(Desk::new(lifetime, interval, limits, allow_list));
        config.api.is_shared |= config.store_url.is_some();
        let api = Arc::new(ApiState::open(config.api, Arc::clone(&desk), lifetime)?);
        let mut tasks = JoinSet::new();
        tasks.spawn(upkeep::run(Arc::clone(&desk), Arc::clone(&api)));
        let mut tracker = Self { http_addr: None, udp_addr: None, desk, api, shared: None, tasks };
        if let Some(addr) = config.http {
            let failed = |source| StartError::Listen { transport: "HTTP", addr, source };
            tracker.listen_http(addr, config.proxies).map_err(failed)?;
        }
        if let Some(addr) = config.udp {
            let failed = |source| StartError::Listen { transport: "UDP", addr, source };
            tracker.listen_udp(addr).await.map_err(failed)?;
        }
        if let Some(url) = config.store_url {
            let (store, status) = (tracker.store(), tracker.counters().shared.clone());
            let catalogue = Arc::clone(tracker.api.catalogue());
            tracker.shared =
                Some(Shared::start(url, Arc::clone(store), lifetime, catalogue, status).await?);
        }
        Ok(tracker)
    }

    fn listen_http(&mut self, addr: SocketAddr, proxies: TrustedProxies) -> io::Result<()> {
        let listener = http::listen(addr, self.desk.limits.idle_timeout)?;
        self.http_addr = Some(listener.local_addr()?);
        let router = api::router(Arc::clone(&self.api));
        let side = http::Side { desk: Arc::clone(&self.desk), proxies, router };
        self.tasks.spawn(http::serve(listener, Arc::new(side)));
        Ok(())
    }

    async fn listen_udp(&mut self, addr: SocketAddr) -> io::Result<()> {
        let socket = udp::bind(addr).await?;
        self.udp_addr = Some(socket.local_addr()?);
        self.tasks.spawn(udp::serve(socket, Arc::clone(&self.desk)));
        Ok(())
    }

    /// All that the HTTP side answers, for another server to answer it. A request's extensions must
    /// have the client's `SocketAddr`.
    pub(crate) fn router(&self) -> Router {
        let desk = Arc::clone(&self.desk);
        let answer = async move |Extension(addr): Extension<SocketAddr>, request: Request| {
            let answered = http::answer(&desk, addr, &request);
            answered
                .map_or_else(|| StatusCode::NO_CONTENT.into_response(), IntoResponse::into_response)
        };
        api::router(Arc::clone(&self.api))
            .route("/announce", any(answer.clone()))
            .route("/scrape", any(answer))
    }

    /// The TCP address of the HTTP side, if there is one.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http_addr
    }

    /// The address of the UDP side, if there is one.
    pub fn udp_addr(&self) -> Option<SocketAddr> {
        self.udp_addr
    }

    /// The swarms, and what guards them.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// The web API.
    pub fn api(&self) -> &Arc<ApiState> {
        &self.api
    }

    /// The swarms.
    pub fn store(&self) -> &Arc<Store> {
        &self.desk.store
    }

    /// What is counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.desk.counters
    }

    /// What shares the swarms with other instances, if anything does.
    pub fn shared(&self) -> Option<&Shared> {
        self.shared.as_ref()
    }

    /// Ends it: no connection is left open.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        if let Some(shared) = self.shared {
            shared.stop().await;
        }
    }
}
