//! A relay: opens TCP connections for pages, which can't, and to BitTorrent peers only.
//!
//! Its protocol stands in `docs/relay-protocol.md`. What it refuses, and why, is in
//! [`AddressRules`], and in the handshakes it insists on at both ends.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use gannet::relay::{Relay, RelayConfig};
//!
//! let relay = Relay::start(RelayConfig::new("127.0.0.1:0".parse()?)).await?;
//! println!("ws://{}/v1/swarm", relay.addr());
//! relay.drain(std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```

mod address;
mod announce;
mod backlog;
mod budget;
mod control;
mod data;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod hub;
pub mod limits;
mod mailbox;
mod metrics;
mod outbound;
mod page;
mod pin;
mod protocol;
mod remote;
mod resident;
mod server;
mod stream;
mod swarm;
mod tasks;
mod ticket;
mod upgrade;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use gannet_core::id::InfoHash;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use self::{
    address::{AddressRules, MIN_PEER_PORT, is_public},
    limits::Limits,
    resident::Resident,
    server::TlsError,
    ticket::Key,
};
use self::{
    budget::{Budgets, TIDY_PERIOD},
    hub::Hub,
    metrics::Metrics,
    outbound::Outbound,
    tasks::Tasks,
};
use crate::{
    places::Places,
    tracker::{AllowList, Inside, TrustedProxies},
};

/// What a relay is to be like.
#[derive(Debug)]
pub struct RelayConfig {
    /// Where pages connect to; port 0 for any that is free.
    pub listen: SocketAddr,
    /// The address that peers reach this machine at, if it isn't the one listened at.
    pub public_addr: Option<IpAddr>,
    /// Ports at which it listens for pages that want to be reachable; `None` for no such pages. At
    /// the address of `listen`, unless that is loopback and `public_addr` isn't: then at all of them.
    pub ports: Option<RangeInclusive<u16>>,
    /// What tickets are signed with; relays that share it take each other's.
    pub key: Key,
    /// Its own base URL, like `wss://one.example`, for pages that come through a load balancer.
    pub url: Option<String>,
    /// The proxies whose word is taken for where a page comes from.
    pub proxies: TrustedProxies,
    /// Origins whose pages are served, like `https://example.org`; none for all.
    pub origins: Vec<String>,
    /// Networks that may be connected to although they aren't public.
    pub allowed: Vec<ipnet::IpNet>,
    /// The torrents that are served.
    pub allow_list: AllowList,
    /// Certificate chain and private key, both PEM, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// How much to take on.
    pub limits: Limits,
    /// A client in this process, for pages to be joined with.
    pub resident: Option<Resident>,
    /// A tracker in this process, to be asked without leaving it.
    pub tracker: Option<Inside>,
}

impl RelayConfig {
    /// A relay for everybody, with a key of its own.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            public_addr: None,
            ports: None,
            key: Key::random(),
            url: None,
            proxies: TrustedProxies::default(),
            origins: Vec::new(),
            allowed: Vec::new(),
            allow_list: AllowList::all(),
            tls: None,
            limits: Limits::default(),
            resident: None,
            tracker: None,
        }
    }
}

/// Why a relay can't start.
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
    /// The certificate or its key is of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What all sockets of a relay share.
#[derive(Debug)]
pub(crate) struct Shared {
    key: Key,
    /// This process, in tickets for what is only here.
    process: u64,
    url: Option<String>,
    public_addr: Option<IpAddr>,
    /// Where to listen for pages that want to be reachable.
    reachable: Option<(IpAddr, RangeInclusive<u16>)>,
    proxies: TrustedProxies,
    origins: Vec<String>,
    allow_list: AllowList,
    rules: Arc<AddressRules>,
    limits: Limits,
    budgets: Arc<Budgets>,
    /// Of control sockets that take part in a swarm.
    members: Places,
    metrics: Metrics,
    outbound: Outbound,
    resident: Option<Resident>,
    hub: Hub,
    tasks: Tasks,
    /// Control sockets are to say goodbye.
    draining: CancellationToken,
}

