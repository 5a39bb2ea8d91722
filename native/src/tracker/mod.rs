//! A tracker: tells the peers of a torrent about each other.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use gannet::tracker::{Tracker, TrackerConfig};
//!
//! let http = "127.0.0.1:0".parse().ok();
//! let tracker = Tracker::start(TrackerConfig { http, ..TrackerConfig::default() }).await?;
//! println!("{:?}", tracker.http_addr());
//! tracker.stop().await;
//! # Ok(())
//! # }
//! ```

mod http;
pub mod limits;
pub mod metrics;
mod store;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{net::TcpListener, task::JoinSet};

pub use limits::Limits;
pub use metrics::Counters;
pub use store::{
    Answer, Change, ChangeKind, Full, Journal, PeerView, Presence, Store, SwarmView, Totals,
};

/// How often peers are asked to announce themselves, unless told otherwise.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(30 * 60);
/// Peers are asked not to come back sooner than this, however long the interval is.
pub const MIN_INTERVAL: Duration = Duration::from_secs(30);
/// How late a peer may be before it is forgotten, beside an interval that it may miss.
pub const GRACE: Duration = Duration::from_secs(30);

/// The longest wait between two sweeps for silent peers.
const MAX_SWEEP_PERIOD: Duration = Duration::from_secs(60);

/// Where to listen, how often to be asked, and how much to take in.
#[derive(Debug, Clone)]
pub struct TrackerConfig {
    /// The TCP address of the HTTP side; port 0 for any that is free.
    pub http: Option<SocketAddr>,
    /// The address of the UDP side; port 0 for any that is free.
    pub udp: Option<SocketAddr>,
    /// How often peers shall announce themselves.
    pub interval: Duration,
    /// How much to take in.
    pub limits: Limits,
}

impl Default for TrackerConfig {
    /// Listens nowhere yet.
    fn default() -> Self {
        Self { http: None, udp: None, interval: DEFAULT_INTERVAL, limits: Limits::default() }
    }
}

/// A tracker that runs; ends when dropped.
#[derive(Debug)]
pub struct Tracker {
    http_addr: Option<SocketAddr>,
    store: Arc<Store>,
    counters: Arc<Counters>,
    tasks: JoinSet<()>,
}

impl Tracker {
    /// Listens and answers.
    ///
    /// # Errors
    /// If an address can't be listened at.
    pub async fn start(config: TrackerConfig) -> io::Result<Self> {
        let lifetime = config.interval.saturating_mul(2).saturating_add(GRACE);
        let store = Arc::new(Store::new(lifetime, &config.limits));
        let counters = Arc::new(Counters::default());
        let mut tasks = JoinSet::new();
        let mut http_addr = None;
        if let Some(addr) = config.http {
            let listener = TcpListener::bind(addr).await?;
            http_addr = Some(listener.local_addr()?);
            tasks.spawn(http::serve(listener, Arc::clone(&store), config.interval));
        }
        tasks.spawn(sweep(Arc::clone(&store), config.interval));
        Ok(Self { http_addr, store, counters, tasks })
    }

    /// The TCP address of the HTTP side, if there is one.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http_addr
    }

    /// The swarms.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// What is counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Ends it: no connection is left open.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn sweep(store: Arc<Store>, interval: Duration) {
    let period = (interval / 2).clamp(Duration::from_secs(1), MAX_SWEEP_PERIOD);
    loop {
        tokio::time::sleep(period).await;
        for shard in 0..store::SHARDS {
            store.sweep_shard(Instant::now(), shard);
            // Announces go first.
            tokio::task::yield_now().await;
        }
    }
}