/// Where to listen for peers. Behind a reverse proxy pages come over loopback, and peers don't.
fn peers_ip(listen: IpAddr, public: Option<IpAddr>) -> IpAddr {
    match public {
        Some(public) if listen.is_loopback() && !public.is_loopback() => match public {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        },
        _ => listen,
    }
}

impl Shared {
    fn new(config: RelayConfig) -> Self {
        let listen_ip = config.listen.ip();
        let own = [Some(listen_ip), config.public_addr].into_iter().flatten();
        let own = own.filter(|ip| !ip.is_unspecified()).collect();
        let rules = Arc::new(AddressRules { allowed: config.allowed, own });
        let budgets = Arc::new(Budgets::new(&config.limits));
        Self {
            key: config.key,
            process: fastrand::u64(..),
            url: config.url,
            public_addr: config.public_addr,
            reachable: config.ports.map(|ports| (peers_ip(listen_ip, config.public_addr), ports)),
            proxies: config.proxies,
            origins: config.origins,
            allow_list: config.allow_list,
            members: Places::new(usize::MAX, config.limits.max_swarms_per_address),
            limits: config.limits,
            metrics: Metrics::default(),
            outbound: Outbound::new(Arc::clone(&rules), Arc::clone(&budgets), config.tracker),
            resident: config.resident,
            budgets,
            rules,
            hub: Hub::default(),
            tasks: Tasks::default(),
            draining: CancellationToken::new(),
        }
    }

    /// Its figures, as Prometheus reads them.
    pub(crate) fn figures(&self) -> String {
        self.metrics.text()
    }

    fn serves(&self, info_hash: &InfoHash) -> bool {
        self.allow_list.permits(info_hash)
    }
}

/// A relay that runs; ends when dropped.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Relay {
    /// Listens and serves, on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// It can't listen, or the certificate is of no use.
    pub async fn start(config: RelayConfig) -> Result<Self, StartError> {
        let addr = config.listen;
        let failed = |source| StartError::Listen { addr, source };
        let prepared = Prepared::new(config)?;
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let router = prepared.sockets().merge(server::monitor(Arc::clone(&prepared.shared)));
        prepared.serve(listener, router).map_err(failed)
    }

    /// Where pages connect to, the port filled in.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no more connections, has pages look for another relay, tells trackers that it stops,
    /// and lets streams go on until they end or `limit` has passed.
    pub async fn drain(self, limit: Duration) {
        self.shared.draining.cancel();
        self.shared.hub.clear();
        self.shared.tasks.finish(limit).await;
    }
}

/// A relay that doesn't listen yet: another server may have its sockets among its own routes.
pub(crate) struct Prepared {
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
}

impl Prepared {
    /// # Errors
    /// The certificate is of no use.
    pub(crate) fn new(config: RelayConfig) -> Result<Self, StartError> {
        let tls = config.tls.as_ref().map(|(cert, key)| server::tls(cert, key)).transpose()?;
        Ok(Self { shared: Arc::new(Shared::new(config)), tls })
    }

    /// What its sockets share.
    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The routes of its sockets. They need the extensions that [`serve`](Self::serve) gives requests.
    pub(crate) fn sockets(&self) -> Router {
        server::sockets(Arc::clone(&self.shared))
    }

    /// Serves `router`. A request's extensions have the client's `IpAddr`.
    pub(crate) fn serve(self, listener: TcpListener, router: Router) -> io::Result<Relay> {
        let (addr, shared) = (listener.local_addr()?, self.shared);
        let accept = server::accept(listener, self.tls, Arc::clone(&shared), router);
        shared.tasks.spawn(accept);
        shared.tasks.spawn(tidy(Arc::clone(&shared)));
        Ok(Relay { addr, shared })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.tasks.cancel();
    }
}

async fn tidy(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TIDY_PERIOD) => {}
            () = shared.draining.cancelled() => return,
        }
        shared.budgets.tidy();
        shared.hub.tidy();
        if let Err(error) = shared.allow_list.reload() {
            tracing::warn!(%error, "the allow list stays as it was");
        }
    }
}
